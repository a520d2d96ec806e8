/*
 * moment.h: from an event to a message, as C sees it.
 *
 * What a moment is, read and compiled:
 *	load.c		a moment with its channel, purpose, policies and variants
 *	keep.c		moments as this backend knows them, read and compiled
 *	variant.c	what variants may differ in
 *	compile.h	the statements that read all that a batch must know
 *	uses.c		what it knows of a customer, part by part
 *	reads.c		the columns of the company's tables that a moment reads
 *	latest.c	what a moment would start on, if it started now
 *
 * zone.h: a subject's own time
 *	zone.c		local hours and quiet hours
 *
 * start.h: what starts a moment, and when it is due
 *	capture.c	the trigger: a statement's new rows go into the inbox
 *	intake.c	what is known of such a trigger, looked up once
 *	prefilter.c	which of these rows no moment can want
 *	inbox.c		rows appended to the inbox, many at a time
 *	catchup.c	the events that no trigger saw, and those that are polled
 *	calendar.c	a schedule: whose time has come, into the inbox
 *	enter.c		segments entered, into the inbox
 *	follow.c	what a moment's message starts in turn, into the inbox
 *	start.c		inbox -> schedule: what waits, and what moments make of it
 *	entry.c		who enters a moment, and when it is due
 *	again.c		what comes again: once, anew after a while
 *	reschedule.c	another delay for what is scheduled already
 *
 * gate.h: whether a message may go, and which
 *	gate.c		the gates, one function each, over what was read
 *	case.c		what was read of one subject, as the gates see it
 *	saw.h		what a gate saw, as JSON
 *	address.c	caps that count by address
 *	told.c		what a message tells, and what was told before
 *	id.c		a decision's id: a pure function of what is decided
 *	probe.c		a subject's case, as if the moment started for it now
 *	explain.c	the gates of that, writing nothing
 *	simulate.c	all of what would be decided, for one or for a segment
 *	sample.c	what it would say to some, for the audit and the lint
 *
 * run.h: schedule -> decisions and messages
 *	run.c		CALL persona.run(): batch after batch
 *	batch.c		which due rows are decided together, and what if one fails
 *	decide.c	schedule -> decision and message
 *	write.c		what was decided, written down in one statement
 *	partition.c	the decisions' partitions, one a month
 *	request.c	decide(): the same at once, for one subject
 *	rehearse.c	all of it for a few made-up subjects, and rolled back
 *	guard.c		what is held: a spike, a loop, one error after another
 *	report.c	what a run counted, and what it says of it
 *	retain.c	what has been kept long enough
 *	convert.c	who reached the goal after a decision
 *
 * outbox.h: messages -> senders
 *	claim.c		outbox -> sender: what is asked for
 *	lease.c		a page of messages, consent read again under lock
 *	head.c		where the outbox begins
 *	recall.c	what was called off while it waited there
 *	refusal.c	why a message may not be handed over after all
 *	adopt.c		the one database that an outbox sends from
 *	header.c	the headers by which a mailbox offers to unsubscribe
 */
#ifndef PERSONA_MOMENT_MOMENT_H
#define PERSONA_MOMENT_MOMENT_H

#include "base/persona.h"
#include "message/message.h"
#include "space/space.h"

#include "utils/timestamp.h"

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
	char	   *goal;			/* of its experiment; NULL: nothing to reach */
	char	   *measure;
	char	   *within;			/* an interval, as text */
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
	char	   *assign;			/* SQL over d and u: the variant; NULL: none */
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

/* Only their names; List of char *. */
extern List *MomentLiveNames(const Space *space);

/* One moment in any state; an error with a hint where there is none. */
extern Moment *MomentLoad(const Space *space, const char *name);

/* " AND ..." of a row x with the columns channel and purpose; "" is every. */
extern char *MomentInScope(const char *channel, const char *purpose);

/* Whether a label is `parent` or one of its children. */
extern bool MomentCovers(const char *parent, const char *category);

extern MomentVariant *MomentFindVariant(const Moment *moment,
										const char *name);

/* ---- variants (variant.c) ---- */

extern MomentChannel *MomentFindChannel(const Moment *moment, const char *name);

/*
 * A join of a (unit, variant): of `unit`, which is SQL over d and what is joined
 * before, the variant that it is going to get; NULL where it takes no part.
 */
extern char *MomentAssignment(const Moment *moment, const char *unit);

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
	char	   *write_sql;		/* writes verdicts on rows of the schedule */
	char	   *show_sql;		/* the same on requests, which is sent at once */
	List	   *categories;		/* of char *: used by any variant */
	List	   *for_all;		/* of those the ones the generic uses too */
	List	   *uses;			/* of RuleUse *: every column that is read */
} MomentProgram;

/*
 * Whether a subject, which is SQL, is one of $2, those that a batch has locked.
 * They are looked up by hash, which a plan that is kept can't do with
 * = ANY, and no index on the subject looks better than the places of the rows.
 */
extern char *MomentIsLocked(const char *subject);

/*
 * SQL: whether nothing came of what was decided to be sent: its message was
 * cancelled or died. `decision` is a row with a subject and a decision.
 */
extern char *MomentWasStopped(const Space *space, const char *decision);

/* The statement that writes what was decided (write.c). */
extern char *MomentWriteSql(const Space *space, const Moment *moment,
							const MomentProgram *program, bool shown);

/* Compiles and checks a moment; errors name the expression and its place. */
extern MomentProgram *MomentCompile(const Space *space, const Moment *moment);

/* An error where columns of the event that starts it are gone. */
extern void MomentRefuseBroken(const Space *space, const Moment *moment);

/*
 * The statement that says which rows of the outbox, $1 tid[] and $2 K[], are
 * cancelled by now; NULL where nothing can cancel the moment.
 */
extern char *MomentCompileRecall(const Space *space, const Moment *moment);

/* ---- what is kept of it (keep.c) ---- */

/*
 * The same as MomentLoad and MomentCompile, of which this backend keeps what
 * still holds; valid until the transaction ends. Of a kept program `uses` is
 * not there. Changes of definitions that committed are seen: *moment becomes
 * the one that the program is of.
 */
extern const Moment *MomentKept(const Space *space, const char *name);
extern const MomentProgram *MomentKeptProgram(const Space *space,
											  const Moment **moment);
extern const char *MomentKeptRecall(const Space *space, const char *name);

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

/* ---- rehearsing (rehearse.c) ---- */

/* Whether all that this session is doing is going to be rolled back. */
extern bool MomentIsRehearsing(void);

#endif							/* PERSONA_MOMENT_MOMENT_H */
