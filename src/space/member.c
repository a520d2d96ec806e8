/*
 * member.c: who may look at the customers of a space. What persona evaluates,
 * it evaluates as the space's owner, whoever asks: so only members may ask.
 */
#include "space/space.h"

#include "miscadmin.h"
#include "utils/acl.h"

void
SpaceRefuseStranger(const Space *space)
{
	if (!has_privs_of_role(GetUserId(), space->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("you must be a member of %s, who owns space \"%s\"",
						GetUserNameFromId(space->owner, false), space->name)));
}
