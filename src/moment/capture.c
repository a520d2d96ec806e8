/*
 * capture.c: the trigger on a company's own table.
 *
 * One AFTER ... FOR EACH STATEMENT trigger a table and kind of event appends
 * the statement's new rows to the inbox and does nothing else: it reads no
 * hot table, updates no shared row, evaluates no rule. Whatever goes wrong in
 * here is kept from the customer's statement, which succeeds as if persona
 * were not there; only a cancel, a shutdown and class 40 pass through.
 */
#include "moment/moment.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* Rows written at once: bounds the memory of a COPY of millions. */
#define CAPTURE_CHUNK 1000

/* The longest wait for a lock that persona may add to a purchase. */
#define CAPTURE_LOCK_TIMEOUT "100ms"

/* The columns of the inbox, in their order. */
enum
{
	INBOX_SUBJECT, INBOX_EVENT, INBOX_KEY, INBOX_AT, INBOX_SEEN_AT,
	INBOX_COLUMNS
};

typedef struct Capture
{
	TriggerData *trigger;
	Space	   *space;
	SpaceEvent *event;
	Relation	inbox;
	EState	   *estate;
	ResultRelInfo *result;
	TupleTableSlot **slots;
	int			nslots;
	BulkInsertState bulk;
} Capture;

/* ---- one row ---- */

/* A column's value as text, in the pinned styles; NULL for NULL. */
static char *
ColumnText(TupleTableSlot *row, const SpaceColumn *column)
{
	bool		isnull;
	Datum		value = slot_getattr(row, column->number, &isnull);
	Oid			output;
	bool		varlena;

	if (isnull)
		return NULL;
	getTypeOutputInfo(column->type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

/* The subject's key as a K: as it is, or through its text (int for bigint). */
static Datum
SubjectKey(const Capture *c, TupleTableSlot *row, bool *isnull)
{
	const SpaceColumn *from = &c->event->subject;
	Datum		value = slot_getattr(row, from->number, isnull);
	Oid			input;
	Oid			param;

	if (*isnull || from->type == c->space->key.type)
		return value;
	getTypeInputInfo(c->space->key.type, &input, &param);
	return OidInputFunctionCall(input, ColumnText(row, from), param, -1);
}

/* When it happened; now where the event has no time of its own. */
static Datum
EventTime(const Capture *c, TupleTableSlot *row, bool *isnull)
{
	Datum		value;

	*isnull = false;
	if (c->event->at.name == NULL)
		return TimestampTzGetDatum(PersonaNow());
	value = slot_getattr(row, c->event->at.number, isnull);
	if (*isnull || c->event->at.type == TIMESTAMPTZOID)
		return value;
	if (c->event->at.type == DATEOID)
		value = DirectFunctionCall1(date_timestamp, value);
	return DirectFunctionCall2(timestamp_zone, CStringGetTextDatum("UTC"), value);
}

static Datum
EventKey(const Capture *c, TupleTableSlot *row)
{
	int			n = c->event->nkeys;
	Datum	   *texts = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	int			dims[1] = {n};
	int			lower[1] = {1};

	for (int i = 0; i < n; i++)
	{
		char	   *text = ColumnText(row, &c->event->keys[i]);

		nulls[i] = text == NULL;
		texts[i] = text ? CStringGetTextDatum(text) : 0;
	}
	return PointerGetDatum(construct_md_array(texts, nulls, 1, dims, lower,
											  TEXTOID, -1, false,
											  TYPALIGN_INT));
}

static void
FillSlot(const Capture *c, TupleTableSlot *row, TupleTableSlot *slot)
{
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, INBOX_COLUMNS * sizeof(bool));
	slot->tts_values[INBOX_SUBJECT] =
		SubjectKey(c, row, &slot->tts_isnull[INBOX_SUBJECT]);
	slot->tts_values[INBOX_EVENT] = CStringGetTextDatum(c->event->name);
	slot->tts_values[INBOX_KEY] = EventKey(c, row);
	slot->tts_values[INBOX_AT] = EventTime(c, row, &slot->tts_isnull[INBOX_AT]);
	slot->tts_values[INBOX_SEEN_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
}

/* ---- a statement's rows ---- */

static void
OpenInbox(Capture *c)
{
	Oid			schema = get_namespace_oid(c->space->schema, false);
	Oid			relid = get_relname_relid("inbox", schema);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("space \"%s\" has no inbox", c->space->name)));
	c->inbox = table_open(relid, RowExclusiveLock);
	c->estate = CreateExecutorState();
	c->result = makeNode(ResultRelInfo);
	InitResultRelInfo(c->result, c->inbox, 1, NULL, 0);
	/* The inbox comes without an index, but somebody may have added one. */
	ExecOpenIndices(c->result, false);
	c->slots = palloc(sizeof(TupleTableSlot *) * CAPTURE_CHUNK);
	for (int i = 0; i < CAPTURE_CHUNK; i++)
		c->slots[i] = NULL;
	c->bulk = GetBulkInsertState();
}

static void
Flush(Capture *c)
{
	if (c->nslots == 0)
		return;
	table_multi_insert(c->inbox, c->slots, c->nslots, GetCurrentCommandId(true),
					   0, c->bulk);
	for (int i = 0; i < c->nslots && c->result->ri_NumIndices > 0; i++)
	{
		ResetPerTupleExprContext(c->estate);
		CompatInsertIndexTuples(c->result, c->slots[i], c->estate);
	}
	c->nslots = 0;
	CHECK_FOR_INTERRUPTS();
}

static void
CloseInbox(Capture *c)
{
	FreeBulkInsertState(c->bulk);
	table_finish_bulk_insert(c->inbox, 0);
	for (int i = 0; i < CAPTURE_CHUNK && c->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(c->slots[i]);
	ExecCloseIndices(c->result);
	FreeExecutorState(c->estate);
	table_close(c->inbox, NoLock);
}

static void
CopyRows(Capture *c)
{
	Tuplestorestate *store = c->trigger->tg_newtable;
	TupleDesc	desc = RelationGetDescr(c->trigger->tg_relation);
	TupleTableSlot *row = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext,
												  "persona captured row",
												  ALLOCSET_DEFAULT_SIZES);

	tuplestore_rescan(store);
	while (tuplestore_gettupleslot(store, true, false, row))
	{
		MemoryContext old;

		if (c->slots[c->nslots] == NULL)
			c->slots[c->nslots] = table_slot_create(c->inbox, NULL);
		old = MemoryContextSwitchTo(per_row);
		FillSlot(c, row, c->slots[c->nslots]);
		MemoryContextSwitchTo(old);
		MemoryContextReset(per_row);
		if (++c->nslots == CAPTURE_CHUNK)
			Flush(c);
	}
	Flush(c);
	ExecDropSingleTupleTableSlot(row);
}

static void
CaptureRows(void *arg)
{
	Capture		c = {.trigger = arg};
	Trigger    *trigger = c.trigger->tg_trigger;
	PersonaAct	act;

	c.space = SpaceGet(trigger->tgargs[0]);
	c.event = SpaceFindEvent(c.space, trigger->tgargs[1]);
	if (c.event == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("event \"%s\" is not defined", trigger->tgargs[1])));
	PersonaActBegin(&act, c.space->owner);
	(void) set_config_option("lock_timeout", CAPTURE_LOCK_TIMEOUT,
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	OpenInbox(&c);
	CopyRows(&c);
	CloseInbox(&c);
	PersonaActEnd(&act);
}

/* ---- what went wrong ---- */

typedef struct Failure
{
	Trigger    *trigger;
	int			sqlstate;
} Failure;

static void
NoteFailure(void *arg)
{
	Failure    *failure = arg;
	Space	   *space = SpaceGet(failure->trigger->tgargs[0]);
	PersonaAct	act;

	PersonaActBegin(&act, space->owner);
	SPI_connect();
	MomentIncident(space, "trigger", failure->trigger->tgargs[1],
				   failure->sqlstate);
	SPI_finish();
	PersonaActEnd(&act);
}

/* An incident in the space, or in the server's log where even that fails. */
static void
Note(Trigger *trigger, int sqlstate)
{
	Failure		failure = {trigger, sqlstate};

	if (PersonaTrap(NoteFailure, &failure) != 0)
		ereport(LOG,
				(errmsg("persona could not take an event \"%s\" of space \"%s\": SQLSTATE %s",
						trigger->tgargs[1], trigger->tgargs[0],
						unpack_sql_state(sqlstate))));
}

static bool
HasRows(TriggerData *trigger)
{
	return trigger->tg_newtable != NULL &&
		tuplestore_tuple_count(trigger->tg_newtable) > 0;
}

PG_FUNCTION_INFO_V1(persona_capture);

/* persona.capture(space, event): the trigger that activate() creates. */
Datum
persona_capture(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	int			sqlstate;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("capture() is an AFTER ... FOR EACH STATEMENT trigger"),
				 errhint("persona.activate() creates it.")));
	if (!persona_enabled || !HasRows(trigger))
		return PointerGetDatum(NULL);
	sqlstate = PersonaTrap(CaptureRows, trigger);
	if (sqlstate != 0)
		Note(trigger->tg_trigger, sqlstate);
	return PointerGetDatum(NULL);
}
