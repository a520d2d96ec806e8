-- what a consent banner wrote down, in the ledger
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET persona.space = 'ct_shop';
CREATE SCHEMA ct;
CREATE TABLE ct.customer (id int PRIMARY KEY, email text);
INSERT INTO ct.customer SELECT i, 'c' || i || '@example.org' FROM generate_series(1, 9) i;
SELECT count(*) FROM persona.define_space('ct_shop', 'ct.customer');
SELECT code FROM persona.define_channel('web', 'email');
SELECT code FROM persona.define_purpose('ads', 'consent', expires => '1 year');
SELECT code FROM persona.define_purpose('ads.profile', 'consent');
SELECT code FROM persona.define_purpose('measure', 'legitimate_interest');
/*
 * An encoder: purposes by consent and by interest, vendors 7 and 8 by both,
 * and at most one restriction of a purpose, for vendor 8 alone.
 */
CREATE FUNCTION pg_temp.banner(at timestamptz, purposes int[], interests int[], restricted int DEFAULT NULL, type int DEFAULT 0) RETURNS text
LANGUAGE sql AS $$
	WITH bits AS (
		SELECT '000010' || t || t || repeat('0', 30) || repeat('0', 12) || repeat('0', 18) || '00' || repeat('0', 12)
			|| (SELECT string_agg((i = ANY (purposes))::int::text, '' ORDER BY i) FROM generate_series(1, 24) i)
			|| (SELECT string_agg((i = ANY (interests))::int::text, '' ORDER BY i) FROM generate_series(1, 24) i)
			|| '0' || repeat('0', 12) || v || v || CASE WHEN restricted IS NULL THEN repeat('0', 12)
				ELSE 1::bit(12)::text || restricted::bit(6)::text || type::bit(2)::text || 1::bit(12)::text || '0' || 8::bit(16)::text END AS b
		FROM (SELECT right((extract(epoch FROM at) * 10)::bigint::bit(64)::text, 36) AS t, 8::bit(16)::text || '0' || '00000011' AS v) p)
	SELECT string_agg(substr('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 1 + rpad(substr(b, 1 + i * 6, 6), 6, '0')::bit(6)::int, 1), '' ORDER BY i)
	FROM bits, generate_series(0, (length(b) - 1) / 6) i
$$;
-- a yes where all that it needs is allowed, a no else, by consent or by interest as the purpose's basis says
SELECT purpose, decision FROM persona.grant_consent_tcf(1, pg_temp.banner('2024-05-06 07:08:09.1+00', '{1,3,4}', '{8}'), 7, '{"ads": [3, 4], "ads.profile": [4, 5], "measure": [8]}') ORDER BY 1;
SELECT persona.may_contact(1, 'ads', 'web', '2024-06-01') AS ads, persona.may_contact(1, 'ads.profile', 'web') AS profile, persona.may_contact(1, 'measure', 'web') AS measure;
-- by the IAB's numbers, the same
SELECT purpose, decision FROM persona.grant_consent_tcf('2', pg_temp.banner('2024-05-06 07:08:09.1+00', '{1,3,4}', '{8}'), 7, '{"3": "ads", "4": ["ads", "ads.profile"], "5": "ads.profile", "8": "measure"}') ORDER BY 1;
-- what the ledger holds: the string's own time, the string as evidence, every channel, and an expiry from then on
SELECT purpose, channel, decision, source, evidence ->> 'vendor' AS vendor, evidence ->> 'tcf' = pg_temp.banner('2024-05-06 07:08:09.1+00', '{1,3,4}', '{8}') AS evidence,
	at = '2024-05-06 07:08:09.1+00' AS at, expires_at = '2025-05-06 07:08:09.1+00' AS expires
FROM persona.consent_history(1) ORDER BY purpose;
-- the same string again is no new statement; a later one is, and an earlier one never covers it
SELECT count(*) = 0 AS nothing_new FROM persona.grant_consent_tcf(1, pg_temp.banner('2024-05-06 07:08:09.1+00', '{1,3,4}', '{8}'), 7, '{"ads": [3, 4], "ads.profile": [4, 5], "measure": [8]}');
SELECT decision FROM persona.grant_consent_tcf(1, pg_temp.banner('2024-05-07 10:00+00', '{}', '{}'), 7, '{"ads": [3]}');
SELECT persona.may_contact(1, 'ads', 'web') AS after_a_no, persona.may_contact(1, 'ads', 'web', '2024-05-07 09:00+00') AS before_it;
SELECT decision FROM persona.grant_consent_tcf(1, pg_temp.banner('2024-05-07 09:30+00', '{3}', '{}'), 7, '{"ads": [3]}');
SELECT persona.may_contact(1, 'ads', 'web', '2024-05-08') AS late_arrival;
-- publisher restrictions: none may; by consent alone; by interest alone. They name a vendor
SELECT type, vendor, string_agg(decision, ' ' ORDER BY purpose) FROM unnest('{0,1,2}'::int[]) type, unnest('{7,8}'::int[]) vendor,
	persona.grant_consent_tcf(3 + type, pg_temp.banner('2024-05-06 07:08:09.1+00', '{3}', '{3}', 3, type), vendor, '{"ads": [3], "measure": [3]}') GROUP BY 1, 2 ORDER BY 1, 2;
-- a vendor that nobody said yes to
SELECT decision FROM persona.grant_consent_tcf(6, pg_temp.banner('2024-05-06 07:08:09.1+00', '{3}', '{3}'), 6, '{"ads": [3]}');
-- a day without its time: a yes counts from the morning, a no from the end of the day, or now
SELECT count(*) AS recorded FROM persona.grant_consent_tcf(7, pg_temp.banner('2024-05-06 00:00+00', '{3}', '{}'), 7, '{"ads": [3], "measure": [3]}');
SELECT purpose, decision, at AT TIME ZONE 'UTC' AS at FROM persona.consent_history(7) ORDER BY 1;
SET persona.clock = '2024-05-06 15:00+00';
SELECT count(*) AS recorded FROM persona.grant_consent_tcf(8, pg_temp.banner('2024-05-06 00:00+00', '{3}', '{}'), 7, '{"ads": [3], "measure": [3]}');
SELECT purpose, decision, at AT TIME ZONE 'UTC' AS at FROM persona.consent_history(8) ORDER BY 1;
RESET persona.clock;
-- a yes that has to be confirmed is a request, which the same string makes once
SELECT code FROM persona.define_purpose('post', 'double_opt_in');
SELECT decision FROM persona.grant_consent_tcf(6, pg_temp.banner('2024-05-06 07:08:09.1+00', '{3}', '{}'), 7, '{"post": [3]}');
SELECT count(*) = 0 AS nothing_new FROM persona.grant_consent_tcf(6, pg_temp.banner('2024-05-06 07:08:09.1+00', '{3}', '{}'), 7, '{"post": [3]}');
SELECT decision FROM persona.consent_history(6) WHERE purpose = 'post';
SELECT persona.may_contact(6, 'post', 'web') AS unconfirmed;
-- what is refused leaves nothing behind
SELECT persona.grant_consent_tcf(9, 'nonsense', 7, '{"ads": [3]}');
SELECT persona.grant_consent_tcf(9, NULL, 7, '{"ads": [3]}');
SELECT persona.grant_consent_tcf(9, pg_temp.banner('2024-05-06', '{3}', '{}'), NULL, '{"ads": [3]}');
SELECT persona.grant_consent_tcf(9, pg_temp.banner('2024-05-06', '{3}', '{}'), 0, '{"ads": [3]}');
SELECT persona.grant_consent_tcf(9, pg_temp.banner('2024-05-06', '{3}', '{}'), 7, '{"ads": [3], "adds": [4]}');
SELECT persona.grant_consent_tcf(99, pg_temp.banner('2024-05-06', '{3}', '{}'), 7, '{"ads": [3]}');
SELECT persona.grant_consent_tcf(9, pg_temp.banner('2099-05-06 01:00', '{3}', '{}'), 7, '{"ads": [3]}');
CREATE FUNCTION pg_temp.state(mapping jsonb) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.grant_consent_tcf(9, pg_temp.banner('2024-05-06', '{3}', '{}'), 7, mapping);
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END
$$;
SELECT string_agg(m || ' ' || pg_temp.state(m::jsonb), E'\n') FROM unnest(ARRAY['{}', '[3]', '"ads"', 'null', '3', '{"ads": []}', '{"ads": [0]}', '{"ads": [25]}', '{"ads": ["x"]}', '{"ads": [1.5]}',
	'{"ads": [null]}', '{"ads": {"a": 3}}', '{"ads": [3], "measure": []}', '{"25": "ads"}', '{"3": []}']) m;
SELECT persona.grant_consent_tcf(9, pg_temp.banner('2024-05-06', '{3}', '{}'), 7, NULL);
SELECT count(*) = 0 AS nothing_recorded FROM persona.consent_history(9);
SELECT persona.drop_space('ct_shop', force => true);
DROP SCHEMA ct CASCADE;
