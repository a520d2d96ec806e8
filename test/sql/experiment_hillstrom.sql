-- Hillstrom's e-mail test of 64,000 customers and its published answers, where ../shared or PERSONA_SHARED has it
SET client_min_messages = warning;
CREATE SCHEMA experiment_hillstrom;
SET search_path = experiment_hillstrom, public;
CREATE TABLE customer (recency int, history_segment text, history float8, mens boolean, womens boolean, zip_code text, newbie boolean, channel text,
	segment text, visit boolean, conversion boolean, spend float8);
\copy customer FROM PROGRAM 'gzip -dc "${PERSONA_SHARED:-../shared}/data/hillstrom/hillstrom.csv.gz" 2>/dev/null || echo' (FORMAT csv, HEADER)
-- none at all is no difference; the test's runner says that they were missing
SELECT count(*) IN (0, 64000) AS all_or_none FROM customer;
CREATE VIEW outcome AS
SELECT segment, womens, persona.summarize(visit) AS visit, persona.summarize(conversion) AS conversion, persona.summarize(spend) AS spend FROM customer GROUP BY segment, womens;
CREATE VIEW mail AS
SELECT m.segment, persona.merge(c.visit) AS visit1, persona.merge(m.visit) AS visit2, persona.merge(c.conversion) AS conversion1, persona.merge(m.conversion) AS conversion2,
	persona.merge(c.spend) AS spend1, persona.merge(m.spend) AS spend2
FROM outcome m JOIN outcome c ON c.segment = 'No E-Mail' AND m.segment <> 'No E-Mail' AND c.womens = m.womens GROUP BY m.segment;
CREATE TABLE published (segment text, visit numeric, visit_z numeric, conversion numeric, conversion_z numeric, spend numeric, spend_t numeric, spend_lo numeric, spend_hi numeric);
INSERT INTO published VALUES ('Mens E-Mail', 0.07659, 22.486, 0.006805, 7.3851, 0.769827, 5.3001, 0.4851, 1.0545), ('Womens E-Mail', 0.045233, 13.9492, 0.003111, 3.7796, 0.424412, 3.2564, 0.1690, 0.6799);

SELECT bool_and(round(v.diff::numeric, 6) = p.visit AND round(c.diff::numeric, 6) = p.conversion AND round(s.diff::numeric, 6) = p.spend) IS NOT FALSE AS differences,
	bool_and(round(w.t::numeric, 4) = p.spend_t AND round(s.ci_lo::numeric, 4) = p.spend_lo AND round(s.ci_hi::numeric, 4) = p.spend_hi) IS NOT FALSE AS welch,
	bool_and(round(vz.z_pooled::numeric, 3) = round(p.visit_z, 3) AND round(cz.z_pooled::numeric, 4) = p.conversion_z) IS NOT FALSE AS pooled_z,
	bool_and(v.verdict = 'winner' AND c.verdict = 'winner' AND v.warning IS NULL AND s.warning = 'skewed') IS NOT FALSE AS verdicts
FROM mail m JOIN published p USING (segment), persona.compare(m.visit1, m.visit2, n_star => 42000) v, persona.compare(m.conversion1, m.conversion2, n_star => 42000) c,
	persona.compare(m.spend1, m.spend2, n_star => 42000) s,
	persona.stat_welch_t(persona.n(m.spend1), persona.mean(m.spend1), persona.var(m.spend1), persona.n(m.spend2), persona.mean(m.spend2), persona.var(m.spend2)) w,
	persona.stat_two_prop_z(persona.sum(m.visit1)::bigint, persona.n(m.visit1), persona.sum(m.visit2)::bigint, persona.n(m.visit2)) vz,
	persona.stat_two_prop_z(persona.sum(m.conversion1)::bigint, persona.n(m.conversion1), persona.sum(m.conversion2)::bigint, persona.n(m.conversion2)) cz;
-- three equal shares
SELECT bool_and(round(s.chi2::numeric, 4) = 0.2025 AND round(s.p_value::numeric, 4) = 0.9037) IS NOT FALSE AS split_as_planned
FROM (SELECT array_agg(n ORDER BY segment) AS counts FROM (SELECT segment, count(*) AS n FROM customer GROUP BY segment) c) c, persona.stat_srm_chi2(counts, '{1,1,1}') s WHERE counts IS NOT NULL;
-- the women's mail works on those who bought women's goods, and hardly on the others
SELECT bool_and(round(c.diff::numeric, 4) = CASE WHEN m.womens THEN 0.0731 ELSE 0.0111 END) IS NOT FALSE AS by_past_category
FROM outcome m JOIN outcome n ON n.segment = 'No E-Mail' AND m.segment = 'Womens E-Mail' AND n.womens = m.womens, persona.compare(n.visit, m.visit) c;
DROP SCHEMA experiment_hillstrom CASCADE;
