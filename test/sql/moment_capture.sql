-- what an event is: inserts, updates, what is polled; which rows the trigger
-- leaves out; and health, which says where a trigger does not see them
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT current_database() AS database \gset
CREATE ROLE mc_owner;
CREATE ROLE mc_shop;
GRANT CREATE ON DATABASE :database TO mc_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA persona TO mc_owner;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA persona TO mc_owner;
CREATE SCHEMA mc AUTHORIZATION mc_owner;
SET ROLE mc_owner;
CREATE TYPE mc.size AS ENUM ('small', 'large');
CREATE TABLE mc.customer (id int PRIMARY KEY, email text, country text);
CREATE TABLE mc.orders (id char(8) PRIMARY KEY, customer_id int, amount numeric, n int, item text, size mc.size, at timestamptz DEFAULT now());
CREATE INDEX ON mc.orders (customer_id);
CREATE TABLE mc.shipment (id int PRIMARY KEY, customer_id int, state text, note text, changed_at timestamptz DEFAULT now());
CREATE INDEX ON mc.shipment (customer_id);
CREATE VIEW mc.visit AS SELECT i AS id, i % 10 AS customer_id, now() AS at FROM generate_series(1, 0) i;
GRANT USAGE ON SCHEMA mc TO mc_shop;
GRANT SELECT, INSERT, UPDATE ON mc.orders, mc.shipment TO mc_shop;
INSERT INTO mc.customer SELECT i, 'c' || i, 'DE' FROM generate_series(1, 20) i;
SET persona.space = 'mc';
SELECT count(*) >= 0 AS done FROM persona.define_space('mc', 'mc.customer');
SELECT code FROM persona.define_event('purchase', 'mc.orders', subject => 'customer_id');
SELECT code FROM persona.define_event('shipped', 'mc.shipment', subject => 'customer_id', fires => ' update , insert');
SELECT fires FROM persona.event WHERE space = 'mc' AND event = 'shipped';
SELECT code FROM persona.define_event('shipped', 'mc.shipment', subject => 'customer_id', fires => 'update');
SELECT count(*) >= 0 AS done FROM persona.define_channel('email', 'email');
SELECT count(*) >= 0 AS done FROM persona.define_purpose('service', 'opt_out');
CREATE FUNCTION mc.moment(moment text, event text, rule persona.rule, once text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	SELECT persona.define_moment(moment, on_event => event, when_rule => rule, purpose => 'service', channel => 'email', template => '{{ email }}', generic => 'x', once_per => once);
	SELECT persona.activate(moment);
$$;
CREATE FUNCTION mc.inbox() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	WITH gone AS (DELETE FROM persona_mc.inbox RETURNING event_key)
	SELECT string_agg(array_to_string(event_key, '/'), ' ' ORDER BY event_key) INTO found FROM gone;
	RETURN coalesce(found, 'nothing');
END $$;

-- rows of which every rule over new is plainly false are left out; what is
-- unknown, fails or looks at more than the row is kept
CREATE PROCEDURE mc.buy() LANGUAGE sql AS $$
	DELETE FROM mc.orders;
	INSERT INTO mc.orders SELECT v.* FROM (VALUES ('cheap'::bpchar, 1, 10::numeric, 1, 'mug', 'small'::mc.size), ('dear', 2, 100, 2, 'boots', 'large'),
		('unknown', 3, NULL, NULL, NULL, NULL),
		('nan', 4, 'NaN'::numeric, 0, '', 'small'), ('zero', 5, 0, 0, 'mug', 'small')) v;
$$;
SELECT count(*) AS moments FROM generate_series(1, 3) i CROSS JOIN LATERAL mc.moment('m' || i, 'purchase', 'false');
CREATE FUNCTION mc.kept(VARIADIC rules text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE persona.moment SET when_rule = coalesce(rules[right(moment, 1)::int], 'false')::persona.rule
	WHERE space = 'mc' AND moment ~ '^m[1-3]$';
	CALL mc.buy();
	RETURN mc.inbox();
END $$;
SELECT rules, mc.kept(VARIADIC string_to_array(rules, ' | ')) AS kept FROM (VALUES
	('new.amount > 50'), ('NOT new.amount > 50'), ('new.amount IS NULL'), ('new.amount > 50 IS NOT TRUE'), ('true'), ('false'), ('NULL'),
	('new.amount > 50 AND country = ''DE'''), ('new.amount > 50 OR country = ''FR'''), ('NOT (new.amount > 50 OR country = ''FR'')'),
	('country = ''DE'''), ('count(purchase) > 5 AND new.n = 2'), ('new.item IN (''boots'', ''hat'')'), ('new.item LIKE ''b%'''), ('new.size = ''large'''),
	('100 / new.n > 60'), ('new.n <> 0 AND 100 / new.n > 60'), ('new.at > now() - ''1 hour''::interval'), ('new.amount > 50 | new.amount < 5'), ('new.amount > 50 | country = ''DE'''),
	('new.amount > 50 | new.n IS NULL | new.item = ''mug'' AND new.n = 1'), ('new.n BETWEEN 1 AND 1'), ('new.item IS DISTINCT FROM ''mug'''), ('upper(new.item) = ''MUG''')
	) v(rules);
-- the law: what is left out is what SQL calls false of every rule, NaN being unknown
CREATE FUNCTION mc.left_out(rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	kept text;
BEGIN
	EXECUTE format('SELECT string_agg(rpad(new.id, 8), '' '' ORDER BY rpad(new.id, 8)) FROM (SELECT id, nullif(amount, ''NaN'') AS amount, n, item FROM mc.orders) new WHERE (%s) IS NOT FALSE', rule) INTO kept;
	RETURN coalesce(kept, 'nothing');
END $$;
SELECT bool_and(mc.kept(rule) = mc.left_out(rule)) AS as_sql_says, count(*) FROM (
	SELECT format('%s(new.amount %s %s) %s %s(%s)', n, op, c, logic, m, other) AS rule
	FROM (VALUES (''), ('NOT ')) a(n), (VALUES ('>'), ('<>')) b(op), (VALUES ('10'), ('NULL')) c(c), (VALUES ('AND'), ('OR')) d(logic), (VALUES (''), ('NOT ')) e(m),
		(VALUES ('new.n = 1'), ('new.item IS NULL'), ('new.item > ''c'' IS UNKNOWN'), ('new.n = ANY (ARRAY[0, 2])')) f(other)) r;
-- the same of moments whose rules share a part, which is asked once
SELECT bool_and(mc.kept(format('%s AND %s', a, b), format('%s AND %s', c, a)) = mc.left_out(format('%1$s AND %2$s OR %3$s AND %1$s', a, b, c))) AS as_sql_says, count(*)
FROM (VALUES ('new.amount > 10'), ('NOT new.amount > 10'), ('new.n = 1'), ('(new.item IS NULL OR new.amount > 50)'), ('NULL')) p(a), (VALUES ('new.n < 2'), ('new.amount > 10')) q(b),
	(VALUES ('new.item > ''c'''), ('new.n < 2'), ('new.n IS NULL')) r(c);

-- a rule that is changed, a moment that is activated or paused, a new column:
-- the next statement knows
SELECT mc.kept('new.amount > 50');
PREPARE buy AS INSERT INTO mc.orders VALUES ('late', 6, 30);
SELECT mc.moment('m1', 'purchase', 'new.amount > 20');
EXECUTE buy;
SELECT mc.inbox();
ALTER TABLE mc.orders ADD colour text DEFAULT 'red';
SELECT mc.moment('m1', 'purchase', 'new.colour = ''blue''');
INSERT INTO mc.orders (id, customer_id, colour) VALUES ('blue', 7, 'blue'), ('red', 7, 'red');
SELECT mc.inbox();
ALTER TABLE mc.orders DROP item, ALTER n TYPE bigint;
INSERT INTO mc.orders (id, customer_id, colour) VALUES ('blue2', 7, 'blue'), ('red2', 7, 'red');
SELECT mc.inbox();
-- within a transaction that is undone, too
BEGIN;
SELECT mc.moment('m1', 'purchase', 'new.colour = ''red''');
INSERT INTO mc.orders (id, customer_id, colour) VALUES ('blue3', 7, 'blue'), ('red3', 7, 'red');
SELECT mc.inbox();
ROLLBACK;
INSERT INTO mc.orders (id, customer_id, colour) VALUES ('blue3', 7, 'blue'), ('red3', 7, 'red');
SELECT mc.inbox();
-- under SERIALIZABLE what is known is used
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO mc.orders (id, customer_id, colour) VALUES ('blue4', 7, 'blue'), ('red4', 7, 'red');
SELECT mc.inbox();
COMMIT;
-- who has no right on persona buys as well
RESET ROLE;
SET ROLE mc_shop;
INSERT INTO mc.orders (id, customer_id, colour) VALUES ('blue5', 7, 'blue'), ('red5', 7, 'red');
RESET ROLE;
SET ROLE mc_owner;
SELECT mc.inbox();

-- an update is an event where it changed the row; its key is the row's
SELECT mc.moment('on_its_way', 'shipped', 'new.state = ''shipped''');
SELECT name, fires, state FROM persona.captures((SELECT s FROM persona.space s WHERE space = 'mc')) ORDER BY 1;
INSERT INTO mc.shipment SELECT i, i, 'packed', repeat('x', 5000) FROM generate_series(1, 5) i;
INSERT INTO mc.shipment VALUES (6, 6, 'shipped');
SELECT mc.inbox() AS inserted;
UPDATE mc.shipment SET state = state, note = note || '';
SELECT mc.inbox() AS unchanged;
UPDATE mc.shipment SET state = 'shipped', changed_at = now() WHERE id <= 2;
SELECT mc.inbox() AS changed;
UPDATE mc.shipment SET note = NULL WHERE id IN (1, 3);
SELECT mc.inbox() AS changed;
INSERT INTO mc.shipment VALUES (4, 4, 'shipped') ON CONFLICT (id) DO UPDATE SET state = excluded.state;
SELECT mc.inbox() AS upserted;
MERGE INTO mc.shipment s USING (VALUES (5), (7)) v(id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET state = 'shipped' WHEN NOT MATCHED THEN INSERT VALUES (7, 7, 'shipped');
SELECT mc.inbox() AS merged;
UPDATE mc.shipment SET id = 50 WHERE id = 5;
SELECT mc.inbox() AS new_key;
-- once per row, or per what once_per says
SELECT mc.moment('on_its_way', 'shipped', 'new.state = ''shipped''', 'concat(new.id, new.note)');
UPDATE mc.shipment SET note = 'a', changed_at = now() WHERE id = 1;
UPDATE mc.shipment SET note = 'b', changed_at = now() WHERE id = 1;
UPDATE mc.shipment SET note = 'a', changed_at = now() WHERE id = 1;
CALL persona.run();
SELECT count(*) AS decided FROM persona_mc.decision WHERE moment = 'on_its_way';
-- a row that was only inserted is no update: not looked for
SET persona.catch_up_interval = 0;
SELECT persona.catch_up() AS found;
SELECT code, object FROM persona_mc.health WHERE object = 'shipped' ORDER BY 1;
-- insert and update
SELECT code FROM persona.define_event('shipped', 'mc.shipment', subject => 'customer_id', at => 'changed_at', fires => 'insert,update');
SELECT name, fires, state FROM persona.captures((SELECT s FROM persona.space s WHERE space = 'mc')) ORDER BY 1;
INSERT INTO mc.shipment VALUES (8, 8, 'packed'), (9, 9, 'shipped');
SELECT mc.inbox() AS inserted;
UPDATE mc.shipment SET state = 'shipped' WHERE id IN (8, 9);
SELECT mc.inbox() AS updated;
CALL persona.run();
ALTER TABLE mc.shipment DISABLE TRIGGER USER;
UPDATE mc.shipment SET note = 'c', changed_at = clock_timestamp() WHERE id = 9;
ALTER TABLE mc.shipment ENABLE TRIGGER USER;
SELECT persona.catch_up() AS update_found;
CALL persona.run();
SELECT persona.catch_up() AS found_again;
SELECT persona.pause('on_its_way');
SELECT count(*) AS not_needed FROM pg_trigger WHERE tgrelid = 'mc.shipment'::regclass AND NOT tgisinternal;
SELECT persona.resume('on_its_way');
SELECT persona.catch_up() AS before_it_was_resumed_is_too_late;

-- polled: what a view shows, without a trigger
SELECT code FROM persona.define_event('visit', 'mc.visit', subject => 'customer_id', id => 'id', fires => 'insert');
SELECT code FROM persona.define_event('visit', 'mc.visit', subject => 'customer_id', id => 'id', fires => 'poll');
SELECT mc.moment('welcome', 'visit', 'new.id <> 13');
CREATE TABLE mc.visits (id int, customer_id int, at timestamptz);
CREATE OR REPLACE VIEW mc.visit AS SELECT id, customer_id, at FROM mc.visits;
CALL persona.run();
INSERT INTO mc.visits SELECT i, i, now() FROM generate_series(11, 15) i;
INSERT INTO mc.visits VALUES (16, 16, now() - interval '1 day'), (17, NULL, now()), (18, 99, now());
SET persona.catch_up_interval = '15 min';
CALL persona.run();
SELECT array_agg(event_key[1] ORDER BY event_key[1]) AS decided FROM persona_mc.decision WHERE moment = 'welcome';
-- what is committed late, with a time before the last poll, is not lost
RESET ROLE;
SELECT now() + interval '1 hour' AS later \gset
SET persona.clock = :'later';
SET ROLE mc_owner;
CALL persona.run();
INSERT INTO mc.visits VALUES (19, 19, persona.now() - interval '1 second'), (20, 20, persona.now() - interval '10 minutes');
CALL persona.run();
CALL persona.run();
SELECT array_agg(event_key[1] ORDER BY event_key[1]) AS decided, count(*) = count(DISTINCT decision) AS once_each FROM persona_mc.decision WHERE moment = 'welcome';
-- later than a poll looks back it is catch_up that finds it
INSERT INTO mc.visits VALUES (21, 10, persona.now() - interval '20 minutes');
CALL persona.run();
SELECT count(*) AS decided FROM persona_mc.decision WHERE moment = 'welcome' AND event_key = '{21}';
SELECT persona.catch_up() AS found;
CALL persona.run();
SELECT count(*) AS decided FROM persona_mc.decision WHERE moment = 'welcome' AND event_key = '{21}';
RESET ROLE;
RESET persona.clock;
SET ROLE mc_owner;
CALL persona.run();
CREATE TABLE mc.timeless (id int PRIMARY KEY, customer_id int);
SELECT code FROM persona.define_event('timeless', 'mc.timeless', subject => 'customer_id', fires => 'poll');
SELECT code FROM persona.define_event('timeless', 'mc.timeless', subject => 'customer_id', fires => 'delete');
SELECT code FROM persona.define_event('timeless', 'mc.timeless', subject => 'customer_id', fires => NULL);

-- health: what to look at, with what to do
SELECT level, code, object, hint FROM persona_mc.health ORDER BY code, object;
CREATE INDEX ON mc.orders (at);
ALTER TABLE mc.orders DISABLE TRIGGER persona_mc_purchase;
DROP TRIGGER persona_mc_shipped_update ON mc.shipment;
SET persona.catch_up_interval = '1d';
INSERT INTO mc.orders (id, customer_id, colour) VALUES ('blue6', 7, 'blue');
SELECT code, object, message, hint FROM persona_mc.health WHERE code LIKE 'trigger%' ORDER BY code, object;
-- seen at once that a trigger is missing
CALL persona.run();
SELECT count(*) AS decided FROM persona_mc.decision WHERE event_key[1] = 'blue6   ';
SELECT count(*) >= 0 AS done FROM persona.activate('on_its_way');
ALTER TABLE mc.orders ENABLE TRIGGER persona_mc_purchase;
SELECT code, object FROM persona_mc.health ORDER BY code, object;
UPDATE persona_mc.progress SET at = now() - interval '1 hour' WHERE step = 'run';
SELECT code, object, hint FROM persona_mc.health WHERE code = 'run_overdue';
-- names that together are longer than PostgreSQL's
CREATE TABLE mc.long (id int PRIMARY KEY, customer_id int, at timestamptz);
SELECT count(*) >= 0 AS done FROM persona.define_event(repeat('e', 39) || 'x', 'mc.long', subject => 'customer_id', fires => 'insert,update');
SELECT count(*) >= 0 AS done FROM persona.define_event(repeat('e', 39) || 'y', 'mc.long', subject => 'customer_id');
SELECT mc.moment('long_x', repeat('e', 39) || 'x', 'true'), mc.moment('long_y', repeat('e', 39) || 'y', 'true');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'mc.long'::regclass;
SELECT length(persona.trigger_name(repeat('s', 40), repeat('e', 40), 'update')) AS longest, persona.trigger_name('s', 'e', 'insert'), persona.trigger_name('s', 'e', 'update');
-- a trigger that somebody put on another table does nothing but say so
RESET ROLE;
CREATE TABLE mc.other (id int);
CREATE TRIGGER moved AFTER INSERT ON mc.other REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION persona.capture('mc', 'purchase');
INSERT INTO mc.other VALUES (1);
SELECT thing, state FROM persona_mc.alert WHERE place = 'trigger';
SELECT persona.drop_space('mc', force => true);
DROP SCHEMA mc CASCADE;
DROP OWNED BY mc_owner, mc_shop;
DROP ROLE mc_owner, mc_shop;
