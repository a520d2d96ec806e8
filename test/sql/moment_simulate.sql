-- simulate: what a run would decide, from the same code, with nothing written
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE ROLE mx_owner;
CREATE ROLE mx_author;
CREATE SCHEMA mx AUTHORIZATION mx_owner;
SET ROLE mx_owner;
CREATE TABLE mx.customer (id int PRIMARY KEY, name text, email text, zone text, secret text, divisor int DEFAULT 1);
CREATE TABLE mx.orders (id int PRIMARY KEY, customer_id int REFERENCES mx.customer, item text, amount int, at timestamptz);
CREATE INDEX ON mx.orders (customer_id, at);
INSERT INTO mx.customer SELECT i, 'n' || i, 'c' || i || '@example.org', 'UTC', 's' || i FROM generate_series(1, 120) i;
RESET ROLE;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('mx', 'mx.customer');
SELECT count(*) FROM persona.define_event('purchase', 'mx.orders');
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('marketing', 'consent');
SELECT count(*) FROM persona.define_attribute('secret', 'user.health', 'inferred');
SELECT count(*) FROM persona.define_segment('everybody', 'true');
SELECT count(*) FROM persona.define_segment('buyers', 'count(purchase) > 0');
SELECT count(*) FROM persona.define_policy(channel => 'email', cap => 2, quiet => '20:00-08:00', holdout => 0.2);
SELECT count(*) FROM persona.define_moment('thanks', on_event => 'purchase', when_rule => '10 / divisor > 5 AND new.amount > 5', cancel_rule => $$new.item = 'back'$$, purpose => 'marketing', channel => 'email',
	subject_line => 'Hello', template => '{{ name }} {{ secret }} {{ new.item }}', generic => 'Thanks for {{ new.item }}', hypothesis => 'h');
SELECT count(persona.grant_consent(id, 'marketing', 'email', 'test')) FROM mx.customer WHERE id > 5;
-- every gate closes for somebody
INSERT INTO mx.orders SELECT i, i, CASE WHEN i = 10 THEN 'back' ELSE 'mug' END, CASE WHEN i = 11 THEN 1 WHEN i = 12 THEN NULL ELSE 10 END, '2026-01-01 12:00+00' FROM generate_series(1, 110) i;
UPDATE mx.customer SET divisor = 0 WHERE id = 13;
UPDATE mx.customer SET email = '' WHERE id = 14;
UPDATE mx.customer SET zone = 'Asia/Tokyo' WHERE id = 15;
UPDATE mx.customer SET name = NULL WHERE id IN (16, 17, 18, 19);
SELECT persona.suppress(20, 'email', 'complaint');
SELECT count(*) FROM (SELECT persona.set_preference(id, 'user.health', false) FROM mx.customer WHERE id BETWEEN 21 AND 25) p;

-- an idea is tried before it is live, by who may, and nothing is written: not even a transaction id is used
GRANT mx_owner TO mx_author;
GRANT USAGE ON SCHEMA persona TO mx_author;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO mx_author;
GRANT SELECT ON ALL TABLES IN SCHEMA persona TO mx_author;
SET ROLE mx_author;
BEGIN;
SELECT outcome, reason, variant, fallback, channel, due, address, subject_line, body, content FROM persona.simulate(21, 'thanks');
SELECT count(*), sum(n) FROM persona.simulate_segment('everybody', 'thanks');
SELECT pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
COMMIT;
RESET ROLE;
CREATE TABLE mx.simulated AS
SELECT c.id, s.* FROM mx.customer c, persona.simulate(c.id, 'thanks') s;
SELECT count(*) AS nobody_without_an_event, count(DISTINCT reason) >= 7 AS many_reasons FROM mx.simulated;
-- the segment's counts are those of its members
SELECT * FROM (SELECT outcome, reason, variant, n FROM persona.simulate_segment('buyers', 'thanks')
	EXCEPT SELECT outcome, reason, variant, count(*) FROM mx.simulated GROUP BY 1, 2, 3) difference;
SELECT outcome, reason, variant IS NOT NULL AS variant, sum(n) FROM persona.simulate_segment('everybody', 'thanks') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- the real run says the same, to the letter
SELECT count(*) FROM persona.activate('thanks') WHERE level = 'block';
INSERT INTO persona_mx.inbox SELECT customer_id, 'purchase', ARRAY[id::text], at, now() FROM mx.orders;
CALL persona.run();
SELECT count(*) AS decided, bool_and((s.decision, s.outcome, s.reason, s.variant, s.fallback, s.channel) IS NOT DISTINCT FROM (d.decision, d.outcome, d.reason, d.variant, d.fallback, d.channel)) AS same_decision,
	bool_and(s.gates = d.gates::jsonb) AS same_gates, bool_and((s.address, s.subject_line, s.body) IS NOT DISTINCT FROM (m.address, m.subject_line, m.body)) AS same_message
FROM persona_mx.decision d JOIN mx.simulated s ON s.id = d.subject LEFT JOIN persona_mx.message m ON m.subject = d.subject AND m.message = d.decision;
SELECT s.id, s.outcome, s.reason, s.due FROM mx.simulated s WHERE NOT EXISTS (SELECT FROM persona_mx.decision d WHERE d.subject = s.id) ORDER BY 1;
SELECT subject, due FROM persona_mx.schedule;
-- and why_not and explain_decision as well
SELECT bool_and((SELECT jsonb_agg(to_jsonb(w)) FROM persona.why_not(id, 'thanks') w WHERE gate NOT IN ('frequency', 'surprise', 'variant', 'render'))
	= (SELECT jsonb_agg(to_jsonb(e)) FROM persona.explain_decision(d.decision) e WHERE gate NOT IN ('frequency', 'surprise', 'variant', 'render'))) AS same_gates
FROM mx.simulated s JOIN persona_mx.decision d ON d.subject = s.id;

-- at another time, with another clock for everybody
SELECT outcome, due FROM persona.simulate(30, 'thanks', at => '2026-01-01 23:00+00');
SELECT outcome, reason FROM persona.simulate(30, 'thanks', at => '2030-01-01 12:00+00');
SELECT persona.now();
SELECT outcome, sum(n) AS n FROM persona.simulate_segment('buyers', 'thanks', at => '2026-01-01 23:00+00') GROUP BY 1 ORDER BY 1;
-- a delay shows in the due time
SELECT count(*) FROM persona.define_moment('later', on_event => 'purchase', purpose => 'marketing', channel => 'email', delay => '1 day', local_time => '09:00', template => 'x {{ name }}', generic => 'x', hypothesis => 'h');
SELECT due FROM persona.simulate(15, 'later') UNION ALL SELECT due FROM persona.simulate(30, 'later');

-- every start
SELECT count(*) FROM persona.define_moment('enter', on_segment => 'buyers', purpose => 'marketing', channel => 'email', template => 'x {{ name }}', generic => 'x', hypothesis => 'h');
SELECT count(*) FROM persona.define_moment('day', schedule => 'daily', local_time => '09:00', purpose => 'marketing', channel => 'email', template => 'x {{ name }}', generic => 'x', hypothesis => 'h');
SELECT count(*) FROM persona.define_moment('next', after_moment => 'thanks', purpose => 'marketing', channel => 'email', template => 'x {{ new.item }}', generic => 'x', hypothesis => 'h');
SELECT count(*) FROM persona.define_moment('page', on_request => true, when_rule => $$new.page = 'home'$$, purpose => 'marketing', channel => 'email', template => 'x {{ new.page }}', generic => 'x', hypothesis => 'h');
CREATE FUNCTION mx.of(what text) RETURNS TABLE (moment text, outcome text, reason text, n bigint) LANGUAGE sql AS $$
	SELECT what, outcome, reason, sum(n)::bigint FROM persona.simulate_segment('everybody', what, '{"page": "home"}') GROUP BY 2, 3 ORDER BY 2, 3 $$;
SELECT m.* FROM unnest('{enter,day,next,page}'::text[]) w, mx.of(w) m WHERE reason IS NULL OR reason IN ('no_start', 'rule_false', 'rule_unknown', 'no_consent');
SELECT outcome, reason FROM persona.simulate(30, 'page', '{"page": "shoes"}');
SELECT outcome, reason FROM persona.simulate(30, 'page');
SELECT gate, reason FROM unnest('{enter,day,next,page}'::text[]) w, persona.why_not(30, w) WHERE NOT passed ORDER BY 1, 2;
SET client_min_messages = notice;
SELECT outcome FROM persona.simulate(115, 'thanks');
SELECT outcome FROM persona.simulate(115, 'enter');
SELECT outcome FROM persona.simulate(115, 'next');
SELECT gate FROM persona.why_not(115, 'next');
SELECT outcome, reason FROM persona.simulate(13, 'thanks');
-- mistakes
SELECT outcome FROM persona.simulate(1, 'thnaks');
SELECT outcome FROM persona.simulate(1, NULL);
SELECT outcome FROM persona.simulate(NULL, 'thanks');
SELECT outcome FROM persona.simulate('x', 'thanks');
SELECT outcome FROM persona.simulate_segment('everbody', 'thanks');
SELECT outcome FROM persona.simulate_segment('buyers', NULL);
SELECT count(*) FROM persona.define_moment('vague');
SELECT outcome FROM persona.simulate(1, 'vague');
SELECT outcome FROM persona.simulate_segment('buyers', 'vague');
-- nobody in it
SELECT count(*) FROM persona.define_segment('nobody', 'false');
SELECT * FROM persona.simulate_segment('nobody', 'thanks');
SELECT place, state, n FROM persona_mx.alert;
SET client_min_messages = warning;
RESET persona.clock;
SELECT persona.drop_space('mx', force => true);
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA persona FROM mx_author;
REVOKE ALL ON ALL TABLES IN SCHEMA persona FROM mx_author;
REVOKE ALL ON SCHEMA persona FROM mx_author;
DROP SCHEMA mx CASCADE;
DROP ROLE mx_owner, mx_author;
