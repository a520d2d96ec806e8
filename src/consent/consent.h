/*
 * consent.h: who said yes to what, as SQL that others join.
 *
 *	consent.c	what "allowed" means, written as pieces of SQL
 *	lookup.c	the SQL functions that ask it
 *
 * There is one definition of "allowed": run() and claim() join it to whole
 * batches, may_contact() asks it about one subject, the view consent_state
 * shows it for all. Arguments named *_sql are SQL expressions and are put in
 * as they are; what is returned expects the search_path pg_catalog, pg_temp.
 */
#ifndef PERSONA_CONSENT_H
#define PERSONA_CONSENT_H

#include "base/persona.h"
#include "space/space.h"

/*
 * A sub-select of one row (allowed, reason, ledger, since, until): whether
 * the subject may be contacted for the purpose on the channel by all that was
 * said so far. at_sql is the instant at which a yes must not have expired.
 * For LEFT JOIN LATERAL ... ON true. Suppression is asked separately.
 */
extern char *ConsentLateral(const Space *space, const char *subject_sql,
							const char *purpose, const char *basis,
							const char *channel_sql, const char *at_sql);

/* text[]: which of the categories the subject's preferences refuse. */
extern char *ConsentRefusedCategories(const Space *space,
									  const char *subject_sql,
									  const char *categories_sql);

/* text: why nothing goes to the subject on the channel; NULL where it may. */
extern char *ConsentSuppressed(const Space *space, const char *subject_sql,
							   const char *channel_sql);

/*
 * A statement that answers (allowed, reason, ledger, since, until) for subject
 * $1 (text), purpose $2 of basis $3, channel $4 and instant $5: by what stands,
 * or, for the past, by what the ledger holds up to then.
 */
extern char *ConsentPointSql(const Space *space, bool past);

/* The query of the view consent_state. */
extern char *ConsentViewSql(const Space *space);

#endif							/* PERSONA_CONSENT_H */
