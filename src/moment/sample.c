/*
 * sample.c: what a moment would say to some of its customers.
 *
 * A hundred of them are taken as if the moment started for them now, by the
 * statement and with the templates of a run; nothing is written, and nothing is
 * asked where the planner says that it would take long. Every variant that
 * somebody gets is rendered for each of them. The audit looks for its words in
 * that, the lint for what is missing; neither passes a text on.
 */
#include "moment/gate.h"

#include "rule/lint.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define SAMPLE 100

typedef struct Sample
{
	const Space *space;
	Moment	   *moment;
	MomentProgram *program;
	List	   *cases;
	ReturnSetInfo *result;
} Sample;

static bool
IsAffordable(const Sample *s)
{
	Oid			types[] = {get_array_type(s->space->key.type), JSONBOID, TEXTOID};

	return RuleIsAffordable(s->program->probe_sql, lengthof(types), types);
}

static void
Probe(void *arg)
{
	Sample	   *s = arg;
	MomentRequest request = {.key = ""};
	List	   *subjects = NIL;
	bool		all;
	uint64		n;

	n = PersonaExecute(psprintf("SELECT s.%s::pg_catalog.text AS subject FROM %s",
								quote_identifier(s->space->key.name),
								RuleSampleRows(s->space->relid, "s", SAMPLE, &all)),
					   NULL, true);
	for (uint64 i = 0; i < n; i++)
		subjects = lappend(subjects, PersonaColumnText(i, "subject"));
	s->cases = MomentProbe(s->space, s->moment, s->program, subjects, &request);
}

/* ---- what one variant says to one customer ---- */

typedef struct Message
{
	const MomentVariant *variant;
	const Jsonb *values;
	List	   *missing;		/* of char * */
	StringInfoData said;
} Message;

static void
Say(Message *m, const MessageTemplate *template)
{
	List	   *missing = NIL;
	ListCell   *cell;

	if (template == NULL)
		return;
	appendStringInfo(&m->said, "%s. ",
					 text_to_cstring(MessageRender(template, m->values, false,
												   &missing)));
	foreach(cell, missing)
		if (!PersonaHasText(m->missing, lfirst(cell)))
			m->missing = lappend(m->missing, lfirst(cell));
}

static void
Render(void *arg)
{
	Message    *m = arg;

	Say(m, m->variant->subject_line);
	Say(m, m->variant->template);
}

/* What cannot be rendered has no row; a run says why. */
static void
PutMessage(const Sample *s, const MomentCase *one, const MomentVariant *variant)
{
	Message		m = {.variant = variant, .values = MomentValues(one, variant->name)};
	Datum		values[3] = {CStringGetTextDatum(variant->name)};
	bool		nulls[3] = {false};

	initStringInfo(&m.said);
	if (variant->template == NULL || PersonaTrap(Render, &m) != 0)
		return;
	values[1] = PersonaTexts(m.missing);
	values[2] = CStringGetTextDatum(m.said.data);
	tuplestore_putvalues(s->result->setResult, s->result->setDesc, values, nulls);
}

static void
PutCase(const Sample *s, const MomentCase *one)
{
	ListCell   *cell;

	CHECK_FOR_INTERRUPTS();
	if (one->values == NULL || one->entry != MOMENT_TRUE)
		return;
	foreach(cell, s->moment->variants)
	{
		const MomentVariant *variant = lfirst(cell);

		/* What nobody gets has no values; the twin stands in for all. */
		if (variant->weight > 0 || strcmp(variant->name, "generic") == 0)
			PutMessage(s, one, variant);
	}
}

static void
Take(Sample *s, const char *name)
{
	ListCell   *cell;

	s->moment = MomentLoad(s->space, name);
	s->program = MomentCompile(s->space, s->moment);
	/* What a request brings along nobody knows beforehand. */
	if (s->program->probe_sql == NULL || s->moment->on_request ||
		!IsAffordable(s) || PersonaTrap(Probe, s) != 0)
		return;
	foreach(cell, s->cases)
	{
		PutCase(s, lfirst(cell));
	}
}

PG_FUNCTION_INFO_V1(persona_moment_sample);

/* persona.moment_sample(moment, space): nothing, to who is not of the space. */
Datum
persona_moment_sample(PG_FUNCTION_ARGS)
{
	Sample		s = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	PersonaAct	act;

	s.space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	InitMaterializedSRF(fcinfo, 0);
	if (!has_privs_of_role(GetUserId(), s.space->owner))
		return (Datum) 0;
	SPI_connect();
	PersonaActBegin(&act, s.space->owner);
	Take(&s, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PersonaActEnd(&act);
	SPI_finish();
	return (Datum) 0;
}
