/*
 * compile.c: the statements by which a batch reads all that it must know.
 *
 * Sets stay sets: whatever the gates look at (rules, address, consent,
 * preferences, caps, the values of the templates) comes from one statement
 * over up to a thousand rows. In it d is the row to be decided, s its
 * subject, n the event that started it; every user-written expression was
 * checked and turned into SQL by the rule room.
 */
#include "moment/compile.h"
#include "moment/gate.h"
#include "moment/start.h"

#include "consent/consent.h"
#include "rule/rule.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

char *
MomentCompilePart(Builder *b, const char *text, Oid want, const char *part,
				  Oid *type)
{
	return RuleQueryAdd(b->query, text, want,
						psprintf("%s of moment \"%s\"", part, b->moment->name),
						type);
}

char *
MomentCompileOr(Builder *b, const char *text, Oid want, const char *part,
				const char *otherwise)
{
	Oid			type;

	return text ? MomentCompilePart(b, text, want, part, &type) : pstrdup(otherwise);
}

static char *
CompileExpiry(Builder *b)
{
	if (b->moment->expires != NULL && b->moment->expires_is_interval)
		return psprintf("(d.first_due + %s::pg_catalog.interval)",
						PersonaLiteral(b->moment->expires));
	return MomentCompileOr(b, b->moment->expires, TIMESTAMPTZOID, "expiry",
						   "NULL::pg_catalog.timestamptz");
}

/* The event's key as one text, in the form that ids are made of. */
static const char *
EventKey(const char *alias)
{
	return psprintf("pg_catalog.array_to_string(%s.event_key, E'\\x1f')", alias);
}

/* Who left the segment that started the moment is not to hear of it. */
static char *
CompileEntry(Builder *b)
{
	const Moment *m = b->moment;
	char	   *entry = MomentCompileOr(b, m->when_rule, BOOLOID, "entry rule", "true");
	Oid			type;

	if (m->on_segment == NULL)
		return entry;
	return psprintf("(%s AND %s)", entry,
					MomentCompilePart(b, psprintf("segment(%s)", m->on_segment), BOOLOID,
									  "segment", &type));
}

char *
MomentWasStopped(const Space *space, const char *decision)
{
	return psprintf("EXISTS (SELECT FROM %1$s y WHERE y.subject = %2$s.subject AND y.message = %2$s.decision"
					" AND y.state IN ('cancelled', 'dead') AND y.done_at IS NOT NULL AND y.sent_at IS NULL)",
					SpaceTable(space, "message"), decision);
}

static void
CompileRules(Builder *b)
{
	const Moment *m = b->moment;

	b->entry = CompileEntry(b);
	MomentCompileCancel(b);
	b->expires_at = CompileExpiry(b);
	MomentCompileAddresses(b);
	b->zone = MomentCompileOr(b, m->time_zone, TEXTOID, "time zone", "NULL");
	b->assignment = MomentAssignment(m, MomentCompileOr(b, m->unit, TEXTOID, "unit",
														"d.subject::pg_catalog.text"));
	b->once_key = m->once_per == NULL ? NULL :
		MomentCompileOr(b, m->once_per, TEXTOID, "once_per", NULL);
}

/* ---- the statements ---- */

char *
MomentIsLocked(const char *subject)
{
	return psprintf("(%s IN (SELECT pg_catalog.unnest($2))) IS TRUE", subject);
}

/* " LEFT JOIN shop.orders n ON n.id = d.event_key[1]::bigint", or what came. */
static char *
EventJoin(const Moment *moment, const char *driver)
{
	StringInfoData sql;
	const SpaceEvent *event = moment->event;

	if (moment->on_request)
		return psprintf(" CROSS JOIN LATERAL (SELECT %s.context) n", driver);
	if (event == NULL)
		return "";
	initStringInfo(&sql);
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

/*
 * When a message is due. A schedule's start is at its local time already; to
 * look for that again would lose a day where clocks are set forward.
 */
static char *
Due(Builder *b, const char *from)
{
	const Moment *m = b->moment;
	List	   *delays = NIL;
	char	   *due;
	ListCell   *cell;

	foreach(cell, m->variants)
		delays = lappend(delays, PersonaLiteral(((MomentVariant *) lfirst(cell))->delay));
	due = psprintf("%s + %s::pg_catalog.interval", from,
				   MomentByVariant(m, "a.variant", delays));

	if (m->local_time == NULL || m->schedule != NULL)
		return due;
	return psprintf("persona.next_local(%s, %s, %s)", due,
					PersonaLiteral(m->local_time), b->zone);
}

/*
 * The last start of the same key, which only matters where it may start anew:
 * else a second one has the id of the first.
 */
static char *
LastStart(Builder *b)
{
	if (b->moment->again_after == NULL)
		return " CROSS JOIN (SELECT NULL::pg_catalog.timestamptz AS at, NULL::pg_catalog.int4 AS step) l";
	return psprintf(" CROSS JOIN LATERAL (SELECT pg_catalog.max(o.started_at) AS at, pg_catalog.max(o.step) AS step"
					" FROM (SELECT x.started_at, x.step FROM %1$s x"
					"   WHERE x.subject = d.subject AND x.moment = %2$s AND x.once_key = k.once_key"
					"  UNION ALL SELECT q.started_at, q.step FROM %3$s q"
					"   WHERE q.subject = d.subject AND q.moment = %2$s AND q.once_key = k.once_key) o) l",
					SpaceTable(b->space, "decision"),
					PersonaLiteral(b->moment->name),
					SpaceTable(b->space, "schedule"));
}

static char *
StartSql(Builder *b)
{
	const Moment *m = b->moment;
	const char *once_key = b->once_key ? b->once_key : EventKey("d");

	return psprintf("SELECT d.ctid AS row, d.subject AS key, d.subject::pg_catalog.text AS subject, d.event, d.event_key, d.at,"
					" %s AS event_there, %s AS entry, k.once_key, %s AS due,"
					" l.at AS last_at, l.step AS last_step"
					" FROM %s d%s%s%s%s CROSS JOIN LATERAL (SELECT (%s)::pg_catalog.text) k(once_key)%s"
					" WHERE d.ctid = ANY ($1) AND %s AND d.event = %s"
					" ORDER BY d.at, d.event_key",
					EventThere(m), b->entry, Due(b, "d.at"),
					MomentInboxTable(b->space), SubjectJoin(b->space, "d"),
					EventJoin(m, "d"), RuleQueryJoins(b->query), b->assignment, once_key,
					LastStart(b), MomentIsLocked("d.subject"),
					PersonaLiteral(m->starts_on));
}

/* When what is scheduled already is due by the moment as it is now. */
static char *
DueSql(Builder *b)
{
	return psprintf("SELECT d.ctid AS row, %s AS due FROM %s d%s%s%s%s WHERE d.moment = %s",
					Due(b, "d.counts_from"), SpaceTable(b->space, "schedule"),
					SubjectJoin(b->space, "d"), EventJoin(b->moment, "d"),
					RuleQueryJoins(b->query), b->assignment,
					PersonaLiteral(b->moment->name));
}

/* So long before now; a sub-select, for it is the same for all rows. */
static char *
Ago(const char *interval)
{
	return psprintf("(SELECT persona.now() - %s::pg_catalog.interval)",
					PersonaLiteral(interval));
}

/* Whether a decision x counts against a cap: in its scope and its time. */
static char *
CapScope(const Space *space, const MomentCap *cap)
{
	return psprintf("NOT x.transactional AND x.at > %s%s AND NOT %s",
					Ago(cap->per),
					MomentInScope(cap->channel, cap->purpose),
					MomentWasStopped(space, "x"));
}

/*
 * What was sent to this subject before, or would have been to the holdout: for
 * each cap how much, how often this moment was and others were that told of the
 * same, what values they showed, and how often it was sent at all within a day.
 * One pass over the subject's decisions, by filters and not by conditions: on a
 * table that grows faster than it is analysed the planner would take those for
 * a reason to read whole moments.
 */
static char *
History(const Space *space, const Moment *moment)
{
	StringInfoData caps;
	char	   *lately = psprintf("NOT x.fallback AND x.at > %s",
								  Ago(moment->told_within));
	ListCell   *cell;

	initStringInfo(&caps);
	foreach(cell, moment->caps)
	{
		appendStringInfo(&caps, "%spg_catalog.count(*) FILTER (WHERE %s)",
						 caps.len ? ", " : "", CapScope(space, lfirst(cell)));
	}
	return psprintf("(SELECT ARRAY[%1$s]::pg_catalog.int8[] AS sent,"
					" pg_catalog.count(*) FILTER (WHERE x.moment = %2$s AND %3$s) AS repeats,"
					" pg_catalog.count(*) FILTER (WHERE x.moment <> %2$s AND x.told && %4$s AND %3$s) AS alike,"
					" pg_catalog.string_agg(x.items, '') FILTER (WHERE %3$s) AS told_before,"
					" pg_catalog.count(*) FILTER (WHERE x.moment = %2$s AND x.at > %6$s) AS rounds"
					" FROM %5$s x WHERE x.subject = d.subject AND x.outcome IN ('send', 'holdout'))",
					caps.data, PersonaLiteral(moment->name), lately,
					MomentTextArray(moment->told ? moment->told->attributes : NIL),
					SpaceTable(space, "decision"), Ago("1 day"));
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

char *
MomentTextArray(List *texts)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, texts)
		appendStringInfo(&sql, "%s%s", sql.len ? ", " : "",
						 PersonaLiteral(lfirst(cell)));
	return psprintf("ARRAY[%s]::pg_catalog.text[]", sql.data);
}

/* text[] of those categories in use for which `closed` says what is asked. */
static char *
CategoryArray(Builder *b, bool closed)
{
	List	   *categories = NIL;
	ListCell   *cell;

	foreach(cell, b->attributes)
	{
		Attribute  *attribute = lfirst(cell);

		if (!closed || !PolicyAllows(b->moment, attribute->category))
			categories = lappend(categories, attribute->category);
	}
	return MomentTextArray(categories);
}

/*
 * The categories that are closed to this decision: refused by the subject, or
 * closed by a policy and not opened by the subject's own yes.
 */
static char *
Refused(Builder *b)
{
	if (b->attributes == NIL)
		return MomentTextArray(NIL);
	return psprintf("(%s || ARRAY(SELECT c FROM pg_catalog.unnest(%s) c"
					" WHERE NOT EXISTS (SELECT FROM %s p WHERE p.subject = d.subject AND p.allowed"
					" AND (c = p.category OR pg_catalog.starts_with(c, p.category || '.')))))",
					ConsentRefusedCategories(b->space, "d.subject",
											 CategoryArray(b, false)),
					CategoryArray(b, true), SpaceTable(b->space, "preference"));
}

/*
 * The statement that reads all cases of a batch from `driver`, known as d;
 * `schedule` is what the schedule says of them: once_key, decision and due.
 */
static char *
DecideSql(Builder *b, const char *driver, const char *schedule, bool bare)
{
	return psprintf("SELECT d.row, d.subject AS key, d.subject::pg_catalog.text AS subject,"
					" d.event, d.event_key, d.step, %s,"
					" d.first_due, d.started_at, %s AS subject_there, %s AS event_there,"
					" %s AS entry, %s AS cancel, %s AS reached, %s AS expires_at, %s AS stale,"
					" %s AS unit, a.variant AS assigned, %s AS channel, %s AS address, %s AS zone, %s AS suppressed,"
					" c.allowed, c.reason AS consent_reason, c.ledger::pg_catalog.text AS ledger,"
					" %s AS refused, h.sent, h.repeats, h.alike, h.told_before, h.rounds, %s AS old, %s AS values"
					" FROM %s d%s%s%s%s LEFT JOIN LATERAL %s c ON true"
					" LEFT JOIN LATERAL %s h ON true"
					" ORDER BY d.subject, due, decision",
					schedule, SubjectThere(b->space), EventThere(b->moment),
					bare ? "NULL::pg_catalog.bool" : b->entry,
					bare ? "NULL::pg_catalog.bool" : b->cancel,
					bare ? "NULL::pg_catalog.text[]" : b->reached,
					bare ? "NULL::pg_catalog.timestamptz" : b->expires_at,
					bare ? "NULL" : StaleSource(b),
					b->moment->unit ? "a.unit" : "NULL::pg_catalog.text", MomentChannelSql(b),
					bare ? "NULL" : MomentAddressSql(b),
					bare ? "NULL" : b->zone, MomentSuppressedSql(b, bare),
					Refused(b),
					bare ? "NULL::pg_catalog.text[]" : MomentOldSql(b->space, b->moment),
					bare ? "NULL::pg_catalog.jsonb" : b->values,
					driver, SubjectJoin(b->space, "d"), EventJoin(b->moment, "d"),
					bare ? "" : RuleQueryJoins(b->query), b->assignment,
					MomentConsentSql(b),
					History(b->space, b->moment));
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
					" AND %s AND (q.moment = %s AND q.due <= persona.now()) IS TRUE)",
					SpaceTable(b->space, "schedule"), MomentIsLocked("q.subject"),
					PersonaLiteral(b->moment->name));
}

/* Those of the subjects who have something that could start it, as if now. */
static char *
ProbeSql(Builder *b)
{
	const char *once_key = b->once_key ? b->once_key : EventKey("d");
	char	   *latest = MomentLatestStart(b->space, b->moment);
	char	   *driver;

	if (latest == NULL)
		return NULL;
	driver = psprintf("(SELECT '(0,0)'::pg_catalog.tid AS row, u.subject, %s::pg_catalog.text AS event, l.event_key,"
					  "  0 AS step, $2 AS context, persona.now() AS at, persona.now() AS first_due,"
					  " persona.now() AS started_at FROM pg_catalog.unnest($1) u(subject)"
					  " CROSS JOIN LATERAL (%s LIMIT 1) l(event_key))",
					  PersonaLiteral(b->moment->starts_on), latest);
	return DecideSql(b, driver,
					 psprintf("(%1$s)::pg_catalog.text AS once_key,"
							  " persona.decision_id(%2$s, %3$s, d.subject::pg_catalog.text, (%1$s)::pg_catalog.text, 0) AS decision, %4$s AS due",
							  once_key, PersonaLiteral(b->space->name),
							  PersonaLiteral(b->moment->name), Due(b, "d.at")),
					 false);
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

/* Whether anything starts it: an event that is gone, too, is none. */
static bool
CanStart(const Moment *moment)
{
	return moment->event != NULL || moment->on_segment != NULL ||
		moment->schedule != NULL || moment->is_after || moment->on_request;
}

void
MomentRefuseBroken(const Space *space, const Moment *moment)
{
	if (moment->event != NULL)
		(void) SpaceFindEvent(space, moment->event->name);
}

static void
BeginQuery(Builder *b)
{
	MomentRefuseBroken(b->space, b->moment);
	b->query = RuleQueryBegin(b->space, b->moment->event, RULE_FEATURES_LATERAL);
	RuleQueryNanIsUnknown(b->query);
	if (b->moment->on_request)
		RuleQueryContext(b->query);
}

MomentProgram *
MomentCompile(const Space *space, const Moment *moment)
{
	const char *schedule = "d.once_key, d.decision, d.due";
	MomentProgram *program = palloc0(sizeof(MomentProgram));
	Builder		b = {.space = space, .moment = moment};

	BeginQuery(&b);
	CompileRules(&b);
	MomentCompileValues(&b);
	ListCategories(&b, program);
	program->uses = list_concat(b.reads, RuleQueryUses(b.query));
	if (!CanStart(moment) || moment->channel == NULL ||
		moment->purpose == NULL)
		return program;
	if (!moment->on_request)
	{
		program->start_sql = StartSql(&b);
		program->due_sql = DueSql(&b);
	}
	program->decide_sql = DecideSql(&b, ScheduleDriver(&b), schedule, false);
	program->probe_sql = ProbeSql(&b);
	/* An experiment's unit is user-written, too. */
	if (moment->unit != NULL)
		b.assignment = MomentAssignment(moment, "NULL::pg_catalog.text");
	program->bare_sql = DecideSql(&b, ScheduleDriver(&b), schedule, true);
	program->write_sql = MomentWriteSql(space, moment, program, false);
	program->show_sql = MomentWriteSql(space, moment, program, true);
	return program;
}

/* What a request was answered with is not recalled. */
char *
MomentCompileRecall(const Space *space, const Moment *moment)
{
	Builder		b = {.space = space, .moment = moment};

	if ((moment->cancel_rule == NULL && moment->before == NIL) ||
		moment->on_request)
		return NULL;
	BeginQuery(&b);
	MomentCompileCancel(&b);
	return psprintf("SELECT d.row FROM (SELECT m.ctid AS row, x.subject, x.event_key FROM %s m"
					"  JOIN %s x ON x.subject = m.subject AND x.decision = m.decision"
					"  WHERE m.ctid = ANY ($1) AND %s) d%s%s%s"
					" WHERE (%s OR %s IS NOT NULL) IS TRUE",
					SpaceTable(space, "message"), SpaceTable(space, "decision"),
					MomentIsLocked("m.subject"),
					SubjectJoin(space, "d"), EventJoin(moment, "d"),
					RuleQueryJoins(b.query), b.cancel, b.reached);
}
