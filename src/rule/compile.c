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

List *
RuleQueryUses(RuleQuery *query)
{
	return query->uses;
}

/* ---- which columns are needed ---- */

/* What a list of columns holds of one feature: any column, or this one. */
static bool
IsNeeded(List *columns, const char *alias, const char *column)
{
	ListCell   *cell;

	foreach(cell, columns)
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

/* ---- the joins ---- */

static char *
SegmentJoin(const RuleQuery *query, const RuleFeature *feature, int number)
{
	return psprintf(" LEFT JOIN %s f%d ON f%d.subject = s.%s",
					SpaceTable(query->space,
							   psprintf("segment_%s", feature->segment)),
					number, number, quote_identifier(query->space->key.name));
}

static char *
EventJoin(const RuleQuery *query, const RuleFeature *feature, int number,
		  bool all, List *columns)
{
	StringInfoData sql;
	const char *alias = psprintf("f%d", number);
	const char *subject = quote_identifier(feature->event->subject.name);
	const char *key = quote_identifier(query->space->key.name);
	bool		lateral = query->mode == RULE_FEATURES_LATERAL;
	const char *comma = "";
	int			number_of_column = 1;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, " LEFT JOIN %s(SELECT ", lateral ? "LATERAL " : "");
	if (!lateral)
		appendStringInfo(&sql, "e.%s AS subject, ", subject);
	foreach(cell, feature->columns)
	{
		const char *column = psprintf("a%d", number_of_column++);

		if (!all && !IsNeeded(columns, alias, column))
			continue;
		appendStringInfo(&sql, "%s%s AS %s", comma, (char *) lfirst(cell), column);
		comma = ", ";
	}
	appendStringInfo(&sql, " FROM %s e WHERE ",
					 PersonaRelationName(feature->event->relid));
	if (lateral)
		appendStringInfo(&sql, "e.%s = s.%s) f%d ON true", subject, key, number);
	else
		appendStringInfo(&sql, "e.%s IS NOT NULL GROUP BY e.%s) f%d ON f%d.subject = s.%s",
						 subject, subject, number, number, key);
	return sql.data;
}

static char *
Joins(RuleQuery *query, bool all, List *columns)
{
	StringInfoData sql;
	int			number = 0;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, query->features)
	{
		RuleFeature *feature = lfirst(cell);

		number++;
		if (!all && !IsNeeded(columns, psprintf("f%d", number), NULL))
			continue;
		appendStringInfoString(&sql, feature->event == NULL ?
							   SegmentJoin(query, feature, number) :
							   EventJoin(query, feature, number, all, columns));
	}
	return sql.data;
}

char *
RuleQueryJoins(RuleQuery *query)
{
	return Joins(query, true, NIL);
}

char *
RuleQueryJoinsFor(RuleQuery *query, List *columns)
{
	return Joins(query, false, columns);
}

/* ---- an expression ---- */

/* What the expression alone needs, however many there are beside it. */
static char *
From(RuleQuery *query, Node *node)
{
	StringInfoData sql;
	List	   *columns = NIL;

	(void) AddColumns(node, &columns);
	initStringInfo(&sql);
	appendStringInfo(&sql, "FROM %s s", PersonaRelationName(query->space->relid));
	if (query->event != NULL)
		appendStringInfo(&sql, " CROSS JOIN %s n",
						 PersonaRelationName(query->event->relid));
	appendStringInfoString(&sql, RuleQueryJoinsFor(query, columns));
	return sql.data;
}

static void
RefuseType(const RuleQuery *query, const char *what, Oid is, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the %s is of type %s, not %s", what, format_type_be(is),
					wanted),
			 RulePosition(query->text, 0)));
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
		if (is != BOOLOID)
			RefuseType(query, what, is, "boolean");
		return psprintf("(%s)", sql);
	}
	Assert(want == TIMESTAMPTZOID);
	if (is == TIMESTAMPOID || is == DATEOID)
		return psprintf("((%s)::pg_catalog.timestamp AT TIME ZONE 'UTC')", sql);
	if (is != TIMESTAMPTZOID)
		RefuseType(query, what, is, "timestamp with time zone");
	return psprintf("(%s)", sql);
}

/* A bare literal has no type until it is given the one that is wanted. */
static Node *
Typed(Node *node, Oid want)
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
	node = Typed(RuleRewrite(query, RuleParse(text)), want);
	*type = RuleAnalyse(text, node, From(query, node));
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
	node = Typed(RuleRewrite(query, RuleParse(text)), BOOLOID);
	analysed = RuleAnalyseQuery(text, node, From(query, node));
	node = (Node *) linitial_node(TargetEntry, analysed->targetList)->expr;
	if (getBaseType(exprType(node)) != BOOLOID)
		RefuseType(query, what, exprType(node), "boolean");
	*rtable = analysed->rtable;
	error_context_stack = callback.previous;
	return node;
}
