/*
 * render.c: from nodes and values to a message.
 *
 * A value is written once and never looked at again, so braces in a
 * customer's name stay braces.
 */
#include "message/message.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

typedef struct Renderer
{
	const MessageTemplate *template;
	const Jsonb *values;
	bool		escape;
	const char *missing;
	StringInfoData out;
} Renderer;

/* ---- values ---- */

static MessageValue
FromJson(JsonbValue *json)
{
	MessageValue value = {MESSAGE_VALUE_NIL};

	if (json == NULL)
		return value;
	switch (json->type)
	{
		case jbvBool:
			value.kind = json->val.boolean ? MESSAGE_VALUE_TRUE :
				MESSAGE_VALUE_FALSE;
			break;
		case jbvNumeric:
			value.kind = MESSAGE_VALUE_NUMBER;
			value.text = DatumGetCString(DirectFunctionCall1(numeric_out,
															 NumericGetDatum(json->val.numeric)));
			break;
		case jbvString:
			value.kind = MESSAGE_VALUE_STRING;
			value.text = pnstrdup(json->val.string.val, json->val.string.len);
			break;
		case jbvBinary:
			value.kind = MESSAGE_VALUE_JSON;
			value.text = JsonbToCString(NULL, json->val.binary.data,
										json->val.binary.len);
			break;
		default:
			break;
	}
	return value;
}

static bool
IsIndex(const char *step)
{
	return *step == '[';
}

/* One step into a container: a member by name or an element by number. */
static JsonbValue *
Step(JsonbContainer *container, const char *step, int length)
{
	if (IsIndex(step))
	{
		if (!JsonContainerIsArray(container))
			return NULL;
		return getIthJsonbValueFromContainer(container, atoi(step + 1));
	}
	if (!JsonContainerIsObject(container))
		return NULL;
	return getKeyJsonValueFromContainer(container, step, length, NULL);
}

/* The value at a path such as new.items[0].name; NULL where there is none. */
static JsonbValue *
Find(const Jsonb *values, const char *path, int length)
{
	JsonbContainer *container = (JsonbContainer *) &values->root;
	JsonbValue *value = NULL;
	const char *end = path + length;

	while (path < end)
	{
		int			n = IsIndex(path) ? 1 : 0;

		while (path + n < end && path[n] != '.' && path[n] != '[')
			n++;
		if (container == NULL)
			return NULL;
		value = Step(container, path, n);
		if (value == NULL)
			return NULL;
		container = value->type == jbvBinary ? value->val.binary.data : NULL;
		path += n;
		if (path < end && *path == '.')
			path++;
	}
	return value;
}

static MessageValue
Operand(const Renderer *r, const MessageNode *node)
{
	const char *text = MessageText(r->template) + node->offset;
	MessageValue value = {MESSAGE_VALUE_NIL};

	switch (node->kind)
	{
		case MESSAGE_PATH:
			return FromJson(r->values == NULL ? NULL :
							Find(r->values, text, node->length));
		case MESSAGE_STRING:
		case MESSAGE_NUMBER:
			value.kind = node->kind == MESSAGE_STRING ?
				MESSAGE_VALUE_STRING : MESSAGE_VALUE_NUMBER;
			value.text = pnstrdup(text, node->length);
			break;
		case MESSAGE_TRUE:
			value.kind = MESSAGE_VALUE_TRUE;
			break;
		case MESSAGE_FALSE:
			value.kind = MESSAGE_VALUE_FALSE;
			break;
		default:
			break;
	}
	return value;
}

/* ---- outputs ---- */

static void
NoteMissing(Renderer *r, const MessageNode *operand)
{
	if (r->missing == NULL)
		r->missing = pnstrdup(MessageText(r->template) + operand->offset,
							  operand->length);
}

static void
Output(Renderer *r, const MessageNode *node)
{
	const MessageNode *operand = node + 1;
	const MessageNode *end = node + 1 + node->count;
	MessageValue value = Operand(r, operand);
	bool		blank = operand->kind == MESSAGE_PATH &&
	value.kind != MESSAGE_VALUE_FALSE && MessageIsBlank(&value);
	char	   *text;

	for (const MessageNode *filter = operand + 1; filter < end;
		 filter += 1 + filter->count)
	{
		MessageValue args[MESSAGE_MAX_ARGUMENTS] = {{MESSAGE_VALUE_NIL}};

		for (int i = 0; i < filter->count; i++)
			args[i] = Operand(r, filter + 1 + i);
		MessageApply(filter->offset, &value, args, filter->count);
		if (MessageIsDefault(filter->offset) && !MessageIsBlank(&value))
			blank = false;
	}
	if (blank)
		NoteMissing(r, operand);
	text = MessageToText(&value);
	if (r->escape && !value.safe)
		text = MessageEscape(text);
	appendStringInfoString(&r->out, text);
}

static void
CheckLength(const Renderer *r)
{
	if (r->out.len > MESSAGE_MAX_OUTPUT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the message is longer than %d bytes",
						MESSAGE_MAX_OUTPUT)));
}

text *
MessageRender(const MessageTemplate *template, const Jsonb *values,
			  bool escape, const char **missing)
{
	Renderer	r = {.template = template,.values = values,.escape = escape};
	const MessageNode *node = template->nodes;
	const MessageNode *end = node + template->nnodes;

	initStringInfo(&r.out);
	while (node < end)
	{
		CHECK_FOR_INTERRUPTS();
		if (node->kind == MESSAGE_TEXT)
			appendBinaryStringInfo(&r.out, MessageText(template) + node->offset,
								   node->length);
		else
			Output(&r, node);
		CheckLength(&r);
		node += 1 + (node->kind == MESSAGE_OUTPUT ? node->count : 0);
	}
	if (missing != NULL)
		*missing = r.missing;
	return cstring_to_text_with_len(r.out.data, r.out.len);
}

text *
MessageOneLine(text *message)
{
	char	   *line = text_to_cstring(message);

	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			*c = ' ';
	return cstring_to_text(line);
}
