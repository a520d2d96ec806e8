-- Segments are views: for dashboards, for other segments, for anybody's SQL.
-- persona's clock is set to the first of the days that will happen again.
\pset tuples_only on
\pset format unaligned
SELECT set_config('persona.clock', shop.first_day()::text, false) \g /dev/null
SELECT level, message FROM persona.define_segment('lapsed',
	$$ago(last(purchase)) > '90 days'$$, 'bought once, but not for 90 days');
SELECT level, message FROM persona.define_segment('loves_kitchen',
	$$count(purchase) FILTER (WHERE category = 'kitchen') >= 3 AND last(purchase.category) = 'kitchen'$$,
	'three kitchen things, the last one too');
SELECT format('lapsed: %s customers; loves_kitchen: %s; both: %s.',
	(SELECT count(*) FROM persona_shop.segment_lapsed),
	(SELECT count(*) FROM persona_shop.segment_loves_kitchen),
	(SELECT count(*) FROM persona_shop.segment_lapsed JOIN persona_shop.segment_loves_kitchen USING (subject)));
