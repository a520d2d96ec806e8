/*
 * owner.c: what is done in the name of a space's owner: who may ask for it,
 * and what is kept of an error that nobody is shown.
 */
#include "space/space.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

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
