/*
 * space.h: what the company has, as C sees it.
 *
 *	read.c		the definitions of all spaces, from persona's tables
 *	cache.c		the copy of them that this backend keeps, and look-ups in it
 *	category.c	the built-in kinds of personal data (taxonomy.h)
 *
 * A space is one population of one brand: its subject table, the events and
 * facets bound to it. SpaceGet reads the definitions once a backend and keeps
 * them until one of them, or one of the tables they name, changes; a Space is
 * valid until the end of the statement that asked for it. Segments may be
 * thousands, so they are looked up one by one.
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

/*
 * An event table (many rows a subject), bound by define_event; or what persona
 * itself sent and heard of, which every space has: message and feedback.
 */
typedef struct SpaceEvent
{
	char	   *name;			/* the event's name in rules: purchase */
	Oid			relid;
	SpaceColumn subject;		/* the column that holds the subject's key */
	SpaceColumn at;				/* its time; at.name is NULL where it has none */
	int			nkeys;			/* columns that identify a row; 0: none known */
	SpaceColumn *keys;
	char	   *fires;			/* insert | update | insert,update | poll |
								 * never */
	const char *only;			/* SQL over e: which rows are events; or NULL */
} SpaceEvent;

/*
 * A facet: at most one row for each row of its parent, which is the subject,
 * an event or another facet, found by the parent's column `via`.
 */
typedef struct SpaceFacet
{
	char	   *name;			/* the facet's name in rules: crm */
	Oid			relid;
	SpaceColumn key;			/* the column of the facet that via points to */
	char	   *parent;			/* an event's or a facet's name; NULL: subject */
	SpaceColumn via;			/* a column of the parent */
	bool		is_unique;		/* an index makes sure of one row a key */
} SpaceFacet;

typedef struct Space
{
	char	   *name;			/* shop */
	char	   *schema;			/* persona_shop, unquoted */
	Oid			relid;			/* the subject table */
	Oid			owner;			/* its owner, as whom rules are evaluated */
	SpaceColumn key;			/* K: the subject's key, as the state has it */
	Oid			type_in_table;	/* what the subject table's key is of by now */
	List	   *events;			/* of SpaceEvent *, by name */
	List	   *facets;			/* of SpaceFacet *, by name */
} Space;

/*
 * The space `name`; for NULL the setting persona.space, else the only space,
 * else an error that lists them. Never NULL.
 */
extern Space *SpaceGet(const char *name);

/* The space of just that name, or NULL: for a name that nobody vouches for. */
extern Space *SpaceFind(const char *name);

/*
 * Runs work(arg), which reads or marks definitions by SPI, as their owner and
 * under the latest snapshot, whoever asks and whatever the isolation level.
 * Memory is the caller's.
 */
extern void SpaceWithDefinitions(void (*work) (void *arg), void *arg);

/* The event source `name`, or NULL; an error where its columns are gone. */
extern SpaceEvent *SpaceFindEvent(const Space *space, const char *name);

/* The same as it was defined, whatever is gone since. */
extern SpaceEvent *SpaceEventAsDefined(const Space *space, const char *name);

/* The facet `name`, or NULL; an error where its columns are gone. */
extern SpaceFacet *SpaceFindFacet(const Space *space, const char *name);

/* The names of its events and facets: what a mistaken name may have meant. */
extern List *SpaceSourceNames(const Space *space);

/* The rule of a segment, or NULL where there is none of that name. */
extern char *SpaceSegmentRule(const Space *space, const char *name);

/* The names of all its segments; List of char *. */
extern List *SpaceSegmentNames(const Space *space);

/*
 * A number that grows whenever a definition, or a table that one names, has
 * changed: whatever was compiled under another number is compiled again.
 */
extern uint64 SpaceGeneration(void);

/*
 * Whether what was made under that number holds, and every Space it points to
 * too: no definition has changed since, not even while they were being read.
 */
extern bool SpaceIsCurrent(uint64 made_under);

/*
 * SQL of an event's time as timestamptz, for the row known as `alias`: a
 * timestamp or date without zone is read as UTC, as the catalog says.
 */
extern char *SpaceEventTime(const SpaceEvent *event, const char *alias);

/*
 * SQL of an event's key as text[], as the trigger writes it: by each type's own
 * output, which a cast to text is not for every type.
 */
extern char *SpaceEventKey(const SpaceEvent *event, const char *alias);

/* "persona_shop"."decision": one of the space's own tables, quoted. */
extern char *SpaceTable(const Space *space, const char *table);

/* ---- kinds of personal data (category.c) ---- */

typedef struct SpaceCategory
{
	const char *name;			/* dotted: user.contact.email */
	int			sensitivity;	/* 0..100 */
	bool		special;		/* GDPR Art. 9 or 10 */
	const char *source;			/* survey | judgement */
	const char *label;
} SpaceCategory;

/* The category `name` or its nearest listed ancestor; NULL: neither is. */
extern const SpaceCategory *SpaceCategoryFind(const char *name);

/* ---- in the owner's name (owner.c) ---- */

/* An error unless the caller is a member of the space's owner. */
extern void SpaceRefuseStranger(const Space *space);

/* SpaceGet for what shows a definition: to members of the owner only. */
extern Space *SpaceGetOwn(const char *name);

/*
 * The role that the state belongs to: the owner of the schema where the
 * subject table is gone.
 */
extern Oid	SpaceStateOwner(const Space *space);

/*
 * An error unless the caller may become that role: by SET ROLE, if need be,
 * which is enough for who works with the state through functions only.
 */
extern void SpaceRefuseOutsider(const Space *space);

/*
 * Notes an error that persona kept to itself: SQLSTATE, place and the thing
 * that failed, by SPI and never its text.
 */
extern void SpaceIncident(const Space *space, const char *place,
						  const char *thing, int sqlstate);

#endif							/* PERSONA_SPACE_H */
