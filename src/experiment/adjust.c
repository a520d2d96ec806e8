/*
 * adjust.c: p-values of a family of tests. Twenty goals find something by
 * chance once on average; so the more tests there are, the smaller a p-value
 * has to be. Holm's method keeps the chance of any false find below alpha,
 * Benjamini and Hochberg's the share of false ones among what is found.
 */
#include "experiment/stat.h"

#include <math.h>

typedef struct Ranked
{
	double		p;
	int			place;
} Ranked;

static int
CompareRanked(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	if (x->p != y->p)
		return x->p < y->p ? -1 : 1;
	return x->place - y->place;
}

/* The p-values there are, ascending; the others' results are NaN already. */
static Ranked *
Rank(const double *p, int n, int *count, double *adjusted)
{
	Ranked	   *ranked = palloc(sizeof(Ranked) * Max(n, 1));

	*count = 0;
	for (int i = 0; i < n; i++)
	{
		adjusted[i] = NAN;
		if (isnan(p[i]))
			continue;
		ranked[*count].p = p[i];
		ranked[(*count)++].place = i;
	}
	qsort(ranked, *count, sizeof(Ranked), CompareRanked);
	return ranked;
}

void
StatHolm(const double *p, int n, int m, double *adjusted)
{
	int			count;
	Ranked	   *ranked = Rank(p, n, &count, adjusted);
	double		running = 0;

	for (int k = 0; k < count; k++)
	{
		running = fmax(running, fmin(1, (m - k) * ranked[k].p));
		adjusted[ranked[k].place] = running;
	}
	pfree(ranked);
}

void
StatBenjaminiHochberg(const double *p, int n, int m, double *adjusted)
{
	int			count;
	Ranked	   *ranked = Rank(p, n, &count, adjusted);
	double		running = 1;

	for (int k = count; k > 0; k--)
	{
		running = fmin(running, m * ranked[k - 1].p / k);
		adjusted[ranked[k - 1].place] = running;
	}
	pfree(ranked);
}

void
StatBonferroni(const double *p, int n, int m, double *adjusted)
{
	for (int i = 0; i < n; i++)
		adjusted[i] = isnan(p[i]) ? NAN : fmin(1, m * p[i]);
}
