-- what came of each decision by its goal: outcome and funnel; and who only tries things out is in neither
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'America/New_York';   -- nothing depends on the session's
SET DateStyle = ISO;
SET persona.space = 'mo_shop';
SET persona.clock = '2026-03-01 12:00+00';
CREATE SCHEMA mo;
CREATE TABLE mo.customer (id text PRIMARY KEY, country text, email text);
CREATE TABLE mo.product (sku text PRIMARY KEY, category text);
CREATE TABLE mo.orders (id int PRIMARY KEY, customer_id text REFERENCES mo.customer, sku text REFERENCES mo.product, amount numeric, at timestamptz);
CREATE TABLE mo.visit (id int PRIMARY KEY, customer_id text REFERENCES mo.customer, at timestamp);
INSERT INTO mo.customer SELECT 'c' || i, (ARRAY['DE', 'FR'])[1 + i % 2], i || '@example.org' FROM generate_series(1, 400) i;
INSERT INTO mo.product VALUES ('s', 'shoes'), ('h', 'hats');
SELECT count(*) FROM persona.define_space('mo_shop', 'mo.customer');
SELECT count(*) FROM persona.define_event('purchase', 'mo.orders', at => 'at', fires => 'never');
SELECT count(*) FROM persona.define_event('visit', 'mo.visit', at => 'at', fires => 'insert');
SELECT count(*) FROM persona.define_facet('product', 'mo.product', via => 'purchase.sku');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('news', 'legitimate_interest');
SELECT count(*) FROM persona.define_policy(holdout => 0.1);
SELECT count(*) FROM persona.define_moment('hello', on_event => 'visit', purpose => 'news', channel => 'email', template => 'P', generic => 'G', hypothesis => 'h');
SELECT count(*) FILTER (WHERE level = 'block') FROM persona.activate('hello');
-- without a goal nobody converts, and nothing is wrong
INSERT INTO mo.visit SELECT i, 'c' || i, '2026-03-01 12:00' FROM generate_series(1, 300) i;
CALL persona.run();
SELECT count(*), count(converted_at), count(value) FROM persona_mo_shop.outcome;
SELECT sum(decided), sum(converted) FROM persona_mo_shop.funnel;
-- the only goal, guardrails aside, is that of every experiment which names none
SELECT code FROM persona.define_goal('bought', 'count(purchase) > 0', within => '7 days', target => 0.05);
SELECT code FROM persona.define_goal('returns', 'count(purchase) FILTER (WHERE amount < 0) > 0', better => 'lower', guardrail => true);
-- orders before, at, within, at the end and after the time; of people without a decision; without a time
INSERT INTO mo.orders SELECT row_number() OVER (), d.subject, 's', 10, d.at + o FROM persona_mo_shop.decision d,
	unnest(CASE right(d.subject, 1) WHEN '0' THEN '{-1 microseconds}' WHEN '1' THEN '{0}' WHEN '2' THEN '{5 days,3 days}' WHEN '3' THEN '{167:59:59.999999}' WHEN '4' THEN '{168:00}' WHEN '5' THEN '{-1 days,6 days}' ELSE '{}' END::interval[]) o;
INSERT INTO mo.orders VALUES (9001, 'c399', 's', 10, '2026-03-01 13:00+00'), (9002, 'c6', 's', 10, NULL), (9003, NULL, 's', 10, '2026-03-01 13:00+00');
SELECT right(subject, 1) AS last, array_agg(DISTINCT converted_at - at) AS after, array_agg(DISTINCT value) AS value FROM persona_mo_shop.outcome GROUP BY 1 ORDER BY 1;
-- the mean of value is that of results(), of the holdout too; late data counts, what is gone does not
CREATE FUNCTION mo.agrees(which text) RETURNS TABLE (as_results boolean, variants bigint) LANGUAGE sql AS $$
	SELECT bool_and(o.n = r.n AND abs(o.mean - r.mean) < 1e-9), count(*)
	FROM (SELECT variant, count(value) AS n, avg(value) AS mean FROM persona_mo_shop.outcome GROUP BY 1) o
		JOIN (SELECT DISTINCT variant, n, mean FROM persona.results('hello') WHERE goal = which AND month IS NULL) r USING (variant) $$;
SELECT * FROM mo.agrees('bought');
INSERT INTO mo.orders SELECT 10000 + i, 'c' || i, 'h', 20, '2026-03-03 12:00+00' FROM generate_series(1, 300, 4) i;
DELETE FROM mo.orders WHERE id % 5 = 0;
SELECT * FROM mo.agrees('bought');
-- in the funnel they are of the day of the decision, and of those who got a message
SELECT f.day, f.decided = o.decided AND f.converted = o.converted AS as_outcome, f.converted > 0 AS some FROM persona_mo_shop.funnel f,
	(SELECT count(*) AS decided, count(converted_at) FILTER (WHERE outcome = 'send') AS converted FROM persona_mo_shop.outcome) o;
SELECT column_name FROM information_schema.columns WHERE table_schema = 'persona_mo_shop' AND table_name IN ('outcome', 'funnel') ORDER BY table_name DESC, ordinal_position;

-- when it was reached: each kind of measure against the same by hand
CREATE FUNCTION mo.came(measure text) RETURNS TABLE (decision uuid, converted_at timestamptz, value float8) LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_goal('bought', measure, within => '7 days', target => 0.05);
	SELECT decision, converted_at, value FROM persona_mo_shop.outcome WHERE variant IS NOT NULL $$;
CREATE VIEW mo.during AS SELECT d.decision, d.at AS decided_at, o.*, sum(amount) OVER w AS total, count(*) OVER w AS n,
	(SELECT count(DISTINCT p.sku) FROM mo.orders p WHERE p.customer_id = d.subject AND p.at >= d.at AND p.at <= o.at) AS skus
FROM persona_mo_shop.decision d JOIN mo.orders o ON o.customer_id = d.subject AND o.at >= d.at AND o.at < d.at + interval '168 hours' WINDOW w AS (PARTITION BY d.decision ORDER BY o.at);
CREATE TABLE mo.expected (measure text, decision uuid, converted_at timestamptz, value float8);
INSERT INTO mo.expected
SELECT 'count(purchase) >= 2', d.decision, (SELECT min(at) FROM mo.during w WHERE w.decision = d.decision AND n >= 2), (SELECT (count(*) >= 2)::int FROM mo.during w WHERE w.decision = d.decision) FROM persona_mo_shop.decision d
UNION ALL
SELECT 'sum(purchase.amount) > 15.5', d.decision, (SELECT min(at) FROM mo.during w WHERE w.decision = d.decision AND total > 15.5), (SELECT coalesce(sum(amount) > 15.5, false)::int FROM mo.during w WHERE w.decision = d.decision) FROM persona_mo_shop.decision d
UNION ALL
SELECT 'count(DISTINCT purchase.sku) > 1', d.decision, (SELECT min(at) FROM mo.during w WHERE w.decision = d.decision AND skus > 1), (SELECT (count(DISTINCT sku) > 1)::int FROM mo.during w WHERE w.decision = d.decision) FROM persona_mo_shop.decision d
UNION ALL
SELECT 'count(purchase) FILTER (WHERE product.category = ''hats'') > 0', d.decision, (SELECT min(at) FROM mo.during w WHERE w.decision = d.decision AND sku = 'h'), (SELECT (count(*) > 0)::int FROM mo.during w WHERE w.decision = d.decision AND sku = 'h') FROM persona_mo_shop.decision d
UNION ALL
SELECT 'sum(purchase.amount)', d.decision, (SELECT min(at) FROM mo.during w WHERE w.decision = d.decision), (SELECT coalesce(sum(amount), 0) FROM mo.during w WHERE w.decision = d.decision) FROM persona_mo_shop.decision d
UNION ALL
SELECT 'sum(purchase.amount) / count(purchase)', d.decision, (SELECT min(at) FROM mo.during w WHERE w.decision = d.decision), (SELECT avg(amount) FROM mo.during w WHERE w.decision = d.decision) FROM persona_mo_shop.decision d;
SELECT m COLLATE "C" AS measure, count(*) AS decisions, count(c.converted_at) > 0 AS some, bool_and((c.converted_at, c.value) IS NOT DISTINCT FROM (e.converted_at, e.value)) AS as_by_hand
FROM (SELECT DISTINCT measure AS m FROM mo.expected) k, LATERAL mo.came(m) c, mo.expected e WHERE (e.measure, e.decision) = (m, c.decision) GROUP BY 1 ORDER BY 1;
-- what is to stay away is known when the time is over, not before
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) = 0', within => '7 days', target => 0.05);
SELECT count(*) > 0 AS so_far, count(converted_at) AS known FROM persona_mo_shop.outcome WHERE value = 1;
SET persona.clock = '2026-03-08 12:00+00';
SELECT bool_and(converted_at = at + interval '168 hours') AS at_the_end FROM persona_mo_shop.outcome WHERE value = 1;
SELECT * FROM mo.agrees('bought');

-- several goals: the experiment says which; one of the moment's own name does
SELECT count(*) FROM persona.define_goal('bought', 'count(purchase) > 0', within => '7 days', target => 0.05);
SELECT count(*) FROM persona.define_goal('revenue', 'sum(purchase.amount)', within => '7 days', target => 0.05);
SELECT count(converted_at) AS unclear FROM persona_mo_shop.outcome;
SELECT count(*) FROM persona.define_experiment('hello', '{generic,personal}', '{0.5,0.5}', goal => 'revenue');
SELECT * FROM mo.agrees('revenue');
-- every decision is counted from its own time, results() count from the first
INSERT INTO mo.visit SELECT 1000 + i, 'c' || i, '2026-03-08 12:00' FROM generate_series(1, 100) i;
INSERT INTO mo.visit SELECT 2000 + i, 'c' || i, '2026-03-08 12:00' FROM generate_series(301, 320) i;
CALL persona.run();
INSERT INTO mo.orders SELECT 20000 + i, 'c' || i, 'h', 1000, '2026-03-09 12:00+00' FROM generate_series(1, 10) i;
SELECT at::date, count(value) AS counted, count(*) FILTER (WHERE value >= 1000) AS bought_then FROM persona_mo_shop.outcome WHERE outcome = 'send' OR outcome = 'holdout' GROUP BY 1 ORDER BY 1;
-- whatever is filtered, each row says the same
CREATE TABLE mo.whole AS SELECT decision, at, converted_at, value FROM persona_mo_shop.outcome;
SELECT bool_and((w.converted_at, w.value) IS NOT DISTINCT FROM (o.converted_at, o.value)) AS one_by_one FROM mo.whole w, LATERAL (SELECT * FROM persona_mo_shop.outcome o WHERE o.decision = w.decision) o WHERE w.at > '2026-03-05';
SELECT bool_and((w.converted_at, w.value) IS NOT DISTINCT FROM (o.converted_at, o.value)) AS by_day FROM mo.whole w JOIN persona_mo_shop.outcome o USING (decision) WHERE o.moment = 'hello' AND o.at >= '2026-03-08' AND o.at < '2026-03-09';
CREATE FUNCTION mo.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE) ' || query; END $$;
SELECT bool_or(p ~ 'Index Cond.*moment = ''hello''.*at >=') AS pushed_down FROM mo.plan($$SELECT converted_at FROM persona_mo_shop.outcome WHERE moment = 'hello' AND at >= '2026-03-08' AND at < '2026-03-09'$$) p;
SELECT count(*) FILTER (WHERE p ~ 'conversion\(') AS not_asked_not_counted FROM (SELECT mo.plan('SELECT moment, sent_at FROM persona_mo_shop.outcome') AS p UNION ALL SELECT mo.plan('SELECT moment, day, sent FROM persona_mo_shop.funnel')) q;
-- a fallback exposed nobody, so nothing comes of it; a message that could not be rendered did
SELECT count(*) FROM persona.define_experiment('hello', '{generic,personal}', '{0.5,0.5}', goal => 'revenue', coverage => 0);
INSERT INTO mo.visit SELECT 3000 + i, 'c' || i, '2026-03-08 12:00' FROM generate_series(331, 340) i;
CALL persona.run();
SELECT outcome, fallback, count(*) > 0 AS some, count(o.value) AS values FROM persona_mo_shop.outcome o JOIN persona_mo_shop.decision d USING (decision, outcome) WHERE d.event_key[1]::int > 3000 GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) FROM persona.define_experiment('hello', '{generic,personal}', '{0.5,0.5}', goal => 'revenue');

-- ---- who tries things out ----
SELECT persona.mark_test('nobody');
SELECT persona.mark_test(NULL::text);
SELECT persona.mark_test('c1', space => 'mo_shp');
SELECT persona.mark_test('nobody', false);
CREATE TABLE mo.before AS SELECT * FROM persona.results('hello');
CREATE TABLE mo.f_before AS SELECT * FROM persona_mo_shop.funnel;
-- marked later, all that they ever did is gone: c1 to c10 bought for 1,000
SELECT persona.mark_test('c' || i) FROM generate_series(1, 10) i \g /dev/null
SELECT persona.mark_test('c1'), persona.mark_test('c2'::text, true);
SELECT count(*) AS marked FROM persona_mo_shop.test_subject;
SELECT sum(b.n) - sum(a.n) AS fewer FROM mo.before b JOIN persona.results('hello') a ON (a.goal, a.variant, a.month) IS NOT DISTINCT FROM (b.goal, b.variant, b.month) AND a.control IS NOT DISTINCT FROM b.control WHERE b.goal = 'revenue' AND b.control IS NULL AND b.month IS NULL
	OR b.goal = 'revenue' AND b.control = 'generic' AND b.month IS NULL;
SELECT (SELECT n FROM mo.before WHERE goal IS NULL) - (SELECT n FROM persona.results('hello') WHERE goal IS NULL) AS fewer_in_the_split;
SELECT bool_and(p.n = r.n) AS performance_too FROM persona_mo_shop.performance p JOIN persona.results('hello') r ON r.goal = p.goal AND r.variant = p.variant AND r.month = p.month AND r.control IS DISTINCT FROM 'holdout';
SELECT b.day, b.entered = f.entered AS counted_without_names, b.decided - f.decided AS decided, b.converted - f.converted > 0 AS converted FROM mo.f_before b JOIN persona_mo_shop.funnel f USING (day) ORDER BY 1;
SELECT count(*) AS decisions_stay, count(converted_at) + count(value) AS nothing_came FROM persona_mo_shop.outcome WHERE subject IN ('c1', 'c2');
-- they get their messages
SET persona.clock = '2026-03-08 13:00+00';
INSERT INTO mo.visit VALUES (5001, 'c1', '2026-03-08 13:00'), (5002, 'c2', '2026-03-08 13:00'), (5003, 'c3', '2026-03-08 13:00');
CALL persona.run();
SELECT count(*) FILTER (WHERE outcome IN ('send', 'holdout')) = 3 AS decided_as_anybody FROM persona_mo_shop.decision WHERE event_key[1]::int > 5000;
SELECT bool_and(sent = 0 OR sent IS NULL) AS not_sent_yet FROM persona_mo_shop.funnel;
SELECT count(*) FROM (SELECT persona.ack(array_agg(message)) FROM persona.claim('email', 1000)) a;
SELECT persona.feedback(message, 'clicked') AS heard FROM persona_mo_shop.message WHERE subject IN ('c1', 'c2', 'c3') LIMIT 1;
SELECT count(clicked) AS no_click, sum(sent) = (SELECT count(*) FROM persona_mo_shop.message m WHERE state = 'sent' AND NOT EXISTS (SELECT FROM persona_mo_shop.test_subject t WHERE t.subject = m.subject)) AS sent_to_others FROM persona_mo_shop.funnel;
-- the mark is taken off, and all is as before
SELECT persona.mark_test('c' || i, false) FROM generate_series(1, 10) i \g /dev/null
SELECT (SELECT n FROM mo.before WHERE goal IS NULL) = (SELECT n FROM persona.results('hello') WHERE goal IS NULL) AS back;
-- a test subject is no reason for a new phase, nor to call a breakdown late
SELECT count(*) FROM persona.define_experiment('page', '{generic,bold}', '{0.5,0.5}', goal => 'revenue');
SELECT persona.mark_test('c350'), persona.expose('c350', 'page') IS NOT NULL AS exposed;
SELECT level, code FROM persona.define_experiment('page', '{generic,bold}', '{0.2,0.8}', goal => 'revenue');
SELECT verdict, message FROM persona.results('page') WHERE goal IS NULL;
-- her export says so; erased she is forgotten, and what she did stays out
SELECT jsonb_array_length(persona.export_subject('c350') -> 'persona' -> 'test_subject') AS exported;
SELECT source, done, n FROM persona.erase_subject('c350') WHERE source IN ('exposure', 'test_subject') ORDER BY 1;
SELECT count(*) AS hers FROM persona_mo_shop.test_subject WHERE subject = 'c350';
SELECT verdict, message FROM persona.results('page') WHERE goal IS NULL;
-- a unit counts by its other members; who is held out makes no unit one of two variants
SELECT count(*) FROM persona.define_experiment('team', '{generic,bold}', '{0.5,0.5}', unit => 'country', goal => 'revenue');
SELECT count(persona.expose('c' || i, 'team')) AS exposed FROM generate_series(1, 20) i;
SELECT count(DISTINCT variant) AS variants, count(*) FILTER (WHERE variant = 'holdout') > 0 AS held_out FROM persona_mo_shop.exposure WHERE experiment = 'team';
SELECT n, verdict FROM persona.results('team') WHERE goal IS NULL;
SELECT persona.mark_test('c' || i) FROM generate_series(1, 19, 2) i \g /dev/null
SELECT n, verdict FROM persona.results('team') WHERE goal IS NULL;

-- nobody may mark, or look, who has no right
CREATE ROLE mo_other;
SET ROLE mo_other;
SELECT persona.mark_test('c1');
RESET ROLE;
GRANT USAGE ON SCHEMA persona_mo_shop, persona TO mo_other;
GRANT SELECT ON ALL TABLES IN SCHEMA persona_mo_shop, persona TO mo_other;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO mo_other;
SET ROLE mo_other;
SELECT persona.mark_test('c1');
SELECT count(*) > 0 AS may_look FROM (SELECT moment, variant, sent_at FROM persona_mo_shop.outcome) o;
SELECT count(*) > 0 AS may_look FROM (SELECT moment, day, sent FROM persona_mo_shop.funnel) f;
RESET ROLE;
DROP OWNED BY mo_other;
DROP ROLE mo_other;
RESET persona.clock;
SELECT * FROM persona_mo_shop.alert;
SELECT persona.drop_space('mo_shop', force => true);
DROP SCHEMA mo CASCADE;
