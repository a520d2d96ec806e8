-- people who look after every user: in experiments without any effect a fixed test misleads them, the verdict does not
SET client_min_messages = warning;
CREATE SCHEMA experiment_peek;
SET search_path = experiment_peek, public;
-- more of them: make nightly, or psql -v runs=2000 -v users=10000 -f test/sql/experiment_peek.sql
\if :{?runs} \else \set runs 400 \endif
\if :{?users} \else \set users 2000 \endif
-- chance is made of buckets, so that it is the same each time; both variants convert alike
CREATE FUNCTION looks(rate float8, of_ten int, runs int, users int)
RETURNS TABLE (run int, i int, n1 bigint, x1 bigint, n2 bigint, x2 bigint) LANGUAGE sql AS $$
SELECT run, i, count(*) FILTER (WHERE control) OVER look, count(*) FILTER (WHERE control AND bought) OVER look,
	count(*) FILTER (WHERE NOT control) OVER look, count(*) FILTER (WHERE NOT control AND bought) OVER look
FROM (SELECT run, i, i % 10 >= of_ten AS control, persona.bucket(run * 1000000::bigint + i, 'peek') < rate AS bought
	FROM generate_series(1, runs) run, generate_series(1, users) i) p
WINDOW look AS (PARTITION BY run ORDER BY i)
$$;
-- in how many runs each of three tests said, at some look, that there is an effect
CREATE FUNCTION misled(rate float8, of_ten int, runs int, users int)
RETURNS TABLE (fixed float8, unguarded float8, verdict float8) LANGUAGE sql AS $$
SELECT avg(fixed::int), avg(unguarded::int), avg(verdict::int)
FROM (SELECT bool_or((persona.stat_two_prop_z(x1, n1, x2, n2)).p_value <= 0.05) AS fixed,
		bool_or((persona.stat_sequential('unpooled', n1, x1::float8 / n1, x1 * (n1 - x1)::float8 / n1 / (n1 - 1), n2, x2::float8 / n2, x2 * (n2 - x2)::float8 / n2 / (n2 - 1), n_star => users)).p_value <= 0.05) AS unguarded,
		bool_or((persona.stat_sequential('guarded', n1, x1::float8 / n1, x1 * (n1 - x1)::float8 / n1 / (n1 - 1), n2, x2::float8 / n2, x2 * (n2 - x2)::float8 / n2 / (n2 - 1), n_star => users)).p_value <= 0.05) AS verdict
	FROM looks(rate, of_ten, runs, users) WHERE least(n1, n2) >= 50 GROUP BY run) r
$$;

-- half and half, one in ten converts; of 2,000 and more it may mislead one in twenty, of fewer chance gives some leave
SELECT CASE WHEN :runs < 2000 THEN 0.083 ELSE 0.05 END AS leave \gset
CREATE TABLE half AS SELECT * FROM misled(0.1, 5, :runs, :users);
SELECT fixed >= 0.25 AS peeking_misleads, verdict <= :leave AS the_verdict_does_not FROM half;
-- a small variant, and few convert: where the published formula fails
CREATE TABLE small AS SELECT * FROM misled(0.02, 1, :runs, :users);
SELECT fixed >= 0.25 AS peeking_misleads, unguarded > 0.083 AS unguarded_misleads, verdict <= :leave AS the_verdict_does_not FROM small;
\if :{?show}
SELECT 'half' AS variants, * FROM half UNION ALL SELECT 'one in ten', * FROM small;
\endif

-- compare() decides where that interval does, at every look
SELECT count(*) > 3000 AS looks, bool_and((c.verdict IN ('winner', 'loser')) = (s.p_value <= 0.05)) AS by_that_interval, count(*) FILTER (WHERE c.verdict IN ('winner', 'loser')) > 0 AS decided_at_times
FROM looks(0.3, 3, 4, 1000) l, LATERAL (SELECT persona.proportion(x1, n1) AS a, persona.proportion(least(2 * x2, n2), n2) AS b) p, persona.compare(a, b) c,
	persona.stat_sequential('guarded', persona.n(a), persona.mean(a), persona.var(a), persona.n(b), persona.mean(b), persona.var(b)) s
WHERE least(l.n1, l.n2) >= 50;
DROP SCHEMA experiment_peek CASCADE;
