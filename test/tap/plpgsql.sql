-- What a check of the bodies of PL/pgSQL finds: names that are not there, types
-- that do not fit, values that are never read. Skipped where the extension
-- plpgsql_check (package postgresql-NN-plpgsql-check) is not installed.
BEGIN;
SET client_min_messages = warning;
SELECT count(*) > 0 AS has_check FROM pg_available_extensions WHERE name = 'plpgsql_check' \gset
\if :has_check
CREATE EXTENSION plpgsql_check;
SELECT plan(2);
CREATE TEMP TABLE checked AS
SELECT p.oid::regprocedure AS function, c.*
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND lanname = 'plpgsql'
LEFT JOIN pg_trigger t ON t.tgfoid = p.oid
CROSS JOIN LATERAL plpgsql_check_function_tb(p.oid, coalesce(t.tgrelid, 0), fatal_errors => false, performance_warnings => false, security_warnings => false) c
WHERE pronamespace = 'persona'::regnamespace AND (prorettype <> 'trigger'::regtype OR t.oid IS NOT NULL);
-- What a space has of its own is known when it is asked only: the check cannot
-- look into statements that are made, nor know what a row of them holds. The
-- column named "column" is in features()'s contract.
SELECT is_empty($$SELECT function, level, lineno, message FROM checked
	WHERE message !~ '^(cannot determinate a result of dynamic SQL|OUT variable ".*" is maybe unmodified|parameter ".*" is never read)'
	AND NOT (function = 'persona.features(persona.rule,text)'::regprocedure AND message ~ '"column"')$$,
	'plpgsql_check finds nothing');
SELECT is_empty($$SELECT function, c.message FROM (SELECT oid FROM pg_proc WHERE pronamespace = 'persona'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql') AND prorettype <> 'trigger'::regtype AND provolatile <> 'v') p,
	LATERAL (SELECT p.oid::regprocedure AS function, * FROM plpgsql_check_function_tb(p.oid, fatal_errors => false, extra_warnings => false, performance_warnings => true)) c
	WHERE message ~ 'should be VOLATILE'$$,
	'nothing that changes something says that it does not');
\else
SELECT plan(1);
SELECT skip('plpgsql_check is not installed', 1);
\endif
SELECT * FROM finish();
ROLLBACK;
