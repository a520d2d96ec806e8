/*
 * lookup.c: asking about one subject, and the text of the view.
 *
 * may_contact() comes once a row of somebody's query. It acts as the space's
 * owner, for whoever has the right SELECT on the ledger.
 */
#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static const ConsentQuery present = {ConsentNowSql, 5,
{CONSENT_KEY, TEXTARRAYOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};
static const ConsentQuery moved = {ConsentMovedSql, 5,
{CONSENT_KEY, TEXTARRAYOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};
static const ConsentQuery past = {ConsentPastSql, 5,
{CONSENT_KEY, TEXTARRAYOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};

/*
 * (subject, purpose, channel, at, space): the answer is in SPI_tuptable until
 * ConsentEnd. An instant asks the ledger; without one what stands counts.
 */
static void
Ask(FunctionCallInfo fcinfo, PersonaAct *act)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 4));
	Datum		key = ConsentArgKey(fcinfo, space);
	const ConsentPurpose *purpose =
	ConsentFindPurpose(space, ConsentArgText(fcinfo, 1));
	Datum		values[5];

	ConsentCheckChannel(space, ConsentArgText(fcinfo, 2));
	values[0] = key;
	values[1] = PointerGetDatum(purpose->covering);
	values[2] = CStringGetTextDatum(purpose->basis);
	values[3] = PG_GETARG_DATUM(2);
	values[4] = PG_ARGISNULL(3) ? TimestampTzGetDatum(PersonaNow()) :
		PG_GETARG_DATUM(3);
	ConsentBegin(act, space, ACL_SELECT);
	ConsentRun(space, !PG_ARGISNULL(3) ? &past :
			   PersonaClockIsMoved() ? &moved : &present,
			   values, NULL, true);
}

PG_FUNCTION_INFO_V1(persona_may_contact);

Datum
persona_may_contact(PG_FUNCTION_ARGS)
{
	PersonaAct	act;
	bool		isnull;
	bool		allowed;

	Ask(fcinfo, &act);
	allowed = DatumGetBool(PersonaColumn(0, "allowed", &isnull));
	ConsentEnd(&act);
	PG_RETURN_BOOL(allowed);
}

PG_FUNCTION_INFO_V1(persona_consent_status);

Datum
persona_consent_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	PersonaAct	act;

	InitMaterializedSRF(fcinfo, 0);
	Ask(fcinfo, &act);
	PersonaReturnRows(result, 1);
	ConsentEnd(&act);
	return (Datum) 0;
}

static char *
HistorySql(const Space *space)
{
	return psprintf("SELECT l.seq, l.ledger, l.purpose, l.channel, l.decision, l.basis, l.source, l.evidence, l.at,"
					" l.recorded_at, l.recorded_by, l.expires_at FROM %s l WHERE l.subject = $1 ORDER BY l.seq",
					SpaceTable(space, "consent"));
}

static const ConsentQuery history = {HistorySql, 1, {CONSENT_KEY}};

PG_FUNCTION_INFO_V1(persona_consent_history);

/* persona.consent_history(subject, space) */
Datum
persona_consent_history(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 1));
	Datum		key = ConsentArgKey(fcinfo, space);
	PersonaAct	act;
	uint64		n;

	InitMaterializedSRF(fcinfo, 0);
	ConsentBegin(&act, space, ACL_SELECT);
	n = ConsentRun(space, &history, &key, NULL, true);
	PersonaReturnRows(result, n);
	ConsentEnd(&act);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(persona_consent_view);

/* persona.consent_view(space): the query of the view consent_state. */
Datum
persona_consent_view(PG_FUNCTION_ARGS)
{
	Space	   *space = SpaceGet(ConsentArgText(fcinfo, 0));

	PG_RETURN_TEXT_P(cstring_to_text(ConsentViewSql(space)));
}
