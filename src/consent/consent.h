/*
 * consent.h: who said yes to what, as SQL that others join.
 *
 * There is one definition of "allowed", and it is a piece of SQL: run() and
 * claim() join it to whole batches, may_contact() asks it about one subject,
 * the view consent_state shows it for all. Arguments named *_sql are SQL
 * expressions and are put in as they are.
 */
#ifndef PERSONA_CONSENT_H
#define PERSONA_CONSENT_H

#include "base/persona.h"
#include "space/space.h"

/*
 * A sub-select of one row (allowed, reason, ledger, since, until): whether
 * the subject may be contacted for the purpose on the channel at an instant,
 * by the statements in force now. For LEFT JOIN LATERAL ... ON true.
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

#endif							/* PERSONA_CONSENT_H */
