/*
 * spelling.c: texts spelled as no row has them, and windows that leave nothing
 * out.
 *
 * 'Shoes' finds nobody where the data says 'shoes'. A text of the rule that no
 * sampled row has, while at least ten customers share one that differs in case
 * alone, is put right by their spelling; that is the only value of the data
 * that lint ever shows. A window is compared with the oldest event, of which
 * only that it is younger is told.
 */
#include "rule/lint.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* How many comparisons are looked up, and how many values of a list. */
#define MAX_LOOKUPS 10
#define MAX_VALUES 100

/* One comparison of a text; `event`: inside of an aggregate over it. */
typedef struct Lookup
{
	RuleLint   *lint;
	const SpaceEvent *event;
	A_Expr	   *op;
	A_Expr	   *fixed;			/* as the data has it, or NULL */
	char	   *message;
} Lookup;

typedef struct Finder
{
	RuleLint   *lint;
	const SpaceEvent *event;
	List	   *lookups;		/* of Lookup * */
	List	   *windows;		/* of Lookup * */
} Finder;

/* ---- what there is to look up ---- */

static bool
IsText(Node *node)
{
	A_Const    *constant = (A_Const *) node;

	return IsA(node, A_Const) && !constant->isnull &&
		IsA(&constant->val, String);
}

static List *
ValuesOf(A_Expr *op)
{
	return op->kind == AEXPR_IN ? (List *) op->rexpr : list_make1(op->rexpr);
}

/* term = 'text', term IN ('text', ...), term LIKE 'text', and their negations */
static bool
ComparesText(A_Expr *op)
{
	const char *name = RuleName(op->name);
	ListCell   *cell;

	if (op->lexpr == NULL ||
		(op->kind != AEXPR_IN && op->kind != AEXPR_LIKE &&
		 !(op->kind == AEXPR_OP && (name[0] == '=' || strcmp(name, "<>") == 0))))
		return false;
	foreach(cell, ValuesOf(op))
		if (!IsText(lfirst(cell)))
			return false;
	return list_length(ValuesOf(op)) <= MAX_VALUES;
}

/* ago < '30 days' */
static bool
IsWindow(A_Expr *op)
{
	ColumnRef  *left = (ColumnRef *) op->lexpr;
	Node	   *right = op->rexpr;

	if (op->kind != AEXPR_OP || RuleName(op->name)[0] != '<' ||
		RuleName(op->name)[1] == '>' || left == NULL || !IsA(left, ColumnRef) ||
		strcmp(strVal(linitial(left->fields)), "ago") != 0)
		return false;
	return IsText(IsA(right, TypeCast) ? ((TypeCast *) right)->arg : right);
}

static Lookup *
LookupOf(Finder *finder, A_Expr *op)
{
	Lookup	   *lookup = palloc0(sizeof(Lookup));

	lookup->lint = finder->lint;
	lookup->event = finder->event;
	lookup->op = op;
	return lookup;
}

/* Those of a FILTER's conditions that leave out old events. */
static void
FindWindows(Finder *finder, Node *filter)
{
	List	   *conditions = filter == NULL ? NIL : list_make1(filter);
	ListCell   *cell;

	if (finder->event->at.name == NULL)
		return;
	if (filter && IsA(filter, BoolExpr) &&
		((BoolExpr *) filter)->boolop == AND_EXPR)
		conditions = ((BoolExpr *) filter)->args;
	foreach(cell, conditions)
		if (IsA(lfirst(cell), A_Expr) && IsWindow(lfirst(cell)) &&
			list_length(finder->windows) < MAX_LOOKUPS)
			finder->windows = lappend(finder->windows,
									  LookupOf(finder, lfirst(cell)));
}

static bool
Find(Node *node, Finder *finder)
{
	const SpaceEvent *outer = finder->event;
	const char *event;

	if (node == NULL)
		return false;
	if (IsA(node, A_Expr) && ComparesText((A_Expr *) node) &&
		list_length(finder->lookups) < MAX_LOOKUPS)
		finder->lookups = lappend(finder->lookups,
								  LookupOf(finder, (A_Expr *) node));
	if (IsA(node, FuncCall) &&
		RuleKnowsAggregate(RuleName(((FuncCall *) node)->funcname)) &&
		(event = RuleEventOf(finder->lint->space, (FuncCall *) node)) != NULL)
	{
		finder->event = SpaceFindEvent(finder->lint->space, event);
		FindWindows(finder, ((FuncCall *) node)->agg_filter);
	}
	(void) raw_expression_tree_walker(node, Find, finder);
	finder->event = outer;
	return false;
}

/* ---- texts ---- */

static bool
IsTextType(Oid type)
{
	type = getBaseType(type);
	return type == TEXTOID || type == VARCHAROID;
}

/* SQL of (value, owner) for the compared term; NULL where it is no text. */
static char *
Values(const Lookup *lookup, const RuleTry *how)
{
	const Space *space = lookup->lint->space;
	const SpaceEvent *event = lookup->event;
	ColumnRef  *ref = (ColumnRef *) lookup->op->lexpr;
	RuleQuery  *query;
	AttrNumber	number;
	char	   *sql;
	Oid			type;
	bool		all;

	if (event != NULL)
	{
		number = IsA(ref, ColumnRef) ?
			get_attnum(event->relid, strVal(llast(ref->fields))) : 0;
		if (number <= 0 || !IsTextType(get_atttype(event->relid, number)))
			return NULL;
		return psprintf("SELECT e.%s AS value, e.%s AS owner FROM %s",
						quote_identifier(strVal(llast(ref->fields))),
						quote_identifier(event->subject.name),
						RuleSampleRows(event->relid, "e", how->rows, &all));
	}
	query = RuleQueryBegin(space, NULL, how->mode);
	sql = RuleQueryAdd(query, RuleDeparse((Node *) ref), InvalidOid, "rule",
					   &type);
	if (!IsTextType(type))
		return NULL;
	return psprintf("SELECT %s AS value, s.%s AS owner FROM %s%s", sql,
					quote_identifier(space->key.name),
					RuleSampleRows(space->relid, "s", how->rows, &all),
					RuleQueryJoins(query));
}

/*
 * For each text that no row has the most frequent one that differs in case
 * alone; a pattern that no row fits fits some so.
 */
static char *
SpellingSql(const Lookup *lookup, const char *values)
{
	StringInfoData sql;
	bool		pattern = lookup->op->kind == AEXPR_LIKE;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, "WITH r AS MATERIALIZED (SELECT value, count(DISTINCT owner) AS n "
					 "FROM (%s) x GROUP BY value), w (written) AS (VALUES ", values);
	foreach(cell, ValuesOf(lookup->op))
		appendStringInfo(&sql, "%s(%s::text)",
						 foreach_current_index(cell) > 0 ? ", " : "",
						 PersonaLiteral(strVal(&lfirst_node(A_Const, cell)->val)));
	if (pattern)
		appendStringInfo(&sql, ") SELECT w.written, NULL::text AS found FROM w, r "
						 "GROUP BY w.written HAVING sum(r.n) FILTER (WHERE r.value ILIKE w.written) >= %d "
						 "AND count(*) FILTER (WHERE r.value LIKE w.written) = 0",
						 RULE_SAMPLE_LEAST);
	else
		appendStringInfo(&sql, ") SELECT DISTINCT ON (w.written) w.written, r.value AS found "
						 "FROM w JOIN r ON lower(r.value) = lower(w.written) WHERE r.n >= %d "
						 "AND NOT EXISTS (SELECT FROM r WHERE r.value = w.written) "
						 "ORDER BY w.written, r.n DESC, r.value",
						 RULE_SAMPLE_LEAST);
	return sql.data;
}

/* The comparison with what was found put in. */
static void
Respell(Lookup *lookup, uint64 rows)
{
	A_Expr	   *fixed = copyObject(lookup->op);
	ListCell   *cell;

	if (fixed->kind == AEXPR_LIKE)
	{
		fixed->kind = AEXPR_ILIKE;
		fixed->name = list_make1(makeString(RuleName(lookup->op->name)[0] == '!' ?
											"!~~*" : "~~*"));
	}
	for (uint64 i = 0; fixed->kind != AEXPR_ILIKE && i < rows; i++)
		foreach(cell, ValuesOf(fixed))
		{
			A_Const    *constant = lfirst(cell);

			if (strcmp(strVal(&constant->val),
					   PersonaColumnText(i, "written")) == 0)
				constant->val.sval.sval = PersonaColumnText(i, "found");
		}
	lookup->message = psprintf("no sampled row has %s, but some that differ in case alone",
							   PersonaLiteral(PersonaColumnText(0, "written")));
	lookup->fixed = fixed;
}

static void
LookUp(void *arg)
{
	Lookup	   *lookup = arg;

	for (int i = 0; i < RULE_TRIES; i++)
	{
		char	   *values = Values(lookup, &rule_tries[i]);
		char	   *sql = values ? SpellingSql(lookup, values) : NULL;
		uint64		rows;

		if (sql == NULL || !RuleIsAffordable(sql, 0, NULL))
			continue;
		rows = PersonaExecute(sql, NULL, true);
		if (rows > 0)
			Respell(lookup, rows);
		return;
	}
}

/* Puts the comparison right wherever it stands, and takes that back. */
static void
FindSpelling(Lookup *lookup)
{
	A_Expr		written = *lookup->op;
	char	   *object = RuleDeparse((Node *) lookup->op);
	char	   *rule;

	*lookup->op = *lookup->fixed;
	rule = RuleDeparse(lookup->lint->raw);
	*lookup->op = written;
	RuleFind(lookup->lint, "warn", "case_differs", object, lookup->message,
			 RuleHint(lookup->lint, rule));
}

/* ---- windows ---- */

static void
Measure(void *arg)
{
	Lookup	   *lookup = arg;
	const SpaceEvent *event = lookup->event;
	bool		isnull;
	char	   *sql = psprintf("SELECT persona.ago(%s) < (%s)::interval AS longer "
							   "FROM (SELECT min(e.%s) AS %s FROM %s e) m",
							   SpaceEventTime(event, "m"),
							   RuleDeparse(lookup->op->rexpr),
							   quote_identifier(event->at.name),
							   quote_identifier(event->at.name),
							   PersonaRelationName(event->relid));

	if (!RuleIsAffordable(sql, 0, NULL))
		return;
	(void) PersonaExecute(sql, NULL, true);
	if (DatumGetBool(PersonaColumn(0, "longer", &isnull)) && !isnull)
		lookup->message = psprintf("no \"%s\" is that old yet, so the window leaves none out",
								   event->name);
}

/* Without the window, but still without events of which no time is known. */
static void
FindWindow(Lookup *lookup)
{
	const SpaceEvent *event = lookup->event;
	NullTest   *known = makeNode(NullTest);

	known->arg = (Expr *) lookup->op->lexpr;
	known->nulltesttype = IS_NOT_NULL;
	known->location = -1;
	RuleFind(lookup->lint, "info", "window_longer_than_data",
			 RuleDeparse((Node *) lookup->op), lookup->message,
			 RuleHint(lookup->lint,
					  RuleReplaced(lookup->lint, list_make1(lookup->op),
								   RuleIsNotNull(event->relid, event->at.number) ?
								   NULL : (Node *) known)));
}

void
RuleSampleEvents(RuleLint *lint)
{
	Finder		finder = {.lint = lint};
	ListCell   *cell;

	(void) Find(lint->raw, &finder);
	foreach(cell, finder.lookups)
	{
		Lookup	   *lookup = lfirst(cell);

		(void) PersonaTrap(LookUp, lookup);
		if (lookup->fixed != NULL)
			FindSpelling(lookup);
	}
	foreach(cell, finder.windows)
	{
		Lookup	   *lookup = lfirst(cell);

		(void) PersonaTrap(Measure, lookup);
		if (lookup->message != NULL)
			FindWindow(lookup);
	}
}
