-- the words of the language: what the list says compiles, and nothing else
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rw;
CREATE TYPE rw.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE rw.customer (id int PRIMARY KEY, name text, mood rw.mood);
CREATE TABLE rw.orders (id bigint PRIMARY KEY, customer_id int REFERENCES rw.customer, amount numeric, mood rw.mood, at timestamptz);
SELECT count(*) FROM persona.define_space('rw_shop', 'rw.customer');
SELECT count(*) FROM persona.define_event('purchase', 'rw.orders', fires => 'never');
SET search_path = pg_catalog;

-- what becomes of a rule: 'compiles', or the SQLSTATE it is refused with
CREATE FUNCTION rw.outcome(rule text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.rule_sql(rule::persona.rule, 'rw_shop');
	RETURN 'compiles';
EXCEPTION WHEN others THEN
	RETURN SQLSTATE;
END;
$$;
-- a NULL of a type; of a pseudo-type, of one that it stands for
CREATE FUNCTION rw.sample(type oid) RETURNS text LANGUAGE sql AS $$
	SELECT CASE
		WHEN typname = 'anyenum' THEN 'mood'
		WHEN typname ~ '^any.*multirange$' THEN 'NULL::int4multirange'
		WHEN typname ~ '^any.*range$' THEN 'NULL::int4range'
		WHEN typname ~ '^any.*array$' AND typname !~ 'nonarray' THEN 'NULL::int[]'
		WHEN typname ~ '^any' THEN 'NULL::int'
		WHEN typelem <> 0 AND typlen = -1 THEN format('NULL::%s[]', format_type(typelem, NULL))
		ELSE format('NULL::%s', format_type(oid, NULL))
	END
	FROM pg_type WHERE oid = type
$$;
CREATE TEMP VIEW word AS
SELECT 'function' AS kind, p.oid::regprocedure::text AS signature, format('(%s(%s)) IS NULL', quote_ident(proname), arguments) AS rule
FROM pg_proc p, LATERAL (
	SELECT string_agg(rw.sample(a), ', ' ORDER BY n) AS arguments
	FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(type, n), LATERAL (SELECT CASE
		WHEN n = p.pronargs AND p.provariadic <> 0 AND p.provariadic <> '"any"'::regtype THEN p.provariadic ELSE type END) v(a)) s
WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind <> 'a'
UNION ALL
SELECT 'aggregate', p.oid::regprocedure::text, format('(%s(%s)) IS NULL', quote_ident(proname), CASE WHEN pronargs = 0 THEN 'purchase' ELSE arguments END)
FROM pg_proc p, LATERAL (
	SELECT string_agg(format('CASE WHEN purchase.id > 0 THEN %s END', replace(rw.sample(type), 'mood', 'purchase.mood')), ', ' ORDER BY n) AS arguments
	FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(type, n)) s
WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'a'
UNION ALL
SELECT 'operator', o.oid::regoperator::text, format('(%s %s %s) IS NULL', CASE WHEN oprleft <> 0 THEN rw.sample(oprleft) END, oprname, rw.sample(oprright))
FROM pg_operator o WHERE oprnamespace = 'pg_catalog'::regnamespace;
CREATE TEMP TABLE tried AS
SELECT w.*, v.kind IS NOT NULL AS listed, rw.outcome(w.rule) AS outcome
FROM word w LEFT JOIN persona.rule_vocabulary() v USING (kind, signature);
SELECT kind, count(*) > CASE kind WHEN 'function' THEN 2900 WHEN 'operator' THEN 790 ELSE 140 END AS all_of_them,
	count(*) FILTER (WHERE listed) > 100 AS some_listed, bool_and((outcome = 'compiles') = listed OR signature = 'now()') AS exactly_the_listed
FROM tried GROUP BY kind ORDER BY kind;

-- now() is persona's own, the one word that the list does not hold
SELECT kind, signature, listed, outcome FROM tried WHERE (outcome = 'compiles') <> listed ORDER BY 1, 2;
SELECT DISTINCT outcome FROM tried ORDER BY 1;
-- a function that the list does not know by name is refused at input, with its place, and all that it knows is read
CREATE FUNCTION rw.reads(rule text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN rule::persona.rule IS NOT NULL;
EXCEPTION WHEN undefined_function THEN
	RETURN false;
END;
$$;
SELECT count(*) > 1500 AS many, bool_and(rw.reads(format('%I(name) IS NULL', proname)) = known) AS by_name
FROM (SELECT DISTINCT proname::text, proname IN ('now', 'jsonb_agg') OR EXISTS (SELECT FROM persona.rule_vocabulary() v
		WHERE v.kind IN ('function', 'aggregate') AND trim('"' FROM split_part(v.signature, '(', 1)) = proname) AS known
	FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace) p;
SELECT 'name = ''x'' AND pg_sleep(1) IS NULL'::persona.rule;
SELECT 'uppr(name) = ''X''' ::persona.rule;
-- each listed word is a function of PostgreSQL's own, that is not volatile, returns one value and runs as its caller
CREATE TEMP VIEW listed AS
SELECT v.kind, v.signature, p.* FROM persona.rule_vocabulary() v
JOIN pg_proc p ON p.oid = CASE WHEN v.kind = 'operator' THEN (SELECT oprcode FROM pg_operator WHERE oid = to_regoperator(v.signature)) ELSE to_regprocedure(v.signature) END
WHERE v.kind <> 'type';
SELECT count(*) = (SELECT count(*) FROM persona.rule_vocabulary() WHERE kind <> 'type') AS all_exist_or_newer,
	bool_and(pronamespace = 'pg_catalog'::regnamespace AND oid < 16384) AS built_in, bool_and(provolatile <> 'v') AS not_volatile,
	bool_and(NOT proretset) AS one_value, bool_and(NOT prosecdef) AS as_the_caller
FROM listed;
-- functions in SQL whose body depends on the type: their casts could be a user's, so || refuses enums
SELECT kind, signature FROM listed WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql')
	AND EXISTS (SELECT FROM unnest(proargtypes) a WHERE a::regtype::text ~ '^any') ORDER BY 2;
-- those that are not immutable read the time zone, the clock's format or money's, and nothing else
SELECT string_agg(DISTINCT proname, ' ' ORDER BY proname) AS stable FROM listed WHERE provolatile = 's';
-- types: every cast between two of them works, every comparison of one with itself, and no other type gets in
CREATE TEMP TABLE types AS
SELECT t.oid, format_type(t.oid, NULL) AS name, v.signature IS NOT NULL AS listed
FROM pg_type t LEFT JOIN persona.rule_vocabulary() v ON v.kind = 'type' AND v.signature = quote_ident(t.typname)
WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype <> 'c' AND typelem = 0 OR t.oid = 'name'::regtype;
SELECT listed, count(*) > 30 AS many, bool_and((rw.outcome(format('NULL::%s IS NULL', name)) = 'compiles') = listed) AS exactly,
	bool_and((rw.outcome(format('NULL::%s[] IS NULL', name)) = 'compiles') = listed) AS so_are_arrays
FROM types GROUP BY listed ORDER BY listed;
SELECT count(*) > 100 AS casts, bool_and(rw.outcome(format('NULL::%s::%s IS NULL', s.name, t.name)) = 'compiles') AS all_work
FROM pg_cast JOIN types s ON s.oid = castsource AND s.listed JOIN types t ON t.oid = casttarget AND t.listed;
SELECT count(*) AS lengths, bool_and(rw.outcome(format('NULL::%s::%s IS NULL', regexp_replace(w, '\(.*?\)', ''), w)) = 'compiles') AS all_work
FROM unnest(ARRAY['character varying(3)', 'character(3)', 'bit(3)', 'bit varying(3)', 'numeric(5,2)', 'time(3)', 'time(3) with time zone', 'timestamp(3)', 'timestamp(3) with time zone', 'interval(3)']) w;
SELECT bool_and(rw.outcome(format('NULL::%s %s NULL::%1$s', name, op)) = 'compiles') AS all_compare
FROM types, unnest(ARRAY['=', '<>', '<', '<=', '>', '>=']) op WHERE listed;
-- each dangerous class, by name
SELECT class, count(*) AS tried, string_agg(rule, '; ') FILTER (WHERE rw.outcome(rule) NOT IN ('42883', '42501', '0A000')) AS got_in
FROM (VALUES
	('volatile', ARRAY['random() < 1', 'nextval(''s'') > 0', 'clock_timestamp() > now()', 'gen_random_uuid() IS NULL', 'timeofday() = name', 'setseed(1) IS NULL', 'txid_current() > 0']),
	('set-returning', ARRAY['generate_series(1, 9) > 5', 'unnest(ARRAY[true])', 'regexp_split_to_table(name, ''x'') = name', 'jsonb_object_keys(''{}''::jsonb) = ''x''', 'regexp_matches(name, ''x'') IS NULL', 'string_to_table(name, ''x'') = ''x''']),
	('files', ARRAY['pg_read_file(''/etc/passwd'') = name', 'pg_read_binary_file(name) IS NULL', 'pg_ls_dir(''.'') = name', 'pg_stat_file(name) IS NULL', 'pg_ls_logdir() IS NULL', 'pg_current_logfile() = name', 'lo_import(name) > 0', 'lo_export(1, name) > 0']),
	('settings', ARRAY['current_setting(''data_directory'') = name', 'set_config(''persona.clock'', ''x'', false) = name', 'pg_reload_conf()', 'version() = name', 'inet_server_addr() IS NULL', 'current_database() = name', 'pg_show_all_settings() IS NULL']),
	('who is asking', ARRAY['current_user = name', 'session_user = name', 'user = name', 'current_role = name', 'current_schema = name', 'current_catalog = name', 'pg_backend_pid() > 0', 'inet_client_addr() IS NULL', 'current_query() = name']),
	('catalogs', ARRAY['pg_get_viewdef(1) = name', 'pg_get_functiondef(1) = name', 'obj_description(1) = name', 'has_table_privilege(name, ''SELECT'')', 'to_regclass(name) IS NULL', '''pg_class''::regclass IS NULL', 'pg_table_size(name) > 0', 'pg_relation_filepath(name) = name', 'format_type(1, 1) = name', 'enum_range(mood) IS NULL', 'pg_typeof(id) IS NULL', 'col_description(1, 1) = name']),
	('other sessions', ARRAY['pg_stat_get_backend_activity(1) = name', 'pg_terminate_backend(1)', 'pg_cancel_backend(1)', 'pg_notify(name, name) IS NULL', 'pg_stat_get_activity(1) IS NULL', 'pg_blocking_pids(1) IS NULL']),
	('advisory locks', ARRAY['pg_advisory_lock(1) IS NULL', 'pg_try_advisory_lock(1)', 'pg_advisory_xact_lock(1) IS NULL', 'pg_advisory_unlock_all() IS NULL', 'pg_try_advisory_xact_lock_shared(1, 2)']),
	('queries in texts', ARRAY['query_to_xml(name, true, true, '''') IS NULL', 'table_to_xml(name, true, true, '''') IS NULL', 'database_to_xml(true, true, '''') IS NULL', 'cursor_to_xml(name, 1, true, true, '''') IS NULL', 'schema_to_xml(name, true, true, '''') IS NULL', 'ts_stat(name) IS NULL', 'ts_rewrite(name, name) IS NULL']),
	('xml', ARRAY['xmlparse(document name) IS NULL', 'name::xml IS NULL', 'xpath(name, name) IS NULL', 'xml_is_well_formed(name)', 'xmlelement(name a) IS NULL', 'xmlexists(name passing name)', 'name IS DOCUMENT', 'xmlserialize(content name as text) IS NULL']),
	('sleeping', ARRAY['pg_sleep(9) IS NULL', 'pg_sleep_for(''9 s'') IS NULL', 'pg_sleep_until(now()) IS NULL']),
	('large objects', ARRAY['lo_get(1) IS NULL', 'lo_create(1) > 0', 'lo_unlink(1) > 0', 'lo_put(1, 1, name) IS NULL', 'loread(1, 1) IS NULL', 'lo_from_bytea(1, ''x'') > 0']),
	('memory', ARRAY['repeat(name, 1000000000) = name', 'lpad(name, 1000000000) = name', 'rpad(name, 100000000, ''x'') = name', 'lpad(name, id) = name', 'array_fill(1, ARRAY[1000000000]) IS NULL', 'factorial(32177) > 0', 'format(''%1000000000s'', name) = name', 'bpchar(name, 1000000000, true) = name', 'name::char(10000000) = name', '"bit"(1, 80000000) IS NULL', 'id::bit(80000000) IS NULL', 'set_bit(''x'', 1000000000, 1) IS NULL', 'array_replace(ARRAY[name], name, name) IS NULL']),
	('doubling', ARRAY['replace(name, ''a'', ''aa'') = name', 'replace(name, name, name) = name', 'quote_literal(quote_literal(name)) = name', 'quote_ident(name) = name', 'array_to_string(ARRAY[name], name) = name', 'to_jsonb(name) IS NULL', 'ARRAY[ARRAY[name]::text]::text = name', 'ARRAY[concat(ARRAY[name])]::text = name', 'concat_ws('','', ARRAY[name]) = name', 'substr((''x'' || name)::bytea::text, 3) = name', 'regexp_replace(name, ''x*'', ''--'', ''g'') = name', 'regexp_replace(name, ''x'', name) = name']),
	('encodings', ARRAY['convert_from(''x'', ''LATIN1'') = name', 'convert_to(name, ''LATIN1'') IS NULL', 'convert(''x'', ''UTF8'', ''LATIN1'') IS NULL', 'decode(name, ''hex'') IS NULL', 'to_ascii(name) = name', 'pg_client_encoding() = name', 'length(''x''::bytea, name) > 0']),
	('administration', ARRAY['pg_switch_wal() IS NULL', 'pg_promote()', 'pg_create_restore_point(name) IS NULL', 'pg_drop_replication_slot(name) IS NULL', 'pg_logical_emit_message(true, name, name) IS NULL', 'pg_rotate_logfile()', 'pg_stat_reset() IS NULL', 'pg_export_snapshot() = name']),
	('other languages and servers', ARRAY['dblink(name, name) IS NULL', 'dblink_exec(name) = name', 'jsonb_path_exists(''{}'', name)', 'plpgsql_call_handler() IS NULL', 'fmgr_sql_validator(1) IS NULL', 'binary_upgrade_create_empty_extension(name) IS NULL', '"RI_FKey_check_ins"() IS NULL']),
	('texts read as code', ARRAY['name::regproc IS NULL', '''now''::regprocedure IS NULL', 'name::jsonpath IS NULL', 'name::tsquery IS NULL', 'name::regconfig IS NULL', 'to_tsvector(name) IS NULL', 'name @@ name', 'name::json IS NULL', 'name::aclitem IS NULL'])
) v(class, rules), unnest(rules) rule GROUP BY class ORDER BY class;
-- what is near to these, and harmless, is there
SELECT string_agg(rule, '; ') FILTER (WHERE rw.outcome(rule) <> 'compiles') AS missing
FROM unnest(ARRAY['lpad(name, 10, ''0'') = name', 'replace(name, ''-'', '''') = name', 'regexp_replace(name, ''[^0-9]'', '''', ''g'') = name', 'ARRAY[name]::text = name', 'concat(name, '' '', id) = name', 'name || id = name',
	'(regexp_match(name, ''([0-9]+)''))[1] = ''1''', 'name ~* ANY (ARRAY[''^a'', ''b$''])', 'name::char(10) = name', 'id & 4 > 0', 'date_bin(''1 hour'', now(), ''2000-01-01'') < now()', '(now(), now()) OVERLAPS (now(), now())',
	'encode(sha256(''x''), ''hex'') = name', '''10.0.0.0/8''::inet >>= ''10.0.0.1''', 'int4range(1, 5) @> id', 'to_char(now(), ''YYYY-MM'') = name', 'acos(sin(radians(1)) * sin(radians(2))) < 1', '(''{"a": [1]}''::jsonb)[''a''][0] = ''1''', 'extract(isodow FROM now()) = 1']) rule;
-- functions of other schemas, whatever their names
CREATE SCHEMA rw_ext;
CREATE FUNCTION rw_ext.handy(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION public.rw_handy(text) RETURNS text LANGUAGE internal IMMUTABLE STRICT AS 'upper';
CREATE FUNCTION pg_temp.handy(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
SET search_path = public, rw_ext;
SELECT rule, rw.outcome(rule) FROM unnest(ARRAY['handy(name)', 'rw_handy(name) IS NULL', 'rw_ext.handy(name)', 'public.rw_handy(name) IS NULL', 'pg_temp.handy(name)', 'persona.now() IS NULL', 'in_segment(id, name)', 'bucket(name, name) > 0', 'now() IS NULL', 'ago(now()) IS NULL']) rule;
SET search_path = pg_catalog;
SELECT count(*) > 50 AS functions, string_agg(DISTINCT proname, ' ' ORDER BY proname) FILTER (WHERE rw.outcome(format('(%I(%s)) IS NULL', proname, arguments)) = 'compiles') AS compile,
	bool_and(rw.outcome(format('(%I.%I(%s)) IS NULL', pronamespace::regnamespace::text, proname, arguments)) = '0A000') AS never_qualified
FROM pg_proc, LATERAL (SELECT string_agg(rw.sample(a), ', ' ORDER BY n) AS arguments FROM unnest(proargtypes::oid[]) WITH ORDINALITY u(a, n)) s
WHERE pronamespace IN ('persona'::regnamespace, 'information_schema'::regnamespace);
-- types of users: no rule names one; columns may be enums, arrays of enums and domains over built-in types
CREATE DOMAIN pg_temp.text_like AS text;
CREATE TYPE pg_temp.feeling AS ENUM ('good');
SELECT rule, rw.outcome(rule) FROM unnest(ARRAY['name::mood = ''ok''', 'name::rw.mood = ''ok''', 'name::feeling IS NULL', 'name::text_like = name', 'name::pg_temp.feeling IS NULL', 'name::_text IS NULL', 'mood = ''ok''', 'mood::text = name']) rule;
-- everybody may read the list
CREATE ROLE rw_reader;
SET ROLE rw_reader;
SELECT kind, count(*) > 30 AS some, count(*) = count(DISTINCT signature) AS each_once FROM persona.rule_vocabulary() GROUP BY kind ORDER BY kind;
RESET ROLE;
RESET search_path;
DROP ROLE rw_reader;
DROP FUNCTION public.rw_handy(text);
SELECT persona.drop_space('rw_shop');
DROP SCHEMA rw, rw_ext CASCADE;
