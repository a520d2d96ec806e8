/* rule: conditions over one subject, and segments */

/*
 * A type of its own, to which no collation applies: a foreign server takes
 * calls whose only text is a constant rule. Its values are canonical texts,
 * so what compares texts in the C collation compares rules.
 */
CREATE TYPE rule;
CREATE FUNCTION rule_in(cstring) RETURNS rule
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_rule_in';
CREATE FUNCTION rule_out(rule) RETURNS cstring
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
CREATE FUNCTION rule_recv(internal) RETURNS rule
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_rule_recv';
CREATE FUNCTION rule_send(rule) RETURNS bytea
LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'textsend';
CREATE TYPE rule (
	INPUT = rule_in,
	OUTPUT = rule_out,
	RECEIVE = rule_recv,
	SEND = rule_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended
);
COMMENT ON TYPE rule IS
'A condition in SQL over one subject, checked at input: 42601 for what is no SQL, 0A000 for what is no rule, 54000 beyond 64 kB, 2,000 nodes or 100 levels. Comes out in its canonical text.';

CREATE FUNCTION rule_and(rule, rule) RETURNS rule
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_rule_and';
CREATE FUNCTION rule_or(rule, rule) RETURNS rule
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_rule_or';
CREATE FUNCTION rule_not(rule) RETURNS rule
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_rule_not';
CREATE OPERATOR & (LEFTARG = rule, RIGHTARG = rule, FUNCTION = rule_and, COMMUTATOR = &);
CREATE OPERATOR | (LEFTARG = rule, RIGHTARG = rule, FUNCTION = rule_or, COMMUTATOR = |);
CREATE OPERATOR ! (RIGHTARG = rule, FUNCTION = rule_not);

CREATE FUNCTION rule_eq(rule, rule) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteaeq';
CREATE FUNCTION rule_ne(rule, rule) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteane';
CREATE FUNCTION rule_lt(rule, rule) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bytealt';
CREATE FUNCTION rule_le(rule, rule) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteale';
CREATE FUNCTION rule_gt(rule, rule) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteagt';
CREATE FUNCTION rule_ge(rule, rule) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteage';
CREATE FUNCTION rule_cmp(rule, rule) RETURNS int
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteacmp';
CREATE FUNCTION rule_hash(rule) RETURNS int
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'hashvarlena';
CREATE OPERATOR = (LEFTARG = rule, RIGHTARG = rule, FUNCTION = rule_eq, COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE OPERATOR <> (LEFTARG = rule, RIGHTARG = rule, FUNCTION = rule_ne, COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR < (LEFTARG = rule, RIGHTARG = rule, FUNCTION = rule_lt, COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR <= (LEFTARG = rule, RIGHTARG = rule, FUNCTION = rule_le, COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
CREATE OPERATOR > (LEFTARG = rule, RIGHTARG = rule, FUNCTION = rule_gt, COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
CREATE OPERATOR >= (LEFTARG = rule, RIGHTARG = rule, FUNCTION = rule_ge, COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel);
CREATE OPERATOR CLASS rule_ops DEFAULT FOR TYPE rule USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 1 rule_cmp(rule, rule);
CREATE OPERATOR CLASS rule_ops DEFAULT FOR TYPE rule USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 rule_hash(rule);

CREATE FUNCTION ago(at timestamptz) RETURNS interval
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_ago';
COMMENT ON FUNCTION ago(timestamptz) IS
'How long before persona.now() it was, in days and time; NULL for an infinite time.';
CREATE FUNCTION ago(at timestamp) RETURNS interval
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN @extschema@.ago(at AT TIME ZONE 'UTC');
COMMENT ON FUNCTION ago(timestamp) IS 'The same for a time without zone, read as UTC.';
CREATE FUNCTION ago(at date) RETURNS interval
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN @extschema@.ago(at::timestamp);
COMMENT ON FUNCTION ago(date) IS 'The same for a day, from its midnight in UTC.';

/* The first and the last row of a group, by time and then by key. */
CREATE FUNCTION first_step(state internal, value anyelement, at timestamptz, VARIADIC keys "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_first_step';
CREATE FUNCTION last_step(state internal, value anyelement, at timestamptz, VARIADIC keys "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_last_step';
CREATE FUNCTION nearest_final(state internal, value anyelement, at timestamptz, VARIADIC keys "any") RETURNS anyelement
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_nearest_final';
CREATE FUNCTION nearest_combine(a internal, b internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_nearest_combine';
CREATE FUNCTION nearest_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_nearest_serialize';
CREATE FUNCTION nearest_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_nearest_deserialize';
COMMENT ON FUNCTION first_step(internal, anyelement, timestamptz, "any") IS 'Of first_by().';
COMMENT ON FUNCTION last_step(internal, anyelement, timestamptz, "any") IS 'Of last_by().';
COMMENT ON FUNCTION nearest_final(internal, anyelement, timestamptz, "any") IS 'Of first_by() and last_by().';
COMMENT ON FUNCTION nearest_combine(internal, internal) IS 'Of first_by() and last_by().';
COMMENT ON FUNCTION nearest_serialize(internal) IS 'Of first_by() and last_by().';
COMMENT ON FUNCTION nearest_deserialize(bytea, internal) IS 'Of first_by() and last_by().';
CREATE AGGREGATE first_by(value anyelement, at timestamptz, VARIADIC keys "any") (
	SFUNC = first_step, STYPE = internal, SSPACE = 256, FINALFUNC = nearest_final, FINALFUNC_EXTRA,
	COMBINEFUNC = nearest_combine, SERIALFUNC = nearest_serialize, DESERIALFUNC = nearest_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE first_by(anyelement, timestamptz, "any") IS
'The value of the earliest row; of several at one time the one with the lowest keys, of which there may be 16, texts compared by their bytes. Rows without a time are left out; NULL where there is none.';
CREATE AGGREGATE last_by(value anyelement, at timestamptz, VARIADIC keys "any") (
	SFUNC = last_step, STYPE = internal, SSPACE = 256, FINALFUNC = nearest_final, FINALFUNC_EXTRA,
	COMBINEFUNC = nearest_combine, SERIALFUNC = nearest_serialize, DESERIALFUNC = nearest_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE last_by(anyelement, timestamptz, "any") IS
'The value of the latest row; of several at one time the one with the highest keys, as first_by().';

CREATE FUNCTION before(ago interval) RETURNS timestamptz
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_before';
COMMENT ON FUNCTION before(interval) IS
'The instant that long before persona.now(), by the interval''s length as it compares: a month is 30 days, a day 24 hours. Where that is beyond all time, infinity. For every finite t: ago(t) < x is t > before(x).';

CREATE FUNCTION rule_sql(rule rule, space text DEFAULT NULL) RETURNS text
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'persona_rule_sql';
COMMENT ON FUNCTION rule_sql(rule, text) IS
'The SQL that selects the subjects of whom the rule is true, as a segment''s view has it.';
REVOKE ALL ON FUNCTION rule_sql(rule, text) FROM PUBLIC;

CREATE FUNCTION check_expression(expression text, what text, space text) RETURNS void
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_check_expression';
COMMENT ON FUNCTION check_expression(text, text, text) IS
'Compiles an expression over a subject as text; an error names what it is for and the place in it.';
REVOKE ALL ON FUNCTION check_expression(text, text, text) FROM PUBLIC;

CREATE FUNCTION evaluate(subject text, expression text, space text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_evaluate';
COMMENT ON FUNCTION evaluate(text, text, text) IS
'An expression in the rule language over a subject, as text. Evaluated as the owner of the space, for its members only (42501); an unknown subject is an error (P0002).';
REVOKE ALL ON FUNCTION evaluate(text, text, text) FROM PUBLIC;

CREATE FUNCTION rule_segments(rule rule) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_rule_segments';
COMMENT ON FUNCTION rule_segments(rule) IS 'The names of the segments that the rule names, in their order.';
REVOKE ALL ON FUNCTION rule_segments(rule) FROM PUBLIC;

CREATE FUNCTION renamed(expression text, on_event text, sources text[], was text[], becomes text[], space text) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_renamed';
COMMENT ON FUNCTION renamed(text, text, text[], text[], text[], text) IS
'An expression with the old names of its sources'' columns replaced by the new ones; on_event is the event it calls new. sources, was and becomes belong together, one by one.';
REVOKE ALL ON FUNCTION renamed(text, text, text[], text[], text[], text) FROM PUBLIC;

CREATE FUNCTION check_reach(segment text, rule rule, space text) RETURNS void
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_check_reach';
COMMENT ON FUNCTION check_reach(text, rule, text) IS
'Raises an error where a segment of that rule would contain itself, naming the way round (42P17), or would have more than 20,000 nodes with all its segments written out (54000).';
REVOKE ALL ON FUNCTION check_reach(text, rule, text) FROM PUBLIC;

/* The view's constants are read when it is made: as a rule's are, whoever's session that is. */
CREATE FUNCTION create_view(home space, segment text, rule rule) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC' SET timezone_abbreviations = 'Default' SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres'
SET array_nulls = on SET transform_null_equals = off
AS $$
DECLARE
	view_name text := format('%I.%I', home.schema_name, 'segment_' || segment);
	owner oid := @extschema@.space_owner(home.subjects);
BEGIN
	/* Replaced, for others may build on it; where the key's type has changed PostgreSQL cannot. */
	IF (SELECT a.atttypid <> k.atttypid FROM pg_attribute a, pg_attribute k
			WHERE a.attrelid = to_regclass(view_name) AND a.attname = 'subject' AND k.attrelid = home.subjects AND k.attname = home.key) THEN
		EXECUTE format('DROP VIEW %s', view_name);
	END IF;
	EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_invoker = true) AS %s',
		view_name, @extschema@.rule_sql(rule, home.space));
	IF owner <> (SELECT c.relowner FROM pg_class c WHERE c.oid = view_name::regclass) THEN
		EXECUTE format('ALTER VIEW %s OWNER TO %s', view_name, owner::regrole);
	END IF;
END;
$$;
COMMENT ON FUNCTION create_view(space, text, rule) IS 'Makes or makes anew the view of a segment.';
REVOKE ALL ON FUNCTION create_view(space, text, rule) FROM PUBLIC;

CREATE FUNCTION define_segment(segment text, rule rule, description text DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	PERFORM @extschema@.check_name('segment', segment);
	IF rule IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('segment "%s" needs a rule', segment),
			HINT = 'Write ''true'' for everybody.';
	END IF;
	/* Two at once could each close half of a circle. */
	PERFORM pg_advisory_xact_lock(hashtextextended('persona segments ' || home.space, 0));
	PERFORM @extschema@.check_reach(segment, rule, home.space);
	PERFORM @extschema@.create_view(home, segment, rule);
	EXECUTE format('COMMENT ON VIEW %I.%I IS %L', home.schema_name, 'segment_' || segment, coalesce(description, format('The subjects in segment "%s".', segment)));
	INSERT INTO @extschema@.segment VALUES (home.space, segment, rule::text, description)
	ON CONFLICT ON CONSTRAINT segment_pkey DO UPDATE SET (rule, description) = (excluded.rule, excluded.description);
	RETURN QUERY SELECT * FROM @extschema@.lint_rule(rule::text, segment, description, home.space);
END;
$$;
COMMENT ON FUNCTION define_segment(text, rule, text, text) IS
'Names a rule; it becomes the view segment_<name>(subject) of the space, through which a reader sees no more than her own rights allow. Returns what lint() finds. A cycle is refused, naming it (42P17), and more than 20,000 nodes with all segments written out (54000).';
REVOKE ALL ON FUNCTION define_segment(text, rule, text, text) FROM PUBLIC;

CREATE FUNCTION source_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source text := coalesce(to_jsonb(NEW)->>'event', to_jsonb(NEW)->>'facet');
BEGIN
	IF OLD IS DISTINCT FROM NEW THEN
		PERFORM @extschema@.create_view(h, s.segment, s.rule::@extschema@.rule)
		FROM @extschema@.segment s JOIN @extschema@.space h ON h.space = s.space
		WHERE s.space = NEW.space AND s.rule ~ ('\m' || source || '\M');
	END IF;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION source_changed() IS
'Trigger: an event or facet that is defined anew makes the views of the segments that name it anew.';
REVOKE ALL ON FUNCTION source_changed() FROM PUBLIC;
/* A definition says the relation; following a rename does not, nor need it. */
CREATE TRIGGER views AFTER UPDATE OF relation ON event FOR EACH ROW EXECUTE FUNCTION source_changed();
CREATE TRIGGER views AFTER UPDATE OF relation ON facet FOR EACH ROW EXECUTE FUNCTION source_changed();

CREATE FUNCTION in_segment(subject text, segment text, space text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	known text[] := ARRAY(SELECT s.segment FROM @extschema@.segment s WHERE s.space = home.space);
BEGIN
	IF segment IS NULL OR segment <> ALL (known) THEN
		RAISE undefined_object USING
			MESSAGE = format('segment "%s" does not exist in space "%s"', segment, home.space),
			HINT = @extschema@.ask(segment, known, 'Define it with persona.define_segment().');
	END IF;
	RETURN @extschema@.read_as_owner(NULL::boolean, home.space,
		format('SELECT EXISTS (SELECT FROM %I.%I WHERE subject = $1::%s)', home.schema_name, 'segment_' || segment, home.key_type),
		@extschema@.subject_key(home, subject));
END;
$$;
COMMENT ON FUNCTION in_segment(text, text, text) IS 'Whether the subject is in the segment now.';
REVOKE ALL ON FUNCTION in_segment(text, text, text) FROM PUBLIC;

CREATE FUNCTION in_segment(subject anyelement, segment text, space text DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE AS 'SELECT @extschema@.in_segment(subject::text, segment, space)';
COMMENT ON FUNCTION in_segment(anyelement, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION in_segment(anyelement, text, text) FROM PUBLIC;

/* matches: a rule over one row, wherever it comes from */

CREATE FUNCTION matches_support(request internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_matches_support';
COMMENT ON FUNCTION matches_support(internal) IS
'For the planner: puts the condition of a constant rule in the place of matches(), and match_columns() where the rule is not constant.';
REVOKE ALL ON FUNCTION matches_support(internal) FROM PUBLIC;

/*
 * Dear enough that from some twenty rows on a plan that knows the rule is
 * preferred, and cheap enough that PL/pgSQL does not plan for each value.
 */
CREATE FUNCTION matches(subject record, rule rule) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100 SUPPORT matches_support
AS 'MODULE_PATHNAME', 'persona_matches';
COMMENT ON FUNCTION matches(record, rule) IS
'Whether the rule is true of the row: true, false, or NULL where NULLs leave it open, as the same condition in WHERE. Names in the rule are columns of the row; a NULL row is a row of NULLs, a NULL rule gives NULL. 42703 for an unknown column, 42804 for what is no condition, 0A000 for a rule that asks for events, segments, the clock or the session''s settings, 42P18 for a NULL of unknown row type.';

CREATE FUNCTION match_columns(rule rule, row_type regtype, names text[], VARIADIC columns "any") RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'persona_match_columns';
COMMENT ON FUNCTION match_columns(rule, regtype, text[], "any") IS
'What the planner puts in the place of matches() where the rule is not constant: the row in its columns, which are not copied. Not to be called by hand.';
/* Lint */

CREATE FUNCTION lint_rule(rule text, segment text, description text, space text) RETURNS SETOF finding
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_lint_rule';
COMMENT ON FUNCTION lint_rule(text, text, text, text) IS
'What lint() finds in a rule''s canonical text; the hints define the segment again, with its description, where one is named.';
REVOKE ALL ON FUNCTION lint_rule(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION lint_text(rule text, segment text, description text, space text) RETURNS SETOF finding
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_lint_text';
COMMENT ON FUNCTION lint_text(text, text, text, text) IS
'What only the text of a rule shows, as it was written: mixed_and_or.';
REVOKE ALL ON FUNCTION lint_text(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION lint(rule rule, space text DEFAULT NULL) RETURNS SETOF finding
LANGUAGE sql STABLE AS 'SELECT * FROM @extschema@.lint_rule(rule::text, NULL, NULL, space)';
COMMENT ON FUNCTION lint(rule, text) IS
'The mistakes a rule may have although it compiles, each with its fix as a statement to run; looks at a sample of at most 10,000 customers, as the owner of the space and for its members (42501). docs/rule.md lists the codes.';
REVOKE ALL ON FUNCTION lint(rule, text) FROM PUBLIC;

CREATE FUNCTION lint(rule text, space text DEFAULT NULL) RETURNS SETOF finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT * FROM @extschema@.lint_text(rule, NULL, NULL, space)
	UNION ALL
	SELECT * FROM @extschema@.lint_rule(rule::@extschema@.rule::text, NULL, NULL, space);
END;
COMMENT ON FUNCTION lint(text, text) IS
'The same for a rule as it is written, which an untyped literal is: sees AND and OR mixed without parentheses too.';
REVOKE ALL ON FUNCTION lint(text, text) FROM PUBLIC;

CREATE FUNCTION define_segment(segment text, rule text, description text DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT * FROM @extschema@.define_segment(segment, rule::@extschema@.rule, description, space)
	UNION ALL
	SELECT * FROM @extschema@.lint_text(rule, segment, description, space);
END;
COMMENT ON FUNCTION define_segment(text, text, text, text) IS
'The same for a rule as it is written, which an untyped literal is: its findings include AND and OR mixed without parentheses.';
REVOKE ALL ON FUNCTION define_segment(text, text, text, text) FROM PUBLIC;
/* Many rules over many customers */

CREATE FUNCTION refresh_segments(space text DEFAULT NULL)
RETURNS TABLE (segment text, entered bigint, departed bigint, members bigint)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'persona_refresh_segments';
COMMENT ON FUNCTION refresh_segments(text) IS
'Brings the table membership of a space up to date, all segments in one pass over the subjects, at persona.now(). A row a segment: how many entered and left since the last time, and how many are in; a segment that was dropped is left by everybody. A rule that fails leaves its segment as it was: a warning, and an incident with its SQLSTATE. One refresh of a space waits for another; needs READ COMMITTED (25000) and membership of the space''s owner (42501).';
REVOKE ALL ON FUNCTION refresh_segments(text) FROM PUBLIC;

CREATE FUNCTION segment_names(subject text, space text) RETURNS SETOF text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_segment_names';
COMMENT ON FUNCTION segment_names(text, text) IS
'The segments of a space whose rules are true of a subject now, by name; the subject as the text of its key.';
REVOKE ALL ON FUNCTION segment_names(text, text) FROM PUBLIC;

CREATE FUNCTION segments_of(subject text, space text DEFAULT NULL) RETURNS TABLE (segment text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	RETURN QUERY SELECT * FROM @extschema@.segment_names(@extschema@.subject_key(home, subject), home.space);
END;
$$;
COMMENT ON FUNCTION segments_of(text, text) IS
'The segments that the subject is in now, by name, whenever the last refresh was; one statement for all of them. None for a subject that does not exist; a warning for a rule that fails.';
REVOKE ALL ON FUNCTION segments_of(text, text) FROM PUBLIC;

CREATE FUNCTION segments_of(subject anyelement, space text DEFAULT NULL) RETURNS TABLE (segment text)
LANGUAGE sql STABLE AS 'SELECT * FROM @extschema@.segments_of(subject::text, space)';
COMMENT ON FUNCTION segments_of(anyelement, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION segments_of(anyelement, text) FROM PUBLIC;

CREATE FUNCTION create_member_view() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* A restore brings the view along. */
	IF to_regclass(format('%I.member', NEW.schema_name)) IS NULL THEN
		EXECUTE format($view$
		CREATE VIEW %1$I.member WITH (security_invoker = true) AS
		SELECT segment, subject, entered_at, left_at FROM %1$I.membership;
		COMMENT ON VIEW %1$I.member IS 'A row a segment, subject and stay: when refresh_segments() saw it begin and end; left_at is NULL while in.';
		$view$, NEW.schema_name);
	END IF;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION create_member_view() IS 'Trigger: a new space gets its reader view member.';
REVOKE ALL ON FUNCTION create_member_view() FROM PUBLIC;
CREATE TRIGGER member_view AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION create_member_view();

/* Preview, explain, features */

CREATE FUNCTION need_rule(rule text, what text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF rule IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('%s needs a rule', what),
			HINT = 'Write it as after WHERE: ''country = ''''DE'''' AND count(purchase) > 1''.';
	END IF;
END;
$$;
COMMENT ON FUNCTION need_rule(text, text) IS 'Raises an error where the rule is NULL (22004).';
REVOKE ALL ON FUNCTION need_rule(text, text) FROM PUBLIC;

CREATE FUNCTION rule_meant(what text, space space) RETURNS rule
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known text[] := ARRAY(SELECT s.segment FROM @extschema@.segment s WHERE s.space = rule_meant.space.space);
	columns text[] := @extschema@.columns_of(space.subjects);
BEGIN
	IF what = ANY (known) THEN
		RETURN (SELECT s.rule::@extschema@.rule FROM @extschema@.segment s WHERE (s.space, s.segment) = (rule_meant.space.space, what));
	ELSIF what ~ '^\s*[a-z][a-z0-9_]*\s*$' AND trim(what) <> ALL (columns)
		AND NOT EXISTS (SELECT FROM pg_get_keywords() k WHERE k.word = trim(what) AND k.catcode = 'R') THEN
		RAISE undefined_object USING
			MESSAGE = format('"%s" is neither a segment of space "%s" nor a column of %s', trim(what), space.space, space.subjects),
			HINT = @extschema@.ask(trim(what), known || columns, 'Pass a rule, such as ''country = ''''DE'''''', or define the segment with persona.define_segment().');
	END IF;
	RETURN what::@extschema@.rule;
END;
$$;
COMMENT ON FUNCTION rule_meant(text, space) IS
'The rule of the segment of that name, else the text itself as a rule; a bare word that is neither a segment nor a column is refused (42704).';
REVOKE ALL ON FUNCTION rule_meant(text, space) FROM PUBLIC;

CREATE FUNCTION preview_rule(rule rule, sample int, space text)
RETURNS TABLE (clause text, members bigint, alone bigint, without bigint, note text)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_preview_rule';
COMMENT ON FUNCTION preview_rule(rule, int, text) IS
'The rows of preview() for a rule: counted in one pass, as the owner of the space, for its members only (42501).';
REVOKE ALL ON FUNCTION preview_rule(rule, int, text) FROM PUBLIC;

CREATE FUNCTION preview(what text, sample int DEFAULT 10, space text DEFAULT NULL)
RETURNS TABLE (clause text, members bigint, alone bigint, without bigint, note text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	PERFORM @extschema@.need_rule(what, 'preview()');
	RETURN QUERY SELECT * FROM @extschema@.preview_rule(@extschema@.rule_meant(what, home), coalesce(sample, 10), home.space);
END;
$$;
COMMENT ON FUNCTION preview(text, int, text) IS
'Whom a rule, or the rule of a segment, reaches: how many subjects are members; of each clause how many it is true of alone, how many would be members without it, and what it decides; how many with each AND read as OR and each OR as AND; then the keys of the first members, 0 to 1,000, none where fewer than 10 are members. A count is NULL where a clause fails for somebody. One pass over the data.';
REVOKE ALL ON FUNCTION preview(text, int, text) FROM PUBLIC;

CREATE FUNCTION explain_branches(subject text, rule rule, at timestamptz, space text)
RETURNS TABLE (path text, clause text, value text, result boolean, deciding boolean)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_explain_branches';
COMMENT ON FUNCTION explain_branches(text, rule, timestamptz, text) IS
'The rows of explain() for a key; only at may be NULL. Evaluated as the owner of the space, for its members only (42501).';
REVOKE ALL ON FUNCTION explain_branches(text, rule, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION explain(subject text, rule rule, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (path text, clause text, value text, result boolean, deciding boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	PERFORM @extschema@.need_rule(rule::text, 'explain()');
	RETURN QUERY SELECT * FROM @extschema@.explain_branches(@extschema@.subject_key(home, subject), rule, at, home.space);
END;
$$;
COMMENT ON FUNCTION explain(text, rule, timestamptz, text) IS
'Why a rule is true, false or unknown (NULL) for a subject: a row for the whole (path 1) and each part of it (1.1, 1.2, 1.2.1), segments opened up; value is what the clause compares, up to 200 characters each; deciding marks the parts that made the result. at: with the clock at that time, later events left out. An unknown subject is an error (P0002).';
REVOKE ALL ON FUNCTION explain(text, rule, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION explain(subject anyelement, rule rule, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (path text, clause text, value text, result boolean, deciding boolean)
LANGUAGE sql STABLE AS 'SELECT * FROM @extschema@.explain(subject::text, rule, at, space)';
COMMENT ON FUNCTION explain(anyelement, rule, timestamptz, text) IS
'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION explain(anyelement, rule, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION rule_features(rule rule, space text)
RETURNS TABLE (feature text, source text, "column" text, aggregate text, filter text)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_features';
COMMENT ON FUNCTION rule_features(rule, text) IS 'The rows of features(); neither argument may be NULL.';
REVOKE ALL ON FUNCTION rule_features(rule, text) FROM PUBLIC;

CREATE FUNCTION features(rule rule, space text DEFAULT NULL)
RETURNS TABLE (feature text, source text, "column" text, aggregate text, filter text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	PERFORM @extschema@.need_rule(rule::text, 'features()');
	RETURN QUERY SELECT * FROM @extschema@.rule_features(rule, home.space);
END;
$$;
COMMENT ON FUNCTION features(rule, text) IS
'Each value that a rule looks at, once, in the order of the rule: its text; its source (subject, the name of an event or a facet, segment); its column, NULL for whole events, an expression where the aggregate has one; the aggregate and its FILTER, NULL where it has none.';
REVOKE ALL ON FUNCTION features(rule, text) FROM PUBLIC;
/* Measures: what goals count */

CREATE FUNCTION measures(measures text[], withins text[], space text, of_single boolean DEFAULT false,
	earliest timestamptz DEFAULT '-infinity', latest timestamptz DEFAULT 'infinity', OUT spans text, OUT joins text,
	OUT kinds text[], OUT y text[], OUT x text[], OUT before text[], OUT reached text[], OUT reached_at text[]) RETURNS record
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_measures';
COMMENT ON FUNCTION measures(text[], text[], text, boolean, timestamptz, timestamptz) IS
'Measures as SQL over the relation exposed, known as x (unit, subject, at, and spans, which are columns over x.at): one grouped join for each event source, of events from earliest to before latest, and for each measure its kind (proportion, mean, ratio), its value in the interval withins after x.at, a ratio''s denominator, and the value as long before; or, of_single, whether it was reached, and by which event: that which took the total past its number, past 0 where it has none; NULL where it only shows in the end. Anything but a count or a sum, that compared with a number, or one by another: 0A000, with its place.';
REVOKE ALL ON FUNCTION measures(text[], text[], text, boolean, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION unit_sql(expression text, space text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_unit_sql';
COMMENT ON FUNCTION unit_sql(text, text) IS
'The SQL that selects every subject with its unit, an expression in the rule language as text.';
REVOKE ALL ON FUNCTION unit_sql(text, text) FROM PUBLIC;

/* What a rule may call */

CREATE FUNCTION rule_vocabulary(OUT kind text, OUT signature text) RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 1100 AS 'MODULE_PATHNAME', 'persona_rule_vocabulary';
COMMENT ON FUNCTION rule_vocabulary() IS
'The words of the rule language: kind is type, operator, function, cast or aggregate; signature is written as regprocedure and regoperator are with search_path pg_catalog. All else is refused. Some are not in every major of PostgreSQL.';
