/*
 * block.c: tags that hold others: if, unless, case, for, tablerow, capture.
 *
 * A block that shows nothing, whichever way it goes, is there for what it
 * assigns: the white space between its tags is left out, as Liquid does.
 */
#include "message/parser.h"

/* ---- what blocks share ---- */

static void
RefuseInside(const Parser *p, const char *block)
{
	ParserRefuse(p, p->tag,
				 psprintf("tag \"%.*s\" cannot stand in \"%s\"",
						  p->tag_length, p->text + p->tag, block),
				 psprintf("End the block before it with {%% end%s %%}.", block));
}

/* Forgets the white space of the bodies right inside of a block. */
static void
DropSpace(Parser *p, int block)
{
	MessageNode *end = p->nodes + p->nnodes;

	for (MessageNode *body = p->nodes + block + 1; body < end;
		 body = MessageNextNode(body))
		for (MessageNode *node = body + 1; node < MessageNextNode(body);
			 node = MessageNextNode(node))
			if (node->kind == NODE_TEXT)
				node->length = 0;
}

/* The end tag is reached, of which no more than its name is read. */
static void
EndBlock(Parser *p, int block, bool blank)
{
	ParserSkip(p);
	ParserClose(p, block);
	if (blank)
		DropSpace(p, block);
	else
		p->blank = false;
}

/* A body of its own up to its one end tag, and past that. */
static void
OnlyBody(Parser *p, int start, const char *name, bool *blank)
{
	ParserFinish(p);
	if (!ParserBody(p, blank))
		ParserRefuseUnclosed(p, start, name);
	if (!ParserIsTag(p, psprintf("end%s", name)))
		RefuseInside(p, name);
	ParserSkip(p);
}

/* ---- if and unless ---- */

/* A branch by the condition that comes next, or without one. */
static int
BeginBranch(Parser *p, bool condition, bool negated)
{
	int			branch = ParserAdd(p, NODE_BRANCH, p->at, 0);

	if (condition)
	{
		ParserCondition(p, negated);
		ParserFinish(p);
		return branch;
	}
	ParserAdd(p, NODE_TRUE, p->at, 0);
	ParserSkip(p);
	return branch;
}

/* What follows `else` in its tag is not read, as in Liquid. */
static void
ParseBranches(Parser *p, int start, const char *name, bool negated)
{
	int			block = ParserAdd(p, NODE_IF, start, 0);
	int			branch = BeginBranch(p, true, negated);
	bool		blank = true;

	while (ParserBody(p, &blank))
	{
		ParserClose(p, branch);
		if (ParserIsTag(p, psprintf("end%s", name)))
		{
			EndBlock(p, block, blank);
			return;
		}
		if (ParserIsTag(p, "elsif"))
			branch = BeginBranch(p, true, false);
		else if (ParserIsTag(p, "else"))
			branch = BeginBranch(p, false, false);
		else
			RefuseInside(p, name);
	}
	ParserRefuseUnclosed(p, start, name);
}

void
ParserIf(Parser *p, int start)
{
	ParseBranches(p, start, "if", false);
}

void
ParserUnless(Parser *p, int start)
{
	ParseBranches(p, start, "unless", true);
}

/* ---- case ---- */

/* {% when "a", "b" or "c" %} */
static int
BeginWhen(Parser *p)
{
	int			when = ParserAdd(p, NODE_WHEN, p->at, 0);
	int			values = 0;

	do
	{
		SkipSpace(p);
		if (values > 0 && p->at == p->end)
			break;
		ParserOperand(p);
		values++;
		SkipSpace(p);
	} while (ParserTake(p, ',') || ParserWord(p, "or"));
	if (values > MESSAGE_MAX_VALUES)
		ParserRefuse(p, p->tag, "a when has too many values",
					 psprintf("It takes up to %d.", MESSAGE_MAX_VALUES));
	ParserFinish(p);
	p->nodes[when].detail = values;
	return when;
}

static int
BeginElse(Parser *p)
{
	int			node = ParserAdd(p, NODE_ELSE, p->at, 0);

	ParserSkip(p);
	return node;
}

/* What stands before the first `when` belongs nowhere and is forgotten. */
static bool
SkipToWhen(Parser *p)
{
	int			nnodes = p->nnodes;
	bool		blank = true;
	bool		more;

	more = ParserBody(p, &blank);
	p->nnodes = nnodes;
	return more;
}

void
ParserCase(Parser *p, int start)
{
	int			block = ParserAdd(p, NODE_CASE, start, 0);
	bool		blank = true;
	bool		more;

	ParserOperand(p);
	ParserFinish(p);
	more = SkipToWhen(p);
	while (more)
	{
		int			part;

		if (ParserIsTag(p, "endcase"))
		{
			EndBlock(p, block, blank);
			return;
		}
		if (ParserIsTag(p, "when"))
			part = BeginWhen(p);
		else if (ParserIsTag(p, "else"))
			part = BeginElse(p);
		else
			RefuseInside(p, "case");
		more = ParserBody(p, &blank);
		ParserClose(p, part);
	}
	ParserRefuseUnclosed(p, start, "case");
}

/* ---- loops ---- */

/* limit: 3, offset: continue and the like; false if none comes next. */
static bool
ReadOption(Parser *p, int loop)
{
	static const struct
	{
		const char *name;
		MessageKind kind;
	}			options[] =
	{
		{"limit", NODE_LIMIT}, {"offset", NODE_OFFSET}, {"cols", NODE_COLS}
	};

	for (int i = 0; i < lengthof(options); i++)
	{
		int			at = p->at;
		int			node;

		if (!ParserWord(p, options[i].name))
			continue;
		if (!ParserTake(p, ':'))
			ParserRefuse(p, p->at, "a : is missing",
						 "Write limit: 3, offset: 1 or cols: 2.");
		if (options[i].kind == NODE_OFFSET && ParserWord(p, "continue"))
		{
			p->nodes[loop].detail |= LOOP_CONTINUES;
			return true;
		}
		node = ParserAdd(p, options[i].kind, at, 0);
		ParserOperand(p);
		ParserClose(p, node);
		return true;
	}
	return false;
}

/* x in list reversed limit: 3, offset: 1 */
static int
BeginLoop(Parser *p, MessageKind kind)
{
	int			name = p->at;
	int			loop;

	if (!ParserName(p, false))
		ParserRefuse(p, name, "a name is missing",
					 "Write {% for item in items %}.");
	loop = ParserAdd(p, kind, name, p->at - name);
	SkipSpace(p);
	if (!ParserWord(p, "in"))
		ParserRefuse(p, p->at, "the word \"in\" is missing",
					 "Write {% for item in items %}.");
	ParserOperand(p);
	for (;;)
	{
		SkipSpace(p);
		if (ParserTake(p, ','))
			continue;
		if (ParserWord(p, "reversed"))
			p->nodes[loop].detail |= LOOP_REVERSED;
		else if (!ReadOption(p, loop))
			break;
	}
	ParserFinish(p);
	return loop;
}

static void
ParseLoop(Parser *p, int start, MessageKind kind, const char *name)
{
	int			loop = BeginLoop(p, kind);
	int			part = ParserAdd(p, NODE_BODY, p->at, 0);
	bool		blank = true;

	while (ParserBody(p, &blank))
	{
		ParserClose(p, part);
		if (ParserIsTag(p, psprintf("end%s", name)))
		{
			EndBlock(p, loop, blank && kind == NODE_FOR);
			return;
		}
		if (!ParserIsTag(p, "else") || kind != NODE_FOR)
			RefuseInside(p, name);
		part = BeginElse(p);
	}
	ParserRefuseUnclosed(p, start, name);
}

void
ParserFor(Parser *p, int start)
{
	ParseLoop(p, start, NODE_FOR, "for");
}

void
ParserTablerow(Parser *p, int start)
{
	ParseLoop(p, start, NODE_TABLEROW, "tablerow");
}

/* ---- capture and ifchanged ---- */

/* {% capture greeting %} or, as some write it, {% capture "greeting" %} */
void
ParserCapture(Parser *p, int start)
{
	char		quote = Peek(p) == '"' || Peek(p) == '\'' ? Peek(p) : '\0';
	int			name = p->at + (quote ? 1 : 0);
	int			node;
	bool		blank = true;

	p->at = name;
	if (!ParserName(p, false) || (quote && Peek(p) != quote))
		ParserRefuse(p, name, "a name is missing",
					 "Write {% capture greeting %}.");
	node = ParserAdd(p, NODE_CAPTURE, name, p->at - name);
	if (quote)
		p->at++;
	OnlyBody(p, start, "capture", &blank);
	ParserClose(p, node);
}

void
ParserIfchanged(Parser *p, int start)
{
	int			node = ParserAdd(p, NODE_IFCHANGED, start, 0);
	bool		blank = true;

	OnlyBody(p, start, "ifchanged", &blank);
	ParserClose(p, node);
	p->blank = p->blank && blank;
}
