-- generated rules: read and written they stay as they are, and mean what PostgreSQL means by the same text
-- psql -v rules=100000 -v depth=5 -f test/sql/rule_roundtrip.sql tries more of them
\if :{?rules} \else
\set rules 1200
\endif
\if :{?depth} \else
\set depth 4
\endif
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
SET search_path = pg_catalog;
CREATE SCHEMA rr;
CREATE TYPE rr.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN rr.code AS text CHECK (value <> '');
CREATE TABLE rr.customer (id int PRIMARY KEY, i int, big bigint, small smallint, n numeric, f float8, r real, txt text, vc varchar(10), bp char(4), mood rr.mood, code rr.code, b boolean,
	d date, ts timestamptz, local timestamp, iv interval, u uuid, tags text[], nums int[], j jsonb, span int4range, "Order" int, "select" text, "we""ird \ % '' name" text, "between" boolean);
INSERT INTO rr.customer SELECT i, CASE WHEN i % 7 > 0 THEN i % 11 - 4 END, CASE WHEN i % 5 > 0 THEN i::bigint * 1000000007 END, CASE WHEN i % 9 > 0 THEN i % 5 END,
	CASE i % 8 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' ELSE i * 0.25 - 3 END, CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' WHEN 3 THEN '-0' ELSE i / 3.0 END,
	CASE WHEN i % 4 > 0 THEN i / 7.0 END, (ARRAY['a', 'A', '', 'a%b', 'x_y', E'back\\slash', 'O''Neil', 'ünï', NULL])[1 + i % 9], (ARRAY['a', 'ab ', '1', NULL])[1 + i % 4], (ARRAY['a', 'a  ', 'b1', NULL, ''])[1 + i % 5],
	(ARRAY['sad', 'ok', 'happy', NULL])[1 + i % 4]::rr.mood, (ARRAY['DE', 'fr', NULL])[1 + i % 3], (ARRAY[true, false, NULL])[1 + i % 3],
	CASE i % 10 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' ELSE date '2026-01-28' + i * 17 END, CASE i % 10 WHEN 0 THEN NULL WHEN 2 THEN '-infinity' ELSE timestamptz '2026-03-28 23:30+00' + i * interval '7 hours' END,
	CASE WHEN i % 6 > 0 THEN timestamp '2026-01-01' + i * interval '31 hours' END, CASE WHEN i % 5 > 0 THEN i * interval '11 hours' - interval '5 days' END,
	CASE WHEN i % 3 > 0 THEN md5((i % 4)::text)::uuid END, (ARRAY['{a,b}', '{}', '{NULL,a}', '{"a,b","{}"}', NULL])[1 + i % 5]::text[], (ARRAY['{1,2}', '{}', '{NULL}', '{{1,2},{3,4}}', NULL])[1 + i % 5]::int[],
	(ARRAY['{"k": 1, "t": "a", "l": [1, "a", null]}', '{}', '[]', 'null', '"a"', '{"k": null}', NULL])[1 + i % 7]::jsonb, (ARRAY['[1,5)', 'empty', '(,3)', NULL])[1 + i % 4]::int4range,
	i % 3, (ARRAY['x', NULL, 'select'])[1 + i % 3], 'w' || i % 2, i % 4 = 1
FROM generate_series(1, 60) i;
SELECT count(*) FROM persona.define_space('rr_shop', 'rr.customer');

-- the grammar: what may stand for a type; #type# is generated in its turn
CREATE TABLE rr.grammar (type text, leaf boolean, template text);
INSERT INTO rr.grammar SELECT type, template !~ '#', template FROM (VALUES
	('bool', ARRAY['b', '"between"', 'true', 'false', 'NULL', 'id > 30', 'mood = ''ok''', '#bool# AND #bool#', '#bool# OR #bool#', '#bool# AND #bool# OR #bool#', '#bool# OR #bool# AND #bool#', 'NOT #bool#', 'NOT NOT #bool#', '#bool# IS TRUE', '#bool# IS NOT TRUE', '#bool# IS FALSE', '#bool# IS NOT FALSE', '#bool# IS UNKNOWN', '#bool# IS NOT UNKNOWN',
		'#bool# = #bool#', '#bool# <> #bool#', '#bool# IS DISTINCT FROM #bool#', '#bool# IS NOT DISTINCT FROM #bool#', 'CASE WHEN #bool# THEN #bool# ELSE #bool# END', 'CASE WHEN #bool# THEN #bool# END', 'CASE #int# WHEN #int# THEN #bool# WHEN #int# THEN #bool# END', 'coalesce(#bool#, #bool#)', 'nullif(#bool#, #bool#)',
		'#int# = #int#', '#int# < #num#', '#num# >= #num#', '#num# != #num#', '#float# > #num#', '#float# <= #float#', '#int# <> #float#', '#int# IS NULL', '#text# IS NOT NULL', '#text# ISNULL', '#num# NOTNULL', '#text# = #text#', '#text# < #text#', '#text# >= #text#', '#bp# = #bp#', '#bp# <> #text#', '#mood# = #mood#', '#mood# > #mood#', 'mood = ''sad''', 'mood IN (''sad'', ''happy'')', 'mood BETWEEN ''ok'' AND #mood#',
		'#date# < #date#', '#date# = #ts#', '#ts# >= #ts#', '#ts# <> #local#', '#local# > #date#', '#iv# < #iv#', '#uuid# = #uuid#', '#uuid# > #uuid#', '#texts# = #texts#', '#texts# @> #texts#', '#texts# && #texts#', '#ints# <@ #ints#', '#ints# < #ints#', '#json# = #json#', '#json# @> #json#', '#json# ? #text#', '#json# ?| #texts#', '#json# ?& #texts#', '#span# @> #int#', '#int# <@ #span#', '#span# && #span#', '#span# -|- #span#', '#span# = #span#',
		'#int# IN (#int#, #int#, NULL)', '#int# NOT IN (#int#, #int#)', '#text# IN (#text#, ''a'')', '#text# NOT IN (''a'', #text#)', '#int# BETWEEN #int# AND #int#', '#num# NOT BETWEEN #int# AND #num#', '#int# BETWEEN SYMMETRIC #int# AND #int#', '#date# NOT BETWEEN SYMMETRIC #date# AND #date#', '#text# BETWEEN #text# AND #text# AND #bool#',
		'#text# LIKE #text#', '#text# NOT LIKE ''a%''', '#text# ILIKE ''%A_''', '#text# NOT ILIKE #text#', '#text# LIKE ''a\%b''', '#text# LIKE ''a!%%'' ESCAPE ''!''', '#text# ~ ''^[a-z]+$''', '#text# !~ ''(a|b)''', '#text# ~* ''A''', '#text# !~* ''^o''''n''', '#text# ~ ANY (ARRAY[''^a'', ''b$''])', '#text# LIKE ANY (#texts#)', '#text# ^@ #text#', '#bp# LIKE ''a%''', '#text# ~~ #text#', '#text# !~~* ''A%''',
		'#text# = ANY (#texts#)', '#text# <> ALL (#texts#)', '#int# = ANY (#ints#)', '#int# < ALL (#ints#)', '#int# = ANY (''{1,2,NULL}'')', '#text# = ANY (ARRAY[#text#, #text#])', '#bool# = ANY (ARRAY[#bool#, #bool#])', '#int# > 1 = #bool#', '#bool# = #int# > 1', '#bool# <> (#text# = ANY (#texts#))', '(#date#, #date#) OVERLAPS (#date#, #date#)']),
	('int', ARRAY['i', 'small', '"Order"', 'id', '0', '1', '-2', '- 3', '+4', '2147483647', '- - 1', '#int# + #int#', '#int# - #int#', '#int# - (#int# - #int#)', '#int# * 2', '- #int#', '+ #int#', '- - #int#', '@ #int#', '#int# / nullif(#int#, 0)', '#int# % nullif(#int#, 0)', '#int# & #int#', '#int# | #int#', '#int# # #int#', '~ #int#', '#int# << 2', '#int# >> 1', 'length(#text#)', 'coalesce(#int#, #int#)', 'nullif(#int#, #int#)', 'greatest(#int#, #int#)', 'least(#int#, #int#, 1)', 'CASE WHEN #bool# THEN #int# ELSE #int# END',
		'cardinality(#ints#)', '(#ints#)[1]', 'nums[#int#]', '(#bool#)::int', 'position(#text# IN #text#)', 'strpos(#text#, ''a'')', 'abs(#int#)', 'array_position(#ints#, #int#)', '-(#int#)::int', '#date# - #date# + 1', 'jsonb_array_length(CASE WHEN jsonb_typeof(j) = ''array'' THEN j END)', 'CAST(#int# AS int)', 'int ''7''', 'ascii(#text#)']),
	('num', ARRAY['n', 'big', 'i', '1.5', '-0.25', '1e3', '.5', '9223372036854775807', '12345678901234567890.5', '#num# + #num#', '#num# - #num#', '#num# * #num#', '- #num#', '#num# - (- #num#)', '#int#::numeric', '(#num#)::numeric(30,2)', '#int#::numeric * #num#', 'round(#num#, 1)', 'coalesce(#num#, #int#)', 'greatest(#num#, #num#)', 'CASE WHEN #bool# THEN #num# END', '2.0 ^ 3 ^ 2', '- 2.0 ^ 2', '(- 2.0) ^ 2', '#num# / 4 * 2', '#num# - #int# + #num#', 'extract(day FROM #local#)', 'numeric ''3.25''', '(j->>''k'')::numeric']),
	('float', ARRAY['f', 'r', 'f::real', '1.5::float8', '''NaN''::float8', 'float8 ''-Infinity''', '#float# + #float#', '#float# - #float#', '- #float#', '#float# * 2', '#num#::float8', 'abs(#float#)', '@ - #float#', '|/ 16.0', '||/ 27.0', 'coalesce(#float#, #float#)', 'greatest(#float#, #float#)', 'floor(#float#)', '#float# * #float# - #float#']),
	('text', ARRAY['txt', 'vc', '"select"', '"we""ird \ % '''' name"', 'code', '''a''', '''''', '''O''''Neil''', 'E''back\\slash''', 'E''tab\tnew\n''', 'U&''\0061''', '$q$it''s$q$', 'NULL::text', '''%''', '#text# || #text#', '#text# || #int#', '#int# || #text#', '#text# || (#text# || #text#)', 'upper(#text#)', 'lower(#text#)', 'initcap(#text#)', 'trim(#text#)', 'trim(both ''a'' from #text#)', 'substring(#text# from 2)', 'substring(#text# from 1 for 1)', 'left(#text#, 2)', 'right(#text#, -1)', 'coalesce(#text#, #text#)', 'nullif(#text#, ''a'')', 'greatest(#text#, #text#)',
		'CASE #text# WHEN ''a'' THEN #text# ELSE ''b'' END', '#int#::text', '(#int# + 1)::text', '#bool#::text', '#mood#::text', '(#text#)::varchar(2)', '#text#::varchar', 'CAST(#num# AS text)', 'tags[1]', '(#texts#)[2]', 'j->>''t''', 'j#>>''{l,1}''', '#json#->>0', 'replace(#text#, ''a'', ''b'')', 'split_part(#text#, ''%'', 1)', 'reverse(#text#)', 'md5(#text#)', 'to_char(#ts#, ''YYYY-MM-DD'')', 'concat(#text#, #int#, #text#)', 'lpad(#text#, 3, ''-'')', 'regexp_replace(#text#, ''[a-c]'', '''', ''g'')', 'text ''lit''', 'translate(#text#, ''ab'', ''b'')']),
	('bp', ARRAY['bp', '''a''::char(4)', 'char(2) ''a ''', '#text#::char(3)', 'coalesce(bp, #bp#)']),
	('mood', ARRAY['mood', 'coalesce(mood, ''ok'')', 'CASE WHEN #bool# THEN mood END', 'nullif(mood, ''sad'')', 'greatest(mood, #mood#)']),
	('date', ARRAY['d', 'date ''2026-06-01''', '''2026-02-28''::date', '#date# + 1', '#date# - #int#', 'coalesce(#date#, #date#)', '#local#::date', 'least(#date#, #date#)', 'make_date(2026, 2, 3)', 'CASE WHEN #bool# THEN d ELSE #date# END']),
	('ts', ARRAY['ts', 'timestamptz ''2026-04-01 12:00+02''', '''2026-03-29 01:30+00''::timestamp with time zone', '#ts# + #iv#', '#ts# - interval ''1 day''', '#local# AT TIME ZONE ''Europe/Berlin''', 'date_trunc(''day'', #ts#)', 'greatest(#ts#, #ts#)', '#date#::timestamptz']),
	('local', ARRAY['local', 'timestamp ''2026-01-15 10:00''', '#local# + #iv#', '#date# + interval ''1 month''', '#ts# AT TIME ZONE ''UTC''', 'coalesce(#local#, #date#)', 'timestamp(0) ''2026-01-15 10:00:00.6''']),
	('iv', ARRAY['iv', 'interval ''1 day''', '''36 hours''::interval', 'interval ''1-2'' year to month', 'interval(0) ''1.6 s''', 'interval ''3'' hour', '#iv# + #iv#', '- #iv#', '#iv# * 2', '#iv# / 3', '#local# - #local#', 'justify_hours(#iv#)', 'coalesce(#iv#, #iv#)']),
	('uuid', ARRAY['u', '''a87ff679-a2f3-e71d-9181-a67b7542122c''::uuid', 'coalesce(u, #uuid#)', 'md5(#text#)::uuid']),
	('texts', ARRAY['tags', 'ARRAY[''a'', NULL]', '''{a,"b c"}''::text[]', 'ARRAY[#text#, #text#]', '#texts# || #text#::text', '#texts# || ARRAY[''z'']', 'string_to_array(#text#, ''%'')', 'coalesce(#texts#, ''{}'')', 'array_remove(#texts#, ''a'')']),
	('ints', ARRAY['nums', 'ARRAY[1, 2]', 'ARRAY[[1, 2], [3, 4]]', '''{1,2}''::int[]', 'ARRAY[#int#, #int#]', '#ints# || ARRAY[5]', 'coalesce(nums, #ints#)']),
	('json', ARRAY['j', '''{"k": 1}''::jsonb', '''[1, "a"]''::jsonb', 'jsonb ''"a"''', '#json#->''l''', '#json#->#int#', '#json#->''l''->0', '#json# #> ''{l,1}''', 'j[''k'']', 'j[''l''][0]', '#json# - ''k''', 'coalesce(#json#, ''{}'')', '''{"k": 1}''::jsonb || #json#']),
	('span', ARRAY['span', 'int4range(1, 4)', '''[2,9]''::int4range', 'span * ''[0,3)''', 'coalesce(span, #span#)', 'int4range(least(#int#, 0), 1000, ''[]'')'])
) v(type, templates), unnest(templates) template;
-- templates by type: with parts, and those without in which it ends
CREATE TABLE rr.template AS SELECT type, leaf, array_agg(template ORDER BY template COLLATE "C") AS templates FROM rr.grammar GROUP BY type, leaf;
-- one generated expression; parens: 0 none, 1 as the dice say, 2 around everything. The dice are a hash: the same on every machine
CREATE FUNCTION rr.generate(type text, depth int, seed text, parens int) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	dice bigint := abs(hashtextextended(seed, 7));
	templates text[] := (SELECT t.templates FROM rr.template t WHERE t.type = generate.type AND leaf = (depth <= 0 OR dice % 5 = 0));
	parts text[] := string_to_array(templates[1 + (dice / 5) % cardinality(templates)], '#');
	result text := '';
	n int := 1;
BEGIN
	WHILE n <= cardinality(parts) LOOP
		IF parts[n] IN ('bool', 'int', 'num', 'float', 'text', 'bp', 'mood', 'date', 'ts', 'local', 'iv', 'uuid', 'texts', 'ints', 'json', 'span') AND n > 1 AND n < cardinality(parts) THEN
			result := result || rr.generate(parts[n], depth - 1, seed || '.' || n, parens);
			result := result || parts[n + 1];
			n := n + 2;
		ELSE
			result := result || CASE WHEN n > 1 THEN '#' ELSE '' END || parts[n];
			n := n + 1;
		END IF;
	END LOOP;
	RETURN CASE WHEN cardinality(parts) > 1 AND (parens = 2 OR parens = 1 AND (dice >> 20) % 2 = 0) THEN '(' || result || ')' ELSE result END;
END;
$$;
-- which subjects a rule, its NOT and its IS NULL select, against the same text asked of PostgreSQL: 'agrees', or the two SQLSTATEs
CREATE FUNCTION rr.compare(rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plain text := '';
	ours text := '';
	expected text;
	answer text;
BEGIN
	BEGIN
		EXECUTE format('SELECT concat_ws(''/'', array_agg(id ORDER BY id) FILTER (WHERE x), ''-'', array_agg(id ORDER BY id) FILTER (WHERE NOT x), ''-'', array_agg(id ORDER BY id) FILTER (WHERE x IS NULL)) FROM (SELECT id, (%s) AND true AS x FROM rr.customer) q', rule)
		INTO expected;
	EXCEPTION WHEN others THEN
		plain := SQLSTATE;
	END;
	BEGIN
		EXECUTE format('SELECT concat_ws(''/'', (SELECT array_agg(subject ORDER BY subject) FROM (%s) a), ''-'', (SELECT array_agg(subject ORDER BY subject) FROM (%s) a), ''-'', (SELECT array_agg(subject ORDER BY subject) FROM (%s) a))',
			persona.rule_sql(rule::persona.rule, 'rr_shop'), persona.rule_sql(('NOT (' || rule || ')')::persona.rule, 'rr_shop'), persona.rule_sql(('(' || rule || ') IS NULL')::persona.rule, 'rr_shop'))
		INTO answer;
	EXCEPTION WHEN others THEN
		ours := SQLSTATE;
	END;
	RETURN CASE WHEN plain <> '' OR ours <> '' THEN format('plain %s, rule %s', plain, ours) WHEN answer = expected THEN 'agrees' ELSE 'DIFFERS' END;
END;
$$;
-- text -> rule -> text -> rule; NULL where PostgreSQL's parser reads no expression in it
CREATE FUNCTION rr.fixed(rule text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	canonical text;
BEGIN
	BEGIN
		canonical := rule::persona.rule::text;
	EXCEPTION WHEN syntax_error THEN
		RETURN NULL;
	END;
	RETURN canonical::persona.rule::text = canonical;
END;
$$;
CREATE TABLE rr.tried AS
SELECT n, parens, rule, rr.fixed(rule) AS fixed, rr.compare(rule) AS result
FROM generate_series(1, :rules) n, LATERAL (SELECT n % 3 AS parens) p, LATERAL (SELECT rr.generate('bool', 1 + n % :depth, 'rule ' || n, parens) AS rule) r;
SELECT count(*) = :rules AS tried, bool_and(fixed) AS fixed_points, avg((result = 'agrees')::int) > 0.85 AS most_have_a_truth,
	bool_and(result = 'agrees' OR result ~ 'plain (\w{5}), rule \1$' OR result ~ 'plain 22..., rule 22...$') AS means_the_same,
	bool_and((fixed IS NULL) = (result = 'plain 42601, rule 42601')) AS same_syntax
FROM rr.tried;
SELECT parens, count(*) FILTER (WHERE result = 'agrees') > :rules / 4 AS many, count(DISTINCT rule) > :rules / 4 AS different, max(length(rule)) > 300 AS long_ones FROM rr.tried GROUP BY parens ORDER BY parens;
SELECT rule, result FROM rr.tried WHERE NOT (result = 'agrees' OR result ~ 'plain (\w{5}), rule \1$' OR result ~ 'plain 22..., rule 22...$') OR NOT fixed ORDER BY length(rule) LIMIT 10;

-- aggregates over events, against sub-selects
CREATE TABLE rr.orders (id bigint PRIMARY KEY, customer_id int REFERENCES rr.customer, category text, amount numeric, gift boolean, at timestamptz);
CREATE TABLE rr.ticket (customer_id int REFERENCES rr.customer, status text, score float8);
INSERT INTO rr.orders SELECT i, CASE WHEN i % 13 > 0 THEN 1 + (i * 7) % 50 END, CASE i % 4 WHEN 0 THEN 'shoes' WHEN 1 THEN 'hats' WHEN 2 THEN '' END, CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN i % 50 - 10.5 ELSE i % 50 END,
	(ARRAY[true, false, NULL])[1 + i % 3], CASE i % 17 WHEN 0 THEN NULL WHEN 1 THEN '-infinity' ELSE timestamptz '2026-06-01 00:00+00' - (i % 60) * interval '12 hours' END
FROM generate_series(1, 400) i;
INSERT INTO rr.ticket SELECT i % 40, CASE i % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'closed' END, CASE i % 5 WHEN 0 THEN float8 'NaN' ELSE i END FROM generate_series(1, 90) i WHERE i % 40 > 0;
CREATE INDEX ON rr.orders (customer_id);
ANALYZE rr.orders, rr.ticket, rr.customer;
SET persona.clock = '2026-06-01 00:00+00';
SELECT count(*) FROM persona.define_event('purchase', 'rr.orders', fires => 'never');
SELECT count(*) FROM persona.define_event('ticket', 'rr.ticket', fires => 'never');
-- source, the rule's aggregate, PostgreSQL's; #F is the filter, #C its condition
CREATE TABLE rr.aggregate AS SELECT row_number() OVER (ORDER BY type, ours) - 1 AS n, v.* FROM (VALUES
	('num', 'purchase', 'count(purchase)#F', 'count(*)#F'), ('num', 'purchase', 'count(purchase.category)#F', 'count(category)#F'), ('num', 'purchase', 'count(DISTINCT purchase.category)#F', 'count(DISTINCT category)#F'), ('num', 'purchase', 'sum(purchase.amount)#F', 'sum(amount)#F'), ('num', 'purchase', 'sum(purchase.amount * 2 - 1)#F', 'sum(amount * 2 - 1)#F'),
	('num', 'purchase', 'avg(purchase.amount)#F', 'avg(amount)#F'), ('num', 'purchase', 'max(purchase.amount)#F', 'max(amount)#F'), ('num', 'purchase', 'min(-purchase.amount)#F', 'min(-amount)#F'), ('num', 'purchase', 'stddev(purchase.amount)#F', 'stddev(amount)#F'), ('num', 'purchase', 'var_pop(purchase.amount)#F', 'var_pop(amount)#F'), ('num', 'purchase', 'sum(CASE WHEN purchase.gift THEN amount ELSE 1 END)#F', 'sum(CASE WHEN gift THEN amount ELSE 1 END)#F'),
	('num', 'purchase', 'last(purchase.amount)#F', '(array_agg(amount ORDER BY at DESC, id DESC) FILTER (WHERE at IS NOT NULL AND (#C)))[1]'), ('num', 'purchase', 'first(purchase.amount)#F', '(array_agg(amount ORDER BY at, id) FILTER (WHERE at IS NOT NULL AND (#C)))[1]'), ('num', 'ticket', 'count(ticket)#F', 'count(*)#F'), ('num', 'ticket', 'max(ticket.score)#F', 'max(score)#F'), ('num', 'ticket', 'count(DISTINCT ticket.status)#F', 'count(DISTINCT status)#F'),
	('bool', 'purchase', 'bool_or(purchase.gift)#F', 'bool_or(gift)#F'), ('bool', 'purchase', 'bool_and(purchase.gift OR amount > 3)#F', 'bool_and(gift OR amount > 3)#F'), ('bool', 'purchase', 'every(purchase.gift)#F', 'every(gift)#F'), ('bool', 'purchase', 'last(purchase.gift)#F', '(array_agg(gift ORDER BY at DESC, id DESC) FILTER (WHERE at IS NOT NULL AND (#C)))[1]'), ('bool', 'ticket', 'bool_or(ticket.status = ''open'')#F', 'bool_or(status = ''open'')#F'),
	('text', 'purchase', 'last(purchase.category)#F', '(array_agg(category ORDER BY at DESC, id DESC) FILTER (WHERE at IS NOT NULL AND (#C)))[1]'), ('text', 'purchase', 'first(purchase.category || ''x'')#F', '(array_agg(category || ''x'' ORDER BY at, id) FILTER (WHERE at IS NOT NULL AND (#C)))[1]'), ('text', 'purchase', 'max(purchase.category)#F', 'max(category)#F'), ('text', 'ticket', 'min(ticket.status)#F', 'min(status)#F'),
	('time', 'purchase', 'last(purchase)#F', 'max(at)#F'), ('time', 'purchase', 'first(purchase)#F', 'min(at)#F'), ('time', 'purchase', 'max(purchase.at)#F', 'max(at)#F')
) v(type, source, ours, plain);
CREATE TABLE rr.condition AS SELECT row_number() OVER (ORDER BY source, condition) - 1 AS n, v.* FROM (VALUES
	('purchase', 'true'), ('purchase', 'amount > 5'), ('purchase', 'purchase.amount > 5'), ('purchase', 'category = ''shoes'''), ('purchase', 'category IS NULL'), ('purchase', 'NOT gift'), ('purchase', 'gift IS NOT TRUE'), ('purchase', 'ago < ''10 days'''), ('purchase', 'ago BETWEEN ''2 days'' AND ''20 days'''), ('purchase', 'gift OR amount > 20'), ('purchase', 'category IN (''shoes'', ''hats'') AND ago > ''3 days'''),
	('purchase', 'NOT (amount > 5 AND gift)'), ('purchase', 'NULL'), ('purchase', 'false'), ('purchase', 'at > now() - interval ''1 week'''), ('purchase', 'category LIKE ''s%'' OR category = '''''), ('purchase', 'coalesce(amount, 0) * 2 - 1 > 7'),
	('ticket', 'true'), ('ticket', 'status = ''open'''), ('ticket', 'score > 20'), ('ticket', 'status IS NULL OR score < 10'), ('ticket', 'NOT ticket.score > 20'), ('ticket', 'false')
) v(source, condition);
CREATE TABLE rr.comparison AS SELECT row_number() OVER (ORDER BY comparison) - 1 AS n, v.* FROM (VALUES
	('num', 'num', '%s > %s'), ('num', 'num', '%s = %s'), ('num', 'num', 'NOT %s <= %s'), ('num', 'num', 'coalesce(%s, 0) < 2 + %s'), ('num', 'num', '%s > 1 OR %s IS NULL'), ('num', 'num', '%s IS NULL AND %s < 5'), ('num', 'num', '%s - %s * 2 > i'), ('num', 'num', '%s IS NOT DISTINCT FROM %s'),
	('bool', 'bool', '%s AND %s'), ('bool', 'bool', '%s OR NOT %s'), ('bool', 'bool', '%s IS NOT TRUE AND %s IS UNKNOWN'), ('bool', 'num', 'CASE WHEN %s THEN %s > 2 ELSE b END'),
	('text', 'text', '%s = %s'), ('text', 'text', '%s = ''shoes'' AND %s <> ''hats'''), ('text', 'num', '%s || %s > ''s'''), ('time', 'time', '%s > %s'), ('time', 'time', '%s - interval ''2 days'' < %s OR b'), ('time', 'num', '%s IS NULL = (%s = 0)')
) v(first, second, comparison);
-- one aggregate of a type with a filter, as a rule has it and as a sub-select
CREATE FUNCTION rr.aggregate(type text, dice bigint, OUT ours text, OUT plain text) LANGUAGE sql STABLE AS $$
	SELECT replace(a.ours, '#F', format(' FILTER (WHERE %s)', condition)),
		format('(SELECT %s FROM rr.%s %s WHERE customer_id = c.id)', replace(replace(a.plain, '#F', ' FILTER (WHERE #C)'), '#C',
			replace(regexp_replace(condition, '\mago\M', '(CASE WHEN isfinite(at) THEN timestamptz ''2026-06-01 00:00+00'' - at END)'), 'now()', 'timestamptz ''2026-06-01 00:00+00''')),
			CASE source WHEN 'ticket' THEN 'ticket' ELSE 'orders' END, source)
	FROM (SELECT *, row_number() OVER (ORDER BY n) - 1 AS k, count(*) OVER () AS all_of FROM rr.aggregate g WHERE g.type = aggregate.type) a
	JOIN (SELECT *, row_number() OVER (PARTITION BY source ORDER BY n) - 1 AS k, count(*) OVER (PARTITION BY source) AS all_of FROM rr.condition) f USING (source)
	WHERE a.k = dice % a.all_of AND f.k = (dice / 64) % f.all_of
$$;
CREATE FUNCTION rr.same(ours text, plain text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	is_same boolean;
BEGIN
	EXECUTE format('SELECT (SELECT array_agg(subject ORDER BY subject) FROM (%s) a) IS NOT DISTINCT FROM array_agg(id ORDER BY id) FILTER (WHERE x) AND (SELECT array_agg(subject ORDER BY subject) FROM (%s) a) IS NOT DISTINCT FROM array_agg(id ORDER BY id) FILTER (WHERE NOT x) AND (SELECT array_agg(subject ORDER BY subject) FROM (%s) a) IS NOT DISTINCT FROM array_agg(id ORDER BY id) FILTER (WHERE x IS NULL)
		FROM (SELECT id, (%s) AS x FROM rr.customer c) q',
		persona.rule_sql(ours::persona.rule, 'rr_shop'), persona.rule_sql(('NOT (' || ours || ')')::persona.rule, 'rr_shop'), persona.rule_sql(('(' || ours || ') IS NULL')::persona.rule, 'rr_shop'), plain)
	INTO is_same;
	RETURN is_same;
END;
$$;
CREATE TABLE rr.events AS
SELECT ours, plain, rr.same(ours, plain)
FROM (SELECT format(comparison, a.ours, b.ours) AS ours, format(comparison, a.plain, b.plain) AS plain
FROM generate_series(1, :rules / 8) try, LATERAL (SELECT abs(hashtextextended('event ' || try, 7)) AS dice) d
JOIN rr.comparison c ON c.n = dice % (SELECT count(*) FROM rr.comparison), LATERAL rr.aggregate(first, dice / 1000) a, LATERAL rr.aggregate(second, dice / 1000000000) b) e;
SELECT count(*) = :rules / 8 AS tried, count(DISTINCT ours) > :rules / 10 AS different, bool_and(same) AS all_the_same, bool_and(rr.fixed(ours)) AS fixed_points FROM rr.events;
SELECT ours, plain FROM rr.events WHERE NOT same ORDER BY length(ours) LIMIT 5;
RESET persona.clock;
RESET search_path;
SELECT persona.drop_space('rr_shop');
DROP SCHEMA rr CASCADE;
