/*
 * variant.c: what variants may differ in, as SQL and as values.
 *
 * Which variant a subject gets is a pure function of the subject, known from
 * the start. So a delay or a channel of its own is chosen in the statement
 * that reads the row, by persona.choose(), as gate.c chooses by the same hash.
 */
#include "moment/moment.h"

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

double *
MomentWeights(const Moment *moment)
{
	double	   *weights = palloc(sizeof(double) * (list_length(moment->variants) + 1));
	double		total = 0;
	ListCell   *cell;

	foreach(cell, moment->variants)
		total += ((MomentVariant *) lfirst(cell))->weight;
	if (total == 0)
		return NULL;
	foreach(cell, moment->variants)
		weights[foreach_current_index(cell)] =
			((MomentVariant *) lfirst(cell))->weight / total;
	return weights;
}

/* The number of the subject's variant, as gate.c will have it. */
static char *
Chosen(const Moment *moment, const double *weights)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "persona.choose(d.subject::pg_catalog.text, %s, ARRAY[",
					 PersonaLiteral(moment->name));
	for (int i = 0; i < list_length(moment->variants); i++)
		appendStringInfo(&sql, "%s%.17g::pg_catalog.float8", i ? ", " : "",
						 weights[i]);
	appendStringInfoString(&sql, "])");
	return sql.data;
}

char *
MomentByVariant(const Moment *moment, List *values, const char *type)
{
	const double *weights = MomentWeights(moment);
	const char *comma = "";
	bool		differ = false;
	StringInfoData sql;
	ListCell   *cell;

	foreach(cell, values)
		differ = differ || strcmp(lfirst(cell), linitial(values)) != 0;
	if (!differ || weights == NULL)
		return linitial(values);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "(ARRAY[");
	foreach(cell, values)
	{
		appendStringInfo(&sql, "%s%s", comma, (char *) lfirst(cell));
		comma = ", ";
	}
	appendStringInfo(&sql, "]::%s[])[%s]", type, Chosen(moment, weights));
	return sql.data;
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
