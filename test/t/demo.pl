# The demo on a shop that is made up: it proves its own result, no question is
# without a case, one seed comes twice to the same decisions, id for id, and
# what is wrong would be found; and the audit told the creepy text from the others.
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
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, DATA => '', SIZE => 700);
delete $ENV{PGUSER};

# The number that stands for all decisions of a run.
sub play
{
	my ($database, $seed) = @_;
	local @ENV{qw(DATABASE SEED)} = ($database, $seed);
	my ($out, $err) = run_command(["$demo/run"]);
	my ($sum) = $out =~ /^All decisions in one number, .*: ([0-9a-f]{32})$/m;
	ok($sum, "nothing wrong was sent, $database") or diag("$out\n$err");
	like($out, qr/^moment "creepy" cannot be live.*^thanks: live\nwin_back: live\nbanner: live$/ms, 'the audit lets through what may go, and nothing else');
	return $sum;
}

# Does the demo's last step fail, with this done to the database before?
sub found
{
	my ($what, $sql) = @_;
	my $undo = "CREATE TEMP TABLE was AS SELECT * FROM shop.decided WHERE moment = 'thanks' ORDER BY handed_over, decision LIMIT 1;
		DROP TABLE shop.verdict, shop.decided, shop.look, shop.lapsed;
		DROP FUNCTION shop.ask, shop.last_word, shop.best_with, shop.sent_back, shop.has_lapsed, shop.last_bought";
	my ($status, $out, $err) = $node->psql('first', "BEGIN; $undo; $sql; " . slurp_file("$demo/80-verify.sql"), on_error_stop => 1);
	like($err, qr/something wrong was decided/, "found: $what");
}

my $first = play('first', 'one');
is(play('second', 'one'), $first, 'one seed, the same decisions, id for id');
isnt(play('third', 'two'), $first, 'another seed, other decisions');
is($node->safe_psql('first', "SELECT question FROM shop.verdict WHERE asked = 0 AND question NOT LIKE 'an error%'"),
	'', 'no question without a case');

my $one = '(SELECT decision FROM shop.mailbox ORDER BY decision LIMIT 1)';
my $banner = '(visit, load) = (SELECT visit, load FROM shop.banner WHERE variant = \'personal\' ORDER BY visit LIMIT 1)';
found('a return before the message', "INSERT INTO shop.returned SELECT -1, stock_code, 1, started_at, subject FROM was");
found('a withdrawal before the message', "INSERT INTO persona_shop.consent SELECT subject, 99, decision, 'marketing', 'email', 'withdraw', NULL, 'test', NULL, at, at, 'test', NULL, '' FROM was");
found('a holdout who got one', "UPDATE persona_shop.decision SET outcome = 'holdout', variant = 'holdout' WHERE decision = $one");
found('a reason that is none', "UPDATE persona_shop.decision SET reason = 'cancelled' WHERE reason = 'no_consent'");
found('a control with a personal text', "UPDATE shop.mailbox SET variant = 'generic' WHERE variant = 'personal'");
found('an invoice forgotten', "DELETE FROM persona_shop.decision WHERE reason = 'cancelled'");
found('a message without its link', "UPDATE shop.mailbox SET body = split_part(body, E'\n', 1) WHERE decision = $one");
found('the link of somebody else', "UPDATE shop.mailbox SET body = split_part(body, E'\n', 1) || E'\n' || (SELECT split_part(body, E'\n', 2) FROM shop.mailbox WHERE decision = $one)");
found('won back though not lapsed', "INSERT INTO shop.orders SELECT -1, '', '', '', '', 1, 1, at - interval '1 day', subject FROM persona_shop.decision WHERE moment = 'win_back' AND outcome = 'send' LIMIT 1");
found('a customer who lapsed and was forgotten', "DELETE FROM persona_shop.decision WHERE moment = 'win_back' AND reason = 'no_consent'");
found('the same words for all who lapsed', "UPDATE shop.mailbox SET variant = 'section' WHERE decision IN (SELECT decision FROM persona_shop.decision WHERE moment = 'win_back' AND variant = 'personal')");
found('the banner of somebody else', "UPDATE shop.banner SET body = 'Welcome back, Zoe! This way to paper.' WHERE $banner");
found('a visit that got no answer', "DELETE FROM shop.banner WHERE $banner");
found('a banner that was never decided', "DELETE FROM persona_shop.decision WHERE decision = (SELECT decision FROM shop.banner WHERE $banner)");
found('a banner for who objected', "INSERT INTO persona_shop.consent SELECT customer_id, 99, decision, 'website', 'web', 'withdraw', NULL, 'test', NULL, '2011-01-01', '2011-01-01', 'test', NULL, '' FROM shop.banner WHERE $banner");
$node->stop;
done_testing();
