-- Data categories: the built-in ones, the company's own, and what a customer's
-- yes and no to them does to a message, to the depth that was asked.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA cg;
CREATE TABLE cg.customer (id int PRIMARY KEY, email text, size text);
CREATE TABLE cg.bought (id int PRIMARY KEY, customer_id int REFERENCES cg.customer, item text, at timestamptz);
CREATE INDEX ON cg.bought (customer_id, at);
INSERT INTO cg.customer SELECT i, 'c' || i || '@example.org', 'XL' FROM generate_series(1, 12) i;
SET persona.space = 'cg_shop';
SELECT count(*) FROM persona.define_space('cg_shop', 'cg.customer');
SELECT count(*) FROM persona.define_event('purchase', 'cg.bought');
SELECT code FROM persona.define_channel('email', 'email', '''UTC''');
SELECT code FROM persona.define_purpose('service', 'opt_out');

-- own categories, and own words for the built-in ones
SELECT code FROM persona.define_category('user.fitting', 'medium', 'What you tried on', 'In our shops only');
SELECT code FROM persona.define_category('user.fitting', 'medium', 'Your fittings', 'In our shops only');
SELECT code FROM persona.define_category('user.contact.email', 'low', 'Where we write to');
SELECT level, code, message FROM persona.define_category('user.health_and_medical.shoe_size', 'low', 'Your feet');
SELECT c, k.category AS by, k.special, k.label, k.description FROM unnest(ARRAY['user.fitting', 'user.fitting.room', 'user.contact.email', 'user.health_and_medical', 'user.health_and_medical.x.y',
	'user.health_and_medical.shoe_size', 'user', 'user.fittings', 'userx', 'nothing', NULL]) c LEFT JOIN LATERAL persona.category_of('cg_shop', c) k ON true;
SELECT category, label FROM persona.category_of('no_space', 'user.fitting');
SELECT body->>'label' AS label, version FROM persona.definition_log WHERE kind = 'category' AND space = 'cg_shop' AND name = 'user.fitting' ORDER BY 2;
-- mistakes
SELECT persona.define_category('User', 'low');
SELECT persona.define_category(NULL, 'low');
SELECT persona.define_category('user.x', 'hihg');
SELECT persona.define_category('user.x', NULL);
-- GDPR Art. 9 and 10 name these
SELECT array_agg(category ORDER BY category) AS special FROM persona.taxonomy() WHERE special AND category NOT IN (SELECT a.category FROM persona.taxonomy() a JOIN persona.taxonomy() b ON b.special AND starts_with(a.category, b.category || '.'));

-- a message that uses a refused category goes as its generic twin; one whose
-- twin uses it, too, does not go
SELECT code FROM persona.define_attribute('size', 'user.fitting.size', 'declared');
SELECT code FROM persona.define_attribute('email', 'user.contact.email', 'declared');
SELECT code FROM persona.define_moment('fits', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'In {{ size }}', generic => 'Thank you', hypothesis => 'x') WHERE level = 'block';
SELECT code FROM persona.activate('fits') WHERE level = 'block';
SELECT kind, name, label, description, allowed FROM persona.preferences(persona.preference_token(1)) WHERE kind = 'category';
SELECT count(persona.set_preference(s, c, a)) FROM (VALUES
	(2, 'user.fitting.size', false), (3, 'user.fitting', false), (4, 'user', false), (5, 'user', false), (5, 'user.fitting', true),
	(6, 'user.fitting', true), (6, 'user.fitting.size', false), (7, 'user.fit', false), (8, 'user.fitting.size.x', false), (9, 'user.behavior', false)) p(s, c, a);
INSERT INTO cg.bought SELECT i, i, 'hat', now() FROM generate_series(1, 9) i;
CALL persona.run();
SELECT subject, fallback, variant = 'generic' AS generic, g->'saw'->'refused' AS refused FROM persona_cg_shop.decision, jsonb_array_elements(gates::jsonb) g
WHERE g->>'gate' = 'preference' AND (fallback OR g->'saw'->'refused' <> '[]') ORDER BY 1;
SELECT count(*) AS sent, count(*) FILTER (WHERE body ~ 'XL' AND subject IN (2, 3, 4, 6)) AS against_a_no FROM persona_cg_shop.message;
-- a no after the decision counts at the claim; the twin that used nothing goes
SELECT persona.set_preference(m.subject, 'user.fitting', false) IS NOT NULL AS no FROM (SELECT min(subject) AS subject FROM persona_cg_shop.message WHERE variant = 'personal') m;
SELECT count(*) FILTER (WHERE body ~ 'XL' AND EXISTS (SELECT FROM persona_cg_shop.preference p WHERE p.subject = m.subject::int AND p.category = 'user.fitting' AND NOT p.allowed)) AS against_a_no FROM persona.claim('email', 100) m;
SELECT reason, count(*) FROM persona_cg_shop.message WHERE state = 'cancelled' GROUP BY 1;

-- a category that a policy closes is opened by an explicit yes alone
SELECT code FROM persona.define_policy('email', categories => ARRAY['user.contact']);
INSERT INTO cg.bought SELECT 100 + i, i, 'hat', now() FROM unnest('{10,11,12}'::int[]) i;
SELECT persona.set_preference(11, 'user.fitting', true) IS NOT NULL AS yes, persona.set_preference(12, 'user.contact', true) IS NOT NULL AS to_another;
CALL persona.run();
SELECT subject, fallback FROM persona_cg_shop.decision WHERE subject IN (10, 11, 12) ORDER BY 1;

-- forgotten again
SELECT persona.drop_definition('category', 'user.fitting');
SELECT count(*) AS by_a_parent FROM persona.category_of('cg_shop', 'user.fitting') WHERE category = 'user';
SELECT persona.drop_definition('category', 'user.fiting');
SELECT persona.drop_space('cg_shop', force => true);
SELECT count(*) AS left_over FROM persona.category WHERE space = 'cg_shop';
DROP SCHEMA cg CASCADE;
