/*
 * cache.c: the definitions of all spaces, as this backend knows them.
 *
 * The tables are the truth, this is a copy: read whole at the first call, and
 * again after a relcache invalidation of a table of persona's or of a table
 * that a definition names (ALTER, DROP, a change of owner). A copy that went
 * stale lives on until the transaction ends, for a caller may still hold it.
 */
#include "space/read.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

static SpaceDefinitions known;
static uint64 generation = 1;
static bool stale = true;

static void
Invalidate(Datum arg, Oid relid)
{
	if (relid == InvalidOid || list_member_oid(known.watched, relid))
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

bool
SpaceIsCurrent(uint64 made_under)
{
	return !stale && generation == made_under;
}

static Space *
FindSpace(const char *name)
{
	ListCell   *cell;

	foreach(cell, known.spaces)
	{
		Space	   *space = lfirst(cell);

		if (strcmp(space->name, name) == 0)
			return space;
	}
	return NULL;
}

static Oid
DefinitionsOwner(void)
{
	Oid			schema = get_namespace_oid("persona", false);
	HeapTuple	tuple = SearchSysCache1(RELOID,
										ObjectIdGetDatum(get_relname_relid("space", schema)));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "persona's tables are not there");
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
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

	PersonaActBegin(&act, DefinitionsOwner());
	SPI_connect();
	PushActiveSnapshot(GetLatestSnapshot());
	MemoryContextSwitchTo(caller);
	work(arg);
	PopActiveSnapshot();
	SPI_finish();
	PersonaActEnd(&act);
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
	if (known.context != NULL)
		MemoryContextSetParent(known.context, TopTransactionContext);
	memset(&known, 0, sizeof(known));
	known.context = AllocSetContextCreate(CacheMemoryContext, "persona spaces",
										  ALLOCSET_SMALL_SIZES);
	/* What was compiled from the copy before this one points into it. */
	loading = ++generation;
	SpaceWithDefinitions(SpaceReadAll, &known);
	stale = generation != loading;
}

static List *
SpaceNames(void)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, known.spaces)
		names = lappend(names, ((Space *) lfirst(cell))->name);
	return names;
}

static void
RefuseAmbiguous(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 errmsg("which space is meant?"),
			 errdetail("There are %d: %s.", list_length(known.spaces),
					   PersonaJoin(SpaceNames())),
			 errhint("Pass space => '%s', or SET persona.space = '%s'.",
					 ((Space *) linitial(known.spaces))->name,
					 ((Space *) linitial(known.spaces))->name)));
}

pg_noreturn static void
RefuseUnknown(const char *name)
{
	const char *near = PersonaSuggest(name, SpaceNames());

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("space \"%s\" does not exist", name),
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("There is: %s.", PersonaJoin(SpaceNames()))));
}

static bool
IsOneOf(Oid type, const Oid *types, int n)
{
	for (int i = 0; i < n; i++)
		if (types[i] == type)
			return true;
	return false;
}

/* Whether the values of one type can be those of the other as well. */
static bool
IsKindred(Oid a, Oid b)
{
	static const Oid integers[] = {INT2OID, INT4OID, INT8OID};
	static const Oid texts[] = {TEXTOID, VARCHAROID};

	return a == b || (IsOneOf(a, integers, lengthof(integers)) &&
					  IsOneOf(b, integers, lengthof(integers))) ||
		(IsOneOf(a, texts, lengthof(texts)) && IsOneOf(b, texts, lengthof(texts)));
}

/*
 * A key that grew from int to bigint goes on as long as its values fit. One
 * of another kind names nobody whom the state knows.
 */
static void
RefuseRetyped(const Space *space)
{
	if (IsKindred(space->type_in_table, space->key.type))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the key \"%s\" of %s is of type %s by now, but space \"%s\" was defined over a key of type %s",
					space->key.name, PersonaRelationName(space->relid),
					format_type_be(space->type_in_table), space->name,
					format_type_be(space->key.type)),
			 errhint("Change the type back, or define a space over the table as it is now.")));
}

Space *
SpaceFind(const char *name)
{
	if (stale)
		Refresh();
	return FindSpace(name);
}

Space *
SpaceGet(const char *name)
{
	Space	   *space;

	if (stale)
		Refresh();
	if (known.spaces == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no space yet"),
				 errhint("Define one over your table of customers: SELECT * FROM "
						 "persona.define_space('shop', 'customers').")));
	if (name == NULL && persona_space[0] != '\0')
		name = persona_space;
	if (name == NULL && list_length(known.spaces) > 1)
		RefuseAmbiguous();
	space = name ? FindSpace(name) : linitial(known.spaces);
	if (space == NULL)
		RefuseUnknown(name);
	if (!OidIsValid(space->owner) || space->key.number == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the subject table of space \"%s\", or its key \"%s\", does not exist any more",
						space->name, space->key.name),
				 errhint("SELECT persona.drop_space('%s', force => true) forgets the space; then define it over the table that there is.",
						 space->name)));
	RefuseRetyped(space);
	return space;
}

/* ---- events and facets ---- */

/* A column that the definition names and that is not there any more. */
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

static void
RefuseMissing(const char *kind, const char *name, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of %s \"%s\" does not exist any more",
					column, kind, name),
			 errhint("Run define_%s('%s', ...) again with the table's present columns.",
					 kind, name)));
}

SpaceEvent *
SpaceEventAsDefined(const Space *space, const char *name)
{
	ListCell   *cell;

	foreach(cell, space->events)
	{
		SpaceEvent *event = lfirst(cell);

		if (strcmp(event->name, name) == 0)
			return event;
	}
	return NULL;
}

SpaceEvent *
SpaceFindEvent(const Space *space, const char *name)
{
	SpaceEvent *event = SpaceEventAsDefined(space, name);
	const char *missing = event ? MissingColumn(event) : NULL;

	if (missing != NULL)
		RefuseMissing("event", name, missing);
	return event;
}

SpaceFacet *
SpaceFindFacet(const Space *space, const char *name)
{
	ListCell   *cell;

	foreach(cell, space->facets)
	{
		SpaceFacet *facet = lfirst(cell);

		if (strcmp(facet->name, name) != 0)
			continue;
		if (facet->key.number == InvalidAttrNumber)
			RefuseMissing("facet", name, facet->key.name);
		if (facet->via.number == InvalidAttrNumber)
			RefuseMissing("facet", name, facet->via.name);
		return facet;
	}
	return NULL;
}

List *
SpaceSourceNames(const Space *space)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, space->events)
		names = lappend(names, ((SpaceEvent *) lfirst(cell))->name);
	foreach(cell, space->facets)
		names = lappend(names, ((SpaceFacet *) lfirst(cell))->name);
	return names;
}

/* ---- segments ---- */

typedef struct SegmentLookup
{
	const Space *space;
	const char *name;			/* NULL: all of them */
	char	   *rule;
	List	   *names;
} SegmentLookup;

static void
LookUpSegments(void *arg)
{
	SegmentLookup *lookup = arg;
	PersonaArgs args = {0};
	uint64		n;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(lookup->space->name), false);
	PersonaArg(&args, TEXTOID, lookup->name ? CStringGetTextDatum(lookup->name) : 0,
			   lookup->name == NULL);
	n = PersonaExecute("SELECT segment, rule FROM persona.segment WHERE space = $1"
					   " AND ($2 IS NULL OR segment = $2) ORDER BY segment",
					   &args, true);
	if (n > 0 && lookup->name != NULL)
		lookup->rule = pstrdup(PersonaColumnText(0, "rule"));
	for (uint64 i = 0; i < n; i++)
		lookup->names = lappend(lookup->names,
								pstrdup(PersonaColumnText(i, "segment")));
}

char *
SpaceSegmentRule(const Space *space, const char *name)
{
	SegmentLookup lookup = {space, name};

	SpaceWithDefinitions(LookUpSegments, &lookup);
	return lookup.rule;
}

List *
SpaceSegmentNames(const Space *space)
{
	SegmentLookup lookup = {space};

	SpaceWithDefinitions(LookUpSegments, &lookup);
	return lookup.names;
}

/* ---- SQL ---- */

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
SpaceEventKey(const SpaceEvent *event, const char *alias)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < event->nkeys; i++)
	{
		char	   *key = psprintf("%s.%s", alias,
								   quote_identifier(event->keys[i].name));

		appendStringInfo(&sql, "%sCASE WHEN %s IS NOT NULL THEN pg_catalog.concat(%s) END",
						 i ? ", " : "", key, key);
	}
	return psprintf("ARRAY[%s]::pg_catalog.text[]", sql.data);
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
