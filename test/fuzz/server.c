/*
 * server.c: as much of a PostgreSQL server as the kernels need to be fuzzed
 * without one.
 *
 * Memory is malloc's, each piece by itself, so that the sanitizer sees every
 * read past an end. An error ends what FuzzTry() runs. A numeric is a double
 * here: its own arithmetic is PostgreSQL's and not what is tested.
 * What PostgreSQL ships in its libraries (StringInfo, encodings, sorting) is
 * linked from there.
 */
#include "postgres.h"

#include <math.h>
#include <setjmp.h>

#include "fmgr.h"
#include "fuzz/server.h"
#include "mb/pg_wchar.h"
#include "message/zone.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

/* ---- memory ---- */

typedef struct Piece
{
	struct Piece *next;
	struct Piece *previous;
} Piece;

static Piece pieces = {&pieces, &pieces};

static void *
Link(Piece *piece)
{
	piece->next = &pieces;
	piece->previous = pieces.previous;
	pieces.previous->next = piece;
	pieces.previous = piece;
	return piece + 1;
}

static Piece *
Unlink(void *pointer)
{
	Piece	   *piece = (Piece *) pointer - 1;

	piece->previous->next = piece->next;
	piece->next->previous = piece->previous;
	return piece;
}

/* As the server, no more than 1 GB at once. */
void *
palloc(Size size)
{
	if (!AllocSizeIsValid(size))
		abort();
	return Link(malloc(sizeof(Piece) + size));
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
repalloc(void *pointer, Size size)
{
	return Link(realloc(Unlink(pointer), sizeof(Piece) + size));
}

void
pfree(void *pointer)
{
	free(Unlink(pointer));
}

void
FuzzFreeAll(void)
{
	while (pieces.next != &pieces)
		pfree(pieces.next + 1);
}

MemoryContext CurrentMemoryContext = NULL;

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return palloc0(size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return palloc0(size);
}

char *
pnstrdup(const char *text, Size length)
{
	Size		n = strnlen(text, length);
	char	   *copy = palloc(n + 1);

	memcpy(copy, text, n);
	copy[n] = '\0';
	return copy;
}

char *
pstrdup(const char *text)
{
	return pnstrdup(text, strlen(text));
}

/* ---- errors, interrupts, the stack ---- */

static sigjmp_buf errors;

void
FuzzTry(void (*work) (void))
{
	if (sigsetjmp(errors, 0) == 0)
		work();
}

bool
errstart(int level, const char *domain)
{
	return true;
}

bool
errstart_cold(int level, const char *domain)
{
	return true;
}

int
errcode(int state)
{
	return 0;
}

/* The messages are made, for what they print may be what is wrong. */
static int
Print(const char *format, va_list args)
{
	char		text[4096];

	return vsnprintf(text, sizeof(text), format, args);
}

#define MESSAGE_PART(name) \
int \
name(const char *format,...) \
{ \
	va_list		args; \
	\
	va_start(args, format); \
	(void) Print(format, args); \
	va_end(args); \
	return 0; \
}

MESSAGE_PART(errmsg)
MESSAGE_PART(errmsg_internal)
MESSAGE_PART(errdetail)
MESSAGE_PART(errhint)

void
errfinish(const char *file, int line, const char *function)
{
	siglongjmp(errors, 1);
}

void
ExceptionalCondition(const char *condition, const char *type,
					 const char *file, int line)
{
	abort();
}

volatile sig_atomic_t InterruptPending = false;

void
ProcessInterrupts(void)
{
}

void
check_stack_depth(void)
{
}

/* ---- lists ---- */

List *
lappend(List *list, void *datum)
{
	if (list == NULL)
	{
		list = palloc0(sizeof(List));
		list->elements = palloc(sizeof(ListCell));
	}
	list->elements = repalloc(list->elements,
							  (list->length + 1) * sizeof(ListCell));
	list->elements[list->length++].ptr_value = datum;
	return list;
}

const char *
PersonaSuggest(const char *word, List *candidates)
{
	return NULL;
}

/* ---- text in UTF-8 ---- */

bool
FuzzIsText(const char *bytes, size_t length)
{
	return memchr(bytes, 0, length) == NULL &&
		pg_encoding_verifymbstr(PG_UTF8, bytes, length) == (int) length;
}

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

bool
pg_verify_mbstr(int encoding, const char *text, int length, bool no_error)
{
	return FuzzIsText(text, length);
}

int
pg_mblen(const char *text)
{
	return pg_encoding_mblen(PG_UTF8, text);
}

int
pg_mbcharcliplen(const char *text, int length, int limit)
{
	int			at = 0;

	for (int n = 0; at < length && n < limit; n++)
		at += pg_mblen(text + at);
	return at;
}

int
pg_mbstrlen_with_len(const char *text, int length)
{
	int			n = 0;

	for (int at = 0; at < length; n++)
		at += pg_mblen(text + at);
	return n;
}

void
escape_json(StringInfo out, const char *text)
{
	appendStringInfo(out, "\"%s\"", text);
}

int
pg_lltoa(int64 number, char *digits)
{
	return sprintf(digits, INT64_FORMAT, number);
}

/* ---- numbers ---- */

struct NumericData
{
	int32		vl_len_;
	int			scale;
	double		value;
};

static Numeric
Number(double value, int scale)
{
	Numeric		number = palloc(sizeof(struct NumericData));

	SET_VARSIZE(number, sizeof(struct NumericData));
	number->scale = scale;
	number->value = value;
	return number;
}

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

Numeric
int64_to_numeric(int64 value)
{
	return Number(value, 0);
}

Datum
DirectFunctionCall1Coll(PGFunction function, Oid collation, Datum a)
{
	return DirectFunctionCall3Coll(function, collation, a, 0, 0);
}

Datum
DirectFunctionCall2Coll(PGFunction function, Oid collation, Datum a, Datum b)
{
	return DirectFunctionCall3Coll(function, collation, a, b, 0);
}

Datum
DirectFunctionCall3Coll(PGFunction function, Oid collation, Datum a, Datum b,
						Datum c)
{
	LOCAL_FCINFO(fcinfo, 3);

	fcinfo->args[0].value = a;
	fcinfo->args[1].value = b;
	fcinfo->args[2].value = c;
	return function(fcinfo);
}

#define A ((Numeric) PG_GETARG_POINTER(0))
#define B ((Numeric) PG_GETARG_POINTER(1))
#define NUMBER_FUNCTION(name, result) \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	return result; \
}
#define NUMBER(value, scale) PointerGetDatum(Number(value, scale))

NUMBER_FUNCTION(numeric_in, NUMBER(atof(PG_GETARG_CSTRING(0)),
								   strchr(PG_GETARG_CSTRING(0), '.') ? 2 : 0))
NUMBER_FUNCTION(numeric_out, CStringGetDatum(psprintf("%.*f", A->scale,
													  A->value)))
NUMBER_FUNCTION(numeric_scale, Int32GetDatum(A->scale))
NUMBER_FUNCTION(numeric_round, NUMBER(A->value, Max(0, PG_GETARG_INT32(1))))
NUMBER_FUNCTION(numeric_trim_scale, NUMBER(A->value, A->scale))
NUMBER_FUNCTION(numeric_add, NUMBER(A->value + B->value, 2))
NUMBER_FUNCTION(numeric_sub, NUMBER(A->value - B->value, 2))
NUMBER_FUNCTION(numeric_mul, NUMBER(A->value * B->value, 2))
NUMBER_FUNCTION(numeric_div, NUMBER(A->value / B->value, 2))
NUMBER_FUNCTION(numeric_mod, NUMBER(fmod(A->value, B->value), 2))
NUMBER_FUNCTION(numeric_floor, NUMBER(floor(A->value), 0))
NUMBER_FUNCTION(numeric_ceil, NUMBER(ceil(A->value), 0))
NUMBER_FUNCTION(numeric_abs, NUMBER(fabs(A->value), A->scale))
NUMBER_FUNCTION(numeric_cmp, Int32GetDatum(A->value < B->value ? -1 :
										   A->value > B->value))
NUMBER_FUNCTION(numeric_ne, BoolGetDatum(A->value != B->value))
NUMBER_FUNCTION(numeric_lt, BoolGetDatum(A->value < B->value))
NUMBER_FUNCTION(numeric_float8, Float8GetDatum(A->value))

/* ---- dates ---- */

const int	day_tab[2][13] =
{
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
	{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}
};

/* Days before a year, from year 0 on. */
static int
DaysBefore(int year)
{
	int			before = year - 1;

	return year * 365 + before / 4 - before / 100 + before / 400;
}

int
date2j(int year, int month, int day)
{
	int			days = DaysBefore(year) + day;

	for (int i = 0; i < month - 1; i++)
		days += day_tab[isleap(year)][i];
	return days + POSTGRES_EPOCH_JDATE - DaysBefore(2000) - 1;
}

void
j2date(int julian, int *year, int *month, int *day)
{
	int			y = 2000 + (julian - POSTGRES_EPOCH_JDATE) / 366;

	while (date2j(y + 1, 1, 1) <= julian)
		y++;
	while (y > 1 && date2j(y, 1, 1) > julian)
		y--;
	*year = y;
	*month = 1;
	while (*month < 12 && date2j(y, *month + 1, 1) <= julian)
		(*month)++;
	*day = julian - date2j(y, *month, 1) + 1;
}

int
j2day(int julian)
{
	return (julian + 1) % 7;
}

int
date2isoweek(int year, int month, int day)
{
	return 1 + (date2j(year, month, day) - date2j(year, 1, 1)) / 7;
}

int
date2isoyear(int year, int month, int day)
{
	return year;
}

int
MessageZoneOffset(const char *zone, int64 at)
{
	return strcmp(zone, "UTC") == 0 ? 0 : 5400;
}
