# Killed at any moment nothing committed is lost, nothing is decided twice and
# no attempt is handed out twice. A shop's orders are replayed twice, with two
# runners and two senders at work: once undisturbed; once with a kill -9 at ten
# points, drawn from a seed, of a runner, a sender, the shop itself or the
# postmaster. In the end both have decided the same, id for id, and sent it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $seed = $ENV{SEED} // 8058;
my ($orders, $batch) = (2000, 20);
srand($seed);
my @victims = qw(runner sender shop postmaster);
my @points = sort { $a <=> $b } map { int(rand($orders * 0.9)) } 1 .. 10;
note("seed $seed: killed after " . join(', ', @points) . ' decisions');

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf('postgresql.conf', "fsync = on\nrestart_after_crash = on\n");
$node->start;

# The same shop twice. Some said no, and some are held out. It has so many
# customers that all orders at once are no reason to hold the moment.
for my $database ('calm', 'storm')
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, qq{
		CREATE EXTENSION persona;
		CREATE TABLE customers (id int PRIMARY KEY, email text);
		CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, at timestamptz);
		CREATE INDEX ON orders (customer_id, at);
		CREATE TABLE mailbox (message uuid, attempt int);
		INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 40000) i;
		SELECT persona.define_space('shop', 'customers');
		SELECT persona.define_event('purchase', 'orders');
		SELECT persona.define_channel('email', 'email');
		SELECT persona.define_purpose('service', 'opt_out');
		SELECT persona.define_policy(holdout => 0.1);
		SELECT persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'Hi {{ email }}', generic => 'Hi');
		SELECT persona.activate('thanks');
		SELECT persona.withdraw_consent(i, 'service', 'email', 'test') FROM generate_series(1, 1000, 7) i;
	});
}

# What each of them does, for ever. A sender commits after each step: what the
# mailbox has was sent, whatever is known of it.
my %work = (
	shop => qq{DO \$\$ BEGIN FOR i IN 1 .. $orders LOOP
		CONTINUE WHEN EXISTS (SELECT FROM orders WHERE id = i);
		INSERT INTO orders VALUES (i, 1 + i % 1000, now()); COMMIT; PERFORM pg_sleep(0.002); END LOOP; PERFORM pg_sleep(3600); END \$\$},
	runner => 'DO $$ BEGIN LOOP CALL persona.run(); PERFORM pg_sleep(0.01); END LOOP; END $$',
	sender => qq{DO \$\$ DECLARE batch uuid[]; tries int[]; BEGIN LOOP
		SELECT array_agg(message), array_agg(attempt) INTO batch, tries FROM persona.claim('email', $batch, lease => '5 seconds'); COMMIT;
		INSERT INTO mailbox SELECT * FROM unnest(batch, tries); COMMIT;
		PERFORM persona.ack(batch, attempts => tries); COMMIT;
		PERFORM pg_sleep(0.01); END LOOP; END \$\$});
my @children;

sub wait_until
{
	my ($database, $sql) = @_;
	for (1 .. 6000)
	{
		return if $node->safe_psql($database, "SELECT ($sql)") eq 't';
		usleep(20_000);
	}
	die "never true in $database: $sql";
}

sub start_all
{
	my ($database) = @_;
	for my $who (qw(shop runner runner sender sender))
	{
		local @ENV{qw(PGAPPNAME PGOPTIONS)} = ($who, '-c client_min_messages=error');
		push @children, IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr($database), '-c', $work{$who} ], '>', \my $out, '2>', \my $err);
	}
	wait_until($database, "SELECT count(*) = 5 FROM pg_stat_activity WHERE application_name IN ('shop', 'runner', 'sender')");
}

# Kills one, which takes all down, and waits until the server is back.
sub crash
{
	my ($victim) = @_;
	my $postmaster = $node->{_pid};
	if ($victim eq 'postmaster')
	{
		$node->kill9;
		usleep(10_000) while kill(0, $postmaster);
	}
	else
	{
		my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = '$victim' LIMIT 1");
		kill('KILL', $pid) == 1 or die "there is no $victim";
	}
	$_->finish for splice @children;
	if ($victim eq 'postmaster')
	{
		# Its orphans hold the shared memory until they notice.
		for (1 .. 100) { last if $node->start(fail_ok => 1); usleep(100_000); }
	}
	# Not by psql: one that cannot connect does not read what it is told, which
	# ends a test by SIGPIPE's error.
	my @is_ready = ('pg_isready', '-q', '-h', $node->host, '-p', $node->port);
	for (1 .. 1800) { return if system(@is_ready) == 0; usleep(100_000); }
	die 'the server did not come back';
}

my $done = "(SELECT count(*) FROM orders) = $orders AND (SELECT count(*) FROM persona_shop.decision) = $orders
	AND NOT EXISTS (SELECT FROM persona_shop.message WHERE state <> 'sent')";
sub finish
{
	my ($database) = @_;
	wait_until($database, $done);
	$node->safe_psql($database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN ('runner', 'sender', 'shop')");
	$_->finish for splice @children;
}

start_all('calm');
finish('calm');
my (%killed, $kills);
for my $point (@points)
{
	start_all('storm');
	wait_until('storm', "(SELECT count(*) FROM persona_shop.decision) >= $point");
	my $victim = $victims[ rand @victims ];
	crash($victim);
	$killed{$victim}++;
	$kills++;
}
note('killed: ' . join(', ', map { "$_ $killed{$_} times" } sort keys %killed));
is($kills, 10, 'killed ten times');
start_all('storm');
finish('storm');

# Totals, and all decisions, in a few lines.
my $totals = q{
	SELECT 'decisions', outcome, reason, variant, count(*) FROM persona_shop.decision GROUP BY 2, 3, 4
	UNION ALL SELECT 'all decisions', md5(string_agg(concat_ws('|', decision, subject, outcome, reason, variant, fallback, once_key), ',' ORDER BY decision)), '', '', count(*) FROM persona_shop.decision
	UNION ALL SELECT 'messages', state, md5(string_agg(message::text || variant, ',' ORDER BY message)), '', count(*) FROM persona_shop.message GROUP BY 2
	UNION ALL SELECT 'exposures', variant, '', '', count(*) FROM persona_shop.exposure GROUP BY 2
	UNION ALL SELECT 'counted', reason, '', '', sum(n) FROM persona_shop.moment_day GROUP BY 2
	UNION ALL SELECT 'sent', '', '', '', count(DISTINCT message) FROM mailbox
	UNION ALL SELECT 'incidents', '', '', '', count(*) FROM persona_shop.incident
	ORDER BY 1, 2, 3, 4};
my $calm = $node->safe_psql('calm', $totals);
note($calm);
like($calm, qr/^decisions\|skip\|withdrawn\|/m, 'the replay has some of each: withdrawn');
like($calm, qr/^decisions\|holdout\|/m, '... held out');
is($node->safe_psql('storm', $totals), $calm, 'after ten crashes the totals are those of an undisturbed replay');
is($node->safe_psql('storm', "SELECT count(*), count(DISTINCT decision), count(DISTINCT once_key) FROM persona_shop.decision"), "$orders|$orders|$orders", 'each order decided once');
is($node->safe_psql('storm', 'SELECT count(*) FROM (SELECT FROM mailbox GROUP BY message, attempt HAVING count(*) > 1) twice'), '0', 'no attempt handed out twice');
is($node->safe_psql('storm', 'SELECT count(*) FROM persona_shop.message m WHERE NOT EXISTS (SELECT FROM mailbox b WHERE b.message = m.message)'), '0', 'no message lost');
is($node->safe_psql('storm', 'SELECT count(*) FROM mailbox b LEFT JOIN persona_shop.message m USING (message) WHERE b.attempt <= m.attempt IS NOT TRUE'), '0', 'what was handed out is known to have been');
my ($again) = $node->safe_psql('storm', 'SELECT count(*) - count(DISTINCT message) FROM mailbox');
note("sent again, as their lease was lost: $again");
cmp_ok($again, '<=', 10 * 2 * $batch, 'sent again: at most what the senders had in their hands');
is($node->safe_psql('calm', 'SELECT count(*) - count(DISTINCT message) FROM mailbox'), '0', 'and nothing without a crash');
$node->stop;
done_testing();
