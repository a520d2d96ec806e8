/*
 * list_filters.h: what the filters of lists share.
 */
#ifndef PERSONA_LIST_FILTERS_H
#define PERSONA_LIST_FILTERS_H

#include "message/filter.h"

/* A value as a new list without lists in it, paid for. */
extern MessageItems *ListOf(MessageCall *call, const MessageValue *value);

extern MessageValue ListValue(MessageItems *list);

/* Adds an element, paid for. */
extern void ListAdd(MessageCall *call, MessageItems *list,
					MessageValue value);

/*
 * The member of an element that the filter's first argument names: of an
 * object a member, of a text that argument if it is in it, else nil. False
 * where the element is of a kind that has no members; a number is refused.
 */
extern bool ListMember(MessageCall *call, const MessageValue *element,
					   MessageValue *member);

#endif							/* PERSONA_LIST_FILTERS_H */
