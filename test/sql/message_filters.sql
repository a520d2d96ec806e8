-- filters: what Liquid's documentation shows, and its reference implementation where that is silent; then dates and money
\set SHOW_CONTEXT never
CREATE TEMP TABLE golden (template text, golden text);
INSERT INTO golden VALUES
	-- numbers
	('{{ -17 | abs }} {{ "-19.86" | abs }} {{ -2.50 | abs }}', '17 19.86 2.50'), ('{{ 4 | at_least: 5 }} {{ 4 | at_most: 3 }} {{ 4.5 | at_least: 4 }}', '5 3 4.5'), ('{{ 1.2 | ceil }} {{ -1.2 | ceil }} {{ "3.5" | ceil }} {{ 2.0 | ceil }}', '2 -1 4 2'), ('{{ 1.2 | floor }} {{ -1.2 | floor }}', '1 -2'),
	('{{ 16 | divided_by: 4 }} {{ 5 | divided_by: 3 }} {{ -5 | divided_by: 3 }} {{ 20 | divided_by: 7.0 }} {{ 20.0 | divided_by: 4 }}', '4 1 -2 2.857142857142857 5.0'), ('{{ 3 | modulo: 2 }} {{ -3 | modulo: 5 }} {{ 183.357 | modulo: 12 }} {{ 5 | modulo: -3 }} {{ -5.5 | modulo: 3 }}', '1 2 3.357 -1 0.5'),
	('{{ 4 | plus: 2 }} {{ 183.357 | plus: 12 }} {{ 0.1 | plus: 0.2 }} {{ "1.5x" | plus: 1 }} {{ "+7" | plus: 0 }}', '6 195.357 0.3 2 7'), ('{{ 183.357 | times: 12 }} {{ 7 | times: 4 }} {{ 16 | minus: 4.0 }}', '2200.284 28 12.0'),
	('{{ 9223372036854775807 | plus: 1 }} {{ 9223372036854775807 | times: 10 }} {{ -9223372036854775808 | divided_by: -1 }} {{ 100000000000000000000 | divided_by: 3 }} {{ 100000000000000000001 | modulo: 7 }}', '9223372036854775808 92233720368547758070 9223372036854775808 33333333333333333333 3'),
	('{{ n | plus: 1 }} {{ n | times: 2 }} {{ big | plus: 0 }} {{ tiny }}', '3.5 5.0 12345678901234567890 0.000001'),
	-- texts
	('{{ "a b" | lstrip | rstrip }}|{{ "  a  b " | squish }}|{{ "  x" | lstrip }}|{{ "x  " | rstrip }}', 'a b|a b|x|x'), ('{{ "a~b~c" | remove: "~" }} {{ "a~b~c" | remove_first: "~" }} {{ "a~b~c" | remove_last: "~" }}', 'abc ab~c a~bc'), ('{{ "aaa" | replace_first: "a", "b" }} {{ "aaa" | replace_last: "a", "b" }} {{ "aaa" | replace_last: "x", "b" }}', 'baa aab aaa'),
	('{{ "Liquid" | slice: 0 }} {{ "Liquid" | slice: 2, 5 }} {{ "Liquid" | slice: -3, 2 }} {{ "äöü" | slice: -1 }}[{{ "x" | slice: 5 }}{{ "x" | slice: -5 }}{{ "x" | slice: 0, -1 }}]{{ l | slice: 1, 2 | join }}', 'L quid ui ü[]2 3'),
	('{{ "äöüäöü" | truncate: 4 }} {{ "a b  c d" | truncatewords: 2 }} {{ "a  b" | truncatewords: 2 }} {{ "a b c" | truncatewords: 0, "-" }}', 'ä... a b... a  b a-'), (E'{{ "a\nb\r\nc\rd" | strip_newlines }}', E'abc\rd'), ('{{ "aXbXcXX" | split: "X" | join: "," }} {{ "XXa" | split: "X" | size }} {{ "äö" | split: "" | join: "," }}', 'a,b,c 3 ä,ö'),
	-- HTML, addresses, Base64
	('{{ "<a href=''x''>&amp;" | escape }} {{ "1 < 2 &amp; 3 & &#39; &bad" | escape_once }} {{ "<b>" | h }}', '&lt;a href=&#39;x&#39;&gt;&amp;amp; 1 &lt; 2 &amp; 3 &amp; &#39; &amp;bad &lt;b&gt;'), (E'{{ "a\nb\r\nc" | newline_to_br }}', E'a<br />\nb<br />\nc'),
	('{{ "Have <em>you</em> <!-- x --><script>y<b></script>read <style>z</style><b>" | strip_html }} {{ "a < b" | strip_html }} {{ "<script>x" | strip_html }}', 'Have you read  a < b x'), ('{{ "john@liquid.com? a~*ü" | url_encode }} {{ "%27Stop%21%27+said+Fr%C3%A9d%C3%A9ric 100%" | url_decode }} {{ nil | url_encode }}', 'john%40liquid.com%3F+a~%2A%C3%BC ''Stop!'' said Frédéric 100% '),
	('{{ "one two three" | base64_encode }} {{ "b25lIHR3byB0aHJlZQ==" | base64_decode }} {{ "a?>~" | base64_encode }} {{ "a?>~~" | base64_url_safe_encode }} {{ "YT8-fg" | base64_url_safe_decode }}', 'b25lIHR3byB0aHJlZQ== one two three YT8+fg== YT8-fn4= a?>~'),
	-- lists
	('{{ l | concat: l | join: "" }} {{ l | reverse | join: "" }} {{ l | first }}{{ l | last }}{{ l | size }} {{ "ab" | reverse | join }}', '123123 321 133 ab'), ('{{ mixed | sort | join: "," }} {{ words | sort | join: "," }} {{ words | sort_natural | join: "," }}', '1,2.5,10 B,C,a,b a,b,B,C'), ('{{ people | sort: "age" | map: "name" | join: "," }} {{ people | sort_natural: "name" | map: "name" | join: "," }}', 'cy,Al,bo Al,bo,cy'),
	('{{ people | where: "vip" | map: "name" }} {{ people | where: "age", 40 | map: "name" }} {{ people | reject: "vip" | map: "name" | join }}', 'cy Al bo Al'), ('{% assign p = people | find: "name", "Al" %}{{ p.age }} {{ people | find_index: "age", 20 }} {{ people | has: "vip" }} {{ people | has: "age", 41 }} {{ none | has: "x" }}{{ none | find: "x" }}', '40 2 true false false'),
	('{{ people | sum: "age" }} {{ l | sum }} {{ money | sum }} {{ none | sum }} {{ "3" | sum }}', '60 6 4.75 0 3'), ('{{ dup | uniq | join: "," }} {{ people | uniq: "vip" | size }} {{ holes | compact | size }} {{ people | compact: "age" | size }}', '1,a,2 2 2 2'), ('{{ nested | join: "," }} {{ nested | size }}', '1,2,3 2'),
	('{{ o | first | join: "=" }} {{ o | map: "k" }} {{ (1..4) | reverse | join: "" }} {{ (1..4) | slice: 1 }} {{ nil | sort }}{{ nil | map: "x" }}{{ nil | uniq }}', 'k=v v 4321 . ');
SELECT template, golden, rendered
FROM golden, persona.render(template::persona.template, '{"n": 2.50, "big": 12345678901234567890, "tiny": 0.000001, "l": [1, 2, 3], "mixed": [10, 2.5, 1], "words": ["b", "a", "C", "B"], "people": [{"name": "bo"}, {"name": "Al", "age": 40}, {"name": "cy", "age": 20, "vip": true}],
	"none": [], "money": [1.25, 3.50, "x"], "dup": [1, "a", 1, 2, "a"], "holes": [1, null, 2], "nested": [1, [2, [3]]], "o": {"k": "v"}}') rendered
WHERE golden <> rendered;
-- HTML: what is ready for it is not escaped again, and nothing else slips through
SELECT persona.render(t::persona.template, '{"v": "<b>\nx"}'::jsonb, escape => true) AS html
FROM unnest(ARRAY['{{ v | newline_to_br }}', '{{ v | escape_once }}', '{{ v | h }}', '{% capture c %}<p>{{ v }}</p>{% endcapture %}{{ c }}', '{% capture c %}<p>{% endcapture %}{{ c | append: v }}', '{% assign x = v | raw %}{{ x }}', '{% for c in v %}{{ c }}{% endfor %}', '{{ v | raw | newline_to_br }}',
	'{% cycle v %}', '{% assign l = v | raw | split: "x" %}{{ l[0] }}', '{{ v | raw | upcase }}', '{% tablerow i in v %}{{ i }}{% endtablerow %}']) t;
-- dates: a zone's clocks, a locale's words
SELECT t, persona.render(('{{ d | date: ' || f || ' }}')::persona.template, jsonb_build_object('d', t)) AS shown
FROM (VALUES ('2026-07-01T22:30:00Z', '"%A, %-d. %B %Y, %H:%M %z", "Europe/Berlin", "de"'), ('2026-01-01T22:30:00Z', '"%a %d %b %H:%M %:z", "Europe/Berlin", "de-AT"'), ('2026-07-01T22:30:00Z', '"%H:%M %Z", "America/New_York"'),
	('2026-07-01', '"%A %-d %B", "America/New_York", "fr"'), ('2026-07-01 22:30', '"%H:%M", "Asia/Tokyo"'), ('1782945000', '"%F %T", "Asia/Kolkata"'), ('2026-03-09', '"%-d %B %Y", "", "pl"'), ('2026-03-09', '"%-d de %B de %Y", nil, "pt_BR"'), ('2026-03-09', '"%^A %e. %B", "", "fi_FI.UTF-8"'),
	('2026-03-09', '"%A %d %B", "", "xx"'), ('2026-03-09', '"%A", "", "no"'), ('2026-03-09', '"%U %W %V %n%t|", ""'), ('2024-12-30T00:00:00+14:00', '"%F %V %G", "Pacific/Pago_Pago"'), ('0001-01-01T00:00:00Z', '"%F", "America/New_York"'), ('9999-12-31T23:59:59Z', '"%F", "Asia/Tokyo"')) v(t, f);
SELECT persona.render('{{ "2026-03-09T10:00Z" | date: "%H", zone }}', '{"zone": "Mars/Phobos"}'::jsonb);
SELECT persona.render('{{ "2026-03-09T10:00Z" | date: "%H", "XYZ+5" }}', '{}'::jsonb);
SELECT persona.render('{{ "now" | date: "%H" }}', '{}'::jsonb);
-- the clock of the zone is PostgreSQL's own, in both halves of the year and before zones were invented
SELECT bool_and(persona.render('{{ t | date: "%F %T", z }}', jsonb_build_object('t', t, 'z', z)) = to_char(t AT TIME ZONE z, 'YYYY-MM-DD HH24:MI:SS')) AS as_postgresql
FROM generate_series(timestamptz '1891-01-01', '2036-01-01', '97 days 5 hours') t, unnest('{Europe/Berlin,America/Los_Angeles,Asia/Kathmandu,Australia/Lord_Howe,UTC}'::text[]) z;
SELECT bool_and(persona.render('{{ t | date: "%F %T %j %u %V %G %s" }}', jsonb_build_object('t', t)) = to_char(t, 'YYYY-MM-DD HH24:MI:SS DDD ID IW IYYY ') || extract(epoch FROM t AT TIME ZONE 'UTC')::bigint) AS as_postgresql
FROM generate_series(timestamp '1583-01-01', '2999-01-01', '1234 days 5 hours 7 seconds') t;
-- money: places by currency, signs and order by locale
SELECT c, l, persona.render('{{ n | money: c, l }}', jsonb_build_object('n', n, 'c', c, 'l', l)) AS shown
FROM (VALUES (1234.5, 'EUR', NULL), (1234.5, 'EUR', 'de'), (1234.5, 'EUR', 'de-AT'), (1234.5, 'CHF', 'de_CH'), (1234.5, 'EUR', 'fr-FR'), (1234567.891, 'USD', 'en-US'), (1234.5, 'EUR', 'es'), (12345.5, 'EUR', 'es'), (1234.5, 'EUR', 'nl'), (1234.5, 'BRL', 'pt-BR'), (1234.5, 'EUR', 'pt-PT'), (9.99, 'GBP', 'en-GB'),
	(1234.5, 'JPY', 'en'), (1234.5678, 'KWD', 'en'), (99, 'SEK', 'sv'), (99, 'DKK', 'da'), (99, 'SEK', 'en'), (12345.5, 'PLN', 'pl'), (0.005, 'EUR', 'en'), (-12.345, 'EUR', 'en'), (-0.001, 'EUR', 'en'), (1e20, 'EUR', 'de'), (5, 'XYZ', 'xx')) v(n, c, l);
SELECT persona.render('{{ "12.5" | money: "EUR" }}|{{ "soon" | money: "EUR" }}|{{ nil | money: "EUR" }}|{{ "" | money: "EUR" }}|{{ l | money: "EUR" }}', '{"l": [1]}'::jsonb) AS no_amounts;
SELECT persona.render('{{ 5 | money: "euro" }}', '{}'::jsonb);
SELECT persona.render('{{ 5 | money: currency }}', '{}'::jsonb);
-- what a filter or condition cannot do with what it is given is an error, never a guess
CREATE FUNCTION pg_temp.refused(t text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	message := persona.render(t::persona.template, '{"l": [1, "a", null], "o": {"a": 1}, "s": "text"}'::jsonb);
EXCEPTION WHEN others THEN
	state := SQLSTATE;
	message := SQLERRM;
END $$;
SELECT t, state, message FROM unnest(ARRAY['{{ 1 | divided_by: 0 }}', '{{ 1 | modulo: 0.0 }}', '{% if "1" < 2 %}{% endif %}', '{{ l | sort }}', '{{ l | map: "a" }}', '{{ l | where: "a" }}', '{{ l | concat: "x" }}', '{{ s | slice: "x" }}', '{{ s | truncate: nil }}', '{% for i in l limit: "x" %}{% endfor %}',
	'{{ "%ff" | url_decode }}', '{{ "a%00" | url_decode }}', '{{ "AA==" | base64_decode }}', '{{ "*" | base64_decode }}', '{{ "/w==" | base64_decode }}', '{{ "€" | base64_decode }}']) t, pg_temp.refused(t);
