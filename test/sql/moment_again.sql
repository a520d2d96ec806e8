-- what comes again: once, with a restart, anew after a while; and another delay for what waits
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE SCHEMA ma;
CREATE TABLE ma.customer (id int PRIMARY KEY, email text, zone text DEFAULT 'UTC');
CREATE TABLE ma.cart (id int PRIMARY KEY, customer_id int REFERENCES ma.customer, cart text, item text, at timestamptz);
CREATE INDEX ON ma.cart (customer_id, at);
INSERT INTO ma.customer SELECT i, 'c' || i || '@example.org' FROM generate_series(1, 20) i;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('ma', 'ma.customer');
SELECT count(*) FROM persona.define_event('added', 'ma.cart');
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');

-- a cart: three items, one mail, four hours after the last
SELECT code FROM persona.define_moment('cart', on_event => 'added', once_per => 'new.cart', restart => true, delay => '4 hours', purpose => 'service', channel => 'email',
	template => '{{ new.item }}', generic => '{{ new.item }}', hypothesis => 'h', expires => '1 hour') WHERE level = 'block';
SELECT count(*) FROM persona.activate('cart') WHERE level = 'block';
INSERT INTO ma.cart VALUES (1, 1, 'a', 'mug', '2026-01-01 12:10+00');
CALL persona.run();
SELECT subject, due, counts_from, event_key FROM persona_ma.schedule;
SET persona.clock = '2026-01-01 14:00+00';
INSERT INTO ma.cart VALUES (2, 1, 'a', 'hat', '2026-01-01 13:00+00'), (3, 1, 'a', 'bag', '2026-01-01 13:30+00'), (4, 2, 'b', 'one', '2026-01-01 13:10+00'), (5, 2, 'b', 'two', '2026-01-01 13:20+00');
CALL persona.run();
SELECT subject, due, started_at, event_key FROM persona_ma.schedule ORDER BY 1;
-- an item that arrives late, or twice, moves nothing
INSERT INTO ma.cart VALUES (6, 1, 'a', 'sock', '2026-01-01 13:15+00');
INSERT INTO persona_ma.inbox VALUES (1, 'added', '{3}', '2026-01-01 13:30+00', now()), (1, 'added', '{1}', '2026-01-01 12:10+00', now());
CALL persona.run();
SELECT subject, due, event_key FROM persona_ma.schedule ORDER BY 1;
SET persona.clock = '2026-01-01 17:20+00';
CALL persona.run();
SET persona.clock = '2026-01-01 17:30+00';
CALL persona.run();
SELECT subject, at, outcome, body FROM persona_ma.decision LEFT JOIN persona_ma.message USING (subject, decision) ORDER BY 1;
-- an item after the mail starts nothing more
INSERT INTO ma.cart VALUES (7, 1, 'a', 'cup', '2026-01-01 17:40+00');
CALL persona.run();
SELECT reason, sum(n) FROM persona_ma.moment_day GROUP BY 1;
SELECT count(*) AS nothing_more FROM persona_ma.schedule;
SELECT persona.pause('cart');

-- again_after: once per customer, and anew after 30 days
SELECT code FROM persona.define_moment('hello', on_event => 'added', once_per => $$'customer'$$, again_after => '30 days', purpose => 'service', channel => 'email',
	template => '{{ new.item }}', generic => '{{ new.item }}', hypothesis => 'h', expires => NULL) WHERE level = 'block';
SET persona.clock = '2026-02-01 00:00+00';
SELECT count(*) FROM persona.activate('hello') WHERE level = 'block';
INSERT INTO ma.cart VALUES (10, 3, 'c', 'first', '2026-02-01 00:00+00'), (11, 3, 'c', 'soon after', '2026-02-02 00:00+00');
SET persona.clock = '2026-02-03 00:00+00';
CALL persona.run();
INSERT INTO ma.cart VALUES (12, 3, 'c', 'too soon', '2026-03-02 23:59:59+00'), (13, 3, 'c', 'second', '2026-03-03 00:00+00');
SET persona.clock = '2026-03-03 00:00+00';
CALL persona.run();
-- what arrives once more, however late, starts nothing once more
SET persona.clock = '2026-06-01 00:00+00';
INSERT INTO persona_ma.inbox SELECT customer_id, 'added', ARRAY[id::text], at, now() FROM ma.cart WHERE id BETWEEN 10 AND 13;
CALL persona.run();
SELECT subject, started_at, step, event_key, decision = persona.decision_id('ma', 'hello', '3', 'customer', step) AS documented_id FROM persona_ma.decision WHERE moment = 'hello' ORDER BY step;
-- a year that comes at once is told as it would have been day by day
INSERT INTO ma.cart SELECT 100 + i, 4, 'd', 'week ' || i, timestamptz '2026-02-01 00:00+00' + i * interval '7 days' FROM generate_series(0, 51) i;
SET persona.clock = '2027-06-01 00:00+00';
CALL persona.run();
INSERT INTO ma.cart SELECT 200 + i, 5, 'd', 'week ' || i, timestamptz '2026-02-01 00:00+00' + i * interval '7 days' FROM generate_series(0, 51) i WHERE i < 20;
CALL persona.run();
INSERT INTO ma.cart SELECT 200 + i, 5, 'd', 'week ' || i, timestamptz '2026-02-01 00:00+00' + i * interval '7 days' FROM generate_series(0, 51) i WHERE i >= 20;
CALL persona.run();
SELECT array_agg(step ORDER BY step) FILTER (WHERE subject = 4) = array_agg(step ORDER BY step) FILTER (WHERE subject = 5) AS same_steps,
	array_agg(started_at ORDER BY step) FILTER (WHERE subject = 4) = array_agg(started_at ORDER BY step) FILTER (WHERE subject = 5) AS same_starts,
	count(*) FILTER (WHERE subject = 4) AS in_a_year
FROM persona_ma.decision WHERE moment = 'hello';
SELECT bool_and(gap >= interval '30 days') AS never_sooner FROM (SELECT started_at - lag(started_at) OVER (PARTITION BY subject ORDER BY started_at) AS gap FROM persona_ma.decision WHERE moment = 'hello') g;
-- a key that is NULL starts nothing
SELECT count(*) FROM persona.define_moment('hello', on_event => 'added', once_per => 'new.cart', again_after => '30 days', purpose => 'service', channel => 'email',
	template => 'x {{ new.item }}', generic => 'x', hypothesis => 'h', expires => NULL);
INSERT INTO ma.cart VALUES (300, 6, NULL, 'x', '2027-06-01 00:00+00');
CALL persona.run();
SELECT sum(n) FROM persona_ma.moment_day WHERE reason = 'no_once_key';
SELECT persona.pause('hello');

-- time already waited counts: 23 hours into a day, made two days, is due in 25
SET persona.clock = '2027-07-01 00:00+00';
CREATE FUNCTION ma.later(delay interval, local_time time) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_moment('later', on_event => 'added', delay => delay, local_time => local_time, purpose => 'service', channel => 'email',
		template => 'x {{ new.item }}', generic => 'x', hypothesis => 'h', expires => '1 hour') $$;
SELECT ma.later('1 day', NULL);
SELECT count(*) FROM persona.activate('later') WHERE level = 'block';
INSERT INTO ma.cart VALUES (400, 7, 'e', 'x', '2027-07-01 00:00+00'), (401, 8, 'e', 'x', '2027-07-01 00:00+00');
UPDATE ma.customer SET zone = 'Asia/Tokyo' WHERE id = 8;
CALL persona.run();
SET persona.clock = '2027-07-01 23:00+00';
SELECT ma.later('2 days', NULL);
SELECT subject, due - persona.now() AS due_in, first_due = due AS expiry_moves_along FROM persona_ma.schedule ORDER BY 1;
-- a local time is each one's own
SELECT ma.later('2 days', '09:00');
SELECT subject, due FROM persona_ma.schedule ORDER BY 1;
-- the same again changes no row
SELECT persona.reschedule('later', 'ma');
-- shorter than what was waited: now
SELECT ma.later('1 hour', NULL);
CALL persona.run();
SELECT subject, outcome, reason FROM persona_ma.decision WHERE moment = 'later' ORDER BY 1;
-- a deferral never prolongs an expiry
SET persona.clock = '2027-07-02 00:00+00';
INSERT INTO ma.cart VALUES (402, 9, 'e', 'x', '2027-07-02 00:00+00');
CALL persona.run();
SELECT count(*) FROM persona.define_policy(channel => 'email', quiet => '00:00-06:00');
SET persona.clock = '2027-07-02 01:00+00';
CALL persona.run();
SELECT due, first_due FROM persona_ma.schedule;
SET persona.clock = '2027-07-02 06:00+00';
CALL persona.run();
SELECT outcome, reason FROM persona_ma.decision WHERE moment = 'later' AND subject = 9;
-- an expiry that is an expression
SELECT count(*) FROM persona.define_moment('later', on_event => 'added', delay => '2 days', purpose => 'service', channel => 'email',
	template => 'x {{ new.item }}', generic => 'x', hypothesis => 'h', expires => $$new.at + interval '1 day'$$);
INSERT INTO ma.cart VALUES (403, 10, 'e', 'x', '2027-07-02 06:00+00');
CALL persona.run();
SET persona.clock = '2027-07-04 06:00+00';
CALL persona.run();
SELECT outcome, reason FROM persona_ma.decision WHERE moment = 'later' AND subject = 10;
SELECT * FROM persona_ma.alert;
RESET persona.clock;
SELECT persona.drop_space('ma', force => true);
DROP SCHEMA ma CASCADE;
