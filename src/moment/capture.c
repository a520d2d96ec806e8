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
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

typedef struct Capture
{
	TriggerData *trigger;
	const MomentIntake *intake; /* NULL: not looked up yet */
	TupleTableSlot *row;		/* of the table */
	bool		in_hand;		/* it is the first one that is wanted */
	bool		unfiltered;		/* take every row */
	bool		filtering;		/* a rule is being evaluated */
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
SubjectKey(const MomentIntake *intake, TupleTableSlot *row, bool *isnull)
{
	const SpaceColumn *from = &intake->event->subject;
	Datum		value = slot_getattr(row, from->number, isnull);
	FmgrInfo   *output = &intake->outputs[intake->event->nkeys];

	if (*isnull || from->type == intake->space->key.type)
		return value;
	return InputFunctionCall(unconstify(FmgrInfo *, &intake->input),
							 OutputFunctionCall(output, value),
							 intake->io_param, -1);
}

/* When it happened; now where the event has no time of its own. */
static Datum
EventTime(const SpaceColumn *at, TupleTableSlot *row, bool *isnull)
{
	Datum		value;

	*isnull = false;
	if (at->name == NULL)
		return TimestampTzGetDatum(PersonaNow());
	value = slot_getattr(row, at->number, isnull);
	if (*isnull || at->type == TIMESTAMPTZOID)
		return value;
	if (at->type == DATEOID)
		value = DirectFunctionCall1(date_timestamp, value);
	return DirectFunctionCall2(timestamp_zone, CStringGetTextDatum("UTC"), value);
}

static Datum
EventKey(const MomentIntake *intake, TupleTableSlot *row)
{
	int			n = intake->event->nkeys;
	Datum	   *texts = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	int			dims[1] = {n};
	int			lower[1] = {1};

	for (int i = 0; i < n; i++)
	{
		char	   *text = ColumnText(row, &intake->event->keys[i],
									  &intake->outputs[i]);

		nulls[i] = text == NULL;
		texts[i] = text ? CStringGetTextDatum(text) : 0;
	}
	return PointerGetDatum(construct_md_array(texts, nulls, 1, dims, lower,
											  TEXTOID, -1, false,
											  TYPALIGN_INT));
}

static void
FillRow(const Capture *c, TupleTableSlot *to)
{
	const MomentIntake *intake = c->intake;

	to->tts_values[INBOX_SUBJECT] =
		SubjectKey(intake, c->row, &to->tts_isnull[INBOX_SUBJECT]);
	to->tts_values[INBOX_EVENT] = intake->name;
	to->tts_values[INBOX_KEY] = EventKey(intake, c->row);
	to->tts_values[INBOX_AT] =
		EventTime(&intake->event->at, c->row, &to->tts_isnull[INBOX_AT]);
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
IsKept(Capture *c)
{
	bool		kept;

	if (c->intake->prefilter == NULL || c->unfiltered)
		return true;
	c->filtering = true;
	kept = MomentPrefilterKeeps(c->intake->prefilter, c->row);
	c->filtering = false;
	return kept;
}

/* ---- a statement's rows ---- */

static void
OpenInbox(Capture *c)
{
	MemoryContext caller = MemoryContextSwitchTo(c->context);

	c->inbox = MomentInboxOpen(c->intake->space,
							   tuplestore_tuple_count(c->trigger->tg_newtable));
	MemoryContextSwitchTo(caller);
}

static void
KeepRow(Capture *c)
{
	if (c->inbox == NULL)
		OpenInbox(c);
	FillRow(c, MomentInboxRow(c->inbox));
	MomentInboxAppend(c->inbox);
}

/* The row that an update found there; both tables are in the same order. */
static bool
NextChange(Capture *c, TupleTableSlot *was)
{
	if (!tuplestore_gettupleslot(c->trigger->tg_newtable, true, false, c->row))
		return false;
	if (was != NULL &&
		!tuplestore_gettupleslot(c->trigger->tg_oldtable, true, false, was))
		elog(ERROR, "an update has more new rows than old ones");
	return true;
}

static TupleTableSlot *
RowSlot(const Capture *c)
{
	return MakeTupleTableSlot(c->intake->row, &TTSOpsMinimalTuple);
}

/* From the row in hand on, if there is one; else all of them. */
static void
TakeRows(Capture *c)
{
	TupleTableSlot *was = c->trigger->tg_oldtable ? RowSlot(c) : NULL;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext per_row = AllocSetContextCreate(caller,
												  "persona captured row",
												  ALLOCSET_SMALL_SIZES);

	if (c->in_hand)
		KeepRow(c);
	else
	{
		tuplestore_rescan(c->trigger->tg_newtable);
		if (was != NULL)
			tuplestore_rescan(c->trigger->tg_oldtable);
	}
	while (NextChange(c, was))
	{
		MemoryContextSwitchTo(per_row);
		if ((was == NULL || IsChanged(was, c->row)) && IsKept(c))
			KeepRow(c);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(per_row);
	}
}

static void
CaptureRows(void *arg)
{
	Capture    *c = arg;
	PersonaAct	act;

	c->context = CurrentMemoryContext;
	c->inbox = NULL;
	c->seen_at = GetCurrentTimestamp();
	if (c->intake == NULL)
		c->intake = MomentIntakeLearn(c->trigger->tg_trigger,
									  c->trigger->tg_relation);
	if (c->row == NULL)
		c->row = RowSlot(c);
	if (c->intake->has_styles)
		PersonaActBegin(&act, c->intake->space->owner);
	else
		PersonaActLightly(&act, c->intake->space->owner);
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
 * the rest, that no row of an INSERT is wanted; else the first one that is
 * may be in hand.
 */
static bool
AllLeftOut(Capture *c)
{
	const MomentIntake *intake = c->intake;
	Tuplestorestate *rows = c->trigger->tg_newtable;

	if (intake == NULL || c->unfiltered || intake->prefilter == NULL ||
		!MomentPrefilterIsSafe(intake->prefilter) ||
		c->trigger->tg_oldtable != NULL)
		return false;
	c->row = RowSlot(c);
	tuplestore_rescan(rows);
	while (!c->in_hand && tuplestore_gettupleslot(rows, true, false, c->row))
		c->in_hand = MomentPrefilterKeeps(intake->prefilter, c->row);
	return !c->in_hand;
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
	if (!persona_enabled || !HasRows(trigger))
		return PointerGetDatum(NULL);
	capture.intake = MomentIntakeFind(trigger->tg_trigger->tgoid);
	if (AllLeftOut(&capture))
		return PointerGetDatum(NULL);
	sqlstate = PersonaTrap(CaptureRows, &capture);
	if (sqlstate != 0 && capture.filtering)
	{
		/* A rule that fails on one row is run()'s to look into: take all. */
		capture.unfiltered = true;
		capture.in_hand = false;
		sqlstate = PersonaTrap(CaptureRows, &capture);
	}
	if (sqlstate != 0)
		Note(trigger->tg_trigger, sqlstate);
	return PointerGetDatum(NULL);
}
