/*
 * gamma.c: the tail of the chi-square distribution, by the incomplete gamma
 * function: a series below its mean, a continued fraction above.
 *
 * Both begin with x^a e^-x / gamma(a). As a difference of logarithms that
 * loses all digits where a is large, so it is written around x = a: with
 * u = (x - a) / a it is sqrt(a / 2 pi) exp(a (ln(1 + u) - u)), but for the
 * remainder in Stirling's formula.
 */
#include "experiment/distribution.h"

#include <float.h>
#include <math.h>

#define LN_SQRT_2PI 0.91893853320467274178

/* What the next term may be, against the sum, for the sum to be done. */
#define DONE (DBL_EPSILON / 4)

double
LnMinus(double ratio, double u)
{
	double		term = u;
	double		sum = 0;

	if (fabs(u) > 0.2)
		return log(ratio) - u;
	for (int k = 2; k < 60; k++)
	{
		term *= -u;
		sum += term / k;
		if (fabs(term) <= DONE * fabs(sum))
			break;
	}
	return sum;
}

/* ln gamma(a) - ((a - 1/2) ln a - a + ln sqrt(2 pi)) */
double
StirlingRemainder(double a)
{
	static const double coefficients[] = {
		1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188,
		-691.0 / 360360, 1.0 / 156
	};
	double		sum = 0;
	int			sign;

	if (a < 10)
		return lgamma_r(a, &sign) - ((a - 0.5) * log(a) - a + LN_SQRT_2PI);
	for (int k = 6; k >= 0; k--)
		sum = sum / (a * a) + coefficients[k];
	return sum / a;
}

/* ln of x^a e^-x / gamma(a) */
static double
LnGammaDensity(double a, double x)
{
	return a * LnMinus(x / a, (x - a) / a) + 0.5 * log(a) - LN_SQRT_2PI -
		StirlingRemainder(a);
}

/* The sum 1/a + x/(a (a+1)) + x^2/(a (a+1) (a+2)) ... of the lower part. */
static double
LowerSeries(double a, double x)
{
	double		term = 1 / a;
	double		sum = term;

	for (double k = a + 1; term > DONE * sum; k++)
	{
		term *= x / k;
		sum += term;
	}
	return sum;
}

/* The continued fraction of the upper part, from its end as it is found. */
static double
UpperFraction(double a, double x)
{
	double		b = x + 1 - a;
	double		c = 1e300;
	double		d = 1 / b;
	double		value = d;

	for (int k = 1; k < 100000; k++)
	{
		double		numerator = -k * (k - a);
		double		change;

		b += 2;
		d = 1 / (numerator * d + b);
		c = b + numerator / c;
		change = c * d;
		value *= change;
		if (!(fabs(change - 1) > DBL_EPSILON))
			break;
	}
	return value;
}

double
Chi2LnTail(double chi2, double df)
{
	double		a = df / 2;
	double		x = chi2 / 2;

	if (x <= 0)
		return 0;
	if (x < a + 1)
		return log1p(-exp(LnGammaDensity(a, x)) * LowerSeries(a, x));
	return LnGammaDensity(a, x) + log(UpperFraction(a, x));
}
