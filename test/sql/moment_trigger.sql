-- the trigger on a company's table: it never fails the statement, and an
-- ordinary owner needs no superuser
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
SELECT current_database() AS database \gset
CREATE ROLE mt_owner;
GRANT CREATE ON DATABASE :database TO mt_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA persona TO mt_owner;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA persona TO mt_owner;
CREATE SCHEMA mt AUTHORIZATION mt_owner;
SET ROLE mt_owner;
CREATE TABLE mt.customer (id int PRIMARY KEY, email text);
CREATE TABLE mt.orders (id int, day date, customer_id bigint, amount numeric, at timestamp, PRIMARY KEY (id, day));
CREATE INDEX ON mt.orders (customer_id, at);
INSERT INTO mt.customer SELECT i, 'c' || i FROM generate_series(1, 10) i;
SELECT count(*) FROM persona.define_space('mt', 'mt.customer');
SELECT code FROM persona.define_event('purchase', 'mt.orders', subject => 'customer_id', at => 'at');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => '{{ email }} {{ new.amount }}', generic => 'x');
SELECT count(*) FROM persona.define_moment('second', on_event => 'purchase', purpose => 'service', channel => 'email', template => '{{ email }} y', generic => 'y');
SELECT count(*) AS no_trigger_before FROM pg_trigger WHERE tgrelid = 'mt.orders'::regclass;
SELECT count(*) FROM persona.activate('thanks') a, persona.activate('second') b;
SELECT tgname, tgargs FROM pg_trigger WHERE tgrelid = 'mt.orders'::regclass;
-- what the trigger writes does not depend on the session
SET DateStyle = German;
SET TimeZone = 'Asia/Tokyo';
SET search_path = '';
INSERT INTO mt.orders VALUES (1, '2026-03-01', 1, 10, now() AT TIME ZONE 'UTC'), (2, '2026-03-02', NULL, 10, now() AT TIME ZONE 'UTC'), (3, '2026-03-03', 99, 10, now() AT TIME ZONE 'UTC');
RESET search_path;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
SELECT subject, event, event_key, at = seen_at OR at BETWEEN seen_at - interval '1 minute' AND seen_at AS time_as_utc FROM persona_mt.inbox ORDER BY event_key;
CALL persona.run();
SELECT subject, moment, outcome, event_key FROM persona_mt.decision ORDER BY 1, 2;
SELECT reason, sum(n) FROM persona_mt.moment_day GROUP BY 1 ORDER BY 1;
-- whatever goes wrong in it, the purchase lives and the incident is counted
INSERT INTO mt.orders SELECT i, '2026-03-04', 12345678901, 10, 'infinity' FROM generate_series(10, 11) i;
ALTER TABLE persona_mt.inbox RENAME TO elsewhere;
INSERT INTO mt.orders VALUES (12, '2026-03-04', 1, 10, now());
-- the inbox is the table of that name, whichever it is
CREATE TABLE persona_mt.inbox (LIKE persona_mt.elsewhere);
INSERT INTO mt.orders VALUES (13, '2026-03-04', 1, 10, now());
SELECT (SELECT array_agg(event_key) FROM persona_mt.inbox) AS here, (SELECT count(*) FROM persona_mt.elsewhere WHERE subject = 1) AS there;
DROP TABLE persona_mt.inbox;
ALTER TABLE persona_mt.elsewhere RENAME TO inbox;
ALTER TABLE persona_mt.inbox ADD CHECK (subject <> 2);
CREATE UNIQUE INDEX one ON persona_mt.inbox (subject);
INSERT INTO mt.orders VALUES (14, '2026-03-04', 3, 10, now()), (15, '2026-03-04', 3, 10, now());
DROP INDEX persona_mt.one;
CREATE INDEX two ON persona_mt.inbox (subject);
INSERT INTO mt.orders VALUES (16, '2026-03-04', 4, 10, now());
SET enable_seqscan = off;
SELECT event_key FROM persona_mt.inbox WHERE subject = 4;
RESET enable_seqscan;
DROP INDEX persona_mt.two;
SELECT place, thing, state, n FROM persona_mt.alert ORDER BY state;
SELECT count(*) AS purchases_that_live FROM mt.orders;
-- a column that a moment names is gone: that moment stops, the other goes on
ALTER TABLE mt.orders DROP COLUMN amount;
ALTER TABLE mt.orders DROP COLUMN amount CASCADE;
INSERT INTO mt.orders VALUES (20, '2026-03-05', 5, now());
CALL persona.run();
SELECT moment, outcome FROM persona_mt.decision WHERE subject = 5;
SELECT place, thing, state FROM persona_mt.alert WHERE thing = 'thanks';
-- nothing to do for a statement without rows, an UPDATE, a DELETE, a TRUNCATE
INSERT INTO mt.orders SELECT 21, '2026-03-05', 5, now() WHERE false;
UPDATE mt.orders SET at = at;
DELETE FROM mt.orders WHERE id = 1;
TRUNCATE mt.orders;
SELECT count(*) AS unmoved FROM persona_mt.inbox;
INSERT INTO mt.orders VALUES (22, '2026-03-06', 6, now()) ON CONFLICT DO NOTHING;
INSERT INTO mt.orders VALUES (22, '2026-03-06', 6, now()) ON CONFLICT DO NOTHING;
MERGE INTO mt.orders o USING (VALUES (23), (22)) v(id) ON o.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, '2026-03-06', 7, now());
SELECT event_key FROM persona_mt.inbox ORDER BY 1;
-- under SERIALIZABLE too
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO mt.orders VALUES (24, '2026-03-06', 8, now());
COMMIT;
SELECT count(*) AS seen FROM persona_mt.inbox;
-- the trigger goes with its last live moment, and moves with its event
SELECT persona.pause('second');
SELECT count(*) AS still_needed FROM pg_trigger WHERE tgrelid = 'mt.orders'::regclass;
SELECT persona.pause('thanks');
SELECT count(*) AS not_needed FROM pg_trigger WHERE tgrelid = 'mt.orders'::regclass;
SELECT persona.resume('second');
CREATE TABLE mt.sales (id int PRIMARY KEY, customer_id int, at timestamptz);
CREATE INDEX ON mt.sales (customer_id);
SELECT code FROM persona.define_event('purchase', 'mt.sales', subject => 'customer_id');
SELECT tgrelid::regclass FROM pg_trigger WHERE tgname LIKE 'persona_mt%';
SELECT count(*) FROM persona.define_event('purchase', 'mt.sales', subject => 'customer_id', fires => 'never');
SELECT count(*) AS it_never_fires FROM pg_trigger WHERE tgname LIKE 'persona_mt%';
-- a column that is renamed is followed
ALTER TABLE mt.sales RENAME COLUMN customer_id TO buyer;
SELECT persona.rule_sql('count(purchase) > 0', 'mt');
-- on a table of somebody else's it takes the right to make one
RESET ROLE;
CREATE TABLE mt.visit (id int PRIMARY KEY, customer_id int, at timestamptz);
CREATE INDEX ON mt.visit (customer_id, at);
GRANT SELECT ON mt.visit TO mt_owner;
SET ROLE mt_owner;
SELECT count(*) FROM persona.define_event('visit', 'mt.visit', subject => 'customer_id');
SELECT count(*) FROM persona.define_moment('welcome', on_event => 'visit', purpose => 'service', channel => 'email', template => 'Hello {{ id }}', generic => 'Hello', hypothesis => 'h') WHERE level = 'block';
SELECT count(*) FROM persona.activate('welcome');
SELECT state FROM persona_mt.journey WHERE moment = 'welcome';
RESET ROLE;
GRANT TRIGGER ON mt.visit TO mt_owner;
SET ROLE mt_owner;
SELECT count(*) FROM persona.activate('welcome') WHERE level = 'block';
-- only the owner may drop one: it stays and does nothing, and the moment is stopped all the same
SET client_min_messages = notice;
SELECT persona.pause('welcome');
SET client_min_messages = warning;
RESET ROLE;
INSERT INTO mt.visit VALUES (1, 1, now());
SET ROLE mt_owner;
SELECT count(*) AS captured FROM persona_mt.inbox WHERE event = 'visit';
SELECT code, object FROM persona_mt.health WHERE object = 'visit' ORDER BY 1;
SELECT persona.resume('welcome');
SELECT persona.drop_space('mt', force => true);
RESET ROLE;
INSERT INTO mt.visit VALUES (2, 1, now());
SET ROLE mt_owner;
SELECT count(*) AS definitions_left FROM persona.moment;
RESET ROLE;
SELECT count(*) AS definitions_left FROM persona.event;
DROP SCHEMA mt CASCADE;
DROP OWNED BY mt_owner;
DROP ROLE mt_owner;
