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
