/*
 * reschedule.c: another delay for what is scheduled already.
 *
 * The time already waited counts: what waits for the 23rd hour of a day is due
 * in 25 hours when the delay becomes two days, and at once when it becomes an
 * hour. An expiry counts from the new due time.
 */
#include "moment/moment.h"

#include "executor/spi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(persona_reschedule);

/* persona.reschedule(moment, space): how many rows. */
Datum
persona_reschedule(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PersonaAct	act;
	char	   *due_sql;
	uint64		n = 0;

	SpaceRefuseStranger(space);
	SPI_connect();
	PersonaActBegin(&act, space->owner);
	due_sql = MomentCompile(space, MomentLoad(space, name))->due_sql;
	if (due_sql != NULL)
		n = PersonaExecute(psprintf("UPDATE %s q SET due = GREATEST(x.due, persona.now()), first_due = GREATEST(x.due, persona.now())"
									" FROM (%s) x WHERE q.ctid = x.row AND q.first_due <> x.due",
									SpaceTable(space, "schedule"), due_sql),
						   NULL, false);
	PersonaActEnd(&act);
	SPI_finish();
	PG_RETURN_INT64(n);
}
