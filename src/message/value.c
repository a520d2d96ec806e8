/*
 * value.c: what a path leads to, and how a value is written.
 *
 * Values are jsonb's. Numbers keep the digits they came with, so a price of
 * 2.50 stays 2.50. A list is written as Liquid does, its elements one after
 * the other; an object as JSON.
 */
#include "message/message.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

MessageValue
MessageString(char *text)
{
	MessageValue value = {MESSAGE_VALUE_STRING, text};

	return value;
}

MessageValue
MessageNumber(char *digits)
{
	MessageValue value = {MESSAGE_VALUE_NUMBER, digits};

	return value;
}

MessageValue
MessageFromJson(const JsonbValue *json)
{
	MessageValue value = {MESSAGE_VALUE_NIL};
	Datum		number;

	if (json == NULL)
		return value;
	switch (json->type)
	{
		case jbvBool:
			value.kind = json->val.boolean ? MESSAGE_VALUE_TRUE :
				MESSAGE_VALUE_FALSE;
			break;
		case jbvNumeric:
			number = NumericGetDatum(json->val.numeric);
			number = DirectFunctionCall1(numeric_out, number);
			return MessageNumber(DatumGetCString(number));
		case jbvString:
			return MessageString(pnstrdup(json->val.string.val,
										  json->val.string.len));
		case jbvBinary:
			value.kind = MESSAGE_VALUE_JSON;
			value.json = json->val.binary.data;
			break;
		default:
			break;
	}
	return value;
}

/* ---- steps ---- */

static bool
IsList(const MessageValue *value)
{
	return value->kind == MESSAGE_VALUE_JSON &&
		JsonContainerIsArray(value->json);
}

static bool
Is(const char *name, int length, const char *what)
{
	return length == strlen(what) && strncmp(name, what, length) == 0;
}

MessageValue
MessageMember(const MessageValue *value, const char *name, int length)
{
	MessageValue nothing = {MESSAGE_VALUE_NIL};

	if (value->kind == MESSAGE_VALUE_JSON &&
		JsonContainerIsObject(value->json))
	{
		JsonbValue *member = getKeyJsonValueFromContainer(value->json, name,
														  length, NULL);

		if (member != NULL)
			return MessageFromJson(member);
	}
	if (Is(name, length, "size") && (value->kind == MESSAGE_VALUE_JSON ||
									 value->kind == MESSAGE_VALUE_STRING))
		return MessageNumber(psprintf("%d", MessageSize(value)));
	if (Is(name, length, "first"))
		return MessageElement(value, 0);
	if (Is(name, length, "last"))
		return MessageElement(value, -1);
	return nothing;
}

MessageValue
MessageElement(const MessageValue *value, int64 index)
{
	MessageValue nothing = {MESSAGE_VALUE_NIL};

	if (!IsList(value))
		return nothing;
	if (index < 0)
		index += JsonContainerSize(value->json);
	if (index < 0 || index >= JsonContainerSize(value->json))
		return nothing;
	return MessageFromJson(getIthJsonbValueFromContainer(value->json, index));
}

int
MessageSize(const MessageValue *value)
{
	if (value->kind == MESSAGE_VALUE_JSON)
		return JsonContainerSize(value->json);
	if (value->kind == MESSAGE_VALUE_STRING)
		return pg_mbstrlen(value->text);
	return 0;
}

/* ---- values as text ---- */

void
MessageCheckLength(int length)
{
	if (length > MESSAGE_MAX_OUTPUT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the message is longer than %d bytes",
						MESSAGE_MAX_OUTPUT)));
}

/* The elements of a list one after the other, lists in it likewise. */
static void
WriteList(StringInfo out, JsonbContainer *list, int depth)
{
	JsonbIterator *at = JsonbIteratorInit(list);
	JsonbValue	element;
	JsonbIteratorToken token;

	check_stack_depth();
	if (depth > MESSAGE_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a list is nested deeper than %d levels",
						MESSAGE_MAX_DEPTH)));
	while ((token = JsonbIteratorNext(&at, &element, true)) != WJB_DONE)
	{
		MessageValue value;

		CHECK_FOR_INTERRUPTS();
		if (token != WJB_ELEM)
			continue;
		value = MessageFromJson(&element);
		if (IsList(&value))
			WriteList(out, value.json, depth + 1);
		else
			appendStringInfoString(out, MessageToText(&value));
		MessageCheckLength(out->len);
	}
}

char *
MessageToText(const MessageValue *value)
{
	StringInfoData out;

	switch (value->kind)
	{
		case MESSAGE_VALUE_NIL:
			return pstrdup("");
		case MESSAGE_VALUE_FALSE:
			return pstrdup("false");
		case MESSAGE_VALUE_TRUE:
			return pstrdup("true");
		case MESSAGE_VALUE_JSON:
			if (!IsList(value))
				return JsonbToCString(NULL, value->json, 0);
			initStringInfo(&out);
			WriteList(&out, value->json, 1);
			return out.data;
		default:
			return value->text;
	}
}

int
MessageToInt(const MessageValue *value)
{
	const int64 most = 1000000000;
	int64		number;

	if (value->kind != MESSAGE_VALUE_NUMBER &&
		value->kind != MESSAGE_VALUE_STRING)
		return 0;
	number = strtoll(value->text, NULL, 10);
	return Max(-most, Min(most, number));
}

bool
MessageIsBlank(const MessageValue *value)
{
	switch (value->kind)
	{
		case MESSAGE_VALUE_NIL:
		case MESSAGE_VALUE_FALSE:
			return true;
		case MESSAGE_VALUE_STRING:
			return value->text[strspn(value->text, " \t\r\n\f\v")] == '\0';
		case MESSAGE_VALUE_JSON:
			return JsonContainerSize(value->json) == 0;
		default:
			return false;
	}
}
