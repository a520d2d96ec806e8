-- Goals: what may be measured, and that it is counted as somebody would by hand.
SET client_min_messages = warning;
SET persona.clock = '2026-03-01 12:00+00';
SET TimeZone = 'America/New_York';   -- counting does not depend on the session's
CREATE SCHEMA eg;
CREATE TABLE eg.customer (id int PRIMARY KEY, account int, country text);
CREATE TABLE eg.product (sku text PRIMARY KEY, category text);
CREATE TABLE eg.orders (id bigint PRIMARY KEY, customer_id int REFERENCES eg.customer, sku text REFERENCES eg.product, amount numeric, note text, at timestamptz);
CREATE TABLE eg.visit (id bigint PRIMARY KEY, customer_id int REFERENCES eg.customer, seconds float8, at timestamp);
CREATE TABLE eg.mood (id bigint PRIMARY KEY, customer_id int REFERENCES eg.customer);
CREATE INDEX ON eg.orders (customer_id);
CREATE INDEX ON eg.visit (customer_id);
SELECT level, code FROM persona.define_space('eg_shop', 'eg.customer');
SET persona.space = 'eg_shop';
SELECT level FROM persona.define_event('purchase', 'eg.orders', at => 'at') WHERE level = 'block';
SELECT level FROM persona.define_event('visit', 'eg.visit', at => 'at') WHERE level = 'block';
SELECT level FROM persona.define_event('mood', 'eg.mood') WHERE level = 'block';
SELECT level FROM persona.define_facet('product', 'eg.product', via => 'purchase.sku') WHERE level = 'block';

-- what may be measured
SELECT level, code FROM persona.define_goal('bought', 'count(purchase) > 0', target => 0.05);
SELECT level, code FROM persona.define_goal('revenue', 'sum(purchase.amount)');
SELECT level, code FROM persona.define_goal('basket', 'sum(purchase.amount) / count(purchase)', target => 0.1);
SELECT level, code FROM persona.define_goal('shoes', 'count(purchase) FILTER (WHERE product.category = ''shoes'') >= 1', within => '3 days', target => 0.05);
SELECT level, code FROM persona.define_goal('stayed', 'sum(visit.seconds)', within => '36 hours', target => 0.05);
SELECT level, code FROM persona.define_goal('capped', 'sum(purchase.amount)', cap => 0.9, target => 0.05);
SELECT level, code FROM persona.define_goal('opens', 'count(feedback) FILTER (WHERE what = ''opened'') > 0', guardrail => true);
SELECT level, code FROM persona.define_goal('complaints', 'count(feedback) FILTER (WHERE what = ''complained'') > 0', better => 'lower', guardrail => true);
SELECT v, persona.is_vain((NULL, 'g', v, '1 day', 'higher', NULL, false, NULL)::persona.goal) AS is_vain
FROM unnest('{count(email_open) > 0,count(opened),sum(opens.n) / count(opens),count(ticket) FILTER (WHERE state = ''opened'') > 0,count(opening) > 0,count(feedback) FILTER (WHERE what = ''clicked'') > 0}'::text[]) v;
-- again changes nothing, and another value does
SELECT count(*) AS versions FROM persona.define_goal('bought', 'count(purchase) > 0', target => 0.05), persona.definition_log WHERE kind = 'goal' AND space = 'eg_shop' AND name = 'bought';
SELECT count(*) AS versions FROM persona.definition_log WHERE kind = 'goal' AND space = 'eg_shop' AND name = 'bought';

-- what may not
\set SHOW_CONTEXT never
SELECT * FROM persona.define_goal('x', NULL);
SELECT * FROM persona.define_goal(NULL, 'count(purchase)');
SELECT * FROM persona.define_goal('select', 'count(purchase)');
SELECT * FROM persona.define_goal('x', '');
SELECT * FROM persona.define_goal('x', 'count(purchase');
SELECT * FROM persona.define_goal('x', 'country');
SELECT * FROM persona.define_goal('x', '1');
SELECT * FROM persona.define_goal('x', 'avg(purchase.amount)');
SELECT * FROM persona.define_goal('x', 'count(purchase) > 0 AND count(visit) > 0');
SELECT * FROM persona.define_goal('x', 'sum(purchase.amount) > account');
SELECT * FROM persona.define_goal('x', 'sum(purchase.amount) / 2');
SELECT * FROM persona.define_goal('x', 'sum(purchase.amount) * count(purchase)');
SELECT * FROM persona.define_goal('x', 'count(purchase) FILTER (WHERE ago < ''7 days'') > 0');
SELECT * FROM persona.define_goal('x', 'count(purchase) FILTER (WHERE at > now()) > 0');
SELECT * FROM persona.define_goal('x', 'count(purchase) FILTER (WHERE at > current_date) > 0');
SELECT * FROM persona.define_goal('x', 'count(purchas) > 0');
SELECT * FROM persona.define_goal('x', 'count(mood) > 0');
SELECT * FROM persona.define_goal('x', 'sum(purchase.note)');
SELECT * FROM persona.define_goal('x', 'count(purchase) FILTER (WHERE segment(''a''))');
SELECT * FROM persona.define_goal('x', 'count(purchase) FILTER (WHERE pg_sleep(1) IS NULL)');
SELECT * FROM persona.define_goal('x', 'count(purchase); DROP TABLE eg.orders');
SELECT * FROM persona.define_goal('x', 'count(purchase)', within => '0');
SELECT * FROM persona.define_goal('x', 'count(purchase)', within => '-1 day');
SELECT * FROM persona.define_goal('x', 'count(purchase)', better => 'more');
SELECT * FROM persona.define_goal('x', 'count(purchase)', target => 0);
SELECT * FROM persona.define_goal('x', 'count(purchase)', target => 'NaN');
SELECT * FROM persona.define_goal('x', 'count(purchase)', cap => 99);
SELECT * FROM persona.define_goal('x', 'count(purchase) > 0', cap => 0.9);
SELECT * FROM persona.define_goal('x', 'count(purchase)', space => 'eg_shpo');
SELECT count(*) AS none_was_written FROM persona.goal WHERE goal = 'x';

-- people: of 400 three saw two variants; events before, at the edges, after, of nobody exposed, without a time, without an amount
SELECT level, code FROM persona.define_experiment('offer', '{generic,personal}', '{0.5,0.5}', goal => 'bought');
INSERT INTO eg.customer SELECT i, i / 4, (ARRAY['DE', 'FR'])[1 + i % 2] FROM generate_series(1, 500) i;
INSERT INTO eg.product VALUES ('s', 'shoes'), ('h', 'hats');
INSERT INTO persona_eg_shop.exposure SELECT i, 'offer', CASE i % 2 WHEN 0 THEN 'generic' ELSE 'personal' END, '2026-01-10 00:00+00'::timestamptz + i * interval '1 hour', NULL FROM generate_series(1, 400) i;
INSERT INTO persona_eg_shop.exposure SELECT i, 'offer', CASE i % 2 WHEN 0 THEN 'personal' ELSE 'generic' END, '2026-01-11 00:00+00'::timestamptz + i * interval '1 hour', NULL FROM generate_series(200, 400, 100) i;
INSERT INTO persona_eg_shop.exposure SELECT i, 'another', 'generic', '2025-01-01', NULL FROM generate_series(1, 400) i;
INSERT INTO eg.orders SELECT i, 1 + abs(hashint4(i)) % 500, (ARRAY['s', 'h'])[1 + i % 2], abs(hashint4(i + 1)) % 10000 / 100.0, NULL,
	'2026-01-01 00:00+00'::timestamptz + abs(hashint4(i + 2)) % 60000 * interval '1 minute' FROM generate_series(1, 2000) i;
INSERT INTO eg.orders SELECT 3000 + x.subject, x.subject, 's', 50, NULL, x.at FROM persona_eg_shop.exposure x WHERE experiment = 'offer' AND x.subject % 7 = 0 AND x.subject % 100 > 0;
INSERT INTO eg.orders SELECT 4000 + x.subject, x.subject, 's', 5000, NULL, x.at + interval '336 hours' FROM persona_eg_shop.exposure x WHERE experiment = 'offer' AND x.subject % 100 > 0;
INSERT INTO eg.orders SELECT 5000 + x.subject, x.subject, 's', 7000, NULL, x.at - interval '1 microsecond' FROM persona_eg_shop.exposure x WHERE experiment = 'offer' AND x.subject % 100 > 0 AND x.subject % 3 = 0;
INSERT INTO eg.orders VALUES (9001, NULL, 's', 9, NULL, '2026-01-15'), (9002, 5, 's', 9, NULL, NULL), (9003, 6, 's', NULL, NULL, '2026-01-10 06:30+00'), (9004, 7, NULL, 3, NULL, 'infinity');
INSERT INTO eg.visit SELECT i, 1 + abs(hashint4(i)) % 500, abs(hashint4(i + 1)) % 100, '2026-01-01'::timestamp + abs(hashint4(i + 2)) % 60000 * interval '1 minute' FROM generate_series(1, 5000) i;

-- the same by hand: a subquery a person and a goal
CREATE VIEW eg.person AS
SELECT x.subject, x.variant, x.at FROM persona_eg_shop.exposure x
WHERE experiment = 'offer' AND NOT EXISTS (SELECT FROM persona_eg_shop.exposure o WHERE o.experiment = 'offer' AND o.subject = x.subject AND o.variant <> x.variant);
CREATE VIEW eg.by_hand AS
SELECT p.*,
	EXISTS (SELECT FROM eg.orders o WHERE o.customer_id = p.subject AND o.at >= p.at AND o.at < p.at + interval '336 hours') AS bought,
	EXISTS (SELECT FROM eg.orders o WHERE o.customer_id = p.subject AND o.at >= p.at - interval '336 hours' AND o.at < p.at) AS bought_before,
	(SELECT coalesce(sum(amount), 0)::float8 FROM eg.orders o WHERE o.customer_id = p.subject AND o.at >= p.at AND o.at < p.at + interval '336 hours') AS revenue,
	(SELECT coalesce(sum(amount), 0)::float8 FROM eg.orders o WHERE o.customer_id = p.subject AND o.at >= p.at - interval '336 hours' AND o.at < p.at) AS revenue_before,
	(SELECT count(*)::float8 FROM eg.orders o WHERE o.customer_id = p.subject AND o.at >= p.at AND o.at < p.at + interval '336 hours') AS orders,
	EXISTS (SELECT FROM eg.orders o WHERE o.customer_id = p.subject AND sku = 's' AND o.at >= p.at AND o.at < p.at + interval '72 hours') AS shoes,
	(SELECT coalesce(sum(seconds), 0) FROM eg.visit v WHERE v.customer_id = p.subject AND v.at AT TIME ZONE 'UTC' >= p.at AND v.at AT TIME ZONE 'UTC' < p.at + interval '36 hours') AS stayed
FROM eg.person p;
CREATE VIEW eg.expected AS
SELECT variant, count(*) AS n, g.goal, CASE g.goal WHEN 'bought' THEN avg(bought::int) WHEN 'revenue' THEN avg(revenue) WHEN 'basket' THEN sum(revenue) / sum(orders)
	WHEN 'shoes' THEN avg(shoes::int) WHEN 'stayed' THEN avg(stayed) WHEN 'capped' THEN avg(least(revenue, c.cap)) WHEN 'opens' THEN 0 WHEN 'complaints' THEN 0 END AS mean
FROM eg.by_hand, persona.goal g, (SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY revenue) FILTER (WHERE revenue <> 0) AS cap FROM eg.by_hand) c
WHERE g.space = 'eg_shop' GROUP BY variant, g.goal;
CREATE FUNCTION eg.agrees() RETURNS boolean LANGUAGE sql AS $$
	SELECT bool_and(r.n = e.n AND abs(r.mean - e.mean) < 1e-9) AND count(*) = 16
	FROM persona.results('offer') r JOIN eg.expected e USING (variant, goal) WHERE r.month IS NULL AND r.segment IS NULL AND r.control IS DISTINCT FROM 'holdout'
$$;
SELECT eg.agrees() AS as_by_hand;
SELECT n, verdict, message FROM persona.results('offer') WHERE goal IS NULL;
-- what one event is worth: it counts from its own instant on, and no longer at the end
SELECT count(*) FILTER (WHERE bought) > 0 AND count(*) FILTER (WHERE NOT bought) > 0 AS some_bought_some_not, max(revenue) < 5000 AS edges_are_out FROM eg.by_hand;
-- late data is counted again, deleted data no more
INSERT INTO eg.orders SELECT 20000 + i, i, 's', 77, 'late', '2026-01-12 00:00+00'::timestamptz + i * interval '1 hour' FROM generate_series(1, 300) i;
SELECT eg.agrees() AS late_data_too;
DELETE FROM eg.orders WHERE id % 5 = 0;
SELECT eg.agrees() AS and_what_is_gone;

-- adjusted by what they did before, a difference is that of compare() by hand, and the family is as large as it says
SELECT bool_and(abs(r.diff - k.diff) < 1e-9 AND abs(r.p_value - k.seq_p) < 1e-9 AND abs(r.lift_lo - k.seq_lift_lo) < 1e-9) AS cuped_by_hand
FROM persona.results('offer') r,
	(SELECT persona.summarize(bought::int::float8, bought_before::int::float8) FILTER (WHERE variant = 'generic') AS c,
		persona.summarize(bought::int::float8, bought_before::int::float8) FILTER (WHERE variant = 'personal') AS t FROM eg.by_hand) h,
	LATERAL persona.compare(h.c, h.t, method => 'cuped', alpha => 0.05) k
WHERE r.goal = 'bought' AND r.variant = 'personal' AND r.month IS NULL;
SELECT bool_and(abs(r.diff - k.diff) < 1e-9 AND abs(r.p_value - k.seq_p) < 1e-9) AS ratio_by_hand
FROM persona.results('offer') r,
	(SELECT persona.summarize(revenue, orders) FILTER (WHERE variant = 'generic') AS c, persona.summarize(revenue, orders) FILTER (WHERE variant = 'personal') AS t FROM eg.by_hand) h,
	LATERAL persona.compare(h.c, h.t, method => 'ratio', alpha => 0.05 / 5) k
WHERE r.goal = 'basket' AND r.variant = 'personal' AND r.month IS NULL;

-- a month before the 31st may be earlier than a month before the 29th: nothing is cut off
CREATE TABLE eg.payer (id int PRIMARY KEY);
CREATE TABLE eg.sale (id int PRIMARY KEY, person_id int, at timestamptz);
INSERT INTO eg.payer VALUES (1), (2);
INSERT INTO eg.sale VALUES (1, 1, '2026-02-28 11:00+00'), (2, 2, '2026-02-28 11:00+00'), (3, 2, '2026-04-30 09:59+00'), (4, 2, '2026-04-30 10:00+00');
SELECT count(*) AS findings FROM persona.define_space('eg_month', 'eg.payer');
SELECT level FROM persona.define_event('sale', 'eg.sale', subject => 'person_id', at => 'at', space => 'eg_month') WHERE level = 'block';
SELECT level FROM persona.define_goal('sales', 'count(sale)', within => '1 month', space => 'eg_month') WHERE level = 'block';
INSERT INTO persona_eg_month.exposure VALUES (1, 'ends', 'generic', '2026-03-29 12:00+00'), (2, 'ends', 'personal', '2026-03-31 10:00+00');
SELECT c.variant, persona.mean(c.pair) AS after, persona.mean_x(c.pair) AS before
FROM persona.cells(persona.resolve_space('eg_month'), 'ends', NULL, ARRAY(SELECT g FROM persona.goal g WHERE g.space = 'eg_month'), '{}', '-infinity', 'infinity', 'month') c WHERE c.goal = 'sales' ORDER BY 1;
SELECT persona.drop_space('eg_month', true);

-- each event source is read once, however many goals look at it
CREATE FUNCTION eg.scans() RETURNS TABLE (relation text, n bigint) LANGUAGE plpgsql AS $$
DECLARE
	g record := persona.goals_sql(persona.resolve_space('eg_shop'), ARRAY(SELECT g FROM persona.goal g WHERE g.space = 'eg_shop' ORDER BY goal), NULL);
BEGIN
	RETURN QUERY SELECT 'orders', (length(g.joins) - length(replace(g.joins, 'eg.orders', '')))::bigint / 9
	UNION ALL SELECT 'visit', (length(g.joins) - length(replace(g.joins, 'eg.visit', '')))::bigint / 8;
END
$$;
SELECT * FROM eg.scans();

-- a column that is renamed takes the goal along; what is in use stays
ALTER TABLE eg.orders RENAME COLUMN amount TO total;
SELECT measure FROM persona.goal WHERE space = 'eg_shop' AND goal IN ('basket', 'revenue') ORDER BY goal;
SELECT persona.drop_definition('event', 'visit');
SELECT persona.drop_definition('goal', 'bought');
SELECT persona.drop_definition('goal', 'capped');
SELECT count(*) AS left_over FROM persona.goal WHERE space = 'eg_shop' AND goal = 'capped';

-- nobody but members
CREATE ROLE eg_stranger;
GRANT USAGE ON SCHEMA persona TO eg_stranger;
SET ROLE eg_stranger;
SELECT * FROM persona.define_goal('x', 'count(purchase)');
SELECT * FROM persona.results('offer');
RESET ROLE;
REVOKE USAGE ON SCHEMA persona FROM eg_stranger;
DROP ROLE eg_stranger;
SELECT persona.drop_space('eg_shop', true);
SELECT count(*) AS goals_left FROM persona.goal WHERE space = 'eg_shop';
DROP SCHEMA eg CASCADE;
