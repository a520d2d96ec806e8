/*
 * power.c: how many people it takes to see an effect of a given size, and
 * what can be seen with the people there are.
 *
 * For one look these are the usual formulas, with the normal distribution. For
 * a test that may be looked at all the time, the number is where the interval,
 * c(N) standard errors wide to a side, leaves as much room as the power asks.
 */
#include "experiment/stat.h"

#include <math.h>

#include "experiment/distribution.h"

/* The normal quantiles of a plan: of its error and of its power. */
typedef struct Quantiles
{
	double		error;
	double		power;
	double		sum;
} Quantiles;

static Quantiles
DesignQuantiles(const Design *design)
{
	Quantiles	z;

	z.error = NormalQuantile(design->alpha / design->sides);
	z.power = NormalQuantile(1 - design->power);
	z.sum = z.error + z.power;
	return z;
}

/*
 * The people in all at which sequential testing with N* sees the effect: the
 * root of (c(N) + z) sqrt(S / N) = effect, which falls in N; S is N times the
 * variance of the difference. NaN where even everybody on earth is too few.
 */
static double
SequentialTotal(double s, double effect, double z, double alpha,
				double n_star)
{
	double		lo = log(1e-3),
				hi = log(1e30);

	for (int i = 0; i < 200 && hi - lo > 1e-15 * hi; i++)
	{
		double		middle = (lo + hi) / 2;
		double		n = exp(middle);
		double		c = SequentialCritical(SequentialR(n, n_star, alpha), alpha);

		if ((c + z) * sqrt(s / n) > effect)
			lo = middle;
		else
			hi = middle;
	}
	return exp((lo + hi) / 2);
}

/* The same where N* is the very number that is asked for. */
static double
TunedTotal(double s, double effect, double z, double alpha)
{
	double		c = SequentialCritical(SequentialR(1, 1, alpha), alpha);

	return s * ((c + z) / effect) * ((c + z) / effect);
}

/* ---- proportions ---- */

/* What both proportions amount to: deviations without and with an effect. */
static void
Deviations(double p1, double p2, double k, double *none, double *some)
{
	double		p = (p1 + k * p2) / (1 + k);
	double		q = (1 - p1 + k * (1 - p2)) / (1 + k);

	*none = sqrt((1 + 1 / k) * p * q);
	*some = sqrt(p1 * (1 - p1) + p2 * (1 - p2) / k);
}

/* Users in variant 1 for proportions `delta` apart. */
static double
PropUsers(double p1, double delta, const Design *design, const Quantiles *z)
{
	double		none,
				some,
				root;

	Deviations(p1, p1 + delta, design->ratio, &none, &some);
	root = (z->error * none + z->power * some) / delta;
	return root * root;
}

/*
 * The least delta, on the way to `end`, that n1 people are enough for; NaN
 * where they are too few for any.
 */
static double
PropDetectable(double p1, double end, const Design *design, const Quantiles *z,
			   double n1)
{
	double		near = 0,
				far = end - p1;

	if (far == 0 || PropUsers(p1, far, design, z) > n1)
		return NAN;
	for (int i = 0; i < 200; i++)
	{
		double		middle = (near + far) / 2;

		if (middle == near || middle == far)
			break;
		if (PropUsers(p1, middle, design, z) > n1)
			near = middle;
		else
			far = middle;
	}
	return far;
}

static void
PropPower(PowerProp *r, double p1, double p2, const Design *design, double z,
		  double n1)
{
	double		none,
				some,
				shift = fabs(p2 - p1) * sqrt(n1);

	Deviations(p1, p2, design->ratio, &none, &some);
	r->power_at_n = NormalTail((z * none - shift) / some);
	r->power_at_n_both = r->power_at_n;
	if (design->sides == 2)
		r->power_at_n_both += NormalTail((z * none + shift) / some);
}

PowerProp
StatPowerProp(double p1, double p2, const Design *design, double n1_given)
{
	PowerProp	r;
	double		none,
				some,
				root;
	Quantiles	z = DesignQuantiles(design);

	StatBlank(&r, sizeof(r), "zero_effect");
	if (p1 == p2)
		return r;
	if (n1_given > 0)
		PropPower(&r, p1, p2, design, z.error, n1_given);
	r.status = "power_below_alpha";
	if (z.sum <= 0)
		return r;
	r.status = "ok";
	Deviations(p1, p2, design->ratio, &none, &some);
	r.n1 = PropUsers(p1, p2 - p1, design, &z);
	r.n1_ceil = ceil(r.n1);
	r.n2_ceil = ceil(r.n1 * design->ratio);
	root = z.sum * some / (p2 - p1);
	r.n1_unpooled = root * root;
	if (n1_given > 0)
	{
		r.mde_up = PropDetectable(p1, 1, design, &z, n1_given);
		r.mde_down = PropDetectable(p1, 0, design, &z, n1_given);
	}
	return r;
}

/* ---- means ---- */

static void
MeanPower(PowerMean *r, double effect, double se, const Design *design, double z)
{
	r->power_at_n = NormalTail(z - fabs(effect) / se);
	r->power_at_n_both = r->power_at_n;
	if (design->sides == 2)
		r->power_at_n_both += NormalTail(z + fabs(effect) / se);
}

PowerMean
StatPowerMean(double effect, double sd1, double sd2, const Design *design,
			  double n1_given, double n_star)
{
	PowerMean	r;
	double		k = design->ratio;
	double		s = sd1 * sd1 + sd2 * sd2 / k;
	Quantiles	z = DesignQuantiles(design);

	StatBlank(&r, sizeof(r), s > 0 ? "zero_effect" : "zero_variance");
	if (effect == 0 || !(s > 0))
		return r;
	if (n1_given > 0)
		MeanPower(&r, effect, sqrt(s / n1_given), design, z.error);
	r.status = "power_below_alpha";
	if (z.sum <= 0)
		return r;
	r.status = "ok";
	r.n1 = z.sum / effect * (z.sum / effect) * s;
	r.n1_ceil = ceil(r.n1);
	r.n2_ceil = ceil(r.n1 * k);
	if (n1_given > 0)
		r.mde = z.sum * sqrt(s / n1_given);
	if (design->sides == 2)
	{
		s *= 1 + k;
		if (!isnan(n_star))
			r.n_total_seq = SequentialTotal(s, fabs(effect), z.power,
											design->alpha, n_star);
		r.n_total_seq_tuned = TunedTotal(s, fabs(effect), z.power,
										 design->alpha);
	}
	return r;
}

/* ---- from what an experiment has shown so far ---- */

UsersNeeded
StatUsersNeeded(double se, double n_total, double mde, double alpha,
				double power, double n_star)
{
	UsersNeeded r;
	Design		design = {alpha, power, 1, 2};
	Quantiles	z = DesignQuantiles(&design);
	double		s = se * se * n_total;

	StatBlank(&r, sizeof(r), NULL);
	if (isnan(se) || !(n_total >= 2) || isnan(mde))
		r.status = "too_few";
	else if (se == 0)
		r.status = "zero_variance";
	else if (z.sum <= 0)
		r.status = "power_below_alpha";
	if (r.status)
		return r;
	r.n_needed = isnan(n_star) ? s * (z.sum / mde) * (z.sum / mde) :
		SequentialTotal(s, mde, z.power, alpha, n_star);
	r.additional = fmax(0, ceil(r.n_needed - n_total));
	r.status = r.additional > 0 ? "ok" : "enough";
	return r;
}
