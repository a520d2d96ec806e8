-- hashes and buckets against what others published, where ../shared or PERSONA_SHARED has it
CREATE TEMP TABLE vector (scheme text, seed text, unit text, n text, expected text, provenance text);
\copy vector FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/hash_vectors.csv" 2>/dev/null || echo scheme,seed,unit,n,expected,provenance' (FORMAT csv, HEADER, FORCE_NOT_NULL (seed, unit))
-- none at all is no difference; the test's runner says that they were missing
SELECT count(*) IN (0, 3914) AS all_or_none, bool_and(persona.murmur3(unit, seed::bigint::int) = expected::bigint) IS NOT FALSE AS murmur3
FROM vector WHERE scheme = 'murmur3_x86_32';
SELECT bool_and(round(persona.bucket(unit, seed, 'split') * 100) = persona.murmur3(unit, seed::bigint::int) % 100) IS NOT FALSE AS split
FROM vector WHERE scheme = 'murmur3_x86_32';
SELECT bool_and(persona.bucket(unit, seed, replace(scheme, '_v', '')) = expected::float8) IS NOT FALSE AS growthbook
FROM vector WHERE scheme IN ('growthbook_v1', 'growthbook_v2');
SELECT bool_and(floor(persona.bucket(unit, seed, 'optimizely') * n::int) = expected::int) IS NOT FALSE AS optimizely
FROM vector WHERE scheme = 'optimizely';
SELECT bool_and(round(persona.bucket(unit, seed, 'unleash') * n::int) + 1 = expected::int) IS NOT FALSE AS unleash
FROM vector WHERE scheme = 'unleash_strategy';
SELECT bool_and(persona.choose(unit, seed, array_fill(1::float8, ARRAY[n::int]), 1, 'unleash_variant') = expected::int) IS NOT FALSE AS unleash_variant
FROM vector WHERE scheme = 'unleash_variant';
-- as single-precision SDKs print it
SELECT bool_and(abs(persona.bucket(unit, seed, scheme) - expected::float8) < 1e-7) IS NOT FALSE AS launchdarkly
FROM vector WHERE scheme = 'launchdarkly';
SELECT bool_and((persona.bucket(unit, seed, 'posthog') <= 0.45) = expected::boolean
	AND (persona.choose(unit, seed, '{1}', 0.45, 'posthog') IS NOT NULL) = expected::boolean) IS NOT FALSE AS posthog
FROM vector WHERE scheme = 'posthog_rollout_45';
SELECT bool_and(coalesce(('{first,second,third,fourth,fifth}'::text[])[persona.choose(unit, seed, '{0.5,0.2,0.2,0.05,0.05}', 0.55, 'posthog_variant')] || '-variant', 'false') = expected) IS NOT FALSE AS posthog_variant
FROM vector WHERE scheme = 'posthog_multivariate_55';
SELECT bool_and(encode(substr(sha256(convert_to(unit, 'UTF8')), 1, 8), 'hex') = expected) IS NOT FALSE AS statsig
FROM vector WHERE scheme = 'statsig_sha256_hi64';
SELECT bool_and(split_part((string_to_array(n, '|'))[1 + (persona.murmur3(seed || unit, 0)
		* array_length(string_to_array(n, '|'), 1) >> 32)], ':', 1) = expected) IS NOT FALSE AS openfeature
FROM vector WHERE scheme = 'flagd_fractional_v2';

-- GrowthBook's own suite: hashes, ranges of variants, namespaces
CREATE TEMP TABLE suite (j jsonb);
\copy suite FROM PROGRAM 'tr -d "\n" 2>/dev/null <"${PERSONA_SHARED:-../shared}/vectors/growthbook_bucketing.json" || echo "{}"' (DELIMITER E'\x01', QUOTE E'\x02', FORMAT csv)
CREATE TEMP VIEW case_of AS SELECT kind, c AS given FROM suite, jsonb_each(j - 'specVersion') AS k (kind, cases), jsonb_array_elements(cases) c;
SELECT count(*) IN (0, 14) AS all_or_none,
	bool_and(persona.bucket(given ->> 1, (given ->> 0)::persona.seed, 'growthbook' || (given ->> 2)) = (given ->> 3)::float8) IS NOT FALSE AS hash
FROM case_of WHERE kind = 'hash' AND given ->> 3 IS NOT NULL;
SELECT count(*) IN (0, 16) AS all_or_none, bool_and((b >= (given #>> '{2,1}')::float8 AND b < (given #>> '{2,2}')::float8) = (given ->> 3)::boolean) IS NOT FALSE AS namespace
FROM case_of, LATERAL (SELECT persona.bucket(given ->> 1, ('__' || (given #>> '{2,0}'))::persona.seed, 'growthbook1') AS b) n WHERE kind = 'inNamespace';
-- each range, probed by 2,000 units, but for those on a bound: it is printed rounded; weights of a wrong number cannot be said here
SELECT count(*) IN (0, 12 * 2000) AS all_or_none, bool_and(chosen IS NOT DISTINCT FROM expected OR on_a_bound) IS NOT FALSE AS ranges
FROM case_of, generate_series(1, 2000) i, LATERAL (SELECT (given #>> '{1,0}')::int AS n) p,
	LATERAL (SELECT coalesce((SELECT array_agg(w::float8) FROM jsonb_array_elements_text(nullif(given #> '{1,2}', 'null')) w), array_fill(1.0::float8 / n, ARRAY[n])) AS weights) w,
	LATERAL (SELECT persona.choose(i, 'g', weights, (given #>> '{1,1}')::float8, 'growthbook2') AS chosen) c,
	LATERAL (SELECT persona.bucket(i, 'g', 'growthbook2') AS b) u,
	LATERAL (SELECT min(o) FILTER (WHERE b >= (range ->> 0)::float8 AND b < (range ->> 1)::float8)::int AS expected,
			bool_or(b IN ((range ->> 0)::float8, (range ->> 1)::float8)) AS on_a_bound
		FROM jsonb_array_elements(given -> 2) WITH ORDINALITY AS r (range, o)) e
WHERE kind = 'getBucketRange' AND given ->> 0 NOT LIKE 'weights.length%';
