# Killed at any moment, nothing committed is lost, nothing is decided twice and
# no attempt is handed out twice.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf('postgresql.conf', "fsync = on\nrestart_after_crash = on\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION persona;
	CREATE TABLE customers (id int PRIMARY KEY, email text);
	CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, at timestamptz);
	CREATE TABLE handed (message uuid, attempt int);
	INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 20000) i;
	SELECT persona.define_space('shop', 'customers');
	SELECT persona.define_event('purchase', 'orders');
	SELECT persona.define_channel('email', 'email');
	SELECT persona.define_purpose('service', 'opt_out');
	SELECT persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'Hi {{ email }}', generic => 'Hi');
	SELECT persona.activate('thanks');
});

my $kills = 0;
for my $round (1 .. 8)
{
	my @children;
	$node->safe_psql('postgres', "INSERT INTO orders SELECT i, i, now() FROM generate_series(900 * ($round - 1) + 1, 900 * $round) i");
	for my $sql ('CALL persona.run()', 'CALL persona.run()',
		q{SELECT persona.resume('thanks', held => 'send'); DO $$ BEGIN FOR i IN 1 .. 100 LOOP
			INSERT INTO handed SELECT message, attempt FROM persona.claim('email', 50, lease => '1 hour');
			COMMIT; END LOOP; END $$})
	{
		my ($in, $out, $err) = ('', '', '');
		push @children, IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$sql, '>', \$out, '2>', \$err);
	}
	usleep(60_000 + 25_000 * $round);
	my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY state <> 'active', pid LIMIT 1});
	$kills += kill('KILL', $pid) if $pid;
	$_->finish for @children;
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
}
# So much is due at once by now that the volume guard may hold it.
$node->safe_psql('postgres', 'CALL persona.run()');
$node->psql('postgres', q{SELECT persona.resume('thanks', held => 'send')});
$node->safe_psql('postgres', 'CALL persona.run()');
note("killed $kills times");
ok($kills > 0, 'killed at least once');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT decision), count(DISTINCT once_key) FROM persona_shop.decision'), '7200|7200|7200', 'each event decided once');
is($node->safe_psql('postgres', q{SELECT count(*) FROM persona_shop.message m FULL JOIN persona_shop.decision d ON d.decision = m.decision WHERE d.outcome IS DISTINCT FROM 'send' OR m.message IS NULL}), '0', 'each decision has its message');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT FROM handed GROUP BY message, attempt HAVING count(*) > 1) twice'), '0', 'no attempt handed out twice');
is($node->safe_psql('postgres', q{SELECT count(*) FROM handed h LEFT JOIN persona_shop.message m USING (message) WHERE m.attempt IS DISTINCT FROM h.attempt}), '0', 'what was handed out is known to have been');
$node->stop;
done_testing();
