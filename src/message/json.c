/*
 * json.c: jsonb, or JSON as it is written, as the values of a message.
 *
 * Of a jsonb only what a template asks for is read, and texts and numbers are
 * used where they stand in it. It keeps the members of an object by the length
 * of their names, then by their bytes; JSON as text keeps them as written.
 */
#include "message/render.h"

#include "base/compat.h"
#include "common/jsonapi.h"
#include "utils/jsonfuncs.h"

/* ---- jsonb ---- */

static void OpenJsonb(MessageItems *items);
static bool JsonbMember(const MessageItems *items, const char *name,
						int length, MessageValue *value);
static MessageValue JsonbElement(const MessageItems *items, int index);

static const MessageSource jsonb_source = {
	OpenJsonb, JsonbMember, JsonbElement
};

static MessageValue
FromContainer(const JsonbContainer *container)
{
	MessageType type = JsonContainerIsObject(container) ? VALUE_OBJECT :
	VALUE_LIST;

	return MessageForeign(type, JsonContainerSize(container), &jsonb_source,
						  container);
}

static MessageValue
FromJsonb(const JsonbValue *json)
{
	switch (json->type)
	{
		case jbvBool:
			return MessageBoolean(json->val.boolean);
		case jbvNumeric:
			return MessageDecimal(json->val.numeric);
		case jbvString:
			return MessageString(json->val.string.val, json->val.string.len);
		case jbvBinary:
			return FromContainer(json->val.binary.data);
		default:
			return MessageNil();
	}
}

static void
OpenJsonb(MessageItems *items)
{
	JsonbContainer *container = unconstify(void *, items->data);
	bool		object = JsonContainerIsObject(container);
	JsonbIterator *at = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	json;
	int			n = 0;

	items->values = palloc(Max(1, items->n) * (object ? 2 : 1) *
						   sizeof(MessageValue));
	while ((token = JsonbIteratorNext(&at, &json, true)) != WJB_DONE)
		if (token == WJB_ELEM || token == WJB_KEY || token == WJB_VALUE)
			items->values[n++] = FromJsonb(&json);
}

static bool
JsonbMember(const MessageItems *items, const char *name, int length,
			MessageValue *value)
{
	JsonbContainer *container = unconstify(void *, items->data);
	JsonbValue	json;

	if (getKeyJsonValueFromContainer(container, name, length, &json) == NULL)
		return false;
	*value = FromJsonb(&json);
	return true;
}

static MessageValue
JsonbElement(const MessageItems *items, int index)
{
	JsonbContainer *container = unconstify(void *, items->data);
	JsonbValue *json = getIthJsonbValueFromContainer(container, index);

	return json ? FromJsonb(json) : MessageNil();
}

MessageValue
MessageFromJsonb(const void *data)
{
	const Jsonb *json = data;
	JsonbValue	scalar;

	if (!JB_ROOT_IS_SCALAR(json))
		return FromContainer(&json->root);
	(void) JsonbExtractScalar(unconstify(JsonbContainer *, &json->root),
							  &scalar);
	return FromJsonb(&scalar);
}

/* ---- JSON as text ---- */

/* The lists and objects that are being read, the innermost last. */
typedef struct Reading
{
	List	   *open;			/* of MessageItems */
	MessageValue root;
} Reading;

/* Adds what was read to what it stands in. */
static void
Put(Reading *reading, MessageValue value)
{
	if (reading->open == NIL)
		reading->root = value;
	else
		MessageAppend(llast(reading->open), value);
}

static void
Begin(Reading *reading, MessageType type)
{
	MessageValue value = MessageNewItems(type);

	Put(reading, value);
	reading->open = lappend(reading->open, value.as.items);
}

static void
End(Reading *reading)
{
	reading->open = list_delete_last(reading->open);
}

static CompatJsonAction
BeginObject(void *reading)
{
	Begin(reading, VALUE_OBJECT);
	CompatJsonDone();
}

static CompatJsonAction
BeginArray(void *reading)
{
	Begin(reading, VALUE_LIST);
	CompatJsonDone();
}

static CompatJsonAction
EndArray(void *reading)
{
	End(reading);
	CompatJsonDone();
}

/* Names and values were counted one by one: an object counts its members. */
static CompatJsonAction
EndObject(void *state)
{
	Reading    *reading = state;
	MessageItems *items = llast(reading->open);

	items->n /= 2;
	End(reading);
	CompatJsonDone();
}

static CompatJsonAction
FieldName(void *reading, char *name, bool isnull)
{
	Put(reading, MessageString(name, strlen(name)));
	CompatJsonDone();
}

static CompatJsonAction
Scalar(void *reading, char *token, JsonTokenType type)
{
	int			length = strlen(token);

	Put(reading, type == JSON_TOKEN_STRING ? MessageString(token, length) :
		type == JSON_TOKEN_NUMBER ? MessageFromDigits(token, length) :
		type == JSON_TOKEN_NULL ? MessageNil() :
		MessageBoolean(type == JSON_TOKEN_TRUE));
	CompatJsonDone();
}

MessageValue
MessageFromJson(const void *data)
{
	text	   *json = unconstify(void *, data);
	JsonLexContext *lex = CompatMakeJsonLexContext(json);
	Reading		reading = {0};
	JsonSemAction actions = {
		.semstate = &reading,
		.object_start = BeginObject,
		.object_end = EndObject,
		.array_start = BeginArray,
		.array_end = EndArray,
		.object_field_start = FieldName,
		.scalar = Scalar
	};

	pg_parse_json_or_ereport(lex, &actions);
	return reading.root;
}
