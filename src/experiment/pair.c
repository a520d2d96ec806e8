/*
 * pair.c: the type persona.sample2: two measures of the same people, as a
 * ratio (revenue by orders) or an adjustment (spend now by spend before) needs
 * them. Added and merged as in sample.c; a person of whom either is not known
 * counts for neither.
 */
#include "experiment/sample.h"

#include <math.h>

#include "libpq/pqformat.h"

StaticAssertDecl(sizeof(SamplePair) == 64, "CREATE TYPE sample2 says so");

static const char *const words[] = {"pair", NULL};

/* The numbers of a pair, in the order of its text. */
#define NUMBERS(s) (&(s)->origin_y)
#define NUMBER_COUNT 7

/* ---- what it says ---- */

double
PairMeanY(const SamplePair *s)
{
	return s->n > 0 ? s->origin_y + s->offset_y : NAN;
}

double
PairMeanX(const SamplePair *s)
{
	return s->n > 0 ? s->origin_x + s->offset_x : NAN;
}

double
PairMoment(const SamplePair *s, double sum)
{
	return s->n > 1 ? sum / (s->n - 1) : NAN;
}

/* ---- adding and merging ---- */

static void
CheckRange(const SamplePair *s)
{
	if (!isfinite(s->squares_y) || !isfinite(s->squares_x) ||
		!isfinite(s->products))
		SampleRefuseOverflow();
}

static void
Add(SamplePair *s, double y, double x)
{
	double		dy,
				dx,
				weight;

	if (s->n++ == 0)
	{
		s->origin_y = y;
		s->origin_x = x;
		return;
	}
	dy = y - s->origin_y - s->offset_y;
	dx = x - s->origin_x - s->offset_x;
	weight = (double) (s->n - 1) / s->n;
	s->offset_y += dy / s->n;
	s->offset_x += dx / s->n;
	s->squares_y += dy * dy * weight;
	s->squares_x += dx * dx * weight;
	s->products += dy * dx * weight;
	CheckRange(s);
}

SamplePair
PairMerge(const SamplePair *a, const SamplePair *b)
{
	SamplePair	both = *a;
	double		n = (double) a->n + b->n;
	double		dy = (b->origin_y - a->origin_y) + (b->offset_y - a->offset_y);
	double		dx = (b->origin_x - a->origin_x) + (b->offset_x - a->offset_x);
	double		weight = a->n * (b->n / n);

	if (a->n == 0)
		return *b;
	if (b->n == 0)
		return *a;
	both.n += b->n;
	both.offset_y += dy * (b->n / n);
	both.offset_x += dx * (b->n / n);
	both.squares_y += b->squares_y + dy * dy * weight;
	both.squares_x += b->squares_x + dx * dx * weight;
	both.products += b->products + dy * dx * weight;
	CheckRange(&both);
	return both;
}

/* A state that may be changed: the aggregate's own, or a copy. */
static SamplePair *
State(FunctionCallInfo fcinfo)
{
	SamplePair *state = PG_GETARG_PAIR(0);
	SamplePair *copy;

	if (AggCheckCallContext(fcinfo, NULL))
		return state;
	copy = palloc(sizeof(SamplePair));
	*copy = *state;
	return copy;
}

PG_FUNCTION_INFO_V1(persona_pair_add);

/* persona.sample_add(sample2, y, x): one person more */
Datum
persona_pair_add(PG_FUNCTION_ARGS)
{
	SamplePair *state = State(fcinfo);
	double		y = PG_GETARG_FLOAT8(1);
	double		x = PG_GETARG_FLOAT8(2);

	SampleCheckValue(y);
	SampleCheckValue(x);
	Add(state, y, x);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(persona_pair_merge);

/* persona.sample_merge(sample2, sample2): the people of both */
Datum
persona_pair_merge(PG_FUNCTION_ARGS)
{
	SamplePair *state = State(fcinfo);

	*state = PairMerge(state, PG_GETARG_PAIR(1));
	PG_RETURN_POINTER(state);
}

/* ---- accessors ---- */

PG_FUNCTION_INFO_V1(persona_pair_n);

Datum
persona_pair_n(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_PAIR(0)->n);
}

PG_FUNCTION_INFO_V1(persona_pair_mean);

Datum
persona_pair_mean(PG_FUNCTION_ARGS)
{
	return SampleKnown(fcinfo, PairMeanY(PG_GETARG_PAIR(0)));
}

PG_FUNCTION_INFO_V1(persona_pair_mean_x);

Datum
persona_pair_mean_x(PG_FUNCTION_ARGS)
{
	return SampleKnown(fcinfo, PairMeanX(PG_GETARG_PAIR(0)));
}

PG_FUNCTION_INFO_V1(persona_pair_var);

Datum
persona_pair_var(PG_FUNCTION_ARGS)
{
	SamplePair *s = PG_GETARG_PAIR(0);

	return SampleKnown(fcinfo, PairMoment(s, s->squares_y));
}

PG_FUNCTION_INFO_V1(persona_pair_var_x);

Datum
persona_pair_var_x(PG_FUNCTION_ARGS)
{
	SamplePair *s = PG_GETARG_PAIR(0);

	return SampleKnown(fcinfo, PairMoment(s, s->squares_x));
}

PG_FUNCTION_INFO_V1(persona_pair_cov);

Datum
persona_pair_cov(PG_FUNCTION_ARGS)
{
	SamplePair *s = PG_GETARG_PAIR(0);

	return SampleKnown(fcinfo, PairMoment(s, s->products));
}

/* ---- in and out ---- */

/* Whether somebody may have made these numbers of values. */
static bool
IsPossible(const SamplePair *s)
{
	const double *numbers = &s->origin_y;

	for (int i = 0; i < NUMBER_COUNT; i++)
		if (!isfinite(numbers[i]))
			return false;
	return s->n >= 0 && s->squares_y >= 0 && s->squares_x >= 0;
}

PG_FUNCTION_INFO_V1(persona_pair_in);

/* A text that out wrote. */
Datum
persona_pair_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	SamplePair *s = palloc0(sizeof(SamplePair));

	(void) LiteralRead(text, "persona.sample2", words, &s->n, NUMBERS(s),
					   NUMBER_COUNT);
	if (!IsPossible(s))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("no values make the sample \"%s\"", text)));
	PG_RETURN_POINTER(s);
}

PG_FUNCTION_INFO_V1(persona_pair_out);

/* pair(n, origins, offsets, squares of y and x, products) */
Datum
persona_pair_out(PG_FUNCTION_ARGS)
{
	const SamplePair *s = PG_GETARG_PAIR(0);

	PG_RETURN_CSTRING(LiteralWrite(words[0], s->n, NUMBERS(s), NUMBER_COUNT));
}

PG_FUNCTION_INFO_V1(persona_pair_recv);

/* What send sent: the count, the numbers. */
Datum
persona_pair_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	SamplePair *s = palloc0(sizeof(SamplePair));

	s->n = pq_getmsgint64(buffer);
	for (int i = 0; i < NUMBER_COUNT; i++)
		NUMBERS(s)[i] = pq_getmsgfloat8(buffer);
	if (!IsPossible(s))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("no values make the sample received")));
	PG_RETURN_POINTER(s);
}

PG_FUNCTION_INFO_V1(persona_pair_send);

Datum
persona_pair_send(PG_FUNCTION_ARGS)
{
	const SamplePair *s = PG_GETARG_PAIR(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint64(&buffer, s->n);
	for (int i = 0; i < NUMBER_COUNT; i++)
		pq_sendfloat8(&buffer, NUMBERS(s)[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}
