/*
 * summarize() against the aggregates that people write in its place, over a
 * million rows. A call of each kind of test against the pooled z of two
 * proportions as SQL arithmetic, which has neither p-value nor interval:
 * there what counts is the nanoseconds a call.
 */
CREATE TABLE spend AS SELECT i AS id, (i % 97)::float8 * 1.25 AS y, (i % 31)::float8 AS x, i % 7 = 0 AS bought FROM generate_series(1, 1000000) i;
VACUUM ANALYZE spend;

CALL pg_temp.compare('summarize(y)', 'avg and var_samp', 1000000,
	$$SELECT persona.summarize(y) FROM spend$$,
	$$SELECT avg(y), var_samp(y) FROM spend$$,
	'', 7, NULL);
CALL pg_temp.compare('summarize(boolean)', 'avg and var_samp of a cast', 1000000,
	$$SELECT persona.summarize(bought) FROM spend$$,
	$$SELECT avg(bought::int::float8), var_samp(bought::int::float8) FROM spend$$,
	'', 7, NULL);
CALL pg_temp.compare('summarize(y, x)', 'averages, variances and covar_samp', 1000000,
	$$SELECT persona.summarize(y, x) FROM spend$$,
	$$SELECT avg(y), avg(x), var_samp(y), var_samp(x), covar_samp(y, x) FROM spend$$,
	'', 7, NULL);

CREATE PROCEDURE pg_temp.call(figure text, expression text, peer text, their text, n bigint, OUT line text) LANGUAGE plpgsql AS $$
BEGIN
	CALL pg_temp.compare(figure, peer, n,
		format('SELECT count(%s) FROM generate_series(1, %s) i', expression, n),
		format('SELECT count(%s) FROM generate_series(1, %s) i', their, n), '', 5, line);
END
$$;
\set z '((i % 10)::float8 / 1000 + 0.02) / sqrt((i % 10 + 120) / 2000.0::float8 * (1 - (i % 10 + 120) / 2000.0::float8) / 500)'
\set two_prop 'persona.stat_two_prop_z(100 + i % 10, 1000, 120, 1000)'
CALL pg_temp.call('stat_two_prop_z()', :'two_prop', 'z in SQL', :'z', 100000, NULL);
CALL pg_temp.call('stat_welch_t()', 'persona.stat_welch_t(1000, 1, 2 + i % 10, 1000, 1.1, 2)', 'z in SQL', :'z', 100000, NULL);
CALL pg_temp.call('stat_sequential()', $$persona.stat_sequential('guarded', 1000, 1, 2 + i % 10, 1000, 1.1, 2)$$, 'z in SQL', :'z', 100000, NULL);
CALL pg_temp.call('compare() of means', 'persona.compare(persona.sample(1000, 1, i), persona.sample(1000, 1.1, i), mde => 0.05)',
	'stat_two_prop_z()', :'two_prop', 20000, NULL);
CALL pg_temp.call('compare() of proportions', 'persona.compare(persona.proportion(100 + i % 10, 1000), persona.proportion(120, 1000), mde => 0.05)',
	'stat_two_prop_z()', :'two_prop', 20000, NULL);
CALL pg_temp.call('stat_bayes_beta(), a million people', 'persona.stat_bayes_beta(100000 + i % 10, 1000000, 100500, 1000000)',
	'stat_two_prop_z()', :'two_prop', 20000, NULL);
