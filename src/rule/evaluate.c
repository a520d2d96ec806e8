/*
 * evaluate.c: one expression over one subject, as text.
 *
 * For calls about one subject, such as the unit of an experiment; whatever is
 * about many is compiled into the query that reads them.
 */
#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

/* The statement, whose only row is the subject's. */
static char *
EvaluateSql(const Space *space, const char *expression)
{
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_LATERAL);
	Oid			type;
	char	   *value = RuleQueryAdd(query, expression, TEXTOID, "expression",
									 &type);

	return psprintf("SELECT %s AS value FROM %s s%s WHERE s.%s = $1::%s", value,
					PersonaRelationName(space->relid), RuleQueryJoins(query),
					quote_identifier(space->key.name),
					PersonaTypeName(space->key.type));
}

static char *
Evaluate(const Space *space, const char *expression, Datum subject)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, subject, false);
	if (PersonaExecute(EvaluateSql(space, expression), &args, true) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("%s has no such subject",
						PersonaRelationName(space->relid)),
				 errhint("Pass a value of its column %s.",
						 quote_identifier(space->key.name))));
	return PersonaColumnText(0, "value");
}

PG_FUNCTION_INFO_V1(persona_evaluate);

/* persona.evaluate(subject, expression, space): as the space's owner. */
Datum
persona_evaluate(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	MemoryContext caller = CurrentMemoryContext;
	PersonaAct	act;
	char	   *value;

	SpaceRefuseStranger(space);
	PersonaActBegin(&act, space->owner);
	SPI_connect();
	value = Evaluate(space, text_to_cstring(PG_GETARG_TEXT_PP(1)),
					 PG_GETARG_DATUM(0));
	if (value != NULL)
		value = MemoryContextStrdup(caller, value);
	SPI_finish();
	PersonaActEnd(&act);
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(value));
}
