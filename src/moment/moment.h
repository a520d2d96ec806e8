/*
 * moment.h: from an event to a message, as C sees it.
 *
 *	capture.c	the trigger: a statement's new rows go into the inbox
 *	prefilter.c	which of these rows no moment can want
 *	inbox.c		rows appended to the inbox, many at a time
 *	catchup.c	the events that no trigger saw, and those that are polled
 *	load.c		a moment with its channel, purpose, policies and variants
 *	compile.c	the one statement that reads all that a batch must know
 *	zone.c		a subject's own time: local hours and quiet hours
 *	start.c		inbox -> schedule: who enters a moment, and when it is due
 *	gate.c		the gates, one function each, over what was read
 *	address.c	caps that count by address
 *	guard.c		what is held: a spike, a loop, one error after another
 *	batch.c		which due rows are decided together, and what if one fails
 *	decide.c	schedule -> decision and message
 *	explain.c	the same gates for one subject, writing nothing
 *	uses.c		what it knows of a customer, part by part
 *	reads.c		the columns of the company's tables that a moment reads
 *	id.c		a decision's id: a pure function of what is decided
 *	run.c		CALL persona.run(): batch after batch
 *	report.c	what a run counted, and what it says of it
 *	retain.c	what has been kept long enough
 *	claim.c		outbox -> sender, consent read again under lock
 *	refusal.c	why a message may not be handed over after all
 *	adopt.c		the one database that an outbox sends from
 *	header.c	the headers by which a mailbox offers to unsubscribe
 */
#ifndef PERSONA_MOMENT_H
#define PERSONA_MOMENT_H

#include "base/persona.h"
#include "message/message.h"
#include "space/space.h"

#include "executor/tuptable.h"
#include "storage/itemptr.h"
#include "utils/date.h"
#include "utils/jsonb.h"

/* How many rows one batch, which is one transaction, takes. */
#define MOMENT_BATCH 1000

/* ---- what a moment is (load.c) ---- */

typedef struct MomentVariant
{
	char	   *name;
	double		weight;
	MessageTemplate *subject_line;	/* NULL: the channel has none */
	MessageTemplate *template;
} MomentVariant;

/* A name and an expression in the rule language. */
typedef struct MomentToken
{
	char	   *name;
	char	   *expression;
} MomentToken;

/* A frequency cap: at most `cap` messages in `per`, over its scope. */
typedef struct MomentCap
{
	int			cap;
	char	   *per;			/* an interval, as text */
	char	   *channel;		/* "" for every channel */
	char	   *purpose;		/* "" for every purpose, else with children */
} MomentCap;

/* The messages an hour above which a moment is held, over a scope as a cap's. */
typedef struct MomentRate
{
	int			most;
	char	   *channel;
	char	   *purpose;
} MomentRate;

/* Hours without messages, in seconds from midnight; from > to spans it. */
typedef struct MomentQuiet
{
	int			from;
	int			to;
} MomentQuiet;

typedef struct Moment
{
	char	   *name;
	int			version;
	char	   *state;			/* idea | live | paused | retired */
	bool		held;			/* by the volume guard */
	SpaceEvent *event;			/* what it starts on */
	char	   *when_rule;
	char	   *cancel_rule;	/* NULL: nothing cancels it */
	char	   *once_per;		/* NULL: the event's key */
	char	   *expires;		/* NULL: never; else interval or expression */
	bool		expires_is_interval;
	List	   *tokens;			/* of MomentToken * */
	char	   *purpose;
	char	   *basis;
	char	   *channel;
	char	   *address;
	char	   *time_zone;		/* NULL: UTC */
	char	   *link;			/* the base of the channel's links, or NULL */
	bool		html;
	char	   *delay;			/* an interval, as text */
	bool		has_local_time;
	TimeADT		local_time;
	bool		transactional;
	double		share;			/* of those who may enter, 0..1 */
	TimestampTz activated_at;	/* older events never send */
	List	   *variants;		/* of MomentVariant *, by name */
	/* policies, the house's and the space's: the strictest that apply */
	double		holdout;
	int			max_surprise;	/* 0..100; 100: no limit */
	List	   *caps;			/* of MomentCap * */
	List	   *quiet;			/* of MomentQuiet * */
	List	   *rates;			/* of MomentRate * */
	List	   *allowed;		/* of char *: categories; NIL: all */
} Moment;

/* All live moments of a space, higher priority first; `event` may be NULL. */
extern List *MomentLoadLive(const Space *space, const char *event);

/* One moment in any state; an error with a hint where there is none. */
extern Moment *MomentLoad(const Space *space, const char *name);

/* " AND ..." of a row x with the columns channel and purpose; "" is every. */
extern char *MomentInScope(const char *channel, const char *purpose);

/* Whether a label is `parent` or one of its children. */
extern bool MomentCovers(const char *parent, const char *category);

extern MomentVariant *MomentFindVariant(const Moment *moment,
										const char *name);

/* ---- a statement's rows (prefilter.c, inbox.c) ---- */

typedef struct MomentPrefilter MomentPrefilter;

/* What is kept of a trigger, if definitions are still what they were. */
extern MomentPrefilter *MomentPrefilterFind(Oid trigger);

/* Compiles it anew, for rows of the event's table; reads definitions. */
extern MomentPrefilter *MomentPrefilterMake(Oid trigger, const Space *space,
											const SpaceEvent *event,
											TupleDesc desc);

/* Whether rows can be tried outside of a trap, and a slot to do so. */
extern bool MomentPrefilterIsSafe(const MomentPrefilter *prefilter);
extern TupleTableSlot *MomentPrefilterSlot(const MomentPrefilter *prefilter);

/* False where the entry rules of all live moments are plainly false. */
extern bool MomentPrefilterKeeps(const MomentPrefilter *prefilter,
								 TupleTableSlot *row);

/* The columns of the inbox, in their order. */
enum
{
	INBOX_SUBJECT, INBOX_EVENT, INBOX_KEY, INBOX_AT, INBOX_SEEN_AT,
	INBOX_COLUMNS
};

typedef struct MomentInbox MomentInbox;

/* For at most `most` rows; waits no more than 0.1 s for a lock. */
extern MomentInbox *MomentInboxOpen(const Space *space, int64 most);

/* An empty row to be filled in, and its appending. */
extern TupleTableSlot *MomentInboxRow(MomentInbox *inbox);
extern void MomentInboxAppend(MomentInbox *inbox);
extern void MomentInboxClose(MomentInbox *inbox);

/* ---- what no trigger saw (catchup.c) ---- */

/*
 * Polls what is polled and, where it is time or a trigger is missing, catches
 * up with the others; `at_once` does not ask for the time. Within SPI, as the
 * space's owner; the number of events put into the inbox.
 */
extern uint64 MomentCatchUp(const Space *space, bool at_once, List **tallies);

/* Notes that run() was called. */
extern void MomentNoteRun(const Space *space);

/* ---- the statements of a batch (compile.c) ---- */

typedef struct MomentProgram
{
	char	   *start_sql;		/* $1 tid[] and $2 K[]: rows of the inbox */
	char	   *decide_sql;		/* $1 tid[] and $2 K[]: rows of the schedule */
	char	   *bare_sql;		/* the same with no user-written expression */
	char	   *probe_sql;		/* $1 K, $2 text[]: one subject and event */
	List	   *categories;		/* of char *: used by any variant */
	List	   *for_all;		/* of those the ones the generic uses too */
	List	   *uses;			/* of RuleUse *: every column that is read */
} MomentProgram;

/* Compiles and checks a moment; errors name the expression and its place. */
extern MomentProgram *MomentCompile(const Space *space, const Moment *moment);

/* The expression behind a template's variable: a token's, or the path itself. */
extern char *MomentVariableExpression(const Moment *moment, const char *path);

/* ---- a subject's own time (zone.c) ---- */

/* The zone of that name, UTC for NULL or a name that is none. */
extern struct pg_tz *MomentZone(const char *name);

/* Whether the zone database has that name. */
extern bool MomentIsZone(const char *name);

/* The first instant from `t` on at which the zone's clocks show `time`. */
extern TimestampTz MomentNextLocal(TimestampTz t, TimeADT time,
								   struct pg_tz *zone);

/* When the quiet hours around `t` end; `t` itself where it is not quiet. */
extern TimestampTz MomentQuietEnd(TimestampTz t, List *quiet,
								  struct pg_tz *zone);

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
	char	   *subject;		/* its key as text: the unit of bucketing */
	char	   *decision;		/* uuid as text */
	TimestampTz due;
	TimestampTz first_due;
	TimestampTz started_at;
	bool		subject_there;
	bool		event_there;
	MomentTruth entry;
	MomentTruth cancel;
	bool		has_expiry;
	TimestampTz expires_at;
	char	   *stale;			/* a source whose newest row is too old */
	char	   *address;
	char	   *zone;
	char	   *suppressed;		/* the reason, NULL: not suppressed */
	bool		allowed;
	char	   *consent_reason;
	char	   *ledger;
	List	   *refused;		/* of char *: categories this subject closes */
	int64	   *sent;			/* so far, one for each cap */
	int64		repeats;		/* of this moment in the last 30 days */
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

/* ---- steps of a run ---- */

/* Row `row` of the result of a decide_sql or probe_sql. */
extern MomentCase *MomentReadCase(uint64 row, const Moment *moment);

/* One batch of the inbox; the number of rows it took. */
extern uint64 MomentStartBatch(const Space *space, List **tallies);

/*
 * One batch of what is due, with rows of the moment `front` first in line. Of
 * the moments in `names`, by priority, the subjects' other rows are decided
 * too. Returns how many rows it took; `failed` receives the moments that could
 * not be decided at all.
 */
extern uint64 MomentDecideBatch(const Space *space, List *names,
								const char *front, List **tallies,
								List **failed);

/* Due rows of one moment, on their way to decisions. */
typedef struct MomentBatch
{
	const Space *space;
	const Moment *moment;
	MomentProgram *program;
	Datum		subjects;		/* K[] of the locked anchors */
	const ItemPointerData *rows;	/* in the schedule */
	int			n;
	const char *sql;			/* by which they are read */
	int			sqlstate;		/* of what failed before; 0: nothing */
	List	   *cases;			/* of MomentCase * */
	List	   *tallies;
	int			failures;		/* rows that could not be decided as they are */
	bool		held;			/* by the guard, in the middle of it */
} MomentBatch;

/* Reads, decides and writes the rows of a MomentBatch; for PersonaTrap. */
extern void MomentDecideTogether(void *batch);

/* Removes some of what policies say need not be kept; how many rows. */
extern uint64 MomentRetainBatch(const Space *space);

/* ---- the guard (guard.c) ---- */

/* Holds the moment where far more of it is due than usual; whether it did. */
extern bool MomentHoldSpike(const Space *space, const char *moment);

/* Holds it where its messages seem to start it again; whether it did. */
extern bool MomentHoldLoop(const Space *space, const Moment *moment,
						   List *cases);

/* Holds it where too many of its rows failed. */
extern void MomentHoldFailing(const Space *space, const Moment *moment);

/* ---- what a run counts and says (report.c) ---- */

/* What happened in a run: reasons and how often. */
typedef struct MomentTally
{
	char	   *moment;
	char	   *reason;
	int64		n;
} MomentTally;

extern void MomentCount(List **tallies, const char *moment,
						const char *reason, int64 n);

/* Adds what was counted apart. */
extern void MomentAddTallies(List **tallies, List *counted);

/* Into moment_day: what was counted before a decision was due. */
extern void MomentWriteTallies(const Space *space, List *tallies);

/* A NOTICE a moment, at the end of a run. */
extern void MomentReport(const char *space, List *tallies);

/* What pg_stat_activity shows while a run is at it. */
extern void MomentShowProgress(const char *space, uint64 rows, int batches);

/* An array of tids as a parameter. */
extern Datum MomentTids(const ItemPointerData *rows, int n);

/* ---- the outbox (refusal.c, adopt.c, header.c) ---- */

/*
 * text: why message `m` of a purpose may not go after all; NULL where it may.
 * Expects `k`, the ConsentLateral of its subject, purpose and channel.
 */
extern char *MomentRefusal(const Space *space);

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
 * a link on the base `link`. Within an open SPI connection.
 */
extern Datum MomentUnsubscribeHeaders(const Space *space, const char *channel,
									  const char *link, const char *subject,
									  Datum headers);

#endif							/* PERSONA_MOMENT_H */
