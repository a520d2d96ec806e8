/*
 * beta.c: the incomplete beta function, and Student's t by it.
 *
 * Two things lose digits when a and b are a billion. The factor
 * x^a y^b / B(a, b) is written around the mean a / (a + b), as in gamma.c; and
 * of the continued fraction (DLMF 8.17.22) the even part is taken, which has
 * no large terms that cancel. It converges below the mean, so above it the
 * roles of (a, x) and (b, y) are changed.
 */
#include "experiment/distribution.h"

#include <float.h>
#include <math.h>

#define LN_SQRT_2PI 0.91893853320467274178

double
BetaLnDensity(double a, double b, double x, double y)
{
	double		off = DifferenceOfProducts(b, x, a, y);

	return a * LnMinus(x * (a + b) / a, off / a) +
		b * LnMinus(y * (a + b) / b, -off / b) +
		0.5 * (log(a) + log(b) - log(a + b)) - LN_SQRT_2PI +
		StirlingRemainder(a + b) - StirlingRemainder(a) - StirlingRemainder(b);
}

/* The even part of the continued fraction, for x up to the mean (Lentz). */
static double
EvenFraction(double a, double b, double x, double y)
{
	double		off = DifferenceOfProducts(a, y, b, x);
	double		value = a * (off + 1) / (a + 1);
	double		c = value;
	double		d = 0;

	for (double m = 1; m < 1e7; m++)
	{
		double		even = a + 2 * m;
		double		numerator = (a + m - 1) * (a + b + m - 1) * m * (b - m) *
		(x / (even - 1)) * (x / (even - 1));
		double		denominator = m + m * (b - m) * x / (even - 1) +
		(a + m) * (off + 1 + m * (1 + y)) / (even + 1);
		double		change;

		d = 1 / (denominator + numerator * d);
		c = denominator + numerator / c;
		change = c * d;
		value *= change;
		if (!(fabs(change - 1) > DBL_EPSILON))
			break;
	}
	return value;
}

/* ln(1 - e^ln_p) */
static double
LnComplement(double ln_p)
{
	return ln_p < 0 ? log1p(-exp(ln_p)) : -INFINITY;
}

BetaTails
BetaDistribution(double a, double b, double x, double y)
{
	BetaTails	tails;

	tails.ln_lower = x > 0 ? 0 : -INFINITY;
	tails.ln_upper = y > 0 ? 0 : -INFINITY;
	tails.ln_density = -INFINITY;
	if (x <= 0 || y <= 0)
		return tails;
	tails.ln_density = BetaLnDensity(a, b, x, y);
	if (b * x <= a * y)
	{
		tails.ln_lower = tails.ln_density - log(EvenFraction(a, b, x, y));
		tails.ln_upper = LnComplement(tails.ln_lower);
	}
	else
	{
		tails.ln_upper = tails.ln_density - log(EvenFraction(b, a, y, x));
		tails.ln_lower = LnComplement(tails.ln_upper);
	}
	return tails;
}

/* ---- Student's t: half of I_x(df/2, 1/2), where x = df / (df + t^2) ---- */

/* From here on, in units of sqrt(df), a tail is but a power of t. */
#define FAR_OUT 1e100

/* The tails of the beta distribution that |t| stands for. */
static BetaTails
StudentTails(double t, double df)
{
	double		a = df / 2;
	double		distance = fabs(t) / sqrt(df);
	double		square = distance * distance;
	BetaTails	tails = {0};

	if (distance < 1)
		return BetaDistribution(a, 0.5, 1 / (1 + square), square / (1 + square));
	if (distance < FAR_OUT)
		return BetaDistribution(a, 0.5, 1 / square / (1 + 1 / square),
								1 / (1 + 1 / square));
	/* B(a, 1/2) is taken from the density at 1/2. */
	tails.ln_density = BetaLnDensity(a, 0.5, 0.5, 0.5) + (a + 0.5) * M_LN2 -
		df * log(distance);
	tails.ln_lower = tails.ln_density - log(a);
	return tails;
}

double
StudentLnTail(double t, double df)
{
	double		ln_half = StudentTails(t, df).ln_lower - M_LN2;

	return t < 0 ? LnComplement(ln_half) : ln_half;
}

/*
 * Newton's method on ln P against ln t, which is concave, as that of the
 * normal distribution is; its slope is - x^a y^b / B(a, b) / P.
 */
double
StudentQuantile(double q, double df)
{
	double		ln_q = log(q);
	double		ln_t;

	if (q > 0.5)
		return -StudentQuantile(1 - q, df);
	if (q == 0.5)
		return 0;
	ln_t = log(NormalQuantile(q));
	for (int i = 0; i < 100; i++)
	{
		BetaTails	tails = StudentTails(exp(ln_t), df);
		double		ln_tail = tails.ln_lower - M_LN2;
		double		step = (ln_tail - ln_q) * exp(ln_tail - tails.ln_density);

		ln_t += step;
		if (fabs(step) <= 1e-15)
			break;
	}
	return exp(ln_t);
}
