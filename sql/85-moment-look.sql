/* moment: explained, tried out, looked at */

/* Explaining */

CREATE FUNCTION gate_rows(gates json, OUT gate text, OUT passed boolean, OUT reason text, OUT saw jsonb)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT g.value->>'gate', (g.value->>'passed')::boolean, g.value->>'reason', (g.value->'saw')::jsonb
	FROM json_array_elements(gates) WITH ORDINALITY g(value, ord) ORDER BY g.ord;
END;
COMMENT ON FUNCTION gate_rows(json) IS 'The gates of a decision as rows, in their order.';
REVOKE ALL ON FUNCTION gate_rows(json) FROM PUBLIC;

CREATE FUNCTION explain_decision(decision uuid, space text DEFAULT NULL)
RETURNS TABLE (gate text, passed boolean, reason text, saw jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	gates json := @extschema@.read_as_owner(NULL::json, home.space, format('SELECT gates FROM %I.decision WHERE decision = $1', home.schema_name), decision);
BEGIN
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

CREATE FUNCTION moment_gates(subject text, moment text, space text) RETURNS json
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'persona_moment_gates';
COMMENT ON FUNCTION moment_gates(text, text, text) IS
'The gates of a moment as they stand now for a subject and the latest of what starts it, as json; NULL where there is no such thing.';
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

/* What came of a decision */

CREATE TYPE converted AS (decision uuid, converted_at timestamptz, value float8);
COMMENT ON TYPE converted IS 'A row of conversions().';

CREATE FUNCTION conversions(space text, moment text, experiment text, since timestamptz, until timestamptz)
RETURNS SETOF converted
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET IntervalStyle = 'postgres'
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	aim @extschema@.goal;
	m record;
BEGIN
	SELECT g.* INTO aim FROM @extschema@.goal g
	WHERE g.space = home.space AND g.goal = coalesce(
		(SELECT e.goal FROM @extschema@.experiment e WHERE e.space = home.space AND e.experiment = conversions.experiment), @extschema@.only_goal(home));
	IF NOT FOUND THEN
		RETURN;
	END IF;
	m := @extschema@.measures(ARRAY[aim.measure], ARRAY[aim.within::text], home.space, of_single => true,
		earliest => since, latest => until + aim.within + interval '1 day');
	RETURN QUERY SELECT * FROM @extschema@.read_as_owner(NULL::@extschema@.converted, home.space, format($q$WITH exposed AS MATERIALIZED (
		SELECT x.*%1$s FROM (
			SELECT d.decision AS unit, d.subject, d.at FROM %2$I.decision d
			WHERE d.moment = $1 AND d.experiment = $2 AND d.at >= $3 AND d.at < $4
				AND d.variant IS NOT NULL AND NOT d.fallback AND %3$s) x)
	SELECT x.unit, %4$s, (%5$s)::float8 FROM exposed x%6$s$q$,
		m.spans, home.schema_name, @extschema@.no_test_sql(home, 'd.subject'),
		format('CASE WHEN %s THEN coalesce(%s, x.until1) END', m.reached[1], coalesce(m.reached_at[1], 'NULL')),
		CASE m.kinds[1] WHEN 'proportion' THEN format('%s::int', m.y[1]) WHEN 'ratio' THEN format('%s / nullif(%s, 0)', m.y[1], m.x[1]) ELSE m.y[1] END, m.joins),
		moment, experiment, since, until);
END;
$$;
COMMENT ON FUNCTION conversions(text, text, text, timestamptz, timestamptz) IS
'What came of a moment''s decisions since one instant and before another, of those that exposed somebody to the experiment: when its goal was reached, counted from the decision as results() counts from the first exposure, and the value of its measure (1 or 0 for a yes or no). Test subjects aside; none where there is no goal.';
REVOKE ALL ON FUNCTION conversions(text, text, text, timestamptz, timestamptz) FROM PUBLIC;

CREATE TYPE conversion AS (converted_at timestamptz, value float8);
COMMENT ON TYPE conversion IS 'When the goal was reached after a decision, NULL for not (yet), and the value of its measure.';

CREATE FUNCTION conversion(space text, moment text, experiment text, decision uuid, at timestamptz) RETURNS conversion
LANGUAGE c STABLE STRICT COST 100 AS 'MODULE_PATHNAME', 'persona_conversion';
COMMENT ON FUNCTION conversion(text, text, text, uuid, timestamptz) IS
'The row of conversions() of a decision, which was made at that time; NULL where it has none. A query has a moment''s day counted at once, or its month where it asks for several.';
REVOKE ALL ON FUNCTION conversion(text, text, text, uuid, timestamptz) FROM PUBLIC;

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
	SELECT d.decision, d.subject, d.moment, d.experiment, d.variant, d.at, d.outcome,
		CASE WHEN m.state = 'cancelled' THEN m.reason WHEN m.state IN ('dead', 'unconfirmed') THEN m.state ELSE d.reason END AS reason,
		m.sent_at, f.opened_at, f.clicked_at, (c.came).converted_at, (c.came).value
	FROM %1$I.decision d LEFT JOIN %1$I.message m ON m.subject = d.subject AND m.message = d.decision
		LEFT JOIN (
			SELECT moment, subject, message, min(at) FILTER (WHERE what = 'opened') AS opened_at, min(at) FILTER (WHERE what = 'clicked') AS clicked_at
			FROM %1$I.feedback GROUP BY 1, 2, 3) f ON f.moment = d.moment AND f.subject = d.subject AND f.message = d.decision
		/* Behind OFFSET 0 it is asked for once a row, and not where neither column is. */
		CROSS JOIN LATERAL (SELECT CASE WHEN d.variant IS NOT NULL AND NOT d.fallback
			THEN @extschema@.conversion(%2$L, d.moment, d.experiment, d.decision, d.at) END AS came OFFSET 0) c;
	COMMENT ON VIEW %1$I.outcome IS 'A row a decision: what became of it. What was to be sent has a reason where it was cancelled, is dead, or is unconfirmed. converted_at and value are by the goal of its experiment, of decisions that exposed somebody to it; NULL for test subjects.';

	CREATE VIEW %1$I.skip WITH (security_invoker = true) AS
	SELECT c.moment, c.day, c.reason, c.n, round(c.n / sum(c.n) OVER (PARTITION BY c.moment, c.day), 4) AS share
	FROM (
		SELECT moment, day, reason, sum(n) AS n FROM %1$I.moment_day WHERE reason <> 'entered' GROUP BY 1, 2, 3
		UNION ALL
		SELECT moment, (at AT TIME ZONE 'UTC')::date, coalesce(reason, outcome), count(*) FROM %1$I.decision d
		WHERE outcome <> 'send' AND NOT EXISTS (SELECT FROM %1$I.test_subject t WHERE t.subject = d.subject) GROUP BY 1, 2, 3
	) c;
	COMMENT ON VIEW %1$I.skip IS 'A row a moment, day (UTC) and reason: how many were not sent, and their share of the day''s.';

	CREATE VIEW %1$I.funnel WITH (security_invoker = true) AS
	/* Branches of one type each column, so that what nobody asks for is not counted. */
	SELECT moment, day, sum(entered)::bigint AS entered, sum(decided)::bigint AS decided, sum(sent)::bigint AS sent,
		sum(n) FILTER (WHERE what = 'delivered')::bigint AS delivered, sum(n) FILTER (WHERE what = 'opened')::bigint AS opened,
		sum(n) FILTER (WHERE what = 'clicked')::bigint AS clicked, count(converted_at) FILTER (WHERE outcome = 'send') AS converted,
		sum(n) FILTER (WHERE what = 'unsubscribed')::bigint AS unsubscribed, sum(n) FILTER (WHERE what = 'complained')::bigint AS complained
	FROM (
		SELECT moment, day, n AS entered, 0::bigint AS decided, 0::bigint AS sent, NULL::text AS what, 0::bigint AS n, NULL::text AS outcome, NULL::timestamptz AS converted_at
		FROM %1$I.moment_day WHERE reason = 'entered'
		UNION ALL
		SELECT moment, (at AT TIME ZONE 'UTC')::date, 0::bigint, 1::bigint, 0::bigint, NULL::text, 0::bigint, outcome, converted_at
		FROM %1$I.outcome o WHERE NOT EXISTS (SELECT FROM %1$I.test_subject t WHERE t.subject = o.subject)
		UNION ALL
		SELECT moment, (sent_at AT TIME ZONE 'UTC')::date, 0::bigint, 0::bigint, 1::bigint, NULL::text, 0::bigint, NULL::text, NULL::timestamptz
		FROM %1$I.message m WHERE state = 'sent' AND NOT EXISTS (SELECT FROM %1$I.test_subject t WHERE t.subject = m.subject)
		UNION ALL
		SELECT moment, (at AT TIME ZONE 'UTC')::date, 0::bigint, 0::bigint, 0::bigint, what, count(DISTINCT message), NULL::text, NULL::timestamptz
		FROM %1$I.feedback f WHERE NOT EXISTS (SELECT FROM %1$I.test_subject t WHERE t.subject = f.subject) GROUP BY 1, 2, what
	) c GROUP BY 1, 2;
	COMMENT ON VIEW %1$I.funnel IS 'A row a moment and day (UTC): how many entered, were decided, were sent; how many messages were heard of that day as delivered, opened, clicked, unsubscribed, complained, NULL where none was; and after how many of the day''s messages the goal was reached since. Without test subjects, but for entered, which is counted without names.';

	CREATE VIEW %1$I.journey WITH (security_invoker = true) AS
	SELECT m.stage, m.moment, CASE WHEN m.held_at IS NULL THEN m.state ELSE 'held' END AS state, m.owner, m.variable, m.hypothesis,
		CASE WHEN m.on_event IS NOT NULL THEN 'event ' || m.on_event
			WHEN m.schedule IS NOT NULL THEN concat_ws(' at ', m.schedule, m.local_time)
			ELSE m.starts_on END AS starts_on, m.delay,
		m.channel, m.purpose,
		(SELECT count(*) FROM %1$I.message s WHERE s.moment = m.moment AND s.sent_at > @extschema@.now() - interval '30 days') AS sent_30d,
		CASE WHEN m.state IN ('live', 'paused') THEN (m.activated_at + m.review_every)::date END AS review_due,
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
		format('Let an ordinary role own it: ALTER TABLE %s OWNER TO ...; and define the space again.', s.subjects)
	FROM @extschema@.space s JOIN pg_roles o ON o.oid = @extschema@.space_owner(s.subjects)
	WHERE s.space = space_health.space AND o.rolsuper
	UNION ALL
	SELECT 'block', 'owner_changed', s.space, format('%s belongs to %s by now, and the space''s schema still to %s: nothing can run', s.subjects,
			@extschema@.space_owner(s.subjects)::regrole, @extschema@.schema_owner(s)::regrole),
		format('SELECT * FROM persona.define_space(%L, %L); hands it over.', s.space, s.subjects)
	FROM @extschema@.space s WHERE s.space = space_health.space AND @extschema@.schema_owner(s) <> @extschema@.space_owner(s.subjects)
	UNION ALL
	SELECT 'block', 'key_retyped', s.space, format('the key "%s" of %s is of type %s by now, and the space keeps it as %s: keys that do not fit are left out', s.key, s.subjects,
			@extschema@.base_type(s.subjects, s.key)::regtype, s.key_type),
		'Define a space over the table as it is, and move what was consented to by INSERT into its ledger.'
	FROM @extschema@.space s WHERE s.space = space_health.space AND @extschema@.base_type(s.subjects, s.key) <> s.key_type::regtype
	UNION ALL
	SELECT 'warn', 'source_gone', x.name, format('the table of %s "%s" does not exist any more: what asks about it sends nothing', x.kind, x.name),
		format('SELECT * FROM persona.define_%1$s(%2$L, ...) binds another, SELECT persona.drop_definition(%1$L, %2$L, space => %3$L) forgets it.', x.kind, x.name, s.space)
	FROM @extschema@.space s CROSS JOIN LATERAL @extschema@.sources_of(s) x
	WHERE s.space = space_health.space AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = x.relation)
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
'What is doubtful about a space as a whole, its sources and its triggers.';
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
	known text[] := ARRAY['delivered', 'opened', 'clicked', 'bounced', 'complained', 'unsubscribed'];
BEGIN
	PERFORM @extschema@.check_label('feedback', what);
	IF NOT isfinite(happened) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('feedback "%s" cannot have come at %s', what, happened),
			HINT = 'Pass the instant at which it happened, or leave it out for now.';
	ELSIF what <> ALL (known) AND @extschema@.suggest(what, known) IS NOT NULL THEN
		RAISE NOTICE '"%" is a label of your own', what USING HINT = @extschema@.ask(what, known, NULL);
	END IF;
	/* The same news told twice is one: providers repeat themselves. */
	RETURN coalesce((SELECT @extschema@.change_as_owner(NULL::boolean, home.space, format('INSERT INTO %1$I.feedback
		SELECT m.subject, encode(substr(sha256(convert_to(concat_ws(E''\x1f'', m.message, $2, extract(epoch FROM $3)), ''UTF8'')), 1, 16), ''hex'')::uuid,
			m.message, m.moment, m.variant, m.channel, m.purpose, $2, $3, $4
		FROM %1$I.message m WHERE m.message = $1
		ON CONFLICT DO NOTHING RETURNING true', home.schema_name), message, what, happened, detail)), false);
END;
$$;
COMMENT ON FUNCTION feedback(uuid, text, timestamptz, jsonb, text) IS
'Notes what became of a message: delivered, opened, clicked, bounced, complained, or any other label; rules read it as the event feedback. False where it was known already, or where the space has no such message. An infinite time is an error (22023).';
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
	IF NOT FOUND THEN
		meant := @extschema@.defined_experiment(home, experiment);
	END IF;
	meant.goal := coalesce(meant.goal, @extschema@.only_goal(home));
	RETURN meant;
END;
$$;
COMMENT ON FUNCTION find_experiment(space, text) IS
'The experiment of that name, a moment''s own one where none is defined, with its goal or the only one; or an error with the nearest name (42704).';
REVOKE ALL ON FUNCTION find_experiment(space, text) FROM PUBLIC;

CREATE FUNCTION moments_by(home space, experiment text) RETURNS text[]
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce(array_agg(m.moment), '{}') FROM @extschema@.moment m
	WHERE m.space = (home).space AND coalesce(m.experiment, m.moment) = moments_by.experiment;
END;
COMMENT ON FUNCTION moments_by(space, text) IS 'The moments that an experiment spreads.';
REVOKE ALL ON FUNCTION moments_by(space, text) FROM PUBLIC;

CREATE FUNCTION holds_out(o policy, home space, experiment text) RETURNS boolean
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT (o).space IN ((home).space, 'house') AND ((o).channel, (o).purpose) = ('', '')
		OR EXISTS (SELECT FROM @extschema@.moment m
			WHERE m.space = (home).space AND m.moment = ANY (@extschema@.moments_by(home, holds_out.experiment)) AND (o).space IN (m.space, 'house')
				AND ((o).channel IN ('', m.channel) OR EXISTS (SELECT FROM @extschema@.variant v
					WHERE v.space = m.space AND v.moment = m.moment AND v.channel = (o).channel AND @extschema@.variant_weight(v) > 0))
				AND ((o).purpose IN ('', m.purpose) OR starts_with(m.purpose, (o).purpose || '.')));
END;
COMMENT ON FUNCTION holds_out(policy, space, text) IS
'Whether a policy has a say in who is held out of an experiment: one of every channel and purpose, or one of those of a moment that the experiment spreads.';
REVOKE ALL ON FUNCTION holds_out(policy, space, text) FROM PUBLIC;

CREATE FUNCTION holdout_of(home space, experiment text) RETURNS float8
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce(max(o.holdout), 0) FROM @extschema@.policy o WHERE @extschema@.holds_out(o, home, experiment);
END;
COMMENT ON FUNCTION holdout_of(space, text) IS
'The share of subjects that is held out of an experiment: the largest of the policies that have a say in it.';
REVOKE ALL ON FUNCTION holdout_of(space, text) FROM PUBLIC;

CREATE FUNCTION assigned(home space, e experiment, key text, OUT unit text, OUT variant text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	unit := CASE WHEN e.unit IS NULL THEN key ELSE @extschema@.evaluate(key, e.unit, home.space) END;
	IF @extschema@.bucket(key, home.space || '.holdout') < @extschema@.holdout_of(home, e.experiment) THEN
		variant := 'holdout';
	ELSE
		variant := @extschema@.read_as_owner(variant, home.space,
			'SELECT ' || @extschema@.seen_sql(home, e, format('$1::%s', home.key_type), '$2'), key, unit);
		variant := coalesce(variant, @extschema@.assign(e, unit));
	END IF;
END;
$$;
COMMENT ON FUNCTION assigned(space, experiment, text) IS
'The unit of a subject, and the variant it gets: the holdout first, then what seen_sql() finds, else what assign() says.';
REVOKE ALL ON FUNCTION assigned(space, experiment, text) FROM PUBLIC;

CREATE FUNCTION variant(subject text, experiment text, space text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	meant @extschema@.experiment := @extschema@.find_experiment(home, experiment);
BEGIN
	RETURN (@extschema@.assigned(home, meant, @extschema@.subject_key(home, subject))).variant;
END;
$$;
COMMENT ON FUNCTION variant(text, text, text) IS
'The variant that a subject gets, here and in a moment: holdout for whom the space holds out, else the one that it, or its unit, was exposed to first while that has a weight, else by weights; NULL where it takes no part. Reading it enrols nobody: expose() does. Errors: unknown experiment (42704), a subject that is no key (22P02), or, where the experiment has a unit, is not there (P0002).';
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
	meant @extschema@.experiment := @extschema@.find_experiment(home, experiment);
	key text := @extschema@.subject_key(home, subject);
	shown record := @extschema@.assigned(home, meant, key);
BEGIN
	PERFORM @extschema@.subject_must_exist(home, key);
	IF shown.variant IS NOT NULL THEN
		PERFORM @extschema@.change_as_owner(NULL::text, home.space,
			format('INSERT INTO %I.exposure VALUES ($1::%s, $2, $3, $4, NULL, $5) ON CONFLICT DO NOTHING', home.schema_name, home.key_type),
			key, experiment, shown.variant, @extschema@.now(), CASE WHEN meant.unit IS NOT NULL THEN shown.unit END);
	END IF;
	RETURN shown.variant;
END;
$$;
COMMENT ON FUNCTION expose(text, text, text) IS
'The variant of variant(), noted as seen now unless it was seen before: the first exposure counts, and what was seen first is what is shown from then on, while it has a weight. The holdout is noted as holdout; who takes no part (NULL) is not. Errors: those of variant(), and an unknown subject (P0002).';
REVOKE ALL ON FUNCTION expose(text, text, text) FROM PUBLIC;

CREATE FUNCTION expose(subject anyelement, experiment text, space text DEFAULT NULL) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.expose(subject::text, experiment, space)';
COMMENT ON FUNCTION expose(anyelement, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION expose(anyelement, text, text) FROM PUBLIC;
