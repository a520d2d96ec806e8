\pset footer off
\echo The funnel, by week:
SELECT moment, date_trunc('week', day)::date AS week, sum(entered) AS entered, sum(decided) AS decided, sum(sent) AS sent
FROM persona_shop.funnel GROUP BY 1, 2 ORDER BY 1, 2;
\echo Why not, by reason (no_subject: lines of customers who are not known):
SELECT reason, sum(n) AS n, round(100 * sum(n) / sum(sum(n)) OVER (), 1) AS percent
FROM persona_shop.skip GROUP BY 1 ORDER BY 2 DESC, 1;
\echo Who got what (a fallback is the generic text for who refused the use of purchases):
SELECT d.moment, d.variant, d.fallback, count(*) AS decisions, count(DISTINCT d.subject) AS customers,
	count(m.decision) + count(b.body) AS handed_over, count(DISTINCT e.subject) AS exposed
FROM persona_shop.decision d
LEFT JOIN shop.mailbox m USING (decision)
LEFT JOIN shop.banner b ON b.decision = d.decision AND b.load = 1
LEFT JOIN persona_shop.exposure e ON e.decision = d.decision
WHERE d.outcome <> 'skip' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
\echo 'The first personal message of each moment:'
\pset format unaligned
\pset tuples_only on
SELECT moment || ': ' || split_part(body, E'\n', 1) FROM (
	SELECT DISTINCT ON (moment) moment, coalesce(m.body, b.body) AS body
	FROM persona_shop.decision d
	LEFT JOIN shop.mailbox m USING (decision) LEFT JOIN shop.banner b ON b.decision = d.decision AND b.load = 1
	WHERE d.variant = 'personal' AND coalesce(m.body, b.body) IS NOT NULL ORDER BY moment, d.at, d.decision
) first;
\pset format aligned
\pset tuples_only off
\echo
\echo 'Three decisions explained: one sent, one cancelled by a return, one refused for consent'
WITH example AS (
	SELECT DISTINCT ON (coalesce(d.reason, 'sent')) coalesce(d.reason, 'sent') AS example, d.decision
	FROM persona_shop.decision d
	WHERE d.moment = 'thanks' AND ((d.variant = 'personal' AND d.outcome = 'send') OR d.reason IN ('cancelled', 'no_consent'))
	ORDER BY 1, d.at, d.decision
)
SELECT example, gate, passed, e.reason, regexp_replace(saw::text, '"[0-9a-f]{8}-[-0-9a-f]{27}"', '"..."') AS saw
FROM example, persona.explain_decision(decision) WITH ORDINALITY e(gate, passed, reason, saw, place)
WHERE NOT passed OR gate IN ('cancel', 'consent', 'frequency', 'variant')
ORDER BY array_position('{sent,cancelled,no_consent}', example), place;
