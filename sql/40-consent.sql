/* consent: who said yes to what */

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
	ELSIF expires <= interval '0' OR expires > interval '1000 years' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a consent cannot expire after %s', expires),
			HINT = 'Pass an interval such as ''2 years'', or leave it out if it never expires.';
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
'What data or a channel may be used for. basis: consent (a yes is needed), opt_out and legitimate_interest (allowed until a no), contract (allowed whatever was said). expires, at most 1000 years, counts from a consent''s own time and is fixed when it is recorded. A dotted parent covers its children.';
REVOKE ALL ON FUNCTION define_purpose(text, text, interval, text, text, text, text) FROM PUBLIC;

/* What a statement may name */

CREATE FUNCTION find_purpose(home space, purpose text) RETURNS purpose
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	meant @extschema@.purpose;
	known text[];
BEGIN
	SELECT * INTO meant FROM @extschema@.purpose p WHERE p.space = home.space AND p.purpose = find_purpose.purpose;
	IF purpose IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'the purpose is NULL',
			HINT = 'Ask about one purpose; only a statement may be about every one.';
	ELSIF NOT FOUND THEN
		known := ARRAY(SELECT p.purpose FROM @extschema@.purpose p WHERE p.space = home.space ORDER BY 1);
		RAISE undefined_object USING
			MESSAGE = format('purpose "%s" does not exist in space "%s"', purpose, home.space),
			HINT = @extschema@.ask(purpose, known,
				format('Define it first: SELECT * FROM persona.define_purpose(%L, ''consent'').', purpose));
	END IF;
	RETURN meant;
END;
$$;
COMMENT ON FUNCTION find_purpose(space, text) IS
'The purpose of that name; an error with the nearest name where there is none (42704, 22004).';
REVOKE ALL ON FUNCTION find_purpose(space, text) FROM PUBLIC;

CREATE FUNCTION check_channel(home space, channel text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	known text[] := ARRAY(SELECT c.channel FROM @extschema@.channel c WHERE c.space = home.space ORDER BY 1);
BEGIN
	IF channel IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'the channel is NULL',
			HINT = 'Ask about one channel; only a statement may be about every one.';
	ELSIF channel <> ALL (known) THEN
		RAISE undefined_object USING
			MESSAGE = format('channel "%s" does not exist in space "%s"', channel, home.space),
			HINT = @extschema@.ask(channel, known,
				format('Define it first: SELECT * FROM persona.define_channel(%L, ''email'').', channel));
	END IF;
END;
$$;
COMMENT ON FUNCTION check_channel(space, text) IS
'Raises an error with the nearest name unless the channel exists (42704, 22004).';
REVOKE ALL ON FUNCTION check_channel(space, text) FROM PUBLIC;

CREATE FUNCTION statement_time(at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	latest timestamptz := greatest(@extschema@.now(), clock_timestamp());
BEGIN
	IF NOT isfinite(at) OR at > latest + interval '1 minute' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('nobody can have said this at %s', at),
			HINT = 'Pass the instant at which it was said, or leave it out for now.';
	END IF;
	RETURN CASE WHEN at IS NULL THEN @extschema@.now() ELSE least(at, latest) END;
END;
$$;
COMMENT ON FUNCTION statement_time(timestamptz) IS
'The instant of a statement: persona.now() for NULL. A clock up to a minute ahead counts as now; later, or infinite, is an error (22023).';
REVOKE ALL ON FUNCTION statement_time(timestamptz) FROM PUBLIC;

CREATE FUNCTION lock_subject(home space, key text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	known boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I = $1::%s)', home.subjects, home.key, home.key_type)
	INTO known USING key;
	IF NOT known THEN
		RAISE no_data_found USING
			MESSAGE = format('%s has no such subject', home.subjects),
			HINT = format('Nothing was recorded. Insert the customer first, or look up column "%s" again.', home.key);
	END IF;
	EXECUTE format('INSERT INTO %I.anchor VALUES ($1::%s, clock_timestamp()) ON CONFLICT DO NOTHING', home.schema_name, home.key_type)
	USING key;
	EXECUTE format('SELECT FROM %I.anchor WHERE subject = $1::%s FOR UPDATE', home.schema_name, home.key_type)
	USING key;
END;
$$;
COMMENT ON FUNCTION lock_subject(space, text) IS
'Takes the one lock of a subject, under which everything about it is decided and handed over; an unknown subject is an error (P0002).';
REVOKE ALL ON FUNCTION lock_subject(space, text) FROM PUBLIC;

/* The ledger */

CREATE FUNCTION consent_chain(previous bytea, subject text, seq int, ledger uuid, purpose text, channel text, decision text,
	basis text, source text, evidence jsonb, at timestamptz, recorded_at timestamptz, recorded_by text, expires_at timestamptz)
RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT sha256(coalesce(previous, '') || convert_to(jsonb_build_array(subject, seq, ledger, purpose, channel, decision, basis,
		source, evidence, extract(epoch FROM at), extract(epoch FROM recorded_at), recorded_by, extract(epoch FROM expires_at))::text,
		'UTF8'));
END;
COMMENT ON FUNCTION consent_chain(bytea, text, int, uuid, text, text, text, text, text, jsonb, timestamptz, timestamptz, text, timestamptz) IS
'The link of a ledger row: the sha256 over the previous row''s link (NULL for the first) and the row as a JSON array in UTF-8, times in seconds since 1970.';
REVOKE ALL ON FUNCTION consent_chain(bytea, text, int, uuid, text, text, text, text, text, jsonb, timestamptz, timestamptz, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE object_not_in_prerequisite_state USING
		MESSAGE = format('the ledger %I.%I is only ever appended to', TG_TABLE_SCHEMA, TG_TABLE_NAME),
		HINT = 'Record what is true now by grant_consent() or withdraw_consent().';
END;
$$;
COMMENT ON FUNCTION refuse_change() IS
'Trigger: refuses UPDATE, DELETE and TRUNCATE, to the owner as to anybody (55000).';
REVOKE ALL ON FUNCTION refuse_change() FROM PUBLIC;

CREATE FUNCTION consent_end(home space, purpose text, at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS 'SELECT min(at + p.expires) FROM @extschema@.purpose p WHERE p.space = home.space AND p.purpose = coalesce(consent_end.purpose, p.purpose)';
COMMENT ON FUNCTION consent_end(space, text, timestamptz) IS
'When a yes given at that instant expires, counted in UTC; for every purpose (NULL) the earliest of all. NULL: never.';
REVOKE ALL ON FUNCTION consent_end(space, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION append_consent(home space, key text, purpose text, channel text, decision text, basis text, source text,
	at timestamptz, expires_at timestamptz, evidence jsonb)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	previous record;
	next_seq int;
	ledger uuid := gen_random_uuid();
	recorded_at timestamptz := clock_timestamp();
	appended bigint;
BEGIN
	EXECUTE format('SELECT l.seq, l.chain FROM %I.consent l WHERE l.subject = $1::%s ORDER BY l.seq DESC LIMIT 1',
		home.schema_name, home.key_type)
	INTO previous USING key;
	next_seq := coalesce(previous.seq, 0) + 1;
	/* A row that this snapshot does not see must end in 40001, to be run again, never in a lost statement. */
	EXECUTE format('INSERT INTO %I.consent (subject, seq, ledger, purpose, channel, decision, basis, source, evidence, at,
			recorded_at, recorded_by, expires_at, chain)
		VALUES ($1::%s, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING',
		home.schema_name, home.key_type)
	USING key, next_seq, ledger, purpose, channel, decision, basis, source, evidence, at, recorded_at, session_user, expires_at,
		@extschema@.consent_chain(previous.chain, key, next_seq, ledger, purpose, channel, decision, basis, source, evidence, at,
			recorded_at, session_user, expires_at);
	GET DIAGNOSTICS appended = ROW_COUNT;
	IF appended = 0 THEN
		RAISE serialization_failure USING
			MESSAGE = 'another transaction has appended to this subject''s ledger',
			HINT = 'Nothing was recorded. Run the transaction again.';
	END IF;
	RETURN ledger;
END;
$$;
COMMENT ON FUNCTION append_consent(space, text, text, text, text, text, text, timestamptz, timestamptz, jsonb) IS
'Appends a row to a subject''s ledger, numbered and chained; its lock is held. Returns the ledger id.';
REVOKE ALL ON FUNCTION append_consent(space, text, text, text, text, text, text, timestamptz, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION record_consent(home space, subject text, purpose text, channel text, decision text, source text,
	at timestamptz, evidence jsonb)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	key text := @extschema@.subject_key(home, subject);
	said_at timestamptz := @extschema@.statement_time(at);
	basis text := CASE WHEN purpose IS NOT NULL THEN (@extschema@.find_purpose(home, purpose)).basis END;
	ends_at timestamptz := CASE WHEN decision = 'grant' THEN @extschema@.consent_end(home, purpose, said_at) END;
	ledger uuid;
BEGIN
	IF channel IS NOT NULL THEN
		PERFORM @extschema@.check_channel(home, channel);
	END IF;
	IF coalesce(btrim(source), '') = '' THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'the source of a consent is missing',
			HINT = 'Say where it was given or withdrawn, such as ''checkout'' or ''preference page''.';
	END IF;
	PERFORM @extschema@.lock_subject(home, key);
	ledger := @extschema@.append_consent(home, key, purpose, channel, decision, basis, source, said_at, ends_at, evidence);
	/* A row that arrives late never covers a later one. */
	EXECUTE format('INSERT INTO %I.consent_current AS c VALUES ($1::%s, coalesce($2, ''''), coalesce($3, ''''), $4, $5, $6, $7)
		ON CONFLICT (subject, purpose, channel) DO UPDATE
		SET (decision, at, expires_at, ledger) = (excluded.decision, excluded.at, excluded.expires_at, excluded.ledger)
		WHERE (excluded.at, excluded.decision) >= (c.at, c.decision)', home.schema_name, home.key_type)
	USING key, purpose, channel, decision, said_at, ends_at, ledger;
	RETURN ledger;
END;
$$;
COMMENT ON FUNCTION record_consent(space, text, text, text, text, text, timestamptz, jsonb) IS
'Appends one statement to the ledger under the subject''s lock and folds it into consent_current. Returns the ledger id.';
REVOKE ALL ON FUNCTION record_consent(space, text, text, text, text, text, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION grant_consent(subject text, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.record_consent(@extschema@.resolve_space(space), subject, purpose, channel, ''grant'', source, at, evidence)';
COMMENT ON FUNCTION grant_consent(text, text, text, text, timestamptz, jsonb, text) IS
'Records a yes to a purpose on a channel (NULL: every one), with its source and evidence; at is when it was given, now unless said, never in the future. Returns the ledger id. Errors: unknown subject (P0002), purpose or channel (42704), no source (22004).';
REVOKE ALL ON FUNCTION grant_consent(text, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION grant_consent(subject anyelement, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.grant_consent(subject::text, purpose, channel, source, at, evidence, space)';
COMMENT ON FUNCTION grant_consent(anyelement, text, text, text, timestamptz, jsonb, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION grant_consent(anyelement, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION in_flight(home space, key text, purpose text, channel text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %I.message m WHERE m.subject = $1::%s AND m.state = ''claimed'' AND NOT m.transactional
		AND ($2 IS NULL OR m.purpose = $2 OR starts_with(m.purpose, $2 || ''.'')) AND ($3 IS NULL OR m.channel = $3)',
		home.schema_name, home.key_type)
	INTO n USING key, purpose, channel;
	RETURN n;
END;
$$;
COMMENT ON FUNCTION in_flight(space, text, text, text) IS
'How many messages to the subject, for the purpose and its children on the channel (NULL: every one), were handed to a sender and are not acknowledged.';
REVOKE ALL ON FUNCTION in_flight(space, text, text, text) FROM PUBLIC;

CREATE FUNCTION withdraw_consent(subject text, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	ledger uuid := @extschema@.record_consent(home, subject, purpose, channel, 'withdraw', source, at, evidence);
	handed_over bigint := @extschema@.in_flight(home, @extschema@.subject_key(home, subject), purpose, channel);
BEGIN
	IF handed_over > 0 THEN
		RAISE NOTICE 'messages already with a sender: %', handed_over
			USING HINT = 'They were claimed before this withdrawal and cannot be called back.';
	END IF;
	RETURN ledger;
END;
$$;
COMMENT ON FUNCTION withdraw_consent(text, text, text, text, timestamptz, jsonb, text) IS
'Records a no to a purpose on a channel; NULL means every one, and a no to every purpose ends whatever was said before. Returns the ledger id and says by NOTICE how many messages cannot be called back. Errors as grant_consent().';
REVOKE ALL ON FUNCTION withdraw_consent(text, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION withdraw_consent(subject anyelement, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.withdraw_consent(subject::text, purpose, channel, source, at, evidence, space)';
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
		RAISE null_value_not_allowed USING
			MESSAGE = 'the preference is NULL',
			HINT = 'Pass true where the use of this data is welcome, false where it is refused.';
	END IF;
	PERFORM @extschema@.lock_subject(home, key);
	EXECUTE format('INSERT INTO %I.preference VALUES ($1::%s, $2, $3, @extschema@.now())
		ON CONFLICT (subject, category) DO UPDATE SET (allowed, at) = (excluded.allowed, excluded.at)', home.schema_name, home.key_type)
	USING key, category, allowed;
END;
$$;
COMMENT ON FUNCTION set_preference(text, text, boolean, text) IS
'A subject''s yes or no to the use of a data category. A dotted parent covers its children; the more specific wins; the last word counts. Errors: unknown subject (P0002), no category (22004, 42602).';
REVOKE ALL ON FUNCTION set_preference(text, text, boolean, text) FROM PUBLIC;

CREATE FUNCTION set_preference(subject anyelement, category text, allowed boolean, space text DEFAULT NULL)
RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.set_preference(subject::text, category, allowed, space)';
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
	IF channel IS NOT NULL THEN
		PERFORM @extschema@.check_channel(home, channel);
	END IF;
	IF coalesce(btrim(reason), '') = '' THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'the reason of a suppression is missing',
			HINT = 'Say why nothing may be sent, such as ''hard bounce'' or ''complaint''.';
	END IF;
	PERFORM @extschema@.lock_subject(home, key);
	EXECUTE format('INSERT INTO %I.suppression VALUES ($1::%s, coalesce($2, ''''), $3, @extschema@.now())
		ON CONFLICT DO NOTHING', home.schema_name, home.key_type)
	USING key, channel, reason;
END;
$$;
COMMENT ON FUNCTION suppress(text, text, text, text) IS
'Nothing goes to the subject on the channel (NULL: every one) until unsuppress(), whatever was consented to; the first reason and time stay. Errors: unknown subject (P0002), channel (42704), no reason (22004).';
REVOKE ALL ON FUNCTION suppress(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION suppress(subject anyelement, channel text, reason text, space text DEFAULT NULL)
RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.suppress(subject::text, channel, reason, space)';
COMMENT ON FUNCTION suppress(anyelement, text, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION suppress(anyelement, text, text, text) FROM PUBLIC;

CREATE FUNCTION unsuppress(subject text, channel text, space text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	key text := @extschema@.subject_key(home, subject);
	lifted bigint;
BEGIN
	IF channel IS NOT NULL THEN
		PERFORM @extschema@.check_channel(home, channel);
	END IF;
	PERFORM @extschema@.lock_subject(home, key);
	EXECUTE format('DELETE FROM %I.suppression WHERE subject = $1::%s AND channel = coalesce($2, '''')', home.schema_name, home.key_type)
	USING key, channel;
	GET DIAGNOSTICS lifted = ROW_COUNT;
	RETURN lifted > 0;
END;
$$;
COMMENT ON FUNCTION unsuppress(text, text, text) IS
'Lifts a suppression; channel as it was given to suppress(). Returns whether there was one.';
REVOKE ALL ON FUNCTION unsuppress(text, text, text) FROM PUBLIC;

CREATE FUNCTION unsuppress(subject anyelement, channel text, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.unsuppress(subject::text, channel, space)';
COMMENT ON FUNCTION unsuppress(anyelement, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION unsuppress(anyelement, text, text) FROM PUBLIC;

/* Asking */

CREATE FUNCTION lookup_consent(subject text, purpose text, basis text, channel text, at timestamptz, past boolean, space text)
RETURNS TABLE (allowed boolean, reason text, ledger uuid, since timestamptz, until timestamptz)
LANGUAGE c STABLE STRICT ROWS 1 SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'persona_lookup_consent';
COMMENT ON FUNCTION lookup_consent(text, text, text, text, timestamptz, boolean, text) IS
'What stands for a subject, purpose and channel; with past what the ledger says for that instant.';
REVOKE ALL ON FUNCTION lookup_consent(text, text, text, text, timestamptz, boolean, text) FROM PUBLIC;

CREATE FUNCTION may_contact(subject text, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS 'SELECT allowed FROM @extschema@.consent_status(subject, purpose, channel, at, space)';
COMMENT ON FUNCTION may_contact(text, text, text, timestamptz, text) IS
'Whether the subject may be contacted for the purpose on the channel, now or at an instant of the past. consent_status() says why.';
REVOKE ALL ON FUNCTION may_contact(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION may_contact(subject anyelement, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS 'SELECT allowed FROM @extschema@.consent_status(subject::text, purpose, channel, at, space)';
COMMENT ON FUNCTION may_contact(anyelement, text, text, timestamptz, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION may_contact(anyelement, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION consent_status(subject text, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (allowed boolean, reason text, ledger_id uuid, since timestamptz, until timestamptz)
LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	key text := @extschema@.subject_key(home, subject);
	meant @extschema@.purpose := @extschema@.find_purpose(home, purpose);
BEGIN
	PERFORM @extschema@.check_channel(home, channel);
	RETURN QUERY SELECT * FROM @extschema@.lookup_consent(key, purpose, meant.basis, channel,
		coalesce(at, @extschema@.now()), at IS NOT NULL, home.space);
END;
$$;
COMMENT ON FUNCTION consent_status(text, text, text, timestamptz, text) IS
'Whether the subject may be contacted for the purpose on the channel, and why: granted, or the basis that needs no yes (opt_out, legitimate_interest, contract); or no_consent, withdrawn, consent_expired, suppressed. With it the ledger row that decided, since when, and until when (exclusive) unless something is said. at: an instant of the past, answered by the ledger; NULL: as it stands. Errors: unknown purpose or channel (42704), not a key (22P02), NULL (22004).';
REVOKE ALL ON FUNCTION consent_status(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION consent_status(subject anyelement, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (allowed boolean, reason text, ledger_id uuid, since timestamptz, until timestamptz)
LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp
AS 'SELECT * FROM @extschema@.consent_status(subject::text, purpose, channel, at, space)';
COMMENT ON FUNCTION consent_status(anyelement, text, text, timestamptz, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION consent_status(anyelement, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION consent_history(subject text, space text DEFAULT NULL)
RETURNS TABLE (seq int, ledger_id uuid, purpose text, channel text, decision text, basis text, source text, evidence jsonb,
	at timestamptz, recorded_at timestamptz, recorded_by text, expires_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	RETURN QUERY EXECUTE format('SELECT l.seq, l.ledger, l.purpose, l.channel, l.decision, l.basis, l.source, l.evidence, l.at,
			l.recorded_at, l.recorded_by, l.expires_at
		FROM %I.consent l WHERE l.subject = $1::%s ORDER BY l.seq', home.schema_name, home.key_type)
	USING @extschema@.subject_key(home, subject);
END;
$$;
COMMENT ON FUNCTION consent_history(text, text) IS
'All that a subject ever said, in the order of recording; purpose or channel NULL is every one. Empty where nothing was said.';
REVOKE ALL ON FUNCTION consent_history(text, text) FROM PUBLIC;

CREATE FUNCTION consent_history(subject anyelement, space text DEFAULT NULL)
RETURNS TABLE (seq int, ledger_id uuid, purpose text, channel text, decision text, basis text, source text, evidence jsonb,
	at timestamptz, recorded_at timestamptz, recorded_by text, expires_at timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS 'SELECT * FROM @extschema@.consent_history(subject::text, space)';
COMMENT ON FUNCTION consent_history(anyelement, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION consent_history(anyelement, text) FROM PUBLIC;

/* What a new space gets */

CREATE FUNCTION consent_view(space text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_consent_view';
COMMENT ON FUNCTION consent_view(text) IS 'The query of a space''s view consent_state.';
REVOKE ALL ON FUNCTION consent_view(text) FROM PUBLIC;

CREATE FUNCTION create_consent_views() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(format('%I.consent_state', NEW.schema_name)) IS NOT NULL THEN
		RETURN NULL; /* a dump is restored and has brought them */
	END IF;
	EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I.consent
		FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.refuse_change()', NEW.schema_name);
	EXECUTE format('CREATE VIEW %I.consent_state WITH (security_invoker = true) AS %s',
		NEW.schema_name, @extschema@.consent_view(NEW.space));
	EXECUTE format('COMMENT ON VIEW %I.consent_state IS %L', NEW.schema_name,
		'A row a subject that persona knows, purpose and channel: whether contact is allowed now, why, since when and until when.');
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION create_consent_views() IS
'Trigger: closes a new space''s ledger to all but INSERT and gives the space its view consent_state.';
REVOKE ALL ON FUNCTION create_consent_views() FROM PUBLIC;
CREATE TRIGGER consent_views AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION create_consent_views();

/* Consent banners of the IAB's framework (TCF v2) */

CREATE FUNCTION tcf(consent text) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_tcf';
COMMENT ON FUNCTION tcf(text) IS
'A transparency and consent string of the IAB''s TCF, version 2, decoded: core, disclosed and allowed vendors, publisher''s purposes and restrictions, under the IAB''s names; times in UTC, lists in ascending order. Errors: malformed, or of another version (22023), more than 500,000 vendors in a segment''s ranges (54000); they tell the place, never the text.';

CREATE FUNCTION tcf_says(consent jsonb, vendor int, tcf_purposes int[], basis text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT consent -> asked.purposes @> to_jsonb(tcf_purposes) AND consent -> asked.vendors @> to_jsonb(vendor)
		AND NOT EXISTS (
			SELECT FROM jsonb_array_elements(consent -> 'publisherRestrictions') r
			WHERE (r ->> 'purposeId')::int = ANY (tcf_purposes) AND r -> 'vendors' @> to_jsonb(vendor)
				AND (r ->> 'restrictionType')::int IN (0, asked.forbidden_by))
	FROM (VALUES ('purposeLegitimateInterests', 'vendorLegitimateInterests', 1, true), ('purposeConsents', 'vendorConsents', 2, false))
		AS asked (purposes, vendors, forbidden_by, by_interest)
	WHERE asked.by_interest = (basis IN ('legitimate_interest', 'opt_out'))
$$;
COMMENT ON FUNCTION tcf_says(jsonb, int, int[], text) IS
'Whether a decoded TCF string lets the vendor work for all of these TCF purposes: by legitimate interest where that or opt_out is the basis, else by consent, and no publisher restriction (0 not allowed, 1 by consent alone, 2 by interest alone) in the way.';
REVOKE ALL ON FUNCTION tcf_says(jsonb, int, int[], text) FROM PUBLIC;

CREATE FUNCTION read_tcf_mapping(mapping jsonb) RETURNS TABLE (purpose text, tcf_purposes int[])
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	pairs text[][];
BEGIN
	IF jsonb_typeof(mapping) = 'object' THEN
		SELECT array_agg(CASE WHEN m.key ~ '^[0-9]+$' THEN ARRAY[v.value, m.key] ELSE ARRAY[m.key, v.value] END) INTO pairs
		FROM jsonb_each(mapping) m
			LEFT JOIN jsonb_array_elements_text(CASE jsonb_typeof(m.value) WHEN 'array' THEN m.value ELSE jsonb_build_array(m.value) END) v ON true;
	END IF;
	IF pairs IS NULL OR (SELECT bool_or((pairs[i][1] <> '' AND pairs[i][2] ~ '^([1-9]|1[0-9]|2[0-4])$') IS NOT TRUE) FROM generate_subscripts(pairs, 1) i) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'the mapping does not say which TCF purposes a purpose needs',
			HINT = 'Pass the TCF purposes, 1 to 24, that must all be allowed, such as {"ads": [3, 4]}, or the same from there: {"3": "ads", "4": "ads"}.';
	END IF;
	RETURN QUERY SELECT pairs[i][1], array_agg(DISTINCT pairs[i][2]::int) FROM generate_subscripts(pairs, 1) i GROUP BY 1 ORDER BY 1;
END;
$$;
COMMENT ON FUNCTION read_tcf_mapping(jsonb) IS
'The purposes of a mapping with all TCF purposes that each needs; the mapping goes from purposes to TCF purposes or the other way round. One without any, or of other numbers than 1 to 24: 22023.';
REVOKE ALL ON FUNCTION read_tcf_mapping(jsonb) FROM PUBLIC;

/*
 * Since policy version 4 a string tells the day alone, and stands at midnight.
 * A yes then counts from the day's beginning and a no from its end, so that
 * neither undoes a no, or lets a yes stand, that the day itself may have seen.
 */
CREATE FUNCTION tcf_said_at(consent jsonb, allowed boolean) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN allowed OR day.date + time '00:00' <> said.utc THEN said.utc ELSE least(said.utc + interval '1 day', @extschema@.now() AT TIME ZONE 'UTC') END AT TIME ZONE 'UTC'
	FROM (SELECT (consent ->> 'lastUpdated')::timestamptz AT TIME ZONE 'UTC') AS said (utc), LATERAL (SELECT said.utc::date) AS day (date)
$$;
COMMENT ON FUNCTION tcf_said_at(jsonb, boolean) IS
'When a decoded TCF string says its yes or no: at lastUpdated; a no that tells the day alone at the end of that day, or now.';
REVOKE ALL ON FUNCTION tcf_said_at(jsonb, boolean) FROM PUBLIC;

CREATE FUNCTION grant_consent_tcf(subject text, tcf text, vendor int, mapping jsonb, space text DEFAULT NULL)
RETURNS TABLE (purpose text, decision text, ledger_id uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	consent jsonb := @extschema@.tcf(tcf);
	seen jsonb := jsonb_build_object('tcf', tcf, 'vendor', vendor);
BEGIN
	IF consent IS NULL OR vendor IS NULL OR vendor NOT BETWEEN 1 AND 65535 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'a TCF string and a vendor of 1 to 65535 are needed',
			HINT = 'The vendor is your number in the IAB''s global vendor list, or the one whose consent you rely on.';
	END IF;
	RETURN QUERY
		SELECT m.purpose, d.decision, CASE WHEN d.allowed
			THEN @extschema@.grant_consent(subject, m.purpose, NULL, 'tcf', d.said_at, seen, home.space)
			ELSE @extschema@.withdraw_consent(subject, m.purpose, NULL, 'tcf', d.said_at, seen, home.space) END
		FROM @extschema@.read_tcf_mapping(mapping) m,
			LATERAL (SELECT @extschema@.tcf_says(consent, vendor, m.tcf_purposes, (@extschema@.find_purpose(home, m.purpose)).basis)) AS s (allowed),
			LATERAL (SELECT s.allowed, CASE WHEN s.allowed THEN 'grant' ELSE 'withdraw' END, @extschema@.tcf_said_at(consent, s.allowed)) AS d (allowed, decision, said_at)
		WHERE NOT EXISTS (SELECT FROM @extschema@.consent_history(subject, home.space) h
			WHERE h.source = 'tcf' AND h.purpose = m.purpose AND h.channel IS NULL AND h.decision = d.decision AND h.evidence = seen);
END;
$$;
COMMENT ON FUNCTION grant_consent_tcf(text, text, int, jsonb, text) IS
'Records what a TCF string says about a vendor, for every channel: a yes for each purpose of the mapping whose TCF purposes are all allowed, else a no. mapping: purpose to array of TCF purposes 1 to 24, or TCF purpose to purpose. A yes or no counts from the string''s lastUpdated; the string is the evidence. Returns the new ledger rows: none for a string that is recorded already. Errors: malformed string, wrong vendor or mapping (22023), unknown subject (P0002) or purpose (42704).';
REVOKE ALL ON FUNCTION grant_consent_tcf(text, text, int, jsonb, text) FROM PUBLIC;

CREATE FUNCTION grant_consent_tcf(subject anyelement, tcf text, vendor int, mapping jsonb, space text DEFAULT NULL)
RETURNS TABLE (purpose text, decision text, ledger_id uuid)
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT * FROM @extschema@.grant_consent_tcf(subject::text, tcf, vendor, mapping, space)';
COMMENT ON FUNCTION grant_consent_tcf(anyelement, text, int, jsonb, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION grant_consent_tcf(anyelement, text, int, jsonb, text) FROM PUBLIC;
