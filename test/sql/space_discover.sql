-- discover(): what keys, names and types say, as statements that can be run
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE sd_owner;
CREATE ROLE sd_other;
GRANT USAGE ON SCHEMA persona TO sd_owner, sd_other;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA persona TO sd_owner, sd_other;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA persona TO sd_owner, sd_other;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO sd_owner', current_database()); END $$;
CREATE SCHEMA sd AUTHORIZATION sd_owner;
SET ROLE sd_owner;
CREATE TABLE sd.accounts (account_id int PRIMARY KEY, company text, industry text);
CREATE TABLE sd.products (sku text PRIMARY KEY, name text, price numeric);
CREATE TABLE sd.customers (id int PRIMARY KEY, account_id int REFERENCES sd.accounts, e_mail text, "birthDate" date, firstname text, surname text,
	lat float8, lng float8, time_zone text, locale text, mobile varchar(20), churn_score float8, signup_ip inet, zip text, vip boolean, wants_email boolean,
	referred_by int REFERENCES sd.customers, "a.b" text, created_at timestamptz);
CREATE TABLE sd.orders (id bigint PRIMARY KEY, customer_id int REFERENCES sd.customers, sku text REFERENCES sd.products, amount numeric, shipped_at timestamptz, ordered_at timestamptz);
CREATE TABLE sd.page_views (customer_id int, url text, ip_address text, at timestamptz);
CREATE TABLE sd.calls (caller int REFERENCES sd.customers, callee int REFERENCES sd.customers, at timestamptz);
CREATE TABLE sd.profiles (customer_id int PRIMARY KEY REFERENCES sd.customers, religion text);
CREATE TABLE sd.order_lines (id int PRIMARY KEY, order_id bigint REFERENCES sd.orders, quantity int);
CREATE TABLE sd."Sélect ""it""; DROP" (customer_id int REFERENCES sd.customers, "x'y\z" text, happened date);
CREATE TABLE sd.news (customer_id int REFERENCES sd.customers, at date, body text) PARTITION BY RANGE (at);
CREATE TABLE sd.news_1 PARTITION OF sd.news FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE sd.country (customer_id uuid, at date);

-- without a space: tables that look like customers, the best guess first
SELECT object, reason, statement FROM persona.discover() WHERE object LIKE 'sd.%';

-- with one: everything else
SELECT code FROM persona.define_space('sd_shop', 'sd.customers');
SELECT kind, object, statement FROM persona.discover('sd_shop');
SELECT DISTINCT kind, reason FROM persona.discover('sd_shop') WHERE kind <> 'attribute' ORDER BY 1, 2;

-- laws: every statement runs, in that order; nothing is proposed twice, nothing again
CREATE FUNCTION sd.carry_out() RETURNS TABLE (kind text, object text, state text) LANGUAGE plpgsql AS $$
DECLARE
	proposal record;
BEGIN
	FOR proposal IN SELECT * FROM persona.discover('sd_shop') LOOP
		kind := proposal.kind;
		object := proposal.object;
		BEGIN
			EXECUTE proposal.statement;
			state := 'done';
		EXCEPTION WHEN OTHERS THEN
			state := SQLERRM;
		END;
		RETURN NEXT;
	END LOOP;
END;
$$;
SELECT count(*) = count(DISTINCT (kind, object)) AS once, count(*) > 30 AS many FROM persona.discover('sd_shop');
SELECT kind, object, state FROM sd.carry_out() WHERE state <> 'done';
SELECT kind, object FROM persona.discover('sd_shop');
SELECT event, subject, at, fires FROM persona.event WHERE space = 'sd_shop' ORDER BY 1;
SELECT facet, relation, key, parent, via FROM persona.facet WHERE space = 'sd_shop' ORDER BY 1;
SELECT * FROM persona.features('account.industry = ''toys'' AND max(product.price) > 3 AND count(orders) FILTER (WHERE product.name = ''x'') > 0', 'sd_shop');

-- a category and a provenance are such as define_attribute() takes, each name is recognized by one hint first
SELECT bool_and(persona.check_label('category', category) IS NOT NULL) AS labels FROM persona.attribute_hints();
SELECT name, category, provenance, sensitivity FROM (VALUES ('email', 'text'), ('E-Mail', 'text'), ('customer_email_address', 'text'), ('mail', 'text'),
	('phoneNumber', 'text'), ('tel', 'text'), ('hotel', 'text'), ('mobile_no', 'bigint'), ('dob', 'date'), ('birth_year', 'int'), ('date_of_birth', 'date'),
	('given_name', 'text'), ('LastName', 'text'), ('full_name', 'text'), ('product_name', 'text'), ('ip', 'inet'), ('client_ip_addr', 'text'), ('ship', 'text'),
	('postcode', 'text'), ('zip', 'int'), ('latitude', 'float8'), ('lon', 'numeric'), ('town', 'text'), ('country_code', 'text'), ('sex', 'text'),
	('lang', 'text'), ('religion', 'text'), ('pregnant', 'boolean'), ('iban', 'text'), ('user_agent', 'text'), ('is_email', 'boolean'), ('company', 'text'),
	('expand', 'text'), ('import', 'text'), ('last_seen_at', 'timestamptz'), ('predicted_value', 'float8'), ('password_hash', 'text'), ('ssn', 'text')) v (name, type)
LEFT JOIN LATERAL (SELECT h.* FROM persona.attribute_hints() h JOIN pg_type t ON t.oid = v.type::regtype
	WHERE position(t.typcategory IN h.types) > 0 AND regexp_replace(lower(v.name), '[^a-z0-9]', '', 'g') ~ h.pattern ORDER BY h.place LIMIT 1) h ON true;

-- names: singular, allowed, not taken
SELECT w, persona.singular(w) FROM unnest(ARRAY['customers', 'categories', 'boxes', 'address', 'addresses', 'status', 'person', 's', '']) w;
SELECT persona.free_name(ARRAY['order', 'orders'], 'event', '{}') AS reserved, persona.free_name(ARRAY['Größe 1'], 'event', '{}') AS letters,
	persona.free_name(ARRAY['a', 'b'], 'event', '{a}') AS taken, persona.free_name(ARRAY['1x', NULL, ''], 'event', '{event_1}') AS none,
	length(persona.free_name(ARRAY[repeat('x', 63)], 'event', '{}')) <= 40 AS short;

-- only what the caller may read, and nothing of persona or the system
SELECT count(*) FROM persona.company_tables((SELECT oid FROM pg_roles WHERE rolname = 'sd_owner'))
WHERE relation::text ~ '^(persona|pg_|information_schema)';
REVOKE SELECT ON sd.page_views FROM sd_owner;
SELECT count(*) FROM persona.company_tables((SELECT oid FROM pg_roles WHERE rolname = 'sd_owner')) WHERE name = 'page_views';
SET ROLE sd_other;
SELECT * FROM persona.discover('sd_shop');
SELECT count(*) FROM persona.discover() WHERE object LIKE 'sd.%';
RESET ROLE;
SELECT * FROM persona.discover('sd_chop');
SELECT persona.drop_space('sd_shop', force => true);
SET client_min_messages = error;
DROP SCHEMA sd CASCADE;
DROP OWNED BY sd_owner, sd_other;
DROP ROLE sd_owner, sd_other;
