/*
 * again.c: what comes again.
 *
 * A key, which is the event's own or what once_per says, starts a moment once:
 * a second start has the id of the first and changes nothing, or moves its due
 * time where the moment restarts. With again_after it starts anew, with the
 * next step, where its event is that much later than the one that started it
 * last. Only the events' own times are compared, so an event that arrives
 * twice, however late, starts nothing twice.
 */
#include "moment/gate.h"
#include "moment/start.h"

#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

/* The last start of a key, as the entries of a batch go by. */
typedef struct LastStart
{
	pg_uuid_t	id;				/* of step 0: stands for subject and key */
	TimestampTz at;
	int			step;
} LastStart;

/* By a decision's id. */
static HTAB *
MakeTable(Size entrysize, List *entries)
{
	HASHCTL		control = {.keysize = sizeof(pg_uuid_t),
		.entrysize = entrysize,
	.hcxt = CurrentMemoryContext};

	return hash_create("persona starts of a batch", list_length(entries),
					   &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static LastStart *
Find(HTAB *starts, const MomentEntry *entry)
{
	bool		found;
	LastStart  *last = hash_search(starts, &entry->decision, HASH_ENTER, &found);

	if (!found)
	{
		last->at = entry->last_at;
		last->step = entry->last_step;
	}
	return last;
}

static bool
IsLater(TimestampTz at, TimestampTz last, Interval *after)
{
	Datum		again = DirectFunctionCall2(timestamptz_pl_interval,
											TimestampTzGetDatum(last),
											IntervalPGetDatum(after));

	return at >= DatumGetTimestampTz(again);
}

static void
CountSteps(const Moment *moment, List *entries)
{
	HTAB	   *starts = MakeTable(sizeof(LastStart), entries);
	Interval   *after = DatumGetIntervalP(DirectFunctionCall3(interval_in,
															  CStringGetDatum(moment->again_after),
															  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	ListCell   *cell;

	foreach(cell, entries)
	{
		MomentEntry *entry = lfirst(cell);
		LastStart  *last = Find(starts, entry);

		if (last->at == DT_NOBEGIN || IsLater(entry->at, last->at, after))
		{
			last->step = last->at == DT_NOBEGIN ? 0 : last->step + 1;
			last->at = entry->at;
		}
		entry->step = last->step;
	}
}

static void
Identify(const Space *space, const Moment *moment, List *entries)
{
	ListCell   *cell;

	foreach(cell, entries)
	{
		MomentEntry *entry = lfirst(cell);

		MomentDecisionId(space->name, moment->name, entry->subject,
						 entry->once_key, entry->step, &entry->decision);
	}
}

/* The place of an id in the list of those that are left. */
typedef struct Place
{
	pg_uuid_t	id;
	int			number;
} Place;

/*
 * Of several with one id the earliest counts; where the moment restarts, the
 * latest. What started it is the earliest in either case.
 */
static List *
OneEach(const Moment *moment, List *entries)
{
	HTAB	   *places = MakeTable(sizeof(Place), entries);
	List	   *left = NIL;
	ListCell   *cell;

	foreach(cell, entries)
	{
		MomentEntry *entry = lfirst(cell);
		bool		found;
		Place	   *place = hash_search(places, &entry->decision, HASH_ENTER,
										&found);

		if (found)
		{
			ListCell   *other = list_nth_cell(left, place->number);
			MomentEntry *kept = lfirst(other);

			kept->started_at = entry->started_at =
				Min(kept->started_at, entry->started_at);
			if (moment->restart)
				lfirst(other) = entry;
			continue;
		}
		place->number = list_length(left);
		left = lappend(left, entry);
	}
	return left;
}

List *
MomentCountAgain(const Space *space, const Moment *moment, List *entries)
{
	ListCell   *cell;

	foreach(cell, entries)
		((MomentEntry *) lfirst(cell))->step = 0;
	Identify(space, moment, entries);
	if (moment->again_after != NULL)
	{
		CountSteps(moment, entries);
		Identify(space, moment, entries);
	}
	return OneEach(moment, entries);
}
