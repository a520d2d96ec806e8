-- The outbox: leases, attempts, late news, and whose it is.
CREATE SCHEMA mo;
CREATE TABLE mo.customer (id int PRIMARY KEY, email text);
CREATE TABLE mo.orders (id int PRIMARY KEY, customer_id int REFERENCES mo.customer, at timestamptz);
CREATE INDEX ON mo.orders (customer_id, at);
INSERT INTO mo.customer SELECT i, 'c' || i FROM generate_series(1, 400) i;
\set quiet '\\o /dev/null'
:quiet
SET persona.space = 'mo';
SELECT persona.define_space('mo', 'mo.customer');
SELECT persona.define_event('purchase', 'mo.orders');
SELECT persona.define_channel('email', 'email');
SELECT persona.define_purpose('service', 'opt_out');
SELECT persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'Hi {{ email }}', generic => 'Hi');
SELECT persona.activate('thanks');
INSERT INTO mo.orders SELECT i, i, now() FROM generate_series(1, 400) i;
\o
CALL persona.run();

-- What is claimed below, under a name each; a lease is lost by moving its end.
CREATE TABLE mo.held (name text PRIMARY KEY, message uuid, attempt int);
CREATE FUNCTION mo.hold(name text) RETURNS int LANGUAGE sql
BEGIN ATOMIC
	INSERT INTO mo.held SELECT hold.name, message, attempt FROM persona.claim('email', 1) RETURNING attempt;
END;
CREATE FUNCTION mo.of(name text) RETURNS uuid LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT message FROM mo.held h WHERE h.name = of.name;
END;
CREATE FUNCTION mo.lose(name text) RETURNS void LANGUAGE sql AS $$
	UPDATE persona_mo.message SET leased_until = clock_timestamp() - interval '1 second' WHERE message = mo.of(name) AND state = 'claimed';
$$;
-- All that is not claimed waits an hour, so that only what was lost is claimed again.
CREATE FUNCTION mo.again(name text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	attempt_now int;
BEGIN
	PERFORM mo.lose(name);
	UPDATE persona_mo.message SET ready_at = ready_at + interval '1 hour' WHERE state = 'ready';
	SELECT attempt INTO attempt_now FROM persona.claim('email', 1) WHERE message = mo.of(name);
	UPDATE persona_mo.message SET ready_at = ready_at - interval '1 hour' WHERE state = 'ready';
	RETURN attempt_now;
END;
$$;
CREATE VIEW mo.look AS
SELECT h.name, m.state, m.reason, m.attempt, m.sent_at IS NOT NULL AS sent, m.done_at IS NOT NULL AS settled,
	num_nonnulls(m.address, m.body) AS kept, m.provider_id
FROM mo.held h JOIN persona_mo.message m USING (message);

-- a lost lease: the next attempt, the same key; its acknowledgement still counts before that
SELECT mo.hold('slow'), mo.hold('lost');
SELECT mo.lose('slow');
SELECT persona.ack(ARRAY[mo.of('slow')], attempts => '{1}') AS after_the_lease;
SELECT mo.again('lost') AS next_attempt;
SELECT persona.fail(mo.of('lost'), 'timeout', attempt => 1) AS stale_fail;
-- news of the first attempt while another sender has the second: noted, not lost
SELECT persona.ack(ARRAY[mo.of('lost')], '{first}', '{1}') AS late;
TABLE mo.look ORDER BY name;
SELECT persona.still_ok(mo.of('lost'), 2) AS second_may_go;
SELECT persona.ack(ARRAY[mo.of('lost')], '{second}', '{2}') AS in_time;
SELECT state, provider_id FROM mo.look WHERE name = 'lost';
-- ... so that a failure of the second does not lead to a third,
SELECT mo.hold('failed');
SELECT mo.again('failed');
SELECT persona.ack(ARRAY[mo.of('failed')], attempts => '{1}');
SELECT persona.fail(mo.of('failed'), '451 busy', attempt => 2) AS known_to_be_sent;
-- ... nor does a second lost lease,
SELECT mo.hold('lost_twice');
SELECT mo.again('lost_twice');
SELECT persona.ack(ARRAY[mo.of('lost_twice')], attempts => '{1}');
SELECT mo.again('lost_twice') AS nobody_gets_it;
-- ... and what had been given back is sent after all.
SELECT mo.hold('given_back');
SELECT persona.fail(mo.of('given_back'), 'timeout', attempt => 1);
SELECT persona.ack(ARRAY[mo.of('given_back')], attempts => '{1}');
-- handed out, never acknowledged, and withdrawn: not called cancelled; news of it is welcome
SELECT mo.hold('withdrawn'), mo.hold('withdrawn_2'), mo.hold('asked');
SELECT count(persona.withdraw_consent(m.subject, 'service', 'email', 'page')) FROM mo.held h JOIN persona_mo.message m USING (message) WHERE h.name LIKE 'withdrawn%';
SELECT name, persona.still_ok(message, attempt), persona.still_ok(message), persona.still_ok(message, 2) AS other_attempt FROM mo.held WHERE name IN ('withdrawn', 'asked') ORDER BY 1;
SELECT mo.again('withdrawn'), mo.again('withdrawn_2');
SELECT e.gate, e.passed, e.reason, e.saw->'attempts' AS attempts FROM persona_mo.message m, persona.explain_decision(m.decision) e WHERE m.message = mo.of('withdrawn') AND NOT e.passed;
SELECT persona.ack(ARRAY[mo.of('withdrawn')], attempts => '{1}') AS better_late;
-- withdrawn before it was handed to anybody: cancelled
:quiet
INSERT INTO mo.held SELECT 'never', message, 1 FROM persona_mo.message WHERE state = 'ready' ORDER BY ready_at, message LIMIT 1;
SELECT persona.withdraw_consent(m.subject, 'service', 'email', 'page') FROM persona_mo.message m WHERE message = mo.of('never');
\o
SELECT count(*) FILTER (WHERE message = mo.of('never')) AS handed_over FROM persona.claim('email', 1);
SELECT e.gate, e.reason, e.saw->'attempts' AS attempts FROM persona_mo.message m, persona.explain_decision(m.decision) e WHERE m.message = mo.of('never') AND NOT e.passed;
-- an acknowledgement of what was never handed out is none
SELECT persona.ack(ARRAY(SELECT message FROM persona_mo.message WHERE state = 'ready' LIMIT 2)) AS never_claimed;
-- five leases lost in a row: nobody gets it a sixth time
SELECT mo.hold('poison');
SELECT mo.again('poison') FROM generate_series(2, 6);
-- five failures: dead
SELECT mo.hold('failing');
CREATE FUNCTION mo.fail_and_claim(attempt int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	becomes text := persona.fail(mo.of('failing'), 'full ' || attempt, '0', attempt);
BEGIN
	UPDATE persona_mo.message SET ready_at = '2000-01-01' WHERE message = mo.of('failing') AND state = 'ready';
	RETURN format('%s, then attempt %s', becomes, (SELECT c.attempt FROM persona.claim('email', 1) c WHERE c.message = mo.of('failing')));
END $$;
SELECT mo.fail_and_claim(attempt) FROM generate_series(1, 5) attempt;
-- a hard bounce: suppressed, so the failure is the last one
SELECT mo.hold('bounced');
SELECT persona.feedback(mo.of('bounced'), 'bounced', detail => '{"status": "5.1.1"}');
SELECT persona.suppress((SELECT subject FROM persona_mo.message WHERE message = mo.of('bounced')), 'email', 'bounced');
SELECT persona.fail(mo.of('bounced'), '550 5.1.1', attempt => 1);
TABLE mo.look ORDER BY name;
SELECT count(*) = 0 AS settled_is_blanked FROM persona_mo.message
WHERE done_at IS NOT NULL AND num_nonnulls(address, subject_line, body, headers, leased_until) > 0;
SET client_min_messages = warning;
SELECT DISTINCT persona.ack(ARRAY[message]) + CASE WHEN persona.fail(message, 'x') IS NULL THEN 0 ELSE 1 END AS moves FROM mo.look JOIN mo.held USING (name) WHERE state IN ('sent', 'cancelled', 'dead');
RESET client_min_messages;

-- backing off: each step four times the last, spread so that nothing comes back at once
SELECT attempt, min(wait) >= 0.5 * 4 ^ (attempt - 1) AND max(wait) < 1.5 * 4 ^ (attempt - 1) AS within,
	count(DISTINCT wait) = 1000 AS spread, abs(avg(wait) / 4 ^ (attempt - 1) - 1) < 0.05 AS centred
FROM generate_series(1, 4) attempt, generate_series(1, 1000) i,
	LATERAL (SELECT extract(epoch FROM persona.back_off(md5(i::text)::uuid, attempt)) / 60 AS wait) w
GROUP BY attempt ORDER BY attempt;
SELECT mo.hold('later');
SELECT persona.fail(mo.of('later'), NULL, '2 days');
SELECT ready_at - now() BETWEEN interval '47 hours' AND interval '2 days' AS as_said, reason FROM persona_mo.message WHERE message = mo.of('later');
SELECT persona.fail(mo.of('later'), 'x', '-1 second');
SELECT persona.fail(NULL, 'x'), persona.still_ok(NULL), persona.still_ok(gen_random_uuid(), 1);
SELECT persona.claim('email', 1, lease => '0');
SELECT persona.claim('email', 1, lease => '-1 hour');

-- many at once; twice in one call; nothing at all
SELECT persona.ack(NULL) AS null_is_none, persona.ack('{}') AS empty;
SELECT persona.ack(ARRAY[NULL]::uuid[]) AS null_inside;
CREATE TABLE mo.batch AS SELECT * FROM persona.claim('email', 50);
SELECT count(*), bool_and(idempotency_key = message::text) AS keyed, bool_and(attempt = 1) AS first FROM mo.batch;
SELECT persona.ack(array_agg(message) || array_agg(message), array_agg('p' || subject) || array_agg('q' || subject)) AS each_once FROM mo.batch;
SELECT count(*) FROM persona_mo.message m JOIN mo.batch b USING (message) WHERE m.provider_id IN ('p' || b.subject, 'q' || b.subject) AND m.body IS NULL;
-- never more than asked for, however the join is planned
CREATE PROCEDURE mo.claim_with(off text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config(s, 'off', true) FROM unnest(string_to_array(off, ' ')) s;
	ASSERT (SELECT count(*) = 7 AND count(DISTINCT message) = 7 FROM persona.claim('email', 7)), off;
END $$;
CALL mo.claim_with('enable_nestloop');
CALL mo.claim_with('enable_hashjoin');
CALL mo.claim_with('enable_mergejoin');
CALL mo.claim_with('enable_nestloop enable_hashjoin');
CALL mo.claim_with('enable_nestloop enable_mergejoin');
CALL mo.claim_with('enable_hashjoin enable_mergejoin');
CALL mo.claim_with('enable_indexscan enable_bitmapscan enable_tidscan');

-- a switch that is off, a clock that is moved, a moment that is paused
SET persona.enabled = off;
SELECT persona.still_ok(mo.of('asked')), count(*) FROM persona.claim('email', 1);
RESET persona.enabled;
SELECT persona.still_ok(mo.of('asked'));
:quiet
SELECT persona.pause('thanks');
\o
SELECT persona.still_ok(mo.of('asked')), count(*) FROM persona.claim('email', 1);
:quiet
SELECT persona.resume('thanks', held => 'send');
\o

-- unsubscribing by one click: a link that says who says no, but for a receipt
SELECT code, object FROM persona.define_channel('email', 'email', time_zone => $$'UTC'$$, link => 'http://shop.example');
SELECT headers FROM persona.claim('email', 1);
SELECT code, object FROM persona.define_channel('email', 'email', time_zone => $$'UTC'$$, link => 'https://shop.example/"me"//');
CREATE TABLE mo.offered AS SELECT message, subject, headers->>'List-Unsubscribe' AS link, headers - 'List-Unsubscribe' AS others FROM persona.claim('email', 3);
SELECT others, link ~ '^<https://shop[.]example/"me"/unsubscribe[?]token=[A-Za-z0-9._~-]+>$' AS form, count(*) OVER () = 3 AS each FROM mo.offered LIMIT 1;
CREATE FUNCTION mo.token(link text) RETURNS text LANGUAGE sql RETURN substring(link FROM 'token=(.*)>');
SELECT count(*) AS consents FROM persona_mo.consent c JOIN mo.offered o ON o.subject = c.subject::text;
SELECT count(DISTINCT p.name) AS read_by_a_scanner FROM mo.offered, persona.preferences(mo.token(link)) p;
SELECT count(*) AS consents FROM persona_mo.consent c JOIN mo.offered o ON o.subject = c.subject::text;
SELECT DISTINCT persona.apply_preferences(mo.token(link), '{"everything": false}') AS one_click FROM mo.offered;
SELECT count(*) FILTER (WHERE persona.may_contact(subject, 'service', 'email')) AS still_allowed, count(*) FILTER (WHERE persona.still_ok(message)) AS still_ok FROM mo.offered;
UPDATE persona_mo.message SET headers = '{"X-Campaign": "7", "List-Unsubscribe": "<mailto:old>"}', transactional = subject % 2 = 0 WHERE state = 'ready';
SELECT subject::int % 2 = 0 AS receipt, headers ? 'List-Unsubscribe-Post' AS offered, headers->>'List-Unsubscribe' ~ '^<https:' AS by_link, headers->>'X-Campaign' AS kept, count(*) > 0
FROM persona.claim('email', 20) GROUP BY 1, 2, 3, 4 ORDER BY 1;

-- the same link, and one to all preferences, within a message
SELECT code FROM persona.define_channel('letter', 'email', time_zone => $$'UTC'$$, link => 'https://shop.example');
SELECT count(*) > 0 AS defined FROM persona.define_moment('letter', on_event => 'purchase', purpose => 'service', channel => 'letter', template => '{{ unsubscribe_url }} {{ email }}', generic => '{{ preferences_url }}');
SELECT count(*) > 0 AS live FROM persona.activate('letter');
INSERT INTO mo.orders SELECT 1000 + i, i, now() FROM generate_series(301, 320) i;
CALL persona.run();
SELECT variant, body ~ CASE variant WHEN 'personal' THEN '^https://shop[.]example/unsubscribe[?]token=[\w.~-]+ c\d+$' ELSE '^https://shop[.]example/preferences[?]token=[\w.~-]+$' END AS linked,
	bool_and((SELECT count(*) > 0 FROM persona.preferences(substring(body FROM 'token=(\S+)')))) AS valid
FROM persona.claim('letter', 100) WHERE moment = 'letter' GROUP BY 1, 2 ORDER BY 1;
SELECT bool_and(passed) AS open FROM persona.why_not(320, 'letter') WHERE gate IN ('render', 'entry');
SELECT code FROM persona.define_channel('letter', 'email', time_zone => $$'UTC'$$);
INSERT INTO mo.orders SELECT 1100 + i, i, now() FROM generate_series(301, 320) i;
CALL persona.run();
-- nothing goes out with a link that leads nowhere
SELECT reason, count(*) FROM persona_mo.decision WHERE moment = 'letter' AND event_key[1]::int > 1400 GROUP BY 1;
SELECT count(*) FROM persona.page_link('unsubscribe', '1', NULL, 'https://shop.example', 'mo');

-- a copy: nothing is handed over until somebody adopts it
SELECT outbox = persona.database_identity() AS bound_here, outbox ~ '^[0-9]+/[0-9]+/[0-9]+$' AS form, why FROM persona.outbox WHERE space = 'mo';
SELECT persona.adopt('Ann', 'to see');
CREATE TABLE mo.in_hand AS SELECT message, attempt FROM persona_mo.message WHERE state = 'claimed';
UPDATE persona.outbox SET outbox = regexp_replace(outbox, '[0-9]+$', '0') WHERE space = 'mo';
\set VERBOSITY terse
SELECT persona.claim('email', 1);
CALL persona.run();
SELECT persona.adopt(NULL, 'why');
SELECT persona.adopt('Ann', ' ');
SELECT persona.claim('email', 1);
\set VERBOSITY default
SELECT persona.adopt('Ann', 'the old one is down') = (SELECT count(*) FROM mo.in_hand) AS in_hand;
SELECT count(*) FILTER (WHERE state = 'unconfirmed' AND reason = 'adopted') = count(*) AS unconfirmed FROM persona_mo.message JOIN mo.in_hand USING (message);
SELECT persona.ack(array_agg(message), attempts => array_agg(attempt)) = count(*) AS news_of_them FROM mo.in_hand;
SELECT count(*) FROM persona.claim('email', 1);
SELECT body->>'who' AS who, body->>'why' AS why, by_whom = session_user AS by FROM persona.definition_log WHERE kind = 'outbox' AND space = 'mo' ORDER BY at DESC LIMIT 1;
DELETE FROM persona.outbox WHERE space = 'mo';
\set VERBOSITY sqlstate
SELECT count(*) FROM persona.claim('email', 1);
\set VERBOSITY default

-- another brand's sender learns nothing, not even whether a message exists
CREATE SCHEMA mo_b;
CREATE ROLE mo_b;
CREATE TABLE mo_b.customer (id int PRIMARY KEY, email text);
ALTER TABLE mo_b.customer OWNER TO mo_b;
ALTER SCHEMA mo_b OWNER TO mo_b;
:quiet
SELECT persona.define_space('mo_b', 'mo_b.customer');
SELECT persona.define_channel('email', 'email', space => 'mo_b');
\o
GRANT USAGE ON SCHEMA persona TO mo_b;
GRANT SELECT ON ALL TABLES IN SCHEMA persona TO mo_b;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO mo_b;
SELECT message AS a_message FROM persona_mo.message WHERE state = 'ready' LIMIT 1 \gset
SET ROLE mo_b;
CREATE TABLE mo_b.answer (question text, real text, made_up text);
-- What a statement says of a message that is there, and of one that is not, its id aside.
CREATE FUNCTION mo_b.say(question text, message uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE question INTO answer USING message;
	RETURN coalesce(answer, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || replace(SQLERRM, message::text, 'X');
END $$;
SET client_min_messages = warning;
SELECT question, mo_b.say(question, :'a_message') IS NOT DISTINCT FROM mo_b.say(question, gen_random_uuid()) AS same, mo_b.say(question, :'a_message') AS answer
FROM (VALUES ('SELECT persona.ack(ARRAY[$1], space => ''mo_b'')'), ('SELECT persona.fail($1, ''x'', space => ''mo_b'')'), ('SELECT persona.feedback($1, ''opened'', space => ''mo_b'')'),
	('SELECT persona.still_ok($1, space => ''mo_b'')'), ('SELECT persona.message_refusal($1, ''mo_b'')'),
	('SELECT persona.ack(ARRAY[$1], space => ''mo'')'), ('SELECT persona.fail($1, ''x'', space => ''mo'')'), ('SELECT persona.feedback($1, ''opened'', space => ''mo'')'),
	('SELECT persona.still_ok($1, space => ''mo'')'), ('SELECT message FROM persona.claim(''email'', 1, space => ''mo'')'), ('SELECT persona.adopt(''b'', ''c'', space => ''mo'')'),
	('SELECT message FROM persona.claim(''email'', 1, space => ''nowhere'')'), ('SELECT persona.message_refusal($1, ''mo'')'),
	('SELECT persona.page_link(''unsubscribe'', ''1'', ''email'', ''https://shop.example'', ''mo'')')) q(question);
RESET ROLE;
RESET persona.space;
SELECT persona.drop_space('mo_b', force => true), persona.drop_space('mo', force => true);
SELECT count(*) AS left_behind FROM persona.outbox WHERE space IN ('mo', 'mo_b');
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA persona FROM mo_b;
REVOKE ALL ON ALL TABLES IN SCHEMA persona FROM mo_b;
REVOKE ALL ON SCHEMA persona FROM mo_b;
DROP SCHEMA mo, mo_b CASCADE;
DROP ROLE mo_b;
