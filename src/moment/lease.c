/*
 * lease.c: one page of messages: locked, looked at again, handed over.
 *
 * One statement takes the shared lock of the subject's anchor and the message's
 * own, passing over what anybody else holds: who is just being changed, and
 * what another sender is taking. A later statement reads consent. A withdrawal
 * that committed before is therefore seen, and one that comes meanwhile waits.
 * So is what cancels a message (recall.c), though for the company's own tables
 * nobody waits. Leases are measured by the real clock, whatever persona's clock
 * says.
 *
 * What may go is leased and returned, what may not is closed and blanked.
 */
#include "moment/claim.h"
#include "moment/run.h"

#include "consent/consent.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

typedef MomentClaim Claim;

/* A message of the page that is locked now. */
typedef struct Locked
{
	ItemPointerData row;
	char	   *purpose;
} Locked;

/* ---- the locks ---- */

/* A message of a moment that is paused stays where it is. */
static char *
LockSql(const Claim *c)
{
	return psprintf("SELECT m.ctid AS row, m.ready_at::pg_catalog.timestamptz, m.message::pg_catalog.uuid, m.purpose::pg_catalog.text"
					" FROM %s m JOIN %s a ON a.subject = m.subject"
					" WHERE m.channel = $1 AND m.done_at IS NULL AND m.ready_at <= persona.now()"
					" AND (m.leased_until IS NULL OR m.leased_until < pg_catalog.clock_timestamp())"
					" AND (m.ready_at, m.message) > ($3, $4)"
					" AND m.moment = ANY ($5::pg_catalog.text[])"
					" ORDER BY m.ready_at, m.message LIMIT $2"
					" FOR SHARE OF a SKIP LOCKED FOR UPDATE OF m SKIP LOCKED",
					SpaceTable(c->space, "message"),
					SpaceTable(c->space, "anchor"));
}

/* Where the next page begins: after the last of this one. */
static void
MoveOn(Claim *c, TimestampTz ready, const pg_uuid_t *message)
{
	if (ready < c->last_ready ||
		(ready == c->last_ready && memcmp(message, &c->last_message, UUID_LEN) < 0))
		return;
	c->last_ready = ready;
	c->last_message = *message;
}

/* The next messages that are ready and nobody else's; List of Locked *. */
static List *
LockPage(Claim *c, const char *live)
{
	int64		began = MomentCpuTime();
	bool		is_whole = c->last_ready == DT_NOBEGIN;
	PersonaArgs args = {0};
	List	   *page = NIL;
	uint64		n;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(c->channel), false);
	PersonaArg(&args, INT4OID, Int32GetDatum(c->wanted - c->claimed), false);
	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(c->last_ready),
			   false);
	PersonaArg(&args, UUIDOID, UUIDPGetDatum(&c->last_message), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(live), false);
	n = PersonaExecuteKept(LockSql(c), &args, false);
	for (uint64 i = 0; i < n; i++)
	{
		Datum		values[4];
		bool		nulls[4];
		Locked	   *one = palloc(sizeof(Locked));

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
						  values, nulls);
		one->row = *(ItemPointer) DatumGetPointer(values[0]);
		one->purpose = TextDatumGetCString(values[3]);
		if (i == 0 && c->claimed == 0)
			MomentMoveHead(c, DatumGetTimestampTz(values[1]));
		MoveOn(c, DatumGetTimestampTz(values[1]), DatumGetUUIDP(values[2]));
		page = lappend(page, one);
	}
	if (is_whole)
		MomentNoteLook(c, MomentCpuTime() - began, n);
	return page;
}

/* ---- the second look ---- */

/*
 * What becomes of a message. One that was handed over before and never
 * acknowledged may have been sent: it is closed as unconfirmed, never as
 * cancelled. One whose acknowledgement came after its lease was lost has been
 * sent. OFFSET 0 keeps the refusal from being found out twice.
 */
static char *
LookSql(const Claim *c, const MomentPurpose *purpose)
{
	return psprintf("SELECT m.message, m.decision, m.subject::pg_catalog.text, m.moment, m.variant, m.address,"
					" m.subject_line, m.body, m.headers, m.attempt + 1, m.message::pg_catalog.text,"
					" m.transactional::pg_catalog.bool, m.ctid, r.refusal, CASE WHEN m.sent_at IS NOT NULL THEN 'sent'"
					"  WHEN r.refusal IS NULL THEN 'claimed'"
					"  WHEN m.attempt > 0 THEN 'unconfirmed' ELSE 'cancelled' END"
					" FROM %s m LEFT JOIN LATERAL %s k ON true"
					" CROSS JOIN LATERAL (SELECT coalesce(%s, %s, CASE WHEN m.attempt >= persona.most_attempts()"
					"  THEN 'lease_lost' END) AS refusal OFFSET 0) r"
					" WHERE m.ctid = ANY ($1) ORDER BY m.ready_at, m.message",
					SpaceTable(c->space, "message"),
					ConsentLateral(c->space, "m.subject", purpose->purpose,
								   purpose->basis, "m.channel",
								   "persona.now()"),
					c->cancelled ? "CASE WHEN m.ctid IN (SELECT pg_catalog.unnest($2)) THEN 'cancelled' END" : "NULL",
					MomentRefusal(c->space));
}

/* Columns of that; those from TRANSACTIONAL on are not for the sender. */
enum
{
	SUBJECT = 2, HEADERS = 8, TRANSACTIONAL = 11, ROW, REFUSAL, BECOMES, COLUMNS
};

/* What is written of a page: what is leased, and what is closed and how. */
typedef struct Outcome
{
	ItemPointerData *leased;
	int			nleased;
	PersonaRows *closed;
	int			nclosed;
} Outcome;

static const PersonaRowsColumn closed_columns[] = {
	{"row", TIDOID}, {"becomes", TEXTOID}, {"refusal", TEXTOID},
};

static void
Close(Outcome *outcome, const Datum *values, const bool *nulls)
{
	const Datum row[] = {values[ROW], values[BECOMES], values[REFUSAL]};
	const bool	row_nulls[] = {false, false, nulls[REFUSAL]};

	PersonaRowsPut(outcome->closed, row, row_nulls);
	outcome->nclosed++;
}

/*
 * Hands a message to the caller. Those a customer can say no to carry the
 * headers by which a mailbox offers that.
 */
static void
Return(Claim *c, const ConsentSigner *signer, Datum *values, bool *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) c->fcinfo->resultinfo;

	if (c->link != NULL && !DatumGetBool(values[TRANSACTIONAL]))
	{
		values[HEADERS] = MomentUnsubscribeHeaders(c->space, signer, c->channel, c->link,
												   TextDatumGetCString(values[SUBJECT]),
												   nulls[HEADERS] ? 0 : values[HEADERS]);
		nulls[HEADERS] = false;
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	c->claimed++;
}

static void
WriteLeases(const Claim *c, const Outcome *outcome)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TIDARRAYOID,
			   MomentTids(outcome->leased, outcome->nleased), false);
	PersonaArg(&args, INTERVALOID, IntervalPGetDatum(c->lease), false);
	PersonaExecuteKept(psprintf("UPDATE %s m SET state = 'claimed', reason = NULL, attempt = m.attempt + 1,"
								"  claimed_at = persona.now(), leased_until = pg_catalog.clock_timestamp() + $2"
								" WHERE m.ctid = ANY ($1)",
								SpaceTable(c->space, "message")),
					   &args, false);
}

static void
WriteClosures(const Claim *c, const Outcome *outcome)
{
	PersonaRowsExecute(outcome->closed,
					   psprintf("UPDATE %s m SET state = o.becomes,"
								"  reason = CASE WHEN o.becomes <> 'sent' THEN o.refusal END,"
								"  leased_until = NULL, done_at = persona.now(),"
								"  address = NULL, subject_line = NULL, body = NULL, headers = NULL"
								" FROM closed o WHERE m.ctid = o.row",
								SpaceTable(c->space, "message")), NULL);
}

/* ---- both together, for one purpose ---- */

/* Those of one purpose, or of all. */
static Datum
RowsOf(const char *purpose, List *page, int *n)
{
	ItemPointerData *rows = palloc(sizeof(ItemPointerData) * list_length(page));
	ListCell   *cell;

	*n = 0;
	foreach(cell, page)
	{
		Locked	   *one = lfirst(cell);

		if (purpose == NULL || strcmp(one->purpose, purpose) == 0)
			rows[(*n)++] = one->row;
	}
	return MomentTids(rows, *n);
}

/* Takes apart what was read of a page: some is handed over, the rest closed. */
static void
TakeApart(Claim *c, const SPITupleTable *found, Outcome *outcome)
{
	ConsentSigner signer;

	PersonaRefuseUnlike(((ReturnSetInfo *) c->fcinfo->resultinfo)->setDesc);
	if (c->link != NULL)
		ConsentSignerBegin(&signer, c->space);
	for (uint64 i = 0; i < found->numvals; i++)
	{
		Datum		values[COLUMNS];
		bool		nulls[COLUMNS];

		heap_deform_tuple(found->vals[i], found->tupdesc, values, nulls);
		if (strcmp(TextDatumGetCString(values[BECOMES]), "claimed") != 0)
			Close(outcome, values, nulls);
		else
		{
			outcome->leased[outcome->nleased++] =
				*(ItemPointer) DatumGetPointer(values[ROW]);
			Return(c, &signer, values, nulls);
		}
	}
}

static void
LeaseOf(Claim *c, const MomentPurpose *purpose, List *page)
{
	PersonaArgs args = {0};
	Outcome		outcome = {0};
	int			most;

	PersonaArg(&args, TIDARRAYOID, RowsOf(purpose->purpose, page, &most), false);
	if (most == 0)
		return;
	if (c->cancelled != 0)
		PersonaArg(&args, TIDARRAYOID, c->cancelled, false);
	PersonaExecuteKept(LookSql(c, purpose), &args, false);
	outcome.leased = palloc(sizeof(ItemPointerData) * most);
	outcome.closed = PersonaRowsBegin("closed", closed_columns,
									  lengthof(closed_columns), InvalidOid);
	TakeApart(c, SPI_tuptable, &outcome);
	if (outcome.nleased > 0)
		WriteLeases(c, &outcome);
	if (outcome.nclosed > 0)
		WriteClosures(c, &outcome);
	PersonaRowsEnd(outcome.closed);
}

bool
MomentLeasePage(MomentClaim *c, const char *live, List *purposes)
{
	List	   *page = LockPage(c, live);
	int			n;
	ListCell   *cell;

	if (page == NIL)
		return false;
	c->cancelled = c->cancellable ?
		MomentRecall(c->space, c->cancellable, RowsOf(NULL, page, &n)) : 0;
	foreach(cell, purposes)
	{
		LeaseOf(c, lfirst(cell), page);
	}
	return true;
}
