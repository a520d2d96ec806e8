/*
 * rank.c: where a value stands among the constants that rules compare it with.
 *
 * However many rules ask about a column, its value is looked up once, by
 * binary search; every comparison is then one of small numbers. The order is
 * PostgreSQL's own: the comparison function of the operator family, under the
 * collation of the expression. What is stored as a number is compared as one,
 * and texts of which only equality is asked by their bytes.
 */
#include "rule/book.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef int64 (*ToNumber) (Datum value);

struct RuleRank
{
	MemoryContext context;
	Oid			collation;
	bool		is_varlena;		/* the values are */
	int16		cut_length;
	bool		cut_by_value;
	bool		is_bytes;		/* equality is that of the bytes */
	bool		by_order;
	FmgrInfo	value_order;
	FmgrInfo	cut_order;
	ToNumber	value_number;	/* both NULL: no number stands for them */
	ToNumber	cut_number;
	int			n;
	int			room;
	Datum	   *cuts;
	int64	   *numbers;		/* of the cuts */
};

/* ---- what is stored as a number ---- */

static int64
NumberOfInt2(Datum value)
{
	return DatumGetInt16(value);
}

static int64
NumberOfInt4(Datum value)
{
	return DatumGetInt32(value);
}

static int64
NumberOfInt8(Datum value)
{
	return DatumGetInt64(value);
}

static int64
NumberOfBool(Datum value)
{
	return DatumGetBool(value);
}

/* In the order of floats: NaN is above all, and there is one zero. */
static int64
NumberOfFloat8(Datum value)
{
	union
	{
		float8		value;
		int64		bits;
	}			number = {.value = DatumGetFloat8(value)};

	if (isnan(number.value))
		return PG_INT64_MAX;
	if (number.value == 0)
		return 0;
	return number.bits < 0 ? number.bits ^ PG_INT64_MAX : number.bits;
}

static int64
NumberOfFloat4(Datum value)
{
	return NumberOfFloat8(Float8GetDatum(DatumGetFloat4(value)));
}

/* `other` is what it is compared with: a date and a time have no such order. */
static ToNumber
NumberFor(Oid type, Oid other)
{
	switch (type)
	{
		case INT2OID:
			return NumberOfInt2;
		case INT4OID:
			return NumberOfInt4;
		case INT8OID:
			return NumberOfInt8;
		case BOOLOID:
			return NumberOfBool;
		case FLOAT4OID:
			return NumberOfFloat4;
		case FLOAT8OID:
			return NumberOfFloat8;
		case DATEOID:
			return other == DATEOID ? NumberOfInt4 : NULL;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return other == type ? NumberOfInt8 : NULL;
		default:
			return NULL;
	}
}

/* ---- comparing ---- */

static bool
EqualsByBytes(Oid type, Oid cut, Oid collation)
{
	return (type == TEXTOID || type == BYTEAOID) && cut == type &&
		(type == BYTEAOID || get_collation_isdeterministic(collation));
}

/* An order of texts that has nothing to do with that of a language. */
static int
CompareBytes(Datum a, Datum b)
{
	struct varlena *x = (struct varlena *) DatumGetPointer(a);
	struct varlena *y = (struct varlena *) DatumGetPointer(b);
	Size		length = VARSIZE_ANY_EXHDR(x);

	if (length != VARSIZE_ANY_EXHDR(y))
		return length < VARSIZE_ANY_EXHDR(y) ? -1 : 1;
	return memcmp(VARDATA_ANY(x), VARDATA_ANY(y), length);
}

static inline int
Compare(const RuleRank *rank, const FmgrInfo *order, Datum a, Datum b)
{
	if (rank->is_bytes && !rank->by_order)
		return CompareBytes(a, b);
	return DatumGetInt32(FunctionCall2Coll(unconstify(FmgrInfo *, order),
										   rank->collation, a, b));
}

static int
CompareCuts(const void *a, const void *b, void *arg)
{
	const RuleRank *rank = arg;

	return Compare(rank, &rank->cut_order, *(const Datum *) a,
				   *(const Datum *) b);
}

/* ---- making ---- */

RuleRank *
RuleRankCreate(Oid type, Oid cut, Oid value_order, Oid cut_order, Oid collation)
{
	RuleRank   *rank = palloc0(sizeof(RuleRank));

	rank->context = CurrentMemoryContext;
	rank->collation = collation;
	rank->is_varlena = get_typlen(type) == -1;
	get_typlenbyval(cut, &rank->cut_length, &rank->cut_by_value);
	rank->is_bytes = EqualsByBytes(type, cut, collation);
	fmgr_info(value_order, &rank->value_order);
	fmgr_info(cut_order, &rank->cut_order);
	rank->value_number = NumberFor(type, cut);
	rank->cut_number = NumberFor(cut, type);
	rank->room = 4;
	rank->cuts = palloc(sizeof(Datum) * rank->room);
	return rank;
}

void
RuleRankAdd(RuleRank *rank, Datum cut, bool by_order)
{
	MemoryContext old = MemoryContextSwitchTo(rank->context);

	if (rank->n == rank->room)
	{
		rank->room *= 2;
		rank->cuts = repalloc_huge(rank->cuts, sizeof(Datum) * rank->room);
	}
	if (rank->cut_length == -1)
		rank->cuts[rank->n++] = PointerGetDatum(PG_DETOAST_DATUM_COPY(cut));
	else
		rank->cuts[rank->n++] = datumCopy(cut, rank->cut_by_value,
										  rank->cut_length);
	rank->by_order |= by_order;
	MemoryContextSwitchTo(old);
}

int
RuleRankReady(RuleRank *rank)
{
	int			distinct = 0;

	qsort_arg(rank->cuts, rank->n, sizeof(Datum), CompareCuts, rank);
	for (int i = 0; i < rank->n; i++)
		if (i == 0 || Compare(rank, &rank->cut_order, rank->cuts[i],
							  rank->cuts[distinct - 1]) != 0)
			rank->cuts[distinct++] = rank->cuts[i];
	rank->n = distinct;
	if (rank->value_number != NULL && rank->cut_number != NULL)
	{
		rank->numbers = palloc(sizeof(int64) * Max(rank->n, 1));
		for (int i = 0; i < rank->n; i++)
			rank->numbers[i] = rank->cut_number(rank->cuts[i]);
	}
	return 2 * rank->n + 1;
}

/* ---- looking up ---- */

static int
PositionOfNumber(const RuleRank *rank, int64 number)
{
	const int64 *base = rank->numbers;
	int			n = rank->n;

	while (n > 1)
	{
		int			half = n / 2;

		base += base[half - 1] < number ? half : 0;
		n -= half;
	}
	base += n == 1 && *base < number;
	n = base - rank->numbers;
	return 2 * n + (n < rank->n && *base == number);
}

static int
PositionOf(const RuleRank *rank, const FmgrInfo *order, Datum value)
{
	int			low = 0;
	int			high = rank->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			compared = Compare(rank, order, value, rank->cuts[middle]);

		if (compared == 0)
			return 2 * middle + 1;
		if (compared < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return 2 * low;
}

int
RuleRankOfCut(const RuleRank *rank, Datum cut)
{
	if (rank->cut_length == -1)
		cut = PointerGetDatum(PG_DETOAST_DATUM_PACKED(cut));
	return PositionOf(rank, &rank->cut_order, cut);
}

int
RuleRankOf(RuleRank *rank, Datum value)
{
	if (rank->numbers != NULL)
		return PositionOfNumber(rank, rank->value_number(value));
	if (rank->is_varlena)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	return PositionOf(rank, &rank->value_order, value);
}
