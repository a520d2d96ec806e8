/*
 * gate.h: whether a message may go, and which: from what was read of one
 * subject, its case, to a verdict with all that the gates saw.
 *
 * A run, decide(), simulate() and why_not() make their cases in one way and
 * pass them through the same gates, so that they give the same answer.
 */
#ifndef PERSONA_MOMENT_GATE_H
#define PERSONA_MOMENT_GATE_H

#include "moment/moment.h"

#include "storage/itemptr.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* ---- the gates (gate.c) ---- */

typedef enum
{
	MOMENT_FALSE,
	MOMENT_TRUE,
	MOMENT_UNKNOWN
} MomentTruth;

/* All that the gates look at, for one due row. */
typedef struct MomentCase
{
	ItemPointerData row;		/* in the schedule */
	Datum		key;			/* the subject's, of the key's own type */
	char	   *subject;		/* the same as text */
	Datum		event;			/* text that started it, or 0 */
	Datum		event_key;		/* text[] of it, or 0 */
	int			step;
	char	   *once_key;		/* the event's, or what once_per says */
	pg_uuid_t  *decision;		/* its id; NULL: it has no once_key */
	TimestampTz due;
	TimestampTz first_due;
	TimestampTz started_at;
	bool		subject_there;
	bool		event_there;
	MomentTruth entry;
	MomentTruth cancel;
	List	   *reached;		/* a goal that ends its chain, and whose it is */
	bool		has_expiry;
	TimestampTz expires_at;
	char	   *stale;			/* a source whose newest row is too old */
	char	   *unit;			/* what is spread in its place, or NULL */
	char	   *assigned;		/* its variant; NULL: in no experiment */
	char	   *channel;		/* its variant's */
	char	   *address;		/* there; NULL where any channel has none */
	char	   *zone;
	char	   *suppressed;		/* the reason, NULL: not suppressed */
	bool		allowed;
	char	   *consent_reason;
	char	   *ledger;
	List	   *refused;		/* of char *: categories this subject closes */
	int64	   *sent;			/* so far, one for each cap */
	int64		repeats;		/* of this moment, lately, the batch included */
	int64		alike;			/* of others that told of the same attributes */
	bytea	   *told_before;	/* hashes of the values they showed, or NULL */
	int			same;			/* how often a value of now was shown */
	List	   *old;			/* of char *: attributes past their max_age */
	bytea	   *items;			/* hashes of the values now, or NULL */
	int64		rounds;			/* sent of this moment within a day */
	int64		address_hash;	/* where caps count by address */
	int			same_address;	/* decided in this batch for others of it */
	Jsonb	   *values;			/* for the templates */
	int			sqlstate;		/* of an expression that failed; 0: none */
} MomentCase;

typedef enum
{
	MOMENT_SEND,
	MOMENT_HOLDOUT,
	MOMENT_SKIP,
	MOMENT_DEFER
} MomentOutcome;

typedef struct MomentVerdict
{
	MomentOutcome outcome;
	const char *reason;			/* of a skip */
	const char *variant;		/* NULL where the variant gate was not reached */
	bool		fallback;		/* the generic twin stood in */
	bool		exposed;
	TimestampTz due;			/* of a deferral */
	char	   *gates;			/* JSON: every gate and what it saw */
	text	   *subject_line;
	text	   *body;
} MomentVerdict;

/* Whether it reaches the subject, or would but for the holdout. */
extern bool MomentIsContact(const MomentVerdict *verdict);

/* ---- cases (case.c) ---- */

/* A text[] of the row of a result; List of char *, without NULLs. */
extern List *MomentReadTexts(uint64 row, const char *column);

/* Row `row` of the result of a decide_sql or probe_sql. */
extern MomentCase *MomentReadCase(uint64 row, const Moment *moment);

/* A case's values as the templates of that variant see them (variant.c). */
extern const Jsonb *MomentValues(const MomentCase *one, const char *variant);

/*
 * Takes one case through all gates. `already` messages to this subject were
 * decided earlier in the same batch.
 */
extern void MomentDecide(const Space *space, const Moment *moment,
						 const MomentProgram *program,
						 const MomentCase *one, int already,
						 MomentVerdict *verdict);

/* ---- caps by address (address.c) ---- */

extern bool MomentCapIsByAddress(const MomentCap *cap);
extern bool MomentCapsByAddress(const Moment *moment);
extern int64 MomentAddressHash(const Space *space, const char *address);

/*
 * Until the transaction ends nobody else decides under caps by address in this
 * space; to be taken before any anchor. False where somebody else does and
 * the caller does not wait.
 */
extern bool MomentLockAddresses(const Space *space, bool wait);

/* Adds to `sent` of the cases what others of the same address got. */
extern void MomentCountByAddress(const Space *space, const Moment *moment,
								 List *cases);

/* ---- what was told before (told.c) ---- */

/* As the definitions are now; with `keep` it is kept until they change. */
extern MomentTold *MomentLoadTold(const Space *space, const Moment *moment,
								  bool keep);

/* text[], as SQL over d and n: attributes that are past their max_age. */
extern char *MomentOldSql(const Space *space, const Moment *moment);

/* Fills in the cases' items, and how often these were told before. */
extern void MomentCountTold(const Space *space, const Moment *moment,
							List *cases);

/* A decision's id (id.c). */
extern void MomentDecisionId(const char *space, const char *moment,
							 const char *subject, const char *key, int step,
							 pg_uuid_t *id);

/* ---- one subject, now ---- */

/* What came with a request: its context, and the key that it goes by. */
typedef struct MomentRequest
{
	Datum		context;		/* jsonb; 0: none came */
	char	   *key;
} MomentRequest;

/* An error where the moment is no more than an idea yet. */
extern void MomentRefuseIncomplete(const Moment *moment,
								   const MomentProgram *program);

/*
 * The cases of those of the subjects who have something that could start the
 * moment, as if it did so now; List of MomentCase *.
 */
extern List *MomentProbe(const Space *space, const Moment *moment,
						 const MomentProgram *program, List *subjects,
						 const MomentRequest *request);

/* A notice of why there was none. */
extern void MomentNoStart(const Moment *moment);

/* Of a case's values those that the variant shows, as jsonb. */
extern Datum MomentContent(const Moment *moment, const MomentCase *one,
						   const MomentVerdict *verdict, bool *isnull);

/* Whether the moment is live for this subject. */
extern bool MomentInShare(const Moment *moment, const char *subject);

#endif							/* PERSONA_MOMENT_GATE_H */
