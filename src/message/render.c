/*
 * render.c: from nodes and values to a message.
 *
 * A value is written once and never looked at again, so braces in a
 * customer's name stay braces. A missing value is empty, as in Liquid; whoever
 * sends messages is told which one was missing. A name means, first to last:
 * the variable of a loop around it, what was assigned or captured, what was
 * counted, the data.
 */
#include "message/render.h"

#include "message/filter.h"
#include "miscadmin.h"

/* ---- registers ---- */

typedef struct RegisterEntry
{
	MessageSlice name;
	MessageValue value;
} RegisterEntry;

MessageValue *
RegisterFind(Renderer *r, const Register *names, MessageSlice name)
{
	MessageSpend(&r->budget, names->n);
	for (int i = 0; i < names->n; i++)
		if (MessageSlicesMatch(names->entries[i].name, name))
			return &names->entries[i].value;
	return NULL;
}

void
RegisterPut(Renderer *r, Register *names, MessageSlice name,
			MessageValue value)
{
	MessageValue *there = RegisterFind(r, names, name);

	if (there != NULL)
	{
		*there = value;
		return;
	}
	if (names->entries == NULL)
	{
		names->capacity = 8;
		names->entries = palloc(names->capacity * sizeof(RegisterEntry));
	}
	else if (names->n == names->capacity)
	{
		names->capacity *= 2;
		names->entries = repalloc(names->entries,
								  names->capacity * sizeof(RegisterEntry));
	}
	names->entries[names->n].name = name;
	names->entries[names->n++].value = value;
}

/* ---- names and paths ---- */

/* The value of a name in the loops that are running; false if none has it. */
static bool
FindInLoops(const Renderer *r, MessageSlice name, MessageValue *value)
{
	for (const MessageLoop *loop = r->loop; loop != NULL; loop = loop->around)
	{
		if (MessageSlicesMatch(loop->variable, name))
		{
			*value = loop->item;
			return true;
		}
		if (MessageSliceIs(name, loop->cols ? "tablerowloop" : "forloop"))
		{
			*value = MessageLoopValue(loop);
			return true;
		}
	}
	return false;
}

static MessageValue
FindName(Renderer *r, MessageSlice name)
{
	MessageValue value;
	const MessageValue *kept;

	if (FindInLoops(r, name, &value))
		return value;
	kept = RegisterFind(r, &r->assigned, name);
	if (kept == NULL)
		kept = RegisterFind(r, &r->counters, name);
	if (kept != NULL)
		return *kept;
	return MessageFind(&r->root, name.text, name.length, &value) ? value :
		MessageNil();
}

/* One step further, by a name, by a number or by what another path holds. */
static MessageValue
Step(Renderer *r, const MessageValue *value, const MessageNode *step)
{
	MessageSlice name = NodeText(r, step);
	MessageValue key;

	if (step->kind == NODE_NAME || step->kind == NODE_STRING)
		return MessageMember(value, name.text, name.length);
	key = RenderOperand(r, step);
	if (key.type == VALUE_STRING)
		return MessageMember(value, key.as.string, key.length);
	if (MessageIsNumber(&key) && value->type != VALUE_OBJECT)
		return MessageElement(value, MessageToInt(&key));
	return MessageNil();
}

static MessageValue
Path(Renderer *r, const MessageNode *path)
{
	const MessageNode *step = path + 1;
	MessageSlice head = NodeText(r, step);
	MessageValue value;

	check_stack_depth();
	if (step->kind != NODE_NAME && step->kind != NODE_STRING)
	{
		MessageValue name = RenderOperand(r, step);

		head = MessageToText(&name);
	}
	value = FindName(r, head);
	for (step = MessageNextNode(step); step < MessageNextNode(path);
		 step = MessageNextNode(step))
		value = Step(r, &value, step);
	return value;
}

/* ---- operands ---- */

static MessageValue
Range(Renderer *r, const MessageNode *node)
{
	const MessageNode *to = MessageNextNode(node + 1);
	MessageValue first = RenderOperand(r, node + 1);
	MessageValue last = RenderOperand(r, to);

	return MessageNewRange(MessageToInt(&first), MessageToInt(&last));
}

MessageValue
RenderOperand(Renderer *r, const MessageNode *node)
{
	MessageSlice text = NodeText(r, node);

	switch (node->kind)
	{
		case NODE_PATH:
			return Path(r, node);
		case NODE_STRING:
			return MessageString(text.text, text.length);
		case NODE_INTEGER:
		case NODE_DECIMAL:
			return MessageFromDigits(text.text, text.length);
		case NODE_RANGE:
			return Range(r, node);
		case NODE_TRUE:
			return MessageBoolean(true);
		case NODE_FALSE:
			return MessageBoolean(false);
		case NODE_EMPTY:
			return MessageOfType(VALUE_EMPTY);
		case NODE_BLANK:
			return MessageOfType(VALUE_BLANK);
		default:
			return MessageNil();
	}
}

/* ---- what is missing ---- */

/* A path that leads to nothing to read; false can be read. */
static bool
IsMissing(const MessageNode *node, const MessageValue *value)
{
	return node->kind == NODE_PATH && value->type != VALUE_FALSE &&
		value->type != VALUE_LOOP && MessageIsBlank(value);
}

static void
NoteMissing(Renderer *r, const MessageNode *path)
{
	MessageSlice name = NodeText(r, path);
	ListCell   *cell;

	foreach(cell, r->missing)
		if (MessageSliceIs(name, lfirst(cell)))
			return;
	r->missing = lappend(r->missing, pnstrdup(name.text, name.length));
}

/* ---- values with their filters ---- */

/*
 * One filter. A missing argument is missing from the message too, but what
 * `default` falls back to is only asked for when it is needed.
 */
static MessageValue
Filter(Renderer *r, const MessageNode *filter, const MessageValue *value)
{
	MessageCall call;

	call.value = *value;
	call.nargs = 0;
	call.option = MessageNil();
	call.escape = r->escape;
	call.budget = &r->budget;
	for (const MessageNode *arg = filter + 1; arg < MessageNextNode(filter);
		 arg = MessageNextNode(arg))
	{
		MessageValue *given = &call.args[call.nargs];

		if (arg->kind == NODE_OPTION)
		{
			call.option = RenderOperand(r, arg + 1);
			continue;
		}
		*given = RenderOperand(r, arg);
		if (IsMissing(arg, given) && !MessageIsDefault(filter->detail))
			NoteMissing(r, arg);
		call.nargs++;
	}
	return MessageApply(filter->detail, &call);
}

/* Whether a fallback leaves nothing missing: it is written out, or holds. */
static bool
IsFallback(const MessageNode *filter, const MessageValue *value)
{
	return MessageIsDefault(filter->detail) &&
		(filter->size == 0 || filter[1].kind != NODE_PATH ||
		 !MessageIsBlank(value));
}

/* The operand and filters from `node` to `end`; whether it was missing. */
static MessageValue
Expression(Renderer *r, const MessageNode *node, const MessageNode *end,
		   bool *missing)
{
	const MessageNode *operand = node;
	MessageValue value = RenderOperand(r, operand);

	*missing = IsMissing(operand, &value);
	for (node = MessageNextNode(node); node < end;
		 node = MessageNextNode(node))
	{
		value = Filter(r, node, &value);
		if (IsFallback(node, &value))
			*missing = false;
	}
	return value;
}

/* ---- showing and keeping ---- */

static void
Show(Renderer *r, const MessageValue *value)
{
	bool		harmless = value->type != VALUE_STRING &&
	value->type != VALUE_LIST && value->type != VALUE_OBJECT;

	if (!r->escape || value->safe || harmless)
		MessageWrite(r->out, value);
	else
		MessageEscape(r->out, MessageToText(value));
}

static void
Output(Renderer *r, const MessageNode *output)
{
	bool		missing;
	MessageValue value = Expression(r, output + 1, MessageNextNode(output),
									&missing);

	if (missing)
		NoteMissing(r, output + 1);
	Show(r, &value);
}

/* What is missing shows when it is shown. */
static void
Assign(Renderer *r, const MessageNode *node)
{
	bool		missing;
	MessageValue value = Expression(r, node + 1, MessageNextNode(node),
									&missing);

	MessageSpendAssigned(&r->budget, MessageWeight(&value));
	RegisterPut(r, &r->assigned, NodeText(r, node), value);
}

/* A body's text by itself, ready for HTML if the message is. */
static MessageValue
Captured(Renderer *r, const MessageNode *node)
{
	StringInfo	around = r->out;
	StringInfoData body;
	MessageValue value;

	initStringInfo(&body);
	r->out = &body;
	RenderBody(r, node);
	r->out = around;
	value = MessageBuilt(&body);
	value.safe = r->escape;
	MessageSpendAssigned(&r->budget, value.length);
	return value;
}

static void
Capture(Renderer *r, const MessageNode *node)
{
	RegisterPut(r, &r->assigned, NodeText(r, node), Captured(r, node));
}

static void
Ifchanged(Renderer *r, const MessageNode *node)
{
	MessageValue body = Captured(r, node);
	MessageSlice text = MessageToText(&body);

	if (r->unchanged.text != NULL && MessageSlicesMatch(r->unchanged, text))
		return;
	r->unchanged = text;
	MessageWrite(r->out, &body);
}

/* ---- counting and taking turns ---- */

/* A counter that the data has a number for goes on from there. */
static int64
CountFrom(Renderer *r, MessageSlice name)
{
	const MessageValue *counter = RegisterFind(r, &r->counters, name);
	MessageValue given;

	if (counter != NULL)
		return counter->as.integer;
	if (MessageFind(&r->root, name.text, name.length, &given) &&
		MessageIsNumber(&given))
		return MessageToInt(&given);
	return 0;
}

/* `increment` shows a number and adds one; `decrement` takes one first. */
static void
Count(Renderer *r, const MessageNode *node, int64 before, int64 after)
{
	MessageSlice name = NodeText(r, node);
	int64		n = CountFrom(r, name) + before;

	appendStringInfo(r->out, INT64_FORMAT, n);
	RegisterPut(r, &r->counters, name, MessageInteger(n + after));
}

/* Turns are kept by the cycle's name, or by what it is written as. */
static MessageSlice
CycleName(Renderer *r, const MessageNode *cycle)
{
	MessageValue name;
	MessageSlice text;

	if (cycle->detail == 0)
		return NodeText(r, cycle);
	name = RenderOperand(r, cycle + 1);
	text = MessageToText(&name);
	return MessageSliceOf(psprintf(":%.*s", text.length, text.text),
						  text.length + 1);
}

static void
Cycle(Renderer *r, const MessageNode *cycle)
{
	MessageSlice name = CycleName(r, cycle);
	const MessageValue *kept = RegisterFind(r, &r->cycles, name);
	int64		turn = kept ? kept->as.integer : 0;
	const MessageNode *node = cycle->detail ? MessageNextNode(cycle + 1) :
	cycle + 1;
	int			n = 0;
	MessageValue value = MessageNil();

	for (; node < MessageNextNode(cycle); node = MessageNextNode(node))
		if (n++ == turn)
			value = RenderOperand(r, node);
	MessageSpend(&r->budget, n + name.length);
	Show(r, &value);
	RegisterPut(r, &r->cycles, name,
				MessageInteger(turn + 1 < n ? turn + 1 : 0));
}

/* ---- nodes ---- */

static void
RenderNode(Renderer *r, const MessageNode *node)
{
	switch (node->kind)
	{
		case NODE_OUTPUT:
			Output(r, node);
			break;
		case NODE_ASSIGN:
			Assign(r, node);
			break;
		case NODE_CAPTURE:
			Capture(r, node);
			break;
		case NODE_IF:
			RenderIf(r, node);
			break;
		case NODE_CASE:
			RenderCase(r, node);
			break;
		case NODE_FOR:
			RenderFor(r, node);
			break;
		case NODE_TABLEROW:
			RenderTablerow(r, node);
			break;
		case NODE_BREAK:
			r->jump = JUMP_BREAK;
			break;
		case NODE_CONTINUE:
			r->jump = JUMP_CONTINUE;
			break;
		case NODE_CYCLE:
			Cycle(r, node);
			break;
		case NODE_INCREMENT:
			Count(r, node, 0, 1);
			break;
		case NODE_DECREMENT:
			Count(r, node, -1, 0);
			break;
		case NODE_IFCHANGED:
			Ifchanged(r, node);
			break;
		default:
			break;
	}
}

void
RenderNodes(Renderer *r, const MessageNode *node, const MessageNode *end)
{
	check_stack_depth();
	for (; node < end && r->jump == JUMP_NONE; node = MessageNextNode(node))
	{
		if (node->kind == NODE_TEXT)
		{
			MessageSlice text = NodeText(r, node);

			MessageSpend(&r->budget, text.length);
			appendBinaryStringInfo(r->out, text.text, text.length);
		}
		else
		{
			MessageSpend(&r->budget, MESSAGE_ITEM_WORK);
			RenderNode(r, node);
		}
		MessageCheckLength(r->out->len);
	}
}

void
RenderTemplate(Renderer *r)
{
	const MessageTemplate *template = r->template;

	r->budget.work = MESSAGE_MAX_WORK;
	r->budget.steps = MESSAGE_MAX_STEPS;
	r->budget.assigned = MESSAGE_MAX_ASSIGNED;
	RenderNodes(r, template->nodes, template->nodes + template->nnodes);
}
