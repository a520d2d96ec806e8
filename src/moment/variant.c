/*
 * variant.c: what variants may differ in, as SQL and as values.
 *
 * Which variant a subject gets is known from the start: the one it was exposed
 * to first, or else a pure function of the subject by the weights of the
 * experiment. So the statement that reads a row says it, by the SQL that
 * variant() asks by, and chooses by it where a delay or a channel is the
 * variant's own.
 */
#include "moment/gate.h"

#include "utils/builtins.h"

MomentChannel *
MomentFindChannel(const Moment *moment, const char *name)
{
	ListCell   *cell;

	foreach(cell, moment->channels)
	{
		MomentChannel *channel = lfirst(cell);

		if (strcmp(channel->name, name) == 0)
			return channel;
	}
	return NULL;
}

/* Behind OFFSET 0 it is looked for once a row, and only where it matters. */
char *
MomentAssignment(const Moment *moment, const char *unit)
{
	return psprintf(" CROSS JOIN LATERAL (SELECT u.unit, %s AS variant"
					" FROM (SELECT %s AS unit OFFSET 0) u OFFSET 0) a",
					moment->assign ? moment->assign : "NULL::pg_catalog.text",
					unit);
}

char *
MomentByVariant(const Moment *moment, const char *assigned, List *values)
{
	const char *otherwise = linitial(values);
	bool		differ = false;
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CASE %s", assigned);
	foreach(cell, values)
	{
		MomentVariant *variant = list_nth(moment->variants,
										  foreach_current_index(cell));

		differ = differ || strcmp(lfirst(cell), linitial(values)) != 0;
		if (strcmp(variant->name, "generic") == 0)
			otherwise = lfirst(cell);
		appendStringInfo(&sql, " WHEN %s THEN %s",
						 PersonaLiteral(variant->name), (char *) lfirst(cell));
	}
	if (!differ)
		return linitial(values);
	return psprintf("(%s ELSE %s END)", sql.data, otherwise);
}

/* A member of a jsonb object, NULL where it has none of that name. */
static Jsonb *
Member(const Jsonb *object, const char *name)
{
	JsonbValue	value;

	if (object == NULL ||
		getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &object->root),
									 name, strlen(name), &value) == NULL)
		return NULL;
	return JsonbValueToJsonb(&value);
}

const Jsonb *
MomentValues(const MomentCase *one, const char *variant)
{
	const Jsonb *own = Member(Member(one->values, MOMENT_OWN_VALUES), variant);

	if (own == NULL)
		return one->values;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
											  JsonbPGetDatum(one->values),
											  JsonbPGetDatum(own)));
}
