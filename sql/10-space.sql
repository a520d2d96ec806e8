/* space: what the company has */

/*
 * Definitions are members of the extension, marked for dump. Who may see and
 * change them is decided by row: the members of the role that owns the
 * space's subject table. No foreign key binds them to their space: a parallel
 * restore loads them in any order. forget_space() does what a cascade would.
 */
CREATE TABLE definition_log (
	kind text NOT NULL,
	space text NOT NULL,
	name text NOT NULL,
	version int NOT NULL,
	at timestamptz NOT NULL,
	by_whom text NOT NULL,
	body jsonb,
	PRIMARY KEY (kind, space, name, version)
);
COMMENT ON TABLE definition_log IS
'Every version of every definition: who wrote it, when, and what it said; body is NULL where it was dropped.';

/*
 * Whoever was granted this table can write to it past define_space(): what
 * becomes part of statements, as other roles execute them, is checked here.
 */
CREATE TABLE space (
	space text PRIMARY KEY CHECK (space ~ '^[a-z][a-z0-9_]{0,39}$' AND space <> 'house'),
	schema_name text NOT NULL UNIQUE CHECK (schema_name = 'persona_' || space),
	subjects regclass NOT NULL,
	key text NOT NULL,
	key_type text NOT NULL CHECK (key_type IN ('smallint', 'integer', 'bigint', 'uuid', 'text', 'character varying')),
	columns text[]
);
COMMENT ON TABLE space IS
'The spaces: one population of one brand each, with its subject table, that table''s key and the key''s type K, and what the table''s columns are called, by number.';

CREATE TABLE event (
	space text,
	event text,
	relation regclass NOT NULL,
	subject text NOT NULL,
	at text,
	id text[] NOT NULL CHECK (array_position(id, NULL) IS NULL),
	fires text NOT NULL CHECK (fires IN ('insert', 'update', 'insert,update', 'poll', 'never')),
	columns text[],
	PRIMARY KEY (space, event)
);
COMMENT ON TABLE event IS
'The event sources: tables with many rows a subject, the columns that hold subject, time and identity, what fires, and what the columns are called, by number.';

CREATE TABLE facet (
	space text,
	facet text,
	relation regclass NOT NULL,
	key text NOT NULL,
	parent text,
	via text NOT NULL,
	columns text[],
	PRIMARY KEY (space, facet)
);
COMMENT ON TABLE facet IS
'The facets: at most one row for each row of the parent (NULL: the subject; else an event or another facet), whose column via points to the facet''s column key; and what the columns are called, by number.';

CREATE TABLE attribute (
	space text,
	attribute text,
	category text NOT NULL,
	provenance text NOT NULL CHECK (provenance IN
		('declared', 'transacted', 'observed', 'inferred', 'third_party', 'unknown')),
	sensitivity text CHECK (sensitivity IN ('low', 'medium', 'high', 'special')),
	max_age interval CHECK (max_age > '0'),
	PRIMARY KEY (space, attribute)
);
COMMENT ON TABLE attribute IS
'The privacy facts of columns: data category, provenance, sensitivity and the age after which a source is stale.';

CREATE TABLE channel (
	space text,
	channel text,
	address text NOT NULL,
	time_zone text,
	locale text,
	link text,
	format text NOT NULL CHECK (format IN ('text', 'html')),
	PRIMARY KEY (space, channel)
);
COMMENT ON TABLE channel IS
'Where messages go: address, time zone and locale of a subject as expressions in the rule language.';

CREATE TABLE purpose (
	space text,
	purpose text,
	basis text NOT NULL,
	expires interval CHECK (expires > '0'),
	regulation text,
	label text,
	description text,
	PRIMARY KEY (space, purpose)
);
COMMENT ON TABLE purpose IS
'What data or a channel may be used for, with its legal basis and how long a consent lasts.';

CREATE TABLE segment (
	space text,
	segment text,
	rule text NOT NULL,
	description text,
	PRIMARY KEY (space, segment)
);
COMMENT ON TABLE segment IS
'Named rules; each is also the view segment_<name> of its space.';

CREATE FUNCTION space_owner(subjects regclass) RETURNS oid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = subjects;
END;
COMMENT ON FUNCTION space_owner(regclass) IS
'The role that owns a space: the owner of its subject table.';
REVOKE ALL ON FUNCTION space_owner(regclass) FROM PUBLIC;

CREATE FUNCTION columns_by_number(relation regclass) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT array_agg(CASE WHEN NOT a.attisdropped THEN a.attname END ORDER BY a.attnum)
	FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0;
END;
COMMENT ON FUNCTION columns_by_number(regclass) IS
'What the columns of a table are called, at the place of each one''s number; NULL where one was dropped.';
REVOKE ALL ON FUNCTION columns_by_number(regclass) FROM PUBLIC;

CREATE FUNCTION note_columns() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.columns := @extschema@.columns_by_number((coalesce(to_jsonb(NEW)->>'relation', to_jsonb(NEW)->>'subjects'))::regclass);
	RETURN NEW;
END;
$$;
COMMENT ON FUNCTION note_columns() IS
'Trigger: notes what the columns of a source are called now, so that a rename can be told from a drop.';
REVOKE ALL ON FUNCTION note_columns() FROM PUBLIC;

CREATE FUNCTION definition_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_definition_changed';
COMMENT ON FUNCTION definition_changed() IS
'Trigger: tells every session to read the definitions again.';
REVOKE ALL ON FUNCTION definition_changed() FROM PUBLIC;

/*
 * SECURITY DEFINER: who may change a definition may not rewrite its log. It is
 * of use to persona's own tables only: on one of somebody else's it would write
 * down what was never defined.
 */
CREATE FUNCTION log_definition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	becomes jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
	was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
	said jsonb := coalesce(becomes, was);
	thing text := CASE TG_TABLE_NAME
		WHEN 'policy' THEN concat_ws('/', nullif(said->>'channel', ''), nullif(said->>'purpose', ''))
		WHEN 'variant' THEN concat_ws('/', said->>'moment', said->>'variant')
		ELSE said->>TG_TABLE_NAME END;
	latest @extschema@.definition_log;
BEGIN
	IF TG_TABLE_SCHEMA <> '@extschema@' THEN
		RAISE trigger_protocol_violated USING MESSAGE = 'log_definition() is a trigger of persona''s own tables';
	END IF;
	SELECT * INTO latest FROM @extschema@.definition_log l
	WHERE l.kind = TG_TABLE_NAME AND l.space = said->>'space' AND l.name = thing
	ORDER BY l.version DESC LIMIT 1;
	IF becomes IS DISTINCT FROM was AND becomes IS DISTINCT FROM latest.body THEN
		INSERT INTO @extschema@.definition_log
		VALUES (TG_TABLE_NAME, said->>'space', thing, coalesce(latest.version, 0) + 1, clock_timestamp(), session_user, becomes);
	END IF;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION log_definition() IS
'Trigger: appends each new version of a definition to definition_log.';
REVOKE ALL ON FUNCTION log_definition() FROM PUBLIC;

/*
 * While a dump is restored, definitions may arrive before their log and are
 * logged as new: what the dump says of them then takes the place of that.
 */
CREATE FUNCTION replace_logged() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM @extschema@.definition_log l
	WHERE (l.kind, l.space, l.name, l.version) = (NEW.kind, NEW.space, NEW.name, NEW.version);
	RETURN NEW;
END;
$$;
COMMENT ON FUNCTION replace_logged() IS
'Trigger: a row of the log that is written again replaces the one that was there.';
REVOKE ALL ON FUNCTION replace_logged() FROM PUBLIC;
CREATE TRIGGER replace BEFORE INSERT ON definition_log
FOR EACH ROW EXECUTE FUNCTION replace_logged();

CREATE FUNCTION keep_definitions(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER changed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
		FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.definition_changed()', relation);
	EXECUTE format('CREATE TRIGGER logged AFTER INSERT OR UPDATE OR DELETE ON %s
		FOR EACH ROW EXECUTE FUNCTION @extschema@.log_definition()', relation);
	EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
	PERFORM pg_extension_config_dump(relation, '');
END;
$$;
COMMENT ON FUNCTION keep_definitions(regclass) IS
'Makes a table of persona a table of definitions: logged, watched, closed by row and dumped.';
REVOKE ALL ON FUNCTION keep_definitions(regclass) FROM PUBLIC;

CREATE FUNCTION keep_names(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ADD CHECK (%I ~ ''^[a-z][a-z0-9_]{0,39}([.][a-z][a-z0-9_]{0,39})*$'')', relation,
		(SELECT c.relname FROM pg_class c WHERE c.oid = relation));
END;
$$;
COMMENT ON FUNCTION keep_names(regclass) IS
'Lets a table of definitions, whose names are in the column called as the table, have no name that its define_*() would refuse: a direct INSERT gets no other in.';
REVOKE ALL ON FUNCTION keep_names(regclass) FROM PUBLIC;

CREATE FUNCTION forget_space() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	definitions regclass;
BEGIN
	FOR definitions IN
		SELECT t FROM pg_extension e, unnest(e.extconfig) t
		WHERE e.extname = 'persona' AND t NOT IN ('@extschema@.space'::regclass, '@extschema@.definition_log'::regclass)
	LOOP
		EXECUTE format('DELETE FROM %s WHERE space = $1', definitions) USING OLD.space;
	END LOOP;
	RETURN OLD;
END;
$$;
COMMENT ON FUNCTION forget_space() IS
'Trigger: a space that is dropped takes all its definitions along.';
REVOKE ALL ON FUNCTION forget_space() FROM PUBLIC;
/* Before, for without its space a definition is hidden from its owner. */
CREATE TRIGGER forget BEFORE DELETE ON space
FOR EACH ROW EXECUTE FUNCTION forget_space();

SELECT keep_definitions(t) FROM unnest(ARRAY['space', 'event', 'facet', 'attribute', 'channel', 'purpose', 'segment']::regclass[]) t;
SELECT keep_names(t) FROM unnest(ARRAY['event', 'facet', 'channel', 'purpose', 'segment']::regclass[]) t;
SELECT pg_extension_config_dump('definition_log', '');

CREATE TRIGGER columns BEFORE INSERT OR UPDATE ON space FOR EACH ROW EXECUTE FUNCTION note_columns();
CREATE TRIGGER columns BEFORE INSERT OR UPDATE ON event FOR EACH ROW EXECUTE FUNCTION note_columns();
CREATE TRIGGER columns BEFORE INSERT OR UPDATE ON facet FOR EACH ROW EXECUTE FUNCTION note_columns();

CREATE FUNCTION keep_space_name() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NEW.space <> OLD.space THEN
		RAISE feature_not_supported USING
			MESSAGE = format('space "%s" cannot be renamed', OLD.space),
			HINT = 'Its schema and its state are called after it: define another space.';
	END IF;
	RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_space_name() IS
'Trigger: a space keeps its name, by which it has its schema; under another it would be given a schema that is somebody else''s.';
REVOKE ALL ON FUNCTION keep_space_name() FROM PUBLIC;
CREATE TRIGGER kept BEFORE UPDATE OF space ON space FOR EACH ROW EXECUTE FUNCTION keep_space_name();

CREATE POLICY owner ON space
USING (pg_catalog.pg_has_role((SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) subjects), 'MEMBER'));
CREATE POLICY owner ON event
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) event.space));
CREATE POLICY owner ON facet
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) facet.space));
CREATE POLICY owner ON attribute
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) attribute.space));
CREATE POLICY owner ON channel
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) channel.space));
CREATE POLICY owner ON purpose
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) purpose.space));
CREATE POLICY owner ON segment
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) segment.space));
ALTER TABLE definition_log ENABLE ROW LEVEL SECURITY;
/* To be read: only log_definition() writes to it. */
CREATE POLICY owner ON definition_log FOR SELECT
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) definition_log.space));

/* Which space is meant, and which subject */

CREATE FUNCTION resolve_space(space text) RETURNS space
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	meant text := coalesce(resolve_space.space, nullif(current_setting('persona.space', true), ''));
	known text[] := ARRAY(SELECT s.space FROM @extschema@.space s ORDER BY 1);
	found_space @extschema@.space;
BEGIN
	IF cardinality(known) = 0 THEN
		RAISE undefined_object USING
			MESSAGE = 'there is no space yet',
			HINT = 'Define one over your table of customers: SELECT * FROM persona.define_space(''shop'', ''customers'').';
	ELSIF meant IS NULL AND cardinality(known) > 1 THEN
		RAISE ambiguous_parameter USING
			MESSAGE = 'which space is meant?',
			DETAIL = format('There are %s: %s.', cardinality(known), array_to_string(known, ', ')),
			HINT = format('Pass space => ''%s'', or SET persona.space = ''%s''.', known[1], known[1]);
	END IF;
	SELECT * INTO found_space FROM @extschema@.space s WHERE s.space = coalesce(meant, known[1]);
	IF NOT FOUND THEN
		RAISE undefined_object USING
			MESSAGE = format('space "%s" does not exist', meant),
			HINT = @extschema@.ask(meant, known, format('There is: %s.', array_to_string(known, ', ')));
	END IF;
	RETURN found_space;
END;
$$;
COMMENT ON FUNCTION resolve_space(text) IS
'The space of that name; for NULL the setting persona.space, else the only space, else an error that lists them (42704, 42P08).';
REVOKE ALL ON FUNCTION resolve_space(text) FROM PUBLIC;

CREATE FUNCTION subject_key(space space, subject text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	key text;
BEGIN
	IF subject IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'the subject is NULL',
			HINT = format('Pass a value of column "%s" of %s.', space.key, space.subjects);
	END IF;
	EXECUTE format('SELECT CAST($1 AS %s)::text', space.key_type) INTO key USING subject;
	RETURN key;
EXCEPTION
	WHEN data_exception THEN
		IF SQLSTATE = '22004' THEN
			RAISE;
		END IF;
		RAISE invalid_text_representation USING
			MESSAGE = format('the subject is not a key of %s', space.subjects),
			DETAIL = format('Its key "%s" is of type %s.', space.key, space.key_type),
			HINT = format('Pass a value of column "%s", such as %s.', space.key,
				CASE space.key_type WHEN 'uuid' THEN '''018f2b5e-0000-7000-8000-000000000042''' ELSE '42 or ''42''' END);
END;
$$;
COMMENT ON FUNCTION subject_key(space, text) IS
'The subject''s key in its canonical text; a text that is not a K is refused, naming the key column and its type (22P02).';
REVOKE ALL ON FUNCTION subject_key(space, text) FROM PUBLIC;

/*
 * State tables belong to the owner of the space, with whatever triggers and
 * views that owner has made: what reaches them is executed as the owner.
 */
CREATE FUNCTION read_as_owner(shape anyelement, space text, statement text, VARIADIC args "any") RETURNS SETOF anyelement
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_as_owner';
COMMENT ON FUNCTION read_as_owner(anyelement, text, text, "any") IS
'The rows, of the shape''s type, of a statement that only reads, executed as the owner of the space and with settings pinned; args are its $1 and so on, 12 at most. For members of the owner (42501).';
REVOKE ALL ON FUNCTION read_as_owner(anyelement, text, text, "any") FROM PUBLIC;

CREATE FUNCTION change_as_owner(shape anyelement, space text, statement text, VARIADIC args "any") RETURNS SETOF anyelement
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_as_owner';
COMMENT ON FUNCTION change_as_owner(anyelement, text, text, "any") IS
'The same for a statement that writes or locks; without RETURNING it has no rows.';
REVOKE ALL ON FUNCTION change_as_owner(anyelement, text, text, "any") FROM PUBLIC;

CREATE FUNCTION subject_must_exist(space space, key text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	there boolean := @extschema@.read_as_owner(NULL::boolean, space.space,
		format('SELECT EXISTS (SELECT FROM %s s WHERE s.%I = $1::%s)', space.subjects, space.key, space.key_type), key);
BEGIN
	IF NOT there THEN
		RAISE no_data_found USING
			MESSAGE = format('%s has no such subject', space.subjects),
			HINT = format('Nothing was recorded. Insert the customer first, or look up column "%s" again.', space.key);
	END IF;
END;
$$;
COMMENT ON FUNCTION subject_must_exist(space, text) IS
'Raises an error unless the subject table has that key (P0002).';
REVOKE ALL ON FUNCTION subject_must_exist(space, text) FROM PUBLIC;

CREATE FUNCTION columns_of(relation regclass) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
	WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
END;
COMMENT ON FUNCTION columns_of(regclass) IS 'The columns of a table or view, in their order.';
REVOKE ALL ON FUNCTION columns_of(regclass) FROM PUBLIC;

CREATE FUNCTION refuse_column(relation regclass, missing text, known text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE undefined_column USING
		MESSAGE = format('%s has no column "%s"', relation, missing),
		HINT = @extschema@.ask(missing, known, format('Its columns are: %s.', array_to_string(known, ', ')));
END;
$$;
COMMENT ON FUNCTION refuse_column(regclass, text, text[]) IS
'Raises the error about a column that is not there, with the nearest name (42703).';
REVOKE ALL ON FUNCTION refuse_column(regclass, text, text[]) FROM PUBLIC;
