/*
 * act.c: acting as the owner of a space.
 *
 * Rules, tokens and addresses are expressions that somebody wrote. They are
 * evaluated as the owner of the subject table, never as whoever happens to
 * run persona, in a restricted security context and under a pinned
 * search_path, so that an author gains nothing by having others run a rule.
 * Time zone and styles are pinned too: ids and texts come out the same
 * whichever session decides.
 */
#include "base/persona.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

/* Sets one setting, unless it is so already; parallel workers may, too. */
static void
Pin(const char *name, const char *value)
{
	if (strcmp(GetConfigOption(name, false, false), value) != 0)
		(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

int
PersonaPinBegin(void)
{
	int			level = NewGUCNestLevel();

	Pin("search_path", "pg_catalog, pg_temp");
	/* How literals are read ... */
	Pin("TimeZone", "UTC");
	Pin("timezone_abbreviations", "Default");
	Pin("DateStyle", "ISO, YMD");
	Pin("IntervalStyle", "postgres");
	Pin("array_nulls", "on");
	/* ... and what = NULL means. */
	Pin("transform_null_equals", "off");
	return level;
}

void
PersonaPinEnd(int level)
{
	AtEOXact_GUC(false, level);
}

int
PersonaHurryBegin(void)
{
	int			level = NewGUCNestLevel();

	Pin("lock_timeout", "100ms");
	return level;
}

void
PersonaActLightly(PersonaAct *act, Oid owner)
{
	GetUserIdAndSecContext(&act->user, &act->sec_context);
	SetUserIdAndSecContext(owner, act->sec_context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	act->guc_level = 0;
}

void
PersonaActByPath(PersonaAct *act, Oid owner)
{
	PersonaActLightly(act, owner);
	act->guc_level = NewGUCNestLevel();
	Pin("search_path", "pg_catalog, pg_temp");
}

void
PersonaActBegin(PersonaAct *act, Oid owner)
{
	PersonaActLightly(act, owner);
	act->guc_level = PersonaPinBegin();
	/* The text of a value must not depend on whose session writes it. */
	Pin("extra_float_digits", "1");
	Pin("bytea_output", "hex");
	/* Compiling a batch's many conditions costs far more than it saves. */
	Pin("jit", "off");

	/*
	 * A batch fetches its rows by their places. At the default price of a
	 * random page it would rather read a whole queue for a thousand of them.
	 */
	Pin("random_page_cost", "1.1");
	/* The first rows of a queue are the same ones for each statement. */
	Pin("synchronize_seqscans", "off");
}

void
PersonaActAt(const PersonaAct *act, TimestampTz at)
{
	Assert(act->guc_level > 0);
	(void) set_config_option("persona.clock", timestamptz_to_str(at),
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
}

void
PersonaActEnd(const PersonaAct *act)
{
	if (act->guc_level > 0)
		PersonaPinEnd(act->guc_level);
	SetUserIdAndSecContext(act->user, act->sec_context);
}
