-- whatever error persona meets in the trigger, the purchase lives: one of each
-- class of SQLSTATE is raised where the inbox is written. Only a cancel, a
-- shutdown and class 40 pass, for then the transaction cannot go on.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA ms;
CREATE TABLE ms.customer (id int PRIMARY KEY, email text);
CREATE TABLE ms.orders (id int PRIMARY KEY, customer_id int, amount int, at timestamptz DEFAULT now());
CREATE INDEX ON ms.orders (at);
CREATE INDEX ON ms.orders (customer_id);
INSERT INTO ms.customer SELECT i, 'c' || i FROM generate_series(1, 100) i;
SET persona.space = 'ms';
SELECT count(*) FROM persona.define_space('ms', 'ms.customer');
SELECT count(*) FROM persona.define_event('purchase', 'ms.orders', subject => 'customer_id');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_moment('thanks', on_event => 'purchase', when_rule => 'new.amount > 10', purpose => 'service', channel => 'email', template => '{{ email }}', generic => 'x');
SELECT count(*) FROM persona.activate('thanks');
CREATE TABLE ms.class (sqlstate text PRIMARY KEY, subject int GENERATED ALWAYS AS IDENTITY, reached text);
INSERT INTO ms.class (sqlstate) SELECT unnest(ARRAY['01000', '02000', '03000', '08000', '08P01', '09000', '0A000', '0B000', '0F000', '0L000', '0P000', '0Z000', '20000', '21000', '22000', '22012',
	'22P02', '23000', '23505', '23503', '24000', '25000', '25006', '25P03', '26000', '27000', '28000', '2B000', '2BP01', '2D000', '2F000', '34000', '38000', '39000', '3B000', '3D000', '3F000',
	'40000', '40001', '40P01', '42000', '42501', '42P01', '44000', '53000', '53100', '53200', '53300', '54000', '54001', '55000', '55P03', '57000', '57014', '57P01', '57P02', '58000', '58030',
	'58P01', '72000', 'F0000', 'HV000', 'P0000', 'P0001', 'P0004', 'XX000', 'XX001', 'XX002']);
/* An index that somebody added to the inbox: its expression raises the error. */
CREATE FUNCTION ms.raise(subject int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	state text := (SELECT c.sqlstate FROM ms.class c WHERE c.subject = $1);
BEGIN
	RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'secret of a customer';
END $$;
CREATE INDEX raising ON persona_ms.inbox (ms.raise(subject));
CREATE FUNCTION ms.buy(subject int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO ms.orders VALUES (subject, subject, 20);
	RETURN 'nothing';
EXCEPTION WHEN OTHERS OR QUERY_CANCELED OR ASSERT_FAILURE THEN
	RETURN SQLSTATE;
END $$;
UPDATE ms.class c SET reached = ms.buy(c.subject);
SELECT array_agg(sqlstate ORDER BY sqlstate) AS that_pass FROM ms.class WHERE reached <> 'nothing';
SELECT bool_and(reached IN ('nothing', sqlstate)) AS no_other_error, count(*) AS classes FROM ms.class;
SELECT count(*) = (SELECT count(*) FROM ms.class WHERE reached = 'nothing') AS purchases_live, (SELECT count(*) FROM persona_ms.inbox) AS in_the_inbox FROM ms.orders;
SELECT count(*) = (SELECT count(*) FROM ms.orders) AS each_is_counted, bool_and(n = 1) AS once FROM persona_ms.alert;
SELECT count(*) AS secrets FROM persona_ms.incident i WHERE i::text LIKE '%secret%';
SELECT count(*) > 50 AND bool_and(level = 'warn') AS health_says_so FROM persona_ms.health WHERE code = 'failed_in_trigger';
-- none of them is lost: they are found once the cause is gone
DROP INDEX persona_ms.raising;
SELECT persona.catch_up() = (SELECT count(*) FROM ms.orders) AS all_are_found;
CALL persona.run();
SELECT count(*) = (SELECT count(*) FROM ms.orders) AS all_are_decided FROM persona_ms.decision;
-- nor where the incident cannot be written either
ALTER TABLE persona_ms.inbox RENAME TO inbox_gone;
ALTER TABLE persona_ms.incident RENAME TO incident_gone;
INSERT INTO ms.orders VALUES (1001, 1, 20);
ALTER TABLE persona_ms.inbox_gone RENAME TO inbox;
ALTER TABLE persona_ms.incident_gone RENAME TO incident;
SELECT persona.catch_up() AS found;
-- a rule that fails on one row of many takes none of the others along
SELECT count(*) FROM persona.define_moment('thanks', on_event => 'purchase', when_rule => '100 / new.amount > 5', purpose => 'service', channel => 'email', template => '{{ email }}', generic => 'x');
TRUNCATE persona_ms.inbox;
INSERT INTO ms.orders SELECT i, 2, i - 2000 FROM generate_series(2000, 2030) i;
SELECT count(*) AS all_are_kept FROM persona_ms.inbox;
TRUNCATE persona_ms.inbox;
INSERT INTO ms.orders SELECT i, 2, i - 3000 FROM generate_series(3001, 3030) i;
SELECT count(*) AS those_wanted_are_kept FROM persona_ms.inbox;
SELECT count(*) AS incidents FROM persona_ms.alert WHERE state = '22012';
-- a renamed column is followed
TRUNCATE persona_ms.inbox;
ALTER TABLE ms.orders RENAME customer_id TO buyer;
INSERT INTO ms.orders VALUES (4000, 3, 1), (4001, 3, 50);
SELECT array_agg(event_key[1]) AS kept FROM persona_ms.inbox;
SELECT persona.drop_space('ms', force => true);
DROP SCHEMA ms CASCADE;
