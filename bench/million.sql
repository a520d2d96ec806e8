/*
 * Many at once: events that no trigger saw, members who enter a segment, and a
 * calendar whose time has come for everybody. What each takes of a core, and
 * how much memory its backend had at most. There is no peer: what matters is
 * that ten times as many cost no more each. PERSONA_BENCH_SUBJECTS=1000000 is
 * the full size, with eleven million orders.
 */
\set subjects `echo "${PERSONA_BENCH_SUBJECTS:-100000}"`
CREATE TABLE customers (id int PRIMARY KEY, name text, email text, zone text, vip boolean);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, amount numeric, at timestamptz);
INSERT INTO customers SELECT i, 'name ' || i, i || '@example.org', (ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tokyo'])[1 + i % 4], false
FROM generate_series(1, :subjects) i;
INSERT INTO orders SELECT i, 1 + i % :subjects, 1 + i % 10, timestamptz '2026-02-01' - i * interval '10 seconds' FROM generate_series(1::bigint, 10 * :subjects) i;
CREATE INDEX ON orders (customer_id, at);
CREATE INDEX ON orders (at);
VACUUM ANALYZE customers, orders;

\o /dev/null
SELECT set_config('persona.clock', '2026-03-01 12:00+00', false);
SELECT persona.define_space('shop', 'customers');
SELECT persona.define_event('purchase', 'orders', subject => 'customer_id', at => 'at');
SELECT persona.define_channel('email', 'email', time_zone => 'zone');
SELECT persona.define_purpose('service', 'opt_out');
SELECT persona.define_segment('vips', 'vip');
SELECT persona.define_moment('thanks', on_event => 'purchase', when_rule => 'new.amount > 1', purpose => 'service', channel => 'email',
	template => 'Thanks, {{ name }}!', generic => 'Thank you.', delay => '10 days');
SELECT persona.define_moment('welcome', on_segment => 'vips', purpose => 'service', channel => 'email', template => 'Welcome, {{ name }}!', generic => 'Welcome.', delay => '10 days');
SELECT persona.define_moment('morning', schedule => 'daily', local_time => '09:00', purpose => 'service', channel => 'email',
	template => 'Good morning, {{ name }}!', generic => 'Good morning.');
SELECT persona.activate(m) FROM unnest('{thanks,welcome}'::text[]) m;
SELECT persona.refresh_segments();
\o
UPDATE customers SET vip = true;
SET session_replication_role = replica;
INSERT INTO orders SELECT -i, i, 1 + i % 10, timestamptz '2026-03-01 12:00+00' + i % 3600 * interval '1 second' FROM generate_series(1, :subjects) i;
RESET session_replication_role;
VACUUM ANALYZE customers, orders;

\set cpu 'split_part(pg_read_file(''/proc/self/schedstat''), '' '', 1)::float8'
\set memory '(SELECT max(substring(s FROM ''VmHWM:\\s+(\\d+)'')::int - substring(s FROM ''RssShmem:\\s+(\\d+)'')::int) / 1024 FROM pg_read_file(''/proc/self/status'') s)'
\set taken '(:cpu - :began) / 1e9 AS seconds, (:cpu - :began) / 1e3 / :subjects AS each, :memory AS mb'
\set print 'format(''%-42s %s s of a core, %s us each; at most %s MB of memory'', :''what'', round(:seconds::numeric, 1), round(:each::numeric, 1), :mb)'

\c -
SET client_min_messages = error;
SELECT set_config('persona.clock', '2026-03-01 13:00+00', false) AS clock, :cpu AS began \gset
SELECT persona.catch_up() AS found \gset
SELECT :taken, 'catch_up(), ' || :found || ' found in ' || 11 * :subjects AS what \gset
SELECT :print;
SELECT :cpu AS began \gset
SELECT persona.catch_up() AS found \gset
SELECT :taken, 'catch_up() again, ' || :found || ' found' AS what \gset
SELECT :print;

\c -
SET client_min_messages = error;
SELECT set_config('persona.clock', '2026-03-01 13:00+00', false) AS clock, :cpu AS began \gset
\o /dev/null
SELECT persona.refresh_segments();
\o
SELECT :taken, 'refresh_segments(), all enter' AS what \gset
SELECT :print;

\c -
SET client_min_messages = error;
SELECT set_config('persona.clock', '2026-03-01 13:00+00', false) AS clock, :cpu AS began \gset
CALL persona.run();
SELECT :taken, 'run(), those two from inbox to schedule' AS what \gset
SELECT :print;

\c -
SET client_min_messages = error;
SELECT set_config('persona.clock', '2026-03-01 14:30+00', false) AS clock \gset
\o /dev/null
SELECT persona.activate('morning');
\o
SELECT set_config('persona.clock', '2026-03-02 14:30+00', false) AS clock, :cpu AS began \gset
CALL persona.run(1);
SELECT count(*) AS waiting FROM persona_shop.inbox \gset
SELECT :taken, 'run(1), a calendar and a batch, ' || :waiting || ' wait' AS what \gset
SELECT :print;
