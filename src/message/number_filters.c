/*
 * number_filters.c: filters of numbers, dates and money, and the one that
 * stands in for what is missing.
 */
#include "message/filter.h"

/* ---- reckoning ---- */

static MessageValue
Reckoned(MessageCall *call, char operation)
{
	MessageValue a = MessageToNumber(&call->value);
	MessageValue b = MessageToNumber(&call->args[0]);

	return MessageReckon(operation, &a, &b);
}

MessageValue
FilterPlus(MessageCall *call)
{
	return Reckoned(call, '+');
}

MessageValue
FilterMinus(MessageCall *call)
{
	return Reckoned(call, '-');
}

MessageValue
FilterTimes(MessageCall *call)
{
	return Reckoned(call, '*');
}

MessageValue
FilterDividedBy(MessageCall *call)
{
	return Reckoned(call, '/');
}

MessageValue
FilterModulo(MessageCall *call)
{
	return Reckoned(call, '%');
}

/* ---- bounds and rounding ---- */

/* The greater of the value and the bound, or the lesser. */
static MessageValue
Bounded(MessageCall *call, bool least)
{
	MessageValue number = MessageToNumber(&call->value);
	MessageValue bound = MessageToNumber(&call->args[0]);
	int			order = MessageCompareNumbers(&number, &bound);

	return (least ? order < 0 : order > 0) ? bound : number;
}

MessageValue
FilterAtLeast(MessageCall *call)
{
	return Bounded(call, true);
}

MessageValue
FilterAtMost(MessageCall *call)
{
	return Bounded(call, false);
}

MessageValue
FilterAbs(MessageCall *call)
{
	MessageValue number = MessageToNumber(&call->value);

	return MessageAbs(&number);
}

MessageValue
FilterCeil(MessageCall *call)
{
	MessageValue number = MessageToNumber(&call->value);

	return MessageCeil(&number);
}

MessageValue
FilterFloor(MessageCall *call)
{
	MessageValue number = MessageToNumber(&call->value);

	return MessageFloor(&number);
}

MessageValue
FilterRound(MessageCall *call)
{
	MessageValue number = MessageToNumber(&call->value);
	int			places = call->nargs > 0 ? MessageToInt(&call->args[0]) : 0;

	return MessageRound(&number, places);
}

/* ---- dates and money ---- */

/* There is no clock here: a message says when it was decided by a token. */
static void
RefuseNow(MessageSlice text)
{
	if ((text.length == 3 && pg_strncasecmp(text.text, "now", 3) == 0) ||
		(text.length == 5 && pg_strncasecmp(text.text, "today", 5) == 0))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a template has no clock"),
				 errhint("Pass the time as a token: tokens => '{\"today\": \"now()\"}'.")));
}

/* What is no date stays as it is. */
MessageValue
FilterDate(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	char	   *format = MessageToCString(&call->args[0]);
	char	   *zone = call->nargs > 1 ? MessageToCString(&call->args[1]) : "";
	char	   *locale = call->nargs > 2 ? MessageToCString(&call->args[2]) : "";
	StringInfoData out;

	if (*format == '\0')
		return call->value;
	RefuseNow(text);
	initStringInfo(&out);
	if (!MessageDate(&out, text, format, zone, locale))
		return call->value;
	return MessageBuilt(&out);
}

/* A text without a number is no amount, and stays as it is. */
static bool
IsAmount(const MessageValue *value)
{
	if (value->type != VALUE_STRING)
		return MessageIsNumber(value);
	return !MessageIsBlank(value) &&
		strspn(MessageToCString(value), "0123456789.-+ ") == value->length;
}

MessageValue
FilterMoney(MessageCall *call)
{
	MessageValue amount = MessageToNumber(&call->value);
	char	   *currency = MessageToCString(&call->args[0]);
	char	   *locale = call->nargs > 1 ? MessageToCString(&call->args[1]) : "";
	StringInfoData out;

	if (!IsAmount(&call->value))
		return call->value;
	initStringInfo(&out);
	MessageMoney(&out, &amount, currency, locale);
	return MessageBuilt(&out);
}

/* ---- nothing ---- */

/* With the option allow_false, false is a value like any other. */
MessageValue
FilterDefault(MessageCall *call)
{
	if (call->value.type == VALUE_FALSE && MessageIsTrue(&call->option))
		return call->value;
	if (!MessageIsBlank(&call->value))
		return call->value;
	return call->nargs > 0 ? call->args[0] : MessageNil();
}
