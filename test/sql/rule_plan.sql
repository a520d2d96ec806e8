-- segments as the planner sees them: semi-joins, one pass an event, indexes
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rp;
CREATE TABLE rp.customer (id int PRIMARY KEY, country text, joined timestamptz, seen timestamp, born date) WITH (autovacuum_enabled = off);
CREATE TABLE rp.orders (id bigint PRIMARY KEY, customer_id int, category text, amount numeric, at timestamptz) WITH (autovacuum_enabled = off);
CREATE TABLE rp.visit (customer_id int, page text, at timestamp) WITH (autovacuum_enabled = off);
CREATE TABLE rp.ticket (customer_id int, status text, on_day date) WITH (autovacuum_enabled = off);
INSERT INTO rp.customer SELECT i, (ARRAY['DE', 'FR', 'IT'])[1 + i % 3], timestamptz '2026-01-01 00:00+00' - i * interval '1 hour',
	timestamp '2026-01-01' - i * interval '1 hour', date '2000-01-01' - i % 9000 FROM generate_series(1, 5000) i;
INSERT INTO rp.orders SELECT i, 1 + (i * 7919) % 4000, (ARRAY['shoes', 'hats', 'bags', NULL])[1 + i % 4], i % 100,
	CASE i % 997 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN NULL ELSE timestamptz '2026-01-01 00:00+00' - (i % 2000) * interval '9 hours' END FROM generate_series(1, 40000) i;
INSERT INTO rp.visit SELECT 1 + (i * 31) % 3000, 'p' || i % 9, CASE i % 991 WHEN 0 THEN 'infinity' ELSE timestamp '2026-01-01' - (i % 900) * interval '1 hour' END FROM generate_series(1, 9000) i;
INSERT INTO rp.ticket SELECT i % 700, CASE i % 2 WHEN 0 THEN 'open' ELSE 'closed' END, CASE i % 97 WHEN 0 THEN '-infinity' ELSE date '2026-01-01' - i % 300 END FROM generate_series(1, 1500) i;
CREATE INDEX ON rp.customer (country);
CREATE INDEX ON rp.customer (joined);
CREATE INDEX ON rp.orders (customer_id, at);
CREATE INDEX ON rp.orders (at);
CREATE INDEX ON rp.visit (at);
CREATE INDEX ON rp.ticket (on_day);
-- from all rows, not from some at random
SET default_statistics_target = 400;
ANALYZE rp.customer, rp.orders, rp.visit, rp.ticket;
SET persona.clock = '2026-01-01 00:00+00';
SELECT count(*) FROM persona.define_space('rp_shop', 'rp.customer');
SELECT count(*) FROM persona.define_event('purchase', 'rp.orders', subject => 'customer_id', fires => 'never');
SELECT count(*) FROM persona.define_event('visit', 'rp.visit', subject => 'customer_id', fires => 'never');
SELECT count(*) FROM persona.define_event('ticket', 'rp.ticket', subject => 'customer_id', fires => 'never');
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE FUNCTION rp.plan(rule text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.define_segment('x', rule::persona.rule, space => 'rp_shop');
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) SELECT * FROM persona_rp_shop.segment_x';
END;
$$;
-- a column's index, and that of a time that is compared with the clock
SELECT rp.plan('country = ''DE'' AND joined > ''2025-12-31 00:00+00''');
SELECT rp.plan('ago(joined) < ''10 hours''');
-- there is an event: a semi-join; none: an anti-join
SELECT rp.plan('count(purchase) > 0');
SELECT rp.plan('count(purchase) = 0');
-- how many: from the events alone, in one pass, by the index of their time
SELECT rp.plan('count(purchase) FILTER (WHERE category = ''shoes'' AND ago < ''60 days'') >= 2');
SELECT rp.plan('count(purchase) > 3 AND sum(purchase.amount) > 100 AND ago(last(purchase)) > ''30 days''');
SELECT rp.plan('bool_or(ticket.status = ''open'') IS NOT TRUE');
-- two sources are two passes; what mixes them joins both
SELECT rp.plan('count(purchase) >= 2 AND count(visit) FILTER (WHERE ago < ''2 days'') > 0');
SELECT rp.plan('count(purchase) > count(visit) AND country = ''DE''');
-- a segment among others
SELECT count(*) FROM persona.define_segment('germans', 'country = ''DE''', space => 'rp_shop');
SELECT rp.plan('segment(germans) AND NOT segment(germans)');

-- whatever the form, the members are those of the plain condition, also where
-- times are infinite or NULL, with and without zone
CREATE FUNCTION rp.agrees(rule text, plain text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	agrees boolean;
BEGIN
	EXECUTE format('SELECT NOT EXISTS ((%1$s) EXCEPT ALL (%2$s)) AND NOT EXISTS ((%2$s) EXCEPT ALL (%1$s))',
		persona.rule_sql(rule::persona.rule, 'rp_shop'), 'SELECT id FROM rp.customer c WHERE ' || plain) INTO agrees;
	RETURN agrees;
END;
$$;
DELETE FROM rp.customer WHERE id > 600;
CREATE INDEX ON rp.visit (customer_id);
CREATE INDEX ON rp.ticket (customer_id);
ANALYZE rp.customer, rp.visit, rp.ticket;
CREATE VIEW rp.o AS SELECT *, CASE WHEN isfinite(at) THEN persona.now() - at END AS ago FROM rp.orders;
CREATE VIEW rp.v AS SELECT *, CASE WHEN isfinite(at) THEN persona.now() - at AT TIME ZONE 'UTC' END AS ago FROM rp.visit;
CREATE VIEW rp.t AS SELECT *, CASE WHEN isfinite(on_day) THEN persona.now() - on_day::timestamp AT TIME ZONE 'UTC' END AS ago FROM rp.ticket;
SELECT op, window_length,
	rp.agrees(format('count(purchase) FILTER (WHERE ago %s %L) >= 3', op, window_length),
		format('(SELECT count(*) FROM rp.o WHERE customer_id = c.id AND ago %s %L) >= 3', op, window_length)) AS orders,
	rp.agrees(format('count(visit) FILTER (WHERE %L::interval %s ago OR page = ''p1'') = 1', window_length, op),
		format('(SELECT count(*) FROM rp.v WHERE customer_id = c.id AND (%L %s ago OR page = ''p1'')) = 1', window_length, op)) AS visits,
	rp.agrees(format('count(ticket) FILTER (WHERE ago %s %L) = 0', op, window_length),
		format('NOT EXISTS (SELECT FROM rp.t WHERE customer_id = c.id AND ago %s %L)', op, window_length)) AS tickets,
	rp.agrees(format('NOT ago(seen) %s %L AND ago(joined) %s %L', op, window_length, op, window_length),
		format('NOT persona.now() - seen AT TIME ZONE ''UTC'' %s %L AND persona.now() - joined %s %L', op, window_length, op, window_length)) AS columns
FROM unnest(ARRAY['<', '<=', '>', '>=', '=']) op, unnest(ARRAY['3 days', '1 month', '1 year 2 mons -3 days 04:00', '0', '-1 day', '9 hours']) window_length;
SELECT rule, rp.agrees(rule, plain) AS agrees FROM (VALUES
	('count(purchase) FILTER (WHERE ago BETWEEN ''3 days'' AND ''9 days'') > 1', '(SELECT count(*) FROM rp.o WHERE customer_id = c.id AND ago BETWEEN ''3 days'' AND ''9 days'') > 1'),
	('count(purchase) FILTER (WHERE NOT ago < ''400 days'') > 1', '(SELECT count(*) FROM rp.o WHERE customer_id = c.id AND NOT ago < ''400 days'') > 1'),
	('count(purchase) FILTER (WHERE (ago < ''400 days'') IS NULL) > 0', '(SELECT count(*) FROM rp.o WHERE customer_id = c.id AND ago IS NULL) > 0'),
	('count(purchase) FILTER (WHERE ago < ''200000 years'') >= 2', '(SELECT count(*) FROM rp.o WHERE customer_id = c.id AND ago IS NOT NULL) >= 2'),
	('count(purchase) FILTER (WHERE ago > ''-290000 years'') >= 2', '(SELECT count(*) FROM rp.o WHERE customer_id = c.id AND ago IS NOT NULL) >= 2'),
	('count(purchase) FILTER (WHERE ago < ''1 day''::interval * 20 AND amount > 50) >= 1 AND count(purchase) FILTER (WHERE amount > 50) < 9', '(SELECT count(*) FILTER (WHERE ago < ''20 days'') >= 1 AND count(*) < 9 FROM rp.o WHERE customer_id = c.id AND amount > 50)'),
	('count(purchase) FILTER (WHERE category = ''hats'') < 2', '(SELECT count(*) FROM rp.o WHERE customer_id = c.id AND category = ''hats'') < 2'),
	('count(purchase) < 5 AND sum(purchase.amount) IS NULL', 'NOT EXISTS (SELECT FROM rp.o WHERE customer_id = c.id)'),
	('coalesce(sum(purchase.amount), 0) < 200', '(SELECT coalesce(sum(amount), 0) FROM rp.o WHERE customer_id = c.id) < 200'),
	('coalesce(sum(purchase.amount), 0) < 200 AND max(purchase.amount) > 3', '(SELECT sum(amount) < 200 AND max(amount) > 3 FROM rp.o WHERE customer_id = c.id)'),
	('count(DISTINCT purchase.category) = 0', '(SELECT count(DISTINCT category) FROM rp.o WHERE customer_id = c.id) = 0'),
	('count(purchase.category) = 0', '(SELECT count(category) FROM rp.o WHERE customer_id = c.id) = 0'),
	('count(purchase) = 0 OR country = ''DE''', 'NOT EXISTS (SELECT FROM rp.o WHERE customer_id = c.id) OR country = ''DE'''),
	('NOT (count(purchase) > 0 AND country = ''DE'')', 'NOT (EXISTS (SELECT FROM rp.o WHERE customer_id = c.id) AND country = ''DE'')'),
	('count(purchase) > 8 AND (count(ticket) > 0 OR count(visit) > 2)', '(SELECT count(*) FROM rp.o WHERE customer_id = c.id) > 8 AND (EXISTS (SELECT FROM rp.t WHERE customer_id = c.id) OR (SELECT count(*) FROM rp.v WHERE customer_id = c.id) > 2)'),
	('now() > ''2020-01-01'' OR count(purchase) > 8', 'true'),
	('NOT segment(germans) AND (segment(germans) IS FALSE)', 'country IS DISTINCT FROM ''DE'''),
	('segment(germans) OR count(ticket) > 1', 'country = ''DE'' OR (SELECT count(*) FROM rp.t WHERE customer_id = c.id) > 1')
) v(rule, plain);
SELECT persona.rule_sql('count(purchase) FILTER (WHERE amount) > 0', 'rp_shop');
SELECT persona.rule_sql('count(purchase) FILTER (WHERE ago < ''30 dogs'') > 0', 'rp_shop');
SELECT persona.rule_sql('count(purchase) FILTER (WHERE ago < 30) > 0', 'rp_shop');
SELECT persona.rule_sql('ago(country) < ''3 days''', 'rp_shop');
-- before() is the instant that long before the clock, and never beyond all time
SELECT persona.before('30 days') = timestamptz '2025-12-02 00:00+00' AS days, persona.before('1 month 1 day') = timestamptz '2025-12-01 00:00+00' AS months,
	persona.before('-1 hour') = timestamptz '2026-01-01 01:00+00' AS later, persona.before('178000000 years'), persona.before('-178000000 years'), persona.before(NULL) IS NULL AS none;
RESET persona.clock;
SELECT persona.drop_space('rp_shop');
DROP SCHEMA rp CASCADE;
