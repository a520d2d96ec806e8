/*
 * rehearse.c: the whole way of made-up subjects, and nothing of it left.
 *
 * A rehearsal writes what its script says into the company's own tables, where
 * the real triggers and constraints see it, moves the clock from instant to
 * instant, and at each does for its subjects what a run does for everybody: by
 * the same functions, handed one subject. Then the subtransaction that all of
 * it happened in is rolled back. What stays is the rows that tell of it.
 *
 * The plot, what a script says and which instant is next, is SQL's
 * (sql/86-moment-rehearse.sql); who is on the stage is stage.c's. Here is what
 * SQL cannot do: roll back, move the clock for somebody who has no right to, act
 * as the owner, and run for one subject. None of these can be called but from a
 * rehearsal.
 */
#include "moment/outbox.h"
#include "moment/run.h"
#include "moment/stage.h"
#include "moment/start.h"

#include "rule/rule.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

/* The step of the script that is being played; 0: none. */
static int	current_step;

/* The instant at which it was last asked whom to run for; 0: never yet. */
static TimestampTz last_instant;

/* The rules of all segments, of these definitions. */
static RuleRefresher *refresher;
static uint64 refresher_generation;

/* The caller's search_path, which the company's triggers may rely on. */
static char *callers_path;

/* ---- the stage ---- */

/* Plays the script; its rows go where the rollback does not reach. */
static void
Play(FunctionCallInfo fcinfo, const Space *space)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	PersonaArgs args = {0};

	SPI_connect();
	PersonaArg(&args, JSONBOID, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(space->name), false);
	PersonaExecute("SELECT * FROM persona.play_script($1, $2)", &args, false);
	PersonaReturnRows(result, SPI_processed);
	SPI_finish();
}

/*
 * Of where an error happened what the company's own triggers were at, which is
 * told first, and none of persona's steps that led there.
 */
static char *
OwnContext(const char *context)
{
	const char *line = context;

	while (line != NULL && *line != '\0')
	{
		const char *next = strchr(line, '\n');
		const char *ours = strstr(line, "persona.");

		if (ours != NULL && (next == NULL || ours < next))
			break;
		line = next ? next + 1 : line + strlen(line);
	}
	if (line == context)
		return NULL;
	return pnstrdup(context, line - context - (line[-1] == '\n'));
}

/* An error is a step's, and keeps all else that it says. */
static void
NameStep(ErrorData *error)
{
	if (current_step > 0)
		error->message = psprintf("step %d: %s", current_step, error->message);
	error->context = OwnContext(error->context);
}

/* Everything that it did is undone, whether it went well or not. */
static void
PlayAndUndo(FunctionCallInfo fcinfo, const Space *space)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	callers_path = pstrdup(GetConfigOption("search_path", false, false));
	current_step = 0;
	last_instant = 0;
	refresher = NULL;
	StageBegin();
	PG_TRY();
	{
		Play(fcinfo, space);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		NameStep(error);
	}
	PG_END_TRY();
	StageEnd();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL)
		ReThrowError(error);
}

PG_FUNCTION_INFO_V1(persona_rehearse);

/* persona.rehearse(script, space) */
Datum
persona_rehearse(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(PG_ARGISNULL(1) ? NULL :
								 PersonaTextArg(fcinfo, 1));

	SpaceRefuseStranger(space);
	MomentRefuseStandby("rehearse()");
	if (MomentIsRehearsing())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a rehearsal cannot be part of another one")));
	if (!persona_enabled)
		ereport(NOTICE, (errmsg("persona.enabled is off: nothing runs")));
	InitMaterializedSRF(fcinfo, 0);
	PlayAndUndo(fcinfo, space);
	return (Datum) 0;
}

/* ---- what the plot needs ---- */

PG_FUNCTION_INFO_V1(persona_enter_step);

/* persona.enter_step(step): whose errors are from here on; 0: nobody's. */
Datum
persona_enter_step(PG_FUNCTION_ARGS)
{
	StageRefuseInEarnest();
	current_step = PG_GETARG_INT32(0);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(persona_set_stage_clock);

/* persona.set_stage_clock(at): until the rehearsal is rolled back. */
Datum
persona_set_stage_clock(PG_FUNCTION_ARGS)
{
	StageRefuseInEarnest();
	(void) set_config_option("persona.clock",
							 timestamptz_to_str(PG_GETARG_TIMESTAMPTZ(0)),
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
							 0, false);
	PG_RETURN_VOID();
}

/*
 * A member acts as the owner, as in SET ROLE, but so that nothing which the
 * owner's triggers do outlives it; the owner is who it is.
 */
static void
ActAsOwner(PersonaAct *act, Oid owner)
{
	GetUserIdAndSecContext(&act->user, &act->sec_context);
	if (act->user != owner)
		PersonaActLightly(act, owner);
	act->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", callers_path, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Persona at work. What a rehearsal has removed stays in the tables until all
 * of it is rolled back, so a row is read by its place or its key, however short
 * its table is when the statement is planned; plan.c keeps such plans apart.
 */
static void
ActOnStage(PersonaAct *act, const Space *space)
{
	PersonaActBegin(act, space->owner);
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

PG_FUNCTION_INFO_V1(persona_write_as_owner);

/*
 * persona.write_as_owner(statement, new_row, old_key, space): the statement's
 * one value, under the caller's own search_path; NULL where it wrote no row.
 */
Datum
persona_write_as_owner(PG_FUNCTION_ARGS)
{
	Space	   *space;
	char	   *sql = PersonaTextArg(fcinfo, 0);
	PersonaArgs args = {0};
	PersonaAct	act;
	Datum		value = 0;
	bool		isnull = true;

	StageRefuseInEarnest();
	space = SpaceGet(PersonaTextArg(fcinfo, 3));
	SpaceRefuseStranger(space);
	PersonaArg(&args, JSONBOID, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
	PersonaArg(&args, JSONBOID, PG_GETARG_DATUM(2), PG_ARGISNULL(2));
	SPI_connect();
	ActAsOwner(&act, space->owner);
	if (PersonaExecute(sql, &args, false) > 0)
		value = PersonaColumn(0, "key", &isnull);
	PersonaActEnd(&act);
	if (!isnull)
		value = SPI_datumTransfer(value, false, -1);
	SPI_finish();
	if (isnull)
		PG_RETURN_NULL();
	return value;
}

/* ---- who is run for at an instant ---- */

static List *
Subjects(bool awake_only)
{
	List	   *subjects = NIL;
	ListCell   *cell;

	foreach(cell, StagePeople())
	{
		StagePerson *person = lfirst(cell);

		if (person->awake || !awake_only)
			subjects = lappend(subjects, person->subject);
	}
	return subjects;
}

/* The segments that live moments start on. */
static List *
Segments(const Space *space)
{
	List	   *segments = NIL;
	ListCell   *cell;

	foreach(cell, MomentLiveNames(space))
	{
		const Moment *moment = MomentKept(space, lfirst(cell));

		if (moment->on_segment != NULL)
			segments = lappend(segments, moment->on_segment);
	}
	return segments;
}

/* To read and analyse the rules takes longer than to ask them of one. */
static void
OpenRefresher(const Space *space, List *segments)
{
	MemoryContext caller = MemoryContextSwitchTo(StageMemory());

	refresher = RuleRefresherOpen(space, segments);
	refresher_generation = SpaceGeneration();
	MemoryContextSwitchTo(caller);
}

/* Whoever has entered a segment by what he did, or by now. */
static bool
EnterSegments(const Space *space, List *subjects)
{
	List	   *segments = Segments(space);

	if (segments == NIL)
		return false;
	if (refresher == NULL || refresher_generation != SpaceGeneration())
		OpenRefresher(space, segments);
	return RuleRefreshSubjects(refresher, subjects);
}

/* The calendars since the instant before this one. */
static bool
KeepCalendars(const Space *space)
{
	TimestampTz since = last_instant ? last_instant : PersonaNow();
	bool		kept = false;
	ListCell   *cell;

	last_instant = PersonaNow();
	foreach(cell, MomentLiveNames(space))
	{
		const Moment *moment = MomentKept(space, lfirst(cell));

		if (moment->schedule != NULL)
			kept |= MomentKeepCalendarOf(space, moment, Subjects(false), since);
	}
	return kept;
}

/* Whether a run would poll for the event. */
static bool
IsPolled(const Space *space, const SpaceEvent *event)
{
	ListCell   *cell;

	if (strcmp(event->fires, "poll") != 0 || event->at.name == NULL ||
		event->nkeys == 0)
		return false;
	foreach(cell, MomentLiveNames(space))
		if (strcmp(MomentKept(space, lfirst(cell))->starts_on, event->name) == 0)
			return true;
	return false;
}

/* Puts those rows of the result into the inbox that were not there before. */
static void
PutNew(const Space *space, const SpaceEvent *event, uint64 n)
{
	MomentInbox *inbox = MomentInboxOpen(space, n);

	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		TupleTableSlot *row;

		if (!StageIsNew(psprintf("%s %s", event->name, PersonaColumnText(i, "key"))))
			continue;
		row = MomentInboxRow(inbox);
		row->tts_values[INBOX_SUBJECT] = PersonaColumn(i, "subject", &isnull);
		row->tts_values[INBOX_EVENT] = CStringGetTextDatum(event->name);
		row->tts_values[INBOX_KEY] = PersonaColumn(i, "key", &isnull);
		row->tts_values[INBOX_AT] = PersonaColumn(i, "at", &isnull);
		row->tts_values[INBOX_SEEN_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
		MomentInboxAppend(inbox);
	}
	MomentInboxClose(inbox);
}

/* Of events without a trigger what these subjects have: a run would find it. */
static void
Poll(const Space *space, List *subjects)
{
	const char *key = quote_identifier(space->key.name);
	PersonaArgs args = {0};
	ListCell   *cell;

	PersonaArg(&args, TEXTARRAYOID, PersonaTexts(subjects), false);
	foreach(cell, space->events)
	{
		const SpaceEvent *event = lfirst(cell);
		uint64		n;

		if (!IsPolled(space, event))
			continue;
		n = PersonaExecuteKept(psprintf("SELECT s.%s AS subject, d.key, d.at FROM %s s JOIN %s n ON n.%s = s.%s"
										" CROSS JOIN LATERAL (SELECT %s AS key, %s AS at) d"
										" WHERE s.%s = ANY ($1::%s[]) AND d.at < 'infinity' ORDER BY d.at, d.key",
										key, PersonaRelationName(space->relid),
										PersonaRelationName(event->relid),
										quote_identifier(event->subject.name), key,
										SpaceEventKey(event, "n"), SpaceEventTime(event, "n"),
										key, PersonaTypeName(space->key.type)),
							   &args, false);
		if (n > 0)
			PutNew(space, event, n);
	}
}

/* Those who have something in the inbox that they have not done themselves. */
static void
WakeStarted(const Space *space)
{
	uint64		n = PersonaExecuteKept(psprintf("SELECT DISTINCT i.subject::pg_catalog.text AS subject FROM %s i"
												" WHERE i.subject IS NOT NULL",
												MomentInboxTable(space)), NULL, false);

	for (uint64 i = 0; i < n; i++)
	{
		StagePerson *person = StageFindSubject(PersonaColumnText(i, "subject"));

		if (person != NULL)
			person->awake = true;
	}
}

PG_FUNCTION_INFO_V1(persona_call_up);

/* persona.call_up(everybody, space): who is to be run for at the clock's time. */
Datum
persona_call_up(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		started;
	Space	   *space;
	PersonaAct	act;
	ListCell   *cell;

	StageRefuseInEarnest();
	space = SpaceGet(PersonaTextArg(fcinfo, 1));
	SpaceRefuseStranger(space);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (!persona_enabled)
		return (Datum) 0;
	SPI_connect();
	ActOnStage(&act, space);
	Poll(space, Subjects(true));
	started = EnterSegments(space, Subjects(!PG_GETARG_BOOL(0)));
	started |= KeepCalendars(space);
	if (started)
		WakeStarted(space);
	PersonaActEnd(&act);
	foreach(cell, StagePeople())
	{
		StagePerson *person = lfirst(cell);
		Datum		name = CStringGetTextDatum(person->name);
		bool		isnull = false;

		if (person->awake || person->next <= PersonaNow())
			tuplestore_putvalues(result->setResult, result->setDesc, &name, &isnull);
	}
	SPI_finish();
	return (Datum) 0;
}

/* ---- a run for one subject ---- */

/*
 * The moments that are due for it, first things first. The conditions on the
 * time are such that the rows are looked up by the subject.
 */
static List *
Due(const Space *space, const char *subject)
{
	PersonaArgs args = {0};
	List	   *due = NIL;
	List	   *names = NIL;
	uint64		n;
	ListCell   *cell;

	n = MomentExecute(psprintf("SELECT DISTINCT d.moment FROM %s d WHERE %s AND (d.due <= persona.now()) IS TRUE",
							   SpaceTable(space, "schedule"),
							   MomentIsOf(space, "d", subject, &args)), &args);
	for (uint64 i = 0; i < n; i++)
		due = lappend(due, PersonaColumnText(i, "moment"));
	foreach(cell, n > 0 ? MomentLiveNames(space) : NIL)
		if (PersonaHasText(due, lfirst(cell)))
			names = lappend(names, lfirst(cell));
	return names;
}

/* A batch, of whose memory only what was counted is kept. */
static bool
StartSome(const Space *space, const char *subject, List **tallies)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *counted = NIL;
	uint64		taken;

	CHECK_FOR_INTERRUPTS();
	SPI_connect();
	taken = MomentStartBatch(space, subject, NULL, &counted);
	MemoryContextSwitchTo(caller);
	MomentAddTallies(tallies, counted);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return taken > 0;
}

static bool
DecideSome(const Space *space, List *names, const char *front,
		   const char *subject, List **tallies)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *counted = NIL;
	List	   *failed = NIL;
	uint64		taken;

	CHECK_FOR_INTERRUPTS();
	SPI_connect();
	taken = MomentDecideBatch(space, names, front, subject, &counted, &failed);
	MemoryContextSwitchTo(caller);
	MomentAddTallies(tallies, counted);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return taken > 0;
}

static void
DecideAll(const Space *space, const char *subject, List **tallies)
{
	List	   *names = Due(space, subject);
	ListCell   *cell;

	foreach(cell, names)
		while (DecideSome(space, names, lfirst(cell), subject, tallies))
			;
}

/* What starts after a decision waits for the next run, a minute later. */
static TimestampTz
Next(const Space *space, const char *subject)
{
	PersonaArgs args = {0};
	const char *whose = MomentIsOf(space, "x", subject, &args);
	bool		isnull;
	Datum		next;

	MomentExecute(psprintf("SELECT LEAST((SELECT pg_catalog.min(x.due) FROM %s x WHERE %s AND (x.due > persona.now()) IS TRUE),"
						   " (SELECT persona.now() + '1 minute'::pg_catalog.interval FROM %s x WHERE %s LIMIT 1)) AS next",
						   SpaceTable(space, "schedule"), whose,
						   MomentInboxTable(space), whose), &args);
	next = PersonaColumn(0, "next", &isnull);
	return isnull ? DT_NOEND : DatumGetTimestampTz(next);
}

static void
PutTallies(ReturnSetInfo *result, const char *part, List *tallies)
{
	ListCell   *cell;

	foreach(cell, tallies)
	{
		MomentTally *tally = lfirst(cell);
		Datum		values[] = {CStringGetTextDatum(part),
			CStringGetTextDatum(tally->moment),
		CStringGetTextDatum(tally->reason), Int64GetDatum(tally->n)};
		bool		nulls[4] = {false};

		if (tally->n > 0)
			tuplestore_putvalues(result->setResult, result->setDesc, values,
								 nulls);
	}
}

PG_FUNCTION_INFO_V1(persona_run_on_stage);

/* persona.run_on_stage(name, space): a run for one, at the clock's time. */
Datum
persona_run_on_stage(PG_FUNCTION_ARGS)
{
	StagePerson *person;
	Space	   *space;
	List	   *started = NIL;
	List	   *decided = NIL;
	PersonaAct	act;

	StageRefuseInEarnest();
	person = StageFind(PersonaTextArg(fcinfo, 0));
	space = SpaceGet(PersonaTextArg(fcinfo, 1));
	SpaceRefuseStranger(space);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	ActOnStage(&act, space);
	while (StartSome(space, person->subject, &started))
		;
	DecideAll(space, person->subject, &decided);
	person->next = Next(space, person->subject);
	person->awake = false;
	PersonaActEnd(&act);
	PutTallies((ReturnSetInfo *) fcinfo->resultinfo, "start", started);
	PutTallies((ReturnSetInfo *) fcinfo->resultinfo, "decide", decided);
	SPI_finish();
	return (Datum) 0;
}
