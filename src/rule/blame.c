/*
 * blame.c: one rule that fails must not fail the others.
 *
 * What a rule evaluates by itself is guarded (pass.c). An aggregate is part of
 * the statement for all rules: where that fails, the columns are tried in
 * halves, until those are found which cannot be computed. The rules that need
 * them are left out.
 */
#include "rule/book.h"

#include "executor/spi.h"
#include "miscadmin.h"

/* Columns tried together, as a step that may fail. */
typedef struct Trial
{
	const RulePass *pass;
	const int  *columns;
	int			n;
} Trial;

static void
Compute(void *arg)
{
	const Trial *trial = arg;
	SPIExecuteOptions options = {.dest = None_Receiver, .read_only = true};
	Bitmapset  *columns = NULL;
	char	   *sql;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < trial->n; i++)
		columns = bms_add_member(columns, trial->columns[i]);
	sql = psprintf("SELECT 1%s%s", RulePassFrom(trial->pass->book, columns),
				   RulePassWhere(trial->pass));
	SPI_connect();
	if (SPI_execute_extended(sql, &options) < 0)
		elog(ERROR, "persona's statement failed: %s", sql);
	SPI_finish();
}

/* Every page of the pass that needs the column fails as it does. */
static void
BlameColumn(const RulePass *pass, int column, int sqlstate)
{
	ListCell   *cell;

	foreach(cell, pass->pages)
	{
		RulePage   *page = &pass->book->pages[lfirst_int(cell)];

		if (page->sqlstate == 0 && bms_is_member(column, page->columns))
			page->sqlstate = sqlstate;
	}
}

static void
BlameColumns(const RulePass *pass, const int *columns, int n)
{
	Trial		trial = {pass, columns, n};
	int			sqlstate = PersonaTrap(Compute, &trial);

	if (sqlstate == 0)
		return;
	if (n == 1)
		BlameColumn(pass, columns[0], sqlstate);
	else
	{
		BlameColumns(pass, columns, n / 2);
		BlameColumns(pass, columns + n / 2, n - n / 2);
	}
}

static void
Blame(const RulePass *pass)
{
	Trial		nothing = {pass, NULL, 0};
	Bitmapset  *all = NULL;
	int		   *columns;
	int			n = 0;
	int			column = -1;
	ListCell   *cell;

	/* Without any column it fails for everybody: a right, a broken view. */
	Compute(&nothing);
	foreach(cell, pass->pages)
		all = bms_add_members(all, pass->book->pages[lfirst_int(cell)].columns);
	columns = palloc(sizeof(int) * (bms_num_members(all) + 1));
	while ((column = bms_next_member(all, column)) >= 0)
		columns[n++] = column;
	if (n > 0)
		BlameColumns(pass, columns, n);
}

static List *
NotBlamed(const RulePass *pass)
{
	List	   *pages = NIL;
	ListCell   *cell;

	foreach(cell, pass->pages)
		if (pass->book->pages[lfirst_int(cell)].sqlstate == 0)
			pages = lappend_int(pages, lfirst_int(cell));
	return pages;
}

static void
Run(void *pass)
{
	RulePassRun(pass);
}

void
RulePassTry(RulePass *pass, void (*again) (void *arg))
{
	while (PersonaTrap(Run, pass) != 0)
	{
		int			before = list_length(pass->pages);

		again(pass->arg);
		if (!pass->guarded)
		{
			pass->guarded = true;
			continue;
		}
		pass->pages = NotBlamed(pass);
		Blame(pass);
		RuleBookSpread(pass->book);
		pass->pages = NotBlamed(pass);
		if (list_length(pass->pages) < before)
			continue;
		/* Nobody is to blame: the error as it is. */
		RulePassRun(pass);
		return;
	}
}
