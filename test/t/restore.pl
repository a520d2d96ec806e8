# A dump carries everything: definitions, their log, consents, decisions, the
# outbox, views and triggers; and the restored database goes on from there. But
# no copy sends before it was adopted: not a restored dump, not a clone, not a
# promoted standby, not a backup brought forward; and nothing is sent twice.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('restore');
$node->init(allows_streaming => 1, has_archiving => 1);
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', q{
	CREATE EXTENSION persona;
	CREATE TABLE customers (id int PRIMARY KEY, email text);
	CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, at timestamptz);
	INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 20) i;
	SELECT persona.define_space('shop', 'customers');
	SELECT persona.define_event('purchase', 'orders');
	SELECT persona.define_channel('email', 'email');
	SELECT persona.define_purpose('news', 'consent');
	SELECT persona.define_purpose('news', 'consent', expires => '1 year');
	SELECT persona.define_segment('buyers', 'count(purchase) > 0');
	SELECT persona.define_policy(cap => 5);
	SELECT persona.define_moment('thanks', on_event => 'purchase', purpose => 'news', channel => 'email', template => 'Hi {{ email }}', generic => 'Hi');
	SELECT persona.activate('thanks');
	SELECT persona.define_experiment('banner', '{generic,b}', '{0.5,0.5}', exclusion_group => 'page', coverage => 0.4, unit => 'email');
	SELECT persona.expose(1, 'thanks'), persona.mark_test(2);
	SELECT persona.grant_consent(id, 'news', 'email', 'test') FROM customers WHERE id <= 10;
	INSERT INTO orders SELECT i, i, now() FROM generate_series(1, 15) i;
});
$node->safe_psql('shop', 'CALL persona.run()');
$node->safe_psql('shop', 'INSERT INTO orders VALUES (100, 1, now())');

# What was handed to anybody, anywhere, by any copy.
my %sent;
sub send_all
{
	my ($from, $database, $ack) = @_;
	my $claimed = $from->safe_psql($database, "SELECT message FROM persona.claim('email', 100)" . ($ack // ''));
	$sent{$_}++ for split /\n/, $claimed;
	return scalar(split /\n/, $claimed);
}

# claim() refuses, and says what to do; then somebody adopts.
sub refuses_until_adopted
{
	my ($copy, $database, $in_hand, $what) = @_;
	my ($status, $out, $err) = $copy->psql($database, "\\set VERBOSITY verbose\nSELECT persona.claim('email', 100)");
	like($err, qr/55000: the outbox of space "shop" is of another database.*HINT: .*persona[.]adopt\('who', 'why', space => 'shop'\)/s, "claim() refuses: $what");
	is($copy->safe_psql($database, "SELECT persona.adopt('Ann', '$what')"), $in_hand, "adopted: $what");
	is($copy->safe_psql($database, "SELECT body->>'who', body->>'why' FROM persona.definition_log WHERE kind = 'outbox' ORDER BY at DESC LIMIT 1"), "Ann|$what", "and kept: $what");
}

# Two messages are sent, one is in a sender's hands, when the copies are made.
$node->safe_psql('shop', q{SELECT persona.ack(array_agg(message)) FROM persona.claim('email', 2)});
my $in_hand = $node->safe_psql('shop', q{SELECT message FROM persona.claim('email', 1)});
my @gone = split /\n/, $node->safe_psql('shop', q{SELECT message FROM persona_shop.message WHERE state = 'sent'});

# Everything that persona holds, in one text.
my $all = q{
	SELECT string_agg(x, E'\n' ORDER BY x) FROM (
		SELECT l::text AS x FROM persona.definition_log l UNION ALL SELECT s::text FROM persona.space s UNION ALL SELECT e::text FROM persona.event e
		UNION ALL SELECT c::text FROM persona.channel c UNION ALL SELECT p::text FROM persona.purpose p UNION ALL SELECT g::text FROM persona.segment g
		UNION ALL SELECT o::text FROM persona.policy o UNION ALL SELECT m::text FROM persona.moment m UNION ALL SELECT v::text FROM persona.variant v UNION ALL SELECT o::text FROM persona.outbox o
		UNION ALL SELECT x::text FROM persona.experiment x UNION ALL SELECT x::text FROM persona_shop.exposure x UNION ALL SELECT x::text FROM persona_shop.test_subject x
		UNION ALL SELECT d::text FROM persona_shop.decision d UNION ALL SELECT m::text FROM persona_shop.message m
		UNION ALL SELECT c::text FROM persona_shop.consent c UNION ALL SELECT i::text FROM persona_shop.inbox i
		UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'orders'::regclass
		UNION ALL SELECT subject::text FROM persona_shop.segment_buyers) a};
# The lines that only one of two texts has.
sub differences
{
	my ($one, $other) = map { { map { $_ => 1 } split /\n/, $_ } } @_;
	return ((grep { !$other->{$_} } sort keys %$one), (grep { !$one->{$_} } sort keys %$other));
}

my $before = $node->safe_psql('shop', $all);
my $fingerprint = $node->safe_psql('shop', 'SELECT persona.fingerprint()');
like($before, qr/persona_shop_purchase/, 'the trigger is there before');

my $dump = $node->basedir . '/shop.sql';
for my $format ('plain', 'custom')
{
	$node->command_ok([ 'pg_dump', "--format=$format", '-f', $dump, $node->connstr('shop') ], "dump, $format");
	$node->safe_psql('postgres', 'CREATE DATABASE again');
	my @restore = $format eq 'plain' ? ('psql', '-X', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('again'))
	  : ('pg_restore', '--exit-on-error', '-j', '2', '-d', $node->connstr('again'), $dump);
	$node->command_ok(\@restore, "restore, $format");
	is_deeply([ differences($before, $node->safe_psql('again', $all)) ], [], "nothing lost, nothing added, $format");
	is($node->safe_psql('again', 'SELECT persona.fingerprint()'), $fingerprint, "the same fingerprint, $format");
	$node->safe_psql('again', 'CALL persona.run()');
	is($node->safe_psql('again', 'SELECT count(*), count(DISTINCT decision) FROM persona_shop.decision'), '16|16', "the waiting event is decided, none twice, $format");
	refuses_until_adopted($node, 'again', 1, "restored, $format");
	%sent = ();
	is(send_all($node, 'again'), 8, "what was ready is handed over, $format");
	is($node->safe_psql('again', q{SELECT count(*) FROM persona_shop.message WHERE state = 'unconfirmed'}), '1', "what was in a sender's hands is not, $format");
	ok(!(grep { $sent{$_} } @gone, $in_hand), "nothing that was sent, $format");
	$node->safe_psql('postgres', 'DROP DATABASE again');
}

# A clone within the server.
$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE shop');
refuses_until_adopted($node, 'again', 1, 'cloned');
$node->safe_psql('postgres', 'DROP DATABASE again');
$node->safe_psql('postgres', 'ALTER DATABASE shop RENAME TO renamed');
is($node->safe_psql('renamed', q{SELECT count(*) FROM persona.claim('email', 1)}), '1', 'a database with another name is the same');
$node->safe_psql('postgres', 'ALTER DATABASE renamed RENAME TO shop');

# A standby answers and hands nothing over. A backup is brought forward twice.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($node, 'base', has_restoring => 1, standby => 0);
$node->safe_psql('shop', 'CALL persona.run()');
$node->wait_for_catchup($standby);
is($standby->safe_psql('shop', q{SELECT persona.may_contact(1, 'news', 'email'), persona.may_contact(15, 'news', 'email'), persona.bucket(1, 'x') < 1, persona.render('{{ a }}', '{"a": 1}')}), 't|f|t|1', 'a standby answers');
is($standby->safe_psql('shop', q{SELECT persona.still_ok(message) FROM persona_shop.message WHERE state = 'claimed' LIMIT 1}), 't', 'also whether a message may still go');
for my $call (q{SELECT persona.claim('email', 1)}, 'CALL persona.run()')
{
	my ($status, $out, $err) = $standby->psql('shop', "\\set VERBOSITY verbose\n$call");
	like($err, qr/25006: .*HINT: /s, "and refuses: $call");
}
my ($status, $out, $err) = $node->psql('shop', "BEGIN READ ONLY; SELECT persona.claim('email', 1)");
like($err, qr/claim\(\) cannot write in a read-only transaction/, 'nor in a read-only transaction');

# The original goes on sending, to its end; then the standby takes over. A
# sender who was at work says so to the new primary, before and after.
%sent = map { $_ => 1 } @gone;
my ($first, $second) = split /\n/, $node->safe_psql('shop', q{SELECT message FROM persona_shop.message WHERE state = 'claimed' ORDER BY message});
is(send_all($node, 'shop'), 7, 'the original sends the rest, but for what is claimed');
$node->safe_psql('shop', q{SELECT persona.ack(ARRAY(SELECT message FROM persona_shop.message WHERE state = 'claimed' AND message NOT IN ('} . "$first', '$second')))");
$node->wait_for_catchup($standby);
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
$node->stop;
$standby->promote;
is($standby->safe_psql('shop', "SELECT persona.ack(ARRAY['$first']::uuid[])"), '1', 'an acknowledgement counts before the adoption');
refuses_until_adopted($standby, 'shop', 1, 'failover');
is($standby->safe_psql('shop', "SELECT persona.ack(ARRAY['$second']::uuid[])"), '1', 'and after it');
$standby->safe_psql('shop', 'INSERT INTO orders VALUES (101, 2, now())');
$standby->safe_psql('shop', 'CALL persona.run()');
is(send_all($standby, 'shop'), 1, 'the new primary goes on');
is((grep { $_ > 1 } values %sent), 0, 'nothing was sent twice');
is($standby->safe_psql('shop', q{SELECT count(*) FROM persona_shop.message WHERE state NOT IN ('sent', 'claimed')}), '0', 'nothing was lost');
$standby->stop;

# The backup, brought forward along the old primary's timeline to its end.
$restored->append_conf('postgresql.conf', "recovery_target_timeline = 1\n");
$restored->start;
$restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'recovery does not end';
refuses_until_adopted($restored, 'shop', 2, 'recovered from the archive');
$restored->stop;
done_testing();
