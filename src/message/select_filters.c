/*
 * select_filters.c: filters that look at a member of each element of a list:
 * {{ items | where: "on_sale" | map: "name" | join: ", " }}.
 *
 * As in Liquid, an element that has no members at all, such as true or
 * nothing, ends the search with nothing, and a number is a mistake.
 */
#include "message/list_filters.h"

/* ---- members ---- */

bool
ListMember(MessageCall *call, const MessageValue *element,
		   MessageValue *member)
{
	const MessageValue *name = &call->args[0];
	MessageSlice text = MessageToText(name);

	*member = MessageNil();
	switch (element->type)
	{
		case VALUE_OBJECT:
			if (name->type == VALUE_STRING)
				(void) MessageFind(element, text.text, text.length, member);
			return true;
		case VALUE_STRING:
			if (name->type == VALUE_NIL)
				return false;
			if (MessageHolds(call->budget, TEST_CONTAINS, element, name))
				*member = SliceValue(text);
			return true;
		case VALUE_INTEGER:
		case VALUE_DECIMAL:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a filter selects a member of a number"),
					 errhint("It needs a list of objects.")));
		default:
			return false;
	}
}

/* ---- selecting ---- */

/*
 * Whether an element is one that the filter selects: by a member that is
 * true, or that equals the second argument. False where it has no members.
 */
static bool
Selects(MessageCall *call, const MessageValue *element, bool *selected)
{
	MessageValue member;

	if (!ListMember(call, element, &member))
		return false;
	if (call->nargs < 2 || call->args[1].type == VALUE_NIL)
		*selected = MessageIsTrue(&member);
	else
		*selected = MessageEqual(call->budget, &member, &call->args[1]);
	return true;
}

/* The elements that are selected, or those that are not. */
static MessageValue
Selection(MessageCall *call, bool wanted)
{
	MessageItems *list = ListOf(call, &call->value);
	int			kept = 0;

	for (int i = 0; i < list->n; i++)
	{
		bool		selected;

		if (!Selects(call, &list->values[i], &selected))
			return MessageNil();
		if (selected == wanted)
			list->values[kept++] = list->values[i];
	}
	list->n = kept;
	return ListValue(list);
}

MessageValue
FilterWhere(MessageCall *call)
{
	return Selection(call, true);
}

MessageValue
FilterReject(MessageCall *call)
{
	return Selection(call, false);
}

/* The first element that is selected: its place, -1 if none is. */
static bool
Search(MessageCall *call, MessageItems *list, int *found)
{
	for (*found = 0; *found < list->n; (*found)++)
	{
		bool		selected;

		if (!Selects(call, &list->values[*found], &selected))
			return false;
		if (selected)
			return true;
	}
	*found = -1;
	return true;
}

MessageValue
FilterFind(MessageCall *call)
{
	MessageItems *list = ListOf(call, &call->value);
	int			found;

	return Search(call, list, &found) && found >= 0 ? list->values[found] :
		MessageNil();
}

MessageValue
FilterFindIndex(MessageCall *call)
{
	int			found;

	return Search(call, ListOf(call, &call->value), &found) && found >= 0 ?
		MessageInteger(found) : MessageNil();
}

MessageValue
FilterHas(MessageCall *call)
{
	int			found;

	return Search(call, ListOf(call, &call->value), &found) ?
		MessageBoolean(found >= 0) : MessageNil();
}

/* ---- members of all ---- */

/* An element without members has nothing in its place. */
MessageValue
FilterMap(MessageCall *call)
{
	MessageItems *list = ListOf(call, &call->value);

	for (int i = 0; i < list->n; i++)
	{
		MessageValue member;

		(void) ListMember(call, &list->values[i], &member);
		list->values[i] = member;
	}
	return ListValue(list);
}

/* Without what is nothing, or what has nothing for a member. */
MessageValue
FilterCompact(MessageCall *call)
{
	MessageItems *list = ListOf(call, &call->value);
	int			kept = 0;

	for (int i = 0; i < list->n; i++)
	{
		MessageValue value = list->values[i];

		if (call->nargs > 0 && !ListMember(call, &list->values[i], &value))
			return MessageNil();
		if (value.type != VALUE_NIL)
			list->values[kept++] = list->values[i];
	}
	list->n = kept;
	return ListValue(list);
}

MessageValue
FilterSum(MessageCall *call)
{
	MessageValue sum = MessageInteger(0);
	MessageItems *list;

	if (call->nargs > 0)
		call->value = FilterMap(call);
	list = ListOf(call, &call->value);
	for (int i = 0; i < list->n; i++)
	{
		MessageValue number = MessageToNumber(&list->values[i]);

		sum = MessageReckon('+', &sum, &number);
		MessageSpend(call->budget, MessageWeight(&sum));
	}
	return sum;
}
