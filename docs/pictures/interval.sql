/*
 * One experiment in which the treatment does convert better, 14 % against 10 %:
 * the interval of one look and the one that holds at every look, as it goes on.
 */
CREATE TEMP TABLE look AS
SELECT i, 100 * c.diff AS diff, 100 * c.ci_lo AS ci_lo, 100 * c.ci_hi AS ci_hi, 100 * c.seq_lo AS seq_lo, 100 * c.seq_hi AS seq_hi, c.verdict
FROM pg_temp.looks(0.1, 1.4, 1, 8000) l, persona.compare(persona.proportion(x1, n1), persona.proportion(x2, n2), n_star => 8000) c WHERE i >= 600 AND i % 40 = 0;
CREATE FUNCTION pg_temp.points(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	points text;
BEGIN
	EXECUTE format('SELECT string_agg(pg_temp.at_x(i, 600, 8000) || '','' || pg_temp.at_y(least(greatest(%I, -6), 12), -6, 12), '' '' ORDER BY i) FROM look', name) INTO points;
	RETURN points;
END
$$;
SELECT pg_temp.plane('The difference, and how sure one is of it', 'users so far', '{600,2000,4000,6000,8000}', 600, 8000, '{-5,0,5,10}', -6, 12, ' %',
	concat_ws(E'\n', pg_temp.line(60, pg_temp.at_y(0, -6, 12), 620, pg_temp.at_y(0, -6, 12), 'stroke="#333"'),
		pg_temp.line(60, pg_temp.at_y(4, -6, 12), 620, pg_temp.at_y(4, -6, 12), 'stroke="#888" stroke-dasharray="4 4"'),
		pg_temp.words(610, 94, 'the truth', 'text-anchor="end" fill="#888"'),
		pg_temp.path(pg_temp.points('seq_lo'), 'stroke="#2471a3"'), pg_temp.path(pg_temp.points('seq_hi'), 'stroke="#2471a3"'),
		pg_temp.path(pg_temp.points('ci_lo'), 'stroke="#c0392b" stroke-opacity="0.6"'), pg_temp.path(pg_temp.points('ci_hi'), 'stroke="#c0392b" stroke-opacity="0.6"'),
		pg_temp.path(pg_temp.points('diff'), 'stroke="#333" stroke-opacity="0.7"'),
		pg_temp.words(610, 40, 'holds at every look', 'text-anchor="end" fill="#2471a3"'), pg_temp.words(610, 58, 'holds at one look', 'text-anchor="end" fill="#c0392b"'),
		pg_temp.words(610, 76, 'measured', 'text-anchor="end"'),
		(SELECT pg_temp.line(x, 20, x, 270, 'stroke="#2471a3" stroke-dasharray="2 3"') || pg_temp.words(x + 6, 264, 'winner', 'fill="#2471a3"') FROM look, pg_temp.at_x(i, 600, 8000) x WHERE verdict = 'winner' ORDER BY i LIMIT 1)));
