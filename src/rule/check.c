/*
 * check.c: what PostgreSQL's analysis made of a rule.
 *
 * A name in a rule may resolve to anything; what it did resolve to is checked
 * here, by OID, against the list of allowed signatures. Operators, functions
 * and casts of users, and types that could bring their code along, end here;
 * and so do calls which, nested in each other, would multiply a short text.
 */
#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

typedef struct Check
{
	const char *text;
	int			regex;			/* the size of its patterns together */
	int			concatenations;
	bool		in_array_text;	/* within an array's conversion to text */
} Check;

static bool Walk(Node *node, void *context);

/* ---- refusals ---- */

void
RuleCheckType(const char *text, Oid type, int location)
{
	if (!RuleAllowsType(type))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("type %s is not part of the rule language",
						format_type_be(type)),
				 errhint("Rules compare numbers, texts, times, booleans, uuids, enums, addresses, jsonb, ranges and arrays of these."),
				 RulePosition(text, location)));
}

static void
RefuseFunction(Check *check, Node *node, Oid function)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s is not part of the rule language",
					format_procedure(function)),
			 errhint("SELECT * FROM persona.rule_vocabulary() lists what a rule may call."),
			 RulePosition(check->text, exprLocation(node))));
}

static void
RefuseUse(Check *check, Node *node, const char *what, const char *detail,
		  const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s is not allowed in a rule", what),
			 errdetail("%s", detail), errhint("%s", hint),
			 RulePosition(check->text, exprLocation(node))));
}

/* ---- calls that are allowed within limits ---- */

/* The length of a constant text; -1 for what is none. */
static int
ConstantLength(Node *arg)
{
	Const	   *value = (Const *) arg;

	if (!IsA(arg, Const))
		return -1;
	return value->constisnull ? 0 : strlen(TextDatumGetCString(value->constvalue));
}

static void
CheckReplace(Check *check, Node *node, List *args)
{
	int			with = ConstantLength(lthird(args));

	if (with < 0 || with > ConstantLength(lsecond(args)))
		RefuseUse(check, node, "this replace()",
				  "Its last two arguments are constants, and the last is no longer than the one it replaces.",
				  "Compare with the text as it is, or remove parts with replace(column, 'x', '').");
}

static void
CheckPadding(Check *check, Node *node, List *args)
{
	Const	   *length = lsecond(args);

	if (!IsA(length, Const) ||
		(!length->constisnull &&
		 DatumGetInt32(length->constvalue) > RULE_MAX_PADDING))
		RefuseUse(check, node, "this padding",
				  psprintf("The length is a constant of at most %d.", RULE_MAX_PADDING),
				  "Write lpad(column, 10, '0').");
}

/* As texts, arrays quote what is in them: nested, they would double it. */
static void
CheckNoArray(Check *check, Node *node, List *args)
{
	ListCell   *cell;

	foreach(cell, args)
		if (OidIsValid(get_element_type(getBaseType(exprType(lfirst(cell))))))
			RefuseUse(check, node, "an array as a text",
					  "concat() takes single values.",
					  "Compare arrays as arrays: 'x' = ANY (tags).");
}

/*
 * text || anything is a function in SQL, which casts what it is given: for an
 * enum that could be a cast of a user's.
 */
static void
CheckNoEnum(Check *check, Node *node, List *args)
{
	ListCell   *cell;

	foreach(cell, args)
		if (get_typtype(getBaseType(exprType(lfirst(cell)))) == TYPTYPE_ENUM)
			RefuseUse(check, node, "|| with an enum",
					  "It could call a cast that a user made.",
					  "Write column::text || ...");
}

static void
CheckRegex(Check *check, Node *node, Oid function, List *args)
{
	const char *danger = RuleRegexDanger(function, args, &check->regex);

	if (danger != NULL)
		RefuseUse(check, node, "this regular expression", danger,
				  "Use LIKE, or a short pattern without back-references.");
}

static void
CountConcatenation(Check *check, Node *node)
{
	if (++check->concatenations > RULE_MAX_CONCATENATIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the rule has more than %d concatenations",
						RULE_MAX_CONCATENATIONS),
				 RulePosition(check->text, exprLocation(node))));
}

/* What a call may be given, beyond the types of its arguments. */
static void
CheckArguments(Check *check, Node *node, Oid function, List *args)
{
	switch (function)
	{
		case F_REPLACE:
			CheckReplace(check, node, args);
			break;
		case F_LPAD_TEXT_INT4:
		case F_LPAD_TEXT_INT4_TEXT:
		case F_RPAD_TEXT_INT4:
		case F_RPAD_TEXT_INT4_TEXT:
			CheckPadding(check, node, args);
			break;
		case F_CONCAT:
		case F_CONCAT_WS:
			CheckNoArray(check, node, args);
			CountConcatenation(check, node);
			break;
		case F_TEXTANYCAT:
		case F_ANYTEXTCAT:
			CheckNoEnum(check, node, args);
			CountConcatenation(check, node);
			break;
		case F_TEXTCAT:
			CountConcatenation(check, node);
			break;
		default:
			CheckRegex(check, node, function, args);
	}
}

/* ---- functions ---- */

/* As what the functions that a node calls must be on the list. */
static RuleWord
WordOf(Node *node)
{
	if (IsA(node, Aggref))
		return RULE_AGGREGATE;
	if (!IsA(node, FuncExpr))
		return RULE_OPERATOR;
	switch (((FuncExpr *) node)->funcformat)
	{
		case COERCE_EXPLICIT_CALL:
		case COERCE_SQL_SYNTAX:
			return RULE_FUNCTION;
		default:
			return RULE_CAST;
	}
}

static bool
IsRefused(Oid function, void *node)
{
	return !RuleAllows(function, WordOf(node)) && !RuleIsOurs(function);
}

static Oid
FunctionOf(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Aggref:
			return ((Aggref *) node)->aggfnoid;
		case T_FuncExpr:
			return ((FuncExpr *) node)->funcid;
		case T_ScalarArrayOpExpr:
			return ((ScalarArrayOpExpr *) node)->opfuncid;
		default:				/* OpExpr and its likes */
			return ((OpExpr *) node)->opfuncid;
	}
}

static void
CheckCall(Check *check, Node *node)
{
	if (check_functions_in_node(node, IsRefused, node))
		RefuseFunction(check, node, FunctionOf(node));
	if (IsA(node, FuncExpr))
		CheckArguments(check, node, FunctionOf(node), ((FuncExpr *) node)->args);
	else if (IsA(node, OpExpr))
		CheckArguments(check, node, FunctionOf(node), ((OpExpr *) node)->args);
	else if (IsA(node, ScalarArrayOpExpr))
		CheckArguments(check, node, FunctionOf(node),
					   ((ScalarArrayOpExpr *) node)->args);
}

/* ---- constants and conversions ---- */

/*
 * 'today' is read while the rule is defined, by the server's clock, and would
 * stay that day for ever.
 */
static void
CheckClockWord(Check *check, Const *value)
{
	static const char *const clock_words[] = {"now", "today", "tomorrow", "yesterday"};
	const char *start;
	char	   *literal;

	if (value->location < 0 || value->location >= strlen(check->text) ||
		value->constisnull ||
		TypeCategory(value->consttype) != TYPCATEGORY_DATETIME)
		return;
	start = strchr(check->text + value->location, '\'');
	if (start == NULL)
		return;
	literal = pnstrdup(start + 1, strcspn(start + 1, "'"));
	for (int i = 0; i < lengthof(clock_words); i++)
		if (strcasestr(literal, clock_words[i]) != NULL)
			RefuseUse(check, (Node *) value, "a time relative to the clock",
					  psprintf("'%s' would stay the day on which the rule was defined.", literal),
					  "now() and current_date mean persona's clock, whenever the rule is asked.");
}

/*
 * A conversion through text runs the output and the input of two types that
 * are PostgreSQL's own. Two are left out, for with text functions between
 * they could be nested, each doubling what it is given.
 */
static bool
CheckConversion(Check *check, CoerceViaIO *conversion)
{
	Oid			from = getBaseType(exprType((Node *) conversion->arg));
	bool		was_in_array_text = check->in_array_text;

	if (conversion->resulttype == BYTEAOID)
		RefuseUse(check, (Node *) conversion, "a conversion to bytea",
				  "Only a constant can be read as bytea.", "Compare as text.");
	if (OidIsValid(get_element_type(from)))
	{
		if (check->in_array_text)
			RefuseUse(check, (Node *) conversion, "an array as a text",
					  "It stands inside of another array that is made a text.",
					  "Compare arrays as arrays: 'x' = ANY (tags).");
		check->in_array_text = true;
	}
	(void) expression_tree_walker((Node *) conversion, Walk, check);
	check->in_array_text = was_in_array_text;
	return false;
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
Walk(Node *node, void *context)
{
	Check	   *check = context;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (!IsKnown(node))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this expression is not allowed in a rule"),
				 RulePosition(check->text, exprLocation(node))));
	if (!IsA(node, TargetEntry) && !IsA(node, List) &&
		!IsA(node, SortGroupClause))
		RuleCheckType(check->text, exprType(node), exprLocation(node));
	if (IsA(node, Const))
		CheckClockWord(check, (Const *) node);
	if (IsA(node, CoerceViaIO))
		return CheckConversion(check, (CoerceViaIO *) node);
	/* GREATEST and LEAST compare by the type's own order. */
	if (!IsA(node, MinMaxExpr))
		CheckCall(check, node);
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

void
RuleCheck(const char *text, Node *node)
{
	Check		check = {.text = text};

	(void) Walk(node, &check);
}

Query *
RuleAnalyseQuery(const char *text, Node *node, const char *from)
{
	/* Analysis scribbles on what it is given. */
	Query	   *query = Analyse(text, copyObject(node), from);

	RuleCheck(text, linitial(query->targetList));
	return query;
}

Node *
RuleAnalyseExpression(const char *text, Node *node, const char *from)
{
	Query	   *query = RuleAnalyseQuery(text, node, from);

	return (Node *) linitial_node(TargetEntry, query->targetList)->expr;
}

Oid
RuleAnalyse(const char *text, Node *node, const char *from)
{
	return exprType(RuleAnalyseExpression(text, node, from));
}
