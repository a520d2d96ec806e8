-- Laws over the catalog: what every function, type, view and table of persona
-- must be, asked of all of them.
BEGIN;
SELECT plan(12);
CREATE TABLE customers (id uuid PRIMARY KEY, email text);
SELECT count(*) FROM persona.define_space('lint', 'customers');
SELECT count(*) FROM persona.define_segment('everybody', 'true');

CREATE TEMP VIEW ours AS
SELECT p.oid::regprocedure::text AS name, p.*, l.lanname AS language,
	EXISTS (SELECT FROM pg_type t WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend))
	OR EXISTS (SELECT FROM pg_operator o WHERE o.oprcode = p.oid) OR EXISTS (SELECT FROM pg_amproc a WHERE a.amproc = p.oid) AS of_a_type
FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_language l ON l.oid = p.prolang
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'persona');

SELECT is_empty($$SELECT name FROM ours WHERE NOT of_a_type AND obj_description(oid, 'pg_proc') IS NULL$$,
	'every function has a comment');
SELECT is_empty($$SELECT name FROM ours WHERE NOT of_a_type AND pronargs > 0 AND (proargnames IS NULL OR '' = ANY (proargnames[1:pronargs]))$$,
	'every argument has a name');
SELECT is_empty($$SELECT name FROM ours WHERE language IN ('plpgsql', 'sql') AND prosqlbody IS NULL
	AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)
	AND NOT (language = 'sql' AND proconfig IS NULL AND prosrc ~ '^SELECT (\* FROM |allowed FROM )?persona[.][a-z_]+\(')$$,
	'search_path is pinned, or the body is one qualified call');
SELECT is_empty($$SELECT name FROM ours WHERE prosecdef AND proname <> 'log_definition'$$,
	'nothing runs as the installer but the log of definitions');
SELECT is_empty($$SELECT name FROM ours WHERE has_function_privilege('public', oid, 'EXECUTE') AND NOT of_a_type AND provolatile <> 'i'
	AND proname NOT IN ('now', 'ago', 'render')$$,
	'PUBLIC may call pure primitives only');
SELECT is_empty($$SELECT name FROM ours WHERE provolatile = 'i' AND proparallel <> 's' AND has_function_privilege('public', oid, 'EXECUTE')$$,
	'pure primitives are parallel safe');
SELECT is_empty($$SELECT typname FROM pg_type t WHERE typnamespace = 'persona'::regnamespace AND typtype = 'b' AND typelem = 0
	AND (typcollation <> 0 OR typreceive = 0 OR typsend = 0)$$,
	'own types have no collation and can be sent');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'persona_lint'::regnamespace
	AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)$$,
	'views show what their reader may see');
SELECT is_empty($$SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
	JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE c.relnamespace = 'persona_lint'::regnamespace AND i.indisunique AND a.attname <> 'subject'$$,
	'unique indexes of state begin with the subject');
SELECT is_empty($$SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace = 'persona_lint'::regnamespace AND c.relkind IN ('r', 'p') AND (a.attidentity <> '' OR a.atthasdef
		OR a.attname = 'subject' AND a.atttypid <> 'uuid'::regtype OR a.atttypid >= 16384)$$,
	'state has the key''s own type, built-in types only, no default and no identity');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace IN ('persona'::regnamespace, 'persona_lint'::regnamespace)
	AND c.relkind IN ('r', 'p', 'v') AND obj_description(c.oid, 'pg_class') IS NULL$$,
	'every table and view has a comment');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'persona'::regnamespace AND relkind = 'r' AND (NOT relrowsecurity
	OR NOT oid = ANY ((SELECT extconfig FROM pg_extension WHERE extname = 'persona')::oid[]))$$,
	'definitions are closed by row and dumped');
SELECT * FROM finish();
ROLLBACK;
