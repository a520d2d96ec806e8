/*
 * head.c: where the outbox begins.
 *
 * What was sent is dead in the index by which senders find what is ready, and
 * stays there for as long as anybody holds an older snapshot open: an export
 * that takes an hour makes each claim step over all that was sent in it. Where
 * that takes long, a backend begins where it last found the first message.
 *
 * Something may come to stand before that: a lost lease, a run that committed
 * late. So the whole is looked at again every minute, and, in part of the
 * time, whenever a claim did not find enough. Costs are CPU time: a busy
 * machine is no reason to look at less.
 */
#include "moment/claim.h"

#include <sys/resource.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

/* The longest that anything before the head waits, in seconds. */
#define LOOK_EVERY 60

/* What a look at the whole may cost, and each message it finds, in us. */
#define LOOK_COST 1000
#define MESSAGE_COST 20

/* So many in a row must cost more: one may have been planned, or cold. */
#define LONG_LOOKS 2

/* The part of the time that is spent on such looks where too little is found. */
#define LOOK_SHARE 20

typedef struct Head
{
	char	   *space;
	char	   *channel;
	uint64		generation;		/* of the definitions it was found under */
	TimestampTz ready;			/* of the first message */
	TimestampTz looked_at;		/* when the whole was looked at, in real time */
	int64		cost;			/* of that, in microseconds */
	int			long_looks;		/* in a row */
} Head;

static List *heads;				/* of Head *, for ever: they are few */

static Head *
Find(const MomentClaim *c)
{
	Head	   *head;
	MemoryContext caller;
	ListCell   *cell;

	foreach(cell, heads)
	{
		head = lfirst(cell);
		if (strcmp(head->space, c->space->name) == 0 &&
			strcmp(head->channel, c->channel) == 0)
			return head;
	}
	caller = MemoryContextSwitchTo(TopMemoryContext);
	head = palloc0(sizeof(Head));
	head->space = pstrdup(c->space->name);
	head->channel = pstrdup(c->channel);
	head->ready = DT_NOBEGIN;
	heads = lappend(heads, head);
	MemoryContextSwitchTo(caller);
	return head;
}

TimestampTz
MomentHead(const MomentClaim *c)
{
	const Head *head = Find(c);

	if (head->long_looks < LONG_LOOKS ||
		head->generation != SpaceGeneration() ||
		GetCurrentTimestamp() - head->looked_at > LOOK_EVERY * USECS_PER_SEC)
		return DT_NOBEGIN;
	return head->ready;
}

void
MomentMoveHead(const MomentClaim *c, TimestampTz ready)
{
	Find(c)->ready = ready;
}

int64
MomentCpuTime(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * USECS_PER_SEC +
		usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

void
MomentNoteLook(const MomentClaim *c, int64 cost, int found)
{
	Head	   *head = Find(c);

	head->generation = SpaceGeneration();
	head->looked_at = GetCurrentTimestamp();
	head->cost = cost;
	if (cost > LOOK_COST + MESSAGE_COST * found)
		head->long_looks++;
	else
		head->long_looks = 0;
}

bool
MomentMayLook(const MomentClaim *c)
{
	const Head *head = Find(c);

	return GetCurrentTimestamp() - head->looked_at > LOOK_SHARE * head->cost;
}
