/*
 * channel.c: where a moment's messages go.
 *
 * Variants may differ in their channel. A message goes to the one of the
 * subject's variant; but whether the subject can be reached, is suppressed or
 * has said yes is asked of every channel that somebody gets, so that these
 * gates close alike for every variant and the holdout.
 */
#include "moment/compile.h"

#include "consent/consent.h"

#include "catalog/pg_type.h"

void
MomentCompileAddresses(Builder *b)
{
	ListCell   *cell;

	foreach(cell, b->moment->channels)
		b->addresses = lappend(b->addresses,
							   MomentCompileOr(b, ((MomentChannel *) lfirst(cell))->address,
											   TEXTOID, "address", "NULL"));
}

/* The channel of the subject's variant. */
char *
MomentChannelSql(Builder *b)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, b->moment->variants)
		names = lappend(names, PersonaLiteral(((MomentVariant *) lfirst(cell))->channel));
	return psprintf("%s::pg_catalog.text",
					MomentByVariant(b->moment, "a.variant", names));
}

/* The address there, of who can be reached on every one of them. */
char *
MomentAddressSql(Builder *b)
{
	StringInfoData missing;
	StringInfoData chosen;
	ListCell   *cell;

	if (list_length(b->addresses) == 1)
		return linitial(b->addresses);
	initStringInfo(&missing);
	initStringInfo(&chosen);
	foreach(cell, b->addresses)
	{
		MomentChannel *channel = list_nth(b->moment->channels,
										  foreach_current_index(cell));

		appendStringInfo(&missing, "%spg_catalog.btrim(coalesce(%s, '')) = ''",
						 missing.len ? " OR " : "", (char *) lfirst(cell));
		appendStringInfo(&chosen, " WHEN %s THEN %s",
						 PersonaLiteral(channel->name), (char *) lfirst(cell));
	}
	return psprintf("CASE WHEN %s THEN NULL ELSE CASE %s%s END END",
					missing.data, MomentChannelSql(b), chosen.data);
}

char *
MomentSuppressedSql(Builder *b, bool bare)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, b->moment->channels)
		appendStringInfo(&sql, "%s%s", sql.len ? ", " : "",
						 ConsentSuppressed(b->space, "d.subject",
										   PersonaLiteral(((MomentChannel *) lfirst(cell))->name),
										   bare ? NULL : list_nth(b->addresses,
																  foreach_current_index(cell))));
	return psprintf("coalesce(%s)", sql.data);
}

static char *
ConsentOn(Builder *b, const MomentChannel *channel)
{
	return ConsentLateral(b->space, "d.subject", b->moment->purpose,
						  b->moment->basis, PersonaLiteral(channel->name),
						  "persona.now()");
}

/* The consent on all of them: the first that is missing, else the first. */
char *
MomentConsentSql(Builder *b)
{
	List	   *channels = b->moment->channels;
	StringInfoData sql;
	ListCell   *cell;

	if (list_length(channels) == 1)
		return ConsentOn(b, linitial(channels));
	initStringInfo(&sql);
	foreach(cell, channels)
		appendStringInfo(&sql, "%s SELECT v.*, %d AS number FROM %s v",
						 sql.len ? " UNION ALL" : "", foreach_current_index(cell),
						 ConsentOn(b, lfirst(cell)));
	return psprintf("(SELECT u.* FROM (%s) u ORDER BY u.allowed, u.number LIMIT 1)",
					sql.data);
}
