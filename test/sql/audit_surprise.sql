-- The score against what people answered, and against itself.
\pset format unaligned
SELECT persona.surprise('transacted', 'user.behavior.purchase_history', 'first_party') AS purchases,
	persona.surprise('transacted', 'user.behavior.purchase_history.shoes', 'first_party') AS below,
	persona.surprise(NULL, NULL, NULL) AS nothing_known,
	persona.surprise('declared', 'nonsense', 'first_party') AS of_no_category;
SELECT persona.surprise('guessed', 'user', 'first_party');
SELECT persona.surprise('declared', 'user', 'rented');
SELECT persona.surprise_parts('declared', 'user', 'sold', sensitivity => 'huge');
SELECT persona.surprise_parts('observed', 'user.behavior.dwell', 'first_party', relevance => 'event', granularity => 'duration', immediate => true, derived => true);

-- laws over every category, provenance and use
CREATE TEMP TABLE score AS
SELECT category, provenance, use, p, special, persona.surprise(provenance, category, use) AS s
FROM persona.taxonomy(), unnest(ARRAY['declared', 'transacted', 'observed', 'inferred', 'third_party', 'unknown']) WITH ORDINALITY a(provenance, p),
	unnest(ARRAY['first_party', 'cross_context', 'sold']) u(use);
SELECT bool_and(s BETWEEN 0 AND 100) AS in_range FROM score;
SELECT bool_and(b.s >= a.s) AS never_less_surprising_from_further_away FROM score a JOIN score b USING (category, use) WHERE b.p > a.p;
SELECT bool_and(a.s < b.s AND b.s < c.s) AS sold_is_worse FROM score a JOIN score b USING (category, provenance) JOIN score c USING (category, provenance)
	WHERE (a.use, b.use, c.use) = ('first_party', 'cross_context', 'sold') AND a.provenance = 'declared' AND c.s < 100;
SELECT bool_and(b.s > a.s OR b.s = 100) AS inferred_is_worse_than_declared FROM score a JOIN score b USING (category, use) WHERE (a.provenance, b.provenance) = ('declared', 'inferred');
SELECT bool_and(a.s > b.s) AS special_is_worse_than_purchases FROM score a JOIN score b USING (provenance, use) WHERE a.special AND b.category = 'user.behavior.purchase_history' AND a.s < 100;
-- parts add up to the score
SELECT bool_and((SELECT sum(value::int) FROM jsonb_each_text(parts - 'score')) = (parts->>'score')::int) AS parts_add_up
FROM (SELECT persona.surprise_parts(p, c, u, sensitivity => s, relevance => r, granularity => g, mentioned => m, opened => o) AS parts
	FROM unnest(ARRAY['declared', 'observed']) p, unnest(ARRAY['user.name', 'user.behavior.browsing_history']) c, unnest(ARRAY['first_party', 'cross_context']) u,
		unnest(ARRAY[NULL, 'low', 'medium']) s, unnest(ARRAY['touchpoint', 'other']) r, unnest(ARRAY[NULL, 'count']) g, unnest(ARRAY[true, false]) m, unnest(ARRAY[true, false]) o) x;
-- the space cannot call mild what the law does not
SELECT persona.surprise_parts('declared', 'user.health_and_medical', 'first_party', sensitivity => 'low') = persona.surprise_parts('declared', 'user.health_and_medical', 'first_party') AS stays;
-- a yes to it: about half
SELECT bool_and(abs((o->>'score')::int - (n->>'score')::int / 2.0) <= 0.5) AS halved
FROM (SELECT persona.surprise_parts(provenance, category, use, opened => true) AS o, persona.surprise_parts(provenance, category, use) AS n FROM score) x;

-- Practices that people were asked about (docs/audit.md), by the share that calls them creepy.
SELECT practice, (parts->>'score')::int AS score, creepy, abs((parts->>'score')::int - creepy) <= 5 AS near FROM (VALUES
	('recommended for what was bought', 27, persona.surprise_parts('transacted', 'user.behavior.purchase_history', 'first_party', relevance => 'event')),
	('reminded of the cart', 54, persona.surprise_parts('observed', 'user.behavior.cart', 'first_party', relevance => 'event', immediate => true)),
	('a chatbot that knows purchases', 56, persona.surprise_parts('transacted', 'user.behavior.purchase_history', 'first_party', relevance => 'other')),
	('greeted when the phone enters', 64, persona.surprise_parts('observed', 'user.location.precise', 'first_party', relevance => 'event', immediate => true)),
	('greeted by the face', 68, persona.surprise_parts('observed', 'user.biometric', 'first_party', relevance => 'event', immediate => true))) v (practice, creepy, parts)
ORDER BY 2;
