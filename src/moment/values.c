/*
 * values.c: what the templates of a moment show, as one jsonb a case, and the
 * data categories that this uses.
 *
 * Only what some template names is read: tokens, columns of the subject and
 * of the event. What a variant says by a token of its own stands apart, under
 * the variant's name.
 */
#include "moment/compile.h"
#include "moment/outbox.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

/* ---- tokens and paths ---- */

static MomentToken *
FindToken(List *tokens, const char *name)
{
	ListCell   *cell;

	foreach(cell, tokens)
	{
		MomentToken *token = lfirst(cell);

		if (strcmp(token->name, name) == 0)
			return token;
	}
	return NULL;
}

/* A value as jsonb; what is no built-in type, or a literal, by its text. */
static char *
AsJson(const char *expression, Oid type)
{
	if (type >= FirstNormalObjectId || type == TEXTOID)
		return psprintf("pg_catalog.to_jsonb((%s)::pg_catalog.text)", expression);
	return psprintf("pg_catalog.to_jsonb(%s)", expression);
}

/* The first `n` steps of a dotted path. */
static char *
PathHead(const char *path, int n)
{
	const char *end = path;

	for (; *end != '\0'; end++)
		if (*end == '.' && --n == 0)
			break;
	return pnstrdup(path, end - path);
}

/* A path as it stands in a rule: each step quoted where it has to be. */
static char *
PathExpression(const char *head)
{
	const char *dot = strchr(head, '.');

	if (dot == NULL)
		return pstrdup(quote_identifier(head));
	return psprintf("%s.%s", pnstrdup(head, dot - head),
					quote_identifier(dot + 1));
}

static bool
AlreadyAdded(Builder *b, const char *head)
{
	if (PersonaHasText(b->added, head))
		return true;
	b->added = lappend(b->added, pstrdup(head));
	return false;
}

char *
MomentVariableHead(const char *path)
{
	return PathHead(path, strncmp(path, "new.", 4) == 0 ? 2 : 1);
}

char *
MomentVariableExpression(const Moment *moment, const MomentVariant *variant,
						 const char *path)
{
	char	   *head = MomentVariableHead(path);
	MomentToken *token = FindToken(variant->tokens, head);

	if (token == NULL)
		token = FindToken(moment->tokens, head);
	return token ? token->expression : PathExpression(head);
}

/* One variable: a token by its name, new.column, or a subject's column. */
static void
AddVariable(Builder *b, const char *path, StringInfo plain, StringInfo event)
{
	bool		is_new = strncmp(path, "new.", 4) == 0;
	char	   *head = MomentVariableHead(path);
	MomentToken *token = FindToken(b->moment->tokens, head);
	StringInfo	into = is_new && token == NULL ? event : plain;
	char	   *sql;
	Oid			type;

	if (AlreadyAdded(b, head))
		return;
	if (is_new && token == NULL && b->moment->on_request)
	{
		b->uses_context = true;
		return;
	}
	if (token == NULL && MomentPage(head) != NULL)
	{
		sql = MomentLinkSql(b->space, b->moment, MomentPage(head));
		type = TEXTOID;
	}
	else
		sql = MomentCompilePart(b, token ? token->expression : PathExpression(head),
								InvalidOid, token ? psprintf("token \"%s\"", head) :
								"template", &type);
	appendStringInfo(into, "%s%s, %s", into->len ? ", " : "",
					 PersonaLiteral(into == event ? head + 4 : head),
					 AsJson(sql, type));
}

/* A template's variables, but for what the variant says itself. */
static void
AddVariables(Builder *b, const MessageTemplate *template,
			 const MomentVariant *variant, StringInfo plain, StringInfo event)
{
	ListCell   *cell;

	if (template == NULL)
		return;
	foreach(cell, MessageVariables(template))
		if (FindToken(variant->tokens, PathHead(lfirst(cell), 1)) == NULL)
			AddVariable(b, lfirst(cell), plain, event);
}

static void
AddTokens(Builder *b, const MomentVariant *variant, StringInfo own)
{
	StringInfoData tokens;
	ListCell   *cell;

	initStringInfo(&tokens);
	foreach(cell, variant->tokens)
	{
		MomentToken *token = lfirst(cell);
		Oid			type;
		char	   *sql = MomentCompilePart(b, token->expression, InvalidOid,
											psprintf("token \"%s\" of variant \"%s\"",
													 token->name, variant->name), &type);

		appendStringInfo(&tokens, "%s%s, %s", tokens.len ? ", " : "",
						 PersonaLiteral(token->name), AsJson(sql, type));
	}
	if (tokens.len)
		appendStringInfo(own, "%s%s, pg_catalog.jsonb_build_object(%s)",
						 own->len ? ", " : "", PersonaLiteral(variant->name),
						 tokens.data);
}

/* ---- what the moment uses of the customer's data ---- */

static const char *const attributes_sql =
"SELECT a.category FROM persona.attribute a"
" WHERE a.space = $1 AND a.attribute = $2";

typedef struct Lookup
{
	Builder    *builder;
	RuleUse    *use;
	bool		for_all;
} Lookup;

static void
ReadAttribute(void *arg)
{
	Lookup	   *lookup = arg;
	const RuleUse *use = lookup->use;
	bool		of_subject = strcmp(use->source, "subject") == 0;
	PersonaArgs args = {0};
	Attribute  *attribute;

	PersonaArg(&args, TEXTOID,
			   CStringGetTextDatum(lookup->builder->space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(of_subject ? use->column :
												   psprintf("%s.%s", use->source, use->column)),
			   false);
	if (PersonaExecute(attributes_sql, &args, true) == 0)
		return;
	attribute = palloc(sizeof(Attribute));
	attribute->category = pstrdup(PersonaColumnText(0, "category"));
	attribute->for_all = lookup->for_all;
	lookup->builder->attributes = lappend(lookup->builder->attributes,
										  attribute);
}

/* Notes the described attributes among the uses from `from` on. */
static int
NoteUses(Builder *b, int from, bool for_all)
{
	List	   *uses = RuleQueryUses(b->query);

	for (int i = from; i < list_length(uses); i++)
	{
		Lookup		lookup = {b, list_nth(uses, i), for_all};

		SpaceWithDefinitions(ReadAttribute, &lookup);
	}
	return list_length(uses);
}

static void
CompileVariant(Builder *b, const MomentVariant *variant, StringInfo plain,
			   StringInfo event, StringInfo own)
{
	AddVariables(b, variant->subject_line, variant, plain, event);
	AddVariables(b, variant->template, variant, plain, event);
	AddTokens(b, variant, own);
}

static void
AddMember(StringInfo object, const char *name, const char *sql)
{
	appendStringInfo(object, "%s%s, %s", object->len ? ", " : "",
					 PersonaLiteral(name), sql);
}

/*
 * Compiles everything user-written. What the generic twin shows comes before
 * what the other variants show, so that uses fall into those that even the
 * twin cannot do without and the rest. What nobody gets uses nothing.
 */
void
MomentCompileValues(Builder *b)
{
	MomentVariant *generic = MomentFindVariant(b->moment, "generic");
	StringInfoData plain;
	StringInfoData event;
	StringInfoData own;
	ListCell   *cell;
	int			noted;

	initStringInfo(&plain);
	initStringInfo(&event);
	initStringInfo(&own);
	if (generic != NULL)
		CompileVariant(b, generic, &plain, &event, &own);
	noted = NoteUses(b, 0, true);
	foreach(cell, b->moment->variants)
		if (lfirst(cell) != generic && ((MomentVariant *) lfirst(cell))->weight > 0)
			CompileVariant(b, lfirst(cell), &plain, &event, &own);
	(void) NoteUses(b, noted, false);
	if (b->uses_context)
		AddMember(&plain, "new", "n.context");
	if (event.len)
		AddMember(&plain, "new",
				  psprintf("pg_catalog.jsonb_build_object(%s)", event.data));
	if (own.len)
		AddMember(&plain, MOMENT_OWN_VALUES,
				  psprintf("pg_catalog.jsonb_build_object(%s)", own.data));
	b->values = psprintf("pg_catalog.jsonb_build_object(%s)", plain.data);
}
