-- the hash against what others published, where ../shared or PERSONA_SHARED has it
CREATE TEMP TABLE vector (scheme text, seed text, unit text, n text, expected text, provenance text);
\copy vector FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/hash_vectors.csv" 2>/dev/null || echo scheme,seed,unit,n,expected,provenance' (FORMAT csv, HEADER, FORCE_NOT_NULL (seed, unit))
-- none at all is no difference; the test's runner says that they were missing
SELECT count(*) IN (0, 3914) AS all_or_none, bool_and(persona.murmur3(unit, seed::bigint::int) = expected::bigint) IS NOT FALSE AS murmur3
FROM vector WHERE scheme = 'murmur3_x86_32';
-- what SDKs in the browser make of it
SELECT bool_and(persona.murmur3(unit || seed, 1) * n::int >> 32 = expected::int) IS NOT FALSE AS optimizely
FROM vector WHERE scheme = 'optimizely';
SELECT bool_and(persona.murmur3(seed || ':' || unit, 0) % n::int + 1 = expected::int) IS NOT FALSE AS unleash
FROM vector WHERE scheme = 'unleash_strategy';
SELECT bool_and(split_part((string_to_array(n, '|'))[1 + (persona.murmur3(seed || unit, 0)
		* array_length(string_to_array(n, '|'), 1) >> 32)], ':', 1) = expected) IS NOT FALSE AS openfeature
FROM vector WHERE scheme = 'flagd_fractional_v2';
