#!/usr/bin/env bash
# What the house asks of a text and grep can see. Says what is wrong and where;
# what is only worth another look is a note.
set -uo pipefail
cd "$(dirname "$0")/.."
BAD=0

# Prints what a command finds; anything found is a mistake.
never() { # WHAT COMMAND...
	local what=$1 found
	shift
	if found=$("$@") && [ -n "$found" ]; then
		printf '%s:\n%s\n' "$what" "$found"
		BAD=1
	fi
}

versions() {
	[ "$(awk -F'"' '$2 == "version" && $4 != "1.0.0" { print $4 }' META.json | sort -u | wc -l)" -eq 1 ] || echo META.json
}

# Functions of C in our layout: from a brace in the first column to the next.
long_functions() {
	awk 'FNR == 1 { start = 0 } /^\{/ { start = FNR } /^\}/ && start {
		if (FNR - start > 80) print FILENAME ":" start ": " FNR - start " lines"; start = 0 }' src/*.c src/*/*.c
}

long_files() {
	wc -l src/*.c src/*/*.[ch] | awk '$1 > 600 && $2 != "total" { print "note: " $2 " has " $1 " lines" }'
}

never "a version that differs" versions
never "an install script creates, it never replaces or looks first" \
	grep -nEi '^create (or replace|.* if not exists)' sql/*.sql
never "letters in an install script that a database of another encoding may lack" grep -nP '[^\x00-\x7F]' sql/*.sql
never "a statement over a space's tables as whoever calls: read_as_owner() and change_as_owner() act as the owner" \
	grep -nE "EXECUTE format\\(([$](sql|q)[$]|'(SELECT|INSERT|UPDATE|DELETE|WITH|LOCK)[^']*%[0-9\$]*I[.])" sql/*.sql
never "functions of over 80 lines" long_functions
never "spaces at the end of a line" \
	grep -nE '[[:space:]]+$' --include='*.[ch]' --include='*.sql' --include='*.sh' --include='*.pl' --include='*.spec' -r src sql test demo bench
never "work that is left over" grep -rnE '\b(TODO|FIXME|XXX)\b' src sql test/sql test/tap test/t demo docs
long_files
exit $BAD
