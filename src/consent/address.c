/*
 * address.c: addresses that get nothing, whoever has them.
 *
 * A list of them must outlive the people on it, and must not be a list of
 * people. So it keeps hashes, made with a key of the space: who has the list
 * without the key learns no address from it, who has the key can still ask
 * whether a given one is on it. One address has many spellings: before it is
 * hashed it is brought into one of them.
 */
#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "rule/rule.h"
#include "utils/builtins.h"

/* ---- the kernel ---- */

/* Whether it can only be a telephone number: five digits, and what joins them. */
static bool
IsTelephone(const char *text)
{
	int			digits = 0;

	for (const char *c = text; *c; c++)
	{
		if (*c >= '0' && *c <= '9')
			digits++;
		else if (strchr("+-./() ", *c) == NULL)
			return false;
	}
	return digits >= 5;
}

/* + and digits: 00 is how + is dialled. */
static char *
Telephone(const char *text)
{
	StringInfoData number;
	bool		abroad = text[0] == '+';

	initStringInfo(&number);
	for (const char *c = text; *c; c++)
		if (*c >= '0' && *c <= '9')
			appendStringInfoChar(&number, *c);
	if (!abroad && strncmp(number.data, "00", 2) != 0)
		return number.data;
	return psprintf("+%s", abroad ? number.data : number.data + 2);
}

/* Without blanks around it, and its ASCII letters small: no locale's taste. */
static char *
Normal(const char *address)
{
	char	   *text = pstrdup(address + strspn(address, " \t\r\n"));
	int			length = strlen(text);

	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		text[--length] = '\0';
	for (char *c = text; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c;
	return IsTelephone(text) ? Telephone(text) : text;
}

/* HMAC-SHA-256 of a name of some kind, as bytea. */
static Datum
Pseudonym(const bytea *secret, const char *kind, const char *name)
{
	char	   *text = psprintf("%s:%s", kind, name);
	bytea	   *hash = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	SET_VARSIZE(hash, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	TokenHmac(secret, text, strlen(text), (uint8 *) VARDATA(hash));
	return PointerGetDatum(hash);
}

PG_FUNCTION_INFO_V1(persona_pseudonym);

/* persona.pseudonym(secret, kind, name): bytea. */
Datum
persona_pseudonym(PG_FUNCTION_ARGS)
{
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(2));

	if (strcmp(kind, "address") == 0)
		name = Normal(name);
	return Pseudonym(PG_GETARG_BYTEA_PP(0), kind, name);
}

Datum
ConsentPseudonym(const Space *space, const char *kind, const char *name)
{
	return Pseudonym(ConsentPseudonymKey(space), kind,
					 strcmp(kind, "address") == 0 ? Normal(name) : name);
}

/* ---- the list ---- */

static char *
ListSql(const Space *space)
{
	return psprintf("INSERT INTO %1$s SELECT $1, coalesce($2, ''), $3, persona.now()"
					" WHERE NOT EXISTS (SELECT FROM %1$s a WHERE a.hash = $1 AND a.channel = coalesce($2, ''))",
					SpaceTable(space, "suppressed_address"));
}

static char *
UnlistSql(const Space *space)
{
	return psprintf("DELETE FROM %s a WHERE a.hash = $1 AND a.channel = coalesce($2, '')",
					SpaceTable(space, "suppressed_address"));
}

static const ConsentQuery list = {ListSql, 3, {BYTEAOID, TEXTOID, TEXTOID}};
static const ConsentQuery unlist = {UnlistSql, 2, {BYTEAOID, TEXTOID}};

static void
RefuseNoAddress(const char *address)
{
	if (address == NULL || *Normal(address) == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the address is missing"),
				 errhint("Pass it as it would be sent to: its spelling does not matter.")));
}

uint64
ConsentSuppressAddress(const Space *space, const char *address,
					   const char *channel, const char *reason)
{
	Datum		values[3];
	bool		nulls[3] = {false, channel == NULL, false};

	values[0] = ConsentPseudonym(space, "address", address);
	values[1] = channel ? CStringGetTextDatum(channel) : (Datum) 0;
	values[2] = CStringGetTextDatum(reason);
	return ConsentRun(space, &list, values, nulls, false);
}

PG_FUNCTION_INFO_V1(persona_suppress_address);

/* persona.suppress_address(address, channel, reason, space) */
Datum
persona_suppress_address(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 3));
	char	   *address = ConsentArgText(fcinfo, 0);
	char	   *channel = ConsentArgText(fcinfo, 1);
	char	   *reason = ConsentArgText(fcinfo, 2);
	PersonaAct	act;

	RefuseNoAddress(address);
	ConsentRefuseNoReason(reason);
	if (channel != NULL)
		ConsentCheckChannel(space, channel);
	ConsentBegin(&act, space, ACL_INSERT);
	ConsentSuppressAddress(space, address, channel, reason);
	ConsentEnd(&act);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(persona_unsuppress_address);

/* persona.unsuppress_address(address, channel, space): whether it was listed. */
Datum
persona_unsuppress_address(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 2));
	char	   *address = ConsentArgText(fcinfo, 0);
	char	   *channel = ConsentArgText(fcinfo, 1);
	Datum		values[2];
	bool		nulls[2] = {false, channel == NULL};
	PersonaAct	act;
	uint64		lifted;

	RefuseNoAddress(address);
	if (channel != NULL)
		ConsentCheckChannel(space, channel);
	ConsentBegin(&act, space, ACL_INSERT);
	values[0] = ConsentPseudonym(space, "address", address);
	values[1] = channel ? CStringGetTextDatum(channel) : (Datum) 0;
	lifted = ConsentRun(space, &unlist, values, nulls, false);
	ConsentEnd(&act);
	PG_RETURN_BOOL(lifted > 0);
}

/* ---- the addresses of one subject ---- */

/* One channel of one subject, and where that would reach her now. */
typedef struct Reach
{
	const Space *space;
	Datum		key;
	const char *expression;
	char	   *address;		/* NULL: nowhere */
} Reach;

static void
FindAddress(void *arg)
{
	Reach	   *reach = arg;
	int			level = PersonaPinBegin();
	RuleQuery  *query = RuleQueryBegin(reach->space, NULL,
									   RULE_FEATURES_LATERAL);
	Oid			type;
	char	   *sql = RuleQueryAdd(query, reach->expression, TEXTOID,
								   "address", &type);
	PersonaArgs args = {0};

	PersonaArg(&args, reach->space->key.type, reach->key, false);
	if (PersonaExecute(psprintf("SELECT %s AS address FROM %s s%s WHERE s.%s = $1",
								sql, PersonaRelationName(reach->space->relid),
								RuleQueryJoins(query),
								quote_identifier(reach->space->key.name)),
					   &args, true) > 0)
		reach->address = PersonaColumnText(0, "address");
	PersonaPinEnd(level);
}

List *
ConsentAddresses(const Space *space, Datum key)
{
	List	   *addresses = NIL;
	ListCell   *cell;

	foreach(cell, ConsentChannels(space))
	{
		const ConsentChannel *channel = lfirst(cell);
		Reach		reach = {space, key, channel->address, NULL};

		/* An address that cannot be read cannot be written to either. */
		if (PersonaTrap(FindAddress, &reach) == 0 && reach.address != NULL &&
			*Normal(reach.address) != '\0')
			addresses = lappend(addresses,
								list_make2(channel->name, reach.address));
	}
	return addresses;
}
