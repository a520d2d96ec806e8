/*
 * intake.c: what this backend knows of a trigger on a company's table.
 *
 * A shop writes one row at a time, so what it takes to turn a row of its
 * table into a row of the inbox is looked up once and kept a trigger: the
 * event, how its columns are written as text, which rows can be left out
 * (prefilter.c). It is kept as long as the definitions and the table stay what
 * they are; what others have committed is heard of before it is used.
 */
#include "moment/start.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* One in the table of those that are kept. */
typedef struct Kept
{
	Oid			trigger;		/* the key */
	MemoryContext context;		/* holds the intake */
	MomentIntake *intake;		/* NULL: making it has failed */
} Kept;

static HTAB *kept;

/* ---- making one ---- */

/* A trigger that was moved to another table would read the wrong columns. */
static SpaceEvent *
FindEvent(const Space *space, const char *name, Oid relid)
{
	SpaceEvent *event = SpaceFindEvent(space, name);

	if (event == NULL || event->relid != relid)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("event \"%s\" is not defined over this table", name)));
	return event;
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

/* How a column's values are written as text. */
static void
TakeOutput(MomentIntake *intake, const SpaceColumn *column, FmgrInfo *output)
{
	Oid			function;
	bool		varlena;

	getTypeOutputInfo(column->type, &function, &varlena);
	fmgr_info_cxt(function, output, CurrentMemoryContext);
	if (!IsPlain(column->type))
		intake->has_styles = true;
}

/* In a memory context in which all of it stays. */
static MomentIntake *
Make(const Space *space, const SpaceEvent *event, TupleDesc row)
{
	MomentIntake *intake = palloc0(sizeof(MomentIntake));
	Oid			function;

	intake->space = space;
	intake->event = event;
	intake->name = CStringGetTextDatum(event->name);
	intake->row = CreateTupleDescCopyConstr(row);
	intake->outputs = palloc(sizeof(FmgrInfo) * (event->nkeys + 1));
	for (int i = 0; i < event->nkeys; i++)
		TakeOutput(intake, &event->keys[i], &intake->outputs[i]);
	TakeOutput(intake, &event->subject, &intake->outputs[event->nkeys]);
	getTypeInputInfo(space->key.type, &function, &intake->io_param);
	fmgr_info_cxt(function, &intake->input, CurrentMemoryContext);
	return intake;
}

/* ---- keeping it ---- */

static Kept *
Enter(Oid trigger)
{
	Kept	   *one;
	bool		found;

	if (kept == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(Oid),
		.entrysize = sizeof(Kept)};

		kept = hash_create("persona intakes", 16, &control,
						   HASH_ELEM | HASH_BLOBS);
	}
	one = hash_search(kept, &trigger, HASH_ENTER, &found);
	if (found && one->context != NULL)
		MemoryContextDelete(one->context);
	one->intake = NULL;
	one->context = NULL;
	one->context = AllocSetContextCreate(CacheMemoryContext, "persona intake",
										 ALLOCSET_SMALL_SIZES);
	return one;
}

static MomentIntake *
MakeAndKeep(Oid trigger, const Space *space, const SpaceEvent *event,
			TupleDesc row)
{
	uint64		generation = SpaceGeneration();
	Kept	   *one = Enter(trigger);
	MemoryContext caller = MemoryContextSwitchTo(one->context);
	MomentIntake *intake = Make(space, event, row);

	intake->generation = generation;
	MemoryContextSwitchTo(caller);
	intake->prefilter = MomentPrefilterMake(one->context, space, event);
	one->intake = intake;
	return intake;
}

const MomentIntake *
MomentIntakeFind(Oid trigger)
{
	Kept	   *one;

	if (kept == NULL)
		return NULL;
	AcceptInvalidationMessages();
	one = hash_search(kept, &trigger, HASH_FIND, NULL);
	if (one == NULL || one->intake == NULL ||
		!SpaceIsCurrent(one->intake->generation))
		return NULL;
	return one->intake;
}

/*
 * Under SERIALIZABLE no rules are compiled, so nothing is kept either: what is
 * read for that could fail the customer's commit.
 */
const MomentIntake *
MomentIntakeLearn(const Trigger *trigger, Relation relation)
{
	int			level = PersonaHurryBegin();
	const Space *space = SpaceGet(trigger->tgargs[0]);
	const SpaceEvent *event = FindEvent(space, trigger->tgargs[1],
										RelationGetRelid(relation));
	TupleDesc	row = RelationGetDescr(relation);
	const MomentIntake *intake = IsolationIsSerializable() ?
	Make(space, event, row) :
	MakeAndKeep(trigger->tgoid, space, event, row);

	PersonaPinEnd(level);
	return intake;
}
