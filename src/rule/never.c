/*
 * never.c: why a rule can never be true, and what may have been meant.
 *
 * Mostly two conditions exclude each other. One value and another were meant
 * as alternatives; two bounds were exchanged; else the later of both is too
 * much.
 */
#include "rule/lint.h"

#include "nodes/makefuncs.h"

/* ---- the reason ---- */

/* What follows a part that decides alone need not be there. */
void
RuleAdviseAfterNothing(RuleLint *lint, RulePart *part, int decides)
{
	List	   *rest = NIL;
	bool		every = part->shape == RULE_EVERY;

	for (int i = decides + 1; i < part->n; i++)
		rest = lappend(rest, part->parts[i]->raw);
	if (rest != NIL)
		RuleFind(lint, "warn", "condition_after_nothing",
				 RuleDeparse(part->parts[decides]->raw),
				 every ? "it is never true, so what follows it decides nothing" :
				 "it is always true, so what follows it decides nothing",
				 RuleHint(lint, RuleReplaced(lint, rest, NULL)));
}

/* The part, within one that never holds, that is the reason. */
static RulePart *
ReasonOfNever(RulePart *part, RuleContext context, RulePart **above, int *which)
{
	while (part->shape == RULE_EVERY)
	{
		int			i = 0;

		while (i < part->n &&
			   RuleEvaluate(part->parts[i], context) != RULE_NEVER)
			i++;
		if (i == part->n)
			break;
		*above = part;
		*which = i;
		part = part->parts[i];
	}
	return part;
}

/* Two parts that exclude each other, as a part of their own; or NULL. */
static RulePart *
Conflict(RulePart *part, RuleContext context)
{
	RulePart   *both = palloc0(sizeof(RulePart));
	RuleWalk   *walk = RuleWalkBegin(part, context);
	int			later = part->n - 1;

	for (; later > 0; later--)
	{
		RuleTruth	truth;

		RuleWalkEnter(walk, later);
		truth = RuleEvaluate(part->parts[later], context);
		RuleWalkLeave(walk, later, truth == RULE_OPEN);
		if (truth == RULE_NEVER)
			break;
	}
	both->shape = RULE_EVERY;
	both->parts = palloc(2 * sizeof(RulePart *));
	both->n = 2;
	for (int i = 0; i < part->n; i++)
	{
		both->parts[0] = part->parts[Min(i, later)];
		both->parts[1] = part->parts[Max(i, later)];
		both->terms = bms_union(part->parts[i]->terms, part->parts[later]->terms);
		both->holds = both->fails = NULL;
		if (i != later && RuleEvaluate(both, context) == RULE_NEVER)
			return both;
	}
	return NULL;
}

static char *
TextOfBoth(RulePart *both)
{
	return RuleDeparse((Node *) makeBoolExpr(AND_EXPR,
											 list_make2(both->parts[0]->raw,
														both->parts[1]->raw),
											 -1));
}

char *
RuleWhyNever(RuleLint *lint, RulePart *part, RuleContext context)
{
	RulePart   *above = NULL;
	int			which;
	RulePart   *reason = ReasonOfNever(part, context, &above, &which);
	RulePart   *both = NULL;

	if (list_member_ptr(lint->named, reason->raw))
		return NULL;
	if (reason->shape == RULE_EVERY)
		both = Conflict(reason, context);
	return both ? TextOfBoth(both) : RuleDeparse(reason->raw);
}

/* ---- what may have been meant ---- */

/* Whether it compares by = or IN, with constants on the right. */
static bool
IsEquality(Node *raw)
{
	A_Expr	   *op = (A_Expr *) raw;

	return IsA(raw, A_Expr) && RuleName(op->name)[0] == '=' &&
		(op->kind == AEXPR_IN ||
		 (op->kind == AEXPR_OP && !IsA(op->rexpr, ColumnRef)));
}

static List *
ValuesOf(A_Expr *op)
{
	return op->kind == AEXPR_IN ? list_copy((List *) op->rexpr) :
		list_make1(op->rexpr);
}

/* a = 1 AND a = 2 -> a IN (1, 2) */
static char *
OneOfThem(RuleLint *lint, RulePart *both)
{
	A_Expr	   *first = (A_Expr *) both->parts[0]->raw;
	A_Expr	   *second = (A_Expr *) both->parts[1]->raw;

	if (!IsEquality((Node *) first) || !IsEquality((Node *) second))
		return NULL;
	return RuleReplaced(lint, list_make2(first, second),
						(Node *) makeA_Expr(AEXPR_IN, list_make1(makeString("=")),
											first->lexpr,
											(Node *) list_concat(ValuesOf(first),
																 ValuesOf(second)),
											-1));
}

static bool
IsBound(Node *raw)
{
	A_Expr	   *op = (A_Expr *) raw;

	return IsA(raw, A_Expr) && op->kind == AEXPR_OP && op->lexpr != NULL &&
		strchr("<>", RuleName(op->name)[0]) != NULL &&
		strcmp(RuleName(op->name), "<>") != 0;
}

/* Whether the tree, built again from what is now in its place, can hold. */
static bool
CanHold(RuleLint *lint, RuleTree *tree)
{
	RuleTree   *again = tree->call != NULL ?
	RuleTreeOfFilter(lint->space, RuleEventOf(lint->space, tree->call),
					 tree->call) :
	RuleTreeOf(lint->space, RuleDeparse(lint->raw), lint->raw, NULL);

	return RuleEvaluate(again->root, RuleContextOf(again)) != RULE_NEVER;
}

/* a > 5 AND a < 3 -> a > 3 AND a < 5, where that can be true. */
static char *
Exchanged(RuleLint *lint, RuleTree *tree, RulePart *both)
{
	A_Expr	   *first = (A_Expr *) both->parts[0]->raw;
	A_Expr	   *second = (A_Expr *) both->parts[1]->raw;
	Node	   *bound;
	char	   *rule = NULL;

	if (!IsBound((Node *) first) || !IsBound((Node *) second) ||
		!equal(first->lexpr, second->lexpr))
		return NULL;
	bound = first->rexpr;
	first->rexpr = second->rexpr;
	second->rexpr = bound;
	if (CanHold(lint, tree))
		rule = RuleDeparse(lint->raw);
	second->rexpr = first->rexpr;
	first->rexpr = bound;
	return rule;
}

/* BETWEEN 9 AND 5 -> BETWEEN 5 AND 9 */
static char *
Turned(RuleLint *lint, RulePart *part)
{
	A_Expr	   *op = (A_Expr *) part->raw;
	List	   *bounds;

	if (!IsA(op, A_Expr) || op->kind != AEXPR_BETWEEN)
		return NULL;
	bounds = (List *) op->rexpr;
	op = copyObject(op);
	op->rexpr = (Node *) list_make2(lsecond(bounds), linitial(bounds));
	return RuleReplaced(lint, list_make1(part->raw), (Node *) op);
}

static char *
MeantByConflict(RuleLint *lint, RuleTree *tree, RulePart *both)
{
	char	   *rule = OneOfThem(lint, both);

	if (rule == NULL)
		rule = Exchanged(lint, tree, both);
	if (rule == NULL)
		rule = RuleReplaced(lint, list_make1(both->parts[1]->raw), NULL);
	return rule;
}

void
RuleAdviseNever(RuleLint *lint, RuleTree *tree, RuleContext context)
{
	RulePart   *above = NULL;
	int			which;
	RulePart   *reason = ReasonOfNever(tree->root, context, &above, &which);
	RulePart   *both = NULL;
	char	   *rule = NULL;

	if (list_member_ptr(lint->named, reason->raw))
		return;
	if (above != NULL)
		RuleAdviseAfterNothing(lint, above, which);
	if (reason->shape == RULE_EVERY)
		both = Conflict(reason, context);
	if (both != NULL)
		rule = MeantByConflict(lint, tree, both);
	else if (reason->shape == RULE_CLAUSE)
		rule = Turned(lint, reason);
	RuleFind(lint, "warn", "never_true",
			 both ? TextOfBoth(both) : RuleDeparse(reason->raw),
			 tree->call ? "no event can pass the FILTER" :
			 "nobody can be in it: this is never true",
			 rule ? RuleHint(lint, rule) : NULL);
}
