/*
 * matches() against the condition written by hand. A constant rule is the
 * condition itself, so what is left is planning; any other is compiled once
 * and evaluated row by row, and the difference of the last two numbers is what
 * that adds.
 */
CREATE TABLE customers (id int PRIMARY KEY, name text, country text, plan text, age int, amount numeric, score float8, joined timestamptz, tags text[], data jsonb);
INSERT INTO customers SELECT i, 'name ' || i, (ARRAY['DE', 'FR', 'IT', NULL])[1 + i % 4], (ARRAY['free', 'basic', 'pro'])[1 + i % 3], i % 90, i % 1000, i / 7.0,
	'2026-01-01 00:00+00', ARRAY['a', 'b'], '{"k": 1}' FROM generate_series(1, 300000) i;
VACUUM ANALYZE customers;
CREATE TABLE rules AS SELECT format('country = ''DE'' AND age > %s AND plan <> ''free''', i)::persona.rule AS rule, i AS age FROM generate_series(21, 40) i;
ANALYZE rules;

CALL pg_temp.compare('constant rule, table scan', 'WHERE', 300000,
	$$SELECT count(*) FROM customers c WHERE persona.matches(c, 'country = ''DE'' AND age > 30 AND plan <> ''free''')$$,
	$$SELECT count(*) FROM customers c WHERE country = 'DE' AND age > 30 AND plan <> 'free'$$,
	'', 11, NULL);

CREATE PROCEDURE pg_temp.by_index() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 50000 LOOP
		PERFORM FROM customers c WHERE persona.matches(c, 'id = 4242 AND age > 3');
	END LOOP;
END
$$;
CREATE PROCEDURE pg_temp.by_index_natively() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 50000 LOOP
		PERFORM FROM customers c WHERE id = 4242 AND age > 3;
	END LOOP;
END
$$;
CALL pg_temp.compare('constant rule, index, planned once', 'WHERE', 50000,
	'CALL pg_temp.by_index()', 'CALL pg_temp.by_index_natively()', '', 11, NULL);

CREATE PROCEDURE pg_temp.repeat(statement text) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 5000 LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
CALL pg_temp.compare('constant rule, index, planned each time', 'WHERE', 5000,
	$$CALL pg_temp.repeat($q$SELECT FROM customers c WHERE persona.matches(c, 'id = 4242 AND age > 3')$q$)$$,
	$$CALL pg_temp.repeat($q$SELECT FROM customers c WHERE id = 4242 AND age > 3$q$)$$,
	'', 11, NULL);

/* The same plan for both: a scan and a filter, the rule a parameter. */
SET plan_cache_mode = force_generic_plan;
PREPARE ours(persona.rule) AS SELECT count(*) FROM customers c WHERE persona.matches(c, $1);
PREPARE theirs(text, int, text) AS SELECT count(*) FROM customers c WHERE country = $1 AND age > $2 AND plan <> $3;
CALL pg_temp.compare('rule a parameter, table scan', 'WHERE', 300000,
	$$EXECUTE ours('country = ''DE'' AND age > 30 AND plan <> ''free''')$$, $$EXECUTE theirs('DE', 30, 'free')$$, '', 11, NULL);
RESET plan_cache_mode;

/* One row a query: what it takes to have the rule ready each time. */
CREATE PROCEDURE pg_temp.of_one() LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	asked persona.rule := 'country = ''DE'' AND age > 30 AND plan <> ''free''';
BEGIN
	FOR i IN 1 .. 20000 LOOP
		PERFORM FROM customers c WHERE id = 4242 AND persona.matches(c, asked);
	END LOOP;
END
$$;
CREATE PROCEDURE pg_temp.of_one_natively() LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	asked_country text := 'DE';
	asked_age int := 30;
	asked_plan text := 'free';
BEGIN
	FOR i IN 1 .. 20000 LOOP
		PERFORM FROM customers c WHERE id = 4242 AND country = asked_country AND age > asked_age AND plan <> asked_plan;
	END LOOP;
END
$$;
CALL pg_temp.compare('rule a parameter, one row by index', 'WHERE', 20000,
	'CALL pg_temp.of_one()', 'CALL pg_temp.of_one_natively()', '', 11, NULL);

/* Twenty rules in turn: every row has another rule than the one before. */
CALL pg_temp.compare('rules of a column, another each row', 'the join written by hand', 300000,
	'SELECT count(*) FROM customers c, rules r WHERE c.id <= 15000 AND persona.matches(c, r.rule)',
	$$SELECT count(*) FROM customers c, rules r WHERE c.id <= 15000 AND CASE WHEN r.rule IS NOT NULL THEN c.country = 'DE' AND c.age > r.age AND c.plan <> 'free' END$$,
	'', 11, NULL);

/* A row as one value, from a function or PL/pgSQL's array: copied, then read. */
CALL pg_temp.compare('row as one value', 'its columns', 300000,
	$$SELECT count(*) FROM customers c WHERE persona.matches((ARRAY[c])[1], 'country = ''DE'' AND age > 30 AND plan <> ''free''')$$,
	$$SELECT count(*) FROM customers c WHERE ((ARRAY[c])[1]).country = 'DE' AND ((ARRAY[c])[1]).age > 30 AND ((ARRAY[c])[1]).plan <> 'free'$$,
	'', 7, NULL);
