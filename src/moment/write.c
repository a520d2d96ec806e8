/*
 * write.c: what was decided, written down.
 *
 * The verdicts of a batch are a table for as long as they are written, which
 * statements know as `verdict`. One statement does it all: it takes their rows
 * out of the schedule and puts what it took where it belongs, into decisions,
 * messages, exposures, the counts of addresses, and the inbox of the moments
 * that come after. A row that is not in the schedule any more was not taken,
 * and is not decided.
 *
 * What was shown on request was never in the schedule, and is sent as it is
 * written.
 */
#include "moment/run.h"
#include "moment/start.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* The columns of `verdict`. */
enum
{
	VERDICT_ROW, VERDICT_SUBJECT, VERDICT_DECISION, VERDICT_STARTED_AT,
	VERDICT_DUE, VERDICT_EVENT, VERDICT_EVENT_KEY, VERDICT_ONCE_KEY,
	VERDICT_STEP, VERDICT_OUTCOME, VERDICT_REASON, VERDICT_VARIANT,
	VERDICT_UNIT, VERDICT_CHANNEL, VERDICT_FALLBACK, VERDICT_EXPOSED, VERDICT_GATES,
	VERDICT_ITEMS, VERDICT_ADDRESS_HASH, VERDICT_ADDRESS, VERDICT_SUBJECT_LINE,
	VERDICT_BODY, VERDICT_EXPIRES_AT, VERDICT_COLUMNS
};

static const PersonaRowsColumn columns[VERDICT_COLUMNS] = {
	{"row", TIDOID}, {"subject", InvalidOid}, {"decision", UUIDOID},
	{"started_at", TIMESTAMPTZOID}, {"due", TIMESTAMPTZOID},
	{"event", TEXTOID}, {"event_key", TEXTARRAYOID}, {"once_key", TEXTOID},
	{"step", INT4OID}, {"outcome", TEXTOID}, {"reason", TEXTOID},
	{"variant", TEXTOID}, {"unit", TEXTOID}, {"channel", TEXTOID},
	{"fallback", BOOLOID}, {"exposed", BOOLOID}, {"gates", JSONOID},
	{"items", BYTEAOID},
	{"address_hash", INT8OID}, {"address", TEXTOID}, {"subject_line", TEXTOID},
	{"body", TEXTOID}, {"expires_at", TIMESTAMPTZOID},
};

struct MomentVerdicts
{
	const Space *space;
	PersonaRows *table;
	ItemPointerData *rows;		/* of the decided ones, in the schedule */
	int			decided;
	int			deferred;
	List	   *months;			/* of int: of what is decided */
};

/* ---- the statements ---- */

/* What was taken out of the schedule, and what was decided of it. */
#define SCHEDULED "taken t JOIN verdict x ON x.row = t.row"

/* What a person is waiting for. */
#define ASKED "verdict x"

static void
AddDecisions(StringInfo sql, const Space *space, const Moment *m,
			 const char *from)
{
	appendStringInfo(sql, " decided AS (INSERT INTO %s (subject, decision, started_at, moment, moment_version,"
					 "   experiment, variant, channel, purpose, at, due, outcome, reason, fallback, transactional,"
					 "   event, event_key, once_key, step, gates, told, items)"
					 "  SELECT x.subject, x.decision, x.started_at, %s, %d,"
					 "   %s, x.variant, x.channel, %s, persona.now(), x.due, x.outcome, x.reason, x.fallback, %s,"
					 "   x.event, x.event_key, x.once_key, x.step, x.gates,"
					 "   CASE WHEN x.outcome <> 'skip' AND NOT x.fallback THEN %s END, x.items FROM %s)",
					 SpaceTable(space, "decision"), PersonaLiteral(m->name),
					 m->version, PersonaLiteral(m->experiment),
					 PersonaLiteral(m->purpose),
					 m->transactional ? "true" : "false",
					 MomentTextArray(m->told ? m->told->attributes : NIL),
					 from);
}

static void
AddMessages(StringInfo sql, const Space *space, const Moment *m,
			const MomentProgram *program, const char *from, bool shown)
{
	appendStringInfo(sql, ", sent AS (INSERT INTO %s (subject, message, decision, moment, variant, channel, purpose,"
					 "   transactional, categories, address, subject_line, body, state, attempt,"
					 "   created_at, ready_at, expires_at, sent_at, done_at)"
					 "  SELECT x.subject, x.decision, x.decision, %s, x.variant, x.channel, %s,"
					 "   %s, CASE x.variant WHEN 'generic' THEN %s ELSE %s END, %s,"
					 "   persona.now(), persona.now(), x.expires_at, %s FROM %s WHERE x.outcome = 'send')",
					 SpaceTable(space, "message"), PersonaLiteral(m->name),
					 PersonaLiteral(m->purpose),
					 m->transactional ? "true" : "false",
					 MomentTextArray(program->for_all),
					 MomentTextArray(program->categories),
					 shown ? "NULL, NULL, NULL, 'sent', 1" :
					 "x.address, x.subject_line, x.body, 'ready', 0",
					 shown ? "persona.now(), persona.now()" : "NULL, NULL",
					 from);
}

static void
AddExposures(StringInfo sql, const Space *space, const Moment *m,
			 const char *from)
{
	appendStringInfo(sql, ", exposed AS (INSERT INTO %s (subject, experiment, variant, at, decision, unit)"
					 "  SELECT x.subject, %s, x.variant, persona.now(), x.decision, x.unit FROM %s WHERE x.exposed"
					 "  ORDER BY x.subject ON CONFLICT DO NOTHING)",
					 SpaceTable(space, "exposure"), PersonaLiteral(m->experiment),
					 from);
}

/* The addresses that caps by address count. */
static void
AddContacts(StringInfo sql, const Space *space, const Moment *m,
			const char *from)
{
	if (m->transactional || !MomentCapsByAddress(m))
		return;
	appendStringInfo(sql, ", counted AS (INSERT INTO %s (subject, decision, address, at)"
					 "  SELECT x.subject, x.decision, x.address_hash, persona.now() FROM %s"
					 "  WHERE x.outcome <> 'skip' AND x.address_hash <> 0)",
					 SpaceTable(space, "contact"), from);
}

char *
MomentWriteSql(const Space *space, const Moment *moment,
			   const MomentProgram *program, bool shown)
{
	const char *from = shown ? ASKED : SCHEDULED;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "WITH");
	if (!shown)
		appendStringInfo(&sql, " taken AS (DELETE FROM %s d WHERE d.ctid = ANY ($1) RETURNING d.ctid AS row),",
						 SpaceTable(space, "schedule"));
	AddDecisions(&sql, space, moment, from);
	AddMessages(&sql, space, moment, program, from, shown);
	AddExposures(&sql, space, moment, from);
	AddContacts(&sql, space, moment, from);
	if (moment->followed)
		appendStringInfo(&sql, ", followed AS (%s)",
						 MomentFollowSql(space, moment, from));
	appendStringInfoString(&sql, " SELECT");
	return sql.data;
}

/* Those who wait for the end of their quiet hours. */
static char *
DeferSql(const Space *space)
{
	return psprintf("UPDATE %s d SET due = x.due FROM verdict x WHERE d.ctid = x.row AND x.outcome = 'defer'",
					SpaceTable(space, "schedule"));
}

/* ---- the table of verdicts ---- */

MomentVerdicts *
MomentVerdictsBegin(const Space *space, int most)
{
	MomentVerdicts *v = palloc0(sizeof(MomentVerdicts));

	v->space = space;
	v->rows = palloc(sizeof(ItemPointerData) * Max(most, 1));
	v->table = PersonaRowsBegin("verdict", columns, VERDICT_COLUMNS,
								space->key.type);
	return v;
}

/* A row on its way into the table. */
typedef struct Row
{
	Datum		values[VERDICT_COLUMNS];
	bool		nulls[VERDICT_COLUMNS];
} Row;

static void
Put(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
PutPointer(Row *row, int column, const void *value)
{
	if (value != NULL)
		Put(row, column, PointerGetDatum(value));
}

static void
PutText(Row *row, int column, const char *text)
{
	if (text != NULL)
		Put(row, column, CStringGetTextDatum(text));
}

/* What is written as it was read. */
static void
PutCase(Row *row, const MomentCase *one)
{
	PutPointer(row, VERDICT_ROW, &one->row);
	Put(row, VERDICT_SUBJECT, one->key);
	PutPointer(row, VERDICT_DECISION, one->decision);
	Put(row, VERDICT_STARTED_AT, TimestampTzGetDatum(one->started_at));
	PutPointer(row, VERDICT_EVENT, DatumGetPointer(one->event));
	PutPointer(row, VERDICT_EVENT_KEY, DatumGetPointer(one->event_key));
	PutText(row, VERDICT_ONCE_KEY, one->once_key);
	Put(row, VERDICT_STEP, Int32GetDatum(one->step));
	PutText(row, VERDICT_CHANNEL, one->channel);
}

static void
PutMessage(Row *row, const MomentCase *one, const MomentVerdict *verdict)
{
	PutText(row, VERDICT_ADDRESS, one->address);
	PutPointer(row, VERDICT_SUBJECT_LINE, verdict->subject_line);
	PutPointer(row, VERDICT_BODY, verdict->body);
	if (one->has_expiry)
		Put(row, VERDICT_EXPIRES_AT, TimestampTzGetDatum(one->expires_at));
}

static void
PutDecision(Row *row, const MomentCase *one, const MomentVerdict *verdict)
{
	PutText(row, VERDICT_REASON, verdict->reason);
	PutText(row, VERDICT_VARIANT, verdict->variant);
	PutText(row, VERDICT_UNIT, one->unit);
	Put(row, VERDICT_FALLBACK, BoolGetDatum(verdict->fallback));
	Put(row, VERDICT_EXPOSED, BoolGetDatum(verdict->exposed));
	PutText(row, VERDICT_GATES, verdict->gates);
	if (MomentIsContact(verdict) && !verdict->fallback)
		PutPointer(row, VERDICT_ITEMS, one->items);
	Put(row, VERDICT_ADDRESS_HASH, Int64GetDatum(one->address_hash));
	if (verdict->outcome == MOMENT_SEND)
		PutMessage(row, one, verdict);
}

void
MomentVerdictsPut(MomentVerdicts *v, const MomentCase *one,
				  const MomentVerdict *verdict)
{
	static const char *const outcomes[] = {"send", "holdout", "skip", "defer"};
	Row			row = {0};

	memset(row.nulls, true, sizeof(row.nulls));
	PutCase(&row, one);
	PutText(&row, VERDICT_OUTCOME, outcomes[verdict->outcome]);
	if (verdict->outcome == MOMENT_DEFER)
	{
		Put(&row, VERDICT_DUE, TimestampTzGetDatum(verdict->due));
		v->deferred++;
	}
	else
	{
		Put(&row, VERDICT_DUE, TimestampTzGetDatum(one->due));
		PutDecision(&row, one, verdict);
		v->months = list_append_unique_int(v->months,
										   MomentMonth(one->started_at));
		v->rows[v->decided++] = one->row;
	}
	PersonaRowsPut(v->table, row.values, row.nulls);
}

/* ---- writing it ---- */

static void
WriteDecided(const MomentVerdicts *v, const char *sql)
{
	PersonaArgs args = {0};
	ListCell   *cell;

	foreach(cell, v->months)
		MomentMakePartition(v->space, lfirst_int(cell));
	PersonaArg(&args, TIDARRAYOID, MomentTids(v->rows, v->decided), false);
	PersonaRowsExecute(v->table, sql, &args);
}

void
MomentVerdictsWrite(MomentVerdicts *v, const char *sql)
{
	if (v->decided > 0)
		WriteDecided(v, sql);
	if (v->deferred > 0)
		PersonaRowsExecute(v->table, DeferSql(v->space), NULL);
	PersonaRowsEnd(v->table);
}
