-- one brand's role, and one of nobody's, call every function there is about another brand: they learn nothing of it, and change nothing
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE ROLE mr_owner;
CREATE ROLE mr_rival;
CREATE ROLE mr_granted;
CREATE ROLE mr_outsider;
CREATE SCHEMA mr;
CREATE TABLE mr.customer (id int PRIMARY KEY, name text, email text);
CREATE TABLE mr.orders (id int PRIMARY KEY, customer_id int REFERENCES mr.customer, item text, at timestamptz);
CREATE INDEX ON mr.orders (customer_id, at);
CREATE TABLE mr.other (id int PRIMARY KEY, email text);
ALTER TABLE mr.customer OWNER TO mr_owner;
ALTER TABLE mr.orders OWNER TO mr_owner;
ALTER TABLE mr.other OWNER TO mr_rival;
GRANT USAGE ON SCHEMA mr TO mr_owner, mr_rival, mr_granted, mr_outsider;
-- what must not be seen is called so
INSERT INTO mr.customer SELECT n, 'canary name ' || n, 'canary' || n || '@example.org' FROM generate_series(1, 20) n;
INSERT INTO mr.orders SELECT n, n, 'canary item', now() - interval '2 days' FROM generate_series(1, 20) n;
SELECT count(*) FROM persona.define_space('mr_shop', 'mr.customer');
SELECT count(*) FROM persona.define_space('mr_rival', 'mr.other');
SET persona.space = 'mr_shop';
\o /dev/null
SELECT persona.define_event('purchase', 'mr.orders'), persona.define_segment('buyers', 'count(purchase) > 0 OR name = ''canary rule''', 'canary description');
SELECT persona.define_channel('email', 'email', link => 'https://canary.example'), persona.define_purpose('news', 'consent', label => 'canary label'), persona.define_goal('buys', 'count(purchase) FILTER (WHERE item <> ''canary goal'') > 0');
SELECT persona.define_attribute('name', 'user.name', 'declared'), persona.define_category('user.canary', 'high', 'canary category'), persona.define_policy(cap => 77);
SELECT persona.define_moment('thanks', on_event => 'purchase', purpose => 'news', channel => 'email', template => 'canary text {{ name }} {{ unsubscribe_url }}', generic => 'canary text {{ unsubscribe_url }}', hypothesis => 'canary hypothesis');
SELECT persona.define_moment('ask', on_request => true, purpose => 'news', channel => 'email', template => 'canary ask {{ name }}', generic => 'canary ask');
SELECT persona.define_experiment('web', '{personal,generic}', '{0.5,0.5}', goal => 'buys');
SELECT persona.activate('thanks'), persona.activate('ask');
SELECT persona.grant_consent(id, 'news', 'email', 'canary source') FROM mr.customer;
INSERT INTO mr.orders SELECT 100 + n, n, 'canary item', now() FROM generate_series(1, 10) n;
CALL persona.run();
SELECT persona.claim('email', 4);
SELECT persona.expose(5, 'web');
\o
SELECT count(*) AS claimed, min(message::text) AS message FROM persona_mr_shop.message WHERE state = 'claimed' \gset
SELECT :claimed AS claimed;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA persona TO mr_rival, mr_granted;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA persona TO mr_rival, mr_granted;
-- everything that is kept of the brand, as one text
CREATE FUNCTION mr.state() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
	rows text;
	hashes text := '';
BEGIN
	FOR relation IN SELECT c.oid FROM pg_class c WHERE c.relkind = 'r' AND (c.relnamespace = 'persona_mr_shop'::regnamespace OR c.relnamespace = 'mr'::regnamespace
			OR c.relnamespace = 'persona'::regnamespace AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'space')) ORDER BY c.oid::regclass::text LOOP
		EXECUTE format('SELECT md5(coalesce(string_agg(t::text, '','' ORDER BY t::text), '''')) FROM %s t WHERE coalesce(to_jsonb(t)->>''space'', ''mr_shop'') = ''mr_shop''', relation) INTO rows;
		hashes := hashes || relation::text || ' ' || rows || E'\n';
	END LOOP;
	RETURN hashes || (SELECT string_agg(c.relname || c.relowner::regrole, ',' ORDER BY c.relname) FROM pg_class c WHERE c.relnamespace = 'persona_mr_shop'::regnamespace);
END;
$$;
-- a value for each argument that would be right for the brand's own people
CREATE FUNCTION mr.value(name text, type text, message uuid) RETURNS text LANGUAGE sql AS $$
	SELECT CASE
		WHEN type = 'text' THEN quote_literal(CASE name WHEN 'space' THEN 'mr_shop' WHEN 'subject' THEN '1' WHEN 'moment' THEN 'ask' WHEN 'experiment' THEN 'web' WHEN 'segment' THEN 'buyers' WHEN 'what' THEN 'buyers' WHEN 'event' THEN 'purchase'
			WHEN 'channel' THEN 'email' WHEN 'purpose' THEN 'news' WHEN 'goal' THEN 'buys' WHEN 'variant' THEN 'generic' WHEN 'kind' THEN 'segment' WHEN 'name' THEN 'buyers' WHEN 'rule' THEN 'name IS NOT NULL' WHEN 'expression' THEN 'email' WHEN 'key' THEN '1'
			WHEN 'address' THEN 'canary1@example.org' WHEN 'category' THEN 'user.name' WHEN 'attribute' THEN 'name' WHEN 'held' THEN 'drop' WHEN 'scheme' THEN 'persona' WHEN 'period' THEN 'month' WHEN 'unit' THEN 'id' WHEN 'statement' THEN 'SELECT email FROM mr.customer'
			WHEN 'format' THEN 'text' WHEN 'basis' THEN 'consent' WHEN 'sensitivity' THEN 'low' WHEN 'provenance' THEN 'declared' WHEN 'measure' THEN 'count(purchase)' WHEN 'page' THEN 'unsubscribe' WHEN 'link' THEN 'https://x.example' WHEN 'outcome' THEN 'send' ELSE 'x' END) || '::text'
		WHEN type = 'persona.space' THEN '(SELECT ROW(''mr_shop'', ''persona_mr_shop'', ''mr.customer''::regclass, ''id'', ''integer'', NULL)::persona.space)'
		WHEN type = 'persona.rule' THEN '''name IS NOT NULL''::persona.rule'
		WHEN type = 'persona.template' THEN '''x''::persona.template'
		WHEN type = 'uuid' THEN quote_literal(message) || '::uuid'
		WHEN type = 'uuid[]' THEN 'ARRAY[' || quote_literal(message) || ']::uuid[]'
		WHEN type = 'regclass' THEN '''mr.customer''::regclass'
		WHEN type = 'regclass[]' THEN '''{mr.customer,mr.orders}''::regclass[]'
		WHEN type = 'oid' THEN '''mr_owner''::regrole::oid'
		WHEN type = 'anyelement' THEN CASE name WHEN 'shape' THEN 'NULL::text' ELSE '1' END
		WHEN type = '"any"' THEN '0'
		WHEN type = 'record' THEN 'ROW(1)'
		WHEN type = 'text[]' THEN CASE name WHEN 'segments' THEN '''{buyers}''::text[]' WHEN 'measures' THEN '''{count(purchase)}''::text[]' WHEN 'withins' THEN '''{14 days}''::text[]' ELSE 'NULL::text[]' END
		WHEN type IN ('timestamp with time zone', 'interval', 'time without time zone', 'jsonb', 'integer[]', 'double precision[]', 'persona.goal[]') THEN CASE name WHEN 'script' THEN '''{"start": "2026-03-02 09:00+00", "for": "1 day", "steps": []}''::jsonb' ELSE 'NULL::' || type END
		WHEN type = 'boolean' THEN 'false'
		WHEN type IN ('integer', 'bigint', 'double precision', 'smallint', 'numeric') THEN '1::' || type
		ELSE 'NULL::' || type END
$$;
CREATE TABLE mr.calls AS
SELECT p.proname || '(' || coalesce((SELECT string_agg(mr.value(p.proargnames[a.n], format_type(a.type, NULL), :'message'), ', ' ORDER BY a.n) FROM unnest(p.proargtypes) WITH ORDINALITY a(type, n)), '') || ')' AS call,
	row_number() OVER (ORDER BY p.proname, p.oid) AS n
FROM pg_proc p WHERE p.pronamespace = 'persona'::regnamespace AND p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype, 'cstring'::regtype)
	AND NOT p.proargtypes::oid[] && ARRAY['internal'::regtype, 'cstring'::regtype]::oid[] AND p.proname NOT LIKE 'template_%' AND p.proname NOT LIKE 'rule_%send%';
GRANT SELECT ON mr.calls TO mr_rival, mr_granted, mr_outsider;
CREATE FUNCTION mr.call_all(OUT calls bigint, OUT answered bigint, OUT learnt text) LANGUAGE plpgsql AS $$
DECLARE
	c record;
	said text;
	detail text;
	hint text;
BEGIN
	calls := 0;
	answered := 0;
	learnt := '';
	FOR c IN SELECT * FROM mr.calls ORDER BY n LOOP
		calls := calls + 1;
		BEGIN
			EXECUTE format('SELECT coalesce(string_agg(x::text, '' ''), '''') FROM persona.%s x', c.call) INTO said;
			answered := answered + 1;
		EXCEPTION WHEN others THEN
			GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
			said := concat_ws(' ', said, detail, hint);
		END;
		/* What one passes oneself is no news. */
		IF replace(said, 'canary1@example.org', '') ~ 'canary' THEN
			learnt := learnt || left(c.call, 100) || ': ' || left(said, 100) || E'\n';
		END IF;
	END LOOP;
END;
$$;
SELECT mr.state() AS before \gset
-- as its own people it does work, and nothing of that stays
BEGIN;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA persona TO mr_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA persona TO mr_owner;
GRANT SELECT ON mr.calls TO mr_owner;
SET LOCAL ROLE mr_owner;
SELECT calls > 250 AS calls, answered > 150 AS answered, length(learnt) > 1000 AS learnt FROM mr.call_all();
RESET ROLE;
SELECT mr.state() <> :'before' AS changed;
ROLLBACK;
SET ROLE mr_rival;
SELECT calls > 250 AS calls, learnt FROM mr.call_all();
SELECT count(*) AS definitions FROM persona.moment WHERE space = 'mr_shop';
RESET ROLE;
SELECT mr.state() = :'before' AS unchanged;
SET ROLE mr_granted;
SELECT calls > 250 AS calls, learnt FROM mr.call_all();
RESET ROLE;
SELECT mr.state() = :'before' AS unchanged;
SET ROLE mr_outsider;
SET persona.space = 'mr_shop';
SELECT calls > 250 AS calls, learnt FROM mr.call_all();
CALL persona.run();
RESET ROLE;
SELECT mr.state() = :'before' AS unchanged;
RESET persona.space;
SELECT persona.drop_space('mr_shop', force => true), persona.drop_space('mr_rival', force => true);
DROP SCHEMA mr CASCADE;
DROP OWNED BY mr_owner, mr_rival, mr_granted, mr_outsider;
DROP ROLE mr_owner, mr_rival, mr_granted, mr_outsider;
