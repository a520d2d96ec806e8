/*
 * load.c: a moment as it is defined, with its channel, its purpose, the
 * policies that apply to it and its variants.
 *
 * What is read holds until a definition changes (keep.c): a batch must not send
 * under a rule that was changed or a moment that was paused before it.
 */
#include "moment/moment.h"

#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* What the reading, done as the definitions' owner, is asked for. */
typedef struct Request
{
	const Space *space;
	const char *moment;			/* NULL: all live ones */
	const char *starts_on;		/* of those, NULL: on anything */
	const char *state;			/* of names, NULL: any */
	List	   *moments;
} Request;

static char *
Keep(uint64 row, const char *column)
{
	char	   *text = PersonaColumnText(row, column);

	return text ? pstrdup(text) : NULL;
}

static bool
IsTrue(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = PersonaColumn(row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

static double
ReadFloat(uint64 row, const char *column, double otherwise)
{
	bool		isnull;
	Datum		value = PersonaColumn(row, column, &isnull);

	return isnull ? otherwise : DatumGetFloat8(value);
}

static int
ReadInt(uint64 row, const char *column, int otherwise)
{
	bool		isnull;
	Datum		value = PersonaColumn(row, column, &isnull);

	return isnull ? otherwise : DatumGetInt32(value);
}

static const char *const moments_sql =
"SELECT m.moment, m.version, m.state, m.held_at IS NOT NULL AS held, m.starts_on,"
" m.on_event, m.after_moment IS NOT NULL AS is_after, m.on_segment, m.schedule, m.on_request,"
" EXISTS (SELECT FROM persona.moment f WHERE f.space = m.space AND f.after_moment = m.moment"
"  AND f.state = 'live') AS followed,"
" m.when_rule, m.cancel_rule, m.once_per, m.restart, m.again_after::text AS again_after, m.expires,"
" m.expires_is_interval, m.purpose, m.channel, m.delay::text AS delay, m.local_time::text AS local_time,"
" m.transactional, m.share, m.activated_at, p.basis, c.time_zone, c.link,"
" coalesce(m.experiment, m.moment) AS experiment, e.unit,"
" CASE WHEN e.experiment IS NOT NULL OR EXISTS (SELECT FROM persona.variant v"
"   WHERE v.space = m.space AND v.moment = m.moment AND v.weight > 0)"
"  THEN persona.assign_sql(s, persona.find_experiment(s, coalesce(m.experiment, m.moment)), 'd.subject', 'u.unit') END AS assign"
" FROM persona.moment m JOIN persona.space s ON s.space = m.space"
" LEFT JOIN persona.experiment e ON e.space = m.space AND e.experiment = coalesce(m.experiment, m.moment)"
" LEFT JOIN persona.purpose p ON p.space = m.space AND p.purpose = m.purpose"
" LEFT JOIN persona.channel c ON c.space = m.space AND c.channel = m.channel"
" WHERE m.space = $1"
" AND CASE WHEN $2 IS NULL THEN m.state = 'live' ELSE m.moment = $2 END"
" AND ($3 IS NULL OR m.starts_on = $3)"
" ORDER BY m.priority DESC, m.moment";

static const char *const chain_sql =
"SELECT b.moment, b.cancel_rule, b.on_event, g.goal, g.measure, g.within::text AS within"
" FROM persona.space o, persona.chain(o, $2) c"
" JOIN persona.moment b ON b.space = $1 AND b.moment = c.moment"
" LEFT JOIN persona.experiment e ON e.space = b.space AND e.experiment = coalesce(b.experiment, b.moment)"
/* What is to become less, or only not to be harmed, is nothing to come to. */
" LEFT JOIN persona.goal g ON g.space = e.space AND g.goal = e.goal AND g.better = 'higher' AND NOT g.guardrail"
" WHERE o.space = $1 ORDER BY c.step";

static const char *const tokens_sql =
"SELECT t.key AS name, t.value AS expression"
" FROM persona.moment m, pg_catalog.jsonb_each_text(m.tokens) t"
" WHERE m.space = $1 AND m.moment = $2 ORDER BY 1";

/* What a variant does not say itself is the personal one's, or the moment's. */
static const char *const variants_sql =
"SELECT v.variant, v.tokens, persona.variant_weight(v) AS weight,"
" coalesce(v.delay, m.delay)::text AS delay,"
" coalesce(v.channel, m.channel) AS channel, c.address, c.format = 'html' AS html,"
" CASE v.variant WHEN 'generic' THEN v.template ELSE coalesce(v.template, p.template) END AS template,"
" CASE v.variant WHEN 'generic' THEN v.subject_line ELSE coalesce(v.subject_line, p.subject_line) END AS subject_line"
" FROM persona.variant v JOIN persona.moment m ON m.space = v.space AND m.moment = v.moment"
" JOIN persona.variant p ON p.space = v.space AND p.moment = v.moment AND p.variant = 'personal'"
" LEFT JOIN persona.channel c ON c.space = v.space AND c.channel = coalesce(v.channel, m.channel)"
" WHERE v.space = $1 AND v.moment = $2 ORDER BY v.variant";

static const char *const variant_tokens_sql =
"SELECT v.variant, t.key AS name, t.value AS expression"
" FROM persona.variant v, pg_catalog.jsonb_each_text(v.tokens) t"
" WHERE v.space = $1 AND v.moment = $2 ORDER BY 1, 2";

static const char *const policies_sql =
"SELECT o.channel, o.purpose, o.cap, o.per::text AS per,"
" pg_catalog.date_part('epoch', o.quiet_from) AS quiet_from,"
" pg_catalog.date_part('epoch', o.quiet_to) AS quiet_to,"
" o.max_surprise, o.categories, o.max_per_hour, o.holdout,"
" (pg_catalog.max(o.per) FILTER (WHERE o.max_surprise IS NOT NULL) OVER ())::text AS told_within"
" FROM persona.policy o JOIN persona.moment m ON m.space = $1 AND m.moment = $2"
" WHERE o.space IN (m.space, 'house')"
" AND (o.channel = '' OR o.channel = m.channel OR EXISTS (SELECT FROM persona.variant v"
"      WHERE v.space = m.space AND v.moment = m.moment AND v.channel = o.channel"
"       AND persona.variant_weight(v) > 0))"
" AND (o.purpose = '' OR o.purpose = m.purpose"
"      OR pg_catalog.starts_with(m.purpose, o.purpose || '.'))"
" ORDER BY o.channel, o.purpose, o.space";

static uint64
Ask(const char *sql, const Request *request, const char *moment,
	const char *starts_on)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(request->space->name),
			   false);
	PersonaArg(&args, TEXTOID, moment ? CStringGetTextDatum(moment) : 0,
			   moment == NULL);
	PersonaArg(&args, TEXTOID, starts_on ? CStringGetTextDatum(starts_on) : 0,
			   starts_on == NULL);
	return PersonaExecuteKept(sql, &args, true);
}

/* Whatever is gone of it: one broken moment keeps no other from being read. */
static SpaceEvent *
ReadEvent(uint64 row, const Space *space)
{
	char	   *event = PersonaColumnText(row, "on_event");

	return event ? SpaceEventAsDefined(space, event) : NULL;
}

static Moment *
ReadMoment(uint64 row, const Space *space)
{
	Moment	   *moment = palloc0(sizeof(Moment));
	bool		isnull;
	Datum		value;

	moment->name = Keep(row, "moment");
	moment->version = ReadInt(row, "version", 0);
	moment->state = Keep(row, "state");
	moment->held = IsTrue(row, "held");
	moment->starts_on = Keep(row, "starts_on");
	moment->event = ReadEvent(row, space);
	moment->is_after = IsTrue(row, "is_after");
	moment->on_segment = Keep(row, "on_segment");
	moment->schedule = Keep(row, "schedule");
	moment->on_request = IsTrue(row, "on_request");
	moment->followed = IsTrue(row, "followed");
	moment->when_rule = Keep(row, "when_rule");
	moment->cancel_rule = Keep(row, "cancel_rule");
	moment->once_per = Keep(row, "once_per");
	moment->restart = IsTrue(row, "restart");
	moment->again_after = Keep(row, "again_after");
	moment->expires = Keep(row, "expires");
	moment->expires_is_interval = IsTrue(row, "expires_is_interval");
	moment->experiment = Keep(row, "experiment");
	moment->assign = Keep(row, "assign");
	moment->unit = Keep(row, "unit");
	moment->purpose = Keep(row, "purpose");
	moment->basis = Keep(row, "basis");
	moment->channel = Keep(row, "channel");
	moment->time_zone = Keep(row, "time_zone");
	moment->link = Keep(row, "link");
	moment->delay = Keep(row, "delay");
	moment->local_time = Keep(row, "local_time");
	moment->transactional = IsTrue(row, "transactional");
	moment->share = ReadFloat(row, "share", 1);
	value = PersonaColumn(row, "activated_at", &isnull);
	moment->activated_at = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	moment->max_surprise = 100;
	moment->told_within = "30 days";
	return moment;
}

/* The moments before it; their `new` is the event that started the first. */
static void
ReadChain(const Request *request, Moment *moment)
{
	uint64		n = Ask(chain_sql, request, moment->name, NULL);

	for (uint64 i = 0; i < n; i++)
	{
		MomentBefore *before = palloc(sizeof(MomentBefore));

		before->name = Keep(i, "moment");
		before->cancel_rule = Keep(i, "cancel_rule");
		before->goal = Keep(i, "goal");
		before->measure = Keep(i, "measure");
		before->within = Keep(i, "within");
		moment->before = lappend(moment->before, before);
		moment->event = ReadEvent(i, request->space);
	}
}

static MomentToken *
ReadToken(uint64 row)
{
	MomentToken *token = palloc(sizeof(MomentToken));

	token->name = Keep(row, "name");
	token->expression = Keep(row, "expression");
	return token;
}

static void
ReadTokens(const Request *request, Moment *moment)
{
	uint64		n = Ask(tokens_sql, request, moment->name, NULL);

	for (uint64 i = 0; i < n; i++)
		moment->tokens = lappend(moment->tokens, ReadToken(i));
}

static void
ReadVariantTokens(const Request *request, Moment *moment)
{
	uint64		n = Ask(variant_tokens_sql, request, moment->name, NULL);

	for (uint64 i = 0; i < n; i++)
	{
		MomentVariant *variant = MomentFindVariant(moment,
												   PersonaColumnText(i, "variant"));

		variant->tokens = lappend(variant->tokens, ReadToken(i));
	}
}

static MessageTemplate *
ReadTemplate(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = PersonaColumn(row, column, &isnull);

	if (isnull)
		return NULL;
	return (MessageTemplate *) PG_DETOAST_DATUM_COPY(value);
}

static void
NoteChannel(Moment *moment, const MomentVariant *variant, uint64 row)
{
	MomentChannel *channel;

	if (variant->channel == NULL ||
		MomentFindChannel(moment, variant->channel) != NULL)
		return;
	channel = palloc(sizeof(MomentChannel));
	channel->name = variant->channel;
	channel->address = Keep(row, "address");
	channel->html = IsTrue(row, "html");
	moment->channels = lappend(moment->channels, channel);
}

/* The channels of variants that somebody gets; of any, where nobody does. */
static void
ReadChannels(Moment *moment)
{
	bool		nobody = true;
	ListCell   *cell;

	foreach(cell, moment->variants)
		nobody = nobody && ((MomentVariant *) lfirst(cell))->weight == 0;
	foreach(cell, moment->variants)
		if (nobody || ((MomentVariant *) lfirst(cell))->weight > 0)
			NoteChannel(moment, lfirst(cell), foreach_current_index(cell));
}

static void
ReadVariants(const Request *request, Moment *moment)
{
	uint64		n = Ask(variants_sql, request, moment->name, NULL);

	for (uint64 i = 0; i < n; i++)
	{
		MomentVariant *variant = palloc0(sizeof(MomentVariant));

		variant->name = Keep(i, "variant");
		variant->weight = ReadFloat(i, "weight", 0);
		variant->subject_line = ReadTemplate(i, "subject_line");
		variant->template = ReadTemplate(i, "template");
		variant->delay = Keep(i, "delay");
		variant->channel = Keep(i, "channel");
		moment->variants = lappend(moment->variants, variant);
	}
	ReadChannels(moment);
	ReadVariantTokens(request, moment);
}

static MomentCap *
ReadCap(uint64 row)
{
	MomentCap  *cap = palloc(sizeof(MomentCap));

	cap->cap = ReadInt(row, "cap", 0);
	cap->per = Keep(row, "per");
	cap->channel = Keep(row, "channel");
	cap->purpose = Keep(row, "purpose");
	return cap;
}

static MomentRate *
ReadRate(uint64 row)
{
	MomentRate *rate = palloc(sizeof(MomentRate));

	rate->most = ReadInt(row, "max_per_hour", 0);
	rate->channel = Keep(row, "channel");
	rate->purpose = Keep(row, "purpose");
	return rate;
}

static MomentQuiet *
ReadQuiet(uint64 row)
{
	MomentQuiet *quiet = palloc(sizeof(MomentQuiet));

	quiet->from = (int) ReadFloat(row, "quiet_from", 0);
	quiet->to = (int) ReadFloat(row, "quiet_to", 0);
	return quiet;
}

/* Of two lists what both allow: where a parent meets its child, the child. */
static List *
BothAllow(List *one, List *other)
{
	List	   *both = NIL;
	ListCell   *a;
	ListCell   *b;

	foreach(a, one)
		foreach(b, other)
		{
			if (MomentCovers(lfirst(a), lfirst(b)))
				both = lappend(both, lfirst(b));
			else if (MomentCovers(lfirst(b), lfirst(a)))
				both = lappend(both, lfirst(a));
		}
	return both;
}

/* A category stays allowed where every policy with a list allows it. */
static void
ReadAllowed(uint64 row, Moment *moment)
{
	bool		isnull;
	Datum		value = PersonaColumn(row, "categories", &isnull);
	List	   *listed = NIL;
	Datum	   *elements;
	int			n;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		listed = lappend(listed, TextDatumGetCString(elements[i]));
	if (moment->allowed != NIL)
		listed = BothAllow(moment->allowed, listed);
	/* An empty list allows nothing, which NIL would not say. */
	moment->allowed = listed ? listed : list_make1(pstrdup(""));
}

static void
ReadPolicies(const Request *request, Moment *moment)
{
	uint64		n = Ask(policies_sql, request, moment->name, NULL);
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		moment->holdout = Max(moment->holdout, ReadFloat(i, "holdout", 0));
		moment->max_surprise = Min(moment->max_surprise,
								   ReadInt(i, "max_surprise", 100));
		if (PersonaColumnText(i, "told_within") != NULL)
			moment->told_within = Keep(i, "told_within");
		(void) PersonaColumn(i, "cap", &isnull);
		if (!isnull)
			moment->caps = lappend(moment->caps, ReadCap(i));
		(void) PersonaColumn(i, "quiet_from", &isnull);
		if (!isnull)
			moment->quiet = lappend(moment->quiet, ReadQuiet(i));
		(void) PersonaColumn(i, "max_per_hour", &isnull);
		if (!isnull)
			moment->rates = lappend(moment->rates, ReadRate(i));
		ReadAllowed(i, moment);
	}
}

/* Reads as the owner of the definitions. */
static void
ReadMoments(void *arg)
{
	Request    *request = arg;
	uint64		n = Ask(moments_sql, request, request->moment,
						request->starts_on);
	ListCell   *cell;

	for (uint64 i = 0; i < n; i++)
		request->moments = lappend(request->moments,
								   ReadMoment(i, request->space));
	foreach(cell, request->moments)
	{
		if (((Moment *) lfirst(cell))->is_after)
			ReadChain(request, lfirst(cell));
		ReadTokens(request, lfirst(cell));
		ReadVariants(request, lfirst(cell));
		ReadPolicies(request, lfirst(cell));
	}
}

List *
MomentLoadLive(const Space *space, const char *starts_on)
{
	Request		request = {.space = space, .starts_on = starts_on};

	SpaceWithDefinitions(ReadMoments, &request);
	return request.moments;
}

static void
ReadNames(void *arg)
{
	Request    *request = arg;
	uint64		n = Ask("SELECT moment FROM persona.moment WHERE space = $1"
						" AND ($2 IS NULL OR state = $2) AND $3 IS NULL"
						" ORDER BY priority DESC, moment",
						request, request->state, NULL);

	for (uint64 i = 0; i < n; i++)
		request->moments = lappend(request->moments, Keep(i, "moment"));
}

List *
MomentLiveNames(const Space *space)
{
	Request		request = {.space = space, .state = "live"};

	SpaceWithDefinitions(ReadNames, &request);
	return request.moments;
}

Moment *
MomentLoad(const Space *space, const char *name)
{
	Request		request = {.space = space, .moment = name};
	const char *near;

	SpaceWithDefinitions(ReadMoments, &request);
	if (request.moments != NIL)
		return linitial(request.moments);
	SpaceWithDefinitions(ReadNames, &request);
	near = PersonaSuggest(name, request.moments);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("moment \"%s\" does not exist in space \"%s\"", name,
					space->name),
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Define it with persona.define_moment('%s', ...).",
					 name)));
	return NULL;
}

char *
MomentInScope(const char *channel, const char *purpose)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (channel[0] != '\0')
		appendStringInfo(&sql, " AND x.channel = %s", PersonaLiteral(channel));
	if (purpose[0] != '\0')
		appendStringInfo(&sql, " AND (x.purpose = %s OR pg_catalog.starts_with(x.purpose, %s))",
						 PersonaLiteral(purpose),
						 PersonaLiteral(psprintf("%s.", purpose)));
	return sql.data;
}

bool
MomentCovers(const char *parent, const char *category)
{
	size_t		n = strlen(parent);

	return strncmp(parent, category, n) == 0 &&
		(category[n] == '\0' || category[n] == '.');
}

MomentVariant *
MomentFindVariant(const Moment *moment, const char *name)
{
	ListCell   *cell;

	foreach(cell, moment->variants)
	{
		MomentVariant *variant = lfirst(cell);

		if (strcmp(variant->name, name) == 0)
			return variant;
	}
	return NULL;
}
