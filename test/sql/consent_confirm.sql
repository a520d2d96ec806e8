-- Double opt-in: the first yes is a request, a moment asks for the second, and
-- that one is said once, in time, and not after a no.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA cc;
CREATE TABLE cc.customer (id int PRIMARY KEY, email text);
INSERT INTO cc.customer SELECT i, 'c' || i || '@example.org' FROM generate_series(1, 12) i;
SET persona.space = 'cc_shop';
SELECT count(*) FROM persona.define_space('cc_shop', 'cc.customer');
SELECT code FROM persona.define_channel('email', 'email', '''UTC''');
SELECT code FROM persona.define_channel('sms', 'email', '''UTC''');
SELECT code FROM persona.define_purpose('receipt', 'contract');
-- who forgets to ask is told how
SELECT code, hint FROM persona.define_purpose('news', 'double_opt_in', '2 years');
SELECT code FROM persona.define_event('confirmation', 'persona_cc_shop.confirmation', 'subject', 'at', 'ledger');
SELECT code FROM persona.define_purpose('news', 'double_opt_in', '2 years');
SELECT code FROM persona.define_moment('confirm', on_event => 'confirmation', purpose => 'receipt', channel => 'email', transactional => true,
	template => 'Confirm {{ new.purpose }}: https://shop.example/confirm?{{ new.token }}', generic => 'Confirm {{ new.purpose }}: https://shop.example/confirm?{{ new.token }}', hypothesis => 'x')
	WHERE level = 'block';
SELECT code FROM persona.activate('confirm') WHERE level = 'block';

-- a yes asks, and opens nothing yet
SELECT persona.grant_consent(1, 'news', 'email', 'form', evidence => '{"ip": "203.0.113.9"}') AS request \gset
SELECT decision, basis FROM persona.consent_history(1);
SELECT allowed, reason, ledger_id FROM persona.consent_status(1, 'news', 'email');
CALL persona.run();
SELECT body ~ '^Confirm news: https://shop.example/confirm[?][A-Za-z0-9_-]+$' AS asked, split_part(body, '?', 2) AS token FROM persona.claim('email', 10) \gset
SELECT :'asked' AS asked;
-- the link in the mail opens it; once
SELECT persona.confirm_consent(:'token') AS confirmed \gset
SELECT seq, decision, source, evidence->>'request' = :'request' AS of_it, ledger_id = :'confirmed' AS is_it, expires_at AT TIME ZONE 'UTC' = at AT TIME ZONE 'UTC' + interval '2 years' AS two_years FROM persona.consent_history(1) WHERE seq = 2;
SELECT allowed, reason, ledger_id = :'confirmed' AS by_it FROM persona.consent_status(1, 'news', 'email');
SELECT allowed, reason FROM persona.consent_status(1, 'news', 'sms');
SELECT persona.confirm_consent(:'token');
SELECT count(*) AS waiting FROM persona_cc_shop.confirmation;
-- a token is of one kind: the page's confirms nothing, the mail's shows nothing
SELECT persona.grant_consent(2, 'news', 'email', 'form') IS NOT NULL AS asked;
SELECT token AS two FROM persona_cc_shop.confirmation WHERE subject = 2 \gset
SELECT count(*) FROM persona.preferences(:'two');
SELECT persona.apply_preferences(:'two', '{"everything": false}');
SELECT persona.confirm_consent(persona.preference_token(2));
-- two requests, two mails, each its own; a no ends what came before it
SELECT persona.grant_consent(3, 'news', 'email', 'form') IS NOT NULL, persona.grant_consent(3, 'news', NULL, 'form') IS NOT NULL;
SELECT array_agg(token ORDER BY channel) AS three FROM persona_cc_shop.confirmation WHERE subject = 3 \gset
SELECT persona.withdraw_consent(3, 'news', 'email', 'phone') IS NOT NULL AS no;
SELECT persona.confirm_consent((:'three'::text[])[1]);
SELECT persona.confirm_consent((:'three'::text[])[2]) IS NOT NULL AS the_other;
SELECT persona.withdraw_consent(2, NULL, NULL, 'phone') IS NOT NULL AS no;
SELECT persona.confirm_consent(:'two');
-- too late
SELECT persona.grant_consent(4, 'news', 'email', 'form') IS NOT NULL AS asked;
SELECT token AS four FROM persona_cc_shop.confirmation WHERE subject = 4 \gset
SELECT set_config('persona.clock', (now() + interval '31 days')::text, false) IS NOT NULL AS later;
SELECT persona.confirm_consent(:'four');
RESET persona.clock;
SELECT persona.confirm_consent(:'four') IS NOT NULL AS in_time;
-- a request takes nothing back, nor does a plain yes to a parent; a plain yes is not one
SELECT persona.grant_consent(1, 'news', 'email', 'form') IS NOT NULL AS asked_again, persona.may_contact(1, 'news', 'email') AS still;
SELECT code FROM persona.define_purpose('world', 'consent', '2 years');
SELECT code FROM persona.define_purpose('world.news', 'double_opt_in', '2 years');
SELECT persona.grant_consent(5, 'world', 'email', 'form') IS NOT NULL AS a_parent;
SELECT p, reason FROM unnest('{world,world.news}'::text[]) p, persona.consent_status(5, p, 'email');
-- a link that came by the channel confirms by itself; one for every channel asks
SELECT persona.apply_preferences(persona.preference_token(6, 'email'), '{"purpose": {"news": true}}') AS by_email, persona.apply_preferences(persona.preference_token(7), '{"purpose": {"news": true}}') AS by_any;
SELECT s, decision, channel FROM unnest('{6,7}'::int[]) s, persona.consent_history(s) ORDER BY 1;
SELECT s, persona.may_contact(s, 'news', 'email') FROM unnest('{6,7}'::int[]) s;
-- what was confirmed elsewhere comes by COPY, and is chained and folded like all
COPY persona_cc_shop.consent (subject, purpose, channel, decision, source, at) FROM stdin;
8	news	email	confirm	old system	2024-01-01 00:00+00
8	news	email	withdraw	old system	2024-02-01 00:00+00
9	news	email	confirm	old system	2025-06-01 00:00+00
9	news	email	grant	old system	2025-07-01 00:00+00
\.
SELECT subject, seq, decision, basis, at, expires_at, recorded_by = session_user AS who FROM persona_cc_shop.consent WHERE subject IN (8, 9) ORDER BY 1, 2;
SELECT s, reason FROM unnest('{8,9}'::int[]) s, persona.consent_status(s, 'news', 'email', '2026-01-01 00:00+00');
-- who copies cannot choose what is persona's to say
INSERT INTO persona_cc_shop.consent (subject, seq, ledger, purpose, channel, decision, basis, source, at, recorded_at, recorded_by, expires_at, chain)
VALUES (10, 77, '00000000-0000-0000-0000-000000000000', 'world', 'email', 'grant', 'contract', 'x', '2026-01-01 00:00+00', '2000-01-01', 'somebody', '3000-01-01', '\x00');
SELECT seq, ledger <> '00000000-0000-0000-0000-000000000000' AS own_id, basis, recorded_at > '2020-01-01' AS dated, recorded_by = session_user AS who, expires_at, length(chain) FROM persona_cc_shop.consent WHERE subject = 10;
-- an end that is nearer than the purpose's stays
INSERT INTO persona_cc_shop.consent (subject, purpose, decision, source, at, expires_at) VALUES (11, 'world', 'grant', 'x', '2026-01-01 00:00+00', '2026-02-01 00:00+00');
SELECT expires_at FROM persona_cc_shop.consent WHERE subject = 11;
-- mistakes are refused one row or many
COPY persona_cc_shop.consent (subject, purpose, decision, source) FROM stdin;
12	nws	grant	x
\.
INSERT INTO persona_cc_shop.consent (subject, purpose, channel, decision, source) VALUES (12, 'news', 'fax', 'grant', 'x');
INSERT INTO persona_cc_shop.consent (subject, purpose, decision, source) VALUES (12, 'news', 'grant', ' ');
INSERT INTO persona_cc_shop.consent (subject, purpose, decision, source) VALUES (12, 'news', 'perhaps', 'x');
INSERT INTO persona_cc_shop.consent (subject, purpose, decision, source) VALUES (12, 'news', NULL, 'x');
INSERT INTO persona_cc_shop.consent (subject, purpose, decision, source) VALUES (NULL, 'news', 'grant', 'x');
INSERT INTO persona_cc_shop.consent (subject, purpose, decision, source) VALUES (999, 'news', 'grant', 'x');
INSERT INTO persona_cc_shop.consent (subject, purpose, decision, source, at) VALUES (12, 'news', 'grant', 'x', 'infinity');
SELECT count(*) AS nothing FROM persona.consent_history(12);
SELECT count(*) AS broken FROM persona.verify_ledger();
SELECT count(*) AS different FROM persona.verify_current();
SELECT persona.drop_space('cc_shop', force => true);
DROP SCHEMA cc CASCADE;
