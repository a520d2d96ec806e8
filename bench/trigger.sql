/*
 * What a live moment adds to the shop's own writing: orders into a table with
 * live moments against the same table without, and against the same table with
 * the triggers that people write by hand, which remember the rows to be looked
 * at in a queue: in PL/pgSQL row by row, and with one statement over the
 * transition table. A tenth of the orders meet the moment's rule. COPY is one
 * statement for all rows; the INSERTs are one statement a row, in one
 * transaction.
 */
CREATE TABLE customers (id int PRIMARY KEY, email text);
CREATE TABLE bare (id bigint PRIMARY KEY, customer_id int, item text, amount numeric, at timestamptz);
CREATE TABLE idle (LIKE bare INCLUDING ALL);
CREATE TABLE orders (LIKE bare INCLUDING ALL);
CREATE TABLE busy (LIKE bare INCLUDING ALL);
CREATE TABLE by_row (LIKE bare INCLUDING ALL);
CREATE TABLE by_set (LIKE bare INCLUDING ALL);
INSERT INTO customers SELECT i, i || '@example.org' FROM generate_series(1, 10000) i;

CREATE TABLE queue (customer_id int, event text, event_id text, at timestamptz, seen_at timestamptz);
CREATE FUNCTION queue_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.amount > 90 THEN
		INSERT INTO queue VALUES (NEW.customer_id, 'purchase', NEW.id, NEW.at, clock_timestamp());
	END IF;
	RETURN NULL;
END
$$;
CREATE FUNCTION queue_set() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO queue SELECT customer_id, 'purchase', id, at, clock_timestamp() FROM new_rows WHERE amount > 90;
	RETURN NULL;
END
$$;
CREATE TRIGGER queue AFTER INSERT ON by_row FOR EACH ROW EXECUTE FUNCTION queue_row();
CREATE TRIGGER queue AFTER INSERT ON by_set REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION queue_set();

\o /dev/null
SELECT * FROM persona.define_space('shop', 'customers');
SELECT * FROM persona.define_event('nothing', 'idle', subject => 'customer_id');
SELECT * FROM persona.define_event('purchase', 'orders', subject => 'customer_id');
SELECT * FROM persona.define_event('sale', 'busy', subject => 'customer_id');
SELECT * FROM persona.define_channel('email', 'email');
SELECT * FROM persona.define_purpose('service', 'opt_out');
SELECT persona.define_moment(m.moment, on_event => m.event, when_rule => m.rule::persona.rule,
		purpose => 'service', channel => 'email', template => 'Enjoy your {{ new.item }}!', generic => 'Thank you.'),
	persona.activate(m.moment)
FROM (
	SELECT 'thanks', 'purchase', 'new.amount > 90'
	UNION ALL SELECT 'thanks' || i, 'sale', format('new.amount > 90 AND new.customer_id < %s', i * 1000) FROM generate_series(1, 10) i
) m(moment, event, rule);
\o

SELECT current_setting('data_directory') || '/orders.copy' AS file \gset
COPY (SELECT i, 1 + i % 10000, 'item ' || i % 100, (i % 1000) / 10.0, now() FROM generate_series(1, 1000000) i) TO :'file';
CREATE PROCEDURE pg_temp.copy_into(relation regclass, file text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('COPY %s FROM %L', relation, file);
END
$$;
/* The plan of each INSERT is kept, as an application's prepared statement. */
SELECT format('CREATE PROCEDURE pg_temp.insert_into_%1$s() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 20000 LOOP
		INSERT INTO %1$s VALUES (i, 1 + i %% 10000, ''item'', (i %% 1000) / 10.0, now());
	END LOOP;
END
$$', t) FROM unnest(ARRAY['bare', 'idle', 'orders', 'busy', 'by_row', 'by_set']) t \gexec

\set empty 'TRUNCATE bare, idle, orders, busy, by_row, by_set, queue, persona_shop.inbox'
SELECT format('CALL pg_temp.copy_into(''orders'', %L)', :'file') AS ours \gset
CALL pg_temp.compare('COPY of orders, one live moment', 'the bare table', 1000000, :'ours',
	format('CALL pg_temp.copy_into(''bare'', %L)', :'file'), :'empty', 5, NULL);
CALL pg_temp.compare('COPY of orders, one live moment', 'a PL/pgSQL row trigger', 1000000, :'ours',
	format('CALL pg_temp.copy_into(''by_row'', %L)', :'file'), :'empty', 5, NULL);
CALL pg_temp.compare('COPY of orders, one live moment', 'a trigger with one INSERT SELECT', 1000000, :'ours',
	format('CALL pg_temp.copy_into(''by_set'', %L)', :'file'), :'empty', 5, NULL);
/* A trigger that traps its errors could be fast by doing nothing. */
DO $$ BEGIN
	TRUNCATE orders, persona_shop.inbox;
	INSERT INTO orders SELECT i, i, 'item', i, now() FROM generate_series(1, 100) i;
	ASSERT (SELECT count(*) FROM persona_shop.inbox) = 10, 'the inbox has the orders that are wanted';
END $$;
CALL pg_temp.compare('INSERT of one order, no live moment', 'the bare table', 20000,
	'CALL pg_temp.insert_into_idle()', 'CALL pg_temp.insert_into_bare()', :'empty', 11, NULL);
/* PostgreSQL's own part of what follows: a trigger that returns at once. */
SET persona.enabled = off;
CALL pg_temp.compare('INSERT of one order, persona off', 'the bare table', 20000,
	'CALL pg_temp.insert_into_orders()', 'CALL pg_temp.insert_into_bare()', :'empty', 11, NULL);
RESET persona.enabled;
CALL pg_temp.compare('INSERT of one order, one live moment', 'the bare table', 20000,
	'CALL pg_temp.insert_into_orders()', 'CALL pg_temp.insert_into_bare()', :'empty', 11, NULL);
CALL pg_temp.compare('INSERT of one order, ten live moments', 'the bare table', 20000,
	'CALL pg_temp.insert_into_busy()', 'CALL pg_temp.insert_into_bare()', :'empty', 11, NULL);
CALL pg_temp.compare('INSERT of one order, one live moment', 'a PL/pgSQL row trigger', 20000,
	'CALL pg_temp.insert_into_orders()', 'CALL pg_temp.insert_into_by_row()', :'empty', 11, NULL);
CALL pg_temp.compare('INSERT of one order, one live moment', 'a trigger with one INSERT SELECT', 20000,
	'CALL pg_temp.insert_into_orders()', 'CALL pg_temp.insert_into_by_set()', :'empty', 11, NULL);
