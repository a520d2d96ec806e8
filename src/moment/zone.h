/*
 * zone.h: a subject's own time (zone.c).
 */
#ifndef PERSONA_MOMENT_ZONE_H
#define PERSONA_MOMENT_ZONE_H

#include "moment/moment.h"

#include "utils/date.h"

/* The zone of that name, UTC for NULL or a name that is none. */
extern struct pg_tz *MomentZone(const char *name);

/* Whether the zone database has that name. */
extern bool MomentIsZone(const char *name);

/* What the zone's clocks show at `t`, as microseconds since 2000-01-01. */
extern Timestamp MomentLocal(TimestampTz t, struct pg_tz *zone);

/* The instant at which the zone's clocks show `local`. */
extern TimestampTz MomentFromLocal(Timestamp local, struct pg_tz *zone);

/* The first instant from `t` on at which the zone's clocks show `time`. */
extern TimestampTz MomentNextLocal(TimestampTz t, TimeADT time,
								   struct pg_tz *zone);

/* When the quiet hours around `t` end; `t` itself where it is not quiet. */
extern TimestampTz MomentQuietEnd(TimestampTz t, List *quiet,
								  struct pg_tz *zone);

#endif							/* PERSONA_MOMENT_ZONE_H */
