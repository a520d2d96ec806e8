-- tables that are dropped under persona: what asked about them stops, and nothing else
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE ROLE mq_owner;
CREATE SCHEMA mq AUTHORIZATION mq_owner;
SET ROLE mq_owner;
CREATE TABLE mq.customer (id int PRIMARY KEY, name text, email text, country text, vip boolean);
CREATE TABLE mq.orders (id int PRIMARY KEY, customer_id int REFERENCES mq.customer, item text, at timestamptz);
CREATE TABLE mq.returned (id int PRIMARY KEY, customer_id int REFERENCES mq.customer, at timestamptz);
CREATE TABLE mq.loyalty (customer_id int PRIMARY KEY REFERENCES mq.customer, tier text);
CREATE INDEX ON mq.orders (customer_id, at);
CREATE INDEX ON mq.orders (at);
CREATE INDEX ON mq.returned (customer_id, at);
CREATE INDEX ON mq.returned (at);
INSERT INTO mq.customer SELECT i, 'n' || i, 'c' || i || '@example.org', 'DE', i % 2 = 0 FROM generate_series(1, 20) i;
RESET ROLE;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('mq', 'mq.customer');
SELECT count(*) FROM persona.define_event('purchase', 'mq.orders');
SELECT count(*) FROM persona.define_event('returned', 'mq.returned');
SELECT count(*) FROM persona.define_facet('loyalty', 'mq.loyalty');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
CREATE FUNCTION mq.define(moment text, event text DEFAULT NULL, segment text DEFAULT NULL, rule text DEFAULT 'true') RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_moment(moment, on_event => event, on_segment => segment, when_rule => rule::persona.rule, purpose => 'service', channel => 'email',
		template => 'Hi {{ name }}', generic => 'Hi', hypothesis => 'h') WHERE level = 'block' $$;
SELECT mq.define('thanks', 'purchase'), mq.define('sorry', 'returned'), mq.define('gold', 'purchase', NULL, 'loyalty.tier = ''gold''');
SELECT count(*) FROM persona.define_segment('returners', 'count(returned) > 0');
SELECT count(*) FROM persona.define_segment('vips', 'vip');
SELECT mq.define('hello', NULL, 'vips');
SELECT count(f) FROM unnest('{thanks,sorry,gold,hello}'::text[]) m, persona.activate(m) f WHERE level = 'block';

-- the event of one moment and the facet of another are gone, with their tables
DROP TABLE mq.returned, mq.loyalty CASCADE;
INSERT INTO mq.orders VALUES (1, 1, 'cup', '2026-01-01 12:00+00'), (2, 2, 'cup', '2026-01-01 12:00+00');
UPDATE mq.customer SET vip = true WHERE id = 1;
SET client_min_messages = error;
CALL persona.run();
CALL persona.run();
SET client_min_messages = warning;
SELECT subject, moment, outcome FROM persona_mq.outcome ORDER BY 1, 2;
SELECT DISTINCT place, thing, state FROM persona_mq.alert ORDER BY 1, 2;
SELECT code, object, message FROM persona_mq.health WHERE code NOT LIKE 'failed%' AND code <> 'owner_superuser' ORDER BY 1, 2;
SELECT level, code, object FROM persona_mq.finding WHERE level = 'block' ORDER BY 3;
SELECT moment, verdict, reason FROM persona.audit() WHERE verdict = 'block' ORDER BY 1;
SELECT moment, verdict FROM persona.audit('sorry');
-- all that is about other things answers
SELECT count(*) AS claimed FROM persona.claim('email', 10);
SELECT persona.in_segment(2, 'vips'), persona.may_contact(2, 'service', 'email');
SELECT count(*) FROM persona.why_not(2, 'thanks') WHERE NOT passed;
SELECT outcome FROM persona.simulate(2, 'thanks');
SELECT count(*) FROM persona.discover() WHERE kind = 'event';
SELECT persona.fingerprint() IS NOT NULL AS fingerprint;
SELECT persona.export_subject(2)->'elsewhere' AS elsewhere;
SELECT source, done FROM persona.erase_subject(3) WHERE done = 'yours to delete' ORDER BY 1;
-- what asks about them says so
SELECT * FROM persona.why_not(2, 'sorry');
SELECT * FROM persona.simulate(2, 'gold');
SELECT count(*) FROM persona_mq.segment_returners;
-- other moments can be stopped and started, and the broken one ended or mended
SELECT persona.pause('thanks'), persona.resume('thanks');
SELECT count(*) FROM persona.activate('hello') WHERE level = 'block';
SELECT count(*) FROM persona.activate('sorry');
SELECT persona.pause('sorry'), persona.retire('sorry'), persona.drop_definition('moment', 'sorry'), persona.drop_definition('segment', 'returners'), persona.drop_definition('event', 'returned');
SELECT mq.define('gold', 'purchase', NULL, 'country = ''DE''');
SELECT persona.drop_definition('facet', 'loyalty');
SELECT count(*) FROM persona_mq.health WHERE code = 'source_gone';
SELECT level, code, object FROM persona_mq.finding WHERE level = 'block' ORDER BY 3;

-- a schema that was dropped by hand: the space can still be removed
DROP SCHEMA persona_mq CASCADE;
SELECT persona.drop_space('mq');
SELECT count(*) AS left_over FROM persona.moment WHERE space = 'mq';
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'mq.orders'::regclass AND tgname LIKE 'persona%';
INSERT INTO mq.orders VALUES (3, 1, 'cup', '2026-01-01 12:00+00');
-- so can one whose table of customers is gone
SELECT count(*) FROM persona.define_space('mq', 'mq.customer');
DROP TABLE mq.customer CASCADE;
SELECT persona.may_contact(1, 'service', 'email');
CALL persona.run();
SELECT persona.drop_space('mq');
SELECT persona.drop_space('mq', force => true);
RESET persona.clock;
DROP SCHEMA mq CASCADE;
DROP ROLE mq_owner;
