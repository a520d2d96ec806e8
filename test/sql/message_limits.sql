-- what a template costs is bounded, and an error when it is more; what is hostile is text like any other
\set SHOW_CONTEXT never
SET statement_timeout = '5s';
CREATE FUNCTION pg_temp.attempt(t text, d jsonb DEFAULT '{}', OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	message := format('%s bytes', length(persona.render(t::persona.template, d)));
EXCEPTION WHEN others THEN
	state := SQLSTATE;
	message := SQLERRM;
END $$;
CREATE TEMP TABLE bomb (name text, template text, data jsonb DEFAULT '{}');
INSERT INTO bomb VALUES
	('passes', '{% for a in (1..100000) %}{% endfor %}'),
	('passes, one more', '{% for a in (1..100001) %}{% endfor %}'),
	('nested passes', '{% for a in (1..1000) %}{% for b in (1..1000) %}{% endfor %}{% endfor %}'),
	('a huge range', '{% for a in (1..50000000000) %}{% endfor %}'),
	('a huge range as a list', '{{ (1..50000000000) | join }}'),
	('a huge range shown', '{{ (1..50000000000) | size }}{{ (1..50000000000) }}'),
	('a huge range reversed', '{% for a in (1..50000000000) reversed limit: 2 %}{{ a }} {% endfor %}'),
	('no passes', '{% for a in (1..50000) %}{% for b in nil %}{% endfor %}{% for b in nil %}{% endfor %}{% endfor %}'),
	('doubling', '{% assign a = "xxxxxxxxxxxxxxxx" %}{% for i in (1..40) %}{% assign a = a | append: a %}{% endfor %}'),
	('doubling by capture', '{% assign a = "x" %}{% for i in (1..40) %}{% capture a %}{{ a }}{{ a }}{% endcapture %}{% endfor %}'),
	('doubling lists', '{% assign a = "x,y" | split: "," %}{% for i in (1..40) %}{% assign a = a | concat: a %}{% endfor %}'),
	('numbers', '{% assign a = 9 %}{% for i in (1..40) %}{% assign a = a | times: a %}{% endfor %}{{ a | size }}'),
	('conditions', '{% if ' || repeat('a or ', 40000) || 'a %}{% endif %}'),
	('a long case', '{% case 1 %}{% when ' || repeat('2,', 40000) || '2 %}{% endcase %}'),
	('brackets', '{{ ' || repeat('a[', 99) || 'b' || repeat(']', 99) || ' }}'),
	('many names', (SELECT string_agg('{%assign a' || i || '=1%}', '') FROM generate_series(1, 12000) i)),
	('many quotes', repeat('{{ '' }}', 40000)),
	('open tags', repeat('{%', 130000)),
	('open tags in raw', '{% raw %}' || repeat('{%', 120000)),
	('endraw, unclosed', '{% raw %}' || repeat('{% endraw ', 25000)),
	('nested comments', repeat('{% comment %}', 18000));
INSERT INTO bomb VALUES
	('output', '{% for a in (1..2000) %}{{ v }}{% endfor %}', jsonb_build_object('v', repeat('x', 1000))),
	('replace', '{{ v | replace: "", v }}', jsonb_build_object('v', repeat('x', 3000))),
	('join', '{{ v | split: "" | join: v }}', jsonb_build_object('v', repeat('x', 3000))),
	('filters', '{% for a in (1..90000) %}{% assign x = v | upcase | downcase | upcase %}{% endfor %}', jsonb_build_object('v', repeat('x', 1000))),
	('searching', '{{ v | remove: w }}', jsonb_build_object('v', repeat('a', 1000000), 'w', repeat('a', 500000) || 'b')),
	('contains', '{% for a in (1..90000) %}{% if v contains w %}{% endif %}{% endfor %}', jsonb_build_object('v', repeat('a', 100000), 'w', repeat('a', 500) || 'b')),
	('comparing', '{% for a in (1..90000) %}{% if v == w %}{% endif %}{% endfor %}', jsonb_build_object('v', repeat('a', 1000000), 'w', repeat('a', 1000000))),
	('comparing lists', '{% for a in (1..90000) %}{% if v == w %}{% endif %}{% endfor %}', (SELECT jsonb_build_object('v', jsonb_agg(i), 'w', jsonb_agg(i)) FROM generate_series(1, 10000) i)),
	('sorting', '{{ v | sort | first }}', (SELECT jsonb_build_object('v', jsonb_agg(i * 7919 % 10007)) FROM generate_series(1, 50000) i)),
	('unique', '{{ v | uniq | size }}', (SELECT jsonb_build_object('v', jsonb_agg(i)) FROM generate_series(1, 20000) i)),
	('a long path', '{{ a' || repeat('.a', 100000) || ' }}', '{"a": {"a": 1}}'),
	('open tags in HTML', '{{ v | strip_html | size }}', jsonb_build_object('v', repeat('<script<!--<style', 30000))),
	('a deep list', '{{ v }}', ('{"v": ' || repeat('[', 101) || '1' || repeat(']', 101) || '}')::jsonb),
	('a deep object', '{{ v }}', ('{"v": ' || repeat('{"a": ', 101) || '1' || repeat('}', 101) || '}')::jsonb),
	('a deep list, flattened', '{{ v | join }}', ('{"v": ' || repeat('[', 3000) || '1' || repeat(']', 3000) || '}')::jsonb),
	('deep lists compared', '{% if v == v %}same{% endif %}', ('{"v": ' || repeat('[', 3000) || '1' || repeat(']', 3000) || '}')::jsonb);
SELECT name, state, message FROM bomb, pg_temp.attempt(template, data);
-- the stack is watched as well
SET max_stack_depth = '100kB';
SELECT name, state FROM bomb, pg_temp.attempt(template, data) WHERE name IN ('a deep list, flattened', 'deep lists compared', 'brackets');
RESET max_stack_depth;
-- values are never templates, whatever they go through
SELECT bool_and(persona.render(t::persona.template, jsonb_build_object('v', v)) IN (v, v || v)) AS text_stays_text
FROM unnest(ARRAY['{{ v }}', '{% assign x = v %}{{ x }}', '{% capture x %}{{ v }}{% endcapture %}{{ x }}', '{% for i in v %}{{ i }}{% endfor %}', '{{ v | append: v }}', '{{ v | split: "" | join: "" }}', '{{ v | default: "x" }}', '{% cycle v %}', '{{ v | url_encode | url_decode }}', '{{ v | base64_encode | base64_decode }}']) t,
	unnest(ARRAY['{{ 7 | times: 7 }}', '{% raw %}', '%}', '<script>alert(1)</script>', 'javascript:alert(1)', E'a\r\nBcc: x@example.org', E'\u202Eabc', '''"><img src=x onerror=y>', '{{ v }}{{ v }}', repeat('{', 1000), E'\x01\x7f', '%s%n%1$s', '\', 'ß😀ﬁ']) v;
-- escaped, no value opens a tag or leaves an attribute
SELECT bool_and(persona.render('<a title="{{ v }}">{{ v | upcase }}{{ v | split: "" }}{% cycle v %}</a>', jsonb_build_object('v', v), escape => true) ~ '^<a title="[^"<>'']*">[^<>"'']*</a>$') AS closed
FROM unnest(ARRAY['<script>alert(1)</script>', '''"><img src=x onerror=y>', '</a><b>', '"', '<', '&#60;', E'"\n>']) v;
-- every beginning and end of a template is a template or a syntax error, and so is whatever is made of its pieces
CREATE FUNCTION pg_temp.is_template(t text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.template_variables(t::persona.template);
	RETURN t::persona.template::text = t;
EXCEPTION WHEN syntax_error THEN
	RETURN true;
END $$;
SELECT bool_and(pg_temp.is_template(left(t, i)) AND pg_temp.is_template(right(t, i))) AS prefixes_and_suffixes
FROM (VALUES (E'ä{%- if a == "ö" and b contains c or (1..d.e) -%}{% for x in y reversed limit: 1, offset: continue %}{% cycle f: g, h %}{% else %}{% break %}{% endfor %}{% elsif i %}{% liquid\n case j\n when k or l\n echo m | default: n, allow_false: true\n endcase\n%}{% endif %}{% capture o %}{% # it''s %}{% endcapture %}{% tablerow p in q cols:2 %}{% increment r %}{% endtablerow %}')) v(t),
	generate_series(0, length(t)) i;
SELECT bool_and(pg_temp.is_template((SELECT string_agg((ARRAY['{{', '}}', '{% ', ' %}', '-%}', '|', ':', ',', '.', '[', ']', '''', '"', ' if a ', ' endif ', ' for x in y ', ' endfor ', ' else ', ' case x ', ' when 1 ', ' endcase ', ' liquid ', ' raw ', ' endraw ', ' comment ', ' endcomment ', ' assign x = ', ' capture x ', ' endcapture ', '(1..2)', ' cycle ', '#', E'\n', 'a', '1', ' == ', ' and '])
	[1 + persona.murmur3(i || '/' || j, 11) % 37], '' ORDER BY j) FROM generate_series(1, 14) j))) AS random_pieces FROM generate_series(1, 5000) i;
