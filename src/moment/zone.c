/*
 * zone.c: a subject's own time.
 *
 * A message due at nine is due at nine on the clock on the customer's wall.
 * Where that clock is set forward over the wanted time, the first moment
 * after the gap is meant; where it shows the time twice, the first.
 */
#include "moment/zone.h"

#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/*
 * PostgreSQL takes a POSIX rule such as 'XYZ+5' for a zone, which is nearly
 * always a mistake in customer data: only names of the zone database count.
 */
static bool
IsZoneName(const char *name)
{
	if (strncmp(name, "Etc/", 4) == 0)
		return strchr(name, ',') == NULL;
	for (const char *c = name; *c != '\0'; c++)
		if (!isalpha((unsigned char) *c) && *c != '/' && *c != '_' && *c != '-')
			return false;
	return *name != '\0';
}

static pg_tz *
FindZone(const char *name)
{
	if (name == NULL || strlen(name) > TZ_STRLEN_MAX || !IsZoneName(name))
		return NULL;
	return pg_tzset(name);
}

bool
MomentIsZone(const char *name)
{
	return FindZone(name) != NULL;
}

pg_tz *
MomentZone(const char *name)
{
	pg_tz	   *zone = FindZone(name);

	return zone ? zone : pg_tzset("UTC");
}

Timestamp
MomentLocal(TimestampTz t, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;
	Timestamp	local;

	if (timestamp2tm(t, &tz, &tm, &fsec, NULL, zone) != 0 ||
		tm2timestamp(&tm, fsec, NULL, &local) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return local;
}

/* The first instant after `t` at which the zone's offset changes. */
static TimestampTz
NextChange(TimestampTz t, pg_tz *zone)
{
	pg_time_t	at = timestamptz_to_time_t(t);
	pg_time_t	boundary;
	long		before_offset,
				after_offset;
	int			before_dst,
				after_dst;

	if (pg_next_dst_boundary(&at, &before_offset, &before_dst, &boundary,
							 &after_offset, &after_dst, zone) != 1)
		return DT_NOEND;
	return time_t_to_timestamptz(boundary);
}

TimestampTz
MomentFromLocal(Timestamp local, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;
	TimestampTz t;

	if (timestamp2tm(local, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	tz = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, fsec, &tz, &t) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	if (MomentLocal(t, zone) != local)
		return NextChange(t - USECS_PER_DAY / 8, zone);
	/* Of a time that comes twice DetermineTimeZoneOffset takes the second. */
	for (int64 back = USECS_PER_HOUR / 2; back <= 2 * USECS_PER_HOUR;
		 back += USECS_PER_HOUR / 2)
		if (MomentLocal(t - back, zone) == local)
			return t - back;
	return t;
}

static Timestamp
Midnight(Timestamp local)
{
	int64		rest = local % USECS_PER_DAY;

	return local - (rest < 0 ? rest + USECS_PER_DAY : rest);
}

PG_FUNCTION_INFO_V1(persona_zone_name);

/* persona.zone_name(zone) */
Datum
persona_zone_name(PG_FUNCTION_ARGS)
{
	pg_tz	   *zone = MomentZone(PG_ARGISNULL(0) ? NULL :
								  text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_TEXT_P(cstring_to_text(pg_get_timezone_name(zone)));
}

TimestampTz
MomentNextLocal(TimestampTz t, TimeADT time, pg_tz *zone)
{
	Timestamp	day;
	TimestampTz next;

	if (TIMESTAMP_NOT_FINITE(t))
		return t;
	day = Midnight(MomentLocal(t, zone));
	next = MomentFromLocal(day + time, zone);
	return next >= t ? next : MomentFromLocal(day + USECS_PER_DAY + time, zone);
}

PG_FUNCTION_INFO_V1(persona_next_local);

/* persona.next_local(t, local_time, zone) */
Datum
persona_next_local(PG_FUNCTION_ARGS)
{
	TimestampTz t;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	t = PG_GETARG_TIMESTAMPTZ(0);
	if (!PG_ARGISNULL(1))
		t = MomentNextLocal(t, PG_GETARG_TIMEADT(1),
							MomentZone(PG_ARGISNULL(2) ? NULL :
									   text_to_cstring(PG_GETARG_TEXT_PP(2))));
	PG_RETURN_TIMESTAMPTZ(t);
}

/*
 * How long the zone's clocks have to go on until the stretch is over; 0 outside
 * of it.
 */
static int64
StretchLeft(TimestampTz t, const MomentQuiet *quiet, pg_tz *zone)
{
	Timestamp	local = MomentLocal(t, zone);
	int64		now = local - Midnight(local);
	int64		from = quiet->from * USECS_PER_SEC;
	int64		to = quiet->to * USECS_PER_SEC;

	if (from <= to)
		return now >= from && now < to ? to - now : 0;
	return now >= from ? to - now + USECS_PER_DAY : now < to ? to - now : 0;
}

/*
 * The end of one stretch of quiet hours, `t` itself outside of it. Where the
 * clocks are changed meanwhile they are looked at again: they may show an hour
 * outside of it, or one inside of it a second time.
 */
static TimestampTz
StretchEnd(TimestampTz t, const MomentQuiet *quiet, pg_tz *zone)
{
	int64		left;

	while ((left = StretchLeft(t, quiet, zone)) > 0)
	{
		TimestampTz change = NextChange(t, zone);

		if (change > t + left)
			return t + left;
		t = change;
	}
	return t;
}

TimestampTz
MomentQuietEnd(TimestampTz t, List *quiet, pg_tz *zone)
{
	TimestampTz end = t;
	bool		moved = true;

	/* One stretch may end inside another; each is passed at most once. */
	for (int i = 0; moved && i <= list_length(quiet); i++)
	{
		ListCell   *cell;

		moved = false;
		foreach(cell, quiet)
		{
			TimestampTz next = StretchEnd(end, lfirst(cell), zone);

			moved = moved || next != end;
			end = next;
		}
	}
	return end;
}
