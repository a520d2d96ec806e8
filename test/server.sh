#!/usr/bin/env bash
# Builds persona, starts a throw-away server on it and runs a command there:
#
#     test/server.sh COMMAND [ARGUMENT...]
#
# The command sees the server through PGHOST, PGUSER and PGDATABASE. Nothing is
# installed into the system and no port is opened; server and files are gone
# when the command ends, however it ends. PostgreSQL does not run as root, so
# as root all of this is done by the user postgres, on a copy of the tree.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/.." && pwd)
cd "$ROOT"

shared() {
	local folder=${PERSONA_SHARED:-$ROOT/../shared}
	[ ! -d "$folder" ] || (cd "$folder" && pwd)
}

as_postgres() {
	local work status=0
	work=$(mktemp -d /tmp/persona.XXXXXX)
	mkdir "$work/tree"
	tar -C "$ROOT" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' -cf - . | tar -C "$work/tree" -xf -
	chown -R postgres "$work"
	runuser -u postgres -- env PERSONA_SHARED="$(shared)" PG_CONFIG="$PG_CONFIG" TMPDIR=/tmp \
		"$work/tree/test/server.sh" "$@" || status=$?
	rm -rf "$work"
	return $status
}

# The newest server that Debian has installed, unless PG_CONFIG says another.
find_pg_config() {
	ls /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -V | tail -n 1
}

build() {
	local log=$WORK/build.log
	{ make -s -j2 PG_CONFIG="$PG_CONFIG" with_llvm=no &&
		make -s install PG_CONFIG="$PG_CONFIG" with_llvm=no DESTDIR="$WORK/stage"; } >"$log" 2>&1 ||
		{ cat "$log"; echo "persona does not build."; return 1; }
}

# Debian's 15 to 17 find extensions by extension_destdir, 18 by its own setting.
configure() {
	local version share lib
	version=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	share=$("$PG_CONFIG" --sharedir)
	lib=$("$PG_CONFIG" --pkglibdir)
	if [ "$version" -ge 18 ]; then
		echo "extension_control_path = '$WORK/stage$share:\$system'"
	else
		echo "extension_destdir = '$WORK/stage'"
	fi
	echo "dynamic_library_path = '$WORK/stage$lib:\$libdir'"
	echo "max_prepared_transactions = 5"
	echo "fsync = off"
}

start() {
	"$BIN/initdb" -D "$WORK/data" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 >"$WORK/initdb.log"
	configure >"$WORK/persona.conf"
	{ cat "$WORK/persona.conf"
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$WORK'"; } >>"$WORK/data/postgresql.conf"
	"$BIN/pg_ctl" -D "$WORK/data" -l "$WORK/server.log" -w start >/dev/null
}

stop() {
	[ ! -f "$WORK/data/postmaster.pid" ] || "$BIN/pg_ctl" -D "$WORK/data" -m immediate stop >/dev/null || true
	rm -rf "$WORK"
}

test/deps.sh
PG_CONFIG=${PG_CONFIG:-$(find_pg_config)}
if [ "$(id -u)" = 0 ]; then
	as_postgres "$@"
	exit
fi
BIN=$("$PG_CONFIG" --bindir)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/persona.XXXXXX")
trap stop EXIT
trap 'exit 130' INT TERM
build
start
PERSONA_SHARED=$(shared)
export PERSONA_SHARED PG_CONFIG PGHOST="$WORK" PGUSER=postgres PGDATABASE=postgres
export PGPORT=5432 TEMP_CONFIG="$WORK/persona.conf" PERSONA_STAGE="$WORK/stage" PATH="$BIN:$PATH"
"$@"
