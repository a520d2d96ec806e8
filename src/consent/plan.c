/*
 * plan.c: the statements of this room, planned once a backend and kept.
 *
 * Questions about a consent come once a row of somebody's query, statements
 * once a row of somebody's COPY. Each query is a function that writes its SQL
 * for a space; what it was written from, the definitions, has a generation,
 * and under another one it is written and planned again.
 */
#include "consent/consent.h"

#include "executor/spi.h"
#include "utils/memutils.h"

/* A kept statement. */
typedef struct Kept
{
	char	   *space;
	const ConsentQuery *query;
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
Prepare(const Space *space, const ConsentQuery *query)
{
	Oid			types[CONSENT_MOST_ARGS];
	SPIPlanPtr	plan;

	for (int i = 0; i < query->nargs; i++)
		types[i] = query->types[i] == CONSENT_KEY ? space->key.type :
			query->types[i];
	plan = SPI_prepare(query->sql(space), query->nargs, types);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "a statement about consent could not be prepared: %s",
			 SPI_result_code_string(SPI_result));
	return plan;
}

/* The plan for a space, from those that are kept or made now. */
static SPIPlanPtr
Planned(const Space *space, const ConsentQuery *query)
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

		if (one->query == query && strcmp(one->space, space->name) == 0)
			return one->plan;
	}
	plan = Prepare(space, query);
	caller = MemoryContextSwitchTo(TopMemoryContext);
	made = palloc(sizeof(Kept));
	made->space = pstrdup(space->name);
	made->query = query;
	made->plan = plan;
	kept = lappend(kept, made);
	MemoryContextSwitchTo(caller);
	return plan;
}

uint64
ConsentRun(const Space *space, const ConsentQuery *query,
		   const Datum *values, const bool *nulls, bool read_only)
{
	MemoryContext caller = CurrentMemoryContext;
	char		flags[CONSENT_MOST_ARGS];
	int			result;

	for (int i = 0; i < query->nargs; i++)
		flags[i] = nulls != NULL && nulls[i] ? 'n' : ' ';
	result = SPI_execute_plan(Planned(space, query), (Datum *) values, flags,
							  read_only, 0);
	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "a statement about consent failed: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}
