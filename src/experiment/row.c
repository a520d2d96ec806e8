/*
 * row.c: what all functions of this room that return a row do alike. Inside,
 * a number that is not there is NaN; outside it is NULL, and NaN is an error.
 */
#include "experiment/row.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

/* No row of ours is wider. */
#define MAX_COLUMNS 40

/* ---- arguments ---- */

/* The name that SQL knows argument `i` by; asked for by errors only. */
static const char *
ArgName(FunctionCallInfo fcinfo, int i)
{
	HeapTuple	proc = SearchSysCache1(PROCOID,
									   ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Oid		   *types;
	char	  **names;
	char	   *modes;

	if (!HeapTupleIsValid(proc))
		return psprintf("argument %d", i + 1);
	(void) get_func_arg_info(proc, &types, &names, &modes);
	ReleaseSysCache(proc);
	return names[i];
}

void
ArgRefuse(FunctionCallInfo fcinfo, int i, const char *must)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must %s", ArgName(fcinfo, i), must)));
}

double
ArgNumber(FunctionCallInfo fcinfo, int i)
{
	double		number;

	if (PG_ARGISNULL(i))
		return NAN;
	number = PG_GETARG_FLOAT8(i);
	if (!isfinite(number))
		ArgRefuse(fcinfo, i, "be a number, not NaN or Infinity");
	return number;
}

double
ArgNotNegative(FunctionCallInfo fcinfo, int i)
{
	double		number = ArgNumber(fcinfo, i);

	if (number < 0)
		ArgRefuse(fcinfo, i, "not be negative");
	return number;
}

double
ArgPositive(FunctionCallInfo fcinfo, int i)
{
	double		number = ArgNumber(fcinfo, i);

	if (number <= 0)
		ArgRefuse(fcinfo, i, "be more than 0");
	return number;
}

double
ArgShare(FunctionCallInfo fcinfo, int i)
{
	double		share = ArgNumber(fcinfo, i);

	if (!(share > 0 && share < 1))
		ArgRefuse(fcinfo, i, "lie between 0 and 1");
	return share;
}

double
ArgCount(FunctionCallInfo fcinfo, int i)
{
	if (PG_ARGISNULL(i))
		return NAN;
	if (PG_GETARG_INT64(i) < 0)
		ArgRefuse(fcinfo, i, "not be negative");
	return (double) PG_GETARG_INT64(i);
}

double *
ArgNumbers(FunctionCallInfo fcinfo, int i, int *n)
{
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	double	   *numbers;

	if (PG_ARGISNULL(i))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(i);
	if (ARR_NDIM(array) > 1)
		ArgRefuse(fcinfo, i, "be an array of one dimension");
	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(float8),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, n);
	numbers = palloc(sizeof(double) * Max(*n, 1));
	for (int k = 0; k < *n; k++)
	{
		numbers[k] = nulls[k] ? NAN : ARR_ELEMTYPE(array) == INT8OID ?
			(double) DatumGetInt64(elements[k]) : DatumGetFloat8(elements[k]);
		if (!nulls[k] && !isfinite(numbers[k]))
			ArgRefuse(fcinfo, i, "hold numbers, not NaN or Infinity");
	}
	return numbers;
}

/* ---- results ---- */

Datum
NumbersDatum(const double *numbers, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	int			lower = 1;

	if (n == 0)
		return PointerGetDatum(construct_empty_array(FLOAT8OID));
	for (int i = 0; i < n; i++)
		elements[i] = NumberDatum(numbers[i], FLOAT8OID, &nulls[i]);
	return PointerGetDatum(construct_md_array(elements, nulls, 1, &n, &lower,
											  FLOAT8OID, sizeof(float8),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

Datum
NumberDatum(double number, Oid type, bool *isnull)
{
	*isnull = isnan(number);
	if (*isnull)
		return (Datum) 0;
	switch (type)
	{
		case BOOLOID:
			return BoolGetDatum(number != 0);
		case INT4OID:
			return Int32GetDatum((int32) number);
		case INT8OID:
			return Int64GetDatum((int64) number);
		default:
			return Float8GetDatum(number);
	}
}

TupleDesc
RowType(FunctionCallInfo fcinfo)
{
	FmgrInfo   *function = fcinfo->flinfo;
	MemoryContext context;
	TupleDesc	type;

	if (function->fn_extra)
		return function->fn_extra;
	context = MemoryContextSwitchTo(function->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the function does not return a row");
	function->fn_extra = BlessTupleDesc(type);
	MemoryContextSwitchTo(context);
	return function->fn_extra;
}

Datum
RowOf(FunctionCallInfo fcinfo, const char *status, const Datum *leading,
	  int leading_count, const double *numbers, int count)
{
	TupleDesc	type = RowType(fcinfo);
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS] = {0};
	int			column = 0;

	Assert(type->natts == 1 + leading_count + count && type->natts <= MAX_COLUMNS);
	values[column++] = CStringGetTextDatum(status);
	for (int i = 0; i < leading_count; i++)
		values[column++] = leading[i];
	for (int i = 0; i < count; i++, column++)
		values[column] = NumberDatum(numbers[i],
									 TupleDescAttr(type, column)->atttypid,
									 &nulls[column]);
	return HeapTupleGetDatum(heap_form_tuple(type, values, nulls));
}
