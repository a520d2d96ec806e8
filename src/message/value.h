/*
 * value.h: the values that a template works on, and what may be done to them.
 *
 * A value is small and copied freely; texts, lists and objects stay where they
 * are, mostly inside of the data that was given. Whatever is made in between
 * is palloc'd and lives as long as the rendering: a budget bounds how much
 * that may be.
 */
#ifndef PERSONA_VALUE_H
#define PERSONA_VALUE_H

#include "base/compat.h"

#include "lib/stringinfo.h"
#include "utils/numeric.h"

typedef enum
{
	VALUE_NIL,
	VALUE_FALSE,
	VALUE_TRUE,
	VALUE_INTEGER,
	VALUE_DECIMAL,				/* any other number, with its digits */
	VALUE_STRING,
	VALUE_LIST,
	VALUE_OBJECT,
	VALUE_RANGE,
	VALUE_EMPTY,				/* the words empty and blank */
	VALUE_BLANK,
	VALUE_LOOP					/* forloop and tablerowloop */
} MessageType;

typedef struct MessageItems MessageItems;
typedef struct MessageLoop MessageLoop;

typedef struct MessageRange
{
	int64		from;
	int64		to;
} MessageRange;

typedef struct MessageValue
{
	int16		type;			/* MessageType */
	bool		safe;			/* ready for HTML: not to be escaped */
	int32		length;			/* of a string, in bytes */
	union
	{
		int64		integer;
		Numeric		decimal;
		const char *string;
		MessageItems *items;	/* of a list or object */
		const MessageRange *range;
		const MessageLoop *loop;
	}			as;
} MessageValue;

/* A stretch of text, not ended by a zero. */
typedef struct MessageSlice
{
	const char *text;
	int			length;
} MessageSlice;

static inline MessageSlice
MessageSliceOf(const char *text, int length)
{
	MessageSlice slice = {text, length};

	return slice;
}

/*
 * Where a list or object comes from, if not from the template itself: what is
 * not asked for is never taken apart.
 */
typedef struct MessageSource
{
	/* Fills values. */
	void		(*open) (MessageItems *items);

	/* A member of an object; false if it has none of that name. */
	bool		(*member) (const MessageItems *items, const char *name,
						   int length, MessageValue *value);

	/* An element of a list. */
	MessageValue (*element) (const MessageItems *items, int index);
} MessageSource;

struct MessageItems
{
	const MessageSource *source;	/* NULL when values are there */
	const void *data;			/* the source's */
	int			n;				/* elements or members */
	MessageValue *values;		/* of an object: name, value, name, value */
	int			capacity;		/* while it grows */
};

/* One loop that is running; those around it behind it. */
struct MessageLoop
{
	MessageSlice variable;		/* its name */
	MessageValue item;			/* its value in this pass */
	char	   *name;			/* forloop.name */
	int			index;			/* from 0 */
	int			length;
	int			cols;			/* of a table; 0 for a `for` */
	MessageLoop *around;
};

/* ---- the budget (value.c) ---- */

/* The longest message, and all that may be assigned and captured, in bytes. */
#define MESSAGE_MAX_OUTPUT (1024 * 1024)
#define MESSAGE_MAX_ASSIGNED (1024 * 1024)

/* Passes through loops. */
#define MESSAGE_MAX_STEPS 100000

/* All the work of a rendering, in bytes handled; what is no byte counts 16. */
#define MESSAGE_MAX_WORK (8 * 1024 * 1024)
#define MESSAGE_ITEM_WORK 16

typedef struct MessageBudget
{
	int			work;			/* what is left of each */
	int			steps;
	int			assigned;
} MessageBudget;

extern void MessageSpend(MessageBudget *budget, int64 work);
extern void MessageSpendStep(MessageBudget *budget);
extern void MessageSpendAssigned(MessageBudget *budget, int64 bytes);

/* Refuses what is longer than a message may be. */
extern void MessageCheckLength(int length);

/* What it costs to look at a value once. */
extern int64 MessageWeight(const MessageValue *value);

/* ---- making values (value.c) ---- */

/* A value of a type, whose content is still to be set. */
static inline MessageValue
MessageOfType(MessageType type)
{
	MessageValue value = {0};

	value.type = type;
	return value;
}

static inline MessageValue
MessageNil(void)
{
	return MessageOfType(VALUE_NIL);
}

static inline MessageValue
MessageBoolean(bool truth)
{
	return MessageOfType(truth ? VALUE_TRUE : VALUE_FALSE);
}

static inline MessageValue
MessageInteger(int64 integer)
{
	MessageValue value = MessageOfType(VALUE_INTEGER);

	value.as.integer = integer;
	return value;
}

static inline MessageValue
MessageDecimal(Numeric decimal)
{
	MessageValue value = MessageOfType(VALUE_DECIMAL);

	value.as.decimal = decimal;
	return value;
}

static inline MessageValue
MessageString(const char *text, int length)
{
	MessageValue value = MessageOfType(VALUE_STRING);

	value.as.string = text;
	value.length = length;
	return value;
}

static inline MessageValue
MessageItemsValue(MessageType type, MessageItems *items)
{
	MessageValue value = MessageOfType(type);

	value.as.items = items;
	return value;
}

static inline MessageValue
MessageLoopValue(const MessageLoop *loop)
{
	MessageValue value = MessageOfType(VALUE_LOOP);

	value.as.loop = loop;
	return value;
}

/* What was built becomes a value, of just that size; text is used up. */
extern MessageValue MessageBuilt(StringInfo text);

extern MessageValue MessageNewRange(int64 from, int64 to);

/* A list or object that is still to be opened by its source. */
extern MessageValue MessageForeign(MessageType type, int n,
								   const MessageSource *source,
								   const void *data);

/* An empty list or object; a list, which n counts, grows by appending. */
extern MessageValue MessageNewItems(MessageType type);
extern void MessageAppend(MessageItems *items, MessageValue value);

/* ---- looking into values (value.c) ---- */

/* nil and false are not true; all else is. */
static inline bool
MessageIsTrue(const MessageValue *value)
{
	return value->type != VALUE_NIL && value->type != VALUE_FALSE;
}

static inline bool
MessageIsNumber(const MessageValue *value)
{
	return value->type == VALUE_INTEGER || value->type == VALUE_DECIMAL;
}

/* nil, false, an empty list or object, or nothing but white space. */
extern bool MessageIsBlank(const MessageValue *value);

/* An empty list, object or text. */
extern bool MessageIsEmpty(const MessageValue *value);

/* The values of a list or object, opened if need be. */
extern const MessageValue *MessageOpen(MessageItems *items);

/* One step further: a member by name, or size, first and last. */
extern MessageValue MessageMember(const MessageValue *value, const char *name,
								  int length);

/* A member and nothing but that; false if there is none. */
extern bool MessageFind(const MessageValue *value, const char *name,
						int length, MessageValue *member);

/* One step further: an element by number, from the end if negative. */
extern MessageValue MessageElement(const MessageValue *value, int64 index);

/* One member of an object as a list of its name and its value. */
extern MessageValue MessagePair(const MessageValue *object, int index);

/* How many elements, members or characters it has; 0 for others. */
extern int64 MessageSize(const MessageValue *value);

/* forloop.index and the like (loop.c). */
extern MessageValue MessageLoopMember(const MessageLoop *loop,
									  const char *name, int length);

/* ---- values as text (text.c) ---- */

#define MESSAGE_SPACES " \t\r\n\f\v"

static inline bool
MessageIsSpace(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
MessageSliceIs(MessageSlice slice, const char *text)
{
	return strncmp(slice.text, text, slice.length) == 0 &&
		text[slice.length] == '\0';
}

static inline bool
MessageSlicesMatch(MessageSlice a, MessageSlice b)
{
	return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

/* Appends a value as Liquid writes it; nothing for nil. */
extern void MessageWrite(StringInfo out, const MessageValue *value);

/* The same on its own; a string is not copied. */
extern MessageSlice MessageToText(const MessageValue *value);
extern char *MessageToCString(const MessageValue *value);

/* How many characters a text has; how many bytes its first n have. */
extern int	MessageLength(MessageSlice text);
extern int	MessageBytes(MessageSlice text, int n);

/*
 * Where a text begins in another, from a place on, and where it does so last;
 * -1 if nowhere. A comparison of many bytes is paid for.
 */
extern int	MessageIndexOf(MessageBudget *budget, MessageSlice text,
						   MessageSlice sought, int from);
extern int	MessageLastIndexOf(MessageBudget *budget, MessageSlice text,
							   MessageSlice sought);

/* Appends text with &, <, >, " and ' as entities. */
extern void MessageEscape(StringInfo out, MessageSlice text);

/* ---- comparing (compare.c) ---- */

extern bool MessageEqual(MessageBudget *budget, const MessageValue *a,
						 const MessageValue *b);

/* Refuses two that have no order and are not equal. */
extern int	MessageCompare(MessageBudget *budget, const MessageValue *a,
						   const MessageValue *b);

/* One of the operators of a condition; test is a MessageTest. */
extern bool MessageHolds(MessageBudget *budget, int test,
						 const MessageValue *a, const MessageValue *b);

/* ---- numbers (number.c) ---- */

extern MessageValue MessageFromDigits(const char *digits, int length);

/* A number, the number that a text begins with, or 0. */
extern MessageValue MessageToNumber(const MessageValue *value);

/* The whole part of that, within the range of an int. */
extern int	MessageToInt(const MessageValue *value);

/* The same, refusing what does not read as a whole number. */
extern int	MessageNeedInt(const MessageValue *value);

extern int	MessageCompareNumbers(const MessageValue *a,
								  const MessageValue *b);

/* + - * / %; whole numbers divide to whole numbers, down. */
extern MessageValue MessageReckon(char operation, const MessageValue *a,
								  const MessageValue *b);

extern MessageValue MessageAbs(const MessageValue *number);
extern MessageValue MessageFloor(const MessageValue *number);
extern MessageValue MessageCeil(const MessageValue *number);

/* Half goes away from zero. What needs no rounding stays as it is. */
extern MessageValue MessageRound(const MessageValue *number, int places);

/* Digits with exactly so many places. */
extern char *MessageFixed(const MessageValue *number, int places);

extern void MessageWriteNumber(StringInfo out, const MessageValue *number);

#endif							/* PERSONA_VALUE_H */
