/*
 * tally.c: counts what each branch of a rule does, over all subjects.
 *
 * Subjects whose leaves answer alike are one pattern, and a rule of a few
 * clauses has few patterns, however many the subjects: the logic is done once
 * a pattern. Where there are many patterns they are counted off now and then,
 * so that memory stays small.
 */
#include "rule/tally.h"

#include "catalog/pg_type.h"

/* So many patterns are remembered at most. */
#define PATTERNS_MAX 4096

/* What follows the pattern in an entry of the table. */
typedef struct Seen
{
	int64		subjects;
	RuleAnswer	answer;			/* of the rule */
} Seen;

static Size
KeySize(const RuleCount *count)
{
	return Max(count->nslots, 1);
}

static Seen *
SeenOf(const RuleCount *count, char *entry)
{
	return (Seen *) (entry + MAXALIGN(KeySize(count)));
}

static void
MakeTable(RuleCount *count)
{
	HASHCTL		control = {.keysize = KeySize(count),
		.entrysize = MAXALIGN(KeySize(count)) + sizeof(Seen),
	.hcxt = count->home};

	count->patterns = hash_create("persona patterns", 256, &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
RuleCountBegin(RuleCount *count)
{
	for (int i = 0; i < list_length(count->branches); i++)
	{
		RuleTally  *tally = &count->tallies[i];

		tally->alone = tally->unknown = tally->without = tally->swapped = 0;
	}
	count->subjects = count->members = count->unknown = 0;
	count->home = CurrentMemoryContext;
	count->pattern = palloc0(KeySize(count));
	MakeTable(count);
}

/* Answers all branches as the pattern has it; returns the rule's answer. */
static RuleAnswer
AnswerPattern(RuleCount *count, const char *pattern)
{
	ListCell   *cell;

	foreach(cell, count->branches)
	{
		RuleBranch *branch = lfirst(cell);
		int			slot = count->tallies[branch->number].slot;

		if (branch->kind == RULE_LEAF)
			branch->answer = slot < 0 ? RULE_UNKNOWN : pattern[slot];
	}
	RuleAnswerBranches(count->branches);
	if (count->whole >= 0)
		return pattern[count->whole];
	return ((RuleBranch *) linitial(count->branches))->answer;
}

/* What the rule is for these subjects when a part of it is otherwise. */
static void
CountPattern(RuleCount *count, int64 subjects)
{
	ListCell   *cell;

	foreach(cell, count->branches)
	{
		RuleBranch *branch = lfirst(cell);
		RuleTally  *tally = &count->tallies[branch->number];

		if (branch->answer == RULE_TRUE)
			tally->alone += subjects;
		if (branch->answer == RULE_UNKNOWN)
			tally->unknown += subjects;
		if (branch->parent != NULL && branch->parent->kind != RULE_NOT &&
			RuleRevised(branch, RULE_ABSENT) == RULE_TRUE)
			tally->without += subjects;
		if ((branch->kind == RULE_AND || branch->kind == RULE_OR) &&
			RuleRevised(branch, RuleSwapped(branch)) == RULE_TRUE)
			tally->swapped += subjects;
	}
}

/* Counts off all patterns seen so far. */
static void
CountOff(RuleCount *count)
{
	HASH_SEQ_STATUS scan;
	char	   *entry;

	hash_seq_init(&scan, count->patterns);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		(void) AnswerPattern(count, entry);
		CountPattern(count, SeenOf(count, entry)->subjects);
	}
	hash_destroy(count->patterns);
}

static void
ReadPattern(RuleCount *count, ArrayType *answers)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(answers, BOOLOID, 1, true, TYPALIGN_CHAR, &elements,
					  &nulls, &n);
	for (int i = 0; i < n; i++)
		count->pattern[i] = nulls[i] ? RULE_UNKNOWN :
			DatumGetBool(elements[i]) ? RULE_TRUE : RULE_FALSE;
	pfree(elements);
	pfree(nulls);
}

RuleAnswer
RuleCountAdd(RuleCount *count, ArrayType *answers)
{
	char	   *entry;
	Seen	   *seen;
	bool		found;

	if (hash_get_num_entries(count->patterns) >= PATTERNS_MAX)
	{
		CountOff(count);
		MakeTable(count);
	}
	ReadPattern(count, answers);
	entry = hash_search(count->patterns, count->pattern, HASH_ENTER, &found);
	seen = SeenOf(count, entry);
	if (!found)
	{
		seen->subjects = 0;
		seen->answer = AnswerPattern(count, count->pattern);
	}
	seen->subjects++;
	count->subjects++;
	count->members += seen->answer == RULE_TRUE;
	count->unknown += seen->answer == RULE_UNKNOWN;
	return seen->answer;
}

void
RuleCountEnd(RuleCount *count)
{
	CountOff(count);
}
