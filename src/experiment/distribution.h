/*
 * distribution.h: tails and quantiles of the distributions that tests need.
 *
 * Plain C on libm and nothing of the server's: no setting, no memory, no
 * error. Everything is a tail, computed as such, or its logarithm: 1 - cdf
 * has no digits left below 1e-16, and a p-value far below what a double can
 * hold still has a logarithm. Relative errors are below 1e-11.
 */
#ifndef PERSONA_DISTRIBUTION_H
#define PERSONA_DISTRIBUTION_H

/* The normal distribution: P(Z > z), its logarithm, its density. */
extern double NormalTail(double z);
extern double NormalLnTail(double z);
extern double NormalDensity(double z);

/* The z above which lies `q`, 0 < q < 1. */
extern double NormalQuantile(double q);

/* ln P(X > chi2) of the chi-square distribution with `df` degrees. */
extern double Chi2LnTail(double chi2, double df);

/* ln of the remainder in Stirling's formula for gamma(a). */
extern double StirlingRemainder(double a);

/* ln(ratio) - u where the ratio is 1 + u, also where u is small. */
extern double LnMinus(double ratio, double u);

/* ln of x^a y^b / B(a, b), where y = 1 - x. */
extern double BetaLnDensity(double a, double b, double x, double y);

/*
 * The regularised incomplete beta function I_x(a, b), where y = 1 - x is
 * given too, as one of both is known better; and its complement.
 */
typedef struct BetaTails
{
	double		ln_lower;		/* ln I_x(a, b) */
	double		ln_upper;		/* ln of 1 - I_x(a, b) */
	double		ln_density;		/* BetaLnDensity */
} BetaTails;

extern BetaTails BetaDistribution(double a, double b, double x, double y);

/* ln P(T > t) of Student's t with `df` degrees. */
extern double StudentLnTail(double t, double df);

/* The t above which lies `q`, 0 < q < 1. */
extern double StudentQuantile(double q, double df);

/* exp(ln p) where p is a probability: 1 where rounding made it more. */
extern double Probability(double ln_p);

/* a * b - c * d without losing what cancels. */
extern double DifferenceOfProducts(double a, double b, double c, double d);

#endif							/* PERSONA_DISTRIBUTION_H */
