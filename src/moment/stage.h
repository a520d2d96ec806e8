/*
 * stage.h: who and what a rehearsal has made up so far.
 */
#ifndef PERSONA_MOMENT_STAGE_H
#define PERSONA_MOMENT_STAGE_H

#include "moment/moment.h"

/* A made-up subject. */
typedef struct StagePerson
{
	char	   *name;			/* in the script */
	char	   *subject;		/* its key, as text */
	bool		awake;			/* it has done something, or has to be told of */
	TimestampTz next;			/* when something is due; DT_NOEND: nothing is */
} StagePerson;

/* A stage with nobody on it, and its end. */
extern void StageBegin(void);
extern void StageEnd(void);

/* Where there is to be what lasts as long as the rehearsal. */
extern MemoryContext StageMemory(void);

/* An error outside of a rehearsal: `stage.c` is a part of it alone. */
extern void StageRefuseInEarnest(void);

/* All of them; List of StagePerson *. */
extern List *StagePeople(void);

/* The one of that name, or of that key, or NULL. */
extern StagePerson *StageFind(const char *name);
extern StagePerson *StageFindSubject(const char *subject);

/* Whether this is remembered for the first time. */
extern bool StageIsNew(const char *thing);

/* An event of the subject with that key was seen, whoever's step it was. */
extern void StageWake(Oid type, Datum key);

#endif							/* PERSONA_MOMENT_STAGE_H */
