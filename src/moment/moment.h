/*
 * moment.h: from an event to a message, as C sees it.
 *
 *	capture.c	the trigger: a statement's new rows go into the inbox
 *	prefilter.c	which of these rows no moment can want
 *	inbox.c		rows appended to the inbox, many at a time
 *	catchup.c	the events that no trigger saw, and those that are polled
 *	load.c		a moment with its channel, purpose, policies and variants
 *	compile.h	the statements that read all that a batch must know
 *	variant.c	what variants may differ in
 *	zone.c		a subject's own time: local hours and quiet hours
 *	calendar.c	a schedule: whose time has come, into the inbox
 *	enter.c		segments entered, into the inbox
 *	follow.c	what a moment's message starts in turn, into the inbox
 *	start.c		inbox -> schedule: who enters a moment, and when it is due
 *	again.c		what comes again: once, anew after a while
 *	reschedule.c	another delay for what is scheduled already
 *	gate.c		the gates, one function each, over what was read
 *	address.c	caps that count by address
 *	told.c		what a message tells, and what was told before
 *	guard.c		what is held: a spike, a loop, one error after another
 *	batch.c		which due rows are decided together, and what if one fails
 *	decide.c	schedule -> decision and message
 *	latest.c	what a moment would start on, if it started now
 *	probe.c		a subject's case, as if the moment started for it now
 *	explain.c	the gates of that, writing nothing
 *	simulate.c	all of what would be decided, for one or for a segment
 *	request.c	decide(): the same at once, and written down
 *	rehearse.c	all of it for a few made-up subjects, and rolled back
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
	List	   *tokens;			/* of MomentToken *: its own */
	char	   *delay;			/* an interval, as text */
	char	   *channel;
} MomentVariant;

/* Where messages go. */
typedef struct MomentChannel
{
	char	   *name;
	char	   *address;		/* an expression */
	bool		html;
} MomentChannel;

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

/* A moment before this one in its chain. */
typedef struct MomentBefore
{
	char	   *name;
	char	   *cancel_rule;	/* NULL: nothing cancels it */
} MomentBefore;

/* What an audit says of a moment (told.c). */
typedef struct MomentTold
{
	int			surprise;		/* 0..100: the most surprising thing it uses */
	int			twin;			/* the same of the generic twin */
	List	   *attributes;		/* of char *: what it tells of the customer */
	List	   *max_ages;		/* of char *: of each, an interval or "" */
	List	   *of_start;		/* of char *: those of what started it */
	List	   *variables;		/* of char *: of templates, that show them */
	List	   *shown;			/* of char *: by each, the names of which */
} MomentTold;

typedef struct Moment
{
	char	   *name;
	int			version;
	char	   *state;			/* idea | live | paused | retired */
	bool		held;			/* by the volume guard */
	char	   *starts_on;		/* the word of its starts in the inbox */
	SpaceEvent *event;			/* what `new` is: what starts it or its chain */
	char	   *on_segment;		/* what else it may start on: one or none */
	char	   *schedule;
	bool		on_request;
	bool		is_after;		/* another moment: */
	List	   *before;			/* of MomentBefore *, the nearest first */
	bool		followed;		/* a live moment comes after it */
	char	   *when_rule;
	char	   *cancel_rule;	/* NULL: nothing cancels it */
	char	   *once_per;		/* NULL: the event's key */
	bool		restart;		/* what comes again moves the due time */
	char	   *again_after;	/* an interval, as text; NULL: never again */
	char	   *expires;		/* NULL: never; else interval or expression */
	bool		expires_is_interval;
	char	   *experiment;		/* under whose name its exposures are kept */
	char	   *assign;			/* that experiment's row, as text; NULL: own */
	char	   *unit;			/* what that spreads; NULL: the subject */
	List	   *tokens;			/* of MomentToken * */
	char	   *purpose;
	char	   *basis;
	char	   *channel;
	char	   *time_zone;		/* of that channel; NULL: UTC */
	char	   *link;			/* the base of that channel's links, or NULL */
	char	   *delay;			/* an interval, as text */
	char	   *local_time;		/* NULL: at any hour */
	bool		transactional;
	double		share;			/* of those who may enter, 0..1 */
	TimestampTz activated_at;	/* older events never send */
	List	   *variants;		/* of MomentVariant *, by name */
	List	   *channels;		/* of MomentChannel *: of any with weight */
	/* policies, the house's and the space's: the strictest that apply */
	double		holdout;
	int			max_surprise;	/* 0..100; 100: no limit */
	char	   *told_within;	/* an interval: what was told in it counts */
	List	   *caps;			/* of MomentCap * */
	List	   *quiet;			/* of MomentQuiet * */
	List	   *rates;			/* of MomentRate * */
	List	   *allowed;		/* of char *: categories; NIL: all */
	MomentTold *told;			/* NULL where nothing is to be decided */
} Moment;

/* All live moments of a space, or on that start; higher priority first. */
extern List *MomentLoadLive(const Space *space, const char *starts_on);

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

/* One moment's, as SQL over the event's row n: false where it is left out. */
extern char *MomentPrefilterSql(const Space *space, const Moment *moment);

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
extern uint64 MomentCatchUp(const Space *space, bool at_once);

/*
 * Takes rows, $1 tid[] and $2 K[], out of the inbox. Of those that happened
 * since then it is remembered that they were seen.
 */
extern void MomentTakeOut(const Space *space, PersonaArgs *rows,
						  TimestampTz since);

/* Notes that run() was called. */
extern void MomentNoteRun(const Space *space);

/* ---- variants (variant.c) ---- */

extern MomentChannel *MomentFindChannel(const Moment *moment, const char *name);

/* Their weights, which make 1 together; NULL where none has any. */
extern double *MomentWeights(const Moment *moment);

/*
 * SQL of the name of the variant that `unit`, which is SQL, is going to get;
 * NULL where it takes no part in the experiment.
 */
extern char *MomentAssigned(const Moment *moment, const char *unit);

/*
 * Of SQL expressions, one for each variant, the one of the variant that SQL
 * calls `assigned`; of the generic one where it has no such name.
 */
extern char *MomentByVariant(const Moment *moment, const char *assigned,
							 List *values);

/* The member of a case's values that holds what single variants have. */
#define MOMENT_OWN_VALUES ""

/* ---- the statements of a batch (compile.c) ---- */

typedef struct MomentProgram
{
	char	   *start_sql;		/* $1 tid[] and $2 K[]: rows of the inbox */
	char	   *decide_sql;		/* $1 tid[] and $2 K[]: rows of the schedule */
	char	   *bare_sql;		/* the same with no user-written expression */
	char	   *due_sql;		/* row and due of all that is scheduled */
	char	   *probe_sql;		/* $1 K[]: subjects, as if it started now; $2
								 * jsonb and $3 text: a request and its key */
	List	   *categories;		/* of char *: used by any variant */
	List	   *for_all;		/* of those the ones the generic uses too */
	List	   *uses;			/* of RuleUse *: every column that is read */
} MomentProgram;

/* Compiles and checks a moment; errors name the expression and its place. */
extern MomentProgram *MomentCompile(const Space *space, const Moment *moment);

/* A text[] of constants, as SQL. */
extern char *MomentTextArray(List *texts);

/* The SQL of what a subject u would start the moment on now (latest.c). */
extern char *MomentLatestStart(const Space *space, const Moment *moment);

/* What of a variable's path has a value of its own: "new.item", "name". */
extern char *MomentVariableHead(const char *path);

/* The expression behind a template's variable: a token's, or the path itself. */
extern char *MomentVariableExpression(const Moment *moment,
									  const MomentVariant *variant,
									  const char *path);

/* ---- a subject's own time (zone.c) ---- */

/* The zone of that name, UTC for NULL or a name that is none. */
extern struct pg_tz *MomentZone(const char *name);

/* Whether the zone database has that name. */
extern bool MomentIsZone(const char *name);

/* What the zone's clocks show at `t`, as microseconds since 2000-01-01. */
extern Timestamp MomentLocal(TimestampTz t, struct pg_tz *zone);

/* The instant at which the zone's clocks show `local`. */
extern TimestampTz MomentFromLocal(Timestamp local, struct pg_tz *zone);

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
	char	   *subject;		/* its key as text */
	char	   *once_key;		/* the event's, or what once_per says */
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
	char	   *items;			/* hashes of the values now, as a literal */
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

/* A decision's id, as text (id.c). */
extern char *MomentDecisionId(const char *space, const char *moment,
							  const char *subject, const char *key, int step);

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

/* Writes what was decided on the row of the schedule that the case is of. */
extern void MomentWrite(const Space *space, const Moment *moment,
						MomentProgram *program, MomentCase *one,
						const MomentVerdict *verdict);

/* The partition of decisions about what started at that time. */
extern void MomentMakePartition(const Space *space, TimestampTz at);

/* ---- steps of a run ---- */

/* A text[] of the row of a result; List of char *, without NULLs. */
extern List *MomentReadTexts(uint64 row, const char *column);

/* Row `row` of the result of a decide_sql or probe_sql. */
extern MomentCase *MomentReadCase(uint64 row, const Moment *moment);

/* SQL: whether the row `alias` is of that subject; NULL: whoever's it is. */
extern char *MomentIsOf(const Space *space, const char *alias,
						const char *subject);

/*
 * One batch of the inbox, or of what one subject has there; the number of rows
 * it took.
 */
extern uint64 MomentStartBatch(const Space *space, const char *subject,
							   List **tallies);

/*
 * One batch of what is due, of everybody or for one subject, with rows of the
 * moment `front` first in line. Of
 * the moments in `names`, by priority, the subjects' other rows are decided
 * too. Returns how many rows it took; `failed` receives the moments that could
 * not be decided at all.
 */
extern uint64 MomentDecideBatch(const Space *space, List *names,
								const char *front, const char *subject,
								List **tallies, List **failed);

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

/* ---- rehearsing (rehearse.c) ---- */

/* Whether all that this session is doing is going to be rolled back. */
extern bool MomentIsRehearsing(void);

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

/* Puts those whose scheduled time has come into the inbox. */
extern void MomentKeepCalendar(const Space *space, const Moment *moment,
							   List **tallies);

/* The same of one subject, for the time since then; marks nothing as kept. */
extern void MomentKeepCalendarOf(const Space *space, const Moment *moment,
								 const char *subject, TimestampTz since,
								 List **tallies);

/*
 * What the moments after this one start on, by $1 tid[] of its schedule and
 * $2 text[] of what was decided.
 */
extern void MomentFollow(const Space *space, const Moment *moment,
						 const PersonaArgs *rows);

/* A start that may enter: what is to be written into the schedule. */
typedef struct MomentEntry
{
	ItemPointerData row;		/* in the inbox */
	char	   *subject;
	char	   *once_key;
	TimestampTz at;
	TimestampTz due;
	int			step;			/* how often its key had started before */
	char	   *decision;
	TimestampTz last_at;		/* the last start of its key; DT_NOBEGIN: none */
	int			last_step;
} MomentEntry;

/*
 * Gives each entry, in the order of time, its step and the decision's id: that
 * of the last start of its key, or the next one after again_after (again.c).
 */
extern void MomentCountAgain(const Space *space, const Moment *moment,
							 List *entries);

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
