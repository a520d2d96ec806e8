/*
 * The reader view outcome, with when and for how much each decision led to its
 * goal, against the join that somebody would write for it: all decisions of a
 * moment, and those of one day.
 */
\if :{?people} \else \set people 200000 \endif
\if :{?events} \else \set events 1000000 \endif
CREATE TABLE customers (id int PRIMARY KEY, email text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, amount float8, at timestamptz);
INSERT INTO customers SELECT i, i || '@example.org' FROM generate_series(1, :people) i;
INSERT INTO orders SELECT i, 1 + (hashint8(i)::bigint + 2147483648) % :people, (hashint8(i + 1) & 8191) / 100.0,
	'2026-01-01'::timestamptz + (hashint8(i + 2) & 131071) * interval '1 minute' FROM generate_series(1::bigint, :events) i;
CREATE INDEX ON orders (customer_id, at);

\o /dev/null
SELECT * FROM persona.define_space('shop', 'customers');
SELECT * FROM persona.define_event('purchase', 'orders', subject => 'customer_id', at => 'at', fires => 'never');
SELECT * FROM persona.define_goal('bought', 'count(purchase) > 0', target => 0.05);
\o
CREATE TABLE persona_shop.decision_all PARTITION OF persona_shop.decision DEFAULT;
INSERT INTO persona_shop.decision SELECT id, md5(id::text)::uuid, at, 'thanks', 1, 'thanks', (ARRAY['generic', 'personal'])[1 + id % 2], 'email', 'news', at, at,
	'send', NULL, false, false, NULL, NULL, id::text, 0, '[]', NULL, NULL
FROM customers, LATERAL (SELECT '2026-01-15'::timestamptz + (hashint4(id) & 65535) * interval '1 minute' AS at) t;
VACUUM ANALYZE customers, orders, persona_shop.decision;
SET work_mem = '1GB';

CREATE VIEW by_hand AS
SELECT d.decision, d.moment, d.at, min(o.at) AS converted_at, (count(o.id) > 0)::int AS value
FROM persona_shop.decision d LEFT JOIN orders o ON o.customer_id = d.subject AND o.at >= d.at AND o.at < d.at + interval '14 days'
GROUP BY d.decision, d.moment, d.at;

DO $$
BEGIN
	ASSERT (SELECT bool_and((o.converted_at, o.value) IS NOT DISTINCT FROM (h.converted_at, h.value::float8)) FROM persona_shop.outcome o JOIN by_hand h USING (decision)), 'outcome and its peer differ';
END
$$;
CALL pg_temp.compare('outcome: all of a moment', 'by hand', :people, 'SELECT count(converted_at), avg(value) FROM persona_shop.outcome WHERE moment = ''thanks''',
	'SELECT count(converted_at), avg(value) FROM by_hand WHERE moment = ''thanks''', '', 5, NULL);
CALL pg_temp.compare('outcome: a day of it', 'by hand', 4400, 'SELECT count(converted_at), avg(value) FROM persona_shop.outcome WHERE moment = ''thanks'' AND at >= ''2026-02-03'' AND at < ''2026-02-04''',
	'SELECT count(converted_at), avg(value) FROM by_hand WHERE moment = ''thanks'' AND at >= ''2026-02-03'' AND at < ''2026-02-04''', '', 5, NULL);
