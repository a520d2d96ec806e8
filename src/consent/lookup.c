/*
 * lookup.c: one question about one subject, and the text of the view.
 *
 * may_contact() and consent_status() come here, often once a row of somebody's
 * query, so the statement that answers is planned once a backend and kept.
 */
#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A kept statement: how a space answers about now, or about the past. */
typedef struct Kept
{
	char	   *space;
	bool		past;
	SPIPlanPtr	plan;
} Kept;

static List *kept;				/* of Kept * */
static uint64 kept_generation;	/* of the definitions they were made from */

static void
Forget(void)
{
	while (kept != NIL)
	{
		Kept	   *first = linitial(kept);

		kept = list_delete_first(kept);
		SPI_freeplan(first->plan);
		pfree(first->space);
		pfree(first);
	}
}

static SPIPlanPtr
Prepare(const Space *space, bool past)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	SPIPlanPtr	plan = SPI_prepare(ConsentPointSql(space, past),
								   lengthof(types), types);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "the question about a consent could not be prepared: %s",
			 SPI_result_code_string(SPI_result));
	return plan;
}

/* The statement for a space, from those that are kept or made now. */
static SPIPlanPtr
Statement(const Space *space, bool past)
{
	SPIPlanPtr	plan;
	MemoryContext caller;
	Kept	   *made;
	ListCell   *cell;

	if (kept_generation != SpaceGeneration())
		Forget();
	kept_generation = SpaceGeneration();
	foreach(cell, kept)
	{
		Kept	   *one = lfirst(cell);

		if (one->past == past && strcmp(one->space, space->name) == 0)
			return one->plan;
	}
	plan = Prepare(space, past);
	caller = MemoryContextSwitchTo(TopMemoryContext);
	made = palloc(sizeof(Kept));
	made->space = pstrdup(space->name);
	made->past = past;
	made->plan = plan;
	kept = lappend(kept, made);
	MemoryContextSwitchTo(caller);
	return plan;
}

PG_FUNCTION_INFO_V1(persona_lookup_consent);

/*
 * persona.lookup_consent(subject, purpose, basis, channel, at, past, space):
 * the caller has looked all of them up.
 */
Datum
persona_lookup_consent(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(6)));
	Datum		values[5];

	for (int i = 0; i < lengthof(values); i++)
		values[i] = PG_GETARG_DATUM(i);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	if (SPI_execute_plan(Statement(space, PG_GETARG_BOOL(5)), values, NULL,
						 true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the question about a consent failed");
	tuplestore_puttuple(result->setResult, SPI_tuptable->vals[0]);
	SPI_finish();
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(persona_consent_view);

/* persona.consent_view(space): the query of the view consent_state. */
Datum
persona_consent_view(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_TEXT_P(cstring_to_text(ConsentViewSql(space)));
}
