/*
 * read.h: what read.c hands to cache.c.
 */
#ifndef PERSONA_SPACE_READ_H
#define PERSONA_SPACE_READ_H

#include "space/space.h"

/* Everything that is defined, and which relations it depends on. */
typedef struct SpaceDefinitions
{
	MemoryContext context;		/* where all of it is */
	List	   *spaces;			/* of Space *, by name */
	List	   *watched;		/* OIDs whose change makes it stale */
} SpaceDefinitions;

/* Reads the definitions of all spaces by SPI; `arg` is SpaceDefinitions *. */
extern void SpaceReadAll(void *arg);

#endif							/* PERSONA_SPACE_READ_H */
