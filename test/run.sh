#!/usr/bin/env bash
# Every test there is, on the server that test/server.sh started:
#
#     sql/    what a statement answers (pg_regress)
#     specs/  what two sessions do to each other (isolation)
#     tap/    laws over the catalog and what users script (pgTAP)
#     t/      crash, dump and restore, the demo (Perl)
#     and every block of SQL in README.md and docs/
#
# The last line counts tests: files, and for documents blocks.
set -uo pipefail
cd "$(dirname "$0")/.."
PGXS=$(dirname "$("$PG_CONFIG" --pgxs)")/..
PASSED=0
FAILED=0
SECONDS=0

count() { # NAME PASSED FAILED
	printf '%-12s %3d passed, %d failed\n' "$1" "$2" "$3"
	PASSED=$((PASSED + $2))
	FAILED=$((FAILED + $3))
}

names() { # FOLDER ENDING
	for file in test/"$1"/*."$2"; do
		[ ! -f "$file" ] || basename "$file" ".$2"
	done
}

# A harness that writes regression.diffs: a file that differs is a failure.
regress() { # NAME PROGRAM DATABASE TESTS...
	local name=$1 program=$2 database=$3 log=$PGHOST/$1.log failed=0
	shift 3
	rm -rf results regression.diffs
	if ! "$program" --inputdir=test --outputdir=. --bindir="$("$PG_CONFIG" --bindir)" --dbname="$database" \
		--load-extension=persona --host="$PGHOST" --port="$PGPORT" --user="$PGUSER" "$@" >"$log" 2>&1; then
		failed=$(grep -c '^diff ' regression.diffs 2>/dev/null)
		[ "${failed:-0}" -gt 0 ] || { failed=$#; cat "$log"; }
		cat regression.diffs 2>/dev/null
	fi
	count "$name" $(($# - failed)) "$failed"
}

# A harness that speaks TAP: a file with a failing test is a failure.
tap() { # NAME COMMAND... FILES
	local log=$PGHOST/tap.log
	local name=$1
	shift
	"$@" >"$log" 2>&1
	local ok bad
	ok=$(grep -cE '^(test/|[^ ]+ )?.*\.\. ok$' "$log")
	bad=$(grep -cE '\.\. (Failed|Dubious|All|No subtests|$)|^test/.*\(Wstat' "$log")
	if [ "$(grep -c '^Result: PASS' "$log")" -eq 1 ]; then bad=0; else
		cat "$log"
		[ "$bad" -gt 0 ] || bad=1
	fi
	count "$name" "$ok" "$bad"
}

documents() {
	local blocks log=$PGHOST/document.log passed=0 failed=0
	for file in README.md docs/*.md; do
		blocks=$(perl test/document.pl --count "$file")
		[ "$blocks" -gt 0 ] || continue
		psql -qX -d postgres -c 'DROP DATABASE IF EXISTS document' -c 'CREATE DATABASE document' >/dev/null 2>&1
		if perl test/document.pl "$file" | psql -qX -d document -v ON_ERROR_STOP=1 >"$log" 2>&1; then
			passed=$((passed + blocks))
		else
			echo "$file:"
			tail -n 20 "$log"
			failed=$((failed + blocks))
		fi
	done
	count documents "$passed" "$failed"
}

regress regress "$PGXS/test/regress/pg_regress" regress $(names sql sql)
if [ -n "$(names specs spec)" ]; then
	regress isolation "$PGXS/test/isolation/pg_isolation_regress" isolation $(names specs spec)
fi
psql -qX -d postgres -c 'CREATE DATABASE tap' && psql -qX -d tap -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION persona'
tap pgtap pg_prove -d tap test/tap/*.sql
export PERL5LIB="$PGXS/test/perl" PG_REGRESS="$PGXS/test/regress/pg_regress"
tap perl prove test/t/*.pl
documents
[ -d "${PERSONA_SHARED:-}" ] || echo "skipped: no shared data (PERSONA_SHARED), so published figures were not compared"
echo "tested in $SECONDS s on $("$PG_CONFIG" --version)"
echo "$PASSED passed, $FAILED failed"
[ "$FAILED" -eq 0 ]
