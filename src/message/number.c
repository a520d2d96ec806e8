/*
 * number.c: numbers, reckoned as in Liquid.
 *
 * Whole numbers stay whole; where one of two has a fraction the result has
 * one too, exactly as far as decimals go, so 10.1 less 2.2 is 7.9. What a
 * division gives is as exact as a double. All of it is PostgreSQL's numeric;
 * whole numbers that fit are reckoned as they are.
 */
#include "message/value.h"

#include "common/int.h"
#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* More places than a fraction can have in a message. */
#define MAX_PLACES 20

/* The bytes of a number of about a thousand digits. */
#define MAX_NUMBER 512

/* ---- to and from numeric ---- */

static Numeric
ReadNumeric(const char *digits)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(digits),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

static Numeric
ToNumeric(const MessageValue *number)
{
	return number->type == VALUE_DECIMAL ? number->as.decimal :
		int64_to_numeric(number->as.integer);
}

/* Digits after the point, written zeros included. */
static int
Scale(const MessageValue *number)
{
	return number->type == VALUE_INTEGER ? 0 :
		DatumGetInt32(DirectFunctionCall1(numeric_scale,
										  NumericGetDatum(number->as.decimal)));
}

static char *
Digits(Numeric decimal)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out,
											   NumericGetDatum(decimal)));
}

/* How many digits stand at a place of a text. */
static int
CountDigits(MessageSlice text, int from)
{
	int			n = 0;

	while (from + n < text.length && text.text[from + n] >= '0' &&
		   text.text[from + n] <= '9')
		n++;
	return n;
}

MessageValue
MessageFromDigits(const char *digits, int length)
{
	int64		whole = 0;
	int			sign = *digits == '-' ? 1 : 0;
	int			n = CountDigits(MessageSliceOf(digits, length), sign);

	if (n > 18 || sign + n < length)
		return MessageDecimal(ReadNumeric(pnstrdup(digits, length)));
	for (int i = sign; i < length; i++)
		whole = whole * 10 + (digits[i] - '0');
	return MessageInteger(*digits == '-' ? -whole : whole);
}

/* A decimal without a fraction as a whole number, where it fits. */
static MessageValue
Reduced(const MessageValue *number)
{
	char	   *digits;

	if (Scale(number) > 0 || number->type == VALUE_INTEGER)
		return *number;
	digits = Digits(number->as.decimal);
	return MessageFromDigits(digits, strlen(digits));
}

/* ---- what counts as a number ---- */

/* "-12.5" whole is a decimal; of "12 apples" and "1.5x" the start counts. */
static MessageValue
FromText(MessageSlice text)
{
	int			sign;
	int			whole;
	int			end;

	while (text.length > 0 && MessageIsSpace(*text.text))
		text.text++, text.length--;
	while (text.length > 0 && MessageIsSpace(text.text[text.length - 1]))
		text.length--;
	sign = text.length > 0 && (*text.text == '-' || *text.text == '+');
	whole = CountDigits(text, sign);
	if (whole == 0)
		return MessageInteger(0);
	end = sign + whole;
	if (end < text.length && text.text[end] == '.')
	{
		int			part = CountDigits(text, end + 1);

		if (part > 0 && end + 1 + part == text.length)
			end = text.length;
	}
	sign = *text.text == '+' ? 1 : 0;
	return MessageFromDigits(text.text + sign, end - sign);
}

MessageValue
MessageToNumber(const MessageValue *value)
{
	if (value->type == VALUE_DECIMAL)
		return Reduced(value);
	if (value->type == VALUE_INTEGER)
		return *value;
	if (value->type == VALUE_STRING)
		return FromText(MessageSliceOf(value->as.string, value->length));
	return MessageInteger(0);
}

int
MessageToInt(const MessageValue *value)
{
	MessageValue number = MessageToNumber(value);

	if (number.type == VALUE_DECIMAL)
	{
		MessageValue zero = MessageInteger(0);
		bool		negative = MessageCompareNumbers(&number, &zero) < 0;

		number = negative ? MessageCeil(&number) : MessageFloor(&number);
		if (number.type == VALUE_DECIMAL)
			number = MessageInteger(negative ? PG_INT32_MIN : PG_INT32_MAX);
	}
	return Max(PG_INT32_MIN, Min(PG_INT32_MAX, number.as.integer));
}

int
MessageNeedInt(const MessageValue *value)
{
	MessageValue number = MessageToNumber(value);
	MessageSlice text = {value->as.string, value->length};
	bool		whole = number.type == VALUE_INTEGER && MessageIsNumber(value);

	if (value->type == VALUE_STRING)
	{
		int			sign = text.length > 0 && *text.text == '-' ? 1 : 0;

		whole = text.length > sign &&
			CountDigits(text, sign) == text.length - sign;
	}
	if (!whole)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a filter or loop needs a whole number and was given something else")));
	return MessageToInt(value);
}

/* ---- comparing ---- */

int
MessageCompareNumbers(const MessageValue *a, const MessageValue *b)
{
	if (a->type == VALUE_INTEGER && b->type == VALUE_INTEGER)
		return a->as.integer < b->as.integer ? -1 :
			a->as.integer > b->as.integer;
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 NumericGetDatum(ToNumeric(a)),
											 NumericGetDatum(ToNumeric(b))));
}

/* ---- reckoning ---- */

static int64
DividedDown(int64 a, int64 b)
{
	int64		quotient = a / b;

	return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/* With whole numbers; false where the result does not fit. */
static bool
ReckonWhole(char operation, int64 a, int64 b, int64 *result)
{
	switch (operation)
	{
		case '+':
			return !pg_add_s64_overflow(a, b, result);
		case '-':
			return !pg_sub_s64_overflow(a, b, result);
		case '*':
			return !pg_mul_s64_overflow(a, b, result);
		default:
			if (b == -1)
				return false;
			*result = DividedDown(a, b);
			if (operation == '%')
				*result = a - b * *result;
			return true;
	}
}

static Numeric
Call2(PGFunction function, Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a),
											   NumericGetDatum(b)));
}

/* The remainder has the sign of the divisor. */
static Numeric
Remainder(Numeric a, Numeric b)
{
	Numeric		zero = int64_to_numeric(0);
	Numeric		rest = Call2(numeric_mod, a, b);

	if (DatumGetBool(DirectFunctionCall2(numeric_ne, NumericGetDatum(rest),
										 NumericGetDatum(zero))) &&
		DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(rest),
										 NumericGetDatum(zero))) !=
		DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(b),
										 NumericGetDatum(zero))))
		rest = Call2(numeric_add, rest, b);
	return rest;
}

/* As many digits as a double has. */
static Numeric
Quotient(Numeric a, Numeric b)
{
	Numeric		exact = Call2(numeric_div, a, b);
	float8		nearest = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
															 NumericGetDatum(exact)));
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(nearest, digits);
	return ReadNumeric(digits);
}

static Numeric
ReckonDecimal(char operation, Numeric a, Numeric b)
{
	switch (operation)
	{
		case '+':
			return Call2(numeric_add, a, b);
		case '-':
			return Call2(numeric_sub, a, b);
		case '*':
			return Call2(numeric_mul, a, b);
		case '/':
			return Quotient(a, b);
		default:
			return Remainder(a, b);
	}
}

/* Without zeros at the end, but with one digit after the point at least. */
static MessageValue
Trimmed(Numeric decimal)
{
	MessageValue value;

	decimal = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale,
												  NumericGetDatum(decimal)));
	value = MessageDecimal(decimal);
	if (Scale(&value) > 0)
		return value;
	return MessageDecimal(DatumGetNumeric(DirectFunctionCall2(numeric_round,
															  NumericGetDatum(decimal),
															  Int32GetDatum(1))));
}

/* Reckoning with more digits than money ever has would take its time. */
static void
CheckDigits(const MessageValue *number)
{
	if (number->type == VALUE_DECIMAL &&
		VARSIZE_ANY(number->as.decimal) > MAX_NUMBER)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a template reckons with a number of too many digits")));
}

MessageValue
MessageReckon(char operation, const MessageValue *a, const MessageValue *b)
{
	MessageValue zero = MessageInteger(0);
	bool		whole = Scale(a) == 0 && Scale(b) == 0;
	int64		result;
	Numeric		decimal;

	CheckDigits(a);
	CheckDigits(b);
	if ((operation == '/' || operation == '%') &&
		MessageCompareNumbers(b, &zero) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DIVISION_BY_ZERO),
				 errmsg("a template divides by zero")));
	if (a->type == VALUE_INTEGER && b->type == VALUE_INTEGER &&
		ReckonWhole(operation, a->as.integer, b->as.integer, &result))
		return MessageInteger(result);
	decimal = whole && operation == '/' ?
		Call2(numeric_div, ToNumeric(a), ToNumeric(b)) :
		ReckonDecimal(operation, ToNumeric(a), ToNumeric(b));
	if (!whole)
		return Trimmed(decimal);
	zero = MessageDecimal(decimal);
	return MessageFloor(&zero);
}

/* ---- rounding ---- */

static MessageValue
Call1(PGFunction function, const MessageValue *number)
{
	Datum		decimal = NumericGetDatum(ToNumeric(number));

	return MessageDecimal(DatumGetNumeric(DirectFunctionCall1(function, decimal)));
}

MessageValue
MessageAbs(const MessageValue *number)
{
	if (number->type == VALUE_INTEGER && number->as.integer >= 0)
		return *number;
	return number->type == VALUE_INTEGER && number->as.integer > PG_INT64_MIN ?
		MessageInteger(-number->as.integer) : Call1(numeric_abs, number);
}

MessageValue
MessageFloor(const MessageValue *number)
{
	MessageValue floor = Call1(numeric_floor, number);

	return Reduced(&floor);
}

MessageValue
MessageCeil(const MessageValue *number)
{
	MessageValue ceil = Call1(numeric_ceil, number);

	return Reduced(&ceil);
}

static Numeric
Rounded(const MessageValue *number, int places)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_round,
											   NumericGetDatum(ToNumeric(number)),
											   Int32GetDatum(places)));
}

MessageValue
MessageRound(const MessageValue *number, int places)
{
	places = Max(-MAX_PLACES, Min(MAX_PLACES, places));
	if (places >= Scale(number))
		return *number;
	if (places > 0)
		return Trimmed(Rounded(number, places));
	return MessageDecimal(Rounded(number, places));
}

char *
MessageFixed(const MessageValue *number, int places)
{
	return Digits(Rounded(number, places));
}

/* ---- writing ---- */

void
MessageWriteNumber(StringInfo out, const MessageValue *number)
{
	char		digits[MAXINT8LEN + 1];

	if (number->type == VALUE_DECIMAL)
		appendStringInfoString(out, Digits(number->as.decimal));
	else
		appendBinaryStringInfo(out, digits,
							   pg_lltoa(number->as.integer, digits));
}
