-- Each morning and afternoon all orders and returns up to then arrive, run()
-- decides what is due, and a sender claims, sends and acknowledges it. Some
-- customers change their minds: one in a thousand before run() looks, and one
-- in fifty of those just about to be written to, the minute before the sender
-- comes. One in five hundred looks at the home page, and now and then loads it
-- once more.
\pset tuples_only on
\pset format unaligned
CREATE PROCEDURE shop.arrive(since timestamptz, until timestamptz) LANGUAGE sql AS $$
	INSERT INTO shop.orders SELECT * FROM shop.coming_orders WHERE at > since AND at <= until ORDER BY id;
	INSERT INTO shop.returned SELECT * FROM shop.coming_returned WHERE at > since AND at <= until ORDER BY id;
$$;
CREATE PROCEDURE shop.change_minds(instant timestamptz) LANGUAGE sql AS $$
	SELECT persona.withdraw_consent(id, 'marketing', 'email', 'preference page')
	FROM shop.customer WHERE shop.dice(id, 'change of mind ' || extract(epoch FROM instant)::bigint) < 0.001;
$$;
CREATE PROCEDURE shop.have_second_thoughts() LANGUAGE sql AS $$
	SELECT persona.withdraw_consent(subject, 'marketing', 'email', 'preference page')
	FROM persona_shop.message WHERE state = 'ready' AND shop.dice(subject, 'second thoughts') < 0.02;
$$;
CREATE PROCEDURE shop.look_at_home_page(instant timestamptz) LANGUAGE sql AS $$
	INSERT INTO shop.banner
	SELECT visit, load, id, d.decision, d.outcome, d.reason, d.variant, d.body, instant
	FROM shop.customer, concat(id, '@', extract(epoch FROM instant)::bigint) visit,
		generate_series(1, CASE WHEN shop.dice(id, 'again ' || visit) < 0.1 THEN 2 ELSE 1 END) load,
		persona.decide(id, 'banner', jsonb_build_object('visit', visit)) d
	WHERE shop.dice(id, 'visit ' || visit) < 0.002;
$$;
CREATE PROCEDURE shop.send() LANGUAGE plpgsql AS $$
DECLARE
	batch uuid[];
BEGIN
	LOOP
		WITH claimed AS (SELECT * FROM persona.claim('email', 500)),
		posted AS (
			INSERT INTO shop.mailbox
			SELECT decision, subject::int, address, variant, subject_line, body, persona.now() FROM claimed
		)
		SELECT array_agg(message) INTO batch FROM claimed;
		EXIT WHEN batch IS NULL;
		PERFORM persona.ack(batch);
		COMMIT;
	END LOOP;
END;
$$;

DO $$
DECLARE
	instant timestamptz;
	before timestamptz := '-infinity';
BEGIN
	FOR instant IN
		SELECT shop.first_day() + day * interval '1 day' + hour
		FROM generate_series(0, 36) day, unnest('{9:00,15:00}'::interval[]) hour ORDER BY 1
	LOOP
		PERFORM set_config('persona.clock', instant::text, false);
		CALL shop.arrive(before, instant);
		CALL shop.change_minds(instant);
		COMMIT;
		CALL shop.look_at_home_page(instant);
		COMMIT;
		CALL persona.run();
		PERFORM set_config('persona.clock', (instant + interval '1 minute')::text, false);
		CALL shop.have_second_thoughts();
		COMMIT;
		PERFORM set_config('persona.clock', (instant + interval '2 minutes')::text, false);
		CALL shop.send();
		before := instant;
	END LOOP;
END;
$$;
SELECT format('%s order lines and %s returns arrived, run() was called 74 times, a sender took %s messages.',
	(SELECT count(*) FROM shop.coming_orders), (SELECT count(*) FROM shop.coming_returned),
	(SELECT count(*) FROM shop.mailbox));
SELECT format('%s customers withdrew, %s of them between the decision and the sender: their messages never left.',
	(SELECT count(DISTINCT subject) FROM persona_shop.consent WHERE decision = 'withdraw'),
	(SELECT count(DISTINCT subject) FROM persona_shop.message WHERE state = 'cancelled'));
SELECT format('The home page was loaded %s times by %s customers, and greeted %s times.',
	count(*), count(DISTINCT customer_id), count(body)) FROM shop.banner;
