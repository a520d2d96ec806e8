/*
 * owner.c: what is done in the name of a space's owner: who may ask for it,
 * statements over the space's tables, and what is kept of an error that nobody
 * is shown.
 *
 * The state of a space is tables of its owner's, who may have put triggers,
 * constraints, policies or views of their own there. Whoever's call reaches
 * them, a superuser's or that of somebody who works for several brands, what
 * they do is done as the owner, and in a restricted security context.
 */
#include "space/space.h"

#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

void
SpaceRefuseStranger(const Space *space)
{
	if (!has_privs_of_role(GetUserId(), space->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("you must be a member of %s, who owns space \"%s\"",
						GetUserNameFromId(space->owner, false), space->name)));
}

Space *
SpaceGetOwn(const char *name)
{
	Space	   *space = SpaceGet(name);

	SpaceRefuseStranger(space);
	return space;
}

Oid
SpaceStateOwner(const Space *space)
{
	HeapTuple	tuple;
	Oid			owner = space->owner;

	if (OidIsValid(owner))
		return owner;
	tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum(space->schema));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("space \"%s\" has no schema any more", space->name)));
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
SpaceRefuseOutsider(const Space *space)
{
	Oid			owner = SpaceStateOwner(space);

	if (!is_member_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("you must be a member of %s, who owns space \"%s\"",
						GetUserNameFromId(owner, false), space->name)));
}

void
SpaceIncident(const Space *space, const char *place, const char *thing,
			  int sqlstate)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(place), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(thing), false);
	PersonaArg(&args, TEXTOID,
			   CStringGetTextDatum(unpack_sql_state(sqlstate)), false);
	PersonaExecute(psprintf("INSERT INTO %s VALUES (pg_catalog.clock_timestamp(), $1, $2, $3, 1)",
							SpaceTable(space, "incident")), &args, false);
}

/* ---- statements ---- */

/* The arguments after the first three, of whatever types they are. */
static PersonaArgs
StatementArgs(FunctionCallInfo fcinfo)
{
	PersonaArgs args = {0};
	Datum	   *values;
	Oid		   *types;
	bool	   *nulls;
	int			n = extract_variadic_args(fcinfo, 3, false, &values, &types,
										  &nulls);

	if (n > lengthof(args.types))
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_ARGUMENTS),
				 errmsg("a statement takes %d arguments at most",
						(int) lengthof(args.types))));
	for (int i = 0; i < n; i++)
		PersonaArg(&args, types[i], values[i], nulls[i]);
	return args;
}

PG_FUNCTION_INFO_V1(persona_as_owner);

/*
 * persona.read_as_owner(shape, space, statement, ...) and change_as_owner: the
 * rows of a statement, executed as the owner of the space.
 */
Datum
persona_as_owner(PG_FUNCTION_ARGS)
{
	bool		read_only = func_volatile(fcinfo->flinfo->fn_oid) != PROVOLATILE_VOLATILE;
	PersonaArgs args = StatementArgs(fcinfo);
	PersonaAct	act;
	char	   *name = PersonaTextArg(fcinfo, 1);
	char	   *statement = PersonaTextArg(fcinfo, 2);
	Space	   *space = SpaceFind(name);

	if (space == NULL)
		space = SpaceGet(name);
	SpaceRefuseOutsider(space);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	PersonaActBegin(&act, SpaceStateOwner(space));
	SPI_connect();
	PersonaReturnRows((ReturnSetInfo *) fcinfo->resultinfo,
					  PersonaExecute(statement, &args, read_only));
	SPI_finish();
	PersonaActEnd(&act);
	return (Datum) 0;
}
