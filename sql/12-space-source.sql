/* space: what the company has: events and facets */

/* Events */

CREATE FUNCTION check_source(space space, other text, name text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM @extschema@.facet f WHERE other = 'facet' AND f.space = check_source.space.space AND f.facet = name)
		OR EXISTS (SELECT FROM @extschema@.event e WHERE other = 'event' AND e.space = check_source.space.space AND e.event = name) THEN
		RAISE duplicate_object USING
			MESSAGE = format('"%s" is already the name of %s %s', name, CASE other WHEN 'event' THEN 'an' ELSE 'a' END, other),
			HINT = format('In a rule one name means one source. Choose another, or SELECT persona.drop_definition(%L, %L).', other, name);
	END IF;
END;
$$;
COMMENT ON FUNCTION check_source(space, text, text) IS
'Raises an error where the name is that of an event or facet (other says which) already: the sources of a space share their names (42710).';
REVOKE ALL ON FUNCTION check_source(space, text, text) FROM PUBLIC;

CREATE FUNCTION check_readable(space space, relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner oid := @extschema@.space_owner(space.subjects);
BEGIN
	PERFORM @extschema@.check_permanent(relation);
	IF NOT has_table_privilege(owner, relation, 'SELECT') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('%s, who owns space "%s", may not read %s', owner::regrole, space.space, relation),
			HINT = format('GRANT SELECT ON %s TO %s.', relation, owner::regrole);
	END IF;
END;
$$;
COMMENT ON FUNCTION check_readable(space, regclass) IS
'Raises an error unless the table is there to stay and the owner of the space may read it (42809, 42501).';
REVOKE ALL ON FUNCTION check_readable(space, regclass) FROM PUBLIC;

CREATE FUNCTION base_type(relation regclass, col text) RETURNS oid
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce(nullif(t.typbasetype, 0), t.oid)
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = relation AND a.attname = col AND a.attnum > 0 AND NOT a.attisdropped;
END;
COMMENT ON FUNCTION base_type(regclass, text) IS
'The type of a column, of a domain the type under it; NULL where there is no such column.';
REVOKE ALL ON FUNCTION base_type(regclass, text) FROM PUBLIC;

CREATE FUNCTION comparable(a oid, b oid) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM pg_operator o
		WHERE o.oprname = '=' AND o.oprnamespace = 'pg_catalog'::regnamespace
			AND o.oprleft IN (a, CASE WHEN a = 'varchar'::regtype THEN 'text'::regtype END)
			AND o.oprright IN (b, CASE WHEN b = 'varchar'::regtype THEN 'text'::regtype END));
END;
COMMENT ON FUNCTION comparable(oid, oid) IS
'Whether PostgreSQL itself can say that a value of the one type equals one of the other.';
REVOKE ALL ON FUNCTION comparable(oid, oid) FROM PUBLIC;

CREATE FUNCTION event_subject(space space, relation regclass, subject text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text[] := @extschema@.columns_of(relation);
	foreign_keys text[] := ARRAY(SELECT a.attname FROM pg_constraint c
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.conrelid = relation AND c.confrelid = space.subjects AND c.contype = 'f' AND cardinality(c.conkey) = 1);
	type oid;
BEGIN
	IF subject IS NULL AND cardinality(foreign_keys) <> 1 THEN
		RAISE invalid_table_definition USING
			MESSAGE = format('%s has %s foreign keys to %s', relation, cardinality(foreign_keys), space.subjects),
			HINT = format('Name the column that holds the customer: define_event(..., subject => ''%s'').',
				coalesce(foreign_keys[1], (SELECT attname FROM pg_attribute
					WHERE attrelid = relation AND attnum > 0 AND atttypid = space.key_type::regtype
						AND attname <> ALL (@extschema@.event_id(relation, NULL)) ORDER BY attnum LIMIT 1), columns[1]));
	END IF;
	subject := coalesce(subject, foreign_keys[1]);
	type := @extschema@.base_type(relation, subject);
	IF type IS NULL THEN
		PERFORM @extschema@.refuse_column(relation, subject, columns);
	ELSIF NOT @extschema@.comparable(type, space.key_type::regtype) THEN
		RAISE datatype_mismatch USING
			MESSAGE = format('column "%s" of %s is of type %s, but the key of %s is of type %s',
				subject, relation, type::regtype, space.subjects, space.key_type),
			HINT = 'Name the column that holds the customer''s key, or change its type.';
	END IF;
	RETURN subject;
END;
$$;
COMMENT ON FUNCTION event_subject(space, regclass, text) IS
'The column of an event table that holds the subject''s key: the only foreign key to the subject table unless named, of a type that compares with K.';
REVOKE ALL ON FUNCTION event_subject(space, regclass, text) FROM PUBLIC;

CREATE FUNCTION event_time(relation regclass, at text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	times text[] := ARRAY(SELECT a.attname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
			AND coalesce(nullif(t.typbasetype, 0), t.oid) IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
		ORDER BY attnum);
BEGIN
	IF at IS NULL AND cardinality(times) > 1 THEN
		RAISE ambiguous_column USING
			MESSAGE = format('%s has several columns with a time: %s', relation, array_to_string(times, ', ')),
			HINT = format('Name the one that says when it happened: define_event(..., at => ''%s'').', times[1]);
	ELSIF at IS NOT NULL AND at <> ALL (times) THEN
		RAISE undefined_column USING
			MESSAGE = format('%s has no column "%s" of type timestamptz, timestamp or date', relation, at),
			HINT = @extschema@.ask(at, times, 'Leave "at" out if its rows have no time.');
	END IF;
	RETURN coalesce(at, times[1]);
END;
$$;
COMMENT ON FUNCTION event_time(regclass, text) IS
'The column of an event table that says when it happened: the only one with a time unless named; NULL where there is none.';
REVOKE ALL ON FUNCTION event_time(regclass, text) FROM PUBLIC;

CREATE FUNCTION event_id(relation regclass, id text) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text[] := @extschema@.columns_of(relation);
	keys text[] := ARRAY(SELECT trim(k) FROM unnest(string_to_array(id, ',')) k);
	missing text := (SELECT k FROM unnest(keys) k WHERE k <> ALL (columns) LIMIT 1);
BEGIN
	IF missing IS NOT NULL THEN
		PERFORM @extschema@.refuse_column(relation, missing, columns);
	ELSIF id IS NULL THEN
		keys := ARRAY(SELECT a.attname FROM pg_index i
			CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(attnum, ord)
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
			WHERE i.indrelid = relation AND i.indisprimary ORDER BY k.ord);
	END IF;
	RETURN keys;
END;
$$;
COMMENT ON FUNCTION event_id(regclass, text) IS
'The columns that identify a row of an event table: its primary key unless named, separated by commas; empty where there is none.';
REVOKE ALL ON FUNCTION event_id(regclass, text) FROM PUBLIC;

CREATE FUNCTION event_fires(relation regclass, fires text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	said text := (SELECT string_agg(trim(f), ',' ORDER BY trim(f)) FROM unnest(string_to_array(fires, ',')) f);
BEGIN
	IF coalesce(said, '') NOT IN ('insert', 'update', 'insert,update', 'poll', 'never') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('an event cannot fire on %s', quote_nullable(fires)),
			HINT = 'It fires on ''insert'', ''update'', ''insert,update'', by ''poll'', or ''never'' where only rules look at it.';
	ELSIF said NOT IN ('poll', 'never') AND (SELECT c.relkind FROM pg_class c WHERE c.oid = relation) NOT IN ('r', 'p') THEN
		RAISE wrong_object_type USING
			MESSAGE = format('%s is not a table, so no trigger can fire on it', relation),
			HINT = 'Pass fires => ''poll'' to have run() read it, ''never'' to use it in rules only.';
	END IF;
	RETURN said;
END;
$$;
COMMENT ON FUNCTION event_fires(regclass, text) IS
'What makes a row of a relation an event, in its canonical form: insert, update, insert,update by a trigger, which only a table has, poll, or never (22023, 42809).';
REVOKE ALL ON FUNCTION event_fires(regclass, text) FROM PUBLIC;

CREATE FUNCTION define_event(event text, relation regclass, subject text DEFAULT NULL, at text DEFAULT NULL,
	id text DEFAULT NULL, fires text DEFAULT 'insert', space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	made @extschema@.event;
	time_type regtype;
BEGIN
	PERFORM @extschema@.check_name('event', event);
	PERFORM @extschema@.check_source(home, 'facet', event);
	IF relation IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = format('event "%s" needs a table', event);
	END IF;
	fires := @extschema@.event_fires(relation, fires);
	PERFORM @extschema@.check_readable(home, relation);
	INSERT INTO @extschema@.event
	VALUES (home.space, event, relation, @extschema@.event_subject(home, relation, subject),
		@extschema@.event_time(relation, at), @extschema@.event_id(relation, id), fires)
	ON CONFLICT ON CONSTRAINT event_pkey DO UPDATE
	SET (relation, subject, at, id, fires) = (excluded.relation, excluded.subject, excluded.at, excluded.id, excluded.fires)
	RETURNING * INTO made;
	time_type := @extschema@.base_type(relation, made.at);
	IF made.at IS NULL AND fires = 'poll' THEN
		RAISE invalid_table_definition USING
			MESSAGE = format('%s has no column with a time, so it cannot be polled', relation),
			HINT = 'Without one run() could not tell a new row from an old one. Pass at => ''column'', or fires => ''insert''.';
	ELSIF made.at IS NULL THEN
		RETURN NEXT ('info', 'event_without_time', event,
			format('%s has no column with a time, so rules cannot ask when it happened', relation),
			'Pass at => ''column'' if it has one.')::@extschema@.finding;
	ELSIF time_type <> 'timestamptz'::regtype THEN
		RETURN NEXT ('warn', 'time_without_zone', event,
			format('%s.%s is a %s and is read as UTC', relation, made.at, time_type),
			'Make it timestamptz if its times are local.')::@extschema@.finding;
	END IF;
	IF fires LIKE '%update' AND made.at IS NOT NULL THEN
		RETURN NEXT ('info', 'update_time', event,
			format('an update of %s counts as of its %s: one of a row whose %s lies long back is too late to be told of', relation, made.at, made.at),
			'Pass at => a column that the update sets, such as updated_at.')::@extschema@.finding;
	END IF;
	IF cardinality(made.id) = 0 AND fires <> 'never' THEN
		RETURN NEXT ('warn', 'event_without_key', event,
			format('nothing identifies a row of %s, so no moment can start on it', relation),
			'Give it a primary key, or pass id => ''column, ...''.')::@extschema@.finding;
	END IF;
	IF NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			WHERE i.indrelid = relation AND a.attname = made.subject)
		AND (SELECT relkind FROM pg_class WHERE oid = relation) IN ('r', 'p') THEN
		RETURN NEXT ('warn', 'event_without_index', event,
			format('%s has no index that begins with %s: every look at one customer''s history reads the whole table', relation, made.subject),
			format('CREATE INDEX ON %s (%s);', relation, concat_ws(', ', quote_ident(made.subject), quote_ident(made.at))))::@extschema@.finding;
	END IF;
END;
$$;
COMMENT ON FUNCTION define_event(text, regclass, text, text, text, text, text) IS
'Binds a table with many rows a subject. Its subject column comes from the foreign key, its time from the only column with one, its identity from the primary key, unless named. fires: insert, update (of a row that changed) or insert,update (a statement trigger, present while a live moment needs it), poll (run() reads what is new by its time: for views, foreign tables and replicas) or never.';
REVOKE ALL ON FUNCTION define_event(text, regclass, text, text, text, text, text) FROM PUBLIC;

/* Facets */

CREATE FUNCTION facet_parent(space space, facet text, via text, OUT parent text, OUT relation regclass, OUT col text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	path text[] := string_to_array(via, '.');
	step text;
BEGIN
	col := path[cardinality(path)];
	parent := path[1];
	IF cardinality(path) > 2 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a facet cannot be reached via %L', via),
			HINT = 'Write a column of the subject table, event.column or facet.column.';
	ELSIF cardinality(path) = 1 THEN
		parent := NULL;
		relation := space.subjects;
	ELSE
		SELECT s.relation INTO relation FROM (
			SELECT e.event AS name, e.relation FROM @extschema@.event e WHERE e.space = facet_parent.space.space
			UNION ALL SELECT f.facet, f.relation FROM @extschema@.facet f WHERE f.space = facet_parent.space.space) s
		WHERE s.name = facet_parent.parent;
	END IF;
	IF relation IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('"%s" is neither an event nor a facet of space "%s"', parent, space.space),
			HINT = @extschema@.ask(parent, ARRAY(SELECT e.event FROM @extschema@.event e WHERE e.space = facet_parent.space.space
				UNION ALL SELECT f.facet FROM @extschema@.facet f WHERE f.space = facet_parent.space.space),
				'Define it first.');
	ELSIF col <> ALL (@extschema@.columns_of(relation)) THEN
		PERFORM @extschema@.refuse_column(relation, col, @extschema@.columns_of(relation));
	END IF;
	step := parent;
	WHILE step IS NOT NULL LOOP
		IF step = facet THEN
			RAISE invalid_object_definition USING
				MESSAGE = format('facet "%s" would hang off itself, via "%s"', facet, via),
				HINT = 'Reach one of the facets from the subject or from an event.';
		END IF;
		step := (SELECT f.parent FROM @extschema@.facet f WHERE f.space = facet_parent.space.space AND f.facet = step);
	END LOOP;
END;
$$;
COMMENT ON FUNCTION facet_parent(space, text, text) IS
'What a facet hangs off: the parent (NULL: the subject), its table, and its column that points to the facet. A chain that comes back to the facet is refused (42P17).';
REVOKE ALL ON FUNCTION facet_parent(space, text, text) FROM PUBLIC;

CREATE FUNCTION foreign_key(from_relation regclass, from_column text, to_relation regclass, OUT pointing text, OUT pointed text, OUT n int)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT min(a.attname), min(b.attname), count(*)::int
	FROM pg_constraint c
	JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
	JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
	WHERE c.contype = 'f' AND c.conrelid = from_relation AND c.confrelid = to_relation
		AND cardinality(c.conkey) = 1 AND (from_column IS NULL OR a.attname = from_column);
END;
COMMENT ON FUNCTION foreign_key(regclass, text, regclass) IS
'The foreign keys of one column from a table, or its column, to another table: the columns of the first, and how many there are.';
REVOKE ALL ON FUNCTION foreign_key(regclass, text, regclass) FROM PUBLIC;

CREATE FUNCTION facet_ends(space space, facet text, relation regclass, INOUT key text, INOUT via text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text[] := @extschema@.columns_of(relation);
	primary_key text[] := @extschema@.event_id(relation, NULL);
	link record;
	reached record;
BEGIN
	IF key IS NOT NULL AND key <> ALL (columns) THEN
		PERFORM @extschema@.refuse_column(relation, key, columns);
	END IF;
	IF via IS NULL THEN
		/* One row a subject points at it; of look-ups the subject points at them. */
		SELECT * INTO link FROM @extschema@.foreign_key(relation, key, space.subjects);
		IF link.n = 1 THEN
			key := link.pointing;
			via := link.pointed;
		ELSE
			SELECT * INTO link FROM @extschema@.foreign_key(space.subjects, NULL, relation);
			IF link.n > 1 THEN
				RAISE invalid_table_definition USING
					MESSAGE = format('%s has %s foreign keys to %s', space.subjects, link.n, relation),
					HINT = format('Name the column that points to it: define_facet(..., via => ''%s'').', link.pointing);
			ELSIF link.n = 1 AND (key IS NULL OR key = link.pointed) THEN
				key := link.pointed;
				via := link.pointing;
			END IF;
		END IF;
		via := coalesce(via, space.key);
	ELSIF key IS NULL THEN
		reached := @extschema@.facet_parent(space, facet, via);
		SELECT pointed INTO key FROM @extschema@.foreign_key(reached.relation, reached.col, relation);
	END IF;
	IF key IS NULL AND cardinality(primary_key) <> 1 THEN
		RAISE invalid_table_definition USING
			MESSAGE = format('%s has no primary key of one column', relation),
			HINT = format('Name the column that is pointed to: define_facet(..., key => ''%s'').', columns[1]);
	END IF;
	key := coalesce(key, primary_key[1]);
END;
$$;
COMMENT ON FUNCTION facet_ends(space, text, regclass, text, text) IS
'Both ends of the way to a facet, its key and the parent''s column via, where they are not named: by the foreign keys, else by the primary keys.';
REVOKE ALL ON FUNCTION facet_ends(space, text, regclass, text, text) FROM PUBLIC;

CREATE FUNCTION define_facet(facet text, relation regclass, key text DEFAULT NULL, via text DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	ends record;
	reached record;
	is_table boolean := (SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = relation);
BEGIN
	PERFORM @extschema@.check_name('facet', facet);
	PERFORM @extschema@.check_source(home, 'event', facet);
	IF relation IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = format('facet "%s" needs a table', facet);
	END IF;
	PERFORM @extschema@.check_readable(home, relation);
	ends := @extschema@.facet_ends(home, facet, relation, key, via);
	reached := @extschema@.facet_parent(home, facet, ends.via);
	IF NOT @extschema@.comparable(@extschema@.base_type(relation, ends.key), @extschema@.base_type(reached.relation, reached.col)) THEN
		RAISE datatype_mismatch USING
			MESSAGE = format('column "%s" of %s is of type %s, but "%s", by which it is reached, of type %s', ends.key, relation,
				@extschema@.base_type(relation, ends.key)::regtype, ends.via, @extschema@.base_type(reached.relation, reached.col)::regtype),
			HINT = 'Name the columns that belong together: define_facet(..., key => ''column'', via => ''column'').';
	ELSIF is_table AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indnkeyatts = 1 AND a.attname = ends.key) THEN
		RAISE invalid_table_definition USING
			MESSAGE = format('column "%s" of %s is not unique, so one row could not be told from another', ends.key, relation),
			HINT = format('If a customer has many rows it is an event: define_event(''%s'', %L). Else: ALTER TABLE %s ADD UNIQUE (%I).',
				facet, relation, relation, ends.key);
	END IF;
	INSERT INTO @extschema@.facet VALUES (home.space, facet, relation, ends.key, reached.parent, reached.col)
	ON CONFLICT ON CONSTRAINT facet_pkey DO UPDATE
	SET (relation, key, parent, via) = (excluded.relation, excluded.key, excluded.parent, excluded.via);
	IF NOT is_table THEN
		RETURN NEXT ('warn', 'facet_without_key', facet,
			format('nothing keeps %s from having several rows with one "%s"; of such a rule sees any one', relation, ends.key),
			'Point the facet to a table with a unique index where there is one.')::@extschema@.finding;
	END IF;
END;
$$;
COMMENT ON FUNCTION define_facet(text, regclass, text, text, text) IS
'Binds a table with at most one row a subject, or a look-up, whose columns rules read as facet.column. via is the column that points to it: of the subject table, or event.column, facet.column; key the unique column it points to. Both come from foreign keys, else primary keys, unless named.';
REVOKE ALL ON FUNCTION define_facet(text, regclass, text, text, text) FROM PUBLIC;
