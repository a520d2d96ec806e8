-- the gates, each closed by itself, and what follows
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE ROLE mg_owner;
CREATE ROLE mg_shop;
CREATE SCHEMA mg AUTHORIZATION mg_owner;
SET ROLE mg_owner;
CREATE TABLE mg.customer (id int PRIMARY KEY, name text, email text, zone text, secret text, divisor int DEFAULT 1);
CREATE TABLE mg.orders (id int PRIMARY KEY, customer_id int REFERENCES mg.customer, invoice text, sku text, amount numeric, at timestamptz);
CREATE TABLE mg.returned (id int PRIMARY KEY, customer_id int, sku text, at timestamptz);
CREATE TABLE mg.feed (customer_id int, at timestamptz);
CREATE INDEX ON mg.orders (customer_id, at);
INSERT INTO mg.customer SELECT i, 'name' || i, 'c' || i || '@example.org', 'UTC', 'secret' || i FROM generate_series(1, 30) i;
INSERT INTO mg.feed VALUES (1, '2026-01-01 00:00+00');
RESET ROLE;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('mg', 'mg.customer');
SELECT code FROM persona.define_event('purchase', 'mg.orders');
SELECT code FROM persona.define_event('returned', 'mg.returned', subject => 'customer_id', fires => 'never');
SELECT code FROM persona.define_event('feed', 'mg.feed', subject => 'customer_id', fires => 'never');
SELECT code FROM persona.define_channel('email', 'email', time_zone => 'zone');
SELECT code FROM persona.define_purpose('marketing', 'consent', expires => '1 year');
SELECT code FROM persona.define_attribute('secret', 'user.health', 'inferred');
SELECT code FROM persona.define_attribute('name', 'user.name', 'declared');
SELECT code FROM persona.define_attribute('feed.at', 'user.behaviour', 'observed', max_age => '3 days');
SELECT code FROM persona.define_moment('thanks', on_event => 'purchase', when_rule => 'new.amount / divisor > 5', purpose => 'marketing', channel => 'email',
	subject_line => E'Order {{ new.invoice }}', template => 'Dear {{ name }}, {{ secret }}', generic => 'Thank you for {{ new.sku }}', delay => '1 day',
	once_per => 'new.invoice', cancel_rule => 'count(returned) FILTER (WHERE sku = new.sku) > 0 OR count(feed) > 5', expires => '2 days', hypothesis => 'h');
SELECT code FROM persona.activate('thanks');
SELECT count(persona.grant_consent(id, 'marketing', 'email', 'test')) FROM mg.customer WHERE id NOT IN (5, 6);

-- an application without a right on persona buys; a rolled back purchase leaves no trace
GRANT USAGE ON SCHEMA mg TO mg_shop;
GRANT SELECT, INSERT ON mg.orders TO mg_shop;
SET ROLE mg_shop;
BEGIN;
INSERT INTO mg.orders VALUES (999, 1, 'i999', 'a', 100, '2026-01-01 13:00+00');
ROLLBACK;
BEGIN;
INSERT INTO mg.orders VALUES (998, 1, 'i998', 'a', 100, '2026-01-01 13:00+00');
SAVEPOINT s;
INSERT INTO mg.orders VALUES (997, 1, 'i997', 'a', 100, '2026-01-01 13:00+00');
ROLLBACK TO s;
COMMIT;
SELECT * FROM persona_mg.inbox;
COPY mg.orders FROM stdin;
1	1	i1	a	10	2026-01-01 12:30+00
2	1	i1	b	10	2026-01-01 12:30+00
3	2	i2	a	1	2026-01-01 12:30+00
4	3	i3	a	\N	2026-01-01 12:30+00
5	4	i4	a	10	2026-01-01 11:59+00
6	\N	i6	a	10	2026-01-01 12:30+00
7	5	i7	a	10	2026-01-01 12:30+00
8	6	i8	a	10	2026-01-01 12:30+00
9	7	i9	a	10	2026-01-01 12:30+00
10	8	i10	a	10	2026-01-01 12:30+00
11	9	i11	a	10	2026-01-01 12:30+00
12	10	i12	a	10	2026-01-01 12:30+00
13	11	i13	a	10	2026-01-01 12:30+00
14	12	i14	a	10	\N
15	13	i15	a	10	infinity
16	14	i16	a	10	2026-01-01 12:30+00
17	15	i17	a	10	2026-01-01 12:30+00
18	16	\N	a	10	2026-01-01 12:30+00
19	17	i19	a	10	2026-01-01 12:30+00
\.
RESET ROLE;
SELECT count(*) AS rows, count(DISTINCT xmin::text) AS statements FROM persona_mg.inbox;
ALTER TABLE mg.orders DISABLE TRIGGER ALL;
INSERT INTO mg.orders VALUES (20, 18, 'i20', 'a', 10, '2025-12-01 12:30+00');
ALTER TABLE mg.orders ENABLE TRIGGER ALL;
-- a customer unknown to the subject table
INSERT INTO persona_mg.inbox VALUES (12345, 'purchase', '{1}', '2026-01-01 12:30+00', now());
-- poison for one row: it stops only itself
UPDATE mg.customer SET divisor = 0 WHERE id = 17;
CALL persona.run();
SELECT moment, reason, sum(n) FROM persona_mg.moment_day GROUP BY 1, 2 ORDER BY 1, 2;
SELECT place, thing, state, n FROM persona_mg.alert;
SELECT count(*) AS scheduled, min(due), max(due) FROM persona_mg.schedule;

-- a day later everything has changed
SET persona.clock = '2026-01-02 12:30+00';
SELECT persona.withdraw_consent(6, 'marketing', 'email', 'test') IS NOT NULL AS withdrawn_without_any_yes;
UPDATE mg.customer SET email = ' ' WHERE id = 7;
SELECT persona.suppress(8, 'email', 'complaint');
DELETE FROM mg.orders WHERE id = 11;
INSERT INTO mg.returned VALUES (1, 10, 'a', '2026-01-02 00:00+00');
SELECT persona.set_preference(11, 'user.health', false);
UPDATE mg.orders SET amount = 1 WHERE id = 16;
UPDATE mg.customer SET divisor = 0 WHERE id = 15;
CALL persona.run();
SELECT subject, once_key, outcome, reason, fallback, variant IS NOT NULL AS variant FROM persona_mg.decision ORDER BY subject, once_key;
SELECT count(*) AS left_to_decide FROM persona_mg.schedule;
-- exposures are of variants; a twin that stood in is none
SELECT subject, variant = (SELECT variant FROM persona_mg.decision d WHERE d.decision = e.decision) AS same FROM persona_mg.exposure e ORDER BY 1;
SELECT subject, subject_line, body = CASE variant WHEN 'generic' THEN 'Thank you for a' ELSE format('Dear name%s, secret%1$s', subject) END AS text_of_its_variant,
	categories = CASE variant WHEN 'generic' THEN '{}' ELSE '{user.name,user.health}' END::text[] AS categories_of_its_variant
FROM persona_mg.message ORDER BY subject, message;
-- every decision is explained: twelve gates when it came to the end, ten when not, each with what it saw
SELECT DISTINCT outcome, fallback, (SELECT count(*) FROM persona.explain_decision(decision)) AS gates,
	(SELECT string_agg(gate, ' ') FROM persona.explain_decision(decision) WHERE NOT passed) AS closed FROM persona_mg.decision ORDER BY 1, 2, 3, 4;
SELECT bool_and(reason IS NOT DISTINCT FROM (SELECT e.reason FROM persona.explain_decision(decision) WITH ORDINALITY e(gate, passed, reason, saw, n) WHERE NOT passed ORDER BY n LIMIT 1)) AS first_closed_is_the_reason
FROM persona_mg.decision;
-- no value of a customer's stands in what gates saw
SELECT count(*) AS leaks FROM persona_mg.decision WHERE gates::text ~ 'secret|example|name[0-9]';
-- once per invoice, however often it arrives
INSERT INTO persona_mg.inbox VALUES (1, 'purchase', '{1}', '2026-01-01 12:30+00', now()), (1, 'purchase', '{1}', '2026-01-01 12:30+00', now()), (15, 'purchase', '{17}', '2026-01-01 12:30+00', now());
CALL persona.run();
SELECT max(n) AS most_decisions_an_invoice FROM (SELECT count(*) AS n FROM persona_mg.decision GROUP BY subject, once_key) d;

-- policies: cap, quiet hours, surprise, categories, holdout
SELECT code FROM persona.define_policy(channel => 'email', cap => 1, per => '7 days');
INSERT INTO mg.orders VALUES (101, 1, 'i101', 'z', 10, '2026-01-02 12:30+00'), (102, 20, 'i102', 'z', 10, '2026-01-02 12:30+00'), (103, 20, 'i103', 'z', 10, '2026-01-02 12:30+00');
CALL persona.run();
SET persona.clock = '2026-01-03 12:30+00';
CALL persona.run();
SELECT subject, outcome, reason FROM persona_mg.decision WHERE once_key IN ('i101', 'i102', 'i103') ORDER BY 1, 2;
SELECT code FROM persona.define_policy(channel => 'email', quiet => '20:00-08:00');
UPDATE mg.customer SET zone = CASE id WHEN 21 THEN 'Asia/Tokyo' WHEN 22 THEN 'America/New_York' WHEN 23 THEN 'Mars/Phobos' WHEN 24 THEN 'XYZ+5' END WHERE id BETWEEN 21 AND 24;
INSERT INTO mg.orders SELECT 180 + i, i, 'i' || 180 + i, 'z', 10, '2026-01-03 12:40+00' FROM generate_series(21, 24) i;
CALL persona.run();
SET persona.clock = '2026-01-04 12:40+00';
CALL persona.run();
SELECT subject, outcome FROM persona_mg.decision WHERE once_key ~ '^i20' ORDER BY 1;
SELECT subject, due, first_due FROM persona_mg.schedule ORDER BY 1;
SELECT count(*) FROM persona.define_policy(channel => 'email', max_surprise => 10);
INSERT INTO persona_mg.decision SELECT subject, gen_random_uuid(), started_at, moment, moment_version, experiment, 'personal', channel, purpose, '2026-01-04 00:00+00', due, 'send', NULL,
	false, false, event, event_key, 'before', 0, '[]' FROM persona_mg.decision WHERE subject = 21;
INSERT INTO mg.orders VALUES (301, 21, 'j301', 'z', 10, '2026-01-04 12:40+00');
CALL persona.run();
SET persona.clock = '2026-01-05 12:41+00';
SELECT count(*) FROM persona.define_policy(categories => '{user.name}');
SELECT persona.set_preference(21, 'user.behaviour', true);
CALL persona.run();
SELECT subject, outcome, reason, variant, fallback FROM persona_mg.decision WHERE once_key ~ '^(j|i20)' ORDER BY 1, 2, 3;
-- a feed that has stopped
SET persona.clock = '2026-01-05 12:42+00';
SELECT count(*) FROM persona.define_policy(categories => NULL);
SELECT code FROM persona.define_moment('stale', on_event => 'purchase', when_rule => 'count(feed) >= 0', purpose => 'marketing', channel => 'email', template => 'x', generic => 'y', hypothesis => 'h');
SELECT code FROM persona.activate('stale');
INSERT INTO mg.orders VALUES (401, 25, 'k', 'z', 1, '2026-01-05 12:42+00');
CALL persona.run();
SELECT subject, moment, outcome, reason FROM persona_mg.decision WHERE moment = 'stale';
-- a holdout gets nothing, is exposed, and counts as a ghost in the cap
SELECT persona.pause('stale');
SELECT count(*) FROM persona.define_policy(channel => 'email', cap => 1, holdout => 0.999);
INSERT INTO mg.orders VALUES (501, 26, 'l1', 'z', 10, '2026-01-05 12:42+00'), (502, 26, 'l2', 'z', 10, '2026-01-05 12:42+00');
CALL persona.run();
SET persona.clock = '2026-01-06 12:42+00';
CALL persona.run();
SELECT outcome, reason, variant FROM persona_mg.decision WHERE subject = 26 ORDER BY 1, 2;
SELECT variant FROM persona_mg.exposure WHERE subject = 26;
SELECT count(*) AS messages_to_the_holdout FROM persona_mg.message WHERE subject = 26;

-- a customer who is gone, a value that is missing, an expiry, a consent that has expired
SELECT count(*) FROM persona.define_policy(channel => 'email');
SELECT count(*) FROM persona.define_attribute('feed.at', 'user.behaviour', 'observed');
SET persona.clock = '2026-01-07 12:00+00';
INSERT INTO mg.orders SELECT 700 + i, i, 'm' || i, 'z', 10, '2026-01-07 12:00+00' FROM generate_series(19, 30) i WHERE i NOT IN (20, 21, 26);
CALL persona.run();
DELETE FROM mg.orders WHERE customer_id = 28;
DELETE FROM mg.customer WHERE id = 28;
UPDATE mg.customer SET name = ' ' WHERE id BETWEEN 22 AND 27;
SET persona.clock = '2026-01-08 12:00+00';
UPDATE mg.customer SET zone = 'Asia/Tokyo' WHERE id IN (29, 30);
CALL persona.run();
SELECT subject, outcome, reason FROM persona_mg.decision WHERE subject = 28;
SELECT DISTINCT outcome, d.reason, coalesce(variant, '') = 'generic' AS generic, e.saw->>'missing' AS missing FROM persona_mg.decision d
LEFT JOIN LATERAL persona.explain_decision(d.decision) e ON e.gate = 'render' WHERE once_key ~ '^m' AND subject BETWEEN 22 AND 27 ORDER BY 1, 2;
SELECT bool_and(variant = 'personal') AS exposed_though_not_rendered FROM persona_mg.decision d JOIN persona_mg.exposure e USING (decision, subject, variant) WHERE reason = 'render_error';
SELECT count(*) AS no_quiet_hours_left FROM persona_mg.schedule;
INSERT INTO mg.orders VALUES (801, 29, 'n1', 'z', 10, '2026-01-08 12:00+00');
CALL persona.run();
SET persona.clock = '2026-01-11 12:00+00';
INSERT INTO mg.orders VALUES (802, 30, 'n2', 'z', 10, '2026-01-11 12:00+00');
CALL persona.run();
SELECT reason FROM persona_mg.decision WHERE once_key = 'n1';
SET persona.clock = '2027-01-01 12:00+00';
INSERT INTO mg.orders VALUES (803, 30, 'n3', 'z', 10, '2027-01-01 12:00+00');
CALL persona.run();
SET persona.clock = '2027-01-02 12:00+00';
CALL persona.run();
SELECT once_key, reason FROM persona_mg.decision WHERE once_key IN ('n2', 'n3') ORDER BY 1;
SELECT count(*) AS partitions FROM pg_inherits WHERE inhparent = 'persona_mg.decision'::regclass;
-- a transactional message needs neither consent nor room under a cap
SELECT count(*) FROM persona.define_policy(channel => 'email', cap => 0);
SELECT code FROM persona.define_moment('receipt', on_event => 'purchase', purpose => 'marketing', channel => 'email', template => 'Receipt {{ new.invoice }}', generic => 'Receipt', transactional => true, hypothesis => 'h');
SELECT code FROM persona.activate('receipt');
INSERT INTO mg.orders VALUES (804, 5, 'o1', 'z', 1, '2027-01-02 12:00+00');
CALL persona.run();
SELECT outcome, reason FROM persona_mg.decision WHERE moment = 'receipt';
SELECT subject FROM persona.claim('email', 100) WHERE moment = 'receipt';
SELECT persona.pause('receipt');
SET persona.clock = '2026-01-06 12:42+00';

-- why_not: the same gates, nothing written
SELECT gate, passed, reason FROM persona.why_not(5, 'thanks');
SELECT count(*) FROM persona.why_not('30', 'thanks');
SELECT * FROM persona.why_not(5, 'thnaks');
SELECT * FROM persona.why_not('x', 'thanks');
SELECT * FROM persona.explain_decision('00000000-0000-0000-0000-000000000000');
-- off is off
SET persona.enabled = off;
INSERT INTO mg.orders VALUES (601, 27, 'm', 'z', 10, '2026-01-06 12:42+00');
CALL persona.run();
SELECT count(*) FROM persona.claim('email', 10);
RESET persona.enabled;
SELECT count(*) AS unseen FROM persona_mg.inbox;
RESET persona.clock;
SELECT persona.drop_space('mg', force => true);
DROP SCHEMA mg CASCADE;
DROP ROLE mg_owner, mg_shop;
