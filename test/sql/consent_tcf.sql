-- consent strings of banners: encoded here by the IAB's layout, decoded by tcf()
\set SHOW_CONTEXT never
\set VERBOSITY terse
-- An encoder that knows the layout and nothing else.
CREATE FUNCTION pg_temp.bits(n bigint, width int) RETURNS text
LANGUAGE sql IMMUTABLE AS $$SELECT right(n::bit(64)::text, width)$$;
CREATE FUNCTION pg_temp.flags(chosen int[], width int) RETURNS text
LANGUAGE sql IMMUTABLE AS $$SELECT coalesce(string_agg((i = ANY (chosen))::int::text, '' ORDER BY i), '') FROM generate_series(1, width) i$$;
CREATE FUNCTION pg_temp.base64(bits text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(substr('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 1 + rpad(substr(bits, 1 + i * 6, 6), 6, '0')::bit(6)::int, 1), '' ORDER BY i)
	FROM generate_series(0, (length(bits) - 1) / 6) i
$$;
CREATE FUNCTION pg_temp.vendors(chosen int[], highest int) RETURNS text
LANGUAGE sql IMMUTABLE AS $$SELECT pg_temp.bits(highest, 16) || '0' || pg_temp.flags(chosen, highest)$$;
-- ranges are {first,last}, one vendor where they are equal
CREATE FUNCTION pg_temp.ranges(ranges int[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT pg_temp.bits(coalesce(array_length(ranges, 1), 0), 12) || coalesce(string_agg(CASE WHEN ranges[i][1] = ranges[i][2] THEN '0' || pg_temp.bits(ranges[i][1], 16)
		ELSE '1' || pg_temp.bits(ranges[i][1], 16) || pg_temp.bits(ranges[i][2], 16) END, '' ORDER BY i), '')
	FROM generate_series(1, array_length(ranges, 1)) i
$$;
CREATE FUNCTION pg_temp.ranged(ranges int[], highest int) RETURNS text
LANGUAGE sql IMMUTABLE AS $$SELECT pg_temp.bits(highest, 16) || '1' || pg_temp.ranges(ranges)$$;
-- the core up to its vendors: 2024-05-06 07:08:09.1, last updated a day later, ES, published in DE
CREATE FUNCTION pg_temp.core(purposes int[], interests int[], vendors text, by_interest text, restrictions text DEFAULT '000000000000',
	version int DEFAULT 2, language int DEFAULT 4) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT pg_temp.bits(version, 6) || pg_temp.bits(17149792891, 36) || pg_temp.bits(17150656891, 36) || pg_temp.bits(4095, 12) || pg_temp.bits(7, 12) || pg_temp.bits(63, 6)
		|| pg_temp.bits(language, 6) || pg_temp.bits(18, 6) || pg_temp.bits(48, 12) || pg_temp.bits(4, 6) || '1' || '0' || pg_temp.flags('{2,12}', 12)
		|| pg_temp.flags(purposes, 24) || pg_temp.flags(interests, 24) || '1' || pg_temp.bits(3, 6) || pg_temp.bits(4, 6) || vendors || by_interest || restrictions
$$;

-- every field of the core, and nothing of the segments that are missing
SELECT persona.tcf(pg_temp.base64(pg_temp.core('{1,2,24}', '{7}', pg_temp.vendors('{1,3,9}', 9), pg_temp.vendors('{}', 0)))) = '{
	"version": 2, "created": "2024-05-06T07:08:09.100Z", "lastUpdated": "2024-05-07T07:08:09.100Z", "cmpId": 4095, "cmpVersion": 7, "consentScreen": 63,
	"consentLanguage": "ES", "vendorListVersion": 48, "policyVersion": 4, "isServiceSpecific": true, "useNonStandardTexts": false, "purposeOneTreatment": true,
	"publisherCountryCode": "DE", "specialFeatureOptins": [2, 12], "purposeConsents": [1, 2, 24], "purposeLegitimateInterests": [7],
	"vendorConsents": [1, 3, 9], "vendorLegitimateInterests": [], "publisherRestrictions": [], "vendorsDisclosed": [], "vendorsAllowed": [],
	"publisherConsents": [], "publisherLegitimateInterests": [], "numCustomPurposes": 0, "publisherCustomConsents": [], "publisherCustomLegitimateInterests": []}' AS core;
-- the other segments in any order, ranges that overlap, restrictions that name a purpose twice
SELECT t ->> 'vendorConsents' = '[4, 5, 6, 7, 8, 65535]' AS ranges, t ->> 'vendorLegitimateInterests' = '[2]' AS interests,
	t -> 'publisherRestrictions' = '[{"purposeId": 7, "restrictionType": 1, "vendors": [1, 2, 3, 32]}, {"purposeId": 2, "restrictionType": 0, "vendors": [65535]}]' AS restrictions,
	t ->> 'vendorsDisclosed' = '[1, 2]' AS disclosed, t ->> 'vendorsAllowed' = '[10]' AS allowed,
	t ->> 'publisherConsents' = '[1, 24]' AND t ->> 'publisherLegitimateInterests' = '[2]' AND t ->> 'numCustomPurposes' = '3'
		AND t ->> 'publisherCustomConsents' = '[3]' AND t ->> 'publisherCustomLegitimateInterests' = '[1, 2]' AS publisher
FROM persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', pg_temp.ranged('{{4,7},{6,8},{65535,65535}}', 65535), pg_temp.ranged('{{2,2}}', 2),
		pg_temp.bits(3, 12) || pg_temp.bits(7, 6) || '01' || pg_temp.ranges('{{32,32}}') || pg_temp.bits(2, 6) || '00' || pg_temp.ranges('{{65535,65535}}')
		|| pg_temp.bits(7, 6) || '01' || pg_temp.ranges('{{1,3}}')))
	|| '.' || pg_temp.base64('011' || pg_temp.flags('{1,24}', 24) || pg_temp.flags('{2}', 24) || pg_temp.bits(3, 6) || '001' || '110')
	|| '.' || pg_temp.base64('010' || pg_temp.ranged('{{10,10}}', 10)) || '.' || pg_temp.base64('001' || pg_temp.vendors('{1,2}', 5))) t;
-- what is encoded is decoded, as bits and as ranges
SELECT bool_and(persona.tcf(pg_temp.base64(pg_temp.core(p, l, pg_temp.vendors(v, 300), pg_temp.ranged((SELECT array_agg(ARRAY[i, i]) FROM unnest(v) i), 300))))
	@> jsonb_build_object('purposeConsents', p, 'purposeLegitimateInterests', l, 'vendorConsents', v, 'vendorLegitimateInterests', v)) AS there_and_back
FROM generate_series(1, 100) n,
	LATERAL (SELECT coalesce(array_agg(i ORDER BY i) FILTER (WHERE persona.bucket(i, n || 'p') < 0.5), '{}') AS p, coalesce(array_agg(i ORDER BY i) FILTER (WHERE persona.bucket(i, n || 'l') < 0.5), '{}') AS l
		FROM generate_series(1, 24) i) c,
	LATERAL (SELECT array_agg(i ORDER BY i) AS v FROM generate_series(1, 300) i WHERE persona.bucket(i, n || 'v') < 0.3) w;
SELECT jsonb_array_length(persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', pg_temp.ranged('{{1,65535}}', 65535), pg_temp.ranged('{{1,65535}}', 65535)))) -> 'vendorConsents') = 65535 AS every_vendor,
	persona.tcf(NULL) IS NULL AS null_is_null;
SELECT provolatile = 'i' AND proisstrict AND proparallel = 's' AND has_function_privilege('public', oid, 'EXECUTE') AS pure_and_public FROM pg_proc WHERE oid = 'persona.tcf(text)'::regprocedure;
-- a text is the same in any time zone
SET TimeZone = 'Asia/Tokyo';
SELECT persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', pg_temp.vendors('{}', 0), pg_temp.vendors('{}', 0)))) ->> 'created' = '2024-05-06T07:08:09.100Z' AS utc;

-- what is malformed is an error: no prefix of a string is one, and no character but the alphabet's is
CREATE FUNCTION pg_temp.state(consent text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.tcf(consent);
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END
$$;
CREATE TEMP TABLE one AS SELECT pg_temp.base64(pg_temp.core('{1}', '{1}', pg_temp.vendors('{7}', 7), pg_temp.ranged('{{3,9}}', 9),
	pg_temp.bits(1, 12) || pg_temp.bits(1, 6) || '10' || pg_temp.ranges('{{5,6}}'))) AS consent;
SELECT pg_temp.state(consent) = '00000' AS well, (SELECT bool_and(pg_temp.state(left(consent, n)) = '22023') FROM generate_series(0, length(consent) - 1) n) AS no_prefix,
	(SELECT bool_and(pg_temp.state(overlay(consent PLACING c FROM n FOR 1)) = '22023') FROM generate_series(1, length(consent)) n, unnest('{+,/,=," ",é,~}'::text[]) c) AS no_other_character,
	(SELECT bool_and(pg_temp.state(consent || s) = '22023') FROM unnest('{.,..,.A,.AAAA,.gAAA,.IAA}'::text[]) s) AS no_odd_segment
FROM one;
-- any single bit, changed: an answer or a plain error, never anything else
SELECT count(*) = length(bits) AS tried, bool_and(pg_temp.state(pg_temp.base64(overlay(bits PLACING CASE substr(bits, n, 1) WHEN '0' THEN '1' ELSE '0' END FROM n FOR 1))) IN ('00000', '22023')) AS nothing_else
FROM (SELECT pg_temp.core('{1}', '{1}', pg_temp.vendors('{7}', 7), pg_temp.ranged('{{3,9}}', 9), pg_temp.bits(1, 12) || pg_temp.bits(1, 6) || '10' || pg_temp.ranges('{{5,6}}')) AS bits) b,
	generate_series(1, length(bits)) n GROUP BY bits;
\set VERBOSITY default
SELECT persona.tcf('');
SELECT persona.tcf('BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA');
SELECT persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', '', '', '', 3)));
SELECT persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', '', '', '', 2, 26)));
SELECT persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', pg_temp.ranged('{{0,5}}', 9), pg_temp.vendors('{}', 0))));
SELECT persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', pg_temp.ranged('{{7,5}}', 9), pg_temp.vendors('{}', 0))));
SELECT persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', pg_temp.ranged('{{7,10}}', 9), pg_temp.vendors('{}', 0))));
SELECT persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', pg_temp.vendors('{}', 0), pg_temp.vendors('{}', 0), pg_temp.bits(1, 12) || pg_temp.bits(0, 6) || '00' || pg_temp.ranges('{{5,5}}'))));
SELECT persona.tcf(consent || '.' || pg_temp.base64('001' || pg_temp.vendors('{1}', 1)) || '.' || pg_temp.base64('001' || pg_temp.vendors('{1}', 1))) FROM one;
SELECT persona.tcf(consent || '.' || pg_temp.base64('100' || pg_temp.vendors('{1}', 1))) FROM one;
SELECT persona.tcf(replace(consent, 'A', '!')) FROM one;
-- few bytes that name millions of vendors
SELECT persona.tcf(pg_temp.base64(pg_temp.core('{}', '{}', pg_temp.ranged((SELECT array_agg('{1,65535}'::int[]) FROM generate_series(1, 8)), 65535), pg_temp.vendors('{}', 0))));

-- the cases of the IAB's and two other suites, where ../shared or PERSONA_SHARED has them
CREATE TEMP TABLE suite (j jsonb);
\copy suite FROM PROGRAM 'tr -d "\n" 2>/dev/null <"${PERSONA_SHARED:-../shared}/vectors/tcf2.json" || echo "{}"' (DELIMITER E'\x01', QUOTE E'\x02', FORMAT csv)
SELECT count(*) IN (0, 27) AS all_or_none, bool_and(CASE WHEN (d ->> 'ok')::boolean THEN persona.tcf(d ->> 'tcstring') = d - '{ok,tcstring}'::text[]
	ELSE pg_temp.state(d ->> 'tcstring') = '22023' END) IS NOT FALSE AS decoded
FROM suite, jsonb_array_elements(j -> 'decoded') d;
SELECT count(*) IN (0, 3) AS all_or_none, bool_and(pg_temp.state(d ->> 'tcstring') = '22023') IS NOT FALSE AS invalid FROM suite, jsonb_array_elements(j -> 'invalid') d;
-- what those suites assert, in their own words
SELECT bool_and(CASE k
	WHEN 'createdSecond' THEN left(t ->> 'created', 19) = v #>> '{}' WHEN 'lastUpdatedSecond' THEN left(t ->> 'lastUpdated', 19) = v #>> '{}'
	WHEN 'specialFeatureOptIn3' THEN (t -> 'specialFeatureOptins' @> '3') = v::boolean
	WHEN 'pubRestriction' THEN (SELECT bool_and((EXISTS (SELECT FROM jsonb_array_elements(t -> 'publisherRestrictions') p
		WHERE p -> 'purposeId' = r -> 0 AND p -> 'restrictionType' = r -> 1 AND p -> 'vendors' @> (r -> 2))) = (r -> 3)::boolean) FROM jsonb_array_elements(v) r)
	ELSE t -> k = v END) IS NOT FALSE AS asserted
FROM suite, jsonb_array_elements(j -> 'asserted') a, persona.tcf(a ->> 'tcstring') t, jsonb_each(a -> 'assert') AS e (k, v);
