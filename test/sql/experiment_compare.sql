-- compare(): verdicts, sentences, and how its parts hang together
SET client_min_messages = warning;
CREATE SCHEMA experiment_compare;
SET search_path = experiment_compare, public;
\set SHOW_CONTEXT never
CREATE FUNCTION near(a float8, b float8) RETURNS boolean LANGUAGE sql AS 'SELECT abs(a - b) <= 1e-11 * greatest(1, abs(b))';

-- each verdict, with its sentence
SELECT verdict, message FROM (
	SELECT 1 AS i, c.* FROM persona.compare(persona.proportion(538, 5380), persona.proportion(520, 4620), weights => '{0.5,0.5}') c
	UNION ALL SELECT 2 AS i, c.* FROM persona.compare(persona.proportion(500, 5000), persona.proportion(500, 5000), mixed => 200) c
	UNION ALL SELECT 3 AS i, c.* FROM persona.compare(NULL::persona.sample, persona.proportion(500, 5000)) c
	UNION ALL SELECT 4 AS i, c.* FROM persona.compare(persona.proportion(5, 60), persona.proportion(2, 12)) c
	UNION ALL SELECT 5 AS i, c.* FROM persona.compare(persona.proportion(5, 12), persona.proportion(2, 60)) c
	UNION ALL SELECT 6 AS i, c.* FROM persona.compare(persona.proportion(2000, 20000), persona.proportion(1700, 20000)) c
	UNION ALL SELECT 7 AS i, c.* FROM persona.compare(persona.proportion(2000, 20000), persona.proportion(2300, 20000), days => 9) c
	UNION ALL SELECT 8 AS i, c.* FROM persona.compare(persona.proportion(2000, 20000), persona.proportion(2300, 20000), days => 3.7, label => 'personal', goal => 'orders') c
	UNION ALL SELECT 9 AS i, c.* FROM persona.compare(persona.proportion(2000, 20000), persona.proportion(2300, 20000), higher_is_better => false, goal => 'returns') c
	UNION ALL SELECT 10 AS i, c.* FROM persona.compare(persona.proportion(2000, 20000), persona.proportion(1700, 20000), higher_is_better => false, goal => 'returns') c
	UNION ALL SELECT 11 AS i, c.* FROM persona.compare(persona.sample(1000000, 10, 3), persona.sample(1000000, 10.001, 3), mde => 0.02) c
	UNION ALL SELECT 12 AS i, c.* FROM persona.compare(persona.proportion(100, 1000), persona.proportion(104, 1000), mde => 0.02, per_week => 13000) c
	UNION ALL SELECT 13 AS i, c.* FROM persona.compare(persona.proportion(100, 1000), persona.proportion(104, 1000), mde => 0.2, per_week => 13000) c
	UNION ALL SELECT 14 AS i, c.* FROM persona.compare(persona.proportion(100, 1000), persona.proportion(104, 1000), mde => 0.2) c
	UNION ALL SELECT 15 AS i, c.* FROM persona.compare(persona.proportion(10000, 100000), persona.proportion(10200, 100000), mde => 0.06) c
	UNION ALL SELECT 16 AS i, c.* FROM persona.compare(persona.proportion(100, 1000), persona.proportion(104, 1000)) c
	UNION ALL SELECT 17 AS i, c.* FROM persona.compare(persona.proportion(0, 1000), persona.proportion(0, 1000), mde => 0.1) c
	UNION ALL SELECT 18 AS i, c.* FROM persona.compare(persona.proportion(0, 1000), persona.proportion(1, 1000), mde => 0.1) c
	UNION ALL SELECT 19 AS i, c.* FROM persona.compare(persona.proportion(0, 10000), persona.proportion(900, 10000)) c
) a ORDER BY i;

-- the parts are those of stat_*
CREATE TABLE two AS SELECT persona.summarize(y) FILTER (WHERE v = 0) AS a, persona.summarize(y) FILTER (WHERE v = 1) AS b
FROM (SELECT i % 2 AS v, 5 + persona.bucket(i, 'y') + 0.05 * (i % 2) AS y FROM generate_series(1, 3000) i) p;
SELECT c.n1 = 1500 AND c.n2 = 1500 AS counts, near(c.diff, w.diff) AND near(c.se, w.se) AND near(c.p_value, w.p_value) AND near(c.ln_p, w.ln_p) AND near(c.ci_lo, w.ci_lo) AND near(c.ci_hi, w.ci_hi) AS welch,
	near(c.seq_p, s.p_value) AND near(c.seq_lo, s.ci_lo) AND near(c.seq_hi, s.ci_hi) AS sequential, near(c.lift, l.lift) AS lift,
	near(c.chance_to_win, n.chance_to_win) AND near(c.loss_treatment, n.loss_treatment) AND near(c.loss_control, n.loss_control) AS chance, c.users_needed = u.additional AS users_needed
FROM two, persona.compare(a, b, n_star => 8000, mde => 0.002) c, persona.stat_welch_t(persona.n(a), persona.mean(a), persona.var(a), persona.n(b), persona.mean(b), persona.var(b)) w,
	persona.stat_sequential('guarded', persona.n(a), persona.mean(a), persona.var(a), persona.n(b), persona.mean(b), persona.var(b), n_star => 8000) s,
	persona.stat_relative_lift(persona.n(a), persona.mean(a), persona.var(a), persona.n(b), persona.mean(b), persona.var(b)) l,
	persona.stat_bayes_normal(w.diff, w.se) n, persona.stat_users_needed(s.se, 3000, 0.002 * persona.mean(a), n_star => 8000) u;
SELECT near(c.p_value, p.p_value) AND near(c.ci_lo, p.ci_lo) AND near(c.ci_hi, p.ci_hi) AND near(c.se, p.se) AS two_prop, near(c.chance_to_win, b.chance_to_win) AS beta,
	c.warning IS NULL AND d.warning = 'small_counts' AS small_counts
FROM persona.compare(persona.proportion(100, 1000), persona.proportion(130, 1100)) c, persona.stat_two_prop_z(100, 1000, 130, 1100) p, persona.stat_bayes_beta(100, 1000, 130, 1100) b,
	persona.compare(persona.proportion(3, 1000), persona.proportion(13, 1100)) d;
-- one look, any look, and both as a lift: interval and p-value agree, the verdict follows the interval
CREATE TABLE answer AS
SELECT c.* FROM generate_series(1, 300) i, LATERAL (SELECT persona.bucket(i, 'u') AS u, persona.bucket(i, 'v') AS v, persona.bucket(i, 'w') AS w) b,
	persona.compare(persona.proportion((200 * u)::bigint + 20, 1000), persona.proportion((200 * v)::bigint + 20, 500 + (1000 * w)::bigint), mde => 0.1) c
UNION ALL
SELECT c.* FROM generate_series(1, 300) i, LATERAL (SELECT persona.bucket(i, 'u') AS u, persona.bucket(i, 'v') AS v, persona.bucket(i, 'w') AS w) b,
	persona.compare(persona.sample(1000, 10 + u, 1 + 4 * w), persona.sample(60 + (1000 * w)::bigint, 10 + v, 1 + 3 * v), higher_is_better => false) c;
SELECT count(*) = 600 AS all_there, bool_and((p_value <= 0.05) = (ci_lo > 0 OR ci_hi < 0) AND (p_value <= 0.05) = (lift_lo > 0 OR lift_hi < 0)) AS one_look,
	bool_and((seq_p <= 0.05) = (seq_lo > 0 OR seq_hi < 0)) AS any_look, bool_and((seq_p <= 0.05) = coalesce(seq_lift_lo > 0 OR seq_lift_hi < 0, false) OR seq_lift_lo IS NULL) AS as_lift,
	bool_and((seq_p <= 0.05) = (verdict IN ('winner', 'loser'))) AS verdict, count(DISTINCT verdict) >= 3 AS several, bool_and(chance_to_win BETWEEN 0 AND 1) AS chances,
	bool_and(verdict <> 'winner' OR chance_to_win > 0.5) AS winners_win, bool_and(loss_control >= 0 AND loss_treatment >= 0) AS losses FROM answer;

-- where it does not matter which is which, nothing changes but the sign
SELECT near(c.seq_lo, -d.seq_hi) AND near(c.p_value, d.p_value) AND near(c.chance_to_win, 1 - d.chance_to_win) AS mirrored
FROM persona.compare(persona.proportion(100, 1000), persona.proportion(150, 1200)) c, persona.compare(persona.proportion(150, 1200), persona.proportion(100, 1000)) d;
-- a broken split hides all but the counts
SELECT c.status = 'broken_split' AND n1 = 538 AND num_nonnulls(mean1, mean2, diff, lift, se, p_value, ln_p, ci_lo, ci_hi, lift_lo, lift_hi, seq_p, seq_lo, seq_hi, seq_lift_lo, seq_lift_hi,
	chance_to_win, loss_treatment, loss_control, users_needed) = 0 AS hidden FROM persona.compare(persona.proportion(50, 538), persona.proportion(90, 962), weights => '{1,1}') c;
SELECT (persona.compare(persona.proportion(50, 900), persona.proportion(9, 100), weights => '{0.9,0.1}')).verdict = 'keep_running' AS planned_is_fine,
	(persona.compare(persona.proportion(500, 5000), persona.proportion(500, 5000), mixed => 100)).verdict = 'keep_running' AS one_in_a_hundred_is_fine;
-- looked at after every user, fair splits are not called broken, small variants neither: of 400 at most 3 % are
SELECT w AS small_variant, avg(broken::int) <= 0.03 AS not_broken
FROM (SELECT w, run, bool_or((persona.compare(persona.proportion(0, i - x), persona.proportion(0, x), weights => ARRAY[1 - w, w])).verdict = 'broken_split') AS broken
	FROM (SELECT w, run, i, count(*) FILTER (WHERE persona.bucket(run * 1000000::bigint + i, 'srm') < w) OVER (PARTITION BY w, run ORDER BY i) AS x
		FROM unnest('{0.1,0.05,0.01}'::float8[]) w, generate_series(1, 400) run, generate_series(1, 600) i) l GROUP BY 1, 2) r GROUP BY 1 ORDER BY 1;
SELECT (persona.compare(persona.proportion(0, 450), persona.proportion(0, 50), weights => '{0.99,0.01}')).verdict AS one_in_ten_for_one_in_a_hundred;
-- before min_n nothing is decided, and what one look says is shown
SELECT status = 'warming_up' AND seq_p = 1 AND seq_lo IS NULL AND seq_lift_hi IS NULL AND users_needed IS NULL AND p_value < 0.001 AS warming_up
FROM persona.compare(persona.proportion(1, 49), persona.proportion(40, 49), mde => 0.1);
SELECT verdict = 'winner' AS min_n FROM persona.compare(persona.proportion(1, 49), persona.proportion(49, 49), min_n => 10, n_star => 100);
-- skewed: 355 times skewness squared
SELECT c.warning = 'skewed' AS warned, d.warning IS NULL AS not_warned
FROM (SELECT persona.summarize(y) AS s FROM (SELECT CASE WHEN i % 100 = 0 THEN 50.0 + i % 7 ELSE 0 END::float8 AS y FROM generate_series(1, 4000) i) p) s,
	(SELECT persona.summarize(i % 10) AS t FROM generate_series(1, 4000) i) t, persona.compare(s, s) c, persona.compare(t, t) d;

-- two measures: a ratio, and an adjusted mean
CREATE TABLE pair AS SELECT persona.summarize(y, x) FILTER (WHERE v = 0) AS a, persona.summarize(y, x) FILTER (WHERE v = 1) AS b
FROM (SELECT i % 2 AS v, 4 * persona.bucket(i, 'x') + persona.bucket(i, 'e') + 0.06 * (i % 2) AS y, 1 + persona.bucket(i, 'x') AS x FROM generate_series(1, 4000) i) p;
SELECT near(c.mean1, r.r1) AND near(c.diff, r.diff) AND near(c.p_value, r.p_value) AND near(c.ci_lo, r.ci_lo) AND near(c.lift, r.lift) AS ratio, c.seq_lo < c.ci_lo AND c.seq_hi > c.ci_hi AS wider
FROM pair, persona.compare(a, b) c, persona.stat_ratio_delta(persona.n(a), persona.mean(a), persona.var(a), persona.mean_x(a), persona.var_x(a), persona.cov(a),
	persona.n(b), persona.mean(b), persona.var(b), persona.mean_x(b), persona.var_x(b), persona.cov(b)) r;
SELECT near(c.mean2, r.adj_mean2) AND near(c.diff, r.diff) AND near(c.p_value, r.p_value) AND near(c.se, r.se) AS cuped, near(c.lift, c.diff / persona.mean(a)) AS lift_of_the_control_as_it_was,
	c.verdict = 'winner' AND plain.verdict = 'keep_running' AS sees_more, (c.ci_lo > 0) = (c.lift_lo > 0) AND (c.seq_lo > 0) = (c.seq_lift_lo > 0) AS agree
FROM pair, persona.compare(a, b, method => 'cuped') c, persona.stat_cuped(persona.n(a), persona.mean(a), persona.var(a), persona.mean_x(a), persona.var_x(a), persona.cov(a),
	persona.n(b), persona.mean(b), persona.var(b), persona.mean_x(b), persona.var_x(b), persona.cov(b)) r,
	persona.compare(persona.sample(persona.n(a), persona.mean(a), persona.sd(a)), persona.sample(persona.n(b), persona.mean(b), persona.sd(b))) plain;
SELECT (persona.compare(NULL::persona.sample2, b)).verdict = 'no_data' AND (persona.compare(b, NULL, method => 'cuped')).status = 'no_data' AS nobody FROM pair;

-- what is no question
SELECT persona.compare(a, b, alpha => 0) FROM two;
SELECT persona.compare(a, b, mde => -0.1) FROM two;
SELECT persona.compare(a, b, n_star => 'Infinity') FROM two;
SELECT persona.compare(a, b, min_n => -1) FROM two;
SELECT persona.compare(a, b, days => 'NaN') FROM two;
SELECT persona.compare(a, b, power => 1) FROM two;
SELECT persona.compare(a, b, weights => '{0.5,0.3,0.2}') FROM two;
SELECT persona.compare(a, b, weights => '{1,0}') FROM two;
SELECT persona.compare(a, b, method => 'guess') FROM pair;
-- NULL is the default where there is one
SELECT (persona.compare(a, b, n_star => NULL, mde => NULL, higher_is_better => NULL, min_n => NULL, min_days => NULL, weights => NULL, mixed => NULL, label => NULL)) = persona.compare(a, b) AS null_is_default FROM two;
-- open to all, the same for all, anywhere
SELECT bool_and(provolatile = 'i' AND proparallel = 's' AND has_function_privilege('public', oid, 'EXECUTE')) AS pure
FROM pg_proc WHERE pronamespace = 'persona'::regnamespace AND (proname LIKE 'stat\_%' OR proname LIKE 'sample%'
	OR proname IN ('compare', 'summarize', 'merge', 'proportion', 'n', 'mean', 'var', 'sd', 'sum', 'skewness', 'min', 'max', 'mean_x', 'var_x', 'cov'));
DROP SCHEMA experiment_compare CASCADE;
