-- from a template and values to a message: Liquid's own cases, rows, what is missing, and hostile values
\set SHOW_CONTEXT never
SELECT persona.render('Hi {{ name }}!', '{"name": "Ann"}'::jsonb) AS plain,
	persona.render('Hi {{ name }}!', '{"name": "Ann"}') AS from_text,
	persona.render('{{ n }} {{ t }} {{ f }} {{ z }}', '{"n": 1.50, "t": true, "f": false, "z": null}'::jsonb) AS scalars,
	persona.render('{{ "a" }}{{ ''b'' }}{{ 3 }}{{ -1.5 }}{{ true }}{{ nil }}{{ blank }}', '{}'::jsonb) AS literals,
	persona.render('', '{}'::jsonb) = '' AS empty,
	persona.render(NULL, '{}'::jsonb) IS NULL AND persona.render('x', NULL::jsonb) IS NULL AND persona.render('x', NULL::text) IS NULL
		AND persona.render('x', '{}'::jsonb, NULL) IS NULL AS null_is_null;
-- golden cases
CREATE TEMP TABLE golden (template text, golden text);
INSERT INTO golden VALUES
	-- paths
	('{{ a.b[1].c }}', 'deep'), ('{{ a["b"][-1].c }}', 'deep'), ('{{ a[k][i].c }}', 'deep'), ('{{ ["a"] . b [1] . c }}', 'deep'), ('{{ a.b.size }}', '2'),
	('{{ a.b.first }}', '1'), ('{{ a.b.last.c }}', 'deep'), ('{{ name.size }}', '7'), ('{{ o.size }}', '9'), ('{{ a.b[9] }}', ''), ('{{ a.b[99999999999999999999] }}', ''),
	('{{ name.x }}', ''), ('{{ a.b[0].x.y }}', ''), ('{{ a.b["1"] }}', ''), ('{{ missing[missing] }}', ''), ('{{ really? }}', 'yes'), ('{{ list }}', '1two3'), ('{{ none }}', ''), ('{{ o }}', '{"size": 9}'),
	-- text
	('{{ name | upcase }}', 'ANN LEE'), ('{{ "Ann" | downcase }}', 'ann'), ('{{ "aNN lEE" | capitalize }}', 'Ann lee'), ('{{ "" | capitalize }}', ''),
	('{{ "äßσςжяæéőý" | upcase }}', 'ÄSSΣΣЖЯÆÉŐÝ'), ('{{ "ÄẞΣЖЯÆÉŐÝ" | downcase }}', 'äßσжяæéőý'), ('{{ "éCOLE" | capitalize }}', 'École'), ('{{ "日本😀" | upcase }}', '日本😀'),
	('{{ "  x  " | strip }}', 'x'), ('{{ name | append: "!" }}', 'ann lee!'), ('{{ name | prepend: "> " }}', '> ann lee'), ('{{ 5 | append: 1.50 }}', '51.50'),
	('{{ name | replace: "n", "m" }}', 'amm lee'), ('{{ name | replace: "n" }}', 'a lee'), ('{{ name | replace: "", "-" }}', '-a-n-n- -l-e-e-'), ('{{ "aaa" | replace: "aa", "b" }}', 'ba'),
	('{{ "abcdefghij" | truncate: 5 }}', 'ab...'), ('{{ "abcde" | truncate: 5 }}', 'abcde'), ('{{ "abcdef" | truncate: 5, "" }}', 'abcde'), ('{{ "abc" | truncate: 1 }}', '...'),
	('{{ "äöüäöü" | truncate: 4, "." }}', 'äöü.'), ('{{ "😀😀😀" | truncate: 2, "" }}', '😀😀'), ('{{ "abc" | truncate: -5, "" }}', ''),
	('{{ "<a & ''b''>" | escape }}', '&lt;a &amp; &#39;b&#39;&gt;'), ('{{ "a" | size }}', '1'), ('{{ "äö" | size }}', '2'), ('{{ 12 | size }}', '0'),
	-- numbers
	('{{ n | round }}', '5'), ('{{ n | round: 2 }}', '4.57'), ('{{ nil | round }}', '0'), ('{{ -2.5 | round }}', '-3'), ('{{ "7.25" | round: 1 }}', '7.3'), ('{{ "12 apples" | round }}', '12'),
	('{{ 7.5 | round: 2 }}', '7.5'), ('{{ 7.50 | round: 2 }}', '7.50'), ('{{ 7.999 | round: 2 }}', '8.0'), ('{{ 1234 | round: -2 }}', '1200'), ('{{ "x" | round }}', '0'), ('{{ 1.005 | round: 2 }}', '1.01'),
	-- what stands in for nothing
	('{{ missing | default: "there" }}', 'there'), ('{{ e | default: "x" }}', 'x'), ('{{ b | default: "blank" }}', 'blank'), ('{{ none | default: "x" }}', 'x'), ('{{ missing | default: nobody }}', ''),
	('{{ false | default: "x" }}', 'x'), ('{{ false | default: "x", allow_false: true }}', 'false'), ('{{ 0 | default: "x" }}', '0'), ('{{ name | default: "x" }}', 'ann lee'), ('{{ missing | default }}', ''),
	('{{ missing | default: "a" | upcase }}', 'A'), ('{{ missing | upcase | append: "!" }}', '!'),
	-- lists
	('{{ list | join: ", " }}', '1, two, , 3'), ('{{ list | join }}', '1 two  3'), ('{{ list | first }}', '1'), ('{{ list | last }}', '3'), ('{{ list | size }}', '4'), ('{{ name | join: "," }}', 'ann lee'), ('{{ nil | join }}', ''), ('{{ name | first }}', ''),
	-- dates
	('{{ "2026-03-09" | date: "%-d %B %Y" }}', '9 March 2026'), ('{{ "2026-03-09T07:05:09+02:00" | date: "%A %d.%m.%y %H:%M:%S %z" }}', 'Monday 09.03.26 07:05:09 +0200'),
	('{{ "2026-03-09 19:05" | date: "%l:%M %p, %e %b, day %j, week %V of %G, %u %Z" }}', ' 7:05 PM,  9 Mar, day 068, week 11 of 2026, 1 UTC'), ('{{ "2026-03-09 07:00-05" | date: "%s" }}', '1773057600'),
	('{{ 1152098955 | date: "%F %T" }}', '2006-07-05 11:29:15'), ('{{ "March 14, 2016" | date: "%F" }}', '2016-03-14'), ('{{ "14 mar 2016 8:30" | date: "%R" }}', '08:30'), ('{{ "2024-02-29" | date: "%^a%%%Q" }}', 'THU%%Q'),
	('{{ "2026-02-30" | date: "%F" }}', '2026-02-30'), ('{{ "soon" | date: "%F" }}', 'soon'), ('{{ nil | date: "%F" }}', ''), ('{{ "2026-03-09" | date: "" }}', '2026-03-09'), ('{{ "2026-13-01T99" | date: "%" }}', '2026-13-01T99'), ('{{ "2026-03-09" | date: "%" }}', '%'),
	-- white space, raw and comment
	('a {{- "b" -}} c', 'abc'), ('a {{ "b" -}}' || E'\n c', 'a bc'), ('{{name|upcase|append:"."}}', 'ANN LEE.'), ('{ {{ name }} }', '{ ann lee }'), ('{{ "a" -}}  {{- "b" }}', 'ab'), ('{{"-}}"}}', '-}}'),
	('{% raw %}{{ name }} {% x %}{% endraw %}', '{{ name }} {% x %}'), ('a {%- raw -%} {{ }} {%- endraw -%} b', 'a {{ }} b'), ('a{% comment %} {{ }} {% if %}{% endcomment %}b', 'ab'), ('a {%- comment %}x{% endcomment -%} b', 'ab');
SELECT template, golden, rendered
FROM golden, persona.render(template::persona.template, '{"name": "ann lee", "e": "", "b": " \t ", "n": 4.567, "a": {"b": [1, {"c": "deep"}]}, "k": "b", "i": 1,
	"o": {"size": 9}, "list": [1, ["two"], null, 3], "none": [], "really?": "yes"}'::jsonb) rendered
WHERE golden <> rendered;
-- stored templates render as written ones, and to the same text every time
CREATE TEMP TABLE stored AS SELECT template::persona.template AS template, golden FROM golden;
SELECT count(*) = 5 * (SELECT count(*) FROM golden) AS stored, bool_and(persona.render(template, d) = persona.render(template::text::persona.template, d)) AS the_same
FROM stored, (VALUES ('{"name": "x", "list": [1]}'::jsonb), ('{}'), ('[]'), ('1'), ('[{"name": 2}]')) v(d);
-- a row's own columns, without a cast of anybody's
CREATE TYPE pg_temp.money_of AS (amount numeric, currency text);
CREATE DOMAIN pg_temp.positive AS int CHECK (VALUE > 0);
SET TIME ZONE 'Europe/Berlin';
SELECT persona.render('{{ i }} {{ n }} {{ f }} {{ t }} {{ b }} {{ d }} {{ ts }} {{ tz | date: "%H:%M %z" }} {{ j.x }} {{ s }} {{ u }} {{ z | default: "-" }} {{ a | join: "+" }} {{ m.amount }} {{ m.currency }} {{ p }} {{ ms.last.currency }} {{ nan }}', r)
FROM (SELECT 1 AS i, 2.50 AS n, 0.1::float8 AS f, 'x'::text AS t, true AS b, date '2026-01-02' AS d, timestamp '2026-01-02 03:04' AS ts, timestamptz '2026-07-01 12:00+00' AS tz, '{"x": 7}'::jsonb AS j, '"s"'::jsonb AS s,
	'00000000-0000-0000-0000-000000000001'::uuid AS u, NULL::int AS z, ARRAY[1, NULL, 3] AS a, ROW(9.90, 'EUR')::pg_temp.money_of AS m, 5::pg_temp.positive AS p, ARRAY[ROW(1, 'USD')::pg_temp.money_of] AS ms, 'NaN'::float8 AS nan) r;
RESET TIME ZONE;
SELECT persona.render('{{ a }}{{ b }}', ROW(1, 'x')) AS no_names, persona.render('[{{ f1 }} {{ f2 }}]', ROW(1, 'x')) AS numbered, persona.render('x', NULL::record) IS NULL AS null_is_null;
CREATE TEMP TABLE dropped (a int, b text, c text);
INSERT INTO dropped VALUES (1, 'b', 'c');
ALTER TABLE dropped DROP COLUMN b;
SELECT persona.render('{{ a }}[{{ b }}]{{ c }}', dropped) FROM dropped;
-- values are never read as templates
SELECT persona.render('{{ v }} {{ v | append: "}}" }}', '{"v": "{{ 7*7 }}{% raw %}"}'::jsonb) AS not_again;
-- HTML: everything is escaped but what raw or escape itself gives
SELECT persona.render('<p>{{ v }}', '{"v": "<script>"}'::jsonb) AS not_by_itself,
	persona.render('<p>{{ v }} {{ v | raw }} {{ v | escape }} {{ "&" }}', '{"v": "<b>"}'::jsonb, escape => true) AS html;
SELECT template, persona.render(template::persona.template, '{"v": "<i>", "l": ["<b>", {"<k>": "<j>"}]}'::jsonb, true) !~ '[<>]' AS closed
FROM unnest('{"{{ v }}","{{ l }}","{{ l[1] }}","{{ l | join: v }}","{{ v | escape | append: v }}","{{ v | raw | append: v }}","{{ v | escape | prepend: v }}","{{ ''x'' | raw | replace: ''x'', v }}","{{ nil | raw | default: v }}","{{ v | truncate: 2, v }}","{{ ''2026-01-01'' | date: v }}"}'::text[]) template;
-- limits, and what is huge
SELECT length(persona.render('{{ v }}', jsonb_build_object('v', repeat('x', 1048576)))) AS the_longest;
SELECT persona.render('{{ v }}', jsonb_build_object('v', repeat('x', 1048577)));
SELECT persona.render(repeat('{{ v }}', 2000)::persona.template, jsonb_build_object('v', repeat('x', 1000)));
SELECT persona.render('{{ v | replace: "x", v | size }}', jsonb_build_object('v', repeat('x', 2000)));
SELECT persona.render('{{ l | join: v | size }}', jsonb_build_object('v', repeat('x', 2000), 'l', (SELECT jsonb_agg(i) FROM generate_series(1, 2000) i)));
SELECT persona.render('{{ v }}', ('{"v": ' || repeat('[', 101) || '1' || repeat(']', 101) || '}')::jsonb);
SELECT persona.render('{{ v | round: 3 }}', '{"v": 1e-100}'::jsonb) AS tiny, length(persona.render('{{ v | round }}', '{"v": 1e1000}'::jsonb)) AS digits;
SELECT length(persona.render(('{{ a' || repeat('.a', 20000) || ' }}')::persona.template, '{"a": {"a": 1}}'::jsonb)) AS deep_path;
SELECT persona.render(repeat('{{ v | size }}', 500)::persona.template, jsonb_build_object('v', repeat('x', 10000))) = repeat('10000', 500) AS many_outputs;
SELECT persona.render('{{ v }}', 'not json');
