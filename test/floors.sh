#!/usr/bin/env bash
# Includes go down only: a file may include its own room and rooms on floors
# below it. Versions of PostgreSQL are told apart in base/compat.h alone.
set -euo pipefail
cd "$(dirname "$0")/../src"
declare -A FLOOR=([base]=0 [space]=1 [rule]=2 [message]=2 [consent]=3 [experiment]=3 [audit]=4 [moment]=5)
BAD=0

bad() {
	echo "$*"
	BAD=1
}

for file in */*.c */*.h; do
	room=${file%%/*}
	[ -n "${FLOOR[$room]:-}" ] || bad "src/$room stands on no floor"
	for other in $(sed -n 's|^#include "\([a-z]*\)/.*|\1|p' "$file" | sort -u); do
		# A folder that is not a room of ours is the server's.
		[ -d "$other" ] && [ "$other" != "$room" ] || continue
		[ "${FLOOR[$other]:-9}" -lt "${FLOOR[$room]:-0}" ] ||
			bad "src/$file includes $other, which is not below $room"
	done
done
for file in $(grep -rl PG_VERSION_NUM . --include='*.[ch]' | grep -v '^./base/compat.h$'); do
	bad "src/${file#./}: PG_VERSION_NUM belongs into base/compat.h"
done
exit $BAD
