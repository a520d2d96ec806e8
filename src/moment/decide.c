/*
 * decide.c: from the schedule to a decision and, where every gate was open,
 * a message in the outbox: one transaction, one statement for each table.
 */
#include "moment/run.h"
#include "moment/start.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

typedef MomentBatch Batch;

/* ---- reading the cases ---- */

static MomentTruth
ReadTruth(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = PersonaColumn(row, column, &isnull);

	if (isnull)
		return MOMENT_UNKNOWN;
	return DatumGetBool(value) ? MOMENT_TRUE : MOMENT_FALSE;
}

static bool
ReadBool(uint64 row, const char *column)
{
	return ReadTruth(row, column) == MOMENT_TRUE;
}

static TimestampTz
ReadTime(uint64 row, const char *column, bool *there)
{
	bool		isnull;
	Datum		value = PersonaColumn(row, column, &isnull);

	if (there != NULL)
		*there = !isnull;
	return isnull ? 0 : DatumGetTimestampTz(value);
}

List *
MomentReadTexts(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = PersonaColumn(row, column, &isnull);
	Datum	   *elements;
	int			n;
	List	   *texts = NIL;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		texts = lappend(texts, TextDatumGetCString(elements[i]));
	return texts;
}

static int64 *
ReadCounts(uint64 row, const char *column)
{
	bool		isnull;
	ArrayType  *array = DatumGetArrayTypePCopy(PersonaColumn(row, column, &isnull));

	return (int64 *) ARR_DATA_PTR(array);
}

MomentCase *
MomentReadCase(uint64 row, const Moment *moment)
{
	MomentCase *one = palloc0(sizeof(MomentCase));
	bool		isnull;
	Datum		value;

	one->row = *(ItemPointer) DatumGetPointer(PersonaColumn(row, "row", &isnull));
	one->subject = PersonaColumnText(row, "subject");
	one->once_key = PersonaColumnText(row, "once_key");
	one->decision = PersonaColumnText(row, "decision");
	one->due = ReadTime(row, "due", NULL);
	one->first_due = ReadTime(row, "first_due", NULL);
	one->started_at = ReadTime(row, "started_at", NULL);
	one->subject_there = ReadBool(row, "subject_there");
	one->event_there = ReadBool(row, "event_there");
	one->entry = ReadTruth(row, "entry");
	one->cancel = ReadTruth(row, "cancel");
	one->reached = MomentReadTexts(row, "reached");
	one->expires_at = ReadTime(row, "expires_at", &one->has_expiry);
	one->stale = PersonaColumnText(row, "stale");
	one->unit = PersonaColumnText(row, "unit");
	one->assigned = PersonaColumnText(row, "assigned");
	one->channel = PersonaColumnText(row, "channel");
	one->address = PersonaColumnText(row, "address");
	one->zone = PersonaColumnText(row, "zone");
	one->suppressed = PersonaColumnText(row, "suppressed");
	one->allowed = ReadBool(row, "allowed");
	one->consent_reason = PersonaColumnText(row, "consent_reason");
	one->ledger = PersonaColumnText(row, "ledger");
	one->refused = MomentReadTexts(row, "refused");
	one->sent = moment->caps ? ReadCounts(row, "sent") : NULL;
	one->repeats = DatumGetInt64(PersonaColumn(row, "repeats", &isnull));
	one->rounds = DatumGetInt64(PersonaColumn(row, "rounds", &isnull));
	one->alike = DatumGetInt64(PersonaColumn(row, "alike", &isnull));
	one->old = MomentReadTexts(row, "old");
	value = PersonaColumn(row, "told_before", &isnull);
	one->told_before = isnull ? NULL : (bytea *) PG_DETOAST_DATUM_COPY(value);
	value = PersonaColumn(row, "values", &isnull);
	one->values = isnull ? NULL : DatumGetJsonbPCopy(value);
	return one;
}

static void
ReadCases(Batch *batch)
{
	PersonaArgs args = {0};
	uint64		n;

	batch->cases = NIL;
	PersonaArg(&args, TIDARRAYOID, MomentTids(batch->rows, batch->n), false);
	PersonaArg(&args, get_array_type(batch->space->key.type), batch->subjects,
			   false);
	n = PersonaExecuteKept(batch->sql, &args, false);
	for (uint64 i = 0; i < n; i++)
	{
		MomentCase *one = MomentReadCase(i, batch->moment);

		one->sqlstate = batch->sqlstate;
		batch->cases = lappend(batch->cases, one);
	}
	MomentCountByAddress(batch->space, batch->moment, batch->cases);
	MomentCountTold(batch->space, batch->moment, batch->cases);
}

/* ---- writing what was decided ---- */

/* Columns of a batch's writing, gathered row by row as arrays of text. */
typedef struct Sheet
{
	int			n;
	ItemPointerData *rows;
	Datum	   *columns[8];
	bool	   *nulls[8];
} Sheet;

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

static void
SheetBegin(Sheet *sheet, int max)
{
	sheet->n = 0;
	sheet->rows = palloc(sizeof(ItemPointerData) * max);
	for (int i = 0; i < lengthof(sheet->columns); i++)
	{
		sheet->columns[i] = palloc(sizeof(Datum) * max);
		sheet->nulls[i] = palloc(sizeof(bool) * max);
	}
}

static void
SheetPut(Sheet *sheet, int column, const char *text)
{
	sheet->nulls[column][sheet->n] = text == NULL;
	sheet->columns[column][sheet->n] = text ? CStringGetTextDatum(text) : 0;
}

static void
SheetArgs(const Sheet *sheet, int columns, PersonaArgs *args)
{
	PersonaArg(args, TIDARRAYOID, MomentTids(sheet->rows, sheet->n), false);
	for (int i = 0; i < columns; i++)
	{
		int			dims[1] = {sheet->n};
		int			lower[1] = {1};

		PersonaArg(args, TEXTARRAYOID,
				   PointerGetDatum(construct_md_array(sheet->columns[i],
													  sheet->nulls[i], 1, dims,
													  lower, TEXTOID, -1, false,
													  TYPALIGN_INT)), false);
	}
}

/*
 * The partition of a month (UTC), attached under a lock that readers and
 * writers of the other months do not feel.
 */
static void
MakePartition(const Space *space, int year, int month)
{
	Oid			schema = get_namespace_oid(space->schema, false);
	char	   *name = psprintf("decision_%04d_%02d", year, month);
	char	   *parent = SpaceTable(space, "decision");

	if (OidIsValid(get_relname_relid(name, schema)))
		return;
	PersonaExecute(psprintf("LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE", parent),
				   NULL, false);
	/* Another runner may have been faster. */
	if (OidIsValid(get_relname_relid(name, schema)))
		return;
	PersonaExecute(psprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL)",
							SpaceTable(space, name), parent), NULL, false);
	PersonaExecute(psprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES"
							" FROM ('%04d-%02d-01 00:00+00') TO ('%04d-%02d-01 00:00+00')",
							parent, SpaceTable(space, name), year, month,
							year + month / 12, month % 12 + 1), NULL, false);
}

/* The decisions' partitions, one a month of the events' time. */
static void
MakePartitions(const Batch *batch)
{
	List	   *made = NIL;
	ListCell   *cell;

	foreach(cell, batch->cases)
	{
		MomentCase *one = lfirst(cell);
		struct pg_tm tm;
		fsec_t		fsec;
		int			month;

		if (timestamp2tm(one->started_at, NULL, &tm, &fsec, NULL, NULL) != 0)
			continue;
		month = tm.tm_year * 12 + tm.tm_mon;
		if (list_member_int(made, month))
			continue;
		made = lappend_int(made, month);
		MakePartition(batch->space, tm.tm_year, tm.tm_mon);
	}
}

void
MomentMakePartition(const Space *space, TimestampTz at)
{
	MomentCase	one = {.started_at = at};
	Batch		batch = {.space = space, .cases = list_make1(&one)};

	MakePartitions(&batch);
}

static const char *const outcome_names[] = {"send", "holdout", "skip", NULL};

static void
WriteDecisions(const Batch *batch, const Sheet *sheet)
{
	const Moment *m = batch->moment;
	PersonaArgs args = {0};

	SheetArgs(sheet, 7, &args);
	PersonaExecuteKept(psprintf("INSERT INTO %s (subject, decision, started_at, moment, moment_version, experiment,"
								"  variant, channel, purpose, at, due, outcome, reason, fallback, transactional,"
								"  event, event_key, once_key, step, gates, told, items)"
								" SELECT d.subject, d.decision, d.started_at, d.moment, %d, %s, x.variant, x.channel, %s,"
								"  persona.now(), d.due, x.outcome, x.reason, x.fallback::pg_catalog.bool, %s,"
								"  d.event, d.event_key, d.once_key, d.step, x.gates::pg_catalog.jsonb,"
								"  CASE WHEN x.outcome <> 'skip' AND NOT x.fallback::pg_catalog.bool THEN %s END, x.items::pg_catalog.bytea"
								" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) x(row, outcome, reason, variant, fallback, gates, channel, items)"
								" JOIN %s d ON d.ctid = x.row",
								SpaceTable(batch->space, "decision"), m->version,
								PersonaLiteral(m->experiment),
								PersonaLiteral(m->purpose),
								m->transactional ? "true" : "false",
								MomentTextArray(m->told->attributes),
								SpaceTable(batch->space, "schedule")),
					   &args, false);
}

/* The data categories a variant uses, as an array literal. */
static char *
Categories(const MomentProgram *program, const char *variant)
{
	List	   *names = strcmp(variant, "generic") == 0 ?
	program->for_all : program->categories;
	StringInfoData literal;
	ListCell   *cell;

	/* Categories are labels of letters, digits, _ and dots: no quoting. */
	initStringInfo(&literal);
	foreach(cell, names)
		appendStringInfo(&literal, "%s%s", literal.len ? "," : "",
						 (char *) lfirst(cell));
	return psprintf("{%s}", literal.data);
}

static void
WriteMessages(const Batch *batch, const Sheet *sheet)
{
	const Moment *m = batch->moment;
	PersonaArgs args = {0};

	SheetArgs(sheet, 7, &args);
	PersonaExecuteKept(psprintf("INSERT INTO %s (subject, message, decision, moment, variant, channel, purpose,"
								"  transactional, categories, address, subject_line, body, state, attempt,"
								"  created_at, ready_at, expires_at)"
								" SELECT d.subject, d.decision, d.decision, d.moment, x.variant, x.channel, %s, %s, x.categories::pg_catalog.text[],"
								"  x.address, x.subject_line, x.body, 'ready', 0,"
								"  persona.now(), persona.now(), x.expires_at::pg_catalog.timestamptz"
								" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)"
								"  x(row, variant, address, subject_line, body, expires_at, categories, channel)"
								" JOIN %s d ON d.ctid = x.row",
								SpaceTable(batch->space, "message"),
								PersonaLiteral(m->purpose),
								m->transactional ? "true" : "false",
								SpaceTable(batch->space, "schedule")),
					   &args, false);
}

static void
WriteExposures(const Batch *batch, const Sheet *sheet)
{
	PersonaArgs args = {0};

	SheetArgs(sheet, 2, &args);
	PersonaExecuteKept(psprintf("INSERT INTO %s (subject, experiment, variant, at, decision, unit)"
								" SELECT d.subject, %s, x.variant, persona.now(), d.decision, x.unit"
								" FROM unnest($1, $2, $3) x(row, variant, unit) JOIN %s d ON d.ctid = x.row"
								" ORDER BY d.subject ON CONFLICT DO NOTHING",
								SpaceTable(batch->space, "exposure"),
								PersonaLiteral(batch->moment->experiment),
								SpaceTable(batch->space, "schedule")),
					   &args, false);
}

/* The addresses that caps by address count. */
static void
WriteContacts(const Batch *batch, const Sheet *sheet)
{
	PersonaArgs args = {0};

	SheetArgs(sheet, 1, &args);
	PersonaExecuteKept(psprintf("INSERT INTO %s (subject, decision, address, at)"
								" SELECT d.subject, d.decision, x.address::pg_catalog.int8, persona.now()"
								" FROM unnest($1, $2) x(row, address) JOIN %s d ON d.ctid = x.row",
								SpaceTable(batch->space, "contact"),
								SpaceTable(batch->space, "schedule")),
					   &args, false);
}

/* Those who wait for the end of their quiet hours. */
static void
WriteDeferrals(const Batch *batch, const Sheet *sheet)
{
	PersonaArgs args = {0};

	SheetArgs(sheet, 1, &args);
	PersonaExecuteKept(psprintf("UPDATE %s d SET due = x.due::pg_catalog.timestamptz"
								" FROM unnest($1, $2) x(row, due) WHERE d.ctid = x.row",
								SpaceTable(batch->space, "schedule")),
					   &args, false);
}

static void
StartFollowers(const Batch *batch, const Sheet *sheet)
{
	PersonaArgs args = {0};

	SheetArgs(sheet, 1, &args);
	MomentFollow(batch->space, batch->moment, &args);
}

static void
DeleteDecided(const Batch *batch, const Sheet *sheet)
{
	PersonaArgs args = {0};

	SheetArgs(sheet, 0, &args);
	PersonaExecuteKept(psprintf("DELETE FROM %s WHERE ctid = ANY ($1)",
								SpaceTable(batch->space, "schedule")),
					   &args, false);
}

static char *
InstantText(TimestampTz t)
{
	return DatumGetCString(DirectFunctionCall1(timestamptz_out,
											   TimestampTzGetDatum(t)));
}

/* The sheets of a batch, one a table. */
typedef struct Sheets
{
	Sheet		decisions;
	Sheet		messages;
	Sheet		exposures;
	Sheet		contacts;
	Sheet		deferrals;
} Sheets;

static bool
IsContact(const MomentVerdict *verdict)
{
	return verdict->outcome == MOMENT_SEND || verdict->outcome == MOMENT_HOLDOUT;
}

static void
SheetsBegin(Sheets *sheets, int max)
{
	SheetBegin(&sheets->decisions, max);
	SheetBegin(&sheets->messages, max);
	SheetBegin(&sheets->exposures, max);
	SheetBegin(&sheets->contacts, max);
	SheetBegin(&sheets->deferrals, max);
}

static void
PutMessage(Sheet *sheet, const Batch *batch, const MomentCase *one,
		   const MomentVerdict *verdict)
{
	sheet->rows[sheet->n] = one->row;
	SheetPut(sheet, 0, verdict->variant);
	SheetPut(sheet, 1, one->address);
	SheetPut(sheet, 2, verdict->subject_line ?
			 text_to_cstring(verdict->subject_line) : NULL);
	SheetPut(sheet, 3, text_to_cstring(verdict->body));
	SheetPut(sheet, 4, one->has_expiry ? InstantText(one->expires_at) : NULL);
	SheetPut(sheet, 5, Categories(batch->program, verdict->variant));
	SheetPut(sheet, 6, one->channel);
	sheet->n++;
}

static void
PutVerdict(Sheets *sheets, const Batch *batch, const MomentCase *one,
		   const MomentVerdict *verdict)
{
	Sheet	   *decisions = &sheets->decisions;

	if (verdict->outcome == MOMENT_DEFER)
	{
		sheets->deferrals.rows[sheets->deferrals.n] = one->row;
		SheetPut(&sheets->deferrals, 0, InstantText(verdict->due));
		sheets->deferrals.n++;
		return;
	}
	decisions->rows[decisions->n] = one->row;
	SheetPut(decisions, 0, outcome_names[verdict->outcome]);
	SheetPut(decisions, 1, verdict->reason);
	SheetPut(decisions, 2, verdict->variant);
	SheetPut(decisions, 3, verdict->fallback ? "true" : "false");
	SheetPut(decisions, 4, verdict->gates);
	SheetPut(decisions, 5, one->channel);
	SheetPut(decisions, 6, IsContact(verdict) && !verdict->fallback ? one->items : NULL);
	decisions->n++;
	if (verdict->exposed)
	{
		sheets->exposures.rows[sheets->exposures.n] = one->row;
		SheetPut(&sheets->exposures, 0, verdict->variant);
		SheetPut(&sheets->exposures, 1, one->unit);
		sheets->exposures.n++;
	}
	if (IsContact(verdict) && one->address_hash != 0 && !batch->moment->transactional)
	{
		sheets->contacts.rows[sheets->contacts.n] = one->row;
		SheetPut(&sheets->contacts, 0, psprintf(INT64_FORMAT, one->address_hash));
		sheets->contacts.n++;
	}
	if (verdict->outcome == MOMENT_SEND)
		PutMessage(&sheets->messages, batch, one, verdict);
}

static void
WriteSheets(const Batch *batch, Sheets *sheets)
{
	if (sheets->decisions.n > 0)
	{
		MakePartitions(batch);
		WriteDecisions(batch, &sheets->decisions);
	}
	if (sheets->messages.n > 0)
		WriteMessages(batch, &sheets->messages);
	if (sheets->exposures.n > 0)
		WriteExposures(batch, &sheets->exposures);
	if (sheets->contacts.n > 0)
		WriteContacts(batch, &sheets->contacts);
	if (sheets->deferrals.n > 0)
		WriteDeferrals(batch, &sheets->deferrals);
	if (sheets->decisions.n > 0)
	{
		StartFollowers(batch, &sheets->decisions);
		DeleteDecided(batch, &sheets->decisions);
	}
}

static const char *
TallyName(const MomentVerdict *verdict)
{
	switch (verdict->outcome)
	{
		case MOMENT_SEND:
			return "sent to the outbox";
		case MOMENT_HOLDOUT:
			return "held out";
		case MOMENT_DEFER:
			return "deferred";
		case MOMENT_SKIP:
			break;
	}
	return verdict->reason;
}

/*
 * Decides the cases, which come ordered by subject: what the batch itself
 * sends to a subject, or to an address, counts for the later cases.
 */
static void
DecideCases(Batch *batch, Sheets *sheets, List **tallies)
{
	HTAB	   *addresses = MomentAddresses(list_length(batch->cases));
	const char *subject = NULL;
	int			already = 0;
	int			told = 0;
	ListCell   *cell;

	foreach(cell, batch->cases)
	{
		MomentCase *one = lfirst(cell);
		int		   *address = MomentSentTo(addresses, one);
		MomentVerdict verdict;

		CHECK_FOR_INTERRUPTS();
		if (subject == NULL || strcmp(subject, one->subject) != 0)
			already = told = 0;
		subject = one->subject;
		one->repeats += told;
		one->same += told;
		one->same_address = one->address_hash ? *address - already : 0;
		MomentDecide(batch->space, batch->moment, batch->program, one,
					 already, &verdict);
		if (IsContact(&verdict))
		{
			already++;
			told += !verdict.fallback;
			(*address)++;
		}
		PutVerdict(sheets, batch, one, &verdict);
		MomentCount(tallies, batch->moment->name, TallyName(&verdict), 1);
	}
}

/* ---- all of it ---- */

void
MomentDecideTogether(void *arg)
{
	Batch	   *batch = arg;
	List	   *tallies = NIL;
	Sheets		sheets;

	ReadCases(batch);
	batch->held = batch->held ||
		MomentHoldLoop(batch->space, batch->moment, batch->cases);
	if (batch->held)
		return;
	SheetsBegin(&sheets, Max(list_length(batch->cases), 1));
	DecideCases(batch, &sheets, &tallies);
	WriteSheets(batch, &sheets);
	MomentAddTallies(&batch->tallies, tallies);
}

void
MomentWrite(const Space *space, const Moment *moment,
			const MomentProgram *program, MomentCase *one, const MomentVerdict *verdict)
{
	Batch		batch = {.space = space, .moment = moment, .program = program,
	.cases = list_make1(one)};
	Sheets		sheets;

	SheetsBegin(&sheets, 1);
	PutVerdict(&sheets, &batch, one, verdict);
	WriteSheets(&batch, &sheets);
}
