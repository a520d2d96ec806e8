-- refresh_segments: all segments of a space in one pass, against plain SQL
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rf;
CREATE TYPE rf.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN rf.code AS text CHECK (value <> '');
CREATE COLLATION rf.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE rf.customer (id int PRIMARY KEY, name text, alias text COLLATE rf.nocase, plain text COLLATE "C", country rf.code, mood rf.mood, short char(4), var varchar(20),
	score float8, small real, tiny int2, n int, big bigint, amount numeric, flag bool, tags text[], data jsonb, born date, joined timestamptz, seen timestamp,
	token uuid, wait interval, raw bytea, span int4range, ip inet);
CREATE TABLE rf.orders (id bigint PRIMARY KEY, customer_id int, category text, amount numeric, qty int, at timestamptz);
CREATE TABLE rf.ticket (customer_id int, status text);
CREATE INDEX ON rf.orders (customer_id, at);
CREATE FUNCTION rf.fill(first int, last int) RETURNS void LANGUAGE sql AS $$
INSERT INTO rf.customer SELECT i, CASE WHEN i % 7 > 0 THEN 'n' || i END, (ARRAY['Anna', 'ANNA', 'bob', 'Bob', 'zoe', NULL])[1 + i % 6], (ARRAY['a', 'B', 'c', 'Z', '', NULL])[1 + i * 5 % 6],
	CASE i % 3 WHEN 0 THEN 'DE' WHEN 1 THEN 'FR' END, (ARRAY['sad', 'ok', 'happy', NULL])[1 + i % 4]::rf.mood, (ARRAY['a', 'a  b', NULL])[1 + i % 3], CASE WHEN i % 5 > 0 THEN 'v' || i % 20 END,
	CASE i % 8 WHEN 0 THEN 'NaN' WHEN 1 THEN NULL WHEN 2 THEN 'Infinity' WHEN 3 THEN '-Infinity' WHEN 4 THEN '-0' WHEN 5 THEN 0 ELSE (i - 600) / 7.0 END,
	CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' ELSE i / 3.0 END, CASE WHEN i % 6 > 0 THEN i % 100 - 50 END, CASE WHEN i % 9 > 0 THEN i % 300 END, CASE WHEN i % 4 > 0 THEN (i - 500) * 10000000000 END,
	CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' ELSE (i % 90)::numeric + 0.50 END, (ARRAY[true, false, NULL])[1 + i % 3], CASE WHEN i % 2 = 0 THEN ARRAY['t' || i % 4, NULL] END,
	CASE WHEN i % 10 > 0 THEN jsonb_build_object('k', i % 6, 'l', CASE WHEN i % 3 = 0 THEN 'x' END) END, CASE i % 9 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' ELSE date '1990-01-01' + i % 500 END,
	CASE i % 11 WHEN 0 THEN 'infinity' WHEN 1 THEN NULL ELSE timestamptz '2026-01-01 00:00+00' - i % 400 * interval '1 day' END, CASE WHEN i % 8 > 0 THEN timestamp '2025-06-01' + i % 100 * interval '1 hour' END,
	CASE WHEN i % 3 > 0 THEN md5((i % 50)::text)::uuid END, CASE WHEN i % 5 > 0 THEN i % 40 * interval '1 day' END, CASE WHEN i % 4 > 0 THEN decode(lpad(to_hex(i % 60), 2, '0'), 'hex') END,
	CASE WHEN i % 7 > 0 THEN int4range(i % 20, i % 20 + 5) END, CASE WHEN i % 6 > 0 THEN ('10.0.0.' || i % 200)::inet END
FROM generate_series(first, last) i;
$$;
SELECT rf.fill(1, 1300);
INSERT INTO rf.orders SELECT i, CASE WHEN i % 13 > 0 THEN 1 + (i * 7) % 1000 END, CASE i % 4 WHEN 0 THEN 'shoes' WHEN 1 THEN 'hats' WHEN 2 THEN 'bags' END,
	CASE WHEN i % 6 > 0 THEN i % 50 END, i % 5, CASE WHEN i % 17 > 0 THEN timestamptz '2026-01-01 00:00+00' - (i % 100) * interval '12 hours' END
FROM generate_series(1, 5000) i;
INSERT INTO rf.ticket SELECT i, CASE WHEN i % 2 = 0 THEN 'open' ELSE 'closed' END FROM generate_series(1, 400) i;
SET persona.clock = '2026-01-01 00:00+00';
SELECT count(*) FROM persona.define_space('rf_shop', 'rf.customer');
SELECT count(*) FROM persona.define_event('purchase', 'rf.orders', subject => 'customer_id', fires => 'never');
SELECT count(*) FROM persona.define_event('ticket', 'rf.ticket', subject => 'customer_id', fires => 'never');
SET persona.space = 'rf_shop';

-- no segments yet
SELECT * FROM persona.refresh_segments();

-- conditions as a rule and as plain SQL over customer c, where these differ
CREATE TABLE rf.leaf (id int GENERATED ALWAYS AS IDENTITY, rule text, plain text);
INSERT INTO rf.leaf (rule, plain) VALUES
	('country = ''DE''', NULL), ('country <> ''FR''', NULL), ('''DE'' = country', NULL), ('country IN (''DE'', ''XX'')', NULL), ('country NOT IN (''DE'', NULL)', NULL), ('country IS DISTINCT FROM ''DE''', NULL),
	('name > ''n5''', NULL), ('name BETWEEN ''n2'' AND ''n4''', NULL), ('name = ''n77''', NULL), ('name LIKE ''n1%''', NULL), ('name IS NULL', NULL), ('alias = ''anna''', NULL), ('alias > ''BOB''', NULL), ('alias <> ''zoe''', NULL),
	('plain < ''a''', NULL), ('plain = ''''', NULL), ('plain >= ''Z''', NULL), ('mood > ''sad''', NULL), ('mood = ''happy''', NULL), ('mood <> ALL (''{sad,ok}'')', NULL), ('short = ''a''', NULL), ('short < ''a  b ''', NULL), ('var = ''v7''', NULL), ('var >= ''v15''', NULL),
	('score > 5', NULL), ('score = ''NaN''', NULL), ('score <= 0', NULL), ('score <> ''-Infinity''', NULL), ('score = 0', NULL), ('NOT score < 100', NULL), ('small > 100', NULL), ('small < ''100.5''', NULL), ('small = ''NaN''', NULL),
	('tiny > -10', NULL), ('tiny = 3', NULL), ('tiny < 100000', NULL), ('n > 100', NULL), ('n <= 200', NULL), ('n = 150', NULL), ('n BETWEEN 20 AND 90', NULL), ('n NOT BETWEEN 20 AND 90', NULL), ('n > 3000000000', NULL), ('n < ''12.5''::numeric', NULL), ('n = ANY (''{}'')', NULL), ('n <> ALL (''{}'')', NULL), ('n > ALL (''{10,20}'')', NULL), ('n < ANY (''{10,NULL,50}'')', NULL),
	('big > 3000000000', NULL), ('big <= 0', NULL), ('big = 10000000000', NULL), ('amount > 40', NULL), ('amount = 40.500', NULL), ('amount <> ''NaN''', NULL), ('flag', NULL), ('NOT flag', NULL), ('flag IS NOT TRUE', NULL), ('flag = true', NULL), ('flag <> true', NULL), ('flag IS UNKNOWN', NULL), ('flag IS NULL', NULL),
	('''t2'' = ANY (tags)', NULL), ('tags = ''{t2,NULL}''', NULL), ('tags > ''{t1}''', NULL), ('data->>''k'' = ''3''', NULL), ('(data->>''k'')::int BETWEEN 2 AND 4', NULL), ('data = ''{"k": 2, "l": null}''', NULL), ('data ? ''k''', NULL),
	('born > date ''1990-06-01''', NULL), ('born = date ''infinity''', NULL), ('born < timestamptz ''1990-09-01 00:00+00''', NULL), ('joined < now() - interval ''30 days''', 'joined < timestamptz ''2026-01-01 00:00+00'' - interval ''30 days'''), ('joined IS NULL', NULL),
	('ago(joined) > ''100 days''', 'isfinite(joined) AND joined < timestamptz ''2026-01-01 00:00+00'' - interval ''100 days'' AND CASE WHEN isfinite(joined) THEN true END OR CASE WHEN NOT isfinite(joined) THEN NULL ELSE joined < timestamptz ''2026-01-01 00:00+00'' - interval ''100 days'' END'),
	('seen > timestamp ''2025-06-03 12:00''', NULL), ('token = ''c4ca4238-a0b9-2382-0dcc-509a6f75849b''', NULL), ('token > ''80000000-0000-0000-0000-000000000000''', NULL), ('wait >= ''20 days''', NULL), ('wait = ''480 hours''', NULL), ('raw > ''\x20''', NULL), ('raw = ''\x0a''', NULL), ('span && ''[3,4]''', NULL), ('span = ''[3,8)''', NULL), ('ip > ''10.0.0.100''', NULL),
	('length(name) > 3', NULL), ('coalesce(n, 7) = 7', NULL), ('greatest(n, tiny) > 50', NULL), ('n + tiny > 60', NULL), ('n > tiny', NULL), ('n % 7 <> 0 AND 100 / (n % 7) > 20', NULL), ('n % 7 = 0 OR 100 / (n % 7) > 20', NULL), ('CASE WHEN n % 5 <> 0 THEN 10 / (n % 5) > 3 END', NULL), ('name ~ ''^n[0-9]{2}$''', NULL),
	('count(purchase) > 3', '(SELECT count(*) FROM rf.orders o WHERE o.customer_id = c.id) > 3'), ('count(purchase) = 0', 'NOT EXISTS (SELECT FROM rf.orders o WHERE o.customer_id = c.id)'),
	('count(purchase) FILTER (WHERE category = ''shoes'' AND ago < ''30 days'') >= 2', '(SELECT count(*) FROM rf.orders o WHERE o.customer_id = c.id AND category = ''shoes'' AND at > timestamptz ''2026-01-01 00:00+00'' - interval ''30 days'') >= 2'),
	('sum(purchase.amount) > 120', '(SELECT sum(amount) FROM rf.orders o WHERE o.customer_id = c.id) > 120'), ('NOT avg(purchase.amount) <= 25', 'NOT (SELECT avg(amount) FROM rf.orders o WHERE o.customer_id = c.id) <= 25'),
	('last(purchase.category) = ''shoes''', '(SELECT category FROM rf.orders o WHERE o.customer_id = c.id AND at IS NOT NULL ORDER BY at DESC, id DESC LIMIT 1) = ''shoes'''),
	('ago(last(purchase)) > ''5 days''', '(SELECT max(at) FROM rf.orders o WHERE o.customer_id = c.id) < timestamptz ''2026-01-01 00:00+00'' - interval ''5 days'''),
	('bool_or(ticket.status = ''open'')', '(SELECT bool_or(status = ''open'') FROM rf.ticket t WHERE t.customer_id = c.id)'), ('count(ticket) > 0 AND max(purchase.qty) = 4', 'EXISTS (SELECT FROM rf.ticket t WHERE t.customer_id = c.id) AND (SELECT max(qty) FROM rf.orders o WHERE o.customer_id = c.id) = 4'),
	('true', NULL), ('false', NULL), ('NULL', NULL);
-- and ways to combine up to three of them
CREATE TABLE rf.frame (id int GENERATED ALWAYS AS IDENTITY, frame text);
INSERT INTO rf.frame (frame) VALUES ('(%s)'), ('NOT (%s)'), ('(%s) AND (%s)'), ('(%s) OR (%s)'), ('NOT ((%s) OR (%s)) AND (%s)'), ('NOT ((%s) AND NOT (%s)) OR (%s)'), ('(%s) IS NOT TRUE AND (%s)'), ('((%s) OR (%s)) IS UNKNOWN'), ('((%s) AND (%s)) IS FALSE OR (%s)'), ('(%s) IS NOT UNKNOWN AND ((%s) OR (%s))'),
	('(%s) IS DISTINCT FROM (false OR (%s))'), ('(%s) = (false OR (%s))'), ('CASE WHEN %s THEN %s ELSE %s END'), ('coalesce(%s, %s)'), ('(%s) IS NOT FALSE AND NOT (%s) IS NULL'), ('NOT (NOT (%s) AND (NOT (%s) OR NOT (%s)))');
CREATE TABLE rf.rule (segment text PRIMARY KEY, rule text, plain text);
INSERT INTO rf.rule SELECT 'r' || row_number() OVER (ORDER BY f.id, l.id), format(f.frame, l.rule, m.rule, o.rule), format(f.frame, coalesce(l.plain, l.rule), coalesce(m.plain, m.rule), coalesce(o.plain, o.rule))
FROM (SELECT *, row_number() OVER (ORDER BY id) AS no FROM rf.leaf) l JOIN rf.frame f ON f.id <= 1 OR f.id % 4 = l.id % 4
JOIN rf.leaf m ON m.id = 1 + (l.id * 37 + f.id * 11) % (SELECT max(id) FROM rf.leaf) JOIN rf.leaf o ON o.id = 1 + (l.id * 53 + f.id * 29) % (SELECT max(id) FROM rf.leaf);
-- segments of segments, plain and inside of what is evaluated as it stands
INSERT INTO rf.rule SELECT 's' || i, format(x.rule, a.segment, b.segment), format(x.plain, a.plain, b.plain)
FROM generate_series(1, 40) i JOIN rf.rule a ON a.segment = 'r' || i * 7 JOIN rf.rule b ON b.segment = 'r' || i * 11 + 3
JOIN (VALUES (0, 'segment(%s) AND NOT segment(%s)', '(%s) IS TRUE AND NOT (%s) IS TRUE'), (1, 'CASE WHEN segment(%s) THEN n > 100 ELSE segment(%s) END', 'CASE WHEN %s THEN n > 100 ELSE (%s) IS TRUE END'),
	(2, 'segment(%s) = segment(%s)', '((%s) IS TRUE) = ((%s) IS TRUE)'), (3, '(segment(%s) OR n > 200) IS UNKNOWN OR segment(%s)', '((%s) IS TRUE OR n > 200) IS UNKNOWN OR (%s) IS TRUE')) x(kind, rule, plain) ON x.kind = i % 4;
INSERT INTO rf.rule SELECT 't' || i, format('segment(s%s) OR segment(r%s)', i, i), format('(%s) IS TRUE OR (%s) IS TRUE', a.plain, b.plain)
FROM generate_series(1, 20) i JOIN rf.rule a ON a.segment = 's' || i JOIN rf.rule b ON b.segment = 'r' || i;
SELECT count(*) > 500 AS hundreds_of_rules FROM rf.rule;
SELECT count(DISTINCT segment) = (SELECT count(*) FROM rf.rule) AS defined FROM (SELECT * FROM rf.rule ORDER BY segment) r LEFT JOIN LATERAL persona.define_segment(segment, rule::persona.rule) f ON true;

-- who is in which segment, by the rules as plain SQL
CREATE FUNCTION rf.truth() RETURNS TABLE (segment text, subject int) LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
	r rf.rule;
BEGIN
	FOR r IN SELECT * FROM rf.rule ORDER BY segment LOOP
		RETURN QUERY EXECUTE format('SELECT %L, id FROM rf.customer c WHERE %s', r.segment, r.plain);
	END LOOP;
END
$$;
CREATE VIEW rf.members AS SELECT segment, subject FROM persona_rf_shop.member WHERE left_at IS NULL;
CREATE TABLE rf.before AS SELECT * FROM rf.truth();
CREATE TABLE rf.report AS SELECT * FROM persona.refresh_segments();
SELECT NOT EXISTS (TABLE rf.members EXCEPT ALL TABLE rf.before) AND NOT EXISTS (TABLE rf.before EXCEPT ALL TABLE rf.members) AS agrees,
	(SELECT count(DISTINCT segment) > 400 FROM rf.before) AS most_have_members, (SELECT count(*) > 150000 FROM rf.before) AS members;
SELECT r.segment, r.rule, b.n AS in_truth, m.n AS in_membership FROM rf.rule r LEFT JOIN (SELECT segment, count(*) AS n FROM rf.before GROUP BY 1) b USING (segment) LEFT JOIN (SELECT segment, count(*) AS n FROM rf.members GROUP BY 1) m USING (segment)
WHERE b.n IS DISTINCT FROM m.n ORDER BY 1 LIMIT 10;
SELECT count(*) = (SELECT count(*) FROM rf.rule) AS a_row_a_segment, bool_and(entered = members AND departed = 0) AS all_entered,
	bool_and(members = coalesce(b.n, 0)) AS counted FROM rf.report r LEFT JOIN (SELECT segment, count(*) AS n FROM rf.before GROUP BY 1) b USING (segment);
SELECT bool_and(entered_at = persona.now() AND left_at IS NULL) AS at_persona_now FROM persona_rf_shop.member;

-- nothing has changed: nothing is written
CREATE TABLE rf.physical AS SELECT ctid::text AS place, xmin::text AS writer, xmax::text AS locker FROM persona_rf_shop.membership;
SELECT sum(entered) AS entered, sum(departed) AS departed, sum(members) = (SELECT count(*) FROM rf.before) AS members FROM persona.refresh_segments();
SELECT NOT EXISTS (SELECT ctid::text, xmin::text, xmax::text FROM persona_rf_shop.membership EXCEPT TABLE rf.physical) AS untouched;

-- changes: exactly the differences
SET persona.clock = '2026-01-02 00:00+00';
UPDATE rf.rule SET plain = replace(plain, '2026-01-01', '2026-01-02');
UPDATE rf.customer SET n = n + 1, country = NULL, score = 7, mood = 'ok' WHERE id % 10 = 3;
DELETE FROM rf.customer WHERE id % 50 = 7;
SELECT rf.fill(1301, 1340);
INSERT INTO rf.orders SELECT 10000 + i, i * 3, 'shoes', 10, 4, timestamptz '2026-01-01 12:00+00' FROM generate_series(1, 300) i;
CREATE TABLE rf.after AS SELECT * FROM rf.truth();
TRUNCATE rf.report;
INSERT INTO rf.report SELECT * FROM persona.refresh_segments();
SELECT NOT EXISTS (TABLE rf.members EXCEPT ALL TABLE rf.after) AND NOT EXISTS (TABLE rf.after EXCEPT ALL TABLE rf.members) AS agrees;
WITH entered AS (TABLE rf.after EXCEPT TABLE rf.before), departed AS (TABLE rf.before EXCEPT TABLE rf.after)
SELECT NOT EXISTS (SELECT * FROM entered EXCEPT SELECT segment, subject FROM persona_rf_shop.member WHERE entered_at = persona.now() AND left_at IS NULL)
	AND (SELECT sum(entered) FROM rf.report) = (SELECT count(*) FROM entered) AS entered,
	NOT EXISTS (SELECT * FROM departed EXCEPT SELECT segment, subject FROM persona_rf_shop.member WHERE left_at = persona.now())
	AND (SELECT sum(departed) FROM rf.report) = (SELECT count(*) FROM departed) AS departed,
	(SELECT count(*) > 1000 FROM entered) AND (SELECT count(*) > 1000 FROM departed) AS many,
	(SELECT count(*) FROM persona_rf_shop.member WHERE entered_at < persona.now()) = (SELECT count(*) FROM rf.before) AS history_kept;
SELECT count(*) FROM rf.members WHERE subject % 50 = 7 AND subject <= 1300;

-- segments_of says the same as the views, for one subject and at once
SELECT bool_and(ARRAY(SELECT * FROM persona.segments_of(c.id)) = ARRAY(SELECT a.segment FROM rf.after a WHERE a.subject = c.id ORDER BY 1)) AS agrees, count(*) FROM rf.customer c WHERE id % 60 = 1 OR id > 1335;
SELECT bool_and(persona.in_segment(102, segment) = (segment IN (SELECT * FROM persona.segments_of(102)))) AS agrees_with_in_segment FROM rf.rule WHERE segment LIKE '_1%';
SELECT count(*) = (SELECT count(*) FROM persona.segments_of('102')) AND count(*) > 100 AS as_text FROM persona.segments_of(102);
SELECT * FROM persona.segments_of(1000000);
SELECT * FROM persona.segments_of('x');
SELECT * FROM persona.segments_of(NULL);
SELECT * FROM persona.segments_of(1, space => 'rf_shap');
SELECT * FROM persona.refresh_segments('rf_shap');
SET persona.space = 'rf_house';
SELECT persona.drop_space('rf_shop');

-- in and out at one instant, redefinition, and what a rule that fails leaves alone
CREATE TABLE rf.person (id bigint PRIMARY KEY, n int, m int);
CREATE TABLE rf.visit (id int PRIMARY KEY, person_id bigint, n int, at timestamptz);
INSERT INTO rf.person SELECT i, i % 10, i % 4 FROM generate_series(1, 1000) i;
INSERT INTO rf.visit SELECT i, 1 + i % 1000, i % 7, now() FROM generate_series(1, 3000) i;
SELECT count(*) FROM persona.define_space('rf_house', 'rf.person');
SELECT count(*) FROM persona.define_event('visit', 'rf.visit', subject => 'person_id', fires => 'never');
SELECT count(*) FROM persona.define_segment('low', 'n < 3');
SELECT count(*) FROM persona.define_segment('odd', 'n % 2 = 1');
SELECT * FROM persona.refresh_segments();
UPDATE rf.person SET n = 5 WHERE id = 1;
SELECT * FROM persona.refresh_segments();
UPDATE rf.person SET n = 1 WHERE id = 1;
SELECT * FROM persona.refresh_segments();
SELECT segment, entered_at = persona.now() AS entered, left_at FROM persona_rf_house.member WHERE subject = 1 ORDER BY 1;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_segment('low', 'n < 2');
SELECT * FROM persona.refresh_segments();
SELECT count(*), bool_and(left_at = entered_at) AS never_before_they_came FROM persona_rf_house.member WHERE segment = 'low' AND left_at IS NOT NULL;
RESET persona.clock;

SELECT count(*) FROM persona.define_segment('ratio', '100 / n > 20');
SELECT count(*) FROM persona.define_segment('safe_ratio', 'n <> 0 AND 100 / n > 20');
SELECT count(*) FROM persona.define_segment('of_ratio', 'm = 1 OR segment(ratio)');
SELECT count(*) FROM persona.define_segment('average', 'sum(visit.n) > 5 AND sum(60 / visit.n) > 30');
SELECT count(*) FROM persona.define_segment('visitors', 'count(visit) FILTER (WHERE n > 2) > 1');
SELECT count(*) FROM persona.define_segment('base', 'm = 2');
SELECT count(*) FROM persona.define_segment('on_base', 'segment(base) AND n > 5');
UPDATE rf.person SET n = n + 1;
UPDATE rf.visit SET n = n + 1;
SELECT * FROM persona.refresh_segments();
CREATE TABLE rf.were AS SELECT * FROM persona_rf_house.membership;
UPDATE rf.person SET n = n - 1;
UPDATE rf.visit SET n = n - 1;
DELETE FROM rf.person WHERE id = 4;
-- its definition is gone, and what is made of it cannot be told any more
DELETE FROM persona.segment WHERE segment = 'base' AND space = 'rf_house';
SELECT * FROM persona.refresh_segments();
SELECT segment, count(*) FROM (SELECT * FROM persona_rf_house.membership EXCEPT TABLE rf.were) changed GROUP BY 1 ORDER BY 1;
SELECT thing, state, n FROM persona_rf_house.incident WHERE place = 'refresh' ORDER BY thing;
SELECT segment FROM persona.segments_of(5);
SELECT segment FROM persona.segments_of(11);
SELECT NOT EXISTS ((SELECT subject FROM persona_rf_house.segment_safe_ratio) EXCEPT (SELECT subject FROM persona_rf_house.member WHERE segment = 'safe_ratio' AND left_at IS NULL)) AS guarded_by_its_own_condition;
TRUNCATE rf.person;
SELECT segment, members FROM persona.refresh_segments() WHERE segment IN ('low', 'safe_ratio');

-- a snapshot that would not see another refresh
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM persona.refresh_segments();
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM persona.refresh_segments();
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM persona.segments_of(1);
ROLLBACK;

-- for members of the owner alone, as whom everything is evaluated
CREATE ROLE rf_owner;
CREATE ROLE rf_member IN ROLE rf_owner;
CREATE ROLE rf_stranger;
GRANT USAGE ON SCHEMA persona TO rf_member, rf_stranger;
GRANT USAGE ON SCHEMA rf TO rf_owner;
GRANT SELECT ON persona.space TO rf_member, rf_stranger;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO rf_member, rf_stranger;
ALTER TABLE rf.person OWNER TO rf_owner;
ALTER TABLE rf.visit OWNER TO rf_owner;
SELECT count(*) FROM persona.define_space('rf_house', 'rf.person');
GRANT USAGE ON SCHEMA persona TO rf_owner;
GRANT EXECUTE ON FUNCTION persona.now() TO rf_owner;
DELETE FROM persona.segment WHERE segment IN ('ratio', 'average', 'on_base', 'of_ratio') AND space = 'rf_house';
INSERT INTO rf.person VALUES (1, 1, 1);
SET ROLE rf_member;
SELECT * FROM persona.refresh_segments() WHERE entered > 0;
SELECT * FROM persona.segments_of(1);
SET ROLE rf_stranger;
SELECT * FROM persona.refresh_segments('rf_house');
SELECT * FROM persona.segment_names('1', 'rf_house');
SELECT * FROM persona.segments_of(1);
SELECT * FROM persona_rf_house.member;
RESET ROLE;
RESET persona.space;
SELECT persona.drop_space('rf_house');

-- every type of key
CREATE FUNCTION rf.try_key(type text, key text) RETURNS TABLE (entered bigint, departed bigint, of text[]) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE rf.k (id %s PRIMARY KEY, n int)', type);
	EXECUTE format('INSERT INTO rf.k SELECT (%s)::%s, i FROM generate_series(1, 600) i', key, type);
	PERFORM persona.define_space('rf_k', 'rf.k');
	PERFORM persona.define_segment('third', 'n % 3 = 1', space => 'rf_k');
	PERFORM persona.define_segment('first', 'n = 1', space => 'rf_k');
	PERFORM persona.refresh_segments('rf_k');
	EXECUTE 'UPDATE rf.k SET n = 2 WHERE n = 4';
	EXECUTE 'DELETE FROM rf.k WHERE n = 7';
	EXECUTE 'UPDATE rf.k SET n = 10000 WHERE n = 8';
	RETURN QUERY SELECT r.entered, r.departed, ARRAY(SELECT s.segment FROM rf.k, persona.segments_of(id, space => 'rf_k') s WHERE n = 1) FROM persona.refresh_segments('rf_k') r WHERE r.segment = 'third';
	PERFORM persona.drop_space('rf_k');
	DROP TABLE rf.k;
END
$$;
CREATE DOMAIN rf.number AS int;
SELECT t.type, k.* FROM (VALUES ('smallint', 'i'), ('int', 'i'), ('bigint', 'i + 10000000000'), ('uuid', 'md5(i::text)'), ('text', '''k'' || i'), ('varchar(10)', '''k'' || i'), ('text COLLATE "C"', '''K'' || i'), ('rf.number', 'i')) t(type, key), rf.try_key(t.type, t.key) k;
RESET persona.clock;
DROP SCHEMA rf CASCADE;
DROP OWNED BY rf_owner, rf_member, rf_stranger;
DROP ROLE rf_owner, rf_member, rf_stranger;
