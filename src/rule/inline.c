/*
 * inline.c: matches() in a query.
 *
 * The planner asks a function's support function for something better than
 * the call. With a constant rule that is the rule's own condition over the
 * row's columns, as if it had been written there: indexes, partitions,
 * foreign servers and JIT see nothing else. With a rule that is not known yet
 * it is a call that takes the row in parts.
 *
 * A row is most often a whole-row Var. Over a view or a sub-select that was
 * pulled up it is a RowExpr, and below an outer join that one is wrapped into
 * a PlaceHolderVar; a NULL row then has columns that are NULL, as it should.
 *
 * The plan is made again when the row's type changes, since it is noted among
 * the relations that the plan depends on.
 */
#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* A row in a query: an expression, and what is known of its columns. */
typedef struct Row
{
	Node	   *node;
	Oid			type;
	uint64		shape;			/* changes with the type; 0: it has none */
	TupleDesc	desc;
} Row;

/* ---- what a row looks like ---- */

/* A descriptor of expressions under names; a dropped column has the name "". */
static TupleDesc
DescribeNodes(List *nodes, List *names)
{
	TupleDesc	desc;
	ListCell   *node;
	ListCell   *name;
	AttrNumber	number = 0;

	if (list_length(nodes) != list_length(names))
		return NULL;
	desc = CreateTemplateTupleDesc(list_length(nodes));
	forboth(node, nodes, name, names)
	{
		number++;
		TupleDescInitEntry(desc, number, strVal(lfirst(name)),
						   exprType(lfirst(node)), exprTypmod(lfirst(node)), 0);
		TupleDescInitEntryCollation(desc, number, exprCollation(lfirst(node)));
		TupleDescAttr(desc, number - 1)->attisdropped =
			strVal(lfirst(name))[0] == '\0';
	}
	return desc;
}

static bool
IsWholeRow(Node *node)
{
	return IsA(node, Var) && ((Var *) node)->varattno == InvalidAttrNumber;
}

/* A row of a sub-select, a join, a function: what it is known to consist of. */
static TupleDesc
DescribeEntry(PlannerInfo *root, Var *var)
{
	List	   *names;
	List	   *columns;

	for (Index up = 0; root != NULL && up < var->varlevelsup; up++)
		root = root->parent_root;
	if (root == NULL)
		return NULL;
	CompatExpandRTE(rt_fetch(var->varno, root->parse->rtable), var->varno,
					&names, &columns);
	return DescribeNodes(columns, names);
}

/* Whether it is known; false for an anonymous record of unknown origin. */
static bool
Describe(PlannerInfo *root, Node *node, Row *row)
{
	Node	   *inner = IsA(node, PlaceHolderVar) ?
	(Node *) ((PlaceHolderVar *) node)->phexpr : node;

	row->node = node;
	row->type = getBaseType(exprType(node));
	row->shape = 0;
	row->desc = NULL;
	if (row->type != RECORDOID)
	{
		/* Nothing can change between the two: both are in the type cache. */
		row->shape = assign_record_type_identifier(row->type, -1);
		row->desc = lookup_rowtype_tupdesc_copy(row->type, -1);
	}
	else if (IsA(inner, RowExpr))
		row->desc = DescribeNodes(((RowExpr *) inner)->args,
								  ((RowExpr *) inner)->colnames);
	else if (IsWholeRow(inner))
		row->desc = DescribeEntry(root, (Var *) inner);
	return row->desc != NULL;
}

/* ---- its columns ---- */

/*
 * Whether a row may be asked for a column as often as a rule likes: it costs
 * nothing to look at, or falls apart into its columns.
 */
static bool
IsCheap(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Param:
			return true;
		case T_RowExpr:
			return !contain_volatile_functions(node);
		case T_PlaceHolderVar:
			return IsCheap((Node *) ((PlaceHolderVar *) node)->phexpr);
		case T_FieldSelect:
			return IsCheap((Node *) ((FieldSelect *) node)->arg);
		case T_ConvertRowtypeExpr:
			return IsCheap((Node *) ((ConvertRowtypeExpr *) node)->arg);
		default:
			return false;
	}
}

/* Whether it falls apart, so that none of it is ever made into one value. */
static bool
HasParts(Node *node)
{
	if (IsA(node, PlaceHolderVar))
		node = (Node *) ((PlaceHolderVar *) node)->phexpr;
	return IsWholeRow(node) || IsA(node, RowExpr);
}

/* The column of a whole-row Var. */
static Node *
ColumnOfVar(Var *var, AttrNumber number, Form_pg_attribute att)
{
	var = copyObject(var);
	var->varattno = number;
	var->varattnosyn = var->varnosyn == var->varno ? number : 0;
	var->vartype = att->atttypid;
	var->vartypmod = att->atttypmod;
	var->varcollid = att->attcollation;
	return (Node *) var;
}

/* What a RowExpr has in that place, unless it is not quite of its type. */
static Node *
ColumnOfParts(RowExpr *parts, AttrNumber number, Form_pg_attribute att)
{
	Node	   *part = list_nth(parts->args, number - 1);

	if (exprType(part) != att->atttypid ||
		exprCollation(part) != att->attcollation)
		return NULL;
	return copyObject(part);
}

/*
 * The same of a RowExpr that an outer join may make NULL: a column of the
 * table below is NULL then by itself, anything else only with its wrapper.
 */
static Node *
ColumnOfWrapped(PlaceHolderVar *wrapper, AttrNumber number,
				Form_pg_attribute att)
{
	Var		   *column = NULL;

	if (IsA(wrapper->phexpr, RowExpr))
		column = (Var *) ColumnOfParts((RowExpr *) wrapper->phexpr, number,
									   att);
	if (column == NULL || !IsA(column, Var) || column->varlevelsup != 0 ||
		!bms_is_member(column->varno, wrapper->phrels))
		return NULL;
	CompatAddNullingRels(column, wrapper);
	return (Node *) column;
}

/* A column as an expression, as direct as can be. */
static Node *
ColumnOf(const Row *row, AttrNumber number)
{
	Form_pg_attribute att = TupleDescAttr(row->desc, number - 1);
	Node	   *column = NULL;
	FieldSelect *select;

	if (IsWholeRow(row->node))
		column = ColumnOfVar((Var *) row->node, number, att);
	else if (IsA(row->node, RowExpr))
		column = ColumnOfParts((RowExpr *) row->node, number, att);
	else if (IsA(row->node, PlaceHolderVar))
		column = ColumnOfWrapped((PlaceHolderVar *) row->node, number, att);
	if (column != NULL)
		return column;
	select = makeNode(FieldSelect);
	select->arg = copyObject((Expr *) row->node);
	select->fieldnum = number;
	select->resulttype = att->atttypid;
	select->resulttypmod = att->atttypmod;
	select->resultcollid = att->attcollation;
	return (Node *) select;
}

/* ---- a constant rule: its condition ---- */

static Node *
PutColumns(Node *node, void *row)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return ColumnOf(row, ((Var *) node)->varattno);
	return expression_tree_mutator(node, PutColumns, row);
}

static Node *
ReadCondition(const char *rule, void *arg)
{
	const Row  *row = arg;

	return eval_const_expressions(NULL,
								  RuleOverRow(rule, row->desc, row->type));
}

/* What is kept is not touched: a mutator copies all that it walks over. */
static Node *
Condition(PlannerInfo *root, Row *row, const char *rule)
{
	Node	   *condition = row->shape == 0 ? ReadCondition(rule, row) :
	RuleReadOnce(row->shape, rule, ReadCondition, row);

	condition = PutColumns(condition, row);
	/* Where its columns are not just columns there may be more to work out. */
	return IsWholeRow(row->node) ? condition :
		eval_const_expressions(root, condition);
}

/* ---- any other rule: the row in parts ---- */

static Node *
MakeNames(Datum *names, int n)
{
	ArrayType  *array = construct_array(names, n, TEXTOID, -1, false,
										TYPALIGN_INT);

	return (Node *) makeConst(TEXTARRAYOID, -1, InvalidOid, -1,
							  PointerGetDatum(array), false, false);
}

static Node *
MakeType(Oid type)
{
	return (Node *) makeConst(REGTYPEOID, -1, InvalidOid, sizeof(Oid),
							  ObjectIdGetDatum(type), false, true);
}

/* match_columns() over the row; NULL where it has more than a call can take. */
static Node *
CallInParts(PlannerInfo *root, const Row *row, Node *rule)
{
	static const Oid any_types = InvalidOid;
	Oid			function = LookupFuncName(list_make2(makeString("persona"),
													 makeString("match_columns")),
										  -1, &any_types, false);
	Datum		names[FUNC_MAX_ARGS];
	List	   *columns = NIL;
	List	   *args;
	int			n = 0;

	for (int i = 0; i < row->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(row->desc, i);

		if (att->attisdropped)
			continue;
		if (n == FUNC_MAX_ARGS - RULE_FIRST_COLUMN)
			return NULL;
		names[n++] = CStringGetTextDatum(NameStr(att->attname));
		columns = lappend(columns, ColumnOf(row, i + 1));
	}
	args = list_concat(list_make3(rule, MakeType(row->type),
								  MakeNames(names, n)), columns);
	return eval_const_expressions(root,
								  (Node *) makeFuncExpr(function, BOOLOID, args,
														InvalidOid, InvalidOid,
														COERCE_EXPLICIT_CALL));
}

/* ---- the planner's question ---- */

static void
DependOnType(PlannerInfo *root, Oid type)
{
	if (root != NULL && type != RECORDOID)
		root->glob->relationOids =
			list_append_unique_oid(root->glob->relationOids,
								   get_typ_typrelid(type));
}

static Node *
Simplify(PlannerInfo *root, Node *subject, Node *rule)
{
	Const	   *constant = (Const *) rule;
	Row			row;

	if (IsA(rule, Const) && constant->constisnull)
		return makeBoolConst(false, true);
	if (!IsCheap(subject) && !HasParts(subject))
		return NULL;
	if (!Describe(root, subject, &row))
		return NULL;
	DependOnType(root, row.type);
	if (IsA(rule, Const) && IsCheap(subject))
		return Condition(root, &row, TextDatumGetCString(constant->constvalue));
	return HasParts(subject) ? CallInParts(root, &row, rule) : NULL;
}

PG_FUNCTION_INFO_V1(persona_matches_support);

/* The support function of persona.matches(). */
Datum
persona_matches_support(PG_FUNCTION_ARGS)
{
	SupportRequestSimplify *request =
	(SupportRequestSimplify *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(NULL);
	PG_RETURN_POINTER(Simplify(request->root, linitial(request->fcall->args),
							   lsecond(request->fcall->args)));
}
