# The demo on a made-up shop: it proves its own result, and twice it comes to
# the same decisions, id for id.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('demo');
$node->init;
$node->append_conf('postgresql.conf', slurp_file($ENV{TEMP_CONFIG}));
$node->start;
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => '', MADE_UP => 1, SIZE => 400);
delete $ENV{PGUSER};
my @seen;
for my $database ('first', 'second')
{
	local $ENV{DATABASE} = $database;
	my ($out, $err) = run_command([ dirname(abs_path($0)) . '/../../demo/run' ]);
	my ($sum) = $out =~ /in one number: ([0-9a-f]{32})/;
	ok($sum, "nothing wrong was sent, $database") or diag("$out\n$err");
	push @seen, $sum;
	is($node->safe_psql($database, 'SELECT count(*) FROM shop.verdict WHERE asked = 0 AND question NOT LIKE \'"expired"%\''), '0', "no question without a case, $database");
}
is($seen[0], $seen[1], 'the same decisions, id for id');
$node->stop;
done_testing();
