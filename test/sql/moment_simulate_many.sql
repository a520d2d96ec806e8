-- simulate_segment over more members than a batch has: what a run then decides of them, counted
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE SCHEMA my;
CREATE TABLE my.customer (id int PRIMARY KEY, name text, email text, zone text, divisor int);
CREATE TABLE my.orders (id int PRIMARY KEY, customer_id int REFERENCES my.customer, item text, amount int, at timestamptz);
CREATE INDEX ON my.orders (customer_id, at);
-- four of a family share an address, 1,000 numbers apart: in different batches
INSERT INTO my.customer SELECT i, CASE WHEN i % 13 > 0 THEN 'n' || i END, CASE WHEN i % 11 > 0 THEN 'c' || i % 1000 || '@example.org' END, CASE WHEN i % 3 = 0 THEN 'Asia/Tokyo' ELSE 'UTC' END, i % 500 FROM generate_series(1, 3500) i;
INSERT INTO my.orders SELECT i, i, CASE WHEN i % 7 = 0 THEN 'back' ELSE 'mug' END, i % 10, '2026-01-01 12:00+00' FROM generate_series(1, 3400) i;
SET persona.clock = '2026-01-01 11:00+00';
SET persona.space = 'my';
SELECT count(*) FROM persona.define_space('my', 'my.customer');
SELECT count(*) FROM persona.define_event('purchase', 'my.orders');
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('marketing', 'consent');
SELECT count(*) FROM persona.define_segment('everybody', 'true');
SELECT count(*) FROM persona.define_policy(cap => 2, per => '1 day', quiet => '20:00-08:00', holdout => 0.1);
SELECT count(*) FROM persona.define_moment('thanks', on_event => 'purchase', when_rule => '10 / divisor >= 0 AND new.amount > 1', cancel_rule => $$new.item = 'back'$$, purpose => 'marketing', channel => 'email',
	template => '{{ name }} {{ new.item }}', generic => 'Thanks', hypothesis => 'h');
SELECT count(persona.grant_consent(id, 'marketing', 'email', 'test')) FROM my.customer WHERE id % 9 > 0;
SELECT count(*) FROM persona.activate('thanks', override => 'a test') WHERE level = 'block' AND code <> 'missing_without_default';
SET persona.clock = '2026-01-01 12:00+00';
CREATE TABLE my.simulated AS SELECT * FROM persona.simulate_segment('everybody', 'thanks');
SELECT sum(n) = (SELECT count(*) FROM my.customer) AS everybody, count(DISTINCT reason) >= 8 AS many_reasons, bool_or(reason = 'frequency_cap') AS families FROM my.simulated;
INSERT INTO persona_my.inbox SELECT customer_id, 'purchase', ARRAY[id::text], at, now() FROM my.orders;
CALL persona.run();
SELECT persona.resume('thanks', held => 'send');
CALL persona.run();
-- who has a rule that is false or unknown gets as far as the inbox, and no further
CREATE VIEW my.did AS
SELECT outcome, reason, variant, count(*) AS n FROM persona_my.decision GROUP BY 1, 2, 3
UNION ALL SELECT 'defer', 'quiet_hours', NULL, count(*) FROM persona_my.schedule HAVING count(*) > 0
UNION ALL SELECT 'skip', reason, NULL, sum(n) FROM persona_my.moment_day WHERE reason IN ('rule_false', 'rule_unknown') GROUP BY reason
UNION ALL SELECT 'skip', 'no_start', NULL, 100;
(SELECT outcome, reason, NULL AS variant, sum(n) FROM my.simulated WHERE outcome <> 'send' GROUP BY 1, 2 EXCEPT SELECT outcome, reason, NULL, sum(n) FROM my.did WHERE outcome <> 'send' GROUP BY 1, 2);
(SELECT outcome, reason, variant, n FROM my.simulated WHERE outcome = 'send' EXCEPT SELECT outcome, reason, variant, n FROM my.did);
SELECT (SELECT sum(n) FROM my.simulated) = (SELECT sum(n) FROM my.did) AS nobody_else;
-- it can be stopped
SET statement_timeout = '20ms';
SELECT count(*) FROM persona.simulate_segment('everybody', 'thanks');
RESET statement_timeout;
RESET persona.clock;
SELECT persona.drop_space('my', force => true);
DROP SCHEMA my CASCADE;
