/*
 * plan.c: the statements of this room, planned once a backend and kept.
 *
 * Questions about a consent come once a row of somebody's query, statements
 * once a row of somebody's COPY. Each query is a function that writes its SQL
 * for a space; what it was written from, the definitions, has a generation,
 * and under another one it is written and planned again. The old plan may be
 * under way further up, for a statement on the ledger runs others by its
 * triggers: it is freed once none is.
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
static List *retired;			/* of Kept *, made from older ones */
static int	running;			/* statements under way, one inside another */

/* Puts plans of older definitions aside, and frees them where that is safe. */
static void
Retire(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

	if (kept_generation != SpaceGeneration())
	{
		retired = list_concat(retired, kept);
		list_free(kept);
		kept = NIL;
		kept_generation = SpaceGeneration();
	}
	while (running == 0 && retired != NIL)
	{
		Kept	   *last = llast(retired);

		retired = list_delete_last(retired);
		SPI_freeplan(last->plan);
		pfree(last->space);
		pfree(last);
	}
	MemoryContextSwitchTo(caller);
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

	Retire();
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

/* Executes a plan that nobody frees meanwhile. */
static int
Execute(SPIPlanPtr plan, const Datum *values, const char *flags,
		bool read_only)
{
	volatile int result = 0;

	running++;
	PG_TRY();
	{
		result = SPI_execute_plan(plan, (Datum *) values, flags, read_only, 0);
	}
	PG_FINALLY();
	{
		running--;
	}
	PG_END_TRY();
	return result;
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
	result = Execute(Planned(space, query), values, flags, read_only);
	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "a statement about consent failed: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}
