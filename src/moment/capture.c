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
#include "storage/lmgr.h"
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
	FmgrInfo   *outputs;		/* of the key columns, then of the subject */
	FmgrInfo	input;			/* of K */
	Oid			io_param;
	Datum		name;			/* the event's */
	TimestampTz seen_at;
	Relation	inbox;
	EState	   *estate;			/* for its indexes; NULL: it has none */
	ResultRelInfo *result;
	TupleTableSlot **slots;
	int			most;			/* slots that this statement can use */
	int			nslots;
	BulkInsertState bulk;		/* NULL for a single row */
} Capture;

/* ---- one row ---- */

/* A column's value as text, in the pinned styles; NULL for NULL. */
static char *
ColumnText(TupleTableSlot *row, const SpaceColumn *column, FmgrInfo *output)
{
	bool		isnull;
	Datum		value = slot_getattr(row, column->number, &isnull);

	return isnull ? NULL : OutputFunctionCall(output, value);
}

/* The subject's key as a K: as it is, or through its text (int for bigint). */
static Datum
SubjectKey(Capture *c, TupleTableSlot *row, bool *isnull)
{
	const SpaceColumn *from = &c->event->subject;
	Datum		value = slot_getattr(row, from->number, isnull);

	if (*isnull || from->type == c->space->key.type)
		return value;
	return InputFunctionCall(&c->input,
							 ColumnText(row, from, &c->outputs[c->event->nkeys]),
							 c->io_param, -1);
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
		char	   *text = ColumnText(row, &c->event->keys[i], &c->outputs[i]);

		nulls[i] = text == NULL;
		texts[i] = text ? CStringGetTextDatum(text) : 0;
	}
	return PointerGetDatum(construct_md_array(texts, nulls, 1, dims, lower,
											  TEXTOID, -1, false,
											  TYPALIGN_INT));
}

static void
FillSlot(Capture *c, TupleTableSlot *row, TupleTableSlot *slot)
{
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, INBOX_COLUMNS * sizeof(bool));
	slot->tts_values[INBOX_SUBJECT] =
		SubjectKey(c, row, &slot->tts_isnull[INBOX_SUBJECT]);
	slot->tts_values[INBOX_EVENT] = c->name;
	slot->tts_values[INBOX_KEY] = EventKey(c, row);
	slot->tts_values[INBOX_AT] = EventTime(c, row, &slot->tts_isnull[INBOX_AT]);
	slot->tts_values[INBOX_SEEN_AT] = TimestampTzGetDatum(c->seen_at);
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
}

/* ---- a statement's rows ---- */

/* The lock is nearly always free; only where it is not is a limit set. */
static void
LockInbox(Oid relid)
{
	int			level;

	if (ConditionalLockRelationOid(relid, RowExclusiveLock))
		return;
	level = NewGUCNestLevel();
	(void) set_config_option("lock_timeout", CAPTURE_LOCK_TIMEOUT,
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	LockRelationOid(relid, RowExclusiveLock);
	AtEOXact_GUC(false, level);
}

static void
OpenInbox(Capture *c)
{
	Oid			schema = get_namespace_oid(c->space->schema, false);
	Oid			relid = get_relname_relid("inbox", schema);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("space \"%s\" has no inbox", c->space->name)));
	LockInbox(relid);
	c->inbox = table_open(relid, NoLock);
	/* The inbox comes without an index, but somebody may have added one. */
	if (c->inbox->rd_rel->relhasindex)
	{
		c->estate = CreateExecutorState();
		c->result = makeNode(ResultRelInfo);
		InitResultRelInfo(c->result, c->inbox, 1, NULL, 0);
		ExecOpenIndices(c->result, false);
	}
	c->most = Min(CAPTURE_CHUNK,
				  tuplestore_tuple_count(c->trigger->tg_newtable));
	c->slots = palloc0(sizeof(TupleTableSlot *) * c->most);
	if (c->most > 1)
		c->bulk = GetBulkInsertState();
}

static void
InsertIndexTuples(Capture *c)
{
	for (int i = 0; i < c->nslots; i++)
	{
		ResetPerTupleExprContext(c->estate);
		CompatInsertIndexTuples(c->result, c->slots[i], c->estate);
	}
}

static void
Flush(Capture *c)
{
	if (c->nslots == 0)
		return;
	table_multi_insert(c->inbox, c->slots, c->nslots, GetCurrentCommandId(true),
					   0, c->bulk);
	if (c->estate != NULL)
		InsertIndexTuples(c);
	c->nslots = 0;
	CHECK_FOR_INTERRUPTS();
}

static void
CloseInbox(Capture *c)
{
	for (int i = 0; i < c->most && c->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(c->slots[i]);
	if (c->bulk != NULL)
	{
		FreeBulkInsertState(c->bulk);
		table_finish_bulk_insert(c->inbox, 0);
	}
	if (c->estate != NULL)
	{
		ExecCloseIndices(c->result);
		FreeExecutorState(c->estate);
	}
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
		if (++c->nslots == c->most)
			Flush(c);
	}
	Flush(c);
	ExecDropSingleTupleTableSlot(row);
}

/* Whether a type's text depends on no setting and calls no code of a user's. */
static bool
IsPlain(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case UUIDOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return true;
		default:
			return false;
	}
}

/* Whether any text that is written here depends on the session's settings. */
static bool
HasStyles(const Capture *c)
{
	for (int i = 0; i < c->event->nkeys; i++)
		if (!IsPlain(c->event->keys[i].type))
			return true;
	return !IsPlain(c->event->subject.type);
}

/* What every row needs, looked up once a statement. */
static void
Prepare(Capture *c)
{
	int			nkeys = c->event->nkeys;
	Oid			function;
	bool		varlena;

	c->outputs = palloc(sizeof(FmgrInfo) * (nkeys + 1));
	for (int i = 0; i <= nkeys; i++)
	{
		getTypeOutputInfo(i < nkeys ? c->event->keys[i].type :
						  c->event->subject.type, &function, &varlena);
		fmgr_info(function, &c->outputs[i]);
	}
	getTypeInputInfo(c->space->key.type, &function, &c->io_param);
	fmgr_info(function, &c->input);
	c->name = CStringGetTextDatum(c->event->name);
	c->seen_at = GetCurrentTimestamp();
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
	if (HasStyles(&c))
		PersonaActBegin(&act, c.space->owner);
	else
		PersonaActLightly(&act, c.space->owner);
	Prepare(&c);
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
	SpaceIncident(space, "trigger", failure->trigger->tgargs[1],
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
