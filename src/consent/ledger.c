/*
 * ledger.c: what happens when a row is appended to the ledger.
 *
 * A statement may come through grant_consent(), from the preference page, or
 * by the million through COPY: whichever way, these triggers see to it that
 * the ledger stays one. Before a row is stored it is checked, its subject is
 * locked, and it gets what nobody may choose: its number and place in the
 * chain, its basis and end, and who recorded it when. After that it is folded
 * into consent_current. Nothing is ever changed, but by erasing a person or by
 * letting go of what is too old, and both of these are functions in here too.
 */
#include "consent/consent.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* ---- a row ---- */

enum
{
	SUBJECT, SEQ, LEDGER, PURPOSE, CHANNEL, DECISION, BASIS, SOURCE, EVIDENCE,
	AT, RECORDED_AT, RECORDED_BY, EXPIRES_AT, CHAIN, COLUMNS
};

static const char *const names[COLUMNS] = {
	"subject", "seq", "ledger", "purpose", "channel", "decision", "basis",
	"source", "evidence", "at", "recorded_at", "recorded_by", "expires_at",
"chain"};

/* Of which types they are; the subject's is the space's. */
static const Oid types[COLUMNS] = {
	InvalidOid, INT4OID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
JSONBOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID, BYTEAOID};

typedef struct Row
{
	int			numbers[COLUMNS];
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
} Row;

/* Where a column stands; what is read of it is believed to be of its type. */
static int
Number(const Space *space, TupleDesc layout, int column)
{
	Oid			type = column == SUBJECT ? space->key.type : types[column];
	int			number = SPI_fnumber(layout, names[column]);

	if (number <= 0 || SPI_gettypeid(layout, number) != type)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s is not as persona made it: column \"%s\" is gone, or of another type",
						SpaceTable(space, "consent"), names[column])));
	return number;
}

static void
Open(Row *row, const Space *space, HeapTuple tuple, TupleDesc layout)
{
	for (int i = 0; i < COLUMNS; i++)
	{
		row->numbers[i] = Number(space, layout, i);
		row->values[i] = heap_getattr(tuple, row->numbers[i], layout,
									  &row->nulls[i]);
	}
}

static void
Set(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static char *
Text(const Row *row, int column)
{
	return row->nulls[column] ? NULL : TextDatumGetCString(row->values[column]);
}

/* ---- the lock ---- */

static char *
AnchorSql(const Space *space)
{
	return psprintf("INSERT INTO %s VALUES ($1, pg_catalog.clock_timestamp())"
					" ON CONFLICT DO NOTHING", SpaceTable(space, "anchor"));
}

static char *
LockSql(const Space *space)
{
	return psprintf("SELECT FROM %s a WHERE a.subject = $1 FOR UPDATE",
					SpaceTable(space, "anchor"));
}

static const ConsentQuery anchor = {AnchorSql, 1, {CONSENT_KEY}};
static const ConsentQuery lock = {LockSql, 1, {CONSENT_KEY}};

void
ConsentLockAnyway(const Space *space, Datum key)
{
	/* Between the two somebody may erase the subject: then once more. */
	while (ConsentRun(space, &lock, &key, NULL, false) == 0)
		ConsentRun(space, &anchor, &key, NULL, false);
}

void
ConsentLock(const Space *space, Datum key)
{
	if (!ConsentIsKnown(space, key))
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("%s has no such subject", PersonaRelationName(space->relid)),
				 errhint("Nothing was recorded. Insert the customer first, or look up column \"%s\" again.",
						 space->key.name)));
	ConsentLockAnyway(space, key);
}

/* ---- what it says ---- */

/* The instant of a statement: never in the future, but for a fast clock. */
static TimestampTz
SaidAt(const Row *row)
{
	TimestampTz now = PersonaNow();
	TimestampTz latest = Max(now, GetCurrentTimestamp());
	TimestampTz at;

	if (row->nulls[AT])
		return now;
	at = DatumGetTimestampTz(row->values[AT]);
	if (TIMESTAMP_NOT_FINITE(at) || at > latest + USECS_PER_MINUTE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("nobody can have said this at %s",
						timestamptz_to_str(at)),
				 errhint("Pass the instant at which it was said, or leave it out for now.")));
	return Min(at, latest);
}

static char *
LatestSql(const Space *space)
{
	return psprintf("SELECT pg_catalog.max(c.at) AS at FROM %s c WHERE c.subject = $1",
					SpaceTable(space, "consent_current"));
}

static const ConsentQuery latest = {LatestSql, 1, {CONSENT_KEY}};

/*
 * Who says no now says it last. The transaction may have begun before a yes
 * that is there by now; under the lock nothing else comes between.
 */
static void
SayLast(const Space *space, Row *row)
{
	bool		isnull;
	Datum		at;

	if (PersonaClockIsMoved() || strcmp(Text(row, DECISION), "withdraw") != 0)
		return;
	ConsentRun(space, &latest, &row->values[SUBJECT], NULL, false);
	at = PersonaColumn(0, "at", &isnull);
	if (!isnull && DatumGetTimestampTz(at) > DatumGetTimestampTz(row->values[AT]))
		Set(row, AT, at);
}

/* When a yes of that instant ends, counted in UTC; false where it does not. */
static bool
EndOf(const ConsentPurpose *purpose, TimestampTz at, TimestampTz *end)
{
	if (!purpose->has_end)
		return false;
	/* In UTC a timestamp with and one without a zone are the same number. */
	*end = DatumGetTimestamp(DirectFunctionCall2(timestamp_pl_interval,
												 TimestampGetDatum(at),
												 IntervalPGetDatum(&purpose->expires)));
	return true;
}

/* A yes ends no later than its purpose says; to every purpose, than any. */
static void
SetEnd(const Space *space, Row *row, const char *about)
{
	ListCell   *cell;

	foreach(cell, ConsentPurposes(space))
	{
		const ConsentPurpose *purpose = lfirst(cell);
		TimestampTz end;

		if (about != NULL && strcmp(about, purpose->name) != 0)
			continue;
		if (EndOf(purpose, DatumGetTimestampTz(row->values[AT]), &end) &&
			(row->nulls[EXPIRES_AT] ||
			 end < DatumGetTimestampTz(row->values[EXPIRES_AT])))
			Set(row, EXPIRES_AT, TimestampTzGetDatum(end));
	}
}

/*
 * Where the basis is double opt-in a yes is only a request, until it is
 * confirmed.
 */
static void
SetMeaning(const Space *space, Row *row)
{
	const char *purpose = Text(row, PURPOSE);
	const char *channel = Text(row, CHANNEL);
	const char *decision = Text(row, DECISION);
	const char *basis = purpose ? ConsentFindPurpose(space, purpose)->basis :
	NULL;

	if (channel != NULL)
		ConsentCheckChannel(space, channel);
	row->nulls[BASIS] = true;
	if (basis != NULL)
		Set(row, BASIS, CStringGetTextDatum(basis));
	if (strcmp(decision, "withdraw") == 0)
	{
		row->nulls[EXPIRES_AT] = true;
		return;
	}
	if (basis != NULL && strcmp(basis, "double_opt_in") == 0 &&
		strcmp(decision, "grant") == 0)
		Set(row, DECISION, CStringGetTextDatum("request"));
	SetEnd(space, row, purpose);
}

/* A constraint would say the same, and show the row to whoever reads logs. */
static void
RefuseIncomplete(const Space *space, const Row *row)
{
	const char *source = Text(row, SOURCE);
	const char *decision = Text(row, DECISION);

	if (row->nulls[SUBJECT])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the subject is NULL"),
				 errhint("Pass a value of column \"%s\" of %s.",
						 space->key.name, PersonaRelationName(space->relid))));
	if (source == NULL || source[strspn(source, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the source of a consent is missing"),
				 errhint("Say where it was given or withdrawn, such as 'checkout' or 'preference page'.")));
	if (decision == NULL ||
		(strcmp(decision, "grant") != 0 && strcmp(decision, "withdraw") != 0 &&
		 strcmp(decision, "request") != 0 && strcmp(decision, "confirm") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a statement is a yes or a no"),
				 errhint("The decision is grant, withdraw, request or confirm.")));
}

/* ---- its place in the chain ---- */

static char *
ChainSql(const Space *space)
{
	return psprintf("SELECT n.seq, persona.consent_chain(n.chain, $1::pg_catalog.text, n.seq,"
					"  $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS chain"
					" FROM (SELECT coalesce(l.seq, 0) + 1 AS seq, l.chain FROM (SELECT) one"
					"  LEFT JOIN (SELECT l.seq, l.chain FROM %s l WHERE l.subject = $1"
					"   ORDER BY l.seq DESC LIMIT 1) l ON true) n",
					SpaceTable(space, "consent"));
}

static const ConsentQuery chain = {ChainSql, 12,
	{CONSENT_KEY, UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
JSONBOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID}};

static void
SetPlace(const Space *space, Row *row)
{
	static const int from[] = {SUBJECT, LEDGER, PURPOSE, CHANNEL, DECISION,
	BASIS, SOURCE, EVIDENCE, AT, RECORDED_AT, RECORDED_BY, EXPIRES_AT};
	Datum		values[lengthof(from)];
	bool		nulls[lengthof(from)];
	bool		isnull;

	Set(row, LEDGER, DirectFunctionCall1(gen_random_uuid, (Datum) 0));
	Set(row, RECORDED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	Set(row, RECORDED_BY,
		CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false)));
	for (int i = 0; i < lengthof(from); i++)
	{
		values[i] = row->values[from[i]];
		nulls[i] = row->nulls[from[i]];
	}
	ConsentRun(space, &chain, values, nulls, false);
	Set(row, SEQ, PersonaColumn(0, "seq", &isnull));
	Set(row, CHAIN, PointerGetDatum(DatumGetByteaPCopy(PersonaColumn(0, "chain", &isnull))));
}

/* ---- the triggers ---- */

/*
 * The space of a call as a trigger on its ledger. On any other table it would
 * let that table's owner write in the name of the space's.
 */
static Space *
Called(FunctionCallInfo fcinfo, const char *name)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Space	   *space = NULL;

	if (CALLED_AS_TRIGGER(fcinfo) &&
		TRIGGER_FIRED_FOR_ROW(trigger->tg_event) &&
		TRIGGER_FIRED_BY_INSERT(trigger->tg_event) &&
		trigger->tg_trigger->tgnargs == 1)
		space = SpaceGet(trigger->tg_trigger->tgargs[0]);
	if (space == NULL ||
		RelationGetRelid(trigger->tg_relation) != ConsentLedger(space))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s() is a trigger for each row of a ledger", name),
				 errhint("persona.define_space() creates it.")));
	return space;
}

PG_FUNCTION_INFO_V1(persona_append_consent);

/* persona.append_consent(space): BEFORE INSERT, a row becomes a ledger's. */
Datum
persona_append_consent(PG_FUNCTION_ARGS)
{
	Space	   *space = Called(fcinfo, "append_consent");
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	layout = RelationGetDescr(trigger->tg_relation);
	MemoryContext caller = CurrentMemoryContext;
	HeapTuple	tuple = trigger->tg_trigtuple;
	PersonaAct	act;
	Row			row;
	bool		is_now;

	PersonaActByPath(&act, space->owner);
	SPI_connect();
	Open(&row, space, tuple, layout);
	RefuseIncomplete(space, &row);
	is_now = row.nulls[AT];
	Set(&row, AT, TimestampTzGetDatum(SaidAt(&row)));
	SetMeaning(space, &row);
	ConsentLock(space, row.values[SUBJECT]);
	if (is_now)
		SayLast(space, &row);
	SetPlace(space, &row);
	MemoryContextSwitchTo(caller);
	tuple = heap_modify_tuple_by_cols(tuple, layout, COLUMNS, row.numbers,
									  row.values, row.nulls);
	ConsentEnd(&act);
	return PointerGetDatum(tuple);
}

/* A row that arrives late never covers a later one. */
static char *
FoldSql(const Space *space)
{
	return psprintf("INSERT INTO %s AS c VALUES ($1, coalesce($2, ''), coalesce($3, ''), $4, $5, $6, $7)"
					" ON CONFLICT (subject, purpose, channel) DO UPDATE"
					" SET (decision, at, expires_at, ledger) = (excluded.decision, excluded.at, excluded.expires_at, excluded.ledger)"
					" WHERE (excluded.at, excluded.decision) >= (c.at, c.decision)",
					SpaceTable(space, "consent_current"));
}

static const ConsentQuery fold = {FoldSql, 7,
{CONSENT_KEY, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID}};

static char *
AskSql(const Space *space)
{
	return psprintf("INSERT INTO %s VALUES ($1, $2, $3, $4, $5, $6)",
					SpaceTable(space, "confirmation"));
}

static const ConsentQuery ask = {AskSql, 6,
{CONSENT_KEY, UUIDOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};

static char *
StopAskingSql(const Space *space)
{
	return psprintf("DELETE FROM %s c WHERE c.subject = $1"
					" AND ($2 IS NULL OR c.purpose = $2 OR pg_catalog.starts_with(c.purpose, $2 || '.'))"
					" AND ($3 IS NULL OR c.channel = $3)",
					SpaceTable(space, "confirmation"));
}

static const ConsentQuery stop_asking = {StopAskingSql, 3,
{CONSENT_KEY, TEXTOID, TEXTOID}};

/* Puts what the customer is to follow where a moment can start on it. */
static void
AskToConfirm(const Space *space, const Row *row)
{
	char	   *subject = ConsentKeyText(space, row->values[SUBJECT]);
	char	   *ledger = DatumGetCString(DirectFunctionCall1(uuid_out,
															 row->values[LEDGER]));
	char	   *token = ConsentConfirmationToken(space, subject, ledger);
	Datum		values[] = {row->values[SUBJECT], row->values[LEDGER],
		row->values[PURPOSE], row->values[CHANNEL],
	CStringGetTextDatum(token), row->values[AT]};
	bool		nulls[] = {false, false, row->nulls[PURPOSE],
	row->nulls[CHANNEL], false, false};

	ConsentRun(space, &ask, values, nulls, false);
}

PG_FUNCTION_INFO_V1(persona_fold_consent);

/* persona.fold_consent(space): AFTER INSERT, a row changes what stands. */
Datum
persona_fold_consent(PG_FUNCTION_ARGS)
{
	Space	   *space = Called(fcinfo, "fold_consent");
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	static const int from[] = {SUBJECT, PURPOSE, CHANNEL, DECISION, AT,
	EXPIRES_AT, LEDGER};
	Datum		values[lengthof(from)];
	bool		nulls[lengthof(from)];
	PersonaAct	act;
	Row			row;

	PersonaActByPath(&act, space->owner);
	SPI_connect();
	Open(&row, space, trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation));
	for (int i = 0; i < lengthof(from); i++)
	{
		values[i] = row.values[from[i]];
		nulls[i] = row.nulls[from[i]];
	}
	if (strcmp(Text(&row, DECISION), "request") == 0)
		AskToConfirm(space, &row);
	else
		ConsentRun(space, &fold, values, nulls, false);
	/* Who said no is not asked again about what came before. */
	if (strcmp(Text(&row, DECISION), "withdraw") == 0)
		ConsentRun(space, &stop_asking, values, nulls, false);
	ConsentEnd(&act);
	return PointerGetDatum(NULL);
}

/* ---- the guard ---- */

/* Whether a function of this room is erasing or letting go right now. */
static bool is_open = false;

uint64
ConsentRunOnLedger(const Space *space, const ConsentQuery *query,
				   const Datum *values, const bool *nulls)
{
	uint64		n = 0;

	is_open = true;
	PG_TRY();
	{
		n = ConsentRun(space, query, values, nulls, false);
	}
	PG_FINALLY();
	{
		is_open = false;
	}
	PG_END_TRY();
	return n;
}

PG_FUNCTION_INFO_V1(persona_refuse_change);

/* persona.refuse_change(): BEFORE UPDATE, DELETE and TRUNCATE of a ledger. */
Datum
persona_refuse_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("refuse_change() is a trigger of a ledger")));
	if (!is_open)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the ledger %s is only ever appended to",
						PersonaRelationName(RelationGetRelid(trigger->tg_relation))),
				 errhint("Record what is true now by grant_consent() or withdraw_consent().")));
	return PointerGetDatum(NULL);
}
