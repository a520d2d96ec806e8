-- first_by() and last_by(): the value of the first and the last row, by time, then by key
CREATE SCHEMA rn;
CREATE TYPE rn.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE rn.row (g int, t text, n numeric, m rn.mood, j jsonb, b boolean, a int[], at timestamptz, k1 int, k2 text);
INSERT INTO rn.row SELECT i % 300, CASE WHEN i % 7 > 0 THEN repeat('t' || i, 1 + i % 400) END, i, (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::rn.mood, jsonb_build_object('i', i), i % 2 = 0, ARRAY[i],
	CASE i % 41 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' ELSE timestamptz '2026-01-01' + (i * 7919 % 50) * interval '1 hour' END,
	CASE WHEN i % 5 > 0 THEN i % 3 END, CASE i % 4 WHEN 0 THEN 'a' WHEN 1 THEN 'B' WHEN 2 THEN 'ä' END || i FROM generate_series(1, 20000) i;
-- the same as sorting every group, whatever the type, with several keys, and NULL keys after all others
CREATE VIEW rn.law AS
SELECT g,
	persona.last_by(t, at, k1, k2, n) IS NOT DISTINCT FROM (array_agg(t ORDER BY at DESC, k1 DESC, k2 COLLATE "C" DESC, n DESC) FILTER (WHERE at IS NOT NULL))[1] AS text,
	persona.first_by(n, at, k1, k2, n) IS NOT DISTINCT FROM (array_agg(n ORDER BY at, k1, k2 COLLATE "C", n) FILTER (WHERE at IS NOT NULL))[1] AS number,
	persona.last_by(m, at, k1, k2, n) IS NOT DISTINCT FROM (array_agg(m ORDER BY at DESC, k1 DESC, k2 COLLATE "C" DESC, n DESC) FILTER (WHERE at IS NOT NULL))[1] AS enum,
	persona.first_by(j, at, k2, k1, n) IS NOT DISTINCT FROM (array_agg(j ORDER BY at, k2 COLLATE "C", k1, n) FILTER (WHERE at IS NOT NULL))[1] AS json,
	persona.last_by(b, at, n) FILTER (WHERE n > 500) IS NOT DISTINCT FROM (array_agg(b ORDER BY at DESC, n DESC) FILTER (WHERE at IS NOT NULL AND n > 500))[1] AS flag
FROM rn.row GROUP BY g;
SELECT count(*), bool_and(text) AS text, bool_and(number) AS number, bool_and(enum) AS enum, bool_and(json) AS json, bool_and(flag) AS flag FROM rn.law;
-- in parallel, the same
ALTER TABLE rn.row SET (parallel_workers = 2);
CREATE TABLE rn.single AS SELECT g, persona.last_by(t, at, k1, k2, n) AS t, persona.first_by(a, at, n) AS a, persona.last_by(n, at, n) AS n FROM rn.row GROUP BY g;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT persona.last_by(t, at, k1, k2, n) FROM rn.row;
SELECT count(*) AS differ FROM rn.single s FULL JOIN (SELECT g, persona.last_by(t, at, k1, k2, n) AS t, persona.first_by(a, at, n) AS a, persona.last_by(n, at, n) AS n FROM rn.row GROUP BY g) p USING (g)
WHERE (s.t, s.a, s.n) IS DISTINCT FROM (p.t, p.a, p.n);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
-- no rows, no times, no value, one row
SELECT persona.last_by(t, at, 0) IS NULL AS none FROM rn.row WHERE false;
SELECT persona.last_by(t, NULL, 0) IS NULL AS timeless FROM rn.row;
SELECT persona.first_by(NULL::int, at, 0) IS NULL AS null_value FROM rn.row;
SELECT persona.first_by(x, '2026-01-01', 0) FROM (VALUES ('one')) v(x);
-- keys that have no order, and too many of them
SELECT persona.last_by(1, '2026-01-01', x) FROM (VALUES (point '1,2'), (point '2,1')) v(x);
SELECT persona.last_by(1, '2026-01-01', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16) AS sixteen;
SELECT persona.last_by(1, '2026-01-01', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17);
SELECT persona.last_step(NULL, 1, now(), 1);
SET client_min_messages = warning;
DROP SCHEMA rn CASCADE;
