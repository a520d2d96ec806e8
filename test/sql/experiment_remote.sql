-- a foreign server takes buckets and variants, of any scheme, and answers the same
SET client_min_messages = warning;
CREATE SCHEMA er;
CREATE TABLE er.shard (id int, name text);
INSERT INTO er.shard SELECT i, 'c' || i FROM generate_series(1, 1000) i;
CREATE EXTENSION postgres_fdw;
DO $$ BEGIN
	EXECUTE format('CREATE SERVER er_loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L, extensions %L)',
		split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database(), 'persona');
	EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER er_loop OPTIONS (user %L)', current_user);
END $$;
CREATE FOREIGN TABLE er.remote (id int, name text) SERVER er_loop OPTIONS (schema_name 'er', table_name 'shard');
-- The condition that the remote server is sent.
CREATE FUNCTION er.sent(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		IF line ~ 'Remote SQL' THEN
			RETURN substring(line FROM 'WHERE .*');
		END IF;
	END LOOP;
END $$;
SELECT er.sent('SELECT * FROM er.remote WHERE persona.bucket(id, ''exp'') < 0.2') ~ 'persona[.](bucket|choose)' AS sent;
SELECT er.sent('SELECT * FROM er.remote WHERE persona.bucket(name, ''exp'') < 0.2') ~ 'persona[.](bucket|choose)' AS sent;
SELECT er.sent('SELECT * FROM er.remote WHERE persona.bucket(id, ''exp'', ''growthbook2'') < 0.2') ~ 'persona[.](bucket|choose)' AS sent;
SELECT er.sent('SELECT * FROM er.remote WHERE persona.choose(id, ''exp'', ''{0.5,0.5}'') = 1') ~ 'persona[.](bucket|choose)' AS sent;
SELECT er.sent('SELECT * FROM er.remote WHERE persona.choose(name, ''exp'', ''{0.9,0.1}'', 0.5, ''growthbook1'') = 1') ~ 'persona[.](bucket|choose)' AS sent;
SELECT count(*) = 0 AS same FROM (
	(SELECT id, persona.choose(id, 'exp', '{0.9,0.1}', 0.5, 'growthbook1') FROM er.remote WHERE persona.bucket(id, 'exp', 'growthbook2') < 0.2
	EXCEPT SELECT id, persona.choose(id, 'exp', '{0.9,0.1}', 0.5, 'growthbook1') FROM er.shard WHERE persona.bucket(id, 'exp', 'growthbook2') < 0.2)
	UNION ALL
	(SELECT id, 0 FROM er.shard WHERE persona.choose(id, 'exp', '{0.5,0.5}') = 1 EXCEPT SELECT id, 0 FROM er.remote WHERE persona.choose(id, 'exp', '{0.5,0.5}') = 1)) d;
DROP EXTENSION postgres_fdw CASCADE;
DROP SCHEMA er CASCADE;
