/*
 * parse.c: from a rule's text to a raw parse tree that holds nothing but what
 * the language allows.
 *
 * PostgreSQL's own parser does the reading, so a rule is SQL to the letter.
 * The check that follows knows the nodes it wants and refuses all others:
 * what a new major adds to the grammar stays outside until it is let in.
 * Nothing here looks into a catalog.
 */
#include "rule/rule.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"

typedef struct Check
{
	const char *text;
	int			nodes;
	int			depth;
} Check;

static void CheckNode(Check *check, Node *node);

/* ---- errors ---- */

/*
 * A client that was sent the rule inside of a statement points at the
 * statement, so the place in the rule is in the context too.
 */
static int
Place(const char *text, int position)
{
	internalerrquery(text);
	internalerrposition(position);
	return errcontext("character %d of the rule", position);
}

int
RulePosition(const char *text, int location)
{
	if (location < 0)
		return 0;
	return Place(text, pg_mbstrlen_with_len(text, location) + 1);
}

void
RuleTranspose(void *rule)
{
	int			position = geterrposition();

	if (position <= 0)
		return;
	errposition(0);
	Place(rule, position);
}

static void
Refuse(Check *check, Node *node, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s in a rule", what),
			 hint ? errhint("%s", hint) : 0,
			 RulePosition(check->text, node ? exprLocation(node) : -1)));
}


/* ---- the nodes of the language ---- */

static void
CheckList(Check *check, List *list)
{
	ListCell   *cell;

	foreach(cell, list)
		CheckNode(check, lfirst(cell));
}

static void
CheckColumn(Check *check, ColumnRef *column)
{
	ListCell   *cell;

	foreach(cell, column->fields)
		if (!IsA(lfirst(cell), String))
			Refuse(check, (Node *) column, "* is not allowed",
				   "Name a column, or count an event: count(purchase).");
	if (list_length(column->fields) > RULE_MAX_PATH)
		Refuse(check, (Node *) column,
			   psprintf("a name of more than %d parts is not allowed", RULE_MAX_PATH),
			   "Write column, facet.column, new.column or event.column.");
}

static bool
IsPgCatalog(List *names)
{
	return list_length(names) == 1 ||
		(list_length(names) == 2 &&
		 strcmp(strVal(linitial(names)), "pg_catalog") == 0);
}

static void
CheckOperator(Check *check, A_Expr *expr)
{
	if (expr->kind == AEXPR_SIMILAR)
		Refuse(check, (Node *) expr, "SIMILAR TO is not allowed",
			   "Use LIKE, or ~ with a regular expression.");
	if (!IsPgCatalog(expr->name))
		Refuse(check, (Node *) expr, "an operator of another schema is not allowed", NULL);
	CheckNode(check, expr->lexpr);
	CheckNode(check, expr->rexpr);
}

static void
CheckFunction(Check *check, FuncCall *call)
{
	if (call->over != NULL)
		Refuse(check, (Node *) call, "a window function is not allowed",
			   "Aggregates over events take FILTER (WHERE ago < '30 days').");
	if (call->agg_order != NIL || call->agg_within_group)
		Refuse(check, (Node *) call, "ORDER BY is not allowed",
			   "first() and last() go by the time of the event.");
	if (call->agg_star)
		Refuse(check, (Node *) call, "count(*) is not allowed",
			   "Name the event that is counted: count(purchase).");
	if (call->func_variadic)
		Refuse(check, (Node *) call, "VARIADIC is not allowed", NULL);
	if (!IsPgCatalog(call->funcname))
		Refuse(check, (Node *) call, "a function of another schema is not allowed",
			   "Rules call functions of PostgreSQL only.");
	/* By name alone, as types are: what it resolves to is for analysis. */
	if (!RuleKnowsCall(strVal(llast(call->funcname))))
		RuleRefuseFunction(check->text, call);
	CheckList(check, call->args);
	CheckNode(check, call->agg_filter);
}

/*
 * Refused by name before anything reads a literal as such a type: some look
 * into catalogs, some run code of users.
 */
static void
CheckTypeName(Check *check, TypeCast *cast)
{
	const char *name = strVal(llast(cast->typeName->names));

	if (!RuleKnowsType(name))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("type %s is not part of the rule language", name),
				 errhint("SELECT * FROM persona.rule_vocabulary() lists the types a rule may cast to."),
				 RulePosition(check->text, cast->typeName->location)));
}

static void
CheckCast(Check *check, TypeCast *cast)
{
	TypeName   *type = cast->typeName;
	ListCell   *cell;

	if (type->setof || type->pct_type || !IsPgCatalog(type->names))
		Refuse(check, (Node *) cast, "a cast to this type is not allowed",
			   "Cast to PostgreSQL's own types.");
	CheckTypeName(check, cast);
	foreach(cell, type->typmods)
		if (!IsA(lfirst(cell), A_Const) ||
			!IsA(&((A_Const *) lfirst(cell))->val, Integer) ||
			intVal(&((A_Const *) lfirst(cell))->val) > RULE_MAX_MODIFIER)
			Refuse(check, (Node *) cast, "this type modifier is not allowed", NULL);
	CheckNode(check, cast->arg);
}

static void
CheckCase(Check *check, CaseExpr *expr)
{
	ListCell   *cell;

	CheckNode(check, (Node *) expr->arg);
	foreach(cell, expr->args)
	{
		CaseWhen   *when = lfirst(cell);

		CheckNode(check, (Node *) when->expr);
		CheckNode(check, (Node *) when->result);
	}
	CheckNode(check, (Node *) expr->defresult);
}

static void
CheckSubscripts(Check *check, A_Indirection *indirection)
{
	ListCell   *cell;

	CheckNode(check, indirection->arg);
	foreach(cell, indirection->indirection)
	{
		A_Indices  *indices = lfirst(cell);

		if (!IsA(indices, A_Indices) || indices->is_slice)
			Refuse(check, (Node *) indirection, "only a single subscript is allowed",
				   "Write items[1], or data->'key' for jsonb.");
		CheckNode(check, indices->uidx);
	}
}

static void
CheckClock(Check *check, SQLValueFunction *value)
{
	if (value->op != SVFOP_CURRENT_DATE && value->op != SVFOP_CURRENT_TIMESTAMP)
		Refuse(check, (Node *) value, "this session value is not allowed",
			   "now() and current_date mean persona's clock.");
}

static void
CheckNode(Check *check, Node *node)
{
	if (node == NULL)
		return;
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (++check->nodes > RULE_MAX_NODES || ++check->depth > RULE_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the rule is too large"),
				 errdetail("A rule has at most %d nodes, %d deep.",
						   RULE_MAX_NODES, RULE_MAX_DEPTH),
				 errhint("Make segments of its parts and combine them with segment().")));
	switch (nodeTag(node))
	{
		case T_A_Const:
			break;
		case T_ColumnRef:
			CheckColumn(check, (ColumnRef *) node);
			break;
		case T_A_Expr:
			CheckOperator(check, (A_Expr *) node);
			break;
		case T_List:
			CheckList(check, (List *) node);
			break;
		case T_BoolExpr:
			CheckList(check, ((BoolExpr *) node)->args);
			break;
		case T_NullTest:
			CheckNode(check, (Node *) ((NullTest *) node)->arg);
			break;
		case T_BooleanTest:
			CheckNode(check, (Node *) ((BooleanTest *) node)->arg);
			break;
		case T_FuncCall:
			CheckFunction(check, (FuncCall *) node);
			break;
		case T_TypeCast:
			CheckCast(check, (TypeCast *) node);
			break;
		case T_CaseExpr:
			CheckCase(check, (CaseExpr *) node);
			break;
		case T_CoalesceExpr:
			CheckList(check, ((CoalesceExpr *) node)->args);
			break;
		case T_MinMaxExpr:
			CheckList(check, ((MinMaxExpr *) node)->args);
			break;
		case T_A_ArrayExpr:
			CheckList(check, ((A_ArrayExpr *) node)->elements);
			break;
		case T_A_Indirection:
			CheckSubscripts(check, (A_Indirection *) node);
			break;
		case T_SQLValueFunction:
			CheckClock(check, (SQLValueFunction *) node);
			break;
		case T_SubLink:
			Refuse(check, node, "a sub-select is not allowed",
				   "Ask about events with aggregates: count(purchase) FILTER (WHERE ...) > 0.");
			break;
		case T_ParamRef:
			Refuse(check, node, "a parameter is not allowed",
				   "Write the value itself.");
			break;
		case T_RowExpr:
			Refuse(check, node, "a row is not allowed",
				   "Compare column by column.");
			break;
		case T_CollateClause:
			Refuse(check, node, "COLLATE is not allowed", NULL);
			break;
		default:
			Refuse(check, node, "this expression is not allowed", NULL);
	}
	check->depth--;
}

/* The one expression of the statement, which must have nothing else. */
static Node *
OnlyExpression(const char *text, List *statements)
{
	SelectStmt *select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	ResTarget  *target;

	if (!IsA(select, SelectStmt) || list_length(select->targetList) != 1 ||
		select->distinctClause || select->fromClause || select->whereClause ||
		select->groupClause || select->havingClause || select->windowClause ||
		select->sortClause || select->limitCount || select->limitOffset ||
		select->lockingClause || select->valuesLists || select->withClause ||
		select->op != SETOP_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("a rule is one condition, as after WHERE"),
				 errhint("Write it as: country = 'DE' AND count(purchase) > 1.")));
	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("a rule is one condition, as after WHERE"),
				 errhint("Is an operator missing before \"%s\"?", target->name),
				 RulePosition(text, target->location)));
	return target->val;
}

/*
 * PostgreSQL's grammar, in which a backslash is one whatever the session sets:
 * a rule is one rule, and what it was written in is not written down with it.
 */
static List *
ParseAsStandard(const char *text)
{
	bool		strings = standard_conforming_strings;
	int			quote = backslash_quote;
	List	   *volatile statements = NIL;

	standard_conforming_strings = true;
	backslash_quote = BACKSLASH_QUOTE_ON;
	PG_TRY();
	{
		statements = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	}
	PG_FINALLY();
	{
		standard_conforming_strings = strings;
		backslash_quote = quote;
	}
	PG_END_TRY();
	return statements;
}

Node *
RuleParse(const char *text)
{
	ErrorContextCallback callback = {.callback = RuleTranspose,
	.arg = unconstify(char *, text), .previous = error_context_stack};
	Check		check = {.text = text};
	List	   *statements;
	Node	   *node;

	if (strlen(text) > RULE_MAX_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the rule is longer than %d bytes", RULE_MAX_LENGTH)));
	if (text[strspn(text, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the rule is empty"),
				 errhint("Write 'true' for everybody.")));
	error_context_stack = &callback;
	statements = ParseAsStandard(text);
	error_context_stack = callback.previous;
	node = OnlyExpression(text, statements);
	CheckNode(&check, node);
	return node;
}
