-- A moment's own experiment: what came of it, its winner alone, and whether it goes on winning.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET persona.clock = '2026-03-01 12:00+00';
CREATE SCHEMA mpr;
CREATE TABLE mpr.customer (id int PRIMARY KEY, email text);
CREATE TABLE mpr.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id int REFERENCES mpr.customer, amount numeric, at timestamptz);
INSERT INTO mpr.customer SELECT i, i || '@example.com' FROM generate_series(1, 30000) i;
SELECT code FROM persona.define_space('mpr_shop', 'mpr.customer') WHERE level = 'block';
SET persona.space = 'mpr_shop';
SELECT code FROM persona.define_event('purchase', 'mpr.orders', at => 'at') WHERE level = 'block';
SELECT code FROM persona.define_goal('again', 'count(purchase) > 0', within => '7 days', target => 0.05);
SELECT code FROM persona.define_purpose('news', 'legitimate_interest') WHERE level = 'block';
SELECT code FROM persona.define_channel('email', 'email') WHERE level = 'block';
SELECT code FROM persona.define_policy(holdout => 0.2) WHERE level = 'block';
SELECT code FROM persona.define_moment('thanks', on_request => true, purpose => 'news', channel => 'email', template => 'Dear {{ id }}', generic => 'Dear customer', stage => 'use', review_every => '1 month') WHERE level = 'block';

-- before anybody saw it
SELECT verdict, message FROM persona.results('thanks') WHERE goal IS NULL;
SELECT * FROM persona.promote('thanks', 'personel');
SELECT * FROM persona.promote('thnaks', 'personal');
SELECT * FROM persona.promote('thanks', NULL);
SELECT * FROM persona.promote('thanks', 'personal', review_in => '-1 day');

-- 20 days of exposures as decide() makes them: a fifth is held out
UPDATE persona.moment SET state = 'live', activated_at = '2026-02-01' WHERE space = 'mpr_shop';
CREATE FUNCTION mpr.expose(from_id int, to_id int, start timestamptz) RETURNS void LANGUAGE sql AS $$
	INSERT INTO persona_mpr_shop.exposure SELECT i, 'thanks', persona.variant(i, 'thanks'), start + (i - from_id) * interval '2 minutes', NULL FROM generate_series(from_id, to_id) i
$$;
CREATE FUNCTION mpr.buy(from_id int, to_id int, personal float8, otherwise float8) RETURNS void LANGUAGE sql AS $$
	INSERT INTO mpr.orders (customer_id, amount, at) SELECT x.subject, 30, x.at + interval '1 hour' FROM persona_mpr_shop.exposure x
	WHERE x.subject BETWEEN from_id AND to_id AND persona.bucket(x.subject, 'buys') < CASE x.variant WHEN 'personal' THEN personal ELSE otherwise END
$$;
SELECT mpr.expose(1, 14000, '2026-02-05');
SELECT mpr.buy(1, 14000, 0.30, 0.20);
SELECT goal, variant, control, verdict FROM persona.results('thanks') WHERE month IS NULL;
SELECT moment, goal, variant, month IS NULL AS whole, n > 0 AS people, lift_lo > 0 AS above, verdict FROM persona_mpr_shop.performance;
SELECT verdict FROM persona_mpr_shop.journey WHERE moment = 'thanks';

-- the winner alone: the holdout stays, what was before is kept
SELECT level, code, message FROM persona.promote('thanks', 'personal', review_in => '2 months');
SELECT variant, weight FROM persona.variant WHERE space = 'mpr_shop' ORDER BY 1;
SELECT experiment, variant, at, weights, goal, verdict, lo > 0 AS above, review_at FROM persona_mpr_shop.promotion;
SELECT count(*) FILTER (WHERE v = 'personal') + count(*) FILTER (WHERE v = 'holdout') AS all_of_them, count(*) FILTER (WHERE v = 'holdout') > 0 AS held_out
FROM generate_series(20001, 20500) i, persona.variant(i, 'thanks') v;
SELECT count(*) AS alarms FROM persona_mpr_shop.alert WHERE place = 'promotion';
SELECT * FROM persona_mpr_shop.review_due;

-- it goes on working: no alarm
SET persona.clock = '2026-03-09 12:00+00';
SELECT mpr.expose(14001, 19000, '2026-03-02');
SELECT mpr.buy(14001, 19000, 0.30, 0.20);
SELECT count(*) AS alarms FROM persona_mpr_shop.alert WHERE place = 'promotion';
SELECT moment, why FROM persona_mpr_shop.review_due;
-- it stops working: an alarm, and a review is due
SET persona.clock = '2026-03-25 12:00+00';
SELECT mpr.expose(19001, 30000, '2026-03-09');
SELECT mpr.buy(19001, 30000, 0.14, 0.20);
SELECT thing, state, n > 10 AS for_days FROM persona_mpr_shop.alert WHERE place = 'promotion';
SELECT moment, variant, why FROM persona_mpr_shop.review_due ORDER BY why;
SET persona.clock = '2026-05-02 12:00+00';
SELECT moment, variant, review_due, why FROM persona_mpr_shop.review_due ORDER BY why;

-- reviewed: promoted again for another time, with what its test had said; the other review stays
SELECT level, code FROM persona.promote('thanks', 'personal', review_in => '6 months') WHERE level = 'info';
SELECT count(*) AS promotions, count(DISTINCT (goal, verdict, lo)) AS one_test, max(review_at) AS look_again FROM persona_mpr_shop.promotion WHERE experiment = 'thanks';
SELECT moment, why FROM persona_mpr_shop.review_due ORDER BY why;

-- what a sender reports is in the funnel and beside the decision
INSERT INTO persona_mpr_shop.feedback SELECT 1, gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'thanks', 'personal', 'email', 'news', w, '2026-04-01 10:00+00'::timestamptz + n * interval '1 minute', NULL
FROM unnest('{delivered,opened,opened,clicked}'::text[]) WITH ORDINALITY AS u(w, n);
SELECT moment, sent, delivered, opened, clicked, complained FROM persona_mpr_shop.funnel WHERE day = '2026-04-01';
-- a defined experiment is promoted alike; one that has not won is warned of
SELECT code FROM persona.define_experiment('banner', '{generic,bold,plain}', '{0.5,0.25,0.25}') WHERE level = 'warn';
SELECT level, code FROM persona.promote('banner', 'bold');
SELECT weights FROM persona.experiment WHERE space = 'mpr_shop' AND experiment = 'banner';
SELECT weights FROM persona_mpr_shop.promotion WHERE experiment = 'banner';
SELECT persona.drop_space('mpr_shop', true);
DROP SCHEMA mpr CASCADE;
