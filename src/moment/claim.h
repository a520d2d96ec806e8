/*
 * claim.h: what the files of claim() hand to each other.
 *
 *	claim.c		what is asked for, and what to say where there is nothing
 *	lease.c		one page of messages: locked, looked at again, handed over
 *	head.c		where the outbox begins
 */
#ifndef PERSONA_MOMENT_CLAIM_H
#define PERSONA_MOMENT_CLAIM_H

#include "moment/outbox.h"

#include "utils/uuid.h"

/* One call of claim(). */
typedef struct MomentClaim
{
	const Space *space;
	char	   *channel;
	char	   *link;			/* the base of its links if that is https */
	Interval   *lease;
	char	   *cancellable;	/* moments that something may cancel; or NULL */
	int			wanted;
	int			claimed;
	Datum		cancelled;		/* tid[] of those of the page; 0: none */
	TimestampTz last_ready;		/* after which the next page begins */
	pg_uuid_t	last_message;
	FunctionCallInfo fcinfo;
} MomentClaim;

/* A purpose that messages may have, with its basis. */
typedef struct MomentPurpose
{
	char	   *purpose;
	char	   *basis;
} MomentPurpose;

/*
 * Takes the next page of what is ready, of moments in `live` (an array
 * literal) and for these purposes, and adds what may go to the result; false
 * where nothing more is ready. As the space's owner.
 */
extern bool MomentLeasePage(MomentClaim *claim, const char *live,
							List *purposes);

/*
 * From when on messages of that channel are ready, as this backend last saw
 * it; -infinity where all of them are to be looked at.
 */
extern TimestampTz MomentHead(const MomentClaim *claim);
extern void MomentMoveHead(const MomentClaim *claim, TimestampTz ready);

/* All were looked at for that cost, which MomentCpuTime() tells (us). */
extern void MomentNoteLook(const MomentClaim *claim, int64 cost, int found);
extern int64 MomentCpuTime(void);

/* Whether to look at all of them where too few were found. */
extern bool MomentMayLook(const MomentClaim *claim);

#endif							/* PERSONA_MOMENT_CLAIM_H */
