/*
 * stage.c: who and what a rehearsal has made up so far.
 *
 * A script may have thousands of steps and of subjects. So at an instant only
 * those are run for who have done something or for whom something is due, and
 * what there is to know of each is found by its name or its key. A run that
 * looked at everybody each time would take the square of the script's length.
 */
#include "moment/stage.h"

#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A text of any length, and what goes by it; the entry of a table. */
typedef struct Label
{
	const char *text;
	void	   *thing;
} Label;

static MemoryContext context;	/* holds all of it; NULL: no rehearsal */
static List *people;			/* of StagePerson * */
static HTAB *by_name;			/* of people */
static HTAB *by_subject;		/* of people */
static HTAB *notes;				/* of Jsonb: what the plot remembers */
static HTAB *things;			/* that were there before */

/* ---- tables by text ---- */

static uint32
HashText(const void *key, Size size)
{
	const char *text = *(const char *const *) key;

	return hash_bytes((const unsigned char *) text, strlen(text));
}

static int
CompareTexts(const void *one, const void *other, Size size)
{
	return strcmp(*(const char *const *) one, *(const char *const *) other);
}

static HTAB *
MakeTable(const char *name)
{
	HASHCTL		control = {.keysize = sizeof(char *), .entrysize = sizeof(Label),
	.hash = HashText, .match = CompareTexts, .hcxt = context};

	return hash_create(name, 256, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

static void *
LookUp(HTAB *table, const char *text)
{
	Label	   *label = hash_search(table, &text, HASH_FIND, NULL);

	return label ? label->thing : NULL;
}

/* What went by that text before does so no more. */
static void
Put(HTAB *table, const char *text, void *thing)
{
	bool		found;
	Label	   *label;

	label = hash_search(table, &text, HASH_ENTER, &found);
	if (!found)
		label->text = MemoryContextStrdup(context, text);
	label->thing = thing;
}

/* ---- the stage ---- */

/* However its memory goes, the rehearsal is over then. */
static void
Leave(void *arg)
{
	context = NULL;
}

void
StageBegin(void)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "persona stage",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContextCallback *callback = MemoryContextAllocZero(memory,
															 sizeof(MemoryContextCallback));

	callback->func = Leave;
	MemoryContextRegisterResetCallback(memory, callback);
	context = memory;
	people = NIL;
	by_name = MakeTable("persona stage by name");
	by_subject = MakeTable("persona stage by subject");
	notes = MakeTable("persona stage notes");
	things = MakeTable("persona stage things");
}

void
StageEnd(void)
{
	MemoryContextDelete(context);
}

MemoryContext
StageMemory(void)
{
	return context;
}

bool
MomentIsRehearsing(void)
{
	return context != NULL;
}

void
StageRefuseInEarnest(void)
{
	if (!MomentIsRehearsing())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this is a part of rehearse() and nothing by itself"),
				 errhint("SELECT * FROM persona.rehearse('{\"steps\": [...]}').")));
}

List *
StagePeople(void)
{
	return people;
}

StagePerson *
StageFind(const char *name)
{
	return LookUp(by_name, name);
}

StagePerson *
StageFindSubject(const char *subject)
{
	return LookUp(by_subject, subject);
}

bool
StageIsNew(const char *thing)
{
	if (LookUp(things, thing) != NULL)
		return false;
	Put(things, thing, context);
	return true;
}

void
StageWake(Oid type, Datum key)
{
	Oid			output;
	bool		is_varlena;
	StagePerson *person;

	getTypeOutputInfo(type, &output, &is_varlena);
	person = StageFindSubject(OidOutputFunctionCall(output, key));
	if (person != NULL)
		person->awake = true;
}

/* ---- what the plot says and asks ---- */

PG_FUNCTION_INFO_V1(persona_enter_stage);

/* persona.enter_stage(name, subject) */
Datum
persona_enter_stage(PG_FUNCTION_ARGS)
{
	MemoryContext caller;
	StagePerson *person;

	StageRefuseInEarnest();
	caller = MemoryContextSwitchTo(context);
	person = palloc0(sizeof(StagePerson));
	person->name = PersonaTextArg(fcinfo, 0);
	person->subject = PersonaTextArg(fcinfo, 1);
	person->awake = true;
	person->next = DT_NOEND;
	people = lappend(people, person);
	Put(by_name, person->name, person);
	Put(by_subject, person->subject, person);
	MemoryContextSwitchTo(caller);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(persona_call_on_stage);

/* persona.call_on_stage(name): its key; it is run for at this instant. */
Datum
persona_call_on_stage(PG_FUNCTION_ARGS)
{
	StagePerson *person;

	StageRefuseInEarnest();
	person = StageFind(PersonaTextArg(fcinfo, 0));
	if (person == NULL)
		PG_RETURN_NULL();
	person->awake = true;
	PG_RETURN_TEXT_P(cstring_to_text(person->subject));
}

PG_FUNCTION_INFO_V1(persona_names_on_stage);

/* persona.names_on_stage(): text[] */
Datum
persona_names_on_stage(PG_FUNCTION_ARGS)
{
	List	   *names = NIL;
	ListCell   *cell;

	StageRefuseInEarnest();
	foreach(cell, people)
		names = lappend(names, ((StagePerson *) lfirst(cell))->name);
	PG_RETURN_DATUM(PersonaTexts(names));
}

PG_FUNCTION_INFO_V1(persona_note);

/* persona.note(name, note); NULL: it is forgotten. */
Datum
persona_note(PG_FUNCTION_ARGS)
{
	char	   *name;
	Jsonb	   *note = NULL;
	Jsonb	   *before;

	StageRefuseInEarnest();
	name = PersonaTextArg(fcinfo, 0);
	before = LookUp(notes, name);
	if (before != NULL)
		pfree(before);
	if (!PG_ARGISNULL(1))
	{
		note = MemoryContextAlloc(context, VARSIZE(PG_GETARG_JSONB_P(1)));
		memcpy(note, PG_GETARG_JSONB_P(1), VARSIZE(PG_GETARG_JSONB_P(1)));
	}
	Put(notes, name, note);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(persona_noted);

/* persona.noted(name) */
Datum
persona_noted(PG_FUNCTION_ARGS)
{
	Jsonb	   *note;

	StageRefuseInEarnest();
	note = LookUp(notes, PersonaTextArg(fcinfo, 0));
	if (note == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(note);
}

PG_FUNCTION_INFO_V1(persona_next_on_stage);

/* persona.next_on_stage(): when something is due next; NULL: nothing is. */
Datum
persona_next_on_stage(PG_FUNCTION_ARGS)
{
	TimestampTz next = DT_NOEND;
	ListCell   *cell;

	StageRefuseInEarnest();
	foreach(cell, people)
		next = Min(next, ((StagePerson *) lfirst(cell))->next);
	if (next == DT_NOEND)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(next);
}
