#!/usr/bin/env bash
# Lays the C files out as PostgreSQL's own are; with --check it changes nothing
# and names the files that it would. That is a note, not a failure: versions of
# the tool differ.
#
# The layout tool has to know which words are types: those that the object made
# of a file names. It does not know foreach(), which is shown to it as a loop of
# the same width; and what it gets wrong about a star or a dot is put right, much
# as PostgreSQL's own wrapper of this tool does.
set -euo pipefail
cd "$(dirname "$0")/.."
STYLE=(-bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4)
command -v pg_bsd_indent >/dev/null || { echo "skipped: the layout of C (package pg-bsd-indent)"; exit 0; }
PG_CONFIG=${PG_CONFIG:-$(test/deps.sh)}
WORK=$(mktemp -d /tmp/persona.XXXXXX)
trap 'rm -rf "$WORK"' EXIT

# The types of one file. "text" is the name of a variable more often.
types() { # FILE
	cc -x c -include postgres.h -g -fno-eliminate-unused-debug-types -c -w -Isrc -I"$("$PG_CONFIG" --includedir-server)" -D_GNU_SOURCE "$1" -o "$WORK/object"
	objdump -Wi "$WORK/object" |
		awk '/DW_TAG_/ { type = /DW_TAG_typedef/ } type && /DW_AT_name/ { print $NF; type = 0 }' |
		sort -u | grep -vx text
}

lay_out() { # FILE
	sed 's/\bforeach(/while (_/' "$1" >"$WORK/laid.c"
	(cd "$WORK" && pg_bsd_indent "${STYLE[@]}" -Utypes laid.c) >/dev/null
	perl -0pi -e '
		s/\bwhile \(_/foreach(/g;
		s/^((?:static |extern |const |struct )*\w+)[ \t]+(\*+)$/$1 $2/mg;
		s/\btext \* (?=\w)/text */g;
		s/,(?=\.\w+ = )/, /g;
		s/ =\n\n\{/ =\n{/g;' "$WORK/laid.c"
}

for file in src/*.c src/*/*.[ch]; do
	types "$file" >"$WORK/types"
	lay_out "$file"
	cmp -s "$file" "$WORK/laid.c" && continue
	if [ "${1:-}" = --check ]; then
		echo "note: make indent would change $file"
	else
		cat "$WORK/laid.c" >"$file"
	fi
done
