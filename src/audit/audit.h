/*
 * audit.h: would the customer be surprised that this message knows that?
 *
 *	surprise.c	the score of one attribute in one use: pure, named parts
 *	lineage.c	from a column of a view to the columns it is made of
 *
 * What a moment uses and how is the moment room's to say; what it is called
 * and how people feel about it is the space room's taxonomy.
 */
#ifndef PERSONA_AUDIT_H
#define PERSONA_AUDIT_H

#include "base/persona.h"

/* The parts of a score, in the order in which they are shown. */
typedef enum
{
	AUDIT_SENSITIVITY,
	AUDIT_PROVENANCE,
	AUDIT_USE,
	AUDIT_RELEVANCE,
	AUDIT_MENTION,
	AUDIT_GRANULARITY,
	AUDIT_IMMEDIACY,
	AUDIT_AGE,
	AUDIT_DERIVATION,
	AUDIT_TRANSPARENCY,
	AUDIT_CONSENT,
	AUDIT_PARTS
} AuditPart;

/* One attribute as one message uses it; NULL or false where nothing is known. */
typedef struct AuditUse
{
	const char *category;		/* dotted, of the taxonomy or below it */
	const char *sensitivity;	/* low | medium | high | special: of the space */
	const char *provenance;
	const char *use;			/* first_party | cross_context | sold */
	const char *relevance;		/* event | touchpoint | other | company */
	const char *granularity;	/* count | place | time | duration */
	bool		mentioned;		/* in the text; else only targeted by */
	bool		immediate;		/* of behaviour less than a day ago */
	bool		old;			/* of more than a year ago */
	bool		derived;		/* computed from what was collected */
	bool		explained;		/* the message says why it knows */
	bool		opened;			/* this customer said yes to this category */
} AuditUse;

/*
 * Points of each part; the sum, within 0..100, is the score. Errors with 22023
 * for a word that is none of those above.
 */
extern int	AuditScore(const AuditUse *use, int points[AUDIT_PARTS]);

#endif							/* PERSONA_AUDIT_H */
