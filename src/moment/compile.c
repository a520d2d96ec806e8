/*
 * compile.c: the statements by which a batch reads all that it must know.
 *
 * Sets stay sets: whatever the gates look at (rules, address, consent,
 * preferences, caps, the values of the templates) comes from one statement
 * over up to a thousand rows. In it d is the row to be decided, s its
 * subject, n the event that started it; every user-written expression was
 * checked and turned into SQL by the rule room.
 */
#include "moment/moment.h"

#include "consent/consent.h"
#include "rule/rule.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* What one compilation hands from step to step. */
typedef struct Builder
{
	const Space *space;
	const Moment *moment;
	RuleQuery  *query;
	char	   *entry;
	char	   *cancel;
	char	   *once_key;
	char	   *expires_at;
	char	   *address;
	char	   *zone;
	char	   *values;
	List	   *added;			/* of char *: variables already in values */
	List	   *attributes;		/* of Attribute *: described and used */
} Builder;

/* A described attribute that the moment uses. */
typedef struct Attribute
{
	char	   *category;
	bool		for_all;		/* the generic twin uses it too */
} Attribute;

static char *
Compile(Builder *b, const char *text, Oid want, const char *part, Oid *type)
{
	return RuleQueryAdd(b->query, text, want,
						psprintf("%s of moment \"%s\"", part, b->moment->name),
						type);
}

/* An optional expression: NULL in SQL where the moment has none. */
static char *
CompileOr(Builder *b, const char *text, Oid want, const char *part,
		  const char *otherwise)
{
	Oid			type;

	return text ? Compile(b, text, want, part, &type) : pstrdup(otherwise);
}

static char *
CompileExpiry(Builder *b)
{
	if (b->moment->expires != NULL && b->moment->expires_is_interval)
		return psprintf("(d.first_due + %s::pg_catalog.interval)",
						PersonaLiteral(b->moment->expires));
	return CompileOr(b, b->moment->expires, TIMESTAMPTZOID, "expiry",
					 "NULL::pg_catalog.timestamptz");
}

/* The event's key as one text, in the form that ids are made of. */
static const char *
EventKey(const char *alias)
{
	return psprintf("pg_catalog.array_to_string(%s.event_key, E'\\x1f')", alias);
}

static void
CompileRules(Builder *b)
{
	const Moment *m = b->moment;

	b->entry = CompileOr(b, m->when_rule, BOOLOID, "entry rule", "true");
	b->cancel = CompileOr(b, m->cancel_rule, BOOLOID, "cancel rule", "false");
	b->expires_at = CompileExpiry(b);
	b->address = CompileOr(b, m->address, TEXTOID, "address", "NULL");
	b->zone = CompileOr(b, m->time_zone, TEXTOID, "time zone", "NULL");
	b->once_key = m->once_per == NULL ? NULL :
		CompileOr(b, m->once_per, TEXTOID, "once_per", NULL);
}

/* ---- the values of the templates ---- */

static MomentToken *
FindToken(const Moment *moment, const char *name)
{
	ListCell   *cell;

	foreach(cell, moment->tokens)
	{
		MomentToken *token = lfirst(cell);

		if (strcmp(token->name, name) == 0)
			return token;
	}
	return NULL;
}

/* A value as jsonb; a type that is no built-in goes by its text. */
static char *
AsJson(const char *expression, Oid type)
{
	if (type >= FirstNormalObjectId)
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
	ListCell   *cell;

	foreach(cell, b->added)
		if (strcmp(lfirst(cell), head) == 0)
			return true;
	b->added = lappend(b->added, pstrdup(head));
	return false;
}

char *
MomentVariableExpression(const Moment *moment, const char *path)
{
	char	   *head = PathHead(path, strncmp(path, "new.", 4) == 0 ? 2 : 1);
	MomentToken *token = FindToken(moment, head);

	return token ? token->expression : PathExpression(head);
}

/* One variable: a token by its name, new.column, or a subject's column. */
static void
AddVariable(Builder *b, const char *path, StringInfo plain, StringInfo event)
{
	bool		is_new = strncmp(path, "new.", 4) == 0;
	char	   *head = PathHead(path, is_new ? 2 : 1);
	MomentToken *token = FindToken(b->moment, head);
	StringInfo	into = is_new && token == NULL ? event : plain;
	char	   *sql;
	Oid			type;

	if (AlreadyAdded(b, head))
		return;
	if (token == NULL && MomentPage(head) != NULL)
	{
		sql = MomentLinkSql(b->space, b->moment, MomentPage(head));
		type = TEXTOID;
	}
	else
		sql = Compile(b, MomentVariableExpression(b->moment, path), InvalidOid,
				  token ? psprintf("token \"%s\"", head) :
				  "template", &type);
	appendStringInfo(into, "%s%s, %s", into->len ? ", " : "",
					 PersonaLiteral(into == event ? head + 4 : head),
					 AsJson(sql, type));
}

static void
AddVariables(Builder *b, const MessageTemplate *template, StringInfo plain,
			 StringInfo event)
{
	ListCell   *cell;

	if (template == NULL)
		return;
	foreach(cell, MessageVariables(template))
		AddVariable(b, lfirst(cell), plain, event);
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

/*
 * Compiles everything user-written. What the generic twin shows comes before
 * what the other variants show, so that uses fall into those that even the
 * twin cannot do without and the rest.
 */
static void
CompileAll(Builder *b)
{
	MomentVariant *generic = MomentFindVariant(b->moment, "generic");
	StringInfoData plain;
	StringInfoData event;
	ListCell   *cell;
	int			noted;

	initStringInfo(&plain);
	initStringInfo(&event);
	CompileRules(b);
	if (generic != NULL)
	{
		AddVariables(b, generic->subject_line, &plain, &event);
		AddVariables(b, generic->template, &plain, &event);
	}
	noted = NoteUses(b, 0, true);
	foreach(cell, b->moment->variants)
	{
		MomentVariant *variant = lfirst(cell);

		AddVariables(b, variant->subject_line, &plain, &event);
		AddVariables(b, variant->template, &plain, &event);
	}
	(void) NoteUses(b, noted, false);
	if (event.len)
		appendStringInfo(&plain, "%s'new', pg_catalog.jsonb_build_object(%s)",
						 plain.len ? ", " : "", event.data);
	b->values = psprintf("pg_catalog.jsonb_build_object(%s)", plain.data);
}

/* ---- the statements ---- */

/* " LEFT JOIN shop.orders n ON n.id = d.event_key[1]::bigint" */
static char *
EventJoin(const Moment *moment, const char *driver)
{
	StringInfoData sql;
	const SpaceEvent *event = moment->event;

	initStringInfo(&sql);
	if (event == NULL)
		return sql.data;
	appendStringInfo(&sql, " LEFT JOIN %s n ON ",
					 PersonaRelationName(event->relid));
	for (int i = 0; i < event->nkeys; i++)
		appendStringInfo(&sql, "%sn.%s = %s.event_key[%d]::%s",
						 i ? " AND " : "",
						 quote_identifier(event->keys[i].name), driver, i + 1,
						 PersonaTypeName(event->keys[i].type));
	return sql.data;
}

static char *
SubjectJoin(const Space *space, const char *driver)
{
	return psprintf(" LEFT JOIN %s s ON s.%s = %s.subject",
					PersonaRelationName(space->relid),
					quote_identifier(space->key.name), driver);
}

static char *
SubjectThere(const Space *space)
{
	return psprintf("(s.%s IS NOT NULL)", quote_identifier(space->key.name));
}

static char *
EventThere(const Moment *moment)
{
	if (moment->event == NULL || moment->event->nkeys == 0)
		return "true";
	return psprintf("(n.%s IS NOT NULL)",
					quote_identifier(moment->event->keys[0].name));
}

static char *
StartSql(Builder *b)
{
	const Moment *m = b->moment;
	const char *once_key = b->once_key ? b->once_key : EventKey("d");

	return psprintf("SELECT d.ctid AS row, d.subject::pg_catalog.text AS subject, d.at,"
					" %s AS event_there, %s AS entry, %s AS zone, k.once_key,"
					" d.at + %s::pg_catalog.interval AS earliest,"
					" persona.decision_id(%s, %s, d.subject::pg_catalog.text, k.once_key, 0)::pg_catalog.text AS decision"
					" FROM %s d%s%s%s CROSS JOIN LATERAL (SELECT (%s)::pg_catalog.text) k(once_key)"
					" WHERE d.ctid = ANY ($1) AND d.subject = ANY ($2) AND d.event = %s"
					" ORDER BY d.at, d.event_key",
					EventThere(m), b->entry, b->zone, PersonaLiteral(m->delay),
					PersonaLiteral(b->space->name), PersonaLiteral(m->name),
					SpaceTable(b->space, "inbox"), SubjectJoin(b->space, "d"),
					EventJoin(m, "d"), RuleQueryJoins(b->query), once_key,
					PersonaLiteral(m->event->name));
}

/* Whether a decision x counts against a cap: in its scope and its time. */
static char *
CapScope(const Space *space, const MomentCap *cap)
{
	return psprintf("NOT x.transactional"
					" AND x.at > persona.now() - %s::pg_catalog.interval%s"
					" AND NOT EXISTS (SELECT FROM %s y"
					" WHERE y.subject = x.subject AND y.message = x.decision"
					" AND y.state IN ('cancelled', 'dead'))",
					PersonaLiteral(cap->per),
					MomentInScope(cap->channel, cap->purpose),
					SpaceTable(space, "message"));
}

/*
 * What was sent to this subject before, or would have been to the holdout: for
 * each cap how much, how often this moment was personal in 30 days, and how
 * often it was sent at all within a day. One pass over the subject's decisions, by filters and not by conditions: on a
 * table that grows faster than it is analysed the planner would take those for
 * a reason to read whole moments.
 */
static char *
History(const Space *space, const Moment *moment)
{
	StringInfoData caps;
	ListCell   *cell;

	initStringInfo(&caps);
	foreach(cell, moment->caps)
	{
		appendStringInfo(&caps, "%spg_catalog.count(*) FILTER (WHERE %s)",
						 caps.len ? ", " : "", CapScope(space, lfirst(cell)));
	}
	return psprintf("(SELECT ARRAY[%s]::pg_catalog.int8[] AS sent,"
					" pg_catalog.count(*) FILTER (WHERE x.moment = %s AND x.variant <> 'generic'"
					"  AND x.at > persona.now() - '30 days'::pg_catalog.interval) AS repeats,"
					" pg_catalog.count(*) FILTER (WHERE x.moment = %s"
					"  AND x.at > persona.now() - '1 day'::pg_catalog.interval) AS rounds"
					" FROM %s x WHERE x.subject = d.subject AND x.outcome IN ('send', 'holdout'))",
					caps.data, PersonaLiteral(moment->name),
					PersonaLiteral(moment->name),
					SpaceTable(space, "decision"));
}

/* The strictest max_age of an event's attributes. */
typedef struct MaxAge
{
	const Space *space;
	const char *source;
	char	   *age;			/* an interval as text, or NULL */
} MaxAge;

static void
ReadMaxAge(void *arg)
{
	MaxAge	   *max_age = arg;
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(max_age->space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(max_age->source), false);
	PersonaExecute("SELECT pg_catalog.min(max_age)::text AS age FROM persona.attribute"
				   " WHERE space = $1 AND pg_catalog.starts_with(attribute, $2 || '.')",
				   &args, true);
	max_age->age = PersonaColumnText(0, "age");
	if (max_age->age != NULL)
		max_age->age = pstrdup(max_age->age);
}

static bool
IsFirstUse(List *uses, int number)
{
	const RuleUse *use = list_nth(uses, number);

	for (int i = 0; i < number; i++)
		if (strcmp(((RuleUse *) list_nth(uses, i))->source, use->source) == 0)
			return false;
	return true;
}

/* The first source in use whose newest row is older than it may be. */
static char *
StaleSource(Builder *b)
{
	List	   *uses = RuleQueryUses(b->query);
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < list_length(uses); i++)
	{
		MaxAge		max_age = {b->space, ((RuleUse *) list_nth(uses, i))->source};
		SpaceEvent *event = SpaceFindEvent(b->space, max_age.source);

		if (event == NULL || event->at.name == NULL || !IsFirstUse(uses, i))
			continue;
		SpaceWithDefinitions(ReadMaxAge, &max_age);
		if (max_age.age != NULL)
			appendStringInfo(&sql, " WHEN (SELECT pg_catalog.max(%s) FROM %s e)"
							 " < persona.now() - %s::pg_catalog.interval THEN %s",
							 SpaceEventTime(event, "e"),
							 PersonaRelationName(event->relid),
							 PersonaLiteral(max_age.age),
							 PersonaLiteral(event->name));
	}
	return sql.len ? psprintf("CASE%s END", sql.data) : "NULL";
}

/* Whether the policies' lists, where there are any, leave a category open. */
static bool
PolicyAllows(const Moment *moment, const char *category)
{
	ListCell   *cell;

	if (moment->allowed == NIL)
		return true;
	foreach(cell, moment->allowed)
		if (MomentCovers(lfirst(cell), category))
			return true;
	return false;
}

/* text[] of those categories in use for which `closed` says what is asked. */
static char *
CategoryArray(Builder *b, bool closed)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, b->attributes)
	{
		Attribute  *attribute = lfirst(cell);

		if (!closed || !PolicyAllows(b->moment, attribute->category))
			appendStringInfo(&sql, "%s%s", sql.len ? ", " : "",
							 PersonaLiteral(attribute->category));
	}
	return psprintf("ARRAY[%s]::pg_catalog.text[]", sql.data);
}

/*
 * The categories that are closed to this decision: refused by the subject, or
 * closed by a policy and not opened by the subject's own yes.
 */
static char *
Refused(Builder *b)
{
	return psprintf("(%s || ARRAY(SELECT c FROM pg_catalog.unnest(%s) c"
					" WHERE NOT EXISTS (SELECT FROM %s p WHERE p.subject = d.subject AND p.allowed"
					" AND (c = p.category OR pg_catalog.starts_with(c, p.category || '.')))))",
					ConsentRefusedCategories(b->space, "d.subject",
											 CategoryArray(b, false)),
					CategoryArray(b, true), SpaceTable(b->space, "preference"));
}

/* The statement that reads all cases of a batch from `driver`, known as d. */
static char *
DecideSql(Builder *b, const char *driver, bool bare)
{
	const Moment *m = b->moment;

	return psprintf("SELECT d.row, d.subject::pg_catalog.text AS subject, d.decision::pg_catalog.text AS decision,"
					" d.due, d.first_due, d.started_at, %s AS subject_there, %s AS event_there,"
					" %s AS entry, %s AS cancel, %s AS expires_at, %s AS stale,"
					" %s AS address, %s AS zone, %s AS suppressed,"
					" c.allowed, c.reason AS consent_reason, c.ledger::pg_catalog.text AS ledger,"
					" %s AS refused, h.sent, h.repeats, h.rounds, %s AS values"
					" FROM %s d%s%s%s LEFT JOIN LATERAL %s c ON true"
					" LEFT JOIN LATERAL %s h ON true"
					" ORDER BY d.subject, d.due, d.decision",
					SubjectThere(b->space), EventThere(m),
					bare ? "NULL::pg_catalog.bool" : b->entry,
					bare ? "NULL::pg_catalog.bool" : b->cancel,
					bare ? "NULL::pg_catalog.timestamptz" : b->expires_at,
					bare ? "NULL" : StaleSource(b),
					bare ? "NULL" : b->address, bare ? "NULL" : b->zone,
					ConsentSuppressed(b->space, "d.subject",
									  PersonaLiteral(m->channel),
									  bare ? NULL : b->address),
					Refused(b), bare ? "NULL::pg_catalog.jsonb" : b->values,
					driver, SubjectJoin(b->space, "d"), EventJoin(m, "d"),
					bare ? "" : RuleQueryJoins(b->query),
					ConsentLateral(b->space, "d.subject", m->purpose, m->basis,
								   PersonaLiteral(m->channel),
								   "persona.now()"),
					History(b->space, m));
}

/*
 * Rows by their places, and still what they were when they were chosen. That
 * is written so that no index looks better than the places: on a table that
 * comes and goes it would read a whole queue for each batch.
 */
static char *
ScheduleDriver(Builder *b)
{
	return psprintf("(SELECT q.*, q.ctid AS row FROM %s q WHERE q.ctid = ANY ($1)"
					" AND (q.subject = ANY ($2) AND q.moment = %s AND q.due <= persona.now()) IS TRUE)",
					SpaceTable(b->space, "schedule"),
					PersonaLiteral(b->moment->name));
}

/* One subject and event, as if its row were due now. */
static char *
ProbeDriver(Builder *b)
{
	return psprintf("(SELECT '(0,1)'::pg_catalog.tid AS row, $1::%s AS subject, $2::pg_catalog.text[] AS event_key,"
					" persona.decision_id(%s, %s, $1, pg_catalog.array_to_string($2, E'\\x1f'), 0) AS decision,"
					" persona.now() AS due, persona.now() AS first_due, persona.now() AS started_at)",
					PersonaTypeName(b->space->key.type),
					PersonaLiteral(b->space->name),
					PersonaLiteral(b->moment->name));
}

static void
ListCategories(Builder *b, MomentProgram *program)
{
	ListCell   *cell;

	foreach(cell, b->attributes)
	{
		Attribute  *attribute = lfirst(cell);

		program->categories = lappend(program->categories, attribute->category);
		if (attribute->for_all)
			program->for_all = lappend(program->for_all, attribute->category);
	}
}

MomentProgram *
MomentCompile(const Space *space, const Moment *moment)
{
	MomentProgram *program = palloc0(sizeof(MomentProgram));
	Builder		b = {.space = space, .moment = moment};

	b.query = RuleQueryBegin(space, moment->event, RULE_FEATURES_LATERAL);
	RuleQueryNanIsUnknown(b.query);
	CompileAll(&b);
	ListCategories(&b, program);
	program->uses = RuleQueryUses(b.query);
	if (moment->event == NULL || moment->channel == NULL ||
		moment->purpose == NULL)
		return program;
	program->start_sql = StartSql(&b);
	program->decide_sql = DecideSql(&b, ScheduleDriver(&b), false);
	program->bare_sql = DecideSql(&b, ScheduleDriver(&b), true);
	program->probe_sql = DecideSql(&b, ProbeDriver(&b), false);
	return program;
}
