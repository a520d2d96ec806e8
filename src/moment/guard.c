/*
 * guard.c: what is held until a person has looked.
 *
 * A table that is loaded anew, a rule that suddenly fits everybody, a message
 * that causes the event that starts it: none of these must write to everybody.
 * Three things make the guard hold a moment. A spike: far more is due at once,
 * counting what was decided within the hour, than the moment has on a usual
 * day. A loop: a subject gets it again and again, each time for an event in
 * the wake of a message. And errors: row after row that cannot be decided.
 * The other moments go on; resume() sends or drops what was held.
 */
#include "moment/run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* So often within a day a subject may get one moment before it is looked at. */
#define GUARD_ROUNDS 10

/* Rows that may fail within an hour, and the share of all of them. */
#define GUARD_FAILURES 100
#define GUARD_FAILED_SHARE 0.1

/* ---- holding ---- */

typedef struct Hold
{
	const Space *space;
	const char *moment;
	char	   *released;		/* since when it is at work, as SQL */
} Hold;

static void
MarkHeld(void *arg)
{
	const Hold *hold = arg;
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(hold->space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(hold->moment), false);
	PersonaExecute("UPDATE persona.moment SET held_at = persona.now()"
				   " WHERE space = $1 AND moment = $2", &args, false);
}

/* Marks it as held, for the reason `why`, which the view alert shows. */
static void
HoldMoment(Hold *hold, const char *thing, const char *why, int64 n)
{
	PersonaArgs args = {0};

	SpaceWithDefinitions(MarkHeld, hold);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(thing), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(why), false);
	PersonaArg(&args, INT8OID, Int64GetDatum(n), false);
	PersonaExecute(psprintf("INSERT INTO %s VALUES (pg_catalog.clock_timestamp(), 'guard', $1, $2, $3)",
							SpaceTable(hold->space, "incident")), &args, false);
}

static int
HeldHint(const char *moment)
{
	return errhint("Look at what started them; then SELECT persona.resume('%s') drops them, resume('%s', held => 'send') sends them.",
				   moment, moment);
}

/* ---- since when ---- */

static void
ReadReleased(void *arg)
{
	Hold	   *hold = arg;
	PersonaArgs args = {0};
	const char *at = NULL;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(hold->space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(hold->moment), false);
	if (PersonaExecute("SELECT released_at::text AS at FROM persona.moment"
					   " WHERE space = $1 AND moment = $2", &args, true) > 0)
		at = PersonaColumnText(0, "at");
	hold->released = psprintf("%s::pg_catalog.timestamptz",
							  PersonaLiteral(at ? at : "-infinity"));
}

/* What a person has let go before is no reason to hold it again. */
static Hold
HoldBegin(const Space *space, const char *moment)
{
	Hold		hold = {space, moment};

	SpaceWithDefinitions(ReadReleased, &hold);
	return hold;
}

/* ---- spikes ---- */

/*
 * How many are due at once, and with what was decided within the hour how many
 * that makes; and how many it may be. A young moment may take a tenth of the
 * subjects, an older one three times its median day, counted from when it
 * began to decide. The dear parts are read only where the cheap ones call for
 * it.
 */
static const char *const spike_sql =
"SELECT n.due, n.hour, CASE WHEN n.due = 0 OR n.due + n.hour <= 100 THEN 100"
" WHEN coalesce((SELECT pg_catalog.min(f.at) FROM %3$s f WHERE f.moment = $1), persona.now())"
"   > persona.now() - '14 days'::pg_catalog.interval"
"  THEN CASE WHEN n.due + n.hour <= 1000 THEN 1000"
"   ELSE GREATEST(1000, 0.1 * (SELECT pg_catalog.count(*) FROM %2$s)) END"
" ELSE GREATEST(100, 3 * (SELECT pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY d.n)"
"   FROM (SELECT pg_catalog.count(x.decision) AS n FROM pg_catalog.generate_series(0, LEAST(27,"
"     (SELECT persona.now()::pg_catalog.date - pg_catalog.min(f.at)::pg_catalog.date FROM %3$s f WHERE f.moment = $1))) day"
"    LEFT JOIN %3$s x ON x.moment = $1"
"    AND x.at <= persona.now() - day * '1 day'::pg_catalog.interval"
"    AND x.at > persona.now() - (day + 1) * '1 day'::pg_catalog.interval GROUP BY day) d)) END::pg_catalog.float8 AS most"
" FROM (SELECT (SELECT pg_catalog.count(*) FROM %1$s q WHERE q.moment = $1 AND q.due <= persona.now() AND q.due > %4$s) AS due,"
"  (SELECT pg_catalog.count(*) FROM %3$s x WHERE x.moment = $1 AND x.at > %4$s"
"   AND x.at > persona.now() - '1 hour'::pg_catalog.interval) AS hour) n";

/* Whether it was held: for what is due, and what went within the hour. */
static bool
HoldAbove(Hold *hold, const char *why, int64 due, int64 hour, double most)
{
	if (due == 0 || due + hour <= most)
		return false;
	HoldMoment(hold, hold->moment, why, due + hour);
	ereport(WARNING,
			(errmsg("moment \"%s\" is held: " INT64_FORMAT " messages are due at once, more than %.0f",
					hold->moment, due, most),
			 hour == 0 ? 0 :
			 errdetail("Within the hour there were " INT64_FORMAT " already.", hour),
			 HeldHint(hold->moment)));
	return true;
}

/* What was sent within the hour in a policy's scope, by whatever moment. */
static int64
SentInScope(const Hold *hold, const MomentRate *rate)
{
	bool		isnull;

	PersonaExecute(psprintf("SELECT pg_catalog.count(*) AS n FROM %s x WHERE x.outcome = 'send'"
							" AND x.at > persona.now() - '1 hour'::pg_catalog.interval"
							" AND x.at > %s%s",
							SpaceTable(hold->space, "decision"), hold->released,
							MomentInScope(rate->channel, rate->purpose)),
				   NULL, true);
	return DatumGetInt64(PersonaColumn(0, "n", &isnull));
}

bool
MomentHoldSpike(const Space *space, const char *name)
{
	Hold		hold = HoldBegin(space, name);
	PersonaArgs args = {0};
	bool		isnull;
	int64		due;
	int64		hour;
	double		most;
	ListCell   *cell;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(name), false);
	PersonaExecute(psprintf(spike_sql, SpaceTable(space, "schedule"),
							PersonaRelationName(space->relid),
							SpaceTable(space, "decision"), hold.released),
				   &args, true);
	due = DatumGetInt64(PersonaColumn(0, "due", &isnull));
	hour = DatumGetInt64(PersonaColumn(0, "hour", &isnull));
	most = DatumGetFloat8(PersonaColumn(0, "most", &isnull));
	if (HoldAbove(&hold, "spike", due, hour, most))
		return true;
	if (due == 0)
		return false;
	foreach(cell, MomentLoad(space, name)->rates)
	{
		const MomentRate *rate = lfirst(cell);

		if (HoldAbove(&hold, "max_per_hour", due, SentInScope(&hold, rate),
					  rate->most))
			return true;
	}
	return false;
}

/* ---- loops ---- */

/* Those whom a moment reached so often within a day that it is looked at. */
static List *
Frequent(List *cases)
{
	List	   *subjects = NIL;
	ListCell   *cell;

	foreach(cell, cases)
	{
		MomentCase *one = lfirst(cell);

		if (one->rounds >= GUARD_ROUNDS)
			subjects = lappend(subjects, one->subject);
	}
	return subjects;
}

/*
 * In how many transactions a subject got the moment for an event that came
 * within five minutes after a message, and of which moment that mostly was:
 * the latest one written before. Events that came together, or long after a
 * message, are no rounds.
 */
static const char *const loop_sql =
"SELECT pg_catalog.mode() WITHIN GROUP (ORDER BY p.moment) AS moment,"
"  pg_catalog.count(DISTINCT d.xmin::pg_catalog.text) AS rounds"
" FROM (SELECT DISTINCT u.subject::%2$s FROM pg_catalog.unnest($1) u(subject)) s"
" JOIN %1$s d ON d.subject = s.subject AND d.moment = $2 AND d.outcome IN ('send', 'holdout')"
"  AND d.at > persona.now() - '1 day'::pg_catalog.interval AND d.at > %3$s"
" CROSS JOIN LATERAL (SELECT x.moment FROM %1$s x WHERE x.subject = d.subject AND x.outcome = 'send'"
"  AND x.at <= d.started_at AND x.at > d.started_at - '5 minutes'::pg_catalog.interval"
"  AND pg_catalog.age(x.xmin) > pg_catalog.age(d.xmin)"
"  ORDER BY x.at DESC, pg_catalog.age(x.xmin), x.moment LIMIT 1) p"
" GROUP BY s.subject ORDER BY 2 DESC, 1 LIMIT 1";

bool
MomentHoldLoop(const Space *space, const Moment *moment, List *cases)
{
	PersonaArgs args = {0};
	bool		isnull;
	List	   *subjects = Frequent(cases);
	Hold		hold;
	char	   *before;
	char	   *pair;
	int64		rounds;

	if (subjects == NIL)
		return false;
	hold = HoldBegin(space, moment->name);
	PersonaArg(&args, TEXTARRAYOID, PersonaTexts(subjects), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(moment->name), false);
	if (PersonaExecuteKept(psprintf(loop_sql, SpaceTable(space, "decision"),
									PersonaTypeName(space->key.type),
									hold.released), &args, true) == 0)
		return false;
	rounds = DatumGetInt64(PersonaColumn(0, "rounds", &isnull));
	/* Nobody's message came before the first. */
	if (rounds < GUARD_ROUNDS - 1)
		return false;
	before = PersonaColumnText(0, "moment");
	pair = moment->event == NULL ? psprintf("%s -> %s", before, moment->name) :
		psprintf("%s -> %s -> %s", before, moment->event->name, moment->name);
	HoldMoment(&hold, pair, "loop", rounds);
	ereport(WARNING,
			(errmsg("moment \"%s\" is held: it goes round in a loop, %s",
					moment->name, pair),
			 errdetail("A subject got it " INT64_FORMAT " times within a day for an event in the wake of a message.",
					   rounds),
			 HeldHint(moment->name)));
	return true;
}

/* ---- errors ---- */

void
MomentHoldFailing(const Space *space, const Moment *moment)
{
	Hold		hold = HoldBegin(space, moment->name);
	PersonaArgs args = {0};
	bool		isnull;
	int64		failed;
	int64		decided;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(moment->name), false);
	PersonaExecute(psprintf("SELECT (SELECT pg_catalog.count(*) FROM %s i WHERE i.place = 'decide' AND i.thing = $1"
							"  AND i.at > pg_catalog.clock_timestamp() - '1 hour'::pg_catalog.interval) AS failed,"
							" (SELECT pg_catalog.count(*) FROM %s x WHERE x.moment = $1 AND x.at > %s"
							"  AND x.at > persona.now() - '1 hour'::pg_catalog.interval) AS decided",
							SpaceTable(space, "incident"),
							SpaceTable(space, "decision"), hold.released),
				   &args, false);
	failed = DatumGetInt64(PersonaColumn(0, "failed", &isnull));
	decided = DatumGetInt64(PersonaColumn(0, "decided", &isnull));
	if (failed < GUARD_FAILURES || failed < decided * GUARD_FAILED_SHARE)
		return;
	HoldMoment(&hold, moment->name, "errors", failed);
	ereport(WARNING,
			(errmsg("moment \"%s\" is held: " INT64_FORMAT " of its rows failed within an hour",
					moment->name, failed),
			 errhint("Look at the view alert of the space; mend the moment with define_moment(), then resume() it.")));
}
