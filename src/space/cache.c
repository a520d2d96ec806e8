/*
 * cache.c: the definitions of all spaces, as this backend knows them.
 *
 * The tables are the truth, this is a copy: read whole at the first call, and
 * again after a relcache invalidation of a table of persona's or of a table
 * that a definition names (ALTER, DROP, a change of owner). A copy that went
 * stale lives on until the transaction ends, for a caller may still hold it.
 */
#include "space/space.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

static MemoryContext cache_context;
static List *spaces;			/* of Space *, by name */
static List *watched;			/* OIDs whose change makes the copy stale */
static uint64 generation = 1;
static bool stale = true;

static void
Invalidate(Datum arg, Oid relid)
{
	if (relid == InvalidOid || list_member_oid(watched, relid))
	{
		stale = true;
		generation++;
	}
}

uint64
SpaceGeneration(void)
{
	return generation;
}

/* Where column `name` of `relid` stands; number 0 where it does not exist. */
static SpaceColumn
FindColumn(Oid relid, char *name)
{
	SpaceColumn column = {.name = name};

	if (name != NULL)
		column.number = get_attnum(relid, name);
	if (column.number != InvalidAttrNumber)
		column.type = getBaseType(get_atttype(relid, column.number));
	return column;
}

static char *
CopyText(uint64 row, const char *column)
{
	char	   *text = PersonaColumnText(row, column);

	return text ? MemoryContextStrdup(cache_context, text) : NULL;
}

static Oid
ReadRelation(uint64 row, const char *column)
{
	bool		isnull;
	Oid			relid = DatumGetObjectId(PersonaColumn(row, column, &isnull));

	watched = lappend_oid(watched, relid);
	return relid;
}

static Oid
RelationOwner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

static void
ReadSpaces(void)
{
	uint64		n = PersonaExecute("SELECT space, schema_name, subjects::oid AS relid, key"
								   " FROM persona.space ORDER BY space",
								   NULL, true);

	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(cache_context);
		Space	   *space = palloc0(sizeof(Space));

		space->name = CopyText(i, "space");
		space->schema = CopyText(i, "schema_name");
		space->relid = ReadRelation(i, "relid");
		space->owner = RelationOwner(space->relid);
		space->key = FindColumn(space->relid, CopyText(i, "key"));
		spaces = lappend(spaces, space);
		MemoryContextSwitchTo(old);
	}
}

static Space *
FindSpace(const char *name)
{
	ListCell   *cell;

	foreach(cell, spaces)
	{
		Space	   *space = lfirst(cell);

		if (strcmp(space->name, name) == 0)
			return space;
	}
	return NULL;
}

static void
ReadKeys(SpaceEvent *event, ArrayType *names)
{
	Datum	   *elements;
	int			n;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &n);
	event->nkeys = n;
	event->keys = palloc0(sizeof(SpaceColumn) * Max(n, 1));
	for (int i = 0; i < n; i++)
		event->keys[i] = FindColumn(event->relid,
									TextDatumGetCString(elements[i]));
}

static void
ReadEvents(void)
{
	uint64		n = PersonaExecute("SELECT space, event, relation::oid AS relid, subject, at, id, fires"
								   " FROM persona.event ORDER BY space, event",
								   NULL, true);

	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(cache_context);
		Space	   *space = FindSpace(PersonaColumnText(i, "space"));
		SpaceEvent *event = palloc0(sizeof(SpaceEvent));
		bool		isnull;

		event->name = CopyText(i, "event");
		event->relid = ReadRelation(i, "relid");
		event->subject = FindColumn(event->relid, CopyText(i, "subject"));
		event->at = FindColumn(event->relid, CopyText(i, "at"));
		ReadKeys(event, DatumGetArrayTypeP(PersonaColumn(i, "id", &isnull)));
		event->fires = CopyText(i, "fires");
		space->events = lappend(space->events, event);
		MemoryContextSwitchTo(old);
	}
}

static void
ReadSegments(void)
{
	uint64		n = PersonaExecute("SELECT space, segment FROM persona.segment"
								   " ORDER BY space, segment", NULL, true);

	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(cache_context);
		Space	   *space = FindSpace(PersonaColumnText(i, "space"));

		space->segments = lappend(space->segments, CopyText(i, "segment"));
		MemoryContextSwitchTo(old);
	}
}

/* Every table of persona's own is watched, whichever room it belongs to. */
static void
WatchDefinitions(void)
{
	uint64		n = PersonaExecute("SELECT c.oid AS relid FROM pg_catalog.pg_class c"
								   " WHERE c.relnamespace = 'persona'::pg_catalog.regnamespace"
								   " AND c.relkind = 'r'", NULL, true);

	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(cache_context);

		(void) ReadRelation(i, "relid");
		MemoryContextSwitchTo(old);
	}
}

/*
 * These are fixed reads of persona's own columns, in which no user-written
 * expression takes part. Under an older snapshot a REPEATABLE READ session
 * would keep an old definition for its whole life.
 */
void
SpaceWithDefinitions(void (*work) (void *arg), void *arg)
{
	PersonaAct	act;
	MemoryContext caller = CurrentMemoryContext;
	Oid			schema = get_namespace_oid("persona", false);

	PersonaActBegin(&act, RelationOwner(get_relname_relid("space", schema)));
	SPI_connect();
	PushActiveSnapshot(GetLatestSnapshot());
	MemoryContextSwitchTo(caller);
	work(arg);
	PopActiveSnapshot();
	SPI_finish();
	PersonaActEnd(&act);
}

static void
ReadAll(void *arg)
{
	ReadSpaces();
	ReadEvents();
	ReadSegments();
	WatchDefinitions();
}

static void
Refresh(void)
{
	static bool registered = false;
	uint64		loading;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(Invalidate, (Datum) 0);
		registered = true;
	}
	if (cache_context != NULL)
		MemoryContextSetParent(cache_context, TopTransactionContext);
	cache_context = AllocSetContextCreate(CacheMemoryContext, "persona spaces",
										  ALLOCSET_SMALL_SIZES);
	spaces = NIL;
	watched = NIL;
	loading = generation;
	SpaceWithDefinitions(ReadAll, NULL);
	stale = generation != loading;
}

static List *
SpaceNames(void)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, spaces)
		names = lappend(names, ((Space *) lfirst(cell))->name);
	return names;
}

static void
RefuseAmbiguous(void)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, SpaceNames())
		appendStringInfo(&list, "%s%s", list.len ? ", " : "",
						 (char *) lfirst(cell));
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 errmsg("which space is meant?"),
			 errdetail("There are %d: %s.", list_length(spaces), list.data),
			 errhint("Pass space => '%s', or SET persona.space = '%s'.",
					 ((Space *) linitial(spaces))->name,
					 ((Space *) linitial(spaces))->name)));
}

pg_attribute_noreturn() static void
RefuseUnknown(const char *name)
{
	const char *near = PersonaSuggest(name, SpaceNames());

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("space \"%s\" does not exist", name),
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Its definition is made by persona.define_space.")));
}

Space *
SpaceGet(const char *name)
{
	Space	   *space;

	if (stale)
		Refresh();
	if (spaces == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no space yet"),
				 errhint("Define one over your table of customers: SELECT * FROM "
						 "persona.define_space('shop', 'customers').")));
	if (name == NULL && persona_space[0] != '\0')
		name = persona_space;
	if (name == NULL && list_length(spaces) > 1)
		RefuseAmbiguous();
	space = name ? FindSpace(name) : linitial(spaces);
	if (space == NULL)
		RefuseUnknown(name);
	if (!OidIsValid(space->owner) || space->key.number == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the subject table of space \"%s\", or its key \"%s\", does not exist any more",
						space->name, space->key.name)));
	return space;
}

/* Whether every column that the definition names still exists. */
static const char *
MissingColumn(const SpaceEvent *event)
{
	if (event->subject.number == InvalidAttrNumber)
		return event->subject.name;
	if (event->at.name && event->at.number == InvalidAttrNumber)
		return event->at.name;
	for (int i = 0; i < event->nkeys; i++)
		if (event->keys[i].number == InvalidAttrNumber)
			return event->keys[i].name;
	return NULL;
}

SpaceEvent *
SpaceFindEvent(const Space *space, const char *name)
{
	ListCell   *cell;

	foreach(cell, space->events)
	{
		SpaceEvent *event = lfirst(cell);
		const char *missing;

		if (strcmp(event->name, name) != 0)
			continue;
		missing = MissingColumn(event);
		if (missing != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of event \"%s\" does not exist any more",
							missing, name),
					 errhint("Run define_event('%s', ...) again with the table's present columns.",
							 name)));
		return event;
	}
	return NULL;
}

char *
SpaceEventTime(const SpaceEvent *event, const char *alias)
{
	char	   *column = psprintf("%s.%s", alias,
								  quote_identifier(event->at.name));

	if (event->at.type == TIMESTAMPTZOID)
		return column;
	return psprintf("(%s::pg_catalog.timestamp AT TIME ZONE 'UTC')", column);
}

char *
SpaceTable(const Space *space, const char *table)
{
	return quote_qualified_identifier(space->schema, table);
}

PG_FUNCTION_INFO_V1(persona_definition_changed);

/* Trigger on every table of definitions: all backends read them again. */
Datum
persona_definition_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("definition_changed() is a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}
