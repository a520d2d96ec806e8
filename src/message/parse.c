/*
 * parse.c: from a template's text to its nodes.
 *
 * A template is parsed when it is written down, so a mistake is seen by who
 * makes it and not by a customer, and rendering never parses. Nodes point
 * into the text, which is kept as it was written. White space next to {{- and
 * -}} is left out of the neighbouring text nodes.
 */
#include "message/message.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#define TEMPLATE_VERSION 1

typedef struct Parser
{
	const char *text;
	int			length;
	int			at;				/* the next byte to be read */
	MessageNode *nodes;
	int			nnodes;
	int			capacity;
	bool		trim;			/* the last output ended in -}} */
} Parser;

/* ---- errors ---- */

static int
Line(const Parser *p, int offset)
{
	int			line = 1;

	for (int i = 0; i < offset && i < p->length; i++)
		line += p->text[i] == '\n';
	return line;
}

static void
Refuse(const Parser *p, int offset, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("%s", what),
			 errdetail("In line %d of the template.", Line(p, offset)),
			 errhint("%s", hint)));
}

/* ---- nodes ---- */

static int
AddNode(Parser *p, MessageKind kind, int offset, int length)
{
	if (p->nnodes == p->capacity)
	{
		p->capacity *= 2;
		p->nodes = repalloc(p->nodes, p->capacity * sizeof(MessageNode));
	}
	p->nodes[p->nnodes] = (MessageNode)
	{
		kind, offset, length, 0
	};
	return p->nnodes++;
}

static bool
IsSpace(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
IsNameStart(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		IS_HIGHBIT_SET(c);
}

static bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

static char
Peek(const Parser *p)
{
	return p->at < p->length ? p->text[p->at] : '\0';
}

static void
SkipSpace(Parser *p)
{
	while (p->at < p->length && IsSpace(p->text[p->at]))
		p->at++;
}

/* Whether "-}}" or "}}" comes next. */
static bool
AtEnd(const Parser *p)
{
	int			left = p->length - p->at;
	const char *next = p->text + p->at;

	return (left >= 2 && strncmp(next, "}}", 2) == 0) ||
		(left >= 3 && strncmp(next, "-}}", 3) == 0);
}

/* ---- operands ---- */

static void
ParseString(Parser *p)
{
	char		quote = p->text[p->at];
	int			start = ++p->at;

	while (p->at < p->length && p->text[p->at] != quote)
		p->at++;
	if (p->at == p->length)
		Refuse(p, start, "a string is not closed",
			   "End it with the quote that begins it.");
	AddNode(p, MESSAGE_STRING, start, p->at - start);
	p->at++;
}

static void
ParseNumber(Parser *p)
{
	int			start = p->at;

	if (Peek(p) == '-')
		p->at++;
	while (IsDigit(Peek(p)))
		p->at++;
	if (Peek(p) == '.' && p->at + 1 < p->length && IsDigit(p->text[p->at + 1]))
	{
		p->at++;
		while (IsDigit(Peek(p)))
			p->at++;
	}
	AddNode(p, MESSAGE_NUMBER, start, p->at - start);
}

static void
ReadName(Parser *p)
{
	while (p->at < p->length &&
		   (IsNameStart(Peek(p)) || IsDigit(Peek(p)) ||
			(Peek(p) == '-' && !AtEnd(p))))
		p->at++;
}

/* The steps of a path: .name or [0]. */
static void
ReadSteps(Parser *p)
{
	for (;;)
	{
		int			start = p->at;

		if (Peek(p) == '.' && p->at + 1 < p->length &&
			IsNameStart(p->text[p->at + 1]))
		{
			p->at++;
			ReadName(p);
		}
		else if (Peek(p) == '[')
		{
			p->at++;
			while (IsDigit(Peek(p)))
				p->at++;
			if (Peek(p) != ']' || p->at == start + 1 || p->at - start > 9)
				Refuse(p, start, "an index must be a number in brackets",
					   "Write it as items[0].name.");
			p->at++;
		}
		else
			return;
	}
}

static MessageKind
Keyword(const char *name, int length)
{
	if (length == 4 && strncmp(name, "true", 4) == 0)
		return MESSAGE_TRUE;
	if (length == 5 && strncmp(name, "false", 5) == 0)
		return MESSAGE_FALSE;
	if ((length == 3 && strncmp(name, "nil", 3) == 0) ||
		(length == 4 && strncmp(name, "null", 4) == 0))
		return MESSAGE_NIL;
	return MESSAGE_PATH;
}

static void
ParseOperand(Parser *p)
{
	int			start = p->at;
	char		c = Peek(p);

	if (c == '\'' || c == '"')
		ParseString(p);
	else if (IsDigit(c) || (c == '-' && p->at + 1 < p->length &&
							IsDigit(p->text[p->at + 1])))
		ParseNumber(p);
	else if (IsNameStart(c))
	{
		ReadName(p);
		ReadSteps(p);
		AddNode(p, Keyword(p->text + start, p->at - start), start,
				p->at - start);
	}
	else
		Refuse(p, start, "an output needs a value",
			   "Write {{ first_name }}, {{ new.item }} or {{ 'text' }}.");
}

/* ---- filters ---- */

static void
RefuseFilter(const Parser *p, int start, int length)
{
	char	   *name = pnstrdup(p->text + start, length);
	const char *near = PersonaSuggest(name, MessageFilterNames());

	Refuse(p, start, psprintf("filter \"%s\" does not exist", name),
		   near ? psprintf("Did you mean \"%s\"?", near) :
		   "docs/message.md lists the filters.");
}

static int
ParseArguments(Parser *p)
{
	int			n = 0;

	SkipSpace(p);
	if (Peek(p) != ':')
		return 0;
	do
	{
		p->at++;
		SkipSpace(p);
		if (n == MESSAGE_MAX_ARGUMENTS)
			Refuse(p, p->at, "a filter has too many arguments",
				   "A filter takes at most two.");
		ParseOperand(p);
		n++;
		SkipSpace(p);
	} while (Peek(p) == ',');
	return n;
}

static void
ParseFilter(Parser *p)
{
	int			start;
	int			number;
	int			node;
	int			nargs;

	p->at++;
	SkipSpace(p);
	start = p->at;
	ReadName(p);
	number = MessageFindFilter(p->text + start, p->at - start);
	if (number < 0)
		RefuseFilter(p, start, p->at - start);
	node = AddNode(p, MESSAGE_FILTER, number, p->at - start);
	nargs = ParseArguments(p);
	p->nodes[node].count = nargs;
	if (!MessageTakes(number, nargs))
		Refuse(p, start, psprintf("filter \"%s\" does not take %d arguments",
								  pnstrdup(p->text + start, p->nodes[node].length), nargs),
			   "docs/message.md lists what each filter takes.");
}

/* ---- outputs and the text between them ---- */

static void
ParseOutput(Parser *p)
{
	int			start = p->at;
	int			node;
	int			nfilters = 0;

	p->at += 2;
	if (Peek(p) == '-')
		p->at++;
	node = AddNode(p, MESSAGE_OUTPUT, start, 0);
	SkipSpace(p);
	ParseOperand(p);
	SkipSpace(p);
	while (Peek(p) == '|')
	{
		if (++nfilters > MESSAGE_MAX_FILTERS)
			Refuse(p, p->at, "an output has too many filters",
				   "An output takes at most 20.");
		ParseFilter(p);
		SkipSpace(p);
	}
	if (!AtEnd(p))
		Refuse(p, start, "an output is not closed",
			   "End it with }} and put | between a value and its filters.");
	p->trim = Peek(p) == '-';
	p->at += p->trim ? 3 : 2;
	p->nodes[node].count = p->nnodes - node - 1;
}

/* The text up to the next {{, trimmed where the outputs around it ask to. */
static void
ParseText(Parser *p)
{
	int			start = p->at;
	int			end;
	bool		trim_end;

	while (p->at < p->length &&
		   !(p->text[p->at] == '{' && p->at + 1 < p->length &&
			 (p->text[p->at + 1] == '{' || p->text[p->at + 1] == '%')))
		p->at++;
	if (p->at < p->length && p->text[p->at + 1] == '%')
		Refuse(p, p->at, "a template has no {% tags %}",
			   "Write {{ outputs }}; put conditions into the moment's rule or into a token.");
	end = p->at;
	trim_end = p->at + 2 < p->length && p->text[p->at + 2] == '-';
	while (p->trim && start < end && IsSpace(p->text[start]))
		start++;
	while (trim_end && start < end && IsSpace(p->text[end - 1]))
		end--;
	if (end > start)
		AddNode(p, MESSAGE_TEXT, start, end - start);
	p->trim = false;
}

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
	Parser		p = {.text = text,.length = length,.capacity = 16};

	if (length > MESSAGE_MAX_TEMPLATE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the template is longer than %d bytes",
						MESSAGE_MAX_TEMPLATE)));
	p.nodes = palloc(p.capacity * sizeof(MessageNode));
	while (p.at < p.length)
	{
		CHECK_FOR_INTERRUPTS();
		ParseText(&p);
		if (p.at < p.length)
			ParseOutput(&p);
	}
	return Assemble(&p);
}

List *
MessageVariables(const MessageTemplate *template)
{
	List	   *paths = NIL;

	for (int i = 0; i < template->nnodes; i++)
	{
		const MessageNode *node = &template->nodes[i];
		char	   *path;
		ListCell   *cell;
		bool		known = false;

		if (node->kind != MESSAGE_PATH)
			continue;
		path = pnstrdup(MessageText(template) + node->offset, node->length);
		path[strcspn(path, "[")] = '\0';
		foreach(cell, paths)
			known = known || strcmp(lfirst(cell), path) == 0;
		if (!known)
			paths = lappend(paths, path);
	}
	return paths;
}
