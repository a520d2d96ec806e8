-- No attribute can be used without appearing, whatever starts a moment and however its variants differ.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA al;
CREATE TABLE al.maker (id int PRIMARY KEY, country text, boss text);
CREATE TABLE al.product (sku text PRIMARY KEY, title text, margin numeric, maker_id int);
CREATE TABLE al.person (id int PRIMARY KEY, first text, mail text, phone text, zone text, household text, age int, sick boolean, rating numeric, born date,
	doubled numeric GENERATED ALWAYS AS (rating * 2) STORED);
CREATE TABLE al.orders (id int PRIMARY KEY, customer_id int REFERENCES al.person, sku text, paid numeric, gift text, at timestamptz);
CREATE TABLE al.look (id int PRIMARY KEY, customer_id int REFERENCES al.person, sku text, secs int, device text, at timestamptz);
CREATE VIEW al.card AS SELECT customer_id, max(gift) AS last_gift, sum(paid) AS points FROM al.orders WHERE sku <> 'x' GROUP BY 1;
CREATE INDEX ON al.orders (customer_id, at);
CREATE INDEX ON al.look (customer_id, at);
SELECT count(*) FROM persona.define_space('al', 'al.person');
SET persona.space = 'al';
SELECT count(*) FROM persona.define_event('purchase', 'al.orders');
SELECT count(*) FROM persona.define_event('look', 'al.look');
SELECT count(*) FROM persona.define_facet('card', 'al.card', key => 'customer_id');
SELECT count(*) FROM persona.define_facet('product', 'al.product', via => 'purchase.sku');
SELECT count(*) FROM persona.define_facet('maker', 'al.maker', via => 'product.maker_id');
SELECT count(*) FROM persona.define_channel('email', 'mail', time_zone => 'zone');
SELECT count(*) FROM persona.define_channel('sms', 'coalesce(phone, card.last_gift)', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) >= 0 AS defined FROM persona.define_segment('frail', 'sick AND age > 60');
SELECT count(*) >= 0 AS defined FROM persona.define_segment('dear', 'segment(frail) OR card.points > 3');
SELECT count(*) >= 0 AS defined FROM persona.define_experiment('house', '{generic,personal,other}', '{0.4,0.3,0.3}', unit => 'household');

-- what moments are made of: values over a subject, and over what started it
CREATE TABLE al.value (n serial, value text, over_new boolean);
INSERT INTO al.value (value, over_new) VALUES
	('first', false), ('age + 1', false), ('born', false), ('doubled', false), ('upper(first) || household', false), ('card.last_gift', false), ('card.points', false),
	('count(purchase)', false), ('count(look) FILTER (WHERE device = ''phone'')', false), ('sum(purchase.paid) FILTER (WHERE gift IS NULL)', false),
	('last(look.sku)', false), ('first(purchase)', false), ('ago(last(purchase))', false), ('max(purchase.product.margin)', false),
	('last(purchase.product.maker.country)', false), ('count(purchase) FILTER (WHERE product.maker.boss = ''Bo'')', false), ('avg(look.secs)', false),
	('CASE WHEN sick THEN first ELSE zone END', false), ('count(message)', false), ('last(feedback)', false), ('segment(dear)', false),
	('coalesce(card.last_gift, phone)', false), ('count(look) FILTER (WHERE ago(at) < ''9 days'')', false),
	('new.sku', true), ('new.paid * 2', true), ('new.product.title', true), ('new.product.maker.boss', true),
	('count(purchase) FILTER (WHERE sku = new.sku)', true), ('CASE WHEN new.gift = ''x'' THEN rating ELSE age END', true);
CREATE FUNCTION al.pick(seed int, slot text, with_new boolean) RETURNS text LANGUAGE sql AS $$
	SELECT value FROM al.value WHERE with_new OR NOT over_new ORDER BY hashtextextended(slot || ' ' || n, seed) LIMIT 1 $$;
CREATE FUNCTION al.say(seed int, with_new boolean) RETURNS persona.template LANGUAGE sql AS $$
	SELECT (ARRAY['Hi {{ first }}', 'Dear {{ t1 }}', '{% if t2 %}{{ t1 }}{% else %}{{ age }}{% endif %}', '{% assign x = t2 %}{{ x | upcase }}', '{% for i in (1..2) %}{{ household }}{% endfor %}',
		CASE WHEN with_new THEN '{{ new.sku }} {{ t3 }}' ELSE '{{ t3 | default: phone }}' END])[1 + (hashint8(seed) & 7) % 6]::persona.template $$;
-- seven kinds of moments, seven of each
CREATE FUNCTION al.make(seed int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	kind int := seed % 7;
	name text := 'm' || seed;
	n boolean := kind IN (0, 1, 2);
	variable text := CASE WHEN seed % 3 = 0 AND kind <> 6 THEN 'content' WHEN seed % 3 = 1 AND kind NOT IN (5, 6) THEN 'channel' ELSE 'tone' END;
	tokens jsonb := jsonb_build_object('t1', al.pick(seed, 't1', n), 't2', al.pick(seed, 't2', n), 't3', al.pick(seed, 't3', n), 'never', al.pick(seed, 'never', n));
BEGIN
	PERFORM persona.define_moment(name,
		on_event => CASE WHEN kind IN (0, 1, 6) THEN 'purchase' END, on_segment => CASE kind WHEN 3 THEN 'dear' END,
		after_moment => CASE kind WHEN 2 THEN 'm0' END, schedule => CASE kind WHEN 4 THEN 'daily' END, on_request => kind = 5, local_time => CASE kind WHEN 4 THEN '09:00'::time END,
		when_rule => format('(%s) IS NOT NULL', al.pick(seed, 'when', n))::persona.rule,
		cancel_rule => CASE WHEN seed % 2 = 0 THEN format('(%s) IS NULL', al.pick(seed, 'cancel', n)) END::persona.rule,
		once_per => CASE seed % 4 WHEN 0 THEN format('(%s)::text', al.pick(seed, 'once', n)) END,
		expires => CASE seed % 5 WHEN 0 THEN 'first(purchase)' ELSE '3 days' END,
		experiment => CASE kind WHEN 6 THEN 'house' END, variable => variable,
		tokens => tokens, template => al.say(seed, n), generic => CASE seed % 4 WHEN 1 THEN al.say(seed + 1, n) ELSE 'Hello' END::persona.template,
		subject_line => CASE seed % 3 WHEN 0 THEN '{{ t2 }}' END::persona.template, purpose => 'service', channel => 'email');
	PERFORM persona.define_variant(name, 'other', template => CASE WHEN variable <> 'channel' THEN al.say(seed + 7, n) END,
		tokens => CASE WHEN variable <> 'channel' THEN jsonb_build_object('t2', al.pick(seed, 'own', n), 'unseen', al.pick(seed, 'unseen', n)) END,
		channel => CASE WHEN variable = 'channel' THEN 'sms' END);
	PERFORM persona.define_variant(name, 'generic', weight => 1);
	RETURN name;
END $$;
SELECT count(al.make(i)) AS moments FROM generate_series(0, 48) i;

-- whatever compiling reads is listed, and nothing else is
CREATE TABLE al.used AS SELECT DISTINCT m.moment, u.source, u.col, u.mentioned FROM persona.moment m, persona.moment_uses(m.moment, 'al') u WHERE m.space = 'al';
CREATE TABLE al.reads AS SELECT m.moment, r.* FROM persona.moment m, persona.moment_reads(m.moment, 'al') r WHERE m.space = 'al';
SELECT count(*) > 400 AS many, count(DISTINCT source) AS sources FROM al.reads;
SELECT moment, source, col AS read_but_not_listed FROM al.reads EXCEPT SELECT moment, source, col FROM al.used;
SELECT moment, source, col AS listed_but_not_read FROM al.used EXCEPT SELECT moment, source, col FROM al.reads;

-- and in the audit, down to the columns of tables
CREATE TABLE al.audited AS SELECT m.moment, a.relation, a.col, a.mentioned, a.used_in FROM persona.space s, persona.moment m, persona.moment_attributes(s, m.moment) a WHERE m.space = 'al' AND s.space = 'al';
SELECT DISTINCT r.moment, c.base, c.base_col AS not_in_the_audit
FROM al.reads r CROSS JOIN LATERAL persona.read_columns(r.relation, r.col) c
WHERE NOT EXISTS (SELECT FROM al.audited a WHERE a.moment = r.moment AND (a.relation, a.col) = (c.base, c.base_col));
SELECT bool_and(cardinality(used_in) > 0) AS each_has_its_place FROM al.audited;

-- an oracle of its own: the columns on which PostgreSQL says that the compiled condition depends, but for keys and times by which rows are joined and the state of messages, of which those sent count
CREATE FUNCTION al.depends(value text) RETURNS TABLE (relation regclass, col name) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'CREATE TEMP VIEW compiled AS ' || persona.rule_sql(format('(%s) IS NOT NULL', value)::persona.rule);
	RETURN QUERY WITH RECURSIVE below (object) AS (
			SELECT 'pg_temp.compiled'::regclass::oid
			UNION SELECT d.refobjid FROM below b JOIN pg_rewrite w ON w.ev_class = b.object JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
				AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> b.object)
		SELECT DISTINCT a.attrelid::regclass, a.attname FROM below b JOIN pg_rewrite w ON w.ev_class = b.object
		JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
		JOIN pg_class c ON c.oid = d.refobjid AND c.relkind = 'r' JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid;
	DROP VIEW compiled;
END $$;
SELECT count(*) > 0 AS defined FROM (SELECT persona.define_moment('v' || n, on_event => 'purchase', when_rule => format('(%s) IS NOT NULL', value)::persona.rule) FROM al.value WHERE NOT over_new) x;
CREATE TABLE al.truth AS SELECT 'v' || n AS moment, value, d.* FROM al.value, al.depends(value) d WHERE NOT over_new;
SELECT count(*) > 60 AS many FROM al.truth;
SELECT t.value, t.relation, t.col AS depended_on_and_not_in_the_audit FROM al.truth t
WHERE NOT EXISTS (SELECT FROM persona.space s, persona.moment_attributes(s, t.moment) a WHERE s.space = 'al' AND (a.relation, a.col) = (t.relation, t.col::text))
	AND t.col NOT IN ('id', 'customer_id', 'subject', 'at', 'message', 'state');

-- what a text mentions: planted values, and whether they come out in it
INSERT INTO al.person VALUES (1, 'v_first', 'v_mail', 'v_phone', 'UTC', 'v_household', 77, true, 5, '1950-01-01');
INSERT INTO al.orders VALUES (1, 1, 'v_sku', 3, 'v_gift', now() - interval '1 minute');
INSERT INTO al.product VALUES ('v_sku', 'v_title', 9, 1);
INSERT INTO al.maker VALUES (1, 'v_country', 'v_boss');
INSERT INTO al.look VALUES (1, 1, 'v_sku', 30, 'phone', now());
SELECT count(*) FROM persona.refresh_segments();
CREATE TABLE al.sent AS SELECT m.moment, s.variant, lower(concat(s.subject_line, ' ', s.body)) AS text FROM persona.moment m, persona.simulate(1, m.moment) s WHERE m.space = 'al' AND m.moment ~ '^m' AND s.outcome = 'send';
SELECT count(*) > 10 AS many, count(*) FILTER (WHERE text ~ 'v_') > 5 AS most_show_something FROM al.sent;
SELECT s.moment, s.text, v.col AS shown_and_not_mentioned FROM al.sent s
JOIN (VALUES ('v_first', 'al.person'::regclass, 'first'), ('v_phone', 'al.person', 'phone'), ('v_household', 'al.person', 'household'), ('v_gift', 'al.orders', 'gift'),
	('v_sku', 'al.orders', 'sku'), ('v_title', 'al.product', 'title'), ('v_country', 'al.maker', 'country'), ('v_boss', 'al.maker', 'boss')) v (value, relation, col) ON s.text LIKE '%' || v.value || '%'
WHERE NOT EXISTS (SELECT FROM al.audited a WHERE a.moment = s.moment AND a.mentioned AND s.variant = ANY (a.used_in)
	AND a.col = v.col);

-- a moment is judged by the worst of its variants: where they go, and how soon
SELECT count(*) FROM persona.define_channel('social', 'mail');
SELECT count(*) >= 0 AS defined FROM persona.define_moment('spread', on_event => 'look', variable => 'channel', purpose => 'service', channel => 'email', template => '{{ new.sku }}', generic => 'Hello');
SELECT DISTINCT use FROM persona.audit('spread');
SELECT count(*) >= 0 AS defined FROM persona.define_variant('spread', 'wide', channel => 'social');
SELECT DISTINCT use FROM persona.audit('spread');
SELECT count(*) >= 0 AS defined FROM persona.define_moment('soon', on_event => 'look', variable => 'timing', delay => '3 days', purpose => 'service', channel => 'email', template => '{{ new.sku }}', generic => 'Hello');
SELECT count(*) FROM persona.define_attribute('look.sku', 'user.behavior.browsing_history', 'observed');
CREATE TABLE al.late AS SELECT score FROM persona.audit('soon') WHERE attribute = 'look.sku';
SELECT count(*) >= 0 AS defined FROM persona.define_variant('soon', 'now', delay => '1 minute');
SELECT a.score - l.score AS immediacy FROM persona.audit('soon') a, al.late l WHERE a.attribute = 'look.sku';
-- a line that says why helps those who read it: all variants have to have it
SELECT count(*) >= 0 AS defined FROM persona.define_moment('why', on_event => 'look', purpose => 'service', channel => 'email', template => 'Because you asked: {{ new.sku }}', generic => 'Hello');
CREATE TABLE al.told AS SELECT score FROM persona.audit('why') WHERE attribute = 'look.sku';
SELECT count(*) >= 0 AS defined FROM persona.define_variant('why', 'curt', template => '{{ new.sku }}!');
SELECT a.score > t.score AS not_all_told FROM persona.audit('why') a, al.told t WHERE a.attribute = 'look.sku';
-- what the house closes to all who have not said yes counts here, too
SELECT count(*) >= 0 AS defined FROM persona.define_moment('ill', on_event => 'look', when_rule => 'sick', purpose => 'service', channel => 'email', template => 'x', generic => 'y');
SELECT count(*) FROM persona.define_attribute('sick', 'user.health_and_medical', 'declared');
SELECT verdict FROM persona.audit('ill') WHERE attribute = 'sick';
BEGIN;
SELECT count(*) >= 0 AS defined FROM persona.define_policy(purpose => 'service', categories => '{user.name}', space => 'house');
SELECT verdict FROM persona.audit('ill') WHERE attribute = 'sick';
ROLLBACK;
-- no variant can be called as another part is, which would hide that one
SELECT bool_and(part ~ ' ') AS parts_have_spaces FROM persona.moment m, persona.moment_uses(m.moment, 'al') u WHERE m.space = 'al' AND part NOT IN (SELECT variant FROM persona.variant WHERE space = 'al');
SELECT count(*) FROM persona.drop_space('al', true);
DROP SCHEMA al CASCADE;
