/*
 * compare.c: when two values are equal, and which one is less.
 *
 * Numbers compare by what they are worth, texts byte by byte in every locale,
 * lists and objects by all that is in them. There is no order between a text
 * and a number: who asks for one has made a mistake that a customer would see.
 */
#include "message/value.h"

#include "miscadmin.h"
#include "message/message.h"

/* ---- equality ---- */

static bool
ListsEqual(MessageBudget *budget, const MessageValue *a, const MessageValue *b)
{
	const MessageValue *as = MessageOpen(a->as.items);
	const MessageValue *bs = MessageOpen(b->as.items);

	for (int i = 0; i < a->as.items->n; i++)
		if (!MessageEqual(budget, &as[i], &bs[i]))
			return false;
	return true;
}

static bool
ObjectsEqual(MessageBudget *budget, const MessageValue *a,
			 const MessageValue *b)
{
	const MessageValue *as = MessageOpen(a->as.items);

	for (int i = 0; i < a->as.items->n; i++)
	{
		MessageValue other;

		MessageSpend(budget, MessageWeight(b));
		if (!MessageFind(b, as[2 * i].as.string, as[2 * i].length, &other) ||
			!MessageEqual(budget, &as[2 * i + 1], &other))
			return false;
	}
	return true;
}

/* The words empty and blank are equal to what is so, not to each other. */
static bool
EqualsWord(const MessageValue *word, const MessageValue *value)
{
	if (value->type == VALUE_EMPTY || value->type == VALUE_BLANK)
		return word->type == value->type;
	return word->type == VALUE_EMPTY ? MessageIsEmpty(value) :
		MessageIsBlank(value);
}

static bool
IsWord(const MessageValue *value)
{
	return value->type == VALUE_EMPTY || value->type == VALUE_BLANK;
}

static bool
ItemsEqual(MessageBudget *budget, const MessageValue *a, const MessageValue *b)
{
	check_stack_depth();
	if (a->as.items->n != b->as.items->n)
		return false;
	return a->type == VALUE_LIST ? ListsEqual(budget, a, b) :
		ObjectsEqual(budget, a, b);
}

bool
MessageEqual(MessageBudget *budget, const MessageValue *a,
			 const MessageValue *b)
{
	if (IsWord(a) || IsWord(b))
		return IsWord(a) ? EqualsWord(a, b) : EqualsWord(b, a);
	if (MessageIsNumber(a) && MessageIsNumber(b))
		return MessageCompareNumbers(a, b) == 0;
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case VALUE_STRING:
			MessageSpend(budget, Min(a->length, b->length));
			return a->length == b->length &&
				memcmp(a->as.string, b->as.string, a->length) == 0;
		case VALUE_LIST:
		case VALUE_OBJECT:
			MessageSpend(budget, MessageWeight(a));
			return ItemsEqual(budget, a, b);
		case VALUE_RANGE:
			return a->as.range->from == b->as.range->from &&
				a->as.range->to == b->as.range->to;
		case VALUE_LOOP:
			return a->as.loop == b->as.loop;
		default:
			return true;
	}
}

/* ---- order ---- */

static int
CompareTexts(MessageBudget *budget, const MessageValue *a,
			 const MessageValue *b)
{
	int			common = Min(a->length, b->length);
	int			order;

	MessageSpend(budget, common);
	order = memcmp(a->as.string, b->as.string, common);
	return order != 0 ? order : a->length - b->length;
}

int
MessageCompare(MessageBudget *budget, const MessageValue *a,
			   const MessageValue *b)
{
	if (MessageIsNumber(a) && MessageIsNumber(b))
		return MessageCompareNumbers(a, b);
	if (a->type == VALUE_STRING && b->type == VALUE_STRING)
		return CompareTexts(budget, a, b);
	if (!MessageEqual(budget, a, b))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a template compares values that have no order"),
				 errhint("Numbers compare with numbers and texts with texts; {%% assign n = text | plus: 0 %%} makes a number of a text.")));
	return 0;
}

/* Only numbers and texts have an order; with anything else nothing holds. */
static bool
HasOrder(const MessageValue *value)
{
	return MessageIsNumber(value) || value->type == VALUE_STRING;
}

/* ---- contains ---- */

static bool
TextContains(MessageBudget *budget, const MessageValue *text,
			 const MessageValue *part)
{
	MessageSlice whole = {text->as.string, text->length};

	MessageSpend(budget, text->length);
	return MessageIndexOf(budget, whole, MessageToText(part), 0) >= 0;
}

static bool
ListContains(MessageBudget *budget, const MessageValue *list,
			 const MessageValue *element)
{
	const MessageValue *values = MessageOpen(list->as.items);

	MessageSpend(budget, MessageWeight(list));
	for (int i = 0; i < list->as.items->n; i++)
		if (MessageEqual(budget, &values[i], element))
			return true;
	return false;
}

static bool
Contains(MessageBudget *budget, const MessageValue *whole,
		 const MessageValue *part)
{
	MessageValue member;

	if (!MessageIsTrue(part))
		return false;
	switch (whole->type)
	{
		case VALUE_STRING:
			return TextContains(budget, whole, part);
		case VALUE_LIST:
			return ListContains(budget, whole, part);
		case VALUE_OBJECT:
			return part->type == VALUE_STRING &&
				MessageFind(whole, part->as.string, part->length, &member);
		case VALUE_RANGE:
			return part->type == VALUE_INTEGER &&
				part->as.integer >= whole->as.range->from &&
				part->as.integer <= whole->as.range->to;
		default:
			return false;
	}
}

/* ---- conditions ---- */

bool
MessageHolds(MessageBudget *budget, int test, const MessageValue *a,
			 const MessageValue *b)
{
	int			order;

	if (test == TEST_EQUAL || test == TEST_UNEQUAL)
		return MessageEqual(budget, a, b) == (test == TEST_EQUAL);
	if (test == TEST_CONTAINS)
		return Contains(budget, a, b);
	if (!HasOrder(a) || !HasOrder(b))
		return false;
	order = MessageCompare(budget, a, b);
	switch (test)
	{
		case TEST_LESS:
			return order < 0;
		case TEST_GREATER:
			return order > 0;
		case TEST_LESS_EQUAL:
			return order <= 0;
		default:
			return order >= 0;
	}
}
