/*
 * segment.c: a rule as the SQL of a view: one row, the subject's key, for
 * each subject of whom the rule is true.
 */
#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(persona_rule_sql);

/* persona.rule_sql(rule, space): the compiled SQL, checked as the owner. */
Datum
persona_rule_sql(PG_FUNCTION_ARGS)
{
	char	   *rule = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Space	   *space = SpaceGet(PG_ARGISNULL(1) ? NULL :
								 text_to_cstring(PG_GETARG_TEXT_PP(1)));
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_GROUPED);
	PersonaAct	act;
	Oid			type;
	char	   *condition;

	PersonaActBegin(&act, space->owner);
	condition = RuleQueryAdd(query, rule, BOOLOID, "rule", &type);
	PersonaActEnd(&act);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("SELECT s.%s AS subject FROM %s s%s WHERE %s",
											  quote_identifier(space->key.name),
											  PersonaRelationName(space->relid),
											  RuleQueryJoins(query), condition)));
}

PG_FUNCTION_INFO_V1(persona_check_expression);

/* persona.check_expression(expression, what, space): an error or nothing. */
Datum
persona_check_expression(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_LATERAL);
	PersonaAct	act;
	Oid			type;

	PersonaActBegin(&act, space->owner);
	(void) RuleQueryAdd(query, text_to_cstring(PG_GETARG_TEXT_PP(0)), TEXTOID,
						text_to_cstring(PG_GETARG_TEXT_PP(1)), &type);
	PersonaActEnd(&act);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(persona_ago);

/* persona.ago(timestamptz): how long before the clock; NULL for infinity. */
Datum
persona_ago(PG_FUNCTION_ARGS)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);

	if (TIMESTAMP_NOT_FINITE(at))
		PG_RETURN_NULL();
	return DirectFunctionCall2(timestamp_mi,
							   TimestampTzGetDatum(PersonaNow()),
							   TimestampTzGetDatum(at));
}
