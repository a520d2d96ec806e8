#!/usr/bin/env bash
# Installs by apt what building and testing need and this machine lacks, and
# prints the pg_config to build for: PG_CONFIG where it is set, else of
# PostgreSQL 15, else of the newest there is. Where it may not install, it says
# what is missing. It never makes or starts a cluster of the system's. With
# --checks it also tries to bring what the static checks want, with --tests what
# single tests want: a mail server, pg_cron, a browser. Without these they are
# skipped, and say so.
set -euo pipefail
DEBIAN=/usr/lib/postgresql
NO_CLUSTER=/etc/postgresql-common/createcluster.d/persona.conf

# Which PostgreSQL: what is here goes before what could be had.
major() {
	local majors
	majors=$(ls $DEBIAN 2>/dev/null | grep -xE '[0-9]+' ||
		apt-cache search --names-only '^postgresql-[0-9]+$' 2>/dev/null | sed 's/^postgresql-\([0-9]*\).*/\1/')
	if [ -z "$majors" ] || grep -qx 15 <<<"$majors"; then
		echo 15
	else
		sort -n <<<"$majors" | tail -n 1
	fi
}

# What must work, and the package that brings it where it does not.
missing() {
	have() { "${@:2}" >/dev/null 2>&1 || echo "$1"; }
	have make command -v make
	have gcc command -v cc
	have libc6-dev test -f /usr/include/stdio.h
	have "postgresql-$M" test -x "$(bindir)/postgres"
	# With the server, so that headers and server are of one minor release.
	have "postgresql-$M postgresql-server-dev-$M" test -f "$("$PG" --includedir-server 2>/dev/null)/postgres.h"
	have "postgresql-$M-pgtap" test -f "$("$PG" --sharedir 2>/dev/null)/extension/pgtap.control"
	have libtap-parser-sourcehandler-pgtap-perl command -v pg_prove
	have libipc-run-perl perl -MIPC::Run -e 1
}

# What only the static checks, or single tests, use.
wanted() { # --checks | --tests
	case $1 in
		--checks)
			command -v clang-tidy >/dev/null || echo clang-tidy
			[ -f "$("$PG" --sharedir)/extension/plpgsql_check.control" ] || echo "postgresql-$M-plpgsql-check" ;;
		--tests)
			/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || echo python3-aiosmtpd
			/usr/bin/python3 -c 'import psycopg2' 2>/dev/null || echo python3-psycopg2
			command -v chromedriver >/dev/null || echo chromium-driver
			[ -f "$("$PG" --pkglibdir)/pg_cron.so" ] || echo "postgresql-$M-cron" ;;
	esac
}

bindir() {
	"$PG" --bindir 2>/dev/null || echo "$DEBIAN/$M/bin"
}

choose() {
	if [ -n "${PG_CONFIG:-}" ]; then
		PG=$PG_CONFIG
		command -v "$PG" >/dev/null || { echo "PG_CONFIG=$PG is not a pg_config." >&2; exit 1; }
		M=$("$PG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	else
		M=$(major)
		PG=$DEBIAN/$M/bin/pg_config
	fi
	NEED=$(missing | tr '\n' ' ')
}

install() { # PACKAGES, or what is missing
	apt-get update -q
	[ $# -gt 0 ] || choose
	mkdir -p "${NO_CLUSTER%/*}"
	trap 'rm -f "$NO_CLUSTER"' EXIT
	echo 'create_main_cluster = false' >"$NO_CLUSTER"
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ${*:-$NEED}
}

choose
if [ -n "$NEED" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing $NEED" >&2
	LOG=$(install 2>&1) || echo "$LOG" >&2
	choose
fi
if [ -n "$NEED" ]; then
	echo "persona needs packages that are not here. On Debian, as root, this installs them:" >&2
	echo "    apt-get update && apt-get install -y --no-install-recommends $NEED" >&2
	exit 1
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	for package in $(for kind in "$@"; do wanted "$kind"; done); do
		echo "installing $package" >&2
		LOG=$(install "$package" 2>&1) || echo "note: $package is not to be had" >&2
	done
fi
echo "$PG"
