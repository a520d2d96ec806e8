/*
 * bucket.c: from a unit to its bucket and its variant, and the SQL functions
 * over them.
 *
 * The scheme: h = murmur3-32 over the UTF-8 bytes of seed, a dot and the
 * unit, with hash seed 0; the bucket is h / 2^32.
 */
#include "experiment/experiment.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* The gate's seed is this apart from the variant's, so that both are free. */
#define GATE_SUFFIX ".gate"

/* Weights are shares; this much rounding in their sum is forgiven. */
#define WEIGHT_SLACK 1e-6

double
ExperimentBucket(const char *seed, const char *unit)
{
	char	   *text = psprintf("%s.%s", seed, unit);
	char	   *utf8 = (char *) pg_do_encoding_conversion((unsigned char *) text,
														  strlen(text),
														  GetDatabaseEncoding(),
														  PG_UTF8);
	uint32		h = ExperimentMurmur3(utf8, strlen(utf8), 0);

	if (utf8 != text)
		pfree(utf8);
	pfree(text);
	return h / 4294967296.0;
}

int
ExperimentChoose(const char *seed, const char *unit, int n,
				 const double *weights, double coverage)
{
	double		bucket;
	double		end = 0;

	if (coverage < 1)
	{
		char	   *gate = psprintf("%s" GATE_SUFFIX, seed);

		if (ExperimentBucket(gate, unit) >= coverage)
			return 0;
	}
	bucket = ExperimentBucket(seed, unit);
	for (int i = 0; i < n; i++)
	{
		end += weights[i];
		if (bucket < end)
			return i + 1;
	}
	/* Shares that round to just under 1 leave nobody without a variant. */
	for (int i = n; i > 0 && end > 1 - WEIGHT_SLACK; i--)
		if (weights[i - 1] > 0)
			return i;
	return 0;
}

/* ---- SQL ---- */

PG_FUNCTION_INFO_V1(persona_murmur3);

/* persona.murmur3(bytea or text, seed): the hash as an unsigned number. */
Datum
persona_murmur3(PG_FUNCTION_ARGS)
{
	struct varlena *bytes = PG_GETARG_VARLENA_PP(0);

	PG_RETURN_INT64(ExperimentMurmur3(VARDATA_ANY(bytes),
									  VARSIZE_ANY_EXHDR(bytes),
									  (uint32) PG_GETARG_INT32(1)));
}

PG_FUNCTION_INFO_V1(persona_bucket);

/* persona.bucket(unit text, seed) */
Datum
persona_bucket(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(ExperimentBucket(text_to_cstring(PG_GETARG_TEXT_PP(1)),
									  text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

static char *
BigintText(int64 unit)
{
	return psprintf(INT64_FORMAT, unit);
}

PG_FUNCTION_INFO_V1(persona_bucket_bigint);

/* persona.bucket(unit bigint, seed): the same as of its text */
Datum
persona_bucket_bigint(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(ExperimentBucket(text_to_cstring(PG_GETARG_TEXT_PP(1)),
									  BigintText(PG_GETARG_INT64(0))));
}

static char *
UuidText(FunctionCallInfo fcinfo)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0)));
}

PG_FUNCTION_INFO_V1(persona_bucket_uuid);

/* persona.bucket(unit uuid, seed): the same as of its text */
Datum
persona_bucket_uuid(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(ExperimentBucket(text_to_cstring(PG_GETARG_TEXT_PP(1)),
									  UuidText(fcinfo)));
}

static void
RefuseWeights(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("weights %s", why),
			 errhint("Pass one share for each variant, such as ARRAY[0.5, 0.5]; "
					 "together they make 1.")));
}

static double *
ReadWeights(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	double	   *weights;
	double		sum = 0;

	if (ARR_NDIM(array) > 1)
		RefuseWeights("must be an array of one dimension");
	deconstruct_array(array, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &elements, &nulls, n);
	if (*n == 0)
		RefuseWeights("are empty");
	weights = palloc(sizeof(double) * *n);
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			RefuseWeights("must not be NULL");
		weights[i] = DatumGetFloat8(elements[i]);
		if (!(weights[i] >= 0 && weights[i] <= 1))
			RefuseWeights("must each be between 0 and 1");
		sum += weights[i];
	}
	if (sum < 1 - WEIGHT_SLACK || sum > 1 + WEIGHT_SLACK)
		RefuseWeights(psprintf("make %g together", sum));
	return weights;
}

static Datum
Choose(FunctionCallInfo fcinfo, const char *unit)
{
	int			n;
	double	   *weights = ReadWeights(PG_GETARG_ARRAYTYPE_P(2), &n);
	double		coverage = PG_GETARG_FLOAT8(3);
	int			chosen;

	if (!(coverage >= 0 && coverage <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("coverage must be between 0 and 1, not %g", coverage)));
	chosen = ExperimentChoose(text_to_cstring(PG_GETARG_TEXT_PP(1)), unit, n,
							  weights, coverage);
	if (chosen == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(chosen);
}

PG_FUNCTION_INFO_V1(persona_choose);

/* persona.choose(unit text, seed, weights, coverage) */
Datum
persona_choose(PG_FUNCTION_ARGS)
{
	return Choose(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(persona_choose_bigint);

/* persona.choose(unit bigint, seed, weights, coverage) */
Datum
persona_choose_bigint(PG_FUNCTION_ARGS)
{
	return Choose(fcinfo, BigintText(PG_GETARG_INT64(0)));
}

PG_FUNCTION_INFO_V1(persona_choose_uuid);

/* persona.choose(unit uuid, seed, weights, coverage) */
Datum
persona_choose_uuid(PG_FUNCTION_ARGS)
{
	return Choose(fcinfo, UuidText(fcinfo));
}
