/*
 * run.h: the steps of a run, from what is due to decisions and messages, each
 * step a batch that is a transaction of its own.
 */
#ifndef PERSONA_MOMENT_RUN_H
#define PERSONA_MOMENT_RUN_H

#include "moment/gate.h"

/* How many rows one batch, which is one transaction, takes. */
#define MOMENT_BATCH 1000

/* ---- what is due (batch.c, decide.c) ---- */

/*
 * SQL: whether the row `alias` is of that subject, which becomes an argument;
 * NULL: whoever's it is.
 */
extern char *MomentIsOf(const Space *space, const char *alias,
						const char *subject, PersonaArgs *args);

/*
 * A statement about one subject comes again and again, and its plan is kept;
 * one about a queue is planned by how long the queue is now.
 */
extern uint64 MomentExecute(const char *sql, const PersonaArgs *args);

/*
 * One batch of what is due, of everybody or for one subject, with rows of the
 * moment `front` first in line. Of the moments in `names`, by priority, the
 * subjects' other rows are decided too. Returns how many rows it took; `failed`
 * receives the moments that could not be decided at all.
 */
extern uint64 MomentDecideBatch(const Space *space, List *names,
								const char *front, const char *subject,
								List **tallies, List **failed);

/* Due rows of one moment, on their way to decisions. */
typedef struct MomentBatch
{
	const Space *space;
	const Moment *moment;
	const MomentProgram *program;
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

/* Removes some of what need not be kept; how many rows. */
extern uint64 MomentRetainBatch(const Space *space, List **tallies);

/* ---- what was decided (write.c, partition.c) ---- */

typedef struct MomentVerdicts MomentVerdicts;

/* For at most so many of one space. */
extern MomentVerdicts *MomentVerdictsBegin(const Space *space, int most);
extern void MomentVerdictsPut(MomentVerdicts *verdicts, const MomentCase *one,
							  const MomentVerdict *verdict);

/* Writes all of them, by a write_sql or a show_sql. */
extern void MomentVerdictsWrite(MomentVerdicts *verdicts, const char *sql);

/* The month of a decision about what started then; 0 of an infinite time. */
extern int	MomentMonth(TimestampTz started_at);

/* The partition of the decisions of that month, unless it is there. */
extern void MomentMakePartition(const Space *space, int month);

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

/* An array of tids as a parameter, and as a column of a result. */
extern Datum MomentTids(const ItemPointerData *rows, int n);
extern ItemPointerData *MomentReadTids(uint64 row, const char *column, int *n);

#endif							/* PERSONA_MOMENT_RUN_H */
