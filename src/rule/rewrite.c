/*
 * rewrite.c: a rule's raw tree becomes plain SQL.
 *
 * Works before PostgreSQL types anything. What names mean is in name.c;
 * aggregates over events go to feature.c; a function is one of pg_catalog, and
 * the clock is persona's own. Everything else is rewritten in its parts and
 * keeps its place in the rule's text.
 */
#include "rule/scope.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"

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

Node *
RuleMakeCall(const char *function, List *args, int location)
{
	return (Node *) makeFuncCall(list_make2(makeString("persona"),
											makeString(pstrdup(function))),
								 args, COERCE_EXPLICIT_CALL, location);
}

/* Its places would be read as places of another text. */
static bool
ForgetPlaces(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_A_Const:
			((A_Const *) node)->location = -1;
			break;
		case T_ColumnRef:
			((ColumnRef *) node)->location = -1;
			break;
		case T_FuncCall:
			((FuncCall *) node)->location = -1;
			break;
		case T_A_Expr:
			((A_Expr *) node)->location = -1;
			break;
		case T_TypeCast:
			((TypeCast *) node)->location = -1;
			((TypeCast *) node)->typeName->location = -1;
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, ForgetPlaces, arg);
}

Node *
RuleWithoutPlaces(Node *node)
{
	(void) ForgetPlaces(node, NULL);
	return node;
}

/* A raw tree of our own SQL, which has no place in a rule. */
Node *
RuleParseOwn(const char *sql)
{
	List	   *statements = raw_parser(sql, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;

	return RuleWithoutPlaces(linitial_node(ResTarget, select->targetList)->val);
}

bool
RuleIsName(Node *node, const char *name)
{
	ColumnRef  *ref = (ColumnRef *) node;

	return IsA(node, ColumnRef) && list_length(ref->fields) == 1 &&
		strcmp(strVal(linitial(ref->fields)), name) == 0;
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

void
RuleRefuseFunction(const char *text, FuncCall *call)
{
	const char *name = strVal(llast(call->funcname));
	const char *near = PersonaSuggest(name, RuleFunctionNames());

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("function %s() is not part of the rule language", name),
			 near ? errhint("Did you mean %s()?", near) :
			 errhint("docs/rule.md lists the functions a rule may call."),
			 RulePosition(text, call->location)));
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
		return RuleMakeCall("ago", RewriteList(scope, call->args), call->location);
	if (bare && strcmp(name, "now") == 0 && call->args == NIL)
		return RuleMakeCall("now", NIL, call->location);
	if (RuleKnowsAggregate(name))
		return RuleAggregate(scope, call, name);
	if (!RuleKnowsFunction(name))
		RuleRefuseFunction(scope->query->text, call);
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
		return RuleMakeCall("now", NIL, value->location);
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
			return RuleRewriteColumn(scope, (ColumnRef *) node);
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
RuleRewriteCondition(Scope *scope, Node *node)
{
	Node	   *window = NULL;
	ListCell   *cell;

	if (node != NULL && IsA(node, BoolExpr) &&
		((BoolExpr *) node)->boolop != NOT_EXPR)
	{
		check_stack_depth();
		foreach(cell, ((BoolExpr *) node)->args)
			lfirst(cell) = RuleRewriteCondition(scope, lfirst(cell));
		return node;
	}
	if (node != NULL && IsA(node, A_Expr))
		window = RuleWindow(scope, (A_Expr *) node);
	return window ? window : RuleRewriteIn(scope, node);
}

Node *
RuleRewrite(RuleQuery *query, Node *node)
{
	Scope		scope = {.query = query};

	return RuleRewriteIn(&scope, node);
}
