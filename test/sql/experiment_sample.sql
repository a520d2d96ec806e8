-- samples: laws of summarize() and merge(), round trips, errors
SET client_min_messages = warning;
CREATE SCHEMA experiment_sample;
SET search_path = experiment_sample, public;
\set SHOW_CONTEXT never
\set VERBOSITY terse
-- within 1e-12 of the size of either
CREATE FUNCTION near(a float8, b float8) RETURNS boolean LANGUAGE sql AS
'SELECT CASE WHEN a IS NULL OR b IS NULL THEN a IS NOT DISTINCT FROM b ELSE abs(a - b) <= 1e-12 * greatest(abs(a), abs(b), 1e-300) END';
CREATE FUNCTION same(a persona.sample, b persona.sample) RETURNS boolean LANGUAGE sql AS
'SELECT persona.n(a) = persona.n(b) AND near(persona.mean(a), persona.mean(b)) AND near(persona.var(a), persona.var(b))
	AND near(1 + persona.skewness(a), 1 + persona.skewness(b)) AND near(persona.min(a), persona.min(b)) AND near(persona.max(a), persona.max(b))';
CREATE FUNCTION same(a persona.sample2, b persona.sample2) RETURNS boolean LANGUAGE sql AS
'SELECT persona.n(a) = persona.n(b) AND near(persona.mean(a), persona.mean(b)) AND near(persona.mean_x(a), persona.mean_x(b))
	AND near(persona.var(a), persona.var(b)) AND near(persona.var_x(a), persona.var_x(b)) AND near(persona.cov(a), persona.cov(b))';
-- revenue: mostly nothing, seldom much; x goes along with it
CREATE TABLE spend AS
SELECT i, i % 7 AS shard, CASE WHEN u < 0.9 THEN 0 ELSE round((-40 * ln(u - 0.9 + 1e-9))::numeric, 2)::float8 END AS y,
	CASE WHEN u < 0.9 THEN v ELSE v + 3 END AS x, u < 0.3 AS bought
FROM (SELECT i, persona.bucket(i, 'y') AS u, persona.bucket(i, 'x') AS v FROM generate_series(1, 20000) i) b;

-- PostgreSQL's own aggregates say the same
SELECT persona.n(s) = 20000 AS n, near(persona.mean(s), avg) AS mean, near(persona.var(s), var) AS var, near(persona.sd(s), sqrt(var)) AS sd,
	near(persona.sum(s), sum) AS sum, persona.min(s) = min AND persona.max(s) = max AS ends, near(persona.skewness(s), skewness) AS skewness
FROM (SELECT persona.summarize(y) AS s, avg(y), var_samp(y) AS var, sum(y), min(y), max(y) FROM spend) a,
	(SELECT avg((y - m) ^ 3) / avg((y - m) ^ 2) ^ 1.5 AS skewness FROM spend, (SELECT avg(y) AS m FROM spend) m) b;
SELECT near(persona.mean(s), avg) AND near(persona.mean_x(s), avg_x) AS means, near(persona.var(s), var) AND near(persona.var_x(s), var_x) AS vars,
	near(persona.cov(s), cov) AS cov, near(persona.sd(s), sqrt(var)) AS sd, near(persona.sum(s), sum) AS sum
FROM (SELECT persona.summarize(y, x) AS s, avg(y), avg(x) AS avg_x, var_samp(y) AS var, var_samp(x) AS var_x, covar_samp(y, x) AS cov, sum(y) FROM spend) a;
-- {2, 4, 4, 4, 5, 5, 7, 9}: mean 5, squares 32, third moment 42 by hand
SELECT persona.mean(s) = 5 AS mean, persona.var(s) = 32.0 / 7 AS var, near(persona.skewness(s), 0.65625) AS skewness
FROM (SELECT persona.summarize(y) AS s FROM unnest('{2,4,4,4,5,5,7,9}'::float8[]) y) a;

-- merging is summarizing all: by shards, in any order, nested in any way
SELECT same(persona.merge(s), (SELECT persona.summarize(y) FROM spend)) AS of_all,
	same(persona.merge(s ORDER BY shard DESC), persona.merge(s ORDER BY shard)) AS any_order,
	same(persona.merge(s2), (SELECT persona.summarize(y, x) FROM spend)) AS of_all_pairs
FROM (SELECT shard, persona.summarize(y) AS s, persona.summarize(y, x) AS s2 FROM spend GROUP BY shard) d;
SELECT same(persona.sample_merge(persona.sample_merge(a, b), c), persona.sample_merge(a, persona.sample_merge(b, c))) AS associative,
	same(persona.sample_merge(a, b), persona.sample_merge(b, a)) AS commutative,
	persona.sample_merge(a, nobody)::text = a::text AND persona.sample_merge(nobody, a)::text = a::text AS nobody_changes_nothing
FROM (SELECT persona.summarize(y) FILTER (WHERE shard = 0) AS a, persona.summarize(y + 1e6) FILTER (WHERE shard = 1) AS b,
	persona.summarize(-y) FILTER (WHERE shard = 2) AS c, persona.summarize(y) FILTER (WHERE false) AS nobody FROM spend) p;
SELECT same(persona.summarize(y ORDER BY i), persona.summarize(y ORDER BY i DESC)) AS order_does_not_matter FROM spend;
SELECT bool_and(same(running, again)) AS in_windows
FROM (SELECT persona.summarize(y) OVER (ORDER BY i) AS running, i FROM spend WHERE i <= 300) w,
	LATERAL (SELECT persona.summarize(y) AS again FROM spend WHERE spend.i <= w.i) a;
-- and in parallel
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END $$;
CREATE TABLE alone AS SELECT persona.summarize(y) AS s, persona.summarize(bought) AS b, persona.summarize(y, x) AS s2 FROM spend;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT count(*) = 1 AS is_parallel FROM plan_of('SELECT persona.summarize(y), persona.summarize(bought), persona.summarize(y, x) FROM spend') p WHERE p LIKE '%Partial Aggregate%';
SELECT same(persona.summarize(y), (SELECT s FROM alone)) AND same(persona.summarize(bought), (SELECT b FROM alone))
	AND same(persona.summarize(y, x), (SELECT s2 FROM alone)) AS as_alone FROM spend;
SELECT same(persona.merge(s), (SELECT persona.sample_merge(s, s) FROM alone)) AS merged
FROM (SELECT s FROM alone UNION ALL SELECT s FROM alone) t;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- yes and no are 1 and 0, and counts say the same
SELECT same(persona.summarize(bought), persona.summarize(bought::int)) AS as_numbers,
	same(persona.summarize(bought), persona.proportion(count(*) FILTER (WHERE bought), count(*))) AS as_counts,
	persona.summarize(bought)::text LIKE 'proportion(%' AS is_proportion, persona.summarize(bought::int)::text LIKE 'mean(%' AS is_mean FROM spend;
SELECT persona.merge(s)::text LIKE 'proportion(%' AS stays FROM (VALUES (persona.proportion(1, 2)), (persona.proportion(0, 0)), (NULL), (persona.proportion(9, 9))) v (s);
SELECT persona.merge(s)::text LIKE 'mean(%' AS no_more FROM (VALUES (persona.proportion(1, 2)), (persona.sample(10, 3, 1))) v (s);
SELECT persona.n(s) = 10 AND persona.mean(s) = 3 AND near(persona.sd(s), 1.5) AND persona.skewness(s) IS NULL AND persona.min(s) IS NULL AS by_hand,
	persona.skewness(persona.sample_merge(s, t)) IS NULL AND persona.max(persona.sample_merge(t, s)) IS NULL AS unknown_stays_unknown
FROM (SELECT persona.sample(10, 3, 1.5) AS s, persona.summarize(y) AS t FROM spend) h;

-- the mean may be as large as it likes: 0..9 and an offset
SELECT bool_and(near(persona.var(s), 55.0 / 6) AND near(persona.var(merged), 55.0 / 6) AND near(persona.mean(s), o + 4.5) AND near(persona.cov(s2), 55.0 / 6)) AS any_offset
FROM unnest('{0,1e3,-1e6,1e9,1e12,-1e15}'::float8[]) o, LATERAL (SELECT persona.summarize(o + i) AS s, persona.summarize(i, o + i) AS s2,
	persona.sample_merge(persona.summarize(o + i) FILTER (WHERE i < 3), persona.summarize(o + i) FILTER (WHERE i >= 3)) AS merged FROM generate_series(0, 9) i) a;
-- nor do scales matter: skewness does not see them
SELECT bool_and(near(persona.skewness(s), 0.65625) AND near(persona.var(s), 32.0 / 7 * u * u)) AS any_unit
FROM unnest('{1e-150,1e-9,-1,1e9,1e150}'::float8[]) u, LATERAL (SELECT persona.summarize(abs(u) * y) AS s FROM unnest('{2,4,4,4,5,5,7,9}'::float8[]) y) a;

-- nobody, one, all the same
SELECT persona.n(s) = 0 AS n, persona.mean(s) IS NULL AND persona.var(s) IS NULL AND persona.sum(s) IS NULL AND persona.min(s) IS NULL AND persona.skewness(s) IS NULL AS nothing_else,
	persona.n(s2) = 0 AND persona.mean(s2) IS NULL AND persona.mean_x(s2) IS NULL AND persona.cov(s2) IS NULL AS of_pairs
FROM (SELECT persona.summarize(y) AS s, persona.summarize(y, y) AS s2 FROM spend WHERE false) a;
SELECT persona.n(s) = 1 AND persona.mean(s) = 7 AND persona.var(s) IS NULL AND persona.sd(s) IS NULL AND persona.skewness(s) IS NULL AS one FROM (SELECT persona.summarize(7) AS s) a;
SELECT persona.mean(s) = 0.1 AND persona.var(s) = 0 AND persona.skewness(s) IS NULL AS all_the_same FROM (SELECT persona.summarize(0.1::float8) AS s FROM generate_series(1, 1000)) a;
SELECT persona.n(persona.summarize(y)) = 2 AS null_is_skipped, persona.n(persona.summarize(y, x)) = 1 AS either_is_enough FROM (VALUES (1, NULL), (NULL, 1), (2, 3)) v (y, x);
SELECT persona.n(persona.summarize(b)) = 1 AS null_boolean FROM (VALUES (true), (NULL)) v (b);
SELECT persona.n(NULL::persona.sample) IS NULL AND persona.proportion(NULL, 3) IS NULL AS null_is_null;

-- every bit survives, whatever the settings
SET extra_float_digits = -5;
CREATE TABLE stored AS SELECT shard, persona.summarize(y / 3) AS s, persona.summarize(bought) AS b, persona.summarize(y / 3, x / 7) AS s2 FROM spend GROUP BY shard;
SELECT bool_and(persona.sample_send(s::text::persona.sample) = persona.sample_send(s)) AS text_round_trip,
	bool_and(persona.sample_send(b::text::persona.sample) = persona.sample_send(b)) AS of_proportions,
	bool_and(persona.sample2_send(s2::text::persona.sample2) = persona.sample2_send(s2)) AS of_pairs FROM stored;
RESET extra_float_digits;
SELECT persona.sample_send(h::text::persona.sample) = persona.sample_send(h) AS by_hand FROM (SELECT persona.sample(3, 0.1, 0.2) AS h) h;
CREATE TABLE restored (LIKE stored);
\copy stored TO PROGRAM 'cat >"${TMPDIR:-/tmp}/persona_sample.$PPID"' (FORMAT binary)
\copy restored FROM PROGRAM 'cat "${TMPDIR:-/tmp}/persona_sample.$PPID"; rm "${TMPDIR:-/tmp}/persona_sample.$PPID"' (FORMAT binary)
SELECT count(*) = 7 AND bool_and(persona.sample_send(a.s) = persona.sample_send(b.s) AND persona.sample_send(a.b) = persona.sample_send(b.b)
	AND persona.sample2_send(a.s2) = persona.sample2_send(b.s2)) AS binary_round_trip
FROM stored a JOIN restored b USING (shard);
-- what no values make is no sample
SELECT 'mean(1)'::persona.sample;
SELECT ''::persona.sample;
SELECT 'median(0,0,0,0,0,0,0)'::persona.sample;
SELECT 'mean(0,0,0,0,0,0,0) '::persona.sample;
SELECT 'mean(-1,0,0,0,0,0,0)'::persona.sample;
SELECT 'mean(2,0,0,-1,0,0,0)'::persona.sample;
SELECT 'mean(2,Infinity,0,1,0,0,0)'::persona.sample;
SELECT 'mean(99999999999999999999,0,0,1,0,0,0)'::persona.sample;
SELECT 'pair(2,0,0,0,0,1,NaN,0)'::persona.sample2;
SELECT ('mean(' || repeat('9', 100000))::persona.sample2;
-- what no sample can hold
SELECT persona.summarize(y) FROM unnest('{1,NaN}'::float8[]) y;
SELECT persona.summarize(y) FROM unnest('{Infinity}'::float8[]) y;
SELECT persona.summarize(1, y) FROM unnest('{-Infinity}'::float8[]) y;
SELECT persona.summarize(y) FROM unnest('{1e300,-1e300}'::float8[]) y;
SELECT persona.summarize(y, 1) FROM unnest('{1e308,-1e308}'::float8[]) y;
SELECT persona.sample_merge(persona.summarize(1e200), persona.summarize(-1e200));
SELECT persona.sample(-1, 0, 0);
SELECT persona.sample(3, 'NaN', 0);
SELECT persona.sample(3, 0, -1);
SELECT persona.sample(3, 0, 1e200);
SELECT persona.proportion(4, 3);
SELECT persona.proportion(-1, 3);
-- whoever may connect may use them
SET ROLE pg_monitor;
SELECT persona.mean(persona.summarize(i)) = 2 AS open_to_all FROM generate_series(1, 3) i;
RESET ROLE;
DROP SCHEMA experiment_sample CASCADE;
