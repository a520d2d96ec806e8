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
\echo 'A mistake is pointed out, with the statement that puts it right:'
SELECT format('%s: %s Hint: %s', code, message, hint)
FROM persona.lint($$count(purchase) > 0 OR count(returned) > 2 AND country = 'Germany'$$) WHERE code = 'mixed_and_or';
\echo 'Whom a rule reaches, clause by clause, before anything is defined:'
\pset tuples_only off
\pset format aligned
\pset footer off
SELECT clause, members, alone, without, note FROM persona.preview(
	$$country = 'Germany' AND (count(purchase) > 20 OR ago(last(purchase)) < '30 days')$$, 0);
\echo 'Who is in which segment is written down, all segments in one pass over the data:'
SELECT * FROM persona.refresh_segments();
