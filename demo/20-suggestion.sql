-- What goes with what, learnt from the invoices of known customers up to now.
-- Log-likelihood ratio G2: Ted Dunning, "Accurate Methods for the Statistics
-- of Surprise and Coincidence", Computational Linguistics 19, 1993.
\pset tuples_only on
\pset format unaligned
CALL shop.put_last_days_aside();
SELECT format('%s customers, %s order lines, %s returns. The last 30 days (%s lines, %s returns) are put aside.',
	(SELECT count(*) FROM shop.customer), (SELECT count(*) FROM shop.orders),
	(SELECT count(*) FROM shop.returned), (SELECT count(*) FROM shop.coming_orders),
	(SELECT count(*) FROM shop.coming_returned));

CREATE FUNCTION shop.x_log_x(x float8) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN CASE WHEN x > 0 THEN x * ln(x) ELSE 0 END;
-- Of n baskets a hold the one thing, b the other, both of them both.
CREATE FUNCTION shop.g2("both" float8, a float8, b float8, n float8) RETURNS float8
LANGUAGE sql IMMUTABLE
RETURN 2 * (shop.x_log_x("both") + shop.x_log_x(a - "both") + shop.x_log_x(b - "both")
	+ shop.x_log_x(n - a - b + "both") + shop.x_log_x(n)
	- shop.x_log_x(a) - shop.x_log_x(n - a) - shop.x_log_x(b) - shop.x_log_x(n - b));

-- The 20 that go best with each thing, of things in 10 baskets, together in 4.
SET work_mem = '128MB';
CREATE TEMP TABLE item AS
SELECT row_number() OVER (ORDER BY stock_code)::int AS item, stock_code,
	count(DISTINCT invoice)::float8 AS n
FROM shop.orders WHERE customer_id IS NOT NULL
GROUP BY stock_code HAVING count(DISTINCT invoice) >= 10;
CREATE TEMP TABLE basket AS
SELECT DISTINCT o.invoice::int AS invoice, i.item
FROM shop.orders o JOIN item i USING (stock_code) WHERE o.customer_id IS NOT NULL;
ANALYZE item, basket;

CREATE TABLE shop.goes_with AS
WITH pair AS (
	SELECT a.item, b.item AS other, count(*) AS "both"
	FROM basket a JOIN basket b ON b.invoice = a.invoice AND b.item > a.item
	GROUP BY 1, 2 HAVING count(*) >= 4
), scored AS (
	SELECT a.stock_code, b.stock_code AS other, shop.g2(p."both", a.n, b.n, t.n) AS score
	FROM pair p JOIN item a USING (item) JOIN item b ON b.item = p.other,
		(SELECT count(DISTINCT invoice)::float8 AS n FROM shop.orders WHERE customer_id IS NOT NULL) t
	WHERE p."both" * t.n > a.n * b.n
), both_ways AS (
	SELECT * FROM scored UNION ALL SELECT other, stock_code, score FROM scored
)
SELECT stock_code, other, score FROM (
	SELECT *, row_number() OVER (PARTITION BY stock_code ORDER BY score DESC, other) AS place
	FROM both_ways
) ranked WHERE place <= 20;
CREATE INDEX ON shop.goes_with (stock_code);
ANALYZE shop.goes_with;

-- For a customer and a thing bought: the best that goes with it and that this
-- customer never owned and never sent back. A plain view, so always right.
CREATE VIEW shop.suggestion AS
SELECT DISTINCT ON (o.customer_id, o.stock_code) o.customer_id, o.stock_code, p.description AS item
FROM (SELECT DISTINCT customer_id, stock_code FROM shop.orders) o
JOIN shop.goes_with g USING (stock_code)
JOIN shop.product p ON p.stock_code = g.other
WHERE NOT EXISTS (SELECT FROM shop.orders owned
		WHERE owned.customer_id = o.customer_id AND owned.stock_code = g.other)
	AND NOT EXISTS (SELECT FROM shop.returned back
		WHERE back.customer_id = o.customer_id AND back.stock_code = g.other)
ORDER BY o.customer_id, o.stock_code, g.score DESC, g.other;
SELECT format('What goes with what: %s pairs, such as "%s" with "%s".',
	(SELECT count(*) FROM shop.goes_with), a.description, b.description)
FROM shop.goes_with g JOIN shop.product a USING (stock_code)
JOIN shop.product b ON b.stock_code = g.other ORDER BY g.score DESC, g.stock_code LIMIT 1;
