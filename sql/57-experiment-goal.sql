/* experiment: goals, and what came of those exposed */

CREATE TABLE goal (
	space text,
	goal text,
	measure text NOT NULL,
	within interval NOT NULL CHECK (within > '0'),
	better text NOT NULL CHECK (better IN ('higher', 'lower')),
	target float8 CHECK (target > 0 AND target < 'infinity'),
	guardrail boolean NOT NULL,
	cap float8 CHECK (cap > 0 AND cap < 1),
	PRIMARY KEY (space, goal)
);
COMMENT ON TABLE goal IS
'What success is: a measure over the events within so long after an exposure, whether more of it is better, the least lift worth having, and the percentile at which single values are capped. A guardrail is not to be won, only not to be lost.';
CREATE TABLE breakdown (
	space text,
	breakdown text,
	segments text[] NOT NULL CHECK (cardinality(segments) BETWEEN 1 AND 8),
	PRIMARY KEY (space, breakdown)
);
COMMENT ON TABLE breakdown IS
'The segments by which the results of an experiment, whose name the breakdown has, are shown.';
SELECT keep_definitions(t), keep_names(t) FROM unnest(ARRAY['goal', 'breakdown']::regclass[]) t;
CREATE POLICY owner ON goal
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) goal.space));
CREATE POLICY owner ON breakdown
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) breakdown.space));

/* Goals */

CREATE FUNCTION is_vain(g goal) RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN (g).measure ~ '\mfeedback\M.*''opened''' OR (g).measure ~ '\m(mail_|email_)?(open|opens|opened)\M\s*[.)]';
COMMENT ON FUNCTION is_vain(goal) IS
'Whether a goal counts opens: of feedback, or of an event that is called open, opens or opened, with or without mail_ or email_ before it.';
REVOKE ALL ON FUNCTION is_vain(goal) FROM PUBLIC;

CREATE FUNCTION lint_goal(g goal) RETURNS SETOF finding
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT f.level, f.code, (g).goal, f.message, f.hint
	FROM (VALUES
		(@extschema@.is_vain(g), 'warn', 'vanity_goal',
			'opens are a vanity goal: mail programs open messages by themselves, and an open is no purchase',
			'Measure what the company lives from, such as count(purchase) > 0.'),
		((g).target IS NULL AND NOT (g).guardrail, 'info', 'without_target',
			'nothing says which lift is worth having, so nobody can say how many users it takes',
			'Pass target => 0.05 for a lift of 5 %.')
	) f(holds, level, code, message, hint)
	WHERE f.holds;
END;
COMMENT ON FUNCTION lint_goal(goal) IS 'What is doubtful in a goal.';
REVOKE ALL ON FUNCTION lint_goal(goal) FROM PUBLIC;

CREATE FUNCTION check_goal(g goal) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM @extschema@.check_name('goal', g.goal);
	IF g.measure IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('goal "%s" needs a measure', g.goal),
			HINT = 'Such as ''count(purchase) > 0'', ''sum(purchase.amount)'' or ''sum(purchase.amount) / count(purchase)''.';
	ELSIF g.within <= '0' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('goal "%s" is counted within %s', g.goal, g.within),
			HINT = 'Pass how long after the exposure it counts, such as within => ''14 days''.';
	ELSIF g.better NOT IN ('higher', 'lower') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%s is no direction of goal "%s"', quote_literal(left(g.better, 80)), g.goal),
			HINT = 'better is ''higher'' or ''lower''.';
	ELSIF NOT (g.target > 0 AND g.target < 'infinity') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('goal "%s" has a target of %s', g.goal, g.target),
			HINT = 'It is the least lift worth having, whichever way is better: 0.05 for 5 %.';
	ELSIF NOT (g.cap > 0 AND g.cap < 1) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('goal "%s" is capped at percentile %s', g.goal, g.cap),
			HINT = 'Pass a share between 0 and 1, such as cap => 0.99.';
	ELSIF g.cap IS NOT NULL AND (@extschema@.measures(ARRAY[g.measure], ARRAY[g.within::text], g.space)).kinds[1] <> 'mean' THEN
		RAISE feature_not_supported USING
			MESSAGE = format('goal "%s" is not a sum or a count, so it cannot be capped', g.goal),
			HINT = 'Leave cap out: a yes or no has no extreme values, and capping half of a ratio would change what it says.';
	END IF;
	PERFORM @extschema@.measures(ARRAY[g.measure], ARRAY[g.within::text], g.space);
END;
$$;
COMMENT ON FUNCTION check_goal(goal) IS 'Raises an error unless the goal can be, its measure included.';
REVOKE ALL ON FUNCTION check_goal(goal) FROM PUBLIC;

CREATE FUNCTION define_goal(goal text, measure text, within interval DEFAULT '14 days', better text DEFAULT 'higher',
	target float8 DEFAULT NULL, guardrail boolean DEFAULT false, cap float8 DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET IntervalStyle = 'postgres'
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	becomes @extschema@.goal := (home.space, goal, measure, coalesce(within, '14 days'), coalesce(better, 'higher'), target,
		coalesce(guardrail, false), cap);
BEGIN
	PERFORM @extschema@.check_goal(becomes);
	INSERT INTO @extschema@.goal VALUES (becomes.*)
	ON CONFLICT ON CONSTRAINT goal_pkey DO UPDATE
	SET (measure, within, better, target, guardrail, cap)
		= (excluded.measure, excluded.within, excluded.better, excluded.target, excluded.guardrail, excluded.cap);
	RETURN QUERY SELECT * FROM @extschema@.lint_goal(becomes);
END;
$$;
COMMENT ON FUNCTION define_goal(text, text, interval, text, float8, boolean, float8, text) IS
'Says what success is. measure: count(purchase) > 0 (a yes or no), sum(purchase.amount) or count(purchase) (a mean a person), or one of these by another (a ratio), each with FILTER where wanted; of a person''s events those count that are no earlier than the exposure and earlier than within after it. better: higher or lower; target: the least lift worth having, 0.05 for 5 %; guardrail: shown to be not harmed, never a reason to win; cap: single values above this percentile (0 to 1) of those that are not 0 count as that. Errors: 22023, 22004, 42602, 0A000 with a place for what cannot be measured.';
REVOKE ALL ON FUNCTION define_goal(text, text, interval, text, float8, boolean, float8, text) FROM PUBLIC;

CREATE FUNCTION only_goal(home space) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT min(g.goal) FROM @extschema@.goal g WHERE g.space = (home).space AND NOT g.guardrail HAVING count(*) = 1;
END;
COMMENT ON FUNCTION only_goal(space) IS
'The goal of an experiment that names none: the only one of the space, guardrails aside, or NULL.';
REVOKE ALL ON FUNCTION only_goal(space) FROM PUBLIC;

/* Breakdowns: segments said beforehand */

CREATE FUNCTION define_breakdown(experiment text, segments text[], space text DEFAULT NULL) RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	known text[] := ARRAY(SELECT s.segment FROM @extschema@.segment s WHERE s.space = home.space ORDER BY 1);
	unknown text := (SELECT coalesce(s, 'NULL') FROM unnest(segments) s WHERE (s = ANY (known)) IS NOT TRUE LIMIT 1);
BEGIN
	PERFORM @extschema@.check_name('experiment', experiment);
	IF coalesce(cardinality(segments), 0) NOT BETWEEN 1 AND 8 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('the results of experiment "%s" are shown by 1 to 8 segments, not %s', experiment, coalesce(cardinality(segments), 0)),
			HINT = 'Name the few that you expect to differ: each one more makes the others harder to tell.';
	ELSIF unknown IS NOT NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('segment "%s" does not exist in space "%s"', unknown, home.space),
			HINT = @extschema@.ask(unknown, known, 'Define it first with persona.define_segment().');
	END IF;
	INSERT INTO @extschema@.breakdown VALUES (home.space, experiment, segments)
	ON CONFLICT ON CONSTRAINT breakdown_pkey DO UPDATE SET segments = excluded.segments;
	RETURN QUERY
	SELECT 'warn', 'declared_late', experiment, 'people were exposed before these segments were named',
		'Whoever has seen results finds a segment in which anything won: take them as a question for the next test.'
	WHERE (@extschema@.exposure_span(home, experiment)).last_at IS NOT NULL
	UNION ALL
	SELECT 'warn', 'segment_moves', s.segment, format('segment "%s" looks at events, and who is in it may change by what was sent', s.segment),
		'Results read who is in it now: prefer what a message cannot change, such as a country.'
	FROM @extschema@.segment s
	WHERE s.space = home.space AND s.segment = ANY (segments) AND EXISTS (SELECT FROM @extschema@.event e WHERE e.space = home.space AND s.rule ~ ('\m' || e.event || '\M'));
END;
$$;
COMMENT ON FUNCTION define_breakdown(text, text[], text) IS
'Names, before anybody is exposed, the 1 to 8 segments by which an experiment''s (or a moment''s) results are also shown; their p-values are corrected for being so many. Who is in a segment is read when results are. Errors: 22023, 42704.';
REVOKE ALL ON FUNCTION define_breakdown(text, text[], text) FROM PUBLIC;

/* Counting: those exposed, and what they did, in one statement */

CREATE TYPE cell AS (
	goal text,
	variant text,
	period date,
	inside boolean[],
	n bigint,
	recent bigint,
	first_at timestamptz,
	last_at timestamptz,
	kind text,
	plain sample,
	pair sample2
);
COMMENT ON TYPE cell IS
'Some of those exposed: of one variant, of one month or day, alike in the segments of a breakdown, measured by a goal; without a goal they are only counted, and without a variant they saw more than one.';

/* Subjects are held out, not units: an account of which some are is not of two variants, nor is it the holdout. */
CREATE FUNCTION exposed_sql(home space, unit text, spans text, since timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN format(CASE WHEN unit IS NULL THEN $q$
	seen AS MATERIALIZED (
		SELECT x.*%4$s FROM (
			SELECT e.subject AS unit, e.subject, min(e.at) AS at, min(e.variant COLLATE "C") AS variant, min(e.variant COLLATE "C") <> max(e.variant COLLATE "C") AS mixed
			FROM %1$I.exposure e WHERE e.experiment = $1 AND e.at < $5 AND %2$s GROUP BY e.subject%5$s) x),
	exposed AS NOT MATERIALIZED (SELECT * FROM seen WHERE NOT mixed),
	people AS NOT MATERIALIZED (SELECT * FROM exposed)$q$
ELSE $q$
	member AS MATERIALIZED (
		SELECT u.unit, e.subject, e.at, e.variant COLLATE "C" AS variant
		FROM %1$I.exposure e JOIN (%3$s) u ON u.subject = e.subject WHERE e.experiment = $1 AND e.at < $5 AND e.variant <> 'holdout' AND %2$s AND u.unit IS NOT NULL),
	seen AS MATERIALIZED (
		SELECT e.unit, min(e.at) AS at, min(e.variant) AS variant, min(e.variant) <> max(e.variant) AS mixed FROM member e GROUP BY e.unit%5$s),
	people AS NOT MATERIALIZED (SELECT unit, at, variant FROM seen WHERE NOT mixed),
	exposed AS MATERIALIZED (
		SELECT x.*%4$s FROM (SELECT m.unit, m.subject, p.at FROM member m JOIN people p ON p.unit = m.unit) x)$q$
END, (home).schema_name, @extschema@.no_test_sql(home, 'e.subject'), @extschema@.unit_sql(unit, (home).space), spans,
	CASE WHEN isfinite(since) THEN ' HAVING min(e.at) >= $2' ELSE '' END);
COMMENT ON FUNCTION exposed_sql(space, text, text, timestamptz) IS
'Common table expressions of the exposures of experiment $1 since $2 and before $5: seen (each unit once, mixed where it saw more than one variant), people (those who did not) and exposed (their subjects, each once, with spans); without test subjects, and of units without who is held out.';
REVOKE ALL ON FUNCTION exposed_sql(space, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION goals_sql(home space, goals goal[], exposed tstzrange, OUT spans text, OUT joins text, OUT yields text, OUT limits text, OUT sums text, OUT rows text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET IntervalStyle = 'postgres' SET TimeZone = 'UTC' SET DateStyle = 'ISO'
BEGIN ATOMIC
	/* A month before the 31st may be earlier than a month before the 29th, by less than a day. */
	SELECT m.spans, m.joins, u.yields, u.limits, u.sums, u.rows
	FROM (SELECT array_agg(g.measure ORDER BY g.i) AS measures, array_agg(g.within::text ORDER BY g.i) AS withins,
				coalesce(min(lower(exposed) - g.within - interval '1 day'), '-infinity') AS earliest,
				coalesce(max(upper(exposed) + g.within + interval '1 day'), 'infinity') AS latest
			FROM unnest(goals) WITH ORDINALITY AS g(space, goal, measure, within, better, target, guardrail, cap, i)) t,
		LATERAL @extschema@.measures(t.measures, t.withins, (home).space, false, t.earliest, t.latest) m,
		LATERAL (
			SELECT string_agg(format(', %s AS y%s, %s AS z%s', m.y[g.i], g.i, coalesce(m.x[g.i], m.before[g.i]), g.i), '' ORDER BY g.i) AS yields,
				string_agg(format('percentile_cont(%L::float8) WITHIN GROUP (ORDER BY y%s) FILTER (WHERE y%s <> 0) AS c%s', g.cap, g.i, g.i, g.i), ', ' ORDER BY g.i)
					FILTER (WHERE g.cap IS NOT NULL) AS limits,
				string_agg(format(CASE m.kinds[g.i]
					WHEN 'proportion' THEN ', @extschema@.summarize(y%1$s) AS p%1$s, @extschema@.summarize(y%1$s::int::float8, z%1$s) AS q%1$s'
					WHEN 'ratio' THEN ', NULL::@extschema@.sample AS p%1$s, @extschema@.summarize(y%1$s, z%1$s) AS q%1$s'
					ELSE ', @extschema@.summarize(%2$s) AS p%1$s, @extschema@.summarize(%2$s, z%1$s) AS q%1$s' END,
					g.i, CASE WHEN g.cap IS NULL THEN 'y' || g.i ELSE format('least(y%s, c%s)', g.i, g.i) END), '' ORDER BY g.i) AS sums,
				string_agg(format('(%L, %L, p%s, q%s)', g.goal, m.kinds[g.i], g.i, g.i), ', ' ORDER BY g.i) AS rows
			FROM unnest(goals) WITH ORDINALITY AS g(space, goal, measure, within, better, target, guardrail, cap, i)) u;
END;
COMMENT ON FUNCTION goals_sql(space, goal[], tstzrange) IS
'Goals as parts of the statement that counts them for those exposed in a time, the i-th as y<i> and z<i> (its denominator, or itself before the exposure), c<i> (its cap), p<i> and q<i> (its samples): the columns and the joins they need, what each person yields, caps, aggregates, and a row of VALUES each.';
REVOKE ALL ON FUNCTION goals_sql(space, goal[], tstzrange) FROM PUBLIC;

/* A join may spill to disk; a subplan that does not fit into memory is read again for each person. FULL for what measures() says. */
CREATE FUNCTION segments_sql(home space, segments text[], OUT joins text, OUT inside text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce(string_agg(format(' FULL JOIN (SELECT e.unit FROM exposed e JOIN %I.%I s ON s.subject = e.subject GROUP BY e.unit) i%s ON i%s.unit = x.unit',
				(home).schema_name, 'segment_' || u.s, u.i, u.i), '' ORDER BY u.i), ''),
		coalesce(string_agg(format('i%s.unit IS NOT NULL', u.i), ', ' ORDER BY u.i), '')
	FROM unnest(segments) WITH ORDINALITY AS u(s, i);
END;
COMMENT ON FUNCTION segments_sql(space, text[]) IS
'Segments as parts of the statement that counts: a join each to people x, and whether each of them is inside.';
REVOKE ALL ON FUNCTION segments_sql(space, text[]) FROM PUBLIC;

CREATE FUNCTION cells(home space, experiment text, unit text, goals goal[], segments text[], since timestamptz, until timestamptz, period text) RETURNS SETOF cell
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO'
AS $$
DECLARE
	span record := @extschema@.exposure_span(home, experiment);
	g record := @extschema@.goals_sql(home, goals, tstzrange(span.first_at, span.last_at, '[]') * tstzrange(since, until, '[]'));
	s record := @extschema@.segments_sql(home, segments);
BEGIN
	RETURN QUERY SELECT * FROM @extschema@.read_as_owner(NULL::@extschema@.cell, home.space, format($q$WITH %1$s,
	measured AS (
		SELECT x.variant, x.at, date_trunc($3, x.at)::date AS period, ARRAY[%2$s]::boolean[] AS inside%3$s FROM people x%4$s),%5$s
	summed AS (
		SELECT variant::text, period, inside, count(*) AS n, count(*) FILTER (WHERE at > $4) AS recent, min(at) AS first_at, max(at) AS last_at%6$s
		FROM measured%7$s GROUP BY 1, 2, 3)
	SELECT NULL::text, variant, period, inside, n, recent, first_at, last_at, NULL::text, NULL::@extschema@.sample, NULL::@extschema@.sample2 FROM summed
	UNION ALL
	SELECT NULL, NULL, NULL, NULL, count(*), 0, min(at), max(at), NULL, NULL, NULL FROM seen WHERE mixed%8$s$q$,
		@extschema@.exposed_sql(home, unit, coalesce(g.spans, ''), since), s.inside, coalesce(g.yields, ''), s.joins || coalesce(g.joins, ''),
		coalesce(' limits AS (SELECT ' || g.limits || ' FROM measured),', ''), coalesce(g.sums, ''),
		CASE WHEN g.limits IS NOT NULL THEN ' CROSS JOIN limits' ELSE '' END,
		' UNION ALL SELECT v.goal, s.variant, s.period, s.inside, s.n, s.recent, s.first_at, s.last_at, v.kind, v.plain, v.pair FROM summed s, LATERAL (VALUES ' || g.rows || ') v(goal, kind, plain, pair)'),
		experiment, since, period, @extschema@.now() - interval '28 days', until);
END;
$$;
COMMENT ON FUNCTION cells(space, text, text, goal[], text[], timestamptz, timestamptz, text) IS
'Those first exposed to an experiment since an instant, by what they were exposed to before another, counted and measured by goals in one statement, which reads each event source once, and of it no more than what lies so near to exposures that it may count; by variant, by period (month or day, UTC) of their first exposure, and by segments. The first exposure counts; who saw two variants is only counted. unit: what is spread in a subject''s place, NULL for the subject. recent: those of the last 28 days.';
REVOKE ALL ON FUNCTION cells(space, text, text, goal[], text[], timestamptz, timestamptz, text) FROM PUBLIC;
