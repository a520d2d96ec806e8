-- UCI Online Retail, turned into the shop: sales of goods, and C-invoices as
-- returns. Its times have no zone and are taken as UTC.
INSERT INTO shop.customer
SELECT r.customer_id, shop.name(r.customer_id), shop.email(r.customer_id), min(r.country),
	coalesce(min(z.time_zone), 'Europe/London')
FROM shop.raw r
LEFT JOIN (VALUES ('Germany', 'Europe/Berlin'), ('France', 'Europe/Paris'), ('EIRE', 'Europe/Dublin'), ('Spain', 'Europe/Madrid'),
	('Portugal', 'Europe/Lisbon'), ('Finland', 'Europe/Helsinki'), ('Japan', 'Asia/Tokyo'), ('Australia', 'Australia/Sydney'),
	('USA', 'America/New_York'), ('Canada', 'America/Toronto'), ('Brazil', 'America/Sao_Paulo'), ('Singapore', 'Asia/Singapore')) z(country, time_zone)
	ON z.country = r.country
WHERE r.customer_id IS NOT NULL GROUP BY 1;

CREATE TABLE shop.goods AS
SELECT ctid AS row, *, at AT TIME ZONE 'UTC' AS happened FROM shop.raw WHERE stock_code ~ '^[0-9]{5}' AND invoice !~ '^A';

INSERT INTO shop.product
SELECT stock_code, coalesce(mode() WITHIN GROUP (ORDER BY description), stock_code),
	CASE WHEN d ~ 'MUG|CUP|PLATE|BOWL|CAKE|TEA|KITCHEN|LUNCH|JAR|SPOON' THEN 'kitchen' WHEN d ~ 'LIGHT|LANTERN|CANDLE' THEN 'light'
		WHEN d ~ 'CARD|PAPER|WRAP|NOTEBOOK|PENCIL' THEN 'paper' WHEN d ~ 'BAG|PURSE|JUMBO' THEN 'bag' WHEN d ~ 'CHRISTMAS' THEN 'christmas' ELSE 'home' END
FROM (SELECT *, upper(coalesce(min(description) OVER (PARTITION BY stock_code), '')) AS d FROM shop.goods) g GROUP BY stock_code, d;

INSERT INTO shop.orders
SELECT row_number() OVER (ORDER BY g.happened, g.invoice, g.row), g.invoice, g.stock_code, p.description, p.category, g.quantity, g.price, g.happened, g.customer_id
FROM shop.goods g JOIN shop.product p USING (stock_code) WHERE g.quantity > 0 AND g.price > 0 AND g.invoice !~ '^C';
INSERT INTO shop.returned
SELECT row_number() OVER (ORDER BY happened, invoice, row), stock_code, -quantity, happened, customer_id
FROM shop.goods WHERE invoice ~ '^C' AND quantity < 0;
DROP TABLE shop.raw, shop.goods;
CALL shop.set_aside();
