/*
 * parse.c: from a template's text to its nodes.
 *
 * A template is parsed when it is written down, so a mistake is seen by who
 * makes it and not by a customer, and rendering never parses. Nodes point
 * into the text, which is kept as it was written. White space next to {{- and
 * -}} is left out of the neighbouring text nodes. Two tags are known: raw,
 * whose inside is text, and comment, which leaves nothing behind.
 */
#include "message/parser.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* Raise it when nodes change their meaning: older ones are parsed again. */
#define TEMPLATE_VERSION 2

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

/* ---- where markup begins and ends ---- */

/* Whether {{ or {% stands here. */
static bool
AtBegin(const Parser *p)
{
	return Peek(p) == '{' && (PeekAt(p, 1) == '{' || PeekAt(p, 1) == '%');
}

/* Past {{ or {%, after which a - may stand. */
static void
SkipBegin(Parser *p)
{
	p->at += PeekAt(p, 2) == '-' ? 3 : 2;
	SkipSpace(p);
}

static void
SkipEnd(Parser *p)
{
	p->trim = Peek(p) == '-';
	p->at += p->trim ? 3 : 2;
}

/* ---- text and outputs ---- */

/* Adds the text from start to here, trimmed where its neighbours ask to. */
static void
AddText(Parser *p, int start)
{
	int			end = p->at;
	bool		trim_end = AtBegin(p) && PeekAt(p, 2) == '-';

	while (p->trim && start < end && IsSpace(p->text[start]))
		start++;
	while (trim_end && start < end && IsSpace(p->text[end - 1]))
		end--;
	if (end > start)
		ParserAdd(p, MESSAGE_TEXT, start, end - start);
	p->trim = false;
}

static void
ParseText(Parser *p)
{
	int			start = p->at;

	while (p->at < p->length && !AtBegin(p))
		p->at++;
	AddText(p, start);
}

static void
ParseOutput(Parser *p)
{
	int			start = p->at;
	int			node = ParserAdd(p, MESSAGE_OUTPUT, start, 0);

	SkipBegin(p);
	ParserExpression(p);
	if (!AtEnd(p, '}'))
		ParserRefuse(p, start, "an output is not closed",
					 "End it with }} and put | between a value and its filters.");
	SkipEnd(p);
	ParserClose(p, node);
}

/* ---- tags ---- */

/* Reads the tag {% name %} if it stands here; else nothing. */
static bool
ReadTag(Parser *p, const char *name)
{
	int			start = p->at;

	if (Peek(p) != '{' || PeekAt(p, 1) != '%')
		return false;
	SkipBegin(p);
	if (p->length - p->at > strlen(name) &&
		strncmp(p->text + p->at, name, strlen(name)) == 0)
	{
		p->at += strlen(name);
		SkipSpace(p);
		if (AtEnd(p, '%'))
		{
			SkipEnd(p);
			return true;
		}
	}
	p->at = start;
	return false;
}

static void
RefuseUnclosed(const Parser *p, int start, const char *name)
{
	ParserRefuse(p, start, psprintf("tag \"%s\" is not closed", name),
				 psprintf("End it with {%% end%s %%}.", name));
}

/* Everything up to {% endraw %} is text. */
static void
ParseRaw(Parser *p, int start)
{
	int			inside = p->at;
	Parser		ahead = *p;

	while (!ReadTag(&ahead, "endraw"))
		if (++ahead.at >= p->length)
			RefuseUnclosed(p, start, "raw");
		else
			p->at = ahead.at;
	AddText(p, inside);
	p->at = ahead.at;
	p->trim = ahead.trim;
}

/* Past any tag to its %}; false where there is none. */
static bool
SkipTag(Parser *p)
{
	const char *rest = p->text + p->at;
	const char *end;

	for (end = rest; end + 1 < p->text + p->length; end++)
		if (end[0] == '%' && end[1] == '}')
		{
			p->at = end + 2 - p->text;
			return true;
		}
	return false;
}

/* Everything up to {% endcomment %} is nothing; comments may hold comments. */
static void
ParseComment(Parser *p, int start)
{
	int			depth = 1;

	while (depth > 0)
	{
		if (p->at >= p->length)
			RefuseUnclosed(p, start, "comment");
		if (ReadTag(p, "endcomment"))
			depth--;
		else if (ReadTag(p, "comment"))
			depth++;
		else if (Peek(p) != '{' || PeekAt(p, 1) != '%')
			p->at++;
		else if (!SkipTag(p))
			RefuseUnclosed(p, start, "comment");
	}
}

static void
RefuseTag(Parser *p)
{
	List	   *known = list_make2("raw", "comment");
	const char *near;
	int			word;
	char	   *name;

	SkipBegin(p);
	word = p->at;
	ParserName(p);
	name = pnstrdup(p->text + word, p->at - word);
	near = PersonaSuggest(name, known);
	ParserRefuse(p, word, psprintf("tag \"%s\" is not supported", name),
				 near ? psprintf("Did you mean {%% %s %%}?", near) :
				 "Put a condition into the moment's rule or into a token.");
}

static void
ParseTag(Parser *p)
{
	int			start = p->at;

	if (ReadTag(p, "raw"))
		ParseRaw(p, start);
	else if (ReadTag(p, "comment"))
		ParseComment(p, start);
	else
		RefuseTag(p);
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

	if (length > MESSAGE_MAX_TEMPLATE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the template is longer than %d bytes",
						MESSAGE_MAX_TEMPLATE)));
	p.nodes = palloc(p.capacity * sizeof(MessageNode));
	while (p.at < p.length)
	{
		CHECK_FOR_INTERRUPTS();
		if (!AtBegin(&p))
			ParseText(&p);
		else if (PeekAt(&p, 1) == '{')
			ParseOutput(&p);
		else
			ParseTag(&p);
	}
	return Assemble(&p);
}

const MessageTemplate *
MessageCurrent(const MessageTemplate *template)
{
	if (template->version == TEMPLATE_VERSION)
		return template;
	return MessageParse(MessageText(template), template->length);
}

/* ---- what a template uses ---- */

/* Whether a step is a name, as .name or as ["name"]. */
static bool
IsPlainStep(const MessageTemplate *template, const MessageNode *step)
{
	const char *text = MessageText(template) + step->offset;

	if (step->kind == MESSAGE_NAME)
		return true;
	if (step->kind != MESSAGE_STRING || step->length == 0 ||
		!IsNameStart(*text))
		return false;
	for (int i = 1; i < step->length; i++)
		if (!IsNameStart(text[i]) && !IsDigit(text[i]))
			return false;
	return true;
}

/* A path as far as its names go: items[0].price is items. */
static char *
DottedPath(const MessageTemplate *template, const MessageNode *path)
{
	StringInfoData dotted;

	initStringInfo(&dotted);
	for (const MessageNode *step = path + 1; step < MessageNextNode(path);
		 step = MessageNextNode(step))
	{
		if (step > path + 1 && !IsPlainStep(template, step))
			break;
		if (dotted.len > 0)
			appendStringInfoChar(&dotted, '.');
		appendBinaryStringInfo(&dotted, MessageText(template) + step->offset,
							   step->length);
	}
	return dotted.data;
}

List *
MessageVariables(const MessageTemplate *template)
{
	List	   *paths = NIL;

	template = MessageCurrent(template);
	for (int i = 0; i < template->nnodes; i++)
	{
		char	   *path;
		ListCell   *cell;
		bool		known = false;

		if (template->nodes[i].kind != MESSAGE_PATH)
			continue;
		CHECK_FOR_INTERRUPTS();
		path = DottedPath(template, &template->nodes[i]);
		foreach(cell, paths)
			known = known || strcmp(lfirst(cell), path) == 0;
		if (!known)
			paths = lappend(paths, path);
	}
	return paths;
}
