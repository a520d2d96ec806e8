# Rows that arrive by logical replication fire no statement trigger: they are
# found by catch_up, or polled, once each. And a thousand purchases under
# SERIALIZABLE, while runs go on and a moment is redefined: none fails.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $shop = PostgreSQL::Test::Cluster->new('shop');
$shop->init(allows_streaming => 'logical');
$shop->start;
$shop->safe_psql('postgres', q{
	CREATE TABLE orders (id int PRIMARY KEY, customer_id int, amount int, at timestamptz);
	CREATE TABLE visits (id int PRIMARY KEY, customer_id int, at timestamptz);
	CREATE PUBLICATION everything FOR ALL TABLES;
});

my $node = PostgreSQL::Test::Cluster->new('persona');
$node->init;
$node->append_conf('postgresql.conf', 'max_logical_replication_workers = 8');
$node->start;
my $from = $shop->connstr . ' dbname=postgres';
$node->safe_psql('postgres', qq{
	CREATE EXTENSION persona;
	CREATE TABLE customers (id int PRIMARY KEY, email text);
	CREATE TABLE orders (id int PRIMARY KEY, customer_id int, amount int, at timestamptz);
	CREATE TABLE visits (id int PRIMARY KEY, customer_id int, at timestamptz);
	CREATE INDEX ON orders (at);
	CREATE INDEX ON orders (customer_id);
	CREATE INDEX ON visits (at);
	INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 50) i;
	SELECT persona.define_space('shop', 'customers');
	SELECT persona.define_event('purchase', 'orders', subject => 'customer_id');
	SELECT persona.define_event('visit', 'visits', subject => 'customer_id', fires => 'poll');
	SELECT persona.define_channel('email', 'email');
	SELECT persona.define_purpose('service', 'opt_out');
	SELECT persona.define_moment(m, on_event => e, when_rule => 'new.id % 2 = 0', purpose => 'service', channel => 'email', template => '{{ email }}', generic => 'x'),
		persona.activate(m) FROM (VALUES ('thanks', 'purchase'), ('welcome', 'visit')) v(m, e);
	CREATE SUBSCRIPTION everything CONNECTION '$from' PUBLICATION everything;
});
$node->wait_for_subscription_sync($shop, 'everything');
$node->safe_psql('postgres', 'CALL persona.run()');
$shop->safe_psql('postgres', q{
	INSERT INTO orders SELECT i, i, 100, now() FROM generate_series(1, 20) i;
	INSERT INTO visits SELECT i, i, now() FROM generate_series(21, 40) i;
});
$shop->wait_for_catchup('everything');

my $decided = q{SELECT moment, count(*), count(DISTINCT event_key), min(event_key[1]::int), max(event_key[1]::int)
	FROM persona_shop.decision GROUP BY 1 ORDER BY 1};
is($node->safe_psql('postgres', 'SELECT count(*) FROM persona_shop.inbox'), 0, 'no trigger saw what was replicated');
is($node->safe_psql('postgres', q{SELECT code, object FROM persona_shop.health WHERE code = 'event_replicated'}),
	'event_replicated|purchase', 'health says so');
$node->safe_psql('postgres', 'CALL persona.run()');
is($node->safe_psql('postgres', $decided), 'welcome|10|10|22|40', 'what is polled is there at once');
$node->safe_psql('postgres', 'SET persona.catch_up_interval = 0; CALL persona.run();');
is($node->safe_psql('postgres', $decided), "thanks|10|10|2|20\nwelcome|10|10|22|40", 'the rest is caught up with');
$node->safe_psql('postgres', 'SET persona.catch_up_interval = 0; CALL persona.run();');
is($node->safe_psql('postgres', $decided), "thanks|10|10|2|20\nwelcome|10|10|22|40", 'each of them once');
$node->safe_psql('postgres', 'DROP SUBSCRIPTION everything');

# Purchases that by themselves conflict with nobody's: what would fail here,
# would fail for what the trigger reads or writes.
my $script = $node->basedir . '/buy.sql';
append_to_file($script, q{
\set customer :client_id + 1
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT email FROM customers WHERE id = :customer;
INSERT INTO orders VALUES (nextval('order_id'), :customer, 100, now());
COMMIT;
});
$node->safe_psql('postgres', 'DELETE FROM orders; CREATE SEQUENCE order_id START 1000');
my $define = q{BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT persona.define_moment('thanks', on_event => 'purchase', when_rule => 'new.id % 2 = 0 AND new.amount > TURN', purpose => 'service', channel => 'email', template => '{{ email }}', generic => 'x'); COMMIT;};
my $pgbench = IPC::Run::start(
	[ 'pgbench', '-n', '-h', $node->host, '-p', $node->port, '-c', 8, '-t', 125, '-f', $script, 'postgres' ],
	'>', \my $out, '2>', \my $err);
for my $turn (1 .. 8)
{
	$node->safe_psql('postgres', 'CALL persona.run()');
	$node->safe_psql('postgres', $define =~ s/TURN/$turn/r);
}
$pgbench->finish;
like($out, qr{number of transactions actually processed: 1000/1000}, 'a thousand purchases under SERIALIZABLE');
unlike($err, qr{could not serialize|deadlock|error}i, 'none of them failed') or diag($err);
$node->safe_psql('postgres', 'SET persona.catch_up_interval = 0; CALL persona.run();');
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT event_key) FROM persona_shop.decision WHERE moment = 'thanks' AND event_key[1]::int >= 1000}),
	$node->safe_psql('postgres', q{SELECT count(*), count(*) FROM orders WHERE id % 2 = 0}), 'each is decided once');
$node->stop;
$shop->stop;
done_testing();
