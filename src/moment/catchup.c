/*
 * catchup.c: the events that no trigger saw.
 *
 * A statement trigger is the fast path; the table is the truth. It does not
 * fire for rows that logical replication applies, for those put into a
 * partition by its name or attached with one, under session_replication_role
 * = replica, while it is disabled or missing, nor where it failed. Views and
 * foreign tables have none at all. So run() reads such events itself: a poll
 * reads what is new since the last one, catching up reads as far back as any
 * live moment could still send.
 *
 * Both are one statement a source: the events whose time lies in a window, by
 * the index on that time, of subjects who are there, that no prefilter would
 * leave out and that are not known. They go into the inbox, where they are
 * what the trigger would have made of them. Known is what waits in the inbox
 * and what was taken from it before, which `seen` remembers for as long as
 * anybody looks back: an event that did not meet a rule when it happened must
 * not be told of later, when the customer's history has changed. One that was
 * committed late, with an earlier time than others, is in the window of the
 * next: windows overlap.
 */
#include "moment/start.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* How late an event may still be told of where its moment never expires. */
#define MOST_LATE "30 days"

/* ---- the statement ---- */

/* One reading of an event source. */
typedef struct Reading
{
	const Space *space;
	const SpaceEvent *event;
	TimestampTz since;
	char	   *wanted;			/* a condition over n and d; NULL: none is */
	uint64		found;
} Reading;

/* The window, asked of the column itself, so that an index can answer. */
static char *
Window(const SpaceEvent *event)
{
	char	   *at = psprintf("n.%s", quote_identifier(event->at.name));
	const char *zone = event->at.type == TIMESTAMPTZOID ? "" :
	" AT TIME ZONE 'UTC'";

	return psprintf("%s >= $1%s AND %s < 'infinity'", at, zone, at);
}

/* The events that a table of the space knows already. */
static char *
Known(const Reading *r, const char *table)
{
	return psprintf("SELECT q.subject, q.event_key, q.at, true FROM %s q"
					" WHERE q.event = %s",
					SpaceTable(r->space, table), PersonaLiteral(r->event->name));
}

/*
 * Events n of subjects s; d is what the inbox will say of one. What is known
 * is grouped with what is found, and not joined to it: statistics that are not
 * there yet would make that a loop in a loop. An update is known by its time.
 */
static char *
Statement(const Reading *r)
{
	const char *key = quote_identifier(r->space->key.name);

	return psprintf("INSERT INTO %s (subject, event, event_key, at, seen_at)"
					" SELECT e.subject, %s, e.event_key, pg_catalog.max(e.at), pg_catalog.clock_timestamp()"
					" FROM (SELECT d.subject, d.event_key, d.at, false AS is_known"
					" FROM %s n JOIN %s s ON s.%s = n.%s"
					" CROSS JOIN LATERAL (SELECT s.%s AS subject, %s AS event_key, %s AS at) d"
					" WHERE %s AND (%s)"
					" UNION ALL %s UNION ALL %s) e"
					" GROUP BY e.subject, e.event_key%s"
					" HAVING NOT pg_catalog.bool_or(e.is_known)",
					SpaceTable(r->space, "inbox"), PersonaLiteral(r->event->name),
					PersonaRelationName(r->event->relid),
					PersonaRelationName(r->space->relid), key,
					quote_identifier(r->event->subject.name),
					key, SpaceEventKey(r->event, "n"),
					SpaceEventTime(r->event, "n"), Window(r->event), r->wanted,
					Known(r, "inbox"), Known(r, "seen"),
					strstr(r->event->fires, "update") ? ", e.at" : "");
}

static void
Execute(void *arg)
{
	Reading    *r = arg;
	PersonaArgs args = {0};

	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(r->since), false);
	r->found = PersonaExecute(Statement(r), &args, false);
}

/* A rule that fails on a row leaves nothing out: run() looks into it. */
static void
Read(Reading *r)
{
	if (r->wanted == NULL || PersonaTrap(Execute, r) == 0)
		return;
	r->wanted = "true";
	Execute(r);
}

/* ---- which events a moment can want ---- */

/* Since when a moment has had the entry rule that it has now. */
typedef struct RuleSince
{
	const Space *space;
	const char *moment;
	TimestampTz at;
} RuleSince;

static void
ReadRuleSince(void *arg)
{
	RuleSince  *since = arg;
	PersonaArgs args = {0};
	bool		isnull;
	Datum		at;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(since->space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(since->moment), false);
	PersonaExecute("SELECT pg_catalog.max(l.at) AS at FROM (SELECT at, body->>'when_rule' AS rule,"
				   "  pg_catalog.lag(body->>'when_rule') OVER (ORDER BY version) AS was"
				   "  FROM persona.definition_log"
				   "  WHERE kind = 'moment' AND space = $1 AND name = $2) l"
				   " WHERE l.rule IS DISTINCT FROM l.was", &args, true);
	at = PersonaColumn(0, "at", &isnull);
	since->at = isnull ? DT_NOBEGIN : DatumGetTimestampTz(at);
}

/*
 * The earliest event that the moment could still send for: not from before it
 * was activated or had this rule, and not so old that its message would have
 * expired. A day is added for a local time that is waited for. The log of
 * definitions is kept in real time, which says nothing under a moved clock.
 */
static TimestampTz
EarliestOf(const Space *space, const Moment *m)
{
	RuleSince	since = {space, m->name, DT_NOBEGIN};
	PersonaArgs args = {0};
	bool		isnull;

	if (!PersonaClockIsMoved())
		SpaceWithDefinitions(ReadRuleSince, &since);
	PersonaArg(&args, TIMESTAMPTZOID,
			   TimestampTzGetDatum(Max(m->activated_at, since.at)), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(m->delay), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(m->expires_is_interval ?
												   m->expires : MOST_LATE), false);
	PersonaExecute("SELECT GREATEST($1, persona.now() - $2::pg_catalog.interval"
				   " - $3::pg_catalog.interval - '1 day'::pg_catalog.interval) AS earliest",
				   &args, true);
	return DatumGetTimestampTz(PersonaColumn(0, "earliest", &isnull));
}

typedef struct Wish
{
	const Space *space;
	const Moment *moment;
	TimestampTz since;
	char	   *condition;
} Wish;

static void
MakeWish(void *arg)
{
	Wish	   *wish = arg;

	wish->since = EarliestOf(wish->space, wish->moment);
	wish->condition = psprintf("d.at >= %s::pg_catalog.timestamptz AND (%s) IS NOT FALSE",
							   PersonaLiteral(timestamptz_to_str(wish->since)),
							   MomentPrefilterSql(wish->space, wish->moment));
}

/*
 * What any of the moments wants. One that cannot be compiled wants nothing, but
 * what was seen is kept for it.
 */
static void
AddWishes(Reading *r, List *moments)
{
	ListCell   *cell;

	r->since = DT_NOEND;
	foreach(cell, moments)
	{
		Wish		wish = {.space = r->space, .moment = lfirst(cell)};
		int			sqlstate = PersonaTrap(MakeWish, &wish);

		r->since = Min(r->since, wish.since);
		if (sqlstate != 0)
		{
			SpaceIncident(r->space, "catch_up", wish.moment->name, sqlstate);
			continue;
		}
		r->wanted = r->wanted == NULL ? wish.condition :
			psprintf("%s OR %s", r->wanted, wish.condition);
	}
}

/* ---- what was taken from the inbox ---- */

/*
 * An event without a time cannot be looked for. Nor can the updates of a
 * table: a row does not say whether it was updated or only inserted.
 */
static bool
CanBeRead(const SpaceEvent *event)
{
	return event->at.name != NULL && event->nkeys > 0 &&
		(strstr(event->fires, "insert") != NULL ||
		 strcmp(event->fires, "poll") == 0);
}

static Datum
ReadableEvents(const Space *space)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, space->events)
		if (CanBeRead(lfirst(cell)))
			names = lappend(names, ((SpaceEvent *) lfirst(cell))->name);
	return PersonaTexts(names);
}

void
MomentTakeOut(const Space *space, PersonaArgs *rows, TimestampTz since)
{
	PersonaArg(rows, TEXTARRAYOID, ReadableEvents(space), false);
	PersonaArg(rows, TIMESTAMPTZOID, TimestampTzGetDatum(since), false);
	PersonaExecuteKept(psprintf("WITH gone AS (DELETE FROM %s WHERE ctid = ANY ($1) AND %s"
								"  RETURNING subject, event, event_key, at)"
								" INSERT INTO %s (subject, event, event_key, at)"
								" SELECT subject, event, event_key, at FROM gone"
								" WHERE event = ANY ($3) AND at >= $4 AND at < 'infinity'",
								MomentInboxTable(space), MomentIsLocked("subject"),
								SpaceTable(space, "seen")),
					   rows, false);
}

static void
Forget(const Space *space, const SpaceEvent *event, TimestampTz before)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(event->name), false);
	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(before), false);
	PersonaExecute(psprintf("DELETE FROM %s WHERE event = $1 AND at < $2",
							SpaceTable(space, "seen")), &args, false);
}

/* ---- how far each source has been read ---- */

/* The time of a step of an event; '-infinity' where it never was. */
static bool
Progress(const Space *space, const char *step, const char *event,
		 TimestampTz *at)
{
	PersonaArgs args = {0};
	bool		isnull;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(step), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(event), false);
	PersonaExecute(psprintf("INSERT INTO %s VALUES ($1, $2, '-infinity', 0) ON CONFLICT DO NOTHING",
							SpaceTable(space, "progress")), &args, false);
	if (PersonaExecute(psprintf("SELECT at FROM %s WHERE step = $1 AND event = $2"
								" FOR UPDATE SKIP LOCKED",
								SpaceTable(space, "progress")), &args, false) == 0)
		return false;			/* another run is at it */
	*at = DatumGetTimestampTz(PersonaColumn(0, "at", &isnull));
	return true;
}

static void
NoteProgress(const Space *space, const char *step, const char *event,
			 TimestampTz at, uint64 found)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(step), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(event), false);
	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(at), false);
	PersonaArg(&args, INT8OID, Int64GetDatum(found), false);
	PersonaExecute(psprintf("INSERT INTO %s AS p VALUES ($1, $2, $3, $4, CASE WHEN $4 > 0 THEN $3 END)"
							" ON CONFLICT (step, event) DO UPDATE SET at = excluded.at,"
							"  found = p.found + excluded.found,"
							"  found_at = coalesce(excluded.found_at, p.found_at)",
							SpaceTable(space, "progress")), &args, false);
}

void
MomentNoteRun(const Space *space)
{
	NoteProgress(space, "run", "", GetCurrentTimestamp(), 0);
}

static TimestampTz
IntervalAgo(void)
{
	return PersonaNow() - persona_catch_up_interval * USECS_PER_SEC;
}

/* Long enough ago, or in what was the future until the clock was moved. */
static bool
IsTime(TimestampTz last)
{
	return last <= IntervalAgo() || last > PersonaNow();
}

/* ---- which sources ---- */

typedef struct Source
{
	const Space *space;
	const char *event;
	bool		at_once;
	uint64		found;
} Source;

/* What came since the last poll, with what may have been committed late. */
static void
Poll(Reading *r)
{
	TimestampTz last;

	if (!Progress(r->space, "poll", r->event->name, &last))
		return;
	r->since = Max(r->since, Min(last, IntervalAgo()));
	Read(r);
	NoteProgress(r->space, "poll", r->event->name, PersonaNow(), 0);
}

static void
CatchUp(Reading *r)
{
	bool		polled = strcmp(r->event->fires, "poll") == 0;

	Read(r);
	Forget(r->space, r->event, r->since);
	NoteProgress(r->space, "catch_up", r->event->name, PersonaNow(),
				 polled ? 0 : r->found);
	if (polled)
		NoteProgress(r->space, "poll", r->event->name, PersonaNow(), 0);
}

static void
ReadSource(void *arg)
{
	Source	   *source = arg;
	Reading		r = {.space = source->space,
	.event = SpaceFindEvent(source->space, source->event)};
	List	   *moments = MomentLoadLive(r.space, source->event);
	TimestampTz last;
	bool		all;

	if (moments == NIL ||
		!Progress(r.space, "catch_up", source->event, &last))
		return;
	all = source->at_once || IsTime(last);
	if (!all && strcmp(r.event->fires, "poll") != 0)
		return;
	AddWishes(&r, moments);
	if (all)
		CatchUp(&r);
	else
		Poll(&r);
	source->found = r.found;
}

typedef struct Broken
{
	const Space *space;
	List	   *events;			/* of char * */
} Broken;

/* The events whose trigger is missing or does not fire. */
static void
ReadBroken(void *arg)
{
	Broken	   *broken = arg;
	PersonaArgs args = {0};
	uint64		n;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(broken->space->name), false);
	n = PersonaExecute("SELECT c.event FROM persona.space s, persona.captures(s) c"
					   " WHERE s.space = $1 AND c.state IN ('missing', 'disabled')",
					   &args, true);
	for (uint64 i = 0; i < n; i++)
		broken->events = lappend(broken->events,
								 pstrdup(PersonaColumnText(i, "event")));
}

uint64
MomentCatchUp(const Space *space, bool at_once)
{
	Broken		broken = {.space = space};
	uint64		found = 0;
	ListCell   *cell;

	SpaceWithDefinitions(ReadBroken, &broken);
	foreach(cell, space->events)
	{
		const SpaceEvent *event = lfirst(cell);
		Source		source = {.space = space, .event = event->name,
		.at_once = at_once || PersonaHasText(broken.events, event->name)};
		int			sqlstate;

		if (!CanBeRead(event))
			continue;
		sqlstate = PersonaTrap(ReadSource, &source);
		if (sqlstate != 0)
			SpaceIncident(space, "catch_up", event->name, sqlstate);
		found += source.found;
	}
	return found;
}

/* ---- by hand ---- */

PG_FUNCTION_INFO_V1(persona_catch_up);

/* persona.catch_up(space): at once, whatever the time. */
Datum
persona_catch_up(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(PG_ARGISNULL(0) ? NULL :
								 text_to_cstring(PG_GETARG_TEXT_PP(0)));
	uint64		found;
	PersonaAct	act;

	SpaceRefuseStranger(space);
	if (!persona_enabled)
	{
		ereport(NOTICE, (errmsg("persona.enabled is off: nothing is looked for")));
		PG_RETURN_INT64(0);
	}
	SPI_connect();
	PersonaActBegin(&act, space->owner);
	found = MomentCatchUp(space, true);
	PersonaActEnd(&act);
	SPI_finish();
	PG_RETURN_INT64(found);
}
