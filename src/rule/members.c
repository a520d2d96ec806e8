/*
 * members.c: a rule as the SQL of a view: one row, the subject's key, for each
 * subject of whom the rule is true.
 *
 * A condition over nothing but one event's aggregates needs no subject. It is
 * answered from the events alone, in one grouped pass, and the subjects are
 * found by a semi-join; where it is true of who has no events at all, those of
 * whom it is not true are found and left out by an anti-join. That there is an
 * event, or none, is EXISTS. What mixes sources is asked of their features,
 * joined to every subject. PostgreSQL then plans all of it as one statement.
 */
#include "rule/scope.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"

/* The parts of one view. */
typedef struct Members
{
	const Space *space;
	const char *text;			/* the rule */
	RuleQuery  *joined;			/* clauses that need the subject's row */
	StringInfoData where;
	List	   *groups;			/* of RuleQuery *: each over one event */
	List	   *conditions;		/* of Node *: what each group must meet */
} Members;

static const char *
Key(const Members *m)
{
	return quote_identifier(m->space->key.name);
}

static void
AppendWhere(Members *m, const char *sql)
{
	appendStringInfo(&m->where, "%s%s", m->where.len ? " AND " : " WHERE ", sql);
}

/* ---- clauses ---- */

static List *
Clauses(Node *node)
{
	List	   *clauses = NIL;
	ListCell   *cell;

	if (!IsA(node, BoolExpr) || ((BoolExpr *) node)->boolop != AND_EXPR)
		return list_make1(node);
	foreach(cell, ((BoolExpr *) node)->args)
		clauses = list_concat(clauses, Clauses(lfirst(cell)));
	return clauses;
}

static Node *
Rewrite(RuleQuery *query, Node *clause)
{
	Scope		scope = {.query = query};

	return RuleRewriteCondition(&scope, copyObject(clause));
}

/* The clause by itself, to see what it asks for. */
static RuleQuery *
Probe(Members *m, Node *clause, Node **rewritten)
{
	RuleQuery  *probe = RuleQueryBegin(m->space, NULL, RULE_FEATURES_GROUPED);

	probe->text = m->text;
	*rewritten = Rewrite(probe, clause);
	return probe;
}

/* Whether all it asks for is one source, and nothing of the subject. */
static RuleSource *
OnlySource(RuleQuery *probe)
{
	RuleSource *source;
	ListCell   *cell;

	if (list_length(probe->sources) != 1)
		return NULL;
	source = linitial(probe->sources);
	foreach(cell, probe->uses)
		if (strcmp(((RuleUse *) lfirst(cell))->source, "subject") == 0)
			return NULL;
	return source->join ? NULL : source;
}

/* ---- there is an event, or there is none ---- */

/* 1: COUNT > 0; -1: COUNT = 0; 0: something else. */
static int
Existence(Node *clause)
{
	A_Expr	   *expr = (A_Expr *) clause;
	FuncCall   *call = (FuncCall *) expr->lexpr;
	A_Const    *number = (A_Const *) expr->rexpr;
	const char *op;
	int			n;

	if (!IsA(expr, A_Expr) || expr->kind != AEXPR_OP || call == NULL ||
		!IsA(call, FuncCall) || call->agg_distinct ||
		strcmp(strVal(llast(call->funcname)), "count") != 0 ||
		!IsA(number, A_Const) || number->isnull || !IsA(&number->val, Integer))
		return 0;
	op = strVal(llast(expr->name));
	n = intVal(&number->val);
	if ((n == 0 && (strcmp(op, ">") == 0 || strcmp(op, "<>") == 0)) ||
		(n == 1 && strcmp(op, ">=") == 0))
		return 1;
	if ((n == 0 && (strcmp(op, "=") == 0 || strcmp(op, "<=") == 0)) ||
		(n == 1 && strcmp(op, "<") == 0))
		return -1;
	return 0;
}

/* count(event), of which nothing but the rows is asked */
static bool
CountsRows(const RuleSource *source)
{
	return list_length(source->columns) == 1 &&
		strcmp(((RuleColumn *) linitial(source->columns))->head,
			   "pg_catalog.count(*)") == 0;
}

static void
AddExistence(Members *m, const RuleSource *source, bool exists)
{
	AppendWhere(m, psprintf("%sEXISTS (SELECT FROM %s e%s WHERE e.%s = s.%s%s)",
							exists ? "" : "NOT ",
							PersonaRelationName(source->event->relid),
							RuleEventJoins(source),
							quote_identifier(source->event->subject.name), Key(m),
							RuleCommonFilter(source)));
}

/* ---- members of another segment ---- */

/* 1: segment(x); -1: NOT segment(x); 0: something else. */
static int
Membership(Node *clause)
{
	BoolExpr   *not = (BoolExpr *) clause;

	if (IsA(clause, BoolExpr) && not->boolop == NOT_EXPR)
		return -Membership(linitial(not->args));
	return RuleSegmentName(clause) ? 1 : 0;
}

static void
AddMembership(Members *m, const RuleSource *source, bool among)
{
	char	   *view = SpaceTable(m->space, psprintf("segment_%s", source->segment));

	AppendWhere(m, psprintf("%sEXISTS (SELECT FROM %s v WHERE v.subject = s.%s)",
							among ? "" : "NOT ", view, Key(m)));
}

/* ---- a condition over one event's aggregates ---- */

/* The group of that event, with its condition so far. */
static int
GroupOf(Members *m, const SpaceEvent *event)
{
	RuleQuery  *query;
	int			n = 0;
	ListCell   *cell;

	foreach(cell, m->groups)
	{
		if (((RuleSource *) linitial(((RuleQuery *) lfirst(cell))->sources))->event == event)
			return n;
		n++;
	}
	query = RuleQueryBegin(m->space, NULL, RULE_FEATURES_GROUPED);
	query->text = m->text;
	m->groups = lappend(m->groups, query);
	m->conditions = lappend(m->conditions, NULL);
	return n;
}

static void
AddToGroup(Members *m, const SpaceEvent *event, Node *clause)
{
	int			n = GroupOf(m, event);
	Node	   *before = list_nth(m->conditions, n);
	Node	   *rewritten = Rewrite(list_nth(m->groups, n), clause);

	lfirst(list_nth_cell(m->conditions, n)) = before == NULL ? rewritten :
		(Node *) makeBoolExpr(AND_EXPR, list_make2(before, rewritten), -1);
}

static Node *
NullForVar(Node *node, void *arg)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return (Node *) makeNullConst(((Var *) node)->vartype,
									  ((Var *) node)->vartypmod,
									  ((Var *) node)->varcollid);
	return expression_tree_mutator(node, NullForVar, arg);
}

/*
 * What the condition is of a subject without events, whose features are NULL:
 * 1 true, 0 not true, -1 not known before it runs.
 */
static int
WithoutEvents(RuleQuery *group, Node *condition)
{
	Node	   *expr = RuleAnalyseExpression(group->text, condition,
											 RuleQueryFrom(group, condition));
	Const	   *value = (Const *) eval_const_expressions(NULL, NullForVar(expr, NULL));

	if (!IsA(value, Const))
		return -1;
	return !value->constisnull && DatumGetBool(value->constvalue) ? 1 : 0;
}

static void
AddGroup(Members *m, RuleQuery *group, Node *condition, bool is_true_without)
{
	RuleSource *source = linitial(group->sources);
	char	   *select = RuleFeatureSelect(group, source);
	char	   *sql = RuleDeparse(condition);

	if (is_true_without)
		AppendWhere(m, psprintf("NOT EXISTS (SELECT FROM (%s) %s WHERE (%s) IS NOT TRUE AND %s.subject = s.%s)",
								select, source->alias, sql, source->alias, Key(m)));
	else
		AppendWhere(m, psprintf("s.%s IN (SELECT %s.subject FROM (%s) %s WHERE %s)",
								Key(m), source->alias, select, source->alias, sql));
}

/* ---- the view ---- */

static void
AddJoined(Members *m, Node *clause)
{
	AppendWhere(m, psprintf("(%s)", RuleDeparse(Rewrite(m->joined, clause))));
}

static void
AddClause(Members *m, Node *clause)
{
	Node	   *rewritten;
	RuleQuery  *probe = Probe(m, clause, &rewritten);
	RuleSource *source = OnlySource(probe);
	int			existence = Existence(clause);

	if (source == NULL)
		AddJoined(m, clause);
	else if (source->segment != NULL && Membership(clause) != 0)
		AddMembership(m, source, Membership(clause) > 0);
	else if (source->segment != NULL)
		AddJoined(m, clause);
	else if (existence != 0 && CountsRows(source))
		AddExistence(m, source, existence > 0);
	else if (WithoutEvents(probe, rewritten) < 0)
		AddJoined(m, clause);
	else
		AddToGroup(m, source->event, clause);
}

char *
RuleMembers(const Space *space, const char *text)
{
	Members		m = {.space = space, .text = text};
	Oid			type;
	ListCell   *cell;
	ListCell   *condition;

	/* What is wrong with the rule is said of the whole of it. */
	(void) RuleQueryAdd(RuleQueryBegin(space, NULL, RULE_FEATURES_GROUPED), text,
						BOOLOID, "rule", &type);
	m.joined = RuleQueryBegin(space, NULL, RULE_FEATURES_GROUPED);
	m.joined->text = text;
	initStringInfo(&m.where);
	foreach(cell, Clauses(RuleParse(text)))
		AddClause(&m, lfirst(cell));
	forboth(cell, m.groups, condition, m.conditions)
		AddGroup(&m, lfirst(cell), lfirst(condition),
				 WithoutEvents(lfirst(cell), lfirst(condition)) == 1);
	return psprintf("SELECT s.%s AS subject FROM %s s%s%s", Key(&m),
					PersonaRelationName(space->relid), RuleQueryJoins(m.joined),
					m.where.data);
}
