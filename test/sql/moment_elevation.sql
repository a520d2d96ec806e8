-- what the owner of a space hangs on its tables, or writes into persona's own
-- past define_*(): whoever calls persona, nothing of it runs as the caller
\set SHOW_CONTEXT never
SET client_min_messages = error;
SELECT current_database() AS database \gset
CREATE ROLE me_owner;
CREATE ROLE me_victim;
GRANT CREATE ON DATABASE :database TO me_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA persona TO me_owner;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA persona TO me_owner;
CREATE SCHEMA me AUTHORIZATION me_owner;
CREATE SCHEMA me_victim AUTHORIZATION me_victim;
SET ROLE me_owner;
-- each function of the owner's leaves a trace where it is run as somebody else
CREATE TABLE me.tripwire (who text, what text);
GRANT INSERT ON me.tripwire TO PUBLIC;
GRANT USAGE ON SCHEMA me TO PUBLIC;
CREATE FUNCTION me.trip(what text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
	IF current_user <> 'me_owner' THEN
		INSERT INTO me.tripwire VALUES (current_user, what);
	END IF;
	RETURN true;
END;
$$;
CREATE FUNCTION me.fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM me.trip(TG_OP || ' ' || TG_TABLE_NAME);
	RETURN CASE WHEN TG_LEVEL = 'ROW' THEN coalesce(NEW, OLD) END;
END;
$$;
CREATE TABLE me.customer (id int PRIMARY KEY, name text, email text);
CREATE TABLE me.orders (id int PRIMARY KEY, customer_id int REFERENCES me.customer, amount numeric, at timestamptz);
CREATE INDEX ON me.orders (customer_id, at);
INSERT INTO me.customer SELECT n, 'n' || n, 'e' || n || '@example.org' FROM generate_series(1, 30) n;
CREATE FUNCTION me.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN others THEN
	RETURN SQLSTATE;
END;
$$;
SELECT count(*) FROM unnest(ARRAY['define_space(''me_shop'', ''me.customer'')', 'define_event(''purchase'', ''me.orders'', space => ''me_shop'')', 'define_segment(''buyers'', ''count(purchase) > 0'', space => ''me_shop'')',
	'define_channel(''email'', ''email'', link => ''https://shop.example'', space => ''me_shop'')', 'define_purpose(''news'', ''consent'', space => ''me_shop'')', 'define_goal(''buys'', ''count(purchase) > 0'', space => ''me_shop'')',
	'define_moment(''thanks'', on_event => ''purchase'', purpose => ''news'', channel => ''email'', template => ''{{ name }} {{ unsubscribe_url }}'', generic => ''x {{ unsubscribe_url }}'', space => ''me_shop'')',
	'define_moment(''ask'', on_request => true, purpose => ''news'', channel => ''email'', template => ''{{ name }}'', generic => ''x'', space => ''me_shop'')',
	'define_experiment(''web'', ''{personal,generic}'', ''{0.5,0.5}'', goal => ''buys'', space => ''me_shop'')', 'activate(''thanks'', space => ''me_shop'')', 'activate(''ask'', space => ''me_shop'')']) call
WHERE me.state('SELECT * FROM persona.' || call) <> 'done';
SELECT count(persona.grant_consent(id, 'news', 'email', 'test', space => 'me_shop')) FROM me.customer;
INSERT INTO me.orders SELECT n, n, 10, now() FROM generate_series(1, 20) n;
RESET ROLE;
SET persona.space = 'me_shop';
CALL persona.run();
-- what a superuser may call on a bad day, each with a message of its own in somebody's hands
CREATE FUNCTION me.handed() RETURNS uuid LANGUAGE sql AS $$SELECT message FROM persona.claim('email', 1)$$;
CREATE TEMP TABLE calls (call text, state text);
INSERT INTO calls SELECT unnest(ARRAY['grant_consent(1, ''news'', ''email'', ''x'')', 'withdraw_consent(2, ''news'', ''email'', ''x'')', 'grant_consent_tcf(3, ''CP-NRJ6P-NRJ6EsABBENAwEgALAAAAIAAAYgAEgKAAAAA'', 9, ''{"news": [3]}'')',
	'set_preference(3, ''user.behavior'', false)', 'suppress(4, ''email'', ''x'')', 'unsuppress(4, ''email'')', 'suppress_address(''e5@example.org'', ''email'', ''x'')', 'unsuppress_address(''e5@example.org'', ''email'')',
	'may_contact(1, ''news'', ''email'')', 'consent_status(1, ''news'', ''email'')', 'consent_history(1)', 'verify_ledger()', 'verify_current(''me_shop'')', 'forget_consents(''1 day'')', 'export_subject(6)', 'erase_subject(7)',
	'preferences(persona.preference_token(8))', 'apply_preferences(persona.preference_token(8), ''{"purpose": {"news": false}}'')', 'rotate_keys()', 'in_segment(1, ''buyers'')', 'segments_of(1)', 'refresh_segments()', 'preview(''buyers'')',
	'preview(''name = ''''x'''''')', 'explain(1, ''count(purchase) > 0'')', 'lint(''count(purchase) > 0'')', 'define_segment(''more'', ''segment(buyers)'')', 'discover()', 'define_breakdown(''web'', ''{buyers}'')',
	'define_experiment(''web'', ''{personal,generic}'', ''{0.4,0.6}'', goal => ''buys'')', 'variant(9, ''web'')', 'expose(9, ''web'')', 'expose(10, ''web'')', 'results(''web'')', 'promote(''web'', ''personal'')', 'fading(''me_shop'')', 'reviews(''me_shop'')',
	'performance_of(''me_shop'')', 'sdk_payload(''me_shop'')', 'audit()', 'audit_message((SELECT decision FROM mine))', 'moment_sample(''thanks'', ''me_shop'')', 'pause(''thanks'')', 'resume(''thanks'')', 'catch_up()', 'claim(''email'', 1)', 'ack(ARRAY[me.handed()])',
	'still_ok(me.handed())', 'fail(me.handed(), ''x'')', 'feedback(me.handed(), ''opened'')', 'adopt(''a'', ''b'')', 'decide(11, ''ask'')', 'explain_decision((SELECT decision FROM mine))', 'why_not(11, ''ask'')', 'simulate(11, ''ask'')',
	'simulate_segment(''buyers'', ''ask'')', 'space_health(''me_shop'')', 'event_health(''me_shop'')', 'space_findings(''me_shop'')', 'rehearse(''{"start": "2026-03-02 09:00+00", "for": "1 day", "every": "1 day", "steps": [{"do": "insert", "subject": "eve", "row": {"id": 1000, "email": "eve@example.org"}}]}'', space => ''me_shop'')', 'reschedule(''thanks'', ''me_shop'')',
	'define_moment(''thanks'', on_event => ''purchase'', purpose => ''news'', channel => ''email'', delay => ''1 hour'', template => ''{{ name }} {{ unsubscribe_url }}'', generic => ''x {{ unsubscribe_url }}'')', 'follow_renames()', 'release(''me.orders'')', 'rebind(''me.orders'')',
	'fingerprint()', 'drop_definition(''segment'', ''more'')', 'drop_space(''me_shop'')']);
-- their own reading of a decision is not persona's
CREATE TEMP TABLE mine AS SELECT decision FROM persona_me_shop.decision LIMIT 1;
CREATE PROCEDURE me.call_all() LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	UPDATE persona.outbox SET outbox = 'elsewhere' WHERE space = 'me_shop';
	PERFORM persona.adopt('a test', 'its copy');
	FOR c IN SELECT ctid, call FROM calls LOOP
		UPDATE calls SET state = me.state('SELECT * FROM persona.' || c.call) WHERE ctid = c.ctid;
	END LOOP;
END;
$$;

-- triggers, constraints and policies on every table of the state and on the company's own
SET ROLE me_owner;
DO $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT c.oid::regclass AS name, c.relname FROM pg_class c WHERE c.relnamespace IN ('persona_me_shop'::regnamespace) AND c.relkind IN ('r', 'p') AND NOT c.relispartition LOOP
		EXECUTE format('CREATE TRIGGER trap BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION me.fire()', r.name);
		EXECUTE format('CREATE TRIGGER trap_after AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION me.fire()', r.name);
		EXECUTE format('ALTER TABLE %s ADD CONSTRAINT trap CHECK (me.trip(''check %s'')) NOT VALID', r.name, r.relname);
		EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r.name);
		EXECUTE format('CREATE POLICY trap ON %s USING (me.trip(''policy %s''))', r.name, r.relname);
	END LOOP;
	FOR r IN SELECT c.oid::regclass AS name, c.relname, pg_get_viewdef(c.oid) AS definition FROM pg_class c WHERE c.relnamespace = 'persona_me_shop'::regnamespace AND c.relkind = 'v' LOOP
		EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_invoker) AS SELECT * FROM (%s) v WHERE me.trip(''view %s'')', r.name, rtrim(r.definition, ';'), r.relname);
	END LOOP;
END;
$$;
RESET ROLE;
CALL me.call_all();
SELECT count(*) FILTER (WHERE state = 'done') AS done, string_agg(call || ': ' || state, E'\n') FILTER (WHERE state <> 'done') AS others FROM calls;
-- and by the way that no call opens
INSERT INTO persona_me_shop.inbox VALUES (12, 'purchase', '{12}', now(), now());
DELETE FROM me.tripwire;
CALL persona.run();
SELECT * FROM me.tripwire;

-- an event over a table that the owner may not read: no trigger shows its rows, whoever makes it
SET ROLE me_victim;
CREATE TABLE me_victim.account (id int PRIMARY KEY, customer_id int, secret text, at timestamptz);
GRANT USAGE ON SCHEMA me_victim TO me_owner;
SET ROLE me_owner;
INSERT INTO persona.event VALUES ('me_shop', 'login', 'me_victim.account', 'customer_id', 'at', '{secret}', 'insert');
UPDATE persona.moment SET on_event = 'login', state = 'live' WHERE space = 'me_shop' AND moment = 'thanks';
-- what follows a rename has the rights of the installer
ALTER TABLE me.orders RENAME amount TO total;
RESET ROLE;
SELECT me.state('SELECT * FROM persona.activate(''thanks'')') AS activated, me.state('UPDATE persona.event SET at = at WHERE space = ''me_shop''') AS changed;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'me_victim.account'::regclass;
INSERT INTO me_victim.account VALUES (1, 1, 'a secret', now());
SELECT count(*) AS seen FROM persona_me_shop.inbox WHERE 'a secret' = ANY (event_key);
SELECT * FROM me.tripwire;
DELETE FROM persona.event WHERE space = 'me_shop' AND event = 'login';
UPDATE persona.moment SET on_event = 'purchase' WHERE space = 'me_shop' AND moment = 'thanks';

-- what is put off until the commit would be run by whoever commits: it cannot be put off
SET ROLE me_owner;
CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON persona_me_shop.message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION me.fire();
RESET ROLE;
SELECT me.state('SELECT persona.claim(''email'', 1)') AS state, (SELECT count(*) FROM me.tripwire) AS tripped;
DROP TRIGGER later ON persona_me_shop.message;

-- every table of the state is a view over what it was
SET ROLE me_owner;
DO $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'persona_me_shop'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition LOOP
		EXECUTE format('ALTER TABLE persona_me_shop.%I RENAME TO %I', r.relname, 'was_' || r.relname);
		EXECUTE format('CREATE VIEW persona_me_shop.%I WITH (security_invoker) AS SELECT * FROM persona_me_shop.%I WHERE me.trip(%L)', r.relname, 'was_' || r.relname, 'read ' || r.relname);
	END LOOP;
END;
$$;
RESET ROLE;
CREATE OR REPLACE FUNCTION me.handed() RETURNS uuid LANGUAGE sql AS $$SELECT decision FROM mine$$;
CALL me.call_all();
SELECT count(*) FILTER (WHERE state = 'done') > 40 AS most_are_done FROM calls;
SELECT * FROM me.tripwire;

-- what lies in persona's own tables without define_*(): names that would be code, another's schema, the house
SET ROLE me_owner;
SELECT statement, me.state(statement) FROM unnest(ARRAY['UPDATE persona.space SET key_type = ''int) IS NULL OR me.trip(''''type'''') IS NULL; --''', 'UPDATE persona.space SET schema_name = ''pg_catalog''', 'UPDATE persona.space SET schema_name = ''persona_other''', 'UPDATE persona.space SET space = ''other''', 'UPDATE persona.space SET space = ''me_reports'', schema_name = ''persona_me_reports''',
	'INSERT INTO persona.space VALUES (''house'', ''persona_house'', ''me.customer'', ''id'', ''integer'')', 'INSERT INTO persona.space VALUES (E''a\nb'', E''persona_a\nb'', ''me.customer'', ''id'', ''integer'')',
	'UPDATE persona.event SET event = ''x"; --''', 'UPDATE persona.event SET fires = ''insert OR delete''', 'UPDATE persona.segment SET segment = ''a b''', 'UPDATE persona.moment SET moment = '''''''' WHERE moment = ''ask''', 'UPDATE persona.channel SET channel = ''{"''', 'UPDATE persona.goal SET goal = ''%s''',
	'INSERT INTO persona.definition_log VALUES (''moment'', ''me_shop'', ''thanks'', 99, now(), ''somebody'', NULL)', 'INSERT INTO persona.policy VALUES (''house'', '''', '''', 1)', 'UPDATE persona.policy SET cap = 0 WHERE space = ''house''']) statement;
-- who may change definitions cannot change what was written down of them
UPDATE persona.definition_log SET by_whom = 'somebody';
DELETE FROM persona.definition_log;
SELECT count(*) FILTER (WHERE by_whom = 'somebody') AS changed, count(*) > 10 AS there FROM persona.definition_log WHERE space = 'me_shop';
-- nor by the trigger that writes it, on a table called as one of persona's
CREATE TABLE me.moment (space text, moment text);
CREATE TRIGGER forge AFTER INSERT ON me.moment FOR EACH ROW EXECUTE FUNCTION persona.log_definition();
SELECT me.state('INSERT INTO me.moment VALUES (''me_other'', ''forged'')') AS state, (SELECT count(*) FROM persona.definition_log WHERE name = 'forged') AS forged;
RESET ROLE;

RESET persona.space;
SET ROLE me_owner;
DROP SCHEMA persona_me_shop CASCADE;
DELETE FROM persona.space WHERE space = 'me_shop';
RESET ROLE;
DROP SCHEMA me, me_victim CASCADE;
DROP OWNED BY me_owner, me_victim;
DROP ROLE me_owner, me_victim;
