/*
 * rule.c: the SQL type persona.rule: a checked condition, kept as its
 * canonical text, so that equal rules are equal texts. Reading one needs no
 * catalog but the grammar: a dump restores in any order.
 */
#include "rule/rule.h"

#include "libpq/pqformat.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/builtins.h"

static Node *
ReadCanonical(const char *rule, void *arg)
{
	return (Node *) makeString(RuleDeparse(RuleParse(rule)));
}

static text *
Canonical(const char *rule)
{
	return cstring_to_text(strVal(RuleReadOnce(0, rule, ReadCanonical, NULL)));
}

PG_FUNCTION_INFO_V1(persona_rule_in);

/* text -> rule: checked, and written canonically */
Datum
persona_rule_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(Canonical(PG_GETARG_CSTRING(0)));
}

PG_FUNCTION_INFO_V1(persona_rule_recv);

/* the wire carries text, which is checked like any other */
Datum
persona_rule_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *rule = pq_getmsgtext(buffer, buffer->len - buffer->cursor,
									 &length);

	PG_RETURN_TEXT_P(Canonical(rule));
}

static Datum
Combine(FunctionCallInfo fcinfo, BoolExprType op)
{
	Node	   *left = RuleParse(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Node	   *right = RuleParse(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	char	   *joined = RuleDeparse((Node *) makeBoolExpr(op,
														   list_make2(left, right), -1));

	/* Read once more: together they may be beyond the limits. */
	PG_RETURN_TEXT_P(Canonical(joined));
}

PG_FUNCTION_INFO_V1(persona_rule_and);

/* rule & rule */
Datum
persona_rule_and(PG_FUNCTION_ARGS)
{
	return Combine(fcinfo, AND_EXPR);
}

PG_FUNCTION_INFO_V1(persona_rule_or);

/* rule | rule */
Datum
persona_rule_or(PG_FUNCTION_ARGS)
{
	return Combine(fcinfo, OR_EXPR);
}

PG_FUNCTION_INFO_V1(persona_rule_not);

/* ! rule */
Datum
persona_rule_not(PG_FUNCTION_ARGS)
{
	Node	   *rule = RuleParse(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_TEXT_P(Canonical(RuleDeparse((Node *) makeBoolExpr(NOT_EXPR,
																 list_make1(rule), -1))));
}
