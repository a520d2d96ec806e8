/*
 * sample.c: the type persona.sample, and summarize() and merge() over it.
 *
 * A value is added by Welford's method, two samples are merged by Chan's. The
 * third moment is kept divided by the second: so it has the values' own unit
 * and does not overflow before the variance does, and adding a value makes it
 * a weighted mean of what it was and what the value brings.
 *
 * What is not known is NaN: shape, least and greatest of a sample that was
 * made of a count, a mean and a standard deviation.
 */
#include "experiment/sample.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "utils/builtins.h"

StaticAssertDecl(sizeof(Sample) == 64, "CREATE TYPE sample says so");

static const char *const words[] = {"mean", "proportion", NULL};

/* The numbers of a sample, in the order of its text. */
#define NUMBERS(s) (&(s)->origin)
#define NUMBER_COUNT 6

/* ---- what a sample says ---- */

double
SampleMean(const Sample *s)
{
	return s->n > 0 ? s->origin + s->offset : NAN;
}

double
SampleVariance(const Sample *s)
{
	return s->n > 1 ? s->squares / (s->n - 1) : NAN;
}

double
SampleSkewness(const Sample *s)
{
	if (s->n < 1 || s->squares <= 0)
		return NAN;
	return s->skew * sqrt(s->n / s->squares);
}

/* ---- adding and merging ---- */

void
SampleRefuseOverflow(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("values of a sample lie too far apart"),
			 errdetail("Their variance is more than a double precision number can hold.")));
}

void
SampleCheckValue(double value)
{
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a sample cannot hold the value %s",
						isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"),
				 errhint("Leave such values out with FILTER, or make them NULL.")));
}

void
SampleAdd(Sample *s, double y)
{
	double		d,
				dn,
				t,
				share;

	if (s->n++ == 0)
	{
		s->origin = s->min = s->max = y;
		return;
	}
	d = y - s->origin - s->offset;
	dn = d / s->n;
	t = d * dn * (s->n - 1);
	share = s->squares + t > 0 ? t / (s->squares + t) : 0;
	s->skew = (1 - share) * (s->skew - 3 * dn) + share * dn * (s->n - 2);
	if (s->squares + t <= 0)
		s->skew = 0;
	s->offset += dn;
	s->squares += t;
	if (y < s->min)
		s->min = y;
	if (y > s->max)
		s->max = y;
	if (!isfinite(s->squares))
		SampleRefuseOverflow();
}

/* The moments of two samples of which neither is empty. */
static void
MergeMoments(Sample *both, const Sample *a, const Sample *b)
{
	double		n = (double) a->n + b->n;
	double		delta = (b->origin - a->origin) + (b->offset - a->offset);
	double		between = delta * (delta / n) * a->n * b->n;
	double		squares = a->squares + b->squares + between;

	both->offset = a->offset + delta * (b->n / n);
	both->squares = squares;
	if (!isfinite(squares))
		SampleRefuseOverflow();
	both->skew = squares > 0 ?
		a->squares / squares * (a->skew - 3 * delta * (b->n / n)) +
		b->squares / squares * (b->skew + 3 * delta * (a->n / n)) +
		between / squares * delta * ((a->n - b->n) / n) : a->skew + b->skew;
}

Sample
SampleMerge(const Sample *a, const Sample *b)
{
	Sample		both = *a;

	if (a->n == 0)
		return *b;
	if (b->n == 0)
		return *a;
	both.flags &= b->flags;
	both.n += b->n;
	MergeMoments(&both, a, b);
	both.min = isnan(b->min) || b->min < a->min ? b->min : a->min;
	both.max = isnan(b->max) || b->max > a->max ? b->max : a->max;
	return both;
}

/* A state that may be changed: the aggregate's own, or a copy. */
static Sample *
State(FunctionCallInfo fcinfo)
{
	Sample	   *state = PG_GETARG_SAMPLE(0);
	Sample	   *copy;

	if (AggCheckCallContext(fcinfo, NULL))
		return state;
	copy = palloc(sizeof(Sample));
	*copy = *state;
	return copy;
}

PG_FUNCTION_INFO_V1(persona_sample_add);

/* persona.sample_add(sample, float8): one value more */
Datum
persona_sample_add(PG_FUNCTION_ARGS)
{
	Sample	   *state = State(fcinfo);
	double		y = PG_GETARG_FLOAT8(1);

	SampleCheckValue(y);
	state->flags = 0;
	SampleAdd(state, y);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(persona_sample_add_boolean);

/* persona.sample_add(sample, boolean): one yes or no more */
Datum
persona_sample_add_boolean(PG_FUNCTION_ARGS)
{
	Sample	   *state = State(fcinfo);

	if (state->n == 0)
		state->flags = SAMPLE_PROPORTION;
	SampleAdd(state, PG_GETARG_BOOL(1) ? 1 : 0);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(persona_sample_merge);

/* persona.sample_merge(sample, sample): the people of both */
Datum
persona_sample_merge(PG_FUNCTION_ARGS)
{
	Sample	   *state = State(fcinfo);

	*state = SampleMerge(state, PG_GETARG_SAMPLE(1));
	PG_RETURN_POINTER(state);
}

/* ---- by hand ---- */

static void
RefuseNumbers(const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", what), errhint("%s", hint)));
}

PG_FUNCTION_INFO_V1(persona_sample_by_hand);

/* persona.sample(n, mean, sd) */
Datum
persona_sample_by_hand(PG_FUNCTION_ARGS)
{
	Sample	   *s = palloc0(sizeof(Sample));
	int64		n = PG_GETARG_INT64(0);
	double		mean = PG_GETARG_FLOAT8(1);
	double		sd = PG_GETARG_FLOAT8(2);

	if (n < 0 || !isfinite(mean) || !(sd >= 0) || !isfinite(sd))
		RefuseNumbers("a sample needs n >= 0, a mean, and sd >= 0",
					  "Such as sample(1200, 31.5, 44.0).");
	if (n == 0)
		PG_RETURN_POINTER(s);
	s->n = n;
	s->origin = mean;
	s->squares = sd * sd * (n - 1);
	s->skew = s->min = s->max = NAN;
	if (!isfinite(s->squares))
		SampleRefuseOverflow();
	PG_RETURN_POINTER(s);
}

PG_FUNCTION_INFO_V1(persona_sample_proportion);

/* persona.proportion(successes, n): as if each had been added */
Datum
persona_sample_proportion(PG_FUNCTION_ARGS)
{
	Sample	   *s = palloc0(sizeof(Sample));
	int64		x = PG_GETARG_INT64(0);
	int64		n = PG_GETARG_INT64(1);

	if (x < 0 || x > n)
		RefuseNumbers("a proportion needs 0 <= successes <= n",
					  "Such as proportion(34, 1200): 34 of 1,200 people.");
	if (n == 0)
		PG_RETURN_POINTER(s);
	s->flags = SAMPLE_PROPORTION;
	s->n = n;
	s->min = x == n;
	s->max = x > 0;
	s->offset = (double) x / n;
	s->squares = s->offset * (n - x);
	if (s->squares > 0)
		s->skew = 1 - 2 * s->offset;
	PG_RETURN_POINTER(s);
}

/* ---- accessors ---- */

Datum
SampleKnown(FunctionCallInfo fcinfo, double value)
{
	if (isnan(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

PG_FUNCTION_INFO_V1(persona_sample_n);

Datum
persona_sample_n(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_SAMPLE(0)->n);
}

PG_FUNCTION_INFO_V1(persona_sample_mean);

Datum
persona_sample_mean(PG_FUNCTION_ARGS)
{
	return SampleKnown(fcinfo, SampleMean(PG_GETARG_SAMPLE(0)));
}

PG_FUNCTION_INFO_V1(persona_sample_var);

Datum
persona_sample_var(PG_FUNCTION_ARGS)
{
	return SampleKnown(fcinfo, SampleVariance(PG_GETARG_SAMPLE(0)));
}

PG_FUNCTION_INFO_V1(persona_sample_skewness);

Datum
persona_sample_skewness(PG_FUNCTION_ARGS)
{
	return SampleKnown(fcinfo, SampleSkewness(PG_GETARG_SAMPLE(0)));
}

PG_FUNCTION_INFO_V1(persona_sample_min);

Datum
persona_sample_min(PG_FUNCTION_ARGS)
{
	Sample	   *s = PG_GETARG_SAMPLE(0);

	return SampleKnown(fcinfo, s->n > 0 ? s->min : NAN);
}

PG_FUNCTION_INFO_V1(persona_sample_max);

Datum
persona_sample_max(PG_FUNCTION_ARGS)
{
	Sample	   *s = PG_GETARG_SAMPLE(0);

	return SampleKnown(fcinfo, s->n > 0 ? s->max : NAN);
}

/* ---- in and out ---- */

/* Whether somebody may have made these numbers of values. */
static bool
IsPossible(const Sample *s)
{
	return s->n >= 0 && (s->flags & ~SAMPLE_PROPORTION) == 0 &&
		isfinite(s->origin) && isfinite(s->offset) &&
		s->squares >= 0 && isfinite(s->squares) &&
		!isinf(s->skew) && !isinf(s->min) && !isinf(s->max);
}

PG_FUNCTION_INFO_V1(persona_sample_in);

/* A text that out wrote. */
Datum
persona_sample_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	Sample	   *s = palloc0(sizeof(Sample));

	s->flags = LiteralRead(text, "persona.sample", words, &s->n, NUMBERS(s),
						   NUMBER_COUNT);
	if (!IsPossible(s))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("no values make the sample \"%s\"", text)));
	PG_RETURN_POINTER(s);
}

PG_FUNCTION_INFO_V1(persona_sample_out);

/* mean(n, origin, offset, squares, skew, min, max), or proportion(...) */
Datum
persona_sample_out(PG_FUNCTION_ARGS)
{
	const Sample *s = PG_GETARG_SAMPLE(0);

	PG_RETURN_CSTRING(LiteralWrite(words[s->flags & SAMPLE_PROPORTION], s->n,
								   NUMBERS(s), NUMBER_COUNT));
}

PG_FUNCTION_INFO_V1(persona_sample_recv);

/* What send sent: the flags, the count, the numbers. */
Datum
persona_sample_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	Sample	   *s = palloc0(sizeof(Sample));

	s->flags = pq_getmsgint(buffer, 4);
	s->n = pq_getmsgint64(buffer);
	for (int i = 0; i < NUMBER_COUNT; i++)
		NUMBERS(s)[i] = pq_getmsgfloat8(buffer);
	if (!IsPossible(s))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("no values make the sample received")));
	PG_RETURN_POINTER(s);
}

PG_FUNCTION_INFO_V1(persona_sample_send);

Datum
persona_sample_send(PG_FUNCTION_ARGS)
{
	const Sample *s = PG_GETARG_SAMPLE(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, s->flags);
	pq_sendint64(&buffer, s->n);
	for (int i = 0; i < NUMBER_COUNT; i++)
		pq_sendfloat8(&buffer, NUMBERS(s)[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}
