-- policies: what the house says, and what a space may add
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET IntervalStyle = postgres;
CREATE SCHEMA mp;
CREATE TABLE mp.customer (id int PRIMARY KEY, email text, phone text, zone text, amount numeric, weight float8, seen timestamptz, likes text);
CREATE TABLE mp.orders (id int PRIMARY KEY, customer_id int REFERENCES mp.customer, amount float8, at timestamptz);
CREATE INDEX ON mp.orders (customer_id, at);
INSERT INTO mp.customer SELECT i, 'c' || i || '@example.org', '+49' || i, 'UTC', 1, 1, '2026-03-01', 'tea' FROM generate_series(1, 60) i;
SET persona.clock = '2026-03-02 12:00+00';
SELECT count(*) FROM persona.define_space('mp', 'mp.customer');
SET persona.space = 'mp';
SELECT count(*) FROM persona.define_event('purchase', 'mp.orders');
SELECT count(*) FROM persona.define_channel('mp_mail', 'email', time_zone => 'zone');
SELECT count(*) FROM persona.define_channel('mp_text', 'phone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_purpose('service.care', 'opt_out');
SELECT count(*) FROM persona.define_purpose('advert', 'opt_out');

-- the house is written to by name, and needs no channel of its own
SELECT * FROM persona.define_policy(channel => 'mp_mail', cap => 4, per => '7 days', quiet => '21:00-08:00', max_surprise => 60,
	categories => '{user,shop.orders}', max_per_hour => 5000, holdout => 0.1, retention => '1 year', space => 'house');
SELECT * FROM persona.define_policy(channel => 'No', space => 'house');
-- looser is an error that names the house's value
SELECT persona.define_policy(channel => 'mp_mail', cap => 5, per => '7 days');
SELECT persona.define_policy(channel => 'mp_mail', cap => 4, per => '1 day');
SELECT persona.define_policy(channel => 'mp_mail', cap => 20, per => '30 days');
SELECT persona.define_policy(channel => 'mp_mail', purpose => 'service.care', cap => 5);
SELECT persona.define_policy(channel => 'mp_mail', quiet => '22:00-08:00');
SELECT persona.define_policy(channel => 'mp_mail', quiet => '12:00-13:00');
SELECT persona.define_policy(channel => 'mp_mail', max_surprise => 61);
SELECT persona.define_policy(channel => 'mp_mail', categories => '{user.name,shop}');
SELECT persona.define_policy(channel => 'mp_mail', max_per_hour => 5001);
SELECT persona.define_policy(channel => 'mp_mail', holdout => 0.05);
SELECT persona.define_policy(channel => 'mp_mail', retention => '2 years');
-- as strict, stricter, on another channel, or for more than the house speaks of: fine
SELECT count(*) FROM persona.define_policy(channel => 'mp_mail', cap => 4);
SELECT count(*) FROM persona.define_policy(channel => 'mp_mail', cap => 1, per => '1 day', quiet => '20:00-09:00', max_surprise => 40,
	categories => '{user.name}', max_per_hour => 100, holdout => 0.2, retention => '30 days');
SELECT count(*) FROM persona.define_policy(channel => 'mp_text', cap => 50, quiet => '01:00-02:00');
SELECT count(*) FROM persona.define_policy(cap => 100, per => '7 days');
-- the law of quiet hours, minute by minute
WITH m AS (SELECT n, make_time(n / 60, n % 60, 0) AS t FROM generate_series(0, 1439) n),
	s(f, t) AS (VALUES ('21:00'::time, '08:00'::time), ('08:00', '21:00'), ('00:00', '24:00'), ('12:00', '12:00'), ('00:00', '00:01'), ('23:59', '24:00'),
		('23:00', '01:00'), ('22:59', '01:00'), ('06:30', '06:00')),
	i AS (SELECT s.f, s.t, array_agg(m.n) FILTER (WHERE CASE WHEN s.f <= s.t THEN m.t >= s.f AND m.t < s.t ELSE m.t >= s.f OR m.t < s.t END) AS minutes FROM s, m GROUP BY 1, 2)
SELECT count(*) AS pairs, count(*) FILTER (WHERE persona.quiet_covers(a.f, a.t, b.f, b.t)) AS covering,
	bool_and(persona.quiet_covers(a.f, a.t, b.f, b.t) = (coalesce(b.minutes, '{}') <@ coalesce(a.minutes, '{}'))) AS as_counted
FROM i a, i b;
-- the law of caps: an error exactly where the house's cap leaves nothing to the space's
WITH c AS (SELECT cap, per FROM generate_series(0, 6) cap, generate_series(1, 15) per)
SELECT bool_and(EXISTS (SELECT FROM persona.loosened((NULL, '', '', m.cap, m.per * interval '1 day', NULL, NULL, NULL, NULL, NULL, NULL, NULL)::persona.policy,
		(NULL, '', '', h.cap, h.per * interval '1 day', NULL, NULL, NULL, NULL, NULL, NULL, NULL)::persona.policy) l WHERE l.thing = 'cap')
	= (m.cap > 0 AND (m.cap, m.per) <> (h.cap, h.per) AND m.cap >= h.cap * ((m.per + h.per - 1) / h.per))) AS looser_where_it_never_bites
FROM c m, c h;
-- a house that grows stricter says which spaces are looser by now
SELECT level, code, object, message FROM persona.define_policy(channel => 'mp_text', cap => 2, space => 'house');
SELECT count(*) FROM persona.define_policy(channel => 'mp_text', space => 'house');
-- who owns a space reads the house's policies and changes them not
CREATE ROLE mp_member;
GRANT SELECT, UPDATE ON persona.policy TO mp_member;
GRANT SELECT ON persona.space TO mp_member;
SET ROLE mp_member;
SELECT count(*) > 0 AS reads FROM persona.policy WHERE space = 'house';
WITH changed AS (UPDATE persona.policy SET cap = 999 RETURNING 1) SELECT count(*) AS changes FROM changed;
RESET ROLE;
REVOKE ALL ON persona.policy, persona.space FROM mp_member;
DROP ROLE mp_member;

-- what was inherited counts in a run: the house's cap where the space says nothing
SELECT count(*) FROM persona.define_policy(channel => 'mp_mail', cap => 2, per => '7 days', space => 'house');
SELECT count(*) FROM persona.define_policy(channel => 'mp_mail', purpose => 'advert', cap => 1, per => '1 day', space => 'house');
SELECT count(*) FROM persona.define_policy(channel => 'mp_mail');
SELECT count(*) FROM persona.define_policy(channel => 'mp_text');
SELECT count(*) FROM persona.define_policy();
CREATE FUNCTION mp.moment(name text, purpose text, channel text, priority int DEFAULT 0) RETURNS void LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_moment(name, on_event => 'purchase', purpose => purpose, channel => channel,
		template => 'a', generic => 'b', priority => priority, hypothesis => 'h');
	SELECT count(*) FROM persona.activate(name);
$$;
SELECT mp.moment('low', 'service', 'mp_mail', 1), mp.moment('high', 'advert', 'mp_mail', 9), mp.moment('middle', 'service.care', 'mp_mail', 5), mp.moment('text', 'service', 'mp_text', 0);
INSERT INTO mp.orders SELECT i, i, 1, '2026-03-02 12:00+00' FROM generate_series(1, 20) i;
CALL persona.run();
-- of four moments due for each at once the two of higher priority have the channel's two; another channel is not concerned
SELECT moment, outcome, reason, count(*) FROM persona_mp.decision GROUP BY 1, 2, 3 ORDER BY 1;
SET persona.clock = '2026-03-10 12:00+00';
INSERT INTO mp.orders SELECT 200 + i, i, 1, '2026-03-10 12:00+00' FROM generate_series(1, 10) i;
INSERT INTO mp.orders SELECT 300 + i, i, 1, '2026-03-10 12:00+00' FROM generate_series(1, 10) i;
CALL persona.run();
-- a cap of the purpose advert, one a day, leaves the second of the channel's two to the next in line
SELECT moment, outcome, reason, count(*) FROM persona_mp.decision WHERE at = persona.now() AND started_at = persona.now() GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT max(n) AS most_in_a_week FROM (SELECT count(*) AS n FROM persona_mp.decision WHERE channel = 'mp_mail' AND outcome = 'send' AND at = persona.now() GROUP BY subject) d;
SELECT DISTINCT c.* FROM persona_mp.decision d, persona.explain_decision(d.decision) e, jsonb_to_recordset(e.saw->'caps') c(channel text, purpose text, per text, sent int, cap int)
WHERE d.moment = 'high' AND e.gate = 'frequency' AND d.subject = 1 AND d.reason IS NOT NULL AND d.at = persona.now() ORDER BY 1, 2, 3, 4;

-- a cap over everything counts by address: 41 to 44 are one mailbox
SELECT persona.pause(m) FROM unnest('{low,high,middle,text}'::text[]) m;
SELECT count(*) FROM persona.define_policy(cap => 2, per => '3 days');
SELECT count(*) FROM persona.define_policy(channel => 'mp_mail', space => 'house');
SELECT count(*) FROM persona.define_policy(channel => 'mp_mail', purpose => 'advert', space => 'house');
UPDATE mp.customer SET email = CASE id % 2 WHEN 0 THEN ' Shared@Example.org' ELSE 'shared@example.ORG ' END WHERE id BETWEEN 41 AND 44;
SELECT mp.moment('mail', 'service', 'mp_mail'), mp.moment('sms', 'service', 'mp_text', 3);
INSERT INTO mp.orders SELECT 400 + i, i, 1, persona.now() FROM generate_series(41, 46) i;
CALL persona.run();
SELECT subject, moment, outcome FROM persona_mp.decision WHERE moment IN ('mail', 'sms') ORDER BY 1, 2;
SELECT count(DISTINCT address) AS addresses, bool_and(address <> 0) AS hashed FROM persona_mp.contact;
SELECT e.saw->'caps' AS by_address FROM persona.why_not(44, 'mail') e WHERE gate = 'frequency';
-- the ghosts of a holdout count for the address as well
SELECT count(*) FROM persona.define_policy(holdout => 0.99, cap => 2, per => '3 days');
UPDATE mp.customer SET email = 'ghost@example.org' WHERE id BETWEEN 51 AND 55;
INSERT INTO mp.orders SELECT 400 + i, i, 1, persona.now() FROM generate_series(51, 55) i;
SELECT persona.pause('sms');
CALL persona.run();
SELECT count(*) FILTER (WHERE outcome IN ('send', 'holdout')) AS counted, count(*) FILTER (WHERE reason = 'frequency_cap') AS capped FROM persona_mp.decision WHERE subject BETWEEN 51 AND 55;
-- what was cancelled was not sent
UPDATE persona_mp.message SET state = 'cancelled', done_at = persona.now() WHERE subject BETWEEN 41 AND 44;
SELECT count(*) FROM persona.define_policy(cap => 2, per => '3 days');
INSERT INTO mp.orders VALUES (501, 41, 1, persona.now()), (502, 42, 1, persona.now()), (503, 43, 1, persona.now());
CALL persona.run();
SELECT count(*) FILTER (WHERE outcome = 'send') AS sent, count(*) FILTER (WHERE reason = 'frequency_cap') AS capped FROM persona_mp.decision WHERE event_key <@ '{501,502,503}';
SELECT count(*) > 0 AS claimed FROM persona.claim('mp_mail', 1000) WHERE subject <> '1';
SELECT persona.ack(array_agg(message)) > 0 AS acknowledged FROM persona_mp.message WHERE state = 'claimed';
SELECT bool_and(persona.feedback(message, 'opened')) AS heard FROM persona_mp.message WHERE state = 'sent';
-- and nothing is kept of an address once no cap looks back so far
SET persona.clock = '2026-03-20 12:00+00';
CALL persona.run();
SELECT count(*) AS kept FROM persona_mp.contact;
SELECT persona.pause('mail');

-- retention: settled messages and what was heard of them; decisions stay
SELECT count(*) FROM persona.define_policy(retention => '30 days');
SELECT count(*) FROM persona.define_policy(channel => 'mp_text', retention => '10 days');
SELECT count(*) AS decided FROM persona_mp.decision \gset
SET persona.clock = '2026-03-23 13:00+00';
CALL persona.run();
SELECT channel, state, count(*) > 0 AS kept FROM persona_mp.message GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) > 0 AS still_heard FROM persona_mp.feedback;
SET persona.clock = '2026-04-19 12:00+00';
CALL persona.run();
SELECT (SELECT count(*) FROM persona_mp.message) AS messages, (SELECT count(*) FROM persona_mp.feedback) AS heard,
	(SELECT count(*) = :decided FROM persona_mp.decision) AS decisions_stay;
-- what was counted batch by batch is one row a day, moment and reason once the day is over, and as much as before
INSERT INTO persona_mp.moment_day SELECT 'mail', date '2026-04-10' + i % 10, 'entered', 1 + i % 3 FROM generate_series(1, 3000) i;
CREATE TEMP TABLE counted_before AS SELECT moment, day, reason, sum(n) AS n FROM persona_mp.moment_day GROUP BY 1, 2, 3;
CALL persona.run();
SELECT max(rows) FILTER (WHERE day < '2026-04-19') AS one, max(rows) FILTER (WHERE day = '2026-04-19') > 1 AS today_waits, bool_and(n = before) AS as_much
FROM (SELECT moment, day, reason, count(*) AS rows, sum(n) AS n FROM persona_mp.moment_day GROUP BY 1, 2, 3) a
	FULL JOIN (SELECT moment, day, reason, n AS before FROM counted_before) b USING (moment, day, reason);
DROP TABLE counted_before;

-- numbers that are none, times beyond all time, zones that are none
SELECT count(*) FROM persona.define_policy(channel => 'mp_text');
SELECT count(*) FROM persona.define_policy(quiet => '22:00-08:00');
SELECT count(*) FROM persona.define_attribute('likes', 'user.taste', 'observed');
SELECT count(*) >= 0 AS defined FROM persona.define_moment('rich', on_event => 'purchase',
	when_rule => 'new.amount > 100 AND amount > 0 AND weight > 0 AND (ago(seen) > ''1 day'') IS NOT FALSE AND coalesce(max(purchase.amount), 0) >= 0 AND sum(purchase.amount) FILTER (WHERE amount > 0) > 100',
	purpose => 'service', channel => 'mp_mail', template => 'You spent {{ new.amount | default: "a lot" }}, you like {{ likes }}', generic => 'Thanks', hypothesis => 'h');
SELECT count(*) >= 0 AS activated FROM persona.activate('rich');
UPDATE mp.customer SET zone = CASE id WHEN 26 THEN 'Mars/Phobos' WHEN 27 THEN 'XYZ+5' WHEN 28 THEN NULL WHEN 29 THEN '' ELSE zone END,
	amount = CASE id WHEN 22 THEN numeric 'NaN' ELSE amount END, weight = CASE id WHEN 23 THEN float8 'NaN' ELSE weight END,
	seen = CASE id WHEN 24 THEN timestamptz 'infinity' WHEN 25 THEN '-infinity' ELSE seen END WHERE id BETWEEN 21 AND 30;
INSERT INTO mp.orders SELECT 600 + i, i, CASE i WHEN 21 THEN float8 'NaN' WHEN 30 THEN 'Infinity' ELSE 200 END, persona.now() FROM generate_series(21, 30) i;
SELECT bool_and(100 < amount) AS by_sql_all_are_large FROM mp.orders WHERE id > 620;
CALL persona.run();
SELECT moment, reason, sum(n) FROM persona_mp.moment_day WHERE moment = 'rich' GROUP BY 1, 2 ORDER BY 2;
SELECT subject, outcome, e.saw->>'zone' AS zone, e.saw->>'zone_unknown' AS unknown FROM persona_mp.decision d, persona.explain_decision(d.decision) e
WHERE d.moment = 'rich' AND e.gate = 'quiet' ORDER BY 1;
-- what a policy names and nobody has defined is said; an empty quiet time would be none
SELECT level, code, object, message, hint FROM persona.define_policy(purpose => 'servcie', cap => 1, categories => '{user.contact,user.behaviour}');
SELECT count(*) FROM persona.define_purpose('magazine.weekly', 'opt_out');
SELECT code FROM persona.define_policy(purpose => 'magazine', cap => 9);
SELECT persona.define_policy(quiet => '21:00-21:00');
SELECT persona.define_policy(quiet => '24:00-24:00');
RESET persona.clock;
RESET persona.space;
DELETE FROM persona.policy WHERE space = 'house';
SELECT persona.drop_space('mp', force => true);
DROP SCHEMA mp CASCADE;
