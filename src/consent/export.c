/*
 * export.c: all that is held about a person (GDPR Art. 15 and 20).
 *
 * What persona holds is every row of the space's own tables, found by the
 * catalog and not by a list, so that a table that comes later is not
 * forgotten. What the company holds in its own tables is the company's to
 * hand over; of these the answer says which they are and how many rows.
 */
#include "consent/consent.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

List *
ConsentTables(const Space *space)
{
	PersonaArgs args = {0};
	List	   *tables = NIL;
	uint64		n;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(space->schema), false);
	n = PersonaExecute("SELECT c.relname FROM pg_catalog.pg_class c"
					   " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
					   " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'subject'"
					   " WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
					   " AND NOT a.attisdropped ORDER BY c.relname", &args, true);
	for (uint64 i = 0; i < n; i++)
		tables = lappend(tables, PersonaColumnText(i, "relname"));
	return tables;
}

/* ---- the company's own tables ---- */

/* Whether it is one that persona made: those are exported row by row. */
static bool
IsOurs(const Space *space, Oid relid)
{
	return get_rel_namespace(relid) == get_namespace_oid(space->schema, true);
}

static void
AddEvents(StringInfo sql, const Space *space)
{
	ListCell   *cell;

	foreach(cell, space->events)
	{
		const SpaceEvent *event = lfirst(cell);

		if (event->subject.number > 0 && !IsOurs(space, event->relid))
			appendStringInfo(sql, " UNION ALL SELECT %s, pg_catalog.count(*) FROM %s e WHERE e.%s = $1",
							 PersonaLiteral(PersonaRelationName(event->relid)),
							 PersonaRelationName(event->relid),
							 quote_identifier(event->subject.name));
	}
}

static void
AddFacets(StringInfo sql, const Space *space)
{
	ListCell   *cell;

	foreach(cell, space->facets)
	{
		const SpaceFacet *facet = lfirst(cell);

		/* What hangs on an event or another facet is about things. */
		if (facet->parent == NULL && facet->key.number > 0 &&
			facet->via.number > 0)
			appendStringInfo(sql, " UNION ALL SELECT %s, pg_catalog.count(*) FROM %s f"
							 " WHERE f.%s IN (SELECT s.%s FROM %s s WHERE s.%s = $1)",
							 PersonaLiteral(PersonaRelationName(facet->relid)),
							 PersonaRelationName(facet->relid),
							 quote_identifier(facet->key.name),
							 quote_identifier(facet->via.name),
							 PersonaRelationName(space->relid),
							 quote_identifier(space->key.name));
	}
}

char *
ConsentElsewhereSql(const Space *space)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s AS source, pg_catalog.count(*) AS n FROM %s s WHERE s.%s = $1",
					 PersonaLiteral(PersonaRelationName(space->relid)),
					 PersonaRelationName(space->relid),
					 quote_identifier(space->key.name));
	AddEvents(&sql, space);
	AddFacets(&sql, space);
	return psprintf("SELECT x.source, pg_catalog.max(x.n) AS n FROM (%s) x"
					" WHERE x.n > 0 GROUP BY x.source ORDER BY x.source", sql.data);
}

/* ---- the whole ---- */

/* A row a table: its name, and its rows about $1; what opens a door is not. */
static char *
HeldSql(const Space *space)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, ConsentTables(space))
		appendStringInfo(&sql, "%sSELECT %s AS source, (SELECT pg_catalog.jsonb_agg("
						 "pg_catalog.to_jsonb(t) - 'subject' - 'token') FROM %s t WHERE t.subject = $1) AS rows",
						 sql.len ? " UNION ALL " : "",
						 PersonaLiteral(lfirst(cell)),
						 SpaceTable(space, lfirst(cell)));
	return sql.data;
}

/* The addresses of hers that are listed, as hashes are: by asking for each. */
static char *
ListedSql(const Space *space)
{
	return psprintf("SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
					"'channel', nullif(l.channel, ''), 'reason', l.reason, 'at', l.at))"
					" FROM %s l WHERE l.hash = ANY ($3)",
					SpaceTable(space, "suppressed_address"));
}

static Datum
HashesOf(const Space *space, Datum key)
{
	List	   *addresses = ConsentAddresses(space, key);
	Datum	   *hashes = palloc(sizeof(Datum) * (list_length(addresses) + 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, addresses)
		hashes[n++] = ConsentPseudonym(space, "address",
									   lsecond((List *) lfirst(cell)));
	return PointerGetDatum(construct_array(hashes, n, BYTEAOID, -1, false,
										   TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(persona_export_subject);

/* persona.export_subject(subject, space): jsonb. */
Datum
persona_export_subject(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 1));
	Datum		key = ConsentArgKey(fcinfo, space);
	MemoryContext caller = CurrentMemoryContext;
	PersonaArgs args = {0};
	PersonaAct	act;
	bool		isnull;
	Datum		result;

	ConsentBegin(&act, space, ACL_SELECT);
	PersonaArg(&args, space->key.type, key, false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(space->name), false);
	PersonaArg(&args, BYTEAARRAYOID, HashesOf(space, key), false);
	PersonaExecute(psprintf("SELECT pg_catalog.jsonb_build_object('space', $2, 'subject', $1::pg_catalog.text,"
							" 'exported_at', persona.now(),"
							" 'persona', coalesce((SELECT pg_catalog.jsonb_object_agg(h.source, h.rows) FROM (%s) h"
							"  WHERE h.rows IS NOT NULL), '{}'),"
							" 'suppressed_address', coalesce((%s), '[]'),"
							" 'elsewhere', coalesce((SELECT pg_catalog.jsonb_object_agg(e.source, e.n) FROM (%s) e), '{}')) AS whole",
							HeldSql(space), ListedSql(space),
							ConsentElsewhereSql(space)), &args, true);
	MemoryContextSwitchTo(caller);
	result = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(0, "whole", &isnull)));
	ConsentEnd(&act);
	return result;
}
