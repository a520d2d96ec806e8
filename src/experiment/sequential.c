/*
 * sequential.c: a test that stays right however often one looks.
 *
 * A fixed test errs in 5 % of all looks; who looks every day and stops at the
 * first p below 0.05 errs several times as often. Here the evidence against
 * "no difference" is an e-value, a bet that cannot be expected to win where
 * there is none, so that in an experiment without effect the chance that it
 * ever exceeds 1/alpha is at most alpha. It is the mixture sequential
 * probability ratio test (Robbins 1970; Johari et al. 2017) in its asymptotic
 * form (Waudby-Smith et al. 2021), in logarithms: e exceeds a double soon.
 *
 * r says where the test is most powerful: r = N rho^2, with rho chosen so that
 * the interval is tightest when N is the planned number of people, N*.
 *
 * The published formulas fail where one variant is small or conversions are
 * rare: a variant without a conversion has variance 0, and the first few look
 * certain. The guarded variance does not believe in less than what both
 * variants taken as one sample show.
 */
#include "experiment/stat.h"

#include <math.h>

#include "experiment/distribution.h"

double
MergedVariance(const Moments *a, const Moments *b)
{
	double		n = a->n + b->n;
	double		apart = b->mean - a->mean;

	return ((a->n - 1) * a->var + (b->n - 1) * b->var +
			apart * apart * a->n * (b->n / n)) / (n - 1);
}

double
GuardedVariance(const Moments *a, const Moments *b, double var_all)
{
	return fmax(a->var / a->n + b->var / b->n,
				var_all * (1 / a->n + 1 / b->n));
}

double
SequentialR(double n, double n_star, double alpha)
{
	double		l = -2 * log(alpha);

	return n / n_star * (l + log1p(l));
}

double
SequentialCritical(double r, double alpha)
{
	return sqrt((1 + r) / r * (log1p(r) - 2 * log(alpha)));
}

/* ln e of the bet that the difference is on one side. */
static double
OneSided(double z, double r)
{
	return M_LN2 - 0.5 * log1p(r) + r * z * z / (2 * (1 + r)) +
		NormalLnTail(-z * sqrt(r / (1 + r)));
}

/*
 * The z at which the one-sided e is 1/alpha. ln e is convex and grows in z, so
 * Newton's method comes down to it from the two-sided critical value, which is
 * above.
 */
static double
OneSidedCritical(double r, double alpha)
{
	double		root = sqrt(r / (1 + r));
	double		z = SequentialCritical(r, alpha);

	for (int i = 0; i < 100; i++)
	{
		double		u = z * root;
		double		mills = NormalDensity(u) / NormalTail(-u);
		double		slope = root * (u + mills);
		double		step = (OneSided(z, r) + log(alpha)) / slope;

		z -= step;
		if (fabs(step) <= 1e-14 * fabs(z))
			break;
	}
	return z;
}

Sequential
StatSequential(double diff, double variance, double r, double alpha)
{
	Sequential	s;

	StatBlank(&s, sizeof(s), "zero_variance");
	s.diff = diff;
	if (!(variance > 0))
		return s;
	s.status = "ok";
	s.se = sqrt(variance);
	s.z = diff / s.se;
	s.r = r;
	s.ln_e = r * s.z * s.z / (2 * (1 + r)) - 0.5 * log1p(r);
	s.ln_p = fmin(0, -s.ln_e);
	s.p_value = Probability(s.ln_p);
	s.z_crit = SequentialCritical(r, alpha);
	s.ci_lo = diff - s.z_crit * s.se;
	s.ci_hi = diff + s.z_crit * s.se;

	s.ln_e_greater = OneSided(s.z, r);
	s.p_greater = Probability(-s.ln_e_greater);
	s.ln_e_less = OneSided(-s.z, r);
	s.p_less = Probability(-s.ln_e_less);
	s.z_crit_1s = OneSidedCritical(r, alpha);
	s.lower_1s = diff - s.z_crit_1s * s.se;
	s.upper_1s = diff + s.z_crit_1s * s.se;
	return s;
}
