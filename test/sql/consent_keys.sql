-- Whatever type a subject's key has, it is passed as itself, as text or as a
-- literal, and what is no such key is refused.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET jit = off;
CREATE SCHEMA ck;
CREATE TABLE ck.by_smallint (id smallint PRIMARY KEY);
CREATE TABLE ck.by_int (id int PRIMARY KEY);
CREATE TABLE ck.by_bigint (id bigint PRIMARY KEY);
CREATE TABLE ck.by_uuid (id uuid PRIMARY KEY);
CREATE TABLE ck.by_text (id text COLLATE "C" PRIMARY KEY);
CREATE TABLE ck.by_varchar (id varchar(40) PRIMARY KEY);
INSERT INTO ck.by_smallint VALUES (1), (-32768);
INSERT INTO ck.by_int VALUES (1), (-2147483648);
INSERT INTO ck.by_bigint VALUES (1), (9223372036854775807);
INSERT INTO ck.by_uuid VALUES ('018f2b5e-0000-7000-8000-000000000001'), ('ffffffff-ffff-ffff-ffff-ffffffffffff');
INSERT INTO ck.by_text VALUES ('1'), (E'O''Brien "x" $$ \\ {a,b} %s é\n');
INSERT INTO ck.by_varchar VALUES ('1'), ('');
CREATE TABLE ck.kind (kind text, home text, alien text);
INSERT INTO ck.kind VALUES ('smallint', 'ck_smallint', '32768'), ('int', 'ck_int', '1.5'), ('bigint', 'ck_bigint', '9223372036854775808'),
	('uuid', 'ck_uuid', '1'), ('text', 'ck_text', NULL), ('varchar', 'ck_varchar', NULL);
SELECT kind, (SELECT count(*) FROM persona.define_space(home, ('ck.by_' || kind)::regclass)) AS space,
	(SELECT count(*) FROM persona.define_channel('email', '''a@example.org''', space => home)) AS channel,
	(SELECT count(*) FROM persona.define_purpose('news', 'consent', '1 year', space => home)) AS purpose
FROM ck.kind;

-- one subject says yes as itself, the other no as text; both are asked both ways
CREATE FUNCTION ck.works(kind text, home text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	works boolean;
BEGIN
	EXECUTE format('SELECT count(CASE WHEN n = 1 THEN persona.grant_consent(id, ''news'', ''email'', ''test'', space => %2$L)
			ELSE persona.withdraw_consent(id::text, ''news'', ''email'', ''test'', space => %2$L) END) = 2
		FROM (SELECT id, row_number() OVER (ORDER BY id::text LIKE ''%%1'' DESC, id) AS n FROM ck.by_%1$s) s', kind, home) INTO STRICT works;
	IF NOT works THEN
		RETURN false;
	END IF;
	EXECUTE format('SELECT bool_and(persona.may_contact(id, ''news'', ''email'', space => %2$L) = (id::text LIKE ''%%1'')
			AND persona.may_contact(id::text, ''news'', ''email'', space => %2$L) = (id::text LIKE ''%%1'')
			AND (SELECT reason FROM persona.consent_status(id, ''news'', ''email'', space => %2$L))
				= (SELECT reason FROM persona_%2$s.consent_state v WHERE v.subject = s.id)
			AND (SELECT decision = CASE WHEN id::text LIKE ''%%1'' THEN ''grant'' ELSE ''withdraw'' END
				FROM persona.consent_history(id, space => %2$L)))
		FROM ck.by_%1$s s', kind, home) INTO STRICT works;
	EXECUTE format('SELECT $1 AND count(persona.suppress(id::text, NULL, ''test'', space => %2$L)) = 2 FROM ck.by_%1$s', kind, home)
	INTO STRICT works USING works;
	EXECUTE format('SELECT $1 AND bool_and(persona.unsuppress(id, NULL, space => %2$L)) FROM ck.by_%1$s', kind, home)
	INTO STRICT works USING works;
	EXECUTE format('SELECT persona.set_preference(id, ''user.location'', false, space => %2$L) FROM ck.by_%1$s', kind, home);
	EXECUTE format('SELECT $1 AND (SELECT array_agg(c ORDER BY c) FROM unnest(ARRAY[pg_typeof(a.subject), pg_typeof(l.subject), pg_typeof(p.subject)]) c)
			= array_fill(pg_typeof(s.id), ARRAY[3])
		FROM ck.by_%1$s s JOIN persona_%2$s.anchor a ON a.subject = s.id JOIN persona_%2$s.consent l ON l.subject = s.id
		JOIN persona_%2$s.preference p ON p.subject = s.id LIMIT 1', kind, home) INTO STRICT works USING works;
	RETURN works;
END $$;
SELECT kind, ck.works(kind, home) FROM ck.kind;

-- a text that is no key of this space says so
CREATE FUNCTION ck.refused(home text, alien text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.may_contact(alien, 'news', 'email', space => home);
	RETURN NULL;
EXCEPTION WHEN invalid_text_representation THEN
	RETURN SQLERRM;
END $$;
SELECT kind, alien, ck.refused(home, alien) FROM ck.kind WHERE alien IS NOT NULL;

-- literals and untyped parameters resolve as well as columns
SET persona.space = 'ck_bigint';
SELECT persona.may_contact(1, 'news', 'email') AS number, persona.may_contact('1', 'news', 'email') AS literal,
	persona.may_contact(' 1 ', 'news', 'email') AS with_blanks, persona.may_contact(1::smallint, 'news', 'email') AS smaller,
	persona.may_contact('9223372036854775807', 'news', 'email') AS the_other;
PREPARE ask AS SELECT persona.may_contact($1, 'news', 'email');
EXECUTE ask('1');
DEALLOCATE ask;
RESET persona.space;
SELECT count(persona.drop_space(home, force => true)) FROM ck.kind;
DROP SCHEMA ck CASCADE;
