/*
 * recall.c: what was called off while it waited in the outbox.
 *
 * Between the decision and the sender the shoes come back, a ticket is opened,
 * a goal is reached. What stops a decision stops its message, too: claim() asks
 * of its candidates once more, one statement for each moment that something can
 * cancel, and still_ok() and fail() of the one message.
 *
 * The space's owner asks, as in a run. Messages of which it cannot be told are
 * halved until those that fail stand alone, and come again in an hour: they may
 * not go, and are not given up for an error that may pass. Of that only the
 * SQLSTATE is kept.
 */
#include "moment/outbox.h"
#include "moment/run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Messages of one moment, and what is found out of them. */
typedef struct Question
{
	const Space *space;
	const char *moment;
	const char *sql;			/* the statement; NULL: nothing cancels it */
	Datum		subjects;		/* K[] of theirs */
	const ItemPointerData *rows;
	int			n;
	bool		read_only;		/* by the snapshot of whoever asks */
	ItemPointerData *cancelled;
	int			ncancelled;
	ItemPointerData *unknown;
	int			nunknown;
} Question;

/* ---- one moment's messages ---- */

static void
Compile(void *arg)
{
	Question   *q = arg;

	q->sql = MomentKeptRecall(q->space, q->moment);
}

static void
Ask(void *arg)
{
	Question   *q = arg;
	PersonaArgs args = {0};
	bool		isnull;
	uint64		n;

	PersonaArg(&args, TIDARRAYOID, MomentTids(q->rows, q->n), false);
	PersonaArg(&args, get_array_type(q->space->key.type), q->subjects, false);
	n = PersonaExecuteKept(q->sql, &args, q->read_only);
	for (uint64 i = 0; i < n; i++)
		q->cancelled[q->ncancelled++] =
			*(ItemPointer) DatumGetPointer(PersonaColumn(i, "row", &isnull));
}

/* Returns the SQLSTATE of what failed last, or 0. */
static int
AskRows(Question *q, const ItemPointerData *rows, int n)
{
	int			sqlstate;
	int			later;

	CHECK_FOR_INTERRUPTS();
	q->rows = rows;
	q->n = n;
	sqlstate = PersonaTrap(Ask, q);
	if (sqlstate == 0)
		return 0;
	if (n == 1)
	{
		q->unknown[q->nunknown++] = rows[0];
		return sqlstate;
	}
	sqlstate = AskRows(q, rows, n / 2);
	later = AskRows(q, rows + n / 2, n - n / 2);
	return later ? later : sqlstate;
}

/* ---- a page of a claim ---- */

/* A moment's part of a page. */
typedef struct Part
{
	char	   *moment;
	Datum		subjects;		/* K[] */
	ItemPointerData *rows;
	int			n;
} Part;

/* The page's messages of those moments, moment by moment; List of Part *. */
static List *
ReadParts(const Space *space, const char *moments, Datum rows)
{
	PersonaArgs args = {0};
	List	   *parts = NIL;
	bool		isnull;
	uint64		n;

	PersonaArg(&args, TIDARRAYOID, rows, false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(moments), false);
	n = PersonaExecuteKept(psprintf("SELECT m.moment, pg_catalog.array_agg(m.ctid) AS rows,"
									" pg_catalog.array_agg(m.subject) AS subjects FROM %s m"
									" WHERE m.ctid = ANY ($1)"
									" AND m.moment = ANY ($2::pg_catalog.text[]) GROUP BY 1 ORDER BY 1",
									SpaceTable(space, "message")), &args, false);
	for (uint64 i = 0; i < n; i++)
	{
		Part	   *part = palloc(sizeof(Part));

		part->moment = PersonaColumnText(i, "moment");
		part->rows = MomentReadTids(i, "rows", &part->n);
		part->subjects = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(i, "subjects", &isnull)));
		parts = lappend(parts, part);
	}
	return parts;
}

/* Somebody who is at one of them knows more of it by now. */
static void
PutOff(const Question *q)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TIDARRAYOID, MomentTids(q->unknown, q->nunknown), false);
	PersonaExecuteKept(psprintf("UPDATE %1$s SET ready_at = persona.now() + '1 hour'::pg_catalog.interval"
								" WHERE ctid = ANY (ARRAY(SELECT m.ctid FROM %1$s m WHERE m.ctid = ANY ($1)"
								"  FOR UPDATE SKIP LOCKED))",
								SpaceTable(q->space, "message")), &args, false);
}

static void
AskPart(Question *q, const Part *part)
{
	int			sqlstate;

	q->moment = part->moment;
	q->subjects = part->subjects;
	q->nunknown = 0;
	sqlstate = PersonaTrap(Compile, q);
	if (sqlstate != 0)
	{
		memcpy(q->unknown, part->rows, sizeof(ItemPointerData) * part->n);
		q->nunknown = part->n;
	}
	else if (q->sql != NULL)
		sqlstate = AskRows(q, part->rows, part->n);
	if (sqlstate == 0)
		return;
	SpaceIncident(q->space, "claim", q->moment, sqlstate);
	PutOff(q);
	ereport(NOTICE,
			(errmsg("what cancels moment \"%s\" cannot be told of %d of its messages: SQLSTATE %s",
					q->moment, q->nunknown, unpack_sql_state(sqlstate)),
			 errhint("They are asked again in an hour: mend the rule, or what it fails on.")));
}

/* How many messages they are together. */
static int
CountRows(List *parts)
{
	int			n = 0;
	ListCell   *cell;

	foreach(cell, parts)
		n += ((Part *) lfirst(cell))->n;
	return n;
}

Datum
MomentRecall(const Space *space, const char *moments, Datum rows)
{
	Question	q = {.space = space};
	List	   *parts = ReadParts(space, moments, rows);
	int			most = CountRows(parts);
	ListCell   *cell;

	q.cancelled = palloc(sizeof(ItemPointerData) * Max(most, 1));
	q.unknown = palloc(sizeof(ItemPointerData) * Max(most, 1));
	foreach(cell, parts)
	{
		AskPart(&q, lfirst(cell));
	}
	return q.ncancelled > 0 ? MomentTids(q.cancelled, q.ncancelled) : 0;
}

/* ---- one message ---- */

const char *
MomentRecallOne(const Space *space, const char *moment, ItemPointer row,
				Datum subjects)
{
	ItemPointerData cancelled;
	Question	q = {.space = space, .moment = moment, .subjects = subjects,
	.rows = row, .n = 1, .read_only = true, .cancelled = &cancelled};
	int			sqlstate = PersonaTrap(Compile, &q);

	if (sqlstate == 0 && q.sql != NULL)
		sqlstate = PersonaTrap(Ask, &q);
	if (sqlstate != 0)
		return "rule_unknown";
	return q.ncancelled > 0 ? "cancelled" : NULL;
}
