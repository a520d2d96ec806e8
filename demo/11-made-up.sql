-- A shop of the same shape as Online Retail, made up by a dice that falls the
-- same way each time: few customers buy much, things of one collection are
-- bought together, some come back, and one invoice in twenty is of nobody known.
\echo A shop that is made up, the same each time. (DATA=folder names a real one.)

-- From 0 to n - 1.
CREATE FUNCTION pg_temp.pick(i bigint, about text, n int) RETURNS int
LANGUAGE sql IMMUTABLE AS 'SELECT floor(shop.dice(i, about) * n)::int';

INSERT INTO shop.product
SELECT 20000 + c * 10 + m || CASE WHEN m = 4 THEN 'B' ELSE '' END,
	('{Red,Blue,Vintage,Pink,Retro,Zinc}'::text[])[1 + c % 6] || ' '
		|| ('{mug,lantern,cushion,clock,card holder}'::text[])[1 + m] || ' no. ' || c,
	('{kitchen,light,home,home,paper}'::text[])[1 + m]
FROM generate_series(0, 59) c, generate_series(0, 4) m;

INSERT INTO shop.customer
SELECT 12000 + i, shop.first_name(12000 + i), shop.email(12000 + i), z.country, z.time_zone
FROM generate_series(1, :size) i
JOIN (VALUES (0, 'United Kingdom', 'Europe/London'), (1, 'Germany', 'Europe/Berlin'),
		(2, 'Japan', 'Asia/Tokyo'), (3, 'USA', 'America/New_York')) z(n, country, time_zone)
	ON z.n = greatest(0, pg_temp.pick(i, 'country', 16) - 12);

-- Five invoices a customer, within working hours of a bit more than a year.
CREATE TEMP TABLE invoice AS
SELECT i, 500000 + i AS invoice,
	timestamptz '2010-12-01 08:00+00' + pg_temp.pick(i, 'day', 372) * interval '1 day'
		+ pg_temp.pick(i, 'minute', 600) * interval '1 minute' AS at,
	CASE WHEN shop.dice(i, 'known') >= 0.05
		THEN 12001 + floor(power(shop.dice(i, 'customer'), 2) * :size)::int END AS customer_id,
	pg_temp.pick(i, 'collection', 60) AS collection, 1 + pg_temp.pick(i, 'lines', 6) AS lines
FROM generate_series(1, :size * 5) i;

-- Up to six things, four in five of the invoice's collection.
CREATE TEMP TABLE line AS
SELECT DISTINCT i.i, i.invoice, i.at, i.customer_id, 20000 + 10 * CASE
	WHEN shop.dice(i.i * 10 + l, 'stray') < 0.2 THEN pg_temp.pick(i.i * 10 + l, 'other', 60)
	ELSE i.collection END + pg_temp.pick(i.i * 10 + l, 'member', 5) AS item
FROM invoice i, generate_series(1, i.lines) l;

INSERT INTO shop.orders
SELECT row_number() OVER (ORDER BY l.at, l.i, l.item), l.invoice, p.stock_code, p.description,
	p.category, 1 + pg_temp.pick(l.i, p.stock_code, 12),
	(1 + pg_temp.pick(l.item, 'price', 2000)) / 100.0, l.at, l.customer_id
FROM line l JOIN shop.product p ON left(p.stock_code, 5) = l.item::text;

-- One line in twenty comes back, within six days.
INSERT INTO shop.returned
SELECT id, stock_code, quantity, at + (1 + pg_temp.pick(id, 'after', 20)) * interval '7 hours', customer_id
FROM shop.orders WHERE shop.dice(id, 'returned') < 0.05;
