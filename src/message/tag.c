/*
 * tag.c: the tags of a template, by their names; block.c has those that hold
 * others.
 *
 * A tag that Liquid knows and persona does not, as it would read another file,
 * is refused by its name and with the reason; an unknown one with the name
 * that was probably meant.
 */
#include "message/parser.h"

#include "miscadmin.h"

/* ---- comments and raw text ---- */

/* A line of {% # ... %} that does not begin with # was meant as a tag. */
static void
ParseLineComment(Parser *p, int start)
{
	for (int i = p->at; i < p->end; i++)
	{
		if (p->text[i] != '\n')
			continue;
		while (i < p->end && MessageIsSpace(p->text[i]))
			i++;
		if (i < p->end && p->text[i] != '#')
			ParserRefuse(p, i, "a line of a comment does not begin with #",
						 "Begin each line with #, or use {% comment %}.");
	}
	ParserSkip(p);
}

/* Past the end of a raw text that stands in a comment. */
static void
SkipRaw(Parser *p, int start)
{
	if (ParserSeek(p, "endraw") < 0)
		ParserRefuseUnclosed(p, start, "raw");
	ParserSkip(p);
}

/* Everything up to {% endcomment %} is nothing; comments may hold comments. */
static void
ParseComment(Parser *p, int start)
{
	int			depth = 1;

	ParserSkip(p);
	while (depth > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (!ParserNextTag(p))
			ParserRefuseUnclosed(p, start, "comment");
		if (ParserIsTag(p, "raw") && !p->lines)
			SkipRaw(p, start);
		else if (ParserIsTag(p, "comment"))
			depth++;
		else if (ParserIsTag(p, "endcomment"))
			depth--;
		ParserSkip(p);
	}
}

/* Documentation of the template itself: nothing, whatever is in it. */
static void
ParseDoc(Parser *p, int start)
{
	ParserSkip(p);
	if (ParserSeek(p, "enddoc") < 0)
		ParserRefuseUnclosed(p, start, "doc");
	ParserSkip(p);
}

/* Everything up to {% endraw %} is text, white space and all. */
static void
ParseRaw(Parser *p, int start)
{
	int			inside;
	int			end;

	if (p->lines)
		ParserRefuse(p, start, "tag \"raw\" cannot stand in a liquid tag",
					 "Use it in {% raw %} of its own.");
	ParserFinish(p);
	inside = p->at;
	end = ParserSeek(p, "endraw");
	if (end < 0)
		ParserRefuseUnclosed(p, start, "raw");
	if (end > inside)
	{
		ParserAdd(p, NODE_TEXT, inside, end - inside);
		p->blank = false;
	}
	ParserSkip(p);
}

/* ---- values ---- */

static void
ParseEcho(Parser *p, int start)
{
	ParserShown(p, ParserAdd(p, NODE_OUTPUT, start, 0));
}

static void
ParseAssign(Parser *p, int start)
{
	int			name = p->at;
	int			node;

	if (!ParserName(p, false))
		ParserRefuse(p, name, "a name is missing",
					 "Write {% assign greeting = \"Dear\" %}.");
	node = ParserAdd(p, NODE_ASSIGN, name, p->at - name);
	SkipSpace(p);
	if (!ParserTake(p, '='))
		ParserRefuse(p, p->at, "a = is missing",
					 "Write {% assign greeting = \"Dear\" %}.");
	ParserExpression(p);
	ParserFinish(p);
	ParserClose(p, node);
}

static void
ParseCount(Parser *p, MessageKind kind)
{
	int			name = p->at;

	if (!ParserName(p, false))
		ParserRefuse(p, name, "a name is missing",
					 "Write {% increment position %}.");
	ParserAdd(p, kind, name, p->at - name);
	ParserFinish(p);
}

static void
ParseIncrement(Parser *p, int start)
{
	ParseCount(p, NODE_INCREMENT);
}

static void
ParseDecrement(Parser *p, int start)
{
	ParseCount(p, NODE_DECREMENT);
}

/* {% cycle "odd", "even" %} or {% cycle rows: "odd", "even" %} */
static void
ParseCycle(Parser *p, int start)
{
	int			node = ParserAdd(p, NODE_CYCLE, p->at, p->end - p->at);

	ParserOperand(p);
	SkipSpace(p);
	if (ParserTake(p, ':'))
	{
		p->nodes[node].detail = 1;
		ParserOperand(p);
		SkipSpace(p);
	}
	while (ParserTake(p, ','))
	{
		if (p->at == p->end)
			break;
		ParserOperand(p);
		SkipSpace(p);
	}
	ParserFinish(p);
	ParserClose(p, node);
}

/* ---- going on and leaving off ---- */

static void
ParseBreak(Parser *p, int start)
{
	ParserAdd(p, NODE_BREAK, start, 0);
	ParserFinish(p);
}

static void
ParseContinue(Parser *p, int start)
{
	ParserAdd(p, NODE_CONTINUE, start, 0);
	ParserFinish(p);
}

static void
ParseLiquid(Parser *p, int start)
{
	ParserLines(p);
}

/* ---- tags by name ---- */

/* What a tag does to the body it stands in. */
typedef enum
{
	SHOWS,						/* the body is not blank */
	SHOWS_NOTHING,
	ITSELF						/* what it holds decides */
} Shows;

static const struct
{
	const char *name;
	void		(*parse) (Parser *p, int start);
	Shows		shows;
}			tags[] =
{
	{"#", ParseLineComment, SHOWS_NOTHING},
	{"assign", ParseAssign, SHOWS_NOTHING},
	{"break", ParseBreak, SHOWS},
	{"capture", ParserCapture, SHOWS_NOTHING},
	{"case", ParserCase, ITSELF},
	{"comment", ParseComment, SHOWS_NOTHING},
	{"continue", ParseContinue, SHOWS},
	{"cycle", ParseCycle, SHOWS},
	{"decrement", ParseDecrement, SHOWS},
	{"doc", ParseDoc, SHOWS_NOTHING},
	{"echo", ParseEcho, SHOWS},
	{"for", ParserFor, ITSELF},
	{"if", ParserIf, ITSELF},
	{"ifchanged", ParserIfchanged, ITSELF},
	{"increment", ParseIncrement, SHOWS},
	{"liquid", ParseLiquid, ITSELF},
	{"raw", ParseRaw, ITSELF},
	{"tablerow", ParserTablerow, SHOWS},
	{"unless", ParserUnless, ITSELF},
};

/* Tags that other programs have and a message cannot. */
static const struct
{
	const char *name;
	const char *hint;
}			refused[] =
{
	{"include", "A template stands alone, so that all it says is seen in it: write the part out."},
	{"render", "A template stands alone, so that all it says is seen in it: write the part out."},
	{"layout", "A template stands alone: write the page around it, or let the sender put it there."},
	{"block", "A template stands alone: write the page around it, or let the sender put it there."},
	{"section", "A template stands alone, so that all it says is seen in it: write the part out."},
};

/* Tags that belong into a block. */
static bool
IsPartOfBlock(const Parser *p)
{
	static const char *const parts[] = {"else", "elsif", "when"};

	for (int i = 0; i < lengthof(parts); i++)
		if (ParserIsTag(p, parts[i]))
			return true;
	for (int i = 0; i < lengthof(tags); i++)
		if (p->tag_length > 3 && strncmp(p->text + p->tag, "end", 3) == 0 &&
			MessageSliceIs(MessageSliceOf(p->text + p->tag + 3,
										  p->tag_length - 3), tags[i].name))
			return true;
	return false;
}

static void
RefuseTag(const Parser *p)
{
	char	   *name = pnstrdup(p->text + p->tag, p->tag_length);
	List	   *known = NIL;
	const char *near;

	for (int i = 0; i < lengthof(refused); i++)
		if (strcmp(name, refused[i].name) == 0)
			ParserRefuse(p, p->tag,
						 psprintf("tag \"%s\" is not supported", name),
						 refused[i].hint);
	for (int i = 0; i < lengthof(tags); i++)
		known = lappend(known, unconstify(char *, tags[i].name));
	if (*name == '\0')
		ParserRefuse(p, p->tag, "a tag has no name",
					 "Write {{ first_name }} for a value, {% if vip %} for a tag.");
	near = PersonaSuggest(name, known);
	ParserRefuse(p, p->tag, psprintf("tag \"%s\" does not exist", name),
				 near ? psprintf("Did you mean {%% %s %%}?", near) :
				 "docs/message.md lists the tags.");
}

void
ParserRefuseUnclosed(const Parser *p, int start, const char *name)
{
	ParserRefuse(p, start, psprintf("tag \"%s\" is not closed", name),
				 psprintf("End it with {%% end%s %%}.", name));
}

void
ParserRefuseStray(const Parser *p)
{
	ParserRefuse(p, p->tag,
				 psprintf("tag \"%.*s\" stands outside of its block",
						  p->tag_length, p->text + p->tag),
				 "Remove it, or begin the block that it belongs to.");
}

/* Where the markup of the tag begins. */
static int
TagStart(const Parser *p)
{
	int			at = p->tag;

	while (!p->lines && at > 0 && p->text[at] != '{')
		at--;
	return at;
}

bool
ParserTag(Parser *p)
{
	for (int i = 0; i < lengthof(tags); i++)
		if (ParserIsTag(p, tags[i].name))
		{
			tags[i].parse(p, TagStart(p));
			if (tags[i].shows == SHOWS)
				p->blank = false;
			return true;
		}
	if (!IsPartOfBlock(p))
		RefuseTag(p);
	return false;
}
