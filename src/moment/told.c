/*
 * told.c: what a message tells its customer, and what she was told before.
 *
 * What an audit says of a moment is kept in the table told until any definition
 * changes: how surprising the moment is, how surprising its generic twin, and
 * which attributes and variables of its templates tell something, which a form
 * of address does not.
 *
 * A decision that sends keeps the names of these attributes and, of each value
 * shown, a hash: keyed, so that nobody can guess values, and different for each
 * subject, so that nobody can see who was told the same. Of all variants alike
 * and of the holdout, too, or what comes later would close for some of them
 * more often than for others.
 */
#include "moment/gate.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "utils/builtins.h"

/* How many bytes of hash stand for a value. */
#define ITEM sizeof(uint64)

/* ---- what the audit says of a moment ---- */

typedef struct Asked
{
	const Space *space;
	const Moment *moment;
	bool		keep;
	MomentTold *told;
} Asked;

static const char *const kept_sql =
"SELECT surprise, twin, attributes, max_ages, of_start, variables, shown FROM persona.told"
" WHERE space = $1 AND moment = $2 AND definitions = persona.definitions_of($1)";

static const char *const audit_sql =
"SELECT t.* FROM persona.space s, persona.tells(s, $2) t WHERE s.space = $1";

/* Whoever else is at it keeps it as well; nobody waits for that. */
static const char *const keep_sql =
"INSERT INTO persona.told SELECT $1, $2, persona.definitions_of($1), t.*"
" FROM persona.space s, persona.tells(s, $2) t WHERE s.space = $1"
" AND pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext($1), pg_catalog.hashtext('told ' || $2))"
" ON CONFLICT ON CONSTRAINT told_pkey DO UPDATE SET (definitions, surprise, twin, attributes, max_ages, of_start, variables, shown)"
" = (excluded.definitions, excluded.surprise, excluded.twin, excluded.attributes, excluded.max_ages, excluded.of_start, excluded.variables, excluded.shown)"
" RETURNING surprise, twin, attributes, max_ages, of_start, variables, shown";

static void
ReadTold(MomentTold *told)
{
	bool		isnull;

	told->surprise = DatumGetInt32(PersonaColumn(0, "surprise", &isnull));
	told->twin = DatumGetInt32(PersonaColumn(0, "twin", &isnull));
	told->attributes = MomentReadTexts(0, "attributes");
	told->max_ages = MomentReadTexts(0, "max_ages");
	told->of_start = MomentReadTexts(0, "of_start");
	told->variables = MomentReadTexts(0, "variables");
	told->shown = MomentReadTexts(0, "shown");
}

static void
AskAudit(void *arg)
{
	Asked	   *asked = arg;
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(asked->space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(asked->moment->name), false);
	if (PersonaExecute(kept_sql, &args, true) == 0 &&
		(!asked->keep || PersonaExecute(keep_sql, &args, false) == 0) &&
		PersonaExecute(audit_sql, &args, true) == 0)
		return;
	ReadTold(asked->told);
}

MomentTold *
MomentLoadTold(const Space *space, const Moment *moment, bool keep)
{
	Asked		asked = {space, moment, keep, palloc0(sizeof(MomentTold))};

	SpaceWithDefinitions(AskAudit, &asked);
	return asked.told;
}

/* ---- of which it may be too long ago ---- */

/* When a subject's d value of an event's attribute came to be, as SQL. */
static char *
Since(const Moment *moment, const SpaceEvent *event, bool of_start)
{
	if (of_start && moment->event != NULL &&
		strcmp(moment->event->name, event->name) == 0)
		return SpaceEventTime(event, "n");
	return psprintf("(SELECT pg_catalog.max(%s) FROM %s e WHERE e.%s = d.subject)",
					SpaceEventTime(event, "e"),
					PersonaRelationName(event->relid),
					quote_identifier(event->subject.name));
}

static SpaceEvent *
EventOf(const Space *space, const char *attribute)
{
	const char *dot = strrchr(attribute, '.');
	SpaceEvent *event = dot == NULL ? NULL :
	SpaceFindEvent(space, pnstrdup(attribute, dot - attribute));

	return event != NULL && event->at.name != NULL ? event : NULL;
}

char *
MomentOldSql(const Space *space, const Moment *moment)
{
	const MomentTold *told = moment->told;
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; told != NULL && i < list_length(told->attributes); i++)
	{
		const char *attribute = list_nth(told->attributes, i);
		const char *max_age = list_nth(told->max_ages, i);
		SpaceEvent *event = max_age[0] ? EventOf(space, attribute) : NULL;

		if (event != NULL)
			appendStringInfo(&sql, "%s(%s, %s < persona.now() - %s::pg_catalog.interval)",
							 sql.len ? ", " : "", PersonaLiteral(attribute),
							 Since(moment, event, PersonaHasText(told->of_start, attribute)),
							 PersonaLiteral(max_age));
	}
	if (sql.len == 0)
		return "NULL::pg_catalog.text[]";
	return psprintf("ARRAY(SELECT o.attribute FROM (VALUES %s) o(attribute, is_old) WHERE o.is_old)",
					sql.data);
}

/* ---- the values that are shown ---- */

static uint64
Seed(uint64 key, const char *subject)
{
	return hash_bytes_extended((const unsigned char *) subject,
							   strlen(subject), key);
}

/* A text is the same wherever it is from; 7, or true, is not. */
static void
AddItem(StringInfo items, uint64 seed, const char *shown, JsonbValue *value)
{
	StringInfoData text;
	uint64		hash;

	if (value->type == jbvNull)
		return;
	initStringInfo(&text);
	if (value->type == jbvString)
		appendBinaryStringInfo(&text, value->val.string.val, value->val.string.len);
	else
	{
		Jsonb	   *json = JsonbValueToJsonb(value);

		appendStringInfo(&text, "%s\x1f", shown);
		(void) JsonbToCString(&text, &json->root, VARSIZE(json));
	}
	hash = hash_bytes_extended((unsigned char *) text.data, text.len, seed);
	for (int i = 0; i < items->len; i += ITEM)
		if (memcmp(items->data + i, &hash, ITEM) == 0)
			return;
	appendBinaryStringInfo(items, (char *) &hash, ITEM);
}

/* The member at a variable's path: "new.item" is item of new. */
static void
AddVariable(StringInfo items, uint64 seed, const Jsonb *values,
			const char *variable, const char *shown)
{
	JsonbContainer *root = unconstify(JsonbContainer *, &values->root);
	const char *dot = strncmp(variable, "new.", 4) == 0 ? variable + 3 : NULL;
	size_t		n = dot ? dot - variable : strlen(variable);
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(root, variable, n, &value) == NULL)
		return;
	if (dot != NULL && value.type == jbvBinary &&
		getKeyJsonValueFromContainer(value.val.binary.data, dot + 1,
									 strlen(dot + 1), &value) == NULL)
		return;
	AddItem(items, seed, shown, &value);
}

/* What no variant says by a token of its own, and what any of them does. */
static void
AddItems(StringInfo items, uint64 seed, const Moment *moment,
		 const MomentCase *one)
{
	ListCell   *variable;
	ListCell   *shown;
	ListCell   *cell;

	forboth(variable, moment->told->variables, shown, moment->told->shown)
	{
		AddVariable(items, seed, one->values, lfirst(variable), lfirst(shown));
		foreach(cell, moment->variants)
		{
			MomentVariant *variant = lfirst(cell);

			if (variant->tokens != NIL)
				AddVariable(items, seed, MomentValues(one, variant->name),
							lfirst(variable), lfirst(shown));
		}
	}
}

/* How often the one of the items that was told most often was told before. */
static int
CountSame(const StringInfoData *items, const bytea *before)
{
	int			most = 0;

	for (int i = 0; i < items->len; i += ITEM)
	{
		int			n = 0;

		for (int j = 0; j + ITEM <= VARSIZE_ANY_EXHDR(before); j += ITEM)
			n += memcmp(items->data + i, VARDATA_ANY(before) + j, ITEM) == 0;
		most = Max(most, n);
	}
	return most;
}

static bytea *
Bytes(const StringInfoData *items)
{
	bytea	   *bytes;

	if (items->len == 0)
		return NULL;
	bytes = palloc(VARHDRSZ + items->len);
	SET_VARSIZE(bytes, VARHDRSZ + items->len);
	memcpy(VARDATA(bytes), items->data, items->len);
	return bytes;
}

void
MomentCountTold(const Space *space, const Moment *moment, List *cases)
{
	uint64		key;
	ListCell   *cell;

	if (moment->told == NULL || moment->told->variables == NIL || cases == NIL)
		return;
	key = (uint64) MomentAddressHash(space, "\x1ftold");
	foreach(cell, cases)
	{
		MomentCase *one = lfirst(cell);
		StringInfoData items;

		if (one->values == NULL)
			continue;
		initStringInfo(&items);
		AddItems(&items, Seed(key, one->subject), moment, one);
		one->items = Bytes(&items);
		if (one->told_before != NULL)
			one->same = CountSame(&items, one->told_before);
	}
}
