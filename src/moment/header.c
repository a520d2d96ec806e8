/*
 * header.c: links by which a customer says no, in a message and above it.
 *
 * A template has unsubscribe_url and preferences_url, and a mail has headers.
 * Mailboxes show a button of their own for List-Unsubscribe, and press it for
 * the reader by a POST that carries no cookie and asks nothing back (RFC 8058).
 * So the link alone must say who says no: it holds a signed token. Reading the
 * link does nothing, as scanners do that.
 */
#include "moment/outbox.h"

#include "consent/consent.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* https://shop.example/persona/unsubscribe?token=... */
static char *
Link(const Space *space, const ConsentSigner *signer, const char *channel,
	 const char *base, const char *page, const char *subject)
{
	int			length = strlen(base);

	while (length > 0 && base[length - 1] == '/')
		length--;
	return psprintf("%.*s/%s?token=%s", length, base, page,
					ConsentPreferenceToken(space, signer, subject, channel, NULL));
}

const char *
MomentPage(const char *variable)
{
	if (strcmp(variable, "unsubscribe_url") == 0)
		return "unsubscribe";
	return strcmp(variable, "preferences_url") == 0 ? "preferences" : NULL;
}

char *
MomentLinkSql(const Space *space, const Moment *moment, const char *page)
{
	if (moment->link == NULL || moment->channel == NULL)
		return pstrdup("NULL::pg_catalog.text");
	return psprintf("persona.page_link(%s, d.subject::pg_catalog.text, %s, %s, %s)",
					PersonaLiteral(page), PersonaLiteral(moment->channel),
					PersonaLiteral(moment->link), PersonaLiteral(space->name));
}

PG_FUNCTION_INFO_V1(persona_page_link);

/* What one call of a statement leaves to the next, for one space. */
typedef struct Links
{
	char	   *space;
	ConsentSigner signer;
} Links;

/* A batch asks for each of its subjects, whose anchors are locked. */
static const ConsentSigner *
SignerOf(FmgrInfo *call, const Space *space)
{
	Links	   *links = call->fn_extra;
	MemoryContext caller = MemoryContextSwitchTo(call->fn_mcxt);

	if (links == NULL || strcmp(links->space, space->name) != 0)
	{
		links = palloc(sizeof(Links));
		links->space = pstrdup(space->name);
		ConsentSignerBegin(&links->signer, space);
		call->fn_extra = links;
	}
	MemoryContextSwitchTo(caller);
	return &links->signer;
}

/* persona.page_link(page, subject, channel, link, space) */
Datum
persona_page_link(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(4)));
	MemoryContext caller = CurrentMemoryContext;
	PersonaAct	act;
	char	   *link;

	SpaceRefuseStranger(space);
	SPI_connect();
	PersonaActByPath(&act, space->owner);
	link = Link(space, SignerOf(fcinfo->flinfo, space),
				text_to_cstring(PG_GETARG_TEXT_PP(2)),
				text_to_cstring(PG_GETARG_TEXT_PP(3)),
				text_to_cstring(PG_GETARG_TEXT_PP(0)),
				text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PersonaActEnd(&act);
	link = MemoryContextStrdup(caller, link);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(link));
}

static void
PutHeader(JsonbParseState **state, const char *name, char *value)
{
	JsonbValue	key = {.type = jbvString};
	JsonbValue	text = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	text.val.string.val = value;
	text.val.string.len = strlen(value);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, &text);
}

/* Those that a mailbox looks for, with that link. */
static Datum
Headers(const char *link)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	PutHeader(&state, "List-Unsubscribe", psprintf("<%s>", link));
	PutHeader(&state, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

Datum
MomentUnsubscribeHeaders(const Space *space, const ConsentSigner *signer,
						 const char *channel, const char *link,
						 const char *subject, Datum headers)
{
	Datum		added = Headers(Link(space, signer, channel, link,
									 "unsubscribe", subject));

	return headers ? DirectFunctionCall2(jsonb_concat, headers, added) : added;
}
