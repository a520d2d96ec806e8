/* space: a population, and its tables of state */

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
	COMMENT ON TABLE %1$I.moment_day IS 'What was counted before a decision was due, appended a batch at a time: several rows may count the same until run() makes them one, once the day is over.';

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
