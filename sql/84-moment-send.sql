/* moment: run, claimed, acknowledged, asked for */

/* Running */

/*
 * No SET clause and no SECURITY DEFINER: with either it could not commit.
 * Each batch pins path, settings and user by itself.
 */
CREATE PROCEDURE run(max_batches int DEFAULT NULL, space text DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_run';
COMMENT ON PROCEDURE run(int, text) IS
'Takes what waits in the inbox and decides what is due, a batch a transaction, at most max_batches of them, half of which the inbox may have: 2 or more keep both going; safe from several sessions at once. Rows that fail are decided apart from the rest, moments that run away are held. Reports by NOTICE and, while it runs, in pg_stat_activity. Not inside a transaction block (25001).';
REVOKE ALL ON PROCEDURE run(int, text) FROM PUBLIC;

/* Sending */

/* Open to PUBLIC, as run() acts as the owner, who was granted nothing; it refuses all but members. */
CREATE FUNCTION page_link(page text, subject text, channel text, link text, space text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'persona_page_link';
COMMENT ON FUNCTION page_link(text, text, text, text, text) IS
'What unsubscribe_url and preferences_url are in a template: a page on the base of a channel''s links, with a token of preference_token(). For members of the space''s owner only (42501).';

CREATE FUNCTION most_attempts() RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT 5;
END;
COMMENT ON FUNCTION most_attempts() IS
'How often a message is handed out at most: then it is dead where the last attempt failed, unconfirmed where nothing was heard of it.';

/* At the default price of a random page it would rather read the whole outbox for a page of it. */
CREATE FUNCTION claim(channel text, n int, lease interval DEFAULT '5 min', space text DEFAULT NULL)
RETURNS TABLE (message uuid, decision uuid, subject text, moment text, variant text, address text,
	subject_line text, body text, headers jsonb, attempt int, idempotency_key text)
LANGUAGE c SET search_path = pg_catalog, pg_temp SET random_page_cost = 1.1 SET jit = off
AS 'MODULE_PATHNAME', 'persona_claim';
COMMENT ON FUNCTION claim(text, int, interval, text) IS
'Leases up to n (1..10000) ready messages of a channel to the caller, consent read again under lock, and cancel rules after it; a message whose rule fails is kept back for an hour. A message not acknowledged within the lease (real time, above 0) is handed out again, with the next attempt and the same idempotency key, at most five times. Where the links of the channel are https, headers hold List-Unsubscribe and List-Unsubscribe-Post (RFC 8058), but for transactional messages. Not on a standby (25006), not in a copy that nobody adopted (55000), not under REPEATABLE READ or above (25000).';
REVOKE ALL ON FUNCTION claim(text, int, interval, text) FROM PUBLIC;

/*
 * The outbox changes faster than its statistics: by these an acknowledgement
 * would now and then rather read all of it, once for each message.
 */
CREATE FUNCTION ack(messages uuid[], provider_ids text[] DEFAULT NULL, attempts int[] DEFAULT NULL, space text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	told bigint := (SELECT count(DISTINCT m) FROM unnest(messages) m);
	taken text[];
	acknowledged bigint;
	late bigint := 0;
BEGIN
	IF cardinality(provider_ids) <> cardinality(messages) OR cardinality(attempts) <> cardinality(messages) THEN
		RAISE array_subscript_error USING
			MESSAGE = 'ack() needs as many provider_ids and attempts as messages';
	END IF;
	/* In the order of their keys: two senders who tell of the same messages never wait for each other in a ring. */
	taken := @extschema@.change_as_owner(taken, home.space, format($sql$
		WITH told AS (
			SELECT DISTINCT ON (t.message) t.* FROM unnest($1, $2, $3) t(message, provider_id, attempt)
			ORDER BY t.message, t.attempt DESC
		), known AS MATERIALIZED (
			SELECT m.ctid AS row, t.provider_id, m.state = 'claimed' AND t.attempt < m.attempt IS TRUE AS late
			FROM told t JOIN %1$I.message m ON m.message = t.message
			WHERE (m.done_at IS NULL OR m.state = 'unconfirmed')
				AND m.attempt > 0 AND coalesce(t.attempt, m.attempt) BETWEEN 1 AND m.attempt
			ORDER BY m.message FOR UPDATE OF m
		)
		SELECT ARRAY[array_agg(row) FILTER (WHERE NOT late)::text, array_agg(provider_id) FILTER (WHERE NOT late)::text,
			array_agg(row) FILTER (WHERE late)::text, array_agg(provider_id) FILTER (WHERE late)::text]
		FROM known
		$sql$, home.schema_name), messages, provider_ids, attempts);
	/* By their places, which stay what they are while the rows are locked. */
	acknowledged := @extschema@.change_as_owner(acknowledged, home.space, format($sql$
		WITH settled AS (
			UPDATE %1$I.message m SET state = 'sent', reason = NULL, provider_id = coalesce(m.provider_id, k.provider_id),
				sent_at = coalesce(m.sent_at, @extschema@.now()), done_at = @extschema@.now(), leased_until = NULL,
				address = NULL, subject_line = NULL, body = NULL, headers = NULL
			FROM unnest($1, $2) k(row, provider_id) WHERE m.ctid = k.row RETURNING 1
		)
		SELECT count(*) FROM settled
		$sql$, home.schema_name), taken[1]::tid[], taken[2]::text[]);
	IF taken[3] IS NOT NULL THEN
		late := @extschema@.change_as_owner(late, home.space, format($sql$
			WITH noted AS (
				UPDATE %1$I.message m SET sent_at = coalesce(m.sent_at, @extschema@.now()), provider_id = coalesce(m.provider_id, k.provider_id)
				FROM unnest($1, $2) k(row, provider_id) WHERE m.ctid = k.row RETURNING 1
			)
			SELECT count(*) FROM noted
			$sql$, home.schema_name), taken[3]::tid[], taken[4]::text[]);
	END IF;
	IF late > 0 THEN
		RAISE NOTICE '% messages had been handed out again before this acknowledgement came', late
			USING HINT = 'It is noted: they are not handed out a third time. Claim with a longer lease, or fewer at a time.';
	END IF;
	IF acknowledged + late < told THEN
		RAISE NOTICE '% of % messages were not acknowledged', told - acknowledged - late, told
			USING HINT = 'They are unknown, already settled, or no such attempt was handed out.';
	END IF;
	RETURN acknowledged;
END;
$$;
COMMENT ON FUNCTION ack(uuid[], text[], int[], text) IS
'Marks messages that were handed out as sent, and blanks them; returns how many. An acknowledgement after the lease counts; where the message was handed out again meanwhile (a later attempt) it is noted and reported, and the message goes to nobody else. What is sent, cancelled or dead never changes.';
REVOKE ALL ON FUNCTION ack(uuid[], text[], int[], text) FROM PUBLIC;

CREATE FUNCTION message_refusal(message uuid, space text) RETURNS text
LANGUAGE c STABLE STRICT SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'persona_message_refusal';
COMMENT ON FUNCTION message_refusal(uuid, text) IS
'Why a message may not be handed over by what consents, preferences, suppressions, the clock and what cancels it say now (rule_unknown where that fails); NULL where it may, or is not there.';
REVOKE ALL ON FUNCTION message_refusal(uuid, text) FROM PUBLIC;

/* Volatile: it must see what was committed while the asking statement ran. */
CREATE FUNCTION still_ok(message uuid, attempt int DEFAULT NULL, space text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	of_moment text;
BEGIN
	of_moment := @extschema@.read_as_owner(of_moment, home.space, format('SELECT m.moment FROM %I.message m
		WHERE m.message = $1 AND m.state = ''claimed'' AND m.attempt = coalesce($2, m.attempt)
			AND m.leased_until >= clock_timestamp() AND m.sent_at IS NULL', home.schema_name), message, attempt);
	RETURN EXISTS (SELECT FROM @extschema@.moment o WHERE o.space = home.space AND o.moment = of_moment AND o.state = 'live')
		AND @extschema@.message_refusal(message, home.space) IS NULL AND coalesce(current_setting('persona.enabled', true)::boolean, true);
END;
$$;
COMMENT ON FUNCTION still_ok(uuid, int, text) IS
'Whether a claimed message may still go, asked just before it is handed over: the lease of this attempt lives, nobody withdrew, was suppressed or refused their data since the claim, nothing cancelled it, it has not expired, its moment is live. False also for a message that is not there. It locks nothing: a withdrawal after the answer comes too late.';
REVOKE ALL ON FUNCTION still_ok(uuid, int, text) FROM PUBLIC;

CREATE FUNCTION back_off(message uuid, attempt int) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT interval '1 minute' * (4.0 ^ (attempt - 1) * (0.5 + @extschema@.bucket(message::text, 'back off ' || attempt)));
END;
COMMENT ON FUNCTION back_off(uuid, int) IS
'How long to wait after a failed attempt: 1, 4, 16, 64 minutes, each times 0.5 to 1.5 by a hash, so that what failed together does not come back together.';

CREATE FUNCTION fail(message uuid, error text, retry_after interval DEFAULT NULL, attempt int DEFAULT NULL, space text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
	state text;
BEGIN
	IF retry_after < interval '0' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a message cannot be tried again after %s', retry_after),
			HINT = 'retry_after is 0 or more; without it the wait grows with each attempt.';
	END IF;
	state := @extschema@.change_as_owner(state, home.space, format($sql$
		WITH failed AS MATERIALIZED (
			SELECT m.subject, m.message, CASE WHEN m.sent_at IS NOT NULL THEN 'sent'
				WHEN m.attempt < @extschema@.most_attempts() AND $5 IS NULL THEN 'ready'
				ELSE 'dead' END AS becomes
			FROM %1$I.message m
			WHERE m.message = $1 AND m.state = 'claimed' AND m.attempt = coalesce($4, m.attempt)
				AND ($4 IS NOT NULL OR m.leased_until >= clock_timestamp())
			FOR UPDATE OF m
		), again AS (
			UPDATE %1$I.message m SET state = 'ready', reason = left($2, 200), leased_until = NULL,
				ready_at = @extschema@.now() + coalesce($3, @extschema@.back_off(m.message, m.attempt))
			FROM failed f WHERE m.subject = f.subject AND m.message = f.message AND f.becomes = 'ready'
		), settled AS (
			UPDATE %1$I.message m SET state = f.becomes, reason = CASE WHEN f.becomes = 'dead' THEN left($2, 200) END,
				leased_until = NULL, done_at = @extschema@.now(),
				address = NULL, subject_line = NULL, body = NULL, headers = NULL
			FROM failed f WHERE m.subject = f.subject AND m.message = f.message AND f.becomes <> 'ready'
		)
		SELECT becomes FROM failed
		$sql$, home.schema_name), message, error, retry_after, attempt, @extschema@.message_refusal(message, home.space));
	IF state IS NULL THEN
		RAISE NOTICE 'message % was not changed', message
			USING HINT = 'It is unknown, already settled, or its lease was lost: pass the attempt that claim() returned.';
	END IF;
	RETURN state;
END;
$$;
COMMENT ON FUNCTION fail(uuid, text, interval, int, text) IS
'Gives a claimed message back and returns its new state: ready again after retry_after (unless said 1, 4, 16, 64 minutes, each times 0.5 to 1.5); dead after the fifth attempt, or at once where it may go no more (a bounced address that was suppressed); sent where a lost lease was acknowledged after all. A stale attempt changes nothing and says so: NULL.';
REVOKE ALL ON FUNCTION fail(uuid, text, interval, int, text) FROM PUBLIC;

/* The outbox and its copies */

CREATE FUNCTION database_identity() RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'persona_database_identity';
COMMENT ON FUNCTION database_identity() IS
'Which database this is: system identifier, oid and timeline, joined by /. A restored dump, a clone and a promoted standby each differ from the original in one of them.';
REVOKE ALL ON FUNCTION database_identity() FROM PUBLIC;

CREATE FUNCTION adopt(who text, why text, space text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	IF coalesce(trim(who), '') = '' OR coalesce(trim(why), '') = '' THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'adopt() needs to know who lets this copy send, and why',
			HINT = 'SELECT persona.adopt(''Ann, on call'', ''the old primary is down'').';
	END IF;
	INSERT INTO @extschema@.outbox AS o VALUES (home.space, @extschema@.database_identity(), who, why, clock_timestamp())
	ON CONFLICT ON CONSTRAINT outbox_pkey DO UPDATE SET (outbox, who, why, at) = (excluded.outbox, excluded.who, excluded.why, excluded.at)
	WHERE o.outbox <> excluded.outbox;
	IF NOT FOUND THEN
		RAISE NOTICE 'the outbox of space "%" is of this database already', home.space;
		RETURN 0;
	END IF;
	RETURN @extschema@.change_as_owner(NULL::bigint, home.space, format('WITH settled AS (
			UPDATE %I.message m SET state = ''unconfirmed'', reason = ''adopted'', leased_until = NULL, done_at = @extschema@.now(),
				address = NULL, subject_line = NULL, body = NULL, headers = NULL
			WHERE m.state = ''claimed'' AND m.done_at IS NULL RETURNING 1)
		SELECT count(*) FROM settled', home.schema_name), 0);
END;
$$;
COMMENT ON FUNCTION adopt(text, text, text) IS
'Lets this database send what is in the outbox of a space, after a restore, a clone or a failover; who and why are kept in definition_log. What was in a sender''s hands when the copy was made becomes unconfirmed, for the original knows more of it: returns how many. Call it only where the original sends no more.';
REVOKE ALL ON FUNCTION adopt(text, text, text) FROM PUBLIC;

CREATE FUNCTION bind_outbox() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* In a restore the outbox comes along, and is of the database it was of. */
	IF to_regclass(format('%I.outcome', NEW.schema_name)) IS NULL THEN
		INSERT INTO @extschema@.outbox
		VALUES (NEW.space, @extschema@.database_identity(), session_user, 'defined here', clock_timestamp());
	END IF;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION bind_outbox() IS
'Trigger: a new space sends from the database it is defined in.';
REVOKE ALL ON FUNCTION bind_outbox() FROM PUBLIC;
/* Triggers fire by name: this one before moment_views, which it looks for. */
CREATE TRIGGER bind_outbox AFTER INSERT ON space
FOR EACH ROW EXECUTE FUNCTION bind_outbox();

CREATE TYPE settled AS (reason text, state jsonb);
COMMENT ON TYPE settled IS 'A message that came to nothing: why, and what is known of it.';

CREATE FUNCTION handover(home space, decision uuid)
RETURNS TABLE (gate text, passed boolean, reason text, saw jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT 'handover', false, CASE s.state->>'state' WHEN 'cancelled' THEN s.reason ELSE s.state->>'state' END, s.state
	FROM @extschema@.read_as_owner(NULL::@extschema@.settled, home.space, format('SELECT m.reason,
			jsonb_build_object(''state'', m.state, ''attempts'', m.attempt, ''claimed_at'', m.claimed_at, ''done_at'', m.done_at)
		FROM %I.message m WHERE m.decision = $1 AND m.state IN (''cancelled'', ''dead'', ''unconfirmed'')', home.schema_name), decision) s;
END;
$$;
COMMENT ON FUNCTION handover(space, uuid) IS
'A further gate for a decision to send that came to nothing: its message was cancelled when it was claimed, is dead, or is unconfirmed, which may have been sent and is never called not sent.';
REVOKE ALL ON FUNCTION handover(space, uuid) FROM PUBLIC;

/* On request */

CREATE FUNCTION decide_request(subject text, moment text, context jsonb, at timestamptz, space text)
RETURNS TABLE (decision uuid, outcome text, reason text, variant text, channel text, subject_line text, body text, content jsonb)
LANGUAGE c AS 'MODULE_PATHNAME', 'persona_decide';
COMMENT ON FUNCTION decide_request(text, text, jsonb, timestamptz, text) IS
'decide() for a subject in the canonical text of its key.';
REVOKE ALL ON FUNCTION decide_request(text, text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION decide(subject text, moment text, context jsonb DEFAULT NULL, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (decision uuid, outcome text, reason text, variant text, channel text, subject_line text, body text, content jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	home @extschema@.space := @extschema@.resolve_space(space);
BEGIN
	IF moment IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'decide() needs a moment';
	END IF;
	RETURN QUERY SELECT * FROM @extschema@.decide_request(@extschema@.subject_key(home, subject), moment, context, at, home.space);
END;
$$;
COMMENT ON FUNCTION decide(text, text, jsonb, timestamptz, text) IS
'Takes a moment with on_request through its gates at once and returns what is to be shown: body, and content, the values it was made of; both NULL where outcome is holdout or skip (with its reason). context is what new.* means in rules (as text) and templates. The decision, exposure and message (as sent) are written in the caller''s transaction, which keeps the subject locked until it ends. Another at than now needs the right to SET persona.clock.';
REVOKE ALL ON FUNCTION decide(text, text, jsonb, timestamptz, text) FROM PUBLIC;

/* Not SQL as its like elsewhere: as it writes it would be planned anew for each page that is shown. */
CREATE FUNCTION decide(subject anyelement, moment text, context jsonb DEFAULT NULL, at timestamptz DEFAULT NULL, space text DEFAULT NULL)
RETURNS TABLE (decision uuid, outcome text, reason text, variant text, channel text, subject_line text, body text, content jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	RETURN QUERY SELECT * FROM @extschema@.decide(subject::text, moment, context, at, space);
END;
$$;
COMMENT ON FUNCTION decide(anyelement, text, jsonb, timestamptz, text) IS
'The same for a subject of its own type.';
REVOKE ALL ON FUNCTION decide(anyelement, text, jsonb, timestamptz, text) FROM PUBLIC;
