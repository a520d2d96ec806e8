/*
 * compile.c: several expressions over one subject as SQL.
 *
 * All of them share their features: an aggregate that two rules ask for is
 * computed once, and each event source is looked at once.
 */
#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

RuleQuery *
RuleQueryBegin(const Space *space, const SpaceEvent *event, RuleFeatures mode)
{
	RuleQuery  *query = palloc0(sizeof(RuleQuery));

	query->space = space;
	query->event = event;
	query->mode = mode;
	return query;
}

void
RuleQueryNanIsUnknown(RuleQuery *query)
{
	query->nan_is_unknown = true;
}

void
RuleQueryContext(RuleQuery *query)
{
	query->has_context = true;
}

List *
RuleQueryUses(RuleQuery *query)
{
	return query->uses;
}

/* ---- those exposed ---- */

/* The number of a span of that length, from 1. */
static int
SpanNumber(RuleQuery *query, const char *length)
{
	ListCell   *cell;

	foreach(cell, query->spans)
		if (strcmp(lfirst(cell), length) == 0)
			return foreach_current_index(cell) + 1;
	query->spans = lappend(query->spans, pstrdup(length));
	return list_length(query->spans);
}

void
RuleQuerySpan(RuleQuery *query, const char *length, bool before)
{
	int			number = SpanNumber(query, length);

	query->from = before ? psprintf("x.from%d", number) : "x.at";
	query->until = before ? "x.at" : psprintf("x.until%d", number);
}

char *
RuleQuerySpans(const RuleQuery *query)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, query->spans)
	{
		const char *length = lfirst(cell);
		int			number = foreach_current_index(cell) + 1;

		appendStringInfo(&sql, ", x.at - %s AS from%d, x.at + %s AS until%d",
						 length, number, length, number);
	}
	return sql.data;
}

void
RuleQueryExposed(RuleQuery *query, const char *exposed, const char *earliest,
				 const char *latest)
{
	query->exposed = exposed;
	query->earliest = earliest;
	query->latest = latest;
}

/* Expressions are analysed over nobody, which needs no table. */
static char *
Exposed(const RuleQuery *query)
{
	if (query->exposed != NULL)
		return psprintf("%s x", query->exposed);
	return psprintf("(SELECT x.*%s FROM (SELECT NULL::pg_catalog.text AS unit, NULL::%s AS subject, NULL::pg_catalog.timestamptz AS at) x) x",
					RuleQuerySpans(query),
					PersonaTypeName(query->space->key.type));
}

/* The nth ends of all spans, as arguments. */
static char *
Ends(const RuleQuery *query, const char *name)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 1; i <= list_length(query->spans); i++)
		appendStringInfo(&sql, "%sx.%s%d", i > 1 ? ", " : "", name, i);
	return sql.data;
}

/*
 * Events that no span reaches are left out before they are grouped; that it
 * is between two constants too lets an index or a partition serve.
 */
static char *
Reach(const RuleQuery *query, const RuleSource *source)
{
	char	   *at = SpaceEventTime(source->event, "e");
	char	   *reach = psprintf(" AND %s >= LEAST(%s) AND %s < GREATEST(%s)",
								 at, Ends(query, "from"), at, Ends(query, "until"));

	if (query->exposed == NULL)
		return reach;
	return psprintf("%s AND %s >= %s AND %s < %s", reach, at, query->earliest,
					at, query->latest);
}

/* ---- facets ---- */

/* Where no index makes sure of it, one row is taken of those there are. */
static char *
FacetJoin(const RuleJoin *join)
{
	const SpaceFacet *facet = join->facet;
	char	   *relation = PersonaRelationName(facet->relid);
	const char *key = quote_identifier(facet->key.name);
	char	   *via = psprintf("%s.%s", join->parent,
							   quote_identifier(facet->via.name));

	if (facet->is_unique)
		return psprintf(" LEFT JOIN %s %s ON %s.%s = %s", relation, join->alias,
						join->alias, key, via);
	return psprintf(" LEFT JOIN LATERAL (SELECT * FROM %s x WHERE x.%s = %s LIMIT 1) %s ON true",
					relation, key, via, join->alias);
}

char *
RuleEventJoins(const RuleSource *source)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, source->joins)
		appendStringInfoString(&sql, FacetJoin(lfirst(cell)));
	return sql.data;
}

/* ---- which columns are needed ---- */

/* What is needed of the features: everything, or what these ColumnRefs name. */
typedef struct Needed
{
	bool		all;
	List	   *columns;
} Needed;

static bool
IsNeeded(const Needed *needed, const char *alias, const char *column)
{
	ListCell   *cell;

	if (needed->all)
		return true;
	foreach(cell, needed->columns)
	{
		List	   *fields = ((ColumnRef *) lfirst(cell))->fields;

		if (strcmp(strVal(linitial(fields)), alias) == 0 &&
			(column == NULL || strcmp(strVal(llast(fields)), column) == 0))
			return true;
	}
	return false;
}

static bool
AddColumns(Node *node, List **columns)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		*columns = lappend(*columns, node);
		return false;
	}
	return raw_expression_tree_walker(node, AddColumns, columns);
}

/* The columns of a feature that are needed; List of RuleColumn *. */
static List *
NeededColumns(const Needed *needed, const RuleSource *source)
{
	List	   *columns = NIL;
	ListCell   *cell;

	foreach(cell, source->columns)
	{
		RuleColumn *column = lfirst(cell);

		if (IsNeeded(needed, source->alias, psprintf("a%d", column->number)))
			columns = lappend(columns, column);
	}
	return columns;
}

/* ---- features ---- */

/* Whether every column looks only at rows that meet this filter. */
static bool
IsCommon(List *columns, const char *filter)
{
	ListCell   *cell;

	foreach(cell, columns)
		if (!PersonaHasText(((RuleColumn *) lfirst(cell))->filters, filter))
			return false;
	return true;
}

/* The conditions that all of the columns have, after a first word. */
static char *
CommonFilter(const RuleSource *source, List *columns, const char *word)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	if (source->event->only != NULL)
		appendStringInfo(&sql, "%s%s", word, source->event->only);
	foreach(cell, ((RuleColumn *) linitial(columns))->filters)
		if (IsCommon(columns, lfirst(cell)))
			appendStringInfo(&sql, "%s%s", sql.len ? " AND " : word,
							 (char *) lfirst(cell));
	return sql.data;
}

char *
RuleCommonFilter(const RuleSource *source)
{
	return CommonFilter(source, source->columns, " AND ");
}

/* head FILTER (WHERE what is not common to all) */
static void
AppendColumn(StringInfo sql, List *columns, const RuleColumn *column)
{
	const char *before = " FILTER (WHERE ";
	const char *after = "";
	ListCell   *cell;

	appendStringInfoString(sql, column->head);
	foreach(cell, column->filters)
		if (!IsCommon(columns, lfirst(cell)))
		{
			appendStringInfo(sql, "%s%s", before, (char *) lfirst(cell));
			before = " AND ";
			after = ")";
		}
	appendStringInfo(sql, "%s AS a%d", after, column->number);
}

/* Whose events they are: FROM event e WHERE ... GROUP BY ... */
static char *
FeatureFrom(const RuleQuery *query, const RuleSource *source, List *columns)
{
	const char *subject = quote_identifier(source->event->subject.name);
	char	   *from = psprintf("%s e%s", PersonaRelationName(source->event->relid),
								RuleEventJoins(source));

	switch (query->mode)
	{
		case RULE_FEATURES_LATERAL:
			return psprintf("%s WHERE e.%s = s.%s%s", from, subject,
							quote_identifier(query->space->key.name),
							CommonFilter(source, columns, " AND "));
		case RULE_FEATURES_EXPOSED:
			return psprintf("%s JOIN %s ON e.%s = x.subject%s%s GROUP BY x.unit",
							Exposed(query), from, subject, Reach(query, source),
							CommonFilter(source, columns, " AND "));
		case RULE_FEATURES_GROUPED: /* the group of NULL joins nobody */
			return psprintf("%s%s GROUP BY e.%s", from,
							CommonFilter(source, columns, " WHERE "), subject);
	}
	pg_unreachable();
}

/* One event's aggregates by subject: those columns of them. */
static char *
FeatureSelect(const RuleQuery *query, const RuleSource *source, List *columns)
{
	StringInfoData sql;
	const char *comma = "";
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	if (query->mode == RULE_FEATURES_GROUPED)
		appendStringInfo(&sql, "e.%s AS subject, ",
						 quote_identifier(source->event->subject.name));
	else if (query->mode == RULE_FEATURES_EXPOSED)
		appendStringInfoString(&sql, "x.unit, ");
	foreach(cell, columns)
	{
		appendStringInfoString(&sql, comma);
		AppendColumn(&sql, columns, lfirst(cell));
		comma = ", ";
	}
	appendStringInfo(&sql, " FROM %s", FeatureFrom(query, source, columns));
	return sql.data;
}

char *
RuleFeatureSelect(const RuleQuery *query, const RuleSource *source)
{
	return FeatureSelect(query, source, source->columns);
}

/* ---- the joins ---- */

static char *
SegmentJoin(const RuleQuery *query, const RuleSource *source)
{
	return psprintf(" LEFT JOIN %s %s ON %s.subject = s.%s",
					SpaceTable(query->space,
							   psprintf("segment_%s", source->segment)),
					source->alias, source->alias,
					quote_identifier(query->space->key.name));
}

static char *
EventJoin(const RuleQuery *query, const RuleSource *source, List *columns)
{
	char	   *select = FeatureSelect(query, source, columns);

	if (query->mode == RULE_FEATURES_LATERAL)
		return psprintf(" LEFT JOIN LATERAL (%s) %s ON true", select,
						source->alias);

	/*
	 * Its units are all among those exposed, so FULL is what LEFT would be,
	 * but never a nested loop: where the exposures are too young to be
	 * analysed the planner takes thousands for one, and would group anew for
	 * each.
	 */
	if (query->mode == RULE_FEATURES_EXPOSED)
		return psprintf(" FULL JOIN (%s) %s ON %s.unit = x.unit", select,
						source->alias, source->alias);
	return psprintf(" LEFT JOIN (%s) %s ON %s.subject = s.%s", select,
					source->alias, source->alias,
					quote_identifier(query->space->key.name));
}

/* A source whose columns are still being found out is not joined yet. */
static char *
SourceJoin(const RuleQuery *query, const RuleSource *source,
		   const Needed *needed)
{
	List	   *columns;

	if (source->join != NULL)
		return FacetJoin(source->join);
	if (source->segment != NULL)
		return IsNeeded(needed, source->alias, NULL) ?
			SegmentJoin(query, source) : "";
	columns = NeededColumns(needed, source);
	return columns ? EventJoin(query, source, columns) : "";
}

/*
 * In the order of their use, so that what is joined once keeps its place. A
 * look-up for one subject may need a facet of new, and comes after all facets.
 */
static char *
Joins(RuleQuery *query, const Needed *needed)
{
	bool		lateral = query->mode == RULE_FEATURES_LATERAL;
	StringInfoData facets;
	StringInfoData others;
	ListCell   *cell;

	initStringInfo(&facets);
	initStringInfo(&others);
	foreach(cell, query->sources)
	{
		RuleSource *source = lfirst(cell);

		appendStringInfoString(lateral && source->join ? &facets : &others,
							   SourceJoin(query, source, needed));
	}
	return psprintf("%s%s", facets.data, others.data);
}

char *
RuleQueryJoins(RuleQuery *query)
{
	Needed		needed = {.all = true};

	return Joins(query, &needed);
}

char *
RuleQueryJoinsFor(RuleQuery *query, List *columns)
{
	Needed		needed = {.columns = columns};

	return Joins(query, &needed);
}

/* ---- an expression ---- */

char *
RuleQueryFrom(RuleQuery *query, Node *node)
{
	StringInfoData sql;
	List	   *columns = NIL;

	(void) AddColumns(node, &columns);
	initStringInfo(&sql);
	if (query->mode == RULE_FEATURES_EXPOSED)
		appendStringInfo(&sql, "FROM %s", Exposed(query));
	else
		appendStringInfo(&sql, "FROM %s s%s", PersonaRelationName(query->space->relid),
						 query->from == NULL ? "" :
						 psprintf(" CROSS JOIN %s", Exposed(query)));
	if (query->event != NULL)
		appendStringInfo(&sql, " CROSS JOIN %s n",
						 PersonaRelationName(query->event->relid));
	if (query->has_context)
		appendStringInfoString(&sql, " CROSS JOIN (SELECT NULL::pg_catalog.jsonb AS context) n");
	appendStringInfoString(&sql, RuleQueryJoinsFor(query, columns));
	return sql.data;
}

static void
RefuseType(const char *text, const char *what, int location, Oid is,
		   const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the %s is of type %s, not %s", what, format_type_be(is),
					wanted),
			 RulePosition(text, location)));
}

void
RuleRequireBoolean(const char *text, const char *what, int location, Oid type)
{
	if (getBaseType(type) != BOOLOID)
		RefuseType(text, what, location, type, "boolean");
}

/* The SQL, brought to the type that is wanted. */
static char *
Coerce(RuleQuery *query, char *sql, Oid want, const char *what, Oid *type)
{
	Oid			is = getBaseType(*type);

	if (want == InvalidOid)
		return psprintf("(%s)", sql);
	*type = want;
	if (want == TEXTOID)
		return psprintf("(%s)::pg_catalog.text", sql);
	if (want == BOOLOID)
	{
		RuleRequireBoolean(query->text, what, 0, is);
		return psprintf("(%s)", sql);
	}
	Assert(want == TIMESTAMPTZOID);
	if (is == TIMESTAMPOID || is == DATEOID)
		return psprintf("((%s)::pg_catalog.timestamp AT TIME ZONE 'UTC')", sql);
	if (is != TIMESTAMPTZOID)
		RefuseType(query->text, what, 0, is, "timestamp with time zone");
	return psprintf("(%s)", sql);
}

Node *
RuleTyped(Node *node, Oid want)
{
	TypeCast   *cast;

	if (!IsA(node, A_Const) || want == InvalidOid)
		return node;
	cast = makeNode(TypeCast);
	cast->arg = node;
	cast->typeName = makeTypeNameFromNameList(list_make2(makeString("pg_catalog"),
														 makeString(want == BOOLOID ? "bool" :
																	want == TEXTOID ? "text" : "timestamptz")));
	cast->location = -1;
	return (Node *) cast;
}

static void
NameExpression(void *arg)
{
	errcontext("%s", (const char *) arg);
}

char *
RuleQueryAdd(RuleQuery *query, const char *text, Oid want, const char *what,
			 Oid *type)
{
	ErrorContextCallback callback = {.callback = NameExpression,
	.arg = unconstify(char *, what), .previous = error_context_stack};
	Node	   *node;
	char	   *sql;

	error_context_stack = &callback;
	query->text = text;
	node = RuleTyped(RuleRewrite(query, RuleParse(text)), want);
	*type = RuleAnalyse(text, node, RuleQueryFrom(query, node));
	sql = Coerce(query, RuleDeparse(node), want, what, type);
	error_context_stack = callback.previous;
	return sql;
}

Node *
RuleQueryAnalyse(RuleQuery *query, const char *text, const char *what,
				 List **rtable)
{
	ErrorContextCallback callback = {.callback = NameExpression,
	.arg = unconstify(char *, what), .previous = error_context_stack};
	Node	   *node;
	Query	   *analysed;

	error_context_stack = &callback;
	query->text = text;
	node = RuleTyped(RuleRewrite(query, RuleParse(text)), BOOLOID);
	analysed = RuleAnalyseQuery(text, node, RuleQueryFrom(query, node));
	node = (Node *) linitial_node(TargetEntry, analysed->targetList)->expr;
	RuleRequireBoolean(text, what, 0, exprType(node));
	*rtable = analysed->rtable;
	error_context_stack = callback.previous;
	return node;
}
