-- every function with nothing given, with all given, and with all but one: an
-- answer or an error of the caller's, never one of persona's own, and the
-- server lives
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE SCHEMA mnl;
CREATE TABLE mnl.customer (id int PRIMARY KEY, name text, email text);
CREATE TABLE mnl.orders (id int PRIMARY KEY, customer_id int REFERENCES mnl.customer, at timestamptz);
CREATE INDEX ON mnl.orders (customer_id, at);
INSERT INTO mnl.customer SELECT i, 'n' || i, 'c' || i || '@example.org' FROM generate_series(1, 20) i;
SET persona.space = 'mnl';
SELECT count(*) >= 0 AS defined FROM persona.define_space('mnl', 'mnl.customer');
SELECT count(*) >= 0 AS defined FROM persona.define_event('purchase', 'mnl.orders');
SELECT count(*) >= 0 AS defined FROM persona.define_channel('email', 'email');
SELECT count(*) >= 0 AS defined FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) >= 0 AS defined FROM persona.define_segment('everybody', 'true');
SELECT count(*) >= 0 AS defined FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'Hi {{ name }}', generic => 'Hi', hypothesis => 'h');
SELECT count(*) >= 0 AS activated FROM persona.activate('thanks');

-- no value of a type
CREATE FUNCTION mnl.nothing(type regtype) RETURNS text LANGUAGE sql AS $$
	SELECT format('NULL::%s', CASE type::text WHEN 'anyelement' THEN 'int' WHEN '"any"' THEN 'int' WHEN 'record' THEN 'mnl.customer' ELSE type::text END)
$$;
-- something that an argument may be: what its name says, else any value of its type
CREATE FUNCTION mnl.given(name text, type regtype) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(
		(SELECT quote_literal(v.value) FROM (VALUES ('space', 'mnl'), ('moment', 'thanks'), ('channel', 'email'), ('purpose', 'service'), ('segment', 'everybody'), ('subject', '1'),
			('event', 'purchase'), ('category', 'user.contact')) v(name, value) WHERE v.name = given.name AND type = 'text'::regtype),
		CASE type::text WHEN 'anyelement' THEN '1' WHEN '"any"' THEN '1' WHEN 'record' THEN '(SELECT c FROM mnl.customer c LIMIT 1)'
			WHEN 'persona.space' THEN '(SELECT s FROM persona.space s WHERE s.space = ''mnl'')' WHEN 'persona.sample' THEN 'persona.proportion(1, 2)' END,
		(SELECT format('%L::%s', v.value, type) FROM (VALUES ('text', 'x'), ('persona.rule', 'true'), ('persona.template', 'x'), ('persona.seed', 'x'), ('persona.scheme', 'persona'),
			('jsonb', '{}'), ('uuid', '00000000-0000-0000-0000-000000000000'), ('integer', '1'), ('bigint', '1'), ('double precision', '0.5'), ('boolean', 'true'), ('interval', '1 day'),
			('timestamp with time zone', '2026-01-01 00:00+00'), ('regclass', 'mnl.customer'), ('text[]', '{x}'), ('double precision[]', '{0.5,0.5}'), ('bytea', 'x')) v(type, value)
			WHERE v.type = given.type::text),
		mnl.nothing(type))
$$;
CREATE FUNCTION mnl.outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE call;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = 'undone';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END;
$$;
CREATE TABLE mnl.tried AS
SELECT p.oid::regprocedure AS called, k AS without, mnl.outcome(format('SELECT persona.%I(%s)', p.proname, (
	SELECT string_agg(CASE WHEN k IN (0, n) THEN mnl.nothing(type) ELSE mnl.given(p.proargnames[n], type) END, ', ' ORDER BY n)
	FROM unnest(p.proargtypes::regtype[]) WITH ORDINALITY a(type, n)))) AS outcome
FROM pg_proc p CROSS JOIN LATERAL generate_series(0, p.pronargs + 1) k
WHERE p.pronamespace = 'persona'::regnamespace AND p.prokind = 'f' AND p.pronargs > 0
	AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'cstring'::regtype)
	AND NOT p.proargtypes::regtype[] && ARRAY['internal', 'cstring']::regtype[]
ORDER BY p.oid, k;
SELECT count(*) > 1900 AS calls, count(*) FILTER (WHERE outcome = 'ZZ000') > 700 AS answers FROM mnl.tried;
-- internal errors, and errors without a code
SELECT called, without, outcome FROM mnl.tried WHERE outcome ~ '^(XX|P0001|58|57P)' ORDER BY 1, 2;
SELECT count(*) AS customers FROM mnl.customer;
SELECT state FROM persona_mnl.journey;
RESET persona.space;
SELECT persona.drop_space('mnl', force => true);
DROP SCHEMA mnl CASCADE;
