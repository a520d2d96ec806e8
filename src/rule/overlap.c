/*
 * overlap.c: segments that are the same customers, or some of the same.
 *
 * Whether one rule follows from another is a question to logic.c. To ask it of
 * thousands of segments at each definition would be too much: a mask of the
 * names in a rule's text, which costs less than reading the text from its
 * table, leaves those that speak of the same things; parsing them leaves those
 * that say as much; and of these the first few are compiled and compared.
 */
#include "rule/lint.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

/* How many segments are parsed, compiled, and reported as containing. */
#define MAX_PARSED 200
#define MAX_COMPILED 20
#define MAX_CONTAINED 5

typedef struct Other
{
	char	   *segment;
	char	   *rule;
	Node	   *raw;
	RuleTree   *tree;
} Other;

typedef struct Overlap
{
	RuleLint   *lint;
	uint64		mask;
	List	   *keys;			/* of char *: what its clauses speak of */
	List	   *others;			/* of Other * */
	Other	   *compiled;
} Overlap;

/* ---- which segments come into question ---- */

/* A bit for each name outside of texts; a canonical text's words are upper. */
static uint64
MaskOf(const char *rule)
{
	uint64		mask = 0;

	while (*rule != '\0')
	{
		size_t		word = strspn(rule, "abcdefghijklmnopqrstuvwxyz0123456789_");

		if (*rule == '\'')
		{
			rule += strcspn(rule + 1, "'") + 1;
			rule += *rule == '\'';
		}
		else if (word > 0)
		{
			if (*rule >= 'a' || *rule == '_')
				mask |= UINT64CONST(1) << (hash_bytes((const unsigned char *) rule,
													  word) % 64);
			rule += word;
		}
		else
			rule++;
	}
	return mask;
}

static void
ReadOthers(void *arg)
{
	Overlap    *overlap = arg;
	RuleLint   *lint = overlap->lint;
	PersonaArgs args = {0};
	uint64		n;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(lint->space->name), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(lint->segment ? lint->segment : ""),
			   false);
	n = PersonaExecute("SELECT segment, rule FROM persona.segment "
					   "WHERE space = $1 AND segment <> $2 ORDER BY segment",
					   &args, true);
	for (uint64 i = 0; i < n && list_length(overlap->others) < MAX_PARSED; i++)
	{
		char	   *rule = PersonaColumnText(i, "rule");
		uint64		mask = MaskOf(rule);
		Other	   *other;

		CHECK_FOR_INTERRUPTS();
		if ((mask & ~overlap->mask) != 0 && (overlap->mask & ~mask) != 0)
		{
			pfree(rule);
			continue;
		}
		other = palloc0(sizeof(Other));
		other->segment = PersonaColumnText(i, "segment");
		other->rule = rule;
		overlap->others = lappend(overlap->others, other);
	}
}

/* What the clauses of a rule's outermost AND or OR speak of. */
static List *
KeysOf(Node *raw)
{
	BoolExpr   *expr = (BoolExpr *) raw;
	List	   *keys = NIL;
	ListCell   *cell;

	foreach(cell, IsA(raw, BoolExpr) ? expr->args : list_make1(raw))
	{
		Node	   *clause = lfirst(cell);

		if (IsA(clause, A_Expr) && ((A_Expr *) clause)->lexpr != NULL)
			clause = ((A_Expr *) clause)->lexpr;
		else if (IsA(clause, NullTest))
			clause = (Node *) ((NullTest *) clause)->arg;
		keys = lappend(keys, makeString(RuleDeparse(clause)));
	}
	return keys;
}

/* Whether one of both lists holds all of the other's. */
static bool
OneHoldsOther(List *a, List *b)
{
	return list_difference(a, b) == NIL || list_difference(b, a) == NIL;
}

/* A segment whose table has changed under it is not to be compared. */
static void
Compile(void *arg)
{
	Overlap    *overlap = arg;
	Other	   *other = overlap->compiled;

	other->raw = RuleParse(other->rule);
	if (OneHoldsOther(overlap->keys, KeysOf(other->raw)))
		other->tree = RuleTreeOf(overlap->lint->space, other->rule, other->raw,
								 overlap->lint->tree);
}

/* ---- comparing ---- */

static Node *
SegmentCall(const char *segment)
{
	return (Node *) makeFuncCall(list_make1(makeString("segment")),
								 list_make1(RuleParse(quote_identifier(segment))),
								 COERCE_EXPLICIT_CALL, -1);
}

/*
 * segment(other) AND what it does not say already; NULL where what is left says
 * all of it again.
 */
static char *
Within(RuleLint *lint, const Other *other)
{
	RulePart   *root = lint->tree->root;
	RulePart  **rest = palloc(Max(1, root->n) * sizeof(RulePart *));
	List	   *raws = list_make1(SegmentCall(other->segment));
	RuleContext context = RuleContextOf(lint->tree);
	int			n = 0;

	if (root->shape != RULE_EVERY || !IsA(root->raw, BoolExpr) ||
		((BoolExpr *) root->raw)->boolop != AND_EXPR)
		return NULL;
	for (int i = 0; i < root->n; i++)
		if (!RuleFollows(root->parts[i], &other->tree->root, 1, context))
		{
			rest[n++] = root->parts[i];
			raws = lappend(raws, root->parts[i]->raw);
		}
	if (RuleFollows(other->tree->root, rest, n, context))
		return NULL;
	return RuleHint(lint, RuleDeparse((Node *) makeBoolExpr(AND_EXPR, raws, -1)));
}

static bool
Report(RuleLint *lint, Other *other)
{
	RulePart   *mine = lint->tree->root;
	RulePart   *theirs = other->tree->root;
	RuleContext context = RuleContextOf(lint->tree);
	bool		narrower = RuleFollows(theirs, &mine, 1, context);
	bool		wider = RuleFollows(mine, &theirs, 1, context);

	if (narrower && wider)
		RuleFind(lint, lint->segment ? "warn" : "info", "equal_segment",
				 other->segment,
				 psprintf("segment \"%s\" is the same customers, always",
						  other->segment),
				 RuleHint(lint, RuleDeparse(SegmentCall(other->segment))));
	else if (narrower)
		RuleFind(lint, "info", "contained_segment", other->segment,
				 psprintf("all of it are in segment \"%s\" too", other->segment),
				 Within(lint, other));
	else if (wider)
		RuleFind(lint, "info", "contained_segment", other->segment,
				 psprintf("all of segment \"%s\" are in it too", other->segment),
				 NULL);
	return narrower != wider;
}

void
RuleOverlap(RuleLint *lint)
{
	Overlap		overlap = {.lint = lint};
	PersonaAct	act;
	int			compiled = 0;
	int			contained = 0;
	ListCell   *cell;

	/* Who is everybody is said already. */
	if (RuleHasFound(lint, "true_unless_null") ||
		RuleEvaluate(lint->tree->root, RuleContextOf(lint->tree)) != RULE_OPEN)
		return;
	overlap.mask = MaskOf(RuleDeparse(lint->raw));
	overlap.keys = KeysOf(lint->raw);
	SpaceWithDefinitions(ReadOthers, &overlap);
	PersonaActBegin(&act, lint->space->owner);
	foreach(cell, overlap.others)
	{
		Other	   *other = lfirst(cell);

		overlap.compiled = other;
		if (compiled == MAX_COMPILED || contained == MAX_CONTAINED)
			break;
		(void) PersonaTrap(Compile, &overlap);
		if (other->tree == NULL)
			continue;
		compiled++;
		if (RuleEvaluate(other->tree->root, RuleContextOf(lint->tree)) == RULE_OPEN)
			contained += Report(lint, other);
	}
	PersonaActEnd(&act);
}
