/*
 * claim() while somebody else holds an old snapshot open: what was sent stays,
 * dead and not to be vacuumed, where the next claim looks for what is ready.
 * Compared are calls with the snapshot open and 100,000 messages sent under it
 * with calls without: their CPU time, and by the clock on the wall, as a single
 * call is too short for Linux to count, the one in a hundred that takes longest.
 * The same of the queue that people write by hand.
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
SELECT * FROM persona.define_purpose('marketing', 'opt_out');
SELECT * FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'marketing', channel => 'email',
	template => 'Dear {{ name }}, enjoy your {{ new.item }}!', generic => 'Thank you.');
SELECT * FROM persona.activate('thanks');
INSERT INTO persona_shop.anchor SELECT id, now() FROM customers;
SELECT dblink_connect('holder', format('dbname=%L port=%s host=%s', current_database(), current_setting('port'), split_part(current_setting('unix_socket_directories'), ',', 1)));
\o
CREATE TABLE queue (id uuid PRIMARY KEY, address text, body text, headers jsonb, state text NOT NULL, created_at timestamptz NOT NULL, sent_at timestamptz) WITH (fillfactor = 80);
CREATE INDEX ON queue (created_at) WHERE state = 'ready';

/* The next n messages, a millisecond apart, for customers in turn. */
CREATE SEQUENCE turn;
CREATE PROCEDURE pg_temp.fill(n int) LANGUAGE sql AS $$
	WITH new AS (SELECT gen_random_uuid() AS id, t, now() - interval '1 day' + t * interval '1 millisecond' AS at
		FROM (SELECT nextval('turn') AS t FROM generate_series(1, n)) s),
	written AS (INSERT INTO queue SELECT id, t || '@example.org', repeat('x', 60), NULL, 'ready', at, NULL FROM new)
	INSERT INTO persona_shop.message (subject, message, decision, moment, variant, channel, purpose, transactional, categories, address, body, state, attempt, created_at, ready_at)
	SELECT 1 + t % 20000, id, id, 'thanks', 'personal', 'email', 'marketing', false, '{}', t || '@example.org', repeat('x', 60), 'ready', 0, at, at FROM new;
$$;
CREATE TEMP TABLE claimed (whose text, snapshot boolean, took interval, ns bigint);
/* Sends so many, a hundred at a time; what each claim takes is kept where `snapshot` is not NULL. */
CREATE PROCEDURE pg_temp.send(n int, snapshot boolean) LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz;
	cpu bigint;
	batch uuid[];
BEGIN
	FOR i IN 1 .. n / 100 LOOP
		begun := clock_timestamp();
		cpu := pg_temp.cpu_ns();
		batch := ARRAY(SELECT message FROM persona.claim('email', 100));
		INSERT INTO claimed SELECT 'persona', snapshot, clock_timestamp() - begun, pg_temp.cpu_ns() - cpu WHERE snapshot IS NOT NULL;
		COMMIT;
		PERFORM persona.ack(batch);
		COMMIT;
		begun := clock_timestamp();
		cpu := pg_temp.cpu_ns();
		WITH next AS MATERIALIZED (SELECT id FROM queue WHERE state = 'ready' ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED),
		taken AS (UPDATE queue q SET state = 'claimed' FROM next n WHERE q.id = n.id RETURNING q.id)
		SELECT array_agg(id) INTO batch FROM taken;
		INSERT INTO claimed SELECT 'a hand-written queue', snapshot, clock_timestamp() - begun, pg_temp.cpu_ns() - cpu WHERE snapshot IS NOT NULL;
		COMMIT;
		UPDATE queue SET state = 'sent', sent_at = now(), address = NULL, body = NULL WHERE id = ANY (batch);
		COMMIT;
	END LOOP;
END
$$;
CALL pg_temp.fill(30000);
ANALYZE;
CALL pg_temp.send(10000, NULL);
CALL pg_temp.send(20000, false);

SELECT dblink_exec('holder', 'BEGIN ISOLATION LEVEL REPEATABLE READ') \g /dev/null
SELECT n FROM dblink('holder', 'SELECT count(*) FROM customers') d(n bigint) \g /dev/null
CALL pg_temp.fill(120000);
ANALYZE;
CALL pg_temp.send(100000, NULL);
CALL pg_temp.send(20000, true);
DO $$ BEGIN ASSERT (SELECT count(*) FROM persona_shop.message WHERE state = 'sent') = 150000 AND (SELECT count(*) FROM queue WHERE state = 'sent') = 150000, 'all was sent'; END; $$;
SELECT format('%-42s %s times the CPU time with 100,000 dead rows; by the clock %s times (median), %s times (p99): %s against %s ms a call',
	whose || ', claiming 100', round((max(cpu) FILTER (WHERE snapshot) / max(cpu) FILTER (WHERE NOT snapshot))::numeric, 2),
	round((max(p50) FILTER (WHERE snapshot) / max(p50) FILTER (WHERE NOT snapshot))::numeric, 2),
	round((max(p99) FILTER (WHERE snapshot) / max(p99) FILTER (WHERE NOT snapshot))::numeric, 2),
	round(1000 * max(p99) FILTER (WHERE snapshot)::numeric, 1), round(1000 * max(p99) FILTER (WHERE NOT snapshot)::numeric, 1))
FROM (SELECT whose, snapshot, avg(ns) AS cpu, percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM took)) AS p99,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM took)) AS p50 FROM claimed GROUP BY 1, 2) c
GROUP BY whose ORDER BY whose DESC;
