/* space: what is known of its columns */

/* Data categories */

CREATE FUNCTION taxonomy() RETURNS TABLE (category text, sensitivity int, special boolean, source text, label text)
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 77
AS 'MODULE_PATHNAME', 'persona_taxonomy';
COMMENT ON FUNCTION taxonomy() IS
'The built-in categories of personal data, named as in the Fides taxonomy: sensitivity 0..100, whether GDPR Art. 9 or 10 speaks of it (then 80 at least), and where the figure is from: survey is (mean - 1) / 3 of Huang et al. 2024 (lsad032), judgement is ours. A category that is not listed is as its nearest ancestor.';

CREATE TABLE category (
	space text,
	category text,
	sensitivity text NOT NULL CHECK (sensitivity IN ('low', 'medium', 'high', 'special')),
	label text,
	description text,
	PRIMARY KEY (space, category)
);
COMMENT ON TABLE category IS
'A company''s own data categories, and its own words for those of taxonomy().';

SELECT keep_definitions('category'), keep_names('category');
CREATE POLICY owner ON category
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) category.space));

CREATE FUNCTION category_of(space text, name text)
RETURNS TABLE (category text, special boolean, label text, description text)
LANGUAGE sql STABLE ROWS 1
BEGIN ATOMIC
	SELECT k.category, k.special,
		CASE WHEN k.category = category_of.name THEN k.label END, CASE WHEN k.category = category_of.name THEN k.description END
	FROM (
		SELECT c.category, c.sensitivity = 'special' AS special, c.label, c.description, true AS own
		FROM @extschema@.category c WHERE c.space = category_of.space
		UNION ALL SELECT t.category, t.special, t.label, NULL, false FROM @extschema@.taxonomy() t
	) k
	WHERE k.category = category_of.name OR starts_with(category_of.name, k.category || '.')
	ORDER BY length(k.category) DESC, k.own DESC
	LIMIT 1;
END;
COMMENT ON FUNCTION category_of(text, text) IS
'What is known of a data category: the company''s own definition before that of taxonomy(), the nearest parent''s where it has none of its own (without its label). special: GDPR Art. 9 and 10.';
REVOKE ALL ON FUNCTION category_of(text, text) FROM PUBLIC;

CREATE FUNCTION lint_category(object text, name text, space text, also text[]) RETURNS SETOF finding
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT 'warn', 'unknown_category', object,
		format('nobody has said what "%s" is', name) || CASE WHEN parent.category IS NOT NULL THEN format(': it counts as "%s"', parent.category) ELSE '' END,
		@extschema@.ask(name, ARRAY(SELECT u FROM unnest(k.known) u WHERE NOT starts_with(name, u)),
			format('SELECT * FROM persona.define_category(%L, ''medium'', ''What a customer would call it'', space => %L);', name, space))
	FROM (SELECT array_agg(t.category) || ARRAY(SELECT c.category FROM @extschema@.category c WHERE c.space = lint_category.space) || also
		FROM @extschema@.taxonomy() t) k(known)
	LEFT JOIN LATERAL @extschema@.category_of(space, name) parent ON true
	WHERE NOT EXISTS (SELECT FROM unnest(k.known) u WHERE u = name OR starts_with(u, name || '.'));
END;
COMMENT ON FUNCTION lint_category(text, text, text, text[]) IS
'A finding about the object where the category it names is none of taxonomy()''s, of the company''s own or of the others given, nor a parent of one: with the nearest name.';
REVOKE ALL ON FUNCTION lint_category(text, text, text, text[]) FROM PUBLIC;

CREATE FUNCTION define_category(category text, sensitivity text, label text DEFAULT NULL, description text DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	parent record;
BEGIN
	PERFORM @extschema@.check_label('category', category);
	IF coalesce(sensitivity, '') NOT IN ('low', 'medium', 'high', 'special') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%s is not a sensitivity', quote_nullable(sensitivity)),
			HINT = @extschema@.ask(sensitivity, '{low,medium,high,special}', 'It is low, medium, high or special.');
	END IF;
	INSERT INTO @extschema@.category VALUES (home.space, category, sensitivity, label, description)
	ON CONFLICT ON CONSTRAINT category_pkey DO UPDATE
	SET (sensitivity, label, description) = (excluded.sensitivity, excluded.label, excluded.description);
	SELECT * INTO parent FROM @extschema@.category_of(home.space, CASE WHEN category LIKE '%.%' THEN regexp_replace(category, '[.][^.]*$', '') END);
	IF parent.special AND sensitivity <> 'special' THEN
		RETURN NEXT ('warn', 'less_than_its_parent', category, format('it is %s although "%s" is special', sensitivity, parent.category),
			'Special categories stay special in every part: GDPR Art. 9.')::@extschema@.finding;
	END IF;
END;
$$;
COMMENT ON FUNCTION define_category(text, text, text, text, text) IS
'A data category of your own, or your own words for a built-in one: dotted name, sensitivity (low, medium, high, special), and what a preference page calls it.';
REVOKE ALL ON FUNCTION define_category(text, text, text, text, text) FROM PUBLIC;

/* Attributes */

CREATE FUNCTION define_attribute(attribute text, category text, provenance text, sensitivity text DEFAULT NULL,
	max_age interval DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	path text[] := string_to_array(attribute, '.');
	relation regclass := CASE WHEN cardinality(path) = 1 THEN home.subjects ELSE
		(SELECT e.relation FROM @extschema@.event e WHERE e.space = home.space AND e.event = path[1]
		UNION ALL SELECT f.relation FROM @extschema@.facet f WHERE f.space = home.space AND f.facet = path[1]) END;
	columns text[] := @extschema@.columns_of(relation);
	wrong text;
BEGIN
	PERFORM @extschema@.check_label('category', category);
	IF attribute IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'the attribute needs a name';
	ELSIF cardinality(path) > 2 OR relation IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('"%s" is no column of %s and names neither an event nor a facet', attribute, home.subjects),
			HINT = 'Write a column of the subject table, event.column or facet.column.';
	ELSIF path[cardinality(path)] <> ALL (columns) THEN
		PERFORM @extschema@.refuse_column(relation, path[cardinality(path)], columns);
	END IF;
	INSERT INTO @extschema@.attribute
	VALUES (home.space, attribute, category, provenance, sensitivity, max_age)
	ON CONFLICT ON CONSTRAINT attribute_pkey DO UPDATE
	SET (category, provenance, sensitivity, max_age) = (excluded.category, excluded.provenance, excluded.sensitivity, excluded.max_age);
	RETURN QUERY SELECT * FROM @extschema@.lint_category(attribute, category, home.space, '{}');
EXCEPTION
	WHEN not_null_violation THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('provenance of attribute "%s" is NULL', attribute),
			HINT = 'It is declared, transacted, observed, inferred, third_party or unknown.';
	WHEN check_violation THEN
		GET STACKED DIAGNOSTICS wrong = CONSTRAINT_NAME;
		wrong := regexp_replace(wrong, '^attribute_(.*)_check$', '\1');
		RAISE invalid_parameter_value USING
			MESSAGE = format('attribute "%s" cannot have the %s %L', attribute, wrong,
				CASE wrong WHEN 'provenance' THEN provenance WHEN 'sensitivity' THEN sensitivity ELSE max_age::text END),
			HINT = CASE wrong
				WHEN 'provenance' THEN @extschema@.ask(provenance, '{declared,transacted,observed,inferred,third_party,unknown}',
					'It is declared, transacted, observed, inferred, third_party or unknown.')
				WHEN 'sensitivity' THEN @extschema@.ask(sensitivity, '{low,medium,high,special}', 'It is low, medium, high or special.')
				ELSE 'Pass a positive interval such as ''90 days''.' END;
END;
$$;
COMMENT ON FUNCTION define_attribute(text, text, text, text, interval, text) IS
'Says what a column is to its customer: its data category (dotted), where it came from, how sensitive it is, and after what age its source counts as stale. A column of the subject table by its name, others as event.column or facet.column.';
REVOKE ALL ON FUNCTION define_attribute(text, text, text, text, interval, text) FROM PUBLIC;
