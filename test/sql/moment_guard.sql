-- the guard: what is held, why, and that nothing else is
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET IntervalStyle = postgres;
CREATE SCHEMA mu;
CREATE TABLE mu.customer (id int PRIMARY KEY, email text, divisor int DEFAULT 1);
CREATE TABLE mu.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id int REFERENCES mu.customer, kind text, at timestamptz);
CREATE TABLE mu.ticket (LIKE mu.orders INCLUDING ALL);
CREATE INDEX ON mu.orders (customer_id, at);
CREATE INDEX ON mu.ticket (customer_id, at);
INSERT INTO mu.customer SELECT i, 'c' || i || '@example.org' FROM generate_series(1, 10000) i;
SET persona.clock = '2026-03-02 12:00+00';
SELECT count(*) FROM persona.define_space('mu', 'mu.customer');
SET persona.space = 'mu';
SELECT count(*) FROM persona.define_event('purchase', 'mu.orders', subject => 'customer_id', at => 'at');
SELECT count(*) FROM persona.define_event('ticket', 'mu.ticket', subject => 'customer_id', at => 'at');
SELECT count(*) FROM persona.define_channel('mu_mail', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
CREATE FUNCTION mu.moment(name text, kind text, event text DEFAULT 'purchase', priority int DEFAULT 0, rule text DEFAULT 'true') RETURNS void LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_moment(name, on_event => event, when_rule => format('new.kind = %L AND (%s)', kind, rule)::persona.rule,
		purpose => 'service', channel => 'mu_mail', template => 'a', generic => 'b', priority => priority, hypothesis => 'h');
	SELECT count(*) FROM persona.activate(name);
$$;
CREATE FUNCTION mu.buy(kind text, n int, first int DEFAULT 1) RETURNS void LANGUAGE sql AS $$
	INSERT INTO mu.orders (customer_id, kind, at) SELECT i, kind, persona.now() FROM generate_series(first, first + n - 1) i
$$;
CREATE VIEW mu.seen AS SELECT moment, count(*) AS decided, (SELECT held_at IS NOT NULL FROM persona.moment m WHERE m.space = 'mu' AND m.moment = d.moment) AS held
FROM persona_mu.decision d GROUP BY 1;

-- a young moment may take a tenth of the subjects at once, and not one more; the others go on
SELECT mu.moment('tenth', 'tenth'), mu.moment('flood', 'flood'), mu.moment('other', 'other');
SELECT mu.buy('tenth', 1000), mu.buy('flood', 1001), mu.buy('other', 10);
CALL persona.run();
SELECT * FROM mu.seen ORDER BY 1;
SELECT moment, held_at IS NOT NULL AS held FROM persona.moment WHERE space = 'mu' ORDER BY 1;
SELECT place, thing, state, n FROM persona_mu.alert;
-- in several portions it is as much: the hour counts
SELECT mu.buy('tenth', 1);
CALL persona.run();
-- sent or dropped as somebody says; what was let go is no reason to hold it again
SELECT persona.resume('tenth', held => 'drop') AS dropped, persona.resume('flood', held => 'send') AS dropped_none;
CALL persona.run();
SELECT * FROM mu.seen ORDER BY 1;
SELECT mu.buy('flood', 100);
CALL persona.run();
SELECT * FROM mu.seen WHERE moment = 'flood';

-- a moment with a past is measured by it: 50 a day for 20 days, so at most 150
SELECT mu.moment('steady', 'steady');
CREATE PROCEDURE mu.days(n int) LANGUAGE plpgsql AS $$
BEGIN
	FOR day IN 1 .. n LOOP
		PERFORM set_config('persona.clock', '2026-03-02 12:00+00'::timestamptz + day * interval '1 day' || '', false);
		PERFORM mu.buy('steady', 50);
		COMMIT;
		CALL persona.run();
	END LOOP;
END
$$;
CALL mu.days(20);
SELECT * FROM mu.seen WHERE moment = 'steady';
SET persona.clock = '2026-03-23 12:00+00';
SELECT mu.buy('steady', 150);
CALL persona.run();
SELECT * FROM mu.seen WHERE moment = 'steady';
SET persona.clock = '2026-03-24 12:00+00';
SELECT mu.buy('steady', 151);
CALL persona.run();
SELECT * FROM mu.seen WHERE moment = 'steady';
SELECT persona.resume('steady') AS dropped;

-- max_per_hour, of the policy that is strictest, over all moments in its scope
SELECT mu.moment('hourly', 'hourly', priority => 2), mu.moment('hourly_too', 'hourly_too', priority => 1);
SELECT count(*) FROM persona.define_policy(channel => 'mu_mail', max_per_hour => 30);
SELECT mu.buy('hourly', 20);
CALL persona.run();
SELECT mu.buy('hourly_too', 10);
CALL persona.run();
SELECT mu.buy('hourly_too', 1);
CALL persona.run();
SELECT * FROM mu.seen WHERE moment ~ 'hourly' ORDER BY 1;
SELECT count(*) FROM persona.define_policy(channel => 'mu_mail');
SELECT persona.resume('hourly_too', held => 'send') AS dropped;
CALL persona.run();
SELECT * FROM mu.seen WHERE moment ~ 'hourly' ORDER BY 1;

-- a loop: each message inserts the order that starts it again
SELECT count(persona.pause(moment)) FROM persona.moment WHERE space = 'mu' AND state = 'live';
SELECT mu.moment('echo', 'echo'), mu.moment('calm', 'calm');
CREATE FUNCTION mu.order_again() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	INSERT INTO mu.orders (customer_id, kind, at) VALUES (NEW.subject, 'echo', persona.now());
	RETURN NULL;
END
$$;
CREATE TRIGGER again AFTER INSERT ON persona_mu.message FOR EACH ROW WHEN (NEW.moment = 'echo') EXECUTE FUNCTION mu.order_again();
SELECT mu.buy('echo', 3);
CREATE PROCEDURE mu.runs(n int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		PERFORM mu.buy('calm', 1, i);
		COMMIT;
		CALL persona.run();
	END LOOP;
END
$$;
CALL mu.runs(14);
SELECT * FROM mu.seen WHERE moment IN ('echo', 'calm') ORDER BY 1;
SELECT place, thing, state, n FROM persona_mu.alert WHERE state = 'loop';
DROP TRIGGER again ON persona_mu.message;
SELECT persona.resume('echo') AS dropped;
-- of two moments that start each other one is held, and named with the other
SELECT mu.moment('ping', 'echo', 'ticket'), mu.moment('pong', 'pong');
CREATE FUNCTION mu.answer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF NEW.moment = 'ping' THEN
		INSERT INTO mu.orders (customer_id, kind, at) VALUES (NEW.subject, 'pong', persona.now());
	ELSE
		INSERT INTO mu.ticket (customer_id, kind, at) VALUES (NEW.subject, 'echo', persona.now());
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER again AFTER INSERT ON persona_mu.message FOR EACH ROW WHEN (NEW.moment IN ('ping', 'pong')) EXECUTE FUNCTION mu.answer();
SELECT mu.buy('pong', 1);
CALL mu.runs(25);
SELECT max(decided) < 12 AS soon, count(*) FILTER (WHERE held) AS held FROM mu.seen WHERE moment IN ('ping', 'pong');
SELECT thing IN ('ping -> purchase -> pong', 'pong -> ticket -> ping') AS names_the_pair FROM persona_mu.alert WHERE state = 'loop' AND thing !~ 'echo';
DROP TRIGGER again ON persona_mu.message;
SELECT persona.resume(moment) >= 0 AS resumed FROM persona.moment WHERE space = 'mu' AND held_at IS NOT NULL;
-- who really buys so often, and gets a message each time, is no loop
SELECT mu.moment('keen', 'keen');
CREATE PROCEDURE mu.keen(n int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		PERFORM set_config('persona.clock', '2026-04-01 06:00+00'::timestamptz + i * interval '30 minutes' || '', false);
		PERFORM mu.buy('keen', 1);
		COMMIT;
		CALL persona.run();
	END LOOP;
END
$$;
CALL mu.keen(20);
SELECT * FROM mu.seen WHERE moment = 'keen';

-- 10,000 rows, 7 of them poisoned: 9,993 are sent, the seven say why
SET persona.clock = '2026-04-02 12:00+00';
SELECT mu.moment('poison', 'poison', rule => '10 / divisor > 5');
SELECT mu.buy('poison', 10000);
CALL persona.run();
SELECT persona.resume('poison', held => 'send') AS dropped;
UPDATE mu.customer SET divisor = 0 WHERE id IN (1, 777, 2000, 2001, 5000, 9999, 10000);
CALL persona.run();
SELECT outcome, reason, count(*) FROM persona_mu.decision WHERE moment = 'poison' GROUP BY 1, 2 ORDER BY 1;
SELECT count(e.saw->>'sqlstate') AS with_sqlstate FROM (SELECT decision FROM persona_mu.decision WHERE moment = 'poison' AND outcome <> 'send') d, persona.explain_decision(d.decision) e WHERE gate = 'entry';
SELECT place, thing, state, n FROM persona_mu.alert WHERE thing = 'poison';
-- also where the writing fails, as here by somebody's trigger
CREATE FUNCTION mu.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.subject = 33 THEN RAISE 'not this one: %', NEW.address; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON persona_mu.message FOR EACH ROW EXECUTE FUNCTION mu.refuse();
UPDATE mu.customer SET divisor = 1;
SELECT mu.moment('write', 'write');
SELECT mu.buy('write', 100);
CALL persona.run();
SELECT outcome, reason, count(*) FROM persona_mu.decision WHERE moment = 'write' GROUP BY 1, 2 ORDER BY 1;
DROP TRIGGER refuse ON persona_mu.message;
SELECT count(*) AS not_in_the_outbox FROM persona_mu.decision d WHERE outcome = 'send' AND NOT EXISTS (SELECT FROM persona_mu.message m WHERE m.message = d.decision);
-- a row that cannot even be refused comes again in an hour and holds up nobody
CREATE TRIGGER refuse BEFORE INSERT ON persona_mu.message FOR EACH ROW EXECUTE FUNCTION mu.refuse();
ALTER TABLE persona_mu.decision ADD CONSTRAINT not_34 CHECK (subject <> 34 OR started_at < '2026-04-02 13:00+00');
SET persona.clock = '2026-04-02 13:30+00';
SELECT mu.buy('write', 100);
CALL persona.run();
SELECT subject, due - persona.now() AS later FROM persona_mu.schedule;
SELECT outcome, reason, count(*) FROM persona_mu.decision WHERE moment = 'write' AND at = persona.now() GROUP BY 1, 2 ORDER BY 1;
CALL persona.run();
SELECT count(*) AS does_not_spin FROM persona_mu.schedule;
ALTER TABLE persona_mu.decision DROP CONSTRAINT not_34;
SET persona.clock = '2026-04-02 14:30+00';
CALL persona.run();
SELECT count(*) FILTER (WHERE subject = 34 AND outcome = 'send') AS sent_in_the_end FROM persona_mu.decision WHERE moment = 'write' AND at = persona.now();
DROP TRIGGER refuse ON persona_mu.message;
-- where row after row fails the moment is held
SELECT mu.moment('broken', 'broken', rule => '10 / divisor > 5');
SELECT mu.buy('broken', 99);
CALL persona.run();
UPDATE mu.customer SET divisor = 0;
SET persona.clock = '2026-04-03 12:00+00';
SELECT count(*) FROM persona.define_moment('broken', on_event => 'purchase', when_rule => 'new.kind = ''broken''', cancel_rule => '10 / divisor > 100', purpose => 'service', channel => 'mu_mail', template => 'a', generic => 'b');
SELECT mu.buy('broken', 99);
CALL persona.run();
SELECT * FROM mu.seen WHERE moment = 'broken';
SELECT mu.buy('broken', 1);
CALL persona.run();
SELECT * FROM mu.seen WHERE moment = 'broken';
SELECT place, thing, state, n FROM persona_mu.alert WHERE state = 'errors';
UPDATE mu.customer SET divisor = 1;

SELECT count(persona.pause(moment)) FROM persona.moment WHERE space = 'mu' AND state = 'live';
-- fair: a flood in one moment starves neither another moment nor the inbox, however few batches a call may do
SET persona.clock = '2026-04-04 12:00+00';
SELECT mu.moment('wave', 'wave', priority => 9), mu.moment('drop', 'drop');
SELECT mu.buy('wave', 6000);
CALL persona.run();
SELECT persona.resume('wave', held => 'send') AS dropped;
SELECT mu.buy('drop', 3);
CREATE PROCEDURE mu.few(n int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		CALL persona.run(5);
	END LOOP;
END
$$;
CALL mu.few(1);
SELECT moment, CASE moment WHEN 'wave' THEN decided < 6000 ELSE decided = 3 END AS fair FROM mu.seen WHERE moment IN ('wave', 'drop') ORDER BY 1;
CALL persona.run();
SELECT * FROM mu.seen WHERE moment IN ('wave', 'drop') ORDER BY 1;
-- a run that is cut short leaves whole batches: a message for each decision that sends
SELECT mu.moment('short', 'short');
SELECT mu.buy('short', 4000);
CALL persona.run();
SELECT persona.resume('short', held => 'send') AS dropped;
SET statement_timeout = '150ms';
\set VERBOSITY sqlstate
CALL persona.run();
\set VERBOSITY default
RESET statement_timeout;
SELECT (SELECT count(*) FROM persona_mu.decision WHERE moment = 'short') + (SELECT count(*) FROM persona_mu.schedule WHERE moment = 'short') AS all_there,
	(SELECT count(*) FROM persona_mu.decision d WHERE moment = 'short' AND NOT EXISTS (SELECT FROM persona_mu.message m WHERE m.message = d.decision)) AS without_message;
CALL persona.run();
SELECT count(*), count(DISTINCT once_key) FROM persona_mu.decision WHERE moment = 'short';
RESET persona.clock;
RESET persona.space;
SELECT persona.drop_space('mu', force => true);
DROP SCHEMA mu CASCADE;
