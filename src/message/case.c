/*
 * case.c: letters in upper and lower case, without a locale.
 *
 * A message must not change with the machine it is rendered on, nor with an
 * upgrade of its C library, so neither is asked. In a database in UTF-8 the
 * letters of Latin, Greek, Cyrillic and Armenian script are mapped by the
 * Unicode Character Database (simple case mappings, and the sharp s); in
 * other encodings a to z alone. Turkish i is not treated apart.
 */
#include "message/filter.h"

#include "mb/pg_wchar.h"

/* Every `step`th letter from first to last is in upper case `distance` on. */
typedef struct Letters
{
	int32		first;
	int32		last;
	int32		step;
	int32		distance;
} Letters;

/* By lower case letter, from the Unicode Character Database, version 14. */
static const Letters letters[] = {
	{0x00e0, 0x00f6, 1, -32}, {0x00f8, 0x00fe, 1, -32},
	{0x00ff, 0x00ff, 1, 121}, {0x0101, 0x012f, 2, -1}, {0x0133, 0x0137, 2, -1},
	{0x013a, 0x0148, 2, -1}, {0x014b, 0x0177, 2, -1}, {0x017a, 0x017e, 2, -1},
	{0x0180, 0x0180, 1, 195}, {0x0183, 0x0185, 2, -1}, {0x0188, 0x0188, 1, -1},
	{0x018c, 0x018c, 1, -1}, {0x0192, 0x0192, 1, -1}, {0x0195, 0x0195, 1, 97},
	{0x0199, 0x0199, 1, -1}, {0x019a, 0x019a, 1, 163}, {0x019e, 0x019e, 1, 130},
	{0x01a1, 0x01a5, 2, -1}, {0x01a8, 0x01a8, 1, -1}, {0x01ad, 0x01ad, 1, -1},
	{0x01b0, 0x01b0, 1, -1}, {0x01b4, 0x01b6, 2, -1}, {0x01b9, 0x01b9, 1, -1},
	{0x01bd, 0x01bd, 1, -1}, {0x01bf, 0x01bf, 1, 56}, {0x01c6, 0x01c6, 1, -2},
	{0x01c9, 0x01c9, 1, -2}, {0x01cc, 0x01cc, 1, -2}, {0x01ce, 0x01dc, 2, -1},
	{0x01dd, 0x01dd, 1, -79}, {0x01df, 0x01ef, 2, -1}, {0x01f3, 0x01f3, 1, -2},
	{0x01f5, 0x01f5, 1, -1}, {0x01f9, 0x021f, 2, -1}, {0x0223, 0x0233, 2, -1},
	{0x023c, 0x023c, 1, -1}, {0x023f, 0x0240, 1, 10815},
	{0x0242, 0x0242, 1, -1}, {0x0247, 0x024f, 2, -1},
	{0x0250, 0x0250, 1, 10783}, {0x0251, 0x0251, 1, 10780},
	{0x0252, 0x0252, 1, 10782}, {0x0253, 0x0253, 1, -210},
	{0x0254, 0x0254, 1, -206}, {0x0256, 0x0257, 1, -205},
	{0x0259, 0x0259, 1, -202}, {0x025b, 0x025b, 1, -203},
	{0x025c, 0x025c, 1, 42319}, {0x0260, 0x0260, 1, -205},
	{0x0261, 0x0261, 1, 42315}, {0x0263, 0x0263, 1, -207},
	{0x0265, 0x0265, 1, 42280}, {0x0266, 0x0266, 1, 42308},
	{0x0268, 0x0268, 1, -209}, {0x0269, 0x0269, 1, -211},
	{0x026a, 0x026a, 1, 42308}, {0x026b, 0x026b, 1, 10743},
	{0x026c, 0x026c, 1, 42305}, {0x026f, 0x026f, 1, -211},
	{0x0271, 0x0271, 1, 10749}, {0x0272, 0x0272, 1, -213},
	{0x0275, 0x0275, 1, -214}, {0x027d, 0x027d, 1, 10727},
	{0x0280, 0x0280, 1, -218}, {0x0282, 0x0282, 1, 42307},
	{0x0283, 0x0283, 1, -218}, {0x0287, 0x0287, 1, 42282},
	{0x0288, 0x0288, 1, -218}, {0x0289, 0x0289, 1, -69},
	{0x028a, 0x028b, 1, -217}, {0x028c, 0x028c, 1, -71},
	{0x0292, 0x0292, 1, -219}, {0x029d, 0x029d, 1, 42261},
	{0x029e, 0x029e, 1, 42258}, {0x0371, 0x0373, 2, -1},
	{0x0377, 0x0377, 1, -1}, {0x037b, 0x037d, 1, 130}, {0x03ac, 0x03ac, 1, -38},
	{0x03ad, 0x03af, 1, -37}, {0x03b1, 0x03c1, 1, -32},
	{0x03c3, 0x03cb, 1, -32}, {0x03cc, 0x03cc, 1, -64},
	{0x03cd, 0x03ce, 1, -63}, {0x03d7, 0x03d7, 1, -8}, {0x03d9, 0x03ef, 2, -1},
	{0x03f2, 0x03f2, 1, 7}, {0x03f3, 0x03f3, 1, -116}, {0x03f8, 0x03f8, 1, -1},
	{0x03fb, 0x03fb, 1, -1}, {0x0430, 0x044f, 1, -32}, {0x0450, 0x045f, 1, -80},
	{0x0461, 0x0481, 2, -1}, {0x048b, 0x04bf, 2, -1}, {0x04c2, 0x04ce, 2, -1},
	{0x04cf, 0x04cf, 1, -15}, {0x04d1, 0x052f, 2, -1}, {0x0561, 0x0586, 1, -48},
	{0x1e01, 0x1e95, 2, -1}, {0x1ea1, 0x1eff, 2, -1}, {0x1f00, 0x1f07, 1, 8},
	{0x1f10, 0x1f15, 1, 8}, {0x1f20, 0x1f27, 1, 8}, {0x1f30, 0x1f37, 1, 8},
	{0x1f40, 0x1f45, 1, 8}, {0x1f51, 0x1f57, 2, 8}, {0x1f60, 0x1f67, 1, 8},
	{0x1f70, 0x1f71, 1, 74}, {0x1f72, 0x1f75, 1, 86}, {0x1f76, 0x1f77, 1, 100},
	{0x1f78, 0x1f79, 1, 128}, {0x1f7a, 0x1f7b, 1, 112},
	{0x1f7c, 0x1f7d, 1, 126}, {0x1fb0, 0x1fb1, 1, 8}, {0x1fd0, 0x1fd1, 1, 8},
	{0x1fe0, 0x1fe1, 1, 8}, {0x1fe5, 0x1fe5, 1, 7},
};

/* Lower case letters that share their upper case with another. */
static const Letters strays[] = {
	{0x00b5, 0x00b5, 1, 743}, {0x0131, 0x0131, 1, -232},
	{0x017f, 0x017f, 1, -300}, {0x03c2, 0x03c2, 1, -31},
};

/* The sharp s becomes SS; its own upper case is seldom written. */
#define SHARP_S 0x00df
#define UPPER_SHARP_S 0x1e9e

static bool
Holds(const Letters *range, int32 lower)
{
	return lower >= range->first && lower <= range->last &&
		(lower - range->first) % range->step == 0;
}

static int32
ToUpper(int32 letter)
{
	for (int i = 0; i < lengthof(letters); i++)
		if (Holds(&letters[i], letter))
			return letter + letters[i].distance;
	for (int i = 0; i < lengthof(strays); i++)
		if (Holds(&strays[i], letter))
			return letter + strays[i].distance;
	return letter;
}

static int32
ToLower(int32 letter)
{
	for (int i = 0; i < lengthof(letters); i++)
		if (Holds(&letters[i], letter - letters[i].distance))
			return letter - letters[i].distance;
	return letter == UPPER_SHARP_S ? SHARP_S : letter;
}

/* One character of more than one byte, in UTF-8. */
static void
AppendLetter(StringInfo out, const char *text, int length, bool upper)
{
	int32		letter = utf8_to_unicode((const unsigned char *) text);
	unsigned char bytes[5] = {0};

	if (upper && letter == SHARP_S)
	{
		appendStringInfoString(out, "SS");
		return;
	}
	unicode_to_utf8(upper ? ToUpper(letter) : ToLower(letter), bytes);
	appendBinaryStringInfo(out, (char *) bytes, pg_utf_mblen(bytes));
}

/* Appends one character and returns its length in the text. */
static int
AppendCharacter(StringInfo out, const char *text, bool upper)
{
	int			length = pg_mblen(text);

	if (length == 1 && !IS_HIGHBIT_SET(*text))
		appendStringInfoChar(out, upper ? pg_ascii_toupper(*text) :
							 pg_ascii_tolower(*text));
	else if (GetDatabaseEncoding() == PG_UTF8)
		AppendLetter(out, text, length, upper);
	else
		appendBinaryStringInfo(out, text, length);
	return length;
}

/* The first character in upper case or not, and so the others. */
static MessageValue
Convert(MessageSlice text, bool first, bool others)
{
	StringInfoData out;
	int			at = 0;

	initStringInfo(&out);
	if (text.length > 0)
		at = AppendCharacter(&out, text.text, first);

	while (at < text.length)
		at += AppendCharacter(&out, text.text + at, others);

	return MessageBuilt(&out);
}

MessageValue
MessageUpper(MessageSlice text)
{
	return Convert(text, true, true);
}

MessageValue
MessageLower(MessageSlice text)
{
	return Convert(text, false, false);
}

MessageValue
MessageCapitalize(MessageSlice text)
{
	return Convert(text, true, false);
}
