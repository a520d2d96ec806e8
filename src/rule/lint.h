/*
 * lint.h: what the files that look for mistakes in a rule share.
 *
 *	bound.c		sets of values, cut out by constants
 *	term.c		what clauses speak of, and comparisons as sets
 *	clause.c	a rule as a tree of clauses over such sets
 *	logic.c		what follows from what
 *	advice.c	what is wrong with a rule's logic, and the fix
 *	never.c		why a rule can never be true, and what was meant
 *	mixed.c		AND and OR side by side in a rule's text
 *	sample.c	what a sample of the customers says
 *	spelling.c	texts spelled as no row has them, windows without effect
 *	overlap.c	what other segments say
 *	lint.c		the SQL functions, findings and their hints
 *
 * Only TRUE acts. So a rule is turned into a tree in which nothing is negated:
 * NOT is pushed down to the clauses, and a clause is the set of values, NULL
 * being one of them, of which it is true. What follows from what is then a
 * question about sets, and three-valued logic needs no further thought.
 */
#ifndef PERSONA_RULE_LINT_H
#define PERSONA_RULE_LINT_H

#include "rule/rule.h"

#include "nodes/primnodes.h"

/* ---- sets of values (bound.c) ---- */

/* A place between values: before a value, or after it. */
typedef struct RuleCut
{
	Datum		value;
	bool		after;
} RuleCut;

/*
 * A set of values of one type: from below all values (inside or not) it
 * changes sides at each cut. NULL is in it or not.
 */
typedef struct RuleRegion
{
	bool		below;
	bool		null;
	int			n;
	RuleCut    *cuts;
} RuleRegion;

/*
 * Something of which clauses speak: a column, an aggregate, any expression. Its
 * text makes two of them one. Until a constant is met it has no type.
 */
typedef struct RuleTerm
{
	int			number;
	char	   *text;
	bool		moving;			/* as it stands to now(), not to fixed times */
	Oid			kind;			/* type of its constants; INT8OID: whole ones */
	FmgrInfo   *compare;
	RuleRegion *domain;			/* what it can be at all */
} RuleTerm;

extern RuleRegion *RuleRegionAll(bool below, bool null);

/* The values that stand in `op` (=, <, <=, >, >=) to the value; not NULL. */
extern RuleRegion *RuleRegionOf(const RuleTerm *term, const char *op,
								Datum value);

/* The values themselves; not NULL. */
extern RuleRegion *RuleRegionPoints(const RuleTerm *term, Datum *values, int n);
extern RuleRegion *RuleRegionNot(const RuleRegion *a, bool null);
extern RuleRegion *RuleRegionAnd(const RuleTerm *term, const RuleRegion *a,
								 const RuleRegion *b);
extern RuleRegion *RuleRegionOr(const RuleTerm *term, const RuleRegion *a,
								const RuleRegion *b);
extern bool RuleRegionIsEmpty(const RuleRegion *a);

/* ---- a rule as a tree (clause.c) ---- */

typedef enum
{
	RULE_FIXED,					/* a constant */
	RULE_CLAUSE,				/* term in region */
	RULE_EVERY,					/* all parts hold */
	RULE_SOME					/* some part holds */
} RuleShape;

typedef struct RuleLimit
{
	RuleTerm   *term;
	RuleRegion *region;
} RuleLimit;

/* What is known of terms; sorted by their numbers. */
typedef struct RuleLimits
{
	int			n;
	RuleLimit  *limits;
} RuleLimits;

typedef struct RulePart
{
	RuleShape	shape;
	Node	   *raw;			/* where it stands in the rule */
	bool		fixed;			/* RULE_FIXED: whether it holds */
	RuleTerm   *term;
	RuleRegion *region;
	int			n;
	struct RulePart **parts;
	Bitmapset  *terms;			/* numbers of the terms in it */
	RuleLimits *holds;			/* what follows when it holds (logic.c) */
	RuleLimits *fails;			/* what follows when it does not */
} RulePart;

/* One condition: a rule, or the FILTER of an aggregate in it. */
typedef struct RuleTree
{
	List	   *terms;			/* of RuleTerm * */
	List	   *rtable;			/* what Vars of it refer to */
	RulePart   *root;
	FuncCall   *call;			/* the aggregate whose FILTER it is */
	List	   *nulls;			/* of Node *: comparisons with NULL */
	List	   *lists;			/* of A_Expr *: every IN with a list */
} RuleTree;

/* The rule's tree; compiles it, so the errors are those of rule_sql(). */
extern RuleTree *RuleTreeOf(const Space *space, const char *text, Node *raw,
							RuleTree *terms_of);

/* The tree of the aggregate's FILTER. */
extern RuleTree *RuleTreeOfFilter(const Space *space, const char *event,
								  FuncCall *call);

/* ---- terms (term.c) ---- */

/* The name of an operator or function. */
extern const char *RuleName(List *names);

/* Whether a column holds no NULL. */
extern bool RuleIsNotNull(Oid relid, AttrNumber number);

/* Whether a raw node is the constant NULL. */
extern bool RuleIsNull(Node *node);

/* The term that a raw node is, expr being what analysis made of it. */
extern RuleTerm *RuleTermOf(RuleTree *tree, Node *raw, Node *expr, bool moving);

/* A term that is true or false is 1 or 0. */
extern void RuleGiveTruth(RuleTerm *term);

/* The expression with what is constant in it computed. */
extern Node *RuleFolded(Node *expr);
extern bool RuleIsComparison(const char *op);

/* The set of `term op constant`, `term IN (constants)`; NULL: it is not that. */
extern RuleRegion *RuleCompared(RuleTree *tree, Node *left, Node *right,
								OpExpr *op, const char *name, RuleTerm **term);
extern RuleRegion *RuleListed(RuleTree *tree, Node *left,
							  ScalarArrayOpExpr *op, RuleTerm **term,
							  bool *has_null);

/* ---- what follows from what (logic.c) ---- */

typedef enum
{
	RULE_OPEN, RULE_NEVER, RULE_ALWAYS
} RuleTruth;

/* What is known of each term, by its number. */
typedef RuleRegion **RuleContext;

/* The parts of a part, one after the other, each knowing of the others. */
typedef struct RuleWalk RuleWalk;

extern RuleContext RuleContextOf(const RuleTree *tree);
extern RuleTruth RuleEvaluate(RulePart *part, RuleContext context);
extern bool RuleFollows(RulePart *wide, RulePart **parts, int n,
						RuleContext context);
extern const RuleLimits *RuleHolds(RulePart *part);
extern const RuleLimits *RuleFails(RulePart *part);

/*
 * From the last part to the first: RuleWalkEnter narrows the context by what
 * the other parts leave over, RuleWalkLeave puts it back. A part that is not
 * kept says nothing to those before it.
 */
extern RuleWalk *RuleWalkBegin(RulePart *part, RuleContext context);
extern void RuleWalkEnter(RuleWalk *walk, int i);
extern void RuleWalkLeave(RuleWalk *walk, int i, bool keep);

/* ---- findings (lint.c) ---- */

typedef struct RuleFinding
{
	const char *level;
	const char *code;
	char	   *object;
	char	   *message;
	char	   *hint;
} RuleFinding;

typedef struct RuleLint
{
	const Space *space;
	const char *segment;		/* the one that is defined, or NULL */
	const char *description;
	const char *text;			/* the rule */
	Node	   *raw;
	RuleTree   *tree;
	List	   *findings;		/* of RuleFinding * */
	List	   *named;			/* of Node *: clauses that have a finding */
} RuleLint;

/* Adds a finding; hint may be NULL. */
extern void RuleFind(RuleLint *lint, const char *level, const char *code,
					 const char *object, const char *message,
					 const char *hint);
extern bool RuleHasFound(const RuleLint *lint, const char *code);

/* The statement that puts a rule in the place of the one that is looked at. */
extern char *RuleHint(const RuleLint *lint, const char *rule);

/*
 * The rule's text with the first of the clauses replaced, or left out where
 * `by` is NULL, and the others, parts of the same AND or OR, left out.
 */
extern char *RuleReplaced(RuleLint *lint, List *clauses, Node *by);

/* The name of the event that an aggregate is about, or NULL. */
extern const char *RuleEventOf(const Space *space, FuncCall *call);

/* Below how many rows nothing is said. */
#define RULE_SAMPLE_LEAST 10

/* How a sample may be asked, and how many rows: the first that is cheap is. */
typedef struct RuleTry
{
	RuleFeatures mode;
	int			rows;
} RuleTry;

#define RULE_TRIES 3
extern const RuleTry rule_tries[RULE_TRIES];

/*
 * SQL of so many rows of a table, known as `alias`: from all over it where it
 * is large, so that not only the oldest are looked at. *all: it has not to be.
 */
extern char *RuleSampleRows(Oid relid, const char *alias, int rows, bool *all);

/* Whether the planner finds a statement cheap enough to be run on the way. */
extern bool RuleIsAffordable(const char *sql, int nargs, Oid *types);

/* Whether a text that RuleParse takes mixes AND and OR (mixed.c). */
extern bool RuleIsMixed(const char *text);

/*
 * What is said of a tree that never holds; of what follows the part of an AND
 * or OR that decides alone; and the reason, in words, why a part never holds,
 * NULL where it has been named already (never.c).
 */
extern void RuleAdviseNever(RuleLint *lint, RuleTree *tree,
							RuleContext context);
extern void RuleAdviseAfterNothing(RuleLint *lint, RulePart *part, int decides);
extern char *RuleWhyNever(RuleLint *lint, RulePart *part, RuleContext context);

extern void RuleAdvise(RuleLint *lint); /* advice.c */
extern void RuleSample(RuleLint *lint); /* sample.c */
extern void RuleSampleEvents(RuleLint *lint);	/* spelling.c */
extern void RuleOverlap(RuleLint *lint);	/* overlap.c */

#endif							/* PERSONA_RULE_LINT_H */
