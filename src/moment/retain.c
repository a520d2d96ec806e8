/*
 * retain.c: what has been kept long enough.
 *
 * A policy's retention says how long messages that are settled and what was
 * heard of them are kept, and events that nobody took from the inbox. A
 * decision stays, for it is explained for ever: it holds no text and no value
 * of a customer's. Hashes of addresses go once no cap looks back at them.
 */
#include "moment/run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

/* How long the rows of a scope are kept. */
typedef struct Term
{
	char	   *channel;
	char	   *purpose;
	char	   *retention;		/* an interval, as text */
} Term;

typedef struct Terms
{
	const Space *space;
	List	   *terms;			/* of Term * */
	char	   *longest_cap;	/* by address, as text; NULL: there is none */
} Terms;

static void
ReadTerms(void *arg)
{
	Terms	   *all = arg;
	PersonaArgs args = {0};
	uint64		n;
	char	   *longest;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(all->space->name), false);
	n = PersonaExecute("SELECT channel, purpose, pg_catalog.min(retention)::text AS retention"
					   " FROM persona.policy WHERE space IN ($1, 'house') AND retention IS NOT NULL"
					   " GROUP BY 1, 2 ORDER BY 1, 2", &args, true);
	for (uint64 i = 0; i < n; i++)
	{
		Term	   *term = palloc(sizeof(Term));

		term->channel = pstrdup(PersonaColumnText(i, "channel"));
		term->purpose = pstrdup(PersonaColumnText(i, "purpose"));
		term->retention = pstrdup(PersonaColumnText(i, "retention"));
		all->terms = lappend(all->terms, term);
	}
	PersonaExecute("SELECT pg_catalog.max(per)::text AS per FROM persona.policy"
				   " WHERE space IN ($1, 'house') AND channel = '' AND purpose = '' AND cap IS NOT NULL",
				   &args, true);
	longest = PersonaColumnText(0, "per");
	all->longest_cap = longest ? pstrdup(longest) : NULL;
}

/* A batch of the rows x of a table for which `old` holds; how many it was. */
static uint64
Remove(const Space *space, const char *table, const char *old)
{
	return PersonaExecute(psprintf("DELETE FROM %s WHERE ctid = ANY (ARRAY(SELECT x.ctid FROM %s x"
								   " WHERE %s LIMIT %d FOR UPDATE SKIP LOCKED))",
								   SpaceTable(space, table),
								   SpaceTable(space, table), old, MOMENT_BATCH),
						  NULL, false);
}

static char *
OlderThan(const char *column, const char *interval)
{
	return psprintf("x.%s < persona.now() - %s::pg_catalog.interval", column,
					PersonaLiteral(interval));
}

static uint64
RemoveUnder(const Space *space, const Term *term)
{
	const char *scope = MomentInScope(term->channel, term->purpose);
	uint64		n;

	n = Remove(space, "message",
			   psprintf("%s%s", OlderThan("done_at", term->retention), scope));
	/* One that nobody claimed in time can never be sent. */
	n += Remove(space, "message",
				psprintf("x.done_at IS NULL AND %s%s",
						 OlderThan("expires_at", term->retention), scope));
	n += Remove(space, "feedback",
				psprintf("%s%s", OlderThan("at", term->retention), scope));
	/* What waits in the inbox has no channel and no purpose yet. */
	if (scope[0] == '\0')
		n += Remove(space, "inbox", OlderThan("seen_at", term->retention));
	return n;
}

uint64
MomentRetainBatch(const Space *space)
{
	Terms		all = {.space = space};
	uint64		n;
	ListCell   *cell;

	SpaceWithDefinitions(ReadTerms, &all);
	n = Remove(space, "contact", all.longest_cap ?
			   OlderThan("at", all.longest_cap) : "true");
	foreach(cell, all.terms)
	{
		n += RemoveUnder(space, lfirst(cell));
	}
	return n;
}
