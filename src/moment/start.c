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

#include "consent/consent.h"
#include "experiment/experiment.h"

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

static char *
Window(const Space *space, const char *subject, PersonaArgs *whose)
{
	return psprintf("(SELECT j.ctid AS row, j.subject FROM %s j WHERE %s LIMIT %d)",
					MomentInboxTable(space),
					MomentIsOf(space, "j", subject, whose), START_WINDOW);
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

bool
MomentInShare(const Moment *moment, const char *subject)
{
	return ExperimentBucket(psprintf("%s.share", moment->name),
							subject) < moment->share;
}

static const char *
WhyNot(const Moment *moment, uint64 row)
{
	bool		isnull;
	Datum		at = PersonaColumn(row, "at", &isnull);

	if (isnull || TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(at)))
		return "no_time";
	if (DatumGetTimestampTz(at) < moment->activated_at)
		return "too_late";
	if (!DatumGetBool(PersonaColumn(row, "event_there", &isnull)))
		return "event_gone";
	if (!MomentInShare(moment, PersonaColumnText(row, "subject")))
		return "not_in_share";
	at = PersonaColumn(row, "entry", &isnull);
	if (isnull)
		return "rule_unknown";
	if (!DatumGetBool(at))
		return "rule_false";
	(void) PersonaColumn(row, "once_key", &isnull);
	return isnull ? "no_once_key" : NULL;
}

static MomentEntry *
ReadEntry(uint64 row)
{
	MomentEntry *entry = palloc(sizeof(MomentEntry));
	bool		isnull;

	entry->row = *(ItemPointer) DatumGetPointer(PersonaColumn(row, "row", &isnull));
	entry->subject = PersonaColumnText(row, "subject");
	entry->once_key = PersonaColumnText(row, "once_key");
	entry->at = DatumGetTimestampTz(PersonaColumn(row, "at", &isnull));
	entry->due = DatumGetTimestampTz(PersonaColumn(row, "due", &isnull));
	entry->last_step = DatumGetInt32(PersonaColumn(row, "last_step", &isnull));
	entry->last_at = DatumGetTimestampTz(PersonaColumn(row, "last_at", &isnull));
	if (isnull)
		entry->last_at = DT_NOBEGIN;
	return entry;
}

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
		const char *reason = WhyNot(e->moment, i);

		if (reason != NULL)
			MomentCount(&counted, e->moment->name, reason, 1);
		else
			entries = lappend(entries, ReadEntry(i));
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

static Datum
TextArray(Datum *texts, int n)
{
	return PointerGetDatum(construct_array(texts, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/* The entries' columns as parameters $1 to $5. */
static void
EntryArgs(List *entries, PersonaArgs *args)
{
	int			n = list_length(entries);
	ItemPointerData *rows = palloc(sizeof(ItemPointerData) * n);
	Datum	   *decisions = palloc(sizeof(Datum) * n);
	Datum	   *keys = palloc(sizeof(Datum) * n);
	Datum	   *dues = palloc(sizeof(Datum) * n);
	Datum	   *steps = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
	{
		MomentEntry *entry = list_nth(entries, i);

		rows[i] = entry->row;
		decisions[i] = CStringGetTextDatum(entry->decision);
		keys[i] = CStringGetTextDatum(entry->once_key);
		dues[i] = TimestampTzGetDatum(entry->due);
		steps[i] = Int32GetDatum(entry->step);
	}
	PersonaArg(args, TIDARRAYOID, MomentTids(rows, n), false);
	PersonaArg(args, TEXTARRAYOID, TextArray(decisions, n), false);
	PersonaArg(args, TEXTARRAYOID, TextArray(keys, n), false);
	PersonaArg(args, TIMESTAMPTZARRAYOID,
			   PointerGetDatum(construct_array(dues, n, TIMESTAMPTZOID, 8,
											   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
			   false);
	PersonaArg(args, INT4ARRAYOID,
			   PointerGetDatum(construct_array(steps, n, INT4OID, 4, true,
											   TYPALIGN_INT)), false);
}

/*
 * Writes those that were not decided yet, and says how many are new, and how
 * many start nothing again. Of several with one id the earliest counts; where
 * the moment restarts, the latest, which moves the due time of one that waits
 * already.
 */
static int64
WriteSchedule(const Batch *batch, const Moment *moment, List *entries,
			  int64 *again)
{
	PersonaArgs args = {0};
	bool		isnull;

	EntryArgs(entries, &args);
	PersonaExecuteKept(psprintf("WITH written AS (INSERT INTO %s AS q (subject, decision, moment, due, first_due, started_at,"
								"   counts_from, event, event_key, once_key, step)"
								"  SELECT DISTINCT ON (x.decision) i.subject, x.decision::pg_catalog.uuid, %s,"
								"   x.due, x.due, pg_catalog.min(i.at) OVER (PARTITION BY x.decision), i.at,"
								"   i.event, i.event_key, x.once_key, x.step"
								"  FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY"
								"   x(row, decision, once_key, due, step, ord)"
								"  JOIN %s i ON i.ctid = x.row"
								"  WHERE NOT EXISTS (SELECT FROM %s d WHERE d.subject = i.subject"
								"   AND d.decision = x.decision::pg_catalog.uuid)"
								"  AND NOT %s"
								"  ORDER BY x.decision, x.ord%s"
								"  ON CONFLICT (subject, decision) DO %s RETURNING q.xmax = 0 AS is_new)"
								" SELECT pg_catalog.count(*) FILTER (WHERE w.is_new) AS n,"
								"  (SELECT pg_catalog.count(%sx) FROM unnest($2) x) - pg_catalog.count(*) AS again FROM written w",
								SpaceTable(batch->space, "schedule"),
								PersonaLiteral(moment->name),
								MomentInboxTable(batch->space),
								SpaceTable(batch->space, "decision"),
								ConsentErased(batch->space, "x.decision"),
								moment->restart ? " DESC" : "",
								moment->restart ? "UPDATE SET due = excluded.due, first_due = excluded.due,"
								"  counts_from = excluded.counts_from, event_key = excluded.event_key"
								"  WHERE excluded.counts_from > q.counts_from" : "NOTHING",
								moment->restart ? "DISTINCT " : ""),
					   &args, false);
	*again = DatumGetInt64(PersonaColumn(0, "again", &isnull));
	return DatumGetInt64(PersonaColumn(0, "n", &isnull));
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
	{
		int64		again;

		MomentCountAgain(e->batch->space, e->moment, e->entries);
		MomentCount(e->batch->tallies, e->moment->name, "entered",
					WriteSchedule(e->batch, e->moment, e->entries, &again));
		/* What was found twice is no news to a run. */
		if (MomentIsRehearsing())
			MomentCount(e->batch->tallies, e->moment->name, "again", again);
	}
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
MomentStartBatch(const Space *space, const char *subject, List **tallies)
{
	Batch		batch = {.space = space, .since = DT_NOEND,
	.tallies = tallies};
	PersonaArgs args = {0};
	uint64		strangers = 0;
	uint64		taken;

	batch.window = Window(space, subject, &batch.whose);
	taken = LockBatch(&batch);

	/* A window whose subjects are known is taken batch by batch as it is. */
	if (taken < MOMENT_BATCH)
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
