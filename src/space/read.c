/*
 * read.c: the definitions of all spaces, read from persona's own tables.
 *
 * Every column that a definition names is looked up here, once. One that is
 * gone keeps its name and has the number 0: what needs it says so when asked.
 */
#include "space/read.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

/* ---- values and columns ---- */

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
CopyText(SpaceDefinitions *all, uint64 row, const char *column)
{
	char	   *text = PersonaColumnText(row, column);

	return text ? MemoryContextStrdup(all->context, text) : NULL;
}

static void
Watch(SpaceDefinitions *all, Oid relid)
{
	all->watched = lappend_oid(all->watched, relid);
}

static Oid
ReadRelation(SpaceDefinitions *all, uint64 row)
{
	bool		isnull;
	Oid			relid = DatumGetObjectId(PersonaColumn(row, "relid", &isnull));

	Watch(all, relid);
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

/*
 * NULL where its space is not there: in a restore that has not come to it yet,
 * or of two transactions one dropped the space that the other defined it in.
 */
static Space *
SpaceOfRow(SpaceDefinitions *all, uint64 row)
{
	char	   *name = PersonaColumnText(row, "space");
	ListCell   *cell;

	foreach(cell, all->spaces)
		if (strcmp(((Space *) lfirst(cell))->name, name) == 0)
			return lfirst(cell);
	return NULL;
}

/* Runs read(all, row) for each row of a query, in the definitions' memory. */
static void
ForEachRow(SpaceDefinitions *all, const char *sql,
		   void (*read) (SpaceDefinitions *all, uint64 row))
{
	uint64		n = PersonaExecute(sql, NULL, true);
	MemoryContext old = MemoryContextSwitchTo(all->context);

	for (uint64 i = 0; i < n; i++)
		read(all, i);
	MemoryContextSwitchTo(old);
}

/* ---- the tables, one by one ---- */

static void
ReadSpace(SpaceDefinitions *all, uint64 row)
{
	Space	   *space = palloc0(sizeof(Space));
	bool		isnull;

	space->name = CopyText(all, row, "space");
	space->schema = CopyText(all, row, "schema_name");
	space->relid = ReadRelation(all, row);
	space->owner = RelationOwner(space->relid);
	space->key = FindColumn(space->relid, CopyText(all, row, "key"));
	/* What the state holds, whatever the table has by now. */
	space->type_in_table = space->key.type;
	space->key.type = DatumGetObjectId(PersonaColumn(row, "key_type", &isnull));
	all->spaces = lappend(all->spaces, space);
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
ReadEvent(SpaceDefinitions *all, uint64 row)
{
	Space	   *space = SpaceOfRow(all, row);
	SpaceEvent *event;
	bool		isnull;

	if (space == NULL)
		return;
	event = palloc0(sizeof(SpaceEvent));
	event->name = CopyText(all, row, "event");
	event->relid = ReadRelation(all, row);
	event->subject = FindColumn(event->relid, CopyText(all, row, "subject"));
	event->at = FindColumn(event->relid, CopyText(all, row, "at"));
	ReadKeys(event, DatumGetArrayTypeP(PersonaColumn(row, "id", &isnull)));
	event->fires = CopyText(all, row, "fires");
	space->events = lappend(space->events, event);
}

/*
 * Whether this index is unique, without conditions, and on just this column.
 * Nothing is locked here, so it may have been dropped since it was listed.
 */
static bool
MakesUnique(Oid indexrelid, AttrNumber column)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexrelid));
	Form_pg_index index;
	bool		makes_unique;

	if (!HeapTupleIsValid(tuple))
		return false;
	index = (Form_pg_index) GETSTRUCT(tuple);
	makes_unique = index->indisunique && index->indisvalid &&
		index->indnkeyatts == 1 && index->indkey.values[0] == column &&
		heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	ReleaseSysCache(tuple);
	return makes_unique;
}

/* Whether an index makes sure that this column is unique. */
static bool
IsUnique(Oid relid, AttrNumber column)
{
	Relation	relation = RelationIdGetRelation(relid);
	List	   *indexes = relation ? RelationGetIndexList(relation) : NIL;
	bool		is_unique = false;
	ListCell   *cell;

	foreach(cell, indexes)
		is_unique = is_unique || MakesUnique(lfirst_oid(cell), column);
	if (relation != NULL)
		RelationClose(relation);
	return is_unique;
}

static void
ReadFacet(SpaceDefinitions *all, uint64 row)
{
	Space	   *space = SpaceOfRow(all, row);
	SpaceFacet *facet;

	if (space == NULL)
		return;
	facet = palloc0(sizeof(SpaceFacet));
	facet->name = CopyText(all, row, "facet");
	facet->relid = ReadRelation(all, row);
	facet->key = FindColumn(facet->relid, CopyText(all, row, "key"));
	facet->parent = CopyText(all, row, "parent");
	facet->via.name = CopyText(all, row, "via");
	facet->is_unique = IsUnique(facet->relid, facet->key.number);
	space->facets = lappend(space->facets, facet);
}

static Oid
RelationOf(const Space *space, const char *source)
{
	ListCell   *cell;

	if (source == NULL)
		return space->relid;
	foreach(cell, space->events)
		if (strcmp(((SpaceEvent *) lfirst(cell))->name, source) == 0)
			return ((SpaceEvent *) lfirst(cell))->relid;
	foreach(cell, space->facets)
		if (strcmp(((SpaceFacet *) lfirst(cell))->name, source) == 0)
			return ((SpaceFacet *) lfirst(cell))->relid;
	return InvalidOid;
}

/* A facet may hang off one that was read after it. */
static void
ResolveVia(const Space *space)
{
	ListCell   *cell;

	foreach(cell, space->facets)
	{
		SpaceFacet *facet = lfirst(cell);

		facet->via = FindColumn(RelationOf(space, facet->parent), facet->via.name);
	}
}

/* ---- what a space sent and heard of ---- */

/* A state table of the space as an event source, where rules ask of it. */
static SpaceEvent *
OwnEvent(SpaceDefinitions *all, const Space *space, const char *name,
		 const char *at, const char *key, const char *only)
{
	SpaceEvent *event = palloc0(sizeof(SpaceEvent));

	event->name = pstrdup(name);
	event->relid = get_relname_relid(name,
									 get_namespace_oid(space->schema, true));
	Watch(all, event->relid);
	event->subject = FindColumn(event->relid, "subject");
	event->at = FindColumn(event->relid, pstrdup(at));
	event->nkeys = 1;
	event->keys = palloc(sizeof(SpaceColumn));
	event->keys[0] = FindColumn(event->relid, pstrdup(key));
	event->fires = "never";
	event->only = only;
	return event;
}

static void
AddOwnEvents(SpaceDefinitions *all, Space *space)
{
	/* What was cancelled or never got through is no message to the customer. */
	space->events = lappend(space->events,
							OwnEvent(all, space, "message", "created_at", "message",
									 "e.state NOT IN ('cancelled', 'dead')"));
	space->events = lappend(space->events,
							OwnEvent(all, space, "feedback", "at", "feedback", NULL));
}

static void
WatchRow(SpaceDefinitions *all, uint64 row)
{
	(void) ReadRelation(all, row);
}

void
SpaceReadAll(void *arg)
{
	SpaceDefinitions *all = arg;
	MemoryContext old;
	ListCell   *cell;

	ForEachRow(all, "SELECT space, schema_name, subjects::oid AS relid, key,"
			   " pg_catalog.to_regtype(key_type)::oid AS key_type"
			   " FROM persona.space ORDER BY space", ReadSpace);
	ForEachRow(all, "SELECT space, event, relation::oid AS relid, subject, at, id, fires"
			   " FROM persona.event ORDER BY space, event", ReadEvent);
	ForEachRow(all, "SELECT space, facet, relation::oid AS relid, key, parent, via"
			   " FROM persona.facet ORDER BY space, facet", ReadFacet);
	old = MemoryContextSwitchTo(all->context);
	foreach(cell, all->spaces)
	{
		ResolveVia(lfirst(cell));
		AddOwnEvents(all, lfirst(cell));
	}
	MemoryContextSwitchTo(old);
	/* Every table of persona's own is watched, whichever room it belongs to. */
	ForEachRow(all, "SELECT c.oid AS relid FROM pg_catalog.pg_class c"
			   " WHERE c.relnamespace = 'persona'::pg_catalog.regnamespace"
			   " AND c.relkind = 'r'", WatchRow);
}
