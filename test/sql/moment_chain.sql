-- a chain ends when its predecessor was stopped, or its goal reached
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
SET IntervalStyle = postgres;
CREATE ROLE mch_owner;
CREATE SCHEMA mch AUTHORIZATION mch_owner;
SET ROLE mch_owner;
CREATE TABLE mch.customer (id int PRIMARY KEY, name text, email text);
CREATE TABLE mch.orders (id int PRIMARY KEY, customer_id int REFERENCES mch.customer, item text, amount float8 DEFAULT 10, at timestamptz);
CREATE TABLE mch.returned (id int PRIMARY KEY, customer_id int, order_id int, at timestamptz);
CREATE INDEX ON mch.orders (customer_id, at);
INSERT INTO mch.customer SELECT i, 'n' || i, 'c' || i FROM generate_series(1, 600) i;
RESET ROLE;
SET persona.clock = '2026-04-01 12:00+00';
SELECT count(*) FROM persona.define_space('mch', 'mch.customer');
SET persona.space = 'mch';
SELECT count(*) FROM persona.define_event('purchase', 'mch.orders');
SELECT count(*) FROM persona.define_event('returned', 'mch.returned', subject => 'customer_id', fires => 'never');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) > 0', within => '10 days', target => 0.05);
SELECT count(*) FROM persona.define_experiment('which_thanks', '{generic,personal}', '{0.5,0.5}', goal => 'bought');
-- thanks, an hour after; two days later a question; two days later a hint
CREATE FUNCTION mch.define(moment text, after text, delay interval, experiment text DEFAULT NULL, cancel_rule persona.rule DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_moment(moment, on_event => CASE WHEN after IS NULL THEN 'purchase' END, after_moment => after,
		when_rule => CASE WHEN after IS NULL THEN $r$new.item = 'start'$r$ ELSE 'true' END::persona.rule, purpose => 'service', channel => 'email',
		template => (moment || ' {{ name }} {{ new.item }}')::persona.template, generic => moment::persona.template, delay => delay, experiment => experiment, cancel_rule => cancel_rule, expires => '30 days', hypothesis => 'h');
	SELECT count(*) FROM persona.activate(moment);
$$;
SELECT mch.define('thanks', NULL, '1 hour', 'which_thanks');
SELECT mch.define('ask', 'thanks', '2 days'), mch.define('hint', 'ask', '2 days');
-- two runs, for what follows starts with the next
CREATE PROCEDURE mch.at(at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('persona.clock', at::text, false);
	CALL persona.run(space => 'mch');
	CALL persona.run(space => 'mch');
END $$;
CREATE VIEW mch.chain AS
SELECT d.subject, string_agg(d.moment || ' ' || coalesce(d.reason, d.outcome), ', ' ORDER BY d.at) AS chain FROM persona_mch.decision d GROUP BY 1;

INSERT INTO mch.orders SELECT i, i, 'start', 10, '2026-04-01 12:00+00' FROM generate_series(1, 12) i;
-- before the exposure, which is at 13:00: does not count; at its instant: does
INSERT INTO mch.orders VALUES (104, 4, 'before', 10, '2026-04-01 12:59:59.999999+00'), (105, 5, 'at', 10, '2026-04-01 13:00+00');
CALL mch.at('2026-04-01 12:00+00');
CALL mch.at('2026-04-01 13:00+00');
-- a day later two buys again; three does after the question, with a time that is yet to come; six at no time, seven for nothing
INSERT INTO mch.orders VALUES (102, 2, 'more', 10, '2026-04-02 12:00+00'), (103, 3, 'more', 10, '2026-04-04 12:00+00'), (106, 6, 'more', 10, NULL), (107, 7, 'more', NULL, '2026-04-02 12:00+00');
-- bought by nobody
INSERT INTO mch.orders VALUES (108, NULL, 'more', 10, '2026-04-02 12:00+00');
CALL mch.at('2026-04-03 12:59:59+00');
SELECT count(*) AS too_early FROM persona_mch.decision WHERE moment = 'ask';
-- before it is due: all who are asked give the same answer
SET persona.clock = '2026-04-03 13:00+00';
SELECT s.subject, w.reason AS why_not, w.saw, m.outcome, m.reason, m.gates->3->'saw' = w.saw AS same_saw
FROM generate_series(1, 7) s(subject), persona.why_not(s.subject, 'ask') w, persona.simulate(s.subject, 'ask') m WHERE w.gate = 'cancel' ORDER BY 1;
CALL mch.at('2026-04-03 13:00+00');
CALL mch.at('2026-04-05 13:00+00');
SELECT * FROM mch.chain ORDER BY 1;
SELECT d.subject, d.moment, e.passed, e.reason, e.saw FROM persona_mch.decision d, persona.explain_decision(d.decision) e WHERE e.gate = 'cancel' AND d.reason IS NOT NULL ORDER BY 1;
SELECT count(*) AS told_of_the_rest FROM persona_mch.decision d, persona.explain_decision(d.decision) e WHERE e.gate = 'cancel' AND d.reason IS NULL AND e.saw ? 'goal';
SELECT outcome, reason, sent_at FROM persona_mch.outcome WHERE subject = 2 AND moment = 'ask';

-- by hand: three hundred customers, who buy now and then
INSERT INTO mch.orders SELECT 1000 + i, i, 'start', 1, '2026-04-08 12:00+00' FROM generate_series(101, 400) i;
CALL mch.at('2026-04-08 12:00+00');
CALL mch.at('2026-04-08 13:00+00');
SELECT setseed(0.5);
INSERT INTO mch.orders SELECT 10000 + n, 101 + floor(random() * 300), 'more', 1, '2026-03-28 12:00+00'::timestamptz + random() * interval '20 days' FROM generate_series(1, 300) n;
CALL mch.at('2026-04-10 13:00+00');
CALL mch.at('2026-04-12 13:00+00');
WITH hand AS (
	SELECT c.id AS subject, count(o.id) FILTER (WHERE o.at <= '2026-04-10 13:00+00') > 0 AS by_ask, count(o.id) > 0 AS by_hint
	FROM mch.customer c LEFT JOIN mch.orders o ON o.customer_id = c.id AND o.at BETWEEN '2026-04-08 13:00+00' AND '2026-04-12 13:00+00' AND o.item = 'more'
	WHERE c.id BETWEEN 101 AND 400 GROUP BY 1)
SELECT count(*), count(*) FILTER (WHERE by_ask) BETWEEN 20 AND 40 AS some_by_ask, count(*) FILTER (WHERE by_hint AND NOT by_ask) BETWEEN 15 AND 40 AS some_by_hint,
	bool_and(chain = 'thanks send, ask ' || CASE WHEN by_ask THEN 'cancelled' WHEN by_hint THEN 'send, hint cancelled' ELSE 'send, hint send' END) AS as_by_hand
FROM hand JOIN mch.chain USING (subject);

-- a goal that is redefined takes effect, in a session that has compiled the moment before
INSERT INTO mch.orders SELECT 2000 + i, i, 'start', 1, '2026-06-01 12:00+00' FROM generate_series(401, 404) i;
CALL mch.at('2026-06-01 12:00+00');
CALL mch.at('2026-06-01 13:00+00');
INSERT INTO mch.orders VALUES (2501, 401, 'more', 50, '2026-06-02 00:59:59+00'), (2502, 402, 'more', 50, '2026-06-02 01:00+00'), (2503, 403, 'more', 5, '2026-06-01 14:00+00');
SET persona.clock = '2026-06-03 12:00+00';
CREATE VIEW mch.ask AS SELECT s.subject, w.passed, w.saw->>'goal' AS goal FROM generate_series(401, 404) s(subject), persona.why_not(s.subject, 'ask') w WHERE w.gate = 'cancel' ORDER BY 1;
TABLE mch.ask;
-- ... late: within twelve hours of the exposure, its end excluded
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) FILTER (WHERE amount > 20) > 0', within => '12 hours');
TABLE mch.ask;
-- a total: any of it, whatever lift of the mean is hoped for
SELECT count(*) FROM persona.define_goal('bought', 'sum(purchase.amount)', target => 0.5);
TABLE mch.ask;
UPDATE mch.orders SET amount = CASE id WHEN 2501 THEN float8 'NaN' WHEN 2502 THEN 0 ELSE -5 END WHERE id BETWEEN 2501 AND 2503;
TABLE mch.ask;
UPDATE mch.orders SET amount = 5 WHERE id BETWEEN 2501 AND 2503;
-- a ratio: of nothing by nothing there is none
SELECT count(*) FROM persona.define_goal('bought', 'sum(purchase.amount) FILTER (WHERE item = ''more'') / count(purchase)');
TABLE mch.ask;
-- what more events can make untrue is known when its time is over
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) = 0', within => '47 hours');
TABLE mch.ask;
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) = 0', within => '46 hours');
TABLE mch.ask;
-- fewer complaints, and what is only not to be harmed, is nothing that one comes to
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) > 0', better => 'lower');
TABLE mch.ask;
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) > 0', guardrail => true);
TABLE mch.ask;
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) > 0');
TABLE mch.ask;
-- an experiment with another goal, with one that nobody has defined, and with none
SELECT count(*) FROM persona.define_goal('returned_it', 'count(returned) > 0', within => '1 month');
SELECT count(*) FROM persona.define_experiment('which_thanks', '{generic,personal}', '{0.5,0.5}', goal => 'returned_it');
INSERT INTO mch.returned VALUES (1, 404, 2404, '2026-06-02 12:00+00');
TABLE mch.ask;
SELECT persona.drop_definition('goal', 'returned_it');
SELECT count(*) FROM persona.define_experiment('which_thanks', '{generic,personal}', '{0.5,0.5}', goal => 'yet_to_come');
TABLE mch.ask;
SELECT count(*) FROM persona.define_experiment('which_thanks', '{generic,personal}', '{0.5,0.5}');
TABLE mch.ask;
-- a moment's own experiment, once it is defined; the nearest moment's goal is named first
SELECT count(*) FROM persona.define_experiment('ask', '{generic,personal}', '{0.5,0.5}', goal => 'bought');
SELECT count(*) FROM persona.define_experiment('which_thanks', '{generic,personal}', '{0.5,0.5}', goal => 'bought');
CALL mch.at('2026-06-03 13:00+00');
SELECT mch.define('thanks', NULL, '1 hour');
SELECT mch.define('thanks', NULL, '1 hour', 'which_thanks');
INSERT INTO mch.orders VALUES (2504, 404, 'more', 5, '2026-06-03 14:00+00');
CALL mch.at('2026-06-05 13:00+00');
SELECT d.subject, d.moment, e.saw FROM persona_mch.decision d, persona.explain_decision(d.decision) e WHERE e.gate = 'cancel' AND d.subject BETWEEN 401 AND 404 AND NOT e.passed ORDER BY 1;

-- the holdout goes the same way; a twin that stood in is followed, too
SELECT count(*) FROM persona.define_policy(holdout => 0.999);
INSERT INTO mch.orders SELECT 3000 + i, i, 'start', 1, '2026-07-01 12:00+00' FROM generate_series(501, 502) i;
CALL mch.at('2026-07-01 12:00+00');
CALL mch.at('2026-07-01 13:00+00');
INSERT INTO mch.orders VALUES (3601, 501, 'more', 5, '2026-07-02 12:00+00');
CALL mch.at('2026-07-03 13:00+00');
SELECT * FROM mch.chain WHERE subject > 500 ORDER BY 1;
SELECT count(*) FROM persona.define_policy();

-- a measure that fails for one stops only the one, and says no more than its SQLSTATE
SELECT count(*) FROM persona.define_goal('bought', 'sum(purchase.amount) FILTER (WHERE 1 / (amount - 7) < 1) > 0');
INSERT INTO mch.orders SELECT 4000 + i, i, 'start', 1, '2026-08-01 12:00+00' FROM generate_series(511, 520) i;
CALL mch.at('2026-08-01 12:00+00');
CALL mch.at('2026-08-01 13:00+00');
INSERT INTO mch.orders VALUES (4611, 511, 'more', 7, '2026-08-02 12:00+00'), (4612, 512, 'more', 9, '2026-08-02 12:00+00');
CALL mch.at('2026-08-03 13:00+00');
SELECT chain, count(*) FROM mch.chain WHERE subject > 510 GROUP BY 1 ORDER BY 1;
SELECT place, thing, state FROM persona_mch.alert ORDER BY 1;

-- rehearsed, with the same outcome; and nothing stays
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) > 0', within => '10 days');
SELECT at, subject, moment, outcome, reason FROM persona.rehearse('{"start": "2026-09-01T12:00:00Z", "for": "6 days", "steps": [
	{"do": "insert", "subject": "ann", "row": {"id": 100001, "name": "Ann", "email": "ann"}}, {"do": "insert", "subject": "bob", "row": {"id": 100002, "name": "Bob", "email": "bob"}},
	{"do": "insert", "subject": "ann", "into": "purchase", "row": {"id": 100001, "item": "start"}}, {"do": "insert", "subject": "bob", "into": "purchase", "row": {"id": 100002, "item": "start"}},
	{"do": "insert", "after": "1 day", "subject": "bob", "into": "purchase", "row": {"id": 100003, "item": "more"}}]}');
-- without a delay the purchase that started it all is, by its time, no earlier than the exposure: it is not its own goal
SELECT mch.define('thanks', NULL, '0', 'which_thanks');
SELECT moment, outcome, reason FROM persona.rehearse('{"start": "2026-09-01T12:00:00Z", "for": "6 days", "steps": [
	{"do": "insert", "subject": "ann", "row": {"id": 100001, "name": "Ann", "email": "ann"}}, {"do": "insert", "subject": "ann", "into": "purchase", "row": {"id": 100004, "item": "start"}}]}');
-- a column that a goal counts by is one that the moment reads, and is followed when it is renamed, though it came later than the event
ALTER TABLE mch.orders ADD COLUMN gift boolean;
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) FILTER (WHERE gift) > 0');
SELECT mch.define('ask', 'thanks', '2 days');
ALTER TABLE mch.orders DROP COLUMN gift;
ALTER TABLE mch.orders RENAME COLUMN gift TO present;
SELECT measure FROM persona.goal WHERE space = 'mch' AND goal = 'bought';
SELECT passed FROM persona.why_not(1, 'ask') WHERE gate = 'cancel';
RESET persona.clock;
RESET persona.space;
SELECT persona.drop_space('mch', force => true);
DROP SCHEMA mch CASCADE;
DROP ROLE mch_owner;
