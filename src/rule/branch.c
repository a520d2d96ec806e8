/*
 * branch.c: the boolean structure of a rule, and three-valued logic over it.
 *
 * Leaves are answered by PostgreSQL; AND, OR and NOT are answered here from
 * how many of their parts are false, unknown and true. With these counts at
 * hand it costs one step a level, not a look at the whole rule, to say what
 * the rule would be if one part of it were otherwise.
 */
#include "rule/branch.h"

#include "miscadmin.h"

typedef struct Walk
{
	const Space *space;			/* NULL: segments stay closed */
	List	   *branches;
} Walk;

static void Add(Walk *walk, Node *node, RuleBranch *parent, int place);

/* ---- from the raw tree ---- */

static RuleBranchKind
KindOf(Node *node)
{
	if (!IsA(node, BoolExpr))
		return RULE_LEAF;
	switch (((BoolExpr *) node)->boolop)
	{
		case AND_EXPR:
			return RULE_AND;
		case OR_EXPR:
			return RULE_OR;
		default:
			return RULE_NOT;
	}
}

/* The rule of the segment that the clause is about, or NULL. */
static char *
SegmentRule(const Space *space, Node *node)
{
	FuncCall   *call = (FuncCall *) node;
	Node	   *arg;

	if (space == NULL || !IsA(node, FuncCall) ||
		list_length(call->funcname) != 1 || list_length(call->args) != 1 ||
		strcmp(strVal(linitial(call->funcname)), "segment") != 0)
		return NULL;
	arg = linitial(call->args);
	if (IsA(arg, ColumnRef))
		return SpaceSegmentRule(space, strVal(linitial(((ColumnRef *) arg)->fields)));
	return SpaceSegmentRule(space, strVal(&((A_Const *) arg)->val));
}

static void
AddParts(Walk *walk, RuleBranch *branch)
{
	char	   *rule = SegmentRule(walk->space, branch->node);
	int			place = 1;
	ListCell   *cell;

	if (rule != NULL)
	{
		branch->kind = RULE_SEGMENT;
		Add(walk, RuleParse(rule), branch, 1);
	}
	else if (branch->kind != RULE_LEAF)
		foreach(cell, ((BoolExpr *) branch->node)->args)
			Add(walk, lfirst(cell), branch, place++);
}

static void
Add(Walk *walk, Node *node, RuleBranch *parent, int place)
{
	RuleBranch *branch = palloc0(sizeof(RuleBranch));

	check_stack_depth();
	if (list_length(walk->branches) >= RULE_MAX_NODES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the rule and the segments in it have more than %d clauses",
						RULE_MAX_NODES),
				 errhint("Ask about one of its segments instead.")));
	branch->kind = KindOf(node);
	branch->node = node;
	branch->number = list_length(walk->branches);
	branch->path = parent ? psprintf("%s.%d", parent->path, place) : "1";
	branch->text = RuleDeparse(node);
	branch->parent = parent;
	walk->branches = lappend(walk->branches, branch);
	AddParts(walk, branch);
}

List *
RuleBranches(const char *text, const Space *space)
{
	Walk		walk = {.space = space};

	Add(&walk, RuleParse(text), NULL, 1);
	return walk.branches;
}

/* ---- three-valued logic ---- */

/* What a branch answers of whose parts that many are false, unknown, true. */
static RuleAnswer
Combine(RuleBranchKind kind, const int *answers)
{
	RuleAnswer	open = answers[RULE_UNKNOWN] > 0 ? RULE_UNKNOWN : RULE_FALSE;

	switch (kind)
	{
		case RULE_AND:
			return answers[RULE_FALSE] > 0 ? RULE_FALSE :
				answers[RULE_UNKNOWN] > 0 ? RULE_UNKNOWN : RULE_TRUE;
		case RULE_OR:
			return answers[RULE_TRUE] > 0 ? RULE_TRUE : open;
		case RULE_NOT:
			return answers[RULE_FALSE] > 0 ? RULE_TRUE : open;
		default:
			/* Who is not known to be a member is not one. */
			return answers[RULE_TRUE] > 0 ? RULE_TRUE : RULE_FALSE;
	}
}

void
RuleAnswerBranches(List *branches)
{
	ListCell   *cell;

	foreach(cell, branches)
		memset(((RuleBranch *) lfirst(cell))->answers, 0, sizeof(int[3]));
	/* Parts stand behind their branch. */
	for (int i = list_length(branches) - 1; i >= 0; i--)
	{
		RuleBranch *branch = list_nth(branches, i);

		if (branch->kind != RULE_LEAF)
			branch->answer = Combine(branch->kind, branch->answers);
		if (branch->parent != NULL)
			branch->parent->answers[branch->answer]++;
	}
}

RuleAnswer
RuleSwapped(const RuleBranch *branch)
{
	Assert(branch->kind == RULE_AND || branch->kind == RULE_OR);
	return Combine(branch->kind == RULE_AND ? RULE_OR : RULE_AND,
				   branch->answers);
}

RuleAnswer
RuleRevised(const RuleBranch *branch, RuleAnswer answer)
{
	while (branch->parent != NULL && answer != branch->answer)
	{
		int			answers[3];

		memcpy(answers, branch->parent->answers, sizeof(answers));
		answers[branch->answer]--;
		if (answer != RULE_ABSENT)
			answers[answer]++;
		branch = branch->parent;
		answer = Combine(branch->kind, answers);
	}
	while (branch->parent != NULL)
	{
		branch = branch->parent;
		answer = branch->answer;
	}
	return answer;
}

char *
RuleSwappedText(const RuleBranch *branch)
{
	BoolExpr	swapped = *(BoolExpr *) branch->node;

	swapped.boolop = branch->kind == RULE_AND ? OR_EXPR : AND_EXPR;
	return RuleDeparse((Node *) &swapped);
}
