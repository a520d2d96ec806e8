-- what the company has: spaces, events, attributes
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\set VERBOSITY default
CREATE ROLE space_owner;
CREATE ROLE space_stranger;
CREATE SCHEMA sp AUTHORIZATION space_owner;
SET ROLE space_owner;
CREATE TABLE sp.customer (id int PRIMARY KEY, name text, country text);
CREATE TABLE sp.no_key (id int, name text);
CREATE TABLE sp.two_keys (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE sp.date_key (d date PRIMARY KEY);
CREATE TABLE sp.orders (id bigint PRIMARY KEY, customer_id int REFERENCES sp.customer, amount numeric, at timestamptz);
CREATE TABLE sp.visit (customer_id int, first_at timestamp, last_at timestamp);
CREATE TABLE sp.note (customer_id text, at timestamptz);
CREATE VIEW sp.order_view AS SELECT * FROM sp.orders;
RESET ROLE;

-- no space, and then one
SELECT * FROM persona.define_event('purchase', 'sp.orders');
SELECT level, code FROM persona.define_space('space_shop', 'sp.customer');
SELECT count(*) = 0 AS again_changes_nothing FROM persona.define_space('space_shop', 'sp.customer');
SELECT space, schema_name, subjects, key, key_type FROM persona.space WHERE space = 'space_shop';
SELECT bool_and(pg_get_userbyid(relowner) = 'space_owner') AS all_owned_by_the_owner
FROM pg_class WHERE relnamespace = 'persona_space_shop'::regnamespace;

-- what a newcomer gets wrong
SELECT * FROM persona.define_space('space_b', 'sp.no_key');
SELECT * FROM persona.define_space('space_b', 'sp.no_key', key => 'id');
SELECT * FROM persona.define_space('space_b', 'sp.no_key', key => 'idd');
-- what is temporary is gone tomorrow, and its space would not be
CREATE TEMP TABLE passing (id int PRIMARY KEY, customer_id int REFERENCES passing, at timestamptz);
CREATE TEMP VIEW passing_view AS SELECT 1 AS id;
SELECT * FROM persona.define_space('space_b', 'passing');
SELECT * FROM persona.define_space('space_b', 'passing_view', key => 'id');
SELECT * FROM persona.define_event('passing', 'passing', subject => 'customer_id', space => 'space_shop');
SELECT * FROM persona.define_facet('passing', 'passing', space => 'space_shop');
SELECT * FROM persona.define_space('space_b', 'sp.two_keys');
SELECT * FROM persona.define_space('space_b', 'sp.date_key');
SELECT * FROM persona.define_space('space_b', 'sp.nowhere');
SELECT * FROM persona.define_space('space_b', NULL);
SELECT * FROM persona.define_space(NULL, 'sp.customer');
SELECT * FROM persona.define_space('', 'sp.customer');
SELECT * FROM persona.define_space('Shop', 'sp.customer');
SELECT * FROM persona.define_space('house', 'sp.customer');
SELECT * FROM persona.define_space('select', 'sp.customer');
SELECT * FROM persona.define_space('a; DROP TABLE sp.customer', 'sp.customer');
SELECT * FROM persona.define_space(E'a\nb', 'sp.customer');
SELECT * FROM persona.define_space(repeat('a', 41), 'sp.customer');
SELECT * FROM persona.define_space('space_shop', 'sp.customer', key => 'name');
GRANT ALL ON ALL FUNCTIONS IN SCHEMA persona TO space_stranger;
SET ROLE space_stranger;
SELECT * FROM persona.define_space('space_b', 'sp.customer');
RESET ROLE;

-- events
SELECT level, code, hint FROM persona.define_event('purchase', 'sp.orders');
SELECT relation, subject, at, id, fires FROM persona.event WHERE space = 'space_shop';
SELECT * FROM persona.define_event('select', 'sp.orders');
SELECT * FROM persona.define_event('new', 'sp.orders');
SELECT * FROM persona.define_event('purchase', 'sp.orders', subject => 'custmer_id');
SELECT * FROM persona.define_event('purchase', 'sp.orders', at => 'amount');
SELECT * FROM persona.define_event('purchase', 'sp.orders', id => 'idd');
SELECT * FROM persona.define_event('purchase', 'sp.orders', fires => 'sometimes');
SELECT * FROM persona.define_event('note', 'sp.note', subject => 'customer_id');
SELECT * FROM persona.define_event('visit', 'sp.visit');
SELECT * FROM persona.define_event('visit', 'sp.visit', subject => 'customer_id');
SELECT level, code FROM persona.define_event('visit', 'sp.visit', subject => 'customer_id', at => 'last_at');
SELECT * FROM persona.define_event('seen', 'sp.order_view', subject => 'customer_id');
SELECT level, code FROM persona.define_event('seen', 'sp.order_view', subject => 'customer_id', id => 'id', fires => 'never');
SELECT id FROM persona.event WHERE event = 'seen';

-- attributes
SELECT count(*) FROM persona.define_attribute('country', 'user.location', 'declared');
SELECT count(*) FROM persona.define_attribute('purchase.amount', 'user.behaviour.purchase', 'transacted', max_age => '2 days');
SELECT * FROM persona.define_attribute('contry', 'user.location', 'declared');
SELECT * FROM persona.define_attribute('purchase.amont', 'user.location', 'declared');
SELECT * FROM persona.define_attribute('nothing.amount', 'user.location', 'declared');
SELECT * FROM persona.define_attribute('country', 'User Location', 'declared');
SELECT * FROM persona.define_attribute('country', 'user.location', 'guessed');
SELECT * FROM persona.define_attribute('country', 'user.location', 'delcared');
SELECT * FROM persona.define_attribute('country', 'user.location', NULL);
SELECT * FROM persona.define_attribute('country', 'user.location', 'declared', 'hihg');
SELECT * FROM persona.define_attribute('country', 'user.location', 'declared', max_age => '-1 day');

-- every version of a definition is kept
SELECT kind, name, version, by_whom = session_user AS mine, body->>'category' AS category
FROM persona.definition_log WHERE space = 'space_shop' AND kind = 'attribute' ORDER BY name, version;
SELECT count(*) FROM persona.define_attribute('country', 'user.location.country', 'declared');
SELECT version, body->>'category' AS category FROM persona.definition_log
WHERE space = 'space_shop' AND kind = 'attribute' AND name = 'country' ORDER BY version;

-- two spaces: which is meant?
SELECT count(*) FROM persona.define_space('space_other', 'sp.customer');
SELECT * FROM persona.define_event('purchase', 'sp.orders');
SELECT count(*) FROM persona.define_event('purchase', 'sp.orders', space => 'space_other');
SELECT * FROM persona.define_event('purchase', 'sp.orders', space => 'space_shap');
SET persona.space = 'space_other';
SELECT level, code FROM persona.define_event('bought', 'sp.orders');
RESET persona.space;
SELECT space, event FROM persona.event ORDER BY 1, 2;

-- a row of definitions is seen by the members of its owner alone
GRANT USAGE ON SCHEMA persona TO space_stranger;
GRANT SELECT ON ALL TABLES IN SCHEMA persona TO space_stranger, space_owner;
SET ROLE space_stranger;
SELECT count(*) AS seen_by_a_stranger FROM persona.space;
-- nor by what compiles a rule, which would show what another brand calls a segment
CREATE FUNCTION pg_temp.answer(asked text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE asked;
	RETURN 'answered';
EXCEPTION WHEN insufficient_privilege THEN
	RETURN 'refused';
END;
$$;
SELECT pg_temp.answer(format('SELECT persona.%s', asked)), count(*) FROM unnest(ARRAY['rule_sql(''true'', ''space_shop'')', 'rule_features(''true'', ''space_shop'')',
	'check_expression(''name'', ''x'', ''space_shop'')', 'check_reach(''s'', ''true'', ''space_shop'')', 'unit_sql(''name'', ''space_shop'')',
	'measures(ARRAY[''g''], ARRAY[''count(purchase) > 0''], ''space_shop'')', 'moment_uses(''m'', ''space_shop'')', 'moment_reads(''m'', ''space_shop'')',
	'evaluate(''1'', ''name'', ''space_shop'')', 'segment_names(''true'', ''space_shop'')']) asked GROUP BY 1;
SET ROLE space_owner;
SELECT count(*) > 0 AS seen_by_the_owner FROM persona.space;
RESET ROLE;

-- a table of subjects that changes hands takes the space along, by itself or by define_space()
CREATE ROLE space_heir;
CREATE FUNCTION sp.owners() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'persona_space_shop'
	UNION SELECT relowner::regrole::text FROM pg_class WHERE relnamespace = 'persona_space_shop'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY 1
$$;
SELECT sp.owners();
ALTER TABLE sp.customer OWNER TO space_heir;
SELECT sp.owners();
SELECT code FROM persona_space_shop.health WHERE code = 'owner_changed';
ALTER EVENT TRIGGER persona_follow DISABLE;
ALTER TABLE sp.customer OWNER TO space_owner;
SELECT sp.owners();
SELECT code FROM persona_space_shop.health WHERE code = 'owner_changed';
SELECT count(f) FROM unnest('{space_shop,space_other}'::text[]) s, persona.define_space(s, 'sp.customer') f;
SELECT sp.owners();
SELECT persona.define_purpose('handed', 'opt_out', space => 'space_shop'), persona.define_channel('handed', 'name', space => 'space_shop');
INSERT INTO sp.customer VALUES (77, 'Kim', 'DE');
SELECT persona.grant_consent(77, 'handed', 'handed', 'test', space => 'space_shop') IS NOT NULL AS granted, persona.may_contact(77, 'handed', 'handed', space => 'space_shop');
ALTER EVENT TRIGGER persona_follow ENABLE;
SELECT persona.drop_definition('channel', 'handed', space => 'space_shop'), persona.drop_definition('purpose', 'handed', space => 'space_shop');
SELECT count(*) > 0 AS erased FROM persona.erase_subject(77, space => 'space_shop');
DELETE FROM sp.customer WHERE id = 77;
DROP ROLE space_heir;

-- the clock
SET persona.clock = '2026-01-01 00:00+00';
SELECT persona.now() = '2026-01-01 00:00+00' AS stands_still;
SET persona.clock = 'yesterday-ish';
SET ROLE space_stranger;
SET persona.clock = '2026-01-01 00:00+00';
RESET ROLE;
RESET persona.clock;
SELECT persona.now() = now() AS real_time;

-- a category that nobody knows is said, with what it counts as and the nearest name; a parent of known ones is known
SELECT a, f.* FROM unnest('{user.contact,user.contact.email,user.contact.emial,user.behaviour,user.fitting,shoe,shoe.size}'::text[]) a
LEFT JOIN LATERAL persona.define_attribute('country', a, 'declared', space => 'space_shop') f ON true;
SELECT count(*) FROM persona.define_category('shoe.size', 'low', space => 'space_shop');
SELECT a, f.code FROM unnest('{shoe,shoe.size,shoe.width}'::text[]) a
LEFT JOIN LATERAL persona.define_attribute('country', a, 'declared', space => 'space_shop') f ON true;

-- dropping
INSERT INTO sp.customer VALUES (1, 'Ann', 'DE') ON CONFLICT DO NOTHING;
INSERT INTO persona_space_other.consent (subject, decision, source) VALUES (1, 'grant', 'test');
SELECT persona.drop_space('space_other');
SELECT persona.drop_space('space_other', force => true);
SELECT persona.drop_space('space_shop');
SELECT count(*) AS left_over FROM pg_namespace WHERE nspname LIKE 'persona\_space%';
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA persona FROM space_stranger;
REVOKE ALL ON ALL TABLES IN SCHEMA persona FROM space_stranger, space_owner;
REVOKE ALL ON SCHEMA persona FROM space_stranger;
DROP SCHEMA sp CASCADE;
DROP FUNCTION pg_temp.answer(text);
DROP ROLE space_owner, space_stranger;
-- the table gets another owner: defined again, the schema follows it
CREATE ROLE space_heir;
CREATE TABLE sd_heirs (id int PRIMARY KEY);
SELECT count(*) FROM persona.define_space('sd_heirs', 'sd_heirs');
ALTER TABLE sd_heirs OWNER TO space_heir;
SELECT count(*) FROM persona.define_space('sd_heirs', 'sd_heirs');
SELECT nspowner::regrole, (SELECT string_agg(DISTINCT c.relowner::regrole::text, ', ') FROM pg_class c WHERE c.relnamespace = n.oid) AS relations FROM pg_namespace n WHERE nspname = 'persona_sd_heirs';
SELECT persona.drop_space('sd_heirs');
DROP TABLE sd_heirs;
DROP ROLE space_heir;
-- the clock stands at one instant in parallel workers too, however it was written and before they know a zone
SET TimeZone = 'America/Los_Angeles';
SELECT set_config(name, 'on', false) AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SET persona.clock = 'Sun Mar 01 09:00:00 2026 PST';
SELECT persona.now() = '2026-03-01 17:00+00' AS as_written FROM pg_class LIMIT 1;
SET persona.clock = '2026-03-01 09:00';
SELECT persona.now() = '2026-03-01 17:00+00' AS as_written FROM pg_class LIMIT 1;
SHOW persona.clock;
SET persona.clock = '0044-03-15 12:00 BC';
RESET persona.clock;
SELECT set_config(name, 'off', false) AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
RESET TimeZone;
-- who may not move the clock cannot do it before the library is there to say so
CREATE ROLE space_early;
\connect -
SET ROLE space_early;
SET persona.clock = '2040-01-01 00:00+00';
SET persona.enabled = off;
SELECT persona.now() < '2039-01-01' AS real_time;
SHOW persona.clock;
SHOW persona.enabled;
RESET ROLE;
DROP ROLE space_early;
