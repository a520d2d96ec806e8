/*
 * filter.c: what {{ value | filter: argument }} does to a value, as Liquid
 * has it; `default` also stands in for white space, as users of Mailchimp and
 * Klaviyo expect.
 *
 * Whatever a value is, a filter makes something of it: a message that is
 * about to be sent is no place for a complaint about types.
 */
#include "message/message.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#define SPACES " \t\r\n\f\v"

/* What a character becomes in HTML, or NULL where it may stay. */
static const char *
Entity(char c)
{
	switch (c)
	{
		case '&':
			return "&amp;";
		case '<':
			return "&lt;";
		case '>':
			return "&gt;";
		case '"':
			return "&quot;";
		case '\'':
			return "&#39;";
		default:
			return NULL;
	}
}

char *
MessageEscape(const char *text)
{
	StringInfoData out;

	initStringInfo(&out);
	for (; *text != '\0'; text++)
	{
		const char *entity = Entity(*text);

		if (entity != NULL)
			appendStringInfoString(&out, entity);
		else
			appendStringInfoChar(&out, *text);
	}
	return out.data;
}

/* ---- filters of text ---- */

static void
FilterAppend(MessageValue *value, MessageValue *args, int nargs)
{
	*value = MessageString(psprintf("%s%s", MessageToText(value),
									MessageToText(&args[0])));
}

static void
FilterCapitalize(MessageValue *value, MessageValue *args, int nargs)
{
	*value = MessageString(MessageCapitalize(MessageToText(value)));
}

static void
FilterDate(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *format = MessageToText(&args[0]);
	char	   *written = NULL;

	if (*format != '\0')
		written = MessageDate(MessageToText(value), format);
	if (written != NULL)
		*value = MessageString(written);
}

static void
FilterDowncase(MessageValue *value, MessageValue *args, int nargs)
{
	*value = MessageString(MessageLower(MessageToText(value)));
}

static void
FilterEscape(MessageValue *value, MessageValue *args, int nargs)
{
	*value = MessageString(MessageEscape(MessageToText(value)));
	value->safe = true;
}

static void
FilterPrepend(MessageValue *value, MessageValue *args, int nargs)
{
	*value = MessageString(psprintf("%s%s", MessageToText(&args[0]),
									MessageToText(value)));
}

static void
FilterRaw(MessageValue *value, MessageValue *args, int nargs)
{
	value->safe = true;
}

/* By characters, so that no half of one is ever found. */
static void
FilterReplace(MessageValue *value, MessageValue *args, int nargs)
{
	const char *text = MessageToText(value);
	const char *from = MessageToText(&args[0]);
	const char *to = MessageToText(&args[1]);
	int			length = strlen(from);
	StringInfoData out;

	initStringInfo(&out);
	while (*text != '\0')
	{
		bool		hit = length > 0 && strncmp(text, from, length) == 0;
		int			step = hit ? length : pg_mblen(text);

		appendBinaryStringInfo(&out, hit ? to : text,
							   hit ? strlen(to) : step);
		MessageCheckLength(out.len);
		text += step;
	}
	*value = MessageString(out.data);
}

static void
FilterStrip(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *text = pstrdup(MessageToText(value));
	int			length = strlen(text);

	while (length > 0 && strchr(SPACES, text[length - 1]) != NULL)
		text[--length] = '\0';
	*value = MessageString(text + strspn(text, SPACES));
}

/* At most so many characters, those of the ellipsis included. */
static void
FilterTruncate(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *text = MessageToText(value);
	int			most = nargs > 0 ? MessageToInt(&args[0]) : 50;
	char	   *dots = nargs > 1 ? MessageToText(&args[1]) : "...";
	int			keep = Max(0, most - pg_mbstrlen(dots));

	if (pg_mbstrlen(text) <= most)
		*value = MessageString(text);
	else
		*value = MessageString(psprintf("%.*s%s",
										pg_mbcharcliplen(text, strlen(text), keep),
										text, dots));
}

static void
FilterUpcase(MessageValue *value, MessageValue *args, int nargs)
{
	*value = MessageString(MessageUpper(MessageToText(value)));
}

/* ---- filters of lists ---- */

static void
FilterFirst(MessageValue *value, MessageValue *args, int nargs)
{
	*value = MessageElement(value, 0);
}

/* Anything but a list is joined to what it is already. */
static void
FilterJoin(MessageValue *value, MessageValue *args, int nargs)
{
	const char *glue = nargs > 0 ? MessageToText(&args[0]) : " ";
	bool		list = value->kind == MESSAGE_VALUE_JSON &&
	JsonContainerIsArray(value->json);
	int			n = list ? MessageSize(value) : 0;
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < n; i++)
	{
		MessageValue element = MessageElement(value, i);

		CHECK_FOR_INTERRUPTS();
		appendStringInfo(&out, "%s%s", i > 0 ? glue : "",
						 MessageToText(&element));
		MessageCheckLength(out.len);
	}
	*value = MessageString(list ? out.data : MessageToText(value));
}

static void
FilterLast(MessageValue *value, MessageValue *args, int nargs)
{
	*value = MessageElement(value, -1);
}

static void
FilterSize(MessageValue *value, MessageValue *args, int nargs)
{
	*value = MessageNumber(psprintf("%d", MessageSize(value)));
}

/* ---- filters of numbers, and of nothing ---- */

/* With the option allow_false, false is a value like any other. */
static void
FilterDefault(MessageValue *value, MessageValue *args, int nargs)
{
	MessageValue *allow_false = &args[MESSAGE_MAX_ARGUMENTS];

	if (value->kind == MESSAGE_VALUE_FALSE &&
		allow_false->kind != MESSAGE_VALUE_NIL &&
		allow_false->kind != MESSAGE_VALUE_FALSE)
		return;
	if (MessageIsBlank(value))
		*value = args[0];
}

/* The number a text begins with, as digits; "0" if it begins with none. */
static char *
Digits(const MessageValue *value)
{
	const char *text = value->text;
	int			sign = 0;
	int			whole;
	int			part = 0;

	if (value->kind == MESSAGE_VALUE_NUMBER)
		return value->text;
	if (value->kind != MESSAGE_VALUE_STRING)
		return "0";
	text += strspn(text, SPACES);
	sign = *text == '-' ? 1 : 0;
	whole = strspn(text + sign, "0123456789");
	if (whole == 0 || whole > 100)
		return "0";
	if (text[sign + whole] == '.')
		part = Min(100, strspn(text + sign + whole + 1, "0123456789"));
	return pnstrdup(text, sign + whole + (part > 0 ? part + 1 : 0));
}

/* Digits rounded to so many places, without zeros at the end but one. */
static char *
Rounded(char *digits, int places)
{
	Datum		number;
	char	   *last;

	number = DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
								 ObjectIdGetDatum(InvalidOid),
								 Int32GetDatum(-1));
	number = DirectFunctionCall2(numeric_round, number, Int32GetDatum(places));
	digits = DatumGetCString(DirectFunctionCall1(numeric_out, number));
	if (strchr(digits, '.') == NULL)
		return digits;
	last = digits + strlen(digits) - 1;
	while (*last == '0' && last[-1] != '.')
		*last-- = '\0';
	return digits;
}

/* Half goes away from zero. What needs no rounding stays as it is. */
static void
FilterRound(MessageValue *value, MessageValue *args, int nargs)
{
	char	   *digits = Digits(value);
	const char *point = strchr(digits, '.');
	int			places = Max(-20, Min(20, MessageToInt(&args[0])));

	if (places < 0 || (point != NULL && strlen(point + 1) > places))
		digits = Rounded(digits, places);
	*value = MessageNumber(digits);
}

/* ---- the table of filters ---- */

typedef void (*MessageFilter) (MessageValue *value, MessageValue *args,
							   int nargs);

/* Templates are stored with the number of a filter: a new one goes last. */
static const struct
{
	const char *name;
	int			least;			/* arguments */
	int			most;
	MessageFilter filter;
	const char *option;
}			filters[] =
{
	{"append", 1, 1, FilterAppend},
	{"capitalize", 0, 0, FilterCapitalize},
	{"date", 1, 1, FilterDate},
	{"default", 0, 1, FilterDefault, "allow_false"},
	{"downcase", 0, 0, FilterDowncase},
	{"escape", 0, 0, FilterEscape},
	{"first", 0, 0, FilterFirst},
	{"join", 0, 1, FilterJoin},
	{"last", 0, 0, FilterLast},
	{"prepend", 1, 1, FilterPrepend},
	{"raw", 0, 0, FilterRaw},
	{"replace", 1, 2, FilterReplace},
	{"round", 0, 1, FilterRound},
	{"size", 0, 0, FilterSize},
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

void
MessageTakes(int number, int *least, int *most)
{
	*least = filters[number].least;
	*most = filters[number].most;
}

const char *
MessageTakesOption(int number)
{
	return filters[number].option;
}

bool
MessageIsDefault(int number)
{
	return filters[number].filter == FilterDefault;
}

/*
 * What was ready for HTML is not so any more after another filter: only what
 * `raw` or `escape` itself gives is.
 */
void
MessageApply(int number, MessageValue *value, MessageValue *args, int nargs)
{
	value->safe = false;
	filters[number].filter(value, args, nargs);
	if (value->text != NULL)
		MessageCheckLength(strlen(value->text));
}
