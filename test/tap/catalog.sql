-- Laws over the catalog: what every function, type, view and table of persona
-- must be, asked of all of them.
BEGIN;
SELECT plan(16);

-- A space for each type that a key may have.
CREATE TABLE by_int (id int PRIMARY KEY);
CREATE TABLE by_bigint (id bigint PRIMARY KEY);
CREATE TABLE by_uuid (id uuid PRIMARY KEY);
CREATE TABLE by_text (id text PRIMARY KEY);
SELECT count(*) FROM unnest(ARRAY['int', 'bigint', 'uuid', 'text']) k,
	persona.define_space('lint_' || k, ('by_' || k)::regclass), persona.define_segment('everybody', 'true', space => 'lint_' || k);
CREATE TEMP VIEW spaces AS
SELECT s.schema_name::regnamespace AS schema, s.key_type::regtype AS key_type FROM persona.space s;

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
SELECT is_empty($$SELECT name FROM ours WHERE prosecdef AND proname NOT IN ('log_definition', 'follow_ddl')$$,
	'nothing runs as the installer but the log of definitions and what follows renames');
SELECT is_empty($$SELECT name FROM ours WHERE has_function_privilege('public', oid, 'EXECUTE') AND NOT of_a_type AND provolatile <> 'i'
	AND proname NOT IN ('now', 'ago', 'before', 'released', 'render', 'page_link')$$,
	'PUBLIC may call pure primitives only');
SELECT is_empty($$SELECT name FROM ours WHERE provolatile = 'i' AND proparallel <> 's' AND has_function_privilege('public', oid, 'EXECUTE')$$,
	'pure primitives are parallel safe');
SELECT is_empty($$SELECT typname FROM pg_type t WHERE typnamespace = 'persona'::regnamespace AND typtype = 'b' AND typelem = 0
	AND (typcollation <> 0 OR typreceive = 0 OR typsend = 0)$$,
	'own types have no collation and can be sent');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace IN (SELECT schema FROM spaces)
	AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)$$,
	'views show what their reader may see');
SELECT is_empty($$SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
	JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE c.relnamespace IN (SELECT schema FROM spaces) AND c.relname NOT IN ('calendar', 'progress', 'conclusion', 'promotion') AND i.indisunique AND a.attname <> 'subject'$$,
	'unique indexes of state begin with the subject, but for how far run() has come and what experiments came to');
SELECT is_empty($$SELECT a.attrelid::regclass, a.attname
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN spaces s ON s.schema = c.relnamespace
	WHERE c.relkind IN ('r', 'p') AND (a.attidentity <> '' OR a.atthasdef
		OR a.attname = 'subject' AND a.atttypid <> s.key_type OR a.atttypid >= 16384)$$,
	'state has the key''s own type, built-in types only, no default and no identity');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace IN (SELECT schema FROM spaces UNION ALL SELECT 'persona'::regnamespace)
	AND c.relkind IN ('r', 'p', 'v') AND obj_description(c.oid, 'pg_class') IS NULL$$,
	'every table and view has a comment');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'persona'::regnamespace AND relkind = 'r' AND (NOT relrowsecurity
	OR NOT oid = ANY ((SELECT extconfig FROM pg_extension WHERE extname = 'persona')::oid[]))$$,
	'definitions are closed by row and dumped');
SELECT is_empty($$SELECT name FROM ours WHERE provolatile = 'i' AND has_function_privilege('public', oid, 'EXECUTE')
	AND (proconfig IS NOT NULL OR prosecdef OR language = 'plpgsql')$$,
	'pure primitives set nothing and act as nobody else, so that they can be inlined and shipped');
SELECT is_empty($$SELECT a.aggfnoid FROM ours JOIN pg_aggregate a ON a.aggfnoid = ours.oid
	WHERE a.aggcombinefn = 0 OR a.aggtranstype = 'internal'::regtype AND (a.aggserialfn = 0 OR a.aggdeserialfn = 0)$$,
	'aggregates can be combined across workers and shards');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c
	WHERE c.relnamespace IN (SELECT schema FROM spaces) AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('moment_day', 'incident', 'calendar', 'progress', 'conclusion', 'promotion', 'secret', 'tombstone', 'suppressed_address')
	AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'subject')$$,
	'every table of state has a subject, but for those that only count, say how far run() has come or what experiments came to, and those that must not know one');
SELECT is_empty($$SELECT c.oid::regclass, x.privilege_type FROM pg_class c, aclexplode(c.relacl) x
	WHERE c.relnamespace IN (SELECT schema FROM spaces UNION ALL SELECT 'persona'::regnamespace) AND x.grantee = 0$$,
	'PUBLIC has no right on any table or view');
SELECT * FROM finish();
ROLLBACK;
