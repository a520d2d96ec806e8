/* moment: what it knows, and what is wrong with it */

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
RETURNS TABLE (variant text, missing text[], said text)
LANGUAGE c STABLE STRICT ROWS 400 AS 'MODULE_PATHNAME', 'persona_moment_sample';
COMMENT ON FUNCTION moment_sample(text, text) IS
'What the templates of each variant would say to at most 100 customers whom the moment could reach now, and the variables that one of these lacks. Nothing where that would take long, for a moment on request, or for who is no member of the space''s owner.';
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
			/* Of what the variants do that somebody gets the most surprising; the twin stands in for all. */
			SELECT array_agg(DISTINCT c.channel) FILTER (WHERE g.is_sent) AS channels,
				(array_agg(u.use ORDER BY array_position('{sold,cross_context,first_party}', u.use)) FILTER (WHERE g.is_sent))[1] AS use,
				min(coalesce(v.delay, m.delay)) FILTER (WHERE g.is_sent) AS soonest,
				bool_and(@extschema@.explains_itself(v.template::text)) FILTER (WHERE v.variant <> 'generic') AS explained
			FROM @extschema@.variant v
			CROSS JOIN LATERAL (SELECT coalesce(v.channel, m.channel)) c (channel)
			CROSS JOIN LATERAL (SELECT @extschema@.use_of(m.purpose, c.channel)) u (use)
			CROSS JOIN LATERAL (SELECT v.variant = 'generic' OR @extschema@.variant_weight(v) > 0) g (is_sent)
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

CREATE FUNCTION audit_or_say(home space, named text)
RETURNS TABLE (moment text, attribute text, category text, provenance text, use text, mentioned boolean, score int, verdict text, reason text, fix text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT a.moment, a.attribute, a.category, a.provenance, a.use, a.mentioned, a.score, a.verdict, a.reason, a.fix
		FROM @extschema@.audit_moment(home, named) a;
EXCEPTION
	WHEN syntax_error_or_access_rule_violation THEN
		RETURN QUERY SELECT named, NULL::text, NULL::text, NULL::text, NULL::text, false, NULL::int, 'block',
			format('It cannot be compiled any more: %s', SQLERRM), format('SELECT * FROM persona.define_moment(%L, ...);', named);
END;
$$;
COMMENT ON FUNCTION audit_or_say(space, text) IS
'The audit of a moment; of one that cannot be compiled any more, because a table or column is gone, a row that says so.';
REVOKE ALL ON FUNCTION audit_or_say(space, text) FROM PUBLIC;

CREATE FUNCTION audit(moment text DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (moment text, attribute text, category text, provenance text, use text, mentioned boolean, score int, verdict text, reason text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT a.moment, a.attribute, a.category, a.provenance, a.use, a.mentioned, a.score, a.verdict, a.reason, a.fix
	FROM @extschema@.resolve_space($2) home
	CROSS JOIN LATERAL @extschema@.moments_named(home, $1) named
	CROSS JOIN LATERAL @extschema@.audit_or_say(home, named) a
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
	decided jsonb := @extschema@.read_as_owner(NULL::jsonb, home.space, format('SELECT to_jsonb(d) FROM %I.decision d WHERE d.decision = $1', home.schema_name), decision);
	about text := decided->>'moment';
	got text := decided->>'variant';
	had_version int := (decided->>'moment_version')::int;
	has_version int := (SELECT m.version FROM @extschema@.moment m WHERE m.space = home.space AND m.moment = about);
	repetition int := (SELECT (g->'saw'->>'repetition')::int FROM jsonb_array_elements(decided->'gates') g WHERE g->>'gate' = 'surprise');
BEGIN
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
		format('%s of %s texts that were tried have no {{ %s }} and would not be sent (%s)', count(*), max(s.n), m.missing, s.variant),
		format('Write {{ %s | default: ''...'' }} in define_moment(%L, ...), or let the rule ask for it.', m.missing, lint_missing.moment)
	FROM said s CROSS JOIN LATERAL unnest(s.missing) m(missing)
	GROUP BY s.variant, m.missing;
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
		WHERE e.space = m.space AND e.experiment = coalesce(m.experiment, m.moment)
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
		((SELECT sum(@extschema@.variant_weight(v)) FROM @extschema@.variant v WHERE v.space = m.space AND v.moment = m.moment) = 0, 'block', 'without_weight',
			'no variant has a weight, so nobody could get one', format('Give one a weight: define_variant(%L, ''personal'', weight => 1).', m.moment)),
		(m.variable IN ('timing', 'channel') AND @extschema@.variant_weight(g) > 0 AND p.template::text <> g.template::text, 'warn', 'two_differences',
			format('the generic twin differs in its text, where variants are to differ in %s', m.variable),
			format('Leave it as a stand-in: define_variant(%L, ''generic'', weight => 0).', m.moment)),
		(x.missing IS NOT NULL, 'block', 'experiment_variants', format('experiment "%s" spreads variants that it does not have: %s', coalesce(m.experiment, m.moment), array_to_string(x.missing, ', ')),
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

CREATE FUNCTION lint_or_say(home space, moment text) RETURNS SETOF finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT * FROM @extschema@.lint_moment(home, moment);
EXCEPTION
	WHEN syntax_error_or_access_rule_violation THEN
		RETURN QUERY SELECT 'block', 'broken', moment, format('it cannot be compiled any more: %s', SQLERRM),
			format('It sends nothing until it is mended with define_moment(%L, ...).', moment);
END;
$$;
COMMENT ON FUNCTION lint_or_say(space, text) IS
'The findings of a moment; of one that cannot be compiled any more, because a table or column is gone, one that says so.';
REVOKE ALL ON FUNCTION lint_or_say(space, text) FROM PUBLIC;

CREATE FUNCTION space_findings(space text) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT f.* FROM @extschema@.space s
	JOIN @extschema@.moment m ON m.space = s.space AND m.state <> 'retired'
	CROSS JOIN LATERAL @extschema@.lint_or_say(s, m.moment) f
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
