-- templates: the type, rendering, and what hostile text does
\set SHOW_CONTEXT never
SELECT persona.render('Hi {{ name }}!', '{"name": "Ann"}'::jsonb) AS plain,
	persona.render('Hi {{ name }}!', '{"name": "Ann"}') AS from_text,
	persona.render('{{ a.b[1].c }}', '{"a": {"b": [1, {"c": "deep"}]}}'::jsonb) AS path,
	persona.render('{{ n }} {{ t }} {{ f }} {{ z }}', '{"n": 1.50, "t": true, "f": false, "z": null}'::jsonb) AS scalars,
	persona.render('{{ "a" }}{{ ''b'' }}{{ 3 }}{{ -1.5 }}{{ true }}{{ nil }}', '{}'::jsonb) AS literals,
	persona.render('no outputs', '{}'::jsonb) AS text_only,
	persona.render('', '{}'::jsonb) = '' AS empty,
	persona.render(NULL, '{}'::jsonb) IS NULL AS null_is_null;
-- golden cases of Liquid: filters and white space
SELECT template, persona.render(template::persona.template, '{"name": "ann lee", "e": "", "b": "  ", "n": 4.567, "l": "äöü"}'::jsonb) = golden AS ok
FROM (VALUES
	('{{ name | upcase }}', 'ANN LEE'), ('{{ "Ann" | downcase }}', 'ann'), ('{{ name | capitalize }}', 'Ann lee'),
	('{{ "  x  " | strip }}', 'x'), ('{{ name | append: "!" }}', 'ann lee!'), ('{{ name | prepend: "> " }}', '> ann lee'),
	('{{ name | replace: "n", "m" }}', 'amm lee'), ('{{ name | replace: "n" }}', 'a lee'),
	('{{ "abcdefghij" | truncate: 5 }}', 'ab...'), ('{{ "abcde" | truncate: 5 }}', 'abcde'), ('{{ "abcdef" | truncate: 5, "" }}', 'abcde'),
	('{{ "äöüäöü" | truncate: 4, "." }}', 'äöü.'), ('{{ n | round }}', '5'), ('{{ n | round: 2 }}', '4.57'), ('{{ nil | round }}', '0'),
	('{{ missing | default: "there" }}', 'there'), ('{{ e | default: "x" }}', 'x'), ('{{ b | default: "blank" }}', 'blank'),
	('{{ false | default: "x" }}', 'x'), ('{{ 0 | default: "x" }}', '0'), ('{{ name | default: "x" }}', 'ann lee'),
	('{{ "<a & ''b''>" | escape }}', '&lt;a &amp; &#39;b&#39;&gt;'), ('a {{- "b" -}} c', 'abc'), ('a {{ "b" -}}' || E'\n c', 'a bc'),
	('{{name|upcase|append:"."}}', 'ANN LEE.'), ('{ {{ name }} }', '{ ann lee }'), ('{{ missing }}', ''), ('{{ name.x }}', '')
) v(template, golden);
SELECT persona.template_variables('{{ a }}{{ new.b | default: c }}{{ a }}{{ list[0].x }}{{ "no" }}');
-- the text comes out as it went in
SELECT t, t::persona.template::text = t AS lossless
FROM (VALUES (''), (' {{a}} '), (E'{{ a |  default : "x" }}\r\n'), ('}} { } {')) v(t);
-- a row's own columns
SELECT persona.render('{{ i }} {{ n }} {{ t }} {{ b }} {{ d }} {{ j.x }} {{ z | default: "-" }}', r)
FROM (SELECT 1 AS i, 2.50 AS n, 'x'::text AS t, true AS b, date '2026-01-02' AS d, '{"x": 7}'::jsonb AS j, NULL::int AS z) r;
-- values are never read as templates, and HTML escapes what is not raw
SELECT persona.render('{{ v }}', '{"v": "{{ 7*7 }}{% raw %}"}'::jsonb) AS not_again,
	persona.render('{{ v }} {{ v | raw }} {{ v | escape }}', '{"v": "<b>"}'::jsonb, escape => true) AS html,
	persona.render('<p>{{ v }}', '{"v": "<script>"}'::jsonb) AS not_by_itself;
-- mistakes are seen when a template is written down
SELECT persona.render('Hi {{ name', '{}'::jsonb);
SELECT persona.render('{{ }}', '{}'::jsonb);
SELECT persona.render(E'one\ntwo {{ name | upcaes }}', '{}'::jsonb);
SELECT persona.render('{{ name | default }}', '{}'::jsonb);
SELECT persona.render('{{ name | default: "a", "b" }}', '{}'::jsonb);
SELECT persona.render('{{ name upcase }}', '{}'::jsonb);
SELECT persona.render('{{ "open }}', '{}'::jsonb);
SELECT persona.render('{{ a[x] }}', '{}'::jsonb);
SELECT persona.render('{% if x %}', '{}'::jsonb);
SELECT persona.render('{{ v }}', 'not json');
-- limits
SELECT length(persona.render(repeat('x', 262144)::persona.template, '{}'::jsonb)) AS the_longest;
SELECT repeat('x', 262145)::persona.template;
SELECT persona.render(repeat('{{ v }}', 2000)::persona.template, jsonb_build_object('v', repeat('x', 1000)));
SELECT ('{{ a' || repeat(' | strip', 21) || ' }}')::persona.template;
SELECT length(persona.render(('{{ a' || repeat('.a', 20000) || ' }}')::persona.template, '{"a": {"a": 1}}'::jsonb)) AS deep_path;
-- binary round trip
CREATE TEMP TABLE message_binary (t persona.template);
INSERT INTO message_binary VALUES ('Hi {{ name | default: "there" }}');
SELECT persona.render(t, '{}'::jsonb), persona.template_send(t) = convert_to(t::text, 'UTF8') AS sent_as_text FROM message_binary;
