/*
 * start.h: what starts a moment, from an event's row to the schedule.
 *
 * The trigger, the polls, the calendars and the moments before append to the
 * inbox; from there a run takes what may enter to the schedule.
 */
#ifndef PERSONA_MOMENT_START_H
#define PERSONA_MOMENT_START_H

#include "moment/moment.h"

#include "executor/tuptable.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
#include "utils/uuid.h"

/* ---- a statement's rows (intake.c, prefilter.c, inbox.c) ---- */

typedef struct MomentPrefilter MomentPrefilter;

/* What it takes to turn a row of an event's table into one of the inbox. */
typedef struct MomentIntake
{
	uint64		generation;		/* of the definitions it was made under */
	const Space *space;
	const SpaceEvent *event;
	Datum		name;			/* the event's */
	TupleDesc	row;			/* of the event's table */
	FmgrInfo   *outputs;		/* of the key columns, then of the subject */
	FmgrInfo	input;			/* of K */
	Oid			io_param;
	bool		has_styles;		/* a text may depend on the session's settings */
	const MomentPrefilter *prefilter;	/* NULL: every row is taken */
} MomentIntake;

/* What is kept of a trigger; NULL where definitions have changed since. */
extern const MomentIntake *MomentIntakeFind(Oid trigger);

/* Makes it anew for rows of the trigger's table; reads definitions. */
extern const MomentIntake *MomentIntakeLearn(const Trigger *trigger,
											 Relation relation);

/* Compiles the entry rules of the event's live moments, to stay in `context`. */
extern MomentPrefilter *MomentPrefilterMake(MemoryContext context,
											const Space *space,
											const SpaceEvent *event);

/* Whether rows can be tried outside of a trap. */
extern bool MomentPrefilterIsSafe(const MomentPrefilter *prefilter);

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

/* ---- what starts by itself (calendar.c, follow.c) ---- */

/* Puts those whose scheduled time has come into the inbox. */
extern void MomentKeepCalendar(const Space *space, const Moment *moment,
							   List **tallies);

/* The same of one subject, for the time since then; marks nothing as kept. */
extern void MomentKeepCalendarOf(const Space *space, const Moment *moment,
								 const char *subject, TimestampTz since,
								 List **tallies);

/* The INSERT of what the moments after this one start on, from verdicts x. */
extern char *MomentFollowSql(const Space *space, const Moment *moment,
							 const char *from);

/* ---- from the inbox to the schedule (start.c, again.c) ---- */

/*
 * One batch of the inbox, or of what one subject has there, from a place on
 * that moves along with what was taken; the number of rows it took.
 */
extern uint64 MomentStartBatch(const Space *space, const char *subject,
							   ItemPointer from, List **tallies);

/* A start that may enter: what is to be written into the schedule. */
typedef struct MomentEntry
{
	Datum		key;			/* the subject's, of the key's own type */
	char	   *subject;		/* the same as text */
	Datum		event;			/* as they stand in the inbox */
	Datum		event_key;
	char	   *once_key;
	TimestampTz at;				/* of the event whose delay counts */
	TimestampTz started_at;		/* of the first with the same id */
	TimestampTz due;
	int			step;			/* how often its key had started before */
	pg_uuid_t	decision;
	TimestampTz last_at;		/* the last start of its key; DT_NOBEGIN: none */
	int			last_step;
} MomentEntry;

/*
 * Reads row `row` of the result of a start_sql; what keeps it from entering, or
 * NULL. The entry is good for as long as the SPI connection is.
 */
extern const char *MomentReadEntry(uint64 row, const Moment *moment,
								   MomentEntry *entry);

/*
 * Gives each entry, in the order of time, its step and the decision's id: that
 * of the last start of its key, or the next one after again_after. Returns
 * those that are left: one for each id.
 */
extern List *MomentCountAgain(const Space *space, const Moment *moment,
							  List *entries);

/* Writes those that were not decided yet; how many are new. */
extern int64 MomentWriteEntries(const Space *space, const Moment *moment,
								List *entries);

#endif							/* PERSONA_MOMENT_START_H */
