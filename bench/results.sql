/*
 * results() against the best statement that we could write by hand for the same
 * numbers: counts, means, variances and covariances with before, of two goals
 * by variant and month. The ends of a person's time are reckoned once, people
 * and their orders are joined and grouped in one pass, and the aggregates of a
 * goal share one state. The interval and the verdict are ours alone. 200,000
 * people with five orders each; PERSONA_BENCH_SUBJECTS=10000000 makes it ten
 * and fifty million.
 */
\set people `echo "${PERSONA_BENCH_SUBJECTS:-200000}"`
\set events 5 * :people
CREATE TABLE customers (id int PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, amount float8, at timestamptz);
INSERT INTO customers SELECT generate_series(1, :people);
INSERT INTO orders SELECT i, 1 + (hashint8(i)::bigint + 2147483648) % :people, (hashint8(i + 1) & 8191) / 100.0,
	'2026-01-01'::timestamptz + (hashint8(i + 2) & 131071) * interval '1 minute' FROM generate_series(1::bigint, :events) i;
CREATE INDEX ON orders (customer_id, at);

\o /dev/null
SELECT * FROM persona.define_space('shop', 'customers');
SELECT * FROM persona.define_event('purchase', 'orders', subject => 'customer_id', at => 'at', fires => 'never');
SELECT * FROM persona.define_goal('bought', 'count(purchase) > 0', target => 0.05);
SELECT * FROM persona.define_goal('revenue', 'sum(purchase.amount)', target => 0.05);
SELECT * FROM persona.define_experiment('banner', '{generic,personal}', '{0.5,0.5}');
\o
INSERT INTO persona_shop.exposure SELECT id, 'banner', (ARRAY['generic', 'personal'])[persona.choose(id, 'banner', '{0.5,0.5}')],
	'2026-01-15'::timestamptz + (hashint4(id) & 65535) * interval '1 minute', NULL FROM customers;
VACUUM ANALYZE customers, orders, persona_shop.exposure;
SET work_mem = '64MB';

CREATE VIEW by_hand AS
WITH seen AS MATERIALIZED (
	SELECT x.*, x.at - interval '14 days' AS since, x.at + interval '14 days' AS until
	FROM (SELECT subject, min(variant COLLATE "C") AS variant, min(at) AS at, min(variant COLLATE "C") <> max(variant COLLATE "C") AS mixed
		FROM persona_shop.exposure WHERE experiment = 'banner' GROUP BY subject) x
), person AS (
	SELECT x.variant, date_trunc('month', x.at) AS month, (count(o.at) FILTER (WHERE o.at >= x.at) > 0)::int::float8 AS bought,
		(count(o.at) FILTER (WHERE o.at < x.at) > 0)::int::float8 AS bought_before,
		coalesce(sum(o.amount) FILTER (WHERE o.at >= x.at), 0) AS revenue, coalesce(sum(o.amount) FILTER (WHERE o.at < x.at), 0) AS revenue_before
	FROM seen x LEFT JOIN orders o ON o.customer_id = x.subject AND o.at >= x.since AND o.at < x.until
	WHERE NOT x.mixed GROUP BY x.subject, x.variant, x.at
)
SELECT variant, month, count(*) AS n, regr_avgy(bought, bought_before) AS bought, regr_syy(bought, bought_before) / (count(*) - 1) AS bought_var,
	regr_sxx(bought, bought_before) / (count(*) - 1) AS bought_before, covar_samp(bought, bought_before) AS bought_cov,
	regr_avgy(revenue, revenue_before) AS revenue, regr_syy(revenue, revenue_before) / (count(*) - 1) AS revenue_var,
	regr_sxx(revenue, revenue_before) / (count(*) - 1) AS revenue_before, covar_samp(revenue, revenue_before) AS revenue_cov
FROM person GROUP BY 1, 2;

DO $$
BEGIN
	ASSERT (SELECT bool_and(r.n = h.n AND abs(r.mean - CASE r.goal WHEN 'bought' THEN h.bought ELSE h.revenue END) < 1e-9)
		FROM persona.results('banner') r JOIN by_hand h ON h.variant = r.variant AND h.month = r.month), 'results() and its peer differ';
END
$$;
CALL pg_temp.compare('results(): two goals, variant and month', 'by hand', :people, 'SELECT count(*) FROM persona.results(''banner'')', 'SELECT count(*), sum(bought_cov + revenue_cov + bought_var + revenue_var) FROM by_hand', '', 5, NULL);
