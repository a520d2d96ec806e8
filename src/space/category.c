/*
 * category.c: the built-in taxonomy of personal data, looked up and listed.
 *
 * Pure: a table in the program, no catalog and no setting, so that a score
 * made of it is the same in every database. What a space says otherwise of a
 * category is data of its own, and is handed in by who asks.
 */
#include "space/space.h"

#include "space/taxonomy.h"

#include "funcapi.h"
#include "utils/builtins.h"

/* Whether `name` is the category of that length, or one below it. */
static bool
IsWithin(const char *name, const char *category)
{
	size_t		n = strlen(category);

	return strncmp(name, category, n) == 0 &&
		(name[n] == '\0' || name[n] == '.');
}

const SpaceCategory *
SpaceCategoryFind(const char *name)
{
	const SpaceCategory *nearest = NULL;

	/* Children come after their parents: the last that holds is the nearest. */
	for (int i = 0; i < lengthof(taxonomy); i++)
		if (IsWithin(name, taxonomy[i].name))
			nearest = &taxonomy[i];
	return nearest;
}

PG_FUNCTION_INFO_V1(persona_taxonomy);

/* persona.taxonomy(): every built-in category. */
Datum
persona_taxonomy(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < lengthof(taxonomy); i++)
	{
		const SpaceCategory *c = &taxonomy[i];
		Datum		values[] = {
			CStringGetTextDatum(c->name), Int32GetDatum(c->sensitivity),
			BoolGetDatum(c->special), CStringGetTextDatum(c->source),
			CStringGetTextDatum(c->label)
		};
		bool		nulls[lengthof(values)] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
