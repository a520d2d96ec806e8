/*
 * regex.c: which regular expressions a rule may use.
 *
 * The engine that matches them copies what a quantifier repeats, and takes a
 * time that grows faster than the square of the result: (a?){32}, 25 times in
 * a row, takes two seconds. So a pattern is a constant, and its size is what
 * it would be written out; back-references, which may take for ever, and the
 * options that change the syntax, so that another text would be matched than
 * the one looked at here, are refused. 256 take less than a tenth of a second.
 */
#include "rule/rule.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "regex/regex.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* However short, a pattern has its costs: at least as many as this. */
#define SMALLEST 16

/* Characters of flags that leave the syntax what it is. */
#define FLAGS "cgimnpsw"

/* ---- the size of a pattern ---- */

typedef struct Reader
{
	const char *at;				/* what is read next */
	const char *danger;			/* why it is refused, or NULL */
	int			depth;
} Reader;

/* [...], whose parentheses and braces mean themselves. */
static void
SkipBracket(Reader *reader)
{
	const char *c = reader->at + 1;

	c += *c == '^';
	c += *c == ']';
	for (; *c != '\0' && *c != ']'; c++)
	{
		if (*c == '\\' && c[1] != '\0')
			c++;
		else if (*c == '[' && c[1] != '\0' && strchr(".:=", c[1]))
		{
			const char	close[] = {c[1], ']', '\0'};
			const char *end = strstr(c + 2, close);

			c = end ? end + 1 : c + strlen(c) - 1;
		}
	}
	reader->at = *c == ']' ? c + 1 : c;
}

/* How often a quantifier {m}, {m,} or {m,n} repeats at most, written out. */
static int
ReadQuantifier(Reader *reader)
{
	int			most = 1;

	for (reader->at++; *reader->at && strchr("0123456789,", *reader->at); reader->at++)
	{
		most = Max(most, atoi(reader->at));
		if (most > RULE_MAX_REPEAT)
			reader->danger = psprintf("It repeats more than %d times.",
									  RULE_MAX_REPEAT);
	}
	reader->at += *reader->at == '}';
	return most;
}

static void
ReadEscape(Reader *reader)
{
	if (reader->at[1] >= '1' && reader->at[1] <= '9')
		reader->danger = "It refers back to what it matched.";
	reader->at += reader->at[1] == '\0' ? 1 : 2;
}

/* The size of what stands up to the parenthesis that closes it, or the end. */
static int
SizeOf(Reader *reader)
{
	int			size = 0;

	reader->depth++;
	while (*reader->at != '\0' && *reader->at != ')' && reader->danger == NULL)
	{
		int			atom = 1;

		if (strncmp(reader->at, "(?#", 3) == 0)
			reader->danger = "It has a comment.";
		if (*reader->at == '(')
		{
			reader->at++;
			atom += SizeOf(reader);
			reader->at += *reader->at == ')';
		}
		else if (*reader->at == '[')
			SkipBracket(reader);
		else if (*reader->at == '\\')
			ReadEscape(reader);
		else
			reader->at++;
		while (*reader->at == '{' && isdigit((unsigned char) reader->at[1]))
			atom *= ReadQuantifier(reader);
		size += atom;
		if (size > RULE_MAX_STATES || reader->depth > RULE_MAX_REPEAT)
			reader->danger = psprintf("Written out, it is longer than %d.",
									  RULE_MAX_STATES);
	}
	reader->depth--;
	return size;
}

/* Its size; *danger tells why it could run away, or is NULL. */
static int
Measure(const char *pattern, const char **danger)
{
	Reader		reader = {.at = pattern};
	int			size = 0;

	if (strlen(pattern) > RULE_MAX_REGEX)
		*danger = psprintf("It is longer than %d bytes.", RULE_MAX_REGEX);
	else if (strncmp(pattern, "***", 3) == 0 ||
			 (strncmp(pattern, "(?", 2) == 0 && isalpha((unsigned char) pattern[2]) &&
			  pattern[2 + strspn(pattern + 2, FLAGS)] != ')'))
		*danger = "It begins with options that change its syntax.";
	else
	{
		/* A parenthesis that closes nothing is a mistake, told of later. */
		while (*reader.at != '\0' && reader.danger == NULL)
		{
			size += SizeOf(&reader);
			reader.at += *reader.at == ')';
		}
		*danger = reader.danger;
	}
	return Max(size, SMALLEST);
}

/* ---- where patterns stand ---- */

/* The constant patterns of an argument: one, or those of an array. */
static List *
PatternsOf(Node *arg)
{
	List	   *patterns = NIL;
	ArrayType  *array;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (IsA(arg, ArrayExpr))
	{
		ListCell   *cell;

		foreach(cell, ((ArrayExpr *) arg)->elements)
			patterns = list_concat(patterns, PatternsOf(lfirst(cell)));
		return patterns;
	}
	if (IsA(arg, RelabelType))
		return PatternsOf((Node *) ((RelabelType *) arg)->arg);
	if (!IsA(arg, Const))
		return list_make1(NULL);
	if (((Const *) arg)->constisnull)
		return NIL;
	if (!OidIsValid(get_element_type(((Const *) arg)->consttype)))
		return list_make1(TextDatumGetCString(((Const *) arg)->constvalue));
	array = DatumGetArrayTypeP(((Const *) arg)->constvalue);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			patterns = lappend(patterns, TextDatumGetCString(values[i]));
	return patterns;
}

/* Whether a constant of text is NULL or has these characters only. */
static bool
ConsistsOf(Node *arg, const char *characters)
{
	Const	   *value = (Const *) arg;
	const char *content;

	if (!IsA(arg, Const))
		return false;
	if (value->constisnull)
		return true;
	content = TextDatumGetCString(value->constvalue);
	return content[strspn(content, characters)] == '\0';
}

/*
 * Of a call with a regular expression: its patterns, *danger if its other
 * arguments are none that a rule may give it. NIL for any other function.
 */
static List *
CallPatterns(Oid function, List *args, const char **danger)
{
	switch (function)
	{
		case F_REGEXP_REPLACE_TEXT_TEXT_TEXT:
		case F_REGEXP_REPLACE_TEXT_TEXT_TEXT_TEXT:
			if (!ConsistsOf(lthird(args), ""))
				*danger = "In a rule it only removes: its replacement is ''.";
			if (list_length(args) == 4 && !ConsistsOf(lfourth(args), FLAGS))
				*danger = "Its flags are not constant, or change the syntax.";
			break;
		case F_REGEXP_LIKE_TEXT_TEXT_TEXT:
		case F_REGEXP_MATCH_TEXT_TEXT_TEXT:
			if (!ConsistsOf(lthird(args), FLAGS))
				*danger = "Its flags are not constant, or change the syntax.";
			break;
		case F_TEXTREGEXEQ:
		case F_TEXTREGEXNE:
		case F_TEXTICREGEXEQ:
		case F_TEXTICREGEXNE:
		case F_BPCHARREGEXEQ:
		case F_BPCHARREGEXNE:
		case F_BPCHARICREGEXEQ:
		case F_BPCHARICREGEXNE:
		case F_NAMEREGEXEQ:
		case F_NAMEREGEXNE:
		case F_NAMEICREGEXEQ:
		case F_NAMEICREGEXNE:
		case F_REGEXP_COUNT_TEXT_TEXT:
		case F_REGEXP_LIKE_TEXT_TEXT:
		case F_REGEXP_MATCH_TEXT_TEXT:
		case F_REGEXP_SUBSTR_TEXT_TEXT:
		case F_SUBSTRING_TEXT_TEXT:
			break;
		default:
			return NIL;
	}
	return PatternsOf(lsecond(args));
}

/* A mistake in a pattern is told of now, not when the rule runs. */
static void
Compile(const char *pattern)
{
	(void) RE_compile_and_cache(cstring_to_text(pattern), REG_ADVANCED,
								DEFAULT_COLLATION_OID);
}

const char *
RuleRegexDanger(Oid function, List *args, int *sum)
{
	const char *danger = NULL;
	List	   *patterns = CallPatterns(function, args, &danger);
	ListCell   *cell;

	foreach(cell, patterns)
	{
		if (lfirst(cell) == NULL)
			return "It is not a constant.";
		if (danger != NULL)
			return danger;
		*sum += Measure(lfirst(cell), &danger);
		if (danger == NULL && *sum > 2 * RULE_MAX_STATES)
			danger = "The rule has too many of them.";
		if (danger == NULL)
			Compile(lfirst(cell));
	}
	return danger;
}
