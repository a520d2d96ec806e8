-- What a moment knows, found without being declared, and what is said of it.
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
CREATE SCHEMA am;
SET search_path = am;
CREATE TABLE customer (id int PRIMARY KEY, first_name text, email text, ip_city text, born date, churn numeric, ill boolean, tz text);
CREATE TABLE shop (city text PRIMARY KEY, street text);
CREATE TABLE view (id bigint PRIMARY KEY, customer_id int REFERENCES customer, item text, seconds int, at timestamptz);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int REFERENCES customer, item text, price numeric, at timestamptz);
CREATE VIEW tip AS SELECT customer_id, max(item) AS best FROM orders WHERE price > 3 GROUP BY 1;
CREATE TABLE unbound (customer_id int, item text, weight numeric);
CREATE VIEW advice AS SELECT customer_id, max(item) AS best FROM unbound WHERE weight > 3 GROUP BY 1;
CREATE INDEX ON view (customer_id, at);
CREATE INDEX ON orders (customer_id, at);
SELECT count(*) FROM persona.define_space('am', 'customer');
SET persona.space = 'am';
SELECT count(*) FROM persona.define_event('view', 'view');
SELECT count(*) FROM persona.define_event('purchase', 'orders');
SELECT count(*) FROM persona.define_facet('tip', 'tip', key => 'customer_id');
SELECT count(*) FROM persona.define_facet('advice', 'advice', key => 'customer_id');
SELECT count(*) FROM persona.define_facet('shop', 'shop', via => 'ip_city');
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => 'tz');
SELECT count(*) FROM persona.define_channel('social', 'email');
SELECT count(*) FROM persona.define_purpose('marketing', 'consent', expires => '1 year');
SELECT count(*) FROM persona.define_purpose('data_sale', 'consent', expires => '1 year');
SELECT count(*) FROM (SELECT persona.define_attribute(a, c, p) FROM (VALUES
	('first_name', 'user.name.first', 'declared'), ('email', 'user.contact.email', 'declared'), ('ip_city', 'user.location.imprecise', 'third_party'),
	('born', 'user.demographic.date_of_birth', 'declared'), ('churn', 'user.behavior', 'inferred'), ('ill', 'user.health_and_medical', 'declared'),
	('tz', 'user.location.imprecise', 'declared'), ('view.item', 'user.behavior.browsing_history', 'observed'), ('view.seconds', 'user.behavior.dwell', 'observed'), ('view.at', 'user.behavior.browsing_history', 'observed'),
	('purchase.item', 'user.behavior.purchase_history', 'transacted'), ('purchase.price', 'user.behavior.purchase_history', 'transacted'), ('purchase.at', 'user.behavior.purchase_history', 'transacted'),
	('shop.street', 'system', 'declared'), ('shop.city', 'system', 'declared')) v (a, c, p)) x;
SELECT count(*) FROM persona.define_segment('frail', 'ill AND churn > 0.5');
CREATE FUNCTION define(moment text, template text, on_event text DEFAULT 'view', when_rule text DEFAULT 'true', tokens jsonb DEFAULT NULL, delay interval DEFAULT '1 hour', purpose text DEFAULT 'marketing', channel text DEFAULT 'email')
RETURNS void LANGUAGE sql AS $$
	SELECT persona.define_moment(moment, on_event => on_event, when_rule => when_rule::persona.rule, template => template::persona.template, generic => 'Have a look at what is new.',
		tokens => tokens, delay => delay, purpose => purpose, channel => channel, hypothesis => 'x');
$$;

-- nothing is declared: columns are found through tokens, segments, facets and views
SELECT define('all_of_it', 'Hi {{ first_name }}, {{ new.item }} {{ dwell }} {{ best }} {{ street }}', when_rule => 'segment(frail)',
	tokens => '{"dwell": "sum(view.seconds) FILTER (WHERE item = new.item)", "best": "tip.best", "street": "shop.street"}');
SELECT attribute, category, provenance, mentioned, verdict FROM persona.audit('all_of_it') ORDER BY attribute COLLATE "C";
-- law: whatever compiling a moment reads is in the audit
SELECT count(*) > 8 AND bool_and(EXISTS (SELECT FROM persona.read_columns(r.relation, r.col) c, persona.audit('all_of_it') a
	WHERE a.attribute LIKE '%' || c.base_col)) AS nothing_hides FROM persona.moment_reads('all_of_it', 'am') r;
-- and what a view only selects by is read, but not mentioned
SELECT mentioned FROM persona.audit('all_of_it') WHERE attribute = 'purchase.price';

-- what each thing is told, and what to do
SELECT define('city', 'Offers for {{ ip_city }}');
SELECT define('near', 'Our shop in {{ street }} is open', tokens => '{"street": "shop.street"}');
SELECT define('birth', 'Born on {{ born }}?');
SELECT define('ill', 'For your health', when_rule => 'ill');
SELECT define('bought', 'Because you bought {{ new.item }}: what goes with it', on_event => 'purchase');
SELECT define('sold', '{{ new.item }}', on_event => 'purchase', purpose => 'data_sale');
SELECT define('ad', '{{ new.item }}', on_event => 'purchase', channel => 'social');
SELECT define('looked', 'We noticed you looked at {{ new.item }} - here are some similar styles');
SELECT define('watched', 'We saw you spent {{ new.seconds }} minutes on the {{ new.item }} page and then left - what stopped you?');
SELECT moment, attribute, score, verdict, reason, fix FROM persona.audit() WHERE moment <> 'all_of_it' AND verdict <> 'ok' ORDER BY 1, 2 NULLS FIRST, 5;
SELECT (SELECT score FROM persona.audit('bought') WHERE attribute = 'purchase.item') < (SELECT score FROM persona.audit('ad') WHERE attribute = 'purchase.item') AS ads_are_worse,
	(SELECT score FROM persona.audit('ad') WHERE attribute = 'purchase.item') < (SELECT score FROM persona.audit('sold') WHERE attribute = 'purchase.item') AS sale_is_worst,
	(SELECT score FROM persona.audit('ill') WHERE attribute = 'ill') > (SELECT score FROM persona.audit('bought') WHERE attribute = 'purchase.item') AS health_is_worse_than_purchases;
-- the whole space at once is the declaration of all use
SELECT count(DISTINCT moment) AS moments, bool_and(verdict IN ('ok', 'warn', 'block')) AS judged FROM persona.audit(NULL);

-- what is blocked is not activated, unless a person says why, which stays
SELECT persona.activate('watched');
SELECT persona.activate('watched', override => ' ');
SELECT level, code FROM persona.activate('watched', override => 'agreed with the works council') WHERE code IN ('surprising', 'surveillance_wording') ORDER BY 1, 2;
SELECT object <> '' AS object, by_whom = session_user AS by_whom, why FROM persona.override WHERE moment = 'watched' ORDER BY code, object LIMIT 1;
SELECT level, code, message ~ 'let it go out' AS told, hint FROM persona_am.finding WHERE object = 'watched' AND code = 'overridden' LIMIT 1;
-- a new mistake is not covered by it
SELECT define('watched', 'We saw you spent {{ new.seconds }} minutes on the {{ new.item }} page and then left without buying it in {{ ip_city }}');
SELECT level FROM persona.activate('bought') WHERE level = 'block';
-- an explicit yes opens what the law closes
SELECT count(*) FROM persona.define_policy(purpose => 'marketing', categories => '{user.name,user.contact,user.location,user.behavior,user.unique_id}');
SELECT verdict, score < 40 AS halved FROM persona.audit('ill') WHERE attribute = 'ill';
-- what nobody has described is asked for, and blocks nothing
SELECT count(*) FROM persona.drop_definition('attribute', 'view.seconds');
SELECT define('unknown', '{{ new.seconds }}');
SELECT attribute, verdict, reason FROM persona.audit('unknown') WHERE attribute = 'view.seconds';
SELECT code, message FROM persona.lint_moment((SELECT s FROM persona.space s WHERE space = 'am'), 'unknown');

-- one message
INSERT INTO customer VALUES (1, 'Ann', 'ann@example.org', 'Bern', NULL, 0, false, 'UTC');
SELECT persona.grant_consent(1, 'marketing', 'email', 'test') IS NOT NULL AS granted;
INSERT INTO orders VALUES (1, 1, 'boots', 90, persona.now());
CALL persona.run();
SELECT count(*) FROM persona_am.schedule;
SELECT set_config('persona.clock', (now() + interval '2 hours')::text, false) IS NOT NULL AS later;
CALL persona.run();
SELECT a.moment, a.attribute, a.mentioned = (d.variant = 'personal') AS as_sent, a.verdict
FROM persona_am.decision d, persona.audit_message(d.decision) a WHERE a.attribute = 'purchase.item';
SELECT persona.audit_message('00000000-0000-0000-0000-000000000000');
SELECT persona.audit_message(NULL);
SELECT persona.audit('boght');

-- a column of a view is described by the view's name for it, and is one thing then
SELECT define('tipped', 'For you: {{ best }} in {{ street }}', tokens => '{"best": "advice.best", "street": "shop.street"}');
SELECT attribute, fix FROM persona.audit('tipped') WHERE reason ~ '^Nobody' AND fix IS NOT NULL ORDER BY attribute COLLATE "C";
SELECT count(*) FROM (SELECT persona.define_attribute('advice.best', 'user.behavior.purchase_history', 'inferred')) x;
SELECT attribute, category, provenance, mentioned FROM persona.audit('tipped') WHERE mentioned ORDER BY attribute COLLATE "C";
-- law: each fix that is a statement runs
DO $$
DECLARE
	fix text;
BEGIN
	FOR fix IN SELECT DISTINCT a.fix FROM persona.audit() a WHERE a.fix LIKE 'SELECT %' LOOP
		EXECUTE fix;
	END LOOP;
END;
$$;
SELECT count(*) FILTER (WHERE reason ~ '^Nobody' AND fix LIKE 'SELECT %') = 0 AS all_is_said FROM persona.audit();
SELECT count(*) FROM persona.drop_space('am', true);
