/*
 * variant.c: what variants may differ in, as SQL and as values.
 *
 * Which variant a subject gets is a pure function of the subject, known from
 * the start: by the moment's own weights, or by an experiment that it is a part
 * of. So the statement that reads a row says it, and chooses by it where a
 * delay or a channel is the variant's own.
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

/* The moment's own experiment: its name is the seed. */
static char *
ByOwnWeights(const Moment *moment, const char *unit)
{
	const double *weights = MomentWeights(moment);
	StringInfoData names;
	StringInfoData shares;

	if (weights == NULL)
		return "NULL::pg_catalog.text";
	initStringInfo(&names);
	initStringInfo(&shares);
	for (int i = 0; i < list_length(moment->variants); i++)
	{
		MomentVariant *variant = list_nth(moment->variants, i);

		appendStringInfo(&names, "%s%s", i ? ", " : "",
						 PersonaLiteral(variant->name));
		appendStringInfo(&shares, "%s%.17g::pg_catalog.float8",
						 i ? ", " : "", weights[i]);
	}
	return psprintf("(ARRAY[%s]::pg_catalog.text[])[persona.choose(%s, %s, ARRAY[%s])]",
					names.data, unit, PersonaLiteral(moment->name),
					shares.data);
}

char *
MomentAssigned(const Moment *moment, const char *unit)
{
	if (moment->assign == NULL)
		return ByOwnWeights(moment, unit);
	return psprintf("persona.assign(%s::persona.experiment, %s)",
					PersonaLiteral(moment->assign), unit);
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
