/*
 * run() against what people write in its place: for the inbox one INSERT ...
 * SELECT into a queue, for what is due one statement that joins the customer,
 * the order, consents, suppressions and what was sent before, writes a
 * decision and a message and takes the row off the queue. It records no gates,
 * renders one format() and is a single transaction, which run() is not.
 *
 * Then a run of many decisions in one go, whose memory it shows, and how large
 * the schedule is after twenty rounds, with the VACUUM between them that
 * autovacuum does on a server that runs longer than a benchmark.
 *
 * DECISIONS=1000000 in the environment asks for the full size.
 */
\getenv decisions DECISIONS
\if :{?decisions} \else
	\set decisions 100000
\endif
SET client_min_messages = warning;
CREATE TABLE customers (id int PRIMARY KEY, name text, email text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, item text, amount numeric, at timestamptz);
INSERT INTO customers SELECT i, 'name ' || i, i || '@example.org' FROM generate_series(1, least(10 * :decisions, 1000000)) i;
CREATE INDEX ON orders (customer_id, at);

\o /dev/null
SELECT persona.define_space('shop', 'customers');
SELECT persona.define_event('purchase', 'orders', subject => 'customer_id', at => 'at');
SELECT persona.define_channel('email', 'email');
SELECT persona.define_purpose('service', 'opt_out');
SELECT persona.define_policy(channel => 'email', cap => 3, per => '7 days');
SELECT set_config('persona.clock', '2026-03-01 12:00+00', false);
SELECT persona.define_moment('thanks', on_event => 'purchase', when_rule => 'new.amount > 1', purpose => 'service',
	channel => 'email', template => 'Hi {{ name }}, enjoy your {{ new.item }}!', generic => 'Thank you.', delay => '1 hour');
SELECT persona.activate('thanks');
SELECT persona.withdraw_consent(i, 'service', 'email', 'bench') FROM generate_series(1, 1000) i;
\o

/* A run catches up each quarter of an hour, which the moved clock would make each time. */
SET persona.catch_up_interval = '20d';

/* The same by hand, with the same columns, keys and room on the pages. */
CREATE TABLE came (LIKE persona_shop.inbox);
CREATE TABLE queue (LIKE persona_shop.schedule INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE decided (LIKE persona_shop.decision INCLUDING ALL);
CREATE TABLE outbox (LIKE persona_shop.message INCLUDING ALL) WITH (fillfactor = 50);

CREATE PROCEDURE pg_temp.start_by_hand() LANGUAGE sql AS $$
	WITH taken AS (DELETE FROM came RETURNING *)
	INSERT INTO queue
	SELECT t.subject, gen_random_uuid(), 'thanks', t.at + interval '1 hour', t.at + interval '1 hour', t.at, t.at, t.event, t.event_key, t.event_key[1], 0
	FROM taken t JOIN customers s ON s.id = t.subject JOIN orders n ON n.id = t.event_key[1]::bigint WHERE n.amount > 1;
$$;
CREATE PROCEDURE pg_temp.decide_by_hand() LANGUAGE sql AS $$
	WITH due AS (
		DELETE FROM queue q USING customers s, orders n
		WHERE q.moment = 'thanks' AND q.due <= persona.now() AND s.id = q.subject AND n.id = q.event_key[1]::bigint
		RETURNING q.*, s.name, s.email, n.item,
			NOT EXISTS (SELECT FROM persona_shop.consent_current c WHERE c.subject = q.subject AND c.decision = 'withdraw'
				AND c.purpose IN ('', 'service') AND c.channel IN ('', 'email'))
			AND NOT EXISTS (SELECT FROM persona_shop.suppression p WHERE p.subject = q.subject AND p.channel IN ('', 'email'))
			AND (SELECT count(*) FROM decided d WHERE d.subject = q.subject AND d.outcome = 'send' AND d.at > persona.now() - interval '7 days') < 3 AS wanted
	), written AS (
		INSERT INTO decided
		SELECT subject, decision, started_at, moment, 1, moment, 'personal', 'email', 'service', persona.now(), due,
			CASE WHEN wanted THEN 'send' ELSE 'skip' END, NULL, false, false, event, event_key, once_key, step, '[]' FROM due
	)
	INSERT INTO outbox (subject, message, decision, moment, variant, channel, purpose, transactional, categories, address, body, state, attempt, created_at, ready_at)
	SELECT subject, decision, decision, moment, 'personal', 'email', 'service', false, '{}', email, format('Hi %s, enjoy your %s!', name, item),
		'ready', 0, persona.now(), persona.now() FROM due WHERE wanted;
$$;

/* Orders of one day, as the trigger sees them and as the queue by hand does. */
CREATE PROCEDURE pg_temp.day(day int, n int) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('persona.clock', timestamptz '2026-03-01 13:00+00' + day * interval '1 day' || '', false);
	INSERT INTO orders SELECT day::bigint * 10000000 + i, 1 + (day * 977 + i) % (SELECT count(*) FROM customers), 'item ' || i % 100, 1 + i % 10, persona.now() - (n - i) * interval '1 millisecond' FROM generate_series(1, n) i;
	INSERT INTO came SELECT * FROM persona_shop.inbox;
	COMMIT;
END
$$;
CREATE PROCEDURE pg_temp.an_hour_later() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('persona.clock', persona.now() + interval '1 hour' || '', false);
END
$$;
CREATE PROCEDURE pg_temp.cost_of(statement text, INOUT cost float8) LANGUAGE plpgsql AS $$
DECLARE
	begun bigint := pg_temp.cpu_ns();
BEGIN
	CASE statement
		WHEN 'run' THEN CALL persona.run();
		WHEN 'start' THEN CALL pg_temp.start_by_hand();
		ELSE CALL pg_temp.decide_by_hand();
	END CASE;
	COMMIT;
	cost := pg_temp.cpu_ns() - begun;
END
$$;
CREATE TEMP TABLE pair (step text, n int, ours float8, peer float8);
CREATE PROCEDURE pg_temp.pairs(days int, n int) LANGUAGE plpgsql AS $$
DECLARE
	ours float8;
	peer float8;
BEGIN
	FOR day IN 0 .. days LOOP
		CALL pg_temp.day(day, n);
		CALL pg_temp.cost_of('run', ours);
		CALL pg_temp.cost_of('start', peer);
		INSERT INTO pair SELECT 'from the inbox to the schedule', n, ours, peer WHERE day > 0;
		CALL pg_temp.an_hour_later();
		CALL pg_temp.cost_of('run', ours);
		CALL pg_temp.cost_of('decide', peer);
		INSERT INTO pair SELECT 'from the schedule to the outbox', n, ours, peer WHERE day > 0;
	END LOOP;
END
$$;
CALL pg_temp.pairs(5, least(:decisions, 100000));
/* A benchmark that compares different work compares nothing. */
DO $$ BEGIN ASSERT (SELECT (count(*), count(*) FILTER (WHERE outcome = 'send')) FROM persona_shop.decision)
	= (SELECT (count(*), count(*) FILTER (WHERE outcome = 'send')) FROM decided), 'both decide the same'; END; $$;
SELECT format('%-42s %s times one statement by hand (%s .. %s); %s against %s ns a row', 'run(), ' || step,
		round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ours / peer)::numeric, 2), round(min(ours / peer)::numeric, 2), round(max(ours / peer)::numeric, 2),
		round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ours / n)), round(percentile_cont(0.5) WITHIN GROUP (ORDER BY peer / n)))
FROM pair GROUP BY step ORDER BY step;

/* All in one go, in a backend of its own; a tenth does not meet the rule. */
CALL pg_temp.day(6, :decisions * 10 / 9);
SELECT persona.now() + interval '1 hour' AS later \gset
CALL persona.run();
CALL pg_temp.an_hour_later();
SET client_min_messages = error;
CALL persona.run();
SELECT count(persona.resume(moment, held => 'send')) AS resumed FROM persona.moment WHERE held_at IS NOT NULL \gset
\c -
SET client_min_messages = error;
SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::int AS before \gset
SELECT set_config('persona.clock', :'later', false) AS clock \gset
CALL persona.run();
SELECT format('%-42s %s decisions in one go; %s MB of memory more at its end', 'run(), a backend of its own',
	(SELECT count(*) FROM persona_shop.decision WHERE at = :'later'),
	round((substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::int - :before) / 1024.0, 1));

/* Twenty rounds of the schedule. */
CREATE TEMP TABLE size (round int, bytes bigint);
CREATE PROCEDURE pg_temp.round(round int) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('persona.clock', timestamptz '2026-03-10 12:00+00' + round * interval '1 day' || '', false);
	INSERT INTO orders SELECT 100000000 + round::bigint * 10000000 + i, i, 'item', 10, persona.now() FROM generate_series(1, 20000) i;
	COMMIT;
	CALL persona.run();
	PERFORM set_config('persona.clock', persona.now() + interval '1 hour' || '', false);
	CALL persona.run();
	INSERT INTO size SELECT round, pg_total_relation_size('persona_shop.schedule') + pg_total_relation_size('persona_shop.inbox');
END
$$;
SELECT unnest(ARRAY[format('CALL pg_temp.round(%s)', i), 'VACUUM persona_shop.schedule, persona_shop.inbox']) FROM generate_series(1, 20) i
\gexec
SELECT format('%-42s %s MB after round 2, %s MB after round 20, of 20,000 rows each', 'the schedule and the inbox',
	round(max(bytes) FILTER (WHERE round = 2) / 1048576.0, 1), round(max(bytes) FILTER (WHERE round = 20) / 1048576.0, 1)) FROM size;
