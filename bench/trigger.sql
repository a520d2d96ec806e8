/*
 * What a live moment adds to the shop's own writing: orders into a table with
 * one live moment against the same table without. COPY is one statement for
 * all rows; the single INSERTs are one statement a row, in one transaction.
 */
CREATE TABLE customers (id int PRIMARY KEY, email text);
CREATE TABLE bare (id bigint PRIMARY KEY, customer_id int, item text, amount numeric, at timestamptz);
CREATE TABLE orders (LIKE bare INCLUDING ALL);
INSERT INTO customers SELECT i, i || '@example.org' FROM generate_series(1, 10000) i;

SELECT FROM persona.define_space('shop', 'customers') \g /dev/null
SELECT FROM persona.define_event('purchase', 'orders', subject => 'customer_id') \g /dev/null
SELECT FROM persona.define_channel('email', 'email') \g /dev/null
SELECT FROM persona.define_purpose('service', 'opt_out') \g /dev/null
SELECT FROM persona.define_moment('thanks', on_event => 'purchase', when_rule => 'new.amount > 90',
	purpose => 'service', channel => 'email', template => 'Enjoy your {{ new.item }}!', generic => 'Thank you.') \g /dev/null
SELECT FROM persona.activate('thanks') \g /dev/null

SELECT current_setting('data_directory') || '/orders.copy' AS file \gset
COPY (SELECT i, 1 + i % 10000, 'item ' || i % 100, (i % 1000) / 10.0, now() FROM generate_series(1, 100000) i) TO :'file';
SELECT format('COPY orders FROM %L', :'file') AS copy_orders, format('COPY bare FROM %L', :'file') AS copy_bare \gset

SELECT format($$DO 'BEGIN
	FOR i IN 1 .. 20000 LOOP
		INSERT INTO %s VALUES (i, 1 + i %% 10000, ''item'', (i %% 1000) / 10.0, now());
	END LOOP;
END'$$, 'orders') AS insert_orders \gset
SELECT replace(:'insert_orders', 'INTO orders', 'INTO bare') AS insert_bare \gset

\set empty 'TRUNCATE orders, bare, persona_shop.inbox'
CALL pg_temp.compare('COPY of orders, one live moment', 'the bare table', 100000,
	:'copy_orders', :'copy_bare', :'empty', 7, NULL);
CALL pg_temp.compare('INSERT of one order, one live moment', 'the bare table', 20000,
	:'insert_orders', :'insert_bare', :'empty', 7, NULL);
