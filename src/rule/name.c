/*
 * name.c: what the names of a rule mean.
 *
 * A bare name is a column of the subject (s), new.name one of the starting
 * event (n). Inside of an aggregate over events bare names and event.name are
 * the event's columns (e). A name may go on through facets, each of which is
 * joined where it is first met: crm.industry, new.product.supplier.country.
 */
#include "rule/scope.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"

/* ---- columns ---- */

/* Where a name stands: a row of a source. */
typedef struct Place
{
	const char *source;			/* subject, an event's or a facet's name */
	Oid			relid;
	const char *alias;
} Place;

static List *
ColumnsOf(Oid relid)
{
	List	   *columns = NIL;
	char	   *name;

	for (AttrNumber i = 1; (name = get_attname(relid, i, true)) != NULL; i++)
		if (get_attnum(relid, name) == i)
			columns = lappend(columns, name);
	return columns;
}

/* What a source's name by itself may have been meant to be; or NULL. */
static char *
SourceHint(Scope *scope, const char *name)
{
	const Space *space = scope->query->space;

	if (SpaceFindEvent(space, name) != NULL)
		return psprintf("It is an event: ask how many there are, count(%s), or of their columns, max(%s.column).",
						name, name);
	if (SpaceFindFacet(space, name) != NULL)
		return psprintf("It is a facet: a rule or a token names a column of it, %s.column.", name);
	return NULL;
}

static void
RefuseColumn(Scope *scope, const Place *place, const char *name, int location)
{
	List	   *columns = ColumnsOf(place->relid);
	List	   *known = columns;
	const char *hint = NULL;
	const char *near;

	if (strcmp(place->source, "subject") == 0)
	{
		known = list_concat_copy(columns, SpaceSourceNames(scope->query->space));
		hint = SourceHint(scope, name);
	}
	near = hint ? NULL : PersonaSuggest(name, known);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s has no column \"%s\"", PersonaRelationName(place->relid), name),
			 hint ? errhint("%s", hint) :
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Its columns are: %s.", PersonaJoin(columns)),
			 RulePosition(scope->query->text, location)));
}

void
RuleNoteUse(RuleQuery *query, const char *source, const char *column)
{
	RuleUse    *use;
	ListCell   *cell;

	foreach(cell, query->uses)
	{
		use = lfirst(cell);
		if (strcmp(use->source, source) == 0 && strcmp(use->column, column) == 0)
			return;
	}
	use = palloc(sizeof(RuleUse));
	use->source = pstrdup(source);
	use->column = pstrdup(column);
	query->uses = lappend(query->uses, use);
}

/* Whether a type has the value NaN, which compares as above all numbers. */
static bool
HasNan(Oid type)
{
	type = getBaseType(type);
	return type == NUMERICOID || type == FLOAT8OID || type == FLOAT4OID;
}

static Node *
ColumnOf(Scope *scope, const Place *place, const char *name, int location)
{
	Node	   *column;
	Oid			type;

	name = RuleCurrentName(scope->query, place->source, name, location);
	if (get_attnum(place->relid, name) <= 0)
		RefuseColumn(scope, place, name, location);
	/* Before a literal is read as of that type, which may run code. */
	type = get_atttype(place->relid, get_attnum(place->relid, name));
	RuleCheckType(scope->query->text, type, location);
	RuleNoteUse(scope->query, place->source, name);
	column = RuleMakeColumn(place->alias, name, location);
	if (!scope->query->nan_is_unknown || !HasNan(type))
		return column;
	return (Node *) makeSimpleA_Expr(AEXPR_NULLIF, "=", column,
									 RuleParseOwn("'NaN'"), location);
}

Node *
RuleEventTime(Scope *scope, const char *what, int location)
{
	const SpaceEvent *event = scope->source->event;

	if (event->at.name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("event \"%s\" has no time, so it has no %s",
						event->name, what),
				 errhint("Name its time column: define_event('%s', ..., at => 'column').",
						 event->name),
				 RulePosition(scope->query->text, location)));
	RuleNoteUse(scope->query, event->name, event->at.name);
	return RuleParseOwn(SpaceEventTime(event, "e"));
}

/* ---- facets ---- */

const char *
RuleFacetRoot(const Space *space, const SpaceFacet *facet)
{
	const SpaceFacet *parent;

	while (facet->parent != NULL &&
		   (parent = SpaceFindFacet(space, facet->parent)) != NULL)
		facet = parent;
	return facet->parent;
}

static RuleJoin *
FindJoin(List *joins, const SpaceFacet *facet, const char *parent)
{
	ListCell   *cell;

	foreach(cell, joins)
	{
		RuleJoin   *join = lfirst(cell);

		if (join->facet == facet && strcmp(join->parent, parent) == 0)
			return join;
	}
	return NULL;
}

static RuleJoin *
MakeJoin(const SpaceFacet *facet, const char *parent, char *alias)
{
	RuleJoin   *join = palloc(sizeof(RuleJoin));

	join->facet = facet;
	join->parent = parent;
	join->alias = alias;
	return join;
}

/* A facet of the subject or of new is joined beside the features. */
static RuleJoin *
JoinOutside(RuleQuery *query, const SpaceFacet *facet, const char *parent)
{
	List	   *joins = NIL;
	RuleSource *source;
	RuleJoin   *join;
	ListCell   *cell;

	foreach(cell, query->sources)
		if (((RuleSource *) lfirst(cell))->join != NULL)
			joins = lappend(joins, ((RuleSource *) lfirst(cell))->join);
	join = FindJoin(joins, facet, parent);
	if (join != NULL)
		return join;
	source = palloc0(sizeof(RuleSource));
	source->alias = psprintf("c%d", list_length(joins) + 1);
	source->join = MakeJoin(facet, parent, pstrdup(source->alias));
	query->sources = lappend(query->sources, source);
	return source->join;
}

/* A facet of an event is joined inside its feature. */
static RuleJoin *
JoinInside(RuleSource *source, const SpaceFacet *facet, const char *parent)
{
	RuleJoin   *join = FindJoin(source->joins, facet, parent);

	if (join == NULL)
	{
		join = MakeJoin(facet, parent,
						psprintf("e%d", list_length(source->joins) + 1));
		source->joins = lappend(source->joins, join);
	}
	return join;
}

static void
RefuseFacet(Scope *scope, const Place *place, const SpaceFacet *facet,
			int location)
{
	const char *root = RuleFacetRoot(scope->query->space, facet);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
			 errmsg("facet \"%s\" belongs to %s%s, not to %s", facet->name,
					root ? "event " : "the subject", root ? root : "",
					strcmp(place->source, "subject") == 0 ? "the subject" : place->source),
			 root ? errhint("Use it inside an aggregate: count(%s) FILTER (WHERE %s.column = ...), or as new.%s.column.",
							root, facet->name, facet->name) :
			 errhint("Use it outside of the aggregate."),
			 RulePosition(scope->query->text, location)));
}

/* From a place to a facet of it, by way of the facets in between. */
static Place
StepTo(Scope *scope, Place place, const SpaceFacet *facet, int location)
{
	const char *parent = facet->parent ? facet->parent : "subject";
	const SpaceFacet *between;
	RuleJoin   *join;

	if (strcmp(parent, place.source) != 0)
	{
		between = SpaceFindFacet(scope->query->space, parent);
		if (between == NULL)
			RefuseFacet(scope, &place, facet, location);
		place = StepTo(scope, place, between, location);
	}
	RuleNoteUse(scope->query, place.source, facet->via.name);
	RuleNoteUse(scope->query, facet->name, facet->key.name);
	join = place.alias[0] == 'e' ?
		JoinInside(scope->source, facet, place.alias) :
		JoinOutside(scope->query, facet, place.alias);
	return (Place)
	{
		facet->name, facet->relid, join->alias
	};
}

/* ---- names ---- */

static Place
SubjectPlace(Scope *scope)
{
	return (Place)
	{
		"subject", scope->query->space->relid, "s"
	};
}

static Place
EventPlace(const SpaceEvent *event, const char *alias)
{
	return (Place)
	{
		event->name, event->relid, alias
	};
}

static Place
NewPlace(Scope *scope, int location)
{
	if (scope->query->event == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("\"new\" is the event that starts a moment, and here no event does"),
				 errhint("Use it in the rules and templates of a moment with on_event, or on_request for what came with the request."),
				 RulePosition(scope->query->text, location)));
	return EventPlace(scope->query->event, "n");
}

/* new.cart.total of a request: n.context #>> '{"cart","total"}' */
static Node *
ContextValue(ColumnRef *ref)
{
	StringInfoData path;
	ListCell   *cell;

	initStringInfo(&path);
	for_each_from(cell, ref->fields, 1)
	{
		appendStringInfoString(&path, path.len ? ",\"" : "{\"");
		for (const char *c = strVal(lfirst(cell)); *c != '\0'; c++)
		{
			if (*c == '"' || *c == '\\')
				appendStringInfoChar(&path, '\\');
			appendStringInfoChar(&path, *c);
		}
		appendStringInfoChar(&path, '"');
	}
	appendStringInfoChar(&path, '}');
	return RuleParseOwn(psprintf("n.context #>> %s", PersonaLiteral(path.data)));
}

/* `ago` is how long ago the event was; an event may have such a column, too. */
static Node *
RewriteAgo(Scope *scope, const Place *place, int location)
{
	bool		is_column = get_attnum(place->relid, "ago") > 0;

	if (scope->source == NULL && is_column)
		return ColumnOf(scope, place, "ago", location);
	if (scope->source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("ago stands inside an event's FILTER"),
				 errhint("Write count(purchase) FILTER (WHERE ago < '30 days'), or ago(column)."),
				 RulePosition(scope->query->text, location)));
	if (is_column)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("\"ago\" is ambiguous: event \"%s\" has a column of that name",
						place->source),
				 errhint("Write %s.ago for the column, ago(%s) for how long ago it was.",
						 place->source,
						 scope->source->event->at.name ? scope->source->event->at.name : "at"),
				 RulePosition(scope->query->text, location)));
	return RuleMakeCall("ago", list_make1(RuleEventTime(scope, "ago", location)),
						location);
}

static void
RefuseName(Scope *scope, const char *first, const char *second, int location)
{
	const Space *space = scope->query->space;
	const char *near = PersonaSuggest(first, SpaceSourceNames(space));

	if (SpaceFindEvent(space, first) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("%s.%s has many values for one customer", first, second),
				 errhint("Say which: last(%s.%s), max(%s.%s), bool_or(%s.%s = ...).",
						 first, second, first, second, first, second),
				 RulePosition(scope->query->text, location)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("\"%s\" is neither an event, a facet nor \"new\"", first),
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Define it first: SELECT * FROM persona.define_facet('%s', 'a_table'), or persona.define_event for one with many rows a customer.",
					 first),
			 RulePosition(scope->query->text, location)));
}

Node *
RuleRewriteColumn(Scope *scope, ColumnRef *ref)
{
	Place		place = scope->source ? EventPlace(scope->source->event, "e") :
	SubjectPlace(scope);
	int			n = list_length(ref->fields);
	const char *first = strVal(linitial(ref->fields));
	int			i = 0;

	if (n == 1 && strcmp(first, "ago") == 0)
		return RewriteAgo(scope, &place, ref->location);
	if (n > 1 && strcmp(first, "new") == 0 && scope->query->has_context)
		return ContextValue(ref);
	if (n > 1 && strcmp(first, "new") == 0)
	{
		place = NewPlace(scope, ref->location);
		i = 1;
	}
	else if (n > 1 && scope->source && strcmp(first, place.source) == 0)
		i = 1;
	for (; i < n - 1; i++)
	{
		const char *name = strVal(list_nth(ref->fields, i));
		SpaceFacet *facet = SpaceFindFacet(scope->query->space, name);

		if (facet == NULL)
			RefuseName(scope, name, strVal(list_nth(ref->fields, i + 1)),
					   ref->location);
		place = StepTo(scope, place, facet, ref->location);
	}
	return ColumnOf(scope, &place, strVal(llast(ref->fields)), ref->location);
}
