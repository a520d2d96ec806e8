/*
 * bound.c: sets of values of one type, as constants in a rule cut them out.
 *
 * a > 5 AND a <= 9 is the set after 5 and not after 9: a sorted list of cuts,
 * at each of which one goes in or out. AND and OR are one merge of two such
 * lists; the complement changes nothing but where one starts. Values are
 * compared by their type's own btree function. Between two whole numbers
 * nothing lies, so there a cut after n is one before n + 1.
 */
#include "rule/lint.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"

static RuleRegion *
Region(bool below, bool null, int n)
{
	RuleRegion *region = palloc(sizeof(RuleRegion));

	region->below = below;
	region->null = null;
	region->n = 0;
	region->cuts = palloc(Max(n, 1) * sizeof(RuleCut));
	return region;
}

static void
AddCut(const RuleTerm *term, RuleRegion *region, Datum value, bool after)
{
	RuleCut    *cut = &region->cuts[region->n++];
	int64		next;

	if (term->kind == INT8OID && after &&
		!pg_add_s64_overflow(DatumGetInt64(value), 1, &next))
	{
		value = Int64GetDatum(next);
		after = false;
	}
	cut->value = value;
	cut->after = after;
}

/* Texts are compared byte by byte, which tells equal ones from others. */
static int
CompareValues(const RuleTerm *term, Datum a, Datum b)
{
	return DatumGetInt32(FunctionCall2Coll(term->compare, C_COLLATION_OID, a, b));
}

static int
CompareCuts(const RuleTerm *term, const RuleCut *a, const RuleCut *b)
{
	int			result = CompareValues(term, a->value, b->value);

	return result != 0 ? result : (int) a->after - (int) b->after;
}

RuleRegion *
RuleRegionAll(bool below, bool null)
{
	return Region(below, null, 0);
}

RuleRegion *
RuleRegionOf(const RuleTerm *term, const char *op, Datum value)
{
	bool		below = op[0] == '<';
	RuleRegion *region = Region(below, false, 2);

	if (op[0] == '=')
		AddCut(term, region, value, false);
	AddCut(term, region, value, op[0] == '=' ||
		   (op[0] == '<') == (op[1] == '='));
	return region;
}

static int
CompareForSort(const void *a, const void *b, void *term)
{
	return CompareValues(term, *(const Datum *) a, *(const Datum *) b);
}

RuleRegion *
RuleRegionPoints(const RuleTerm *term, Datum *values, int n)
{
	RuleRegion *region = Region(false, false, 2 * n);

	qsort_arg(values, n, sizeof(Datum), CompareForSort,
			  unconstify(RuleTerm *, term));
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && CompareValues(term, values[i - 1], values[i]) == 0)
			continue;
		AddCut(term, region, values[i], false);
		/* Neighbours are one piece. */
		if (region->n > 1 && CompareCuts(term, &region->cuts[region->n - 2],
										 &region->cuts[region->n - 1]) == 0)
			region->n -= 2;
		AddCut(term, region, values[i], true);
	}
	return region;
}

RuleRegion *
RuleRegionNot(const RuleRegion *a, bool null)
{
	RuleRegion *region = palloc(sizeof(RuleRegion));

	*region = *a;
	region->below = !a->below;
	region->null = null;
	return region;
}

/* Merges the cuts of two sets; `every`: what is in both, else in either. */
static RuleRegion *
Merge(const RuleTerm *term, const RuleRegion *a, const RuleRegion *b, bool every)
{
#define BOTH(x, y) (every ? (x) && (y) : (x) || (y))
	RuleRegion *region = Region(BOTH(a->below, b->below), BOTH(a->null, b->null),
								a->n + b->n);
	bool		in_a = a->below;
	bool		in_b = b->below;
	bool		inside = region->below;
	int			i = 0;
	int			j = 0;

	CHECK_FOR_INTERRUPTS();
	while (i < a->n || j < b->n)
	{
		int			order = i == a->n ? 1 : j == b->n ? -1 :
		CompareCuts(term, &a->cuts[i], &b->cuts[j]);
		const RuleCut *cut = order <= 0 ? &a->cuts[i] : &b->cuts[j];

		if (order <= 0)
			in_a = !in_a, i++;
		if (order >= 0)
			in_b = !in_b, j++;
		if (BOTH(in_a, in_b) != inside)
			region->cuts[region->n++] = *cut;
		inside = BOTH(in_a, in_b);
	}
	return region;
#undef BOTH
}

RuleRegion *
RuleRegionAnd(const RuleTerm *term, const RuleRegion *a, const RuleRegion *b)
{
	return Merge(term, a, b, true);
}

RuleRegion *
RuleRegionOr(const RuleTerm *term, const RuleRegion *a, const RuleRegion *b)
{
	return Merge(term, a, b, false);
}

bool
RuleRegionIsEmpty(const RuleRegion *a)
{
	return !a->below && !a->null && a->n == 0;
}
