#!/usr/bin/env bash
# What takes too long for every change, on the server that test/server.sh
# started: `make nightly`. People who look after each of 10,000 users, in 2,000
# experiments without any effect: the verdict misleads at most one in twenty.
set -euo pipefail
cd "$(dirname "$0")/.."
psql -qX -d postgres -c 'SET client_min_messages = error' -c 'DROP DATABASE IF EXISTS nightly' -c 'CREATE DATABASE nightly'
psql -qX -d nightly -c 'CREATE EXTENSION persona'
SAID=$(psql -qX -d nightly -v ON_ERROR_STOP=1 -v runs=2000 -v users=10000 -v show=1 -f test/sql/experiment_peek.sql)
echo "$SAID"
! grep -Eq '(^| )f( |$)' <<<"$SAID"
