/*
 * compare.h: a control and a treatment, all that can be said of them, and the
 * one sentence that follows.
 */
#ifndef PERSONA_COMPARE_H
#define PERSONA_COMPARE_H

#include "experiment/stat.h"

/* What the caller knows and wants; NaN where it does not say. */
typedef struct Question
{
	double		alpha;
	double		n_star;			/* people planned in all */
	double		mde;			/* the least lift worth having, relative */
	bool		higher_is_better;
	double		min_n;			/* people a variant before any answer */
	double		min_days;		/* days before a winner is one */
	double		days;			/* days so far */
	double		per_week;		/* people coming in a week */
	double		power;
	bool		has_weights;
	double		weights[2];		/* planned shares of both variants */
	double		mixed;			/* people seen in both variants */
	const char *label;			/* of the treatment */
	const char *goal;			/* what is measured; NULL unless said */
} Question;

/* What was measured, however it was measured. */
typedef struct Estimate
{
	const char *status;
	Moments		control;		/* per person, as the test takes them */
	Moments		treatment;
	double		baseline;		/* what a lift is relative to */
	double		var_all;		/* of both taken as one sample */
	double		se;
	double		critical;		/* of the fixed interval */
	double		p_value;
	double		ln_p;
	double		chance_to_win;	/* that the treatment's is higher */
	double		loss_treatment;
	double		loss_control;
	const char *warning;
	bool		is_proportion;
} Estimate;

/* The answer, in the order of its columns. */
typedef struct Answer
{
	const char *status;
	double		n1,
				n2,
				mean1,
				mean2,
				diff,
				lift,
				se,
				p_value,
				ln_p,
				ci_lo,
				ci_hi,
				lift_lo,
				lift_hi;
	double		seq_p,
				seq_lo,
				seq_hi,
				seq_lift_lo,
				seq_lift_hi;
	double		chance_to_win,
				loss_treatment,
				loss_control,
				users_needed;
} Answer;

extern Answer CompareEstimate(const Estimate *e, const Question *q);

/* ---- the sentence (verdict.c) ---- */

typedef struct Verdict
{
	const char *word;
	char	   *message;
} Verdict;

/* What to do; a broken split takes the results out of the answer. */
extern Verdict CompareVerdict(Answer *a, const Estimate *e, const Question *q);

#endif							/* PERSONA_COMPARE_H */
