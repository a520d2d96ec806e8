/*
 * reads.c: the columns of the company's tables that a moment reads, wherever
 * in it: rules, templates, tokens, address, time zone.
 *
 * Of these the moment's own view is made, so that PostgreSQL refuses to drop
 * a column while a moment needs it, and says which moment.
 */
#include "moment/moment.h"

#include "rule/rule.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

static Oid
RelationOf(const Space *space, const char *source)
{
	SpaceEvent *event;
	SpaceFacet *facet;

	if (strcmp(source, "subject") == 0)
		return space->relid;
	event = SpaceFindEvent(space, source);
	if (event != NULL)
		return event->relid;
	facet = SpaceFindFacet(space, source);
	return facet ? facet->relid : InvalidOid;
}

static MomentProgram *
Compile(const Space *space, const char *moment)
{
	PersonaAct	act;
	MomentProgram *program;

	SPI_connect();
	PersonaActBegin(&act, space->owner);
	program = MomentCompile(space, MomentLoad(space, moment));
	PersonaActEnd(&act);
	return program;
}

PG_FUNCTION_INFO_V1(persona_moment_reads);

/* persona.moment_reads(moment, space): a row for each column. */
Datum
persona_moment_reads(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGetOwn(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MomentProgram *program;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	program = Compile(space, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	foreach(cell, program->uses)
	{
		RuleUse    *use = lfirst(cell);
		Datum		values[3] = {CStringGetTextDatum(use->source),
			CStringGetTextDatum(use->column),
		ObjectIdGetDatum(RelationOf(space, use->source))};
		bool		nulls[3] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
