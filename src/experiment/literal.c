/*
 * literal.c: the text of a sample, such as mean(3,20,-5,14,0.5,10,20).
 *
 * A dump must give back every bit, so numbers are written as the shortest text
 * that reads as the same double, whatever extra_float_digits is.
 */
#include "experiment/sample.h"

#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"

/* So many bytes of a text that is none of ours are shown. */
#define SHOWN 80

char *
LiteralWrite(const char *word, int64 n, const double *numbers, int count)
{
	StringInfoData text;
	char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

	initStringInfo(&text);
	appendStringInfo(&text, "%s(" INT64_FORMAT, word, n);
	for (int i = 0; i < count; i++)
	{
		double_to_shortest_decimal_buf(numbers[i], number);
		appendStringInfo(&text, ",%s", number);
	}
	appendStringInfoChar(&text, ')');
	return text.data;
}

static void
Refuse(const char *type, const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%.*s\"", type,
					pg_mbcliplen(text, strlen(text), SHOWN), text),
			 errhint("Its text is what the type itself writes; summarize() and "
					 "sample(n, mean, sd) make one.")));
}

/* Goes past `expected`, or says that the text is none of ours. */
static char *
Skip(char *at, const char *expected, const char *type, const char *text)
{
	size_t		length = strlen(expected);

	if (strncmp(at, expected, length) != 0)
		Refuse(type, text);
	return at + length;
}

int
LiteralRead(const char *text, const char *type, const char *const *words,
			int64 *n, double *numbers, int count)
{
	char	   *at = unconstify(char *, text);
	char	   *end;
	int			word = 0;

	while (words[word] && strncmp(at, words[word], strlen(words[word])) != 0)
		word++;
	if (!words[word])
		Refuse(type, text);
	at = Skip(at + strlen(words[word]), "(", type, text);
	errno = 0;
	*n = strtoi64(at, &end, 10);
	if (end == at || errno != 0)
		Refuse(type, text);
	for (int i = 0; i < count; i++)
	{
		at = Skip(end, ",", type, text);
		numbers[i] = strtod(at, &end);
		if (end == at)
			Refuse(type, text);
	}
	if (*Skip(end, ")", type, text) != '\0')
		Refuse(type, text);
	return word;
}
