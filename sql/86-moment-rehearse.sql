/*
 * rehearse(): made-up subjects on the real stage
 *
 * A script is read step by step. Between two steps the clock goes from one
 * instant at which something is due to the next, and at each the subjects are
 * run for. All of it happens in a subtransaction that is rolled back.
 */

/* The script */

CREATE FUNCTION enter_step(step int) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_enter_step';
COMMENT ON FUNCTION enter_step(int) IS 'From here on an error of the rehearsal is that step''s, and says so; 0: no step''s.';
REVOKE ALL ON FUNCTION enter_step(int) FROM PUBLIC;

CREATE FUNCTION check_keys(what text, body jsonb, known text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	strange text := (SELECT k FROM jsonb_object_keys(body) k WHERE k <> ALL (known) LIMIT 1);
BEGIN
	IF strange IS NOT NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%s has no "%s"', what, left(strange, 80)),
			HINT = @extschema@.ask(strange, known, format('It may have %s.', array_to_string(known, ', ')));
	END IF;
END;
$$;
COMMENT ON FUNCTION check_keys(text, jsonb, text[]) IS
'An error about the first key of an object that is none of those known, with the nearest one (22023).';
REVOKE ALL ON FUNCTION check_keys(text, jsonb, text[]) FROM PUBLIC;

CREATE FUNCTION check_script(script jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	whole jsonb := CASE jsonb_typeof(script) WHEN 'array' THEN jsonb_build_object('steps', script) ELSE script END;
BEGIN
	IF script IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'rehearse() needs a script';
	ELSIF jsonb_typeof(whole) <> 'object' OR jsonb_typeof(whole->'steps') IS DISTINCT FROM 'array' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'a script is an array of steps, or an object that has one',
			HINT = 'Such as [{"do": "insert", "subject": "ann", "row": {"name": "Ann"}}].';
	ELSIF jsonb_array_length(whole->'steps') > 10000 THEN
		RAISE program_limit_exceeded USING
			MESSAGE = format('a script of %s steps is too long', jsonb_array_length(whole->'steps')),
			HINT = 'It may have 10,000.';
	END IF;
	PERFORM @extschema@.check_keys('a script', whole, '{start,for,every,foreign_triggers,steps}');
	IF coalesce(jsonb_typeof(whole->'foreign_triggers'), 'boolean') <> 'boolean' THEN
		RAISE invalid_parameter_value USING MESSAGE = 'foreign_triggers is true or false';
	ELSIF 'string' <> ANY (SELECT jsonb_typeof(e.value) FROM jsonb_each(whole) e WHERE e.key IN ('start', 'for', 'every') AND e.value <> 'null') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'start, for and every are texts',
			HINT = 'Such as "2030-03-02 09:00+00", "7 days" and "15 minutes".';
	ELSIF (whole->>'every')::interval NOT BETWEEN '1 minute' AND '1 day' OR (whole->>'for')::interval < '0' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'a script looks every so often, for so long',
			HINT = '"every" is an interval from 1 minute to 1 day, "for" one from 0 on.';
	END IF;
	RETURN whole;
END;
$$;
COMMENT ON FUNCTION check_script(jsonb) IS
'A script as an object with its steps, or an error about its form (22004, 22023; 54000 for more than 10,000 steps).';
REVOKE ALL ON FUNCTION check_script(jsonb) FROM PUBLIC;

CREATE FUNCTION check_step(body jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	verbs text[] := ARRAY['insert', 'update', 'delete', 'grant', 'withdraw', 'prefer', 'suppress', 'unsuppress', 'decide', 'wait'];
	known text[];
	wrong text;
BEGIN
	IF jsonb_typeof(body) <> 'object' OR body->>'do' IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'a step is an object that says what to "do"',
			HINT = format('That is one of %s.', array_to_string(verbs, ', '));
	END IF;
	known := (CASE
		WHEN body->>'do' IN ('insert', 'update') THEN '{do,at,after,subject,into,as,row}'
		WHEN body->>'do' = 'delete' THEN '{do,at,after,subject,into,as}'
		WHEN body->>'do' IN ('grant', 'withdraw') THEN '{do,at,after,subject,purpose,channel}'
		WHEN body->>'do' = 'prefer' THEN '{do,at,after,subject,category,allowed}'
		WHEN body->>'do' = 'suppress' THEN '{do,at,after,subject,channel,reason}'
		WHEN body->>'do' = 'unsuppress' THEN '{do,at,after,subject,channel}'
		WHEN body->>'do' = 'decide' THEN '{do,at,after,subject,moment,context}'
		WHEN body->>'do' = 'wait' THEN '{do,at,after}' END)::text[];
	IF known IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a step cannot do "%s"', left(body->>'do', 80)),
			HINT = @extschema@.ask(body->>'do', verbs, format('It is one of %s.', array_to_string(verbs, ', ')));
	END IF;
	PERFORM @extschema@.check_keys(format('%s', body->>'do'), body, known);
	wrong := (SELECT e.key FROM jsonb_each(body) e
		WHERE jsonb_typeof(e.value) NOT IN ('null', CASE e.key WHEN 'row' THEN 'object' WHEN 'context' THEN 'object' WHEN 'allowed' THEN 'boolean' ELSE 'string' END)
		LIMIT 1);
	IF wrong IS NOT NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('"%s" is of the wrong type', wrong),
			HINT = 'row and context are objects, allowed is true or false, all others are texts.';
	ELSIF body->>'at' IS NOT NULL AND body->>'after' IS NOT NULL THEN
		RAISE invalid_parameter_value USING MESSAGE = 'it is either at an instant or after an interval';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_step(jsonb) IS 'An error about the form of a step (22023).';
REVOKE ALL ON FUNCTION check_step(jsonb) FROM PUBLIC;

CREATE FUNCTION script_instant(before timestamptz, at text, after text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	instant timestamptz := coalesce(at::timestamptz, before + coalesce(after::interval, '0'));
BEGIN
	IF instant < before OR NOT isfinite(instant) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a script cannot go from %s to %s', before, instant),
			HINT = 'Its steps stand in the order of time.';
	END IF;
	RETURN instant;
END;
$$;
COMMENT ON FUNCTION script_instant(timestamptz, text, text) IS
'The instant that a text names, or that an interval leads to from another one; never back (22023).';
REVOKE ALL ON FUNCTION script_instant(timestamptz, text, text) FROM PUBLIC;

CREATE FUNCTION script_steps(script jsonb) RETURNS TABLE (step int, at timestamptz, body jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	step := 0;
	at := @extschema@.script_instant('-infinity', coalesce(script->>'start', script->'steps'->0->>'at', @extschema@.now()::text), NULL);
	FOR body IN SELECT s.value FROM jsonb_array_elements(script->'steps') WITH ORDINALITY s(value, ord) ORDER BY s.ord LOOP
		step := step + 1;
		PERFORM @extschema@.enter_step(step);
		PERFORM @extschema@.check_step(body);
		at := @extschema@.script_instant(at, body->>'at', body->>'after');
		RETURN NEXT;
	END LOOP;
	PERFORM @extschema@.enter_step(0);
END;
$$;
COMMENT ON FUNCTION script_steps(jsonb) IS 'The steps of a script with their number and instant, or an error that names the step.';
REVOKE ALL ON FUNCTION script_steps(jsonb) FROM PUBLIC;

/* Where its rows go */

CREATE FUNCTION note(name text, note jsonb) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_note';
COMMENT ON FUNCTION note(text, jsonb) IS 'Remembers something for the rest of a rehearsal, by a name; NULL forgets it.';
REVOKE ALL ON FUNCTION note(text, jsonb) FROM PUBLIC;

CREATE FUNCTION noted(name text) RETURNS jsonb
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_noted';
COMMENT ON FUNCTION noted(text) IS 'What note() remembers by that name, or NULL.';
REVOKE ALL ON FUNCTION noted(text) FROM PUBLIC;

/*
 * No sequence comes here for a long time. They come of the script: a variant, a
 * holdout and a share go by the key, and are to be the same each time that the
 * script is played. Two that play it at once wait for each other.
 */
CREATE FUNCTION far_numbers(relation regclass, id text[], base float8) RETURNS jsonb
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce(jsonb_object_agg(a.attname, CASE @extschema@.base_type(relation, a.attname)
		WHEN 'int2'::regtype THEN 22000 + floor(base * 700)::bigint
		WHEN 'int4'::regtype THEN 2000000000 + floor(base * 147000000)::bigint
		ELSE 9000000000000000000 + floor(base * 200000000000000000)::bigint END), '{}')
	FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
		AND (a.attidentity <> '' OR a.attgenerated = '' AND pg_get_expr(d.adbin, d.adrelid) ~ '\mnextval\('
			OR d.oid IS NULL AND ARRAY[a.attname::text] = id AND @extschema@.base_type(relation, a.attname) IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype));
END;
COMMENT ON FUNCTION far_numbers(regclass, text[], float8) IS
'Of the columns whose default is drawn from a sequence, and of an integer that alone identifies a row and has no default, the number that a rehearsal begins to count at: base (0 to 1) of the end of the type''s range.';
REVOKE ALL ON FUNCTION far_numbers(regclass, text[], float8) FROM PUBLIC;

CREATE TYPE stage AS (name text, relation regclass, subject text, at text, is_utc boolean, id text[], columns text[], numbers jsonb);
COMMENT ON TYPE stage IS
'A table that a script writes to: the subjects (name is NULL), an event or a facet; the columns that hold the subject, the time (is_utc: without a zone) and the row''s identity; all columns; far_numbers().';

CREATE FUNCTION make_stage(home space, source text, base float8) RETURNS stage
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	stages @extschema@.stage[] := ARRAY(
		SELECT (NULL, home.subjects, NULL, NULL, NULL, ARRAY[home.key], NULL, NULL)::@extschema@.stage
		UNION ALL SELECT (e.event, e.relation, e.subject, e.at, NULL, e.id, NULL, NULL)::@extschema@.stage FROM @extschema@.event e WHERE e.space = home.space
		UNION ALL SELECT (f.facet, f.relation, NULL, NULL, NULL, ARRAY[f.key], NULL, NULL)::@extschema@.stage FROM @extschema@.facet f WHERE f.space = home.space);
	stage @extschema@.stage;
BEGIN
	PERFORM @extschema@.must_exist(home, 'event or facet', source, ARRAY(SELECT s.name FROM unnest(stages) s WHERE s.name IS NOT NULL),
		'A row goes into an event or a facet; without "into" it is the subject''s own.');
	stage := (SELECT s FROM unnest(stages) s WHERE s.name IS NOT DISTINCT FROM source);
	IF (SELECT c.relkind NOT IN ('r', 'p') FROM pg_class c WHERE c.oid = stage.relation) THEN
		RAISE wrong_object_type USING
			MESSAGE = format('%s is no table', stage.relation),
			DETAIL = 'What is written through a view or to a foreign table may fire triggers, draw numbers and reach places that a rehearsal does not know of.',
			HINT = 'Write into the event or facet whose table it shows: what comes to be seen in it is polled.';
	END IF;
	stage.is_utc := @extschema@.base_type(stage.relation, stage.at) <> 'timestamptz'::regtype;
	stage.columns := @extschema@.columns_of(stage.relation);
	stage.numbers := @extschema@.far_numbers(stage.relation, stage.id, base);
	RETURN stage;
END;
$$;
COMMENT ON FUNCTION make_stage(space, text, float8) IS
'The table of an event or a facet, of the subjects for NULL, or an error with the nearest name (42704), or about what is no table (42809); base: as for far_numbers().';
REVOKE ALL ON FUNCTION make_stage(space, text, float8) FROM PUBLIC;

CREATE FUNCTION find_stage(home space, source text, base float8) RETURNS stage
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place text := 'stage ' || quote_nullable(source);
	known jsonb := @extschema@.noted(place);
BEGIN
	IF known IS NULL THEN
		known := to_jsonb(@extschema@.make_stage(home, source, base));
		PERFORM @extschema@.note(place, known);
	END IF;
	RETURN jsonb_populate_record(NULL::@extschema@.stage, known);
END;
$$;
COMMENT ON FUNCTION find_stage(space, text, float8) IS 'make_stage(), once a script.';
REVOKE ALL ON FUNCTION find_stage(space, text, float8) FROM PUBLIC;

CREATE FUNCTION foreign_triggers(relations regclass[], verbs text[]) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH written AS (
		SELECT w.relation, w.verb FROM unnest(relations, verbs) w(relation, verb)
		UNION SELECT p.relid, w.verb FROM unnest(relations, verbs) w(relation, verb) CROSS JOIN LATERAL pg_partition_tree(w.relation) p
	)
	SELECT array_agg(f.name ORDER BY f.name) FROM (
		SELECT format('%s on %s', quote_ident(t.tgname), t.tgrelid::regclass)
		FROM written w JOIN pg_trigger t ON t.tgrelid = w.relation JOIN pg_proc p ON p.oid = t.tgfoid
		WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND p.pronamespace <> '@extschema@'::regnamespace
			AND t.tgtype & CASE w.verb WHEN 'insert' THEN 4 WHEN 'delete' THEN 8 ELSE 16 END > 0
		UNION
		SELECT format('%s on %s', quote_ident(r.rulename), r.ev_class::regclass)
		FROM written w JOIN pg_rewrite r ON r.ev_class = w.relation
		WHERE r.ev_enabled <> 'D' AND r.ev_type = CASE w.verb WHEN 'insert' THEN '3' WHEN 'delete' THEN '4' ELSE '2' END
	) f(name);
END;
COMMENT ON FUNCTION foreign_triggers(regclass[], text[]) IS
'The triggers and rules that are not persona''s and fire on these verbs (insert, update, delete) of these tables and their partitions; NULL where there are none.';
REVOKE ALL ON FUNCTION foreign_triggers(regclass[], text[]) FROM PUBLIC;

CREATE FUNCTION check_triggers(home space, script jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	triggers text[] := (
		SELECT @extschema@.foreign_triggers(array_agg(w.relation), array_agg(w.verb))
		FROM (
			SELECT DISTINCT s.body->>'into' AS source, s.body->>'do' AS verb
			FROM @extschema@.script_steps(script) s WHERE s.body->>'do' IN ('insert', 'update', 'delete')
		) d CROSS JOIN LATERAL (
			SELECT home.subjects, d.verb WHERE d.source IS NULL
			UNION ALL SELECT e.relation, d.verb FROM @extschema@.event e WHERE e.space = home.space AND e.event = d.source
			UNION ALL SELECT f.relation, d.verb FROM @extschema@.facet f WHERE f.space = home.space AND f.facet = d.source
		) w(relation, verb));
BEGIN
	IF triggers IS NULL THEN
		RETURN;
	ELSIF coalesce((script->>'foreign_triggers')::boolean, false) THEN
		RAISE WARNING USING
			MESSAGE = format('these triggers fire in the rehearsal: %s', array_to_string(triggers, ', ')),
			DETAIL = 'What they do outside of this database, and what they draw from sequences, is not rolled back.';
	ELSE
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('the rehearsal would fire triggers of your own: %s', array_to_string(triggers, ', ')),
			DETAIL = 'What they do outside of this database (pg_net, dblink), and what they draw from sequences, is not rolled back.',
			HINT = 'Look at them. If they may fire, the script says so: "foreign_triggers": true.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_triggers(space, jsonb) IS
'An error that lists the foreign triggers of the tables a script writes to (55000), or a warning where the script lets them fire.';
REVOKE ALL ON FUNCTION check_triggers(space, jsonb) FROM PUBLIC;

/* A row */

CREATE FUNCTION row_to_write(stage stage, given jsonb, subject text, at timestamptz, n int) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	RETURN coalesce((SELECT jsonb_object_agg(f.key, f.value::bigint + n) FROM jsonb_each_text(stage.numbers) f), '{}')
		|| CASE WHEN stage.subject IS NULL THEN '{}' ELSE jsonb_build_object(stage.subject, subject) END
		|| CASE WHEN stage.at IS NULL THEN '{}' ELSE jsonb_build_object(stage.at,
			CASE WHEN stage.is_utc THEN (at AT TIME ZONE 'UTC')::text ELSE at::text END) END
		|| coalesce(given, '{}');
END;
$$;
COMMENT ON FUNCTION row_to_write(stage, jsonb, text, timestamptz, int) IS
'The row of a step with what it leaves open: whose it is, when it happened, and far numbers in place of a sequence''s.';
REVOKE ALL ON FUNCTION row_to_write(stage, jsonb, text, timestamptz, int) FROM PUBLIC;

CREATE FUNCTION check_row(stage stage, given jsonb, is_new boolean) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	strange text := (SELECT k FROM jsonb_object_keys(given) k WHERE k <> ALL (stage.columns) LIMIT 1);
BEGIN
	IF strange IS NOT NULL THEN
		PERFORM @extschema@.refuse_column(stage.relation, strange, stage.columns);
	ELSIF given ? stage.subject OR NOT is_new AND stage.name IS NULL AND given ? stage.id[1] THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('column "%s" of %s says whose the row is', coalesce(stage.subject, stage.id[1]), stage.relation),
			HINT = 'That is the step''s "subject".';
	ELSIF NOT is_new AND coalesce(given, '{}') = '{}' THEN
		RAISE invalid_parameter_value USING MESSAGE = 'nothing is to be updated', HINT = 'Give it a "row" with the new values.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_row(stage, jsonb, boolean) IS
'An error where a row has a column that there is not (42703), or would be somebody else''s (22023).';
REVOKE ALL ON FUNCTION check_row(stage, jsonb, boolean) FROM PUBLIC;

CREATE FUNCTION write_statement(verb text, stage stage, columns text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	RETURN (SELECT CASE verb
		WHEN 'insert' THEN CASE WHEN cardinality(columns) = 0 THEN format('INSERT INTO %s AS t DEFAULT VALUES RETURNING %s', stage.relation, k.key)
			ELSE format('INSERT INTO %1$s AS t (%2$s) OVERRIDING SYSTEM VALUE SELECT %3$s FROM pg_catalog.jsonb_populate_record(NULL::%1$s, $1) r RETURNING %4$s',
				stage.relation, c.names, c.values, k.key) END
		WHEN 'update' THEN format('UPDATE %1$s t SET %2$s FROM pg_catalog.jsonb_populate_record(NULL::%1$s, $1) r, pg_catalog.jsonb_populate_record(NULL::%1$s, $2) o WHERE %3$s RETURNING %4$s',
			stage.relation, c.changes, k.same, k.key)
		WHEN 'delete' THEN format('DELETE FROM %1$s t USING pg_catalog.jsonb_populate_record(NULL::%1$s, $2) o WHERE %2$s RETURNING %3$s',
			stage.relation, k.same, k.key) END
	FROM (SELECT string_agg(quote_ident(u), ', ') AS names, string_agg('r.' || quote_ident(u), ', ') AS values,
			string_agg(format('%1$I = r.%1$I', u), ', ') AS changes FROM unnest(columns) u) c,
		(SELECT string_agg(format('t.%1$I = o.%1$I', u), ' AND ') AS same,
			format('pg_catalog.jsonb_build_object(%s) AS key', string_agg(format('%1$L, t.%1$I', u), ', ')) AS key FROM unnest(stage.id) u) k);
END;
$$;
COMMENT ON FUNCTION write_statement(text, stage, text[]) IS
'The statement that writes one row, from $1 jsonb, or the one whose key is $2 jsonb, through the columns'' own types; it returns the row''s key.';
REVOKE ALL ON FUNCTION write_statement(text, stage, text[]) FROM PUBLIC;

/* Only within a rehearsal, which C makes sure of */

CREATE FUNCTION set_stage_clock(at timestamptz) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_set_stage_clock';
COMMENT ON FUNCTION set_stage_clock(timestamptz) IS 'Moves the clock of a rehearsal, whoever rehearses.';
REVOKE ALL ON FUNCTION set_stage_clock(timestamptz) FROM PUBLIC;

CREATE FUNCTION write_as_owner(statement text, new_row jsonb, old_key jsonb, space text) RETURNS jsonb
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_write_as_owner';
COMMENT ON FUNCTION write_as_owner(text, jsonb, jsonb, text) IS
'Executes a statement of write_statement() as the space''s owner and returns the row''s key; NULL where it wrote none.';
REVOKE ALL ON FUNCTION write_as_owner(text, jsonb, jsonb, text) FROM PUBLIC;

/* Who is on the stage, and the rows of theirs that a later step may mean. */

CREATE FUNCTION enter_stage(name text, subject text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_enter_stage';
COMMENT ON FUNCTION enter_stage(text, text) IS 'A made-up subject comes in, by its name in the script and its key.';
REVOKE ALL ON FUNCTION enter_stage(text, text) FROM PUBLIC;

CREATE FUNCTION call_on_stage(name text) RETURNS text
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_call_on_stage';
COMMENT ON FUNCTION call_on_stage(text) IS 'The key of a made-up subject, which is then run for at this instant; NULL where there is none of that name.';
REVOKE ALL ON FUNCTION call_on_stage(text) FROM PUBLIC;

CREATE FUNCTION names_on_stage() RETURNS text[]
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_names_on_stage';
COMMENT ON FUNCTION names_on_stage() IS 'All made-up subjects so far, by name.';
REVOKE ALL ON FUNCTION names_on_stage() FROM PUBLIC;

CREATE FUNCTION call_up(everybody boolean, space text) RETURNS SETOF text
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_call_up';
COMMENT ON FUNCTION call_up(boolean, text) IS
'Whom to run for at this instant: who has done something, has something due, or has had a scheduled time come; with everybody also those who are in a segment by now.';
REVOKE ALL ON FUNCTION call_up(boolean, text) FROM PUBLIC;

CREATE FUNCTION run_on_stage(name text, space text) RETURNS TABLE (part text, moment text, reason text, n bigint)
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_run_on_stage';
COMMENT ON FUNCTION run_on_stage(text, text) IS
'What run() does at one instant, for one subject; what was counted on the way in (start) and at the gates (decide).';
REVOKE ALL ON FUNCTION run_on_stage(text, text) FROM PUBLIC;

CREATE FUNCTION next_on_stage() RETURNS timestamptz
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'persona_next_on_stage';
COMMENT ON FUNCTION next_on_stage() IS 'The next instant at which something is due for anybody; NULL where nothing is.';
REVOKE ALL ON FUNCTION next_on_stage() FROM PUBLIC;

/* The play */

CREATE FUNCTION cast_of(state jsonb, body jsonb, is_new boolean) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := coalesce(body->>'subject', CASE WHEN NOT is_new THEN state->>'who' END);
	is_there boolean := @extschema@.call_on_stage(name) IS NOT NULL;
BEGIN
	IF name IS NULL OR is_new AND name = '' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'whose step is it?',
			HINT = 'Give it a "subject": a name of your own for a made-up customer. Later steps without one are the last one''s.';
	ELSIF is_new AND is_there THEN
		RAISE duplicate_object USING
			MESSAGE = format('subject "%s" is there already', left(name, 80)),
			HINT = 'Give the other one another name, or put the row "into" an event.';
	ELSIF NOT is_new AND NOT is_there THEN
		RAISE undefined_object USING
			MESSAGE = format('there is no subject "%s" in this script yet', left(name, 80)),
			HINT = @extschema@.ask(name, @extschema@.names_on_stage(), 'A subject comes in by a step {"do": "insert", "subject": "ann", "row": {...}}; those of the tables are left alone.');
	END IF;
	RETURN name;
END;
$$;
COMMENT ON FUNCTION cast_of(jsonb, jsonb, boolean) IS
'Whose step it is, by its name in the script, or an error: who is new must not be there yet (42710), all others must (42704).';
REVOKE ALL ON FUNCTION cast_of(jsonb, jsonb, boolean) FROM PUBLIC;

CREATE FUNCTION play_row(home space, at timestamptz, body jsonb, state jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	stage @extschema@.stage := @extschema@.find_stage(home, body->>'into', (state->>'base')::float8);
	is_new boolean := body->>'do' = 'insert';
	who text := @extschema@.cast_of(state, body, is_new AND stage.name IS NULL);
	place text := jsonb_build_array(who, coalesce(body->>'as', stage.name))::text;
	was jsonb := @extschema@.noted(place);
	new_row jsonb := nullif(body->'row', 'null');
	key jsonb;
BEGIN
	IF NOT is_new AND (was IS NULL OR stage.id = '{}') THEN
		RAISE undefined_object USING
			MESSAGE = format('there is no such row of subject "%s" in this script', left(who, 80)),
			HINT = 'Only rows that an earlier step has inserted are updated and deleted, by their "as" or as the last one in "into"; the table needs a key.';
	ELSIF body->>'do' <> 'delete' THEN
		PERFORM @extschema@.check_row(stage, new_row, is_new);
	END IF;
	IF is_new THEN
		new_row := @extschema@.row_to_write(stage, new_row, @extschema@.call_on_stage(who), at, (state->>'n')::int);
	END IF;
	key := @extschema@.write_as_owner(@extschema@.write_statement(body->>'do', stage, ARRAY(SELECT jsonb_object_keys(new_row))), new_row, was, home.space);
	IF key IS NULL THEN
		RAISE triggered_action_exception USING
			MESSAGE = format('nothing was written to %s', stage.relation),
			HINT = 'A trigger or a rule kept it from that, or had removed the row before.';
	END IF;
	IF is_new AND stage.name IS NULL THEN
		PERFORM @extschema@.enter_stage(who, @extschema@.subject_key(home, key->>home.key));
	END IF;
	PERFORM @extschema@.note(place, CASE WHEN body->>'do' <> 'delete' THEN key END);
	RETURN state || jsonb_build_object('who', who, 'n', (state->>'n')::int + 1);
END;
$$;
COMMENT ON FUNCTION play_row(space, timestamptz, jsonb, jsonb) IS
'Writes the row of a step; returns the state after it.';
REVOKE ALL ON FUNCTION play_row(space, timestamptz, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION play_word(home space, body jsonb, subject text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	CASE body->>'do'
		WHEN 'grant' THEN PERFORM @extschema@.grant_consent(subject, body->>'purpose', body->>'channel', 'rehearsal', space => home.space);
		WHEN 'withdraw' THEN PERFORM @extschema@.withdraw_consent(subject, body->>'purpose', body->>'channel', 'rehearsal', space => home.space);
		WHEN 'prefer' THEN PERFORM @extschema@.set_preference(subject, body->>'category', (body->>'allowed')::boolean, home.space);
		WHEN 'suppress' THEN PERFORM @extschema@.suppress(subject, body->>'channel', coalesce(body->>'reason', 'rehearsal'), home.space);
		WHEN 'unsuppress' THEN PERFORM @extschema@.unsuppress(subject, body->>'channel', home.space);
	END CASE;
END;
$$;
COMMENT ON FUNCTION play_word(space, jsonb, text) IS 'What a step has a subject say: consent, preference, suppression.';
REVOKE ALL ON FUNCTION play_word(space, jsonb, text) FROM PUBLIC;

CREATE FUNCTION play_step(home space, at timestamptz, body jsonb, state jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	who text;
BEGIN
	IF body->>'do' IN ('insert', 'update', 'delete') THEN
		RETURN @extschema@.play_row(home, at, body, state);
	ELSIF body->>'do' = 'wait' THEN
		RETURN state;
	END IF;
	who := @extschema@.cast_of(state, body, false);
	IF body->>'do' <> 'decide' THEN
		PERFORM @extschema@.play_word(home, body, @extschema@.call_on_stage(who));
	END IF;
	RETURN state || jsonb_build_object('who', who);
END;
$$;
COMMENT ON FUNCTION play_step(space, timestamptz, jsonb, jsonb) IS
'Does what a step says, but for decide, which answers; returns the state: whose turn it is (who), and how many rows there are (n).';
REVOKE ALL ON FUNCTION play_step(space, timestamptz, jsonb, jsonb) FROM PUBLIC;

CREATE TYPE rehearsed AS (at timestamptz, subject text, moment text, outcome text, reason text, variant text, channel text,
	address text, subject_line text, body text, due timestamptz);
COMMENT ON TYPE rehearsed IS 'What a rehearsal tells of one subject at one instant.';

CREATE FUNCTION rehearsed_decisions(home space, who text, subject text, at timestamptz) RETURNS SETOF rehearsed
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT * FROM @extschema@.read_as_owner(NULL::@extschema@.rehearsed, home.space, format('SELECT d.at, $1, d.moment, d.outcome, d.reason, d.variant, d.channel, m.address, m.subject_line, m.body, d.due
		FROM %1$I.decision d LEFT JOIN %1$I.message m ON m.subject = d.subject AND m.message = d.decision
		WHERE d.subject = $2::%2$s AND d.at = $3 AND d.event IS DISTINCT FROM ''request'' ORDER BY d.due, d.moment, d.decision',
		home.schema_name, home.key_type), who, subject, at);
END;
$$;
COMMENT ON FUNCTION rehearsed_decisions(space, text, text, timestamptz) IS 'What was decided for a subject at an instant, with the messages.';
REVOKE ALL ON FUNCTION rehearsed_decisions(space, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION rehearsed_waits(home space, who text, subject text, at timestamptz, outcome text, moment text DEFAULT NULL) RETURNS SETOF rehearsed
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT * FROM @extschema@.read_as_owner(NULL::@extschema@.rehearsed, home.space, format('SELECT $1, $2, q.moment, $3, NULL, NULL, NULL, NULL, NULL, NULL, q.due
		FROM %I.schedule q WHERE q.subject = $4::%s AND (q.moment = $5 AND q.due > $1 AND q.due > q.first_due OR $5 IS NULL) IS TRUE ORDER BY q.due, q.moment',
		home.schema_name, home.key_type), at, who, outcome, subject, moment);
END;
$$;
COMMENT ON FUNCTION rehearsed_waits(space, text, text, timestamptz, text, text) IS
'What is scheduled for a subject: all of it, or of one moment what was put off.';
REVOKE ALL ON FUNCTION rehearsed_waits(space, text, text, timestamptz, text, text) FROM PUBLIC;

CREATE FUNCTION play_instant(home space, at timestamptz, everybody boolean) RETURNS SETOF rehearsed
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	who text;
	subject text;
	told record;
	decided boolean;
BEGIN
	PERFORM @extschema@.set_stage_clock(at);
	FOR who IN SELECT c FROM @extschema@.call_up(everybody, home.space) c ORDER BY 1 LOOP
		subject := @extschema@.call_on_stage(who);
		decided := false;
		FOR told IN SELECT * FROM @extschema@.run_on_stage(who, home.space) LOOP
			decided := decided OR told.part = 'decide';
			IF told.part = 'start' AND told.reason <> 'entered' THEN
				RETURN QUERY SELECT at, who, told.moment, 'no_start', told.reason, NULL, NULL, NULL, NULL, NULL, NULL::timestamptz
				FROM generate_series(1, told.n);
			ELSIF told.part = 'decide' AND told.reason = 'deferred' THEN
				RETURN QUERY SELECT * FROM @extschema@.rehearsed_waits(home, who, subject, at, 'defer', told.moment);
			ELSIF told.part = 'decide' AND starts_with(told.reason, 'failed') THEN
				RETURN NEXT (at, who, told.moment, 'failed', told.reason, NULL, NULL, NULL, NULL, NULL, NULL)::@extschema@.rehearsed;
			END IF;
		END LOOP;
		IF decided THEN
			RETURN QUERY SELECT * FROM @extschema@.rehearsed_decisions(home, who, subject, at);
		END IF;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION play_instant(space, timestamptz, boolean) IS
'A run at that instant for whoever call_up() says, by name, and what came of it.';
REVOKE ALL ON FUNCTION play_instant(space, timestamptz, boolean) FROM PUBLIC;

CREATE FUNCTION play_on(home space, at timestamptz, until timestamptz, every interval) RETURNS SETOF rehearsed
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	timed boolean := EXISTS (SELECT FROM @extschema@.moment m WHERE m.space = home.space AND m.state = 'live' AND (m.on_segment IS NOT NULL OR m.schedule IS NOT NULL));
	grid timestamptz;
BEGIN
	WHILE at < until LOOP
		grid := date_bin(every, at, '2000-01-01 00:00+00');
		RETURN QUERY SELECT * FROM @extschema@.play_instant(home, at, timed AND grid = at);
		at := least(@extschema@.next_on_stage(), CASE WHEN timed THEN grid + every END, until);
	END LOOP;
END;
$$;
COMMENT ON FUNCTION play_on(space, timestamptz, timestamptz, interval) IS
'Runs at one instant after another at which something is due, and before until; where a live moment starts by the mere passing of time also at each multiple of every.';
REVOKE ALL ON FUNCTION play_on(space, timestamptz, timestamptz, interval) FROM PUBLIC;

CREATE FUNCTION play_decide(home space, at timestamptz, body jsonb, state jsonb) RETURNS SETOF rehearsed
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT at, state->>'who', play_decide.body->>'moment', d.outcome, d.reason, d.variant, d.channel, NULL, d.subject_line, d.body, NULL::timestamptz
	FROM @extschema@.decide(@extschema@.call_on_stage(state->>'who'), play_decide.body->>'moment', nullif(play_decide.body->'context', 'null'), space => (home).space) d;
END;
COMMENT ON FUNCTION play_decide(space, timestamptz, jsonb, jsonb) IS 'What decide() answers to a step.';
REVOKE ALL ON FUNCTION play_decide(space, timestamptz, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION play_script(script jsonb, space text) RETURNS SETOF rehearsed
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	whole jsonb := @extschema@.check_script(script);
	every interval := coalesce((whole->>'every')::interval, '15 minutes');
	state jsonb := jsonb_build_object('n', 0, 'base', abs(hashtextextended(whole::text, 0)::float8) / 2::float8 ^ 63);
	instant timestamptz;
	finish timestamptz;
	step record;
BEGIN
	PERFORM @extschema@.check_triggers(home, whole);
	SET CONSTRAINTS ALL IMMEDIATE;
	FOR step IN SELECT * FROM @extschema@.script_steps(whole) LOOP
		RETURN QUERY SELECT * FROM @extschema@.play_on(home, instant, step.at, every);
		instant := step.at;
		PERFORM @extschema@.enter_step(step.step);
		PERFORM @extschema@.set_stage_clock(instant);
		state := @extschema@.play_step(home, instant, step.body, state);
		RETURN QUERY SELECT * FROM @extschema@.play_decide(home, instant, step.body, state) WHERE step.body->>'do' = 'decide';
		PERFORM @extschema@.enter_step(0);
	END LOOP;
	finish := instant + coalesce((whole->>'for')::interval, '7 days');
	RETURN QUERY SELECT * FROM @extschema@.play_on(home, instant, finish + '1 microsecond', every);
	RETURN QUERY SELECT w.* FROM unnest(@extschema@.names_on_stage()) p,
		@extschema@.rehearsed_waits(home, p, @extschema@.call_on_stage(p), finish, 'wait') w ORDER BY w.subject, w.due;
END;
$$;
COMMENT ON FUNCTION play_script(jsonb, text) IS 'rehearse() before anything is rolled back.';
REVOKE ALL ON FUNCTION play_script(jsonb, text) FROM PUBLIC;

CREATE FUNCTION rehearse(script jsonb, space text DEFAULT NULL)
RETURNS TABLE (at timestamptz, subject text, moment text, outcome text, reason text, variant text, channel text,
	address text, subject_line text, body text, due timestamptz)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_rehearse';
COMMENT ON FUNCTION rehearse(jsonb, text) IS
'Plays what happens to made-up subjects through the real triggers, constraints and gates with a moved clock, and rolls all of it back. A script is an array of steps, or an object with steps, start (the first step''s at, else now), for (7 days after the last step), every (15 minutes) and foreign_triggers (false). A step does insert, update, delete, grant, withdraw, prefer, suppress, unsuppress, decide or wait, at an instant or after an interval. outcome is send, holdout or skip as decided; no_start with the reason; defer or wait until due; failed. Errors name the step; foreign triggers that the script does not let fire are one (55000).';
REVOKE ALL ON FUNCTION rehearse(jsonb, text) FROM PUBLIC;
