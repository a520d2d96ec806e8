/*
 * srm.c: sample ratio mismatch. Where a variant has more or fewer people than
 * its share foretells, something other than chance moved them, and no result
 * of that experiment can be trusted: a plain chi-square test of the counts.
 */
#include "experiment/stat.h"

#include <math.h>

#include "experiment/distribution.h"

SrmChi2
StatSrm(const double *counts, const double *weights, int n)
{
	SrmChi2		s;
	double		people = 0;
	double		shares = 0;
	int			variants = 0;

	StatBlank(&s, sizeof(s), "no_data");
	for (int i = 0; i < n; i++)
	{
		if (weights[i] <= 0)
			continue;
		people += counts[i];
		shares += weights[i];
		variants++;
	}
	if (people <= 0)
		return s;
	s.status = "ok";
	s.chi2 = s.max_dev = s.low_expected = 0;
	for (int i = 0; i < n; i++)
	{
		double		expected = people * (weights[i] / shares);

		if (weights[i] <= 0)
			continue;
		s.chi2 += (counts[i] - expected) * ((counts[i] - expected) / expected);
		s.max_dev = fmax(s.max_dev, fabs(counts[i] / expected - 1));
		if (expected < 5)
			s.low_expected = 1;
	}
	s.df = variants - 1;
	s.ln_p = Chi2LnTail(s.chi2, s.df);
	s.p_value = Probability(s.ln_p);
	return s;
}
