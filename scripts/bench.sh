#!/usr/bin/env bash
# What an order and an event cost, in one run on one machine. Orders beside the floor: first pgbench
# doing one transaction per order, then matchcast's own benchmarks, which read FLOOR_FILE for the
# ratio. Events beside the official SDK for Node, at a provider that needs 50 ms for each call.
#
#     scripts/bench.sh [PART]       one of engine, http, memory, embedded, provider, sdk
#     BENCH=short scripts/bench.sh  a look at everything in less than a minute; not for figures
#
# FLOOR_SECONDS and SECONDS_EACH bound each measurement, EVENTS is the length of the full outbox.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

if [[ ${BENCH:-full} == short ]]; then
    export FLOOR_SECONDS=${FLOOR_SECONDS:-1} SECONDS_EACH=${SECONDS_EACH:-1} EVENTS=${EVENTS:-2000}
fi

if [[ -z ${MATCHCAST_BENCH_INSIDE:-} ]]; then
    need_build_tools
    need_node
    # The SDK is the one of the client tests.
    install_npm tests/clients
    # Compiled before anything is measured: a compiler beside a benchmark spoils it.
    cargo bench --locked --bench orders --bench events --no-run
    MATCHCAST_BENCH_INSIDE=1 exec scripts/with-postgres.sh "$0" "$@"
fi

# Each call of the SDK that goes on at the same time has a connection, at both ends.
ulimit -n "$(ulimit -Hn)"
mkdir -p var
FLOOR_FILE="$root/var/floor.txt"
export FLOOR_FILE
case ${1:-} in
# What it is compared with is not the floor.
embedded | provider | sdk) ;;
*)
    scripts/floor.sh | tee "$FLOOR_FILE"
    cargo bench --locked --bench orders -- "$@"
    ;;
esac
cargo bench --locked --bench events -- "$@"
