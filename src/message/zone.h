/*
 * zone.h: the one question that dates ask about time zones.
 */
#ifndef PERSONA_ZONE_H
#define PERSONA_ZONE_H

/*
 * How many seconds east of Greenwich the clocks of a zone stand at a time,
 * given in seconds since 1970. Refuses a name that the zone database lacks.
 */
extern int	MessageZoneOffset(const char *zone, int64 at);

#endif							/* PERSONA_ZONE_H */
