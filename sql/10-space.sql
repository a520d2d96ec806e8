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

/* Spaces */

CREATE FUNCTION create_state(space space, key_collation text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ddl text := $ddl$
	CREATE TABLE %1$I.anchor (
		subject %2$s NOT NULL,
		born_at timestamptz NOT NULL,
		PRIMARY KEY (subject)
	);
	COMMENT ON TABLE %1$I.anchor IS 'One row a subject: the lock under which everything about that subject is decided and handed over.';

	CREATE TABLE %1$I.consent (
		subject %2$s NOT NULL,
		seq int NOT NULL,
		ledger uuid NOT NULL,
		purpose text,
		channel text,
		decision text NOT NULL CHECK (decision IN ('request', 'grant', 'confirm', 'withdraw')),
		basis text,
		source text NOT NULL,
		evidence jsonb,
		at timestamptz NOT NULL,
		recorded_at timestamptz NOT NULL,
		recorded_by text NOT NULL,
		expires_at timestamptz,
		chain bytea NOT NULL,
		PRIMARY KEY (subject, seq)
	);
	CREATE INDEX ON %1$I.consent (ledger);
	COMMENT ON TABLE %1$I.consent IS 'The ledger: every yes and no, appended, numbered and chained by subject. What is inserted needs subject, decision and source; persona adds the rest.';

	CREATE TABLE %1$I.consent_current (
		subject %2$s NOT NULL,
		purpose text NOT NULL,
		channel text NOT NULL,
		decision text NOT NULL,
		at timestamptz NOT NULL,
		expires_at timestamptz,
		ledger uuid NOT NULL,
		PRIMARY KEY (subject, purpose, channel)
	);
	COMMENT ON TABLE %1$I.consent_current IS 'The ledger folded: the latest statement a subject, purpose and channel; '''' stands for every one.';

	CREATE TABLE %1$I.preference (
		subject %2$s NOT NULL,
		category text NOT NULL,
		allowed boolean NOT NULL,
		at timestamptz NOT NULL,
		PRIMARY KEY (subject, category)
	);
	COMMENT ON TABLE %1$I.preference IS 'A subject''s yes or no to the use of a data category.';

	CREATE TABLE %1$I.suppression (
		subject %2$s NOT NULL,
		channel text NOT NULL,
		reason text NOT NULL,
		at timestamptz NOT NULL,
		PRIMARY KEY (subject, channel)
	);
	COMMENT ON TABLE %1$I.suppression IS 'Subjects who get nothing on a channel; '''' stands for every one.';

	CREATE TABLE %1$I.inbox (
		subject %2$s,
		event text NOT NULL,
		event_key text[] NOT NULL,
		at timestamptz,
		seen_at timestamptz NOT NULL
	) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
	COMMENT ON TABLE %1$I.inbox IS 'Events as the triggers saw them, or catch_up() found them, until run() takes them.';

	CREATE TABLE %1$I.rehearsal (LIKE %1$I.inbox);
	CREATE INDEX ON %1$I.rehearsal (subject);
	COMMENT ON TABLE %1$I.rehearsal IS 'The inbox of rehearsals, of which nobody else ever sees a row.';

	CREATE TABLE %1$I.seen (
		subject %2$s NOT NULL,
		event text NOT NULL,
		event_key text[] NOT NULL,
		at timestamptz NOT NULL
	) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
	COMMENT ON TABLE %1$I.seen IS 'Events that were taken from the inbox, for as long as catch_up() looks back.';

	CREATE TABLE %1$I.progress (
		step text NOT NULL CHECK (step IN ('run', 'poll', 'catch_up')),
		event text NOT NULL,
		at timestamptz NOT NULL,
		found bigint NOT NULL,
		found_at timestamptz,
		PRIMARY KEY (step, event)
	) WITH (fillfactor = 50);
	COMMENT ON TABLE %1$I.progress IS 'When run() was last called (event is ''''), an event source polled and caught up with; and how many events only that found, and when last.';

	CREATE TABLE %1$I.calendar (
		moment text PRIMARY KEY,
		until timestamptz NOT NULL
	);
	COMMENT ON TABLE %1$I.calendar IS 'Up to when the calendar of a moment with a schedule was kept.';

	CREATE TABLE %1$I.schedule (
		subject %2$s NOT NULL,
		decision uuid NOT NULL,
		moment text NOT NULL,
		due timestamptz NOT NULL,
		first_due timestamptz NOT NULL,
		started_at timestamptz NOT NULL,
		counts_from timestamptz NOT NULL,
		event text,
		event_key text[],
		once_key text NOT NULL,
		step int NOT NULL,
		PRIMARY KEY (subject, decision)
	) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
	CREATE INDEX ON %1$I.schedule (moment, due);
	COMMENT ON TABLE %1$I.schedule IS 'What is to be decided, and when; the delay counts from the last event where later ones restart it.';

	CREATE TABLE %1$I.decision (
		subject %2$s NOT NULL,
		decision uuid NOT NULL,
		started_at timestamptz NOT NULL,
		moment text NOT NULL,
		moment_version int NOT NULL,
		experiment text NOT NULL,
		variant text,
		channel text,
		purpose text,
		at timestamptz NOT NULL,
		due timestamptz NOT NULL,
		outcome text NOT NULL CHECK (outcome IN ('send', 'holdout', 'skip')),
		reason text,
		fallback boolean NOT NULL,
		transactional boolean NOT NULL,
		event text,
		event_key text[],
		once_key text NOT NULL,
		step int NOT NULL,
		gates json NOT NULL,
		told text[],
		items bytea,
		PRIMARY KEY (subject, decision, started_at)
	) PARTITION BY RANGE (started_at);
	CREATE INDEX ON %1$I.decision (decision);
	CREATE INDEX ON %1$I.decision (moment, at);
	COMMENT ON TABLE %1$I.decision IS 'What was decided, why, and what every gate saw; told: which attributes, and items: keyed hashes of which values, the customer was shown or would have been; a partition a month of the event''s time.';

	CREATE TABLE %1$I.message (
		subject %2$s NOT NULL,
		message uuid NOT NULL,
		decision uuid NOT NULL,
		moment text NOT NULL,
		variant text NOT NULL,
		channel text NOT NULL,
		purpose text NOT NULL,
		transactional boolean NOT NULL,
		categories text[] NOT NULL,
		address text,
		subject_line text,
		body text,
		headers jsonb,
		state text NOT NULL CHECK (state IN ('ready', 'claimed', 'sent', 'cancelled', 'dead', 'unconfirmed')),
		reason text,
		attempt int NOT NULL,
		created_at timestamptz NOT NULL,
		ready_at timestamptz NOT NULL,
		claimed_at timestamptz,
		leased_until timestamptz,
		expires_at timestamptz,
		sent_at timestamptz,
		done_at timestamptz,
		provider_id text,
		PRIMARY KEY (subject, message)
	) WITH (fillfactor = 50); /* a batch that is claimed stays on its pages, and its indexes as they are */
	CREATE INDEX ON %1$I.message (message);
	CREATE INDEX ON %1$I.message (channel, ready_at, message) WHERE done_at IS NULL;
	CREATE INDEX ON %1$I.message USING brin (done_at);
	/* What came to nothing: few, and asked for with every decision. */
	CREATE INDEX ON %1$I.message (subject, message) WHERE done_at IS NOT NULL AND sent_at IS NULL;
	COMMENT ON TABLE %1$I.message IS 'The outbox: rendered messages, claimed and acknowledged by senders; blanked when acknowledged.';

	CREATE TABLE %1$I.feedback (
		subject %2$s NOT NULL,
		feedback uuid NOT NULL,
		message uuid NOT NULL,
		moment text NOT NULL,
		variant text NOT NULL,
		channel text NOT NULL,
		purpose text NOT NULL,
		what text NOT NULL,
		at timestamptz NOT NULL,
		detail jsonb,
		PRIMARY KEY (subject, feedback)
	);
	CREATE INDEX ON %1$I.feedback USING brin (at);
	COMMENT ON TABLE %1$I.feedback IS 'What became of messages: delivered, opened, clicked, bounced, complained and whatever else a sender reports.';

	CREATE TABLE %1$I.contact (
		subject %2$s NOT NULL,
		decision uuid NOT NULL,
		address bigint NOT NULL,
		at timestamptz NOT NULL,
		PRIMARY KEY (subject, decision)
	);
	CREATE INDEX ON %1$I.contact (address, at);
	COMMENT ON TABLE %1$I.contact IS 'The addresses, as hashes, to which decisions sent or would have sent, for caps that count by address; kept as long as one of these looks back.';

	CREATE TABLE %1$I.exposure (
		subject %2$s NOT NULL,
		experiment text NOT NULL,
		variant text NOT NULL,
		at timestamptz NOT NULL,
		decision uuid,
		unit text,
		PRIMARY KEY (subject, experiment, variant)
	);
	CREATE INDEX ON %1$I.exposure (experiment);
	CREATE INDEX ON %1$I.exposure (unit, experiment) WHERE unit IS NOT NULL;
	COMMENT ON TABLE %1$I.exposure IS 'When a subject was first exposed to a variant of an experiment, the holdout included; by a decision, or (NULL) by expose(); unit: what the experiment spreads in the subject''s place, as it was then.';

	CREATE TABLE %1$I.test_subject (
		subject %2$s NOT NULL,
		at timestamptz NOT NULL,
		PRIMARY KEY (subject)
	);
	COMMENT ON TABLE %1$I.test_subject IS 'Who is marked by mark_test(), since when: they get their messages and enter no results.';

	CREATE TABLE %1$I.conclusion (
		experiment text NOT NULL,
		goal text NOT NULL,
		variant text NOT NULL,
		control text NOT NULL,
		since timestamptz NOT NULL,
		verdict text NOT NULL,
		message text NOT NULL,
		lo float8 NOT NULL,
		at timestamptz NOT NULL,
		PRIMARY KEY (experiment, goal, variant, control, since)
	);
	COMMENT ON TABLE %1$I.conclusion IS 'The first verdict of each comparison that said winner or loser, and the bound of its difference next to nothing: later looks do not take it back.';

	CREATE TABLE %1$I.promotion (
		experiment text NOT NULL,
		variant text NOT NULL,
		at timestamptz NOT NULL,
		by_whom text NOT NULL,
		weights jsonb NOT NULL,
		goal text,
		verdict text,
		lo float8,
		review_at timestamptz NOT NULL,
		PRIMARY KEY (experiment, at)
	);
	COMMENT ON TABLE %1$I.promotion IS 'Which variant became the only one, when and by whom, the weights before, what its test had said, and when to look again.';

	CREATE TABLE %1$I.membership (
		subject %2$s NOT NULL,
		segment text NOT NULL,
		entered_at timestamptz NOT NULL,
		left_at timestamptz,
		PRIMARY KEY (subject, segment, entered_at)
	);
	COMMENT ON TABLE %1$I.membership IS 'Who was in which segment, from when to when, as refresh_segments() saw it; left_at is NULL while in.';

	CREATE TABLE %1$I.moment_day (
		moment text NOT NULL,
		day date NOT NULL,
		reason text NOT NULL,
		n bigint NOT NULL
	);
	CREATE INDEX ON %1$I.moment_day (moment, day);
	COMMENT ON TABLE %1$I.moment_day IS 'What was counted before a decision was due, appended a batch at a time: several rows may count the same.';

	CREATE TABLE %1$I.incident (
		at timestamptz NOT NULL,
		place text NOT NULL,
		thing text,
		state text NOT NULL,
		n bigint NOT NULL
	);
	COMMENT ON TABLE %1$I.incident IS 'Errors that persona kept from a customer''s statement or a batch: place and SQLSTATE only, for an error''s text may hold a customer''s data.';
	$ddl$;
BEGIN
	EXECUTE format(ddl, space.schema_name, space.key_type || key_collation);
END;
$$;
COMMENT ON FUNCTION create_state(space, text) IS
'Creates the state tables of a space, with the subject table''s own key type and collation.';
REVOKE ALL ON FUNCTION create_state(space, text) FROM PUBLIC;

CREATE FUNCTION schema_owner(space space) RETURNS oid
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname = (space).schema_name;
END;
COMMENT ON FUNCTION schema_owner(space) IS
'The role that owns a space''s schema; another one than the space''s where its table of subjects has changed hands.';
REVOKE ALL ON FUNCTION schema_owner(space) FROM PUBLIC;

CREATE FUNCTION own_schema(space space, was oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner oid := @extschema@.space_owner(space.subjects);
	relation record;
BEGIN
	IF @extschema@.schema_owner(space) <> owner THEN
		EXECUTE format('ALTER SCHEMA %I OWNER TO %s', space.schema_name, owner::regrole);
	END IF;
	FOR relation IN
		SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
		FROM pg_class c
		WHERE c.relnamespace = to_regnamespace(quote_ident(space.schema_name))
			AND c.relkind IN ('r', 'p', 'v')
			AND c.relowner = was AND was <> owner
	LOOP
		EXECUTE format('ALTER %s %s OWNER TO %s', relation.kind, relation.name, owner::regrole);
	END LOOP;
END;
$$;
COMMENT ON FUNCTION own_schema(space, oid) IS
'Hands a space''s schema, and the tables and views in it that belong to this role, to the owner of the space.';
REVOKE ALL ON FUNCTION own_schema(space, oid) FROM PUBLIC;

CREATE FUNCTION check_permanent(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF (SELECT c.relpersistence FROM pg_class c WHERE c.oid = relation) = 't' THEN
		RAISE wrong_object_type USING
			MESSAGE = format('%s is a temporary table', relation),
			HINT = 'It is gone when this session ends, and no other session sees it. Bind a permanent table or a view.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_permanent(regclass) IS
'Raises an error about a temporary table or view: what is defined outlives the session (42809).';
REVOKE ALL ON FUNCTION check_permanent(regclass) FROM PUBLIC;

CREATE FUNCTION space_key(subjects regclass, key text, OUT key_name text, OUT key_type text, OUT key_collation text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text[] := @extschema@.columns_of(subjects);
	primary_key text[] := ARRAY(SELECT a.attname FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
		WHERE i.indrelid = subjects AND i.indisprimary);
	kind "char" := (SELECT relkind FROM pg_class WHERE oid = subjects);
	base record;
BEGIN
	IF kind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
		RAISE wrong_object_type USING MESSAGE = format('%s is not a table or view', subjects);
	END IF;
	PERFORM @extschema@.check_permanent(subjects);
	IF key IS NULL AND cardinality(primary_key) <> 1 THEN
		RAISE invalid_table_definition USING
			MESSAGE = format('%s has no primary key of one column', subjects),
			HINT = format('Name the column that identifies a customer: define_space(..., key => ''%s'').', columns[1]);
	END IF;
	key_name := coalesce(key, primary_key[1]);
	SELECT a.attnum, coalesce(nullif(t.typbasetype, 0), t.oid) AS type, a.attcollation, t.typcollation INTO base
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = subjects AND a.attname = key_name AND a.attnum > 0 AND NOT a.attisdropped;
	IF NOT FOUND THEN
		PERFORM @extschema@.refuse_column(subjects, key_name, columns);
	ELSIF base.type NOT IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'text'::regtype, 'varchar'::regtype) THEN
		RAISE datatype_mismatch USING
			MESSAGE = format('the key "%s" of %s is of type %s', key_name, subjects, base.type::regtype),
			HINT = 'A subject''s key is a smallint, int, bigint, uuid, text or varchar.';
	ELSIF kind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_index i
			WHERE i.indrelid = subjects AND i.indisunique AND i.indpred IS NULL
				AND i.indnkeyatts = 1 AND i.indkey[0] = base.attnum) THEN
		RAISE invalid_table_definition USING
			MESSAGE = format('column "%s" of %s is not unique', key_name, subjects),
			HINT = format('Add the constraint first: ALTER TABLE %s ADD UNIQUE (%I).', subjects, key_name);
	END IF;
	key_type := format_type(base.type, NULL);
	key_collation := CASE WHEN base.attcollation <> base.typcollation THEN
		(SELECT format(' COLLATE %I.%I', n.nspname, c.collname) FROM pg_collation c
			JOIN pg_namespace n ON n.oid = c.collnamespace WHERE c.oid = base.attcollation) ELSE '' END;
END;
$$;
COMMENT ON FUNCTION space_key(regclass, text) IS
'The key of a subject table: its primary key unless another column is named, checked to be one unique column of a type a key may have.';
REVOKE ALL ON FUNCTION space_key(regclass, text) FROM PUBLIC;

CREATE FUNCTION define_space(space text, subjects regclass, key text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	owner oid := @extschema@.space_owner(subjects);
	found_key record;
	was @extschema@.space;
	made @extschema@.space;
BEGIN
	PERFORM @extschema@.check_name('space', space);
	IF space = 'house' THEN
		RAISE reserved_name USING
			MESSAGE = 'the space "house" is reserved for what every space inherits',
			HINT = 'Name your space after its customers or its brand, such as "shop".';
	ELSIF subjects IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'the space needs a table of subjects',
			HINT = 'Pass your table of customers: define_space(''shop'', ''customers'').';
	ELSIF NOT pg_has_role(owner, 'MEMBER') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('you must be a member of %s, which owns %s', owner::regrole, subjects);
	ELSIF NOT has_database_privilege(current_database(), 'CREATE') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('you need the right to create schemas in database "%s"', current_database()),
			HINT = format('GRANT CREATE ON DATABASE %I TO %I.', current_database(), current_user);
	END IF;
	SELECT * INTO found_key FROM @extschema@.space_key(subjects, key);
	/* Whoever defines the same space at once waits, and finds it there. */
	PERFORM pg_advisory_xact_lock(hashtext('persona space'), hashtext(space));
	SELECT * INTO was FROM @extschema@.space s WHERE s.space = define_space.space;
	IF was.space IS NOT NULL AND (was.subjects, was.key, was.key_type)
		IS DISTINCT FROM (subjects, found_key.key_name, found_key.key_type) THEN
		RAISE object_in_use USING
			MESSAGE = format('space "%s" is already defined over %s, key "%s" of type %s', space, was.subjects, was.key, was.key_type),
			HINT = 'Give the new population a space of its own, or drop_space() the old one first.';
	ELSIF was.space IS NULL THEN
		made := (space, 'persona_' || space, subjects, found_key.key_name, found_key.key_type, NULL);
		EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %s', made.schema_name, owner::regrole);
		PERFORM @extschema@.create_state(made, found_key.key_collation);
		/* The rooms above add their views by triggers on this table. */
		INSERT INTO @extschema@.space VALUES (made.*);
		PERFORM @extschema@.own_schema(made, current_user::regrole);
	ELSE
		PERFORM @extschema@.own_schema(was, @extschema@.schema_owner(was));
	END IF;
	IF (SELECT rolsuper FROM pg_roles WHERE oid = owner) THEN
		RETURN NEXT ('info', 'owner_superuser', space,
			format('%s belongs to the superuser %s, as whom every rule is evaluated', subjects, owner::regrole),
			format('Give it to an ordinary role, then define the space again: ALTER TABLE %s OWNER TO shop_owner;', subjects))::@extschema@.finding;
	END IF;
END;
$$;
COMMENT ON FUNCTION define_space(text, regclass, text) IS
'Binds a space to its table of subjects, by its primary key or the column named, and creates its schema persona_<space>. Running it again changes nothing, but for the schema''s owner where the table has changed hands. Needs membership of the table''s owner and CREATE on the database.';
REVOKE ALL ON FUNCTION define_space(text, regclass, text) FROM PUBLIC;

CREATE FUNCTION drop_space(space text, force boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	gone @extschema@.space := @extschema@.resolve_space(space);
	holds bigint[];
BEGIN
	/* Somebody may have dropped the schema by hand. */
	IF force IS NOT TRUE AND to_regclass(format('%I.decision', gone.schema_name)) IS NOT NULL THEN
		IF @extschema@.space_owner(gone.subjects) IS NULL THEN
			RAISE object_in_use USING
				MESSAGE = format('the table of subjects of space "%s" is gone, and with it who could be asked what the space holds', gone.space),
				HINT = format('Its consents and decisions are in schema %I. To lose them: drop_space(%L, force => true).', gone.schema_name, gone.space);
		END IF;
		PERFORM @extschema@.own_schema(gone, @extschema@.schema_owner(gone));
		holds := @extschema@.read_as_owner(holds, gone.space,
			format('SELECT ARRAY[(SELECT count(*) FROM %1$I.consent), (SELECT count(*) FROM %1$I.decision)]', gone.schema_name), 0);
	END IF;
	IF holds[1] + holds[2] > 0 THEN
		RAISE object_in_use USING
			MESSAGE = format('space "%s" holds %s consents and %s decisions', gone.space, holds[1], holds[2]),
			HINT = format('They are your proof of what was allowed and sent. To lose them: drop_space(''%s'', force => true).', gone.space);
	END IF;
	DELETE FROM @extschema@.space s WHERE s.space = gone.space;
	IF to_regnamespace(quote_ident(gone.schema_name)) IS NOT NULL THEN
		EXECUTE format('DROP SCHEMA %I CASCADE', gone.schema_name);
	END IF;
END;
$$;
COMMENT ON FUNCTION drop_space(text, boolean) IS
'Removes a space with its definitions, triggers and state; refuses while it holds consents or decisions unless forced (55006).';
REVOKE ALL ON FUNCTION drop_space(text, boolean) FROM PUBLIC;

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

/* Data categories */

CREATE FUNCTION taxonomy() RETURNS TABLE (category text, sensitivity int, special boolean, source text, label text)
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 77
AS 'MODULE_PATHNAME', 'persona_taxonomy';
COMMENT ON FUNCTION taxonomy() IS
'The built-in categories of personal data, named as in the Fides taxonomy: sensitivity 0..100, whether GDPR Art. 9 or 10 speaks of it (then 80 at least), and where the figure is from: survey is (mean - 1) / 3 of Huang et al. 2024 (lsad032), judgement is ours. A category that is not listed is as its nearest ancestor.';

CREATE TABLE category (
	space text,
	category text,
	sensitivity text NOT NULL CHECK (sensitivity IN ('low', 'medium', 'high', 'special')),
	label text,
	description text,
	PRIMARY KEY (space, category)
);
COMMENT ON TABLE category IS
'A company''s own data categories, and its own words for those of taxonomy().';

SELECT keep_definitions('category'), keep_names('category');
CREATE POLICY owner ON category
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) category.space));

CREATE FUNCTION category_of(space text, name text)
RETURNS TABLE (category text, special boolean, label text, description text)
LANGUAGE sql STABLE ROWS 1
BEGIN ATOMIC
	SELECT k.category, k.special,
		CASE WHEN k.category = category_of.name THEN k.label END, CASE WHEN k.category = category_of.name THEN k.description END
	FROM (
		SELECT c.category, c.sensitivity = 'special' AS special, c.label, c.description, true AS own
		FROM @extschema@.category c WHERE c.space = category_of.space
		UNION ALL SELECT t.category, t.special, t.label, NULL, false FROM @extschema@.taxonomy() t
	) k
	WHERE k.category = category_of.name OR starts_with(category_of.name, k.category || '.')
	ORDER BY length(k.category) DESC, k.own DESC
	LIMIT 1;
END;
COMMENT ON FUNCTION category_of(text, text) IS
'What is known of a data category: the company''s own definition before that of taxonomy(), the nearest parent''s where it has none of its own (without its label). special: GDPR Art. 9 and 10.';
REVOKE ALL ON FUNCTION category_of(text, text) FROM PUBLIC;

CREATE FUNCTION lint_category(object text, name text, space text, also text[]) RETURNS SETOF finding
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT 'warn', 'unknown_category', object,
		format('nobody has said what "%s" is', name) || CASE WHEN parent.category IS NOT NULL THEN format(': it counts as "%s"', parent.category) ELSE '' END,
		@extschema@.ask(name, ARRAY(SELECT u FROM unnest(k.known) u WHERE NOT starts_with(name, u)),
			format('SELECT * FROM persona.define_category(%L, ''medium'', ''What a customer would call it'', space => %L);', name, space))
	FROM (SELECT array_agg(t.category) || ARRAY(SELECT c.category FROM @extschema@.category c WHERE c.space = lint_category.space) || also
		FROM @extschema@.taxonomy() t) k(known)
	LEFT JOIN LATERAL @extschema@.category_of(space, name) parent ON true
	WHERE NOT EXISTS (SELECT FROM unnest(k.known) u WHERE u = name OR starts_with(u, name || '.'));
END;
COMMENT ON FUNCTION lint_category(text, text, text, text[]) IS
'A finding about the object where the category it names is none of taxonomy()''s, of the company''s own or of the others given, nor a parent of one: with the nearest name.';
REVOKE ALL ON FUNCTION lint_category(text, text, text, text[]) FROM PUBLIC;

CREATE FUNCTION define_category(category text, sensitivity text, label text DEFAULT NULL, description text DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	parent record;
BEGIN
	PERFORM @extschema@.check_label('category', category);
	IF coalesce(sensitivity, '') NOT IN ('low', 'medium', 'high', 'special') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%s is not a sensitivity', quote_nullable(sensitivity)),
			HINT = @extschema@.ask(sensitivity, '{low,medium,high,special}', 'It is low, medium, high or special.');
	END IF;
	INSERT INTO @extschema@.category VALUES (home.space, category, sensitivity, label, description)
	ON CONFLICT ON CONSTRAINT category_pkey DO UPDATE
	SET (sensitivity, label, description) = (excluded.sensitivity, excluded.label, excluded.description);
	SELECT * INTO parent FROM @extschema@.category_of(home.space, CASE WHEN category LIKE '%.%' THEN regexp_replace(category, '[.][^.]*$', '') END);
	IF parent.special AND sensitivity <> 'special' THEN
		RETURN NEXT ('warn', 'less_than_its_parent', category, format('it is %s although "%s" is special', sensitivity, parent.category),
			'Special categories stay special in every part: GDPR Art. 9.')::@extschema@.finding;
	END IF;
END;
$$;
COMMENT ON FUNCTION define_category(text, text, text, text, text) IS
'A data category of your own, or your own words for a built-in one: dotted name, sensitivity (low, medium, high, special), and what a preference page calls it.';
REVOKE ALL ON FUNCTION define_category(text, text, text, text, text) FROM PUBLIC;

/* Attributes */

CREATE FUNCTION define_attribute(attribute text, category text, provenance text, sensitivity text DEFAULT NULL,
	max_age interval DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	path text[] := string_to_array(attribute, '.');
	relation regclass := CASE WHEN cardinality(path) = 1 THEN home.subjects ELSE
		(SELECT e.relation FROM @extschema@.event e WHERE e.space = home.space AND e.event = path[1]
		UNION ALL SELECT f.relation FROM @extschema@.facet f WHERE f.space = home.space AND f.facet = path[1]) END;
	columns text[] := @extschema@.columns_of(relation);
	wrong text;
BEGIN
	PERFORM @extschema@.check_label('category', category);
	IF attribute IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'the attribute needs a name';
	ELSIF cardinality(path) > 2 OR relation IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('"%s" is no column of %s and names neither an event nor a facet', attribute, home.subjects),
			HINT = 'Write a column of the subject table, event.column or facet.column.';
	ELSIF path[cardinality(path)] <> ALL (columns) THEN
		PERFORM @extschema@.refuse_column(relation, path[cardinality(path)], columns);
	END IF;
	INSERT INTO @extschema@.attribute
	VALUES (home.space, attribute, category, provenance, sensitivity, max_age)
	ON CONFLICT ON CONSTRAINT attribute_pkey DO UPDATE
	SET (category, provenance, sensitivity, max_age) = (excluded.category, excluded.provenance, excluded.sensitivity, excluded.max_age);
	RETURN QUERY SELECT * FROM @extschema@.lint_category(attribute, category, home.space, '{}');
EXCEPTION
	WHEN not_null_violation THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('provenance of attribute "%s" is NULL', attribute),
			HINT = 'It is declared, transacted, observed, inferred, third_party or unknown.';
	WHEN check_violation THEN
		GET STACKED DIAGNOSTICS wrong = CONSTRAINT_NAME;
		wrong := regexp_replace(wrong, '^attribute_(.*)_check$', '\1');
		RAISE invalid_parameter_value USING
			MESSAGE = format('attribute "%s" cannot have the %s %L', attribute, wrong,
				CASE wrong WHEN 'provenance' THEN provenance WHEN 'sensitivity' THEN sensitivity ELSE max_age::text END),
			HINT = CASE wrong
				WHEN 'provenance' THEN @extschema@.ask(provenance, '{declared,transacted,observed,inferred,third_party,unknown}',
					'It is declared, transacted, observed, inferred, third_party or unknown.')
				WHEN 'sensitivity' THEN @extschema@.ask(sensitivity, '{low,medium,high,special}', 'It is low, medium, high or special.')
				ELSE 'Pass a positive interval such as ''90 days''.' END;
END;
$$;
COMMENT ON FUNCTION define_attribute(text, text, text, text, interval, text) IS
'Says what a column is to its customer: its data category (dotted), where it came from, how sensitive it is, and after what age its source counts as stale. A column of the subject table by its name, others as event.column or facet.column.';
REVOKE ALL ON FUNCTION define_attribute(text, text, text, text, interval, text) FROM PUBLIC;

/* Discover */

/* Bodies that are parsed once need no search_path, and without one a set is
 * planned as a part of the query that asks for it. */

CREATE FUNCTION singular(word text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN word ~ '[^aeiou]ies$' THEN regexp_replace(word, 'ies$', 'y')
		WHEN word ~ '(x|ss|ch|sh)es$' THEN regexp_replace(word, 'es$', '')
		WHEN word ~ '(ss|us|is)$' THEN word
		ELSE regexp_replace(word, 's$', '') END;
END;
COMMENT ON FUNCTION singular(text) IS 'An English word, such as a table''s name, in the singular, as far as its ending tells.';
REVOKE ALL ON FUNCTION singular(text) FROM PUBLIC;

CREATE FUNCTION free_name(wishes text[], kind text, taken text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wish text;
BEGIN
	FOR wish IN
		SELECT left(trim(BOTH '_' FROM regexp_replace(lower(w), '[^a-z0-9]+', '_', 'g')), 33) FROM unnest(wishes) w WHERE w IS NOT NULL
		UNION ALL SELECT kind || '_' || n FROM generate_series(1, cardinality(taken) + 1) n
	LOOP
		CONTINUE WHEN wish = ANY (taken);
		BEGIN
			PERFORM @extschema@.check_name(kind, wish);
			RETURN wish;
		EXCEPTION
			WHEN invalid_name OR reserved_name THEN
				NULL; /* the next may do */
		END;
	END LOOP;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION free_name(text[], text, text[]) IS
'The first of the wishes that may name a thing of that kind and is not taken, letters that a name cannot have replaced; else the kind with a number.';
REVOKE ALL ON FUNCTION free_name(text[], text, text[]) FROM PUBLIC;

CREATE FUNCTION company_tables(reader oid)
RETURNS TABLE (relation regclass, name text, kind "char", owner oid)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT c.oid::regclass, c.relname, c.relkind, c.relowner
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
		AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '@extschema@')
		AND NOT (n.nspname LIKE 'persona\_%' AND to_regclass(quote_ident(n.nspname) || '.anchor') IS NOT NULL)
		AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
		AND has_schema_privilege(reader, n.oid, 'USAGE') AND has_table_privilege(reader, c.oid, 'SELECT')
		AND NOT EXISTS (SELECT FROM pg_depend d
			WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e');
END;
COMMENT ON FUNCTION company_tables(oid) IS
'The company''s own tables, partitions aside, which both the caller and that role may read; none of the system''s, of an extension or of persona.';
REVOKE ALL ON FUNCTION company_tables(oid) FROM PUBLIC;

CREATE FUNCTION table_columns(relation regclass)
RETURNS TABLE (number smallint, name text, type oid, category "char", is_unique boolean, is_key boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT a.attnum, a.attname, t.oid, t.typcategory,
		EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL
			AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum),
		EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisprimary AND a.attnum = ANY (i.indkey))
	FROM pg_attribute a JOIN pg_type d ON d.oid = a.atttypid
	JOIN pg_type t ON t.oid = coalesce(nullif(d.typbasetype, 0), d.oid)
	WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
END;
COMMENT ON FUNCTION table_columns(regclass) IS
'The columns of a table with their types, of domains the type under them, and whether one alone is unique or part of the primary key.';
REVOKE ALL ON FUNCTION table_columns(regclass) FROM PUBLIC;

CREATE FUNCTION table_links(relation regclass)
RETURNS TABLE (col text, target regclass, target_col text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT a.attname, k.confrelid::regclass, b.attname
	FROM pg_constraint k
	JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
	JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
	WHERE k.conrelid = relation AND k.contype = 'f' AND cardinality(k.conkey) = 1
	ORDER BY a.attnum;
END;
COMMENT ON FUNCTION table_links(regclass) IS 'The foreign keys of one column that a table has, and what they point to.';
REVOKE ALL ON FUNCTION table_links(regclass) FROM PUBLIC;

CREATE FUNCTION attribute_hints()
RETURNS TABLE (place int, pattern text, types text, everywhere boolean, category text, provenance text, sensitivity text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT * FROM (VALUES
		(1, '(password|passwd|passwordhash|pwd)$', 'S', true, 'user.authorization.password', 'declared', 'high'),
		(2, '(email(addr(ess)?)?|^mail)$', 'SU', true, 'user.contact.email', 'declared', NULL),
		(3, '((tele)?phone|mobile|msisdn|^tel|^cell|^fax|^handy)(number|num|no|nr)?$', 'SN', true, 'user.contact.phone_number', 'declared', NULL),
		(4, '(birth(day|date|year)?|dateofbirth|yearofbirth|^dob|^born(on)?)$', 'DNS', true, 'user.demographic.date_of_birth', 'declared', NULL),
		(5, '((first|given|fore)name|^fname|^vorname)$', 'S', true, 'user.name.first', 'declared', NULL),
		(6, '((last|family|sur)name|^lname|^nachname)$', 'S', true, 'user.name.last', 'declared', NULL),
		(7, '^(full|display|customer|contact)?name$', 'S', false, 'user.name', 'declared', NULL),
		(8, '(^|client|remote|user|last|signup|login)ip(v?[46])?(addr(ess)?)?$', 'SI', true, 'user.device.ip_address', 'observed', NULL),
		(9, '(post(al)?code|zip(code)?|^plz|postleitzahl)$', 'SN', true, 'user.contact.address.postal_code', 'declared', NULL),
		(10, '^(geo|home|last)?(lat(itude)?|lon|lng|long(itude)?)$', 'NS', true, 'user.location.precise', 'observed', 'high'),
		(11, '(city|town)$', 'S', true, 'user.contact.address.city', 'declared', NULL),
		(12, '^(region|province|county)$', 'S', true, 'user.contact.address.state', 'declared', NULL),
		(13, 'country(code|iso[23]?)?$', 'SE', true, 'user.contact.address.country', 'declared', NULL),
		(14, '(street|address(line)?[0-9]?|strasse)$', 'S', true, 'user.contact.address.street', 'declared', NULL),
		(15, '^(gender|sex|salutation|anrede)$', 'SE', true, 'user.demographic.gender', 'declared', NULL),
		(16, '^(preferred)?(lang(uage)?|locale)(code)?$', 'SE', true, 'user.demographic.language', 'declared', NULL),
		(17, '^(timezone|tz)(name|id)?$', 'S', true, 'user.location.imprecise', 'observed', NULL),
		(18, '(religion|faith|denomination)$', 'SE', true, 'user.demographic.religious_belief', 'declared', 'special'),
		(19, '(ethnicity|ethnicgroup|^race)$', 'SE', true, 'user.demographic.race_ethnicity', 'declared', 'special'),
		(20, '(sexualorientation|^orientation)$', 'SE', true, 'user.demographic.sexual_orientation', 'declared', 'special'),
		(21, '(politicalopinion|politicalparty|partymembership|unionmembership)$', 'SEB', true, 'user.demographic.political_opinion', 'declared', 'special'),
		(22, '(health|diagnos[ei]s|disease|illness|pregnan(t|cy)|disability|allerg(y|ies)|bloodtype|medication)', 'SEBN', true, 'user.health_and_medical', 'declared', 'special'),
		(23, '(iban|bankaccount|accountnumber)$', 'SN', true, 'user.financial.bank_account', 'declared', 'high'),
		(24, '((credit|debit)card(number|no)?|cardnumber|cardno|^pan)$', 'SN', true, 'user.financial.credit_card', 'declared', 'high'),
		(25, '(income|salary|networth)$', 'SNE', true, 'user.financial', 'declared', 'high'),
		(26, '(creditscore|creditrating)$', 'SNE', true, 'user.financial', 'third_party', 'high'),
		(27, '(^ssn|socialsecurity(number|no)?|passport(number|no)?|nationalid|taxid|driverslicen[cs]e)$', 'SN', true, 'user.government_id', 'declared', 'high'),
		(28, '(deviceid|useragent|cookie(id)?|fingerprint|advertisingid|^idfa|^gaid|visitorid)$', 'SUN', true, 'user.device', 'observed', NULL),
		(29, '^age(group|range|band)?$', 'SNE', true, 'user.demographic.age_range', 'declared', NULL),
		(30, '(score|propensity|probability|churn|churnrisk|ltv|clv|lifetimevalue|segment|cluster|affinity)$|^predicted', 'SNEB', true, 'user.behavior', 'inferred', NULL),
		(31, '^(job(title)?|occupation|profession)$', 'S', true, 'user.job_title', 'declared', NULL),
		(32, '(company|employer|organi[sz]ation)(name)?$', 'S', true, 'user.workplace', 'declared', NULL),
		(33, '^(marital(status)?|household(size)?|children|kids)$', 'SNEB', true, 'user.demographic', 'declared', NULL),
		(34, '^(username|login|handle|nick(name)?)$', 'S', true, 'user.account.username', 'declared', NULL),
		(35, '(facebook|twitter|instagram|linkedin|tiktok)(id|url|handle)?$', 'SN', true, 'user.social', 'third_party', NULL),
		(36, '^last(seen|login|visit|active)(at|on|date)?$', 'D', true, 'user.behavior', 'observed', NULL),
		(37, '^(created|joined|registered|signup|signedup)(at|on|date)?$', 'D', false, 'user.account', 'transacted', NULL)
	) AS hint (place, pattern, types, everywhere, category, provenance, sensitivity);
END;
COMMENT ON FUNCTION attribute_hints() IS
'What a column probably is, by its name (lower case, letters and digits only) and the category of its type: the first that fits counts, those that are not for everywhere only in the subject table. Categories are those of the Fides taxonomy.';
REVOKE ALL ON FUNCTION attribute_hints() FROM PUBLIC;

CREATE FUNCTION sources_of(home space)
RETURNS TABLE (kind text, name text, relation regclass)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT 'event', e.event, e.relation FROM @extschema@.event e WHERE e.space = home.space
	UNION ALL
	SELECT 'facet', f.facet, f.relation FROM @extschema@.facet f WHERE f.space = home.space;
END;
COMMENT ON FUNCTION sources_of(space) IS 'The events and facets of a space.';
REVOKE ALL ON FUNCTION sources_of(space) FROM PUBLIC;

CREATE FUNCTION subject_links(home space)
RETURNS TABLE (relation regclass, name text, kind "char", col text, is_unique boolean, reason text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT t.relation, t.name, t.kind, c.name, c.is_unique,
		CASE WHEN k.col IS NOT NULL THEN format('its column %I refers to %s', c.name, home.subjects)
			ELSE format('its column %I is named like the key of %s, though no foreign key says so', c.name, home.subjects) END
	FROM @extschema@.company_tables(@extschema@.space_owner(home.subjects)) t
	CROSS JOIN @extschema@.table_columns(t.relation) c
	JOIN pg_class s ON s.oid = home.subjects
	LEFT JOIN @extschema@.table_links(t.relation) k ON k.col = c.name
	WHERE t.relation <> home.subjects
		AND (k.target = home.subjects AND k.target_col = home.key
			OR k.col IS NULL AND format_type(c.type, NULL) = home.key_type AND lower(c.name) IN (
				SELECT @extschema@.singular(lower(s.relname)) || ending FROM unnest(ARRAY['_id', 'id', '_key', '_no', '_number']) ending
				UNION ALL SELECT lower(home.key) WHERE lower(home.key) NOT IN ('id', 'uuid', 'key', 'code', 'name', 'no', 'number')))
	ORDER BY t.relation::text, c.number;
END;
COMMENT ON FUNCTION subject_links(space) IS
'The columns of other tables that hold a subject''s key: by a foreign key, or by a name and type as a foreign key would have.';
REVOKE ALL ON FUNCTION subject_links(space) FROM PUBLIC;

CREATE FUNCTION event_moment(relation regclass) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT c.name FROM @extschema@.table_columns(relation) c
	WHERE c.type IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
	ORDER BY c.name !~* '^(at|occurred|happened|event_?(time|date|at)|time|timestamp|date|day|ts)',
		c.name !~* '^(ordered|purchased|sold|booked|paid|sent|opened|viewed|visited|created|inserted)|(order|purchase|invoice|sale)_?(date|time|at)',
		c.name ~* '(update|modif|delete|cancel|expire|valid|ship|deliver|close|end)', c.number
	LIMIT 1;
END;
COMMENT ON FUNCTION event_moment(regclass) IS
'The column that most probably says when a row of an event table happened, or NULL.';
REVOKE ALL ON FUNCTION event_moment(regclass) FROM PUBLIC;

CREATE FUNCTION discover_sources(home space)
RETURNS TABLE (kind text, name text, relation regclass, reason text, statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner oid := @extschema@.space_owner(home.subjects);
	known jsonb := (SELECT coalesce(jsonb_object_agg(s.name, s.relation::oid), '{}') FROM @extschema@.sources_of(home) s);
	taken text[] := ARRAY(SELECT jsonb_object_keys(known)) || @extschema@.columns_of(home.subjects);
	link record;
BEGIN
	FOR link IN
		SELECT l.*, @extschema@.singular(lower(l.name)) AS one, count(*) OVER (PARTITION BY l.relation) > 1 AS several
		FROM @extschema@.subject_links(home) l WHERE NOT l.is_unique
			AND NOT EXISTS (SELECT FROM @extschema@.event e
				WHERE e.space = home.space AND e.relation = l.relation AND e.subject = l.col)
		ORDER BY l.relation::text, l.col
	LOOP
		kind := 'event';
		relation := link.relation;
		name := @extschema@.free_name(ARRAY[CASE WHEN link.several THEN link.one || '_' || link.col ELSE link.one END,
			link.name, link.one || '_event', link.one || '_' || link.col], kind, taken);
		reason := 'many rows a customer: ' || link.reason;
		statement := format('SELECT * FROM @extschema@.define_event(%L, %L, subject => %L%s%s, space => %L);', name, relation, link.col,
			', at => ' || quote_literal(@extschema@.event_moment(relation)),
			CASE WHEN link.kind = 'f' THEN ', fires => ''never''' END, home.space);
		taken := taken || name;
		known := known || jsonb_build_object(name, relation::oid);
		RETURN NEXT;
	END LOOP;
	FOR link IN
		SELECT 'one row a customer: ' || l.reason AS reason, l.relation, l.col AS key, NULL AS via,
			ARRAY[@extschema@.singular(lower(l.name)), l.name] AS wishes
		FROM @extschema@.subject_links(home) l WHERE l.is_unique
		UNION ALL
		SELECT format('a look-up: %s of %s refers to it', quote_ident(l.col), source.relation), l.target, l.target_col,
			concat_ws('.', source.name, l.col),
			ARRAY[nullif(regexp_replace(lower(l.col), '_?(id|key|code|no)$', ''), lower(l.col)), @extschema@.singular(lower(t.name)),
				concat_ws('_', source.name, @extschema@.singular(lower(t.name)))]
		FROM (SELECT NULL AS name, home.subjects AS relation
			UNION ALL SELECT k.key, k.value::oid::regclass FROM jsonb_each_text(known) k) source
		CROSS JOIN @extschema@.table_links(source.relation) l
		JOIN @extschema@.company_tables(owner) t ON t.relation = l.target
		WHERE l.target NOT IN (home.subjects, source.relation) AND position('.' IN l.col) = 0
	LOOP
		CONTINUE WHEN EXISTS (SELECT FROM @extschema@.facet f WHERE f.space = home.space
			AND f.relation = link.relation AND concat_ws('.', f.parent, f.via) = coalesce(link.via, home.key));
		kind := 'facet';
		relation := link.relation;
		name := @extschema@.free_name(link.wishes || (link.wishes[2] || '_facet'), kind, taken);
		reason := link.reason;
		statement := format('SELECT * FROM @extschema@.define_facet(%L, %L, key => %L%s, space => %L);', name, relation, link.key,
			', via => ' || quote_literal(link.via), home.space);
		taken := taken || name;
		RETURN NEXT;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION discover_sources(space) IS
'The event and facet proposals of discover(), with their tables.';
REVOKE ALL ON FUNCTION discover_sources(space) FROM PUBLIC;

CREATE FUNCTION hinted_columns(relations regclass[], subjects regclass)
RETURNS TABLE (relation regclass, number smallint, name text, is_text boolean, category text, provenance text, sensitivity text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH col AS MATERIALIZED (
		SELECT r.relation, c.*, regexp_replace(lower(c.name), '[^a-z0-9]', '', 'g') AS letters
		FROM unnest(relations) r (relation) CROSS JOIN LATERAL @extschema@.table_columns(r.relation) c
	), hint AS MATERIALIZED (
		/* Pattern by pattern, for the server keeps few of them compiled. */
		SELECT h.*, word.letters, word.type_category
		FROM @extschema@.attribute_hints() h
		CROSS JOIN LATERAL (
			SELECT DISTINCT col.letters, col.category AS type_category FROM col
			WHERE position(col.category IN h.types) > 0 AND col.letters ~ h.pattern OFFSET 0
		) word
	)
	SELECT DISTINCT ON (col.relation, col.number) col.relation, col.number, col.name,
		col.type IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype), hint.category, hint.provenance, hint.sensitivity
	FROM col JOIN hint ON hint.letters = col.letters AND hint.type_category = col.category
	WHERE (hint.everywhere OR coalesce(col.relation = subjects, true))
		AND NOT EXISTS (SELECT FROM @extschema@.table_links(col.relation) k WHERE k.col = col.name)
	ORDER BY col.relation, col.number, hint.place;
END;
COMMENT ON FUNCTION hinted_columns(regclass[], regclass) IS
'The columns of tables that probably say something about a person, with what they say; subjects is the one that holds persons, NULL where each may.';
REVOKE ALL ON FUNCTION hinted_columns(regclass[], regclass) FROM PUBLIC;

CREATE FUNCTION discover_spaces()
RETURNS TABLE (kind text, object text, reason text, statement text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH candidate AS MATERIALIZED (
		SELECT t.relation, t.name FROM @extschema@.company_tables(to_regrole(quote_ident(current_user))) t
		CROSS JOIN LATERAL (
			SELECT count(*) AS n, bool_and(c.type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'text'::regtype, 'varchar'::regtype)) AS fits
			FROM @extschema@.table_columns(t.relation) c WHERE c.is_key
		) key
		WHERE pg_has_role(t.owner, 'MEMBER') AND t.kind <> 'f' AND key.n = 1 AND key.fits
	)
	SELECT 'space', guess.relation::text,
		concat_ws('; ', CASE WHEN guess.named THEN 'named like customers' END,
			'about a person: ' || array_to_string(guess.personal, ', '), 'referred to by ' || array_to_string(guess.referred, ', ')),
		format('SELECT * FROM @extschema@.define_space(%L, %L);',
			@extschema@.free_name(ARRAY[guess.name, guess.name || '_space'], 'space', ARRAY['house']), guess.relation)
	FROM (
		SELECT t.relation, t.name, @extschema@.singular(lower(t.name)) ~ '(customer|client|user|member|account|subscriber|person|people|contact|guest|patient|buyer|shopper|household|visitor|donor|student|player|profile|kunde)$' AS named, hinted.personal,
			(SELECT array_agg(DISTINCT k.conrelid::regclass::text ORDER BY k.conrelid::regclass::text) FROM pg_constraint k
				WHERE k.confrelid = t.relation AND k.conrelid <> t.relation AND k.contype = 'f' AND k.conparentid = 0) AS referred
		FROM candidate t
		LEFT JOIN (
			SELECT c.relation, array_agg(c.name::text ORDER BY c.number) AS personal
			FROM @extschema@.hinted_columns(ARRAY(SELECT candidate.relation FROM candidate), NULL) c
			WHERE c.category ~ '^user[.](name[.]|contact|demographic)' GROUP BY c.relation
		) hinted USING (relation)
	) guess
	WHERE guess.named OR cardinality(guess.personal) > 0
	ORDER BY guess.named::int * 5 + least(coalesce(cardinality(guess.personal), 0), 5) + least(coalesce(cardinality(guess.referred), 0), 5) DESC,
		guess.relation::text;
END;
COMMENT ON FUNCTION discover_spaces() IS
'Tables of the caller''s that look like customers, by name, by columns about a person and by the tables that refer to them; the best guess first.';
REVOKE ALL ON FUNCTION discover_spaces() FROM PUBLIC;

CREATE FUNCTION discover_channels(home space)
RETURNS TABLE (kind text, object text, reason text, statement text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT 'channel', way.channel, format('%I of %s holds %s', way.name, home.subjects, way.holds),
		format('SELECT * FROM @extschema@.define_channel(%L, %L%s%s, space => %L);', way.channel, quote_ident(way.name),
			', time_zone => ' || quote_literal(quote_ident(hinted.zone)), ', locale => ' || quote_literal(quote_ident(hinted.locale)), home.space)
	FROM (
		SELECT DISTINCT ON (v.channel) v.channel, v.holds, c.name
		FROM (VALUES ('email', 'user.contact.email', 'e-mail addresses'), ('sms', 'user.contact.phone_number', 'telephone numbers'))
			v (channel, category, holds)
		JOIN @extschema@.hinted_columns(ARRAY[home.subjects], home.subjects) c ON c.category = v.category AND c.is_text
		ORDER BY v.channel, length(c.name), c.name
	) way
	CROSS JOIN (
		SELECT min(c.name) FILTER (WHERE c.category = 'user.location.imprecise') AS zone,
			min(c.name) FILTER (WHERE c.category = 'user.demographic.language') AS locale
		FROM @extschema@.hinted_columns(ARRAY[home.subjects], home.subjects) c WHERE c.is_text
	) hinted
	WHERE NOT EXISTS (SELECT FROM @extschema@.channel c WHERE c.space = home.space AND c.channel = way.channel);
END;
COMMENT ON FUNCTION discover_channels(space) IS
'The channel proposals of discover(): e-mail and telephone columns of the subject table, with its time zone and locale.';
REVOKE ALL ON FUNCTION discover_channels(space) FROM PUBLIC;

CREATE FUNCTION discover_attributes(home space)
RETURNS TABLE (kind text, object text, reason text, statement text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH source (kind, name, relation) AS MATERIALIZED (
		SELECT 'subject', NULL, home.subjects
		UNION ALL SELECT s.kind, s.name, s.relation FROM @extschema@.sources_of(home) s
		UNION ALL SELECT d.kind, d.name, d.relation FROM @extschema@.discover_sources(home) d
	), guess AS (
		SELECT s.kind, s.name AS source, c.number, c.name AS col, c.category, c.provenance, c.sensitivity,
			format('by its name, %I', c.name) AS reason
		FROM source s JOIN @extschema@.hinted_columns(ARRAY(SELECT DISTINCT source.relation FROM source), home.subjects) c USING (relation)
		UNION ALL
		SELECT s.kind, s.name, c.number, c.name, what.category, what.provenance, NULL,
			format('by the name of %s', s.relation)
		FROM source s
		JOIN pg_class r ON r.oid = s.relation
		JOIN (VALUES
			('order|purchase|sale|invoice|transaction|payment|booking|subscription|return|refund|receipt|basket|cart', 'user.behavior.purchase_history', 'transacted'),
			('view|click|visit|session|search|impression|activity|track', 'user.behavior.browsing_history', 'observed'),
			('review|rating|survey|ticket|message|comment', 'user.content', 'declared')
		) what (pattern, category, provenance) ON lower(r.relname) ~ what.pattern
		CROSS JOIN @extschema@.table_columns(s.relation) c
		WHERE s.kind = 'event' AND NOT c.is_key
			AND c.name NOT IN (SELECT k.col FROM @extschema@.table_links(s.relation) k WHERE k.target = home.subjects)
			AND c.name NOT IN (SELECT l.col FROM @extschema@.subject_links(home) l WHERE l.relation = s.relation)
	), best AS (
		SELECT DISTINCT ON (source, number) guess.*, concat_ws('.', guess.source, guess.col) AS attribute
		FROM guess WHERE position('.' IN guess.col) = 0
		ORDER BY source, number, reason LIKE 'by the name of%', category
	)
	SELECT 'attribute', b.attribute, format('%s %s, %s', b.provenance, b.category, b.reason),
		format('SELECT * FROM @extschema@.define_attribute(%L, %L, %L%s, space => %L);', b.attribute, b.category, b.provenance,
			', sensitivity => ' || quote_literal(b.sensitivity), home.space)
	FROM best b
	WHERE NOT EXISTS (SELECT FROM @extschema@.attribute a WHERE a.space = home.space AND a.attribute = b.attribute)
	ORDER BY b.source NULLS FIRST, b.number;
END;
COMMENT ON FUNCTION discover_attributes(space) IS
'The attribute proposals of discover(), for the subject table and for every event and facet that is defined or proposed.';
REVOKE ALL ON FUNCTION discover_attributes(space) FROM PUBLIC;

CREATE FUNCTION discover(space text DEFAULT NULL)
RETURNS TABLE (kind text, object text, reason text, statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space;
BEGIN
	IF NOT EXISTS (SELECT FROM @extschema@.space) THEN
		RETURN QUERY SELECT * FROM @extschema@.discover_spaces();
		IF NOT FOUND THEN
			RAISE NOTICE 'no table of yours looks like customers' USING
				HINT = 'Name it: SELECT * FROM persona.define_space(''shop'', ''your_table'').';
		END IF;
		RETURN;
	END IF;
	home := @extschema@.resolve_space(space);
	RETURN QUERY
		SELECT s.kind, s.name, s.reason, s.statement FROM @extschema@.discover_sources(home) s
		UNION ALL SELECT * FROM @extschema@.discover_channels(home)
		UNION ALL SELECT * FROM @extschema@.discover_attributes(home);
	IF NOT FOUND THEN
		RAISE NOTICE 'there is nothing left to propose for space "%"', home.space;
	END IF;
END;
$$;
COMMENT ON FUNCTION discover(text) IS
'Proposals, each with the statement that carries it out, in an order in which they can be run: for a space its events, facets, channels and attributes that are not defined yet; where there is no space, spaces over tables that look like customers. From keys, names and types in the catalog; no data is read, and only tables that the caller may read count.';
REVOKE ALL ON FUNCTION discover(text) FROM PUBLIC;
