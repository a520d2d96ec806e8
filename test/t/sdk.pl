# A web page with GrowthBook's own SDK shows what the database decides: the
# package of the npm registry is given the payload, and a thousand users, some
# of them with names beyond ASCII, see what variant() says.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $here = dirname(abs_path($0)) . '/../sdk';
my $packages = PostgreSQL::Test::Utils::tempdir;
my @install = ('npm', 'install', '--prefix', $packages, '--cache', "$packages/cache", '--ignore-scripts', '--fetch-retries=0', '--no-audit', '--no-fund', '@growthbook/growthbook@1.8.0');
my $log = '';
plan skip_all => 'GrowthBook\'s SDK needs node, npm and its registry, so the payload was not compared'
  unless eval { IPC::Run::run(\@install, '<', \undef, '>&', \$log, IPC::Run::timeout(120)) };

my $node = PostgreSQL::Test::Cluster->new('sdk');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION persona;
	CREATE TABLE visitors (id text PRIMARY KEY, account text);
	INSERT INTO visitors SELECT CASE i % 4 WHEN 0 THEN i::text WHEN 1 THEN 'Zoë ' || i WHEN 2 THEN gen_random_uuid()::text ELSE '日本🗻' || i END, 'größe-' || i % 70 FROM generate_series(1, 1000) i;
	SELECT persona.define_space('web', 'visitors');
	SELECT persona.define_policy(holdout => 0.1);
	SELECT persona.define_experiment('halves', '{generic,b}', '{0.5,0.5}', scheme => 'growthbook2');
	SELECT persona.define_experiment('three', '{generic,b,c}', '{0.7,0.2,0.1}', coverage => 0.6, scheme => 'growthbook2');
	SELECT persona.define_experiment('old', '{generic,b,c}', '{0.34,0.33,0.33}', coverage => 0.9, scheme => 'growthbook1');
	SELECT persona.define_experiment('account', '{generic,b}', '{0.9,0.1}', scheme => 'growthbook2', unit => 'account');
	SELECT persona.define_experiment('first', '{generic,b}', '{0.5,0.5}', exclusion_group => 'page', coverage => 0.2, scheme => 'growthbook2');
	SELECT persona.define_experiment('second', '{generic,b}', '{0.5,0.5}', exclusion_group => 'page', coverage => 0.5, scheme => 'growthbook1');
	SELECT persona.define_experiment('first', '{generic,b}', '{0.5,0.5}', exclusion_group => 'page', coverage => 0.4, scheme => 'growthbook2');
	SELECT persona.define_experiment('ours', '{generic,b}', '{0.5,0.5}');
});
my $asked = $node->safe_psql('postgres', q{
	SELECT jsonb_build_object('payload', persona.sdk_payload(), 'users', (SELECT jsonb_agg(jsonb_build_object('id', id, 'account', account,
		'holdout', persona.variant(id, 'halves') IS NOT DISTINCT FROM 'holdout')) FROM visitors))});
# Nobody held out is in a test on the page, whatever variant() calls it.
my $expected = $node->safe_psql('postgres', q{
	COPY (SELECT id, e.experiment, coalesce(nullif(persona.variant(id, e.experiment), 'holdout'), '') FROM visitors, persona.experiment e
		WHERE e.scheme LIKE 'growthbook_') TO STDOUT});

my ($shown, $errors);
local $ENV{NODE_PATH} = "$packages/node_modules";
ok(IPC::Run::run([ 'node', "$here/growthbook.js" ], '<', \$asked, '>', \$shown, '2>', \$errors), 'the SDK takes the payload') or diag($errors);
my @expected = sort split /\n/, $expected;
my @shown = sort split /\n/, $shown;
is(scalar @expected, 6000, 'a thousand users, six experiments');
is_deeply(\@shown, \@expected, 'each sees what the database decides');
my %seen;
$seen{ (split /\t/, $_, -1)[1] . ':' . (split /\t/, $_, -1)[2] }++ foreach @expected;
is(join(' ', map { ($seen{"$_:generic"} && $seen{"$_:b"}) ? () : $_ } qw(halves three old account first second)), '', 'in each, both sides are seen');
$node->stop;
done_testing();
