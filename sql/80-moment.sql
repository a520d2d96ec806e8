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

CREATE FUNCTION variant_weight(v variant) RETURNS float8
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT CASE WHEN e.experiment IS NULL THEN v.weight ELSE coalesce(e.weights[array_position(e.variants, v.variant)], 0) END
	FROM @extschema@.moment m LEFT JOIN @extschema@.experiment e ON e.space = m.space AND e.experiment = coalesce(m.experiment, m.moment)
	WHERE m.space = v.space AND m.moment = v.moment;
END;
COMMENT ON FUNCTION variant_weight(variant) IS
'The weight by which a variant is chosen: what the experiment that the moment names, or that has its name, gives it; without one its own.';
REVOKE ALL ON FUNCTION variant_weight(variant) FROM PUBLIC;

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
SELECT keep_names(t) FROM unnest(ARRAY['moment', 'variant']::regclass[]) t;
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

CREATE FUNCTION check_link(channel text, link text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF link !~ '^[^[:space:][:cntrl:]<>]+$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('the links of channel "%s" cannot begin with %L', channel, link),
			HINT = 'It is the address of a page, without blanks, line ends, < and >: link => ''https://shop.example/persona''.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_link(text, text) IS
'Raises an error about a base of links that would end the header or the attribute it is put into (22023).';
REVOKE ALL ON FUNCTION check_link(text, text) FROM PUBLIC;

CREATE FUNCTION check_zone(channel text, time_zone text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	zone text := substring(time_zone FROM '^\s*''([^'']*)''\s*$');
BEGIN
	IF lower(zone) <> 'utc' AND @extschema@.zone_name(zone) = 'UTC' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('the time zone of channel "%s" is none: %L', channel, zone),
			HINT = @extschema@.ask(zone, ARRAY(SELECT z.name FROM pg_timezone_names z), 'SELECT name FROM pg_timezone_names; lists them all.');
	END IF;
END;
$$;
COMMENT ON FUNCTION check_zone(text, text) IS
'Raises an error where the time zone of a channel is a constant that the zone database does not know (22023).';
REVOKE ALL ON FUNCTION check_zone(text, text) FROM PUBLIC;

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
	PERFORM @extschema@.check_zone(channel, time_zone);
	PERFORM @extschema@.check_link(channel, link);
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
'Where messages go: address, time zone (a name of the zone database) and locale of a subject as expressions in the rule language; link is the base of its links, format text or html. Errors: 42703 and others of the rule language, 22023.';
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
	IF quiet IS NOT NULL AND (hours IS NULL OR hours[1]::time = hours[2]::time) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%L are no quiet hours', quiet),
			HINT = 'Write from and to in the customer''s own time, such as ''21:00-08:00''; the whole day is ''00:00-24:00''.';
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

CREATE FUNCTION lint_policy(mine policy) RETURNS SETOF finding
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT 'warn', 'unknown_purpose', (mine).purpose, format('there is no purpose "%s" and none below it, so the policy is for nothing', (mine).purpose),
		@extschema@.ask((mine).purpose, k.known, format('Define it: SELECT * FROM persona.define_purpose(%L, ''consent'');', (mine).purpose))
	FROM (SELECT array_agg(p.purpose) FROM @extschema@.purpose p WHERE p.space = (mine).space) k(known)
	WHERE (mine).space <> 'house' AND (mine).purpose <> ''
		AND NOT EXISTS (SELECT FROM unnest(k.known) u WHERE u = (mine).purpose OR starts_with(u, (mine).purpose || '.'))
	UNION ALL
	SELECT f.* FROM unnest((mine).categories) c
	CROSS JOIN LATERAL @extschema@.lint_category(c, c, (mine).space, ARRAY(SELECT a.category FROM @extschema@.attribute a WHERE a.space = (mine).space)) f
	WHERE (mine).space <> 'house';
END;
COMMENT ON FUNCTION lint_policy(policy) IS
'What a space''s policy names and nobody has defined: its purpose, its categories. The house''s are for spaces to come as well.';
REVOKE ALL ON FUNCTION lint_policy(policy) FROM PUBLIC;

CREATE FUNCTION check_house() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF row_security_active('@extschema@.policy') THEN
		RAISE insufficient_privilege USING
			MESSAGE = 'permission denied for the policies of the house',
			HINT = 'They bind every space: a superuser, or who owns the extension''s tables, changes them.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_house() IS
'Raises an error for whoever may change policies only by row, each in its own space (42501).';
REVOKE ALL ON FUNCTION check_house() FROM PUBLIC;

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
	wrong text;
BEGIN
	IF is_house THEN
		PERFORM @extschema@.check_house();
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
	RETURN QUERY SELECT * FROM @extschema@.lint_policy(mine);
	RETURN QUERY SELECT 'warn', 'looser_than_house', p.space,
		format('%s %s of space "%s" is looser than the house''s %s, which counts', l.thing, l.value, p.space, l.house_value),
		'Run its define_policy() again without it.'
	FROM @extschema@.policy p CROSS JOIN LATERAL @extschema@.loosened(p, mine) l
	WHERE is_house AND p.space <> 'house' AND mine.channel IN ('', p.channel)
		AND (mine.purpose IN ('', p.purpose) OR starts_with(p.purpose, mine.purpose || '.'));
EXCEPTION
	WHEN check_violation THEN
		GET STACKED DIAGNOSTICS wrong = CONSTRAINT_NAME;
		wrong := regexp_replace(wrong, '^policy_(.*)_check$', '\1');
		RAISE invalid_parameter_value USING
			MESSAGE = format('a policy cannot have the %s %s', wrong, to_jsonb(mine)->>wrong),
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
