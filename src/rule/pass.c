/*
 * pass.c: one statement over all subjects of a space, matched as it runs.
 *
 * The statement computes the columns that the rules need, each once, with one
 * grouped pass over each source of events, and brings along of which segments
 * a subject is a member so far. Its rows do not become a result: they are
 * received here, 512 at a time, and every rule is told of each block.
 *
 * What a rule evaluates may fail, by a division by zero or a cast. Guarded,
 * each block has a subtransaction, after whose failure the block goes on with
 * the next rule. PostgreSQL allows none while a plan runs in parallel.
 */
#include "rule/book.h"

#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Columns of one statement; PostgreSQL's own limit is 1664. */
#define PASS_COLUMNS 1500

/* The statement's first columns: key, member's key, segments. */
#define FIXED_COLUMNS 3

/* A column of the book in this statement. */
typedef struct Source
{
	int			column;
	int			attribute;		/* counted from 0 */
	bool		kept;			/* looked at after its row has gone by */
	bool		by_value;
	int16		length;
} Source;

typedef struct Run
{
	DestReceiver receiver;		/* must be first */
	RulePass   *pass;
	RuleBook   *book;
	RuleLeaves *leaves;
	Matcher    *matcher;
	int		   *nodes;			/* of each page */
	bool	   *told;			/* of each page: whether the pass is for it */
	bool		is_lazy;
	int			nsources;
	Source	   *sources;

	/* evaluating */
	ExprContext *econtext;
	TupleTableSlot *slot;
	int			stride;			/* 0: no row outlives its arrival */
	Datum	   *values;
	bool	   *nulls;

	/* the block at hand */
	MemoryContext block;
	int			nrows;
	Datum		keys[MATCHER_ROWS];
	MatcherSet *was;			/* of each page: who is a member */
	int			next;			/* of the pass's pages */
} Run;

/* ---- splitting ---- */

List *
RulePassSplit(RuleBook *book)
{
	List	   *passes = NIL;
	List	   *pages = NIL;
	Bitmapset  *columns = NULL;
	ListCell   *cell;

	foreach(cell, book->order)
	{
		RulePage   *page = &book->pages[lfirst_int(cell)];
		Bitmapset  *both = bms_union(columns, page->columns);

		if (bms_num_members(page->columns) > PASS_COLUMNS && page->sqlstate == 0)
			page->sqlstate = ERRCODE_TOO_MANY_COLUMNS;
		if (page->sqlstate != 0)
			continue;
		if (bms_num_members(both) > PASS_COLUMNS)
		{
			passes = lappend(passes, pages);
			pages = NIL;
			both = page->columns;
		}
		pages = lappend_int(pages, lfirst_int(cell));
		columns = both;
	}
	return lappend(passes, pages);
}

/* ---- the statement ---- */

char *
RulePassFrom(const RuleBook *book, const Bitmapset *columns)
{
	StringInfoData sql;
	List	   *needed = NIL;
	int			column = -1;

	initStringInfo(&sql);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		ColumnRef  *ref = list_nth(book->columns, column);

		appendStringInfo(&sql, ", %s.%s", strVal(linitial(ref->fields)),
						 quote_identifier(strVal(lsecond(ref->fields))));
		needed = lappend(needed, ref);
	}
	appendStringInfo(&sql, " FROM %s s%s", PersonaRelationName(book->space->relid),
					 RuleQueryJoinsFor(book->query, needed));
	return sql.data;
}

char *
RulePassWhere(const RulePass *pass)
{
	const Space *space = pass->book->space;

	StringInfoData keys;
	ListCell   *cell;

	if (pass->subjects == NIL)
		return "";
	initStringInfo(&keys);
	foreach(cell, pass->subjects)
		appendStringInfo(&keys, "%s%s::%s", keys.len ? ", " : "",
						 PersonaLiteral(lfirst(cell)),
						 PersonaTypeName(space->key.type));
	return psprintf(" WHERE s.%s IN (%s)", quote_identifier(space->key.name),
					keys.data);
}

static char *
Statement(const RulePass *pass, const Bitmapset *columns)
{
	const Space *space = pass->book->space;
	const char *key = quote_identifier(space->key.name);
	const char *type = PersonaTypeName(space->key.type);
	char	   *from = RulePassFrom(pass->book, columns);

	if (pass->subjects != NIL)
		return psprintf("SELECT s.%s::%s, NULL, (SELECT pg_catalog.array_agg(m.segment)"
						" FROM %s m WHERE m.left_at IS NULL AND m.subject = s.%s)%s%s",
						key, type, SpaceTable(space, "membership"), key, from,
						RulePassWhere(pass));
	return psprintf("SELECT s.%s::%s, m.subject, m.segments%s"
					" FULL JOIN (SELECT subject, pg_catalog.array_agg(segment) AS segments"
					" FROM %s WHERE left_at IS NULL GROUP BY subject) m ON m.subject = s.%s",
					key, type, from, SpaceTable(space, "membership"), key);
}

/* ---- evaluating ---- */

static Datum
Evaluate(Run *run, const RuleInput *input, int row, bool *isnull)
{
	run->slot->tts_values = run->values + (Size) row * run->stride;
	run->slot->tts_isnull = run->nulls + (Size) row * run->stride;
	return ExecEvalExprSwitchContext(input->state, run->econtext, isnull);
}

/* The matcher's question about a lazy input. */
static int
Ask(void *arg, int number, int row)
{
	Run		   *run = arg;
	const RuleInput *input = list_nth(run->leaves->inputs, number);
	MemoryContext old;
	bool		isnull;
	Datum		value = Evaluate(run, input, row, &isnull);
	int			position;

	old = MemoryContextSwitchTo(run->econtext->ecxt_per_tuple_memory);
	position = RuleInputPosition(input, value, isnull);
	MemoryContextSwitchTo(old);
	return position;
}

/* segment(x) in the midst of an expression: the row stands in the slot. */
static ParamExternData *
FetchPart(ParamListInfo params, int number, bool speculative,
		  ParamExternData *workspace)
{
	Run		   *run = params->paramFetchArg;
	int			row = (run->slot->tts_values - run->values) / run->stride;

	workspace->value = BoolGetDatum(MatcherHas(run->matcher,
											   run->nodes[number - 1], row));
	workspace->isnull = false;
	workspace->ptype = BOOLOID;
	return workspace;
}

/* ---- preparing ---- */

/* All pages that the pass tells of, and their parts. */
static bool *
Wanted(const RulePass *pass)
{
	RuleBook   *book = pass->book;
	bool	   *wanted = palloc0(book->npages + 1);
	ListCell   *cell;

	foreach(cell, pass->pages)
		wanted[lfirst_int(cell)] = true;
	for (int i = list_length(book->order) - 1; i >= 0; i--)
	{
		int			number = list_nth_int(book->order, i);

		foreach(cell, book->pages[number].parts)
			wanted[lfirst_int(cell)] |= wanted[number];
	}
	return wanted;
}

/* Every condition becomes nodes: once for its constants, once for good. */
static Bitmapset *
BuildNodes(Run *run)
{
	RuleBook   *book = run->book;
	bool	   *wanted = Wanted(run->pass);
	Bitmapset  *columns = NULL;
	ListCell   *cell;

	run->nodes = palloc0(sizeof(int) * (book->npages + 1));
	run->leaves = RuleLeavesCreate(run->nodes);
	run->matcher = MatcherCreate(Ask, run);
	for (int turn = 0; turn < 2; turn++)
	{
		foreach(cell, book->order)
		{
			int			number = lfirst_int(cell);
			RulePage   *page = &book->pages[number];

			CHECK_FOR_INTERRUPTS();
			if (!wanted[number])
				continue;
			run->nodes[number] = RuleLeavesBuild(run->leaves, page->condition, true);
			columns = bms_add_members(columns, page->columns);
		}
		if (turn == 0)
			RuleLeavesReady(run->leaves, run->matcher);
	}
	MatcherReady(run->matcher);
	return columns;
}

static bool
AddUsed(Node *node, Bitmapset **used)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		*used = bms_add_member(*used, ((Var *) node)->varattno - 1);
	return expression_tree_walker(node, AddUsed, used);
}

static void
FindSources(Run *run, const Bitmapset *columns)
{
	Bitmapset  *kept = NULL;
	int			column = -1;
	ListCell   *cell;

	foreach(cell, run->leaves->inputs)
	{
		RuleInput  *input = lfirst(cell);

		if (input->lazy)
			(void) AddUsed(input->expr, &kept);
		run->is_lazy |= input->lazy;
	}
	run->sources = palloc0(sizeof(Source) * (bms_num_members(columns) + 1));
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		Source	   *source = &run->sources[run->nsources];

		source->column = column;
		source->attribute = FIXED_COLUMNS + run->nsources++;
		source->kept = bms_is_member(column, kept);
		get_typlenbyval(((Var *) list_nth(run->book->vars, column))->vartype,
						&source->length, &source->by_value);
	}
}

/* A slot that shows expressions the columns of the book. */
static void
MakeSlot(Run *run)
{
	int			ncolumns = list_length(run->book->vars);
	TupleDesc	desc = CreateTemplateTupleDesc(Max(ncolumns, 1));
	Size		cells = (Size) Max(ncolumns, 1) * (run->is_lazy ? MATCHER_ROWS : 1);
	ParamListInfo params = makeParamList(0);
	ListCell   *cell;

	TupleDescInitEntry(desc, 1, NULL, BOOLOID, -1, 0);
	foreach(cell, run->book->vars)
	{
		Var		   *var = lfirst(cell);

		TupleDescInitEntry(desc, var->varattno, NULL, var->vartype,
						   var->vartypmod, 0);
	}
	run->stride = run->is_lazy ? Max(ncolumns, 1) : 0;
	run->values = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * cells);
	run->nulls = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(bool) * cells);
	memset(run->nulls, true, sizeof(bool) * cells);
	run->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	run->slot->tts_flags &= ~TTS_FLAG_EMPTY;
	run->slot->tts_nvalid = desc->natts;
	params->numParams = run->book->npages;
	params->paramFetch = FetchPart;
	params->paramFetchArg = run;
	run->econtext = CreateStandaloneExprContext();
	run->econtext->ecxt_scantuple = run->slot;
	run->econtext->ecxt_param_list_info = params;
}

/* ---- receiving ---- */

static void
TellPages(void *arg)
{
	Run		   *run = arg;
	RulePass   *pass = run->pass;

	for (; run->next < list_length(pass->pages); run->next++)
	{
		int			page = list_nth_int(pass->pages, run->next);

		CHECK_FOR_INTERRUPTS();
		if (run->book->pages[page].sqlstate != 0)
			continue;
		pass->tell(pass->arg, page, run->keys,
				   MatcherRows(run->matcher, run->nodes[page]), run->was[page]);
		ResetExprContext(run->econtext);
	}
}

static void
EndBlock(Run *run)
{
	int			sqlstate;

	if (run->nrows == 0)
		return;
	MatcherBlock(run->matcher, run->nrows);
	run->next = 0;
	if (!run->pass->guarded || !run->is_lazy)
		TellPages(run);
	else
		while ((sqlstate = PersonaTrap(TellPages, run)) != 0)
			run->book->pages[list_nth_int(run->pass->pages, run->next++)].sqlstate = sqlstate;
	memset(run->was, 0, sizeof(MatcherSet) * (run->book->npages + 1));
	run->nrows = 0;
	MemoryContextReset(run->block);
}

/* What the subject of a row is a member of; row -1: it is a subject no more. */
static void
ReceiveSegments(Run *run, Datum segments, Datum key, int row)
{
	ArrayType  *array = DatumGetArrayTypeP(segments);
	RulePass   *pass = run->pass;
	Datum	   *names;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char		name[NAMEDATALEN];
		int			page;

		text_to_cstring_buffer((text *) DatumGetPointer(names[i]), name, NAMEDATALEN);
		page = RuleBookFind(run->book, name);
		if (page < 0 ? !pass->dropped : !run->told[page])
			continue;
		if (page < 0 || row < 0)
			pass->gone(pass->arg, page, name, key);
		else
			run->was[page][row / 64] |= UINT64CONST(1) << (row % 64);
	}
}

static void
ReceiveColumns(Run *run, const TupleTableSlot *from, int row)
{
	Datum	   *values = run->values + (Size) row * run->stride;
	bool	   *nulls = run->nulls + (Size) row * run->stride;

	for (int i = 0; i < run->nsources; i++)
	{
		const Source *source = &run->sources[i];
		Datum		value = from->tts_values[source->attribute];
		bool		isnull = from->tts_isnull[source->attribute];

		if (source->kept && !isnull && !source->by_value)
			value = datumCopy(value, false, source->length);
		values[source->column] = value;
		nulls[source->column] = isnull;
	}
}

static void
PutInputs(Run *run, int row)
{
	const Datum *values = run->values + (Size) row * run->stride;
	const bool *nulls = run->nulls + (Size) row * run->stride;
	MemoryContext old = MemoryContextSwitchTo(run->econtext->ecxt_per_tuple_memory);
	int			number = 0;
	ListCell   *cell;

	foreach(cell, run->leaves->inputs)
	{
		const RuleInput *input = lfirst(cell);
		Datum		value;
		bool		isnull;

		if (!input->lazy)
		{
			if (input->state == NULL)
			{
				value = values[input->column - 1];
				isnull = nulls[input->column - 1];
			}
			else
				value = Evaluate(run, input, row, &isnull);
			MatcherPut(run->matcher, number, row,
					   RuleInputPosition(input, value, isnull));
		}
		number++;
	}
	MemoryContextSwitchTo(old);
	ResetExprContext(run->econtext);
}

static bool
ReceiveRow(TupleTableSlot *slot, DestReceiver *self)
{
	Run		   *run = (Run *) self;
	MemoryContext old = MemoryContextSwitchTo(run->block);
	int			row = run->nrows;
	bool		is_subject;

	slot_getallattrs(slot);
	is_subject = !slot->tts_isnull[0];
	if (!slot->tts_isnull[2])
		ReceiveSegments(run, slot->tts_values[2], slot->tts_values[1],
						is_subject ? row : -1);
	if (is_subject)
	{
		Form_pg_attribute key = TupleDescAttr(slot->tts_tupleDescriptor, 0);

		run->keys[row] = datumCopy(slot->tts_values[0], key->attbyval, key->attlen);
		ReceiveColumns(run, slot, row);
		PutInputs(run, row);
		run->nrows++;
	}
	MemoryContextSwitchTo(old);
	if (run->nrows == MATCHER_ROWS)
		EndBlock(run);
	return true;
}

static void
Startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
Shutdown(DestReceiver *self)
{
	EndBlock((Run *) self);
}

static void
Destroy(DestReceiver *self)
{
}

/* ---- the whole of it ---- */

static void
Execute(Run *run, const char *sql)
{
	SPIExecuteOptions options = {.dest = &run->receiver,
	.read_only = run->pass->subjects != NIL};
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, 0, NULL, run->pass->guarded ? 0 :
										  CURSOR_OPT_PARALLEL_OK);
	int			result = plan ? SPI_execute_plan_extended(plan, &options) : SPI_result;

	if (result < 0)
		elog(ERROR, "persona's statement failed: %s: %s",
			 SPI_result_code_string(result), sql);
}

void
RulePassRun(RulePass *pass)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "persona pass",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Run		   *run = palloc0(sizeof(Run));
	Bitmapset  *columns;
	char	   *sql;
	ListCell   *cell;

	run->receiver = (DestReceiver)
	{
		ReceiveRow, Startup, Shutdown, Destroy, DestNone
	};
	run->pass = pass;
	run->book = pass->book;
	columns = BuildNodes(run);
	FindSources(run, columns);
	MakeSlot(run);
	run->block = AllocSetContextCreate(context, "persona block", ALLOCSET_DEFAULT_SIZES);
	run->was = MemoryContextAllocExtended(context, sizeof(MatcherSet) * (run->book->npages + 1),
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	run->told = palloc0(run->book->npages + 1);
	foreach(cell, pass->pages)
		run->told[lfirst_int(cell)] = true;
	sql = Statement(pass, columns);
	SPI_connect();
	Execute(run, sql);
	SPI_finish();
	FreeExprContext(run->econtext, true);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
