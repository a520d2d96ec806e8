/*
 * scheme.c: buckets and variants as the SDKs of others compute them.
 *
 * A scheme is what an SDK in a browser or a server does, to the last bit, so
 * that a query finds the variation that was shown. There is one row a scheme
 * in the list at the end: how a unit becomes a bucket, and how buckets become
 * a variant. Three ways of the latter are met:
 *
 *     stretch		one bucket; the variants' stretches follow one another
 *     range		GrowthBook: each variant keeps its place, covers its start
 *     gate			one bucket says who is in, a second which variant
 *
 * Beyond ASCII the SDKs differ: most hash UTF-8, GrowthBook hashes the UTF-16
 * code units of JavaScript, and Unleash's Node client, which also answers for
 * browsers, the low byte of each. Pure but for the server's encoding.
 */
#include "experiment/experiment.h"

#include <math.h>

#include "mb/pg_wchar.h"

/* 15 hexadecimal digits of a SHA-1, as a double rounds them. */
#define SHA1_SCALE ((double) UINT64CONST(0xFFFFFFFFFFFFFFF))

/* What Unleash hashes variants with, so that they differ from rollouts. */
#define UNLEASH_VARIANT_SEED 86028157

/* One question: texts in UTF-8. */
typedef struct Question
{
	const char *seed;
	const char *unit;
	int			n;
	const double *weights;
	double		coverage;
} Question;

typedef struct Scheme
{
	const char *name;
	SchemeWeights weights;
	double		(*bucket) (const Question *q);
	int			(*choose) (const Question *q, const struct Scheme *scheme);
	double		grid;			/* in how many parts shares are counted */
} Scheme;

/* ---- buckets ---- */

static double
GrowthBook1(const Question *q)
{
	return ExperimentFnv1a(psprintf("%s%s", q->unit, q->seed)) % 1000 / 1000.0;
}

static double
GrowthBook2(const Question *q)
{
	uint32		h = ExperimentFnv1a(psprintf("%s%s", q->seed, q->unit));

	return ExperimentFnv1a(psprintf("%u", h)) % 10000 / 10000.0;
}

static double
Optimizely(const Question *q)
{
	char	   *text = psprintf("%s%s", q->unit, q->seed);

	return ExperimentMurmur3(text, strlen(text), 1) / 4294967296.0;
}

/* The hash of group:unit, over the low byte of each UTF-16 code unit. */
static uint32
UnleashHash(const Question *q, uint32 seed)
{
	int			n;
	uint16	   *units = ExperimentUtf16(psprintf("%s:%s", q->seed, q->unit), &n);
	uint8	   *bytes = palloc(n);

	for (int i = 0; i < n; i++)
		bytes[i] = units[i] & 0xff;
	return ExperimentMurmur3(bytes, n, seed);
}

static double
Unleash(const Question *q)
{
	return UnleashHash(q, 0) % 100 / 100.0;
}

static double
UnleashVariant(const Question *q)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("scheme \"unleash_variant\" has no bucket without weights"),
			 errhint("Its buckets are counted by the sum of the weights: use choose().")));
	return 0;
}

/* LaunchDarkly and PostHog share this. */
static double
Sha1Share(const char *text)
{
	return (ExperimentSha1(text) >> 4) / SHA1_SCALE;
}

static double
SeedDotUnit(const Question *q)
{
	return Sha1Share(psprintf("%s.%s", q->seed, q->unit));
}

static double
PostHogVariant(const Question *q)
{
	return Sha1Share(psprintf("%s.%svariant", q->seed, q->unit));
}

static double
Statsig(const Question *q)
{
	return ExperimentSha256(psprintf("%s.%s", q->seed, q->unit)) %
		10000 / 10000.0;
}

/* Split's seed is the hash's own: a whole number, read modulo 2^32. */
static uint32
SplitSeed(const char *seed)
{
	char	   *end;
	long long	number;

	errno = 0;
	number = strtoll(seed, &end, 10);
	if (errno != 0 || end == seed || *end != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the seed of scheme \"split\" must be a whole number, not \"%s\"",
						seed),
				 errhint("It is the \"seed\" of the feature flag's definition.")));
	return (uint32) number;
}

static double
Split(const Question *q)
{
	return ExperimentMurmur3(q->unit, strlen(q->unit), SplitSeed(q->seed)) %
		100 / 100.0;
}

/* ---- variants ---- */

/*
 * The variant in whose stretch the bucket falls: they follow one another, as
 * long as coverage times weight, and end on the scheme's grid.
 */
static int
ChooseStretch(const Question *q, const Scheme *scheme)
{
	double		bucket = scheme->bucket(q);
	double		share = 0;

	for (int i = 0; i < q->n; i++)
	{
		share += q->weights[i];
		if (bucket < rint(share * q->coverage * scheme->grid) / scheme->grid)
			return i + 1;
	}
	return 0;
}

/* LaunchDarkly gives what the weights leave over to the last. */
static int
ChooseStretchOrLast(const Question *q, const Scheme *scheme)
{
	int			chosen = ChooseStretch(q, scheme);

	return chosen == 0 && q->coverage >= 1 ? q->n : chosen;
}

/* Split gates with a second seed, which one question does not hold. */
static int
ChooseSplit(const Question *q, const Scheme *scheme)
{
	if (q->coverage < 1 && q->n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scheme \"split\" hashes coverage with a seed of its own"),
				 errhint("Ask who takes part by choose(unit, traffic_seed, '{1}', coverage, 'split'), "
						 "and for the treatment with coverage 1.")));
	return ChooseStretch(q, scheme);
}

/* GrowthBook: weights that do not make about 1 are replaced by equal ones. */
static int
ChooseRange(const Question *q, const Scheme *scheme)
{
	double		bucket = scheme->bucket(q);
	double		coverage = Min(Max(q->coverage, 0), 1);
	double		total = 0;
	double		start = 0;

	for (int i = 0; i < q->n; i++)
		total += q->weights[i];
	for (int i = 0; i < q->n; i++)
	{
		double		weight = total < 0.99 || total > 1.01 ?
		1.0 / q->n : q->weights[i];

		if (bucket >= start && bucket < start + coverage * weight)
			return i + 1;
		start += weight;
	}
	return 0;
}

/* PostHog: the rollout's bucket may be the share itself. */
static int
ChoosePostHog(const Question *q, const Scheme *scheme)
{
	double		bucket = PostHogVariant(q);
	double		end = 0;

	if (SeedDotUnit(q) > q->coverage)
		return 0;
	for (int i = 0; i < q->n; i++)
	{
		end += q->weights[i];
		if (bucket < end)
			return i + 1;
	}
	return 0;
}

/* A weight as Unleash counts it; shares are kept in thousandths. */
static uint64
WholeWeight(double weight, double total)
{
	return (uint64) rint(fabs(total - 1) < 1e-6 ? weight * 1000 : weight);
}

/* Unleash: a rollout in whole per cent, then a hash of the variants' own. */
static int
ChooseUnleash(const Question *q, const Scheme *scheme)
{
	double		sum = 0;
	uint64		total = 0;
	uint64		end = 0;
	uint64		target;

	for (int i = 0; i < q->n; i++)
		sum += q->weights[i];
	for (int i = 0; i < q->n; i++)
		total += WholeWeight(q->weights[i], sum);
	if (total == 0 || Unleash(q) >= rint(q->coverage * 100) / 100)
		return 0;
	target = UnleashHash(q, UNLEASH_VARIANT_SEED) % total;
	for (int i = 0; i < q->n; i++)
	{
		end += WholeWeight(q->weights[i], sum);
		if (target < end)
			return i + 1;
	}
	return 0;
}

/* ---- the list ---- */

/* A place in this list is a value of the type persona.scheme: append only. */
static const Scheme schemes[] = {
	{"persona", WEIGHTS_SHARES},	/* bucket.c */
	{"growthbook1", WEIGHTS_ANY, GrowthBook1, ChooseRange},
	{"growthbook2", WEIGHTS_ANY, GrowthBook2, ChooseRange},
	{"optimizely", WEIGHTS_PARTS, Optimizely, ChooseStretch, 10000},
	{"unleash", WEIGHTS_WHOLE, Unleash, ChooseUnleash},
	{"unleash_variant", WEIGHTS_WHOLE, UnleashVariant, ChooseUnleash},
	{"launchdarkly", WEIGHTS_PARTS, SeedDotUnit, ChooseStretchOrLast, 100000},
	{"posthog", WEIGHTS_PARTS, SeedDotUnit, ChoosePostHog},
	{"posthog_variant", WEIGHTS_PARTS, PostHogVariant, ChoosePostHog},
	{"statsig", WEIGHTS_PARTS, Statsig, ChooseStretch, 10000},
	{"split", WEIGHTS_PARTS, Split, ChooseSplit, 100},
};

static char *
SchemeNames(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(schemes); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", schemes[i].name);
	return names.data;
}

int
ExperimentScheme(const char *name)
{
	for (int i = 0; i < lengthof(schemes); i++)
		if (strcmp(schemes[i].name, name) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown bucketing scheme \"%s\"", name),
			 errhint("The schemes are %s.", SchemeNames())));
	return -1;
}

static const Scheme *
SchemeAt(int scheme)
{
	if (scheme < 0 || scheme >= lengthof(schemes))
		elog(ERROR, "no bucketing scheme number %d", scheme);
	return &schemes[scheme];
}

const char *
ExperimentSchemeName(int scheme)
{
	return SchemeAt(scheme)->name;
}

SchemeWeights
ExperimentSchemeWeights(int scheme)
{
	return SchemeAt(scheme)->weights;
}

static const char *
Utf8(const char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

double
ExperimentBucketBy(int scheme, const char *seed, const char *unit)
{
	Question	q = {.seed = Utf8(seed), .unit = Utf8(unit)};

	if (scheme == SCHEME_PERSONA)
		return ExperimentBucket(seed, unit);
	return SchemeAt(scheme)->bucket(&q);
}

int
ExperimentChooseBy(int scheme, const char *seed, const char *unit, int n,
				   const double *weights, double coverage)
{
	Question	q = {Utf8(seed), Utf8(unit), n, weights, coverage};

	if (scheme == SCHEME_PERSONA)
		return ExperimentChoose(seed, unit, n, weights, coverage);
	return SchemeAt(scheme)->choose(&q, SchemeAt(scheme));
}
