# A dump carries everything: definitions, their log, consents, decisions, the
# outbox, views and triggers; and the restored database goes on from there.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('restore');
$node->init;
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
	SELECT persona.expose(1, 'thanks');
	SELECT persona.grant_consent(id, 'news', 'email', 'test') FROM customers WHERE id <= 10;
	INSERT INTO orders SELECT i, i, now() FROM generate_series(1, 15) i;
});
$node->safe_psql('shop', 'CALL persona.run()');
$node->safe_psql('shop', 'INSERT INTO orders VALUES (100, 1, now())');

# Everything that persona holds, in one text.
my $all = q{
	SELECT string_agg(x, E'\n' ORDER BY x) FROM (
		SELECT l::text AS x FROM persona.definition_log l UNION ALL SELECT s::text FROM persona.space s UNION ALL SELECT e::text FROM persona.event e
		UNION ALL SELECT c::text FROM persona.channel c UNION ALL SELECT p::text FROM persona.purpose p UNION ALL SELECT g::text FROM persona.segment g
		UNION ALL SELECT o::text FROM persona.policy o UNION ALL SELECT m::text FROM persona.moment m UNION ALL SELECT v::text FROM persona.variant v
		UNION ALL SELECT x::text FROM persona.experiment x UNION ALL SELECT x::text FROM persona_shop.exposure x
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
	$node->safe_psql('again', 'CALL persona.run()');
	is($node->safe_psql('again', 'SELECT count(*), count(DISTINCT decision) FROM persona_shop.decision'), '16|16', "the waiting event is decided, none twice, $format");
	is($node->safe_psql('again', q{SELECT count(*) FROM persona.claim('email', 100)}), '11', "the outbox is handed over, $format");
	$node->safe_psql('postgres', 'DROP DATABASE again');
}
$node->stop;
done_testing();
