/*
 * explain.c: why a rule is true, false or unknown for one subject.
 *
 * The leaves of the rule and what they compare are evaluated in one statement
 * over that one subject; what AND, OR and NOT make of them is worked out over
 * the branches, where also is seen which of them decided. A leaf that fails
 * where it stands alone, for a condition before it kept it from being asked,
 * counts as unknown and says with which SQLSTATE: its message might quote a
 * customer's data.
 */
#include "rule/branch.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* The most characters of a value that are shown. */
#define VALUE_LENGTH 200

/* What is asked about one subject, and what came back, by branch number. */
typedef struct Question
{
	const Space *space;
	const char *subject;
	List	   *leaves;			/* of RuleBranch *: those asked now */
	char	  **values;
	bool	   *deciding;
} Question;

/* ---- the statement ---- */

/* "count(purchase) = 3, country is NULL" as an SQL expression */
static char *
ValueSql(RuleQuery *query, const RuleBranch *leaf)
{
	StringInfoData sql;
	Oid			type;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, RuleSides(leaf->node))
	{
		char	   *side = lfirst(cell);
		char	   *value = RuleQueryAdd(query, side, TEXTOID, "rule", &type);

		appendStringInfo(&sql, "%s COALESCE(%s || pg_catalog.left(%s, %d), %s)",
						 sql.len ? " || ', ' ||" : "",
						 PersonaLiteral(psprintf("%s = ", side)), value,
						 VALUE_LENGTH, PersonaLiteral(psprintf("%s is NULL", side)));
	}
	return sql.len ? sql.data : "NULL";
}

static char *
QuestionSql(const Question *question)
{
	const Space *space = question->space;
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_LATERAL);
	StringInfoData answers;
	StringInfoData values;
	Oid			type;
	ListCell   *cell;

	initStringInfo(&answers);
	initStringInfo(&values);
	foreach(cell, question->leaves)
	{
		RuleBranch *leaf = lfirst(cell);
		const char *comma = answers.len ? ", " : "";

		CHECK_FOR_INTERRUPTS();
		appendStringInfo(&answers, "%s%s", comma,
						 RuleQueryAdd(query, leaf->text, BOOLOID, "rule", &type));
		appendStringInfo(&values, "%s%s", comma, ValueSql(query, leaf));
	}
	return psprintf("SELECT ARRAY[%s]::pg_catalog.bool[] AS answers,"
					" ARRAY[%s]::pg_catalog.text[] AS \"values\""
					" FROM %s s%s WHERE s.%s = $1::%s", answers.data, values.data,
					PersonaRelationName(space->relid), RuleQueryJoins(query),
					quote_identifier(space->key.name),
					PersonaTypeName(space->key.type));
}

static void
RefuseUnknown(const Question *question)
{
	const Space *space = question->space;

	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("%s has no subject %s", PersonaRelationName(space->relid),
					PersonaLiteral(question->subject)),
			 errhint("Pass a value of its column %s.",
					 quote_identifier(space->key.name))));
}

/* Asks PostgreSQL about the question's leaves. */
static void
Ask(void *arg)
{
	Question   *question = arg;
	PersonaArgs args = {0};
	Datum	   *elements;
	bool	   *nulls;
	bool		isnull;
	int			n;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(question->subject), false);
	if (PersonaExecute(QuestionSql(question), &args, true) == 0)
		RefuseUnknown(question);
	deconstruct_array(DatumGetArrayTypeP(PersonaColumn(0, "answers", &isnull)),
					  BOOLOID, 1, true, TYPALIGN_CHAR, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		((RuleBranch *) list_nth(question->leaves, i))->answer =
			nulls[i] ? RULE_UNKNOWN : DatumGetBool(elements[i]) ? RULE_TRUE : RULE_FALSE;
	deconstruct_array(DatumGetArrayTypeP(PersonaColumn(0, "values", &isnull)),
					  TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			question->values[((RuleBranch *) list_nth(question->leaves, i))->number] =
				TextDatumGetCString(elements[i]);
}

/* A row that breaks one clause must not hide what the others say. */
static void
AskEach(Question *question)
{
	List	   *leaves = question->leaves;
	ListCell   *cell;

	foreach(cell, leaves)
	{
		RuleBranch *leaf = lfirst(cell);
		int			sqlstate;

		question->leaves = list_make1(leaf);
		sqlstate = PersonaTrap(Ask, question);
		if (sqlstate == 0)
			continue;
		leaf->answer = RULE_UNKNOWN;
		question->values[leaf->number] = psprintf("fails with SQLSTATE %s",
												  unpack_sql_state(sqlstate));
	}
}

/* ---- what decided ---- */

/* A false AND by its false parts, a true OR by its true ones, and so on. */
static void
Decide(Question *question, List *branches)
{
	ListCell   *cell;

	foreach(cell, branches)
	{
		RuleBranch *branch = lfirst(cell);
		RuleBranch *parent = branch->parent;

		question->deciding[branch->number] = parent == NULL ||
			(question->deciding[parent->number] &&
			 (branch->answer == parent->answer || parent->kind == RULE_NOT ||
			  parent->kind == RULE_SEGMENT));
	}
}

static void
PutRow(ReturnSetInfo *result, const Question *question, const RuleBranch *branch)
{
	char	   *value = question->values[branch->number];
	Datum		values[] = {CStringGetTextDatum(branch->path),
		CStringGetTextDatum(branch->text),
		value ? CStringGetTextDatum(value) : (Datum) 0,
		BoolGetDatum(branch->answer == RULE_TRUE),
	BoolGetDatum(question->deciding[branch->number])};
	bool		nulls[] = {false, false, value == NULL,
	branch->answer == RULE_UNKNOWN, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ---- the clock ---- */

/* The space as it was then: later events had not happened. */
static Space *
SpaceAt(const Space *space)
{
	Space	   *then = palloc(sizeof(Space));
	ListCell   *cell;

	*then = *space;
	then->events = NIL;
	foreach(cell, space->events)
	{
		SpaceEvent *event = palloc(sizeof(SpaceEvent));

		*event = *(SpaceEvent *) lfirst(cell);
		if (event->at.name != NULL)
			event->only = psprintf("%s%s(%s > persona.now()) IS NOT TRUE",
								   event->only ? event->only : "",
								   event->only ? " AND " : "",
								   SpaceEventTime(event, "e"));
		then->events = lappend(then->events, event);
	}
	return then;
}

static void
MoveClock(const PersonaAct *act, Question *question, TimestampTz at)
{
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a rule cannot be explained at an infinite time"),
				 errhint("Leave \"at\" out to explain it as of now.")));
	PersonaActAt(act, at);
	question->space = SpaceAt(question->space);
}

/* ---- persona.explain_branches() ---- */

/* Refuses the rule as a whole, with the places of its mistakes. */
static List *
Branches(Question *question, const char *rule)
{
	RuleQuery  *query = RuleQueryBegin(question->space, NULL, RULE_FEATURES_LATERAL);
	List	   *branches;
	Oid			type;
	ListCell   *cell;

	(void) RuleQueryAdd(query, rule, BOOLOID, "rule", &type);
	branches = RuleBranches(rule, question->space);
	foreach(cell, branches)
		if (((RuleBranch *) lfirst(cell))->kind == RULE_LEAF)
			question->leaves = lappend(question->leaves, lfirst(cell));
	question->values = palloc0(sizeof(char *) * list_length(branches));
	question->deciding = palloc0(sizeof(bool) * list_length(branches));
	return branches;
}

static void
Answer(Question *question)
{
	int			sqlstate = PersonaTrap(Ask, question);

	if (ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_DATA_EXCEPTION)
		AskEach(question);
	else if (sqlstate != 0)
		Ask(question);			/* raises it */
}

PG_FUNCTION_INFO_V1(persona_explain_branches);

/* persona.explain_branches(subject, rule, at, space): a row a branch. */
Datum
persona_explain_branches(PG_FUNCTION_ARGS)
{
	char	   *rule = PersonaTextArg(fcinfo, 1);
	Space	   *space = SpaceGet(PersonaTextArg(fcinfo, 3));
	Question	question = {.space = space,
	.subject = PersonaTextArg(fcinfo, 0)};
	PersonaAct	act;
	List	   *branches;
	ListCell   *cell;

	SpaceRefuseStranger(space);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	PersonaActBegin(&act, space->owner);
	if (!PG_ARGISNULL(2))
		MoveClock(&act, &question, PG_GETARG_TIMESTAMPTZ(2));
	branches = Branches(&question, rule);
	Answer(&question);
	PersonaActEnd(&act);
	RuleAnswerBranches(branches);
	Decide(&question, branches);
	foreach(cell, branches)
		PutRow((ReturnSetInfo *) fcinfo->resultinfo, &question, lfirst(cell));
	SPI_finish();
	return (Datum) 0;
}
