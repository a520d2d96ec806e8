/*
 * Draining the outbox with two workers at once: claim 500, acknowledge them,
 * until nothing is left. The peer is the queue that people write by hand: the
 * same messages in a table of their own, taken by SKIP LOCKED and marked as
 * sent; it knows of no lease, consent, preference or suppression. What is
 * counted is the CPU time of both workers.
 */
CREATE EXTENSION dblink;
CREATE TABLE customers (id int PRIMARY KEY, name text, email text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int REFERENCES customers, item text, at timestamptz);
CREATE INDEX ON orders (customer_id, at);
INSERT INTO customers SELECT i, 'Customer ' || i, i || '@example.org' FROM generate_series(1, 20000) i;

\o /dev/null
SELECT * FROM persona.define_space('shop', 'customers');
SELECT * FROM persona.define_event('purchase', 'orders');
SELECT * FROM persona.define_channel('email', 'email');
SELECT * FROM persona.define_purpose('marketing', 'consent', expires => '2 years');
SELECT * FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'marketing', channel => 'email',
	template => 'Dear {{ name }}, enjoy your {{ new.item }}!', generic => 'Thank you.');
SELECT * FROM persona.activate('thanks');
SELECT count(persona.grant_consent(id, 'marketing', 'email', 'checkout')) FROM customers;
INSERT INTO orders SELECT i, i, 'item ' || i % 100, now() FROM generate_series(1, 20000) i;
SET client_min_messages = error;
CALL persona.run();
/* So many at once are held, which is said aloud. */
SELECT persona.resume('thanks', held => 'send');
CALL persona.run();
SET client_min_messages = warning;
\o
DO $$ BEGIN ASSERT (SELECT count(*) FROM persona_shop.message WHERE state = 'ready') = 20000, 'all is to be sent'; END $$;
CREATE TABLE was AS SELECT * FROM persona_shop.message;
CREATE TABLE queue (id uuid PRIMARY KEY, address text, body text, headers jsonb, state text NOT NULL, created_at timestamptz NOT NULL, sent_at timestamptz) WITH (fillfactor = 80);
CREATE INDEX ON queue (created_at) WHERE state = 'ready';

CREATE PROCEDURE drain_outbox(channel text DEFAULT 'email') LANGUAGE plpgsql AS $$
DECLARE
	batch uuid[];
	tries int[];
BEGIN
	LOOP
		SELECT array_agg(message), array_agg(attempt) INTO batch, tries FROM persona.claim(channel, 500);
		COMMIT;
		EXIT WHEN batch IS NULL;
		PERFORM persona.ack(batch, attempts => tries);
		COMMIT;
	END LOOP;
END
$$;
CREATE PROCEDURE drain_queue() LANGUAGE plpgsql AS $$
DECLARE
	batch uuid[];
BEGIN
	LOOP
		WITH next AS MATERIALIZED (SELECT id FROM queue WHERE state = 'ready' ORDER BY created_at LIMIT 500 FOR UPDATE SKIP LOCKED),
		taken AS (UPDATE queue q SET state = 'claimed' FROM next n WHERE q.id = n.id RETURNING q.id, q.address, q.body)
		SELECT array_agg(id) INTO batch FROM taken;
		COMMIT;
		EXIT WHEN batch IS NULL;
		UPDATE queue SET state = 'sent', sent_at = now(), address = NULL, body = NULL WHERE id = ANY (batch);
		COMMIT;
	END LOOP;
END
$$;
/* Fills both queues as they were. Called by a worker, for it must commit before they begin. */
CREATE PROCEDURE refill() LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE persona_shop.message, queue;
	INSERT INTO persona_shop.message SELECT * FROM was;
	INSERT INTO queue SELECT message, address, body, headers, state, created_at, NULL FROM was;
	ANALYZE persona_shop.message, queue;
END
$$;

/* Two workers, sessions of their own that live as long as this one. */
SELECT dblink_connect(w, format('dbname=%L port=%s host=%s', current_database(), current_setting('port'), split_part(current_setting('unix_socket_directories'), ',', 1)))
FROM unnest('{one,two}'::text[]) w \g /dev/null
CREATE TEMP TABLE worker AS SELECT w AS name, pid FROM unnest('{one,two}'::text[]) w, dblink(w, 'SELECT pg_backend_pid()') d(pid int);
SELECT dblink_exec(name, 'SET client_min_messages = error') FROM worker \g /dev/null
/* The same as the harness's, of the workers instead of this session. */
CREATE OR REPLACE FUNCTION pg_temp.cpu_ns() RETURNS bigint
LANGUAGE sql VOLATILE AS $$
	SELECT sum(split_part(pg_read_file(format('/proc/%s/schedstat', pid)), ' ', 1)::bigint)::bigint FROM worker
$$;
CREATE FUNCTION pg_temp.both(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dblink_send_query(name, statement) FROM worker;
	PERFORM r FROM worker, dblink_get_result(name) d(r text);
	PERFORM r FROM worker, dblink_get_result(name) d(r text);
END
$$;
CALL pg_temp.compare('draining 20,000 messages, two workers', 'a hand-written queue', 20000,
	$$SELECT pg_temp.both('CALL drain_outbox()')$$, $$SELECT pg_temp.both('CALL drain_queue()')$$, $$SELECT dblink_exec('one', 'CALL refill()')$$, 7, NULL);
DO $$ BEGIN ASSERT (SELECT count(*) FROM persona_shop.message WHERE state = 'sent') = 20000, 'all was sent'; END $$;

/* With links of https each message carries a token of its own. */
SELECT * FROM persona.define_channel('email', 'email', link => 'https://shop.example') \g /dev/null
CALL pg_temp.compare('the same, with headers to unsubscribe', 'that queue, which has none', 20000,
	$$SELECT pg_temp.both('CALL drain_outbox()')$$, $$SELECT pg_temp.both('CALL drain_queue()')$$, $$SELECT dblink_exec('one', 'CALL refill()')$$, 5, NULL);
SELECT * FROM persona.define_channel('email', 'email') \g /dev/null

/* How many a second, by the clock on the wall: the best of five. */
CREATE FUNCTION pg_temp.a_second(statement text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz := clock_timestamp();
BEGIN
	PERFORM pg_temp.both(statement);
	RETURN 20000 / extract(epoch FROM clock_timestamp() - start);
END
$$;
CREATE TEMP TABLE drained (ours numeric, theirs numeric);
DO $$ BEGIN
	FOR i IN 1 .. 5 LOOP
		PERFORM dblink_exec('one', 'CALL refill()');
		INSERT INTO drained VALUES (pg_temp.a_second('CALL drain_outbox()'), pg_temp.a_second('CALL drain_queue()'));
		COMMIT;
	END LOOP;
END $$;
SELECT format('%-42s %s messages a second, the hand-written queue %s', 'by the clock, the best of five', round(max(ours)), round(max(theirs))) FROM drained;

/* The same messages of a moment that a rule may still cancel when they are claimed. */
\o /dev/null
CREATE TABLE returned (id bigint PRIMARY KEY, customer_id int, order_id bigint, at timestamptz);
CREATE INDEX ON returned (customer_id, at);
SELECT * FROM persona.define_event('returned', 'returned', subject => 'customer_id', fires => 'never');
SELECT * FROM persona.define_channel('careful', 'email');
SELECT * FROM persona.define_moment('careful', on_event => 'purchase', purpose => 'marketing', channel => 'careful',
	template => 'Dear {{ name }}, enjoy your {{ new.item }}!', generic => 'Thank you.', cancel_rule => 'count(returned) FILTER (WHERE order_id = new.id) > 0');
SELECT * FROM persona.activate('careful');
SELECT count(persona.grant_consent(id, 'marketing', 'careful', 'checkout')) FROM customers;
\o
CREATE TABLE careful AS SELECT * FROM was;
UPDATE careful SET message = md5(message::text)::uuid, moment = 'careful', channel = 'careful';
VACUUM ANALYZE;
CREATE PROCEDURE refill_both() LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE persona_shop.message;
	INSERT INTO persona_shop.message SELECT * FROM was UNION ALL SELECT * FROM careful;
	ANALYZE persona_shop.message;
END
$$;
CALL pg_temp.compare('messages that a rule may cancel', 'messages that nothing cancels', 20000,
	$$SELECT pg_temp.both('CALL drain_outbox(''careful'')')$$, $$SELECT pg_temp.both('CALL drain_outbox()')$$, $$SELECT dblink_exec('one', 'CALL refill_both()')$$, 7, NULL);
DO $$ BEGIN ASSERT (SELECT count(*) FROM persona_shop.message WHERE state = 'sent') = 20000, 'all was sent'; END $$;
