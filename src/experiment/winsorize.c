/*
 * winsorize.c: one buyer of a hundred chairs hides what all others do. Values
 * beyond a percentile are capped at it, in both variants alike, and nobody is
 * dropped: so the bounds are taken of both variants together.
 */
#include "experiment/stat.h"

#include <math.h>

#include "experiment/sample.h"

static int
CompareDoubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/*
 * PostgreSQL's percentile_cont of sorted values; NaN of none. 0.95 is a little
 * less than 95 %, so 0.95 * 60 is a little less than 57, although it rounds to
 * that: the place is kept as what it rounds to and what is missing.
 */
static double
Percentile(const double *sorted, int n, double fraction)
{
	double		place = fraction * (n - 1);
	double		missing = fma(fraction, n - 1, -place);
	int			below = (int) floor(place);

	if (n == 0 || isnan(fraction))
		return NAN;
	if (place == below && missing < 0)
		below--;
	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] +
		(place - below + missing) * (sorted[below + 1] - sorted[below]);
}

/* The values but for zeros, in their order. */
static int
WithoutZeros(const double *values, int n, double *others)
{
	int			count = 0;

	for (int i = 0; i < n; i++)
		if (values[i] != 0)
			others[count++] = values[i];
	return count;
}

Winsorized
StatWinsorize(double *values, int n, double p_lo, double p_hi,
			  bool nonzero_only)
{
	Winsorized	w;
	Sample		sample = {0};
	double	   *counted = values;
	int			count = n;

	StatBlank(&w, sizeof(w), "no_data");
	if (n == 0)
		return w;
	w.status = "ok";
	w.capped = 0;
	qsort(values, n, sizeof(double), CompareDoubles);
	if (nonzero_only)
	{
		counted = palloc(sizeof(double) * n);
		count = WithoutZeros(values, n, counted);
	}
	w.lo = Percentile(counted, count, p_lo);
	w.hi = Percentile(counted, count, p_hi);
	for (int i = 0; i < n; i++)
	{
		double		value = values[i];

		if (value != 0 || !nonzero_only)
			value = fmin(fmax(value, w.lo), w.hi);
		w.capped += value != values[i];
		SampleAdd(&sample, value);
	}
	w.mean = SampleMean(&sample);
	w.var = SampleVariance(&sample);
	return w;
}
