-- UCI Online Retail, turned into the shop: sales of goods, and C-invoices as
-- what came back. Daqing Chen, Sai Liang Sain, Kun Guo, "Data mining for the
-- online retail industry", Journal of Database Marketing & Customer Strategy
-- Management 19, 2012. Its times have no zone and are taken as UTC; customers
-- have numbers only.
\echo 'UCI Online Retail: a British gift shop, December 2010 to December 2011.'
CREATE TABLE shop.raw (
	invoice text,
	stock_code text,
	description text,
	quantity int,
	at timestamp,
	price numeric,
	customer_id int,
	country text
);
\copy shop.raw FROM PROGRAM 'gzip -dc "$RETAIL"' (FORMAT csv, HEADER)

INSERT INTO shop.customer
SELECT r.customer_id, shop.first_name(r.customer_id), shop.email(r.customer_id),
	min(r.country), coalesce(min(z.time_zone), 'Europe/London')
FROM shop.raw r
LEFT JOIN (VALUES ('Germany', 'Europe/Berlin'), ('France', 'Europe/Paris'),
		('EIRE', 'Europe/Dublin'), ('Spain', 'Europe/Madrid'), ('Portugal', 'Europe/Lisbon'),
		('Finland', 'Europe/Helsinki'), ('Japan', 'Asia/Tokyo'), ('Australia', 'Australia/Sydney'),
		('USA', 'America/New_York'), ('Canada', 'America/Toronto'),
		('Brazil', 'America/Sao_Paulo'), ('Singapore', 'Asia/Singapore')) z(country, time_zone)
	USING (country)
WHERE r.customer_id IS NOT NULL GROUP BY 1;

-- Goods have five digits; postage, fees, gift vouchers and bad debt do not.
CREATE TEMP TABLE goods AS
SELECT row_number() OVER () AS row, invoice, stock_code, description, quantity, price,
	at AT TIME ZONE 'UTC' AS at, customer_id
FROM shop.raw WHERE stock_code ~ '^[0-9]{5}' AND invoice !~ '^A';

-- A thing is called what it is mostly called when sold.
INSERT INTO shop.product
SELECT stock_code, upper(left(name, 1)) || lower(substr(name, 2)),
	CASE
		WHEN name ~ 'CHRISTMAS|ADVENT' THEN 'christmas'
		WHEN name ~ 'MUG|CUP|PLATE|BOWL|CAKE|TEA|KITCHEN|LUNCH|JAR|SPOON' THEN 'kitchen'
		WHEN name ~ 'LIGHT|LANTERN|CANDLE' THEN 'light'
		WHEN name ~ 'CARD|PAPER|WRAP|NOTEBOOK|PENCIL' THEN 'paper'
		WHEN name ~ 'BAG|PURSE' THEN 'bag'
		ELSE 'home'
	END
FROM (
	SELECT stock_code, coalesce(upper(btrim(mode() WITHIN GROUP (ORDER BY description)
		FILTER (WHERE price > 0))), stock_code) AS name
	FROM goods GROUP BY 1
) named;

INSERT INTO shop.orders
SELECT row_number() OVER (ORDER BY g.at, g.invoice, g.row), g.invoice, g.stock_code,
	p.description, p.category, g.quantity, g.price, g.at, g.customer_id
FROM goods g JOIN shop.product p USING (stock_code)
WHERE g.quantity > 0 AND g.price > 0 AND g.invoice !~ '^C';
INSERT INTO shop.returned
SELECT row_number() OVER (ORDER BY at, invoice, row), stock_code, -quantity, at, customer_id
FROM goods WHERE invoice ~ '^C' AND quantity < 0;
DROP TABLE shop.raw;
