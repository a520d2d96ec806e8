/*
 * claim.c: handing messages to a sender.
 *
 * Anchors first: a claim takes the shared lock of each subject it hands over,
 * skipping those who are just being changed, and reads consent by a later
 * statement. A withdrawal that committed before is therefore seen, and one
 * that comes during the claim waits for it. So is what cancels a message
 * (recall.c), though for the company's own tables nobody waits. Leases are
 * measured by the real clock, whatever persona's clock says.
 *
 * A message is handed out at least once, and once a lease. One whose lease was
 * lost comes again with its next attempt and the same key, up to a stated
 * number of attempts.
 */
#include "moment/outbox.h"

#include "consent/consent.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* How many candidates are looked at for each message that is still wanted. */
#define CLAIM_MOST 10000

typedef struct Claim
{
	const Space *space;
	char	   *channel;
	char	   *link;			/* the base of its links if that is https */
	Interval   *lease;
	int			wanted;
	int			claimed;
	Datum		rows;			/* tid[] of the present page */
	Datum		subjects;		/* K[] of their locked anchors */
	Datum		cancelled;		/* tid[] of those that were; 0: none */
	TimestampTz last_ready;		/* after which the next page begins */
	pg_uuid_t	last_message;
	FunctionCallInfo fcinfo;
} Claim;

/* A purpose that messages may have, with its basis. */
typedef struct Purpose
{
	char	   *purpose;
	char	   *basis;
} Purpose;

/* What is read of the definitions. */
typedef struct Definitions
{
	const Claim *claim;
	List	   *purposes;		/* of Purpose * */
	char	   *live;			/* the live moments, as an array literal */
	char	   *cancellable;	/* those that something may cancel; or NULL */
	char	   *bound;			/* the database that the outbox sends from */
} Definitions;

static void
ReadDefinitions(void *arg)
{
	Definitions *definitions = arg;
	PersonaArgs args = {0};
	uint64		n;

	PersonaArg(&args, TEXTOID,
			   CStringGetTextDatum(definitions->claim->space->name), false);
	n = PersonaExecuteKept("SELECT purpose, basis FROM persona.purpose WHERE space = $1 ORDER BY 1",
						   &args, true);
	for (uint64 i = 0; i < n; i++)
	{
		Purpose    *purpose = palloc(sizeof(Purpose));

		purpose->purpose = pstrdup(PersonaColumnText(i, "purpose"));
		purpose->basis = pstrdup(PersonaColumnText(i, "basis"));
		definitions->purposes = lappend(definitions->purposes, purpose);
	}
	PersonaExecuteKept("SELECT ARRAY(SELECT moment FROM persona.moment"
					   "  WHERE space = $1 AND state = 'live')::pg_catalog.text AS live,"
					   " (SELECT pg_catalog.array_agg(moment)::pg_catalog.text FROM persona.moment"
					   "  WHERE space = $1 AND state = 'live'"
					   "  AND (cancel_rule IS NOT NULL OR after_moment IS NOT NULL)) AS cancellable,"
					   " (SELECT outbox FROM persona.outbox WHERE space = $1) AS bound",
					   &args, true);
	definitions->live = pstrdup(PersonaColumnText(0, "live"));
	definitions->cancellable = PersonaColumnText(0, "cancellable");
	definitions->bound = PersonaColumnText(0, "bound");
}

/* ---- one page: lock, then look again ---- */

/*
 * Locks the anchors of the next candidates. A message of a moment that is
 * paused stays where it is.
 */
static int
LockPage(Claim *c, const char *live)
{
	PersonaArgs args = {0};
	bool		isnull;
	int			n;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(c->channel), false);
	PersonaArg(&args, INT4OID, Int32GetDatum(c->wanted - c->claimed), false);
	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(c->last_ready),
			   false);
	PersonaArg(&args, UUIDOID, UUIDPGetDatum(&c->last_message), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(live), false);
	PersonaExecuteKept(psprintf("WITH locked AS MATERIALIZED (SELECT m.ctid, m.subject, m.ready_at, m.message"
								"  FROM %s m JOIN %s a ON a.subject = m.subject"
								"  WHERE m.channel = $1 AND m.done_at IS NULL AND m.ready_at <= persona.now()"
								"  AND (m.leased_until IS NULL OR m.leased_until < pg_catalog.clock_timestamp())"
								"  AND (m.ready_at, m.message) > ($3, $4)"
								"  AND m.moment = ANY ($5::pg_catalog.text[])"
								"  ORDER BY m.ready_at, m.message LIMIT $2 FOR SHARE OF a SKIP LOCKED)"
								" SELECT pg_catalog.count(*)::pg_catalog.int4 AS n, pg_catalog.array_agg(ctid) AS rows,"
								"  pg_catalog.array_agg(subject) AS subjects,"
								"  (pg_catalog.array_agg(ready_at ORDER BY ready_at DESC, message DESC))[1] AS last_ready,"
								"  (pg_catalog.array_agg(message ORDER BY ready_at DESC, message DESC))[1] AS last_message"
								" FROM locked",
								SpaceTable(c->space, "message"),
								SpaceTable(c->space, "anchor")),
					   &args, false);
	n = DatumGetInt32(PersonaColumn(0, "n", &isnull));
	if (n == 0)
		return 0;
	c->rows = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(0, "rows", &isnull)));
	c->subjects = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(0, "subjects", &isnull)));
	c->last_ready = DatumGetTimestampTz(PersonaColumn(0, "last_ready", &isnull));
	c->last_message = *DatumGetUUIDP(PersonaColumn(0, "last_message", &isnull));
	return n;
}

/*
 * What becomes of the open messages of a page: claimed, or closed. One that
 * was handed over before and never acknowledged may have been sent: it is
 * closed as unconfirmed, never as cancelled. One whose acknowledgement came
 * after its lease was lost has been sent. OFFSET 0 keeps the refusal from being
 * found out twice.
 */
static char *
Open(const Claim *c, const Purpose *purpose)
{
	return psprintf("SELECT m.ctid AS row, r.refusal, CASE WHEN m.sent_at IS NOT NULL THEN 'sent'"
					"   WHEN r.refusal IS NULL THEN 'claimed'"
					"   WHEN m.attempt > 0 THEN 'unconfirmed' ELSE 'cancelled' END AS becomes"
					"  FROM %s m LEFT JOIN LATERAL %s k ON true"
					"  CROSS JOIN LATERAL (SELECT coalesce(%s, %s, CASE WHEN m.attempt >= persona.most_attempts()"
					"   THEN 'lease_lost' END) AS refusal OFFSET 0) r"
					"  WHERE m.ctid = ANY ($1) AND %s AND m.purpose = %s"
					"  AND m.done_at IS NULL"
					"  AND (m.leased_until IS NULL OR m.leased_until < pg_catalog.clock_timestamp())"
					"  FOR UPDATE OF m SKIP LOCKED",
					SpaceTable(c->space, "message"),
					ConsentLateral(c->space, "m.subject", purpose->purpose,
								   purpose->basis, "m.channel",
								   "persona.now()"),
					c->cancelled ? "CASE WHEN m.ctid IN (SELECT pg_catalog.unnest($4)) THEN 'cancelled' END" : "NULL",
					MomentRefusal(c->space), MomentIsLocked("m.subject"),
					PersonaLiteral(purpose->purpose));
}

/* Claims what may go of one purpose, closes and blanks what may not. */
static uint64
ClaimPurpose(Claim *c, const Purpose *purpose)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TIDARRAYOID, c->rows, false);
	PersonaArg(&args, get_array_type(c->space->key.type), c->subjects, false);
	PersonaArg(&args, INTERVALOID, IntervalPGetDatum(c->lease), false);
	if (c->cancelled != 0)
		PersonaArg(&args, TIDARRAYOID, c->cancelled, false);
	return PersonaExecuteKept(psprintf("WITH open AS MATERIALIZED (%s),"
									   " taken AS (UPDATE %s m SET state = 'claimed', reason = NULL,"
									   "  attempt = m.attempt + 1, claimed_at = persona.now(),"
									   "  leased_until = pg_catalog.clock_timestamp() + $3"
									   "  FROM open o WHERE m.ctid = o.row AND o.becomes = 'claimed' RETURNING m.*),"
									   " closed AS (UPDATE %s m SET state = o.becomes,"
									   "  reason = CASE WHEN o.becomes <> 'sent' THEN o.refusal END,"
									   "  leased_until = NULL, done_at = persona.now(),"
									   "  address = NULL, subject_line = NULL, body = NULL, headers = NULL"
									   "  FROM open o WHERE m.ctid = o.row AND o.becomes <> 'claimed')"
									   " SELECT message, decision, subject::pg_catalog.text AS subject, moment, variant, address,"
									   "  subject_line, body, headers, attempt, message::pg_catalog.text AS idempotency_key, transactional"
									   " FROM taken ORDER BY ready_at, message",
									   Open(c, purpose),
									   SpaceTable(c->space, "message"),
									   SpaceTable(c->space, "message")),
							  &args, false);
}

/* Columns of what ClaimPurpose returns; the last is not for the sender. */
enum
{
	SUBJECT = 2, HEADERS = 8, TRANSACTIONAL = 11, COLUMNS
};

/*
 * Hands the claimed rows to the caller. Those a customer can say no to carry
 * the headers by which a mailbox offers that.
 */
static void
Return(Claim *c, uint64 n)
{
	ReturnSetInfo *result = (ReturnSetInfo *) c->fcinfo->resultinfo;
	SPITupleTable *claimed = SPI_tuptable;

	PersonaRefuseUnlike(result->setDesc);
	for (uint64 i = 0; i < n; i++)
	{
		Datum		values[COLUMNS];
		bool		nulls[COLUMNS];

		heap_deform_tuple(claimed->vals[i], claimed->tupdesc, values, nulls);
		if (c->link != NULL && !DatumGetBool(values[TRANSACTIONAL]))
		{
			values[HEADERS] = MomentUnsubscribeHeaders(c->space, c->channel, c->link,
													   TextDatumGetCString(values[SUBJECT]),
													   nulls[HEADERS] ? 0 : values[HEADERS]);
			nulls[HEADERS] = false;
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	c->claimed += n;
}

/* Page after page, until enough is claimed or nothing more is ready. */
static void
ClaimPages(Claim *c, const Definitions *definitions)
{
	ListCell   *cell;

	while (c->claimed < c->wanted && LockPage(c, definitions->live) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (definitions->cancellable != NULL)
			c->cancelled = MomentRecall(c->space, definitions->cancellable,
										c->rows, c->subjects);
		foreach(cell, definitions->purposes)
		{
			Return(c, ClaimPurpose(c, lfirst(cell)));
		}
	}
}

/* ---- what a sender who gets nothing should know ---- */

/* What waits to be decided: perhaps nobody calls run(). */
static void
ExplainUndecided(const Claim *c)
{
	bool		isnull;
	int64		waiting;

	PersonaExecute(psprintf("SELECT (SELECT pg_catalog.count(*) FROM %s)"
							" + (SELECT pg_catalog.count(*) FROM %s WHERE due <= persona.now()) AS waiting",
							SpaceTable(c->space, "inbox"),
							SpaceTable(c->space, "schedule")), NULL, true);
	waiting = DatumGetInt64(PersonaColumn(0, "waiting", &isnull));
	if (waiting > 0)
		ereport(NOTICE,
				(errmsg("no message is ready, but " INT64_FORMAT " events and due rows wait to be decided",
						waiting),
				 errhint("CALL persona.run(); and let pg_cron call it each minute.")));
}

/* What is ready and held back: its moment is paused. */
static void
ExplainPaused(const Claim *c, const char *live)
{
	PersonaArgs args = {0};
	uint64		n;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(c->channel), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(live), false);
	n = PersonaExecute(psprintf("SELECT moment, pg_catalog.count(*)::pg_catalog.text AS n FROM %s"
								" WHERE channel = $1 AND done_at IS NULL AND moment <> ALL ($2::pg_catalog.text[])"
								" GROUP BY moment ORDER BY moment",
								SpaceTable(c->space, "message")), &args, true);
	for (uint64 i = 0; i < n; i++)
		ereport(NOTICE,
				(errmsg("moment \"%s\" is not live: %s messages of it wait",
						PersonaColumnText(i, "moment"),
						PersonaColumnText(i, "n")),
				 errhint("SELECT persona.resume('%s', held => 'send') lets them go.",
						 PersonaColumnText(i, "moment"))));
}

/* ---- what must hold before anything is claimed ---- */

static void
RefuseSnapshot(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("claim() needs isolation level READ COMMITTED"),
				 errdetail("It must see consents that were withdrawn while it waited."),
				 errhint("BEGIN ISOLATION LEVEL READ COMMITTED.")));
}

pg_noreturn static void
RefuseChannel(const Claim *c)
{
	PersonaArgs args = {0};
	List	   *known = NIL;
	const char *near;
	uint64		n;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(c->space->name), false);
	n = PersonaExecute("SELECT channel FROM persona.channel WHERE space = $1 ORDER BY 1",
					   &args, true);
	for (uint64 i = 0; i < n; i++)
		known = lappend(known, PersonaColumnText(i, "channel"));
	near = PersonaSuggest(c->channel, known);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("channel \"%s\" does not exist in space \"%s\"",
					c->channel, c->space->name),
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Define it with persona.define_channel('%s', ...).",
					 c->channel)));
}

static void
FindChannel(Claim *c)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(c->space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(c->channel), false);
	if (PersonaExecuteKept("SELECT link FROM persona.channel WHERE space = $1 AND channel = $2",
						   &args, true) == 0)
		RefuseChannel(c);
	c->link = PersonaColumnText(0, "link");
	/* RFC 8058 asks for https; with any other link there are no headers. */
	if (c->link != NULL && pg_strncasecmp(c->link, "https://", 8) != 0)
		c->link = NULL;
}

/* A channel, a number, a lease; errors say what is wrong with them. */
static void
ReadArguments(Claim *c)
{
	FunctionCallInfo fcinfo = c->fcinfo;
	const Interval zero = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("claim() needs a channel and a number of messages")));
	c->channel = text_to_cstring(PG_GETARG_TEXT_PP(0));
	c->wanted = PG_GETARG_INT32(1);
	if (c->wanted < 1 || c->wanted > CLAIM_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a claim takes 1 to %d messages, not %d", CLAIM_MOST,
						c->wanted)));
	c->lease = PG_ARGISNULL(2) ?
		DatumGetIntervalP(DirectFunctionCall3(interval_in,
											  CStringGetDatum("5 min"), 0, -1)) :
		PG_GETARG_INTERVAL_P(2);
	if (DatumGetBool(DirectFunctionCall2(interval_le,
										 IntervalPGetDatum(c->lease),
										 IntervalPGetDatum(&zero))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a lease must be longer than nothing"),
				 errhint("Pass what a sender needs for one batch and some more, such as lease => '5 min'.")));
}

/*
 * The space that is meant, as the caller may see it: that of another brand
 * does not exist, whatever it holds.
 */
static Space *
VisibleSpace(FunctionCallInfo fcinfo)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, PG_GETARG_DATUM(3), PG_ARGISNULL(3));
	PersonaExecuteKept("SELECT space FROM persona.resolve_space($1)", &args, true);
	return SpaceGet(PersonaColumnText(0, "space"));
}

PG_FUNCTION_INFO_V1(persona_claim);

/* persona.claim(channel, n, lease, space): up to n messages, now leased. */
Datum
persona_claim(PG_FUNCTION_ARGS)
{
	Claim		claim = {.fcinfo = fcinfo, .last_ready = DT_NOBEGIN};
	Definitions definitions = {.claim = &claim};
	PersonaAct	act;

	MomentRefuseStandby("claim()");
	RefuseSnapshot();
	ReadArguments(&claim);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	claim.space = VisibleSpace(fcinfo);
	FindChannel(&claim);
	if (!persona_enabled)
	{
		ereport(NOTICE, (errmsg("persona.enabled is off: nothing is handed over")));
		SPI_finish();
		return (Datum) 0;
	}
	if (PersonaClockIsMoved())
		ereport(NOTICE, (errmsg("persona's clock stands at %s",
								timestamptz_to_str(PersonaNow()))));
	SpaceWithDefinitions(ReadDefinitions, &definitions);
	MomentRefuseCopy(claim.space, definitions.bound);
	PersonaActBegin(&act, claim.space->owner);
	ClaimPages(&claim, &definitions);
	if (claim.claimed == 0)
	{
		ExplainUndecided(&claim);
		ExplainPaused(&claim, definitions.live);
	}
	PersonaActEnd(&act);
	SPI_finish();
	return (Datum) 0;
}
