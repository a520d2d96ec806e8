-- Each line is a question to all that was decided, in plain SQL over the
-- shop's tables, the ledger and what the sender was given. "wrong" must be 0.
CREATE VIEW shop.asked AS
SELECT d.*, o.stock_code, o.invoice, m.at AS handed_over, m.body, m.variant AS sent_variant
FROM persona_shop.decision d
LEFT JOIN shop.orders o ON o.id = d.event_key[1]::bigint
LEFT JOIN shop.mailbox m USING (decision);
-- Whether the last word on marketing by e-mail was a yes in force.
CREATE FUNCTION shop.consented(customer int, instant timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT coalesce((SELECT decision = 'grant' AND (expires_at IS NULL OR expires_at > instant) FROM persona_shop.consent
		WHERE subject = customer AND at <= instant ORDER BY at DESC, seq DESC LIMIT 1), false)
$$;
CREATE FUNCTION shop.returned_before(customer int, item text, instant timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM shop.returned WHERE customer_id = customer AND stock_code = item AND at <= instant)
$$;
CREATE TABLE shop.verdict AS
SELECT 'messages handed over' AS question, count(*) AS asked, 0::bigint AS wrong FROM shop.mailbox
UNION ALL SELECT 'thing was sent back before its message', count(*), count(*) FILTER (WHERE shop.returned_before(subject, stock_code, handed_over)) FROM shop.asked WHERE handed_over IS NOT NULL
UNION ALL SELECT 'no consent in force when handed over', count(*), count(*) FILTER (WHERE NOT shop.consented(subject, handed_over)) FROM shop.asked WHERE handed_over IS NOT NULL
UNION ALL SELECT 'invoice decided more than once', count(*), count(*) FILTER (WHERE n > 1) FROM (SELECT count(*) AS n FROM shop.asked GROUP BY invoice) i
UNION ALL SELECT 'control message that is not the generic text', count(*), count(*) FILTER (WHERE body <> 'Thank you for your order.') FROM shop.asked WHERE sent_variant = 'generic'
UNION ALL SELECT 'personal message that is the generic text', count(*), count(*) FILTER (WHERE body = 'Thank you for your order.' OR body !~ '^Dear (customer|[A-Z][a-z]+), thank you for ".+"[.] Others took it home with: .+$') FROM shop.asked WHERE sent_variant = 'personal'
UNION ALL SELECT 'message to the holdout', count(*), count(*) FILTER (WHERE handed_over IS NOT NULL) FROM shop.asked WHERE outcome = 'holdout'
UNION ALL SELECT 'message decided but never handed over', count(*), count(*) FILTER (WHERE handed_over IS NULL) FROM shop.asked WHERE outcome = 'send'
UNION ALL SELECT 'more than 2 messages in 7 days', count(*), count(*) FILTER (WHERE n > 2) FROM (SELECT count(*) OVER (PARTITION BY subject ORDER BY at RANGE '6 days 23:59:59' PRECEDING) AS n FROM shop.asked WHERE outcome IN ('send', 'holdout')) w
UNION ALL SELECT 'message in quiet hours', count(*), count(*) FILTER (WHERE (m.at AT TIME ZONE c.time_zone)::time NOT BETWEEN '08:00' AND '21:00') FROM shop.mailbox m JOIN shop.customer c ON c.id = m.customer_id
UNION ALL SELECT 'decision without an explanation', count(*), count(*) FILTER (WHERE jsonb_array_length(gates) < 10 OR (outcome = 'skip') <> (reason IS NOT NULL)) FROM shop.asked
UNION ALL SELECT 'cancelled without a return', count(*), count(*) FILTER (WHERE NOT shop.returned_before(subject, stock_code, at)) FROM shop.asked WHERE reason = 'cancelled'
UNION ALL SELECT 'refused for consent that was there', count(*), count(*) FILTER (WHERE shop.consented(subject, at)) FROM shop.asked WHERE reason IN ('no_consent', 'withdrawn', 'consent_expired')
UNION ALL SELECT '"withdrawn" without a withdrawal', count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM persona_shop.consent c WHERE c.subject = a.subject AND c.decision = 'withdraw' AND c.at <= a.at)) FROM shop.asked a WHERE reason = 'withdrawn'
UNION ALL SELECT '"unreachable" with an address', count(*), count(*) FILTER (WHERE c.email IS NOT NULL) FROM shop.asked a JOIN shop.customer c ON c.id = a.subject WHERE reason = 'unreachable'
UNION ALL SELECT '"frequency_cap" below the cap', count(*), count(*) FILTER (WHERE 2 > (SELECT count(*) FROM shop.asked b WHERE b.subject = a.subject AND b.outcome IN ('send', 'holdout') AND b.at > a.at - interval '7 days' AND b.at <= a.at)) FROM shop.asked a WHERE reason = 'frequency_cap'
UNION ALL SELECT '"expired" before its time', count(*), count(*) FILTER (WHERE at < started_at + interval '6 days') FROM shop.asked WHERE reason = 'expired'
UNION ALL SELECT 'another reason than these', count(*), count(*) FILTER (WHERE reason NOT IN ('cancelled', 'no_consent', 'withdrawn', 'consent_expired', 'unreachable', 'frequency_cap', 'expired')) FROM shop.asked WHERE outcome = 'skip'
UNION ALL SELECT 'exposed to another variant than decided', count(*), count(*) FILTER (WHERE e.variant IS DISTINCT FROM a.variant) FROM shop.asked a LEFT JOIN persona_shop.exposure e ON e.subject = a.subject AND e.experiment = a.experiment WHERE a.outcome <> 'skip' AND NOT a.fallback
UNION ALL SELECT 'suggested thing owned or sent back before', count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM shop.product p JOIN shop.orders o ON o.stock_code = p.stock_code AND o.customer_id = a.subject AND o.at <= a.at - interval '1 day'
	WHERE a.body LIKE '% with: ' || p.description AND (SELECT count(*) FROM shop.product q WHERE q.description = p.description) = 1)) FROM shop.asked a WHERE sent_variant = 'personal'
UNION ALL SELECT 'purchase of a known customer that nobody looked at', count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM shop.asked a WHERE a.invoice = c.invoice)) FROM (SELECT DISTINCT invoice FROM shop.coming_orders WHERE customer_id IS NOT NULL) c;
SELECT question, asked, wrong FROM shop.verdict;
SELECT 'decisions, in one number: ' || md5(string_agg(concat_ws('|', decision, subject, outcome, reason, variant, at AT TIME ZONE 'UTC'), E'\n' ORDER BY decision)) AS "twice the same" FROM persona_shop.decision;
DO $$ BEGIN ASSERT (SELECT sum(wrong) = 0 AND min(asked) FILTER (WHERE question LIKE 'messages%') > 0 FROM shop.verdict), 'something wrong was decided'; END $$;
