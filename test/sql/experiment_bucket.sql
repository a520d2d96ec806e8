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
	persona.bucket(-9223372036854775808, 's') = persona.bucket('-9223372036854775808', 's') AS smallest,
	persona.bucket('', '') = persona.murmur3('.', 0) / 4294967296.0 AS empty,
	persona.bucket('Zoë', 'größe') = persona.murmur3(convert_to('größe.Zoë', 'UTF8'), 0) / 4294967296.0 AS utf8,
	persona.choose(42, 'x', '{0.7,0.3}') = persona.choose('42', 'x', '{0.7,0.3}') AS one_variant,
	persona.choose('018F2B5E-0000-7000-8000-000000000042'::uuid, 'x', '{0.7,0.3}', 0.9)
		IS NOT DISTINCT FROM persona.choose('018f2b5e-0000-7000-8000-000000000042', 'x', '{0.7,0.3}', 0.9) AS one_variant_uuid;
SELECT bool_and(persona.bucket(repeat('u', n), repeat('s', 99))
	= persona.murmur3(repeat('s', 99) || '.' || repeat('u', n), 0) / 4294967296.0) AS of_any_length
FROM (SELECT generate_series(0, 400) UNION VALUES (100000)) AS l (n);

-- uniform: chi-square over 100 buckets of a million units, 99 degrees, is below 181 with p = 1e-6
SELECT sum((n - 10000.0) ^ 2 / 10000) < 181 AS uniform
FROM (SELECT count(*) AS n FROM generate_series(1, 1000000) i GROUP BY floor(persona.bucket(i, 'uniform') * 100)) b;
-- independent: 10 x 10 buckets of two seeds
SELECT sum((n - 10000.0) ^ 2 / 10000) < 181 AS independent
FROM (SELECT count(*) AS n FROM generate_series(1, 1000000) i
	GROUP BY floor(persona.bucket(i, 'one') * 10), floor(persona.bucket(i, 'two') * 10)) b;
-- two experiments on a fifth each share 4 %
SELECT abs(avg((persona.choose(i, 'one', '{0.5,0.5}', 0.2) IS NOT NULL AND persona.choose(i, 'two', '{0.5,0.5}', 0.2) IS NOT NULL)::int) - 0.04) < 0.002 AS overlap
FROM generate_series(1, 100000) i;
-- frozen: what the documented steps give elsewhere, for units 1 to 40
SELECT string_agg(coalesce(persona.choose(i, 'thanks', '{0.7,0.3}')::text, '-'), '' ORDER BY i) = '1122212111122111111121121112211212112112' AS two,
	string_agg(coalesce(persona.choose(i, 'thanks', '{0.1,0.2,0.3,0.4}')::text, '-'), '' ORDER BY i) = '2333324231434223334434434443421443413444' AS four,
	string_agg(coalesce(persona.choose(i, 'thanks', '{0.5,0.25,0.25}', 0.5)::text, '-'), '' ORDER BY i) = '1-23--32-1-2--2211--312-23--31-31--13133' AS half_covered,
	string_agg(coalesce(persona.choose(i, 'thanks', '{0.9,0.05,0.05}')::text, '-'), '' ORDER BY i) = '1111113111111111111111111111311111111111' AS rare
FROM generate_series(1, 40) i;

-- equal weights: stretches of the bucket, in the order of the variants
SELECT bool_and(persona.choose(i, 'x', '{0.5,0.5}') = 1 + floor(persona.bucket(i, 'x') * 2)) AS halves,
	bool_and(persona.choose(i, 'x', '{0.2,0.2,0.2,0.2,0.2}') = 1 + floor(persona.bucket(i, 'x') * 5)) AS fifths,
	bool_and(persona.choose(i, 'x', '{1}') = 1) AS one
FROM generate_series(1, 10000) i;
-- shares are met: 3 degrees, below 35 with p = 1e-7
SELECT sum((n - 100000 * w) ^ 2 / (100000 * w)) < 35 AS shares_met
FROM (SELECT persona.choose(i, 'x', '{0.1,0.2,0.3,0.4}') AS variant, count(*) AS n FROM generate_series(1, 100000) i GROUP BY 1) c
	JOIN unnest('{0.1,0.2,0.3,0.4}'::float8[]) WITH ORDINALITY AS w (w, variant) USING (variant);
-- growing one weight moves units to its variant and nowhere else, and as few as can be
SELECT bool_and(a = b OR b = 1) AS first_grows, abs(avg((a <> b)::int) - 0.2) < 0.01 AS as_few_as_can_be,
	bool_and(b = c OR c = 3) AS third_grows, bool_and(c = d OR d = 2) AS second_grows,
	bool_and(c = e OR c = 3) AS third_goes
FROM (SELECT persona.choose(i, 'x', '{0.2,0.4,0.4}') AS a, persona.choose(i, 'x', '{0.4,0.3,0.3}') AS b,
		persona.choose(i, 'x', '{0.2,0.15,0.65}') AS c, persona.choose(i, 'x', '{0.1,0.575,0.325}') AS d,
		persona.choose(i, 'x', '{0.5714285714285714,0.4285714285714286,0}') AS e
	FROM generate_series(1, 100000) i) v;
SELECT bool_and(persona.choose(i, 'x', '{0.9,0.1}') = 1 OR persona.choose(i, 'x', '{0.8,0.2}') = 2) AS of_two,
	bool_and(persona.choose(i, 'x', '{0.5,0.5}') = 1 OR persona.choose(i, 'x', '{0.4999,0.5001}') = 2) AS from_equal,
	bool_and(persona.choose(i, 'x', '{0,1}') = 2) AS no_weight_no_unit
FROM generate_series(1, 100000) i;
-- a small variant that doubles keeps who it has; also where only one of the others pays, few more move than must
SELECT bool_and(a <> 2 OR b = 2) AND bool_and(a <> 3 OR b = 3) AS nobody_leaves, abs(avg((a <> b)::int) - 0.1) < 0.01 AS as_few_as_can_be,
	bool_and(b <> 2 OR c = 2) AS nobody_leaves_either, avg((b <> c)::int) < 0.1 * 2 / 1.1 AS few_more_than_must
FROM (SELECT persona.choose(i, 'x', '{0.9,0.05,0.05}') AS a, persona.choose(i, 'x', '{0.8,0.1,0.1}') AS b, persona.choose(i, 'x', '{0.7,0.2,0.1}') AS c
	FROM generate_series(1, 100000) i) v;
-- coverage: growing it moves nobody, and it says nothing about the variant
SELECT abs(avg((small IS NOT NULL)::int) - 0.2) < 0.01 AS coverage_met,
	bool_and(small IS NULL OR small = large) AS coverage_moves_nobody,
	abs(avg(small - 1) - 0.5) < 0.02 AS gate_and_variant_are_independent,
	bool_and(large IS NULL OR large = whole) AS covered_or_not_the_same
FROM (SELECT persona.choose(i, 'x', '{0.5,0.5}', 0.2) AS small, persona.choose(i, 'x', '{0.5,0.5}', 0.6) AS large,
		persona.choose(i, 'x', '{0.5,0.5}') AS whole
	FROM generate_series(1, 100000) i) v;
SELECT bool_and(persona.choose(i, 'x', '{0.5,0.5}', 0) IS NULL) AS no_coverage_no_unit,
	bool_and((persona.choose(i, 'x', '{0.5,0.5}', 0.3) IS NOT NULL) = (persona.bucket(i, 'x.gate') < 0.3)) AS gate_as_documented
FROM generate_series(1, 10000) i;

-- what is refused
SELECT persona.choose(1, 'x', '{}');
SELECT persona.choose(1, 'x', '{0.5,0.4}');
SELECT persona.choose(1, 'x', '{0.5,NULL}');
SELECT persona.choose(1, 'x', '{1.5,-0.5}');
SELECT persona.choose(1, 'x', '{NaN,1}');
SELECT persona.choose(1, 'x', '{{0.5,0.5}}');
SELECT persona.choose(1, 'x', '{0.5,0.5}', 1.1);
SELECT persona.choose(1, 'x', '{0.5,0.5}', 'NaN');
SELECT persona.choose(1, 'x', '{Infinity,0}');
SELECT persona.choose(1, 'x', '{0,0}');
SELECT persona.choose(1, 'x', '{0.5,0.5}', -0.1);
SELECT persona.bucket(1.5, 'x');
-- rounding in the sum is forgiven and leaves nobody out
SELECT count(*) = 0 AS nobody_left_out FROM generate_series(1, 10000) i
WHERE persona.choose(i, 'x', '{0.3333333,0.3333333,0.3333333}') IS NULL OR persona.choose(i, 'x', '{0.3333333,0.3333334,0.3333333}') IS NULL;
-- the seed: any text, without a collation, there and back
CREATE TEMP TABLE seeds (seed persona.seed);
INSERT INTO seeds VALUES (''), ('größe'), (repeat('s', 10000)), ('a''"\b');
SELECT bool_and(persona.seed_in(persona.seed_out(seed))::text = seed::text) AS text_there_and_back,
	bool_and(convert_from(persona.seed_send(seed), 'UTF8') = seed::text) AS binary_as_text
FROM seeds;
SELECT typcollation = 0 AS non_collatable FROM pg_type WHERE oid = 'persona.seed'::regtype;
SELECT bool_and(provolatile = 'i' AND proisstrict AND proparallel = 's' AND has_function_privilege('public', oid, 'EXECUTE')) AS pure_and_public,
	count(*)
FROM pg_proc WHERE pronamespace = 'persona'::regnamespace AND proname IN ('murmur3', 'fnv1a', 'bucket', 'choose', 'scheme_in', 'scheme_out');
-- a bucket is a function of nothing else
SET TimeZone = 'Asia/Tokyo';
SET search_path = pg_catalog;
SELECT persona.bucket(42, 'seed') = persona.murmur3('seed.42', 0) / 4294967296.0 AS still_as_documented;
