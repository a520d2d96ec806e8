/*
 * record.c: what people say, in SQL functions: yes, no, not with this data,
 * and what is known about reaching them.
 *
 * Each takes the right INSERT on the ledger, acts as the space's owner and
 * holds the subject's lock, so that a message that is claimed meanwhile waits,
 * or is waited for.
 */
#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

/* ---- a statement ---- */

static char *
SaySql(const Space *space)
{
	return psprintf("INSERT INTO %s (subject, purpose, channel, decision, source, at, evidence)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING ledger::pg_catalog.uuid",
					SpaceTable(space, "consent"));
}

static const ConsentQuery say = {SaySql, 7,
{CONSENT_KEY, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONBOID}};

static Datum
OptionalText(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

pg_uuid_t
ConsentSay(const Space *space, const ConsentStatement *s)
{
	bool		nulls[7] = {0};
	Datum		values[7];
	bool		isnull;

	values[0] = s->key;
	values[1] = OptionalText(s->purpose, &nulls[1]);
	values[2] = OptionalText(s->channel, &nulls[2]);
	values[3] = CStringGetTextDatum(s->decision);
	values[4] = OptionalText(s->source, &nulls[4]);
	values[5] = s->at;
	nulls[5] = !s->has_at;
	values[6] = s->evidence;
	nulls[6] = !s->has_evidence;

	/*
	 * A row that this snapshot does not see must end in 40001, to be run
	 * again, never in a lost statement.
	 */
	if (ConsentRun(space, &say, values, nulls, false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("another transaction has appended to this subject's ledger"),
				 errhint("Nothing was recorded. Run the transaction again.")));
	return *DatumGetUUIDP(PersonaColumn(0, "ledger", &isnull));
}

static char *
InFlightSql(const Space *space)
{
	return psprintf("SELECT pg_catalog.count(*) AS n FROM %s m WHERE m.subject = $1"
					" AND m.state = 'claimed' AND NOT m.transactional"
					" AND ($2 IS NULL OR m.purpose = $2 OR pg_catalog.starts_with(m.purpose, $2 || '.'))"
					" AND ($3 IS NULL OR m.channel = $3)",
					SpaceTable(space, "message"));
}

static const ConsentQuery in_flight = {InFlightSql, 3,
{CONSENT_KEY, TEXTOID, TEXTOID}};

/* Says how many messages a withdrawal comes too late for. */
static void
NoteInFlight(const Space *space, const ConsentStatement *s)
{
	bool		nulls[3] = {0};
	Datum		values[3];
	bool		isnull;
	int64		n;

	values[0] = s->key;
	values[1] = OptionalText(s->purpose, &nulls[1]);
	values[2] = OptionalText(s->channel, &nulls[2]);
	ConsentRun(space, &in_flight, values, nulls, false);
	n = DatumGetInt64(PersonaColumn(0, "n", &isnull));
	if (n > 0)
		ereport(NOTICE,
				(errmsg("messages already with a sender: " INT64_FORMAT, n),
				 errhint("They were claimed before this withdrawal and cannot be called back.")));
}

/* (subject, purpose, channel, source, at, evidence, space) */
static Datum
Record(FunctionCallInfo fcinfo, const char *decision)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 6));
	ConsentStatement s = {
		.key = ConsentArgKey(fcinfo, space),
		.purpose = ConsentArgText(fcinfo, 1),
		.channel = ConsentArgText(fcinfo, 2),
		.decision = decision,
		.source = ConsentArgText(fcinfo, 3),
		.has_at = !PG_ARGISNULL(4),
		.at = PG_GETARG_DATUM(4),
		.has_evidence = !PG_ARGISNULL(5),
		.evidence = PG_GETARG_DATUM(5),
	};
	pg_uuid_t  *ledger = palloc(sizeof(pg_uuid_t));
	PersonaAct	act;

	ConsentBegin(&act, space, ACL_INSERT);
	*ledger = ConsentSay(space, &s);
	if (strcmp(decision, "withdraw") == 0)
		NoteInFlight(space, &s);
	ConsentEnd(&act);
	PG_RETURN_UUID_P(ledger);
}

PG_FUNCTION_INFO_V1(persona_grant_consent);

Datum
persona_grant_consent(PG_FUNCTION_ARGS)
{
	return Record(fcinfo, "grant");
}

PG_FUNCTION_INFO_V1(persona_withdraw_consent);

Datum
persona_withdraw_consent(PG_FUNCTION_ARGS)
{
	return Record(fcinfo, "withdraw");
}

/* ---- preferences ---- */

static char *
PreferSql(const Space *space)
{
	return psprintf("INSERT INTO %s VALUES ($1, $2, $3, persona.now())"
					" ON CONFLICT (subject, category) DO UPDATE"
					" SET (allowed, at) = (excluded.allowed, excluded.at)",
					SpaceTable(space, "preference"));
}

static const ConsentQuery prefer = {PreferSql, 3,
{CONSENT_KEY, TEXTOID, BOOLOID}};

void
ConsentPrefer(const Space *space, Datum key, const char *category,
			  bool allowed)
{
	Datum		values[] = {key, CStringGetTextDatum(category),
	BoolGetDatum(allowed)};

	ConsentLock(space, key);
	ConsentRun(space, &prefer, values, NULL, false);
}

/* A category that nothing is of: perhaps it is misspelt. */
typedef struct Doubt
{
	const Space *space;
	const char *category;
	char	   *message;		/* NULL: there is none */
	char	   *hint;
} Doubt;

static void
FindDoubt(void *arg)
{
	Doubt	   *doubt = arg;
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(doubt->category), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(doubt->space->name), false);
	if (PersonaExecute("SELECT message, hint FROM persona.lint_category('', $1, $2,"
					   " ARRAY(SELECT category FROM persona.attribute WHERE space = $2))",
					   &args, true) == 0)
		return;
	doubt->message = PersonaColumnText(0, "message");
	doubt->hint = PersonaColumnText(0, "hint");
}

static void
NoteUnknownCategory(const Space *space, const char *category)
{
	Doubt		doubt = {space, category};

	SpaceWithDefinitions(FindDoubt, &doubt);
	if (doubt.message != NULL)
		ereport(NOTICE,
				(errmsg("%s", doubt.message), errhint("%s", doubt.hint)));
}

PG_FUNCTION_INFO_V1(persona_record_preference);

/* persona.record_preference(subject, category, allowed, space) */
Datum
persona_record_preference(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 3));
	Datum		key = ConsentArgKey(fcinfo, space);
	char	   *category = ConsentArgText(fcinfo, 1);
	PersonaAct	act;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the preference is NULL"),
				 errhint("Pass true where the use of this data is welcome, false where it is refused.")));
	ConsentCheckCategory(category);
	ConsentBegin(&act, space, ACL_INSERT);
	ConsentPrefer(space, key, category, PG_GETARG_BOOL(2));
	NoteUnknownCategory(space, category);
	ConsentEnd(&act);
	PG_RETURN_VOID();
}

/* ---- suppression of a subject ---- */

static char *
SuppressSql(const Space *space)
{
	return psprintf("INSERT INTO %s VALUES ($1, coalesce($2, ''), $3, persona.now())"
					" ON CONFLICT DO NOTHING", SpaceTable(space, "suppression"));
}

static char *
UnsuppressSql(const Space *space)
{
	return psprintf("DELETE FROM %s WHERE subject = $1 AND channel = coalesce($2, '')",
					SpaceTable(space, "suppression"));
}

static const ConsentQuery suppress_subject = {SuppressSql, 3,
{CONSENT_KEY, TEXTOID, TEXTOID}};
static const ConsentQuery unsuppress_subject = {UnsuppressSql, 2,
{CONSENT_KEY, TEXTOID}};

PG_FUNCTION_INFO_V1(persona_suppress);

/* persona.suppress(subject, channel, reason, space) */
Datum
persona_suppress(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 3));
	char	   *channel = ConsentArgText(fcinfo, 1);
	char	   *reason = ConsentArgText(fcinfo, 2);
	bool		nulls[3] = {0};
	Datum		values[3];
	PersonaAct	act;

	values[0] = ConsentArgKey(fcinfo, space);
	ConsentRefuseNoReason(reason);
	if (channel != NULL)
		ConsentCheckChannel(space, channel);
	values[1] = OptionalText(channel, &nulls[1]);
	values[2] = CStringGetTextDatum(reason);
	ConsentBegin(&act, space, ACL_INSERT);
	ConsentLock(space, values[0]);
	ConsentRun(space, &suppress_subject, values, nulls, false);
	ConsentEnd(&act);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(persona_unsuppress);

/* persona.unsuppress(subject, channel, space): whether there was one. */
Datum
persona_unsuppress(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 2));
	char	   *channel = ConsentArgText(fcinfo, 1);
	bool		nulls[2] = {0};
	Datum		values[2];
	PersonaAct	act;
	uint64		lifted;

	values[0] = ConsentArgKey(fcinfo, space);
	if (channel != NULL)
		ConsentCheckChannel(space, channel);
	values[1] = OptionalText(channel, &nulls[1]);
	ConsentBegin(&act, space, ACL_INSERT);
	ConsentLock(space, values[0]);
	lifted = ConsentRun(space, &unsuppress_subject, values, nulls, false);
	ConsentEnd(&act);
	PG_RETURN_BOOL(lifted > 0);
}
