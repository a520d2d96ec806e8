/*
 * preview.c: how many a rule reaches, and what each part of it does.
 *
 * One statement reads the data once: for each subject one array with the
 * answer of every leaf, each evaluated once. Rows are counted as they come
 * (tally.c), where hundreds of count(*) FILTER would each go through the whole
 * rule again. Nothing is kept of a row but the few keys that are shown.
 *
 * A clause may fail for somebody where it stands alone, for another clause
 * kept it from being asked. Then each leaf is tried by itself, and what
 * depends on one that fails is not counted.
 */
#include "rule/tally.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/* Below that many members, keys are not shown. */
#define SAMPLE_MEMBERS 10
#define SAMPLE_MAX 1000

/* A branch in which leaves fail where they stand alone. */
typedef struct Failure
{
	int			leaves;			/* that many */
	int			sqlstate;		/* of a leaf: how */
} Failure;

typedef struct Preview
{
	DestReceiver receiver;		/* must be first: it is one */
	const Space *space;
	const char *rule;
	RuleCount	count;
	List	   *slots;			/* of char *: SQL of the array's elements */
	Failure    *failures;		/* in the order of the branches */
	int			failed;			/* SQLSTATE with which the rule fails, or 0 */
	/* the smallest keys of members, in order */
	int			wanted;
	int			nkeys;
	Datum	   *keys;
	TypeCacheEntry *key_type;
	Oid			collation;
	MemoryContext row;			/* lives for a row */
	MemoryContext home;			/* lives for the call */
} Preview;

/* ---- rows as they come ---- */

/* Keeps the key if it is among the smallest. */
static void
KeepKey(Preview *preview, Datum key)
{
	TypeCacheEntry *type = preview->key_type;
	int			place = preview->nkeys;
	MemoryContext old;

	while (place > 0 &&
		   DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo,
										   preview->collation, key,
										   preview->keys[place - 1])) < 0)
		place--;
	if (place >= preview->wanted)
		return;
	if (preview->nkeys < preview->wanted)
		preview->nkeys++;
	else if (!type->typbyval)
		pfree(DatumGetPointer(preview->keys[preview->nkeys - 1]));
	memmove(&preview->keys[place + 1], &preview->keys[place],
			sizeof(Datum) * (preview->nkeys - 1 - place));
	old = MemoryContextSwitchTo(preview->home);
	preview->keys[place] = datumCopy(key, type->typbyval, type->typlen);
	MemoryContextSwitchTo(old);
}

static bool
Receive(TupleTableSlot *slot, DestReceiver *self)
{
	Preview    *preview = (Preview *) self;
	MemoryContext old = MemoryContextSwitchTo(preview->row);
	bool		isnull;
	Datum		key = slot_getattr(slot, 1, &isnull);
	Datum		answers = slot_getattr(slot, 2, &isnull);

	CHECK_FOR_INTERRUPTS();
	if (RuleCountAdd(&preview->count, DatumGetArrayTypeP(answers)) == RULE_TRUE)
		KeepKey(preview, key);
	MemoryContextSwitchTo(old);
	MemoryContextReset(preview->row);
	return true;
}

static void
Startup(DestReceiver *self, int operation, TupleDesc type)
{
	((Preview *) self)->collation = TupleDescAttr(type, 0)->attcollation;
}

static void
Finish(DestReceiver *self)
{
}

/* ---- the statement ---- */

/* The place of an element in the array; equal ones are evaluated once. */
static int
SlotOf(Preview *preview, char *sql)
{
	int			slot = 0;
	ListCell   *cell;

	foreach(cell, preview->slots)
	{
		if (strcmp(lfirst(cell), sql) == 0)
			return slot;
		slot++;
	}
	preview->slots = lappend(preview->slots, sql);
	return slot;
}

/* Every leaf that does not fail; and the whole, if one does. */
static RuleQuery *
FillSlots(Preview *preview)
{
	RuleQuery  *query = RuleQueryBegin(preview->space, NULL,
									   RULE_FEATURES_GROUPED);
	Oid			type;
	ListCell   *cell;

	preview->slots = NIL;
	foreach(cell, preview->count.branches)
	{
		RuleBranch *leaf = lfirst(cell);
		int			slot = -1;

		CHECK_FOR_INTERRUPTS();
		if (leaf->kind == RULE_LEAF && preview->failures[leaf->number].leaves == 0)
			slot = SlotOf(preview, RuleQueryAdd(query, leaf->text, BOOLOID,
												"rule", &type));
		preview->count.tallies[leaf->number].slot = slot;
	}
	preview->count.whole = -1;
	if (preview->failures[0].leaves > 0 && preview->failed == 0)
		preview->count.whole = SlotOf(preview, RuleQueryAdd(query, preview->rule,
															BOOLOID, "rule", &type));
	preview->count.nslots = list_length(preview->slots);
	return query;
}

/* Counts everything in one pass over the data. */
static void
Count(void *arg)
{
	Preview    *preview = arg;
	SPIExecuteOptions options = {.read_only = true, .dest = &preview->receiver};
	RuleQuery  *query = FillSlots(preview);
	StringInfoData sql;
	const char *comma = "";
	ListCell   *cell;
	int			result;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT s.%s, ARRAY[",
					 quote_identifier(preview->space->key.name));
	foreach(cell, preview->slots)
	{
		appendStringInfo(&sql, "%s%s", comma, (char *) lfirst(cell));
		comma = ", ";
	}
	appendStringInfo(&sql, "]::pg_catalog.bool[] FROM %s s%s",
					 PersonaRelationName(preview->space->relid),
					 RuleQueryJoins(query));
	RuleCountBegin(&preview->count);
	preview->nkeys = 0;
	result = SPI_execute_extended(sql.data, &options);
	if (result < 0)
		elog(ERROR, "persona's statement failed: %s",
			 SPI_result_code_string(result));
	RuleCountEnd(&preview->count);
}

/* ---- where a clause fails ---- */

typedef struct Trial
{
	const Space *space;
	const char *text;
} Trial;

static void
Try(void *arg)
{
	Trial	   *trial = arg;
	RuleQuery  *query = RuleQueryBegin(trial->space, NULL, RULE_FEATURES_GROUPED);
	Oid			type;
	char	   *condition = RuleQueryAdd(query, trial->text, BOOLOID, "rule", &type);

	(void) PersonaExecute(psprintf("SELECT pg_catalog.count(%s) FROM %s s%s",
								   condition,
								   PersonaRelationName(trial->space->relid),
								   RuleQueryJoins(query)), NULL, true);
}

static int
FailureOf(const Preview *preview, const char *text)
{
	Trial		trial = {.space = preview->space, .text = text};

	CHECK_FOR_INTERRUPTS();
	return PersonaTrap(Try, &trial);
}

static void
FindFailures(Preview *preview)
{
	ListCell   *cell;

	foreach(cell, preview->count.branches)
	{
		RuleBranch *leaf = lfirst(cell);
		int			sqlstate = leaf->kind == RULE_LEAF ?
		FailureOf(preview, leaf->text) : 0;

		if (sqlstate == 0)
			continue;
		preview->failures[leaf->number].sqlstate = sqlstate;
		for (RuleBranch *branch = leaf; branch != NULL; branch = branch->parent)
			preview->failures[branch->number].leaves++;
	}
	preview->failed = FailureOf(preview, preview->rule);
}

static void
CountAll(Preview *preview)
{
	int			sqlstate = PersonaTrap(Count, preview);

	if (sqlstate == 0)
		return;
	if (ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_DATA_EXCEPTION)
		FindFailures(preview);
	Count(preview);
}

/* ---- words ---- */

/* 3412 as 3,412 */
static char *
Grouped(int64 n)
{
	char	   *digits = psprintf(INT64_FORMAT, n);
	int			length = strlen(digits);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < length; i++)
		appendStringInfo(&out, "%s%c", i > 0 && (length - i) % 3 == 0 ? "," : "",
						 digits[i]);
	return out.data;
}

static void
Say(StringInfo note, const char *words)
{
	appendStringInfo(note, "%s%s", note->len ? "; " : "", words);
}

/* "because country or born is NULL"; "" where that is not the only reason */
static char *
Because(const RuleBranch *branch)
{
	StringInfoData words;
	ListCell   *cell;

	initStringInfo(&words);
	if (branch->kind != RULE_LEAF || !RuleIsStrict(branch->node))
		return "";
	foreach(cell, RuleSides(branch->node))
		appendStringInfo(&words, "%s%s", words.len ? " or " : " because ",
						 (char *) lfirst(cell));
	if (words.len > 0)
		appendStringInfoString(&words, " is NULL");
	return words.data;
}

static void
SayDecides(StringInfo note, int64 members, int64 without)
{
	if (without == members)
		Say(note, "changes nothing");
	else if (without > members)
		Say(note, psprintf("decides %s of %s, who would be members without it",
						   Grouped(without - members), Grouped(without)));
	else
		Say(note, psprintf("decides %s of %s, who are members because of it",
						   Grouped(members - without), Grouped(members)));
}

static char *
NoteOfBranch(const Preview *preview, const RuleBranch *branch, bool has_without)
{
	const RuleTally *tally = &preview->count.tallies[branch->number];
	const Failure *failure = &preview->failures[branch->number];
	StringInfoData note;

	initStringInfo(&note);
	if (failure->leaves > 0)
		Say(&note, failure->sqlstate == 0 ? "a part of it fails alone for somebody" :
			psprintf("fails alone for somebody, with SQLSTATE %s",
					 unpack_sql_state(failure->sqlstate)));
	if (has_without)
		SayDecides(&note, preview->count.members, tally->without);
	else
		Say(&note, "what it decides cannot be counted, for a clause fails");
	if (failure->leaves > 0)
		return note.data;
	if (tally->alone == 0)
		Say(&note, "true of nobody");
	else if (tally->alone == preview->count.subjects)
		Say(&note, "true of everybody");
	if (tally->unknown > 0)
		Say(&note, psprintf("unknown for %s%s", Grouped(tally->unknown),
							Because(branch)));
	return note.data;
}

static bool
MayShowKeys(const Preview *preview)
{
	return preview->wanted > 0 && preview->failed == 0 &&
		preview->count.members >= SAMPLE_MEMBERS;
}

static char *
NoteOfWhole(const Preview *preview)
{
	const RuleCount *count = &preview->count;
	StringInfoData note;

	initStringInfo(&note);
	if (preview->failed != 0)
		return psprintf("fails for somebody, with SQLSTATE %s",
						unpack_sql_state(preview->failed));
	Say(&note, psprintf("%s of %s", Grouped(count->members),
						Grouped(count->subjects)));
	if (count->unknown > 0)
		Say(&note, psprintf("unknown for %s%s", Grouped(count->unknown),
							Because(linitial(count->branches))));
	if (preview->wanted > 0 && count->members > 0 && !MayShowKeys(preview))
		Say(&note, psprintf("no sample of fewer than %d members, so that nobody is singled out",
							SAMPLE_MEMBERS));
	return note.data;
}

/* ---- rows ---- */

/* A count below 0 is not shown. */
static void
PutRow(ReturnSetInfo *result, const char *clause, int64 members, int64 alone,
	   int64 without, const char *note)
{
	Datum		values[] = {CStringGetTextDatum(clause), Int64GetDatum(members),
		Int64GetDatum(alone), Int64GetDatum(without),
	CStringGetTextDatum(note)};
	bool		nulls[] = {false, members < 0, alone < 0, without < 0, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
PutWhole(const Preview *preview, ReturnSetInfo *result)
{
	RuleBranch *whole = linitial(preview->count.branches);

	PutRow(result, whole->text,
		   preview->failed != 0 ? -1 : preview->count.members, -1, -1,
		   NoteOfWhole(preview));
}

/* Without a clause that fails the rest can be counted, without another not. */
static void
PutClause(const Preview *preview, ReturnSetInfo *result, const RuleBranch *branch)
{
	const RuleTally *tally = &preview->count.tallies[branch->number];
	int			failing = preview->failures[branch->number].leaves;
	bool		counted = failing == preview->failures[0].leaves;

	PutRow(result, branch->text, -1, failing > 0 ? -1 : tally->alone,
		   counted ? tally->without : -1,
		   NoteOfBranch(preview, branch, counted && preview->failed == 0));
}

static void
PutBranches(const Preview *preview, ReturnSetInfo *result)
{
	ListCell   *cell;

	/* What a NOT turns round is told by its own row. */
	for_each_from(cell, preview->count.branches, 1)
		if (((RuleBranch *) lfirst(cell))->parent->kind != RULE_NOT)
		PutClause(preview, result, lfirst(cell));
	foreach(cell, preview->count.branches)
	{
		RuleBranch *branch = lfirst(cell);

		if (branch->kind == RULE_AND || branch->kind == RULE_OR)
			PutRow(result, RuleSwappedText(branch),
				   preview->failures[0].leaves > 0 ? -1 :
				   preview->count.tallies[branch->number].swapped, -1, -1,
				   branch->kind == RULE_AND ? "AND read as OR" : "OR read as AND");
	}
}

static void
PutKeys(const Preview *preview, ReturnSetInfo *result)
{
	Oid			output;
	bool		is_varlena;

	if (!MayShowKeys(preview))
		return;
	getTypeOutputInfo(preview->space->key.type, &output, &is_varlena);
	for (int i = 0; i < preview->nkeys; i++)
		PutRow(result, OidOutputFunctionCall(output, preview->keys[i]), -1, -1, -1,
			   "sample");
}

/* ---- persona.preview_rule() ---- */

static void
Prepare(Preview *preview, const char *rule, int wanted)
{
	const Space *space = preview->space;
	RuleQuery  *query = RuleQueryBegin(space, NULL, RULE_FEATURES_GROUPED);
	Oid			type;
	int			n;

	if (wanted < 0 || wanted > SAMPLE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a sample of %d is not possible", wanted),
				 errhint("It holds 0 to %d subjects.", SAMPLE_MAX)));
	preview->rule = rule;
	preview->wanted = wanted;
	(void) RuleQueryAdd(query, rule, BOOLOID, "rule", &type);
	preview->count.branches = RuleBranches(rule, NULL);
	n = list_length(preview->count.branches);
	preview->count.tallies = palloc0(sizeof(RuleTally) * n);
	preview->failures = palloc0(sizeof(Failure) * n);
	preview->keys = palloc(sizeof(Datum) * Max(wanted, 1));
	preview->key_type = lookup_type_cache(space->key.type,
										  TYPECACHE_CMP_PROC_FINFO);
	preview->home = CurrentMemoryContext;
	preview->row = AllocSetContextCreate(CurrentMemoryContext, "persona preview",
										 ALLOCSET_DEFAULT_SIZES);
}

PG_FUNCTION_INFO_V1(persona_preview_rule);

/* persona.preview_rule(rule, sample, space): the rows of preview(). */
Datum
persona_preview_rule(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	Preview		preview = {.receiver = {.receiveSlot = Receive,
			.rStartup = Startup, .rShutdown = Finish, .rDestroy = Finish,
	.mydest = DestTuplestore}, .space = space};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	PersonaAct	act;

	SpaceRefuseStranger(space);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	PersonaActBegin(&act, space->owner);
	Prepare(&preview, text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1));
	CountAll(&preview);
	PersonaActEnd(&act);
	PutWhole(&preview, result);
	PutBranches(&preview, result);
	PutKeys(&preview, result);
	SPI_finish();
	return (Datum) 0;
}
