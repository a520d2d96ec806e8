/*
 * enter.c: a segment entered is an event like any other.
 *
 * refresh_segments() writes who entered into the table membership; the
 * trigger on it puts those whom a live moment waits for into the inbox, in the
 * same transaction, whoever called for the refresh. So each entry starts its
 * moment once, also the one of somebody who had left before.
 */
#include "moment/moment.h"
#include "moment/start.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"

/* The segments that live moments start on, as text[]. */
static Datum
LiveSegments(const Space *space)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, MomentLoadLive(space, NULL))
	{
		Moment	   *moment = lfirst(cell);

		if (moment->on_segment != NULL)
			names = lappend(names, moment->on_segment);
	}
	return PersonaTexts(names);
}

PG_FUNCTION_INFO_V1(persona_start_on_segments);

/* persona.start_on_segments(space): the trigger on a space's membership. */
Datum
persona_start_on_segments(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	PersonaArgs args = {0};
	Space	   *space;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("start_on_segments() is the trigger of a space's membership"),
				 errhint("persona.define_space() creates it.")));
	space = SpaceGet(trigger->tg_trigger->tgargs[0]);
	SPI_connect();
	if (SPI_register_trigger_data(trigger) != SPI_OK_TD_REGISTER)
		elog(ERROR, "the rows that entered could not be named");
	PersonaArg(&args, TEXTARRAYOID, LiveSegments(space), false);
	PersonaExecute(psprintf("INSERT INTO %s SELECT e.subject, 'segment ' || e.segment,"
							"  ARRAY[e.entered_at::pg_catalog.text], e.entered_at, pg_catalog.clock_timestamp()"
							" FROM entered e WHERE e.left_at IS NULL AND e.segment = ANY ($1)",
							MomentInboxTable(space)), &args, false);
	SPI_finish();
	return PointerGetDatum(NULL);
}
