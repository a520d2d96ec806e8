-- Links that need no login: what they can do, for how long, and that nothing
-- but the very text that was handed out does anything.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA ct;
CREATE TABLE ct.customer (id int PRIMARY KEY, email text);
INSERT INTO ct.customer SELECT i, 'c' || i || '@example.org' FROM generate_series(1, 20) i;
CREATE TABLE ct.other (id int PRIMARY KEY, email text);
INSERT INTO ct.other TABLE ct.customer;
SELECT count(*) FROM persona.define_space('ct_shop', 'ct.customer');
SELECT count(*) FROM persona.define_space('ct_other', 'ct.other');
SELECT s, c FROM unnest(ARRAY['ct_shop', 'ct_other']) s CROSS JOIN unnest(ARRAY['email', 'sms']) c
CROSS JOIN LATERAL persona.define_channel(c, 'email', space => s) f WHERE f.level = 'block';
SELECT code FROM persona.define_purpose('news', 'consent', '1 year', space => 'ct_other');
SET persona.space = 'ct_shop';
SELECT code FROM persona.define_purpose('news', 'consent', '2 years', label => 'Newsletter', description => 'Every Friday');
SELECT code FROM persona.define_purpose('news.offers', 'consent', '1 year');
SELECT code FROM persona.define_purpose('service', 'opt_out');
SELECT code FROM persona.define_purpose('receipt', 'contract');
SELECT code FROM persona.define_attribute('email', 'user.contact.email', 'declared');
SELECT persona.grant_consent(1, 'news', 'email', 'checkout') IS NOT NULL AS granted;

-- a token is safe in a URL, and says what stands; contracts are no choice
SELECT persona.preference_token(1, 'email') AS one, persona.preference_token('1') AS every \gset
SELECT :'one' ~ '^[A-Za-z0-9_-]+$' AS url_safe, length(:'one') < 120 AS short, :'one' <> :'every' AS differ;
SELECT * FROM persona.preferences(:'one');
SELECT * FROM persona.preferences(:'every');

-- only what differs is recorded, a parent before its children
SELECT persona.apply_preferences(:'one', '{"purpose": {"news": true, "service": true}, "category": {"user.contact.email": true}}') AS nothing_new;
SELECT persona.apply_preferences(:'one', '{"purpose": {"news.offers": true, "news": false, "service": false}, "category": {"user.contact.email": false}}') AS four;
SELECT persona.apply_preferences(:'one', '{"purpose": {"news.offers": true, "news": false, "service": false}, "category": {"user.contact.email": false}}') AS said_once;
SELECT kind, name, allowed FROM persona.preferences(:'one');
SELECT seq, purpose, channel, decision, source FROM persona.consent_history(1);
SELECT p, persona.may_contact(1, p, 'email') AS by_email, persona.may_contact(1, p, 'sms') AS by_sms FROM unnest(ARRAY['news', 'news.offers', 'service', 'receipt']) p;
-- one click for everything on the channel, then on every channel
SELECT persona.apply_preferences(:'one', '{"everything": false}') AS stopped, persona.apply_preferences(:'one', '{"everything": false}') AS again;
SELECT p, persona.may_contact(1, p, 'email') AS by_email, persona.may_contact(1, p, 'sms') AS by_sms FROM unnest(ARRAY['news', 'news.offers', 'service', 'receipt']) p;
SELECT persona.apply_preferences(:'every', '{"everything": false}') AS stopped;
SELECT persona.may_contact(1, 'service', 'sms') AS by_sms;
SELECT persona.apply_preferences(:'every', '{"purpose": {"service": true}}') AS back;
SELECT persona.may_contact(1, 'service', 'sms') AS by_sms, persona.may_contact(1, 'service', 'email') AS by_email;
-- what is no preference
CREATE FUNCTION ct.state(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT ' || call;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT wish, ct.state(format('persona.apply_preferences(%L, %L)', :'one', wish)) FROM unnest(ARRAY['[]', '1', 'null', '"x"', NULL, '{"purpose": true}',
	'{"purpose": {"news": null}}', '{"purpose": {"news": "false"}}', '{"purpose": {"receipt": false}}', '{"purpose": {"nws": false}}',
	'{"everything": true}', '{"everything": {"email": false}}', '{"channel": {"email": false}}', '{"category": {"user": false}}', '{}', '{"purpose": {}}']) wish;
SELECT count(*) AS unchanged FROM persona.consent_history(1);
SELECT call, ct.state('persona.preference_token' || call) FROM unnest(ARRAY['(99, ''email'') IS NULL', '(1, ''fax'')', '(NULL::int)', '(1, expires => ''0'')', '(1, expires => ''-1 day'')',
	'(1, ''email'', space => ''none'')']) call;

-- a no for ever, a yes for a while: 30 days, or as it was said
SELECT persona.preference_token(2, 'email') AS month, persona.preference_token(2, 'email', '1 hour') AS hour \gset
SET persona.clock TO '2100-01-01 00:00+00';
SET client_min_messages = notice;
SELECT persona.apply_preferences(:'month', '{"purpose": {"news": true, "service": false}}') AS the_no_alone;
SET client_min_messages = warning;
SELECT kind, name, allowed FROM persona.preferences(:'month');
RESET persona.clock;
SELECT set_config('persona.clock', (now() + interval '2 hours')::text, false) IS NOT NULL AS later;
SELECT persona.apply_preferences(:'hour', '{"purpose": {"news": true}}') AS too_late, persona.apply_preferences(:'month', '{"purpose": {"news": true}}') AS in_time;
RESET persona.clock;

-- keys change and old links live; a key that is deleted ends its links
SELECT persona.preference_token(3) AS old \gset
SELECT persona.rotate_keys() AS second;
SELECT persona.preference_token(3) AS new \gset
SELECT (SELECT count(*) FROM persona.preferences(:'old')) = (SELECT count(*) FROM persona.preferences(:'new')) AS both_live, :'old' <> :'new' AS differ;
BEGIN;
DELETE FROM persona_ct_shop.secret WHERE use = 'token' AND key = 1;
SELECT ct.state(format('count(*) FROM persona.preferences(%L)', :'old')) AS ended, ct.state(format('count(*) FROM persona.preferences(%L)', :'new')) IS NULL AS lives;
DELETE FROM persona_ct_shop.secret;
SELECT ct.state('persona.preference_token(3)');
ROLLBACK;

-- somebody else's space, subject or kind, and somebody who is gone
SELECT persona.preference_token(4, space => 'ct_other') AS foreign, persona.preference_token(20) AS gone \gset
DELETE FROM ct.customer WHERE id = 20;
CREATE FUNCTION ct.forged(token text, old text, new text) RETURNS text LANGUAGE sql AS $$
	SELECT translate(rtrim(translate(encode(overlay(raw PLACING convert_to(new, 'UTF8') FROM position(convert_to(old, 'UTF8') IN raw) FOR length(old)), 'base64'), E'\n', ''), '='), '+/', '-_')
	FROM decode(translate(token, '-_', '+/') || repeat('=', (4 - length(token) % 4) % 4), 'base64') raw
$$;
SELECT what, ct.state(format('count(*) FROM persona.preferences(%L)', t)) AS read, ct.state(format('persona.apply_preferences(%L, ''{"everything": false}'')', t)) AS write,
	ct.state(format('persona.confirm_consent(%L)', t)) AS confirm
FROM (VALUES ('a space made another', ct.forged(:'foreign', 'ct_other', 'ct_shop')), ('a space that is none', ct.forged(:'foreign', 'ct_other', 'ct_ether')),
	('the other way', ct.forged(:'old', 'ct_shop', 'ct_other')), ('a channel made another', ct.forged(:'one', 'email', 'xmail')),
	('somebody who is gone', :'gone'), ('nothing', ''), ('NULL', NULL), ('a blank behind', :'old' || ' '), ('padding', :'old' || '='),
	('twice', :'old' || :'old'), ('the plain alphabet', translate(:'old', '-_', '+/') || '+'), ('very long', repeat('A', 100000))) f(what, t);

-- 100,000 changes of the text and of the bytes: one error, and nothing done
CREATE FUNCTION ct.refused(tokens text[]) RETURNS TABLE (n bigint, accepted bigint, said text[]) LANGUAGE plpgsql AS $$
DECLARE
	t text;
	whats text[] := '{}';
BEGIN
	n := 0;
	accepted := 0;
	FOREACH t IN ARRAY tokens LOOP
		n := n + 1;
		BEGIN
			PERFORM persona.apply_preferences(t, '{"everything": false}');
			accepted := accepted + 1;
		EXCEPTION WHEN OTHERS THEN
			IF SQLSTATE || ' ' || SQLERRM <> ALL (whats) THEN
				whats := whats || (SQLSTATE || ' ' || SQLERRM);
			END IF;
		END;
	END LOOP;
	said := whats;
	RETURN NEXT;
END $$;
SELECT sum(seq) AS statements FROM persona_ct_shop.consent \gset
SELECT setseed(0.25);
-- every bit of the bytes, every place of the text by every letter, every length
WITH raw AS (SELECT decode(translate(:'old', '-_', '+/') || repeat('=', (4 - length(:'old') % 4) % 4), 'base64') AS b),
	alphabet AS (SELECT 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_' AS a),
	changed (t) AS (
		SELECT translate(rtrim(translate(encode(set_bit(b, i, 1 - get_bit(b, i)), 'base64'), E'\n', ''), '='), '+/', '-_') FROM raw, generate_series(0, 8 * length(b) - 1) i
		UNION ALL SELECT overlay(:'old' PLACING substr(a, j, 1) FROM i) FROM alphabet, generate_series(1, length(:'old')) i, generate_series(1, 64) j
		UNION ALL SELECT left(:'old', i) FROM generate_series(0, length(:'old') - 1) i
		UNION ALL SELECT substr(:'old', i) FROM generate_series(2, length(:'old')) i
		UNION ALL SELECT :'old' || substr(a, j, 1) FROM alphabet, generate_series(1, 64) j
		UNION ALL SELECT translate(rtrim(translate(encode(substr(b, 1, i) || substr(b, i + 2), 'base64'), E'\n', ''), '='), '+/', '-_') FROM raw, generate_series(0, length(b) - 1) i
		UNION ALL SELECT overlay(overlay(:'old' PLACING substr(a, 1 + (random() * 63)::int, 1) FROM 1 + (random() * (length(:'old') - 1))::int)
			PLACING substr(a, 1 + (random() * 63)::int, 1) FROM 1 + (random() * (length(:'old') - 1))::int) FROM alphabet, generate_series(1, 95000))
SELECT r.n >= 100000 AS enough, r.accepted, r.said FROM ct.refused(ARRAY(SELECT t FROM changed WHERE t <> :'old')) r;
SELECT sum(seq) - :statements AS recorded_meanwhile FROM persona_ct_shop.consent;
SELECT persona.apply_preferences(:'old', '{"everything": false}') AS the_true_one;

-- a web server needs EXECUTE on two functions and nothing else
CREATE ROLE consent_web;
GRANT EXECUTE ON FUNCTION persona.preferences(text), persona.apply_preferences(text, jsonb) TO consent_web;
SELECT persona.preference_token(5, 'email') AS five \gset
SET ROLE consent_web;
BEGIN READ ONLY;
SELECT count(*) AS boxes FROM persona.preferences(:'five');
COMMIT;
SELECT persona.apply_preferences(:'five', '{"purpose": {"service": false}}') AS recorded;
SELECT persona.preference_token(6);
SELECT persona.may_contact(5, 'service', 'email');
SELECT persona.withdraw_consent(5, NULL, NULL, 'x');
SELECT count(*) FROM persona_ct_shop.secret;
SELECT count(*) FROM persona.purpose;
RESET ROLE;
SELECT persona.may_contact(5, 'service', 'email') AS allowed, recorded_by = session_user AS who FROM persona.consent_history(5);
-- the keys are the owner's alone, and no setting holds them
SELECT relname, relacl IS NULL OR NOT EXISTS (SELECT FROM aclexplode(relacl) a WHERE a.grantee <> c.relowner) AS owner_alone
FROM pg_class c WHERE oid = 'persona_ct_shop.secret'::regclass;
SELECT count(*) AS settings FROM pg_settings, persona_ct_shop.secret WHERE position(encode(secret, 'hex') IN setting) > 0;
SELECT use, key, length(secret) AS bytes FROM persona_ct_shop.secret ORDER BY 1, 2;
SELECT count(DISTINCT secret) = count(*) AS no_two_alike FROM (TABLE persona_ct_shop.secret UNION ALL TABLE persona_ct_other.secret) s;

-- definitions that change in the middle of a page, with every statement of it
CREATE SEQUENCE ct.version;
CREATE FUNCTION ct.redefine() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.define_purpose('p' || i, 'opt_out', description => nextval('ct.version')::text, space => 'ct_shop') FROM generate_series(1, 5) i;
	RETURN NEW;
END $$;
SELECT count(*) AS findings FROM generate_series(1, 20) i, persona.define_purpose('p' || i, 'opt_out');
CREATE TRIGGER a_redefine BEFORE INSERT ON persona_ct_shop.consent FOR EACH ROW EXECUTE FUNCTION ct.redefine();
CREATE TRIGGER z_redefine AFTER INSERT ON persona_ct_shop.consent FOR EACH ROW EXECUTE FUNCTION ct.redefine();
SELECT persona.apply_preferences(persona.preference_token(7), jsonb_build_object('purpose', jsonb_object_agg('p' || i, i % 4 = 0))) AS noes FROM generate_series(1, 20) i;
SELECT persona.apply_preferences(persona.preference_token(7), jsonb_build_object('purpose', jsonb_object_agg('p' || i, i % 4 > 0))) AS turned FROM generate_series(1, 20) i;
SELECT persona.apply_preferences(persona.preference_token(7), '{"everything": false}') AS all_of_it, nextval('ct.version') > 300 AS often;
SELECT count(*) FILTER (WHERE allowed) AS left_open FROM persona.preferences(persona.preference_token(7)) WHERE kind = 'purpose';
SELECT count(*) AS broken FROM persona.verify_ledger();

SELECT persona.drop_space(s, force => true) FROM unnest(ARRAY['ct_shop', 'ct_other']) s;
DROP SCHEMA ct CASCADE;
DROP OWNED BY consent_web;
DROP ROLE consent_web;
