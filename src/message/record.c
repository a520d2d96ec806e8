/*
 * record.c: a row as the values of a message.
 *
 * Numbers, booleans, json, arrays and rows stay what they are, times become
 * ISO 8601, and every other type is the text that its own output function
 * writes. No cast of a user's is ever looked up, as to_jsonb would do.
 */
#include "message/message.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

typedef JsonbParseState *State;

static JsonbValue *PushRecord(State *state, HeapTupleHeader record);
static void PushValue(State *state, Oid type, Datum value, bool isnull,
					  JsonbIteratorToken as);

/* ---- values that are one ---- */

static bool
IsNumber(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID ||
		type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID;
}

/* Text as a number if that is what it is; infinity and NaN stay text. */
static JsonbValue
FromText(Oid type, char *text)
{
	JsonbValue	json = {.type = jbvString};

	if (IsNumber(type) && strspn(text, "0123456789.-+e") == strlen(text))
	{
		Datum		number = DirectFunctionCall3(numeric_in,
												 CStringGetDatum(text),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1));

		json.type = jbvNumeric;
		json.val.numeric = DatumGetNumeric(number);
		return json;
	}
	json.val.string.val = text;
	json.val.string.len = strlen(text);
	return json;
}

static JsonbValue
FromJson(Jsonb *member)
{
	JsonbValue	json = {.type = jbvBinary};

	if (JB_ROOT_IS_SCALAR(member))
	{
		JsonbExtractScalar(&member->root, &json);
		return json;
	}
	json.val.binary.data = &member->root;
	json.val.binary.len = VARSIZE(member) - VARHDRSZ;
	return json;
}

static JsonbValue
FromScalar(Oid type, Datum value)
{
	JsonbValue	json = {.type = jbvBool};
	char	   *written;
	Oid			output;
	bool		varlena;

	switch (type)
	{
		case BOOLOID:
			json.val.boolean = DatumGetBool(value);
			return json;
		case JSONBOID:
			return FromJson(DatumGetJsonbP(value));
		case JSONOID:
			written = TextDatumGetCString(value);
			value = DirectFunctionCall1(jsonb_in, CStringGetDatum(written));
			return FromJson(DatumGetJsonbP(value));
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return FromText(type, JsonEncodeDateTime(NULL, value, type, NULL));
		default:
			getTypeOutputInfo(type, &output, &varlena);
			return FromText(type, OidOutputFunctionCall(output, value));
	}
}

/* ---- values that hold others ---- */

/* A list of its elements; all of them in one row if it has dimensions. */
static void
PushArray(State *state, Oid element, ArrayType *array)
{
	int16		length;
	bool		byval;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	get_typlenbyvalalign(element, &length, &byval, &align);
	deconstruct_array(array, element, length, byval, align, &values, &nulls,
					  &n);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		PushValue(state, element, values[i], nulls[i], WJB_ELEM);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* A value as a member or as an element, whatever it is. */
static void
PushValue(State *state, Oid type, Datum value, bool isnull,
		  JsonbIteratorToken as)
{
	JsonbValue	json = {.type = jbvNull};
	Oid			element;

	check_stack_depth();
	type = getBaseType(type);
	element = get_element_type(type);
	if (!isnull && OidIsValid(element))
		PushArray(state, element, DatumGetArrayTypeP(value));
	else if (!isnull && type_is_rowtype(type))
		PushRecord(state, DatumGetHeapTupleHeader(value));
	else
	{
		if (!isnull)
			json = FromScalar(type, value);
		pushJsonbValue(state, as, &json);
	}
}

/* ---- rows ---- */

static void
PushColumn(State *state, Form_pg_attribute column, Datum value, bool isnull)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = NameStr(column->attname);
	key.val.string.len = strlen(key.val.string.val);
	pushJsonbValue(state, WJB_KEY, &key);
	PushValue(state, column->atttypid, value, isnull, WJB_VALUE);
}

/* An object of a row's columns. */
static JsonbValue *
PushRecord(State *state, HeapTupleHeader record)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(record),
											  HeapTupleHeaderGetTypMod(record));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(record),
	.t_data = record};

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < desc->natts; i++)
	{
		bool		isnull;
		Datum		value = heap_getattr(&tuple, i + 1, desc, &isnull);

		if (!TupleDescAttr(desc, i)->attisdropped)
			PushColumn(state, TupleDescAttr(desc, i), value, isnull);
	}
	ReleaseTupleDesc(desc);
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Jsonb *
MessageRecordValues(HeapTupleHeader record)
{
	State		state = NULL;

	return JsonbValueToJsonb(PushRecord(&state, record));
}
