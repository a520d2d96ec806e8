#!/usr/bin/env bash
# Builds persona, starts a throw-away server on it and runs a command there:
#
#     test/server.sh COMMAND [ARGUMENT...]
#
# The command finds the server by PGHOST, PGUSER and PGDATABASE. Nothing is
# installed into the system and no port is opened; server and files are gone
# when the command ends, however it ends. PostgreSQL does not run as root, so
# as root all of this is done by the user postgres, on a copy of the tree.
set -euo pipefail

# Makes the folder that a variable names absolute.
absolute() { # VARIABLE
	[ -n "${!1:-}" ] || return 0
	[ -d "${!1}" ] || { echo "$1=${!1} is not a folder." >&2; exit 1; }
	export "$1=$(cd "${!1}" && pwd)"
}

# Runs a command so that a signal ends all of it, and then our clean-up runs.
attend() {
	local status=0
	set -m
	"$@" &
	CHILD=$!
	set +m
	wait "$CHILD" || status=$?
	CHILD=
	return $status
}

interrupted() {
	[ -z "$CHILD" ] || kill -TERM -- "-$CHILD" 2>/dev/null || true
	wait
	exit 130
}

# ---- as root: the same again, as postgres ----

# runuser would stay between us and a signal.
become_postgres() {
	setpriv --reuid=postgres --regid=postgres --init-groups "$@"
}

# A folder that postgres may not read is lent to it as a copy.
lend() { # VARIABLE
	local input=${!1:-}
	if [ -n "$input" ] && ! become_postgres test -r "$input/."; then
		cp -rL "$input" "$WORK/$1"
		export "$1=$WORK/$1"
	fi
}

as_postgres() {
	mkdir "$WORK/tree"
	tar -C "$ROOT" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' -cf - . |
		tar -C "$WORK/tree" -xf -
	lend PERSONA_SHARED
	lend DATA
	chown -R postgres "$WORK"
	cd "$WORK"
	attend become_postgres env HOME="$WORK" TMPDIR="$WORK" "$WORK/tree/test/server.sh" "$@"
}

# ---- the server ----

build() {
	local log=$WORK/build.log
	if ! { make -s -j"$(nproc)" with_llvm=no &&
		make -s install with_llvm=no DESTDIR="$WORK/stage"; } >"$log" 2>&1; then
		cat "$log"
		echo "persona does not build."
		return 1
	fi
}

# Debian's 15 to 17 find extensions by extension_destdir, 18 by its own setting.
configure() {
	if [ "$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 18 ]; then
		echo "extension_control_path = '$WORK/stage$("$PG_CONFIG" --sharedir):\$system'"
	else
		echo "extension_destdir = '$WORK/stage'"
	fi
	echo "dynamic_library_path = '$WORK/stage$("$PG_CONFIG" --pkglibdir):\$libdir'"
	echo "max_prepared_transactions = 5"
	echo "fsync = off"
}

start() {
	initdb -D "$WORK/data" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 >"$WORK/initdb.log"
	configure >"$WORK/persona.conf"
	{
		cat "$WORK/persona.conf"
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$WORK'"
	} >>"$WORK/data/postgresql.conf"
	pg_ctl -D "$WORK/data" -l "$WORK/server.log" -w start >"$WORK/start.log" || {
		cat "$WORK/start.log" "$WORK/server.log"
		return 1
	}
}

# Stops our server, and those that a test had to leave behind.
clean_up() {
	local file pid
	for file in $(find "$WORK" -name postmaster.pid); do
		pid=$(head -n 1 "$file")
		kill -QUIT "$pid" || true
		while kill -0 "$pid"; do sleep 0.1; done
	done 2>/dev/null
	rm -rf "$WORK"
}

CHILD=
ROOT=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${PERSONA_SHARED:-}" ] && [ -d "$ROOT/../shared" ]; then
	PERSONA_SHARED=$ROOT/../shared
fi
absolute PERSONA_SHARED
absolute DATA
PG_CONFIG=$("$ROOT/test/deps.sh")
export PG_CONFIG
WORK=$(mktemp -d "${TMPDIR:-/tmp}/persona.XXXXXX")
trap clean_up EXIT
trap interrupted INT TERM HUP
if [ "$(id -u)" = 0 ]; then
	as_postgres "$@"
	exit
fi
cd "$ROOT"
export PATH="$("$PG_CONFIG" --bindir):$PATH"
export PGHOST="$WORK" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
export TEMP_CONFIG="$WORK/persona.conf"
attend build
start
attend "$@"
