/*
 * claim.c: what a sender asks for, and what it should know where there is
 * nothing.
 *
 * A message is handed out at least once, and once a lease. One whose lease was
 * lost comes again with its next attempt and the same key, up to a stated
 * number of attempts. How that is done is in lease.c.
 */
#include "moment/claim.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

typedef MomentClaim Claim;
typedef MomentPurpose Purpose;

/* The most messages that one call hands over. */
#define CLAIM_MOST 10000

/* What is read of the definitions. */
typedef struct Definitions
{
	const Claim *claim;
	List	   *purposes;		/* of MomentPurpose * */
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

/* What is ready from then on, until there is enough. */
static void
LeaseFrom(Claim *c, const Definitions *definitions, TimestampTz ready)
{
	c->last_ready = ready;
	memset(&c->last_message, 0, sizeof(c->last_message));
	while (c->claimed < c->wanted &&
		   MomentLeasePage(c, definitions->live, definitions->purposes))
		CHECK_FOR_INTERRUPTS();
}

static void
Lease(Claim *c, const Definitions *definitions)
{
	TimestampTz head = MomentHead(c);

	LeaseFrom(c, definitions, head);
	if (c->claimed < c->wanted && head != DT_NOBEGIN && MomentMayLook(c))
		LeaseFrom(c, definitions, DT_NOBEGIN);
}

PG_FUNCTION_INFO_V1(persona_claim);

/* persona.claim(channel, n, lease, space): up to n messages, now leased. */
Datum
persona_claim(PG_FUNCTION_ARGS)
{
	Claim		claim = {.fcinfo = fcinfo};
	Definitions definitions = {.claim = &claim};
	PersonaAct	act;

	MomentRefuseStandby("claim()");
	RefuseSnapshot();
	ReadArguments(&claim);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	claim.space = VisibleSpace(fcinfo);
	SpaceRefuseOutsider(claim.space);
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
	claim.cancellable = definitions.cancellable;
	PersonaActBegin(&act, claim.space->owner);
	Lease(&claim, &definitions);
	if (claim.claimed == 0)
	{
		ExplainUndecided(&claim);
		ExplainPaused(&claim, definitions.live);
	}
	PersonaActEnd(&act);
	SPI_finish();
	return (Datum) 0;
}
