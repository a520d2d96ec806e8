-- The law of consent, written a second time as a walk through the ledger, and
-- compared with every answer persona gives over a generated history: late
-- arrivals, equal instants, parents, every purpose, every channel.
SET client_min_messages = warning;
SET jit = off;
CREATE SCHEMA consent_law;
SET search_path = consent_law, public;
SET persona.space = 'consent_law';
CREATE TABLE customer (id int PRIMARY KEY);
INSERT INTO customer SELECT generate_series(1, 24);
SELECT code FROM persona.define_space('consent_law', 'consent_law.customer');
SELECT code FROM persona.define_channel('email', '''a@example.org''');
SELECT code FROM persona.define_channel('sms', '''+49''');
SELECT p.*, code FROM
	(VALUES ('a', 'consent', interval '90 days'), ('a.b', 'consent', '30 days'), ('a.b.c', 'opt_out', NULL),
		('ab', 'consent', NULL), ('g', 'double_opt_in', '60 days'), ('g.h', 'double_opt_in', NULL), ('d', 'opt_out', '45 days'), ('e', 'legitimate_interest', NULL), ('f', 'contract', '10 days')) p (purpose, basis, expires)
	LEFT JOIN LATERAL persona.define_purpose(p.purpose, p.basis, p.expires) ON true;

-- h(i, n): a number 0..n-1 for the i-th choice, the same on every machine
CREATE FUNCTION h(choice text, n int) RETURNS int LANGUAGE sql IMMUTABLE
AS $$ SELECT (('x' || left(md5(choice), 7))::bit(28)::int) % n $$;

-- 24 subjects, 14 statements each, over 20 instants a week apart: recorded in
-- an order that has nothing to do with their time
CREATE TABLE said AS
SELECT s AS subject, i,
	(ARRAY['a', 'a', 'a.b', 'a.b.c', 'ab', 'd', 'e', 'f', 'g', 'g.h', NULL])[1 + h(concat('purpose', s, '/', i), 11)] AS purpose,
	(ARRAY['email', 'email', 'sms', NULL])[1 + h(concat('channel', s, '/', i), 4)] AS channel,
	(ARRAY['withdraw', 'grant', 'grant', 'confirm'])[1 + h(concat('decision', s, '/', i), 4)] AS decision,
	timestamptz '2024-01-01 00:00+00' + interval '7 days' * h(concat('at', s, '/', i), 20) AS at
FROM generate_series(1, 23) s, generate_series(1, 14) i;
SELECT count(*) AS said, count(CASE decision WHEN 'grant' THEN persona.grant_consent(subject, purpose, channel, 'test', at)
	WHEN 'withdraw' THEN persona.withdraw_consent(subject, purpose, channel, 'test', at) END) AS one_by_one
FROM (SELECT * FROM said WHERE i % 2 = 0 ORDER BY subject, i) s;
INSERT INTO persona_consent_law.consent (subject, purpose, channel, decision, source, at)
SELECT subject, purpose, channel, decision, 'test', at FROM said WHERE i % 2 = 1 OR decision = 'confirm' ORDER BY subject, i;
SELECT count(*) AS recorded, array_agg(DISTINCT decision ORDER BY decision) AS decisions, count(*) FILTER (WHERE decision = 'request') = (SELECT count(*) FROM said
	WHERE decision = 'grant' AND purpose LIKE 'g%') AS requests, count(DISTINCT ledger) = count(*) AS ids FROM persona_consent_law.consent;

-- consent_current is the ledger folded from scratch
CREATE VIEW folded AS
SELECT DISTINCT ON (subject, coalesce(purpose, ''), coalesce(channel, ''))
	subject, coalesce(purpose, '') AS purpose, coalesce(channel, '') AS channel, decision, at, expires_at, ledger
FROM persona_consent_law.consent
WHERE decision <> 'request'
ORDER BY 1, 2, 3, at DESC, array_position('{confirm,grant,withdraw}', decision) DESC, seq DESC;
SELECT count(*) > 200 AS enough,
	NOT EXISTS (TABLE folded EXCEPT TABLE persona_consent_law.consent_current) AS nothing_lost,
	NOT EXISTS (TABLE persona_consent_law.consent_current EXCEPT TABLE folded) AS nothing_added
FROM persona_consent_law.consent_current;
SELECT count(*) AS by_itself FROM persona.verify_current();
SELECT count(*) AS broken FROM persona.verify_ledger();

-- The law once more: walk through what was said in the order of its time (at
-- one instant yes before no, a confirmed one first), a statement about everything wiping the slate;
-- then climb from the purpose to its parents and take the first word found.
CREATE FUNCTION law(who int, about text, over text, instant timestamptz,
	OUT allowed boolean, OUT reason text, OUT ledger_id uuid, OUT since timestamptz, OUT until timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
	slate jsonb := '{}';
	said record;
	label text := about;
	basis text := (SELECT p.basis FROM persona.purpose p WHERE p.space = 'consent_law' AND p.purpose = about);
	word jsonb;
	yes boolean;
BEGIN
	FOR said IN SELECT * FROM persona_consent_law.consent c
		WHERE subject = who AND (channel IS NULL OR channel = over) AND at <= instant AND decision <> 'request'
		ORDER BY at, array_position('{confirm,grant,withdraw}', decision), purpose NULLS FIRST, channel NULLS FIRST, seq
	LOOP
		IF said.purpose IS NULL THEN
			slate := '{}';
		END IF;
		slate := slate || jsonb_build_object(coalesce(said.purpose, ''), to_jsonb(said));
	END LOOP;
	LOOP
		word := slate -> label;
		EXIT WHEN word IS NOT NULL OR label = '';
		label := CASE WHEN label LIKE '%.%' THEN regexp_replace(label, '[.][^.]*$', '') ELSE '' END;
	END LOOP;
	ledger_id := word ->> 'ledger';
	since := word ->> 'at';
	until := word ->> 'expires_at';
	yes := word ->> 'decision' = 'confirm' OR (word ->> 'decision' = 'grant' AND basis <> 'double_opt_in');
	IF yes AND (until IS NULL OR instant < until) THEN
		allowed := true; reason := 'granted';
	ELSIF basis = 'contract' OR (basis NOT IN ('consent', 'double_opt_in') AND word ->> 'decision' IS DISTINCT FROM 'withdraw') THEN
		allowed := true; reason := basis; ledger_id := NULL; since := NULL; until := NULL;
	ELSE
		allowed := false;
		reason := CASE WHEN word ->> 'decision' = 'withdraw' THEN 'withdrawn' WHEN yes THEN 'consent_expired' ELSE 'no_consent' END;
		ledger_id := CASE WHEN reason <> 'no_consent' THEN ledger_id END;
		since := CASE WHEN reason <> 'no_consent' THEN since END;
		since := CASE WHEN reason = 'consent_expired' THEN until ELSE since END;
		until := NULL;
	END IF;
END $$;

-- Every subject, purpose and channel, at every instant at which the answer may
-- turn: just before, at and after what was said and what expired.
CREATE TABLE asked AS
SELECT k.id AS subject, p.purpose, c.channel, t.at + interval '1 microsecond' * d AS at
FROM customer k
CROSS JOIN persona.purpose p
CROSS JOIN persona.channel c
CROSS JOIN generate_series(-1, 1) d
CROSS JOIN LATERAL (SELECT at FROM persona_consent_law.consent l WHERE l.subject = k.id
	UNION SELECT expires_at FROM persona_consent_law.consent l WHERE l.subject = k.id AND expires_at IS NOT NULL
	UNION VALUES (timestamptz '2000-01-01 00:00+00')) t
WHERE p.space = 'consent_law' AND c.space = 'consent_law'
	AND h(concat_ws('/', k.id, p.purpose, c.channel, extract(epoch FROM t.at), d), 2) = 0;
SELECT count(*) > 5000 AS enough,
	count(*) FILTER (WHERE (got.allowed, got.reason, got.ledger_id, got.since, got.until)
		IS DISTINCT FROM (law.allowed, law.reason, law.ledger_id, law.since, law.until)) AS differences,
	count(*) FILTER (WHERE persona.may_contact(a.subject, a.purpose, a.channel, a.at) IS DISTINCT FROM law.allowed) AS contradictions,
	array_agg(DISTINCT law.reason ORDER BY law.reason) AS reasons
FROM asked a
CROSS JOIN LATERAL persona.consent_status(a.subject, a.purpose, a.channel, a.at) got
CROSS JOIN LATERAL law(a.subject, a.purpose, a.channel, a.at) law;

-- The ends of time: nothing was said before it, all that expires has by its end
SELECT count(*) > 300 AS enough,
	bool_and(CASE WHEN b.reason IN ('no_consent', p.basis) THEN b.ledger_id IS NULL END) AS before,
	bool_and((e.allowed, e.reason) IS NOT DISTINCT FROM (law.allowed, law.reason)) AS after
FROM customer k CROSS JOIN persona.purpose p CROSS JOIN persona.channel c
CROSS JOIN LATERAL persona.consent_status(k.id, p.purpose, c.channel, '-infinity') b
CROSS JOIN LATERAL persona.consent_status(k.id, p.purpose, c.channel, 'infinity') e
CROSS JOIN LATERAL law(k.id, p.purpose, c.channel, 'infinity') law
WHERE p.space = 'consent_law' AND c.space = 'consent_law';

-- The view, the point call and the law agree: now, and wherever the clock is
-- put. The view has a row for each subject that ever said something.
CREATE VIEW agreement AS
SELECT count(*) = 23 * 9 * 2 AS whole,
	count(*) FILTER (WHERE (v.allowed, v.reason, v.since, v.until) IS DISTINCT FROM (s.allowed, s.reason, s.since, s.until)) AS view_differs,
	count(*) FILTER (WHERE (s.allowed, s.reason, s.ledger_id, s.since, s.until)
		IS DISTINCT FROM (law.allowed, law.reason, law.ledger_id, law.since, law.until)) AS law_differs,
	count(*) FILTER (WHERE v.allowed) AS allowed
FROM persona_consent_law.consent_state v
CROSS JOIN LATERAL persona.consent_status(v.subject, v.purpose, v.channel) s
CROSS JOIN LATERAL law(v.subject, v.purpose, v.channel, persona.now()) law;
SELECT whole, view_differs, law_differs, allowed > 0 AS some FROM agreement;
SET persona.clock = '2024-02-05 00:00+00';
SELECT whole, view_differs, law_differs, allowed > 0 AS some FROM agreement;
SET persona.clock = '2024-04-01 00:00+00';
SELECT whole, view_differs, law_differs, allowed > 0 AS some FROM agreement;
SET persona.clock = '2023-12-31 00:00+00';
SELECT whole, view_differs, law_differs, allowed > 0 AS some FROM agreement;
RESET persona.clock;

-- A suppression closes all of it, from its own time on
SELECT persona.suppress(1, 'email', 'hard bounce'), persona.suppress(2, NULL, 'complaint');
SELECT subject, channel, bool_or(allowed) AS any_allowed, array_agg(DISTINCT reason) = '{suppressed}' AS suppressed,
	count(since) = count(*) AS dated
FROM persona_consent_law.consent_state WHERE subject IN (1, 2) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FILTER (WHERE (v.allowed, v.reason, v.since, v.until) IS DISTINCT FROM (s.allowed, s.reason, s.since, s.until)) AS view_differs,
	count(*) FILTER (WHERE past.reason = 'suppressed') AS suppressed_before
FROM persona_consent_law.consent_state v
CROSS JOIN LATERAL persona.consent_status(v.subject, v.purpose, v.channel) s
CROSS JOIN LATERAL persona.consent_status(v.subject, v.purpose, v.channel, '2024-06-01 00:00+00') past
WHERE v.subject IN (1, 2);

SELECT persona.drop_space('consent_law', force => true);
DROP SCHEMA consent_law CASCADE;
