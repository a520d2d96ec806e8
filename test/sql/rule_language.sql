-- the language of rules: what it says, what it refuses
\set SHOW_CONTEXT never
-- text -> rule -> text -> rule is a fixed point, with no parenthesis too many
SELECT rule, rule::persona.rule::text AS canonical,
	rule::persona.rule::text::persona.rule::text = rule::persona.rule::text AS fixed
FROM (VALUES
	('country = ''DE'''), ('a AND (b OR c)'), ('((a)) AND (b AND c)'), ('NOT (NOT a)'), ('NOT a = b'), ('(NOT a) = b'),
	('a - (b - c) > -1'), ('(a - b) - c = - 2'), ('(-1)::int = -1::int'), ('a + b * c ^ 2 / (d % 3) <> 0'),
	('x IN (1, 2) AND y NOT IN (''a'')'), ('a LIKE ''x%'' OR a NOT ILIKE ''%y'''), ('a BETWEEN 1 AND 2 AND b NOT BETWEEN SYMMETRIC 3 AND 1'),
	('a IS NULL AND b IS NOT NULL AND c IS TRUE AND d IS NOT UNKNOWN'), ('a IS DISTINCT FROM b'), ('(a IS NULL) IS FALSE'),
	('CASE WHEN a THEN 1 ELSE 2 END = 1'), ('CASE a WHEN 1 THEN true END'), ('coalesce(a, b, 0) > nullif(c, 1)'),
	('greatest(a, b) = least(c, d)'), ('tags[1] = ''x'' AND ''y'' = ANY (tags)'), ('ARRAY[1, 2] @> ARRAY[x]'),
	('data->>''k'' = ''v'' AND data ? ''k'''), ('a::text || b = ''c'''), ('d > date ''2026-01-01'''), ('interval ''3 days'' < ago(x)'),
	('count(purchase) FILTER (WHERE category = ''shoes'' AND ago < ''30 days'') >= 2'), ('count(DISTINCT purchase.sku) > 1'),
	('sum(purchase.amount) > 100.50'), ('last(purchase.category) = ''running'''), ('bool_or(ticket.status = ''open'') IS NOT TRUE'),
	('"Name" = ''O''''Neil'''), (E'a = E''back\\\\slash'''), ('true'), ('a ~ ''^x+$'''), ('extract(year FROM d) = 2026'),
	('t AT TIME ZONE ''UTC'' > now()'), ('current_date > d'), ('substring(a from 2 for 3) = ''b'''), ('a = 1e10')
) v(rule);
-- rules compare, hash, sort and compose
SET search_path = public, persona;
SELECT 'a=1'::persona.rule = '(a   =  1)'::persona.rule AS equal, 'a'::persona.rule <> 'b' AS different,
	'a OR b'::persona.rule & 'c' AS both, 'a AND b'::persona.rule | 'c' AS either, ! 'a AND b'::persona.rule AS neither,
	(SELECT count(DISTINCT r) FROM unnest(ARRAY['a = 1', 'a=1', 'b']::persona.rule[]) r) AS two;
SELECT r FROM unnest(ARRAY['b', 'a', 'c = 1']::persona.rule[]) r ORDER BY r;
-- what is no SQL, and what is no rule
SELECT ''::persona.rule;
SELECT 'country ='::persona.rule;
SELECT 'a = 1; DROP TABLE x'::persona.rule;
SELECT 'a = 1 -- comment'::persona.rule;
SELECT 'a b'::persona.rule;
SELECT 'a, b'::persona.rule;
SELECT 'a FROM x'::persona.rule;
SELECT 'true WHERE false'::persona.rule;
SELECT 'true UNION SELECT true'::persona.rule;
SELECT 'EXISTS (SELECT 1)'::persona.rule;
SELECT 'a = (SELECT 1)'::persona.rule;
SELECT 'a IN (SELECT 1)'::persona.rule;
SELECT 'a = $1'::persona.rule;
SELECT 'count(*) > 0'::persona.rule;
SELECT 'sum(x) OVER () > 0'::persona.rule;
SELECT 'string_agg(a, b ORDER BY c) = ''x'''::persona.rule;
SELECT 'percentile_cont(0.5) WITHIN GROUP (ORDER BY a) > 1'::persona.rule;
SELECT '(a, b) = (1, 2)'::persona.rule;
SELECT 'x.* IS NULL'::persona.rule;
SELECT 'a.b.c.d.e.f.g.h = 1'::persona.rule AS eight_parts;
SELECT 'a.b.c.d.e.f.g.h.i = 1'::persona.rule;
SELECT 'a COLLATE "C" = ''x'''::persona.rule;
SELECT 'a = b''101'''::persona.rule;
SELECT 'a OPERATOR(public.=) b'::persona.rule;
SELECT 'public.f(a)'::persona.rule;
SELECT 'a::public.t = 1'::persona.rule;
SELECT 'a SIMILAR TO ''x'''::persona.rule;
SELECT 'current_user = ''postgres'''::persona.rule;
SELECT 'GROUPING(a) = 1'::persona.rule;
SELECT 'xmlparse(document a) IS NULL'::persona.rule;
SELECT 'f(VARIADIC a)'::persona.rule;
SELECT 'a[1:2] = b'::persona.rule;
SELECT '(a).b = 1'::persona.rule;
-- limits, at the boundary
SELECT length(('a = ''' || repeat('x', 65530) || '''')::persona.rule::text) AS the_longest;
SELECT ('a = ''' || repeat('x', 65531) || '''')::persona.rule;
SELECT length((repeat('NOT ', 99) || 'a')::persona.rule::text) AS the_deepest;
SELECT (repeat('NOT ', 100) || 'a')::persona.rule;
SELECT length(('a IN (' || repeat('1, ', 1995) || '1)')::persona.rule::text) AS the_largest;
SELECT ('a IN (' || repeat('1, ', 2000) || '1)')::persona.rule;
DO $$ BEGIN PERFORM (repeat('(', 30000) || 'a' || repeat(')', 30000))::persona.rule; EXCEPTION WHEN syntax_error THEN RAISE NOTICE 'refused'; END $$;
-- the place in the rule is said
\set SHOW_CONTEXT errors
SELECT 'a = 1 AND count(*) > 0'::persona.rule;
-- a backslash in a rule is a backslash, whatever the session makes of its own
SET standard_conforming_strings = off; SET backslash_quote = off; SET escape_string_warning = on;
SELECT E'name ~ ''\\d'''::persona.rule::text = E'name ~ E''\\\\d''' AS as_ever, E'name = E''it\\''s'''::persona.rule::text = E'name = ''it''''s''' AS quote_too, E'name = U&''\\00e9'''::persona.rule::text AS by_number;
SELECT current_setting('standard_conforming_strings'), current_setting('backslash_quote');
SELECT E'name ~ ''\\d'::persona.rule;
SELECT current_setting('standard_conforming_strings'), current_setting('backslash_quote');
RESET standard_conforming_strings; RESET backslash_quote; RESET escape_string_warning;
