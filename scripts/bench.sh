#!/usr/bin/env bash
# Measures the cost of an order and of an event, in one run on one machine. Orders are compared with
# the baseline: first pgbench runs one transaction per order, then matchcast's own benchmark reads
# these figures from FLOOR_FILE and prints the ratio. Events are compared with the official Node
# SDK, using a provider that takes 50 ms per request.
#
#     scripts/bench.sh [PART]       one of engine, http, memory, embedded, provider, sdk
#     BENCH=short scripts/bench.sh  every part in less than a minute; too short for useful figures
#
# FLOOR_SECONDS (baseline) and SECONDS_EACH (matchcast) limit each measurement. EVENTS is the number
# of events in the full outbox.
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
    # The SDK is a dependency of the client tests.
    install_npm tests/clients
    # Compile everything first: a compiler running next to a benchmark distorts it.
    cargo bench --locked --bench orders --bench events --no-run
    MATCHCAST_BENCH_INSIDE=1 exec scripts/with-postgres.sh "$0" "$@"
fi

# Each concurrent call of the SDK opens a connection, which takes one file at both ends.
ulimit -n "$(ulimit -Hn)"
mkdir -p var
FLOOR_FILE="$root/var/baseline.txt"
export FLOOR_FILE
case ${1:-} in
# These parts are not compared with the baseline.
embedded | provider | sdk) ;;
*)
    scripts/baseline.sh | tee "$FLOOR_FILE"
    cargo bench --locked --bench orders -- "$@"
    ;;
esac
cargo bench --locked --bench events -- "$@"
