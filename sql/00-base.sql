/* base: settings, the clock, findings */

\echo Use "CREATE EXTENSION persona" to load this file. \quit

REVOKE ALL ON SCHEMA @extschema@ FROM PUBLIC;
GRANT USAGE ON SCHEMA @extschema@ TO PUBLIC;

CREATE FUNCTION @extschema@.now() RETURNS timestamptz
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'persona_now';
COMMENT ON FUNCTION @extschema@.now() IS
'The clock by which persona decides: the setting persona.clock where it is set, else the start of the transaction.';

CREATE TYPE finding AS (
	level text,
	code text,
	object text,
	message text,
	hint text
);
COMMENT ON TYPE finding IS
'One result of an audit, a lint or a diagnosis: level (info, warn, block), code, object (what), message (why), hint (the fix).';

CREATE FUNCTION suggest(word text, candidates text[]) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'persona_suggest';
COMMENT ON FUNCTION suggest(text, text[]) IS
'Of the candidates the one nearest to the word by Levenshtein distance, NULL when none is within a third of its length (2 at least from 4 letters on): the "did you mean" of every error.';
REVOKE ALL ON FUNCTION suggest(text, text[]) FROM PUBLIC;

CREATE FUNCTION ask(word text, candidates text[], otherwise text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce('Did you mean "' || @extschema@.suggest(word, candidates) || '"?', otherwise);
END;
COMMENT ON FUNCTION ask(text, text[], text) IS
'The hint of an error about an unknown name: the nearest candidate, or the other text when none is near.';
REVOKE ALL ON FUNCTION ask(text, text[], text) FROM PUBLIC;

CREATE FUNCTION check_name(kind text, name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('the %s needs a name', kind);
	ELSIF name !~ '^[a-z][a-z0-9_]{0,39}$' THEN
		RAISE invalid_name USING
			MESSAGE = format('%s cannot be the name of the %s', quote_literal(left(name, 80)), kind),
			HINT = 'Use 1 to 40 lower-case letters, digits and underscores, beginning with a letter.';
	ELSIF name IN ('new', 'ago', 'message', 'feedback', 'subject')
		OR EXISTS (SELECT FROM pg_get_keywords() k WHERE k.word = name AND k.catcode IN ('R', 'T')) THEN
		RAISE reserved_name USING
			MESSAGE = format('"%s" is a reserved word, so the %s needs another name', name, kind),
			HINT = format('Such as "%s_%s".', name, kind);
	END IF;
END;
$$;
COMMENT ON FUNCTION check_name(text, text) IS
'Raises an error unless the name may name a thing of that kind: ^[a-z][a-z0-9_]{0,39}$ and not reserved (42602, 42939, 22004).';
REVOKE ALL ON FUNCTION check_name(text, text) FROM PUBLIC;

CREATE FUNCTION check_label(kind text, label text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF label IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('the %s needs a name', kind);
	ELSIF length(label) > 200 OR label !~ '^[a-z][a-z0-9_]{0,39}([.][a-z][a-z0-9_]{0,39})*$' THEN
		RAISE invalid_name USING
			MESSAGE = format('%s cannot be the name of the %s', quote_literal(left(label, 80)), kind),
			HINT = 'Use lower-case labels joined by dots, such as "marketing.email"; a parent covers its children.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_label(text, text) IS
'Raises an error unless the label is one or more names joined by dots, at most 200 characters (42602, 22004).';
REVOKE ALL ON FUNCTION check_label(text, text) FROM PUBLIC;
