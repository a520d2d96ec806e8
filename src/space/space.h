/*
 * space.h: what the company has, as C sees it.
 *
 * A space is one population of one brand: its subject table, the event
 * sources bound to it, its channels. SpaceGet reads the definitions once a
 * backend and keeps them until one of them, or one of the tables they name,
 * changes; a Space is valid until the end of the statement that asked for it.
 */
#ifndef PERSONA_SPACE_H
#define PERSONA_SPACE_H

#include "base/persona.h"

#include "access/attnum.h"

/* One column that persona has to find by itself: a key, a subject, a time. */
typedef struct SpaceColumn
{
	char	   *name;			/* as it stands in the table, unquoted */
	AttrNumber	number;
	Oid			type;			/* base type where the column's is a domain */
} SpaceColumn;

/* An event table (many rows a subject), bound by define_event. */
typedef struct SpaceEvent
{
	char	   *name;			/* the event's name in rules: purchase */
	Oid			relid;
	SpaceColumn subject;		/* the column that holds the subject's key */
	SpaceColumn at;				/* its time; at.name is NULL where it has none */
	int			nkeys;			/* columns that identify a row; 0: none known */
	SpaceColumn *keys;
	char	   *fires;			/* insert | never */
} SpaceEvent;

typedef struct Space
{
	char	   *name;			/* shop */
	char	   *schema;			/* persona_shop, unquoted */
	Oid			relid;			/* the subject table */
	Oid			owner;			/* its owner, as whom rules are evaluated */
	SpaceColumn key;			/* K: the subject's key */
	List	   *events;			/* of SpaceEvent *, by name */
	List	   *segments;		/* of char *: names of its segments */
} Space;

/*
 * The space `name`; for NULL the setting persona.space, else the only space,
 * else an error that lists them. Never NULL.
 */
extern Space *SpaceGet(const char *name);

/*
 * Runs work(arg), which reads or marks definitions by SPI, as their owner and
 * under the latest snapshot, whoever asks and whatever the isolation level.
 * Memory is the caller's.
 */
extern void SpaceWithDefinitions(void (*work) (void *arg), void *arg);

/* The event source `name`, or NULL; an error where its columns are gone. */
extern SpaceEvent *SpaceFindEvent(const Space *space, const char *name);

/*
 * A number that grows whenever a definition, or a table that one names, has
 * changed: whatever was compiled under another number is compiled again.
 */
extern uint64 SpaceGeneration(void);

/*
 * SQL of an event's time as timestamptz, for the row known as `alias`: a
 * timestamp or date without zone is read as UTC, as the catalog says.
 */
extern char *SpaceEventTime(const SpaceEvent *event, const char *alias);

/* "persona_shop"."decision": one of the space's own tables, quoted. */
extern char *SpaceTable(const Space *space, const char *table);

/* ---- in the owner's name (owner.c) ---- */

/* An error unless the caller is a member of the space's owner. */
extern void SpaceRefuseStranger(const Space *space);

/*
 * Notes an error that persona kept to itself: SQLSTATE, place and the thing
 * that failed, by SPI and never its text.
 */
extern void SpaceIncident(const Space *space, const char *place,
						  const char *thing, int sqlstate);

#endif							/* PERSONA_SPACE_H */
