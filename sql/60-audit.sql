/* audit: would the customer be surprised that this message knows that? */

CREATE FUNCTION surprise(provenance text, category text, use text) RETURNS int
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_surprise';
COMMENT ON FUNCTION surprise(text, text, text) IS
'How surprised a customer would be, 0..100, by a message that mentions such data: the share of people that would call it creepy, as far as it is known. provenance: declared, transacted, observed, inferred, third_party, unknown; category as in taxonomy(), or below one; use: first_party, cross_context, sold. NULL counts as unknown, as first_party for the use. Another word: 22023. Sources of the figures: docs/audit.md.';

CREATE FUNCTION surprise_parts(provenance text, category text, use text, sensitivity text DEFAULT NULL,
	relevance text DEFAULT NULL, granularity text DEFAULT NULL, mentioned boolean DEFAULT true,
	immediate boolean DEFAULT false, old boolean DEFAULT false, derived boolean DEFAULT false,
	explained boolean DEFAULT false, opened boolean DEFAULT false) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_surprise_parts';
COMMENT ON FUNCTION surprise_parts(text, text, text, text, text, text, boolean, boolean, boolean, boolean, boolean, boolean) IS
'The same for all that is known of a use, with every part that counts, in points that add up to the score (0..100, where they would leave that range its end). sensitivity: low, medium, high, special; relevance: event, touchpoint, other, company; granularity: count, place, time, duration. Another word: 22023.';

/* From the columns of views to those of tables */

CREATE FUNCTION base_columns(relation regclass, col text) RETURNS TABLE (base regclass, base_col text)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_base_columns';
COMMENT ON FUNCTION base_columns(regclass, text) IS
'The table columns that a column is made of, through views, sub-selects and unions; a column of a table is its own. What only decides which rows a view has is not among them. Unknown column: 42703.';
REVOKE ALL ON FUNCTION base_columns(regclass, text) FROM PUBLIC;

CREATE FUNCTION read_columns(relation regclass, col text) RETURNS TABLE (base regclass, base_col text, shown boolean)
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	/* All that the views below read, then what their generated columns read. */
	WITH RECURSIVE reads (object, number) AS (
		SELECT relation::oid, a.attnum FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = col AND a.attnum > 0
		UNION
		SELECT d.refobjid, d.refobjsubid::smallint
		FROM reads r
		CROSS JOIN LATERAL (
			SELECT 'pg_rewrite'::regclass, w.oid, 0 FROM pg_rewrite w WHERE w.ev_class = r.object AND w.ev_type = '1'
			UNION ALL
			SELECT 'pg_attrdef'::regclass, g.oid, r.number FROM pg_attrdef g
			WHERE g.adrelid = r.object AND g.adnum = r.number
		) by_it (class, id, itself)
		JOIN pg_depend d ON d.classid = by_it.class AND d.objid = by_it.id
			AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
		WHERE d.refobjid <> r.object OR d.refobjsubid <> by_it.itself AND by_it.itself > 0
	)
	SELECT r.object::regclass, a.attname::text, bool_or(b.base IS NOT NULL)
	FROM reads r
	JOIN pg_class c ON c.oid = r.object AND c.relkind NOT IN ('v', 'm')
	JOIN pg_attribute a ON a.attrelid = r.object AND a.attnum = r.number
	LEFT JOIN @extschema@.base_columns(read_columns.relation, read_columns.col) b ON b.base = r.object AND b.base_col = a.attname
	GROUP BY 1, 2;
END;
COMMENT ON FUNCTION read_columns(regclass, text) IS
'Every table column that is read where this column is: shown are those that its value is made of; others decide which rows the views below have, or what a generated column holds.';
REVOKE ALL ON FUNCTION read_columns(regclass, text) FROM PUBLIC;
