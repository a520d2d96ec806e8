/*
 * consent.c: what "allowed" means.
 *
 * Statements are made for a purpose and a channel, or for every one (NULL in
 * the ledger, '' in consent_current). A statement for every purpose closes the
 * book: what was said before it no longer counts. Of the statements that
 * count, the one for the more specific purpose wins, then the later one; of
 * two at the same instant the withdrawal. What follows from the winner, or
 * from silence, is the legal basis' to say.
 */
#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/*
 * The winning statement decides; `state` is the relation of statements, as
 * (subject, purpose, channel, decision, at, expires_at, ledger).
 */
static char *
Lateral(const char *state, const char *subject_sql, const char *purpose_sql,
		const char *basis_sql, const char *channel_sql, const char *at_sql)
{
	return psprintf("(SELECT"
					" CASE WHEN w.decision = 'grant' AND (w.expires_at IS NULL OR %6$s < w.expires_at) THEN true"
					"  WHEN w.decision = 'withdraw' THEN %4$s = 'contract'"
					"  ELSE %4$s <> 'consent' END AS allowed,"
					" CASE WHEN w.decision = 'grant' AND (w.expires_at IS NULL OR %6$s < w.expires_at) THEN 'granted'"
					"  WHEN w.decision = 'withdraw' AND %4$s <> 'contract' THEN 'withdrawn'"
					"  WHEN %4$s <> 'consent' THEN %4$s"
					"  WHEN w.decision = 'grant' THEN 'consent_expired'"
					"  ELSE 'no_consent' END AS reason,"
					" w.ledger, w.at AS since, w.expires_at AS until"
					" FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT c.* FROM %1$s c"
					"  WHERE c.subject = %2$s AND c.channel IN ('', %5$s) AND c.at <= %6$s"
					"  AND (c.purpose = '' OR c.purpose = ANY (persona.label_path(%3$s)))"
					"  AND (c.purpose = '' OR NOT EXISTS (SELECT FROM %1$s a"
					"   WHERE a.subject = c.subject AND a.purpose = '' AND a.channel IN ('', %5$s) AND a.at <= %6$s"
					"   AND (a.at > c.at OR (a.at = c.at AND a.decision = 'withdraw'))))"
					"  ORDER BY pg_catalog.length(c.purpose) DESC, c.at DESC, c.decision DESC LIMIT 1) w ON true)",
					state, subject_sql, purpose_sql, basis_sql, channel_sql,
					at_sql);
}

/* The ledger in the form of consent_current: for any instant of the past. */
static char *
LedgerAsState(const Space *space)
{
	return psprintf("(SELECT subject, coalesce(purpose, '') AS purpose,"
					" coalesce(channel, '') AS channel, decision, at, expires_at, ledger FROM %s)",
					SpaceTable(space, "consent"));
}

char *
ConsentLateral(const Space *space, const char *subject_sql,
			   const char *purpose, const char *basis,
			   const char *channel_sql, const char *at_sql)
{
	return Lateral(SpaceTable(space, "consent_current"), subject_sql,
				   PersonaLiteral(purpose), PersonaLiteral(basis),
				   channel_sql, at_sql);
}

char *
ConsentRefusedCategories(const Space *space, const char *subject_sql,
						 const char *categories_sql)
{
	return psprintf("ARRAY(SELECT c.category FROM pg_catalog.unnest(%s) c(category)"
					" WHERE (SELECT NOT p.allowed FROM %s p WHERE p.subject = %s"
					"  AND (c.category = p.category OR pg_catalog.starts_with(c.category, p.category || '.'))"
					"  ORDER BY pg_catalog.length(p.category) DESC LIMIT 1))",
					categories_sql, SpaceTable(space, "preference"),
					subject_sql);
}

char *
ConsentSuppressed(const Space *space, const char *subject_sql,
				  const char *channel_sql)
{
	return psprintf("(SELECT p.reason FROM %s p WHERE p.subject = %s"
					" AND p.channel IN ('', %s) ORDER BY p.at LIMIT 1)",
					SpaceTable(space, "suppression"), subject_sql,
					channel_sql);
}

/* ---- SQL ---- */

PG_FUNCTION_INFO_V1(persona_lookup_consent);

/*
 * persona.lookup_consent(subject, purpose, basis, channel, at, space): the
 * one row of ConsentLateral, by the ledger. All arguments are checked by the
 * caller.
 */
Datum
persona_lookup_consent(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(5)));
	PersonaArgs args = {0};
	char	   *subject = psprintf("$1::%s", PersonaTypeName(space->key.type));

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < 4; i++)
		PersonaArg(&args, TEXTOID, PG_GETARG_DATUM(i), false);
	PersonaArg(&args, TIMESTAMPTZOID, PG_GETARG_DATUM(4), false);
	SPI_connect();
	PersonaExecute(psprintf("SELECT allowed, reason, ledger, since, until FROM %s x",
							Lateral(LedgerAsState(space), subject, "$2", "$3",
									"$4", "$5")), &args, true);
	tuplestore_puttuple(result->setResult, SPI_tuptable->vals[0]);
	SPI_finish();
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(persona_consent_view);

/* persona.consent_view(space): the SQL of the view consent_state. */
Datum
persona_consent_view(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_TEXT_P(cstring_to_text(psprintf("SELECT a.subject, p.purpose, c.channel,"
											  " l.allowed AND s.reason IS NULL AS allowed,"
											  " CASE WHEN s.reason IS NULL THEN l.reason ELSE 'suppressed' END AS reason, l.since, l.until"
											  " FROM %s a CROSS JOIN persona.purpose p CROSS JOIN persona.channel c"
											  " CROSS JOIN LATERAL %s l"
											  " CROSS JOIN LATERAL (SELECT %s AS reason) s"
											  " WHERE p.space = %s AND c.space = %s",
											  SpaceTable(space, "anchor"),
											  Lateral(SpaceTable(space, "consent_current"), "a.subject",
													  "p.purpose", "p.basis", "c.channel", "persona.now()"),
											  ConsentSuppressed(space, "a.subject", "c.channel"),
											  PersonaLiteral(space->name),
											  PersonaLiteral(space->name))));
}
