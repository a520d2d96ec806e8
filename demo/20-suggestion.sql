-- What goes with what: log-likelihood ratio over baskets (Dunning, "Accurate
-- Methods for the Statistics of Surprise and Coincidence", Computational
-- Linguistics 19, 1993), for things seen in 10 baskets and together in 4.
\t on
SELECT format('%s customers, %s order lines, %s returned lines; %s lines and %s returns are still to come.',
	(SELECT count(*) FROM shop.customer), (SELECT count(*) FROM shop.orders), (SELECT count(*) FROM shop.returned),
	(SELECT count(*) FROM shop.coming_orders), (SELECT count(*) FROM shop.coming_returned));
CREATE FUNCTION shop.x_log_x(float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN $1 > 0 THEN $1 * ln($1) ELSE 0 END';
CREATE TABLE shop.goes_with AS
WITH basket AS (SELECT DISTINCT invoice, stock_code FROM shop.orders),
item AS (SELECT stock_code, count(*)::float8 AS n FROM basket GROUP BY 1 HAVING count(*) >= 10),
known AS (SELECT b.invoice, b.stock_code, i.n FROM basket b JOIN item i USING (stock_code)),
pair AS (
	SELECT a.stock_code, b.stock_code AS other, min(a.n) AS na, min(b.n) AS nb, count(*)::float8 AS together
	FROM known a JOIN known b USING (invoice) WHERE a.stock_code <> b.stock_code GROUP BY 1, 2 HAVING count(*) >= 4
), scored AS (
	SELECT p.stock_code, p.other, 2 * (shop.x_log_x(together) + shop.x_log_x(na - together) + shop.x_log_x(nb - together) + shop.x_log_x(n - na - nb + together)
		+ shop.x_log_x(n) - shop.x_log_x(na) - shop.x_log_x(n - na) - shop.x_log_x(nb) - shop.x_log_x(n - nb)) AS score
	FROM pair p, (SELECT count(DISTINCT invoice)::float8 AS n FROM basket) t WHERE together * n > na * nb
)
SELECT stock_code, other, score FROM (SELECT *, row_number() OVER (PARTITION BY stock_code ORDER BY score DESC, other) AS place FROM scored) s WHERE place <= 20;
CREATE INDEX ON shop.goes_with (stock_code);
ANALYZE shop.goes_with;

-- For a customer and a thing bought, the best that goes with it and that this
-- customer never owned and never sent back. A plain view: it is always right.
CREATE VIEW shop.suggestion AS
SELECT DISTINCT ON (o.customer_id, o.stock_code) o.customer_id, o.stock_code, p.description AS item, g.other
FROM (SELECT DISTINCT customer_id, stock_code FROM shop.orders) o
JOIN shop.goes_with g ON g.stock_code = o.stock_code
JOIN shop.product p ON p.stock_code = g.other
WHERE NOT EXISTS (SELECT FROM shop.orders owned WHERE owned.customer_id = o.customer_id AND owned.stock_code = g.other)
	AND NOT EXISTS (SELECT FROM shop.returned back WHERE back.customer_id = o.customer_id AND back.stock_code = g.other)
ORDER BY o.customer_id, o.stock_code, g.score DESC, g.other;
