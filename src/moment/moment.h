/*
 * moment.h: from an event to a message, as C sees it.
 *
 *	capture.c	the trigger: a statement's new rows go into the inbox
 *	load.c		a moment with its channel, purpose, policies and variants
 *	compile.c	the one statement that reads all that a batch must know
 *	zone.c		a subject's own time: local hours and quiet hours
 *	start.c		inbox -> schedule: who enters a moment, and when it is due
 *	gate.c		the gates, one function each, over what was read
 *	decide.c	schedule -> decision and message
 *	explain.c	the same gates for one subject, writing nothing
 *	uses.c		what it knows of a customer, part by part
 *	reads.c		the columns of the company's tables that a moment reads
 *	id.c		a decision's id: a pure function of what is decided
 *	run.c		CALL persona.run(): batch after batch
 *	claim.c		outbox -> sender, consent read again under lock
 */
#ifndef PERSONA_MOMENT_H
#define PERSONA_MOMENT_H

#include "base/persona.h"
#include "message/message.h"
#include "space/space.h"

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
	bool		html;
	char	   *delay;			/* an interval, as text */
	bool		has_local_time;
	TimeADT		local_time;
	bool		transactional;
	double		share;			/* of those who may enter, 0..1 */
	TimestampTz activated_at;	/* older events never send */
	List	   *variants;		/* of MomentVariant *, by name */
	/* policies, each the strictest of all that apply */
	double		holdout;
	int			max_surprise;	/* 0..100; 100: no limit */
	List	   *caps;			/* of MomentCap * */
	List	   *quiet;			/* of MomentQuiet * */
	List	   *allowed;		/* of char *: categories; NIL: all */
} Moment;

/* All live moments of a space, higher priority first; `event` may be NULL. */
extern List *MomentLoadLive(const Space *space, const char *event);

/* One moment in any state; an error with a hint where there is none. */
extern Moment *MomentLoad(const Space *space, const char *name);

extern MomentVariant *MomentFindVariant(const Moment *moment,
										const char *name);

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

/* ---- steps of a run ---- */

/* Row `row` of the result of a decide_sql or probe_sql. */
extern MomentCase *MomentReadCase(uint64 row, const Moment *moment);

/* What happened in a run, for its NOTICE: reasons and how often. */
typedef struct MomentTally
{
	char	   *moment;
	char	   *reason;
	int64		n;
} MomentTally;

extern void MomentCount(List **tallies, const char *moment,
						const char *reason, int64 n);

/* One batch of the inbox; the number of rows it took. */
extern uint64 MomentStartBatch(const Space *space, List **tallies);

/* One batch of a moment's due rows; the number of rows it took. */
extern uint64 MomentDecideBatch(const Space *space, Moment *moment,
								List **tallies);

/* An array of tids as a parameter. */
extern Datum MomentTids(const ItemPointerData *rows, int n);

#endif							/* PERSONA_MOMENT_H */
