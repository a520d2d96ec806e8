/*
 * normal.c: the normal distribution.
 *
 * The tail is libm's erfc. Its logarithm is taken of that up to z = 25; from
 * there on it is the asymptotic series, so that it goes on where the tail
 * itself is no double any more (z = 38). The quantile is Newton's method on
 * the logarithm: ln P(Z > z) is concave, so that from anywhere the second
 * step is on the far side of the root and all others go down to it.
 */
#include "experiment/distribution.h"

#include <math.h>

#define LN_SQRT_2PI 0.91893853320467274178

/* From this z on the asymptotic series is as good as a double. */
#define ASYMPTOTIC_Z 25.0

double
NormalTail(double z)
{
	return 0.5 * erfc(z * M_SQRT1_2);
}

double
NormalDensity(double z)
{
	return exp(-0.5 * z * z - LN_SQRT_2PI);
}

/* ln P(Z > z) for a large z: density / z * (1 - 1/z^2 + 3/z^4 - 15/z^6 ...) */
static double
AsymptoticLnTail(double z)
{
	double		term = 1;
	double		sum = 0;

	for (int k = 1; k <= 9; k++)
	{
		term *= -(2 * k - 1) / (z * z);
		sum += term;
	}
	return -0.5 * z * z - LN_SQRT_2PI - log(z) + log1p(sum);
}

double
NormalLnTail(double z)
{
	if (z < 0)
		return log1p(-NormalTail(-z));
	if (z < ASYMPTOTIC_Z)
		return log(NormalTail(z));
	return AsymptoticLnTail(z);
}

double
NormalQuantile(double q)
{
	double		ln_q = log(q);
	double		z;

	if (q > 0.5)
		return -NormalQuantile(1 - q);
	if (q == 0.5)
		return 0;
	z = sqrt(-2 * ln_q);
	for (int i = 0; i < 50; i++)
	{
		double		ln_tail = NormalLnTail(z);
		double		slope = exp(-0.5 * z * z - LN_SQRT_2PI - ln_tail);
		double		step = (ln_tail - ln_q) / slope;

		z += step;
		if (fabs(step) <= 1e-15 * z)
			break;
	}
	return z;
}

double
Probability(double ln_p)
{
	return ln_p < 0 ? exp(ln_p) : 1;
}

/* Kahan's: the rounding of c * d is found by a fused multiply-add. */
double
DifferenceOfProducts(double a, double b, double c, double d)
{
	double		cd = c * d;
	double		rounding = fma(-c, d, cd);

	return fma(a, b, -cd) + rounding;
}
