/* experiment: who gets which variant */

/*
 * The type of seeds: a text that no collation applies to, so that a foreign
 * server takes a call whose only text is a constant seed.
 */
CREATE TYPE seed;
CREATE FUNCTION seed_in(cstring) RETURNS seed
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textin';
CREATE FUNCTION seed_out(seed) RETURNS cstring
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
CREATE FUNCTION seed_recv(internal) RETURNS seed
LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'textrecv';
CREATE FUNCTION seed_send(seed) RETURNS bytea
LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'textsend';
CREATE TYPE seed (
	INPUT = seed_in,
	OUTPUT = seed_out,
	RECEIVE = seed_recv,
	SEND = seed_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended
);
COMMENT ON TYPE seed IS
'What is hashed beside a unit: usually the name of an experiment. Any text.';
CREATE CAST (text AS seed) WITHOUT FUNCTION AS IMPLICIT;

/*
 * The type of schemes: a name of the list in scheme.c, for the same reason
 * under no collation, and looked up when a query is read, not once a row.
 */
CREATE TYPE scheme;
CREATE FUNCTION scheme_in(cstring) RETURNS scheme
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_scheme_in';
CREATE FUNCTION scheme_out(scheme) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_scheme_out';
CREATE FUNCTION scheme_recv(internal) RETURNS scheme
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_scheme_recv';
CREATE FUNCTION scheme_send(scheme) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_scheme_send';
CREATE TYPE scheme (
	INPUT = scheme_in,
	OUTPUT = scheme_out,
	RECEIVE = scheme_recv,
	SEND = scheme_send,
	LIKE = int4
);
COMMENT ON TYPE scheme IS
'How a unit becomes a bucket: persona, growthbook1, growthbook2, optimizely, unleash, unleash_variant, launchdarkly, posthog, posthog_variant, statsig or split. Another name: 22023.';
CREATE CAST (text AS scheme) WITH INOUT AS IMPLICIT;

CREATE FUNCTION murmur3(data bytea, seed int) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_murmur3_bytea';
COMMENT ON FUNCTION murmur3(bytea, int) IS
'MurmurHash3 x86 32 bits (Austin Appleby) of the bytes, 0 to 4294967295; a negative seed counts as its unsigned form.';
CREATE FUNCTION murmur3(data text, seed int) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_murmur3_text';
COMMENT ON FUNCTION murmur3(text, int) IS
'MurmurHash3 x86 32 bits (Austin Appleby) of the text as UTF-8, whatever the server encoding, 0 to 4294967295.';
CREATE FUNCTION fnv1a(data text) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_fnv1a';
COMMENT ON FUNCTION fnv1a(text) IS
'FNV-1a 32 bits (Fowler, Noll, Vo) of the text''s UTF-16 code units, as GrowthBook''s SDK computes it in a browser, 0 to 4294967295. Of ASCII it is the plain FNV-1a.';

CREATE FUNCTION bucket(unit text, seed seed, scheme scheme DEFAULT 'persona') RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_bucket_text';
COMMENT ON FUNCTION bucket(text, seed, scheme) IS
'The bucket of a unit in [0,1). By persona''s own scheme murmur3-32 over the UTF-8 of seed, a dot and the unit, divided by 2^32, the same for ever; by another scheme what its SDK computes, in steps of 1/100 (unleash, split), 1/1,000 (growthbook1) or 1/10,000 (growthbook2, statsig). The seed holds what the SDK hashes beside the unit. A seed that is no whole number for split, and unleash_variant, which only choose() answers: 22023.';
CREATE FUNCTION bucket(unit bigint, seed seed, scheme scheme DEFAULT 'persona') RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_bucket_bigint';
COMMENT ON FUNCTION bucket(bigint, seed, scheme) IS 'The bucket of the number''s text: 42 and ''42'' are one unit.';
CREATE FUNCTION bucket(unit uuid, seed seed, scheme scheme DEFAULT 'persona') RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_bucket_uuid';
COMMENT ON FUNCTION bucket(uuid, seed, scheme) IS 'The bucket of the uuid''s canonical text.';

CREATE FUNCTION choose(unit text, seed seed, weights float8[], coverage float8 DEFAULT 1, scheme scheme DEFAULT 'persona') RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_choose_text';
COMMENT ON FUNCTION choose(text, seed, float8[], float8, scheme) IS
'Which variant a unit gets, 1-based; NULL where it is not covered. weights are shares that make 1 (within 1e-6); where one grows relative to all others, units move to its variant and nowhere else; equal ones give 1 + floor(bucket * n). coverage is 0 to 1, hashed with seed || ''.gate''; growing it moves nobody out. By another scheme the variation that its SDK shows: weights that make less than 1 leave the rest out (launchdarkly: to the last), growthbook replaces weights that do not make 1 by equal ones, unleash takes its own whole weights as well. Wrong weights or coverage: 22023.';
CREATE FUNCTION choose(unit bigint, seed seed, weights float8[], coverage float8 DEFAULT 1, scheme scheme DEFAULT 'persona') RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_choose_bigint';
COMMENT ON FUNCTION choose(bigint, seed, float8[], float8, scheme) IS 'The same for a number: 42 and ''42'' are one unit.';
CREATE FUNCTION choose(unit uuid, seed seed, weights float8[], coverage float8 DEFAULT 1, scheme scheme DEFAULT 'persona') RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_choose_uuid';
COMMENT ON FUNCTION choose(uuid, seed, float8[], float8, scheme) IS 'The same for a uuid.';
