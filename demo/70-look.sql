\pset footer off
\echo The funnel, by week:
SELECT moment, date_trunc('week', day)::date AS week, sum(entered) AS entered, sum(decided) AS decided, sum(sent) AS sent
FROM persona_shop.funnel GROUP BY 1, 2 ORDER BY 1, 2;
\echo Why not, by reason:
SELECT reason, sum(n) AS n, round(100 * sum(n) / sum(sum(n)) OVER (), 1) AS percent FROM persona_shop.skip GROUP BY 1 ORDER BY 2 DESC, 1;
\echo Who got what:
SELECT d.variant, count(*) AS decisions, count(DISTINCT d.subject) AS customers, count(m.decision) AS messages
FROM persona_shop.decision d LEFT JOIN shop.mailbox m USING (decision) WHERE d.outcome <> 'skip' GROUP BY 1 ORDER BY 1;
\echo A message:
SELECT variant, subject_line, body FROM shop.mailbox WHERE variant = 'personal' ORDER BY at, decision LIMIT 1 \gx
\pset format aligned
\echo Three decisions explained: one sent, one cancelled by a return, one refused for consent
SELECT label, gate, passed, e.reason, saw
FROM (VALUES (1, 'sent', NULL), (2, 'cancelled', 'cancelled'), (3, 'refused', 'no_consent')) v(n, label, reason)
CROSS JOIN LATERAL (SELECT decision FROM persona_shop.decision d WHERE CASE WHEN v.reason IS NULL THEN d.variant = 'personal' AND d.outcome = 'send' ELSE d.reason = v.reason END ORDER BY d.at, d.decision LIMIT 1) d
CROSS JOIN LATERAL persona.explain_decision(d.decision) WITH ORDINALITY e(gate, passed, reason, saw, place)
WHERE NOT passed OR gate IN ('cancel', 'consent', 'variant')
ORDER BY n, place;
