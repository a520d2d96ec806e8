/*
 * keep.c: moments as this backend knows them: read, and compiled; for senders
 * only what may recall their messages.
 *
 * To read a moment takes half a dozen statements, to compile it takes longer
 * than to decide it for one subject. Both are kept as long as no definition
 * and no table that one names has changed: SpaceGeneration() tells, and what
 * others have committed is heard of before it is asked. What is out of date
 * lives on until the transaction ends, for a caller may still hold it.
 */
#include "moment/gate.h"

#include "utils/inval.h"
#include "utils/memutils.h"

typedef struct Kept
{
	char	   *space;
	char	   *name;
	Moment	   *moment;
	MomentProgram *programs[2]; /* by whether the clock is moved */
	char	   *recalls[2];		/* the same; "": nothing can cancel it */
} Kept;

static MemoryContext context;	/* holds all of it */
static List *kept;				/* of Kept * */
static uint64 generation;		/* of the definitions it was made from */

/*
 * The space as it is known now. The caller's may be a copy from before, which
 * goes with the transaction, and a moment points into the one it was read by.
 */
static const Space *
Current(const Space *space)
{
	AcceptInvalidationMessages();
	return SpaceGet(space->name);
}

/* Drops what was made from other definitions than those of now. */
static void
Retire(void)
{
	if (context != NULL && generation == SpaceGeneration())
		return;
	if (context != NULL)
		MemoryContextSetParent(context, TopTransactionContext);
	kept = NIL;
	context = AllocSetContextCreate(CacheMemoryContext, "persona moments",
									ALLOCSET_DEFAULT_SIZES);
	generation = SpaceGeneration();
}

static Kept *
Find(const Space *space, const char *name)
{
	ListCell   *cell;

	foreach(cell, kept)
	{
		Kept	   *one = lfirst(cell);

		if (strcmp(one->name, name) == 0 && strcmp(one->space, space->name) == 0)
			return one;
	}
	return NULL;
}

/* A moment is loaded in memory of its own, which an error takes back. */
static Kept *
Load(const Space *space, const char *name)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "persona moment",
												 ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	Kept	   *one = palloc0(sizeof(Kept));

	one->moment = MomentLoad(space, name);
	one->space = pstrdup(space->name);
	one->name = one->moment->name;
	MemoryContextSetParent(memory, context);
	MemoryContextSwitchTo(context);
	kept = lappend(kept, one);
	MemoryContextSwitchTo(caller);
	return one;
}

static Kept *
FindOrLoad(const Space *space, const char *name)
{
	Kept	   *one;

	Retire();
	one = Find(space, name);
	return one ? one : Load(space, name);
}

const Moment *
MomentKept(const Space *space, const char *name)
{
	return FindOrLoad(Current(space), name)->moment;
}

static char *
CopyText(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

static List *
CopyTexts(List *texts)
{
	List	   *copy = NIL;
	ListCell   *cell;

	foreach(cell, texts)
		copy = lappend(copy, pstrdup(lfirst(cell)));
	return copy;
}

/* What compiling leaves behind is many times what it results in. */
static MomentProgram *
CopyProgram(const MomentProgram *program)
{
	MomentProgram *copy = palloc0(sizeof(MomentProgram));

	copy->start_sql = CopyText(program->start_sql);
	copy->decide_sql = CopyText(program->decide_sql);
	copy->bare_sql = CopyText(program->bare_sql);
	copy->due_sql = CopyText(program->due_sql);
	copy->probe_sql = CopyText(program->probe_sql);
	copy->write_sql = CopyText(program->write_sql);
	copy->show_sql = CopyText(program->show_sql);
	copy->categories = CopyTexts(program->categories);
	copy->for_all = CopyTexts(program->for_all);
	return copy;
}

/* What the audit says of it, which its statements ask for. */
static void
LoadTold(const Space *space, Kept *one)
{
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(one));

	one->moment->told = MomentLoadTold(space, one->moment, true);
	MemoryContextSwitchTo(caller);
}

/* Compiles in memory that goes again, and returns to the caller's. */
static MemoryContext
BeginCompiling(void)
{
	return MemoryContextSwitchTo(AllocSetContextCreate(CurrentMemoryContext,
													   "persona compiling",
													   ALLOCSET_DEFAULT_SIZES));
}

static void
EndCompiling(MemoryContext caller, MemoryContext compiling)
{
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(compiling);
}

const MomentProgram *
MomentKeptProgram(const Space *space, const Moment **moment)
{
	const Space *current = Current(space);
	Kept	   *one = FindOrLoad(current, (*moment)->name);
	MomentProgram **place = &one->programs[PersonaClockIsMoved()];
	MemoryContext compiling;
	MemoryContext caller;
	MomentProgram *program;

	*moment = one->moment;
	if (*place != NULL)
		return *place;
	caller = BeginCompiling();
	compiling = CurrentMemoryContext;
	if (one->moment->told == NULL)
		LoadTold(current, one);
	program = MomentCompile(current, one->moment);
	MemoryContextSwitchTo(GetMemoryChunkContext(one));
	*place = CopyProgram(program);
	EndCompiling(caller, compiling);
	return *place;
}

const char *
MomentKeptRecall(const Space *space, const char *name)
{
	const Space *current = Current(space);
	Kept	   *one = FindOrLoad(current, name);
	char	  **place = &one->recalls[PersonaClockIsMoved()];
	MemoryContext compiling;
	MemoryContext caller;
	char	   *recall;

	if (*place == NULL)
	{
		caller = BeginCompiling();
		compiling = CurrentMemoryContext;
		recall = MomentCompileRecall(current, one->moment);
		*place = MemoryContextStrdup(GetMemoryChunkContext(one),
									 recall ? recall : "");
		EndCompiling(caller, compiling);
	}
	return (*place)[0] != '\0' ? *place : NULL;
}
