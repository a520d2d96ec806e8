/*
 * nearest.c: the value of the first or the last row of a group, by time and,
 * of one time, by key: the aggregates first_by and last_by.
 *
 * array_agg(value ORDER BY at DESC) says the same and sorts every group for
 * it. This keeps one row and compares, so groups may be hashed, and partial
 * results combined. Texts in a key compare by their bytes, whatever the
 * database's collation, so that the answer is the same everywhere.
 */
#include "base/persona.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* value, at, and what identifies an event */
#define NEAREST_MAX_KEYS 16

/* A value that is kept from row to row. */
typedef struct Kept
{
	Oid			type;
	int16		length;
	bool		by_value;
	bool		isnull;
	Datum		value;
} Kept;

typedef struct Nearest
{
	bool		later;			/* the last, else the first */
	bool		any;			/* whether there was a row */
	TimestampTz at;
	int			nkeys;
	Kept		value;
	Kept		keys[FLEXIBLE_ARRAY_MEMBER];
} Nearest;

static Nearest *
MakeNearest(bool later, int nkeys)
{
	Nearest    *state = palloc0(offsetof(Nearest, keys) + nkeys * sizeof(Kept));

	state->later = later;
	state->nkeys = nkeys;
	return state;
}

/* ---- values ---- */

static void
PrepareKept(Kept *kept, Oid type)
{
	kept->type = type;
	get_typlenbyval(type, &kept->length, &kept->by_value);
	kept->isnull = true;
}

static void
Keep(Kept *kept, Datum value, bool isnull)
{
	if (!kept->isnull && !kept->by_value)
		pfree(DatumGetPointer(kept->value));
	kept->isnull = isnull;
	kept->value = isnull ? 0 : kept->length == -1 ?
		PointerGetDatum(PG_DETOAST_DATUM_COPY(value)) :
		datumCopy(value, kept->by_value, kept->length);
}

/* NULL is after everything, as in ORDER BY. */
static int
CompareKept(const Kept *kept, Datum value, bool isnull)
{
	TypeCacheEntry *type;

	if (isnull || kept->isnull)
		return (int) isnull - (int) kept->isnull;
	type = lookup_type_cache(kept->type, TYPECACHE_CMP_PROC_FINFO);
	if (!OidIsValid(type->cmp_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("values of type %s have no order", format_type_be(kept->type))));
	return DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo, C_COLLATION_OID,
										   value, kept->value));
}

/* ---- rows ---- */

/* Whether a row goes before what is kept, in the order that is asked for. */
static bool
IsNearer(const Nearest *state, TimestampTz at, const NullableDatum *keys)
{
	int			order = at < state->at ? -1 : at > state->at ? 1 : 0;

	if (!state->any)
		return true;
	for (int i = 0; order == 0 && i < state->nkeys; i++)
		order = CompareKept(&state->keys[i], keys[i].value, keys[i].isnull);
	return state->later ? order > 0 : order < 0;
}

static void
KeepRow(Nearest *state, TimestampTz at, Datum value, bool isnull,
		const NullableDatum *keys)
{
	state->any = true;
	state->at = at;
	Keep(&state->value, value, isnull);
	for (int i = 0; i < state->nkeys; i++)
		Keep(&state->keys[i], keys[i].value, keys[i].isnull);
}

static Nearest *
Begin(FunctionCallInfo fcinfo, MemoryContext group, bool later)
{
	MemoryContext old = MemoryContextSwitchTo(group);
	Nearest    *state;

	if (PG_NARGS() - 3 > NEAREST_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_ARGUMENTS),
				 errmsg("an event is identified by at most %d columns", NEAREST_MAX_KEYS)));
	state = MakeNearest(later, PG_NARGS() - 3);
	PrepareKept(&state->value, get_fn_expr_argtype(fcinfo->flinfo, 1));
	for (int i = 0; i < state->nkeys; i++)
		PrepareKept(&state->keys[i], get_fn_expr_argtype(fcinfo->flinfo, 3 + i));
	MemoryContextSwitchTo(old);
	return state;
}

static MemoryContext
GroupContext(FunctionCallInfo fcinfo)
{
	MemoryContext group;

	if (!AggCheckCallContext(fcinfo, &group))
		elog(ERROR, "called outside of an aggregate");
	return group;
}

/* A row without a time is not among those that have an order. */
static Datum
Step(FunctionCallInfo fcinfo, bool later)
{
	MemoryContext group = GroupContext(fcinfo);
	Nearest    *state = PG_ARGISNULL(0) ? NULL : (Nearest *) PG_GETARG_POINTER(0);
	MemoryContext old;

	if (state == NULL)
		state = Begin(fcinfo, group, later);
	if (!PG_ARGISNULL(2) && IsNearer(state, PG_GETARG_TIMESTAMPTZ(2), fcinfo->args + 3))
	{
		old = MemoryContextSwitchTo(group);
		KeepRow(state, PG_GETARG_TIMESTAMPTZ(2), PG_GETARG_DATUM(1),
				PG_ARGISNULL(1), fcinfo->args + 3);
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(persona_first_step);

Datum
persona_first_step(PG_FUNCTION_ARGS)
{
	return Step(fcinfo, false);
}

PG_FUNCTION_INFO_V1(persona_last_step);

Datum
persona_last_step(PG_FUNCTION_ARGS)
{
	return Step(fcinfo, true);
}

PG_FUNCTION_INFO_V1(persona_nearest_final);

Datum
persona_nearest_final(PG_FUNCTION_ARGS)
{
	Nearest    *state = PG_ARGISNULL(0) ? NULL : (Nearest *) PG_GETARG_POINTER(0);

	if (state == NULL || state->value.isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(state->value.value);
}

/* ---- partial results ---- */

PG_FUNCTION_INFO_V1(persona_nearest_combine);

/* The nearer of two; what comes back is in the group's memory. */
Datum
persona_nearest_combine(PG_FUNCTION_ARGS)
{
	MemoryContext old = MemoryContextSwitchTo(GroupContext(fcinfo));
	Nearest    *a = PG_ARGISNULL(0) ? NULL : (Nearest *) PG_GETARG_POINTER(0);
	Nearest    *b = PG_ARGISNULL(1) ? NULL : (Nearest *) PG_GETARG_POINTER(1);
	NullableDatum keys[NEAREST_MAX_KEYS] = {0};

	if (a == NULL && b != NULL)
	{
		a = MakeNearest(b->later, b->nkeys);
		PrepareKept(&a->value, b->value.type);
		for (int i = 0; i < b->nkeys; i++)
			PrepareKept(&a->keys[i], b->keys[i].type);
	}
	if (b != NULL && b->any)
	{
		for (int i = 0; i < b->nkeys; i++)
			keys[i] = (NullableDatum)
		{
			.value = b->keys[i].value, .isnull = b->keys[i].isnull
		};
		if (IsNearer(a, b->at, keys))
			KeepRow(a, b->at, b->value.value, b->value.isnull, keys);
	}
	MemoryContextSwitchTo(old);
	if (a == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(a);
}

static void
SendKept(StringInfo out, const Kept *kept)
{
	Size		size = datumEstimateSpace(kept->value, kept->isnull, kept->by_value,
										  kept->length);
	char	   *end;

	pq_sendint32(out, kept->type);
	enlargeStringInfo(out, size);
	end = out->data + out->len;
	datumSerialize(kept->value, kept->isnull, kept->by_value, kept->length, &end);
	out->len = end - out->data;
}

static void
ReceiveKept(StringInfo in, Kept *kept)
{
	char	   *start;

	PrepareKept(kept, pq_getmsgint(in, 4));
	start = in->data + in->cursor;
	kept->value = datumRestore(&start, &kept->isnull);
	in->cursor = start - in->data;
}

PG_FUNCTION_INFO_V1(persona_nearest_serialize);

Datum
persona_nearest_serialize(PG_FUNCTION_ARGS)
{
	Nearest    *state = (Nearest *) PG_GETARG_POINTER(0);
	StringInfoData out;

	pq_begintypsend(&out);
	pq_sendbyte(&out, state->later);
	pq_sendbyte(&out, state->nkeys);
	pq_sendbyte(&out, state->any);
	pq_sendint64(&out, state->at);
	SendKept(&out, &state->value);
	for (int i = 0; i < state->nkeys; i++)
		SendKept(&out, &state->keys[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

PG_FUNCTION_INFO_V1(persona_nearest_deserialize);

Datum
persona_nearest_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	Nearest    *state;
	StringInfoData in;
	bool		later;

	initStringInfo(&in);
	appendBinaryStringInfo(&in, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	later = pq_getmsgbyte(&in);
	state = MakeNearest(later, pq_getmsgbyte(&in));
	state->any = pq_getmsgbyte(&in);
	state->at = pq_getmsgint64(&in);
	ReceiveKept(&in, &state->value);
	for (int i = 0; i < state->nkeys; i++)
		ReceiveKept(&in, &state->keys[i]);
	PG_RETURN_POINTER(state);
}
