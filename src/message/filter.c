/*
 * filter.c: what {{ value | filter: argument }} does to a value, as Liquid
 * has it; `default` also stands in for white space, as users of Mailchimp and
 * Klaviyo expect.
 */
#include "message/message.h"

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/numeric.h"

char *
MessageToText(const MessageValue *value)
{
	switch (value->kind)
	{
		case MESSAGE_VALUE_NIL:
			return pstrdup("");
		case MESSAGE_VALUE_FALSE:
			return pstrdup("false");
		case MESSAGE_VALUE_TRUE:
			return pstrdup("true");
		default:
			return value->text;
	}
}

bool
MessageIsBlank(const MessageValue *value)
{
	if (value->kind == MESSAGE_VALUE_NIL || value->kind == MESSAGE_VALUE_FALSE)
		return true;
	return value->kind == MESSAGE_VALUE_STRING &&
		value->text[strspn(value->text, " \t\r\n\f\v")] == '\0';
}

static void
SetText(MessageValue *value, char *text)
{
	value->kind = MESSAGE_VALUE_STRING;
	value->text = text;
}

char *
MessageEscape(const char *text)
{
	StringInfoData out;

	initStringInfo(&out);
	for (; *text != '\0'; text++)
	{
		switch (*text)
		{
			case '&':
				appendStringInfoString(&out, "&amp;");
				break;
			case '<':
				appendStringInfoString(&out, "&lt;");
				break;
			case '>':
				appendStringInfoString(&out, "&gt;");
				break;
			case '"':
				appendStringInfoString(&out, "&quot;");
				break;
			case '\'':
				appendStringInfoString(&out, "&#39;");
				break;
			default:
				appendStringInfoChar(&out, *text);
		}
	}
	return out.data;
}

/* ---- the filters, in alphabetical order ---- */

static void
FilterAppend(MessageValue *value, MessageValue *args, int nargs)
{
	SetText(value, psprintf("%s%s", MessageToText(value),
							MessageToText(&args[0])));
}

static void
FilterCapitalize(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *text = MessageToText(value);
	int			first = *text == '\0' ? 0 : pg_mblen(text);
	int			length = strlen(text);
	char	   *head = str_toupper(text, first, DEFAULT_COLLATION_OID);
	char	   *tail = str_tolower(text + first, length - first,
								   DEFAULT_COLLATION_OID);

	SetText(value, psprintf("%s%s", head, tail));
}

static void
FilterDefault(MessageValue *value, MessageValue *args, int nargs)
{
	if (MessageIsBlank(value))
		*value = args[0];
}

static void
FilterDowncase(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *text = MessageToText(value);

	SetText(value, str_tolower(text, strlen(text), DEFAULT_COLLATION_OID));
}

static void
FilterEscape(MessageValue *value, MessageValue *args, int nargs)
{
	SetText(value, MessageEscape(MessageToText(value)));
	value->safe = true;
}

static void
FilterPrepend(MessageValue *value, MessageValue *args, int nargs)
{
	SetText(value, psprintf("%s%s", MessageToText(&args[0]),
							MessageToText(value)));
}

static void
FilterRaw(MessageValue *value, MessageValue *args, int nargs)
{
	value->safe = true;
}

static void
FilterReplace(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *text = MessageToText(value);
	char	   *from = MessageToText(&args[0]);
	char	   *to = nargs > 1 ? MessageToText(&args[1]) : "";
	StringInfoData out;
	char	   *hit;

	initStringInfo(&out);
	while (*from != '\0' && (hit = strstr(text, from)) != NULL)
	{
		appendBinaryStringInfo(&out, text, hit - text);
		appendStringInfoString(&out, to);
		if (out.len > MESSAGE_MAX_OUTPUT)
			break;
		text = hit + strlen(from);
	}
	appendStringInfoString(&out, text);
	SetText(value, out.data);
}

/* A number's digits as a numeric; 0 for what is no number, as in Liquid. */
static Datum
ToNumeric(const MessageValue *value)
{
	const char *digits = "0";

	if (value->kind == MESSAGE_VALUE_NUMBER)
		digits = value->text;
	else if (value->kind == MESSAGE_VALUE_STRING && *value->text != '\0' &&
			 strlen(value->text) < 100 &&
			 value->text[strspn(value->text, "0123456789.-")] == '\0' &&
			 strspn(value->text, "-0123456789") > 0)
		digits = psprintf("%.20g", strtod(value->text, NULL));
	return DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static void
FilterRound(MessageValue *value, MessageValue *args, int nargs)
{
	int			places = nargs > 0 ? atoi(MessageToText(&args[0])) : 0;
	Datum		rounded = DirectFunctionCall2(numeric_round, ToNumeric(value),
											  Int32GetDatum(Max(0, Min(20, places))));

	value->kind = MESSAGE_VALUE_NUMBER;
	value->text = DatumGetCString(DirectFunctionCall1(numeric_out, rounded));
}

static void
FilterStrip(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *text = pstrdup(MessageToText(value));
	int			length = strlen(text);

	while (length > 0 && strchr(" \t\r\n\f\v", text[length - 1]) != NULL)
		text[--length] = '\0';
	SetText(value, text + strspn(text, " \t\r\n\f\v"));
}

/* At most so many characters, those of the ellipsis included. */
static void
FilterTruncate(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *text = MessageToText(value);
	int			most = nargs > 0 ? atoi(MessageToText(&args[0])) : 50;
	char	   *dots = nargs > 1 ? MessageToText(&args[1]) : "...";
	int			keep = Max(0, most - pg_mbstrlen(dots));

	if (pg_mbstrlen(text) <= most)
		return;
	SetText(value, psprintf("%s%s",
							pnstrdup(text, pg_mbcharcliplen(text, strlen(text), keep)),
							dots));
}

static void
FilterUpcase(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *text = MessageToText(value);

	SetText(value, str_toupper(text, strlen(text), DEFAULT_COLLATION_OID));
}

static const struct
{
	const char *name;
	int			least;			/* arguments */
	int			most;
	MessageFilter filter;
}			filters[] =
{
	{"append", 1, 1, FilterAppend},
	{"capitalize", 0, 0, FilterCapitalize},
	{"default", 1, 1, FilterDefault},
	{"downcase", 0, 0, FilterDowncase},
	{"escape", 0, 0, FilterEscape},
	{"prepend", 1, 1, FilterPrepend},
	{"raw", 0, 0, FilterRaw},
	{"replace", 1, 2, FilterReplace},
	{"round", 0, 1, FilterRound},
	{"strip", 0, 0, FilterStrip},
	{"truncate", 0, 2, FilterTruncate},
	{"upcase", 0, 0, FilterUpcase},
};

int
MessageFindFilter(const char *name, int length)
{
	for (int i = 0; i < lengthof(filters); i++)
		if (strlen(filters[i].name) == length &&
			strncmp(filters[i].name, name, length) == 0)
			return i;
	return -1;
}

List *
MessageFilterNames(void)
{
	List	   *names = NIL;

	for (int i = 0; i < lengthof(filters); i++)
		names = lappend(names, unconstify(char *, filters[i].name));
	return names;
}

bool
MessageTakes(int number, int nargs)
{
	return nargs >= filters[number].least && nargs <= filters[number].most;
}

bool
MessageIsDefault(int number)
{
	return filters[number].filter == FilterDefault;
}

void
MessageApply(int number, MessageValue *value, MessageValue *args, int nargs)
{
	filters[number].filter(value, args, nargs);
}
