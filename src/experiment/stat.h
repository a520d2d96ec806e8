/*
 * stat.h: the tests, each a pure function from numbers to numbers.
 *
 * Variant 1 is the control, 2 the treatment, and a difference is 2 - 1. A
 * result is a struct of doubles, in the order of the columns that SQL shows;
 * what does not exist is NaN, and `status` says why: no number is invented.
 * Arguments are checked already. `alpha` is two-sided.
 */
#ifndef PERSONA_STAT_H
#define PERSONA_STAT_H

#include "base/persona.h"

/* n people, the mean of the measure among them, its variance between them. */
typedef struct Moments
{
	double		n;
	double		mean;
	double		var;
} Moments;

static inline Moments
MomentsOf(double n, double mean, double var)
{
	Moments		m = {n, mean, var};

	return m;
}

/* A result of `size` bytes that begins with a status and knows nothing yet. */
extern void StatBlank(void *result, Size size, const char *status);

/* Why there is no result; NULL where there may be one. */
extern const char *MomentsMissing(const Moments *a, const Moments *b);

/* ---- looked at once (fixed.c) ---- */

typedef struct TwoProp
{
	const char *status;
	double		p1,
				p2,
				diff;
	double		se_pooled,
				z_pooled,
				p_pooled,
				ln_p_pooled;
	double		se,
				z,
				p_value,
				ln_p,
				p_greater,
				p_less,
				ci_lo,
				ci_hi;
	double		newcombe_lo,
				newcombe_hi,
				small_counts;
} TwoProp;

extern TwoProp StatTwoProp(double x1, double n1, double x2, double n2,
						   double alpha);

typedef struct Welch
{
	const char *status;
	double		diff,
				se,
				t,
				df,
				p_value,
				ln_p,
				p_greater,
				p_less,
				t_crit,
				ci_lo,
				ci_hi;
} Welch;

extern Welch StatWelch(const Moments *a, const Moments *b, double alpha);

typedef struct Lift
{
	const char *status;
	double		lift,
				se,
				z_lift,
				delta_lo,
				delta_hi,
				fieller_g,
				fieller_lo,
				fieller_hi,
				log_lo,
				log_hi;
} Lift;

extern Lift StatLift(const Moments *a, const Moments *b, double alpha);

/*
 * Fieller's interval of (m2 - m1) / |m1| where the means have the variances
 * va and vb, by the critical value `c`; false where the baseline is not known
 * well enough for one.
 */
extern bool Fieller(double m1, double va, double m2, double vb, double c,
					double *lo, double *hi);

/* ---- two measures of a person (paired.c) ---- */

typedef struct PairMoments
{
	double		n;
	double		my,
				vy,
				mx,
				vx,
				cov;
} PairMoments;

typedef struct Ratio
{
	const char *status;
	double		r1,
				r2,
				var_r1,
				var_r2,
				diff,
				se,
				z,
				p_value,
				ln_p,
				ci_lo,
				ci_hi,
				lift,
				se_lift;
} Ratio;

/* The variance of y/x between people, around their ratio of means. */
extern double RatioVariance(const PairMoments *p);
extern Ratio StatRatio(const PairMoments *a, const PairMoments *b,
					   double alpha);

typedef struct Cuped
{
	const char *status;
	double		theta,
				adj_mean1,
				adj_mean2,
				adj_var1,
				adj_var2,
				diff,
				se,
				t,
				df,
				p_value,
				ln_p,
				variance_reduction;
} Cuped;

/* The variance of y - theta x between people. */
extern double AdjustedVariance(const PairMoments *p, double theta);
extern Cuped StatCuped(const PairMoments *a, const PairMoments *b,
					   double alpha);

/* ---- looked at whenever one likes (sequential.c) ---- */

typedef struct Sequential
{
	const char *status;
	double		diff,
				se,
				z,
				r,
				ln_e,
				ln_p,
				p_value,
				z_crit,
				ci_lo,
				ci_hi;
	double		ln_e_greater,
				p_greater,
				ln_e_less,
				p_less,
				z_crit_1s,
				lower_1s,
				upper_1s;
} Sequential;

/* N* unless somebody plans another number of people. */
#define DEFAULT_N_STAR 10000.0

/*
 * The variance of the difference: of each on its own, or that of both taken
 * as one sample, whichever is more.
 */
extern double GuardedVariance(const Moments *a, const Moments *b,
							  double var_all);

/* The variance of both taken as one sample. */
extern double MergedVariance(const Moments *a, const Moments *b);

/* r for n people where N* are planned. */
extern double SequentialR(double n, double n_star, double alpha);

/* How many standard errors the interval goes to both sides. */
extern double SequentialCritical(double r, double alpha);

/* `variance` is that of the difference. */
extern Sequential StatSequential(double diff, double variance, double r,
								 double alpha);

/* ---- shown, never decisive (bayes.c) ---- */

typedef struct BayesBeta
{
	const char *status;
	double		post_mean1,
				post_sd1,
				post_mean2,
				post_sd2,
				chance_to_win,
				chance_to_lose,
				loss_treatment,
				loss_control;
} BayesBeta;

extern BayesBeta StatBayesBeta(double x1, double n1, double x2, double n2,
							   double prior_a, double prior_b);

typedef struct BayesNormal
{
	const char *status;
	double		post_mean,
				post_sd,
				chance_to_win,
				chance_to_lose,
				loss_treatment,
				loss_control,
				ci_lo,
				ci_hi;
} BayesNormal;

/* The prior is flat where prior_sd is NaN. */
extern BayesNormal StatBayesNormal(double diff, double se, double prior_mean,
								   double prior_sd, double alpha);

/* ---- how many people it takes (power.c) ---- */

typedef struct Design
{
	double		alpha;
	double		power;
	double		ratio;			/* people in 2 for one in 1 */
	double		sides;
} Design;

typedef struct PowerProp
{
	const char *status;
	double		n1,
				n1_ceil,
				n2_ceil,
				n1_unpooled,
				power_at_n,
				power_at_n_both,
				mde_up,
				mde_down;
} PowerProp;

extern PowerProp StatPowerProp(double p1, double p2, const Design *design,
							   double n1_given);

typedef struct PowerMean
{
	const char *status;
	double		n1,
				n1_ceil,
				n2_ceil,
				mde,
				power_at_n,
				power_at_n_both,
				n_total_seq,
				n_total_seq_tuned;
} PowerMean;

extern PowerMean StatPowerMean(double effect, double sd1, double sd2,
							   const Design *design, double n1_given,
							   double n_star);

typedef struct UsersNeeded
{
	const char *status;
	double		n_needed,
				additional;
} UsersNeeded;

/* For one look where n_star is NaN. */
extern UsersNeeded StatUsersNeeded(double se, double n_total, double mde,
								   double alpha, double power, double n_star);

/* ---- whether the split is the planned one (srm.c) ---- */

typedef struct SrmChi2
{
	const char *status;
	double		chi2,
				df,
				p_value,
				ln_p,
				max_dev,
				low_expected;
} SrmChi2;

extern SrmChi2 StatSrm(const double *counts, const double *weights, int n);

/* ---- many tests at once (adjust.c) ---- */

/*
 * Adjusted p-values of a family of m tests, of which `n` are given; NaN, and
 * the result is NaN, where a test has none.
 */
extern void StatHolm(const double *p, int n, int m, double *adjusted);
extern void StatBenjaminiHochberg(const double *p, int n, int m,
								  double *adjusted);
extern void StatBonferroni(const double *p, int n, int m, double *adjusted);

/* ---- a few large values (winsorize.c) ---- */

typedef struct Winsorized
{
	const char *status;
	double		lo,
				hi,
				capped,
				mean,
				var;
} Winsorized;

/* Bounds are percentiles; p_lo or p_hi may be NaN for none. Sorts `values`. */
extern Winsorized StatWinsorize(double *values, int n, double p_lo,
								double p_hi, bool nonzero_only);

/* ---- whether an effect fades (decay.c) ---- */

typedef struct Decay
{
	const char *status;
	double		alarm_at,
				early,
				late,
				z_split,
				p_split_less,
				p_split_two,
				slope,
				slope_se,
				z_slope,
				p_slope_two,
				q_stat,
				p_hetero;
} Decay;

/*
 * Of n days with differences and their standard errors, NaN on a day without;
 * the first `split` days are early. Fills `cusum` with n numbers.
 */
extern Decay StatDecay(const double *diffs, const double *ses, int n,
					   double reference, double kappa, double h, int split,
					   double *cusum);

#endif							/* PERSONA_STAT_H */
