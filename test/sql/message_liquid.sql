-- Liquid's published cases, where ../shared or PERSONA_SHARED has them; without them nothing differs, and the test's runner says that they were missing
\set SHOW_CONTEXT never
CREATE TEMP TABLE suite (suite text);
\copy suite FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/liquid.json" 2>/dev/null | tr -d "\n"; echo' (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
CREATE FUNCTION pg_temp.attempt(template text, data json, kept boolean, OUT rendered text, OUT refused text) LANGUAGE plpgsql AS $$
BEGIN
	IF kept THEN
		rendered := persona.render(template::persona.template, data::text);
	ELSE
		rendered := persona.render(template::persona.template, data::jsonb);
	END IF;
EXCEPTION WHEN syntax_error OR data_exception OR datatype_mismatch THEN
	refused := SQLERRM;
END $$;
CREATE TEMP TABLE tried AS
SELECT kept, t ->> 'name' AS name, coalesce((t ->> 'invalid')::boolean, false) AS invalid,
	ARRAY(SELECT json_array_elements_text(coalesce(t -> 'results', json_build_array(t -> 'result')))) AS golden, a.*
FROM suite, json_array_elements(suite::json -> 'tests') t, (VALUES (true), (false)) k(kept),
	pg_temp.attempt(t ->> 'template', coalesce(t -> 'data', '{}'), kept) a;
SELECT count(*) IN (0, 900) AS all_or_none FROM tried;
-- What differs from what was published is known, with its reason, and nothing is known that does not differ: the list may only shrink.
CREATE TEMP TABLE gap (kept boolean, name text, reason text);
INSERT INTO gap VALUES
	(false, 'filters, compact, array of objects with key property', 'jsonb has its own order of members'),
	(false, 'filters, uniq, array of objects with key property', 'jsonb has its own order of members');
SELECT kept, name, golden, rendered, refused, reason
FROM (SELECT * FROM tried WHERE CASE WHEN invalid THEN rendered IS NOT NULL ELSE refused IS NOT NULL OR rendered <> ALL (golden) END) failed
FULL JOIN gap USING (kept, name)
WHERE (failed.golden IS NULL OR reason IS NULL) AND EXISTS (SELECT FROM tried);
