-- matches(): a rule over one row, the same as the condition written by hand
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rm;
CREATE TYPE rm.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN rm.code AS text CHECK (value <> '');
CREATE DOMAIN rm.flag AS boolean;
CREATE COLLATION rm.folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE rm.customer (id int PRIMARY KEY, gone text, country rm.code, mood rm.mood, letter char(5), short varchar(10), score float8, small float4,
	amount numeric(10, 2), big bigint, tags text[], moods rm.mood[], numbers int[], data jsonb, born date, joined timestamptz, seen timestamp,
	wait interval, vip boolean, flag rm.flag, uid uuid, span int4range, ip inet, raw bytea, folded text COLLATE rm.folding, "Odd Name" text,
	twice numeric GENERATED ALWAYS AS (amount * 2) STORED, long text);
ALTER TABLE rm.customer DROP gone;
ALTER TABLE rm.customer ALTER long SET STORAGE EXTERNAL;
INSERT INTO rm.customer (id, country, mood, letter, short, score, small, amount, big, tags, moods, numbers, data, born, joined, seen, wait, vip, flag, uid, span, ip, raw, folded, "Odd Name", long)
SELECT i, CASE i % 3 WHEN 0 THEN 'DE' WHEN 1 THEN 'FR' END, (ARRAY['sad', 'ok', 'happy', NULL])[1 + i % 4]::rm.mood,
	CASE WHEN i % 5 > 0 THEN 'l' || i % 5 END, CASE WHEN i % 6 > 0 THEN 'v' || i % 6 || ' ' END,
	CASE i % 6 WHEN 0 THEN float8 'NaN' WHEN 1 THEN NULL WHEN 2 THEN 'Infinity' WHEN 3 THEN '-Infinity' ELSE i END,
	CASE i % 4 WHEN 0 THEN float4 'NaN' WHEN 1 THEN NULL ELSE i / 10.0 END, CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' ELSE i * 1.5 END, i * 10000000000,
	CASE WHEN i % 2 = 0 THEN ARRAY['t' || i % 4, NULL] END, CASE WHEN i % 3 = 0 THEN ARRAY['sad', 'ok']::rm.mood[] WHEN i % 3 = 1 THEN '{}' END,
	CASE WHEN i % 5 > 0 THEN ARRAY[i, i % 5] END, CASE WHEN i % 8 > 0 THEN jsonb_build_object('k', i % 6, 'a', jsonb_build_array(i % 3), 'n', NULL) END,
	CASE i % 9 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' ELSE date '1990-01-01' + i END,
	CASE i % 11 WHEN 0 THEN 'infinity' WHEN 1 THEN NULL ELSE timestamptz '2026-01-01 00:00+00' - i * interval '1 day' END,
	CASE WHEN i % 4 > 0 THEN timestamp '2026-01-01 00:00' - i * interval '7 hours' END, CASE WHEN i % 3 > 0 THEN i * interval '1 hour' END,
	CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END, CASE i % 4 WHEN 0 THEN true WHEN 1 THEN false END,
	CASE WHEN i % 5 > 0 THEN ('00000000-0000-0000-0000-0000000000' || lpad((i % 100)::text, 2, '0'))::uuid END,
	CASE WHEN i % 4 > 0 THEN int4range(i, i + 10) END, CASE WHEN i % 2 > 0 THEN ('10.0.0.' || i)::inet END, CASE WHEN i % 3 > 0 THEN decode(lpad(to_hex(i), 4, '0'), 'hex') END,
	CASE i % 4 WHEN 0 THEN 'Anna' WHEN 1 THEN 'ANNA' WHEN 2 THEN 'anna' END, CASE WHEN i % 2 = 0 THEN 'odd' END, CASE WHEN i % 50 = 0 THEN repeat('x', 10000) || i END
FROM generate_series(1, 200) i;
ANALYZE rm.customer;
SELECT attname FROM pg_attribute WHERE attrelid = 'rm.customer'::regclass AND attisdropped AND attnum > 0;
-- a function of the row, which the planner does not see through
CREATE FUNCTION rm.same(c rm.customer) RETURNS rm.customer LANGUAGE plpgsql AS $$ BEGIN RETURN c; END $$;

-- the law: constant, from a column in parts, from a column as one value, and plain SQL give the same true, false or NULL in every row
CREATE TABLE rm.rules (n serial PRIMARY KEY, rule persona.rule, plain text);
INSERT INTO rm.rules (rule, plain) SELECT r::persona.rule, r FROM unnest(ARRAY[
	'country = ''DE''', 'NOT country = ''DE''', 'country IS DISTINCT FROM ''DE''', 'country IS NULL OR mood = ''ok''', 'mood > ''sad''', 'mood IN (''sad'', ''happy'')',
	'mood <> ALL (moods)', 'letter = ''l1''', 'letter = ''l1   ''', 'letter LIKE ''l1%''', 'length(letter) = 2', 'letter = short', 'short = ''v1 ''', 'short LIKE ''v_ ''',
	'short || ''x'' = ''v2 x''', 'score > 100', 'score = ''NaN''', 'score <> ''NaN'' AND NOT score > 5', 'score = ''Infinity'' OR score < 0', 'score > small', 'small = 0.2',
	'small < 1.5 IS NOT FALSE', 'amount > 100', 'amount = ''NaN''', 'NOT amount < 10', 'amount / 2 > 50', 'amount * 2 = twice', 'amount BETWEEN 30 AND 60',
	'amount NOT BETWEEN SYMMETRIC 60 AND 30', 'big > 5000000000', 'big / id = 10000000000', 'id % 7 = 3', 'id IN (1, 2, 3, 500)', 'id NOT IN (1, 2, NULL)', '''t2'' = ANY (tags)',
	'''t2'' <> ALL (tags)', 'tags[1] = ''t0''', 'tags @> ARRAY[''t2'']', 'tags && ''{t0,t2}''', 'moods = ''{sad,ok}''', '''ok'' = ANY (moods)', 'moods[1] = mood', 'cardinality(moods) = 0',
	'numbers[2] = 3', 'numbers @> ARRAY[id]', '(data->>''k'')::int BETWEEN 2 AND 4', 'data @> ''{"k": 3}''', 'data ? ''k''', 'data->''a''->>0 = ''1''', '(data->''k'')::int = 2',
	'data->>''n'' IS NULL', 'jsonb_typeof(data->''n'') = ''null''', 'born < ''1990-03-01''', 'born = ''infinity''', 'extract(year FROM born) = 1990', 'born + 10 > date ''1990-05-01''',
	'isfinite(born)', 'joined > ''2025-12-01''', 'joined = ''infinity''', 'joined AT TIME ZONE ''UTC'' > seen', 'seen > timestamp ''2025-12-15'' - interval ''3 days''',
	'wait > ''2 days''', 'vip', 'NOT vip', 'vip IS UNKNOWN', 'flag', 'flag IS NOT TRUE', 'flag AND vip', 'flag OR NULL', 'uid = ''00000000-0000-0000-0000-000000000007''', 'uid > ''00000000-0000-0000-0000-000000000050''',
	'span @> 50', 'span && ''[10,20)''', 'isempty(span)', 'ip > ''10.0.0.100''', 'raw = ''\x0001''', 'length(raw) = 2', 'folded = ''anna''', 'folded <> ''ANNA''',
	'folded IN (''anna'', ''x'')', '"Odd Name" = ''odd''', 'twice > 200', 'length(long) > 100', 'long LIKE ''%150''', 'long IS NOT NULL', 'coalesce(country, short, ''x'') = ''DE''', 'nullif(id, 5) > 3',
	'greatest(id, amount, 100) = 100', 'least(born, ''1990-02-01'') = born', 'CASE WHEN id > 100 THEN country = ''FR'' END', 'CASE mood WHEN ''sad'' THEN 1 WHEN ''ok'' THEN 2 ELSE 3 END > 1',
	'lower(upper(country)) = lower(country)', 'country ~ ''^[DF]''', 'country !~* ''d''', 'country ILIKE ''d%''', 'substring(country FROM 1 FOR 1) = ''D''', 'position(''E'' IN country) = 2',
	'round(score) = score', 'abs(id - 100) < 10', 'country IS NOT NULL AND (mood = ''ok'' OR score > 100) AND NOT (vip AND amount < 50)', 'true', 'false', 'NULL', '''yes'''
]) r;
SELECT count(*) FROM rm.rules;
CREATE FUNCTION rm.differs(every int DEFAULT 1) RETURNS TABLE (rule text, why text) LANGUAGE plpgsql AS $$
DECLARE
	r rm.rules;
	differ bigint[];
BEGIN
	FOR r IN SELECT * FROM rm.rules WHERE n % every = 0 ORDER BY n LOOP
		EXECUTE format($q$SELECT ARRAY[count(*) FILTER (WHERE a IS DISTINCT FROM plain), count(*) FILTER (WHERE b IS DISTINCT FROM plain),
				count(*) FILTER (WHERE c IS DISTINCT FROM plain), 200 - count(*)]
			FROM (SELECT persona.matches(c, %1$L) AS a, persona.matches(c, r.rule) AS b, persona.matches(rm.same(c), r.rule) AS c, (%2$s)::boolean AS plain
				FROM rm.customer c, rm.rules r WHERE r.n = %3$s) x$q$, r.rule, r.plain, r.n) INTO differ;
		IF differ <> '{0,0,0,0}' THEN
			rule := r.plain;
			why := differ;
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;
SET TimeZone = 'UTC';
SELECT * FROM rm.differs();
-- no rule of the corpus but a few is the same in all rows, so that agreeing says something
SELECT count(*) FILTER (WHERE kinds = 1) AS constant, count(*) FILTER (WHERE kinds = 3) > 40 AS three_valued
FROM (SELECT r.n, count(DISTINCT coalesce(persona.matches(c, r.rule)::text, '?')) AS kinds FROM rm.customer c, rm.rules r GROUP BY 1) x;
-- also in parallel workers and compiled by JIT, which takes its time: one rule in seven
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0;
EXPLAIN (COSTS OFF) SELECT count(*) FROM rm.customer c WHERE persona.matches(rm.same(c), 'vip');
ALTER FUNCTION rm.same PARALLEL SAFE;
EXPLAIN (COSTS OFF) SELECT count(*) FROM rm.customer c WHERE persona.matches(rm.same(c), 'vip');
SELECT * FROM rm.differs(every => 7);
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;
RESET jit_above_cost; RESET jit_inline_above_cost; RESET jit_optimize_above_cost;

-- what a rule means does not depend on the settings of whoever asks
CREATE TABLE rm.settings (rule persona.rule);
INSERT INTO rm.settings VALUES ('joined = ''2025-12-02 00:00'''), ('born < ''1990-05-04'''), ('seen > ''2025-12-03'''), ('wait > ''1 12:00:00'''), ('country = NULL'),
	('tags = ''{t0,NULL}'''), ('joined > ''2025-12-02 00:00 EST'''), ('short = E''\\''');
CREATE FUNCTION rm.answers() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(coalesce(persona.matches(c, r.rule)::text, '?') || coalesce(persona.matches(rm.same(c), r.rule)::text, '?'), '' ORDER BY r.rule, c.id)) FROM rm.customer c, rm.settings r
$$;
CREATE FUNCTION rm.constant() RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	r persona.rule;
	n bigint;
	counts bigint[];
BEGIN
	FOR r IN SELECT rule FROM rm.settings ORDER BY 1 LOOP
		EXECUTE format('SELECT count(*) FROM rm.customer c WHERE persona.matches(c, %L)', r) INTO n;
		counts := counts || n;
	END LOOP;
	RETURN counts;
END
$$;
SELECT rm.answers() AS answers, rm.constant() AS constant \gset
SELECT :'constant'::bigint[] = ARRAY[count(*) FILTER (WHERE born < '1990-05-04'), count(*) FILTER (WHERE country = NULL), count(*) FILTER (WHERE joined = '2025-12-02 00:00'),
	count(*) FILTER (WHERE joined > '2025-12-02 05:00'), count(*) FILTER (WHERE seen > '2025-12-03'), count(*) FILTER (WHERE short = E'\\'),
	count(*) FILTER (WHERE tags = '{t0,NULL}'), count(*) FILTER (WHERE wait > '1 12:00:00')] AS as_in_utc FROM rm.customer;
SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET transform_null_equals = on; SET array_nulls = off;
SET timezone_abbreviations = 'Australia'; SET standard_conforming_strings = off; SET search_path = rm, pg_temp;
SELECT rm.answers() = :'answers' AS same, rm.constant() = :'constant' AS same;
SELECT current_setting('TimeZone'), current_setting('DateStyle'), current_setting('IntervalStyle'), current_setting('transform_null_equals'), current_setting('array_nulls'), current_setting('search_path');
SELECT FROM rm.customer c WHERE persona.matches(c, 'contry = ''DE''');
SELECT current_setting('TimeZone'), current_setting('search_path');
RESET TimeZone; RESET DateStyle; RESET IntervalStyle; RESET transform_null_equals; RESET array_nulls; RESET timezone_abbreviations; RESET standard_conforming_strings; RESET search_path;
