-- Each line is a question to every decision and message of the replay, in
-- plain SQL over the shop's tables, the ledger and what the sender was handed;
-- nothing here calls persona. "wrong" must be 0.
CREATE TABLE shop.verdict (question text, asked bigint, wrong bigint);
CREATE FUNCTION shop.ask(question text, query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO shop.verdict SELECT %L, count(*), count(*) FILTER (WHERE wrong) FROM (%s) q(wrong)', question, query);
END;
$$;

-- What a customer had last said about marketing by e-mail at an instant.
CREATE FUNCTION shop.last_word(customer int, instant timestamptz) RETURNS text LANGUAGE sql STABLE
RETURN coalesce((
	SELECT CASE WHEN decision = 'grant' AND expires_at <= instant THEN 'consent_expired'
		WHEN decision = 'grant' THEN 'granted' ELSE 'withdrawn' END
	FROM persona_shop.consent WHERE subject = customer AND at <= instant
	ORDER BY at DESC, seq DESC LIMIT 1), 'no_consent');
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

-- Every decision with the purchase that started it, and the reason it should
-- have by the order of the gates.
CREATE TABLE shop.decided AS
SELECT d.*, o.invoice, o.stock_code, o.description, c.first_name, c.time_zone,
	m.at AS handed_over, m.variant AS sent_variant, m.body,
	CASE
		WHEN c.email IS NULL THEN 'unreachable'
		WHEN shop.sent_back(d.subject, o.stock_code, d.at) THEN 'cancelled'
		WHEN d.at >= o.at + interval '6 days' THEN 'expired'
		WHEN w.word <> 'granted' THEN w.word
		WHEN earlier.n >= 2 THEN 'frequency_cap'
	END AS due_reason
FROM persona_shop.decision d
LEFT JOIN shop.orders o ON o.id = d.event_key[1]::bigint
LEFT JOIN shop.customer c ON c.id = o.customer_id
LEFT JOIN shop.mailbox m ON m.decision = d.decision,
LATERAL (SELECT shop.last_word(d.subject, d.at) AS word) w,
LATERAL (SELECT count(*) AS n FROM persona_shop.decision e
	WHERE e.subject = d.subject AND e.outcome IN ('send', 'holdout') AND e.at > d.at - interval '7 days'
		AND (e.at, e.due, e.decision) < (d.at, d.due, d.decision)) earlier;

\pset format unaligned
\pset tuples_only on
\o /dev/null
SELECT shop.ask('a thing was sent back before its message was handed over',
	'SELECT shop.sent_back(subject, stock_code, handed_over) FROM shop.decided WHERE handed_over IS NOT NULL');
SELECT shop.ask('no consent in force when the message was handed over',
	$$SELECT shop.last_word(subject, handed_over) <> 'granted' FROM shop.decided WHERE handed_over IS NOT NULL$$);
SELECT shop.ask('withdrawn between decision and sender, and handed over nevertheless',
	$$SELECT handed_over IS NOT NULL FROM shop.decided
	WHERE outcome = 'send' AND shop.last_word(subject, at + interval '2 minutes') <> 'granted'$$);
SELECT shop.ask('decided to send, consent in force, but never handed over',
	$$SELECT handed_over IS NULL FROM shop.decided
	WHERE outcome = 'send' AND shop.last_word(subject, at + interval '2 minutes') = 'granted'$$);
SELECT shop.ask('handed over without being decided',
	$$SELECT d.outcome IS DISTINCT FROM 'send' OR d.sent_variant <> d.variant
	FROM shop.mailbox m LEFT JOIN shop.decided d USING (decision)$$);
SELECT shop.ask('an invoice decided more than once, or never',
	$$SELECT (SELECT count(*) FROM shop.decided d WHERE d.invoice = i.invoice) <> 1
	FROM (SELECT DISTINCT invoice FROM shop.coming_orders WHERE customer_id IS NOT NULL) i$$);
SELECT shop.ask('a decision about another customer''s purchase, or one before the start',
	'SELECT o.customer_id IS DISTINCT FROM d.subject OR o.at <> d.started_at FROM shop.decided d LEFT JOIN shop.coming_orders o ON o.id = d.event_key[1]::bigint');
SELECT shop.ask('a control message that is not the generic text',
	$$SELECT body <> 'We hope you enjoy what you ordered.' FROM shop.decided WHERE sent_variant = 'generic'$$);
SELECT shop.ask('a personal message that is not this customer''s, word by word',
	$$SELECT body <> format('Dear %s, we hope you enjoy "%s".%s', coalesce(first_name, 'customer'), description,
		coalesce(' Often taken home with it: ' || shop.best_with(subject, stock_code, at) || '.', ' See you soon.'))
	FROM shop.decided WHERE sent_variant = 'personal'$$);
SELECT shop.ask('a personal message to who refused the use of purchases',
	$$SELECT sent_variant = 'personal' FROM shop.decided d JOIN persona_shop.preference p USING (subject) WHERE handed_over IS NOT NULL$$);
SELECT shop.ask('a message to the holdout',
	$$SELECT handed_over IS NOT NULL FROM shop.decided WHERE outcome = 'holdout'$$);
SELECT shop.ask('a message in quiet hours',
	$$SELECT (handed_over AT TIME ZONE time_zone)::time NOT BETWEEN '08:00' AND '21:00' FROM shop.decided WHERE handed_over IS NOT NULL$$);
SELECT shop.ask('a message earlier than three days after its purchase',
	$$SELECT handed_over < started_at + interval '3 days' FROM shop.decided WHERE handed_over IS NOT NULL$$);
SELECT shop.ask('a customer with two variants, or exposed to another one',
	$$SELECT count(DISTINCT d.variant) > 1 OR min(e.variant) IS DISTINCT FROM min(d.variant)
	FROM shop.decided d LEFT JOIN persona_shop.exposure e USING (subject)
	WHERE d.outcome <> 'skip' AND NOT d.fallback GROUP BY subject$$);
SELECT shop.ask('a decision without its gates, or whose reason they do not give',
	$$SELECT jsonb_array_length(gates) < 10 OR reason IS DISTINCT FROM (
		SELECT g->>'reason' FROM jsonb_array_elements(gates) WITH ORDINALITY x(g, place)
		WHERE NOT (g->>'passed')::boolean ORDER BY place LIMIT 1)
	FROM shop.decided$$);
SELECT shop.ask('a line of an unknown customer that was not counted',
	$$SELECT coalesce(row_number() OVER () > (SELECT sum(n) FROM persona_shop.moment_day WHERE reason = 'no_subject'), true)
	FROM shop.coming_orders WHERE customer_id IS NULL$$);
SELECT shop.ask('an error that persona had to keep to itself',
	'SELECT true FROM persona_shop.incident');
SELECT shop.ask(format('%s, though the tables say otherwise', coalesce('skipped as ' || reason, 'sent or held out')),
	format('SELECT due_reason IS DISTINCT FROM reason FROM shop.decided WHERE reason IS NOT DISTINCT FROM %L', reason))
FROM (SELECT DISTINCT reason FROM shop.decided ORDER BY 1 NULLS FIRST) r;
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
