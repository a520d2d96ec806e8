/*
 * case.c: a row of what a batch, or a question, has read, as the gates see it.
 *
 * What goes on into the decision as it stands, such as the subject's key, is
 * kept as it was read: it lives as long as the SPI connection does.
 */
#include "moment/gate.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* The columns of a decide_sql or probe_sql, in their order. */
enum
{
	CASE_ROW, CASE_KEY, CASE_SUBJECT, CASE_EVENT, CASE_EVENT_KEY, CASE_STEP,
	CASE_ONCE_KEY, CASE_DECISION, CASE_DUE, CASE_FIRST_DUE, CASE_STARTED_AT,
	CASE_SUBJECT_THERE, CASE_EVENT_THERE, CASE_ENTRY, CASE_CANCEL,
	CASE_REACHED, CASE_EXPIRES_AT, CASE_STALE, CASE_UNIT, CASE_ASSIGNED,
	CASE_CHANNEL, CASE_ADDRESS,
	CASE_ZONE, CASE_SUPPRESSED, CASE_ALLOWED, CASE_CONSENT_REASON, CASE_LEDGER,
	CASE_REFUSED, CASE_SENT, CASE_REPEATS, CASE_ALIKE, CASE_TOLD_BEFORE,
	CASE_ROUNDS, CASE_OLD, CASE_VALUES, CASE_COLUMNS
};

/* One row, taken apart. */
typedef struct Row
{
	Datum		values[CASE_COLUMNS];
	bool		nulls[CASE_COLUMNS];
} Row;

static MomentTruth
Truth(const Row *row, int column)
{
	if (row->nulls[column])
		return MOMENT_UNKNOWN;
	return DatumGetBool(row->values[column]) ? MOMENT_TRUE : MOMENT_FALSE;
}

static bool
IsTrue(const Row *row, int column)
{
	return Truth(row, column) == MOMENT_TRUE;
}

static char *
Text(const Row *row, int column)
{
	return row->nulls[column] ? NULL : TextDatumGetCString(row->values[column]);
}

/* 0 for NULL: as it was read, by value or by a pointer into the row. */
static Datum
AsRead(const Row *row, int column)
{
	return row->nulls[column] ? 0 : row->values[column];
}

static List *
TextList(Datum array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	List	   *texts = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			texts = lappend(texts, TextDatumGetCString(elements[i]));
	return texts;
}

static List *
Texts(const Row *row, int column)
{
	return row->nulls[column] ? NIL : TextList(row->values[column]);
}

List *
MomentReadTexts(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = PersonaColumn(row, column, &isnull);

	return isnull ? NIL : TextList(value);
}

static int64 *
Counts(const Row *row, int column)
{
	ArrayType  *array = DatumGetArrayTypePCopy(row->values[column]);

	return (int64 *) ARR_DATA_PTR(array);
}

MomentCase *
MomentReadCase(uint64 number, const Moment *moment)
{
	MomentCase *one = palloc0(sizeof(MomentCase));
	Row			row;

	Assert(SPI_tuptable->tupdesc->natts == CASE_COLUMNS);
	heap_deform_tuple(SPI_tuptable->vals[number], SPI_tuptable->tupdesc,
					  row.values, row.nulls);
	one->row = *(ItemPointer) DatumGetPointer(row.values[CASE_ROW]);
	one->key = row.values[CASE_KEY];
	one->subject = Text(&row, CASE_SUBJECT);
	one->event = AsRead(&row, CASE_EVENT);
	one->event_key = AsRead(&row, CASE_EVENT_KEY);
	one->step = DatumGetInt32(row.values[CASE_STEP]);
	one->once_key = Text(&row, CASE_ONCE_KEY);
	one->decision = DatumGetUUIDP(AsRead(&row, CASE_DECISION));
	one->due = DatumGetTimestampTz(AsRead(&row, CASE_DUE));
	one->first_due = DatumGetTimestampTz(AsRead(&row, CASE_FIRST_DUE));
	one->started_at = DatumGetTimestampTz(AsRead(&row, CASE_STARTED_AT));
	one->subject_there = IsTrue(&row, CASE_SUBJECT_THERE);
	one->event_there = IsTrue(&row, CASE_EVENT_THERE);
	one->entry = Truth(&row, CASE_ENTRY);
	one->cancel = Truth(&row, CASE_CANCEL);
	one->reached = Texts(&row, CASE_REACHED);
	one->has_expiry = !row.nulls[CASE_EXPIRES_AT];
	one->expires_at = DatumGetTimestampTz(AsRead(&row, CASE_EXPIRES_AT));
	one->stale = Text(&row, CASE_STALE);
	one->unit = Text(&row, CASE_UNIT);
	one->assigned = Text(&row, CASE_ASSIGNED);
	one->channel = Text(&row, CASE_CHANNEL);
	one->address = Text(&row, CASE_ADDRESS);
	one->zone = Text(&row, CASE_ZONE);
	one->suppressed = Text(&row, CASE_SUPPRESSED);
	one->allowed = IsTrue(&row, CASE_ALLOWED);
	one->consent_reason = Text(&row, CASE_CONSENT_REASON);
	one->ledger = Text(&row, CASE_LEDGER);
	one->refused = Texts(&row, CASE_REFUSED);
	one->sent = moment->caps ? Counts(&row, CASE_SENT) : NULL;
	one->repeats = DatumGetInt64(row.values[CASE_REPEATS]);
	one->alike = DatumGetInt64(row.values[CASE_ALIKE]);
	one->rounds = DatumGetInt64(row.values[CASE_ROUNDS]);
	if (!row.nulls[CASE_TOLD_BEFORE])
		one->told_before = DatumGetByteaPP(row.values[CASE_TOLD_BEFORE]);
	one->old = Texts(&row, CASE_OLD);
	if (!row.nulls[CASE_VALUES])
		one->values = DatumGetJsonbP(row.values[CASE_VALUES]);
	return one;
}
