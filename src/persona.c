/*
 * persona.c: the roof. What the library does when it is loaded; everything
 * else lives in a room of its own:
 *
 *	base		settings, the clock, acting as an owner, SQL helpers
 *	space		what the company has: spaces, sources, attributes, channels
 *	rule		conditions in SQL, checked and compiled; segments
 *	message		templates and their rendering
 *	consent		who said yes to what, from when until when
 *	experiment	who gets which variant
 *	moment		triggers, schedule, gates, run, outbox
 */
#include "base/persona.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	PersonaDefineSettings();
}
