/*
 * quote.c: names and values as SQL text, and the nearest name to a wrong one.
 */
#include "base/persona.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

char *
PersonaRelationName(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist any more",
						relid)));
	return quote_qualified_identifier(
									  get_namespace_name(get_rel_namespace(relid)), name);
}

char *
PersonaTypeName(Oid type)
{
	/* Given no length it is bpchar, where "character" would mean one of 1. */
	return format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY |
								FORMAT_TYPE_TYPEMOD_GIVEN);
}

char *
PersonaLiteral(const char *text)
{
	return quote_literal_cstr(text);
}

char *
PersonaJoin(List *texts)
{
	StringInfoData joined;
	ListCell   *cell;

	initStringInfo(&joined);
	foreach(cell, texts)
		appendStringInfo(&joined, "%s%s", joined.len ? ", " : "",
						 (char *) lfirst(cell));
	return joined.data;
}

bool
PersonaHasText(List *texts, const char *text)
{
	ListCell   *cell;

	foreach(cell, texts)
		if (strcmp(lfirst(cell), text) == 0)
			return true;
	return false;
}

const char *
PersonaSuggest(const char *word, List *candidates)
{
	const char *best = NULL;
	int			length = strlen(word);

	/* Two letters changed places count as two. */
	int			limit = length < 4 ? 1 : Max(2, length / 3);
	ListCell   *cell;

	if (length > 63)
		return NULL;
	foreach(cell, candidates)
	{
		const char *candidate = lfirst(cell);
		int			distance;

		if (strlen(candidate) > 63)
			continue;
		distance = varstr_levenshtein_less_equal(word, length, candidate,
												 strlen(candidate), 1, 1, 1,
												 limit, true);
		if (distance <= limit)
		{
			best = candidate;
			limit = distance - 1;
			if (limit < 0)
				break;
		}
	}
	return best;
}

PG_FUNCTION_INFO_V1(persona_suggest);

/* persona.suggest(word, candidates): the nearest candidate, or NULL. */
Datum
persona_suggest(PG_FUNCTION_ARGS)
{
	char	   *word = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	List	   *candidates = NIL;
	const char *best;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			candidates = lappend(candidates, TextDatumGetCString(elements[i]));
	best = PersonaSuggest(word, candidates);
	if (best == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(best));
}
