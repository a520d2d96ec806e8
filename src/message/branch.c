/*
 * branch.c: if, unless and case: which of several bodies is shown.
 */
#include "message/render.h"

/* ---- conditions ---- */

static bool
Test(Renderer *r, const MessageNode *test)
{
	const MessageNode *right = MessageNextNode(test + 1);
	int			operator = test->detail & TEST_OPERATOR;
	MessageValue a = RenderOperand(r, test + 1);
	MessageValue b;

	if (operator == TEST_TRUTH)
		return MessageIsTrue(&a);
	b = RenderOperand(r, right);
	return MessageHolds(&r->budget, operator, &a, &b);
}

/*
 * What a false one before `and`, and a true one before `or`, decides, is
 * decided: all that follows is on the other side.
 */
static bool
Condition(Renderer *r, const MessageNode *condition)
{
	const MessageNode *test = condition + 1;
	bool		holds = true;

	if (condition->kind == NODE_TRUE)
		return true;
	for (; test < MessageNextNode(condition); test = MessageNextNode(test))
	{
		MessageSpend(&r->budget, MESSAGE_ITEM_WORK);
		holds = Test(r, test);
		if ((test->detail & TEST_AND && !holds) ||
			(test->detail & TEST_OR && holds))
			break;
	}
	return holds == !(condition->detail & TEST_NOT);
}

/* The first branch whose condition holds. */
void
RenderIf(Renderer *r, const MessageNode *node)
{
	const MessageNode *branch = node + 1;

	for (; branch < MessageNextNode(node); branch = MessageNextNode(branch))
		if (Condition(r, branch + 1))
		{
			RenderNodes(r, MessageNextNode(branch + 1),
						MessageNextNode(branch));
			return;
		}
}

/* ---- case ---- */

/* A `when` is shown once for each of its values that is equal. */
static bool
When(Renderer *r, const MessageNode *when, const MessageValue *value)
{
	const MessageNode *body = when + 1;
	const MessageNode *choice = when + 1;
	bool		any = false;

	for (int i = 0; i < when->detail; i++)
		body = MessageNextNode(body);
	for (; choice < body; choice = MessageNextNode(choice))
	{
		MessageValue other = RenderOperand(r, choice);

		MessageSpend(&r->budget, MESSAGE_ITEM_WORK);
		if (!MessageEqual(&r->budget, value, &other))
			continue;
		any = true;
		RenderNodes(r, body, MessageNextNode(when));
	}
	return any;
}

/* Every `when` that matches, and every `else` that none came before. */
void
RenderCase(Renderer *r, const MessageNode *node)
{
	const MessageNode *part = MessageNextNode(node + 1);
	MessageValue value = RenderOperand(r, node + 1);
	bool		any = false;

	for (; part < MessageNextNode(node); part = MessageNextNode(part))
		if (part->kind == NODE_WHEN)
			any = When(r, part, &value) || any;
		else if (!any)
			RenderBody(r, part);
}
