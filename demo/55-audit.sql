-- Before it goes live a moment is audited: what its texts say, what its rules
-- and tokens know, down to the columns behind a view. One that would give
-- people the creeps does not go live.
\pset tuples_only on
\pset format unaligned
SELECT set_config('persona.clock', shop.first_day()::text, false) \g /dev/null
-- What activate() says against a moment; NULL is nothing, and it is live.
CREATE FUNCTION shop.objection(moment text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.activate(moment);
	RETURN NULL;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RETURN SQLERRM;
END;
$$;
SELECT persona.define_moment('creepy', on_segment => 'lapsed', purpose => 'marketing', channel => 'email',
	template => 'We noticed you left after {{ pages }} pages without buying. Is everything all right in {{ country }}?
{{ unsubscribe_url }}',
	generic => 'See what is new in our shop.
{{ unsubscribe_url }}',
	tokens => '{"pages": "count(purchase)"}') \g /dev/null
\echo 'A text that was not thought through, and activate() refuses it:'
SELECT shop.objection('creepy');
\pset tuples_only off
\pset format aligned
\pset footer off
SELECT attribute, score, verdict, reason, fix FROM persona.audit('creepy') WHERE mentioned ORDER BY score DESC, attribute;
SELECT persona.drop_definition('moment', 'creepy') \g /dev/null
\echo What the other three know and say:
SELECT moment, attribute, provenance, score, verdict, reason FROM persona.audit()
WHERE mentioned ORDER BY moment, score DESC, attribute;
\pset tuples_only on
\pset format unaligned
SELECT format('%s: %s', moment, coalesce(shop.objection(moment), 'live'))
FROM unnest('{thanks,win_back,banner}'::text[]) moment;
