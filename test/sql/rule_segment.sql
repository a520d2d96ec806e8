-- segments: what rules mean over customers and their events
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rs;
CREATE TYPE rs.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN rs.code AS text CHECK (value <> '');
CREATE TABLE rs.customer (id int PRIMARY KEY, name text, country rs.code, mood rs.mood, score float8, tags text[], data jsonb, born date, joined timestamptz);
CREATE TABLE rs.orders (id bigint PRIMARY KEY, customer_id int REFERENCES rs.customer, category text, amount numeric, at timestamptz);
CREATE TABLE rs.ticket (customer_id int REFERENCES rs.customer, status text);
CREATE INDEX ON rs.orders (customer_id, at);
INSERT INTO rs.customer SELECT i, CASE WHEN i % 7 > 0 THEN 'n' || i END, CASE i % 3 WHEN 0 THEN 'DE' WHEN 1 THEN 'FR' END,
	(ARRAY['sad', 'ok', 'happy', NULL])[1 + i % 4]::rs.mood, CASE i % 5 WHEN 0 THEN float8 'NaN' WHEN 1 THEN NULL WHEN 2 THEN 'Infinity' ELSE i END,
	CASE WHEN i % 2 = 0 THEN ARRAY['t' || i % 4] END, jsonb_build_object('k', i % 6), CASE WHEN i % 9 > 0 THEN date '1990-01-01' + i END,
	CASE i % 11 WHEN 0 THEN 'infinity' ELSE timestamptz '2026-01-01 00:00+00' - i * interval '1 day' END
FROM generate_series(1, 200) i;
INSERT INTO rs.orders SELECT i, CASE WHEN i % 13 > 0 THEN 1 + (i * 7) % 150 END, CASE i % 4 WHEN 0 THEN 'shoes' WHEN 1 THEN 'hats' WHEN 2 THEN 'bags' END,
	CASE WHEN i % 6 > 0 THEN i % 50 END, CASE WHEN i % 17 > 0 THEN timestamptz '2026-01-01 00:00+00' - (i % 100) * interval '12 hours' END
FROM generate_series(1, 1000) i;
INSERT INTO rs.ticket SELECT i, CASE WHEN i % 2 = 0 THEN 'open' ELSE 'closed' END FROM generate_series(1, 60) i;
SET persona.clock = '2026-01-01 00:00+00';
SELECT count(*) FROM persona.define_space('rs_shop', 'rs.customer');
SELECT count(*) FROM persona.define_event('purchase', 'rs.orders', fires => 'never');
SELECT count(*) FROM persona.define_event('ticket', 'rs.ticket', fires => 'never');

-- each rule agrees with the same condition written by hand, NULLs included
CREATE FUNCTION rs.agrees(rule text, plain text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	agrees boolean;
BEGIN
	EXECUTE format('SELECT NOT EXISTS ((%1$s) EXCEPT ALL (%2$s)) AND NOT EXISTS ((%2$s) EXCEPT ALL (%1$s))',
		persona.rule_sql(rule::persona.rule, 'rs_shop'), 'SELECT id FROM rs.customer c WHERE ' || plain) INTO agrees;
	RETURN agrees;
END;
$$;
SELECT rule, rs.agrees(rule, coalesce(plain, rule)) AS agrees FROM (VALUES
	('country = ''DE''', NULL), ('NOT country = ''DE''', NULL), ('country IS DISTINCT FROM ''DE''', NULL), ('name LIKE ''n1%'' AND mood = ''happy''', NULL),
	('mood > ''sad'' OR mood IS NULL', NULL), ('score > 100', NULL), ('score <> ''NaN'' AND NOT score > 5', NULL), ('''t2'' = ANY (tags)', NULL), ('tags[1] = ''t0''', NULL),
	('(data->>''k'')::int BETWEEN 2 AND 4', NULL), ('coalesce(name, ''x'') = ''x''', NULL), ('CASE WHEN id > 100 THEN country = ''FR'' END', NULL),
	('id IN (1, 2, 3) OR id % 50 = 0', NULL), ('lower(upper(name)) = name', NULL), ('extract(year FROM born) = 1990 AND born > date ''1990-02-01''', NULL),
	('name ~ ''^n[0-9]{2}$''', NULL), ('greatest(id, 100) = 100', NULL), ('length(name) IS NULL', NULL),
	('ago(joined) > ''100 days''', 'isfinite(joined) AND joined < timestamptz ''2026-01-01 00:00+00'' - interval ''100 days'''),
	('joined < now() - interval ''30 days''', 'joined < timestamptz ''2026-01-01 00:00+00'' - interval ''30 days'''),
	('born < current_date - 13000', 'born < date ''2026-01-01'' - 13000'),
	('count(purchase) > 3', '(SELECT count(*) FROM rs.orders o WHERE o.customer_id = c.id) > 3'),
	('count(purchase) = 0', 'NOT EXISTS (SELECT FROM rs.orders o WHERE o.customer_id = c.id)'),
	('count(purchase) FILTER (WHERE category = ''shoes'' AND ago < ''30 days'') >= 2', '(SELECT count(*) FROM rs.orders o WHERE o.customer_id = c.id AND category = ''shoes'' AND at > timestamptz ''2026-01-01 00:00+00'' - interval ''30 days'') >= 2'),
	('sum(purchase.amount) FILTER (WHERE ago < ''20 days'') > 50', '(SELECT sum(amount) FROM rs.orders o WHERE o.customer_id = c.id AND at > timestamptz ''2026-01-01 00:00+00'' - interval ''20 days'') > 50'),
	('NOT sum(purchase.amount) > 50', 'NOT (SELECT sum(amount) FROM rs.orders o WHERE o.customer_id = c.id) > 50'),
	('count(purchase.category) < count(purchase)', '(SELECT count(category) < count(*) FROM rs.orders o WHERE o.customer_id = c.id)'),
	('count(DISTINCT purchase.category) = 2', '(SELECT count(DISTINCT category) FROM rs.orders o WHERE o.customer_id = c.id) = 2'),
	('last(purchase) < timestamptz ''2025-12-20 00:00+00''', '(SELECT max(at) FROM rs.orders o WHERE o.customer_id = c.id) < timestamptz ''2025-12-20 00:00+00'''),
	('ago(last(purchase)) > ''5 days'' AND first(purchase) IS NOT NULL', '(SELECT max(at) FROM rs.orders o WHERE o.customer_id = c.id) < timestamptz ''2026-01-01 00:00+00'' - interval ''5 days'''),
	('last(purchase.category) = ''shoes''', '(SELECT category FROM rs.orders o WHERE o.customer_id = c.id AND at IS NOT NULL ORDER BY at DESC, id DESC LIMIT 1) = ''shoes'''),
	('first(purchase.amount) FILTER (WHERE category = ''hats'') > 20', '(SELECT amount FROM rs.orders o WHERE o.customer_id = c.id AND at IS NOT NULL AND category = ''hats'' ORDER BY at, id LIMIT 1) > 20'),
	('bool_or(ticket.status = ''open'') IS NOT TRUE', '(SELECT bool_or(status = ''open'') FROM rs.ticket t WHERE t.customer_id = c.id) IS NOT TRUE'),
	('count(ticket) > 0 AND max(purchase.amount) = 49', 'EXISTS (SELECT FROM rs.ticket t WHERE t.customer_id = c.id) AND (SELECT max(amount) FROM rs.orders o WHERE o.customer_id = c.id) = 49'),
	('avg(purchase.amount * 2) > avg(purchase.amount) + 20', '(SELECT avg(amount * 2) > avg(amount) + 20 FROM rs.orders o WHERE o.customer_id = c.id)'),
	('true', NULL), ('NULL', NULL), ('false', NULL)
) v(rule, plain);

-- a segment is a view, of which others are made
SELECT count(*) FROM persona.define_segment('germans', 'country = ''DE''', 'live in Germany');
SELECT count(*) FROM persona.define_segment('good_germans', 'segment(germans) AND count(purchase) > 5');
SELECT count(*) = (SELECT count(*) FROM rs.customer c WHERE country = 'DE' AND (SELECT count(*) FROM rs.orders o WHERE o.customer_id = c.id) > 5) AS agrees
FROM persona_rs_shop.segment_good_germans;
SELECT persona.in_segment(3, 'germans') AS number, persona.in_segment('3', 'germans') AS text, persona.in_segment(1, 'germans') AS no;
SELECT persona.in_segment('x', 'germans');
SELECT persona.in_segment(3, 'germens');
SELECT reloptions FROM pg_class WHERE oid = 'persona_rs_shop.segment_germans'::regclass;
SELECT count(*) FROM persona.define_segment('germans', 'segment(good_germans)');
SELECT count(*) FROM persona.define_segment('itself', 'segment(itself)');
SELECT count(*) FROM persona.define_segment('germans', 'country = ''FR''');
SELECT persona.in_segment(1, 'germans') AS redefined;
SELECT count(*) FROM persona.define_segment('select', 'true');
SELECT count(*) FROM persona.define_segment('none', NULL);

-- mistakes, with their place in the rule
\set VERBOSITY default
SELECT persona.rule_sql('contry = ''DE''');
SELECT persona.rule_sql('country = ''DE'' AND count(purchas) > 0');
SELECT persona.rule_sql('count(purchase) FILTER (WHERE categry = ''x'') > 0');
SELECT persona.rule_sql('purchase.amount > 5');
SELECT persona.rule_sql('invoice.amount > 5');
SELECT persona.rule_sql('new.amount > 5');
SELECT persona.rule_sql('ago < ''3 days''');
SELECT persona.rule_sql('count(ticket) FILTER (WHERE ago < ''3 days'') > 0');
SELECT persona.rule_sql('last(ticket) IS NULL');
SELECT persona.rule_sql('id');
SELECT persona.rule_sql('id = ''x''');
SELECT persona.rule_sql('country + 1 > 2');
SELECT persona.rule_sql('lenght(name) > 2');
SELECT persona.rule_sql('sum(purchase.amount + count(purchase)) > 1');
SELECT persona.rule_sql('sum(purchase) > 1');
SELECT persona.rule_sql('max(purchase.amount, ticket.status) > 1');
SELECT persona.rule_sql('segment(germens)');
SELECT persona.rule_sql('mood = ''angry''');
SELECT persona.rule_sql('name ~ ''(a)\1''');
SELECT persona.rule_sql('name ~ ''a{33}''');
SELECT persona.rule_sql('name ~ country');
SELECT persona.rule_sql('true', 'nowhere');

-- nothing outside the list gets in
SELECT persona.rule_sql('pg_sleep(10) IS NULL');
SELECT persona.rule_sql('current_setting(''data_directory'') = ''x''');
SELECT persona.rule_sql('query_to_xml(''select 1'', true, true, '''') IS NULL');
SELECT persona.rule_sql('repeat(name, 1000000000) = ''x''');
SELECT persona.rule_sql('pg_read_file(name) = ''x''');
SELECT persona.rule_sql('nextval(''x'') > 0');
SELECT persona.rule_sql('random() < 0.5');
SELECT persona.rule_sql('generate_series(1, 10) > 5');
SELECT persona.rule_sql('''rs.customer''::regclass IS NULL');
SELECT persona.rule_sql('name::xml IS NULL');
SELECT persona.rule_sql('data = ''1''::json');

-- what a user made is never called: a tripwire would say so
CREATE TABLE rs.tripwire (who text);
CREATE FUNCTION rs.trip(text, text) RETURNS boolean LANGUAGE sql AS 'INSERT INTO rs.tripwire VALUES (current_user); SELECT true';
CREATE FUNCTION rs.trip_mood(rs.mood) RETURNS boolean LANGUAGE sql AS 'INSERT INTO rs.tripwire VALUES (current_user); SELECT true';
CREATE OPERATOR rs.= (LEFTARG = text, RIGHTARG = text, FUNCTION = rs.trip);
CREATE FUNCTION rs.lower(text) RETURNS text LANGUAGE sql AS 'INSERT INTO rs.tripwire VALUES (current_user); SELECT $1';
CREATE CAST (rs.mood AS boolean) WITH FUNCTION rs.trip_mood(rs.mood) AS IMPLICIT;
SET search_path = rs, pg_catalog;
SELECT persona.rule_sql('mood');
SELECT persona.rule_sql('mood AND true');
SELECT rs.agrees('name = ''n1''', 'name OPERATOR(pg_catalog.=) ''n1''') AS built_in_operator,
	rs.agrees('lower(name) = ''n1''', 'pg_catalog.lower(name) OPERATOR(pg_catalog.=) ''n1''') AS built_in_function;
RESET search_path;
CREATE FUNCTION pg_temp.upper(text) RETURNS text LANGUAGE sql AS 'INSERT INTO rs.tripwire VALUES (current_user); SELECT $1';
SELECT rs.agrees('upper(name) = ''N1''', 'pg_catalog.upper(name) = ''N1''') AS not_from_pg_temp;
SELECT count(*) AS tripped FROM rs.tripwire;
-- a reader sees through a segment what she may see, and no more
CREATE ROLE rs_reader;
GRANT USAGE ON SCHEMA rs, persona_rs_shop TO rs_reader;
GRANT SELECT ON persona_rs_shop.segment_germans TO rs_reader;
SET ROLE rs_reader;
SELECT count(*) FROM persona_rs_shop.segment_germans;
RESET ROLE;
GRANT SELECT ON rs.customer TO rs_reader;
ALTER TABLE rs.customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON rs.customer FOR SELECT USING (id < 10);
SET ROLE rs_reader;
SELECT array_agg(subject ORDER BY subject) FROM persona_rs_shop.segment_germans;
RESET ROLE;
-- a view's constants are those of the rule, wherever its author sits
CREATE FUNCTION rs.defined() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_segment('since', 'joined > ''2025-03-29 03:00'' AND born < ''2020-02-01'' AND tags = ''{a,NULL}'' OR ago(joined) > ''1-2''', space => 'rs_shop');
$$;
SELECT rs.defined() IS NOT NULL AS defined;
SELECT pg_get_viewdef('persona_rs_shop.segment_since'::regclass) AS here \gset
SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'German, DMY'; SET IntervalStyle = 'sql_standard'; SET array_nulls = off; SET transform_null_equals = on;
SELECT rs.defined() IS NOT NULL AS defined;
RESET TimeZone; RESET DateStyle; RESET IntervalStyle; RESET array_nulls; RESET transform_null_equals;
SELECT pg_get_viewdef('persona_rs_shop.segment_since'::regclass) = :'here' AS same;
RESET persona.clock;
SELECT persona.drop_space('rs_shop');
DROP SCHEMA rs CASCADE;
DROP ROLE rs_reader;
