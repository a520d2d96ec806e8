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
	TupleDesc	desc;
} Row;

/* ---- what a row looks like ---- */

/* A descriptor of expressions under names; "" where there is none. */
static TupleDesc
DescribeNodes(List *nodes, List *names)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(nodes));
	ListCell   *node;
	ListCell   *name;
	AttrNumber	number = 0;

	forboth(node, nodes, name, names)
	{
		number++;
		TupleDescInitEntry(desc, number, strVal(lfirst(name)),
						   exprType(lfirst(node)), exprTypmod(lfirst(node)), 0);
		TupleDescInitEntryCollation(desc, number, exprCollation(lfirst(node)));
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
	row->desc = NULL;
	if (row->type != RECORDOID)
		row->desc = lookup_rowtype_tupdesc_copy(row->type, -1);
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

/* The column itself where a wrapped row has it at hand; else NULL. */
static Node *
UnwrapColumn(PlaceHolderVar *wrapper, int number)
{
	RowExpr    *inner = (RowExpr *) wrapper->phexpr;
	Var		   *column;

	if (!IsA(inner, RowExpr))
		return NULL;
	column = list_nth(inner->args, number - 1);
	if (!IsA(column, Var) || column->varlevelsup != 0 ||
		!bms_is_member(column->varno, wrapper->phrels))
		return NULL;
	column = copyObject(column);
	CompatAddNullingRels(column, wrapper);
	return (Node *) column;
}

/* A column as an expression, which constant folding makes as short as can be. */
static Node *
ColumnOf(const Row *row, AttrNumber number)
{
	Form_pg_attribute att = TupleDescAttr(row->desc, number - 1);
	Node	   *column = NULL;
	FieldSelect *select;

	if (IsA(row->node, PlaceHolderVar))
		column = UnwrapColumn((PlaceHolderVar *) row->node, number);
	if (IsWholeRow(row->node))
	{
		Var		   *var = copyObject((Var *) row->node);

		var->varattno = number;
		var->varattnosyn = var->varnosyn == var->varno ? number : 0;
		var->vartype = att->atttypid;
		var->vartypmod = att->atttypmod;
		var->varcollid = att->attcollation;
		column = (Node *) var;
	}
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
Condition(PlannerInfo *root, Row *row, const char *rule)
{
	Node	   *condition = RuleOverRow(rule, row->desc, row->type);

	return eval_const_expressions(root, PutColumns(condition, row));
}

/* ---- any other rule: the row in parts ---- */

/* The names of the columns a row has, as a constant, and the columns. */
static Node *
NamesAndColumns(const Row *row, List **columns)
{
	Datum	   *names = palloc(row->desc->natts * sizeof(Datum));
	int			n = 0;

	for (int i = 0; i < row->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(row->desc, i);

		if (att->attisdropped)
			continue;
		names[n++] = CStringGetTextDatum(NameStr(att->attname));
		*columns = lappend(*columns, ColumnOf(row, i + 1));
	}
	return (Node *) makeConst(TEXTARRAYOID, -1, InvalidOid, -1,
							  PointerGetDatum(construct_array(names, n, TEXTOID, -1, false,
															  TYPALIGN_INT)),
							  false, false);
}

static Node *
CallInParts(PlannerInfo *root, const Row *row, Node *rule)
{
	List	   *columns = NIL;
	Node	   *names = NamesAndColumns(row, &columns);
	Node	   *type = (Node *) makeConst(REGTYPEOID, -1, InvalidOid, sizeof(Oid),
										  ObjectIdGetDatum(row->type), false, true);
	List	   *args = list_concat(list_make3(rule, type, names), columns);
	List	   *function = list_make2(makeString("persona"),
									  makeString("match_columns"));

	if (list_length(args) > FUNC_MAX_ARGS)
		return NULL;
	return eval_const_expressions(root,
								  (Node *) makeFuncExpr(LookupFuncName(function, -1, NULL, false), BOOLOID, args,
														InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
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
