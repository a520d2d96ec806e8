/*
 * bayes.c: the chance to win, and what a wrong choice is expected to cost.
 *
 * People ask for these figures, so they are shown. They never decide: who
 * stops when the chance to win passes 95 % and looks all the time is misled
 * more often than not in experiments without any effect.
 *
 * Proportions: beta posteriors, integrated on the scale of the logit over the
 * sharper of the two by Gauss's rule; of the other only its distribution
 * function is needed. Differences: a normal posterior, in closed form.
 */
#include "experiment/stat.h"

#include <math.h>

#include "experiment/distribution.h"

/* ---- proportions ---- */

typedef struct Posterior
{
	double		a;
	double		b;
} Posterior;

static double
PosteriorMean(Posterior p)
{
	return p.a / (p.a + p.b);
}

static double
PosteriorSd(Posterior p)
{
	double		n = p.a + p.b;

	return sqrt(p.a / n * (p.b / n) / (n + 1));
}

/* Roughly the standard deviation of the logit. */
static double
LogitSd(Posterior p)
{
	return sqrt(1 / p.a + 1 / p.b);
}

/* What is integrated over one posterior about another, rival one. */
typedef struct Duel
{
	double		above;			/* P(rival > own) */
	double		below;			/* P(rival < own) */
	double		gain;			/* E(rival - own)+ */
	double		loss;			/* E(own - rival)+ */
} Duel;

/* Adds what the duel is at one value of the own proportion's logit. */
static void
AddPoint(Duel *duel, Posterior own, Posterior rival, double logit,
		 double weight)
{
	double		x = 1 / (1 + exp(-logit));
	double		y = 1 / (1 + exp(logit));
	double		mean = PosteriorMean(rival);
	BetaTails	other = BetaDistribution(rival.a, rival.b, x, y);
	double		lower = exp(other.ln_lower);
	double		upper = exp(other.ln_upper);
	double		step = exp(other.ln_density) / rival.a;

	weight *= exp(BetaLnDensity(own.a, own.b, x, y));
	duel->above += weight * upper;
	duel->below += weight * lower;
	duel->gain += weight * fmax(0, mean * (upper + step) - x * upper);
	duel->loss += weight * fmax(0, x * lower - mean * (lower - step));
}

/* The logit, in direction `sign` of the mode, where the density has gone. */
static double
EndOfDensity(Posterior p, double sign)
{
	double		mode = log(p.a) - log(p.b);
	double		peak = -INFINITY;

	for (double far = LogitSd(p);; far *= 1.25)
	{
		double		logit = mode + sign * far;
		double		density = BetaLnDensity(p.a, p.b, 1 / (1 + exp(-logit)),
											1 / (1 + exp(logit)));

		peak = fmax(peak, density);
		if (!(density >= peak - 40))
			return logit;
	}
}

static Duel
Integrate(Posterior own, Posterior rival)
{
	/* Gauss-Legendre, 16 points: the positive half of nodes, their weights */
	static const double nodes[] = {
		0.0950125098376374402, 0.2816035507792589132, 0.4580167776572273863,
		0.6178762444026437484, 0.7554044083550030339, 0.8656312023878317439,
		0.9445750230732325761, 0.9894009349916499326
	};
	static const double weights[] = {
		0.1894506104550684963, 0.1826034150449235889, 0.1691565193950025382,
		0.1495959888165767321, 0.1246289712555338720, 0.0951585116824927848,
		0.0622535239386478929, 0.0271524594117540949
	};
	Duel		duel = {0};
	double		from = EndOfDensity(own, -1);
	double		to = EndOfDensity(own, 1);
	int			panels = (int) ceil((to - from) / (4 * fmin(LogitSd(own), 1)));
	double		half = (to - from) / panels / 2;

	for (int i = 0; i < panels; i++)
		for (int k = 0; k < 16; k++)
		{
			double		node = k < 8 ? nodes[k] : -nodes[k - 8];

			AddPoint(&duel, own, rival, from + half * (2 * i + 1 + node),
					 half * weights[k % 8]);
		}
	return duel;
}

BayesBeta
StatBayesBeta(double x1, double n1, double x2, double n2,
			  double prior_a, double prior_b)
{
	BayesBeta	r;
	Posterior	p1 = {prior_a + x1, prior_b + n1 - x1};
	Posterior	p2 = {prior_a + x2, prior_b + n2 - x2};
	bool		first_is_sharper = LogitSd(p1) <= LogitSd(p2);
	Duel		duel;

	StatBlank(&r, sizeof(r), "no_data");
	if (isnan(p1.a + p1.b + p2.a + p2.b))
		return r;
	r.status = "ok";
	r.post_mean1 = PosteriorMean(p1);
	r.post_sd1 = PosteriorSd(p1);
	r.post_mean2 = PosteriorMean(p2);
	r.post_sd2 = PosteriorSd(p2);
	duel = first_is_sharper ? Integrate(p1, p2) : Integrate(p2, p1);
	r.chance_to_win = fmin(1, first_is_sharper ? duel.above : duel.below);
	r.chance_to_lose = fmin(1, first_is_sharper ? duel.below : duel.above);
	r.loss_control = first_is_sharper ? duel.gain : duel.loss;
	r.loss_treatment = first_is_sharper ? duel.loss : duel.gain;
	return r;
}

/* ---- differences ---- */

/* E(-D)+ of a normal D with mean k and standard deviation 1. */
static double
UnitLoss(double k)
{
	double		loss = NormalDensity(k) - k * NormalTail(k);

	return fmax(loss, 0);
}

BayesNormal
StatBayesNormal(double diff, double se, double prior_mean, double prior_sd,
				double alpha)
{
	BayesNormal r;
	double		k,
				z = NormalQuantile(alpha / 2);

	StatBlank(&r, sizeof(r), isnan(diff + se) ? "no_data" : "zero_variance");
	if (!(se > 0) || isnan(diff))
		return r;
	r.status = "ok";
	r.post_mean = diff;
	r.post_sd = se;
	if (!isnan(prior_sd))
	{
		double		share = 1 / (1 + se / prior_sd * (se / prior_sd));

		r.post_mean = share * diff + (1 - share) * prior_mean;
		r.post_sd = se * sqrt(share);
	}
	k = r.post_mean / r.post_sd;
	r.chance_to_win = NormalTail(-k);
	r.chance_to_lose = NormalTail(k);
	r.loss_treatment = r.post_sd * UnitLoss(k);
	r.loss_control = r.post_sd * UnitLoss(-k);
	r.ci_lo = r.post_mean - z * r.post_sd;
	r.ci_hi = r.post_mean + z * r.post_sd;
	return r;
}
