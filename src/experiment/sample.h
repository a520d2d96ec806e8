/*
 * sample.h: what a test needs to know of the people in a variant.
 *
 * A sample is 64 bytes whatever the number of people, can be stored, dumped
 * and sent, and two of them merge to that of both: days make weeks, shards
 * make tables. The mean is kept as a difference to the first value seen, and
 * squares around it: sums of squares lose all digits where the mean is large.
 */
#ifndef PERSONA_SAMPLE_H
#define PERSONA_SAMPLE_H

#include "base/persona.h"

/* A value of one measure: summarize(y). */
typedef struct Sample
{
	int32		flags;
	int32		unused;
	int64		n;
	double		origin;			/* the first value */
	double		offset;			/* of the mean from the origin */
	double		squares;		/* sum of (y - mean)^2 */
	double		skew;			/* sum of (y - mean)^3 / squares */
	double		min;
	double		max;
} Sample;

/* Every value is 0 or 1: a test of proportions applies. */
#define SAMPLE_PROPORTION 1

/* Values of two measures of the same people: summarize(y, x). */
typedef struct SamplePair
{
	int64		n;
	double		origin_y;
	double		origin_x;
	double		offset_y;
	double		offset_x;
	double		squares_y;
	double		squares_x;
	double		products;		/* sum of (y - mean y) (x - mean x) */
} SamplePair;

#define PG_GETARG_SAMPLE(i) ((Sample *) PG_GETARG_POINTER(i))
#define PG_GETARG_PAIR(i) ((SamplePair *) PG_GETARG_POINTER(i))

/* What a sample says; NaN for what it does not know. */
extern double SampleMean(const Sample *s);
extern double SampleVariance(const Sample *s);
extern double SampleSkewness(const Sample *s);
extern double PairMeanY(const SamplePair *s);
extern double PairMeanX(const SamplePair *s);

/* `sum` is of squares or products around the means. */
extern double PairMoment(const SamplePair *s, double sum);

/* One value more. */
extern void SampleAdd(Sample *s, double y);

/* The sample of the people of both. */
extern Sample SampleMerge(const Sample *a, const Sample *b);
extern SamplePair PairMerge(const SamplePair *a, const SamplePair *b);

/* ---- what both types share ---- */

/* An error unless the value is a number that a sample may hold. */
extern void SampleCheckValue(double value);

/* The error for a variance that is no double any more. */
extern void SampleRefuseOverflow(void);

/* The value as a result, NULL where it is not known (NaN). */
extern Datum SampleKnown(FunctionCallInfo fcinfo, double value);

/* ---- their text (literal.c): a word, and numbers in parentheses ---- */

/* word(n,numbers...), each number the shortest text that gives it back. */
extern char *LiteralWrite(const char *word, int64 n, const double *numbers,
						  int count);

/*
 * Reads such a text; returns which of `words` it begins with, or raises an
 * error that names `type`.
 */
extern int	LiteralRead(const char *text, const char *type,
						const char *const *words, int64 *n, double *numbers,
						int count);

#endif							/* PERSONA_SAMPLE_H */
