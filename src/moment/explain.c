/*
 * explain.c: the gates as they stand now, for one subject and moment.
 *
 * The same statement and the same gates as in a real run, as if the latest of
 * what starts the moment came now; nothing is written.
 */
#include "moment/gate.h"

#include "executor/spi.h"
#include "utils/builtins.h"

/* All gates may be open, and yet it does not start for this subject. */
static void
NoteShare(const Moment *moment, const char *subject)
{
	if (!MomentInShare(moment, subject))
		ereport(NOTICE,
				(errmsg("moment \"%s\" is live for a share of %g of the subjects, and this one is not among them",
						moment->name, moment->share),
				 errhint("SELECT * FROM persona.activate('%s', share => 1) makes it live for all.",
						 moment->name)));
}

static char *
Gates(const Space *space, Moment *moment, char *subject)
{
	MomentRequest request = {.key = ""};
	MomentProgram *program;
	MomentVerdict verdict;
	List	   *cases;

	moment->told = MomentLoadTold(space, moment, false);
	program = MomentCompile(space, moment);
	MomentRefuseIncomplete(moment, program);
	cases = MomentProbe(space, moment, program, list_make1(subject), &request);
	if (cases == NIL)
	{
		MomentNoStart(moment);
		return NULL;
	}
	MomentDecide(space, moment, program, linitial(cases), 0, &verdict);
	NoteShare(moment, subject);
	return verdict.gates;
}

PG_FUNCTION_INFO_V1(persona_moment_gates);

/* persona.moment_gates(subject, moment, space): the gates as json, or NULL. */
Datum
persona_moment_gates(PG_FUNCTION_ARGS)
{
	char	   *subject = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Space	   *space = SpaceGet(PG_ARGISNULL(2) ? NULL :
								 text_to_cstring(PG_GETARG_TEXT_PP(2)));
	MemoryContext caller = CurrentMemoryContext;
	PersonaAct	act;
	char	   *gates;
	Datum		result = 0;

	SpaceRefuseStranger(space);
	SPI_connect();
	PersonaActBegin(&act, space->owner);
	gates = Gates(space, MomentLoad(space, name), subject);
	PersonaActEnd(&act);
	if (gates != NULL)
	{
		MemoryContextSwitchTo(caller);
		result = CStringGetTextDatum(gates);
	}
	SPI_finish();
	if (gates == NULL)
		PG_RETURN_NULL();
	return result;
}
