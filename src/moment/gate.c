/*
 * gate.c: the gates, one function each, in the order in which they close.
 *
 * They look at what was read for a case and at nothing else, so a real run,
 * an explanation and a question about what would happen give one answer. All
 * gates are passed and written down with what they saw, but the first that
 * closes decides. What they saw holds times, counts, ids and names of
 * categories; never a value of the customer's.
 */
#include "moment/gate.h"
#include "moment/saw.h"
#include "moment/zone.h"

#include "experiment/experiment.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

/* What a gate is given, and where it leaves what it found. */
typedef struct Passage
{
	const Space *space;
	const Moment *moment;
	const MomentProgram *program;
	const MomentCase *one;
	int			already;
	MomentVerdict *verdict;
	const char *reason;			/* why the gate closed */
	StringInfo	json;			/* the gates so far, and what they saw */
} Passage;

/* ---- the gates ---- */

static bool
Close(Passage *p, const char *reason)
{
	p->reason = reason;
	return false;
}

static bool
GateLive(Passage *p)
{
	SawBool(p->json, "enabled", persona_enabled);
	SawText(p->json, "state", p->moment->state);
	if (!persona_enabled || strcmp(p->moment->state, "live") != 0)
		return Close(p, "paused");
	return p->moment->held ? Close(p, "held") : true;
}

static bool
IsBlank(const char *text)
{
	return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

static bool
GateReachable(Passage *p)
{
	const MomentCase *one = p->one;

	SawBool(p->json, "subject", one->subject_there);
	SawBool(p->json, "event", one->event_there);
	SawBool(p->json, "address", !IsBlank(one->address));
	SawText(p->json, "suppressed", one->suppressed);
	if (!one->subject_there)
		return Close(p, "gone");
	if (!one->event_there)
		return Close(p, "event_gone");
	if (one->suppressed != NULL)
		return Close(p, "suppressed");
	/* Where an expression failed the address was never read. */
	if (one->sqlstate == 0 && IsBlank(one->address))
		return Close(p, "unreachable");
	return true;
}

static bool
GateEntry(Passage *p)
{
	SawTruth(p->json, "rule", p->one->entry);
	SawText(p->json, "stale", p->one->stale);
	if (p->one->sqlstate != 0)
		SawText(p->json, "sqlstate", unpack_sql_state(p->one->sqlstate));
	if (p->one->entry == MOMENT_UNKNOWN)
		return Close(p, "rule_unknown");
	if (p->one->entry == MOMENT_FALSE)
		return Close(p, "rule_false");
	return p->one->stale ? Close(p, "source_stale") : true;
}

static bool
GateCancel(Passage *p)
{
	List	   *reached = p->one->reached;

	SawTruth(p->json, "rule", p->one->cancel);
	if (reached != NIL)
	{
		SawText(p->json, "goal", linitial(reached));
		SawText(p->json, "after", lsecond(reached));
	}
	return p->one->cancel == MOMENT_TRUE || reached != NIL ?
		Close(p, "cancelled") : true;
}

static bool
GateExpiry(Passage *p)
{
	SawTime(p->json, "due", p->one->first_due);
	if (!p->one->has_expiry)
		return true;
	SawTime(p->json, "expires", p->one->expires_at);
	return PersonaNow() >= p->one->expires_at ? Close(p, "expired") : true;
}

static bool
GateConsent(Passage *p)
{
	SawText(p->json, "purpose", p->moment->purpose);
	SawText(p->json, "channel", p->one->channel);
	SawText(p->json, "basis", p->moment->basis);
	SawText(p->json, "status", p->one->consent_reason);
	SawText(p->json, "ledger", p->one->ledger);
	if (p->moment->transactional)
	{
		SawBool(p->json, "transactional", true);
		return true;
	}
	return p->one->allowed ? true : Close(p, p->one->consent_reason);
}

/*
 * Closed where even the generic twin would use a refused category; where only
 * the personal variants do, the twin stands in.
 */
static bool
GatePreference(Passage *p)
{
	bool		twin_too = false;
	ListCell   *cell;

	foreach(cell, p->one->refused)
		twin_too = twin_too || PersonaHasText(p->program->for_all, lfirst(cell));
	SawCount(p->json, "categories", list_length(p->program->categories));
	SawList(p->json, "refused", p->one->refused);
	if (twin_too)
		return Close(p, "data_preference");
	if (p->one->refused != NIL)
		p->verdict->fallback = true;
	return true;
}

static bool
GateQuiet(Passage *p)
{
	TimestampTz now = PersonaNow();
	pg_tz	   *zone = MomentZone(p->one->zone);
	TimestampTz end = MomentQuietEnd(now, p->moment->quiet, zone);

	if (p->moment->quiet != NIL)
	{
		SawText(p->json, "zone", pg_get_timezone_name(zone));
		if (p->one->zone != NULL && !MomentIsZone(p->one->zone))
			SawBool(p->json, "zone_unknown", true);
	}
	if (end <= now)
		return true;
	SawTime(p->json, "until", end);
	p->verdict->due = end;
	return Close(p, "quiet_hours");
}

/* What this subject got so far that counts against a cap, the batch included. */
static int64
SentUnder(Passage *p, int number)
{
	const MomentCap *cap = list_nth(p->moment->caps, number);
	int64		sent = p->one->sent[number] + p->already;

	return MomentCapIsByAddress(cap) ? sent + p->one->same_address : sent;
}

/* Whether a cap is reached; writes it down as an object of its own. */
static bool
IsFull(Passage *p, int number)
{
	const MomentCap *cap = list_nth(p->moment->caps, number);
	int64		sent = SentUnder(p, number);

	SawItem(p->json);
	SawText(p->json, "channel", cap->channel);
	SawText(p->json, "purpose", cap->purpose);
	SawText(p->json, "per", cap->per);
	SawCount(p->json, "sent", sent);
	SawCount(p->json, "cap", cap->cap);
	appendStringInfoChar(p->json, '}');
	return sent >= cap->cap;
}

static bool
GateFrequency(Passage *p)
{
	bool		full = false;

	if (p->moment->transactional)
	{
		SawBool(p->json, "transactional", true);
		return true;
	}
	SawKey(p->json, "caps");
	appendStringInfoChar(p->json, '[');
	for (int i = 0; i < list_length(p->moment->caps); i++)
		full = IsFull(p, i) || full;
	appendStringInfoChar(p->json, ']');
	return full ? Close(p, "frequency_cap") : true;
}

/* What being told the same value again, or again of the same, adds. */
#define POINTS_SAME 20
#define POINTS_ALIKE 10

/* What each attribute adds that is past its max_age. */
#define POINTS_OLD 20

/*
 * How often a customer was told the same lately, by this moment or, on any
 * channel, by another that showed one of its values; and how often other
 * values of the same attributes. That is what feels watched.
 */
static int
Repetition(Passage *p)
{
	int			own = p->one->repeats;
	int			same = Max(own, p->one->same);
	int			alike = Max(0, own + (int) p->one->alike - same);

	SawCount(p->json, "same", same);
	SawCount(p->json, "alike", alike);
	return Min(100, POINTS_SAME * same + POINTS_ALIKE * alike);
}

/*
 * What the audit says of the moment, and more for each time that its customer
 * was told so before and for what is out of date. Above the policy's limit the
 * generic twin stands in, where that is not above it itself.
 */
static bool
GateSurprise(Passage *p)
{
	const Moment *moment = p->moment;
	int			repetition = Repetition(p);
	int			staleness = POINTS_OLD * list_length(p->one->old);
	int			score = Min(100, moment->told->surprise + repetition + staleness);

	SawCount(p->json, "score", score);
	SawCount(p->json, "limit", moment->max_surprise);
	SawCount(p->json, "audit", moment->told->surprise);
	SawCount(p->json, "repetition", repetition);
	SawCount(p->json, "staleness", staleness);
	SawText(p->json, "within", moment->told_within);
	if (p->one->old != NIL)
		SawList(p->json, "old", p->one->old);
	if (score <= moment->max_surprise)
		return true;
	if (MomentFindVariant(moment, "generic") == NULL ||
		moment->told->twin > moment->max_surprise)
		return Close(p, "creepy");
	p->verdict->fallback = true;
	return true;
}

static const struct
{
	const char *name;
	bool		(*gate) (Passage *p);
}			gates[] =
{
	{"live", GateLive},
	{"reachable", GateReachable},
	{"entry", GateEntry},
	{"cancel", GateCancel},
	{"expiry", GateExpiry},
	{"consent", GateConsent},
	{"preference", GatePreference},
	{"quiet", GateQuiet},
	{"frequency", GateFrequency},
	{"surprise", GateSurprise},
};

/* ---- the last two: which variant, and its text ---- */

/*
 * The holdout is the space's, with a seed of its own, and comes first. Who takes
 * no part in the experiment gets the generic twin. A twin that stands in is no
 * exposure: it says nothing about the variants.
 */
static void
GateVariant(Passage *p)
{
	MomentVerdict *verdict = p->verdict;
	char	   *seed = psprintf("%s.holdout", p->space->name);
	const char *assigned = p->one->assigned;
	bool		takes_part = assigned != NULL &&
	MomentFindVariant(p->moment, assigned) != NULL;

	verdict->exposed = !verdict->fallback;
	if (ExperimentBucket(seed, p->one->subject) < p->moment->holdout)
	{
		verdict->outcome = MOMENT_HOLDOUT;
		verdict->variant = "holdout";
	}
	else
	{
		verdict->outcome = MOMENT_SEND;
		verdict->fallback = verdict->fallback || !takes_part;
		verdict->exposed = !verdict->fallback;
		verdict->variant = verdict->fallback ? "generic" : assigned;
	}
	SawText(p->json, "variant", verdict->variant);
	SawText(p->json, "experiment", p->moment->experiment);
	SawNumber(p->json, "holdout", p->moment->holdout);
	SawBool(p->json, "fallback", verdict->fallback);
}

typedef struct Rendering
{
	const MomentVariant *variant;
	const Jsonb *values;
	bool		html;
	const char *missing;
	text	   *subject_line;
	text	   *body;
} Rendering;

static void
Render(void *arg)
{
	Rendering  *r = arg;
	const char *missing = NULL;

	r->body = MessageRender(r->variant->template, r->values, r->html,
							&r->missing);
	if (r->variant->subject_line == NULL)
		return;
	r->subject_line = MessageOneLine(MessageRender(r->variant->subject_line,
												   r->values, false, &missing));
	if (r->missing == NULL)
		r->missing = missing;
}

static bool
GateRender(Passage *p)
{
	Rendering	r = {.values = MomentValues(p->one, p->verdict->variant)};
	int			sqlstate;

	if (p->verdict->outcome == MOMENT_HOLDOUT)
	{
		SawBool(p->json, "rendered", false);
		return true;
	}
	r.html = MomentFindChannel(p->moment, p->one->channel)->html;
	r.variant = MomentFindVariant(p->moment, p->verdict->variant);
	if (r.variant == NULL || r.variant->template == NULL)
		return Close(p, "render_error");
	sqlstate = PersonaTrap(Render, &r);
	if (sqlstate != 0)
		SawText(p->json, "sqlstate", unpack_sql_state(sqlstate));
	SawText(p->json, "missing", r.missing);
	if (sqlstate != 0 || r.missing != NULL)
		return Close(p, "render_error");
	p->verdict->subject_line = r.subject_line;
	p->verdict->body = r.body;
	return true;
}

/* ---- one case through all of them ---- */

/* The variant and the render gate, which only an open case reaches. */
static void
Finish(Passage *p)
{
	bool		rendered;

	SawBegin(p->json, "variant");
	GateVariant(p);
	SawEnd(p->json, NULL);
	SawBegin(p->json, "render");
	rendered = GateRender(p);
	SawEnd(p->json, rendered ? NULL : p->reason);
	if (!rendered)
	{
		p->verdict->outcome = MOMENT_SKIP;
		p->verdict->reason = p->reason;
	}
}

bool
MomentIsContact(const MomentVerdict *verdict)
{
	return verdict->outcome == MOMENT_SEND || verdict->outcome == MOMENT_HOLDOUT;
}

void
MomentDecide(const Space *space, const Moment *moment,
			 const MomentProgram *program, const MomentCase *one,
			 int already, MomentVerdict *verdict)
{
	Passage		p = {space, moment, program, one, already, verdict};
	const char *closed_at = NULL;

	memset(verdict, 0, sizeof(*verdict));
	p.json = makeStringInfo();
	appendStringInfoChar(p.json, '[');
	for (int i = 0; i < lengthof(gates); i++)
	{
		bool		passed;

		SawBegin(p.json, gates[i].name);
		passed = gates[i].gate(&p);
		SawEnd(p.json, passed ? NULL : p.reason);
		if (!passed && closed_at == NULL)
		{
			closed_at = gates[i].name;
			verdict->reason = p.reason;
		}
	}
	if (closed_at == NULL)
		Finish(&p);
	else
		/* Who asks is there now, and not when the quiet hours end. */
		verdict->outcome = strcmp(closed_at, "quiet") == 0 && !moment->on_request ?
			MOMENT_DEFER : MOMENT_SKIP;
	appendStringInfoChar(p.json, ']');
	verdict->gates = p.json->data;
}
