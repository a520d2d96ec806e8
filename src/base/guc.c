/*
 * guc.c: persona's settings, and the clock that one of them moves.
 *
 * persona.clock is for tests, rehearsals and replays: while it is set, time
 * stands still at its value for every decision. It can send a message at the
 * wrong hour, so only a superuser or a role granted SET on it may move it.
 */
#include "base/persona.h"

#include <limits.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

char	   *persona_space;
bool		persona_enabled;
int			persona_catch_up_interval;

static char *clock_setting;
static TimestampTz clock_instant;
static bool clock_is_moved;

/*
 * Reads a timestamp without raising an error, as a check hook must. One
 * without a zone is meant in the session's TimeZone.
 */
static bool
ReadInstant(const char *text, TimestampTz *instant)
{
	char		plain[MAXDATELEN + 1];
	char		buffer[MAXDATELEN + 1];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nfields;
	int			dtype;
	int			tz;
	struct pg_tm tm;
	fsec_t		fsec;
	int			length = strlcpy(plain, text, sizeof(plain));
	bool		is_bc = length > 3 && length < sizeof(plain) &&
	strcmp(plain + length - 3, " BC") == 0;

	/* Also these two letters would be looked up as an abbreviation. */
	if (is_bc)
		plain[length - 3] = '\0';
	if (length >= sizeof(plain) ||
		ParseDateTime(plain, buffer, sizeof(buffer), field, ftype,
					  MAXDATEFIELDS, &nfields) != 0)
		return false;
	if (CompatDecodeDateTime(field, ftype, nfields, &dtype, &tm, &fsec,
							 &tz) != 0)
		return false;
	if (dtype != DTK_DATE)
		return false;
	if (is_bc)
		tm.tm_year = 1 - tm.tm_year;
	return tm2timestamp(&tm, fsec, &tz, instant) == 0;
}

/*
 * Writes the instant in ISO and UTC in place of what was written. A parallel
 * worker reads the settings in an order of their own: this one before there is
 * any time zone, which a text without one would crash for, and before it is
 * known what an abbreviation stands for.
 */
static bool
WriteInstant(char **value, TimestampTz instant)
{
	char		text[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;
	char	   *written;

	if (timestamp2tm(instant, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	tm.tm_isdst = 0;
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, text);
	written = CompatSettingMemory(strlen(text) + 1);
	if (written == NULL)
		return false;
	strcpy(written, text);
	CompatSettingFree(*value);
	*value = written;
	return true;
}

static bool
CheckClock(char **value, void **extra, GucSource source)
{
	TimestampTz *instant = CompatSettingMemory(sizeof(TimestampTz));

	if (instant == NULL)
		return false;
	*instant = 0;
	if (**value != '\0' && !(ReadInstant(*value, instant) &&
							 WriteInstant(value, *instant)))
	{
		CompatSettingFree(instant);
		GUC_check_errhint("Write a date and a time with its zone, such as "
						  "2026-03-01 09:00+00, or nothing for real time.");
		return false;
	}
	*extra = instant;
	return true;
}

static void
AssignClock(const char *value, void *extra)
{
	clock_is_moved = value != NULL && *value != '\0';
	clock_instant = extra != NULL ? *(TimestampTz *) extra : 0;
}

bool
PersonaClockIsMoved(void)
{
	return clock_is_moved;
}

TimestampTz
PersonaNow(void)
{
	return clock_is_moved ? clock_instant : GetCurrentTransactionStartTimestamp();
}

void
PersonaDefineSettings(void)
{
	DefineCustomStringVariable("persona.space",
							   "The space meant where a call names none.",
							   NULL, &persona_space, "",
							   PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("persona.enabled",
							 "Whether persona starts, decides and hands over "
							 "messages at all.",
							 NULL, &persona_enabled, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("persona.catch_up_interval",
							"How often run() looks for events that no "
							"trigger saw.",
							"At 0 each time. Also how far back a poll looks "
							"for events that were committed late.",
							&persona_catch_up_interval, 900, 0, INT_MAX / 1000,
							PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomStringVariable("persona.clock",
							   "The instant at which persona's clock stands "
							   "still; empty for real time.",
							   NULL, &clock_setting, "",
							   PGC_SUSET, 0, CheckClock, AssignClock, NULL);
	MarkGUCPrefixReserved("persona");
}

PG_FUNCTION_INFO_V1(persona_now);

/* persona.now(): the clock by which persona decides. */
Datum
persona_now(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(PersonaNow());
}
