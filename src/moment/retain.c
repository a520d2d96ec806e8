/*
 * retain.c: what has been kept long enough.
 *
 * A policy's retention says how long messages that are settled and what was
 * heard of them are kept, and events that nobody took from the inbox. A
 * decision stays, for it is explained for ever: it holds no text and no value
 * of a customer's. Hashes of addresses go once no cap looks back at them. What
 * was counted in the batches of a day is one row once the day is over.
 */
#include "moment/run.h"
#include "moment/start.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

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

/* Events of one source that waited too long. */
typedef struct Waiting
{
	char	   *event;
	int64		n;
	Datum		rows;			/* tid[], in the inbox */
	Datum		subjects;		/* K[] */
} Waiting;

/* List of Waiting *; who has no subject is counted by each run (start.c). */
static List *
ReadWaiting(const Space *space, const Term *term)
{
	List	   *all = NIL;
	bool		isnull;
	uint64		n = PersonaExecute(psprintf("WITH old AS MATERIALIZED (SELECT x.ctid, x.subject, x.event FROM %s x"
											"  WHERE x.subject IS NOT NULL AND %s LIMIT %d FOR UPDATE SKIP LOCKED)"
											" SELECT event, pg_catalog.count(*) AS n, pg_catalog.array_agg(ctid) AS rows,"
											"  pg_catalog.array_agg(subject) AS subjects FROM old GROUP BY event ORDER BY event",
											SpaceTable(space, "inbox"),
											OlderThan("seen_at", term->retention),
											MOMENT_BATCH), NULL, false);

	for (uint64 i = 0; i < n; i++)
	{
		Waiting    *waiting = palloc(sizeof(Waiting));

		waiting->event = PersonaColumnText(i, "event");
		waiting->n = DatumGetInt64(PersonaColumn(i, "n", &isnull));
		waiting->rows = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(i, "rows", &isnull)));
		waiting->subjects = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(i, "subjects", &isnull)));
		all = lappend(all, waiting);
	}
	return all;
}

/*
 * Events whose subjects were locked by somebody else at every run: counted for
 * each moment that would have looked at them, and not to be found once more.
 */
static uint64
RemoveWaiting(const Space *space, const Term *term, List **tallies)
{
	uint64		n = 0;
	ListCell   *cell;
	ListCell   *live;

	foreach(cell, ReadWaiting(space, term))
	{
		Waiting    *waiting = lfirst(cell);
		PersonaArgs args = {0};

		foreach(live, MomentLoadLive(space, waiting->event))
			MomentCount(tallies, ((Moment *) lfirst(live))->name, "too_late",
						waiting->n);
		PersonaArg(&args, TIDARRAYOID, waiting->rows, false);
		PersonaArg(&args, get_array_type(space->key.type), waiting->subjects, false);
		MomentTakeOut(space, &args, DT_NOBEGIN);
		n += waiting->n;
	}
	return n;
}

static uint64
RemoveUnder(const Space *space, const Term *term, List **tallies)
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
		n += RemoveWaiting(space, term, tallies);
	return n;
}

/* In their order, so that of one count at least two rows become one. */
static uint64
FoldDays(const Space *space)
{
	const char *days = SpaceTable(space, "moment_day");
	bool		isnull;

	PersonaExecute(psprintf("WITH many AS MATERIALIZED (SELECT moment, day, reason FROM %1$s"
							"  WHERE day < persona.now()::pg_catalog.date GROUP BY 1, 2, 3 HAVING pg_catalog.count(*) > 1),"
							" gone AS (DELETE FROM %1$s WHERE ctid = ANY (ARRAY(SELECT x.ctid FROM %1$s x"
							"  JOIN many m USING (moment, day, reason) ORDER BY moment, day, reason LIMIT %2$d FOR UPDATE OF x SKIP LOCKED))"
							"  RETURNING moment, day, reason, n),"
							" whole AS (INSERT INTO %1$s SELECT moment, day, reason, pg_catalog.sum(n) FROM gone GROUP BY 1, 2, 3 RETURNING 1)"
							" SELECT (SELECT pg_catalog.count(*) FROM gone) - (SELECT pg_catalog.count(*) FROM whole) AS n",
							days, MOMENT_BATCH), NULL, false);
	return DatumGetInt64(PersonaColumn(0, "n", &isnull));
}

uint64
MomentRetainBatch(const Space *space, List **tallies)
{
	Terms		all = {.space = space};
	uint64		n;
	ListCell   *cell;

	SpaceWithDefinitions(ReadTerms, &all);
	n = Remove(space, "contact", all.longest_cap ?
			   OlderThan("at", all.longest_cap) : "true");
	n += FoldDays(space);
	foreach(cell, all.terms)
	{
		n += RemoveUnder(space, lfirst(cell), tallies);
	}
	return n;
}
