-- what starts a moment: a segment entered, a schedule, another moment
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE ROLE ms_owner;
CREATE SCHEMA ms AUTHORIZATION ms_owner;
SET ROLE ms_owner;
CREATE TABLE ms.customer (id int PRIMARY KEY, name text, email text, zone text, divisor int DEFAULT 1);
CREATE TABLE ms.orders (id int PRIMARY KEY, customer_id int REFERENCES ms.customer, item text, at timestamptz);
CREATE INDEX ON ms.orders (customer_id, at);
INSERT INTO ms.customer SELECT i, 'n' || i, 'c' || i || '@example.org', 'UTC' FROM generate_series(1, 10) i;
RESET ROLE;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('ms', 'ms.customer');
SELECT count(*) FROM persona.define_event('purchase', 'ms.orders');
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');

-- one start and no more, and what it names exists
SELECT * FROM persona.define_moment('two', on_event => 'purchase', schedule => 'daily');
SELECT * FROM persona.define_moment('two', on_event => 'purchase', on_request => true);
SELECT * FROM persona.define_moment('two', schedule => 'hourly');
SELECT * FROM persona.define_moment('two', schedule => 'day 29');
SELECT * FROM persona.define_moment('two', schedule => 'Monday');
SELECT * FROM persona.define_moment('two', on_segment => 'lapsed');
SELECT * FROM persona.define_moment('two', after_moment => 'one');
SELECT * FROM persona.define_moment('two', after_moment => 'two');
SELECT count(*) FROM persona.define_moment('one');
SELECT count(*) FROM persona.define_moment('two', after_moment => 'one');
SELECT * FROM persona.define_moment('one', after_moment => 'two');
SELECT * FROM persona.define_moment('one', after_moment => 'three');
SELECT code FROM persona.define_moment('two', schedule => 'daily') WHERE level = 'block' ORDER BY 1;
SELECT code FROM persona.define_moment('two', on_request => true, delay => '1 hour') WHERE level = 'block' ORDER BY 1;
SELECT * FROM persona.define_moment('two', again_after => '-1 day');
SELECT persona.drop_definition('moment', 'two'), persona.drop_definition('moment', 'one');

-- a segment entered, by a purchase and by mere passing of time
SELECT code FROM persona.define_segment('lapsed', $$ago(last(purchase)) > '30 days'$$);
INSERT INTO ms.orders VALUES (1, 1, 'old', '2025-11-01 00:00+00'), (2, 2, 'mug', '2025-12-02 13:00+00'), (3, 3, 'hat', '2025-12-20 00:00+00');
SELECT code FROM persona.define_moment('win_back', on_segment => 'lapsed', purpose => 'service', channel => 'email',
	template => 'We miss you, {{ name }}', generic => 'We miss you', delay => '1 hour', hypothesis => 'h');
SELECT code FROM persona.activate('win_back');
SELECT persona.drop_definition('segment', 'lapsed');
-- who was in it before has not entered it
CALL persona.run();
SELECT subject, segment, entered_at FROM persona_ms.member ORDER BY 1;
SELECT count(*) AS started FROM persona_ms.schedule;
SET persona.clock = '2026-01-01 13:01+00';
CALL persona.run();
SELECT subject, moment, due, event, event_key, once_key FROM persona_ms.schedule;
-- the same again changes nothing
SELECT * FROM persona.refresh_segments();
CALL persona.run();
SELECT count(*) AS still_one FROM persona_ms.schedule;
-- who left it is not missed any more
INSERT INTO ms.orders VALUES (4, 2, 'cup', '2026-01-01 13:30+00');
SET persona.clock = '2026-01-01 14:02+00';
CALL persona.run();
SELECT subject, outcome, reason FROM persona_ms.decision;
-- a re-entry is a new event
SET persona.clock = '2026-01-31 13:31+00';
CALL persona.run();
SELECT subject, started_at FROM persona_ms.schedule ORDER BY 1;
SET persona.clock = '2026-01-31 14:31+00';
CALL persona.run();
SELECT subject, outcome, reason, once_key FROM persona_ms.decision ORDER BY started_at, subject;
SELECT subject, body ~ '^We miss you' AS body FROM persona_ms.message ORDER BY 1;
-- while it is paused nobody enters, and those who did meanwhile are not caught up with
SELECT persona.pause('win_back');
INSERT INTO ms.orders VALUES (5, 5, 'cup', '2025-01-01 13:30+00');
CALL persona.run();
SELECT persona.resume('win_back');
CALL persona.run();
SELECT count(*) AS none FROM persona_ms.schedule;
SELECT subject FROM persona_ms.member WHERE segment = 'lapsed' AND left_at IS NULL ORDER BY 1;
-- nor are those who are in another segment already, when the live moment is turned to that
SELECT count(*) FROM persona.define_segment('all_of_them', 'true') WHERE level = 'block';
SELECT count(*) FROM persona.define_moment('win_back', on_segment => 'all_of_them', purpose => 'service', channel => 'email',
	template => 'We miss you, {{ name }}', generic => 'We miss you', delay => '1 hour', hypothesis => 'h') WHERE level = 'block';
CALL persona.run();
SELECT count(*) AS none FROM persona_ms.schedule;
INSERT INTO ms.customer VALUES (11, 'n11', 'c11@example.org', 'UTC');
CALL persona.run();
SELECT subject, event FROM persona_ms.schedule;
-- a restored row of long ago never sends
INSERT INTO persona_ms.membership VALUES (6, 'all_of_them', '2025-01-01 00:00+00', NULL);
CALL persona.run();
SELECT reason, sum(n) FROM persona_ms.moment_day WHERE reason <> 'entered' GROUP BY 1;
SELECT starts_on FROM persona_ms.journey;
SELECT persona.pause('win_back');

-- a chain: thanks, then a question a day later, then a hint
SET persona.clock = '2026-02-01 12:00+00';
SELECT code FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email',
	template => 'Thanks for {{ new.item }}', generic => 'Thanks', cancel_rule => $$new.item = 'recalled'$$, hypothesis => 'h');
SELECT code FROM persona.define_moment('ask', after_moment => 'thanks', purpose => 'service', channel => 'email',
	template => 'How is the {{ new.item }}?', generic => 'How is it?', when_rule => $$new.item <> 'nothing'$$, delay => '1 day', hypothesis => 'h');
SELECT code FROM persona.define_moment('hint', after_moment => 'ask', purpose => 'service', channel => 'email',
	template => 'Did you know of the {{ new.item }}?', generic => 'Did you know?', delay => '1 day', hypothesis => 'h');
SELECT count(*) FROM persona.activate('thanks') WHERE level = 'block';
INSERT INTO ms.orders VALUES (10, 1, 'early', '2026-02-01 12:00+00');
CALL persona.run();
SELECT count(*) FROM persona.activate('ask') WHERE level = 'block';
SELECT count(*) FROM persona.activate('hint') WHERE level = 'block';
INSERT INTO ms.orders VALUES (11, 2, 'bowl', '2026-02-01 12:00+00'), (12, 3, 'fork', '2026-02-01 12:00+00'), (13, 4, 'spoon', '2026-02-01 12:00+00'), (14, 7, 'nothing', '2026-02-01 12:00+00');
CALL persona.run();
CALL persona.run();
SELECT subject, moment, due, event, event_key FROM persona_ms.schedule ORDER BY 1;
-- the message of one was stopped, and what another bought was called back
UPDATE persona_ms.message SET state = 'cancelled', done_at = persona.now() WHERE subject = 3 AND moment = 'thanks';
UPDATE ms.orders SET item = 'recalled' WHERE id = 13;
SET persona.clock = '2026-02-02 12:00+00';
CALL persona.run();
SELECT subject, moment, outcome, reason FROM persona_ms.decision WHERE moment = 'ask' ORDER BY 1;
CALL persona.run();
SET persona.clock = '2026-02-03 12:00+00';
CALL persona.run();
SELECT subject, moment, outcome, once_key FROM persona_ms.decision WHERE subject = 2 AND at >= '2026-02-01' ORDER BY at;
SELECT DISTINCT body ~ 'bowl' = (variant = 'personal') AS says_what_was_bought FROM persona_ms.message WHERE subject = 2 AND moment <> 'win_back';
SELECT subject, count(*) FROM persona_ms.decision WHERE at >= '2026-02-01' GROUP BY 1 ORDER BY 1;
SELECT moment, starts_on FROM persona_ms.journey ORDER BY 1;
-- the holdout goes through the same chain
SELECT count(*) FROM persona.define_policy(holdout => 0.999);
INSERT INTO ms.orders VALUES (15, 8, 'vase', '2026-02-03 12:00+00');
CALL persona.run();
CALL persona.run();
SET persona.clock = '2026-02-04 12:00+00';
CALL persona.run();
SELECT moment, outcome FROM persona_ms.decision WHERE subject = 8 ORDER BY at, moment;
SELECT persona.drop_definition('moment', 'thanks');
-- a share by the gate hash: growing it moves nobody out
SELECT count(*) FROM persona.define_policy();
INSERT INTO ms.customer SELECT i, 'n' || i, 'c' || i || '@example.org', 'UTC' FROM generate_series(101, 300) i;
SELECT count(*) FROM persona.define_moment('share', on_event => 'purchase', once_per => 'new.id::text', purpose => 'service', channel => 'email', template => 'x {{ name }}', generic => 'x', hypothesis => 'h') WHERE level = 'block';
SELECT count(persona.pause(m)) FROM unnest('{thanks,ask,hint}'::text[]) m;
SELECT count(*) FROM persona.activate('share', share => 0.3) WHERE level = 'block';
INSERT INTO ms.orders SELECT 1000 + i, i, 'x', '2026-02-04 12:00+00' FROM generate_series(101, 300) i;
CALL persona.run();
SELECT count(*) FROM persona.activate('share', share => 0.6) WHERE level = 'block';
INSERT INTO ms.orders SELECT 2000 + i, i, 'x', '2026-02-04 12:00+00' FROM generate_series(101, 300) i;
CALL persona.run();
WITH first AS (SELECT subject FROM persona_ms.decision WHERE moment = 'share' AND once_key LIKE '1%'), second AS (SELECT subject FROM persona_ms.decision WHERE moment = 'share' AND once_key LIKE '2%')
SELECT (SELECT count(*) FROM first) BETWEEN 40 AND 80 AS about_a_third, (SELECT count(*) FROM second) BETWEEN 95 AND 145 AS about_two, NOT EXISTS (TABLE first EXCEPT TABLE second) AS nobody_moved_out,
	(SELECT bool_and(persona.bucket(subject, 'share.share') < 0.3) FROM first) AS by_the_gate_hash;
SELECT * FROM persona_ms.alert;
RESET persona.clock;
SELECT persona.drop_space('ms', force => true);
DROP SCHEMA ms CASCADE;
DROP ROLE ms_owner;
