/*
 * bucket() against the arithmetic over md5 that people write in its place, the
 * first 32 bits of the digest divided by 2^32, and against PostgreSQL's own
 * hash, which is fast but not promised to stay; choose() against the same
 * arithmetic; and the schemes of others. Sums over a million rows.
 */
CREATE TABLE customers AS SELECT i AS id FROM generate_series(1, 1000000) i;
VACUUM ANALYZE customers;

CALL pg_temp.compare('bucket(id, seed)', 'md5 arithmetic', 1000000,
	$$SELECT sum(persona.bucket(id, 'thanks')) FROM customers$$,
	$$SELECT sum(('x' || substr(md5('thanks.' || id), 1, 8))::bit(32)::bigint / 4294967296.0::float8) FROM customers$$,
	'', 7, NULL);
CALL pg_temp.compare('bucket(id, seed)', 'hashtextextended', 1000000,
	$$SELECT sum(persona.bucket(id, 'thanks')) FROM customers$$,
	$$SELECT sum((hashtextextended('thanks.' || id, 0) & 4294967295) / 4294967296.0::float8) FROM customers$$,
	'', 7, NULL);
CALL pg_temp.compare('choose(id, seed, halves)', 'md5 arithmetic', 1000000,
	$$SELECT sum(persona.choose(id, 'thanks', '{0.5,0.5}')) FROM customers$$,
	$$SELECT sum(CASE WHEN ('x' || substr(md5('thanks.' || id), 1, 8))::bit(32)::bigint / 4294967296.0::float8 < 0.5 THEN 1 ELSE 2 END) FROM customers$$,
	'', 7, NULL);
CALL pg_temp.compare('choose(id, seed, unequal weights)', 'md5 arithmetic', 1000000,
	$$SELECT sum(persona.choose(id, 'thanks', '{0.9,0.1}')) FROM customers$$,
	$$SELECT sum(CASE WHEN ('x' || substr(md5('thanks.' || id), 1, 8))::bit(32)::bigint / 4294967296.0::float8 < 0.9 THEN 1 ELSE 2 END) FROM customers$$,
	'', 7, NULL);
CALL pg_temp.compare('bucket(id, seed, growthbook2)', 'bucket(id, seed)', 1000000,
	$$SELECT sum(persona.bucket(id, 'thanks', 'growthbook2')) FROM customers$$,
	$$SELECT sum(persona.bucket(id, 'thanks')) FROM customers$$,
	'', 7, NULL);
CALL pg_temp.compare('bucket(id, seed, posthog)', 'bucket(id, seed)', 1000000,
	$$SELECT sum(persona.bucket(id, 'thanks', 'posthog')) FROM customers$$,
	$$SELECT sum(persona.bucket(id, 'thanks')) FROM customers$$,
	'', 7, NULL);
