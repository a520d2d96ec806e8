-- Hillstrom's e-mail test loaded as exposures and goals, where ../shared or PERSONA_SHARED has it: the published answers
SET client_min_messages = warning;
SET persona.clock = '2008-04-15 12:00+00';
CREATE SCHEMA mh;
CREATE TABLE mh.loaded (recency int, history_segment text, history float8, mens boolean, womens boolean, zip_code text, newbie boolean, channel text,
	segment text, visit boolean, conversion boolean, spend float8);
\copy mh.loaded FROM PROGRAM 'gzip -dc "${PERSONA_SHARED:-../shared}/data/hillstrom/hillstrom.csv.gz" 2>/dev/null || echo' (FORMAT csv, HEADER)
-- none at all is no difference; the test's runner says that they were missing
SELECT count(*) IN (0, 64000) AS all_or_none FROM mh.loaded;
CREATE TABLE mh.customer AS SELECT row_number() OVER () AS id, * FROM mh.loaded;
ALTER TABLE mh.customer ADD PRIMARY KEY (id);
CREATE TABLE mh.visit AS SELECT id, id AS customer_id, '2008-03-21 00:00+00'::timestamptz AS at FROM mh.customer WHERE visit;
CREATE TABLE mh.orders AS SELECT id, id AS customer_id, spend::numeric AS amount, '2008-03-25 00:00+00'::timestamptz AS at FROM mh.customer WHERE conversion;
SELECT code FROM persona.define_space('mh_shop', 'mh.customer') WHERE level = 'block';
SET persona.space = 'mh_shop';
SELECT code FROM persona.define_event('visit', 'mh.visit', subject => 'customer_id', at => 'at', id => 'id', fires => 'never') WHERE level = 'block';
SELECT code FROM persona.define_event('purchase', 'mh.orders', subject => 'customer_id', at => 'at', id => 'id', fires => 'never') WHERE level = 'block';
SELECT code FROM persona.define_segment('women', 'womens') WHERE level = 'block';
SELECT code FROM persona.define_segment('others', 'NOT womens') WHERE level = 'block';
SELECT code FROM persona.define_goal('visit', 'count(visit) > 0', target => 0.05);
SELECT code FROM persona.define_goal('conversion', 'count(purchase) > 0', target => 0.05);
SELECT code FROM persona.define_goal('spend', 'sum(purchase.amount)', target => 0.05);
SELECT code FROM persona.define_experiment('mail', '{none,mens,womens}', '{0.3333333,0.3333333,0.3333334}', control => 'none', goal => 'visit');
SELECT code FROM persona.define_breakdown('mail', '{women,others}');
INSERT INTO persona_mh_shop.exposure SELECT id, 'mail', CASE segment WHEN 'No E-Mail' THEN 'none' WHEN 'Mens E-Mail' THEN 'mens' ELSE 'womens' END, '2008-03-20', NULL FROM mh.customer;
CREATE TABLE mh.result AS SELECT * FROM persona.results('mail');

SELECT bool_and(n = 64000 AND verdict = 'split_ok' AND round(p_value::numeric, 2) = 0.90) IS NOT FALSE AS split FROM mh.result WHERE goal IS NULL AND n > 0;
CREATE TABLE mh.published (variant text, goal text, diff numeric, digits int);
INSERT INTO mh.published VALUES ('mens', 'visit', 0.07659, 5), ('womens', 'visit', 0.04523, 5), ('mens', 'conversion', 0.006805, 6), ('womens', 'conversion', 0.003111, 6), ('mens', 'spend', 0.7698, 4), ('womens', 'spend', 0.4244, 4);
SELECT bool_and(round(r.diff::numeric, p.digits) = p.diff) IS NOT FALSE AS differences, count(*) IN (0, 6) AS all_of_them
FROM mh.result r JOIN mh.published p USING (variant, goal) WHERE r.month IS NULL AND r.segment IS NULL;
-- the visits are beyond doubt however often one looks
SELECT bool_and(verdict = 'winner' AND lift_lo > 0) IS NOT FALSE AS winners FROM mh.result WHERE goal = 'visit' AND control = 'none' AND month IS NULL AND segment IS NULL;
-- Welch's t of what was spent on the men's mail, from the one-look p-value
SELECT bool_and(abs(r.fixed_p_value / w.p_value - 1) < 1e-9 AND round(w.t::numeric, 2) = 5.30) IS NOT FALSE AS welch
FROM mh.result r, (SELECT persona.summarize(spend) FILTER (WHERE segment = 'No E-Mail') AS c, persona.summarize(spend) FILTER (WHERE segment = 'Mens E-Mail') AS t FROM mh.customer) s,
	persona.stat_welch_t(persona.n(s.c), persona.mean(s.c), persona.var(s.c), persona.n(s.t), persona.mean(s.t), persona.var(s.t)) w
WHERE r.goal = 'spend' AND r.variant = 'mens' AND r.control = 'none' AND r.month IS NULL AND r.segment IS NULL;
-- the women's mail works on those who bought women's goods, and hardly on the others
SELECT bool_and(round(diff::numeric, 4) = CASE segment WHEN 'women' THEN 0.0731 ELSE 0.0111 END) IS NOT FALSE AS by_past_category, count(*) IN (0, 2) AS both
FROM mh.result WHERE goal = 'visit' AND variant = 'womens' AND control = 'none' AND segment IS NOT NULL;
SELECT persona.drop_space('mh_shop', true);
DROP SCHEMA mh CASCADE;
