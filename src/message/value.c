/*
 * value.c: values, how they are made and what a path finds in them.
 *
 * Lists and objects that come from outside are opened when somebody looks at
 * all of them; a single member or element is fetched on its own.
 */
#include "message/value.h"

#include "miscadmin.h"

/* ---- the budget ---- */

void
MessageSpend(MessageBudget *budget, int64 work)
{
	CHECK_FOR_INTERRUPTS();
	if (work > budget->work)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the message takes too much work"),
				 errhint("Let its lists be shorter, or put what it reckons into a token.")));
	budget->work -= work;
}

void
MessageSpendStep(MessageBudget *budget)
{
	MessageSpend(budget, MESSAGE_ITEM_WORK);
	if (--budget->steps < 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the loops of the message take more than %d passes",
						MESSAGE_MAX_STEPS),
				 errhint("Give them a limit: {%% for x in list limit: 10 %%}.")));
}

void
MessageSpendAssigned(MessageBudget *budget, int64 bytes)
{
	if (bytes > budget->assigned)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the message assigns more than %d bytes",
						MESSAGE_MAX_ASSIGNED)));
	budget->assigned -= bytes;
}

void
MessageCheckLength(int length)
{
	if (length > MESSAGE_MAX_OUTPUT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the message is longer than %d bytes",
						MESSAGE_MAX_OUTPUT)));
}

int64
MessageWeight(const MessageValue *value)
{
	switch (value->type)
	{
		case VALUE_STRING:
			return value->length;
		case VALUE_DECIMAL:
			return VARSIZE_ANY(value->as.decimal);
		case VALUE_LIST:
		case VALUE_OBJECT:
			return (int64) value->as.items->n * MESSAGE_ITEM_WORK;
		case VALUE_RANGE:
			return MessageSize(value) * MESSAGE_ITEM_WORK;
		default:
			return 0;
	}
}

/* ---- making values ---- */

MessageValue
MessageBuilt(StringInfo text)
{
	char	   *exact;

	MessageCheckLength(text->len);
	exact = palloc(text->len + 1);
	memcpy(exact, text->data, text->len + 1);
	pfree(text->data);
	return MessageString(exact, text->len);
}

MessageValue
MessageNewRange(int64 from, int64 to)
{
	MessageRange *range = palloc(sizeof(MessageRange));
	MessageValue value = MessageOfType(VALUE_RANGE);

	range->from = from;
	range->to = to;
	value.as.range = range;
	return value;
}

MessageValue
MessageForeign(MessageType type, int n, const MessageSource *source,
			   const void *data)
{
	MessageValue value = MessageNewItems(type);

	value.as.items->source = source;
	value.as.items->data = data;
	value.as.items->n = n;
	return value;
}

MessageValue
MessageNewItems(MessageType type)
{
	return MessageItemsValue(type, palloc0(sizeof(MessageItems)));
}

void
MessageAppend(MessageItems *items, MessageValue value)
{
	if (items->values == NULL)
	{
		items->capacity = 8;
		items->values = palloc(items->capacity * sizeof(MessageValue));
	}
	else if (items->n == items->capacity)
	{
		items->capacity *= 2;
		items->values = repalloc(items->values,
								 items->capacity * sizeof(MessageValue));
	}
	items->values[items->n++] = value;
}

/* ---- what is there ---- */

int64
MessageSize(const MessageValue *value)
{
	MessageSlice text = {value->as.string, value->length};

	switch (value->type)
	{
		case VALUE_LIST:
		case VALUE_OBJECT:
			return value->as.items->n;
		case VALUE_STRING:
			return MessageLength(text);
		case VALUE_RANGE:
			return Max(0, value->as.range->to - value->as.range->from + 1);
		default:
			return 0;
	}
}

bool
MessageIsEmpty(const MessageValue *value)
{
	switch (value->type)
	{
		case VALUE_STRING:
			return value->length == 0;
		case VALUE_LIST:
		case VALUE_OBJECT:
			return value->as.items->n == 0;
		default:
			return false;
	}
}

bool
MessageIsBlank(const MessageValue *value)
{
	if (value->type == VALUE_STRING)
	{
		for (int i = 0; i < value->length; i++)
			if (!MessageIsSpace(value->as.string[i]))
				return false;
		return true;
	}
	return !MessageIsTrue(value) || MessageIsEmpty(value) ||
		value->type == VALUE_EMPTY || value->type == VALUE_BLANK;
}

/* ---- looking into lists and objects ---- */

const MessageValue *
MessageOpen(MessageItems *items)
{
	if (items->source != NULL)
	{
		const MessageSource *source = items->source;

		source->open(items);
		items->source = NULL;
	}
	return items->values;
}

bool
MessageFind(const MessageValue *value, const char *name, int length,
			MessageValue *member)
{
	const MessageItems *items = value->as.items;

	if (value->type != VALUE_OBJECT)
		return false;
	if (items->source != NULL)
		return items->source->member(items, name, length, member);
	/* Of two members with one name the last counts, as in jsonb. */
	for (int i = items->n - 1; i >= 0; i--)
	{
		const MessageValue *key = &items->values[2 * i];

		if (key->length == length &&
			memcmp(key->as.string, name, length) == 0)
		{
			*member = items->values[2 * i + 1];
			return true;
		}
	}
	return false;
}

MessageValue
MessagePair(const MessageValue *object, int index)
{
	const MessageValue *values = MessageOpen(object->as.items);
	MessageItems *pair = palloc0(sizeof(MessageItems) +
								 2 * sizeof(MessageValue));

	pair->n = 2;
	pair->values = (MessageValue *) (pair + 1);
	pair->values[0] = values[2 * index];
	pair->values[1] = values[2 * index + 1];
	return MessageItemsValue(VALUE_LIST, pair);
}

MessageValue
MessageElement(const MessageValue *value, int64 index)
{
	int64		n;

	if (value->type == VALUE_OBJECT && index == 0 && value->as.items->n > 0)
		return MessagePair(value, 0);
	if (value->type != VALUE_LIST && value->type != VALUE_RANGE)
		return MessageNil();
	n = MessageSize(value);
	if (index < 0)
		index += n;
	if (index < 0 || index >= n)
		return MessageNil();
	if (value->type == VALUE_RANGE)
		return MessageInteger(value->as.range->from + index);
	if (value->as.items->source != NULL &&
		value->as.items->source->element != NULL)
		return value->as.items->source->element(value->as.items, index);
	return MessageOpen(value->as.items)[index];
}

MessageValue
MessageMember(const MessageValue *value, const char *name, int length)
{
	MessageSlice step = {name, length};
	MessageValue member;

	if (value->type == VALUE_LOOP)
		return MessageLoopMember(value->as.loop, name, length);
	if (MessageFind(value, name, length, &member))
		return member;
	if (MessageSliceIs(step, "size") && (value->type == VALUE_STRING ||
										 value->type == VALUE_LIST ||
										 value->type == VALUE_OBJECT ||
										 value->type == VALUE_RANGE))
		return MessageInteger(MessageSize(value));
	if (MessageSliceIs(step, "first"))
		return MessageElement(value, 0);
	if (MessageSliceIs(step, "last") && value->type != VALUE_OBJECT)
		return MessageElement(value, -1);
	return MessageNil();
}
