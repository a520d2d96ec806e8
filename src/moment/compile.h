/*
 * compile.h: what the files that compile a moment hand to each other.
 *
 *	compile.c	rules, and the statements of a batch
 *	cancel.c	what stops it, and ends its chain
 *	values.c	what the templates show, and the categories of that
 *	channel.c	where it goes: address, suppression and consent
 */
#ifndef PERSONA_MOMENT_COMPILE_H
#define PERSONA_MOMENT_COMPILE_H

#include "moment/moment.h"

#include "rule/rule.h"

/* What one compilation hands from step to step. */
typedef struct Builder
{
	const Space *space;
	const Moment *moment;
	RuleQuery  *query;
	char	   *entry;
	char	   *cancel;
	char	   *reached;		/* of its chain: text[], a goal and whose */
	List	   *reads;			/* of RuleUse *: for these goals */
	char	   *once_key;
	char	   *expires_at;
	List	   *addresses;		/* of char *: one for each channel */
	char	   *zone;
	char	   *assignment;		/* the join that knows the subject's variant */
	char	   *values;
	bool		uses_context;	/* of the request, in a template */
	List	   *added;			/* of char *: variables already in values */
	List	   *attributes;		/* of Attribute *: described and used */
} Builder;

/* A described attribute that the moment uses. */
typedef struct Attribute
{
	char	   *category;
	bool		for_all;		/* the generic twin uses it too */
} Attribute;

/* One expression, which errors call `part` of the moment. */
extern char *MomentCompilePart(Builder *b, const char *text, Oid want,
							   const char *part, Oid *type);

/* An optional one: `otherwise`, which is SQL, where there is none. */
extern char *MomentCompileOr(Builder *b, const char *text, Oid want,
							 const char *part, const char *otherwise);

/* Fills in cancel, reached and reads. */
extern void MomentCompileCancel(Builder *b);

/* Fills in values and attributes. */
extern void MomentCompileValues(Builder *b);

/* Fills in the addresses. */
extern void MomentCompileAddresses(Builder *b);

/* SQL over d and what is joined: of the subject's variant, or of all. */
extern char *MomentChannelSql(Builder *b);
extern char *MomentAddressSql(Builder *b);
extern char *MomentSuppressedSql(Builder *b, bool bare);
extern char *MomentConsentSql(Builder *b);

#endif							/* PERSONA_MOMENT_COMPILE_H */
