/*
 * rows.c: rows of the backend's own that a statement reads as a table.
 *
 * What was worked out in C for a batch goes into a statement as a relation
 * with columns of their own types: nothing is made text and read again, and
 * the statement joins it like any other. It is what the transition tables of a
 * trigger are, an ephemeral named relation over a tuplestore.
 */
#include "base/persona.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

struct PersonaRows
{
	const char *name;
	TupleDesc	desc;
	Tuplestorestate *store;
};

PersonaRows *
PersonaRowsBegin(const char *name, const PersonaRowsColumn *columns, int n,
				 Oid otherwise)
{
	PersonaRows *rows = palloc(sizeof(PersonaRows));

	rows->name = name;
	rows->store = tuplestore_begin_heap(false, false, work_mem);
	rows->desc = CreateTemplateTupleDesc(n);
	for (int i = 0; i < n; i++)
		TupleDescInitEntry(rows->desc, i + 1, columns[i].name,
						   OidIsValid(columns[i].type) ? columns[i].type :
						   otherwise, -1, 0);
	return rows;
}

void
PersonaRowsPut(PersonaRows *rows, const Datum *values, const bool *nulls)
{
	tuplestore_putvalues(rows->store, rows->desc, (Datum *) values,
						 (bool *) nulls);
}

/*
 * In a connection of its own, which an error ends, and with it the name. The
 * plan is kept and must do for any number of rows: it is made for a thousand.
 */
uint64
PersonaRowsExecute(const PersonaRows *rows, const char *sql,
				   const PersonaArgs *args)
{
	EphemeralNamedRelationData relation = {
		.md = {
			.name = unconstify(char *, rows->name),
			.tupdesc = rows->desc,
			.enrtype = ENR_NAMED_TUPLESTORE,
			.enrtuples = 1000
		},
		.reldata = rows->store
	};
	uint64		n;

	SPI_connect();
	if (SPI_register_relation(&relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "rows \"%s\" could not be given to a statement",
			 rows->name);
	n = PersonaExecuteKept(sql, args, false);
	SPI_finish();
	return n;
}

void
PersonaRowsEnd(PersonaRows *rows)
{
	tuplestore_end(rows->store);
	FreeTupleDesc(rows->desc);
	pfree(rows);
}
