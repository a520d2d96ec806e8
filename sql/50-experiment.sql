/* experiment: who gets which variant, and what came of it */

/*
 * The type of seeds: a text that no collation applies to, so that a foreign
 * server takes a call whose only text is a constant seed.
 */
CREATE TYPE seed;
CREATE FUNCTION seed_in(cstring) RETURNS seed
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textin';
CREATE FUNCTION seed_out(seed) RETURNS cstring
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
CREATE FUNCTION seed_recv(internal) RETURNS seed
LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'textrecv';
CREATE FUNCTION seed_send(seed) RETURNS bytea
LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'textsend';
CREATE TYPE seed (
	INPUT = seed_in,
	OUTPUT = seed_out,
	RECEIVE = seed_recv,
	SEND = seed_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended
);
COMMENT ON TYPE seed IS
'What is hashed beside a unit: usually the name of an experiment. Any text.';
CREATE CAST (text AS seed) WITHOUT FUNCTION AS IMPLICIT;

/*
 * The type of schemes: a name of the list in scheme.c, for the same reason
 * under no collation, and looked up when a query is read, not once a row.
 */
CREATE TYPE scheme;
CREATE FUNCTION scheme_in(cstring) RETURNS scheme
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_scheme_in';
CREATE FUNCTION scheme_out(scheme) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_scheme_out';
CREATE FUNCTION scheme_recv(internal) RETURNS scheme
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_scheme_recv';
CREATE FUNCTION scheme_send(scheme) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_scheme_send';
CREATE TYPE scheme (
	INPUT = scheme_in,
	OUTPUT = scheme_out,
	RECEIVE = scheme_recv,
	SEND = scheme_send,
	LIKE = int4
);
COMMENT ON TYPE scheme IS
'How a unit becomes a bucket: persona, growthbook1, growthbook2, optimizely, unleash, unleash_variant, launchdarkly, posthog, posthog_variant, statsig or split. Another name: 22023.';
CREATE CAST (text AS scheme) WITH INOUT AS IMPLICIT;

CREATE FUNCTION murmur3(data bytea, seed int) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_murmur3_bytea';
COMMENT ON FUNCTION murmur3(bytea, int) IS
'MurmurHash3 x86 32 bits (Austin Appleby) of the bytes, 0 to 4294967295; a negative seed counts as its unsigned form.';
CREATE FUNCTION murmur3(data text, seed int) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_murmur3_text';
COMMENT ON FUNCTION murmur3(text, int) IS
'MurmurHash3 x86 32 bits (Austin Appleby) of the text as UTF-8, whatever the server encoding, 0 to 4294967295.';
CREATE FUNCTION fnv1a(data text) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_fnv1a';
COMMENT ON FUNCTION fnv1a(text) IS
'FNV-1a 32 bits (Fowler, Noll, Vo) of the text''s UTF-16 code units, as GrowthBook''s SDK computes it in a browser, 0 to 4294967295. Of ASCII it is the plain FNV-1a.';

CREATE FUNCTION bucket(unit text, seed seed, scheme scheme DEFAULT 'persona') RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_bucket_text';
COMMENT ON FUNCTION bucket(text, seed, scheme) IS
'The bucket of a unit in [0,1). By persona''s own scheme murmur3-32 over the UTF-8 of seed, a dot and the unit, divided by 2^32, the same for ever; by another scheme what its SDK computes, in steps of 1/100 (unleash, split), 1/1,000 (growthbook1) or 1/10,000 (growthbook2, statsig). The seed holds what the SDK hashes beside the unit. A seed that is no whole number for split, and unleash_variant, which only choose() answers: 22023.';
CREATE FUNCTION bucket(unit bigint, seed seed, scheme scheme DEFAULT 'persona') RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_bucket_bigint';
COMMENT ON FUNCTION bucket(bigint, seed, scheme) IS 'The bucket of the number''s text: 42 and ''42'' are one unit.';
CREATE FUNCTION bucket(unit uuid, seed seed, scheme scheme DEFAULT 'persona') RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_bucket_uuid';
COMMENT ON FUNCTION bucket(uuid, seed, scheme) IS 'The bucket of the uuid''s canonical text.';

CREATE FUNCTION choose(unit text, seed seed, weights float8[], coverage float8 DEFAULT 1, scheme scheme DEFAULT 'persona') RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_choose_text';
COMMENT ON FUNCTION choose(text, seed, float8[], float8, scheme) IS
'Which variant a unit gets, 1-based; NULL where it is not covered. weights are shares that make 1 (within 1e-6); where one grows relative to all others, units move to its variant and nowhere else; equal ones give 1 + floor(bucket * n). coverage is 0 to 1, hashed with seed || ''.gate''; growing it moves nobody out. By another scheme the variation that its SDK shows: weights that make less than 1 leave the rest out (launchdarkly: to the last), growthbook replaces weights that do not make 1 by equal ones, unleash takes its own whole weights as well. Wrong weights or coverage: 22023.';
CREATE FUNCTION choose(unit bigint, seed seed, weights float8[], coverage float8 DEFAULT 1, scheme scheme DEFAULT 'persona') RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_choose_bigint';
COMMENT ON FUNCTION choose(bigint, seed, float8[], float8, scheme) IS 'The same for a number: 42 and ''42'' are one unit.';
CREATE FUNCTION choose(unit uuid, seed seed, weights float8[], coverage float8 DEFAULT 1, scheme scheme DEFAULT 'persona') RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_choose_uuid';
COMMENT ON FUNCTION choose(uuid, seed, float8[], float8, scheme) IS 'The same for a uuid.';

/* ---- samples: what a test needs to know of the people in a variant ---- */

CREATE TYPE sample;
CREATE FUNCTION sample_in(cstring) RETURNS sample
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_in';
CREATE FUNCTION sample_out(sample) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_out';
CREATE FUNCTION sample_recv(internal) RETURNS sample
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_recv';
CREATE FUNCTION sample_send(sample) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_send';
CREATE TYPE sample (
	INPUT = sample_in,
	OUTPUT = sample_out,
	RECEIVE = sample_recv,
	SEND = sample_send,
	INTERNALLENGTH = 64,
	ALIGNMENT = double
);
COMMENT ON TYPE sample IS
'A measure of some people, in 64 bytes: count, mean, variance, skewness, least and greatest. Made by summarize(); two merge to that of both.';

CREATE TYPE sample2;
CREATE FUNCTION sample2_in(cstring) RETURNS sample2
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_in';
CREATE FUNCTION sample2_out(sample2) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_out';
CREATE FUNCTION sample2_recv(internal) RETURNS sample2
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_recv';
CREATE FUNCTION sample2_send(sample2) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_send';
CREATE TYPE sample2 (
	INPUT = sample2_in,
	OUTPUT = sample2_out,
	RECEIVE = sample2_recv,
	SEND = sample2_send,
	INTERNALLENGTH = 64,
	ALIGNMENT = double
);
COMMENT ON TYPE sample2 IS
'Two measures, y and x, of the same people, in 64 bytes: count, means, variances, covariance. Made by summarize(y, x).';

CREATE FUNCTION sample_add(state sample, y float8) RETURNS sample
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_add';
COMMENT ON FUNCTION sample_add(sample, float8) IS 'The sample with one value more. NaN or an infinity: 22023; a variance that is no double any more: 22003.';
CREATE FUNCTION sample_add(state sample, y boolean) RETURNS sample
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_add_boolean';
COMMENT ON FUNCTION sample_add(sample, boolean) IS 'The sample with one yes (1) or no (0) more.';
CREATE FUNCTION sample_add(state sample2, y float8, x float8) RETURNS sample2
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_add';
COMMENT ON FUNCTION sample_add(sample2, float8, float8) IS 'The sample with one person more. NaN or an infinity: 22023; a variance that is no double any more: 22003.';
CREATE FUNCTION sample_merge(a sample, b sample) RETURNS sample
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_merge';
COMMENT ON FUNCTION sample_merge(sample, sample) IS 'The sample of the people of both.';
CREATE FUNCTION sample_merge(a sample2, b sample2) RETURNS sample2
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_merge';
COMMENT ON FUNCTION sample_merge(sample2, sample2) IS 'The sample of the people of both.';

CREATE AGGREGATE summarize(y float8) (
	SFUNC = sample_add, STYPE = sample, COMBINEFUNC = sample_merge, PARALLEL = SAFE,
	INITCOND = 'mean(0,0,0,0,0,0,0)'
);
COMMENT ON AGGREGATE summarize(float8) IS
'The sample of a measure; NULL is skipped, NaN or an infinity is an error (22023). By Welford''s method around the first value: exact to the last digits also where the mean is large.';
CREATE AGGREGATE summarize(y boolean) (
	SFUNC = sample_add, STYPE = sample, COMBINEFUNC = sample_merge, PARALLEL = SAFE,
	INITCOND = 'mean(0,0,0,0,0,0,0)'
);
COMMENT ON AGGREGATE summarize(boolean) IS 'The sample of a yes or no, compared as a proportion; NULL is skipped.';
CREATE AGGREGATE summarize(y float8, x float8) (
	SFUNC = sample_add, STYPE = sample2, COMBINEFUNC = sample_merge, PARALLEL = SAFE,
	INITCOND = 'pair(0,0,0,0,0,0,0,0)'
);
COMMENT ON AGGREGATE summarize(float8, float8) IS
'The sample of two measures of the same people; who lacks either is skipped.';
CREATE AGGREGATE merge(s sample) (
	SFUNC = sample_merge, STYPE = sample, COMBINEFUNC = sample_merge, PARALLEL = SAFE,
	INITCOND = 'mean(0,0,0,0,0,0,0)'
);
COMMENT ON AGGREGATE merge(sample) IS 'One sample of many: stored days to weeks, shards to tables. NULL is skipped.';
CREATE AGGREGATE merge(s sample2) (
	SFUNC = sample_merge, STYPE = sample2, COMBINEFUNC = sample_merge, PARALLEL = SAFE,
	INITCOND = 'pair(0,0,0,0,0,0,0,0)'
);
COMMENT ON AGGREGATE merge(sample2) IS 'One sample of many. NULL is skipped.';

CREATE FUNCTION sample(n bigint, mean float8, sd float8) RETURNS sample
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_by_hand';
COMMENT ON FUNCTION sample(bigint, float8, float8) IS
'A sample from published figures: people, their mean, their standard deviation (n - 1). Its skewness, min and max are not known: NULL. Negative or no numbers: 22023.';
CREATE FUNCTION proportion(successes bigint, n bigint) RETURNS sample
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_proportion';
COMMENT ON FUNCTION proportion(bigint, bigint) IS
'The sample of n people of whom some succeeded: that of summarize(boolean). 0 <= successes <= n, else 22023.';

CREATE FUNCTION n(s sample) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_n';
COMMENT ON FUNCTION n(sample) IS 'How many people.';
CREATE FUNCTION mean(s sample) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_mean';
COMMENT ON FUNCTION mean(sample) IS 'The mean; NULL of nobody.';
CREATE FUNCTION var(s sample) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_var';
COMMENT ON FUNCTION var(sample) IS 'The variance between people (n - 1); NULL of fewer than two.';
CREATE FUNCTION sd(s sample) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE BEGIN ATOMIC SELECT sqrt(@extschema@.var(s)); END;
COMMENT ON FUNCTION sd(sample) IS 'The standard deviation (n - 1); NULL of fewer than two people.';
CREATE FUNCTION sum(s sample) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE BEGIN ATOMIC SELECT @extschema@.n(s) * @extschema@.mean(s); END;
COMMENT ON FUNCTION sum(sample) IS 'The sum; NULL of nobody.';
CREATE FUNCTION skewness(s sample) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_skewness';
COMMENT ON FUNCTION skewness(sample) IS
'The third moment over the second to the power of 1.5, both over n; NULL where nothing varies, or where the sample was made by hand.';
CREATE FUNCTION min(s sample) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_min';
COMMENT ON FUNCTION min(sample) IS 'The least value; NULL of nobody.';
CREATE FUNCTION max(s sample) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_sample_max';
COMMENT ON FUNCTION max(sample) IS 'The greatest value; NULL of nobody.';

CREATE FUNCTION n(s sample2) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_n';
COMMENT ON FUNCTION n(sample2) IS 'How many people.';
CREATE FUNCTION mean(s sample2) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_mean';
COMMENT ON FUNCTION mean(sample2) IS 'The mean of y; NULL of nobody.';
CREATE FUNCTION mean_x(s sample2) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_mean_x';
COMMENT ON FUNCTION mean_x(sample2) IS 'The mean of x; NULL of nobody.';
CREATE FUNCTION var(s sample2) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_var';
COMMENT ON FUNCTION var(sample2) IS 'The variance of y between people (n - 1); NULL of fewer than two.';
CREATE FUNCTION var_x(s sample2) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_var_x';
COMMENT ON FUNCTION var_x(sample2) IS 'The variance of x between people (n - 1); NULL of fewer than two.';
CREATE FUNCTION cov(s sample2) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pair_cov';
COMMENT ON FUNCTION cov(sample2) IS 'The covariance of y and x between people (n - 1); NULL of fewer than two.';
CREATE FUNCTION sd(s sample2) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE BEGIN ATOMIC SELECT sqrt(@extschema@.var(s)); END;
COMMENT ON FUNCTION sd(sample2) IS 'The standard deviation of y (n - 1); NULL of fewer than two people.';
CREATE FUNCTION sum(s sample2) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE BEGIN ATOMIC SELECT @extschema@.n(s) * @extschema@.mean(s); END;
COMMENT ON FUNCTION sum(sample2) IS 'The sum of y; NULL of nobody.';

/* ---- tests: variant 1 is the control, 2 the treatment; a result that does not exist is NULL, and status says why ---- */

CREATE FUNCTION stat_two_prop_z(x1 bigint, n1 bigint, x2 bigint, n2 bigint, alpha float8 DEFAULT 0.05,
	OUT status text, OUT p1 float8, OUT p2 float8, OUT diff float8, OUT se_pooled float8, OUT z_pooled float8,
	OUT p_pooled float8, OUT ln_p_pooled float8, OUT se float8, OUT z float8, OUT p_value float8, OUT ln_p float8,
	OUT p_greater float8, OUT p_less float8, OUT ci_lo float8, OUT ci_hi float8, OUT newcombe_lo float8,
	OUT newcombe_hi float8, OUT small_counts boolean) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_two_prop_z';
COMMENT ON FUNCTION stat_two_prop_z(bigint, bigint, bigint, bigint, float8) IS
'Two proportions, x of n people: test and Wald interval with the variance of each (p_value, ci), the pooled test, and Newcombe''s interval, to be shown where small_counts. status: ok, no_data, zero_variance. Wrong counts or alpha: 22023.';

CREATE FUNCTION stat_welch_t(n1 bigint, mean1 float8, var1 float8, n2 bigint, mean2 float8, var2 float8, alpha float8 DEFAULT 0.05,
	OUT status text, OUT diff float8, OUT se float8, OUT t float8, OUT df float8, OUT p_value float8,
	OUT ln_p float8, OUT p_greater float8, OUT p_less float8, OUT t_crit float8, OUT ci_lo float8, OUT ci_hi float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_welch_t';
COMMENT ON FUNCTION stat_welch_t(bigint, float8, float8, bigint, float8, float8, float8) IS
'Two means by Welch''s t. status: ok, no_data, too_few (n < 2), zero_variance.';

CREATE FUNCTION stat_relative_lift(n1 bigint, mean1 float8, var1 float8, n2 bigint, mean2 float8, var2 float8, alpha float8 DEFAULT 0.05,
	OUT status text, OUT lift float8, OUT se float8, OUT z_lift float8, OUT delta_lo float8, OUT delta_hi float8,
	OUT fieller_g float8, OUT fieller_lo float8, OUT fieller_hi float8, OUT log_lo float8, OUT log_hi float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_relative_lift';
COMMENT ON FUNCTION stat_relative_lift(bigint, float8, float8, bigint, float8, float8, float8) IS
'The lift (mean2 - mean1) / |mean1|: by the delta method, by Fieller (the one to show: it excludes 0 where the test of the difference does), by logarithms. status: ok, baseline_not_significant, zero_baseline, zero_variance, too_few, no_data.';

CREATE FUNCTION stat_ratio_delta(n1 bigint, num1 float8, var_num1 float8, den1 float8, var_den1 float8, cov1 float8,
	n2 bigint, num2 float8, var_num2 float8, den2 float8, var_den2 float8, cov2 float8, alpha float8 DEFAULT 0.05,
	OUT status text, OUT r1 float8, OUT r2 float8, OUT var_r1 float8, OUT var_r2 float8, OUT diff float8,
	OUT se float8, OUT z float8, OUT p_value float8, OUT ln_p float8, OUT ci_lo float8, OUT ci_hi float8,
	OUT lift float8, OUT se_lift float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_ratio_delta';
COMMENT ON FUNCTION stat_ratio_delta(bigint, float8, float8, float8, float8, float8, bigint, float8, float8, float8, float8, float8, float8) IS
'A ratio of two means of each person, such as revenue by orders, by the delta method: means, variances and covariance of numerator and denominator. status: ok, zero_baseline, zero_denominator, zero_variance, too_few.';

CREATE FUNCTION stat_cuped(n1 bigint, my1 float8, vy1 float8, mx1 float8, vx1 float8, cxy1 float8,
	n2 bigint, my2 float8, vy2 float8, mx2 float8, vx2 float8, cxy2 float8, alpha float8 DEFAULT 0.05,
	OUT status text, OUT theta float8, OUT adj_mean1 float8, OUT adj_mean2 float8, OUT adj_var1 float8,
	OUT adj_var2 float8, OUT diff float8, OUT se float8, OUT t float8, OUT df float8, OUT p_value float8,
	OUT ln_p float8, OUT variance_reduction float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_cuped';
COMMENT ON FUNCTION stat_cuped(bigint, float8, float8, float8, float8, float8, bigint, float8, float8, float8, float8, float8, float8) IS
'A difference of means adjusted by a covariate of before the experiment (Deng et al. 2013), its slope fitted within the variants; then Welch. status: ok, no_covariate_variance, zero_variance, too_few.';

CREATE FUNCTION stat_sequential(variance text, n1 bigint, mean1 float8, var1 float8, n2 bigint, mean2 float8, var2 float8,
	alpha float8 DEFAULT 0.05, n_star float8 DEFAULT NULL, tau float8 DEFAULT NULL,
	OUT status text, OUT diff float8, OUT se float8, OUT z float8, OUT r float8, OUT ln_e float8, OUT ln_p float8,
	OUT p_value float8, OUT z_crit float8, OUT ci_lo float8, OUT ci_hi float8, OUT ln_e_greater float8,
	OUT p_greater float8, OUT ln_e_less float8, OUT p_less float8, OUT z_crit_1s float8, OUT lower_1s float8,
	OUT upper_1s float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_sequential';
COMMENT ON FUNCTION stat_sequential(text, bigint, float8, float8, bigint, float8, float8, float8, float8, float8) IS
'A test that may be looked at any time (mixture SPRT, asymptotic). variance: guarded (also that of both as one sample, whichever is more) or unpooled. n_star: people planned in all, 10,000 unless said; tau: standard deviation of likely effects, instead. ln_e: evidence; ci: holds at every look at once; the last seven: one-sided. status: ok, zero_variance, too_few, no_data.';

CREATE FUNCTION stat_srm_chi2(counts bigint[], weights float8[],
	OUT status text, OUT chi2 float8, OUT df int, OUT p_value float8, OUT ln_p float8, OUT max_dev float8,
	OUT low_expected boolean) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_srm_chi2';
COMMENT ON FUNCTION stat_srm_chi2(bigint[], float8[]) IS
'Sample ratio mismatch: chi-square of people in each variant against their weights. Below p = 0.0005 nothing else of the experiment can be believed. max_dev: the largest relative deviation; low_expected: fewer than 5 expected somewhere. status: ok, no_data.';

CREATE FUNCTION stat_bayes_beta(x1 bigint, n1 bigint, x2 bigint, n2 bigint, prior_a float8 DEFAULT 1, prior_b float8 DEFAULT 1,
	OUT status text, OUT post_mean1 float8, OUT post_sd1 float8, OUT post_mean2 float8, OUT post_sd2 float8,
	OUT chance_to_win float8, OUT chance_to_lose float8, OUT loss_treatment float8, OUT loss_control float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_bayes_beta';
COMMENT ON FUNCTION stat_bayes_beta(bigint, bigint, bigint, bigint, float8, float8) IS
'Beta posteriors of two proportions: chance that the second is higher, and what choosing either is expected to lose. Shown, never a rule for stopping. status: ok, no_data.';

CREATE FUNCTION stat_bayes_normal(diff float8, se float8, prior_mean float8 DEFAULT NULL, prior_sd float8 DEFAULT NULL, alpha float8 DEFAULT 0.05,
	OUT status text, OUT post_mean float8, OUT post_sd float8, OUT chance_to_win float8, OUT chance_to_lose float8,
	OUT loss_treatment float8, OUT loss_control float8, OUT ci_lo float8, OUT ci_hi float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_bayes_normal';
COMMENT ON FUNCTION stat_bayes_normal(float8, float8, float8, float8, float8) IS
'Normal posterior of a difference, flat unless prior_sd is given. Shown, never a rule for stopping. status: ok, zero_variance, no_data.';

CREATE FUNCTION stat_power_prop(p1 float8, p2 float8, alpha float8 DEFAULT 0.05, power float8 DEFAULT 0.8, ratio float8 DEFAULT 1,
	sides int DEFAULT 2, n1_given bigint DEFAULT NULL,
	OUT status text, OUT n1 float8, OUT n1_ceil bigint, OUT n2_ceil bigint, OUT n1_unpooled float8,
	OUT power_at_n float8, OUT power_at_n_both float8, OUT mde_up float8, OUT mde_down float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_power_prop';
COMMENT ON FUNCTION stat_power_prop(float8, float8, float8, float8, float8, int, bigint) IS
'People in variant 1 (n1; n2 = ratio times n1) to tell proportions p1 and p2 apart in one look; with n1_given, the power and the least differences that those people show. status: ok, zero_effect, power_below_alpha, no_data.';

CREATE FUNCTION stat_power_mean(effect float8, sd1 float8, sd2 float8, alpha float8 DEFAULT 0.05, power float8 DEFAULT 0.8, ratio float8 DEFAULT 1,
	sides int DEFAULT 2, n1_given bigint DEFAULT NULL, n_star float8 DEFAULT NULL,
	OUT status text, OUT n1 float8, OUT n1_ceil bigint, OUT n2_ceil bigint, OUT mde float8, OUT power_at_n float8,
	OUT power_at_n_both float8, OUT n_total_seq float8, OUT n_total_seq_tuned float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_power_mean';
COMMENT ON FUNCTION stat_power_mean(float8, float8, float8, float8, float8, float8, int, bigint, float8) IS
'The same for means that differ by effect. n_total_seq: people in all where one may look at any time with n_star planned, n_total_seq_tuned: with the best n_star. status: ok, zero_effect, zero_variance, power_below_alpha, no_data.';

CREATE FUNCTION stat_users_needed(se float8, n_total bigint, mde float8, alpha float8 DEFAULT 0.05, power float8 DEFAULT 0.8, n_star float8 DEFAULT NULL,
	OUT status text, OUT n_needed float8, OUT additional bigint) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_users_needed';
COMMENT ON FUNCTION stat_users_needed(float8, bigint, float8, float8, float8, float8) IS
'People in all, and beyond the n_total so far, until a difference of mde shows, from the standard error se so far; at any look with n_star planned, at one look where it is NULL. status: ok, enough, too_few, zero_variance, power_below_alpha.';

CREATE FUNCTION stat_holm_bh(p_values float8[], m int DEFAULT NULL,
	OUT status text, OUT holm float8[], OUT bh float8[], OUT bonferroni float8[]) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_holm_bh';
COMMENT ON FUNCTION stat_holm_bh(float8[], int) IS
'P-values of a family of m tests (as many as are not NULL, unless said), adjusted by Holm, by Benjamini and Hochberg, by Bonferroni; in their order. status: ok, no_data.';

CREATE FUNCTION stat_winsorize("values" float8[], p_lo float8 DEFAULT NULL, p_hi float8 DEFAULT NULL, nonzero_only boolean DEFAULT false,
	OUT status text, OUT lo float8, OUT hi float8, OUT capped bigint, OUT mean float8, OUT var float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_winsorize';
COMMENT ON FUNCTION stat_winsorize(float8[], float8, float8, boolean) IS
'Values capped at percentiles p_lo and p_hi (0 to 1, NULL for none; of nonzero values and on these, where nonzero_only): the bounds, how many were capped, mean and variance of the capped. NULL is skipped. status: ok, no_data.';

CREATE FUNCTION stat_decay(diffs float8[], ses float8[], reference float8 DEFAULT 0, kappa float8 DEFAULT 0.5, h float8 DEFAULT 8, split int DEFAULT NULL,
	OUT status text, OUT cusum float8[], OUT alarm_at int, OUT early float8, OUT late float8, OUT z_split float8,
	OUT p_split_less float8, OUT p_split_two float8, OUT slope float8, OUT slope_se float8, OUT z_slope float8,
	OUT p_slope_two float8, OUT q_stat float8, OUT p_hetero float8) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_stat_decay';
COMMENT ON FUNCTION stat_decay(float8[], float8[], float8, float8, float8, int) IS
'Whether an effect fades: differences and standard errors by day, NULL on a day without. cusum: Page''s sum of (reference - diff) / se - kappa, alarm_at the first day above h; early and late days before and after split; slope of a weighted line, heterogeneity Q. status: ok, no_data.';

/* ---- the verdict ---- */

CREATE FUNCTION compare(control sample, treatment sample, alpha float8 DEFAULT 0.05, n_star float8 DEFAULT NULL, mde float8 DEFAULT NULL,
	higher_is_better boolean DEFAULT true, min_n bigint DEFAULT 50, min_days float8 DEFAULT 7, days float8 DEFAULT NULL,
	per_week float8 DEFAULT NULL, power float8 DEFAULT 0.8, weights float8[] DEFAULT NULL, mixed bigint DEFAULT 0,
	label text DEFAULT 'B', goal text DEFAULT NULL,
	OUT status text, OUT n1 bigint, OUT n2 bigint, OUT mean1 float8, OUT mean2 float8, OUT diff float8, OUT lift float8, OUT se float8,
	OUT p_value float8, OUT ln_p float8, OUT ci_lo float8, OUT ci_hi float8, OUT lift_lo float8, OUT lift_hi float8,
	OUT seq_p float8, OUT seq_lo float8, OUT seq_hi float8, OUT seq_lift_lo float8, OUT seq_lift_hi float8,
	OUT chance_to_win float8, OUT loss_treatment float8, OUT loss_control float8, OUT users_needed bigint,
	OUT verdict text, OUT message text, OUT warning text) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_compare';
COMMENT ON FUNCTION compare(sample, sample, float8, float8, float8, boolean, bigint, float8, float8, float8, float8, float8[], bigint, text, text) IS
'A treatment against its control: the interval of one look (ci, lift), the one that holds at any look (seq, which decides), what a flat prior says, and a verdict: broken_split, no_data, warming_up, loser, winner, winner_early, no_difference, too_slow, keep_running. n_star: people planned in all (10,000); mde: the least lift worth having, 0.05 for 5 %; days: how long so far, where known; per_week: people coming in; weights: planned shares of both, to have the split checked; mixed: people seen in both. warning: small_counts, skewed.';
CREATE FUNCTION compare(control sample2, treatment sample2, alpha float8 DEFAULT 0.05, n_star float8 DEFAULT NULL, mde float8 DEFAULT NULL,
	higher_is_better boolean DEFAULT true, min_n bigint DEFAULT 50, min_days float8 DEFAULT 7, days float8 DEFAULT NULL,
	per_week float8 DEFAULT NULL, power float8 DEFAULT 0.8, weights float8[] DEFAULT NULL, mixed bigint DEFAULT 0,
	label text DEFAULT 'B', goal text DEFAULT NULL, method text DEFAULT 'ratio',
	OUT status text, OUT n1 bigint, OUT n2 bigint, OUT mean1 float8, OUT mean2 float8, OUT diff float8, OUT lift float8, OUT se float8,
	OUT p_value float8, OUT ln_p float8, OUT ci_lo float8, OUT ci_hi float8, OUT lift_lo float8, OUT lift_hi float8,
	OUT seq_p float8, OUT seq_lo float8, OUT seq_hi float8, OUT seq_lift_lo float8, OUT seq_lift_hi float8,
	OUT chance_to_win float8, OUT loss_treatment float8, OUT loss_control float8, OUT users_needed bigint,
	OUT verdict text, OUT message text, OUT warning text) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_compare_pairs';
COMMENT ON FUNCTION compare(sample2, sample2, float8, float8, float8, boolean, bigint, float8, float8, float8, float8, float8[], bigint, text, text, text) IS
'The same of two measures a person. method: ratio (y / x, such as revenue by orders) or cuped (y, adjusted by x, the same measure before the experiment).';
