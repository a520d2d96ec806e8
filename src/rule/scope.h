/*
 * scope.h: where a name of a rule stands: what rewrite.c and feature.c, which
 * call each other, share and nobody else sees.
 */
#ifndef PERSONA_RULE_SCOPE_H
#define PERSONA_RULE_SCOPE_H

#include "rule/rule.h"

/* Among the subject's names, or inside an event's aggregate. */
typedef struct Scope
{
	RuleQuery  *query;
	const SpaceEvent *event;	/* NULL: outside of any aggregate */
} Scope;

/* The node with its names resolved in that scope (rewrite.c). */
extern Node *RuleRewriteIn(Scope *scope, Node *node);

/* alias.column, and the raw tree of SQL of our own. */
extern Node *RuleMakeColumn(const char *alias, const char *column,
							int location);
extern Node *RuleParseOwn(const char *sql);

/* Notes that a column is read; source is "subject" or an event's name. */
extern void RuleNoteUse(RuleQuery *query, const char *source,
						const char *column);

/* The event's time as a raw tree; an error that names `what` if it has none. */
extern Node *RuleEventTime(Scope *scope, const SpaceEvent *event,
						   const char *what, int location);

/* An aggregate over an event as a column of its feature (feature.c). */
extern Node *RuleAggregate(Scope *outer, FuncCall *call, const char *name);

/* segment(name): whether the subject is among its members (feature.c). */
extern Node *RuleSegment(Scope *scope, FuncCall *call);

#endif							/* PERSONA_RULE_SCOPE_H */
