/*
 * text.c: how values are written.
 *
 * Numbers keep the digits they came with, so a price of 2.50 stays 2.50. A
 * list is its elements one after the other, as in Liquid; an object is JSON.
 */
#include "message/value.h"

#include "mb/pg_wchar.h"
#include "message/message.h"
#include "miscadmin.h"
#include "utils/json.h"

static void WriteAt(StringInfo out, const MessageValue *value, int depth);
static void WriteJson(StringInfo out, const MessageValue *value, int depth);

/* ---- characters ---- */

int
MessageLength(MessageSlice text)
{
	return pg_mbstrlen_with_len(text.text, text.length);
}

int
MessageBytes(MessageSlice text, int n)
{
	return pg_mbcharcliplen(text.text, text.length, Max(0, n));
}

static bool
StandsAt(MessageBudget *budget, MessageSlice text, MessageSlice sought, int at)
{
	MessageSpend(budget, 1 + sought.length / 64);
	return memcmp(text.text + at, sought.text, sought.length) == 0;
}

int
MessageIndexOf(MessageBudget *budget, MessageSlice text, MessageSlice sought,
			   int from)
{
	int			last = text.length - sought.length;

	if (sought.length == 0)
		return from;
	for (; from <= last; from++)
	{
		const char *hit = memchr(text.text + from, *sought.text,
								 last - from + 1);

		if (hit == NULL)
			return -1;
		from = hit - text.text;
		if (StandsAt(budget, text, sought, from))
			return from;
	}
	return -1;
}

int
MessageLastIndexOf(MessageBudget *budget, MessageSlice text,
				   MessageSlice sought)
{
	for (int at = text.length - sought.length; at >= 0; at--)
		if (StandsAt(budget, text, sought, at))
			return at;
	return -1;
}

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

void
MessageEscape(StringInfo out, MessageSlice text)
{
	int			done = 0;

	for (int i = 0; i < text.length; i++)
	{
		const char *entity = Entity(text.text[i]);

		if (entity == NULL)
			continue;
		appendBinaryStringInfo(out, text.text + done, i - done);
		appendStringInfoString(out, entity);
		done = i + 1;
	}
	appendBinaryStringInfo(out, text.text + done, text.length - done);
}

/* ---- JSON ---- */

static void
WriteJsonString(StringInfo out, const MessageValue *value)
{
	escape_json(out, pnstrdup(value->as.string, value->length));
}

static void
WriteJsonItems(StringInfo out, const MessageValue *value, int depth)
{
	bool		object = value->type == VALUE_OBJECT;
	const MessageValue *values = MessageOpen(value->as.items);

	appendStringInfoChar(out, object ? '{' : '[');
	for (int i = 0; i < value->as.items->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			appendStringInfoString(out, ", ");
		if (object)
		{
			WriteJsonString(out, &values[2 * i]);
			appendStringInfoString(out, ": ");
		}
		WriteJson(out, &values[object ? 2 * i + 1 : i], depth + 1);
		MessageCheckLength(out->len);
	}
	appendStringInfoChar(out, object ? '}' : ']');
}

static void
CheckDepth(int depth)
{
	check_stack_depth();
	if (depth > MESSAGE_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a list is nested deeper than %d levels",
						MESSAGE_MAX_DEPTH)));
}

static void
WriteJson(StringInfo out, const MessageValue *value, int depth)
{
	CheckDepth(depth);
	if (value->type == VALUE_NIL)
		appendStringInfoString(out, "null");
	else if (value->type == VALUE_STRING)
		WriteJsonString(out, value);
	else if (value->type == VALUE_LIST || value->type == VALUE_OBJECT)
		WriteJsonItems(out, value, depth);
	else
		WriteAt(out, value, depth);
}

/* ---- values ---- */

static void
WriteList(StringInfo out, const MessageValue *list, int depth)
{
	const MessageValue *values = MessageOpen(list->as.items);

	for (int i = 0; i < list->as.items->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		WriteAt(out, &values[i], depth + 1);
		MessageCheckLength(out->len);
	}
}

static void
WriteAt(StringInfo out, const MessageValue *value, int depth)
{
	switch (value->type)
	{
		case VALUE_FALSE:
			appendStringInfoString(out, "false");
			break;
		case VALUE_TRUE:
			appendStringInfoString(out, "true");
			break;
		case VALUE_INTEGER:
		case VALUE_DECIMAL:
			MessageWriteNumber(out, value);
			break;
		case VALUE_STRING:
			appendBinaryStringInfo(out, value->as.string, value->length);
			break;
		case VALUE_LIST:
			CheckDepth(depth);
			WriteList(out, value, depth);
			break;
		case VALUE_OBJECT:
			WriteJson(out, value, depth);
			break;
		case VALUE_RANGE:
			appendStringInfo(out, INT64_FORMAT ".." INT64_FORMAT,
							 value->as.range->from, value->as.range->to);
			break;
		default:
			break;
	}
}

void
MessageWrite(StringInfo out, const MessageValue *value)
{
	WriteAt(out, value, 1);
}

MessageSlice
MessageToText(const MessageValue *value)
{
	StringInfoData out;
	MessageValue text;

	if (value->type == VALUE_STRING)
		return MessageSliceOf(value->as.string, value->length);
	if (value->type == VALUE_NIL)
		return MessageSliceOf("", 0);
	initStringInfo(&out);
	MessageWrite(&out, value);
	text = MessageBuilt(&out);
	return MessageSliceOf(text.as.string, text.length);
}

char *
MessageToCString(const MessageValue *value)
{
	MessageSlice text = MessageToText(value);

	return pnstrdup(text.text, text.length);
}
