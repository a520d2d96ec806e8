/*
 * rewrite.c: what the names of a rule mean.
 *
 * Works on the raw tree, before PostgreSQL types it. A bare name is a column
 * of the subject (s), new.name one of the starting event (n). Aggregates over
 * events go to feature.c; inside of them bare names and event.name are the
 * event's columns (e). What comes out is plain SQL and keeps the places of the
 * rule's text.
 */
#include "rule/scope.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"

/* ---- small makers ---- */

Node *
RuleMakeColumn(const char *alias, const char *column, int location)
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
Node *
RuleParseOwn(const char *sql)
{
	List	   *statements = raw_parser(sql, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;

	return linitial_node(ResTarget, select->targetList)->val;
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

static Node *
ColumnOf(Scope *scope, Oid relid, const char *alias, const char *source,
		 const char *name, int location)
{
	AttrNumber	number = get_attnum(relid, name);

	if (number <= 0)
		RefuseColumn(scope, relid, name, location);
	/* Before a literal is read as of that type, which may run code. */
	RuleCheckType(scope->query->text, get_atttype(relid, number), location);
	RuleNoteUse(scope->query, source, name);
	return RuleMakeColumn(alias, name, location);
}

Node *
RuleEventTime(Scope *scope, const SpaceEvent *event, const char *what,
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
	RuleNoteUse(scope->query, event->name, event->at.name);
	return RuleParseOwn(SpaceEventTime(event, "e"));
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
		return MakeCall("ago", list_make1(RuleEventTime(scope, event, "ago",
														location)), location);
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

/* ---- calls ---- */

static List *
RewriteList(Scope *scope, List *list)
{
	List	   *rewritten = NIL;
	ListCell   *cell;

	foreach(cell, list)
		rewritten = lappend(rewritten, RuleRewriteIn(scope, lfirst(cell)));
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
		return RuleSegment(scope, call);
	if (bare && strcmp(name, "ago") == 0)
		return MakeCall("ago", RewriteList(scope, call->args), call->location);
	if (bare && strcmp(name, "now") == 0 && call->args == NIL)
		return MakeCall("now", NIL, call->location);
	if (RuleKnowsAggregate(name))
		return RuleAggregate(scope, call, name);
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
	return RuleParseOwn("(persona.now() AT TIME ZONE 'UTC')::pg_catalog.date");
}

/* ---- everything else is rewritten in its parts ---- */

#define REWRITE(field) (field) = (void *) RuleRewriteIn(scope, (Node *) (field))

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

Node *
RuleRewriteIn(Scope *scope, Node *node)
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

	return RuleRewriteIn(&scope, node);
}
