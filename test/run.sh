#!/usr/bin/env bash
# Every test there is, on the server that test/server.sh started; with
# arguments, the kinds that are named:
#
#     unit       test/unit/   kernels of plain C, without a server
#     regress    test/sql/    what a statement answers (pg_regress)
#     isolation  test/specs/  what two sessions do to each other
#     pgtap      test/tap/    laws over the catalog
#     perl       test/t/      crash, copies, a real sender, pg_cron, the demo
#     documents  every block of SQL in README.md and docs/
#
# The last line counts files; of documents, it counts blocks.
set -uo pipefail
cd "$(dirname "$0")/.."
HARNESS=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
LOG=$PGHOST/test.log
PASSED=0
FAILED=0
SECONDS=0

count() { # KIND PASSED FAILED
	printf '%-12s %3d passed, %d failed\n' "$1" "$2" "$3"
	PASSED=$((PASSED + $2))
	FAILED=$((FAILED + $3))
}

# The names of the tests in a folder. A folder without any is said aloud.
names() { # FOLDER ENDING
	local file
	for file in "$1"/*"$2"; do
		[ ! -f "$file" ] || basename "$file" "$2"
	done
	compgen -G "$1/*$2" >/dev/null || echo "skipped: $1 holds no test" >&2
}

fresh() { # DATABASE
	psql -qX -d postgres -c 'SET client_min_messages = error' -c "DROP DATABASE IF EXISTS $1" -c "CREATE DATABASE $1"
}

# pg_regress and its twin for isolation: what was passed is known by name, so
# a harness that dies counts as all of its tests failing.
compare() { # KIND PROGRAM TESTS...
	local kind=$1 program=$2 passed
	shift 2
	[ $# -gt 0 ] || return
	rm -rf results regression.diffs
	if "$program" --inputdir=test --outputdir=. --bindir="$("$PG_CONFIG" --bindir)" --load-extension=persona \
		--host="$PGHOST" --port="$PGPORT" --user="$PGUSER" --dbname="$kind" "$@" >"$LOG" 2>&1; then
		passed=$#
	else
		passed=$(grep -cE '^ok |^(test)? .* \.\.\. ok' "$LOG")
		cat regression.diffs 2>/dev/null || cat "$LOG"
		grep -E '^not ok |FAILED' "$LOG"
	fi
	count "$kind" "$passed" $(($# - passed))
}

# What speaks TAP, a file at a time.
prove_each() { # KIND FILES... -- COMMAND...
	local kind=$1 files=() passed=0 file
	shift
	while [ "$1" != -- ]; do files+=("$1"); shift; done
	shift
	for file in "${files[@]}"; do
		if "$@" "$file" >"$LOG" 2>&1; then
			passed=$((passed + 1))
			grep -o 'skipped: .*' "$LOG" >&2
		else
			cat "$LOG"
		fi
	done
	count "$kind" "$passed" $((${#files[@]} - passed))
}

# Each is built of itself and of the sources that its head says it links.
unit() {
	local name links passed=0 failed=0
	for name in $(names test/unit .c); do
		links=$(sed -n 's/^ \* links: //p' "test/unit/$name.c")
		if cc -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -Isrc -o "$PGHOST/$name" "test/unit/$name.c" $links -lm >"$LOG" 2>&1 &&
			"$PGHOST/$name" >"$LOG" 2>&1; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			cat "$LOG"
		fi
	done
	count unit "$passed" "$failed"
}

regress() {
	compare regress "$HARNESS/regress/pg_regress" $(names test/sql .sql)
}

isolation() {
	compare isolation "$HARNESS/isolation/pg_isolation_regress" $(names test/specs .spec)
}

pgtap() {
	local tests
	tests=$(names test/tap .sql)
	[ -n "$tests" ] || return
	fresh pgtap
	psql -qX -d pgtap -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION persona'
	prove_each pgtap $(printf 'test/tap/%s.sql ' $tests) -- pg_prove -d pgtap
}

# These start servers of their own, configured by TEMP_CONFIG.
perl_tap() {
	local tests
	tests=$(names test/t .pl)
	[ -n "$tests" ] || return
	export PERL5LIB="$HARNESS/perl" PG_REGRESS="$HARNESS/regress/pg_regress"
	export TESTDIR="$PGHOST" TESTDATADIR="$PGHOST/tmp_check" TESTLOGDIR="$PGHOST/tmp_check/log"
	prove_each perl $(printf 'test/t/%s.pl ' $tests) -- prove
}

# Each document from top to bottom in a database of its own. What follows a
# block that fails did not pass either.
documents() {
	local file blocks done passed=0 failed=0
	for file in README.md docs/*.md; do
		blocks=$(perl test/document.pl "$file" "$PGHOST/${file##*/}")
		fresh document
		psql -qX -d document -v ON_ERROR_STOP=1 -f "$PGHOST/${file##*/}" >"$LOG" 2>&1
		done=$(grep -c '^block passed: ' "$LOG")
		[ "$done" -eq "$blocks" ] || { echo "$file:"; tail -n 20 "$LOG"; }
		passed=$((passed + done))
		failed=$((failed + blocks - done))
	done
	count documents "$passed" "$failed"
}

[ $# -gt 0 ] || set -- unit regress isolation pgtap perl documents
for kind in "$@"; do
	case $kind in
		unit | regress | isolation | pgtap | documents) "$kind" ;;
		perl) perl_tap ;;
		*) echo "there is no kind of test named $kind: unit regress isolation pgtap perl documents" >&2; FAILED=1 ;;
	esac
done
[ -n "${PERSONA_SHARED:-}" ] || echo "skipped: ../shared is not here, nor PERSONA_SHARED, so published figures were not compared"
echo "tested in $SECONDS s on $("$PG_CONFIG" --version), on a server of its own that is gone now"
echo "$PASSED passed, $FAILED failed"
[ "$FAILED" -eq 0 ]
