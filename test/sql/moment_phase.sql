-- phases: results compare those who came in since weights, templates, rules or the holdout last changed
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET persona.space = 'mph_shop';
CREATE SCHEMA mph;
CREATE TABLE mph.customer (id int PRIMARY KEY, country text, email text);
INSERT INTO mph.customer SELECT i, 'DE', i || '@example.org' FROM generate_series(1, 6000) i;
CREATE TABLE mph.orders (id int PRIMARY KEY, customer_id int REFERENCES mph.customer, at timestamptz);
CREATE INDEX ON mph.orders (customer_id, at);
SELECT count(*) FROM persona.define_space('mph_shop', 'mph.customer');
SELECT count(*) FROM persona.define_event('purchase', 'mph.orders');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('news', 'legitimate_interest');
SELECT count(*) FROM persona.define_goal('again', 'count(purchase) > 0', target => 0.1);
CREATE FUNCTION mph.define(template text DEFAULT 'P {{ country }}', rule text DEFAULT 'true', hypothesis text DEFAULT 'h', experiment text DEFAULT NULL) RETURNS boolean LANGUAGE sql AS $$
	SELECT count(*) >= 0 FROM persona.define_moment('m', on_event => 'purchase', purpose => 'news', channel => 'email', template => template::persona.template, generic => 'G', when_rule => rule::persona.rule, hypothesis => hypothesis, experiment => experiment) $$;
-- the next fifty customers, exposed as they are assigned; a phase is told by its people
CREATE SEQUENCE mph.ids;
CREATE FUNCTION mph.come(which text, n int DEFAULT 50) RETURNS void LANGUAGE sql AS $$
	INSERT INTO persona_mph_shop.exposure SELECT i, which, v, clock_timestamp(), NULL
	FROM (SELECT nextval('mph.ids') AS i FROM generate_series(1, n)) s, LATERAL persona.variant(i, which) v WHERE v IS NOT NULL $$;
CREATE FUNCTION mph.phase(which text) RETURNS TABLE (n bigint, verdict text, since text) LANGUAGE sql AS $$
	SELECT r.n, r.verdict, substring(r.message from 'when (.*) changed') FROM persona.results(which) r WHERE goal IS NULL $$;

-- what is written before anybody came begins no phase
SELECT mph.define('Draft');
SELECT mph.define();
SELECT count(*) >= 0 AS defined FROM persona.define_variant('m', 'short', template => 'S');
SELECT mph.come('m');
SELECT * FROM mph.phase('m');
-- each change begins one as soon as somebody has come since, and says what it was
SELECT mph.define('Better {{ country }}');
SELECT * FROM mph.phase('m');
SELECT mph.come('m');
SELECT * FROM mph.phase('m');
SELECT mph.define('Better {{ country }}', 'country = ''DE''');
SELECT mph.come('m');
SELECT * FROM mph.phase('m');
SELECT count(*) >= 0 AS defined FROM persona.define_variant('m', 'short', template => 'Shorter');
SELECT mph.come('m');
SELECT * FROM mph.phase('m');
SELECT count(*) >= 0 AS defined FROM persona.define_variant('m', 'short', template => 'Shorter', weight => 2);
SELECT mph.come('m', 100);
SELECT * FROM mph.phase('m');
-- what nobody sees begins none: why it should work, another moment, the same again, a policy that holds nobody out
SELECT mph.define('Better {{ country }}', 'country = ''DE''', 'because');
SELECT mph.define('Better {{ country }}', 'country = ''DE''', 'because');
SELECT count(*) > 0 AS defined FROM persona.define_moment('other', on_event => 'purchase', purpose => 'news', channel => 'email', template => 'x', generic => 'x', hypothesis => 'h');
SELECT count(*) FROM persona.define_policy(cap => 10);
SELECT mph.come('m', 20);
SELECT * FROM mph.phase('m');
-- the holdout: whoever saw a variant before and is held out now would have seen two
SELECT count(*) FROM persona.define_policy(cap => 10, holdout => 0.2);
SELECT mph.come('m', 100);
INSERT INTO persona_mph_shop.exposure SELECT x.subject, 'm', 'holdout', clock_timestamp(), NULL FROM persona_mph_shop.exposure x
WHERE x.experiment = 'm' AND x.variant <> 'holdout' AND persona.variant(x.subject, 'm') = 'holdout';
SELECT verdict, since, n BETWEEN 60 AND 95 AS four_fifths FROM mph.phase('m');
-- one of a channel that the moment does not use has no say
SELECT count(*) FROM persona.define_channel('sms', 'email');
SELECT count(*) FROM persona.define_policy(channel => 'sms', holdout => 0.5);
SELECT mph.come('m', 10);
SELECT since FROM mph.phase('m');
-- of several between two people the last is named
SELECT mph.define('Best {{ country }}');
SELECT count(*) >= 0 AS defined FROM persona.define_variant('m', 'short', template => 'Shorter', weight => 1);
SELECT mph.come('m', 100);
SELECT verdict, since FROM mph.phase('m');
-- who knows all of it: the split is checked against the weights of the phase
SELECT since IS NOT NULL AS since, variants, weights FROM persona.phase_of(persona.resolve_space(NULL), persona.find_experiment(persona.resolve_space(NULL), 'm'), 'infinity');

-- a defined experiment: another scheme or group spreads anew, more coverage does not
SELECT count(*) FROM persona.define_policy(cap => 10);
SELECT count(*) FROM persona.define_experiment('page', '{generic,bold}', '{0.5,0.5}', coverage => 0.5);
SELECT mph.come('page', 200);
SELECT n > 60 AS half, verdict, since FROM mph.phase('page');
SELECT level, code FROM persona.define_experiment('page', '{generic,bold}', '{0.5,0.5}', coverage => 1);
SELECT mph.come('page', 200);
SELECT n > 260 AS all_of_them, verdict, since FROM mph.phase('page');
SELECT level, code FROM persona.define_experiment('page', '{generic,bold}', '{0.5,0.5}', scheme => 'growthbook2');
SELECT mph.come('page');
SELECT * FROM mph.phase('page');
-- with a moment that it spreads it looks at that one's texts, too
SELECT count(*) FROM persona.define_experiment('tone', '{generic,personal}', '{0.5,0.5}');
SELECT mph.come('tone');
SELECT mph.define(experiment => 'tone');
SELECT mph.come('tone');
SELECT * FROM mph.phase('tone');
SELECT mph.define('Warm {{ country }}', experiment => 'tone');
SELECT mph.come('tone', 60);
SELECT * FROM mph.phase('tone');
-- only who came before sees another variant since: there is nobody of the new phase to show, so the last one is
SELECT count(*) FROM persona.define_experiment('menu', '{generic,bold,plain}', '{0.4,0.3,0.3}');
SELECT mph.come('menu', 90);
SELECT count(*) FROM persona.define_experiment('menu', '{generic,bold,plain}', '{0.5,0.5,0}');
INSERT INTO persona_mph_shop.exposure SELECT x.subject, 'menu', v, clock_timestamp(), NULL FROM persona_mph_shop.exposure x, LATERAL persona.variant(x.subject, 'menu') v
WHERE x.experiment = 'menu' AND x.variant = 'plain';
SELECT n, verdict, message ~ 'when the weights changed' AS new_phase, message ~ 'saw more than one' AS seen_two FROM persona.results('menu') WHERE goal IS NULL;
-- a winner is shown against the holdout since it is the only one
SELECT count(*) FROM persona.define_policy(cap => 10, holdout => 0.3);
SELECT code FROM persona.promote('tone', 'personal');
SELECT mph.come('tone', 1000);
SELECT since, n BETWEEN 600 AND 800 AS of_the_winner FROM mph.phase('tone');
SELECT variant, control, n > 0 AS some FROM persona.results('tone') WHERE goal = 'again' AND month IS NULL ORDER BY 1;
SELECT count(*) > 0 AS shown FROM persona_mph_shop.performance WHERE moment = 'm' AND variant = 'personal';
SELECT persona.drop_space('mph_shop', force => true);
DROP SCHEMA mph CASCADE;
