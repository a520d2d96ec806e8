/*
 * report.c: what a run counted, and what it says of it.
 *
 * Reasons are counted a moment while a batch runs and added to the run's own
 * count once the batch has committed. The run says them by NOTICE at its end;
 * while it is at it, pg_stat_activity shows how far it has come.
 */
#include "moment/run.h"

#include "catalog/pg_type.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"

/* Batches after which a long run says by NOTICE that it goes on. */
#define REPORT_EVERY 100

void
MomentCount(List **tallies, const char *moment, const char *reason, int64 n)
{
	MomentTally *tally;
	ListCell   *cell;

	foreach(cell, *tallies)
	{
		tally = lfirst(cell);
		if (strcmp(tally->moment, moment) == 0 &&
			strcmp(tally->reason, reason) == 0)
		{
			tally->n += n;
			return;
		}
	}
	tally = palloc(sizeof(MomentTally));
	tally->moment = pstrdup(moment);
	tally->reason = pstrdup(reason);
	tally->n = n;
	*tallies = lappend(*tallies, tally);
}

void
MomentAddTallies(List **tallies, List *counted)
{
	ListCell   *cell;

	foreach(cell, counted)
	{
		MomentTally *tally = lfirst(cell);

		if (tally->n > 0)
			MomentCount(tallies, tally->moment, tally->reason, tally->n);
	}
}

/* Appended, never updated: no row is shared with another runner. */
void
MomentWriteTallies(const Space *space, List *tallies)
{
	ListCell   *cell;

	foreach(cell, tallies)
	{
		MomentTally *tally = lfirst(cell);
		PersonaArgs args = {0};

		if (tally->n == 0)
			continue;
		PersonaArg(&args, TEXTOID, CStringGetTextDatum(tally->moment), false);
		PersonaArg(&args, TEXTOID, CStringGetTextDatum(tally->reason), false);
		PersonaArg(&args, INT8OID, Int64GetDatum(tally->n), false);
		PersonaExecuteKept(psprintf("INSERT INTO %s VALUES ($1, persona.now()::pg_catalog.date, $2, $3)",
									SpaceTable(space, "moment_day")),
						   &args, false);
	}
}

static int
ByMoment(const ListCell *a, const ListCell *b)
{
	return strcmp(((MomentTally *) lfirst(a))->moment,
				  ((MomentTally *) lfirst(b))->moment);
}

/* The moments of a space that could be live: names, and ", " between. */
typedef struct Resting
{
	const char *space;
	bool		live;			/* one is */
	char	   *ideas;			/* NULL: there are none */
	char	   *paused;
} Resting;

static void
ReadResting(void *arg)
{
	Resting    *resting = arg;
	PersonaArgs args = {0};
	bool		isnull;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(resting->space), false);
	PersonaExecute("SELECT coalesce(pg_catalog.bool_or(state = 'live'), false) AS live,"
				   " pg_catalog.string_agg(moment, ', ' ORDER BY moment) FILTER (WHERE state = 'idea') AS ideas,"
				   " pg_catalog.string_agg(moment, ', ' ORDER BY moment) FILTER (WHERE state = 'paused') AS paused"
				   " FROM persona.moment WHERE space = $1", &args, true);
	resting->live = DatumGetBool(PersonaColumn(0, "live", &isnull));
	resting->ideas = PersonaColumnText(0, "ideas");
	resting->paused = PersonaColumnText(0, "paused");
}

/* Nothing was due: perhaps because nothing is live yet, or any more. */
static void
ReportNothing(const char *space)
{
	Resting		resting = {.space = space};
	StringInfoData hint;

	SpaceWithDefinitions(ReadResting, &resting);
	if (resting.live)
	{
		ereport(NOTICE, (errmsg("nothing was due in space \"%s\"", space)));
		return;
	}
	initStringInfo(&hint);
	if (resting.ideas != NULL)
		appendStringInfo(&hint, "SELECT * FROM persona.activate('%.*s') makes one live; ideas: %s.",
						 (int) strcspn(resting.ideas, ","), resting.ideas, resting.ideas);
	if (resting.paused != NULL)
		appendStringInfo(&hint, "%sSELECT persona.resume('%.*s') lets one go on; paused: %s.",
						 hint.len ? " " : "", (int) strcspn(resting.paused, ","),
						 resting.paused, resting.paused);
	if (hint.len == 0)
		appendStringInfoString(&hint, "Describe one with persona.define_moment(...), then persona.activate() makes it live.");
	ereport(NOTICE,
			(errmsg("no moment is live in space \"%s\": nothing starts, and nothing is decided",
					space),
			 errhint("%s", hint.data)));
}

void
MomentReport(const char *space, List *tallies)
{
	StringInfoData line;
	const char *moment = NULL;
	ListCell   *cell;

	initStringInfo(&line);
	if (tallies == NIL)
		ReportNothing(space);
	list_sort(tallies, ByMoment);
	foreach(cell, tallies)
	{
		MomentTally *tally = lfirst(cell);

		if (moment != NULL && strcmp(moment, tally->moment) != 0)
		{
			ereport(NOTICE, (errmsg("%s", line.data)));
			resetStringInfo(&line);
		}
		if (line.len == 0)
			appendStringInfo(&line, "moment \"%s\": ", tally->moment);
		else
			appendStringInfoString(&line, ", ");
		appendStringInfo(&line, INT64_FORMAT " %s", tally->n, tally->reason);
		moment = tally->moment;
	}
	if (line.len > 0)
		ereport(NOTICE, (errmsg("%s", line.data)));
}

void
MomentShowProgress(const char *space, uint64 rows, int batches)
{
	char		activity[200];

	if (batches == 0)
	{
		pgstat_report_activity(STATE_RUNNING, debug_query_string);
		return;
	}
	snprintf(activity, sizeof(activity),
			 "persona.run, space %s: " UINT64_FORMAT " rows in %d batches",
			 space, rows, batches);
	pgstat_report_activity(STATE_RUNNING, activity);
	if (batches % REPORT_EVERY == 0)
		ereport(NOTICE,
				(errmsg(UINT64_FORMAT " rows so far, in %d batches", rows,
						batches)));
}
