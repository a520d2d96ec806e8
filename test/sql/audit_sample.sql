-- What a moment says to real customers: words that only their data makes, and variables that some lack.
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
CREATE ROLE as_stranger;
CREATE SCHEMA asm;
CREATE TABLE asm.customer (id int PRIMARY KEY, name text, email text, note text, vip boolean DEFAULT true);
CREATE TABLE asm.orders (id int PRIMARY KEY, customer_id int REFERENCES asm.customer, item text, at timestamptz);
CREATE INDEX ON asm.orders (customer_id, at);
INSERT INTO asm.customer SELECT i, CASE WHEN i % 4 > 0 THEN 'Ann' || i END, 'c' || i || '@example.org', CASE WHEN i = 3 THEN 'we saw you at secretplace' ELSE 'thanks' END, i <> 4 FROM generate_series(1, 40) i;
INSERT INTO asm.orders SELECT i, i, CASE WHEN i % 2 = 0 THEN ' ' ELSE 'boots' END, now() FROM generate_series(1, 20) i;
SELECT count(*) FROM persona.define_space('asm', 'asm.customer');
SET persona.space = 'asm';
SELECT count(*) FROM persona.define_event('purchase', 'asm.orders');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
CREATE FUNCTION asm.define(template text, rule text DEFAULT 'true', generic text DEFAULT 'Hello', tokens jsonb DEFAULT NULL) RETURNS TABLE (level text, code text, message text, hint text) LANGUAGE sql AS $$
	SELECT level, code, message, hint FROM persona.define_moment('m', on_event => 'purchase', when_rule => rule::persona.rule, purpose => 'service', channel => 'email', template => template::persona.template, generic => generic::persona.template, tokens => tokens, hypothesis => 'h')
	WHERE code IN ('missing_without_default', 'surveillance_wording') ORDER BY 1, 2, 3 $$;
-- five of the twenty have no name; with a default, in a condition, or asked for by the rule nothing is missing
SELECT * FROM asm.define('Dear {{ name }}');
SELECT * FROM asm.define('Dear {{ name | default: "customer" }}');
SELECT * FROM asm.define('{% if name %}Dear {{ name }}{% endif %}');
SELECT * FROM asm.define('Dear {{ name }}', rule => 'name IS NOT NULL');
-- a subject line and its text are one message
SELECT message FROM persona.define_moment('m', on_event => 'purchase', purpose => 'service', channel => 'email', subject_line => 'For you', template => 'Dear {{ name }}', generic => 'x') WHERE code = 'missing_without_default';
-- blank is missing, too; each variant has its own share
SELECT message FROM asm.define('{{ new.item }}', generic => 'Dear {{ name }}');
-- each variable that somebody lacks is named, once for a text that shows it twice
SELECT message FROM asm.define('{{ name }}, your {{ new.item }}, {{ name }}') ORDER BY 1;
SELECT missing FROM persona.moment_sample('m', 'asm') WHERE variant = 'personal' AND cardinality(missing) > 1 LIMIT 1;
-- what a token says, and what a customer's own data makes of a text, is found; her words are not told
SELECT level, message FROM asm.define('{{ t }} buying', tokens => '{"t": "''You left without ''"}');
SELECT level, message FROM asm.define('Note: {{ note }}');
SELECT count(*) AS leaks FROM persona.audit('m') a WHERE a::text ~ 'secretplace';
SELECT persona.activate('m');
-- told once, where the template says it already
SELECT level, message FROM asm.define('We saw you. {{ note }}');
-- nothing is written, nobody else's customers are shown
BEGIN;
SELECT count(*) > 0 AS shown FROM persona.moment_sample('m', 'asm');
SELECT count(*) AS written FROM persona_asm.decision;
ROLLBACK;
GRANT USAGE ON SCHEMA persona TO as_stranger;
GRANT EXECUTE ON FUNCTION persona.moment_sample(text, text) TO as_stranger;
SET ROLE as_stranger;
SELECT count(*) AS of_a_stranger FROM persona.moment_sample('m', 'asm');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION persona.moment_sample(text, text) FROM as_stranger;
REVOKE USAGE ON SCHEMA persona FROM as_stranger;
-- at most 100 are asked, and none where that would take long
INSERT INTO asm.customer SELECT i, 'x', 'x@example.org' FROM generate_series(1001, 6000) i;
INSERT INTO asm.orders SELECT i, i, 'boots', now() FROM generate_series(1001, 6000) i;
ANALYZE asm.customer;
ANALYZE asm.orders;
SELECT count(*) <= 200 AS at_most FROM persona.moment_sample('m', 'asm');
-- rows that fail, a moment on request, an idea, an empty table
UPDATE asm.customer SET name = 'a' WHERE id < 1000;
SELECT count(*) FROM asm.define('{{ t }}', tokens => '{"t": "1 / (id - id)"}');
SELECT count(*) >= 0 AS defined FROM persona.define_moment('ask', on_request => true, purpose => 'service', channel => 'email', template => '{{ new.page }}', generic => 'x');
SELECT count(*) FROM persona.moment_sample('ask', 'asm');
SELECT count(*) >= 0 AS defined FROM persona.define_moment('idea');
SELECT count(*) FROM persona.moment_sample('idea', 'asm');
SELECT persona.moment_sample('nobody', 'asm');
TRUNCATE asm.orders, asm.customer;
SELECT * FROM asm.define('Dear {{ name }}');
-- a variable that there is none of: where, and what may have been meant
SELECT persona.define_moment('typo', on_event => 'purchase', template => 'Dear {{ nmae }}');
SELECT persona.define_moment('typo', on_event => 'purchase', template => 'Dear {{ new.itm }}');
SELECT persona.define_moment('typo', on_event => 'purchase', template => 'Dear {{ itme }}', tokens => '{"item": "new.item"}');
SELECT count(*) FROM persona.drop_space('asm', true);
DROP SCHEMA asm CASCADE;
DROP ROLE as_stranger;
