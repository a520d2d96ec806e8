/*
 * decay.c: whether an effect fades, from its difference day by day.
 *
 * Page's CUSUM adds up how far each day stays below the reference, less an
 * allowance, and never goes below 0: a small lasting loss adds up to an alarm,
 * a bad day does not. The split compares late days with early ones, the slope
 * is that of a weighted line through the days, and Q says whether days differ
 * more than their standard errors allow. A day without data changes nothing.
 */
#include "experiment/stat.h"

#include <math.h>

#include "experiment/distribution.h"

/* Days pooled by the inverse of their variance. */
typedef struct Pool
{
	int			days;
	double		weight;
	double		mean;			/* of the differences */
	double		squares;		/* weighted, around the mean */
	double		mean_day;
	double		day_squares;
	double		products;
} Pool;

static void
PoolDay(Pool *pool, double day, double diff, double se)
{
	double		weight = 1 / (se * se);
	double		before = pool->weight;
	double		apart = diff - pool->mean;
	double		days_apart = day - pool->mean_day;

	pool->days++;
	pool->weight += weight;
	pool->mean += apart * (weight / pool->weight);
	pool->mean_day += days_apart * (weight / pool->weight);
	weight *= before / pool->weight;
	pool->squares += weight * apart * apart;
	pool->day_squares += weight * days_apart * days_apart;
	pool->products += weight * apart * days_apart;
}

static void
Cusum(Decay *d, const double *diffs, const double *ses, int n,
	  double reference, double kappa, double h, double *cusum)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		if (!isnan(diffs[i]))
			sum = fmax(0, sum + (reference - diffs[i]) / ses[i] - kappa);
		cusum[i] = sum;
		if (sum > h && isnan(d->alarm_at))
			d->alarm_at = i + 1;
	}
}

static void
Split(Decay *d, const Pool *early, const Pool *late)
{
	if (early->days == 0 || late->days == 0)
		return;
	d->early = early->mean;
	d->late = late->mean;
	d->z_split = (d->late - d->early) /
		sqrt(1 / early->weight + 1 / late->weight);
	d->p_split_less = NormalTail(-d->z_split);
	d->p_split_two = 2 * NormalTail(fabs(d->z_split));
}

static void
Slope(Decay *d, const Pool *all)
{
	if (all->days < 2)
		return;
	d->slope = all->products / all->day_squares;
	d->slope_se = 1 / sqrt(all->day_squares);
	d->z_slope = d->slope / d->slope_se;
	d->p_slope_two = 2 * NormalTail(fabs(d->z_slope));
	d->q_stat = all->squares;
	d->p_hetero = Probability(Chi2LnTail(d->q_stat, all->days - 1));
}

Decay
StatDecay(const double *diffs, const double *ses, int n, double reference,
		  double kappa, double h, int split, double *cusum)
{
	Decay		d;
	Pool		early = {0},
				late = {0},
				all = {0};

	StatBlank(&d, sizeof(d), "ok");
	Cusum(&d, diffs, ses, n, reference, kappa, h, cusum);
	for (int i = 0; i < n; i++)
	{
		if (isnan(diffs[i]))
			continue;
		PoolDay(&all, i + 1, diffs[i], ses[i]);
		PoolDay(i < split ? &early : &late, i + 1, diffs[i], ses[i]);
	}
	Split(&d, &early, &late);
	Slope(&d, &all);
	return d;
}
