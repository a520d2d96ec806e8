-- being told the same again, on any channel, and what is out of date: the gate of surprise
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE SCHEMA mt;
CREATE TABLE mt.customer (id int PRIMARY KEY, name text, email text, phone text, ill text);
CREATE TABLE mt.view (id int PRIMARY KEY, customer_id int REFERENCES mt.customer, item text, n int, at timestamptz);
CREATE TABLE mt.orders (id int PRIMARY KEY, customer_id int REFERENCES mt.customer, item text, n int, at timestamptz);
CREATE INDEX ON mt.view (customer_id, at);
CREATE INDEX ON mt.orders (customer_id, at);
INSERT INTO mt.customer SELECT i, 'Ann', 'c' || i || '@example.org', '+49' || i, 'ill' FROM generate_series(1, 9) i;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('mt', 'mt.customer');
SET persona.space = 'mt';
SELECT count(*) FROM persona.define_event('view', 'mt.view');
SELECT count(*) FROM persona.define_event('purchase', 'mt.orders');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_channel('sms', 'phone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM (SELECT persona.define_attribute(a, c, p, max_age => m::interval) FROM (VALUES ('name', 'user.name.first', 'declared', NULL), ('email', 'user.contact.email', 'declared', NULL), ('phone', 'user.contact.phone_number', 'declared', NULL),
	('view.item', 'user.behavior.browsing_history', 'observed', '30 days'), ('view.n', 'user.behavior.browsing_history', 'observed', NULL), ('purchase.item', 'user.behavior.purchase_history', 'transacted', NULL), ('purchase.n', 'user.behavior.purchase_history', 'transacted', NULL)) v (a, c, p, m)) x;
CREATE FUNCTION mt.define(moment text, on_event text, template text, channel text DEFAULT 'email', generic text DEFAULT 'New this week') RETURNS void LANGUAGE sql AS $$
	SELECT persona.define_moment(moment, on_event => on_event, purpose => 'service', channel => channel, hypothesis => 'h', template => template::persona.template, generic => generic::persona.template);
	SELECT persona.define_variant(moment, 'generic', weight => 0);
	SELECT persona.activate(moment) $$;
SELECT mt.define('looked', 'view', 'Hi {{ name }}: {{ new.item }}');
SELECT mt.define('bought', 'purchase', 'Hi {{ name }}: {{ new.item }} ships', 'sms');
SELECT mt.define('hello', 'purchase', 'Hi {{ name }}');
CREATE FUNCTION mt.saw(key text) RETURNS TABLE (subject int, moment text, at date, score text, audit int, same int, alike int, repetition int, staleness int, outcome text, fallback boolean) LANGUAGE sql AS $$
	SELECT d.subject, d.moment, d.at::date, s->>'score', (s->>'audit')::int, (s->>'same')::int, (s->>'alike')::int, (s->>'repetition')::int, (s->>'staleness')::int, d.outcome, d.fallback
	FROM persona_mt.decision d, LATERAL (SELECT saw FROM persona.explain_decision(d.decision) WHERE gate = 'surprise') x(s) WHERE d.once_key = key ORDER BY d.subject, d.moment $$;

-- 1 views boots and then buys them; 2 views boots and buys a hat; 3 only buys
INSERT INTO mt.view VALUES (1, 1, 'boots', 7, '2026-01-01 12:00+00'), (2, 2, 'boots', 7, '2026-01-01 12:00+00');
CALL persona.run();
SET persona.clock = '2026-01-02 12:00+00';
INSERT INTO mt.orders VALUES (11, 1, 'boots', 7, '2026-01-02 12:00+00'), (12, 2, 'hat', 7, '2026-01-02 12:00+00'), (13, 3, 'hat', 7, '2026-01-02 12:00+00');
CALL persona.run();
-- the same boots on another channel, by another attribute; a greeting by name is no telling
SELECT subject, moment, same, alike, repetition FROM mt.saw('11') UNION ALL SELECT subject, moment, same, alike, repetition FROM mt.saw('12') UNION ALL SELECT subject, moment, same, alike, repetition FROM mt.saw('13') ORDER BY 1, 2;
-- the parts make up the score, above what the audit says of the moment
SELECT bool_and(s.score::int = s.audit + s.repetition + s.staleness) AS adds_up, bool_and(s.audit = (SELECT max(score) FROM persona.audit(s.moment))) AS audit_is_the_base FROM mt.saw('11') s;
-- another view: the same attribute with another value
SET persona.clock = '2026-01-03 12:00+00';
SELECT mt.define('again', 'view', 'Again: {{ new.item }}');
INSERT INTO mt.view VALUES (3, 1, 'coat', 7, '2026-01-03 12:00+00');
CALL persona.run();
SELECT moment, same, alike FROM mt.saw('3');
-- a number is the same only in its place: 7 views are not 7 purchases
SELECT mt.define('count_views', 'view', '{{ new.n }} views'), mt.define('count_orders', 'purchase', '{{ new.n }} pieces');
INSERT INTO mt.view VALUES (4, 4, 'x', 7, '2026-01-03 12:00+00');
CALL persona.run();
SET persona.clock = '2026-01-03 13:00+00';
INSERT INTO mt.orders VALUES (14, 4, 'y', 7, '2026-01-03 13:00+00');
CALL persona.run();
SELECT moment, same FROM mt.saw('14') WHERE moment = 'count_orders';
-- what is kept: names of attributes, and hashes that say nothing of the value and differ from customer to customer
SELECT told FROM persona_mt.decision WHERE moment = 'looked' AND once_key = '1';
SELECT count(DISTINCT items) = count(*) AS all_differ, bool_and(octet_length(items) = 8) AS one_value, bool_and(encode(items, 'escape') !~ 'boots') AS no_value FROM persona_mt.decision WHERE moment = 'looked' AND once_key IN ('1', '2');
SELECT count(*) AS greetings_with_items FROM persona_mt.decision WHERE moment = 'hello' AND (items IS NOT NULL OR told <> '{}');

-- above the limit the twin stands in, which is no telling; within what the policy calls lately
SELECT persona.pause('again'), persona.pause('count_views'), persona.pause('count_orders'), persona.pause('hello');
SELECT count(*) >= 0 AS limited FROM persona.define_policy(max_surprise => (SELECT max(score) + 10 FROM persona.audit('looked')), per => '10 days');
SET persona.clock = '2026-01-04 12:00+00';
INSERT INTO mt.view VALUES (5, 1, 'boots', 1, '2026-01-04 12:00+00'), (6, 5, 'boots', 1, '2026-01-04 12:00+00');
CALL persona.run();
SELECT subject, same, outcome, fallback FROM mt.saw('5') WHERE moment = 'looked' UNION ALL SELECT subject, same, outcome, fallback FROM mt.saw('6') WHERE moment = 'looked';
SELECT told IS NULL AND items IS NULL AS twin_told_nothing FROM persona_mt.decision WHERE moment = 'looked' AND once_key = '5';
SET persona.clock = '2026-01-20 12:00+00';
INSERT INTO mt.view VALUES (7, 1, 'boots', 1, '2026-01-20 12:00+00');
CALL persona.run();
SELECT same, fallback FROM mt.saw('7') WHERE moment = 'looked';
-- a holdout is told nothing, and counted as if it had been
SELECT count(*) >= 0 AS held_out FROM persona.define_policy(channel => 'email', holdout => 0.9999);
INSERT INTO mt.view VALUES (8, 6, 'scarf', 1, '2026-01-20 12:00+00');
CALL persona.run();
INSERT INTO mt.orders VALUES (15, 6, 'scarf', 1, '2026-01-20 12:00+00');
CALL persona.run();
SELECT d.outcome, s.same FROM persona_mt.decision d, mt.saw('15') s WHERE d.once_key = '8' AND d.moment = 'looked' AND s.moment = 'bought';
SELECT count(*) >= 0 AS nobody_held_out FROM persona.define_policy(channel => 'email');
-- two at once: the second knows of the first
INSERT INTO mt.view VALUES (9, 7, 'gloves', 1, '2026-01-20 12:00+00'), (10, 7, 'shawl', 1, '2026-01-20 12:00+00');
CALL persona.run();
SELECT array_agg(same ORDER BY same) AS same, bool_or(fallback) AS twin FROM (SELECT * FROM mt.saw('9') UNION ALL SELECT * FROM mt.saw('10')) s WHERE moment = 'looked';

-- out of date for this customer: seen more than max_age ago, though the source is fresh
SELECT count(*) >= 0 AS defined FROM persona.define_moment('ask', on_request => true, purpose => 'service', channel => 'sms', hypothesis => 'h', template => '{{ seen }}', generic => 'x', tokens => '{"seen": "last(view.item)"}');
SELECT count(*) >= 0 AS live FROM persona.activate('ask');
SELECT g.saw->>'staleness' AS fresh, g.saw->'old' AS old FROM persona.why_not(1, 'ask') g WHERE gate = 'surprise';
SET persona.clock = '2026-02-10 12:00+00';
SELECT g.saw->>'staleness' AS fresh, g.saw->'old' AS old FROM persona.why_not(7, 'ask') g WHERE gate = 'surprise';
SET persona.clock = '2026-02-25 12:00+00';
INSERT INTO mt.view VALUES (20, 9, 'now', 1, '2026-02-25 12:00+00');
SELECT g.saw->>'staleness' AS points, g.saw->'old' AS old FROM persona.why_not(7, 'ask') g WHERE gate = 'surprise';
SELECT g.saw->>'staleness' AS points, g.saw->'old' AS old FROM persona.why_not(9, 'ask') g WHERE gate = 'surprise';
SELECT g.saw->>'staleness' AS never_any, g.passed FROM persona.why_not(8, 'ask') g WHERE gate = 'surprise';

-- the audit is asked again when definitions change, and kept while they do not
SELECT count(*) AS kept FROM persona.told WHERE space = 'mt' AND definitions = persona.definitions_of('mt') AND moment = 'ask';
SELECT outcome FROM persona.decide(9, 'ask');
SELECT count(*) AS kept FROM persona.told WHERE space = 'mt' AND definitions = persona.definitions_of('mt') AND moment = 'ask';
SELECT surprise AS was FROM persona.told WHERE space = 'mt' AND moment = 'ask' \gset
SELECT count(*) FROM persona.define_attribute('view.item', 'user.behavior.browsing_history', 'observed', sensitivity => 'high');
SELECT (g.saw->>'audit')::int > :was AS asked_again FROM persona.why_not(9, 'ask') g WHERE gate = 'surprise';
SELECT surprise = :was AS asking_wrote_nothing FROM persona.told WHERE space = 'mt' AND moment = 'ask';
-- where even the twin is too surprising nothing goes
SELECT count(*) >= 0 AS defined FROM persona.define_moment('ask', on_request => true, when_rule => 'count(view) > 0', purpose => 'service', channel => 'sms', hypothesis => 'h', template => '{{ seen }}', generic => 'x {{ seen }}', tokens => '{"seen": "last(view.item)"}');
SELECT count(*) >= 0 AS strict FROM persona.define_policy(max_surprise => 5);
SELECT outcome, reason FROM persona.decide(9, 'ask');
SELECT surprise = twin AS the_same FROM persona.told WHERE space = 'mt' AND moment = 'ask';
-- no limit, no closing
SELECT count(*) >= 0 AS none FROM persona.define_policy();
SELECT outcome FROM persona.decide(9, 'ask');
-- one message, audited: what it had seen
SELECT a.score = s.repetition AS repetition_told, a.reason FROM mt.saw('11') s JOIN persona_mt.decision d ON d.moment = s.moment AND d.once_key = '11', persona.audit_message(d.decision) a WHERE s.moment = 'bought' AND a.attribute IS NULL;
-- who is erased leaves no hash
SELECT count(*) > 0 AS erased FROM persona.erase_subject(1);
SELECT count(*) AS hashes_of_somebody_erased FROM persona_mt.decision WHERE once_key = 'erased' AND items IS NOT NULL;
SELECT count(*) FROM persona.drop_space('mt', true);
DROP SCHEMA mt CASCADE;
