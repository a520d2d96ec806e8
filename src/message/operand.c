/*
 * operand.c: the inside of an output: values by their paths, literals, and
 * the filters they go through. parse.c has what is around it.
 *
 * A path is checked and cut into its steps here, so that rendering only
 * follows them: {{ new.lines[0]["unit price"] }} is a path of four.
 */
#include "message/parser.h"

#include "miscadmin.h"

static void ParseOperand(Parser *p);

/* ---- names and numbers ---- */

void
ParserName(Parser *p)
{
	while (IsNameStart(Peek(p)) || IsDigit(Peek(p)) ||
		   (Peek(p) == '-' && !AtEnd(p, '}') && !AtEnd(p, '%')))
		p->at++;
	if (Peek(p) == '?')
		p->at++;
}

static void
ParseString(Parser *p)
{
	char		quote = p->text[p->at];
	int			start = ++p->at;

	while (p->at < p->length && p->text[p->at] != quote)
		p->at++;
	if (p->at == p->length)
		ParserRefuse(p, start - 1, "a string is not closed",
					 "End it with the quote that begins it.");
	ParserAdd(p, MESSAGE_STRING, start, p->at - start);
	p->at++;
}

static void
ReadDigits(Parser *p)
{
	while (IsDigit(Peek(p)))
		p->at++;
}

static void
ParseNumber(Parser *p)
{
	int			start = p->at;

	if (Peek(p) == '-')
		p->at++;
	ReadDigits(p);
	if (Peek(p) == '.' && IsDigit(PeekAt(p, 1)))
	{
		p->at++;
		ReadDigits(p);
	}
	if (p->at - start > 100)
		ParserRefuse(p, start, "a number has too many digits",
					 "A number may have up to 100.");
	ParserAdd(p, MESSAGE_NUMBER, start, p->at - start);
}

/* A step in brackets: [0], ["name"] or [another.path]. */
static void
ParseBracket(Parser *p)
{
	int			start = p->at++;

	check_stack_depth();
	if (++p->depth > MESSAGE_MAX_DEPTH)
		ParserRefuse(p, start, "brackets are nested too deeply",
					 psprintf("They may be up to %d deep.", MESSAGE_MAX_DEPTH));
	SkipSpace(p);
	ParseOperand(p);
	SkipSpace(p);
	if (Peek(p) != ']')
		ParserRefuse(p, start, "a bracket is not closed",
					 "Write it as items[0].name.");
	p->at++;
	p->depth--;
}

/* The steps of a path, which white space may set apart. */
static void
ParseSteps(Parser *p)
{
	for (;;)
	{
		int			end = p->at;
		int			start;

		SkipSpace(p);
		if (Peek(p) == '[')
			ParseBracket(p);
		else if (Peek(p) == '.')
		{
			p->at++;
			SkipSpace(p);
			start = p->at;
			if (!IsNameStart(Peek(p)))
				ParserRefuse(p, start, "a name must follow the dot",
							 "Write it as new.item or items[0].name.");
			ParserName(p);
			ParserAdd(p, MESSAGE_NAME, start, p->at - start);
		}
		else
		{
			p->at = end;
			return;
		}
	}
}

static const struct
{
	const char *word;
	MessageKind kind;
}			keywords[] =
{
	{"true", MESSAGE_TRUE}, {"false", MESSAGE_FALSE},
	{"nil", MESSAGE_NIL}, {"null", MESSAGE_NIL},
	{"blank", MESSAGE_NIL}, {"empty", MESSAGE_NIL},
};

static MessageKind
Keyword(const char *name, int length)
{
	for (int i = 0; i < lengthof(keywords); i++)
		if (strlen(keywords[i].word) == length &&
			strncmp(name, keywords[i].word, length) == 0)
			return keywords[i].kind;
	return MESSAGE_PATH;
}

/* A path, or one of the words that are values themselves. */
static void
ParsePath(Parser *p)
{
	int			start = p->at;
	int			path;
	MessageKind kind;

	ParserName(p);
	kind = Keyword(p->text + start, p->at - start);
	path = ParserAdd(p, kind, start, p->at - start);
	if (kind != MESSAGE_PATH)
		return;
	ParserAdd(p, MESSAGE_NAME, start, p->at - start);
	ParseSteps(p);
	p->nodes[path].length = p->at - start;
	ParserClose(p, path);
}

/*
 * A path whose first name stands in brackets: ["first name"]. A name that a
 * value gives is refused: what a template uses must be seen in it.
 */
static void
ParseQuotedPath(Parser *p)
{
	int			start = p->at;
	int			path = ParserAdd(p, MESSAGE_PATH, start, 0);

	ParseBracket(p);
	if (p->nodes[path + 1].kind != MESSAGE_STRING)
		ParserRefuse(p, start, "a path must begin with a name",
					 "Write {{ first_name }} or {{ [\"first name\"] }}.");
	ParseSteps(p);
	p->nodes[path].length = p->at - start;
	ParserClose(p, path);
}

static void
ParseOperand(Parser *p)
{
	char		c = Peek(p);

	if (c == '\'' || c == '"')
		ParseString(p);
	else if (IsDigit(c) || (c == '-' && IsDigit(PeekAt(p, 1))))
		ParseNumber(p);
	else if (IsNameStart(c))
		ParsePath(p);
	else if (c == '[')
		ParseQuotedPath(p);
	else
		ParserRefuse(p, p->at, "a value is missing",
					 "Write {{ first_name }}, {{ new.item }} or {{ 'text' }}.");
}

/* ---- filters ---- */

static void
RefuseFilter(const Parser *p, int start, int length)
{
	char	   *name = pnstrdup(p->text + start, length);
	const char *near = PersonaSuggest(name, MessageFilterNames());

	if (length == 0)
		ParserRefuse(p, start, "a filter must follow the |",
					 "Write {{ first_name | default: \"there\" }}.");
	ParserRefuse(p, start, psprintf("filter \"%s\" does not exist", name),
				 near ? psprintf("Did you mean \"%s\"?", near) :
				 "docs/message.md lists the filters.");
}

/* An argument by its name, if one comes next: allow_false: true */
static bool
ParseOption(Parser *p, int filter)
{
	const char *option = MessageTakesOption(filter);
	int			length = option ? strlen(option) : 0;
	int			start = p->at;
	int			node;

	if (option == NULL || p->length - p->at <= length ||
		strncmp(p->text + p->at, option, length) != 0)
		return false;
	p->at += length;
	SkipSpace(p);
	if (Peek(p) != ':')
	{
		p->at = start;
		return false;
	}
	p->at++;
	SkipSpace(p);
	node = ParserAdd(p, MESSAGE_OPTION, start, length);
	ParseOperand(p);
	ParserClose(p, node);
	return true;
}

/* What follows a filter's name; returns how many are not options. */
static int
ParseArguments(Parser *p, int filter)
{
	int			n = 0;

	SkipSpace(p);
	if (Peek(p) != ':')
		return 0;
	do
	{
		p->at++;
		SkipSpace(p);
		if (!ParseOption(p, filter))
		{
			ParseOperand(p);
			n++;
		}
		SkipSpace(p);
	} while (Peek(p) == ',');
	return n;
}

static void
CheckArguments(const Parser *p, const MessageNode *filter, int nargs)
{
	char	   *name = pnstrdup(p->text + filter->offset, filter->length);
	int			least;
	int			most;

	MessageTakes(filter->filter, &least, &most);
	if (nargs >= least && nargs <= most)
		return;
	ParserRefuse(p, filter->offset,
				 psprintf("filter \"%s\" does not take %d argument%s", name, nargs,
						  nargs == 1 ? "" : "s"),
				 least == most ? psprintf("It takes %d.", least) :
				 least == 0 ? psprintf("It takes at most %d.", most) :
				 psprintf("It takes %d to %d.", least, most));
}

static void
ParseFilter(Parser *p)
{
	int			start;
	int			filter;
	int			node;
	int			nargs;

	p->at++;
	SkipSpace(p);
	start = p->at;
	ParserName(p);
	filter = MessageFindFilter(p->text + start, p->at - start);
	if (filter < 0)
		RefuseFilter(p, start, p->at - start);
	node = ParserAdd(p, MESSAGE_FILTER, start, p->at - start);
	p->nodes[node].filter = filter;
	nargs = ParseArguments(p, filter);
	ParserClose(p, node);
	CheckArguments(p, &p->nodes[node], nargs);
}

void
ParserExpression(Parser *p)
{
	int			nfilters = 0;

	ParseOperand(p);
	SkipSpace(p);
	while (Peek(p) == '|')
	{
		if (++nfilters > MESSAGE_MAX_FILTERS)
			ParserRefuse(p, p->at, "an output has too many filters",
						 psprintf("An output takes up to %d.",
								  MESSAGE_MAX_FILTERS));
		ParseFilter(p);
		SkipSpace(p);
	}
}
