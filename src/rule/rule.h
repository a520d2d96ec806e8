/*
 * rule.h: conditions in SQL over one subject.
 *
 *	parse.c		text -> raw parse tree, checked node by node
 *	deparse.c	raw parse tree -> canonical text
 *	rule.c		the SQL type persona.rule
 *	rewrite.c	the raw tree becomes plain SQL
 *	name.c		what names mean: columns, facets, new, ago
 *	feature.c	aggregates over events, and segment()
 *	window.c	how long ago, as a comparison that an index serves
 *	nearest.c	the aggregates first_by and last_by
 *	check.c		what PostgreSQL made of it: every function is on the list
 *	vocabulary.c	that list (allowed.h), by name and by OID
 *	regex.c		which regular expressions end soon
 *	compile.c	several expressions over one subject -> SQL
 *	measure.c	what a goal counts, around exposures; who has reached it
 *	members.c	a rule as the SQL of a view
 *	reach.c		the segments that a rule leads to
 *	rename.c	a rule after columns were renamed
 *	refresh.c	who entered which segment, and who left it
 *	row.c		a rule over the columns of one row and nothing else
 *	match.c		matches(): such a rule evaluated row by row
 *	inline.c	matches() in a query: the native condition in its place
 *	keep.c		what was made of a text, kept for when it comes again
 *	segment.c	what SQL asks of all this
 *	evaluate.c	one expression over one subject
 *	book.h		many rules over many subjects
 *	lint.h		the mistakes that a rule may have
 *	branch.c	the boolean structure of a rule, and logic over it
 *	value.c		what a rule looks at: features()
 *	reading.c	every column that an expression reads, and how
 *	explain.c	why a rule is true, false or unknown for one subject
 *	preview.c	how many a rule reaches, and what each part does
 *	tally.c		the counting of that, subject by subject
 *
 * PostgreSQL's own parser reads a rule and its own analysis types it. In
 * between the raw tree is rewritten: names become columns of s (the subject),
 * n (the event that started a moment) or e (an event inside an aggregate), or
 * of a facet of these, joined as c1, c2, ... (those of an event as e1, ...).
 * Each aggregate over events becomes a column of a joined sub-select, a
 * feature f1, f2, ..., one for each event source.
 */
#ifndef PERSONA_RULE_H
#define PERSONA_RULE_H

#include "base/persona.h"
#include "space/space.h"

#include "access/tupdesc.h"
#include "nodes/parsenodes.h"

/* Limits of a rule; beyond them ERRCODE_PROGRAM_LIMIT_EXCEEDED. */
#define RULE_MAX_LENGTH (64 * 1024)
#define RULE_MAX_DEPTH 100
#define RULE_MAX_NODES 2000

/* Nodes of a segment's rule with the rules of all segments in it. */
#define RULE_MAX_EXPANDED 20000

/* The parts of a name: purchase.product.supplier.country has four. */
#define RULE_MAX_PATH 8

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

/* The name in segment(name); NULL where the raw node is something else. */
extern char *RuleSegmentName(Node *node);

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
	RULE_FEATURES_GROUPED,		/* one pass a source: for segments */
	RULE_FEATURES_EXPOSED		/* one pass a source, around exposures x */
} RuleFeatures;

/* A column that was read; source is "subject", an event or a facet. */
typedef struct RuleUse
{
	char	   *source;
	char	   *column;
} RuleUse;

/* Expressions over one subject and, if given, one event, sharing features. */
extern RuleQuery *RuleQueryBegin(const Space *space, const SpaceEvent *event,
								 RuleFeatures mode);

/*
 * From here on a column's NaN is unknown, as NULL is: by SQL's order it is
 * above every number, and would make of a broken amount the largest one.
 */
extern void RuleQueryNanIsUnknown(RuleQuery *query);

/*
 * From here on `new` is no event but what came with a request: new.cart.total
 * is that text in the column context, a jsonb, of n.
 */
extern void RuleQueryContext(RuleQuery *query);

/*
 * Of RULE_FEATURES_EXPOSED: which events count from here on, those of an
 * interval after the exposure, or `before` it (`length` is SQL); the ends of
 * all such spans as columns after x.at, which the relation of those exposed,
 * x (unit, subject, at, and these), holds so that they are reckoned once a
 * person, not once an event; that relation, nobody until it is named; and
 * between which instants, as SQL, its events lie. In a look-up for one subject
 * x is a row with that subject's exposure, at, and the spans.
 */
extern void RuleQuerySpan(RuleQuery *query, const char *length, bool before);
extern char *RuleQuerySpans(const RuleQuery *query);
extern void RuleQueryExposed(RuleQuery *query, const char *exposed,
							 const char *earliest, const char *latest);

/*
 * SQL over s and n, the row of `event` where there is one: whether that
 * subject reached the goal of that measure, within so long after an exposure
 * in the relation `from`, which has the column at; n itself does not count
 * (measure.c). Adds the columns read to *uses.
 */
extern char *RuleReached(const Space *space, const SpaceEvent *event,
						 const char *measure, const char *within,
						 const char *from, List **uses);

/*
 * Compiles one expression to SQL over s, n and the features. `want` is the
 * type it must have (BOOLOID, TEXTOID: any type, as text; TIMESTAMPTZOID) or
 * InvalidOid; *type receives what it has. `what` names it in errors.
 */
extern char *RuleQueryAdd(RuleQuery *query, const char *text, Oid want,
						  const char *what, Oid *type);

/*
 * The same as the analysed condition, over the range table of *rtable, where
 * each column is known by its alias and name.
 */
extern Node *RuleQueryAnalyse(RuleQuery *query, const char *text,
							  const char *what, List **rtable);

/*
 * Of a count or a sum that RuleQueryAdd has taken: the times of the events that
 * it counts, and of each the value, 1 for whole events; arrays in SQL, ordered
 * by time.
 */
extern void RuleQueryCounted(RuleQuery *query, const char *text, char **times,
							 char **values);

/* The joins that the features need, to follow FROM subjects s, event n. */
extern char *RuleQueryJoins(RuleQuery *query);

/* The SQL that selects the keys of the subjects of whom a rule is true. */
extern char *RuleMembers(const Space *space, const char *text);

/*
 * Brings the memberships of a space's segments up to date, within an open SPI
 * connection and in its owner's name (refresh.c).
 */
extern void RuleRefresh(const Space *space);

/*
 * The same of some subjects and segments alone, again and again, without a lock
 * that others wait for; whether anybody has entered one. A refresher holds as long
 * as SpaceGeneration() is the same, in the memory context that it is opened in.
 */
typedef struct RuleRefresher RuleRefresher;

extern RuleRefresher *RuleRefresherOpen(const Space *space, List *segments);
extern bool RuleRefreshSubjects(RuleRefresher *refresher, List *subjects);

/* Only those features, and only their columns, that the ColumnRefs name. */
extern char *RuleQueryJoinsFor(RuleQuery *query, List *columns);

/* Every column read so far; List of RuleUse *. */
extern List *RuleQueryUses(RuleQuery *query);

/* ---- what an expression reads (reading.c) ---- */

typedef struct RuleReading
{
	char	   *source;			/* as in RuleUse */
	char	   *column;
	char	   *through;		/* an aggregate, "segment"; NULL: as it is */
	bool		of_new;			/* of the event that started the moment */
	bool		shown;			/* its value is; else rows are found by it */
} RuleReading;

/*
 * Every column that each value of the expression reads; of RuleReading *. With
 * `has_context` new is a request's context, which is nobody's column.
 */
extern List *RuleReadings(const Space *space, const SpaceEvent *event,
						  bool has_context, const char *text);

/* ---- between the files of this room ---- */

/* A facet in use: the row that column `via` of `parent` points to. */
typedef struct RuleJoin
{
	const SpaceFacet *facet;
	const char *parent;			/* alias of the parent's row */
	const char *alias;
} RuleJoin;

/* A column of a feature: head FILTER (WHERE all of filters). */
typedef struct RuleColumn
{
	int			number;			/* a1, a2, ... */
	char	   *head;			/* an aggregate call */
	List	   *filters;		/* of char *: conditions over e */
} RuleColumn;

/* What is joined to the subject: a facet, a feature or a segment. */
typedef struct RuleSource
{
	const char *alias;
	RuleJoin   *join;			/* a facet of the subject or of new */
	const SpaceEvent *event;	/* a feature */
	List	   *joins;			/* of RuleJoin *: facets of the event */
	List	   *columns;		/* of RuleColumn *: a1, a2, ... */
	char	   *segment;		/* the segment's members */
} RuleSource;

struct RuleQuery
{
	const Space *space;
	const SpaceEvent *event;
	bool		has_context;	/* new is a request's context */
	RuleFeatures mode;
	List	   *sources;		/* of RuleSource *, in the order of their use */
	List	   *uses;			/* of RuleUse * */
	const char *text;			/* the rule being compiled, for positions */
	int			depth;			/* of segments in segments */
	bool		nan_is_unknown;
	const char *exposed;		/* x; NULL: nobody yet */
	const char *earliest;		/* of x's events, and latest */
	const char *latest;
	List	   *spans;			/* their lengths, as SQL */
	const char *from;			/* of the span that counts */
	const char *until;
	List	   *renames;		/* what was renamed (rename.c) */
	List	   *mentions;		/* where the text says so (rename.c) */
};

/* Resolves the names of a checked raw tree; returns the tree to analyse. */
extern Node *RuleRewrite(RuleQuery *query, Node *node);

/*
 * FROM subject, event, facets and those features that the node needs, however
 * many the query has: thousands of rules may share one.
 */
extern char *RuleQueryFrom(RuleQuery *query, Node *node);

/* One event's aggregates by subject: SELECT ... FROM ... GROUP BY ... */
extern char *RuleFeatureSelect(const RuleQuery *query, const RuleSource *source);

/* LEFT JOINs of an event's facets, to follow FROM event e. */
extern char *RuleEventJoins(const RuleSource *source);

/* The rows of an event e that all of its columns look at: SQL, or "". */
extern char *RuleCommonFilter(const RuleSource *source);

/* A condition over an event's rows, analysed as SELECT condition FROM ... */
extern Query *RuleFilterQuery(const Space *space, const SpaceEvent *event,
							  Node *filter);

/*
 * Analyses `node` as SELECT node <from> and checks the result against the
 * list; returns the query, the node in it, or only that one's type.
 */
extern Query *RuleAnalyseQuery(const char *text, Node *node, const char *from);
extern Node *RuleAnalyseExpression(const char *text, Node *node,
								   const char *from);
extern Oid	RuleAnalyse(const char *text, Node *node, const char *from);

/* A bare literal has no type until it is given the one that is wanted. */
extern Node *RuleTyped(Node *node, Oid want);

/* An error unless the type of that part of a rule is boolean. */
extern void RuleRequireBoolean(const char *text, const char *what,
							   int location, Oid type);

/*
 * Refuses what is not on the list in an analysed tree; with names looked up
 * in pg_catalog alone, as PersonaPinBegin has it.
 */
extern void RuleCheck(const char *text, Node *node);

/* A function of that name is not on the list: an error with the nearest. */
extern void RuleRefuseFunction(const char *text, FuncCall *call);

/*
 * The analysed and checked condition, of type boolean, whose Vars (varno 1)
 * are the columns of `row`; `type` is the row's, for errors. Immutable: a
 * rule that asks for anything else than columns is refused.
 */
extern Node *RuleOverRow(const char *text, TupleDesc row, Oid type);

/* What is made of a rule's text; a function of that, of `arg` and of catalogs. */
typedef Node *(*RuleReader) (const char *text, void *arg);

/*
 * What `read` makes of the text, or made of it before: `shape` is a number for
 * the columns that it is read over, 0 for none. To be copied before anything
 * else is read.
 */
extern Node *RuleReadOnce(uint64 shape, const char *text, RuleReader read,
						  void *arg);

/* Whether no value makes an analysed value fail, and it costs next to nothing. */
extern bool RuleIsHarmless(Node *expr);

/* match_columns(rule, row_type, names, VARIADIC columns) */
#define RULE_FIRST_COLUMN 3

/* Refuses a type that is not part of the language, at its place in `text`. */
extern void RuleCheckType(const char *text, Oid type, int location);

/* ---- the list (vocabulary.c) ---- */

typedef enum RuleWord
{
	RULE_OPERATOR, RULE_FUNCTION, RULE_CAST, RULE_AGGREGATE
} RuleWord;

/* Whether the function is on the list, to be used as that. */
extern bool RuleAllows(Oid function, RuleWord word);

/* Whether a rule may read a value of the type. */
extern bool RuleAllowsType(Oid type);

/* Whether it is one of persona's own that rules are compiled to. */
extern bool RuleIsOurs(Oid function);

/* Whether any function, any aggregate or a type of that name is on it. */
extern bool RuleKnowsFunction(const char *name);
extern bool RuleKnowsAggregate(const char *name);
extern bool RuleKnowsCall(const char *name);
extern bool RuleKnowsType(const char *name);
extern List *RuleFunctionNames(void);

/*
 * Why a call with a regular expression is refused, or NULL; *sum grows by the
 * size of its patterns (regex.c).
 */
extern const char *RuleRegexDanger(Oid function, List *args, int *sum);

#endif							/* PERSONA_RULE_H */
