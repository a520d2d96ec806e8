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
 * Both are one statement a moment: the events whose time lies in a window, by
 * the index on that time, of subjects who are there, for which the entry rule
 * is true, and which neither inbox, schedule nor decisions know. These go into
 * the inbox, where they are what the trigger would have made of them. An event
 * that was committed late, with an earlier time than others, is in the window
 * of the next: windows overlap, and what is known is not taken again.
 *
 * An event whose rule fails (a division by zero) must not hide the others: the
 * window is halved until it holds one instant, whose events run() looks into.
 */
#include "moment/moment.h"

#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* How late an event may still be told of where its moment never expires. */
#define MOST_LATE "30 days"

/* The latest time that is looked for: an event may be announced long before. */
#define MOST_EARLY (100 * INT64CONST(365) * USECS_PER_DAY)

/* One event source, read for one moment after the other. */
typedef struct Reading
{
	const Space *space;
	const SpaceEvent *event;
	const Moment *moment;
	const char *sql;
	const char *blind_sql;		/* the same without the moment's rule */
	const char *statement;		/* which of the two is to be executed */
	TimestampTz since;
	TimestampTz until;
	uint64		found;
} Reading;

/* ---- the statement ---- */

/* The window, asked of the column itself, so that an index can answer. */
static char *
Window(const SpaceEvent *event)
{
	char	   *at = psprintf("n.%s", quote_identifier(event->at.name));
	const char *zone = event->at.type == TIMESTAMPTZOID ? "" :
		" AT TIME ZONE 'UTC'";

	return psprintf("%s >= $1%s AND %s < $2%s", at, zone, at, zone);
}

/* That no row of schedule or decision meets a condition over q and d. */
static char *
NeitherHas(const Space *space, const char *condition)
{
	return psprintf("NOT EXISTS (SELECT FROM %s q WHERE q.subject = d.subject AND %s)"
					" AND NOT EXISTS (SELECT FROM %s q WHERE q.subject = d.subject AND %s)",
					SpaceTable(space, "schedule"), condition,
					SpaceTable(space, "decision"), condition);
}

/*
 * Events n of the window, of subjects s in the moment's share, that do not wait
 * in the inbox and meet the condition, into the inbox: d is what that will say.
 */
static char *
Insert(const Reading *r, const char *joins, const char *more,
	   const char *condition)
{
	const char *key = quote_identifier(r->space->key.name);
	const char *inbox = SpaceTable(r->space, "inbox");
	const char *event = PersonaLiteral(r->event->name);

	return psprintf("INSERT INTO %s (subject, event, event_key, at, seen_at)"
					" SELECT DISTINCT d.subject, %s, d.event_key, d.at, pg_catalog.clock_timestamp()"
					" FROM %s n JOIN %s s ON s.%s = n.%s%s"
					" CROSS JOIN LATERAL (SELECT s.%s AS subject, %s AS event_key, %s AS at) d%s"
					" WHERE %s AND persona.bucket(d.subject::pg_catalog.text, %s) < %.17g AND %s"
					" AND NOT EXISTS (SELECT FROM %s q WHERE q.subject = d.subject"
					"  AND q.event = %s AND q.event_key = d.event_key)",
					inbox, event, PersonaRelationName(r->event->relid),
					PersonaRelationName(r->space->relid), key,
					quote_identifier(r->event->subject.name), joins,
					key, SpaceEventKey(r->event, "n"),
					SpaceEventTime(r->event, "n"), more,
					Window(r->event),
					PersonaLiteral(psprintf("%s.share", r->moment->name)),
					r->moment->share, condition, inbox, event);
}

/* Of these events the ones for which the rule is true and nothing is decided. */
static void
CompileRule(Reading *r)
{
	const Moment *m = r->moment;
	RuleQuery  *query = RuleQueryBegin(r->space, r->event,
									   RULE_FEATURES_LATERAL);
	const char *once = "pg_catalog.array_to_string(d.event_key, E'\\x1f')";
	const char *entry;
	char	   *decision;
	Oid			type;

	RuleQueryNanIsUnknown(query);
	entry = RuleQueryAdd(query, m->when_rule, BOOLOID,
						 psprintf("entry rule of moment \"%s\"", m->name), &type);
	if (m->once_per != NULL)
		once = RuleQueryAdd(query, m->once_per, TEXTOID,
							psprintf("once_per of moment \"%s\"", m->name), &type);
	decision = psprintf(" CROSS JOIN LATERAL (SELECT (%s)::pg_catalog.text) k(once_key)"
						" CROSS JOIN LATERAL (SELECT persona.decision_id(%s, %s, d.subject::pg_catalog.text, k.once_key, 0)) x(decision)",
						once, PersonaLiteral(r->space->name),
						PersonaLiteral(m->name));
	r->sql = Insert(r, RuleQueryJoins(query), decision,
					psprintf("%s AND k.once_key IS NOT NULL AND %s", entry,
							 NeitherHas(r->space, "q.decision = x.decision")));
}

/* All of these events of which nothing is decided; no rule is asked. */
static void
CompileBlind(Reading *r)
{
	r->blind_sql = Insert(r, "", "",
						  NeitherHas(r->space,
									 psprintf("q.moment = %s AND q.event_key = d.event_key",
											  PersonaLiteral(r->moment->name))));
}

/* ---- reading a window ---- */

static void
Execute(void *arg)
{
	Reading    *r = arg;
	PersonaArgs args = {0};

	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(r->since), false);
	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(r->until), false);
	r->found = PersonaExecute(r->statement, &args, false);
}

/*
 * The window, in halves where it fails. Of events at one and the same instant
 * all are taken, for run() to see which fails.
 */
static uint64
Read(Reading *r, TimestampTz since, TimestampTz until)
{
	TimestampTz middle = since + (until - since) / 2;
	uint64		found;

	CHECK_FOR_INTERRUPTS();
	r->statement = r->sql;
	r->since = since;
	r->until = until;
	if (PersonaTrap(Execute, r) == 0)
		return r->found;
	if (middle == since)
	{
		r->statement = r->blind_sql;
		Execute(r);
		return r->found;
	}
	found = Read(r, since, middle);
	return found + Read(r, middle, until);
}

/*
 * The earliest event that the moment could still send for: not from before it
 * was activated, and not so old that its message would have expired. A day is
 * added for a local time that is waited for.
 */
static TimestampTz
Earliest(const Moment *m)
{
	PersonaArgs args = {0};
	bool		isnull;

	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(m->activated_at), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(m->delay), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(m->expires_is_interval ?
												   m->expires : MOST_LATE), false);
	PersonaExecute("SELECT GREATEST($1, persona.now() - $2::pg_catalog.interval"
				   " - $3::pg_catalog.interval - '1 day'::pg_catalog.interval) AS earliest",
				   &args, true);
	return DatumGetTimestampTz(PersonaColumn(0, "earliest", &isnull));
}

/* For one moment; one that cannot be compiled any more stops no other. */
static void
ReadForMoment(void *arg)
{
	Reading    *r = arg;
	TimestampTz since = Max(r->since, Earliest(r->moment));

	CompileRule(r);
	CompileBlind(r);
	r->found = Read(r, since, PersonaNow() + MOST_EARLY);
}

static uint64
ReadForMoments(const Space *space, const SpaceEvent *event, List *moments,
			   TimestampTz since, List **tallies)
{
	uint64		found = 0;
	ListCell   *cell;

	foreach(cell, moments)
	{
		Reading		r = {.space = space, .event = event,
		.moment = lfirst(cell), .since = since};
		int			sqlstate = PersonaTrap(ReadForMoment, &r);

		if (sqlstate != 0)
		{
			SpaceIncident(space, "catch_up", r.moment->name, sqlstate);
			continue;
		}
		MomentCount(tallies, r.moment->name, "found in the table", r.found);
		found += r.found;
	}
	return found;
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

static bool
Fires(const SpaceEvent *event, const char *on)
{
	return strstr(event->fires, on) != NULL;
}

/*
 * An event without a time cannot be looked for. Nor can the updates of a
 * table: a row does not say whether it was updated or only inserted.
 */
static bool
CanBeRead(const SpaceEvent *event)
{
	return event->at.name != NULL && event->nkeys > 0 &&
		(Fires(event, "insert") || Fires(event, "poll"));
}

typedef struct Source
{
	const Space *space;
	const char *event;
	bool		at_once;
	List	  **tallies;
	uint64		found;
} Source;

/* What is new in a polled source, of any age where all of it is to be read. */
static uint64
Poll(const Source *source, const SpaceEvent *event, List *moments, bool all)
{
	TimestampTz last;
	uint64		found;

	if (!Progress(source->space, "poll", event->name, &last))
		return 0;
	found = ReadForMoments(source->space, event, moments,
						   all ? DT_NOBEGIN : Min(last, IntervalAgo()),
						   source->tallies);
	NoteProgress(source->space, "poll", event->name, PersonaNow(), 0);
	return found;
}

static void
ReadSource(void *arg)
{
	Source	   *source = arg;
	SpaceEvent *event = SpaceFindEvent(source->space, source->event);
	List	   *moments = MomentLoadLive(source->space, event->name);
	bool		polled = Fires(event, "poll");
	bool		all;
	TimestampTz last;

	if (moments == NIL ||
		!Progress(source->space, "catch_up", event->name, &last))
		return;
	all = source->at_once || IsTime(last);
	if (polled)
		source->found = Poll(source, event, moments, all);
	else if (all)
		source->found = ReadForMoments(source->space, event, moments,
									   DT_NOBEGIN, source->tallies);
	if (all)
		NoteProgress(source->space, "catch_up", event->name, PersonaNow(),
					 polled ? 0 : source->found);
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

static bool
IsIn(const char *name, List *names)
{
	ListCell   *cell;

	foreach(cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

uint64
MomentCatchUp(const Space *space, bool at_once, List **tallies)
{
	Broken		broken = {.space = space};
	uint64		found = 0;
	ListCell   *cell;

	SpaceWithDefinitions(ReadBroken, &broken);
	foreach(cell, space->events)
	{
		const SpaceEvent *event = lfirst(cell);
		Source		source = {.space = space, .event = event->name,
		.at_once = at_once || IsIn(event->name, broken.events), .tallies = tallies};
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
	List	   *tallies = NIL;
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
	found = MomentCatchUp(space, true, &tallies);
	PersonaActEnd(&act);
	SPI_finish();
	PG_RETURN_INT64(found);
}
