/*
 * erase.c: a person is forgotten, the results stay (GDPR Art. 17).
 *
 * What was said by and kept about a person is deleted. What was decided is
 * needed for results, so those rows stay and lose the person: their subject
 * becomes a fresh key that stands for nobody, their ids are made anew, and all
 * that could lead back, the event's key, the address, the text, is emptied.
 *
 * Two things must survive, and do as keyed hashes, from which nobody is found:
 * her addresses, which get nothing any more, should she come back under another
 * key; and the ids of what was decided, so that an old event that is read
 * again does not start anew. Her own table rows are the company's to delete;
 * the report says where there are any.
 */
#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* One person, and what she becomes. */
typedef struct Erasure
{
	const Space *space;
	Datum		key;
	Datum		nobody;			/* the key that takes the place of hers */
	Datum		salt;			/* bytea, known to nobody afterwards */
	ReturnSetInfo *report;
} Erasure;

static void
Report(const Erasure *e, const char *source, const char *what, uint64 n)
{
	Datum		values[3] = {CStringGetTextDatum(source),
	CStringGetTextDatum(what), Int64GetDatum(n)};
	bool		nulls[3] = {0};

	if (n > 0)
		tuplestore_putvalues(e->report->setResult, e->report->setDesc, values,
							 nulls);
}

/* Executes SQL about $1 her key, $2 the one that stands for nobody, $3 salt. */
static uint64
Execute(const Erasure *e, const char *sql)
{
	PersonaArgs args = {0};

	PersonaArg(&args, e->space->key.type, e->key, false);
	PersonaArg(&args, e->space->key.type, e->nobody, e->nobody == 0);
	PersonaArg(&args, BYTEAOID, e->salt, e->salt == 0);
	return PersonaExecute(sql, &args, false);
}

/* ---- what survives ---- */

static void
KeepAddresses(const Erasure *e)
{
	List	   *addresses = ConsentAddresses(e->space, e->key);
	uint64		n = Execute(e, psprintf("SELECT DISTINCT m.address FROM %s m"
										" WHERE m.subject = $1 AND m.address IS NOT NULL",
										SpaceTable(e->space, "message")));
	uint64		listed = 0;
	ListCell   *cell;

	for (uint64 i = 0; i < n; i++)
		addresses = lappend(addresses,
							list_make2(NULL, PersonaColumnText(i, "address")));
	foreach(cell, addresses)
		listed += ConsentSuppressAddress(e->space,
										 lsecond((List *) lfirst(cell)), NULL,
										 "erased");
	Report(e, "suppressed_address", "kept as a hash", listed);
}

/* Her ids as hashes, and one of herself: links of hers are dead from now on. */
static void
Bury(const Erasure *e)
{
	PersonaArgs args = {0};
	const Space *space = e->space;
	char	   *subject = ConsentKeyText(space, e->key);

	PersonaArg(&args, space->key.type, e->key, false);
	PersonaArg(&args, BYTEAOID, PointerGetDatum(ConsentPseudonymKey(space)), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(subject), false);
	Report(e, "tombstone", "kept as a hash",
		   PersonaExecute(psprintf("INSERT INTO %s SELECT x.pseudonym, persona.now() FROM ("
								   " SELECT persona.pseudonym($2, 'decision', d.decision::pg_catalog.text) FROM ("
								   "  SELECT decision FROM %s WHERE subject = $1"
								   "  UNION SELECT decision FROM %s WHERE subject = $1) d"
								   " UNION ALL SELECT persona.pseudonym($2, 'subject', $3)) x(pseudonym)",
								   SpaceTable(space, "tombstone"),
								   SpaceTable(space, "decision"),
								   SpaceTable(space, "schedule")),
						  &args, false));
}

/* ---- what loses her ---- */

/* The SQL of a key at random that no customer has, of the key's type. */
static const char *
SomeKey(Oid type)
{
	const char *number = "('x' || pg_catalog.left(pg_catalog.md5(pg_catalog.gen_random_uuid()::pg_catalog.text), 15))"
	"::pg_catalog.bit(60)::pg_catalog.int8";

	switch (type)
	{
		case INT2OID:
			return psprintf("(-1 - %s %% 32767)::pg_catalog.int2", number);
		case INT4OID:
			return psprintf("(-1 - %s %% 2147483647)::pg_catalog.int4", number);
		case INT8OID:
			return psprintf("-1 - %s", number);
		case UUIDOID:
			return "pg_catalog.gen_random_uuid()";
		default:
			return psprintf("('erased-' || pg_catalog.gen_random_uuid())::%s",
							PersonaTypeName(type));
	}
}

/* Sixteen strong random bytes. */
static Datum
Salt(void)
{
	bytea	   *salt = palloc(VARHDRSZ + 16);

	SET_VARSIZE(salt, VARHDRSZ + 16);
	if (!pg_strong_random(VARDATA(salt), 16))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("the system gives no random bytes")));
	return PointerGetDatum(salt);
}

static void
BecomeNobody(Erasure *e)
{
	const Space *space = e->space;
	bool		isnull;
	Datum		nobody;

	if (Execute(e, psprintf("SELECT k.key FROM (SELECT %s AS key FROM pg_catalog.generate_series(1, 1000) OFFSET 0) k"
							" WHERE NOT EXISTS (SELECT FROM %s s WHERE s.%s = k.key)"
							" AND NOT EXISTS (SELECT FROM %s d WHERE d.subject = k.key)"
							" AND NOT EXISTS (SELECT FROM %s m WHERE m.subject = k.key)"
							" AND NOT EXISTS (SELECT FROM %s x WHERE x.subject = k.key)"
							" AND NOT EXISTS (SELECT FROM %s t WHERE t.subject = k.key) LIMIT 1",
							SomeKey(space->key.type),
							PersonaRelationName(space->relid),
							quote_identifier(space->key.name),
							SpaceTable(space, "decision"),
							SpaceTable(space, "message"),
							SpaceTable(space, "exposure"),
							SpaceTable(space, "test_subject"))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the type of key \"%s\" leaves no key for somebody erased",
						space->key.name)));
	nobody = PersonaColumn(0, "key", &isnull);
	e->nobody = datumCopy(nobody, get_typbyval(space->key.type),
						  get_typlen(space->key.type));
	e->salt = Salt();
}

/* An id made anew, alike in every table. */
static char *
Anew(const char *id)
{
	return psprintf("%1$s = pg_catalog.encode(pg_catalog.substr(pg_catalog.sha256($3 || pg_catalog.uuid_send(%1$s)), 1, 16), 'hex')::pg_catalog.uuid",
					id);
}

static void
LoseHer(const Erasure *e, const char *table, const char *changes)
{
	Report(e, table, "pseudonymised",
		   Execute(e, psprintf("UPDATE %s SET subject = $2%s WHERE subject = $1",
							   SpaceTable(e->space, table), changes)));
}

static void
Pseudonymise(const Erasure *e)
{
	char	   *decision = Anew("decision");
	char	   *message = Anew("message");

	LoseHer(e, "decision", psprintf(", %s, event_key = NULL, once_key = 'erased', items = NULL",
									decision));
	LoseHer(e, "exposure", psprintf(", %s, unit = NULL", decision));
	/* What a test subject did stays out of the results. */
	LoseHer(e, "test_subject", "");
	LoseHer(e, "feedback", psprintf(", %s, %s, detail = NULL",
									Anew("feedback"), message));
	/* One that a sender has may be on its way: it is never "not sent". */
	LoseHer(e, "message", psprintf(", %s, %s, address = NULL, subject_line = NULL, body = NULL, headers = NULL,"
								   " provider_id = NULL, leased_until = NULL,"
								   " reason = CASE WHEN done_at IS NULL THEN 'erased' ELSE reason END,"
								   " state = CASE WHEN done_at IS NOT NULL THEN state WHEN attempt > 0 THEN 'unconfirmed' ELSE 'cancelled' END,"
								   " done_at = coalesce(done_at, persona.now())",
								   message, decision));
}

/* ---- what goes ---- */

static char *
LedgerSql(const Space *space)
{
	return psprintf("DELETE FROM %s l WHERE l.subject = $1",
					SpaceTable(space, "consent"));
}

static const ConsentQuery ledger_rows = {LedgerSql, 1, {CONSENT_KEY}};

/* Every table of the space but those that have just lost her; the lock last. */
static void
DeleteRows(const Erasure *e)
{
	ListCell   *cell;

	foreach(cell, ConsentTables(e->space))
	{
		const char *table = lfirst(cell);

		if (strcmp(table, "anchor") == 0)
			continue;
		Report(e, table, "deleted", strcmp(table, "consent") == 0 ?
			   ConsentRunOnLedger(e->space, &ledger_rows, &e->key, NULL) :
			   Execute(e, psprintf("DELETE FROM %s WHERE subject = $1",
								   SpaceTable(e->space, table))));
	}
	Report(e, "anchor", "deleted",
		   Execute(e, psprintf("DELETE FROM %s WHERE subject = $1",
							   SpaceTable(e->space, "anchor"))));
}

static void
ReportElsewhere(const Erasure *e)
{
	PersonaArgs args = {0};
	List	   *sources = NIL;
	List	   *counts = NIL;
	uint64		n;
	bool		isnull;

	PersonaArg(&args, e->space->key.type, e->key, false);
	n = PersonaExecute(ConsentElsewhereSql(e->space), &args, false);
	for (uint64 i = 0; i < n; i++)
	{
		sources = lappend(sources, PersonaColumnText(i, "source"));
		counts = lappend_int(counts, DatumGetInt64(PersonaColumn(i, "n", &isnull)));
	}
	for (uint64 i = 0; i < n; i++)
		Report(e, list_nth(sources, i), "yours to delete",
			   list_nth_int(counts, i));
}

static void
RefuseUnheardOf(const Erasure *e)
{
	if (!ConsentIsKnown(e->space, e->key) &&
		Execute(e, psprintf("SELECT FROM %s WHERE subject = $1",
							SpaceTable(e->space, "anchor"))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("%s has no such subject, and persona knows none",
						PersonaRelationName(e->space->relid)),
				 errhint("Nothing was erased. Look up column \"%s\" again.",
						 e->space->key.name)));
}

PG_FUNCTION_INFO_V1(persona_erase_subject);

/* persona.erase_subject(subject, space): (source, done, n). */
Datum
persona_erase_subject(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 1));
	Erasure		e = {.space = space, .key = ConsentArgKey(fcinfo, space)};
	PersonaAct	act;

	InitMaterializedSRF(fcinfo, 0);
	e.report = (ReturnSetInfo *) fcinfo->resultinfo;
	ConsentBegin(&act, space, ACL_DELETE);
	RefuseUnheardOf(&e);
	ConsentLockAnyway(space, e.key);
	KeepAddresses(&e);
	Bury(&e);
	BecomeNobody(&e);
	Pseudonymise(&e);
	DeleteRows(&e);
	ReportElsewhere(&e);
	ConsentEnd(&act);
	return (Datum) 0;
}
