-- what was called off while it waited in the outbox
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE ROLE mre_owner;
CREATE ROLE mre_sender;
CREATE SCHEMA mre AUTHORIZATION mre_owner;
SET ROLE mre_owner;
CREATE TABLE mre.customer (id int PRIMARY KEY, name text, email text);
CREATE TABLE mre.orders (id int PRIMARY KEY, customer_id int REFERENCES mre.customer, at timestamptz);
CREATE TABLE mre.returned (id int PRIMARY KEY, customer_id int, order_id int, weight int DEFAULT 1, at timestamptz DEFAULT now());
CREATE INDEX ON mre.orders (customer_id, at);
INSERT INTO mre.customer SELECT i, 'n' || i, 'c' || i || '@example.org' FROM generate_series(1, 900) i;
RESET ROLE;
SELECT count(*) FROM persona.define_space('mre', 'mre.customer');
SET persona.space = 'mre';
SELECT count(*) FROM persona.define_event('purchase', 'mre.orders');
SELECT count(*) FROM persona.define_event('returned', 'mre.returned', subject => 'customer_id', fires => 'never');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
CREATE PROCEDURE mre.define(moment text, cancel_rule persona.rule DEFAULT NULL, transactional boolean DEFAULT false, on_event text DEFAULT 'purchase', after_moment text DEFAULT NULL) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.define_moment(moment, on_event => on_event, after_moment => after_moment, purpose => 'service', channel => 'email', template => '{{ name }}', generic => 'x',
		cancel_rule => cancel_rule, transactional => transactional, hypothesis => 'h');
	PERFORM persona.activate(moment);
END $$;
CREATE VIEW mre.look AS SELECT subject, moment, state, reason, attempt, num_nonnulls(address, body) AS kept FROM persona_mre.message;
CREATE VIEW mre.counted AS SELECT moment, state, reason, count(*) FROM persona_mre.message GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
CALL mre.define('plain');
CALL mre.define('careful', 'sum(returned.weight / returned.weight) FILTER (WHERE order_id = new.id) > 0');
CALL mre.define('receipt', 'count(returned) FILTER (WHERE order_id = new.id) > 0', transactional => true);
INSERT INTO mre.orders SELECT i, i, now() FROM generate_series(1, 8) i;
CALL persona.run();
TABLE mre.counted;
-- three send it back; one a thing that weighs nothing, of which the rule makes an error
INSERT INTO mre.returned VALUES (1, 1, 1, 1), (2, 2, 2, 1), (3, 3, 3, 1), (4, 4, 4, 0), (5, 5, NULL, 1);
SELECT count(*) FILTER (WHERE passed) AS open, min(reason) FROM persona.why_not(1, 'careful') WHERE gate = 'cancel';
-- a sender is a member of the owner of the space, who asks
GRANT mre_owner TO mre_sender;
GRANT USAGE ON SCHEMA persona TO mre_sender;
GRANT SELECT ON ALL TABLES IN SCHEMA persona TO mre_sender;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO mre_sender;
SET ROLE mre_sender;
SELECT moment, array_agg(subject ORDER BY subject) AS handed_over FROM persona.claim('email', 100) GROUP BY 1 ORDER BY 1;
RESET ROLE;
SELECT * FROM mre.look WHERE state <> 'claimed' ORDER BY moment, subject;
SELECT place, thing, state, n FROM persona_mre.alert;
SELECT subject, ready_at > now() + interval '59 minutes' AS put_off FROM persona_mre.message WHERE state = 'ready';
SELECT DISTINCT d.moment, o.outcome, o.reason, o.sent_at, e.gate, e.reason, e.saw->'attempts' AS attempts
FROM mre.look d JOIN persona_mre.outcome o USING (subject, moment), persona.explain_decision(o.decision) e WHERE d.state = 'cancelled' AND NOT e.passed ORDER BY 1;
-- what cannot be told comes again in an hour, and goes when it can be
UPDATE persona_mre.message SET ready_at = ready_at - interval '1 hour' WHERE state = 'ready';
SET client_min_messages = notice;
SELECT count(*) AS not_yet FROM persona.claim('email', 100);
SET client_min_messages = warning;
UPDATE mre.returned SET weight = 1, order_id = 999 WHERE id = 4;
UPDATE persona_mre.message SET ready_at = ready_at - interval '1 hour' WHERE state = 'ready';
SELECT subject, moment, attempt FROM persona.claim('email', 100);

-- handed over before: still_ok() says no, fail() makes it dead, a lost lease unconfirmed; and news of it is welcome
INSERT INTO mre.returned VALUES (6, 6, 6), (7, 7, 7), (8, 8, 8);
SELECT subject, moment, persona.still_ok(message) FROM persona_mre.message WHERE subject >= 5 ORDER BY 1, 2;
SELECT persona.fail(message, 'busy') FROM persona_mre.message WHERE subject = 6 AND moment = 'careful';
SELECT persona.fail(message, 'busy') FROM persona_mre.message WHERE subject = 6 AND moment = 'plain';
UPDATE persona_mre.message SET leased_until = clock_timestamp() - interval '1 second' WHERE subject IN (7, 8) AND moment = 'careful';
SELECT count(*) AS again FROM persona.claim('email', 100);
SELECT * FROM mre.look WHERE moment = 'careful' AND subject >= 6 ORDER BY subject;
SELECT o.outcome, o.reason, e.gate, e.reason, e.saw->'attempts' AS attempts
FROM persona_mre.outcome o, persona.explain_decision(o.decision) e WHERE o.moment = 'careful' AND o.subject = 7 AND NOT e.passed;
SELECT persona.ack(ARRAY[message]) FROM persona_mre.message WHERE subject = 8 AND moment = 'careful';
SELECT subject, outcome, reason, sent_at IS NOT NULL AS sent FROM persona_mre.outcome WHERE moment = 'careful' AND subject >= 6 ORDER BY 1;
SELECT persona.pause(m) FROM unnest('{plain,receipt}'::text[]) m;

-- many: page after page until as many as were asked for are found, none of which was called off; three times a rule fails
INSERT INTO mre.orders SELECT i, i, now() FROM generate_series(101, 900) i;
CALL persona.run();
INSERT INTO mre.returned SELECT i, i, i, CASE WHEN i IN (111, 222, 333) THEN 0 ELSE 1 END FROM generate_series(101, 900) i WHERE i % 3 = 0;
CREATE TABLE mre.got AS SELECT subject::int FROM persona.claim('email', 300);
INSERT INTO mre.got SELECT subject::int FROM persona.claim('email', 1000);
SELECT count(*) = (SELECT count(*) FROM generate_series(101, 900) i WHERE i % 3 <> 0) AS all_the_rest, count(DISTINCT subject) = count(*) AS once, bool_and(subject % 3 <> 0) AS none_of_those FROM mre.got;
SELECT state, reason, count(*) FROM mre.look WHERE moment = 'careful' AND subject > 100 GROUP BY 1, 2 ORDER BY 1;
SELECT place, thing, state, n > 0 AS told FROM persona_mre.alert;

-- a moment that cannot be compiled any more waits, and nothing else does
UPDATE persona_mre.message SET state = 'ready', attempt = 0, leased_until = NULL WHERE state = 'claimed' AND (moment = 'plain' OR subject > 895);
SELECT persona.resume('plain', held => 'send');
SET client_min_messages = error;
ALTER TABLE mre.returned DROP COLUMN weight CASCADE;
SET client_min_messages = warning;
SELECT moment, count(*) FROM persona.claim('email', 100) GROUP BY 1;
SELECT persona.still_ok(message) FROM mre.look JOIN persona_mre.message USING (subject, moment) WHERE moment = 'careful' AND look.state = 'claimed' LIMIT 1;
SELECT place, thing, state FROM persona_mre.alert ORDER BY 3;
CALL mre.define('careful', 'count(returned) FILTER (WHERE order_id = new.id) > 0');
UPDATE persona_mre.message SET ready_at = now() WHERE state = 'ready';
SELECT moment, array_agg(subject ORDER BY subject) AS handed_over FROM persona.claim('email', 100) GROUP BY 1;
-- a rule that is there no more cancels nothing
INSERT INTO mre.orders VALUES (1001, 1, now());
SELECT persona.pause('plain');
CALL persona.run();
INSERT INTO mre.returned VALUES (1001, 1, 1001);
CALL mre.define('careful');
SELECT subject, moment FROM persona.claim('email', 100);

-- a chain: what stops the first stops what follows, in the outbox as well; so does its goal
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) > 0');
SELECT count(*) FROM persona.define_experiment('careful', '{generic,personal}', '{0.5,0.5}', goal => 'bought');
CALL mre.define('careful', 'count(returned) FILTER (WHERE order_id = new.id) > 0');
CALL mre.define('ask', on_event => NULL, after_moment => 'careful');
CALL mre.define('hint', on_event => NULL, after_moment => 'ask');
INSERT INTO mre.orders SELECT 1000 + i, i, now() FROM generate_series(11, 14) i;
CALL persona.run();
CALL persona.run();
CALL persona.run();
TABLE mre.counted;
INSERT INTO mre.returned VALUES (1011, 11, 1011);
SELECT persona.pause('ask'), persona.pause('hint');
SELECT moment, array_agg(subject ORDER BY subject) FROM persona.claim('email', 100) GROUP BY 1;
SELECT persona.fail(message, 'no such mailbox', attempt => 1) FROM persona_mre.message WHERE subject = 12 AND moment = 'careful' AND persona.suppress(12, 'email', 'bounced') IS NOT NULL;
SELECT persona.unsuppress(12, 'email');
INSERT INTO mre.orders VALUES (2013, 13, now());
SELECT persona.resume(m, held => 'send') FROM unnest('{ask,hint}'::text[]) m;
SELECT moment, array_agg(subject ORDER BY subject) FROM persona.claim('email', 100) GROUP BY 1 ORDER BY 1;
SELECT subject, moment, state, reason FROM mre.look WHERE subject BETWEEN 11 AND 14 AND moment <> 'plain' ORDER BY 1, 2;
RESET persona.space;
SELECT persona.drop_space('mre', force => true);
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA persona FROM mre_sender;
REVOKE ALL ON ALL TABLES IN SCHEMA persona FROM mre_sender;
REVOKE ALL ON SCHEMA persona FROM mre_sender;
DROP SCHEMA mre CASCADE;
DROP ROLE mre_sender, mre_owner;
