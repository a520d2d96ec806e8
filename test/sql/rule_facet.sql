-- facets: columns of the one row that a customer, an event or a facet points to
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rf;
CREATE TABLE rf.account (id int PRIMARY KEY, industry text, parent_id int);
CREATE TABLE rf.customer (id int PRIMARY KEY, name text, account_id int REFERENCES rf.account);
CREATE TABLE rf.loyalty (customer_id int UNIQUE REFERENCES rf.customer, tier text, points int, referrer_id int);
CREATE TABLE rf.supplier (code text PRIMARY KEY, country text);
CREATE TABLE rf.product (sku text PRIMARY KEY, category text, price numeric, supplier_code text REFERENCES rf.supplier);
CREATE TABLE rf.orders (id bigint PRIMARY KEY, customer_id int REFERENCES rf.customer, sku text REFERENCES rf.product, amount numeric, at timestamptz);
CREATE INDEX ON rf.orders (customer_id, at);
INSERT INTO rf.account SELECT i, CASE i % 4 WHEN 0 THEN 'retail' WHEN 1 THEN 'travel' WHEN 2 THEN 'health' END, CASE WHEN i > 5 THEN i - 5 END FROM generate_series(1, 20) i;
INSERT INTO rf.customer SELECT i, 'n' || i, CASE WHEN i % 6 > 0 THEN 1 + i % 20 END FROM generate_series(1, 120) i;
INSERT INTO rf.loyalty SELECT i, CASE i % 3 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' END, i % 50, i % 7 FROM generate_series(1, 120, 2) i;
INSERT INTO rf.supplier SELECT 's' || i, CASE WHEN i % 2 = 0 THEN 'DE' ELSE 'FR' END FROM generate_series(0, 4) i;
INSERT INTO rf.product SELECT 'p' || i, CASE i % 3 WHEN 0 THEN 'shoes' WHEN 1 THEN 'hats' END, i, CASE WHEN i % 5 > 0 THEN 's' || i % 5 END FROM generate_series(0, 29) i;
INSERT INTO rf.orders SELECT i, 1 + (i * 7) % 110, CASE WHEN i % 11 > 0 THEN 'p' || i % 30 END, i % 50, timestamptz '2026-01-01 00:00+00' - (i % 100) * interval '12 hours' FROM generate_series(1, 800) i;
SET persona.clock = '2026-01-01 00:00+00';
SELECT count(*) FROM persona.define_space('rf_shop', 'rf.customer');
SELECT count(*) FROM persona.define_event('purchase', 'rf.orders');

-- both ends come from the foreign keys, or are named
SELECT * FROM persona.define_facet('account', 'rf.account');
SELECT * FROM persona.define_facet('loyalty', 'rf.loyalty');
SELECT * FROM persona.define_facet('product', 'rf.product', via => 'purchase.sku');
SELECT * FROM persona.define_facet('supplier', 'rf.supplier', via => 'product.supplier_code');
SELECT * FROM persona.define_facet('parent', 'rf.account', via => 'account.parent_id');
SELECT facet, relation, key, parent, via FROM persona.facet ORDER BY facet;

CREATE FUNCTION rf.agrees(rule text, plain text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	agrees boolean;
BEGIN
	EXECUTE format('SELECT NOT EXISTS ((%1$s) EXCEPT ALL (%2$s)) AND NOT EXISTS ((%2$s) EXCEPT ALL (%1$s))
		AND EXISTS (%1$s)', persona.rule_sql(rule::persona.rule, 'rf_shop'), 'SELECT c.id FROM rf.customer c
		LEFT JOIN rf.account a ON a.id = c.account_id LEFT JOIN rf.account p ON p.id = a.parent_id
		LEFT JOIN rf.loyalty l ON l.customer_id = c.id WHERE ' || plain) INTO agrees;
	RETURN agrees;
END;
$$;
CREATE VIEW rf.line AS SELECT o.*, p.category, p.price, s.country FROM rf.orders o LEFT JOIN rf.product p USING (sku) LEFT JOIN rf.supplier s ON s.code = p.supplier_code;
SELECT rule, rf.agrees(rule, plain) AS agrees FROM (VALUES
	('account.industry = ''travel''', 'a.industry = ''travel'''),
	('account.industry IS NULL', 'a.industry IS NULL'),
	('loyalty.tier = ''gold'' AND loyalty.points > 10 AND name LIKE ''n1%''', 'l.tier = ''gold'' AND l.points > 10 AND c.name LIKE ''n1%'''),
	('parent.industry = ''retail''', 'p.industry = ''retail'''),
	('account.parent.industry = ''retail'' OR loyalty.tier = ''silver''', 'p.industry = ''retail'' OR l.tier = ''silver'''),
	('count(purchase) FILTER (WHERE product.category = ''shoes'') >= 3', '(SELECT count(*) FROM rf.line o WHERE o.customer_id = c.id AND category = ''shoes'') >= 3'),
	('sum(purchase.amount * product.price) > 900', '(SELECT sum(amount * price) FROM rf.line o WHERE o.customer_id = c.id) > 900'),
	('max(product.price) < 25', '(SELECT max(price) FROM rf.line o WHERE o.customer_id = c.id) < 25'),
	('count(purchase) FILTER (WHERE supplier.country = ''DE'') = 0', 'NOT EXISTS (SELECT FROM rf.line o WHERE o.customer_id = c.id AND country = ''DE'')'),
	('last(purchase.product.supplier.country) = ''FR''', '(SELECT country FROM rf.line o WHERE o.customer_id = c.id ORDER BY at DESC, id DESC LIMIT 1) = ''FR'''),
	('count(purchase) FILTER (WHERE product.category = ''hats'' AND ago < ''20 days'') > 0 AND account.industry = ''health''', 'EXISTS (SELECT FROM rf.line o WHERE o.customer_id = c.id AND category = ''hats'' AND at > timestamptz ''2026-01-01 00:00+00'' - interval ''20 days'') AND a.industry = ''health''')
) v(rule, plain);

-- a facet of a segment's view follows its table
SELECT count(*) FROM persona.define_segment('gold', 'loyalty.tier = ''gold''');
SELECT count(*) AS before FROM persona_rf_shop.segment_gold;
UPDATE rf.loyalty SET tier = 'silver' WHERE customer_id < 60;
SELECT count(*) AS after FROM persona_rf_shop.segment_gold;
-- ... and of a view there is any one row, so nobody is counted twice
CREATE VIEW rf.twice AS SELECT customer_id, tier FROM rf.loyalty UNION ALL SELECT customer_id, tier FROM rf.loyalty;
SELECT level, code, object FROM persona.define_facet('twice', 'rf.twice', key => 'customer_id');
SELECT rf.agrees('twice.tier = ''silver''', 'l.tier = ''silver''') AS agrees;

-- facets of new
SELECT count(*) FROM persona.define_channel('email', 'name || ''@example.org''');
SELECT count(*) FROM persona.define_purpose('service', 'contract');
SELECT count(*) FROM persona.define_moment('care', on_event => 'purchase', purpose => 'service', channel => 'email', transactional => true,
	when_rule => 'new.product.category = ''shoes'' AND new.product.supplier.country = ''DE'' AND count(purchase) FILTER (WHERE product.category = new.product.category) > 0',
	template => '{{ line }}', generic => '{{ line }}', tokens => '{"line": "new.product.category || '' from '' || new.supplier.country || '' for '' || coalesce(account.industry, ''nobody'')"}');
SELECT count(*) FROM persona.activate('care');
INSERT INTO rf.orders SELECT 10000 + i, i, 'p' || i, 1, '2026-01-02 00:00+00' FROM generate_series(1, 29) i;
SET persona.clock = '2026-01-02 00:00+00';
CALL persona.run();
SELECT array_agg(m.subject ORDER BY m.subject) = ARRAY(SELECT i FROM generate_series(1, 29) i JOIN rf.product p ON p.sku = 'p' || i
	JOIN rf.supplier s ON s.code = p.supplier_code WHERE category = 'shoes' AND s.country = 'DE' ORDER BY i) AS the_right_ones,
	min(body) AS body FROM persona_rf_shop.message m;

-- mistakes
SELECT persona.rule_sql('loyality.tier = ''gold''', 'rf_shop');
SELECT persona.rule_sql('loyalty.tear = ''gold''', 'rf_shop');
SELECT persona.rule_sql('product.category = ''shoes''', 'rf_shop');
SELECT persona.rule_sql('count(purchase) FILTER (WHERE loyalty.tier = ''gold'') > 0', 'rf_shop');
SELECT persona.rule_sql('supplier.product.category = ''x''', 'rf_shop');
SELECT persona.rule_sql('sum(loyalty.points) > 5', 'rf_shop');
SELECT persona.rule_sql('loyalty = ''gold''', 'rf_shop');
SELECT persona.rule_sql('purchase > 3', 'rf_shop');
SELECT persona.rule_sql('new.product.category = ''x''', 'rf_shop');
SELECT * FROM persona.define_facet('purchase', 'rf.loyalty');
SELECT * FROM persona.define_event('loyalty', 'rf.orders');
SELECT * FROM persona.define_facet('ordered', 'rf.orders');
SELECT * FROM persona.define_facet('card', 'rf.loyalty', key => 'tiers');
SELECT * FROM persona.define_facet('card', 'rf.loyalty', via => 'nme');
SELECT * FROM persona.define_facet('card', 'rf.loyalty', via => 'name', key => 'customer_id');
SELECT * FROM persona.define_facet('card', 'rf.loyalty', via => 'a.b.c');
SELECT * FROM persona.define_facet('card', 'rf.loyalty', via => 'purchases.sku');
SELECT * FROM persona.define_facet('account', 'rf.account', via => 'parent.parent_id');
SELECT * FROM persona.define_facet('card', NULL);
SELECT * FROM persona.define_facet('Card', 'rf.loyalty');
SELECT * FROM persona.define_facet('new', 'rf.loyalty');
ALTER TABLE rf.customer ADD other_account int REFERENCES rf.account;
SELECT * FROM persona.define_facet('other', 'rf.account');
CREATE ROLE rf_owner;
ALTER TABLE rf.customer OWNER TO rf_owner;
SELECT * FROM persona.define_facet('account', 'rf.account');
ALTER TABLE rf.customer OWNER TO CURRENT_USER;
DROP ROLE rf_owner;
-- attributes of facets
SELECT count(*) FROM persona.define_attribute('loyalty.points', 'user.behavior.purchase_history', 'transacted');
SELECT * FROM persona.define_attribute('loyalty.pts', 'user.behavior.purchase_history', 'transacted');

-- the messages persona sent, and what it heard of them, are events
SELECT rf.agrees('count(message) FILTER (WHERE moment = ''care'' AND ago < ''7 days'') = 0', 'c.id NOT IN (SELECT subject FROM persona_rf_shop.message)') AS not_written_to;
SELECT rf.agrees('count(message) > 0 AND last(message.channel) = ''email''', 'c.id IN (SELECT subject FROM persona_rf_shop.message)') AS written_to;
UPDATE persona_rf_shop.message SET state = 'cancelled' WHERE subject = (SELECT min(subject) FROM persona_rf_shop.message);
SELECT rf.agrees('count(message) > 0', 'c.id IN (SELECT subject FROM persona_rf_shop.message WHERE state <> ''cancelled'')') AS cancelled_is_none;
SELECT bool_and(persona.feedback(message, 'opened', detail => '{"client": "x"}')) AS noted FROM persona_rf_shop.message WHERE subject > 10;
SELECT bool_or(persona.feedback(message, 'opened')) AS noted_twice FROM persona_rf_shop.message WHERE subject > 10;
SELECT persona.feedback(gen_random_uuid(), 'opened') AS unknown, persona.feedback(NULL, 'opened') AS none;
SELECT persona.feedback(gen_random_uuid(), 'Opened it');
SELECT persona.feedback(gen_random_uuid(), 'opened', at => 'infinity');
SET client_min_messages = notice;
SELECT persona.feedback(gen_random_uuid(), 'oppened'), persona.feedback(gen_random_uuid(), 'read_aloud');
SET client_min_messages = warning;
SELECT persona.feedback(gen_random_uuid(), NULL);
SELECT rf.agrees('count(feedback) FILTER (WHERE what = ''opened'') > 0 AND ago(last(feedback)) < ''1 day''', 'c.id IN (SELECT subject FROM persona_rf_shop.message WHERE subject > 10)') AS opened;
SELECT * FROM persona.define_event('message', 'rf.orders');

RESET persona.clock;
SELECT persona.drop_space('rf_shop', force => true);
DROP SCHEMA rf CASCADE;
