/*
 * load.c: a moment as it is defined, with its channel, its purpose, the
 * policies that apply to it and its variants.
 *
 * Definitions are read anew at each batch: they are few, and a batch must not
 * send under a rule that was changed or a moment that was paused before it.
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
	const char *event;			/* of those, NULL: on any event */
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
"SELECT m.moment, m.version, m.state, m.held_at IS NOT NULL AS held, m.on_event,"
" m.when_rule, m.cancel_rule, m.once_per, m.expires,"
" m.expires_is_interval, m.purpose, m.channel, m.delay::text AS delay, m.local_time,"
" m.transactional, m.share, m.activated_at, p.basis, c.address, c.time_zone,"
" c.link, c.format = 'html' AS html"
" FROM persona.moment m"
" LEFT JOIN persona.purpose p ON p.space = m.space AND p.purpose = m.purpose"
" LEFT JOIN persona.channel c ON c.space = m.space AND c.channel = m.channel"
" WHERE m.space = $1"
" AND CASE WHEN $2 IS NULL THEN m.state = 'live' ELSE m.moment = $2 END"
" AND ($3 IS NULL OR m.on_event = $3)"
" ORDER BY m.priority DESC, m.moment";

static const char *const tokens_sql =
"SELECT t.key AS name, t.value AS expression"
" FROM persona.moment m, pg_catalog.jsonb_each_text(m.tokens) t"
" WHERE m.space = $1 AND m.moment = $2 ORDER BY 1";

static const char *const variants_sql =
"SELECT variant, weight, subject_line, template FROM persona.variant"
" WHERE space = $1 AND moment = $2 ORDER BY variant";

static const char *const policies_sql =
"SELECT o.channel, o.purpose, o.cap, o.per::text AS per,"
" pg_catalog.date_part('epoch', o.quiet_from) AS quiet_from,"
" pg_catalog.date_part('epoch', o.quiet_to) AS quiet_to,"
" o.max_surprise, o.categories, o.max_per_hour, o.holdout"
" FROM persona.policy o JOIN persona.moment m ON m.space = $1 AND m.moment = $2"
" WHERE o.space IN (m.space, 'house')"
" AND (o.channel = '' OR o.channel = m.channel)"
" AND (o.purpose = '' OR o.purpose = m.purpose"
"      OR pg_catalog.starts_with(m.purpose, o.purpose || '.'))"
" ORDER BY o.channel, o.purpose, o.space";

static uint64
Ask(const char *sql, const Request *request, const char *moment,
	const char *event)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(request->space->name),
			   false);
	PersonaArg(&args, TEXTOID, moment ? CStringGetTextDatum(moment) : 0,
			   moment == NULL);
	PersonaArg(&args, TEXTOID, event ? CStringGetTextDatum(event) : 0,
			   event == NULL);
	return PersonaExecute(sql, &args, true);
}

static Moment *
ReadMoment(uint64 row, const Space *space)
{
	Moment	   *moment = palloc0(sizeof(Moment));
	char	   *event = PersonaColumnText(row, "on_event");
	bool		isnull;
	Datum		value;

	moment->name = Keep(row, "moment");
	moment->version = ReadInt(row, "version", 0);
	moment->state = Keep(row, "state");
	moment->held = IsTrue(row, "held");
	moment->event = event ? SpaceFindEvent(space, event) : NULL;
	moment->when_rule = Keep(row, "when_rule");
	moment->cancel_rule = Keep(row, "cancel_rule");
	moment->once_per = Keep(row, "once_per");
	moment->expires = Keep(row, "expires");
	moment->expires_is_interval = IsTrue(row, "expires_is_interval");
	moment->purpose = Keep(row, "purpose");
	moment->basis = Keep(row, "basis");
	moment->channel = Keep(row, "channel");
	moment->address = Keep(row, "address");
	moment->time_zone = Keep(row, "time_zone");
	moment->link = Keep(row, "link");
	moment->html = IsTrue(row, "html");
	moment->delay = Keep(row, "delay");
	value = PersonaColumn(row, "local_time", &isnull);
	moment->has_local_time = !isnull;
	moment->local_time = isnull ? 0 : DatumGetTimeADT(value);
	moment->transactional = IsTrue(row, "transactional");
	moment->share = ReadFloat(row, "share", 1);
	value = PersonaColumn(row, "activated_at", &isnull);
	moment->activated_at = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	moment->max_surprise = 100;
	return moment;
}

static void
ReadTokens(const Request *request, Moment *moment)
{
	uint64		n = Ask(tokens_sql, request, moment->name, NULL);

	for (uint64 i = 0; i < n; i++)
	{
		MomentToken *token = palloc(sizeof(MomentToken));

		token->name = Keep(i, "name");
		token->expression = Keep(i, "expression");
		moment->tokens = lappend(moment->tokens, token);
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
ReadVariants(const Request *request, Moment *moment)
{
	uint64		n = Ask(variants_sql, request, moment->name, NULL);

	for (uint64 i = 0; i < n; i++)
	{
		MomentVariant *variant = palloc(sizeof(MomentVariant));

		variant->name = Keep(i, "variant");
		variant->weight = ReadFloat(i, "weight", 0);
		variant->subject_line = ReadTemplate(i, "subject_line");
		variant->template = ReadTemplate(i, "template");
		moment->variants = lappend(moment->variants, variant);
	}
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
						request->event);
	ListCell   *cell;

	for (uint64 i = 0; i < n; i++)
		request->moments = lappend(request->moments,
								   ReadMoment(i, request->space));
	foreach(cell, request->moments)
	{
		ReadTokens(request, lfirst(cell));
		ReadVariants(request, lfirst(cell));
		ReadPolicies(request, lfirst(cell));
	}
}

List *
MomentLoadLive(const Space *space, const char *event)
{
	Request		request = {.space = space, .event = event};

	SpaceWithDefinitions(ReadMoments, &request);
	return request.moments;
}

static void
ReadNames(void *arg)
{
	Request    *request = arg;
	uint64		n = Ask("SELECT moment FROM persona.moment WHERE space = $1"
						" AND $2 IS NULL AND $3 IS NULL ORDER BY 1",
						request, NULL, NULL);

	for (uint64 i = 0; i < n; i++)
		request->moments = lappend(request->moments, Keep(i, "moment"));
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
