/*
 * What all pictures are drawn with: experiments that are simulated, and a few
 * functions that write SVG. A plane is 640 by 320, its axes go from (60, 20) to
 * (620, 270); x and y of data become pixels by at().
 */
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS persona;

/*
 * Experiments in which the control converts at `rate` and the treatment at
 * `rate` times `factor`, half and half, looked at after every user: people and
 * conversions so far. Chance is made of buckets, so it is the same each time.
 */
CREATE FUNCTION pg_temp.looks(rate float8, factor float8, runs int, users int)
RETURNS TABLE (run int, i int, n1 bigint, x1 bigint, n2 bigint, x2 bigint) LANGUAGE sql AS $$
SELECT run, i, count(*) FILTER (WHERE control) OVER look, count(*) FILTER (WHERE control AND bought) OVER look,
	count(*) FILTER (WHERE NOT control) OVER look, count(*) FILTER (WHERE NOT control AND bought) OVER look
FROM (SELECT run, i, i % 2 = 0 AS control, persona.bucket(run * 1000000::bigint + i, 'picture') < rate * CASE WHEN i % 2 = 0 THEN 1 ELSE factor END AS bought
	FROM generate_series(1, runs) run, generate_series(1, users) i) p
WINDOW look AS (PARTITION BY run ORDER BY i)
$$;

/* The pixel of a value that lies between lo and hi. */
CREATE FUNCTION pg_temp.at_x(v float8, lo float8, hi float8) RETURNS numeric LANGUAGE sql AS 'SELECT round((60 + 560 * (v - lo) / (hi - lo))::numeric, 1)';
CREATE FUNCTION pg_temp.at_y(v float8, lo float8, hi float8) RETURNS numeric LANGUAGE sql AS 'SELECT round((270 - 250 * (v - lo) / (hi - lo))::numeric, 1)';

CREATE FUNCTION pg_temp.words(x numeric, y numeric, words text, style text) RETURNS text LANGUAGE sql AS
$$SELECT format('<text x="%s" y="%s" %s>%s</text>', x, y, style, words)$$;
CREATE FUNCTION pg_temp.line(x1 numeric, y1 numeric, x2 numeric, y2 numeric, style text) RETURNS text LANGUAGE sql AS
$$SELECT format('<line x1="%s" y1="%s" x2="%s" y2="%s" %s/>', x1, y1, x2, y2, style)$$;
CREATE FUNCTION pg_temp.path(points text, style text) RETURNS text LANGUAGE sql AS
$$SELECT format('<polyline points="%s" fill="none" stroke-width="2.5" %s/>', points, style)$$;

/* The whole: a white plane, a title, marks on both axes, and what is drawn. */
CREATE FUNCTION pg_temp.plane(title text, x_title text, x_marks float8[], x_lo float8, x_hi float8, y_marks float8[], y_lo float8, y_hi float8, unit text, drawn text)
RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(E'\n', '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 320" font-family="sans-serif" font-size="13" fill="#333">',
	'<title>' || title || '</title>', '<rect width="640" height="320" fill="#fff"/>',
	(SELECT string_agg(pg_temp.line(60, y, 620, y, 'stroke="#ddd"') || pg_temp.words(54, y + 4, m::numeric || unit, 'text-anchor="end"'), E'\n' ORDER BY m)
		FROM unnest(y_marks) m, pg_temp.at_y(m, y_lo, y_hi) y),
	(SELECT string_agg(pg_temp.words(x, 290, to_char(m, 'FM99,999'), 'text-anchor="middle"'), E'\n' ORDER BY m) FROM unnest(x_marks) m, pg_temp.at_x(m, x_lo, x_hi) x),
	pg_temp.words(340, 310, x_title, 'text-anchor="middle"'), drawn, '</svg>')
$$;
