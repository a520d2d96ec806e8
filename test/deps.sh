#!/usr/bin/env bash
# Installs what building and testing need and what is missing, by apt.
set -euo pipefail

major() {
	local newest
	newest=$(ls /usr/lib/postgresql 2>/dev/null | grep -E '^[0-9]+$' | sort -n | tail -n 1)
	[ -n "$newest" ] || newest=$(apt-cache search --names-only '^postgresql-[0-9]+$' |
		sed 's/^postgresql-\([0-9]*\).*/\1/' | sort -n | tail -n 1)
	echo "${newest:-15}"
}

M=$(major)
PACKAGES=(make gcc libc6-dev "postgresql-$M" "postgresql-server-dev-$M" "postgresql-$M-pgtap"
	libtap-parser-sourcehandler-pgtap-perl libipc-run-perl)

missing() {
	for package in "${PACKAGES[@]}"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
	done
}

NEED=$(missing | tr '\n' ' ')
[ -n "$NEED" ] || exit 0
COMMAND="apt-get install -y --no-install-recommends $NEED"
if [ "$(id -u)" != 0 ]; then
	echo "persona needs packages that are not installed. As root, run:" >&2
	echo "    $COMMAND" >&2
	exit 1
fi
echo "installing: $NEED"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
# A cluster of the system's own is not wanted: the tests make theirs.
mkdir -p /etc/postgresql-common/createcluster.d
printf 'create_main_cluster = false\n' >/etc/postgresql-common/createcluster.d/persona.conf
$COMMAND >/dev/null
rm -f /etc/postgresql-common/createcluster.d/persona.conf
