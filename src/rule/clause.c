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

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

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

const char *
RuleName(List *names)
{
	return strVal(llast(names));
}

bool
RuleIsNull(Node *node)
{
	while (node != NULL && IsA(node, TypeCast))
		node = ((TypeCast *) node)->arg;
	return node != NULL && IsA(node, A_Const) && ((A_Const *) node)->isnull;
}

/* ---- terms ---- */

bool
RuleIsNotNull(Oid relid, AttrNumber number)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										Int16GetDatum(number));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
	ReleaseSysCache(tuple);
	return result;
}

/* Whether it is a column of the first table, and holds no NULL. */
static bool
IsNeverNull(RuleTree *tree, Node *expr)
{
	Var		   *var = (Var *) expr;
	RangeTblEntry *source;

	if (expr == NULL || !IsA(expr, Var) || var->varno != 1)
		return false;
	source = linitial_node(RangeTblEntry, tree->rtable);
	return source->rtekind == RTE_RELATION &&
		RuleIsNotNull(source->relid, var->varattno);
}

static bool
IsCount(Node *raw)
{
	return IsA(raw, FuncCall) &&
		strcmp(RuleName(((FuncCall *) raw)->funcname), "count") == 0;
}

static void
GiveKind(RuleTerm *term, Oid kind)
{
	term->kind = kind;
	term->compare = &lookup_type_cache(kind, TYPECACHE_CMP_PROC_FINFO)->cmp_proc_finfo;
}

static RuleTerm *
Term(RuleTree *tree, Node *raw, Node *expr, bool moving)
{
	char	   *text = RuleDeparse(raw);
	RuleTerm   *term;
	ListCell   *cell;

	foreach(cell, tree->terms)
	{
		term = lfirst(cell);
		if (term->moving == moving && strcmp(term->text, text) == 0)
			return term;
	}
	term = palloc0(sizeof(RuleTerm));
	term->number = list_length(tree->terms);
	term->text = text;
	term->moving = moving;
	term->domain = RuleRegionAll(true, !IsNeverNull(tree, expr));
	if (IsCount(raw))
	{
		GiveKind(term, INT8OID);
		term->domain = RuleRegionOf(term, ">=", Int64GetDatum(0));
	}
	tree->terms = lappend(tree->terms, term);
	return term;
}

/* A term that is true or false is 1 or 0. */
static void
GiveTruth(RuleTerm *term)
{
	bool		null = term->domain->null;
	Datum		both[] = {Int64GetDatum(0), Int64GetDatum(1)};

	if (term->kind != InvalidOid)
		return;
	GiveKind(term, INT8OID);
	term->domain = RuleRegionPoints(term, both, 2);
	term->domain->null = null;
}

/* ---- constants ---- */

static Node *
Folded(Node *expr)
{
	return eval_const_expressions(NULL, copyObject(expr));
}

static bool
IsNow(Node *expr)
{
	return IsA(expr, FuncExpr) && ((FuncExpr *) expr)->args == NIL &&
		exprType(expr) == TIMESTAMPTZOID;
}

/*
 * The constant that an expression is, or for now() and days or hours around
 * it is at present: such times keep their order while time goes by. Months
 * differ in length. NULL where it is neither.
 */
static Const *
ConstantOf(Node *expr, bool *moving)
{
	Node	   *folded = Folded(expr);
	OpExpr	   *op = (OpExpr *) folded;
	Const	   *offset;

	*moving = !IsA(folded, Const);
	if (!*moving)
		return (Const *) folded;
	if (IsA(op, OpExpr) && (op->opfuncid == F_TIMESTAMPTZ_MI_INTERVAL ||
							op->opfuncid == F_TIMESTAMPTZ_PL_INTERVAL))
	{
		offset = lsecond(op->args);
		if (!IsNow(linitial(op->args)) || !IsA(offset, Const) ||
			offset->constisnull ||
			DatumGetIntervalP(offset->constvalue)->month != 0)
			return NULL;
	}
	else if (!IsNow(folded))
		return NULL;
	folded = (Node *) evaluate_expr((Expr *) folded, TIMESTAMPTZOID, -1,
									InvalidOid);
	return (Const *) folded;
}

/* The type in which values are compared; InvalidOid: not by us. */
static Oid
KindOf(Oid type)
{
	type = getBaseType(type);
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return INT8OID;
		case VARCHAROID:
		case TEXTOID:
			return TEXTOID;
		case BPCHAROID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case UUIDOID:
			return type;
		default:
			return get_typtype(type) == TYPTYPE_ENUM ? type : InvalidOid;
	}
}

static Datum
ValueOf(Oid type, Datum value)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
			return Int64GetDatum(DatumGetBool(value));
		case INT2OID:
			return Int64GetDatum(DatumGetInt16(value));
		case INT4OID:
			return Int64GetDatum(DatumGetInt32(value));
		default:
			return value;
	}
}

/*
 * Whether term and constants of these types are compared as one kind, which
 * then is the term's. Texts only for being equal, unless bytes decide.
 */
static bool
Agree(RuleTerm *term, Oid type, Oid constant, Oid collation, bool equality)
{
	Oid			kind = KindOf(constant);

	/* A time before a day is one before its midnight, wherever that is. */
	if (kind == InvalidOid ||
		(kind != KindOf(type) &&
		 !(kind == DATEOID && (type == TIMESTAMPOID || type == TIMESTAMPTZOID))))
		return false;
	if ((kind == TEXTOID || kind == BPCHAROID) &&
		collation != C_COLLATION_OID &&
		!(equality && get_collation_isdeterministic(collation)))
		return false;
	if (term->kind == InvalidOid && getBaseType(type) == BOOLOID)
		GiveTruth(term);
	if (term->kind == InvalidOid)
		GiveKind(term, kind);
	return term->kind == kind;
}

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
	RuleTerm   *term = Term(tree, raw, expr, false);

	GiveTruth(term);
	return Clause(outer, term, RuleRegionOf(term, "=", Int64GetDatum(1)),
				  NULL_IS_UNKNOWN, want);
}

static const char *
Commuted(const char *op)
{
	return strcmp(op, "<") == 0 ? ">" : strcmp(op, "<=") == 0 ? ">=" :
		strcmp(op, ">") == 0 ? "<" : strcmp(op, ">=") == 0 ? "<=" : op;
}

static bool
IsComparison(const char *op)
{
	return strcmp(op, "=") == 0 || strcmp(op, "<>") == 0 ||
		strcmp(op, "<") == 0 || strcmp(op, "<=") == 0 ||
		strcmp(op, ">") == 0 || strcmp(op, ">=") == 0;
}

/*
 * The set of `term op constant`, for the two arguments of an operator;
 * NULL where it is not that.
 */
static RuleRegion *
Compared(RuleTree *tree, Node *left, Node *right, OpExpr *op, const char *name,
		 RuleTerm **term)
{
	Node	   *l = linitial(op->args);
	Node	   *r = lsecond(op->args);
	bool		moving;
	Const	   *constant = ConstantOf(r, &moving);
	bool		equality = name[0] == '=' || strcmp(name, "<>") == 0;

	if (!IsComparison(name))
		return NULL;
	if (constant == NULL)
	{
		constant = ConstantOf(l, &moving);
		l = r;
		left = right;
		name = Commuted(name);
	}
	if (constant == NULL || constant->constisnull)
		return NULL;
	*term = Term(tree, left, l, moving);
	if (!Agree(*term, exprType(l), constant->consttype, op->inputcollid,
			   equality))
		return NULL;
	if (strcmp(name, "<>") == 0)
		return RuleRegionNot(RuleRegionOf(*term, "=",
										  ValueOf(constant->consttype,
												  constant->constvalue)), false);
	return RuleRegionOf(*term, name, ValueOf(constant->consttype,
											 constant->constvalue));
}

/* The set of `term IN (constants)`; NULL where it is not that. */
static RuleRegion *
Listed(RuleTree *tree, Node *left, ScalarArrayOpExpr *op, RuleTerm **term,
	   bool *has_null)
{
	Const	   *list = (Const *) Folded(lsecond(op->args));
	Oid			element;
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			kept = 0;

	if (!IsA(list, Const) || list->constisnull)
		return NULL;
	element = get_element_type(list->consttype);
	*term = Term(tree, left, linitial(op->args), false);
	if (!OidIsValid(element) ||
		!Agree(*term, exprType(linitial(op->args)), element, op->inputcollid,
			   true))
		return NULL;
	get_typlenbyvalalign(element, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(list->constvalue), element, length,
					  by_value, align, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			values[kept++] = ValueOf(element, values[i]);
	*has_null = kept < n;
	return RuleRegionPoints(*term, values, kept);
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
		region = Listed(tree, raw->lexpr, op, &term, &has_null);
	else if (IsA(expr, OpExpr) && raw->kind == AEXPR_IN)
	{
		region = Compared(tree, raw->lexpr, linitial((List *) raw->rexpr),
						  (OpExpr *) expr, "=", &term);
	}
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
		low = Compared(tree, raw->lexpr, raw->lexpr, linitial(both->args),
					   negated ? "<" : ">=", &term);
		high = Compared(tree, raw->lexpr, raw->lexpr, lsecond(both->args),
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
		region = Compared(tree, raw->lexpr, raw->rexpr, (OpExpr *) expr, "=",
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
				region = Compared(tree, raw->lexpr, raw->rexpr, (OpExpr *) expr,
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
	if (op->kind == AEXPR_OP && IsComparison(RuleName(op->name)) &&
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
	Node	   *folded = Folded(expr);
	NullTest   *test = (NullTest *) raw;

	NoteNull(tree, raw);
	if (IsA(folded, Const))
		return BuildConstant((Const *) folded, want, outer);
	if (IsA(raw, NullTest) && IsA(expr, NullTest))
		return Clause(outer, Term(tree, (Node *) test->arg,
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

/* The first aggregate with a FILTER, and the tables of its query. */
typedef struct FilterFinder
{
	List	   *rtable;
	List	   *found_in;
	Aggref	   *found;
} FilterFinder;

static bool
FindFilter(Node *node, FilterFinder *finder)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		List	   *outer = finder->rtable;
		bool		found;

		finder->rtable = ((Query *) node)->rtable;
		found = query_tree_walker((Query *) node, FindFilter, finder, 0);
		finder->rtable = outer;
		return found;
	}
	if (IsA(node, Aggref) && ((Aggref *) node)->aggfilter != NULL)
	{
		finder->found = (Aggref *) node;
		finder->found_in = finder->rtable;
		return true;
	}
	return expression_tree_walker(node, FindFilter, finder);
}

RuleTree *
RuleTreeOfFilter(const Space *space, const char *event, FuncCall *call)
{
	RuleTree   *tree = palloc0(sizeof(RuleTree));
	FilterFinder finder = {0};

	(void) FindFilter((Node *) Compiled(space,
										psprintf("count(%s) FILTER (WHERE %s) > 0",
												 quote_identifier(event),
												 RuleDeparse(call->agg_filter))),
					  &finder);
	if (finder.found == NULL)
		return NULL;
	tree->call = call;
	tree->rtable = finder.found_in;
	tree->root = Build(tree, call->agg_filter, (Node *) finder.found->aggfilter,
					   WANT_TRUE, call->agg_filter);
	return tree;
}
