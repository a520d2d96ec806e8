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

CREATE FUNCTION define_segment(segment text, rule rule, description text DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	view_name text := 'segment_' || segment;
BEGIN
	PERFORM @extschema@.check_name('segment', segment);
	IF rule IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('segment "%s" needs a rule', segment),
			HINT = 'Write ''true'' for everybody.';
	END IF;
	EXECUTE format('CREATE OR REPLACE VIEW %I.%I WITH (security_invoker = true) AS %s',
		home.schema_name, view_name, @extschema@.rule_sql(rule, home.space));
	EXECUTE format('SELECT FROM %I.%I LIMIT 0', home.schema_name, view_name);
	EXECUTE format('COMMENT ON VIEW %I.%I IS %L', home.schema_name, view_name, coalesce(description, rule::text));
	INSERT INTO @extschema@.segment VALUES (home.space, segment, rule::text, description)
	ON CONFLICT ON CONSTRAINT segment_pkey DO UPDATE SET (rule, description) = (excluded.rule, excluded.description);
	PERFORM @extschema@.own_schema(home);
	RETURN;
EXCEPTION
	WHEN invalid_object_definition THEN
		RAISE invalid_object_definition USING
			MESSAGE = format('segment "%s" would contain itself', segment),
			DETAIL = format('Its rule is: %s', rule),
			HINT = 'One of the segments in it refers to this one: give the common part a segment of its own.';
END;
$$;
COMMENT ON FUNCTION define_segment(text, rule, text, text) IS
'Names a rule; it becomes the view segment_<name>(subject) of the space, through which a reader sees no more than her own rights allow. A cycle is refused (42P17).';
REVOKE ALL ON FUNCTION define_segment(text, rule, text, text) FROM PUBLIC;

CREATE FUNCTION in_segment(subject text, segment text, space text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	known text[] := ARRAY(SELECT s.segment FROM @extschema@.segment s WHERE s.space = home.space);
	is_member boolean;
BEGIN
	IF segment IS NULL OR segment <> ALL (known) THEN
		RAISE undefined_object USING
			MESSAGE = format('segment "%s" does not exist in space "%s"', segment, home.space),
			HINT = @extschema@.ask(segment, known, 'Define it with persona.define_segment().');
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I WHERE subject = $1::%s)',
		home.schema_name, 'segment_' || segment, home.key_type)
	INTO is_member USING @extschema@.subject_key(home, subject);
	RETURN is_member;
END;
$$;
COMMENT ON FUNCTION in_segment(text, text, text) IS 'Whether the subject is in the segment now.';
REVOKE ALL ON FUNCTION in_segment(text, text, text) FROM PUBLIC;

CREATE FUNCTION in_segment(subject anyelement, segment text, space text DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE AS 'SELECT @extschema@.in_segment(subject::text, segment, space)';
COMMENT ON FUNCTION in_segment(anyelement, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION in_segment(anyelement, text, text) FROM PUBLIC;

/* What a rule may call */

CREATE FUNCTION rule_vocabulary(OUT kind text, OUT signature text) RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 1100 AS 'MODULE_PATHNAME', 'persona_rule_vocabulary';
COMMENT ON FUNCTION rule_vocabulary() IS
'The words of the rule language: kind is type, operator, function, cast or aggregate; signature is written as regprocedure and regoperator are with search_path pg_catalog. All else is refused. Some are not in every major of PostgreSQL.';
