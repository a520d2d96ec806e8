/* moment: defined, with its start and its variants */

/* Moments */

CREATE FUNCTION defined_experiment(home space, experiment text) RETURNS experiment
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	meant @extschema@.experiment;
	known text[];
BEGIN
	SELECT * INTO meant FROM @extschema@.experiment e WHERE e.space = home.space AND e.experiment = defined_experiment.experiment;
	IF NOT FOUND THEN
		known := ARRAY(SELECT e.experiment FROM @extschema@.experiment e WHERE e.space = home.space
			UNION SELECT m.moment FROM @extschema@.moment m WHERE m.space = home.space AND m.experiment IS NULL ORDER BY 1);
		RAISE undefined_object USING
			MESSAGE = format('experiment %s does not exist in space "%s"', quote_nullable(experiment), home.space),
			HINT = @extschema@.ask(experiment, known, format('Define it first: SELECT * FROM persona.define_experiment(%L, ...).', coalesce(experiment, 'banner')));
	END IF;
	RETURN meant;
END;
$$;
COMMENT ON FUNCTION defined_experiment(space, text) IS
'The experiment that was defined under that name, or an error with the nearest name, which may be a moment''s own (42704).';
REVOKE ALL ON FUNCTION defined_experiment(space, text) FROM PUBLIC;

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

CREATE FUNCTION reschedule(moment text, space text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'persona_reschedule';
COMMENT ON FUNCTION reschedule(text, text) IS
'Gives what is scheduled for a moment the due time that it has by its delay and local_time as they are now, counted from its start; how many rows that changed.';
REVOKE ALL ON FUNCTION reschedule(text, text) FROM PUBLIC;

CREATE FUNCTION reschedule_experiment(space text, experiment text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT @extschema@.reschedule(m.moment, m.space) FROM @extschema@.moment m
	WHERE m.space = reschedule_experiment.space AND coalesce(m.experiment, m.moment) = reschedule_experiment.experiment AND m.variable = 'timing';
END;
COMMENT ON FUNCTION reschedule_experiment(text, text) IS
'reschedule() for the moments in which an experiment''s variants differ by their delay.';
REVOKE ALL ON FUNCTION reschedule_experiment(text, text) FROM PUBLIC;

CREATE FUNCTION experiment_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM @extschema@.reschedule_experiment(NEW.space, NEW.experiment);
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION experiment_changed() IS
'Trigger: what is scheduled by an experiment''s variants is due by those that it has now.';
REVOKE ALL ON FUNCTION experiment_changed() FROM PUBLIC;
CREATE TRIGGER due AFTER INSERT OR UPDATE ON experiment
FOR EACH ROW EXECUTE FUNCTION experiment_changed();

CREATE FUNCTION must_exist(home space, kind text, name text, known text[], otherwise text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NOT NULL AND name <> ALL (known) THEN
		RAISE undefined_object USING
			MESSAGE = format('%s "%s" does not exist in space "%s"', kind, name, home.space),
			HINT = @extschema@.ask(name, known, otherwise);
	END IF;
END;
$$;
COMMENT ON FUNCTION must_exist(space, text, text, text[], text) IS
'Raises an error with the nearest name, or the hint, where a name is none of those known (42704); NULL passes.';
REVOKE ALL ON FUNCTION must_exist(space, text, text, text[], text) FROM PUBLIC;

CREATE FUNCTION chain(home space, moment text) RETURNS TABLE (moment text, step int)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH RECURSIVE before AS (
		SELECT m.after_moment, 1 AS step FROM @extschema@.moment m
		WHERE m.space = (home).space AND m.moment = chain.moment
		UNION ALL
		SELECT m.after_moment, b.step + 1 FROM before b
		JOIN @extschema@.moment m ON m.space = (home).space AND m.moment = b.after_moment
	) CYCLE after_moment SET again USING path
	SELECT b.after_moment, b.step FROM before b WHERE b.after_moment IS NOT NULL AND NOT b.again;
END;
COMMENT ON FUNCTION chain(space, text) IS
'The moments before one in its chain, the nearest first.';
REVOKE ALL ON FUNCTION chain(space, text) FROM PUBLIC;

CREATE FUNCTION event_of(home space, moment text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT m.on_event
	FROM (SELECT event_of.moment, 0 UNION ALL SELECT c.moment, c.step FROM @extschema@.chain(home, event_of.moment) c) b(moment, step)
	JOIN @extschema@.moment m ON m.space = (home).space AND m.moment = b.moment
	ORDER BY b.step DESC LIMIT 1;
END;
COMMENT ON FUNCTION event_of(space, text) IS
'The event that "new" is in a moment: the one that starts it, or the first of its chain; NULL where none does.';
REVOKE ALL ON FUNCTION event_of(space, text) FROM PUBLIC;

CREATE FUNCTION check_start(home space, moment text, on_event text, on_segment text, after_moment text, schedule text, on_request boolean)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF num_nonnulls(on_event, on_segment, after_moment, schedule, nullif(on_request, false)) > 1 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('moment "%s" has more than one start', moment),
			HINT = 'Pass one of on_event, on_segment, after_moment, schedule and on_request; make a moment of each that you need.';
	ELSIF schedule !~ '^(daily|weekdays|(mon|tues|wednes|thurs|fri|satur|sun)day|day ([1-9]|1[0-9]|2[0-8]))$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%s is no schedule', quote_literal(schedule)),
			HINT = 'It is ''daily'', ''weekdays'', ''monday'' to ''sunday'', or ''day 1'' to ''day 28'' of the month, at local_time.';
	END IF;
	PERFORM @extschema@.must_exist(home, 'event', on_event,
		ARRAY(SELECT e.event FROM @extschema@.event e WHERE e.space = home.space),
		format('Define it first: SELECT * FROM persona.define_event(%L, ''orders'').', on_event));
	PERFORM @extschema@.must_exist(home, 'segment', on_segment,
		ARRAY(SELECT s.segment FROM @extschema@.segment s WHERE s.space = home.space),
		format('Define it first: SELECT * FROM persona.define_segment(%L, ''count(purchase) > 1'').', on_segment));
	PERFORM @extschema@.must_exist(home, 'moment', after_moment,
		ARRAY(SELECT m.moment FROM @extschema@.moment m WHERE m.space = home.space),
		format('Define it first: SELECT * FROM persona.define_moment(%L, ...).', after_moment));
	IF after_moment = moment OR moment IN (SELECT c.moment FROM @extschema@.chain(home, after_moment) c) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('moment "%s" would come after itself', moment),
			HINT = 'A chain of moments has a beginning that is none of them.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_start(space, text, text, text, text, text, boolean) IS
'Raises an error unless at most one start is given and what it names exists (22023, 42704).';
REVOKE ALL ON FUNCTION check_start(space, text, text, text, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION check_tokens(home space, moment text, tokens jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(coalesce(tokens, '{}')) <> 'object'
		OR EXISTS (SELECT FROM jsonb_each(tokens) t WHERE jsonb_typeof(t.value) <> 'string') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'tokens are an object of names and expressions',
			HINT = 'Write them as {"item": "new.description"}.';
	ELSIF EXISTS (SELECT FROM jsonb_object_keys(tokens) t WHERE t !~ '^[a-z][a-z0-9_]{0,39}$' OR t IN ('new', 'unsubscribe_url', 'preferences_url')) THEN
		RAISE invalid_name USING
			MESSAGE = format('%L cannot be the name of a token of moment "%s"', (SELECT left(t, 80) FROM jsonb_object_keys(tokens) t
				WHERE t !~ '^[a-z][a-z0-9_]{0,39}$' OR t IN ('new', 'unsubscribe_url', 'preferences_url') LIMIT 1), moment),
			HINT = 'Use 1 to 40 lower-case letters, digits and underscores, beginning with a letter; new, unsubscribe_url and preferences_url are taken.';
	ELSIF EXISTS (SELECT FROM jsonb_object_keys(tokens) t
			JOIN pg_attribute a ON a.attrelid = home.subjects AND a.attname = t AND a.attnum > 0 AND NOT a.attisdropped) THEN
		RAISE duplicate_object USING
			MESSAGE = format('a token of moment "%s" has the name of a column of %s', moment, home.subjects),
			HINT = 'Give the token a name of its own.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_tokens(space, text, jsonb) IS
'Raises an error unless tokens are an object of names and expressions none of which shadows a column (22023, 42602, 42710).';
REVOKE ALL ON FUNCTION check_tokens(space, text, jsonb) FROM PUBLIC;

CREATE FUNCTION set_variant(home space, moment text, variant text, subject_line template, template template, weight float8)
RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	INSERT INTO @extschema@.variant VALUES ((home).space, moment, variant, subject_line, template, '{}', NULL, NULL, weight)
	ON CONFLICT ON CONSTRAINT variant_pkey DO UPDATE
	SET (subject_line, template) = ROW (excluded.subject_line, excluded.template);
END;
COMMENT ON FUNCTION set_variant(space, text, text, template, template, float8) IS
'Writes the personal or the generic variant of a moment; one that is there keeps its weight.';
REVOKE ALL ON FUNCTION set_variant(space, text, text, template, template, float8) FROM PUBLIC;

CREATE FUNCTION check_variants(home space, moment text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong record;
BEGIN
	SELECT m.variable, v.variant, d.difference INTO wrong
	FROM @extschema@.moment m
	JOIN @extschema@.variant v ON v.space = m.space AND v.moment = m.moment AND v.variant NOT IN ('personal', 'generic')
	CROSS JOIN LATERAL (VALUES
		('delay', v.delay IS NOT NULL, 'timing'),
		('channel', v.channel IS NOT NULL, 'channel'),
		('text', num_nonnulls(v.template, v.subject_line, nullif(v.tokens, '{}')) > 0,
			CASE WHEN m.variable IN ('timing', 'channel') THEN NULL ELSE m.variable END)
	) d(difference, is_there, allowed_by)
	WHERE m.space = home.space AND m.moment = check_variants.moment
		AND d.is_there IS DISTINCT FROM (d.allowed_by IS NOT DISTINCT FROM m.variable)
	ORDER BY v.variant, d.is_there DESC LIMIT 1;
	IF FOUND THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('variants of moment "%s" differ in %s and in nothing else, but "%s" %s', moment, wrong.variable, wrong.variant,
				CASE WHEN wrong.difference = 'delay' AND wrong.variable = 'timing' THEN 'has no delay of its own'
					WHEN wrong.difference = 'channel' AND wrong.variable = 'channel' THEN 'has no channel of its own'
					WHEN wrong.difference = 'text' AND wrong.variable NOT IN ('timing', 'channel') THEN 'has neither a template nor a token of its own'
					ELSE format('has a %s of its own', wrong.difference) END),
			HINT = 'Of two differences nobody could tell which one made it. Name the one that you want to compare: define_moment(..., variable => ''content'', ''recommendation'', ''offer'', ''tone'', ''timing'' or ''channel'').';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_variants(space, text) IS
'Raises an error where a variant differs in another thing than the moment''s variable names, or not in it (22023).';
REVOKE ALL ON FUNCTION check_variants(space, text) FROM PUBLIC;

CREATE FUNCTION moment_reads(moment text, space text) RETURNS TABLE (source text, col text, relation regclass)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_moment_reads';
COMMENT ON FUNCTION moment_reads(text, text) IS
'The columns that a moment reads in its rules, templates, tokens and addresses; an error where one of these is wrong.';
REVOKE ALL ON FUNCTION moment_reads(text, text) FROM PUBLIC;

CREATE FUNCTION drop_view(home space, name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	view_name text := format('%I.%I', home.schema_name, name);
BEGIN
	IF to_regclass(view_name) IS NOT NULL THEN
		EXECUTE format('DROP VIEW %s', view_name);
	END IF;
END;
$$;
COMMENT ON FUNCTION drop_view(space, text) IS
'Drops a view of a space''s schema, where there is one.';
REVOKE ALL ON FUNCTION drop_view(space, text) FROM PUBLIC;

CREATE FUNCTION create_reads(home space, moment text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	view_name text := format('%I.%I', home.schema_name, 'moment_' || moment || '_reads');
	columns text;
	relations text;
BEGIN
	SELECT string_agg(format('%I.%I AS c%s', r.source, r.col, r.ord), ', '),
		string_agg(DISTINCT format('%s AS %I', r.relation, r.source), ', ')
	INTO columns, relations
	FROM ROWS FROM (@extschema@.moment_reads(moment, home.space)) WITH ORDINALITY r(source, col, relation, ord)
	WHERE r.relation NOT IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident(home.schema_name)));
	PERFORM @extschema@.drop_view(home, 'moment_' || moment || '_reads');
	IF columns IS NOT NULL THEN
		EXECUTE format('CREATE VIEW %s WITH (security_invoker = true) AS SELECT %s FROM %s WHERE false', view_name, columns, relations);
		EXECUTE format('COMMENT ON VIEW %s IS %L', view_name, format('The columns that moment "%s" reads: PostgreSQL drops none of them while it does.', moment));
		EXECUTE format('ALTER VIEW %s OWNER TO %s', view_name, @extschema@.space_owner(home.subjects)::regrole);
	END IF;
END;
$$;
COMMENT ON FUNCTION create_reads(space, text) IS
'Compiles a moment and makes its view moment_<name>_reads, which has no rows and all the columns that the moment reads: dropping one of these, or changing its type, is refused and names the moment.';
REVOKE ALL ON FUNCTION create_reads(space, text) FROM PUBLIC;

CREATE FUNCTION define_moment(moment text, on_event text DEFAULT NULL, on_segment text DEFAULT NULL,
	after_moment text DEFAULT NULL, schedule text DEFAULT NULL, on_request boolean DEFAULT false,
	when_rule rule DEFAULT 'true', purpose text DEFAULT NULL, channel text DEFAULT NULL, variable text DEFAULT 'content',
	subject_line template DEFAULT NULL, template template DEFAULT NULL, generic template DEFAULT NULL,
	tokens jsonb DEFAULT NULL, delay interval DEFAULT '0', local_time time DEFAULT NULL,
	once_per text DEFAULT NULL, restart boolean DEFAULT false, again_after interval DEFAULT NULL,
	cancel_rule rule DEFAULT NULL, expires text DEFAULT '3 days', experiment text DEFAULT NULL,
	priority int DEFAULT 0, transactional boolean DEFAULT false, stage text DEFAULT NULL,
	owner text DEFAULT NULL, hypothesis text DEFAULT NULL, review_every interval DEFAULT '3 months',
	space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	was @extschema@.moment;
	wrong text;
BEGIN
	PERFORM @extschema@.check_name('moment', moment);
	PERFORM @extschema@.check_start(home, moment, on_event, on_segment, after_moment, schedule, on_request);
	PERFORM @extschema@.check_tokens(home, moment, tokens);
	IF @extschema@.is_interval(expires) AND expires::interval <= '0' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('moment "%s" would expire before it is due, after %L', moment, expires),
			HINT = 'Pass an interval after the due time such as ''3 days'', or an expression such as ''new.valid_to''.';
	END IF;
	IF channel IS NOT NULL THEN
		PERFORM @extschema@.check_channel(home, channel);
	END IF;
	IF purpose IS NOT NULL THEN
		PERFORM @extschema@.find_purpose(home, purpose);
	END IF;
	IF experiment IS NOT NULL THEN
		PERFORM @extschema@.defined_experiment(home, experiment);
	END IF;
	SELECT * INTO was FROM @extschema@.moment m WHERE m.space = home.space AND m.moment = define_moment.moment FOR UPDATE;
	INSERT INTO @extschema@.moment
	VALUES (home.space, moment, coalesce(was.version, 0) + 1, coalesce(was.state, 'idea'), on_event, on_segment,
		after_moment, schedule, coalesce(on_request, false), when_rule, purpose, channel,
		variable, coalesce(tokens, '{}'), delay, local_time, once_per, coalesce(restart, false), again_after, cancel_rule, expires, coalesce(@extschema@.is_interval(expires), false),
		experiment, priority, transactional, stage, owner, hypothesis, review_every,
		coalesce(was.share, 1), was.activated_at, was.held_at, was.released_at)
	ON CONFLICT ON CONSTRAINT moment_pkey DO UPDATE
	SET (version, on_event, on_segment, after_moment, schedule, on_request, when_rule, purpose, channel, variable, tokens,
			delay, local_time, once_per, restart, again_after, cancel_rule, expires, expires_is_interval, experiment, priority, transactional, stage, owner, hypothesis, review_every)
		= (excluded.version, excluded.on_event, excluded.on_segment, excluded.after_moment, excluded.schedule,
			excluded.on_request, excluded.when_rule, excluded.purpose, excluded.channel, excluded.variable,
			excluded.tokens, excluded.delay, excluded.local_time, excluded.once_per, excluded.restart, excluded.again_after,
			excluded.cancel_rule, excluded.expires, excluded.expires_is_interval, excluded.experiment, excluded.priority, excluded.transactional, excluded.stage, excluded.owner,
			excluded.hypothesis, excluded.review_every);
	PERFORM @extschema@.set_variant(home, moment, 'personal', subject_line, template, 1);
	/* Where variants share one text the generic twin only stands in for it. */
	PERFORM @extschema@.set_variant(home, moment, 'generic', subject_line, generic,
		CASE WHEN variable IN ('timing', 'channel') THEN 0 ELSE 1 END);
	PERFORM @extschema@.check_variants(home, moment);
	RETURN QUERY SELECT * FROM @extschema@.settle_moment(home, moment, was.state = 'live',
		was.moment IS NOT NULL AND (was.delay, was.local_time) IS DISTINCT FROM (delay, local_time));
	IF was.state = 'live' THEN
		PERFORM @extschema@.sync_triggers(home);
	END IF;
EXCEPTION
	WHEN not_null_violation THEN
		GET STACKED DIAGNOSTICS wrong = COLUMN_NAME;
		RAISE null_value_not_allowed USING
			MESSAGE = format('%s of moment "%s" is NULL', wrong, moment),
			HINT = CASE wrong WHEN 'when_rule' THEN 'Write ''true'' for everybody.' ELSE 'Leave it out for what it is by default.' END;
	WHEN check_violation THEN
		GET STACKED DIAGNOSTICS wrong = CONSTRAINT_NAME;
		wrong := regexp_replace(wrong, '^moment_(.*)_check$', '\1');
		RAISE invalid_parameter_value USING
			MESSAGE = format('moment "%s" cannot have the %s %L', moment, wrong, CASE wrong WHEN 'variable' THEN variable
				WHEN 'delay' THEN delay::text WHEN 'again_after' THEN again_after::text WHEN 'review_every' THEN review_every::text END),
			HINT = CASE wrong WHEN 'variable' THEN @extschema@.ask(variable, '{content,recommendation,offer,tone,timing,channel}',
				'It is content, recommendation, offer, tone, timing or channel.')
				WHEN 'delay' THEN 'A delay is 0 or more.' ELSE 'Pass a positive interval such as ''3 months''.' END;
END;
$$;
COMMENT ON FUNCTION define_moment(text, text, text, text, text, boolean, rule, text, text, text, template, template, template, jsonb, interval, time, text, boolean, interval, rule, text, text, int, boolean, text, text, text, interval, text) IS
'Writes down a moment: what starts it, for whom, on which purpose and channel, its personal and generic templates, when it is due and what stops it. It starts on one of: an event, a segment entered, the message of another moment (unless that one was stopped or its goal reached), a schedule (daily, weekdays, monday to sunday, day 1 to day 28, at local_time in the subject''s zone), a request. once_per is an expression, NULL for the event''s key; with restart a later event of the same moves the due time, after again_after it starts anew. An idea needs little more than a name; activate() asks for the rest. expires is an interval after the due time or a timestamp expression. experiment: one by which its variants are spread, and under whose name they are counted; NULL for the moment''s own.';
REVOKE ALL ON FUNCTION define_moment(text, text, text, text, text, boolean, rule, text, text, text, template, template, template, jsonb, interval, time, text, boolean, interval, rule, text, text, int, boolean, text, text, text, interval, text) FROM PUBLIC;

CREATE FUNCTION settle_moment(home space, moment text, is_live boolean, waits_otherwise boolean) RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM @extschema@.create_reads(home, moment);
	IF waits_otherwise THEN
		PERFORM @extschema@.reschedule(moment, home.space);
	END IF;
	IF is_live THEN
		RETURN QUERY SELECT * FROM @extschema@.require_complete(home, moment);
	ELSE
		RETURN QUERY SELECT * FROM @extschema@.lint_moment(home, moment);
	END IF;
END;
$$;
COMMENT ON FUNCTION settle_moment(space, text, boolean, boolean) IS
'After a moment or a variant was written: compiles the moment, gives what is scheduled its due time where that has changed, and lints it; one that is live stays complete.';
REVOKE ALL ON FUNCTION settle_moment(space, text, boolean, boolean) FROM PUBLIC;

CREATE FUNCTION define_variant(moment text, variant text, template template DEFAULT NULL, subject_line template DEFAULT NULL,
	tokens jsonb DEFAULT NULL, delay interval DEFAULT NULL, channel text DEFAULT NULL, weight float8 DEFAULT NULL,
	space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	was @extschema@.moment := @extschema@.find_moment(home, moment);
BEGIN
	PERFORM @extschema@.check_name('variant', variant);
	IF variant = 'holdout' THEN
		RAISE reserved_name USING
			MESSAGE = 'the holdout is no variant: it gets nothing',
			HINT = 'define_policy(holdout => 0.1) keeps a share of the subjects out.';
	ELSIF variant IN ('personal', 'generic') AND num_nonnulls(template, subject_line, tokens, delay, channel) > 0 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('what the %s variant of moment "%s" says is a part of the moment', variant, moment),
			HINT = format('Write it into define_moment(%L, ...); here only its weight can be set.', moment);
	END IF;
	PERFORM @extschema@.check_tokens(home, moment, tokens);
	IF channel IS NOT NULL THEN
		PERFORM @extschema@.check_channel(home, channel);
	END IF;
	IF variant IN ('personal', 'generic') THEN
		UPDATE @extschema@.variant v SET weight = coalesce(define_variant.weight, 1)
		WHERE v.space = home.space AND v.moment = define_variant.moment AND v.variant = define_variant.variant;
	ELSE
		INSERT INTO @extschema@.variant
		VALUES (home.space, moment, variant, subject_line, template, coalesce(tokens, '{}'), delay, channel, coalesce(weight, 1))
		ON CONFLICT ON CONSTRAINT variant_pkey DO UPDATE
		SET (subject_line, template, tokens, delay, channel, weight)
			= (excluded.subject_line, excluded.template, excluded.tokens, excluded.delay, excluded.channel, excluded.weight);
	END IF;
	PERFORM @extschema@.check_variants(home, moment);
	UPDATE @extschema@.moment m SET version = m.version + 1 WHERE m.space = home.space AND m.moment = define_variant.moment;
	RETURN QUERY SELECT * FROM @extschema@.settle_moment(home, moment, was.state = 'live', was.variable = 'timing');
EXCEPTION
	WHEN check_violation THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('variant "%s" of moment "%s" has a value out of range', variant, moment),
			HINT = 'delay and weight are 0 or more.';
END;
$$;
COMMENT ON FUNCTION define_variant(text, text, template, template, jsonb, interval, text, float8, text) IS
'Adds a variant to a moment, which differs from the personal one in what the moment''s variable names and in nothing else: template, subject_line and tokens; or, where it is timing, the delay; or the channel. weight (1 unless said) is its share among all weights; 0 gives it to nobody. Of personal and generic only the weight can be set.';
REVOKE ALL ON FUNCTION define_variant(text, text, template, template, jsonb, interval, text, float8, text) FROM PUBLIC;
