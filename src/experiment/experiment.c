/*
 * experiment.c: the SQL functions over hash.c and bucket.c.
 *
 * A unit is a text, a bigint or a uuid, and always hashed as its text, so that
 * 42 and '42' are one unit. All of them are pure and stay out of the catalogs,
 * so that they run on any shard, replica or worker.
 */
#include "experiment/experiment.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* Weights are shares; this much rounding in their sum is forgiven. */
#define WEIGHT_SLACK 1e-6

/* ---- the hash ---- */

PG_FUNCTION_INFO_V1(persona_murmur3_bytea);

/* persona.murmur3(bytea, seed): the hash as an unsigned number */
Datum
persona_murmur3_bytea(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);

	PG_RETURN_INT64(ExperimentMurmur3(VARDATA_ANY(bytes),
									  VARSIZE_ANY_EXHDR(bytes),
									  (uint32) PG_GETARG_INT32(1)));
}

PG_FUNCTION_INFO_V1(persona_murmur3_text);

/* persona.murmur3(text, seed): of the text as UTF-8 */
Datum
persona_murmur3_text(PG_FUNCTION_ARGS)
{
	char	   *chars = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *utf8 = pg_server_to_any(chars, strlen(chars), PG_UTF8);

	PG_RETURN_INT64(ExperimentMurmur3(utf8, strlen(utf8),
									  (uint32) PG_GETARG_INT32(1)));
}

/* ---- buckets ---- */

static Datum
BucketDatum(text *seed, const char *unit, int unit_length)
{
	return Float8GetDatum(ExperimentBucketOf(VARDATA_ANY(seed),
											 VARSIZE_ANY_EXHDR(seed),
											 unit, unit_length));
}

PG_FUNCTION_INFO_V1(persona_bucket_text);

/* persona.bucket(unit text, seed) */
Datum
persona_bucket_text(PG_FUNCTION_ARGS)
{
	text	   *unit = PG_GETARG_TEXT_PP(0);

	return BucketDatum(PG_GETARG_TEXT_PP(1), VARDATA_ANY(unit),
					   VARSIZE_ANY_EXHDR(unit));
}

PG_FUNCTION_INFO_V1(persona_bucket_bigint);

/* persona.bucket(unit bigint, seed): the same as of its text */
Datum
persona_bucket_bigint(PG_FUNCTION_ARGS)
{
	char		unit[MAXINT8LEN + 1];
	int			length = pg_lltoa(PG_GETARG_INT64(0), unit);

	return BucketDatum(PG_GETARG_TEXT_PP(1), unit, length);
}

static char *
UuidText(Datum uuid)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, uuid));
}

PG_FUNCTION_INFO_V1(persona_bucket_uuid);

/* persona.bucket(unit uuid, seed): the same as of its canonical text */
Datum
persona_bucket_uuid(PG_FUNCTION_ARGS)
{
	char	   *unit = UuidText(PG_GETARG_DATUM(0));

	return BucketDatum(PG_GETARG_TEXT_PP(1), unit, strlen(unit));
}

/* ---- variants ---- */

static void
RefuseWeights(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("weights %s", why),
			 errhint("Pass one share for each variant, such as ARRAY[0.5, 0.5]; "
					 "together they make 1.")));
}

/* The weights of a call, checked one by one and as a whole. */
static double *
ReadWeights(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	double	   *weights;
	double		sum = 0;

	if (ARR_NDIM(array) > 1)
		RefuseWeights("must be an array of one dimension");
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, &nulls, n);
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
	if (fabs(sum - 1) > WEIGHT_SLACK)
		RefuseWeights(psprintf("make %g together", sum));
	return weights;
}

static double
ReadCoverage(double coverage)
{
	if (!(coverage >= 0 && coverage <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("coverage must be between 0 and 1, not %g", coverage),
				 errhint("It is the share of units that take part: 0.2 for a fifth, "
						 "1 for everyone.")));
	return coverage;
}

/* persona.choose() once the unit is text; the other arguments are as called. */
static Datum
Choose(FunctionCallInfo fcinfo, const char *unit)
{
	char	   *seed = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			n;
	double	   *weights = ReadWeights(PG_GETARG_ARRAYTYPE_P(2), &n);
	double		coverage = ReadCoverage(PG_GETARG_FLOAT8(3));
	int			chosen = ExperimentChoose(seed, unit, n, weights, coverage);

	if (chosen == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(chosen);
}

PG_FUNCTION_INFO_V1(persona_choose_text);

/* persona.choose(unit text, seed, weights, coverage) */
Datum
persona_choose_text(PG_FUNCTION_ARGS)
{
	return Choose(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(persona_choose_bigint);

/* persona.choose(unit bigint, seed, weights, coverage) */
Datum
persona_choose_bigint(PG_FUNCTION_ARGS)
{
	char		unit[MAXINT8LEN + 1];

	(void) pg_lltoa(PG_GETARG_INT64(0), unit);
	return Choose(fcinfo, unit);
}

PG_FUNCTION_INFO_V1(persona_choose_uuid);

/* persona.choose(unit uuid, seed, weights, coverage) */
Datum
persona_choose_uuid(PG_FUNCTION_ARGS)
{
	return Choose(fcinfo, UuidText(PG_GETARG_DATUM(0)));
}
