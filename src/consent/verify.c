/*
 * verify.c: that the ledger is whole, that what stands is what it says, and
 * that it does not grow for ever.
 *
 * Each row of the ledger carries a link: the hash over the link before it and
 * over all it says. A row that was changed, taken out or put in leaves a link
 * that does not fit. Rows may be let go from a subject's first on, once nothing
 * rests on them; of the last of these the link stays, in consent_cut, and the
 * chain begins there.
 */
#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* ---- the chain ---- */

static char *
BrokenSql(const Space *space)
{
	return psprintf("SELECT x.subject::pg_catalog.text, x.seq,"
					" CASE WHEN x.seq <> x.n THEN 'what was recorded before it is not there'"
					"  ELSE 'it is not what was recorded' END"
					" FROM (SELECT l.*, coalesce(c.seq, 0) + pg_catalog.row_number() OVER w AS n,"
					"   coalesce(pg_catalog.lag(l.chain) OVER w, c.chain) AS previous"
					"  FROM %s l LEFT JOIN %s c ON c.subject = l.subject"
					"  WINDOW w AS (PARTITION BY l.subject ORDER BY l.seq)) x"
					" WHERE x.seq <> x.n OR x.chain <> persona.consent_chain(x.previous, x.subject::pg_catalog.text, x.seq,"
					"  x.ledger, x.purpose, x.channel, x.decision, x.basis, x.source, x.evidence, x.at, x.recorded_at,"
					"  x.recorded_by, x.expires_at)"
					" ORDER BY x.subject, x.seq LIMIT 1",
					SpaceTable(space, "consent"),
					SpaceTable(space, "consent_cut"));
}

/* ---- the fold ---- */

static char *
DifferenceSql(const Space *space)
{
	const char *columns = "subject, purpose, channel, decision, at, expires_at, ledger";
	char	   *folded = psprintf("SELECT DISTINCT ON (l.subject, p.purpose, p.channel) l.subject, p.purpose, p.channel,"
								  " l.decision, l.at, l.expires_at, l.ledger FROM %s l"
								  " CROSS JOIN LATERAL (SELECT coalesce(l.purpose, '') AS purpose, coalesce(l.channel, '') AS channel) p"
								  " WHERE l.decision <> 'request'"
								  " ORDER BY l.subject, p.purpose, p.channel, l.at DESC, l.decision DESC, l.seq DESC",
								  SpaceTable(space, "consent"));

	return psprintf("SELECT d.subject::pg_catalog.text, nullif(d.purpose, ''), nullif(d.channel, ''), d.problem FROM ("
					" SELECT x.*, 'the ledger says otherwise' AS problem FROM"
					"  (SELECT %1$s FROM %2$s EXCEPT SELECT %1$s FROM (%3$s) f) x"
					" UNION ALL SELECT x.*, 'it is not there' FROM"
					"  (SELECT %1$s FROM (%3$s) f EXCEPT SELECT %1$s FROM %2$s) x"
					"  WHERE NOT EXISTS (SELECT FROM %2$s c WHERE (c.subject, c.purpose, c.channel) = (x.subject, x.purpose, x.channel))) d"
					" ORDER BY d.subject, d.purpose, d.channel",
					columns, SpaceTable(space, "consent_current"), folded);
}

static const ConsentQuery broken = {BrokenSql, 0};
static const ConsentQuery difference = {DifferenceSql, 0};

/* What a query finds, for whoever may read the ledger. */
static Datum
Find(FunctionCallInfo fcinfo, const ConsentQuery *query)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 0));
	PersonaAct	act;
	uint64		n;

	InitMaterializedSRF(fcinfo, 0);
	ConsentBegin(&act, space, ACL_SELECT);
	n = ConsentRun(space, query, NULL, NULL, true);
	PersonaReturnRows(result, n);
	ConsentEnd(&act);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(persona_verify_ledger);

/* persona.verify_ledger(space): the first row that does not fit, or none. */
Datum
persona_verify_ledger(PG_FUNCTION_ARGS)
{
	return Find(fcinfo, &broken);
}

PG_FUNCTION_INFO_V1(persona_verify_current);

/* persona.verify_current(space): where what stands is not what was said. */
Datum
persona_verify_current(PG_FUNCTION_ARGS)
{
	return Find(fcinfo, &difference);
}

/* ---- letting go ---- */

/*
 * Up to the first row that is young, or that stands, and never the last: the
 * next one hangs on it.
 */
static char *
ForgetSql(const Space *space)
{
	return psprintf("WITH first AS (SELECT l.subject, least(pg_catalog.max(l.seq), pg_catalog.min(l.seq)"
					"   FILTER (WHERE l.at >= $1 OR l.recorded_at >= $1 OR c.ledger IS NOT NULL)) AS seq"
					"  FROM %1$s l LEFT JOIN %2$s c ON c.subject = l.subject AND c.ledger = l.ledger GROUP BY l.subject),"
					" gone AS (DELETE FROM %1$s l USING first f WHERE l.subject = f.subject AND l.seq < f.seq"
					"  RETURNING l.subject, l.seq, l.chain),"
					" cut AS (INSERT INTO %3$s SELECT DISTINCT ON (g.subject) g.subject, g.seq, g.chain FROM gone g"
					"  ORDER BY g.subject, g.seq DESC ON CONFLICT (subject) DO UPDATE SET (seq, chain) = (excluded.seq, excluded.chain))"
					" SELECT pg_catalog.count(*) AS n FROM gone",
					SpaceTable(space, "consent"),
					SpaceTable(space, "consent_current"),
					SpaceTable(space, "consent_cut"));
}

static const ConsentQuery forget = {ForgetSql, 1, {TIMESTAMPTZOID}};

PG_FUNCTION_INFO_V1(persona_forget_consents);

/* persona.forget_consents(older_than, space): how many rows were let go. */
Datum
persona_forget_consents(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 1));
	TimestampTz now = PersonaNow();
	TimestampTz before;
	PersonaAct	act;
	Datum		instant;
	bool		isnull;
	int64		n;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the age is NULL"),
				 errhint("Say how old a statement must be to be let go, such as '5 years'.")));
	before = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
													 TimestampTzGetDatum(now),
													 PG_GETARG_DATUM(0)));
	if (before >= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only what is past can be let go"),
				 errhint("Pass a positive age such as '5 years'.")));
	instant = TimestampTzGetDatum(before);
	ConsentBegin(&act, space, ACL_DELETE);
	ConsentRunOnLedger(space, &forget, &instant, NULL);
	n = DatumGetInt64(PersonaColumn(0, "n", &isnull));
	ConsentEnd(&act);
	PG_RETURN_INT64(n);
}
