/*
 * explain.c: the gates as they stand now, for one subject and moment.
 *
 * The same statement and the same gates as in a real run, over the subject's
 * latest event of the kind that starts the moment; nothing is written.
 */
#include "moment/moment.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* The key of the subject's latest event, as text[]; NULL where it has none. */
static Datum
LatestEvent(const Space *space, const SpaceEvent *event, const char *subject,
			bool *isnull)
{
	StringInfoData sql;
	PersonaArgs args = {0};

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s AS key FROM %s e WHERE e.%s = $1::%s",
					 SpaceEventKey(event, "e"),
					 PersonaRelationName(event->relid),
					 quote_identifier(event->subject.name),
					 PersonaTypeName(space->key.type));
	if (event->at.name != NULL)
		appendStringInfo(&sql, " ORDER BY %s DESC NULLS LAST",
						 SpaceEventTime(event, "e"));
	appendStringInfoString(&sql, " LIMIT 1");
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(subject), false);
	*isnull = PersonaExecute(sql.data, &args, true) == 0;
	return *isnull ? 0 : PersonaColumn(0, "key", isnull);
}

static void
RefuseIncomplete(const Moment *moment, const MomentProgram *program)
{
	if (program->probe_sql == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("moment \"%s\" is still an idea", moment->name),
				 errhint("Give it an event, a channel and a purpose with persona.define_moment('%s', ...).",
						 moment->name)));
}

static char *
Gates(const Space *space, const Moment *moment, const char *subject)
{
	MomentProgram *program = MomentCompile(space, moment);
	MomentVerdict verdict;
	MomentCase *one;
	PersonaArgs args = {0};
	bool		isnull;
	Datum		key;

	RefuseIncomplete(moment, program);
	key = LatestEvent(space, moment->event, subject, &isnull);
	if (isnull)
	{
		ereport(NOTICE,
				(errmsg("the subject has no event \"%s\", so nothing could start moment \"%s\"",
						moment->event->name, moment->name)));
		return NULL;
	}
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(subject), false);
	PersonaArg(&args, TEXTARRAYOID, key, false);
	PersonaExecute(program->probe_sql, &args, true);
	one = MomentReadCase(0, moment);
	MomentCountByAddress(space, moment, list_make1(one));
	MomentDecide(space, moment, program, one, 0, &verdict);
	return verdict.gates;
}

PG_FUNCTION_INFO_V1(persona_moment_gates);

/* persona.moment_gates(subject, moment, space): the gates as jsonb, or NULL. */
Datum
persona_moment_gates(PG_FUNCTION_ARGS)
{
	char	   *subject = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Space	   *space = SpaceGet(PG_ARGISNULL(2) ? NULL :
								 text_to_cstring(PG_GETARG_TEXT_PP(2)));
	MemoryContext caller = CurrentMemoryContext;
	PersonaAct	act;
	char	   *gates;
	Datum		result = 0;

	SpaceRefuseStranger(space);
	SPI_connect();
	PersonaActBegin(&act, space->owner);
	gates = Gates(space, MomentLoad(space, name), subject);
	PersonaActEnd(&act);
	if (gates != NULL)
	{
		MemoryContextSwitchTo(caller);
		result = DirectFunctionCall1(jsonb_in, CStringGetDatum(gates));
	}
	SPI_finish();
	if (gates == NULL)
		PG_RETURN_NULL();
	return result;
}
