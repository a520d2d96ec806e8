-- consent: who said yes to what, and what follows
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET persona.space = 'cl_shop';
CREATE SCHEMA cl;
CREATE TABLE cl.customer (id int PRIMARY KEY, email text);
INSERT INTO cl.customer SELECT i, 'c' || i || '@example.org' FROM generate_series(1, 40) i;
SELECT count(*) FROM persona.define_space('cl_shop', 'cl.customer');
SELECT code FROM persona.define_channel('email', 'email');
SELECT code FROM persona.define_channel('sms', 'email');
SELECT code FROM persona.define_purpose('marketing', 'consent', expires => '1 year');
SELECT code FROM persona.define_purpose('marketing.email', 'consent');
SELECT code FROM persona.define_purpose('marketing.email.sale', 'consent');
SELECT code FROM persona.define_purpose('service', 'opt_out');
SELECT code FROM persona.define_purpose('fraud', 'legitimate_interest');
SELECT code FROM persona.define_purpose('receipt', 'contract');
-- mistakes
SELECT * FROM persona.define_purpose('Marketing', 'consent');
SELECT * FROM persona.define_purpose('x', 'consnt');
SELECT * FROM persona.define_purpose('x', NULL);
SELECT * FROM persona.define_purpose('x', 'consent', expires => '-1 day');
SELECT persona.grant_consent(1, 'marketng', 'email', 'test');
SELECT persona.grant_consent(1, 'marketing', 'mail', 'test');
SELECT persona.grant_consent(1, 'marketing', 'email', NULL);
SELECT persona.grant_consent(1, 'marketing', 'email', 'test', at => '2999-01-01');
SELECT persona.grant_consent(1, 'marketing', 'email', 'test', at => '-infinity');
SELECT persona.grant_consent(99, 'marketing', 'email', 'test');
SELECT persona.withdraw_consent(99, NULL, NULL, 'test');
SELECT persona.grant_consent('abc', 'marketing', 'email', 'test');
SELECT persona.grant_consent(NULL, 'marketing', 'email', 'test');
SELECT persona.may_contact(1, 'marketng', 'email');
SELECT persona.may_contact(1, NULL, 'email');
SELECT persona.may_contact(1, 'marketing', 'fax');
SELECT persona.set_preference(1, 'user.location', NULL);
SELECT persona.suppress(1, 'email', NULL);
SELECT persona.suppress(1, 'fax', 'x');
SELECT persona.unsuppress(1, 'fax');
SELECT persona.set_preference(1, 'User Location', false);
SELECT * FROM persona.define_purpose('x', 'consent', expires => '1001 years');
-- each with its own SQLSTATE
CREATE FUNCTION cl.state(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT * FROM persona.' || call;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT call, cl.state(call) FROM unnest(ARRAY['define_purpose(''A'', ''consent'')', 'define_purpose(NULL, ''consent'')',
	'define_purpose(''x'', ''yes'')', 'define_purpose(''x'', ''consent'', ''0'')',
	'grant_consent(1, ''none'', ''email'', ''x'')', 'grant_consent(1, ''marketing'', ''none'', ''x'')',
	'grant_consent(1, ''marketing'', ''email'', '' '')', 'grant_consent(99, ''marketing'', ''email'', ''x'')',
	'grant_consent(''x'', ''marketing'', ''email'', ''x'')', 'withdraw_consent(1, NULL, NULL, NULL)',
	'withdraw_consent(1, NULL, NULL, ''x'', ''infinity'')', 'withdraw_consent(99, NULL, NULL, ''x'')',
	'may_contact(1, ''marketing'', NULL)', 'may_contact(NULL::int, ''marketing'', ''email'')',
	'consent_status(99999999999, ''marketing'', ''email'')', 'consent_history(NULL::text)', 'consent_history(1, space => ''none'')',
	'set_preference(99, ''a'', true)', 'set_preference(1, NULL, true)', 'suppress(99, NULL, ''x'')', 'suppress(1, NULL, '''')',
	'unsuppress(99, NULL)']) call;
SELECT (SELECT count(*) FROM persona_cl_shop.consent) AS recorded, (SELECT count(*) FROM persona_cl_shop.anchor) AS locked;
SELECT persona.may_contact(99, 'marketing', 'email') AS a_stranger, count(*) AS said FROM persona.consent_history(99);

-- silence: the basis decides
SELECT purpose, allowed, reason FROM unnest(ARRAY['marketing', 'service', 'fraud', 'receipt']) purpose,
	persona.consent_status(1, purpose, 'email');
-- a yes, until it expires, to the microsecond
SELECT persona.grant_consent(1, 'marketing', 'email', 'checkout', at => '2022-01-01 00:00+00', evidence => '{"ip": "10.0.0.1"}') IS NOT NULL AS ledger_id;
SELECT at, allowed, reason, since, until FROM unnest(ARRAY['2021-12-31 23:59:59.999999+00', '2022-01-01 00:00+00',
	'2022-12-31 23:59:59.999999+00', '2023-01-01 00:00+00']::timestamptz[]) at, persona.consent_status(1, 'marketing', 'email', at) s;
SELECT persona.may_contact(1, 'marketing', 'sms', '2022-02-01') AS another_channel,
	persona.may_contact(1, 'marketing.email', 'email', '2022-02-01') AS a_child,
	persona.may_contact('1', 'marketing.email.sale', 'email', '2022-02-01') AS a_grandchild,
	persona.may_contact(2, 'marketing', 'email', '2022-02-01') AS somebody_else;
-- the more specific purpose wins, then the later statement
SELECT persona.withdraw_consent(1, 'marketing.email', 'email', 'page', at => '2022-02-01') IS NOT NULL;
SELECT p, allowed, reason FROM unnest(ARRAY['marketing', 'marketing.email', 'marketing.email.sale']) p, persona.consent_status(1, p, 'email', '2022-03-01');
SELECT persona.grant_consent(1, 'marketing', 'email', 'shop', at => '2022-02-10') IS NOT NULL;
SELECT p, allowed, reason FROM unnest(ARRAY['marketing', 'marketing.email']) p, persona.consent_status(1, p, 'email', '2022-03-01');
-- "stop everything" closes the book, and a later yes opens it again
SELECT persona.grant_consent(2, 'marketing.email', 'email', 'shop', at => '2022-01-01') IS NOT NULL;
SELECT persona.withdraw_consent(2, NULL, NULL, 'page', at => '2022-02-01') IS NOT NULL;
SELECT p, c, allowed, reason FROM unnest(ARRAY['marketing.email', 'service', 'fraud', 'receipt']) p, unnest(ARRAY['email', 'sms']) c, persona.consent_status(2, p, c, '2022-03-01');
SELECT persona.grant_consent(2, 'marketing', 'email', 'shop', at => '2022-02-02') IS NOT NULL;
SELECT persona.may_contact(2, 'marketing.email', 'email', '2022-03-01') AS again, persona.may_contact(2, 'marketing.email', 'email', '2022-02-01 12:00') AS not_in_between;
-- at the same instant the no wins, whichever came first
SELECT persona.withdraw_consent(3, 'marketing', 'email', 'x', at => '2022-01-01') IS NOT NULL, persona.grant_consent(3, 'marketing', 'email', 'x', at => '2022-01-01') IS NOT NULL,
	persona.grant_consent(4, 'marketing', 'email', 'x', at => '2022-01-01') IS NOT NULL, persona.withdraw_consent(4, 'marketing', 'email', 'x', at => '2022-01-01') IS NOT NULL;
SELECT persona.may_contact(3, 'marketing', 'email', '2022-02-01') AS no_first, persona.may_contact(4, 'marketing', 'email', '2022-02-01') AS no_second;
-- suppression closes all, from when it was said
SELECT persona.grant_consent(5, 'marketing', 'email', 'x', at => now() - interval '1 day') IS NOT NULL;
SELECT persona.suppress(5, 'email', 'hard bounce');
SELECT allowed, reason FROM persona.consent_status(5, 'marketing', 'email');
SELECT persona.may_contact(5, 'marketing', 'email', now() - interval '1 hour') AS before_it, persona.unsuppress(5, 'email') AS taken_back,
	persona.unsuppress(5, 'email') AS nothing_to_take_back;
SELECT persona.may_contact(5, 'marketing', 'email') AS open_again;
-- the history, in the order of recording
SELECT seq, purpose, channel, decision, source, evidence, at FROM persona.consent_history(1);
SELECT count(*) FROM persona.consent_history('40');

-- a yes to everything lasts as long as the purpose that lasts least
SELECT persona.grant_consent(6, NULL, NULL, 'x', at => '2021-01-01 00:00+00') IS NOT NULL;
SELECT p, reason, until = '2022-01-01 00:00+00' AS a_year FROM unnest(ARRAY['marketing', 'marketing.email', 'service', 'receipt']) p,
	persona.consent_status(6, p, 'sms', '2021-12-31 23:59:59.999999+00');
SELECT p, reason, since = '2022-01-01 00:00+00' AS a_year FROM unnest(ARRAY['marketing', 'marketing.email', 'service', 'receipt']) p,
	persona.consent_status(6, p, 'sms', '2022-01-01 00:00+00');
-- an end is counted in UTC and fixed when it is recorded
SET TimeZone = 'America/New_York';
SELECT persona.grant_consent(7, 'marketing', 'email', 'x', at => '2024-02-29 23:30:00.000001+00') IS NOT NULL;
RESET TimeZone;
SELECT code FROM persona.define_purpose('marketing', 'consent', expires => '1 day');
SELECT expires_at = '2025-02-28 23:30:00.000001+00' AS a_year_later FROM persona.consent_history(7);
-- a clock that is a little ahead counts as now
SELECT persona.grant_consent(8, 'marketing', 'email', 'x', at => clock_timestamp() + interval '30 s') IS NOT NULL;
SELECT at <= recorded_at AS not_ahead, persona.may_contact(8, 'marketing', 'email') AS at_once FROM persona.consent_history(8);
-- a moved clock dates what is said, and asks the ledger for its own time
SET persona.clock = '2030-01-01 00:00+00';
SELECT persona.grant_consent(9, 'marketing', 'email', 'x') IS NOT NULL;
SELECT at = '2030-01-01 00:00+00' AS by_the_clock, persona.may_contact(9, 'marketing', 'email') AS at_once FROM persona.consent_history(9);
SET persona.clock = '2029-12-31 23:59:59.999999+00';
SELECT persona.may_contact(9, 'marketing', 'email') AS just_before;
RESET persona.clock;

-- every row hangs on the one before, whatever the session's settings
CREATE VIEW cl.link AS
SELECT l.*, lag(chain) OVER w AS before, row_number() OVER w AS n
FROM persona_cl_shop.consent l WINDOW w AS (PARTITION BY subject ORDER BY seq);
CREATE FUNCTION cl.broken() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM cl.link WHERE seq <> n OR chain <> persona.consent_chain(before, subject::text, seq, ledger, purpose, channel,
		decision, basis, source, evidence, at, recorded_at, recorded_by, expires_at)
$$;
SELECT count(*) > 10 AS rows, count(before) > 5 AS links, cl.broken() FROM cl.link;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SELECT cl.broken();
RESET TimeZone;
RESET DateStyle;
RESET extra_float_digits;
RESET bytea_output;
-- nobody changes it by the way, the owner included
UPDATE persona_cl_shop.consent SET decision = 'grant';
DELETE FROM persona_cl_shop.consent;
TRUNCATE persona_cl_shop.consent;
-- who breaks the door leaves a broken chain, whatever was changed
ALTER TABLE persona_cl_shop.consent DISABLE TRIGGER USER;
CREATE FUNCTION cl.shows(change text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	broken bigint;
BEGIN
	EXECUTE format(change, 'persona_cl_shop.consent');
	broken := cl.broken();
	RAISE SQLSTATE 'PT000';
EXCEPTION
	WHEN SQLSTATE 'PT000' THEN
		RETURN broken > 0;
END $$;
SELECT change, cl.shows('UPDATE %s SET ' || change || ' WHERE subject = 1 AND seq = 1') AS shows FROM unnest(ARRAY['seq = 9',
	'ledger = gen_random_uuid()', 'purpose = NULL', 'channel = ''sms''', 'decision = ''withdraw''', 'basis = ''contract''', 'source = ''till''',
	'evidence = ''{"ip": "10.0.0.2"}''', 'at = at + interval ''1 us''', 'recorded_at = recorded_at - interval ''1 us''', 'recorded_by = ''me''',
	'expires_at = expires_at + interval ''1 us''', 'chain = sha256(chain)']) change;
SELECT cl.shows('DELETE FROM %s WHERE subject = 1 AND seq = 2') AS a_row_taken_out,
	cl.shows('INSERT INTO %s SELECT subject, seq + 1, ledger, purpose, channel, ''grant'', basis, source, evidence, at, recorded_at, recorded_by, expires_at, chain
		FROM persona_cl_shop.consent WHERE subject = 3 AND seq = 2') AS a_row_put_in;
ALTER TABLE persona_cl_shop.consent ENABLE TRIGGER USER;
SELECT cl.broken();

SELECT persona.drop_space('cl_shop', force => true);
DROP SCHEMA cl CASCADE;
