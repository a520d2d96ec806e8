/*
 * zone.c: time zones, from PostgreSQL's own database of them.
 *
 * PostgreSQL takes a POSIX rule such as XYZ+5 for a zone, which is nearly
 * always a mistake in customer data: only names of the database count.
 */
#include "postgres.h"

#include "message/zone.h"
#include "pgtime.h"

static bool
IsZoneName(const char *name)
{
	if (strncmp(name, "Etc/", 4) == 0)
		return strchr(name, ',') == NULL;
	for (const char *c = name; *c != '\0'; c++)
		if (!isalpha((unsigned char) *c) && strchr("/_-", *c) == NULL)
			return false;
	return *name != '\0';
}

int
MessageZoneOffset(const char *zone, int64 at)
{
	pg_tz	   *found = NULL;
	pg_time_t	time = at;

	if (strlen(zone) <= TZ_STRLEN_MAX && IsZoneName(zone))
		found = pg_tzset(zone);
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a date is to be shown in a time zone that does not exist"),
				 errhint("pg_timezone_names lists the zones, such as Europe/Berlin.")));
	return pg_localtime(&time, found)->tm_gmtoff;
}
