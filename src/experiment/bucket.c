/*
 * bucket.c: from a unit to its bucket, and from buckets to a variant.
 *
 * A bucket is murmur3-32 over the UTF-8 bytes of seed, a dot and the unit,
 * with hash seed 0, divided by 2^32. Everything else is made of buckets under
 * seeds derived from the experiment's:
 *
 *     seed            the variant, where all weights are equal: (h * n) >> 32
 *     seed.gate       covered where the bucket is below the coverage
 *     seed.clock.0..n unequal weights, below
 *
 * Unequal weights are a race. Every variant has a clock for the unit, an
 * exponential variate that no weight enters, and the smallest clock divided
 * by its weight wins; so variant i wins with probability weight i. A weight
 * that grows relative to all others can only win races it used to lose: units
 * move to that variant and nowhere else. No rule moves the fewest possible at
 * every change of weights: of halves for 1 and 2, for 1 and 3, and for 2 and 3
 * two pairs may share their halves, never all three. This race stays below
 * twice the fewest; stretches in the order of the variants, as other schemes
 * cut [0, 1), may push everybody on by one where the first of many grows.
 *
 * Of n exponential variates the first to strike is any with equal chance, at
 * a time 1/n as long, and what the others take from there on is exponential
 * again. So the variant of equal weights strikes first, clock 0 says when,
 * clocks 1..n by how much the others are later; and equal weights need no
 * clock. Pure: no catalog, no setting but the server's encoding.
 */
#include "experiment/experiment.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* Longer texts than this are joined in memory of their own. */
#define SHORT_TEXT 256

static double
BucketOfText(char *text, int length)
{
	char	   *utf8 = (char *)
	pg_do_encoding_conversion((unsigned char *) text, length,
							  GetDatabaseEncoding(), PG_UTF8);
	uint32		h = ExperimentMurmur3(utf8,
									  utf8 == text ? length : strlen(utf8), 0);

	if (utf8 != text)
		pfree(utf8);
	return h / 4294967296.0;
}

double
ExperimentBucketOf(const char *seed, int seed_length,
				   const char *unit, int unit_length)
{
	char		joined[SHORT_TEXT];
	char	   *text = joined;
	int			length = seed_length + 1 + unit_length;
	double		bucket;

	if (length >= SHORT_TEXT)
		text = palloc((Size) length + 1);

	memcpy(text, seed, seed_length);
	text[seed_length] = '.';

	memcpy(text + seed_length + 1, unit, unit_length);
	text[length] = '\0';

	bucket = BucketOfText(text, length);
	if (text != joined)
		pfree(text);
	return bucket;
}

double
ExperimentBucket(const char *seed, const char *unit)
{
	return ExperimentBucketOf(seed, strlen(seed), unit, strlen(unit));
}

/* ---- variants ---- */

/* The bucket under a seed derived from the experiment's. */
static double
DerivedBucket(const char *seed, const char *suffix, const char *unit)
{
	char	   *derived = psprintf("%s.%s", seed, suffix);
	double		bucket = ExperimentBucket(derived, unit);

	pfree(derived);
	return bucket;
}

/* Clock number `i` of the unit: an exponential variate of mean 1. */
static double
Clock(const char *seed, const char *unit, int i)
{
	char		suffix[32];

	snprintf(suffix, sizeof(suffix), "clock.%d", i);
	return -log1p(-DerivedBucket(seed, suffix, unit));
}

static bool
AllEqual(int n, const double *weights)
{
	for (int i = 1; i < n; i++)
		if (weights[i] != weights[0])
			return false;
	return true;
}

/* The winner of the race in which `first`, from 0, strikes first. */
static int
Race(const char *seed, const char *unit, int n, const double *weights,
	 int first)
{
	double		start = Clock(seed, unit, 0) / n;
	double		best = INFINITY;
	int			winner = -1;

	for (int i = 0; i < n; i++)
	{
		double		time = start;

		CHECK_FOR_INTERRUPTS();
		if (weights[i] <= 0)
			continue;
		if (i != first)
			time += Clock(seed, unit, i + 1);
		if (time / weights[i] < best)
		{
			best = time / weights[i];
			winner = i;
		}
	}
	return winner;
}

int
ExperimentChoose(const char *seed, const char *unit, int n,
				 const double *weights, double coverage)
{
	int			first;

	if (coverage < 1 && DerivedBucket(seed, "gate", unit) >= coverage)
		return 0;
	first = (int) (ExperimentBucket(seed, unit) * n);
	if (AllEqual(n, weights))
		return first + 1;
	return Race(seed, unit, n, weights, first) + 1;
}
