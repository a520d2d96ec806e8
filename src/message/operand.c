/*
 * operand.c: the inside of markup: values by their paths, literals, the
 * filters they go through, and conditions.
 *
 * A path is checked and cut into its steps here, so that rendering only
 * follows them: {{ new.lines[0]["unit price"] }} is a path of four. Tests that
 * are joined by `and` and `or` stand one after the other: the last binds
 * first, as in Liquid, so a condition is decided from left to right.
 */
#include "message/filter.h"
#include "message/parser.h"

/* ---- words and characters ---- */

bool
ParserTake(Parser *p, char c)
{
	if (Peek(p) != c)
		return false;
	p->at++;
	SkipSpace(p);
	return true;
}

bool
ParserWord(Parser *p, const char *word)
{
	int			length = strlen(word);

	if (p->end - p->at < length ||
		strncmp(p->text + p->at, word, length) != 0 ||
		IsNamePart(PeekAt(p, length)))
		return false;
	p->at += length;
	SkipSpace(p);
	return true;
}

bool
ParserName(Parser *p, bool question)
{
	if (!IsNameStart(Peek(p)))
		return false;
	while (IsNamePart(Peek(p)))
		p->at++;
	if (question && Peek(p) == '?')
		p->at++;
	return true;
}

/* ---- literals ---- */

static void
ParseString(Parser *p)
{
	char		quote = p->text[p->at];
	int			start = ++p->at;

	while (p->at < p->end && p->text[p->at] != quote)
		p->at++;
	if (p->at == p->end)
		ParserRefuse(p, start - 1, "a string is not closed",
					 "End it with the quote that begins it.");
	ParserAdd(p, NODE_STRING, start, p->at - start);
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
	MessageKind kind = NODE_INTEGER;

	if (Peek(p) == '-')
		p->at++;
	ReadDigits(p);
	if (Peek(p) == '.' && IsDigit(PeekAt(p, 1)))
	{
		kind = NODE_DECIMAL;
		p->at++;
		ReadDigits(p);
	}
	if (p->at - start > 100)
		ParserRefuse(p, start, "a number has too many digits",
					 "A number may have up to 100.");
	ParserAdd(p, kind, start, p->at - start);
}

/* (1..n) */
static void
ParseRange(Parser *p)
{
	int			start = p->at++;
	int			range = ParserAdd(p, NODE_RANGE, start, 0);

	ParserEnter(p, start);
	SkipSpace(p);
	ParserOperand(p);
	SkipSpace(p);
	if (Peek(p) != '.' || PeekAt(p, 1) != '.')
		ParserRefuse(p, p->at, "two dots are missing",
					 "Write a range as (1..5).");
	p->at += 2;
	SkipSpace(p);
	ParserOperand(p);
	SkipSpace(p);
	if (Peek(p) != ')')
		ParserRefuse(p, start, "a range is not closed",
					 "Write a range as (1..5).");
	p->at++;
	p->depth--;
	p->nodes[range].length = p->at - start;
	ParserClose(p, range);
}

/* ---- paths ---- */

/* A step in brackets: [0], ["name"] or [another.path]. */
static void
ParseBracket(Parser *p)
{
	int			start = p->at++;

	ParserEnter(p, start);
	SkipSpace(p);
	ParserOperand(p);
	SkipSpace(p);
	if (Peek(p) != ']')
		ParserRefuse(p, start, "a bracket is not closed",
					 "Write it as items[0].name.");
	p->at++;
	p->depth--;
}

/* .name, where a second dot would begin the other end of a range */
static void
ParseDot(Parser *p)
{
	int			start;

	p->at++;
	SkipSpace(p);
	start = p->at;
	if (!ParserName(p, true))
		ParserRefuse(p, start, "a name must follow the dot",
					 "Write it as new.item or items[0].name.");
	ParserAdd(p, NODE_NAME, start, p->at - start);
}

/* The steps of a path, which white space may set apart. */
static void
ParseSteps(Parser *p, int path)
{
	for (;;)
	{
		int			end = p->at;

		SkipSpace(p);
		if (Peek(p) == '[')
			ParseBracket(p);
		else if (Peek(p) == '.' && PeekAt(p, 1) != '.')
			ParseDot(p);
		else
		{
			p->at = end;
			break;
		}
	}
	p->nodes[path].length = p->at - p->nodes[path].offset;
	ParserClose(p, path);
}

static const struct
{
	const char *word;
	MessageKind kind;
}			keywords[] =
{
	{"true", NODE_TRUE}, {"false", NODE_FALSE}, {"nil", NODE_NIL},
	{"null", NODE_NIL}, {"blank", NODE_BLANK}, {"empty", NODE_EMPTY},
};

/* A path, or one of the words that are values themselves. */
static void
ParsePath(Parser *p)
{
	int			start = p->at;
	int			path;

	(void) ParserName(p, true);
	for (int i = 0; i < lengthof(keywords); i++)
		if (MessageSliceIs(MessageSliceOf(p->text + start, p->at - start),
						   keywords[i].word))
		{
			ParserAdd(p, keywords[i].kind, start, p->at - start);
			return;
		}
	path = ParserAdd(p, NODE_PATH, start, 0);
	ParserAdd(p, NODE_NAME, start, p->at - start);
	ParseSteps(p, path);
}

/* A path whose first name stands in brackets: ["first name"] */
static void
ParseQuotedPath(Parser *p)
{
	int			path = ParserAdd(p, NODE_PATH, p->at, 0);

	ParseBracket(p);
	ParseSteps(p, path);
}

void
ParserOperand(Parser *p)
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
	else if (c == '(')
		ParseRange(p);
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
ParseOption(Parser *p, const MessageFilterEntry *filter)
{
	int			start = p->at;
	int			node;
	MessageSlice name = {p->text + start, 0};

	if (!ParserName(p, false))
		return false;
	name.length = p->at - start;
	SkipSpace(p);
	if (!ParserTake(p, ':'))
	{
		p->at = start;
		return false;
	}
	if (filter->option == NULL || !MessageSliceIs(name, filter->option))
		ParserRefuse(p, start,
					 psprintf("filter \"%s\" has no argument \"%.*s\"",
							  filter->name, name.length, name.text),
					 filter->option ?
					 psprintf("It has \"%s\".", filter->option) :
					 "Pass its arguments without names.");
	node = ParserAdd(p, NODE_OPTION, start, name.length);
	ParserOperand(p);
	ParserClose(p, node);
	return true;
}

/* What follows a filter's name; returns how many are not options. */
static int
ParseArguments(Parser *p, const MessageFilterEntry *filter)
{
	int			n = 0;

	SkipSpace(p);
	if (!ParserTake(p, ':'))
		return 0;
	do
	{
		if (!ParseOption(p, filter))
		{
			ParserOperand(p);
			n++;
		}
		SkipSpace(p);
	} while (ParserTake(p, ','));
	return n;
}

static void
CheckArguments(const Parser *p, int offset, const MessageFilterEntry *filter,
			   int nargs)
{
	if (nargs >= filter->least && nargs <= filter->most)
		return;
	ParserRefuse(p, offset,
				 psprintf("filter \"%s\" does not take %d argument%s",
						  filter->name, nargs, nargs == 1 ? "" : "s"),
				 filter->least == filter->most ?
				 psprintf("It takes %d.", filter->least) :
				 filter->least == 0 ?
				 psprintf("It takes at most %d.", filter->most) :
				 psprintf("It takes %d to %d.", filter->least, filter->most));
}

static void
ParseFilter(Parser *p)
{
	int			start = p->at;
	int			number;
	int			node;
	int			nargs;

	(void) ParserName(p, false);
	number = MessageFindFilter(p->text + start, p->at - start);
	if (number < 0)
		RefuseFilter(p, start, p->at - start);
	node = ParserAdd(p, NODE_FILTER, start, p->at - start);
	p->nodes[node].detail = number;
	nargs = ParseArguments(p, MessageFilterAt(number));
	ParserClose(p, node);
	CheckArguments(p, start, MessageFilterAt(number), nargs);
}

void
ParserExpression(Parser *p)
{
	int			nfilters = 0;

	ParserOperand(p);
	SkipSpace(p);
	while (ParserTake(p, '|'))
	{
		if (++nfilters > MESSAGE_MAX_FILTERS)
			ParserRefuse(p, p->at, "a value has too many filters",
						 psprintf("A value takes up to %d.",
								  MESSAGE_MAX_FILTERS));
		ParseFilter(p);
		SkipSpace(p);
	}
}

/* ---- conditions ---- */

/* The operator that comes next; TEST_TRUTH if none does. */
static MessageTest
ReadOperator(Parser *p)
{
	static const struct
	{
		const char *sign;
		MessageTest test;
	}			operators[] =
	{
		{"==", TEST_EQUAL}, {"!=", TEST_UNEQUAL}, {"<>", TEST_UNEQUAL},
		{"<=", TEST_LESS_EQUAL}, {">=", TEST_GREATER_EQUAL},
		{"<", TEST_LESS}, {">", TEST_GREATER},
	};

	for (int i = 0; i < lengthof(operators); i++)
	{
		int			length = strlen(operators[i].sign);

		if (p->end - p->at < length ||
			strncmp(p->text + p->at, operators[i].sign, length) != 0)
			continue;
		p->at += length;
		SkipSpace(p);
		return operators[i].test;
	}
	return ParserWord(p, "contains") ? TEST_CONTAINS : TEST_TRUTH;
}

static int
ParseTest(Parser *p)
{
	int			test = ParserAdd(p, NODE_TEST, p->at, 0);
	MessageTest operator;

	ParserOperand(p);
	SkipSpace(p);
	if (Peek(p) == '|')
		ParserRefuse(p, p->at, "a condition takes no filters",
					 "Filter the value before: {% assign x = name | downcase %}.");
	operator = ReadOperator(p);
	if (operator != TEST_TRUTH)
		ParserOperand(p);
	SkipSpace(p);
	p->nodes[test].detail = operator;
	ParserClose(p, test);
	return test;
}

void
ParserCondition(Parser *p, bool negated)
{
	int			condition = ParserAdd(p, NODE_CONDITION, p->at, 0);

	if (negated)
		p->nodes[condition].detail = TEST_NOT;
	for (;;)
	{
		int			test = ParseTest(p);

		if (ParserWord(p, "and"))
			p->nodes[test].detail |= TEST_AND;
		else if (ParserWord(p, "or"))
			p->nodes[test].detail |= TEST_OR;
		else
			break;
	}
	ParserClose(p, condition);
}
