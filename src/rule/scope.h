/*
 * scope.h: where a name of a rule stands: what rewrite.c, name.c and feature.c,
 * which call each other, share and nobody else sees.
 */
#ifndef PERSONA_RULE_SCOPE_H
#define PERSONA_RULE_SCOPE_H

#include "rule/rule.h"

/* Among the subject's names, or inside an event's aggregate. */
typedef struct Scope
{
	RuleQuery  *query;
	RuleSource *source;			/* the event's feature; NULL: the subject's */
} Scope;

/* The node with its names resolved in that scope (rewrite.c). */
extern Node *RuleRewriteIn(Scope *scope, Node *node);

/*
 * The same for a condition of which only the truth matters: what is false may
 * come out unknown and the other way round, so times may be compared in a way
 * that an index serves.
 */
extern Node *RuleRewriteCondition(Scope *scope, Node *node);

/* What a name means, as alias.column or a call (name.c). */
extern Node *RuleRewriteColumn(Scope *scope, ColumnRef *ref);

/* alias.column, a call of persona's own, the raw tree of SQL of our own. */
extern Node *RuleMakeColumn(const char *alias, const char *column,
							int location);
extern Node *RuleMakeCall(const char *function, List *args, int location);
extern Node *RuleParseOwn(const char *sql);

/* The raw tree with no places, for one that is of another text. */
extern Node *RuleWithoutPlaces(Node *node);

/* Whether a raw tree is that bare name. */
extern bool RuleIsName(Node *node, const char *name);

/* Notes that a column is read; source is "subject", an event or a facet. */
extern void RuleNoteUse(RuleQuery *query, const char *source,
						const char *column);

/* What a source's column is called by now (rename.c). */
extern const char *RuleCurrentName(RuleQuery *query, const char *source,
								   const char *name, int location);

/* The event or the subject that a facet hangs off in the end; NULL: subject. */
extern const char *RuleFacetRoot(const Space *space, const SpaceFacet *facet);

/* The event's time as a raw tree; an error that names `what` if it has none. */
extern Node *RuleEventTime(Scope *scope, const char *what, int location);

/* FROM, as the node in that scope sees its rows (feature.c). */
extern char *RuleScopeFrom(Scope *scope, Node *node);

/* An aggregate over an event as a column of its feature (feature.c). */
extern Node *RuleAggregate(Scope *outer, FuncCall *call, const char *name);

/* segment(name): whether the subject is among its members (feature.c). */
extern Node *RuleSegment(Scope *scope, FuncCall *call);

/* A comparison with how long ago something was, or NULL (window.c). */
extern Node *RuleWindow(Scope *scope, A_Expr *expr);

#endif							/* PERSONA_RULE_SCOPE_H */
