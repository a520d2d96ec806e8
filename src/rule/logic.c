/*
 * logic.c: what follows from what in a tree of clauses.
 *
 * A context says of each term which values it can have here. Where all parts
 * must hold, each stands in the context of the others being true; where one
 * suffices, it matters only while the others are not. A clause that excludes
 * its whole context can never hold there, one that covers it always does.
 *
 * The contexts are wider than the truth (an OR over two terms limits neither),
 * so "never" and "always" are certain and "open" may be either. The parts are
 * gone through once, from the last to the first, with what the parts before
 * leave over computed beforehand: a chain of n comparisons of one term costs n
 * steps, not n * n.
 */
#include "rule/lint.h"

#include "miscadmin.h"

RuleContext
RuleContextOf(const RuleTree *tree)
{
	RuleContext context = palloc(Max(1, list_length(tree->terms)) *
								 sizeof(RuleRegion *));
	ListCell   *cell;

	foreach(cell, tree->terms)
		context[foreach_current_index(cell)] = ((RuleTerm *) lfirst(cell))->domain;
	return context;
}

/* ---- what a part says of its terms ---- */

/* One part's limit of one term. */
typedef struct Share
{
	RuleLimit	limit;
	int			part;
} Share;

static int
CompareShares(const void *a, const void *b)
{
	const Share *x = a;
	const Share *y = b;

	if (x->limit.term->number != y->limit.term->number)
		return x->limit.term->number - y->limit.term->number;
	return x->part - y->part;
}

/* The limits of all parts when they hold, or do not; sorted by term. */
static Share *
Shares(const RulePart *part, bool holds, int *n)
{
	Share	   *shares;
	int			at = 0;

	*n = 0;
	for (int i = 0; i < part->n; i++)
		*n += (holds ? RuleHolds(part->parts[i]) : RuleFails(part->parts[i]))->n;
	shares = palloc(Max(1, *n) * sizeof(Share));
	for (int i = 0; i < part->n; i++)
	{
		const RuleLimits *limits = holds ? RuleHolds(part->parts[i]) :
		RuleFails(part->parts[i]);

		for (int j = 0; j < limits->n; j++)
			shares[at++] = (Share)
		{
			limits->limits[j], i
		};
	}
	qsort(shares, *n, sizeof(Share), CompareShares);
	return shares;
}

/*
 * What is known where all parts are so (every), or at least one: then only of
 * terms that each part limits.
 */
static RuleLimits *
Gather(const RulePart *part, bool holds, bool every)
{
	RuleLimits *limits = palloc0(sizeof(RuleLimits));
	int			n;
	Share	   *shares = Shares(part, holds, &n);

	limits->limits = palloc(Max(1, n) * sizeof(RuleLimit));
	for (int i = 0; i < n;)
	{
		RuleLimit	limit = shares[i].limit;
		int			first = i++;

		for (; i < n && shares[i].limit.term == limit.term; i++)
			limit.region = every ?
				RuleRegionAnd(limit.term, limit.region, shares[i].limit.region) :
				RuleRegionOr(limit.term, limit.region, shares[i].limit.region);
		if (every || i - first == part->n)
			limits->limits[limits->n++] = limit;
	}
	return limits;
}

static RuleLimits *
Limit(RulePart *part, bool holds)
{
	RuleLimits *limits = palloc0(sizeof(RuleLimits));

	if (part->shape == RULE_EVERY || part->shape == RULE_SOME)
		return Gather(part, holds, (part->shape == RULE_EVERY) == holds);
	if (part->shape == RULE_CLAUSE)
	{
		limits->n = 1;
		limits->limits = palloc(sizeof(RuleLimit));
		limits->limits[0].term = part->term;
		limits->limits[0].region = holds ? part->region :
			RuleRegionNot(part->region, !part->region->null);
	}
	return limits;
}

const RuleLimits *
RuleHolds(RulePart *part)
{
	check_stack_depth();
	if (part->holds == NULL)
		part->holds = Limit(part, true);
	return part->holds;
}

const RuleLimits *
RuleFails(RulePart *part)
{
	check_stack_depth();
	if (part->fails == NULL)
		part->fails = Limit(part, false);
	return part->fails;
}

/* ---- one part after the other ---- */

/* All that the parts say of one term. */
typedef struct Group
{
	RuleTerm   *term;
	int			n;
	Share	   *shares;
	RuleRegion **before;		/* what those before the i-th leave over */
	RuleRegion *after;			/* and those after the present one */
	RuleRegion *outside;		/* the context that came in */
} Group;

struct RuleWalk
{
	RulePart   *part;
	RuleContext context;
	int			ngroups;
	Group	   *groups;			/* sorted by term */
	bool		impossible;		/* that all parts hold, or none does */
};

RuleWalk *
RuleWalkBegin(RulePart *part, RuleContext context)
{
	RuleWalk   *walk = palloc0(sizeof(RuleWalk));
	int			n;
	Share	   *shares = Shares(part, part->shape == RULE_EVERY, &n);

	walk->part = part;
	walk->context = context;
	walk->groups = palloc(Max(1, n) * sizeof(Group));
	for (int i = 0; i < n;)
	{
		Group	   *group = &walk->groups[walk->ngroups++];
		RuleTerm   *term = shares[i].limit.term;
		int			first = i;

		while (i < n && shares[i].limit.term == term)
			i++;
		group->term = term;
		group->n = i - first;
		group->shares = &shares[first];
		group->after = NULL;
		group->outside = context[term->number];
		group->before = palloc((group->n + 1) * sizeof(RuleRegion *));
		group->before[0] = group->outside;
		for (int j = 0; j < group->n; j++)
			group->before[j + 1] = RuleRegionAnd(term, group->before[j],
												 group->shares[j].limit.region);
		walk->impossible = walk->impossible ||
			RuleRegionIsEmpty(group->before[group->n]);
	}
	return walk;
}

static Group *
GroupOf(RuleWalk *walk, int term)
{
	int			low = 0;
	int			high = walk->ngroups;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (walk->groups[middle].term->number < term)
			low = middle + 1;
		else
			high = middle;
	}
	return low < walk->ngroups && walk->groups[low].term->number == term ?
		&walk->groups[low] : NULL;
}

void
RuleWalkEnter(RuleWalk *walk, int i)
{
	int			term = -1;

	while ((term = bms_next_member(walk->part->parts[i]->terms, term)) >= 0)
	{
		Group	   *group = GroupOf(walk, term);

		if (group == NULL)
			continue;
		while (group->n > 0 && group->shares[group->n - 1].part >= i)
			group->n--;
		walk->context[term] = group->after == NULL ? group->before[group->n] :
			RuleRegionAnd(group->term, group->before[group->n], group->after);
	}
}

void
RuleWalkLeave(RuleWalk *walk, int i, bool keep)
{
	RulePart   *part = walk->part->parts[i];
	const RuleLimits *limits = walk->part->shape == RULE_EVERY ?
	RuleHolds(part) : RuleFails(part);
	int			term = -1;

	while ((term = bms_next_member(part->terms, term)) >= 0)
	{
		Group	   *group = GroupOf(walk, term);

		if (group != NULL)
			walk->context[term] = group->outside;
	}
	for (int j = 0; keep && j < limits->n; j++)
	{
		Group	   *group = GroupOf(walk, limits->limits[j].term->number);

		group->after = group->after == NULL ? limits->limits[j].region :
			RuleRegionAnd(group->term, group->after, limits->limits[j].region);
	}
}

/* ---- a part in its context ---- */

static RuleTruth
EvaluateClause(RulePart *part, RuleContext context)
{
	RuleRegion *here = context[part->term->number];
	RuleRegion *elsewhere = RuleRegionNot(part->region, !part->region->null);

	if (RuleRegionIsEmpty(RuleRegionAnd(part->term, here, part->region)))
		return RULE_NEVER;
	if (RuleRegionIsEmpty(RuleRegionAnd(part->term, here, elsewhere)))
		return RULE_ALWAYS;
	return RULE_OPEN;
}

static RuleTruth
EvaluateParts(RulePart *part, RuleContext context)
{
	RuleTruth	decides = part->shape == RULE_EVERY ? RULE_NEVER : RULE_ALWAYS;
	RuleWalk   *walk = RuleWalkBegin(part, context);
	bool		open = false;

	if (walk->impossible)
		return decides;
	for (int i = part->n - 1; i >= 0; i--)
	{
		RuleTruth	truth;

		RuleWalkEnter(walk, i);
		truth = RuleEvaluate(part->parts[i], context);
		RuleWalkLeave(walk, i, truth == RULE_OPEN);
		if (truth == decides)
			return decides;
		open = open || truth == RULE_OPEN;
	}
	return open ? RULE_OPEN : decides == RULE_NEVER ? RULE_ALWAYS : RULE_NEVER;
}

RuleTruth
RuleEvaluate(RulePart *part, RuleContext context)
{
	check_stack_depth();
	if (part->shape == RULE_FIXED)
		return part->fixed ? RULE_ALWAYS : RULE_NEVER;
	if (part->shape == RULE_CLAUSE)
		return EvaluateClause(part, context);
	return EvaluateParts(part, context);
}

/* Whether `wide` always holds where all of these parts do, in the context. */
bool
RuleFollows(RulePart *wide, RulePart **parts, int n, RuleContext context)
{
	List	   *outside = NIL;
	bool		follows = true;
	bool		impossible = false;
	ListCell   *cell;

	check_stack_depth();
	/* An OR has to say so in each of its own. */
	if (n == 1 && parts[0]->shape == RULE_SOME)
	{
		for (int i = 0; i < parts[0]->n && follows; i++)
			follows = RuleFollows(wide, &parts[0]->parts[i], 1, context);
		return follows;
	}
	for (int i = 0; i < n; i++)
	{
		const RuleLimits *limits = RuleHolds(parts[i]);

		for (int j = 0; j < limits->n; j++)
		{
			RuleLimit  *limit = &limits->limits[j];
			RuleRegion **here = &context[limit->term->number];
			RuleLimit  *was = palloc(sizeof(RuleLimit));

			*was = (RuleLimit)
			{
				limit->term, *here
			};
			outside = lcons(was, outside);
			*here = RuleRegionAnd(limit->term, *here, limit->region);
			impossible = impossible || RuleRegionIsEmpty(*here);
		}
	}
	follows = impossible || RuleEvaluate(wide, context) == RULE_ALWAYS;
	foreach(cell, outside)
	{
		RuleLimit  *was = lfirst(cell);

		context[was->term->number] = was->region;
	}
	return follows;
}
