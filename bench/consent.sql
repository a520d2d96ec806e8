/*
 * Consent against the best that we could write by hand: the join that run() and
 * claim() make over all subjects, and what one call costs. A million subjects
 * and ten million statements; PERSONA_BENCH_SUBJECTS makes it fewer.
 */
\set subjects `echo "${PERSONA_BENCH_SUBJECTS:-1000000}"`
SET work_mem = '256MB';
SET maintenance_work_mem = '512MB';
CREATE TABLE customers (id int PRIMARY KEY, email text);
INSERT INTO customers SELECT i, 'c' || i || '@example.org' FROM generate_series(1, :subjects) i;
\o /dev/null
SELECT * FROM persona.define_space('shop', 'customers');
SELECT * FROM persona.define_channel('email', 'email');
SELECT * FROM persona.define_channel('sms', 'email');
SELECT * FROM persona.define_purpose('marketing', 'consent', '2 years');
SELECT * FROM persona.define_purpose('marketing.offers', 'consent', '1 year');
SELECT * FROM persona.define_purpose('marketing.news', 'consent', '1 year');
SELECT * FROM persona.define_purpose('service', 'opt_out');
\o

/*
 * Ten statements a subject, put where they belong without the triggers, as a
 * restore would: what is measured is asking.
 */
CREATE VIEW said AS
SELECT s AS subject, n AS seq, md5(s || '/' || n)::uuid AS ledger,
	(ARRAY['marketing', 'marketing.offers', 'marketing.news', 'service', NULL])[1 + (h & 1023) % CASE WHEN n % 5 = 0 THEN 5 ELSE 4 END] AS purpose,
	(ARRAY['email', 'email', 'sms', NULL])[1 + (h >> 10 & 3)] AS channel,
	CASE WHEN (h >> 12 & 3) > 0 THEN 'grant' ELSE 'withdraw' END AS decision,
	timestamptz '2026-01-01 00:00+00' - interval '1 hour' * (h >> 14 & 16383) AS at
FROM generate_series(1, :subjects) s, generate_series(1, 10) n, LATERAL (SELECT hashint4(s * 10 + n) & 2147483647 AS h) x;
ALTER TABLE persona_shop.consent DISABLE TRIGGER USER;
INSERT INTO persona_shop.consent
SELECT subject, seq, ledger, purpose, channel, decision, 'consent', 'form', NULL, at, at, 'bench',
	CASE WHEN decision = 'grant' THEN at + interval '2 years' END, sha256('') FROM said;
ALTER TABLE persona_shop.consent ENABLE TRIGGER USER;
INSERT INTO persona_shop.consent_current
SELECT DISTINCT ON (subject, coalesce(purpose, ''), coalesce(channel, '')) subject, coalesce(purpose, ''), coalesce(channel, ''), decision, at, expires_at, ledger
FROM persona_shop.consent ORDER BY 1, 2, 3, at DESC, decision DESC, seq DESC;
INSERT INTO persona_shop.anchor SELECT id, now() FROM customers;
VACUUM ANALYZE customers, persona_shop.consent, persona_shop.consent_current, persona_shop.anchor;

/* ---- who may be written to, of everybody ---- */

/*
 * By hand: the same four steps over the same table, for one purpose and one
 * channel, with what is known of both written into it.
 */
CREATE VIEW by_hand AS
SELECT k.subject FROM persona_shop.anchor k
CROSS JOIN LATERAL (
	SELECT c.decision, c.expires_at FROM persona_shop.consent_current c
	WHERE c.subject = k.subject AND c.channel IN ('', 'email') AND c.purpose IN ('', 'marketing', 'marketing.offers')
		AND NOT EXISTS (SELECT FROM persona_shop.consent_current b WHERE b.subject = k.subject AND b.purpose = '' AND b.channel IN ('', 'email')
			AND (b.at, b.decision, b.purpose, b.channel) > (c.at, c.decision, c.purpose, c.channel))
	ORDER BY length(c.purpose) DESC, c.at DESC, c.decision DESC, c.channel DESC LIMIT 1
) w
WHERE w.decision = 'grant' AND (w.expires_at > now() OR w.expires_at IS NULL)
	AND NOT EXISTS (SELECT FROM persona_shop.suppression p WHERE p.subject = k.subject AND p.channel IN ('', 'email'));
CREATE VIEW ours AS
SELECT subject FROM persona_shop.consent_state WHERE purpose = 'marketing.offers' AND channel = 'email' AND allowed;

CREATE PROCEDURE pg_temp.everybody(OUT line text) LANGUAGE plpgsql AS $$
DECLARE
	everybody bigint := (SELECT count(*) FROM customers);
BEGIN
	ASSERT (SELECT count(*) FROM ours) > 0 AND NOT EXISTS (TABLE ours EXCEPT TABLE by_hand) AND NOT EXISTS (TABLE by_hand EXCEPT TABLE ours), 'the two differ';
	CALL pg_temp.compare('consent: everybody, one purpose and channel', 'by hand', everybody,
		'SELECT count(*) FROM ours', 'SELECT count(*) FROM by_hand', '', 5, line);
END $$;
CALL pg_temp.everybody(NULL);

/* ---- one call ---- */

/* Calls a second: `n` calls by one statement, the median of five. */
CREATE PROCEDURE pg_temp.rate(figure text, n bigint, statement text, OUT line text) LANGUAGE plpgsql AS $$
DECLARE
	costs float8[];
BEGIN
	FOR i IN 0 .. 5 LOOP
		costs := costs || pg_temp.cost(statement, '');
		COMMIT;
	END LOOP;
	SELECT format('%-42s %s a second on one core (%s .. %s)', figure, round(n * 1e9 / percentile_cont(0.5) WITHIN GROUP (ORDER BY c)), round(n * 1e9 / max(c)), round(n * 1e9 / min(c)))
	INTO line FROM unnest(costs[2:]) c;
END $$;
CREATE VIEW sample AS SELECT 1 + (hashint4(i) & 2147483647) % :subjects AS id FROM generate_series(1, 20000) i;
CALL pg_temp.rate('may_contact', 20000, 'SELECT count(*) FILTER (WHERE persona.may_contact(id, ''marketing.offers'', ''email'')) FROM sample', NULL);
CALL pg_temp.rate('consent_status', 20000, 'SELECT count(*) FROM sample, persona.consent_status(id, ''marketing.offers'', ''email'')', NULL);
CALL pg_temp.rate('consent_status, at an instant of the past', 20000, 'SELECT count(*) FROM sample, persona.consent_status(id, ''marketing.offers'', ''email'', ''2025-03-03 12:00+00'')', NULL);
CALL pg_temp.rate('grant_consent', 20000, 'SELECT count(persona.grant_consent(id, ''marketing.offers'', ''email'', ''form'')) FROM sample', NULL);

/* COPY, one row a statement of somebody's, from a file. */
SELECT format('/tmp/persona_consent_%s.copy', pg_backend_pid()) AS file \gset
COPY (SELECT id, 'marketing.offers', 'email', 'grant', 'import', '2025-06-01 00:00+00' FROM sample ORDER BY 1) TO :'file';
SELECT format('COPY persona_shop.consent (subject, purpose, channel, decision, source, at) FROM %L', :'file') AS copy \gset
CALL pg_temp.rate('COPY into the ledger', 20000, :'copy', NULL);
COPY (SELECT) TO PROGRAM 'rm -f /tmp/persona_consent_*.copy';
SELECT persona.preference_token(1) AS token \gset
CALL pg_temp.rate('preference_token', 20000, 'SELECT count(persona.preference_token(id, ''email'')) FROM sample', NULL);
SELECT format('SELECT count(*) FROM generate_series(1, 20000) i, LATERAL (SELECT i) x(i), persona.preferences(CASE WHEN x.i > 0 THEN %L END)', :'token') AS page \gset
CALL pg_temp.rate('preferences, a page of four boxes', 20000, :'page', NULL);
CALL pg_temp.rate('verify_ledger, rows', 10 * :subjects, 'SELECT count(*) FROM persona.verify_ledger()', NULL);
