/* moment: when tables and definitions change */

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
	/* What they are called now is noted, also of columns that came along: these may be renamed next. */
	UPDATE @extschema@.space s SET key = s.key WHERE s.space = home.space AND s.columns IS DISTINCT FROM @extschema@.columns_by_number(s.subjects);
	UPDATE @extschema@.event e SET at = e.at WHERE e.space = home.space AND e.columns IS DISTINCT FROM @extschema@.columns_by_number(e.relation);
	UPDATE @extschema@.facet f SET key = f.key WHERE f.space = home.space AND f.columns IS DISTINCT FROM @extschema@.columns_by_number(f.relation);
END;
$$;
COMMENT ON FUNCTION follow_sources(space, text[], text[], text[]) IS
'Brings the columns that sources and attributes name up to date with renames, and notes what the columns of sources are called now.';
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
	PERFORM @extschema@.follow_sources(home, sources, was, becomes);
	IF sources IS NULL THEN
		RETURN;
	END IF;
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
			PERFORM @extschema@.own_schema(s, @extschema@.schema_owner(s)) FROM @extschema@.space s WHERE s.space = home.space AND s.subjects = ANY (changed);
		EXCEPTION WHEN OTHERS THEN
			RAISE WARNING USING MESSAGE = format('persona could not follow this change in space "%s" (SQLSTATE %s)', home.space, SQLSTATE),
				HINT = format('Look at its rules, then: SELECT * FROM persona.follow_renames(%L).', home.space);
		END;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION follow_ddl() IS
'Event trigger: after ALTER TABLE of a table that a space uses, its definitions follow renamed columns, and its schema the owner of the subject table.';
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
			WHERE m.space = home.space AND m.state <> 'retired'
				AND to_regclass(format('%I.%I', home.schema_name, 'moment_' || m.moment || '_reads')) IS NULL
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

CREATE FUNCTION sources_read(home space, moment text) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT DISTINCT r.source FROM @extschema@.moment_reads(moment, home.space) r);
EXCEPTION
	WHEN syntax_error_or_access_rule_violation THEN
		RETURN '{}'::text[];
END;
$$;
COMMENT ON FUNCTION sources_read(space, text) IS
'The events and facets whose columns a moment reads; none where it cannot be compiled any more.';
REVOKE ALL ON FUNCTION sources_read(space, text) FROM PUBLIC;

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
		SELECT format('channel "%s"', c.channel) FROM @extschema@.channel c
		WHERE c.space = (home).space AND CASE kind
			WHEN 'event' THEN concat_ws(' ', c.address, c.time_zone, c.locale) ~ ('\m' || users_of.name || '\M')
			WHEN 'facet' THEN concat_ws(' ', c.address, c.time_zone, c.locale) ~ ('\m' || users_of.name || '[.]') END
		UNION ALL
		SELECT format('policy "%s"', concat_ws('/', nullif(p.channel, ''), nullif(p.purpose, ''))) FROM @extschema@.policy p
		WHERE p.space = (home).space AND CASE kind
			WHEN 'channel' THEN p.channel = users_of.name
			WHEN 'purpose' THEN p.purpose = users_of.name
			WHEN 'category' THEN users_of.name = ANY (p.categories) END
		UNION ALL
		SELECT format('attribute "%s"', a.attribute) FROM @extschema@.attribute a
		WHERE a.space = (home).space AND kind = 'category' AND a.category = users_of.name
		UNION ALL
		SELECT format('goal "%s"', g.goal) FROM @extschema@.goal g
		WHERE g.space = (home).space AND CASE kind
			WHEN 'event' THEN g.measure ~ ('\m' || users_of.name || '\M')
			WHEN 'facet' THEN g.measure ~ ('\m' || users_of.name || '[.]') END
		UNION ALL
		SELECT format('experiment "%s"', e.experiment) FROM @extschema@.experiment e
		WHERE e.space = (home).space AND CASE kind
			WHEN 'goal' THEN e.goal = users_of.name
			WHEN 'event' THEN e.unit ~ ('\m' || users_of.name || '\M')
			WHEN 'facet' THEN e.unit ~ ('\m' || users_of.name || '[.]')
			WHEN 'variant' THEN split_part(users_of.name, '/', 2) = ANY (e.variants) AND EXISTS (SELECT FROM @extschema@.moment m
				WHERE m.space = e.space AND m.moment = split_part(users_of.name, '/', 1) AND m.experiment = e.experiment) END
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
			WHEN 'event' THEN m.on_event = users_of.name OR concat_ws(' ', m.when_rule::text, m.cancel_rule::text, m.once_per, m.expires, m.tokens,
				(SELECT string_agg(v.tokens::text, ' ') FROM @extschema@.variant v WHERE v.space = m.space AND v.moment = m.moment)) ~ ('\m' || users_of.name || '\M')
				OR users_of.name = ANY (@extschema@.sources_read(home, m.moment))
			WHEN 'facet' THEN concat_ws(' ', m.when_rule::text, m.cancel_rule::text, m.once_per, m.expires, m.tokens,
				(SELECT string_agg(v.tokens::text, ' ') FROM @extschema@.variant v WHERE v.space = m.space AND v.moment = m.moment)) ~ ('\m' || users_of.name || '[.]')
				OR users_of.name = ANY (@extschema@.sources_read(home, m.moment)) END
		UNION ALL
		SELECT format('facet "%s"', f.facet) FROM @extschema@.facet f
		WHERE f.space = (home).space AND kind IN ('event', 'facet') AND f.parent = users_of.name
	) u(thing);
END;
COMMENT ON FUNCTION users_of(space, text, text) IS
'The definitions that use another one, each with its kind; NULL where none does.';
REVOKE ALL ON FUNCTION users_of(space, text, text) FROM PUBLIC;

CREATE FUNCTION definition_name(kind text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT CASE kind
		WHEN 'policy' THEN $$concat_ws('/', nullif(channel, ''), nullif(purpose, ''))$$
		WHEN 'variant' THEN $$concat_ws('/', moment, variant)$$
		ELSE quote_ident(kind) END;
END;
COMMENT ON FUNCTION definition_name(text) IS
'What a definition of that kind is called, as an expression over its row, as definition_log has it: a policy is channel/purpose, channel, purpose or nothing, a variant is moment/variant.';
REVOKE ALL ON FUNCTION definition_name(text) FROM PUBLIC;

CREATE FUNCTION known_definition(home space, kind text, name text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kinds text[] := ARRAY['segment', 'moment', 'variant', 'experiment', 'goal', 'breakdown', 'event', 'facet', 'attribute', 'channel', 'purpose', 'policy', 'category', 'phrase'];
	known text[];
BEGIN
	IF kind IS NULL OR kind <> ALL (kinds) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('there is no kind of definition %s', quote_nullable(kind)),
			HINT = @extschema@.ask(kind, kinds, format('It is one of %s.', array_to_string(kinds, ', ')));
	END IF;
	EXECUTE format('SELECT array_agg(%1$s ORDER BY %1$s COLLATE "C") FROM @extschema@.%2$I WHERE space = $1', @extschema@.definition_name(kind), kind)
	INTO known USING home.space;
	IF name IS NULL OR name <> ALL (coalesce(known, '{}')) THEN
		RAISE undefined_object USING
			MESSAGE = format('%s "%s" does not exist in space "%s"', kind, name, home.space),
			HINT = @extschema@.ask(name, coalesce(known, '{}'), coalesce((SELECT format('There is: %s.', string_agg(format('"%s"', k), ', ' ORDER BY k COLLATE "C")) FROM unnest(known) k HAVING count(*) > 0), 'Nothing is to be dropped.'));
	END IF;
END;
$$;
COMMENT ON FUNCTION known_definition(space, text, text) IS
'Raises an error unless there is a definition of that kind and name, with the nearest name (22023, 42704).';
REVOKE ALL ON FUNCTION known_definition(space, text, text) FROM PUBLIC;

CREATE FUNCTION check_unused(home space, kind text, name text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	users text[] := @extschema@.users_of(home, kind, name);
BEGIN
	IF users IS NOT NULL THEN
		RAISE dependent_objects_still_exist USING
			MESSAGE = format('%s "%s" is still in use', kind, name),
			DETAIL = format('By %s.', array_to_string(users, ', ')),
			HINT = 'Change or drop these first.';
	ELSIF kind = 'variant' AND split_part(name, '/', 2) IN ('personal', 'generic') THEN
		RAISE object_in_use USING
			MESSAGE = format('every moment has a %s variant', split_part(name, '/', 2)),
			HINT = format('To give it to nobody: define_variant(%L, %L, weight => 0).', split_part(name, '/', 1), split_part(name, '/', 2));
	ELSIF kind = 'moment' AND (SELECT m.state IN ('live', 'paused') FROM @extschema@.moment m WHERE m.space = home.space AND m.moment = name) THEN
		RAISE object_in_use USING
			MESSAGE = format('moment "%s" is at work', name),
			HINT = format('What is scheduled for it would be lost: SELECT persona.retire(%L) first.', name);
	END IF;
END;
$$;
COMMENT ON FUNCTION check_unused(space, text, text) IS
'Raises an error where another definition uses this one (2BP01), or where it cannot go (55006).';
REVOKE ALL ON FUNCTION check_unused(space, text, text) FROM PUBLIC;

CREATE FUNCTION drop_definition(kind text, name text, space text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	is_house boolean := kind = 'policy' AND coalesce(space, current_setting('persona.space', true)) = 'house';
	home @extschema@.space := CASE WHEN is_house THEN NULL ELSE @extschema@.resolve_space(space) END;
	was @extschema@.moment;
BEGIN
	IF is_house THEN
		home.space := 'house';
		PERFORM @extschema@.check_house();
	END IF;
	PERFORM @extschema@.known_definition(home, kind, name);
	PERFORM @extschema@.check_unused(home, kind, name);
	IF kind = 'variant' THEN
		was := @extschema@.find_moment(home, split_part(name, '/', 1));
	ELSIF kind = 'segment' THEN
		PERFORM @extschema@.drop_view(home, 'segment_' || name);
	ELSIF kind = 'moment' THEN
		PERFORM @extschema@.drop_view(home, 'moment_' || name || '_reads');
		DELETE FROM @extschema@.variant v WHERE v.space = home.space AND v.moment = name;
	END IF;
	EXECUTE format('DELETE FROM @extschema@.%I WHERE space = $1 AND %s = $2', kind, @extschema@.definition_name(kind)) USING home.space, name;
	IF kind = 'variant' THEN
		UPDATE @extschema@.moment m SET version = m.version + 1 WHERE m.space = home.space AND m.moment = was.moment;
		PERFORM @extschema@.settle_moment(home, was.moment, was.state = 'live', was.variable = 'timing');
	END IF;
END;
$$;
COMMENT ON FUNCTION drop_definition(text, text, text) IS
'Removes a segment, moment, variant (moment/variant), experiment, goal, breakdown, event, facet, attribute, channel, purpose, policy (channel/purpose, or the one it is for, or nothing), category or phrase from a space, a policy also from the house, or says what still uses it (2BP01). Its versions stay in definition_log.';
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
SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET IntervalStyle = 'iso_8601' SET extra_float_digits = 1 SET quote_all_identifiers = off
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
