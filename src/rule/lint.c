/*
 * lint.c: the mistakes that a rule may have although it compiles.
 *
 * A finding says what is wrong in plain words, and its hint is the statement
 * that puts it right: the whole rule again, with the one change. What does not
 * compile is an error as everywhere.
 */
#include "rule/lint.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* ---- findings ---- */

void
RuleFind(RuleLint *lint, const char *level, const char *code,
		 const char *object, const char *message, const char *hint)
{
	RuleFinding *finding;
	ListCell   *cell;

	foreach(cell, lint->findings)
	{
		finding = lfirst(cell);
		if (strcmp(finding->code, code) == 0 &&
			strcmp(finding->object, object) == 0)
			return;
	}
	finding = palloc(sizeof(RuleFinding));
	finding->level = level;
	finding->code = code;
	finding->object = pstrdup(object);
	finding->message = pstrdup(message);
	finding->hint = hint ? pstrdup(hint) : NULL;
	lint->findings = lappend(lint->findings, finding);
}

bool
RuleHasFound(const RuleLint *lint, const char *code)
{
	ListCell   *cell;

	foreach(cell, lint->findings)
		if (strcmp(((RuleFinding *) lfirst(cell))->code, code) == 0)
			return true;
	return false;
}

/* ---- fixes ---- */

/* The rule as a constant that reads well; dollars in it need quotes. */
static char *
QuotedRule(const char *rule)
{
	return strstr(rule, "$rule$") != NULL ? PersonaLiteral(rule) :
		psprintf("$rule$%s$rule$", rule);
}

char *
RuleHint(const RuleLint *lint, const char *rule)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (lint->segment == NULL)
		appendStringInfo(&sql, "SELECT * FROM persona.lint(%s", QuotedRule(rule));
	else
		appendStringInfo(&sql, "SELECT * FROM persona.define_segment(%s, %s",
						 PersonaLiteral(lint->segment), QuotedRule(rule));
	if (lint->segment != NULL && lint->description != NULL)
		appendStringInfo(&sql, ", description => %s",
						 PersonaLiteral(lint->description));
	appendStringInfo(&sql, ", space => %s);", PersonaLiteral(lint->space->name));
	return sql.data;
}

/* A change that is made in place, and undone. */
typedef struct Edit
{
	List	   *clauses;
	Node	   *by;
	void	  **slot;
	void	   *old;
} Edit;

static void
SetSlot(Edit *edit, void *slot, void *value)
{
	edit->slot = slot;
	edit->old = *edit->slot;
	*edit->slot = value;
}

/* The list with the first clause replaced and the others left out. */
static List *
EditedList(Edit *edit, List *list)
{
	List	   *edited = NIL;
	ListCell   *cell;

	foreach(cell, list)
	{
		if (!list_member_ptr(edit->clauses, lfirst(cell)))
			edited = lappend(edited, lfirst(cell));
		else if (lfirst(cell) == linitial(edit->clauses) && edit->by != NULL)
			edited = lappend(edited, edit->by);
	}
	return edited;
}

static bool
MakeEdit(Node *node, Edit *edit)
{
	void	   *clause = linitial(edit->clauses);

	if (node == NULL)
		return false;
	if (IsA(node, BoolExpr) &&
		list_member_ptr(((BoolExpr *) node)->args, clause))
		SetSlot(edit, &((BoolExpr *) node)->args,
				EditedList(edit, ((BoolExpr *) node)->args));
	else if (IsA(node, FuncCall) && ((FuncCall *) node)->agg_filter == clause)
		SetSlot(edit, &((FuncCall *) node)->agg_filter, edit->by);
	else if (IsA(node, BooleanTest) &&
			 (void *) ((BooleanTest *) node)->arg == clause)
		SetSlot(edit, &((BooleanTest *) node)->arg, edit->by);
	return edit->slot != NULL ||
		raw_expression_tree_walker(node, MakeEdit, edit);
}

char *
RuleReplaced(RuleLint *lint, List *clauses, Node *by)
{
	Edit		edit = {.clauses = clauses, .by = by};
	char	   *text;

	if ((void *) lint->raw == linitial(clauses))
		return RuleDeparse(by);
	if (!MakeEdit(lint->raw, &edit))
		return NULL;
	text = RuleDeparse(lint->raw);
	*edit.slot = edit.old;
	/* An AND of which one part is left is none. */
	return RuleDeparse(RuleParse(text));
}

/* ---- whose events ---- */

typedef struct EventFinder
{
	const Space *space;
	const char *event;
} EventFinder;

static bool
FindEvent(Node *node, EventFinder *finder)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		const char *name = strVal(linitial(((ColumnRef *) node)->fields));

		if (SpaceFindEvent(finder->space, name) != NULL)
			finder->event = name;
		return finder->event != NULL;
	}
	return raw_expression_tree_walker(node, FindEvent, finder);
}

const char *
RuleEventOf(const Space *space, FuncCall *call)
{
	EventFinder finder = {.space = space};

	(void) FindEvent((Node *) call->args, &finder);
	return finder.event;
}

/* ---- the SQL functions ---- */

static char *
Argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* (rule, segment, description, space) */
static RuleLint *
Begin(FunctionCallInfo fcinfo)
{
	RuleLint   *lint = palloc0(sizeof(RuleLint));

	lint->space = SpaceGet(Argument(fcinfo, 3));
	if (!has_privs_of_role(GetUserId(), lint->space->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("you must be a member of %s, who owns space \"%s\"",
						GetUserNameFromId(lint->space->owner, false),
						lint->space->name)));
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("there is no rule to look at"),
				 errhint("Write 'true' for everybody.")));
	lint->text = Argument(fcinfo, 0);
	lint->segment = Argument(fcinfo, 1);
	lint->description = Argument(fcinfo, 2);
	return lint;
}

static Datum
Return(FunctionCallInfo fcinfo, List *findings)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, findings)
	{
		RuleFinding *finding = lfirst(cell);
		Datum		values[] = {
			CStringGetTextDatum(finding->level),
			CStringGetTextDatum(finding->code),
			CStringGetTextDatum(finding->object),
			CStringGetTextDatum(finding->message),
			finding->hint ? CStringGetTextDatum(finding->hint) : (Datum) 0
		};
		bool		nulls[] = {false, false, false, false, finding->hint == NULL};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(persona_lint_rule);

/* persona.lint_rule(rule, segment, description, space): all but mixed_and_or. */
Datum
persona_lint_rule(PG_FUNCTION_ARGS)
{
	RuleLint   *lint = Begin(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	PersonaAct	act;

	SPI_connect();
	MemoryContextSwitchTo(caller);
	PersonaActBegin(&act, lint->space->owner);
	lint->raw = RuleParse(lint->text);
	lint->tree = RuleTreeOf(lint->space, lint->text, lint->raw, NULL);
	RuleAdvise(lint);
	RuleSample(lint);
	PersonaActEnd(&act);
	RuleOverlap(lint);
	SPI_finish();
	return Return(fcinfo, lint->findings);
}

PG_FUNCTION_INFO_V1(persona_lint_text);

/* persona.lint_text(rule, segment, description, space): mixed_and_or alone. */
Datum
persona_lint_text(PG_FUNCTION_ARGS)
{
	RuleLint   *lint = Begin(fcinfo);

	lint->raw = RuleParse(lint->text);
	if (RuleIsMixed(lint->text))
		RuleFind(lint, "warn", "mixed_and_or", lint->text,
				 "AND binds more tightly than OR: parentheses show how it is read",
				 RuleHint(lint, RuleDeparse(lint->raw)));
	return Return(fcinfo, lint->findings);
}
