-- buckets: golden values from outside, and laws
\set SHOW_CONTEXT never
SELECT persona.murmur3('00018112-7d59-46cf-b9e0-f8fa625aa20b', 516558562) = 3687293017 AS split_1,
	persona.murmur3('aUfEsdPN1twuEjff9Sl', 467569525) = 2488980051 AS split_2,
	persona.murmur3('00018112-7d59-46cf-b9e0-f8fa625aa20b', -52311562) = 1820342142 AS negative_seed,
	persona.murmur3('ejOoVL', 0) = 0 AS lowest,
	persona.murmur3('ceQdGm', 0) = 4294967295 AS highest,
	persona.murmur3('', 0) = 0 AS empty,
	persona.murmur3('\x'::bytea, 1) = 1364076727 AS empty_bytes;
SELECT persona.murmur3(NULL::text, 0) IS NULL AND persona.bucket(NULL::text, 's') IS NULL
	AND persona.choose(1, NULL, '{0.5,0.5}') IS NULL AS null_is_null;

-- one unit, whatever its type
SELECT persona.bucket(42, 'seed') = persona.bucket('42', 'seed') AS number_is_text,
	persona.bucket('018F2B5E-0000-7000-8000-000000000042'::uuid, 'seed')
		= persona.bucket('018f2b5e-0000-7000-8000-000000000042', 'seed') AS uuid_is_text,
	persona.bucket(42, 'seed') = persona.murmur3('seed.42', 0) / 4294967296.0 AS as_documented,
	persona.bucket(-9223372036854775808, 's') BETWEEN 0 AND 1 AS smallest;

-- uniform: chi-square over 100 buckets, 99 degrees, is below 181 with p = 1e-6
SELECT sum((n - 2000.0) ^ 2 / 2000) < 181 AS uniform
FROM (SELECT count(*) AS n FROM generate_series(1, 200000) i GROUP BY floor(persona.bucket(i, 'uniform') * 100)) b;
-- independent: 10 x 10 buckets of two seeds
SELECT sum((n - 2000.0) ^ 2 / 2000) < 181 AS independent
FROM (SELECT count(*) AS n FROM generate_series(1, 200000) i
	GROUP BY floor(persona.bucket(i, 'one') * 10), floor(persona.bucket(i, 'two') * 10)) b;

-- shares are met, growing them moves nobody out
SELECT abs(avg((persona.choose(i, 'x', '{0.7,0.3}') = 2)::int) - 0.3) < 0.01 AS share_met,
	abs(avg((persona.choose(i, 'x', '{0.5,0.5}', 0.2) IS NOT NULL)::int) - 0.2) < 0.01 AS coverage_met,
	bool_and(persona.choose(i, 'x', '{0.5,0.5}', 0.2) IS NULL
		OR persona.choose(i, 'x', '{0.5,0.5}', 0.2) = persona.choose(i, 'x', '{0.5,0.5}', 0.6)) AS coverage_moves_nobody,
	bool_and(persona.choose(i, 'x', '{0.9,0.1}') = 1 OR persona.choose(i, 'x', '{0.8,0.2}') = 2) AS weight_moves_nobody_out,
	bool_and(persona.choose(i, 'x', '{0,1}') = 2) AS no_weight_no_unit,
	bool_and(persona.choose(i, 'x', '{0.5,0.5}', 0) IS NULL) AS no_coverage_no_unit
FROM generate_series(1, 50000) i;

-- what is refused
SELECT persona.choose(1, 'x', '{}');
SELECT persona.choose(1, 'x', '{0.5,0.4}');
SELECT persona.choose(1, 'x', '{0.5,NULL}');
SELECT persona.choose(1, 'x', '{1.5,-0.5}');
SELECT persona.choose(1, 'x', '{NaN,1}');
SELECT persona.choose(1, 'x', '{{0.5,0.5}}');
SELECT persona.choose(1, 'x', '{0.5,0.5}', 1.1);
SELECT persona.choose(1, 'x', '{0.5,0.5}', 'NaN');
-- rounding in the sum is forgiven and leaves nobody out
SELECT count(*) = 0 AS nobody_left_out FROM generate_series(1, 10000) i
WHERE persona.choose(i, 'x', '{0.3333333,0.3333333,0.3333333}') IS NULL;
-- a bucket is a function of nothing else
SET TimeZone = 'Asia/Tokyo';
SET search_path = pg_catalog;
SELECT persona.bucket(42, 'seed') = persona.murmur3('seed.42', 0) / 4294967296.0 AS still_as_documented;
