/*
 * run.c: CALL persona.run(), what pg_cron calls each minute.
 *
 * Every batch is a transaction of its own, so a cancel or a crash loses at
 * most the batch at hand. It acts as the owner of the space: run() can have
 * neither a SET clause nor SECURITY DEFINER, for with either it could not
 * commit, so each batch switches user, path and settings itself.
 *
 * A run takes what waits in the inbox, then what is due: a batch of one moment
 * after a batch of another, beginning with any of them, so that a flood in one
 * keeps no other waiting, whoever limits the batches.
 */
#include "moment/outbox.h"
#include "moment/run.h"
#include "moment/start.h"

#include "rule/rule.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* The longest wait for what somebody else is starting. */
#define START_LOCK_TIMEOUT "2s"

/* One call of run(): what outlives its batches. */
typedef struct Run
{
	char	   *space;			/* by name: a Space lives for a transaction */
	bool		limited;
	int			batches_left;	/* where limited */
	int			batches;		/* done, and their rows */
	uint64		rows;
	ItemPointerData inbox_from; /* no row of the inbox stands before it */
	List	   *moments;		/* of char *: by priority, those still at work */
	List	   *tallies;
	MemoryContext context;
} Run;

/* What one batch does, as a step of a run. */
typedef struct Step
{
	Run		   *run;
	const Space *space;
	const char *moment;			/* whose turn it is; NULL: nobody's */
	List	   *tallies;
	List	   *failed;			/* of char *: moments that are out */
	uint64		rows;
} Step;

/* ---- one batch, one transaction ---- */

/* Segments that were entered by the mere passing of time. */
static void
Refresh(void *arg)
{
	RuleRefresh(((Step *) arg)->space);
}

static void
KeepCalendar(void *arg)
{
	Step	   *step = arg;

	MomentKeepCalendar(step->space, MomentLoad(step->space, step->moment),
					   &step->tallies);
}

/*
 * A week ahead, for who makes one makes all others wait who need one: decide()
 * until its caller's transaction ends, and a rehearsal until it is over.
 */
static void
MakePartitions(void *arg)
{
	Step	   *step = arg;

	MomentMakePartition(step->space, MomentMonth(PersonaNow()));
	MomentMakePartition(step->space,
						MomentMonth(PersonaNow() + 7 * USECS_PER_DAY));
}

/*
 * Tries it, without waiting long for whoever has refreshed the segments, or
 * decided the first request of a month, and has not committed: what is not
 * started now is started by the next run.
 */
static void
TryStart(Step *step, void (*work) (void *arg))
{
	int			level = NewGUCNestLevel();
	int			sqlstate;

	(void) set_config_option("lock_timeout", START_LOCK_TIMEOUT, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	sqlstate = PersonaTrap(work, step);
	AtEOXact_GUC(false, level);
	if (sqlstate == 0)
		MomentWriteTallies(step->space, step->tallies);
	else
		step->tallies = NIL;
	if (sqlstate != 0 && sqlstate != ERRCODE_LOCK_NOT_AVAILABLE)
		SpaceIncident(step->space, "start", step->moment, sqlstate);
}

static void
RefreshStep(Step *step)
{
	TryStart(step, Refresh);
}

static void
CalendarStep(Step *step)
{
	TryStart(step, KeepCalendar);
}

static void
PartitionStep(Step *step)
{
	TryStart(step, MakePartitions);
}

static void
StartStep(Step *step)
{
	step->rows = MomentStartBatch(step->space, NULL, &step->run->inbox_from,
								  &step->tallies);
	MomentWriteTallies(step->space, step->tallies);
}

static void
GuardStep(Step *step)
{
	if (MomentHoldSpike(step->space, step->moment))
		step->failed = list_make1(unconstify(char *, step->moment));
}

static void
DecideStep(Step *step)
{
	step->rows = MomentDecideBatch(step->space, step->run->moments,
								   step->moment, NULL, &step->tallies,
								   &step->failed);
	if (step->rows == 0)
		step->failed = lappend(step->failed, unconstify(char *, step->moment));
}

static void
RetainStep(Step *step)
{
	step->rows = MomentRetainBatch(step->space, &step->tallies);
	MomentWriteTallies(step->space, step->tallies);
}

static void
LeaveOut(Run *run, const char *moment)
{
	ListCell   *cell;

	foreach(cell, run->moments)
		if (strcmp(lfirst(cell), moment) == 0)
			run->moments = foreach_delete_current(run->moments, cell);
}

/* What is kept of a batch, in the run's own memory, where the batch's may go. */
static void
KeepStep(Step *step)
{
	MemoryContext old = MemoryContextSwitchTo(step->run->context);
	ListCell   *cell;

	MomentAddTallies(&step->run->tallies, step->tallies);
	foreach(cell, step->failed)
		LeaveOut(step->run, lfirst(cell));
	step->tallies = NIL;
	step->failed = NIL;
	MemoryContextSwitchTo(old);
}

static void
NoteStep(Step *step)
{
	MomentNoteRun(step->space);
}

static void
CatchUpStep(Step *step)
{
	(void) MomentCatchUp(step->space, false);
}

static void
Transaction(Step *step, void (*work) (Step *step))
{
	PersonaAct	act;
	MemoryContext batch;
	MemoryContext old;

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	PushActiveSnapshot(GetTransactionSnapshot());
	batch = AllocSetContextCreate(step->run->context, "persona batch",
								  ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(batch);
	step->space = SpaceGet(step->run->space);
	step->rows = 0;
	PersonaActBegin(&act, step->space->owner);
	work(step);
	PersonaActEnd(&act);
	KeepStep(step);
	MemoryContextSwitchTo(old);
	PopActiveSnapshot();
	SPI_commit();
	SPI_finish();
	MemoryContextDelete(batch);
}

/* A batch of the run; false where it found nothing or none is left to do. */
static bool
Batch(Step *step, void (*work) (Step *step))
{
	Run		   *run = step->run;

	if (run->limited && run->batches_left == 0)
		return false;
	CHECK_FOR_INTERRUPTS();
	Transaction(step, work);
	if (step->rows == 0)
		return false;
	run->batches_left--;
	run->batches++;
	run->rows += step->rows;
	MomentShowProgress(run->space, run->rows, run->batches);
	return true;
}

/* Batch after batch, while there is something to do. */
static void
Repeat(Step *step, void (*work) (Step *step))
{
	while (Batch(step, work))
		;
}

/* ---- the whole of it ---- */

/* The live moments, in the run's own memory. */
static List *
LiveMoments(Run *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	List	   *moments = MomentLoadLive(SpaceGet(run->space), NULL);

	MemoryContextSwitchTo(old);
	return moments;
}

/* Their names, for the whole run: each is read anew when its turn comes. */
static List *
LiveNames(Run *run)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, LiveMoments(run))
		names = lappend(names, ((Moment *) lfirst(cell))->name);
	return names;
}

static bool
HasSegment(List *moments)
{
	ListCell   *cell;

	foreach(cell, moments)
		if (((Moment *) lfirst(cell))->on_segment != NULL)
			return true;
	return false;
}

/* Batches of the inbox, from its beginning on. */
static void
StartFromHead(Step *step)
{
	ItemPointerSet(&step->run->inbox_from, 0, 0);
	Repeat(step, StartStep);
}

/*
 * All that waits in the inbox, or as much as leaves half of the batches to
 * what is due.
 */
static void
StartAll(Step *step)
{
	Run		   *run = step->run;
	int			left = run->limited ? run->batches_left / 2 : 0;

	run->batches_left -= left;
	StartFromHead(step);
	run->batches_left += left;
}

/* What starts moments by itself, as time goes by. */
static void
GatherStarts(Step *step)
{
	List	   *moments;
	ListCell   *cell;

	Transaction(step, PartitionStep);
	moments = LiveMoments(step->run);
	if (HasSegment(moments))
		Transaction(step, RefreshStep);
	foreach(cell, moments)
	{
		const Moment *moment = lfirst(cell);

		if (moment->schedule == NULL)
			continue;
		step->moment = moment->name;
		Transaction(step, CalendarStep);
	}
	step->moment = NULL;
}

static void
GuardAll(Step *step)
{
	ListCell   *cell;

	foreach(cell, list_copy(step->run->moments))
	{
		step->moment = lfirst(cell);
		Transaction(step, GuardStep);
	}
}

/* In turns, until there is nothing due in any of the moments. */
static void
DecideAll(Step *step)
{
	Run		   *run = step->run;
	uint64		turn = pg_prng_uint32(&pg_global_prng_state);

	while (run->moments != NIL)
	{
		step->moment = list_nth(run->moments,
								turn % list_length(run->moments));
		if (Batch(step, DecideStep))
			turn++;
		else if (run->limited && run->batches_left == 0)
			return;
	}
}

static void
RefuseAtomic(FunctionCallInfo fcinfo)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		((CallContext *) fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("run() cannot run inside a transaction block"),
				 errdetail("It commits a batch at a time."),
				 errhint("Call it on its own: CALL persona.run().")));
	MomentRefuseStandby("run()");
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("run() needs isolation level READ COMMITTED"),
				 errdetail("It must see consents that were withdrawn while it waited."),
				 errhint("SET default_transaction_isolation = 'read committed'.")));
}

PG_FUNCTION_INFO_V1(persona_run);

/* persona.run(max_batches, space): starts and decides all that is due. */
Datum
persona_run(PG_FUNCTION_ARGS)
{
	Run			run = {.context = CurrentMemoryContext};
	Step		step = {.run = &run};
	Space	   *space;

	RefuseAtomic(fcinfo);
	if (!PG_ARGISNULL(0))
	{
		run.limited = true;
		run.batches_left = PG_GETARG_INT32(0);
		if (run.batches_left < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("max_batches must be at least 1")));
	}
	space = SpaceGet(PG_ARGISNULL(1) ? NULL :
					 text_to_cstring(PG_GETARG_TEXT_PP(1)));
	SpaceRefuseStranger(space);
	run.space = pstrdup(space->name);
	if (!persona_enabled)
	{
		ereport(NOTICE, (errmsg("persona.enabled is off: nothing runs")));
		PG_RETURN_VOID();
	}
	if (PersonaClockIsMoved())
		ereport(NOTICE, (errmsg("persona's clock stands at %s",
								timestamptz_to_str(PersonaNow()))));
	Transaction(&step, NoteStep);
	Transaction(&step, CatchUpStep);
	GatherStarts(&step);
	StartAll(&step);
	run.moments = LiveNames(&run);
	GuardAll(&step);
	DecideAll(&step);
	/* Where little was due, the inbox may have what is left. */
	if (run.limited)
		StartFromHead(&step);
	Repeat(&step, RetainStep);
	MomentShowProgress(run.space, 0, 0);
	MomentReport(run.space, run.tallies);
	PG_RETURN_VOID();
}
