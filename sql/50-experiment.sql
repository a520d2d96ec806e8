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

CREATE FUNCTION murmur3(data bytea, seed int) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_murmur3_bytea';
COMMENT ON FUNCTION murmur3(bytea, int) IS
'MurmurHash3 x86 32 bits (Austin Appleby) of the bytes, 0 to 4294967295; a negative seed counts as its unsigned form.';
CREATE FUNCTION murmur3(data text, seed int) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_murmur3_text';
COMMENT ON FUNCTION murmur3(text, int) IS
'MurmurHash3 x86 32 bits (Austin Appleby) of the text as UTF-8, whatever the server encoding, 0 to 4294967295.';

CREATE FUNCTION bucket(unit text, seed seed) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_bucket_text';
COMMENT ON FUNCTION bucket(text, seed) IS
'The bucket of a unit in [0,1): murmur3-32 over the UTF-8 of seed, a dot and the unit, divided by 2^32. The same for ever.';
CREATE FUNCTION bucket(unit bigint, seed seed) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_bucket_bigint';
COMMENT ON FUNCTION bucket(bigint, seed) IS 'The bucket of the number''s text: 42 and ''42'' are one unit.';
CREATE FUNCTION bucket(unit uuid, seed seed) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_bucket_uuid';
COMMENT ON FUNCTION bucket(uuid, seed) IS 'The bucket of the uuid''s canonical text.';

CREATE FUNCTION choose(unit text, seed seed, weights float8[], coverage float8 DEFAULT 1) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_choose_text';
COMMENT ON FUNCTION choose(text, seed, float8[], float8) IS
'Which variant a unit gets, 1-based; NULL where it is not covered. weights are shares that make 1 (within 1e-6); where one grows, units move to its variant and nowhere else; equal ones give 1 + floor(bucket * n). coverage is 0 to 1, hashed with seed || ''.gate''; growing it moves nobody out. Wrong weights or coverage: 22023.';
CREATE FUNCTION choose(unit bigint, seed seed, weights float8[], coverage float8 DEFAULT 1) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_choose_bigint';
COMMENT ON FUNCTION choose(bigint, seed, float8[], float8) IS 'The same for a number: 42 and ''42'' are one unit.';
CREATE FUNCTION choose(unit uuid, seed seed, weights float8[], coverage float8 DEFAULT 1) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_choose_uuid';
COMMENT ON FUNCTION choose(uuid, seed, float8[], float8) IS 'The same for a uuid.';
