-- lint: no false alarm on sensible rules, every fault found, every fix a fix
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
CREATE SCHEMA corpus;
CREATE TYPE corpus.mood AS ENUM ('cold', 'warm', 'hot');
CREATE TABLE corpus.customer (
	id int PRIMARY KEY, email text NOT NULL, country text, language text, tier varchar(10), age int, born date, newsletter boolean NOT NULL, active boolean,
	joined timestamptz NOT NULL, last_login timestamptz, score float8, credit numeric(10,2), tags text[], data jsonb, mood corpus.mood,
	company text, plan text, seats int, trial_ends date, churn_reason text, miles bigint, airport char(3), code text COLLATE "C");
CREATE TABLE corpus.orders (id bigint PRIMARY KEY, customer_id int NOT NULL REFERENCES corpus.customer, category text, sku text, amount numeric, status text, at timestamptz NOT NULL);
CREATE TABLE corpus.visit (id bigint PRIMARY KEY, customer_id int NOT NULL REFERENCES corpus.customer, page text, seconds int, at timestamptz);
CREATE TABLE corpus.ticket (id bigint PRIMARY KEY, customer_id int NOT NULL REFERENCES corpus.customer, status text, priority int);
CREATE TABLE corpus.booking (id bigint PRIMARY KEY, customer_id int NOT NULL REFERENCES corpus.customer, destination text, departs date, price numeric, at timestamp NOT NULL);
CREATE INDEX ON corpus.orders (customer_id, at);
CREATE INDEX ON corpus.visit (customer_id, at);
CREATE INDEX ON corpus.ticket (customer_id);
CREATE INDEX ON corpus.booking (customer_id, at);
SET persona.clock = '2026-01-01 00:00+00';
INSERT INTO corpus.customer SELECT i, 'c' || i || '@example.org', (ARRAY['DE', 'FR', 'AT', 'CH', NULL])[1 + i % 5], (ARRAY['de', 'fr'])[1 + i % 2],
	(ARRAY['gold', 'silver', 'basic'])[1 + i % 3], CASE WHEN i % 4 > 0 THEN 15 + i % 70 END, CASE WHEN i % 3 > 0 THEN date '1950-01-01' + i * 40 END, i % 2 = 0,
	CASE WHEN i % 10 > 0 THEN i % 3 > 0 END, timestamptz '2026-01-01 00:00+00' - i * interval '2 days', CASE WHEN i % 6 > 0 THEN timestamptz '2026-01-01 00:00+00' - i * interval '7 hours' END,
	CASE WHEN i % 7 > 0 THEN i % 100 / 100.0 END, i % 500, CASE WHEN i % 2 = 0 THEN ARRAY['vip', 'beta'] ELSE ARRAY['beta'] END,
	jsonb_build_object('source', (ARRAY['ad', 'friend'])[1 + i % 2], 'visits', i % 9), (ARRAY['cold', 'warm', 'hot', NULL])[1 + i % 4]::corpus.mood,
	CASE WHEN i % 2 = 0 THEN 'Company ' || i % 20 END, (ARRAY['free', 'team', 'enterprise'])[1 + i % 3], 1 + i % 60, CASE WHEN i % 4 = 0 THEN date '2026-01-01' + i % 30 - 10 END,
	CASE WHEN i % 9 = 0 THEN 'price' END, i * 150, (ARRAY['BER', 'VIE', 'CDG'])[1 + i % 3], 'k' || i % 10
FROM generate_series(1, 400) i;
INSERT INTO corpus.orders SELECT i, 1 + (i * 7) % 250, (ARRAY['shoes', 'hats', 'kitchen'])[1 + i % 3], 'sku' || i % 40, i % 90, (ARRAY['paid', 'returned', 'paid', 'paid'])[1 + i % 4],
	timestamptz '2026-01-01 00:00+00' - i * interval '7 hours' - i * 7 % 250 * interval '1 day' FROM generate_series(1, 2000) i;
INSERT INTO corpus.visit SELECT i, 1 + (i * 11) % 300, (ARRAY['home', 'pricing', 'cart', 'docs'])[1 + i % 4], i % 300, timestamptz '2026-01-01 00:00+00' - i * interval '2 hours' FROM generate_series(1, 3000) i;
INSERT INTO corpus.ticket SELECT i, 1 + i % 90, (ARRAY['open', 'closed'])[1 + i % 2], i % 5 FROM generate_series(1, 200) i;
INSERT INTO corpus.booking SELECT i, 1 + (i * 3) % 120, (ARRAY['Rome', 'Paris', 'Oslo'])[1 + i % 3], date '2026-01-01' + i % 90 - 20, 100 + i % 900, timestamp '2026-01-01' - i * interval '1 day' FROM generate_series(1, 500) i;
ANALYZE corpus.customer, corpus.orders, corpus.visit, corpus.ticket, corpus.booking;
SELECT count(*) FROM persona.define_space('corpus', 'corpus.customer');
SET persona.space = 'corpus';
SELECT count(*) FROM (VALUES ('purchase', 'orders', 'at'), ('visit', 'visit', 'at'), ('ticket', 'ticket', NULL), ('booking', 'booking', 'at')) v(event, relation, at),
	persona.define_event(v.event, ('corpus.' || v.relation)::regclass, at => v.at, fires => 'never');
SELECT count(*) FROM persona.define_segment('lapsed', 'ago(last(purchase)) > ''90 days''', space => 'corpus') WHERE level <> 'info';

CREATE TABLE corpus.sensible (id int GENERATED ALWAYS AS IDENTITY, rule text);
INSERT INTO corpus.sensible (rule) VALUES
	-- those of README, docs and demo
	($$country = 'DE'$$), ($$count(purchase) FILTER (WHERE ago < '1 year') >= 4$$), ($$country = 'DE' AND segment(lapsed)$$), ($$last(purchase.category) = 'shoes' AND sum(purchase.amount) > 100$$),
	($$ago(last(purchase)) > '90 days'$$), ($$count(purchase) FILTER (WHERE category = 'kitchen') >= 3 AND last(purchase.category) = 'kitchen'$$),
	($$count(purchase) FILTER (WHERE category = 'shoes' AND ago < '30 days') >= 2$$), ($$bool_or(ticket.status = 'open') IS NOT TRUE$$), ($$count(purchase) > 0$$), ($$true$$),
	-- shops
	($$country IN ('DE', 'AT', 'CH') AND newsletter$$), ($$tier = 'gold' OR sum(purchase.amount) > 1000$$), ($$(tier = 'gold' AND country = 'DE') OR (tier = 'silver' AND country = 'FR')$$),
	($$age BETWEEN 18 AND 30$$), ($$age >= 18 AND age < 65 AND newsletter$$), ($$(age >= 18 AND age < 30) OR (age >= 60 AND age < 75)$$), ($$age IS NULL OR age >= 18$$), ($$born IS NOT NULL AND born < current_date - 18 * 365$$),
	($$extract(month FROM born) = extract(month FROM current_date)$$), ($$count(purchase) = 1 AND ago(first(purchase)) < '30 days'$$), ($$count(purchase) = 0 AND ago(joined) > '14 days'$$),
	($$count(purchase) BETWEEN 2 AND 5$$), ($$count(purchase) FILTER (WHERE status = 'returned') * 2 > count(purchase)$$), ($$count(DISTINCT purchase.category) >= 3$$), ($$avg(purchase.amount) > 50 AND count(purchase) > 3$$),
	($$count(purchase) FILTER (WHERE ago > '30 days' AND ago < '60 days') > 0 AND count(purchase) FILTER (WHERE ago < '30 days') = 0$$),
	($$last(purchase.category) IN ('shoes', 'hats') AND NOT last(purchase.status) = 'returned'$$), ($$count(visit) FILTER (WHERE page = 'cart' AND ago < '2 days') > 0 AND (ago(last(purchase)) > '2 days' OR last(purchase) IS NULL)$$),
	($$'vip' = ANY (tags) AND tier <> 'basic'$$), ($$NOT ('vip' = ANY (tags))$$), ($$data->>'source' = 'friend' AND coalesce((data->>'visits')::int, 0) > 3$$), ($$credit > 100 AND credit <= 250.50$$), ($$country IS DISTINCT FROM 'DE'$$),
	($$CASE WHEN country = 'DE' THEN age >= 18 ELSE age >= 21 END$$), ($$sum(purchase.amount) FILTER (WHERE ago < '90 days') > 2 * sum(purchase.amount) FILTER (WHERE ago >= '90 days' AND ago < '180 days')$$),
	-- software
	($$plan = 'free' AND seats > 10$$), ($$plan <> 'free' AND last_login < now() - interval '30 days'$$), ($$last_login IS NULL OR ago(last_login) > '14 days'$$), ($$trial_ends >= current_date AND trial_ends < current_date + 7$$),
	($$joined > now() - interval '30 days' AND joined < now() - interval '3 days'$$), ($$active IS NOT TRUE AND churn_reason IS NULL$$), ($$churn_reason = 'price' AND plan = 'team'$$), ($$score > 0.8 AND mood >= 'warm'$$),
	($$count(visit) FILTER (WHERE page = 'docs') >= 3 AND count(visit) FILTER (WHERE page = 'pricing') = 0$$), ($$sum(visit.seconds) FILTER (WHERE ago < '7 days') > 3600 OR count(visit) > 30$$), ($$email LIKE '%@example.org' AND email NOT LIKE 'c1%'$$),
	-- travel
	($$airport = 'BER' AND miles >= 10000 AND miles < 50000$$), ($$count(booking) FILTER (WHERE destination = 'Rome' AND departs > current_date) > 0$$), ($$max(booking.departs) < current_date AND ago(last(booking)) > '60 days'$$),
	($$count(booking) FILTER (WHERE departs BETWEEN current_date AND current_date + 14) > 0 AND NOT segment(lapsed)$$), ($$last(booking.price) > 500 AND first(booking.destination) = 'Paris'$$),
	-- companies
	($$company IS NOT NULL AND seats BETWEEN 5 AND 50$$), ($$company ILIKE 'company 1%' AND plan IN ('team', 'enterprise')$$), ($$seats > 20 AND (bool_or(ticket.status = 'open' AND ticket.priority = 1) OR count(ticket) > 3)$$),
	($$max(ticket.priority) FILTER (WHERE status = 'open') >= 3$$), ($$code >= 'k3' AND code < 'k7'$$), ($$length(company) > 5 AND lower(country) = 'de'$$), ($$joined >= '2025-01-01' AND joined < '2025-07-01'$$);
SELECT count(*) >= 50 AS fifty_sensible_rules FROM corpus.sensible;
SELECT s.rule, f.level, f.code, f.object, f.message FROM corpus.sensible s, persona.lint(s.rule, 'corpus') f WHERE f.level <> 'info' ORDER BY s.id;

CREATE TABLE corpus.faulty (id int GENERATED ALWAYS AS IDENTITY, code text, rule text);
INSERT INTO corpus.faulty (code, rule) VALUES
	('never_true', $$age > 50 AND age < 30$$), ('never_true', $$age = 1 AND age = 2$$), ('never_true', $$country IN ('DE', 'FR') AND country IN ('AT', 'CH')$$), ('never_true', $$country = 'DE' AND newsletter AND country = 'FR'$$),
	('never_true', $$false$$), ('never_true', $$1 = 2$$), ('never_true', $$age BETWEEN 30 AND 18$$), ('never_true', $$count(purchase) < 0$$), ('never_true', $$count(purchase) > 0 AND count(purchase) < 1$$),
	('never_true', $$sum(purchase.amount) > 100 AND sum(purchase.amount) <= 50.5$$), ('never_true', $$active AND NOT active$$), ('never_true', $$active IS NULL AND active$$), ('never_true', $$email IS NULL$$),
	('never_true', $$age IS NULL AND age > 3$$), ('never_true', $$born > '2000-01-01' AND born < '1990-01-01'$$), ('never_true', $$joined >= '2026-01-01 00:00+00' AND joined < '2025-12-31 23:59+00'$$),
	('never_true', $$ago(joined) < '3 days' AND ago(joined) > '1 week'$$), ('never_true', $$joined < now() - interval '30 days' AND joined > now() - interval '10 days'$$),
	('never_true', $$count(purchase) FILTER (WHERE ago < '30 days' AND ago > '60 days') > 0$$), ('never_true', $$mood = 'hot' AND mood < 'warm'$$), ('never_true', $$NOT (age > 10 OR age <= 20)$$), ('never_true', $$code < 'a' AND code > 'b'$$),
	('never_true', $$(country = 'DE' OR country = 'AT') AND (country = 'FR' OR country = 'CH')$$), ('never_true', $$seats > 5 AND seats < 6$$), ('never_true', $$airport = 'BER' AND airport = 'VIE'$$),
	('always_true', $$age > 1 OR age <= 1 OR age IS NULL$$), ('always_true', $$count(purchase) >= 0$$), ('always_true', $$count(purchase) >= 0 AND newsletter$$), ('always_true', $$1 = 1$$), ('always_true', $$newsletter OR NOT newsletter$$),
	('always_true', $$active IS TRUE OR active IS NOT TRUE$$), ('always_true', $$email IS NOT NULL OR newsletter$$), ('always_true', $$count(visit) = 0 OR count(visit) > 0$$), ('always_true', $$country IS DISTINCT FROM 'DE' OR country IS DISTINCT FROM 'FR'$$),
	('true_unless_null', $$age > 1 OR age <= 1$$), ('true_unless_null', $$country <> 'DE' OR country <> 'FR'$$), ('true_unless_null', $$newsletter AND (plan <> 'free' OR plan <> 'team')$$), ('true_unless_null', $$active OR NOT active$$),
	('contradictory_bounds', $$newsletter OR (age > 50 AND age < 30)$$), ('contradictory_bounds', $$age > 50 AND (country = 'DE' OR age < 30)$$), ('contradictory_bounds', $$tier = 'gold' OR (tier = 'basic' AND tier = 'silver' AND newsletter)$$),
	('contradictory_bounds', $$newsletter OR seats BETWEEN 9 AND 5$$), ('contradictory_bounds', $$count(purchase) FILTER (WHERE category = 'shoes' OR (amount > 5 AND amount < 3)) > 0$$), ('contradictory_bounds', $$newsletter OR count(ticket) < 0$$),
	('redundant_clause', $$age > 50 AND age > 30$$), ('redundant_clause', $$age > 30 AND newsletter AND age > 50$$), ('redundant_clause', $$newsletter OR (newsletter AND age > 30)$$), ('redundant_clause', $$newsletter AND (newsletter OR age > 30)$$),
	('redundant_clause', $$country = 'DE' AND active AND country = 'DE'$$), ('redundant_clause', $$country IN ('DE', 'FR', 'DE')$$), ('redundant_clause', $$country = 'DE' OR country IN ('DE', 'AT')$$), ('redundant_clause', $$country = 'DE' AND country <> 'FR'$$),
	('redundant_clause', $$count(purchase) FILTER (WHERE ago < '30 days' AND ago < '60 days') > 0$$), ('redundant_clause', $$true AND newsletter$$), ('redundant_clause', $$age = 30 AND age IS NOT NULL$$), ('redundant_clause', $$count(visit) > 3 AND count(visit) >= 1$$),
	('redundant_clause', $$(country = 'DE' AND age > 20) OR (age > 30 AND country = 'DE')$$), ('redundant_clause', $$(country = 'DE' OR age > 20) AND (age > 10 OR newsletter OR country = 'DE')$$), ('redundant_clause', $$lower(company) = 'x' AND newsletter AND lower(company) = 'x'$$),
	('null_comparison', $$country = NULL$$), ('null_comparison', $$country <> NULL AND newsletter$$), ('null_comparison', $$country NOT IN ('DE', NULL)$$), ('null_comparison', $$country IN ('DE', NULL)$$), ('null_comparison', $$newsletter OR age > NULL$$),
	('null_comparison', $$NULL = country OR newsletter$$), ('null_comparison', $$count(purchase) FILTER (WHERE category = NULL) > 0$$),
	('condition_after_nothing', $$false AND newsletter$$), ('condition_after_nothing', $$email IS NULL AND newsletter$$), ('condition_after_nothing', $$newsletter OR true OR age > 30$$), ('condition_after_nothing', $$(email IS NOT NULL OR active) OR age > 30$$),
	('mixed_and_or', $$tier = 'gold' OR tier = 'silver' AND newsletter$$), ('mixed_and_or', $$newsletter AND age > 30 OR country = 'DE'$$), ('mixed_and_or', $$newsletter AND (age > 30 OR age < 20 AND country = 'DE')$$),
	('mixed_and_or', $$count(purchase) FILTER (WHERE amount > 50 OR category = 'shoes' AND amount > 5) > 0$$), ('mixed_and_or', $$CASE WHEN newsletter OR active AND age > 3 THEN true END$$), ('mixed_and_or', $$age BETWEEN 1 AND 20 AND newsletter OR active$$),
	('mixed_and_or', $$newsletter OR NOT active AND age > 3$$),
	('mostly_unknown', $$churn_reason <> 'price'$$), ('mostly_unknown', $$NOT (churn_reason = 'price')$$), ('mostly_unknown', $$miles > 0 AND trial_ends NOT BETWEEN '2026-01-01' AND '2026-01-10'$$), ('mostly_unknown', $$churn_reason = 'price'$$),
	('case_differs', $$country = 'de'$$), ('case_differs', $$tier IN ('Gold', 'Silver')$$), ('case_differs', $$language <> 'DE'$$), ('case_differs', $$company LIKE 'company%'$$), ('case_differs', $$last(purchase.category) = 'Shoes'$$),
	('case_differs', $$count(purchase) FILTER (WHERE category = 'SHOES' AND ago < '90 days') > 0$$), ('case_differs', $$bool_or(ticket.status = 'Open')$$), ('case_differs', $$newsletter AND count(visit) FILTER (WHERE page IN ('Cart', 'home')) > 0$$),
	('window_longer_than_data', $$count(purchase) FILTER (WHERE ago < '5 years') > 3$$), ('window_longer_than_data', $$sum(visit.seconds) FILTER (WHERE page = 'docs' AND ago <= interval '10 years') > 3$$), ('window_longer_than_data', $$count(booking) FILTER (WHERE ago < '3 years') > 3$$),
	('nobody', $$country = 'XX' AND newsletter$$), ('nobody', $$count(purchase) > 1000$$), ('fails_on_data', $$(data->>'source')::int = 1$$),
	('equal_segment', $$ago(last(purchase)) > '90 days'$$), ('contained_segment', $$newsletter AND ago(last(purchase)) > '90 days'$$), ('contained_segment', $$ago(last(purchase)) > '180 days'$$), ('contained_segment', $$ago(last(purchase)) > '30 days'$$);
SELECT count(*) >= 40 AS forty_faulty_rules, count(DISTINCT code) AS codes FROM corpus.faulty;
-- those whose fault is not found
SELECT code, rule FROM corpus.faulty f WHERE code NOT IN (SELECT l.code FROM persona.lint(f.rule, 'corpus') l) ORDER BY id;

-- every hint runs, and what it was for is gone
CREATE FUNCTION corpus.is_gone(hint text, finding_code text, finding_object text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	still boolean;
BEGIN
	EXECUTE 'SELECT EXISTS (SELECT FROM (' || rtrim(hint, ';') || ') f WHERE (f.code, f.object) = ($1, $2))' INTO still USING finding_code, finding_object;
	RETURN NOT still;
END;
$$;
SELECT f.rule, l.code, l.hint FROM corpus.faulty f, persona.lint(f.rule, 'corpus') l WHERE CASE WHEN l.hint IS NOT NULL THEN NOT corpus.is_gone(l.hint, l.code, l.object) END ORDER BY f.id;
SELECT count(l.hint) > 90 AS many_hints, count(*) FILTER (WHERE l.hint IS NULL AND l.code NOT IN ('nobody', 'fails_on_data', 'order_matters', 'never_true', 'contained_segment', 'null_comparison')) AS without_hint
FROM corpus.faulty f, persona.lint(f.rule, 'corpus') l;
-- a fix that leaves a part out, or only makes something visible, changes nobody's membership
CREATE FUNCTION corpus.members(rule text) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	members int[];
BEGIN
	EXECUTE 'SELECT array_agg(subject ORDER BY subject) FROM (' || persona.rule_sql(rule::persona.rule, 'corpus') || ') m' INTO members;
	RETURN members;
END;
$$;
SELECT f.rule, l.code, l.hint FROM corpus.faulty f, persona.lint(f.rule, 'corpus') l
WHERE l.hint IS NOT NULL AND l.code IN ('always_true', 'contradictory_bounds', 'redundant_clause', 'condition_after_nothing', 'mixed_and_or', 'mostly_unknown', 'window_longer_than_data', 'equal_segment', 'contained_segment')
	AND corpus.members(f.rule) IS DISTINCT FROM corpus.members(substring(l.hint FROM '[$]rule[$](.*)[$]rule[$]')) ORDER BY f.id;
SELECT bool_and(corpus.members(f.rule) IS NULL) AS never_true_is_nobody FROM corpus.faulty f, persona.lint(f.rule, 'corpus') l WHERE l.code = 'never_true' AND l.message LIKE 'nobody%';
SELECT bool_and(cardinality(corpus.members(f.rule)) = 400) AS always_true_is_everybody FROM corpus.faulty f, persona.lint(f.rule, 'corpus') l WHERE l.code = 'always_true' AND l.message LIKE 'everybody%';
-- nor does the database find a subject that contradicts a finding about a segment
SELECT bool_and(corpus.members(f.rule) <@ corpus.members('segment(lapsed)')) FILTER (WHERE l.message LIKE 'all of it%') AS contained,
	bool_and(corpus.members(f.rule) @> corpus.members('segment(lapsed)')) FILTER (WHERE l.message LIKE 'all of segment%') AS contains
FROM corpus.faulty f, persona.lint(f.rule, 'corpus') l WHERE l.code = 'contained_segment';
RESET persona.clock;
RESET persona.space;
SELECT persona.drop_space('corpus');
DROP SCHEMA corpus CASCADE;
