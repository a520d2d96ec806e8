/*
 * feature.c: what a rule asks of a subject's events.
 *
 * An aggregate over an event source is taken out of the rule and becomes a
 * column of that source's one sub-select, its feature; the rule keeps a
 * reference to the column. Two rules that ask the same share the column. The
 * members of a segment are a feature too.
 */
#include "rule/scope.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* ---- sources ---- */

static RuleSource *
FindSource(RuleQuery *query, const SpaceEvent *event, const char *segment)
{
	ListCell   *cell;

	foreach(cell, query->sources)
	{
		RuleSource *source = lfirst(cell);

		if (event != NULL ? source->event == event :
			source->segment && strcmp(source->segment, segment) == 0)
			return source;
	}
	return NULL;
}

/* The feature of an event, or the members of a segment, made where needed. */
static RuleSource *
SourceOf(RuleQuery *query, const SpaceEvent *event, const char *segment)
{
	RuleSource *source = FindSource(query, event, segment);
	int			number = 1;
	ListCell   *cell;

	if (source != NULL)
		return source;
	foreach(cell, query->sources)
		if (((RuleSource *) lfirst(cell))->join == NULL)
			number++;
	source = palloc0(sizeof(RuleSource));
	source->alias = psprintf("f%d", number);
	source->event = event;
	source->segment = segment ? pstrdup(segment) : NULL;
	query->sources = lappend(query->sources, source);
	return source;
}

char *
RuleScopeFrom(Scope *scope, Node *node)
{
	char	   *from = RuleQueryFrom(scope->query, node);
	RuleSource *source = scope->source;

	if (source == NULL)
		return from;
	return psprintf("%s CROSS JOIN %s e%s", from,
					PersonaRelationName(source->event->relid),
					RuleEventJoins(source));
}

/* ---- the columns of a feature ---- */

static bool
SameColumn(const RuleColumn *a, const RuleColumn *b)
{
	ListCell   *x;
	ListCell   *y;

	if (strcmp(a->head, b->head) != 0 ||
		list_length(a->filters) != list_length(b->filters))
		return false;
	forboth(x, a->filters, y, b->filters)
		if (strcmp(lfirst(x), lfirst(y)) != 0)
		return false;
	return true;
}

/* The column of the feature that computes this. */
static Node *
ColumnFor(RuleSource *source, RuleColumn *column, int location)
{
	int			number = 1;
	ListCell   *cell;

	foreach(cell, source->columns)
	{
		if (SameColumn(lfirst(cell), column))
			break;
		number++;
	}
	column->number = number;
	if (cell == NULL)
		source->columns = lappend(source->columns, column);
	return RuleMakeColumn(source->alias, psprintf("a%d", number), location);
}

/* The parts of a FILTER that must all be true, as SQL, rewritten. */
static List *
Filters(Scope *scope, Node *filter)
{
	List	   *parts = NIL;
	ListCell   *cell;

	if (filter == NULL)
		return NIL;
	if (IsA(filter, BoolExpr) && ((BoolExpr *) filter)->boolop == AND_EXPR)
	{
		check_stack_depth();
		foreach(cell, ((BoolExpr *) filter)->args)
			parts = list_concat(parts, Filters(scope, lfirst(cell)));
		return parts;
	}
	filter = RuleTyped(RuleRewriteCondition(scope, filter), BOOLOID);
	RuleRequireBoolean(scope->query->text, "FILTER", exprLocation(filter),
					   RuleAnalyse(scope->query->text, filter, RuleScopeFrom(scope, filter)));
	return list_make1(psprintf("(%s)", RuleDeparse(filter)));
}

Query *
RuleFilterQuery(const Space *space, const SpaceEvent *event, Node *filter)
{
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_GROUPED);
	Scope		scope = {query, SourceOf(query, event, NULL)};
	Node	   *node;

	query->text = RuleDeparse(filter);
	node = RuleTyped(RuleRewriteIn(&scope, RuleParse(query->text)), BOOLOID);
	return RuleAnalyseQuery(query->text, node, RuleScopeFrom(&scope, node));
}

/* ", e.id": what tells events of one time apart; 0 where nothing does. */
static char *
Keys(const SpaceEvent *event)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < event->nkeys; i++)
		appendStringInfo(&sql, ", e.%s", quote_identifier(event->keys[i].name));
	return event->nkeys > 0 ? sql.data : ", 0";
}

/* first(event.column), last(event.column): by time, then by key. */
static RuleColumn *
Nearest(Scope *scope, Node *arg, List *filters, bool last)
{
	RuleColumn *column = palloc(sizeof(RuleColumn));
	const SpaceEvent *event = scope->source->event;

	(void) RuleAnalyse(scope->query->text, arg, RuleScopeFrom(scope, arg));
	column->head = psprintf("persona.%s_by(%s, %s%s)", last ? "last" : "first",
							RuleDeparse(arg), SpaceEventTime(event, "e"), Keys(event));
	column->filters = filters;
	return column;
}

/* An ordinary aggregate, analysed and written as it stands. */
static RuleColumn *
Aggregate(Scope *scope, FuncCall *call, const char *name, List *args,
		  List *filters)
{
	RuleColumn *column = palloc(sizeof(RuleColumn));
	FuncCall   *feature = makeFuncCall(list_make2(makeString("pg_catalog"),
												  makeString(pstrdup(name))),
									   args, COERCE_EXPLICIT_CALL,
									   call->location);

	feature->agg_star = args == NIL;
	feature->agg_distinct = call->agg_distinct;
	(void) RuleAnalyse(scope->query->text, (Node *) feature,
					   RuleScopeFrom(scope, (Node *) feature));
	column->head = RuleDeparse((Node *) feature);
	column->filters = filters;
	return column;
}

/* An event other than the one known as n. */
static char *
IsAnother(const SpaceEvent *event)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < event->nkeys; i++)
	{
		const char *key = quote_identifier(event->keys[i].name);

		appendStringInfo(&sql, "%se.%s IS DISTINCT FROM n.%s",
						 i ? " OR " : "(", key, key);
	}
	return event->nkeys > 0 ? psprintf("%s)", sql.data) : pstrdup("true");
}

/*
 * Of a goal only the events around an exposure count: they need a time. Of one
 * subject those up to now, and not the one that led to the exposure.
 */
static List *
Span(Scope *scope, int location)
{
	RuleQuery  *query = scope->query;
	const SpaceEvent *event = scope->source->event;
	List	   *filters;
	char	   *at;

	if (query->from == NULL)
		return NIL;
	(void) RuleEventTime(scope, "before and after", location);
	at = SpaceEventTime(event, "e");
	filters = list_make2(psprintf("(%s >= %s)", at, query->from),
						 psprintf("(%s < %s)", at, query->until));
	if (query->mode == RULE_FEATURES_LATERAL)
		filters = lappend(filters, psprintf("(%s <= persona.now())", at));
	if (query->mode == RULE_FEATURES_LATERAL && query->event != NULL &&
		strcmp(event->name, query->event->name) == 0)
		filters = lappend(filters, IsAnother(event));
	return filters;
}

/* ---- rows, for a template's list ---- */

/*
 * A column as a value for jsonb. One that is not PostgreSQL's own type goes by
 * its text, for to_jsonb() would call a cast of that type's owner.
 */
static char *
ValueOf(Scope *scope, const char *name, Oid type)
{
	char	   *value = psprintf("e.%s", quote_identifier(name));

	if (type < FirstNormalObjectId)
		return value;
	value = psprintf("%s::pg_catalog.text", value);
	(void) RuleAnalyse(scope->query->text, RuleParseOwn(value),
					   RuleScopeFrom(scope, NULL));
	return value;
}

/* jsonb_agg(event): all its columns that a rule may read, oldest first. */
static RuleColumn *
Rows(Scope *scope, List *filters)
{
	const SpaceEvent *event = scope->source->event;
	RuleColumn *column = palloc(sizeof(RuleColumn));
	StringInfoData sql;
	char	   *name;

	initStringInfo(&sql);
	for (AttrNumber i = 1; (name = get_attname(event->relid, i, true)) != NULL; i++)
	{
		Oid			type = get_atttype(event->relid, i);

		if (!OidIsValid(type) || !RuleAllowsType(type))
			continue;
		RuleNoteUse(scope->query, event->name, name);
		appendStringInfo(&sql, "%spg_catalog.jsonb_build_object(%s, %s)",
						 sql.len ? " || " : "", PersonaLiteral(name),
						 ValueOf(scope, name, type));
	}
	column->head = psprintf("pg_catalog.jsonb_agg(%s ORDER BY %s%s)", sql.data,
							event->at.name ? SpaceEventTime(event, "e") : "NULL",
							Keys(event));
	column->filters = filters;
	return column;
}

/* ---- whose events ---- */

/* Which event source the names in an aggregate's arguments belong to. */
typedef struct Finder
{
	const Space *space;
	const SpaceEvent *event;
	bool		several;
} Finder;

/* The event that a name begins with, or the one whose facet it begins with. */
static const SpaceEvent *
EventNamed(const Space *space, const char *name)
{
	const SpaceFacet *facet;
	const SpaceEvent *event;

	if (strcmp(name, "new") == 0)
		return NULL;
	event = SpaceFindEvent(space, name);
	if (event != NULL)
		return event;
	facet = SpaceFindFacet(space, name);
	name = facet ? RuleFacetRoot(space, facet) : NULL;
	return name ? SpaceFindEvent(space, name) : NULL;
}

static bool
FindEvent(Node *node, Finder *finder)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		const char *first = strVal(linitial(((ColumnRef *) node)->fields));
		const SpaceEvent *event = EventNamed(finder->space, first);

		finder->several = finder->several ||
			(event && finder->event && event != finder->event);
		if (event != NULL)
			finder->event = event;
		return false;
	}
	return raw_expression_tree_walker(node, FindEvent, finder);
}

/* The event that was probably meant: the nearest to the name, or the first. */
static const char *
NearestEvent(const Space *space, FuncCall *call)
{
	List	   *names = NIL;
	ListCell   *cell;
	const char *near = NULL;

	foreach(cell, space->events)
		names = lappend(names, ((SpaceEvent *) lfirst(cell))->name);
	if (call->args != NIL && IsA(linitial(call->args), ColumnRef))
		near = PersonaSuggest(strVal(linitial(((ColumnRef *) linitial(call->args))->fields)),
							  names);
	return near || names == NIL ? near : linitial(names);
}

static const SpaceEvent *
EventOf(Scope *scope, FuncCall *call)
{
	Finder		finder = {.space = scope->query->space};
	const char *name = strVal(llast(call->funcname));
	const char *near;

	if (scope->source != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("%s() stands inside another aggregate", name),
				 RulePosition(scope->query->text, call->location)));
	(void) FindEvent((Node *) call->args, &finder);
	if (finder.several)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s() mixes two events", name),
				 errhint("Aggregate each event by itself and compare the results."),
				 RulePosition(scope->query->text, call->location)));
	if (finder.event != NULL)
		return finder.event;
	near = NearestEvent(scope->query->space, call);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("%s() names no event", name),
			 near ? errhint("Write it as %s(%s).", name, near) :
			 errhint("Define one first: SELECT * FROM persona.define_event('purchase', 'orders')."),
			 RulePosition(scope->query->text, call->location)));
	return NULL;
}

/* ---- aggregates and segments ---- */

static Node *
CountOrZero(RuleQuery *query, const char *name, Node *column)
{
	CoalesceExpr *coalesce;

	if (query->mode == RULE_FEATURES_LATERAL || strcmp(name, "count") != 0)
		return column;
	coalesce = makeNode(CoalesceExpr);
	coalesce->args = list_make2(column, RuleParseOwn("0"));
	coalesce->location = exprLocation(column);
	return (Node *) coalesce;
}

/* What an aggregate's one argument must be: the event, or a value of it. */
static bool
TakesWhole(Scope *scope, FuncCall *call, const char *name)
{
	const SpaceEvent *event = scope->source->event;

	if (list_length(call->args) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("%s() takes one argument", name),
				 RulePosition(scope->query->text, call->location)));
	if (!RuleIsName(linitial(call->args), event->name))
	{
		if (strcmp(name, "jsonb_agg") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("jsonb_agg() takes an event, whose rows it lists"),
					 errhint("Write it as jsonb_agg(%s).", event->name),
					 RulePosition(scope->query->text, call->location)));
		return false;
	}
	if (strcmp(name, "count") != 0 && strcmp(name, "jsonb_agg") != 0 &&
		strcmp(name, "first") != 0 && strcmp(name, "last") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("%s() needs a column of event \"%s\"", name, event->name),
				 errhint("Write it as %s(%s.column).", name, event->name),
				 RulePosition(scope->query->text, call->location)));
	return true;
}

static RuleColumn *
WholeColumn(Scope *scope, FuncCall *call, const char *name, Node *time,
			List *filters)
{
	if (strcmp(name, "count") == 0)
		return Aggregate(scope, call, name, NIL, filters);
	if (strcmp(name, "jsonb_agg") == 0)
		return Rows(scope, filters);
	return Aggregate(scope, call, strcmp(name, "last") == 0 ? "max" : "min",
					 list_make1(time), filters);
}

Node *
RuleAggregate(Scope *outer, FuncCall *call, const char *name)
{
	const SpaceEvent *event = EventOf(outer, call);
	Scope		scope = {outer->query, SourceOf(outer->query, event, NULL)};
	bool		whole = TakesWhole(&scope, call, name);
	bool		last = strcmp(name, "last") == 0;
	bool		by_time = last || strcmp(name, "first") == 0;
	Node	   *time = by_time ? RuleEventTime(&scope, name, call->location) : NULL;
	List	   *filters = list_concat(Filters(&scope, call->agg_filter),
									  Span(&scope, call->location));
	RuleColumn *column;
	Node	   *arg;

	/* Counting looks at whose the events are, whatever else it looks at. */
	RuleNoteUse(outer->query, event->name, event->subject.name);
	if (whole)
		column = WholeColumn(&scope, call, name, time, filters);
	else
	{
		arg = RuleRewriteIn(&scope, linitial(call->args));
		column = by_time ? Nearest(&scope, arg, filters, last) :
			Aggregate(&scope, call, name, list_make1(arg), filters);
	}
	return CountOrZero(outer->query, name,
					   ColumnFor(scope.source, column, call->location));
}

/* An array of a value of each event, in the order of their time. */
static char *
InOrder(Scope *scope, const char *value, List *filters)
{
	const SpaceEvent *event = scope->source->event;
	RuleColumn *column = palloc(sizeof(RuleColumn));

	column->head = psprintf("pg_catalog.array_agg(%s ORDER BY %s%s)", value,
							SpaceEventTime(event, "e"), Keys(event));
	column->filters = filters;
	return RuleDeparse(ColumnFor(scope->source, column, -1));
}

void
RuleQueryCounted(RuleQuery *query, const char *text, char **times,
				 char **values)
{
	FuncCall   *call = (FuncCall *) RuleParse(text);
	const char *name = strVal(llast(call->funcname));
	Scope		outer = {query};
	Scope		scope = {query};
	List	   *filters;

	query->text = text;
	scope.source = SourceOf(query, EventOf(&outer, call), NULL);
	filters = list_concat(Filters(&scope, call->agg_filter),
						  Span(&scope, call->location));
	*times = InOrder(&scope, SpaceEventTime(scope.source->event, "e"), filters);
	*values = InOrder(&scope, TakesWhole(&scope, call, name) ? "1" :
					  RuleDeparse(RuleRewriteIn(&scope, linitial(call->args))),
					  filters);
}

/* ---- segments ---- */

char *
RuleSegmentName(Node *node)
{
	FuncCall   *call = (FuncCall *) node;
	Node	   *arg;

	if (!IsA(node, FuncCall) || list_length(call->funcname) != 1 ||
		strcmp(strVal(linitial(call->funcname)), "segment") != 0 ||
		list_length(call->args) != 1)
		return NULL;
	arg = linitial(call->args);
	if (IsA(arg, ColumnRef) && list_length(((ColumnRef *) arg)->fields) == 1)
		return strVal(linitial(((ColumnRef *) arg)->fields));
	if (IsA(arg, A_Const) && !((A_Const *) arg)->isnull &&
		IsA(&((A_Const *) arg)->val, String))
		return strVal(&((A_Const *) arg)->val);
	return NULL;
}

static void
RefuseSegment(Scope *scope, FuncCall *call, const char *name)
{
	const char *near = name == NULL ? NULL :
	PersonaSuggest(name, SpaceSegmentNames(scope->query->space));

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 name ? errmsg("segment \"%s\" does not exist in space \"%s\"",
						   name, scope->query->space->name) :
			 errmsg("segment() takes the name of a segment"),
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Define it first with persona.define_segment()."),
			 RulePosition(scope->query->text, call->location)));
}

/* For one subject the segment's own rule stands in its place. */
static Node *
OwnRule(Scope *scope, const char *rule, int location)
{
	RuleQuery  *query = scope->query;
	const char *outer = query->text;
	BooleanTest *test = makeNode(BooleanTest);

	if (++query->depth > RULE_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("segments are nested more than %d deep", RULE_MAX_DEPTH)));
	query->text = rule;
	test->arg = (Expr *) RuleWithoutPlaces(RuleRewriteIn(scope, RuleParse(rule)));
	test->booltesttype = IS_TRUE;
	test->location = location;
	query->text = outer;
	query->depth--;
	return (Node *) test;
}

Node *
RuleSegment(Scope *scope, FuncCall *call)
{
	const char *name = RuleSegmentName((Node *) call);
	char	   *rule = name ? SpaceSegmentRule(scope->query->space, name) : NULL;
	NullTest   *test = makeNode(NullTest);
	RuleSource *source;

	if (rule == NULL)
		RefuseSegment(scope, call, name);
	if (scope->source != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("segment(%s) is about the subject, not about an event", name),
				 errhint("Use it outside of the aggregate."),
				 RulePosition(scope->query->text, call->location)));
	if (scope->query->mode == RULE_FEATURES_LATERAL)
		return OwnRule(scope, rule, call->location);
	source = SourceOf(scope->query, NULL, name);
	test->arg = (Expr *) RuleMakeColumn(source->alias, "subject", call->location);
	test->nulltesttype = IS_NOT_NULL;
	test->location = call->location;
	return (Node *) test;
}
