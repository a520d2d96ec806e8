/*
 * web_filters.c: filters for HTML, addresses and Base64.
 *
 * In a message that is HTML a value is escaped when it is shown, unless a
 * filter says that it is ready: `escape` and `escape_once` since they have
 * escaped it, `newline_to_br` since it has before it put its own tags in, and
 * `raw` because the author says so.
 */
#include "message/filter.h"

#include "base/compat.h"
#include "common/base64.h"
#include "mb/pg_wchar.h"

static MessageValue
Safe(MessageValue value)
{
	value.safe = true;
	return value;
}

/* ---- HTML ---- */

MessageValue
FilterRaw(MessageCall *call)
{
	return Safe(call->value);
}

MessageValue
FilterEscape(MessageCall *call)
{
	StringInfoData out;

	if (call->value.type == VALUE_NIL)
		return call->value;
	initStringInfo(&out);
	MessageEscape(&out, ValueText(call));
	return Safe(MessageBuilt(&out));
}

/* How long the entity that begins here is, 0 if none does. */
static int
EntityLength(MessageSlice text, int at)
{
	int			end = at + 1;
	bool		number = end < text.length && text.text[end] == '#';

	if (number)
		end++;
	while (end < text.length && end < at + 32 &&
		   (isdigit((unsigned char) text.text[end]) ? number :
			isalpha((unsigned char) text.text[end]) && !number))
		end++;
	if (end == at + (number ? 2 : 1) || end >= text.length ||
		text.text[end] != ';')
		return 0;
	return end + 1 - at;
}

/* Entities that are there already stay. */
MessageValue
FilterEscapeOnce(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < text.length;)
	{
		int			entity = text.text[i] == '&' ? EntityLength(text, i) : 0;

		if (entity > 0)
			appendBinaryStringInfo(&out, text.text + i, entity);
		else
			MessageEscape(&out, MessageSliceOf(text.text + i, 1));
		i += Max(1, entity);
	}
	return Safe(MessageBuilt(&out));
}

MessageValue
FilterNewlineToBr(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	bool		escape = call->escape && !call->value.safe;
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < text.length; i++)
	{
		char		c = text.text[i];

		if (c == '\r' && i + 1 < text.length && text.text[i + 1] == '\n')
			continue;
		if (c == '\n')
			appendStringInfoString(&out, "<br />\n");
		else if (escape)
			MessageEscape(&out, MessageSliceOf(text.text + i, 1));
		else
			appendStringInfoChar(&out, c);
	}
	return escape || call->value.safe ? Safe(MessageBuilt(&out)) :
		MessageBuilt(&out);
}

/*
 * What begins with one of these and ends with the other goes with all that is
 * in between; an end that was sought in vain need not be sought again.
 */
typedef struct Stretch
{
	const char *begin;
	const char *end;
	bool		endless;
} Stretch;

static bool
StartsWith(MessageSlice text, int at, const char *what)
{
	int			length = strlen(what);

	return text.length - at >= length &&
		strncmp(text.text + at, what, length) == 0;
}

/* Past the stretch that begins here; `at` if none does. */
static int
SkipStretch(MessageSlice text, int at, Stretch *stretch)
{
	if (stretch->endless || !StartsWith(text, at, stretch->begin))
		return at;
	for (int end = at + strlen(stretch->begin); end < text.length; end++)
		if (StartsWith(text, end, stretch->end))
			return end + strlen(stretch->end);
	stretch->endless = true;
	return at;
}

static MessageSlice
WithoutStretches(MessageSlice text, Stretch *stretches, int n)
{
	StringInfoData out;
	MessageValue value;

	initStringInfo(&out);
	for (int at = 0; at < text.length;)
	{
		int			end = at;

		for (int i = 0; i < n && end == at && text.text[at] == '<'; i++)
			end = SkipStretch(text, at, &stretches[i]);
		if (end == at)
			appendStringInfoChar(&out, text.text[end++]);
		at = end;
	}
	value = MessageBuilt(&out);
	return MessageToText(&value);
}

/* Scripts, styles and comments go whole, of anything else only the tags. */
MessageValue
FilterStripHtml(MessageCall *call)
{
	Stretch		blocks[] = {
		{"<script", "</script>"}, {"<!--", "-->"}, {"<style", "</style>"}
	};
	Stretch		tags[] = {{"<", ">"}};
	MessageSlice text = WithoutStretches(ValueText(call), blocks,
										 lengthof(blocks));

	return SliceValue(WithoutStretches(text, tags, 1));
}

/* ---- what was encoded and must be text ---- */

static MessageValue
NeedText(StringInfo out, const char *what)
{
	if (memchr(out->data, '\0', out->len) != NULL ||
		pg_verify_mbstr(GetDatabaseEncoding(), out->data, out->len,
						true) == false)
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("%s gives no text", what)));
	return MessageBuilt(out);
}

/* ---- addresses ---- */

MessageValue
FilterUrlEncode(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	StringInfoData out;

	if (call->value.type == VALUE_NIL)
		return call->value;
	initStringInfo(&out);
	for (int i = 0; i < text.length; i++)
	{
		unsigned char c = text.text[i];

		if (c == ' ')
			appendStringInfoChar(&out, '+');
		else if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL))
			appendStringInfoChar(&out, c);
		else
			appendStringInfo(&out, "%%%02X", c);
	}
	return MessageBuilt(&out);
}

static int
HexDigit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, pg_ascii_tolower(c)) : NULL;

	return at ? at - digits : -1;
}

MessageValue
FilterUrlDecode(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	StringInfoData out;

	if (call->value.type == VALUE_NIL)
		return call->value;
	initStringInfo(&out);
	for (int i = 0; i < text.length; i++)
	{
		char		c = text.text[i];
		int			high = i + 2 < text.length ? HexDigit(text.text[i + 1]) : -1;
		int			low = i + 2 < text.length ? HexDigit(text.text[i + 2]) : -1;

		if (c == '%' && high >= 0 && low >= 0)
		{
			appendStringInfoChar(&out, high * 16 + low);
			i += 2;
		}
		else
			appendStringInfoChar(&out, c == '+' ? ' ' : c);
	}
	return NeedText(&out, "url_decode");
}

/* ---- Base64 ---- */

static void
Swap(char *text, int length, const char *from, const char *to)
{
	for (int i = 0; i < length; i++)
	{
		const char *at = text[i] ? strchr(from, text[i]) : NULL;

		if (at != NULL)
			text[i] = to[at - from];
	}
}

static MessageValue
Encode(MessageCall *call, bool url)
{
	MessageSlice text = ValueText(call);
	StringInfoData out;

	initStringInfo(&out);
	enlargeStringInfo(&out, pg_b64_enc_len(text.length) + 1);
	out.len = pg_b64_encode((const CompatByte *) text.text, text.length,
							out.data, out.maxlen);
	out.data[out.len] = '\0';
	if (url)
		Swap(out.data, out.len, "+/", "-_");
	return MessageBuilt(&out);
}

/* The form for addresses may leave the padding out. */
static MessageValue
Decode(MessageCall *call, bool url)
{
	MessageSlice text = ValueText(call);
	StringInfoData in;
	StringInfoData out;

	initStringInfo(&in);
	AppendSlice(&in, text);
	if (url)
	{
		Swap(in.data, in.len, "-_", "+/");
		while (in.len % 4 != 0)
			appendStringInfoChar(&in, '=');
	}
	initStringInfo(&out);
	enlargeStringInfo(&out, pg_b64_dec_len(in.len) + 1);
	out.len = pg_b64_decode(in.data, in.len, (CompatByte *) out.data,
							out.maxlen);
	if (out.len < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("base64_decode was given what is no Base64")));
	out.data[out.len] = '\0';
	return NeedText(&out, "base64_decode");
}

MessageValue
FilterBase64Encode(MessageCall *call)
{
	return Encode(call, false);
}

MessageValue
FilterBase64UrlSafeEncode(MessageCall *call)
{
	return Encode(call, true);
}

MessageValue
FilterBase64Decode(MessageCall *call)
{
	return Decode(call, false);
}

MessageValue
FilterBase64UrlSafeDecode(MessageCall *call)
{
	return Decode(call, true);
}
