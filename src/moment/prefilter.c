/*
 * prefilter.c: the rows of a statement that no moment can want.
 *
 * Most purchases start nothing: the entry rules say so. Of each live moment
 * on an event the rule is cut down to what the new row alone can tell: a part
 * that looks at anything else, or whose answer could change, becomes NULL,
 * unknown, and three-valued logic does the rest. All of them are joined by
 * OR. Where that is false, every rule is plainly false, and the row need not
 * wait in the inbox for run() to find the same. Where it is unknown or true
 * the row is kept: run() decides, here nothing is decided.
 *
 * A rule that cannot fail and only compares is tried without a subtransaction,
 * so that a statement without a wanted row costs next to nothing.
 */
#include "moment/start.h"

#include "rule/rule.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"

struct MomentPrefilter
{
	ExprState  *state;			/* NULL: every row is kept */
	ExprContext *econtext;
	bool		is_safe;		/* no value makes it fail */
};

/* ---- what a row alone can tell ---- */

static bool
LooksElsewhere(Node *node, void *event)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varno != *(Index *) event ||
			((Var *) node)->varlevelsup > 0 || ((Var *) node)->varattno <= 0;
	if (IsA(node, Param) || IsA(node, SubLink) || IsA(node, Aggref))
		return true;
	return expression_tree_walker(node, LooksElsewhere, event);
}

/* The condition with what the event's row cannot tell made unknown. */
static Node *
CutDown(Node *condition, Index event)
{
	BoolExpr   *expr = (BoolExpr *) condition;
	List	   *args = NIL;
	ListCell   *cell;

	check_stack_depth();
	if (!IsA(condition, BoolExpr))
		return LooksElsewhere(condition, &event) ||
			contain_mutable_functions(condition) ?
			makeBoolConst(false, true) : condition;
	foreach(cell, expr->args)
		args = lappend(args, CutDown(lfirst(cell), event));
	return (Node *) makeBoolExpr(expr->boolop, args, -1);
}

/* Which of the range table is the event's row; 0 where none is asked for. */
static Index
EventNumber(List *rtable)
{
	for (Index i = 1; i <= list_length(rtable); i++)
	{
		RangeTblEntry *rte = rt_fetch(i, rtable);

		if (rte->rtekind == RTE_RELATION && strcmp(rte->eref->aliasname, "n") == 0)
			return i;
	}
	return 0;
}

/* A moment's entry rule, over the event's row as relation number 1. */
static Node *
EntryOverRow(const Space *space, const Moment *moment)
{
	RuleQuery  *query = RuleQueryBegin(space, moment->event,
									   RULE_FEATURES_LATERAL);
	List	   *rtable;
	Node	   *condition;
	Index		event;

	RuleQueryNanIsUnknown(query);
	condition = RuleQueryAnalyse(query, moment->when_rule,
								 psprintf("entry rule of moment \"%s\"",
										  moment->name), &rtable);
	event = EventNumber(rtable);
	condition = CutDown(condition, event);
	if (event > 1)
		ChangeVarNodes(condition, event, 1, 0);
	return condition;
}

/*
 * All live moments' rules, joined by OR, which is false where there are none;
 * NULL where no row can be left out.
 */
static Node *
EntryOfAny(const Space *space, const SpaceEvent *event)
{
	List	   *rules = NIL;
	Node	   *any;
	ListCell   *cell;

	foreach(cell, MomentLoadLive(space, event->name))
		rules = lappend(rules, EntryOverRow(space, lfirst(cell)));
	if (rules == NIL)
		return makeBoolConst(false, false);
	any = (Node *) expression_planner(make_orclause(rules));
	if (IsA(any, Const))
		return ((Const *) any)->constisnull ||
			DatumGetBool(((Const *) any)->constvalue) ? NULL : any;
	/* With a rule that is unknown for certain the whole is never false. */
	if (is_orclause(any))
		foreach(cell, ((BoolExpr *) any)->args)
			if (IsA(lfirst(cell), Const))
				return NULL;
	return any;
}

char *
MomentPrefilterSql(const Space *space, const Moment *moment)
{
	return deparse_expression(EntryOverRow(space, moment),
							  deparse_context_for("n", moment->event->relid),
							  true, false);
}

/* ---- whether it can fail ---- */

static bool
IsComparison(Oid operator)
{
	return CompatOrdersOf(operator) != NIL;
}

/* Comparisons of plain values, and their logic: no value makes these fail. */
static bool
MayFail(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_BoolExpr:
		case T_BooleanTest:
		case T_NullTest:
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			if (!IsComparison(((OpExpr *) node)->opno))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (!IsComparison(((ScalarArrayOpExpr *) node)->opno))
				return true;
			break;
		default:
			return !RuleIsHarmless(node);
	}
	return expression_tree_walker(node, MayFail, arg);
}

/* ---- compiling ---- */

typedef struct Compilation
{
	MomentPrefilter *prefilter;
	MemoryContext context;		/* where it stays */
	const Space *space;
	const SpaceEvent *event;
} Compilation;

static void
Compile(void *arg)
{
	Compilation *c = arg;
	MomentPrefilter *p = c->prefilter;
	PersonaAct	act;
	Node	   *any;
	MemoryContext caller;

	PersonaActBegin(&act, c->space->owner);
	any = EntryOfAny(c->space, c->event);
	PersonaActEnd(&act);
	if (any == NULL)
		return;
	p->is_safe = !MayFail(any, NULL);

	/*
	 * Where nothing fails the order is free, and a part that all rules share
	 * is asked once. Unknown is as good as true, as it is to a CHECK.
	 */
	if (p->is_safe)
		any = (Node *) canonicalize_qual((Expr *) any, true);
	caller = MemoryContextSwitchTo(c->context);
	p->econtext = CreateStandaloneExprContext();
	p->state = ExecInitExpr(copyObject((Expr *) any), NULL);
	MemoryContextSwitchTo(caller);
}

/* A rule that cannot be compiled, now or any more, leaves nothing out. */
MomentPrefilter *
MomentPrefilterMake(MemoryContext context, const Space *space,
					const SpaceEvent *event)
{
	MomentPrefilter *prefilter = MemoryContextAllocZero(context,
														sizeof(MomentPrefilter));
	Compilation compilation = {prefilter, context, space, event};

	if (PersonaTrap(Compile, &compilation) != 0)
		prefilter->state = NULL;
	return prefilter;
}

/* ---- using it ---- */

bool
MomentPrefilterIsSafe(const MomentPrefilter *prefilter)
{
	return prefilter->state != NULL && prefilter->is_safe;
}

bool
MomentPrefilterKeeps(const MomentPrefilter *prefilter, TupleTableSlot *row)
{
	bool		isnull;
	Datum		value;

	if (prefilter->state == NULL)
		return true;
	prefilter->econtext->ecxt_scantuple = row;
	value = ExecEvalExprSwitchContext(prefilter->state, prefilter->econtext,
									  &isnull);
	ResetExprContext(prefilter->econtext);
	return isnull || DatumGetBool(value);
}
