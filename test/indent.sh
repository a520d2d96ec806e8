#!/usr/bin/env bash
# Lays the C files out as PostgreSQL lays out its own.
set -euo pipefail
cd "$(dirname "$0")/.."
OPTIONS=(-bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79
	-lp -lpl -nip -npro -sac -tpg -ts4)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# The layout depends on which words are types: ours, and those of the server.
# Left out are those that are names of our own: text, Step, Hash.
typedefs() {
	local headers
	headers=$("${PG_CONFIG:-pg_config}" --includedir-server)
	{ grep -rhoE '^\} ?[A-Za-z_0-9]+;' "$headers" src | tr -d '} ;'
		grep -rhoE '^typedef [^(]*[ *][A-Za-z_0-9]+;' "$headers" src | sed -E 's/.*[ *]([A-Za-z_0-9]+);/\1/'
		grep -rhoE '^typedef .*\(\*? ?[A-Za-z_0-9]+\) ?\(' "$headers" src | sed -E 's/.*\(\*? ?([A-Za-z_0-9]+)\) ?\(.*/\1/'
		printf '%s\n' bool ItemPointerData; } | sort -u | grep -vxE 'text|Step|Hash'
}

typedefs >"$WORK/typedefs"
for file in src/*.c src/*/*.c src/*/*.h; do
	pg_bsd_indent "${OPTIONS[@]}" -U"$WORK/typedefs" "$file" "$WORK/laid-out"
	# A pointer that a function returns stands beside its type.
	sed -i -E 's/^([A-Za-z_]+( [A-Za-z_]+)*)[ \t]+\*$/\1 */' "$WORK/laid-out"
	cmp -s "$file" "$WORK/laid-out" || cat "$WORK/laid-out" >"$file"
done
