/*
 * experiment.c: the SQL functions over hash.c, bucket.c and scheme.c.
 *
 * A unit is a text, a bigint or a uuid, and always hashed as its text, so that
 * 42 and '42' are one unit. All of them are pure and stay out of the catalogs,
 * so that they run on any shard, replica or worker.
 */
#include "experiment/experiment.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
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

PG_FUNCTION_INFO_V1(persona_fnv1a);

/* persona.fnv1a(text): of the text's UTF-16 code units, as a browser has it */
Datum
persona_fnv1a(PG_FUNCTION_ARGS)
{
	char	   *chars = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_INT64(ExperimentFnv1a(pg_server_to_any(chars, strlen(chars),
													 PG_UTF8)));
}

/* ---- the type of schemes ---- */

PG_FUNCTION_INFO_V1(persona_scheme_in);

/* The name of a scheme, as its place in the list of schemes. */
Datum
persona_scheme_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(ExperimentScheme(PG_GETARG_CSTRING(0)));
}

PG_FUNCTION_INFO_V1(persona_scheme_out);

Datum
persona_scheme_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(pstrdup(ExperimentSchemeName(PG_GETARG_INT32(0))));
}

PG_FUNCTION_INFO_V1(persona_scheme_recv);

/* In binary, too, a scheme is its name. */
Datum
persona_scheme_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length;

	PG_RETURN_INT32(ExperimentScheme(pq_getmsgtext(message,
												   message->len - message->cursor,
												   &length)));
}

PG_FUNCTION_INFO_V1(persona_scheme_send);

Datum
persona_scheme_send(PG_FUNCTION_ARGS)
{
	const char *name = ExperimentSchemeName(PG_GETARG_INT32(0));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendtext(&message, name, strlen(name));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* ---- buckets ---- */

/* persona.bucket() of a unit of `length` bytes; the rest is as called. */
static Datum
Bucket(FunctionCallInfo fcinfo, const char *unit, int length)
{
	text	   *seed = PG_GETARG_TEXT_PP(1);
	int			scheme = PG_GETARG_INT32(2);

	if (scheme != SCHEME_PERSONA)
		PG_RETURN_FLOAT8(ExperimentBucketBy(scheme, text_to_cstring(seed),
											pnstrdup(unit, length)));
	PG_RETURN_FLOAT8(ExperimentBucketOf(VARDATA_ANY(seed),
										VARSIZE_ANY_EXHDR(seed),
										unit, length));
}

PG_FUNCTION_INFO_V1(persona_bucket_text);

/* persona.bucket(unit text, seed, scheme) */
Datum
persona_bucket_text(PG_FUNCTION_ARGS)
{
	text	   *unit = PG_GETARG_TEXT_PP(0);

	return Bucket(fcinfo, VARDATA_ANY(unit), VARSIZE_ANY_EXHDR(unit));
}

PG_FUNCTION_INFO_V1(persona_bucket_bigint);

/* persona.bucket(unit bigint, seed, scheme): the same as of its text */
Datum
persona_bucket_bigint(PG_FUNCTION_ARGS)
{
	char		unit[MAXINT8LEN + 1];
	int			length = pg_lltoa(PG_GETARG_INT64(0), unit);

	return Bucket(fcinfo, unit, length);
}

static char *
UuidText(Datum uuid)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, uuid));
}

PG_FUNCTION_INFO_V1(persona_bucket_uuid);

/* persona.bucket(unit uuid, seed, scheme): the same as of its canonical text */
Datum
persona_bucket_uuid(PG_FUNCTION_ARGS)
{
	char	   *unit = UuidText(PG_GETARG_DATUM(0));

	return Bucket(fcinfo, unit, strlen(unit));
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

/* Unleash counts by the sum of its weights, which therefore are whole. */
static void
CheckWholeWeights(int n, const double *weights, double sum)
{
	if (fabs(sum - 1) <= WEIGHT_SLACK)
		return;
	for (int i = 0; i < n; i++)
		if (weights[i] != floor(weights[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weights must be whole numbers as Unleash keeps them, or shares that make 1"),
					 errhint("Pass those of the variants, such as ARRAY[500, 500].")));
	if (!(sum > 0 && sum <= PG_INT32_MAX))
		RefuseWeights(psprintf("make %g together", sum));
}

/* The sum of weights that the scheme can work with. */
static void
CheckWeights(SchemeWeights kind, int n, const double *weights)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += weights[i];
	if (kind == WEIGHTS_WHOLE)
		CheckWholeWeights(n, weights, sum);
	else if ((kind == WEIGHTS_SHARES && sum < 1 - WEIGHT_SLACK) ||
			 (kind != WEIGHTS_ANY && sum > 1 + WEIGHT_SLACK))
		RefuseWeights(psprintf("make %g together", sum));
}

/* The weights of a call, each a number that can be one. */
static double *
ReadWeights(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	double	   *weights;

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
		if (!(weights[i] >= 0) || isinf(weights[i]))
			RefuseWeights("must each be a number from 0 on");
	}
	return weights;
}

/* GrowthBook takes any coverage for the nearest that can be. */
static double
ReadCoverage(double coverage, SchemeWeights kind)
{
	if (isnan(coverage) ||
		(kind != WEIGHTS_ANY && !(coverage >= 0 && coverage <= 1)))
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
	int			scheme = PG_GETARG_INT32(4);
	SchemeWeights kind = ExperimentSchemeWeights(scheme);
	int			n;
	double	   *weights = ReadWeights(PG_GETARG_ARRAYTYPE_P(2), &n);
	double		coverage = ReadCoverage(PG_GETARG_FLOAT8(3), kind);
	int			chosen;

	CheckWeights(kind, n, weights);
	chosen = ExperimentChooseBy(scheme, seed, unit, n, weights, coverage);
	if (chosen == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(chosen);
}

PG_FUNCTION_INFO_V1(persona_choose_text);

/* persona.choose(unit text, seed, weights, coverage, scheme) */
Datum
persona_choose_text(PG_FUNCTION_ARGS)
{
	return Choose(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(persona_choose_bigint);

/* persona.choose(unit bigint, seed, weights, coverage, scheme) */
Datum
persona_choose_bigint(PG_FUNCTION_ARGS)
{
	char		unit[MAXINT8LEN + 1];

	(void) pg_lltoa(PG_GETARG_INT64(0), unit);
	return Choose(fcinfo, unit);
}

PG_FUNCTION_INFO_V1(persona_choose_uuid);

/* persona.choose(unit uuid, seed, weights, coverage, scheme) */
Datum
persona_choose_uuid(PG_FUNCTION_ARGS)
{
	return Choose(fcinfo, UuidText(PG_GETARG_DATUM(0)));
}
