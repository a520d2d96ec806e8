/*
 * rename.c: a rule after columns were renamed.
 *
 * A rule names its columns as they were called when it was written. When one
 * is renamed, the rule is read once more with the old names taken for the new
 * ones; where that happened is noted, and the text is written again with the
 * new names in these places and nowhere else: an event's column of the same
 * name, or a text that happens to say it, stays.
 */
#include "rule/scope.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* A column that has another name by now. */
typedef struct Rename
{
	char	   *source;
	char	   *was;
	char	   *becomes;
} Rename;

/* A place in the text that says the old name. */
typedef struct Mention
{
	int			location;
	char	   *becomes;
} Mention;

const char *
RuleCurrentName(RuleQuery *query, const char *source, const char *name,
				int location)
{
	ListCell   *cell;

	foreach(cell, query->renames)
	{
		Rename	   *rename = lfirst(cell);
		Mention    *mention;

		if (strcmp(rename->source, source) != 0 || strcmp(rename->was, name) != 0)
			continue;
		/* Segments in it are rules of their own. */
		if (query->depth == 0)
		{
			mention = palloc(sizeof(Mention));
			mention->location = location;
			mention->becomes = rename->becomes;
			query->mentions = lappend(query->mentions, mention);
		}
		return rename->becomes;
	}
	return name;
}

static bool
WriteNewNames(Node *node, List *mentions)
{
	ColumnRef  *ref = (ColumnRef *) node;
	ListCell   *cell;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, WriteNewNames, mentions);
	foreach(cell, mentions)
	{
		Mention    *mention = lfirst(cell);

		if (mention->location == ref->location)
			lfirst(list_tail(ref->fields)) = makeString(mention->becomes);
	}
	return false;
}

static List *
ReadRenames(ArrayType *sources, ArrayType *was, ArrayType *becomes)
{
	Datum	   *s;
	Datum	   *w;
	Datum	   *b;
	int			n;
	int			m;
	int			k;
	List	   *renames = NIL;

	deconstruct_array(sources, TEXTOID, -1, false, TYPALIGN_INT, &s, NULL, &n);
	deconstruct_array(was, TEXTOID, -1, false, TYPALIGN_INT, &w, NULL, &m);
	deconstruct_array(becomes, TEXTOID, -1, false, TYPALIGN_INT, &b, NULL, &k);
	if (n != m || n != k)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("renames are as many sources as old and new names")));
	for (int i = 0; i < n; i++)
	{
		Rename	   *rename = palloc(sizeof(Rename));

		rename->source = TextDatumGetCString(s[i]);
		rename->was = TextDatumGetCString(w[i]);
		rename->becomes = TextDatumGetCString(b[i]);
		renames = lappend(renames, rename);
	}
	return renames;
}

PG_FUNCTION_INFO_V1(persona_renamed);

/* persona.renamed(expression, on_event, sources, was, becomes, space) */
Datum
persona_renamed(PG_FUNCTION_ARGS)
{
	char	   *expression;
	Space	   *space;
	RuleQuery  *query;
	PersonaAct	act;
	Node	   *node;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	expression = text_to_cstring(PG_GETARG_TEXT_PP(0));
	space = SpaceGet(PersonaTextArg(fcinfo, 5));
	query = RuleQueryBegin(space, PG_ARGISNULL(1) ? NULL :
						   SpaceFindEvent(space, text_to_cstring(PG_GETARG_TEXT_PP(1))),
						   RULE_FEATURES_LATERAL);
	query->text = expression;
	for (int i = 2; i <= 4; i++)
		PersonaRefuseNull(fcinfo, i);
	query->renames = ReadRenames(PG_GETARG_ARRAYTYPE_P(2), PG_GETARG_ARRAYTYPE_P(3),
								 PG_GETARG_ARRAYTYPE_P(4));
	PersonaActBegin(&act, space->owner);
	(void) RuleRewrite(query, RuleParse(expression));
	PersonaActEnd(&act);
	if (query->mentions == NIL)
		PG_RETURN_TEXT_P(PG_GETARG_TEXT_PP(0));
	node = RuleParse(expression);
	(void) WriteNewNames(node, query->mentions);
	PG_RETURN_TEXT_P(cstring_to_text(RuleDeparse(node)));
}
