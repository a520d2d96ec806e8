-- Who came back within a week of the first time that they saw a variant, or,
-- in the holdout, would have seen one. What the shop sold is what it sold, here
-- nobody was written to: whoever sees a difference is looking at chance.
\pset footer off
CREATE VIEW shop.came_back AS
SELECT e.experiment AS moment, e.variant, persona.summarize(EXISTS (
	SELECT FROM shop.orders o WHERE o.customer_id = e.subject AND o.at > e.at AND o.at <= e.at + interval '7 days')) AS sample
FROM persona_shop.exposure e
WHERE e.at <= (SELECT max(at) FROM shop.orders) - interval '7 days'
GROUP BY 1, 2;

SELECT t.moment, t.variant, against.variant AS against, c.n2 AS n, c.n1 AS n_against,
	round(100 * c.mean2::numeric, 1) AS percent, round(100 * c.mean1::numeric, 1) AS percent_against,
	c.verdict, c.message
FROM shop.came_back t
JOIN shop.came_back against ON against.moment = t.moment
	AND against.variant = CASE t.variant WHEN 'generic' THEN 'holdout' ELSE 'generic' END,
	persona.compare(against.sample, t.sample, mde => 0.1, label => t.variant, goal => 'who came back') c
WHERE t.variant <> 'holdout' ORDER BY 1, 2;
