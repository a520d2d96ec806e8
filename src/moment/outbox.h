/*
 * outbox.h: what stands between a message and its sender.
 */
#ifndef PERSONA_MOMENT_OUTBOX_H
#define PERSONA_MOMENT_OUTBOX_H

#include "moment/moment.h"

#include "consent/consent.h"

/*
 * text: why message `m` of a purpose may not go after all; NULL where it may.
 * Expects `k`, the ConsentLateral of its subject, purpose and channel.
 */
extern char *MomentRefusal(const Space *space);

/*
 * Of the messages in `rows` (tid[]), which are locked and may be of any
 * moments, those that were cancelled since they were decided: tid[], or 0 for
 * none. Only those of `moments`, a text[] literal, are asked; those of which
 * it cannot be told are put off, so that they are in these places no more.
 * As the space's owner.
 */
extern Datum MomentRecall(const Space *space, const char *moments, Datum rows);

/* The same of one message, changing nothing: why it may not go, or NULL. */
extern const char *MomentRecallOne(const Space *space, const char *moment,
								   ItemPointer row, Datum subjects);

/* Which database this is: its system, its oid and its timeline. */
extern char *MomentHere(void);

/* An error where nothing can be written here: `what` needs the primary. */
extern void MomentRefuseStandby(const char *what);

/*
 * An error unless the space sends from here. `bound` is what its outbox is
 * bound to, or NULL.
 */
extern void MomentRefuseCopy(const Space *space, const char *bound);

/*
 * The page that a variable of a template links to: unsubscribe_url and
 * preferences_url; NULL for any other. And the link, as SQL over d.subject.
 */
extern const char *MomentPage(const char *variable);
extern char *MomentLinkSql(const Space *space, const Moment *moment,
						   const char *page);

/*
 * The headers (jsonb, or 0 for none) and those of one-click unsubscribing, by
 * a link on the base `link`. Within an open SPI connection, as the owner.
 */
extern Datum MomentUnsubscribeHeaders(const Space *space,
									  const ConsentSigner *signer,
									  const char *channel, const char *link,
									  const char *subject, Datum headers);

#endif							/* PERSONA_MOMENT_OUTBOX_H */
