/*
 * deparse.c: from a raw parse tree to its canonical text.
 *
 * PostgreSQL writes analysed trees only, and a rule must be written without
 * knowing any table. Parentheses are put where the grammar needs them, and
 * around an AND inside of an OR, which not everybody reads as the grammar
 * does; so reading the text gives the same tree and writing that tree gives
 * the same text.
 */
#include "rule/rule.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* How tightly things bind, after the table in gram.y. */
enum
{
	BIND_ANY, BIND_OR, BIND_AND, BIND_NOT, BIND_IS, BIND_COMPARE, BIND_IN,
	BIND_OPERATOR, BIND_ADD, BIND_MULTIPLY, BIND_POWER, BIND_SIGN,
	BIND_SUBSCRIPT, BIND_CAST, BIND_ATOM
};

static void Write(StringInfo out, Node *node, int least);

static const char *
OperatorName(A_Expr *expr)
{
	return strVal(llast(expr->name));
}

/* ---- how tightly a node binds ---- */

static int
BindingOfOperator(A_Expr *expr)
{
	const char *name = OperatorName(expr);

	if (expr->lexpr == NULL)
		return strcmp(name, "+") == 0 || strcmp(name, "-") == 0 ?
			BIND_SIGN : BIND_OPERATOR;
	if (strchr("+-", name[0]) && name[1] == '\0')
		return BIND_ADD;
	if (strchr("*/%", name[0]) && name[1] == '\0')
		return BIND_MULTIPLY;
	if (strcmp(name, "^") == 0)
		return BIND_POWER;
	if (strcmp(name, "=") == 0 || strcmp(name, "<>") == 0 ||
		strcmp(name, "<") == 0 || strcmp(name, ">") == 0 ||
		strcmp(name, "<=") == 0 || strcmp(name, ">=") == 0)
		return BIND_COMPARE;
	return BIND_OPERATOR;
}

static int
BindingOfExpr(A_Expr *expr)
{
	switch (expr->kind)
	{
		case AEXPR_OP:
			return BindingOfOperator(expr);
		case AEXPR_OP_ANY:
		case AEXPR_OP_ALL:
			/* As an operand it stands where no comparison may. */
			return BIND_COMPARE;
		case AEXPR_DISTINCT:
		case AEXPR_NOT_DISTINCT:
			return BIND_IS;
		case AEXPR_NULLIF:
			return BIND_ATOM;
		default:
			return BIND_IN;
	}
}

static bool
IsNegative(A_Const *constant)
{
	if (constant->isnull)
		return false;
	if (IsA(&constant->val, Integer))
		return intVal(&constant->val) < 0;
	return IsA(&constant->val, Float) && constant->val.fval.fval[0] == '-';
}

/* true::bool, which says no more than true does. */
static bool
IsBooleanLiteral(Node *node)
{
	TypeCast   *cast = (TypeCast *) node;
	A_Const    *constant = (A_Const *) cast->arg;

	return IsA(constant, A_Const) && !constant->isnull &&
		IsA(&constant->val, Boolean) && cast->typeName->arrayBounds == NIL &&
		strcmp(strVal(llast(cast->typeName->names)), "bool") == 0;
}

static int
Binding(Node *node)
{
	switch (nodeTag(node))
	{
		case T_BoolExpr:
			return ((BoolExpr *) node)->boolop == OR_EXPR ? BIND_OR :
				((BoolExpr *) node)->boolop == AND_EXPR ? BIND_AND : BIND_NOT;
		case T_NullTest:
		case T_BooleanTest:
			return BIND_IS;
		case T_A_Expr:
			return BindingOfExpr((A_Expr *) node);
		case T_TypeCast:
			return IsBooleanLiteral(node) ? BIND_ATOM : BIND_CAST;
		case T_A_Indirection:
			return BIND_SUBSCRIPT;
		case T_A_Const:
			return IsNegative((A_Const *) node) ? BIND_SIGN : BIND_ATOM;
		default:
			return BIND_ATOM;
	}
}

/* ---- writing ---- */

static void
WriteList(StringInfo out, List *list)
{
	ListCell   *cell;
	const char *comma = "";

	foreach(cell, list)
	{
		appendStringInfoString(out, comma);
		Write(out, lfirst(cell), BIND_ANY);
		comma = ", ";
	}
}

static void
WriteConstant(StringInfo out, A_Const *constant)
{
	if (constant->isnull)
		appendStringInfoString(out, "NULL");
	else if (IsA(&constant->val, Integer))
		appendStringInfo(out, "%d", intVal(&constant->val));
	else if (IsA(&constant->val, Float))
		appendStringInfoString(out, constant->val.fval.fval);
	else if (IsA(&constant->val, Boolean))
		appendStringInfoString(out, boolVal(&constant->val) ? "true" : "false");
	else if (IsA(&constant->val, BitString))
		appendStringInfo(out, "%c'%s'", constant->val.bsval.bsval[0],
						 constant->val.bsval.bsval + 1);
	else
		appendStringInfoString(out, quote_literal_cstr(strVal(&constant->val)));
}

/* Equal rules are equal texts, whatever a session wants quoted. */
static void
WriteName(StringInfo out, List *names)
{
	ListCell   *cell;
	const char *dot = "";
	bool		quote_all = quote_all_identifiers;

	foreach(cell, names)
	{
		quote_all_identifiers = false;
		appendStringInfo(out, "%s%s", dot, quote_identifier(strVal(lfirst(cell))));
		quote_all_identifiers = quote_all;
		dot = ".";
	}
}

static void
WriteBinary(StringInfo out, A_Expr *expr, const char *name, int left, int right)
{
	Write(out, expr->lexpr, left);
	appendStringInfo(out, " %s ", name);
	Write(out, expr->rexpr, right);
}

static void
WriteOperator(StringInfo out, A_Expr *expr)
{
	int			binding = BindingOfOperator(expr);

	/* Comparisons do not chain; all other operators group to the left. */
	int			left = binding == BIND_COMPARE ? binding + 1 : binding;

	if (expr->lexpr != NULL)
	{
		WriteBinary(out, expr, OperatorName(expr), left, binding + 1);
		return;
	}
	/* A blank, for two signs in a row would begin a comment. */
	appendStringInfo(out, "%s ", OperatorName(expr));
	Write(out, expr->rexpr, binding + 1);
}

static void
WriteBetween(StringInfo out, A_Expr *expr, const char *words)
{
	List	   *bounds = (List *) expr->rexpr;

	Write(out, expr->lexpr, BIND_IN + 1);
	appendStringInfo(out, " %s ", words);
	Write(out, linitial(bounds), BIND_IN + 1);
	appendStringInfoString(out, " AND ");
	Write(out, lsecond(bounds), BIND_IN + 1);
}

static void
WriteExpr(StringInfo out, A_Expr *expr)
{
	bool		negated = OperatorName(expr)[0] == '!' ||
	strcmp(OperatorName(expr), "<>") == 0;

	switch (expr->kind)
	{
		case AEXPR_OP:
			WriteOperator(out, expr);
			break;
		case AEXPR_OP_ANY:
		case AEXPR_OP_ALL:
			Write(out, expr->lexpr, BIND_OPERATOR);
			appendStringInfo(out, " %s %s (", OperatorName(expr),
							 expr->kind == AEXPR_OP_ANY ? "ANY" : "ALL");
			Write(out, expr->rexpr, BIND_ANY);
			appendStringInfoChar(out, ')');
			break;
		case AEXPR_DISTINCT:
			WriteBinary(out, expr, "IS DISTINCT FROM", BIND_IS + 1, BIND_IS + 1);
			break;
		case AEXPR_NOT_DISTINCT:
			WriteBinary(out, expr, "IS NOT DISTINCT FROM", BIND_IS + 1,
						BIND_IS + 1);
			break;
		case AEXPR_NULLIF:
			appendStringInfoString(out, "NULLIF(");
			WriteList(out, list_make2(expr->lexpr, expr->rexpr));
			appendStringInfoChar(out, ')');
			break;
		case AEXPR_IN:
			Write(out, expr->lexpr, BIND_IN + 1);
			appendStringInfoString(out, negated ? " NOT IN (" : " IN (");
			WriteList(out, (List *) expr->rexpr);
			appendStringInfoChar(out, ')');
			break;
		case AEXPR_LIKE:
			WriteBinary(out, expr, negated ? "NOT LIKE" : "LIKE", BIND_IN + 1,
						BIND_IN + 1);
			break;
		case AEXPR_ILIKE:
			WriteBinary(out, expr, negated ? "NOT ILIKE" : "ILIKE", BIND_IN + 1,
						BIND_IN + 1);
			break;
		case AEXPR_BETWEEN:
			WriteBetween(out, expr, "BETWEEN");
			break;
		case AEXPR_NOT_BETWEEN:
			WriteBetween(out, expr, "NOT BETWEEN");
			break;
		case AEXPR_BETWEEN_SYM:
			WriteBetween(out, expr, "BETWEEN SYMMETRIC");
			break;
		case AEXPR_NOT_BETWEEN_SYM:
			WriteBetween(out, expr, "NOT BETWEEN SYMMETRIC");
			break;
		default:
			elog(ERROR, "unexpected kind of expression in a rule: %d",
				 (int) expr->kind);
	}
}

static void
WriteBool(StringInfo out, BoolExpr *expr)
{
	ListCell   *cell;
	const char *word = "";

	if (expr->boolop == NOT_EXPR)
	{
		appendStringInfoString(out, "NOT ");
		Write(out, linitial(expr->args), BIND_NOT);
		return;
	}
	foreach(cell, expr->args)
	{
		appendStringInfoString(out, word);
		Write(out, lfirst(cell), BIND_NOT);
		word = expr->boolop == AND_EXPR ? " AND " : " OR ";
	}
}

static void
WriteFunction(StringInfo out, FuncCall *call)
{
	WriteName(out, call->funcname);
	appendStringInfoString(out, call->agg_distinct ? "(DISTINCT " : "(");
	if (call->agg_star)
		appendStringInfoChar(out, '*');
	WriteList(out, call->args);
	appendStringInfoChar(out, ')');
	if (call->agg_filter != NULL)
	{
		appendStringInfoString(out, " FILTER (WHERE ");
		Write(out, call->agg_filter, BIND_ANY);
		appendStringInfoChar(out, ')');
	}
}

/* interval's modifiers: which fields, by a mask, and the digits of seconds. */
static void
WriteInterval(StringInfo out, List *modifiers)
{
	static const struct
	{
		int			mask;
		const char *fields;
	}			words[] = {
		{INTERVAL_MASK(YEAR), " year"}, {INTERVAL_MASK(MONTH), " month"},
		{INTERVAL_MASK(DAY), " day"}, {INTERVAL_MASK(HOUR), " hour"},
		{INTERVAL_MASK(MINUTE), " minute"}, {INTERVAL_MASK(SECOND), " second"},
		{INTERVAL_MASK(YEAR) | INTERVAL_MASK(MONTH), " year to month"},
		{INTERVAL_MASK(DAY) | INTERVAL_MASK(HOUR), " day to hour"},
		{INTERVAL_MASK(DAY) | INTERVAL_MASK(HOUR) | INTERVAL_MASK(MINUTE), " day to minute"},
		{INTERVAL_MASK(DAY) | INTERVAL_MASK(HOUR) | INTERVAL_MASK(MINUTE) | INTERVAL_MASK(SECOND), " day to second"},
		{INTERVAL_MASK(HOUR) | INTERVAL_MASK(MINUTE), " hour to minute"},
		{INTERVAL_MASK(HOUR) | INTERVAL_MASK(MINUTE) | INTERVAL_MASK(SECOND), " hour to second"},
		{INTERVAL_MASK(MINUTE) | INTERVAL_MASK(SECOND), " minute to second"}
	};

	for (int i = 0; i < lengthof(words); i++)
		if (intVal(&linitial_node(A_Const, modifiers)->val) == words[i].mask)
			appendStringInfoString(out, words[i].fields);
	if (list_length(modifiers) == 2)
		appendStringInfo(out, "(%d)", intVal(&lsecond_node(A_Const, modifiers)->val));
}

/* The parser puts its own types into pg_catalog: those need no quotes. */
static void
WriteType(StringInfo out, TypeName *type)
{
	if (list_length(type->names) == 2)
		appendStringInfoString(out, strVal(lsecond(type->names)));
	else
		WriteName(out, type->names);
	if (type->typmods != NIL && strcmp(strVal(llast(type->names)), "interval") == 0)
		WriteInterval(out, type->typmods);
	else if (type->typmods != NIL)
	{
		appendStringInfoChar(out, '(');
		WriteList(out, type->typmods);
		appendStringInfoChar(out, ')');
	}
	for (int i = 0; i < list_length(type->arrayBounds); i++)
		appendStringInfoString(out, "[]");
}

static void
WriteCast(StringInfo out, TypeCast *cast)
{
	if (IsBooleanLiteral((Node *) cast))
	{
		Write(out, cast->arg, BIND_ANY);
		return;
	}
	Write(out, cast->arg, BIND_CAST);
	appendStringInfoString(out, "::");
	WriteType(out, cast->typeName);
}

static void
WriteCase(StringInfo out, CaseExpr *expr)
{
	ListCell   *cell;

	appendStringInfoString(out, "CASE");
	if (expr->arg != NULL)
	{
		appendStringInfoChar(out, ' ');
		Write(out, (Node *) expr->arg, BIND_ANY);
	}
	foreach(cell, expr->args)
	{
		CaseWhen   *when = lfirst(cell);

		appendStringInfoString(out, " WHEN ");
		Write(out, (Node *) when->expr, BIND_ANY);
		appendStringInfoString(out, " THEN ");
		Write(out, (Node *) when->result, BIND_ANY);
	}
	if (expr->defresult != NULL)
	{
		appendStringInfoString(out, " ELSE ");
		Write(out, (Node *) expr->defresult, BIND_ANY);
	}
	appendStringInfoString(out, " END");
}

static void
WriteBooleanTest(StringInfo out, BooleanTest *test)
{
	static const char *const words[] = {
		[IS_TRUE] = "TRUE",[IS_NOT_TRUE] = "NOT TRUE",
		[IS_FALSE] = "FALSE",[IS_NOT_FALSE] = "NOT FALSE",
		[IS_UNKNOWN] = "UNKNOWN",[IS_NOT_UNKNOWN] = "NOT UNKNOWN"
	};

	Write(out, (Node *) test->arg, BIND_IS + 1);
	appendStringInfo(out, " IS %s", words[test->booltesttype]);
}

static void
WriteSubscripts(StringInfo out, A_Indirection *indirection)
{
	ListCell   *cell;
	bool		bare = IsA(indirection->arg, ColumnRef);

	appendStringInfoString(out, bare ? "" : "(");
	Write(out, indirection->arg, BIND_ANY);
	appendStringInfoString(out, bare ? "" : ")");
	foreach(cell, indirection->indirection)
	{
		appendStringInfoChar(out, '[');
		Write(out, ((A_Indices *) lfirst(cell))->uidx, BIND_ANY);
		appendStringInfoChar(out, ']');
	}
}

static void
WriteCall(StringInfo out, const char *name, List *args)
{
	appendStringInfo(out, "%s(", name);
	WriteList(out, args);
	appendStringInfoChar(out, ')');
}

static void
WriteNode(StringInfo out, Node *node)
{
	switch (nodeTag(node))
	{
		case T_A_Const:
			WriteConstant(out, (A_Const *) node);
			break;
		case T_ColumnRef:
			WriteName(out, ((ColumnRef *) node)->fields);
			break;
		case T_A_Expr:
			WriteExpr(out, (A_Expr *) node);
			break;
		case T_BoolExpr:
			WriteBool(out, (BoolExpr *) node);
			break;
		case T_NullTest:
			Write(out, (Node *) ((NullTest *) node)->arg, BIND_IS + 1);
			appendStringInfoString(out, ((NullTest *) node)->nulltesttype == IS_NULL ?
								   " IS NULL" : " IS NOT NULL");
			break;
		case T_BooleanTest:
			WriteBooleanTest(out, (BooleanTest *) node);
			break;
		case T_FuncCall:
			WriteFunction(out, (FuncCall *) node);
			break;
		case T_TypeCast:
			WriteCast(out, (TypeCast *) node);
			break;
		case T_CaseExpr:
			WriteCase(out, (CaseExpr *) node);
			break;
		case T_CoalesceExpr:
			WriteCall(out, "COALESCE", ((CoalesceExpr *) node)->args);
			break;
		case T_MinMaxExpr:
			WriteCall(out, ((MinMaxExpr *) node)->op == IS_GREATEST ?
					  "GREATEST" : "LEAST", ((MinMaxExpr *) node)->args);
			break;
		case T_A_ArrayExpr:
			appendStringInfoString(out, "ARRAY[");
			WriteList(out, ((A_ArrayExpr *) node)->elements);
			appendStringInfoChar(out, ']');
			break;
		case T_A_Indirection:
			WriteSubscripts(out, (A_Indirection *) node);
			break;
		case T_SQLValueFunction:
			appendStringInfoString(out,
								   ((SQLValueFunction *) node)->op == SVFOP_CURRENT_DATE ?
								   "current_date" : "current_timestamp");
			break;
		default:
			elog(ERROR, "unexpected node in a rule: %d", (int) nodeTag(node));
	}
}

/* A node where something that binds at least as `least` is wanted. */
static void
Write(StringInfo out, Node *node, int least)
{
	bool		wrap = Binding(node) < least;

	check_stack_depth();
	if (wrap)
		appendStringInfoChar(out, '(');
	WriteNode(out, node);
	if (wrap)
		appendStringInfoChar(out, ')');
}

char *
RuleDeparse(Node *node)
{
	StringInfoData out;

	initStringInfo(&out);
	Write(&out, node, BIND_ANY);
	return out.data;
}
