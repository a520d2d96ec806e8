-- statistics against tables of others, where ../shared or PERSONA_SHARED has them
SET client_min_messages = warning;
CREATE SCHEMA experiment_oracle;
SET search_path = experiment_oracle, public;
\set SHOW_CONTEXT never

-- a table for each function, with the function's own names: case, kind, inputs, expect, status, outputs
CREATE TABLE piece AS
SELECT replace(p.proname, 'stat_', '') AS name, p.oid AS function,
	(SELECT string_agg(quote_ident(a), ', ' ORDER BY i) FROM unnest(p.proargnames[:p.pronargs]) WITH ORDINALITY AS a (a, i)) AS inputs,
	(SELECT string_agg(format('wanted.%I::%s', a, p.proallargtypes[i]::regtype), ', ' ORDER BY i)
		FROM unnest(p.proargnames[:p.pronargs]) WITH ORDINALITY AS a (a, i)) AS arguments,
	p.proargnames[p.pronargs + 2:] AS outputs
FROM pg_proc p WHERE p.pronamespace = 'persona'::regnamespace AND p.proname LIKE 'stat\_%';
SELECT format('CREATE TABLE %I (case_id, kind, %s, expect, status, %s) AS SELECT %s WHERE false', name, inputs, array_to_string(outputs, ', '),
	(SELECT string_agg('NULL::text', ', ') FROM generate_series(1, cardinality(string_to_array(inputs, ', ')) + cardinality(outputs) + 4)))
FROM piece
\gexec
\copy two_prop_z FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/two_prop_z.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy welch_t FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/welch_t.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy relative_lift FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/relative_lift.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy ratio_delta FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/ratio_delta.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy cuped FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/cuped.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy srm_chi2 FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/srm_chi2.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy bayes_beta FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/bayes_beta.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy bayes_normal FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/bayes_normal.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy sequential FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/sequential.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy power_prop FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/power_prop.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy power_mean FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/power_mean.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy users_needed FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/users_needed.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy holm_bh FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/holm_bh.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy winsorize FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/winsorize.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
\copy decay FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/decay.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)

-- what a function answers, or its SQLSTATE
CREATE FUNCTION answer(name text, arguments text, case_id text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	row jsonb;
BEGIN
	EXECUTE format('SELECT to_jsonb(answered) FROM %I wanted, persona.stat_%s(%s) answered WHERE case_id = $1', name, name, arguments)
	INTO row USING case_id;
	RETURN row;
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN '{"status": "invalid_input"}';
END
$$;
-- how near a number must be: relative to itself, or to a floor
CREATE FUNCTION tolerance(name text, col text, wanted jsonb) RETURNS float8[] LANGUAGE sql AS $$
SELECT CASE
	WHEN name = 'bayes_beta' AND col LIKE 'chance%' THEN '{1e-9,1}'
	WHEN name = 'bayes_beta' AND col LIKE 'loss%' THEN ARRAY[1e-9, greatest((wanted->>'post_sd1')::float8, (wanted->>'post_sd2')::float8)]
	WHEN name = 'bayes_normal' AND col LIKE 'loss%' THEN ARRAY[1e-9, (wanted->>'post_sd')::float8]
	WHEN name LIKE 'power%' AND col LIKE 'power%' THEN '{1e-10,1}'
	WHEN name IN ('holm_bh', 'winsorize') THEN '{1e-12,1e-300}'
	WHEN name = 'decay' AND col NOT LIKE 'p\_%' THEN '{1e-12,1}'
	WHEN col LIKE 'ln\_%' THEN '{1e-10,1}'
	WHEN col LIKE 'p\_%' OR col LIKE 'chance%' THEN '{1e-10,1e-290}'
	WHEN col IN ('n1_ceil', 'n2_ceil', 'additional') THEN '{0,1}'
	WHEN name = 'srm_chi2' AND col = 'chi2' THEN '{1e-10,1e-3}'
	WHEN col = 'max_dev' OR name = 'ratio_delta' AND col = 'z' THEN '{1e-10,1}'
	WHEN col IN ('diff', 'lift', 'post_mean') OR col ~ '_(lo|hi)$|^adj_mean|^(lower|upper)_' THEN
		ARRAY[1e-9, coalesce((wanted->>'se')::float8, (wanted->>'post_sd')::float8, 0)]
	ELSE '{1e-10,0}'
END
$$;
CREATE FUNCTION near(got text, wanted text, tolerance float8[]) RETURNS boolean LANGUAGE sql AS $$
SELECT CASE WHEN got IS NULL OR wanted IS NULL OR wanted IN ('t', 'f') THEN got IS NOT DISTINCT FROM CASE wanted WHEN 't' THEN 'true' WHEN 'f' THEN 'false' ELSE wanted END
	ELSE abs(got::float8 - wanted::float8) <= tolerance[1] * greatest(abs(wanted::float8), tolerance[2]) END
$$;
-- numbers, and arrays of them
CREATE FUNCTION agrees(got jsonb, wanted text, tolerance float8[]) RETURNS boolean LANGUAGE sql AS $$
SELECT CASE WHEN wanted LIKE '{%' THEN jsonb_array_length(got) = cardinality(wanted::text[])
		AND (SELECT bool_and(near(got->>(i - 1)::int, w, tolerance)) FROM unnest(wanted::text[]) WITH ORDINALITY AS w (w, i)) IS NOT FALSE
	ELSE near(got#>>'{}', wanted, tolerance) END
$$;
CREATE FUNCTION differences(name text, arguments text, outputs text[])
RETURNS TABLE (id text, col text, got jsonb, wanted text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		SELECT c.w->>'case_id', o, a.got->o, c.w->>o
		FROM (SELECT to_jsonb(t) AS w FROM %I t) c, answer(%L, %L, c.w->>'case_id') AS a (got), unnest(array_append(%L::text[], 'status')) AS o
		WHERE CASE WHEN o = 'status' THEN a.got->>o IS DISTINCT FROM c.w->>o
			ELSE c.w->>'expect' <> 'error' AND agrees(a.got->o, c.w->>o, tolerance(%L, o, c.w)) IS NOT TRUE END$q$,
		name, name, arguments, outputs, name);
END
$$;

-- none at all is no difference; the test's runner says that they were missing
SELECT count(*) = 15 AS a_table_for_each FROM piece;
SELECT p.name, d.* FROM piece p, differences(p.name, p.arguments, p.outputs) d;

-- moments: of all, and of two parts merged
CREATE TABLE summary_moments (case_id text, kind text, y float8[], x float8[], split int, expect text, status text, n bigint, mean float8, m2 float8, m3 float8,
	var float8, skewness float8, min float8, max float8, mean_x float8, m2_x float8, var_x float8, cxy float8, cov float8);
\copy summary_moments FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/vectors/stats/summary_moments.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
CREATE VIEW summarized AS
SELECT m.*, s.*, sqrt(m.var) AS sd
FROM summary_moments m, LATERAL (
	SELECT persona.summarize(y) FILTER (WHERE x IS NOT NULL OR m.x IS NULL) AS s,
		persona.sample_merge(persona.summarize(y) FILTER (WHERE i <= coalesce(split, 1) AND (x IS NOT NULL OR m.x IS NULL)),
			persona.summarize(y) FILTER (WHERE i > coalesce(split, 1) AND (x IS NOT NULL OR m.x IS NULL))) AS merged,
		persona.summarize(y, x) AS s2,
		persona.sample_merge(persona.summarize(y, x) FILTER (WHERE i <= coalesce(split, 1)), persona.summarize(y, x) FILTER (WHERE i > coalesce(split, 1))) AS merged2
	FROM unnest(m.y, m.x) WITH ORDINALITY AS u (y, x, i)) s
WHERE m.expect = 'ok';
CREATE FUNCTION off(got float8, wanted float8, rtol float8, floor float8) RETURNS boolean LANGUAGE sql AS
'SELECT (got IS NULL) <> (wanted IS NULL) OR coalesce(abs(got - wanted) > rtol * greatest(abs(wanted), floor), false)';
SELECT case_id, kind, way FROM summarized v, LATERAL (VALUES ('all', s), ('merged', merged)) AS w (way, s)
WHERE persona.n(w.s) <> n OR off(persona.mean(w.s), mean, 1e-13, sd) OR off(persona.var(w.s), var, 1e-12, 0)
	OR off(persona.skewness(w.s), skewness, 1e-11, 1) OR off(persona.min(w.s), min, 1e-13, sd) OR off(persona.max(w.s), max, 1e-13, sd)
	OR abs(persona.sd(w.s) - sd) > 1e-12 * sd OR off(persona.sum(w.s), n * mean, 1e-12, n * sd);
SELECT case_id, kind, way FROM summarized v, LATERAL (VALUES ('all', s2), ('merged', merged2)) AS w (way, s)
WHERE x IS NOT NULL AND (persona.n(w.s) <> n OR off(persona.mean(w.s), mean, 1e-13, sd) OR off(persona.var(w.s), var, 1e-12, 0)
	OR off(persona.mean_x(w.s), mean_x, 1e-13, sqrt(var_x)) OR off(persona.var_x(w.s), var_x, 1e-12, 0)
	OR off(persona.cov(w.s), cov, 1e-12, sd * sqrt(var_x) * 2));
CREATE FUNCTION refused(y float8[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.summarize(u) FROM unnest(y) u;
	RETURN false;
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN true;
END
$$;
SELECT bool_and(refused(y)) IS NOT FALSE AS refused_as_wanted FROM summary_moments WHERE expect = 'error';
DROP SCHEMA experiment_oracle CASCADE;
