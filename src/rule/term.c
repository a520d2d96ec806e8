/*
 * term.c: what clauses speak of, and the values that a comparison lets through.
 *
 * Two terms are one when their texts are. A constant is compared with others
 * of its type by that type's own function: whole numbers of any size as one,
 * true and false as 1 and 0, texts byte by byte; what is compared otherwise
 * (another collation, two types) is left to be opaque.
 */
#include "rule/lint.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

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

RuleTerm *
RuleTermOf(RuleTree *tree, Node *raw, Node *expr, bool moving)
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
void
RuleGiveTruth(RuleTerm *term)
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

Node *
RuleFolded(Node *expr)
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
	Node	   *folded = RuleFolded(expr);
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
		RuleGiveTruth(term);
	if (term->kind == InvalidOid)
		GiveKind(term, kind);
	return term->kind == kind;
}

/* ---- comparisons ---- */

static const char *
Commuted(const char *op)
{
	return strcmp(op, "<") == 0 ? ">" : strcmp(op, "<=") == 0 ? ">=" :
		strcmp(op, ">") == 0 ? "<" : strcmp(op, ">=") == 0 ? "<=" : op;
}

bool
RuleIsComparison(const char *op)
{
	return strcmp(op, "=") == 0 || strcmp(op, "<>") == 0 ||
		strcmp(op, "<") == 0 || strcmp(op, "<=") == 0 ||
		strcmp(op, ">") == 0 || strcmp(op, ">=") == 0;
}

/*
 * The set of `term op constant`, for the two arguments of an operator;
 * NULL where it is not that.
 */
RuleRegion *
RuleCompared(RuleTree *tree, Node *left, Node *right, OpExpr *op, const char *name,
			 RuleTerm **term)
{
	Node	   *l = linitial(op->args);
	Node	   *r = lsecond(op->args);
	bool		moving;
	Const	   *constant = ConstantOf(r, &moving);
	bool		equality = name[0] == '=' || strcmp(name, "<>") == 0;

	if (!RuleIsComparison(name))
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
	*term = RuleTermOf(tree, left, l, moving);
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
RuleRegion *
RuleListed(RuleTree *tree, Node *left, ScalarArrayOpExpr *op, RuleTerm **term,
		   bool *has_null)
{
	Const	   *list = (Const *) RuleFolded(lsecond(op->args));
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
	*term = RuleTermOf(tree, left, linitial(op->args), false);
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
