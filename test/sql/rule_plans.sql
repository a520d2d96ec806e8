-- matches() with a constant rule is the native condition to the planner; with any other it takes the row in parts
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rp;
CREATE TABLE rp.person (name text, gone int, id int, born date, city text, vip boolean);
ALTER TABLE rp.person DROP gone;
INSERT INTO rp.person SELECT 'n' || i, i, date '1990-01-01' + i, 'c' || i % 10, i % 2 = 0 FROM generate_series(1, 500) i;
CREATE INDEX ON rp.person (id);
CREATE INDEX ON rp.person (lower(city));
CREATE INDEX person_vip ON rp.person (name) WHERE persona.matches(person, 'vip');
ANALYZE rp.person;
-- an index, also one of an expression, and a partial one
SET enable_seqscan = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM rp.person p WHERE persona.matches(p, 'id = 3');
EXPLAIN (COSTS OFF) SELECT * FROM rp.person p WHERE persona.matches(p.*, 'id BETWEEN 3 AND 10 AND city = ''c1''') AND vip;
EXPLAIN (COSTS OFF) SELECT * FROM rp.person p WHERE persona.matches(p, 'lower(city) = ''c1''');
EXPLAIN (COSTS OFF) SELECT * FROM rp.person p WHERE vip AND name = 'n4';
EXPLAIN (COSTS OFF) SELECT * FROM rp.person p WHERE persona.matches(p, 'vip AND name = ''n4''');
RESET enable_seqscan; RESET enable_bitmapscan;
EXPLAIN (VERBOSE, COSTS OFF) SELECT persona.matches(p, 'id > 3 OR born IS NULL') FROM rp.person p;
EXPLAIN (COSTS OFF) SELECT * FROM rp.person p WHERE persona.matches(p, 'id = 1 AND true') AND persona.matches(p, NULL);
-- partitions, whose columns stand elsewhere
CREATE TABLE rp.parted (id int, country text, amount numeric) PARTITION BY LIST (country);
CREATE TABLE rp.parted_de PARTITION OF rp.parted FOR VALUES IN ('DE');
CREATE TABLE rp.parted_fr (gone int, amount numeric, country text, more int, id int);
ALTER TABLE rp.parted_fr DROP gone, DROP more;
ALTER TABLE rp.parted ATTACH PARTITION rp.parted_fr FOR VALUES IN ('FR');
CREATE TABLE rp.parted_rest PARTITION OF rp.parted DEFAULT;
INSERT INTO rp.parted SELECT i, (ARRAY['DE', 'FR', 'IT', NULL])[1 + i % 4], i FROM generate_series(1, 40) i;
EXPLAIN (COSTS OFF) SELECT * FROM rp.parted t WHERE persona.matches(t, 'country = ''FR'' AND amount > 10');
SELECT r, count(*) FILTER (WHERE persona.matches(t, r)) AS matched, count(*) FILTER (WHERE persona.matches((ARRAY[t])[1], r)) AS as_value
FROM rp.parted t, (VALUES ('country = ''FR'' AND amount > 10'::persona.rule), ('amount < 5'), ('country IS NULL')) v(r) GROUP BY r ORDER BY r;
SELECT count(*) = (SELECT count(*) FROM rp.parted_fr WHERE amount > 10) AS same FROM rp.parted_fr t WHERE persona.matches(t, 'country = ''FR'' AND amount > 10');
-- joins, outer joins, views, sub-selects, also correlated ones
CREATE VIEW rp.person_view AS SELECT id, upper(city) AS city, 'x'::text AS kind, name FROM rp.person;
CREATE VIEW rp.city_view AS SELECT city, count(*) AS n FROM rp.person GROUP BY city;
EXPLAIN (COSTS OFF) SELECT * FROM rp.person_view v WHERE persona.matches(v, 'id = 3 AND kind = ''x''');
EXPLAIN (COSTS OFF) SELECT * FROM rp.city_view v WHERE persona.matches(v, 'city = ''c1'' AND n > 3');
EXPLAIN (COSTS OFF) SELECT * FROM (SELECT id + 1 AS next, city FROM rp.person) s WHERE persona.matches(s, 'next = 4');
EXPLAIN (COSTS OFF) SELECT * FROM (SELECT id, city FROM rp.person LIMIT 10) s WHERE persona.matches(s, 'city = ''c1''');
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_indexscan = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM rp.person p JOIN rp.parted_de t USING (id) WHERE persona.matches(p, 'id < 5');
EXPLAIN (COSTS OFF) SELECT * FROM (rp.person p JOIN rp.parted_de t ON p.id = t.id) AS j(name, id, born, city, vip, id2, country, amount) WHERE persona.matches(j, 'country = ''DE'' AND id < 5');
EXPLAIN (COSTS OFF) SELECT * FROM rp.parted_de t LEFT JOIN rp.person p ON p.id = t.id AND persona.matches(p, 'city = ''c1''');
EXPLAIN (COSTS OFF) SELECT * FROM rp.parted_de t LEFT JOIN rp.person p ON p.id = t.id WHERE persona.matches(p, 'city = ''c1''');
EXPLAIN (COSTS OFF) SELECT * FROM rp.parted_de t LEFT JOIN rp.person_view v ON v.id = t.id WHERE persona.matches(v, 'name = ''n1''');
EXPLAIN (COSTS OFF) SELECT * FROM rp.parted_de t LEFT JOIN rp.person_view v ON v.id = t.id WHERE persona.matches(v, 'kind = ''x''');
EXPLAIN (COSTS OFF) SELECT * FROM rp.parted_de t WHERE EXISTS (SELECT FROM rp.person p WHERE p.id = t.id AND persona.matches(p, 'vip') AND persona.matches(t, 'amount > 3'));
EXPLAIN (VERBOSE, COSTS OFF) SELECT (SELECT count(*) FROM rp.person p WHERE persona.matches(t, 'amount > 3') AND p.id = t.id) FROM rp.parted_de t;
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_indexscan; RESET enable_bitmapscan;
CREATE FUNCTION rp.early(p rp.person) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT persona.matches(p, 'id < 5') $$;
EXPLAIN (COSTS OFF) SELECT * FROM rp.person p WHERE rp.early(p);
-- the NULL row of an outer join is a row of NULLs
CREATE TABLE rp.rules AS SELECT 'city IS NULL OR id > 30'::persona.rule AS rule;
CREATE FUNCTION rp.same(p rp.person) RETURNS rp.person LANGUAGE plpgsql AS $$ BEGIN RETURN p; END $$;
SELECT count(*) FILTER (WHERE a) AS a, count(*) FILTER (WHERE a IS DISTINCT FROM b OR a IS DISTINCT FROM c OR a IS DISTINCT FROM d) AS differ FROM (
	SELECT persona.matches(p, 'city IS NULL OR id > 30') AS a, persona.matches(p, r.rule) AS b, p.city IS NULL OR p.id > 30 AS c, persona.matches(rp.same(p), r.rule) AS d
	FROM rp.parted t LEFT JOIN rp.person p ON p.id = t.id AND p.vip, rp.rules r) x;
SELECT count(*) FILTER (WHERE a) AS a, count(*) FILTER (WHERE a IS DISTINCT FROM b OR a IS DISTINCT FROM c) AS differ FROM (
	SELECT persona.matches(s, 'city IS NULL OR id > 30 OR kind = ''y''') AS a, persona.matches(s, r.rule) AS b, s.city IS NULL OR s.id > 30 OR s.kind = 'y' AS c
	FROM rp.parted t LEFT JOIN rp.person_view s ON s.id = t.id AND s.name ~ '[02468]$', rp.rules r) x;
SELECT count(*) FILTER (WHERE a) AS a, count(*) FILTER (WHERE a IS DISTINCT FROM b OR a IS DISTINCT FROM c) AS differ FROM (
	SELECT persona.matches(s, 'city IS NULL OR id > 30') AS a, persona.matches(s, r.rule) AS b, s.city IS NULL OR s.id > 30 AS c
	FROM rp.parted t LEFT JOIN (SELECT id, city FROM rp.person ORDER BY id LIMIT 20) s ON s.id = t.id, rp.rules r) x;
-- what changes rows
BEGIN;
EXPLAIN (COSTS OFF) UPDATE rp.person p SET city = 'x' WHERE persona.matches(p, 'id = 3');
EXPLAIN (COSTS OFF) DELETE FROM rp.parted t WHERE persona.matches(t, 'country = ''FR'' AND id = 5');
UPDATE rp.person p SET city = 'x' WHERE persona.matches(p, 'id IN (3, 4)') RETURNING id, city, persona.matches(p, 'city = ''x''') AS now_x;
DELETE FROM rp.person p USING rp.rules r WHERE NOT persona.matches(p, r.rule) AND persona.matches(p, 'id < 3') RETURNING id;
MERGE INTO rp.person p USING rp.parted t ON p.id = t.id AND persona.matches(t, 'id IN (4, 5)')
WHEN MATCHED AND persona.matches(p, 'vip') THEN DELETE WHEN MATCHED THEN UPDATE SET city = 'merged';
SELECT id, city FROM rp.person WHERE id <= 5 ORDER BY id;
ALTER TABLE rp.person ADD PRIMARY KEY (id);
INSERT INTO rp.person AS p (id, city) VALUES (5, 'again'), (6, 'again')
ON CONFLICT (id) DO UPDATE SET city = excluded.city WHERE persona.matches(p, 'city = ''merged''') AND persona.matches(excluded, 'city = ''again''');
SELECT id, city FROM rp.person WHERE id IN (5, 6) ORDER BY id;
ALTER TABLE rp.person ADD CONSTRAINT positive CHECK (persona.matches(person, 'id > 0'));
INSERT INTO rp.person (id) VALUES (-1);
ROLLBACK;
-- row-level security: the policy first, and never more than it lets through
CREATE ROLE rp_reader;
GRANT USAGE ON SCHEMA rp TO rp_reader;
GRANT SELECT ON rp.person, rp.rules TO rp_reader;
ALTER TABLE rp.person ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_city ON rp.person TO rp_reader USING (persona.matches(person, 'city = ''c1'''));
SET ROLE rp_reader;
EXPLAIN (COSTS OFF) SELECT * FROM rp.person p WHERE persona.matches(p, 'id = 11');
SELECT count(*), bool_and(city = 'c1') AS allowed FROM rp.person p WHERE persona.matches(p, 'id > 0');
SELECT count(*), bool_and(city = 'c1') AS allowed FROM rp.person p, rp.rules r WHERE persona.matches(p, r.rule);
RESET ROLE;
ALTER TABLE rp.person DISABLE ROW LEVEL SECURITY;
-- a foreign server is sent the condition
CREATE EXTENSION postgres_fdw;
DO $$ BEGIN
	EXECUTE format('CREATE SERVER rp_loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
		split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
END $$;
CREATE USER MAPPING FOR CURRENT_USER SERVER rp_loop;
CREATE FOREIGN TABLE rp.far (name text, id int, born date, city text, vip boolean) SERVER rp_loop OPTIONS (schema_name 'rp', table_name 'person');
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM rp.far f WHERE persona.matches(f, 'id BETWEEN 3 AND 10 AND city = ''c1'' AND born > ''1990-01-04''');
SELECT id FROM rp.far f WHERE persona.matches(f, 'id BETWEEN 3 AND 20 AND city = ''c1'' AND born > ''1990-01-04''') ORDER BY id;
SELECT count(*) FROM rp.far f, rp.rules r WHERE persona.matches(f, r.rule);
DROP EXTENSION postgres_fdw CASCADE;

-- a prepared statement: the native condition where the plan knows the rule, the row in parts where it does not
PREPARE by_rule(persona.rule) AS SELECT count(*) FROM rp.person p WHERE persona.matches(p, $1);
EXPLAIN (COSTS OFF) EXECUTE by_rule('city = ''c1''');
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE by_rule('city = ''c1''');
EXECUTE by_rule('id = 3'); EXECUTE by_rule('id > 3'); EXECUTE by_rule(NULL);
RESET plan_cache_mode;
DO $$ BEGIN FOR i IN 1 .. 10 LOOP EXECUTE format('EXECUTE by_rule(%L)', 'city = ''c' || i || ''''); END LOOP; END $$;
EXPLAIN (COSTS OFF) EXECUTE by_rule('city = ''c1''');
-- after a change of the table it gives the right answer or the right error
PREPARE constant AS SELECT count(*) FROM rp.person p WHERE persona.matches(p, 'city = ''c1'' AND id < 100');
CREATE PROCEDURE rp.both(OUT constant bigint, OUT generic bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'EXECUTE constant' INTO constant;
	SET LOCAL plan_cache_mode = force_generic_plan;
	EXECUTE $q$EXECUTE by_rule('city = ''c1'' AND id < 100')$q$ INTO generic;
END
$$;
CALL rp.both(NULL, NULL);
DROP INDEX rp.person_vip;
ALTER TABLE rp.person ADD first int;
CALL rp.both(NULL, NULL);
ALTER TABLE rp.person RENAME city TO town;
CALL rp.both(NULL, NULL);
EXECUTE by_rule('town = ''c1'' AND id < 100');
ALTER TABLE rp.person RENAME name TO city;
CALL rp.both(NULL, NULL);
ALTER TABLE rp.person RENAME city TO name;
ALTER TABLE rp.person RENAME town TO city;
CALL rp.both(NULL, NULL);
DROP VIEW rp.person_view;
ALTER TABLE rp.person ALTER id TYPE bigint;
CALL rp.both(NULL, NULL);
ALTER TABLE rp.person DROP born, DROP first;
CALL rp.both(NULL, NULL);
ALTER TABLE rp.person ALTER id TYPE text;
CALL rp.both(NULL, NULL);
ALTER TABLE rp.person ALTER id TYPE int USING id::int;
CALL rp.both(NULL, NULL);
BEGIN;
ALTER TABLE rp.person RENAME TO human;
CREATE TABLE rp.person AS SELECT 'c1' AS city, 1::numeric AS id;
CALL rp.both(NULL, NULL);
ROLLBACK;
CALL rp.both(NULL, NULL);
-- a type that is no table's, of which a plan does not know by itself
CREATE TYPE rp.pair AS (a int, b text);
CREATE FUNCTION rp.pairs() RETURNS SETOF rp.pair LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'SELECT (ROW(i, ''x'')::rp.pair).* FROM generate_series(1, 3) i'; END $$;
PREPARE of_pairs(persona.rule) AS SELECT persona.matches(p, $1) FROM rp.pairs() p;
SET plan_cache_mode = force_generic_plan;
EXECUTE of_pairs('a > 1 AND b = ''x''');
ALTER TYPE rp.pair RENAME ATTRIBUTE a TO c;
EXECUTE of_pairs('c > 1 AND b = ''x''');
EXECUTE of_pairs('a > 1');
RESET plan_cache_mode;
DROP OWNED BY rp_reader;
DROP ROLE rp_reader;
