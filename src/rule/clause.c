/*
 * clause.c: a rule as a tree of clauses, each a set of values of one term.
 *
 * The raw tree says how the rule is written, PostgreSQL's analysis of it which
 * types are compared; both have the same ANDs and ORs, so they are walked side
 * by side. NOT and IS TRUE are pushed down: each node is built for what it is
 * wanted to be. What is no comparison with a constant is a term of its own, of
 * which nothing is known but that it is true, false or NULL.
 */
#include "rule/lint.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/builtins.h"

/* What a condition has to be. */
typedef enum
{
	WANT_TRUE, WANT_FALSE, WANT_NOT_TRUE, WANT_NOT_FALSE
} Want;

/* What a clause is when its term is NULL. */
typedef enum
{
	NULL_IS_TRUE, NULL_IS_FALSE, NULL_IS_UNKNOWN
} OfNull;

static RulePart *Build(RuleTree *tree, Node *raw, Node *expr, Want want,
					   Node *outer);

/* ---- clauses ---- */

static RulePart *
Part(RuleShape shape, Node *raw)
{
	RulePart   *part = palloc0(sizeof(RulePart));

	part->shape = shape;
	part->raw = raw;
	return part;
}

static RulePart *
Fixed(Node *raw, bool holds)
{
	RulePart   *part = Part(RULE_FIXED, raw);

	part->fixed = holds;
	return part;
}

/* The clause that is true on `yes`, false on the other values. */
static RulePart *
Clause(Node *outer, RuleTerm *term, RuleRegion *yes, OfNull of_null, Want want)
{
	RulePart   *part = Part(RULE_CLAUSE, outer);
	bool		negated = want == WANT_FALSE || want == WANT_NOT_TRUE;
	bool		null = want == WANT_TRUE ? of_null == NULL_IS_TRUE :
	want == WANT_FALSE ? of_null == NULL_IS_FALSE :
	want == WANT_NOT_TRUE ? of_null != NULL_IS_TRUE :
	of_null != NULL_IS_FALSE;

	part->term = term;
	part->terms = bms_make_singleton(term->number);
	part->region = RuleRegionNot(yes, null);
	part->region->below = yes->below != negated;
	return part;
}

/* Something that is true, false or NULL, and of which no more is known. */
static RulePart *
Opaque(RuleTree *tree, Node *raw, Node *expr, Want want, Node *outer)
{
	RuleTerm   *term = RuleTermOf(tree, raw, expr, false);

	RuleGiveTruth(term);
	return Clause(outer, term, RuleRegionOf(term, "=", Int64GetDatum(1)),
				  NULL_IS_UNKNOWN, want);
}

static RulePart *
BuildList(RuleTree *tree, A_Expr *raw, Node *expr, Want want, Node *outer)
{
	ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) expr;
	bool		all = strcmp(RuleName(raw->name), "<>") == 0;
	RuleTerm   *term;
	RuleRegion *region = NULL;
	bool		has_null = false;

	if (IsA(op, ScalarArrayOpExpr) && op->useOr != all &&
		(all || strcmp(RuleName(raw->name), "=") == 0))
		region = RuleListed(tree, raw->lexpr, op, &term, &has_null);
	else if (IsA(expr, OpExpr) && raw->kind == AEXPR_IN)
		region = RuleCompared(tree, raw->lexpr, linitial((List *) raw->rexpr),
							  (OpExpr *) expr, "=", &term);
	/* A value that is not in a list with a NULL is neither in it nor not. */
	if (region == NULL || has_null)
		return Opaque(tree, (Node *) raw, expr, want, outer);
	return Clause(outer, term, all ? RuleRegionNot(region, false) : region,
				  NULL_IS_UNKNOWN, want);
}

/* BETWEEN is two comparisons of one term. */
static RulePart *
BuildBetween(RuleTree *tree, A_Expr *raw, Node *expr, Want want, Node *outer)
{
	bool		negated = raw->kind == AEXPR_NOT_BETWEEN;
	BoolExpr   *both = (BoolExpr *) expr;
	RuleTerm   *term;
	RuleRegion *low = NULL;
	RuleRegion *high = NULL;

	if (IsA(both, BoolExpr) && list_length(both->args) == 2 &&
		IsA(linitial(both->args), OpExpr) && IsA(lsecond(both->args), OpExpr))
	{
		low = RuleCompared(tree, raw->lexpr, raw->lexpr, linitial(both->args),
						   negated ? "<" : ">=", &term);
		high = RuleCompared(tree, raw->lexpr, raw->lexpr, lsecond(both->args),
							negated ? ">" : "<=", &term);
	}
	if (low == NULL || high == NULL)
		return Opaque(tree, (Node *) raw, expr, want, outer);
	return Clause(outer, term, negated ? RuleRegionOr(term, low, high) :
				  RuleRegionAnd(term, low, high), NULL_IS_UNKNOWN, want);
}

/* IS [NOT] DISTINCT FROM a constant. */
static RulePart *
BuildDistinct(RuleTree *tree, A_Expr *raw, Node *expr, Want want, Node *outer)
{
	bool		differs = raw->kind == AEXPR_DISTINCT;
	RuleTerm   *term;
	RuleRegion *region = NULL;

	if (IsA(expr, BoolExpr))
		expr = linitial(((BoolExpr *) expr)->args);
	if (IsA(expr, DistinctExpr))
		region = RuleCompared(tree, raw->lexpr, raw->rexpr, (OpExpr *) expr, "=",
							  &term);
	if (region == NULL)
		return Opaque(tree, (Node *) raw, expr, want, outer);
	return Clause(outer, term, differs ? RuleRegionNot(region, false) : region,
				  differs ? NULL_IS_TRUE : NULL_IS_FALSE, want);
}

static RulePart *
BuildOperator(RuleTree *tree, A_Expr *raw, Node *expr, Want want, Node *outer)
{
	RuleTerm   *term;
	RuleRegion *region = NULL;

	switch (raw->kind)
	{
		case AEXPR_IN:
			tree->lists = lappend(tree->lists, raw);
			return BuildList(tree, raw, expr, want, outer);
		case AEXPR_OP_ANY:
		case AEXPR_OP_ALL:
			return BuildList(tree, raw, expr, want, outer);
		case AEXPR_BETWEEN:
		case AEXPR_NOT_BETWEEN:
			return BuildBetween(tree, raw, expr, want, outer);
		case AEXPR_DISTINCT:
		case AEXPR_NOT_DISTINCT:
			return BuildDistinct(tree, raw, expr, want, outer);
		case AEXPR_OP:
			if (raw->lexpr != NULL && IsA(expr, OpExpr))
				region = RuleCompared(tree, raw->lexpr, raw->rexpr, (OpExpr *) expr,
									  RuleName(raw->name), &term);
			break;
		default:
			break;
	}
	if (region == NULL)
		return Opaque(tree, (Node *) raw, expr, want, outer);
	return Clause(outer, term, region, NULL_IS_UNKNOWN, want);
}

/* Comparisons with NULL, which are never true, are kept for advice.c. */
static void
NoteNull(RuleTree *tree, Node *raw)
{
	A_Expr	   *op = (A_Expr *) raw;
	ListCell   *cell;

	if (!IsA(raw, A_Expr))
		return;
	if (op->kind == AEXPR_OP && RuleIsComparison(RuleName(op->name)) &&
		op->lexpr != NULL && (RuleIsNull(op->lexpr) || RuleIsNull(op->rexpr)))
		tree->nulls = lappend(tree->nulls, raw);
	if (op->kind == AEXPR_IN)
		foreach(cell, (List *) op->rexpr)
			if (RuleIsNull(lfirst(cell)))
			{
				tree->nulls = lappend(tree->nulls, raw);
				break;
			}
}

static RulePart *
BuildConstant(Const *constant, Want want, Node *outer)
{
	bool		is_true = !constant->constisnull &&
	DatumGetBool(constant->constvalue);
	bool		is_false = !constant->constisnull && !is_true;

	return Fixed(outer, want == WANT_TRUE ? is_true :
				 want == WANT_FALSE ? is_false :
				 want == WANT_NOT_TRUE ? !is_true : !is_false);
}

static RulePart *
BuildLeaf(RuleTree *tree, Node *raw, Node *expr, Want want, Node *outer)
{
	Node	   *folded = RuleFolded(expr);
	NullTest   *test = (NullTest *) raw;

	NoteNull(tree, raw);
	if (IsA(folded, Const))
		return BuildConstant((Const *) folded, want, outer);
	if (IsA(raw, NullTest) && IsA(expr, NullTest))
		return Clause(outer, RuleTermOf(tree, (Node *) test->arg,
										(Node *) ((NullTest *) expr)->arg, false),
					  RuleRegionAll(test->nulltesttype == IS_NOT_NULL, false),
					  test->nulltesttype == IS_NULL ? NULL_IS_TRUE :
					  NULL_IS_FALSE, want);
	if (IsA(raw, A_Expr))
		return BuildOperator(tree, (A_Expr *) raw, expr, want, outer);
	return Opaque(tree, raw, expr, want, outer);
}

/* ---- AND, OR, NOT, IS TRUE ---- */

static RulePart *
BuildParts(RuleTree *tree, BoolExpr *raw, BoolExpr *expr, Want want,
		   Node *outer)
{
	bool		negated = want == WANT_FALSE || want == WANT_NOT_TRUE;
	RulePart   *part = Part((raw->boolop == AND_EXPR) != negated ?
							RULE_EVERY : RULE_SOME, outer);

	part->parts = palloc(list_length(raw->args) * sizeof(RulePart *));
	for (int i = 0; i < list_length(raw->args); i++)
	{
		RulePart   *child = Build(tree, list_nth(raw->args, i),
								  list_nth(expr->args, i), want,
								  list_nth(raw->args, i));

		part->parts[part->n++] = child;
		part->terms = bms_add_members(part->terms, child->terms);
	}
	return part;
}

/* NOT turns what is wanted of its argument; so do the tests for truth. */
static bool
Pushed(Node *raw, Want *want)
{
	static const Want negated[] = {
		[WANT_TRUE] = WANT_FALSE,[WANT_FALSE] = WANT_TRUE,
		[WANT_NOT_TRUE] = WANT_NOT_FALSE,[WANT_NOT_FALSE] = WANT_NOT_TRUE
	};
	bool		holds = *want == WANT_TRUE || *want == WANT_NOT_FALSE;

	if (IsA(raw, BoolExpr) && ((BoolExpr *) raw)->boolop == NOT_EXPR)
	{
		*want = negated[*want];
		return true;
	}
	if (!IsA(raw, BooleanTest))
		return false;
	switch (((BooleanTest *) raw)->booltesttype)
	{
		case IS_TRUE:
			*want = holds ? WANT_TRUE : WANT_NOT_TRUE;
			return true;
		case IS_NOT_TRUE:
			*want = holds ? WANT_NOT_TRUE : WANT_TRUE;
			return true;
		case IS_FALSE:
			*want = holds ? WANT_FALSE : WANT_NOT_FALSE;
			return true;
		case IS_NOT_FALSE:
			*want = holds ? WANT_NOT_FALSE : WANT_FALSE;
			return true;
		default:
			return false;
	}
}

/* `outer` is the node with the NOTs around it: what a reader sees. */
static RulePart *
Build(RuleTree *tree, Node *raw, Node *expr, Want want, Node *outer)
{
	check_stack_depth();
	if (nodeTag(raw) == nodeTag(expr) && Pushed(raw, &want))
		return IsA(raw, BoolExpr) ?
			Build(tree, linitial(((BoolExpr *) raw)->args),
				  linitial(((BoolExpr *) expr)->args), want, outer) :
			Build(tree, (Node *) ((BooleanTest *) raw)->arg,
				  (Node *) ((BooleanTest *) expr)->arg, want, outer);
	if (IsA(raw, BoolExpr) && IsA(expr, BoolExpr) &&
		((BoolExpr *) raw)->boolop == ((BoolExpr *) expr)->boolop &&
		list_length(((BoolExpr *) raw)->args) ==
		list_length(((BoolExpr *) expr)->args))
		return BuildParts(tree, (BoolExpr *) raw, (BoolExpr *) expr, want, outer);
	return BuildLeaf(tree, raw, expr, want, outer);
}

/* ---- the whole ---- */

static Query *
Compiled(const Space *space, const char *text)
{
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_LATERAL);
	Oid			type;
	char	   *condition = RuleQueryAdd(query, text, BOOLOID, "rule", &type);
	char	   *sql = psprintf("SELECT %s FROM %s s%s", condition,
							   PersonaRelationName(space->relid),
							   RuleQueryJoins(query));

	return parse_analyze_fixedparams(linitial(raw_parser(sql, RAW_PARSE_DEFAULT)),
									 sql, NULL, 0, NULL);
}

RuleTree *
RuleTreeOf(const Space *space, const char *text, Node *raw, RuleTree *terms_of)
{
	RuleTree   *tree = palloc0(sizeof(RuleTree));
	Query	   *query = Compiled(space, text);
	TargetEntry *target = linitial_node(TargetEntry, query->targetList);

	if (terms_of != NULL)
		tree->terms = terms_of->terms;
	tree->rtable = query->rtable;
	tree->root = Build(tree, raw, (Node *) target->expr, WANT_TRUE, raw);
	if (terms_of != NULL)
		terms_of->terms = tree->terms;
	return tree;
}

RuleTree *
RuleTreeOfFilter(const Space *space, const char *event, FuncCall *call)
{
	RuleTree   *tree = palloc0(sizeof(RuleTree));
	Query	   *query = RuleFilterQuery(space, SpaceFindEvent(space, event),
										call->agg_filter);
	TargetEntry *target = linitial_node(TargetEntry, query->targetList);

	tree->call = call;
	tree->rtable = query->rtable;
	tree->root = Build(tree, call->agg_filter, (Node *) target->expr,
					   WANT_TRUE, call->agg_filter);
	return tree;
}
