-- the first gate, and bounds of others: a moment that is not live, the instant of an expiry, an address that was suppressed meanwhile
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE SCHEMA mli;
CREATE TABLE mli.customer (id int PRIMARY KEY, email text);
CREATE TABLE mli.orders (id int PRIMARY KEY, customer_id int REFERENCES mli.customer, at timestamptz);
CREATE INDEX ON mli.orders (customer_id, at);
INSERT INTO mli.customer SELECT i, 'c' || i || '@example.org' FROM generate_series(1, 10) i;
SET persona.clock = '2026-05-04 12:00+00';
SELECT count(*) FROM persona.define_space('mli', 'mli.customer');
SET persona.space = 'mli';
SELECT count(*) FROM persona.define_event('purchase', 'mli.orders');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => '{{ email }}', generic => 'x', delay => '1 hour', expires => '2 hours', hypothesis => 'h');
INSERT INTO mli.orders VALUES (1, 1, '2026-05-04 11:00+00');
CREATE VIEW mli.live AS SELECT passed, reason, saw FROM persona.why_not(1, 'thanks') WHERE gate = 'live';
-- an idea; tried out it is taken to be live
TABLE mli.live;
SELECT outcome, reason FROM persona.simulate(1, 'thanks');
SELECT count(*) FROM persona.activate('thanks') WHERE level = 'block';
TABLE mli.live;
SET persona.enabled = off;
TABLE mli.live;
RESET persona.enabled;
-- paused, and held: what is due stays where it is; the others go on
INSERT INTO mli.orders SELECT 10 + i, i, '2026-05-04 12:00+00' FROM generate_series(1, 4) i;
CALL persona.run();
SET persona.clock = '2026-05-04 13:00+00';
SELECT persona.pause('thanks');
TABLE mli.live;
CALL persona.run();
SELECT (SELECT count(*) FROM persona_mli.decision) AS decided, count(*) AS wait FROM persona_mli.schedule;
SELECT persona.resume('thanks', held => 'send');
UPDATE persona.moment SET held_at = persona.now() WHERE space = 'mli';
TABLE mli.live;
SELECT outcome, reason FROM persona.simulate(1, 'thanks');
CALL persona.run();
SELECT (SELECT count(*) FROM persona_mli.decision) AS decided, count(*) AS wait FROM persona_mli.schedule;
-- dropped, and counted
UPDATE persona_mli.schedule SET due = due + interval '3 hours', first_due = first_due + interval '3 hours' WHERE subject > 2;
SELECT persona.resume('thanks') AS dropped;
SELECT reason, sum(n) FROM persona_mli.moment_day GROUP BY 1 ORDER BY 1;
TABLE mli.live;
-- an expiry is exclusive at its instant: it was due at 16:00, and expires at 18:00
SELECT subject, due FROM persona_mli.schedule ORDER BY 1;
UPDATE persona_mli.schedule SET due = due + interval '2 hours' WHERE subject = 4;
SET persona.clock = '2026-05-04 17:59:59.999999+00';
CALL persona.run();
SET persona.clock = '2026-05-04 18:00+00';
CALL persona.run();
SELECT subject, outcome, reason FROM persona_mli.decision ORDER BY 1;
-- in the outbox as well
SELECT count(*) AS handed_over FROM persona.claim('email', 10);
SELECT subject, state, reason FROM persona_mli.message;
-- suppressed by the address, whoever has it and however it is written: before a decision, and before a claim
INSERT INTO mli.orders VALUES (21, 5, '2026-05-04 18:00+00'), (22, 6, '2026-05-04 18:00+00'), (23, 7, '2026-05-04 18:00+00');
UPDATE mli.customer SET email = ' C6@Example.ORG' WHERE id = 7;
CALL persona.run();
SET persona.clock = '2026-05-04 19:00+00';
SELECT persona.suppress_address('c5@example.org', 'email', 'bounced') IS NOT NULL AS done;
CALL persona.run();
SELECT subject, outcome, reason FROM persona_mli.decision WHERE subject >= 5 ORDER BY 1;
SELECT persona.suppress_address('c6@example.org', NULL, 'complaint') IS NOT NULL AS done;
SELECT count(*) AS handed_over FROM persona.claim('email', 10);
SELECT subject, state, reason FROM persona_mli.message WHERE subject >= 5 ORDER BY 1;
SELECT subject, outcome, reason FROM persona_mli.outcome WHERE subject >= 5 ORDER BY 1;
-- retired, and begun anew: what a batch was at meanwhile does not go out then
SELECT persona.retire('thanks') AS closed;
TABLE mli.live;
INSERT INTO persona_mli.schedule (subject, decision, moment, due, first_due, started_at, counts_from, event, event_key, once_key, step)
	VALUES (8, gen_random_uuid(), 'thanks', persona.now(), persona.now(), persona.now(), persona.now(), 'purchase', '{21}', '21', 0);
UPDATE persona_mli.message SET state = 'ready', reason = NULL, done_at = NULL, expires_at = NULL WHERE subject = 3;
SELECT count(*) FROM persona.activate('thanks') WHERE level = 'block';
TABLE mli.live;
CALL persona.run();
SELECT count(*) AS handed_over FROM persona.claim('email', 10);
SELECT (SELECT count(*) FROM persona_mli.schedule) AS wait, (SELECT reason FROM persona_mli.message WHERE subject = 3) AS reason,
	(SELECT sum(n) FROM persona_mli.moment_day WHERE reason = 'retired') AS counted;
RESET persona.clock;
RESET persona.space;
SELECT persona.drop_space('mli', force => true);
DROP SCHEMA mli CASCADE;
