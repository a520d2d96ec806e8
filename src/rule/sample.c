/*
 * sample.c: what a sample of the customers says about a rule.
 *
 * At most 10,000 of them are looked at, in one statement, as the owner of the
 * space. The planner says beforehand what that would cost, so that defining a
 * segment stays quick; where the events are many it is 1,000, and where they
 * have no index either, nothing is asked and nothing found. What is
 * counted is counted by PostgreSQL: only numbers come back, and of values
 * those spellings alone that at least ten customers share.
 */
#include "rule/lint.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

/* Of how many clauses each is counted by itself. */
#define MAX_CLAUSES 40

/* In the planner's units: what takes some tenths of a second. */
#define MAX_COST 50000

/*
 * The look-ups of a few thousand customers, or one pass over few events, or
 * the look-ups of fewer customers.
 */
const RuleTry rule_tries[RULE_TRIES] = {
	{RULE_FEATURES_LATERAL, 10000},
	{RULE_FEATURES_GROUPED, 10000},
	{RULE_FEATURES_LATERAL, 1000}
};

/* ---- running ---- */

char *
RuleSampleRows(Oid relid, const char *alias, int rows, bool *all)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
	double		there = form->reltuples;
	char	   *sample = "";

	if ((form->relkind == RELKIND_RELATION || form->relkind == RELKIND_MATVIEW ||
		 form->relkind == RELKIND_PARTITIONED_TABLE) && there > 2 * rows)
		sample = psprintf(" TABLESAMPLE SYSTEM (%.6f) REPEATABLE (1)",
						  120.0 * rows / there);
	ReleaseSysCache(tuple);
	*all = sample[0] == '\0';
	return psprintf("(SELECT * FROM %s%s LIMIT %d) %s",
					PersonaRelationName(relid), sample, rows, alias);
}

bool
RuleIsAffordable(const char *sql, int nargs, Oid *types)
{
	SPIPlanPtr	plan = SPI_prepare(sql, nargs, types);
	CachedPlan *cached = plan == NULL ? NULL : SPI_plan_get_cached_plan(plan);
	Cost		cost;

	if (cached == NULL)
		return false;
	cost = linitial_node(PlannedStmt, cached->stmt_list)->planTree->total_cost;
	ReleaseCachedPlan(cached, NULL);
	SPI_freeplan(plan);
	return cost <= MAX_COST;
}

static int64
Number(const char *column)
{
	bool		isnull;
	Datum		value = PersonaColumn(0, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* ---- clauses ---- */

static void
CollectClauses(RulePart *part, List **clauses)
{
	if (part->shape == RULE_CLAUSE)
		*clauses = list_append_unique_ptr(*clauses, part->raw);
	for (int i = 0; i < part->n; i++)
		CollectClauses(part->parts[i], clauses);
}

/* Whether it asks for the time: a segment that is empty now may fill. */
static bool
AsksForTime(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SQLValueFunction))
		return true;
	if (IsA(node, ColumnRef))
		return strcmp(strVal(linitial(((ColumnRef *) node)->fields)), "ago") == 0;
	if (IsA(node, FuncCall))
	{
		const char *name = RuleName(((FuncCall *) node)->funcname);

		if (strcmp(name, "ago") == 0 || strcmp(name, "now") == 0)
			return true;
	}
	return raw_expression_tree_walker(node, AsksForTime, context);
}

/* Whether it asks for events or segments, not for columns alone. */
static bool
AsksForEvents(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall))
	{
		const char *name = RuleName(((FuncCall *) node)->funcname);

		if (RuleKnowsAggregate(name) || strcmp(name, "segment") == 0)
			return true;
	}
	return raw_expression_tree_walker(node, AsksForEvents, context);
}

static bool
FindColumn(Node *node, char **column)
{
	if (node == NULL || *column != NULL)
		return false;
	if (IsA(node, ColumnRef))
		*column = RuleDeparse(node);
	return raw_expression_tree_walker(node, FindColumn, column);
}

/* Whether people expect it to be true of those of whom nothing is known. */
static bool
IsNegation(Node *raw)
{
	const char *name;

	if (IsA(raw, BoolExpr))
		return ((BoolExpr *) raw)->boolop == NOT_EXPR;
	if (!IsA(raw, A_Expr))
		return false;
	name = RuleName(((A_Expr *) raw)->name);
	return name[0] == '!' || strcmp(name, "<>") == 0 ||
		((A_Expr *) raw)->kind == AEXPR_NOT_BETWEEN;
}

/* ---- counting ---- */

typedef struct Count
{
	RuleLint   *lint;
	List	   *clauses;		/* of Node * */
	bool		all;			/* every customer was looked at */
	bool		counted;
	int64		n;
	int64		members;
	int64		unknown;
	int64	   *true_of;		/* of each clause */
	int64	   *unknown_of;
} Count;

static char *
CountSql(Count *count, const RuleTry *how)
{
	RuleLint   *lint = count->lint;
	RuleQuery  *query = RuleQueryBegin(lint->space, NULL, how->mode);
	StringInfoData columns;
	StringInfoData counts;
	Oid			type;
	ListCell   *cell;

	initStringInfo(&columns);
	initStringInfo(&counts);
	appendStringInfo(&columns, "%s AS c", RuleQueryAdd(query, lint->text, BOOLOID,
													   "rule", &type));
	appendStringInfoString(&counts, "count(*) AS n, count(*) FILTER (WHERE c) AS t, count(*) FILTER (WHERE c IS NULL) AS u");
	foreach(cell, count->clauses)
	{
		int			i = foreach_current_index(cell);

		appendStringInfo(&columns, ", %s AS c%d",
						 RuleQueryAdd(query, RuleDeparse(lfirst(cell)), BOOLOID,
									  "rule", &type), i);
		appendStringInfo(&counts, ", count(*) FILTER (WHERE c%d) AS t%d, count(*) FILTER (WHERE c%d IS NULL) AS u%d",
						 i, i, i, i);
	}
	return psprintf("SELECT %s FROM (SELECT %s FROM %s%s) x", counts.data,
					columns.data, RuleSampleRows(lint->space->relid, "s", how->rows,
												 &count->all),
					RuleQueryJoins(query));
}

static void
CountAll(void *arg)
{
	Count	   *count = arg;
	int			n = list_length(count->clauses);
	char	   *sql;
	int			try = 0;

	while (!RuleIsAffordable(sql = CountSql(count, &rule_tries[try]), 0, NULL))
		if (++try == RULE_TRIES)
			return;
	(void) PersonaExecute(sql, NULL, true);
	count->counted = true;
	count->n = Number("n");
	count->members = Number("t");
	count->unknown = Number("u");
	count->true_of = palloc0((n + 1) * sizeof(int64));
	count->unknown_of = palloc0((n + 1) * sizeof(int64));
	for (int i = 0; i < n; i++)
	{
		count->true_of[i] = Number(psprintf("t%d", i));
		count->unknown_of[i] = Number(psprintf("u%d", i));
	}
	count->all = count->all && count->n < rule_tries[try].rows;
}

static char *
Of(const Count *count, int64 some)
{
	return psprintf(count->all ? INT64_FORMAT " of " INT64_FORMAT " customers" :
					INT64_FORMAT " of " INT64_FORMAT " sampled customers",
					some, count->n);
}

static void
FindUnknown(Count *count)
{
	RuleLint   *lint = count->lint;
	int			most = -1;
	Node	   *clause;
	char	   *column = NULL;
	bool		surprises;
	BooleanTest *test;

	for (int i = 0; i < list_length(count->clauses); i++)
		if (most < 0 || count->unknown_of[i] > count->unknown_of[most])
			most = i;
	if (count->unknown * 2 <= count->n || most < 0 ||
		count->unknown_of[most] * 2 <= count->n)
		return;
	clause = list_nth(count->clauses, most);
	surprises = IsNegation(clause);
	/* Who never bought has no last purchase: nobody thinks otherwise. */
	if (AsksForEvents(clause, NULL) && !surprises)
		return;
	(void) FindColumn(clause, &column);
	test = makeNode(BooleanTest);
	test->arg = (Expr *) clause;
	test->booltesttype = IS_TRUE;
	test->location = -1;
	RuleFind(lint, surprises && !AsksForEvents(clause, NULL) ? "warn" : "info",
			 "mostly_unknown", RuleDeparse(clause),
			 psprintf("it is unknown, so not true, of %s: there %s is NULL%s",
					  Of(count, count->unknown_of[most]),
					  column ? column : "it",
					  surprises ? "; to count them in, say so: OR ... IS NULL, or IS DISTINCT FROM" : ""),
			 RuleHint(lint, RuleReplaced(lint, list_make1(clause),
										 (Node *) test)));
}

static void
FindNobody(Count *count)
{
	RuleLint   *lint = count->lint;
	Node	   *reason = lint->raw;

	if (count->members > 0 || AsksForTime(lint->raw, NULL))
		return;
	for (int i = 0; i < list_length(count->clauses); i++)
		if (count->true_of[i] == 0)
			reason = list_nth(count->clauses, i);
	RuleFind(lint, "info", "nobody", RuleDeparse(reason),
			 psprintf("at present it is true of %s", Of(count, 0)), NULL);
}

/*
 * Counts, and says what fails. What fails only where a clause stands alone is
 * kept from it by another one, which PostgreSQL may evaluate after it.
 */
static void
TryCount(Count *count)
{
	RuleLint   *lint = count->lint;
	int			sqlstate = PersonaTrap(CountAll, count);
	char	   *state;

	if (ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_DATA_EXCEPTION)
		return;
	state = pstrdup(unpack_sql_state(sqlstate));
	count->clauses = NIL;
	if (PersonaTrap(CountAll, count) != 0)
		RuleFind(lint, "warn", "fails_on_data", RuleDeparse(lint->raw),
				 psprintf("it fails with SQLSTATE %s on what some customer has: guard it with CASE",
						  state), NULL);
	else
		RuleFind(lint, "info", "order_matters", RuleDeparse(lint->raw),
				 psprintf("one of its conditions fails with SQLSTATE %s where another does not come first: only CASE keeps an order",
						  state), NULL);
}

void
RuleSample(RuleLint *lint)
{
	Count		count = {.lint = lint};

	if (RuleHasFound(lint, "never_true") || lint->tree->root->shape == RULE_FIXED)
		return;
	CollectClauses(lint->tree->root, &count.clauses);
	count.clauses = list_truncate(count.clauses, MAX_CLAUSES);
	TryCount(&count);
	RuleSampleEvents(lint);
	if (!count.counted || count.n < RULE_SAMPLE_LEAST)
		return;
	FindUnknown(&count);
	if (lint->findings == NIL)
		FindNobody(&count);
}
