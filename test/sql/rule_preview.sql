-- preview(): whom a rule reaches, and what each part of it does
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rpv;
CREATE TABLE rpv.customer (id int PRIMARY KEY, a boolean, b boolean, c boolean, country text, n int, vip boolean);
INSERT INTO rpv.customer SELECT i, (ARRAY[true, false, NULL])[1 + i % 3], (ARRAY[true, false, NULL])[1 + i / 3 % 3], (ARRAY[true, NULL, false])[1 + i / 9 % 3],
	(ARRAY['DE', 'FR', NULL, 'UK'])[1 + i % 4], i % 5, i % 7 = 0
FROM generate_series(1, 540) i;
CREATE TABLE rpv.orders (id int PRIMARY KEY, customer_id int REFERENCES rpv.customer, amount numeric, at timestamptz);
INSERT INTO rpv.orders SELECT i, 1 + i % 400, i % 50, timestamptz '2026-01-01 00:00+00' - (i % 40) * interval '1 day' FROM generate_series(1, 2000) i;
SELECT count(*) FROM persona.define_space('rpv_shop', 'rpv.customer');
SELECT count(*) FROM persona.define_event('purchase', 'rpv.orders', fires => 'never');
SELECT count(*) FROM persona.define_segment('germans', 'country = ''DE'' AND n > 1') WHERE level = 'block';
SELECT count(*) FROM persona.define_segment('vip', 'false') WHERE level = 'block';

-- the shape of an answer: a segment by its name, else a rule
SELECT * FROM persona.preview('germans', 3);
SELECT * FROM persona.preview('a AND (b OR NOT (country = ''DE'' AND n > 1)) AND segment(germans) IS NOT NULL AND count(purchase) > 0', 2);
SELECT clause, members FROM persona.preview('vip');
SELECT clause, members FROM persona.preview(' a ', 0);
SELECT clause, members, note FROM persona.preview('true', 0);
SELECT clause, members, note FROM persona.preview('NULL', 0);

-- law: every count is that of plain SQL
CREATE FUNCTION rpv.n(plain text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE 'SELECT count(*) FROM rpv.customer s WHERE ' || plain INTO n;
	RETURN n;
END;
$$;
CREATE TABLE rpv.flat AS
SELECT array_to_string(parts, op) AS rule, parts, op, trim(op) AS word
FROM (VALUES (' AND '), (' OR ')) ops (op), (VALUES (ARRAY['a', 'b']), (ARRAY['a', 'b', 'c']), (ARRAY['a', 'country = ''DE''', 'n > 2', 'vip']),
	(ARRAY['n IN (1, 2)', 'NOT a', 'b IS NULL']), (ARRAY['country IS NULL', 'country <> ''FR''']), (ARRAY['a', 'true']), (ARRAY['b', 'NULL', 'false']),
	(ARRAY['CASE WHEN a THEN b END', 'NOT (b AND c)', 'vip']), (ARRAY['a', 'NOT NOT vip', 'COALESCE(b, c)'])) v (parts);
SELECT f.rule, f.parts[i] AS part FROM rpv.flat f CROSS JOIN LATERAL generate_subscripts(parts, 1) i
WHERE NOT EXISTS (SELECT FROM persona.preview(f.rule, 0) p WHERE p.clause = f.parts[i] AND p.alone = rpv.n(f.parts[i])
	AND p.without = rpv.n(array_to_string(f.parts[:i - 1] || f.parts[i + 1:], f.op)));
SELECT f.rule FROM rpv.flat f WHERE NOT EXISTS (SELECT FROM persona.preview(f.rule, 0) p WHERE p.clause = f.rule AND p.members = rpv.n(f.rule))
	OR NOT EXISTS (SELECT FROM persona.preview(f.rule, 0) p WHERE p.note = CASE word WHEN 'AND' THEN 'AND read as OR' ELSE 'OR read as AND' END
		AND p.members = rpv.n(array_to_string(parts, CASE word WHEN 'AND' THEN ' OR ' ELSE ' AND ' END)));
SELECT v.clause, p.alone = rpv.n(v.clause) AND p.without = rpv.n(v.without) AS agrees
FROM (VALUES ('a AND b', 'NOT (c AND vip) AND n > 1'), ('a', '(b OR NOT (c AND vip)) AND n > 1'), ('b', '(a OR NOT (c AND vip)) AND n > 1'), ('NOT (c AND vip)', 'a AND b AND n > 1'),
	('c', '(a AND b OR NOT vip) AND n > 1'), ('vip', '(a AND b OR NOT c) AND n > 1'), ('n > 1', 'a AND b OR NOT (c AND vip)')) v (clause, without)
LEFT JOIN persona.preview('(a AND b OR NOT (c AND vip)) AND n > 1', 0) p USING (clause);
SELECT p.note, v.clause, p.members = rpv.n(v.plain) AS agrees
FROM (VALUES (1, '((a AND b) OR NOT (c AND vip)) OR n > 1', 'a AND b OR NOT (c AND vip) OR n > 1'), (2, '(a AND b) AND NOT (c AND vip)', 'a AND b AND NOT (c AND vip) AND n > 1'),
	(3, 'a OR b', '(a OR b OR NOT (c AND vip)) AND n > 1'), (4, 'c OR vip', '(a AND b OR NOT (c OR vip)) AND n > 1')) v (i, clause, plain)
LEFT JOIN persona.preview('(a AND b OR NOT (c AND vip)) AND n > 1', 0) p USING (clause) ORDER BY i;
SELECT members = (SELECT count(*) FROM rpv.customer s WHERE a AND (SELECT sum(amount) FROM rpv.orders o WHERE o.customer_id = s.id) > 100
	AND (SELECT count(*) FROM rpv.orders o WHERE o.customer_id = s.id) < 6) AS events
FROM persona.preview('a AND sum(purchase.amount) > 100 AND count(purchase) < 6', 0) LIMIT 1;
SELECT count(*) AS unknown_is_said FROM persona.preview('country = ''DE'' AND (n > 1 OR country < ''M'')', 0)
WHERE note ~ ('unknown for ' || rpv.n('country IS NULL') || ' because country is NULL$');

CREATE TABLE rpv.crm (customer_id int PRIMARY KEY REFERENCES rpv.customer, industry text);
INSERT INTO rpv.crm SELECT id, CASE WHEN id % 3 > 0 THEN 'toys' END FROM rpv.customer WHERE id > 100;
SELECT count(*) FROM persona.define_facet('crm', 'rpv.crm');
SELECT clause, members, alone, without, note FROM persona.preview('crm.industry = ''toys'' AND n > 1', 0);

-- samples: the first members by key, none where they are few
SELECT array_agg(clause::int ORDER BY ordinality) = ARRAY(SELECT id FROM rpv.customer WHERE a ORDER BY id LIMIT 10) AS ten
FROM persona.preview('a') WITH ORDINALITY WHERE note = 'sample';
SELECT count(*) FROM persona.preview('a', 1000) WHERE note = 'sample';
SELECT count(*) FROM persona.preview('a', NULL) WHERE note = 'sample';
SELECT note FROM persona.preview('id <= 9');
SELECT count(*) FROM persona.preview('id <= 10') WHERE note = 'sample';
SELECT * FROM persona.preview('a', -1);
SELECT * FROM persona.preview('a', 1001);
CREATE TABLE rpv.by_text (id text PRIMARY KEY);
INSERT INTO rpv.by_text SELECT 'k' || i FROM generate_series(1, 30) i;
SELECT count(*) FROM persona.define_space('rpv_text', 'rpv.by_text');
SELECT array_agg(clause) FROM persona.preview('true', 4, space => 'rpv_text') WHERE note = 'sample';
DELETE FROM rpv.by_text;
SELECT * FROM persona.preview('id = ''x'' OR true', space => 'rpv_text');
SELECT persona.drop_space('rpv_text');

-- a clause that fails for somebody alone: what does not depend on it is counted
SELECT * FROM persona.preview('n <> 0 AND 10 / n > 3', 1);
SELECT * FROM persona.preview('10 / n > 3 OR vip', 1);
SELECT note FROM persona.preview('country::int > 3', 1);
SELECT members = rpv.n('CASE WHEN n <> 0 THEN 10 / n > 3 END AND a') AS agrees FROM persona.preview('CASE WHEN n <> 0 THEN 10 / n > 3 END AND a', 0) LIMIT 1;

-- hundreds of clauses are one statement, and the data is read once
SELECT count(*) AS rows, count(*) FILTER (WHERE without = members_of_whole) AS change_nothing
FROM (SELECT *, first_value(members) OVER () AS members_of_whole FROM persona.preview((SELECT string_agg(format('n <> %s', i), ' AND ') FROM generate_series(5, 604) i), 0)) p;
SELECT count(*) FROM persona.preview((SELECT string_agg(CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, ' OR ') FROM generate_series(1, 1990) i), 0);
SELECT count(*), max(members) = rpv.n('EXISTS (SELECT FROM rpv.orders o WHERE o.customer_id = s.id AND amount > 48)') AS agrees
FROM persona.preview((SELECT string_agg(format('count(purchase) FILTER (WHERE amount > %s) > 0', 48 + i), ' OR ') FROM generate_series(0, 200) i), 0);
/* Here no two subjects answer alike. */
CREATE TABLE rpv.many (id int PRIMARY KEY);
INSERT INTO rpv.many SELECT generate_series(1, 9000);
SELECT count(*) FROM persona.define_space('rpv_many', 'rpv.many');
WITH bit AS (SELECT i, format('id / %s %% 2 = 1', (2 ^ i)::int) AS clause FROM generate_series(0, 13) i)
SELECT count(*) AS bits, bool_and(p.alone = (SELECT count(*) FROM rpv.many WHERE id / (2 ^ i)::int % 2 = 1)) AS alone,
	bool_and(p.without = (SELECT count(*) FROM rpv.many WHERE id & ~(2 ^ i)::int > 0)) AS without
FROM bit JOIN persona.preview((SELECT string_agg(clause, ' OR ') FROM bit), 0, space => 'rpv_many') p USING (clause);
SELECT persona.drop_space('rpv_many');
BEGIN;
CREATE TEMP TABLE reads AS SELECT relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) AS n FROM pg_stat_xact_user_tables WHERE schemaname = 'rpv';
SELECT count(*) FROM persona.preview('a AND (count(purchase) > 1 OR sum(purchase.amount) > 10 OR country = ''DE'') AND n > 1');
SELECT r.relname, coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0) - r.n AS reads FROM reads r
JOIN pg_stat_xact_user_tables s ON s.relname = r.relname AND s.schemaname = 'rpv' WHERE r.relname IN ('customer', 'orders') ORDER BY 1;
ROLLBACK;

-- mistakes
SELECT * FROM persona.preview(NULL);
SELECT * FROM persona.preview('');
SELECT * FROM persona.preview('  ');
SELECT * FROM persona.preview('germens');
SELECT * FROM persona.preview('contry');
SELECT * FROM persona.preview('zzz');
SELECT * FROM persona.preview('n');
SELECT * FROM persona.preview('a AND contry = ''DE''');
SELECT * FROM persona.preview('a AND');
SELECT * FROM persona.preview('pg_sleep(10) IS NULL');
SELECT * FROM persona.preview('true', space => 'nowhere');

-- counted as the owner, for its members only; no more than the owner may read
CREATE ROLE rpv_owner;
CREATE ROLE rpv_member IN ROLE rpv_owner;
CREATE ROLE rpv_stranger;
GRANT USAGE ON SCHEMA persona TO rpv_member, rpv_stranger;
GRANT USAGE ON SCHEMA rpv TO rpv_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA persona TO rpv_member, rpv_stranger;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA persona TO rpv_member, rpv_stranger;
ALTER TABLE rpv.customer OWNER TO rpv_owner;
SET ROLE rpv_member;
SELECT members FROM persona.preview('a AND b', 0) LIMIT 1;
SELECT * FROM persona.preview('count(purchase) > 0');
SET ROLE rpv_stranger;
SELECT * FROM persona.preview('true');
SELECT * FROM persona.preview_rule('true', 10, 'rpv_shop');
RESET ROLE;
SELECT current_user = session_user AS back;
SELECT persona.drop_space('rpv_shop');
DROP SCHEMA rpv CASCADE;
DROP OWNED BY rpv_member, rpv_stranger, rpv_owner;
DROP ROLE rpv_member, rpv_stranger, rpv_owner;
