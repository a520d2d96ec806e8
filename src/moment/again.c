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
	char		digest[40];		/* of subject and key */
	TimestampTz at;
	int			step;
} LastStart;

/* The id of step 0 stands for subject and key. */
static LastStart *
Find(HTAB *starts, const char *digest, const MomentEntry *entry)
{
	bool		found;
	LastStart  *last = hash_search(starts, digest, HASH_ENTER, &found);

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
	HASHCTL		control = {.keysize = sizeof(((LastStart *) 0)->digest),
		.entrysize = sizeof(LastStart),
	.hcxt = CurrentMemoryContext};
	HTAB	   *starts = hash_create("persona starts of a batch",
									 list_length(entries), &control,
									 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	Interval   *after = DatumGetIntervalP(DirectFunctionCall3(interval_in,
															  CStringGetDatum(moment->again_after),
															  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	ListCell   *cell;

	foreach(cell, entries)
	{
		MomentEntry *entry = lfirst(cell);
		LastStart  *last = Find(starts, entry->decision, entry);

		if (last->at == DT_NOBEGIN || IsLater(entry->at, last->at, after))
		{
			last->step = last->at == DT_NOBEGIN ? 0 : last->step + 1;
			last->at = entry->at;
		}
		entry->step = last->step;
	}
}

static void
Identify(const Space *space, const Moment *moment, MomentEntry *entry)
{
	entry->decision = MomentDecisionId(space->name, moment->name,
									   entry->subject, entry->once_key,
									   entry->step);
}

void
MomentCountAgain(const Space *space, const Moment *moment, List *entries)
{
	ListCell   *cell;

	foreach(cell, entries)
	{
		((MomentEntry *) lfirst(cell))->step = 0;
		Identify(space, moment, lfirst(cell));
	}
	if (moment->again_after == NULL)
		return;
	CountSteps(moment, entries);
	foreach(cell, entries)
		Identify(space, moment, lfirst(cell));
}
