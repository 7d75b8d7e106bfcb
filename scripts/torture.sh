#!/usr/bin/env bash
# Runs the Rust tests on both databases with more cases per property and more rounds per race:
#
#     scripts/torture.sh          all tests
#     scripts/torture.sh faults   only faults of the environment, against the release binary; each
#                                 prints its figures in one line
#
# MATCHCAST_TORTURE multiplies the default number of rounds, PROPTEST_CASES sets the number of
# cases. A failed test prints the seed that repeats it. Further arguments go to `cargo test`. All
# tests run in databases with what relatives of PostgreSQL do differently (docs/SCALING.md), unless
# TEST_POSTGRES_RELATIVE is empty.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

# Some faults need thousands of connections, each a descriptor here and one in the server.
descriptors=8192

need_build_tools
export MATCHCAST_TORTURE=${MATCHCAST_TORTURE:-20}
export PROPTEST_CASES=${PROPTEST_CASES:-20000}
export TEST_POSTGRES_RELATIVE=${TEST_POSTGRES_RELATIVE-1}
[[ $(ulimit -n) == unlimited || $(ulimit -n) -ge $descriptors ]] || ulimit -n "$descriptors" ||
    die "the limit of open files must be at least $descriptors"

faults() {
    # The steps of a clock need a library. Without it, that test says so.
    compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null ||
        (install_packages faketime) || say "the clock is not tested"
    if [[ -z ${MATCHCAST_BIN:-} ]]; then
        cargo build --locked --release
        MATCHCAST_BIN=$(target_dir)/release/matchcast
        export MATCHCAST_BIN
    fi
    # One fault at a time: the figures of one must not depend on another.
    exec scripts/with-pgbouncer.sh scripts/with-postgres.sh \
        cargo test --locked --features pgbouncer-tests --no-fail-fast \
        --test it "$@" -- --test-threads=1 torture_faults pooling
}

if [[ ${1:-} == faults ]]; then
    shift
    faults "$@"
fi
exec scripts/with-postgres.sh cargo test --locked --features postgres-tests --no-fail-fast "$@"
