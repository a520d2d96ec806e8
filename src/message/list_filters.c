/*
 * list_filters.c: filters of lists as a whole.
 *
 * What is no list is a list of one, nothing an empty one; lists in a list
 * count by what is in them. select_filters.c has the filters that look at the
 * members of each element.
 */
#include "message/list_filters.h"

#include "miscadmin.h"

/* ---- a value as a list ---- */

void
ListAdd(MessageCall *call, MessageItems *list, MessageValue value)
{
	MessageSpend(call->budget, MESSAGE_ITEM_WORK);
	value.safe = false;
	MessageAppend(list, value);
}

static void
Flatten(MessageCall *call, MessageItems *into, MessageItems *list)
{
	const MessageValue *values = MessageOpen(list);

	check_stack_depth();
	for (int i = 0; i < list->n; i++)
		if (values[i].type == VALUE_LIST)
			Flatten(call, into, values[i].as.items);
		else
			ListAdd(call, into, values[i]);
}

MessageItems *
ListOf(MessageCall *call, const MessageValue *value)
{
	MessageItems *list = MessageNewItems(VALUE_LIST).as.items;

	switch (value->type)
	{
		case VALUE_LIST:
			Flatten(call, list, value->as.items);
			break;
		case VALUE_RANGE:
			for (int64 i = value->as.range->from; i <= value->as.range->to; i++)
				ListAdd(call, list, MessageInteger(i));
			break;
		case VALUE_NIL:
		case VALUE_EMPTY:
		case VALUE_BLANK:
			break;
		default:
			ListAdd(call, list, *value);
	}
	return list;
}

MessageValue
ListValue(MessageItems *list)
{
	return MessageItemsValue(VALUE_LIST, list);
}

/* ---- ends and sizes ---- */

MessageValue
FilterFirst(MessageCall *call)
{
	return MessageElement(&call->value, 0);
}

MessageValue
FilterLast(MessageCall *call)
{
	return call->value.type == VALUE_OBJECT ? MessageNil() :
		MessageElement(&call->value, -1);
}

MessageValue
FilterSize(MessageCall *call)
{
	return MessageInteger(MessageSize(&call->value));
}

/* ---- lists from lists ---- */

MessageValue
FilterJoin(MessageCall *call)
{
	MessageItems *list = ListOf(call, &call->value);
	MessageSlice glue = ArgTextOr(call, 0, " ");
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < list->n; i++)
	{
		if (i > 0)
			AppendSlice(&out, glue);
		MessageWrite(&out, &list->values[i]);
		MessageSpend(call->budget, glue.length);
		MessageCheckLength(out.len);
	}
	return MessageBuilt(&out);
}

MessageValue
FilterReverse(MessageCall *call)
{
	MessageItems *list = ListOf(call, &call->value);

	for (int i = 0, j = list->n - 1; i < j; i++, j--)
	{
		MessageValue other = list->values[i];

		list->values[i] = list->values[j];
		list->values[j] = other;
	}
	return ListValue(list);
}

MessageValue
FilterConcat(MessageCall *call)
{
	MessageItems *list = ListOf(call, &call->value);
	MessageItems *more = call->args[0].as.items;
	const MessageValue *values;

	if (call->args[0].type != VALUE_LIST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("filter \"concat\" needs a list"),
				 errhint("Use append to add to a text.")));
	values = MessageOpen(more);
	for (int i = 0; i < more->n; i++)
		ListAdd(call, list, values[i]);
	return ListValue(list);
}

/* ---- sorting ---- */

/* An element, what it is sorted by, and where it stood. */
typedef struct Ranked
{
	MessageValue value;
	MessageValue key;
	int			position;
} Ranked;

/* Nothing comes last, what is equal stays in its order. */
static int
CompareRanked(const void *left, const void *right, void *arg)
{
	const Ranked *a = left;
	const Ranked *b = right;
	MessageCall *call = arg;
	int			order = 0;

	MessageSpend(call->budget, 2);
	if (a->key.type == VALUE_NIL || b->key.type == VALUE_NIL)
		order = (a->key.type == VALUE_NIL) - (b->key.type == VALUE_NIL);
	else
		order = MessageCompare(call->budget, &a->key, &b->key);
	return order != 0 ? order : a->position - b->position;
}

/* A text with A to Z made small, which is all that sort_natural folds. */
static MessageValue
Folded(const MessageValue *value)
{
	MessageSlice text = MessageToText(value);
	char	   *folded;

	if (value->type == VALUE_NIL)
		return *value;
	folded = palloc(text.length + 1);
	for (int i = 0; i < text.length; i++)
		folded[i] = pg_ascii_tolower(text.text[i]);
	return MessageString(folded, text.length);
}

static MessageValue
Sorted(MessageCall *call, bool fold)
{
	MessageItems *list = ListOf(call, &call->value);
	bool		by_member = call->nargs > 0 &&
	call->args[0].type != VALUE_NIL;
	Ranked	   *ranked = palloc(Max(1, list->n) * sizeof(Ranked));

	for (int i = 0; i < list->n; i++)
	{
		MessageValue key = list->values[i];

		if (by_member && !ListMember(call, &list->values[i], &key))
			return MessageNil();
		ranked[i].value = list->values[i];
		ranked[i].key = fold ? Folded(&key) : key;
		ranked[i].position = i;
	}
	qsort_arg(ranked, list->n, sizeof(Ranked), CompareRanked, call);
	for (int i = 0; i < list->n; i++)
		list->values[i] = ranked[i].value;
	return ListValue(list);
}

MessageValue
FilterSort(MessageCall *call)
{
	return Sorted(call, false);
}

MessageValue
FilterSortNatural(MessageCall *call)
{
	return Sorted(call, true);
}

/* ---- each once ---- */

/* Of equal texts the one that stood first comes first. */
static int
CompareTexts(const void *left, const void *right, void *arg)
{
	const Ranked *a = left;
	const Ranked *b = right;
	MessageCall *call = arg;
	int			order;

	if (a->value.type != b->value.type)
		return a->value.type - b->value.type;
	order = MessageCompare(call->budget, &a->key, &b->key);
	return order != 0 ? order : a->position - b->position;
}

static int
CompareTextsOnly(const Ranked *a, const Ranked *b)
{
	return a->value.type != b->value.type || a->key.length != b->key.length ||
		memcmp(a->key.as.string, b->key.as.string, a->key.length) != 0;
}

/* Equal is here what is of one kind and written alike. */
MessageValue
FilterUniq(MessageCall *call)
{
	MessageItems *list = ListOf(call, &call->value);
	Ranked	   *ranked = palloc(Max(1, list->n) * sizeof(Ranked));
	bool	   *again = palloc0(Max(1, list->n));
	int			kept = 0;

	for (int i = 0; i < list->n; i++)
	{
		MessageValue key = list->values[i];
		MessageSlice text;

		if (call->nargs > 0 && !ListMember(call, &list->values[i], &key))
			return MessageNil();
		text = MessageToText(&key);
		MessageSpend(call->budget, text.length);
		ranked[i].value = key;
		ranked[i].key = SliceValue(text);
		ranked[i].position = i;
	}
	qsort_arg(ranked, list->n, sizeof(Ranked), CompareTexts, call);
	for (int i = 1; i < list->n; i++)
		again[ranked[i].position] = !CompareTextsOnly(&ranked[i - 1],
													  &ranked[i]);
	for (int i = 0; i < list->n; i++)
		if (!again[i])
			list->values[kept++] = list->values[i];
	list->n = kept;
	return ListValue(list);
}
