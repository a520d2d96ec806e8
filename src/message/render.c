/*
 * render.c: from nodes and values to a message.
 *
 * A value is written once and never looked at again, so braces in a
 * customer's name stay braces. A missing value is empty, as in Liquid; whoever
 * sends messages is told which one was missing.
 */
#include "message/message.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct Renderer
{
	const MessageTemplate *template;
	const Jsonb *values;
	bool		escape;
	const char *missing;
	MemoryContext caller;		/* where the message and missing live */
	StringInfoData out;
} Renderer;

static MessageValue Operand(const Renderer *r, const MessageNode *node);

/* ---- operands ---- */

static const char *
NodeText(const Renderer *r, const MessageNode *node)
{
	return MessageText(r->template) + node->offset;
}

/* The value a path begins with: a member of the object that was given. */
static MessageValue
Head(const Renderer *r, const MessageNode *step)
{
	JsonbContainer *root;

	if (r->values == NULL || !JB_ROOT_IS_OBJECT(r->values))
		return MessageFromJson(NULL);
	root = unconstify(JsonbContainer *, &r->values->root);
	return MessageFromJson(getKeyJsonValueFromContainer(root, NodeText(r, step),
														step->length, NULL));
}

/* One step further, by a name, by a number or by what another path holds. */
static MessageValue
Step(const Renderer *r, const MessageValue *value, const MessageNode *step)
{
	MessageValue key;

	if (step->kind == MESSAGE_NAME || step->kind == MESSAGE_STRING)
		return MessageMember(value, NodeText(r, step), step->length);
	key = Operand(r, step);
	if (key.kind == MESSAGE_VALUE_NUMBER)
		return MessageElement(value, strtoll(key.text, NULL, 10));
	if (key.kind == MESSAGE_VALUE_STRING)
		return MessageMember(value, key.text, strlen(key.text));
	return MessageFromJson(NULL);
}

static MessageValue
Path(const Renderer *r, const MessageNode *path)
{
	MessageValue value = Head(r, path + 1);

	check_stack_depth();
	for (const MessageNode *step = path + 2; step < MessageNextNode(path);
		 step = MessageNextNode(step))
		value = Step(r, &value, step);
	return value;
}

static MessageValue
Operand(const Renderer *r, const MessageNode *node)
{
	MessageValue constant = {MESSAGE_VALUE_NIL};

	switch (node->kind)
	{
		case MESSAGE_PATH:
			return Path(r, node);
		case MESSAGE_STRING:
			return MessageString(pnstrdup(NodeText(r, node), node->length));
		case MESSAGE_NUMBER:
			return MessageNumber(pnstrdup(NodeText(r, node), node->length));
		case MESSAGE_TRUE:
			constant.kind = MESSAGE_VALUE_TRUE;
			break;
		case MESSAGE_FALSE:
			constant.kind = MESSAGE_VALUE_FALSE;
			break;
		default:
			break;
	}
	return constant;
}

/* ---- what is missing ---- */

/* A path that leads to nothing to read; false can be read. */
static bool
IsMissing(const MessageNode *node, const MessageValue *value)
{
	return node->kind == MESSAGE_PATH && value->kind != MESSAGE_VALUE_FALSE &&
		MessageIsBlank(value);
}

static void
NoteMissing(Renderer *r, const MessageNode *path)
{
	if (r->missing == NULL)
		r->missing = MemoryContextStrdup(r->caller,
										 pnstrdup(NodeText(r, path), path->length));
}

/* ---- outputs ---- */

/*
 * One filter. A missing argument is missing from the message too, but what
 * `default` falls back to is only asked for when it is needed.
 */
static void
Filter(Renderer *r, const MessageNode *filter, MessageValue *value)
{
	MessageValue args[MESSAGE_MAX_ARGUMENTS + 1] = {{MESSAGE_VALUE_NIL}};
	int			nargs = 0;

	for (const MessageNode *arg = filter + 1; arg < MessageNextNode(filter);
		 arg = MessageNextNode(arg))
	{
		if (arg->kind == MESSAGE_OPTION)
		{
			args[MESSAGE_MAX_ARGUMENTS] = Operand(r, arg + 1);
			continue;
		}
		args[nargs] = Operand(r, arg);
		if (IsMissing(arg, &args[nargs]) && !MessageIsDefault(filter->filter))
			NoteMissing(r, arg);
		nargs++;
	}
	MessageApply(filter->filter, value, args, nargs);
}

/* Whether a fallback leaves nothing missing: it is written out, or holds. */
static bool
IsFallback(const MessageNode *filter, const MessageValue *value)
{
	return MessageIsDefault(filter->filter) &&
		(filter->size == 0 || filter[1].kind != MESSAGE_PATH ||
		 !MessageIsBlank(value));
}

static void
Output(Renderer *r, const MessageNode *output)
{
	const MessageNode *operand = output + 1;
	MessageValue value = Operand(r, operand);
	bool		missing = IsMissing(operand, &value);
	char	   *text;

	for (const MessageNode *filter = MessageNextNode(operand);
		 filter < MessageNextNode(output); filter = MessageNextNode(filter))
	{
		Filter(r, filter, &value);
		if (IsFallback(filter, &value))
			missing = false;
	}
	if (missing)
		NoteMissing(r, operand);
	text = MessageToText(&value);
	if (r->escape && !value.safe)
		text = MessageEscape(text);
	appendStringInfoString(&r->out, text);
}

/* What one output needed in between is gone before the next one begins. */
static void
RenderNodes(Renderer *r)
{
	const MessageNode *node = r->template->nodes;
	const MessageNode *end = node + r->template->nnodes;
	MemoryContext work = AllocSetContextCreate(r->caller, "persona output",
											   ALLOCSET_SMALL_SIZES);

	MemoryContextSwitchTo(work);
	for (; node < end; node = MessageNextNode(node))
	{
		CHECK_FOR_INTERRUPTS();
		if (node->kind == MESSAGE_TEXT)
			appendBinaryStringInfo(&r->out, NodeText(r, node), node->length);
		else
			Output(r, node);
		MessageCheckLength(r->out.len);
		MemoryContextReset(work);
	}
	MemoryContextSwitchTo(r->caller);
	MemoryContextDelete(work);
}

text *
MessageRender(const MessageTemplate *template, const Jsonb *values,
			  bool escape, const char **missing)
{
	Renderer	r = {0};

	r.template = MessageCurrent(template);
	r.values = values;
	r.escape = escape;
	r.caller = CurrentMemoryContext;
	initStringInfo(&r.out);
	RenderNodes(&r);
	if (missing != NULL)
		*missing = r.missing;
	return cstring_to_text_with_len(r.out.data, r.out.len);
}

/* ---- subject lines ---- */

/*
 * How many bytes of a control character stand here, 0 if none does. In UTF-8
 * these are also U+0080 to U+009F and the separators of lines and paragraphs.
 */
static int
ControlLength(const char *text)
{
	const unsigned char *c = (const unsigned char *) text;

	if (*c < 0x20 || *c == 0x7f)
		return 1;
	if (GetDatabaseEncoding() != PG_UTF8)
		return 0;
	if (c[0] == 0xc2 && c[1] < 0xa0)
		return 2;
	if (c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9))
		return 3;
	return 0;
}

text *
MessageOneLine(text *message)
{
	const char *at = text_to_cstring(message);
	bool		space = false;
	StringInfoData line;

	initStringInfo(&line);
	while (*at != '\0')
	{
		int			control = ControlLength(at);

		if (control == 0)
		{
			if (space)
				appendStringInfoChar(&line, ' ');
			appendStringInfoChar(&line, *at);
		}
		space = control > 0;
		at += Max(1, control);
	}
	return cstring_to_text_with_len(line.data, line.len);
}
