#!/usr/bin/env bash
# Runs only the tests with PgBouncer between matchcast and PostgreSQL. Arguments go to `cargo test`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

need_build_tools
exec scripts/with-pgbouncer.sh scripts/with-postgres.sh \
    cargo test --locked --features pgbouncer-tests --test it "$@" pooling
