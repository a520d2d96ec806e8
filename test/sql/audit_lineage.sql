-- From a column of a view to the columns of tables.
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA lineage;
SET search_path = lineage;
CREATE TABLE customer (id int PRIMARY KEY, first text, last text, ill boolean, born date, age_group text GENERATED ALWAYS AS (CASE WHEN born < '1970-01-01' THEN 'old' ELSE 'young' END) STORED);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, item text, price numeric);
CREATE TABLE gone (customer_id int, item text);
CREATE VIEW plain AS SELECT id, first || ' ' || last AS name FROM customer WHERE NOT ill;
CREATE VIEW over_it AS SELECT p.id, upper(p.name) AS loud, o.item FROM plain p JOIN orders o ON o.customer_id = p.id;
CREATE VIEW using_join AS SELECT * FROM (SELECT id AS customer_id, first FROM customer) c JOIN orders USING (customer_id);
CREATE VIEW united AS SELECT customer_id, item FROM orders UNION ALL SELECT customer_id, item FROM gone;
CREATE VIEW with_cte AS WITH RECURSIVE best AS (SELECT customer_id, max(price) AS most FROM orders GROUP BY 1),
	chain AS (SELECT 1 AS n, first FROM customer UNION ALL SELECT n + 1, first FROM chain WHERE n < 3)
	SELECT b.customer_id, b.most, (SELECT first FROM customer c WHERE c.id = b.customer_id) AS who, (SELECT min(n) FROM chain) AS n FROM best b;
CREATE VIEW whole AS SELECT c AS person FROM customer c;
CREATE VIEW listed AS SELECT x FROM (VALUES (1), (2)) v(x);
CREATE VIEW lateral_one AS SELECT c.id, l.item FROM customer c, LATERAL (SELECT item FROM orders o WHERE o.customer_id = c.id LIMIT 1) l;
CREATE MATERIALIZED VIEW stored AS SELECT id, count(*) AS n FROM over_it GROUP BY id;
CREATE FUNCTION of(relation regclass, col text) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(base::text || '.' || base_col, ', ' ORDER BY base::text COLLATE "C", base_col COLLATE "C") FROM persona.base_columns(relation, col)$$;
SELECT of('customer', 'first');
SELECT of('plain', 'name');
SELECT of('over_it', 'loud');
SELECT of('over_it', 'item');
SELECT of('using_join', 'customer_id');
SELECT of('united', 'item');
SELECT of('with_cte', 'most');
SELECT of('with_cte', 'who');
SELECT of('with_cte', 'n');
SELECT of('whole', 'person');
SELECT of('listed', 'x') IS NULL;
SELECT of('lateral_one', 'item');
SELECT of('stored', 'n') IS NULL;
SELECT of('stored', 'id');
SELECT of('customer', 'nothing');
SELECT of('customer', NULL) IS NULL, of(NULL, 'first') IS NULL;
-- what decides about rows is read as well, and not shown
SELECT string_agg(format('%s.%s%s', base, base_col, CASE WHEN shown THEN ' shown' END), ', ' ORDER BY base::text COLLATE "C", base_col COLLATE "C") FROM persona.read_columns('over_it', 'loud');
SELECT string_agg(format('%s.%s%s', base, base_col, CASE WHEN shown THEN ' shown' END), ', ' ORDER BY base_col COLLATE "C") FROM persona.read_columns('customer', 'age_group');
-- law: what is shown is read, for every column of every view
SELECT count(*) > 15 AND bool_and(r.shown) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
CROSS JOIN LATERAL persona.base_columns(c.oid, a.attname) b
LEFT JOIN LATERAL persona.read_columns(c.oid, a.attname) r ON (r.base, r.base_col) = (b.base, b.base_col)
WHERE c.relkind IN ('v', 'm') AND c.relnamespace = 'lineage'::regnamespace;
