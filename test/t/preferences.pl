# The preference page of the demo, over HTTP and in a browser: open the link,
# untick, save, and the next claim sends nothing. Skipped where Debian's
# python3-psycopg2 is not installed; the browser where chromium-driver is not.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($python) = grep { -x $_ && system("$_ -c 'import psycopg2' 2>/dev/null") == 0 } qw(/usr/bin/python3 /usr/local/bin/python3);
plan skip_all => 'skipped: no python3 with psycopg2 (package python3-psycopg2), so the preference page was not tried' unless $python;
my ($driver) = grep { -x $_ } qw(/usr/bin/chromedriver /usr/lib/chromium/chromedriver);

my $node = PostgreSQL::Test::Cluster->new('preferences');
$node->init;
$node->start;
my $sql = sub { return $node->safe_psql('postgres', join("\n", "SET client_min_messages = error;", @_)) };
$sql->(q{
	CREATE EXTENSION persona;
	CREATE TABLE customer (id int PRIMARY KEY, email text);
	CREATE TABLE bought (id int PRIMARY KEY, customer_id int REFERENCES customer, at timestamptz);
	INSERT INTO customer SELECT i, 'c' || i || '@example.org' FROM generate_series(1, 9) i;
	SELECT persona.define_space('shop', 'customer'), persona.define_event('purchase', 'bought');
	SELECT persona.define_channel('email', 'email');
	SELECT persona.define_purpose('service', 'opt_out', label => 'Tips <b>& tricks</b>', description => 'About what you bought');
	SELECT persona.define_purpose('service.offers', 'opt_out', label => 'Offers');
	SELECT persona.define_purpose('receipt', 'contract');
	SELECT persona.define_attribute('email', 'user.contact.email', 'declared');
	SELECT persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email', template => 'Hi {{ email }}', generic => 'Hi');
	SELECT persona.activate('thanks');
	CREATE ROLE web LOGIN;
	GRANT EXECUTE ON FUNCTION persona.preferences(text), persona.apply_preferences(text, jsonb) TO web;
});
my $link = sub { return $sql->("SELECT persona.preference_token($_[0], 'email')") };
my $order = 0;
my $buys = sub { $order++; $sql->("INSERT INTO bought VALUES ($order, $_[0], now());"); $node->safe_psql('postgres', 'CALL persona.run()') };
my $sent = sub { return $sql->("SELECT count(*) FROM persona.claim('email', 100)") };
my $allowed = sub { return $sql->("SELECT persona.may_contact($_[0], '$_[1]', 'email')") };

# ---- the server ----

my ($out, $err) = ('', '');
my $page = do {
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => 'web', PGDATABASE => 'postgres');
	IPC::Run::start([ $python, dirname(abs_path($0)) . '/../../demo/preferences.py', '0' ], \undef, \$out, \$err);
};
$page->pump until $out =~ /\n/ || !$page->pumpable;
my ($base) = $out =~ m{(http://127\.0\.0\.1:\d+/preferences/)} or BAIL_OUT("the page does not start: $err");
my $http = HTTP::Tiny->new(timeout => 30);

# ---- over HTTP ----

my $one = $link->(1);
my $shown = $http->get($base . $one);
is($shown->{status}, 200, 'the link opens');
is(() = $shown->{content} =~ /checked/g, 3, 'two purposes and a category are ticked; a contract is no choice');
like($shown->{content}, qr/Tips &lt;b&gt;&amp; tricks/, 'labels are escaped');
is($shown->{headers}{'referrer-policy'} . $shown->{headers}{'cache-control'}, 'no-referrerno-store', 'the address is told to nobody');
$http->get($base . $one), $http->head($base . $one) for 1 .. 3;
is($sql->('SELECT count(*) FROM persona_shop.consent'), 0, 'reading changes nothing');

my @wrong = ('', 'x', substr($one, 0, -1), $one . 'A', scalar reverse($one), '../' . $one, $one . '%00', "$one'--");
my %said = map { my $r = $http->get($base . $_); ("$r->{status} $r->{content}" => 1) } @wrong;
is(join('|', map { substr($_, 0, 3) } keys %said), '404', 'whatever is wrong with a link, it is one answer');
is($http->post_form($base . $_, { everything => 'off' })->{status}, 404, 'and writes nothing') for @wrong[1 .. 3];
is($http->request('POST', $base . $one, { content => 'x' x 70000 })->{status}, 413, 'what is no form is refused');
is($sql->('SELECT count(*) FROM persona_shop.consent'), 0, 'nothing was recorded by any of it');

$buys->(2);
my $click = $http->post_form($base . $link->(2), { 'List-Unsubscribe' => 'One-Click' });
is($click->{status}, 200, 'one click, without cookies or questions (RFC 8058)');
is($sent->(), 0, 'ends what waited to be sent');
is($sql->("SELECT decision || ' ' || coalesce(purpose, 'everything') || ' ' || channel || ' ' || source || ' ' || recorded_by FROM persona.consent_history(2)"),
	'withdraw everything email preference page web', 'and is in the ledger');
is($http->post_form($base . $link->(2), { 'List-Unsubscribe' => 'One-Click' })->{status}, 200, 'twice does no harm');
is($sql->('SELECT count(*) FROM persona.consent_history(2)'), 1, 'and says it once');
$http->post_form($base . $link->(3), { purpose => 'service.offers', category => 'user.contact.email' });
is($allowed->(3, 'service') . $allowed->(3, 'service.offers'), 'ft', 'what is not ticked is a no, what is stays');
unlike($err, qr/\Q$one\E/, 'no token in the log');

# ---- in a browser ----

SKIP:
{
	skip 'skipped: no chromedriver (package chromium-driver), so the page was not tried in a browser', 1 unless $driver;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $log = '';
	my $chrome = IPC::Run::start([ $driver, "--port=$port" ], \undef, '>', \$log, '2>', \$log);
	$chrome->pump until $log =~ /started successfully/ || !$chrome->pumpable;
	my $session = '';
	# One command of the WebDriver protocol.
	my $do = sub {
		my ($method, $path, $body) = @_;
		my $reply = $http->request($method, "http://127.0.0.1:$port/session$session$path",
			{ headers => { 'Content-Type' => 'application/json' }, $method eq 'POST' ? (content => encode_json($body // {})) : () });
		die "$method $path: $reply->{content}" unless $reply->{success};
		return decode_json($reply->{content})->{value};
	};
	my $element = sub { return '/element/' . (values %{ $do->('POST', '/element', { using => 'css selector', value => $_[0] }) })[0] };
	my $click = sub { $do->('POST', $element->($_[0]) . '/click') };
	# Saves, and waits for the page that comes of it: it looks like the one before,
	# which may have been saved as well, and is another document.
	my $save = sub {
		my $before = $element->('html');
		$click->($_[0]);
		for (1 .. 200)
		{
			my $now = eval { $element->('html') } // $before;
			last if $now ne $before;
			select(undef, undef, undef, 0.05);
		}
	};
	my $ticked = sub { return $do->('GET', $element->($_[0]) . '/selected') ? 1 : 0 };
	my $profile = PostgreSQL::Test::Utils::tempdir();
	$session = '/' . $do->('POST', '', { capabilities => { alwaysMatch => { 'goog:chromeOptions' => {
		args => [ '--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', "--user-data-dir=$profile" ] } } } })->{sessionId};

	$buys->(4);
	$do->('POST', '/url', { url => $base . $link->(4) });
	ok($ticked->('input[value="service"]') && $ticked->('input[value="service.offers"]'), 'the browser shows what stands');
	$click->('input[value="service"]');
	$save->('button');
	is($do->('GET', $element->('#saved') . '/text'), 'Saved.', 'untick, save');
	ok(!$ticked->('input[value="service"]') && $ticked->('input[value="service.offers"]'), 'and the page shows what stands now');
	is($sent->(), 0, 'the next claim sends nothing');
	is($sql->('SELECT state || reason FROM persona_shop.message WHERE subject = 4'), 'cancelledwithdrawn', 'because it was withdrawn');
	$click->('input[value="service"]');
	$save->('button');
	$do->('GET', $element->('#saved') . '/text');
	$buys->(4);
	is($sent->(), 1, 'ticked again, the next one goes');
	$save->('input[name="everything"] + p button');
	$do->('GET', $element->('#saved') . '/text');
	is($allowed->(4, 'service') . $allowed->(4, 'service.offers') . $allowed->(4, 'receipt'), 'fft', 'and one button stops everything but the contract');
	$do->('DELETE', '');
	$chrome->kill_kill;
}
$page->kill_kill;
$node->stop;
done_testing();
