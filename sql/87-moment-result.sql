/* moment: what came of its experiment, and what follows */

CREATE TYPE result AS (
	experiment text,
	goal text,
	segment text,
	month date,
	variant text,
	control text,
	n bigint,
	mean float8,
	diff float8,
	lift float8,
	lift_lo float8,
	lift_hi float8,
	p_value float8,
	p_holm float8,
	p_bh float8,
	fixed_lift_lo float8,
	fixed_lift_hi float8,
	fixed_p_value float8,
	chance_to_win float8,
	users_needed bigint,
	weeks int,
	verdict text,
	message text,
	warning text,
	lo float8,
	since timestamptz
);
COMMENT ON TYPE result IS
'One comparison of an experiment: a variant against its control, by one goal; of all, or of those in a segment or first exposed in a month. See results().';

/* Phases: while people were exposed nothing changed that decides what they get */

CREATE FUNCTION phase_log(home space, experiment text) RETURNS TABLE (at timestamptz, shares jsonb, spread jsonb, says jsonb, holdout float8)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH logged AS MATERIALIZED (
		SELECT l.* FROM (SELECT @extschema@.moments_by(home, phase_log.experiment) AS moments) m JOIN @extschema@.definition_log l
			ON l.kind = 'experiment' AND l.name = phase_log.experiment OR l.kind = 'policy'
				OR l.kind = 'moment' AND l.name = ANY (m.moments) OR l.kind = 'variant' AND split_part(l.name, '/', 1) = ANY (m.moments)
		WHERE l.space = (home).space)
	SELECT t.at, coalesce((SELECT jsonb_object_agg(v.value, w.value) FROM jsonb_array_elements_text(s.experiment->'variants') WITH ORDINALITY v
			JOIN jsonb_array_elements(s.experiment->'weights') WITH ORDINALITY w USING (ordinality)), s.own),
		jsonb_build_array(s.experiment->'scheme', s.experiment->'unit', s.experiment->'exclusion_group'), s.says, s.holdout
	FROM (SELECT DISTINCT l.at FROM logged l) t, LATERAL (
		SELECT min(d.body::text) FILTER (WHERE d.kind = 'experiment')::jsonb AS experiment,
			jsonb_object_agg(d.body->>'variant', d.body->'weight') FILTER (WHERE d.kind = 'variant' AND d.body->>'moment' = phase_log.experiment) AS own,
			jsonb_object_agg(d.name, (SELECT jsonb_object_agg(k, d.body->k)
				FROM unnest('{on_event,on_segment,after_moment,schedule,on_request,when_rule,cancel_rule,purpose,channel,delay,local_time,tokens,subject_line,template}'::text[]) k))
				FILTER (WHERE d.kind IN ('moment', 'variant')) AS says,
			coalesce(max((d.body->>'holdout')::float8) FILTER (WHERE d.kind = 'policy'
				AND @extschema@.holds_out(jsonb_populate_record(NULL::@extschema@.policy, d.body), home, phase_log.experiment)), 0) AS holdout
		FROM (SELECT DISTINCT ON (l.kind, l.name) l.kind, l.name, l.body FROM logged l WHERE l.at <= t.at ORDER BY l.kind, l.name, l.version DESC) d
		WHERE d.body IS NOT NULL) s;
END;
COMMENT ON FUNCTION phase_log(space, text) IS
'After each change of what decides who gets which variant of an experiment, and what it says: the shares of the variants, how they are spread, the starts, rules and texts of the moments it spreads, and the share held out by the space''s policies.';
REVOKE ALL ON FUNCTION phase_log(space, text) FROM PUBLIC;

/* A change before the first or after the last exposure has no phase. */
CREATE FUNCTION phase_of(home space, e experiment, before timestamptz, OUT since timestamptz, OUT variants text[], OUT weights float8[], OUT changed text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH logged AS (
		SELECT l.*, x.first_at, concat_ws(' and ',
			CASE WHEN l.shares IS DISTINCT FROM lag(l.shares) OVER w THEN 'the weights' END,
			CASE WHEN l.spread IS DISTINCT FROM lag(l.spread) OVER w THEN 'the scheme, unit or group' END,
			CASE WHEN l.says IS DISTINCT FROM lag(l.says) OVER w THEN 'templates or rules' END,
			CASE WHEN l.holdout IS DISTINCT FROM lag(l.holdout) OVER w THEN 'the holdout' END) AS changed
		FROM @extschema@.exposure_span(home, (e).experiment) x JOIN @extschema@.phase_log(home, (e).experiment) l ON l.at <= x.last_at AND l.at < before
		WINDOW w AS (ORDER BY l.at)
	), latest AS (
		SELECT l.at, l.changed FROM logged l WHERE l.changed <> '' AND l.at > l.first_at ORDER BY l.at DESC LIMIT 1
	), planned AS (
		SELECT array_agg(s.key) AS variants, array_agg(s.value::float8) AS weights
		FROM (SELECT l.shares FROM logged l ORDER BY l.at DESC LIMIT 1) l, jsonb_each(l.shares) s
	)
	SELECT coalesce((SELECT l.at FROM latest l), '-infinity'), coalesce(p.variants, (e).variants), coalesce(p.weights, (e).weights), (SELECT l.changed FROM latest l)
	FROM planned p;
END;
COMMENT ON FUNCTION phase_of(space, experiment, timestamptz) IS
'The phase in which the latest exposure before an instant fell: since when nothing has changed that decides who gets what, which weights hold in it, and what had changed.';
REVOKE ALL ON FUNCTION phase_of(space, experiment, timestamptz) FROM PUBLIC;

/* The split */

CREATE FUNCTION split_result(e experiment, counts bigint[], shares float8[], mixed bigint, since timestamptz, changed text) RETURNS result
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO'
BEGIN ATOMIC
	SELECT ((e).experiment, NULL, NULL, NULL, NULL, NULL, t.n, NULL, NULL, NULL, NULL, NULL, s.p_value, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		v.verdict, CASE v.verdict
			WHEN 'no_data' THEN 'Nobody was exposed yet.'
			WHEN 'broken_split' THEN CASE WHEN s.p_value < 0.0005 AND NOT s.low_expected
				THEN format('Stop and fix: users do not spread as planned, by up to %s %% (p = %s). Results hidden.', round((100 * s.max_dev)::numeric, 1), trim(to_char(s.p_value, '9.9EEEE')))
				ELSE format('Stop and fix: %s %% of users saw more than one variant. Results hidden.', round(100.0 * split_result.mixed / (t.n + split_result.mixed), 1)) END
			ELSE concat_ws(' ', format('%s spread as planned.', CASE t.n WHEN 1 THEN '1 user,' ELSE to_char(t.n, 'FM999G999G999G990') || ' users,' END),
				CASE WHEN split_result.mixed > 0 THEN format('%s who saw more than one variant are left out.', split_result.mixed) END,
				CASE WHEN isfinite(split_result.since) THEN format('Since %s, when %s changed.', split_result.since::date, split_result.changed) END) END,
		NULL, NULL, split_result.since)::@extschema@.result
	FROM (SELECT coalesce(sum(c), 0)::bigint AS n FROM unnest(counts) c) t
		LEFT JOIN LATERAL (SELECT * FROM @extschema@.stat_srm_chi2(counts, shares) WHERE cardinality(counts) > 1) s ON true,
		LATERAL (SELECT CASE WHEN t.n + split_result.mixed = 0 THEN 'no_data'
			WHEN s.p_value < 0.0005 AND NOT s.low_expected OR split_result.mixed > 0.01 * (t.n + split_result.mixed) THEN 'broken_split'
			ELSE 'split_ok' END AS verdict) v;
END;
COMMENT ON FUNCTION split_result(experiment, bigint[], float8[], bigint, timestamptz, text) IS
'Whether users spread as planned: broken_split where chance would do it less than once in 2,000 experiments (chi-square, once five are expected in each), or where more than 1 % saw several variants; split_ok, no_data.';
REVOKE ALL ON FUNCTION split_result(experiment, bigint[], float8[], bigint, timestamptz, text) FROM PUBLIC;

/* Comparisons */

CREATE TYPE slice AS (
	goal text,
	segment text,
	month date,
	variant text,
	n bigint,
	recent bigint,
	first_at timestamptz,
	kind text,
	plain sample,
	pair sample2
);
COMMENT ON TYPE slice IS 'The people of one variant, measured by a goal: all, those in a segment, or those of a month.';

CREATE FUNCTION slices(cells cell[], segments text[]) RETURNS SETOF slice
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT c.goal, k.segment, k.month, c.variant, sum(c.n)::bigint, sum(c.recent)::bigint, min(c.first_at), min(c.kind), @extschema@.merge(c.plain), @extschema@.merge(c.pair)
	FROM unnest(cells) c, LATERAL (
		SELECT NULL::text AS segment, NULL::date AS month
		UNION ALL SELECT NULL, c.period
		UNION ALL SELECT s, NULL FROM unnest(segments) WITH ORDINALITY AS u(s, i) WHERE c.inside[i]) k
	WHERE c.variant IS NOT NULL
	GROUP BY 1, 2, 3, 4;
END;
COMMENT ON FUNCTION slices(cell[], text[]) IS 'Cells put together: all, each month, each segment.';
REVOKE ALL ON FUNCTION slices(cell[], text[]) FROM PUBLIC;

/* A covariate that does not vary explains nothing, and one of a yes or no that all said is none. */
CREATE FUNCTION compare_slices(control slice, treatment slice, g goal, alpha float8,
	OUT mean float8, OUT diff float8, OUT lift float8, OUT p_value float8, OUT lift_lo float8, OUT lift_hi float8,
	OUT seq_p float8, OUT seq_lo float8, OUT seq_hi float8, OUT seq_lift_lo float8, OUT seq_lift_hi float8,
	OUT chance_to_win float8, OUT users_needed bigint, OUT per_week float8, OUT verdict text, OUT message text, OUT warning text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	days float8 := extract(epoch FROM @extschema@.now() - least((control).first_at, (treatment).first_at)) / 86400;
	higher boolean := (g).better = 'higher';
	k record;
BEGIN
	per_week := ((control).recent + (treatment).recent) * 7 / least(28, greatest(days, 1));
	IF (treatment).kind = 'ratio' OR @extschema@.var_x((control).pair) > 0 AND @extschema@.var_x((treatment).pair) > 0 AND @extschema@.var((control).pair) > 0 AND @extschema@.var((treatment).pair) > 0 THEN
		k := @extschema@.compare((control).pair, (treatment).pair, alpha => alpha, mde => (g).target, higher_is_better => higher, days => days,
			per_week => nullif(per_week, 0), label => (treatment).variant, goal => (g).goal, method => CASE (treatment).kind WHEN 'ratio' THEN 'ratio' ELSE 'cuped' END);
	ELSE
		k := @extschema@.compare((control).plain, (treatment).plain, alpha => alpha, mde => (g).target, higher_is_better => higher, days => days,
			per_week => nullif(per_week, 0), label => (treatment).variant, goal => (g).goal);
	END IF;
	mean := coalesce(@extschema@.mean((treatment).plain), k.mean2);
	SELECT k.diff, k.lift, k.p_value, k.lift_lo, k.lift_hi, k.seq_p, k.seq_lo, k.seq_hi, k.seq_lift_lo, k.seq_lift_hi,
		k.chance_to_win, k.users_needed, k.verdict, k.message, k.warning
	INTO diff, lift, p_value, lift_lo, lift_hi, seq_p, seq_lo, seq_hi, seq_lift_lo, seq_lift_hi, chance_to_win, users_needed, verdict, message, warning;
END;
$$;
COMMENT ON FUNCTION compare_slices(slice, slice, goal, float8) IS
'compare() of two slices by a goal: a ratio by the delta method; anything else adjusted by what the same people did before (CUPED) where that varies; users a week from the last 28 days.';
REVOKE ALL ON FUNCTION compare_slices(slice, slice, goal, float8) FROM PUBLIC;

CREATE FUNCTION comparisons(e experiment, goals goal[], slices slice[], primary_control text, since timestamptz) RETURNS SETOF result
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH pair AS (
		SELECT t AS treatment, c AS control, g AS goal, c.variant <> primary_control AS aside,
			CASE WHEN g.guardrail THEN 'guardrail' WHEN g.goal = (e).goal THEN 'goal' ELSE 'goals' END AS tier,
			CASE WHEN t.month IS NOT NULL THEN 'month' WHEN t.segment IS NOT NULL THEN 'segment' ELSE 'all' END AS kind
		FROM unnest(slices) t JOIN unnest(slices) c ON c.goal = t.goal AND c.segment IS NOT DISTINCT FROM t.segment AND c.month IS NOT DISTINCT FROM t.month
			JOIN unnest(goals) g ON g.goal = t.goal
		WHERE c.variant IN (primary_control, 'holdout') AND t.variant NOT IN (c.variant, 'holdout')
	), counted AS (
		SELECT p.*, CASE WHEN p.tier = 'guardrail' THEN 1 ELSE count(*) OVER family END AS m
		FROM pair p WINDOW family AS (PARTITION BY p.tier, p.kind, p.aside)
	), compared AS (
		SELECT c.*, k.*, row_number() OVER family AS i
		FROM counted c, LATERAL @extschema@.compare_slices(c.control, c.treatment, c.goal, 0.05 / c.m) k
		WINDOW family AS (PARTITION BY c.tier, c.kind, c.aside ORDER BY (c.goal).goal, (c.treatment).segment, (c.treatment).month, (c.treatment).variant)
	), adjusted AS (
		SELECT c.*, a.holm[c.i] AS p_holm, a.bh[c.i] AS p_bh
		FROM (SELECT c.*, array_agg(c.seq_p) OVER (PARTITION BY c.tier, c.kind, c.aside ORDER BY c.i ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS ps FROM compared c) c,
			LATERAL @extschema@.stat_holm_bh(c.ps) a
	)
	SELECT ((e).experiment, (a.goal).goal, (a.treatment).segment, (a.treatment).month, (a.treatment).variant, (a.control).variant,
		(a.treatment).n, a.mean, a.diff, a.lift, a.seq_lift_lo, a.seq_lift_hi, a.seq_p,
		CASE WHEN a.tier = 'guardrail' THEN a.seq_p ELSE a.p_holm END, CASE WHEN a.tier = 'guardrail' THEN a.seq_p ELSE a.p_bh END,
		a.lift_lo, a.lift_hi, a.p_value, a.chance_to_win, a.users_needed, ceil(a.users_needed / nullif(a.per_week, 0)),
		v.verdict, concat_ws(' ', CASE WHEN v.verdict = 'guardrail_ok' THEN format('%s does not harm %s as far as can be told.', (a.treatment).variant, (a.goal).goal) ELSE a.message END,
			CASE WHEN o.is_vain THEN 'Mind that mail programs open messages by themselves.' END),
		nullif(concat_ws(', ', a.warning, CASE WHEN o.is_vain THEN 'vanity_goal' END), ''), CASE WHEN (a.goal).better = 'higher' THEN a.seq_lo ELSE -a.seq_hi END, comparisons.since)::@extschema@.result
	FROM adjusted a, LATERAL (SELECT @extschema@.is_vain(a.goal) AS is_vain) o, LATERAL (SELECT CASE WHEN a.tier = 'guardrail' AND a.verdict NOT IN ('loser', 'no_data', 'warming_up') THEN 'guardrail_ok' ELSE a.verdict END AS verdict) v
	UNION ALL
	SELECT ((e).experiment, s.goal, s.segment, s.month, s.variant, NULL, s.n, coalesce(@extschema@.mean(s.plain), @extschema@.mean(s.pair) / nullif(@extschema@.mean_x(s.pair), 0)),
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, comparisons.since)::@extschema@.result
	FROM unnest(slices) s WHERE s.goal IS NOT NULL AND s.variant IN (primary_control, 'holdout');
END;
COMMENT ON FUNCTION comparisons(experiment, goal[], slice[], text, timestamptz) IS
'Every variant against its control, and against the holdout where there is one, by each goal. Intervals hold for all comparisons of a family at once (goals times variants, times segments or months where it is by these; the experiment''s own goal is a family by itself, and so is each guardrail); p_holm and p_bh are the p-values adjusted within it.';
REVOKE ALL ON FUNCTION comparisons(experiment, goal[], slice[], text, timestamptz) FROM PUBLIC;

CREATE FUNCTION hide_result(r result, split result) RETURNS result
LANGUAGE sql IMMUTABLE
RETURN ((r).experiment, (r).goal, (r).segment, (r).month, (r).variant, (r).control, (r).n, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL, NULL, NULL, NULL, (split).verdict, (split).message, NULL, NULL, (r).since)::@extschema@.result;
COMMENT ON FUNCTION hide_result(result, result) IS 'A result of an experiment whose split is broken: nothing but the count.';
REVOKE ALL ON FUNCTION hide_result(result, result) FROM PUBLIC;

CREATE FUNCTION experiment_results(home space, e experiment) RETURNS SETOF result
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	goals @extschema@.goal[] := ARRAY(SELECT g FROM @extschema@.goal g WHERE g.space = home.space ORDER BY g.goal);
	segments text[] := coalesce((SELECT b.segments FROM @extschema@.breakdown b WHERE b.space = home.space AND b.breakdown = e.experiment), '{}');
	phase record;
	before timestamptz := timestamptz 'infinity';
	cells @extschema@.cell[];
	slices @extschema@.slice[];
	split @extschema@.result;
	main text;
BEGIN
	/* Where only people of before were exposed since, to another variant, there is nobody to compare yet. */
	LOOP
		phase := @extschema@.phase_of(home, e, before);
		cells := ARRAY(SELECT c FROM @extschema@.cells(home, e.experiment, e.unit, goals, segments, phase.since, before, 'month') c);
		EXIT WHEN phase.since = '-infinity' OR EXISTS (SELECT FROM unnest(cells) c WHERE c.variant IS NOT NULL);
		before := phase.since;
	END LOOP;
	SELECT (s).* INTO split FROM (SELECT @extschema@.split_result(e, array_agg(coalesce(c.n, 0) ORDER BY w.i), array_agg(w.share ORDER BY w.i),
		coalesce((SELECT c.n FROM unnest(cells) c WHERE c.variant IS NULL), 0), phase.since, phase.changed) AS s
	FROM unnest(phase.variants, phase.weights) WITH ORDINALITY AS w(variant, share, i)
		LEFT JOIN (SELECT c.variant, sum(c.n)::bigint AS n FROM unnest(cells) c WHERE c.goal IS NULL GROUP BY 1) c ON c.variant = w.variant
	WHERE w.share > 0) s;
	RETURN NEXT split;
	main := CASE WHEN (SELECT count(*) FROM unnest(phase.weights) w WHERE w > 0) > 1 THEN e.control ELSE 'holdout' END;
	slices := ARRAY(SELECT s FROM @extschema@.slices(cells, segments) s WHERE s.goal IS NOT NULL);
	RETURN QUERY
	SELECT (h).* FROM @extschema@.comparisons(e, goals, slices, main, phase.since) r,
		LATERAL (SELECT CASE WHEN split.verdict = 'broken_split' THEN @extschema@.hide_result(r, split) ELSE r END AS h) h
	ORDER BY r.goal, r.segment NULLS FIRST, r.month NULLS FIRST, r.control = 'holdout' NULLS FIRST, r.variant;
END;
$$;
COMMENT ON FUNCTION experiment_results(space, experiment) IS
'The results of one experiment as they stand now, its split first.';
REVOKE ALL ON FUNCTION experiment_results(space, experiment) FROM PUBLIC;

/* The first verdict stays */

CREATE FUNCTION conclude(home space, latest result[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF current_setting('transaction_read_only')::boolean
		OR NOT has_table_privilege(format('%I.conclusion', home.schema_name), 'INSERT') THEN
		RETURN;
	END IF;
	PERFORM @extschema@.change_as_owner(NULL::text, home.space, format('INSERT INTO %I.conclusion
		SELECT r.experiment, r.goal, r.variant, r.control, r.since, r.verdict, r.message, r.lo, @extschema@.now()
		FROM unnest($1) r WHERE r.verdict IN (''winner'', ''loser'') AND r.month IS NULL AND r.segment IS NULL
		ON CONFLICT DO NOTHING', home.schema_name), latest);
END;
$$;
COMMENT ON FUNCTION conclude(space, result[]) IS
'Notes verdicts winner and loser of comparisons that have none yet; on a replica, or for who may only read, it does nothing.';
REVOKE ALL ON FUNCTION conclude(space, result[]) FROM PUBLIC;

CREATE FUNCTION with_conclusions(home space, latest result[]) RETURNS SETOF result
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO'
AS $$
BEGIN
	RETURN QUERY SELECT * FROM @extschema@.read_as_owner(NULL::@extschema@.result, home.space, format($q$
	SELECT r.experiment, r.goal, r.segment, r.month, r.variant, r.control, r.n, r.mean, r.diff, r.lift, r.lift_lo, r.lift_hi, r.p_value, r.p_holm, r.p_bh,
		r.fixed_lift_lo, r.fixed_lift_hi, r.fixed_p_value, r.chance_to_win, r.users_needed, r.weeks, coalesce(c.verdict, r.verdict),
		CASE WHEN c.verdict IS NULL THEN r.message
			WHEN r.verdict = c.verdict THEN format('%%s Decided on %%s.', r.message, c.at::date)
			ELSE format('%%s Decided on %%s; as of now: %%s', c.message, c.at::date, r.message) END,
		r.warning, r.lo, r.since
	FROM unnest($1) WITH ORDINALITY AS r LEFT JOIN %I.conclusion c
		ON (c.experiment, c.goal, c.variant, c.control, c.since) = (r.experiment, r.goal, r.variant, r.control, r.since)
			AND r.month IS NULL AND r.segment IS NULL AND r.verdict <> 'broken_split'
	ORDER BY r.ordinality$q$, home.schema_name), latest);
END;
$$;
COMMENT ON FUNCTION with_conclusions(space, result[]) IS
'Results with the verdict that was noted first, and what they say now in its message.';
REVOKE ALL ON FUNCTION with_conclusions(space, result[]) FROM PUBLIC;

CREATE FUNCTION experiments_of(home space) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT e.experiment FROM @extschema@.experiment e WHERE e.space = (home).space
	UNION
	SELECT m.moment FROM @extschema@.moment m
	WHERE m.space = (home).space AND m.experiment IS NULL AND m.state <> 'idea'
		AND EXISTS (SELECT FROM @extschema@.variant v WHERE v.space = m.space AND v.moment = m.moment AND v.weight > 0)
	ORDER BY 1;
END;
COMMENT ON FUNCTION experiments_of(space) IS
'The experiments of a space, and the moments that have one of their own.';
REVOKE ALL ON FUNCTION experiments_of(space) FROM PUBLIC;

CREATE FUNCTION results(experiment text DEFAULT NULL, space text DEFAULT NULL) RETURNS SETOF result
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	name text;
	latest @extschema@.result[];
BEGIN
	FOR name IN SELECT n FROM @extschema@.experiments_of(home) n WHERE experiment IS NULL UNION ALL SELECT experiment WHERE experiment IS NOT NULL LOOP
		latest := ARRAY(SELECT r FROM @extschema@.experiment_results(home, @extschema@.find_experiment(home, name)) r);
		PERFORM @extschema@.conclude(home, latest);
		RETURN QUERY SELECT * FROM @extschema@.with_conclusions(home, latest);
	END LOOP;
END;
$$;
COMMENT ON FUNCTION results(text, text) IS
'What came of an experiment, or of all: first a row about the split (no goal: verdict split_ok, broken_split or no_data), then for each goal the control (no lift) and every variant against it, and against the holdout where there is one; of all, by month (UTC) of the first exposure, and by the segments of define_breakdown(). lift_lo to lift_hi and p_value hold at every look at once and for all comparisons of the family; fixed_* are for who looks once; p_holm and p_bh are p_value adjusted; chance_to_win is shown and decides nothing. warning: small_counts, skewed, vanity_goal. verdict: as compare(), and guardrail_ok. The first winner or loser is noted and stays. A moment without an experiment of its own name is one over its variants. Errors: unknown experiment (42704).';
REVOKE ALL ON FUNCTION results(text, text) FROM PUBLIC;

CREATE FUNCTION performance_of(space text) RETURNS TABLE (moment text, goal text, variant text, month date, n bigint, mean float8,
	lift float8, lift_lo float8, lift_hi float8, p_value float8, verdict text, message text)
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT m.moment, r.goal, r.variant, r.month, r.n, r.mean, r.lift, r.lift_lo, r.lift_hi, r.p_value, r.verdict, r.message
	FROM (SELECT r.*, row_number() OVER (PARTITION BY r.experiment, r.goal, r.month, r.variant ORDER BY r.control = 'holdout' NULLS FIRST) AS nth
			FROM @extschema@.results(NULL, performance_of.space) r WHERE r.segment IS NULL) r
		JOIN @extschema@.moment m ON m.space = performance_of.space AND r.experiment = coalesce(m.experiment, m.moment)
	WHERE r.nth = 1
	ORDER BY m.moment, r.goal NULLS FIRST, r.month NULLS FIRST, r.variant;
END;
COMMENT ON FUNCTION performance_of(text) IS
'results() of every moment of a space: a variant against its control, or against the holdout where it is the only one.';
REVOKE ALL ON FUNCTION performance_of(text) FROM PUBLIC;

/* Promotion: the winner alone, and whether it goes on winning */

CREATE FUNCTION keep_variant(home space, e experiment, variant text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE @extschema@.experiment x
	SET weights = ARRAY(SELECT CASE WHEN v = keep_variant.variant THEN 1 ELSE 0 END FROM unnest(x.variants) WITH ORDINALITY AS u(v, i) ORDER BY i),
		coverage = 1, exclusion_group = NULL, part = NULL
	WHERE x.space = home.space AND x.experiment = e.experiment;
	IF NOT FOUND THEN
		UPDATE @extschema@.variant v SET weight = CASE WHEN v.variant = keep_variant.variant THEN 1 ELSE 0 END
		WHERE v.space = home.space AND v.moment = e.experiment;
		UPDATE @extschema@.moment m SET version = m.version + 1 WHERE m.space = home.space AND m.moment = e.experiment;
		PERFORM @extschema@.reschedule_experiment(home.space, e.experiment);
	END IF;
END;
$$;
COMMENT ON FUNCTION keep_variant(space, experiment, text) IS
'Gives one variant of an experiment, or of a moment''s own, all the weight, and everybody: its place in an exclusion group is free again.';
REVOKE ALL ON FUNCTION keep_variant(space, experiment, text) FROM PUBLIC;

CREATE FUNCTION promote(experiment text, variant text, review_in interval DEFAULT NULL, space text DEFAULT NULL) RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO'
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	e @extschema@.experiment := @extschema@.find_experiment(home, experiment);
	measured @extschema@.result[];
	best @extschema@.result;
	review_at timestamptz;
BEGIN
	IF variant IS NULL OR variant <> ALL (e.variants) THEN
		RAISE undefined_object USING
			MESSAGE = format('experiment "%s" has no variant %s', experiment, quote_nullable(variant)),
			HINT = @extschema@.ask(variant, e.variants, format('Its variants are: %s.', array_to_string(e.variants, ', ')));
	ELSIF review_in <= '0' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('experiment "%s" cannot be reviewed in %s', experiment, review_in),
			HINT = 'Pass how long from now it is to be looked at again, such as review_in => ''3 months''.';
	END IF;
	measured := ARRAY(SELECT r FROM @extschema@.results(experiment, home.space) r
		WHERE r.variant = promote.variant AND r.control IS NOT NULL AND r.month IS NULL AND r.segment IS NULL);
	SELECT r.* INTO best FROM unnest(measured) r
	ORDER BY r.goal = e.goal DESC NULLS LAST, r.verdict = 'winner' DESC, r.lo DESC NULLS LAST LIMIT 1;
	/* Promoted again, for another review, it is what its test had said that counts. */
	IF e.weights[array_position(e.variants, variant)] = 1 THEN
		SELECT s.goal, s.verdict, s.lo INTO best.goal, best.verdict, best.lo
		FROM @extschema@.read_as_owner(NULL::jsonb, home.space,
				format('SELECT to_jsonb(p) FROM %I.promotion p WHERE (p.experiment, p.variant) = ($1, $2) ORDER BY p.at DESC LIMIT 1', home.schema_name), experiment, variant) p(promotion),
			LATERAL jsonb_to_record(p.promotion) s(goal text, verdict text, lo float8);
	END IF;
	review_at := @extschema@.now() + coalesce(review_in,
		(SELECT min(m.review_every) FROM @extschema@.moment m WHERE m.space = home.space AND coalesce(m.experiment, m.moment) = e.experiment), '3 months');
	PERFORM @extschema@.change_as_owner(NULL::text, home.space,
		format('INSERT INTO %I.promotion VALUES ($1, $2, @extschema@.now(), session_user, $3, $4, $5, $6, $7)', home.schema_name),
		experiment, variant, (SELECT jsonb_object_agg(v, w) FROM unnest(e.variants, e.weights) AS u(v, w)), best.goal, best.verdict, best.lo, review_at);
	PERFORM @extschema@.keep_variant(home, e, variant);
	RETURN QUERY
	SELECT f.level, f.code, experiment, f.message, f.hint
	FROM (SELECT string_agg(r.message, ' ') AS harm FROM unnest(measured) r JOIN @extschema@.goal g ON g.space = home.space AND g.goal = r.goal
			WHERE g.guardrail AND r.verdict = 'loser') h, LATERAL (VALUES
		(best.verdict IS DISTINCT FROM 'winner', 'warn', 'not_a_winner', format('"%s" has not won: %s', variant, coalesce(best.message, 'nothing was measured.')),
			'Its effect may be nothing. Let the test run on, or keep what is cheaper.'),
		(h.harm IS NOT NULL, 'warn', 'guardrail_harmed', h.harm, 'Weigh what it wins against what it harms, or change it and test again.'),
		(@extschema@.holdout_of(home, experiment) = 0, 'warn', 'without_holdout', 'nobody is held out, so nothing will show when it stops working',
			'Hold a few out: SELECT * FROM persona.define_policy(holdout => 0.05).'),
		(true, 'info', 'promoted', format('"%s" is the only variant from now on; look again on %s', variant, review_at::date), NULL)
	) f(holds, level, code, message, hint)
	WHERE f.holds;
END;
$$;
COMMENT ON FUNCTION promote(text, text, interval, text) IS
'Makes a variant the only one of its experiment or moment: what its test said, the weights before and who did it are kept in promotion; the holdout stays. From then on its daily difference to the holdout is watched (alert), and a review is due after review_in, or as often as the moment is reviewed (review_due); again for another time. Errors: 42704, 22023.';
REVOKE ALL ON FUNCTION promote(text, text, interval, text) FROM PUBLIC;

/* Days are those of the first exposure: nobody is in two of them. A day of fewer than two on either side tells nothing. */
CREATE FUNCTION daily(home space, experiment text, goal goal, variant text, since timestamptz) RETURNS TABLE (day date, diff float8, se float8)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH counted AS MATERIALIZED (
		SELECT c.* FROM @extschema@.cells(home, daily.experiment, (@extschema@.find_experiment(home, daily.experiment)).unit, ARRAY[daily.goal], '{}', since, 'infinity', 'day') c)
	SELECT t.period, k.diff * CASE (daily.goal).better WHEN 'higher' THEN 1 ELSE -1 END, k.se
	FROM counted t JOIN counted c ON c.period = t.period AND c.goal = t.goal,
		LATERAL (
			SELECT k.diff, k.se FROM @extschema@.compare(c.plain, t.plain) k WHERE t.kind <> 'ratio'
			UNION ALL
			SELECT k.diff, k.se FROM @extschema@.compare(c.pair, t.pair, method => 'ratio') k WHERE t.kind = 'ratio') k
	WHERE t.variant = daily.variant AND c.variant = 'holdout' AND k.se > 0
	ORDER BY 1;
END;
COMMENT ON FUNCTION daily(space, text, goal, text, timestamptz) IS
'A variant''s difference to the holdout, day by day (UTC) of the first exposure, positive where it is better, with its standard error.';
REVOKE ALL ON FUNCTION daily(space, text, goal, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION promotions(home space) RETURNS TABLE (experiment text, variant text, at timestamptz, goal text, lo float8, review_at timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT r.* FROM @extschema@.read_as_owner(NULL::jsonb, (home).space,
			format('SELECT to_jsonb(p) FROM (SELECT DISTINCT ON (p.experiment) p.* FROM %I.promotion p ORDER BY p.experiment, p.at DESC) p', (home).schema_name), 0) p(promotion),
		LATERAL jsonb_to_record(p.promotion) r(experiment text, variant text, at timestamptz, goal text, lo float8, review_at timestamptz);
END;
COMMENT ON FUNCTION promotions(space) IS
'The latest promotion of each experiment: what was promoted, when, by which goal and with which bound, and when to look again.';
REVOKE ALL ON FUNCTION promotions(space) FROM PUBLIC;

CREATE FUNCTION fading(space text) RETURNS TABLE (experiment text, variant text, goal text, state text, since date, days int)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	home @extschema@.space := @extschema@.resolve_space(fading.space);
	promoted text;
	winner text;
	shipped_at timestamptz;
	at_least float8;
	aim text;
BEGIN
	FOR promoted, winner, shipped_at, at_least, aim IN
		SELECT p.experiment, p.variant, p.at, p.lo, p.goal FROM @extschema@.promotions(home) p
	LOOP
		RETURN QUERY
		SELECT promoted, winner, aim,
			CASE WHEN bad.alarm_at IS NOT NULL THEN 'harmful' ELSE 'fading' END, d.days[coalesce(bad.alarm_at, less.alarm_at)], cardinality(d.days)
		FROM @extschema@.goal g,
			LATERAL (SELECT array_agg(d.day ORDER BY d.day) AS days, array_agg(d.diff ORDER BY d.day) AS diffs, array_agg(d.se ORDER BY d.day) AS ses
				FROM @extschema@.daily(home, promoted, g, winner, shipped_at) d) d,
			LATERAL @extschema@.stat_decay(d.diffs, d.ses, 0) bad,
			LATERAL @extschema@.stat_decay(d.diffs, d.ses, greatest(at_least, 0) / 2) less
		WHERE g.space = home.space AND g.goal = aim AND coalesce(bad.alarm_at, less.alarm_at) IS NOT NULL;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION fading(text) IS
'Promoted variants whose daily difference to the holdout has sunk, by CUSUM (kappa 1/2, h 8: one false alarm in 200 quarters): harmful, below nothing; fading, below half of the lower bound that was shipped. since: the day of the alarm. A prompt to test again, no proof.';
REVOKE ALL ON FUNCTION fading(text) FROM PUBLIC;

CREATE FUNCTION reviews(space text) RETURNS TABLE (moment text, experiment text, variant text, review_due date, why text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO'
AS $$
#variable_conflict use_column
DECLARE
	home @extschema@.space := @extschema@.resolve_space(reviews.space);
BEGIN
	RETURN QUERY
	SELECT m.moment, coalesce(m.experiment, m.moment), NULL::text, (m.activated_at + m.review_every)::date, 'live for as long as it is to be reviewed'
	FROM @extschema@.moment m
	WHERE m.space = home.space AND m.state = 'live' AND m.activated_at + m.review_every <= @extschema@.now()
	UNION ALL
	SELECT m.moment, s.experiment, s.variant, s.review_at::date, format('promoted on %s', s.at::date)
	FROM @extschema@.promotions(home) s LEFT JOIN @extschema@.moment m ON m.space = home.space AND coalesce(m.experiment, m.moment) = s.experiment
	WHERE s.review_at <= @extschema@.now()
	UNION ALL
	SELECT m.moment, f.experiment, f.variant, f.since, format('%s by goal %s', f.state, f.goal)
	FROM @extschema@.fading(home.space) f LEFT JOIN @extschema@.moment m ON m.space = home.space AND coalesce(m.experiment, m.moment) = f.experiment
	ORDER BY 4, 1;
END;
$$;
COMMENT ON FUNCTION reviews(text) IS
'What is to be looked at again: live moments after their review_every, promoted variants after their time, and those that fade.';
REVOKE ALL ON FUNCTION reviews(text) FROM PUBLIC;

/* Reader views */

CREATE FUNCTION create_result_views() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* A restore brings the views along. */
	IF to_regclass(format('%I.performance', NEW.schema_name)) IS NOT NULL THEN
		RETURN NULL;
	END IF;
	EXECUTE format($view$
	CREATE VIEW %1$I.performance WITH (security_invoker = true) AS
	SELECT * FROM @extschema@.performance_of(%2$L);
	COMMENT ON VIEW %1$I.performance IS 'A row a moment, goal, variant and month (NULL: all of them): what came of it. The row without a goal is about the split.';

	CREATE VIEW %1$I.review_due WITH (security_invoker = true) AS
	SELECT * FROM @extschema@.reviews(%2$L);
	COMMENT ON VIEW %1$I.review_due IS 'What is to be looked at again, the longest due first.';
	$view$, NEW.schema_name, NEW.space);
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION create_result_views() IS
'Trigger: a new space gets its reader views performance and review_due.';
REVOKE ALL ON FUNCTION create_result_views() FROM PUBLIC;
CREATE TRIGGER result_views AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION create_result_views();
