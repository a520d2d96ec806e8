/* moment: from an event to a message */

CREATE TABLE policy (
	space text,
	channel text,
	purpose text,
	cap int CHECK (cap >= 0),
	per interval CHECK (per > '0'),
	quiet_from time,
	quiet_to time,
	max_surprise int CHECK (max_surprise BETWEEN 0 AND 100),
	categories text[],
	holdout float8 CHECK (holdout >= 0 AND holdout < 1),
	PRIMARY KEY (space, channel, purpose)
);
COMMENT ON TABLE policy IS
'Limits by channel and purpose; '''' stands for every one. Of all that apply the strictest counts.';

CREATE TABLE moment (
	space text,
	moment text,
	version int NOT NULL,
	state text NOT NULL CHECK (state IN ('idea', 'live', 'paused', 'retired')),
	on_event text,
	when_rule rule NOT NULL,
	purpose text,
	channel text,
	variable text NOT NULL CHECK (variable IN ('content', 'recommendation', 'offer', 'tone', 'timing', 'channel')),
	tokens jsonb NOT NULL,
	delay interval NOT NULL CHECK (delay >= '0'),
	local_time time,
	once_per text,
	cancel_rule rule,
	expires text,
	expires_is_interval boolean NOT NULL,
	priority int NOT NULL,
	transactional boolean NOT NULL,
	stage text,
	owner text,
	hypothesis text,
	review_every interval NOT NULL CHECK (review_every > '0'),
	share float8 NOT NULL CHECK (share > 0 AND share <= 1),
	activated_at timestamptz,
	held_at timestamptz,
	released_at timestamptz,
	PRIMARY KEY (space, moment)
);
COMMENT ON TABLE moment IS
'Touchpoints worth a personal message: what starts them, who gets in, what stops them, when they are due.';

CREATE TABLE variant (
	space text,
	moment text,
	variant text,
	subject_line template,
	template template,
	weight float8 NOT NULL CHECK (weight >= 0),
	PRIMARY KEY (space, moment, variant)
);
COMMENT ON TABLE variant IS
'The versions of a moment''s message; generic is always one of them.';

SELECT keep_definitions(t) FROM unnest(ARRAY['policy', 'moment', 'variant']::regclass[]) t;
CREATE POLICY owner ON policy
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) policy.space));
CREATE POLICY owner ON moment
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) moment.space));
CREATE POLICY owner ON variant
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) variant.space));

CREATE FUNCTION decision_id(space text, moment text, subject text, key text, step int) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'persona_decision_id';
COMMENT ON FUNCTION decision_id(text, text, text, text, int) IS
'The id of a decision: the first 16 bytes of the sha256 over space, moment, subject, event key or period, and step, each in UTF-8 and 0x1f between.';

/* Channels and policies */

CREATE FUNCTION define_channel(channel text, address text, time_zone text DEFAULT NULL, locale text DEFAULT NULL,
	link text DEFAULT NULL, format text DEFAULT 'text', space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	PERFORM @extschema@.check_name('channel', channel);
	IF address IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('channel "%s" needs an address', channel),
			HINT = 'Write an expression over a customer, such as ''email''.';
	ELSIF coalesce(format, '') NOT IN ('text', 'html') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = pg_catalog.format('a channel cannot have the format %s', quote_nullable(format)),
			HINT = 'It is ''text'' or ''html''.';
	END IF;
	PERFORM @extschema@.check_expression(address, 'address of channel "' || channel || '"', home.space);
	PERFORM @extschema@.check_expression(time_zone, 'time zone of channel "' || channel || '"', home.space);
	PERFORM @extschema@.check_expression(locale, 'locale of channel "' || channel || '"', home.space);
	INSERT INTO @extschema@.channel VALUES (home.space, channel, address, time_zone, locale, link, format)
	ON CONFLICT ON CONSTRAINT channel_pkey DO UPDATE
	SET (address, time_zone, locale, link, format)
		= (excluded.address, excluded.time_zone, excluded.locale, excluded.link, excluded.format);
	IF time_zone IS NULL THEN
		RETURN NEXT ('info', 'channel_without_zone', channel,
			'quiet hours and local times are kept in UTC',
			pg_catalog.format('Pass time_zone => an expression such as ''time_zone'' or a literal such as %L.', '''Europe/Berlin'''))::@extschema@.finding;
	END IF;
END;
$$;
COMMENT ON FUNCTION define_channel(text, text, text, text, text, text, text) IS
'Where messages go: address, time zone (a name of the zone database) and locale of a subject as expressions in the rule language; link is the base of its links, format text or html.';
REVOKE ALL ON FUNCTION define_channel(text, text, text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION define_policy(channel text DEFAULT NULL, purpose text DEFAULT NULL, cap int DEFAULT NULL,
	per interval DEFAULT '7 days', quiet text DEFAULT NULL, max_surprise int DEFAULT NULL,
	categories text[] DEFAULT NULL, holdout float8 DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	hours text[] := regexp_match(quiet, '^\s*([0-2]?\d:[0-5]\d)\s*-\s*([0-2]?\d:[0-5]\d)\s*$');
BEGIN
	IF quiet IS NOT NULL AND hours IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%L are no quiet hours', quiet),
			HINT = 'Write from and to in the customer''s own time, such as ''21:00-08:00''.';
	END IF;
	IF channel IS NOT NULL THEN
		PERFORM @extschema@.check_channel(home, channel);
	END IF;
	IF purpose IS NOT NULL THEN
		PERFORM @extschema@.check_label('purpose', purpose);
	END IF;
	PERFORM @extschema@.check_label('category', c) FROM unnest(categories) c;
	INSERT INTO @extschema@.policy
	VALUES (home.space, coalesce(channel, ''), coalesce(purpose, ''), cap, coalesce(per, '7 days'),
		hours[1]::time, hours[2]::time, max_surprise, categories, holdout)
	ON CONFLICT ON CONSTRAINT policy_pkey DO UPDATE
	SET (cap, per, quiet_from, quiet_to, max_surprise, categories, holdout)
		= (excluded.cap, excluded.per, excluded.quiet_from, excluded.quiet_to, excluded.max_surprise, excluded.categories, excluded.holdout);
	RETURN;
EXCEPTION
	WHEN check_violation OR datetime_field_overflow THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'this policy has a limit out of range',
			HINT = 'cap is 0 or more, per positive, max_surprise 0 to 100, holdout 0 or more and below 1, hours 00:00 to 24:00.';
END;
$$;
COMMENT ON FUNCTION define_policy(text, text, int, interval, text, int, text[], float8, text) IS
'Limits for a channel and a purpose, NULL for every one: at most cap messages per interval, quiet hours in the subject''s zone, highest surprise 0..100, allowed data categories, and the holdout as a share. Of all that apply the strictest counts.';
REVOKE ALL ON FUNCTION define_policy(text, text, int, interval, text, int, text[], float8, text) FROM PUBLIC;

/* Moments */

CREATE FUNCTION check_moment(moment text, space text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_check_moment';
COMMENT ON FUNCTION check_moment(text, text) IS
'Compiles all of a moment; an error names the expression that is wrong and the place in it.';
REVOKE ALL ON FUNCTION check_moment(text, text) FROM PUBLIC;

CREATE FUNCTION is_interval(value text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN value::interval IS NOT NULL;
EXCEPTION
	WHEN invalid_datetime_format OR datetime_field_overflow OR interval_field_overflow THEN
		RETURN false;
END;
$$;
COMMENT ON FUNCTION is_interval(text) IS 'Whether a text reads as an interval.';
REVOKE ALL ON FUNCTION is_interval(text) FROM PUBLIC;

CREATE FUNCTION set_variant(home space, moment text, variant text, subject_line template, template template)
RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	INSERT INTO @extschema@.variant VALUES ((home).space, moment, variant, subject_line, template, 1)
	ON CONFLICT ON CONSTRAINT variant_pkey DO UPDATE
	SET (subject_line, template) = ROW (excluded.subject_line, excluded.template);
END;
COMMENT ON FUNCTION set_variant(space, text, text, template, template) IS
'Writes one variant of a moment, keeping its weight.';
REVOKE ALL ON FUNCTION set_variant(space, text, text, template, template) FROM PUBLIC;

CREATE FUNCTION define_moment(moment text, on_event text DEFAULT NULL, when_rule rule DEFAULT 'true',
	purpose text DEFAULT NULL, channel text DEFAULT NULL, variable text DEFAULT 'content',
	subject_line template DEFAULT NULL, template template DEFAULT NULL, generic template DEFAULT NULL,
	tokens jsonb DEFAULT NULL, delay interval DEFAULT '0', local_time time DEFAULT NULL,
	once_per text DEFAULT NULL, cancel_rule rule DEFAULT NULL, expires text DEFAULT '3 days',
	priority int DEFAULT 0, transactional boolean DEFAULT false, stage text DEFAULT NULL,
	owner text DEFAULT NULL, hypothesis text DEFAULT NULL, review_every interval DEFAULT '3 months',
	space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	known text[];
	was @extschema@.moment;
BEGIN
	PERFORM @extschema@.check_name('moment', moment);
	IF on_event IS NOT NULL AND NOT EXISTS (SELECT FROM @extschema@.event e WHERE e.space = home.space AND e.event = on_event) THEN
		known := ARRAY(SELECT e.event FROM @extschema@.event e WHERE e.space = home.space);
		RAISE undefined_object USING
			MESSAGE = format('event "%s" does not exist in space "%s"', on_event, home.space),
			HINT = @extschema@.ask(on_event, known, format('Define it first: SELECT * FROM persona.define_event(%L, ''orders'').', on_event));
	ELSIF jsonb_typeof(coalesce(tokens, '{}')) <> 'object'
		OR EXISTS (SELECT FROM jsonb_each(tokens) t WHERE jsonb_typeof(t.value) <> 'string') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'tokens are an object of names and expressions',
			HINT = 'Write them as {"item": "new.description"}.';
	ELSIF EXISTS (SELECT FROM jsonb_object_keys(tokens) t
			JOIN pg_attribute a ON a.attrelid = home.subjects AND a.attname = t AND a.attnum > 0 AND NOT a.attisdropped) THEN
		RAISE duplicate_object USING
			MESSAGE = format('a token of moment "%s" has the name of a column of %s', moment, home.subjects),
			HINT = 'Give the token a name of its own.';
	END IF;
	IF channel IS NOT NULL THEN
		PERFORM @extschema@.check_channel(home, channel);
	END IF;
	IF purpose IS NOT NULL THEN
		PERFORM @extschema@.find_purpose(home, purpose);
	END IF;
	SELECT * INTO was FROM @extschema@.moment m WHERE m.space = home.space AND m.moment = define_moment.moment FOR UPDATE;
	INSERT INTO @extschema@.moment
	VALUES (home.space, moment, coalesce(was.version, 0) + 1, coalesce(was.state, 'idea'), on_event, when_rule, purpose, channel,
		variable, coalesce(tokens, '{}'), delay, local_time, once_per, cancel_rule, expires, coalesce(@extschema@.is_interval(expires), false),
		priority, transactional, stage, owner, hypothesis, review_every,
		coalesce(was.share, 1), was.activated_at, was.held_at, was.released_at)
	ON CONFLICT ON CONSTRAINT moment_pkey DO UPDATE
	SET (version, on_event, when_rule, purpose, channel, variable, tokens, delay, local_time, once_per, cancel_rule, expires,
			expires_is_interval, priority, transactional, stage, owner, hypothesis, review_every)
		= (excluded.version, excluded.on_event, excluded.when_rule, excluded.purpose, excluded.channel, excluded.variable,
			excluded.tokens, excluded.delay, excluded.local_time, excluded.once_per, excluded.cancel_rule, excluded.expires,
			excluded.expires_is_interval, excluded.priority, excluded.transactional, excluded.stage, excluded.owner,
			excluded.hypothesis, excluded.review_every);
	PERFORM @extschema@.set_variant(home, moment, 'personal', subject_line, template);
	PERFORM @extschema@.set_variant(home, moment, 'generic', subject_line, generic);
	PERFORM @extschema@.check_moment(moment, home.space);
	IF was.state = 'live' THEN
		RETURN QUERY SELECT * FROM @extschema@.require_complete(home, moment);
		PERFORM @extschema@.sync_triggers(home);
	ELSE
		RETURN QUERY SELECT * FROM @extschema@.lint_moment(home, moment);
	END IF;
EXCEPTION
	WHEN check_violation OR not_null_violation THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('moment "%s" has a value out of range', moment),
			HINT = 'variable: content, recommendation, offer, tone, timing or channel. delay is 0 or more, review_every positive.';
END;
$$;
COMMENT ON FUNCTION define_moment(text, text, rule, text, text, text, template, template, template, jsonb, interval, time, text, rule, text, int, boolean, text, text, text, interval, text) IS
'Writes down a moment: what starts it, for whom, on which purpose and channel, its personal and generic templates, when it is due and what stops it. An idea needs little more than a name; activate() asks for the rest. expires is an interval after the due time or a timestamp expression.';
REVOKE ALL ON FUNCTION define_moment(text, text, rule, text, text, text, template, template, template, jsonb, interval, time, text, rule, text, int, boolean, text, text, text, interval, text) FROM PUBLIC;

CREATE FUNCTION lint_moment(home space, moment text) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT f.level, f.code, (m).moment, f.message, f.hint
	FROM @extschema@.moment m
	LEFT JOIN @extschema@.event e ON e.space = m.space AND e.event = m.on_event
	LEFT JOIN @extschema@.variant p ON p.space = m.space AND p.moment = m.moment AND p.variant = 'personal'
	LEFT JOIN @extschema@.variant g ON g.space = m.space AND g.moment = m.moment AND g.variant = 'generic'
	CROSS JOIN LATERAL (VALUES
		(m.on_event IS NULL, 'block', 'without_start', 'nothing starts it', 'Pass on_event => the name of an event.'),
		(e.fires = 'never', 'block', 'event_never_fires', format('event "%s" never fires', m.on_event),
			format('Define it with fires => ''insert'': SELECT * FROM persona.define_event(%L, ...).', m.on_event)),
		(cardinality(e.id) = 0, 'block', 'event_without_key', format('nothing identifies a row of %s', e.relation),
			'Give the table a primary key, or pass id => to define_event().'),
		(m.channel IS NULL, 'block', 'without_address', 'it has no channel, so no address to send to',
			'Pass channel => one made by define_channel(), whose address says where messages go.'),
		(m.purpose IS NULL, 'block', 'without_purpose', 'it has no purpose, so no consent can be checked',
			'Pass purpose => one made by define_purpose().'),
		(p.template IS NULL, 'block', 'without_template', 'it has no personal template', 'Pass template => the personal message.'),
		(g.template IS NULL, 'block', 'without_generic', 'it has no generic twin to be compared with',
			'Pass generic => the same message without personal data.'),
		(p.template::text = g.template::text, 'warn', 'too_subtle', 'the personal message is the generic one',
			'Let the personal template say something that only this customer would see.'),
		(cardinality(@extschema@.template_variables(g.subject_line)) > 0, 'warn', 'generic_not_generic',
			'the subject line, which the generic twin shares, uses customer data', 'Write the subject line without variables.'),
		(m.hypothesis IS NULL, 'info', 'without_hypothesis', 'nobody has written down why it should work',
			'Pass hypothesis => what you expect and why; the review will ask.')
	) f(holds, level, code, message, hint)
	WHERE m.space = (home).space AND m.moment = lint_moment.moment AND f.holds;
END;
COMMENT ON FUNCTION lint_moment(space, text) IS
'What is missing or doubtful in a moment; level block keeps it from being activated.';
REVOKE ALL ON FUNCTION lint_moment(space, text) FROM PUBLIC;

CREATE FUNCTION require_complete(home space, moment text) RETURNS SETOF finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	blocking @extschema@.finding;
BEGIN
	SELECT * INTO blocking FROM @extschema@.lint_moment(home, moment) f WHERE f.level = 'block' LIMIT 1;
	IF FOUND THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('moment "%s" cannot be live: %s', moment, blocking.message),
			DETAIL = blocking.code,
			HINT = blocking.hint;
	END IF;
	RETURN QUERY SELECT * FROM @extschema@.lint_moment(home, moment);
END;
$$;
COMMENT ON FUNCTION require_complete(space, text) IS
'The findings of a moment, or an error for the first that blocks (55000).';
REVOKE ALL ON FUNCTION require_complete(space, text) FROM PUBLIC;

/* Triggers: on a table exactly while a live moment needs it */

CREATE FUNCTION capture() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_capture';
COMMENT ON FUNCTION capture() IS
'Trigger: appends a statement''s new rows to the inbox of a space. Its errors never reach the statement.';
REVOKE ALL ON FUNCTION capture() FROM PUBLIC;

CREATE FUNCTION sync_triggers(home space) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
	todo record;
BEGIN
	FOR todo IN
		WITH needed AS (
			SELECT DISTINCT e.event, e.relation, format('persona_%s_%s', e.space, e.event) AS name
			FROM @extschema@.event e
			JOIN @extschema@.moment m ON m.space = e.space AND m.on_event = e.event AND m.state = 'live'
			WHERE e.space = home.space AND e.fires = 'insert'
		), present AS (
			SELECT t.tgrelid::regclass AS relation, t.tgname::text AS name
			FROM pg_trigger t
			WHERE t.tgfoid = '@extschema@.capture()'::regprocedure
				AND starts_with(encode(t.tgargs, 'escape'), home.space || '\000')
		)
		SELECT n.event, coalesce(n.relation, p.relation) AS relation, coalesce(n.name, p.name) AS name, p.name IS NULL AS missing
		FROM needed n FULL JOIN present p ON p.relation = n.relation AND p.name = n.name
		WHERE n.name IS NULL OR p.name IS NULL
	LOOP
		IF todo.missing THEN
			EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
				FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.capture(%L, %L)',
				todo.name, todo.relation, home.space, todo.event);
		ELSE
			EXECUTE format('DROP TRIGGER %I ON %s', todo.name, todo.relation);
		END IF;
	END LOOP;
EXCEPTION
	WHEN lock_not_available THEN
		RAISE lock_not_available USING
			MESSAGE = format('%s is busy: its trigger could not be changed within 2 seconds', todo.relation),
			HINT = 'Nothing was changed. Try again when no long transaction writes to it.';
END;
$$;
COMMENT ON FUNCTION sync_triggers(space) IS
'Creates the triggers that live moments of the space need and drops those that none needs; waits at most two seconds for a table (55P03).';
REVOKE ALL ON FUNCTION sync_triggers(space) FROM PUBLIC;

CREATE FUNCTION drop_triggers() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := format('persona_%s_%s', OLD.space, OLD.event);
BEGIN
	IF (TG_OP = 'DELETE' OR (OLD.relation, OLD.fires) IS DISTINCT FROM (NEW.relation, NEW.fires))
		AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = OLD.relation AND t.tgname = name) THEN
		EXECUTE format('DROP TRIGGER %I ON %s', name, OLD.relation);
	END IF;
	IF TG_OP = 'UPDATE' THEN
		PERFORM @extschema@.sync_triggers(s) FROM @extschema@.space s WHERE s.space = NEW.space;
	END IF;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION drop_triggers() IS
'Trigger: an event that is redefined or dropped takes its trigger along.';
REVOKE ALL ON FUNCTION drop_triggers() FROM PUBLIC;
CREATE TRIGGER triggers AFTER UPDATE OR DELETE ON event
FOR EACH ROW EXECUTE FUNCTION drop_triggers();

/* The life of a moment */

CREATE FUNCTION find_moment(home space, moment text) RETURNS moment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	found_moment @extschema@.moment;
	known text[];
BEGIN
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
'The moment of that name, locked, or an error with the nearest name (42704).';
REVOKE ALL ON FUNCTION find_moment(space, text) FROM PUBLIC;

CREATE FUNCTION activate(moment text, share float8 DEFAULT 1, space text DEFAULT NULL) RETURNS SETOF finding
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
	findings := ARRAY(SELECT f FROM @extschema@.require_complete(home, moment) f);
	PERFORM @extschema@.check_moment(moment, home.space);
	UPDATE @extschema@.moment m
	SET state = 'live', share = activate.share,
		activated_at = CASE WHEN was.state = 'live' THEN m.activated_at ELSE @extschema@.now() END
	WHERE m.space = home.space AND m.moment = activate.moment;
	PERFORM @extschema@.sync_triggers(home);
	RETURN QUERY SELECT * FROM unnest(findings);
END;
$$;
COMMENT ON FUNCTION activate(text, float8, text) IS
'Makes a moment live for a share of the subjects, chosen by a hash so that a growing share moves nobody out. Events before this instant never send. An error names what is missing (55000).';
REVOKE ALL ON FUNCTION activate(text, float8, text) FROM PUBLIC;

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
		EXECUTE format('WITH gone AS (DELETE FROM %1$I.schedule WHERE moment = $1 AND due <= @extschema@.now() RETURNING 1),
			counted AS (INSERT INTO %1$I.moment_day SELECT $1, @extschema@.now()::date, ''held'', count(*) FROM gone HAVING count(*) > 0)
			SELECT count(*) FROM gone', home.schema_name) INTO dropped USING moment;
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

/* Running */

/*
 * No SET clause and no SECURITY DEFINER: with either it could not commit.
 * Each batch pins path, settings and user by itself.
 */
CREATE PROCEDURE run(max_batches int DEFAULT NULL, space text DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_run';
COMMENT ON PROCEDURE run(int, text) IS
'Takes what waits in the inbox and decides what is due, a batch a transaction, at most max_batches of them; safe from several sessions at once. Reports by NOTICE. Not inside a transaction block (25001).';
REVOKE ALL ON PROCEDURE run(int, text) FROM PUBLIC;

/* Sending */

CREATE FUNCTION claim(channel text, n int, lease interval DEFAULT '5 min', space text DEFAULT NULL)
RETURNS TABLE (message uuid, decision uuid, subject text, moment text, variant text, address text,
	subject_line text, body text, headers jsonb, attempt int, idempotency_key text)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_claim';
COMMENT ON FUNCTION claim(text, int, interval, text) IS
'Leases up to n (1..10000) ready messages of a channel to the caller, consent read again under lock. A message not acknowledged within the lease is handed out again, with the next attempt and the same idempotency key.';
REVOKE ALL ON FUNCTION claim(text, int, interval, text) FROM PUBLIC;

CREATE FUNCTION ack(messages uuid[], provider_ids text[] DEFAULT NULL, attempts int[] DEFAULT NULL, space text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	acknowledged bigint;
BEGIN
	IF cardinality(provider_ids) <> cardinality(messages) OR cardinality(attempts) <> cardinality(messages) THEN
		RAISE array_subscript_error USING
			MESSAGE = 'ack() needs as many provider_ids and attempts as messages';
	END IF;
	EXECUTE format('UPDATE %I.message m SET state = ''sent'', provider_id = x.provider_id,
			sent_at = @extschema@.now(), done_at = @extschema@.now(), leased_until = NULL,
			address = NULL, subject_line = NULL, body = NULL, headers = NULL
		FROM unnest($1, $2, $3) x(message, provider_id, attempt)
		WHERE m.message = x.message AND m.state = ''claimed'' AND m.attempt = coalesce(x.attempt, m.attempt)', home.schema_name)
	USING messages, provider_ids, attempts;
	GET DIAGNOSTICS acknowledged = ROW_COUNT;
	IF acknowledged < cardinality(messages) THEN
		RAISE NOTICE '% of % messages were not acknowledged', cardinality(messages) - acknowledged, cardinality(messages)
			USING HINT = 'They are unknown, already settled, or were handed out again in the meantime (a later attempt).';
	END IF;
	RETURN acknowledged;
END;
$$;
COMMENT ON FUNCTION ack(uuid[], text[], int[], text) IS
'Marks claimed messages as sent and blanks them; with attempts only where no later attempt was handed out. Returns how many; a settled message never changes.';
REVOKE ALL ON FUNCTION ack(uuid[], text[], int[], text) FROM PUBLIC;

CREATE FUNCTION fail(message uuid, error text, retry_after interval DEFAULT NULL, attempt int DEFAULT NULL, space text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	state text;
BEGIN
	EXECUTE format('UPDATE %I.message m SET
			state = CASE WHEN m.attempt < 5 THEN ''ready'' ELSE ''dead'' END,
			reason = left($2, 200), leased_until = NULL,
			ready_at = @extschema@.now() + coalesce($3, interval ''1 minute'' * 4 ^ (m.attempt - 1)),
			done_at = CASE WHEN m.attempt < 5 THEN NULL ELSE @extschema@.now() END,
			body = CASE WHEN m.attempt < 5 THEN m.body END,
			subject_line = CASE WHEN m.attempt < 5 THEN m.subject_line END
		WHERE m.message = $1 AND m.state = ''claimed'' AND m.attempt = coalesce($4, m.attempt)
			AND ($4 IS NOT NULL OR m.leased_until >= clock_timestamp())
		RETURNING m.state', home.schema_name)
	INTO state USING message, error, retry_after, attempt;
	IF state IS NULL THEN
		RAISE NOTICE 'message % was not changed', message
			USING HINT = 'It is unknown, already settled, or its lease was lost: pass the attempt that claim() returned.';
	END IF;
	RETURN state;
END;
$$;
COMMENT ON FUNCTION fail(uuid, text, interval, int, text) IS
'Gives a claimed message back: ready again after retry_after (1, 4, 16, 64 minutes unless said), dead after the fifth attempt. A stale attempt changes nothing and says so. Returns the new state, NULL where nothing changed.';
REVOKE ALL ON FUNCTION fail(uuid, text, interval, int, text) FROM PUBLIC;

/* Explaining */

CREATE FUNCTION gate_rows(gates jsonb, OUT gate text, OUT passed boolean, OUT reason text, OUT saw jsonb)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT g.value->>'gate', (g.value->>'passed')::boolean, g.value->>'reason', g.value->'saw'
	FROM jsonb_array_elements(gates) WITH ORDINALITY g(value, ord) ORDER BY g.ord;
END;
COMMENT ON FUNCTION gate_rows(jsonb) IS 'The gates of a decision as rows, in their order.';
REVOKE ALL ON FUNCTION gate_rows(jsonb) FROM PUBLIC;

CREATE FUNCTION explain_decision(decision uuid, space text DEFAULT NULL)
RETURNS TABLE (gate text, passed boolean, reason text, saw jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	gates jsonb;
BEGIN
	EXECUTE format('SELECT gates FROM %I.decision WHERE decision = $1', home.schema_name) INTO gates USING decision;
	IF gates IS NULL THEN
		RAISE no_data_found USING
			MESSAGE = format('there is no decision %s in space "%s"', coalesce(decision::text, 'NULL'), home.space),
			HINT = format('The view %I.outcome lists them; why_not(subject, moment) tells of what was not decided.', home.schema_name);
	END IF;
	RETURN QUERY SELECT * FROM @extschema@.gate_rows(gates);
END;
$$;
COMMENT ON FUNCTION explain_decision(uuid, text) IS
'Every gate of a decision in its order: whether it was open, the reason where it was not, and what it saw.';
REVOKE ALL ON FUNCTION explain_decision(uuid, text) FROM PUBLIC;

CREATE FUNCTION moment_gates(subject text, moment text, space text) RETURNS jsonb
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'persona_moment_gates';
COMMENT ON FUNCTION moment_gates(text, text, text) IS
'The gates of a moment as they stand now for a subject and its latest event, as jsonb; NULL where there is no such event.';
REVOKE ALL ON FUNCTION moment_gates(text, text, text) FROM PUBLIC;

CREATE FUNCTION why_not(subject text, moment text, space text DEFAULT NULL)
RETURNS TABLE (gate text, passed boolean, reason text, saw jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	IF moment IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'why_not() needs a moment';
	END IF;
	RETURN QUERY SELECT * FROM @extschema@.gate_rows(
		@extschema@.moment_gates(@extschema@.subject_key(home, subject), moment, home.space));
END;
$$;
COMMENT ON FUNCTION why_not(text, text, text) IS
'Every gate of a moment as it stands now for a subject, over its latest event of the kind that starts the moment; writes nothing.';
REVOKE ALL ON FUNCTION why_not(text, text, text) FROM PUBLIC;

CREATE FUNCTION why_not(subject anyelement, moment text, space text DEFAULT NULL)
RETURNS TABLE (gate text, passed boolean, reason text, saw jsonb)
LANGUAGE sql AS 'SELECT * FROM @extschema@.why_not(subject::text, moment, space)';
COMMENT ON FUNCTION why_not(anyelement, text, text) IS
'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION why_not(anyelement, text, text) FROM PUBLIC;

/* Reader views */

CREATE FUNCTION create_moment_views() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* A restore brings the views along. */
	IF to_regclass(format('%I.outcome', NEW.schema_name)) IS NOT NULL THEN
		RETURN NULL;
	END IF;
	EXECUTE format($view$
	CREATE VIEW %1$I.outcome WITH (security_invoker = true) AS
	SELECT d.decision, d.subject, d.moment, d.experiment, d.variant, d.at, d.outcome, d.reason, m.sent_at
	FROM %1$I.decision d LEFT JOIN %1$I.message m ON m.subject = d.subject AND m.message = d.decision;
	COMMENT ON VIEW %1$I.outcome IS 'A row a decision: what became of it.';

	CREATE VIEW %1$I.skip WITH (security_invoker = true) AS
	SELECT c.moment, c.day, c.reason, c.n, round(c.n / sum(c.n) OVER (PARTITION BY c.moment, c.day), 4) AS share
	FROM (
		SELECT moment, day, reason, sum(n) AS n FROM %1$I.moment_day WHERE reason <> 'entered' GROUP BY 1, 2, 3
		UNION ALL
		SELECT moment, (at AT TIME ZONE 'UTC')::date, coalesce(reason, outcome), count(*) FROM %1$I.decision
		WHERE outcome <> 'send' GROUP BY 1, 2, 3
	) c;
	COMMENT ON VIEW %1$I.skip IS 'A row a moment, day (UTC) and reason: how many were not sent, and their share of the day''s.';

	CREATE VIEW %1$I.funnel WITH (security_invoker = true) AS
	SELECT moment, day, sum(entered)::bigint AS entered, sum(decided)::bigint AS decided, sum(sent)::bigint AS sent
	FROM (
		SELECT moment, day, n AS entered, 0 AS decided, 0 AS sent FROM %1$I.moment_day WHERE reason = 'entered'
		UNION ALL
		SELECT moment, (at AT TIME ZONE 'UTC')::date, 0, 1, 0 FROM %1$I.decision
		UNION ALL
		SELECT moment, (sent_at AT TIME ZONE 'UTC')::date, 0, 0, 1 FROM %1$I.message WHERE state = 'sent'
	) c GROUP BY 1, 2;
	COMMENT ON VIEW %1$I.funnel IS 'A row a moment and day (UTC): how many entered, were decided, were sent.';

	CREATE VIEW %1$I.journey WITH (security_invoker = true) AS
	SELECT m.stage, m.moment, CASE WHEN m.held_at IS NULL THEN m.state ELSE 'held' END AS state, m.owner, m.variable, m.hypothesis, 'event ' || m.on_event AS starts_on, m.delay,
		m.channel, m.purpose,
		(SELECT count(*) FROM %1$I.message s WHERE s.moment = m.moment AND s.sent_at > @extschema@.now() - interval '30 days') AS sent_30d,
		(m.activated_at + m.review_every)::date AS review_due
	FROM @extschema@.moment m WHERE m.space = %2$L;
	COMMENT ON VIEW %1$I.journey IS 'A row a moment: the map of the customer''s journey.';

	CREATE VIEW %1$I.alert WITH (security_invoker = true) AS
	SELECT max(at) AS at, place, thing, state, sum(n)::bigint AS n FROM %1$I.incident GROUP BY place, thing, state;
	COMMENT ON VIEW %1$I.alert IS 'Errors that persona kept to itself: where, in what, which SQLSTATE, how often, and when last.';
	$view$, NEW.schema_name, NEW.space);
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION create_moment_views() IS
'Trigger: a new space gets its reader views outcome, skip, funnel, journey and alert.';
REVOKE ALL ON FUNCTION create_moment_views() FROM PUBLIC;
CREATE TRIGGER moment_views AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION create_moment_views();
