/* audit: would the customer be surprised that this message knows that? */

CREATE FUNCTION surprise(provenance text, category text, use text) RETURNS int
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_surprise';
COMMENT ON FUNCTION surprise(text, text, text) IS
'How surprised a customer would be, 0..100, by a message that mentions such data: the share of people that would call it creepy, as far as it is known. provenance: declared, transacted, observed, inferred, third_party, unknown; category as in taxonomy(), or below one; use: first_party, cross_context, sold. NULL counts as unknown, as first_party for the use. Another word: 22023. Sources of the figures: docs/audit.md.';

CREATE FUNCTION surprise_parts(provenance text, category text, use text, sensitivity text DEFAULT NULL,
	relevance text DEFAULT NULL, granularity text DEFAULT NULL, mentioned boolean DEFAULT true,
	immediate boolean DEFAULT false, old boolean DEFAULT false, derived boolean DEFAULT false,
	explained boolean DEFAULT false, opened boolean DEFAULT false) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_surprise_parts';
COMMENT ON FUNCTION surprise_parts(text, text, text, text, text, text, boolean, boolean, boolean, boolean, boolean, boolean) IS
'The same for all that is known of a use, with every part that counts, in points that add up to the score (0..100, where they would leave that range its end). sensitivity: low, medium, high, special; relevance: event, touchpoint, other, company; granularity: count, place, time, duration. Another word: 22023.';

/* From the columns of views to those of tables */

CREATE FUNCTION base_columns(relation regclass, col text) RETURNS TABLE (base regclass, base_col text)
LANGUAGE c STABLE STRICT ROWS 2 AS 'MODULE_PATHNAME', 'persona_base_columns';
COMMENT ON FUNCTION base_columns(regclass, text) IS
'The table columns that a column is made of, through views, sub-selects and unions; a column of a table is its own. What only decides which rows a view has is not among them. Unknown column: 42703.';
REVOKE ALL ON FUNCTION base_columns(regclass, text) FROM PUBLIC;

CREATE FUNCTION read_columns(relation regclass, col text) RETURNS TABLE (base regclass, base_col text, shown boolean)
LANGUAGE sql STABLE STRICT ROWS 3 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	/* All that the views below read, then what their generated columns read. */
	WITH RECURSIVE reads (object, number) AS (
		SELECT relation::oid, a.attnum FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = col AND a.attnum > 0
		UNION
		SELECT d.refobjid, d.refobjsubid::smallint
		FROM reads r
		CROSS JOIN LATERAL (
			SELECT 'pg_rewrite'::regclass, w.oid, 0 FROM pg_rewrite w WHERE w.ev_class = r.object AND w.ev_type = '1'
			UNION ALL
			SELECT 'pg_attrdef'::regclass, g.oid, r.number FROM pg_attrdef g
			WHERE g.adrelid = r.object AND g.adnum = r.number
		) by_it (class, id, itself)
		JOIN pg_depend d ON d.classid = by_it.class AND d.objid = by_it.id
			AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
		WHERE d.refobjid <> r.object OR d.refobjsubid <> by_it.itself AND by_it.itself > 0
	)
	SELECT r.object::regclass, a.attname::text, bool_or(b.base IS NOT NULL)
	FROM reads r
	JOIN pg_class c ON c.oid = r.object AND c.relkind NOT IN ('v', 'm')
	JOIN pg_attribute a ON a.attrelid = r.object AND a.attnum = r.number
	LEFT JOIN @extschema@.base_columns(read_columns.relation, read_columns.col) b ON b.base = r.object AND b.base_col = a.attname
	GROUP BY 1, 2;
END;
COMMENT ON FUNCTION read_columns(regclass, text) IS
'Every table column that is read where this column is: shown are those that its value is made of; others decide which rows the views below have, or what a generated column holds.';
REVOKE ALL ON FUNCTION read_columns(regclass, text) FROM PUBLIC;

/* The words of surveillance */

CREATE FUNCTION phrases() RETURNS TABLE (locale text, phrase text, verdict text, reason text, fix text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 40
BEGIN ATOMIC
	VALUES
	('en', '\mwe(''ve| have)? (saw|seen|spotted|caught|watched|tracked|followed|(been|are|were) (watching|tracking|following|monitoring)) (that |what |when |how |where )?you', 'block',
		'it says that the customer was watched', 'Say what you offer, not what you saw.'),
	('en', '\mwe(''ve| have)?( also)? notice[ds]? (that )?(you|your \w+)('' ?ve| have|''re| are| were|r)?( \w+){0,2} (spent|spend|left|leaving|abandon\w*|hesitat\w*|stopp?\w*|gave up|didn''?t|did not|haven''?t|have not|without|opened|clicked|hover\w*|scroll\w*|visited|been)\M', 'block',
		'it tells the customer what she did, or did not do', 'Say what you offer: "We noticed you looked at X" with what is like it is as far as one can go.'),
	('en', '\myou(''ve| have)? (spent|stayed|looked|browsed|were|lingered|been)\M[^.!?]{0,40}\m(\d+|a few|several|some|one|two|three|four|five|six|seven|eight|nine|ten|\w+teen|(twen|thir|for|fif)ty|an?) ?(seconds?|secs?|minutes?|mins?|hours?|hrs?)\M', 'block',
		'it tells how long the customer looked', 'Leave the duration out.'),
	('en', '\m\d+ ?(seconds?|secs?|minutes?|mins?|hours?|hrs?) ((looking|browsing|viewing|reading|comparing|watching)|(on|at|in) (it|this|that|(our|the|this|that) (\w+ ){0,2}(site|website|page|shop|store|app|checkout|cart|product|item)))\M', 'block',
		'it tells how long the customer looked', 'Leave the duration out.'),
	('en', '\myou( |''ve|''re)[^.!?]{0,20}\m(looked|visited|viewed|browsed|searched|opened|read|were|awake|up|online)\M[^.!?]{0,40}\m(at|around|until|since) \d{1,2}([:.]\d\d|( ?[ap]\.?m\M| o''clock))', 'block',
		'it tells at what time the customer did it', 'Leave the time out.'),
	('en', '\m(what|why|did|anything|something)\M[^.!?]{0,20}\m(stopped|stop|stops|kept|keeps|held|made|hold|left|leave) (you|us)\M', 'block',
		'it asks for an account of what the customer did', 'Offer help without asking why.'),
	('en', '\mwithout (buying|purchasing|ordering|checking out|paying|completing|finishing)\M', 'block',
		'it reproaches the customer with not buying', 'Leave out what the customer did not do.'),
	('en', '\mstill (need help|thinking|interested|looking|want|considering|deciding|undecided)\M[^.!?]{0,30}\m(that|this|those|these|it|your)\M', 'warn',
		'it shows that the customer is being followed up', 'Offer help in general.'),
	('en', '\m(left|leave|leaving|forgot|forgotten|abandoned)\M[^.!?]{0,30}\m(cart|basket|bag|trolley|page|checkout)\M', 'warn',
		'it reminds the customer of what was not bought (54 % call that creepy)', 'Say what is in the cart and that it is kept, without the leaving.'),
	('en', '\mwe know (that |what |where |when |who |how )?you', 'block',
		'it boasts of what is known', 'Leave it out: what you offer shows it.'),
	('en', '\m(based on|according to) your (location|ip|position|gps|whereabouts|browsing|search(es)?|search history|activity|behaviou?r)\M', 'warn',
		'it names data that the customer did not hand over', 'Name what the customer bought, asked or told.'),
	('en', '\m(you''re|you are|since you''re|while you''re) (in|at|near|close to|right by) ', 'warn',
		'it tells the customer where she is', 'Say where the shop is.'),
	('en', '\m(last|on) (night|monday|tuesday|wednesday|thursday|friday|saturday|sunday)( night| evening| morning)? (at|around) \d[^.!?]{0,20}\myou (were|looked|came|went|left|visited|viewed|browsed|searched|opened|read|added|clicked)\M', 'block',
		'it tells at what time the customer did it', 'Leave the time out.'),
	('en', '\myour (friends?|family|colleagues?|neighbou?rs?|husband|wife|partner|ex) (just |also |recently )?(bought|buy|looked|told|likes?|has|have|ordered|viewed)\M', 'block',
		'it tells what others did', 'Leave out whom the customer knows.'),
	('de', '\m(wir haben (gesehen|beobachtet|bemerkt|mitbekommen|festgestellt)|uns ist aufgefallen), dass (sie|du|ihr)\M(?![^.!?]*\m(angesehen|angeschaut|gef\u00e4llt)\M)', 'block',
		'it says that the customer was watched', 'Say what you offer, not what you saw.'),
	('de', '\m(wir (haben|hatten) (sie|dich|euch)\M[^.!?]{0,40}\m(gesehen|beobachtet|bemerkt|verfolgt|ertappt|erwischt)|wir (verfolgen|beobachten|sehen|merken),? (was|wie|wann|wo|dass) (sie|du|ihr))\M', 'block',
		'it says that the customer was watched', 'Say what you offer, not what you saw.'),
	('de', '\m\d+ ?(sekunden?|minuten?|stunden?)\M([^.!?]{0,40}\m(angesehen|angeschaut|betrachtet|verbracht|gest\u00f6bert)| (lang )?(auf|in) (it|(der|dieser|unserer|unserem|dem) (\w+ )?(\w*seite|homepage|shop|laden|app)))\M', 'block',
		'it tells how long the customer looked', 'Leave the duration out.'),
	('de', '\m(sie (waren|haben)|du (warst|hast))\M[^.!?]{0,40}\m(um|gegen|bis|seit) \d{1,2}([:.]\d\d)? uhr\M[^.!?]{0,30}\m(angesehen|angeschaut|gesucht|besucht|gelesen|ge\u00f6ffnet|online|wach|hier|da)\M', 'block',
		'it tells at what time the customer did it', 'Leave the time out.'),
	('de', '\m(um|gegen) \d{1,2}([:.]\d\d)?( uhr)?( nachts| abends| morgens)? (waren sie|warst du|haben sie|hast du)\M[^.!?]{0,40}\m(angesehen|angeschaut|gesucht|besucht|gelesen|ge\u00f6ffnet|online|wach|hier|da)\M', 'block',
		'it tells at what time the customer did it', 'Leave the time out.'),
	('de', '\mwarum (sind sie|haben sie|bist du|hast du)\M[^.!?]{0,40}\m(gegangen|nicht|nichts|abgebrochen|verlassen|gez\u00f6gert)\M', 'block',
		'it asks for an account of what the customer did', 'Offer help without asking why.'),
	('de', '\m(ihre?|deine?) (freunde?|freundin(nen)?|nachbarn?|kolleg(en?|in|innen)|mann|frau|familie|partner(in)?|ex) (hat|haben)\M[^.!?]{0,40}\m(gekauft|bestellt|angesehen|schon|auch)\M', 'block',
		'it tells what others did', 'Leave out whom the customer knows.'),
	('de', '\mohne (etwas )?zu (kaufen|bestellen|bezahlen)\M', 'block',
		'it reproaches the customer with not buying', 'Leave out what the customer did not do.'),
	('de', '\mwas hat (sie|dich|euch) (aufgehalten|abgehalten|gehindert|davon)', 'block',
		'it asks for an account of what the customer did', 'Offer help without asking why.'),
	('de', '\m(warenkorb|korb)\M[^.!?]{0,30}\m(vergessen|verlassen|liegen ?gelassen|zur\u00fcckgelassen)\M', 'warn',
		'it reminds the customer of what was not bought', 'Say what is in the cart and that it is kept.'),
	('de', '\mwir wissen( genau)?,? (dass|was|wo|wann|wie|wer) (sie|du|dir|ihnen)\M', 'block',
		'it boasts of what is known', 'Leave it out: what you offer shows it.');
END;
COMMENT ON FUNCTION phrases() IS
'The built-in words of surveillance: regular expressions over a text in lower case, its apostrophes straight and its spaces single, by language, with a verdict (warn, block), what is wrong and what to do.';
REVOKE ALL ON FUNCTION phrases() FROM PUBLIC;

CREATE TABLE phrase (
	space text,
	locale text,
	phrase text CHECK (length(phrase) BETWEEN 1 AND 500),
	verdict text NOT NULL CHECK (verdict IN ('ok', 'warn', 'block')),
	reason text NOT NULL,
	fix text,
	PRIMARY KEY (space, locale, phrase)
);
COMMENT ON TABLE phrase IS
'A space''s own words of surveillance; ok takes a built-in one out.';
SELECT keep_definitions('phrase');
CREATE POLICY owner ON phrase
USING (EXISTS (SELECT FROM @extschema@.space s WHERE s.space OPERATOR(pg_catalog.=) phrase.space));

CREATE FUNCTION define_phrase(phrase text, verdict text, reason text DEFAULT NULL, fix text DEFAULT NULL,
	locale text DEFAULT 'en', space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	danger text;
BEGIN
	IF phrase IS NULL OR verdict IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'a phrase needs its words and a verdict';
	END IF;
	/* As in a rule: no pattern that takes for ever. */
	PERFORM @extschema@.check_expression(format('%L ~ %L', '', phrase), 'phrase', home.space);
	IF '' ~* phrase THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%L is found in every text', phrase),
			HINT = 'Write words that have to be there.';
	END IF;
	INSERT INTO @extschema@.phrase
	VALUES (home.space, coalesce(locale, 'en'), phrase, verdict, coalesce(reason, 'a phrase that this house does not use'), fix)
	ON CONFLICT ON CONSTRAINT phrase_pkey DO UPDATE
	SET (verdict, reason, fix) = (excluded.verdict, excluded.reason, excluded.fix);
	RETURN;
EXCEPTION
	WHEN invalid_regular_expression THEN
		RAISE invalid_regular_expression USING
			MESSAGE = format('%L is no regular expression', phrase),
			HINT = 'Write words as they are, and a backslash before . ? * + ( ) [ ].';
	WHEN feature_not_supported THEN
		GET STACKED DIAGNOSTICS danger = PG_EXCEPTION_DETAIL;
		RAISE invalid_parameter_value USING
			MESSAGE = format('%L is no phrase to look for in every text', left(phrase, 40)),
			DETAIL = danger,
			HINT = 'Write a few words, and several phrases instead of a long one.';
	WHEN check_violation THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a phrase cannot have the verdict %L', verdict),
			HINT = 'The verdict is ok, warn or block.';
END;
$$;
COMMENT ON FUNCTION define_phrase(text, text, text, text, text, text) IS
'Adds a phrase (a regular expression in which case does not matter, as bounded as in a rule: 200 bytes, no back-references, few repetitions) to the words that the audit looks for, with its verdict: warn, block, or ok to take out a built-in one of the same words. Errors: 2201B, 22023.';
REVOKE ALL ON FUNCTION define_phrase(text, text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION plain_text(message text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT lower(regexp_replace(regexp_replace(regexp_replace(regexp_replace(message, '<[^>]*>', ' ', 'g'), '\{%.*?%\}', ' ', 'g'),
		'[\u2019\u2018\u00b4`]', '''', 'g'), '\s+', ' ', 'g'));
END;
COMMENT ON FUNCTION plain_text(text) IS
'A message or template as its words alone: without HTML and Liquid tags, in lower case, spaces single, apostrophes straight.';
REVOKE ALL ON FUNCTION plain_text(text) FROM PUBLIC;

CREATE FUNCTION audit_text(message text, locale text DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (found text, verdict text, reason text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH own AS (
		SELECT * FROM @extschema@.phrase p WHERE p.space = audit_text.space
	), lexicon AS (
		SELECT o.locale, o.phrase, o.verdict, o.reason, o.fix FROM own o
		UNION ALL
		SELECT * FROM @extschema@.phrases() b WHERE NOT EXISTS (SELECT FROM own o WHERE (o.locale, o.phrase) = (b.locale, b.phrase))
	), said AS (
		/* A variable may be a number as well as a word: both are tried. */
		SELECT DISTINCT regexp_replace(@extschema@.plain_text(message), '\{\{.*?\}\}', stand_in, 'g') AS text
		FROM unnest(ARRAY['10', 'it']) stand_in
	)
	SELECT DISTINCT ON (l.phrase) (regexp_match(s.text, '(' || l.phrase || ')', 'i'))[1], l.verdict, l.reason, l.fix
	FROM lexicon l JOIN said s ON s.text ~* l.phrase
	WHERE l.verdict <> 'ok' AND (audit_text.locale IS NULL OR l.locale = left(audit_text.locale, 2));
END;
COMMENT ON FUNCTION audit_text(text, text, text) IS
'The words of surveillance in a message or a template, of one language or (NULL) of all: what was found, its verdict (warn, block), why and what to do. space adds that space''s own phrases.';
REVOKE ALL ON FUNCTION audit_text(text, text, text) FROM PUBLIC;

CREATE FUNCTION explains_itself(message text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT @extschema@.plain_text(message) ~ ('\m(because|since|as|now that) you( |''ve)|\m(based on|thanks? for|thank you for|about|with|after) your( \w+)? (order|purchase|booking|return|request|question|review|subscription)|\myou (asked|told|signed up|subscribed|chose|bought|ordered)\M|\mwhy (you|am i)|'
		|| '\m(weil|da|nachdem) (sie|du) |\m(danke|vielen dank) f\u00fcr (ihre|deine)|\m(sie|du) (haben|hast) [^.!?]{0,30}(bestellt|gekauft|gebeten)');
END;
COMMENT ON FUNCTION explains_itself(text) IS
'Whether a text says why the customer gets it: "because you bought", "thank you for your order", "you asked".';
REVOKE ALL ON FUNCTION explains_itself(text) FROM PUBLIC;

/* What a purpose and a channel make of a use */

CREATE FUNCTION use_of(purpose text, channel text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN purpose ~ '(^|[._])(sale|sell|sold|resale|resell|broker|brokerage)($|[._])' THEN 'sold'
		WHEN purpose ~ '(^|[._])(third_party|thirdparty|partners?|retargeting|remarketing|cross_context|advertising|ads)($|[._])'
			OR channel ~ '(^|[._])(ads?|advertising|retargeting|remarketing|audiences?|display|social|facebook|meta|instagram|tiktok|adwords|dsp)($|[._])' THEN 'cross_context'
		ELSE 'first_party' END;
END;
COMMENT ON FUNCTION use_of(text, text) IS
'How data is used, from the labels of a purpose and a channel: sold (sale, resale, broker), cross_context (advertising, third_party, partner, retargeting; a channel such as ads, social, audience), else first_party.';
REVOKE ALL ON FUNCTION use_of(text, text) FROM PUBLIC;

CREATE FUNCTION granularity_of(category text, col text, type oid, through text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN through = 'count' THEN 'count'
		WHEN category ~ '^user[.]behavior[.]dwell' OR type = 'interval'::regtype
			OR col ~* '(seconds|secs|minutes|mins|hours|duration|dwell|time_spent|elapsed)' THEN 'duration'
		WHEN category ~ '^user[.]location' OR type IN ('point'::regtype, 'inet'::regtype, 'cidr'::regtype) THEN 'place'
		WHEN type IN ('timestamptz'::regtype, 'timestamp'::regtype, 'time'::regtype, 'timetz'::regtype) THEN 'time' END;
END;
COMMENT ON FUNCTION granularity_of(text, text, oid, text) IS
'What makes a value feel measured when it is mentioned: count, place, time or duration, from its category, name, type and aggregate; NULL: nothing.';
REVOKE ALL ON FUNCTION granularity_of(text, text, oid, text) FROM PUBLIC;
