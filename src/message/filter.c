/*
 * filter.c: the filters by their names, and how one is applied.
 *
 * What a filter reads and what it makes is paid from the budget. Where Liquid
 * makes something of a value whatever it is, so do the filters here; where it
 * refuses, as for a division by zero, the message is refused too.
 */
#include "message/filter.h"

static const MessageFilterEntry filters[] =
{
	{"abs", 0, 0, FilterAbs},
	{"append", 1, 1, FilterAppend},
	{"at_least", 1, 1, FilterAtLeast},
	{"at_most", 1, 1, FilterAtMost},
	{"base64_decode", 0, 0, FilterBase64Decode},
	{"base64_encode", 0, 0, FilterBase64Encode},
	{"base64_url_safe_decode", 0, 0, FilterBase64UrlSafeDecode},
	{"base64_url_safe_encode", 0, 0, FilterBase64UrlSafeEncode},
	{"capitalize", 0, 0, FilterCapitalize},
	{"ceil", 0, 0, FilterCeil},
	{"compact", 0, 1, FilterCompact},
	{"concat", 1, 1, FilterConcat},
	{"date", 1, 3, FilterDate},
	{"default", 0, 1, FilterDefault, "allow_false"},
	{"divided_by", 1, 1, FilterDividedBy},
	{"downcase", 0, 0, FilterDowncase},
	{"escape", 0, 0, FilterEscape},
	{"escape_once", 0, 0, FilterEscapeOnce},
	{"find", 1, 2, FilterFind},
	{"find_index", 1, 2, FilterFindIndex},
	{"first", 0, 0, FilterFirst},
	{"floor", 0, 0, FilterFloor},
	{"h", 0, 0, FilterEscape},
	{"has", 1, 2, FilterHas},
	{"join", 0, 1, FilterJoin},
	{"last", 0, 0, FilterLast},
	{"lstrip", 0, 0, FilterLstrip},
	{"map", 1, 1, FilterMap},
	{"minus", 1, 1, FilterMinus},
	{"modulo", 1, 1, FilterModulo},
	{"money", 1, 2, FilterMoney},
	{"newline_to_br", 0, 0, FilterNewlineToBr},
	{"plus", 1, 1, FilterPlus},
	{"prepend", 1, 1, FilterPrepend},
	{"raw", 0, 0, FilterRaw},
	{"reject", 1, 2, FilterReject},
	{"remove", 1, 1, FilterRemove},
	{"remove_first", 1, 1, FilterRemoveFirst},
	{"remove_last", 1, 1, FilterRemoveLast},
	{"replace", 1, 2, FilterReplace},
	{"replace_first", 1, 2, FilterReplaceFirst},
	{"replace_last", 2, 2, FilterReplaceLast},
	{"reverse", 0, 0, FilterReverse},
	{"round", 0, 1, FilterRound},
	{"rstrip", 0, 0, FilterRstrip},
	{"size", 0, 0, FilterSize},
	{"slice", 1, 2, FilterSlice},
	{"sort", 0, 1, FilterSort},
	{"sort_natural", 0, 1, FilterSortNatural},
	{"split", 1, 1, FilterSplit},
	{"squish", 0, 0, FilterSquish},
	{"strip", 0, 0, FilterStrip},
	{"strip_html", 0, 0, FilterStripHtml},
	{"strip_newlines", 0, 0, FilterStripNewlines},
	{"sum", 0, 1, FilterSum},
	{"times", 1, 1, FilterTimes},
	{"truncate", 0, 2, FilterTruncate},
	{"truncatewords", 0, 2, FilterTruncatewords},
	{"uniq", 0, 1, FilterUniq},
	{"upcase", 0, 0, FilterUpcase},
	{"url_decode", 0, 0, FilterUrlDecode},
	{"url_encode", 0, 0, FilterUrlEncode},
	{"where", 1, 2, FilterWhere},
};

int
MessageFindFilter(const char *name, int length)
{
	for (int i = 0; i < lengthof(filters); i++)
		if (MessageSliceIs(MessageSliceOf(name, length), filters[i].name))
			return i;
	return -1;
}

const MessageFilterEntry *
MessageFilterAt(int number)
{
	return &filters[number];
}

List *
MessageFilterNames(void)
{
	List	   *names = NIL;

	for (int i = 0; i < lengthof(filters); i++)
		names = lappend(names, unconstify(char *, filters[i].name));
	return names;
}

bool
MessageIsDefault(int number)
{
	return filters[number].filter == FilterDefault;
}

/*
 * What was ready for HTML is not so any more after another filter: only what
 * a filter itself says is.
 */
MessageValue
MessageApply(int number, MessageCall *call)
{
	int64		work = MESSAGE_ITEM_WORK + MessageWeight(&call->value);
	MessageValue result;

	for (int i = 0; i < call->nargs; i++)
		work += MessageWeight(&call->args[i]);
	MessageSpend(call->budget, work);
	result = filters[number].filter(call);
	MessageSpend(call->budget, MessageWeight(&result));
	if (result.type == VALUE_STRING)
		MessageCheckLength(result.length);
	return result;
}
