/*
 * latest.c: what a moment would start on, if it started for a subject now.
 *
 * Whoever asks why nothing was sent, or what would be, has no event in mind:
 * the subject's latest one of the moment's kind is meant. Each function writes
 * a select of one column, its key, over a subject known as u; no row where
 * there is no such thing.
 */
#include "moment/moment.h"

#include "utils/builtins.h"

static char *
LatestEvent(const SpaceEvent *event)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < event->nkeys; i++)
		appendStringInfo(&sql, "%se.%s::pg_catalog.text",
						 i ? ", " : "SELECT ARRAY[",
						 quote_identifier(event->keys[i].name));
	appendStringInfo(&sql, "] FROM %s e WHERE e.%s = u.subject",
					 PersonaRelationName(event->relid),
					 quote_identifier(event->subject.name));
	if (event->at.name != NULL)
		appendStringInfo(&sql, " ORDER BY %s DESC NULLS LAST",
						 SpaceEventTime(event, "e"));
	return sql.data;
}

/* When the subject entered the segment; now where it did so unnoticed. */
static char *
LatestEntry(const Space *space, const char *segment)
{
	return psprintf("SELECT ARRAY[x.at::pg_catalog.text] FROM"
					" (SELECT m.entered_at AS at FROM %s m WHERE m.subject = u.subject AND m.segment = %s"
					"  UNION ALL SELECT persona.now() FROM %s i WHERE i.subject = u.subject) x"
					" ORDER BY x.at",
					SpaceTable(space, "membership"), PersonaLiteral(segment),
					SpaceTable(space, psprintf("segment_%s", segment)));
}

/* What the moment before it started on, the last time that it sent. */
static char *
LatestBefore(const Space *space, const MomentBefore *before)
{
	return psprintf("SELECT x.event_key FROM %s x WHERE x.subject = u.subject AND x.moment = %s"
					" AND x.outcome IN ('send', 'holdout') ORDER BY x.at DESC",
					SpaceTable(space, "decision"), PersonaLiteral(before->name));
}

char *
MomentLatestStart(const Space *space, const Moment *moment)
{
	if (moment->on_request)
		return "SELECT ARRAY[$3]";
	if (moment->schedule != NULL)
		return "SELECT ARRAY[(persona.now() AT TIME ZONE 'UTC')::pg_catalog.date::pg_catalog.text]";
	if (moment->on_segment != NULL)
		return LatestEntry(space, moment->on_segment);
	if (moment->before != NIL)
		return LatestBefore(space, linitial(moment->before));
	return moment->event->nkeys > 0 ? LatestEvent(moment->event) : NULL;
}
