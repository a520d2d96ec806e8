/*
 * run.c: CALL persona.run(), what pg_cron calls each minute.
 *
 * Every batch is a transaction of its own, so a cancel or a crash loses at
 * most the batch at hand. It acts as the owner of the space: run() can have
 * neither a SET clause nor SECURITY DEFINER, for with either it could not
 * commit, so each batch switches user, path and settings itself.
 */
#include "moment/moment.h"

#include "rule/rule.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
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
	int			batches_left;
	List	   *tallies;
	MemoryContext context;
} Run;

/* What one batch does, as a step of a run; `moment` is NULL for the inbox. */
typedef struct Step
{
	Run		   *run;
	const Space *space;
	const char *moment;
	List	   *tallies;
	uint64		rows;
	bool		held;
} Step;

/* ---- counting ---- */

void
MomentCount(List **tallies, const char *moment, const char *reason, int64 n)
{
	MomentTally *tally;
	ListCell   *cell;

	foreach(cell, *tallies)
	{
		tally = lfirst(cell);
		if (strcmp(tally->moment, moment) == 0 &&
			strcmp(tally->reason, reason) == 0)
		{
			tally->n += n;
			return;
		}
	}
	tally = palloc(sizeof(MomentTally));
	tally->moment = pstrdup(moment);
	tally->reason = pstrdup(reason);
	tally->n = n;
	*tallies = lappend(*tallies, tally);
}

/* Into the run's own memory, where the batch's may go. */
static void
KeepTallies(Step *step)
{
	MemoryContext old = MemoryContextSwitchTo(step->run->context);
	ListCell   *cell;

	foreach(cell, step->tallies)
	{
		MomentTally *tally = lfirst(cell);

		if (tally->n > 0)
			MomentCount(&step->run->tallies, tally->moment, tally->reason,
						tally->n);
	}
	MemoryContextSwitchTo(old);
}

/* Appended, never updated: no two sessions wait for each other. */
void
MomentWriteTallies(const Space *space, List *tallies)
{
	ListCell   *cell;

	foreach(cell, tallies)
	{
		MomentTally *tally = lfirst(cell);
		PersonaArgs args = {0};

		if (tally->n == 0)
			continue;
		PersonaArg(&args, TEXTOID, CStringGetTextDatum(tally->moment), false);
		PersonaArg(&args, TEXTOID, CStringGetTextDatum(tally->reason), false);
		PersonaArg(&args, INT8OID, Int64GetDatum(tally->n), false);
		PersonaExecute(psprintf("INSERT INTO %s VALUES ($1, persona.now()::pg_catalog.date, $2, $3)",
								SpaceTable(space, "moment_day")),
					   &args, false);
	}
}

Datum
MomentTids(const ItemPointerData *rows, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = PointerGetDatum(&rows[i]);
	return PointerGetDatum(construct_array(elements, n, TIDOID,
										   sizeof(ItemPointerData), false,
										   TYPALIGN_SHORT));
}

/* ---- the volume guard ---- */

/*
 * How many of a moment's messages may be due at once. A reloaded table or a
 * rule that suddenly fits everybody must not write to everybody: a young
 * moment may take a tenth of the subjects, an older one three times its
 * usual day, counted from when it began to decide.
 */
static const char *const guard_sql =
"SELECT m.moment,"
" (SELECT pg_catalog.count(*) FROM %1$s d WHERE d.moment = m.moment AND d.due <= persona.now()"
"  AND d.due > coalesce(m.released_at, '-infinity')) AS due,"
" CASE WHEN m.activated_at > persona.now() - '14 days'::pg_catalog.interval"
"  THEN GREATEST(1000, 0.1 * (SELECT pg_catalog.count(*) FROM %2$s))"
"  ELSE GREATEST(100, 3 * (SELECT pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY n)"
"   FROM (SELECT pg_catalog.count(x.decision) AS n FROM pg_catalog.generate_series(0, LEAST(27,"
"     (SELECT persona.now()::pg_catalog.date - pg_catalog.min(f.at)::pg_catalog.date FROM %3$s f WHERE f.moment = m.moment))) day"
"    LEFT JOIN %3$s x ON x.moment = m.moment"
"    AND x.at <= persona.now() - day * '1 day'::pg_catalog.interval"
"    AND x.at > persona.now() - (day + 1) * '1 day'::pg_catalog.interval GROUP BY day) d)) END AS most"
" FROM persona.moment m WHERE m.space = $1 AND m.moment = $2";

static void
Guard(void *arg)
{
	Step	   *step = arg;
	PersonaArgs args = {0};
	bool		isnull;
	int64		due;
	double		most;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(step->space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(step->moment), false);
	if (PersonaExecute(psprintf(guard_sql, SpaceTable(step->space, "schedule"),
								PersonaRelationName(step->space->relid),
								SpaceTable(step->space, "decision")),
					   &args, true) == 0)
		return;
	due = DatumGetInt64(PersonaColumn(0, "due", &isnull));
	most = DatumGetFloat8(PersonaColumn(0, "most", &isnull));
	if (due <= most)
		return;
	PersonaExecute("UPDATE persona.moment SET held_at = persona.now()"
				   " WHERE space = $1 AND moment = $2", &args, false);
	step->held = true;
	ereport(WARNING,
			(errmsg("moment \"%s\" is held: " INT64_FORMAT " messages are due at once, more than %.0f",
					step->moment, due, most),
			 errhint("Look at what started them; then SELECT persona.resume('%s') drops them, resume('%s', held => 'send') sends them.",
					 step->moment, step->moment)));
}

/* ---- one batch, one transaction ---- */

static void
DecideStep(void *arg)
{
	Step	   *step = arg;
	Moment	   *moment = MomentLoad(step->space, step->moment);

	step->rows = 0;
	if (strcmp(moment->state, "live") != 0 || moment->held)
		return;
	step->rows = MomentDecideBatch(step->space, moment, &step->tallies);
}

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
 * A week ahead, for decide() would make others wait for the first of a month
 * until its caller's transaction ends.
 */
static void
MakePartitions(void *arg)
{
	Step	   *step = arg;

	MomentMakePartition(step->space, PersonaNow());
	MomentMakePartition(step->space, PersonaNow() + 7 * USECS_PER_DAY);
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
	step->rows = MomentStartBatch(step->space, &step->tallies);
	MomentWriteTallies(step->space, step->tallies);
}

/* A moment that fails as a whole is noted and does not stop the others. */
static void
TryDecide(Step *step)
{
	int			sqlstate = PersonaTrap(DecideStep, step);

	if (sqlstate == 0)
		return;
	step->rows = 0;
	step->tallies = NIL;
	SpaceIncident(step->space, "decide", step->moment, sqlstate);
	MomentCount(&step->tallies, step->moment, "failed (see incident)", 1);
}

static void
GuardStep(Step *step)
{
	SpaceWithDefinitions(Guard, step);
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
	PersonaActBegin(&act, step->space->owner);
	work(step);
	PersonaActEnd(&act);
	KeepTallies(step);
	step->tallies = NIL;
	MemoryContextSwitchTo(old);
	PopActiveSnapshot();
	SPI_commit();
	SPI_finish();
	MemoryContextDelete(batch);
}

/* Repeats a step until it finds nothing more or the batches are used up. */
static void
Repeat(Step *step, void (*work) (Step *step))
{
	do
	{
		if (step->run->batches_left == 0)
			return;
		CHECK_FOR_INTERRUPTS();
		Transaction(step, work);
		step->run->batches_left--;
	} while (step->rows > 0);
}

/* ---- the whole of it ---- */

static bool
IsAnyMoment(const Moment *moment)
{
	return true;
}

static bool
HasSchedule(const Moment *moment)
{
	return moment->schedule != NULL;
}

static bool
HasRequest(const Moment *moment)
{
	return moment->on_request;
}

static bool
HasSegment(const Moment *moment)
{
	return moment->on_segment != NULL;
}

/* Such live moments by name, for the whole of the run. */
static List *
LiveMoments(Run *run, bool (*which) (const Moment *moment))
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, MomentLoadLive(SpaceGet(run->space), NULL))
		if (which(lfirst(cell)))
			names = lappend(names, ((Moment *) lfirst(cell))->name);
	MemoryContextSwitchTo(old);
	return names;
}

/* What starts moments by itself, as time goes by. */
static void
GatherStarts(Step *step)
{
	ListCell   *cell;

	if (LiveMoments(step->run, HasRequest) != NIL)
		Transaction(step, PartitionStep);
	if (LiveMoments(step->run, HasSegment) != NIL)
		Transaction(step, RefreshStep);
	foreach(cell, LiveMoments(step->run, HasSchedule))
	{
		step->moment = lfirst(cell);
		Transaction(step, CalendarStep);
	}
	step->moment = NULL;
}

static void
Report(const Run *run)
{
	StringInfoData line;
	const char *moment = NULL;
	ListCell   *cell;

	initStringInfo(&line);
	if (run->tallies == NIL)
		ereport(NOTICE, (errmsg("nothing was due in space \"%s\"", run->space)));
	foreach(cell, run->tallies)
	{
		MomentTally *tally = lfirst(cell);

		if (moment != NULL && strcmp(moment, tally->moment) != 0)
		{
			ereport(NOTICE, (errmsg("%s", line.data)));
			resetStringInfo(&line);
		}
		if (line.len == 0)
			appendStringInfo(&line, "moment \"%s\": ", tally->moment);
		else
			appendStringInfoString(&line, ", ");
		appendStringInfo(&line, INT64_FORMAT " %s", tally->n, tally->reason);
		moment = tally->moment;
	}
	if (line.len > 0)
		ereport(NOTICE, (errmsg("%s", line.data)));
}

static int
ByMoment(const ListCell *a, const ListCell *b)
{
	return strcmp(((MomentTally *) lfirst(a))->moment,
				  ((MomentTally *) lfirst(b))->moment);
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
	Run			run = {.context = CurrentMemoryContext, .batches_left = -1};
	Step		step = {.run = &run};
	Space	   *space;
	ListCell   *cell;

	RefuseAtomic(fcinfo);
	if (!PG_ARGISNULL(0))
	{
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
	GatherStarts(&step);
	Repeat(&step, StartStep);
	foreach(cell, LiveMoments(&run, IsAnyMoment))
	{
		step.moment = lfirst(cell);
		Transaction(&step, GuardStep);
		Repeat(&step, TryDecide);
	}
	list_sort(run.tallies, ByMoment);
	Report(&run);
	PG_RETURN_VOID();
}
