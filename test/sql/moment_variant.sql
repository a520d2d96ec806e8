-- variants: they differ in what the moment's variable names, and in nothing else
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE SCHEMA mv;
CREATE TABLE mv.customer (id int PRIMARY KEY, name text, email text, phone text, secret text);
CREATE TABLE mv.orders (id int PRIMARY KEY, customer_id int REFERENCES mv.customer, item text, at timestamptz);
CREATE INDEX ON mv.orders (customer_id, at);
INSERT INTO mv.customer SELECT i, 'n' || i, 'c' || i || '@example.org', '+49' || i, 's' || i FROM generate_series(1, 200) i;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('mv', 'mv.customer');
SELECT count(*) FROM persona.define_event('purchase', 'mv.orders');
SELECT count(*) FROM persona.define_channel('email', 'email', format => 'html');
SELECT count(*) FROM persona.define_channel('sms', 'phone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_attribute('secret', 'user.health', 'inferred');
CREATE FUNCTION mv.define(variable text, delay interval DEFAULT '0') RETURNS SETOF text LANGUAGE sql AS $$
	SELECT code FROM persona.define_moment('m', on_event => 'purchase', variable => variable, purpose => 'service', channel => 'email', subject_line => 'Hello',
		template => 'Hi {{ name }}, {{ tip }}', generic => 'Hi', tokens => '{"tip": "new.item"}', delay => delay, hypothesis => 'h') $$;

-- one difference at a time
SELECT mv.define('content');
SELECT code FROM persona.define_variant('m', 'short', template => '{{ name }}!');
SELECT * FROM persona.define_variant('m', 'late', delay => '1 day');
SELECT * FROM persona.define_variant('m', 'late', template => 'x', delay => '1 day');
SELECT * FROM persona.define_variant('m', 'phone', channel => 'sms');
SELECT * FROM persona.define_variant('m', 'same');
SELECT * FROM mv.define('timing');
SELECT * FROM mv.define('channel');
SELECT variant FROM persona.variant ORDER BY 1;
-- what is wrong with one
SELECT * FROM persona.define_variant('n', 'short', template => 'x');
SELECT * FROM persona.define_variant('m', 'Short', template => 'x');
SELECT * FROM persona.define_variant('m', 'holdout', template => 'x');
SELECT * FROM persona.define_variant('m', 'generic', template => 'x');
SELECT * FROM persona.define_variant('m', 'personal', delay => '1 day');
SELECT * FROM persona.define_variant('m', 'short', template => 'x', weight => -1);
SELECT * FROM persona.define_variant('m', 'short', template => 'x', weight => 'NaN');
SELECT * FROM persona.define_variant('m', 'short', template => '{{ nmae }}');
SELECT * FROM persona.define_variant('m', 'short', tokens => '{"name": "email"}');
SELECT * FROM persona.define_variant('m', 'short', tokens => '{"tip": "new.sku"}');
SELECT * FROM persona.define_variant('m', 'short', channel => 'smoke');
SELECT template, subject_line, tokens, weight FROM persona.variant WHERE variant = 'short';

-- content: templates and tokens of its own, the rest from the personal one
SELECT code FROM persona.define_variant('m', 'other_tip', tokens => '{"tip": "secret"}');
SELECT count(*) FROM persona.activate('m') WHERE level = 'block';
INSERT INTO mv.orders SELECT i, i, 'mug & co', '2026-01-01 12:00+00' FROM generate_series(1, 150) i;
CALL persona.run();
SELECT variant, count(*) BETWEEN 20 AND 55 AS about_a_quarter, bool_and(subject_line = 'Hello') AS subject_line, bool_and(body = CASE variant
	WHEN 'generic' THEN 'Hi' WHEN 'short' THEN format('n%s!', subject) WHEN 'personal' THEN format('Hi n%s, mug &amp; co', subject) ELSE format('Hi n%s, s%1$s', subject) END) AS its_text,
	bool_and(categories = CASE variant WHEN 'generic' THEN '{}' ELSE '{user.health}' END::text[]) AS gates_look_at_all_variants
FROM persona_mv.message GROUP BY 1 ORDER BY 1;
-- the assignment is the documented one
SELECT bool_and(variant = (ARRAY['generic', 'other_tip', 'personal', 'short'])[persona.choose(subject, 'm', ARRAY[0.25, 0.25, 0.25, 0.25])]) AS as_choose_says FROM persona_mv.decision;
-- who refuses what one variant uses gets the twin, whichever would have been theirs
SELECT count(*) FROM (SELECT persona.set_preference(id, 'user.health', false) FROM mv.customer WHERE id > 150) r;
INSERT INTO mv.orders SELECT i, i, 'mug', '2026-01-01 12:00+00' FROM generate_series(151, 200) i;
CALL persona.run();
SELECT DISTINCT variant, fallback, outcome FROM persona_mv.decision WHERE subject > 150;
-- weights: a variant with none is nobody's, and asks for nothing
SELECT code FROM persona.define_variant('m', 'other_tip', tokens => '{"tip": "secret"}', weight => 0);
SELECT code FROM persona.define_variant('m', 'generic', weight => 0);
INSERT INTO mv.orders SELECT 200 + i, i, 'mug', '2026-01-01 12:00+00' FROM generate_series(151, 200) i;
CALL persona.run();
SELECT DISTINCT variant, fallback, outcome FROM persona_mv.decision WHERE event_key[1]::int > 350 ORDER BY 1;
SELECT * FROM persona.define_variant('m', 'personal', weight => 0);
SELECT * FROM persona.define_variant('m', 'short', template => 'x', weight => 0);
SELECT variant, weight FROM persona.variant WHERE moment = 'm' ORDER BY 1;
-- growing a weight moves subjects to that variant and nowhere else
SELECT code FROM persona.define_variant('m', 'short', template => '{{ name }}!', weight => 3);
INSERT INTO mv.orders SELECT 400 + i, i, 'mug', '2026-01-01 12:00+00' FROM generate_series(151, 200) i;
CALL persona.run();
SELECT DISTINCT was.variant AS was, d.variant AS becomes FROM persona_mv.decision was JOIN persona_mv.decision d USING (subject)
WHERE was.event_key[1]::int BETWEEN 351 AND 400 AND d.event_key[1]::int > 550 ORDER BY 1, 2;
SELECT persona.pause('m');

-- timing: each variant its own delay, one text
SELECT count(*) FROM persona.define_moment('t', on_event => 'purchase', variable => 'timing', purpose => 'service', channel => 'email', template => 'x {{ name }}', generic => 'x', delay => '1 hour', hypothesis => 'h');
SELECT * FROM persona.define_variant('t', 'day', template => 'x', delay => '1 day');
SELECT * FROM persona.define_variant('t', 'day');
SELECT code FROM persona.define_variant('t', 'day', delay => '1 day');
SELECT code FROM persona.define_variant('t', 'now', delay => '0');
SELECT variant, weight FROM persona.variant WHERE moment = 't' ORDER BY 1;
SELECT code FROM persona.define_variant('t', 'generic');
SELECT code FROM persona.define_variant('t', 'generic', weight => 0);
SELECT count(*) FROM persona.activate('t') WHERE level = 'block';
SET persona.clock = '2026-02-01 12:00+00';
INSERT INTO mv.orders SELECT 1000 + i, i, 'mug', '2026-02-01 12:00+00' FROM generate_series(1, 100) i;
CALL persona.run(1);
SELECT due - started_at AS delay, count(*) BETWEEN 20 AND 46 AS about_a_third FROM persona_mv.schedule GROUP BY 1 ORDER BY 1;
-- one delay changes: only those of it are due at another time
SELECT code FROM persona.define_variant('t', 'day', delay => '2 days');
SELECT due - started_at AS delay, count(*) BETWEEN 20 AND 46 AS about_a_third FROM persona_mv.schedule GROUP BY 1 ORDER BY 1;
SET persona.clock = '2026-02-03 12:00+00';
CALL persona.run();
SELECT variant, due - started_at AS delay, bool_and(variant = (ARRAY['day', 'generic', 'now', 'personal'])[persona.choose(subject, 't', ARRAY[1/3.0, 0, 1/3.0, 1/3.0])]) AS as_choose_says
FROM persona_mv.decision WHERE moment = 't' GROUP BY 1, 2 ORDER BY 2;
SELECT persona.pause('t');

-- channel: the address of each, and the gates look at every channel that somebody gets
SELECT count(*) FROM persona.define_moment('c', on_event => 'purchase', variable => 'channel', purpose => 'service', channel => 'email', template => '<b>{{ name }}</b>', generic => 'x', hypothesis => 'h');
SELECT code FROM persona.define_variant('c', 'phone', channel => 'sms');
SELECT count(*) FROM persona.activate('c') WHERE level = 'block';
SELECT persona.withdraw_consent(1, 'service', 'sms', 'page') IS NOT NULL AND persona.withdraw_consent(2, 'service', 'email', 'page') IS NOT NULL AS withdrawn;
SELECT persona.suppress(3, 'sms', 'complaint'), persona.suppress(4, 'email', 'complaint');
UPDATE mv.customer SET phone = ' ' WHERE id = 5;
UPDATE mv.customer SET email = NULL WHERE id = 6;
UPDATE mv.customer SET name = '<' || name WHERE id > 6;
INSERT INTO mv.orders SELECT 2000 + i, i, 'mug', '2026-02-03 12:00+00' FROM generate_series(1, 100) i;
CALL persona.run();
SELECT subject, outcome, reason FROM persona_mv.decision WHERE moment = 'c' AND subject <= 6 ORDER BY 1;
SELECT variant, channel, count(*) BETWEEN 30 AND 64 AS about_half, bool_and(address = CASE channel WHEN 'sms' THEN '+49' || subject ELSE 'c' || subject || '@example.org' END) AS its_address,
	bool_and(body = CASE channel WHEN 'sms' THEN '<b><n' || subject || '</b>' ELSE '<b>&lt;n' || subject || '</b>' END) AS its_format
FROM persona_mv.message WHERE moment = 'c' GROUP BY 1, 2 ORDER BY 1;
SELECT DISTINCT d.channel = m.channel AS the_decision_says_so FROM persona_mv.decision d JOIN persona_mv.message m USING (subject, decision) WHERE d.moment = 'c';
SELECT channel, count(*) > 0 AS claimed FROM (SELECT 'sms' AS channel FROM persona.claim('sms', 100) UNION ALL SELECT 'email' FROM persona.claim('email', 100) WHERE moment = 'c') c GROUP BY 1 ORDER BY 1;
-- a cap of one channel counts what went there
SELECT count(*) FROM persona.define_policy(channel => 'sms', cap => 1);
INSERT INTO mv.orders SELECT 3000 + i, i, 'mug', '2026-02-03 12:00+00' FROM generate_series(7, 100) i;
CALL persona.run();
SELECT was.channel, d.outcome, d.reason, count(*) > 0 FROM persona_mv.decision d JOIN persona_mv.decision was ON was.subject = d.subject AND was.moment = 'c' AND was.event_key[1]::int < 3000
WHERE d.moment = 'c' AND d.event_key[1]::int > 3000 GROUP BY 1, 2, 3 ORDER BY 1;
SELECT persona.drop_definition('channel', 'sms');
SELECT persona.pause('c');
-- without weight for the channel of the moment it is not asked about
SELECT code FROM persona.define_variant('c', 'personal', weight => 0);
SELECT count(*) FROM persona.define_policy(channel => 'sms');
SELECT persona.resume('c');
INSERT INTO mv.orders SELECT 4000 + i, i, 'mug', '2026-02-03 12:00+00' FROM generate_series(1, 6) i;
CALL persona.run();
SELECT subject, outcome, reason, channel FROM persona_mv.decision WHERE moment = 'c' AND event_key[1]::int > 4000 ORDER BY 1;
SELECT * FROM persona_mv.alert;
RESET persona.clock;
SELECT persona.drop_space('mv', force => true);
DROP SCHEMA mv CASCADE;
