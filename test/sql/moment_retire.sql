-- the end of a moment, and of every other definition
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE ROLE mf_owner;
CREATE SCHEMA mf AUTHORIZATION mf_owner;
SET ROLE mf_owner;
CREATE TABLE mf.customer (id int PRIMARY KEY, name text, email text, zone text, account_id int);
CREATE TABLE mf.account (id int PRIMARY KEY, title text, zone text);
CREATE TABLE mf.orders (id int PRIMARY KEY, customer_id int REFERENCES mf.customer, item text, at timestamptz);
CREATE INDEX ON mf.orders (customer_id, at);
INSERT INTO mf.customer SELECT i, 'n' || i, 'c' || i || '@example.org', 'UTC', 1 FROM generate_series(1, 20) i;
RESET ROLE;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO mf_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA persona TO mf_owner;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('mf', 'mf.customer');
SELECT count(*) FROM persona.define_event('purchase', 'mf.orders');
SELECT count(*) FROM persona.define_facet('account', 'mf.account', via => 'account_id');
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', delay => '1 hour',
	template => 'Hi {{ name }}', generic => 'Hi', expires => '30 days', hypothesis => 'h');
SELECT count(*) FROM persona.define_moment('ask', after_moment => 'thanks', purpose => 'service', channel => 'email',
	template => 'Well, {{ name }}?', generic => 'Well?', hypothesis => 'h');
SELECT count(*) FROM persona.define_moment('never', hypothesis => 'h');
SELECT count(*) FROM persona.activate('thanks') WHERE level = 'block';
SELECT count(*) FROM persona.activate('ask') WHERE level = 'block';

-- 1 was sent, 2 failed once, 3 is with a sender, 4 is ready, 5 is scheduled
INSERT INTO mf.orders SELECT i, i, 'cup', '2026-01-01 12:00+00' FROM generate_series(1, 4) i;
CALL persona.run();
SET persona.clock = '2026-01-01 13:00+00';
CALL persona.run();
SELECT count(*) AS claimed FROM persona.claim('email', 3);
CREATE TEMP TABLE part AS SELECT message, row_number() OVER (ORDER BY message) AS n FROM persona_mf.message WHERE state = 'claimed';
SELECT persona.ack(ARRAY[message]) FROM part WHERE n = 1;
SELECT persona.fail(message, 'try later') FROM part WHERE n = 2;
INSERT INTO mf.orders VALUES (5, 5, 'cup', '2026-01-01 13:00+00');
CALL persona.run();
SELECT state, count(*) FROM persona_mf.message GROUP BY 1 ORDER BY 1;
SELECT count(*) AS scheduled FROM persona_mf.schedule WHERE moment = 'thanks';

-- what is wrong with it
SELECT persona.retire('thnaks');
SELECT persona.retire(NULL);
SELECT persona.retire('thanks', space => 'mff');
SELECT state FROM persona_mf.journey WHERE moment = 'thanks';

-- retired: no trigger, no schedule, no open message; what was handed out is never called not sent
SET client_min_messages = notice;
SELECT persona.retire(moment => 'thanks', space => 'mf') AS closed;
SET client_min_messages = warning;
SELECT state, review_due FROM persona_mf.journey WHERE moment = 'thanks';
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'mf.orders'::regclass AND tgname LIKE 'persona%';
SELECT count(*) AS scheduled FROM persona_mf.schedule WHERE moment = 'thanks';
SELECT state, reason, count(*), bool_and(body IS NULL AND address IS NULL AND done_at = persona.now()) AS blanked
FROM persona_mf.message WHERE state <> 'sent' GROUP BY 1, 2 ORDER BY 1;
SELECT reason, sum(n) FROM persona_mf.moment_day WHERE moment = 'thanks' AND reason = 'retired' GROUP BY 1;
SELECT DISTINCT e.gate, e.passed, e.reason FROM persona_mf.message m, persona.explain_decision(m.decision) e WHERE m.state = 'cancelled' AND NOT e.passed;
SELECT count(*) AS handed_over FROM persona.claim('email', 10);
INSERT INTO mf.orders VALUES (6, 6, 'cup', '2026-01-01 13:00+00');
CALL persona.run();
SELECT count(*) AS inbox FROM persona_mf.inbox;
-- its acknowledgement still counts
SELECT persona.ack(ARRAY[message]) FROM part WHERE n = 3;
-- twice is once, an idea can end too, and none of both is paused or resumed
SELECT persona.retire('thanks');
SELECT persona.retire('never') AS closed;
SELECT persona.pause('thanks');
SELECT persona.resume('thanks');
-- a retired moment keeps no column, and is in nobody's way when views are put back
ALTER TABLE mf.customer ADD COLUMN spare text;
SELECT count(*) FROM persona.rebind('mf.customer');
SELECT count(*) AS reads FROM pg_class WHERE relnamespace = 'persona_mf'::regnamespace AND relname = 'moment_thanks_reads';
-- activated again it begins anew
SELECT count(*) FROM persona.activate('thanks') WHERE level = 'block';
INSERT INTO mf.orders VALUES (7, 7, 'cup', '2026-01-01 13:00+00');
CALL persona.run();
SELECT subject FROM persona_mf.schedule WHERE moment = 'thanks';

-- every kind of definition can be dropped, or says what still uses it
SELECT count(*) FROM persona.define_category('user.pets', 'low');
SELECT count(*) FROM persona.define_attribute('name', 'user.pets', 'declared');
SELECT count(*) FROM persona.define_policy(channel => 'email', purpose => 'service', cap => 5, categories => '{user.pets}');
SELECT count(*) FROM persona.define_policy(cap => 9);
SELECT count(*) FROM persona.define_phrase('we saw you', 'block');
SELECT count(*) FROM persona.define_variant('thanks', 'warm', template => 'Dear {{ name }} of {{ title }}', tokens => '{"title": "account.title"}') WHERE level = 'block';
SELECT count(*) FROM persona.define_channel('post', 'account.title', time_zone => 'account.zone');
SELECT count(*) FROM persona.define_channel('bell', 'last(purchase.item)');
SELECT persona.drop_definition('category', 'user.pets');
SELECT persona.drop_definition('channel', 'email');
SELECT persona.drop_definition('purpose', 'service');
SELECT persona.drop_definition('facet', 'account');
SELECT persona.drop_definition('event', 'purchase');
SELECT persona.drop_definition('variant', 'thanks/personal');
SELECT persona.drop_definition('variant', 'thanks/wram');
SELECT persona.drop_definition('variant', 'warm');
SELECT persona.drop_definition('policy', 'email');
SELECT persona.drop_definition('polcy', '');
SELECT persona.drop_definition('phrase', 'we saw her');
-- who uses it is dropped first
SELECT version AS before FROM persona.moment WHERE space = 'mf' AND moment = 'thanks' \gset
SELECT persona.drop_definition('variant', 'thanks/warm');
SELECT version = :before + 1 AS changed, state FROM persona.moment WHERE space = 'mf' AND moment = 'thanks';
SELECT variant FROM persona.variant WHERE space = 'mf' AND moment = 'thanks' ORDER BY 1;
SELECT persona.drop_definition('channel', 'post'), persona.drop_definition('channel', 'bell'), persona.drop_definition('facet', 'account');
SELECT persona.drop_definition('policy', 'email/service'), persona.drop_definition('policy', ''), persona.drop_definition('phrase', 'we saw you');
SELECT persona.drop_definition('attribute', 'name'), persona.drop_definition('category', 'user.pets');
SELECT persona.drop_definition('moment', 'thanks');
SELECT count(persona.retire(m)) FROM unnest('{ask,thanks}'::text[]) m;
SELECT persona.drop_definition('moment', m) FROM unnest('{ask,thanks,never}'::text[]) m;
SELECT kind, name, body IS NULL AS dropped FROM persona.definition_log l WHERE space = 'mf' AND kind NOT IN ('space', 'outbox')
	AND version = (SELECT max(version) FROM persona.definition_log m WHERE (m.space, m.kind, m.name) = (l.space, l.kind, l.name)) ORDER BY 1, 2;
-- the house's policies bind every space: not for one space's owner to change, nor to drop
SELECT count(*) FROM persona.define_policy(channel => 'mf_pager', cap => 5, space => 'house');
SET ROLE mf_owner;
SELECT persona.define_policy(channel => 'mf_pager', cap => 9, space => 'house');
SELECT persona.drop_definition('policy', 'mf_pager', space => 'house');
RESET ROLE;
SELECT persona.drop_definition('policy', 'mf_pager', space => 'house');
SELECT persona.drop_definition('channel', 'email', space => 'house');
SELECT * FROM persona.claim('emial', 1);
SELECT * FROM persona.claim('pigeon', 1);
RESET persona.clock;
SELECT persona.drop_space('mf', force => true);
DROP SCHEMA mf CASCADE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA persona FROM mf_owner;
REVOKE ALL ON ALL TABLES IN SCHEMA persona FROM mf_owner;
DROP ROLE mf_owner;
