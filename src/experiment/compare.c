/*
 * compare.c: persona.compare(). Whatever the measure is, an estimate is made
 * of it that has a mean and a variance for a person; from there on all is one:
 * the interval for one look, the interval for any number of looks, both again
 * as a lift, and the people still needed. Nothing is computed that stat_* do
 * not compute.
 */
#include "experiment/compare.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "experiment/distribution.h"
#include "experiment/row.h"
#include "experiment/sample.h"
#include "utils/builtins.h"

/* ---- estimates ---- */

/* The chance that the treatment's mean is higher, by a flat prior. */
static void
NormalChance(Estimate *e, double diff)
{
	BayesNormal b = StatBayesNormal(diff, e->se, 0, NAN, 0.05);

	e->chance_to_win = b.chance_to_win;
	e->loss_treatment = b.loss_treatment;
	e->loss_control = b.loss_control;
}

static void
EstimateProportions(Estimate *e, const Sample *a, const Sample *b,
					double alpha)
{
	double		x1 = rint(a->n * SampleMean(a));
	double		x2 = rint(b->n * SampleMean(b));
	TwoProp		t = StatTwoProp(x1, a->n, x2, b->n, alpha);
	BayesBeta	chance;

	e->status = t.status;
	e->is_proportion = true;
	e->se = t.se;
	e->critical = NormalQuantile(alpha / 2);
	e->p_value = t.p_value;
	e->ln_p = t.ln_p;
	if (t.small_counts == 1)
		e->warning = "small_counts";
	if (isnan(t.se))
		return;
	chance = StatBayesBeta(x1, a->n, x2, b->n, 1, 1);
	e->chance_to_win = chance.chance_to_win;
	e->loss_treatment = chance.loss_treatment;
	e->loss_control = chance.loss_control;
}

/* Whether normal theory asks for more people than there are. */
static bool
IsSkewed(const Sample *s)
{
	double		skewness = SampleSkewness(s);

	return s->n < 355 * skewness * skewness;
}

static void
EstimateMeans(Estimate *e, const Sample *a, const Sample *b, double alpha)
{
	Welch		w = StatWelch(&e->control, &e->treatment, alpha);

	e->status = w.status;
	e->se = w.se;
	e->critical = w.t_crit;
	e->p_value = w.p_value;
	e->ln_p = w.ln_p;
	NormalChance(e, w.diff);
	if (IsSkewed(a) || IsSkewed(b))
		e->warning = "skewed";
}

static Estimate
EstimateSamples(const Sample *a, const Sample *b, double alpha)
{
	Estimate	e;

	memset(&e, 0, sizeof(e));
	e.se = e.critical = e.p_value = e.ln_p = NAN;
	e.chance_to_win = e.loss_treatment = e.loss_control = NAN;
	e.control = MomentsOf(a->n, SampleMean(a), SampleVariance(a));
	e.treatment = MomentsOf(b->n, SampleMean(b), SampleVariance(b));
	e.baseline = e.control.mean;
	e.var_all = MergedVariance(&e.control, &e.treatment);
	e.status = MomentsMissing(&e.control, &e.treatment);
	if (e.status)
		return e;
	if (a->flags & b->flags & SAMPLE_PROPORTION)
		EstimateProportions(&e, a, b, alpha);
	else
		EstimateMeans(&e, a, b, alpha);
	return e;
}

/* ---- two measures of a person ---- */

static PairMoments
PairMomentsOf(const SamplePair *s)
{
	PairMoments m;

	m.n = s->n;
	m.my = PairMeanY(s);
	m.vy = PairMoment(s, s->squares_y);
	m.mx = PairMeanX(s);
	m.vx = PairMoment(s, s->squares_x);
	m.cov = PairMoment(s, s->products);
	return m;
}

static void
EstimateRatio(Estimate *e, const PairMoments *a, const PairMoments *b,
			  const PairMoments *all, double alpha)
{
	Ratio		r = StatRatio(a, b, alpha);

	e->status = r.status;
	e->control = MomentsOf(a->n, r.r1, r.var_r1 * a->n);
	e->treatment = MomentsOf(b->n, r.r2, r.var_r2 * b->n);
	e->baseline = r.r1;
	e->var_all = RatioVariance(all);
	e->se = r.se;
	e->critical = NormalQuantile(alpha / 2);
	e->p_value = r.p_value;
	e->ln_p = r.ln_p;
	NormalChance(e, r.diff);
}

static void
EstimateCuped(Estimate *e, const PairMoments *a, const PairMoments *b,
			  const PairMoments *all, double alpha)
{
	Cuped		c = StatCuped(a, b, alpha);

	e->status = c.status;
	e->control = MomentsOf(a->n, c.adj_mean1, c.adj_var1);
	e->treatment = MomentsOf(b->n, c.adj_mean2, c.adj_var2);
	e->baseline = a->my;
	e->var_all = AdjustedVariance(all, c.theta);
	e->se = c.se;
	e->critical = isnan(c.df) ? NAN : StudentQuantile(alpha / 2, c.df);
	e->p_value = c.p_value;
	e->ln_p = c.ln_p;
	NormalChance(e, c.diff);
}

static Estimate
EstimatePairs(const SamplePair *a, const SamplePair *b, bool ratio,
			  double alpha)
{
	Estimate	e;
	SamplePair	both = PairMerge(a, b);
	PairMoments first = PairMomentsOf(a);
	PairMoments second = PairMomentsOf(b);
	PairMoments all = PairMomentsOf(&both);

	memset(&e, 0, sizeof(e));
	if (ratio)
		EstimateRatio(&e, &first, &second, &all, alpha);
	else
		EstimateCuped(&e, &first, &second, &all, alpha);
	if (a->n == 0 || b->n == 0)
		e.status = "no_data";
	return e;
}

/* ---- the answer ---- */

/*
 * The difference as a lift: Fieller's interval with the critical value of the
 * interval that it goes with, so that both exclude zero or neither does.
 */
static void
LiftInterval(const Answer *a, double baseline, double var1, double var2,
			 double critical, double *lo, double *hi)
{
	if (baseline != 0 && !isnan(critical))
		(void) Fieller(baseline, var1 / a->n1, baseline + a->diff,
					   var2 / a->n2, critical, lo, hi);
}

static void
AnswerOnce(Answer *a, const Estimate *e)
{
	double		scale = a->se * a->se /
	(e->control.var / a->n1 + e->treatment.var / a->n2);

	a->p_value = e->p_value;
	a->ln_p = e->ln_p;
	a->ci_lo = a->diff - e->critical * a->se;
	a->ci_hi = a->diff + e->critical * a->se;
	LiftInterval(a, e->baseline, e->control.var * scale,
				 e->treatment.var * scale, e->critical,
				 &a->lift_lo, &a->lift_hi);
}

static void
AnswerAlways(Answer *a, const Estimate *e, const Question *q)
{
	double		variance = GuardedVariance(&e->control, &e->treatment,
										   e->var_all);
	bool		apart = variance > e->var_all * (1 / a->n1 + 1 / a->n2);
	double		r = SequentialR(a->n1 + a->n2, q->n_star, q->alpha);
	Sequential	s = StatSequential(a->diff, variance, r, q->alpha);

	a->seq_p = s.p_value;
	a->seq_lo = s.ci_lo;
	a->seq_hi = s.ci_hi;
	LiftInterval(a, e->baseline, apart ? e->control.var : e->var_all,
				 apart ? e->treatment.var : e->var_all, s.z_crit,
				 &a->seq_lift_lo, &a->seq_lift_hi);
	if (!isnan(q->mde) && e->baseline != 0)
		a->users_needed = StatUsersNeeded(s.se, a->n1 + a->n2,
										  q->mde * fabs(e->baseline), q->alpha,
										  q->power, q->n_star).additional;
}

/* "Win" is better, which may be lower. */
static void
AnswerChance(Answer *a, const Estimate *e, bool higher_is_better)
{
	a->chance_to_win = e->chance_to_win;
	a->loss_treatment = e->loss_treatment;
	a->loss_control = e->loss_control;
	if (higher_is_better)
		return;
	a->chance_to_win = 1 - e->chance_to_win;
	a->loss_treatment = e->loss_control;
	a->loss_control = e->loss_treatment;
}

Answer
CompareEstimate(const Estimate *e, const Question *q)
{
	Answer		a;

	StatBlank(&a, sizeof(a), e->status);
	a.n1 = e->control.n;
	a.n2 = e->treatment.n;
	a.mean1 = e->control.mean;
	a.mean2 = e->treatment.mean;
	a.diff = a.mean2 - a.mean1;
	a.seq_p = 1;
	if (e->baseline != 0)
		a.lift = a.diff / fabs(e->baseline);
	if (isnan(a.diff) || isnan(e->control.var) || isnan(e->treatment.var))
		return a;
	a.se = e->se;
	AnswerOnce(&a, e);
	AnswerChance(&a, e, q->higher_is_better);
	if (a.n1 >= q->min_n && a.n2 >= q->min_n)
		AnswerAlways(&a, e, q);
	else
		a.status = "warming_up";
	return a;
}

/* ---- SQL ---- */

static const char *
ArgText(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/* The shares that argument `i` plans for control and treatment. */
static void
ArgWeights(FunctionCallInfo fcinfo, int i, Question *q)
{
	int			n = 0;
	double	   *weights = ArgNumbers(fcinfo, i, &n);

	q->has_weights = weights != NULL;
	if (weights && (n != 2 || !(weights[0] > 0) || !(weights[1] > 0)))
		ArgRefuse(fcinfo, i, "be two shares above 0, of the control and of the treatment");
	if (weights)
		memcpy(q->weights, weights, sizeof(q->weights));
}

/* All arguments but the samples, which are the first two. */
static Question
ArgQuestion(FunctionCallInfo fcinfo)
{
	Question	q;
	int			i = 2;

	q.alpha = ArgShare(fcinfo, i++);
	q.n_star = ArgPositive(fcinfo, i++);
	q.mde = ArgPositive(fcinfo, i++);
	q.higher_is_better = PG_ARGISNULL(i) || PG_GETARG_BOOL(i);
	i++;
	q.min_n = fmax(2, ArgCount(fcinfo, i++));
	q.min_days = ArgNotNegative(fcinfo, i++);
	q.days = ArgNotNegative(fcinfo, i++);
	q.per_week = ArgPositive(fcinfo, i++);
	q.power = ArgShare(fcinfo, i++);
	ArgWeights(fcinfo, i++, &q);
	q.mixed = ArgCount(fcinfo, i++);
	q.label = ArgText(fcinfo, i++);
	q.goal = ArgText(fcinfo, i++);
	if (isnan(q.n_star))
		q.n_star = DEFAULT_N_STAR;
	if (isnan(q.mixed))
		q.mixed = 0;
	if (!q.label)
		q.label = "B";
	return q;
}

/* The row: the answer, the verdict, the sentence, the warning. */
static Datum
AnswerRow(FunctionCallInfo fcinfo, const Estimate *e, const Question *q)
{
	TupleDesc	type = RowType(fcinfo);
	Answer		answer = CompareEstimate(e, q);
	Verdict		verdict = CompareVerdict(&answer, e, q);
	const double *numbers = &answer.n1;
	int			count = sizeof(answer) / sizeof(double) - 1;
	Datum		values[sizeof(answer) / sizeof(double) + 3];
	bool		nulls[lengthof(values)] = {0};

	values[0] = CStringGetTextDatum(answer.status);
	for (int i = 0; i < count; i++)
		values[i + 1] = NumberDatum(numbers[i],
									TupleDescAttr(type, i + 1)->atttypid,
									&nulls[i + 1]);
	values[count + 1] = CStringGetTextDatum(verdict.word);
	values[count + 2] = CStringGetTextDatum(verdict.message);
	nulls[count + 3] = e->warning == NULL;
	values[count + 3] = e->warning ? CStringGetTextDatum(e->warning) : (Datum) 0;
	return HeapTupleGetDatum(heap_form_tuple(type, values, nulls));
}

PG_FUNCTION_INFO_V1(persona_compare);

/* persona.compare(control sample, treatment sample, ...) */
Datum
persona_compare(PG_FUNCTION_ARGS)
{
	static const Sample nobody = {0};
	const Sample *control = PG_ARGISNULL(0) ? &nobody : PG_GETARG_SAMPLE(0);
	const Sample *treatment = PG_ARGISNULL(1) ? &nobody : PG_GETARG_SAMPLE(1);
	Question	q = ArgQuestion(fcinfo);
	Estimate	e = EstimateSamples(control, treatment, q.alpha);

	return AnswerRow(fcinfo, &e, &q);
}

PG_FUNCTION_INFO_V1(persona_compare_pairs);

/* persona.compare(control sample2, treatment sample2, ..., method) */
Datum
persona_compare_pairs(PG_FUNCTION_ARGS)
{
	static const SamplePair nobody = {0};
	const SamplePair *control = PG_ARGISNULL(0) ? &nobody : PG_GETARG_PAIR(0);
	const SamplePair *treatment = PG_ARGISNULL(1) ? &nobody : PG_GETARG_PAIR(1);
	Question	q = ArgQuestion(fcinfo);
	const char *method = ArgText(fcinfo, PG_NARGS() - 1);
	Estimate	e;

	if (!method || (strcmp(method, "ratio") != 0 && strcmp(method, "cuped") != 0))
		ArgRefuse(fcinfo, PG_NARGS() - 1, "be 'ratio' or 'cuped'");
	e = EstimatePairs(control, treatment, method[0] == 'r', q.alpha);
	return AnswerRow(fcinfo, &e, &q);
}
