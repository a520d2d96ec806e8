/*
 * parse.c: from a template's text to its nodes.
 *
 * A template is parsed when it is written down, so a mistake is seen by who
 * makes it and not by a customer, and rendering never parses. Nodes point
 * into the text, which is kept as it was written. White space next to {{- and
 * -}} is left out of the neighbouring text nodes.
 *
 * Here text is told from markup; the inside of markup is read by tag.c and
 * block.c, and the values in it by operand.c. Inside of {% liquid %} each line
 * is a tag, and there is no text.
 */
#include "message/parser.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* Raise it when nodes change their meaning: older ones are parsed again. */
#define TEMPLATE_VERSION 3

/* ---- errors and nodes ---- */

void
ParserRefuse(const Parser *p, int offset, const char *what, const char *hint)
{
	int			line = 1;
	int			start = 0;

	for (int i = 0; i < offset && i < p->length; i++)
		if (p->text[i] == '\n')
		{
			line++;
			start = i + 1;
		}
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("%s", what),
			 errdetail("In line %d of the template, column %d.", line,
					   pg_mbstrlen_with_len(p->text + start,
											offset - start) + 1),
			 errhint("%s", hint)));
	pg_unreachable();
}

int
ParserAdd(Parser *p, MessageKind kind, int offset, int length)
{
	if (p->nnodes == p->capacity)
	{
		p->capacity *= 2;
		p->nodes = repalloc(p->nodes, p->capacity * sizeof(MessageNode));
	}
	p->nodes[p->nnodes] = (MessageNode)
	{
		.kind = kind, .offset = offset, .length = length
	};
	return p->nnodes++;
}

void
ParserClose(Parser *p, int node)
{
	p->nodes[node].size = p->nnodes - node - 1;
}

void
ParserEnter(Parser *p, int offset)
{
	check_stack_depth();
	if (++p->depth > MESSAGE_MAX_DEPTH)
		ParserRefuse(p, offset, "blocks or brackets are nested too deeply",
					 psprintf("They may be up to %d deep.", MESSAGE_MAX_DEPTH));
}

/* ---- where markup begins and ends ---- */

/* Whether {{ or {% stands at a place of the text. */
static bool
BeginsAt(const Parser *p, int at)
{
	return at + 1 < p->length && p->text[at] == '{' &&
		(p->text[at + 1] == '{' || p->text[at + 1] == '%');
}

/* Where the quote that closes the string at `at` stands; `at` if nowhere. */
static int
SkipString(const Parser *p, int at)
{
	const char *close = memchr(p->text + at + 1, p->text[at],
							   p->length - at - 1);

	return close ? close - p->text : at;
}

/*
 * Finds the end of the markup whose inside begins here. A closing brace in
 * quotes is none, except in tags of free text.
 */
static bool
FindEnd(Parser *p, char closing, bool quotes)
{
	for (int at = p->at; at + 1 < p->length; at++)
	{
		char		c = p->text[at];

		if (c == closing && p->text[at + 1] == '}')
		{
			p->end = at;
			p->after = at + 2;
			if (at > p->at && p->text[at - 1] == '-')
				p->end--;
			return true;
		}
		if (quotes && (c == '"' || c == '\''))
			at = SkipString(p, at);
	}
	return false;
}

/* Into the {{ or {% that stands here; false if it is never closed. */
static bool
Enter(Parser *p, char closing, bool quotes)
{
	p->at += 2;
	if (CharAt(p, p->at) == '-' && CharAt(p, p->at + 1) != closing)
		p->at++;
	return FindEnd(p, closing, quotes);
}

void
ParserSkip(Parser *p)
{
	p->trim = !p->lines && p->text[p->end] == '-';
	p->at = p->after;
}

void
ParserFinish(Parser *p)
{
	SkipSpace(p);
	if (p->at < p->end)
		ParserRefuse(p, p->at, "markup goes on where it should end",
					 "Put | between a value and its filters, and a comma between arguments.");
	ParserSkip(p);
}

/* ---- text and outputs ---- */

void
ParserAddText(Parser *p, int start)
{
	int			end = p->at;
	bool		trim_end = BeginsAt(p, end) && CharAt(p, end + 2) == '-';

	while (p->trim && start < end && MessageIsSpace(p->text[start]))
		start++;
	while (trim_end && start < end && MessageIsSpace(p->text[end - 1]))
		end--;
	for (int i = start; i < end && p->blank; i++)
		p->blank = MessageIsSpace(p->text[i]);
	if (end > start)
		ParserAdd(p, NODE_TEXT, start, end - start);
	p->trim = false;
}

static void
ParseText(Parser *p)
{
	int			start = p->at;

	while (p->at < p->length && !BeginsAt(p, p->at))
		p->at++;
	ParserAddText(p, start);
}

/* The value that an output shows; none at all shows nothing, as in Liquid. */
void
ParserShown(Parser *p, int output)
{
	p->nodes[output].length = p->after - p->nodes[output].offset;
	if (p->at < p->end)
		ParserExpression(p);
	else
		ParserAdd(p, NODE_NIL, p->at, 0);
	ParserFinish(p);
	ParserClose(p, output);
}

static void
ParseOutput(Parser *p)
{
	int			start = p->at;
	int			node = ParserAdd(p, NODE_OUTPUT, start, 0);

	if (!Enter(p, '}', true))
		ParserRefuse(p, start, "an output is not closed", "End it with }}.");
	SkipSpace(p);
	ParserShown(p, node);
	p->blank = false;
}

/* ---- tags ---- */

static void
ReadTagName(Parser *p)
{
	SkipSpace(p);
	p->tag = p->at;
	if (Peek(p) == '#')
		p->at++;
	while (IsNamePart(Peek(p)) && Peek(p) != '-')
		p->at++;
	p->tag_length = p->at - p->tag;
	SkipSpace(p);
}

/* Whether the tag {% name ... stands here, closed or not. */
static bool
TagBegins(const Parser *p, const char *name)
{
	int			at = p->at + 2;
	int			length = strlen(name);

	if (!BeginsAt(p, p->at) || p->text[p->at + 1] != '%')
		return false;
	if (CharAt(p, at) == '-')
		at++;
	while (MessageIsSpace(CharAt(p, at)))
		at++;
	return p->length - at > length &&
		strncmp(p->text + at, name, length) == 0 &&
		(*name == '#' || !IsNamePart(p->text[at + length]));
}

/* Into the tag that stands here. In a comment a quote is not a string's. */
static void
EnterTag(Parser *p)
{
	int			start = p->at;
	bool		comments = TagBegins(p, "#") || TagBegins(p, "liquid");

	if (!Enter(p, '%', !comments))
		ParserRefuse(p, start, "a tag is not closed", "End it with %}.");
	ReadTagName(p);
}

/* Into the next line that is not empty; false if there is none. */
static bool
EnterLine(Parser *p)
{
	while (p->at < p->length && MessageIsSpace(p->text[p->at]))
		p->at++;
	if (p->at >= p->length)
		return false;
	for (p->end = p->at; p->end < p->length; p->end++)
		if (p->text[p->end] == '\n')
			break;
	p->after = p->end;
	ReadTagName(p);
	return true;
}

bool
ParserNextTag(Parser *p)
{
	if (p->lines)
		return EnterLine(p);
	for (; p->at < p->length; p->at++)
		if (BeginsAt(p, p->at) && p->text[p->at + 1] == '%')
		{
			if (!Enter(p, '%', false))
				return false;
			ReadTagName(p);
			return true;
		}
	return false;
}

int
ParserSeek(Parser *p, const char *name)
{
	for (; p->at < p->length; p->at++)
	{
		int			start = p->at;

		if (!TagBegins(p, name))
			continue;
		if (!Enter(p, '%', false))
			return -1;
		ReadTagName(p);
		return start;
	}
	return -1;
}

/* Reads on to the next tag and into it; false if none follows. */
static bool
ReachTag(Parser *p)
{
	CHECK_FOR_INTERRUPTS();
	if (p->lines)
		return EnterLine(p);
	while (p->at < p->length)
	{
		CHECK_FOR_INTERRUPTS();
		if (!BeginsAt(p, p->at))
			ParseText(p);
		else if (p->text[p->at + 1] == '{')
			ParseOutput(p);
		else
		{
			EnterTag(p);
			return true;
		}
	}
	return false;
}

static bool
ReadBody(Parser *p)
{
	while (ReachTag(p))
		if (!ParserTag(p))
			return true;
	return false;
}

bool
ParserBody(Parser *p, bool *blank)
{
	bool		around = p->blank;
	bool		more;

	ParserEnter(p, p->at);
	p->blank = true;
	more = ReadBody(p);
	*blank = *blank && p->blank;
	p->blank = around;
	p->depth--;
	return more;
}

void
ParserLines(Parser *p)
{
	Parser		around = *p;

	ParserEnter(p, p->tag);
	p->length = p->end;
	p->lines = true;
	if (ReadBody(p))
		ParserRefuseStray(p);
	p->length = around.length;
	p->lines = around.lines;
	p->end = around.end;
	p->after = around.after;
	p->depth--;
	ParserSkip(p);
}

/* ---- templates ---- */

static MessageTemplate *
Assemble(const Parser *p)
{
	Size		nodes = p->nnodes * sizeof(MessageNode);
	Size		size = offsetof(MessageTemplate, nodes) + nodes + p->length;
	MessageTemplate *template = palloc0(size);

	SET_VARSIZE(template, size);
	template->version = TEMPLATE_VERSION;
	template->nnodes = p->nnodes;
	template->length = p->length;
	memcpy(template->nodes, p->nodes, nodes);
	memcpy(unconstify(char *, MessageText(template)), p->text, p->length);
	return template;
}

MessageTemplate *
MessageParse(const char *text, int length)
{
	Parser		p = {.text = text, .length = length, .capacity = 16};
	bool		blank = true;

	if (length > MESSAGE_MAX_TEMPLATE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the template is longer than %d bytes",
						MESSAGE_MAX_TEMPLATE)));
	p.nodes = palloc(p.capacity * sizeof(MessageNode));
	if (ParserBody(&p, &blank))
		ParserRefuseStray(&p);
	return Assemble(&p);
}

const MessageTemplate *
MessageCurrent(const MessageTemplate *template)
{
	if (template->version == TEMPLATE_VERSION)
		return template;
	return MessageParse(MessageText(template), template->length);
}
