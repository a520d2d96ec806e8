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
	max_per_hour int CHECK (max_per_hour >= 0),
	holdout float8 CHECK (holdout >= 0 AND holdout < 1),
	retention interval CHECK (retention > '0'),
	PRIMARY KEY (space, channel, purpose)
);
COMMENT ON TABLE policy IS
'Limits by channel and purpose; '''' stands for every one, space house for every space. Of all that apply the strictest counts.';

CREATE TABLE moment (
	space text,
	moment text,
	version int NOT NULL,
	state text NOT NULL CHECK (state IN ('idea', 'live', 'paused', 'retired')),
	on_event text,
	on_segment text,
	after_moment text,
	schedule text,
	on_request boolean NOT NULL,
	when_rule rule NOT NULL,
	purpose text,
	channel text,
	variable text NOT NULL CHECK (variable IN ('content', 'recommendation', 'offer', 'tone', 'timing', 'channel')),
	tokens jsonb NOT NULL,
	delay interval NOT NULL CHECK (delay >= '0'),
	local_time time,
	once_per text,
	restart boolean NOT NULL,
	again_after interval CHECK (again_after > '0'),
	cancel_rule rule,
	expires text,
	expires_is_interval boolean NOT NULL,
	experiment text,
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
	starts_on text GENERATED ALWAYS AS (CASE
		WHEN on_event IS NOT NULL THEN on_event
		WHEN on_segment IS NOT NULL THEN 'segment ' || on_segment
		WHEN after_moment IS NOT NULL THEN 'after ' || after_moment
		WHEN schedule IS NOT NULL THEN 'schedule ' || moment
		WHEN on_request THEN 'request' END) STORED,
	CHECK (num_nonnulls(on_event, on_segment, after_moment, schedule, nullif(on_request, false)) <= 1),
	PRIMARY KEY (space, moment)
);
COMMENT ON TABLE moment IS
'Touchpoints worth a personal message: what starts them, who gets in, what stops them, when they are due. starts_on is the word under which what starts a moment stands in the inbox: the event, or another start, whose word has a space in it as no event has.';

CREATE TABLE variant (
	space text,
	moment text,
	variant text,
	subject_line template,
	template template,
	tokens jsonb NOT NULL,
	delay interval CHECK (delay >= '0'),
	channel text,
	weight float8 NOT NULL CHECK (weight >= 0 AND weight < 'infinity'),
	PRIMARY KEY (space, moment, variant)
);
COMMENT ON TABLE variant IS
'The versions of a moment''s message; personal and generic are always among them. What is NULL is as in the personal one, or as the moment says.';

CREATE TABLE outbox (
	space text PRIMARY KEY,
	outbox text NOT NULL,
	who text NOT NULL,
	why text NOT NULL,
	at timestamptz NOT NULL
);
COMMENT ON TABLE outbox IS
'The one database that a space sends from (system identifier/database oid/timeline), and who said so, why and when.';

SELECT keep_definitions(t) FROM unnest(ARRAY['policy', 'moment', 'variant', 'outbox']::regclass[]) t;
CREATE POLICY owner ON policy
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) policy.space));
/* What every space inherits, every space may read. */
CREATE POLICY house ON policy FOR SELECT USING (space OPERATOR(pg_catalog.=) 'house');
CREATE POLICY owner ON moment
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) moment.space));
CREATE POLICY owner ON variant
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) variant.space));
CREATE POLICY owner ON outbox
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) outbox.space));

CREATE FUNCTION decision_id(space text, moment text, subject text, key text, step int) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'persona_decision_id';
COMMENT ON FUNCTION decision_id(text, text, text, text, int) IS
'The id of a decision: the first 16 bytes of the sha256 over space, moment, subject, event key or period, and step, each in UTF-8 and 0x1f between.';

/* A subject's own time */

CREATE FUNCTION zone_name(zone text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'persona_zone_name';
COMMENT ON FUNCTION zone_name(text) IS
'The zone of the zone database that a text names, as the database spells it; UTC for NULL and for what names none, such as a POSIX rule.';

CREATE FUNCTION next_local(t timestamptz, local_time time, zone text) RETURNS timestamptz
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'persona_next_local';
COMMENT ON FUNCTION next_local(timestamptz, time, text) IS
'The first instant from t on at which clocks in the zone show that time: where they are set forward over it the instant after the gap, where they show it twice the first. t itself where the time is NULL; UTC where the zone is none.';

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
	IF link !~* '^https://' THEN
		RETURN NEXT ('warn', 'link_without_https', channel, 'its links are not https, so no mailbox offers to unsubscribe by one click',
			'RFC 8058 asks for https: link => ''https://shop.example/persona''.')::@extschema@.finding;
	END IF;
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

CREATE FUNCTION quiet_covers(from_time time, to_time time, inner_from time, inner_to time) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	/* Stretches of a circle of 86,400 seconds: where they begin, how long they are. */
	SELECT (86400 + inner_begin - begin_at) % 86400 + inner_length <= length OR inner_length = 0 OR length = 86400
	FROM (
		SELECT extract(epoch FROM from_time)::int, extract(epoch FROM inner_from)::int,
			CASE WHEN to_time - from_time = '24:00' THEN 86400 ELSE (86400 + extract(epoch FROM to_time - from_time)::int) % 86400 END,
			CASE WHEN inner_to - inner_from = '24:00' THEN 86400 ELSE (86400 + extract(epoch FROM inner_to - inner_from)::int) % 86400 END
	) s(begin_at, inner_begin, length, inner_length);
END;
COMMENT ON FUNCTION quiet_covers(time, time, time, time) IS
'Whether quiet hours hold all of other quiet hours; either may span midnight.';
REVOKE ALL ON FUNCTION quiet_covers(time, time, time, time) FROM PUBLIC;

CREATE FUNCTION loosened(mine policy, house policy) RETURNS TABLE (thing text, value text, house_value text)
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT l.thing, l.value, l.house_value
	FROM (VALUES
		/* A cap that the house's keeps anybody from reaching is none. */
		('cap', format('%s per %s', (mine).cap, (mine).per), format('%s per %s', (house).cap, (house).per),
			(mine).cap > 0 AND ((mine).cap, (mine).per) <> ((house).cap, (house).per)
			AND (mine).cap >= (house).cap * ceil(extract(epoch FROM (mine).per) / extract(epoch FROM (house).per))),
		('quiet', format('%s-%s', left((mine).quiet_from::text, 5), left((mine).quiet_to::text, 5)),
			format('%s-%s', left((house).quiet_from::text, 5), left((house).quiet_to::text, 5)),
			NOT @extschema@.quiet_covers((mine).quiet_from, (mine).quiet_to, (house).quiet_from, (house).quiet_to)),
		('max_surprise', (mine).max_surprise::text, (house).max_surprise::text, (mine).max_surprise > (house).max_surprise),
		('categories', array_to_string((mine).categories, ', '), array_to_string((house).categories, ', '),
			(house).categories IS NOT NULL AND EXISTS (SELECT FROM unnest((mine).categories) c
				WHERE NOT EXISTS (SELECT FROM unnest((house).categories) h WHERE c = h OR starts_with(c, h || '.')))),
		('max_per_hour', (mine).max_per_hour::text, (house).max_per_hour::text, (mine).max_per_hour > (house).max_per_hour),
		('holdout', (mine).holdout::text, (house).holdout::text, (mine).holdout < (house).holdout),
		('retention', (mine).retention::text, (house).retention::text, (mine).retention > (house).retention)
	) l(thing, value, house_value, looser)
	WHERE l.looser;
END;
COMMENT ON FUNCTION loosened(policy, policy) IS
'Which limits of a policy are looser than the house''s; what it leaves open it inherits.';
REVOKE ALL ON FUNCTION loosened(policy, policy) FROM PUBLIC;

CREATE FUNCTION check_tightens(mine policy) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	looser record;
BEGIN
	SELECT l.* INTO looser
	FROM @extschema@.policy h CROSS JOIN LATERAL @extschema@.loosened(mine, h) l
	WHERE h.space = 'house' AND h.channel IN ('', mine.channel)
		AND (h.purpose IN ('', mine.purpose) OR starts_with(mine.purpose, h.purpose || '.'));
	IF FOUND THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%s %s is looser than the house''s %s', looser.thing, looser.value, looser.house_value),
			HINT = 'What the house says a space may only tighten. It is changed with define_policy(..., space => ''house'').';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_tightens(policy) IS
'Raises an error where a limit is looser than what the house says for the same, or for more, and names the house''s value (22023).';
REVOKE ALL ON FUNCTION check_tightens(policy) FROM PUBLIC;

CREATE FUNCTION read_policy(space text, channel text, purpose text, cap int, per interval, quiet text, max_surprise int,
	categories text[], max_per_hour int, holdout float8, retention interval)
RETURNS policy
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	hours text[] := regexp_match(quiet, '^\s*((?:[01]?\d|2[0-3]):[0-5]\d|24:00)\s*-\s*((?:[01]?\d|2[0-3]):[0-5]\d|24:00)\s*$');
BEGIN
	IF quiet IS NOT NULL AND hours IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%L are no quiet hours', quiet),
			HINT = 'Write from and to in the customer''s own time, such as ''21:00-08:00''.';
	ELSIF purpose IS NOT NULL THEN
		PERFORM @extschema@.check_label('purpose', purpose);
	END IF;
	PERFORM @extschema@.check_label('category', c) FROM unnest(categories) c;
	RETURN (space, coalesce(channel, ''), coalesce(purpose, ''), cap, coalesce(per, '7 days'), hours[1]::time, hours[2]::time,
		max_surprise, categories, max_per_hour, holdout, retention)::@extschema@.policy;
END;
$$;
COMMENT ON FUNCTION read_policy(text, text, text, int, interval, text, int, text[], int, float8, interval) IS
'The policy that the arguments of define_policy() say, or an error about the one that says nothing.';
REVOKE ALL ON FUNCTION read_policy(text, text, text, int, interval, text, int, text[], int, float8, interval) FROM PUBLIC;

CREATE FUNCTION define_policy(channel text DEFAULT NULL, purpose text DEFAULT NULL, cap int DEFAULT NULL,
	per interval DEFAULT '7 days', quiet text DEFAULT NULL, max_surprise int DEFAULT NULL, categories text[] DEFAULT NULL,
	max_per_hour int DEFAULT NULL, holdout float8 DEFAULT NULL, retention interval DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	is_house boolean := coalesce(space, current_setting('persona.space', true)) = 'house';
	home @extschema@.space := CASE WHEN is_house THEN NULL ELSE @extschema@.resolve_space(space) END;
	mine @extschema@.policy := @extschema@.read_policy(coalesce(home.space, 'house'), channel, purpose, cap, per, quiet,
		max_surprise, categories, max_per_hour, holdout, retention);
BEGIN
	IF is_house THEN
		/* Not by WHERE: the planner would call it for NULL, as it is immutable. */
		IF channel IS NOT NULL THEN
			PERFORM @extschema@.check_name('channel', channel);
		END IF;
	ELSE
		PERFORM @extschema@.check_channel(home, channel) WHERE channel IS NOT NULL;
		PERFORM @extschema@.check_tightens(mine);
	END IF;
	INSERT INTO @extschema@.policy VALUES (mine.*)
	ON CONFLICT ON CONSTRAINT policy_pkey DO UPDATE
	SET (cap, per, quiet_from, quiet_to, max_surprise, categories, max_per_hour, holdout, retention)
		= (excluded.cap, excluded.per, excluded.quiet_from, excluded.quiet_to, excluded.max_surprise, excluded.categories,
			excluded.max_per_hour, excluded.holdout, excluded.retention);
	RETURN QUERY SELECT 'warn', 'looser_than_house', p.space,
		format('%s %s of space "%s" is looser than the house''s %s, which counts', l.thing, l.value, p.space, l.house_value),
		'Run its define_policy() again without it.'
	FROM @extschema@.policy p CROSS JOIN LATERAL @extschema@.loosened(p, mine) l
	WHERE is_house AND p.space <> 'house' AND mine.channel IN ('', p.channel)
		AND (mine.purpose IN ('', p.purpose) OR starts_with(p.purpose, mine.purpose || '.'));
EXCEPTION
	WHEN check_violation THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'this policy has a limit out of range',
			HINT = 'cap and max_per_hour are 0 or more, per and retention positive, max_surprise 0 to 100, holdout 0 or more and below 1.';
END;
$$;
COMMENT ON FUNCTION define_policy(text, text, int, interval, text, int, text[], int, float8, interval, text) IS
'Limits for a channel and a purpose, NULL for every one: at most cap messages to a subject per interval (for every channel and purpose also to an address), quiet hours in the subject''s zone, highest surprise 0..100, allowed data categories, the messages an hour above which a moment is held, the holdout as a share, and how long settled messages and feedback are kept. Of all that apply the strictest counts. Space house stands for every space: a looser value in a space is an error (22023).';
REVOKE ALL ON FUNCTION define_policy(text, text, int, interval, text, int, text[], int, float8, interval, text) FROM PUBLIC;

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
	ELSIF EXISTS (SELECT FROM jsonb_object_keys(tokens) t
			JOIN pg_attribute a ON a.attrelid = home.subjects AND a.attname = t AND a.attnum > 0 AND NOT a.attisdropped) THEN
		RAISE duplicate_object USING
			MESSAGE = format('a token of moment "%s" has the name of a column of %s', moment, home.subjects),
			HINT = 'Give the token a name of its own.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_tokens(space, text, jsonb) IS
'Raises an error unless tokens are an object of expressions none of which shadows a column (22023, 42710).';
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
	IF to_regclass(view_name) IS NOT NULL THEN
		EXECUTE format('DROP VIEW %s', view_name);
	END IF;
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
BEGIN
	PERFORM @extschema@.check_name('moment', moment);
	PERFORM @extschema@.check_start(home, moment, on_event, on_segment, after_moment, schedule, on_request);
	PERFORM @extschema@.check_tokens(home, moment, tokens);
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
	WHEN check_violation OR not_null_violation THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('moment "%s" has a value out of range', moment),
			HINT = 'variable: content, recommendation, offer, tone, timing or channel. delay is 0 or more, again_after and review_every positive.';
END;
$$;
COMMENT ON FUNCTION define_moment(text, text, text, text, text, boolean, rule, text, text, text, template, template, template, jsonb, interval, time, text, boolean, interval, rule, text, text, int, boolean, text, text, text, interval, text) IS
'Writes down a moment: what starts it, for whom, on which purpose and channel, its personal and generic templates, when it is due and what stops it. It starts on one of: an event, a segment entered, the message of another moment, a schedule (daily, weekdays, monday to sunday, day 1 to day 28, at local_time in the subject''s zone), a request. once_per is an expression, NULL for the event''s key; with restart a later event of the same moves the due time, after again_after it starts anew. An idea needs little more than a name; activate() asks for the rest. expires is an interval after the due time or a timestamp expression. experiment: one by which its variants are spread, and under whose name they are counted; NULL for the moment''s own.';
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

/* The audit of a moment */

CREATE FUNCTION moment_uses(moment text, space text)
RETURNS TABLE (part text, mentioned boolean, source text, col text, through text, of_new boolean, variable text)
LANGUAGE c STABLE STRICT ROWS 30 AS 'MODULE_PATHNAME', 'persona_moment_uses';
COMMENT ON FUNCTION moment_uses(text, text) IS
'Every column that each part of a moment reads: its rules, address and the text of each variant, through tokens, segments and facets. mentioned: the text shows its value; through: the aggregate or segment that it goes through; of_new: of the event that started the moment; variable: the template''s, NULL outside of texts.';
REVOKE ALL ON FUNCTION moment_uses(text, text) FROM PUBLIC;

CREATE FUNCTION moment_attributes(home space, moment text)
RETURNS TABLE (attribute text, relation regclass, col text, category text, provenance text, sensitivity text, described boolean,
	mentioned boolean, relevance text, through text, used_in text[], describe_as text, variables text[])
LANGUAGE sql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
	WITH source (name, relation) AS (
		SELECT 'subject', home.subjects
		UNION ALL SELECT s.name, s.relation FROM @extschema@.sources_of(home) s
		UNION ALL SELECT v.name, to_regclass(format('%I.%I', home.schema_name, v.name))::regclass FROM (VALUES ('message'), ('feedback')) v (name)
	), used AS (
		SELECT DISTINCT u.*, s.relation, @extschema@.event_of(home, moment_attributes.moment) AS on_event
		FROM @extschema@.moment_uses(moment_attributes.moment, home.space) u
		JOIN source s ON s.name = u.source
	), base AS (
		/* What is described stands for itself, else what it is made of does. */
		SELECT u.*, own.attribute AS own, r.base, r.base_col, u.mentioned AND r.shown AS is_mentioned
		FROM used u
		LEFT JOIN @extschema@.attribute own ON own.space = home.space
			AND own.attribute = concat_ws('.', nullif(u.source, 'subject'), u.col)
		CROSS JOIN LATERAL (
			SELECT u.relation, u.col, true WHERE own.attribute IS NOT NULL
			UNION ALL SELECT * FROM @extschema@.read_columns(u.relation, u.col) WHERE own.attribute IS NULL
		) r (base, base_col, shown)
	), named AS (
		/* As the source calls it that the rule names, else as any other does. */
		SELECT b.*, coalesce(b.own, other.attribute,
				CASE WHEN b.base = b.relation THEN concat_ws('.', nullif(b.source, 'subject'), b.base_col)
					WHEN elsewhere.name IS NOT NULL THEN concat_ws('.', nullif(elsewhere.name, 'subject'), b.base_col)
					ELSE format('%s.%I', b.base, b.base_col) END) AS attribute,
			b.base = b.relation OR elsewhere.name IS NOT NULL AS is_bound
		FROM base b
		LEFT JOIN LATERAL (
			SELECT a.attribute FROM source s
			JOIN @extschema@.attribute a ON a.space = home.space AND a.attribute = concat_ws('.', nullif(s.name, 'subject'), b.base_col)
			WHERE s.relation = b.base ORDER BY a.attribute LIMIT 1) other ON b.own IS NULL
		LEFT JOIN LATERAL (SELECT s.name FROM source s WHERE s.relation = b.base ORDER BY s.name = 'subject' DESC, s.name LIMIT 1) elsewhere ON true
	), key_column AS (
		SELECT home.subjects AS relation, home.key AS col
		UNION SELECT e.relation, k FROM @extschema@.event e, unnest(e.id || e.subject) k WHERE e.space = home.space
		UNION SELECT f.relation, f.key FROM @extschema@.facet f WHERE f.space = home.space
	), hint AS MATERIALIZED (
		SELECT h.relation, h.name, h.category
		FROM @extschema@.hinted_columns(ARRAY(SELECT DISTINCT n.base FROM named n), home.subjects) h
	), fact AS (
		SELECT DISTINCT n.attribute, n.base, n.base_col, a.attribute IS NOT NULL AS described, a.sensitivity,
			coalesce(a.category, CASE
				WHEN EXISTS (SELECT FROM key_column k WHERE (k.relation, k.col) = (n.base, n.base_col)) THEN 'user.unique_id'
				WHEN n.base IN (SELECT s.relation FROM source s WHERE s.name IN ('message', 'feedback')) THEN 'user.behavior.message_engagement'
				ELSE hint.category END) AS category,
			coalesce(a.provenance, CASE
				WHEN EXISTS (SELECT FROM key_column k WHERE (k.relation, k.col) = (n.base, n.base_col)) THEN 'transacted'
				WHEN n.base IN (SELECT s.relation FROM source s WHERE s.name IN ('message', 'feedback')) THEN 'observed'
				ELSE 'unknown' END) AS provenance
		FROM named n
		LEFT JOIN @extschema@.attribute a ON a.space = home.space AND a.attribute = n.attribute
		LEFT JOIN hint ON hint.relation = n.base AND hint.name = n.base_col
	)
	SELECT n.attribute, f.base, f.base_col, f.category, f.provenance, f.sensitivity, f.described,
		bool_or(n.is_mentioned),
		CASE WHEN f.provenance = 'third_party' THEN 'company'
			WHEN bool_and(n.of_new) THEN 'event'
			WHEN bool_and(n.source = 'subject' OR n.of_new OR n.source = n.on_event OR n.on_event IS NULL) THEN 'touchpoint'
			ELSE 'other' END,
		(array_agg(n.through ORDER BY n.through) FILTER (WHERE n.is_mentioned OR n.through = 'segment'))[1],
		array_agg(DISTINCT n.part ORDER BY n.part),
		CASE WHEN bool_or(n.is_bound) THEN n.attribute ELSE min(concat_ws('.', nullif(n.source, 'subject'), n.col) COLLATE "C") END,
		array_agg(DISTINCT n.variable ORDER BY n.variable) FILTER (WHERE n.is_mentioned)
	FROM named n JOIN fact f ON f.attribute = n.attribute
	GROUP BY n.attribute, f.base, f.base_col, f.category, f.provenance, f.sensitivity, f.described;
END;
COMMENT ON FUNCTION moment_attributes(space, text) IS
'Every attribute that a moment uses, down to the columns of tables: what is known of it, whether the text mentions it, how near it is to what started the moment (event, touchpoint, other, company), in which parts, and by which variables. describe_as: what define_attribute() calls it, which of a column behind a view is the view''s. What nobody has described goes by what its name suggests, with provenance unknown.';
REVOKE ALL ON FUNCTION moment_attributes(space, text) FROM PUBLIC;

CREATE FUNCTION moment_sample(moment text, space text)
RETURNS TABLE (variant text, missing text, said text)
LANGUAGE c STABLE STRICT ROWS 400 AS 'MODULE_PATHNAME', 'persona_moment_sample';
COMMENT ON FUNCTION moment_sample(text, text) IS
'What the templates of each variant would say to at most 100 customers whom the moment could reach now, and the first variable that one of these lacks. Nothing where that would take long, for a moment on request, or for who is no member of the space''s owner.';
REVOKE ALL ON FUNCTION moment_sample(text, text) FROM PUBLIC;

CREATE FUNCTION audit_words(home space, moment text)
RETURNS TABLE (variant text, found text, verdict text, reason text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH written AS (
		SELECT v.variant, t.found, t.verdict, t.reason, t.fix
		FROM @extschema@.variant v
		CROSS JOIN LATERAL @extschema@.audit_text(concat_ws('. ', v.subject_line, v.template), NULL, home.space) t
		WHERE v.space = home.space AND v.moment = audit_words.moment
	)
	SELECT * FROM written
	UNION ALL
	/* What only a customer's data makes of it; the words found may be hers. */
	SELECT DISTINCT s.variant, NULL, t.verdict, t.reason, t.fix
	/* As one text: to compile a pattern takes longer than to look for it. */
	FROM (SELECT x.variant, string_agg(DISTINCT x.said, '. ') AS said
		FROM @extschema@.moment_sample(audit_words.moment, home.space) x GROUP BY x.variant) s
	CROSS JOIN LATERAL @extschema@.audit_text(s.said, NULL, home.space) t
	WHERE NOT EXISTS (SELECT FROM written w WHERE (w.variant, w.reason) = (s.variant, t.reason));
END;
COMMENT ON FUNCTION audit_words(space, text) IS
'The words of surveillance in the templates of a moment, and in what these say to some customers; of the latter found is NULL, for it may hold a customer''s data.';
REVOKE ALL ON FUNCTION audit_words(space, text) FROM PUBLIC;

CREATE FUNCTION audit_attributes(home space, moment text)
RETURNS TABLE (moment text, attribute text, category text, provenance text, use text, mentioned boolean, score int, verdict text, reason text, fix text, points jsonb, used_in text[], variables text[])
LANGUAGE sql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
	WITH moment AS (
		SELECT m.*, w.channels, w.use, w.soonest, w.explained
		FROM @extschema@.moment m
		CROSS JOIN LATERAL (
			/* Of what its variants do the most surprising. */
			SELECT array_agg(DISTINCT c.channel) AS channels,
				(array_agg(u.use ORDER BY array_position('{sold,cross_context,first_party}', u.use)))[1] AS use,
				min(coalesce(v.delay, m.delay)) AS soonest,
				bool_and(@extschema@.explains_itself(v.template::text)) FILTER (WHERE v.variant <> 'generic') AS explained
			FROM @extschema@.variant v
			CROSS JOIN LATERAL (SELECT coalesce(v.channel, m.channel)) c (channel)
			CROSS JOIN LATERAL (SELECT @extschema@.use_of(m.purpose, c.channel)) u (use)
			WHERE (v.space, v.moment) = (m.space, m.moment)
		) w
		WHERE m.space = home.space AND m.moment = audit_attributes.moment
	), scored AS (
		SELECT a.*, m.use, m.explained, s.special, s.is_ip_location, s.opened, g.granularity,
			@extschema@.surprise_parts(a.provenance, a.category, m.use, a.sensitivity,
				relevance => a.relevance,
				granularity => CASE WHEN a.mentioned THEN g.granularity END,
				mentioned => a.mentioned,
				immediate => a.mentioned AND a.relevance = 'event' AND a.provenance IN ('observed', 'inferred') AND m.soonest < '1 day',
				old => a.mentioned AND a.through = 'first',
				derived => a.through IN ('count', 'sum', 'avg', 'stddev', 'variance', 'bool_and', 'bool_or', 'every', 'segment'),
				explained => a.mentioned AND m.explained,
				opened => s.opened) AS points
		FROM moment m
		CROSS JOIN LATERAL @extschema@.moment_attributes(home, m.moment) a
		JOIN pg_attribute t ON t.attrelid = a.relation AND t.attname = a.col
		CROSS JOIN LATERAL (SELECT
			coalesce((SELECT bool_or(x.special) FROM @extschema@.taxonomy() x WHERE a.category = x.category OR starts_with(a.category, x.category || '.')), false)
				OR a.sensitivity = 'special',
			a.mentioned AND a.category ~ '^user[.](location|device[.]ip_address)' AND a.provenance IN ('third_party', 'observed', 'inferred')
				AND (a.provenance = 'third_party' OR a.category ~ 'ip_address' OR a.col ~* '(^|_)(ip|geoip)(_|$)'),
			EXISTS (SELECT FROM @extschema@.policy p WHERE p.space IN (home.space, 'house') AND p.categories IS NOT NULL
				AND (p.channel = '' OR p.channel = ANY (m.channels)) AND (p.purpose IN ('', m.purpose) OR starts_with(m.purpose, p.purpose || '.'))
				AND NOT coalesce((SELECT bool_or(a.category = c OR starts_with(a.category, c || '.')) FROM unnest(p.categories) c), true))
		) s (special, is_ip_location, opened)
		CROSS JOIN LATERAL (SELECT @extschema@.granularity_of(a.category, a.col, t.atttypid, a.through)) g (granularity)
	), judged AS (
		SELECT s.*, (s.points->>'score')::int AS score, CASE
			/* What nobody has described is a question, not yet an answer. */
			WHEN s.described AND (s.special AND NOT s.opened OR s.is_ip_location OR (s.points->>'score')::int >= 75) THEN 'block'
			WHEN (s.points->>'score')::int >= 55 THEN 'warn'
			ELSE 'ok' END AS verdict
		FROM scored s
	)
	SELECT audit_attributes.moment, j.attribute, j.category, j.provenance, j.use, j.mentioned, j.score, j.verdict,
		CASE
			WHEN j.special AND NOT j.opened THEN 'The law calls this data special (GDPR Art. 9, 10): only an explicit yes opens it'
			WHEN j.is_ip_location THEN 'The customer did not say where she is: it was looked up from her connection'
			WHEN NOT j.described AND j.provenance = 'unknown' THEN 'Nobody has said where this comes from'
			WHEN j.use = 'sold' THEN 'Sold on, the same data is far less welcome than in your own shop'
			WHEN j.provenance = 'third_party' THEN 'It comes from another company: the customer never gave it to you'
			WHEN j.mentioned AND j.granularity = 'duration' THEN 'It tells the customer how long something took: it feels measured'
			WHEN j.mentioned AND j.granularity = 'place' THEN 'It tells the customer where she was'
			WHEN j.mentioned AND j.granularity = 'time' AND j.provenance IN ('observed', 'inferred') THEN 'It tells the customer when she did something'
			WHEN j.provenance = 'inferred' THEN 'You worked it out: the customer never said so'
			WHEN j.provenance = 'declared' AND j.relevance = 'other' THEN 'The customer told you this for something else, not for this'
			WHEN j.use = 'cross_context' THEN 'It is used outside of where it was collected'
			WHEN j.provenance = 'observed' AND j.mentioned THEN 'The customer was watched, and the text says so'
			WHEN j.provenance = 'observed' THEN 'The customer was watched, though the text does not say so'
			WHEN j.relevance = 'event' THEN 'It comes from what started the message'
			WHEN j.provenance = 'transacted' THEN 'It is known from what was bought or asked'
			ELSE 'The customer told you this' END,
		CASE
			WHEN j.verdict = 'ok' THEN NULL
			WHEN NOT j.described AND j.provenance = 'unknown' THEN format('SELECT * FROM persona.define_attribute(%L, %L, %L, space => %L);   -- or whatever is true of it',
				j.describe_as, coalesce(j.category, 'user.behavior'), CASE WHEN position('.' IN j.describe_as) > 0 THEN 'transacted' ELSE 'declared' END, home.space)
			WHEN j.special AND NOT j.opened THEN format('SELECT * FROM persona.define_policy(channel => %L, purpose => %L, categories => %L, space => %L);   -- all but this, so that only an explicit yes opens it; or take it out of %s',
				(SELECT m.channel FROM moment m), (SELECT m.purpose FROM moment m),
				(SELECT array_agg(DISTINCT o.category ORDER BY o.category) FROM judged o WHERE NOT o.special), home.space, array_to_string(j.used_in, ', '))
			WHEN j.mentioned AND j.granularity IS NOT NULL THEN format('Remove `%s` from the text, or say it without the %s.', j.attribute, j.granularity)
			WHEN j.mentioned AND NOT coalesce(j.explained, false) THEN format('Remove `%s` from the text, or add a line that says why the customer gets this.', j.attribute)
			WHEN j.mentioned THEN format('Remove `%s` from the text, or use the generic twin.', j.attribute)
			ELSE format('Leave `%s` out of %s, or use the generic twin for it.', j.attribute, array_to_string(j.used_in, ', ')) END,
		j.points - 'score', j.used_in, j.variables
	FROM judged j;
END;
COMMENT ON FUNCTION audit_attributes(space, text) IS
'The part of audit_moment() that is about attributes.';
REVOKE ALL ON FUNCTION audit_attributes(space, text) FROM PUBLIC;

CREATE FUNCTION audit_moment(home space, moment text)
RETURNS TABLE (moment text, attribute text, category text, provenance text, use text, mentioned boolean, score int, verdict text, reason text, fix text, points jsonb, used_in text[], variables text[])
LANGUAGE sql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
	SELECT * FROM @extschema@.audit_attributes(home, audit_moment.moment)
	UNION ALL
	SELECT audit_moment.moment, NULL, NULL, NULL, @extschema@.use_of(m.purpose, m.channel), true, NULL, w.verdict,
		CASE WHEN w.found IS NULL THEN format('The %s text, as some customers would get it: %s', w.variant, w.reason)
			ELSE format('The %s text says "%s": %s', w.variant, w.found, w.reason) END, w.fix, NULL, ARRAY[w.variant], NULL
	FROM @extschema@.moment m CROSS JOIN LATERAL @extschema@.audit_words(home, m.moment) w
	WHERE m.space = home.space AND m.moment = audit_moment.moment;
END;
COMMENT ON FUNCTION audit_moment(space, text) IS
'The audit of one moment: what audit() shows, the named parts of each score, the parts of the moment in which an attribute is used, and the variables that mention it.';
REVOKE ALL ON FUNCTION audit_moment(space, text) FROM PUBLIC;

CREATE FUNCTION moments_named(home space, moment text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	known text[] := ARRAY(SELECT m.moment FROM @extschema@.moment m WHERE m.space = home.space ORDER BY 1);
BEGIN
	IF moment <> ALL (known) THEN
		RAISE undefined_object USING
			MESSAGE = format('moment "%s" does not exist in space "%s"', moment, home.space),
			HINT = @extschema@.ask(moment, known, format('Define it with persona.define_moment(%L, ...).', moment));
	END IF;
	RETURN QUERY SELECT k FROM unnest(known) k WHERE k = coalesce(moment, k);
END;
$$;
COMMENT ON FUNCTION moments_named(space, text) IS
'The moment of that name, for NULL all of the space; an error with the nearest name (42704).';
REVOKE ALL ON FUNCTION moments_named(space, text) FROM PUBLIC;

CREATE FUNCTION audit(moment text DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (moment text, attribute text, category text, provenance text, use text, mentioned boolean, score int, verdict text, reason text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT a.moment, a.attribute, a.category, a.provenance, a.use, a.mentioned, a.score, a.verdict, a.reason, a.fix
	FROM @extschema@.resolve_space($2) home
	CROSS JOIN LATERAL @extschema@.moments_named(home, $1) named
	CROSS JOIN LATERAL @extschema@.audit_moment(home, named) a
	ORDER BY a.moment, array_position('{block,warn,ok}', a.verdict), a.score DESC NULLS FIRST, a.attribute;
END;
COMMENT ON FUNCTION audit(text, text) IS
'Which data of the customer a moment, or (NULL) every moment of a space, uses, down to the columns of tables; whether the text mentions it; how surprising that is (score 0..100, see docs/audit.md); verdict ok, warn (from 55) or block (from 75, special categories without an explicit yes, a place looked up from the connection); why, and what to do. A row without an attribute is about the words of a text. Unknown moment: 42704.';
REVOKE ALL ON FUNCTION audit(text, text) FROM PUBLIC;

CREATE FUNCTION audit_message(decision uuid, space text DEFAULT NULL)
RETURNS TABLE (moment text, attribute text, category text, provenance text, use text, mentioned boolean, score int, verdict text, reason text, fix text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	about text;
	had_version int;
	has_version int;
	got text;
	repetition int;
BEGIN
	EXECUTE format('SELECT d.moment, d.moment_version, d.variant, m.version,
			(SELECT (g->''saw''->>''repetition'')::int FROM jsonb_array_elements(d.gates) g WHERE g->>''gate'' = ''surprise'') AS repetition
		FROM %I.decision d LEFT JOIN @extschema@.moment m ON m.space = $2 AND m.moment = d.moment WHERE d.decision = $1', home.schema_name)
	INTO about, had_version, got, has_version, repetition USING decision, home.space;
	IF about IS NULL THEN
		RAISE no_data_found USING
			MESSAGE = format('there is no decision %s in space "%s"', coalesce(decision::text, 'NULL'), home.space),
			HINT = format('The view %I.outcome lists them.', home.schema_name);
	ELSIF has_version IS DISTINCT FROM had_version THEN
		RAISE NOTICE 'moment "%" has been changed since: this is what version % would say, the decision had version %', about, has_version, had_version
			USING HINT = 'persona.definition_log has every version.';
	END IF;
	RETURN QUERY
		SELECT a.moment, a.attribute, a.category, a.provenance, a.use, a.mentioned AND got = ANY (a.used_in), a.score, a.verdict, a.reason, a.fix
		FROM @extschema@.audit_moment(home, about) a
		WHERE EXISTS (SELECT FROM unnest(a.used_in) u WHERE u = got OR u NOT IN (
			SELECT v.variant FROM @extschema@.variant v WHERE v.space = home.space AND v.moment = about))
		ORDER BY array_position('{block,warn,ok}', a.verdict), a.score DESC NULLS FIRST, a.attribute;
	IF repetition > 0 THEN
		RETURN QUERY SELECT about, NULL::text, NULL::text, NULL::text, NULL::text, true, repetition,
			CASE WHEN repetition >= 75 THEN 'block' WHEN repetition >= 55 THEN 'warn' ELSE 'ok' END,
			'The customer had been told the like before'::text, NULL::text;
	END IF;
END;
$$;
COMMENT ON FUNCTION audit_message(uuid, text) IS
'The audit of one decision: what its variant and the rules that let it through use, and how often the customer had been told the like. Unknown decision: P0002.';
REVOKE ALL ON FUNCTION audit_message(uuid, text) FROM PUBLIC;

/*
 * Who let a moment go out in spite of what the audit says, and why. A row
 * covers the findings that there were; what is found later blocks again.
 */
CREATE TABLE override (
	space text,
	moment text,
	code text,
	object text,
	at timestamptz NOT NULL,
	by_whom text NOT NULL,
	why text NOT NULL CHECK (length(btrim(why)) > 0),
	PRIMARY KEY (space, moment, code, object)
);
COMMENT ON TABLE override IS
'Findings of the audit that a person has overridden: which, when, who and why.';
ALTER TABLE override ENABLE ROW LEVEL SECURITY;
SELECT pg_extension_config_dump('override', '');
CREATE POLICY owner ON override
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) override.space));

CREATE FUNCTION audit_findings(home space, moment text) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH audited AS (
		SELECT a.*, CASE WHEN a.attribute IS NULL THEN 'surveillance_wording' ELSE 'surprising' END AS code,
			coalesce(a.attribute, a.reason) AS object
		FROM @extschema@.audit_moment(home, audit_findings.moment) a WHERE a.verdict <> 'ok'
	)
	SELECT CASE WHEN o.code IS NULL THEN a.verdict ELSE 'warn' END, a.code, audit_findings.moment,
		CASE WHEN a.attribute IS NULL THEN a.reason ELSE format('%s (score %s): %s', a.attribute, a.score, a.reason) END
			|| CASE WHEN o.code IS NULL THEN '' ELSE format('; overridden by %s on %s: %s', o.by_whom, o.at::date, o.why) END, a.fix
	FROM audited a
	LEFT JOIN @extschema@.override o ON (o.space, o.moment, o.code, o.object) = (home.space, audit_findings.moment, a.code, a.object)
	WHERE a.provenance IS DISTINCT FROM 'unknown' OR a.verdict = 'block'
	UNION ALL
	SELECT 'info', 'undescribed', audit_findings.moment,
		format('nobody has said where this comes from: %s', string_agg(a.attribute, ', ' ORDER BY a.score DESC, a.attribute)),
		format('SELECT statement FROM persona.discover(%L) WHERE kind = ''attribute'';', home.space)
	FROM audited a WHERE a.provenance = 'unknown' AND a.verdict = 'warn' HAVING count(*) > 0;
END;
COMMENT ON FUNCTION audit_findings(space, text) IS
'What the audit of a moment finds, as findings: surprising (an attribute) and surveillance_wording (a text); block, unless a person has overridden it.';
REVOKE ALL ON FUNCTION audit_findings(space, text) FROM PUBLIC;

CREATE FUNCTION override_audit(home space, moment text, why text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	INSERT INTO @extschema@.override
	SELECT DISTINCT home.space, override_audit.moment, CASE WHEN a.attribute IS NULL THEN 'surveillance_wording' ELSE 'surprising' END,
		coalesce(a.attribute, a.reason), @extschema@.now(), session_user, why
	FROM @extschema@.audit_moment(home, override_audit.moment) a WHERE a.verdict = 'block'
	ON CONFLICT ON CONSTRAINT override_pkey DO UPDATE SET (at, by_whom, why) = (excluded.at, excluded.by_whom, excluded.why);
END;
COMMENT ON FUNCTION override_audit(space, text, text) IS
'Notes that the caller lets a moment go out in spite of what the audit blocks now.';
REVOKE ALL ON FUNCTION override_audit(space, text, text) FROM PUBLIC;

/* What a message tells, for the gate that asks what was told before */

CREATE FUNCTION definitions_of(space text) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT count(*) FROM @extschema@.definition_log l WHERE l.space IN (definitions_of.space, 'house');
END;
COMMENT ON FUNCTION definitions_of(text) IS
'How many versions of definitions a space and the house have had: another number, other definitions.';
REVOKE ALL ON FUNCTION definitions_of(text) FROM PUBLIC;

CREATE FUNCTION tells(home space, moment text)
RETURNS TABLE (surprise int, twin int, attributes text[], max_ages text[], of_start text[], variables text[], shown text[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH audited AS (
		SELECT a.attribute, a.score, d.max_age, a.variables, coalesce((a.points->>'relevance')::int, 0) < 0 AS of_start,
			/* A form of address tells nobody anything. */
			a.mentioned AND coalesce(a.category !~ '^(user[.](name|contact|unique_id|account)|system)($|[.])', true) AS tells,
			a.provenance <> 'unknown' AS is_known,
			CASE WHEN a.mentioned AND 'generic' = ANY (a.used_in) THEN a.score
				WHEN 'generic' = ANY (a.used_in) OR EXISTS (SELECT FROM unnest(a.used_in) u WHERE u ~ ' ')
				/* The same, not mentioned. */
				THEN greatest(0, a.score - (SELECT coalesce(sum(p.value::int), 0) FROM jsonb_each_text(a.points) p
					WHERE p.key IN ('granularity', 'immediacy', 'age', 'transparency')) - CASE WHEN a.mentioned THEN 8 ELSE 0 END) END AS twin
		FROM @extschema@.audit_attributes(home, tells.moment) a
		LEFT JOIN @extschema@.attribute d ON d.space = home.space AND d.attribute = a.attribute
	), variable AS (
		SELECT v.name, string_agg(t.attribute, ' ' ORDER BY t.attribute) AS shown
		FROM audited t, unnest(t.variables) v (name) WHERE t.tells GROUP BY v.name
	)
	SELECT coalesce(max(a.score) FILTER (WHERE a.is_known), 0), coalesce(max(a.twin) FILTER (WHERE a.is_known), 0)::int,
		coalesce(array_agg(a.attribute ORDER BY a.attribute) FILTER (WHERE a.tells), '{}'),
		coalesce(array_agg(coalesce(a.max_age::text, '') ORDER BY a.attribute) FILTER (WHERE a.tells), '{}'),
		coalesce(array_agg(a.attribute ORDER BY a.attribute) FILTER (WHERE a.tells AND a.of_start), '{}'),
		ARRAY(SELECT v.name FROM variable v ORDER BY v.name), ARRAY(SELECT v.shown FROM variable v ORDER BY v.name)
	FROM audited a;
END;
COMMENT ON FUNCTION tells(space, text) IS
'What the audit of a moment says for its gate: the highest score of a described attribute that it uses, and that the generic twin uses; the attributes that its texts tell of, names and addresses excepted, the max_age of each ('''' for none), those that come from what starts it, the variables that show them, and which attributes each of these shows.';
REVOKE ALL ON FUNCTION tells(space, text) FROM PUBLIC;

CREATE TABLE told (
	space text,
	moment text,
	definitions bigint NOT NULL,
	surprise int NOT NULL,
	twin int NOT NULL,
	attributes text[] NOT NULL,
	max_ages text[] NOT NULL,
	of_start text[] NOT NULL,
	variables text[] NOT NULL,
	shown text[] NOT NULL,
	PRIMARY KEY (space, moment)
);
COMMENT ON TABLE told IS
'What tells() said of a moment when its space had so many definitions; another number makes it void. It can be emptied at any time.';
ALTER TABLE told ENABLE ROW LEVEL SECURITY;
SELECT pg_extension_config_dump('told', '');
CREATE POLICY owner ON told
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) told.space));

/* What its templates alone show, the same in several of them told once */

CREATE FUNCTION lint_templates(home space, moment text) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT f.level, f.code, (m).moment, format('%s (%s)', f.message, string_agg(v.variant, ', ' ORDER BY v.variant)), f.hint
	FROM @extschema@.moment m
	JOIN @extschema@.variant v ON v.space = m.space AND v.moment = m.moment
	LEFT JOIN @extschema@.variant g ON g.space = m.space AND g.moment = m.moment AND g.variant = 'generic' AND v.variant = 'personal'
	LEFT JOIN @extschema@.channel c ON c.space = m.space AND c.channel = m.channel
	LEFT JOIN @extschema@.purpose p ON p.space = m.space AND p.purpose = m.purpose
	CROSS JOIN LATERAL @extschema@.template_findings(v.template, g.template, c.format = 'html',
		CASE WHEN m.transactional OR m.on_request OR p.basis = 'contract' OR p.basis IS NULL OR c.channel IS NULL THEN NULL
			WHEN c.link IS NOT NULL THEN 'block' ELSE 'warn' END) f
	WHERE m.space = (home).space AND m.moment = lint_templates.moment
	GROUP BY m.space, m.moment, f.level, f.code, f.message, f.hint;
END;
COMMENT ON FUNCTION lint_templates(space, text) IS
'The findings of template_findings() for the variants of a moment. A marketing message without a link to unsubscribe blocks where the channel has a base for links, and is a warning where it has none.';
REVOKE ALL ON FUNCTION lint_templates(space, text) FROM PUBLIC;

CREATE FUNCTION lint_missing(home space, moment text) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH said AS (
		SELECT s.variant, s.missing, count(*) OVER (PARTITION BY s.variant) AS n
		FROM @extschema@.moment_sample(lint_missing.moment, home.space) s
	)
	SELECT 'warn', 'missing_without_default', lint_missing.moment,
		format('%s of %s texts that were tried have no {{ %s }} and would not be sent (%s)', count(*), max(s.n), s.missing, s.variant),
		format('Write {{ %s | default: ''...'' }} in define_moment(%L, ...), or let the rule ask for it.', s.missing, lint_missing.moment)
	FROM said s WHERE s.missing IS NOT NULL
	GROUP BY s.variant, s.missing;
END;
COMMENT ON FUNCTION lint_missing(space, text) IS
'missing_without_default: variables without a default that some of at most 100 customers lack, who would get nothing (render_error).';
REVOKE ALL ON FUNCTION lint_missing(space, text) FROM PUBLIC;

CREATE FUNCTION lint_moment(home space, moment text) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT f.level, f.code, (m).moment, f.message, f.hint
	FROM @extschema@.moment m
	LEFT JOIN @extschema@.event e ON e.space = m.space AND e.event = m.on_event
	LEFT JOIN @extschema@.variant p ON p.space = m.space AND p.moment = m.moment AND p.variant = 'personal'
	LEFT JOIN @extschema@.variant g ON g.space = m.space AND g.moment = m.moment AND g.variant = 'generic'
	CROSS JOIN LATERAL (SELECT array_agg(name) AS missing FROM @extschema@.experiment e, unnest(e.variants) name
		WHERE e.space = m.space AND e.experiment = m.experiment
			AND name NOT IN (SELECT v.variant FROM @extschema@.variant v WHERE v.space = m.space AND v.moment = m.moment)) x
	CROSS JOIN LATERAL (VALUES
		(m.starts_on IS NULL, 'block', 'without_start', 'nothing starts it',
			'Pass on_event => the name of an event, or one of on_segment, after_moment, schedule and on_request.'),
		(m.schedule IS NOT NULL AND m.local_time IS NULL, 'block', 'schedule_without_time', format('it starts %s at no time', m.schedule),
			'Pass local_time => the time on the customer''s clock, such as ''09:00''.'),
		(m.on_request AND (m.delay > '0' OR m.local_time IS NOT NULL), 'block', 'request_waits', 'a request is answered at once, so nothing can wait',
			'Leave delay and local_time out, or start it on an event.'),
		(e.fires = 'never', 'block', 'event_never_fires', format('event "%s" never fires', m.on_event),
			format('Define it with fires => ''insert'' or ''poll'': SELECT * FROM persona.define_event(%L, ...).', m.on_event)),
		(cardinality(e.id) = 0, 'block', 'event_without_key', format('nothing identifies a row of %s', e.relation),
			'Give the table a primary key, or pass id => to define_event().'),
		(m.channel IS NULL, 'block', 'without_address', 'it has no channel, so no address to send to',
			'Pass channel => one made by define_channel(), whose address says where messages go.'),
		(m.purpose IS NULL, 'block', 'without_purpose', 'it has no purpose, so no consent can be checked',
			'Pass purpose => one made by define_purpose().'),
		(p.template IS NULL, 'block', 'without_template', 'it has no personal template', 'Pass template => the personal message.'),
		(g.template IS NULL, 'block', 'without_generic', 'it has no generic twin to be compared with',
			'Pass generic => the same message without personal data.'),
		(cardinality(@extschema@.template_variables(g.subject_line)) > 0, 'warn', 'generic_not_generic',
			'the subject line, which the generic twin shares, uses customer data', 'Write the subject line without variables.'),
		((SELECT sum(v.weight) FROM @extschema@.variant v WHERE v.space = m.space AND v.moment = m.moment) = 0, 'block', 'without_weight',
			'no variant has a weight, so nobody could get one', format('Give one a weight: define_variant(%L, ''personal'', weight => 1).', m.moment)),
		(m.variable IN ('timing', 'channel') AND g.weight > 0 AND p.template::text <> g.template::text, 'warn', 'two_differences',
			format('the generic twin differs in its text, where variants are to differ in %s', m.variable),
			format('Leave it as a stand-in: define_variant(%L, ''generic'', weight => 0).', m.moment)),
		(x.missing IS NOT NULL, 'block', 'experiment_variants', format('experiment "%s" spreads variants that it does not have: %s', m.experiment, array_to_string(x.missing, ', ')),
			format('Add them by define_variant(%L, ...), or take them out of the experiment.', m.moment)),
		(m.hypothesis IS NULL, 'info', 'without_hypothesis', 'nobody has written down why it should work',
			'Pass hypothesis => what you expect and why; the review will ask.')
	) f(holds, level, code, message, hint)
	WHERE m.space = (home).space AND m.moment = lint_moment.moment AND f.holds
	UNION ALL
	SELECT * FROM @extschema@.lint_templates(home, lint_moment.moment)
	UNION ALL
	SELECT * FROM @extschema@.lint_missing(home, lint_moment.moment)
	UNION ALL
	SELECT * FROM @extschema@.audit_findings(home, lint_moment.moment);
END;
COMMENT ON FUNCTION lint_moment(space, text) IS
'What is missing or doubtful in a moment; level block keeps it from being activated.';
REVOKE ALL ON FUNCTION lint_moment(space, text) FROM PUBLIC;

CREATE FUNCTION space_findings(space text) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT f.* FROM @extschema@.space s
	JOIN @extschema@.moment m ON m.space = s.space AND m.state <> 'retired'
	CROSS JOIN LATERAL @extschema@.lint_moment(s, m.moment) f
	WHERE s.space = space_findings.space
	UNION ALL
	SELECT 'info', 'overridden', o.moment,
		format('%s let it go out on %s though the audit said: %s', o.by_whom, o.at::date, concat_ws(' ', o.code, o.object)), o.why
	FROM @extschema@.override o WHERE o.space = space_findings.space;
END;
COMMENT ON FUNCTION space_findings(text) IS
'The findings of every moment of a space that is not retired, and whatever a person has overridden, for ever.';
REVOKE ALL ON FUNCTION space_findings(text) FROM PUBLIC;

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
		WHERE e.space = (home).space AND f.fires IN ('insert', 'update') AND EXISTS (
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
	EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s REFERENCING %s NEW TABLE AS new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.capture(%L, %L)',
		name, fires, relation, CASE fires WHEN 'update' THEN 'OLD TABLE AS old_rows' END, home.space, event);
EXCEPTION
	WHEN lock_not_available THEN
		RAISE lock_not_available USING
			MESSAGE = format('%s is busy: its trigger could not be made within 2 seconds', relation),
			HINT = 'Nothing was changed. Try again when no long transaction writes to it.';
END;
$$;
COMMENT ON FUNCTION create_trigger(space, text, regclass, text, text) IS
'Creates the trigger of an event on insert or update; waits at most two seconds for the table (55P03).';
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
END;
$$;
COMMENT ON FUNCTION remove_trigger(regclass, text) IS
'Drops a trigger that no live moment needs. Where the table is busy for two seconds it stays and leaves every row out: a moment must be stopped at once, also then.';
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
'Takes what waits in the inbox and decides what is due, a batch a transaction, at most max_batches of them, half of which the inbox may have: 2 or more keep both going; safe from several sessions at once. Rows that fail are decided apart from the rest, moments that run away are held. Reports by NOTICE and, while it runs, in pg_stat_activity. Not inside a transaction block (25001).';
REVOKE ALL ON PROCEDURE run(int, text) FROM PUBLIC;

/* Sending */

/* Open to PUBLIC, as run() acts as the owner, who was granted nothing; it refuses all but members. */
CREATE FUNCTION page_link(page text, subject text, channel text, link text, space text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_page_link';
COMMENT ON FUNCTION page_link(text, text, text, text, text) IS
'What unsubscribe_url and preferences_url are in a template: a page on the base of a channel''s links, with a token of preference_token(). For members of the space''s owner only (42501).';

CREATE FUNCTION most_attempts() RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT 5;
END;
COMMENT ON FUNCTION most_attempts() IS
'How often a message is handed out at most: then it is dead where the last attempt failed, unconfirmed where nothing was heard of it.';
REVOKE ALL ON FUNCTION most_attempts() FROM PUBLIC;

/* At the default price of a random page it would rather read the whole outbox for a page of it. */
CREATE FUNCTION claim(channel text, n int, lease interval DEFAULT '5 min', space text DEFAULT NULL)
RETURNS TABLE (message uuid, decision uuid, subject text, moment text, variant text, address text,
	subject_line text, body text, headers jsonb, attempt int, idempotency_key text)
LANGUAGE c SET search_path = pg_catalog, pg_temp SET random_page_cost = 1.1 SET jit = off
AS 'MODULE_PATHNAME', 'persona_claim';
COMMENT ON FUNCTION claim(text, int, interval, text) IS
'Leases up to n (1..10000) ready messages of a channel to the caller, consent read again under lock. A message not acknowledged within the lease (real time, above 0) is handed out again, with the next attempt and the same idempotency key, at most five times. Where the links of the channel are https, headers hold List-Unsubscribe and List-Unsubscribe-Post (RFC 8058), but for transactional messages. Not on a standby (25006), not in a copy that nobody adopted (55000), not under REPEATABLE READ or above (25000).';
REVOKE ALL ON FUNCTION claim(text, int, interval, text) FROM PUBLIC;

/*
 * The outbox changes faster than its statistics: by these an acknowledgement
 * would now and then rather read all of it, once for each message.
 */
CREATE FUNCTION ack(messages uuid[], provider_ids text[] DEFAULT NULL, attempts int[] DEFAULT NULL, space text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	told bigint := (SELECT count(DISTINCT m) FROM unnest(messages) m);
	acknowledged bigint;
	late bigint;
BEGIN
	IF cardinality(provider_ids) <> cardinality(messages) OR cardinality(attempts) <> cardinality(messages) THEN
		RAISE array_subscript_error USING
			MESSAGE = 'ack() needs as many provider_ids and attempts as messages';
	END IF;
	/* In the order of their keys: two senders who tell of the same messages never wait for each other in a ring. */
	EXECUTE format($sql$
		WITH told AS (
			SELECT DISTINCT ON (t.message) t.* FROM unnest($1, $2, $3) t(message, provider_id, attempt)
			ORDER BY t.message, t.attempt DESC
		), known AS MATERIALIZED (
			SELECT m.subject, m.message, t.provider_id, m.state = 'claimed' AND t.attempt < m.attempt IS TRUE AS late
			FROM told t JOIN %1$I.message m ON m.message = t.message
			WHERE (m.done_at IS NULL OR m.state = 'unconfirmed')
				AND m.attempt > 0 AND coalesce(t.attempt, m.attempt) BETWEEN 1 AND m.attempt
			ORDER BY m.message FOR UPDATE OF m
		), noted AS (
			UPDATE %1$I.message m SET sent_at = coalesce(m.sent_at, @extschema@.now()), provider_id = coalesce(m.provider_id, k.provider_id)
			FROM known k WHERE m.subject = k.subject AND m.message = k.message AND k.late
		), settled AS (
			UPDATE %1$I.message m SET state = 'sent', reason = NULL, provider_id = coalesce(m.provider_id, k.provider_id),
				sent_at = coalesce(m.sent_at, @extschema@.now()), done_at = @extschema@.now(), leased_until = NULL,
				address = NULL, subject_line = NULL, body = NULL, headers = NULL
			FROM known k WHERE m.subject = k.subject AND m.message = k.message AND NOT k.late
		)
		SELECT count(*) FILTER (WHERE NOT late), count(*) FILTER (WHERE late) FROM known
		$sql$, home.schema_name)
	INTO acknowledged, late USING messages, provider_ids, attempts;
	IF late > 0 THEN
		RAISE NOTICE '% messages had been handed out again before this acknowledgement came', late
			USING HINT = 'It is noted: they are not handed out a third time. Claim with a longer lease, or fewer at a time.';
	END IF;
	IF acknowledged + late < told THEN
		RAISE NOTICE '% of % messages were not acknowledged', told - acknowledged - late, told
			USING HINT = 'They are unknown, already settled, or no such attempt was handed out.';
	END IF;
	RETURN acknowledged;
END;
$$;
COMMENT ON FUNCTION ack(uuid[], text[], int[], text) IS
'Marks messages that were handed out as sent, and blanks them; returns how many. An acknowledgement after the lease counts; where the message was handed out again meanwhile (a later attempt) it is noted and reported, and the message goes to nobody else. What is sent, cancelled or dead never changes.';
REVOKE ALL ON FUNCTION ack(uuid[], text[], int[], text) FROM PUBLIC;

CREATE FUNCTION message_refusal(message uuid, space text) RETURNS text
LANGUAGE c STABLE STRICT SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'persona_message_refusal';
COMMENT ON FUNCTION message_refusal(uuid, text) IS
'Why a message may not be handed over by what consents, preferences, suppressions and the clock say now; NULL where it may, or is not there.';
REVOKE ALL ON FUNCTION message_refusal(uuid, text) FROM PUBLIC;

/* Volatile: it must see what was committed while the asking statement ran. */
CREATE FUNCTION still_ok(message uuid, attempt int DEFAULT NULL, space text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	answer boolean;
BEGIN
	EXECUTE format('SELECT @extschema@.message_refusal(m.message, $3) IS NULL
		FROM %I.message m JOIN @extschema@.moment o ON o.space = $3 AND o.moment = m.moment AND o.state = ''live''
		WHERE m.message = $1 AND m.state = ''claimed'' AND m.attempt = coalesce($2, m.attempt)
			AND m.leased_until >= clock_timestamp() AND m.sent_at IS NULL', home.schema_name)
	INTO answer USING message, attempt, home.space;
	RETURN coalesce(answer, false) AND coalesce(current_setting('persona.enabled', true)::boolean, true);
END;
$$;
COMMENT ON FUNCTION still_ok(uuid, int, text) IS
'Whether a claimed message may still go, asked just before it is handed over: the lease of this attempt lives, nobody withdrew, was suppressed or refused their data since the claim, it has not expired, its moment is live. False also for a message that is not there. It locks nothing: a withdrawal after the answer comes too late.';
REVOKE ALL ON FUNCTION still_ok(uuid, int, text) FROM PUBLIC;

CREATE FUNCTION back_off(message uuid, attempt int) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT interval '1 minute' * (4.0 ^ (attempt - 1) * (0.5 + @extschema@.bucket(message::text, 'back off ' || attempt)));
END;
COMMENT ON FUNCTION back_off(uuid, int) IS
'How long to wait after a failed attempt: 1, 4, 16, 64 minutes, each times 0.5 to 1.5 by a hash, so that what failed together does not come back together.';
REVOKE ALL ON FUNCTION back_off(uuid, int) FROM PUBLIC;

CREATE FUNCTION fail(message uuid, error text, retry_after interval DEFAULT NULL, attempt int DEFAULT NULL, space text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	state text;
BEGIN
	IF retry_after < interval '0' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a message cannot be tried again after %s', retry_after),
			HINT = 'retry_after is 0 or more; without it the wait grows with each attempt.';
	END IF;
	EXECUTE format($sql$
		WITH failed AS MATERIALIZED (
			SELECT m.subject, m.message, CASE WHEN m.sent_at IS NOT NULL THEN 'sent'
				WHEN m.attempt < @extschema@.most_attempts() AND @extschema@.message_refusal(m.message, $5) IS NULL THEN 'ready'
				ELSE 'dead' END AS becomes
			FROM %1$I.message m
			WHERE m.message = $1 AND m.state = 'claimed' AND m.attempt = coalesce($4, m.attempt)
				AND ($4 IS NOT NULL OR m.leased_until >= clock_timestamp())
			FOR UPDATE OF m
		), again AS (
			UPDATE %1$I.message m SET state = 'ready', reason = left($2, 200), leased_until = NULL,
				ready_at = @extschema@.now() + coalesce($3, @extschema@.back_off(m.message, m.attempt))
			FROM failed f WHERE m.subject = f.subject AND m.message = f.message AND f.becomes = 'ready'
		), settled AS (
			UPDATE %1$I.message m SET state = f.becomes, reason = CASE WHEN f.becomes = 'dead' THEN left($2, 200) END,
				leased_until = NULL, done_at = @extschema@.now(),
				address = NULL, subject_line = NULL, body = NULL, headers = NULL
			FROM failed f WHERE m.subject = f.subject AND m.message = f.message AND f.becomes <> 'ready'
		)
		SELECT becomes FROM failed
		$sql$, home.schema_name)
	INTO state USING message, error, retry_after, attempt, home.space;
	IF state IS NULL THEN
		RAISE NOTICE 'message % was not changed', message
			USING HINT = 'It is unknown, already settled, or its lease was lost: pass the attempt that claim() returned.';
	END IF;
	RETURN state;
END;
$$;
COMMENT ON FUNCTION fail(uuid, text, interval, int, text) IS
'Gives a claimed message back and returns its new state: ready again after retry_after (unless said 1, 4, 16, 64 minutes, each times 0.5 to 1.5); dead after the fifth attempt, or at once where it may go no more (a bounced address that was suppressed); sent where a lost lease was acknowledged after all. A stale attempt changes nothing and says so: NULL.';
REVOKE ALL ON FUNCTION fail(uuid, text, interval, int, text) FROM PUBLIC;

/* The outbox and its copies */

CREATE FUNCTION database_identity() RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_database_identity';
COMMENT ON FUNCTION database_identity() IS
'Which database this is: system identifier, oid and timeline, joined by /. A restored dump, a clone and a promoted standby each differ from the original in one of them.';
REVOKE ALL ON FUNCTION database_identity() FROM PUBLIC;

CREATE FUNCTION adopt(who text, why text, space text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	unconfirmed bigint;
BEGIN
	IF coalesce(trim(who), '') = '' OR coalesce(trim(why), '') = '' THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'adopt() needs to know who lets this copy send, and why',
			HINT = 'SELECT persona.adopt(''Ann, on call'', ''the old primary is down'').';
	END IF;
	INSERT INTO @extschema@.outbox AS o VALUES (home.space, @extschema@.database_identity(), who, why, clock_timestamp())
	ON CONFLICT ON CONSTRAINT outbox_pkey DO UPDATE SET (outbox, who, why, at) = (excluded.outbox, excluded.who, excluded.why, excluded.at)
	WHERE o.outbox <> excluded.outbox;
	IF NOT FOUND THEN
		RAISE NOTICE 'the outbox of space "%" is of this database already', home.space;
		RETURN 0;
	END IF;
	EXECUTE format('UPDATE %I.message m SET state = ''unconfirmed'', reason = ''adopted'', leased_until = NULL, done_at = @extschema@.now(),
			address = NULL, subject_line = NULL, body = NULL, headers = NULL
		WHERE m.state = ''claimed'' AND m.done_at IS NULL', home.schema_name);
	GET DIAGNOSTICS unconfirmed = ROW_COUNT;
	RETURN unconfirmed;
END;
$$;
COMMENT ON FUNCTION adopt(text, text, text) IS
'Lets this database send what is in the outbox of a space, after a restore, a clone or a failover; who and why are kept in definition_log. What was in a sender''s hands when the copy was made becomes unconfirmed, for the original knows more of it: returns how many. Call it only where the original sends no more.';
REVOKE ALL ON FUNCTION adopt(text, text, text) FROM PUBLIC;

CREATE FUNCTION bind_outbox() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* In a restore the outbox comes along, and is of the database it was of. */
	IF to_regclass(format('%I.outcome', NEW.schema_name)) IS NULL THEN
		INSERT INTO @extschema@.outbox
		VALUES (NEW.space, @extschema@.database_identity(), session_user, 'defined here', clock_timestamp());
	END IF;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION bind_outbox() IS
'Trigger: a new space sends from the database it is defined in.';
REVOKE ALL ON FUNCTION bind_outbox() FROM PUBLIC;
/* Triggers fire by name: this one before moment_views, which it looks for. */
CREATE TRIGGER bind_outbox AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION bind_outbox();

CREATE FUNCTION handover(home space, decision uuid)
RETURNS TABLE (gate text, passed boolean, reason text, saw jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT ''handover'', false, CASE m.state WHEN ''cancelled'' THEN m.reason ELSE m.state END,
			jsonb_build_object(''state'', m.state, ''attempts'', m.attempt, ''claimed_at'', m.claimed_at, ''done_at'', m.done_at)
		FROM %I.message m WHERE m.decision = $1 AND m.state IN (''cancelled'', ''dead'', ''unconfirmed'')', home.schema_name)
	USING decision;
END;
$$;
COMMENT ON FUNCTION handover(space, uuid) IS
'A further gate for a decision to send that came to nothing: its message was cancelled when it was claimed, is dead, or is unconfirmed, which may have been sent and is never called not sent.';
REVOKE ALL ON FUNCTION handover(space, uuid) FROM PUBLIC;

/* On request */

CREATE FUNCTION decide_request(subject text, moment text, context jsonb, at timestamptz, space text)
RETURNS TABLE (decision uuid, outcome text, reason text, variant text, channel text, subject_line text, body text, content jsonb)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_decide';
COMMENT ON FUNCTION decide_request(text, text, jsonb, timestamptz, text) IS
'decide() for a subject in the canonical text of its key.';
REVOKE ALL ON FUNCTION decide_request(text, text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION decide(subject text, moment text, context jsonb DEFAULT NULL, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (decision uuid, outcome text, reason text, variant text, channel text, subject_line text, body text, content jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	IF moment IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'decide() needs a moment';
	END IF;
	RETURN QUERY SELECT * FROM @extschema@.decide_request(@extschema@.subject_key(home, subject), moment, context, at, home.space);
END;
$$;
COMMENT ON FUNCTION decide(text, text, jsonb, timestamptz, text) IS
'Takes a moment with on_request through its gates at once and returns what is to be shown: body, and content, the values it was made of; both NULL where outcome is holdout or skip (with its reason). context is what new.* means in rules (as text) and templates. The decision, exposure and message (as sent) are written in the caller''s transaction, which keeps the subject locked until it ends. Another at than now needs the right to SET persona.clock.';
REVOKE ALL ON FUNCTION decide(text, text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION decide(subject anyelement, moment text, context jsonb DEFAULT NULL, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (decision uuid, outcome text, reason text, variant text, channel text, subject_line text, body text, content jsonb)
LANGUAGE sql AS 'SELECT * FROM @extschema@.decide(subject::text, moment, context, at, space)';
COMMENT ON FUNCTION decide(anyelement, text, jsonb, timestamptz, text) IS
'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION decide(anyelement, text, jsonb, timestamptz, text) FROM PUBLIC;

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
	RETURN QUERY SELECT * FROM @extschema@.handover(home, decision);
END;
$$;
COMMENT ON FUNCTION explain_decision(uuid, text) IS
'Every gate of a decision in its order: whether it was open, the reason where it was not, and what it saw. A message that was decided and not sent, or not known to be, has a last row for that.';
REVOKE ALL ON FUNCTION explain_decision(uuid, text) FROM PUBLIC;

CREATE FUNCTION moment_gates(subject text, moment text, space text) RETURNS jsonb
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'persona_moment_gates';
COMMENT ON FUNCTION moment_gates(text, text, text) IS
'The gates of a moment as they stand now for a subject and the latest of what starts it, as jsonb; NULL where there is no such thing.';
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
'Every gate of a moment as it stands now for a subject, as if the latest of what starts the moment came now; writes nothing.';
REVOKE ALL ON FUNCTION why_not(text, text, text) FROM PUBLIC;

CREATE FUNCTION why_not(subject anyelement, moment text, space text DEFAULT NULL)
RETURNS TABLE (gate text, passed boolean, reason text, saw jsonb)
LANGUAGE sql AS 'SELECT * FROM @extschema@.why_not(subject::text, moment, space)';
COMMENT ON FUNCTION why_not(anyelement, text, text) IS
'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION why_not(anyelement, text, text) FROM PUBLIC;

/* Trying out */

CREATE FUNCTION simulate_subject(subject text, moment text, context jsonb, at timestamptz, space text)
RETURNS TABLE (decision uuid, outcome text, reason text, variant text, fallback boolean, channel text, due timestamptz,
	address text, subject_line text, body text, content jsonb, gates jsonb)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_simulate';
COMMENT ON FUNCTION simulate_subject(text, text, jsonb, timestamptz, text) IS
'simulate() for a subject in the canonical text of its key.';
REVOKE ALL ON FUNCTION simulate_subject(text, text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION simulate(subject text, moment text, context jsonb DEFAULT NULL, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (decision uuid, outcome text, reason text, variant text, fallback boolean, channel text, due timestamptz,
	address text, subject_line text, body text, content jsonb, gates jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	IF moment IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'simulate() needs a moment';
	END IF;
	RETURN QUERY SELECT * FROM @extschema@.simulate_subject(@extschema@.subject_key(home, subject), moment, context, at, home.space);
END;
$$;
COMMENT ON FUNCTION simulate(text, text, jsonb, timestamptz, text) IS
'What a moment would decide for a subject, and the message, as if the latest of what starts it came at that instant (now for NULL); an idea as if it were live. outcome is send, holdout, skip with its reason, or defer to due. Writes nothing; no row, and a notice, where nothing could start it.';
REVOKE ALL ON FUNCTION simulate(text, text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION simulate(subject anyelement, moment text, context jsonb DEFAULT NULL, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (decision uuid, outcome text, reason text, variant text, fallback boolean, channel text, due timestamptz,
	address text, subject_line text, body text, content jsonb, gates jsonb)
LANGUAGE sql AS 'SELECT * FROM @extschema@.simulate(subject::text, moment, context, at, space)';
COMMENT ON FUNCTION simulate(anyelement, text, jsonb, timestamptz, text) IS
'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION simulate(anyelement, text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION simulate_members(segment text, moment text, context jsonb, at timestamptz, space text)
RETURNS TABLE (outcome text, reason text, variant text, n bigint)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_simulate_segment';
COMMENT ON FUNCTION simulate_members(text, text, jsonb, timestamptz, text) IS
'simulate_segment() for a segment and a moment that are known to exist.';
REVOKE ALL ON FUNCTION simulate_members(text, text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION simulate_segment(segment text, moment text, context jsonb DEFAULT NULL, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (outcome text, reason text, variant text, n bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	IF num_nulls(segment, moment) > 0 THEN
		RAISE null_value_not_allowed USING MESSAGE = 'simulate_segment() needs a segment and a moment';
	END IF;
	PERFORM @extschema@.must_exist(home, 'segment', segment,
		ARRAY(SELECT s.segment FROM @extschema@.segment s WHERE s.space = home.space),
		format('Define it first: SELECT * FROM persona.define_segment(%L, ''true'').', segment));
	RETURN QUERY SELECT * FROM @extschema@.simulate_members(segment, moment, context, at, home.space) m ORDER BY m.n DESC, m.outcome, m.reason, m.variant;
END;
$$;
COMMENT ON FUNCTION simulate_segment(text, text, jsonb, timestamptz, text) IS
'What simulate() says of each member of a segment, counted by outcome, reason and variant; no_start where nothing could start the moment. Writes nothing.';
REVOKE ALL ON FUNCTION simulate_segment(text, text, jsonb, timestamptz, text) FROM PUBLIC;

/* Reader views */

CREATE FUNCTION create_moment_views() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* A restore brings the views and the trigger along. */
	IF to_regclass(format('%I.outcome', NEW.schema_name)) IS NOT NULL THEN
		RETURN NULL;
	END IF;
	EXECUTE format($view$
	CREATE VIEW %1$I.outcome WITH (security_invoker = true) AS
	SELECT d.decision, d.subject, d.moment, d.experiment, d.variant, d.at, d.outcome, d.reason, m.sent_at, f.opened_at, f.clicked_at
	FROM %1$I.decision d LEFT JOIN %1$I.message m ON m.subject = d.subject AND m.message = d.decision
		LEFT JOIN (
			SELECT subject, message, min(at) FILTER (WHERE what = 'opened') AS opened_at, min(at) FILTER (WHERE what = 'clicked') AS clicked_at
			FROM %1$I.feedback GROUP BY 1, 2) f ON f.subject = d.subject AND f.message = d.decision;
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
	SELECT moment, day, sum(entered)::bigint AS entered, sum(decided)::bigint AS decided, sum(sent)::bigint AS sent,
		sum(n) FILTER (WHERE what = 'delivered')::bigint AS delivered, sum(n) FILTER (WHERE what = 'opened')::bigint AS opened,
		sum(n) FILTER (WHERE what = 'clicked')::bigint AS clicked, sum(n) FILTER (WHERE what = 'unsubscribed')::bigint AS unsubscribed,
		sum(n) FILTER (WHERE what = 'complained')::bigint AS complained
	FROM (
		SELECT moment, day, n AS entered, 0 AS decided, 0 AS sent, NULL AS what, 0 AS n FROM %1$I.moment_day WHERE reason = 'entered'
		UNION ALL
		SELECT moment, (at AT TIME ZONE 'UTC')::date, 0, 1, 0, NULL, 0 FROM %1$I.decision
		UNION ALL
		SELECT moment, (sent_at AT TIME ZONE 'UTC')::date, 0, 0, 1, NULL, 0 FROM %1$I.message WHERE state = 'sent'
		UNION ALL
		SELECT moment, (at AT TIME ZONE 'UTC')::date, 0, 0, 0, what, count(DISTINCT message) FROM %1$I.feedback GROUP BY 1, 2, what
	) c GROUP BY 1, 2;
	COMMENT ON VIEW %1$I.funnel IS 'A row a moment and day (UTC): how many entered, were decided, were sent; and how many messages were heard of that day as delivered, opened, clicked, unsubscribed, complained, NULL where none was.';

	CREATE VIEW %1$I.journey WITH (security_invoker = true) AS
	SELECT m.stage, m.moment, CASE WHEN m.held_at IS NULL THEN m.state ELSE 'held' END AS state, m.owner, m.variable, m.hypothesis,
		CASE WHEN m.on_event IS NOT NULL THEN 'event ' || m.on_event
			WHEN m.schedule IS NOT NULL THEN concat_ws(' at ', m.schedule, m.local_time)
			ELSE m.starts_on END AS starts_on, m.delay,
		m.channel, m.purpose,
		(SELECT count(*) FROM %1$I.message s WHERE s.moment = m.moment AND s.sent_at > @extschema@.now() - interval '30 days') AS sent_30d,
		(m.activated_at + m.review_every)::date AS review_due,
		(SELECT c.verdict FROM %1$I.conclusion c WHERE c.experiment = coalesce(m.experiment, m.moment) ORDER BY c.at DESC, c.verdict LIMIT 1) AS verdict
	FROM @extschema@.moment m WHERE m.space = %2$L;
	COMMENT ON VIEW %1$I.journey IS 'A row a moment: the map of the customer''s journey.';

	CREATE VIEW %1$I.alert WITH (security_invoker = true) AS
	SELECT max(at) AS at, place, thing, state, sum(n)::bigint AS n FROM %1$I.incident GROUP BY place, thing, state
	UNION ALL
	SELECT f.since::timestamptz, 'promotion', f.experiment, f.state, f.days FROM @extschema@.fading(%2$L) f;
	COMMENT ON VIEW %1$I.alert IS 'Errors that persona kept to itself: where, in what, which SQLSTATE, how often, and when last; and promoted variants that are fading or harmful: since when, and after how many days.';

	CREATE VIEW %1$I.finding WITH (security_invoker = true) AS
	SELECT * FROM @extschema@.space_findings(%2$L);
	COMMENT ON VIEW %1$I.finding IS 'What lint and audit find in the moments of the space, and what a person has overridden.';

	CREATE TRIGGER entered AFTER INSERT ON %1$I.membership REFERENCING NEW TABLE AS entered
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.start_on_segments(%2$L);
	$view$, NEW.schema_name, NEW.space);
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION create_moment_views() IS
'Trigger: a new space gets its reader views outcome, skip, funnel, journey, alert and finding, and its memberships start moments.';
REVOKE ALL ON FUNCTION create_moment_views() FROM PUBLIC;
CREATE TRIGGER moment_views AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION create_moment_views();

/* Whether all is well */

CREATE FUNCTION event_health(space text) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT f.level, f.code, e.event, f.message, f.hint
	FROM @extschema@.event e
	JOIN pg_class r ON r.oid = e.relation
	LEFT JOIN pg_attribute a ON a.attrelid = e.relation AND a.attname = e.at
	CROSS JOIN LATERAL (VALUES
		(e.at IS NULL, 'info', 'event_without_time',
			format('%s has no time, so what its trigger does not see cannot be found', e.relation),
			'Pass at => ''column'' to define_event() if it has one.'),
		(e.fires = 'update', 'info', 'update_not_caught_up',
			format('a row of %s does not say whether it was updated, so what the trigger does not see is not found', e.relation),
			'Where every row with a time in the window may start a moment, define the event with fires => ''insert,update''.'),
		(e.fires <> 'update' AND e.at IS NOT NULL AND r.relkind IN ('r', 'p', 'm') AND NOT EXISTS (
				SELECT FROM pg_index i WHERE i.indrelid = e.relation AND i.indkey[0] = a.attnum AND i.indpred IS NULL),
			'warn', 'event_time_without_index',
			format('%s has no index that begins with %s: looking for missed events reads the whole table', e.relation, e.at),
			format('CREATE INDEX ON %s (%I);', e.relation, e.at)),
		(e.fires IN ('insert', 'update', 'insert,update') AND EXISTS (SELECT FROM pg_subscription_rel s
				WHERE s.srrelid = e.relation OR s.srrelid IN (SELECT p.relid FROM pg_partition_tree(e.relation) p)),
			'warn', 'event_replicated',
			format('rows come into %s by logical replication, which fires no statement trigger', e.relation),
			format('Define the event with fires => ''poll'': SELECT * FROM persona.define_event(%L, ...).', e.event))
	) f(holds, level, code, message, hint)
	WHERE e.space = event_health.space AND e.fires <> 'never' AND f.holds
		AND EXISTS (SELECT FROM @extschema@.moment m WHERE m.space = e.space AND m.on_event = e.event AND m.state = 'live');
END;
COMMENT ON FUNCTION event_health(text) IS
'What is doubtful about the event sources that live moments of a space start on.';
REVOKE ALL ON FUNCTION event_health(text) FROM PUBLIC;

CREATE FUNCTION space_health(space text) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'warn', 'disabled', 'persona.enabled', 'persona is switched off: nothing starts, is decided or handed over',
		'SET persona.enabled = on, or take it out of the configuration.'
	WHERE NOT coalesce(current_setting('persona.enabled', true), 'on')::boolean
	UNION ALL
	SELECT 'warn', 'owner_superuser', s.space, format('%s, who owns %s, is a superuser: rules are evaluated with all rights', o.rolname, s.subjects),
		format('Let an ordinary role own it: ALTER TABLE %s OWNER TO ...;', s.subjects)
	FROM @extschema@.space s JOIN pg_roles o ON o.oid = @extschema@.space_owner(s.subjects)
	WHERE s.space = space_health.space AND o.rolsuper
	UNION ALL
	SELECT f.level, 'trigger_' || c.state, c.event, format(f.message, c.relation, c.name), format(f.hint, c.relation, c.name, s.space,
		(SELECT min(m.moment) FROM @extschema@.moment m WHERE m.space = s.space AND m.on_event = c.event AND m.state = 'live'))
	FROM @extschema@.space s CROSS JOIN LATERAL @extschema@.captures(s) c
	JOIN (VALUES
		('missing', 'warn', '%1$s has no trigger %2$I: run() has to look for its events', 'SELECT * FROM persona.activate(%4$L, space => %3$L);'),
		('disabled', 'warn', 'trigger %2$I of %1$s is disabled: run() has to look for its events', 'ALTER TABLE %1$s ENABLE TRIGGER %2$I;'),
		('needless', 'info', 'no live moment needs trigger %2$I of %1$s', 'DROP TRIGGER %2$I ON %1$s;')
	) f(state, level, message, hint) ON f.state = c.state
	WHERE s.space = space_health.space;
END;
COMMENT ON FUNCTION space_health(text) IS
'What is doubtful about a space as a whole and its triggers.';
REVOKE ALL ON FUNCTION space_health(text) FROM PUBLIC;

CREATE FUNCTION create_health_view() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* A restore brings the view along. */
	IF to_regclass(format('%I.health', NEW.schema_name)) IS NOT NULL THEN
		RETURN NULL;
	END IF;
	EXECUTE format($view$
	CREATE VIEW %1$I.health WITH (security_invoker = true) AS
	SELECT h.level, h.code, h.object, h.message, h.hint FROM @extschema@.space_health(%2$L) h
	UNION ALL
	SELECT h.level, h.code, h.object, h.message, h.hint FROM @extschema@.event_health(%2$L) h
	UNION ALL
	SELECT 'warn', 'run_overdue', %2$L, coalesce('run() was last called at ' || max(p.at), 'run() was never called'),
		'Have it called each minute: SELECT cron.schedule(''persona'', ''* * * * *'', ''CALL persona.run()'');'
	FROM %1$I.progress p WHERE p.step = 'run'
	HAVING coalesce(max(p.at) < clock_timestamp() - interval '15 minutes', true)
		AND EXISTS (SELECT FROM @extschema@.moment m WHERE m.space = %2$L AND m.state = 'live')
	UNION ALL
	SELECT 'warn', 'caught_up', p.event, pg_catalog.format('%%s events so far were seen by no trigger and found in the table, the last at %%s', p.found, p.found_at),
		'If they come by replication, a partition''s own name or another way that fires no trigger, define the event with fires => ''poll''.'
	FROM %1$I.progress p WHERE p.step = 'catch_up' AND p.found_at > @extschema@.now() - interval '1 day'
	UNION ALL
	SELECT 'warn', 'failed_in_' || i.place, i.thing, pg_catalog.format('SQLSTATE %%s, %%s times in a day, the last at %%s', i.state, sum(i.n), max(i.at)),
		pg_catalog.format('SELECT * FROM %%s WHERE thing = %%L;', '%1$I.alert', i.thing)
	FROM %1$I.incident i WHERE i.at > clock_timestamp() - interval '1 day' GROUP BY i.place, i.thing, i.state;
	COMMENT ON VIEW %1$I.health IS 'What is not well, as findings: run() overdue, triggers missing or disabled, events that no trigger saw, times without an index, errors of the last day. Empty is good.';
	$view$, NEW.schema_name, NEW.space);
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION create_health_view() IS
'Trigger: a new space gets its reader view health.';
REVOKE ALL ON FUNCTION create_health_view() FROM PUBLIC;
CREATE TRIGGER health_view AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION create_health_view();

/* What became of messages */

CREATE FUNCTION feedback(message uuid, what text, at timestamptz DEFAULT NULL, detail jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	happened timestamptz := coalesce(at, @extschema@.now());
	written bigint;
BEGIN
	PERFORM @extschema@.check_label('feedback', what);
	/* The same news told twice is one: providers repeat themselves. */
	EXECUTE format('INSERT INTO %1$I.feedback
		SELECT m.subject, encode(substr(sha256(convert_to(concat_ws(E''\x1f'', m.message, $2, extract(epoch FROM $3)), ''UTF8'')), 1, 16), ''hex'')::uuid,
			m.message, m.moment, m.variant, m.channel, m.purpose, $2, $3, $4
		FROM %1$I.message m WHERE m.message = $1
		ON CONFLICT DO NOTHING', home.schema_name)
	USING message, what, happened, detail;
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN written > 0;
END;
$$;
COMMENT ON FUNCTION feedback(uuid, text, timestamptz, jsonb, text) IS
'Notes what became of a message: delivered, opened, clicked, bounced, complained, or any other label; rules read it as the event feedback. False where it was known already, or where the space has no such message.';
REVOKE ALL ON FUNCTION feedback(uuid, text, timestamptz, jsonb, text) FROM PUBLIC;

/* Web tests: who would get what, and who got it */

CREATE FUNCTION find_experiment(home space, experiment text) RETURNS experiment
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	meant @extschema@.experiment;
BEGIN
	SELECT v.space, v.moment, array_agg(v.variant ORDER BY v.variant), array_agg(v.weight / v.total ORDER BY v.variant), 'generic'::text,
		NULL::text, NULL::text, 1::float8, NULL::nummultirange, 'persona'::text, NULL::text
	INTO meant
	FROM (SELECT v.*, sum(v.weight) OVER () AS total FROM @extschema@.variant v
		JOIN @extschema@.moment m ON m.space = v.space AND m.moment = v.moment AND m.experiment IS NULL
		WHERE v.space = home.space AND v.moment = find_experiment.experiment) v
	WHERE v.total > 0 AND NOT EXISTS (SELECT FROM @extschema@.experiment e WHERE e.space = home.space AND e.experiment = find_experiment.experiment)
	GROUP BY 1, 2;
	RETURN CASE WHEN FOUND THEN meant ELSE @extschema@.defined_experiment(home, experiment) END;
END;
$$;
COMMENT ON FUNCTION find_experiment(space, text) IS
'The experiment of that name, a moment''s own one where none is defined, or an error with the nearest name (42704).';
REVOKE ALL ON FUNCTION find_experiment(space, text) FROM PUBLIC;

CREATE FUNCTION holdout_of(home space, experiment text) RETURNS float8
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce(max(o.holdout), 0)
	FROM @extschema@.policy o
		LEFT JOIN @extschema@.moment m ON m.space = (home).space AND m.moment = holdout_of.experiment
	WHERE o.space IN ((home).space, 'house') AND o.channel IN ('', m.channel)
		AND (o.purpose IN ('', m.purpose) OR starts_with(m.purpose, o.purpose || '.'));
END;
COMMENT ON FUNCTION holdout_of(space, text) IS
'The share of subjects that is held out of an experiment: what the policies of every channel and purpose say, for a moment''s own one those of its channel and purpose, too.';
REVOKE ALL ON FUNCTION holdout_of(space, text) FROM PUBLIC;

CREATE FUNCTION variant(subject text, experiment text, space text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	meant @extschema@.experiment := @extschema@.find_experiment(home, experiment);
	key text := @extschema@.subject_key(home, subject);
	seen text;
BEGIN
	EXECUTE format('SELECT x.variant FROM %I.exposure x WHERE x.subject = $1::%s AND x.experiment = $2 ORDER BY x.at, x.variant LIMIT 1',
		home.schema_name, home.key_type)
	INTO seen USING key, experiment;
	IF seen IS NOT NULL THEN
		RETURN seen;
	ELSIF @extschema@.bucket(key, home.space || '.holdout') < @extschema@.holdout_of(home, experiment) THEN
		RETURN 'holdout';
	END IF;
	RETURN @extschema@.assign(meant, CASE WHEN meant.unit IS NULL THEN key ELSE @extschema@.evaluate(key, meant.unit, home.space) END);
END;
$$;
COMMENT ON FUNCTION variant(text, text, text) IS
'The variant that a subject gets: the one it was exposed to first, else holdout for whom the space holds out, else by weights; NULL where it takes no part. Reading it enrols nobody: expose() does. Errors: unknown experiment (42704), a subject that is no key (22P02), or, where the experiment has a unit, is not there (P0002).';
REVOKE ALL ON FUNCTION variant(text, text, text) FROM PUBLIC;

CREATE FUNCTION variant(subject anyelement, experiment text, space text DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.variant(subject::text, experiment, space)';
COMMENT ON FUNCTION variant(anyelement, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION variant(anyelement, text, text) FROM PUBLIC;

CREATE FUNCTION expose(subject text, experiment text, space text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	shown text := @extschema@.variant(subject, experiment, home.space);
	there boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s s WHERE s.%I = $1::%s)', home.subjects, home.key, home.key_type) INTO there USING subject;
	IF NOT there THEN
		RAISE no_data_found USING
			MESSAGE = format('%s has no such subject', home.subjects),
			HINT = format('Nothing was recorded. Insert the customer first, or look up column "%s" again.', home.key);
	ELSIF shown IS NOT NULL THEN
		EXECUTE format('INSERT INTO %I.exposure VALUES ($1::%s, $2, $3, $4) ON CONFLICT DO NOTHING', home.schema_name, home.key_type)
		USING subject, experiment, shown, @extschema@.now();
	END IF;
	RETURN shown;
END;
$$;
COMMENT ON FUNCTION expose(text, text, text) IS
'The variant of variant(), noted as seen now unless it was seen before: the first exposure counts, and what was seen first is what is shown from then on. The holdout is noted as holdout; who takes no part (NULL) is not. Errors: those of variant(), and an unknown subject (P0002).';
REVOKE ALL ON FUNCTION expose(text, text, text) FROM PUBLIC;

CREATE FUNCTION expose(subject anyelement, experiment text, space text DEFAULT NULL) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.expose(subject::text, experiment, space)';
COMMENT ON FUNCTION expose(anyelement, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION expose(anyelement, text, text) FROM PUBLIC;

/* Migrations of the company's tables */

CREATE FUNCTION renames(home space) RETURNS TABLE (source text, relation regclass, was text, becomes text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT s.source, s.relation, c.name, a.attname
	FROM (
		SELECT 'subject', o.subjects, o.columns FROM @extschema@.space o WHERE o.space = (home).space
		UNION ALL SELECT e.event, e.relation, e.columns FROM @extschema@.event e WHERE e.space = (home).space
		UNION ALL SELECT f.facet, f.relation, f.columns FROM @extschema@.facet f WHERE f.space = (home).space
	) s(source, relation, columns)
	CROSS JOIN LATERAL unnest(s.columns) WITH ORDINALITY c(name, number)
	JOIN pg_attribute a ON a.attrelid = s.relation AND a.attnum = c.number AND NOT a.attisdropped
	WHERE c.name <> a.attname;
END;
COMMENT ON FUNCTION renames(space) IS
'The columns of a space''s sources that were renamed since the definitions were last brought up to date.';
REVOKE ALL ON FUNCTION renames(space) FROM PUBLIC;

CREATE FUNCTION follow_sources(home space, sources text[], was text[], becomes text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	changed record;
BEGIN
	FOR changed IN SELECT r.source, r.was, r.becomes FROM unnest(sources, was, becomes) r(source, was, becomes) LOOP
		UPDATE @extschema@.space s SET key = changed.becomes
		WHERE s.space = home.space AND changed.source = 'subject' AND s.key = changed.was;
		UPDATE @extschema@.event e SET subject = CASE e.subject WHEN changed.was THEN changed.becomes ELSE e.subject END,
			at = CASE e.at WHEN changed.was THEN changed.becomes ELSE e.at END,
			id = array_replace(e.id, changed.was, changed.becomes)
		WHERE e.space = home.space AND e.event = changed.source;
		UPDATE @extschema@.facet f SET key = changed.becomes
		WHERE f.space = home.space AND f.facet = changed.source AND f.key = changed.was;
		UPDATE @extschema@.facet f SET via = changed.becomes
		WHERE f.space = home.space AND coalesce(f.parent, 'subject') = changed.source AND f.via = changed.was;
		UPDATE @extschema@.attribute a SET attribute = concat_ws('.', nullif(changed.source, 'subject'), changed.becomes)
		WHERE a.space = home.space AND a.attribute = concat_ws('.', nullif(changed.source, 'subject'), changed.was);
	END LOOP;
	/* All have seen it, also those in which nothing else had to change. */
	UPDATE @extschema@.space s SET key = s.key WHERE s.space = home.space;
	UPDATE @extschema@.event e SET at = e.at WHERE e.space = home.space AND e.event = ANY (sources);
	UPDATE @extschema@.facet f SET key = f.key WHERE f.space = home.space AND f.facet = ANY (sources);
END;
$$;
COMMENT ON FUNCTION follow_sources(space, text[], text[], text[]) IS
'Brings the columns that sources and attributes name up to date with renames.';
REVOKE ALL ON FUNCTION follow_sources(space, text[], text[], text[]) FROM PUBLIC;

CREATE FUNCTION follow_expressions(home space, sources text[], was text[], becomes text[]) RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mentioned text := '\m(' || (SELECT string_agg(DISTINCT regexp_replace(w, '(\W)', '\\\1', 'g'), '|') FROM unnest(was) w) || ')\M';
BEGIN
	UPDATE @extschema@.segment s SET rule = @extschema@.renamed(s.rule, NULL, sources, was, becomes, s.space)
	WHERE s.space = home.space AND s.rule ~ mentioned;
	UPDATE @extschema@.channel c SET address = @extschema@.renamed(c.address, NULL, sources, was, becomes, c.space),
		time_zone = @extschema@.renamed(c.time_zone, NULL, sources, was, becomes, c.space),
		locale = @extschema@.renamed(c.locale, NULL, sources, was, becomes, c.space)
	WHERE c.space = home.space AND concat_ws(' ', c.address, c.time_zone, c.locale) ~ mentioned;
	UPDATE @extschema@.moment m SET version = m.version + 1,
		when_rule = @extschema@.renamed(m.when_rule::text, @extschema@.event_of(home, m.moment), sources, was, becomes, m.space)::@extschema@.rule,
		cancel_rule = @extschema@.renamed(m.cancel_rule::text, @extschema@.event_of(home, m.moment), sources, was, becomes, m.space)::@extschema@.rule,
		once_per = @extschema@.renamed(m.once_per, @extschema@.event_of(home, m.moment), sources, was, becomes, m.space),
		expires = CASE WHEN m.expires_is_interval THEN m.expires ELSE @extschema@.renamed(m.expires, @extschema@.event_of(home, m.moment), sources, was, becomes, m.space) END,
		tokens = (SELECT coalesce(jsonb_object_agg(t.key, @extschema@.renamed(t.value, @extschema@.event_of(home, m.moment), sources, was, becomes, m.space)), '{}')
			FROM jsonb_each_text(m.tokens) t)
	WHERE m.space = home.space AND concat_ws(' ', m.when_rule::text, m.cancel_rule::text, m.once_per, m.expires, m.tokens) ~ mentioned;
	UPDATE @extschema@.variant v
	SET tokens = (SELECT jsonb_object_agg(t.key, @extschema@.renamed(t.value, @extschema@.event_of(home, v.moment), sources, was, becomes, v.space))
		FROM jsonb_each_text(v.tokens) t)
	WHERE v.space = home.space AND v.tokens::text ~ mentioned;
	UPDATE @extschema@.goal g SET measure = @extschema@.renamed(g.measure, NULL, sources, was, becomes, g.space)
	WHERE g.space = home.space AND g.measure ~ mentioned;
	RETURN QUERY SELECT 'warn', 'template_renamed', v.moment,
		format('the %s template of moment "%s" still says {{ %s }}', v.variant, v.moment, p.path),
		format('Write it as {{ %s }} in define_moment(%L, ...).', p.new_path, v.moment)
	FROM @extschema@.variant v JOIN @extschema@.moment m ON m.space = v.space AND m.moment = v.moment
	CROSS JOIN LATERAL (
		SELECT DISTINCT u.path, x.head || r.becomes
		FROM unnest(@extschema@.template_variables(v.template) || @extschema@.template_variables(v.subject_line)) u(path),
			unnest(sources, was, becomes) r(source, was, becomes)
			CROSS JOIN LATERAL (SELECT CASE r.source WHEN 'subject' THEN '' WHEN @extschema@.event_of(home, m.moment) THEN 'new.' END) x(head)
		WHERE u.path = x.head || r.was OR starts_with(u.path, x.head || r.was || '.')) p(path, new_path)
	WHERE v.space = home.space AND NOT m.tokens ? split_part(p.path, '.', 1);
END;
$$;
COMMENT ON FUNCTION follow_expressions(space, text[], text[], text[]) IS
'Brings rules, tokens and other expressions up to date with renames; of templates, which are the words of somebody, it says which say an old name.';
REVOKE ALL ON FUNCTION follow_expressions(space, text[], text[], text[]) FROM PUBLIC;

CREATE FUNCTION follow_renames(space text DEFAULT NULL) RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	sources text[];
	was text[];
	becomes text[];
BEGIN
	SELECT array_agg(r.source), array_agg(r.was), array_agg(r.becomes) INTO sources, was, becomes
	FROM @extschema@.renames(home) r;
	IF sources IS NULL THEN
		RETURN;
	END IF;
	PERFORM @extschema@.follow_sources(home, sources, was, becomes);
	RETURN QUERY SELECT 'info', 'column_renamed', r.source, format('column "%s" of %s is called "%s" by now', r.was, r.source, r.becomes),
		'Rules, tokens and addresses that name it say so now.'
	FROM unnest(sources, was, becomes) r(source, was, becomes);
	RETURN QUERY SELECT * FROM @extschema@.follow_expressions(home, sources, was, becomes);
END;
$$;
COMMENT ON FUNCTION follow_renames(text) IS
'Brings every definition of the space up to date with renamed columns, and says what was renamed and which templates a person has to change. ALTER TABLE does this by itself; call it where event triggers are off.';
REVOKE ALL ON FUNCTION follow_renames(text) FROM PUBLIC;

/*
 * SECURITY DEFINER: who renames a column may have no right on definitions. It
 * reads no customer's data. An error must not fail the company's migration.
 */
CREATE FUNCTION follow_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	changed oid[] := ARRAY(SELECT c.objid FROM pg_event_trigger_ddl_commands() c WHERE c.classid = 'pg_class'::regclass);
	home record;
	told record;
BEGIN
	FOR home IN
		SELECT s.space FROM @extschema@.space s WHERE s.subjects = ANY (changed)
		UNION SELECT e.space FROM @extschema@.event e WHERE e.relation = ANY (changed)
		UNION SELECT f.space FROM @extschema@.facet f WHERE f.relation = ANY (changed)
	LOOP
		BEGIN
			FOR told IN SELECT * FROM @extschema@.follow_renames(home.space) LOOP
				RAISE NOTICE USING MESSAGE = format('persona: %s', told.message), HINT = told.hint;
			END LOOP;
		EXCEPTION WHEN OTHERS THEN
			RAISE WARNING USING MESSAGE = format('persona could not follow this change in space "%s" (SQLSTATE %s)', home.space, SQLSTATE),
				HINT = format('Look at its rules, then: SELECT * FROM persona.follow_renames(%L).', home.space);
		END;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION follow_ddl() IS
'Event trigger: after ALTER TABLE of a table that a space uses, its definitions follow renamed columns.';
REVOKE ALL ON FUNCTION follow_ddl() FROM PUBLIC;
CREATE EVENT TRIGGER persona_follow ON ddl_command_end
WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE')
EXECUTE FUNCTION follow_ddl();

CREATE FUNCTION released(segment text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE object_not_in_prerequisite_state USING
		MESSAGE = format('segment "%s" is released for a migration of its tables', segment),
		HINT = 'Once that is done: SELECT * FROM persona.rebind(''the_table'').';
END;
$$;
COMMENT ON FUNCTION released(text) IS
'What a released segment''s view calls: always an error (55000), for an empty answer would be a wrong one.';

CREATE FUNCTION views_over(relation regclass) RETURNS TABLE (space text, kind text, name text, view regclass)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT x.space, x.kind, x.name, c.oid::regclass
	FROM (
		SELECT s.space, 'segment', s.segment, 'segment_' || s.segment FROM @extschema@.segment s
		UNION ALL SELECT m.space, 'moment', m.moment, 'moment_' || m.moment || '_reads' FROM @extschema@.moment m
	) x(space, kind, name, view_name)
	JOIN @extschema@.space o ON o.space = x.space
	JOIN pg_namespace n ON n.nspname = o.schema_name
	JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = x.view_name
	WHERE EXISTS (SELECT FROM pg_rewrite r
		JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
		WHERE r.ev_class = c.oid AND d.refobjid = views_over.relation);
END;
COMMENT ON FUNCTION views_over(regclass) IS
'The views of segments and moments that depend on a table.';
REVOKE ALL ON FUNCTION views_over(regclass) FROM PUBLIC;

CREATE FUNCTION release(relation regclass) RETURNS TABLE (space text, kind text, name text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	over_it record;
	subject_type text;
BEGIN
	FOR over_it IN SELECT * FROM @extschema@.views_over(release.relation) LOOP
		IF over_it.kind = 'moment' THEN
			EXECUTE format('DROP VIEW %s', over_it.view);
		ELSE
			/* Replaced and not dropped: what others built on it, and rights, stay. */
			SELECT format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attcollation = 0 THEN '' ELSE format(' COLLATE %I.%I', n.nspname, c.collname) END
			INTO subject_type
			FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation LEFT JOIN pg_namespace n ON n.oid = c.collnamespace
			WHERE a.attrelid = over_it.view AND a.attname = 'subject';
			EXECUTE format('CREATE OR REPLACE VIEW %1$s WITH (security_invoker = true) AS
				SELECT CASE WHEN @extschema@.released(%3$L) THEN NULL::%2$s END AS subject WHERE @extschema@.released(%3$L)',
				over_it.view, subject_type, over_it.name);
		END IF;
		RETURN QUERY SELECT over_it.space, over_it.kind, over_it.name;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION release(regclass) IS
'Takes the views of segments and moments off a table, so that a migration may drop columns or change types. Until rebind() a released segment answers with an error; moments go on.';
REVOKE ALL ON FUNCTION release(regclass) FROM PUBLIC;

CREATE FUNCTION rebind_moment(home space, moment text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM @extschema@.create_reads(home, moment);
	RETURN true;
EXCEPTION
	WHEN syntax_error_or_access_rule_violation THEN
		RAISE WARNING USING MESSAGE = format('moment "%s" cannot be compiled any more: %s', moment, SQLERRM),
			HINT = format('It sends nothing until it is mended with define_moment(%L, ...).', moment);
		RETURN false;
END;
$$;
COMMENT ON FUNCTION rebind_moment(space, text) IS
'Makes the view of a moment''s columns again; one that the migration broke is a warning, keeps nothing else from being bound, and gives false.';
REVOKE ALL ON FUNCTION rebind_moment(space, text) FROM PUBLIC;

CREATE FUNCTION rebind(relation regclass) RETURNS TABLE (space text, kind text, name text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	home @extschema@.space;
	thing record;
BEGIN
	FOR home IN
		SELECT s.* FROM @extschema@.space s WHERE s.subjects = rebind.relation
			OR EXISTS (SELECT FROM @extschema@.event e WHERE e.space = s.space AND e.relation = rebind.relation)
			OR EXISTS (SELECT FROM @extschema@.facet f WHERE f.space = s.space AND f.relation = rebind.relation)
	LOOP
		FOR thing IN
			SELECT s.segment, s.rule FROM @extschema@.segment s
			WHERE s.space = home.space AND EXISTS (SELECT FROM pg_rewrite r
				JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_proc'::regclass
				WHERE r.ev_class = to_regclass(format('%I.%I', home.schema_name, 'segment_' || s.segment))
					AND d.refobjid = '@extschema@.released(text)'::regprocedure)
		LOOP
			PERFORM @extschema@.create_view(home, thing.segment, thing.rule::@extschema@.rule);
			RETURN QUERY SELECT home.space, 'segment', thing.segment;
		END LOOP;
		FOR thing IN
			SELECT m.moment FROM @extschema@.moment m
			WHERE m.space = home.space AND to_regclass(format('%I.%I', home.schema_name, 'moment_' || m.moment || '_reads')) IS NULL
		LOOP
			RETURN QUERY SELECT home.space, 'moment', thing.moment
			WHERE @extschema@.rebind_moment(home, thing.moment);
		END LOOP;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION rebind(regclass) IS
'After release() and a migration: makes the views of the segments and moments of the table''s spaces again. A segment''s rule that the migration broke is an error that shows the place in it: define that segment anew, then call this again. A moment that it broke is a warning.';
REVOKE ALL ON FUNCTION rebind(regclass) FROM PUBLIC;

/* Removing definitions */

CREATE FUNCTION users_of(home space, kind text, name text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT array_agg(u.thing ORDER BY u.thing) FROM (
		SELECT format('segment "%s"', s.segment) FROM @extschema@.segment s
		WHERE s.space = (home).space AND CASE kind
			WHEN 'segment' THEN users_of.name = ANY (@extschema@.rule_segments(s.rule::@extschema@.rule))
			WHEN 'event' THEN s.rule ~ ('\m' || users_of.name || '\M')
			WHEN 'facet' THEN s.rule ~ ('\m' || users_of.name || '[.]') END
		UNION ALL
		SELECT format('goal "%s"', g.goal) FROM @extschema@.goal g
		WHERE g.space = (home).space AND CASE kind
			WHEN 'event' THEN g.measure ~ ('\m' || users_of.name || '\M')
			WHEN 'facet' THEN g.measure ~ ('\m' || users_of.name || '[.]') END
		UNION ALL
		SELECT format('experiment "%s"', e.experiment) FROM @extschema@.experiment e
		WHERE e.space = (home).space AND kind = 'goal' AND e.goal = users_of.name
		UNION ALL
		SELECT format('breakdown "%s"', b.breakdown) FROM @extschema@.breakdown b
		WHERE b.space = (home).space AND kind = 'segment' AND users_of.name = ANY (b.segments)
		UNION ALL
		SELECT format('moment "%s"', m.moment) FROM @extschema@.moment m
		WHERE m.space = (home).space AND CASE kind
			WHEN 'experiment' THEN m.experiment = users_of.name
			WHEN 'channel' THEN m.channel = users_of.name OR EXISTS (SELECT FROM @extschema@.variant v
				WHERE v.space = m.space AND v.moment = m.moment AND v.channel = users_of.name)
			WHEN 'purpose' THEN m.purpose = users_of.name
			WHEN 'moment' THEN m.after_moment = users_of.name
			WHEN 'segment' THEN m.on_segment = users_of.name OR users_of.name = ANY (@extschema@.rule_segments(m.when_rule)) OR users_of.name = ANY (@extschema@.rule_segments(m.cancel_rule))
			WHEN 'event' THEN m.on_event = users_of.name OR concat_ws(' ', m.when_rule::text, m.cancel_rule::text, m.tokens,
				(SELECT string_agg(v.tokens::text, ' ') FROM @extschema@.variant v WHERE v.space = m.space AND v.moment = m.moment)) ~ ('\m' || users_of.name || '\M')
			WHEN 'facet' THEN concat_ws(' ', m.when_rule::text, m.cancel_rule::text, m.once_per, m.expires, m.tokens,
				(SELECT string_agg(v.tokens::text, ' ') FROM @extschema@.variant v WHERE v.space = m.space AND v.moment = m.moment)) ~ ('\m' || users_of.name || '[.]') END
		UNION ALL
		SELECT format('facet "%s"', f.facet) FROM @extschema@.facet f
		WHERE f.space = (home).space AND kind IN ('event', 'facet') AND f.parent = users_of.name
	) u(thing);
END;
COMMENT ON FUNCTION users_of(space, text, text) IS
'The definitions that use another one, each with its kind; NULL where none does.';
REVOKE ALL ON FUNCTION users_of(space, text, text) FROM PUBLIC;

CREATE FUNCTION drop_definition(kind text, name text, space text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	kinds text[] := ARRAY['segment', 'moment', 'experiment', 'goal', 'breakdown', 'event', 'facet', 'attribute', 'channel', 'purpose', 'category'];
	users text[];
	known text[];
BEGIN
	IF kind IS NULL OR kind <> ALL (kinds) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('there is no kind of definition %s', quote_nullable(kind)),
			HINT = format('It is one of %s.', array_to_string(kinds, ', '));
	END IF;
	EXECUTE format('SELECT array_agg(%1$I ORDER BY %1$I) FROM @extschema@.%1$I WHERE space = $1', kind) INTO known USING home.space;
	IF name IS NULL OR name <> ALL (coalesce(known, '{}')) THEN
		RAISE undefined_object USING
			MESSAGE = format('%s "%s" does not exist in space "%s"', kind, name, home.space),
			HINT = @extschema@.ask(name, coalesce(known, '{}'), 'Nothing is to be dropped.');
	END IF;
	users := @extschema@.users_of(home, kind, name);
	IF users IS NOT NULL THEN
		RAISE dependent_objects_still_exist USING
			MESSAGE = format('%s "%s" is still in use', kind, name),
			DETAIL = format('By %s.', array_to_string(users, ', ')),
			HINT = 'Change or drop these first.';
	ELSIF kind = 'moment' AND (SELECT m.state IN ('live', 'paused') FROM @extschema@.moment m WHERE m.space = home.space AND m.moment = name) THEN
		RAISE object_in_use USING
			MESSAGE = format('moment "%s" is at work', name),
			HINT = 'What is scheduled for it would be lost: retire it first.';
	END IF;
	IF kind IN ('segment', 'moment') THEN
		EXECUTE format('DROP VIEW IF EXISTS %I.%I', home.schema_name,
			CASE kind WHEN 'segment' THEN 'segment_' || name ELSE 'moment_' || name || '_reads' END);
	END IF;
	DELETE FROM @extschema@.variant v WHERE kind = 'moment' AND v.space = home.space AND v.moment = name;
	EXECUTE format('DELETE FROM @extschema@.%1$I WHERE space = $1 AND %1$I = $2', kind) USING home.space, name;
END;
$$;
COMMENT ON FUNCTION drop_definition(text, text, text) IS
'Removes a segment, moment, experiment, goal, breakdown, event, facet, attribute, channel, purpose or category from a space, or says what still uses it (2BP01). Its versions stay in definition_log.';
REVOKE ALL ON FUNCTION drop_definition(text, text, text) FROM PUBLIC;

/* One hash of everything that decides */

CREATE FUNCTION fixed_answers() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT jsonb_build_array(
		@extschema@.bucket('42', 'fingerprint'), @extschema@.choose('42', 'fingerprint', '{0.2,0.3,0.5}'), @extschema@.choose('43', 'fingerprint', '{0.5,0.5}', 1, 'growthbook2'),
		@extschema@.decision_id('shop', 'thanks', '42', '7', 0),
		'a = 1 OR b AND NOT c'::@extschema@.rule::text,
		@extschema@.render('{{ a | upcase }} {% for x in l %}{{ x }},{% endfor %}'::@extschema@.template, '{"a": "e", "l": [1, 2.5]}'::jsonb),
		@extschema@.surprise_parts('observed', 'user.behavior.cart', 'sold', granularity => 'place'),
		to_jsonb(@extschema@.stat_two_prop_z(30, 1000, 45, 1010)), @extschema@.summarize(v)::text)
	FROM unnest('{1,2,4.5}'::float8[]) v;
END;
COMMENT ON FUNCTION fixed_answers() IS
'What persona answers to a few questions that never change.';
REVOKE ALL ON FUNCTION fixed_answers() FROM PUBLIC;

CREATE FUNCTION fingerprint() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET IntervalStyle = 'iso_8601' SET extra_float_digits = 1
AS $$
DECLARE
	definitions regclass;
	rows text;
	hashes text[] := ARRAY[@extschema@.fixed_answers()::text];
BEGIN
	/* The outbox is bound to one database, and the log to who restored it. */
	FOR definitions IN
		SELECT t FROM pg_extension e, unnest(e.extconfig) t
		WHERE e.extname = 'persona' AND t NOT IN ('@extschema@.outbox'::regclass, '@extschema@.definition_log'::regclass)
		ORDER BY t::regclass::text COLLATE "C"
	LOOP
		EXECUTE format('SELECT string_agg(to_jsonb(t)::text, E''\n'' ORDER BY to_jsonb(t)::text COLLATE "C") FROM %s t', definitions) INTO rows;
		hashes := hashes || concat_ws(E'\n', definitions::text, rows);
	END LOOP;
	RETURN encode(sha256(convert_to(array_to_string(hashes, E'\x1f'), 'UTF8')), 'hex');
END;
$$;
COMMENT ON FUNCTION fingerprint() IS
'A sha256 over every definition that the caller may see and over a fixed set of answers: equal before and after a dump, a restore and an upgrade, different where anything decides otherwise.';
REVOKE ALL ON FUNCTION fingerprint() FROM PUBLIC;
