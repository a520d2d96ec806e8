# pg_cron calls run(), as the documentation says to: messages appear by
# themselves, and a failing call is seen in pg_cron's own log.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($libraries) = run_command([ 'pg_config', '--pkglibdir' ]);
plan skip_all => 'pg_cron is not here: nothing called run() by the clock' unless -e "$libraries/pg_cron.so";

my $node = PostgreSQL::Test::Cluster->new('cron');
$node->init;
$node->append_conf('postgresql.conf', sprintf("shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\ncron.host = '%s'\n", $node->host));
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION pg_cron;
	CREATE EXTENSION persona;
	CREATE TABLE customers (id int PRIMARY KEY, email text);
	CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, at timestamptz);
	CREATE INDEX ON orders (customer_id, at);
	INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 1000) i;
	SELECT persona.define_space('shop', 'customers');
	SELECT persona.define_event('purchase', 'orders');
	SELECT persona.define_channel('email', 'email');
	SELECT persona.define_purpose('service', 'opt_out');
	SELECT persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'Hi {{ email }}', generic => 'Hi');
	SELECT persona.activate('thanks');
	INSERT INTO orders SELECT i, i, now() FROM generate_series(1, 500) i});

my ($status, $out, $err) = $node->psql('postgres', q{SELECT persona.claim('email', 1)});
like($err, qr/500 events and due rows wait to be decided.*CALL persona[.]run\(\); and let pg_cron call it/s, 'claim() knows that run() is missing');
is($node->safe_psql('postgres', q{SELECT count(*) FROM persona_shop.message}), '0', 'nothing is decided before');

# Before 1.5 pg_cron knows minutes only.
my $every = $node->psql('postgres', q{SELECT cron.schedule('persona', '1 second', 'CALL persona.run()')}) == 0 ? '1 second' : '* * * * *';
$node->safe_psql('postgres', "SELECT cron.schedule('persona', '$every', 'CALL persona.run()'), cron.schedule('wrong', '$every', 'BEGIN; CALL persona.run(); COMMIT')");
note("called every $every");
ok($node->poll_query_until('postgres', 'SELECT count(*) = 500 FROM persona_shop.message'), 'the messages appear by themselves');
is($node->safe_psql('postgres', q{SELECT count(*) FROM persona.claim('email', 1000)}), '500', 'and can be claimed');
ok($node->poll_query_until('postgres', q{SELECT count(DISTINCT jobid) = 2 FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')}), 'both jobs ran');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT status, ',') FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE jobname = 'persona' AND status NOT IN ('running', 'starting')}), 'succeeded', 'run() commits its batches under pg_cron');
like($node->safe_psql('postgres', q{SELECT return_message FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE jobname = 'wrong' AND status = 'failed' LIMIT 1}),
	qr/run\(\) cannot run inside a transaction block/, 'a wrong call is told of');
$node->stop;
done_testing();
