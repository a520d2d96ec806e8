# The demo on a shop that is made up: it proves its own result, no question is
# without a case, one seed comes twice to the same decisions, id for id, and
# what is wrong would be found.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $demo = dirname(abs_path($0)) . '/../../demo';
my $node = PostgreSQL::Test::Cluster->new('demo');
$node->init;
$node->start;
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, DATA => '', SIZE => 1000);
delete $ENV{PGUSER};

# The number that stands for all decisions of a run.
sub play
{
	my ($database, $seed) = @_;
	local @ENV{qw(DATABASE SEED)} = ($database, $seed);
	my ($out, $err) = run_command(["$demo/run"]);
	my ($sum) = $out =~ /^All decisions in one number, .*: ([0-9a-f]{32})$/m;
	ok($sum, "nothing wrong was sent, $database") or diag("$out\n$err");
	return $sum;
}

# Does the demo's last step fail, with this done to the database before?
sub found
{
	my ($what, $sql) = @_;
	my $undo = 'DROP FUNCTION shop.ask, shop.last_word, shop.best_with, shop.sent_back;
		CREATE TEMP TABLE was AS SELECT d.* FROM shop.decided d ORDER BY handed_over, decision LIMIT 1; DROP TABLE shop.verdict, shop.decided;';
	my ($status, $out, $err) = $node->psql('first', "BEGIN; $undo $sql; " . slurp_file("$demo/80-verify.sql"), on_error_stop => 1);
	like($err, qr/something wrong was decided/, "found: $what");
}

my $first = play('first', 'one');
is(play('second', 'one'), $first, 'one seed, the same decisions, id for id');
isnt(play('third', 'two'), $first, 'another seed, other decisions');
is($node->safe_psql('first', "SELECT question FROM shop.verdict WHERE asked = 0 AND question NOT LIKE 'an error%'"),
	'', 'no question without a case');

my $one = '(SELECT decision FROM shop.mailbox ORDER BY decision LIMIT 1)';
found('a return before the message', "INSERT INTO shop.returned SELECT -1, stock_code, 1, started_at, subject FROM was");
found('a withdrawal before the message', "INSERT INTO persona_shop.consent SELECT subject, 99, decision, 'marketing', 'email', 'withdraw', NULL, 'test', NULL, at, at, 'test', NULL, '' FROM was");
found('a holdout who got one', "UPDATE persona_shop.decision SET outcome = 'holdout', variant = 'holdout' WHERE decision = $one");
found('a reason that is none', "UPDATE persona_shop.decision SET reason = 'cancelled' WHERE reason = 'no_consent'");
found('a control with a personal text', "UPDATE shop.mailbox SET variant = 'generic' WHERE variant = 'personal'");
found('an invoice forgotten', "DELETE FROM persona_shop.decision WHERE reason = 'cancelled'");
$node->stop;
done_testing();
