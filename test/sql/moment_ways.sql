-- the ways in which a row comes into a table, each gone twice with the same
-- events: seen by the trigger or found by catch_up, and in the schedule once
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA mw;
CREATE TABLE mw.customer (id int PRIMARY KEY, email text);
CREATE TABLE mw.orders (id int, region text, customer_id int, amount numeric, at timestamptz DEFAULT now(), PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE mw.orders_north PARTITION OF mw.orders FOR VALUES IN ('north');
CREATE TABLE mw.orders_south PARTITION OF mw.orders FOR VALUES IN ('south');
CREATE INDEX ON mw.orders (customer_id, at);
CREATE INDEX ON mw.orders (at);
CREATE TABLE mw.basket (id int PRIMARY KEY, customer_id int);
CREATE FUNCTION mw.order_basket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO mw.orders VALUES (NEW.id, 'north', NEW.customer_id, 100, now()); RETURN NULL; END $$;
CREATE TRIGGER order_basket AFTER INSERT ON mw.basket FOR EACH ROW EXECUTE FUNCTION mw.order_basket();
INSERT INTO mw.customer SELECT i, 'c' || i FROM generate_series(1, 50) i;
SELECT count(*) FROM persona.define_space('mw', 'mw.customer');
SELECT code FROM persona.define_event('purchase', 'mw.orders', subject => 'customer_id', id => 'id');
SELECT count(*) FROM persona.define_channel('email', 'email', space => 'mw');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out', space => 'mw');
SELECT count(*) FROM persona.define_moment('thanks', on_event => 'purchase', when_rule => 'new.amount > 50', purpose => 'service', channel => 'email',
	template => '{{ email }}', generic => 'x', delay => '1 hour', space => 'mw');
SELECT count(*) FROM persona.define_moment('again', on_event => 'purchase', when_rule => 'new.amount > 90 AND count(purchase) > 0', purpose => 'service', channel => 'email',
	template => '{{ email }}', generic => 'x', delay => '1 hour', once_per => 'new.id', space => 'mw');
SELECT count(*) FROM persona.activate('thanks', space => 'mw') a, persona.activate('again', space => 'mw') b;
SET persona.catch_up_interval = 0;
SET persona.space = 'mw';
SELECT current_setting('data_directory') || '/moment_ways.copy' AS file \gset
COPY (SELECT i, 'north', i, 100, now() + interval '1 minute' FROM generate_series(1, 2) i) TO :'file';

SELECT format($ways$
COPY mw.orders FROM %L;
INSERT INTO mw.orders VALUES (3, 'north', 3, 100), (4, 'south', 4, 100);
INSERT INTO mw.orders VALUES (5, 'north', 5, 100) ON CONFLICT DO NOTHING;
INSERT INTO mw.orders VALUES (5, 'north', 5, 100) ON CONFLICT (id, region) DO UPDATE SET amount = 200;
BEGIN;
CREATE TABLE mw.kept AS TABLE mw.orders;
TRUNCATE mw.orders;
INSERT INTO mw.orders TABLE mw.kept;
DROP TABLE mw.kept;
COMMIT;
MERGE INTO mw.orders o USING (VALUES (6), (5)) v(id) ON o.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'south', 6, 100) WHEN MATCHED THEN UPDATE SET amount = 100;
INSERT INTO mw.orders_north VALUES (7, 'north', 7, 100);
CREATE TABLE mw.orders_west (LIKE mw.orders INCLUDING ALL);
INSERT INTO mw.orders_west VALUES (8, 'west', 8, 100);
ALTER TABLE mw.orders ATTACH PARTITION mw.orders_west FOR VALUES IN ('west');
SET session_replication_role = replica;
INSERT INTO mw.orders VALUES (9, 'north', 9, 100);
RESET session_replication_role;
BEGIN;
INSERT INTO mw.orders VALUES (10, 'north', 10, 100);
PREPARE TRANSACTION 'moment_ways';
COMMIT PREPARED 'moment_ways';
BEGIN;
SAVEPOINT one;
INSERT INTO mw.orders VALUES (11, 'north', 11, 100);
ROLLBACK TO one;
INSERT INTO mw.orders VALUES (12, 'north', 12, 100);
COMMIT;
INSERT INTO mw.orders VALUES (113, 'north', 13, 20);
UPDATE mw.orders SET id = 13, amount = 100 WHERE id = 113;
WITH new_orders AS (INSERT INTO mw.orders VALUES (14, 'south', 14, 100) RETURNING id) SELECT count(*) FROM new_orders;
INSERT INTO mw.basket VALUES (15, 15);
UPDATE mw.orders SET region = 'south' WHERE id = 3;
ALTER TABLE mw.orders DISABLE TRIGGER USER;
INSERT INTO mw.orders VALUES (16, 'south', 16, 100);
ALTER TABLE mw.orders ENABLE TRIGGER USER;
INSERT INTO mw.orders VALUES (17, 'south', 17, 20), (18, 'south', NULL, 100), (19, 'south', 99, 100), (20, 'south', 20, NULL), (21, 'south', 21, 'NaN');
INSERT INTO mw.orders VALUES (22, 'south', 22, 100, now() - interval '1 year'), (23, 'south', 23, 100, 'infinity'), (24, 'south', 24, 100, NULL);
$ways$, :'file') AS ways \gset

-- the first time: what the trigger saw, before catch_up
:ways
SELECT array_agg(DISTINCT event_key[1]::int ORDER BY event_key[1]::int) AS seen_by_the_trigger FROM persona_mw.inbox;
CALL persona.run();
SELECT array_agg(event_key[1]::int ORDER BY event_key[1]::int) = ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16] AS all_that_came_in, count(*) = count(DISTINCT (moment, event_key)) AS once_each FROM persona_mw.schedule WHERE moment = 'thanks';
SELECT array_agg(event_key[1]::int ORDER BY event_key[1]::int) = ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16] AS all_that_came_in, count(*) = count(DISTINCT (moment, event_key)) AS once_each FROM persona_mw.schedule WHERE moment = 'again';
SELECT reason, sum(n) FROM persona_mw.moment_day WHERE moment = 'thanks' GROUP BY 1 ORDER BY 1;
SELECT found, found_at IS NOT NULL AS found_at FROM persona_mw.progress WHERE step = 'catch_up';
-- nothing is found twice
SELECT persona.catch_up() AS found;
-- the second time, after everything was deleted
TRUNCATE mw.orders;
ALTER TABLE mw.orders DETACH PARTITION mw.orders_west;
DROP TABLE mw.orders_west;
DELETE FROM mw.basket;
:ways
CALL persona.run();
CALL persona.run();
SELECT moment, count(*), count(*) = count(DISTINCT event_key) AS once_each FROM persona_mw.schedule GROUP BY 1 ORDER BY 1;
SELECT count(*) AS waiting FROM persona_mw.inbox;
-- when they are due each is decided once, and known ever after
SELECT now() + interval '2 hours' AS later \gset
SET persona.clock = :'later';
CALL persona.run();
SELECT persona.catch_up() AS found;
SELECT moment, outcome, count(*), count(*) = count(DISTINCT event_key) AS once_each FROM persona_mw.decision GROUP BY 1, 2 ORDER BY 1, 2;
RESET persona.clock;
-- a back-fill and a restore send nothing: what is older than the activation is
-- counted where the trigger sees it, and not looked for where none did
INSERT INTO mw.orders SELECT i, 'north', 40, 100, now() - interval '2 days' FROM generate_series(100, 109) i;
SET session_replication_role = replica;
INSERT INTO mw.orders SELECT i, 'north', 40, 100, now() - interval '2 days' FROM generate_series(110, 119) i;
RESET session_replication_role;
SELECT persona.catch_up() AS found;
CALL persona.run();
SELECT sum(n) AS too_late FROM persona_mw.moment_day WHERE moment = 'thanks' AND reason = 'too_late';
SELECT count(*) AS scheduled FROM persona_mw.schedule WHERE subject = 40;
-- an event for which the rule fails hides no other, be they of the same instant
SELECT code FROM persona.define_moment('again', on_event => 'purchase', when_rule => '400 / new.amount = 20', purpose => 'service', channel => 'email', template => '{{ email }}', generic => 'x', delay => '1 hour');
SET session_replication_role = replica;
INSERT INTO mw.orders SELECT i, 'south', 41, CASE i WHEN 203 THEN 0 ELSE 20 END, now() + (i / 2) * interval '1 microsecond' FROM generate_series(200, 209) i;
RESET session_replication_role;
SELECT persona.catch_up() AS found;
CALL persona.run();
SELECT array_agg(event_key[1] ORDER BY event_key[1]) AS scheduled FROM persona_mw.schedule WHERE subject = 41;
SELECT place, thing, state FROM persona_mw.alert;
SELECT moment, sum(n) AS unknown FROM persona_mw.moment_day WHERE reason = 'rule_unknown' GROUP BY 1 ORDER BY 1;
-- a moment that cannot be compiled any more stops no other
ALTER TABLE mw.orders ADD paid boolean;
SELECT count(*) FROM persona.define_moment('again', on_event => 'purchase', when_rule => 'new.paid', purpose => 'service', channel => 'email', template => '{{ email }}', generic => 'x');
ALTER TABLE mw.orders DROP paid CASCADE;
SET session_replication_role = replica;
INSERT INTO mw.orders VALUES (300, 'south', 42, 100);
RESET session_replication_role;
SELECT persona.catch_up() AS found;
SELECT place, thing, state FROM persona_mw.alert WHERE place = 'catch_up' ORDER BY 3;
-- who may
SELECT persona.catch_up('nowhere');
CREATE ROLE mw_stranger;
GRANT USAGE ON SCHEMA persona TO mw_stranger;
SET ROLE mw_stranger;
SELECT persona.catch_up('mw');
RESET ROLE;
GRANT EXECUTE ON FUNCTION persona.catch_up(text) TO mw_stranger;
SET ROLE mw_stranger;
SELECT persona.catch_up('mw');
RESET ROLE;
DROP OWNED BY mw_stranger;
DROP ROLE mw_stranger;
SET persona.catch_up_interval = -1;
RESET persona.catch_up_interval;
SELECT persona.drop_space('mw', force => true);
DROP SCHEMA mw CASCADE;
