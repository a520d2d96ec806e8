-- definitions and state that are not as persona made them: whatever somebody
-- did to them with the rights of an owner, an answer or an error, never a crash
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA dg;
CREATE TABLE dg.customer (id text PRIMARY KEY, email text);
CREATE TABLE dg.orders (id int PRIMARY KEY, customer_id text, at timestamptz);
CREATE INDEX ON dg.orders (customer_id, at);
INSERT INTO dg.customer SELECT n::text, 'c' || n FROM generate_series(1, 9) n;
CREATE FUNCTION dg.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN others THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END;
$$;
CREATE FUNCTION dg.define(shop text, subjects regclass, event text, events regclass, customer text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.define_space(shop, subjects);
	PERFORM persona.define_event(event, events, customer, space => shop);
	PERFORM persona.define_channel('email', 'email', space => shop);
	PERFORM persona.define_purpose('news', 'opt_out', space => shop);
	PERFORM persona.define_moment('thanks', on_event => event, purpose => 'news', channel => 'email', template => '{{ email }} x', generic => 'x', space => shop);
	PERFORM persona.activate('thanks', space => shop);
END;
$$;
SELECT dg.define('dg_shop', 'dg.customer', 'purchase', 'dg.orders', 'customer_id');

-- definitions of a space that is not there: a restore comes to it later, or two transactions passed each other
BEGIN;
INSERT INTO persona.event SELECT 'dg_nowhere', event, relation, subject, at, id, fires FROM persona.event WHERE space = 'dg_shop';
INSERT INTO persona.facet VALUES ('dg_nowhere', 'other', 'dg.customer', 'id', NULL, 'id'), ('dg_nowhere', 'more', 'dg.customer', 'id', 'other', 'email');
SELECT persona.rule_sql('count(purchase) > 0', 'dg_shop') IS NOT NULL AS goes_on, dg.state('SELECT persona.rule_sql(''count(purchase) > 0'', ''dg_nowhere'')') AS nowhere;
ROLLBACK;
-- what would keep every session from reading the definitions is refused
SELECT dg.state('UPDATE persona.event SET id = ''{NULL}'' WHERE space = ''dg_shop''') LIKE '23514 %' AS refused;
-- a table that is gone while its definition stays
BEGIN;
DROP TABLE dg.orders;
SELECT persona.rule_sql('email = ''x''', 'dg_shop') IS NOT NULL AS goes_on, dg.state('SELECT persona.rule_sql(''count(purchase) > 0'', ''dg_shop'')') AS gone;
ROLLBACK;

-- the key's type changes under the space: of another kind it names nobody, and the purchase lives
INSERT INTO dg.orders VALUES (1, '1', now());
CREATE FUNCTION dg.inbox() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM persona_dg_shop.inbox';
SELECT dg.inbox() AS taken;
BEGIN;
ALTER TABLE dg.customer ALTER id TYPE int USING id::int;
ALTER TABLE dg.orders ALTER customer_id TYPE int USING customer_id::int;
INSERT INTO dg.orders VALUES (2, 2, now());
SELECT dg.inbox() AS as_before, (SELECT count(*) FROM dg.orders) AS purchases;
SELECT call, dg.state('SELECT ' || call) AS state FROM unnest(ARRAY['persona.grant_consent(''1''::text, ''news'', ''email'', ''x'', space => ''dg_shop'')', 'persona.may_contact(1, ''news'', ''email'', space => ''dg_shop'')', 'persona.catch_up(''dg_shop'')', 'persona.claim(''email'', 1, space => ''dg_shop'')', 'persona.export_subject(1, space => ''dg_shop'')']) call;
ROLLBACK;
-- one that only grows goes on: what fits is taken, what does not is left to whoever looks at the alerts
CREATE TABLE dg.member (id int PRIMARY KEY, email text);
CREATE TABLE dg.visit (id int PRIMARY KEY, member_id int, at timestamptz);
CREATE INDEX ON dg.visit (member_id, at);
INSERT INTO dg.member VALUES (1, 'a');
SELECT dg.define('dg_club', 'dg.member', 'visit', 'dg.visit', 'member_id');
ALTER TABLE dg.member ALTER id TYPE bigint;
ALTER TABLE dg.visit ALTER member_id TYPE bigint;
INSERT INTO dg.member VALUES (4294967297, 'not the first');
INSERT INTO dg.visit VALUES (1, 1, now());
INSERT INTO dg.visit VALUES (2, 4294967297, now());
SELECT subject, event_key FROM persona_dg_club.inbox;
SELECT place, thing, state FROM persona_dg_club.alert;
SELECT persona.grant_consent(1, 'news', 'email', 'x', space => 'dg_club') IS NOT NULL AS granted, dg.state('SELECT persona.grant_consent(4294967297, ''news'', ''email'', ''x'', space => ''dg_club'')') AS too_large;

-- the inbox is another: the purchase lives
CREATE FUNCTION dg.buy() RETURNS text LANGUAGE sql AS 'SELECT dg.state(''INSERT INTO dg.orders SELECT max(id) + 1, ''''1'''', now() FROM dg.orders'')';
BEGIN; ALTER TABLE persona_dg_shop.inbox RENAME TO was; CREATE VIEW persona_dg_shop.inbox AS SELECT * FROM persona_dg_shop.was; SELECT dg.buy(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.inbox RENAME TO was; CREATE TABLE persona_dg_shop.inbox (LIKE persona_dg_shop.was) PARTITION BY LIST (event); SELECT dg.buy(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.inbox RENAME TO was; CREATE TABLE persona_dg_shop.inbox (a int); SELECT dg.buy(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.inbox RENAME TO was; CREATE SEQUENCE persona_dg_shop.inbox; SELECT dg.buy(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.inbox ADD more text; SELECT dg.buy(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.inbox DROP seen_at; SELECT dg.buy(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.inbox ALTER at TYPE text, ALTER event TYPE int USING 1; SELECT dg.buy(); ROLLBACK;
BEGIN; DROP TABLE persona_dg_shop.inbox; SELECT dg.buy(); ROLLBACK;
SELECT dg.inbox() AS taken;

-- a ledger whose columns are others takes nothing, and says so
CREATE FUNCTION dg.say() RETURNS text LANGUAGE sql AS 'SELECT dg.state(''SELECT persona.grant_consent(''''1'''', ''''news'''', ''''email'''', ''''x'''', space => ''''dg_shop'''')'')';
DROP VIEW persona_dg_shop.consent_state;
BEGIN; ALTER TABLE persona_dg_shop.consent ALTER basis TYPE int USING 1; SELECT dg.say(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.consent DROP evidence; SELECT dg.say(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.consent RENAME chain TO link; SELECT dg.say(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.consent ALTER ledger TYPE text; SELECT dg.say(); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.consent ADD more text; SELECT dg.say(); ROLLBACK;
SELECT persona.grant_consent('2'::text, 'news', 'email', 'x', space => 'dg_shop') IS NOT NULL AS granted;
BEGIN; ALTER TABLE persona_dg_shop.consent ALTER ledger TYPE text; SELECT dg.state('SELECT persona.consent_history(''2''::text, space => ''dg_shop'')'); ROLLBACK;
BEGIN; ALTER TABLE persona_dg_shop.secret ALTER secret TYPE int USING 1; SELECT dg.state('SELECT persona.preference_token(''1'', space => ''dg_shop'')'); ROLLBACK;

SELECT persona.drop_space('dg_shop', force => true), persona.drop_space('dg_club', force => true);
DROP SCHEMA dg CASCADE;
