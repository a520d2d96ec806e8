/*
 * follow.c: a moment that comes after another.
 *
 * A decision to send, or to hold out, starts the moments that come after its
 * own: the holdout goes through the same chain, so that both sides can be
 * compared at every step of it. What started the first of the chain goes
 * along: `new` means that event in every step, and its key is the chain's.
 */
#include "moment/start.h"

char *
MomentFollowSql(const Space *space, const Moment *moment, const char *from)
{
	return psprintf("INSERT INTO %s SELECT x.subject, %s, x.event_key, persona.now(), pg_catalog.clock_timestamp()"
					" FROM %s WHERE x.outcome IN ('send', 'holdout')",
					SpaceTable(space, "inbox"),
					PersonaLiteral(psprintf("after %s", moment->name)), from);
}
