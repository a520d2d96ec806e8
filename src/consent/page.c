/*
 * visit.c: what a customer sees and does through a link.
 *
 * preferences() and apply_preferences() are all that a web server needs: they
 * take a token, act as the owner of its space about its subject, and nothing
 * else. Reading writes nothing, for scanners follow links. Only what differs
 * from what stands is recorded, so saving a page twice says a thing once. A no
 * is never refused; a yes is, once the link is too old for it.
 */
#include "consent/consent.h"
#include "consent/token.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define SOURCE "preference page"

/* One call: whose page, and what the link may do. */
typedef struct Visit
{
	ConsentToken token;
	Space	   *space;
	Datum		key;
	const char *channel;		/* NULL: every one */
	bool		writes;			/* under the lock: what is read must be fresh */
	int64		recorded;
	int64		too_late;		/* yeses that the link is too old for */
} Visit;

/* ---- what stands ---- */

static char *
SaidSql(const Space *space)
{
	return ConsentSaidSql(space, false);
}

static char *
SaidMovedSql(const Space *space)
{
	return ConsentSaidSql(space, true);
}

/* By what was said alone: a suppression is not the customer's to tick. */
static const ConsentQuery said = {SaidSql, 5,
{CONSENT_KEY, TEXTARRAYOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};
static const ConsentQuery said_moved = {SaidMovedSql, 5,
{CONSENT_KEY, TEXTARRAYOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};

static bool
IsAllowedOn(const Visit *visit, const ConsentPurpose *purpose,
			const char *channel)
{
	Datum		values[] = {visit->key, PointerGetDatum(purpose->covering),
		CStringGetTextDatum(purpose->basis), CStringGetTextDatum(channel),
	TimestampTzGetDatum(PersonaNow())};
	bool		isnull;

	ConsentRun(visit->space, PersonaClockIsMoved() ? &said_moved : &said,
			   values, NULL, !visit->writes);
	return DatumGetBool(PersonaColumn(0, "allowed", &isnull));
}

/* On the link's channel, or where it has none on any. */
static bool
IsAllowed(const Visit *visit, const ConsentPurpose *purpose)
{
	ListCell   *cell;

	if (visit->channel != NULL)
		return IsAllowedOn(visit, purpose, visit->channel);
	foreach(cell, ConsentChannels(visit->space))
		if (IsAllowedOn(visit, purpose,
						((ConsentChannel *) lfirst(cell))->name))
			return true;
	return false;
}

static char *
CategorySql(const Space *space)
{
	return psprintf("SELECT p.allowed FROM %s p WHERE p.subject = $1"
					" AND (p.category = $2 OR pg_catalog.starts_with($2, p.category || '.'))"
					" ORDER BY pg_catalog.length(p.category) DESC LIMIT 1",
					SpaceTable(space, "preference"));
}

static const ConsentQuery preferred = {CategorySql, 2, {CONSENT_KEY, TEXTOID}};

/* Whether the use of a category is open: until it is refused it is. */
static bool
IsOpen(const Visit *visit, const char *category)
{
	Datum		values[] = {visit->key, CStringGetTextDatum(category)};
	bool		isnull;

	if (ConsentRun(visit->space, &preferred, values, NULL,
				   !visit->writes) == 0)
		return true;
	return DatumGetBool(PersonaColumn(0, "allowed", &isnull));
}

/* What a contract needs is nobody's to tick. */
static bool
IsChoice(const ConsentPurpose *purpose)
{
	return strcmp(purpose->basis, "contract") != 0;
}

static void
Enter(Visit *visit, PersonaAct *act, const char *token)
{
	visit->space = ConsentEnter(act, token, &visit->token, TOKEN_PREFERENCES,
								&visit->key);
	visit->channel = visit->token.about[0] ? visit->token.about : NULL;
}

/* ---- reading ---- */

static void
Show(ReturnSetInfo *result, const char *kind, const char *name,
	 const char *label, const char *description, bool allowed)
{
	Datum		values[5];
	bool		nulls[5] = {0};

	values[0] = CStringGetTextDatum(kind);
	values[1] = CStringGetTextDatum(name);
	values[2] = CStringGetTextDatum(label ? label : name);
	nulls[3] = description == NULL;
	values[3] = description ? CStringGetTextDatum(description) : 0;
	values[4] = BoolGetDatum(allowed);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(persona_preferences);

/* persona.preferences(token): (kind, name, label, description, allowed). */
Datum
persona_preferences(PG_FUNCTION_ARGS)
{
	Visit		visit = {0};
	PersonaAct	act;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	Enter(&visit, &act, ConsentArgText(fcinfo, 0));
	foreach(cell, ConsentPurposes(visit.space))
	{
		const ConsentPurpose *one = lfirst(cell);

		if (IsChoice(one))
			Show((ReturnSetInfo *) fcinfo->resultinfo, "purpose", one->name,
				 one->label, one->description, IsAllowed(&visit, one));
	}
	foreach(cell, ConsentCategories(visit.space))
	{
		const ConsentCategory *one = lfirst(cell);

		Show((ReturnSetInfo *) fcinfo->resultinfo, "category", one->name,
			 one->label, one->description, IsOpen(&visit, one->name));
	}
	ConsentEnd(&act);
	return (Datum) 0;
}

/* ---- what is wanted ---- */

typedef struct Wish
{
	char	   *kind;			/* everything | purpose | category */
	char	   *name;			/* NULL for everything */
	char	   *value;			/* true | false, or a mistake */
} Wish;

/* Everything first, and a parent before its children. */
static List *
ReadWishes(Datum wishes)
{
	PersonaArgs args = {0};
	List	   *list = NIL;
	uint64		n;

	PersonaArg(&args, JSONBOID, wishes, false);
	n = PersonaExecute("SELECT w.kind, w.name, w.value FROM ("
					   "  SELECT k.key AS kind, v.key AS name, v.value::text"
					   "  FROM jsonb_each($1) k, jsonb_each(k.value) v WHERE jsonb_typeof(k.value) = 'object'"
					   "  UNION ALL SELECT k.key, NULL, k.value::text"
					   "  FROM jsonb_each($1) k WHERE jsonb_typeof(k.value) <> 'object') w"
					   " ORDER BY w.kind <> 'everything', w.kind, length(w.name), w.name",
					   &args, true);
	for (uint64 i = 0; i < n; i++)
	{
		Wish	   *wish = palloc(sizeof(Wish));

		wish->kind = PersonaColumnText(i, "kind");
		wish->name = PersonaColumnText(i, "name");
		wish->value = PersonaColumnText(i, "value");
		list = lappend(list, wish);
	}
	return list;
}

pg_noreturn static void
RefuseWish(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("these are no preferences"),
			 errhint("Pass an object such as {\"purpose\": {\"marketing\": false}, \"category\": {\"user.behavior\": true}}, "
					 "with names from preferences(), or {\"everything\": false}.")));
}

static const ConsentPurpose *
WishedPurpose(const Visit *visit, const char *name)
{
	ListCell   *cell;

	foreach(cell, ConsentPurposes(visit->space))
	{
		const ConsentPurpose *one = lfirst(cell);

		if (IsChoice(one) && strcmp(one->name, name) == 0)
			return one;
	}
	RefuseWish();
}

static const char *
WishedCategory(const Visit *visit, const char *name)
{
	ListCell   *cell;

	foreach(cell, ConsentCategories(visit->space))
	{
		const ConsentCategory *one = lfirst(cell);

		if (strcmp(one->name, name) == 0)
			return one->name;
	}
	RefuseWish();
}

/* ---- carrying it out ---- */

static bool
MaySayYes(Visit *visit)
{
	if (PersonaNow() < visit->token.until)
		return true;
	visit->too_late++;
	return false;
}

static void
Say(Visit *visit, const char *purpose, const char *decision)
{
	ConsentStatement s = {.key = visit->key, .purpose = purpose,
		.channel = visit->channel, .decision = decision,
	.source = SOURCE};

	ConsentSay(visit->space, &s);
	visit->recorded++;
}

static char *
ClosedSql(const Space *space)
{
	return psprintf("SELECT FROM %s c WHERE c.subject = $1 AND c.purpose = ''"
					" AND c.channel IN ('', $2) AND c.decision = 'withdraw'",
					SpaceTable(space, "consent_current"));
}

static const ConsentQuery closed = {ClosedSql, 2, {CONSENT_KEY, TEXTOID}};

/* Nothing for any purpose, also one that is only thought of later. */
static void
StopEverything(Visit *visit)
{
	Datum		values[] = {visit->key,
	CStringGetTextDatum(visit->channel ? visit->channel : "")};
	bool		stands = ConsentRun(visit->space, &closed, values, NULL,
									false) > 0;
	ListCell   *cell;

	foreach(cell, ConsentPurposes(visit->space))
	{
		const ConsentPurpose *one = lfirst(cell);

		stands = stands && !(IsChoice(one) && IsAllowed(visit, one));
	}
	if (!stands)
		Say(visit, NULL, "withdraw");
}

/*
 * The link came to an address on its channel, so a yes through it has been
 * confirmed; one through a link for every channel has not.
 */
static void
Choose(Visit *visit, const ConsentPurpose *purpose, bool wanted)
{
	bool		confirmed = strcmp(purpose->basis, "double_opt_in") == 0 &&
	visit->channel != NULL;

	if (IsAllowed(visit, purpose) == wanted || (wanted && !MaySayYes(visit)))
		return;
	Say(visit, purpose->name, !wanted ? "withdraw" :
		confirmed ? "confirm" : "grant");
}

static void
Prefer(Visit *visit, const char *category, bool wanted)
{
	if (IsOpen(visit, category) == wanted || (wanted && !MaySayYes(visit)))
		return;
	ConsentPrefer(visit->space, visit->key, category, wanted);
	visit->recorded++;
}

static void
Fulfil(Visit *visit, const Wish *wish)
{
	bool		wanted = strcmp(wish->value, "true") == 0;

	if (!wanted && strcmp(wish->value, "false") != 0)
		RefuseWish();
	if (strcmp(wish->kind, "everything") == 0 && wish->name == NULL && !wanted)
		StopEverything(visit);
	else if (strcmp(wish->kind, "purpose") == 0 && wish->name != NULL)
		Choose(visit, WishedPurpose(visit, wish->name), wanted);
	else if (strcmp(wish->kind, "category") == 0 && wish->name != NULL)
		Prefer(visit, WishedCategory(visit, wish->name), wanted);
	else
		RefuseWish();
}

PG_FUNCTION_INFO_V1(persona_apply_preferences);

/* persona.apply_preferences(token, wishes): how many changes were recorded. */
Datum
persona_apply_preferences(PG_FUNCTION_ARGS)
{
	Visit		visit = {.writes = true};
	PersonaAct	act;
	ListCell   *cell;

	Enter(&visit, &act, ConsentArgText(fcinfo, 0));
	if (PG_ARGISNULL(1) || !JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(1)))
		RefuseWish();
	ConsentLock(visit.space, visit.key);
	foreach(cell, ReadWishes(PG_GETARG_DATUM(1)))
	{
		CHECK_FOR_INTERRUPTS();
		Fulfil(&visit, lfirst(cell));
	}
	ConsentEnd(&act);
	if (visit.too_late > 0)
		ereport(NOTICE,
				(errmsg("this link is too old to say yes"),
				 errhint("Ask for a new one. What it says no to was recorded.")));
	PG_RETURN_INT64(visit.recorded);
}

/* ---- the second yes ---- */

static char *
ConfirmSql(const Space *space)
{
	return psprintf("DELETE FROM %s c WHERE c.subject = $1 AND c.ledger = $2"
					" RETURNING c.purpose, c.channel",
					SpaceTable(space, "confirmation"));
}

static const ConsentQuery confirm = {ConfirmSql, 2, {CONSENT_KEY, UUIDOID}};

PG_FUNCTION_INFO_V1(persona_confirm_consent);

/* persona.confirm_consent(token): the ledger id of the confirmed yes. */
Datum
persona_confirm_consent(PG_FUNCTION_ARGS)
{
	ConsentToken token;
	PersonaAct	act;
	Datum		key;
	Space	   *space;
	pg_uuid_t  *ledger = palloc(sizeof(pg_uuid_t));
	ConsentStatement s = {.decision = "confirm", .source = "double opt-in"};
	Datum		values[2];

	space = ConsentEnter(&act, ConsentArgText(fcinfo, 0), &token,
						 TOKEN_CONFIRMATION, &key);
	ConsentLock(space, key);
	values[0] = key;
	values[1] = DirectFunctionCall1(uuid_in, CStringGetDatum(token.about));
	if (PersonaNow() >= token.until ||
		ConsentRun(space, &confirm, values, NULL, false) == 0)
		ConsentRefuseToken();
	s.key = key;
	s.purpose = PersonaColumnText(0, "purpose");
	s.channel = PersonaColumnText(0, "channel");
	s.has_evidence = true;
	s.evidence = DirectFunctionCall1(jsonb_in,
									 CStringGetDatum(psprintf("{\"request\": \"%s\"}", token.about)));
	*ledger = ConsentSay(space, &s);
	ConsentEnd(&act);
	PG_RETURN_UUID_P(ledger);
}
