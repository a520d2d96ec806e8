-- Segments are views: for dashboards, for other segments, for anybody's SQL.
SELECT set_config('persona.clock', (SELECT min(at)::date FROM shop.coming_orders)::text || ' 00:00+00', false) AS clock \gset
\t on
SELECT count(*) FROM persona.define_segment('lapsed', $$ago(last(purchase)) > '90 days'$$, 'bought once, but not for 90 days') \gset none
SELECT count(*) FROM persona.define_segment('loves_kitchen',
	$$count(purchase) FILTER (WHERE category = 'kitchen') >= 3 AND last(purchase.category) = 'kitchen'$$, 'three kitchen things, the last one too') \gset none
SELECT format('lapsed: %s customers; loves_kitchen: %s; both: %s.',
	(SELECT count(*) FROM persona_shop.segment_lapsed), (SELECT count(*) FROM persona_shop.segment_loves_kitchen),
	(SELECT count(*) FROM persona_shop.segment_lapsed JOIN persona_shop.segment_loves_kitchen USING (subject)));
