/*
 * spi.c: running SQL from C, with every failure an error.
 */
#include "base/persona.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

void
PersonaArg(PersonaArgs *args, Oid type, Datum value, bool isnull)
{
	Assert(args->n < lengthof(args->types));
	args->types[args->n] = type;
	args->values[args->n] = value;
	args->nulls[args->n] = isnull ? 'n' : ' ';
	args->n++;
}

Datum
PersonaTexts(List *texts)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(texts), 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, texts)
		elements[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

uint64
PersonaExecute(const char *sql, const PersonaArgs *args, bool read_only)
{
	static const PersonaArgs none = {0};
	PersonaArgs a = args ? *args : none;
	MemoryContext caller = CurrentMemoryContext;
	int			result;

	result = SPI_execute_with_args(sql, a.n, a.types, a.values, a.nulls,
								   read_only, 0);
	/* SPI leaves its own context behind, which ends with the connection. */
	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "persona's statement failed: %s: %s",
			 SPI_result_code_string(result), sql);
	return SPI_processed;
}

static int
ColumnNumber(const char *name)
{
	int			number = SPI_fnumber(SPI_tuptable->tupdesc, name);

	if (number <= 0)
		elog(ERROR, "no column \"%s\" in persona's own result", name);
	return number;
}

Datum
PersonaColumn(uint64 row, const char *name, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 ColumnNumber(name), isnull);
}

char *
PersonaColumnText(uint64 row, const char *name)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						ColumnNumber(name));
}

/* Whether the first columns of what a statement found are of these types. */
static bool
IsAlike(TupleDesc found, TupleDesc asked)
{
	bool		alike = found->natts >= asked->natts;

	for (int i = 0; alike && i < asked->natts; i++)
		alike = TupleDescAttr(found, i)->atttypid == TupleDescAttr(asked, i)->atttypid;
	return alike;
}

void
PersonaRefuseUnlike(TupleDesc asked)
{
	if (!IsAlike(SPI_tuptable->tupdesc, asked))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a statement found columns of other types than were asked for"),
				 errdetail("Perhaps a column of the space's own tables was altered.")));
}

void
PersonaReturnRows(ReturnSetInfo *result, uint64 n)
{
	if (SPI_tuptable == NULL)
		return;
	PersonaRefuseUnlike(result->setDesc);
	for (uint64 i = 0; i < n; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
}
