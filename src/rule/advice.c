/*
 * advice.c: what is wrong with a rule's logic, from the rule alone.
 *
 * A finding names the smallest part that shows the mistake. Its fix is the
 * whole rule again. Where the part has no effect, the fix leaves it out and
 * changes nothing else; where the rule can never be true, it is what was most
 * likely meant, and of two guesses the one that reaches fewer people.
 */
#include "rule/lint.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

/* Up to how many parts of an AND or OR are compared one by one. */
#define MAX_COMPARED 30

static char *
Without(RuleLint *lint, RulePart *part)
{
	return RuleHint(lint, RuleReplaced(lint, list_make1(part->raw), NULL));
}

static bool
IsNamed(const RuleLint *lint, RulePart *part)
{
	return list_member_ptr(lint->named, part->raw);
}

/* ---- comparisons with NULL, and lists ---- */

/* The list with what has a text that another one has, or is NULL, left out. */
static List *
Distinct(List *list, bool nulls)
{
	List	   *kept = NIL;
	HASHCTL		control = {.keysize = NAMEDATALEN, .entrysize = NAMEDATALEN,
	.hcxt = CurrentMemoryContext};
	HTAB	   *seen = hash_create("values of a list", list_length(list),
								   &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	ListCell   *cell;

	foreach(cell, list)
	{
		char	   *text = RuleDeparse(lfirst(cell));
		bool		found = false;

		if (RuleIsNull(lfirst(cell)) && !nulls)
			continue;
		/* A longer text is not worth the memory of a key. */
		if (strlen(text) < NAMEDATALEN)
			(void) hash_search(seen, text, HASH_ENTER, &found);
		if (!found)
			kept = lappend(kept, lfirst(cell));
	}
	hash_destroy(seen);
	return kept;
}

static Node *
NullTestOf(Node *arg, NullTestType type)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = (Expr *) arg;
	test->nulltesttype = type;
	test->location = -1;
	return (Node *) test;
}

/* What was meant by a comparison with NULL; NULL where nobody knows. */
static Node *
WithoutNull(A_Expr *op)
{
	const char *name = RuleName(op->name);
	A_Expr	   *changed;
	List	   *list;

	if (name[0] != '=' && strcmp(name, "<>") != 0)
		return NULL;
	if (op->kind == AEXPR_IN &&
		(list = Distinct((List *) op->rexpr, false)) != NIL)
	{
		changed = copyObject(op);
		changed->rexpr = (Node *) list;
		return (Node *) changed;
	}
	return NullTestOf(op->kind != AEXPR_IN && RuleIsNull(op->lexpr) ?
					  op->rexpr : op->lexpr,
					  name[0] == '=' ? IS_NULL : IS_NOT_NULL);
}

static void
AdviseNulls(RuleLint *lint, RuleTree *tree)
{
	ListCell   *cell;

	foreach(cell, tree->nulls)
	{
		A_Expr	   *op = lfirst(cell);
		Node	   *meant = WithoutNull(op);
		bool		listed = op->kind == AEXPR_IN && RuleName(op->name)[0] == '=';

		RuleFind(lint, "warn", "null_comparison", RuleDeparse((Node *) op),
				 listed ? "nothing equals NULL, so that member of the list matches nobody" :
				 "compared with NULL it is never true, whoever it is asked of",
				 meant ? RuleHint(lint, RuleReplaced(lint, list_make1(op), meant)) :
				 NULL);
		lint->named = lappend(lint->named, op);
	}
}

static void
AdviseLists(RuleLint *lint, RuleTree *tree)
{
	ListCell   *cell;

	foreach(cell, tree->lists)
	{
		A_Expr	   *op = lfirst(cell);
		A_Expr	   *changed = copyObject(op);

		changed->rexpr = (Node *) Distinct((List *) op->rexpr, true);
		if (list_length((List *) changed->rexpr) < list_length((List *) op->rexpr))
			RuleFind(lint, "warn", "redundant_clause", RuleDeparse((Node *) op),
					 "its list names a value more than once",
					 RuleHint(lint, RuleReplaced(lint, list_make1(op),
												 (Node *) changed)));
	}
}

/* ---- always true ---- */

static void
AdviseAlways(RuleLint *lint, RuleTree *tree, RuleContext context)
{
	RulePart   *part = tree->root;
	char	   *text = RuleDeparse(part->raw);

	if (part->shape == RULE_SOME)
		for (int i = 0; i < part->n; i++)
			if (RuleEvaluate(part->parts[i], context) == RULE_ALWAYS)
			{
				RuleAdviseAfterNothing(lint, part, i);
				break;
			}
	if (strcmp(text, "true") != 0)
		RuleFind(lint, "warn", "always_true", text,
				 tree->call ? "every event passes the FILTER" :
				 "everybody is in it: this is always true",
				 RuleHint(lint, RuleReplaced(lint, list_make1(part->raw),
											 RuleParse("true"))));
}

/* ---- parts without effect ---- */

/* Asking for what a column never lacks is caution, not a mistake. */
static void
AdviseCovered(RuleLint *lint, RuleTree *tree, RulePart *part)
{
	if (part->shape != RULE_FIXED &&
		RuleEvaluate(part, RuleContextOf(tree)) == RULE_ALWAYS)
		RuleFind(lint, IsA(part->raw, NullTest) ? "info" : "warn",
				 "always_true", RuleDeparse(part->raw),
				 "this is always true", Without(lint, part));
	else
		RuleFind(lint, "warn", "redundant_clause", RuleDeparse(part->raw),
				 part->shape == RULE_FIXED ? "true decides nothing here" :
				 "it follows from the other conditions, so it decides nothing",
				 Without(lint, part));
}

static void
AdviseDead(RuleLint *lint, RulePart *part, RuleContext context)
{
	char	   *why;

	if (RuleEvaluate(part, context) != RULE_NEVER)
		RuleFind(lint, "warn", "redundant_clause", RuleDeparse(part->raw),
				 "it adds nobody: the rest of the OR is true of all of them already",
				 Without(lint, part));
	else if ((why = RuleWhyNever(lint, part, context)) != NULL)
		RuleFind(lint, "warn", "contradictory_bounds", why,
				 "this branch of the OR can never be true here",
				 Without(lint, part));
}

/* What several <> of one term, joined by OR, are most often meant to be. */
static char *
MeantByCover(RuleLint *lint, RuleTerm *term, List *clauses)
{
	ListCell   *cell;

	foreach(cell, clauses)
	{
		A_Expr	   *op = lfirst(cell);

		if (!IsA(op, A_Expr) || op->kind != AEXPR_OP ||
			strcmp(RuleName(op->name), "<>") != 0)
			return RuleReplaced(lint, clauses,
								RuleParse(psprintf("(%s) IS NOT NULL", term->text)));
	}
	return RuleReplaced(lint, clauses,
						(Node *) makeBoolExpr(AND_EXPR, list_copy(clauses), -1));
}

/* a <> 1 OR a <> 2: true of everybody who has an a. */
static bool
AdviseCover(RuleLint *lint, RuleTree *tree, RulePart *part, RuleContext context)
{
	List	  **clauses = palloc0(list_length(tree->terms) * sizeof(List *));
	bool		found = false;
	ListCell   *cell;

	for (int i = 0; i < part->n; i++)
		if (part->parts[i]->shape == RULE_CLAUSE)
			clauses[part->parts[i]->term->number] =
				lappend(clauses[part->parts[i]->term->number], part->parts[i]);
	foreach(cell, tree->terms)
	{
		RuleTerm   *term = lfirst(cell);
		RuleRegion *rest = context[term->number];
		List	   *raws = NIL;
		ListCell   *clause;

		if (list_length(clauses[term->number]) < 2)
			continue;
		foreach(clause, clauses[term->number])
		{
			RulePart   *one = lfirst(clause);

			rest = RuleRegionAnd(term, rest,
								 RuleRegionNot(one->region, !one->region->null));
			raws = lappend(raws, one->raw);
		}
		if (!rest->null || rest->below || rest->n > 0)
			continue;
		found = true;
		RuleFind(lint, "warn", "true_unless_null",
				 RuleDeparse((Node *) makeBoolExpr(OR_EXPR, list_copy(raws), -1)),
				 psprintf("it is true of everybody whose %s is known", term->text),
				 RuleHint(lint, MeantByCover(lint, term, raws)));
	}
	return found;
}

/*
 * Whether an AND or OR within another says no more than a part beside it that
 * is kept: (a AND b) OR (a AND b AND c). Contexts do not see that, for neither
 * branch limits one term alone; so the parts are compared one by one.
 */
static bool
IsCovered(RulePart *part, int i, Bitmapset *kept, RuleContext context)
{
	RulePart   *child = part->parts[i];

	if (part->n > MAX_COMPARED || child->n == 0)
		return false;
	for (int j = 0; j < part->n; j++)
		if (j != i && (j < i || bms_is_member(j, kept)) &&
			(part->shape == RULE_EVERY ?
			 RuleFollows(child, &part->parts[j], 1, context) :
			 RuleFollows(part->parts[j], &child, 1, context)))
			return true;
	return false;
}

static void
AdviseParts(RuleLint *lint, RuleTree *tree, RulePart *part, RuleContext context)
{
	RuleTruth	idle = part->shape == RULE_EVERY ? RULE_ALWAYS : RULE_NEVER;
	RuleWalk   *walk;
	Bitmapset  *kept = NULL;

	check_stack_depth();
	if (part->shape != RULE_EVERY && part->shape != RULE_SOME)
		return;
	if (part->shape == RULE_SOME && AdviseCover(lint, tree, part, context))
		return;
	walk = RuleWalkBegin(part, context);
	for (int i = part->n - 1; i >= 0; i--)
	{
		RulePart   *child = part->parts[i];
		bool		covered = IsCovered(part, i, kept, context);
		RuleTruth	truth;

		RuleWalkEnter(walk, i);
		truth = RuleEvaluate(child, context);
		if (!covered && truth == RULE_OPEN)
			AdviseParts(lint, tree, child, context);
		covered = covered || truth == idle;
		RuleWalkLeave(walk, i, !covered);
		if (!covered)
			kept = bms_add_member(kept, i);
		if (!covered || IsNamed(lint, child))
			continue;
		if (part->shape == RULE_EVERY)
			AdviseCovered(lint, tree, child);
		else
			AdviseDead(lint, child, context);
	}
}

/* ---- a rule, and the FILTERs in it ---- */

static void
AdviseTree(RuleLint *lint, RuleTree *tree)
{
	RuleContext context = RuleContextOf(tree);

	AdviseNulls(lint, tree);
	AdviseLists(lint, tree);
	switch (RuleEvaluate(tree->root, context))
	{
		case RULE_NEVER:
			RuleAdviseNever(lint, tree, context);
			break;
		case RULE_ALWAYS:
			AdviseAlways(lint, tree, context);
			break;
		case RULE_OPEN:
			AdviseParts(lint, tree, tree->root, context);
			break;
	}
}

static bool
CollectFilters(Node *node, List **calls)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) && ((FuncCall *) node)->agg_filter != NULL &&
		!list_member(*calls, node))
		*calls = lappend(*calls, node);
	return raw_expression_tree_walker(node, CollectFilters, calls);
}

void
RuleAdvise(RuleLint *lint)
{
	List	   *calls = NIL;
	ListCell   *cell;

	AdviseTree(lint, lint->tree);
	(void) CollectFilters(lint->raw, &calls);
	foreach(cell, calls)
	{
		FuncCall   *call = lfirst(cell);
		const char *event = RuleEventOf(lint->space, call);

		if (event != NULL)
			AdviseTree(lint, RuleTreeOfFilter(lint->space, event, call));
	}
}
