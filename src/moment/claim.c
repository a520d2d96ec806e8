/*
 * claim.c: handing messages to a sender.
 *
 * Anchors first: a claim takes the shared lock of each subject it hands over,
 * skipping those who are just being changed, and reads consent by a later
 * statement. A withdrawal that committed before is therefore seen, and one
 * that comes during the claim waits for it. Leases are measured by the real
 * clock, whatever persona's clock says.
 */
#include "moment/moment.h"

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
	Interval   *lease;
	int			wanted;
	int			claimed;
	Datum		rows;			/* tid[] of the present page */
	Datum		subjects;		/* K[] of their locked anchors */
	bool		paged;
	TimestampTz last_ready;		/* where the next page begins */
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
} Definitions;

static void
ReadDefinitions(void *arg)
{
	Definitions *definitions = arg;
	PersonaArgs args = {0};
	uint64		n;

	PersonaArg(&args, TEXTOID,
			   CStringGetTextDatum(definitions->claim->space->name), false);
	n = PersonaExecute("SELECT purpose, basis FROM persona.purpose WHERE space = $1 ORDER BY 1",
					   &args, true);
	for (uint64 i = 0; i < n; i++)
	{
		Purpose    *purpose = palloc(sizeof(Purpose));

		purpose->purpose = pstrdup(PersonaColumnText(i, "purpose"));
		purpose->basis = pstrdup(PersonaColumnText(i, "basis"));
		definitions->purposes = lappend(definitions->purposes, purpose);
	}
	PersonaExecute("SELECT ARRAY(SELECT moment FROM persona.moment"
				   " WHERE space = $1 AND state = 'live')::pg_catalog.text AS live",
				   &args, true);
	definitions->live = pstrdup(PersonaColumnText(0, "live"));
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
			   !c->paged);
	PersonaArg(&args, UUIDOID, UUIDPGetDatum(&c->last_message), !c->paged);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(live), false);
	PersonaExecute(psprintf("WITH locked AS MATERIALIZED (SELECT m.ctid, m.subject, m.ready_at, m.message"
							"  FROM %s m JOIN %s a ON a.subject = m.subject"
							"  WHERE m.channel = $1 AND m.done_at IS NULL AND m.ready_at <= persona.now()"
							"  AND (m.leased_until IS NULL OR m.leased_until < pg_catalog.clock_timestamp())"
							"  AND ($3 IS NULL OR (m.ready_at, m.message) > ($3, $4))"
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
	c->paged = true;
	return n;
}

/* Why a message may not go after all; NULL in SQL where it may. */
static char *
Refusal(const Claim *c, const Purpose *purpose)
{
	return psprintf("CASE WHEN m.expires_at <= persona.now() THEN 'expired'"
					" WHEN %s IS NOT NULL THEN 'suppressed'"
					" WHEN NOT m.transactional AND NOT coalesce(k.allowed, false) THEN k.reason"
					" WHEN pg_catalog.cardinality(%s) > 0 THEN 'data_preference' END",
					ConsentSuppressed(c->space, "m.subject", "m.channel",
									  "m.address"),
					ConsentRefusedCategories(c->space, "m.subject",
											 "m.categories"));
}

/*
 * Claims what may go and closes what may not, of one purpose. A message that
 * was handed over before and never acknowledged may have been sent: it is
 * closed as unconfirmed, never as cancelled.
 */
static uint64
ClaimPurpose(Claim *c, const Purpose *purpose)
{
	PersonaArgs args = {0};
	const char *table = SpaceTable(c->space, "message");

	PersonaArg(&args, TIDARRAYOID, c->rows, false);
	PersonaArg(&args, get_array_type(c->space->key.type), c->subjects, false);
	PersonaArg(&args, INTERVALOID, IntervalPGetDatum(c->lease), false);
	return PersonaExecute(psprintf("WITH open AS MATERIALIZED (SELECT m.ctid AS row, %s AS refusal"
								   "  FROM %s m LEFT JOIN LATERAL %s k ON true"
								   "  WHERE m.ctid = ANY ($1) AND m.subject = ANY ($2) AND m.purpose = %s"
								   "  AND m.done_at IS NULL"
								   "  AND (m.leased_until IS NULL OR m.leased_until < pg_catalog.clock_timestamp())"
								   "  FOR UPDATE OF m SKIP LOCKED),"
								   " taken AS (UPDATE %s m SET"
								   "  state = CASE WHEN o.refusal IS NULL THEN 'claimed'"
								   "   WHEN m.attempt > 0 THEN 'unconfirmed' ELSE 'cancelled' END,"
								   "  reason = o.refusal,"
								   "  attempt = m.attempt + CASE WHEN o.refusal IS NULL THEN 1 ELSE 0 END,"
								   "  claimed_at = CASE WHEN o.refusal IS NULL THEN persona.now() ELSE m.claimed_at END,"
								   "  leased_until = CASE WHEN o.refusal IS NULL THEN pg_catalog.clock_timestamp() + $3 END,"
								   "  done_at = CASE WHEN o.refusal IS NOT NULL THEN persona.now() END,"
								   "  subject_line = CASE WHEN o.refusal IS NULL THEN m.subject_line END,"
								   "  body = CASE WHEN o.refusal IS NULL THEN m.body END"
								   "  FROM open o WHERE m.ctid = o.row RETURNING m.*)"
								   " SELECT message, decision, subject::pg_catalog.text AS subject, moment, variant, address,"
								   "  subject_line, body, headers, attempt, message::pg_catalog.text AS idempotency_key"
								   " FROM taken WHERE state = 'claimed' ORDER BY ready_at, message",
								   Refusal(c, purpose), table,
								   ConsentLateral(c->space, "m.subject",
												  purpose->purpose,
												  purpose->basis, "m.channel",
												  "persona.now()"),
								   PersonaLiteral(purpose->purpose), table),
						  &args, false);
}

/* Hands the claimed rows to the caller. */
static void
Return(Claim *c, uint64 n)
{
	ReturnSetInfo *result = (ReturnSetInfo *) c->fcinfo->resultinfo;

	for (uint64 i = 0; i < n; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	c->claimed += n;
}

static void
ClaimPages(Claim *c)
{
	Definitions definitions = {.claim = c};
	ListCell   *cell;

	SpaceWithDefinitions(ReadDefinitions, &definitions);
	while (c->claimed < c->wanted && LockPage(c, definitions.live) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		foreach(cell, definitions.purposes)
		{
			Return(c, ClaimPurpose(c, lfirst(cell)));
		}
	}
}

/* ---- what a sender who gets nothing should know ---- */

static void
ExplainNothing(const Claim *c)
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

static void
RefuseChannel(const Space *space, const char *channel)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(channel), false);
	if (PersonaExecute("SELECT FROM persona.channel WHERE space = $1 AND channel = $2",
					   &args, true) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("channel \"%s\" does not exist in space \"%s\"",
						channel, space->name),
				 errhint("Define it with persona.define_channel('%s', ...).",
						 channel)));
}

PG_FUNCTION_INFO_V1(persona_claim);

/* persona.claim(channel, n, lease, space): up to n messages, now leased. */
Datum
persona_claim(PG_FUNCTION_ARGS)
{
	Claim		claim = {.fcinfo = fcinfo};

	RefuseSnapshot();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("claim() needs a channel and a number of messages")));
	claim.wanted = PG_GETARG_INT32(1);
	if (claim.wanted < 1 || claim.wanted > CLAIM_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a claim takes 1 to %d messages, not %d", CLAIM_MOST,
						claim.wanted)));
	claim.channel = text_to_cstring(PG_GETARG_TEXT_PP(0));
	claim.lease = PG_ARGISNULL(2) ?
		DatumGetIntervalP(DirectFunctionCall3(interval_in,
											  CStringGetDatum("5 min"), 0, -1)) :
		PG_GETARG_INTERVAL_P(2);
	InitMaterializedSRF(fcinfo, 0);
	claim.space = SpaceGet(PG_ARGISNULL(3) ? NULL :
						   text_to_cstring(PG_GETARG_TEXT_PP(3)));
	if (!persona_enabled)
	{
		ereport(NOTICE, (errmsg("persona.enabled is off: nothing is handed over")));
		return (Datum) 0;
	}
	if (PersonaClockIsMoved())
		ereport(NOTICE, (errmsg("persona's clock stands at %s",
								timestamptz_to_str(PersonaNow()))));
	SPI_connect();
	RefuseChannel(claim.space, claim.channel);
	ClaimPages(&claim);
	if (claim.claimed == 0)
		ExplainNothing(&claim);
	SPI_finish();
	return (Datum) 0;
}
