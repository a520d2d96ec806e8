/*
 * paired.c: tests that need two measures of each person.
 *
 * A ratio of means, such as revenue by orders, has people as its units, not
 * orders: its variance is that of y - R x by the delta method. CUPED takes
 * from y what x, the same measure before the experiment, foretells; the slope
 * is fitted within the variants, which is what a regression of y on variant
 * and x gives.
 */
#include "experiment/stat.h"

#include <math.h>

#include "experiment/distribution.h"

static bool
TooFew(const PairMoments *a, const PairMoments *b)
{
	return !(a->n >= 2) || !(b->n >= 2) ||
		isnan(a->my + a->vy + a->mx + a->vx + a->cov) ||
		isnan(b->my + b->vy + b->mx + b->vx + b->cov);
}

double
AdjustedVariance(const PairMoments *p, double theta)
{
	return fmax(0, p->vy - 2 * theta * p->cov + theta * theta * p->vx);
}

double
RatioVariance(const PairMoments *p)
{
	return AdjustedVariance(p, p->my / p->mx) / (p->mx * p->mx);
}

Ratio
StatRatio(const PairMoments *a, const PairMoments *b, double alpha)
{
	Ratio		r;
	double		z = NormalQuantile(alpha / 2);
	double		theta;

	StatBlank(&r, sizeof(r), "too_few");
	if (TooFew(a, b))
		return r;
	r.status = "zero_denominator";
	if (a->mx == 0 || b->mx == 0)
		return r;
	r.r1 = a->my / a->mx;
	r.r2 = b->my / b->mx;
	r.var_r1 = RatioVariance(a) / a->n;
	r.var_r2 = RatioVariance(b) / b->n;
	r.diff = DifferenceOfProducts(b->my, a->mx, a->my, b->mx) / (a->mx * b->mx);
	r.status = "zero_variance";
	if (r.var_r1 + r.var_r2 <= 0)
		return r;
	r.se = sqrt(r.var_r1 + r.var_r2);
	r.z = r.diff / r.se;
	r.ln_p = fmin(0, M_LN2 + NormalLnTail(fabs(r.z)));
	r.p_value = Probability(r.ln_p);
	r.ci_lo = r.diff - z * r.se;
	r.ci_hi = r.diff + z * r.se;
	r.status = r.r1 == 0 ? "zero_baseline" : "ok";
	if (r.r1 == 0)
		return r;
	theta = r.r2 / r.r1;
	r.lift = r.diff / fabs(r.r1);
	r.se_lift = sqrt(r.var_r2 + theta * theta * r.var_r1) / fabs(r.r1);
	return r;
}

/* The slope of y on x within the variants; 0 where x does not vary. */
static double
PooledSlope(const PairMoments *a, const PairMoments *b)
{
	double		squares = (a->n - 1) * a->vx + (b->n - 1) * b->vx;

	if (squares <= 0)
		return 0;
	return ((a->n - 1) * a->cov + (b->n - 1) * b->cov) / squares;
}

Cuped
StatCuped(const PairMoments *a, const PairMoments *b, double alpha)
{
	Cuped		c;
	Welch		w;
	Moments		control,
				treatment;
	double		apart = b->mx - a->mx;

	StatBlank(&c, sizeof(c), "too_few");
	if (TooFew(a, b))
		return c;
	c.theta = PooledSlope(a, b);
	c.adj_mean1 = a->my + c.theta * apart * (b->n / (a->n + b->n));
	c.adj_mean2 = b->my - c.theta * apart * (a->n / (a->n + b->n));
	c.adj_var1 = AdjustedVariance(a, c.theta);
	c.adj_var2 = AdjustedVariance(b, c.theta);

	/* Only the difference matters, and so it loses no digits. */
	control = MomentsOf(a->n, 0, c.adj_var1);
	treatment = MomentsOf(b->n, b->my - a->my - c.theta * apart, c.adj_var2);
	w = StatWelch(&control, &treatment, alpha);
	c.status = w.status;
	c.diff = w.diff;
	c.se = w.se;
	c.t = w.t;
	c.df = w.df;
	c.p_value = w.p_value;
	c.ln_p = w.ln_p;
	if (isnan(w.se))
		return c;
	c.variance_reduction = 1 - w.se * w.se / (a->vy / a->n + b->vy / b->n);
	if (a->vx + b->vx <= 0)
		c.status = "no_covariate_variance";
	return c;
}
