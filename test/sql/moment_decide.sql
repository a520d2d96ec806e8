-- a moment on request: decided at once, by the gates of every other
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE ROLE md_owner;
CREATE ROLE md_shop;
CREATE SCHEMA md AUTHORIZATION md_owner;
SET ROLE md_owner;
CREATE TABLE md.customer (id int PRIMARY KEY, name text, secret text, divisor int DEFAULT 1, zone text);
INSERT INTO md.customer SELECT i, 'n' || i, 's' || i FROM generate_series(1, 40) i;
RESET ROLE;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('md', 'md.customer');
SELECT count(*) FROM persona.define_channel('web', 'id::text', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_attribute('secret', 'user.health', 'inferred');
-- new.* is what came with the request: text in rules, what it is in templates
SELECT code FROM persona.define_moment('banner', on_request => true, purpose => 'service', channel => 'web',
	when_rule => $$new.page = 'shoes' AND new.cart.total::numeric / divisor > 50 AND new."odd ""name\".x IS NULL$$,
	subject_line => 'For you', template => '{{ name }} {{ secret }} {{ n }} {{ new.item.sku }}', generic => 'Look, {{ new.page }}!',
	tokens => '{"n": "new.cart.total"}', hypothesis => 'h');
SELECT code FROM persona.define_moment('ask', after_moment => 'banner', purpose => 'service', channel => 'web', template => 'Well, {{ name }}?', generic => 'Well?', delay => '1 hour', hypothesis => 'h');
SELECT outcome, reason, body FROM persona.decide(1, 'banner', '{"page": "shoes", "cart": {"total": 90}}');
SELECT count(*) FROM persona.activate('banner') WHERE level = 'block';
SELECT count(*) FROM persona.activate('ask') WHERE level = 'block';
CREATE TABLE md.answer AS
SELECT c.id, d.* FROM md.customer c, persona.decide(c.id, 'banner', '{"page": "shoes", "cart": {"total": 90}, "item": {"sku": "a"}}') d WHERE c.id <= 20;
SELECT DISTINCT variant, outcome, reason, channel, subject_line, body = CASE variant WHEN 'generic' THEN 'Look, shoes!' ELSE format('n%s s%1$s 90 a', id) END AS body,
	ARRAY(SELECT k FROM jsonb_object_keys(content) k ORDER BY 1) AS content_keys, content->'new'->'item'->>'sku' AS sku FROM md.answer ORDER BY 1;
SELECT count(DISTINCT decision) AS decisions, count(DISTINCT variant) AS variants FROM md.answer;
-- nothing of it is left to be sent, and what was shown counts as sent
SELECT count(*) AS scheduled FROM persona_md.schedule;
SELECT DISTINCT state, sent_at, body, address, attempt FROM persona_md.message;
SELECT count(*) AS claimed FROM persona.claim('web', 100);
SELECT bool_and(d.outcome = a.outcome AND d.variant = a.variant AND e.variant = a.variant AND d.event_key[1] = d.once_key
	AND (SELECT count(*) FROM persona.explain_decision(a.decision)) = 12) AS written_down
FROM md.answer a JOIN persona_md.decision d USING (decision) JOIN persona_md.exposure e USING (decision) WHERE e.experiment = 'banner';
SELECT persona.feedback(decision, 'clicked') FROM md.answer WHERE id = 1;
-- it starts what comes after it
CALL persona.run();
SELECT count(*) AS asked_in_an_hour, min(due) FROM persona_md.schedule WHERE moment = 'ask';

-- what does not come to a decision: counted, and nothing else
SELECT outcome, reason, decision, body, content FROM persona.decide(21, 'banner', '{"page": "hats", "cart": {"total": 90}}');
SELECT outcome, reason FROM persona.decide(21, 'banner', '{"page": "shoes"}');
SELECT outcome, reason FROM persona.decide(21, 'banner');
SELECT outcome, reason FROM persona.decide(21, 'banner', '[]');
SELECT outcome, reason FROM persona.decide(21, 'banner', '{"page": "shoes", "cart": {"total": "much"}}');
UPDATE md.customer SET divisor = 0 WHERE id = 22;
SELECT outcome, reason FROM persona.decide('22', 'banner', '{"page": "shoes", "cart": {"total": 90}}');
SELECT outcome, reason FROM persona.decide(999, 'banner', '{"page": "shoes", "cart": {"total": 90}}');
SELECT reason, sum(n) FROM persona_md.moment_day WHERE moment = 'banner' GROUP BY 1 ORDER BY 1;
SELECT place, thing, state, n FROM persona_md.alert ORDER BY state;
SELECT count(*) AS decided FROM persona_md.decision WHERE subject > 20;
-- the gates close as they do in a run
SELECT persona.withdraw_consent(23, 'service', 'web', 'page') IS NOT NULL AS withdrawn;
SELECT outcome, reason, decision IS NOT NULL AS decision, variant, body FROM persona.decide(23, 'banner', '{"page": "shoes", "cart": {"total": 90}}');
SELECT persona.set_preference(24, 'user.health', false);
SELECT outcome, variant, body, content FROM persona.decide(24, 'banner', '{"page": "shoes", "cart": {"total": 90}}');
SELECT fallback FROM persona_md.decision WHERE subject = 24;
-- who asks is there now: quiet hours close, and put nothing off
SELECT count(*) FROM persona.define_policy(channel => 'web', quiet => '20:00-08:00', cap => 2);
UPDATE md.customer SET zone = 'Asia/Tokyo' WHERE id = 25;
SELECT outcome, reason FROM persona.decide(25, 'banner', '{"page": "shoes", "cart": {"total": 90}}');
SELECT count(*) AS put_off FROM persona_md.schedule WHERE subject = 25;
SELECT outcome, reason FROM generate_series(1, 3) i, persona.decide(26, 'banner', jsonb_build_object('page', 'shoes', 'cart', '{"total": 90}'::jsonb, 'item', jsonb_build_object('sku', i))) ORDER BY 1, 2;
SELECT count(*) FROM persona.define_policy(channel => 'web', holdout => 0.999);
SELECT outcome, reason, variant, body, content FROM persona.decide(27, 'banner', '{"page": "shoes", "cart": {"total": 90}}');
SELECT variant FROM persona_md.exposure WHERE subject = 27;
SELECT count(*) FROM persona.define_policy(channel => 'web');
-- once_per: the second request of a day, or of a page, is the same
SELECT code FROM persona.define_moment('tip', on_request => true, purpose => 'service', channel => 'web', once_per => 'new.page', template => 'x {{ name }}', generic => 'x', hypothesis => 'h');
SELECT count(*) FROM persona.activate('tip') WHERE level = 'block';
SELECT d.outcome, d.reason, d.decision IS NOT NULL AS decision FROM unnest('{shoes,shoes,hats,NULL}'::text[]) p, persona.decide(28, 'tip', jsonb_build_object('page', p)) d;
SELECT count(*) AS decided_again FROM (SELECT FROM persona_md.decision WHERE subject = 28 GROUP BY decision HAVING count(*) > 1) d;
SELECT decision = persona.decision_id('md', 'tip', '28', 'shoes', 0) AS documented_id FROM persona_md.decision WHERE subject = 28 AND once_key = 'shoes';
-- a rolled back page leaves nothing behind
BEGIN;
SELECT outcome FROM persona.decide(29, 'tip', '{"page": "x"}');
ROLLBACK;
SELECT count(*) AS left_behind FROM persona_md.decision WHERE subject = 29;
-- at another time: only who may set the clock
SELECT outcome FROM persona.decide(30, 'tip', '{"page": "x"}', at => '2026-05-01 12:00+00');
SELECT at, started_at FROM persona_md.decision WHERE subject = 30;
GRANT md_owner TO md_shop;
GRANT USAGE ON SCHEMA persona TO md_shop;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO md_shop;
GRANT SELECT ON ALL TABLES IN SCHEMA persona TO md_shop;
SET ROLE md_shop;
SELECT outcome FROM persona.decide(31, 'tip', '{"page": "x"}');
SELECT outcome FROM persona.decide(31, 'tip', '{"page": "y"}', at => '2026-05-01 12:00+00');
RESET ROLE;
-- paused is paused, off is off
SELECT persona.pause('tip');
SELECT outcome, reason FROM persona.decide(32, 'tip', '{"page": "x"}');
SELECT persona.resume('tip');
SET persona.enabled = off;
SELECT outcome, reason FROM persona.decide(32, 'tip', '{"page": "x"}');
RESET persona.enabled;
SELECT count(*) AS nothing_written FROM persona_md.decision WHERE subject = 32;
-- a share of the subjects, always the same
SELECT count(*) FROM persona.activate('tip', share => 0.5) WHERE level = 'block';
SELECT bool_and((reason IS NOT DISTINCT FROM 'not_in_share') = (persona.bucket(id, 'tip.share') >= 0.5)) AS by_the_gate_hash, count(DISTINCT reason) AS both
FROM md.customer, persona.decide(id, 'tip', '{"page": "share"}') WHERE id > 32;
-- why_not() shows the gates of who is outside, and says that it is for nothing
SET client_min_messages = notice;
SELECT count(*) AS gates FROM (SELECT id FROM md.customer WHERE persona.bucket(id, 'tip.share') >= 0.5 ORDER BY id LIMIT 1) outside, persona.why_not(id, 'tip');
SELECT count(*) AS gates FROM (SELECT id FROM md.customer WHERE persona.bucket(id, 'tip.share') < 0.5 ORDER BY id LIMIT 1) inside, persona.why_not(id, 'tip');
SET client_min_messages = warning;
-- mistakes
SELECT * FROM persona.decide(1, 'bannr');
SELECT * FROM persona.decide(1, 'ask');
SELECT * FROM persona.decide(1, NULL);
SELECT count(*) FROM persona.define_moment('vague', on_request => true) WHERE level = 'info';
SELECT * FROM persona.decide(1, 'vague');
SELECT * FROM persona.decide(NULL, 'tip');
SELECT * FROM persona.decide('x', 'tip');
SELECT * FROM persona.define_moment('no', on_request => true, when_rule => 'new.a > 5');
SELECT * FROM persona.define_moment('no', when_rule => 'new.a = ''5''');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM persona.decide(1, 'tip');
ROLLBACK;
-- why not, for a request that brings nothing
SELECT gate, reason FROM persona.why_not(1, 'tip') WHERE NOT passed;
SELECT gate, reason FROM persona.why_not(1, 'banner') WHERE NOT passed;
RESET persona.clock;
SELECT persona.drop_space('md', force => true);
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA persona FROM md_shop;
REVOKE ALL ON ALL TABLES IN SCHEMA persona FROM md_shop;
REVOKE ALL ON SCHEMA persona FROM md_shop;
DROP SCHEMA md CASCADE;
DROP ROLE md_owner, md_shop;
