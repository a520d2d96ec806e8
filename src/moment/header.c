/*
 * header.c: the headers by which a mailbox offers to unsubscribe.
 *
 * Mailboxes show a button of their own for List-Unsubscribe, and press it for
 * the reader by a POST that carries no cookie and asks nothing back (RFC 8058).
 * So the link alone must say who says no: it holds a signed token. Reading the
 * link does nothing, as scanners do that.
 */
#include "moment/moment.h"

#include "consent/consent.h"

#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

/* <https://shop.example/persona/unsubscribe?token=...> */
static char *
Link(const Space *space, const char *channel, const char *base,
	 const char *subject)
{
	int			length = strlen(base);
	PersonaAct	act;
	char	   *token;

	PersonaActByPath(&act, space->owner);
	token = ConsentPreferenceToken(space, subject, channel, NULL);
	PersonaActEnd(&act);
	while (length > 0 && base[length - 1] == '/')
		length--;
	return psprintf("<%.*s/unsubscribe?token=%s>", length, base, token);
}

Datum
MomentUnsubscribeHeaders(const Space *space, const char *channel,
						 const char *link, const char *subject, Datum headers)
{
	StringInfoData json;
	Datum		added;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"List-Unsubscribe-Post\": \"List-Unsubscribe=One-Click\", \"List-Unsubscribe\": ");
	escape_json(&json, Link(space, channel, link, subject));
	appendStringInfoChar(&json, '}');
	added = DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
	return headers ? DirectFunctionCall2(jsonb_concat, headers, added) : added;
}
