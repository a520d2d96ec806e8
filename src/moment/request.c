/*
 * request.c: decide(): a page is being loaded, a call is being taken, and
 * what may be shown is wanted at once.
 *
 * The subject's anchor is locked, waiting for it if need be, and the case is
 * read by a later statement: consent and caps are what they are under the
 * lock. Then come the gates of every other start, and what they decide is
 * written as a run writes it. What is shown counts as sent: no sender ever
 * sees it.
 */
#include "moment/run.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* One call of decide(). */
typedef struct Call
{
	const Space *space;
	const Moment *moment;
	const MomentProgram *program;
	char	   *subject;
	MomentRequest request;
	MomentCase *one;
	const char *reason;			/* why it did not come to a decision */
	char	   *decision;
	MomentVerdict verdict;
} Call;

static void
RefuseOldSnapshot(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("decide() needs isolation level READ COMMITTED"),
				 errdetail("It must see consents that were withdrawn while it waited."),
				 errhint("SET TRANSACTION ISOLATION LEVEL READ COMMITTED before the first statement.")));
}

static void
RefuseOtherStart(const Moment *moment)
{
	if (!moment->on_request)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("moment \"%s\" is not decided on request", moment->name),
				 errhint("Define it with on_request => true; simulate() shows what any moment would decide.")));
}

/* To decide at another time is to move the clock. */
static void
RefuseClock(Oid caller)
{
	if (pg_parameter_aclcheck("persona.clock", caller, ACL_SET) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to decide at another time than now"),
				 errhint("It needs the right to set the clock: GRANT SET ON PARAMETER persona.clock. simulate() needs none.")));
}

/* ---- before the gates ---- */

static void
SubjectArgs(const Call *c, PersonaArgs *args)
{
	PersonaArg(args, TEXTOID, CStringGetTextDatum(c->subject), false);
}

static void
LockAnchor(const Call *c)
{
	const char *type = PersonaTypeName(c->space->key.type);
	char	   *anchor = SpaceTable(c->space, "anchor");
	PersonaArgs args = {0};

	SubjectArgs(c, &args);
	PersonaExecuteKept(psprintf("INSERT INTO %1$s (subject, born_at)"
								" SELECT s.%2$s, pg_catalog.clock_timestamp() FROM %3$s s WHERE s.%2$s = $1::%4$s"
								" ON CONFLICT DO NOTHING", anchor,
								quote_identifier(c->space->key.name),
								PersonaRelationName(c->space->relid), type),
					   &args, false);
	PersonaExecuteKept(psprintf("SELECT FROM %s a WHERE a.subject = $1::%s FOR UPDATE",
								anchor, type), &args, false);
}

/* Whether the same was decided before, which once_per alone makes possible. */
static bool
IsAgain(const Call *c)
{
	PersonaArgs args = {0};

	if (c->moment->once_per == NULL)
		return false;
	SubjectArgs(c, &args);
	PersonaArg(&args, UUIDOID, UUIDPGetDatum(c->one->decision), false);
	return PersonaExecuteKept(psprintf("SELECT FROM %s d WHERE d.subject = $1::%s"
									   " AND d.decision = $2 LIMIT 1",
									   SpaceTable(c->space, "decision"),
									   PersonaTypeName(c->space->key.type)),
							  &args, false) > 0;
}

/* What keeps a request from starting the moment; NULL: it starts. */
static const char *
WhyNotStarted(const Call *c)
{
	if (!persona_enabled || strcmp(c->moment->state, "live") != 0)
		return "paused";
	if (!MomentInShare(c->moment, c->subject))
		return "not_in_share";
	if (!c->one->subject_there)
		return "unknown_subject";
	if (c->one->entry == MOMENT_UNKNOWN)
		return "rule_unknown";
	if (c->one->entry == MOMENT_FALSE)
		return "rule_false";
	if (c->one->once_key == NULL)
		return "no_once_key";
	return IsAgain(c) ? "again" : NULL;
}

static void
Read(void *arg)
{
	Call	   *c = arg;

	c->one = linitial(MomentProbe(c->space, c->moment, c->program,
								  list_make1(c->subject), &c->request));
}

/* ---- writing it down ---- */

static void
CountStart(const Call *c, const char *reason)
{
	List	   *tallies = NIL;

	MomentCount(&tallies, c->moment->name, reason, 1);
	MomentWriteTallies(c->space, tallies);
}

static void
Decide(Call *c)
{
	MomentVerdicts *verdicts;
	int			sqlstate;

	if (MomentCapsByAddress(c->moment))
		(void) MomentLockAddresses(c->space, true);
	LockAnchor(c);
	c->program = MomentKeptProgram(c->space, &c->moment);
	MomentRefuseIncomplete(c->moment, c->program);
	sqlstate = PersonaTrap(Read, c);
	if (sqlstate != 0)
		SpaceIncident(c->space, "decide", c->moment->name, sqlstate);
	c->reason = sqlstate != 0 ? "rule_unknown" : WhyNotStarted(c);
	if (c->reason != NULL)
	{
		if (strcmp(c->reason, "again") != 0)
			CountStart(c, c->reason);
		return;
	}
	CountStart(c, "entered");
	MomentDecide(c->space, c->moment, c->program, c->one, 0, &c->verdict);
	verdicts = MomentVerdictsBegin(c->space, 1);
	MomentVerdictsPut(verdicts, c->one, &c->verdict);
	MomentVerdictsWrite(verdicts, c->program->show_sql);
}

/* ---- the answer ---- */

enum
{
	ANSWER_DECISION, ANSWER_OUTCOME, ANSWER_REASON, ANSWER_VARIANT,
	ANSWER_CHANNEL, ANSWER_SUBJECT_LINE, ANSWER_BODY, ANSWER_CONTENT,
	ANSWER_COLUMNS
};

static void
PutText(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

static void
Answer(const Call *c, ReturnSetInfo *result)
{
	static const char *const outcomes[] = {"send", "holdout", "skip"};
	Datum		values[ANSWER_COLUMNS] = {0};
	bool		nulls[ANSWER_COLUMNS];
	const MomentVerdict *v = &c->verdict;
	bool		known = c->reason == NULL || strcmp(c->reason, "again") == 0;

	memset(nulls, true, sizeof(nulls));
	if (known)
		values[ANSWER_DECISION] = UUIDPGetDatum(c->one->decision);
	nulls[ANSWER_DECISION] = !known;
	PutText(values, nulls, ANSWER_OUTCOME, c->reason ? "skip" : outcomes[v->outcome]);
	PutText(values, nulls, ANSWER_REASON, c->reason ? c->reason : v->reason);
	PutText(values, nulls, ANSWER_VARIANT, v->variant);
	PutText(values, nulls, ANSWER_CHANNEL, c->one ? c->one->channel : NULL);
	if (c->reason == NULL && v->outcome == MOMENT_SEND)
	{
		nulls[ANSWER_SUBJECT_LINE] = v->subject_line == NULL;
		values[ANSWER_SUBJECT_LINE] = PointerGetDatum(v->subject_line);
		nulls[ANSWER_BODY] = false;
		values[ANSWER_BODY] = PointerGetDatum(v->body);
		values[ANSWER_CONTENT] = MomentContent(c->moment, c->one, v,
											   &nulls[ANSWER_CONTENT]);
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(persona_decide);

/* persona.decide_request(subject, moment, context, at, space) */
Datum
persona_decide(PG_FUNCTION_ARGS)
{
	Call		c = {.subject = PersonaTextArg(fcinfo, 0)};
	char	   *name = PersonaTextArg(fcinfo, 1);
	PersonaAct	act;

	c.space = SpaceGet(PersonaTextArg(fcinfo, 4));
	SpaceRefuseStranger(c.space);
	RefuseOldSnapshot();
	if (!PG_ARGISNULL(3))
		RefuseClock(GetUserId());
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	c.request.context = PG_ARGISNULL(2) ? 0 : PG_GETARG_DATUM(2);
	c.request.key = DatumGetCString(DirectFunctionCall1(uuid_out,
														DirectFunctionCall1(gen_random_uuid, 0)));
	PersonaActBegin(&act, c.space->owner);
	if (!PG_ARGISNULL(3))
		PersonaActAt(&act, PG_GETARG_TIMESTAMPTZ(3));
	c.moment = MomentKept(c.space, name);
	RefuseOtherStart(c.moment);
	Decide(&c);
	Answer(&c, (ReturnSetInfo *) fcinfo->resultinfo);
	PersonaActEnd(&act);
	SPI_finish();
	return (Datum) 0;
}
