/*
 * start.c: from the inbox to the schedule: who enters a moment, and when its
 * message is due.
 *
 * A batch locks the anchors of its subjects first, skipping those that are
 * locked, and looks at the rows by a later statement: what it then sees,
 * nobody else can be deciding. Events of nobody known are counted and gone.
 */
#include "moment/run.h"
#include "moment/start.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* The rows of one batch: where they stand, and whose they are. */
typedef struct Batch
{
	const Space *space;
	Datum		rows;			/* tid[] */
	Datum		subjects;		/* K[] */
	TimestampTz since;			/* the first activation of a live moment */
	const char *window;			/* SQL: the rows of the inbox it looks at */
	PersonaArgs whose;			/* the window's argument */
	List	  **tallies;
} Batch;

/*
 * How far from its head a batch looks into the inbox: far enough that a few
 * who are locked hide nobody, and no further, for each batch looks again.
 */
#define START_WINDOW (10 * MOMENT_BATCH)

/*
 * Moves `from` to the first row of the inbox that is still there. What batches
 * took before is dead and not gone: to pass it over each time would make a
 * full inbox take its square. What is put in before that waits for the next run.
 */
static bool
FindFirst(const Space *space, ItemPointer from)
{
	PersonaArgs args = {0};
	bool		isnull;

	PersonaArg(&args, TIDOID, PointerGetDatum(from), false);
	if (PersonaExecuteKept(psprintf("SELECT j.ctid AS row FROM %s j WHERE j.ctid >= $1 LIMIT 1",
									MomentInboxTable(space)), &args, false) == 0)
		return false;
	*from = *(ItemPointer) DatumGetPointer(PersonaColumn(0, "row", &isnull));
	return true;
}

/* Of everybody's rows those from there on; of one subject's all. */
static char *
Window(const Space *space, const char *subject, const ItemPointerData *from,
	   PersonaArgs *whose)
{
	const char *which = subject ? MomentIsOf(space, "j", subject, whose) :
	psprintf("j.ctid >= '(%u,%u)'", ItemPointerGetBlockNumberNoCheck(from),
			 ItemPointerGetOffsetNumberNoCheck(from));

	return psprintf("(SELECT j.ctid AS row, j.subject FROM %s j WHERE %s LIMIT %d)",
					MomentInboxTable(space), which, START_WINDOW);
}

/* ---- the lock, and the rows under it ---- */

/*
 * Anchors of the subjects that wait in the inbox and have none yet. Each is
 * looked up by itself: tables of all customers are not to be read for a window.
 */
static void
MakeAnchors(const Batch *batch)
{
	const Space *space = batch->space;

	MomentExecute(psprintf("INSERT INTO %s (subject, born_at)"
						   " SELECT DISTINCT w.subject, pg_catalog.clock_timestamp()"
						   " FROM %s w"
						   " WHERE (SELECT a.subject FROM %s a WHERE a.subject = w.subject) IS NULL"
						   "  AND (SELECT s.%s FROM %s s WHERE s.%s = w.subject LIMIT 1) IS NOT NULL"
						   " ORDER BY 1 ON CONFLICT DO NOTHING",
						   SpaceTable(space, "anchor"), batch->window,
						   SpaceTable(space, "anchor"),
						   quote_identifier(space->key.name),
						   PersonaRelationName(space->relid),
						   quote_identifier(space->key.name)),
				  &batch->whose);
}

/*
 * Rows without a subject, or of one that the subject table does not have, are
 * counted for each moment that would have looked at them.
 */
static uint64
CountStrangers(const Batch *batch)
{
	const Space *space = batch->space;
	const char *there = psprintf("(SELECT s.%s FROM %s s WHERE s.%s = i.subject LIMIT 1) IS NOT NULL",
								 quote_identifier(space->key.name),
								 PersonaRelationName(space->relid),
								 quote_identifier(space->key.name));
	uint64		n = MomentExecute(psprintf("WITH gone AS (DELETE FROM %s i WHERE i.ctid = ANY (ARRAY("
										   "  SELECT i.row FROM %s i WHERE NOT %s)) AND NOT %s"
										   " RETURNING i.event, i.subject IS NULL AS nobody)"
										   " SELECT event, nobody, pg_catalog.count(*) AS n FROM gone GROUP BY 1, 2",
										   MomentInboxTable(space),
										   batch->window, there, there),
								  &batch->whose);
	uint64		taken = 0;

	for (uint64 i = 0; i < n; i++)
	{
		char	   *event;
		bool		nobody;
		int64		count;
		bool		isnull;
		ListCell   *cell;

		event = PersonaColumnText(i, "event");
		nobody = DatumGetBool(PersonaColumn(i, "nobody", &isnull));
		count = DatumGetInt64(PersonaColumn(i, "n", &isnull));
		foreach(cell, MomentLoadLive(space, event))
			MomentCount(batch->tallies, ((Moment *) lfirst(cell))->name,
						nobody ? "no_subject" : "unknown_subject", count);
		taken += count;
	}
	return taken;
}

static uint64
LockBatch(Batch *batch)
{
	const Space *space = batch->space;
	bool		isnull;
	int64		n;

	MomentExecute(psprintf("WITH locked AS MATERIALIZED (SELECT i.row, i.subject"
						   "  FROM %s i JOIN %s a ON a.subject = i.subject LIMIT %d FOR UPDATE OF a SKIP LOCKED)"
						   " SELECT pg_catalog.count(*) AS n, pg_catalog.array_agg(row) AS rows,"
						   "  pg_catalog.array_agg(subject) AS subjects FROM locked",
						   batch->window, SpaceTable(space, "anchor"),
						   MOMENT_BATCH),
				  &batch->whose);
	n = DatumGetInt64(PersonaColumn(0, "n", &isnull));
	if (n == 0)
		return 0;
	batch->rows = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(0, "rows", &isnull)));
	batch->subjects = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(0, "subjects", &isnull)));
	return n;
}

static void
BatchArgs(const Batch *batch, Datum rows, PersonaArgs *args)
{
	PersonaArg(args, TIDARRAYOID, rows, false);
	PersonaArg(args, get_array_type(batch->space->key.type), batch->subjects,
			   false);
}

/* ---- one moment's look at the batch ---- */

/* What a row's evaluation needs and leaves; done inside a trap. */
typedef struct Evaluation
{
	Batch	   *batch;
	const Moment *moment;
	const char *sql;
	Datum		rows;
	List	   *entries;		/* of MomentEntry * */
	List	   *counted;		/* tallies, added once the statement is
								 * through */
} Evaluation;

static void
Evaluate(void *arg)
{
	Evaluation *e = arg;
	PersonaArgs args = {0};
	uint64		n;
	List	   *entries = NIL;
	List	   *counted = NIL;

	BatchArgs(e->batch, e->rows, &args);
	n = PersonaExecuteKept(e->sql, &args, false);
	for (uint64 i = 0; i < n; i++)
	{
		MomentEntry *entry = palloc(sizeof(MomentEntry));
		const char *reason = MomentReadEntry(i, e->moment, entry);

		if (reason != NULL)
			MomentCount(&counted, e->moment->name, reason, 1);
		else
			entries = lappend(entries, entry);
	}
	e->entries = list_concat(e->entries, entries);
	e->counted = list_concat(e->counted, counted);
}

/*
 * Evaluates the rows, and where one fails halves them until the poisoned ones
 * stand alone: those are counted as unknown, all others go on.
 */
static void
EvaluateRows(Evaluation *e, const ItemPointerData *rows, int n)
{
	int			sqlstate;

	CHECK_FOR_INTERRUPTS();
	e->rows = MomentTids(rows, n);
	sqlstate = PersonaTrap(Evaluate, e);
	if (sqlstate == 0)
		return;
	if (n == 1)
	{
		MomentCount(&e->counted, e->moment->name, "rule_unknown", 1);
		SpaceIncident(e->batch->space, "start", e->moment->name, sqlstate);
		return;
	}
	EvaluateRows(e, rows, n / 2);
	EvaluateRows(e, rows + n / 2, n - n / 2);
}

static ItemPointerData *
BatchRows(const Batch *batch, int *n)
{
	Datum	   *elements;
	ItemPointerData *rows;

	deconstruct_array(DatumGetArrayTypeP(batch->rows), TIDOID,
					  sizeof(ItemPointerData), false, TYPALIGN_SHORT,
					  &elements, NULL, n);
	rows = palloc(sizeof(ItemPointerData) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		rows[i] = *(ItemPointer) DatumGetPointer(elements[i]);
	return rows;
}

/* Writes the entries; what was found twice is no news but to a rehearsal. */
static void
CountEntered(Evaluation *e)
{
	const char *name = e->moment->name;
	List	   *left = MomentCountAgain(e->batch->space, e->moment, e->entries);
	int64		written = MomentWriteEntries(e->batch->space, e->moment, left);

	MomentCount(e->batch->tallies, name, "entered", written);
	if (MomentIsRehearsing())
		MomentCount(e->batch->tallies, name, "again",
					list_length(e->moment->restart ? left : e->entries) - written);
}

static void
StartMoment(void *arg)
{
	Evaluation *e = arg;
	int			n;
	ItemPointerData *rows = BatchRows(e->batch, &n);
	ListCell   *cell;

	e->sql = MomentKeptProgram(e->batch->space, &e->moment)->start_sql;
	if (e->sql == NULL)
		return;
	EvaluateRows(e, rows, n);
	if (e->entries != NIL)
		CountEntered(e);
	foreach(cell, e->counted)
	{
		MomentTally *tally = lfirst(cell);

		MomentCount(e->batch->tallies, tally->moment, tally->reason, tally->n);
	}
}

/*
 * All live moments on what is in this batch. A moment that cannot be
 * compiled any more (a column it names was dropped) is noted and passed over.
 */
static void
StartMoments(Batch *batch)
{
	ListCell   *cell;

	foreach(cell, MomentLiveNames(batch->space))
	{
		Evaluation	e = {.batch = batch,
		.moment = MomentKept(batch->space, lfirst(cell))};
		int			sqlstate;

		batch->since = Min(batch->since, e.moment->activated_at);
		sqlstate = PersonaTrap(StartMoment, &e);
		if (sqlstate != 0)
			SpaceIncident(batch->space, "start", e.moment->name, sqlstate);
	}
}

uint64
MomentStartBatch(const Space *space, const char *subject, ItemPointer from,
				 List **tallies)
{
	Batch		batch = {.space = space, .since = DT_NOEND, .tallies = tallies};
	PersonaArgs args = {0};
	uint64		strangers = 0;
	uint64		taken;

	if (subject == NULL && !FindFirst(space, from))
		return 0;
	batch.window = Window(space, subject, from, &batch.whose);
	taken = LockBatch(&batch);
	/* To make an anchor may take waiting, so nobody is locked meanwhile. */
	if (taken == 0)
	{
		MakeAnchors(&batch);
		strangers = CountStrangers(&batch);
		taken = LockBatch(&batch);
	}
	if (taken == 0)
		return strangers;
	StartMoments(&batch);
	BatchArgs(&batch, batch.rows, &args);
	MomentTakeOut(space, &args, batch.since);
	return strangers + taken;
}
