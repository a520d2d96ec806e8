/*
 * refresh_segments() as rules and customers grow, against what people write in
 * its place: one statement that counts each condition by itself, and a query a
 * segment. Each line has a backend of its own, whose peak of memory it shows.
 *
 * CUSTOMERS=1000000 SEGMENTS="1 100 1000 10000" in the environment asks for
 * the full size; events are ten times as many as customers. The rules come
 * from a generator of clauses over twenty columns and some eighty aggregates.
 */
\getenv customers CUSTOMERS
\if :{?customers} \else
	\set customers 100000
\endif
\getenv sizes SEGMENTS
\if :{?sizes} \else
	\set sizes '1 100 1000'
\endif
SET client_min_messages = warning;
CREATE SCHEMA bench;

CREATE FUNCTION bench.pick(variadic choices text[]) RETURNS text LANGUAGE sql VOLATILE
AS 'SELECT choices[1 + floor(random() * cardinality(choices))::int]';
CREATE FUNCTION bench.up_to(n int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(random() * n)::int';
/* Few of many: the lower the number, the more often. */
CREATE FUNCTION bench.few(n int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(n * power(random(), 3))::int';

/* One clause over a customer's columns. */
CREATE FUNCTION bench.column_clause() RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT CASE bench.up_to(20)
	WHEN 1 THEN format('country = ''C%s''', bench.few(40))
	WHEN 2 THEN format('country IN (''C%s'', ''C%s'', ''C%s'')', bench.few(40), bench.few(40), bench.few(40))
	WHEN 3 THEN format('city = ''town%s''', bench.few(2000))
	WHEN 4 THEN format('language <> ''l%s''', bench.few(12))
	WHEN 5 THEN format('age BETWEEN %s AND %s', 18 + bench.up_to(40), 60 + bench.up_to(20))
	WHEN 6 THEN format('age > %s', 18 + bench.up_to(60))
	WHEN 7 THEN format('plan IN (''p%s'', ''p%s'')', bench.up_to(6), bench.up_to(6))
	WHEN 8 THEN format('score > %s', round(random()::numeric, 4))
	WHEN 9 THEN format('score <= %s', round(random()::numeric, 4))
	WHEN 10 THEN format('balance > %s', round((random() * 1000)::numeric, 2))
	WHEN 11 THEN format('credits < %s', bench.few(5000))
	WHEN 12 THEN format('ago(last_login) < ''%s days''', bench.few(400))
	WHEN 13 THEN format('joined > timestamptz ''2026-01-01 00:00+00'' - interval ''%s days''', bench.up_to(2000))
	WHEN 14 THEN format('extract(month FROM birthday) = %s', bench.up_to(12))
	WHEN 15 THEN bench.pick('newsletter', 'NOT newsletter', 'verified', 'verified IS NOT TRUE')
	WHEN 16 THEN format('referrer LIKE ''%s%%''', bench.pick('news', 'search', 'friend', 'advert'))
	WHEN 17 THEN format('lifetime_value >= %s', bench.few(3000))
	WHEN 18 THEN format('device = ''%s''', bench.pick('phone', 'tablet', 'desktop', 'tv'))
	WHEN 19 THEN format('visits BETWEEN %s AND %s', bench.few(100), 100 + bench.few(200))
	ELSE bench.pick('score IS NULL', 'city IS NOT NULL', 'referrer IS NULL', 'length(city) > 7')
END
$$;
/* One over what a customer did. */
CREATE FUNCTION bench.event_clause() RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT CASE bench.up_to(8)
	WHEN 1 THEN format('count(purchase) FILTER (WHERE category = ''k%s'' AND ago < ''%s days'') >= %s', bench.up_to(8), bench.pick('30', '90', '365'), bench.few(4))
	WHEN 2 THEN format('count(purchase) FILTER (WHERE ago < ''%s days'') > %s', bench.pick('7', '30', '90', '365'), bench.few(8))
	WHEN 3 THEN format('sum(purchase.amount) FILTER (WHERE ago < ''%s days'') > %s', bench.pick('30', '90', '365', '1000'), bench.few(800))
	WHEN 4 THEN format('ago(last(purchase)) > ''%s days''', bench.few(700))
	WHEN 5 THEN format('count(visit) FILTER (WHERE page = ''g%s'' AND ago < ''%s days'') > %s', bench.up_to(10), bench.pick('7', '30', '90'), bench.few(5))
	WHEN 6 THEN format('count(visit) FILTER (WHERE ago < ''%s days'') = 0', bench.pick('7', '14', '30', '60'))
	WHEN 7 THEN format('max(purchase.amount) < %s', bench.few(500))
	ELSE format('bool_or(visit.page = ''g%s'') %s', bench.up_to(10), bench.pick('', 'IS NOT TRUE'))
END
$$;
/* What makes a segment a small one. */
CREATE FUNCTION bench.narrow_clause() RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT CASE bench.up_to(6)
	WHEN 1 THEN format('city = ''town%s''', bench.few(2000))
	WHEN 2 THEN format('country = ''C%s'' AND age BETWEEN %s AND %s', bench.few(40), 18 + c % 68, 20 + c % 68)
	WHEN 3 THEN format('score BETWEEN %s AND %s', round(r::numeric, 3), round(r::numeric, 3) + 0.02)
	WHEN 4 THEN format('credits BETWEEN %s AND %s', c, c + 30)
	WHEN 5 THEN format('joined BETWEEN timestamptz ''2026-01-01 00:00+00'' - interval ''%s days'' AND timestamptz ''2026-01-01 00:00+00'' - interval ''%s days''', c / 3 + 20, c / 3)
	ELSE format('visits = %s AND plan = ''p%s''', bench.few(300), bench.up_to(6))
END FROM (SELECT random() AS r, bench.few(5000) AS c) x
$$;
/* That and one to four others; where there are events, a third are over these. */
CREATE FUNCTION bench.rule(events boolean) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	clauses text[] := ARRAY[bench.narrow_clause()];
	clause text;
BEGIN
	FOR i IN 1 .. bench.up_to(4) LOOP
		clause := CASE WHEN events AND random() < 0.33 THEN bench.event_clause() ELSE bench.column_clause() END;
		IF random() < 0.15 THEN
			clause := format('(%s OR %s)', clause, bench.column_clause());
		ELSIF random() < 0.1 THEN
			clause := format('NOT (%s AND %s)', clause, bench.column_clause());
		END IF;
		clauses := clauses || clause;
	END LOOP;
	RETURN array_to_string(clauses, ' AND ');
END
$$;

SELECT setseed(0.42) \g /dev/null
CREATE TABLE bench.customers AS SELECT i AS id, 'C' || bench.few(40) AS country, CASE WHEN random() < 0.95 THEN 'town' || bench.few(2000) END AS city, 'l' || bench.few(12) AS language,
	18 + bench.up_to(70) AS age, 'p' || bench.up_to(6) AS plan, CASE WHEN random() < 0.9 THEN random() END AS score, round((random() * 1000)::numeric, 2) AS balance, bench.few(5000) AS credits,
	now() - random() * interval '400 days' AS last_login, timestamptz '2026-01-01 00:00+00' - random() * interval '2000 days' AS joined, date '1950-01-01' + bench.up_to(20000) AS birthday,
	random() < 0.5 AS newsletter, CASE WHEN random() < 0.8 THEN random() < 0.7 END AS verified, CASE WHEN random() < 0.7 THEN bench.pick('news', 'search', 'friend', 'advert') || bench.few(50) END AS referrer,
	bench.few(3000)::numeric AS lifetime_value, bench.pick('phone', 'tablet', 'desktop', 'tv') AS device, bench.few(300) AS visits FROM generate_series(1, :customers) i;
ALTER TABLE bench.customers ADD PRIMARY KEY (id);
CREATE TABLE bench.orders AS SELECT i AS id, 1 + floor(random() * :customers)::int AS customer_id, 'k' || (1 + floor(random() * 8)::int) AS category, round((random() * 200)::numeric, 2) AS amount,
	now() - power(random(), 2) * interval '1000 days' AS at FROM generate_series(1, :customers * 3) i;
CREATE TABLE bench.views AS SELECT i AS id, 1 + floor(random() * :customers)::int AS customer_id, 'g' || (1 + floor(random() * 10)::int) AS page,
	now() - power(random(), 2) * interval '300 days' AS at FROM generate_series(1, :customers * 7) i;
ALTER TABLE bench.orders ADD PRIMARY KEY (id);
ALTER TABLE bench.views ADD PRIMARY KEY (id);
CREATE INDEX ON bench.orders (customer_id, at);
CREATE INDEX ON bench.views (customer_id, at);
VACUUM ANALYZE;

/* The same shop with a tenth of the customers, to see how cost grows. */
CREATE TABLE bench.tenth AS SELECT * FROM bench.customers WHERE id % 10 = 0;
ALTER TABLE bench.tenth ADD PRIMARY KEY (id);
VACUUM ANALYZE bench.tenth;
\o /dev/null
SELECT persona.define_space('tenth', 'bench.tenth');
SELECT persona.define_space('shop', 'bench.customers');
SELECT persona.define_event('purchase', 'bench.orders', subject => 'customer_id', fires => 'never', space => s), persona.define_event('visit', 'bench.views', subject => 'customer_id', fires => 'never', space => s)
FROM unnest(ARRAY['shop', 'tenth']) s;
\o

CREATE TABLE bench.rule AS SELECT e AS events, row_number() OVER (PARTITION BY e) AS n, bench.rule(e)::persona.rule::text AS rule
FROM unnest(ARRAY[false, true]) e, generate_series(1, (SELECT max(s::int) FROM unnest(string_to_array(:'sizes', ' ')) s));

CREATE FUNCTION bench.cpu() RETURNS float8 LANGUAGE sql VOLATILE AS
$$SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1e9$$;
/* What of this backend's memory was its own at the most, in MB. */
CREATE FUNCTION bench.peak() RETURNS numeric LANGUAGE sql VOLATILE AS
$$SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+)'))[1]::numeric / 1024$$;
CREATE FUNCTION bench.define(home text, has_events boolean, first bigint, last bigint) RETURNS void LANGUAGE sql AS $$
DELETE FROM persona.segment WHERE space = home;
INSERT INTO persona.segment SELECT home, 'seg' || n, rule, NULL FROM bench.rule WHERE events = has_events AND n BETWEEN first AND last;
$$;
/* The first refresh writes all members, the second finds nothing to write. */
CREATE PROCEDURE bench.refresh(home text, has_events boolean, n int, OUT line text) LANGUAGE plpgsql AS $$
DECLARE
	customers bigint;
	members bigint;
	at float8;
	first float8;
	again float8;
BEGIN
	EXECUTE format('TRUNCATE persona_%s.membership', home);
	PERFORM bench.define(home, has_events, 1, n);
	EXECUTE format('SELECT count(*) FROM %s', CASE home WHEN 'shop' THEN 'bench.customers' ELSE 'bench.tenth' END) INTO customers;
	COMMIT;
	at := bench.cpu();
	SELECT sum(r.entered) INTO members FROM persona.refresh_segments(home) r;
	first := bench.cpu() - at;
	COMMIT;
	EXECUTE format('ANALYZE persona_%s.membership', home);
	COMMIT;
	at := bench.cpu();
	PERFORM persona.refresh_segments(home);
	again := bench.cpu() - at;
	line := format('%s customers, %s rules over %s: first %s s, %s members written; again %s s, %s million rules a second; peak %s MB',
		customers, n, CASE WHEN has_events THEN 'columns and events' ELSE 'columns' END, round(first::numeric, 2), members, round(again::numeric, 2),
		round((customers * n / again / 1e6)::numeric, 1), round(bench.peak()));
END
$$;
/* The peers: count(*) FILTER for each of n rules; a query for each of 20. */
CREATE PROCEDURE bench.peers(has_events boolean, n int, OUT line text) LANGUAGE plpgsql AS $$
DECLARE
	conditions text := '';
	r record;
	at float8;
	each float8 := 0;
BEGIN
	DELETE FROM persona.segment;
	FOR r IN SELECT persona.rule_sql(rule::persona.rule, 'shop') AS query FROM bench.rule WHERE events = has_events ORDER BY rule.n LIMIT 20 LOOP
		at := bench.cpu();
		EXECUTE format('SELECT count(*) FROM (%s) q', r.query);
		each := each + (bench.cpu() - at) / 20;
	END LOOP;
	line := format('a query a segment over %s: %s s each, the mean of 20, so %s s for %s (extrapolated)', CASE WHEN has_events THEN 'columns and events' ELSE 'columns' END,
		round(each::numeric, 2), round((each * n)::numeric), n);
	IF NOT has_events THEN
		FOR r IN SELECT split_part(persona.rule_sql(rule::persona.rule, 'shop'), ' WHERE ', 2) AS condition FROM bench.rule WHERE NOT events AND rule.n <= peers.n LOOP
			conditions := conditions || format(', count(*) FILTER (WHERE %s)', r.condition);
		END LOOP;
		at := bench.cpu();
		EXECUTE 'SELECT 1' || conditions || ' FROM bench.customers s';
		line := line || format('; one statement of %s count(*) FILTER: %s s', n, round((bench.cpu() - at)::numeric, 2));
	END IF;
END
$$;
/* A line each, in a backend each. */
SELECT current_setting('data_directory') || '/refresh.sql' AS file \gset
SELECT format(E'\\c -\nSET max_parallel_workers_per_gather = 0;\nSET jit = off;\nCALL bench.%s;', call)
FROM (
	SELECT e, 1 AS part, s::int AS n, h, format('refresh(%L, %L, %s, NULL)', h, e, s) AS call
	FROM unnest(ARRAY[false, true]) e, unnest(string_to_array(:'sizes', ' ')) s, unnest(ARRAY['tenth', 'shop']) h WHERE h = 'shop' OR NOT e
	UNION ALL
	SELECT e, 2, 0, NULL, format('peers(%L, %s, NULL)', e, least(1000, max(s::int))) FROM unnest(ARRAY[false, true]) e, unnest(string_to_array(:'sizes', ' ')) s GROUP BY e
) c ORDER BY e, part, n, h DESC
\g :file
\i :file
