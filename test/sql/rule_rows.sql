-- matches() over rows of every kind, in PL/pgSQL, with types that change, wrong rules and hostile surroundings
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rr;
CREATE TYPE rr.pair AS (a int, b text);
CREATE DOMAIN rr.good_pair AS rr.pair CHECK ((value).a > 0);
CREATE TABLE rr.person (name text, gone int, id int, born date, city text, vip boolean) WITH (autovacuum_enabled = off);
ALTER TABLE rr.person DROP gone;
INSERT INTO rr.person SELECT 'n' || i, i, date '1990-01-01' + i, 'c' || i % 10, i % 2 = 0 FROM generate_series(1, 100) i;
-- a NULL row is a row of NULLs, a NULL rule gives NULL
SELECT persona.matches(NULL::rr.person, 'id IS NULL') AS null_row, persona.matches(NULL::rr.person, 'id > 1') IS NULL AS unknown, persona.matches(NULL::rr.person, NULL) IS NULL AS no_rule,
	persona.matches(NULL, NULL) IS NULL AS nothing, persona.matches(NULL::rr.good_pair, 'a IS NULL') AS domain;
SELECT persona.matches(NULL, 'true');
-- anonymous rows, composite columns, domains over them, elements of arrays, stored compressed
SELECT persona.matches(ROW(1, 'x'::text), 'f1 = 1 AND f2 = ''x''') AS anonymous;
SELECT persona.matches(ROW(1, 'x'), 'f2 = ''x''');
SELECT persona.matches(s, 'a = 1') FROM (SELECT 1 AS a, 2 AS a) s;
CREATE TABLE rr.holder (id int, pair rr.pair, good rr.good_pair, many rr.pair[]);
INSERT INTO rr.holder VALUES (1, ROW(1, repeat('x', 100000)), ROW(2, 'y'), ARRAY[ROW(3, 'z')::rr.pair]), (2, NULL, NULL, NULL);
EXPLAIN (VERBOSE, COSTS OFF) SELECT persona.matches(pair, 'a = 1'), persona.matches(good, 'a = 2'), persona.matches(many[1], 'a = 3') FROM rr.holder;
SELECT h.id, persona.matches(h.pair, 'a = 1 AND length(b) = 100000') AS pair, persona.matches(h.pair, r) AS pair_by_rule, persona.matches(good, 'a = 2 AND b = ''y''') AS good,
	persona.matches(good, r) AS good_by_rule, persona.matches(many[1], 'a = 3') AS element, persona.matches(many[1], 'a IS NULL') AS null_element
FROM rr.holder h, (VALUES ('a IN (1, 2)'::persona.rule)) v(r) ORDER BY h.id;
-- rows of VALUES, of a CTE, of functions
SELECT persona.matches(v, 'n = 2 AND t = ''b''') AS constant, persona.matches(v, r) AS by_rule FROM (VALUES (1, 'a'), (2, 'b')) v(n, t), (VALUES ('n = 2 AND t = ''b'''::persona.rule)) w(r);
WITH c AS MATERIALIZED (SELECT 1 AS n, 'x'::text AS t) SELECT persona.matches(c, 'n = 1 AND t = ''x''') AS constant, persona.matches(c, r) AS by_rule FROM c, (VALUES ('n = 1'::persona.rule)) w(r);
SELECT persona.matches(j, 'a = 1') AS constant, persona.matches(j, r) AS by_rule FROM jsonb_to_record('{"a": 1}') AS j(a int), (VALUES ('a = 1'::persona.rule)) w(r);
SELECT persona.matches(j, 'o = 2') AS constant, persona.matches(j, r) AS by_rule FROM unnest(ARRAY['x', 'y']) WITH ORDINALITY j(e, o), (VALUES ('o = 2'::persona.rule)) w(r);
-- rows of different shapes, one after the other
CREATE FUNCTION rr.shape(i int) RETURNS record LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE i % 3 WHEN 0 THEN ROW(1, 2) WHEN 1 THEN ROW('1'::text) ELSE ROW(i::numeric, i, i) END;
END
$$;
SELECT i, persona.matches(rr.shape(i), r) FROM generate_series(0, 5) i, (VALUES ('f1::numeric >= 1'::persona.rule)) v(r);
-- a volatile column is evaluated once
CREATE SEQUENCE rr.counter;
SELECT persona.matches(ROW(nextval('rr.counter')), 'f1 = 1 AND f1 < 10 AND f1 = f1') AS constant, persona.matches(ROW(nextval('rr.counter')), r) AS by_rule FROM (VALUES ('f1 = 2 AND f1 = f1'::persona.rule)) v(r);
-- as many columns as a call can take, and more, also where an outer join has no row
DO $$ BEGIN
	EXECUTE (SELECT 'CREATE TABLE rr.wide AS SELECT ' || string_agg(format('g + %s AS c%s', i, i), ', ') || ' FROM generate_series(1, 3) g' FROM generate_series(1, 97) i);
	EXECUTE (SELECT 'CREATE TABLE rr.wider AS SELECT ' || string_agg(format('g + %s AS c%s', i, i), ', ') || ' FROM generate_series(1, 3) g' FROM generate_series(1, 1500) i);
END $$;
SELECT persona.matches(w, r) AS by_rule, persona.matches(w, 'c97 = 99') AS constant FROM rr.wide w, (VALUES ('c97 = 99'::persona.rule)) v(r);
SELECT persona.matches(w, r) AS by_rule, persona.matches(w, 'c1500 = 1502') AS constant FROM rr.wider w, (VALUES ('c1500 = 1502'::persona.rule)) v(r);
SELECT persona.matches(w, r) AS named, persona.matches(s, r) AS anonymous FROM (VALUES ('c1500 IS NULL'::persona.rule)) v(r) LEFT JOIN rr.wider w ON false LEFT JOIN (SELECT * FROM rr.wider OFFSET 0) s ON false;
CREATE TABLE rr.bare ();
INSERT INTO rr.bare DEFAULT VALUES;
SELECT persona.matches(b, r) AS by_rule, persona.matches(b, 'true') AS constant FROM rr.bare b, (VALUES ('NOT false'::persona.rule)) v(r);
-- a column that rows were written without
ALTER TABLE rr.holder ADD late text DEFAULT 'late';
SELECT persona.matches(h, 'late = ''late''') AS constant, persona.matches(h, r) AS by_rule, persona.matches((ARRAY[h])[1], r) AS as_value FROM rr.holder h, (VALUES ('late = ''late'''::persona.rule)) v(r);

-- many rules, row by row in turn, in the memory of one query: each is right, also when not all of them can be kept
CREATE TABLE rr.many WITH (autovacuum_enabled = off) AS SELECT i, format('id = %s', i)::persona.rule AS rule FROM generate_series(1, 3000) i;
SET work_mem = '64kB'; SET hash_mem_multiplier = 1;
SELECT count(*), bool_and(p.id = m.i) FROM rr.person p, rr.many m WHERE persona.matches(p, m.rule);
RESET work_mem; RESET hash_mem_multiplier;
CREATE FUNCTION rr.kept(memory text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	c CURSOR FOR SELECT m.i FROM rr.many m, rr.person p WHERE persona.matches(p, m.rule);
	kept bigint;
BEGIN
	PERFORM set_config('work_mem', memory, true);
	OPEN c;
	FOR i IN 1 .. 100 LOOP
		FETCH c INTO kept;
	END LOOP;
	SELECT sum(total_bytes) INTO kept FROM pg_backend_memory_contexts WHERE name IN ('persona matches', 'persona rule');
	CLOSE c;
	RETURN kept;
END
$$;
SELECT rr.kept('64kB') < 256 * 1024 AS bounded, rr.kept('64MB') > 3000 * 1024 AS all_kept;

-- PL/pgSQL: trigger rows and variables
CREATE TABLE rr.log (what text);
CREATE FUNCTION rr.watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	r persona.rule;
BEGIN
	FOREACH r IN ARRAY TG_ARGV LOOP
		IF persona.matches(NEW, r) THEN
			INSERT INTO rr.log VALUES (TG_OP || ' ' || r);
		END IF;
	END LOOP;
	NEW.city := 'changed';
	INSERT INTO rr.log SELECT 'changed ' || NEW.id WHERE persona.matches(NEW, 'city = ''changed''');
	RETURN NEW;
END
$$;
CREATE TRIGGER watch BEFORE INSERT OR UPDATE ON rr.person FOR EACH ROW WHEN (persona.matches(NEW, 'id > 500')) EXECUTE FUNCTION rr.watch('city = ''c1''', 'vip AND id > 700', 'born IS NULL');
INSERT INTO rr.person (name, id, city, vip) VALUES ('w', 200, 'c1', true), ('x', 600, 'c1', true), ('y', 800, 'c2', true), ('z', 801, 'c2', false);
UPDATE rr.person SET born = '2000-01-01', city = 'c1' WHERE id = 600;
SELECT * FROM rr.log;
-- all rows of a statement at once
CREATE TABLE rr.event (gone int, id int, amount numeric);
ALTER TABLE rr.event DROP gone;
CREATE FUNCTION rr.watch_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO rr.log SELECT 'big ' || id FROM added a WHERE persona.matches(a, 'amount > 10');
	INSERT INTO rr.log SELECT r || ' ' || id FROM added a, (VALUES ('amount < 10 AND id = 1'::persona.rule)) v(r) WHERE persona.matches(a, r);
	RETURN NULL;
END
$$;
CREATE TRIGGER watch AFTER INSERT ON rr.event REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rr.watch_all();
TRUNCATE rr.log;
INSERT INTO rr.event (id, amount) VALUES (1, 5), (2, 50);
SELECT * FROM rr.log;
CREATE FUNCTION rr.variables() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	any_row record;
	typed rr.pair;
	whole rr.person;
	rule persona.rule := 'a = 5 AND b = ''five''';
	answers text := concat('null ', persona.matches(typed, 'a IS NULL'));
BEGIN
	typed := ROW(5, 'five');
	answers := concat_ws(' ', answers, persona.matches(typed, rule), persona.matches(typed, 'a = 6'));
	typed.a := 6;
	answers := concat_ws(' ', answers, persona.matches(typed, rule), persona.matches(typed, 'a = 6'));
	SELECT 5 AS a, 'five'::text AS b INTO any_row;
	answers := concat_ws(' ', answers, persona.matches(any_row, rule));
	SELECT 'five'::text AS b, 5.0 AS a INTO any_row;
	answers := concat_ws(' ', answers, persona.matches(any_row, rule));
	FOR any_row IN SELECT i AS a, 'five'::text AS b FROM generate_series(4, 6) i LOOP
		answers := concat_ws(' ', answers, persona.matches(any_row, rule));
	END LOOP;
	SELECT * FROM rr.person WHERE id = 7 INTO whole;
	answers := concat_ws(' ', answers, persona.matches(whole, 'city = ''c7'' AND born > ''1990-01-01'''));
	whole.city := NULL;
	RETURN concat_ws(' ', answers, persona.matches(whole, 'city IS NULL'));
END
$$;
SELECT rr.variables();
SELECT rr.variables();
CREATE FUNCTION rr.unassigned() RETURNS boolean LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN RETURN persona.matches(r, 'true'); END $$;
SELECT rr.unassigned();
-- the table changes under a function that runs; a row read before keeps its own shape
CREATE TABLE rr.turning (a int, b text, c text);
INSERT INTO rr.turning VALUES (1, 'x', 'y');
CREATE FUNCTION rr.turn() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	old_row record;
	old_typed record;
	new_row record;
	r persona.rule;
	old_rule persona.rule := 'b = ''x''';
	answers text := '';
BEGIN
	SELECT * FROM rr.turning INTO old_row;
	old_typed := (SELECT t FROM rr.turning t);
	FOR i IN 1 .. 5 LOOP
		CASE i
			WHEN 1 THEN r := 'b = ''x''';
			WHEN 2 THEN ALTER TABLE rr.turning RENAME b TO d; r := 'd = ''x''';
			WHEN 3 THEN ALTER TABLE rr.turning DROP a, ADD b date DEFAULT '2026-01-01'; r := 'b = ''2026-01-01'' AND c = ''y''';
			WHEN 4 THEN ALTER TABLE rr.turning ALTER d TYPE int USING length(d); r := 'd = 1';
			WHEN 5 THEN ALTER TABLE rr.turning ALTER d TYPE text USING repeat('long', 1000), DROP c; r := 'd LIKE ''long%'' AND b IS NOT NULL';
		END CASE;
		SELECT * FROM rr.turning INTO new_row;
		answers := concat_ws(' ', answers, persona.matches(new_row, r), (SELECT persona.matches(t, r) FROM rr.turning t), (SELECT persona.matches((ARRAY[t])[1], r) FROM rr.turning t));
		answers := concat_ws(' ', answers, persona.matches(old_row, old_rule), persona.matches(old_typed, old_rule));
	END LOOP;
	RETURN answers;
END
$$;
SELECT rr.turn();
-- errors that were caught leave nothing behind
DO $$
DECLARE
	p rr.person;
	caught int := 0;
	size bigint;
BEGIN
	FOR i IN 1 .. 3000 LOOP
		BEGIN
			PERFORM persona.matches(p, (CASE WHEN i % 2 = 0 THEN 'nothing = 1' ELSE format('id = 1/0 AND id = %s', i) END)::persona.rule);
		EXCEPTION WHEN undefined_column OR division_by_zero THEN
			caught := caught + 1;
		END;
	END LOOP;
	SELECT sum(total_bytes) INTO size FROM pg_backend_memory_contexts WHERE name IN ('persona matches', 'persona rule');
	RAISE WARNING 'caught %, kept under 100 kB: %', caught, coalesce(size, 0) < 100000;
END
$$;

-- errors: the same whether the rule is a constant, comes from a column, or the row is one value
CREATE FUNCTION rr.says(rule text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	call text;
	state text;
	message text;
	hint text;
	context text;
	said text;
	last text;
BEGIN
	FOREACH call IN ARRAY ARRAY['SELECT persona.matches(x, %1$L) FROM rr.person x', 'SELECT persona.matches(x, r) FROM rr.person x, (VALUES (%1$L::persona.rule)) v(r)',
		'SELECT persona.matches((ARRAY[x])[1], r) FROM rr.person x, (VALUES (%1$L::persona.rule)) v(r) OFFSET 0'] LOOP
		BEGIN
			EXECUTE format(call, rule);
			said := 'no error';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
			said := concat_ws(' | ', state, message, hint, substring(context FROM 'character \d+ of the rule'));
		END;
		IF said IS DISTINCT FROM last THEN
			RETURN NEXT said;
		END IF;
		last := said;
	END LOOP;
END
$$;
SELECT s.* FROM unnest(ARRAY['contry = ''DE''', 'x', 'id = 1 AND nme = ''x''', 'id', 'name', 'id = ''x''', 'name = 1', 'name + 1 > 2', '''maybe''', 'now() > born', 'current_date > born', 'born < current_timestamp', 'ago(born) > ''1 day''',
	'ago < ''1 day''', 'count(purchase) > 1', 'max(id) > 1', 'last(purchase) IS NULL', 'segment(x)', 'new.id = 1', 'crm.industry = ''x''', 'born::timestamptz > ''2020-01-01''', 'name::date > ''2020-01-01''',
	'name || id = ''x1''', 'to_char(id, ''9'') = ''1''', 'born > timestamptz ''2020-01-01''', 'lowr(name) = ''x''', 'pg_sleep(1) IS NULL', 'current_setting(''a'') = ''x''', 'random() > 0.5', 'generate_series(1, 2) = 1',
	'lower(name) FILTER (WHERE vip) = ''x''', 'name ~ city', 'name ~ ''(a)\1''', 'name::regclass IS NULL', 'person', 'ctid IS NULL', 'tableoid = 1']) r, rr.says(r) s;
-- the function behind is not to be called by hand, and harmless if it is
SELECT persona.match_columns('a = 1', 'rr.pair', '{a}', 1), persona.match_columns(NULL, NULL, NULL, 1) IS NULL AS null;
SELECT persona.match_columns('a = 1', 'rr.pair', '{a,b}', 1);
SELECT persona.match_columns('a = 1', 'rr.pair', '{NULL}', 1);
SELECT persona.match_columns('a = 1', 'rr.pair', NULL, 1);
SELECT persona.match_columns('a = 1', 'rr.pair', '{a}', VARIADIC ARRAY[1]);
SELECT persona.match_columns('a = 1', 'rr.pair', ARRAY[name], id) FROM rr.person;
SELECT persona.match_columns('a = 1', 'rr.pair', '{{a},{b}}', 1, 2);
SELECT has_function_privilege('public', 'persona.matches(record, persona.rule)', 'EXECUTE') AS everybody, has_function_privilege('public', 'persona.matches_support(internal)', 'EXECUTE') AS support;

-- whatever the search_path, no operator, cast or function of a user gets in
CREATE SCHEMA trap;
CREATE TABLE rr.tripped (who text);
CREATE FUNCTION trap.spring(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rr.tripped VALUES (current_user); RETURN true; END $$;
CREATE FUNCTION trap.lower(varchar) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rr.tripped VALUES (current_user); RETURN 'x'; END $$;
CREATE FUNCTION trap.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rr.tripped VALUES (current_user); RETURN 'x'; END $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.spring);
CREATE OPERATOR trap.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.spring);
CREATE TYPE trap.text AS ENUM ('x');
CREATE TYPE trap.kind AS ENUM ('x', 'y');
CREATE FUNCTION trap.to_bool(trap.kind) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rr.tripped VALUES (current_user); RETURN true; END $$;
CREATE FUNCTION trap.to_int(trap.kind) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rr.tripped VALUES (current_user); RETURN 1; END $$;
CREATE CAST (trap.kind AS boolean) WITH FUNCTION trap.to_bool AS IMPLICIT;
CREATE CAST (trap.kind AS int) WITH FUNCTION trap.to_int AS IMPLICIT;
CREATE TABLE trap.bait (id int, name pg_catalog.text, short varchar, kind trap.kind);
INSERT INTO trap.bait VALUES (1, 'n', 's', 'x');
CREATE FUNCTION rr.bitten(rule pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$
DECLARE
	answers pg_catalog.text[] := '{}';
	call pg_catalog.text;
	answer boolean;
BEGIN
	FOREACH call IN ARRAY ARRAY['SELECT persona.matches(x, %1$L) FROM trap.bait x', 'SELECT persona.matches(x, r) FROM trap.bait x, (VALUES (%1$L::persona.rule)) v(r)'] LOOP
		BEGIN
			EXECUTE format(call, rule) INTO answer;
			answers := answers || answer::pg_catalog.text;
		EXCEPTION WHEN OTHERS THEN
			answers := answers || (SQLSTATE || ' ' || SQLERRM);
		END;
	END LOOP;
	RETURN array_to_string(answers, ' | ');
END
$$;
SET search_path = trap, pg_catalog, public;
SELECT r, rr.bitten(r) FROM unnest(ARRAY['name = ''no''', 'short = ''no''', 'name LIKE ''no''', 'lower(name) = ''no''', 'lower(short) = ''no''', 'name::text = ''no''', 'name::kind = ''x''', 'kind', 'kind = 1', 'kind AND true',
	'CASE WHEN kind THEN true END', 'kind + 1 = 2', 'kind = ''x''', 'kind IN (''x'')', 'coalesce(kind, ''y'') = ''x''']::pg_catalog.text[]) r;
RESET search_path;
SELECT * FROM rr.tripped;
