/* consent: who said yes to what */

CREATE FUNCTION label_path(label text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT array_agg(array_to_string((string_to_array(label, '.'))[1:n], '.') ORDER BY n DESC)
	FROM generate_series(1, cardinality(string_to_array(label, '.'))) n;
END;
COMMENT ON FUNCTION label_path(text) IS
'A dotted label and its parents, the most specific first: {a.b.c,a.b,a}.';

CREATE FUNCTION define_purpose(purpose text, basis text, expires interval DEFAULT NULL, regulation text DEFAULT NULL,
	label text DEFAULT NULL, description text DEFAULT NULL, space text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	PERFORM @extschema@.check_label('purpose', purpose);
	IF coalesce(basis, '') NOT IN ('consent', 'opt_out', 'legitimate_interest', 'contract') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%s is not a legal basis', quote_nullable(basis)),
			HINT = @extschema@.ask(basis, '{consent,opt_out,legitimate_interest,contract}',
				'It is consent, opt_out, legitimate_interest or contract.');
	ELSIF expires <= interval '0' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a consent cannot expire after %s', expires),
			HINT = 'Pass a positive interval, such as ''2 years'', or nothing.';
	END IF;
	INSERT INTO @extschema@.purpose VALUES (home.space, purpose, basis, expires, regulation, label, description)
	ON CONFLICT ON CONSTRAINT purpose_pkey DO UPDATE
	SET (basis, expires, regulation, label, description)
		= (excluded.basis, excluded.expires, excluded.regulation, excluded.label, excluded.description);
	IF basis = 'consent' AND expires IS NULL THEN
		RETURN NEXT ('info', 'consent_without_end', purpose, 'a consent to this purpose never expires',
			'Pass expires => ''2 years'' or what your regulator expects.')::@extschema@.finding;
	END IF;
END;
$$;
COMMENT ON FUNCTION define_purpose(text, text, interval, text, text, text, text) IS
'What data or a channel may be used for. basis: consent (a yes is needed), opt_out and legitimate_interest (allowed until a no), contract (allowed, whatever was said). expires counts from a consent''s own time. A dotted parent covers its children.';
REVOKE ALL ON FUNCTION define_purpose(text, text, interval, text, text, text, text) FROM PUBLIC;

/* The lock and the ledger */

CREATE FUNCTION lock_subject(home space, subject text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I = $1::%s)', home.subjects, home.key, home.key_type)
	INTO known USING subject;
	IF NOT known THEN
		RAISE no_data_found USING
			MESSAGE = format('%s has no such subject', home.subjects),
			HINT = 'Nothing was recorded. Insert the customer first, or look up the key again.';
	END IF;
	EXECUTE format('INSERT INTO %I.anchor VALUES ($1::%s, clock_timestamp()) ON CONFLICT DO NOTHING', home.schema_name, home.key_type)
	USING subject;
	EXECUTE format('SELECT FROM %I.anchor WHERE subject = $1::%s FOR UPDATE', home.schema_name, home.key_type)
	USING subject;
END;
$$;
COMMENT ON FUNCTION lock_subject(space, text) IS
'Takes the one lock of a subject, under which everything about it is decided and handed over; an unknown subject is an error (P0002).';
REVOKE ALL ON FUNCTION lock_subject(space, text) FROM PUBLIC;

CREATE FUNCTION consent_chain(previous bytea, subject text, seq int, purpose text, channel text, decision text,
	source text, evidence jsonb, at timestamptz, expires_at timestamptz)
RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT sha256(coalesce(previous, '') || convert_to(jsonb_build_array(subject, seq, purpose, channel, decision, source,
		evidence, extract(epoch FROM at), extract(epoch FROM expires_at))::text, 'UTF8'));
END;
COMMENT ON FUNCTION consent_chain(bytea, text, int, text, text, text, text, jsonb, timestamptz, timestamptz) IS
'The link of a ledger row: the sha256 over the previous row''s link and what this row says.';
REVOKE ALL ON FUNCTION consent_chain(bytea, text, int, text, text, text, text, jsonb, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION check_statement(home space, purpose text, channel text, source text, at timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	known text[];
BEGIN
	known := ARRAY(SELECT p.purpose FROM @extschema@.purpose p WHERE p.space = home.space ORDER BY 1);
	IF NOT EXISTS (SELECT FROM unnest(known) k WHERE k = purpose OR starts_with(k, purpose || '.')
			OR purpose = ANY (@extschema@.label_path(k))) AND purpose IS NOT NULL
		AND NOT EXISTS (SELECT FROM unnest(@extschema@.label_path(purpose)) p WHERE p = ANY (known)) THEN
		RAISE undefined_object USING
			MESSAGE = format('purpose "%s" does not exist in space "%s"', purpose, home.space),
			HINT = @extschema@.ask(purpose, known, format('Define it first: SELECT * FROM persona.define_purpose(%L, ''consent'').', purpose));
	END IF;
	known := ARRAY(SELECT c.channel FROM @extschema@.channel c WHERE c.space = home.space ORDER BY 1);
	IF channel <> ALL (known) THEN
		RAISE undefined_object USING
			MESSAGE = format('channel "%s" does not exist in space "%s"', channel, home.space),
			HINT = @extschema@.ask(channel, known, format('Define it first: SELECT * FROM persona.define_channel(%L, ''email'').', channel));
	ELSIF source IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'a consent needs its source',
			HINT = 'Say where it was given, such as ''checkout'' or ''preference page''.';
	ELSIF NOT isfinite(at) OR at > greatest(@extschema@.now(), clock_timestamp()) + interval '1 minute' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a consent cannot be given at %s', at),
			HINT = 'Pass the instant at which it was given.';
	END IF;
END;
$$;
COMMENT ON FUNCTION check_statement(space, text, text, text, timestamptz) IS
'Raises an error unless purpose and channel exist (NULL is every one), the source is said and the time is not in the future.';
REVOKE ALL ON FUNCTION check_statement(space, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION record_consent(home space, subject text, purpose text, channel text, decision text, source text,
	at timestamptz, evidence jsonb)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $$
#variable_conflict use_variable
DECLARE
	key text := @extschema@.subject_key(home, subject);
	given_at timestamptz := coalesce(at, @extschema@.now());
	meant @extschema@.purpose;
	previous record;
	link uuid := gen_random_uuid();
	ends_at timestamptz;
BEGIN
	PERFORM @extschema@.check_statement(home, purpose, channel, source, given_at);
	PERFORM @extschema@.lock_subject(home, key);
	SELECT * INTO meant FROM @extschema@.purpose p WHERE p.space = home.space AND p.purpose = record_consent.purpose;
	ends_at := CASE WHEN decision = 'grant' THEN given_at + meant.expires END;
	EXECUTE format('SELECT seq, chain FROM %I.consent WHERE subject = $1::%s ORDER BY seq DESC LIMIT 1', home.schema_name, home.key_type)
	INTO previous USING key;
	EXECUTE format('INSERT INTO %I.consent (subject, seq, ledger, purpose, channel, decision, basis, source, evidence, at,
			recorded_at, recorded_by, expires_at, chain)
		VALUES ($1::%s, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp(), session_user, $11, $12)', home.schema_name, home.key_type)
	USING key, coalesce(previous.seq, 0) + 1, link, purpose, channel, decision, meant.basis, source, evidence, given_at, ends_at,
		@extschema@.consent_chain(previous.chain, key, coalesce(previous.seq, 0) + 1, purpose, channel, decision, source, evidence, given_at, ends_at);
	EXECUTE format('INSERT INTO %I.consent_current AS c VALUES ($1::%s, coalesce($2, ''''), coalesce($3, ''''), $4, $5, $6, $7)
		ON CONFLICT (subject, purpose, channel) DO UPDATE
		SET (decision, at, expires_at, ledger) = (excluded.decision, excluded.at, excluded.expires_at, excluded.ledger)
		WHERE excluded.at > c.at OR (excluded.at = c.at AND (excluded.decision = ''withdraw'' OR c.decision = ''grant''))',
		home.schema_name, home.key_type)
	USING key, purpose, channel, decision, given_at, ends_at, link;
	RETURN link;
END;
$$;
COMMENT ON FUNCTION record_consent(space, text, text, text, text, text, timestamptz, jsonb) IS
'Appends one statement to the ledger under the subject''s lock and folds it into consent_current. Returns the ledger id.';
REVOKE ALL ON FUNCTION record_consent(space, text, text, text, text, text, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION grant_consent(subject text, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE sql
AS 'SELECT @extschema@.record_consent(@extschema@.resolve_space(space), subject, purpose, channel, ''grant'', source, at, evidence)';
COMMENT ON FUNCTION grant_consent(text, text, text, text, timestamptz, jsonb, text) IS
'Records a yes to a purpose on a channel (NULL: every one), with its source and evidence; at is when it was given, now unless said. Returns the ledger id.';
REVOKE ALL ON FUNCTION grant_consent(text, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION grant_consent(subject anyelement, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE sql AS 'SELECT @extschema@.grant_consent(subject::text, purpose, channel, source, at, evidence, space)';
COMMENT ON FUNCTION grant_consent(anyelement, text, text, text, timestamptz, jsonb, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION grant_consent(anyelement, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION in_flight(home space, subject text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %I.message WHERE subject = $1::%s AND state = ''claimed''', home.schema_name, home.key_type)
	INTO n USING subject;
	RETURN n;
END;
$$;
COMMENT ON FUNCTION in_flight(space, text) IS
'How many messages to the subject were handed to a sender and are not acknowledged: they cannot be called back.';
REVOKE ALL ON FUNCTION in_flight(space, text) FROM PUBLIC;

CREATE FUNCTION withdraw_consent(subject text, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	link uuid := @extschema@.record_consent(home, subject, purpose, channel, 'withdraw', source, at, evidence);
	handed_over bigint := @extschema@.in_flight(home, @extschema@.subject_key(home, subject));
BEGIN
	IF handed_over > 0 THEN
		RAISE NOTICE '% messages are already with a sender', handed_over
			USING HINT = 'They were claimed before this withdrawal and cannot be called back.';
	END IF;
	RETURN link;
END;
$$;
COMMENT ON FUNCTION withdraw_consent(text, text, text, text, timestamptz, jsonb, text) IS
'Records a no to a purpose on a channel; NULL means every one, and then nothing said before counts any more. Returns the ledger id.';
REVOKE ALL ON FUNCTION withdraw_consent(text, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION withdraw_consent(subject anyelement, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE sql AS 'SELECT @extschema@.withdraw_consent(subject::text, purpose, channel, source, at, evidence, space)';
COMMENT ON FUNCTION withdraw_consent(anyelement, text, text, text, timestamptz, jsonb, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION withdraw_consent(anyelement, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

/* Preferences and suppression */

CREATE FUNCTION set_preference(subject text, category text, allowed boolean, space text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	key text := @extschema@.subject_key(home, subject);
BEGIN
	PERFORM @extschema@.check_label('category', category);
	IF allowed IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'a preference is true or false, not NULL';
	END IF;
	PERFORM @extschema@.lock_subject(home, key);
	EXECUTE format('INSERT INTO %I.preference VALUES ($1::%s, $2, $3, @extschema@.now())
		ON CONFLICT (subject, category) DO UPDATE SET (allowed, at) = (excluded.allowed, excluded.at)', home.schema_name, home.key_type)
	USING key, category, allowed;
END;
$$;
COMMENT ON FUNCTION set_preference(text, text, boolean, text) IS
'A subject''s yes or no to the use of a data category; a parent covers its children, the more specific wins.';
REVOKE ALL ON FUNCTION set_preference(text, text, boolean, text) FROM PUBLIC;

CREATE FUNCTION set_preference(subject anyelement, category text, allowed boolean, space text DEFAULT NULL) RETURNS void
LANGUAGE sql AS 'SELECT @extschema@.set_preference(subject::text, category, allowed, space)';
COMMENT ON FUNCTION set_preference(anyelement, text, boolean, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION set_preference(anyelement, text, boolean, text) FROM PUBLIC;

CREATE FUNCTION suppress(subject text, channel text, reason text, space text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	key text := @extschema@.subject_key(home, subject);
BEGIN
	IF reason IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'a suppression needs its reason',
			HINT = 'Such as ''hard bounce'' or ''complaint''.';
	END IF;
	PERFORM @extschema@.check_statement(home, NULL, channel, reason, @extschema@.now());
	PERFORM @extschema@.lock_subject(home, key);
	EXECUTE format('INSERT INTO %I.suppression VALUES ($1::%s, coalesce($2, ''''), $3, @extschema@.now())
		ON CONFLICT DO NOTHING', home.schema_name, home.key_type)
	USING key, channel, reason;
END;
$$;
COMMENT ON FUNCTION suppress(text, text, text, text) IS
'Nothing goes to the subject on the channel (NULL: every one) until unsuppress(), whatever was consented to.';
REVOKE ALL ON FUNCTION suppress(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION suppress(subject anyelement, channel text, reason text, space text DEFAULT NULL) RETURNS void
LANGUAGE sql AS 'SELECT @extschema@.suppress(subject::text, channel, reason, space)';
COMMENT ON FUNCTION suppress(anyelement, text, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION suppress(anyelement, text, text, text) FROM PUBLIC;

CREATE FUNCTION unsuppress(subject text, channel text, space text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	key text := @extschema@.subject_key(home, subject);
	n bigint;
BEGIN
	PERFORM @extschema@.lock_subject(home, key);
	EXECUTE format('DELETE FROM %I.suppression WHERE subject = $1::%s AND channel = coalesce($2, '''')', home.schema_name, home.key_type)
	USING key, channel;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n > 0;
END;
$$;
COMMENT ON FUNCTION unsuppress(text, text, text) IS
'Takes a suppression back; channel as it was given to suppress(). Returns whether there was one.';
REVOKE ALL ON FUNCTION unsuppress(text, text, text) FROM PUBLIC;

CREATE FUNCTION unsuppress(subject anyelement, channel text, space text DEFAULT NULL) RETURNS boolean
LANGUAGE sql AS 'SELECT @extschema@.unsuppress(subject::text, channel, space)';
COMMENT ON FUNCTION unsuppress(anyelement, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION unsuppress(anyelement, text, text) FROM PUBLIC;

/* Asking */

CREATE FUNCTION lookup_consent(subject text, purpose text, basis text, channel text, at timestamptz, space text)
RETURNS TABLE (allowed boolean, reason text, ledger uuid, since timestamptz, until timestamptz)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_lookup_consent';
COMMENT ON FUNCTION lookup_consent(text, text, text, text, timestamptz, text) IS
'What the ledger says for a subject, purpose, channel and instant.';
REVOKE ALL ON FUNCTION lookup_consent(text, text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION consent_status(subject text, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (allowed boolean, reason text, ledger_id uuid, since timestamptz, until timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	key text := @extschema@.subject_key(home, subject);
	asked timestamptz := coalesce(at, @extschema@.now());
	known text[] := ARRAY(SELECT p.purpose FROM @extschema@.purpose p WHERE p.space = home.space ORDER BY 1);
	basis text := (SELECT p.basis FROM @extschema@.purpose p WHERE p.space = home.space AND p.purpose = consent_status.purpose);
	suppressed_at timestamptz;
BEGIN
	IF purpose IS NULL OR channel IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'a purpose and a channel are needed to ask whether somebody may be contacted';
	ELSIF basis IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('purpose "%s" does not exist in space "%s"', purpose, home.space),
			HINT = @extschema@.ask(purpose, known, format('Define it first: SELECT * FROM persona.define_purpose(%L, ''consent'').', purpose));
	END IF;
	PERFORM @extschema@.check_statement(home, NULL, channel, '', @extschema@.now());
	EXECUTE format('SELECT min(at) FROM %I.suppression WHERE subject = $1::%s AND channel IN ('''', $2) AND at <= $3', home.schema_name, home.key_type)
	INTO suppressed_at USING key, channel, asked;
	IF suppressed_at IS NOT NULL THEN
		RETURN QUERY SELECT false, 'suppressed', NULL::uuid, suppressed_at, NULL::timestamptz;
	ELSE
		RETURN QUERY SELECT * FROM @extschema@.lookup_consent(key, purpose, basis, channel, asked, home.space);
	END IF;
END;
$$;
COMMENT ON FUNCTION consent_status(text, text, text, timestamptz, text) IS
'Whether the subject may be contacted for the purpose on the channel at an instant of the past or now, and why: granted, no_consent, withdrawn, consent_expired, suppressed, or the basis that needs no yes; the ledger row that decided, since when and until when (exclusive).';
REVOKE ALL ON FUNCTION consent_status(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION consent_status(subject anyelement, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (allowed boolean, reason text, ledger_id uuid, since timestamptz, until timestamptz)
LANGUAGE sql STABLE AS 'SELECT * FROM @extschema@.consent_status(subject::text, purpose, channel, at, space)';
COMMENT ON FUNCTION consent_status(anyelement, text, text, timestamptz, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION consent_status(anyelement, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION may_contact(subject text, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql STABLE AS 'SELECT allowed FROM @extschema@.consent_status(subject, purpose, channel, at, space)';
COMMENT ON FUNCTION may_contact(text, text, text, timestamptz, text) IS
'Whether the subject may be contacted for the purpose on the channel, now or at an instant of the past. consent_status() says why.';
REVOKE ALL ON FUNCTION may_contact(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION may_contact(subject anyelement, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql STABLE AS 'SELECT allowed FROM @extschema@.consent_status(subject::text, purpose, channel, at, space)';
COMMENT ON FUNCTION may_contact(anyelement, text, text, timestamptz, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION may_contact(anyelement, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION consent_history(subject text, space text DEFAULT NULL)
RETURNS TABLE (seq int, ledger_id uuid, purpose text, channel text, decision text, source text, evidence jsonb,
	at timestamptz, recorded_at timestamptz, recorded_by text, expires_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	RETURN QUERY EXECUTE format('SELECT seq, ledger, purpose, channel, decision, source, evidence, at, recorded_at, recorded_by, expires_at
		FROM %I.consent WHERE subject = $1::%s ORDER BY seq', home.schema_name, home.key_type)
	USING @extschema@.subject_key(home, subject);
END;
$$;
COMMENT ON FUNCTION consent_history(text, text) IS
'All that a subject ever said, in the order of recording; purpose or channel NULL is every one.';
REVOKE ALL ON FUNCTION consent_history(text, text) FROM PUBLIC;

CREATE FUNCTION consent_history(subject anyelement, space text DEFAULT NULL)
RETURNS TABLE (seq int, ledger_id uuid, purpose text, channel text, decision text, source text, evidence jsonb,
	at timestamptz, recorded_at timestamptz, recorded_by text, expires_at timestamptz)
LANGUAGE sql STABLE AS 'SELECT * FROM @extschema@.consent_history(subject::text, space)';
COMMENT ON FUNCTION consent_history(anyelement, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION consent_history(anyelement, text) FROM PUBLIC;

CREATE FUNCTION consent_view(space text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_consent_view';
COMMENT ON FUNCTION consent_view(text) IS 'The SQL of a space''s view consent_state.';
REVOKE ALL ON FUNCTION consent_view(text) FROM PUBLIC;

CREATE FUNCTION create_consent_views() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('CREATE VIEW %I.consent_state WITH (security_invoker = true) AS %s',
		NEW.schema_name, @extschema@.consent_view(NEW.space));
	EXECUTE format('COMMENT ON VIEW %I.consent_state IS %L', NEW.schema_name,
		'A row a subject persona knows, purpose and channel: whether contact is allowed now, and why.');
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION create_consent_views() IS 'Trigger: a new space gets its view consent_state.';
REVOKE ALL ON FUNCTION create_consent_views() FROM PUBLIC;
CREATE TRIGGER consent_views AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION create_consent_views();
