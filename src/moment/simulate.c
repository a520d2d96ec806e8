/*
 * simulate.c: what would be decided, for one subject or for a whole segment,
 * with nothing written.
 *
 * The statement, the gates and the rendering are those of a run; the latest of
 * what starts the moment is taken to come now, or at the instant that is asked
 * about. An idea is taken to be live already: that is what it is tried for.
 */
#include "moment/run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

typedef struct Simulation
{
	const Space *space;
	Moment	   *moment;
	MomentProgram *program;
	MomentRequest request;
	List	   *subjects;		/* of char *: those being looked at */
	List	   *cases;
	List	   *tallies;		/* "moment" is the outcome and the variant */
} Simulation;

/* ---- one case ---- */

/* What keeps it from coming to the gates at all; NULL: nothing does. */
static const char *
WhyNotStarted(const Moment *moment, const MomentCase *one)
{
	if (!MomentInShare(moment, one->subject))
		return "not_in_share";
	return one->once_key == NULL ? "no_once_key" : NULL;
}

static void
Decide(Simulation *s, const MomentCase *one, MomentVerdict *verdict)
{
	const char *reason = WhyNotStarted(s->moment, one);

	MomentDecide(s->space, s->moment, s->program, one, 0, verdict);
	if (reason == NULL)
		return;
	*verdict = (MomentVerdict)
	{
		.outcome = MOMENT_SKIP, .reason = reason, .gates = verdict->gates
	};
}

static const char *
OutcomeName(const MomentVerdict *verdict)
{
	static const char *const names[] = {"send", "holdout", "skip", "defer"};

	return names[verdict->outcome];
}

static void
Probe(void *arg)
{
	Simulation *s = arg;

	s->cases = MomentProbe(s->space, s->moment, s->program, s->subjects,
						   &s->request);
}

static void
Begin(Simulation *s, FunctionCallInfo fcinfo, PersonaAct *act)
{
	s->space = SpaceGet(PersonaTextArg(fcinfo, 4));
	SpaceRefuseStranger(s->space);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	s->request.context = PG_ARGISNULL(2) ? 0 : PG_GETARG_DATUM(2);
	s->request.key = DatumGetCString(DirectFunctionCall1(uuid_out,
														 DirectFunctionCall1(gen_random_uuid, 0)));
	PersonaActBegin(act, s->space->owner);
	if (!PG_ARGISNULL(3))
		PersonaActAt(act, PG_GETARG_TIMESTAMPTZ(3));
	s->moment = MomentLoad(s->space, PersonaTextArg(fcinfo, 1));
	if (strcmp(s->moment->state, "idea") == 0)
		s->moment->state = "live";
	s->moment->told = MomentLoadTold(s->space, s->moment, false);
	s->program = MomentCompile(s->space, s->moment);
}

/* ---- one subject ---- */

enum
{
	SIMULATED_DECISION, SIMULATED_OUTCOME, SIMULATED_REASON,
	SIMULATED_VARIANT, SIMULATED_FALLBACK, SIMULATED_CHANNEL, SIMULATED_DUE,
	SIMULATED_ADDRESS, SIMULATED_SUBJECT_LINE, SIMULATED_BODY,
	SIMULATED_CONTENT, SIMULATED_GATES, SIMULATED_COLUMNS
};

static Datum
TextOrNull(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : 0;
}

static void
PutMessage(const Moment *moment, const MomentCase *one,
		   const MomentVerdict *v, Datum *values, bool *nulls)
{
	values[SIMULATED_ADDRESS] = TextOrNull(one->address,
										   &nulls[SIMULATED_ADDRESS]);
	values[SIMULATED_SUBJECT_LINE] = PointerGetDatum(v->subject_line);
	nulls[SIMULATED_SUBJECT_LINE] = v->subject_line == NULL;
	values[SIMULATED_BODY] = PointerGetDatum(v->body);
	nulls[SIMULATED_BODY] = false;
	values[SIMULATED_CONTENT] = MomentContent(moment, one, v,
											  &nulls[SIMULATED_CONTENT]);
}

static void
PutCase(const Moment *moment, const MomentCase *one, const MomentVerdict *v,
		ReturnSetInfo *result)
{
	Datum		values[SIMULATED_COLUMNS] = {0};
	bool		nulls[SIMULATED_COLUMNS];
	TimestampTz due = v->outcome == MOMENT_DEFER ? v->due : one->due;

	memset(nulls, true, sizeof(nulls));
	nulls[SIMULATED_DECISION] = one->decision == NULL;
	if (one->decision != NULL)
		values[SIMULATED_DECISION] = UUIDPGetDatum(one->decision);
	values[SIMULATED_OUTCOME] = TextOrNull(OutcomeName(v), &nulls[SIMULATED_OUTCOME]);
	values[SIMULATED_REASON] = TextOrNull(v->reason, &nulls[SIMULATED_REASON]);
	values[SIMULATED_VARIANT] = TextOrNull(v->variant, &nulls[SIMULATED_VARIANT]);
	values[SIMULATED_FALLBACK] = BoolGetDatum(v->fallback);
	nulls[SIMULATED_FALLBACK] = false;
	values[SIMULATED_CHANNEL] = TextOrNull(one->channel, &nulls[SIMULATED_CHANNEL]);
	values[SIMULATED_DUE] = TimestampTzGetDatum(due);
	nulls[SIMULATED_DUE] = false;
	values[SIMULATED_GATES] = DirectFunctionCall1(jsonb_in, CStringGetDatum(v->gates));
	nulls[SIMULATED_GATES] = false;
	if (v->outcome == MOMENT_SEND)
		PutMessage(moment, one, v, values, nulls);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* One whose expressions fail is decided as unknown, which says no more. */
static void
PutFailure(int sqlstate, ReturnSetInfo *result)
{
	Datum		values[SIMULATED_COLUMNS] = {0};
	bool		nulls[SIMULATED_COLUMNS];

	ereport(NOTICE,
			(errmsg("an expression of the moment fails for this subject: SQLSTATE %s",
					unpack_sql_state(sqlstate))));
	memset(nulls, true, sizeof(nulls));
	values[SIMULATED_OUTCOME] = TextOrNull("skip", &nulls[SIMULATED_OUTCOME]);
	values[SIMULATED_REASON] = TextOrNull("rule_unknown", &nulls[SIMULATED_REASON]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(persona_simulate);

/* persona.simulate_subject(subject, moment, context, at, space) */
Datum
persona_simulate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Simulation	s = {0};
	MomentVerdict verdict;
	PersonaAct	act;
	int			sqlstate;

	Begin(&s, fcinfo, &act);
	s.subjects = list_make1(PersonaTextArg(fcinfo, 0));
	MomentRefuseIncomplete(s.moment, s.program);
	sqlstate = PersonaTrap(Probe, &s);
	if (sqlstate != 0)
		PutFailure(sqlstate, result);
	else if (s.cases == NIL)
		MomentNoStart(s.moment);
	else
	{
		Decide(&s, linitial(s.cases), &verdict);
		PutCase(s.moment, linitial(s.cases), &verdict, result);
	}
	PersonaActEnd(&act);
	SPI_finish();
	return (Datum) 0;
}

/* ---- a whole segment ---- */

/* What is counted apart: outcome, reason and variant. */
static void
Count(Simulation *s, const char *outcome, const char *reason,
	  const char *variant, int64 n)
{
	MomentCount(&s->tallies,
				psprintf("%s\n%s", outcome, variant ? variant : ""),
				reason ? reason : "", n);
}

/*
 * Looks at some subjects, and where an expression fails at ever fewer of them,
 * as a run does.
 */
static void
SimulateSome(Simulation *s, List *subjects)
{
	int			n = list_length(subjects);
	ListCell   *cell;

	CHECK_FOR_INTERRUPTS();
	s->subjects = subjects;
	if (PersonaTrap(Probe, s) == 0)
	{
		foreach(cell, s->cases)
		{
			MomentVerdict verdict;

			Decide(s, lfirst(cell), &verdict);
			Count(s, OutcomeName(&verdict), verdict.reason, verdict.variant, 1);
		}
		Count(s, "skip", "no_start", NULL, n - list_length(s->cases));
	}
	else if (n == 1)
		Count(s, "skip", "rule_unknown", NULL, 1);
	else
	{
		List	   *rest = list_copy_tail(subjects, n / 2);

		SimulateSome(s, list_truncate(subjects, n / 2));
		SimulateSome(s, rest);
	}
}

/* The tallies outlive the batch that they are of. */
static void
SimulateBatch(Simulation *s, MemoryContext batch)
{
	MemoryContext old = MemoryContextSwitchTo(batch);
	List	   *kept = s->tallies;
	List	   *subjects = NIL;
	ListCell   *cell;

	for (uint64 i = 0; i < SPI_processed; i++)
		subjects = lappend(subjects, PersonaColumnText(i, "subject"));
	SPI_freetuptable(SPI_tuptable);
	s->tallies = NIL;
	SimulateSome(s, subjects);
	MemoryContextSwitchTo(old);
	foreach(cell, s->tallies)
	{
		MomentTally *tally = lfirst(cell);

		if (tally->n > 0)
			MomentCount(&kept, tally->moment, tally->reason, tally->n);
	}
	s->tallies = kept;
	MemoryContextReset(batch);
}

static void
SimulateMembers(Simulation *s, const char *segment)
{
	MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext,
												"persona simulated batch",
												ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	Portal		members;

	members = SPI_cursor_open_with_args(NULL,
										psprintf("SELECT m.subject::pg_catalog.text AS subject FROM %s m",
												 SpaceTable(s->space, psprintf("segment_%s", segment))),
										0, NULL, NULL, NULL, true, 0);
	for (;;)
	{
		SPI_cursor_fetch(members, true, MOMENT_BATCH);
		MemoryContextSwitchTo(caller);
		if (SPI_processed == 0)
			break;
		SimulateBatch(s, batch);
	}
	SPI_cursor_close(members);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(batch);
}

PG_FUNCTION_INFO_V1(persona_simulate_segment);

/* persona.simulate_members(segment, moment, context, at, space) */
Datum
persona_simulate_segment(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Simulation	s = {0};
	PersonaAct	act;
	ListCell   *cell;

	Begin(&s, fcinfo, &act);
	MomentRefuseIncomplete(s.moment, s.program);
	SimulateMembers(&s, PersonaTextArg(fcinfo, 0));
	PersonaActEnd(&act);
	foreach(cell, s.tallies)
	{
		MomentTally *tally = lfirst(cell);
		char	   *variant = strchr(tally->moment, '\n') + 1;
		Datum		values[4] = {0};
		bool		nulls[4] = {false};

		values[0] = PointerGetDatum(cstring_to_text_with_len(tally->moment,
															 variant - tally->moment - 1));
		values[1] = TextOrNull(tally->reason[0] ? tally->reason : NULL, &nulls[1]);
		values[2] = TextOrNull(variant[0] ? variant : NULL, &nulls[2]);
		values[3] = Int64GetDatum(tally->n);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
