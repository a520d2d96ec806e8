-- statistics: figures printed elsewhere, laws, and what is no input
SET client_min_messages = warning;
CREATE SCHEMA experiment_stat;
SET search_path = experiment_stat, public;
\set SHOW_CONTEXT never
CREATE FUNCTION near(a float8, b float8, digits int DEFAULT 11) RETURNS boolean LANGUAGE sql AS
'SELECT abs(a - b) <= 0.5 * 10.0 ^ -digits * greatest(1, abs(b))';

-- Student's sleep data (R: t.test(extra ~ group, data = sleep))
SELECT near(w.t, 1.8608, 4) AS t, near(w.df, 17.776, 4) AS df, near(w.p_value, 0.07939, 5) AS p, near(w.ci_lo, -0.2054832, 7) AND near(w.ci_hi, 3.3654832, 7) AS ci,
	near(w.p_greater + w.p_less, 1) AND near(w.p_value, 2 * w.p_greater) AND near(w.ln_p, ln(w.p_value)) AS one_distribution
FROM (SELECT persona.summarize(y) AS a FROM unnest('{0.7,-1.6,-0.2,-1.2,-0.1,3.4,3.7,0.8,0.0,2.0}'::float8[]) y) a,
	(SELECT persona.summarize(y) AS b FROM unnest('{1.9,0.8,1.1,0.1,-0.1,4.4,5.5,1.6,4.6,3.4}'::float8[]) y) b,
	persona.stat_welch_t(persona.n(a), persona.mean(a), persona.var(a), persona.n(b), persona.mean(b), persona.var(b)) w;
-- Newcombe 1998, table II: methods 1 and 10
SELECT bool_and(near(s.ci_lo, wald_lo, 4) AND near(s.ci_hi, wald_hi, 4)) AS wald, bool_and(near(s.newcombe_lo, lo, 4) AND near(s.newcombe_hi, hi, 4)) AS newcombe,
	array_agg(s.small_counts ORDER BY x2 DESC) = '{f,t,t}' AS small_counts
FROM (VALUES (48, 80, 56, 70, 0.0575, 0.3425, 0.0524, 0.3339), (3, 10, 9, 10, 0.2605, 0.9395, 0.1705, 0.8090), (0, 29, 5, 56, 0.0146, 0.1640, -0.0381, 0.1926))
	v (x1, n1, x2, n2, wald_lo, wald_hi, lo, hi), persona.stat_two_prop_z(x1, n1, x2, n2) s;
-- Mendel's peas, 9:3:3:1
SELECT near(chi2, 0.470024, 6) AND df = 3 AND near(p_value, 0.925426, 6) AND NOT low_expected AS mendel FROM persona.stat_srm_chi2('{315,101,108,32}', '{9,3,3,1}');
-- R's documentation of power.prop.test
SELECT round(n1::numeric, 1) = 76.7 AND n1_ceil = 77 AS n FROM persona.stat_power_prop(0.50, 0.75, power => 0.90);
SELECT near(power_at_n, 0.740, 3) AS power FROM persona.stat_power_prop(0.50, 0.75, n1_given => 50);
-- Benjamini and Hochberg 1995, 3.2: theirs finds four, Bonferroni's three
SELECT (SELECT count(*) FROM unnest(bh) p WHERE p <= 0.05) = 4 AS bh, (SELECT count(*) FROM unnest(bonferroni) p WHERE p <= 0.05) = 3 AS bonferroni
FROM persona.stat_holm_bh('{0.0001,0.0004,0.0019,0.0095,0.0201,0.0278,0.0298,0.0344,0.0459,0.3240,0.4262,0.5719,0.6528,0.7590,1.0000}');
-- Beta(1,2) against Beta(2,1), by hand: 5/6, 1/30, 11/30
SELECT near(chance_to_win, 5.0 / 6) AND near(chance_to_lose, 1.0 / 6) AND near(loss_treatment, 1.0 / 30) AND near(loss_control, 11.0 / 30) AS by_hand FROM persona.stat_bayes_beta(0, 1, 1, 1);
-- the interval that holds at any look is 3.04 standard errors wide at N*, where one look takes 1.96
SELECT near(z_crit, 3.04, 2) AND near(r, 7.936, 3) AND near(se, 0.1) AS at_n_star FROM persona.stat_sequential('unpooled', 200, 0, 1, 200, 0, 1, n_star => 400);

-- some hundred experiments
CREATE TABLE trial AS
SELECT i, 60 + floor(u * 3000)::bigint AS n1, 60 + floor(v * 300)::bigint AS n2, 1 + v AS mean1, 1 + v + (w - 0.5) * 0.9 AS mean2, 0.5 + u AS var1, 0.3 + w AS var2,
	(0.2 + v / 10) AS p1, 0.2 + w / 9 AS p2
FROM (SELECT i, persona.bucket(i, 'u') AS u, persona.bucket(i, 'v') AS v, persona.bucket(i, 'w') AS w FROM generate_series(1, 400) i) b;
-- interval and p-value never disagree: of one look, of any look, of one side, of the lift
SELECT bool_and((w.p_value <= 0.05) = (w.ci_lo > 0 OR w.ci_hi < 0)) AS welch, count(*) FILTER (WHERE w.p_value <= 0.05) BETWEEN 50 AND 350 AS both_are_there,
	bool_and((s.p_value <= 0.05) = (s.ci_lo > 0 OR s.ci_hi < 0)) AS sequential, count(*) FILTER (WHERE s.p_value <= 0.05) BETWEEN 50 AND 350 AS both_again,
	bool_and((s.p_greater <= 0.05) = (s.lower_1s > 0) AND (s.p_less <= 0.05) = (s.upper_1s < 0)) AS one_sided,
	bool_and((abs(l.lift) * l.fieller_g < 0 OR abs(w.t) > 1.959963984540054) = (l.fieller_lo > 0 OR l.fieller_hi < 0)) AS fieller,
	bool_and(s.ci_lo <= w.ci_lo AND s.ci_hi >= w.ci_hi) AS any_look_is_wider
FROM trial t, persona.stat_welch_t(n1, mean1, var1, n2, mean2, var2) w, persona.stat_sequential('guarded', n1, mean1, var1, n2, mean2, var2) s,
	persona.stat_relative_lift(n1, mean1, var1, n2, mean2, var2) l;
SELECT bool_and((p.p_value <= 0.05) = (p.ci_lo > 0 OR p.ci_hi < 0)) AS two_prop
FROM trial, persona.stat_two_prop_z((p1 * n1)::bigint, n1, (p2 * n2)::bigint, n2) p;
-- changing the variants' places changes the signs
SELECT bool_and(near(a.diff, -b.diff) AND near(a.p_value, b.p_value) AND near(a.ci_lo, -b.ci_hi) AND near(a.p_greater, b.p_less)) AS welch,
	bool_and(near(c.ln_e, d.ln_e) AND near(c.lower_1s, -d.upper_1s)) AS sequential
FROM trial, persona.stat_welch_t(n1, mean1, var1, n2, mean2, var2) a, persona.stat_welch_t(n2, mean2, var2, n1, mean1, var1) b,
	persona.stat_sequential('guarded', n1, mean1, var1, n2, mean2, var2) c, persona.stat_sequential('guarded', n2, mean2, var2, n1, mean1, var1) d;
-- what either choice is expected to lose differs by the expected difference
SELECT bool_and(near(b.loss_control - b.loss_treatment, b.post_mean2 - b.post_mean1)) AS beta, bool_and(near(b.chance_to_win + b.chance_to_lose, 1)) AS sure,
	bool_and(near(n.loss_control - n.loss_treatment, n.post_mean)) AS normal
FROM trial, persona.stat_bayes_beta((p1 * n1)::bigint, n1, (p2 * n2)::bigint, n2, 0.5, 3) b, persona.stat_bayes_normal(mean2 - mean1, 0.1, 0, 0.3) n;
-- guarded is never narrower, and equal for equal variances and means
SELECT bool_and(g.se >= u.se) AS never_narrower, bool_or(g.se > u.se) AS wider_at_times
FROM trial, persona.stat_sequential('guarded', n1, mean1, var1, n2, mean2, var2) g, persona.stat_sequential('unpooled', n1, mean1, var1, n2, mean2, var2) u;

-- from rows: v is a pre-experiment value of y
CREATE TABLE person AS
SELECT i, i % 2 AS variant, persona.bucket(i, 'v') AS v, 3 * persona.bucket(i, 'v') + persona.bucket(i, 'e') + (i % 2) * 0.02 AS y, 1 + floor(4 * persona.bucket(i, 'o')) AS orders
FROM generate_series(1, 4000) i;
-- CUPED's slope is that of y on v, both taken around their variants' means; its difference that of what the slope leaves
SELECT near(c.theta, slope) AS theta, near(c.diff, adjusted) AS diff, near(c.adj_var1, var1) AND near(c.adj_var2, var2) AS vars, c.variance_reduction > 0.8 AS reduction, c.p_value < w.p_value AS sees_more
FROM (SELECT persona.summarize(y, v) FILTER (WHERE variant = 0) AS a, persona.summarize(y, v) FILTER (WHERE variant = 1) AS b FROM person) s,
	persona.stat_cuped(persona.n(a), persona.mean(a), persona.var(a), persona.mean_x(a), persona.var_x(a), persona.cov(a),
		persona.n(b), persona.mean(b), persona.var(b), persona.mean_x(b), persona.var_x(b), persona.cov(b)) c,
	persona.stat_welch_t(persona.n(a), persona.mean(a), persona.var(a), persona.n(b), persona.mean(b), persona.var(b)) w,
	(SELECT regr_slope(y - my, v - mv) AS slope FROM (SELECT y, v, avg(y) OVER (PARTITION BY variant) AS my, avg(v) OVER (PARTITION BY variant) AS mv FROM person) p) o,
	LATERAL (SELECT avg(y - slope * v) FILTER (WHERE variant = 1) - avg(y - slope * v) FILTER (WHERE variant = 0) AS adjusted,
		var_samp(y - slope * v) FILTER (WHERE variant = 0) AS var1, var_samp(y - slope * v) FILTER (WHERE variant = 1) AS var2 FROM person) r;
-- a ratio's variance is that of y - R orders between people
SELECT near(r.r1, ratio) AS ratio, near(r.var_r1 * 1e3, variance * 1e3) AS variance, near(r.lift, r.diff / ratio) AS lift
FROM (SELECT persona.summarize(y, orders) FILTER (WHERE variant = 0) AS a, persona.summarize(y, orders) FILTER (WHERE variant = 1) AS b FROM person) s,
	persona.stat_ratio_delta(persona.n(a), persona.mean(a), persona.var(a), persona.mean_x(a), persona.var_x(a), persona.cov(a),
		persona.n(b), persona.mean(b), persona.var(b), persona.mean_x(b), persona.var_x(b), persona.cov(b)) r,
	(SELECT sum(y) / sum(orders) AS ratio, count(*) AS n, avg(orders) AS mean FROM person WHERE variant = 0) o,
	LATERAL (SELECT var_samp(y - ratio * orders) / (n * mean * mean) AS variance FROM person WHERE variant = 0) v;
-- capped at PostgreSQL's own percentiles
SELECT near(w.hi, b.hi) AND near(w.lo, b.lo) AS bounds, near(w.mean, c.mean) AND near(w.var, c.var) AS capped_moments, w.capped = c.capped AS capped
FROM persona.stat_winsorize((SELECT array_agg(y) FROM person), 0.011, 0.987) w,
	(SELECT percentile_cont(0.011) WITHIN GROUP (ORDER BY y) AS lo, percentile_cont(0.987) WITHIN GROUP (ORDER BY y) AS hi FROM person) b,
	LATERAL (SELECT avg(least(greatest(y, b.lo), b.hi)) AS mean, var_samp(least(greatest(y, b.lo), b.hi)) AS var, count(*) FILTER (WHERE y < b.lo OR y > b.hi) AS capped FROM person) c;
SELECT w.lo = 2 AND w.hi = 8 AND w.capped = 2 AND near(w.mean, 5.0 * 5 / 8) AS zeros_stay FROM persona.stat_winsorize('{0,0,1,2,5,8,9,0,NULL}', 0.25, 0.75, true) w;

-- planned power is what the planned number has, and what can be detected with it is the effect
SELECT bool_and(near(at_n.power_at_n, 0.8, 3)) AS power_of_n, bool_and(near(at_n.mde_up / (p1 * 0.1), 1, 3)) AS mde
FROM unnest('{0.01,0.1,0.4}'::float8[]) p1, persona.stat_power_prop(p1, p1 * 1.1) plan, persona.stat_power_prop(p1, p1 * 1.1, n1_given => plan.n1_ceil) at_n;
SELECT bool_and(near(at_n.power_at_n, 0.8, 2) AND near(at_n.mde / effect, 1, 2)) AS means, bool_and(u.n_needed BETWEEN 0.9999999 * plan.n_total_seq AND 1.0000001 * plan.n_total_seq) AS users_needed,
	bool_and(near((s.z_crit + 0.8416212335729143) * s.se, effect, 3)) AS sequential
FROM unnest('{0.02,0.3}'::float8[]) effect, persona.stat_power_mean(effect, 1, 1.5, n_star => 9000) plan, persona.stat_power_mean(effect, 1, 1.5, n1_given => plan.n1_ceil) at_n,
	persona.stat_users_needed(sqrt(3.25 / 500), 1000, effect, n_star => 9000) u,
	persona.stat_sequential('unpooled', (plan.n_total_seq / 2)::bigint, 0, 1, (plan.n_total_seq / 2)::bigint, effect, 2.25, n_star => 9000) s;

-- families of tests: Holm within Bonferroni, BH within Holm, order kept, NULL not counted
SELECT bool_and(u.bh <= u.holm AND u.holm <= u.bonferroni AND p <= u.bh) AS nested, bool_and((p <= q) <= (u.holm <= holm_q AND u.bh <= bh_q)) AS monotone
FROM (SELECT array_agg(persona.bucket(i, 'p') ^ 4 ORDER BY i) AS ps FROM generate_series(1, 50) i) f, persona.stat_holm_bh(ps) h,
	unnest(ps, h.holm, h.bh, h.bonferroni) AS u (p, holm, bh, bonferroni), unnest(ps, h.holm, h.bh) AS v (q, holm_q, bh_q);
SELECT holm = '{0.03,NULL,0.0625,0.0625}' AND bh = '{0.03,NULL,0.0625,0.046875}' AND bonferroni = '{0.03,NULL,0.1875,0.09375}' AS by_hand
FROM persona.stat_holm_bh('{0.01,NULL,0.0625,0.03125}');
SELECT holm[1] = 0.5 AND status = 'ok' AS family_of_more FROM persona.stat_holm_bh('{0.125}', 4);

-- days: the line, Q and the CUSUM by PostgreSQL's own arithmetic
CREATE TABLE day AS SELECT d, 0.05 - 0.004 * d + 0.01 * (persona.bucket(d, 'day') - 0.5) AS diff FROM generate_series(1, 30) d;
SELECT near(x.slope, a.slope) AS slope, near(x.q_stat, var * 29 / 0.0001) AS q, x.slope < 0 AND x.p_slope_two < 0.001 AND x.p_split_less < 0.001 AS fading,
	x.alarm_at = (SELECT min(i) FROM unnest(x.cusum) WITH ORDINALITY AS u (s, i) WHERE s > 8) AS alarm,
	(SELECT bool_and(near(s, greatest(0, coalesce(before, 0) + (0.02 - diff) / 0.01 - 0.5)))
		FROM (SELECT s, lag(s) OVER (ORDER BY i) AS before, diff FROM unnest(x.cusum) WITH ORDINALITY AS u (s, i) JOIN day ON d = i) c) AS cusum
FROM (SELECT array_agg(diff ORDER BY d) AS diffs, array_agg(0.01::float8) AS ses, regr_slope(diff, d) AS slope, var_samp(diff) AS var FROM day) a,
	persona.stat_decay(diffs, ses, reference => 0.02, split => 15) x;

-- what does not exist is NULL, and status says why
SELECT (persona.stat_welch_t(0, NULL, NULL, 5, 1, 1)).status AS nobody, (persona.stat_welch_t(1, 1, NULL, 5, 1, 1)).status AS one,
	(persona.stat_welch_t(5, 1, 0, 5, 1, 0)).status AS all_alike, (persona.stat_relative_lift(9, 0, 1, 9, 1, 1)).status AS no_baseline,
	(persona.stat_srm_chi2('{0,0}', '{1,1}')).status AS no_people, (persona.stat_holm_bh('{}')).status AS no_tests, (persona.stat_winsorize(NULL)).status AS no_values,
	(persona.stat_decay('{}', '{}')).status AS no_days, (persona.stat_power_prop(0.1, 0.1)).status AS no_effect;

-- every argument of every function: no number, too small, NULL
CREATE TABLE example (name text, arguments text[]);
INSERT INTO example VALUES
	('two_prop_z', '{10,100,20,100,0.05}'), ('welch_t', '{10,1,2,12,2,3,0.05}'), ('relative_lift', '{10,1,2,12,2,3,0.05}'), ('ratio_delta', '{10,1,2,3,2,1,12,2,3,4,2,1,0.05}'),
	('cuped', '{10,1,2,3,2,1,12,2,3,4,2,1,0.05}'), ('srm_chi2', '{"{10,12}","{0.5,0.5}"}'), ('bayes_beta', '{10,100,20,100,1,1}'), ('bayes_normal', '{0.1,0.1,0,1,0.05}'),
	('sequential', '{guarded,10,1,2,12,2,3,0.05,1000,1}'), ('power_prop', '{0.1,0.2,0.05,0.8,1,2,100}'), ('power_mean', '{0.1,1,1,0.05,0.8,1,2,100,1000}'),
	('users_needed', '{0.1,100,0.1,0.05,0.8,1000}'), ('holm_bh', '{"{0.1,0.2}",2}'), ('winsorize', '{"{1,2,3}",0.1,0.9,f}'), ('decay', '{"{1,2}","{1,1}",0,0.5,8,1}');
CREATE TABLE tried AS
SELECT name, p.oid AS function, i, p.proargtypes[i - 1]::regtype AS type, bad, arguments[:i - 1] || bad || arguments[i + 1:] AS arguments
FROM example JOIN pg_proc p ON p.proname = 'stat_' || name AND p.pronamespace = 'persona'::regnamespace, generate_series(1, pronargs) i,
	LATERAL (SELECT unnest(CASE p.proargtypes[i - 1]::regtype::text WHEN 'double precision' THEN '{NaN,Infinity,-Infinity,NULL}' WHEN 'bigint' THEN '{-1,NULL}' WHEN 'integer' THEN '{-1,NULL}'
		WHEN 'double precision[]' THEN '{"{NaN,1}","{1,-Infinity}","{{1,2}}",NULL}' WHEN 'bigint[]' THEN '{"{-1,5}","{1,2,3}",NULL}' WHEN 'text' THEN '{pooled,NULL}' ELSE '{NULL}' END::text[])) b (bad);
CREATE FUNCTION try(name text, function oid, arguments text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	status text;
BEGIN
	EXECUTE format('SELECT status FROM persona.stat_%s(%s)', name, (SELECT string_agg(format('%L::%s', a, p.proargtypes[i - 1]::regtype), ', ' ORDER BY i)
		FROM unnest(arguments) WITH ORDINALITY AS u (a, i), pg_proc p WHERE p.oid = function)) INTO status;
	RETURN status;
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END
$$;
SELECT count(*) = 15 AND bool_and(try(name, (SELECT oid FROM pg_proc WHERE proname = 'stat_' || name), arguments) = 'ok') AS all_examples_are_fine FROM example;
SELECT count(*) > 200 AS many, bool_and(bad IS NULL OR try(name, function, arguments) = '22023') AS no_number_is_an_error FROM tried;
SELECT name, i, bad, try(name, function, arguments) FROM tried WHERE bad IS NOT NULL AND try(name, function, arguments) <> '22023';
SELECT name, type, count(*) FROM tried WHERE bad IS NULL AND try(name, function, arguments) NOT IN ('ok', 'no_data', 'too_few', 'zero_variance')
	AND NOT (type = 'double precision'::regtype AND try(name, function, arguments) = '22023') GROUP BY 1, 2;
DROP SCHEMA experiment_stat CASCADE;
