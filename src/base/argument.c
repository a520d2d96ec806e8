/*
 * argument.c: arguments that have to be there.
 *
 * A function that takes NULL for some of its arguments cannot be strict, and
 * is called with NULL for the others too, sooner or later: by hand, or by one
 * who was granted all functions of the schema.
 */
#include "base/persona.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

void
PersonaRefuseNull(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument %d of %s() is NULL", n + 1,
						get_func_name(fcinfo->flinfo->fn_oid))));
}

char *
PersonaTextArg(FunctionCallInfo fcinfo, int n)
{
	PersonaRefuseNull(fcinfo, n);
	return text_to_cstring(PG_GETARG_TEXT_PP(n));
}
