/*
 * rewrite.c: what the names of a rule mean.
 *
 * Works on the raw tree, before PostgreSQL types it. A bare name is a column
 * of the subject (s), new.name one of the starting event (n). An aggregate
 * over an event source is taken out and becomes a column of that source's
 * sub-select; inside it bare names and event.name are the event's columns (e).
 * What comes out is plain SQL and keeps the places of the rule's text.
 */
#include "rule/rule.h"

#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Where a name stands: among the subject's, or inside an event's aggregate. */
typedef struct Scope
{
	RuleQuery  *query;
	const SpaceEvent *event;	/* NULL: outside of any aggregate */
} Scope;

static Node *Rewrite(Scope *scope, Node *node);

/* ---- small makers ---- */

static Node *
MakeColumn(const char *alias, const char *column, int location)
{
	ColumnRef  *ref = makeNode(ColumnRef);

	ref->fields = list_make2(makeString(pstrdup(alias)),
							 makeString(pstrdup(column)));
	ref->location = location;
	return (Node *) ref;
}

static Node *
MakeCall(const char *function, List *args, int location)
{
	return (Node *) makeFuncCall(list_make2(makeString("persona"),
											makeString(pstrdup(function))),
								 args, COERCE_EXPLICIT_CALL, location);
}

/* A raw tree of our own SQL, whose places mean nothing. */
static Node *
ParseOwn(const char *sql)
{
	List	   *statements = raw_parser(sql, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;

	return linitial_node(ResTarget, select->targetList)->val;
}

static Node *
EventTime(const SpaceEvent *event)
{
	return ParseOwn(SpaceEventTime(event, "e"));
}

static bool
IsName(Node *node, const char *name)
{
	ColumnRef  *ref = (ColumnRef *) node;

	return IsA(node, ColumnRef) && list_length(ref->fields) == 1 &&
		strcmp(strVal(linitial(ref->fields)), name) == 0;
}

/* ---- names ---- */

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

static void
RefuseColumn(Scope *scope, Oid relid, const char *name, int location)
{
	List	   *known = ColumnsOf(relid);
	const char *near;
	ListCell   *cell;

	if (scope->event == NULL)
		foreach(cell, scope->query->space->events)
			known = lappend(known, ((SpaceEvent *) lfirst(cell))->name);
	near = PersonaSuggest(name, known);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s has no column \"%s\"", PersonaRelationName(relid), name),
			 near ? errhint("Did you mean \"%s\"?", near) : 0,
			 RulePosition(scope->query->text, location)));
}

static void
NoteUse(RuleQuery *query, const char *source, const char *column)
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

static Node *
ColumnOf(Scope *scope, Oid relid, const char *alias, const char *source,
		 const char *name, int location)
{
	AttrNumber	number = get_attnum(relid, name);

	if (number <= 0)
		RefuseColumn(scope, relid, name, location);
	NoteUse(scope->query, source, name);
	return MakeColumn(alias, name, location);
}

static void
RefuseTimeless(Scope *scope, const SpaceEvent *event, const char *what,
			   int location)
{
	if (event->at.name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("event \"%s\" has no time, so it has no %s",
						event->name, what),
				 errhint("Name its time column: define_event('%s', ..., at => 'column').",
						 event->name),
				 RulePosition(scope->query->text, location)));
	NoteUse(scope->query, event->name, event->at.name);
}

static Node *
RewriteBare(Scope *scope, const char *name, int location)
{
	const SpaceEvent *event = scope->event;

	if (event == NULL)
	{
		if (strcmp(name, "ago") == 0 &&
			get_attnum(scope->query->space->relid, name) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("ago stands inside an event's FILTER"),
					 errhint("Write count(purchase) FILTER (WHERE ago < '30 days'), or ago(column)."),
					 RulePosition(scope->query->text, location)));
		return ColumnOf(scope, scope->query->space->relid, "s", "subject",
						name, location);
	}
	if (strcmp(name, "ago") == 0)
	{
		RefuseTimeless(scope, event, "ago", location);
		return MakeCall("ago", list_make1(EventTime(event)), location);
	}
	return ColumnOf(scope, event->relid, "e", event->name, name, location);
}

static Node *
RewriteNew(Scope *scope, const char *column, int location)
{
	const SpaceEvent *event = scope->query->event;

	if (event == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("\"new\" is the event that starts a moment, and here no event does"),
				 errhint("Use it in the rules and templates of a moment with on_event."),
				 RulePosition(scope->query->text, location)));
	return ColumnOf(scope, event->relid, "n", event->name, column, location);
}

static Node *
RewriteColumn(Scope *scope, ColumnRef *ref)
{
	const char *first = strVal(linitial(ref->fields));
	const char *second;

	if (list_length(ref->fields) == 1)
		return RewriteBare(scope, first, ref->location);
	second = strVal(lsecond(ref->fields));
	if (strcmp(first, "new") == 0)
		return RewriteNew(scope, second, ref->location);
	if (scope->event != NULL && strcmp(first, scope->event->name) == 0)
		return ColumnOf(scope, scope->event->relid, "e", first, second,
						ref->location);
	if (SpaceFindEvent(scope->query->space, first) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("%s.%s has many values for one customer", first, second),
				 errhint("Say which: last(%s.%s), max(%s.%s), bool_or(%s.%s = ...).",
						 first, second, first, second, first, second),
				 RulePosition(scope->query->text, ref->location)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("\"%s\" is neither an event nor \"new\"", first),
			 errhint("Define it first: SELECT * FROM persona.define_event('%s', 'a_table').",
					 first),
			 RulePosition(scope->query->text, ref->location)));
	return NULL;
}

/* ---- features ---- */

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
	return MakeColumn(psprintf("f%d", number), psprintf("a%d", column), location);
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

static Node *
CountOrZero(RuleQuery *query, const char *name, Node *column)
{
	CoalesceExpr *coalesce;

	if (query->mode == RULE_FEATURES_LATERAL || strcmp(name, "count") != 0)
		return column;
	coalesce = makeNode(CoalesceExpr);
	coalesce->args = list_make2(column, ParseOwn("0"));
	coalesce->location = exprLocation(column);
	return (Node *) coalesce;
}

static Node *
RewriteAggregate(Scope *outer, FuncCall *call, const char *name)
{
	Scope		scope = {outer->query, EventOf(outer, call)};
	const SpaceEvent *event = scope.event;
	bool		last = strcmp(name, "last") == 0;
	bool		by_time = last || strcmp(name, "first") == 0;
	bool		whole = list_length(call->args) == 1 &&
	IsName(linitial(call->args), event->name);
	Node	   *filter = Rewrite(&scope, call->agg_filter);
	char	   *sql;

	/* Counting looks at whose the events are, whatever else it looks at. */
	NoteUse(outer->query, event->name, event->subject.name);
	if (by_time)
		RefuseTimeless(&scope, event, name, call->location);
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
						list_make1(EventTime(event)), filter);
	else if (whole)
		sql = Aggregate(&scope, event, call, "count", NIL, filter);
	else if (by_time)
		sql = ByTime(&scope, event, call, Rewrite(&scope, linitial(call->args)),
					 filter, last);
	else
		sql = Aggregate(&scope, event, call, name,
						list_make1(Rewrite(&scope, linitial(call->args))),
						filter);
	return CountOrZero(outer->query, name,
					   FeatureColumn(outer, event, sql, call->location));
}

/* segment(name): whether the subject is among the rows of that view. */
static Node *
RewriteSegment(Scope *scope, FuncCall *call)
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
	test->arg = (Expr *) MakeColumn(psprintf("f%d", number), "subject",
									call->location);
	test->nulltesttype = IS_NOT_NULL;
	test->location = call->location;
	return (Node *) test;
}

/* ---- calls ---- */

static List *
RewriteList(Scope *scope, List *list)
{
	List	   *rewritten = NIL;
	ListCell   *cell;

	foreach(cell, list)
		rewritten = lappend(rewritten, Rewrite(scope, lfirst(cell)));
	return rewritten;
}

static void
RefuseFunction(Scope *scope, FuncCall *call, const char *name)
{
	const char *near = PersonaSuggest(name, RuleFunctionNames());

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("function %s() is not part of the rule language", name),
			 near ? errhint("Did you mean %s()?", near) :
			 errhint("docs/rule.md lists the functions a rule may call."),
			 RulePosition(scope->query->text, call->location)));
}

static Node *
RewriteFunction(Scope *scope, FuncCall *call)
{
	const char *name = strVal(llast(call->funcname));
	bool		bare = list_length(call->funcname) == 1;
	FuncCall   *copy;

	if (bare && strcmp(name, "segment") == 0)
		return RewriteSegment(scope, call);
	if (bare && strcmp(name, "ago") == 0)
		return MakeCall("ago", RewriteList(scope, call->args), call->location);
	if (bare && strcmp(name, "now") == 0 && call->args == NIL)
		return MakeCall("now", NIL, call->location);
	if (RuleKnowsAggregate(name))
		return RewriteAggregate(scope, call, name);
	if (!RuleKnowsFunction(name))
		RefuseFunction(scope, call, name);
	if (call->agg_filter != NULL || call->agg_distinct)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s() is no aggregate and takes no FILTER or DISTINCT", name),
				 RulePosition(scope->query->text, call->location)));
	copy = makeFuncCall(list_make2(makeString("pg_catalog"),
								   makeString(pstrdup(name))),
						RewriteList(scope, call->args), COERCE_EXPLICIT_CALL,
						call->location);
	return (Node *) copy;
}

static Node *
RewriteClock(SQLValueFunction *value)
{
	if (value->op == SVFOP_CURRENT_TIMESTAMP)
		return MakeCall("now", NIL, value->location);
	return ParseOwn("(persona.now() AT TIME ZONE 'UTC')::pg_catalog.date");
}

/* ---- everything else is rewritten in its parts ---- */

#define REWRITE(field) (field) = (void *) Rewrite(scope, (Node *) (field))

static void
RewriteParts(Scope *scope, Node *node)
{
	switch (nodeTag(node))
	{
		case T_A_Expr:
			REWRITE(((A_Expr *) node)->lexpr);
			REWRITE(((A_Expr *) node)->rexpr);
			break;
		case T_BoolExpr:
			REWRITE(((BoolExpr *) node)->args);
			break;
		case T_NullTest:
			REWRITE(((NullTest *) node)->arg);
			break;
		case T_BooleanTest:
			REWRITE(((BooleanTest *) node)->arg);
			break;
		case T_TypeCast:
			REWRITE(((TypeCast *) node)->arg);
			break;
		case T_CaseExpr:
			REWRITE(((CaseExpr *) node)->arg);
			REWRITE(((CaseExpr *) node)->args);
			REWRITE(((CaseExpr *) node)->defresult);
			break;
		case T_CaseWhen:
			REWRITE(((CaseWhen *) node)->expr);
			REWRITE(((CaseWhen *) node)->result);
			break;
		case T_CoalesceExpr:
			REWRITE(((CoalesceExpr *) node)->args);
			break;
		case T_MinMaxExpr:
			REWRITE(((MinMaxExpr *) node)->args);
			break;
		case T_A_ArrayExpr:
			REWRITE(((A_ArrayExpr *) node)->elements);
			break;
		case T_A_Indirection:
			REWRITE(((A_Indirection *) node)->arg);
			REWRITE(((A_Indirection *) node)->indirection);
			break;
		case T_A_Indices:
			REWRITE(((A_Indices *) node)->uidx);
			break;
		default:
			break;				/* a constant has no parts */
	}
}

static Node *
Rewrite(Scope *scope, Node *node)
{
	if (node == NULL)
		return NULL;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_List:
			return (Node *) RewriteList(scope, (List *) node);
		case T_ColumnRef:
			return RewriteColumn(scope, (ColumnRef *) node);
		case T_FuncCall:
			return RewriteFunction(scope, (FuncCall *) node);
		case T_SQLValueFunction:
			return RewriteClock((SQLValueFunction *) node);
		default:
			RewriteParts(scope, node);
			return node;
	}
}

Node *
RuleRewrite(RuleQuery *query, Node *node)
{
	Scope		scope = {.query = query};

	return Rewrite(&scope, node);
}
