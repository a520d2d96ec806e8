#!/usr/bin/env bash
# Defects in C that a compiler does not see: null pointers followed, values
# never read, memory misused. clang-tidy reads the sources with the server's
# headers, so it knows that ereport(ERROR) does not come back. A short list of
# checks; each that is left out of a group has its reason here, and none is
# silenced in the sources.
set -euo pipefail
cd "$(dirname "$0")/.."
CHECKS=(
	-*
	clang-analyzer-core.* clang-analyzer-deadcode.* clang-analyzer-unix.*
	bugprone-*
	# two arguments of one type in a row are PostgreSQL's way
	-bugprone-easily-swappable-parameters
	# Datum, int and Size are mixed on purpose; gcc warns of what loses bits
	-bugprone-narrowing-conversions -bugprone-implicit-widening-of-multiplication-result
	# the server's headers have macros that none of ours can change
	-bugprone-macro-parentheses -bugprone-reserved-identifier -bugprone-assignment-in-if-condition
	# a switch that has fewer cases than nodes is how the language is kept small
	-bugprone-branch-clone
	# sizeof(Datum) of a pointer's array is what palloc takes
	-bugprone-sizeof-expression
)
command -v clang-tidy >/dev/null || { echo "skipped: the static checks of C (package clang-tidy)"; exit 0; }
PG_CONFIG=${PG_CONFIG:-$(test/deps.sh)}
IFS=,
# One file a process: the first defect fails all, after all have been read.
printf '%s\0' src/*.c src/*/*.c | xargs -0 -n 1 -P "$(nproc)" sh -c '
	clang-tidy --quiet --warnings-as-errors="*" --checks="$0" "$3" -- -Isrc -isystem "$1" -D_GNU_SOURCE 2>/dev/null' \
	"${CHECKS[*]}" "$("$PG_CONFIG" --includedir-server)" --
