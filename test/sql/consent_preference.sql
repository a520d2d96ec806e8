-- Preferences, suppressions, and who may do what to whom.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA cp;
CREATE ROLE consent_owner;
CREATE ROLE consent_stranger;
GRANT USAGE ON SCHEMA cp TO consent_owner, consent_stranger;
CREATE TABLE cp.customer (id int PRIMARY KEY);
INSERT INTO cp.customer SELECT generate_series(1, 9);
ALTER TABLE cp.customer OWNER TO consent_owner;
SET persona.space = 'cp_shop';
SELECT code FROM persona.define_space('cp_shop', 'cp.customer');
SELECT code FROM persona.define_channel('email', '''a@example.org''');
SELECT code FROM persona.define_channel('sms', '''+49''');
SELECT code FROM persona.define_purpose('news', 'opt_out');
SELECT code FROM persona.define_purpose('offers', 'consent', '1 year');

-- a preference is one row a category; the last word counts
SELECT persona.set_preference(1, 'user.behavior', false), persona.set_preference('1', 'user.behavior.browsing', true);
SELECT persona.set_preference(1, 'user.behavior', true), persona.set_preference(1, 'user.behavior', false);
SELECT category, allowed, at <= now() AS dated FROM persona_cp_shop.preference WHERE subject = 1 ORDER BY 1;

-- one that nothing is of may be misspelt: it is kept, and said
SET client_min_messages = notice;
SELECT persona.set_preference(9, 'user.behaviour', false), persona.set_preference(9, 'user', true), persona.set_preference(9, 'user.contact', true);
SELECT persona.set_preference(9, 'shoes', false);
SET client_min_messages = warning;
SELECT category FROM persona_cp_shop.preference WHERE subject = 9 ORDER BY 1;

-- a suppression keeps its first reason and time, a channel's and everyone's are two
SELECT persona.suppress(2, 'sms', 'asked on the phone'), persona.suppress(2, 'sms', 'again'), persona.suppress(2, NULL, 'complaint');
SELECT channel, reason FROM persona_cp_shop.suppression WHERE subject = 2 ORDER BY 1;
SELECT c, persona.may_contact(2, 'news', c) FROM unnest(ARRAY['email', 'sms']) c;
SELECT persona.unsuppress(2, NULL);
SELECT c, persona.may_contact(2, 'news', c) FROM unnest(ARRAY['email', 'sms']) c;
-- it closes what was granted, and a contract too
SELECT code FROM persona.define_purpose('receipt', 'contract');
SELECT persona.grant_consent(2, 'receipt', 'sms', 'x') IS NOT NULL;
SELECT p, allowed, reason, ledger_id IS NULL AS no_statement, since IS NOT NULL AS dated, until
FROM unnest(ARRAY['news', 'offers', 'receipt']) p, persona.consent_status(2, p, 'sms');
-- what the basis allows needs no words, and no row
SELECT p, allowed, reason, ledger_id, since, until FROM unnest(ARRAY['news', 'offers', 'receipt']) p, persona.consent_status(3, p, 'sms');
SELECT count(*) AS rows_by_asking FROM persona_cp_shop.anchor WHERE subject = 3;
-- the basis is today's: a law that changes closes at once, what was said stays
SELECT persona.withdraw_consent(4, 'offers', 'email', 'x') IS NOT NULL, persona.grant_consent(5, 'offers', 'email', 'x') IS NOT NULL;
SELECT code FROM persona.define_purpose('news', 'consent', '1 year');
SELECT code FROM persona.define_purpose('offers', 'opt_out');
SELECT s, p, allowed, reason FROM unnest(ARRAY[3, 4, 5]) s, unnest(ARRAY['news', 'offers']) p, persona.consent_status(s, p, 'email') ORDER BY 1, 2;
SELECT body->>'basis' AS basis, version FROM persona.definition_log WHERE space = 'cp_shop' AND kind = 'purpose' AND name = 'news' ORDER BY version;

-- messages that a sender already has cannot be called back, and it is said
INSERT INTO persona_cp_shop.message (subject, message, decision, moment, variant, channel, purpose, transactional, categories, state, attempt, created_at, ready_at)
SELECT 6, gen_random_uuid(), gen_random_uuid(), 'm', 'generic', c, p, p = 'receipt', '{}', state, 1, now(), now()
FROM unnest(ARRAY['email', 'sms']) c, unnest(ARRAY['news', 'news.weekly', 'newspaper', 'receipt']) p, unnest(ARRAY['claimed', 'ready']) state;
SET client_min_messages = notice;
SELECT persona.withdraw_consent(6, 'news', 'email', 'x') IS NOT NULL;
SELECT persona.withdraw_consent(6, NULL, NULL, 'x') IS NOT NULL;
SELECT persona.withdraw_consent(7, NULL, NULL, 'x') IS NOT NULL;
SET client_min_messages = warning;
SELECT state, count(*) AS untouched FROM persona_cp_shop.message GROUP BY 1 ORDER BY 1;

-- nobody may do anything who was not allowed to
SET ROLE consent_stranger;
SELECT persona.grant_consent(1, 'news', 'email', 'x');
SELECT persona.may_contact(1, 'news', 'email');
SELECT count(*) FROM persona_cp_shop.consent_state;
RESET ROLE;
-- the owner of the customers, once let in, records and reads; the view asks as its reader
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO consent_owner, consent_stranger;
GRANT SELECT ON ALL TABLES IN SCHEMA persona TO consent_owner, consent_stranger;
SET ROLE consent_owner;
SELECT persona.grant_consent(8, 'news', 'email', 'x') IS NOT NULL AS recorded, persona.set_preference(8, 'user', false), persona.suppress(8, 'sms', 'x');
SELECT c, persona.may_contact(8, 'news', c) FROM unnest(ARRAY['email', 'sms']) c;
SELECT purpose, channel, allowed, reason FROM persona_cp_shop.consent_state WHERE subject = 8 AND purpose = 'news' ORDER BY 1, 2;
UPDATE persona_cp_shop.consent SET decision = 'withdraw';
-- a stranger may not, whatever functions he may call
SET ROLE consent_stranger;
SELECT persona.may_contact(8, 'news', 'email');
SELECT persona.withdraw_consent(8, NULL, NULL, 'x');
SELECT count(*) FROM persona_cp_shop.consent_state;
RESET ROLE;
SELECT relowner::regrole AS view_owner, reloptions FROM pg_class WHERE oid = 'persona_cp_shop.consent_state'::regclass;
SELECT persona.drop_space('cp_shop', force => true);
DROP SCHEMA cp CASCADE;
DROP OWNED BY consent_owner, consent_stranger;
DROP ROLE consent_owner, consent_stranger;
