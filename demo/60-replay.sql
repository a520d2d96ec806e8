-- Each morning and afternoon all orders and returns up to then arrive, run()
-- decides what is due, and a sender claims, sends and acknowledges it. On the
-- way some customers change their minds.
SET client_min_messages = warning;
DO $$
DECLARE
	instant timestamptz;
	before timestamptz := '-infinity';
	batch uuid[];
BEGIN
	FOR instant IN SELECT day AT TIME ZONE 'UTC' + hour
		FROM (SELECT min(at AT TIME ZONE 'UTC')::date AS first, max(at AT TIME ZONE 'UTC')::date AS last FROM shop.coming_orders) days,
			generate_series(first::timestamp, last + 7, '1 day') day, unnest('{9:00,15:00}'::interval[]) hour ORDER BY 1
	LOOP
		PERFORM set_config('persona.clock', instant::text, false);
		INSERT INTO shop.orders SELECT * FROM shop.coming_orders WHERE at > before AND at <= instant ORDER BY id;
		INSERT INTO shop.returned SELECT * FROM shop.coming_returned WHERE at > before AND at <= instant ORDER BY id;
		PERFORM persona.withdraw_consent(id, 'marketing', 'email', 'preference page')
		FROM shop.customer WHERE persona.bucket(id, 'change of mind ' || (instant AT TIME ZONE 'UTC')) < 0.001 ORDER BY id;
		COMMIT;
		CALL persona.run();
		LOOP
			WITH claimed AS (SELECT * FROM persona.claim('email', 500)),
			sent AS (INSERT INTO shop.mailbox SELECT decision, subject::int, address, variant, subject_line, body, persona.now() FROM claimed RETURNING 1)
			SELECT array_agg(message) INTO batch FROM claimed;
			EXIT WHEN batch IS NULL;
			PERFORM persona.ack(batch);
			COMMIT;
		END LOOP;
		before := instant;
	END LOOP;
END;
$$;
\t on
SELECT format('%s order lines and %s returns happened again; persona''s clock now shows %s.',
	(SELECT count(*) FROM shop.coming_orders), (SELECT count(*) FROM shop.coming_returned), max(at)) FROM persona_shop.decision;
