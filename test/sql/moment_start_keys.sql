-- every start for every type of key, and a request that looks at events
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE SCHEMA mz;
CREATE TABLE mz.kind (name text, key_type text, event_type text, keys text[]);
INSERT INTO mz.kind VALUES ('mz_int', 'int', 'bigint', '{41,42}'), ('mz_bigint', 'bigint', 'int', '{42,43}'), ('mz_smallint', 'smallint', 'int', '{6,7}'),
	('mz_uuid', 'uuid', 'uuid', '{018f2b5e-0000-7000-8000-000000000041,018f2b5e-0000-7000-8000-000000000042}'),
	('mz_text', 'text', 'text', ARRAY['O''Neil "x", é', E'back\\slash, {} \t']), ('mz_varchar', 'varchar(50)', 'text', '{v,w}');
SET persona.clock = '2026-01-01 12:00+00';
CREATE FUNCTION mz.define(space text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM persona.define_channel('email', 'email', space => space), persona.define_purpose('service', 'opt_out', space => space);
	SELECT count(*) FROM persona.define_segment('buyers', 'count(purchase) > 0', space => space);
	SELECT count(*) FROM persona.define_moment('bought', on_event => 'purchase', purpose => 'service', channel => 'email', template => '{{ new.what }}', generic => '{{ new.what }}', space => space);
	SELECT count(*) FROM persona.define_moment('next', after_moment => 'bought', purpose => 'service', channel => 'email', template => '{{ new.what }}', generic => '{{ new.what }}', space => space);
	SELECT count(*) FROM persona.define_moment('entered', on_segment => 'buyers', purpose => 'service', channel => 'email', template => 'x {{ name }}', generic => 'x', space => space);
	SELECT count(*) FROM persona.define_moment('noon', schedule => 'daily', local_time => '12:30', when_rule => 'count(purchase) > 0', purpose => 'service', channel => 'email', template => 'x {{ name }}', generic => 'x', space => space);
	SELECT count(*) FROM persona.define_moment('page', on_request => true, when_rule => 'count(purchase) FILTER (WHERE what = new.what AND ago < ''1 day'') > 0',
		purpose => 'service', channel => 'email', template => '{{ new.what }}', generic => '{{ new.what }}', space => space);
	SELECT count(*) FROM persona.define_goal('again', 'count(purchase) > 0', space => space);
	SELECT count(*) FROM unnest('{bought,entered}'::text[]) m, persona.define_experiment(m, '{generic,personal}', '{0.5,0.5}', goal => 'again', space => space);
	SELECT count(*) FROM unnest('{bought,entered}'::text[]) m, persona.define_moment('later_' || m, after_moment => m, delay => '1 day', purpose => 'service', channel => 'email', template => 'x {{ name }}', generic => 'x', space => space);
	SELECT count(*) FROM persona.moment m, persona.activate(m.moment, space => m.space) f WHERE m.space = $1 AND f.level = 'block' $$;
CREATE FUNCTION mz.set_up(kind mz.kind) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE mz.c_%s (k %s PRIMARY KEY, name text, email text)', kind.name, kind.key_type);
	EXECUTE format('CREATE TABLE mz.o_%s (a int, b text, c %s, what text, at timestamptz, PRIMARY KEY (a, b))', kind.name, kind.event_type);
	EXECUTE format('INSERT INTO mz.c_%s SELECT k::%s, ''Ann'', ''ann@example.org'' FROM unnest($1) k', kind.name, kind.key_type) USING kind.keys;
	PERFORM persona.define_space(kind.name, format('mz.c_%s', kind.name)::regclass);
	PERFORM persona.define_event('purchase', format('mz.o_%s', kind.name)::regclass, subject => 'c', space => kind.name);
	PERFORM mz.define(kind.name);
	EXECUTE format('INSERT INTO mz.o_%1$s SELECT 1, ''x'', k, ''shoes'', ''2026-01-01 12:00+00'' FROM mz.c_%1$s WHERE k::text = $1', kind.name) USING kind.keys[1];
	RETURN (SELECT count(*) FROM persona.moment m WHERE m.space = kind.name AND m.state = 'live');
END;
$$;
SELECT name, mz.set_up(kind) AS live FROM mz.kind;
SET persona.clock = '2026-01-01 12:01+00';
SELECT d.name, d.key = d.keys[1] AS bought, a.outcome, a.reason, a.body FROM (SELECT k.name, k.keys, u.key FROM mz.kind k, unnest(k.keys) u(key)) d,
	persona.decide(d.key, 'page', '{"what": "shoes"}', space => d.name) a ORDER BY d.name, 2 DESC;
SET persona.clock = '2026-01-01 12:31+00';
SELECT 'CALL persona.run(space => ' || quote_literal(name) || ')' FROM mz.kind, generate_series(1, 2)
\gexec
CREATE FUNCTION mz.decided(name text, OUT subject text, OUT moment text, OUT outcome text, OUT once_key text, OUT documented_id boolean) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT subject::text, moment, outcome, CASE WHEN event = ''request'' THEN ''uuid'' ELSE replace(once_key, E''\x1f'', ''/'') END,
		decision = persona.decision_id(%L, moment, subject::text, once_key, 0) FROM persona_%s.decision ORDER BY moment, subject', name, name);
END;
$$;
SELECT d.moment, d.outcome, d.once_key, d.documented_id, d.subject = k.keys[1] AS who_bought, count(*) AS kinds FROM mz.kind k, mz.decided(k.name) d GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3;
SELECT k.name, m.moment, s.outcome, s.body IS NOT NULL AS body FROM mz.kind k, unnest('{bought,next,entered,noon,page}'::text[]) m(moment), persona.simulate(k.keys[1], m.moment, '{"what": "shoes"}', space => k.name) s WHERE s.outcome <> 'send';
SELECT m.moment, count(*) AS simulated FROM mz.kind k, unnest('{bought,next,entered,noon,page}'::text[]) m(moment), persona.simulate_segment('buyers', m.moment, '{"what": "shoes"}', space => k.name) s WHERE s.outcome = 'send' GROUP BY 1 ORDER BY 1;
-- a chain on each of them ends by a second purchase: decided, or in the outbox already
CREATE FUNCTION mz.buy(kind mz.kind, b text, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('INSERT INTO mz.o_%1$s SELECT 1, $2, k, ''hat'', $3 FROM mz.c_%1$s WHERE k::text = $1', kind.name) USING kind.keys[1], b, at; END; $$;
SET persona.clock = '2026-01-02 12:29+00';
SELECT m.moment, count(*) AS kinds, bool_and(w.passed) AS open FROM mz.kind k, unnest('{bought,entered}'::text[]) m(moment), persona.why_not(k.keys[1], 'later_' || m.moment, space => k.name) w WHERE w.gate = 'cancel' GROUP BY 1 ORDER BY 1;
SELECT 'CALL persona.run(space => ' || quote_literal(name) || ')' FROM mz.kind
\gexec
SET persona.clock = '2026-01-02 12:31+00';
SELECT 'CALL persona.run(space => ' || quote_literal(name) || ')' FROM mz.kind WHERE name IN ('mz_int', 'mz_text')
\gexec
SELECT count(mz.buy(k, 'y', '2026-01-02 12:31+00')) FROM mz.kind k;
SELECT m.moment, count(*) AS kinds, bool_and(w.saw->>'goal' = 'again' AND w.saw->>'after' = m.moment AND NOT w.passed) AS named FROM mz.kind k, unnest('{bought,entered}'::text[]) m(moment), persona.why_not(k.keys[1], 'later_' || m.moment, space => k.name) w WHERE w.gate = 'cancel' GROUP BY 1 ORDER BY 1;
SELECT 'CALL persona.run(space => ' || quote_literal(name) || ')' FROM mz.kind
\gexec
SELECT count(*) AS of_the_chains FROM mz.kind k, persona.claim('email', 100, space => k.name) c WHERE c.moment LIKE 'later%';
CREATE FUNCTION mz.ended(name text, OUT moment text, OUT ended text) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT moment, concat_ws('' '', outcome, reason) FROM persona_%s.outcome WHERE moment LIKE $1', name) USING 'later%';
END $$;
SELECT e.moment, e.ended, count(*) FROM mz.kind k, mz.ended(k.name) e GROUP BY 1, 2 ORDER BY 1, 2;
CREATE FUNCTION mz.alerts(name text) RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN EXECUTE format('SELECT count(*) FROM persona_%s.alert', name) INTO n; RETURN n; END $$;
SELECT sum(mz.alerts(name)) AS alerts FROM mz.kind;
SELECT count(persona.drop_space(name, force => true)) FROM mz.kind;
RESET persona.clock;
DROP SCHEMA mz CASCADE;
