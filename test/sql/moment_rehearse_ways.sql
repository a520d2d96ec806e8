-- rehearse: every way in and every gate on the way; and that nothing is left, however it ends
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
SET persona.space = 'rw';
CREATE SCHEMA rw;
CREATE TABLE rw.city (id serial PRIMARY KEY, name text);
CREATE TABLE rw.customer (id serial PRIMARY KEY, name text, email text, zone text DEFAULT 'UTC', city int REFERENCES rw.city);
CREATE TABLE rw.orders (id serial PRIMARY KEY, customer int REFERENCES rw.customer, item text, price int, at timestamptz);
CREATE INDEX ON rw.orders (customer, at);
CREATE VIEW rw.big AS SELECT * FROM rw.orders WHERE price >= 100;
INSERT INTO rw.customer (name) SELECT 'n' || i FROM generate_series(1, 20) i;
INSERT INTO rw.orders (customer, item, price, at) SELECT i, 'mug', 200, '2025-12-01' FROM generate_series(1, 20) i;
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('rw', 'rw.customer');
SELECT count(*) FROM persona.define_facet('home', 'rw.city', via => 'city');
SELECT count(*) FROM persona.define_event('purchase', 'rw.orders', fires => 'insert,update');
SELECT count(*) FROM persona.define_event('big', 'rw.big', subject => 'customer', at => 'at', id => 'id', fires => 'poll');
SELECT count(*) FROM persona.define_channel('email', 'coalesce(email, name)', time_zone => 'zone');
SELECT count(*) FROM persona.define_channel('push', 'id::text', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_purpose('held', 'opt_out');
SELECT count(*) FROM persona.define_policy(channel => 'push', quiet => '20:00-08:00');
SELECT count(*) FROM persona.define_policy(purpose => 'held', holdout => 0.5);
SELECT count(*) FROM persona.define_segment('lapsed', $$ago(last(purchase)) > '10 days'$$);
SELECT count(*) FROM persona.define_segment('buyers', 'count(purchase) > 0');
SELECT count(*) FROM persona.define_segment('named', '10 / length(name) >= 0');
CREATE FUNCTION rw.live(moment text, start jsonb, template text DEFAULT '{{ name }}', channel text DEFAULT 'email', purpose text DEFAULT 'service') RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_moment(moment, on_event => start->>'event', on_segment => start->>'segment', schedule => start->>'schedule', local_time => (start->>'time')::time, after_moment => start->>'after',
		once_per => (start->>'once'), restart => coalesce((start->>'restart')::boolean, false), again_after => (start->>'again')::interval, delay => coalesce((start->>'delay')::interval, '0'),
		template => template::persona.template, generic => template::persona.template, tokens => start->'tokens', channel => channel, purpose => purpose, hypothesis => 'h');
	SELECT count(*) FROM persona.activate(moment, override => 'a test') WHERE level = 'block' AND code <> 'x' $$;
SELECT rw.live('live_in', '{"event": "purchase", "tokens": {"town": "home.name"}}', '{{ name }} of {{ town | default: "nowhere" }}');
SELECT rw.live('each_item', '{"event": "purchase", "once": "new.item"}', '{{ new.item }}');
SELECT rw.live('each_month', '{"event": "purchase", "once": "''month''", "again": "30 days"}', '{{ new.item }}');
SELECT rw.live('cart', '{"event": "purchase", "once": "''cart''", "restart": true, "delay": "4 hours"}', '{{ new.item }}');
SELECT rw.live('next_day', '{"after": "each_item", "delay": "1 day"}', 'Still {{ new.item }}?');
SELECT rw.live('day_after', '{"after": "next_day", "delay": "1 day"}', 'Really {{ new.item }}?');
SELECT rw.live('miss_you', '{"segment": "lapsed"}');
SELECT rw.live('welcome', '{"segment": "buyers"}');
SELECT rw.live('named', '{"segment": "named"}');
SELECT rw.live('tips', '{"schedule": "weekdays", "time": "09:30"}');
SELECT rw.live('big_spender', '{"event": "big"}', '{{ new.item }} {{ new.price }}');
SELECT rw.live('ding', '{"event": "purchase"}', '{{ new.item }}', 'push');
SELECT rw.live('half', '{"event": "purchase", "once": "''half''"}', '{{ name }}', 'email', 'held');
RESET persona.clock;

-- what there is of every table, of the shop, of the space and of persona, and every sequence
CREATE FUNCTION rw.contents() RETURNS TABLE (name text, content text) LANGUAGE plpgsql AS $$
BEGIN
	FOR name IN SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace IN ('rw'::regnamespace, 'persona'::regnamespace, 'persona_rw'::regnamespace) AND c.relkind IN ('r', 'S') AND c.relname <> 'before' LOOP
		EXECUTE CASE WHEN name ~ '_seq"?$' THEN format('SELECT concat(last_value, is_called) FROM %s', name)
			ELSE format('SELECT md5(string_agg(concat(t, xmin, ctid), E''\n'' ORDER BY t::text)) || count(*) FROM %s t', name) END INTO content;
		RETURN NEXT;
	END LOOP;
END $$;
CREATE TABLE rw.before AS SELECT * FROM rw.contents();
CREATE VIEW rw.difference AS SELECT name FROM rw.before FULL JOIN rw.contents() c USING (name) WHERE before.content IS DISTINCT FROM c.content;
SELECT array_agg(t ORDER BY t) AS unseen FROM unnest('{inbox,rehearsal,seen,schedule,message,anchor,membership,exposure,consent,contact,calendar,progress}'::text[]) t WHERE NOT EXISTS (SELECT FROM rw.before WHERE name IN ('persona_rw.' || t));

-- a facet's row, and a customer who comes to have it
SELECT at, outcome, body FROM persona.rehearse('{"start": "2026-03-02 09:00+00", "for": "0", "steps": [
	{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "purchase", "row": {"item": "mug"}},
	{"after": "1 hour", "do": "insert", "into": "home", "as": "here", "row": {"id": 7, "name": "Rome"}}, {"do": "update", "row": {"city": 7}}, {"do": "insert", "into": "purchase", "row": {"item": "cup"}},
	{"after": "1 hour", "do": "update", "into": "home", "as": "here", "row": {"name": "Oslo"}}, {"do": "insert", "into": "purchase", "row": {"item": "pot"}},
	{"after": "1 hour", "do": "update", "row": {"city": null}}, {"do": "delete", "into": "home", "as": "here"}, {"do": "insert", "into": "purchase", "row": {"item": "pan"}}]}') WHERE moment = 'live_in';
-- once for each item, at the same instant and later; the same row again
SELECT at, outcome, reason, body FROM persona.rehearse('{"start": "2026-03-02 09:00+00", "for": "0", "steps": [
	{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "purchase", "row": {"item": "mug"}}, {"do": "insert", "into": "purchase", "row": {"item": "mug"}},
	{"after": "1 hour", "do": "insert", "into": "purchase", "row": {"item": "cup"}}, {"after": "1 hour", "do": "update", "into": "purchase", "row": {"price": 5}},
	{"after": "1 day", "do": "insert", "into": "purchase", "row": {"item": "mug"}}]}') WHERE moment = 'each_item';
-- anew after thirty days, counted from the start before
SELECT at, outcome, reason, body FROM persona.rehearse('{"start": "2026-03-02 09:00+00", "for": "0", "every": "1 day", "steps": [
	{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "purchase", "row": {"item": "one"}},
	{"after": "29 days", "do": "insert", "into": "purchase", "row": {"item": "two"}},
	{"after": "2 days", "do": "insert", "into": "purchase", "row": {"item": "three"}}]}') WHERE moment = 'each_month';
-- three things in a cart; one that comes late, of before, moves nothing
SELECT at, outcome, reason, body, due FROM persona.rehearse('{"start": "2026-03-02 09:00+00", "for": "5 hours", "steps": [
	{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "purchase", "row": {"item": "mug"}},
	{"after": "1 hour", "do": "insert", "into": "purchase", "row": {"item": "cup"}}, {"after": "1 hour", "do": "insert", "into": "purchase", "row": {"item": "pot"}},
	{"after": "1 minute", "do": "insert", "into": "purchase", "row": {"item": "old", "at": "2026-03-02 09:30+00"}}]}') WHERE moment = 'cart';
-- a chain of three, which stops where its first message could not go
SELECT at, moment, outcome, reason, body, due FROM persona.rehearse('{"start": "2026-03-02 09:00+00", "for": "30 hours", "every": "1 day", "steps": [
	{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "purchase", "row": {"item": "mug"}},
	{"do": "insert", "subject": "mute", "row": {"name": ""}}, {"do": "insert", "into": "purchase", "row": {"item": "cup"}}]}') WHERE moment IN ('each_item', 'next_day', 'day_after');
-- a segment entered by an event, at once; by nothing but time, at the next look; left, and entered again
SELECT at, moment, outcome, reason FROM persona.rehearse('{"start": "2026-03-02 09:10+00", "for": "11 days", "every": "6 hours", "steps": [
	{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"after": "1 hour", "do": "insert", "into": "purchase", "row": {"item": "mug"}},
	{"after": "12 days", "do": "insert", "into": "purchase", "row": {"item": "cup"}}]}') WHERE moment IN ('welcome', 'miss_you');
-- a segment whose rule fails for one is left as it was for all, until his name is there
SELECT at, subject, outcome FROM persona.rehearse('{"start": "2026-03-02 09:10+00", "for": "1 hour", "steps": [
	{"do": "insert", "subject": "mute", "row": {"name": "", "email": "m@example.org"}}, {"do": "insert", "subject": "ann", "row": {"name": "Ann"}},
	{"after": "1 hour", "do": "update", "subject": "mute", "row": {"name": "M"}}]}') WHERE moment = 'named';
-- a schedule on two clocks, from Friday to Monday
SELECT at, subject, outcome FROM persona.rehearse('{"start": "2026-03-06 12:00+00", "for": "3 days", "steps": [
	{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "subject": "bob", "row": {"name": "Bob", "zone": "America/New_York"}}]}') WHERE moment = 'tips';
-- what is polled: once for each row, whichever way it came, and for nobody's but the script's
SELECT at, subject, outcome, reason, body FROM persona.rehearse('{"start": "2026-03-02 09:00+00", "for": "0", "steps": [
	{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "purchase", "row": {"item": "dear", "price": 100}}, {"do": "insert", "into": "purchase", "row": {"item": "cheap", "price": 99}},
	{"after": "1 hour", "do": "update", "into": "purchase", "row": {"price": 300}},
	{"after": "1 hour", "do": "insert", "into": "purchase", "row": {"item": "old", "price": 100, "at": "2025-12-01"}}]}') WHERE moment = 'big_spender';
SELECT persona.rehearse('[{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "big", "row": {"item": "view", "price": 300}}]');
-- quiet hours put off, each by its own clock
SELECT at, subject, outcome, due FROM persona.rehearse('{"start": "2026-03-02 21:00+00", "for": "12 hours", "every": "1 day", "steps": [
	{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "purchase", "row": {"item": "mug"}},
	{"do": "insert", "subject": "tom", "row": {"name": "Tom", "zone": "Asia/Tokyo"}}, {"do": "insert", "into": "purchase", "row": {"item": "mug"}},
	{"do": "insert", "subject": "joe", "row": {"name": "Joe", "zone": "America/New_York"}}, {"do": "insert", "into": "purchase", "row": {"item": "mug"}}]}') WHERE moment = 'ding';
-- held out is who the space holds out
SELECT count(*) AS n, count(DISTINCT outcome) AS outcomes, bool_and((outcome = 'holdout') = (persona.bucket(substr(subject, 2)::int, 'rw.holdout') < 0.5)) AS as_foretold, bool_and((body IS NULL) = (outcome = 'holdout')) AS nothing_to_send
FROM persona.rehearse((SELECT jsonb_build_object('start', '2026-03-02 09:00+00', 'for', '0', 'steps', jsonb_agg(x ORDER BY i, n)) FROM generate_series(1001, 1030) i,
	LATERAL (VALUES (1, jsonb_build_object('do', 'insert', 'subject', 's' || i, 'row', jsonb_build_object('id', i, 'name', 'N' || i))), (2, '{"do": "insert", "into": "purchase", "row": {"item": "mug"}}')) s(n, x))) WHERE moment = 'half';
-- a trigger of the shop's own tells of somebody else in the script
CREATE FUNCTION rw.thank_friend() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.item = 'gift' THEN INSERT INTO rw.orders (id, customer, item, price, at) SELECT NEW.id + 1000 * row_number() OVER (), c.id, 'bonus', 1, NEW.at FROM rw.customer c WHERE c.name = 'Friend' OR c.id = 1; END IF; RETURN NULL; END $$;
CREATE TRIGGER thank_friend AFTER INSERT ON rw.orders FOR EACH ROW EXECUTE FUNCTION rw.thank_friend();
SET client_min_messages = error;
SELECT at, subject, outcome, body FROM persona.rehearse('{"start": "2026-03-02 09:00+00", "for": "0", "foreign_triggers": true, "steps": [
	{"do": "insert", "subject": "friend", "row": {"name": "Friend"}}, {"do": "insert", "subject": "ann", "row": {"name": "Ann"}},
	{"after": "1 hour", "do": "insert", "into": "purchase", "row": {"item": "gift"}}]}') WHERE moment = 'each_item';
SET client_min_messages = warning;
DROP TRIGGER thank_friend ON rw.orders;
SELECT name AS touched FROM rw.difference;

-- a key that nothing fills in but the script or persona; what is neither is asked for
CREATE TABLE rw.visit (no bigint PRIMARY KEY, customer int REFERENCES rw.customer, page text, at timestamptz);
CREATE INDEX ON rw.visit (customer, at);
SELECT count(*) FROM persona.define_event('visit', 'rw.visit');
SELECT count(*) AS sent FROM persona.rehearse('[{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "visit", "row": {"page": "a"}}, {"do": "insert", "into": "visit", "row": {"page": "b"}}, {"do": "insert", "into": "visit", "row": {"no": 5}}, {"do": "insert", "into": "purchase", "row": {"item": "mug"}}]') WHERE moment = 'each_item';
ALTER TABLE rw.visit ALTER no TYPE text;
\set VERBOSITY terse
SELECT persona.rehearse('[{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "visit"}]');
\set VERBOSITY default
SELECT persona.drop_definition('event', 'visit');
DROP TABLE rw.visit;
-- an error tells where the shop's own triggers were, and not how persona came there
CREATE FUNCTION rw.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no mugs today'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON rw.customer FOR EACH ROW EXECUTE FUNCTION rw.refuse();
\set SHOW_CONTEXT errors
SELECT persona.rehearse('{"foreign_triggers": true, "steps": [{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "update", "row": {"name": "Bea"}}]}');
SELECT persona.rehearse('[{"do": "insert", "subject": "ann", "row": {"nmae": "Ann"}}]');
\set SHOW_CONTEXT never
DROP TRIGGER refuse ON rw.customer;
TRUNCATE rw.before;
INSERT INTO rw.before SELECT * FROM rw.contents();

-- however it ends: an error half-way, one that is caught, a cancel, a savepoint, a transaction of somebody's own
\set good '{"start": "2027-03-02 09:00+00", "for": "10 days", "every": "1 hour", "steps": [{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "grant", "purpose": "held"}, {"do": "prefer", "category": "user", "allowed": true}, {"do": "insert", "into": "purchase", "row": {"item": "mug", "price": 500}}, {"do": "suppress", "channel": "email"}, {"do": "wait", "after": "3 days"}, {"do": "unsuppress", "channel": "email"}]}'
\set bad '{"start": "2027-03-02 09:00+00", "every": "1 hour", "steps": [{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "grant", "purpose": "held"}, {"do": "insert", "into": "purchase", "row": {"item": "mug", "price": 500}}, {"do": "wait", "after": "20 days"}, {"do": "insert", "into": "purchase", "row": {"price": "dear"}}]}'
SELECT persona.rehearse(:'bad');
CREATE FUNCTION rw.try(script jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(*) > 5 FROM persona.rehearse(script));
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' ', SQLSTATE, SQLERRM, (SELECT count(*) FROM persona.rehearse('[{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}, {"do": "insert", "into": "purchase"}]') WHERE outcome = 'send') > 3);
END $$;
SELECT rw.try(:'good'), rw.try(:'bad'), rw.try(:'good');
SELECT name AS touched FROM rw.difference;
SET statement_timeout = '150ms';
SELECT count(*) FROM persona.rehearse(jsonb_set(:'good', '{for}', '"400 days"'));
SELECT rw.try(jsonb_set(:'good', '{for}', '"400 days"'));
RESET statement_timeout;
SELECT name AS touched FROM rw.difference;
BEGIN;
INSERT INTO rw.orders (id, customer, item, price, at) VALUES (5000, 1, 'real', 1, '2026-03-02 09:00+00');
SAVEPOINT a;
SELECT count(*) > 5 AS rehearsed FROM persona.rehearse(:'good');
SELECT persona.rehearse(:'bad');
ROLLBACK TO a;
SELECT count(*) > 5 AS rehearsed FROM persona.rehearse(:'good');
RELEASE a;
SELECT rw.try(:'bad');
-- what the transaction itself did is there, and is not rehearsed
SELECT subject, event FROM persona_rw.inbox;
SELECT name AS touched FROM rw.difference ORDER BY 1;
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) > 5 AS rehearsed FROM persona.rehearse(:'good');
COMMIT;
BEGIN READ ONLY;
SELECT count(*) > 5 AS rehearsed FROM persona.rehearse(:'good');
COMMIT;
SELECT name AS touched FROM rw.difference;
-- after it a run is a run, with everybody's inbox
SET persona.clock = '2026-03-02 09:00+00';
INSERT INTO rw.orders (customer, item, price, at) VALUES (1, 'real', 1, '2026-03-02 09:00+00');
CALL persona.run();
SELECT moment, body FROM persona_rw.message WHERE moment IN ('live_in', 'each_item') ORDER BY 1;
SELECT count(*) AS rehearsed FROM persona_rw.rehearsal;
RESET persona.clock;
SELECT persona.drop_space('rw', force => true);
DROP SCHEMA rw CASCADE;
