/* experiment: how subjects are spread over variants */

CREATE TABLE experiment (
	space text,
	experiment text,
	variants text[] NOT NULL,
	weights float8[] NOT NULL,
	control text NOT NULL,
	goal text,
	exclusion_group text,
	coverage float8 NOT NULL CHECK (coverage >= 0 AND coverage <= 1),
	part nummultirange,
	scheme text NOT NULL,
	unit text,
	PRIMARY KEY (space, experiment)
);
COMMENT ON TABLE experiment IS
'How subjects, or what their unit says, are spread over variants: weights, the share that takes part, and by which scheme; part is what an experiment holds of its exclusion group''s [0,1).';
SELECT keep_definitions('experiment'), keep_names('experiment');
CREATE POLICY owner ON experiment
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) experiment.space));

/* Exclusion groups: the experiments of a group share [0,1) among them */

CREATE FUNCTION first_of(parts nummultirange, length numeric) RETURNS nummultirange
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(range_agg(numrange(lower(p.part), least(upper(p.part), lower(p.part) + length - p.before))), '{}')
	FROM (SELECT part, sum(upper(part) - lower(part)) OVER (ORDER BY part) - (upper(part) - lower(part)) AS before
		FROM unnest(parts) part) p
	WHERE p.before < length;
END;
COMMENT ON FUNCTION first_of(nummultirange, numeric) IS
'The first so much of some ranges: all of them where they are not as long together.';
REVOKE ALL ON FUNCTION first_of(nummultirange, numeric) FROM PUBLIC;

CREATE FUNCTION length_of(parts nummultirange) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(sum(upper(part) - lower(part)), 0) FROM unnest(parts) part;
END;
COMMENT ON FUNCTION length_of(nummultirange) IS 'How long some ranges are together.';
REVOKE ALL ON FUNCTION length_of(nummultirange) FROM PUBLIC;

CREATE FUNCTION group_scheme(scheme text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN scheme IN ('growthbook1', 'growthbook2') THEN 'growthbook2' ELSE 'persona' END;
END;
COMMENT ON FUNCTION group_scheme(text) IS
'How an exclusion group of experiments of this scheme is hashed: as GrowthBook''s filters for theirs, else by persona''s own scheme.';

/* Who keeps a place keeps it: an experiment grows into what is free, and shrinks from its end. */
CREATE FUNCTION claim_part(wanted experiment) RETURNS nummultirange
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	length numeric := wanted.coverage;
	others nummultirange;
	kept nummultirange;
	other text;
BEGIN
	IF wanted.exclusion_group IS NULL THEN
		RETURN NULL;
	END IF;
	/* Two that claim at once would take the same place. */
	LOCK TABLE @extschema@.experiment IN SHARE ROW EXCLUSIVE MODE;
	SELECT e.experiment INTO other FROM @extschema@.experiment e
	WHERE e.space = wanted.space AND e.exclusion_group = wanted.exclusion_group AND e.experiment <> wanted.experiment
		AND @extschema@.group_scheme(e.scheme) <> @extschema@.group_scheme(wanted.scheme)
	ORDER BY 1 LIMIT 1;
	IF FOUND THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('experiment "%s" of exclusion group "%s" is hashed by another scheme', other, wanted.exclusion_group),
			HINT = 'A web SDK and persona cannot share a group: give one of them another group.';
	END IF;
	SELECT coalesce(range_agg(e.part) FILTER (WHERE e.experiment <> wanted.experiment), '{}'),
		coalesce(range_agg(e.part) FILTER (WHERE e.experiment = wanted.experiment AND @extschema@.group_scheme(e.scheme) = @extschema@.group_scheme(wanted.scheme)), '{}')
	INTO others, kept
	FROM @extschema@.experiment e WHERE e.space = wanted.space AND e.exclusion_group = wanted.exclusion_group;
	IF @extschema@.length_of(others) + length > 1 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('exclusion group "%s" has no %s of its subjects left for experiment "%s"', wanted.exclusion_group, length, wanted.experiment),
			DETAIL = format('%s is left.', 1 - @extschema@.length_of(others)),
			HINT = 'Pass a smaller coverage, or end another experiment of the group by drop_definition().';
	END IF;
	kept := @extschema@.first_of(kept, length);
	RETURN kept + @extschema@.first_of('{[0,1)}' - others - kept, length - @extschema@.length_of(kept));
END;
$$;
COMMENT ON FUNCTION claim_part(experiment) IS
'What an experiment holds of its exclusion group, as much as its coverage: what it held before, as far as it may keep it, then what is free. NULL without a group; an error where not enough is left (22023).';
REVOKE ALL ON FUNCTION claim_part(experiment) FROM PUBLIC;

/* Who tries things out is no part of any result */

CREATE FUNCTION mark_test(subject text, test boolean DEFAULT true, space text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	key text := @extschema@.subject_key(home, subject);
BEGIN
	IF test IS FALSE THEN
		PERFORM @extschema@.change_as_owner(key, home.space, format('DELETE FROM %I.test_subject WHERE subject = $1::%s', home.schema_name, home.key_type), key);
		RETURN;
	END IF;
	PERFORM @extschema@.subject_must_exist(home, key);
	PERFORM @extschema@.change_as_owner(key, home.space,
		format('INSERT INTO %I.test_subject VALUES ($1::%s, $2) ON CONFLICT DO NOTHING', home.schema_name, home.key_type), key, @extschema@.now());
END;
$$;
COMMENT ON FUNCTION mark_test(text, boolean, text) IS
'Marks a subject as one that tries things out, or with false takes the mark off. It gets its messages as anybody does, and enters no results, splits, alarms or funnels, with nothing that it ever did: the mark is looked at when they are read. Errors: unknown subject (P0002), a subject that is no key (22P02).';
REVOKE ALL ON FUNCTION mark_test(text, boolean, text) FROM PUBLIC;

CREATE FUNCTION mark_test(subject anyelement, test boolean DEFAULT true, space text DEFAULT NULL) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.mark_test(subject::text, test, space)';
COMMENT ON FUNCTION mark_test(anyelement, boolean, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION mark_test(anyelement, boolean, text) FROM PUBLIC;

/* Written so that the planner expects it of nearly all: of NOT EXISTS it expects half, or nobody, where nothing was analysed yet. */
CREATE FUNCTION no_test_sql(home space, subject text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT format('(%s IN (SELECT t.subject FROM %I.test_subject t))::int <> 1', no_test_sql.subject, (home).schema_name);
END;
COMMENT ON FUNCTION no_test_sql(space, text) IS
'The SQL of whether a subject, which is SQL, is none of those marked by mark_test().';
REVOKE ALL ON FUNCTION no_test_sql(space, text) FROM PUBLIC;

CREATE FUNCTION exposure_span(home space, experiment text, OUT first_at timestamptz, OUT last_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	span timestamptz[] := @extschema@.read_as_owner(NULL::timestamptz[], home.space,
		format('SELECT ARRAY[min(x.at), max(x.at)] FROM %I.exposure x WHERE x.experiment = $1 AND %s', home.schema_name, @extschema@.no_test_sql(home, 'x.subject')), experiment);
BEGIN
	first_at := span[1];
	last_at := span[2];
END;
$$;
COMMENT ON FUNCTION exposure_span(space, text) IS
'When somebody was first and last exposed to an experiment, test subjects aside; NULL: nobody yet.';
REVOKE ALL ON FUNCTION exposure_span(space, text) FROM PUBLIC;

/* Definitions */

CREATE FUNCTION check_experiment(e experiment) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM @extschema@.check_name('experiment', e.experiment);
	PERFORM @extschema@.check_name('variant', v) FROM unnest(e.variants) v;
	IF coalesce(cardinality(e.variants), 0) < 2 OR (SELECT count(DISTINCT v) FROM unnest(e.variants) v) < cardinality(e.variants) OR 'holdout' = ANY (e.variants) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('experiment "%s" needs two or more different variants, none of them "holdout"', e.experiment),
			HINT = 'Such as variants => ARRAY[''generic'', ''personal'']; the holdout is the space''s, see define_policy().';
	ELSIF cardinality(e.variants) IS DISTINCT FROM cardinality(e.weights) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('experiment "%s" has %s variants and %s weights', e.experiment, cardinality(e.variants), coalesce(cardinality(e.weights), 0)),
			HINT = 'Pass one share for each variant; together they make 1.';
	ELSIF (SELECT abs(sum(w) - 1) > 1e-6 FROM unnest(e.weights) w) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('the weights of experiment "%s" make %s together', e.experiment, (SELECT sum(w) FROM unnest(e.weights) w)),
			HINT = 'Pass one share for each variant, such as ARRAY[0.5, 0.5]; together they make 1.';
	ELSIF e.control IS NULL OR e.control <> ALL (e.variants) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('the control of experiment "%s" is none of its variants', e.experiment),
			HINT = format('Pass control => the variant to compare with, such as %L.', e.variants[1]);
	ELSIF e.scheme = 'split' THEN
		RAISE feature_not_supported USING
			MESSAGE = 'an experiment cannot be spread by scheme "split"',
			HINT = 'Split hashes with a number of its own: ask choose(unit, that number, weights, scheme => ''split'').';
	END IF;
	IF e.goal IS NOT NULL THEN
		PERFORM @extschema@.check_name('goal', e.goal);
	END IF;
	IF e.exclusion_group IS NOT NULL THEN
		PERFORM @extschema@.check_name('exclusion group', e.exclusion_group);
	END IF;
	PERFORM @extschema@.check_expression(e.unit, 'unit of experiment "' || e.experiment || '"', e.space);
	/* The kernel has the last word about weights, coverage and scheme. */
	PERFORM @extschema@.choose('unit', e.experiment, e.weights, e.coverage, e.scheme);
END;
$$;
COMMENT ON FUNCTION check_experiment(experiment) IS
'Raises an error unless the experiment can be: names, two or more variants with shares that make 1, a control among them, a coverage of 0 to 1, a known scheme, a unit that compiles.';
REVOKE ALL ON FUNCTION check_experiment(experiment) FROM PUBLIC;

CREATE FUNCTION lint_experiment(was experiment, becomes experiment, exposed boolean) RETURNS SETOF finding
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT f.level, f.code, (becomes).experiment, f.message, f.hint
	FROM (VALUES
		((becomes).goal IS NULL, 'info', 'without_goal', 'nothing says what success is', 'Pass goal => the name of one.'),
		((becomes).scheme IN ('optimizely', 'launchdarkly', 'statsig'), 'warn', 'scheme_salt',
			format('%s hashes an id or a salt beside the unit, here the name is hashed', (becomes).scheme),
			'To find what its SDK showed, ask choose() with that id or salt as the seed.'),
		(exposed AND ((was).variants, (was).scheme, (was).unit, (was).exclusion_group)
				IS DISTINCT FROM ((becomes).variants, (becomes).scheme, (becomes).unit, (becomes).exclusion_group), 'warn', 'spread_anew',
			'its variants, scheme, unit or group changed after people were exposed: they are spread anew',
			'Give the changed experiment a name of its own. Who is exposed already keeps the variant seen first while it has a weight.'),
		(exposed AND (was).weights IS DISTINCT FROM (becomes).weights, 'info', 'new_phase',
			'its weights changed after people were exposed: a new phase begins',
			'Results compare within a phase, as the share of a variant differs between them. Who is exposed already keeps the variant seen first while it has a weight.')
	) f(holds, level, code, message, hint)
	WHERE f.holds;
END;
COMMENT ON FUNCTION lint_experiment(experiment, experiment, boolean) IS
'What is doubtful in an experiment as it becomes; exposed says whether somebody has seen it as it was.';
REVOKE ALL ON FUNCTION lint_experiment(experiment, experiment, boolean) FROM PUBLIC;

CREATE FUNCTION define_experiment(experiment text, variants text[], weights float8[], control text DEFAULT 'generic',
	goal text DEFAULT NULL, exclusion_group text DEFAULT NULL, coverage float8 DEFAULT 1, scheme text DEFAULT 'persona',
	unit text DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	becomes @extschema@.experiment := (home.space, experiment, variants, weights, control, goal, exclusion_group,
		coalesce(coverage, 1), NULL, coalesce(scheme, 'persona'), unit);
	was @extschema@.experiment;
BEGIN
	PERFORM @extschema@.check_experiment(becomes);
	becomes.part := @extschema@.claim_part(becomes);
	SELECT * INTO was FROM @extschema@.experiment e WHERE e.space = home.space AND e.experiment = becomes.experiment FOR UPDATE;
	INSERT INTO @extschema@.experiment VALUES (becomes.*)
	ON CONFLICT ON CONSTRAINT experiment_pkey DO UPDATE
	SET (variants, weights, control, goal, exclusion_group, coverage, part, scheme, unit)
		= (excluded.variants, excluded.weights, excluded.control, excluded.goal, excluded.exclusion_group, excluded.coverage,
			excluded.part, excluded.scheme, excluded.unit);
	RETURN QUERY SELECT 'warn', 'unknown_goal', experiment, format('there is no goal "%s" yet', goal),
		@extschema@.ask(goal, ARRAY(SELECT g.goal FROM @extschema@.goal g WHERE g.space = home.space),
			format('Define it: SELECT * FROM persona.define_goal(%L, ''count(purchase) > 0'');', goal))
	WHERE goal IS NOT NULL AND NOT EXISTS (SELECT FROM @extschema@.goal g WHERE g.space = home.space AND g.goal = becomes.goal);
	RETURN QUERY SELECT * FROM @extschema@.lint_experiment(was, becomes, was.experiment IS NOT NULL AND (@extschema@.exposure_span(home, experiment)).last_at IS NOT NULL);
END;
$$;
COMMENT ON FUNCTION define_experiment(text, text[], float8[], text, text, text, float8, text, text, text) IS
'Spreads subjects over variants: weights are their shares and make 1, control is the variant to compare with, coverage the share (0 to 1) that takes part. Experiments of one exclusion_group share no subject. scheme: as choose(), with the name as seed; unit: an expression in the rule language whose value is spread in the subject''s place, such as account_id. Again with other values it changes the experiment, and says what that does to those who were exposed. Errors: 22023, 42602, 42704.';
REVOKE ALL ON FUNCTION define_experiment(text, text[], float8[], text, text, text, float8, text, text, text) FROM PUBLIC;

/* Assignment */

CREATE FUNCTION assign(e experiment, unit text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN (e).part IS NULL THEN (e).variants[@extschema@.choose(unit, (e).experiment, (e).weights, (e).coverage, (e).scheme)]
		WHEN (e).part @> @extschema@.bucket(unit, (e).exclusion_group || '.group', @extschema@.group_scheme((e).scheme))::numeric
			THEN (e).variants[@extschema@.choose(unit, (e).experiment, (e).weights, 1, (e).scheme)] END;
END;
COMMENT ON FUNCTION assign(experiment, text) IS
'The variant of a unit by the experiment alone, NULL where it takes no part: a pure function that writes nothing and knows no holdout.';

/* What was seen first stays while it has a weight: what was ended, or lost to a winner, does not. */
CREATE FUNCTION seen_sql(home space, e experiment, subject text, unit text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT format('(SELECT x.variant FROM %I.exposure x WHERE %s AND x.experiment = %L AND x.variant = ANY (%L::pg_catalog.text[]) ORDER BY x.at, x.variant COLLATE "C" LIMIT 1)',
		(home).schema_name,
		format(CASE WHEN (e).unit IS NULL THEN 'x.subject = %s' ELSE '(x.subject = %s OR x.unit = %s)' END, seen_sql.subject, seen_sql.unit),
		(e).experiment, ARRAY(SELECT v FROM unnest((e).variants, (e).weights) AS u(v, w) WHERE w > 0));
END;
COMMENT ON FUNCTION seen_sql(space, experiment, text, text) IS
'The SQL of the variant that a subject, whose key and unit are SQL, was exposed to: of those that it or its unit saw and that still have a weight the first, NULL for none.';
REVOKE ALL ON FUNCTION seen_sql(space, experiment, text, text) FROM PUBLIC;

CREATE FUNCTION assign_sql(home space, e experiment, subject text, unit text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
BEGIN ATOMIC
	SELECT format('coalesce(%s, @extschema@.assign(%L::@extschema@.experiment, %s))', @extschema@.seen_sql(home, e, subject, unit), e, unit);
END;
COMMENT ON FUNCTION assign_sql(space, experiment, text, text) IS
'The SQL of the variant that a subject, whose key and unit are SQL, gets once it is not held out: that of seen_sql(), else of assign().';
REVOKE ALL ON FUNCTION assign_sql(space, experiment, text, text) FROM PUBLIC;

/* What a web page's SDK is told */

CREATE FUNCTION sdk_feature(e experiment) RETURNS jsonb
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT jsonb_build_object('defaultValue', (e).control, 'rules', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
		'key', (e).experiment, 'seed', (e).experiment, 'hashVersion', right((e).scheme, 1)::int, 'hashAttribute', h.attribute,
		'condition', '{"holdout": {"$ne": true}}'::jsonb, 'variations', (e).variants, 'weights', (e).weights, 'coverage', CASE WHEN (e).part IS NULL THEN (e).coverage ELSE 1 END,
		'meta', (SELECT jsonb_agg(jsonb_build_object('key', v) ORDER BY n) FROM unnest((e).variants) WITH ORDINALITY AS u(v, n)),
		'filters', CASE WHEN (e).part IS NOT NULL THEN jsonb_build_array(jsonb_build_object(
			'seed', (e).exclusion_group || '.group', 'hashVersion', 2, 'attribute', h.attribute,
			'ranges', (SELECT coalesce(jsonb_agg(jsonb_build_array(lower(p), upper(p)) ORDER BY p), '[]') FROM unnest((e).part) p))) END))))
	FROM (SELECT coalesce((e).unit, 'id') AS attribute) h;
END;
COMMENT ON FUNCTION sdk_feature(experiment) IS
'An experiment of scheme growthbook1 or growthbook2 as a feature of GrowthBook''s SDK payload.';
REVOKE ALL ON FUNCTION sdk_feature(experiment) FROM PUBLIC;

CREATE FUNCTION sdk_payload(space text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	RETURN jsonb_build_object('features', (
		SELECT coalesce(jsonb_object_agg(e.experiment, @extschema@.sdk_feature(e)), '{}')
		FROM @extschema@.experiment e WHERE e.space = home.space AND e.scheme IN ('growthbook1', 'growthbook2')));
END;
$$;
COMMENT ON FUNCTION sdk_payload(text) IS
'The experiments of schemes growthbook1 and growthbook2 as features for GrowthBook''s SDK, each with its control as default: a web page that loads them shows what variant() says, as long as its attribute id (or the unit''s text) is the subject (the unit) as text, and its attribute holdout is true for whom variant() says so.';
REVOKE ALL ON FUNCTION sdk_payload(text) FROM PUBLIC;
