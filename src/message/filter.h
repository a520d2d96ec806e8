/*
 * filter.h: filters: what the table of them and their kinds share.
 */
#ifndef PERSONA_FILTER_H
#define PERSONA_FILTER_H

#include "message/message.h"
#include "message/value.h"

/* One use of a filter. */
typedef struct MessageCall
{
	MessageValue value;
	MessageValue args[MESSAGE_MAX_ARGUMENTS];
	int			nargs;
	MessageValue option;		/* the argument by name; nil without */
	bool		escape;			/* the message is HTML */
	MessageBudget *budget;
} MessageCall;

typedef MessageValue (*MessageFilter) (MessageCall *call);

typedef struct MessageFilterEntry
{
	const char *name;
	int			least;			/* arguments */
	int			most;
	MessageFilter filter;
	const char *option;			/* an argument by name */
} MessageFilterEntry;

/* ---- the table (filter.c) ---- */

/* The filter of that name, or -1. */
extern int	MessageFindFilter(const char *name, int length);
extern const MessageFilterEntry *MessageFilterAt(int number);

/* The names of all filters; List of char *. */
extern List *MessageFilterNames(void);

extern MessageValue MessageApply(int number, MessageCall *call);

/* Whether a filter is the one that gives a missing value a fallback. */
extern bool MessageIsDefault(int number);

/* ---- arguments ---- */

static inline MessageSlice
ValueText(const MessageCall *call)
{
	return MessageToText(&call->value);
}

static inline MessageSlice
ArgText(const MessageCall *call, int n)
{
	return MessageToText(&call->args[n]);
}

/* An argument that may be left out. */
static inline int
ArgInt(const MessageCall *call, int n, int otherwise)
{
	return n < call->nargs ? MessageNeedInt(&call->args[n]) : otherwise;
}

static inline MessageSlice
ArgTextOr(const MessageCall *call, int n, const char *otherwise)
{
	return n < call->nargs ? ArgText(call, n) :
		MessageSliceOf(otherwise, strlen(otherwise));
}

static inline MessageValue
SliceValue(MessageSlice text)
{
	return MessageString(text.text, text.length);
}

static inline void
AppendSlice(StringInfo out, MessageSlice text)
{
	appendBinaryStringInfo(out, text.text, text.length);
}

/* ---- letters, dates and money (case.c, date.c, money.c) ---- */

extern MessageValue MessageUpper(MessageSlice text);
extern MessageValue MessageLower(MessageSlice text);

/* The first letter in upper case, the others in lower. */
extern MessageValue MessageCapitalize(MessageSlice text);

/*
 * A date or time written by a strftime format, as the clocks of a time zone
 * show it and in the words of a locale; "" for the zone it came with and for
 * English. False if the text is no date.
 */
extern bool MessageDate(StringInfo out, MessageSlice text, const char *format,
						const char *zone, const char *locale);

/* An amount in a currency, as a locale writes it. */
extern void MessageMoney(StringInfo out, const MessageValue *amount,
						 const char *currency, const char *locale);

/* ---- filters by kind (*_filters.c) ---- */

#define FILTER(name) extern MessageValue Filter##name(MessageCall *call)

/* text_filters.c */
FILTER(Append);
FILTER(Capitalize);
FILTER(Downcase);
FILTER(Lstrip);
FILTER(Prepend);
FILTER(Remove);
FILTER(RemoveFirst);
FILTER(RemoveLast);
FILTER(Replace);
FILTER(ReplaceFirst);
FILTER(ReplaceLast);
FILTER(Rstrip);
FILTER(Slice);
FILTER(Split);
FILTER(Squish);
FILTER(Strip);
FILTER(StripNewlines);
FILTER(Truncate);
FILTER(Truncatewords);
FILTER(Upcase);

/* web_filters.c */
FILTER(Base64Decode);
FILTER(Base64Encode);
FILTER(Base64UrlSafeDecode);
FILTER(Base64UrlSafeEncode);
FILTER(Escape);
FILTER(EscapeOnce);
FILTER(NewlineToBr);
FILTER(Raw);
FILTER(StripHtml);
FILTER(UrlDecode);
FILTER(UrlEncode);

/* list_filters.c, select_filters.c */
FILTER(Compact);
FILTER(Concat);
FILTER(Find);
FILTER(FindIndex);
FILTER(First);
FILTER(Has);
FILTER(Join);
FILTER(Last);
FILTER(Map);
FILTER(Reject);
FILTER(Reverse);
FILTER(Size);
FILTER(Sort);
FILTER(SortNatural);
FILTER(Sum);
FILTER(Uniq);
FILTER(Where);

/* number_filters.c */
FILTER(Abs);
FILTER(AtLeast);
FILTER(AtMost);
FILTER(Ceil);
FILTER(Date);
FILTER(Default);
FILTER(DividedBy);
FILTER(Floor);
FILTER(Minus);
FILTER(Modulo);
FILTER(Money);
FILTER(Plus);
FILTER(Round);
FILTER(Times);

#undef FILTER

#endif							/* PERSONA_FILTER_H */
