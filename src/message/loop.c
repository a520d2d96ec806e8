/*
 * loop.c: for and tablerow.
 *
 * What is looped over is a list, a range, an object (by pairs of name and
 * value) or a text that is not empty (once, as a whole). Nothing is copied:
 * a loop counts through what is there.
 */
#include "message/render.h"

/* ---- forloop and tablerowloop ---- */

/* The column of a table that a pass fills, from 0. */
static int
Column(const MessageLoop *loop)
{
	return loop->index % loop->cols;
}

static bool
LoopTruth(const MessageLoop *loop, MessageSlice name, MessageValue *value)
{
	bool		table = loop->cols > 0;

	if (MessageSliceIs(name, "first"))
		*value = MessageBoolean(loop->index == 0);
	else if (MessageSliceIs(name, "last"))
		*value = MessageBoolean(loop->index == loop->length - 1);
	else if (table && MessageSliceIs(name, "col_first"))
		*value = MessageBoolean(Column(loop) == 0);
	else if (table && MessageSliceIs(name, "col_last"))
		*value = MessageBoolean(Column(loop) == loop->cols - 1);
	else
		return false;
	return true;
}

static bool
LoopNumber(const MessageLoop *loop, MessageSlice name, MessageValue *value)
{
	bool		table = loop->cols > 0;

	if (MessageSliceIs(name, "index"))
		*value = MessageInteger(loop->index + 1);
	else if (MessageSliceIs(name, "index0"))
		*value = MessageInteger(loop->index);
	else if (MessageSliceIs(name, "rindex"))
		*value = MessageInteger(loop->length - loop->index);
	else if (MessageSliceIs(name, "rindex0"))
		*value = MessageInteger(loop->length - loop->index - 1);
	else if (MessageSliceIs(name, "length"))
		*value = MessageInteger(loop->length);
	else if (table && MessageSliceIs(name, "col"))
		*value = MessageInteger(Column(loop) + 1);
	else if (table && MessageSliceIs(name, "col0"))
		*value = MessageInteger(Column(loop));
	else if (table && MessageSliceIs(name, "row"))
		*value = MessageInteger(loop->index / loop->cols + 1);
	else
		return false;
	return true;
}

MessageValue
MessageLoopMember(const MessageLoop *loop, const char *name, int length)
{
	MessageSlice step = {name, length};
	MessageValue value = MessageNil();

	if (LoopNumber(loop, step, &value) || LoopTruth(loop, step, &value))
		return value;
	if (loop->cols == 0 && MessageSliceIs(step, "name"))
		return MessageString(loop->name, strlen(loop->name));
	if (loop->cols == 0 && MessageSliceIs(step, "parentloop") &&
		loop->around != NULL && loop->around->cols == 0)
		return MessageLoopValue(loop->around);
	return value;
}

/* ---- what a loop goes through ---- */

typedef struct Passes
{
	MessageValue over;
	int			from;			/* the first and, less one, the last */
	int			to;
	int			limit;
	bool		reversed;
	const MessageNode *body;
	const MessageNode *otherwise;	/* the first else, or NULL */
	int			cols;
} Passes;

static int
Length(const MessageValue *over)
{
	switch (over->type)
	{
		case VALUE_LIST:
		case VALUE_OBJECT:
		case VALUE_RANGE:
			return Min(MessageSize(over), PG_INT32_MAX);
		case VALUE_STRING:
			return over->length > 0 ? 1 : 0;
		default:
			return 0;
	}
}

static MessageValue
ItemAt(const MessageValue *over, int index)
{
	if (over->type == VALUE_STRING)
		return *over;
	if (over->type == VALUE_OBJECT)
		return MessagePair(over, index);
	return MessageElement(over, index);
}

/* An option that is nil is as good as none. */
static void
ReadOption(Renderer *r, const MessageNode *option, int *number)
{
	MessageValue value = RenderOperand(r, option + 1);

	if (value.type != VALUE_NIL)
		*number = MessageNeedInt(&value);
}

static Passes
ReadLoop(Renderer *r, const MessageNode *loop)
{
	const MessageNode *node = MessageNextNode(loop + 1);
	Passes		passes = {.over = RenderOperand(r, loop + 1),
		.limit = PG_INT32_MAX, .reversed = loop->detail & LOOP_REVERSED,
	.body = node};

	for (; node < MessageNextNode(loop); node = MessageNextNode(node))
		switch (node->kind)
		{
			case NODE_LIMIT:
				ReadOption(r, node, &passes.limit);
				break;
			case NODE_OFFSET:
				ReadOption(r, node, &passes.from);
				break;
			case NODE_COLS:
				ReadOption(r, node, &passes.cols);
				break;
			case NODE_BODY:
				passes.body = node;
				break;
			default:
				if (passes.otherwise == NULL)
					passes.otherwise = node;
		}
	return passes;
}

/* A text is gone through whole, whatever the limits. */
static void
Bound(Passes *passes)
{
	int			length = Length(&passes->over);

	if (passes->over.type == VALUE_STRING)
	{
		passes->from = 0;
		passes->limit = 1;
	}
	passes->from = Max(0, Min(passes->from, length));
	passes->to = passes->from +
		Max(0, Min(passes->limit, length - passes->from));
}

/* "item-new.items", which is also what the loop left off is kept by */
static char *
LoopName(Renderer *r, const MessageNode *node)
{
	MessageSlice variable = NodeText(r, node);
	MessageSlice over = NodeText(r, node + 1);
	StringInfoData name;

	initStringInfo(&name);
	appendBinaryStringInfo(&name, variable.text, variable.length);
	appendStringInfoChar(&name, '-');
	for (int i = 0; i < over.length; i++)
		if (!MessageIsSpace(over.text[i]))
			appendStringInfoChar(&name, over.text[i]);
	return name.data;
}

/* A template may keep forloop for longer than the loop runs. */
static MessageLoop *
NewLoop(Renderer *r, const MessageNode *node)
{
	MessageLoop *loop = palloc0(sizeof(MessageLoop));

	MessageSpend(&r->budget, sizeof(MessageLoop));
	loop->variable = NodeText(r, node);
	loop->around = r->loop;
	return loop;
}

/* The next pass; false after the last. */
static bool
Pass(Renderer *r, MessageLoop *loop, const Passes *passes)
{
	int			at = passes->reversed ? passes->to - 1 - loop->index :
	passes->from + loop->index;

	if (loop->index == loop->length)
		return false;
	MessageSpendStep(&r->budget);
	loop->item = ItemAt(&passes->over, at);
	return true;
}

/* ---- for ---- */

static void
ForPasses(Renderer *r, MessageLoop *loop, const Passes *passes)
{
	r->loop = loop;
	for (; Pass(r, loop, passes); loop->index++)
	{
		Jump		jump;

		RenderBody(r, passes->body);
		jump = r->jump;
		r->jump = JUMP_NONE;
		if (jump == JUMP_BREAK)
			break;
	}
	r->loop = loop->around;
}

void
RenderFor(Renderer *r, const MessageNode *node)
{
	Passes		passes = ReadLoop(r, node);
	MessageLoop *loop = NewLoop(r, node);
	MessageSlice name;

	loop->name = LoopName(r, node);
	name = MessageSliceOf(loop->name, strlen(loop->name));
	MessageSpend(&r->budget, name.length);
	if (node->detail & LOOP_CONTINUES)
	{
		const MessageValue *left_off = RegisterFind(r, &r->positions, name);

		passes.from = left_off ? left_off->as.integer : 0;
	}
	Bound(&passes);
	loop->length = passes.to - passes.from;
	RegisterPut(r, &r->positions, name, MessageInteger(passes.to));
	if (loop->length > 0)
		ForPasses(r, loop, &passes);
	else if (passes.otherwise != NULL)
		RenderBody(r, passes.otherwise);
}

/* ---- tablerow ---- */

static void
TablerowPasses(Renderer *r, MessageLoop *loop, const Passes *passes)
{
	for (; Pass(r, loop, passes); loop->index++)
	{
		Jump		jump;

		appendStringInfo(r->out, "<td class=\"col%d\">", Column(loop) + 1);
		RenderBody(r, passes->body);
		appendStringInfoString(r->out, "</td>");
		jump = r->jump;
		r->jump = JUMP_NONE;
		if (jump == JUMP_BREAK)
			break;
		if (Column(loop) == loop->cols - 1 && loop->index < loop->length - 1)
			appendStringInfo(r->out, "</tr>\n<tr class=\"row%d\">",
							 loop->index / loop->cols + 2);
	}
}

void
RenderTablerow(Renderer *r, const MessageNode *node)
{
	Passes		passes = ReadLoop(r, node);
	MessageLoop *loop;

	if (!MessageIsTrue(&passes.over))
		return;
	loop = NewLoop(r, node);
	Bound(&passes);
	loop->length = passes.to - passes.from;
	loop->cols = passes.cols > 0 ? passes.cols : Max(1, loop->length);
	r->loop = loop;
	appendStringInfoString(r->out, "<tr class=\"row1\">\n");
	TablerowPasses(r, loop, &passes);
	appendStringInfoString(r->out, "</tr>\n");
	r->loop = loop->around;
}
