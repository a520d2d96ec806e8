-- features(): what a rule looks at
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rf;
CREATE TABLE rf.account (id int PRIMARY KEY, industry text);
CREATE TABLE rf.product (sku text PRIMARY KEY, maker int REFERENCES rf.account);
CREATE TABLE rf.customer (id int PRIMARY KEY, account_id int REFERENCES rf.account, country text, "Größe" int, vip boolean, joined date, tags text[]);
CREATE TABLE rf.orders (id int PRIMARY KEY, customer_id int REFERENCES rf.customer, sku text REFERENCES rf.product, category text, country text, amount numeric, at timestamptz);
CREATE TABLE rf.ticket (customer_id int REFERENCES rf.customer, status text);
SELECT count(*) FROM persona.define_space('rf_shop', 'rf.customer');
SELECT count(*) FROM persona.define_event('purchase', 'rf.orders', fires => 'never');
SELECT count(*) FROM persona.define_event('ticket', 'rf.ticket', fires => 'never');
SELECT count(*) FROM persona.define_facet('account', 'rf.account', via => 'account_id');
SELECT count(*) FROM persona.define_facet('product', 'rf.product', via => 'purchase.sku');
SELECT count(*) FROM persona.define_facet('maker', 'rf.account', via => 'product.maker');
SELECT count(*) FROM persona.define_segment('germans', 'country = ''DE''') WHERE level = 'block';
SELECT * FROM persona.features('country = ''DE'' AND "Größe" > 3 AND country <> ''FR'' AND vip');
SELECT * FROM persona.features('count(purchase) > 1 AND count(purchase) FILTER (WHERE category = ''shoes'' AND ago < ''30 days'') > 1 OR count(purchase) < 9');
SELECT * FROM persona.features('sum(purchase.amount) > 1 AND avg(purchase.amount * 2) > 3 AND count(DISTINCT purchase.country) > 1 AND last(purchase.category) = country AND ago(first(purchase)) < ''3 days''');
SELECT * FROM persona.features('bool_or(ticket.status = ''open'') IS NOT TRUE AND segment(germans) AND segment(''germans'')');
SELECT * FROM persona.features('CASE WHEN vip THEN tags[1] ELSE coalesce(country, lower(country)) END = ''x'' AND joined BETWEEN current_date - 3 AND now()');
SELECT * FROM persona.features('account.industry = ''toys'' AND count(DISTINCT product.sku) > 1 AND last(purchase.product.maker.industry) = account.industry AND count(message) FILTER (WHERE moment = ''thanks'') = 0');
SELECT count(*) FROM persona.features('true');

-- law: each is an expression of its own, and looks at nothing but itself
SELECT bool_and(persona.check_expression(f.feature, 'feature', 'rf_shop') IS NOT NULL) AS expressions,
	bool_and((SELECT array_agg(g) FROM persona.features((f.feature || ' IS NULL')::persona.rule) g) = ARRAY[f]) AS themselves
FROM persona.features('sum(purchase.amount) FILTER (WHERE country = ''DE'') > "Größe" AND segment(germans) AND min(ticket.status) IS NULL') f;

-- mistakes
SELECT * FROM persona.features('sum(purchase.amount) FILTER (WHERE country = ''DE'') > "Größe" AND last(ticket.status) IS NULL');
SELECT * FROM persona.features(NULL);
SELECT * FROM persona.features('contry = ''DE''');
SELECT * FROM persona.features('count(purchas) > 1');
SELECT * FROM persona.features('count(purchase)');
SELECT * FROM persona.features('new.amount > 1');
SELECT * FROM persona.features('true', space => 'rf_chop');
SELECT persona.drop_space('rf_shop');
DROP SCHEMA rf CASCADE;
