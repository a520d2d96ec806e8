/*
 * consent.c: what "allowed" means.
 *
 * A statement is somebody's yes or no to a purpose on a channel, or to every
 * one (NULL in the ledger, '' in consent_current and here). The answer for one
 * subject, purpose, channel and instant is found in four steps, each of which
 * is a function below that writes its piece of SQL:
 *
 *	1. Take the statements that stand at that instant and cover both: those for
 *	   the purpose itself, for a parent of it, and for every purpose.
 *	2. A statement for every purpose closes the book: what was said before it
 *	   no longer counts.
 *	3. Of what still counts the more specific purpose wins, then the later
 *	   statement; of two at the same instant the withdrawal.
 *	4. What follows from the winner, or from silence, is the basis' to say:
 *	   where it is double opt-in only a confirmed yes is one.
 *
 * A suppression closes whatever the answer is.
 */
#include "consent/consent.h"

/* ---- 1: the statements ---- */

/* What the ledger says up to an instant, in the form of consent_current. */
static char *
Ledger(const Space *space, const char *subject, const char *at)
{
	return psprintf("SELECT coalesce(l.purpose, '') AS purpose,"
					" coalesce(l.channel, '') AS channel, l.decision, l.at,"
					" l.expires_at, l.ledger, l.seq"
					" FROM %s l WHERE l.subject = %s AND l.at <= %s"
					" AND l.decision <> 'request'",
					SpaceTable(space, "consent"), subject, at);
}

/*
 * What stands now. No instant is compared: a withdrawal that committed after
 * this transaction began stands too.
 */
static char *
Current(const Space *space, const char *subject)
{
	return psprintf("SELECT c.purpose, c.channel, c.decision, c.at,"
					" c.expires_at, c.ledger, 0 AS seq FROM %s c"
					" WHERE c.subject = %s",
					SpaceTable(space, "consent_current"), subject);
}

/* The same, but where somebody moved the clock: the ledger up to there. */
static char *
Standing(const Space *space, const char *subject)
{
	return PersonaClockIsMoved() ? Ledger(space, subject, "persona.now()") :
		Current(space, subject);
}

/* ---- 2 and 3: the one that wins ---- */

/*
 * Later first; of two at the same instant the withdrawal. Of those that cover
 * a purpose no two have names of one length, so the name is no key of its own.
 * Times are compared by themselves first, as that rules most out. IS TRUE keeps
 * an index on subjects from being searched once for each purpose and channel.
 */
static char *
Winner(const char *statements, const char *purposes, const char *channel)
{
	return psprintf("(SELECT s.decision, s.at, s.expires_at, s.ledger"
					" FROM (%1$s) s WHERE (s.channel = '' OR s.channel = %3$s) IS TRUE"
					"  AND (s.purpose = ANY (%2$s)) IS TRUE"
					"  AND NOT EXISTS (SELECT FROM (%1$s) b"
					"   WHERE b.purpose = '' AND (b.channel = '' OR b.channel = %3$s) IS TRUE"
					"   AND b.at >= s.at"
					"   AND (b.at, b.decision, b.purpose, b.channel, b.seq)"
					"    > (s.at, s.decision, s.purpose, s.channel, s.seq))"
					" ORDER BY pg_catalog.length(s.purpose) DESC, s.at DESC,"
					"  s.decision DESC, s.channel DESC, s.seq DESC LIMIT 1)",
					statements, purposes, channel);
}

/* Every purpose, which is '', the parents of one, and that one. */
char *
ConsentCoveringSql(const char *purpose_sql)
{
	return psprintf("ARRAY(SELECT pg_catalog.array_to_string((pg_catalog.string_to_array(%1$s, '.'))[:n], '.')"
					" FROM pg_catalog.generate_series(0, pg_catalog.cardinality(pg_catalog.string_to_array(%1$s, '.'))) n)",
					purpose_sql);
}

/* ---- 4: what follows ---- */

/* The sub-select (allowed, reason, ledger, since, until) of consent.h. */
static char *
Answer(const char *statements, const char *purposes, const char *basis,
	   const char *channel, const char *at)
{
	return psprintf("(SELECT r.reason NOT IN"
					"  ('no_consent', 'withdrawn', 'consent_expired') AS allowed, r.reason,"
					" CASE WHEN r.reason IN ('granted', 'withdrawn', 'consent_expired')"
					"  THEN w.ledger END AS ledger,"
					" CASE WHEN r.reason IN ('granted', 'withdrawn') THEN w.at"
					"  WHEN r.reason = 'consent_expired' THEN w.expires_at END AS since,"
					" CASE WHEN r.reason = 'granted' THEN w.expires_at END AS until"
					" FROM (SELECT) one LEFT JOIN LATERAL %1$s w ON true"
					" CROSS JOIN LATERAL (SELECT w.decision = 'confirm'"
					"  OR w.decision = 'grant' AND %2$s <> 'double_opt_in' AS yes) y"
					" CROSS JOIN LATERAL (SELECT CASE"
					"  WHEN y.yes AND (w.expires_at <= %3$s) IS NOT TRUE THEN 'granted'"
					"  WHEN %2$s = 'contract' THEN 'contract'"
					"  WHEN w.decision = 'withdraw' THEN 'withdrawn'"
					"  WHEN %2$s NOT IN ('consent', 'double_opt_in') THEN %2$s"
					"  WHEN y.yes THEN 'consent_expired'"
					"  ELSE 'no_consent' END AS reason) r)",
					Winner(statements, purposes, channel), basis, at);
}

/* What becomes of the answer a where x or y is a suppression. */
#define STATUS "a.allowed AND least(x.at, y.at) IS NULL AS allowed," \
	" CASE WHEN least(x.at, y.at) IS NULL THEN a.reason ELSE 'suppressed' END AS reason," \
	" CASE WHEN least(x.at, y.at) IS NULL THEN a.since ELSE least(x.at, y.at) END AS since," \
	" CASE WHEN least(x.at, y.at) IS NULL THEN a.until END AS until"

/*
 * The suppressions of a subject, on a channel and on every one, as joins. Each
 * is one row at most, by key; `before` restricts them to an instant.
 */
static char *
Suppressions(const Space *space, const char *subject, const char *channel,
			 const char *before)
{
	return psprintf(" LEFT JOIN %1$s x ON x.subject = %2$s AND x.channel = %3$s%4$s"
					" LEFT JOIN %1$s y ON y.subject = %2$s AND y.channel = ''%5$s",
					SpaceTable(space, "suppression"), subject, channel,
					before ? psprintf(" AND x.at <= %s", before) : "",
					before ? psprintf(" AND y.at <= %s", before) : "");
}

/* ---- what other rooms join ---- */

/* The same as ConsentCoveringSql, of a purpose that is known. */
static char *
Covering(const char *purpose)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "ARRAY['', ");
	for (const char *dot = strchr(purpose, '.'); dot != NULL;
		 dot = strchr(dot + 1, '.'))
		appendStringInfo(&sql, "%s, ",
						 PersonaLiteral(pnstrdup(purpose, dot - purpose)));
	appendStringInfo(&sql, "%s]::pg_catalog.text[]", PersonaLiteral(purpose));
	return sql.data;
}

char *
ConsentLateral(const Space *space, const char *subject_sql,
			   const char *purpose, const char *basis,
			   const char *channel_sql, const char *at_sql)
{
	return Answer(Standing(space, subject_sql), Covering(purpose),
				  PersonaLiteral(basis), channel_sql, at_sql);
}

char *
ConsentRefusedCategories(const Space *space, const char *subject_sql,
						 const char *categories_sql)
{
	return psprintf("ARRAY(SELECT c.category"
					" FROM pg_catalog.unnest(%s) c(category)"
					" WHERE (SELECT NOT p.allowed FROM %s p"
					"  WHERE p.subject = %s AND (p.category = c.category"
					"   OR pg_catalog.starts_with(c.category, p.category || '.'))"
					"  ORDER BY pg_catalog.length(p.category) DESC LIMIT 1))",
					categories_sql, SpaceTable(space, "preference"),
					subject_sql);
}

/*
 * Hashes the SQL of a name as ConsentPseudonym() does in C. To hash takes
 * longer than to look up, so who asks looks first whether there is any to find.
 */
static char *
PseudonymSql(const Space *space, const char *kind, const char *name_sql)
{
	return psprintf("persona.pseudonym((SELECT k.secret FROM %s k WHERE k.use = 'pseudonym'"
					" ORDER BY k.key DESC LIMIT 1), '%s', %s)",
					SpaceTable(space, "secret"), kind, name_sql);
}

char *
ConsentErased(const Space *space, const char *decision_sql)
{
	return psprintf("(EXISTS (SELECT FROM %1$s) AND EXISTS (SELECT FROM %1$s t WHERE t.pseudonym = %2$s))",
					SpaceTable(space, "tombstone"),
					PseudonymSql(space, "decision", decision_sql));
}

char *
ConsentSuppressed(const Space *space, const char *subject_sql,
				  const char *channel_sql, const char *address_sql)
{
	char	   *listed = address_sql == NULL ? "" :
	psprintf(" UNION ALL SELECT l.reason, l.at FROM %1$s l"
			 " WHERE EXISTS (SELECT FROM %1$s) AND (l.channel = '' OR l.channel = %2$s) AND l.hash = %3$s",
			 SpaceTable(space, "suppressed_address"), channel_sql,
			 PseudonymSql(space, "address", address_sql));

	return psprintf("(SELECT x.reason FROM (SELECT p.reason, p.at FROM %s p WHERE p.subject = %s"
					" AND (p.channel = '' OR p.channel = %s) IS TRUE%s) x ORDER BY x.at LIMIT 1)",
					SpaceTable(space, "suppression"), subject_sql,
					channel_sql, listed);
}

/* ---- what this room asks itself ---- */

/* The answer to $1 .. $5, by what stands or by the ledger. */
static char *
Point(const char *statements)
{
	return Answer(statements, "$2", "$3", "$4", "$5");
}

static char *
PointSql(const Space *space, const char *statements, const char *before)
{
	return psprintf("SELECT s.allowed, s.reason, s.ledger, s.since, s.until"
					" FROM (SELECT " STATUS ","
					"  CASE WHEN least(x.at, y.at) IS NULL THEN a.ledger END AS ledger"
					"  FROM %s a%s) s",
					Point(statements),
					Suppressions(space, "$1", "$4", before));
}

char *
ConsentNowSql(const Space *space)
{
	return PointSql(space, Current(space, "$1"), NULL);
}

char *
ConsentMovedSql(const Space *space)
{
	return PointSql(space, Ledger(space, "$1", "$5"), NULL);
}

char *
ConsentPastSql(const Space *space)
{
	return PointSql(space, Ledger(space, "$1", "$5"), "$5");
}

char *
ConsentSaidSql(const Space *space, bool moved)
{
	return psprintf("SELECT * FROM %s said",
					Point(moved ? Ledger(space, "$1", "$5") :
						  Current(space, "$1")));
}

/* What the view is made of: everybody known, each purpose and channel. */
static char *
ViewSql(const Space *space, const char *statements)
{
	char	   *answer = Answer(statements, "p.purposes", "p.basis",
								"c.channel", "persona.now()");

	/* The planner may join suppressions as it likes: before the lateral. */
	return psprintf("SELECT k.subject, p.purpose, c.channel, " STATUS
					" FROM %s k CROSS JOIN (SELECT p.purpose, p.basis, %s AS purposes"
					"  FROM persona.purpose p WHERE p.space = %s OFFSET 0) p"
					" JOIN persona.channel c ON c.space = %s%s"
					" CROSS JOIN LATERAL %s a",
					SpaceTable(space, "anchor"),
					ConsentCoveringSql("p.purpose"),
					PersonaLiteral(space->name), PersonaLiteral(space->name),
					Suppressions(space, "k.subject", "c.channel", NULL),
					answer);
}

/* Whether a person has set the clock; asked by each execution. */
#define CLOCK_IS_MOVED \
	"coalesce(pg_catalog.current_setting('persona.clock', true), '') <> ''"

char *
ConsentViewSql(const Space *space)
{
	return psprintf("%s WHERE NOT (" CLOCK_IS_MOVED ")"
					" UNION ALL %s WHERE " CLOCK_IS_MOVED,
					ViewSql(space, Current(space, "k.subject")),
					ViewSql(space, Ledger(space, "k.subject", "persona.now()")));
}
