-- what was made of a rule's text is kept, and means what it would if read anew
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rk;
CREATE TYPE rk.size AS ENUM ('small', 'large');
CREATE TABLE rk.thing (gone text, id int PRIMARY KEY, size rk.size, price money, note text, code text);
ALTER TABLE rk.thing DROP gone;
INSERT INTO rk.thing VALUES (1, 'small', 1.5, 'a', 'b'), (2, 'large', 2.5, 'b', 'a');
-- the ids that the rule is true of, or the error: the rule a constant in a query
-- planned each time, a variable, over the row in its columns and as one value
CREATE FUNCTION rk.ask(query text, rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ids text;
BEGIN
	EXECUTE format('SELECT coalesce(string_agg(id::text, '' '' ORDER BY id), ''none'') FROM rk.thing t WHERE ' || query, rule) INTO ids;
	RETURN ids;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
CREATE FUNCTION rk.which(rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answers text[] := ARRAY[rk.ask('persona.matches(t, %L)', rule), rk.ask('persona.matches(t, (SELECT %L::persona.rule OFFSET 0))', rule), rk.ask('persona.matches((ARRAY[t])[1], %L)', rule)];
BEGIN
	RETURN CASE WHEN answers[1] = ALL (answers) THEN answers[1] ELSE answers::text END;
END
$$;
CREATE VIEW rk.answers AS SELECT rk.which('note = ''a''') AS note, rk.which('code = ''a''') AS code, rk.which('size = ''small''') AS small, rk.which('size = ''tiny''') AS tiny,
	rk.which('size LIKE ''s%''') AS as_text;
TABLE rk.answers;
TABLE rk.answers;
-- two columns change their names, one its type, one is there no more and then again
BEGIN;
ALTER TABLE rk.thing RENAME note TO x;
TABLE rk.answers;
ALTER TABLE rk.thing RENAME code TO note;
ALTER TABLE rk.thing RENAME x TO code;
TABLE rk.answers;
SAVEPOINT typed;
ALTER TABLE rk.thing ALTER code TYPE int USING 1, DROP note;
TABLE rk.answers;
ALTER TABLE rk.thing ADD note int DEFAULT 7;
SELECT rk.which('note = 7') AS seven;
ROLLBACK TO typed;
TABLE rk.answers;
ROLLBACK;
TABLE rk.answers;
-- a label of an enum, an operator by a cast
ALTER TYPE rk.size RENAME VALUE 'small' TO 'tiny';
TABLE rk.answers;
CREATE CAST (rk.size AS text) WITH INOUT AS IMPLICIT;
TABLE rk.answers;
ALTER TYPE rk.size RENAME VALUE 'tiny' TO 'small';
TABLE rk.answers;
DROP CAST (rk.size AS text);
TABLE rk.answers;
-- a text is read alike whatever the session sets, but for an amount of money
SELECT rk.which('note = ''a\b''') AS none, rk.which('price = ''1.50''') AS first, rk.which('note ~ ''\wb''') AS none;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
UPDATE rk.thing SET note = E'a\b' WHERE id = 1;
SELECT rk.which($$note = 'a\b'$$) AS none, rk.which($$note = E'a\b'$$) AS first;
RESET standard_conforming_strings;
SELECT rk.which($$note = 'a\b'$$) AS none, rk.which($$note = E'a\b'$$) AS first;
SET backslash_quote = off;
SELECT rk.which($$note = E'\''$$) AS none;
RESET backslash_quote;
SELECT rk.which($$note = E'\''$$) AS none;
-- the same text over another table, over a view, over no table at all
CREATE TABLE rk.other (code text, note text, id int);
INSERT INTO rk.other VALUES ('x', 'b', 3), ('a', 'a', 4);
SELECT id FROM rk.other o WHERE persona.matches(o, 'note = ''a''');
CREATE VIEW rk.seen AS SELECT id, code AS note, note AS code FROM rk.other;
SELECT id FROM rk.seen o WHERE persona.matches(o, 'note = ''x''');
SELECT s.id FROM (SELECT code AS note, 1 + id AS id FROM rk.other) s WHERE persona.matches(s, 'note = ''a''');
SELECT persona.matches(ROW(5, 'a', 'a')::rk.seen, 'note = ''a''') AS yes, persona.matches(ROW(5, 'b', 'a')::rk.seen, 'note = ''a''') AS no, persona.matches(NULL::rk.seen, 'note IS NULL') AS yes;
SELECT o.id, persona.matches(s, 'note = ''a''') AS matched FROM rk.other o LEFT JOIN rk.seen s ON s.id = o.id AND s.id > 3 ORDER BY 1;
-- more rules than are kept, again and again, and one that is too long to be
SELECT count(DISTINCT (i, rk.which(format('id = %s OR note = ''%s''', i % 3, i)))) AS rules, bool_and(rk.which(format('id = %s OR note = ''%s''', i % 3, i)) = CASE i % 3 WHEN 0 THEN 'none' ELSE (i % 3)::text END) AS right
FROM generate_series(1, 1000) i, generate_series(1, 2);
SELECT rk.which('id = 2 AND note <> ''' || repeat('x', 60000) || '''') AS second, rk.which('id = 1 AND note <> ''' || repeat('x', 60000) || '''') AS first;
-- an error is none the less one, and canonical is what is written
SELECT rk.which('nothing = 1') AS unknown, rk.which('nothing = 1') AS unknown, rk.which('id = ') AS broken, rk.which('id = ') AS broken, rk.which('1 / 0 = id') AS by_zero, rk.which('1 / 0 = id') AS by_zero;
SELECT ' id=1  and note is null'::persona.rule, ' id=1  and note is null'::persona.rule::text = 'id = 1 AND note IS NULL'::persona.rule::text AS same;
DROP SCHEMA rk CASCADE;
