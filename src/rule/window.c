/*
 * window.c: how long ago, as a comparison that an index serves.
 *
 * `ago < '30 days'` compares an interval that is computed from each row, which
 * no index knows. It says the same as `at > persona.before('30 days')`, where
 * before() is the instant that long before the clock. Two things differ: a
 * time that is infinite has no ago, so it is left out by a second condition;
 * and where ago is unknown the comparison may come out false. So this is done
 * only where nothing but the truth of the whole matters: in a FILTER, and in
 * the WHERE of a segment.
 */
#include "rule/scope.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* A time as it stands in its table. */
typedef struct Clock
{
	Node	   *time;
	Oid			type;			/* timestamptz, timestamp or date */
	bool		is_column;		/* of a table, so that an index may be on it */
} Clock;

static bool
HasName(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef) || IsA(node, FuncCall))
		return true;
	return raw_expression_tree_walker(node, HasName, arg);
}

static bool
IsAgoCall(Node *node)
{
	FuncCall   *call = (FuncCall *) node;

	return IsA(node, FuncCall) && list_length(call->funcname) == 1 &&
		strcmp(strVal(linitial(call->funcname)), "ago") == 0 &&
		list_length(call->args) == 1 && call->agg_filter == NULL;
}

/* f1.a1 is a column of a feature, which is computed. */
static bool
IsFeature(const ColumnRef *column)
{
	return strVal(linitial(column->fields))[0] == 'f';
}

static bool
ClockOf(Clock *clock, Node *time, Oid type)
{
	clock->time = time;
	clock->type = type;
	clock->is_column = IsA(time, ColumnRef) && !IsFeature((ColumnRef *) time);
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID;
}

/* Whether the node is `ago` or ago(time) of a time we can compare with. */
static bool
FindClock(Scope *scope, Node *node, Clock *clock)
{
	Node	   *time;

	if (scope->source != NULL && RuleIsName(node, "ago"))
	{
		const SpaceColumn *at = &scope->source->event->at;

		/* What is wrong with it is said where it is rewritten as it stands. */
		if (at->name == NULL || get_attnum(scope->source->event->relid, "ago") > 0)
			return false;
		RuleNoteUse(scope->query, scope->source->event->name, at->name);
		return ClockOf(clock, RuleMakeColumn("e", at->name, exprLocation(node)),
					   at->type);
	}
	if (!IsAgoCall(node))
		return false;
	time = RuleRewriteIn(scope, copyObject(linitial(((FuncCall *) node)->args)));
	return ClockOf(clock, time,
				   getBaseType(RuleAnalyse(scope->query->text, time,
										   RuleScopeFrom(scope, time))));
}

/* The comparison that says of an age what `op` says of the instant. */
static const char *
Opposite(const char *op)
{
	static const char *const pairs[][2] = {
		{"<", ">"}, {"<=", ">="}, {">", "<"}, {">=", "<="}
	};

	for (int i = 0; i < lengthof(pairs); i++)
		if (strcmp(op, pairs[i][0]) == 0)
			return pairs[i][1];
	return NULL;
}

static Node *
Compare(const char *op, Node *left, Node *right, int location)
{
	return (Node *) makeA_Expr(AEXPR_OP, list_make1(makeString(pstrdup(op))),
							   left, right, location);
}

/* The instant that long before the clock, as comparable with the time. */
static Node *
Before(const Clock *clock, Node *age)
{
	TypeCast   *interval = makeNode(TypeCast);
	Node	   *instant;
	FuncCall   *zoned;

	interval->arg = age;
	interval->typeName = makeTypeNameFromNameList(list_make2(makeString("pg_catalog"),
															 makeString("interval")));
	interval->location = exprLocation(age);
	instant = RuleMakeCall("before", list_make1(interval), exprLocation(age));
	if (clock->type == TIMESTAMPTZOID)
		return instant;
	zoned = (FuncCall *) RuleParseOwn("pg_catalog.timezone('UTC', NULL)");
	lsecond(zoned->args) = instant;
	return (Node *) zoned;
}

/*
 * time op before(age), and not beyond all time. Of a column an index finds
 * both ends; what is computed is compared once, for the planner would take a
 * second comparison for a second reason to leave rows out.
 */
static Node *
Bound(const Clock *clock, const char *op, Node *age, int location)
{
	bool		later = op[0] == '>';
	Node	   *end = RuleParseOwn(psprintf("'%sinfinity'::%s", later ? "" : "-",
											PersonaTypeName(clock->type)));

	if (!clock->is_column)
		return Compare(op, (Node *) makeSimpleA_Expr(AEXPR_NULLIF, "=",
													 copyObject(clock->time), end, -1),
					   Before(clock, age), location);
	return (Node *) makeBoolExpr(AND_EXPR,
								 list_make2(Compare(op, copyObject(clock->time),
													Before(clock, age), location),
											Compare(later ? "<" : ">",
													copyObject(clock->time), end, location)),
								 location);
}

static Node *
Between(const Clock *clock, A_Expr *expr)
{
	List	   *ages = (List *) expr->rexpr;

	return (Node *) makeBoolExpr(AND_EXPR,
								 list_make2(Bound(clock, "<=", linitial(ages), expr->location),
											Bound(clock, ">=", lsecond(ages), expr->location)),
								 expr->location);
}

Node *
RuleWindow(Scope *scope, A_Expr *expr)
{
	Clock		clock;
	const char *op = list_length(expr->name) == 1 ? strVal(linitial(expr->name)) : "";
	const char *opposite = Opposite(op);

	if (expr->kind == AEXPR_BETWEEN && !HasName(expr->rexpr, NULL) &&
		FindClock(scope, expr->lexpr, &clock))
		return Between(&clock, expr);
	if (expr->kind != AEXPR_OP || opposite == NULL || expr->lexpr == NULL)
		return NULL;
	if (!HasName(expr->rexpr, NULL) && FindClock(scope, expr->lexpr, &clock))
		return Bound(&clock, opposite, expr->rexpr, expr->location);
	if (!HasName(expr->lexpr, NULL) && FindClock(scope, expr->rexpr, &clock))
		return Bound(&clock, op, expr->lexpr, expr->location);
	return NULL;
}
