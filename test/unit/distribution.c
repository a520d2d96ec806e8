/*
 * distribution.c: tails and quantiles against what is known of them without
 * computing: closed forms, symmetries, printed tables; and against special.csv
 * of the shared vectors where they are.
 *
 * links: src/experiment/normal.c src/experiment/gamma.c src/experiment/beta.c
 */
#include "experiment/distribution.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int	failures = 0;

/* Says what differs from what it must be by more than 1e-11 of it. */
static void
Check(const char *what, double got, double wanted)
{
	if (got == wanted || fabs(got - wanted) <= 1e-11 * fmax(fabs(wanted), 1e-290))
		return;
	printf("%s is %.17g, and must be %.17g\n", what, got, wanted);
	failures++;
}

/* ---- printed tables: Abramowitz and Stegun 26; R's documentation ---- */

static void
PrintedTables(void)
{
	Check("P(Z > 1)", NormalTail(1), 0.15865525393145705);
	Check("P(Z > 5)", NormalTail(5), 2.8665157187919391e-07);
	Check("ln P(Z > 40)", NormalLnTail(40), -804.60844201375381);
	Check("z of 2.5 %", NormalQuantile(0.025), 1.9599639845400542);
	Check("z of 99.5 %", NormalQuantile(0.995), -2.5758293035489008);
	Check("t of 2.5 %, 10 degrees", StudentQuantile(0.025, 10), 2.2281388519649385);
	Check("t of 0.5 %, 30 degrees", StudentQuantile(0.005, 30), 2.7499956535672259);
	Check("chi-square of 5 %, 1 degree", Chi2LnTail(3.8414588206941236, 1), log(0.05));
	Check("chi-square of 5 %, 10 degrees", Chi2LnTail(18.307038053275146, 10), log(0.05));
}

/* ---- closed forms ---- */

/* Student's t with 1 and 2 degrees, far out and near 0. */
static void
StudentClosed(void)
{
	for (double t = 1e-6; t < 1e6; t *= 7)
	{
		double		root = sqrt(2 + t * t);

		Check("t, 1 degree", exp(StudentLnTail(t, 1)), atan(1 / t) / M_PI);
		Check("t, 2 degrees", exp(StudentLnTail(t, 2)), 1 / (root * (root + t)));
		Check("t below 0", exp(StudentLnTail(-t, 1)), 1 - atan(1 / t) / M_PI);
	}
}

/* The tail of an even number of degrees is that of Poisson's distribution. */
static void
Chi2Closed(void)
{
	for (double x = 0.01; x < 500; x *= 1.9)
		for (int n = 1; n < 40; n += 3)
		{
			double		term = 1;
			double		sum = 1;

			for (int k = 1; k < n; k++)
				sum += term *= x / k;
			Check("chi-square of even degrees", exp(Chi2LnTail(2 * x, 2 * n)), exp(-x) * sum);
		}
}

static void
BetaClosed(void)
{
	for (double a = 0.03; a < 2e9; a *= 11)
	{
		Check("I_1/2(a, a)", exp(BetaDistribution(a, a, 0.5, 0.5).ln_lower), 0.5);
		for (double x = 0.02; x < 1; x += 0.14)
		{
			Check("I_x(a, 1)", BetaDistribution(a, 1, x, 1 - x).ln_lower, a * log(x));
			Check("1 - I_x(1, a)", BetaDistribution(1, a, x, 1 - x).ln_upper, a * log1p(-x));
		}
	}
}

/* ---- laws ---- */

/* Quantiles undo tails, and t becomes normal. */
static void
Laws(void)
{
	for (double q = 1e-300; q < 0.5; q *= 97)
	{
		Check("tail of the z of q", NormalLnTail(NormalQuantile(q)), log(q));
		for (double df = 1; df < 1e10; df *= 31)
			Check("tail of the t of q", StudentLnTail(StudentQuantile(q, df), df), log(q));
	}
	for (double z = -6; z < 30; z += 0.37)
		Check("t of 1e16 degrees", StudentLnTail(z, 1e16), NormalLnTail(z));
	Check("I_x(a, b) of x = 0", BetaDistribution(2, 3, 0, 1).ln_lower, -INFINITY);
	Check("the rounding of a product", DifferenceOfProducts(1 + 0x1p-30, 1 + 0x1p-30, 1, 1 + 0x1p-29), 0x1p-60);
}

/* ---- the shared vectors ---- */

static double
Special(const char *name, double a, double b, double c)
{
	if (strcmp(name, "norm_cdf") == 0)
		return NormalTail(-a);
	if (strcmp(name, "ln_norm_cdf") == 0)
		return NormalLnTail(-a);
	if (strcmp(name, "norm_quantile") == 0)
		return -NormalQuantile(a);
	if (strcmp(name, "t_sf") == 0)
		return exp(StudentLnTail(a, b));
	if (strcmp(name, "ln_t_sf") == 0)
		return StudentLnTail(a, b);
	if (strcmp(name, "t_isf") == 0)
		return StudentQuantile(a, b);
	if (strcmp(name, "chi2_sf") == 0)
		return exp(Chi2LnTail(a, b));
	if (strcmp(name, "ln_chi2_sf") == 0)
		return Chi2LnTail(a, b);
	if (strcmp(name, "beta_cdf") == 0)
		return exp(BetaDistribution(b, c, a, 1 - a).ln_lower);
	return NAN;
}

/* A line is case,kind,function,three arguments,what it must be. */
static void
SharedVectors(void)
{
	const char *folder = getenv("PERSONA_SHARED");
	char		path[4096];
	char		line[1000];
	char		name[40];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/vectors/stats/special.csv", folder ? folder : "../shared");
	file = fopen(path, "r");
	if (!file || !fgets(line, sizeof(line), file))
	{
		printf("skipped: %s is not here\n", path);
		return;
	}
	while (fgets(line, sizeof(line), file))
	{
		double		number[4] = {0};
		char	   *at = line;
		char	   *field;

		for (int i = 0; (field = strsep(&at, ",")) != NULL; i++)
		{
			if (i == 2)
				snprintf(name, sizeof(name), "%s", field);
			if (i > 2 && i < 7)
				number[i - 3] = strtod(field, NULL);
		}
		Check(line, Special(name, number[0], number[1], number[2]), number[3]);
	}
	fclose(file);
}

int
main(void)
{
	PrintedTables();
	StudentClosed();
	Chi2Closed();
	BetaClosed();
	Laws();
	SharedVectors();
	return failures > 0;
}
