/*
 * tally.h: what is counted of a rule's branches over all subjects.
 */
#ifndef PERSONA_RULE_TALLY_H
#define PERSONA_RULE_TALLY_H

#include "rule/branch.h"

#include "utils/array.h"
#include "utils/hsearch.h"

/* One branch: for how many subjects. */
typedef struct RuleTally
{
	int			slot;			/* of a leaf: its place among the answers, or
								 * -1 */
	int64		alone;			/* it is true */
	int64		unknown;		/* it is unknown */
	int64		without;		/* the rule is true without it */
	int64		swapped;		/* and with AND read as OR, or OR as AND */
} RuleTally;

typedef struct RuleCount
{
	List	   *branches;
	RuleTally  *tallies;		/* in the order of the branches */
	int			nslots;			/* answers a subject */
	int			whole;			/* the slot of the whole rule, or -1 */
	int64		subjects;
	int64		members;
	int64		unknown;
	HTAB	   *patterns;
	char	   *pattern;		/* of one subject */
	MemoryContext home;			/* where the patterns live */
} RuleCount;

/* From zero; branches, the slots of the tallies, nslots and whole are set. */
extern void RuleCountBegin(RuleCount *count);

/* One subject by its answers, boolean[]; returns what the rule answers. */
extern RuleAnswer RuleCountAdd(RuleCount *count, ArrayType *answers);

/* The tallies are complete after this. */
extern void RuleCountEnd(RuleCount *count);

#endif							/* PERSONA_RULE_TALLY_H */
