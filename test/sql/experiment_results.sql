-- Results: the split first, verdicts that stay, families, months, segments, units, phases, the holdout.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET persona.clock = '2026-06-01 12:00+00';
CREATE SCHEMA er;
CREATE TABLE er.customer (id int PRIMARY KEY, account int, country text);
CREATE TABLE er.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id int REFERENCES er.customer, amount numeric, at timestamptz);
CREATE INDEX ON er.orders (customer_id, at);
INSERT INTO er.customer SELECT i, i / 5, (ARRAY['DE', 'FR'])[1 + (i / 2) % 2] FROM generate_series(1, 20000) i;
SELECT level, code FROM persona.define_space('er_shop', 'er.customer') WHERE level = 'block';
SET persona.space = 'er_shop';
SELECT code FROM persona.define_event('purchase', 'er.orders', at => 'at') WHERE level = 'block';
SELECT code FROM persona.define_goal('bought', 'count(purchase) > 0', target => 0.05);
SELECT code FROM persona.define_goal('revenue', 'sum(purchase.amount)', target => 0.05);
SELECT code FROM persona.define_goal('returns', 'count(purchase) FILTER (WHERE amount < 0) > 0', better => 'lower', guardrail => true);
SELECT code FROM persona.define_segment('german', 'country = ''DE''') WHERE level = 'block';
SELECT code FROM persona.define_segment('buyer', 'count(purchase) > 0') WHERE level = 'block';
SELECT code FROM persona.define_experiment('banner', '{generic,bold,plain}', '{0.34,0.33,0.33}', goal => 'bought');
-- segments are named beforehand
SELECT level, code FROM persona.define_breakdown('banner', '{german}');
SELECT level, code, object FROM persona.define_breakdown('banner', '{german,buyer}');
SELECT code FROM persona.define_breakdown('banner', '{german}');
SELECT code FROM persona.define_breakdown('banner', '{germna}');
SELECT code FROM persona.define_breakdown('banner', '{}');
SELECT code FROM persona.define_breakdown('banner', NULL);
SELECT persona.drop_definition('segment', 'german');

-- nobody yet, too few
SELECT goal, variant, n, verdict, message FROM persona.results('banner');
SELECT * FROM persona.results('baner');
CREATE FUNCTION er.expose(which text, from_id int, to_id int, start timestamptz, every interval) RETURNS void LANGUAGE sql AS $$
	INSERT INTO persona_er_shop.exposure
	SELECT i, which, CASE WHEN persona.bucket(i, 'held') < 0.1 THEN 'holdout' ELSE e.variants[persona.choose(i, which, e.weights)] END, start + (i - from_id) * every, NULL
	FROM generate_series(from_id, to_id) i, persona.experiment e WHERE e.space = 'er_shop' AND e.experiment = which
$$;
CREATE FUNCTION er.buy(which text, rates jsonb) RETURNS void LANGUAGE sql AS $$
	INSERT INTO er.orders (customer_id, amount, at) SELECT x.subject, 20 + persona.bucket(x.subject, 'amount') * 60, x.at + interval '1 day'
	FROM persona_er_shop.exposure x WHERE x.experiment = which AND persona.bucket(x.subject, 'buys') < (rates->>x.variant)::float8
$$;
SELECT er.expose('banner', 1, 60, '2026-04-20', '1 minute');
SELECT goal, variant, control, verdict FROM persona.results('banner') WHERE segment IS NULL AND month IS NULL AND control = 'generic' ORDER BY 1, 2;

-- bold wins, plain does nothing
SELECT er.expose('banner', 61, 20000, '2026-04-21', '2 minutes');
SELECT er.buy('banner', '{"generic": 0.10, "bold": 0.16, "plain": 0.10, "holdout": 0.05}');
CREATE TABLE er.seen AS SELECT * FROM persona.results('banner');
SELECT verdict, message FROM er.seen WHERE goal IS NULL;
SELECT goal, variant, control, n, verdict FROM er.seen WHERE segment IS NULL AND month IS NULL AND goal IS NOT NULL ORDER BY 1, 3 NULLS FIRST, 2;
SELECT message FROM er.seen WHERE (goal, variant, control) = ('bought', 'bold', 'generic') AND segment IS NULL AND month IS NULL;
-- the interval that holds at any look is wider than that of one look, holds the lift, and agrees with its p-value
SELECT bool_and(lift_lo <= fixed_lift_lo AND fixed_lift_hi <= lift_hi) AS wider, bool_and(lift_lo <= lift AND lift <= lift_hi) AS holds_it,
	bool_and((verdict IN ('winner', 'loser')) = (lift_lo > 0 OR lift_hi < 0)) AS decides, bool_and(p_value >= fixed_p_value) AS no_bolder
FROM er.seen WHERE lift_lo IS NOT NULL AND goal <> 'returns';
-- Holm and Benjamini-Hochberg within the family: the experiment's own goal by its two variants; the other goal by both; months times variants
SELECT bool_and(p_holm >= p_value - 1e-12 AND p_bh >= p_value - 1e-12 AND p_holm >= p_bh - 1e-12) AS never_smaller,
	bool_and(abs(r.p_holm - h.holm[r.i]) < 1e-12 AND abs(r.p_bh - h.bh[r.i]) < 1e-12) AS as_stat_holm_bh
FROM (SELECT r.*, row_number() OVER w AS i, array_agg(p_value) OVER (PARTITION BY goal, month IS NULL, segment IS NULL, control) AS ps
	FROM (SELECT * FROM er.seen WHERE control IS NOT NULL AND goal <> 'returns' ORDER BY goal, segment, month, variant) r
	WINDOW w AS (PARTITION BY goal, month IS NULL, segment IS NULL, control ORDER BY segment, month, variant)) r, LATERAL persona.stat_holm_bh(r.ps) h;
-- months add up to all; a segment is its members
SELECT bool_and(a.n = m.n) AS months_add_up FROM er.seen a JOIN (SELECT goal, variant, coalesce(control, '') AS control, sum(n) AS n, count(*) AS months FROM er.seen WHERE month IS NOT NULL GROUP BY 1, 2, 3) m
	ON m.goal = a.goal AND m.variant = a.variant AND m.control = coalesce(a.control, '') WHERE a.month IS NULL AND a.segment IS NULL;
SELECT array_agg(DISTINCT month ORDER BY month) AS months FROM er.seen WHERE month IS NOT NULL;
SELECT bool_and(s.n = e.n AND abs(s.mean - e.mean) < 1e-9) AND count(*) = 7 AS segment_by_hand
FROM er.seen s JOIN (SELECT x.variant, count(*) AS n, avg(EXISTS (SELECT FROM er.orders o WHERE o.customer_id = x.subject)::int) AS mean
	FROM persona_er_shop.exposure x JOIN er.customer c ON c.id = x.subject WHERE x.experiment = 'banner' AND c.country = 'DE' GROUP BY 1) e USING (variant)
WHERE s.goal = 'bought' AND s.segment = 'german';

-- the first decision stays: when it fades later looks say so, and do not take it back
SELECT goal, variant, control, verdict FROM persona_er_shop.conclusion ORDER BY 1, 3, 2;
DELETE FROM er.orders WHERE customer_id IN (SELECT subject FROM persona_er_shop.exposure WHERE variant = 'bold') AND id % 2 = 0;
SET persona.clock = '2026-06-09 12:00+00';
SELECT variant, verdict, message FROM persona.results('banner') WHERE (goal, control) = ('bought', 'generic') AND segment IS NULL AND month IS NULL ORDER BY 1;
SELECT count(*) AS as_before FROM persona_er_shop.conclusion WHERE at <= '2026-06-01 12:00+00' AND (goal, variant, verdict) = ('bought', 'bold', 'winner') AND control = 'generic';
-- in a transaction that may only read nothing is noted
BEGIN READ ONLY;
SELECT count(*) > 0 AS readable FROM persona.results('banner');
ROLLBACK;

-- a split that is not as planned hides everything
SELECT code FROM persona.define_experiment('broken', '{generic,bold}', '{0.5,0.5}') WHERE level = 'warn';
INSERT INTO persona_er_shop.exposure SELECT i, 'broken', CASE WHEN i % 100 < 54 THEN 'generic' ELSE 'bold' END, '2026-05-01', NULL FROM generate_series(1, 5000) i;
SELECT variant, goal IS NULL AS split, n, lift, verdict, message FROM persona.results('broken') WHERE month IS NULL AND (goal IS NULL OR goal = 'bought') AND segment IS NULL;
-- and so does one in twenty who saw both
SELECT code FROM persona.define_experiment('mixed', '{generic,bold}', '{0.5,0.5}') WHERE level = 'warn';
INSERT INTO persona_er_shop.exposure SELECT i, 'mixed', v, '2026-05-01', NULL FROM generate_series(1, 1000) i, unnest('{generic,bold}'::text[]) v WHERE i % 20 = 0 OR (i % 2 = 0) = (v = 'bold');
SELECT n, verdict, message FROM persona.results('mixed') WHERE goal IS NULL;

-- people of one account are one unit: they are counted once, by the first of them
SELECT code FROM persona.define_experiment('by_account', '{generic,bold}', '{0.5,0.5}', unit => 'account') WHERE level = 'warn';
INSERT INTO persona_er_shop.exposure SELECT c.id, 'by_account', (ARRAY['generic', 'bold'])[persona.choose(c.account, 'by_account', '{0.5,0.5}')], '2026-04-25'::timestamptz + c.id * interval '1 minute', NULL FROM er.customer c WHERE c.id <= 6000;
SELECT bool_and(r.n = e.n AND abs(r.mean - e.mean) < 1e-9) AND count(*) = 2 AS by_account_by_hand
FROM persona.results('by_account') r JOIN (
	SELECT variant, count(*) AS n, avg(revenue) AS mean FROM (
		SELECT c.account, min(x.variant) AS variant, (SELECT coalesce(sum(o.amount), 0)::float8 FROM er.orders o JOIN er.customer m ON m.id = o.customer_id
			WHERE m.account = c.account AND m.id <= 6000 AND o.at >= min(x.at) AND o.at < min(x.at) + interval '14 days') AS revenue
		FROM persona_er_shop.exposure x JOIN er.customer c ON c.id = x.subject WHERE x.experiment = 'by_account' GROUP BY c.account) a GROUP BY 1) e USING (variant)
WHERE r.goal = 'revenue' AND r.month IS NULL;

-- new weights are a new phase: only who came in since is compared
RESET persona.clock;
SELECT code FROM persona.define_experiment('phased', '{generic,bold}', '{0.5,0.5}') WHERE level = 'warn';
INSERT INTO persona_er_shop.exposure SELECT i, 'phased', CASE WHEN i % 2 = 0 THEN 'generic' ELSE 'bold' END, clock_timestamp(), NULL FROM generate_series(1, 1000) i;
SELECT n, verdict FROM persona.results('phased') WHERE goal IS NULL;
SELECT code FROM persona.define_experiment('phased', '{generic,bold}', '{0.9,0.1}') WHERE level = 'warn';
SELECT n, verdict FROM persona.results('phased') WHERE goal IS NULL;
INSERT INTO persona_er_shop.exposure SELECT i, 'phased', CASE WHEN i % 10 > 0 THEN 'generic' ELSE 'bold' END, clock_timestamp(), NULL FROM generate_series(1001, 1500) i;
SELECT n, verdict, message ~ 'Since .*, when the weights changed' AS says_so FROM persona.results('phased') WHERE goal IS NULL;

-- a winner that harms a guardrail is promoted with a word of it
SELECT code FROM persona.define_experiment('pushy', '{generic,bold}', '{0.5,0.5}', goal => 'bought');
INSERT INTO persona_er_shop.exposure SELECT i, 'pushy', CASE WHEN i % 2 = 0 THEN 'generic' ELSE 'bold' END, clock_timestamp() - interval '10 days', NULL FROM generate_series(10001, 14000) i;
INSERT INTO er.orders (customer_id, amount, at) SELECT i, a, clock_timestamp() - interval '9 days' FROM generate_series(10001, 14000) i, unnest('{5,-5}'::numeric[]) a
WHERE persona.bucket(i, 'pushed') < CASE WHEN i % 2 = 0 THEN 0.1 ELSE 0.2 END;
SELECT goal, verdict FROM persona.results('pushy') WHERE variant = 'bold' AND month IS NULL AND goal <> 'revenue' ORDER BY 1;
SELECT level, code, message ~ 'returns' AS names_it FROM persona.promote('pushy', 'bold') WHERE level = 'warn';

-- all of them, each with its split first
SELECT experiment, verdict FROM persona.results() WHERE goal IS NULL ORDER BY 1;
SELECT persona.drop_space('er_shop', true);
DROP SCHEMA er CASCADE;
