/*
 * entry.c: who enters a moment: what was evaluated of the rows of the inbox,
 * read, and written into the schedule.
 */
#include "moment/gate.h"
#include "moment/start.h"

#include "consent/consent.h"
#include "experiment/experiment.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* ---- reading ---- */

/* The columns of a start_sql, in their order. */
enum
{
	START_ROW, START_KEY, START_SUBJECT, START_EVENT, START_EVENT_KEY, START_AT,
	START_EVENT_THERE, START_ENTRY, START_ONCE_KEY, START_DUE, START_LAST_AT,
	START_LAST_STEP, START_COLUMNS
};

bool
MomentInShare(const Moment *moment, const char *subject)
{
	return ExperimentBucket(psprintf("%s.share", moment->name),
							subject) < moment->share;
}

static const char *
WhyNot(const Moment *moment, const Datum *values, const bool *nulls)
{
	TimestampTz at = DatumGetTimestampTz(values[START_AT]);

	if (nulls[START_AT] || TIMESTAMP_NOT_FINITE(at))
		return "no_time";
	if (at < moment->activated_at)
		return "too_late";
	if (!DatumGetBool(values[START_EVENT_THERE]))
		return "event_gone";
	if (moment->share < 1 &&
		!MomentInShare(moment, TextDatumGetCString(values[START_SUBJECT])))
		return "not_in_share";
	if (nulls[START_ENTRY])
		return "rule_unknown";
	if (!DatumGetBool(values[START_ENTRY]))
		return "rule_false";
	return nulls[START_ONCE_KEY] ? "no_once_key" : NULL;
}

const char *
MomentReadEntry(uint64 row, const Moment *moment, MomentEntry *entry)
{
	Datum		values[START_COLUMNS];
	bool		nulls[START_COLUMNS];
	const char *reason;

	Assert(SPI_tuptable->tupdesc->natts == START_COLUMNS);
	heap_deform_tuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
					  values, nulls);
	reason = WhyNot(moment, values, nulls);
	if (reason != NULL)
		return reason;
	entry->key = values[START_KEY];
	entry->subject = TextDatumGetCString(values[START_SUBJECT]);
	entry->event = values[START_EVENT];
	entry->event_key = values[START_EVENT_KEY];
	entry->once_key = TextDatumGetCString(values[START_ONCE_KEY]);
	entry->at = DatumGetTimestampTz(values[START_AT]);
	entry->started_at = entry->at;
	entry->due = DatumGetTimestampTz(values[START_DUE]);
	entry->last_step = nulls[START_LAST_STEP] ? 0 :
		DatumGetInt32(values[START_LAST_STEP]);
	entry->last_at = nulls[START_LAST_AT] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[START_LAST_AT]);
	return NULL;
}

/* ---- writing ---- */

/* The columns of the table `entry`. */
enum
{
	ENTRY_SUBJECT, ENTRY_DECISION, ENTRY_DUE, ENTRY_STARTED_AT, ENTRY_AT,
	ENTRY_EVENT, ENTRY_EVENT_KEY, ENTRY_ONCE_KEY, ENTRY_STEP, ENTRY_COLUMNS
};

static const PersonaRowsColumn columns[ENTRY_COLUMNS] = {
	{"subject", InvalidOid}, {"decision", UUIDOID}, {"due", TIMESTAMPTZOID},
	{"started_at", TIMESTAMPTZOID}, {"at", TIMESTAMPTZOID}, {"event", TEXTOID},
	{"event_key", TEXTARRAYOID}, {"once_key", TEXTOID}, {"step", INT4OID},
};

static PersonaRows *
Table(const Space *space, List *entries)
{
	PersonaRows *table = PersonaRowsBegin("entry", columns, ENTRY_COLUMNS,
										  space->key.type);
	const bool	nulls[ENTRY_COLUMNS] = {0};
	ListCell   *cell;

	foreach(cell, entries)
	{
		const MomentEntry *entry = lfirst(cell);
		const Datum values[ENTRY_COLUMNS] = {
			entry->key, UUIDPGetDatum(&entry->decision),
			TimestampTzGetDatum(entry->due),
			TimestampTzGetDatum(entry->started_at),
			TimestampTzGetDatum(entry->at), entry->event, entry->event_key,
			CStringGetTextDatum(entry->once_key), Int32GetDatum(entry->step)
		};

		PersonaRowsPut(table, values, nulls);
	}
	return table;
}

/*
 * Those that were not decided yet, nor of somebody who was erased. A restart
 * moves the due time of one that waits already.
 */
static char *
WriteSql(const Space *space, const Moment *moment)
{
	return psprintf("INSERT INTO %s AS q (subject, decision, moment, due, first_due, started_at,"
					"  counts_from, event, event_key, once_key, step)"
					" SELECT x.subject, x.decision, %s, x.due, x.due, x.started_at,"
					"  x.at, x.event, x.event_key, x.once_key, x.step FROM entry x"
					" WHERE NOT EXISTS (SELECT FROM %s d WHERE d.subject = x.subject AND d.decision = x.decision)"
					"  AND NOT %s"
					" ON CONFLICT (subject, decision) DO %s RETURNING q.xmax = 0 AS is_new",
					SpaceTable(space, "schedule"), PersonaLiteral(moment->name),
					SpaceTable(space, "decision"),
					ConsentErased(space, "x.decision::pg_catalog.text"),
					moment->restart ? "UPDATE SET due = excluded.due, first_due = excluded.due,"
					"  counts_from = excluded.counts_from, event_key = excluded.event_key"
					"  WHERE excluded.counts_from > q.counts_from" : "NOTHING");
}

int64
MomentWriteEntries(const Space *space, const Moment *moment, List *entries)
{
	PersonaRows *table = Table(space, entries);
	uint64		n = PersonaRowsExecute(table,
									   psprintf("WITH written AS (%s) SELECT FROM written w WHERE w.is_new",
												WriteSql(space, moment)), NULL);

	PersonaRowsEnd(table);
	return n;
}
