/*
 * subject.c: which subject is meant, and who may ask.
 *
 * A subject comes as its own type or as text. Who may do what is PostgreSQL's
 * to say, by three rights on one table, the space's ledger: INSERT records
 * what people say, SELECT reads it, DELETE erases a person. Whoever has the
 * right acts as the space's owner, through these functions and no other way.
 */
#include "consent/consent.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* ---- the subject ---- */

/*
 * Says of an error in reading a key what was to be read: the server's own
 * words would show the value, and not the way out.
 */
static void
NameTheKey(void *arg)
{
	const Space *space = arg;

	if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
		return;
	errcode(ERRCODE_INVALID_TEXT_REPRESENTATION);
	errmsg("the subject is not a key of %s", PersonaRelationName(space->relid));
	errdetail("Its key \"%s\" is of type %s.", space->key.name,
			  format_type_be(space->key.type));
	errhint("Pass a value of column \"%s\", such as %s.", space->key.name,
			space->key.type == UUIDOID ?
			"'018f2b5e-0000-7000-8000-000000000042'" : "42 or '42'");
}

Datum
ConsentKey(const Space *space, const char *text)
{
	ErrorContextCallback callback = {error_context_stack, NameTheKey,
	(void *) space};
	Oid			input;
	Oid			parameter;
	Datum		key;

	getTypeInputInfo(space->key.type, &input, &parameter);
	error_context_stack = &callback;
	key = OidInputFunctionCall(input, (char *) text, parameter, -1);
	error_context_stack = callback.previous;
	return key;
}

char *
ConsentKeyText(const Space *space, Datum key)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(space->key.type, &output, &varlena);
	return OidOutputFunctionCall(output, key);
}

/* Whether the two are stored alike. */
static bool
IsOneType(Oid a, Oid b)
{
	return a == b || ((a == TEXTOID || a == VARCHAROID) &&
					  (b == TEXTOID || b == VARCHAROID));
}

Datum
ConsentArgKey(FunctionCallInfo fcinfo, const Space *space)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	Oid			output;
	bool		varlena;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the subject is NULL"),
				 errhint("Pass a value of column \"%s\" of %s.",
						 space->key.name, PersonaRelationName(space->relid))));
	if (IsOneType(type, space->key.type))
		return PG_GETARG_DATUM(0);
	getTypeOutputInfo(type, &output, &varlena);
	return ConsentKey(space, OidOutputFunctionCall(output,
												   PG_GETARG_DATUM(0)));
}

/* ---- the arguments that follow it ---- */

char *
ConsentArgText(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* ---- the duties ---- */

Oid
ConsentLedger(const Space *space)
{
	return get_relname_relid("consent", get_namespace_oid(space->schema, false));
}

void
ConsentBegin(PersonaAct *act, const Space *space, AclMode duty)
{
	Oid			caller = GetUserId();
	const char *right = duty == ACL_INSERT ? "INSERT" :
	duty == ACL_SELECT ? "SELECT" : "DELETE";

	if (pg_class_aclcheck(ConsentLedger(space), caller, duty) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to %s consents of space \"%s\"",
						duty == ACL_INSERT ? "record" :
						duty == ACL_SELECT ? "read" : "erase", space->name),
				 errhint("GRANT %s ON %s TO %s.", right,
						 SpaceTable(space, "consent"),
						 quote_identifier(GetUserNameFromId(caller, false)))));
	PersonaActByPath(act, space->owner);
	SPI_connect();
}

void
ConsentEnd(const PersonaAct *act)
{
	SPI_finish();
	PersonaActEnd(act);
}
