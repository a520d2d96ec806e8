-- explain(): why a rule is true, false or unknown for one subject
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA re;
/* All three values of four booleans in every combination. */
CREATE TABLE re.customer (id int PRIMARY KEY, a boolean, b boolean, c boolean, d boolean, country text, n int, tags text[], data jsonb, joined timestamptz);
INSERT INTO re.customer
SELECT row_number() OVER (), a, b, c, d, CASE WHEN a THEN 'DE' WHEN b THEN 'FR' END, row_number() OVER () % 5, CASE WHEN c THEN ARRAY['x'] END,
	jsonb_build_object('k', d), timestamptz '2026-01-01 12:00+00'
FROM unnest(ARRAY[true, false, NULL]) a, unnest(ARRAY[true, false, NULL]) b, unnest(ARRAY[true, false, NULL]) c, unnest(ARRAY[true, false, NULL]) d;
CREATE TABLE re.orders (id int PRIMARY KEY, customer_id int REFERENCES re.customer, category text, amount numeric, at timestamptz);
INSERT INTO re.orders SELECT i, 1 + i % 60, CASE WHEN i % 3 > 0 THEN 'shoes' END, i % 50, CASE WHEN i % 11 > 0 THEN timestamptz '2026-01-01 00:00+00' - (i % 40) * interval '1 day' END
FROM generate_series(1, 300) i;
CREATE INDEX ON re.orders (customer_id);
SET persona.clock = '2026-01-01 00:00+00';
SELECT count(*) FROM persona.define_space('re_shop', 're.customer');
SELECT count(*) FROM persona.define_event('purchase', 're.orders', fires => 'never');
SELECT count(*) FROM persona.define_segment('either', 'a OR b') WHERE level = 'block';
SELECT count(*) FROM persona.define_segment('nested', 'segment(either) AND NOT c') WHERE level = 'block';

-- the shape of an answer
SELECT * FROM persona.explain(1, 'segment(nested) AND count(purchase) FILTER (WHERE category = ''shoes'' AND ago < ''1 year'') >= 2 AND (n IN (1, 2) OR NOT country LIKE ''F%'')');
SELECT * FROM persona.explain('40', 'country = ''DE''');
SELECT * FROM persona.explain(40, 'a IS NOT TRUE AND tags[1] = ''x'' AND data ->> ''k'' = ''true'' AND n + 1 > length(country) AND joined > now() AND coalesce(a, b) AND n BETWEEN 1 AND 3 AND ''x'' = ANY (tags) AND true');

CREATE TABLE re.crm (customer_id int PRIMARY KEY REFERENCES re.customer, industry text);
INSERT INTO re.crm SELECT id, repeat('long ', 100) FROM re.customer WHERE id > 40;
SELECT count(*) FROM persona.define_facet('crm', 're.crm');
SELECT path, left(value, 24) AS value, length(value) AS length, result, deciding FROM persona.explain(41, 'crm.industry = ''toys'' OR count(message) > 0', at => '2025-06-01 00:00+00');

-- law: the whole is what plain SQL says, for every subject and rule; so is each part
CREATE TABLE re.rule (rule text, plain text);
INSERT INTO re.rule (rule) VALUES ('a'), ('a AND b'), ('a OR b'), ('NOT a'), ('a AND (b OR c)'), ('(a AND b) OR (c AND d)'), ('NOT (a AND b OR c)'), ('NOT (NOT a)'),
	('a AND b AND c AND d'), ('a OR b OR c OR d'), ('(a OR b) AND (c OR NOT d)'), ('a AND a'), ('true'), ('NULL'), ('a AND NULL'), ('a IS UNKNOWN OR b'),
	('CASE WHEN a THEN b ELSE c END AND d'), ('a = b AND NOT (c = d)'), ('country = ''DE'' OR country IS NULL AND n > 2');
INSERT INTO re.rule VALUES ('segment(either)', '(a OR b) IS TRUE'), ('NOT segment(either)', '(a OR b) IS NOT TRUE'), ('segment(nested) OR d', '(a OR b) IS TRUE AND NOT c IS NOT FALSE OR d'),
	('segment(nested) OR d AND b', '((a OR b) AND NOT c) IS TRUE OR d AND b'),
	('count(purchase) > 4 AND d', '(SELECT count(*) FROM re.orders o WHERE o.customer_id = s.id) > 4 AND d'),
	('NOT sum(purchase.amount) > 50', 'NOT (SELECT sum(amount) FROM re.orders o WHERE o.customer_id = s.id) > 50'),
	('last(purchase.category) = ''shoes'' OR c', '(SELECT category FROM re.orders o WHERE o.customer_id = s.id AND at IS NOT NULL ORDER BY at DESC, id DESC LIMIT 1) = ''shoes'' OR c');
UPDATE re.rule SET plain = '((a OR b) AND NOT c) IS TRUE OR d' WHERE rule = 'segment(nested) OR d';
CREATE FUNCTION re.answer(plain text, id int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	answer boolean;
BEGIN
	EXECUTE format('SELECT (%s)::boolean FROM re.customer s WHERE s.id = $1', plain) INTO answer USING id;
	RETURN answer;
END;
$$;
CREATE TABLE re.explained AS
SELECT r.rule, r.plain, s.id, e.* FROM re.rule r CROSS JOIN re.customer s CROSS JOIN LATERAL persona.explain(s.id, r.rule::persona.rule) e;
SELECT rule, count(*) AS subjects FROM re.explained WHERE path = '1' GROUP BY 1 HAVING bool_or(result IS DISTINCT FROM re.answer(coalesce(plain, rule), id)) ORDER BY 1;
SELECT count(DISTINCT rule) AS rules, count(*) FILTER (WHERE path = '1') AS answers, count(*) > 5000 AS parts FROM re.explained;
SELECT count(*) FROM re.explained WHERE clause !~ 'purchase|segment' AND result IS DISTINCT FROM re.answer(clause, id);
SELECT bool_and(result = persona.in_segment(id, substring(clause FROM '[(](.*)[)]'))) AS members, count(*) > 400 AS many FROM re.explained WHERE clause ~ '^segment[(][a-z]+[)]$';

-- law: the deciding leaves decide. Turned round, or for unknown made known, they change the whole; nothing else matters where it is known.
CREATE FUNCTION re.like_but(id int, clauses text[], turn boolean) RETURNS SETOF int LANGUAGE sql STABLE AS $$
	SELECT o.id FROM re.customer s, re.customer o
	WHERE s.id = like_but.id
		AND o.a IS NOT DISTINCT FROM CASE WHEN 'a' = ANY (clauses) THEN CASE WHEN s.a IS NULL THEN turn ELSE NOT s.a END ELSE s.a END
		AND o.b IS NOT DISTINCT FROM CASE WHEN 'b' = ANY (clauses) THEN CASE WHEN s.b IS NULL THEN turn ELSE NOT s.b END ELSE s.b END
		AND o.c IS NOT DISTINCT FROM CASE WHEN 'c' = ANY (clauses) THEN CASE WHEN s.c IS NULL THEN turn ELSE NOT s.c END ELSE s.c END
		AND o.d IS NOT DISTINCT FROM CASE WHEN 'd' = ANY (clauses) THEN CASE WHEN s.d IS NULL THEN turn ELSE NOT s.d END ELSE s.d END
$$;
CREATE TABLE re.decided AS
SELECT rule, id, bool_or(result) FILTER (WHERE path = '1') AS whole,
	array_agg(clause) FILTER (WHERE deciding AND clause ~ '^[abcd]$') AS deciding,
	array_agg(clause) FILTER (WHERE NOT deciding AND clause ~ '^[abcd]$') AS others
FROM re.explained WHERE rule ~ '^[abcd() ANDORT]+$' GROUP BY 1, 2;
SELECT count(*) > 800 AS many, count(*) FILTER (WHERE deciding IS NULL) AS undecided,
	count(*) FILTER (WHERE whole IS NOT NULL AND NOT EXISTS (SELECT FROM re.like_but(id, deciding, true) o WHERE re.answer(rule, o) IS DISTINCT FROM whole)) AS without_effect
FROM re.decided;
SELECT count(*) AS stays_unknown FROM re.decided
WHERE whole IS NULL AND NOT EXISTS (SELECT FROM unnest(ARRAY[true, false]) turn, re.like_but(id, deciding, turn) o WHERE re.answer(rule, o) IS NOT NULL);
SELECT count(*) FILTER (WHERE others IS NOT NULL) > 300 AS many, count(*) FILTER (WHERE re.answer(rule, o.id) IS DISTINCT FROM whole) AS mattered
FROM re.decided d JOIN re.customer s ON s.id = d.id
JOIN re.customer o ON ('a' = ANY (others) OR o.a IS NOT DISTINCT FROM s.a) AND ('b' = ANY (others) OR o.b IS NOT DISTINCT FROM s.b)
	AND ('c' = ANY (others) OR o.c IS NOT DISTINCT FROM s.c) AND ('d' = ANY (others) OR o.d IS NOT DISTINCT FROM s.d)
WHERE whole IS NOT NULL AND rule <> 'a AND a';

-- a clause that fails alone hides nothing and quotes nothing
SELECT * FROM persona.explain(5, 'n <> 0 AND 10 / n > 3');
SELECT * FROM persona.explain(1, 'country::int > 3 OR id = 1');

-- at: the clock stands there, later events had not happened, and only there
SELECT value FROM persona.explain(7, 'count(purchase) > 0 AND now() > joined', at => '2025-12-10 00:00+00') WHERE path = '1.1';
SELECT bool_and(e.value = 'count(purchase) = ' || (SELECT count(*) FROM re.orders o WHERE o.customer_id = s.id AND (o.at <= t OR o.at IS NULL))) AS as_of
FROM re.customer s, unnest(ARRAY['2025-12-10 00:00+00', '2025-12-24 06:00+02', '1999-01-01', '0044-03-15 BC', '2090-01-01']::timestamptz[]) t,
	persona.explain(s.id, 'count(purchase) > 0', at => t) e;
SELECT result AS within FROM persona.explain(7, 'count(purchase) FILTER (WHERE ago < ''10 days'') = 1', at => '2025-12-05 00:00+00');
SELECT * FROM persona.explain(7, 'n / 0 > 1', at => '2025-12-10 00:00+00');
SELECT persona.now() = '2026-01-01 00:00+00' AS back;
DO $$ BEGIN PERFORM persona.explain(7, 'no_such', at => '2025-12-10 00:00+00'); EXCEPTION WHEN undefined_column THEN NULL; END $$;
SELECT persona.now() = '2026-01-01 00:00+00' AS back_after_an_error;
SELECT * FROM persona.explain(7, 'true', at => 'infinity');

-- mistakes
SELECT * FROM persona.explain(9999, 'true');
SELECT * FROM persona.explain('x', 'true');
SELECT * FROM persona.explain(NULL, 'true');
SELECT * FROM persona.explain(1, NULL);
SELECT * FROM persona.explain(1, 'contry = ''DE''');
SELECT * FROM persona.explain(1, 'segment(ether)');
SELECT * FROM persona.explain(1, 'new.amount > 1');
SELECT * FROM persona.explain(1, 'n');
SELECT * FROM persona.explain(1, 'true', space => 'nowhere');
/* Segments of segments double: opened up, they end somewhere. */
SELECT count(*) FROM generate_series(1, 11) i, persona.define_segment('twice_' || i, CASE i WHEN 1 THEN 'a OR b' ELSE format('segment(twice_%s) OR segment(twice_%s)', i - 1, i - 1) END::persona.rule) WHERE level = 'block';
SELECT count(*) > 50 AS opened FROM persona.explain(1, 'segment(twice_5)');
SELECT count(*) FROM persona.explain(1, 'segment(twice_11)');

-- whoever is no member of the owner sees nothing; a member may move the clock here, though not elsewhere
CREATE ROLE re_owner;
CREATE ROLE re_member IN ROLE re_owner;
CREATE ROLE re_stranger;
GRANT USAGE ON SCHEMA persona, re TO re_member, re_stranger;
GRANT USAGE ON SCHEMA re TO re_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA persona TO re_member, re_stranger;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA persona TO re_member, re_stranger;
ALTER TABLE re.customer OWNER TO re_owner;
GRANT SELECT ON re.orders TO re_owner;
RESET persona.clock;
SET ROLE re_member;
SELECT result, value FROM persona.explain(7, 'count(purchase) > 0', at => '2025-12-10 00:00+00');
SET persona.clock = '2025-12-10 00:00+00';
SET ROLE re_stranger;
SELECT * FROM persona.explain(7, 'true');
SELECT * FROM persona.explain_branches('7', 'true', NULL, 're_shop');
RESET ROLE;
SELECT persona.drop_space('re_shop');
DROP SCHEMA re CASCADE;
DROP OWNED BY re_member, re_stranger, re_owner;
DROP ROLE re_member, re_stranger, re_owner;
