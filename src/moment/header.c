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
#include "utils/json.h"
#include "utils/jsonb.h"

/* https://shop.example/persona/unsubscribe?token=... */
static char *
Link(const Space *space, const char *channel, const char *base,
	 const char *page, const char *subject)
{
	int			length = strlen(base);
	PersonaAct	act;
	char	   *token;

	PersonaActByPath(&act, space->owner);
	token = ConsentPreferenceToken(space, subject, channel, NULL);
	PersonaActEnd(&act);
	while (length > 0 && base[length - 1] == '/')
		length--;
	return psprintf("%.*s/%s?token=%s", length, base, page, token);
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

/* persona.page_link(page, subject, channel, link, space) */
Datum
persona_page_link(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(4)));
	MemoryContext caller = CurrentMemoryContext;
	char	   *link;

	SpaceRefuseStranger(space);
	SPI_connect();
	link = Link(space, text_to_cstring(PG_GETARG_TEXT_PP(2)),
				text_to_cstring(PG_GETARG_TEXT_PP(3)),
				text_to_cstring(PG_GETARG_TEXT_PP(0)),
				text_to_cstring(PG_GETARG_TEXT_PP(1)));
	link = MemoryContextStrdup(caller, link);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(link));
}

Datum
MomentUnsubscribeHeaders(const Space *space, const char *channel,
						 const char *link, const char *subject, Datum headers)
{
	StringInfoData json;
	Datum		added;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"List-Unsubscribe-Post\": \"List-Unsubscribe=One-Click\", \"List-Unsubscribe\": ");
	escape_json(&json, psprintf("<%s>", Link(space, channel, link,
											 "unsubscribe", subject)));
	appendStringInfoChar(&json, '}');
	added = DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
	return headers ? DirectFunctionCall2(jsonb_concat, headers, added) : added;
}
