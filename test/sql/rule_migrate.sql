-- the company's tables change: renames are followed, drops refused, types change by way of release()
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rg;
CREATE TABLE rg.account (id int PRIMARY KEY, industry text);
CREATE TABLE rg.customer (id int PRIMARY KEY, name text, country text, email text, account_id int REFERENCES rg.account, note text);
CREATE TABLE rg.orders (id bigint PRIMARY KEY, customer_id int REFERENCES rg.customer, country text, amount int, at timestamptz);
CREATE INDEX ON rg.orders (customer_id, at);
INSERT INTO rg.account VALUES (1, 'travel'), (2, 'health');
INSERT INTO rg.customer SELECT i, 'n' || i, CASE WHEN i % 2 = 0 THEN 'DE' ELSE 'FR' END, 'e' || i, 1 + i % 2 FROM generate_series(1, 20) i;
INSERT INTO rg.orders SELECT i, 1 + i % 15, 'US', i, now() - i * interval '1 day' FROM generate_series(1, 60) i;
SELECT count(*) FROM persona.define_space('rg_shop', 'rg.customer');
SELECT count(*) FROM persona.define_event('purchase', 'rg.orders');
SELECT count(*) FROM persona.define_facet('account', 'rg.account');
SELECT count(*) FROM persona.define_attribute('country', 'user.location', 'declared');
SELECT count(*) FROM persona.define_attribute('purchase.country', 'user.location', 'transacted');
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_purpose('service', 'contract');
SELECT count(*) FROM persona.define_segment('germans', 'country = ''DE'' OR name = ''country''');
SELECT count(*) FROM persona.define_segment('buyers', 'count(purchase) FILTER (WHERE country = ''US'' AND amount > 5) > 1 AND segment(germans) AND account.industry <> ''x''');
SELECT count(*) FROM persona.define_moment('care', on_event => 'purchase', purpose => 'service', channel => 'email', transactional => true,
	when_rule => 'country <> new.country AND segment(germans)', cancel_rule => 'count(purchase) FILTER (WHERE country = new.country AND amount > 1000) > 0',
	once_per => 'new.country', expires => 'new.at + interval ''9 days''', tokens => '{"where": "country || new.country", "what": "account.industry"}',
	template => '{{ where }} {{ name }} {{ new.amount }}', generic => '{{ where }}');
CREATE TABLE rg.before AS SELECT subject FROM persona_rg_shop.segment_buyers;
CREATE FUNCTION rg.same() RETURNS boolean LANGUAGE sql AS $$
	SELECT NOT EXISTS (SELECT subject FROM rg.before EXCEPT SELECT subject FROM persona_rg_shop.segment_buyers)
		AND NOT EXISTS (SELECT subject FROM persona_rg_shop.segment_buyers EXCEPT SELECT subject FROM rg.before)
		AND NOT EXISTS (SELECT FROM rg.before b WHERE NOT persona.in_segment(b.subject, 'buyers', space => 'rg_shop'))
$$;

-- dropping what is used is refused, and the segment or moment is named
ALTER TABLE rg.customer DROP COLUMN country;
ALTER TABLE rg.orders DROP COLUMN amount;
ALTER TABLE rg.account DROP COLUMN industry;
ALTER TABLE rg.customer DROP COLUMN name;
DROP TABLE rg.orders;
ALTER TABLE rg.customer DROP COLUMN note;

-- renames are followed by every definition, and only where the column is meant
SET client_min_messages = notice;
ALTER TABLE rg.customer RENAME COLUMN country TO land;
ALTER TABLE rg.orders RENAME COLUMN customer_id TO buyer;
ALTER TABLE rg.orders RENAME COLUMN at TO bought_at;
ALTER TABLE rg.account RENAME COLUMN industry TO "Branche";
ALTER TABLE rg.customer RENAME COLUMN account_id TO account_no;
ALTER TABLE rg.customer RENAME COLUMN name TO full_name;
ALTER TABLE rg.orders RENAME COLUMN amount TO total;
ALTER TABLE rg.customer RENAME COLUMN id TO customer_no;
ALTER TABLE rg.orders RENAME TO sales;
SET client_min_messages = warning;
SELECT rule FROM persona.segment WHERE space = 'rg_shop' ORDER BY segment;
SELECT when_rule, cancel_rule, once_per, expires, tokens FROM persona.moment WHERE space = 'rg_shop';
SELECT subject, at, id FROM persona.event WHERE space = 'rg_shop';
SELECT key, via FROM persona.facet WHERE space = 'rg_shop';
SELECT attribute FROM persona.attribute WHERE space = 'rg_shop' ORDER BY 1;
SELECT key FROM persona.space WHERE space = 'rg_shop';
SELECT rg.same();
-- two at once, one taking the other's name
BEGIN;
ALTER TABLE rg.customer RENAME COLUMN land TO swap;
ALTER TABLE rg.customer RENAME COLUMN email TO land;
ALTER TABLE rg.customer RENAME COLUMN swap TO email;
COMMIT;
SELECT rule FROM persona.segment WHERE segment = 'germans' AND space = 'rg_shop';
SELECT address FROM persona.channel WHERE space = 'rg_shop';
SELECT rg.same();
-- where nothing told us, asking does
ALTER EVENT TRIGGER persona_follow DISABLE;
ALTER TABLE rg.customer RENAME COLUMN email TO country;
SELECT persona.rule_sql('email = ''DE''', 'rg_shop');
SELECT * FROM persona.follow_renames('rg_shop');
SELECT count(*) AS nothing_left FROM persona.follow_renames('rg_shop');
ALTER EVENT TRIGGER persona_follow ENABLE;
SELECT rg.same();
SELECT max(version) > 3 AS logged FROM persona.definition_log WHERE kind = 'segment' AND space = 'rg_shop' AND name = 'germans';
-- who renames needs no right on definitions, and no right is lent
CREATE ROLE rg_dba;
GRANT USAGE, CREATE ON SCHEMA rg TO rg_dba;
ALTER TABLE rg.sales OWNER TO rg_dba;
SET ROLE rg_dba;
ALTER TABLE rg.sales RENAME COLUMN total TO amount;
SELECT count(*) FROM persona.segment;
SELECT persona.follow_renames('rg_shop');
RESET ROLE;
ALTER TABLE rg.sales OWNER TO CURRENT_USER;
REVOKE ALL ON SCHEMA rg FROM rg_dba;
DROP ROLE rg_dba;
SELECT rule FROM persona.segment WHERE segment = 'buyers' AND space = 'rg_shop';

-- another type: by way of release() and rebind()
ALTER TABLE rg.sales ALTER COLUMN amount TYPE numeric;
CREATE VIEW rg.dashboard AS SELECT count(*) FROM persona_rg_shop.segment_buyers;
SELECT * FROM persona.release('rg.sales') ORDER BY 2, 3;
SELECT * FROM persona_rg_shop.segment_buyers;
SELECT * FROM rg.dashboard;
SELECT count(*) FROM persona_rg_shop.segment_buyers;
SELECT persona.in_segment(1, 'buyers', space => 'rg_shop');
ALTER TABLE rg.sales ALTER COLUMN amount TYPE numeric;
SELECT * FROM persona.rebind('rg.sales') ORDER BY 2, 3;
SELECT rg.same(), (SELECT count FROM rg.dashboard) = (SELECT count(*) FROM rg.before) AS dashboard;
SELECT count(*) AS none_left FROM persona.rebind('rg.sales');
-- a rule that the migration broke is named, and nothing is half done
SELECT count(*) FROM persona.release('rg.sales');
ALTER TABLE rg.sales ALTER COLUMN amount TYPE text;
SELECT * FROM persona.rebind('rg.sales');
ALTER TABLE rg.sales ALTER COLUMN amount TYPE int USING amount::int;
SELECT count(*) FROM persona.rebind('rg.sales');
SELECT rg.same();

-- an event or facet that is defined anew takes the views along
CREATE TABLE rg.other (id bigint PRIMARY KEY, buyer int, country text, amount int, at timestamptz);
SELECT count(*) FROM persona.define_event('purchase', 'rg.other', subject => 'buyer', fires => 'never');
SELECT count(*) AS nobody FROM persona_rg_shop.segment_buyers;
SELECT count(*) FROM persona.define_event('purchase', 'rg.sales', subject => 'buyer', at => 'bought_at');
SELECT rg.same();
-- prepared statements see a redefinition, of their own session or another's
PREPARE members AS SELECT count(*) FROM persona_rg_shop.segment_germans;
SET plan_cache_mode = force_generic_plan;
EXECUTE members;
SELECT count(*) FROM persona.define_segment('germans', 'country = ''FR'' AND customer_no < 6', space => 'rg_shop');
EXECUTE members;
BEGIN ISOLATION LEVEL REPEATABLE READ;
EXECUTE members;
SELECT count(*) FROM persona.define_segment('germans', 'country = ''DE''', space => 'rg_shop');
EXECUTE members;
SELECT persona.in_segment(2, 'germans', space => 'rg_shop');
COMMIT;
RESET plan_cache_mode;

-- definitions go when nothing uses them any more
SELECT persona.drop_definition('segment', 'germans', space => 'rg_shop');
SELECT persona.drop_definition('event', 'purchase', space => 'rg_shop');
SELECT persona.drop_definition('facet', 'account', space => 'rg_shop');
SELECT persona.drop_definition('channel', 'email', space => 'rg_shop');
SELECT persona.drop_definition('segment', 'buyer', space => 'rg_shop');
SELECT persona.drop_definition('segments', 'buyers', space => 'rg_shop');
SELECT persona.drop_definition(NULL, NULL, space => 'rg_shop');
SELECT persona.drop_definition('segment', NULL, space => 'rg_shop');
SELECT persona.drop_definition('segment', 'buyers', space => 'rg_shop');
DROP VIEW rg.dashboard;
SELECT persona.drop_definition('segment', 'buyers', space => 'rg_shop');
SELECT count(*) FROM persona.activate('care', space => 'rg_shop');
SELECT count(*) FROM persona.define_moment('care', on_event => 'purchase', purpose => 'service', channel => 'email', transactional => true,
	when_rule => 'segment(germans)', template => '{{ full_name }}', generic => 'x', space => 'rg_shop');
SELECT count(*) FROM persona.activate('care', space => 'rg_shop');
SELECT persona.drop_definition('moment', 'care', space => 'rg_shop');
UPDATE persona.moment SET state = 'retired' WHERE space = 'rg_shop';
SELECT persona.drop_definition('moment', 'care', space => 'rg_shop');
SELECT persona.drop_definition(k, n, space => 'rg_shop') FROM (VALUES ('segment', 'germans'), ('facet', 'account'), ('event', 'purchase'), ('attribute', 'purchase.country'), ('channel', 'email'), ('purpose', 'service')) d(k, n);
SELECT relname FROM pg_class WHERE relnamespace = 'persona_rg_shop'::regnamespace AND relkind = 'v' AND relname ~ '^(segment|moment)_' ORDER BY 1;
ALTER TABLE rg.customer DROP COLUMN country;
SELECT persona.drop_space('rg_shop');

-- partitioned tables, inheritance, views and foreign keys between partitions
CREATE TABLE rg.person (id int, region text, born date, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE rg.person_eu (born date, region text NOT NULL, id int NOT NULL);
ALTER TABLE rg.person ATTACH PARTITION rg.person_eu FOR VALUES IN ('eu');
CREATE TABLE rg.person_us PARTITION OF rg.person FOR VALUES IN ('us');
CREATE VIEW rg.everybody AS SELECT id, region, born FROM rg.person;
CREATE TABLE rg.visit (person int, page text, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE rg.visit_old PARTITION OF rg.visit FOR VALUES FROM (MINVALUE) TO ('2026-01-01 00:00+00');
CREATE TABLE rg.visit_new (at timestamptz, page text, person int);
ALTER TABLE rg.visit ATTACH PARTITION rg.visit_new FOR VALUES FROM ('2026-01-01 00:00+00') TO (MAXVALUE);
CREATE TABLE rg.call (person int, minutes int);
CREATE TABLE rg.long_call (reason text) INHERITS (rg.call);
INSERT INTO rg.person SELECT i, CASE WHEN i % 2 = 0 THEN 'eu' ELSE 'us' END, date '2000-01-01' + i FROM generate_series(1, 50) i;
INSERT INTO rg.visit SELECT 1 + i % 40, 'p' || i % 3, timestamptz '2025-12-20' + i * interval '3 hours' FROM generate_series(1, 200) i;
INSERT INTO rg.call SELECT i, i FROM generate_series(1, 10) i;
INSERT INTO rg.long_call SELECT i, 100, 'x' FROM generate_series(5, 15) i;
SELECT count(*) FROM persona.define_space('rg_people', 'rg.everybody', key => 'id');
SELECT count(*) FROM persona.define_event('visit', 'rg.visit', subject => 'person', fires => 'never', space => 'rg_people');
SELECT count(*) FROM persona.define_event('call', 'rg.call', subject => 'person', fires => 'never', space => 'rg_people');
SELECT count(*) FROM persona.define_segment('fans', 'region = ''eu'' AND count(visit) FILTER (WHERE at >= ''2026-01-01 00:00+00'') >= 2 AND max(call.minutes) >= 100', space => 'rg_people');
SELECT NOT EXISTS ((SELECT subject FROM persona_rg_people.segment_fans) EXCEPT ALL (SELECT p.id FROM rg.person p WHERE region = 'eu'
	AND (SELECT count(*) FROM rg.visit v WHERE v.person = p.id AND at >= '2026-01-01 00:00+00') >= 2 AND (SELECT max(minutes) FROM rg.call c WHERE c.person = p.id) >= 100))
	AND (SELECT count(*) FROM persona_rg_people.segment_fans) > 0 AS agrees;
CREATE FUNCTION rg.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END;
$$;
SELECT bool_or(p LIKE '%visit_new%') AS partition_read, bool_or(p LIKE '%visit_old%') AS old_partition_read, bool_or(p LIKE '%person_us%') AS other_region_read
FROM rg.plan('SELECT * FROM persona_rg_people.segment_fans') p;
ALTER TABLE rg.visit RENAME COLUMN page TO url;
ALTER TABLE rg.person RENAME COLUMN region TO area;
SELECT count(*) > 0 AS still_there FROM persona_rg_people.segment_fans;
SELECT persona.drop_space('rg_people');
-- a key that outgrows its type: segments are put back, and what the state cannot hold is said
CREATE TABLE rg.member (id int PRIMARY KEY, vip boolean);
INSERT INTO rg.member VALUES (1, true), (2, false);
SELECT count(*) >= 0 AS defined FROM persona.define_space('rg_club', 'rg.member');
SELECT count(*) >= 0 AS defined FROM persona.define_segment('vips', 'vip', space => 'rg_club');
SELECT count(*) FROM persona.release('rg.member');
ALTER TABLE rg.member ALTER COLUMN id TYPE bigint;
SELECT kind, name FROM persona.rebind('rg.member');
INSERT INTO rg.member VALUES (3000000000, true);
SELECT subject, pg_typeof(subject) FROM persona_rg_club.segment_vips ORDER BY 1;
SELECT persona.in_segment(1, 'vips', space => 'rg_club');
SELECT level, message FROM persona_rg_club.health WHERE code = 'key_retyped';
SELECT persona.define_space('rg_club', 'rg.member');
SELECT persona.drop_space('rg_club');
SELECT count(*) >= 0 AS defined FROM persona.define_space('rg_club', 'rg.member');
SELECT count(*) FROM persona_rg_club.health WHERE code = 'key_retyped';
SELECT persona.drop_space('rg_club');
DROP SCHEMA rg CASCADE;
