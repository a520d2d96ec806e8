/*
 * A segment over event history against the best that we could write by hand.
 * 100,000 customers, a million orders, an index on (customer_id, at) and one
 * on the time; of two ways to write a thing by hand the faster one is the peer.
 */
CREATE TABLE customers (id int PRIMARY KEY, country text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, category text, amount numeric, at timestamptz);
INSERT INTO customers SELECT i, (ARRAY['DE', 'FR', 'IT', 'ES', 'PL'])[1 + i % 5] FROM generate_series(1, 100000) i;
INSERT INTO orders
SELECT i, 1 + hashint4(i) & 65535, (ARRAY['shoes', 'hats', 'bags', 'books', 'food', 'toys', 'tools', 'games'])[1 + (hashint4(i + 7) & 7)],
	(hashint4(i + 1) & 1023) / 10.0, now() - (hashint4(i + 2) & 1023) * interval '1 day' FROM generate_series(1, 1000000) i;
CREATE INDEX ON orders (customer_id, at);
CREATE INDEX ON orders (at);
VACUUM ANALYZE customers, orders;
SET work_mem = '256MB';

\o /dev/null
SELECT * FROM persona.define_space('shop', 'customers');
SELECT * FROM persona.define_event('purchase', 'orders', subject => 'customer_id', fires => 'never');
SELECT * FROM persona.define_segment('shoes', 'count(purchase) FILTER (WHERE category = ''shoes'') > 0');
SELECT * FROM persona.define_segment('never', 'count(purchase) = 0');
SELECT * FROM persona.define_segment('often', 'count(purchase) FILTER (WHERE category = ''shoes'' AND ago < ''365 days'') >= 2');
SELECT * FROM persona.define_segment('recent', 'count(purchase) FILTER (WHERE ago < ''10 days'') >= 2');
SELECT * FROM persona.define_segment('lapsed', 'ago(last(purchase)) > ''60 days'' AND country = ''DE''');
SELECT * FROM persona.define_segment('mixed', 'count(purchase) >= 5 AND sum(purchase.amount) FILTER (WHERE ago < ''180 days'') > 100');
SELECT * FROM persona.define_segment('latest', 'last(purchase.category) = ''shoes''');
\o

CREATE PROCEDURE pg_temp.against(figure text, segment text, by_hand text, OUT line text) LANGUAGE plpgsql AS $$
DECLARE
	agree boolean;
BEGIN
	EXECUTE format('SELECT NOT EXISTS ((SELECT subject FROM persona_shop.segment_%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL SELECT subject FROM persona_shop.segment_%1$s))',
		segment, by_hand) INTO agree;
	ASSERT agree, segment || ' and its peer differ';
	CALL pg_temp.compare(figure, 'by hand', 100000, format('SELECT count(*) FROM persona_shop.segment_%s', segment),
		format('SELECT count(*) FROM (%s) x', by_hand), '', 11, line);
END
$$;
CALL pg_temp.against('segment: bought shoes', 'shoes', $$SELECT id FROM customers c WHERE EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id AND category = 'shoes')$$, NULL);
CALL pg_temp.against('segment: never bought', 'never', $$SELECT id FROM customers c WHERE NOT EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id)$$, NULL);
CALL pg_temp.against('segment: shoes twice in a year', 'often', $$SELECT id FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE category = 'shoes' AND at > now() - interval '365 days' GROUP BY 1 HAVING count(*) >= 2)$$, NULL);
CALL pg_temp.against('segment: twice in ten days', 'recent', $$SELECT id FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE at > now() - interval '10 days' GROUP BY 1 HAVING count(*) >= 2)$$, NULL);
CALL pg_temp.against('segment: lapsed, of one country', 'lapsed', $$SELECT id FROM customers WHERE country = 'DE' AND id IN (SELECT customer_id FROM orders GROUP BY 1 HAVING max(at) < now() - interval '60 days')$$, NULL);
CALL pg_temp.against('segment: five, and 100 in half a year', 'mixed', $$SELECT id FROM customers WHERE id IN (SELECT customer_id FROM orders GROUP BY 1 HAVING count(*) >= 5 AND sum(amount) FILTER (WHERE at > now() - interval '180 days') > 100)$$, NULL);
CALL pg_temp.against('segment: the last one was shoes', 'latest', $$SELECT id FROM customers WHERE id IN (SELECT customer_id FROM (SELECT DISTINCT ON (customer_id) customer_id, category FROM orders WHERE at IS NOT NULL ORDER BY customer_id, at DESC, id DESC) l WHERE category = 'shoes')$$, NULL);
