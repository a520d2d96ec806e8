/*
 * head.c: where the outbox begins.
 *
 * What was sent is dead in the index by which senders find what is ready, and
 * stays there for as long as anybody holds an older snapshot open: an export
 * that takes an hour makes each claim step over all that was sent in it. So a
 * backend remembers where it found the first message that was ready, and
 * begins there.
 *
 * Something may come to stand before that: a lost lease, a run that committed
 * late, a moment that was resumed. So the whole is looked at again every few
 * seconds, and whenever a claim did not find enough, unless that has just
 * taken long.
 */
#include "moment/claim.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

/* The longest that anything before the head waits, in seconds. */
#define LOOK_EVERY 10

/* What a look at the whole may take, in microseconds, to be done each time ... */
#define LOOK_SHORT 5000

/* ... and else the part of the time that may be spent on it. */
#define LOOK_SHARE 20

typedef struct Head
{
	char	   *space;
	char	   *channel;
	uint64		generation;		/* of the definitions it was found under */
	TimestampTz ready;			/* of the first message */
	TimestampTz looked_at;		/* when the whole was looked at, in real time */
	int64		took;			/* how long that took, in microseconds */
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

	if (head->generation != SpaceGeneration() ||
		GetCurrentTimestamp() - head->looked_at > LOOK_EVERY * USECS_PER_SEC)
		return DT_NOBEGIN;
	return head->ready;
}

void
MomentMoveHead(const MomentClaim *c, TimestampTz ready)
{
	Find(c)->ready = ready;
}

void
MomentNoteLook(const MomentClaim *c, TimestampTz since)
{
	Head	   *head = Find(c);

	head->generation = SpaceGeneration();
	head->looked_at = GetCurrentTimestamp();
	head->took = head->looked_at - since;
}

bool
MomentMayLook(const MomentClaim *c)
{
	const Head *head = Find(c);

	return head->took < LOOK_SHORT ||
		GetCurrentTimestamp() - head->looked_at > LOOK_SHARE * head->took;
}
