/*
 * Four hundred experiments in which both variants are the same: in how many
 * of them somebody who looks after every user has seen "a difference" so far.
 */
CREATE TEMP TABLE alarm AS
SELECT run, min(i) FILTER (WHERE (persona.stat_two_prop_z(x1, n1, x2, n2)).p_value <= 0.05) AS fixed,
	min(i) FILTER (WHERE (persona.compare(a, b, n_star => 2000)).seq_p <= 0.05) AS verdict
FROM (SELECT *, persona.sample(n1, x1::float8 / n1, sqrt(x1 * (n1 - x1)::float8 / n1 / (n1 - 1))) AS a,
		persona.sample(n2, x2::float8 / n2, sqrt(x2 * (n2 - x2)::float8 / n2 / (n2 - 1))) AS b
	FROM pg_temp.looks(0.1, 1, 400, 2000) WHERE i >= 100) l
GROUP BY run;
CREATE TEMP TABLE curve AS
SELECT i, 100 * avg(coalesce(verdict <= i, false)::int) AS verdict, 100 * avg(coalesce(fixed <= i, false)::int) AS misled
FROM generate_series(100, 2000, 20) i, alarm GROUP BY i;
SELECT pg_temp.plane('Experiments without any effect in which an effect was seen so far', 'users so far, with a look after each', '{100,500,1000,1500,2000}', 100, 2000, '{0,10,20,30,40}', 0, 42, ' %',
	concat_ws(E'\n', pg_temp.line(60, pg_temp.at_y(5, 0, 42), 620, pg_temp.at_y(5, 0, 42), 'stroke="#888" stroke-dasharray="4 4"'),
		pg_temp.words(66, pg_temp.at_y(5, 0, 42) - 6, 'promised: 5 %', 'fill="#888"'),
		pg_temp.path(string_agg(pg_temp.at_x(i, 100, 2000) || ',' || pg_temp.at_y(misled::float8, 0, 42), ' ' ORDER BY i), 'stroke="#c0392b"'),
		pg_temp.path(string_agg(pg_temp.at_x(i, 100, 2000) || ',' || pg_temp.at_y(verdict::float8, 0, 42), ' ' ORDER BY i), 'stroke="#2471a3"'),
		pg_temp.words(610, pg_temp.at_y(max(misled)::float8, 0, 42) + 50, 'who stops at the first p below 0.05', 'text-anchor="end" fill="#c0392b"'),
		pg_temp.words(610, pg_temp.at_y(max(verdict)::float8, 0, 42) - 7, 'who waits for the verdict', 'text-anchor="end" fill="#2471a3"')))
FROM curve;
