/*
 * segment.c: what SQL asks of rules: the view of a segment, the check of an
 * expression, and how long ago a time was.
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
	char	   *rule = PersonaTextArg(fcinfo, 0);
	Space	   *space = SpaceGetOwn(PG_ARGISNULL(1) ? NULL :
									text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PersonaAct	act;
	char	   *sql;

	PersonaActBegin(&act, space->owner);
	sql = RuleMembers(space, rule);
	PersonaActEnd(&act);
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}

PG_FUNCTION_INFO_V1(persona_check_expression);

/* persona.check_expression(expression, what, space): an error or nothing. */
Datum
persona_check_expression(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGetOwn(text_to_cstring(PG_GETARG_TEXT_PP(2)));
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

/* An interval's length in microseconds, as intervals compare. */
static int128
Length(const Interval *span)
{
	int128		days = (int128) span->month * DAYS_PER_MONTH + span->day;

	return days * USECS_PER_DAY + span->time;
}

PG_FUNCTION_INFO_V1(persona_before);

/* persona.before(interval): the instant that long before the clock. */
Datum
persona_before(PG_FUNCTION_ARGS)
{
	int128		at = (int128) PersonaNow() - Length(PG_GETARG_INTERVAL_P(0));

	if (at < MIN_TIMESTAMP)
		PG_RETURN_TIMESTAMPTZ(DT_NOBEGIN);
	if (at >= END_TIMESTAMP)
		PG_RETURN_TIMESTAMPTZ(DT_NOEND);
	PG_RETURN_TIMESTAMPTZ((TimestampTz) at);
}
