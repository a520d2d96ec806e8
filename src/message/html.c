/*
 * html.c: whether the HTML that a template writes is well-formed.
 *
 * The text nodes are read in turn as a browser would read them: elements
 * open and close, and what stands in a tag or in quotes is left alone. Both
 * ways through a condition must leave the same elements open, and a loop those
 * that it found. Elements whose end HTML lets be left out (p, li, td ...) may
 * lack it; what an output holds is not known and taken to be text.
 */
#include "message/message.h"

#include "message/value.h"
#include "miscadmin.h"

/* An open element; those around it behind it. Shared, never changed. */
typedef struct Element
{
	MessageSlice name;
	int			offset;
	const struct Element *around;
} Element;

typedef enum
{
	IN_TEXT,
	IN_NAME,					/* of a tag */
	IN_TAG,						/* after its name */
	IN_QUOTES,
	IN_DECLARATION,				/* <!DOCTYPE ...> */
	IN_COMMENT,
	IN_PLAIN					/* script and style, up to their end */
} HtmlMode;

typedef struct HtmlState
{
	HtmlMode	mode;
	const Element *open;
	MessageSlice name;			/* of the tag that is read */
	int			offset;			/* where it begins */
	bool		closing;		/* it is an end tag */
	char		last;			/* the character before, in a tag */
	char		quote;
} HtmlState;

typedef struct Html
{
	const MessageTemplate *template;
	HtmlState	s;
	char	   *problem;		/* the first */
	int			problem_offset;
} Html;

static void ReadNodes(Html *h, const MessageNode *node,
					  const MessageNode *end);

static void
Complain(Html *h, int offset, char *problem)
{
	if (h->problem != NULL)
		return;
	h->problem = problem;
	h->problem_offset = offset;
}

/* ---- elements ---- */

static bool
IsOneOf(MessageSlice name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strlen(names[i]) == name.length &&
			pg_strncasecmp(name.text, names[i], name.length) == 0)
			return true;
	return false;
}

/* Elements that hold nothing and have no end tag. */
static bool
IsVoid(MessageSlice name)
{
	static const char *const names[] = {
		"area", "base", "br", "col", "embed", "hr", "img", "input", "link",
		"meta", "param", "source", "track", "wbr"
	};

	return IsOneOf(name, names, lengthof(names));
}

/* Elements whose end tag may be left out. */
static bool
MayStayOpen(MessageSlice name)
{
	static const char *const names[] = {
		"body", "colgroup", "dd", "dt", "head", "html", "li", "optgroup",
		"option", "p", "tbody", "td", "tfoot", "th", "thead", "tr"
	};

	return IsOneOf(name, names, lengthof(names));
}

static bool
IsPlain(MessageSlice name)
{
	static const char *const names[] = {"script", "style"};

	return IsOneOf(name, names, lengthof(names));
}

static bool
SameName(MessageSlice a, MessageSlice b)
{
	return a.length == b.length &&
		pg_strncasecmp(a.text, b.text, a.length) == 0;
}

static void
Open(Html *h)
{
	Element    *element;

	if (IsVoid(h->s.name) || h->s.last == '/')
		return;
	element = palloc(sizeof(Element));
	element->name = h->s.name;
	element->offset = h->s.offset;
	element->around = h->s.open;
	h->s.open = element;
	if (IsPlain(element->name))
		h->s.mode = IN_PLAIN;
}

static void
Close(Html *h)
{
	const Element *element = h->s.open;

	while (element != NULL && !SameName(element->name, h->s.name) &&
		   MayStayOpen(element->name))
		element = element->around;
	if (element == NULL)
		Complain(h, h->s.offset, psprintf("</%.*s> closes nothing",
										  h->s.name.length, h->s.name.text));
	else if (!SameName(element->name, h->s.name))
		Complain(h, h->s.offset, psprintf("</%.*s> comes before <%.*s> is closed",
										  h->s.name.length, h->s.name.text,
										  element->name.length,
										  element->name.text));
	else
		h->s.open = element->around;
}

/* ---- characters ---- */

/* A name without letters is that of an output, and not known. */
static void
EndTag(Html *h)
{
	h->s.mode = IN_TEXT;
	if (h->s.name.length == 0)
		return;
	if (h->s.closing)
		Close(h);
	else
		Open(h);
}

/* Whether a stretch of what is left of a text begins with something. */
static bool
Begins(MessageSlice rest, const char *with)
{
	int			length = strlen(with);

	return rest.length >= length &&
		pg_strncasecmp(rest.text, with, length) == 0;
}

/* A < that begins a tag: a letter follows, or a / and a letter. */
static void
ReadText(Html *h, MessageSlice rest, int offset)
{
	int			slash = rest.length > 1 && rest.text[1] == '/' ? 1 : 0;

	if (*rest.text != '<')
		return;
	if (Begins(rest, "<!--"))
		h->s.mode = IN_COMMENT;
	else if (Begins(rest, "<!"))
		h->s.mode = IN_DECLARATION;
	else if (rest.length > 1 + slash &&
			 isalpha((unsigned char) rest.text[1 + slash]))
	{
		h->s.mode = IN_NAME;
		h->s.offset = offset;
		h->s.closing = slash;
		h->s.name = MessageSliceOf(rest.text + 1 + slash, 0);
		h->s.last = '\0';
	}
}

static void
ReadInTag(Html *h, char c)
{
	if (c == '>')
		EndTag(h);
	else if (c == '"' || c == '\'')
	{
		h->s.mode = IN_QUOTES;
		h->s.quote = c;
	}
	else
		h->s.last = c;
}

static void
ReadName(Html *h, MessageSlice rest)
{
	char		c = *rest.text;

	if (rest.text < h->s.name.text)
		return;
	if (isalnum((unsigned char) c) || c == '-' || c == ':')
	{
		h->s.name.length++;
		return;
	}
	h->s.mode = IN_TAG;
	ReadInTag(h, c);
}

/* </style> ends what began with <style>. */
static void
ReadPlain(Html *h, MessageSlice rest, int offset)
{
	MessageSlice name = h->s.open->name;

	if (!Begins(rest, "</") || rest.length < 2 + name.length ||
		!SameName(MessageSliceOf(rest.text + 2, name.length), name))
		return;
	h->s.mode = IN_TEXT;
	ReadText(h, rest, offset);
}

static void
ReadCharacter(Html *h, MessageSlice rest, int offset)
{
	switch (h->s.mode)
	{
		case IN_TEXT:
			ReadText(h, rest, offset);
			break;
		case IN_NAME:
			ReadName(h, rest);
			break;
		case IN_TAG:
			ReadInTag(h, *rest.text);
			break;
		case IN_QUOTES:
			if (*rest.text == h->s.quote)
				h->s.mode = IN_TAG;
			break;
		case IN_DECLARATION:
			if (*rest.text == '>')
				h->s.mode = IN_TEXT;
			break;
		case IN_COMMENT:
			if (Begins(rest, "-->"))
				h->s.mode = IN_TEXT;
			break;
		case IN_PLAIN:
			ReadPlain(h, rest, offset);
			break;
	}
}

/* ---- nodes ---- */

static void
ReadTextNode(Html *h, const MessageNode *node)
{
	const char *text = MessageText(h->template) + node->offset;

	for (int i = 0; i < node->length && h->problem == NULL; i++)
		ReadCharacter(h, MessageSliceOf(text + i, node->length - i),
					  node->offset + i);
}

/* Whether two ways leave the same elements open, in the same place. */
static bool
SameState(const HtmlState *a, const HtmlState *b)
{
	const Element *x = a->open;
	const Element *y = b->open;

	while (x != y && x != NULL && y != NULL && SameName(x->name, y->name))
	{
		x = x->around;
		y = y->around;
	}
	return x == y && a->mode == b->mode;
}

/* Goes another way from `before` on; all must come to what the first did. */
static void
ReadWay(Html *h, const HtmlState *before, HtmlState *after, bool first,
		const MessageNode *body, const MessageNode *end)
{
	int			offset = body < end ? body->offset : 0;

	h->s = *before;
	ReadNodes(h, body, end);
	if (first)
		*after = h->s;
	else if (!SameState(after, &h->s))
		Complain(h, offset, pstrdup("the branches of a condition leave different elements open"));
}

/* Whether it stands for all that no branch before it was for. */
static bool
IsLastResort(const MessageNode *branch)
{
	return branch->kind == NODE_ELSE ||
		(branch->kind == NODE_BRANCH && branch[1].kind == NODE_TRUE);
}

/* The first node of a branch that is shown. */
static const MessageNode *
BodyOf(const MessageNode *branch)
{
	const MessageNode *body = branch + 1;
	int			before = branch->kind == NODE_BRANCH ? 1 :
	branch->kind == NODE_WHEN ? branch->detail : 0;

	for (int i = 0; i < before; i++)
		body = MessageNextNode(body);
	return body;
}

static void
ReadBranches(Html *h, const MessageNode *node)
{
	const MessageNode *branch = node->kind == NODE_CASE ?
	MessageNextNode(node + 1) : node + 1;
	HtmlState	before = h->s;
	HtmlState	after = h->s;
	bool		first = true;
	bool		all = false;

	for (; branch < MessageNextNode(node); branch = MessageNextNode(branch))
	{
		all = all || IsLastResort(branch);
		ReadWay(h, &before, &after, first, BodyOf(branch),
				MessageNextNode(branch));
		first = false;
	}
	if (!all && !SameState(&before, &after))
		Complain(h, node->offset, pstrdup("a condition leaves elements open that stay closed without it"));
	h->s = after;
}

static void
ReadLoop(Html *h, const MessageNode *loop)
{
	HtmlState	before = h->s;

	for (const MessageNode *part = loop + 1; part < MessageNextNode(loop);
		 part = MessageNextNode(part))
	{
		if (part->kind != NODE_BODY && part->kind != NODE_ELSE)
			continue;
		ReadNodes(h, part + 1, MessageNextNode(part));
		if (!SameState(&before, &h->s))
			Complain(h, part->offset, pstrdup("a loop leaves other elements open than it found"));
		h->s = before;
	}
}

/* What is captured is shown elsewhere, or nowhere. */
static void
ReadNode(Html *h, const MessageNode *node)
{
	switch (node->kind)
	{
		case NODE_TEXT:
			ReadTextNode(h, node);
			break;
		case NODE_OUTPUT:
			if (h->s.mode == IN_NAME)
				h->s.name.length = 0;
			if (h->s.mode == IN_NAME)
				h->s.mode = IN_TAG;
			break;
		case NODE_IF:
		case NODE_CASE:
			ReadBranches(h, node);
			break;
		case NODE_FOR:
		case NODE_TABLEROW:
			ReadLoop(h, node);
			break;
		case NODE_IFCHANGED:
			ReadNodes(h, node + 1, MessageNextNode(node));
			break;
		default:
			break;
	}
}

static void
ReadNodes(Html *h, const MessageNode *node, const MessageNode *end)
{
	check_stack_depth();
	for (; node < end && h->problem == NULL; node = MessageNextNode(node))
	{
		CHECK_FOR_INTERRUPTS();
		ReadNode(h, node);
	}
}

char *
MessageBrokenHtml(const MessageTemplate *template, int *offset)
{
	Html		h = {.template = MessageCurrent(template)};

	ReadNodes(&h, h.template->nodes, h.template->nodes + h.template->nnodes);
	if (h.s.mode == IN_NAME || h.s.mode == IN_TAG || h.s.mode == IN_QUOTES)
		Complain(&h, h.s.offset, pstrdup("a tag is not closed by >"));
	while (h.s.open != NULL && MayStayOpen(h.s.open->name))
		h.s.open = h.s.open->around;
	if (h.s.open != NULL)
		Complain(&h, h.s.open->offset,
				 psprintf("<%.*s> is not closed", h.s.open->name.length,
						  h.s.open->name.text));
	*offset = h.problem_offset;
	return h.problem;
}
