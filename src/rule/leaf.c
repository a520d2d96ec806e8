/*
 * leaf.c: a condition as sets of rows.
 *
 * A rule is true, false or unknown of a row. Of each condition the set of rows
 * for which it is true, or the one for which it is false, is built, whichever
 * is needed; NOT only swaps the two, and unknown is what is in neither. So
 * three-valued logic is kept to the letter, without a normal form that could
 * grow.
 *
 * At the leaves stand comparisons of a value with a constant. PostgreSQL's own
 * analysis has chosen operator and collation; where the operator belongs to the
 * default btree family of the value's type, the leaf is a position or a range
 * of positions of that value. All other conditions are evaluated as they are.
 *
 * A value that cannot fail and costs little is eager: a column, or what the
 * list below makes of columns. The others wait until they are asked for.
 */
#include "rule/book.h"

#include "access/nbtree.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

typedef struct ExprEntry
{
	uint32		hash;
	List	   *inputs;			/* of int */
} ExprEntry;

/* A comparison as the matcher can have it. */
typedef struct Comparison
{
	RuleInput  *input;
	int			number;
	Datum		constant;
	StrategyNumber strategy;
	bool		negated;		/* it is true where the strategy is false */
	bool		is_null;		/* the constant is: never true, never false */
} Comparison;

RuleLeaves *
RuleLeavesCreate(int *nodes)
{
	RuleLeaves *leaves = palloc0(sizeof(RuleLeaves));
	HASHCTL		control = {.keysize = sizeof(uint32), .entrysize = sizeof(ExprEntry),
	.hcxt = CurrentMemoryContext};

	leaves->nodes = nodes;
	leaves->by_expr = hash_create("persona inputs", 256, &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return leaves;
}

/* ---- inputs ---- */

/* Equal expressions have the same; equal() tells them from the others. */
static bool
HashNode(Node *node, uint32 *hash)
{
	uint32		own;

	if (node == NULL)
		return false;
	own = nodeTag(node);
	if (IsA(node, Var))
		own = hash_combine(own, ((Var *) node)->varattno);
	else if (IsA(node, OpExpr))
		own = hash_combine(own, ((OpExpr *) node)->opno);
	else if (IsA(node, FuncExpr))
		own = hash_combine(own, ((FuncExpr *) node)->funcid);
	else if (IsA(node, Const) && !((Const *) node)->constisnull)
		own = hash_combine(own, datum_image_hash(((Const *) node)->constvalue,
												 ((Const *) node)->constbyval,
												 ((Const *) node)->constlen));
	*hash = hash_combine(*hash, murmurhash32(own));
	return expression_tree_walker(node, HashNode, hash);
}

/*
 * Functions that no value makes fail, and that cost next to nothing. What is
 * not built in is persona's own now() or ago(): the language has no other.
 */
static bool
IsHarmless(Oid function)
{
	switch (function)
	{
		case F_INT4_INT2:
		case F_INT8_INT2:
		case F_INT8_INT4:
		case F_NUMERIC_INT2:
		case F_NUMERIC_INT4:
		case F_NUMERIC_INT8:
		case F_FLOAT8_INT2:
		case F_FLOAT8_INT4:
		case F_FLOAT8_INT8:
		case F_FLOAT8_FLOAT4:
			return true;
		default:
			return function >= FirstNormalObjectId;
	}
}

/* Whether any part of it may fail or is dear. */
static bool
IsDear(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_RelabelType:
		case T_CoalesceExpr:
		case T_List:
			break;
		case T_FuncExpr:
			if (!IsHarmless(((FuncExpr *) node)->funcid))
				return true;
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, IsDear, arg);
}

bool
RuleIsHarmless(Node *expr)
{
	return !IsDear(expr, NULL);
}

static RuleInput *
MakeInput(RuleInputKind kind, Node *expr, Oid family, Oid cut, Oid collation)
{
	RuleInput  *input = palloc0(sizeof(RuleInput));

	input->kind = kind;
	input->expr = expr;
	input->family = family;
	input->cut = cut;
	input->collation = collation;
	input->lazy = IsDear(expr, NULL);
	if (IsA(expr, Var))
		input->column = ((Var *) expr)->varattno;
	else
		input->state = ExecInitExpr((Expr *) expr, NULL);
	return input;
}

/* The input of that description, made where there is none; its number. */
static int
InputFor(RuleLeaves *leaves, RuleInputKind kind, Node *expr, Oid family,
		 Oid cut, Oid collation)
{
	uint32		hash = kind;
	ExprEntry  *entry;
	bool		found;
	ListCell   *cell;

	(void) HashNode(expr, &hash);
	entry = hash_search(leaves->by_expr, &hash, HASH_ENTER, &found);
	if (!found)
		entry->inputs = NIL;
	foreach(cell, entry->inputs)
	{
		RuleInput  *input = list_nth(leaves->inputs, lfirst_int(cell));

		if (input->kind == kind && input->family == family &&
			input->cut == cut && input->collation == collation &&
			equal(input->expr, expr))
			return lfirst_int(cell);
	}
	Assert(leaves->matcher == NULL);
	leaves->inputs = lappend(leaves->inputs,
							 MakeInput(kind, expr, family, cut, collation));
	entry->inputs = lappend_int(entry->inputs, list_length(leaves->inputs) - 1);
	return list_length(leaves->inputs) - 1;
}

int
RuleInputPosition(const RuleInput *input, Datum value, bool isnull)
{
	if (isnull)
		return MATCHER_NULL;
	switch (input->kind)
	{
		case RULE_INPUT_RANK:
			return RuleRankOf(input->rank, value);
		case RULE_INPUT_TRUTH:
			return DatumGetBool(value);
		default:
			return 0;
	}
}

void
RuleLeavesReady(RuleLeaves *leaves, Matcher *matcher)
{
	ListCell   *cell;

	foreach(cell, leaves->inputs)
	{
		RuleInput  *input = lfirst(cell);
		int			npositions = input->kind == RULE_INPUT_TRUTH ? 2 : 1;

		if (input->kind == RULE_INPUT_RANK)
			npositions = RuleRankReady(input->rank);
		(void) MatcherInput(matcher, npositions, input->lazy);
	}
	leaves->matcher = matcher;
}

/* ---- comparisons ---- */

/* What holds no column stays the same for the whole statement. */
static Node *
Fold(Node *node)
{
	PlannerGlobal global = {.type = T_PlannerGlobal};
	PlannerInfo root = {.type = T_PlannerInfo, .glob = &global};

	if (IsA(node, Const) || contain_var_clause(node) ||
		contain_volatile_functions(node))
		return node;
	return estimate_expression_value(&root, node);
}

/* The operator's place in the family; for <> that of =, negated. */
static StrategyNumber
StrategyOf(Oid operator, Oid family, bool *negated)
{
	StrategyNumber strategy = get_op_opfamily_strategy(operator, family);

	*negated = strategy == InvalidStrategy;
	if (!*negated)
		return strategy;
	operator = get_negator(operator);
	if (OidIsValid(operator) &&
		get_op_opfamily_strategy(operator, family) == BTEqualStrategyNumber)
		return BTEqualStrategyNumber;
	return InvalidStrategy;
}

/* Finds or makes the comparison's input; false where no family has it. */
static bool
CompareIn(RuleLeaves *leaves, Oid operator, Oid collation, Node *value,
		  Comparison *comparison)
{
	Oid			family = lookup_type_cache(exprType(value),
										   TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	Oid			left;
	Oid			right;
	Oid			value_order;
	Oid			cut_order;

	if (!OidIsValid(family))
		return false;
	comparison->strategy = StrategyOf(operator, family, &comparison->negated);
	op_input_types(operator, &left, &right);
	value_order = get_opfamily_proc(family, left, right, BTORDER_PROC);
	cut_order = get_opfamily_proc(family, right, right, BTORDER_PROC);
	if (comparison->strategy == InvalidStrategy || !OidIsValid(value_order) ||
		!OidIsValid(cut_order))
		return false;
	comparison->number = InputFor(leaves, RULE_INPUT_RANK, value, family, right,
								  collation);
	comparison->input = list_nth(leaves->inputs, comparison->number);
	if (comparison->input->rank == NULL)
		comparison->input->rank = RuleRankCreate(left, right, value_order,
												 cut_order, collation);
	return true;
}

/* Whether `a operator b` is a comparison with a constant, and which. */
static bool
ReadComparison(RuleLeaves *leaves, Oid operator, Oid collation, Node *a,
			   Node *b, Comparison *comparison)
{
	Node	   *constant = Fold(b);

	if (!IsA(constant, Const))
	{
		constant = Fold(a);
		a = b;
		operator = get_commutator(operator);
	}
	if (!IsA(constant, Const) || IsA(a, Const) || !OidIsValid(operator))
		return false;
	comparison->is_null = ((Const *) constant)->constisnull;
	comparison->constant = ((Const *) constant)->constvalue;
	return CompareIn(leaves, operator, collation, a, comparison);
}

/* The rows for which the strategy holds, without its negation. */
static int
Hold(RuleLeaves *leaves, const Comparison *comparison, bool *negated)
{
	StrategyNumber strategy = comparison->strategy;
	int			position = RuleRankOfCut(comparison->input->rank,
										 comparison->constant);
	bool		opposite = strategy == BTGreaterStrategyNumber ||
	strategy == BTGreaterEqualStrategyNumber;

	*negated = comparison->negated != opposite;
	if (strategy == BTEqualStrategyNumber)
		return MatcherAt(leaves->matcher, comparison->number, position);
	if (strategy == BTLessStrategyNumber ||
		strategy == BTGreaterEqualStrategyNumber)
		position--;
	return MatcherUpTo(leaves->matcher, comparison->number, position);
}

static int
BuildComparison(RuleLeaves *leaves, const Comparison *comparison, bool want)
{
	Matcher    *matcher = leaves->matcher;
	bool		negated;
	int			node;

	if (comparison->is_null)
		return MATCHER_NONE;
	if (matcher == NULL)
	{
		RuleRankAdd(comparison->input->rank, comparison->constant,
					comparison->strategy != BTEqualStrategyNumber);
		return MATCHER_NONE;
	}
	node = Hold(leaves, comparison, &negated);
	if (negated != want)
		return node;
	return MatcherAnd(matcher, MatcherKnown(matcher, comparison->number),
					  MatcherNot(matcher, node));
}

/* ---- combinations ---- */

static int
ByNumber(const ListCell *a, const ListCell *b)
{
	return lfirst_int(a) - lfirst_int(b);
}

/*
 * All or any of the nodes: first what is there already, in an order of its
 * own so that rules share more of it, then what must be asked for, as written.
 */
static int
Combine(RuleLeaves *leaves, List *nodes, bool all)
{
	Matcher    *matcher = leaves->matcher;
	List	   *eager = NIL;
	List	   *lazy = NIL;
	int			node = all ? MATCHER_ALL : MATCHER_NONE;
	ListCell   *cell;

	if (matcher == NULL)
		return MATCHER_NONE;
	foreach(cell, nodes)
	{
		if (MatcherIsLazy(matcher, lfirst_int(cell)))
			lazy = lappend_int(lazy, lfirst_int(cell));
		else
			eager = lappend_int(eager, lfirst_int(cell));
	}
	list_sort(eager, ByNumber);
	foreach(cell, list_concat(eager, lazy))
		node = all ? MatcherAnd(matcher, node, lfirst_int(cell)) :
			MatcherOr(matcher, node, lfirst_int(cell));
	return node;
}

static int
BuildBool(RuleLeaves *leaves, BoolExpr *expr, bool want)
{
	List	   *nodes = NIL;
	ListCell   *cell;

	if (expr->boolop == NOT_EXPR)
		return RuleLeavesBuild(leaves, linitial(expr->args), !want);
	foreach(cell, expr->args)
		nodes = lappend_int(nodes, RuleLeavesBuild(leaves, lfirst(cell), want));
	return Combine(leaves, nodes, (expr->boolop == AND_EXPR) == want);
}

static int
Opposite(RuleLeaves *leaves, int node)
{
	return leaves->matcher ? MatcherNot(leaves->matcher, node) : MATCHER_NONE;
}

/* Where the condition is neither true nor false. */
static int
BuildUnknown(RuleLeaves *leaves, Node *condition)
{
	int			is_true = RuleLeavesBuild(leaves, condition, true);
	int			is_false = RuleLeavesBuild(leaves, condition, false);

	return Opposite(leaves, Combine(leaves, list_make2_int(is_true, is_false),
									false));
}

/* Tests are true or false, whatever they are of. */
static int
BuildTest(RuleLeaves *leaves, BooleanTest *test, bool want)
{
	Node	   *arg = (Node *) test->arg;
	int			node;

	switch (test->booltesttype)
	{
		case IS_NOT_TRUE:
			want = !want;
			/* FALLTHROUGH */
		case IS_TRUE:
			node = RuleLeavesBuild(leaves, arg, true);
			break;
		case IS_NOT_FALSE:
			want = !want;
			/* FALLTHROUGH */
		case IS_FALSE:
			node = RuleLeavesBuild(leaves, arg, false);
			break;
		case IS_NOT_UNKNOWN:
			want = !want;
			/* FALLTHROUGH */
		default:
			node = BuildUnknown(leaves, arg);
	}
	return want ? node : Opposite(leaves, node);
}

static int
BuildNullTest(RuleLeaves *leaves, NullTest *test, bool want)
{
	Node	   *arg = (Node *) test->arg;
	bool		is_null = (test->nulltesttype == IS_NULL) == want;
	int			number;
	int			known;

	if (exprType(arg) == BOOLOID)
	{
		int			unknown = BuildUnknown(leaves, arg);

		return is_null ? unknown : Opposite(leaves, unknown);
	}
	number = InputFor(leaves, RULE_INPUT_THERE, arg, InvalidOid, InvalidOid,
					  InvalidOid);
	if (leaves->matcher == NULL)
		return MATCHER_NONE;
	known = MatcherKnown(leaves->matcher, number);
	return is_null ? MatcherNot(leaves->matcher, known) : known;
}

/* ---- leaves ---- */

/* Evaluated as it stands. */
static int
BuildTruth(RuleLeaves *leaves, Node *condition, bool want)
{
	int			number = InputFor(leaves, RULE_INPUT_TRUTH, condition,
								  InvalidOid, InvalidOid, InvalidOid);

	return leaves->matcher ? MatcherAt(leaves->matcher, number, want) :
		MATCHER_NONE;
}

static int
BuildOperator(RuleLeaves *leaves, OpExpr *expr, bool want)
{
	Comparison	comparison;

	if (list_length(expr->args) == 2 &&
		ReadComparison(leaves, expr->opno, expr->inputcollid,
					   linitial(expr->args), lsecond(expr->args), &comparison))
		return BuildComparison(leaves, &comparison, want);
	return BuildTruth(leaves, (Node *) expr, want);
}

/* x IS DISTINCT FROM a constant: not at its position, NULL included. */
static int
BuildDistinct(RuleLeaves *leaves, DistinctExpr *expr, bool want)
{
	Comparison	comparison;
	int			equal;

	if (!ReadComparison(leaves, expr->opno, expr->inputcollid,
						linitial(expr->args), lsecond(expr->args), &comparison) ||
		comparison.is_null)
		return BuildTruth(leaves, (Node *) expr, want);
	equal = BuildComparison(leaves, &comparison, true);
	return want ? Opposite(leaves, equal) : equal;
}

/* x IN (...), x <> ALL (...), x < ANY (...): each of the array's constants. */
static int
BuildArray(RuleLeaves *leaves, ScalarArrayOpExpr *expr, bool want)
{
	Const	   *array = (Const *) Fold(lsecond(expr->args));
	Comparison	comparison = {0};
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	List	   *nodes = NIL;
	ArrayType  *values;
	int16		length;
	bool		by_value;
	char		align;

	if (!IsA(array, Const) || array->constisnull ||
		IsA(linitial(expr->args), Const) ||
		!CompareIn(leaves, expr->opno, expr->inputcollid, linitial(expr->args),
				   &comparison))
		return BuildTruth(leaves, (Node *) expr, want);
	values = DatumGetArrayTypeP(array->constvalue);
	get_typlenbyvalalign(ARR_ELEMTYPE(values), &length, &by_value, &align);
	deconstruct_array(values, ARR_ELEMTYPE(values), length, by_value, align,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		comparison.constant = elements[i];
		comparison.is_null = nulls[i];
		nodes = lappend_int(nodes, BuildComparison(leaves, &comparison, want));
	}
	return Combine(leaves, nodes, expr->useOr != want);
}

int
RuleLeavesBuild(RuleLeaves *leaves, Node *condition, bool want)
{
	check_stack_depth();
	switch (nodeTag(condition))
	{
		case T_Const:
			if (((Const *) condition)->constisnull ||
				DatumGetBool(((Const *) condition)->constvalue) != want)
				return MATCHER_NONE;
			return MATCHER_ALL;
		case T_Param:
			{
				int			node = leaves->nodes[((Param *) condition)->paramid - 1];

				return want ? node : Opposite(leaves, node);
			}
		case T_BoolExpr:
			return BuildBool(leaves, (BoolExpr *) condition, want);
		case T_BooleanTest:
			return BuildTest(leaves, (BooleanTest *) condition, want);
		case T_NullTest:
			return BuildNullTest(leaves, (NullTest *) condition, want);
		case T_OpExpr:
			return BuildOperator(leaves, (OpExpr *) condition, want);
		case T_DistinctExpr:
			return BuildDistinct(leaves, (DistinctExpr *) condition, want);
		case T_ScalarArrayOpExpr:
			return BuildArray(leaves, (ScalarArrayOpExpr *) condition, want);
		default:
			return BuildTruth(leaves, condition, want);
	}
}
