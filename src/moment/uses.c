/*
 * uses.c: what a moment knows of a customer, part by part: the columns that
 * its rules, tokens, address and the text of each variant read, and which of
 * them the text shows. The audit is made of it.
 *
 * A part that is a variant goes by the variant's name; all others have a space
 * in theirs, which no variant has.
 */
#include "moment/outbox.h"

#include "rule/rule.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

typedef struct Listing
{
	const Space *space;
	const Moment *moment;
	ReturnSetInfo *result;
} Listing;

static void
Put(Listing *listing, const char *part, const char *variable,
	const RuleReading *reading)
{
	Datum		values[] = {
		CStringGetTextDatum(part),
		BoolGetDatum(variable != NULL && reading->shown),
		CStringGetTextDatum(reading->source),
		CStringGetTextDatum(reading->column),
		reading->through ? CStringGetTextDatum(reading->through) : 0,
		BoolGetDatum(reading->of_new),
		variable ? CStringGetTextDatum(variable) : 0
	};
	bool		nulls[lengthof(values)] = {false};

	nulls[4] = reading->through == NULL;
	nulls[6] = variable == NULL;
	tuplestore_putvalues(listing->result->setResult,
						 listing->result->setDesc, values, nulls);
}

/* The readings of an expression; a text's variable mentions what is shown. */
static void
PutExpression(Listing *listing, const char *part, const char *variable,
			  const char *text)
{
	ListCell   *cell;

	if (text == NULL)
		return;
	CHECK_FOR_INTERRUPTS();
	foreach(cell, RuleReadings(listing->space, listing->moment->event,
							   listing->moment->on_request, text))
	{
		Put(listing, part, variable, lfirst(cell));
	}
}

static void
PutTemplate(Listing *listing, const MomentVariant *variant,
			const MessageTemplate *template)
{
	ListCell   *cell;

	if (template == NULL)
		return;
	foreach(cell, MessageVariables(template))
	{
		if (MomentPage(lfirst(cell)) == NULL)
			PutExpression(listing, variant->name,
						  MomentVariableHead(lfirst(cell)),
						  MomentVariableExpression(listing->moment, variant,
												   lfirst(cell)));
	}
}

static bool
IsShown(const MessageTemplate *template, const char *token)
{
	size_t		n = strlen(token);
	ListCell   *cell;

	if (template == NULL)
		return false;
	foreach(cell, MessageVariables(template))
	{
		const char *path = lfirst(cell);

		if (strncmp(path, token, n) == 0 && (path[n] == '\0' || path[n] == '.'))
			return true;
	}
	return false;
}

/* What a variant's own tokens read, also those that no text shows. */
static void
PutTokens(Listing *listing, const MomentVariant *variant)
{
	ListCell   *cell;

	foreach(cell, variant->tokens)
	{
		MomentToken *token = lfirst(cell);

		if (!IsShown(variant->template, token->name) &&
			!IsShown(variant->subject_line, token->name))
			PutExpression(listing, variant->name, NULL, token->expression);
	}
}

static void
PutMoment(Listing *listing)
{
	const Moment *m = listing->moment;
	ListCell   *cell;

	PutExpression(listing, "entry rule", NULL, m->when_rule);
	PutExpression(listing, "cancel rule", NULL, m->cancel_rule);
	PutExpression(listing, "once_per expression", NULL, m->once_per);
	if (!m->expires_is_interval)
		PutExpression(listing, "expiry expression", NULL, m->expires);
	PutExpression(listing, "experiment unit", NULL, m->unit);
	PutExpression(listing, "time zone", NULL, m->time_zone);
	if (m->on_segment != NULL)
		PutExpression(listing, "start segment", NULL,
					  psprintf("segment(%s)", m->on_segment));
	foreach(cell, m->before)
		PutExpression(listing, "cancel rule", NULL,
					  ((MomentBefore *) lfirst(cell))->cancel_rule);
	foreach(cell, m->channels)
		PutExpression(listing, "channel address", NULL,
					  ((MomentChannel *) lfirst(cell))->address);
	foreach(cell, m->variants)
	{
		MomentVariant *variant = lfirst(cell);

		PutTemplate(listing, variant, variant->subject_line);
		PutTemplate(listing, variant, variant->template);
		PutTokens(listing, variant);
	}
}

PG_FUNCTION_INFO_V1(persona_moment_uses);

/* persona.moment_uses(moment, space): a row for each column in each part. */
Datum
persona_moment_uses(PG_FUNCTION_ARGS)
{
	Listing		listing = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	PersonaAct	act;

	listing.space = SpaceGetOwn(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	PersonaActBegin(&act, listing.space->owner);
	listing.moment = MomentLoad(listing.space,
								text_to_cstring(PG_GETARG_TEXT_PP(0)));
	MomentRefuseBroken(listing.space, listing.moment);
	PutMoment(&listing);
	PersonaActEnd(&act);
	SPI_finish();
	return (Datum) 0;
}
