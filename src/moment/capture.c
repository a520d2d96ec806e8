/*
 * capture.c: the trigger on a company's own table.
 *
 * One AFTER ... FOR EACH STATEMENT trigger a table and kind of event appends
 * the statement's new rows to the inbox and does nothing else: it reads no
 * hot table, updates no shared row, decides nothing. Rows that no live moment
 * can want are left out (prefilter.c). Of an UPDATE the rows that it changed
 * are events, as they are now. Whatever goes wrong in here is kept from the
 * customer's statement, which succeeds as if persona were not there; only a
 * cancel, a shutdown and class 40 pass through.
 */
#include "moment/start.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

typedef struct Capture
{
	TriggerData *trigger;
	bool		unfiltered;		/* take every row */
	bool		filtering;		/* a rule is being evaluated */
	Space	   *space;
	SpaceEvent *event;
	const MomentPrefilter *prefilter;	/* NULL: every row is taken */
	FmgrInfo   *outputs;		/* of the key columns, then of the subject */
	FmgrInfo	input;			/* of K */
	Oid			io_param;
	Datum		name;			/* the event's */
	TimestampTz seen_at;
	MemoryContext context;		/* of the statement */
	MomentInbox *inbox;			/* opened for the first row that is kept */
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
FillRow(Capture *c, TupleTableSlot *row, TupleTableSlot *to)
{
	to->tts_values[INBOX_SUBJECT] =
		SubjectKey(c, row, &to->tts_isnull[INBOX_SUBJECT]);
	to->tts_values[INBOX_EVENT] = c->name;
	to->tts_values[INBOX_KEY] = EventKey(c, row);
	to->tts_values[INBOX_AT] = EventTime(c, row, &to->tts_isnull[INBOX_AT]);
	to->tts_values[INBOX_SEEN_AT] = TimestampTzGetDatum(c->seen_at);
}

/* ---- which rows ---- */

/* Whether an update changed anything: bytes are compared, no code is called. */
static bool
IsChanged(TupleTableSlot *was, TupleTableSlot *is)
{
	TupleDesc	desc = is->tts_tupleDescriptor;

	slot_getallattrs(was);
	slot_getallattrs(is);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (was->tts_isnull[i] != is->tts_isnull[i])
			return true;
		if (!is->tts_isnull[i] &&
			!datum_image_eq(was->tts_values[i], is->tts_values[i],
							att->attbyval, att->attlen))
			return true;
	}
	return false;
}

static bool
IsKept(Capture *c, TupleTableSlot *row)
{
	bool		kept;

	if (c->prefilter == NULL || c->unfiltered)
		return true;
	c->filtering = true;
	kept = MomentPrefilterKeeps(c->prefilter, row);
	c->filtering = false;
	return kept;
}

/* ---- a statement's rows ---- */

static void
OpenInbox(Capture *c)
{
	MemoryContext caller = MemoryContextSwitchTo(c->context);

	c->inbox = MomentInboxOpen(c->space,
							   tuplestore_tuple_count(c->trigger->tg_newtable));
	MemoryContextSwitchTo(caller);
}

static void
TakeRow(Capture *c, TupleTableSlot *row)
{
	if (!IsKept(c, row))
		return;
	if (c->inbox == NULL)
		OpenInbox(c);
	FillRow(c, row, MomentInboxRow(c->inbox));
	MomentInboxAppend(c->inbox);
}

/* The row that an update found there; both tables are in the same order. */
static bool
NextChange(Capture *c, TupleTableSlot *was, TupleTableSlot *row)
{
	if (!tuplestore_gettupleslot(c->trigger->tg_newtable, true, false, row))
		return false;
	if (was != NULL &&
		!tuplestore_gettupleslot(c->trigger->tg_oldtable, true, false, was))
		elog(ERROR, "an update has more new rows than old ones");
	return true;
}

static TupleTableSlot *
RowSlot(const Capture *c)
{
	return MakeSingleTupleTableSlot(RelationGetDescr(c->trigger->tg_relation),
									&TTSOpsMinimalTuple);
}

static void
TakeRows(Capture *c)
{
	TupleTableSlot *row = RowSlot(c);
	TupleTableSlot *was = c->trigger->tg_oldtable ? RowSlot(c) : NULL;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext per_row = AllocSetContextCreate(caller,
												  "persona captured row",
												  ALLOCSET_SMALL_SIZES);

	tuplestore_rescan(c->trigger->tg_newtable);
	if (was != NULL)
		tuplestore_rescan(c->trigger->tg_oldtable);
	while (NextChange(c, was, row))
	{
		MemoryContextSwitchTo(per_row);
		if (was == NULL || IsChanged(was, row))
			TakeRow(c, row);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(per_row);
	}
	ExecDropSingleTupleTableSlot(row);
	if (was != NULL)
		ExecDropSingleTupleTableSlot(was);
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

/* A trigger that was moved to another table would read the wrong columns. */
static void
FindEvent(Capture *c)
{
	char	  **args = c->trigger->tg_trigger->tgargs;

	c->space = SpaceGet(args[0]);
	c->event = SpaceFindEvent(c->space, args[1]);
	if (c->event == NULL ||
		c->event->relid != RelationGetRelid(c->trigger->tg_relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("event \"%s\" is not defined over this table", args[1])));
}

/*
 * Looks up what the definitions say, which is in memory but for the first time.
 * Under SERIALIZABLE no rules are compiled: what is read for that could fail the
 * customer's commit.
 */
static void
Learn(Capture *c)
{
	Oid			trigger = c->trigger->tg_trigger->tgoid;
	int			level;

	c->prefilter = MomentPrefilterFind(trigger);
	if (c->prefilter != NULL)
	{
		FindEvent(c);
		return;
	}
	level = PersonaHurryBegin();
	FindEvent(c);
	if (!IsolationIsSerializable())
		c->prefilter = MomentPrefilterMake(trigger, c->space, c->event,
										   RelationGetDescr(c->trigger->tg_relation));
	PersonaPinEnd(level);
}

static void
CaptureRows(void *arg)
{
	Capture    *c = arg;
	PersonaAct	act;

	c->context = CurrentMemoryContext;
	c->inbox = NULL;
	Learn(c);
	if (HasStyles(c))
		PersonaActBegin(&act, c->space->owner);
	else
		PersonaActLightly(&act, c->space->owner);
	Prepare(c);
	TakeRows(c);
	if (c->inbox != NULL)
		MomentInboxClose(c->inbox);
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

/* ---- the trigger ---- */

/*
 * Whether it can be seen without a subtransaction, which costs more than all
 * the rest, that no row of an INSERT is wanted.
 */
static bool
AllLeftOut(TriggerData *trigger)
{
	const MomentPrefilter *prefilter = MomentPrefilterFind(trigger->tg_trigger->tgoid);
	TupleTableSlot *row;
	bool		all = true;

	if (prefilter == NULL || !MomentPrefilterIsSafe(prefilter) ||
		trigger->tg_oldtable != NULL)
		return false;
	row = MomentPrefilterSlot(prefilter);
	tuplestore_rescan(trigger->tg_newtable);
	while (all && tuplestore_gettupleslot(trigger->tg_newtable, true, false, row))
		all = !MomentPrefilterKeeps(prefilter, row);
	ExecClearTuple(row);
	return all;
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
	Capture		capture = {.trigger = (TriggerData *) fcinfo->context};
	TriggerData *trigger = capture.trigger;
	int			sqlstate;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("capture() is an AFTER ... FOR EACH STATEMENT trigger"),
				 errhint("persona.activate() creates it.")));
	/* Who rehearses is told by run() why a row starts nothing. */
	capture.unfiltered = MomentIsRehearsing();
	if (!persona_enabled || !HasRows(trigger) ||
		(!capture.unfiltered && AllLeftOut(trigger)))
		return PointerGetDatum(NULL);
	sqlstate = PersonaTrap(CaptureRows, &capture);
	if (sqlstate != 0 && capture.filtering)
	{
		/* A rule that fails on one row is run()'s to look into: take all. */
		capture.unfiltered = true;
		sqlstate = PersonaTrap(CaptureRows, &capture);
	}
	if (sqlstate != 0)
		Note(trigger->tg_trigger, sqlstate);
	return PointerGetDatum(NULL);
}
