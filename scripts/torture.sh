#!/usr/bin/env bash
# Runs the Rust tests on both databases with more cases per property and more rounds per race.
# MATCHCAST_TORTURE multiplies the default number of rounds, PROPTEST_CASES sets the number of
# cases. A failed test prints the seed that repeats it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

need_build_tools
export MATCHCAST_TORTURE=${MATCHCAST_TORTURE:-20}
export PROPTEST_CASES=${PROPTEST_CASES:-20000}
exec scripts/with-postgres.sh cargo test --locked --features postgres-tests --no-fail-fast "$@"
