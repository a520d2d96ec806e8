/*
 * batch.c: which due rows are decided together, and what is done where one of
 * them fails.
 *
 * A batch is a thousand due rows of one moment, and with them whatever else is
 * due for the same subjects: of two moments that compete for a subject the one
 * of higher priority is decided first, in whatever order a run takes its
 * batches. Their anchors are locked first, those that somebody else holds
 * passed over, and the rows are looked at by later statements. Rows that fail
 * are halved until those that fail stand alone; all others are decided.
 */
#include "moment/run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef MomentBatch Batch;

/* Due rows of one moment, or of one subject in it. */
typedef struct DueRows
{
	const char *moment;
	const char *subject;		/* NULL: of everybody */
	ItemPointerData *rows;
	int			n;
} DueRows;

/* How many rows a batch takes of all moments together. */
#define BATCH_MOST (5 * MOMENT_BATCH)

/* ---- which rows: the lock, and the rows under it ---- */

ItemPointerData *
MomentReadTids(uint64 row, const char *column, int *n)
{
	bool		isnull;
	Datum	   *elements;
	ItemPointerData *rows;

	deconstruct_array(DatumGetArrayTypeP(PersonaColumn(row, column, &isnull)),
					  TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT,
					  &elements, NULL, n);
	rows = palloc(sizeof(ItemPointerData) * *n);
	for (int i = 0; i < *n; i++)
		rows[i] = *(ItemPointer) DatumGetPointer(elements[i]);
	return rows;
}

char *
MomentIsOf(const Space *space, const char *alias, const char *subject,
		   PersonaArgs *args)
{
	if (subject == NULL)
		return "true";
	PersonaArg(args, TEXTOID, CStringGetTextDatum(subject), false);
	return psprintf("%s.subject = $%d::%s", alias, args->n,
					PersonaTypeName(space->key.type));
}

uint64
MomentExecute(const char *sql, const PersonaArgs *args)
{
	return args->n > 0 ? PersonaExecuteKept(sql, args, false) :
		PersonaExecute(sql, args, false);
}

/*
 * Due rows d of the moment. Those of one subject are looked up by the subject,
 * and not among everybody's who are due.
 */
static char *
IsDue(const DueRows *front)
{
	return psprintf(front->subject == NULL ? "d.moment = %s AND d.due <= persona.now()" :
					"(d.moment = %s AND d.due <= persona.now()) IS TRUE",
					PersonaLiteral(front->moment));
}

/* Locks the anchors of due rows; the rows themselves are read afterwards. */
static bool
LockDue(const Space *space, DueRows *front, Datum *subjects)
{
	PersonaArgs args = {0};
	bool		isnull;

	MomentExecute(psprintf("WITH locked AS MATERIALIZED (SELECT d.ctid, d.subject FROM %s d"
						   "  JOIN %s a ON a.subject = d.subject"
						   "  WHERE %s AND %s"
						   "  ORDER BY d.due LIMIT %d FOR UPDATE OF a SKIP LOCKED)"
						   " SELECT pg_catalog.array_agg(ctid) AS rows, pg_catalog.array_agg(subject) AS subjects"
						   " FROM locked HAVING pg_catalog.count(*) > 0",
						   SpaceTable(space, "schedule"),
						   SpaceTable(space, "anchor"),
						   IsDue(front),
						   MomentIsOf(space, "d", front->subject, &args),
						   MOMENT_BATCH),
				  &args);
	if (SPI_processed == 0)
		return false;
	*subjects = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(0, "subjects", &isnull)));
	front->rows = MomentReadTids(0, "rows", &front->n);
	return true;
}

/*
 * All that is due for the locked subjects, moment by moment in their order of
 * priority; of very much the first. Rows are looked up by subject: the
 * conditions are written so that no other index looks better to a planner that
 * knows nothing of a table that comes and goes.
 */
static List *
ReadDue(const Space *space, List *names, Datum subjects)
{
	List	   *groups = NIL;
	PersonaArgs args = {0};
	uint64		n;

	PersonaArg(&args, get_array_type(space->key.type), subjects, false);
	PersonaArg(&args, TEXTARRAYOID, PersonaTexts(names), false);
	n = PersonaExecuteKept(psprintf("SELECT r.moment, pg_catalog.array_agg(r.row ORDER BY r.due) AS rows"
									" FROM (SELECT q.moment, q.row, q.due FROM (SELECT DISTINCT subject FROM pg_catalog.unnest($1) u(subject)) u"
									"  CROSS JOIN LATERAL (SELECT x.moment, x.ctid AS row, x.due FROM %s x WHERE x.subject = u.subject"
									"   AND (x.due <= persona.now()) IS TRUE AND (x.moment = ANY ($2)) IS TRUE OFFSET 0) q"
									"  ORDER BY pg_catalog.array_position($2, q.moment), q.due LIMIT %d) r"
									" GROUP BY r.moment ORDER BY pg_catalog.array_position($2, r.moment)",
									SpaceTable(space, "schedule"), BATCH_MOST),
						   &args, false);
	for (uint64 i = 0; i < n; i++)
	{
		DueRows    *group = palloc(sizeof(DueRows));

		group->moment = PersonaColumnText(i, "moment");
		group->rows = MomentReadTids(i, "rows", &group->n);
		groups = lappend(groups, group);
	}
	return groups;
}

/* ---- one moment's rows ---- */

/* A row that can neither be decided nor refused comes again in an hour. */
static void
Postpone(Batch *batch)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TIDARRAYOID, MomentTids(batch->rows, batch->n), false);
	PersonaExecuteKept(psprintf("UPDATE %s SET due = persona.now() + '1 hour'::pg_catalog.interval"
								" WHERE ctid = ANY ($1)",
								SpaceTable(batch->space, "schedule")), &args, false);
}

/*
 * The one row that fails is read again without anything that somebody wrote,
 * and decided as unknown.
 */
static void
DecideAlone(Batch *batch, int sqlstate)
{
	batch->failures++;
	SpaceIncident(batch->space, "decide", batch->moment->name, sqlstate);
	batch->sql = batch->program->bare_sql;
	batch->sqlstate = sqlstate;
	if (PersonaTrap(MomentDecideTogether, batch) != 0)
		Postpone(batch);
	batch->sql = batch->program->decide_sql;
	batch->sqlstate = 0;
}

/* Rows that fail together are halved until those that fail stand alone. */
static void
DecideRows(Batch *batch, const ItemPointerData *rows, int n)
{
	int			sqlstate;

	CHECK_FOR_INTERRUPTS();
	if (batch->held)
		return;
	batch->rows = rows;
	batch->n = n;
	sqlstate = PersonaTrap(MomentDecideTogether, batch);
	if (sqlstate == 0)
		return;
	if (n == 1)
	{
		DecideAlone(batch, sqlstate);
		return;
	}
	DecideRows(batch, rows, n / 2);
	DecideRows(batch, rows + n / 2, n - n / 2);
}

/* A group on its way through a batch. */
typedef struct Passing
{
	Batch	   *batch;
	DueRows    *group;
	uint64		taken;
} Passing;

static bool
IsOpen(const Moment *moment)
{
	return strcmp(moment->state, "live") == 0 && !moment->held;
}

static void
DecideGroup(void *arg)
{
	Passing    *passing = arg;
	Batch	   *batch = passing->batch;

	batch->moment = MomentKept(batch->space, passing->group->moment);
	if (!IsOpen(batch->moment))
		return;
	batch->program = MomentKeptProgram(batch->space, &batch->moment);
	/* It may have been stopped between the two. */
	if (!IsOpen(batch->moment))
		return;
	batch->sql = batch->program->decide_sql;
	DecideRows(batch, passing->group->rows, passing->group->n);
	if (batch->failures > 0)
		MomentHoldFailing(batch->space, batch->moment);
	if (!batch->held)
		passing->taken = passing->group->n;
}

/* A moment that fails as a whole is noted and does not stop the others. */
static uint64
TryGroup(Batch *batch, DueRows *group, List **tallies, List **failed)
{
	Passing		passing = {batch, group};
	int			sqlstate;

	batch->tallies = NIL;
	batch->failures = 0;
	batch->held = false;
	sqlstate = PersonaTrap(DecideGroup, &passing);
	if (sqlstate == 0)
	{
		MomentAddTallies(tallies, batch->tallies);
		return passing.taken;
	}
	*failed = lappend(*failed, pstrdup(group->moment));
	SpaceIncident(batch->space, "decide", group->moment, sqlstate);
	MomentCount(tallies, group->moment, "failed (see incident)", 1);
	return 0;
}

uint64
MomentDecideBatch(const Space *space, List *names, const char *front,
				  const char *subject, List **tallies, List **failed)
{
	Batch		batch = {.space = space};
	DueRows		first = {front, subject};
	const Moment *moment = MomentKept(space, front);
	List	   *groups = list_make1(&first);
	uint64		taken = 0;
	ListCell   *cell;

	if (!IsOpen(moment))
		return 0;
	/* Where another runner decides under them, it is its turn. */
	if (MomentCapsByAddress(moment) && !MomentLockAddresses(space, false))
		return 0;
	if (!LockDue(space, &first, &batch.subjects))
		return 0;
	if (list_length(names) > 1)
		groups = ReadDue(space, names, batch.subjects);
	foreach(cell, groups)
	{
		taken += TryGroup(&batch, lfirst(cell), tallies, failed);
	}
	return taken;
}
