/*
 * secret.c: the keys of a space, and links that they sign.
 *
 * A space has keys of two uses in its table `secret`, which its owner alone
 * may read. Those that sign tokens are changed from time to time: the newest
 * signs, all of them verify. The one of pseudonyms stays, for what it hashed,
 * an address or somebody erased, must be recognized for ever.
 *
 * A token of somebody who was erased since is dead: it holds how often the
 * subject had been erased when it was signed, and that is counted again.
 */
#include "consent/consent.h"
#include "consent/token.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* How long a link may say yes where nobody said otherwise: 30 days. */
#define MAY_SAY_YES "30 days"

/* ---- the keys ---- */

static char *
NewestSql(const Space *space)
{
	return psprintf("SELECT s.key, s.secret::pg_catalog.bytea FROM %s s WHERE s.use = $1"
					" ORDER BY s.key DESC LIMIT 1",
					SpaceTable(space, "secret"));
}

static const ConsentQuery newest = {NewestSql, 1, {TEXTOID}};

static char *
NumberedSql(const Space *space)
{
	return psprintf("SELECT s.secret::pg_catalog.bytea FROM %s s"
					" WHERE s.use = 'token' AND s.key = $1",
					SpaceTable(space, "secret"));
}

static const ConsentQuery numbered = {NumberedSql, 1, {INT4OID}};

/* The bytes of a key in the current memory context. */
static bytea *
Secret(void)
{
	bool		isnull;

	return DatumGetByteaPCopy(PersonaColumn(0, "secret", &isnull));
}

static bytea *
NewestSecret(const Space *space, const char *use, int32 *key)
{
	Datum		values[] = {CStringGetTextDatum(use)};
	bool		isnull;

	if (ConsentRun(space, &newest, values, NULL, true) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("space \"%s\" has no key left", space->name),
				 errhint("SELECT persona.rotate_keys(space => '%s').",
						 space->name)));
	*key = DatumGetInt32(PersonaColumn(0, "key", &isnull));
	return Secret();
}

/* ---- how often somebody was erased ---- */

bytea *
ConsentPseudonymKey(const Space *space)
{
	int32		key;

	return NewestSecret(space, "pseudonym", &key);
}

static char *
LivesSql(const Space *space)
{
	return psprintf("SELECT pg_catalog.count(*)::pg_catalog.int4 AS n"
					" FROM %s t WHERE t.pseudonym = $1",
					SpaceTable(space, "tombstone"));
}

static const ConsentQuery lives = {LivesSql, 1, {BYTEAOID}};

static int32
Lives(const Space *space, const char *subject)
{
	Datum		values[] = {ConsentPseudonym(space, "subject", subject)};
	bool		isnull;

	ConsentRun(space, &lives, values, NULL, true);
	return DatumGetInt32(PersonaColumn(0, "n", &isnull));
}

/* ---- signing ---- */

static TimestampTz
Until(const Interval *expires)
{
	TimestampTz now = PersonaNow();
	TimestampTz until;

	until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													TimestampTzGetDatum(now),
													IntervalPGetDatum(expires)));
	if (until <= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a link cannot expire before it is made"),
				 errhint("Pass a positive interval such as '30 days'.")));
	return until;
}

static char *
AnyErasedSql(const Space *space)
{
	return psprintf("SELECT FROM %s LIMIT 1", SpaceTable(space, "tombstone"));
}

static const ConsentQuery any_erased = {AnyErasedSql, 0};

void
ConsentSignerBegin(ConsentSigner *signer, const Space *space)
{
	signer->secret = NewestSecret(space, "token", &signer->key);
	signer->any_erased = ConsentRun(space, &any_erased, NULL, NULL, true) > 0;
}

static char *
Sign(const Space *space, const ConsentSigner *signer, TokenKind kind,
	 const char *subject, const char *about, TimestampTz until)
{
	ConsentToken token = {.kind = kind, .key = signer->key, .until = until,
		.space = space->name, .about = (char *) about,
	.subject = (char *) subject};

	if (signer->any_erased)
		token.life = Lives(space, subject);
	return TokenSign(&token, signer->secret);
}

static Interval *
DefaultYes(void)
{
	return DatumGetIntervalP(DirectFunctionCall3(interval_in,
												 CStringGetDatum(MAY_SAY_YES),
												 0, -1));
}

char *
ConsentPreferenceToken(const Space *space, const ConsentSigner *signer,
					   const char *subject, const char *channel,
					   const Interval *expires)
{
	return Sign(space, signer, TOKEN_PREFERENCES, subject,
				channel ? channel : "",
				Until(expires ? expires : DefaultYes()));
}

char *
ConsentConfirmationToken(const Space *space, const char *subject,
						 const char *ledger)
{
	ConsentSigner signer;

	ConsentSignerBegin(&signer, space);
	return Sign(space, &signer, TOKEN_CONFIRMATION, subject, ledger,
				Until(DefaultYes()));
}

PG_FUNCTION_INFO_V1(persona_preference_token);

/* persona.preference_token(subject, channel, expires, space): text. */
Datum
persona_preference_token(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 3));
	Datum		key = ConsentArgKey(fcinfo, space);
	char	   *channel = ConsentArgText(fcinfo, 1);
	Interval   *expires = PG_ARGISNULL(2) ? NULL : PG_GETARG_INTERVAL_P(2);
	MemoryContext caller = CurrentMemoryContext;
	ConsentSigner signer;
	PersonaAct	act;
	char	   *token;

	if (channel != NULL)
		ConsentCheckChannel(space, channel);
	ConsentBegin(&act, space, ACL_INSERT);
	ConsentSignerBegin(&signer, space);
	token = ConsentPreferenceToken(space, &signer, ConsentKeyText(space, key),
								   channel, expires);
	token = MemoryContextStrdup(caller, token);
	ConsentEnd(&act);
	PG_RETURN_TEXT_P(cstring_to_text(token));
}

/* ---- verifying ---- */

/* One text for whatever is wrong: a stranger learns nothing from it. */
void
ConsentRefuseToken(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("this link is not valid"),
			 errhint("Ask for a new one.")));
}

static char *
KnownSql(const Space *space)
{
	return psprintf("SELECT FROM %s s WHERE s.%s = $1",
					PersonaRelationName(space->relid),
					quote_identifier(space->key.name));
}

static const ConsentQuery known = {KnownSql, 1, {CONSENT_KEY}};

bool
ConsentIsKnown(const Space *space, Datum key)
{
	return ConsentRun(space, &known, &key, NULL, true) > 0;
}

/*
 * Checks a token and begins to act as the owner of its space, about its
 * subject. Who it is about is looked up only once the signature holds.
 */
Space *
ConsentEnter(PersonaAct *act, const char *text, ConsentToken *token,
			 TokenKind kind, Datum *key)
{
	Space	   *space;
	Datum		number;

	if (text == NULL || !TokenRead(text, token) || token->kind != kind)
		ConsentRefuseToken();
	space = SpaceFind(token->space);
	if (space == NULL || !OidIsValid(space->owner))
		ConsentRefuseToken();
	PersonaActByPath(act, space->owner);
	SPI_connect();
	number = Int32GetDatum(token->key);
	if (ConsentRun(space, &numbered, &number, NULL, true) == 0 ||
		!TokenIsGenuine(text, Secret()) ||
		Lives(space, token->subject) != token->life)
		ConsentRefuseToken();
	*key = ConsentKey(space, token->subject);
	if (!ConsentIsKnown(space, *key))
		ConsentRefuseToken();
	return space;
}
