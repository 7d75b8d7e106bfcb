#!/usr/bin/env bash
# What an order costs, against the floor, in one run on one machine: first pgbench doing one
# transaction per order, then matchcast's own benchmarks, which read FLOOR_FILE for the ratio.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

if [[ -z ${MATCHCAST_BENCH_INSIDE:-} ]]; then
    need_build_tools
    # Compiled before anything is measured: a compiler beside a benchmark spoils it.
    cargo bench --locked --no-run
    MATCHCAST_BENCH_INSIDE=1 exec scripts/with-postgres.sh "$0" "$@"
fi

mkdir -p var
FLOOR_FILE="$root/var/floor.txt"
export FLOOR_FILE
scripts/floor.sh | tee "$FLOOR_FILE"
cargo bench --locked -- "$@"
