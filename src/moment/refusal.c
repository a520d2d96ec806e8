/*
 * refusal.c: why a message may not be handed over after all.
 *
 * Between the decision and the sender a customer may withdraw, be suppressed
 * or refuse the use of their data, and time passes. claim() asks this of whole
 * pages, under lock; still_ok() and fail() ask it of one message, without; all
 * of them ask what has been cancelled (recall.c).
 */
#include "moment/outbox.h"

#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

char *
MomentRefusal(const Space *space)
{
	return psprintf("CASE WHEN m.expires_at <= persona.now() THEN 'expired'"
					" WHEN %s IS NOT NULL THEN 'suppressed'"
					" WHEN NOT m.transactional AND NOT coalesce(k.allowed, false) THEN k.reason"
					" WHEN pg_catalog.cardinality(%s) > 0 THEN 'data_preference' END",
					ConsentSuppressed(space, "m.subject", "m.channel",
									  "m.address"),
					ConsentRefusedCategories(space, "m.subject",
											 "m.categories"));
}

typedef struct Purpose
{
	char	   *space;
	char	   *purpose;
	char	   *basis;			/* NULL: the purpose is defined no more */
} Purpose;

static void
ReadBasis(void *arg)
{
	Purpose    *purpose = arg;
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(purpose->space), false);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(purpose->purpose), false);
	if (PersonaExecute("SELECT basis FROM persona.purpose WHERE space = $1 AND purpose = $2",
					   &args, true) > 0)
		purpose->basis = pstrdup(PersonaColumnText(0, "basis"));
}

/* Whether the message $1 was cancelled since. */
static const char *
AskRecall(const Space *space, const PersonaArgs *args)
{
	ItemPointerData row;
	Datum		subjects;
	bool		isnull;

	PersonaExecute(psprintf("SELECT moment, ctid AS row, ARRAY[subject] AS subjects FROM %s WHERE message = $1",
							SpaceTable(space, "message")), args, true);
	row = *(ItemPointer) DatumGetPointer(PersonaColumn(0, "row", &isnull));
	subjects = PointerGetDatum(PG_DETOAST_DATUM_COPY(PersonaColumn(0, "subjects", &isnull)));
	return MomentRecallOne(space, PersonaColumnText(0, "moment"), &row, subjects);
}

/* The refusal of one message, NULL where it may go or is not there. */
static const char *
Ask(const Space *space, Datum message)
{
	Purpose		purpose = {.space = space->name};
	PersonaArgs args = {0};
	char	   *refusal;

	PersonaArg(&args, UUIDOID, message, false);
	if (PersonaExecute(psprintf("SELECT purpose FROM %s WHERE message = $1",
								SpaceTable(space, "message")), &args, true) == 0)
		return NULL;
	purpose.purpose = pstrdup(PersonaColumnText(0, "purpose"));
	SpaceWithDefinitions(ReadBasis, &purpose);
	if (purpose.basis == NULL)
		return "no_purpose";
	PersonaExecute(psprintf("SELECT %s AS refusal FROM %s m LEFT JOIN LATERAL %s k ON true"
							" WHERE m.message = $1",
							MomentRefusal(space),
							SpaceTable(space, "message"),
							ConsentLateral(space, "m.subject", purpose.purpose,
										   purpose.basis, "m.channel",
										   "persona.now()")), &args, true);
	refusal = PersonaColumnText(0, "refusal");
	return refusal ? refusal : AskRecall(space, &args);
}

PG_FUNCTION_INFO_V1(persona_message_refusal);

/* persona.message_refusal(message, space) */
Datum
persona_message_refusal(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	MemoryContext caller = CurrentMemoryContext;
	PersonaAct	act;
	const char *refusal;
	text	   *result = NULL;

	SpaceRefuseOutsider(space);
	PersonaActBegin(&act, space->owner);
	SPI_connect();
	refusal = Ask(space, PG_GETARG_DATUM(0));
	if (refusal != NULL)
	{
		MemoryContextSwitchTo(caller);
		result = cstring_to_text(refusal);
	}
	SPI_finish();
	PersonaActEnd(&act);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}
