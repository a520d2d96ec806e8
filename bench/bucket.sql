/*
 * bucket() against the arithmetic over md5 that people write in its place: the
 * first 32 bits of the digest, divided by 2^32. Sums over a million rows.
 */
CREATE TABLE customers AS SELECT i AS id FROM generate_series(1, 1000000) i;
VACUUM ANALYZE customers;

CALL pg_temp.compare('bucket(id, seed)', 'md5 arithmetic', 1000000,
	$$SELECT sum(persona.bucket(id, 'thanks')) FROM customers$$,
	$$SELECT sum(('x' || substr(md5('thanks.' || id), 1, 8))::bit(32)::bigint / 4294967296.0::float8) FROM customers$$,
	'', 7, NULL);
CALL pg_temp.compare('choose(id, seed, weights)', 'md5 arithmetic', 1000000,
	$$SELECT sum(persona.choose(id, 'thanks', '{0.5,0.5}')) FROM customers$$,
	$$SELECT sum(CASE WHEN ('x' || substr(md5('thanks.' || id), 1, 8))::bit(32)::bigint / 4294967296.0::float8 < 0.5 THEN 1 ELSE 2 END) FROM customers$$,
	'', 7, NULL);
