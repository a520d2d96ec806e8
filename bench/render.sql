/*
 * render() against what people write in PL/pgSQL in its place: replace() of
 * each placeholder, and format(). The e-mail is of 2 kB, with 12 variables, a
 * condition and a loop over three lines of an order; all three write the same
 * bytes, which is checked first. Amounts are text, as JavaScript would make 49 of
 * 49.00 where render-npm has the same data.
 */
\set template `cat render.liquid`
CREATE TABLE orders AS
SELECT i AS id, 'Ann' || i % 977 AS first_name, 'Lee' || i % 1009 AS last_name, 'No. ' || i AS order_number, to_char(date '2026-01-01' + i % 300, 'FMDD Month YYYY') AS ordered_on,
	to_char(date '2026-01-04' + i % 300, 'FMDD Month YYYY') AS delivery_on, 'Bergen' AS city, 'https://track.example/' || md5(i::text) AS tracking_url, 'Posten' AS carrier, (i % 500 + 0.90)::text AS total, i % 3 * 25 AS points,
	'https://shop.example/u/' || md5('u' || i) AS unsubscribe_url, jsonb_build_array(jsonb_build_object('name', 'Blue mug', 'quantity', 1, 'price', '7.95'), jsonb_build_object('name', 'Tea, green', 'quantity', i % 7, 'price', '12.50'), jsonb_build_object('name', 'Kettle', 'quantity', 1, 'price', '49.00')) AS lines
FROM generate_series(1, 2000) i;
CREATE TABLE templates AS SELECT :'template'::persona.template AS template, replace(:'template', '%', '%%') AS text;
VACUUM ANALYZE orders;

/* The template without its tags, and that of one line. */
CREATE TABLE parts AS
SELECT regexp_replace(regexp_replace(regexp_replace(t.template::text, '\{% for.*endfor %\}', '{{ lines }}'), '\{% if points.*?endif %\}', '{{ points_line }}'), '\{\{ first_name \| default: "friend" \}\}', '{{ first_name }}') AS body,
	substring(t.template::text FROM '\{% for line in lines %\}(.*)\{% endfor %\}') AS line, substring(t.template::text FROM '\{% if points > 0 %\}(.*?)\{% endif %\}') AS points
FROM templates t;

CREATE FUNCTION by_replace(o orders, body text, line text, points text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	lines text := '';
	l jsonb;
BEGIN
	FOR l IN SELECT jsonb_array_elements(o.lines) LOOP
		lines := lines || replace(replace(replace(line, '{{ line.name }}', l ->> 'name'), '{{ line.quantity }}', l ->> 'quantity'), '{{ line.price }}', l ->> 'price');
	END LOOP;
	body := replace(body, '{{ lines }}', lines);
	body := replace(body, '{{ points_line }}', CASE WHEN o.points > 0 THEN replace(points, '{{ points }}', o.points::text) ELSE '' END);
	body := replace(body, '{{ first_name }}', coalesce(o.first_name, 'friend'));
	body := replace(body, '{{ last_name }}', o.last_name);
	body := replace(body, '{{ order_number }}', o.order_number);
	body := replace(body, '{{ ordered_on }}', o.ordered_on);
	body := replace(body, '{{ delivery_on }}', o.delivery_on);
	body := replace(body, '{{ city }}', o.city);
	body := replace(body, '{{ tracking_url }}', o.tracking_url);
	body := replace(body, '{{ carrier }}', o.carrier);
	body := replace(body, '{{ total }}', o.total);
	RETURN replace(body, '{{ unsubscribe_url }}', o.unsubscribe_url);
END
$$;

/* format() wants its arguments numbered: the template is rewritten once. */
CREATE TABLE formats AS
SELECT (SELECT string_agg(x, '') FROM (SELECT CASE WHEN n % 2 = 1 THEN replace(piece, '%', '%%') ELSE '%' || array_position('{lines,points_line,first_name,last_name,order_number,ordered_on,delivery_on,city,tracking_url,carrier,total,unsubscribe_url}'::text[], btrim(piece)) || '$s' END AS x
	FROM regexp_split_to_table(p.body, '\{\{|\}\}') WITH ORDINALITY s(piece, n) ORDER BY n) y) AS body,
	replace(replace(replace(replace(p.line, '%', '%%'), '{{ line.name }}', '%1$s'), '{{ line.quantity }}', '%2$s'), '{{ line.price }}', '%3$s') AS line, replace(replace(p.points, '%', '%%'), '{{ points }}', '%s') AS points
FROM parts p;
CREATE FUNCTION by_format(o orders, body text, line text, points text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN format(body, (SELECT string_agg(format(line, l ->> 'name', l ->> 'quantity', l ->> 'price'), '' ORDER BY n) FROM jsonb_array_elements(o.lines) WITH ORDINALITY x(l, n)),
		CASE WHEN o.points > 0 THEN format(points, o.points) ELSE '' END, coalesce(o.first_name, 'friend'), o.last_name, o.order_number, o.ordered_on, o.delivery_on, o.city, o.tracking_url, o.carrier, o.total, o.unsubscribe_url);
END
$$;
SELECT 1 / (bool_and(persona.render(template, o) = by_replace(o, p.body, p.line, p.points) AND persona.render(template, o) = by_format(o, f.body, f.line, f.points)))::int
FROM orders o, templates, parts p, formats f \g /dev/null

CALL pg_temp.compare('render(template, row)', 'replace()', 2000,
	$$SELECT sum(octet_length(persona.render(template, o))) FROM orders o, templates$$,
	$$SELECT sum(octet_length(by_replace(o, p.body, p.line, p.points))) FROM orders o, parts p$$, '', 11, NULL);
CALL pg_temp.compare('render(template, row)', 'format()', 2000,
	$$SELECT sum(octet_length(persona.render(template, o))) FROM orders o, templates$$,
	$$SELECT sum(octet_length(by_format(o, f.body, f.line, f.points))) FROM orders o, formats f$$, '', 11, NULL);
CREATE TABLE documents AS SELECT to_jsonb(o) AS data FROM orders o;
VACUUM ANALYZE documents;
CALL pg_temp.compare('render(template, jsonb)', 'format()', 2000,
	$$SELECT sum(octet_length(persona.render(template, data))) FROM documents, templates$$,
	$$SELECT sum(octet_length(by_format(o, f.body, f.line, f.points))) FROM orders o, formats f$$, '', 11, NULL);
CALL pg_temp.compare('render(template, jsonb, escape => true)', 'format()', 2000,
	$$SELECT sum(octet_length(persona.render(template, data, escape => true))) FROM documents, templates$$,
	$$SELECT sum(octet_length(by_format(o, f.body, f.line, f.points))) FROM orders o, formats f$$, '', 11, NULL);
