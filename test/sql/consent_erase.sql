-- A person is forgotten: nothing of hers is found in any table, results do not
-- move, and nothing is sent to her again, by whatever door she comes back.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA ce;
CREATE ROLE consent_keeper;
GRANT CREATE ON SCHEMA public TO consent_keeper;
GRANT USAGE ON SCHEMA ce TO consent_keeper;
CREATE TABLE ce.customer (id int PRIMARY KEY, email text, phone text, time_zone text);
CREATE TABLE ce.bought (id text PRIMARY KEY, customer_id int, item text, at timestamptz);
CREATE TABLE ce.card (customer_id int PRIMARY KEY, number text);
CREATE INDEX ON ce.bought (customer_id, at);
ALTER TABLE ce.customer OWNER TO consent_keeper;
ALTER TABLE ce.bought OWNER TO consent_keeper;
ALTER TABLE ce.card OWNER TO consent_keeper;
INSERT INTO ce.customer SELECT i, CASE i WHEN 1 THEN ' Canary.ONE@Example.org ' ELSE 'c' || i || '@example.org' END, '+49 30 1234' || i, 'UTC' FROM generate_series(1, 40) i;
INSERT INTO ce.card VALUES (1, 'canary-card');
SET persona.space = 'ce_shop';
SELECT count(*) FROM persona.define_space('ce_shop', 'ce.customer');
SELECT count(*) FROM persona.define_event('purchase', 'ce.bought', 'customer_id');
SELECT count(*) FROM persona.define_facet('card', 'ce.card');
SELECT code FROM persona.define_channel('email', 'email', 'time_zone');
SELECT code FROM persona.define_channel('sms', 'phone', 'time_zone');
SELECT code FROM persona.define_channel('broken', '(1 / (id - id))::text', 'time_zone');
SELECT code FROM persona.define_purpose('service', 'opt_out');
SELECT code FROM persona.define_purpose('news', 'consent', '2 years');
SELECT level FROM persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email',
	template => 'Enjoy {{ new.item }}, {{ email }}', generic => 'Thank you', hypothesis => 'x') WHERE level = 'block';
SELECT count(*) FROM persona.activate('thanks');
SELECT count(persona.grant_consent(id, 'news', 'email', 'canary-form', evidence => '{"ip": "canary-ip"}')) FROM ce.customer;
SELECT persona.withdraw_consent(1, 'news', 'sms', 'canary-call') IS NOT NULL, persona.set_preference(1, 'user.behavior', true), persona.suppress(1, 'sms', 'canary-reason');
INSERT INTO ce.bought SELECT 'canary-order-' || i, i, 'canary-item', now() FROM generate_series(1, 40) i;
CALL persona.run();
SELECT count(*) AS claimed, persona.ack(array_agg(message), array_agg('canary-provider-' || subject)) AS sent FROM persona.claim('email', 40);
SELECT count(persona.feedback(message, 'opened', detail => '{"agent": "canary-agent"}')) AS opened FROM persona_ce_shop.message;
INSERT INTO ce.bought SELECT 'canary-next-' || i, i, 'canary-item', now() FROM generate_series(1, 2) i;
CALL persona.run();
INSERT INTO ce.bought VALUES ('canary-waiting', 1, 'canary-item', now());
SELECT persona.preference_token(1) AS hers, persona.preference_token(2) AS his \gset

-- every text of every row of every table of the space that holds a word
CREATE FUNCTION ce.found(word text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	places text[] := '{}';
	place record;
	n bigint;
BEGIN
	FOR place IN SELECT c.oid::regclass AS name, c.relname FROM pg_class c WHERE c.relnamespace = 'persona_ce_shop'::regnamespace AND c.relkind = 'r' LOOP
		EXECUTE format('SELECT count(*) FROM %s t WHERE t::text ~* $1', place.name) INTO n USING word;
		IF n > 0 THEN places := places || format('%s %s', place.relname, n); END IF;
	END LOOP;
	RETURN ARRAY(SELECT x FROM unnest(places) x ORDER BY 1);
END $$;
CREATE FUNCTION ce.about(who int) RETURNS TABLE (source text, n bigint) LANGUAGE plpgsql AS $$
DECLARE
	place record;
BEGIN
	FOR place IN SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'subject'
		WHERE c.relnamespace = 'persona_ce_shop'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1 LOOP
		source := place.relname;
		EXECUTE format('SELECT count(*) FROM persona_ce_shop.%I WHERE subject = $1', place.relname) INTO n USING who;
		IF n > 0 THEN RETURN NEXT; END IF;
	END LOOP;
END $$;

-- all that is held: each table with each row, and where there is more
SELECT persona.export_subject(1) AS whole \gset
SELECT key AS source, jsonb_array_length(value) AS rows FROM jsonb_each(:'whole'::jsonb -> 'persona') ORDER BY 1;
SELECT count(*) AS tables, count(*) FILTER (WHERE a.n IS DISTINCT FROM jsonb_array_length(e.value)) AS differences
FROM jsonb_each(:'whole'::jsonb -> 'persona') e FULL JOIN ce.about(1) a ON a.source = e.key;
SELECT :'whole'::jsonb -> 'elsewhere' AS elsewhere, :'whole'::jsonb -> 'suppressed_address' AS listed, :'whole'::jsonb ->> 'subject' AS subject;
SELECT :'whole' ~ 'canary-ip' AND :'whole' ~ 'canary-agent' AS hers, :'whole' ~ 'c2@example|canary-order-2' AS his;
SELECT persona.export_subject('2') -> 'persona' ? 'suppression' AS suppressed, persona.export_subject(99) -> 'persona' AS nobody;

-- what results are made of, before and after
CREATE VIEW ce.result AS
SELECT d.moment, d.variant, d.outcome, d.reason, d.at, d.started_at, m.state = 'sent' AS sent, f.what, x.at AS exposed_at
FROM persona_ce_shop.decision d LEFT JOIN persona_ce_shop.message m ON m.decision = d.decision AND m.subject = d.subject
LEFT JOIN persona_ce_shop.feedback f ON f.message = m.message AND f.subject = m.subject
LEFT JOIN persona_ce_shop.exposure x ON x.subject = d.subject AND x.experiment = d.experiment AND x.variant = d.variant;
CREATE TABLE ce.before AS TABLE ce.result;
CREATE TABLE ce.ids AS SELECT subject, decision FROM persona_ce_shop.decision;
SELECT source, done, n FROM persona.erase_subject(1);
SELECT count(*) AS results, (SELECT count(*) FROM (TABLE ce.before EXCEPT ALL TABLE ce.result) x) AS moved FROM ce.before;
SELECT ce.found('canary.?one') AS address, ce.found('canary-order-1\M|canary-next-1|canary-waiting') AS events, ce.found('canary-provider-1\M|canary-call|canary-reason') AS texts;
SELECT * FROM ce.about(1);
SELECT count(*) AS ids_left FROM ce.ids i WHERE i.subject = 1 AND ce.found(i.decision::text) <> '{}';
SELECT cardinality(ce.found(decision::text)) > 0 AS his_are_there FROM ce.ids WHERE subject = 2 LIMIT 1;
SELECT state, reason, count(*) FROM persona_ce_shop.message WHERE subject < 0 GROUP BY 1, 2 ORDER BY 1;
SELECT count(DISTINCT subject) AS one_nobody, bool_and(subject NOT IN (SELECT id FROM ce.customer)) AS no_customer FROM persona_ce_shop.decision WHERE subject < 0;
SELECT count(*) FROM persona.verify_ledger();
SELECT count(*) FROM persona.verify_current();
SELECT persona.export_subject(1) -> 'persona' AS held, persona.export_subject(1) -> 'suppressed_address' -> 0 ->> 'reason' AS listed, jsonb_array_length(persona.export_subject(1) -> 'suppressed_address') AS n;

-- a link from before is dead, for her alone; a new one lives
CREATE FUNCTION ce.state(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT ' || call;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT ce.state(format('count(*) FROM persona.preferences(%L)', :'hers')) AS hers, ce.state(format('persona.apply_preferences(%L, ''{"everything": false}'')', :'hers')) AS write,
	ce.state(format('count(*) FROM persona.preferences(%L)', :'his')) AS his, ce.state(format('count(*) FROM persona.preferences(%L)', persona.preference_token(1))) AS new;
SELECT count(*) AS nothing_done FROM ce.about(1);

-- an old event that is seen again starts nothing where it was decided; the one
-- that still waited meets the suppression of her address
INSERT INTO persona_ce_shop.inbox SELECT customer_id, 'purchase', ARRAY[id], at, now() FROM ce.bought WHERE customer_id IN (1, 2);
CALL persona.run();
SELECT subject, outcome, reason, count(*) FROM persona_ce_shop.decision WHERE subject IN (1, 2) GROUP BY 1, 2, 3 ORDER BY 1;
SELECT count(*) AS waiting FROM persona_ce_shop.schedule;
-- and what is new meets the address's suppression, though nobody opted out;
-- she herself under another key, her address spelt in another way, too
INSERT INTO ce.customer VALUES (41, 'CANARY.one@EXAMPLE.ORG', NULL, 'UTC'), (42, 'other@example.org', '0049 (30) 12-34.1', 'UTC');
INSERT INTO ce.bought SELECT 'new-' || i, i, 'mug', now() FROM unnest(ARRAY[1, 41, 42]) i;
CALL persona.run();
SELECT subject, outcome, reason FROM persona_ce_shop.decision WHERE subject IN (1, 41, 42) ORDER BY 1;
-- until somebody lifts it
SELECT persona.unsuppress_address('canary.one@example.org', NULL) AS lifted, persona.unsuppress_address('canary.one@example.org', NULL) AS again;
INSERT INTO ce.bought VALUES ('new-41b', 41, 'mug', now());
CALL persona.run();
SELECT count(*) FILTER (WHERE outcome = 'send') AS sent FROM persona_ce_shop.decision WHERE subject = 41;
-- a list of addresses that closes between decision and claim closes at the claim
SELECT count(persona.suppress_address(a, 'email', 'complaint')) AS imported FROM unnest(ARRAY['canary.one@example.org', 'Canary.One@example.org', 'nobody@example.org']) a;
SELECT count(*) AS listed_once FROM persona_ce_shop.suppressed_address WHERE reason = 'complaint';
SELECT count(*) FILTER (WHERE subject = '41') AS hers, count(*) > 0 AS others FROM persona.claim('email', 100);
SELECT state, reason FROM persona_ce_shop.message WHERE subject = 41;
SELECT ce.found('nobody@example') AS the_list_holds_no_address;

-- mistakes
SELECT call, ce.state('* FROM persona.' || call) FROM unnest(ARRAY['erase_subject(99)', 'erase_subject(''x'')', 'erase_subject(NULL::int)', 'export_subject(NULL::text)',
	'suppress_address(NULL, ''email'', ''x'')', 'suppress_address('' '', ''email'', ''x'')', 'suppress_address(''a@b'', ''fax'', ''x'')', 'suppress_address(''a@b'', ''email'', NULL)',
	'unsuppress_address(NULL, NULL)', 'forget_consents(NULL)', 'forget_consents(''0'')', 'forget_consents(''-1 year'')']) call;
-- somebody whose row the company deleted first; twice; and whole or not at all
DELETE FROM ce.customer WHERE id = 3;
SELECT source, done, n FROM persona.erase_subject(3);
SELECT * FROM ce.about(3);
SELECT ce.state('* FROM persona.erase_subject(3)') AS unknown_by_now, (SELECT count(*) FROM persona.erase_subject(1)) > 0 AS again;
BEGIN;
SELECT count(*) > 0 AS erased FROM persona.erase_subject(4);
ROLLBACK;
SELECT source, n FROM ce.about(4);

-- one address, many spellings; and no two names alike
SELECT count(DISTINCT persona.pseudonym('k', 'address', a)) AS one FROM unnest(ARRAY['a@b.org', ' A@B.ORG', E'a@b.org\n', 'a@B.org']) a;
SELECT count(DISTINCT persona.pseudonym('k', 'address', a)) AS one FROM unnest(ARRAY['+49 30 123', '004930123', '+49 (30) 1-2-3', '0049/30/123']) a;
SELECT count(DISTINCT (k, n, persona.pseudonym(s, k, n))) = 24 AS all_differ, count(DISTINCT persona.pseudonym(s, k, n)) AS hashes
FROM unnest('{k,kk,\\x00}'::bytea[]) s, unnest('{subject,decision}'::text[]) k, unnest('{a, A," a",030123}'::text[]) n;
-- the hash is HMAC-SHA-256 over kind, colon and name, as Python's hmac has it
SELECT encode(persona.pseudonym('Jefe', 'address', 'A@b.org'), 'hex') = 'f82c697dbfb67594dd5bb3137708ba5e4e9c37631efb56a10c039c2358572d9f' AS address,
	encode(persona.pseudonym('Jefe', 'decision', 'é'), 'hex') = 'bf91e1fbd83e32f68147e621df9969cef1f187f46aeeafe4011bfef4095de8e3' AS unicode,
	encode(persona.pseudonym(repeat('k', 200)::bytea, 'subject', ''), 'hex') = '24965fd83282a52c6ff94bbed822a9fe497ffb2722fc55eccca65cbbe4ca0fc9' AS long_key,
	persona.pseudonym(NULL, 'subject', 'x') IS NULL AS no_key;

-- three duties, three rights on one table
CREATE ROLE consent_clerk; CREATE ROLE consent_auditor; CREATE ROLE consent_eraser;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO consent_clerk, consent_auditor, consent_eraser;
GRANT INSERT ON persona_ce_shop.consent TO consent_clerk;
GRANT SELECT ON persona_ce_shop.consent TO consent_auditor;
GRANT DELETE ON persona_ce_shop.consent TO consent_eraser;
CREATE FUNCTION ce.may(who text, call text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	EXECUTE 'SELECT * FROM persona.' || call;
	RAISE SQLSTATE 'PT000';
EXCEPTION
	WHEN insufficient_privilege THEN RETURN false;
	WHEN SQLSTATE 'PT000' THEN RETURN true;
END $$;
SELECT call, ce.may('consent_clerk', call) AS clerk, ce.may('consent_auditor', call) AS auditor, ce.may('consent_eraser', call) AS eraser
FROM unnest(ARRAY['grant_consent(5, ''news'', ''email'', ''x'')', 'withdraw_consent(5, NULL, NULL, ''x'')', 'set_preference(5, ''user'', false)', 'suppress(5, NULL, ''x'')',
	'unsuppress(5, NULL)', 'suppress_address(''a@b'', NULL, ''x'')', 'preference_token(5)', 'may_contact(5, ''news'', ''email'')', 'consent_status(5, ''news'', ''email'', now())', 'consent_history(5)',
	'export_subject(5)', 'verify_ledger()', 'verify_current()', 'erase_subject(5)', 'forget_consents(''1 year'')']) call;
GRANT EXECUTE ON FUNCTION persona.erase_subject(anyelement, text) TO consent_keeper;
SET ROLE consent_keeper;
SELECT count(*) > 0 AS the_owner_may FROM persona.erase_subject(6);
RESET ROLE;

-- a key of every type has room for somebody who is nobody
CREATE TABLE ce.by_smallint (id smallint PRIMARY KEY);
CREATE TABLE ce.by_bigint (id bigint PRIMARY KEY);
CREATE TABLE ce.by_uuid (id uuid PRIMARY KEY);
CREATE TABLE ce.by_text (id text COLLATE "C" PRIMARY KEY);
CREATE TABLE ce.by_varchar (id varchar(3) PRIMARY KEY);
INSERT INTO ce.by_smallint VALUES (1);
INSERT INTO ce.by_bigint VALUES (1);
INSERT INTO ce.by_uuid VALUES ('018f2b5e-0000-7000-8000-000000000001');
INSERT INTO ce.by_text VALUES ('1');
INSERT INTO ce.by_varchar VALUES ('1');
CREATE FUNCTION ce.forgets(kind text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	home text := 'ce_' || kind;
	said text;
BEGIN
	PERFORM persona.define_space(home, ('ce.by_' || kind)::regclass);
	PERFORM persona.define_channel('email', '''a@example.org''', space => home);
	PERFORM persona.define_purpose('news', 'consent', '1 year', space => home);
	EXECUTE format('SELECT persona.grant_consent(id, ''news'', ''email'', ''x'', space => %L) FROM ce.by_%s', home, kind);
	EXECUTE format('INSERT INTO persona_%s.exposure SELECT id, ''e'', ''v'', now(), gen_random_uuid() FROM ce.by_%s', home, kind);
	EXECUTE format('SELECT string_agg(concat_ws('' '', r.source, r.done, r.n), '', '') FROM ce.by_%s, persona.erase_subject(id, %L) r', kind, home) INTO said;
	EXECUTE format('SELECT $1 || '': '' || bool_and(pg_typeof(x.subject) = pg_typeof(b.id) AND x.subject <> b.id) FROM persona_%s.exposure x, ce.by_%s b', home, kind) INTO said USING said;
	PERFORM persona.drop_space(home, force => true);
	RETURN said;
END $$;
SELECT kind, ce.forgets(kind) FROM unnest(ARRAY['smallint', 'bigint', 'uuid', 'text', 'varchar']) kind;

SELECT persona.drop_space('ce_shop', force => true);
DROP SCHEMA ce CASCADE;
REVOKE CREATE ON SCHEMA public FROM consent_keeper;
DROP OWNED BY consent_keeper, consent_clerk, consent_auditor, consent_eraser;
DROP ROLE consent_keeper, consent_clerk, consent_auditor, consent_eraser;
