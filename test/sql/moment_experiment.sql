-- a moment by an experiment: its weights, seed, coverage, group and unit
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET persona.space = 'mx_shop';
CREATE SCHEMA mx;
CREATE TABLE mx.customer (id int PRIMARY KEY, account text, email text, odd text);
INSERT INTO mx.customer SELECT i, 'a' || i % 40, 'c' || i || '@example.org', '1' FROM generate_series(1, 400) i;
CREATE TABLE mx.orders (id int PRIMARY KEY, customer_id int REFERENCES mx.customer, at timestamptz);
CREATE INDEX ON mx.orders (customer_id, at);
SELECT count(*) FROM persona.define_space('mx_shop', 'mx.customer');
SELECT count(*) FROM persona.define_event('purchase', 'mx.orders');
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => '''UTC''');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_experiment('tone', '{generic,warm,personal}', '{0.2,0.5,0.3}', coverage => 0.5, exclusion_group => 'mail', unit => 'account');
-- an experiment that is not there, and one with a variant that the moment lacks
SELECT persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'P', generic => 'G', experiment => 'tnoe');
SELECT level, code FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'P', generic => 'G', hypothesis => 'h', experiment => 'tone') WHERE level = 'block';
SELECT persona.activate('thanks');
SELECT count(*) FILTER (WHERE level = 'block') AS blocking FROM persona.define_variant('thanks', 'warm', template => 'W');
SELECT count(*) FILTER (WHERE level = 'block') AS blocking FROM persona.activate('thanks');
SELECT persona.drop_definition('experiment', 'tone');
-- what is decided is what the experiment assigns, and what variant() says
INSERT INTO mx.orders SELECT i, i, now() FROM generate_series(1, 400) i;
CREATE TEMP TABLE foretold AS SELECT id, persona.variant(id, 'tone') AS variant FROM mx.customer;
CALL persona.run();
SELECT count(*) AS decided, bool_and(d.variant = coalesce(f.variant, 'generic')) AS as_assigned, bool_and(d.fallback = (f.variant IS NULL)) AS others_get_the_twin,
	bool_and(d.experiment = 'tone') AS under_its_name, count(DISTINCT d.variant) = 3 AS all_variants
FROM persona_mx_shop.decision d JOIN foretold f ON f.id = d.subject;
SELECT bool_and(m.body = CASE d.variant WHEN 'generic' THEN 'G' WHEN 'warm' THEN 'W' ELSE 'P' END) AS texts FROM persona_mx_shop.decision d JOIN persona_mx_shop.message m USING (subject, decision);
SELECT count(DISTINCT (account, variant)) = count(DISTINCT account) AS one_an_account FROM persona_mx_shop.decision d JOIN mx.customer c ON c.id = d.subject;
-- exposures are kept under its name, and of those alone who take part
SELECT count(*) = (SELECT count(*) FROM foretold WHERE variant IS NOT NULL) AS exposed, bool_and(x.experiment = 'tone' AND x.variant = f.variant) AS as_assigned
FROM persona_mx_shop.exposure x JOIN foretold f ON f.id = x.subject;
SELECT saw ->> 'experiment' AS experiment FROM persona.explain_decision((SELECT decision FROM persona_mx_shop.decision LIMIT 1)) WHERE gate = 'variant';
SELECT saw ->> 'variant' = coalesce((SELECT variant FROM foretold WHERE id = 1), 'generic') AS foreseen FROM persona.why_not(1, 'thanks') WHERE gate = 'variant';
-- other weights at once
SELECT count(*) FROM persona.define_experiment('tone', '{generic,warm,personal}', '{0,0,1}', coverage => 0.5, exclusion_group => 'mail', unit => 'account');
INSERT INTO mx.orders SELECT 1000 + i, i, now() FROM generate_series(1, 400) i;
CALL persona.run();
SELECT string_agg(DISTINCT d.variant, ' ') AS variants FROM persona_mx_shop.decision d JOIN foretold f ON f.id = d.subject WHERE f.variant IS NOT NULL AND d.event_key[1]::int > 1000;
-- a unit that breaks for one row stops that one
SELECT count(*) FROM persona.define_experiment('tone', '{generic,warm,personal}', '{0.2,0.5,0.3}', unit => '(100 / odd::int)::text');
UPDATE mx.customer SET odd = '0' WHERE id = 3;
INSERT INTO mx.orders SELECT 2000 + i, i, now() FROM generate_series(1, 5) i;
CALL persona.run();
SELECT subject, outcome, reason FROM persona_mx_shop.decision WHERE event_key[1]::int > 2000 ORDER BY subject;
-- the holdout comes first
SELECT count(*) FROM persona.define_policy(holdout => 0.3);
INSERT INTO mx.orders SELECT 3000 + i, i, now() FROM generate_series(10, 200) i;
CALL persona.run();
SELECT bool_and((outcome = 'holdout') = (persona.bucket(subject, 'mx_shop.holdout') < 0.3)) AS held_out FROM persona_mx_shop.decision WHERE event_key[1]::int > 3000;
-- whom the experiment gives a weight is looked at, whatever its own weight is
SELECT count(*) FROM persona.define_channel('sms', 'email', time_zone => '''UTC''');
SELECT count(*) FROM persona.define_policy(channel => 'sms', holdout => 0.9);
SELECT count(*) FROM persona.define_experiment('way', '{by_sms,generic,personal}', '{0.5,0,0.5}');
SELECT count(*) > 0 AS defined FROM persona.define_moment('way', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'P', generic => 'G', hypothesis => 'h', experiment => 'way', variable => 'channel');
SELECT count(*) > 0 AS defined FROM persona.define_variant('way', 'by_sms', channel => 'sms', weight => 0);
SELECT count(*) > 0 AS defined FROM persona.define_variant('way', 'personal', weight => 0);
SELECT count(*) FILTER (WHERE level = 'block') AS blocking FROM persona.activate('way');
SELECT f.code FROM persona.space s, persona.lint_moment(s, 'way') f WHERE s.space = 'mx_shop' AND f.code IN ('without_weight', 'two_differences');
SELECT saw ->> 'holdout' AS holdout, persona.holdout_of(s, 'way') AS of_it FROM persona.space s, persona.why_not(1, 'way') WHERE gate = 'variant' AND s.space = 'mx_shop';
SELECT count(*) FROM persona.define_experiment('way', '{by_sms,generic,personal}', '{0,0.5,0.5}');
SELECT count(*) > 0 AS defined FROM persona.define_variant('way', 'by_sms', channel => 'sms', weight => 1);
SELECT f.code FROM persona.space s, persona.lint_moment(s, 'way') f WHERE s.space = 'mx_shop' AND f.code IN ('without_weight', 'two_differences');
SELECT saw ->> 'holdout' AS holdout, persona.holdout_of(s, 'way') AS of_it FROM persona.space s, persona.why_not(1, 'way') WHERE gate = 'variant' AND s.space = 'mx_shop';
-- without it the moment has its own weights again
SELECT count(*) > 0 AS defined FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'P', generic => 'G');
SELECT persona.drop_definition('experiment', 'tone');
SELECT bool_and(persona.variant(id, 'thanks') IN ('holdout', ('{generic,personal,warm}'::text[])[persona.choose(id, 'thanks', array_fill(1.0::float8 / 3, '{3}'))])) AS own FROM mx.customer;
SELECT persona.drop_space('mx_shop', force => true);
DROP SCHEMA mx CASCADE;
