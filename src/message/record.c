/*
 * record.c: a row as the values of a message.
 *
 * Numbers, booleans, json, arrays and rows stay what they are, times become
 * ISO 8601, and every other type is the text that its own output function
 * writes. No cast of a user's is ever looked up, as to_jsonb would do, and a
 * column that the template does not ask for is not converted.
 */
#include "message/render.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

static MessageValue FromDatum(Oid type, Datum value, bool isnull);

/* ---- values that are one ---- */

static MessageValue
FromCString(const char *text)
{
	return MessageString(text, strlen(text));
}

/* As a number where it is one; infinity and NaN are text. */
static MessageValue
FromNumberText(const char *text)
{
	int			length = strlen(text);

	if (strspn(text, "0123456789.-+e") == length)
		return MessageFromDigits(text, length);
	return FromCString(text);
}

static MessageValue
FromNumeric(Numeric number)
{
	if (numeric_is_nan(number) || numeric_is_inf(number))
		return FromCString(DatumGetCString(DirectFunctionCall1(numeric_out,
															   NumericGetDatum(number))));
	return MessageDecimal(number);
}

static MessageValue
FromDouble(float8 number)
{
	char	   *digits = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);

	double_to_shortest_decimal_buf(number, digits);
	return FromNumberText(digits);
}

static MessageValue
FromFloat(float4 number)
{
	char	   *digits = palloc(FLOAT_SHORTEST_DECIMAL_LEN);

	float_to_shortest_decimal_buf(number, digits);
	return FromNumberText(digits);
}

static MessageValue
FromText(Datum value)
{
	text	   *read = DatumGetTextPP(value);

	return MessageString(VARDATA_ANY(read), VARSIZE_ANY_EXHDR(read));
}

/* Of a type without a case of its own, what it is shown as. */
static MessageValue
FromOutput(Oid type, Datum value)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(type, &output, &varlena);
	return FromCString(OidOutputFunctionCall(output, value));
}

static MessageValue
FromScalar(Oid type, Datum value)
{
	switch (type)
	{
		case BOOLOID:
			return MessageBoolean(DatumGetBool(value));
		case INT2OID:
			return MessageInteger(DatumGetInt16(value));
		case INT4OID:
			return MessageInteger(DatumGetInt32(value));
		case INT8OID:
			return MessageInteger(DatumGetInt64(value));
		case NUMERICOID:
			return FromNumeric(DatumGetNumeric(value));
		case FLOAT4OID:
			return FromFloat(DatumGetFloat4(value));
		case FLOAT8OID:
			return FromDouble(DatumGetFloat8(value));
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return FromText(value);
		case JSONBOID:
			return MessageFromJsonb(DatumGetJsonbP(value));
		case JSONOID:
			return MessageFromJson(DatumGetTextP(value));
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return FromCString(JsonEncodeDateTime(NULL, value, type, NULL));
		default:
			return FromOutput(type, value);
	}
}

/* ---- arrays ---- */

/* A list of its elements; all of them in one row if it has dimensions. */
static MessageValue
FromArray(Oid element, ArrayType *array)
{
	MessageValue list = MessageNewItems(VALUE_LIST);
	int16		length;
	bool		byval;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	get_typlenbyvalalign(element, &length, &byval, &align);
	deconstruct_array(array, element, length, byval, align, &values, &nulls,
					  &n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MessageAppend(list.as.items, FromDatum(element, values[i], nulls[i]));
	}
	return list;
}

/* ---- rows ---- */

/* A row taken apart into its columns, which are not converted yet. */
typedef struct Row
{
	TupleDesc	desc;
	Datum	   *values;
	bool	   *nulls;
} Row;

static MessageValue
ColumnValue(const Row *row, int i)
{
	return FromDatum(TupleDescAttr(row->desc, i)->atttypid, row->values[i],
					 row->nulls[i]);
}

static void
OpenRow(MessageItems *items)
{
	const Row  *row = items->data;
	int			n = 0;

	items->values = palloc(Max(1, 2 * items->n) * sizeof(MessageValue));
	for (int i = 0; i < row->desc->natts; i++)
		if (!TupleDescAttr(row->desc, i)->attisdropped)
		{
			items->values[n++] = FromCString(NameStr(TupleDescAttr(row->desc, i)->attname));
			items->values[n++] = ColumnValue(row, i);
		}
}

static bool
RowMember(const MessageItems *items, const char *name, int length,
		  MessageValue *value)
{
	const Row  *row = items->data;

	for (int i = row->desc->natts - 1; i >= 0; i--)
	{
		Form_pg_attribute column = TupleDescAttr(row->desc, i);

		if (column->attisdropped ||
			!MessageSliceIs(MessageSliceOf(name, length),
							NameStr(column->attname)))
			continue;
		*value = ColumnValue(row, i);
		return true;
	}
	return false;
}

static const MessageSource row_source = {OpenRow, RowMember, NULL};

/* Its description is copied, so that nothing has to be given back. */
static MessageValue
FromRecord(HeapTupleHeader record)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(record),
											  HeapTupleHeaderGetTypMod(record));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(record),
	.t_data = record};
	Row		   *row = palloc(sizeof(Row));
	int			n = 0;

	row->desc = CreateTupleDescCopy(desc);
	ReleaseTupleDesc(desc);
	row->values = palloc(Max(1, row->desc->natts) * sizeof(Datum));
	row->nulls = palloc(Max(1, row->desc->natts) * sizeof(bool));
	heap_deform_tuple(&tuple, row->desc, row->values, row->nulls);
	for (int i = 0; i < row->desc->natts; i++)
		n += TupleDescAttr(row->desc, i)->attisdropped ? 0 : 1;
	return MessageForeign(VALUE_OBJECT, n, &row_source, row);
}

static MessageValue
FromDatum(Oid type, Datum value, bool isnull)
{
	Oid			element;

	if (isnull)
		return MessageNil();
	check_stack_depth();
	type = getBaseType(type);
	element = get_element_type(type);
	if (OidIsValid(element))
		return FromArray(element, DatumGetArrayTypeP(value));
	if (type_is_rowtype(type))
		return FromRecord(DatumGetHeapTupleHeader(value));
	return FromScalar(type, value);
}

MessageValue
MessageFromRecord(const void *record)
{
	return FromRecord(unconstify(void *, record));
}
