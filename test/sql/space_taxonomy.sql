-- the built-in kinds of personal data
\pset format unaligned
SELECT count(*) > 60 AS many, count(DISTINCT category) = count(*) AS each_once,
	bool_and(sensitivity BETWEEN 0 AND 100) AS in_range, bool_and(source IN ('survey', 'judgement')) AS sourced,
	bool_and(category ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$') AS dotted, bool_and(label ~ '\w') AS labelled
FROM persona.taxonomy();
-- a child has its parent listed, but for the roots
SELECT category FROM persona.taxonomy() t WHERE position('.' IN category) > 0
	AND NOT EXISTS (SELECT FROM persona.taxonomy() p WHERE p.category = regexp_replace(t.category, '\.[^.]*$', ''));
-- what the law marks is never mild, whatever the average says
SELECT bool_and(sensitivity >= 80) AS never_mild, count(*) >= 8 AS all_there FROM persona.taxonomy() WHERE special;
-- what discover() proposes is known to define_attribute()
SELECT h.category AS unknown FROM persona.attribute_hints() h CROSS JOIN LATERAL persona.lint_category('x', h.category, 'nowhere', '{}');
-- every category that discover() proposes is one of them, or below one
SELECT DISTINCT m[1] AS unknown FROM pg_proc p, regexp_matches(p.prosrc || coalesce(pg_get_function_sqlbody(p.oid), ''), '''(user\.[a-z_.]+)''', 'g') m
WHERE p.pronamespace = 'persona'::regnamespace AND p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND NOT EXISTS (SELECT FROM persona.taxonomy() t WHERE t.category <> 'user' AND (m[1] = t.category OR starts_with(m[1], t.category || '.')));
