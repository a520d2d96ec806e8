-- A shop of the same shape as Online Retail, from a hash and no chance: a few
-- customers buy much, things of one collection are bought together, some come
-- back, some orders are of nobody known.
CREATE FUNCTION pg_temp.pick(i bigint, what text, n int) RETURNS int LANGUAGE sql IMMUTABLE AS
	'SELECT floor(persona.bucket(i, what) * n)::int';

INSERT INTO shop.product
SELECT format('%s%s', 20000 + c * 10 + m, CASE WHEN m = 4 THEN 'B' ELSE '' END),
	format('%s %s', (ARRAY['RED', 'BLUE', 'VINTAGE', 'PINK', 'RETRO', 'ZINC'])[1 + c % 6], (ARRAY['MUG', 'LANTERN', 'CUSHION', 'CLOCK', 'CARD HOLDER'])[1 + m]) || format(' No. %s', c),
	(ARRAY['kitchen', 'light', 'home', 'home', 'paper'])[1 + m]
FROM generate_series(0, 59) c, generate_series(0, 4) m;

INSERT INTO shop.customer
SELECT 12000 + i, shop.name(12000 + i), shop.email(12000 + i), z.country, z.time_zone
FROM generate_series(1, :size) i,
	LATERAL (SELECT * FROM (VALUES (0, 'United Kingdom', 'Europe/London'), (1, 'Germany', 'Europe/Berlin'), (2, 'Japan', 'Asia/Tokyo'), (3, 'USA', 'America/New_York')) v(n, country, time_zone)
		WHERE n = greatest(0, pg_temp.pick(i, 'country', 16) - 12)) z;

-- An invoice is a basket of up to six things, most of one collection.
INSERT INTO shop.orders
SELECT row_number() OVER (ORDER BY b.at, b.i, p.stock_code), (500000 + b.i)::text, p.stock_code, p.description, p.category,
	1 + pg_temp.pick(b.i * 7, p.stock_code, 12), (1 + pg_temp.pick(1, p.stock_code, 2000)) / 100.0, b.at,
	CASE WHEN persona.bucket(b.i, 'nobody') >= 0.05 THEN 12001 + floor(power(persona.bucket(b.i, 'customer'), 2) * :size)::int END
FROM (SELECT i, timestamptz '2010-12-01 08:00+00' + floor(persona.bucket(i, 'day') * 372) * interval '1 day' + floor(persona.bucket(i, 'minute') * 600) * interval '1 minute' AS at,
		pg_temp.pick(i, 'collection', 60) AS c, 1 + pg_temp.pick(i, 'lines', 6) AS lines
	FROM generate_series(1, :size * 5) i) b
CROSS JOIN LATERAL (
	SELECT DISTINCT q.* FROM generate_series(1, b.lines) l
	JOIN shop.product q ON q.stock_code LIKE (20000 + 10 * CASE WHEN persona.bucket(b.i * 10 + l, 'stray') < 0.2 THEN pg_temp.pick(b.i * 10 + l, 'other', 60) ELSE b.c END
		+ pg_temp.pick(b.i * 10 + l, 'member', 5))::text || '%') p;

INSERT INTO shop.returned
SELECT id, stock_code, quantity, at + (1 + pg_temp.pick(id, 'after', 20)) * interval '7 hours', customer_id
FROM shop.orders WHERE persona.bucket(id, 'returned') < 0.04 AND customer_id IS NOT NULL;
CALL shop.set_aside();
