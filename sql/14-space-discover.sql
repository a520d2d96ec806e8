/* space: what to describe, found by looking */

/* Discover */

/* Bodies that are parsed once need no search_path, and without one a set is
 * planned as a part of the query that asks for it. */

CREATE FUNCTION singular(word text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN word ~ '[^aeiou]ies$' THEN regexp_replace(word, 'ies$', 'y')
		WHEN word ~ '(x|ss|ch|sh)es$' THEN regexp_replace(word, 'es$', '')
		WHEN word ~ '(ss|us|is)$' THEN word
		ELSE regexp_replace(word, 's$', '') END;
END;
COMMENT ON FUNCTION singular(text) IS 'An English word, such as a table''s name, in the singular, as far as its ending tells.';
REVOKE ALL ON FUNCTION singular(text) FROM PUBLIC;

CREATE FUNCTION free_name(wishes text[], kind text, taken text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wish text;
BEGIN
	FOR wish IN
		SELECT left(trim(BOTH '_' FROM regexp_replace(lower(w), '[^a-z0-9]+', '_', 'g')), 33) FROM unnest(wishes) w WHERE w IS NOT NULL
		UNION ALL SELECT kind || '_' || n FROM generate_series(1, cardinality(taken) + 1) n
	LOOP
		CONTINUE WHEN wish = ANY (taken);
		BEGIN
			PERFORM @extschema@.check_name(kind, wish);
			RETURN wish;
		EXCEPTION
			WHEN invalid_name OR reserved_name THEN
				NULL; /* the next may do */
		END;
	END LOOP;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION free_name(text[], text, text[]) IS
'The first of the wishes that may name a thing of that kind and is not taken, letters that a name cannot have replaced; else the kind with a number.';
REVOKE ALL ON FUNCTION free_name(text[], text, text[]) FROM PUBLIC;

CREATE FUNCTION company_tables(reader oid)
RETURNS TABLE (relation regclass, name text, kind "char", owner oid)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT c.oid::regclass, c.relname, c.relkind, c.relowner
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
		AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '@extschema@')
		AND NOT (n.nspname LIKE 'persona\_%' AND to_regclass(quote_ident(n.nspname) || '.anchor') IS NOT NULL)
		AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
		AND has_schema_privilege(reader, n.oid, 'USAGE') AND has_table_privilege(reader, c.oid, 'SELECT')
		AND NOT EXISTS (SELECT FROM pg_depend d
			WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e');
END;
COMMENT ON FUNCTION company_tables(oid) IS
'The company''s own tables, partitions aside, which both the caller and that role may read; none of the system''s, of an extension or of persona.';
REVOKE ALL ON FUNCTION company_tables(oid) FROM PUBLIC;

CREATE FUNCTION table_columns(relation regclass)
RETURNS TABLE (number smallint, name text, type oid, category "char", is_unique boolean, is_key boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT a.attnum, a.attname, t.oid, t.typcategory,
		EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL
			AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum),
		EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisprimary AND a.attnum = ANY (i.indkey))
	FROM pg_attribute a JOIN pg_type d ON d.oid = a.atttypid
	JOIN pg_type t ON t.oid = coalesce(nullif(d.typbasetype, 0), d.oid)
	WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
END;
COMMENT ON FUNCTION table_columns(regclass) IS
'The columns of a table with their types, of domains the type under them, and whether one alone is unique or part of the primary key.';
REVOKE ALL ON FUNCTION table_columns(regclass) FROM PUBLIC;

CREATE FUNCTION table_links(relation regclass)
RETURNS TABLE (col text, target regclass, target_col text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT a.attname, k.confrelid::regclass, b.attname
	FROM pg_constraint k
	JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
	JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
	WHERE k.conrelid = relation AND k.contype = 'f' AND cardinality(k.conkey) = 1
	ORDER BY a.attnum;
END;
COMMENT ON FUNCTION table_links(regclass) IS 'The foreign keys of one column that a table has, and what they point to.';
REVOKE ALL ON FUNCTION table_links(regclass) FROM PUBLIC;

CREATE FUNCTION attribute_hints()
RETURNS TABLE (place int, pattern text, types text, everywhere boolean, category text, provenance text, sensitivity text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT * FROM (VALUES
		(1, '(password|passwd|passwordhash|pwd)$', 'S', true, 'user.authorization.password', 'declared', 'high'),
		(2, '(email(addr(ess)?)?|^mail)$', 'SU', true, 'user.contact.email', 'declared', NULL),
		(3, '((tele)?phone|mobile|msisdn|^tel|^cell|^fax|^handy)(number|num|no|nr)?$', 'SN', true, 'user.contact.phone_number', 'declared', NULL),
		(4, '(birth(day|date|year)?|dateofbirth|yearofbirth|^dob|^born(on)?)$', 'DNS', true, 'user.demographic.date_of_birth', 'declared', NULL),
		(5, '((first|given|fore)name|^fname|^vorname)$', 'S', true, 'user.name.first', 'declared', NULL),
		(6, '((last|family|sur)name|^lname|^nachname)$', 'S', true, 'user.name.last', 'declared', NULL),
		(7, '^(full|display|customer|contact)?name$', 'S', false, 'user.name', 'declared', NULL),
		(8, '(^|client|remote|user|last|signup|login)ip(v?[46])?(addr(ess)?)?$', 'SI', true, 'user.device.ip_address', 'observed', NULL),
		(9, '(post(al)?code|zip(code)?|^plz|postleitzahl)$', 'SN', true, 'user.contact.address.postal_code', 'declared', NULL),
		(10, '^(geo|home|last)?(lat(itude)?|lon|lng|long(itude)?)$', 'NS', true, 'user.location.precise', 'observed', 'high'),
		(11, '(city|town)$', 'S', true, 'user.contact.address.city', 'declared', NULL),
		(12, '^(region|province|county)$', 'S', true, 'user.contact.address.state', 'declared', NULL),
		(13, 'country(code|iso[23]?)?$', 'SE', true, 'user.contact.address.country', 'declared', NULL),
		(14, '(street|address(line)?[0-9]?|strasse)$', 'S', true, 'user.contact.address.street', 'declared', NULL),
		(15, '^(gender|sex|salutation|anrede)$', 'SE', true, 'user.demographic.gender', 'declared', NULL),
		(16, '^(preferred)?(lang(uage)?|locale)(code)?$', 'SE', true, 'user.demographic.language', 'declared', NULL),
		(17, '^(timezone|tz)(name|id)?$', 'S', true, 'user.location.imprecise', 'observed', NULL),
		(18, '(religion|faith|denomination)$', 'SE', true, 'user.demographic.religious_belief', 'declared', 'special'),
		(19, '(ethnicity|ethnicgroup|^race)$', 'SE', true, 'user.demographic.race_ethnicity', 'declared', 'special'),
		(20, '(sexualorientation|^orientation)$', 'SE', true, 'user.demographic.sexual_orientation', 'declared', 'special'),
		(21, '(politicalopinion|politicalparty|partymembership|unionmembership)$', 'SEB', true, 'user.demographic.political_opinion', 'declared', 'special'),
		(22, '(health|diagnos[ei]s|disease|illness|pregnan(t|cy)|disability|allerg(y|ies)|bloodtype|medication)', 'SEBN', true, 'user.health_and_medical', 'declared', 'special'),
		(23, '(iban|bankaccount|accountnumber)$', 'SN', true, 'user.financial.bank_account', 'declared', 'high'),
		(24, '((credit|debit)card(number|no)?|cardnumber|cardno|^pan)$', 'SN', true, 'user.financial.credit_card', 'declared', 'high'),
		(25, '(income|salary|networth)$', 'SNE', true, 'user.financial', 'declared', 'high'),
		(26, '(creditscore|creditrating)$', 'SNE', true, 'user.financial', 'third_party', 'high'),
		(27, '(^ssn|socialsecurity(number|no)?|passport(number|no)?|nationalid|taxid|driverslicen[cs]e)$', 'SN', true, 'user.government_id', 'declared', 'high'),
		(28, '(deviceid|useragent|cookie(id)?|fingerprint|advertisingid|^idfa|^gaid|visitorid)$', 'SUN', true, 'user.device', 'observed', NULL),
		(29, '^age(group|range|band)?$', 'SNE', true, 'user.demographic.age_range', 'declared', NULL),
		(30, '(score|propensity|probability|churn|churnrisk|ltv|clv|lifetimevalue|segment|cluster|affinity)$|^predicted', 'SNEB', true, 'user.behavior', 'inferred', NULL),
		(31, '^(job(title)?|occupation|profession)$', 'S', true, 'user.job_title', 'declared', NULL),
		(32, '(company|employer|organi[sz]ation)(name)?$', 'S', true, 'user.workplace', 'declared', NULL),
		(33, '^(marital(status)?|household(size)?|children|kids)$', 'SNEB', true, 'user.demographic', 'declared', NULL),
		(34, '^(username|login|handle|nick(name)?)$', 'S', true, 'user.account.username', 'declared', NULL),
		(35, '(facebook|twitter|instagram|linkedin|tiktok)(id|url|handle)?$', 'SN', true, 'user.social', 'third_party', NULL),
		(36, '^last(seen|login|visit|active)(at|on|date)?$', 'D', true, 'user.behavior', 'observed', NULL),
		(37, '^(created|joined|registered|signup|signedup)(at|on|date)?$', 'D', false, 'user.account', 'transacted', NULL)
	) AS hint (place, pattern, types, everywhere, category, provenance, sensitivity);
END;
COMMENT ON FUNCTION attribute_hints() IS
'What a column probably is, by its name (lower case, letters and digits only) and the category of its type: the first that fits counts, those that are not for everywhere only in the subject table. Categories are those of the Fides taxonomy.';
REVOKE ALL ON FUNCTION attribute_hints() FROM PUBLIC;

CREATE FUNCTION sources_of(home space)
RETURNS TABLE (kind text, name text, relation regclass)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT 'event', e.event, e.relation FROM @extschema@.event e WHERE e.space = home.space
	UNION ALL
	SELECT 'facet', f.facet, f.relation FROM @extschema@.facet f WHERE f.space = home.space;
END;
COMMENT ON FUNCTION sources_of(space) IS 'The events and facets of a space.';
REVOKE ALL ON FUNCTION sources_of(space) FROM PUBLIC;

CREATE FUNCTION subject_links(home space)
RETURNS TABLE (relation regclass, name text, kind "char", col text, is_unique boolean, reason text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT t.relation, t.name, t.kind, c.name, c.is_unique,
		CASE WHEN k.col IS NOT NULL THEN format('its column %I refers to %s', c.name, home.subjects)
			ELSE format('its column %I is named like the key of %s, though no foreign key says so', c.name, home.subjects) END
	FROM @extschema@.company_tables(@extschema@.space_owner(home.subjects)) t
	CROSS JOIN @extschema@.table_columns(t.relation) c
	JOIN pg_class s ON s.oid = home.subjects
	LEFT JOIN @extschema@.table_links(t.relation) k ON k.col = c.name
	WHERE t.relation <> home.subjects
		AND (k.target = home.subjects AND k.target_col = home.key
			OR k.col IS NULL AND format_type(c.type, NULL) = home.key_type AND lower(c.name) IN (
				SELECT @extschema@.singular(lower(s.relname)) || ending FROM unnest(ARRAY['_id', 'id', '_key', '_no', '_number']) ending
				UNION ALL SELECT lower(home.key) WHERE lower(home.key) NOT IN ('id', 'uuid', 'key', 'code', 'name', 'no', 'number')))
	ORDER BY t.relation::text, c.number;
END;
COMMENT ON FUNCTION subject_links(space) IS
'The columns of other tables that hold a subject''s key: by a foreign key, or by a name and type as a foreign key would have.';
REVOKE ALL ON FUNCTION subject_links(space) FROM PUBLIC;

CREATE FUNCTION event_moment(relation regclass) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT c.name FROM @extschema@.table_columns(relation) c
	WHERE c.type IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
	ORDER BY c.name !~* '^(at|occurred|happened|event_?(time|date|at)|time|timestamp|date|day|ts)',
		c.name !~* '^(ordered|purchased|sold|booked|paid|sent|opened|viewed|visited|created|inserted)|(order|purchase|invoice|sale)_?(date|time|at)',
		c.name ~* '(update|modif|delete|cancel|expire|valid|ship|deliver|close|end)', c.number
	LIMIT 1;
END;
COMMENT ON FUNCTION event_moment(regclass) IS
'The column that most probably says when a row of an event table happened, or NULL.';
REVOKE ALL ON FUNCTION event_moment(regclass) FROM PUBLIC;

CREATE FUNCTION discover_sources(home space)
RETURNS TABLE (kind text, name text, relation regclass, reason text, statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner oid := @extschema@.space_owner(home.subjects);
	known jsonb := (SELECT coalesce(jsonb_object_agg(s.name, s.relation::oid), '{}') FROM @extschema@.sources_of(home) s);
	taken text[] := ARRAY(SELECT jsonb_object_keys(known)) || @extschema@.columns_of(home.subjects);
	link record;
BEGIN
	FOR link IN
		SELECT l.*, @extschema@.singular(lower(l.name)) AS one, count(*) OVER (PARTITION BY l.relation) > 1 AS several
		FROM @extschema@.subject_links(home) l WHERE NOT l.is_unique
			AND NOT EXISTS (SELECT FROM @extschema@.event e
				WHERE e.space = home.space AND e.relation = l.relation AND e.subject = l.col)
		ORDER BY l.relation::text, l.col
	LOOP
		kind := 'event';
		relation := link.relation;
		name := @extschema@.free_name(ARRAY[CASE WHEN link.several THEN link.one || '_' || link.col ELSE link.one END,
			link.name, link.one || '_event', link.one || '_' || link.col], kind, taken);
		reason := 'many rows a customer: ' || link.reason;
		statement := format('SELECT * FROM @extschema@.define_event(%L, %L, subject => %L%s%s, space => %L);', name, relation, link.col,
			', at => ' || quote_literal(@extschema@.event_moment(relation)),
			CASE WHEN link.kind = 'f' THEN ', fires => ''never''' END, home.space);
		taken := taken || name;
		known := known || jsonb_build_object(name, relation::oid);
		RETURN NEXT;
	END LOOP;
	FOR link IN
		SELECT 'one row a customer: ' || l.reason AS reason, l.relation, l.col AS key, NULL AS via,
			ARRAY[@extschema@.singular(lower(l.name)), l.name] AS wishes
		FROM @extschema@.subject_links(home) l WHERE l.is_unique
		UNION ALL
		SELECT format('a look-up: %s of %s refers to it', quote_ident(l.col), source.relation), l.target, l.target_col,
			concat_ws('.', source.name, l.col),
			ARRAY[nullif(regexp_replace(lower(l.col), '_?(id|key|code|no)$', ''), lower(l.col)), @extschema@.singular(lower(t.name)),
				concat_ws('_', source.name, @extschema@.singular(lower(t.name)))]
		FROM (SELECT NULL AS name, home.subjects AS relation
			UNION ALL SELECT k.key, k.value::oid::regclass FROM jsonb_each_text(known) k) source
		CROSS JOIN @extschema@.table_links(source.relation) l
		JOIN @extschema@.company_tables(owner) t ON t.relation = l.target
		WHERE l.target NOT IN (home.subjects, source.relation) AND position('.' IN l.col) = 0
	LOOP
		CONTINUE WHEN EXISTS (SELECT FROM @extschema@.facet f WHERE f.space = home.space
			AND f.relation = link.relation AND concat_ws('.', f.parent, f.via) = coalesce(link.via, home.key));
		kind := 'facet';
		relation := link.relation;
		name := @extschema@.free_name(link.wishes || (link.wishes[2] || '_facet'), kind, taken);
		reason := link.reason;
		statement := format('SELECT * FROM @extschema@.define_facet(%L, %L, key => %L%s, space => %L);', name, relation, link.key,
			', via => ' || quote_literal(link.via), home.space);
		taken := taken || name;
		RETURN NEXT;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION discover_sources(space) IS
'The event and facet proposals of discover(), with their tables.';
REVOKE ALL ON FUNCTION discover_sources(space) FROM PUBLIC;

CREATE FUNCTION hinted_columns(relations regclass[], subjects regclass)
RETURNS TABLE (relation regclass, number smallint, name text, is_text boolean, category text, provenance text, sensitivity text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH col AS MATERIALIZED (
		SELECT r.relation, c.*, regexp_replace(lower(c.name), '[^a-z0-9]', '', 'g') AS letters
		FROM unnest(relations) r (relation) CROSS JOIN LATERAL @extschema@.table_columns(r.relation) c
	), hint AS MATERIALIZED (
		/* Pattern by pattern, for the server keeps few of them compiled. */
		SELECT h.*, word.letters, word.type_category
		FROM @extschema@.attribute_hints() h
		CROSS JOIN LATERAL (
			SELECT DISTINCT col.letters, col.category AS type_category FROM col
			WHERE position(col.category IN h.types) > 0 AND col.letters ~ h.pattern OFFSET 0
		) word
	)
	SELECT DISTINCT ON (col.relation, col.number) col.relation, col.number, col.name,
		col.type IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype), hint.category, hint.provenance, hint.sensitivity
	FROM col JOIN hint ON hint.letters = col.letters AND hint.type_category = col.category
	WHERE (hint.everywhere OR coalesce(col.relation = subjects, true))
		AND NOT EXISTS (SELECT FROM @extschema@.table_links(col.relation) k WHERE k.col = col.name)
	ORDER BY col.relation, col.number, hint.place;
END;
COMMENT ON FUNCTION hinted_columns(regclass[], regclass) IS
'The columns of tables that probably say something about a person, with what they say; subjects is the one that holds persons, NULL where each may.';
REVOKE ALL ON FUNCTION hinted_columns(regclass[], regclass) FROM PUBLIC;

CREATE FUNCTION discover_spaces()
RETURNS TABLE (kind text, object text, reason text, statement text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH candidate AS MATERIALIZED (
		SELECT t.relation, t.name FROM @extschema@.company_tables(to_regrole(quote_ident(current_user))) t
		CROSS JOIN LATERAL (
			SELECT count(*) AS n, bool_and(c.type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'text'::regtype, 'varchar'::regtype)) AS fits
			FROM @extschema@.table_columns(t.relation) c WHERE c.is_key
		) key
		WHERE pg_has_role(t.owner, 'MEMBER') AND t.kind <> 'f' AND key.n = 1 AND key.fits
	)
	SELECT 'space', guess.relation::text,
		concat_ws('; ', CASE WHEN guess.named THEN 'named like customers' END,
			'about a person: ' || array_to_string(guess.personal, ', '), 'referred to by ' || array_to_string(guess.referred, ', ')),
		format('SELECT * FROM @extschema@.define_space(%L, %L);',
			@extschema@.free_name(ARRAY[guess.name, guess.name || '_space'], 'space', ARRAY['house']), guess.relation)
	FROM (
		SELECT t.relation, t.name, @extschema@.singular(lower(t.name)) ~ '(customer|client|user|member|account|subscriber|person|people|contact|guest|patient|buyer|shopper|household|visitor|donor|student|player|profile|kunde)$' AS named, hinted.personal,
			(SELECT array_agg(DISTINCT k.conrelid::regclass::text ORDER BY k.conrelid::regclass::text) FROM pg_constraint k
				WHERE k.confrelid = t.relation AND k.conrelid <> t.relation AND k.contype = 'f' AND k.conparentid = 0) AS referred
		FROM candidate t
		LEFT JOIN (
			SELECT c.relation, array_agg(c.name::text ORDER BY c.number) AS personal
			FROM @extschema@.hinted_columns(ARRAY(SELECT candidate.relation FROM candidate), NULL) c
			WHERE c.category ~ '^user[.](name[.]|contact|demographic)' GROUP BY c.relation
		) hinted USING (relation)
	) guess
	WHERE guess.named OR cardinality(guess.personal) > 0
	ORDER BY guess.named::int * 5 + least(coalesce(cardinality(guess.personal), 0), 5) + least(coalesce(cardinality(guess.referred), 0), 5) DESC,
		guess.relation::text;
END;
COMMENT ON FUNCTION discover_spaces() IS
'Tables of the caller''s that look like customers, by name, by columns about a person and by the tables that refer to them; the best guess first.';
REVOKE ALL ON FUNCTION discover_spaces() FROM PUBLIC;

CREATE FUNCTION discover_channels(home space)
RETURNS TABLE (kind text, object text, reason text, statement text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT 'channel', way.channel, format('%I of %s holds %s', way.name, home.subjects, way.holds),
		format('SELECT * FROM @extschema@.define_channel(%L, %L%s%s, space => %L);', way.channel, quote_ident(way.name),
			', time_zone => ' || quote_literal(quote_ident(hinted.zone)), ', locale => ' || quote_literal(quote_ident(hinted.locale)), home.space)
	FROM (
		SELECT DISTINCT ON (v.channel) v.channel, v.holds, c.name
		FROM (VALUES ('email', 'user.contact.email', 'e-mail addresses'), ('sms', 'user.contact.phone_number', 'telephone numbers'))
			v (channel, category, holds)
		JOIN @extschema@.hinted_columns(ARRAY[home.subjects], home.subjects) c ON c.category = v.category AND c.is_text
		ORDER BY v.channel, length(c.name), c.name
	) way
	CROSS JOIN (
		SELECT min(c.name) FILTER (WHERE c.category = 'user.location.imprecise') AS zone,
			min(c.name) FILTER (WHERE c.category = 'user.demographic.language') AS locale
		FROM @extschema@.hinted_columns(ARRAY[home.subjects], home.subjects) c WHERE c.is_text
	) hinted
	WHERE NOT EXISTS (SELECT FROM @extschema@.channel c WHERE c.space = home.space AND c.channel = way.channel);
END;
COMMENT ON FUNCTION discover_channels(space) IS
'The channel proposals of discover(): e-mail and telephone columns of the subject table, with its time zone and locale.';
REVOKE ALL ON FUNCTION discover_channels(space) FROM PUBLIC;

CREATE FUNCTION discover_attributes(home space)
RETURNS TABLE (kind text, object text, reason text, statement text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH source (kind, name, relation) AS MATERIALIZED (
		SELECT 'subject', NULL, home.subjects
		UNION ALL SELECT s.kind, s.name, s.relation FROM @extschema@.sources_of(home) s
		UNION ALL SELECT d.kind, d.name, d.relation FROM @extschema@.discover_sources(home) d
	), guess AS (
		SELECT s.kind, s.name AS source, c.number, c.name AS col, c.category, c.provenance, c.sensitivity,
			format('by its name, %I', c.name) AS reason
		FROM source s JOIN @extschema@.hinted_columns(ARRAY(SELECT DISTINCT source.relation FROM source), home.subjects) c USING (relation)
		UNION ALL
		SELECT s.kind, s.name, c.number, c.name, what.category, what.provenance, NULL,
			format('by the name of %s', s.relation)
		FROM source s
		JOIN pg_class r ON r.oid = s.relation
		JOIN (VALUES
			('order|purchase|sale|invoice|transaction|payment|booking|subscription|return|refund|receipt|basket|cart', 'user.behavior.purchase_history', 'transacted'),
			('view|click|visit|session|search|impression|activity|track', 'user.behavior.browsing_history', 'observed'),
			('review|rating|survey|ticket|message|comment', 'user.content', 'declared')
		) what (pattern, category, provenance) ON lower(r.relname) ~ what.pattern
		CROSS JOIN @extschema@.table_columns(s.relation) c
		WHERE s.kind = 'event' AND NOT c.is_key
			AND c.name NOT IN (SELECT k.col FROM @extschema@.table_links(s.relation) k WHERE k.target = home.subjects)
			AND c.name NOT IN (SELECT l.col FROM @extschema@.subject_links(home) l WHERE l.relation = s.relation)
	), best AS (
		SELECT DISTINCT ON (source, number) guess.*, concat_ws('.', guess.source, guess.col) AS attribute
		FROM guess WHERE position('.' IN guess.col) = 0
		ORDER BY source, number, reason LIKE 'by the name of%', category
	)
	SELECT 'attribute', b.attribute, format('%s %s, %s', b.provenance, b.category, b.reason),
		format('SELECT * FROM @extschema@.define_attribute(%L, %L, %L%s, space => %L);', b.attribute, b.category, b.provenance,
			', sensitivity => ' || quote_literal(b.sensitivity), home.space)
	FROM best b
	WHERE NOT EXISTS (SELECT FROM @extschema@.attribute a WHERE a.space = home.space AND a.attribute = b.attribute)
	ORDER BY b.source NULLS FIRST, b.number;
END;
COMMENT ON FUNCTION discover_attributes(space) IS
'The attribute proposals of discover(), for the subject table and for every event and facet that is defined or proposed.';
REVOKE ALL ON FUNCTION discover_attributes(space) FROM PUBLIC;

CREATE FUNCTION discover(space text DEFAULT NULL)
RETURNS TABLE (kind text, object text, reason text, statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space;
BEGIN
	IF NOT EXISTS (SELECT FROM @extschema@.space) THEN
		RETURN QUERY SELECT * FROM @extschema@.discover_spaces();
		IF NOT FOUND THEN
			RAISE NOTICE 'no table of yours looks like customers' USING
				HINT = 'Name it: SELECT * FROM persona.define_space(''shop'', ''your_table'').';
		END IF;
		RETURN;
	END IF;
	home := @extschema@.resolve_space(space);
	RETURN QUERY
		SELECT s.kind, s.name, s.reason, s.statement FROM @extschema@.discover_sources(home) s
		UNION ALL SELECT * FROM @extschema@.discover_channels(home)
		UNION ALL SELECT * FROM @extschema@.discover_attributes(home);
	IF NOT FOUND THEN
		RAISE NOTICE 'there is nothing left to propose for space "%"', home.space;
	END IF;
END;
$$;
COMMENT ON FUNCTION discover(text) IS
'Proposals, each with the statement that carries it out, in an order in which they can be run: for a space its events, facets, channels and attributes that are not defined yet; where there is no space, spaces over tables that look like customers. From keys, names and types in the catalog; no data is read, and only tables that the caller may read count.';
REVOKE ALL ON FUNCTION discover(text) FROM PUBLIC;
