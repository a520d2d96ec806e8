/*
 * plan.c: the statements of this room, written once a backend and kept.
 *
 * Questions about a consent come once a row of somebody's query, statements
 * once a row of somebody's COPY. Each query is a function that writes its SQL
 * for a space; what it was written from, the definitions, has a generation,
 * and under another one it is written again. An old text lives on until the
 * transaction ends: a statement on the ledger runs others by its triggers, and
 * may be under way further up. The plans are kept by PersonaExecuteKept.
 */
#include "consent/consent.h"

#include "utils/memutils.h"

/* A statement as it was written for a space. */
typedef struct Written
{
	char	   *space;
	const ConsentQuery *query;
	char	   *sql;
} Written;

static MemoryContext context;	/* holds all of it */
static List *written;			/* of Written * */
static uint64 generation;		/* of the definitions they were made from */

/* Puts aside what was written from other definitions than those of now. */
static void
Retire(void)
{
	if (context != NULL && generation == SpaceGeneration())
		return;
	if (context != NULL)
		MemoryContextSetParent(context, TopTransactionContext);
	written = NIL;
	context = AllocSetContextCreate(CacheMemoryContext,
									"persona consent statements",
									ALLOCSET_DEFAULT_SIZES);
	generation = SpaceGeneration();
}

static const char *
Write(const Space *space, const ConsentQuery *query)
{
	char	   *sql = query->sql(space);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Written    *one = palloc(sizeof(Written));

	one->space = pstrdup(space->name);
	one->query = query;
	one->sql = pstrdup(sql);
	written = lappend(written, one);
	MemoryContextSwitchTo(caller);
	return one->sql;
}

static const char *
Sql(const Space *space, const ConsentQuery *query)
{
	ListCell   *cell;

	/* The caller's copy may be an older one than what is kept is to be of. */
	space = SpaceGet(space->name);
	Retire();
	foreach(cell, written)
	{
		Written    *one = lfirst(cell);

		if (one->query == query && strcmp(one->space, space->name) == 0)
			return one->sql;
	}
	return Write(space, query);
}

uint64
ConsentRun(const Space *space, const ConsentQuery *query,
		   const Datum *values, const bool *nulls, bool read_only)
{
	PersonaArgs args = {0};

	for (int i = 0; i < query->nargs; i++)
		PersonaArg(&args, query->types[i] == CONSENT_KEY ?
				   space->key.type : query->types[i],
				   values[i], nulls != NULL && nulls[i]);
	return PersonaExecuteKept(Sql(space, query), &args, read_only);
}
