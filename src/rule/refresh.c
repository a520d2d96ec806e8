/*
 * refresh.c: who entered which segment, and who left it.
 *
 * The table membership remembers what the rules said the last time. One pass
 * tells what they say now and what they said, block by block; only the
 * differences are collected and written, in one statement for those who left
 * and one for those who entered. A rule that fails changes nothing of its own
 * segment, is noted as an incident and warned of.
 */
#include "rule/book.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

/* What changed in one segment. */
typedef struct Tally
{
	int64		entered;
	int64		departed;
	int64		members;
} Tally;

/* A segment that was dropped, and how many left it by that. */
typedef struct DroppedEntry
{
	char		name[NAMEDATALEN];
	int64		departed;
} DroppedEntry;

struct RuleRefresher
{
	RuleBook   *book;
	int		   *sqlstates;		/* of each page: why it can be told of nobody */
	List	   *segments;		/* of char *: only these; NIL: all */
	Tally	   *tallies;		/* of each page */
	Datum	   *names;			/* of each page, as text */
	HTAB	   *dropped;		/* of DroppedEntry */
	TupleDesc	change;			/* subject, segment */
	Tuplestorestate *entered;
	Tuplestorestate *departed;
	List	   *pages;			/* of the pass at hand */
};

typedef RuleRefresher Refresh;

/* ---- collecting the differences ---- */

static void
Put(Refresh *refresh, Tuplestorestate *changes, Datum key, Datum segment)
{
	Datum		values[] = {key, segment};
	bool		nulls[] = {false, false};

	tuplestore_putvalues(changes, refresh->change, values, nulls);
}

/* All rows of one word of a set. */
static void
PutRows(Refresh *refresh, Tuplestorestate *changes, uint64 word,
		const Datum *keys, Datum segment)
{
	for (; word != 0; word &= word - 1)
		Put(refresh, changes, keys[pg_rightmost_one_pos64(word)], segment);
}

static void
Tell(void *arg, int page, const Datum *keys, const uint64 *is,
	 const uint64 *was)
{
	Refresh    *refresh = arg;
	Tally	   *tally = &refresh->tallies[page];

	for (int w = 0; w < MATCHER_WORDS; w++, keys += 64)
	{
		uint64		entered = is[w] & ~was[w];
		uint64		departed = was[w] & ~is[w];

		if ((is[w] | was[w]) == 0)
			continue;
		tally->members += pg_popcount64(is[w]);
		tally->entered += pg_popcount64(entered);
		tally->departed += pg_popcount64(departed);
		PutRows(refresh, refresh->entered, entered, keys, refresh->names[page]);
		PutRows(refresh, refresh->departed, departed, keys, refresh->names[page]);
	}
}

static void
TellGone(void *arg, int page, const char *segment, Datum key)
{
	Refresh    *refresh = arg;
	DroppedEntry *entry;
	bool		found;

	if (page >= 0)
	{
		refresh->tallies[page].departed++;
		Put(refresh, refresh->departed, key, refresh->names[page]);
		return;
	}
	entry = hash_search(refresh->dropped, segment, HASH_ENTER, &found);
	entry->departed = found ? entry->departed + 1 : 1;
	Put(refresh, refresh->departed, key, CStringGetTextDatum(segment));
}

static void
Forget(void *arg)
{
	Refresh    *refresh = arg;
	HASH_SEQ_STATUS scan;
	DroppedEntry *entry;
	ListCell   *cell;

	tuplestore_clear(refresh->entered);
	tuplestore_clear(refresh->departed);
	foreach(cell, refresh->pages)
		memset(&refresh->tallies[lfirst_int(cell)], 0, sizeof(Tally));
	hash_seq_init(&scan, refresh->dropped);
	while ((entry = hash_seq_search(&scan)) != NULL)
		entry->departed = 0;
}

/* ---- writing them ---- */

/* The names of the pages that failed, or of the others, as text[]. */
static Datum
Names(const Refresh *refresh, bool failed)
{
	Datum	   *names = palloc(sizeof(Datum) * (refresh->book->npages + 1));
	int			n = 0;

	for (int i = 0; i < refresh->book->npages; i++)
		if ((refresh->book->pages[i].sqlstate != 0) == failed)
			names[n++] = refresh->names[i];
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/* The collected rows are a table to this one statement. */
static void
WriteChanges(Refresh *refresh, Tuplestorestate *changes, const char *sql)
{
	int64		n = tuplestore_tuple_count(changes);
	EphemeralNamedRelationData relation = {.md = {.name = "changes",
			.tupdesc = refresh->change, .enrtype = ENR_NAMED_TUPLESTORE,
	.enrtuples = n}, .reldata = changes};
	PersonaArgs args = {0};

	if (n == 0)
		return;
	PersonaArg(&args, TEXTARRAYOID, Names(refresh, true), false);
	SPI_connect();
	if (SPI_register_relation(&relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "the changes of segments could not be named");
	PersonaExecute(sql, &args, false);
	SPI_finish();
}

/* In the order of the index, which then grows at its end and not all over. */
static void
Enter(Refresh *refresh, const char *on_conflict)
{
	WriteChanges(refresh, refresh->entered,
				 psprintf("INSERT INTO %s SELECT c.subject, c.segment, persona.now(), NULL"
						  " FROM changes c WHERE c.segment <> ALL ($1) ORDER BY c.subject%s",
						  SpaceTable(refresh->book->space, "membership"), on_conflict));
}

static void
EnterAnew(void *refresh)
{
	Enter(refresh, "");
}

static void
Write(Refresh *refresh)
{
	WriteChanges(refresh, refresh->departed,
				 psprintf("UPDATE %s m SET left_at = GREATEST(m.entered_at, persona.now())"
						  " FROM changes c WHERE m.subject = c.subject AND m.segment = c.segment"
						  " AND m.left_at IS NULL AND c.segment <> ALL ($1)",
						  SpaceTable(refresh->book->space, "membership")));

	/*
	 * Who left and comes back at the same instant of the clock has never
	 * left. Looking for those from the start would cost as much as the rest.
	 */
	if (PersonaTrap(EnterAnew, refresh) != 0)
		Enter(refresh, " ON CONFLICT (subject, segment, entered_at) DO UPDATE SET left_at = NULL");
}

static void
RefreshPages(Refresh *refresh, List *subjects, List *pages, bool first)
{
	RulePass	pass = {.book = refresh->book, .pages = pages,
		.subjects = subjects, .dropped = first,
	.tell = Tell, .gone = TellGone, .arg = refresh};

	refresh->pages = pages;
	refresh->entered = tuplestore_begin_heap(false, false, work_mem);
	refresh->departed = tuplestore_begin_heap(false, false, work_mem);
	RulePassTry(&pass, Forget);
	Write(refresh);
	tuplestore_end(refresh->entered);
	tuplestore_end(refresh->departed);
}

/* ---- rules that failed ---- */

static void
WarnOf(const Space *space, const RulePage *page, const char *what)
{
	ereport(WARNING,
			(errcode(page->sqlstate),
			 errmsg("segment \"%s\" %s: its rule fails with %s", page->name,
					what, unpack_sql_state(page->sqlstate)),
			 errhint("SELECT count(*) FROM %s shows the error.",
					 SpaceTable(space, psprintf("segment_%s", page->name)))));
}

/* What they failed with, and how many members they still have. */
static void
NoteFailures(Refresh *refresh)
{
	RuleBook   *book = refresh->book;
	const Space *space = book->space;
	PersonaArgs args = {0};
	uint64		n;

	for (int i = 0; i < book->npages; i++)
		if (book->pages[i].sqlstate != 0)
		{
			memset(&refresh->tallies[i], 0, sizeof(Tally));
			SpaceIncident(space, "refresh", book->pages[i].name,
						  book->pages[i].sqlstate);
			WarnOf(space, &book->pages[i], "is left as it was");
		}
	PersonaArg(&args, TEXTARRAYOID, Names(refresh, true), false);
	n = PersonaExecute(psprintf("SELECT segment, pg_catalog.count(*) AS members FROM %s"
								" WHERE left_at IS NULL AND segment = ANY ($1) GROUP BY segment",
								SpaceTable(space, "membership")), &args, true);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		int			page = RuleBookFind(book, PersonaColumnText(i, "segment"));

		refresh->tallies[page].members = DatumGetInt64(PersonaColumn(i, "members", &isnull));
	}
}

static bool
AnyFailed(const RuleBook *book)
{
	for (int i = 0; i < book->npages; i++)
		if (book->pages[i].sqlstate != 0)
			return true;
	return false;
}

/* ---- the whole of it ---- */

static Refresh *
RefreshBegin(const Space *space, RuleFeatures features)
{
	Refresh    *refresh = palloc0(sizeof(Refresh));
	HASHCTL		control = {.keysize = NAMEDATALEN, .entrysize = sizeof(DroppedEntry),
	.hcxt = CurrentMemoryContext};

	refresh->book = RuleBookOpen(space, features);
	refresh->tallies = palloc0(sizeof(Tally) * (refresh->book->npages + 1));
	refresh->names = palloc(sizeof(Datum) * (refresh->book->npages + 1));
	refresh->sqlstates = palloc(sizeof(int) * (refresh->book->npages + 1));
	for (int i = 0; i < refresh->book->npages; i++)
	{
		refresh->names[i] = CStringGetTextDatum(refresh->book->pages[i].name);
		refresh->sqlstates[i] = refresh->book->pages[i].sqlstate;
	}
	refresh->dropped = hash_create("persona dropped segments", 16, &control,
								   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	refresh->change = CreateTemplateTupleDesc(2);
	TupleDescInitEntry(refresh->change, 1, "subject", space->key.type, -1, 0);
	TupleDescInitEntry(refresh->change, 2, "segment", TEXTOID, -1, 0);
	return refresh;
}

static List *
Wanted(const Refresh *refresh, List *pages)
{
	List	   *wanted = NIL;
	ListCell   *cell;

	if (refresh->segments == NIL)
		return pages;
	foreach(cell, pages)
		if (PersonaHasText(refresh->segments,
						   refresh->book->pages[lfirst_int(cell)].name))
			wanted = lappend_int(wanted, lfirst_int(cell));
	return wanted;
}

/* How many entered anything. */
static int64
RefreshAll(Refresh *refresh, List *subjects)
{
	int64		entered = 0;
	ListCell   *cell;

	foreach(cell, RulePassSplit(refresh->book))
		RefreshPages(refresh, subjects, Wanted(refresh, lfirst(cell)),
					 foreach_current_index(cell) == 0);
	for (int i = 0; i < refresh->book->npages; i++)
		entered += refresh->tallies[i].entered;
	return entered;
}

/*
 * A second refresh waits for the first and then sees what it wrote; readers
 * and writers of the table wait for neither.
 */
static Refresh *
RefreshSpace(const Space *space)
{
	Refresh    *refresh;

	PersonaExecute(psprintf("LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE",
							SpaceTable(space, "membership")), NULL, false);
	refresh = RefreshBegin(space, RULE_FEATURES_GROUPED);
	(void) RefreshAll(refresh, NIL);
	if (AnyFailed(refresh->book))
		NoteFailures(refresh);
	return refresh;
}

void
RuleRefresh(const Space *space)
{
	(void) RefreshSpace(space);
}

RuleRefresher *
RuleRefresherOpen(const Space *space, List *segments)
{
	RuleRefresher *refresher = RefreshBegin(space, RULE_FEATURES_LATERAL);
	ListCell   *cell;

	foreach(cell, segments)
		refresher->segments = lappend(refresher->segments, pstrdup(lfirst(cell)));
	return refresher;
}

/* A rule that failed for others is tried again. */
bool
RuleRefreshSubjects(RuleRefresher *refresher, List *subjects)
{
	RuleBook   *book = refresher->book;

	if (subjects == NIL)
		return false;
	memset(refresher->tallies, 0, sizeof(Tally) * book->npages);
	for (int i = 0; i < book->npages; i++)
		book->pages[i].sqlstate = refresher->sqlstates[i];
	return RefreshAll(refresher, subjects) > 0;
}

static void
PutResult(ReturnSetInfo *result, Datum segment, const Tally *tally)
{
	Datum		values[] = {segment, Int64GetDatum(tally->entered),
	Int64GetDatum(tally->departed), Int64GetDatum(tally->members)};
	bool		nulls[] = {false, false, false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
Report(const Refresh *refresh, ReturnSetInfo *result)
{
	HASH_SEQ_STATUS scan;
	DroppedEntry *entry;

	for (int i = 0; i < refresh->book->npages; i++)
		PutResult(result, refresh->names[i], &refresh->tallies[i]);
	hash_seq_init(&scan, refresh->dropped);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		Tally		tally = {.departed = entry->departed};

		PutResult(result, CStringGetTextDatum(entry->name), &tally);
	}
}

static void
RefuseOldSnapshot(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("refresh_segments() needs isolation level READ COMMITTED"),
				 errdetail("It must see what a refresh wrote for which it waited."),
				 errhint("SET TRANSACTION ISOLATION LEVEL READ COMMITTED before the first statement.")));
}

PG_FUNCTION_INFO_V1(persona_refresh_segments);

/* persona.refresh_segments(space): a row a segment, of what has changed. */
Datum
persona_refresh_segments(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(PG_ARGISNULL(0) ? NULL :
								 text_to_cstring(PG_GETARG_TEXT_PP(0)));
	MemoryContext caller = CurrentMemoryContext;
	PersonaAct	act;
	Refresh    *refresh;

	SpaceRefuseStranger(space);
	RefuseOldSnapshot();
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	MemoryContextSwitchTo(caller);
	PersonaActBegin(&act, space->owner);
	refresh = RefreshSpace(space);
	PersonaActEnd(&act);
	Report(refresh, (ReturnSetInfo *) fcinfo->resultinfo);
	SPI_finish();
	return (Datum) 0;
}

/* ---- one subject ---- */

/* The pages whose rule is true of the one row. */
static void
TellOne(void *arg, int page, const Datum *keys, const uint64 *is,
		const uint64 *was)
{
	Bitmapset **pages = arg;

	if (is[0] & 1)
		*pages = bms_add_member(*pages, page);
}

static void
ForgetOne(void *pages)
{
	*(Bitmapset **) pages = NULL;
}

PG_FUNCTION_INFO_V1(persona_segment_names);

/* persona.segment_names(subject, space): the segments a subject is in now. */
Datum
persona_segment_names(PG_FUNCTION_ARGS)
{
	char	   *subject = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Bitmapset  *all = NULL;
	PersonaAct	act;
	RuleBook   *book;
	ListCell   *cell;

	SpaceRefuseStranger(space);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	PersonaActBegin(&act, space->owner);
	book = RuleBookOpen(space, RULE_FEATURES_LATERAL);
	foreach(cell, RulePassSplit(book))
	{
		Bitmapset  *pages = NULL;
		RulePass	pass = {.book = book, .pages = lfirst(cell), .subjects = list_make1(subject),
		.guarded = true, .tell = TellOne, .arg = &pages};

		RulePassTry(&pass, ForgetOne);
		all = bms_union(all, pages);
	}
	PersonaActEnd(&act);
	for (int i = 0; i < book->npages; i++)
	{
		Datum		name = CStringGetTextDatum(book->pages[i].name);
		bool		isnull = false;

		if (book->pages[i].sqlstate != 0)
			WarnOf(space, &book->pages[i], "cannot be told");
		else if (bms_is_member(i, all))
			tuplestore_putvalues(result->setResult, result->setDesc, &name, &isnull);
	}
	return (Datum) 0;
}
