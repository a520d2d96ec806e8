# Prints the SQL of a document's ```sql blocks as one psql script; a block
# marked "sql error" must fail. With --count, prints how many blocks there are.
use strict;
use warnings;

my $count = @ARGV && $ARGV[0] eq '--count' && shift;
my ($kind, $text, @blocks) = (undef, '');
while (my $line = <>)
{
	if (!defined $kind)
	{
		($kind, $text) = ($1 // '', '') if $line =~ /^```sql\s*(error)?\s*$/;
	}
	elsif ($line =~ /^```/)
	{
		push @blocks, [ $kind, $text ];
		undef $kind;
	}
	else
	{
		$text .= $line;
	}
}
print scalar(@blocks), "\n" and exit if $count;
for my $block (@blocks)
{
	my ($kind, $text) = @$block;
	print $text and next if $kind ne 'error';
	print "\\set ON_ERROR_STOP off\n$text\\set failed :ERROR\n\\set ON_ERROR_STOP on\n",
	  "\\if :failed\n\\else\nDO \$\$ BEGIN RAISE 'this block should have failed'; END \$\$;\n\\endif\n";
}
