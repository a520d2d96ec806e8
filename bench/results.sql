/*
 * results() against the statement that somebody would write by hand for the
 * same numbers: counts, means and variances of two goals by variant and month,
 * with what the same people did before. Exposures and events by
 * psql -v people=1000000 -v events=5000000; the interval and the verdict are
 * ours alone.
 */
\if :{?people} \else \set people 200000 \endif
\if :{?events} \else \set events 1000000 \endif
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
SET work_mem = '1GB';

CREATE VIEW by_hand AS
WITH exposed AS (
	SELECT subject, min(variant) AS variant, min(at) AS at FROM persona_shop.exposure WHERE experiment = 'banner' GROUP BY subject HAVING min(variant) = max(variant)
), person AS (
	SELECT x.variant, date_trunc('month', x.at) AS month,
		coalesce(o.orders, 0) > 0 AS bought, (coalesce(o.orders_before, 0) > 0)::int AS bought_before, coalesce(o.revenue, 0) AS revenue, coalesce(o.revenue_before, 0) AS revenue_before
	FROM exposed x LEFT JOIN (
		SELECT x.subject, count(*) FILTER (WHERE o.at >= x.at) AS orders, count(*) FILTER (WHERE o.at < x.at) AS orders_before,
			sum(o.amount) FILTER (WHERE o.at >= x.at) AS revenue, sum(o.amount) FILTER (WHERE o.at < x.at) AS revenue_before
		FROM exposed x JOIN orders o ON o.customer_id = x.subject AND o.at >= x.at - interval '14 days' AND o.at < x.at + interval '14 days' GROUP BY 1) o USING (subject)
)
SELECT variant, month, count(*) AS n, avg(bought::int) AS bought, var_samp(bought::int) AS bought_var, var_samp(bought_before) AS bought_before, covar_samp(bought::int, bought_before) AS bought_cov,
	avg(revenue) AS revenue, var_samp(revenue) AS revenue_var, var_samp(revenue_before) AS revenue_before, covar_samp(revenue, revenue_before) AS revenue_cov
FROM person GROUP BY 1, 2;

DO $$
BEGIN
	ASSERT (SELECT bool_and(r.n = h.n AND abs(r.mean - CASE r.goal WHEN 'bought' THEN h.bought ELSE h.revenue END) < 1e-9)
		FROM persona.results('banner') r JOIN by_hand h ON h.variant = r.variant AND h.month = r.month), 'results() and its peer differ';
END
$$;
CALL pg_temp.compare('results(): two goals, variant and month', 'by hand', :people, 'SELECT count(*) FROM persona.results(''banner'')', 'SELECT count(*), sum(bought_cov + revenue_cov + bought_var + revenue_var) FROM by_hand', '', 5, NULL);
