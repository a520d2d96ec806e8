/*
 * convert.c: who reached the goal after a decision, asked a row at a time.
 *
 * A reader view shows it beside each decision, and whoever looks at it filters
 * by moment or by day: so it has to be a value of the row, for then the filter
 * comes first. To count for a row alone would read the company's events once a
 * row. So the first row of a moment has its whole day counted, in one statement,
 * and where another day is asked for the month is; the other rows find their
 * answer in memory, which lasts as long as the query does.
 */
#include "moment/moment.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* Names have at most 40 bytes. */
#define NAME_SIZE 64

/* A moment's month (UTC), hashed as it lies: without padding. */
typedef struct Month
{
	char		moment[NAME_SIZE];
	char		experiment[NAME_SIZE];
	int64		first;			/* its first day, days since 2000 */
} Month;

/* What was counted of it: a day, or all. */
typedef struct Counted
{
	Month		month;
	int64		day;
	bool		whole;
} Counted;

/* What came of one decision. */
typedef struct Conversion
{
	pg_uuid_t	decision;
	Datum		values[2];		/* converted_at, value */
	bool		nulls[2];
} Conversion;

/* What a query knows so far. */
typedef struct Known
{
	HTAB	   *counted;
	HTAB	   *conversions;
	TupleDesc	row;
} Known;

static HTAB *
MakeHash(const char *name, Size key, Size entry, MemoryContext context)
{
	HASHCTL		control = {.keysize = key, .entrysize = entry, .hcxt = context};

	return hash_create(name, 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static Known *
FindKnown(FunctionCallInfo fcinfo)
{
	Known	   *known = fcinfo->flinfo->fn_extra;
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	MemoryContext caller;

	if (known != NULL)
		return known;
	caller = MemoryContextSwitchTo(context);
	known = palloc0(sizeof(Known));
	known->counted = MakeHash("persona months", sizeof(Month), sizeof(Counted), context);
	known->conversions = MakeHash("persona conversions", sizeof(pg_uuid_t),
								  sizeof(Conversion), context);
	if (get_call_result_type(fcinfo, NULL, &known->row) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "conversion() returns a row");
	known->row = BlessTupleDesc(known->row);
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = known;
	return known;
}

/* ---- days and months, UTC ---- */

static int64
DayOf(TimestampTz at)
{
	return at / USECS_PER_DAY - (at % USECS_PER_DAY < 0);
}

/* The first day of a day's month, or of one `later`. */
static int64
MonthOf(int64 day, int later)
{
	int			year;
	int			month;
	int			unused;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &unused);
	month += later;
	return date2j(year + (month - 1) / 12, (month - 1) % 12 + 1, 1) - POSTGRES_EPOCH_JDATE;
}

/* ---- counting ---- */

/* Keeps row `row` of what was counted. */
static void
Keep(Known *known, uint64 row)
{
	static const char *const columns[] = {"converted_at", "value"};
	bool		isnull;
	Datum		decision = PersonaColumn(row, "decision", &isnull);
	Conversion *one = hash_search(known->conversions, DatumGetUUIDP(decision),
								  HASH_ENTER, NULL);

	/* Both are passed by value. */
	for (int i = 0; i < lengthof(columns); i++)
		one->values[i] = PersonaColumn(row, columns[i], &one->nulls[i]);
}

static void
Count(Known *known, FunctionCallInfo fcinfo, int64 from, int64 until)
{
	PersonaArgs args = {0};
	uint64		n;

	for (int i = 0; i < 3; i++)
		PersonaArg(&args, TEXTOID, PG_GETARG_DATUM(i), false);
	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(from * USECS_PER_DAY), false);
	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(until * USECS_PER_DAY), false);
	SPI_connect();
	n = PersonaExecute("SELECT c.decision, c.converted_at, c.value"
					   " FROM persona.conversions($1, $2, $3, $4, $5) c", &args, true);
	for (uint64 i = 0; i < n; i++)
		Keep(known, i);
	SPI_finish();
}

/* Has the day counted that a row is of, or its month. */
static void
CountDay(Known *known, FunctionCallInfo fcinfo, int64 day)
{
	Month		month = {.first = MonthOf(day, 0)};
	Counted    *counted;
	bool		found;

	text_to_cstring_buffer(PG_GETARG_TEXT_PP(1), month.moment, NAME_SIZE);
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(2), month.experiment, NAME_SIZE);
	counted = hash_search(known->counted, &month, HASH_ENTER, &found);
	if (!found)
	{
		counted->day = day;
		counted->whole = false;
		Count(known, fcinfo, day, day + 1);
	}
	else if (!counted->whole && counted->day != day)
	{
		counted->whole = true;
		Count(known, fcinfo, month.first, MonthOf(day, 1));
	}
}

PG_FUNCTION_INFO_V1(persona_conversion);

/* persona.conversion(space, moment, experiment, decision, at) */
Datum
persona_conversion(PG_FUNCTION_ARGS)
{
	Known	   *known = FindKnown(fcinfo);
	Conversion *one;

	CountDay(known, fcinfo, DayOf(PG_GETARG_TIMESTAMPTZ(4)));
	one = hash_search(known->conversions, PG_GETARG_UUID_P(3), HASH_FIND, NULL);
	if (one == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(known->row, one->values,
													  one->nulls)));
}
