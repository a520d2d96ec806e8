-- The ledger is only ever appended to, whoever asks; and whoever breaks the
-- door leaves a chain that does not fit, or a fold that does not.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA cv;
CREATE ROLE consent_holder;
CREATE ROLE consent_writer;
GRANT USAGE ON SCHEMA cv TO consent_holder, consent_writer;
CREATE TABLE cv.customer (id text COLLATE "C" PRIMARY KEY);
ALTER TABLE cv.customer OWNER TO consent_holder;
INSERT INTO cv.customer SELECT 'c' || i FROM generate_series(1, 30) i;
SET persona.space = 'cv_shop';
SELECT count(*) FROM persona.define_space('cv_shop', 'cv.customer');
SELECT code FROM persona.define_channel('email', '''a@example.org''', '''UTC''');
SELECT code FROM persona.define_purpose('news', 'consent', '2 years');
SELECT code FROM persona.define_purpose('service', 'opt_out');
INSERT INTO persona_cv_shop.consent (subject, purpose, channel, decision, source, at, evidence)
SELECT 'c' || s, CASE WHEN i % 3 = 0 THEN 'service' WHEN i % 7 > 0 THEN 'news' END, CASE WHEN i % 2 = 0 THEN 'email' END,
	CASE WHEN (s + i) % 3 > 0 THEN 'grant' ELSE 'withdraw' END, 'form ' || i, '2020-01-01 00:00+00'::timestamptz + interval '1 day' * ((i * 37 + s) % 1000), '{"n": 1.50, "a": [null, "é"]}'
FROM generate_series(1, 30) s, generate_series(1, 12) i;
SELECT count(*) AS broken FROM persona.verify_ledger();
SELECT count(*) AS different FROM persona.verify_current();

-- nobody may change it: owner, writer with every right there is, superuser
GRANT USAGE ON SCHEMA persona_cv_shop TO consent_writer;
GRANT ALL ON ALL TABLES IN SCHEMA persona_cv_shop TO consent_writer;
CREATE FUNCTION cv.refused(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	EXECUTE statement;
	RAISE SQLSTATE 'PT000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT who, statement, cv.refused(who, statement) FROM unnest(ARRAY['consent_holder', 'consent_writer', current_user::text]) WITH ORDINALITY w(who, ord),
	unnest(ARRAY['UPDATE persona_cv_shop.consent SET source = ''x''', 'UPDATE persona_cv_shop.consent SET source = ''x'' WHERE false', 'DELETE FROM persona_cv_shop.consent',
		'DELETE FROM ONLY persona_cv_shop.consent WHERE subject = ''c1''', 'TRUNCATE persona_cv_shop.consent', 'MERGE INTO persona_cv_shop.consent c USING (SELECT 1) x ON c.subject = ''c1'' WHEN MATCHED THEN DELETE',
		'INSERT INTO persona_cv_shop.consent SELECT * FROM persona_cv_shop.consent LIMIT 1 ON CONFLICT (subject, seq) DO UPDATE SET source = ''x''',
		'WITH gone AS (DELETE FROM persona_cv_shop.consent RETURNING 1) SELECT count(*) FROM gone']) WITH ORDINALITY s(statement, n) ORDER BY ord, n;
SET ROLE consent_holder;
SELECT has_table_privilege('persona_cv_shop.consent', p) AS owner_may, p FROM unnest('{UPDATE,TRUNCATE,INSERT,SELECT,DELETE}'::text[]) p;
RESET ROLE;
SELECT count(*) AS untouched FROM persona_cv_shop.consent;
-- erasing lets through its own statements, and the door is shut behind it
SELECT count(*) > 0 AS erased FROM persona.erase_subject('c30');
SELECT cv.refused(current_user::text, 'DELETE FROM persona_cv_shop.consent');
-- also behind one that failed in the middle of it
CREATE FUNCTION cv.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'in the middle'; END $$;
CREATE TRIGGER fail AFTER DELETE ON persona_cv_shop.consent FOR EACH ROW EXECUTE FUNCTION cv.fail();
SELECT count(*) FROM persona.erase_subject('c29');
DROP TRIGGER fail ON persona_cv_shop.consent;
SELECT cv.refused(current_user::text, 'DELETE FROM persona_cv_shop.consent');

-- its triggers write in the owner's name, so they work on no other table
CREATE TABLE cv.mine (LIKE persona_cv_shop.consent);
CREATE TRIGGER fold AFTER INSERT ON cv.mine FOR EACH ROW EXECUTE FUNCTION persona.fold_consent('cv_shop');
INSERT INTO cv.mine SELECT * FROM persona_cv_shop.consent LIMIT 1;
CREATE TRIGGER append BEFORE INSERT ON cv.mine FOR EACH ROW EXECUTE FUNCTION persona.append_consent('cv_shop');
INSERT INTO cv.mine (subject, decision, source) VALUES ('c1', 'grant', 'x');
SELECT persona.append_consent();
-- a key that is too long for a link says so
INSERT INTO cv.customer VALUES (repeat('x', 2000)), (repeat('x', 4000));
SELECT length(persona.preference_token(repeat('x', 2000))) > 2000 AS fits, (SELECT count(*) FROM persona.preferences(persona.preference_token(repeat('x', 2000)))) AS boxes;
SELECT persona.preference_token(repeat('x', 4000));
DELETE FROM cv.customer WHERE length(id) > 1000;

-- who breaks the door: each change to each column of each of ten rows is found
-- where it was made, and so is each row taken out or put in
ALTER TABLE persona_cv_shop.consent DISABLE TRIGGER USER;
CREATE FUNCTION cv.found(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	at_row text;
BEGIN
	EXECUTE change;
	SELECT concat_ws(' ', v.subject, v.seq, v.problem) INTO at_row FROM persona.verify_ledger() v;
	RAISE SQLSTATE 'PT000';
EXCEPTION WHEN SQLSTATE 'PT000' THEN
	RETURN at_row;
END $$;
SELECT change, count(*) AS n, count(*) FILTER (WHERE cv.found(format('UPDATE persona_cv_shop.consent SET %s WHERE subject = %L AND seq = %s', change, 'c' || s, q)) LIKE format('c%s %s %%', s, q)) AS found_there
FROM unnest(ARRAY['ledger = gen_random_uuid()', 'purpose = coalesce(purpose || ''x'', ''news'')', 'channel = CASE WHEN channel IS NULL THEN ''email'' END', 'decision = CASE decision WHEN ''grant'' THEN ''withdraw'' ELSE ''grant'' END',
	'basis = coalesce(basis || ''x'', '''')', 'source = source || '' ''', 'evidence = evidence || ''{"n": 1.5}''', 'evidence = NULL', 'at = at + interval ''1 us''', 'recorded_at = recorded_at - interval ''1 us''', 'recorded_by = upper(recorded_by)',
	'expires_at = coalesce(expires_at + interval ''1 us'', ''infinity'')', 'chain = set_bit(chain, 255, 1 - get_bit(chain, 255))', 'chain = substr(chain, 1, 31)']) change,
	(VALUES (1, 1), (1, 12), (2, 1), (2, 5), (3, 11), (7, 2), (9, 9), (11, 12), (20, 6), (28, 3)) r(s, q) GROUP BY 1 ORDER BY 1;
SELECT count(*) AS flips, count(*) FILTER (WHERE cv.found(format('UPDATE persona_cv_shop.consent SET chain = set_bit(chain, %s, 1 - get_bit(chain, %s)) WHERE subject = ''c4'' AND seq = 4', i, i)) LIKE 'c4 4 %') AS found_there FROM generate_series(0, 255) i;
SELECT cv.found('DELETE FROM persona_cv_shop.consent WHERE subject = ''c5'' AND seq = 1') AS the_first, cv.found('DELETE FROM persona_cv_shop.consent WHERE subject = ''c5'' AND seq = 5') AS one_between,
	cv.found('DELETE FROM persona_cv_shop.consent WHERE subject = ''c5'' AND seq = 12') AS the_last_is_not_seen;
SELECT cv.found('INSERT INTO persona_cv_shop.consent SELECT subject, 13, ledger, purpose, channel, decision, basis, source, evidence, at, recorded_at, recorded_by, expires_at, chain FROM persona_cv_shop.consent WHERE subject = ''c6'' AND seq = 12') AS put_behind,
	cv.found('UPDATE persona_cv_shop.consent SET subject = ''c31'' WHERE subject = ''c6''') AS given_to_another,
	cv.found('UPDATE persona_cv_shop.consent SET seq = CASE seq WHEN 3 THEN 1003 ELSE 1004 END WHERE subject = ''c6'' AND seq IN (3, 4)') AS moved;
ALTER TABLE persona_cv_shop.consent ENABLE TRIGGER USER;
SELECT count(*) AS broken FROM persona.verify_ledger();
-- what stands was changed: more, less, other
CREATE FUNCTION cv.differs(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	EXECUTE change;
	SELECT string_agg(concat_ws(' ', v.subject, coalesce(v.purpose, '-'), coalesce(v.channel, '-'), v.problem), '; ') INTO said FROM persona.verify_current() v;
	RAISE SQLSTATE 'PT000';
EXCEPTION WHEN SQLSTATE 'PT000' THEN
	RETURN said;
END $$;
SELECT cv.differs('DELETE FROM persona_cv_shop.consent_current WHERE subject = ''c1'' AND purpose = ''service'' AND channel = ''email''') AS less,
	cv.differs('INSERT INTO persona_cv_shop.consent_current VALUES (''c29'', ''news'', ''sms'', ''grant'', now(), NULL, gen_random_uuid())') AS more,
	cv.differs('UPDATE persona_cv_shop.consent_current SET at = at + interval ''1 us'' WHERE subject = ''c2'' AND purpose = ''service'' AND channel = ''''') AS other;

-- what is old and overtaken may go; what stands, and what it stands on, stays
CREATE VIEW cv.answer AS
SELECT s.id, p.purpose, r.* FROM cv.customer s CROSS JOIN (VALUES ('news'), ('service')) p(purpose)
CROSS JOIN LATERAL persona.consent_status(s.id, p.purpose, 'email') r;
CREATE TABLE cv.before AS TABLE cv.answer;
SELECT persona.forget_consents('100 years') AS none, persona.forget_consents('1 day') AS too_young;
SELECT set_config('persona.clock', (now() + interval '10 years')::text, false) IS NOT NULL AS later;
SELECT persona.forget_consents('3 years') > 0 AS some, persona.forget_consents('3 years') AS again;
RESET persona.clock;
SELECT count(*) < 348 AS fewer, count(DISTINCT subject) AS nobody_lost FROM persona_cv_shop.consent;
SELECT count(*) AS cuts, bool_and(c.seq + 1 = (SELECT min(l.seq) FROM persona_cv_shop.consent l WHERE l.subject = c.subject)) AS at_the_start FROM persona_cv_shop.consent_cut c;
SELECT count(*) AS broken FROM persona.verify_ledger();
SELECT count(*) AS different FROM persona.verify_current();
SELECT count(*) AS answers, (SELECT count(*) FROM (TABLE cv.before EXCEPT TABLE cv.answer) x) AS changed FROM cv.before;
SELECT persona.grant_consent(id, 'news', 'email', 'later') IS NOT NULL AS goes_on FROM cv.customer LIMIT 1;
SELECT count(*) AS broken FROM persona.verify_ledger();

SELECT persona.drop_space('cv_shop', force => true);
DROP SCHEMA cv CASCADE;
DROP OWNED BY consent_holder, consent_writer;
DROP ROLE consent_holder, consent_writer;
