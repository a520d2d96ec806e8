-- The tables of a shop. Nothing here knows of persona.
CREATE SCHEMA shop;

CREATE TABLE shop.customer (
	id int PRIMARY KEY,
	first_name text,
	email text,
	country text NOT NULL,
	time_zone text NOT NULL
);
CREATE TABLE shop.product (
	stock_code text PRIMARY KEY,
	description text NOT NULL,
	category text NOT NULL
);
-- A row a line of an invoice. Not every customer is known.
CREATE TABLE shop.orders (
	id bigint PRIMARY KEY,
	invoice text NOT NULL,
	stock_code text NOT NULL,
	description text NOT NULL,
	category text NOT NULL,
	quantity int NOT NULL,
	price numeric NOT NULL,
	at timestamptz NOT NULL,
	customer_id int REFERENCES shop.customer
);
CREATE INDEX ON shop.orders (customer_id, at);
CREATE TABLE shop.returned (
	id bigint PRIMARY KEY,
	stock_code text NOT NULL,
	quantity int NOT NULL,
	at timestamptz NOT NULL,
	customer_id int REFERENCES shop.customer
);
CREATE INDEX ON shop.returned (customer_id, at);

-- The last 30 days, put aside to happen once more.
CREATE TABLE shop.coming_orders (LIKE shop.orders);
CREATE TABLE shop.coming_returned (LIKE shop.returned);

-- What the e-mail provider was handed, and when.
CREATE TABLE shop.mailbox (
	decision uuid PRIMARY KEY,
	customer_id int NOT NULL,
	address text NOT NULL,
	variant text NOT NULL,
	subject_line text NOT NULL,
	body text NOT NULL,
	at timestamptz NOT NULL
);

-- What the home page was told to show, each time it was loaded.
CREATE TABLE shop.banner (
	visit text NOT NULL,
	load int NOT NULL,
	customer_id int NOT NULL,
	decision uuid,
	outcome text NOT NULL,
	reason text,
	variant text,
	body text,
	at timestamptz NOT NULL,
	PRIMARY KEY (visit, load)
);

-- Chance that falls the same way each time: a number in [0,1).
CREATE FUNCTION shop.dice(i bigint, about text) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || left(md5(:'seed' || ' ' || about || ' ' || i), 8))::bit(32)::bigint
	/ 4294967296::float8;

-- Names and addresses are made up from the customer's number: one in eight has
-- no name, one in a hundred no address.
CREATE FUNCTION shop.first_name(id int) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN shop.dice(id, 'named') >= 0.125 THEN
	('{Ada,Ben,Cleo,Dan,Eve,Finn,Gus,Hana,Ivo,Jo,Kim,Lea,Max,Nia,Otto,Pia,Raj,Sue,Tom,Uma}'::text[])
	[1 + floor(shop.dice(id, 'name') * 20)::int] END;
CREATE FUNCTION shop.email(id int) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN shop.dice(id, 'address') >= 0.01 THEN
	'customer' || id || '@example.org' END;

-- Midnight (UTC) of the first of the last 30 days.
CREATE FUNCTION shop.first_day() RETURNS timestamptz LANGUAGE sql STABLE
RETURN (SELECT date_trunc('day', max(at), 'UTC') - interval '29 days'
	FROM (SELECT at FROM shop.orders UNION ALL SELECT at FROM shop.coming_orders) o);

CREATE PROCEDURE shop.put_last_days_aside() LANGUAGE sql AS $$
	WITH aside AS (DELETE FROM shop.returned WHERE at >= shop.first_day() RETURNING *)
	INSERT INTO shop.coming_returned SELECT * FROM aside;
	WITH day AS MATERIALIZED (SELECT shop.first_day() AS first),
	aside AS (DELETE FROM shop.orders USING day WHERE at >= first RETURNING orders.*)
	INSERT INTO shop.coming_orders SELECT * FROM aside;
	ANALYZE;
$$;
