/*
 * stat.c: the SQL functions stat_*, each around one function of stat.h. They
 * read and check the arguments; what is NULL is not known, and a result that
 * needs it is NULL.
 */
#include "experiment/stat.h"

#include <math.h>

#include "experiment/row.h"
#include "utils/builtins.h"

/* Arguments n, mean, var from `i` on. */
static Moments
ArgMoments(FunctionCallInfo fcinfo, int i)
{
	Moments		m;

	m.n = ArgCount(fcinfo, i);
	m.mean = ArgNumber(fcinfo, i + 1);
	m.var = ArgNotNegative(fcinfo, i + 2);
	return m;
}

/* Arguments n, mean and variance of y, of x, their covariance, from `i` on. */
static PairMoments
ArgPairMoments(FunctionCallInfo fcinfo, int i)
{
	PairMoments m;

	m.n = ArgCount(fcinfo, i);
	m.my = ArgNumber(fcinfo, i + 1);
	m.vy = ArgNotNegative(fcinfo, i + 2);
	m.mx = ArgNumber(fcinfo, i + 3);
	m.vx = ArgNotNegative(fcinfo, i + 4);
	m.cov = ArgNumber(fcinfo, i + 5);
	return m;
}

/* Argument `i`, successes, of argument `i` + 1, people. */
static void
ArgProportion(FunctionCallInfo fcinfo, int i, double *x, double *n)
{
	*x = ArgCount(fcinfo, i);
	*n = ArgCount(fcinfo, i + 1);
	if (*x > *n)
		ArgRefuse(fcinfo, i, "not be more than the people there are");
}

/* ---- looked at once ---- */

PG_FUNCTION_INFO_V1(persona_stat_two_prop_z);

/* persona.stat_two_prop_z(x1, n1, x2, n2, alpha) */
Datum
persona_stat_two_prop_z(PG_FUNCTION_ARGS)
{
	double		x1,
				n1,
				x2,
				n2;
	TwoProp		result;

	ArgProportion(fcinfo, 0, &x1, &n1);
	ArgProportion(fcinfo, 2, &x2, &n2);
	result = StatTwoProp(x1, n1, x2, n2, ArgShare(fcinfo, 4));
	return ROW_OF(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(persona_stat_welch_t);

/* persona.stat_welch_t(n1, mean1, var1, n2, mean2, var2, alpha) */
Datum
persona_stat_welch_t(PG_FUNCTION_ARGS)
{
	Moments		a = ArgMoments(fcinfo, 0);
	Moments		b = ArgMoments(fcinfo, 3);
	Welch		result = StatWelch(&a, &b, ArgShare(fcinfo, 6));

	return ROW_OF(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(persona_stat_relative_lift);

/* persona.stat_relative_lift(n1, mean1, var1, n2, mean2, var2, alpha) */
Datum
persona_stat_relative_lift(PG_FUNCTION_ARGS)
{
	Moments		a = ArgMoments(fcinfo, 0);
	Moments		b = ArgMoments(fcinfo, 3);
	Lift		result = StatLift(&a, &b, ArgShare(fcinfo, 6));

	return ROW_OF(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(persona_stat_ratio_delta);

/* persona.stat_ratio_delta(n1, num1, var_num1, den1, var_den1, cov1, ...) */
Datum
persona_stat_ratio_delta(PG_FUNCTION_ARGS)
{
	PairMoments a = ArgPairMoments(fcinfo, 0);
	PairMoments b = ArgPairMoments(fcinfo, 6);
	Ratio		result = StatRatio(&a, &b, ArgShare(fcinfo, 12));

	return ROW_OF(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(persona_stat_cuped);

/* persona.stat_cuped(n1, my1, vy1, mx1, vx1, cxy1, n2, ..., alpha) */
Datum
persona_stat_cuped(PG_FUNCTION_ARGS)
{
	PairMoments a = ArgPairMoments(fcinfo, 0);
	PairMoments b = ArgPairMoments(fcinfo, 6);
	Cuped		result = StatCuped(&a, &b, ArgShare(fcinfo, 12));

	return ROW_OF(fcinfo, &result);
}

/* ---- the split ---- */

PG_FUNCTION_INFO_V1(persona_stat_srm_chi2);

/* persona.stat_srm_chi2(counts, weights) */
Datum
persona_stat_srm_chi2(PG_FUNCTION_ARGS)
{
	int			n = 0,
				m = 0,
				variants = 0;
	double	   *counts = ArgNumbers(fcinfo, 0, &n);
	double	   *weights = ArgNumbers(fcinfo, 1, &m);
	SrmChi2		result;

	if (counts && weights && n != m)
		ArgRefuse(fcinfo, 1, "have as many elements as counts");
	if (!counts || !weights)
		n = 0;
	for (int i = 0; i < n; i++)
	{
		if (!(counts[i] >= 0))
			ArgRefuse(fcinfo, 0, "hold numbers of people, none of them NULL or negative");
		if (!(weights[i] >= 0))
			ArgRefuse(fcinfo, 1, "hold shares, none of them NULL or negative");
		variants += weights[i] > 0;
	}
	if (variants < 2 && counts && weights)
		ArgRefuse(fcinfo, 1, "be more than 0 for two variants at least");
	result = StatSrm(counts, weights, n);
	return ROW_OF(fcinfo, &result);
}

/* ---- shown, never decisive ---- */

/* Argument `i` of a prior: 1 where it is NULL. */
static double
ArgPrior(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? 1 : ArgPositive(fcinfo, i);
}

PG_FUNCTION_INFO_V1(persona_stat_bayes_beta);

/* persona.stat_bayes_beta(x1, n1, x2, n2, prior_a, prior_b) */
Datum
persona_stat_bayes_beta(PG_FUNCTION_ARGS)
{
	double		x1,
				n1,
				x2,
				n2;
	BayesBeta	result;

	ArgProportion(fcinfo, 0, &x1, &n1);
	ArgProportion(fcinfo, 2, &x2, &n2);
	result = StatBayesBeta(x1, n1, x2, n2, ArgPrior(fcinfo, 4),
						   ArgPrior(fcinfo, 5));
	return ROW_OF(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(persona_stat_bayes_normal);

/* persona.stat_bayes_normal(diff, se, prior_mean, prior_sd, alpha) */
Datum
persona_stat_bayes_normal(PG_FUNCTION_ARGS)
{
	double		prior_mean = PG_ARGISNULL(2) ? 0 : ArgNumber(fcinfo, 2);
	BayesNormal result = StatBayesNormal(ArgNumber(fcinfo, 0),
										 ArgNotNegative(fcinfo, 1), prior_mean,
										 ArgPositive(fcinfo, 3),
										 ArgShare(fcinfo, 4));

	return ROW_OF(fcinfo, &result);
}

/* ---- looked at whenever one likes ---- */

/* Whether argument `i`, a word, says guarded, or unpooled. */
static bool
ArgGuarded(FunctionCallInfo fcinfo, int i)
{
	char	   *word = PG_ARGISNULL(i) ? "guarded" :
	text_to_cstring(PG_GETARG_TEXT_PP(i));

	if (strcmp(word, "guarded") != 0 && strcmp(word, "unpooled") != 0)
		ArgRefuse(fcinfo, i, "be 'guarded' or 'unpooled'");
	return word[0] == 'g';
}

PG_FUNCTION_INFO_V1(persona_stat_sequential);

/* persona.stat_sequential(variance, n1, mean1, var1, n2, ..., n_star, tau) */
Datum
persona_stat_sequential(PG_FUNCTION_ARGS)
{
	bool		guarded = ArgGuarded(fcinfo, 0);
	Moments		a = ArgMoments(fcinfo, 1);
	Moments		b = ArgMoments(fcinfo, 4);
	double		alpha = ArgShare(fcinfo, 7);
	double		n_star = ArgPositive(fcinfo, 8);
	double		tau = ArgPositive(fcinfo, 9);
	double		variance = a.var / a.n + b.var / b.n;
	double		r;
	Sequential	result;

	StatBlank(&result, sizeof(result), MomentsMissing(&a, &b));
	if (!result.status)
	{
		if (guarded)
			variance = GuardedVariance(&a, &b, MergedVariance(&a, &b));
		if (isnan(tau))
			r = SequentialR(a.n + b.n, isnan(n_star) ? DEFAULT_N_STAR : n_star,
							alpha);
		else
			r = tau * tau / variance;
		result = StatSequential(b.mean - a.mean, variance, r, alpha);
	}
	return ROW_OF(fcinfo, &result);
}

/* ---- how many people it takes ---- */

/* Arguments alpha, power, ratio, sides from `i` on. */
static Design
ArgDesign(FunctionCallInfo fcinfo, int i)
{
	Design		design;

	design.alpha = ArgShare(fcinfo, i);
	design.power = ArgShare(fcinfo, i + 1);
	design.ratio = PG_ARGISNULL(i + 2) ? 1 : ArgPositive(fcinfo, i + 2);
	design.sides = PG_ARGISNULL(i + 3) ? 2 : PG_GETARG_INT32(i + 3);
	if (design.sides != 1 && design.sides != 2)
		ArgRefuse(fcinfo, i + 3, "be 1 or 2");
	return design;
}

static double
ArgProbability(FunctionCallInfo fcinfo, int i)
{
	double		p = ArgNotNegative(fcinfo, i);

	if (p > 1)
		ArgRefuse(fcinfo, i, "not be more than 1");
	return p;
}

PG_FUNCTION_INFO_V1(persona_stat_power_prop);

/* persona.stat_power_prop(p1, p2, alpha, power, ratio, sides, n1_given) */
Datum
persona_stat_power_prop(PG_FUNCTION_ARGS)
{
	double		p1 = ArgProbability(fcinfo, 0);
	double		p2 = ArgProbability(fcinfo, 1);
	Design		design = ArgDesign(fcinfo, 2);
	double		n1_given = ArgCount(fcinfo, 6);
	PowerProp	result;

	StatBlank(&result, sizeof(result), "no_data");
	if (!isnan(p1 + p2))
		result = StatPowerProp(p1, p2, &design, n1_given);
	return ROW_OF(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(persona_stat_power_mean);

/* persona.stat_power_mean(effect, sd1, sd2, alpha, ..., n1_given, n_star) */
Datum
persona_stat_power_mean(PG_FUNCTION_ARGS)
{
	double		effect = ArgNumber(fcinfo, 0);
	double		sd1 = ArgNotNegative(fcinfo, 1);
	double		sd2 = ArgNotNegative(fcinfo, 2);
	Design		design = ArgDesign(fcinfo, 3);
	double		n1_given = ArgCount(fcinfo, 7);
	double		n_star = ArgPositive(fcinfo, 8);
	PowerMean	result;

	StatBlank(&result, sizeof(result), "no_data");
	if (!isnan(effect + sd1 + sd2))
		result = StatPowerMean(effect, sd1, sd2, &design, n1_given, n_star);
	return ROW_OF(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(persona_stat_users_needed);

/* persona.stat_users_needed(se, n_total, mde, alpha, power, n_star) */
Datum
persona_stat_users_needed(PG_FUNCTION_ARGS)
{
	double		se = ArgNotNegative(fcinfo, 0);
	double		n_total = ArgCount(fcinfo, 1);
	double		mde = ArgPositive(fcinfo, 2);
	UsersNeeded result = StatUsersNeeded(se, n_total, mde,
										 ArgShare(fcinfo, 3),
										 ArgShare(fcinfo, 4),
										 ArgPositive(fcinfo, 5));

	return ROW_OF(fcinfo, &result);
}

/* ---- many tests at once ---- */

PG_FUNCTION_INFO_V1(persona_stat_holm_bh);

/* persona.stat_holm_bh(p_values, m) */
Datum
persona_stat_holm_bh(PG_FUNCTION_ARGS)
{
	int			n = 0,
				given = 0,
				m;
	double	   *p = ArgNumbers(fcinfo, 0, &n);
	double	   *adjusted = palloc(sizeof(double) * Max(n, 1));
	Datum		columns[3];

	for (int i = 0; i < n; i++)
	{
		if (p[i] < 0 || p[i] > 1)
			ArgRefuse(fcinfo, 0, "lie between 0 and 1");
		given += !isnan(p[i]);
	}
	m = PG_ARGISNULL(1) ? given : PG_GETARG_INT32(1);
	if (m < given)
		ArgRefuse(fcinfo, 1, "be at least the number of p-values");
	StatHolm(p, n, m, adjusted);
	columns[0] = NumbersDatum(adjusted, n);
	StatBenjaminiHochberg(p, n, m, adjusted);
	columns[1] = NumbersDatum(adjusted, n);
	StatBonferroni(p, n, m, adjusted);
	columns[2] = NumbersDatum(adjusted, n);
	return RowOf(fcinfo, given > 0 ? "ok" : "no_data", columns, 3, NULL, 0);
}

/* ---- a few large values ---- */

PG_FUNCTION_INFO_V1(persona_stat_winsorize);

/* persona.stat_winsorize(values, p_lo, p_hi, nonzero_only) */
Datum
persona_stat_winsorize(PG_FUNCTION_ARGS)
{
	int			n = 0,
				known = 0;
	double	   *values = ArgNumbers(fcinfo, 0, &n);
	double		p_lo = ArgProbability(fcinfo, 1);
	double		p_hi = ArgProbability(fcinfo, 2);
	Winsorized	result;

	if ((isnan(p_lo) ? 0 : p_lo) >= (isnan(p_hi) ? 1 : p_hi))
		ArgRefuse(fcinfo, 2, "be more than p_lo, or than 0");
	for (int i = 0; i < n; i++)
		if (!isnan(values[i]))
			values[known++] = values[i];
	result = StatWinsorize(values, known, p_lo, p_hi,
						   !PG_ARGISNULL(3) && PG_GETARG_BOOL(3));
	return ROW_OF(fcinfo, &result);
}

/* ---- whether an effect fades ---- */

/* A day counts where both its numbers are known. */
static void
MatchDays(FunctionCallInfo fcinfo, double *diffs, double *ses, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (ses[i] <= 0)
			ArgRefuse(fcinfo, 1, "hold standard errors above 0");
		if (isnan(diffs[i]) || isnan(ses[i]))
			diffs[i] = ses[i] = NAN;
	}
}

PG_FUNCTION_INFO_V1(persona_stat_decay);

/* persona.stat_decay(diffs, ses, reference, kappa, h, split) */
Datum
persona_stat_decay(PG_FUNCTION_ARGS)
{
	int			n = 0,
				m = 0;
	double	   *diffs = ArgNumbers(fcinfo, 0, &n);
	double	   *ses = ArgNumbers(fcinfo, 1, &m);
	double		reference = PG_ARGISNULL(2) ? 0 : ArgNumber(fcinfo, 2);
	double		kappa = PG_ARGISNULL(3) ? 0.5 : ArgNotNegative(fcinfo, 3);
	double		h = PG_ARGISNULL(4) ? 8 : ArgPositive(fcinfo, 4);
	int			split = PG_ARGISNULL(5) ? n / 2 : PG_GETARG_INT32(5);
	double	   *cusum = palloc(sizeof(double) * Max(n, 1));
	Decay		result;
	Datum		column;

	if (diffs && ses && n != m)
		ArgRefuse(fcinfo, 1, "have as many elements as diffs");
	if (!diffs || !ses)
		n = 0;
	if (split < 0)
		ArgRefuse(fcinfo, 5, "not be negative");
	MatchDays(fcinfo, diffs, ses, n);
	result = StatDecay(diffs, ses, n, reference, kappa, h, split, cusum);
	column = NumbersDatum(cusum, n);
	return RowOf(fcinfo, n > 0 ? result.status : "no_data", &column, 1,
				 &result.alarm_at,
				 sizeof(result) / sizeof(double) - 1);
}
