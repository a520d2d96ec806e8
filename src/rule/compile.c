/*
 * compile.c: several expressions over one subject as SQL.
 *
 * All of them share their features: an aggregate that two rules ask for is
 * computed once, and each event source is looked at once.
 */
#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
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
EventJoin(const RuleQuery *query, const RuleFeature *feature, int number)
{
	StringInfoData sql;
	const char *subject = quote_identifier(feature->event->subject.name);
	const char *key = quote_identifier(query->space->key.name);
	bool		lateral = query->mode == RULE_FEATURES_LATERAL;
	int			column = 1;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, " LEFT JOIN %s(SELECT ", lateral ? "LATERAL " : "");
	if (!lateral)
		appendStringInfo(&sql, "e.%s AS subject, ", subject);
	foreach(cell, feature->columns)
		appendStringInfo(&sql, "%s%s AS a%d", column > 1 ? ", " : "",
						 (char *) lfirst(cell), column), column++;
	appendStringInfo(&sql, " FROM %s e WHERE ",
					 PersonaRelationName(feature->event->relid));
	if (feature->event->only != NULL)
		appendStringInfo(&sql, "%s AND ", feature->event->only);
	if (lateral)
		appendStringInfo(&sql, "e.%s = s.%s) f%d ON true", subject, key, number);
	else
		appendStringInfo(&sql, "e.%s IS NOT NULL GROUP BY e.%s) f%d ON f%d.subject = s.%s",
						 subject, subject, number, number, key);
	return sql.data;
}

char *
RuleQueryJoins(RuleQuery *query)
{
	StringInfoData sql;
	int			number = 1;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, query->features)
	{
		RuleFeature *feature = lfirst(cell);

		appendStringInfoString(&sql, feature->event == NULL ?
							   SegmentJoin(query, feature, number) :
							   EventJoin(query, feature, number));
		number++;
	}
	return sql.data;
}

/* ---- an expression ---- */

static char *
From(RuleQuery *query)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "FROM %s s", PersonaRelationName(query->space->relid));
	if (query->event != NULL)
		appendStringInfo(&sql, " CROSS JOIN %s n",
						 PersonaRelationName(query->event->relid));
	appendStringInfoString(&sql, RuleQueryJoins(query));
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
	*type = RuleAnalyse(text, node, From(query));
	sql = Coerce(query, RuleDeparse(node), want, what, type);
	error_context_stack = callback.previous;
	return sql;
}
