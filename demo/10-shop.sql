-- The tables a shop has. Nothing here knows of persona.
CREATE SCHEMA shop;
CREATE TABLE shop.customer (
	id int PRIMARY KEY,
	first_name text,
	email text,
	country text,
	time_zone text
);
CREATE TABLE shop.product (
	stock_code text PRIMARY KEY,
	description text NOT NULL,
	category text NOT NULL
);
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

-- The last 30 days, which the replay will let happen again.
CREATE TABLE shop.coming_orders (LIKE shop.orders);
CREATE TABLE shop.coming_returned (LIKE shop.returned);
-- What the e-mail provider was given.
CREATE TABLE shop.mailbox (
	decision uuid PRIMARY KEY,
	customer_id int,
	address text,
	variant text,
	subject_line text,
	body text,
	at timestamptz
);
-- One line of UCI's file.
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
CREATE EXTENSION persona;

-- Cuts the last 30 days off and puts them aside.
CREATE PROCEDURE shop.set_aside() LANGUAGE sql AS $$
	WITH cut AS (SELECT date_trunc('day', max(at) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '29 days' AS at FROM shop.orders),
	moved AS (DELETE FROM shop.orders WHERE at >= (SELECT at FROM cut) RETURNING *)
	INSERT INTO shop.coming_orders SELECT * FROM moved;
	WITH cut AS (SELECT min(date_trunc('day', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC') AS at FROM shop.coming_orders),
	moved AS (DELETE FROM shop.returned WHERE at >= (SELECT at FROM cut) RETURNING *)
	INSERT INTO shop.coming_returned SELECT * FROM moved;
	ANALYZE;
$$;

-- Names and addresses are made up from the number; one in eight has no name,
-- one in a hundred no address.
CREATE FUNCTION shop.name(id int) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN persona.bucket(id, 'name') >= 0.125 THEN
		('{Ada,Ben,Cleo,Dan,Eve,Finn,Gus,Hana,Ivo,Jo,Kim,Lea,Max,Nia,Otto,Pia,Raj,Sue,Tom,Uma}'::text[])[1 + floor(persona.bucket(id, 'who') * 20)::int] END;
$$;
CREATE FUNCTION shop.email(id int) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN persona.bucket(id, 'address') >= 0.01 THEN format('customer%s@example.org', id) END;
$$;
