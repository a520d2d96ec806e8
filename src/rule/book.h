/*
 * book.h: all segments of a space at once.
 *
 *	book.c		their rules, read and analysed; the columns they need
 *	leaf.c		a rule's condition as nodes of the matcher
 *	rank.c		the position of a value among constants
 *	matcher.c	sets of rows (matcher.h)
 *	pass.c		one statement over the subjects, matched in blocks
 *	blame.c		which rule makes a statement fail
 *	refresh.c	who entered and who left
 */
#ifndef PERSONA_RULE_BOOK_H
#define PERSONA_RULE_BOOK_H

#include "rule/matcher.h"
#include "rule/rule.h"

#include "nodes/execnodes.h"
#include "nodes/primnodes.h"

/* ---- the rules (book.c) ---- */

/* One segment. What it asks for is known once it has been analysed. */
typedef struct RulePage
{
	char	   *name;
	char	   *text;
	Node	   *condition;		/* Vars are columns of the book, Params pages */
	Bitmapset  *columns;		/* those it needs, and its parts need */
	List	   *parts;			/* of int: pages that segment() names in it */
	int			sqlstate;		/* why it cannot be told; 0: it can */
} RulePage;

typedef struct RuleBook
{
	const Space *space;
	RuleQuery  *query;
	int			npages;
	RulePage   *pages;			/* by name */
	List	   *order;			/* of int: pages, each after its parts */
	List	   *columns;		/* of ColumnRef *, as the Vars count from 1 */
	List	   *vars;			/* of Var *: the same */
	HTAB	   *numbers;		/* of columns and of pages, by name */
} RuleBook;

/* Reads and analyses every segment; a rule that cannot be has its SQLSTATE. */
extern RuleBook *RuleBookOpen(const Space *space, RuleFeatures mode);

/* The page of that name, or -1. */
extern int	RuleBookFind(const RuleBook *book, const char *name);

/* Pages whose parts cannot be told cannot either. */
extern void RuleBookSpread(RuleBook *book);

/* ---- positions (rank.c) ---- */

typedef struct RuleRank RuleRank;

/*
 * Constants of type `cut` that values of type `type` are compared with, in the
 * order of a btree operator family: 2i + 1 is the position of the i-th
 * constant counted from 0, 2i that of what lies before it. The two orders compare a value and
 * a constant with a constant.
 */
extern RuleRank *RuleRankCreate(Oid type, Oid cut, Oid value_order,
								Oid cut_order, Oid collation);

/* A constant; whether it is compared by order, too, or only for equality. */
extern void RuleRankAdd(RuleRank *rank, Datum cut, bool by_order);

/* No more constants follow; returns the number of positions. */
extern int	RuleRankReady(RuleRank *rank);
extern int	RuleRankOfCut(const RuleRank *rank, Datum cut);
extern int	RuleRankOf(RuleRank *rank, Datum value);

/* ---- conditions as nodes (leaf.c) ---- */

typedef enum
{
	RULE_INPUT_RANK,			/* among constants */
	RULE_INPUT_TRUTH,			/* false 0, true 1 */
	RULE_INPUT_THERE			/* 0, for what is not NULL */
} RuleInputKind;

/* What the matcher looks at: the value of an expression. */
typedef struct RuleInput
{
	RuleInputKind kind;
	Node	   *expr;
	Oid			family;			/* of a RANK, as the next two */
	Oid			cut;
	Oid			collation;
	RuleRank   *rank;
	bool		lazy;
	ExprState  *state;			/* NULL: the plain column below */
	AttrNumber	column;
} RuleInput;

typedef struct RuleLeaves
{
	Matcher    *matcher;		/* NULL: constants are being collected */
	List	   *inputs;			/* of RuleInput *, by their number */
	HTAB	   *by_expr;		/* of their numbers, by a hash of expr */
	int		   *nodes;			/* of the pages so far: those of whom it holds */
} RuleLeaves;

extern RuleLeaves *RuleLeavesCreate(int *nodes);

/*
 * The subjects of whom the condition is true, or, with `want` false, false.
 * Called for all conditions twice: first to collect what they compare with,
 * then, after RuleLeavesReady(), for their nodes.
 */
extern int	RuleLeavesBuild(RuleLeaves *leaves, Node *condition, bool want);
extern void RuleLeavesReady(RuleLeaves *leaves, Matcher *matcher);

/* The position of a value of an input. */
extern int	RuleInputPosition(const RuleInput *input, Datum value, bool isnull);

/* ---- one statement over the subjects (pass.c) ---- */

/*
 * What a pass tells of each block: for page `page` the rows of whom the rule
 * is true and those who were members, as bitmaps; `keys` are the subjects.
 */
typedef void (*RuleTell) (void *arg, int page, const Datum *keys,
						  const uint64 *is, const uint64 *was);

/* A member who is no subject any more, or of a segment that is none: -1. */
typedef void (*RuleTellGone) (void *arg, int page, const char *segment,
							  Datum key);

typedef struct RulePass
{
	RuleBook   *book;
	List	   *pages;			/* of int: those to tell of */
	List	   *subjects;		/* of char *: these alone; NIL: all, also
								 * those gone */
	bool		dropped;		/* tell of segments that are none any more */
	bool		guarded;		/* a rule that fails has its SQLSTATE, no more */
	RuleTell	tell;
	RuleTellGone gone;
	void	   *arg;
} RulePass;

/*
 * The pages that can be told, as lists for one pass each: a statement has only
 * so many columns. At least one list.
 */
extern List *RulePassSplit(RuleBook *book);

extern void RulePassRun(RulePass *pass);

/* The statement for these columns of the book, before its WHERE. */
extern char *RulePassFrom(const RuleBook *book, const Bitmapset *columns);
extern char *RulePassWhere(const RulePass *pass);

/*
 * Until it works: unguarded, which is faster, then guarded, then without the
 * rules to blame. `again` forgets what a run has told.
 */
extern void RulePassTry(RulePass *pass, void (*again) (void *arg));

#endif							/* PERSONA_RULE_BOOK_H */
