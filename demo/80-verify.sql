-- Each line is a question to every decision, message and banner of the replay,
-- in plain SQL over the shop's tables, the ledger, what the sender was handed
-- and what the home page was told; nothing here calls persona. "wrong" must be 0.
CREATE TABLE shop.verdict (question text, asked bigint, wrong bigint);
CREATE FUNCTION shop.ask(question text, query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO shop.verdict SELECT %L, count(*), count(*) FILTER (WHERE wrong) FROM (%s) q(wrong)', question, query);
END;
$$;

-- What a customer had last said at an instant. A home page of one's own needs
-- no yes.
CREATE FUNCTION shop.last_word(customer int, about text, instant timestamptz) RETURNS text LANGUAGE sql STABLE
RETURN coalesce((
	SELECT CASE WHEN decision = 'grant' AND expires_at <= instant THEN 'consent_expired'
		WHEN decision = 'grant' THEN 'granted' ELSE 'withdrawn' END
	FROM persona_shop.consent WHERE subject = customer AND purpose = about AND at <= instant
	ORDER BY at DESC, seq DESC LIMIT 1), CASE about WHEN 'website' THEN 'granted' ELSE 'no_consent' END);
CREATE FUNCTION shop.sent_back(customer int, thing text, instant timestamptz) RETURNS boolean LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM shop.returned
	WHERE customer_id = customer AND stock_code = thing AND at <= instant);
-- The best that goes with a thing, of what was neither owned nor sent back.
CREATE FUNCTION shop.best_with(customer int, thing text, instant timestamptz) RETURNS text LANGUAGE sql STABLE
RETURN (
	SELECT p.description FROM shop.goes_with g JOIN shop.product p ON p.stock_code = g.other
	WHERE g.stock_code = thing AND NOT shop.sent_back(customer, g.other, instant)
		AND g.other NOT IN (SELECT stock_code FROM shop.orders WHERE customer_id = customer AND at <= instant)
	ORDER BY g.score DESC, g.other LIMIT 1);

-- The row of the last purchase, and whether that was 90 days ago.
CREATE FUNCTION shop.last_bought(customer int, instant timestamptz) RETURNS shop.orders LANGUAGE sql STABLE
RETURN (SELECT o FROM shop.orders o WHERE customer_id = customer AND at <= instant ORDER BY at DESC, id DESC LIMIT 1);
CREATE FUNCTION shop.has_lapsed(customer int, instant timestamptz) RETURNS boolean LANGUAGE sql STABLE
RETURN coalesce((shop.last_bought(customer, instant)).at < instant - interval '90 days', false);

-- Every decision with the purchase that started it, if one did, what left the
-- house, and the reason it should have by the order of the gates.
CREATE TABLE shop.decided AS
SELECT d.*, o.invoice, o.stock_code, o.description, c.first_name, c.time_zone,
	coalesce(m.at, b.at) AS handed_over, coalesce(m.variant, b.variant) AS sent_variant,
	split_part(coalesce(m.body, b.body), E'\n', 1) AS words, split_part(m.body, E'\n', 2) AS link,
	CASE
		WHEN d.channel = 'email' AND c.email IS NULL THEN 'unreachable'
		WHEN d.moment = 'win_back' AND NOT shop.has_lapsed(d.subject, d.at) THEN 'rule_false'
		WHEN d.moment = 'thanks' AND shop.sent_back(d.subject, o.stock_code, d.at) THEN 'cancelled'
		WHEN d.moment = 'thanks' AND d.at >= o.at + interval '6 days' THEN 'expired'
		WHEN w.word <> 'granted' THEN w.word
		WHEN d.channel = 'email' AND earlier.n >= 2 THEN 'frequency_cap'
	END AS due_reason
FROM persona_shop.decision d
LEFT JOIN shop.orders o ON o.id = CASE d.moment WHEN 'thanks' THEN d.event_key[1]::bigint END
LEFT JOIN shop.customer c ON c.id = d.subject
LEFT JOIN shop.mailbox m ON m.decision = d.decision
LEFT JOIN shop.banner b ON b.decision = d.decision AND b.body IS NOT NULL,
LATERAL (SELECT shop.last_word(d.subject, d.purpose, d.at) AS word) w,
LATERAL (SELECT count(*) AS n FROM persona_shop.decision e
	WHERE e.subject = d.subject AND e.channel = 'email' AND e.outcome IN ('send', 'holdout') AND e.at > d.at - interval '7 days'
		AND (e.at, e.due, e.decision) < (d.at, d.due, d.decision)) earlier;

-- When somebody looked, and who was found to have lapsed at that look: 90 days
-- after a purchase, and before the next.
CREATE TABLE shop.look AS
SELECT shop.first_day() + day * interval '1 day' + hour AS instant
FROM generate_series(0, 36) day, unnest('{9:00,15:00}'::interval[]) hour;
CREATE TABLE shop.lapsed AS
SELECT p.customer_id AS customer, min(l.instant) AS instant
FROM (SELECT customer_id, at, lead(at, 1, 'infinity') OVER (PARTITION BY customer_id ORDER BY at) AS next FROM shop.orders) p
JOIN shop.look l ON l.instant > p.at + interval '90 days' AND l.instant < p.next
WHERE p.at >= (SELECT shop.first_day()) - interval '90 days' GROUP BY p.customer_id, p.at;

\pset format unaligned
\pset tuples_only on
\o /dev/null
SELECT shop.ask('a thing was sent back before its message was handed over',
	'SELECT shop.sent_back(subject, stock_code, handed_over) FROM shop.decided WHERE moment = ''thanks'' AND handed_over IS NOT NULL');
SELECT shop.ask('no consent in force when the message was handed over',
	$$SELECT shop.last_word(subject, purpose, handed_over) <> 'granted' FROM shop.decided WHERE handed_over IS NOT NULL$$);
SELECT shop.ask('withdrawn between decision and sender, and handed over nevertheless',
	$$SELECT handed_over IS NOT NULL FROM shop.decided
	WHERE outcome = 'send' AND shop.last_word(subject, purpose, at + CASE channel WHEN 'email' THEN interval '2 minutes' ELSE '0' END) <> 'granted'$$);
SELECT shop.ask('decided to send, consent in force, but never handed over',
	$$SELECT handed_over IS NULL FROM shop.decided
	WHERE outcome = 'send' AND shop.last_word(subject, purpose, at + CASE channel WHEN 'email' THEN interval '2 minutes' ELSE '0' END) = 'granted'$$);
SELECT shop.ask('handed over without being decided',
	$$SELECT d.outcome IS DISTINCT FROM 'send' OR d.sent_variant <> d.variant
	FROM (SELECT decision, variant FROM shop.mailbox UNION ALL SELECT decision, variant FROM shop.banner WHERE body IS NOT NULL) m
	LEFT JOIN shop.decided d USING (decision)$$);
SELECT shop.ask('an invoice decided more than once, or never',
	$$SELECT (SELECT count(*) FROM shop.decided d WHERE d.invoice = i.invoice) <> 1
	FROM (SELECT DISTINCT invoice FROM shop.coming_orders WHERE customer_id IS NOT NULL) i$$);
SELECT shop.ask('a decision about another customer''s purchase, or one before the start',
	'SELECT o.customer_id IS DISTINCT FROM d.subject OR o.at <> d.started_at FROM shop.decided d
	LEFT JOIN shop.coming_orders o ON o.id::text = d.event_key[1] WHERE moment = ''thanks''');
SELECT shop.ask('a customer who lapsed and was forgotten, or won back without',
	$$SELECT l.customer IS NULL OR d.subject IS NULL
	FROM (SELECT * FROM shop.lapsed WHERE instant < (SELECT max(at) FROM persona_shop.decision)) l
	FULL JOIN (SELECT * FROM shop.decided WHERE moment = 'win_back') d ON (d.subject, d.started_at) = (l.customer, l.instant)
	WHERE l.customer IS NOT NULL OR d.started_at < (SELECT max(at) FROM persona_shop.decision)$$);
SELECT shop.ask('a customer won back twice in half a year',
	$$SELECT count(*) > 1 FROM shop.decided WHERE moment = 'win_back' GROUP BY subject$$);
SELECT shop.ask('a visit that was not answered, or not as it should have been',
	$$SELECT b.reason IS DISTINCT FROM CASE WHEN (shop.last_bought(v.id, v.instant)).id IS NULL THEN 'rule_false' WHEN v.load > 1 THEN 'again' ELSE d.due_reason END
		OR (b.body IS NOT NULL) <> (d.outcome IS NOT DISTINCT FROM 'send' AND v.load = 1)
	FROM (
		SELECT id, visit, load, instant FROM shop.customer, shop.look,
			concat(id, '@', extract(epoch FROM instant)::bigint) visit,
			generate_series(1, CASE WHEN shop.dice(id, 'again ' || visit) < 0.1 THEN 2 ELSE 1 END) load
		WHERE shop.dice(id, 'visit ' || visit) < 0.002
	) v
	LEFT JOIN shop.banner b USING (visit, load)
	LEFT JOIN shop.decided d ON d.decision = b.decision$$);
SELECT shop.ask('a control that is not the generic text',
	$$SELECT words <> CASE moment WHEN 'thanks' THEN 'We hope you enjoy what you ordered.'
		WHEN 'win_back' THEN 'See what is new in our shop.' ELSE 'Welcome to our shop!' END
	FROM shop.decided WHERE sent_variant = 'generic'$$);
SELECT shop.ask('thanks that are not this customer''s, word by word',
	$$SELECT words <> format('Dear %s, we hope you enjoy "%s".%s', coalesce(first_name, 'customer'), description,
		coalesce(' Often taken home with it: ' || shop.best_with(subject, stock_code, at) || '.', ' See you soon.'))
	FROM shop.decided WHERE moment = 'thanks' AND sent_variant = 'personal'$$);
SELECT shop.ask('a win-back that is not this customer''s, word by word',
	$$SELECT words <> format(CASE sent_variant WHEN 'personal' THEN 'Dear %s, do you still enjoy "%s"?' ELSE 'Dear %s, there are new things in %s.' END,
		coalesce(first_name, 'customer'), CASE sent_variant WHEN 'personal' THEN (o).description ELSE (o).category END)
	FROM shop.decided, shop.last_bought(subject, at) o WHERE moment = 'win_back' AND sent_variant <> 'generic'$$);
SELECT shop.ask('a banner that is not this customer''s, word by word',
	$$SELECT words <> format('Welcome back%s! This way to %s.', ', ' || first_name, (shop.last_bought(subject, at)).category)
	FROM shop.decided WHERE moment = 'banner' AND sent_variant = 'personal'$$);
SELECT shop.ask('an e-mail without its own link to unsubscribe',
	$$SELECT link !~ '^https://shop[.]example/unsubscribe[?]token=[-_A-Za-z0-9]+$' OR count(*) OVER (PARTITION BY link, subject) <> count(*) OVER (PARTITION BY link)
	FROM shop.decided WHERE channel = 'email' AND handed_over IS NOT NULL$$);
SELECT shop.ask('a personal message to who refused the use of purchases',
	$$SELECT sent_variant <> 'generic' FROM shop.decided d JOIN persona_shop.preference p USING (subject) WHERE handed_over IS NOT NULL$$);
SELECT shop.ask('a message to the holdout',
	$$SELECT handed_over IS NOT NULL FROM shop.decided WHERE outcome = 'holdout'$$);
SELECT shop.ask('a customer held out of one moment and not of another',
	$$SELECT count(DISTINCT outcome) > 1 FROM shop.decided WHERE outcome <> 'skip' AND NOT fallback
	GROUP BY subject HAVING count(DISTINCT moment) > 1$$);
SELECT shop.ask('a message in quiet hours',
	$$SELECT (handed_over AT TIME ZONE time_zone)::time NOT BETWEEN '08:00' AND '21:00' FROM shop.decided WHERE channel = 'email' AND handed_over IS NOT NULL$$);
SELECT shop.ask('a message earlier than three days after its purchase',
	$$SELECT handed_over < started_at + interval '3 days' FROM shop.decided WHERE moment = 'thanks' AND handed_over IS NOT NULL$$);
SELECT shop.ask('a customer with two variants of a moment, or exposed to another one',
	$$SELECT count(DISTINCT d.variant) > 1 OR min(e.variant) IS DISTINCT FROM min(d.variant) OR max(e.variant) IS DISTINCT FROM min(d.variant)
	FROM shop.decided d LEFT JOIN persona_shop.exposure e USING (subject, experiment)
	WHERE d.outcome <> 'skip' AND NOT d.fallback GROUP BY subject, moment$$);
SELECT shop.ask('a decision without its gates, or whose reason they do not give',
	$$SELECT json_array_length(gates) < 10 OR reason IS DISTINCT FROM (
		SELECT g->>'reason' FROM json_array_elements(gates) WITH ORDINALITY x(g, place)
		WHERE NOT (g->>'passed')::boolean ORDER BY place LIMIT 1)
	FROM shop.decided$$);
SELECT shop.ask('a line of an unknown customer that was not counted',
	$$SELECT coalesce(row_number() OVER () > (SELECT sum(n) FROM persona_shop.moment_day WHERE reason = 'no_subject'), true)
	FROM shop.coming_orders WHERE customer_id IS NULL$$);
SELECT shop.ask('an error that persona had to keep to itself',
	'SELECT true FROM persona_shop.incident');
SELECT shop.ask(format('%s: %s, though the tables say otherwise', moment, coalesce('skipped as ' || reason, 'sent or held out')),
	format('SELECT due_reason IS DISTINCT FROM reason FROM shop.decided WHERE moment = %L AND reason IS NOT DISTINCT FROM %L', moment, reason))
FROM (SELECT DISTINCT moment, reason FROM shop.decided ORDER BY 1, 2 NULLS FIRST) r;
\o
\pset tuples_only off
\pset format aligned
\pset footer off
SELECT asked, wrong, question FROM shop.verdict;

-- The ratio itself, against the values that Apache Mahout's tests have.
DO $$
BEGIN
	ASSERT (SELECT bool_and(abs(shop.g2(k11, k11 + k12, k11 + k21, k11 + k12 + k21 + k22) - g2) < 0.001)
		FROM (VALUES (1, 0, 0, 1, 2.773), (10, 0, 0, 10, 27.726), (5, 1995, 0, 100000, 39.331),
			(1000, 1995, 1000, 100000, 4730.737), (1000, 1000, 1000, 100000, 5734.343)) v(k11, k12, k21, k22, g2)),
		'the log-likelihood ratio is wrong';
	ASSERT (SELECT count(*) > 0 FROM shop.mailbox), 'nothing was sent';
	ASSERT (SELECT sum(wrong) = 0 FROM shop.verdict), 'something wrong was decided';
END;
$$;
\pset tuples_only on
\pset format unaligned
SELECT 'All decisions in one number, the same each time: ' || md5(string_agg(
	concat_ws('|', decision, subject, outcome, coalesce(reason, '-'), coalesce(variant, '-'), extract(epoch FROM at)), E'\n'
	ORDER BY decision)) FROM persona_shop.decision;
