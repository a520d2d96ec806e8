/*
 * value.c: what a rule looks at, on the raw tree: the columns, the aggregates
 * over events and the segments in it, and the sides of a comparison.
 */
#include "rule/branch.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

static const char *
CallName(Node *node)
{
	return IsA(node, FuncCall) ? strVal(llast(((FuncCall *) node)->funcname)) : "";
}

static bool
Collect(Node *node, List **values)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef) || strcmp(CallName(node), "segment") == 0 ||
		RuleKnowsAggregate(CallName(node)))
	{
		*values = lappend(*values, node);
		return false;
	}
	return raw_expression_tree_walker(node, Collect, values);
}

List *
RuleValues(Node *node)
{
	List	   *values = NIL;

	(void) Collect(node, &values);
	return values;
}

/* ---- the sides of a comparison ---- */

/* Adds an operand, or each of a list of them, unless it is constant. */
static List *
AddSide(List *sides, Node *side)
{
	ListCell   *cell;
	char	   *text;

	if (side != NULL && IsA(side, List))
	{
		foreach(cell, (List *) side)
			sides = AddSide(sides, lfirst(cell));
		return sides;
	}
	if (side == NULL || RuleValues(side) == NIL)
		return sides;
	text = RuleDeparse(side);
	return PersonaHasText(sides, text) ? sides : lappend(sides, text);
}

List *
RuleSides(Node *clause)
{
	switch (nodeTag(clause))
	{
		case T_A_Expr:
			return AddSide(AddSide(NIL, ((A_Expr *) clause)->lexpr),
						   ((A_Expr *) clause)->rexpr);
		case T_NullTest:
			return AddSide(NIL, (Node *) ((NullTest *) clause)->arg);
		case T_BooleanTest:
			return AddSide(NIL, (Node *) ((BooleanTest *) clause)->arg);
		default:
			return AddSide(NIL, (Node *) RuleValues(clause));
	}
}

static bool
HasNull(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, A_Const))
		return ((A_Const *) node)->isnull;
	return raw_expression_tree_walker(node, HasNull, arg);
}

bool
RuleIsStrict(Node *clause)
{
	A_Expr	   *expr = (A_Expr *) clause;

	if (!IsA(clause, A_Expr))
		return IsA(clause, ColumnRef) || RuleKnowsAggregate(CallName(clause));
	return expr->kind != AEXPR_OP_ANY && expr->kind != AEXPR_OP_ALL &&
		expr->kind != AEXPR_NULLIF && !HasNull(clause, NULL);
}

/* ---- persona.features() ---- */

/* The source of a column that was read by that name, as compiling noted it. */
static char *
SourceOf(RuleQuery *query, const char *column)
{
	char	   *source = NULL;
	ListCell   *cell;

	foreach(cell, RuleQueryUses(query))
	{
		RuleUse    *use = lfirst(cell);

		if (strcmp(use->column, column) == 0)
			source = use->source;
	}
	return source;
}

/* One row of features(): NULL where nothing is to be said. */
typedef struct Row
{
	char	   *feature;
	const char *source;
	char	   *column;
	const char *aggregate;
	char	   *filter;
} Row;

/* event, event.column or an expression over an event, as an aggregate has it */
static void
DescribeArgument(Row *row, RuleQuery *query, Node *arg)
{
	ColumnRef  *first = linitial(RuleValues(arg));

	row->source = strVal(linitial(first->fields));
	if (!IsA(arg, ColumnRef))
		row->column = RuleDeparse(arg);
	else if (list_length(first->fields) > 1)
	{
		row->column = strVal(llast(first->fields));
		row->source = SourceOf(query, row->column);
	}
}

static Row
Describe(const Space *space, Node *value)
{
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_GROUPED);
	Row			row = {.feature = RuleDeparse(value)};
	FuncCall   *call = (FuncCall *) value;
	Oid			type;

	(void) RuleQueryAdd(query, row.feature, InvalidOid, "rule", &type);
	if (IsA(value, ColumnRef))
	{
		row.column = strVal(llast(((ColumnRef *) value)->fields));
		row.source = SourceOf(query, row.column);
		return row;
	}
	if (strcmp(CallName(value), "segment") == 0)
	{
		Node	   *name = linitial(call->args);

		row.source = "segment";
		row.column = IsA(name, ColumnRef) ? RuleDeparse(name) :
			strVal(&((A_Const *) name)->val);
		return row;
	}
	row.aggregate = CallName(value);
	DescribeArgument(&row, query, linitial(call->args));
	row.filter = call->agg_filter ? RuleDeparse(call->agg_filter) : NULL;
	return row;
}

static void
PutRow(ReturnSetInfo *result, const Row *row)
{
	const char *texts[] = {row->feature, row->source, row->column,
	row->aggregate, row->filter};
	Datum		values[lengthof(texts)];
	bool		nulls[lengthof(texts)];

	for (int i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(persona_features);

/* persona.features(rule, space): each value that the rule looks at, once. */
Datum
persona_features(PG_FUNCTION_ARGS)
{
	char	   *rule = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Space	   *space = SpaceGetOwn(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	List	   *seen = NIL;
	Oid			type;
	PersonaAct	act;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	PersonaActBegin(&act, space->owner);
	(void) RuleQueryAdd(RuleQueryBegin(space, NULL, RULE_FEATURES_GROUPED),
						rule, BOOLOID, "rule", &type);
	foreach(cell, RuleValues(RuleParse(rule)))
	{
		char	   *text = RuleDeparse(lfirst(cell));
		Row			row;

		CHECK_FOR_INTERRUPTS();
		if (PersonaHasText(seen, text))
			continue;
		seen = lappend(seen, text);
		row = Describe(space, lfirst(cell));
		PutRow((ReturnSetInfo *) fcinfo->resultinfo, &row);
	}
	PersonaActEnd(&act);
	return (Datum) 0;
}
