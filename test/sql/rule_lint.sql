-- lint: who may ask, what is said and shown, and that nothing untrue is said
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rl;
CREATE TABLE rl.person (id int PRIMARY KEY, a int, b int, "Odd ""name" text, name text, secret text, seen timestamptz);
CREATE TABLE rl.deed (person_id int NOT NULL REFERENCES rl.person, kind text, at timestamptz);
CREATE INDEX ON rl.deed (person_id, at);
INSERT INTO rl.person SELECT row_number() OVER (), a, b, CASE WHEN b > 1 THEN 'Yes' END, CASE WHEN a = 3 THEN 'Mixed' ELSE 'x' END, 'canary', timestamptz '2026-01-01 00:00+00' - coalesce(a, 9) * interval '10 days'
FROM unnest(ARRAY[NULL, 0, 1, 2, 3, 4, 5, 6]) a, unnest(ARRAY[NULL, 0, 1, 2, 3, 4]) b, generate_series(1, 2);
INSERT INTO rl.deed SELECT id, CASE WHEN id % 2 = 0 THEN 'good' ELSE 'bad' END, seen FROM rl.person WHERE a > 2;
ANALYZE rl.person, rl.deed;
SET persona.clock = '2026-01-01 00:00+00';
SELECT count(*) FROM persona.define_space('rl', 'rl.person');
SET persona.space = 'rl';
SELECT count(*) FROM persona.define_event('deed', 'rl.deed', fires => 'never');

-- what a finding looks like
\x on
SELECT * FROM persona.lint('a > 5 AND a < 3');
SELECT * FROM persona.lint('a = 1 OR a = 2 AND b = 3');
\x off
-- a rule has forgotten how it was written, and is written so that it shows
SELECT count(*) AS of_a_rule FROM persona.lint('a = 1 OR a = 2 AND b = 3'::persona.rule);
SELECT 'a = 1 OR a = 2 AND b = 3'::persona.rule AS shown;
SELECT rule, mixed = EXISTS (SELECT FROM persona.lint(rule) l WHERE l.code = 'mixed_and_or') AS right FROM (VALUES
	('a = 1 AND (b = 2 OR b = 3)', false), ('(a = 1 AND b = 2) OR b = 3', false), ('a = 1 AND b = 2 OR b = 3', true), ('a BETWEEN 1 AND 3 OR b = 4', false), ('a BETWEEN 1 AND 3 AND b = 4 OR b = 5', true),
	('a BETWEEN SYMMETRIC 3 AND 1 OR b = 5', false), ('NOT (a = 1 AND b = 2) OR b = 3', false), ('NOT a = 1 AND b = 2 OR b = 3', true), ('name = ''this AND that OR more'' AND b = 3', false),
	('coalesce(a = 1 OR b = 2, a = 3 AND b = 3)', false), ('coalesce(a = 1 OR b = 2 AND a = 3)', true), ('CASE WHEN a = 1 AND b = 2 THEN true WHEN a = 2 OR b = 3 THEN false END', false),
	('CASE WHEN a = 1 THEN b = 1 OR b = 2 END AND b < 3', false), ('CASE a WHEN 1 THEN b = 1 OR b = 2 AND a = 1 END', true), ('a = 1 /* OR */ AND b = 2', false), ('count(deed) FILTER (WHERE kind = ''x'' AND ago < ''1 day'') > 0 OR a = 1', false),
	('((a = 1 OR b = 2)) AND ((a = 1))', false), ('a = 1 OR (b = 2 OR a = 2 AND b = 3)', true)) v(rule, mixed);

-- defining a segment says the same, and its fix defines that segment
SELECT level, code, object, hint FROM persona.define_segment('twice', 'a > 1 AND a > 3', 'it''s said twice');
SELECT level, code, hint FROM persona.define_segment('mixed', 'a = 4 OR a = 5 AND b = 3');
SELECT count(*) AS a_rule_is_not_mixed FROM persona.define_segment('mixed', 'a = 4 OR a = 5 AND b = 3'::persona.rule);
SELECT * FROM persona.define_segment('twice', $rule$a > 3$rule$, description => 'it''s said twice', space => 'rl');
SELECT rule, description FROM persona.segment WHERE space = 'rl' ORDER BY segment;
SELECT level, code, object, hint FROM persona.define_segment('same', 'a > 3');
SELECT level, code, object, hint FROM persona.define_segment('within', 'b = 2 AND a > 3');
SELECT count(*) AS no_longer FROM persona.define_segment('same', 'segment(twice)');
SELECT level, code, object FROM persona.define_segment('twice', 'a > 2', 'redefined');
-- quoting
SELECT hint FROM persona.lint($q$a = 1 AND name = '$rule$' AND a = 1$q$);
SELECT * FROM persona.lint('a = 1 AND name = ''$rule$''', space => 'rl');
SELECT code, hint FROM persona.lint($q$"Odd ""name" = 'yes'$q$);

-- what the data says
SELECT code, message FROM persona.lint($$name = 'mixed'$$);
SELECT code, object FROM persona.lint($$count(deed) FILTER (WHERE kind IN ('Good', 'bad')) > 0$$);
-- a spelling that fewer than ten have is nobody's business
UPDATE rl.person SET name = 'Rare' WHERE id <= 9;
SELECT code, position('Rare' in concat(f.object, f.message, f.hint)) AS shown FROM persona.lint($$name = 'rare'$$) f;
UPDATE rl.person SET name = 'Rare' WHERE id <= 10;
SELECT code, position('Rare' in concat(f.object, f.message, f.hint)) > 0 AS shown FROM persona.lint($$name = 'rare'$$) f;
-- an error on the data is told by its code, never by what was there
SELECT level, code, message FROM persona.lint($$secret::int = 1$$);
-- what may fill by itself is not empty
SELECT count(*) AS time_will_tell FROM persona.lint($$ago(seen) < '1 hour'$$);
SELECT code, object FROM persona.lint($$a = 99 AND b = 1$$);
-- who has never done anything has done nothing last: no news
SELECT count(*) AS silent FROM persona.lint($$last(deed.kind) = 'good'$$);
SELECT level, code FROM persona.lint($$NOT last(deed.kind) = 'good'$$);

-- three-valued logic
SELECT rule, (SELECT string_agg(l.code, ' ' ORDER BY l.code) FROM persona.lint(rule) l) AS codes FROM (VALUES ('a = 1 OR a <> 1'), ('a = 1 OR a <> 1 OR a IS NULL'), ('a = 1 AND NOT a = 1'), ('(a = 1) IS NOT TRUE OR a = 1'),
	('(a = 1) IS FALSE OR a = 1'), ('NOT (a = 1 AND b = 2) OR (a = 1 AND b = 2)'), ('id = 1 OR id <> 1'), ('a IS DISTINCT FROM 1 OR a = 1'), ('(a > 1) IS NULL AND a IS NOT NULL'), ('count(deed) = 0 OR count(deed) <> 0'),
	('max(deed.at) IS NULL OR count(deed) > 0'), ('a < 1 OR a > 0'), ('b * 1.0 < 1 OR b * 1.0 > 0')) v(rule);

-- nothing that is said of 300 rules made up at random is untrue
CREATE FUNCTION rl.made_up(depth int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	term text := (ARRAY['a', 'b', 'a', 'count(deed)'])[1 + floor(random() * 4)];
	n int := floor(random() * 5);
BEGIN
	IF depth = 0 OR random() < 0.2 THEN
		RETURN CASE floor(random() * 10)
			WHEN 0 THEN format('%s IS NULL', term) WHEN 1 THEN format('%s IS NOT NULL', term) WHEN 2 THEN format('%s BETWEEN %s AND %s', term, n, n + floor(random() * 3) - 1)
			WHEN 3 THEN format('%s IN (%s, %s)', term, n, n + 1) WHEN 4 THEN format('%s IS DISTINCT FROM %s', term, n) WHEN 5 THEN format('%s NOT IN (%s, %s)', term, n, n + 2)
			ELSE format('%s %s %s', term, (ARRAY['=', '<>', '<', '<=', '>', '>='])[1 + floor(random() * 6)], n) END;
	ELSIF random() < 0.15 THEN
		RETURN format('NOT (%s)', rl.made_up(depth - 1));
	ELSIF random() < 0.15 THEN
		RETURN format('(%s) %s', rl.made_up(depth - 1), (ARRAY['IS TRUE', 'IS NOT TRUE', 'IS FALSE', 'IS NOT FALSE'])[1 + floor(random() * 4)]);
	END IF;
	RETURN (SELECT string_agg('(' || rl.made_up(depth - 1) || ')', CASE WHEN random() < 0.5 THEN ' AND ' ELSE ' OR ' END) FROM generate_series(1, 2 + floor(random() * 2)::int));
END;
$$;
CREATE FUNCTION rl.members(rule text) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	members int[];
BEGIN
	EXECUTE 'SELECT coalesce(array_agg(subject ORDER BY subject), ''{}'') FROM (' || persona.rule_sql(rule::persona.rule, 'rl') || ') m' INTO members;
	RETURN members;
END;
$$;
SELECT setseed(0.42) IS NOT NULL AS seeded;
CREATE TABLE rl.random_rule AS SELECT i AS id, rl.made_up(3) AS rule FROM generate_series(1, 300) i;
CREATE TABLE rl.said AS SELECT r.id, r.rule, l.*, substring(l.hint FROM '[$]rule[$](.*)[$]rule[$]') AS fixed FROM rl.random_rule r, persona.lint(r.rule::persona.rule) l;
SELECT count(*) > 300 AS much_is_said, count(DISTINCT code) > 5 AS of_many_kinds FROM rl.said;
SELECT id, rule, code, object FROM rl.said WHERE code = 'never_true' AND message LIKE 'nobody%' AND rl.members(rule) <> '{}';
SELECT id, rule, code, object FROM rl.said WHERE code = 'always_true' AND message LIKE 'everybody%' AND cardinality(rl.members(rule)) <> (SELECT count(*) FROM rl.person);
SELECT id, rule, code, object, fixed FROM rl.said WHERE code IN ('always_true', 'contradictory_bounds', 'redundant_clause', 'condition_after_nothing', 'mostly_unknown', 'equal_segment', 'contained_segment')
	AND fixed IS NOT NULL AND rl.members(rule) <> rl.members(fixed);
-- and what is said of other segments is so
SELECT id, rule, object FROM rl.said, rl.members(rule) mine, rl.members(CASE WHEN code LIKE '%_segment' THEN format('segment(%s)', object) ELSE 'true' END) theirs
WHERE code = 'equal_segment' AND mine <> theirs OR code = 'contained_segment' AND NOT CASE WHEN message LIKE 'all of it%' THEN mine <@ theirs ELSE mine @> theirs END;

-- the largest rules take no longer than a blink: no part is compared with all
SET statement_timeout = '5s';
SELECT name, (SELECT count(*) FROM persona.lint(rule::persona.rule) l WHERE l.code <> 'nobody') AS findings FROM (VALUES
	('a chain of OR', (SELECT string_agg('a = ' || i, ' OR ') FROM generate_series(1, 660) i)), ('of texts', (SELECT string_agg(format('name = ''v%s''', i), ' OR ') FROM generate_series(1, 660) i)),
	('of AND', (SELECT string_agg('a <> ' || i, ' AND ') FROM generate_series(10, 660) i)), ('a long list', (SELECT format('a IN (%s)', string_agg(i::text, ', ')) FROM generate_series(1, 1990) i)),
	('many ORs', (SELECT string_agg(format('(a > %s OR b = %s)', -i, i), ' AND ') FROM generate_series(1, 250) i)), ('deep', repeat('(a > 0 AND (b = 1 OR ', 48) || 'a = 3' || repeat('))', 48)),
	('many terms', (SELECT string_agg(format('a + %s > 0', i), ' AND ') FROM generate_series(1, 390) i)), ('many questions', (SELECT string_agg(format('count(deed) FILTER (WHERE kind <> ''%s'') < 50', i), ' AND ') FROM generate_series(1, 200) i))) v(name, rule);
RESET statement_timeout;

-- what is no rule is an error, as everywhere
SELECT * FROM persona.lint('a >');
SELECT * FROM persona.lint('aa > 3');
SELECT * FROM persona.lint('new.a > 3');
SELECT * FROM persona.lint(NULL::text);
SELECT * FROM persona.lint(NULL::persona.rule);
SELECT * FROM persona.lint('true', space => 'nowhere');
SELECT count(*) AS everybody FROM persona.lint('true');
-- and who does not belong to the owner is told nothing
CREATE ROLE rl_stranger;
GRANT EXECUTE ON FUNCTION persona.lint(text, text), persona.lint(persona.rule, text), persona.lint_rule(text, text, text, text), persona.lint_text(text, text, text, text) TO rl_stranger;
SET ROLE rl_stranger;
SELECT * FROM persona.lint('a > 5 AND a < 3', space => 'rl');
SELECT * FROM persona.lint('a > 5 AND a < 3'::persona.rule, space => 'rl');
RESET ROLE;
-- the owner's own rights are those that count
CREATE ROLE rl_owner;
GRANT USAGE ON SCHEMA rl TO rl_owner;
ALTER TABLE rl.person OWNER TO rl_owner;
GRANT EXECUTE ON FUNCTION persona.lint(text, text), persona.lint_rule(text, text, text, text), persona.lint_text(text, text, text, text) TO rl_owner;
SET ROLE rl_owner;
SELECT code FROM persona.lint('a = 99');
RESET ROLE;
SELECT code FROM persona.lint('count(deed) > 99');

-- a table without rows says nothing
CREATE TABLE rl.nobody (id int PRIMARY KEY, a int);
SELECT count(*) FROM persona.define_space('rl_empty', 'rl.nobody');
SELECT count(*) AS silent FROM persona.lint('a = 1', space => 'rl_empty');
-- events that would take too long to read are not read
INSERT INTO rl.nobody SELECT i, i FROM generate_series(1, 20) i;
CREATE VIEW rl.much AS SELECT i % 20 AS nobody_id FROM generate_series(1, 1000000000) i;
SELECT count(*) FROM persona.define_event('much', 'rl.much', subject => 'nobody_id', fires => 'never', space => 'rl_empty') WHERE level = 'block';
SET statement_timeout = '5s';
SELECT count(*) AS not_asked FROM persona.lint('count(much) < 0 OR a = 99', space => 'rl_empty') WHERE code = 'nobody';
RESET statement_timeout;
RESET persona.clock;
RESET persona.space;
SELECT persona.drop_space('rl_empty'), persona.drop_space('rl');
DROP SCHEMA rl CASCADE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA persona FROM rl_owner, rl_stranger;
DROP ROLE rl_owner, rl_stranger;
