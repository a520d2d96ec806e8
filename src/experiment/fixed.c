/*
 * fixed.c: tests for who looks once, at a time set beforehand.
 *
 * Proportions by z, means by Welch's t, and the relative difference by
 * Fieller, whose interval excludes zero exactly where the test of the absolute
 * difference does: so p-value and interval never disagree. The delta method
 * and the logarithm are shown beside it.
 */
#include "experiment/stat.h"

#include <math.h>

#include "experiment/distribution.h"

void
StatBlank(void *result, Size size, const char *status)
{
	double	   *numbers = (double *) ((char *) result + sizeof(double));
	int			count = size / sizeof(double) - 1;

	StaticAssertStmt(sizeof(double) >= sizeof(char *), "a status takes the room of one number");
	*(const char **) result = status;
	for (int i = 0; i < count; i++)
		numbers[i] = NAN;
}

const char *
MomentsMissing(const Moments *a, const Moments *b)
{
	if (isnan(a->n) || isnan(b->n) || a->n < 1 || b->n < 1 ||
		isnan(a->mean) || isnan(b->mean))
		return "no_data";
	if (a->n < 2 || b->n < 2 || isnan(a->var) || isnan(b->var))
		return "too_few";
	return NULL;
}

/* ---- two proportions ---- */

/* Wilson's bounds of x of n, as distances from x/n. */
static void
Wilson(double x, double n, double z, double *below, double *above)
{
	double		p = x / n;
	double		q = (n - x) / n;
	double		zn = z * z / n;
	double		half = z * sqrt(p * q / n + zn / (4 * n)) / (1 + zn);
	double		shift = zn * (0.5 - p) / (1 + zn);

	*below = half - shift;
	*above = half + shift;
}

/* Newcombe's interval of the difference, good for small counts. */
static void
Newcombe(TwoProp *t, double x1, double n1, double x2, double n2, double z)
{
	double		below1,
				above1,
				below2,
				above2;

	Wilson(x1, n1, z, &below1, &above1);
	Wilson(x2, n2, z, &below2, &above2);
	t->newcombe_lo = t->diff - hypot(below2, above1);
	t->newcombe_hi = t->diff + hypot(above2, below1);
}

/* The test by the variance of each proportion, and Wald's interval. */
static void
Wald(TwoProp *t, double variance, double z_crit)
{
	t->se = sqrt(variance);
	t->z = t->diff / t->se;
	t->ln_p = fmin(0, M_LN2 + NormalLnTail(fabs(t->z)));
	t->p_value = Probability(t->ln_p);
	t->p_greater = NormalTail(t->z);
	t->p_less = NormalTail(-t->z);
	t->ci_lo = t->diff - z_crit * t->se;
	t->ci_hi = t->diff + z_crit * t->se;
}

static void
Pooled(TwoProp *t, double variance)
{
	t->se_pooled = sqrt(variance);
	t->z_pooled = t->diff / t->se_pooled;
	t->ln_p_pooled = fmin(0, M_LN2 + NormalLnTail(fabs(t->z_pooled)));
	t->p_pooled = Probability(t->ln_p_pooled);
}

TwoProp
StatTwoProp(double x1, double n1, double x2, double n2, double alpha)
{
	TwoProp		t;
	double		z = NormalQuantile(alpha / 2);
	double		q1 = (n1 - x1) / n1;
	double		q2 = (n2 - x2) / n2;
	double		pooled = (x1 + x2) / (n1 + n2);
	double		variance;

	StatBlank(&t, sizeof(t), "no_data");
	if (isnan(x1) || isnan(x2) || !(n1 > 0) || !(n2 > 0))
		return t;
	t.status = "ok";
	t.p1 = x1 / n1;
	t.p2 = x2 / n2;
	t.diff = DifferenceOfProducts(x2, n1, x1, n2) / (n1 * n2);
	t.small_counts = fmin(fmin(x1, n1 - x1), fmin(x2, n2 - x2)) < 5;
	Newcombe(&t, x1, n1, x2, n2, z);

	variance = pooled * ((n1 - x1 + n2 - x2) / (n1 + n2)) * (1 / n1 + 1 / n2);
	if (variance > 0)
		Pooled(&t, variance);
	variance = t.p1 * q1 / n1 + t.p2 * q2 / n2;
	if (variance > 0)
		Wald(&t, variance, z);
	else
		t.status = "zero_variance";
	return t;
}

/* ---- two means ---- */

Welch
StatWelch(const Moments *a, const Moments *b, double alpha)
{
	Welch		w;
	double		va = a->var / a->n;
	double		vb = b->var / b->n;

	StatBlank(&w, sizeof(w), MomentsMissing(a, b));
	w.diff = b->n > 0 && a->n > 0 ? b->mean - a->mean : NAN;
	if (w.status)
		return w;
	w.status = va + vb > 0 ? "ok" : "zero_variance";
	if (va + vb <= 0)
		return w;
	w.se = sqrt(va + vb);
	w.t = w.diff / w.se;
	w.df = 1 / (va / (va + vb) * (va / (va + vb)) / (a->n - 1) +
				vb / (va + vb) * (vb / (va + vb)) / (b->n - 1));
	w.ln_p = fmin(0, M_LN2 + StudentLnTail(fabs(w.t), w.df));
	w.p_value = Probability(w.ln_p);
	w.p_greater = Probability(StudentLnTail(w.t, w.df));
	w.p_less = Probability(StudentLnTail(-w.t, w.df));
	w.t_crit = StudentQuantile(alpha / 2, w.df);
	w.ci_lo = w.diff - w.t_crit * w.se;
	w.ci_hi = w.diff + w.t_crit * w.se;
	return w;
}

/* ---- the relative difference ---- */

bool
Fieller(double m1, double va, double m2, double vb, double c,
		double *lo, double *hi)
{
	double		g = c * c * va / (m1 * m1);
	double		theta = m2 / m1;
	double		sign = m1 < 0 ? -1 : 1;
	double		root;

	if (!(g < 1))
		return false;
	root = c / fabs(m1) * sqrt(vb * (1 - g) + theta * theta * va);
	*lo = sign * ((theta - sign * root) / (1 - g) - 1);
	*hi = sign * ((theta + sign * root) / (1 - g) - 1);
	return true;
}

/* The intervals of the delta method and, of means above 0, of the logarithm. */
static void
LiftByDelta(Lift *l, double m1, double va, double m2, double vb, double z)
{
	double		theta = m2 / m1;

	l->se = sqrt(vb + theta * theta * va) / fabs(m1);
	l->z_lift = l->lift / l->se;
	l->delta_lo = l->lift - z * l->se;
	l->delta_hi = l->lift + z * l->se;
	if (m1 > 0 && m2 > 0)
	{
		double		se_ln = sqrt(va / (m1 * m1) + vb / (m2 * m2));

		l->log_lo = theta * exp(-z * se_ln) - 1;
		l->log_hi = theta * exp(z * se_ln) - 1;
	}
}

Lift
StatLift(const Moments *a, const Moments *b, double alpha)
{
	Lift		l;
	double		va = a->var / a->n;
	double		vb = b->var / b->n;
	double		z = NormalQuantile(alpha / 2);

	StatBlank(&l, sizeof(l), MomentsMissing(a, b));
	if (l.status)
		return l;
	l.status = a->mean == 0 ? "zero_baseline" : "ok";
	if (a->mean == 0)
		return l;
	l.lift = (b->mean - a->mean) / fabs(a->mean);
	if (va + vb <= 0)
	{
		l.status = "zero_variance";
		return l;
	}
	LiftByDelta(&l, a->mean, va, b->mean, vb, z);
	l.fieller_g = z * z * va / (a->mean * a->mean);
	if (!Fieller(a->mean, va, b->mean, vb, z, &l.fieller_lo, &l.fieller_hi))
		l.status = "baseline_not_significant";
	return l;
}
