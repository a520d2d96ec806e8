-- the type: what is a template, what is not, and that it comes out as it went in
\set SHOW_CONTEXT never
\set VERBOSITY default
SELECT t, t::persona.template::text = t AS lossless
FROM (VALUES (''), (' {{a}} '), (E'{{ a |  default : "x" }}\r\n'), ('}} { } {'), ('{% raw -%} {{ x }} {% endraw %}'), ('{%comment%}{% if %}{%endcomment%}')) v(t);
SELECT NULL::persona.template IS NULL AS null_is_null, pg_typeof('x'::persona.template),
	(SELECT typcollation = 0 FROM pg_type WHERE oid = 'persona.template'::regtype) AS no_collation;
-- what it uses: every path once, by first use, as far as it is names
SELECT persona.template_variables('{{ a }}{{ new.b | default: c }}{{ a }}{{ list[0].x }}{{ "no" }}{{ nil }}{% raw %}{{ r }}{% endraw %}') AS used;
SELECT persona.template_variables('{{ new["sku"].x }}{{ a[k.l].b }}{{ ["first name"].z }}{{ x | replace: y, w }}') AS brackets,
	persona.template_variables('no outputs') AS none, persona.template_variables(NULL) IS NULL AS null_is_null;
-- mistakes are seen when a template is written down
SELECT 'Hi {{ name'::persona.template;
SELECT '{{ }}'::persona.template;
SELECT E'one\ntwö {{ name | upcaes }}'::persona.template;
SELECT '{{ name | }}'::persona.template;
SELECT '{{ name | append }}'::persona.template;
SELECT '{{ name | default: "a", "b" }}'::persona.template;
SELECT '{{ name | upcase: 1 }}'::persona.template;
SELECT '{{ name upcase }}'::persona.template;
SELECT '{{ "open }}'::persona.template;
SELECT '{{ a[0 }}'::persona.template;
SELECT '{{ a..b }}'::persona.template;
SELECT '{{ [which] }}'::persona.template;
SELECT '{% if x %}'::persona.template;
SELECT '{% coment %}'::persona.template;
SELECT '{% raw %} {{ x }}'::persona.template;
SELECT '{% comment %} {% endcomment'::persona.template;
-- limits
SELECT length(repeat('x', 262144)::persona.template::text) AS the_longest;
SELECT repeat('x', 262145)::persona.template;
SELECT ('{{ a' || repeat(' | strip', 21) || ' }}')::persona.template;
SELECT ('{{ a' || repeat('[a', 101) || repeat(']', 101) || ' }}')::persona.template;
SELECT ('{{ ' || repeat('9', 101) || ' }}')::persona.template;
SELECT cardinality(persona.template_variables(string_agg('{{ v' || i || ' }}', '')::persona.template)) AS many FROM generate_series(1, 2000) i;
-- nothing crashes: every beginning of a template is a template or a syntax error
CREATE FUNCTION pg_temp.is_template(t text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN t::persona.template::text = t;
EXCEPTION WHEN syntax_error THEN
	RETURN true;
END $$;
SELECT bool_and(pg_temp.is_template(left(t, i)) AND pg_temp.is_template(right(t, i))) AS prefixes_and_suffixes
FROM (VALUES ('ä{{- a.b[-1]["ö"].c? | default: "x", allow_false: true | replace: ''q'', d -}} {%- raw -%}{{ {%- endraw -%} {% comment %}{% x %}{% endcomment %}{{ 1.5 | round }}')) v(t),
	generate_series(0, length(t)) i;
SELECT bool_and(pg_temp.is_template((SELECT string_agg(('{"{{","}}","{%","%}","-","|",":",",",".","[","]","''","\"","raw","endraw","comment","a","1"," ","ß"}'::text[])
	[1 + persona.murmur3(i || '/' || j, 7) % 20], '' ORDER BY j) FROM generate_series(1, 12) j))) AS random_pieces FROM generate_series(1, 3000) i;
-- in binary it is sent as its text, and what comes in is parsed again
CREATE TEMP TABLE message_binary (n int, t persona.template);
INSERT INTO message_binary VALUES (1, 'Hi {{ name | default: "there" }}'), (2, ''), (3, repeat('{{ x }} long ', 2000)::persona.template), (4, NULL);
SELECT bool_and(persona.template_send(t) = convert_to(t::text, 'UTF8')) AS sent_as_text FROM message_binary;
\copy message_binary TO 'results/message_binary.copy' (FORMAT binary)
CREATE TEMP TABLE message_back (LIKE message_binary);
\copy message_back FROM 'results/message_binary.copy' (FORMAT binary)
SELECT n, b.t::text IS NOT DISTINCT FROM m.t::text AS same_text, persona.render(b.t, '{"x": 1}') IS NOT DISTINCT FROM persona.render(m.t, '{"x": 1}') AS same_message
FROM message_binary m JOIN message_back b USING (n) ORDER BY n;
