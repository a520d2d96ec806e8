/*
 * probe.c: a subject's case, as if the moment started for it now.
 *
 * The statement differs from that of a run only in where its rows come from;
 * what comes out is the same kind of case and goes through the same gates.
 */
#include "moment/gate.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

void
MomentRefuseIncomplete(const Moment *moment, const MomentProgram *program)
{
	if (program->probe_sql == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("moment \"%s\" is still an idea", moment->name),
				 errhint("Give it a start, a channel and a purpose with persona.define_moment('%s', ...).",
						 moment->name)));
}

/* Keys as text, as an array of their own type. */
static Datum
Subjects(const Space *space, List *texts)
{
	Oid			type = space->key.type;
	Datum	   *keys = palloc(sizeof(Datum) * Max(list_length(texts), 1));
	int			n = 0;
	int16		length;
	bool		by_value;
	char		align;
	Oid			input;
	Oid			io_param;
	ListCell   *cell;

	getTypeInputInfo(type, &input, &io_param);
	get_typlenbyvalalign(type, &length, &by_value, &align);
	foreach(cell, texts)
		keys[n++] = OidInputFunctionCall(input, lfirst(cell), io_param, -1);
	return PointerGetDatum(construct_array(keys, n, type, length, by_value,
										   align));
}

List *
MomentProbe(const Space *space, const Moment *moment,
			const MomentProgram *program, List *subjects,
			const MomentRequest *request)
{
	PersonaArgs args = {0};
	List	   *cases = NIL;
	uint64		n;

	PersonaArg(&args, get_array_type(space->key.type),
			   Subjects(space, subjects), false);
	PersonaArg(&args, JSONBOID, request->context, request->context == 0);
	PersonaArg(&args, TEXTOID, CStringGetTextDatum(request->key), false);
	/* Not read only: it is to see what committed while a lock was waited for. */
	n = PersonaExecuteKept(program->probe_sql, &args, false);
	for (uint64 i = 0; i < n; i++)
		cases = lappend(cases, MomentReadCase(i, moment));
	MomentCountByAddress(space, moment, cases);
	MomentCountTold(space, moment, cases);
	return cases;
}

static bool
IsThere(const Space *space, const char *subject)
{
	PersonaArgs args = {0};
	const char *key = quote_identifier(space->key.name);

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(subject), false);
	return PersonaExecute(psprintf("SELECT FROM %s s WHERE s.%s = $1::%s LIMIT 1",
								   PersonaRelationName(space->relid), key,
								   PersonaTypeName(space->key.type)),
						  &args, true) > 0;
}

void
MomentNoStart(const Space *space, const Moment *moment, const char *subject)
{
	if (!IsThere(space, subject))
		ereport(NOTICE,
				(errmsg("there is no subject \"%s\" in %s", subject,
						PersonaRelationName(space->relid))));
	else if (moment->on_segment != NULL)
		ereport(NOTICE,
				(errmsg("the subject is not in segment \"%s\", so nothing could start moment \"%s\"",
						moment->on_segment, moment->name)));
	else if (moment->before != NIL)
		ereport(NOTICE,
				(errmsg("the subject got nothing of moment \"%s\", so nothing could start moment \"%s\"",
						((MomentBefore *) linitial(moment->before))->name, moment->name)));
	else
		ereport(NOTICE,
				(errmsg("the subject has no event \"%s\", so nothing could start moment \"%s\"",
						moment->starts_on, moment->name)));
}

/* The names that a template's variables begin with. */
static void
AddNames(const MessageTemplate *template, List **names)
{
	ListCell   *cell;

	if (template == NULL)
		return;
	foreach(cell, MessageVariables(template))
	{
		const char *path = lfirst(cell);

		*names = lappend(*names, pnstrdup(path, strcspn(path, ".")));
	}
}

Datum
MomentContent(const Moment *moment, const MomentCase *one,
			  const MomentVerdict *verdict, bool *isnull)
{
	const MomentVariant *variant;
	List	   *names = NIL;
	PersonaArgs args = {0};

	*isnull = true;
	if (verdict->outcome != MOMENT_SEND)
		return 0;
	variant = MomentFindVariant(moment, verdict->variant);
	AddNames(variant->template, &names);
	AddNames(variant->subject_line, &names);
	PersonaArg(&args, JSONBOID, JsonbPGetDatum(MomentValues(one, verdict->variant)), false);
	PersonaArg(&args, TEXTARRAYOID, PersonaTexts(names), false);
	PersonaExecuteKept("SELECT coalesce(pg_catalog.jsonb_object_agg(e.key, e.value), '{}') AS content"
					   " FROM pg_catalog.jsonb_each($1) e WHERE e.key = ANY ($2)",
					   &args, true);
	return PersonaColumn(0, "content", isnull);
}
