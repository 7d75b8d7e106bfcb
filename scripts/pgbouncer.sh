#!/usr/bin/env bash
# Runs the tests with PgBouncer between matchcast and PostgreSQL. Not part of `make test`, because
# PgBouncer is a package of its own. Arguments go to `cargo test`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

# Debian installs it here, which is not in the PATH of every user.
PATH="$PATH:/usr/sbin"
need_build_tools
need pgbouncer pgbouncer
say "$(pgbouncer --version | head -n 1)"
exec scripts/with-postgres.sh cargo test --locked --features pgbouncer-tests --test it "$@" pooling
