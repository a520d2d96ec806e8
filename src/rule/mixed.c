/*
 * mixed.c: AND and OR side by side without parentheses.
 *
 * a OR b AND c means a OR (b AND c), and not everybody who writes it knows.
 * The parser forgets parentheses, and a rule's canonical text has only those
 * that it needs; so this looks at the text as it was written, by PostgreSQL's
 * own scanner. Each pair of parentheses or brackets and each CASE is a level
 * of its own, where a comma or a word of CASE begins anew. The AND of BETWEEN
 * is none.
 */
#include "rule/lint.h"

#include "common/keywords.h"
#include "parser/scanner.h"

/* The scanner tells keywords as their number in the list, from here on. */
#define FIRST_KEYWORD 20000

typedef struct Level
{
	bool		has_and;
	bool		has_or;
	int			betweens;		/* whose AND has not come yet */
} Level;

static const Level nothing_seen = {0};

static const uint16 *
KeywordTokens(void)
{
	uint16	   *tokens = palloc(ScanKeywords.num_keywords * sizeof(uint16));

	for (int i = 0; i < ScanKeywords.num_keywords; i++)
		tokens[i] = FIRST_KEYWORD + i;
	return tokens;
}

static void
SeeWord(Level *level, const char *word)
{
	if (strcmp(word, "between") == 0)
		level->betweens++;
	else if (strcmp(word, "or") == 0)
		level->has_or = true;
	else if (strcmp(word, "and") == 0 && level->betweens > 0)
		level->betweens--;
	else if (strcmp(word, "and") == 0)
		level->has_and = true;
	else if (strcmp(word, "when") == 0 || strcmp(word, "then") == 0 ||
			 strcmp(word, "else") == 0 || strcmp(word, "where") == 0)
		*level = nothing_seen;
}

bool
RuleIsMixed(const char *text)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords,
										 KeywordTokens());
	Level	   *levels = palloc0((strlen(text) + 1) * sizeof(Level));
	int			depth = 0;
	int			token;
	bool		mixed = false;
	core_YYSTYPE value;
	YYLTYPE		location;

	while ((token = core_yylex(&value, &location, scanner)) != 0)
	{
		const char *word = token < FIRST_KEYWORD ? "" :
		GetScanKeyword(token - FIRST_KEYWORD, &ScanKeywords);

		if (token == '(' || token == '[' || strcmp(word, "case") == 0)
			levels[++depth] = nothing_seen;
		else if (token == ',')
			levels[depth] = nothing_seen;
		else if (token == ')' || token == ']' || strcmp(word, "end") == 0)
			depth--;
		else
			SeeWord(&levels[depth], word);
		mixed = mixed || (levels[depth].has_and && levels[depth].has_or);
	}
	scanner_finish(scanner);
	return mixed;
}
