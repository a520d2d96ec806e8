# Makes a psql script of the ```sql blocks of a document and prints how many
# there are. A block whose fence says "sql error" must fail. The script has
# each line where the document has it, so that psql names the document's
# lines: what a fence has to say to psql stands in the place of the fence.
use strict;
use warnings;

my ($document, $script) = @ARGV;
my ($kind, $start, $blocks) = ('', 0, 0);
open my $in, '<', $document or die "$document: $!\n";
open my $out, '>', $script or die "$script: $!\n";
while (my $line = <$in>)
{
	if ($kind eq '' && $line =~ /^```sql(\s+error)?\s*$/)
	{
		($kind, $start) = ($1 ? 'error' : 'plain', $.);
		$blocks++;
		$line = $kind eq 'error' ? "\\set ON_ERROR_STOP off\n" : "\n";
	}
	elsif ($kind ne '' && $line =~ /^```/)
	{
		my $passed = "\\echo 'block passed: $document:$start'";
		$line = $kind eq 'plain' ? "$passed\n"
		  : "\\if :ERROR $passed \\else \\echo '$document:$start did not fail' \\quit \\endif \\set ON_ERROR_STOP on\n";
		$kind = '';
	}
	elsif ($kind eq '')
	{
		$line = "\n";
	}
	print $out $line;
}
close $out or die "$script: $!\n";
print "$blocks\n";
