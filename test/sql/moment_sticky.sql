-- what was seen first stays: a moment assigns what variant() says, before and after weights change
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
SET persona.clock = '2026-05-01 12:00+00';
SET persona.space = 'ms_shop';
CREATE SCHEMA ms;
CREATE TABLE ms.customer (id int PRIMARY KEY, account text, email text);
INSERT INTO ms.customer SELECT i, 'a' || i % 60, 'c' || i || '@example.org' FROM generate_series(1, 600) i;
CREATE TABLE ms.orders (id int PRIMARY KEY, customer_id int REFERENCES ms.customer, at timestamptz);
CREATE INDEX ON ms.orders (customer_id, at);
SELECT count(*) FROM persona.define_space('ms_shop', 'ms.customer');
SELECT count(*) FROM persona.define_event('purchase', 'ms.orders');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
CREATE FUNCTION ms.moment(name text, experiment text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_moment(name, on_event => 'purchase', purpose => 'service', channel => 'email', template => 'P', generic => 'G', hypothesis => 'h', experiment => experiment) $$;
CREATE SEQUENCE ms.ids;
CREATE FUNCTION ms.buy(from_id int, to_id int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ms.orders SELECT nextval('ms.ids'), i, persona.now() FROM generate_series(from_id, to_id) i $$;
-- what variant() foretells of all is what run() decides of those who buy
CREATE TABLE ms.foretold (id int, experiment text, variant text);
CREATE FUNCTION ms.foretell(experiment text) RETURNS void LANGUAGE sql AS $$
	DELETE FROM ms.foretold WHERE experiment = $1;
	INSERT INTO ms.foretold SELECT id, $1, persona.variant(id, $1) FROM ms.customer $$;
CREATE FUNCTION ms.agrees(name text) RETURNS TABLE (decided bigint, as_foretold boolean, variants text) LANGUAGE sql AS $$
	SELECT count(*), bool_and(d.variant = coalesce(f.variant, 'generic') AND d.fallback = (f.variant IS NULL)), string_agg(DISTINCT d.variant, ' ')
	FROM persona_ms_shop.decision d JOIN ms.foretold f ON f.id = d.subject AND f.experiment = d.experiment
	WHERE d.moment = name AND d.at = persona.now() $$;

-- a moment's own weights
SELECT ms.moment('own');
SELECT count(*) FILTER (WHERE level = 'block') FROM persona.activate('own');
SELECT ms.buy(1, 200), ms.foretell('own');
CALL persona.run();
SELECT * FROM ms.agrees('own');
CREATE TABLE ms.first AS SELECT subject, variant FROM persona_ms_shop.exposure WHERE experiment = 'own';
SET persona.clock = '2026-05-02 12:00+00';
SELECT count(*) > 0 AS defined FROM persona.define_variant('own', 'personal', weight => 9);
SELECT ms.buy(1, 400), ms.foretell('own');
CALL persona.run();
SELECT * FROM ms.agrees('own');
-- those of before keep theirs, in equal shares; those who are new get the new shares
SELECT bool_and(d.variant = f.variant) AS first_stays, abs(avg((d.variant = 'personal')::int) - 0.5) < 0.12 AS halves FROM persona_ms_shop.decision d JOIN ms.first f USING (subject) WHERE d.moment = 'own' AND d.at = persona.now();
SELECT avg((d.variant = 'personal')::int) BETWEEN 0.82 AND 0.97 AS nine_in_ten FROM persona_ms_shop.decision d WHERE d.moment = 'own' AND d.at = persona.now() AND subject > 200;
SELECT count(*) = count(DISTINCT subject) AS nobody_saw_two FROM persona_ms_shop.exposure WHERE experiment = 'own';
-- whoever asks gets the same answer
SELECT bool_and(persona.variant(x.subject, 'own') = x.variant AND (SELECT saw->>'variant' FROM persona.why_not(x.subject, 'own') WHERE gate = 'variant') = x.variant
	AND (SELECT s.variant FROM persona.simulate(x.subject, 'own') s) = x.variant) AS alike FROM persona_ms_shop.exposure x WHERE x.experiment = 'own' AND x.subject % 10 = 0;
-- a variant that has no weight any more does not stay
SELECT count(*) > 0 AS defined FROM persona.define_variant('own', 'generic', weight => 0);
SET persona.clock = '2026-05-03 12:00+00';
SELECT ms.buy(1, 400), ms.foretell('own');
CALL persona.run();
SELECT * FROM ms.agrees('own');
-- back with a weight, it is again what they saw first
SELECT count(*) > 0 AS defined FROM persona.define_variant('own', 'generic');
SET persona.clock = '2026-05-04 12:00+00';
SELECT ms.buy(1, 200), ms.foretell('own');
CALL persona.run();
SELECT * FROM ms.agrees('own');
SELECT bool_and(d.variant = f.variant) AS first_again FROM persona_ms_shop.decision d JOIN ms.first f USING (subject) WHERE d.moment = 'own' AND d.at = persona.now();
-- nor does the loser of a test: the winner alone
SET persona.clock = '2026-05-05 12:00+00';
SELECT code FROM persona.promote('own', 'personal');
SELECT ms.buy(1, 400), ms.foretell('own');
CALL persona.run();
SELECT * FROM ms.agrees('own');
SELECT persona.pause('own');

-- a defined experiment, seen first on a web page; half of them take part
SELECT count(*) FROM persona.define_experiment('page', '{generic,personal}', '{0.5,0.5}', coverage => 0.5, exclusion_group => 'shared');
SELECT ms.moment('mail', 'page');
SELECT count(*) FILTER (WHERE level = 'block') FROM persona.activate('mail');
SELECT count(persona.expose(id, 'page')) > 60 AS some_saw_it FROM ms.customer WHERE id <= 200;
SELECT level, code FROM persona.define_experiment('page', '{generic,personal}', '{0.1,0.9}', coverage => 0.2, exclusion_group => 'shared');
SET persona.clock = '2026-05-06 12:00+00';
SELECT ms.buy(1, 400), ms.foretell('page');
CALL persona.run();
SELECT * FROM ms.agrees('mail');
SELECT bool_and(d.variant = x.variant AND NOT d.fallback) AS as_on_the_page FROM persona_ms_shop.decision d JOIN persona_ms_shop.exposure x ON x.subject = d.subject AND x.experiment = d.experiment AND x.decision IS NULL WHERE d.moment = 'mail';
-- promoted, everybody gets the winner, who took no part and who saw the other alike; its place is free
SELECT code FROM persona.promote('page', 'personal');
SELECT coverage, exclusion_group, part, weights FROM persona.experiment WHERE space = 'ms_shop' AND experiment = 'page';
SET persona.clock = '2026-05-07 12:00+00';
SELECT ms.buy(1, 400), ms.foretell('page');
CALL persona.run();
SELECT * FROM ms.agrees('mail');
-- the holdout comes first, whatever was seen before, and its policies are those of the moment
SELECT count(*) FROM persona.define_policy(channel => 'email', holdout => 0.2);
SET persona.clock = '2026-05-07 13:00+00';
SELECT ms.buy(1, 400), ms.foretell('page');
CALL persona.run();
SELECT * FROM ms.agrees('mail');
SELECT bool_and((variant = 'holdout') = (persona.bucket(id, 'ms_shop.holdout') < 0.2)) AS held_out FROM ms.foretold WHERE experiment = 'page';
SELECT count(*) FROM persona.define_policy(channel => 'email');
SELECT persona.pause('mail');

-- by account: what one of it saw first is what all of it see, new ones too, and on whichever way
SELECT count(*) FROM persona.define_experiment('team', '{generic,personal}', '{0.5,0.5}', unit => 'account');
SELECT ms.moment('team_mail', 'team');
SELECT count(*) FILTER (WHERE level = 'block') FROM persona.activate('team_mail');
SET persona.clock = '2026-05-08 12:00+00';
SELECT ms.buy(1, 20), ms.foretell('team');
CALL persona.run();
SELECT count(persona.expose(id, 'team')) AS on_a_page FROM ms.customer WHERE id BETWEEN 21 AND 30;
SELECT bool_and(x.unit = c.account) AS noted FROM persona_ms_shop.exposure x JOIN ms.customer c ON c.id = x.subject WHERE x.experiment = 'team';
SELECT count(*) FROM persona.define_experiment('team', '{generic,personal}', '{0.01,0.99}', unit => 'account');
SET persona.clock = '2026-05-09 12:00+00';
SELECT ms.buy(1, 600), ms.foretell('team');
CALL persona.run();
SELECT * FROM ms.agrees('team_mail');
SELECT count(DISTINCT (c.account, x.variant)) = 60 AND count(*) = 600 AS one_an_account, count(*) FILTER (WHERE x.variant = 'generic') > 100 AS not_the_new_shares
FROM persona_ms_shop.exposure x JOIN ms.customer c ON c.id = x.subject WHERE x.experiment = 'team';
-- who changes the account keeps what she saw herself
SELECT x.variant AS saw, persona.variant(1, 'team') = x.variant AS keeps FROM persona_ms_shop.exposure x WHERE x.experiment = 'team' AND x.subject = 1 \gset
UPDATE ms.customer SET account = (SELECT max(c.account) FROM persona_ms_shop.exposure x JOIN ms.customer c ON c.id = x.subject WHERE x.experiment = 'team' AND x.variant <> :'saw') WHERE id = 1;
UPDATE persona_ms_shop.exposure SET at = '2026-05-01' WHERE experiment = 'team' AND subject = 1;
SELECT persona.variant(1, 'team') = :'saw' AS keeps;
SELECT persona.pause('team_mail');

-- one person, first anonymous and then known: the same variant, also after the weights changed, and counted once
ALTER TABLE ms.customer ADD visitor int;
SELECT count(*) FROM persona.define_experiment('site', '{generic,personal}', '{0.5,0.5}', unit => 'coalesce(visitor, id)');
SELECT min(id) AS anonymous FROM ms.customer WHERE persona.variant(id, 'site') = 'generic' \gset
SELECT max(id) AS known FROM ms.customer WHERE persona.variant(id, 'site') = 'personal' \gset
SELECT persona.expose(:anonymous, 'site');
SELECT count(*) FROM persona.define_experiment('site', '{generic,personal}', '{0.01,0.99}', unit => 'coalesce(visitor, id)');
UPDATE ms.customer SET visitor = :anonymous WHERE id = :known;
SELECT persona.variant(:known, 'site') AS as_before_she_was_known, persona.expose(:known, 'site') AS shown;
SELECT n, message FROM persona.results('site') WHERE goal IS NULL;
-- who saw another one before the two were known to be one keeps the first, is left out and counted
SELECT min(id) AS other FROM ms.customer WHERE persona.variant(id, 'site') = 'personal' AND id <> :known \gset
SET persona.clock = '2026-05-10 12:00+00';
SELECT persona.expose(:other, 'site');
UPDATE ms.customer SET visitor = :anonymous WHERE id = :other;
SELECT persona.variant(:other, 'site') AS first_stays;
SELECT n, verdict FROM persona.results('site') WHERE goal IS NULL;

-- timing: due by the variant that was seen first, and by what the weights become
SELECT count(*) FROM persona.define_moment('hour', on_event => 'purchase', variable => 'timing', purpose => 'service', channel => 'email', template => 'x', generic => 'x', delay => '1 hour', hypothesis => 'h', expires => '30 days');
SELECT count(*) FROM persona.define_variant('hour', 'day', delay => '1 day');
SELECT count(*) FILTER (WHERE level = 'block') FROM persona.activate('hour');
SET persona.clock = '2026-06-01 12:00+00';
SELECT ms.buy(1, 100);
CALL persona.run();
SET persona.clock = '2026-06-03 12:00+00';
CALL persona.run();
SELECT count(*), count(DISTINCT variant) FROM persona_ms_shop.exposure WHERE experiment = 'hour';
SELECT count(*) > 0 AS defined FROM persona.define_variant('hour', 'day', delay => '1 day', weight => 1000);
SELECT ms.buy(1, 200);
CALL persona.run(1);
SELECT bool_and(q.due - q.started_at = CASE x.variant WHEN 'day' THEN interval '1 day' ELSE '1 hour' END) AS as_first_seen, count(DISTINCT x.variant) FROM persona_ms_shop.schedule q JOIN persona_ms_shop.exposure x ON x.subject = q.subject AND x.experiment = q.moment;
SELECT bool_and(due - started_at = '1 day') AS the_new_ones_by_weight FROM persona_ms_shop.schedule WHERE subject > 100;
-- an experiment of the moment's name takes its place, and moves what waits
SELECT count(*) FROM persona.define_experiment('hour', '{day,personal}', '{0,1}', control => 'personal');
SELECT bool_and(due - started_at = '1 hour') AS moved FROM persona_ms_shop.schedule;
SELECT count(*) FROM persona.define_experiment('hour', '{day,personal}', '{0.5,0.5}', control => 'personal');
SELECT code FROM persona.promote('hour', 'day');
SELECT bool_and(due - started_at = '1 day') AS by_the_winner FROM persona_ms_shop.schedule;
SET persona.clock = '2026-06-04 12:00+00';
SELECT ms.foretell('hour');
CALL persona.run();
SELECT * FROM ms.agrees('hour');
SELECT persona.pause('hour');

SELECT * FROM persona_ms_shop.alert;
RESET persona.clock;
SELECT persona.drop_space('ms_shop', force => true);
DROP SCHEMA ms CASCADE;
