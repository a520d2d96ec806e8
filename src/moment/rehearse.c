/*
 * rehearse.c: the whole way of a few made-up subjects, and nothing of it left.
 *
 * A rehearsal writes what its script says into the company's own tables, where
 * the real triggers and constraints see it, moves the clock from instant to
 * instant, and at each does for its subjects what a run does for everybody: by
 * the same functions, handed one subject. Then the subtransaction that all of
 * it happened in is rolled back. What stays is the rows that tell of it.
 *
 * The plot, what a script says and which instant is next, is SQL's
 * (sql/85-moment-rehearse.sql). Here is what SQL cannot do: roll back, move the clock
 * for somebody who has no right to, act as the owner, and run for one subject.
 * None of these can be called but from a rehearsal.
 */
#include "moment/outbox.h"
#include "moment/run.h"
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

static bool rehearsing;

/* The step of the script that is being played; 0: none. */
static int	current_step;

/* The caller's search_path, which the company's triggers may rely on. */
static char *callers_path;

bool
MomentIsRehearsing(void)
{
	return rehearsing;
}

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

/* An error is a step's, and keeps all else that it says. */
static void
NameStep(ErrorData *error)
{
	if (current_step > 0)
		error->message = psprintf("step %d: %s", current_step, error->message);
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
	rehearsing = true;
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
	rehearsing = false;
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
								 text_to_cstring(PG_GETARG_TEXT_PP(1)));

	SpaceRefuseStranger(space);
	MomentRefuseStandby("rehearse()");
	if (rehearsing)
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

static void
RefuseInEarnest(void)
{
	if (!rehearsing)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this is a part of rehearse() and nothing by itself"),
				 errhint("SELECT * FROM persona.rehearse('{\"steps\": [...]}').")));
}

PG_FUNCTION_INFO_V1(persona_enter_step);

/* persona.enter_step(step): whose errors are from here on; 0: nobody's. */
Datum
persona_enter_step(PG_FUNCTION_ARGS)
{
	RefuseInEarnest();
	current_step = PG_GETARG_INT32(0);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(persona_set_stage_clock);

/* persona.set_stage_clock(at): until the rehearsal is rolled back. */
Datum
persona_set_stage_clock(PG_FUNCTION_ARGS)
{
	RefuseInEarnest();
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

	RefuseInEarnest();
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

/* ---- a run for one subject ---- */

/* What starts moments by itself, as time goes by. */
static void
GatherStarts(const Space *space, const char *subject, TimestampTz since,
			 List **tallies)
{
	List	   *moments = MomentLoadLive(space, NULL);
	bool		on_segment = false;
	ListCell   *cell;

	foreach(cell, moments)
		on_segment |= ((Moment *) lfirst(cell))->on_segment != NULL;
	if (on_segment)
		RuleRefreshSubject(space, subject);
	foreach(cell, moments)
		if (((Moment *) lfirst(cell))->schedule != NULL)
			MomentKeepCalendarOf(space, lfirst(cell), subject, since, tallies);
}

/* Most instants are somebody else's. */
static bool
HasWork(const Space *space, const char *subject)
{
	return PersonaExecute(psprintf("SELECT FROM %s i WHERE %s"
								   " UNION ALL SELECT FROM %s d WHERE %s AND d.due <= persona.now() LIMIT 1",
								   SpaceTable(space, "inbox"),
								   MomentIsOf(space, "i", subject),
								   SpaceTable(space, "schedule"),
								   MomentIsOf(space, "d", subject)),
						  NULL, false) > 0;
}

static void
DecideAll(const Space *space, const char *subject, List **tallies)
{
	List	   *names = NIL;
	List	   *failed = NIL;
	ListCell   *cell;

	foreach(cell, MomentLoadLive(space, NULL))
		names = lappend(names, ((Moment *) lfirst(cell))->name);
	foreach(cell, names)
		while (MomentDecideBatch(space, names, lfirst(cell), subject, tallies,
								 &failed) > 0)
			CHECK_FOR_INTERRUPTS();
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

PG_FUNCTION_INFO_V1(persona_run_for_subject);

/* persona.run_for_subject(subject, since, space): once, at the clock's time. */
Datum
persona_run_for_subject(PG_FUNCTION_ARGS)
{
	char	   *subject = PersonaTextArg(fcinfo, 0);
	Space	   *space;
	List	   *started = NIL;
	List	   *decided = NIL;
	ItemPointerData from;
	PersonaAct	act;

	RefuseInEarnest();
	space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	SpaceRefuseStranger(space);
	InitMaterializedSRF(fcinfo, 0);
	if (!persona_enabled)
		return (Datum) 0;
	ItemPointerSet(&from, 0, 0);
	SPI_connect();
	PersonaActBegin(&act, space->owner);
	GatherStarts(space, subject, PG_GETARG_TIMESTAMPTZ(1), &started);
	if (HasWork(space, subject))
	{
		while (MomentStartBatch(space, subject, &from, &started) > 0)
			CHECK_FOR_INTERRUPTS();
		DecideAll(space, subject, &decided);
	}
	PersonaActEnd(&act);
	PutTallies((ReturnSetInfo *) fcinfo->resultinfo, "start", started);
	PutTallies((ReturnSetInfo *) fcinfo->resultinfo, "decide", decided);
	SPI_finish();
	return (Datum) 0;
}
