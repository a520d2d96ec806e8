#!/usr/bin/env bash
# Includes go down only: a file may include its own room and rooms on floors
# below it. Versions of PostgreSQL are told apart in base/compat.h alone.
set -euo pipefail
cd "$(dirname "$0")/../src"

floor() {
	case $1 in
		base) echo 0 ;;
		space) echo 1 ;;
		rule | message) echo 2 ;;
		consent | experiment) echo 3 ;;
		moment) echo 5 ;;
		*) echo "unknown room $1" >&2; exit 1 ;;
	esac
}

bad=0
for file in */*.c */*.h; do
	room=${file%%/*}
	for other in $(sed -n 's|^#include "\([a-z]*\)/.*|\1|p' "$file" | sort -u); do
		[ -d "$other" ] && [ "$other" != "$room" ] || continue
		if [ "$(floor "$other")" -ge "$(floor "$room")" ]; then
			echo "src/$file includes $other, which is not below $room"
			bad=1
		fi
	done
done
if grep -ln PG_VERSION_NUM */*.c */*.h persona.c | grep -v '^base/compat.h$'; then
	echo "PG_VERSION_NUM belongs into base/compat.h"
	bad=1
fi
exit $bad
