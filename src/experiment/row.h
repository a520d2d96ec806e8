/*
 * row.h: from SQL's arguments to numbers, and from a result to its row.
 */
#ifndef PERSONA_ROW_H
#define PERSONA_ROW_H

#include "base/persona.h"

#include "funcapi.h"
#include "utils/array.h"

/*
 * Argument `i` as a number, NaN where it is NULL. What is no number, or not
 * in the range, is an error (22023) that names the argument.
 */
extern double ArgNumber(FunctionCallInfo fcinfo, int i);
extern double ArgNotNegative(FunctionCallInfo fcinfo, int i);
extern double ArgPositive(FunctionCallInfo fcinfo, int i);
extern double ArgCount(FunctionCallInfo fcinfo, int i);

/* A share between 0 and 1, both excluded; not NULL. */
extern double ArgShare(FunctionCallInfo fcinfo, int i);

/* The error for argument `i`: "argument must ..." */
extern void ArgRefuse(FunctionCallInfo fcinfo, int i, const char *must);

/*
 * Array `i` of float8 or bigint as numbers, NaN where an element is NULL;
 * NULL where the array is.
 */
extern double *ArgNumbers(FunctionCallInfo fcinfo, int i, int *n);

/* Numbers as an array of float8, NaN as NULL. */
extern Datum NumbersDatum(const double *numbers, int n);

/*
 * The row of a function: of a struct that begins with its status and goes on
 * with numbers, a column each, NaN as NULL.
 */
#define ROW_OF(fcinfo, result) \
	RowOf(fcinfo, *(const char *const *) (result), NULL, 0, \
		  (const double *) (result) + 1, sizeof(*(result)) / sizeof(double) - 1)

/* The same with `leading` columns, none of them NULL, after the status. */
extern Datum RowOf(FunctionCallInfo fcinfo, const char *status,
				   const Datum *leading, int leading_count,
				   const double *numbers, int count);

/* A number as a value of that type; *isnull where it is NaN. */
extern Datum NumberDatum(double number, Oid type, bool *isnull);

/* The row type of a function, looked up once a query. */
extern TupleDesc RowType(FunctionCallInfo fcinfo);

#endif							/* PERSONA_ROW_H */
