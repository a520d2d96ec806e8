-- the main job for every type of key
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET persona.clock = '2026-01-01 12:00+00';
CREATE SCHEMA mk;
CREATE TABLE mk.kind (name text, key_type text, event_type text, key text);
INSERT INTO mk.kind VALUES ('mk_int', 'int', 'bigint', '42'), ('mk_bigint', 'bigint', 'int', '43'), ('mk_smallint', 'smallint', 'int', '7'),
	('mk_uuid', 'uuid', 'uuid', '018f2b5e-0000-7000-8000-000000000042'), ('mk_text', 'text', 'text', 'O''Neil "x", é'), ('mk_varchar', 'varchar(50)', 'text', 'v');
CREATE FUNCTION mk.set_up(kind mk.kind) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('CREATE TABLE mk.c_%s (k %s PRIMARY KEY, name text, email text)', kind.name, kind.key_type);
	EXECUTE format('CREATE TABLE mk.o_%s (a int, b text, c %s, what text, at timestamptz, PRIMARY KEY (a, b))', kind.name, kind.event_type);
	EXECUTE format('INSERT INTO mk.c_%s VALUES (%L, ''Ann'', ''ann@example.org'')', kind.name, kind.key);
	PERFORM persona.define_space(kind.name, format('mk.c_%s', kind.name)::regclass);
	PERFORM set_config('persona.space', kind.name, true);
	PERFORM persona.define_event('purchase', format('mk.o_%s', kind.name)::regclass, subject => 'c');
	PERFORM persona.define_channel('email', 'email');
	PERFORM persona.define_purpose('marketing', 'consent');
	PERFORM persona.define_moment('thanks', on_event => 'purchase', purpose => 'marketing', channel => 'email', expires => NULL,
		template => '{{ name }} {{ new.what }} {{ n }}', generic => '{{ name }} {{ new.what }} {{ n }}', tokens => '{"n": "count(purchase)"}');
	PERFORM persona.activate('thanks');
	PERFORM persona.grant_consent(kind.key, 'marketing', 'email', 'test');
	EXECUTE format('INSERT INTO mk.o_%1$s SELECT 1, ''x'', k, ''shoes'', ''2026-01-01 12:00+00'' FROM mk.c_%1$s', kind.name);
	EXECUTE format('SELECT count(*) FROM persona_%s.inbox', kind.name) INTO n;
	RETURN n;
END;
$$;
SELECT name, mk.set_up(kind) AS seen FROM mk.kind;
CALL persona.run(space => 'mk_int');
CALL persona.run(space => 'mk_bigint');
CALL persona.run(space => 'mk_smallint');
CALL persona.run(space => 'mk_uuid');
CALL persona.run(space => 'mk_text');
CALL persona.run(space => 'mk_varchar');
SELECT name, subject = key AS right_subject, address, body, message = decision AS same_id,
	decision = persona.decision_id(name, 'thanks', subject, E'1\x1fx', 0) AS documented_id,
	decision = encode(substr(sha256(convert_to(concat_ws(E'\x1f', name, 'thanks', subject, E'1\x1fx', '0'), 'UTF8')), 1, 16), 'hex')::uuid AS by_hand
FROM mk.kind, persona.claim('email', 10, space => name);
SELECT name, format_type(atttypid, NULL) AS subject_type FROM mk.kind, pg_attribute
WHERE attrelid = format('persona_%s.decision', name)::regclass AND attname = 'subject';
-- a key of another type is refused by name
SELECT persona.may_contact('abc', 'marketing', 'email', space => 'mk_uuid');
SELECT persona.may_contact(12345678901, 'marketing', 'email', space => 'mk_int');
-- dropping a space takes its triggers along
SELECT persona.drop_space(name, force => true) FROM mk.kind;
SELECT count(*) AS triggers_left FROM pg_trigger WHERE tgname LIKE 'persona%';
RESET persona.clock;
DROP SCHEMA mk CASCADE;
