-- tags, conditions and white space: what Liquid's documentation says, and its reference implementation where that is silent
\set SHOW_CONTEXT never
CREATE TEMP TABLE golden (template text, golden text);
INSERT INTO golden VALUES
	-- if, unless, case
	('{% if yes %}a{% elsif name %}b{% else %}c{% endif %}', 'a'), ('{% if no %}a{% elsif name %}b{% else %}c{% endif %}', 'b'), ('{% if no %}a{% elsif nil %}b{% else %}c{% endif %}', 'c'),
	('{% if yes %}a{% endif of it %}{% for i in dup %}{% endfor i %}{% capture x %}b{% endcapture x %}{{ x }}', 'ab'), ('{% unless yes %}a{% elsif no %}b{% else %}c{% endunless %}', 'c'), ('{% unless no or nil %}a{% endunless %}', 'a'), ('{% if "" %}t{% endif %}{% if 0 %}t{% endif %}{% if none %}t{% endif %}{% if empty %}t{% endif %}', 'tttt'),
	('{% if yes or no and no %}t{% endif %}', 't'), ('{% if no and no or yes %}t{% endif %}', ''), ('{% if yes and no or yes %}t{% endif %}', 't'), ('{% unless yes and yes or no %}u{% endunless %}', ''),
	('{% if 1 == 1.00 and n <= 5 and "a" < "b" and 10 > 9.5 %}t{% endif %}', 't'), ('{% if nil < 1 or 1 < nil or yes < 1 or list < 1 or o > o %}t{% endif %}', ''), ('{% if n==5 and n<>4 and n!=4 %}t{% endif %}', 't'),
	('{% if list contains 2 and list contains 2.0 and name contains "n l" and o contains "k" and name contains "" %}t{% endif %}', 't'), ('{% if list contains "2" or o contains "v" or nil contains nil or n contains 5 %}t{% endif %}', ''),
	('{% if list == list and o == o and none == empty and e == empty and b == blank and nil == blank %}t{% endif %}', 't'), ('{% if b == empty or nil == empty or list == o or "1" == 1 or 0 == blank %}t{% endif %}', ''), ('{% if (1..3) contains 3 and (1..3) == (1..3) %}t{% endif %}', 't'),
	('{% case n %}{% when 4 %}a{% when 5, 6 or 7 %}b{% else %}c{% endcase %}', 'b'), ('{% case n %} text {% when 4 %}a{% else %}c{% endcase %}', 'c'), ('{% case name %}{% else %}x{% when "ann lee" %}y{% endcase %}', 'xy'), ('{% case e %}{% when empty %}y{% endcase %}', 'y'),
	-- for
	('{% for i in list %}{{ i }}{% unless forloop.last %}, {% endunless %}{% endfor %}', '1, 2, 3, 4'), ('{% for i in list reversed %}{{ i }}{% endfor %}', '4321'), ('{% for i in list limit: 2 offset: 1 %}{{ i }}{% endfor %}', '23'), ('{% for i in list reversed limit:2, offset:1 %}{{ i }}{% endfor %}', '32'),
	('{% for i in none %}x{% else %}nothing{% endfor %}', 'nothing'), ('{% for i in nil %}x{% else %}nothing{% endfor %}', 'nothing'), ('{% for i in 5 %}x{% else %}nothing{% endfor %}', 'nothing'), ('{% for i in list limit: nil %}{{ i }}{% endfor %}', '1234'), ('{% for i in list offset: 9 %}{{ i }}{% else %}-{% endfor %}', '-'),
	('{% for i in (3..1) %}x{% else %}none{% endfor %}', 'none'), ('{% for i in (n..7) %}{{ i }}{% endfor %}', '567'), ('{% for p in o %}{{ p[0] }}={{ p[1] }};{% endfor %}', 'k=v;m=w;'), ('{% for c in name limit: 0 %}[{{ c }}]{% endfor %}', '[ann lee]'),
	('{% for i in list %}{{ forloop.index }}{{ forloop.index0 }}{{ forloop.rindex }}{{ forloop.rindex0 }}{{ forloop.length }}{{ forloop.first }}{% break %}{% endfor %}', '10434true'), ('{% for i in list %}{% if i == 2 %}{% continue %}{% elsif i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}', '13'),
	('{% for i in (1..2) %}{% for j in (1..2) %}{{ forloop.parentloop.index }}{{ j }}{% if j == i %}{% break %}{% endif %} {% endfor %}{% endfor %}{{ i }}{{ forloop.index }}', '1121 22'), ('{% for i in (1..2) %}{% assign last = i %}{% endfor %}{{ last }}', '2'),
	('{% assign f = 0 %}{% for i in list %}{% assign f = forloop %}{% endfor %}{{ f.index }}{{ f.length }}', '54'), ('{% for i in list limit: 2 %}{{ i }}{% endfor %}|{% for i in list offset: continue limit: 1 %}{{ i }}{% endfor %}|{% for i in list offset: continue %}{{ i }}{% endfor %}', '12|3|4'),
	('a{% break %}b', 'a'), ('{% for a in rows %}{% for b in a.l %}{{ b }}{% endfor %};{% endfor %}', '12;3;'), ('{% for i in list %}{% assign list = "x,y" | split: "," %}{{ i }}{% endfor %}{{ list | join }}', '1234x y'),
	-- tablerow
	('{% tablerow i in list cols:3 %}{{ i }}{% endtablerow %}', E'<tr class="row1">\n<td class="col1">1</td><td class="col2">2</td><td class="col3">3</td></tr>\n<tr class="row2"><td class="col1">4</td></tr>\n'),
	('{% tablerow i in (1..2) %}{{ tablerowloop.col }}{{ tablerowloop.col0 }}{{ tablerowloop.row }}{{ tablerowloop.col_first }}{{ tablerowloop.col_last }}{{ tablerowloop.index }}{{ tablerowloop.last }}{% endtablerow %}', E'<tr class="row1">\n<td class="col1">101truefalse1false</td><td class="col2">211falsetrue2true</td></tr>\n'),
	('{% tablerow i in none %}x{% endtablerow %}', E'<tr class="row1">\n</tr>\n'), ('{% tablerow i in nil %}x{% endtablerow %}', ''), ('{% tablerow i in list limit:1 offset:1 %}{{ i }}{% endtablerow %}', E'<tr class="row1">\n<td class="col1">2</td></tr>\n'),
	-- assign, capture, counters, cycles
	('{% assign x = name | upcase | append: "!" %}{{ x }}', 'ANN LEE!'), ('{% assign x = (1..3) %}{{ x | join: "+" }} {{ x }} {{ x.size }}{{ x.first }}{{ x.last }}', '1+2+3 1..3 313'), ('{% assign name = name | append: "." %}{{ name }}', 'ann lee.'), ('{{ x }}{% assign x = 1 %}{{ x }}', '1'),
	('{% capture x %}<{{ name }}>{% endcapture %}{{ x }}{{ x.size }}', '<ann lee>9'), ('{% capture "x" %}a{% endcapture %}{{ x }}', 'a'), ('{% increment c %}{% increment c %}{{ c }}', '012'), ('{% decrement c %}{% decrement c %}{{ c }}', '-1-2-2'), ('{% assign c = 9 %}{% increment c %}{{ c }}', '09'), ('{% increment n %}{{ n }}', '56'),
	('{% cycle "a", "b" %}{% cycle "a", "b" %}{% cycle "a", "b" %}', 'aba'), ('{% cycle 1: "a", "b" %}{% cycle 2: "a", "b" %}{% cycle 1: "a", "b" %}', 'aab'), ('{% cycle name: "a", "b" %}{% cycle "ann lee": "x", "y" %}', 'ay'), ('{% for i in list %}{% cycle name, n %}{% endfor %}', 'ann lee5ann lee5'),
	('{% for i in dup %}{% ifchanged %}{{ i }}{% endifchanged %}{% endfor %}', '121'),
	-- echo, liquid, comments, raw
	('{% echo name | upcase %}{% echo %}{{ }}', 'ANN LEE'), (E'{% liquid\n  assign x = name | upcase\n\n  if x contains "ANN"\n    echo x\n  else\n    echo "no"\n  endif\n  for i in (1..2)\n    echo i\n  endfor\n%}.', 'ANN LEE12.'), (E'{%- liquid\n  comment\n    if it''s\n  endcomment\n  # it''s an aside\n  echo "a"\n-%} b', 'ab'), ('{% liquid %}x', 'x'), (E'{% if yes %}{% liquid\nassign q = 1\n%} {% endif %}', ''),
	('a{% # it''s nothing %}b{%- # -%} c', 'abc'), (E'{% # one\n  # two %}x', 'x'), ('a{% comment %}{% raw %}{% endcomment %}{% endraw %}{% comment %}{% endcomment %}{% endcomment %}b', 'ab'), ('{% doc %}{% if {{ %}{% enddoc %}x', 'x'),
	('{% raw %}{{ name }} {% x %}{% endraw %}', '{{ name }} {% x %}'), ('a {%- raw -%} {{ }} {%- endraw -%} b', 'a {{ }} b'), ('{% raw %}{% raw %}{% endraw %}', '{% raw %}'),
	-- white space
	(E'a\n {%- if yes -%} \n b {%- endif %} c', 'ab c'), (E' {% if yes %} {% assign x = 1 %} {% endif %} ', '  '), (E'{% for i in (1..3) %}\n{% if i == 2 %} {{ i }} {% endif %}\n{% endfor %}', E'\n\n\n 2 \n\n\n'), ('{{- "a" -}} {%- assign x = 1 -%} {{- "b" }}', 'ab'), ('{{-}} x', 'x'), ('{%- if yes -%}{%- endif -%}', ''),
	-- paths
	('{{ ["name"] }}{{ [which] }}{{ rows[n][0] }}{{ rows[-1].l.first }}{{ rows.first.l.last }}{{ o[which] }}', 'ann leeann lee32'), ('{{ true }}{{ false }}{{ empty }}{{ blank }}{{ nil }}', 'truefalse'), ('{{ name["size"] }}{{ list["first"] }}{{ o.first[1] }}{{ o.last }}', '71v');
SELECT template, golden, rendered
FROM golden, persona.render(template::persona.template, '{"name": "ann lee", "n": 5, "yes": true, "no": false, "e": "", "b": " ", "list": [1, 2, 3, 4], "none": [], "o": {"k": "v", "m": "w"}, "rows": [{"l": [1, 2]}, {"l": [3]}], "dup": [1, 1, 2, 2, 1], "which": "name"}') rendered
WHERE golden <> rendered;
-- jsonb, JSON as text and a row give the same
CREATE TEMP TABLE three AS SELECT 'ann' AS name, 2.50 AS price, ARRAY[1, 2] AS l, NULL::text AS z, true AS yes, ROW(1, 'x') = ROW(1, 'x') AS same, 0.1::float8 AS f, '{"b": 1, "a": [2]}'::jsonb AS j;
SELECT bool_and(persona.render(t, r) = golden AND persona.render(t, to_jsonb(r)) = golden AND persona.render(t, to_json(r)::text) = golden) AS alike
FROM three r, (VALUES ('{{ name }}{{ price }}{{ l }}{{ z }}{{ yes }}{{ same }}{{ f }}{{ nope }}'::persona.template, 'ann2.5012truetrue0.1'), ('{% for i in l %}{{ i }}{% endfor %}{{ l.size }}{{ name.size }}{{ j.a.first }}', '12232')) v(t, golden);
-- names that a template gives itself are none of its variables
SELECT persona.template_variables('{% assign hi = greeting | append: name %}{{ hi }}{% for item in new.items limit: most %}{{ item.sku }}{{ forloop.index }}{{ store }}{% endfor %}{{ item }}{% capture note %}{{ city }}{% endcapture %}{{ note }}') AS used,
	persona.template_variables('{{ x }}{% assign x = 1 %}{{ x }}') AS used_before, persona.template_variables('{% for i in l %}{% if seen %}{% endif %}{% assign seen = i %}{% endfor %}') AS in_a_loop,
	persona.template_variables('{% case a %}{% when b, c %}{% cycle d: e, f %}{% tablerow x in (g..h) cols: i %}{{ tablerowloop.col }}{% endtablerow %}{% endcase %}{% if j == k or l contains m %}{% endif %}{% increment n %}{{ n }}') AS everywhere,
	persona.template_variables('{{ [a.b] }}{{ unsubscribe_url }}<a href="{{ preferences_url }}">') AS links;
-- mistakes are seen when a template is written down
CREATE FUNCTION pg_temp.mistake(t text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM t::persona.template;
EXCEPTION WHEN syntax_error THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
SELECT t, message, hint FROM unnest(ARRAY['{% if a %}', '{% if a %}{% endfor %}', '{% endif %}', '{% else %}', '{% iff a %}', '{% %}', '{% if %}x{% endif %}', '{% if a | upcase %}{% endif %}', '{% if a b %}{% endif %}', '{% if a and %}{% endif %}', '{% if a == %}{% endif %}',
	'{% for x of y %}{% endfor %}', '{% for x in %}{% endfor %}', '{% for x in y limit 3 %}{% endfor %}', '{% for x in y colour: 3 %}{% endfor %}', '{% for 1 in y %}{% endfor %}', '{% tablerow x in y %}{% else %}{% endtablerow %}', '{% case x %}{% when %}{% endcase %}', '{% case %}{% endcase %}', '{% case x %}',
	'{% assign x %}', '{% assign 1 = 2 %}', '{% assign x = %}', '{% assign a.b = 1 %}', '{% capture %}{% endcapture %}', '{% capture x %}', '{% increment %}', '{% cycle %}', '{% cycle a: %}', '{% include "x" %}', '{% render "x" %}', '{% layout "x" %}', '{% liquid if x %}', E'{% liquid\n raw\n%}', E'{% # one\n two %}',
	'{% raw %}', '{% comment %}', '{% doc %}', '{{ (1..2 }}', '{{ (1.2) }}', '{{ a | date }}', '{{ a | default: x: 1 }}', '{{ a | upcase: x: 1 }}', '{% assign x = 1 y %}', '{% break 1 %}', '{% if a', '{{ a | append: "x" "y" }}']) t, pg_temp.mistake(t);
SELECT pg_temp.mistake(repeat('{% if a %}', 100) || repeat('{% endif %}', 100));
SELECT length((repeat('{% if a %}', 99) || repeat('{% endif %}', 99))::persona.template::text) AS deep_enough;
