/*
 * banner.c: the SQL function over tcf.c.
 */
#include "consent/tcf.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(persona_tcf);

/* persona.tcf(text): a TCF string as jsonb */
Datum
persona_tcf(PG_FUNCTION_ARGS)
{
	StringInfoData json;

	initStringInfo(&json);
	ConsentTcf(text_to_cstring(PG_GETARG_TEXT_PP(0)), &json);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}
