# demo/sender against a mail server with moods: each message is in the spool
# once, but for those that a killed sender had in its hands; these carry the
# Message-ID they had. A bounce ends in a suppression, a full mailbox is tried
# again, and one click unsubscribes.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use MIME::QuotedPrint;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $here = dirname(abs_path($0));
my $python = '/usr/bin/python3';
if (system("$python -c 'import aiosmtpd, psycopg2' 2>/dev/null") != 0)
{
	plan skip_all => 'python3-aiosmtpd and python3-psycopg2 are not here: no mail was delivered';
}

my $node = PostgreSQL::Test::Cluster->new('sender');
$node->init;
$node->start;
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $spool = PostgreSQL::Test::Utils::tempdir();
my @running;
END { my $status = $?; kill('KILL', @running) if @running; $? = $status; }

# A child of ours; it is gone when the test is, however that ends.
sub spawn
{
	my @command = @_;
	my $pid = fork() // die "fork: $!";
	exec(@command) or die "$command[0]: $!" if $pid == 0;
	push @running, $pid;
	return $pid;
}

sub send_mail
{
	return spawn("$here/../../demo/sender", '--smtp', "127.0.0.1:$port", '--from', 'The shop <hello@shop.example>', '--batch', '10', '--lease', '4 seconds', @_);
}

sub wait_for
{
	my ($what, $true) = @_;
	for (1 .. 1200) { return pass($what) if $true->(); usleep(50_000); }
	return fail("$what: not within a minute");
}

# The mails in the spool, a list of them for each Message-ID.
sub mails
{
	my %mails;
	for my $file (glob("$spool/mail/new/*"))
	{
		my ($head, $body) = split /\n\n/, slurp_file($file), 2;
		$head =~ s/\n[ \t]+/ /g;
		my %mail = (body => $body, map { /^([\w-]+): (.*)$/ ? (lc $1 => $2) : () } split /\n/, $head);
		push @{ $mails{ $mail{'message-id'} } }, \%mail;
	}
	return \%mails;
}

$node->safe_psql('postgres', q{
	CREATE EXTENSION persona;
	CREATE TABLE customers (id int PRIMARY KEY, name text, email text);
	CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, at timestamptz);
	CREATE INDEX ON orders (customer_id, at);
	INSERT INTO customers SELECT i, 'Zoë ' || i, CASE i WHEN 7 THEN 'nobody@mail.example' WHEN 21 THEN 'full@mail.example' WHEN 35 THEN 'stuck@mail.example'
		WHEN 42 THEN E'x@mail.example\nBcc: all@mail.example' ELSE 'c' || i || '@mail.example' END FROM generate_series(1, 60) i;
	SELECT persona.define_space('shop', 'customers');
	SELECT persona.define_event('purchase', 'orders');
	SELECT persona.define_channel('email', 'email', link => 'https://shop.example/persona');
	SELECT persona.define_purpose('service', 'opt_out');
	SELECT persona.define_moment('thanks', on_event => 'purchase', purpose => 'service', channel => 'email',
		subject_line => 'Danke, {{ name }}', template => 'Hallo {{ name }}, {{ unsubscribe_url }}', generic => 'Grüß Gott, {{ unsubscribe_url }}');
	SELECT persona.activate('thanks');
	INSERT INTO orders SELECT i, i, now() FROM generate_series(1, 60) i;
	CALL persona.run()});

# Nobody answers yet: nothing is claimed.
my $sender = send_mail();
usleep(1_500_000);
is($node->safe_psql('postgres', q{SELECT count(*) FROM persona_shop.message WHERE state <> 'ready'}), '0', 'without a mail server nothing is claimed');
spawn($python, "$here/../mailhost.py", $port, $spool);

# The server has accepted a message, its sender does not know, and is killed.
wait_for('a sender is stuck', sub { -e "$spool/stuck\@mail.example" });
my %lease = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', q{SELECT format('<%s@shop.example>', message) FROM persona_shop.message WHERE state = 'claimed'});
kill('KILL', $sender);
waitpid($sender, 0);
cmp_ok(scalar(keys %lease), '>', 0, 'it had messages in its hands');

# Another one goes on, and gets those when the lease is over.
$sender = send_mail();
wait_for('all are settled but the full mailbox', sub { $node->safe_psql('postgres', q{SELECT count(*) FROM persona_shop.message WHERE done_at IS NULL}) eq '1' });
$node->safe_psql('postgres', q{UPDATE persona_shop.message SET ready_at = now() WHERE state = 'ready'});
wait_for('which is tried again', sub { $node->safe_psql('postgres', q{SELECT count(*) FROM persona_shop.message WHERE done_at IS NULL}) eq '0' });

my $mails = mails();
is(scalar(keys %$mails), 58, 'all but two are in the spool: nobody, and what is no address');
is(join(' ', grep { @{ $mails->{$_} } > 1 && !$lease{$_} } keys %$mails), '', 'each once, but for the killed lease');
my ($stuck) = grep { $mails->{$_}[0]{to} eq 'stuck@mail.example' } keys %$mails;
is(scalar(@{ $mails->{$stuck} }), 2, 'the one that the killed sender had delivered came twice, with one Message-ID');
cmp_ok((grep { @{ $mails->{$_} } > 2 } keys %$mails), '==', 0, 'none came more often');
is(join(' ', sort { $a <=> $b } map { $_->{to} =~ /^c(\d+)@/ ? $1 : () } map { $_->[0] } values %$mails), join(' ', grep { !/^(7|21|35|42)$/ } 1 .. 60), 'each to its customer');
is($node->safe_psql('postgres', q{SELECT string_agg(format('%s %s %s', subject, state, reason), ', ' ORDER BY subject) FROM persona_shop.message WHERE state <> 'sent'}), '7 dead 550, 42 dead no address', 'the others are dead');
is($node->safe_psql('postgres', q{SELECT state, attempt FROM persona_shop.message WHERE subject = 21}), 'sent|2', 'the full mailbox took it the second time');

# What a mail looks like.
my ($mail) = map { $_->[0] } grep { $_->[0]{to} eq 'c1@mail.example' } values %$mails;
is($mail->{from}, 'The shop <hello@shop.example>', 'from');
is($mail->{subject}, 'Danke, =?utf-8?q?Zo=C3=AB?= 1', 'the subject line, encoded');
is($mail->{'list-unsubscribe-post'}, 'List-Unsubscribe=One-Click', 'RFC 8058');

# A bounce: noted, suppressed, and no further message.
is($node->safe_psql('postgres', q{SELECT subject, what, detail->>'status' FROM persona_shop.feedback WHERE subject = 7}), '7|bounced|550', 'the bounce is feedback');
# One click: what a web server does with the POST. A GET reads only.
my ($token) = $mail->{'list-unsubscribe'} =~ m{^<https://shop[.]example/persona/unsubscribe\?token=([^>]+)>$};
ok($token, 'List-Unsubscribe has a link');
my ($in_text) = decode_qp($mail->{body}) =~ m{, https://shop[.]example/persona/unsubscribe\?token=(\S+)$}m;
is($node->safe_psql('postgres', "SELECT count(*) FROM persona.preferences('$in_text')"), '1', 'and so has the text');
is($node->safe_psql('postgres', "BEGIN READ ONLY; SELECT count(*) FROM persona.preferences('$token')"), '1', 'which can be read');
is($node->safe_psql('postgres', q{SELECT persona.may_contact(1, 'service', 'email')}), 't', 'and changes nothing by that');
is($node->safe_psql('postgres', qq{SELECT persona.apply_preferences('$token', '{"everything": false}')}), '1', 'one click');
$node->safe_psql('postgres', 'INSERT INTO orders SELECT 100 + i, i, now() FROM unnest(ARRAY[1, 2, 7]) i');
$node->safe_psql('postgres', 'CALL persona.run()');
wait_for('the sender takes the next order', sub { $node->safe_psql('postgres', q{SELECT count(*) FROM persona_shop.message WHERE subject = 2 AND state = 'sent'}) eq '2' });
is($node->safe_psql('postgres', q{SELECT string_agg(format('%s %s', subject, reason), ', ' ORDER BY subject) FROM persona_shop.decision WHERE outcome = 'skip'}), '1 withdrawn, 7 suppressed', 'who clicked and who bounced get no more');

# Told to stop, it finishes what it has.
kill('TERM', $sender);
waitpid($sender, 0);
is($?, 0, 'a sender stops when it is told to');
is($node->safe_psql('postgres', q{SELECT count(*) FROM persona_shop.message WHERE done_at IS NULL}), '0', 'with empty hands');
$node->stop;
done_testing();
