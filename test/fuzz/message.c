/*
 * message.c: the fuzz target of templates, for libFuzzer.
 *
 * The input is a template and, after a byte 1, a text that the template finds
 * under the name v. Parsing it must give a template or an error; the template
 * must keep its text, and render, be read for its variables and checked as
 * HTML without a crash, a leak or a read past an end. A message in HTML to
 * which no template added a < has none from the data.
 */
#include "postgres.h"

#include "fuzz/server.h"
#include "message/render.h"

/* ---- the data ---- */

static MessageValue
Text(const char *text)
{
	return MessageString(text, strlen(text));
}

static MessageValue
ListOf(int n, MessageValue a, MessageValue b, MessageValue c)
{
	MessageValue list = MessageNewItems(VALUE_LIST);
	MessageValue values[] = {a, b, c};

	for (int i = 0; i < n; i++)
		MessageAppend(list.as.items, values[i]);
	return list;
}

static void
Put(MessageItems *object, const char *name, MessageValue value)
{
	MessageAppend(object, Text(name));
	MessageAppend(object, value);
}

/* A value of every type under a name of one letter. */
static MessageValue
Data(MessageValue given)
{
	MessageValue object = MessageNewItems(VALUE_OBJECT);
	MessageValue row = MessageNewItems(VALUE_OBJECT);
	MessageItems *into = object.as.items;

	Put(row.as.items, "k", given);
	Put(row.as.items, "a", MessageInteger(2));
	row.as.items->n /= 2;
	Put(into, "v", given);
	Put(into, "a", MessageInteger(5));
	Put(into, "d", MessageFromDigits("2.50", 4));
	Put(into, "s", Text("ann <lee> & \"ö\""));
	Put(into, "t", MessageBoolean(true));
	Put(into, "f", MessageBoolean(false));
	Put(into, "n", MessageNil());
	Put(into, "l", ListOf(3, MessageInteger(3), given, MessageNil()));
	Put(into, "o", row);
	Put(into, "r", ListOf(2, row, ListOf(1, row, row, row), row));
	Put(into, "w", Text("2026-03-09T10:00:00Z"));
	into->n /= 2;
	return object;
}

/* ---- the laws ---- */

static void
Must(bool holds)
{
	if (!holds)
		abort();
}

static void
Render(const MessageTemplate *template, MessageValue data, bool escape)
{
	Renderer	r = {.template = template, .root = data, .escape = escape};
	StringInfoData out;
	const char *text = MessageText(template);
	int			length = template->length;

	r.out = &out;
	initStringInfo(&out);
	RenderTemplate(&r);
	Must(out.len <= MESSAGE_MAX_OUTPUT);
	if (escape && memchr(text, '<', length) == NULL &&
		memmem(text, length, "raw", 3) == NULL &&
		memmem(text, length, "tablerow", 8) == NULL &&
		memmem(text, length, "newline_to_br", 13) == NULL)
		Must(memchr(out.data, '<', out.len) == NULL);
}

static const char *input;
static size_t input_length;

static void
Try(void)
{
	const char *end = memchr(input, 1, input_length);
	int			length = end ? end - input : input_length;
	MessageTemplate *template = MessageParse(input, length);
	MessageValue data = Data(end ? MessageString(end + 1,
												 input_length - length - 1) : Text("x"));
	int			offset;

	Must(template->length == length &&
		 memcmp(MessageText(template), input, length) == 0);
	(void) MessageVariables(template);
	(void) MessageNameless(template);
	(void) MessageBrokenHtml(template, &offset);
	Render(template, data, false);
	Render(template, data, true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (!FuzzIsText((const char *) bytes, length))
		return 0;
	input = (const char *) bytes;
	input_length = length;
	FuzzTry(Try);
	FuzzFreeAll();
	return 0;
}
