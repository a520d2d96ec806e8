/*
 * plan.c: statements that come again and again, planned once a backend.
 *
 * To parse and plan a statement over a handful of tables takes longer than to
 * execute it for one subject. So the plans of such statements are kept, by
 * their text: what was written from other definitions is another text, and
 * when a table, a function or the search_path is another one PostgreSQL plans
 * the same text anew. So many are kept; the oldest makes room for the next.
 */
#include "base/persona.h"

#include "common/hashfn.h"
#include "executor/spi.h"
#include "optimizer/cost.h"
#include "utils/memutils.h"

#define MOST_PLANS 256

/* A kept statement. */
typedef struct Kept
{
	uint64		hash;
	char	   *sql;
	PersonaArgs args;			/* their types */
	bool		seqscan;		/* whether the planner may read whole tables */
	SPIPlanPtr	plan;			/* NULL: the place is free */
} Kept;

static Kept kept[MOST_PLANS];
static int	next;				/* whose turn it is to make room */
static int	running;			/* statements under way, one inside another */

static bool
SameTypes(const PersonaArgs *one, const PersonaArgs *other)
{
	return one->n == other->n &&
		memcmp(one->types, other->types, one->n * sizeof(Oid)) == 0;
}

static SPIPlanPtr
Find(const char *sql, uint64 hash, const PersonaArgs *args)
{
	for (int i = 0; i < MOST_PLANS && kept[i].plan != NULL; i++)
		if (kept[i].hash == hash && kept[i].seqscan == enable_seqscan &&
			SameTypes(&kept[i].args, args) &&
			strcmp(kept[i].sql, sql) == 0)
			return kept[i].plan;
	return NULL;
}

static SPIPlanPtr
Prepare(const char *sql, const PersonaArgs *args)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, args->n, (Oid *) args->types,
										  CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL)
		elog(ERROR, "persona's statement could not be prepared: %s: %s",
			 SPI_result_code_string(SPI_result), sql);
	return plan;
}

/* A plan that is under way further up must not go, so nothing makes room. */
static void
Keep(const char *sql, uint64 hash, const PersonaArgs *args, SPIPlanPtr plan)
{
	Kept	   *place = &kept[next];
	char	   *text;

	if (place->plan != NULL && running > 0)
		return;
	text = MemoryContextStrdup(TopMemoryContext, sql);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "persona's plan could not be kept: %s", sql);
	if (place->plan != NULL)
	{
		SPI_freeplan(place->plan);
		pfree(place->sql);
	}
	*place = (Kept)
	{
		hash, text, *args, enable_seqscan, plan
	};
	next = (next + 1) % MOST_PLANS;
}

/* Executes a plan that nobody frees meanwhile. */
static int
Execute(SPIPlanPtr plan, const PersonaArgs *args, bool read_only)
{
	volatile int result = 0;

	running++;
	PG_TRY();
	{
		result = SPI_execute_plan(plan, (Datum *) args->values, args->nulls,
								  read_only, 0);
	}
	PG_FINALLY();
	{
		running--;
	}
	PG_END_TRY();
	return result;
}

uint64
PersonaExecuteKept(const char *sql, const PersonaArgs *args, bool read_only)
{
	static const PersonaArgs none = {0};
	MemoryContext caller = CurrentMemoryContext;
	uint64		hash = hash_bytes_extended((const unsigned char *) sql,
										   strlen(sql), 0);
	SPIPlanPtr	plan;
	int			result;

	if (args == NULL)
		args = &none;
	plan = Find(sql, hash, args);
	if (plan == NULL)
	{
		plan = Prepare(sql, args);
		Keep(sql, hash, args, plan);
	}
	result = Execute(plan, args, read_only);
	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "persona's statement failed: %s: %s",
			 SPI_result_code_string(result), sql);
	return SPI_processed;
}
