/*
 * row.c: a rule over the columns of one row and nothing else.
 *
 * The pure half of the language: names are columns of the row's type, be it a
 * table's, a view's, a composite type or an anonymous record. No space, no
 * event and no clock is known here, and whatever PostgreSQL resolves must be
 * immutable, so that equal rows and rules give equal answers at any time, in
 * any session, on any server. Literals are read at once, in UTC.
 */
#include "rule/rule.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

typedef struct Row
{
	const char *text;			/* the rule */
	TupleDesc	desc;
	Oid			type;
} Row;

/* ---- names ---- */

/* The rule asks for something that one row cannot tell. */
static void
RefuseBeyond(const char *text, const char *what, int location)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s is unknown to matches()", what),
			 errdetail("It sees the columns of one row and nothing else."),
			 errhint("Name the rule with persona.define_segment() and ask persona.in_segment()."),
			 RulePosition(text, location)));
}

static void
RefuseColumn(const Row *row, const char *name, int location)
{
	List	   *known = NIL;
	const char *near;

	for (int i = 0; i < row->desc->natts; i++)
		if (!TupleDescAttr(row->desc, i)->attisdropped)
			known = lappend(known, NameStr(TupleDescAttr(row->desc, i)->attname));
	near = PersonaSuggest(name, known);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s has no column \"%s\"", row->type == RECORDOID ?
					"the row" : PersonaTypeName(row->type), name),
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Its columns are: %s.", PersonaJoin(known)),
			 RulePosition(row->text, location)));
}

/* The number of the one column of that name; 0 where there is none. */
static AttrNumber
NumberOf(const Row *row, const char *name, int location)
{
	AttrNumber	number = 0;

	for (int i = 0; i < row->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(row->desc, i);

		if (att->attisdropped || strcmp(NameStr(att->attname), name) != 0)
			continue;
		if (number != 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("the row has more than one column \"%s\"", name),
					 RulePosition(row->text, location)));
		number = i + 1;
	}
	return number;
}

/* A ColumnRef hook: what a name means. */
static Node *
ResolveColumn(ParseState *pstate, ColumnRef *ref)
{
	const Row  *row = pstate->p_ref_hook_state;
	const char *name = strVal(linitial(ref->fields));
	AttrNumber	number = NumberOf(row, name, ref->location);
	Form_pg_attribute att;
	Var		   *column;

	if (list_length(ref->fields) > 1)
		RefuseBeyond(row->text, NameListToString(ref->fields), ref->location);
	if (number == 0 && strcmp(name, "ago") == 0)
		RefuseBeyond(row->text, name, ref->location);
	if (number == 0)
		RefuseColumn(row, name, ref->location);
	att = TupleDescAttr(row->desc, number - 1);
	if (att->atttypid == UNKNOWNOID)
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("column \"%s\" of the row has no type", name),
				 errhint("Cast it where the row is made, as in: ROW('DE'::text)."),
				 RulePosition(row->text, ref->location)));
	column = makeVar(1, number, att->atttypid, att->atttypmod,
					 att->attcollation, 0);
	column->location = ref->location;
	return (Node *) column;
}

/* Before analysis: no clock, no event, no segment, no unknown function. */
static bool
CheckNames(Node *node, void *context)
{
	const char *text = context;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, SQLValueFunction))
		RefuseBeyond(text, ((SQLValueFunction *) node)->op == SVFOP_CURRENT_DATE ?
					 "current_date" : "current_timestamp", exprLocation(node));
	if (IsA(node, FuncCall))
	{
		FuncCall   *call = (FuncCall *) node;
		const char *name = strVal(llast(call->funcname));

		if (strcmp(name, "now") == 0 || strcmp(name, "ago") == 0 ||
			strcmp(name, "segment") == 0 || RuleKnowsAggregate(name))
			RefuseBeyond(text, psprintf("%s()", name), call->location);
		if (!RuleKnowsFunction(name))
			RuleRefuseFunction(text, call);
	}
	return raw_expression_tree_walker(node, CheckNames, context);
}

/* ---- types ---- */

static Node *
ToBoolean(ParseState *pstate, Node *node)
{
	Oid			type = exprType(node);

	if (type == UNKNOWNOID)
		return coerce_type(pstate, node, UNKNOWNOID, BOOLOID, -1,
						   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
	if (getBaseType(type) != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the rule is of type %s, not boolean",
						format_type_be(type)),
				 RulePosition(pstate->p_sourcetext, 0)));
	return coerce_to_boolean(pstate, node, "rule");
}

static bool
IsMutable(Oid function, void *found)
{
	if (func_volatile(function) == PROVOLATILE_IMMUTABLE)
		return false;
	*(Oid *) found = function;
	return true;
}

static bool
CheckImmutable(Node *node, void *context)
{
	const char *text = context;
	Oid			function;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (check_functions_in_node(node, IsMutable, &function))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot be part of matches()",
						format_procedure(function)),
				 errdetail("What it gives depends on more than its arguments, such as the setting TimeZone."),
				 errhint("Leave it nothing to depend on, as in: joined AT TIME ZONE 'Europe/Berlin', name || id::text; or name the rule with persona.define_segment()."),
				 RulePosition(text, exprLocation(node))));
	return expression_tree_walker(node, CheckImmutable, context);
}

/* ---- the whole ---- */

static Node *
Analyse(const char *text, Node *node, Row *row)
{
	ErrorContextCallback callback = {.callback = RuleTranspose,
	.arg = unconstify(char *, text), .previous = error_context_stack};
	ParseState *pstate = make_parsestate(NULL);

	pstate->p_sourcetext = text;
	pstate->p_pre_columnref_hook = ResolveColumn;
	pstate->p_ref_hook_state = row;
	error_context_stack = &callback;
	node = transformExpr(pstate, node, EXPR_KIND_WHERE);
	node = ToBoolean(pstate, node);
	assign_expr_collations(pstate, node);
	error_context_stack = callback.previous;
	free_parsestate(pstate);
	return node;
}

Node *
RuleOverRow(const char *text, TupleDesc desc, Oid type)
{
	Row			row = {.text = text, .desc = desc, .type = type};
	Node	   *node = RuleParse(text);
	int			level;

	(void) CheckNames(node, unconstify(char *, text));
	level = PersonaPinBegin();
	node = Analyse(text, node, &row);
	RuleCheck(text, node);
	PersonaPinEnd(level);
	(void) CheckImmutable(node, unconstify(char *, text));
	return node;
}
