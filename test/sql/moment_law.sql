-- what is decided, against a definition of its own: every gate in SQL, over a large random set
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SELECT setseed(0.4711);
CREATE SCHEMA ml;
CREATE TABLE ml.customer (id int PRIMARY KEY, email text, name text, health text, vip boolean, zone text, points int, divisor int);
CREATE TABLE ml.orders (id int PRIMARY KEY, customer_id int, kind text, sku text, amount numeric, at timestamptz);
CREATE TABLE ml.returned (id int PRIMARY KEY, customer_id int, sku text, at timestamptz);
CREATE TABLE ml.feed (customer_id int, at timestamptz);
CREATE INDEX ON ml.orders (customer_id, at);
CREATE INDEX ON ml.returned (customer_id, at);
CREATE INDEX ON ml.feed (customer_id, at);
SET statement_timeout = '60s';
CREATE FUNCTION ml.pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT choices[1 + floor(random() * cardinality(choices))::int]';
CREATE FUNCTION ml.chance(p float8) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT random() < p';
INSERT INTO ml.customer SELECT i, CASE WHEN ml.chance(0.05) THEN ml.pick(NULL, '', ' ') ELSE 'c' || i / 2 || '@example.org' END, 'n' || i,
	'h' || i, ml.chance(0.5), ml.pick('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York', 'Pacific/Auckland', 'Mars/Phobos', NULL), floor(random() * 10)::int, 1
FROM generate_series(1, 1500) i;
SET persona.clock = '2026-03-02 12:00+00';
SELECT count(*) FROM persona.define_space('ml', 'ml.customer');
SET persona.space = 'ml';
SELECT count(*) FROM persona.define_event('purchase', 'ml.orders', subject => 'customer_id', at => 'at');
SELECT count(*) FROM persona.define_event('returned', 'ml.returned', subject => 'customer_id', fires => 'never');
SELECT count(*) FROM persona.define_event('feed', 'ml.feed', subject => 'customer_id', fires => 'never');
SELECT count(*) FROM persona.define_channel('ml_mail', 'email', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('marketing', 'consent', expires => '1 year');
SELECT count(*) FROM persona.define_purpose('marketing.news', 'consent', expires => '1 year');
SELECT count(*) FROM persona.define_purpose('care', 'opt_out');
SELECT count(*) FROM persona.define_attribute('health', 'user.health', 'inferred');
SELECT count(*) FROM persona.define_attribute('name', 'user.name', 'declared');
SELECT count(*) FROM persona.define_attribute('feed.at', 'user.behaviour', 'observed', max_age => '3 days');
SELECT count(*) FROM persona.define_policy(channel => 'ml_mail', quiet => '20:00-07:00', space => 'house');
SELECT count(*) FROM persona.define_policy(channel => 'ml_mail', cap => 3, per => '7 days', max_surprise => 88);
SELECT count(*) FROM persona.define_policy(channel => 'ml_mail', purpose => 'marketing', cap => 1, per => '7 days', categories => '{user}', holdout => 0.2);
/* Four moments of one event: what each of them asks. */
CREATE TABLE ml.asks (moment text PRIMARY KEY, purpose text, priority int, transactional boolean, stale boolean);
INSERT INTO ml.asks VALUES ('news', 'marketing.news', 1, false, false), ('offer', 'marketing', 5, false, false), ('receipt', 'care', 3, true, false), ('digest', 'care', 2, false, true);
SELECT count(*) >= 0 AS defined FROM ml.asks a, persona.define_moment(a.moment, on_event => 'purchase',
	when_rule => (CASE WHEN a.stale THEN 'count(feed) >= 0 AND ' ELSE '' END || '(new.amount > 20 AND vip)')::persona.rule,
	cancel_rule => 'count(returned) FILTER (WHERE sku = new.sku) > 0 OR 10 / divisor > 100', expires => '2 days', purpose => a.purpose, channel => 'ml_mail',
	template => 'Hello {{ health }} {{ new.sku }}', generic => 'Hello {{ name }}', delay => '1 day', priority => a.priority, transactional => a.transactional, hypothesis => 'h');
SELECT count(*) >= 0 AS activated FROM ml.asks a, persona.activate(a.moment);
INSERT INTO ml.feed SELECT 1 + floor(random() * 1500)::int, '2026-03-01 12:00+00' FROM generate_series(1, 100);
INSERT INTO ml.orders SELECT i, 1 + floor(random() * 1500)::int, 'k', 's' || floor(random() * 20), 50, timestamptz '2026-03-02 12:00+00' + i * interval '1 ms' FROM generate_series(1, 1200) i;
UPDATE ml.customer SET vip = true;
CALL persona.run();
SELECT count(*) AS scheduled FROM persona_ml.schedule;
-- a history, and what customers said and did meanwhile
INSERT INTO persona_ml.decision (subject, decision, started_at, moment, moment_version, experiment, variant, channel, purpose, at, due, outcome, fallback, transactional, once_key, step, gates)
SELECT c.id, gen_random_uuid(), '2026-03-02 11:00+00', a.moment, 1, a.moment, 'personal', 'ml_mail', a.purpose, now.at, now.at, ml.pick('send', 'send', 'holdout', 'skip'), false, a.transactional, i::text, 0, '[]'
FROM ml.customer c, ml.asks a, generate_series(1, 3) i, LATERAL (SELECT timestamptz '2026-03-02 11:00+00' - random() * interval '12 days' + c.id * interval '0') now(at) WHERE ml.chance(0.12);
SELECT count(persona.grant_consent(id, 'marketing', 'ml_mail', 'test', at => '2026-03-01 00:00+00')) > 0 AS said FROM ml.customer WHERE ml.chance(0.7);
SELECT count(persona.grant_consent(id, 'marketing', 'ml_mail', 'test', at => '2025-01-01 00:00+00')) > 0 AS said FROM ml.customer WHERE ml.chance(0.1);
SELECT count(persona.withdraw_consent(id, 'marketing.news', 'ml_mail', 'test', at => '2026-03-02 00:00+00')) > 0 AS said FROM ml.customer WHERE ml.chance(0.1);
SELECT count(persona.withdraw_consent(id, NULL, NULL, 'test')) > 0 AS said FROM ml.customer WHERE ml.chance(0.05);
SELECT count(*) > 0 AS said FROM (SELECT persona.set_preference(id, ml.pick('user.health', 'user.name', 'user'), ml.chance(0.3)) FROM ml.customer WHERE ml.chance(0.2)) s;
SELECT count(*) > 0 AS said FROM (SELECT persona.suppress(id, CASE WHEN ml.chance(0.5) THEN 'ml_mail' END, 'asked') FROM ml.customer WHERE ml.chance(0.03)) s;
CREATE TABLE ml.bounced AS SELECT DISTINCT email FROM ml.customer WHERE btrim(email) <> '' AND ml.chance(0.02);
SELECT count(*) > 0 AS said FROM (SELECT persona.suppress_address(upper(email), CASE WHEN ml.chance(0.5) THEN 'ml_mail' END, 'bounced') FROM ml.bounced) s;
UPDATE ml.customer SET vip = CASE WHEN ml.chance(0.05) THEN NULL ELSE ml.chance(0.95) END;
UPDATE ml.customer SET divisor = 0 WHERE ml.chance(0.01);
INSERT INTO ml.returned SELECT i, o.customer_id, o.sku, '2026-03-03 00:00+00' FROM (SELECT *, row_number() OVER () AS i FROM ml.orders WHERE ml.chance(0.05)) o;
UPDATE ml.orders SET amount = ml.pick('NaN', '10', NULL)::numeric WHERE ml.chance(0.05);
DELETE FROM ml.orders WHERE ml.chance(0.03);
DELETE FROM ml.customer WHERE ml.chance(0.02);
UPDATE persona_ml.schedule SET first_due = first_due - interval '3 days' WHERE ml.chance(0.05);

/*
 * The definition of its own, gate by gate as the model names them. What was
 * sent counts as each case finds it, so the cases are taken one after another
 * by priority.
 */
CREATE TABLE ml.law (decision uuid PRIMARY KEY, subject int, moment text, closed text, outcome text, fallback boolean, due timestamptz);
CREATE INDEX ON ml.law (subject);
CREATE FUNCTION ml.consent(customer int, what text, basis text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ended int := coalesce((SELECT max(seq) FROM persona_ml.consent WHERE subject = customer AND purpose IS NULL), 0);
	said record;
BEGIN
	/* The nearest purpose that somebody spoke of since speaking of all. */
	FOR said IN SELECT p FROM unnest(ARRAY[what, split_part(what, '.', 1)]) p LOOP
		DECLARE word record;
		BEGIN
			SELECT * INTO word FROM persona_ml.consent l WHERE l.subject = customer AND l.purpose = said.p AND l.seq > ended ORDER BY l.at DESC, (l.decision = 'withdraw') DESC, l.seq DESC LIMIT 1;
			IF FOUND THEN
				RETURN CASE WHEN word.decision = 'withdraw' THEN 'withdrawn'
					WHEN word.at + interval '1 year' <= persona.now() AND basis = 'consent' THEN 'consent_expired' END;
			END IF;
		END;
	END LOOP;
	RETURN CASE WHEN ended > 0 THEN 'withdrawn' WHEN basis = 'consent' THEN 'no_consent' END;
END
$$;
CREATE FUNCTION ml.refuses(customer int, what text) RETURNS boolean LANGUAGE sql AS $$
	SELECT coalesce((SELECT NOT p.allowed FROM persona_ml.preference p WHERE p.subject = customer AND p.category = what),
		(SELECT NOT p.allowed FROM persona_ml.preference p WHERE p.subject = customer AND p.category = 'user'), false)
$$;
CREATE TABLE ml.base AS SELECT moment, max(score) AS score FROM persona.audit() WHERE provenance <> 'unknown' GROUP BY 1;
CREATE TABLE ml.zones AS SELECT name FROM pg_timezone_names;
CREATE FUNCTION ml.local_hour(zone text) RETURNS numeric LANGUAGE sql AS $$
	SELECT extract(epoch FROM (persona.now() AT TIME ZONE CASE WHEN EXISTS (SELECT FROM ml.zones n WHERE n.name = zone) THEN zone ELSE 'UTC' END)::time) / 3600
$$;
CREATE FUNCTION ml.decide(q persona_ml.schedule, a ml.asks) RETURNS ml.law LANGUAGE plpgsql AS $$
DECLARE
	c ml.customer;
	o ml.orders;
	sent int;
	sent_marketing int;
	own int;
	shown int;
	said text;
	returned boolean;
	law ml.law := (q.decision, q.subject, q.moment, NULL, NULL, false, q.due);
BEGIN
	SELECT * INTO c FROM ml.customer WHERE id = q.subject;
	SELECT * INTO o FROM ml.orders WHERE id = q.event_key[1]::int;
	returned := EXISTS (SELECT FROM ml.returned r WHERE r.customer_id = q.subject AND r.sku = o.sku);
	SELECT count(*) FILTER (WHERE d.at > persona.now() - interval '7 days'),
		count(*) FILTER (WHERE d.at > persona.now() - interval '7 days' AND d.purpose ~ '^marketing')
	INTO sent, sent_marketing
	FROM (SELECT d.at, d.purpose FROM persona_ml.decision d WHERE d.subject = q.subject AND d.outcome <> 'skip' AND NOT d.transactional
		UNION ALL SELECT persona.now(), b.purpose FROM ml.law l JOIN ml.asks b ON b.moment = l.moment
			WHERE l.subject = q.subject AND l.outcome IN ('send', 'holdout') AND NOT b.transactional) d;
	/* All four show the same value, and of the history it is not known what that showed. */
	SELECT count(*) FILTER (WHERE d.moment = q.moment), count(*) FILTER (WHERE d.is_known) INTO own, shown
	FROM (SELECT d.moment, false FROM persona_ml.decision d WHERE d.subject = q.subject AND d.outcome <> 'skip' AND d.at > persona.now() - interval '7 days'
		UNION ALL SELECT l.moment, true FROM ml.law l WHERE l.subject = q.subject AND l.outcome IN ('send', 'holdout') AND NOT l.fallback) d (moment, is_known);
	law.fallback := ml.refuses(q.subject, 'user.health')
		OR (SELECT score FROM ml.base b WHERE b.moment = q.moment) + 20 * greatest(own, shown) + 10 * greatest(0, own
			+ (SELECT count(*) FROM ml.law l WHERE l.subject = q.subject AND l.moment <> q.moment AND l.outcome IN ('send', 'holdout') AND NOT l.fallback) - greatest(own, shown)) > 88;
	said := ml.consent(q.subject, a.purpose, CASE a.purpose WHEN 'care' THEN 'opt_out' ELSE 'consent' END);
	law.closed := CASE
		WHEN c.id IS NULL THEN 'gone'
		WHEN o.id IS NULL THEN 'event_gone'
		WHEN EXISTS (SELECT FROM persona_ml.suppression s WHERE s.subject = q.subject) THEN 'suppressed'
		WHEN c.divisor = 0 AND NOT returned THEN 'rule_unknown'
		WHEN c.email IN (SELECT email FROM ml.bounced) THEN 'suppressed'
		WHEN btrim(coalesce(c.email, '')) = '' THEN 'unreachable'
		WHEN coalesce(o.amount <= 20, false) OR NOT coalesce(c.vip, true) THEN 'rule_false'
		WHEN o.amount IS NULL OR o.amount = 'NaN' OR c.vip IS NULL THEN 'rule_unknown'
		WHEN a.stale AND (SELECT max(at) FROM ml.feed) < persona.now() - interval '3 days' THEN 'source_stale'
		WHEN returned THEN 'cancelled'
		WHEN persona.now() >= q.first_due + interval '2 days' THEN 'expired'
		WHEN NOT a.transactional AND said IS NOT NULL THEN said
		WHEN ml.refuses(q.subject, 'user.name') THEN 'data_preference'
		WHEN ml.local_hour(c.zone) >= 20 OR ml.local_hour(c.zone) < 7 THEN 'quiet'
		WHEN NOT a.transactional AND (sent >= 3 OR a.purpose ~ '^marketing' AND sent_marketing >= 1) THEN 'frequency_cap' END;
	law.outcome := CASE WHEN law.closed = 'quiet' THEN 'defer' WHEN law.closed IS NOT NULL THEN 'skip'
		WHEN a.purpose ~ '^marketing' AND persona.bucket(q.subject::text, 'ml.holdout') < 0.2 THEN 'holdout' ELSE 'send' END;
	RETURN law;
END
$$;
CREATE PROCEDURE ml.judge() LANGUAGE plpgsql AS $$
DECLARE
	one record;
BEGIN
	FOR one IN SELECT q, a FROM persona_ml.schedule q JOIN ml.asks a ON a.moment = q.moment WHERE q.due <= persona.now() ORDER BY a.priority DESC, q.subject, q.due, q.decision LOOP
		INSERT INTO ml.law SELECT * FROM ml.decide(one.q, one.a);
	END LOOP;
END
$$;
SET persona.clock = '2026-03-03 19:00+00';
CALL ml.judge();
SELECT count(*) AS judged, count(DISTINCT closed) AS reasons FROM ml.law;
CALL persona.run();
SELECT count(persona.resume(moment, held => 'send')) AS held FROM persona.moment WHERE space = 'ml' AND held_at IS NOT NULL;
CALL persona.run();
-- every case, decided or deferred, is as the law says
SELECT count(*) AS cases, count(*) FILTER (WHERE CASE l.outcome
		WHEN 'defer' THEN d.decision IS NULL AND q.due > persona.now()
		WHEN 'skip' THEN d.outcome = 'skip' AND d.reason = l.closed
		WHEN 'holdout' THEN d.outcome = 'holdout'
		ELSE d.outcome = 'send' END) AS as_the_law_says
FROM ml.law l LEFT JOIN persona_ml.decision d USING (subject, decision) LEFT JOIN persona_ml.schedule q USING (subject, decision);
SELECT bool_and(n > 0) AS all_there, count(*) AS kinds FROM (SELECT count(*) AS n FROM ml.law GROUP BY coalesce(closed, outcome)) l;
-- the twin stands in where the customer wants it so, or was told often before, and nowhere else
SELECT count(*) > 100 AS many, count(*) FILTER (WHERE l.fallback) > 50 AS often, bool_and(d.fallback = l.fallback) AS twin_where_it_must
FROM ml.law l JOIN persona_ml.decision d USING (subject, decision)
WHERE d.outcome IN ('send', 'holdout');
-- deferred until the quiet hours end on the customer's clock, and not a day more
SELECT bool_and((q.due AT TIME ZONE coalesce(z.name, 'UTC'))::time = '07:00' AND q.due <= persona.now() + interval '1 day') AS at_seven, bool_and(q.first_due < q.due) AS first_due_stays
FROM ml.law l JOIN persona_ml.schedule q USING (subject, decision) JOIN ml.customer c ON c.id = l.subject LEFT JOIN ml.zones z ON z.name = c.zone WHERE l.outcome = 'defer';
-- nothing that waits is decided before, and what was decided stays: a second run changes nothing
SELECT count(*) AS n, md5(string_agg(d::text, ',' ORDER BY decision)) AS content FROM persona_ml.decision d \gset was_
CALL persona.run();
SELECT count(*) = :was_n AND md5(string_agg(d::text, ',' ORDER BY decision)) = :'was_content' AS unchanged FROM persona_ml.decision d;
-- what closes first is the reason, in the order of the gates
SELECT count(*) FILTER (WHERE d.reason IS DISTINCT FROM (SELECT g.value->>'reason' FROM jsonb_array_elements(d.gates::jsonb) WITH ORDINALITY g(value, n) WHERE g.value->>'passed' = 'false' ORDER BY n LIMIT 1)) AS otherwise
FROM ml.law l JOIN persona_ml.decision d USING (subject, decision);
RESET statement_timeout;
RESET persona.clock;
RESET persona.space;
DELETE FROM persona.policy WHERE space = 'house';
SELECT persona.drop_space('ml', force => true);
DROP SCHEMA ml CASCADE;
