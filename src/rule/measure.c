/*
 * measure.c: what a goal counts, over events around an exposure.
 *
 * A measure is a total, count(purchase) or sum(purchase.amount); a total
 * compared with a number, which makes a yes or no; or a total by another, a
 * ratio. The totals of many measures become columns of one grouped pass over
 * each event source, joined to everybody exposed (the relation exposed, known
 * as x: unit, subject, at, and the ends of the spans that count). Each has a
 * twin that counts as long before the exposure as the measure does after it, by
 * which its variance is reduced.
 *
 * The same measure of one subject says whether it has reached the goal: a yes
 * or no when it is yes (what more events may still make a no, when its time is
 * over), a total or a ratio when there is any. A goal's target is no part of
 * that: it is a lift of the mean over many, to which nobody comes alone.
 */
#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* One measure: what it yields for a unit, as SQL over x and the features. */
typedef struct Measure
{
	const char *kind;			/* proportion | mean | ratio */
	char	   *y;				/* after the exposure; its numerator */
	char	   *x;				/* its denominator; NULL unless a ratio */
	char	   *before;			/* y before the exposure; NULL for a ratio */
	char	   *reached;		/* of one subject: whether it came to it */
	char	   *reached_at;		/* and when; NULL: when the time is over */
} Measure;

/* ---- what may be measured ---- */

static void
RefuseMeasure(const char *text, Node *node)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a goal cannot measure this"),
			 errhint("Write a count or a sum over one event, as count(purchase) > 0, sum(purchase.amount) or sum(purchase.amount) / count(purchase)."),
			 RulePosition(text, exprLocation(node))));
}

/* A goal's time is counted from the exposure, never from now. */
static bool
RefuseClock(Node *node, void *text)
{
	bool		is_clock = false;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
		is_clock = strcmp(strVal(linitial(((ColumnRef *) node)->fields)), "ago") == 0;
	else if (IsA(node, FuncCall))
	{
		const char *name = strVal(llast(((FuncCall *) node)->funcname));

		is_clock = strcmp(name, "ago") == 0 || strcmp(name, "now") == 0;
	}
	if (is_clock || IsA(node, SQLValueFunction))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a goal does not look at the clock"),
				 errhint("Say by within how long after the exposure it counts."),
				 RulePosition(text, exprLocation(node))));
	return raw_expression_tree_walker(node, RefuseClock, text);
}

static void
RequireTotal(const char *text, Node *node)
{
	const char *name;

	if (!IsA(node, FuncCall))
		RefuseMeasure(text, node);
	name = strVal(llast(((FuncCall *) node)->funcname));
	if (strcmp(name, "count") != 0 && strcmp(name, "sum") != 0)
		RefuseMeasure(text, node);
}

static bool
IsNumber(Node *node)
{
	return IsA(node, A_Const) && !((A_Const *) node)->isnull &&
		(IsA(&((A_Const *) node)->val, Integer) ||
		 IsA(&((A_Const *) node)->val, Float));
}

static bool
IsOperator(Node *node, const char *const *names)
{
	const char *name;

	if (!IsA(node, A_Expr) || ((A_Expr *) node)->kind != AEXPR_OP ||
		((A_Expr *) node)->lexpr == NULL)
		return false;
	name = strVal(llast(((A_Expr *) node)->name));
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* The kind of a measure, or an error at what is none. */
static const char *
KindOf(const char *text, Node *node)
{
	static const char *const comparisons[] = {">", ">=", "<", "<=", "=", "<>", NULL};
	static const char *const by[] = {"/", NULL};
	A_Expr	   *expr = (A_Expr *) node;

	(void) RefuseClock(node, unconstify(char *, text));
	if (IsOperator(node, comparisons))
	{
		RequireTotal(text, expr->lexpr);
		if (!IsNumber(expr->rexpr))
			RefuseMeasure(text, expr->rexpr);
		return "proportion";
	}
	if (IsOperator(node, by))
	{
		RequireTotal(text, expr->lexpr);
		RequireTotal(text, expr->rexpr);
		return "ratio";
	}
	RequireTotal(text, node);
	return "mean";
}

/* ---- as SQL ---- */

static void
RequireNumeric(const char *text, Oid type)
{
	if (type != INT2OID && type != INT4OID && type != INT8OID &&
		type != FLOAT4OID && type != FLOAT8OID && type != NUMERICOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a goal measures a number, not %s", format_type_be(type)),
				 RulePosition(text, 0)));
}

/* A total, or a total compared, in the span that the query has now. */
static char *
Compile(RuleQuery *query, const char *text, bool is_boolean)
{
	Oid			type;
	char	   *sql = RuleQueryAdd(query, text, is_boolean ? BOOLOID : InvalidOid,
								   "measure", &type);

	if (is_boolean)
		return psprintf("coalesce(%s, false)", sql);
	RequireNumeric(text, getBaseType(type));
	return psprintf("coalesce(%s, 0)::pg_catalog.float8", sql);
}

/* What a measure yields, but for what it does before. */
static Measure
CompileSpan(RuleQuery *query, const char *text)
{
	Node	   *node = RuleParse(text);
	Measure		measure = {.kind = KindOf(text, node)};

	if (strcmp(measure.kind, "ratio") == 0)
	{
		measure.y = Compile(query, RuleDeparse(((A_Expr *) node)->lexpr), false);
		measure.x = Compile(query, RuleDeparse(((A_Expr *) node)->rexpr), false);
	}
	else
		measure.y = Compile(query, text, strcmp(measure.kind, "proportion") == 0);
	return measure;
}

static char *
LengthOf(const char *within)
{
	return psprintf("%s::pg_catalog.interval", PersonaLiteral(within));
}

static Measure
CompileMeasure(RuleQuery *query, const char *text, const char *within)
{
	Measure		measure;

	RuleQuerySpan(query, LengthOf(within), false);
	measure = CompileSpan(query, text);
	if (measure.x != NULL)
		return measure;
	RuleQuerySpan(query, LengthOf(within), true);
	measure.before = CompileSpan(query, text).y;
	if (strcmp(measure.kind, "proportion") == 0)
		measure.before = psprintf("%s::pg_catalog.int4::pg_catalog.float8", measure.before);
	return measure;
}

/* ---- whether one subject has come to it ---- */

/* Whether more events can only make it true, never false again. */
static bool
IsOfMore(const char *text)
{
	static const char *const more[] = {">", ">=", NULL};

	return IsOperator(RuleParse(text), more);
}

/* As SQL over x: that there is some of it, or that it is so. */
static char *
Reached(const RuleQuery *query, const Measure *measure, const char *text)
{
	if (measure->x != NULL)
		return psprintf("(%s / NULLIF(%s, 0) > 0)", measure->y, measure->x);
	if (strcmp(measure->kind, "mean") == 0)
		return psprintf("(%s > 0)", measure->y);
	if (IsOfMore(text))
		return measure->y;
	return psprintf("(%s AND %s <= persona.now())", measure->y, query->until);
}

char *
RuleReached(const Space *space, const SpaceEvent *event, const char *measure,
			const char *within, const char *from, List **uses)
{
	RuleQuery  *query = RuleQueryBegin(space, event, RULE_FEATURES_LATERAL);
	Measure		compiled;

	RuleQueryNanIsUnknown(query);
	RuleQuerySpan(query, LengthOf(within), false);
	compiled = CompileSpan(query, measure);
	*uses = list_concat(*uses, RuleQueryUses(query));
	return psprintf("EXISTS (SELECT FROM (SELECT x.*%s FROM %s x) x%s WHERE %s)",
					RuleQuerySpans(query), from, RuleQueryJoins(query),
					Reached(query, &compiled, measure));
}

/* ---- and when ---- */

/* What each event adds to a total; again the same adds nothing to a DISTINCT. */
static const char *
Added(const FuncCall *total)
{
	const char *added = strcmp(strVal(llast(total->funcname)), "sum") == 0 ?
	"c.value" : "(c.value IS NOT NULL)::pg_catalog.int4";

	if (!total->agg_distinct)
		return added;
	return psprintf("CASE WHEN pg_catalog.row_number() OVER (PARTITION BY c.value ORDER BY c.at) = 1 THEN %s END",
					added);
}

/* Whether the first event that is counted takes count(purchase) past 0. */
static bool
ByFirst(const FuncCall *total, const char *past)
{
	return strcmp(strVal(llast(total->funcname)), "count") == 0 &&
		(strcmp(past, "> 0") == 0 || strcmp(past, ">= 1") == 0) &&
		list_length(((ColumnRef *) linitial(total->args))->fields) == 1;
}

/*
 * The event that took a total past its number, or past 0 where it has none. Of
 * what is to stay small, or to be met exactly, nothing is known before the end.
 */
static char *
ReachedAt(RuleQuery *query, const char *text)
{
	Node	   *node = RuleParse(text);
	const A_Expr *expr = (A_Expr *) node;
	bool		is_proportion = strcmp(KindOf(text, node), "proportion") == 0;
	Node	   *total = IsA(node, FuncCall) ? node : expr->lexpr;
	const char *past = "> 0";
	char	   *times;
	char	   *values;

	if (is_proportion && !IsOfMore(text))
		return NULL;
	if (is_proportion)
		past = psprintf("%s %s", strVal(llast(expr->name)), RuleDeparse(expr->rexpr));
	RuleQueryCounted(query, RuleDeparse(total), &times, &values);
	if (ByFirst((FuncCall *) total, past))
		return psprintf("(%s)[1]", times);
	return psprintf("(SELECT pg_catalog.min(r.at) FROM (SELECT a.at, pg_catalog.sum(a.added) OVER (ORDER BY a.at) AS total"
					" FROM (SELECT c.at, %s AS added FROM ROWS FROM (pg_catalog.unnest(%s), pg_catalog.unnest(%s)) c(at, value)) a) r WHERE r.total %s)",
					Added((FuncCall *) total), times, values, past);
}

static Measure
CompileSingle(RuleQuery *query, const char *text, const char *within)
{
	Measure		measure;

	RuleQuerySpan(query, LengthOf(within), false);
	measure = CompileSpan(query, text);
	measure.reached = Reached(query, &measure, text);
	measure.reached_at = ReachedAt(query, text);
	return measure;
}

/* ---- from SQL ---- */

/* An array's elements as C texts; NULL is refused by its caller's contract. */
static char **
Texts(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **texts;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, n);
	texts = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a goal needs a measure and a time")));
		texts[i] = TextDatumGetCString(elements[i]);
	}
	return texts;
}

static Datum
TextArray(char **texts, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		nulls[i] = texts[i] == NULL;
		elements[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	return PointerGetDatum(construct_md_array(elements, nulls, 1, &n, &lower,
											  TEXTOID, -1, false, TYPALIGN_INT));
}

/* An instant as SQL that is a constant. */
static char *
Instant(Datum at)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(timestamptz_out, at));

	return psprintf("%s::pg_catalog.timestamptz", PersonaLiteral(text));
}

PG_FUNCTION_INFO_V1(persona_measures);

/*
 * persona.measures(measures, withins, space, of_single, earliest, latest):
 * columns and joins, and what the measures yield
 */
Datum
persona_measures(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGetOwn(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_EXPOSED);
	int			n;
	int			withins_n;
	char	  **texts = Texts(PG_GETARG_ARRAYTYPE_P(0), &n);
	char	  **withins = Texts(PG_GETARG_ARRAYTYPE_P(1), &withins_n);
	char	  **parts[6];
	TupleDesc	row;
	Datum		values[8];
	bool		nulls[8] = {false};
	int			level = PersonaPinBegin();

	if (n != withins_n)
		elog(ERROR, "%d measures and %d times", n, withins_n);
	for (int i = 0; i < lengthof(parts); i++)
		parts[i] = palloc0(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Measure		measure;

		CHECK_FOR_INTERRUPTS();
		measure = PG_GETARG_BOOL(3) ?
			CompileSingle(query, texts[i], withins[i]) :
			CompileMeasure(query, texts[i], withins[i]);
		parts[0][i] = unconstify(char *, measure.kind);
		parts[1][i] = measure.y;
		parts[2][i] = measure.x;
		parts[3][i] = measure.before;
		parts[4][i] = measure.reached;
		parts[5][i] = measure.reached_at;
	}
	RuleQueryExposed(query, "exposed", Instant(PG_GETARG_DATUM(4)),
					 Instant(PG_GETARG_DATUM(5)));
	values[0] = CStringGetTextDatum(RuleQuerySpans(query));
	values[1] = CStringGetTextDatum(RuleQueryJoins(query));
	for (int i = 0; i < lengthof(parts); i++)
		values[i + 2] = TextArray(parts[i], n);
	PersonaPinEnd(level);
	if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "measures() returns a row");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}

PG_FUNCTION_INFO_V1(persona_unit_sql);

/* persona.unit_sql(expression, space): the unit of each subject s, and joins */
Datum
persona_unit_sql(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGetOwn(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_LATERAL);
	int			level = PersonaPinBegin();
	Oid			type;
	char	   *unit = RuleQueryAdd(query, text_to_cstring(PG_GETARG_TEXT_PP(0)),
									TEXTOID, "unit", &type);
	char	   *sql = psprintf("SELECT s.%s AS subject, %s AS unit FROM %s s%s",
							   quote_identifier(space->key.name), unit,
							   PersonaRelationName(space->relid),
							   RuleQueryJoins(query));

	PersonaPinEnd(level);
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}
