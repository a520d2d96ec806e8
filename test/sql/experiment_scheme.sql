-- the schemes of others: what was published, what their SDKs answer, and laws
\set SHOW_CONTEXT never
-- buckets as the SDKs' own tests publish them
SELECT persona.bucket('a', '', 'growthbook1') = 0.22 AND persona.bucket('b', '', 'growthbook1') = 0.077
		AND persona.bucket('a', 'b', 'growthbook1') = 0.946 AND persona.bucket('d', 'ef', 'growthbook1') = 0.652 AS growthbook1,
	persona.bucket('a', 'seed', 'growthbook2') = 0.0505 AND persona.bucket('b', 'seed', 'growthbook2') = 0.2696
		AND persona.bucket('ab', 'foo', 'growthbook2') = 0.2575 AND persona.bucket('def', 'foo', 'growthbook2') = 0.2019 AS growthbook2,
	floor(persona.bucket('ppid1', '1886780721', 'optimizely') * 10000) = 5254
		AND floor(persona.bucket('ppid2', '1886780722', 'optimizely') * 10000) = 2434 AS optimizely,
	persona.bucket('123', 'gr1', 'unleash') = (73 - 1) / 100.0 AND persona.bucket(999, 'groupX', 'unleash') = (25 - 1) / 100.0 AS unleash,
	abs(persona.bucket('userKeyA', 'hashKey.saltyA', 'launchdarkly') - 0.42157587) < 1e-7
		AND abs(persona.bucket(99999, 'hashKey.saltyA', 'launchdarkly') - 0.7309658) < 1e-7
		AND abs(persona.bucket('userKeyC', '61', 'launchdarkly') - 0.9242641) < 1e-7 AS launchdarkly,
	abs(persona.bucket('distinct_id_0', 'simple-flag', 'posthog') - 0.78369638) < 1e-8
		AND abs(persona.bucket('distinct_id_4', 'simple-flag', 'posthog') - 0.03958497) < 1e-8 AS posthog,
	persona.bucket('00018112-7d59-46cf-b9e0-f8fa625aa20b'::uuid, '516558562', 'split') = (18 - 1) / 100.0
		AND persona.bucket('00018112-7d59-46cf-b9e0-f8fa625aa20b', '-52311562', 'split') = (43 - 1) / 100.0 AS split;
-- sha256 of 'blargh.x' begins with what PostgreSQL says, too large for a bigint
SELECT bool_and(round(persona.bucket(unit, 'blargh', 'statsig') * 10000)
	= mod(('x' || encode(substr(digest, 1, 4), 'hex'))::bit(32)::bigint::numeric * 4294967296
		+ ('x' || encode(substr(digest, 5, 4), 'hex'))::bit(32)::bigint, 10000)) AS statsig
FROM generate_series(1, 1000) unit, sha256(convert_to('blargh.' || unit, 'UTF8')) digest;
SELECT persona.fnv1a('') = 2166136261 AS empty, persona.fnv1a('a') = 3826002220 AS a, persona.fnv1a('foobar') = 3214735720 AS foobar,
	persona.fnv1a(NULL) IS NULL AS null_is_null;

-- beyond ASCII, what the SDKs of npm answer: growthbook 1.8.0, optimizely 6.6.1, unleash-client 6.12.1,
-- launchdarkly's node server SDK 9.13.7, posthog-node 5.70.0, statsig-node 6.5.2, splitio 11.11.2
CREATE TEMP TABLE sdk (unit text, growthbook1 float8, growthbook2 float8, optimizely int, unleash int, unleash_variant int,
	sha1 float8, posthog_variant float8, statsig int, split int);
INSERT INTO sdk VALUES
	('Zoë', 0.328, 0.0583, 1015, 53, 415, 0.11480958851198515, 0.8526491478813027, 5702, 71),
	('größe', 0.491, 0.844, 1494, 49, 746, 0.9951338448269512, 0.7723016952032695, 3869, 63),
	('日本', 0.465, 0.7366, 2311, 86, 710, 0.27334496561625327, 0.9439055945926502, 3685, 21),
	('unicode 🗻', 0.385, 0.0171, 5349, 50, 137, 0.3597345572496815, 0.05933250379065742, 5017, 47),
	('', 0.906, 0.2721, 7740, 36, 49, 0.5823509721672179, 0.101496016894451, 7771, 80);
SELECT bool_and(persona.bucket(unit, 'größe', 'growthbook1') = growthbook1) AS growthbook1,
	bool_and(persona.bucket(unit, 'größe', 'growthbook2') = growthbook2) AS growthbook2,
	bool_and(floor(persona.bucket(unit, 'größe', 'optimizely') * 10000) = optimizely) AS optimizely,
	bool_and(round(persona.bucket(unit, 'größe', 'unleash') * 100) + 1 = unleash) AS unleash,
	bool_and(persona.choose(unit, 'größe', array_fill(1::float8, ARRAY[1000]), 1, 'unleash_variant') = unleash_variant) AS unleash_variant,
	bool_and(persona.bucket(unit, 'größe', 'launchdarkly') = sha1) AS launchdarkly,
	bool_and(persona.bucket(unit, 'größe', 'posthog') = sha1) AS posthog,
	bool_and(persona.bucket(unit, 'größe', 'posthog_variant') = posthog_variant) AS posthog_variant,
	bool_and(round(persona.bucket(unit, 'größe', 'statsig') * 10000) = statsig) AS statsig,
	bool_and(round(persona.bucket(unit, '-52311562', 'split') * 100) + 1 = split) AS split
FROM sdk;

-- GrowthBook: variants keep their place, coverage takes their start; weights that do not make 1 become equal
SELECT bool_and(plain = CASE WHEN b < 0.2 THEN 1 WHEN b < 0.5 THEN 2 ELSE 3 END) AS plain,
	bool_and(covered IS NOT DISTINCT FROM CASE WHEN b < 0.2::float8 * 0.2::float8 THEN 1 WHEN b >= 0.2 AND b < 0.2::float8 + 0.2::float8 * 0.3::float8 THEN 2 WHEN b >= 0.5 AND b < 0.6 THEN 3 END) AS covered,
	bool_and(covered IS NULL OR covered = plain) AS coverage_moves_nobody,
	bool_and(below = CASE WHEN b < 0.5 THEN 1 ELSE 2 END) AND bool_and(below = above) AS wrong_sum_is_equal,
	bool_and((almost IS NULL) = (b >= 0.9999)) AS almost_one,
	bool_and(too_small IS NULL) AND bool_and(too_large = CASE WHEN b < 0.5 THEN 1 ELSE 2 END) AS coverage_is_clamped
FROM (SELECT persona.bucket(i, 'g', 'growthbook2') AS b,
		persona.choose(i, 'g', '{0.2,0.3,0.5}', 1, 'growthbook2') AS plain, persona.choose(i, 'g', '{0.2,0.3,0.5}', 0.2, 'growthbook2') AS covered,
		persona.choose(i, 'g', '{0.4,0.1}', 1, 'growthbook2') AS below, persona.choose(i, 'g', '{0.7,0.6}', 1, 'growthbook2') AS above,
		persona.choose(i, 'g', '{0.4,0.5999}', 1, 'growthbook2') AS almost,
		persona.choose(i, 'g', '{0.5,0.5}', -0.2, 'growthbook2') AS too_small, persona.choose(i, 'g', '{0.5,0.5}', 1.5, 'growthbook2') AS too_large
	FROM generate_series(1, 20000) i) g;
-- GrowthBook's namespace is a bucket, too
SELECT persona.bucket('1', '__namespace1', 'growthbook1') >= 0.4 AND persona.bucket('2', '__namespace1', 'growthbook1') >= 0.4
	AND persona.bucket('3', '__namespace2', 'growthbook1') < 0.4 AND persona.bucket('4', '__namespace2', 'growthbook1') < 0.4 AS namespace;
-- Optimizely: what is left over is nobody's
SELECT persona.choose('123456789', '111127', '{0.4,0.5}', 1, 'optimizely') = 2 AND persona.choose('testBucketingIdControl', '111127', '{0.4,0.5}', 1, 'optimizely') = 1 AS published,
	bool_and(persona.choose(i, 'e', '{0.4,0.5}', 1, 'optimizely') IS NOT DISTINCT FROM CASE WHEN b < 4000 THEN 1 WHEN b < 9000 THEN 2 END) AS left_over,
	bool_and(persona.choose(i, 'e', '{0.1,0.2,0.7}', 0.4, 'optimizely') IS NOT DISTINCT FROM CASE WHEN b < 400 THEN 1 WHEN b < 1200 THEN 2 WHEN b < 4000 THEN 3 END) AS covered,
	bool_and(persona.choose(i, 'e', '{0.1,0.2,0.7}', 1, 'optimizely') = CASE WHEN b < 1000 THEN 1 WHEN b < 3000 THEN 2 ELSE 3 END) AS on_the_grid
FROM (SELECT i, floor(persona.bucket(i, 'e', 'optimizely') * 10000) AS b FROM generate_series(1, 20000) i) o;
-- Unleash: the rollout in per cent, then a hash of its own over the sum of the weights
SELECT persona.choose('122', 'AB12A', '{1}', 0.5, 'unleash') = 1 AND persona.choose('155', 'AB12A', '{1}', 0.5, 'unleash') IS NULL AS rollout,
	persona.choose('232', 'Feature.Variants.C', '{33,33,33}', 1, 'unleash_variant') = 1 AND persona.choose('607', 'Feature.Variants.C', '{33,33,33}', 1, 'unleash_variant') = 2
		AND persona.choose('656', 'Feature.Variants.C', '{33,33,33}', 1, 'unleash_variant') = 3 AND persona.choose('712', 'Feature.Variants.D', '{1,49,50}', 1, 'unleash_variant') = 1
		AND persona.choose('525', 'Feature.Variants.D', '{1,49,50}', 1, 'unleash_variant') = 2 AND persona.choose('537', 'Feature.Variants.D', '{1,49,50}', 1, 'unleash_variant') = 3 AS variants;
SELECT bool_and(persona.choose(i, 'u', '{0.5,0.25,0.25}', 1, 'unleash_variant') = persona.choose(i, 'u', '{500,250,250}', 1, 'unleash_variant')) AS shares_are_thousandths,
	bool_and((persona.choose(i, 'u', '{500,500}', p / 100.0, 'unleash') IS NOT NULL) = (round(persona.bucket(i, 'u', 'unleash') * 100) + 1 <= p)) AS every_per_cent,
	bool_and(persona.choose(i, 'u', '{500,500}', p / 100.0, 'unleash') = persona.choose(i, 'u', '{500,500}', 1, 'unleash_variant')) AS coverage_moves_nobody,
	bool_and(persona.choose(i, 'u', '{0,7,0}', 1, 'unleash') = 2) AS no_weight_no_unit
FROM generate_series(1, 300) i, generate_series(0, 100) p;
-- LaunchDarkly: what is left over is the last one's
SELECT bool_and(persona.choose(i, 'flag.salt', '{0.6,0.3}', 1, 'launchdarkly') = CASE WHEN b < 0.6 THEN 1 ELSE 2 END) AS left_over,
	bool_and(persona.choose(i, 'flag.salt', '{0.6,0.4}', 0.5, 'launchdarkly') IS NOT DISTINCT FROM CASE WHEN b < 0.3 THEN 1 WHEN b < 0.5 THEN 2 END) AS covered
FROM (SELECT i, persona.bucket(i, 'flag.salt', 'launchdarkly') AS b FROM generate_series(1, 20000) i) l;
-- PostHog: two hashes
SELECT string_agg(coalesce(persona.choose('distinct_id_' || i, 'multivariate-flag', '{0.5,0.2,0.2,0.05,0.05}', 0.55, 'posthog')::text, '-'), '' ORDER BY i) = '221--' AS published,
	bool_and(persona.choose('distinct_id_' || i, 'multivariate-flag', '{0.5,0.2,0.2,0.05,0.05}', 0.55, 'posthog') IS NOT DISTINCT FROM
		persona.choose('distinct_id_' || i, 'multivariate-flag', '{0.5,0.2,0.2,0.05,0.05}', 0.55, 'posthog_variant')) AS one_flag_one_answer
FROM generate_series(0, 4) i;
-- Statsig and Split: a share of the grid
SELECT bool_and((persona.choose(i, 'config.rule', '{1}', p / 100.0, 'statsig') = 1) IS TRUE = (round(persona.bucket(i, 'config.rule', 'statsig') * 10000) < p * 100)) AS statsig,
	bool_and((persona.choose(i, '516558562', ARRAY[p / 100.0, 1 - p / 100.0], 1, 'split') = 1) = (round(persona.bucket(i, '516558562', 'split') * 100) + 1 <= p)) AS split
FROM generate_series(1, 300) i, generate_series(0, 100) p;
SELECT persona.bucket(1, '4294967295', 'split') = persona.bucket(1, '-1', 'split') AS split_seed_is_modulo;

-- one unit whatever its type, one answer under every name of the scheme
SELECT bool_and(persona.bucket(42, '7', s) = persona.bucket('42', '7', s::text)) AS number_is_text,
	bool_and(persona.choose('018F2B5E-0000-7000-8000-000000000042'::uuid, '7', '{0.5,0.5}', 1, s)
		= persona.choose('018f2b5e-0000-7000-8000-000000000042', '7', '{0.5,0.5}', scheme => s)) AS uuid_is_text,
	bool_and(persona.bucket(repeat('u', 100000), '7', s) BETWEEN 0 AND 1) AS of_any_length,
	bool_and(persona.choose(i, '7', '{0.5,0.5}', scheme => s) BETWEEN 1 AND 2) AS nobody_left_out
FROM unnest('{persona,growthbook1,growthbook2,optimizely,unleash,launchdarkly,posthog,posthog_variant,statsig,split}'::text[]) s, generate_series(1, 200) i;
SELECT bool_and(persona.bucket(i, 'x', 'persona') = persona.bucket(i, 'x')) AS the_default, persona.bucket(1, 'x', NULL) IS NULL AS null_is_null FROM generate_series(1, 100) i;
-- each scheme spreads evenly enough: 1 degree, below 24 with p = 1e-6
SELECT string_agg(s, ' ' ORDER BY s) FILTER (WHERE NOT even) IS NULL AS all_even
FROM (SELECT s, (2 * count(*) FILTER (WHERE persona.choose(i, '7', '{0.5,0.5}', 1, s) = 1) - 20000) ^ 2 / 20000 < 24 AS even
	FROM unnest('{persona,growthbook1,growthbook2,optimizely,unleash,unleash_variant,launchdarkly,posthog,posthog_variant,statsig,split}'::text[]) s, generate_series(1, 20000) i GROUP BY s) e;

-- the type: a name, there and back
CREATE TEMP TABLE schemes (scheme persona.scheme);
INSERT INTO schemes VALUES ('persona'), ('split'), ('unleash_variant');
SELECT string_agg(scheme::text, ' ') = 'persona split unleash_variant' AS text_there_and_back,
	bool_and(convert_from(persona.scheme_send(scheme), 'UTF8') = scheme::text) AS binary_as_text
FROM schemes;
SELECT typcollation = 0 AS non_collatable FROM pg_type WHERE oid = 'persona.scheme'::regtype;

-- what is refused
SELECT persona.bucket(1, 'x', 'growthbook');
SELECT persona.bucket(1, 'x', 'unleash_variant');
SELECT persona.bucket(1, 'x', 'split');
SELECT persona.bucket(1, '99999999999999999999', 'split');
SELECT persona.choose(1, '7', '{0.5,0.5}', 0.2, 'split');
SELECT persona.choose(1, 'x', '{0.5,0.6}', 1, 'optimizely');
SELECT persona.choose(1, 'x', '{0.5,0.6}', 1, 'unleash');
SELECT persona.choose(1, 'x', '{0,0}', 1, 'unleash_variant');
SELECT persona.choose(1, 'x', '{3e9,3e9}', 1, 'unleash_variant');
SELECT persona.choose(1, 'x', '{-1,2}', 1, 'growthbook1');
SELECT persona.choose(1, 'x', '{0.5,0.5}', 'NaN', 'growthbook1');
SELECT persona.choose(1, 'x', '{0.5,0.5}', 1.1, 'posthog');
