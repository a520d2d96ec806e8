/*
 * What a live moment adds to the shop's own writing: orders into a table with
 * one live moment against the same table without. COPY is one statement for
 * all rows; the INSERTs are one statement a row, in one transaction. A tenth
 * of the orders meet the moment's rule.
 */
CREATE TABLE customers (id int PRIMARY KEY, email text);
CREATE TABLE bare (id bigint PRIMARY KEY, customer_id int, item text, amount numeric, at timestamptz);
CREATE TABLE orders (LIKE bare INCLUDING ALL);
INSERT INTO customers SELECT i, i || '@example.org' FROM generate_series(1, 10000) i;

\o /dev/null
SELECT * FROM persona.define_space('shop', 'customers');
SELECT * FROM persona.define_event('purchase', 'orders', subject => 'customer_id');
SELECT * FROM persona.define_channel('email', 'email');
SELECT * FROM persona.define_purpose('service', 'opt_out');
SELECT * FROM persona.define_moment('thanks', on_event => 'purchase', when_rule => 'new.amount > 90',
	purpose => 'service', channel => 'email', template => 'Enjoy your {{ new.item }}!', generic => 'Thank you.');
SELECT * FROM persona.activate('thanks');
\o

SELECT current_setting('data_directory') || '/orders.copy' AS file \gset
COPY (SELECT i, 1 + i % 10000, 'item ' || i % 100, (i % 1000) / 10.0, now() FROM generate_series(1, 100000) i) TO :'file';
SELECT format('COPY orders FROM %L', :'file') AS ours, format('COPY bare FROM %L', :'file') AS theirs \gset

CREATE PROCEDURE pg_temp.insert_orders() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 20000 LOOP
		INSERT INTO orders VALUES (i, 1 + i % 10000, 'item', (i % 1000) / 10.0, now());
	END LOOP;
END
$$;
CREATE PROCEDURE pg_temp.insert_bare() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 20000 LOOP
		INSERT INTO bare VALUES (i, 1 + i % 10000, 'item', (i % 1000) / 10.0, now());
	END LOOP;
END
$$;

\set empty 'TRUNCATE orders, bare, persona_shop.inbox'
CALL pg_temp.compare('COPY of orders, one live moment', 'the bare table', 100000,
	:'ours', :'theirs', :'empty', 11, NULL);
CALL pg_temp.compare('INSERT of one order, one live moment', 'the bare table', 20000,
	'CALL pg_temp.insert_orders()', 'CALL pg_temp.insert_bare()', :'empty', 11, NULL);
/* A trigger that traps its errors could be fast by doing nothing. */
DO $$ BEGIN ASSERT (SELECT count(*) FROM persona_shop.inbox) = 20000, 'the inbox has every order'; END $$;
