/*
 * verdict.c: what to do now, in a word for programs and in a sentence for
 * people. The first that holds is it:
 *
 *     broken_split   people did not get the variants as planned: nothing else
 *                    can be believed
 *     no_data, warming_up   not enough people yet
 *     loser, winner  the interval that holds at any time excludes zero;
 *                    winner_early before a week has shown all its days
 *     no_difference  that interval lies within what nobody would notice
 *     too_slow       the answer is more than eight weeks away
 *     keep_running   none of these
 */
#include "experiment/compare.h"

#include <math.h>

#include "mb/pg_wchar.h"

/* Below this p the split is not chance. */
#define SRM_ALPHA 0.0005

/* So many people may have seen both variants. */
#define MIXED_SHARE 0.01

/* Nobody waits longer. */
#define MAX_WEEKS 8

/* ---- numbers for people ---- */

/* A number of that many digits, or more where they stand before the point. */
static char *
Rounded(double number, int digits)
{
	if (fabs(number) >= pow(10, digits) - 0.5)
		return psprintf("%.0f", number);
	return psprintf("%.*g", digits, number);
}

/* A share as "46.2 %". */
static char *
Percent(double share, int digits)
{
	return psprintf("%s %%", Rounded(100 * share, digits));
}

/* 412345.6 as "412,000": three digits are known at best. */
static char *
Roughly(double count)
{
	double		unit = pow(10, fmax(0, floor(log10(fmax(count, 1))) - 2));
	char	   *digits = psprintf("%.0f", ceil(count / unit) * unit);
	StringInfoData text;

	initStringInfo(&text);
	for (int left = strlen(digits); left > 0; left--)
	{
		appendStringInfoChar(&text, digits[strlen(digits) - left]);
		if (left > 1 && left % 3 == 1)
			appendStringInfoChar(&text, ',');
	}
	return text.data;
}

/* Plus or minus, where the server's encoding has a letter for it for sure. */
static const char *
PlusMinus(void)
{
	return GetDatabaseEncoding() == PG_UTF8 ? "\302\261" : "+/-";
}

static const char *
Measure(const Estimate *e, const Question *q)
{
	if (q->goal)
		return q->goal;
	return e->is_proportion ? "conversion" : "the mean";
}

/* "B lifts conversion by 2 % to 9 %": the interval that holds at any time. */
static char *
Effect(const Answer *a, const Estimate *e, const Question *q)
{
	bool		as_lift = !isnan(a->seq_lift_lo);
	double		lo = as_lift ? a->seq_lift_lo : a->seq_lo;
	double		hi = as_lift ? a->seq_lift_hi : a->seq_hi;
	double		least = fmin(fabs(lo), fabs(hi));
	double		most = fmax(fabs(lo), fabs(hi));

	return psprintf("%s %s %s by %s to %s", q->label,
					a->diff > 0 ? "lifts" : "lowers", Measure(e, q),
					as_lift ? Percent(least, 2) : Rounded(least, 2),
					as_lift ? Percent(most, 2) : Rounded(most, 2));
}

/* ---- the split ---- */

/*
 * Whether people do not spread as planned. Where fewer than five are expected
 * the first of a small variant would be taken for a mismatch.
 */
static bool
IsMismatch(const double *counts, const double *weights)
{
	SrmChi2		srm = StatSrm(counts, weights, 2);

	return srm.p_value < SRM_ALPHA && !srm.low_expected;
}

/* What is wrong with the split, NULL where nothing is. */
static char *
BrokenSplit(const Answer *a, const Question *q)
{
	double		counts[] = {a->n1, a->n2};
	double		people = a->n1 + a->n2;

	if (q->mixed > MIXED_SHARE * (people + q->mixed))
		return psprintf("Stop and fix: %s of users saw more than one variant. Results hidden.",
						Percent(q->mixed / (people + q->mixed), 3));
	if (q->has_weights && IsMismatch(counts, q->weights))
		return psprintf("Stop and fix: %s of users saw %s, planned %s. Results hidden.",
						Percent(a->n2 / people, 3), q->label,
						Percent(q->weights[1] / (q->weights[0] + q->weights[1]), 3));
	return NULL;
}

/* Takes all results out of the answer but the counts. */
static void
HideResults(Answer *a)
{
	double		n1 = a->n1;
	double		n2 = a->n2;

	StatBlank(a, sizeof(*a), "broken_split");
	a->n1 = n1;
	a->n2 = n2;
}

/* ---- verdicts ---- */

static Verdict Say(const char *word, const char *format,...)
			pg_attribute_printf(2, 3);

static Verdict
Say(const char *word, const char *format,...)
{
	StringInfoData message;
	int			needed = 0;

	initStringInfo(&message);
	do
	{
		va_list		args;

		enlargeStringInfo(&message, needed);
		va_start(args, format);
		needed = appendStringInfoVA(&message, format, args);
		va_end(args);
	} while (needed != 0);
	return (Verdict)
	{
		word, message.data
	};
}

static Verdict
TooEarly(const Answer *a, const Question *q)
{
	bool		control = a->n1 < q->min_n;
	double		missing = q->min_n - (control ? a->n1 : a->n2);

	return Say(a->n1 == 0 || a->n2 == 0 ? "no_data" : "warming_up",
			   "Too early: need %.0f more users in %s.", missing,
			   control ? "the control" : q->label);
}

/* The interval excludes zero. */
static Verdict
Decided(const Answer *a, const Estimate *e, const Question *q)
{
	char	   *effect = Effect(a, e, q);

	if ((a->diff > 0) != q->higher_is_better)
		return Say("loser", "%s. Switch it off.", effect);
	if (q->days < q->min_days)
		return Say("winner_early",
				   "%s, but only %.0f of %s days have passed: weekends may differ.",
				   effect, floor(q->days), Rounded(q->min_days, 3));
	return Say("winner", "%s. Safe to stop.", effect);
}

/* " (about 31 weeks)", or nothing where the traffic is not known. */
static char *
Weeks(double users, const Question *q)
{
	double		weeks = ceil(users / q->per_week);

	if (isnan(weeks))
		return "";
	return psprintf(" (about %s week%s)", Roughly(weeks), weeks == 1 ? "" : "s");
}

/* The interval holds zero. */
static Verdict
Undecided(const Answer *a, const Question *q)
{
	const char *margin = psprintf("%s%s", PlusMinus(), Percent(q->mde, 3));

	if (isnan(a->seq_lo))
		return Say("keep_running",
				   "Undecided: everybody did the same so far, nothing can be told.");
	if (isnan(q->mde))
		return Say("keep_running",
				   "Undecided: name the least lift worth having (mde) to learn how many more users it takes.");
	if (a->seq_lift_lo > -q->mde && a->seq_lift_hi < q->mde)
		return Say("no_difference",
				   "Any effect is smaller than %s: personalization too subtle to matter.",
				   margin);
	if (a->users_needed > MAX_WEEKS * q->per_week)
		return Say("too_slow",
				   "Would need %s more users%s: bolder change or larger mde.",
				   Roughly(a->users_needed), Weeks(a->users_needed, q));
	if (a->users_needed > 0)
		return Say("keep_running",
				   "Undecided: about %s more users to detect %s%s.",
				   Roughly(a->users_needed), margin, Weeks(a->users_needed, q));
	if (a->users_needed == 0)
		return Say("keep_running",
				   "Undecided, though there are users enough to detect %s: it is likely smaller.",
				   margin);
	return Say("keep_running",
			   "Undecided: the control's mean is 0, so a lift of it says nothing.");
}

Verdict
CompareVerdict(Answer *a, const Estimate *e, const Question *q)
{
	char	   *broken = BrokenSplit(a, q);

	if (broken)
	{
		HideResults(a);
		return Say("broken_split", "%s", broken);
	}
	if (a->n1 < q->min_n || a->n2 < q->min_n)
		return TooEarly(a, q);
	if (a->seq_lo > 0 || a->seq_hi < 0)
		return Decided(a, e, q);
	return Undecided(a, q);
}
