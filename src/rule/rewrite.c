/*
 * rewrite.c: what the names of a rule mean.
 *
 * Works on the raw tree, before PostgreSQL types it. A bare name is a column
 * of the subject (s), new.name one of the starting event (n). Aggregates over
 * events go to feature.c; inside of them bare names and event.name are the
 * event's columns (e). A name may go on through facets, each of which is
 * joined where it is first met: crm.industry, new.product.supplier.country.
 * What comes out is plain SQL and keeps the places of the rule's text.
 */
#include "rule/scope.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"

/* ---- small makers ---- */

Node *
RuleMakeColumn(const char *alias, const char *column, int location)
{
	ColumnRef  *ref = makeNode(ColumnRef);

	ref->fields = list_make2(makeString(pstrdup(alias)),
							 makeString(pstrdup(column)));
	ref->location = location;
	return (Node *) ref;
}

Node *
RuleMakeCall(const char *function, List *args, int location)
{
	return (Node *) makeFuncCall(list_make2(makeString("persona"),
											makeString(pstrdup(function))),
								 args, COERCE_EXPLICIT_CALL, location);
}

/* Its places would be read as places of another text. */
static bool
ForgetPlaces(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_A_Const:
			((A_Const *) node)->location = -1;
			break;
		case T_ColumnRef:
			((ColumnRef *) node)->location = -1;
			break;
		case T_FuncCall:
			((FuncCall *) node)->location = -1;
			break;
		case T_A_Expr:
			((A_Expr *) node)->location = -1;
			break;
		case T_TypeCast:
			((TypeCast *) node)->location = -1;
			((TypeCast *) node)->typeName->location = -1;
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, ForgetPlaces, arg);
}

Node *
RuleWithoutPlaces(Node *node)
{
	(void) ForgetPlaces(node, NULL);
	return node;
}

/* A raw tree of our own SQL, which has no place in a rule. */
Node *
RuleParseOwn(const char *sql)
{
	List	   *statements = raw_parser(sql, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;

	return RuleWithoutPlaces(linitial_node(ResTarget, select->targetList)->val);
}

bool
RuleIsName(Node *node, const char *name)
{
	ColumnRef  *ref = (ColumnRef *) node;

	return IsA(node, ColumnRef) && list_length(ref->fields) == 1 &&
		strcmp(strVal(linitial(ref->fields)), name) == 0;
}

/* ---- columns ---- */

/* Where a name stands: a row of a source. */
typedef struct Place
{
	const char *source;			/* subject, an event's or a facet's name */
	Oid			relid;
	const char *alias;
} Place;

static List *
ColumnsOf(Oid relid)
{
	List	   *columns = NIL;
	char	   *name;

	for (AttrNumber i = 1; (name = get_attname(relid, i, true)) != NULL; i++)
		if (get_attnum(relid, name) == i)
			columns = lappend(columns, name);
	return columns;
}

/* What a source's name by itself may have been meant to be; or NULL. */
static char *
SourceHint(Scope *scope, const char *name)
{
	const Space *space = scope->query->space;

	if (SpaceFindEvent(space, name) != NULL)
		return psprintf("It is an event: ask how many there are, count(%s), or of their columns, max(%s.column).",
						name, name);
	if (SpaceFindFacet(space, name) != NULL)
		return psprintf("It is a facet: a rule or a token names a column of it, %s.column.", name);
	return NULL;
}

static void
RefuseColumn(Scope *scope, const Place *place, const char *name, int location)
{
	List	   *columns = ColumnsOf(place->relid);
	List	   *known = columns;
	const char *hint = NULL;
	const char *near;

	if (strcmp(place->source, "subject") == 0)
	{
		known = list_concat_copy(columns, SpaceSourceNames(scope->query->space));
		hint = SourceHint(scope, name);
	}
	near = hint ? NULL : PersonaSuggest(name, known);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s has no column \"%s\"", PersonaRelationName(place->relid), name),
			 hint ? errhint("%s", hint) :
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Its columns are: %s.", PersonaJoin(columns)),
			 RulePosition(scope->query->text, location)));
}

void
RuleNoteUse(RuleQuery *query, const char *source, const char *column)
{
	RuleUse    *use;
	ListCell   *cell;

	foreach(cell, query->uses)
	{
		use = lfirst(cell);
		if (strcmp(use->source, source) == 0 && strcmp(use->column, column) == 0)
			return;
	}
	use = palloc(sizeof(RuleUse));
	use->source = pstrdup(source);
	use->column = pstrdup(column);
	query->uses = lappend(query->uses, use);
}

/* Whether a type has the value NaN, which compares as above all numbers. */
static bool
HasNan(Oid type)
{
	type = getBaseType(type);
	return type == NUMERICOID || type == FLOAT8OID || type == FLOAT4OID;
}

static Node *
ColumnOf(Scope *scope, const Place *place, const char *name, int location)
{
	Node	   *column;
	Oid			type;

	name = RuleCurrentName(scope->query, place->source, name, location);
	if (get_attnum(place->relid, name) <= 0)
		RefuseColumn(scope, place, name, location);
	/* Before a literal is read as of that type, which may run code. */
	type = get_atttype(place->relid, get_attnum(place->relid, name));
	RuleCheckType(scope->query->text, type, location);
	RuleNoteUse(scope->query, place->source, name);
	column = RuleMakeColumn(place->alias, name, location);
	if (!scope->query->nan_is_unknown || !HasNan(type))
		return column;
	return (Node *) makeSimpleA_Expr(AEXPR_NULLIF, "=", column,
									 RuleParseOwn("'NaN'"), location);
}

Node *
RuleEventTime(Scope *scope, const char *what, int location)
{
	const SpaceEvent *event = scope->source->event;

	if (event->at.name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("event \"%s\" has no time, so it has no %s",
						event->name, what),
				 errhint("Name its time column: define_event('%s', ..., at => 'column').",
						 event->name),
				 RulePosition(scope->query->text, location)));
	RuleNoteUse(scope->query, event->name, event->at.name);
	return RuleParseOwn(SpaceEventTime(event, "e"));
}

/* ---- facets ---- */

const char *
RuleFacetRoot(const Space *space, const SpaceFacet *facet)
{
	const SpaceFacet *parent;

	while (facet->parent != NULL &&
		   (parent = SpaceFindFacet(space, facet->parent)) != NULL)
		facet = parent;
	return facet->parent;
}

static RuleJoin *
FindJoin(List *joins, const SpaceFacet *facet, const char *parent)
{
	ListCell   *cell;

	foreach(cell, joins)
	{
		RuleJoin   *join = lfirst(cell);

		if (join->facet == facet && strcmp(join->parent, parent) == 0)
			return join;
	}
	return NULL;
}

static RuleJoin *
MakeJoin(const SpaceFacet *facet, const char *parent, char *alias)
{
	RuleJoin   *join = palloc(sizeof(RuleJoin));

	join->facet = facet;
	join->parent = parent;
	join->alias = alias;
	return join;
}

/* A facet of the subject or of new is joined beside the features. */
static RuleJoin *
JoinOutside(RuleQuery *query, const SpaceFacet *facet, const char *parent)
{
	List	   *joins = NIL;
	RuleSource *source;
	RuleJoin   *join;
	ListCell   *cell;

	foreach(cell, query->sources)
		if (((RuleSource *) lfirst(cell))->join != NULL)
			joins = lappend(joins, ((RuleSource *) lfirst(cell))->join);
	join = FindJoin(joins, facet, parent);
	if (join != NULL)
		return join;
	source = palloc0(sizeof(RuleSource));
	source->alias = psprintf("c%d", list_length(joins) + 1);
	source->join = MakeJoin(facet, parent, pstrdup(source->alias));
	query->sources = lappend(query->sources, source);
	return source->join;
}

/* A facet of an event is joined inside its feature. */
static RuleJoin *
JoinInside(RuleSource *source, const SpaceFacet *facet, const char *parent)
{
	RuleJoin   *join = FindJoin(source->joins, facet, parent);

	if (join == NULL)
	{
		join = MakeJoin(facet, parent,
						psprintf("e%d", list_length(source->joins) + 1));
		source->joins = lappend(source->joins, join);
	}
	return join;
}

static void
RefuseFacet(Scope *scope, const Place *place, const SpaceFacet *facet,
			int location)
{
	const char *root = RuleFacetRoot(scope->query->space, facet);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
			 errmsg("facet \"%s\" belongs to %s%s, not to %s", facet->name,
					root ? "event " : "the subject", root ? root : "",
					strcmp(place->source, "subject") == 0 ? "the subject" : place->source),
			 root ? errhint("Use it inside an aggregate: count(%s) FILTER (WHERE %s.column = ...), or as new.%s.column.",
							root, facet->name, facet->name) :
			 errhint("Use it outside of the aggregate."),
			 RulePosition(scope->query->text, location)));
}

/* From a place to a facet of it, by way of the facets in between. */
static Place
StepTo(Scope *scope, Place place, const SpaceFacet *facet, int location)
{
	const char *parent = facet->parent ? facet->parent : "subject";
	const SpaceFacet *between;
	RuleJoin   *join;

	if (strcmp(parent, place.source) != 0)
	{
		between = SpaceFindFacet(scope->query->space, parent);
		if (between == NULL)
			RefuseFacet(scope, &place, facet, location);
		place = StepTo(scope, place, between, location);
	}
	RuleNoteUse(scope->query, place.source, facet->via.name);
	RuleNoteUse(scope->query, facet->name, facet->key.name);
	join = place.alias[0] == 'e' ?
		JoinInside(scope->source, facet, place.alias) :
		JoinOutside(scope->query, facet, place.alias);
	return (Place)
	{
		facet->name, facet->relid, join->alias
	};
}

/* ---- names ---- */

static Place
SubjectPlace(Scope *scope)
{
	return (Place)
	{
		"subject", scope->query->space->relid, "s"
	};
}

static Place
EventPlace(const SpaceEvent *event, const char *alias)
{
	return (Place)
	{
		event->name, event->relid, alias
	};
}

static Place
NewPlace(Scope *scope, int location)
{
	if (scope->query->event == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("\"new\" is the event that starts a moment, and here no event does"),
				 errhint("Use it in the rules and templates of a moment with on_event, or on_request for what came with the request."),
				 RulePosition(scope->query->text, location)));
	return EventPlace(scope->query->event, "n");
}

/* new.cart.total of a request: n.context #>> '{"cart","total"}' */
static Node *
ContextValue(ColumnRef *ref)
{
	StringInfoData path;
	ListCell   *cell;

	initStringInfo(&path);
	for_each_from(cell, ref->fields, 1)
	{
		appendStringInfoString(&path, path.len ? ",\"" : "{\"");
		for (const char *c = strVal(lfirst(cell)); *c != '\0'; c++)
		{
			if (*c == '"' || *c == '\\')
				appendStringInfoChar(&path, '\\');
			appendStringInfoChar(&path, *c);
		}
		appendStringInfoChar(&path, '"');
	}
	appendStringInfoChar(&path, '}');
	return RuleParseOwn(psprintf("n.context #>> %s", PersonaLiteral(path.data)));
}

/* `ago` is how long ago the event was; an event may have such a column, too. */
static Node *
RewriteAgo(Scope *scope, const Place *place, int location)
{
	bool		is_column = get_attnum(place->relid, "ago") > 0;

	if (scope->source == NULL && is_column)
		return ColumnOf(scope, place, "ago", location);
	if (scope->source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("ago stands inside an event's FILTER"),
				 errhint("Write count(purchase) FILTER (WHERE ago < '30 days'), or ago(column)."),
				 RulePosition(scope->query->text, location)));
	if (is_column)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("\"ago\" is ambiguous: event \"%s\" has a column of that name",
						place->source),
				 errhint("Write %s.ago for the column, ago(%s) for how long ago it was.",
						 place->source,
						 scope->source->event->at.name ? scope->source->event->at.name : "at"),
				 RulePosition(scope->query->text, location)));
	return RuleMakeCall("ago", list_make1(RuleEventTime(scope, "ago", location)),
						location);
}

static void
RefuseName(Scope *scope, const char *first, const char *second, int location)
{
	const Space *space = scope->query->space;
	const char *near = PersonaSuggest(first, SpaceSourceNames(space));

	if (SpaceFindEvent(space, first) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("%s.%s has many values for one customer", first, second),
				 errhint("Say which: last(%s.%s), max(%s.%s), bool_or(%s.%s = ...).",
						 first, second, first, second, first, second),
				 RulePosition(scope->query->text, location)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("\"%s\" is neither an event, a facet nor \"new\"", first),
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Define it first: SELECT * FROM persona.define_facet('%s', 'a_table'), or persona.define_event for one with many rows a customer.",
					 first),
			 RulePosition(scope->query->text, location)));
}

static Node *
RewriteColumn(Scope *scope, ColumnRef *ref)
{
	Place		place = scope->source ? EventPlace(scope->source->event, "e") :
	SubjectPlace(scope);
	int			n = list_length(ref->fields);
	const char *first = strVal(linitial(ref->fields));
	int			i = 0;

	if (n == 1 && strcmp(first, "ago") == 0)
		return RewriteAgo(scope, &place, ref->location);
	if (n > 1 && strcmp(first, "new") == 0 && scope->query->has_context)
		return ContextValue(ref);
	if (n > 1 && strcmp(first, "new") == 0)
	{
		place = NewPlace(scope, ref->location);
		i = 1;
	}
	else if (n > 1 && scope->source && strcmp(first, place.source) == 0)
		i = 1;
	for (; i < n - 1; i++)
	{
		const char *name = strVal(list_nth(ref->fields, i));
		SpaceFacet *facet = SpaceFindFacet(scope->query->space, name);

		if (facet == NULL)
			RefuseName(scope, name, strVal(list_nth(ref->fields, i + 1)),
					   ref->location);
		place = StepTo(scope, place, facet, ref->location);
	}
	return ColumnOf(scope, &place, strVal(llast(ref->fields)), ref->location);
}

/* ---- calls ---- */

static List *
RewriteList(Scope *scope, List *list)
{
	List	   *rewritten = NIL;
	ListCell   *cell;

	foreach(cell, list)
		rewritten = lappend(rewritten, RuleRewriteIn(scope, lfirst(cell)));
	return rewritten;
}

void
RuleRefuseFunction(const char *text, FuncCall *call)
{
	const char *name = strVal(llast(call->funcname));
	const char *near = PersonaSuggest(name, RuleFunctionNames());

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("function %s() is not part of the rule language", name),
			 near ? errhint("Did you mean %s()?", near) :
			 errhint("docs/rule.md lists the functions a rule may call."),
			 RulePosition(text, call->location)));
}

static Node *
RewriteFunction(Scope *scope, FuncCall *call)
{
	const char *name = strVal(llast(call->funcname));
	bool		bare = list_length(call->funcname) == 1;
	FuncCall   *copy;

	if (bare && strcmp(name, "segment") == 0)
		return RuleSegment(scope, call);
	if (bare && strcmp(name, "ago") == 0)
		return RuleMakeCall("ago", RewriteList(scope, call->args), call->location);
	if (bare && strcmp(name, "now") == 0 && call->args == NIL)
		return RuleMakeCall("now", NIL, call->location);
	if (RuleKnowsAggregate(name))
		return RuleAggregate(scope, call, name);
	if (!RuleKnowsFunction(name))
		RuleRefuseFunction(scope->query->text, call);
	if (call->agg_filter != NULL || call->agg_distinct)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s() is no aggregate and takes no FILTER or DISTINCT", name),
				 RulePosition(scope->query->text, call->location)));
	copy = makeFuncCall(list_make2(makeString("pg_catalog"),
								   makeString(pstrdup(name))),
						RewriteList(scope, call->args), COERCE_EXPLICIT_CALL,
						call->location);
	return (Node *) copy;
}

static Node *
RewriteClock(SQLValueFunction *value)
{
	if (value->op == SVFOP_CURRENT_TIMESTAMP)
		return RuleMakeCall("now", NIL, value->location);
	return RuleParseOwn("(persona.now() AT TIME ZONE 'UTC')::pg_catalog.date");
}

/* ---- everything else is rewritten in its parts ---- */

#define REWRITE(field) (field) = (void *) RuleRewriteIn(scope, (Node *) (field))

static void
RewriteParts(Scope *scope, Node *node)
{
	switch (nodeTag(node))
	{
		case T_A_Expr:
			REWRITE(((A_Expr *) node)->lexpr);
			REWRITE(((A_Expr *) node)->rexpr);
			break;
		case T_BoolExpr:
			REWRITE(((BoolExpr *) node)->args);
			break;
		case T_NullTest:
			REWRITE(((NullTest *) node)->arg);
			break;
		case T_BooleanTest:
			REWRITE(((BooleanTest *) node)->arg);
			break;
		case T_TypeCast:
			REWRITE(((TypeCast *) node)->arg);
			break;
		case T_CaseExpr:
			REWRITE(((CaseExpr *) node)->arg);
			REWRITE(((CaseExpr *) node)->args);
			REWRITE(((CaseExpr *) node)->defresult);
			break;
		case T_CaseWhen:
			REWRITE(((CaseWhen *) node)->expr);
			REWRITE(((CaseWhen *) node)->result);
			break;
		case T_CoalesceExpr:
			REWRITE(((CoalesceExpr *) node)->args);
			break;
		case T_MinMaxExpr:
			REWRITE(((MinMaxExpr *) node)->args);
			break;
		case T_A_ArrayExpr:
			REWRITE(((A_ArrayExpr *) node)->elements);
			break;
		case T_A_Indirection:
			REWRITE(((A_Indirection *) node)->arg);
			REWRITE(((A_Indirection *) node)->indirection);
			break;
		case T_A_Indices:
			REWRITE(((A_Indices *) node)->uidx);
			break;
		default:
			break;				/* a constant has no parts */
	}
}

Node *
RuleRewriteIn(Scope *scope, Node *node)
{
	if (node == NULL)
		return NULL;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_List:
			return (Node *) RewriteList(scope, (List *) node);
		case T_ColumnRef:
			return RewriteColumn(scope, (ColumnRef *) node);
		case T_FuncCall:
			return RewriteFunction(scope, (FuncCall *) node);
		case T_SQLValueFunction:
			return RewriteClock((SQLValueFunction *) node);
		default:
			RewriteParts(scope, node);
			return node;
	}
}

Node *
RuleRewriteCondition(Scope *scope, Node *node)
{
	Node	   *window = NULL;
	ListCell   *cell;

	if (node != NULL && IsA(node, BoolExpr) &&
		((BoolExpr *) node)->boolop != NOT_EXPR)
	{
		check_stack_depth();
		foreach(cell, ((BoolExpr *) node)->args)
			lfirst(cell) = RuleRewriteCondition(scope, lfirst(cell));
		return node;
	}
	if (node != NULL && IsA(node, A_Expr))
		window = RuleWindow(scope, (A_Expr *) node);
	return window ? window : RuleRewriteIn(scope, node);
}

Node *
RuleRewrite(RuleQuery *query, Node *node)
{
	Scope		scope = {.query = query};

	return RuleRewriteIn(&scope, node);
}
