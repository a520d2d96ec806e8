/* moment: at work, from its activation to its end */

/* Triggers: on a table exactly while a live moment needs it */

CREATE FUNCTION capture() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_capture';
COMMENT ON FUNCTION capture() IS
'Trigger: appends a statement''s new rows to the inbox of a space. Its errors never reach the statement.';
REVOKE ALL ON FUNCTION capture() FROM PUBLIC;

CREATE FUNCTION trigger_name(space text, event text, fires text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT CASE WHEN length(n.name) < 64 THEN n.name ELSE left(n.name, 54) || '_' || left(md5(n.name), 8) END
	FROM (SELECT concat_ws('_', 'persona', space, event, nullif(fires, 'insert'))) n(name);
END;
COMMENT ON FUNCTION trigger_name(text, text, text) IS
'What the trigger of an event is called; PostgreSQL would cut off what is longer than 63 bytes.';
REVOKE ALL ON FUNCTION trigger_name(text, text, text) FROM PUBLIC;

CREATE FUNCTION captures(home space) RETURNS TABLE (event text, relation regclass, fires text, name text, state text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH needed AS (
		SELECT e.event, e.relation, f.fires
		FROM @extschema@.event e CROSS JOIN LATERAL string_to_table(e.fires, ',') f(fires)
		WHERE e.space = (home).space AND f.fires IN ('insert', 'update')
			AND EXISTS (SELECT FROM pg_class c WHERE c.oid = e.relation) AND EXISTS (
			SELECT FROM @extschema@.moment m WHERE m.space = e.space AND m.on_event = e.event AND m.state = 'live')
	), present AS (
		SELECT a.args[2] AS event, t.tgrelid::regclass AS relation, CASE WHEN t.tgtype & 4 > 0 THEN 'insert' ELSE 'update' END AS fires,
			t.tgname::text AS name, t.tgenabled
		FROM pg_trigger t CROSS JOIN LATERAL string_to_array(encode(t.tgargs, 'escape'), '\000') a(args)
		WHERE t.tgfoid = '@extschema@.capture()'::regprocedure AND a.args[1] = (home).space
	)
	SELECT coalesce(n.event, p.event), coalesce(n.relation, p.relation), coalesce(n.fires, p.fires),
		coalesce(p.name, @extschema@.trigger_name((home).space, n.event, n.fires)),
		CASE WHEN n.event IS NULL THEN 'needless' WHEN p.event IS NULL THEN 'missing'
			WHEN p.tgenabled IN ('D', 'R') THEN 'disabled' ELSE 'present' END
	FROM needed n FULL JOIN present p ON p.relation = n.relation AND p.event = n.event AND p.fires = n.fires;
END;
COMMENT ON FUNCTION captures(space) IS
'The triggers of a space: those that a live moment needs and those that there are; state is present, missing, disabled or needless.';
REVOKE ALL ON FUNCTION captures(space) FROM PUBLIC;

CREATE FUNCTION create_trigger(home space, event text, relation regclass, fires text, name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
BEGIN
	/* Whose right to make it this is, the rows are shown to the owner of the space. */
	PERFORM @extschema@.check_readable(home, relation);
	EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s REFERENCING %s NEW TABLE AS new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.capture(%L, %L)',
		name, fires, relation, CASE fires WHEN 'update' THEN 'OLD TABLE AS old_rows' END, home.space, event);
EXCEPTION
	WHEN lock_not_available THEN
		RAISE lock_not_available USING
			MESSAGE = format('%s is busy: its trigger could not be made within 2 seconds', relation),
			HINT = 'Nothing was changed. Try again when no long transaction writes to it.';
	WHEN insufficient_privilege THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('permission denied to make a trigger on %s', relation),
			HINT = format('GRANT TRIGGER ON %s TO %I, or have run() read it: define_event(%L, ..., fires => ''poll'').', relation, current_user, event);
END;
$$;
COMMENT ON FUNCTION create_trigger(space, text, regclass, text, text) IS
'Creates the trigger of an event on insert or update; waits at most two seconds for the table (55P03), which the caller must own or have TRIGGER on, and the owner of the space may read (42501).';
REVOKE ALL ON FUNCTION create_trigger(space, text, regclass, text, text) FROM PUBLIC;

CREATE FUNCTION remove_trigger(relation regclass, name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
BEGIN
	EXECUTE format('DROP TRIGGER %I ON %s', name, relation);
EXCEPTION
	WHEN lock_not_available THEN
		RAISE NOTICE USING
			MESSAGE = format('%s is busy: its trigger %I stays for now, and does nothing', relation, name),
			HINT = format('When no long transaction writes to it: DROP TRIGGER %I ON %s;', name, relation);
	WHEN insufficient_privilege THEN
		RAISE NOTICE USING
			MESSAGE = format('%s belongs to somebody else: its trigger %I stays, and does nothing', relation, name),
			HINT = format('Its owner may: DROP TRIGGER %I ON %s;', name, relation);
END;
$$;
COMMENT ON FUNCTION remove_trigger(regclass, text) IS
'Drops a trigger that no live moment needs. Where the table is busy for two seconds, or is somebody else''s, it stays and leaves every row out: a moment must be stopped at once, also then.';
REVOKE ALL ON FUNCTION remove_trigger(regclass, text) FROM PUBLIC;

CREATE FUNCTION sync_triggers(home space) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	todo record;
BEGIN
	FOR todo IN SELECT * FROM @extschema@.captures(home) c LOOP
		IF todo.state = 'missing' THEN
			PERFORM @extschema@.create_trigger(home, todo.event, todo.relation, todo.fires, todo.name);
		ELSIF todo.state = 'needless' THEN
			PERFORM @extschema@.remove_trigger(todo.relation, todo.name);
		END IF;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION sync_triggers(space) IS
'Creates the triggers that live moments of the space need and drops those that none needs.';
REVOKE ALL ON FUNCTION sync_triggers(space) FROM PUBLIC;

CREATE FUNCTION sync_events() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM @extschema@.sync_triggers(s) FROM @extschema@.space s WHERE s.space = OLD.space;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION sync_events() IS
'Trigger: an event that is redefined or dropped takes its trigger along.';
REVOKE ALL ON FUNCTION sync_events() FROM PUBLIC;
CREATE TRIGGER triggers AFTER UPDATE OR DELETE ON event
FOR EACH ROW EXECUTE FUNCTION sync_events();

/* What no trigger saw */

CREATE FUNCTION catch_up(space text DEFAULT NULL) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_catch_up';
COMMENT ON FUNCTION catch_up(text) IS
'Puts the events that no trigger saw into the inbox of the space: those of live moments that are not too old to be told of, whose rule is true and which are not known yet. Returns how many; 0 where another session is at it. run() calls it by itself every persona.catch_up_interval, and at once where a trigger is missing.';
REVOKE ALL ON FUNCTION catch_up(text) FROM PUBLIC;

/* Segments entered */

CREATE FUNCTION start_on_segments() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_start_on_segments';
COMMENT ON FUNCTION start_on_segments() IS
'Trigger: who enters a segment that a live moment starts on goes into the inbox of the space.';
REVOKE ALL ON FUNCTION start_on_segments() FROM PUBLIC;

CREATE FUNCTION refresh_before() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NEW.state = 'live' AND NEW.on_segment IS NOT NULL
		AND (OLD.state, OLD.on_segment) IS DISTINCT FROM (NEW.state, NEW.on_segment) THEN
		PERFORM @extschema@.refresh_segments(NEW.space);
	END IF;
	RETURN NEW;
END;
$$;
COMMENT ON FUNCTION refresh_before() IS
'Trigger: who is in a segment before a moment on it goes live has not entered it since; the memberships are brought up to date first.';
REVOKE ALL ON FUNCTION refresh_before() FROM PUBLIC;
CREATE TRIGGER refresh_before BEFORE UPDATE ON moment
FOR EACH ROW EXECUTE FUNCTION refresh_before();

/* The life of a moment */

CREATE FUNCTION find_moment(home space, moment text) RETURNS moment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	found_moment @extschema@.moment;
	known text[];
BEGIN
	IF moment IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'the moment is NULL',
			HINT = 'Pass the name that define_moment() gave it.';
	END IF;
	SELECT * INTO found_moment FROM @extschema@.moment m
	WHERE m.space = home.space AND m.moment = find_moment.moment FOR UPDATE;
	IF NOT FOUND THEN
		known := ARRAY(SELECT m.moment FROM @extschema@.moment m WHERE m.space = home.space);
		RAISE undefined_object USING
			MESSAGE = format('moment "%s" does not exist in space "%s"', moment, home.space),
			HINT = @extschema@.ask(moment, known, format('Define it with persona.define_moment(%L, ...).', moment));
	END IF;
	RETURN found_moment;
END;
$$;
COMMENT ON FUNCTION find_moment(space, text) IS
'The moment of that name, locked, or an error with the nearest name (22004, 42704).';
REVOKE ALL ON FUNCTION find_moment(space, text) FROM PUBLIC;

CREATE FUNCTION activate(moment text, share float8 DEFAULT 1, override text DEFAULT NULL, space text DEFAULT NULL) RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	was @extschema@.moment := @extschema@.find_moment(home, moment);
	findings @extschema@.finding[];
BEGIN
	IF share IS NULL OR NOT (share > 0 AND share <= 1) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a moment cannot be live for a share of %s', coalesce(share::text, 'NULL')),
			HINT = 'The share is above 0 and at most 1.';
	END IF;
	IF btrim(override) = '' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'an override needs a reason',
			HINT = 'Write in words why it may go out all the same; it is kept with your name.';
	ELSIF override IS NOT NULL THEN
		PERFORM @extschema@.override_audit(home, moment, override);
	END IF;
	findings := ARRAY(SELECT f FROM @extschema@.require_complete(home, moment) f);
	PERFORM @extschema@.create_reads(home, moment);
	/* What a batch was at when it was retired. */
	IF was.state = 'retired' THEN
		PERFORM @extschema@.give_up(home, moment);
	END IF;
	UPDATE @extschema@.moment m
	SET state = 'live', share = activate.share,
		activated_at = CASE WHEN was.state = 'live' THEN m.activated_at ELSE @extschema@.now() END
	WHERE m.space = home.space AND m.moment = activate.moment;
	PERFORM @extschema@.sync_triggers(home);
	RETURN QUERY SELECT * FROM unnest(findings);
END;
$$;
COMMENT ON FUNCTION activate(text, float8, text, text) IS
'Makes a moment live for a share of the subjects, chosen by a hash so that a growing share moves nobody out. Events before this instant never send. An error names what is missing or what the audit blocks (55000); override, a reason in words, lets what the audit blocks pass and is kept with who said so.';
REVOKE ALL ON FUNCTION activate(text, float8, text, text) FROM PUBLIC;

CREATE FUNCTION pause(moment text, space text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	was @extschema@.moment := @extschema@.find_moment(home, moment);
BEGIN
	IF was.state <> 'live' THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('moment "%s" is not live but %s', moment, was.state);
	END IF;
	UPDATE @extschema@.moment m SET state = 'paused' WHERE m.space = home.space AND m.moment = pause.moment;
	PERFORM @extschema@.sync_triggers(home);
END;
$$;
COMMENT ON FUNCTION pause(text, text) IS
'Stops a moment at once: no event starts it, nothing due is decided, no message of it is handed over, until it is resumed.';
REVOKE ALL ON FUNCTION pause(text, text) FROM PUBLIC;

CREATE FUNCTION resume(moment text, held text DEFAULT 'drop', space text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	was @extschema@.moment := @extschema@.find_moment(home, moment);
	dropped bigint := 0;
BEGIN
	IF coalesce(held, '') NOT IN ('drop', 'send') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('what was held cannot be %s', quote_nullable(held)),
			HINT = 'It is ''drop'' or ''send''.';
	ELSIF was.state <> 'paused' AND was.held_at IS NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('moment "%s" is neither paused nor held', moment),
			HINT = 'activate() makes an idea live.';
	END IF;
	IF held = 'drop' THEN
		dropped := @extschema@.change_as_owner(dropped, home.space, format('WITH gone AS (DELETE FROM %1$I.schedule WHERE moment = $1 AND due <= @extschema@.now() RETURNING 1),
			counted AS (INSERT INTO %1$I.moment_day SELECT $1, @extschema@.now()::date, ''held'', count(*) FROM gone HAVING count(*) > 0)
			SELECT count(*) FROM gone', home.schema_name), moment);
	END IF;
	UPDATE @extschema@.moment m SET state = 'live', held_at = NULL, released_at = @extschema@.now(),
		activated_at = CASE WHEN was.state = 'live' THEN m.activated_at ELSE @extschema@.now() END
	WHERE m.space = home.space AND m.moment = resume.moment;
	PERFORM @extschema@.sync_triggers(home);
	RETURN dropped;
END;
$$;
COMMENT ON FUNCTION resume(text, text, text) IS
'Lets a paused or held moment go on. What came due meanwhile is dropped, or with held => ''send'' decided by the next run. Returns how many rows were dropped.';
REVOKE ALL ON FUNCTION resume(text, text, text) FROM PUBLIC;

CREATE FUNCTION close_messages(home space, moment text, why text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN @extschema@.change_as_owner(NULL::bigint, home.space, format($sql$
		WITH open AS MATERIALIZED (
			SELECT m.subject, m.message FROM %1$I.message m
			WHERE m.moment = $1 AND m.done_at IS NULL ORDER BY m.message FOR UPDATE
		), closed AS (
			UPDATE %1$I.message m SET state = CASE WHEN m.sent_at IS NOT NULL THEN 'sent' WHEN m.attempt > 0 THEN 'unconfirmed' ELSE 'cancelled' END,
				reason = CASE WHEN m.sent_at IS NULL THEN $2 END, done_at = @extschema@.now(), leased_until = NULL,
				address = NULL, subject_line = NULL, body = NULL, headers = NULL
			FROM open o WHERE m.subject = o.subject AND m.message = o.message RETURNING 1
		)
		SELECT count(*) FROM closed
		$sql$, home.schema_name), moment, why);
END;
$$;
COMMENT ON FUNCTION close_messages(space, text, text) IS
'Closes and blanks what waits in the outbox for a moment: cancelled, or unconfirmed where it was handed out before, whose acknowledgement still counts. Returns how many.';
REVOKE ALL ON FUNCTION close_messages(space, text, text) FROM PUBLIC;

CREATE FUNCTION give_up(home space, moment text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dropped bigint;
BEGIN
	/* What a batch is at just now it has decided already. */
	dropped := @extschema@.change_as_owner(dropped, home.space, format('WITH gone AS (DELETE FROM %1$I.schedule
			WHERE ctid = ANY (ARRAY(SELECT q.ctid FROM %1$I.schedule q WHERE q.moment = $1 FOR UPDATE SKIP LOCKED)) RETURNING 1),
		counted AS (INSERT INTO %1$I.moment_day SELECT $1, @extschema@.now()::date, ''retired'', count(*) FROM gone HAVING count(*) > 0)
		SELECT count(*) FROM gone', home.schema_name), moment);
	RETURN dropped + @extschema@.close_messages(home, moment, 'retired');
END;
$$;
COMMENT ON FUNCTION give_up(space, text) IS
'Drops what is scheduled for a moment, counted as retired, and closes its messages. Returns how many rows that were.';
REVOKE ALL ON FUNCTION give_up(space, text) FROM PUBLIC;

CREATE FUNCTION retire(moment text, space text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	was @extschema@.moment := @extschema@.find_moment(home, moment);
	later text[] := ARRAY(SELECT m.moment FROM @extschema@.moment m
		WHERE m.space = home.space AND m.after_moment = was.moment AND m.state IN ('live', 'paused') ORDER BY 1);
BEGIN
	IF was.state = 'retired' THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('moment "%s" is retired already', moment);
	END IF;
	UPDATE @extschema@.moment m SET state = 'retired', held_at = NULL WHERE m.space = home.space AND m.moment = retire.moment;
	PERFORM @extschema@.sync_triggers(home);
	/* It keeps no column from being dropped any more. */
	PERFORM @extschema@.drop_view(home, 'moment_' || moment || '_reads');
	IF cardinality(later) > 0 THEN
		RAISE NOTICE 'nothing starts moment % any more', array_to_string(later, ', ')
			USING HINT = format('It comes after "%s". Retire it too, or give it another start with define_moment().', moment);
	END IF;
	RETURN @extschema@.give_up(home, moment);
END;
$$;
COMMENT ON FUNCTION retire(text, text) IS
'Ends a moment: no event starts it, what is scheduled is dropped and counted as retired, what waits in the outbox is cancelled, or unconfirmed where it was handed out before. Returns how many rows that were. Its decisions and results stay; activate() would begin it anew, drop_definition() removes it. An error where it is retired already (55000).';
REVOKE ALL ON FUNCTION retire(text, text) FROM PUBLIC;
