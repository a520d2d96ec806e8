/*
 * vocabulary.c: the list of allowed.h, by name and by OID.
 *
 * What PostgreSQL resolved a name to is looked up here by OID. One and the
 * same function may be allowed as an operator and not by its name, or in a
 * cast and not as a call, so an OID comes with the ways it may be used.
 */
#include "rule/rule.h"

#include "rule/allowed.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"

typedef struct AllowedFunction
{
	Oid			function;		/* hash key */
	int			uses;			/* a bit for each RuleWord */
} AllowedFunction;

typedef struct Words
{
	const char *kind;
	const char *const *signatures;
	int			n;
} Words;

static const Words words[] = {
	[RULE_OPERATOR] = {"operator", allowed_operators, lengthof(allowed_operators)},
	[RULE_FUNCTION] = {"function", allowed_functions, lengthof(allowed_functions)},
	[RULE_CAST] = {"cast", allowed_casts, lengthof(allowed_casts)},
	[RULE_AGGREGATE] = {"aggregate", allowed_aggregates, lengthof(allowed_aggregates)}
};

static HTAB *allowed;
static Oid	type_oids[lengthof(allowed_types)];

/* ---- by OID ---- */

/* What to_regprocedure() or to_regoperator() says; InvalidOid for its NULL. */
static Oid
Ask(PGFunction lookup, const char *signature)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		oid;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = CStringGetTextDatum(signature);
	fcinfo->args[0].isnull = false;
	oid = lookup(fcinfo);
	return fcinfo->isnull ? InvalidOid : DatumGetObjectId(oid);
}

/* The function a signature stands for; InvalidOid where a major lacks it. */
static Oid
Resolve(RuleWord word, const char *signature)
{
	Oid			op;

	if (word != RULE_OPERATOR)
		return Ask(to_regprocedure, signature);
	op = Ask(to_regoperator, signature);
	return OidIsValid(op) ? get_opcode(op) : InvalidOid;
}

static void
LoadWord(HTAB *table, RuleWord word)
{
	for (int i = 0; i < words[word].n; i++)
	{
		Oid			function = Resolve(word, words[word].signatures[i]);
		AllowedFunction *entry;
		bool		found;

		if (!OidIsValid(function))
			continue;
		entry = hash_search(table, &function, HASH_ENTER, &found);
		entry->uses = (found ? entry->uses : 0) | 1 << word;
	}
}

/*
 * Resolves the signatures once a backend: what pg_catalog holds cannot change
 * under a running server. No schema of a user's is looked into.
 */
static void
Load(void)
{
	HASHCTL		control = {.keysize = sizeof(Oid),
	.entrysize = sizeof(AllowedFunction), .hcxt = TopMemoryContext};
	int			level = NewGUCNestLevel();
	HTAB	   *table = hash_create("persona allowed functions", 1024, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	for (int word = 0; word < lengthof(words); word++)
		LoadWord(table, word);
	for (int i = 0; i < lengthof(allowed_types); i++)
		type_oids[i] = TypenameGetTypid(allowed_types[i]);
	AtEOXact_GUC(true, level);
	allowed = table;
}

bool
RuleAllows(Oid function, RuleWord word)
{
	AllowedFunction *entry;

	if (allowed == NULL)
		Load();
	entry = hash_search(allowed, &function, HASH_FIND, NULL);
	return entry != NULL && entry->uses & 1 << word;
}

/* now() and ago() are persona's own. */
bool
RuleIsOurs(Oid function)
{
	return function >= FirstNormalObjectId &&
		get_func_namespace(function) == get_namespace_oid("persona", false) &&
		(strcmp(get_func_name(function), "now") == 0 ||
		 strcmp(get_func_name(function), "before") == 0 ||
		 strcmp(get_func_name(function), "ago") == 0);
}

/*
 * A domain counts as what it is over. An array of a domain does not: reading
 * a literal of such a type would already run the domain's checks.
 */
bool
RuleAllowsType(Oid type)
{
	Oid			element;

	if (allowed == NULL)
		Load();
	type = getBaseType(type);
	element = get_element_type(type);
	if (OidIsValid(element))
		type = element;
	for (int i = 0; i < lengthof(type_oids); i++)
		if (type == type_oids[i])
			return true;
	return type == UNKNOWNOID || get_typtype(type) == TYPTYPE_ENUM;
}

/* ---- by name ---- */

/* The name in a signature such as "left"(text,integer), and its length. */
static const char *
NameIn(const char *signature, size_t *length)
{
	const char *start = signature + (*signature == '"');

	*length = strcspn(start, "\"(");
	return start;
}

static char *
SignatureName(const char *signature)
{
	size_t		length;
	const char *start = NameIn(signature, &length);

	return pnstrdup(start, length);
}

static bool
Knows(RuleWord word, const char *name)
{
	size_t		length;

	for (int i = 0; i < words[word].n; i++)
	{
		const char *start = NameIn(words[word].signatures[i], &length);

		if (strncmp(start, name, length) == 0 && name[length] == '\0')
			return true;
	}
	return false;
}

bool
RuleKnowsFunction(const char *name)
{
	return Knows(RULE_FUNCTION, name);
}

bool
RuleKnowsAggregate(const char *name)
{
	return strcmp(name, "first") == 0 || strcmp(name, "last") == 0 ||
		strcmp(name, "jsonb_agg") == 0 ||
		Knows(RULE_AGGREGATE, name);
}

/* now(), ago() and segment() are the language's own. */
bool
RuleKnowsCall(const char *name)
{
	return strcmp(name, "now") == 0 || strcmp(name, "ago") == 0 ||
		strcmp(name, "segment") == 0 || RuleKnowsAggregate(name) ||
		RuleKnowsFunction(name);
}

bool
RuleKnowsType(const char *name)
{
	for (int i = 0; i < lengthof(allowed_types); i++)
		if (strcmp(allowed_types[i], name) == 0)
			return true;
	return false;
}

List *
RuleFunctionNames(void)
{
	List	   *names = list_make5("ago", "segment", "first", "last", "jsonb_agg");

	/* Of two that are as near, the aggregate is what is meant more often. */
	for (int i = 0; i < lengthof(allowed_aggregates); i++)
		names = lappend(names, SignatureName(allowed_aggregates[i]));
	for (int i = 0; i < lengthof(allowed_functions); i++)
		names = lappend(names, SignatureName(allowed_functions[i]));
	return names;
}

/* ---- as a table ---- */

static void
PutWord(ReturnSetInfo *result, const char *kind, const char *signature)
{
	Datum		values[2] = {CStringGetTextDatum(kind), CStringGetTextDatum(signature)};
	bool		nulls[2] = {false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(persona_rule_vocabulary);

/* persona.rule_vocabulary(): every word of the list. */
Datum
persona_rule_vocabulary(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < lengthof(allowed_types); i++)
		PutWord(result, "type", quote_identifier(allowed_types[i]));
	for (int word = 0; word < lengthof(words); word++)
		for (int i = 0; i < words[word].n; i++)
			PutWord(result, words[word].kind, words[word].signatures[i]);
	PG_RETURN_NULL();
}
