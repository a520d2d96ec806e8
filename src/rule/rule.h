/*
 * rule.h: conditions in SQL over one subject.
 *
 *	parse.c		text -> raw parse tree, checked node by node
 *	deparse.c	raw parse tree -> canonical text
 *	rule.c		the SQL type persona.rule
 *	rewrite.c	what names mean: columns, new, ago, functions
 *	feature.c	aggregates over events, and segment()
 *	check.c		what PostgreSQL made of it: every function is on the list
 *	vocabulary.c	that list (allowed.h), by name and by OID
 *	regex.c		which regular expressions end soon
 *	compile.c	several expressions over one subject -> SQL
 *	segment.c	a rule as the SQL of a view
 *
 * PostgreSQL's own parser reads a rule and its own analysis types it. In
 * between the raw tree is rewritten: names become columns of s (the subject),
 * n (the event that started a moment) or e (an event inside an aggregate),
 * and each aggregate over events becomes a column of a joined sub-select, a
 * feature f1, f2, ..., one for each event source.
 */
#ifndef PERSONA_RULE_H
#define PERSONA_RULE_H

#include "base/persona.h"
#include "space/space.h"

#include "nodes/parsenodes.h"

/* Limits of a rule; beyond them ERRCODE_PROGRAM_LIMIT_EXCEEDED. */
#define RULE_MAX_LENGTH (64 * 1024)
#define RULE_MAX_DEPTH 100
#define RULE_MAX_NODES 2000

/* The longest regular expression, its highest count, and it written out. */
#define RULE_MAX_REGEX 200
#define RULE_MAX_REPEAT 32
#define RULE_MAX_STATES 256

/* The longest length in a type, and the longest text that is filled up. */
#define RULE_MAX_MODIFIER (64 * 1024)
#define RULE_MAX_PADDING 1000

/* The most concatenations: each copies what the ones before it made. */
#define RULE_MAX_CONCATENATIONS 50

/* ---- the pure part ---- */

/* The checked raw tree of a rule's text; errors show their place in it. */
extern Node *RuleParse(const char *text);

/* The canonical text of a raw tree. */
extern char *RuleDeparse(Node *node);

/* ereport's auxiliary: the error stands at byte `location` of `text`. */
extern int	RulePosition(const char *text, int location);

/*
 * An error context callback: an error that PostgreSQL's parser or analysis
 * places in a statement is placed in `rule`, a rule's text.
 */
extern void RuleTranspose(void *rule);

/* ---- compiling ---- */

typedef struct RuleQuery RuleQuery;

typedef enum
{
	RULE_FEATURES_LATERAL,		/* one look-up a subject: for batches */
	RULE_FEATURES_GROUPED		/* one pass a source: for segments */
} RuleFeatures;

/* A column that was read; source is "subject" or an event's name. */
typedef struct RuleUse
{
	char	   *source;
	char	   *column;
} RuleUse;

/* Expressions over one subject and, if given, one event, sharing features. */
extern RuleQuery *RuleQueryBegin(const Space *space, const SpaceEvent *event,
								 RuleFeatures mode);

/*
 * Compiles one expression to SQL over s, n and the features. `want` is the
 * type it must have (BOOLOID, TEXTOID: any type, as text; TIMESTAMPTZOID) or
 * InvalidOid; *type receives what it has. `what` names it in errors.
 */
extern char *RuleQueryAdd(RuleQuery *query, const char *text, Oid want,
						  const char *what, Oid *type);

/* The joins that the features need, to follow FROM subjects s, event n. */
extern char *RuleQueryJoins(RuleQuery *query);

/* Every column read so far; List of RuleUse *. */
extern List *RuleQueryUses(RuleQuery *query);

/* ---- between the files of this room ---- */

/* One event source in use: what its sub-select computes. */
typedef struct RuleFeature
{
	const SpaceEvent *event;	/* NULL: a segment's members */
	char	   *segment;
	List	   *columns;		/* of char *: SQL of a1, a2, ... */
} RuleFeature;

struct RuleQuery
{
	const Space *space;
	const SpaceEvent *event;
	RuleFeatures mode;
	List	   *features;		/* of RuleFeature *: f1, f2, ... */
	List	   *uses;			/* of RuleUse * */
	const char *text;			/* the rule being compiled, for positions */
};

/* Resolves the names of a checked raw tree; returns the tree to analyse. */
extern Node *RuleRewrite(RuleQuery *query, Node *node);

/*
 * Analyses `node` as SELECT node <from> and checks the result against the
 * list; returns its type.
 */
extern Oid	RuleAnalyse(const char *text, Node *node, const char *from);

/* Refuses a type that is not part of the language, at its place in `text`. */
extern void RuleCheckType(const char *text, Oid type, int location);

/* ---- the list (vocabulary.c) ---- */

typedef enum RuleWord
{
	RULE_OPERATOR, RULE_FUNCTION, RULE_CAST, RULE_AGGREGATE
} RuleWord;

/* Whether the function is on the list, to be used as that. */
extern bool RuleAllows(Oid function, RuleWord word);
extern bool RuleAllowsType(Oid type);
extern bool RuleIsOurs(Oid function);

/* Whether any function, any aggregate or a type of that name is on it. */
extern bool RuleKnowsFunction(const char *name);
extern bool RuleKnowsAggregate(const char *name);
extern bool RuleKnowsType(const char *name);
extern List *RuleFunctionNames(void);

/*
 * Why a call with a regular expression is refused, or NULL; *sum grows by the
 * size of its patterns (regex.c).
 */
extern const char *RuleRegexDanger(Oid function, List *args, int *sum);

#endif							/* PERSONA_RULE_H */
