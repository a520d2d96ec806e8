/*
 * check.c: what PostgreSQL's analysis made of a rule.
 *
 * A name in a rule may resolve to anything; what it did resolve to is checked
 * here, by OID, against the list of allowed signatures. Operators, functions
 * and casts of users, and types that could bring their code along, end here.
 */
#include "rule/rule.h"

#include "rule/allowed.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"

typedef struct Check
{
	const char *text;
} Check;

/* ---- the list, by OID ---- */

static HTAB *allowed;			/* OIDs of functions and aggregates */

static void
Allow(Oid function)
{
	if (OidIsValid(function))
		(void) hash_search(allowed, &function, HASH_ENTER, NULL);
}

static void
AllowOperator(const char *signature)
{
	Datum		op = DirectFunctionCall1(to_regoperator,
										 CStringGetTextDatum(signature));

	if (OidIsValid(DatumGetObjectId(op)))
		Allow(get_opcode(DatumGetObjectId(op)));
}

static void
AllowFunction(const char *signature)
{
	Allow(DatumGetObjectId(DirectFunctionCall1(to_regprocedure,
											   CStringGetTextDatum(signature))));
}

/*
 * Resolves the signatures once a backend: what pg_catalog holds cannot change
 * under a running server.
 */
static void
LoadAllowed(void)
{
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(Oid),
	.hcxt = TopMemoryContext};

	allowed = hash_create("persona allowed functions", 1024, &control,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < lengthof(allowed_operators); i++)
		AllowOperator(allowed_operators[i]);
	for (int i = 0; i < lengthof(allowed_functions); i++)
		AllowFunction(allowed_functions[i]);
	for (int i = 0; i < lengthof(allowed_aggregates); i++)
		AllowFunction(allowed_aggregates[i]);
}

/* The name in a signature such as "left"(text,integer). */
static char *
SignatureName(const char *signature)
{
	const char *start = signature + (*signature == '"');

	return pnstrdup(start, strcspn(start, "\"("));
}

static bool
Knows(const char *const *signatures, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(SignatureName(signatures[i]), name) == 0)
			return true;
	return false;
}

bool
RuleKnowsFunction(const char *name)
{
	return Knows(allowed_functions, lengthof(allowed_functions), name);
}

bool
RuleKnowsAggregate(const char *name)
{
	return strcmp(name, "first") == 0 || strcmp(name, "last") == 0 ||
		Knows(allowed_aggregates, lengthof(allowed_aggregates), name);
}

List *
RuleFunctionNames(void)
{
	List	   *names = list_make4("ago", "segment", "first", "last");

	for (int i = 0; i < lengthof(allowed_functions); i++)
		names = lappend(names, SignatureName(allowed_functions[i]));
	for (int i = 0; i < lengthof(allowed_aggregates); i++)
		names = lappend(names, SignatureName(allowed_aggregates[i]));
	return names;
}

/* ---- types ---- */

/*
 * Built-in types whose input reads no catalog; arrays of them; enums, whose
 * labels are data; and domains over these, which a column may have but no
 * rule may cast to.
 */
static bool
IsAllowedType(Oid type)
{
	static const Oid builtin[] = {
		BOOLOID, INT2OID, INT4OID, INT8OID, FLOAT4OID, FLOAT8OID, NUMERICOID,
		TEXTOID, VARCHAROID, BPCHAROID, BYTEAOID, DATEOID, TIMEOID, TIMETZOID,
		TIMESTAMPOID, TIMESTAMPTZOID, INTERVALOID, UUIDOID, JSONBOID, INETOID,
		CIDROID, UNKNOWNOID, INT4RANGEOID, INT8RANGEOID, NUMRANGEOID,
		DATERANGEOID, TSRANGEOID, TSTZRANGEOID
	};
	Oid			element;

	type = getBaseType(type);
	element = get_element_type(type);
	if (OidIsValid(element))
		type = getBaseType(element);
	for (int i = 0; i < lengthof(builtin); i++)
		if (type == builtin[i])
			return true;
	return get_typtype(type) == TYPTYPE_ENUM;
}

static void
CheckType(Check *check, Node *node)
{
	Oid			type = exprType(node);

	if (!IsAllowedType(type))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("type %s is not part of the rule language",
						format_type_be(type)),
				 errhint("Rules compare numbers, texts, times, booleans, uuids, enums, jsonb, ranges and arrays of these."),
				 RulePosition(check->text, exprLocation(node))));
}

/* ---- functions ---- */

static void
RefuseFunction(Check *check, Node *node, Oid function)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s is not part of the rule language",
					format_procedure(function)),
			 errhint("docs/rule.md lists what a rule may call."),
			 RulePosition(check->text, exprLocation(node))));
}

static bool
IsOurs(Oid function)
{
	return function >= FirstNormalObjectId &&
		get_func_namespace(function) == get_namespace_oid("persona", false) &&
		(strcmp(get_func_name(function), "now") == 0 ||
		 strcmp(get_func_name(function), "ago") == 0);
}

static void
CheckFunction(Check *check, Node *node, Oid function)
{
	if (hash_search(allowed, &function, HASH_FIND, NULL) == NULL &&
		!IsOurs(function))
		RefuseFunction(check, node, function);
}

static bool
IsRegex(Oid function)
{
	return function == F_TEXTREGEXEQ || function == F_TEXTREGEXNE ||
		function == F_TEXTICREGEXEQ || function == F_TEXTICREGEXNE ||
		function == F_BPCHARREGEXEQ || function == F_BPCHARREGEXNE ||
		function == F_BPCHARICREGEXEQ || function == F_BPCHARICREGEXNE;
}

/* Why a pattern could run away; NULL where it cannot. */
static const char *
DangerOf(const char *pattern)
{
	if (strlen(pattern) > RULE_MAX_REGEX)
		return psprintf("It is longer than %d bytes.", RULE_MAX_REGEX);
	for (const char *c = pattern; *c != '\0'; c++)
	{
		if (*c == '\\' && c[1] >= '1' && c[1] <= '9')
			return "It refers back to what it matched.";
		if (*c == '\\' && c[1] != '\0')
			c++;
		else if (*c == '{')
			for (const char *d = c + 1; *d != '\0' && *d != '}'; d++)
				if (atoi(d) > RULE_MAX_REPEAT)
					return psprintf("It repeats more than %d times.",
									RULE_MAX_REPEAT);
	}
	return NULL;
}

static void
CheckRegex(Check *check, OpExpr *op)
{
	Const	   *pattern = (Const *) lsecond(op->args);
	const char *danger = "It is not a constant.";

	if (IsA(pattern, Const))
		danger = pattern->constisnull ? NULL :
			DangerOf(TextDatumGetCString(pattern->constvalue));
	if (danger != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this regular expression is not allowed in a rule"),
				 errdetail("%s", danger),
				 errhint("Use LIKE, or a short pattern without back-references."),
				 RulePosition(check->text, op->location)));
}

/* The functions that a node calls by OID, whatever kind of node it is. */
static bool
CheckCalled(Oid function, void *arg)
{
	return hash_search(allowed, &function, HASH_FIND, NULL) == NULL &&
		!IsOurs(function);
}

/*
 * Conversions through text run the input and output functions of both types;
 * those of allowed types are PostgreSQL's own. MIN/MAX of a type and array
 * comparison call its btree support, likewise.
 */
static bool
IsConversion(Node *node)
{
	return IsA(node, CoerceViaIO) || IsA(node, MinMaxExpr) ||
		IsA(node, ArrayCoerceExpr);
}

static bool
IsKnown(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Const:
		case T_Var:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_ArrayExpr:
		case T_SubscriptingRef:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_Aggref:
		case T_SortGroupClause: /* of DISTINCT */
		case T_TargetEntry:
		case T_List:
			return true;
		default:
			return false;
	}
}

static bool
Walk(Node *node, Check *check)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (!IsKnown(node))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this expression is not allowed in a rule"),
				 RulePosition(check->text, exprLocation(node))));
	if (IsA(node, Aggref))
		CheckFunction(check, node, ((Aggref *) node)->aggfnoid);
	else if (!IsConversion(node) && check_functions_in_node(node, CheckCalled, NULL))
		RefuseFunction(check, node, IsA(node, FuncExpr) ?
					   ((FuncExpr *) node)->funcid : ((OpExpr *) node)->opfuncid);
	if (IsA(node, OpExpr) && IsRegex(((OpExpr *) node)->opfuncid))
		CheckRegex(check, (OpExpr *) node);
	if (!IsA(node, TargetEntry) && !IsA(node, List) &&
		!IsA(node, SortGroupClause))
		CheckType(check, node);
	return expression_tree_walker(node, Walk, check);
}

/* ---- analysis ---- */

static Query *
Analyse(const char *text, Node *node, const char *from)
{
	ErrorContextCallback callback = {.callback = RuleTranspose,
	.arg = unconstify(char *, text), .previous = error_context_stack};
	RawStmt    *statement = linitial_node(RawStmt,
										  raw_parser(psprintf("SELECT 1 %s", from),
													 RAW_PARSE_DEFAULT));
	SelectStmt *select = (SelectStmt *) statement->stmt;
	Query	   *query;

	linitial_node(ResTarget, select->targetList)->val = node;
	error_context_stack = &callback;
	query = parse_analyze_fixedparams(statement, text, NULL, 0, NULL);
	error_context_stack = callback.previous;
	return query;
}

Query *
RuleAnalyseQuery(const char *text, Node *node, const char *from)
{
	Check		check = {.text = text};
	Query	   *query;
	TargetEntry *target;

	if (allowed == NULL)
		LoadAllowed();
	/* Analysis scribbles on what it is given. */
	query = Analyse(text, copyObject(node), from);
	target = linitial_node(TargetEntry, query->targetList);
	(void) Walk((Node *) target, &check);
	return query;
}

Oid
RuleAnalyse(const char *text, Node *node, const char *from)
{
	Query	   *query = RuleAnalyseQuery(text, node, from);

	return exprType((Node *) linitial_node(TargetEntry, query->targetList)->expr);
}
