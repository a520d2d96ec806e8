/*
 * surprise.c: how surprised a customer would be, as the sum of named parts.
 *
 * The score is meant to be near the share of people, in percent, who call such
 * a message creepy. It is calibrated with published answers, and its tests
 * compare it with them (docs/audit.md names each):
 *
 * - sensitivity: 0.6 of the category's rating (taxonomy.h), for how a thing is
 *	 used moves acceptance as much as what it is;
 * - use: ads elsewhere and sale, by how much they lower acceptance of the same
 *	 purchases used by the shop itself (ConfAIde tier 2: 39 and 59 of 200);
 * - provenance, relevance and immediacy, by what is left between those and the
 *	 practices that were rated: past purchases 27 %, an abandoned cart 54, a
 *	 chatbot that sees purchases 56, greeted from the phone 64, by the face 68;
 * - consent: who was asked accepts twice as often (HCOMP 2016: 69 to 36 %).
 *
 * Pure: no catalog, no setting; the same input has the same score for ever.
 */
#include "audit/audit.h"

#include "space/space.h"

#include "utils/builtins.h"

/* Of what nobody has described. */
#define UNKNOWN_SENSITIVITY 60

/* A word, and the points that it brings. */
typedef struct Word
{
	const char *word;
	int			points;
} Word;

static const Word provenances[] = {
	{"declared", 0}, {"transacted", 9}, {"observed", 16}, {"inferred", 22},
	{"third_party", 28}, {"unknown", 28}
};

static const Word uses[] = {
	{"first_party", 0}, {"cross_context", 19}, {"sold", 30}
};

static const Word relevances[] = {
	{"event", -16}, {"touchpoint", 0}, {"other", 14}, {"company", 20}
};

static const Word granularities[] = {
	{"count", 4}, {"place", 10}, {"time", 10}, {"duration", 20}
};

static const Word labels[] = {
	{"low", 25}, {"medium", 50}, {"high", 80}, {"special", 80}
};

static const char *const part_names[AUDIT_PARTS] = {
	"sensitivity", "provenance", "use", "relevance", "mention", "granularity",
	"immediacy", "age", "derivation", "transparency", "consent"
};

/* The points of a word of a list; `otherwise` for NULL. */
static int
Points(const Word *words, int n, const char *what, const char *word,
	   int otherwise)
{
	StringInfoData known;

	if (word == NULL)
		return otherwise;
	initStringInfo(&known);
	for (int i = 0; i < n; i++)
	{
		if (strcmp(words[i].word, word) == 0)
			return words[i].points;
		appendStringInfo(&known, "%s%s", i ? ", " : "", words[i].word);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no %s \"%s\"", what, word),
			 errhint("It is one of %s.", known.data)));
}

/* 0..100: the space's own word for it, but never mild where the law is not. */
static int
Sensitivity(const AuditUse *use)
{
	const SpaceCategory *category =
	use->category ? SpaceCategoryFind(use->category) : NULL;
	int			rated = category ? category->sensitivity : UNKNOWN_SENSITIVITY;
	int			said = Points(labels, lengthof(labels), "sensitivity",
							  use->sensitivity, rated);

	return category && category->special ? Max(said, rated) : said;
}

int
AuditScore(const AuditUse *use, int points[AUDIT_PARTS])
{
	int			sum = 0;

	points[AUDIT_SENSITIVITY] = (Sensitivity(use) * 6 + 5) / 10;
	points[AUDIT_PROVENANCE] = Points(provenances, lengthof(provenances),
									  "provenance", use->provenance, 28);
	points[AUDIT_USE] = Points(uses, lengthof(uses), "use", use->use, 0);
	points[AUDIT_RELEVANCE] = Points(relevances, lengthof(relevances),
									 "relevance", use->relevance, 0);
	points[AUDIT_MENTION] = use->mentioned ? 0 : -8;
	points[AUDIT_GRANULARITY] = Points(granularities, lengthof(granularities),
									   "granularity", use->granularity, 0);
	points[AUDIT_IMMEDIACY] = use->immediate ? 14 : 0;
	points[AUDIT_AGE] = use->old ? 6 : 0;
	points[AUDIT_DERIVATION] = use->derived ? 8 : 0;
	points[AUDIT_TRANSPARENCY] = use->explained ? -10 : 0;
	for (int i = 0; i < AUDIT_CONSENT; i++)
		sum += points[i];
	sum = Max(0, Min(100, sum));
	points[AUDIT_CONSENT] = use->opened ? -(sum + 1) / 2 : 0;
	return sum + points[AUDIT_CONSENT];
}

/* ---- as SQL functions ---- */

static char *
TextArgument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static bool
BoolArgument(FunctionCallInfo fcinfo, int n)
{
	return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
}

PG_FUNCTION_INFO_V1(persona_surprise);

/* persona.surprise(provenance, category, use): the score of being mentioned. */
Datum
persona_surprise(PG_FUNCTION_ARGS)
{
	AuditUse	use = {.provenance = TextArgument(fcinfo, 0),
		.category = TextArgument(fcinfo, 1), .use = TextArgument(fcinfo, 2),
	.mentioned = true};
	int			points[AUDIT_PARTS];

	PG_RETURN_INT32(AuditScore(&use, points));
}

PG_FUNCTION_INFO_V1(persona_surprise_parts);

/* persona.surprise_parts(...): each part that counts, as a JSON object. */
Datum
persona_surprise_parts(PG_FUNCTION_ARGS)
{
	AuditUse	use = {.provenance = TextArgument(fcinfo, 0),
		.category = TextArgument(fcinfo, 1), .use = TextArgument(fcinfo, 2),
		.sensitivity = TextArgument(fcinfo, 3),
		.relevance = TextArgument(fcinfo, 4),
		.granularity = TextArgument(fcinfo, 5),
		.mentioned = BoolArgument(fcinfo, 6),
		.immediate = BoolArgument(fcinfo, 7), .old = BoolArgument(fcinfo, 8),
		.derived = BoolArgument(fcinfo, 9),
		.explained = BoolArgument(fcinfo, 10),
	.opened = BoolArgument(fcinfo, 11)};
	int			points[AUDIT_PARTS];
	int			score = AuditScore(&use, points);
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"score\": %d", score);
	for (int i = 0; i < AUDIT_PARTS; i++)
		if (points[i] != 0)
			appendStringInfo(&json, ", \"%s\": %d", part_names[i], points[i]);
	appendStringInfoChar(&json, '}');
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}
