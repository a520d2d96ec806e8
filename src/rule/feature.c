/*
 * feature.c: what a rule asks of a subject's events.
 *
 * An aggregate over an event source is taken out of the rule and becomes a
 * column of that source's one sub-select, its feature; the rule keeps a
 * reference to the column. Two rules that ask the same share the column. The
 * members of a segment are a feature too.
 */
#include "rule/scope.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

/* ---- the columns of a source's sub-select ---- */

static RuleFeature *
FeatureOf(RuleQuery *query, const SpaceEvent *event, const char *segment,
		  int *number)
{
	RuleFeature *feature;
	ListCell   *cell;

	*number = 1;
	foreach(cell, query->features)
	{
		feature = lfirst(cell);
		if (segment == NULL ? feature->event == event :
			feature->segment && strcmp(feature->segment, segment) == 0)
			return feature;
		(*number)++;
	}
	feature = palloc0(sizeof(RuleFeature));
	feature->event = event;
	feature->segment = segment ? pstrdup(segment) : NULL;
	query->features = lappend(query->features, feature);
	return feature;
}

/* The column of the event's sub-select that computes `sql`. */
static Node *
FeatureColumn(Scope *scope, const SpaceEvent *event, char *sql, int location)
{
	int			number;
	RuleFeature *feature = FeatureOf(scope->query, event, NULL, &number);
	int			column = 1;
	ListCell   *cell;

	foreach(cell, feature->columns)
	{
		if (strcmp(lfirst(cell), sql) == 0)
			break;
		column++;
	}
	if (cell == NULL)
		feature->columns = lappend(feature->columns, sql);
	return RuleMakeColumn(psprintf("f%d", number), psprintf("a%d", column), location);
}

/* The rows an event's aggregate is analysed over. */
static char *
FeatureFrom(const RuleQuery *query, const SpaceEvent *event)
{
	char	   *from = psprintf("FROM %s e", PersonaRelationName(event->relid));

	if (query->event == NULL)
		return from;
	return psprintf("%s CROSS JOIN %s n", from,
					PersonaRelationName(query->event->relid));
}

/* first(event.column), last(event.column): by time, ties by key. */
static char *
ByTime(Scope *scope, const SpaceEvent *event, FuncCall *call, Node *arg,
	   Node *filter, bool last)
{
	StringInfoData sql;
	const char *direction = last ? " DESC" : "";
	char	   *at = SpaceEventTime(event, "e");

	(void) RuleAnalyse(scope->query->text, arg,
					   FeatureFrom(scope->query, event));
	initStringInfo(&sql);
	appendStringInfo(&sql, "(pg_catalog.array_agg(%s ORDER BY %s%s",
					 RuleDeparse(arg), at, direction);
	for (int i = 0; i < event->nkeys; i++)
		appendStringInfo(&sql, ", e.%s%s", quote_identifier(event->keys[i].name),
						 direction);
	appendStringInfo(&sql, ") FILTER (WHERE %s IS NOT NULL", at);
	if (filter != NULL)
	{
		(void) RuleAnalyse(scope->query->text, filter,
						   FeatureFrom(scope->query, event));
		appendStringInfo(&sql, " AND (%s)", RuleDeparse(filter));
	}
	appendStringInfoString(&sql, "))[1]");
	return sql.data;
}

/* An ordinary aggregate, analysed and written as it stands. */
static char *
Aggregate(Scope *scope, const SpaceEvent *event, FuncCall *call,
		  const char *name, List *args, Node *filter)
{
	FuncCall   *feature = makeFuncCall(list_make1(makeString(pstrdup(name))),
									   args, COERCE_EXPLICIT_CALL,
									   call->location);

	feature->agg_star = args == NIL;
	feature->agg_distinct = call->agg_distinct;
	feature->agg_filter = filter;
	(void) RuleAnalyse(scope->query->text, (Node *) feature,
					   FeatureFrom(scope->query, event));
	return RuleDeparse((Node *) feature);
}

/* ---- whose events ---- */

/* Which event source the names in an aggregate's arguments belong to. */
typedef struct Finder
{
	const Space *space;
	const SpaceEvent *event;
	bool		several;
} Finder;

static bool
FindEvent(Node *node, Finder *finder)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		const char *first = strVal(linitial(((ColumnRef *) node)->fields));
		SpaceEvent *event = strcmp(first, "new") == 0 ? NULL :
		SpaceFindEvent(finder->space, first);

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

	if (scope->event != NULL)
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

static bool
IsName(Node *node, const char *name)
{
	ColumnRef  *ref = (ColumnRef *) node;

	return IsA(node, ColumnRef) && list_length(ref->fields) == 1 &&
		strcmp(strVal(linitial(ref->fields)), name) == 0;
}

Node *
RuleAggregate(Scope *outer, FuncCall *call, const char *name)
{
	Scope		scope = {outer->query, EventOf(outer, call)};
	const SpaceEvent *event = scope.event;
	bool		last = strcmp(name, "last") == 0;
	bool		by_time = last || strcmp(name, "first") == 0;
	bool		whole = list_length(call->args) == 1 &&
	IsName(linitial(call->args), event->name);
	Node	   *filter = RuleRewriteIn(&scope, call->agg_filter);
	Node	   *time = NULL;
	char	   *sql;

	/* Counting looks at whose the events are, whatever else it looks at. */
	RuleNoteUse(outer->query, event->name, event->subject.name);
	if (by_time)
		time = RuleEventTime(&scope, event, name, call->location);
	if (whole && !by_time && strcmp(name, "count") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("%s() needs a column of event \"%s\"", name, event->name),
				 errhint("Write it as %s(%s.column).", name, event->name),
				 RulePosition(outer->query->text, call->location)));
	if (list_length(call->args) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("%s() takes one argument", name),
				 RulePosition(outer->query->text, call->location)));
	if (whole && by_time)
		sql = Aggregate(&scope, event, call, last ? "max" : "min",
						list_make1(time), filter);
	else if (whole)
		sql = Aggregate(&scope, event, call, "count", NIL, filter);
	else if (by_time)
		sql = ByTime(&scope, event, call, RuleRewriteIn(&scope, linitial(call->args)),
					 filter, last);
	else
		sql = Aggregate(&scope, event, call, name,
						list_make1(RuleRewriteIn(&scope, linitial(call->args))),
						filter);
	return CountOrZero(outer->query, name,
					   FeatureColumn(outer, event, sql, call->location));
}

Node *
RuleSegment(Scope *scope, FuncCall *call)
{
	Node	   *arg = list_length(call->args) == 1 ? linitial(call->args) : NULL;
	const char *name = NULL;
	NullTest   *test = makeNode(NullTest);
	ListCell   *cell;
	int			number;

	if (arg && IsA(arg, ColumnRef) && list_length(((ColumnRef *) arg)->fields) == 1)
		name = strVal(linitial(((ColumnRef *) arg)->fields));
	else if (arg && IsA(arg, A_Const) && IsA(&((A_Const *) arg)->val, String))
		name = strVal(&((A_Const *) arg)->val);
	foreach(cell, scope->query->space->segments)
		if (name && strcmp(lfirst(cell), name) == 0)
			break;
	if (name == NULL || cell == NULL)
	{
		const char *near = name == NULL ? NULL :
		PersonaSuggest(name, scope->query->space->segments);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("segment \"%s\" does not exist in space \"%s\"",
						name ? name : "?", scope->query->space->name),
				 near ? errhint("Did you mean \"%s\"?", near) :
				 errhint("Define it first with persona.define_segment()."),
				 RulePosition(scope->query->text, call->location)));
	}
	(void) FeatureOf(scope->query, NULL, name, &number);
	test->arg = (Expr *) RuleMakeColumn(psprintf("f%d", number), "subject",
										call->location);
	test->nulltesttype = IS_NOT_NULL;
	test->location = call->location;
	return (Node *) test;
}
