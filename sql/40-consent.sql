/* consent: who said yes to what */

/* Purposes */

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
	IF coalesce(basis, '') NOT IN ('consent', 'double_opt_in', 'opt_out', 'legitimate_interest', 'contract') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%s is not a legal basis', quote_nullable(basis)),
			HINT = @extschema@.ask(basis, '{consent,double_opt_in,opt_out,legitimate_interest,contract}',
				'It is consent, double_opt_in, opt_out, legitimate_interest or contract.');
	ELSIF expires <= interval '0' OR expires > interval '1000 years' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a consent cannot expire after %s', expires),
			HINT = 'Pass an interval such as ''2 years'', or leave it out if it never expires.';
	END IF;
	INSERT INTO @extschema@.purpose VALUES (home.space, purpose, basis, expires, regulation, label, description)
	ON CONFLICT ON CONSTRAINT purpose_pkey DO UPDATE
	SET (basis, expires, regulation, label, description)
		= (excluded.basis, excluded.expires, excluded.regulation, excluded.label, excluded.description);
	IF basis IN ('consent', 'double_opt_in') AND expires IS NULL THEN
		RETURN NEXT ('info', 'consent_without_end', purpose, 'a consent to this purpose never expires',
			'Pass expires => ''2 years'' or what your regulator expects.')::@extschema@.finding;
	END IF;
	IF basis = 'double_opt_in' AND NOT EXISTS (SELECT FROM @extschema@.event e
			WHERE e.space = home.space AND e.relation = to_regclass(format('%I.confirmation', home.schema_name))) THEN
		RETURN NEXT ('warn', 'nothing_confirms', purpose, 'no event is bound to the requests that wait to be confirmed, so no moment can ask for it',
			format('SELECT * FROM persona.define_event(''confirmation'', %L, ''subject'', ''at'', ''ledger'', space => %L); and a transactional moment on it whose template holds {{ new.token }}.',
				home.schema_name || '.confirmation', home.space))::@extschema@.finding;
	END IF;
END;
$$;
COMMENT ON FUNCTION define_purpose(text, text, interval, text, text, text, text) IS
'What data or a channel may be used for. basis: consent (a yes is needed), double_opt_in (a yes that was confirmed), opt_out and legitimate_interest (allowed until a no), contract (allowed whatever was said). expires, at most 1000 years, counts from a consent''s own time and is fixed when it is recorded. A dotted parent covers its children.';
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
'The link of a ledger row: the sha256 over the previous row''s link (NULL for the first) and the row as a JSON array in UTF-8, times in seconds since 1970. Open to everybody, for proof that does not rest on trust.';

CREATE FUNCTION pseudonym(secret bytea, kind text, name text) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_pseudonym';
COMMENT ON FUNCTION pseudonym(bytea, text, text) IS
'HMAC-SHA-256 of "kind:name" under the secret: what stands for a name that is not to be kept. For kind address the name is brought into one spelling first: without blanks around it, ASCII letters small; of a telephone number + and digits alone, 00 read as +.';

CREATE FUNCTION append_consent() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_append_consent';
COMMENT ON FUNCTION append_consent() IS
'Trigger before a row of the ledger: checks what it says, locks its subject, and gives it what nobody may choose: number, chain, basis, end, and who recorded it when. Errors as grant_consent().';
REVOKE ALL ON FUNCTION append_consent() FROM PUBLIC;

CREATE FUNCTION fold_consent() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_fold_consent';
COMMENT ON FUNCTION fold_consent() IS
'Trigger after a row of the ledger: folds it into consent_current; a request goes into confirmation instead.';
REVOKE ALL ON FUNCTION fold_consent() FROM PUBLIC;

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_refuse_change';
COMMENT ON FUNCTION refuse_change() IS
'Trigger: refuses UPDATE, DELETE and TRUNCATE, to the owner as to anybody (55000); erase_subject() and forget_consent() alone pass.';
REVOKE ALL ON FUNCTION refuse_change() FROM PUBLIC;

/*
 * Saying and asking. Each function comes for a subject of its own type and for
 * text. Who has EXECUTE on it also needs a right on the space's ledger: INSERT
 * to record, SELECT to read, DELETE to erase.
 */

CREATE FUNCTION grant_consent(subject text, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_grant_consent';
COMMENT ON FUNCTION grant_consent(text, text, text, text, timestamptz, jsonb, text) IS
'Records a yes to a purpose on a channel (NULL: every one), with its source and evidence; at is when it was given, now unless said, never in the future. Where the basis is double_opt_in it is a request, until confirm_consent(). Returns the ledger id. Errors: unknown subject (P0002), purpose or channel (42704), no source (22004), no right to record (42501).';
REVOKE ALL ON FUNCTION grant_consent(text, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION grant_consent(subject anyelement, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_grant_consent';
COMMENT ON FUNCTION grant_consent(anyelement, text, text, text, timestamptz, jsonb, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION grant_consent(anyelement, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION withdraw_consent(subject text, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_withdraw_consent';
COMMENT ON FUNCTION withdraw_consent(text, text, text, text, timestamptz, jsonb, text) IS
'Records a no to a purpose on a channel; NULL means every one, and a no to every purpose ends whatever was said before. Returns the ledger id and says by NOTICE how many messages cannot be called back. Errors as grant_consent().';
REVOKE ALL ON FUNCTION withdraw_consent(text, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION withdraw_consent(subject anyelement, purpose text, channel text, source text, at timestamptz DEFAULT NULL,
	evidence jsonb DEFAULT NULL, space text DEFAULT NULL)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_withdraw_consent';
COMMENT ON FUNCTION withdraw_consent(anyelement, text, text, text, timestamptz, jsonb, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION withdraw_consent(anyelement, text, text, text, timestamptz, jsonb, text) FROM PUBLIC;

CREATE FUNCTION set_preference(subject text, category text, allowed boolean, space text DEFAULT NULL)
RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_record_preference';
COMMENT ON FUNCTION set_preference(text, text, boolean, text) IS
'A subject''s yes or no to the use of a data category. A dotted parent covers its children; the more specific wins; the last word counts. Errors: unknown subject (P0002), no category (22004, 42602), no right to record (42501).';
REVOKE ALL ON FUNCTION set_preference(text, text, boolean, text) FROM PUBLIC;

CREATE FUNCTION set_preference(subject anyelement, category text, allowed boolean, space text DEFAULT NULL)
RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_record_preference';
COMMENT ON FUNCTION set_preference(anyelement, text, boolean, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION set_preference(anyelement, text, boolean, text) FROM PUBLIC;

CREATE FUNCTION suppress(subject text, channel text, reason text, space text DEFAULT NULL)
RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_suppress';
COMMENT ON FUNCTION suppress(text, text, text, text) IS
'Nothing goes to the subject on the channel (NULL: every one) until unsuppress(), whatever was consented to; the first reason and time stay. Errors: unknown subject (P0002), channel (42704), no reason (22004), no right to record (42501).';
REVOKE ALL ON FUNCTION suppress(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION suppress(subject anyelement, channel text, reason text, space text DEFAULT NULL)
RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_suppress';
COMMENT ON FUNCTION suppress(anyelement, text, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION suppress(anyelement, text, text, text) FROM PUBLIC;

CREATE FUNCTION unsuppress(subject text, channel text, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_unsuppress';
COMMENT ON FUNCTION unsuppress(text, text, text) IS
'Lifts a suppression; channel as it was given to suppress(). Returns whether there was one.';
REVOKE ALL ON FUNCTION unsuppress(text, text, text) FROM PUBLIC;

CREATE FUNCTION unsuppress(subject anyelement, channel text, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_unsuppress';
COMMENT ON FUNCTION unsuppress(anyelement, text, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION unsuppress(anyelement, text, text) FROM PUBLIC;

CREATE FUNCTION may_contact(subject text, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_may_contact';
COMMENT ON FUNCTION may_contact(text, text, text, timestamptz, text) IS
'Whether the subject may be contacted for the purpose on the channel, now or at an instant of the past. consent_status() says why.';
REVOKE ALL ON FUNCTION may_contact(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION may_contact(subject anyelement, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_may_contact';
COMMENT ON FUNCTION may_contact(anyelement, text, text, timestamptz, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION may_contact(anyelement, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION consent_status(subject text, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (allowed boolean, reason text, ledger_id uuid, since timestamptz, until timestamptz)
LANGUAGE c STABLE ROWS 1 AS 'MODULE_PATHNAME', 'persona_consent_status';
COMMENT ON FUNCTION consent_status(text, text, text, timestamptz, text) IS
'Whether the subject may be contacted for the purpose on the channel, and why: granted, or the basis that needs no yes (opt_out, legitimate_interest, contract); or no_consent, withdrawn, consent_expired, suppressed. With it the ledger row that decided, since when, and until when (exclusive) unless something is said. at: an instant of the past, answered by the ledger; NULL: as it stands. Errors: unknown purpose or channel (42704), not a key (22P02), NULL (22004), no right to read (42501).';
REVOKE ALL ON FUNCTION consent_status(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION consent_status(subject anyelement, purpose text, channel text, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (allowed boolean, reason text, ledger_id uuid, since timestamptz, until timestamptz)
LANGUAGE c STABLE ROWS 1 AS 'MODULE_PATHNAME', 'persona_consent_status';
COMMENT ON FUNCTION consent_status(anyelement, text, text, timestamptz, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION consent_status(anyelement, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION consent_history(subject text, space text DEFAULT NULL)
RETURNS TABLE (seq int, ledger_id uuid, purpose text, channel text, decision text, basis text, source text, evidence jsonb,
	at timestamptz, recorded_at timestamptz, recorded_by text, expires_at timestamptz)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_consent_history';
COMMENT ON FUNCTION consent_history(text, text) IS
'All that a subject ever said, in the order of recording; purpose or channel NULL is every one. Empty where nothing was said.';
REVOKE ALL ON FUNCTION consent_history(text, text) FROM PUBLIC;

CREATE FUNCTION consent_history(subject anyelement, space text DEFAULT NULL)
RETURNS TABLE (seq int, ledger_id uuid, purpose text, channel text, decision text, basis text, source text, evidence jsonb,
	at timestamptz, recorded_at timestamptz, recorded_by text, expires_at timestamptz)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_consent_history';
COMMENT ON FUNCTION consent_history(anyelement, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION consent_history(anyelement, text) FROM PUBLIC;

CREATE FUNCTION suppress_address(address text, channel text, reason text, space text DEFAULT NULL) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_suppress_address';
COMMENT ON FUNCTION suppress_address(text, text, text, text) IS
'Nothing goes to the address on the channel (NULL: every one), whoever has it, until unsuppress_address(); kept as a keyed hash. A list is imported by SELECT persona.suppress_address(address, ...) FROM list. Errors: no address or reason (22004), channel (42704), no right to record (42501).';
REVOKE ALL ON FUNCTION suppress_address(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION unsuppress_address(address text, channel text, space text DEFAULT NULL) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_unsuppress_address';
COMMENT ON FUNCTION unsuppress_address(text, text, text) IS
'Lifts the suppression of an address; channel as it was given to suppress_address(). Returns whether there was one.';
REVOKE ALL ON FUNCTION unsuppress_address(text, text, text) FROM PUBLIC;

/* Proof */

CREATE FUNCTION verify_ledger(space text DEFAULT NULL) RETURNS TABLE (subject text, seq int, problem text)
LANGUAGE c STABLE ROWS 1 AS 'MODULE_PATHNAME', 'persona_verify_ledger';
COMMENT ON FUNCTION verify_ledger(text) IS
'The first row of the ledger, by subject and number, that does not fit its chain: it, or what was before it, was changed, taken out or put in. No row: all fits. Of rows cut off at the end only a chain kept elsewhere tells.';
REVOKE ALL ON FUNCTION verify_ledger(text) FROM PUBLIC;

CREATE FUNCTION verify_current(space text DEFAULT NULL) RETURNS TABLE (subject text, purpose text, channel text, problem text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_verify_current';
COMMENT ON FUNCTION verify_current(text) IS
'Where consent_current is not what the ledger gives when it is folded from scratch; no row: nowhere.';
REVOKE ALL ON FUNCTION verify_current(text) FROM PUBLIC;

CREATE FUNCTION forget_consents(older_than interval, space text DEFAULT NULL) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_forget_consents';
COMMENT ON FUNCTION forget_consents(interval, text) IS
'Lets go of statements that were said and recorded longer ago than that, from each subject''s first on, as long as none of them is what stands; the chain begins behind them. Returns how many rows. Of instants before that consent_status() knows no more. Errors: not positive (22023), NULL (22004), no right to erase (42501).';
REVOKE ALL ON FUNCTION forget_consents(interval, text) FROM PUBLIC;

/* The rights of a person */

CREATE FUNCTION export_subject(subject text, space text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_export_subject';
COMMENT ON FUNCTION export_subject(text, text) IS
'All that persona holds about a subject, table by table, with which of her addresses are suppressed, and how many rows the company''s own tables hold about her, by table. Errors: not a key (22P02), no right to read (42501).';
REVOKE ALL ON FUNCTION export_subject(text, text) FROM PUBLIC;

CREATE FUNCTION export_subject(subject anyelement, space text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_export_subject';
COMMENT ON FUNCTION export_subject(anyelement, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION export_subject(anyelement, text) FROM PUBLIC;

CREATE FUNCTION erase_subject(subject text, space text DEFAULT NULL)
RETURNS TABLE (source text, done text, n bigint)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_erase_subject';
COMMENT ON FUNCTION erase_subject(text, text) IS
'Forgets a subject in one transaction, and reports it a row a table: what was deleted; decisions, exposures, messages, feedback and the mark of a test subject that were pseudonymised, so that results do not move; addresses and ids that are kept as keyed hashes, so that nothing is sent to her again; and where the company''s own tables hold rows, which are yours to delete. Errors: nobody known (P0002), not a key (22P02), no right to erase (42501).';
REVOKE ALL ON FUNCTION erase_subject(text, text) FROM PUBLIC;

CREATE FUNCTION erase_subject(subject anyelement, space text DEFAULT NULL)
RETURNS TABLE (source text, done text, n bigint)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_erase_subject';
COMMENT ON FUNCTION erase_subject(anyelement, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION erase_subject(anyelement, text) FROM PUBLIC;

/* Links that need no login */

CREATE FUNCTION preference_token(subject text, channel text DEFAULT NULL, expires interval DEFAULT NULL, space text DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_preference_token';
COMMENT ON FUNCTION preference_token(text, text, interval, text) IS
'A signed token for a link to the subject''s preference page, for one channel or (NULL) every one. It can say no for ever, and yes for as long as expires says (30 days unless given). Safe in a URL. Errors: unknown channel (42704), an end before now (22023), no right to record (42501).';
REVOKE ALL ON FUNCTION preference_token(text, text, interval, text) FROM PUBLIC;

CREATE FUNCTION preference_token(subject anyelement, channel text DEFAULT NULL, expires interval DEFAULT NULL, space text DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_preference_token';
COMMENT ON FUNCTION preference_token(anyelement, text, interval, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION preference_token(anyelement, text, interval, text) FROM PUBLIC;

CREATE FUNCTION preferences(token text)
RETURNS TABLE (kind text, name text, label text, description text, allowed boolean)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_preferences';
COMMENT ON FUNCTION preferences(text) IS
'What a preference page shows, a row a box: kind purpose (all but contracts; allowed on the token''s channel, or on any where it has none) or category (whether that data may be used). Writes nothing. Whatever is wrong with a token, it is one error (28000).';
REVOKE ALL ON FUNCTION preferences(text) FROM PUBLIC;

CREATE FUNCTION apply_preferences(token text, wishes jsonb) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_apply_preferences';
COMMENT ON FUNCTION apply_preferences(text, jsonb) IS
'Records what was ticked and unticked on a preference page, such as {"purpose": {"marketing": false}, "category": {"user.behavior": true}}, or {"everything": false}: no to every purpose on the token''s channel. Returns how many changes that made; what stands already is not said again. A yes after the token''s end is left out with a NOTICE. Errors: the token (28000), what it does not show (22023).';
REVOKE ALL ON FUNCTION apply_preferences(text, jsonb) FROM PUBLIC;

CREATE FUNCTION confirm_consent(token text) RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_confirm_consent';
COMMENT ON FUNCTION confirm_consent(text) IS
'The second yes of a double opt-in: confirms the request that the token came with, once, within 30 days and unless it was withdrawn. Returns the ledger id. Whatever is wrong with a token, it is one error (28000).';
REVOKE ALL ON FUNCTION confirm_consent(text) FROM PUBLIC;

CREATE FUNCTION rotate_keys(space text DEFAULT NULL) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	PERFORM @extschema@.change_as_owner(NULL::int, home.space, format('LOCK TABLE %I.secret IN SHARE ROW EXCLUSIVE MODE', home.schema_name), 0);
	RETURN @extschema@.change_as_owner(NULL::int, home.space, format('INSERT INTO %1$I.secret SELECT ''token'', coalesce(max(key), 0) + 1,
			uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), clock_timestamp()
		FROM %1$I.secret WHERE use = ''token'' RETURNING key', home.schema_name), 0);
END;
$$;
COMMENT ON FUNCTION rotate_keys(text) IS
'Makes a new key that signs tokens from now on, and returns its number. Tokens of older keys stay valid; whoever wants to end those deletes their rows from the space''s table secret.';
REVOKE ALL ON FUNCTION rotate_keys(text) FROM PUBLIC;

/* What a new space gets */

CREATE FUNCTION consent_view(space text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_consent_view';
COMMENT ON FUNCTION consent_view(text) IS 'The query of a space''s view consent_state.';
REVOKE ALL ON FUNCTION consent_view(text) FROM PUBLIC;

CREATE FUNCTION create_consent_state() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ddl text := $ddl$
	CREATE TABLE %1$I.confirmation (
		subject %2$s NOT NULL,
		ledger uuid NOT NULL,
		purpose text,
		channel text,
		token text NOT NULL,
		at timestamptz NOT NULL,
		PRIMARY KEY (subject, ledger)
	);
	COMMENT ON TABLE %1$I.confirmation IS 'Requests of double opt-in that wait for confirm_consent(), each with the token that confirms it.';

	CREATE TABLE %1$I.consent_cut (
		subject %2$s NOT NULL,
		seq int NOT NULL,
		chain bytea NOT NULL,
		PRIMARY KEY (subject)
	);
	COMMENT ON TABLE %1$I.consent_cut IS 'Where a subject''s chain begins, once forget_consents() let go of its first rows: number and link of the last of them.';

	CREATE TABLE %1$I.suppressed_address (
		hash bytea NOT NULL,
		channel text NOT NULL,
		reason text NOT NULL,
		at timestamptz NOT NULL
	);
	CREATE INDEX ON %1$I.suppressed_address (hash);
	COMMENT ON TABLE %1$I.suppressed_address IS 'Keyed hashes of addresses that get nothing on a channel; '''' stands for every one.';

	CREATE TABLE %1$I.tombstone (
		pseudonym bytea NOT NULL,
		at timestamptz NOT NULL
	);
	CREATE INDEX ON %1$I.tombstone (pseudonym);
	COMMENT ON TABLE %1$I.tombstone IS 'Keyed hashes of who was erased and of what had been decided about them: so that it stays erased.';

	CREATE TABLE %1$I.secret (
		use text NOT NULL CHECK (use IN ('token', 'pseudonym')),
		key int NOT NULL,
		secret bytea NOT NULL,
		made_at timestamptz NOT NULL
	);
	COMMENT ON TABLE %1$I.secret IS 'The keys of the space. Of those for tokens the newest signs and all verify; the one for pseudonyms stays.';
	INSERT INTO %1$I.secret
	SELECT use, 1, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), clock_timestamp()
	FROM (VALUES ('token'), ('pseudonym')) u(use);

	/* The owner's rights are these, once own_schema() has handed it over. */
	REVOKE UPDATE, TRUNCATE ON %1$I.consent FROM CURRENT_USER;
	CREATE TRIGGER append BEFORE INSERT ON %1$I.consent
	FOR EACH ROW EXECUTE FUNCTION @extschema@.append_consent(%3$L);
	CREATE TRIGGER fold AFTER INSERT ON %1$I.consent
	FOR EACH ROW EXECUTE FUNCTION @extschema@.fold_consent(%3$L);
	CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %1$I.consent
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.refuse_change();
	$ddl$;
	key_collation text;
BEGIN
	IF to_regclass(format('%I.consent_state', NEW.schema_name)) IS NOT NULL THEN
		RETURN NULL; /* a dump is restored and has brought them */
	END IF;
	SELECT CASE WHEN a.attcollation = t.typcollation THEN '' ELSE format(' COLLATE %I.%I', n.nspname, c.collname) END
	INTO key_collation
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	LEFT JOIN pg_collation c ON c.oid = a.attcollation LEFT JOIN pg_namespace n ON n.oid = c.collnamespace
	WHERE a.attrelid = format('%I.anchor', NEW.schema_name)::regclass AND a.attname = 'subject';
	EXECUTE format(ddl, NEW.schema_name, NEW.key_type || key_collation, NEW.space);
	EXECUTE format('CREATE VIEW %I.consent_state WITH (security_invoker = true) AS %s',
		NEW.schema_name, @extschema@.consent_view(NEW.space));
	EXECUTE format('COMMENT ON VIEW %I.consent_state IS %L', NEW.schema_name,
		'A row a subject that persona knows, purpose and channel: whether contact is allowed now, why, since when and until when.');
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION create_consent_state() IS
'Trigger: gives a new space its keys, closes its ledger to all but INSERT, and makes the view consent_state.';
REVOKE ALL ON FUNCTION create_consent_state() FROM PUBLIC;
CREATE TRIGGER consent_state AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION create_consent_state();

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
			LATERAL (SELECT (@extschema@.find_purpose(home, m.purpose)).basis) AS p,
			LATERAL (SELECT @extschema@.tcf_says(consent, vendor, m.tcf_purposes, p.basis)) AS s (allowed),
			LATERAL (SELECT s.allowed, CASE WHEN NOT s.allowed THEN 'withdraw' WHEN p.basis = 'double_opt_in' THEN 'request' ELSE 'grant' END, @extschema@.tcf_said_at(consent, s.allowed)) AS d (allowed, decision, said_at)
		WHERE NOT EXISTS (SELECT FROM @extschema@.consent_history(subject, home.space) h
			WHERE h.source = 'tcf' AND h.purpose = m.purpose AND h.channel IS NULL AND h.decision = d.decision AND h.evidence = seen);
END;
$$;
COMMENT ON FUNCTION grant_consent_tcf(text, text, int, jsonb, text) IS
'Records what a TCF string says about a vendor, for every channel: a yes for each purpose of the mapping whose TCF purposes are all allowed, else a no; where the basis is double_opt_in a request, to be confirmed. mapping: purpose to array of TCF purposes 1 to 24, or TCF purpose to purpose. A yes or no counts from the string''s lastUpdated; the string is the evidence. Returns the new ledger rows: none for a string that is recorded already. Errors: malformed string, wrong vendor or mapping (22023), unknown subject (P0002) or purpose (42704).';
REVOKE ALL ON FUNCTION grant_consent_tcf(text, text, int, jsonb, text) FROM PUBLIC;

CREATE FUNCTION grant_consent_tcf(subject anyelement, tcf text, vendor int, mapping jsonb, space text DEFAULT NULL)
RETURNS TABLE (purpose text, decision text, ledger_id uuid)
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS 'SELECT * FROM @extschema@.grant_consent_tcf(subject::text, tcf, vendor, mapping, space)';
COMMENT ON FUNCTION grant_consent_tcf(anyelement, text, int, jsonb, text) IS 'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION grant_consent_tcf(anyelement, text, int, jsonb, text) FROM PUBLIC;
