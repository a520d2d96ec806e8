/*
 * lineage.c: from a column of a view to the columns it is made of.
 *
 * What a view shows is a column of some table under another name, or computed
 * from several; who audits a message wants the table's. The view's query as
 * the parser left it says which columns stand in the expression of the one
 * that is asked about, through joins, sub-selects, CTEs and other views. What
 * merely decides which rows the view has is not in there: PostgreSQL's own
 * dependencies of the view have that.
 */
#include "audit/audit.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* A column of a table that is no view. */
typedef struct Base
{
	Oid			relid;
	AttrNumber	column;
} Base;

/* A query, and the one that it stands in: a Var may mean either. */
typedef struct Scope
{
	Query	   *query;
	struct Scope *outer;
	List	  **bases;			/* of Base *, each once */
} Scope;

static void AddColumn(List **bases, Oid relid, AttrNumber column);
static bool AddExpression(Node *node, Scope *scope);

static void
AddBase(List **bases, Oid relid, AttrNumber column)
{
	Base	   *base;
	ListCell   *cell;

	foreach(cell, *bases)
	{
		base = lfirst(cell);
		if (base->relid == relid && base->column == column)
			return;
	}
	base = palloc(sizeof(Base));
	base->relid = relid;
	base->column = column;
	*bases = lappend(*bases, base);
}

/* Column `number` of what a query selects, or returns. */
static void
AddTarget(Query *query, AttrNumber number, Scope *outer, List **bases)
{
	Scope		scope = {query, outer, bases};
	List	   *branches = NIL;
	ListCell   *cell;

	/* UNION and its like: the column of each branch. */
	if (query->setOperations != NULL)
	{
		foreach(cell, query->rtable)
			if (((RangeTblEntry *) lfirst(cell))->rtekind == RTE_SUBQUERY)
				branches = lappend(branches, ((RangeTblEntry *) lfirst(cell))->subquery);
		foreach(cell, branches)
			AddTarget(lfirst(cell), number, &scope, bases);
		return;
	}
	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (entry->resno == number && !entry->resjunk)
			(void) AddExpression((Node *) entry->expr, &scope);
	}
}

/* A column of a CTE, which stands in this query or one around it. */
static void
AddOfCte(RangeTblEntry *rte, AttrNumber number, Scope *scope)
{
	ListCell   *cell;

	for (Index up = 0; up < rte->ctelevelsup && scope->outer != NULL; up++)
		scope = scope->outer;
	/* A recursive one asks for itself: its first branch has said all. */
	if (rte->self_reference)
		return;
	foreach(cell, scope->query->cteList)
	{
		CommonTableExpr *cte = lfirst(cell);

		if (strcmp(cte->ctename, rte->ctename) == 0 && IsA(cte->ctequery, Query))
			AddTarget((Query *) cte->ctequery, number, scope, scope->bases);
	}
}

static void
AddVar(Var *var, Scope *scope)
{
	RangeTblEntry *rte;

	for (Index up = 0; up < var->varlevelsup && scope->outer != NULL; up++)
		scope = scope->outer;
	rte = rt_fetch(var->varno, scope->query->rtable);
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			AddColumn(scope->bases, rte->relid, var->varattno);
			break;
		case RTE_SUBQUERY:
			AddTarget(rte->subquery, var->varattno, scope, scope->bases);
			break;
		case RTE_JOIN:
			if (var->varattno > 0)
				(void) AddExpression(list_nth(rte->joinaliasvars,
											  var->varattno - 1), scope);
			break;
		case RTE_CTE:
			AddOfCte(rte, var->varattno, scope);
			break;
		case RTE_FUNCTION:
			(void) AddExpression((Node *) rte->functions, scope);
			break;
		case RTE_VALUES:
			(void) AddExpression((Node *) rte->values_lists, scope);
			break;
		default:
			break;
	}
}

/* Every column in an expression; of a sub-select, all that it reads. */
static bool
AddExpression(Node *node, Scope *scope)
{
	check_stack_depth();
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		AddVar((Var *) node, scope);
		return false;
	}
	if (IsA(node, Query))
	{
		Scope		inner = {(Query *) node, scope, scope->bases};

		return query_tree_walker((Query *) node, AddExpression, &inner,
								 QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
	}
	return expression_tree_walker(node, AddExpression, scope);
}

/* A column of a relation; the whole row counts as all of them. */
static void
AddColumn(List **bases, Oid relid, AttrNumber column)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	char		kind = rel->rd_rel->relkind;

	if (column == 0)
	{
		for (int i = 1; i <= RelationGetNumberOfAttributes(rel); i++)
			if (!TupleDescAttr(RelationGetDescr(rel), i - 1)->attisdropped)
				AddColumn(bases, relid, i);
	}
	else if ((kind == RELKIND_VIEW || kind == RELKIND_MATVIEW) &&
			 rel->rd_rules != NULL && rel->rd_rules->numLocks > 0)
		AddTarget(linitial_node(Query, rel->rd_rules->rules[0]->actions),
				  column, NULL, bases);
	else
		AddBase(bases, relid, column);
	relation_close(rel, AccessShareLock);
}

PG_FUNCTION_INFO_V1(persona_base_columns);

/* persona.base_columns(relation, col): the table columns it is made of. */
Datum
persona_base_columns(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	AttrNumber	column = get_attnum(relid, name);
	List	   *bases = NIL;
	ListCell   *cell;

	if (column == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" does not exist in %s", name,
						get_rel_name(relid) ? get_rel_name(relid) : "that relation")));
	InitMaterializedSRF(fcinfo, 0);
	AddColumn(&bases, relid, column);
	foreach(cell, bases)
	{
		Base	   *base = lfirst(cell);
		Datum		values[] = {
			ObjectIdGetDatum(base->relid),
			CStringGetTextDatum(get_attname(base->relid, base->column, false))
		};
		bool		nulls[lengthof(values)] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
