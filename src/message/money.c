/*
 * money.c: an amount of money as a locale writes it.
 *
 * The currency is its ISO 4217 code, which says how many places it has; well
 * known ones are shown by their sign. Halves are rounded away from zero.
 */
#include "message/filter.h"

#include "mb/pg_wchar.h"
#include "message/locale.h"

typedef struct Currency
{
	const char *code;
	const char *sign;
} Currency;

/* Signs that mean one currency where its own locales are read. */
static const Currency signs[] = {
	{"BRL", "R$"}, {"CZK", "Kč"}, {"EUR", "€"}, {"GBP", "£"}, {"ILS", "₪"},
	{"INR", "₹"}, {"JPY", "¥"}, {"KRW", "₩"}, {"PLN", "zł"}, {"TRY", "₺"},
	{"UAH", "₴"}, {"USD", "$"}, {"VND", "₫"},
};

/* Currencies whose coins are not hundredths, from ISO 4217. */
static const char *const without_places[] = {
	"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF",
	"UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"
};
static const char *const three_places[] = {
	"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"
};

static bool
IsOneOf(const char *code, const char *const *codes, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(code, codes[i]) == 0)
			return true;
	return false;
}

static int
Places(const char *code)
{
	if (IsOneOf(code, without_places, lengthof(without_places)))
		return 0;
	return IsOneOf(code, three_places, lengthof(three_places)) ? 3 : 2;
}

/* The crown is its own country's, and shown so there alone. */
static const char *
Sign(const char *code, const char *locale)
{
	if (GetDatabaseEncoding() != PG_UTF8)
		return strcmp(code, "USD") == 0 ? "$" : code;
	if (strcmp(code, "DKK") == 0 && strcmp(locale, "da") == 0)
		return "kr.";
	if ((strcmp(code, "SEK") == 0 && strcmp(locale, "sv") == 0) ||
		(strcmp(code, "NOK") == 0 && strcmp(locale, "nb") == 0))
		return "kr";
	for (int i = 0; i < lengthof(signs); i++)
		if (strcmp(code, signs[i].code) == 0)
			return signs[i].sign;
	return code;
}

/* 1234567.50 as 1,234,567.50 */
static void
AppendAmount(StringInfo out, const char *digits, const MessageNumerals *in)
{
	const char *point = strchr(digits, '.');
	int			whole = point ? point - digits : strlen(digits);
	bool		grouped = whole > (in->sparing ? 4 : 3);

	for (int i = 0; i < whole; i++)
	{
		if (grouped && i > 0 && (whole - i) % 3 == 0)
			appendStringInfoString(out, in->group);
		appendStringInfoChar(out, digits[i]);
	}
	if (point != NULL)
		appendStringInfo(out, "%s%s", in->point, point + 1);
}

/* A code of letters is set apart where a sign would not be. */
static void
AppendSign(StringInfo out, const char *sign, bool apart)
{
	appendStringInfoString(out, sign);
	if (apart && isalpha((unsigned char) sign[strlen(sign) - 1]))
		appendStringInfoString(out, GetDatabaseEncoding() == PG_UTF8 ?
							   "\xc2\xa0" : " ");
}

static void
CheckCode(const char *code)
{
	if (strlen(code) != 3 ||
		strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a currency is three capital letters, such as EUR"),
				 errhint("Write {{ price | money: \"EUR\", locale }}.")));
}

void
MessageMoney(StringInfo out, const MessageValue *amount,
			 const char *currency, const char *locale)
{
	const MessageNumerals *in = MessageFindNumerals(locale);
	char	   *digits;

	CheckCode(currency);
	digits = MessageFixed(amount, Places(currency));
	if (*digits == '-')
	{
		appendStringInfoChar(out, '-');
		digits++;
	}
	for (const char *c = in->pattern; *c != '\0'; c++)
		if (*c == '#')
			AppendAmount(out, digits, in);
		else if (*c == '$')
			AppendSign(out, Sign(currency, in->locale), c[1] == '#');
		else
			appendStringInfoChar(out, *c);
}
