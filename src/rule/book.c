/*
 * book.c: the rules of all segments of a space, ready to be matched together.
 *
 * Each rule is compiled as it would be by itself, but all into one query, so
 * that they share what they ask of events. What they read is numbered: the
 * columns of the book. segment(x) becomes a parameter, the number of x's page.
 *
 * A rule that cannot be compiled, because of a column that is gone, must not
 * keep the others from being refreshed: it has its SQLSTATE.
 */
#include "rule/book.h"
#include "rule/scope.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#define KEY_LENGTH (2 * NAMEDATALEN + 2)

typedef struct NumberEntry
{
	char		name[KEY_LENGTH];	/* page, or alias.column */
	int			number;
} NumberEntry;

/* The analysis of one page, as a step that may fail. */
typedef struct Analysis
{
	RuleBook   *book;
	RulePage   *page;
	List	   *rtable;
} Analysis;

/* ---- reading ---- */

static int
NumberOf(const RuleBook *book, const char *name)
{
	NumberEntry *entry = hash_search(book->numbers, name, HASH_FIND, NULL);

	return entry ? entry->number : -1;
}

static void
SetNumber(RuleBook *book, const char *name, int number)
{
	NumberEntry *entry = hash_search(book->numbers, name, HASH_ENTER, NULL);

	entry->number = number;
}

int
RuleBookFind(const RuleBook *book, const char *name)
{
	return NumberOf(book, name);
}

static void
ReadPages(void *arg)
{
	RuleBook   *book = arg;
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(book->space->name), false);
	book->npages = PersonaExecute("SELECT segment, rule FROM persona.segment"
								  " WHERE space = $1 ORDER BY segment", &args, true);
	book->pages = palloc0(sizeof(RulePage) * Max(book->npages, 1));
	for (int i = 0; i < book->npages; i++)
	{
		book->pages[i].name = PersonaColumnText(i, "segment");
		book->pages[i].text = PersonaColumnText(i, "rule");
		SetNumber(book, book->pages[i].name, i);
	}
}

/* ---- columns and parts ---- */

/* The segment whose members an alias stands for; NULL where it is another. */
static const char *
SegmentOf(const RuleQuery *query, const char *alias)
{
	ListCell   *cell;

	foreach(cell, query->sources)
	{
		RuleSource *source = lfirst(cell);

		if (source->segment && strcmp(source->alias, alias) == 0)
			return source->segment;
	}
	return NULL;
}

static Node *
BindColumn(Analysis *analysis, const Var *var, const char *alias)
{
	RuleBook   *book = analysis->book;
	RangeTblEntry *rte = rt_fetch(var->varno, analysis->rtable);
	char	   *name = get_rte_attribute_name(rte, var->varattno);
	char	   *key = psprintf("%s.%s", alias, name);
	int			number = NumberOf(book, key);

	if (number < 0)
	{
		number = list_length(book->columns);
		book->columns = lappend(book->columns,
								RuleMakeColumn(alias, name, -1));
		book->vars = lappend(book->vars,
							 makeVar(1, number + 1, var->vartype, var->vartypmod,
									 var->varcollid, 0));
		SetNumber(book, key, number);
	}
	analysis->page->columns = bms_add_member(analysis->page->columns, number);
	return copyObject(list_nth(book->vars, number));
}

static Node *
BindPart(Analysis *analysis, const char *segment)
{
	RulePage   *page = analysis->page;
	int			number = NumberOf(analysis->book, segment);
	Param	   *param = makeNode(Param);

	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("segment \"%s\" does not exist any more", segment)));
	page->parts = list_append_unique_int(page->parts, number);
	param->paramkind = PARAM_EXTERN;
	param->paramid = number + 1;
	param->paramtype = BOOLOID;
	param->paramtypmod = -1;
	return (Node *) param;
}

static const char *
AliasOf(const Analysis *analysis, const Node *node)
{
	if (!IsA(node, Var))
		return NULL;
	return rt_fetch(((const Var *) node)->varno, analysis->rtable)->eref->aliasname;
}

static Node *
Bind(Node *node, Analysis *analysis)
{
	const char *segment = NULL;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return BindColumn(analysis, (Var *) node, AliasOf(analysis, node));
	if (IsA(node, NullTest) && IsA(((NullTest *) node)->arg, Var))
		segment = SegmentOf(analysis->book->query,
							AliasOf(analysis, (Node *) ((NullTest *) node)->arg));
	if (segment != NULL)
		return BindPart(analysis, segment);
	return expression_tree_mutator(node, Bind, analysis);
}

/* ---- analysing ---- */

static void
AnalysePage(void *arg)
{
	Analysis   *analysis = arg;
	RulePage   *page = analysis->page;
	Node	   *condition = RuleQueryAnalyse(analysis->book->query, page->text,
											 "rule", &analysis->rtable);

	condition = Bind(condition, analysis);
	page->condition = (Node *) expression_planner((Expr *) condition);
}

/* Appends the page to the order, after its parts. */
static void
PutInOrder(RuleBook *book, int number, bool *placed)
{
	RulePage   *page = &book->pages[number];
	ListCell   *cell;

	if (placed[number])
		return;
	placed[number] = true;
	check_stack_depth();
	foreach(cell, page->parts)
	{
		PutInOrder(book, lfirst_int(cell), placed);
		page->columns = bms_add_members(page->columns,
										book->pages[lfirst_int(cell)].columns);
	}
	book->order = lappend_int(book->order, number);
}

void
RuleBookSpread(RuleBook *book)
{
	ListCell   *cell;

	foreach(cell, book->order)
	{
		RulePage   *page = &book->pages[lfirst_int(cell)];
		ListCell   *part;

		foreach(part, page->parts)
			if (page->sqlstate == 0)
				page->sqlstate = book->pages[lfirst_int(part)].sqlstate;
	}
}

RuleBook *
RuleBookOpen(const Space *space, RuleFeatures mode)
{
	RuleBook   *book = palloc0(sizeof(RuleBook));
	HASHCTL		control = {.keysize = KEY_LENGTH, .entrysize = sizeof(NumberEntry),
	.hcxt = CurrentMemoryContext};
	bool	   *placed;

	book->space = space;
	book->query = RuleQueryBegin(space, NULL, mode);
	book->numbers = hash_create("persona book", 256, &control,
								HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	SpaceWithDefinitions(ReadPages, book);
	for (int i = 0; i < book->npages; i++)
	{
		Analysis	analysis = {.book = book, .page = &book->pages[i]};

		CHECK_FOR_INTERRUPTS();
		book->pages[i].sqlstate = PersonaTrap(AnalysePage, &analysis);
	}
	placed = palloc0(book->npages + 1);
	for (int i = 0; i < book->npages; i++)
		PutInOrder(book, i, placed);
	RuleBookSpread(book);
	return book;
}
