-- what no trigger can see is polled, and decided as what the trigger saw: the same rows by a table, a view and a foreign table
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE SCHEMA mpo;
CREATE TABLE mpo.customer (id int PRIMARY KEY, email text);
CREATE TABLE mpo.orders (id int PRIMARY KEY, customer_id int, amount numeric, at timestamptz);
CREATE INDEX ON mpo.orders (at);
CREATE INDEX ON mpo.orders (customer_id, at);
CREATE VIEW mpo.order_view AS SELECT id, customer_id, amount, at FROM mpo.orders;
CREATE EXTENSION postgres_fdw;
DO $$ BEGIN
	EXECUTE format('CREATE SERVER mpo_loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
		split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
	EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER mpo_loop OPTIONS (user %L)', current_user);
END $$;
CREATE FOREIGN TABLE mpo.order_far (id int, customer_id int, amount numeric, at timestamptz) SERVER mpo_loop OPTIONS (schema_name 'mpo', table_name 'orders');
INSERT INTO mpo.customer SELECT i, 'c' || i FROM generate_series(1, 40) i;
SET persona.clock = '2026-05-04 12:00+00';
SELECT count(*) FROM persona.define_space('mpo', 'mpo.customer');
SET persona.space = 'mpo';
SELECT count(*) FROM persona.define_event('purchase', 'mpo.orders', subject => 'customer_id');
-- a trigger on these would never fire, and is refused with what to do
SELECT persona.define_event('viewed', 'mpo.order_view', subject => 'customer_id', at => 'at', id => 'id', fires => 'insert');
SELECT persona.define_event('far', 'mpo.order_far', subject => 'customer_id', at => 'at', id => 'id');
SELECT count(*) FROM persona.define_event('viewed', 'mpo.order_view', subject => 'customer_id', at => 'at', id => 'id', fires => 'poll');
SELECT count(*) FROM persona.define_event('far', 'mpo.order_far', subject => 'customer_id', at => 'at', id => 'id', fires => 'poll');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM unnest('{purchase,viewed,far}'::text[]) e, persona.define_moment('on_' || e, on_event => e, when_rule => 'new.amount > 50', cancel_rule => 'new.amount = 60',
	delay => '10 minutes', expires => '1 hour', purpose => 'service', channel => 'email', template => '{{ email }} {{ new.amount }}', generic => 'x', hypothesis => 'h') WHERE level = 'block';
SELECT count(*) FROM unnest('{purchase,viewed,far}'::text[]) e, persona.activate('on_' || e) WHERE level = 'block';
SELECT count(*) AS triggers FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN ('mpo.orders'::regclass, 'mpo.order_view'::regclass, 'mpo.order_far'::regclass);
CALL persona.run();
INSERT INTO mpo.orders SELECT i, i, 100, '2026-05-04 12:01+00' FROM generate_series(1, 10) i;
INSERT INTO mpo.orders VALUES (11, 11, 20, '2026-05-04 12:01+00'), (12, 12, NULL, '2026-05-04 12:01+00'), (13, 13, 'NaN', '2026-05-04 12:01+00'), (14, 14, 60, '2026-05-04 12:01+00'),
	(15, 99, 100, '2026-05-04 12:01+00'), (16, NULL, 100, '2026-05-04 12:01+00'), (17, 17, 100, NULL), (18, 18, 100, 'infinity'), (19, 19, 100, '2026-05-04 11:59+00'), (20, 20, 100, '2026-04-01 12:00+00'),
	(21, 1, 100, '2026-05-04 12:02+00'), (22, 22, 100, '2026-05-04 14:00+00');
SET persona.clock = '2026-05-04 12:05+00';
CALL persona.run();
UPDATE mpo.orders SET amount = 10 WHERE id = 2;
DELETE FROM mpo.orders WHERE id = 3;
SET persona.clock = '2026-05-04 12:15+00';
CALL persona.run();
-- what comes again is nothing new; what comes late, by an earlier time, is
DELETE FROM mpo.orders WHERE id = 4;
INSERT INTO mpo.orders VALUES (4, 4, 100, '2026-05-04 12:01+00'), (30, 30, 100, '2026-05-04 12:04+00');
CALL persona.run();
SET persona.clock = '2026-05-04 14:00+00';
CALL persona.run();
SET persona.clock = '2026-05-04 14:10+00';
CALL persona.run();
CREATE VIEW mpo.decided AS SELECT moment, subject, event_key, outcome, reason, started_at, due FROM persona_mpo.decision;
SELECT subject, outcome, reason, count(*) AS ways, count(DISTINCT (due, started_at, event_key)) = 1 AS alike FROM mpo.decided GROUP BY subject, event_key, outcome, reason ORDER BY subject, event_key;
SELECT DISTINCT moment, count(*) OVER (PARTITION BY moment) = 14 AS all_of_them FROM mpo.decided ORDER BY 1;
SELECT level, code, object FROM persona_mpo.health WHERE code NOT IN ('run_overdue', 'owner_superuser') ORDER BY 2, 3;
RESET persona.clock;
RESET persona.space;
SELECT persona.drop_space('mpo', force => true);
DROP EXTENSION postgres_fdw CASCADE;
DROP SCHEMA mpo CASCADE;
