/*
 * decide(): a page asks what to show, against the statements that a page would
 * run itself: read the customer, what they said and what they were shown, and
 * note what is shown now. Calls come a hundred to a transaction, for subjects
 * in turn, as one session of a pool would send them.
 */
CREATE TABLE customers (id int PRIMARY KEY, name text, email text, city text);
INSERT INTO customers SELECT i, 'name ' || i, i || '@example.org', 'city ' || i % 100 FROM generate_series(1, 20000) i;

\o /dev/null
SELECT persona.define_space('shop', 'customers');
SELECT persona.define_channel('page', 'email');
SELECT persona.define_purpose('service', 'opt_out');
SELECT persona.define_policy(channel => 'page', cap => 50, per => '7 days');
SELECT persona.define_moment('banner', on_request => true, when_rule => $$city <> 'city 1'$$, purpose => 'service',
	channel => 'page', template => 'Hi {{ name }}, how is {{ city }}?', generic => 'Welcome.');
SELECT persona.activate('banner');
SELECT persona.withdraw_consent(i, 'service', 'page', 'bench') FROM generate_series(1, 1000) i;
\o

CREATE TABLE shown (LIKE persona_shop.decision INCLUDING ALL);
CREATE SEQUENCE turn;
CREATE FUNCTION pg_temp.show_by_hand(subject int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	customer customers := (SELECT c FROM customers c WHERE c.id = subject FOR UPDATE);
	wanted boolean := NOT EXISTS (SELECT FROM persona_shop.consent_current c WHERE c.subject = customer.id AND c.decision = 'withdraw'
			AND c.purpose IN ('', 'service') AND c.channel IN ('', 'page'))
		AND NOT EXISTS (SELECT FROM persona_shop.suppression p WHERE p.subject = customer.id AND p.channel IN ('', 'page'))
		AND (SELECT count(*) FROM shown d WHERE d.subject = customer.id AND d.outcome = 'send' AND d.at > now() - interval '7 days') < 50
		AND customer.city <> 'city 1';
BEGIN
	INSERT INTO shown VALUES (customer.id, gen_random_uuid(), now(), 'banner', 1, 'banner', 'personal', 'page', 'service', now(), now(),
		CASE WHEN wanted THEN 'send' ELSE 'skip' END, NULL, false, false, 'request', NULL, '', 0, '[]');
	RETURN CASE WHEN wanted THEN format('Hi %s, how is %s?', customer.name, customer.city) END;
END
$$;
CREATE PROCEDURE pg_temp.ask(statement text) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 1000 LOOP
		EXECUTE statement USING 1 + (nextval('turn') % 20000)::int;
	END LOOP;
END
$$;
CALL pg_temp.compare('decide(), a thousand calls', 'a PL/pgSQL function by hand', 1000,
	$$CALL pg_temp.ask('SELECT * FROM persona.decide($1, ''banner'')')$$, $$CALL pg_temp.ask('SELECT pg_temp.show_by_hand($1)')$$, '', 7, NULL);
