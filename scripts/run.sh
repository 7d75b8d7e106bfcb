#!/usr/bin/env bash
# Builds matchcast and starts it: SQLite under var/, demo data, embedded provider, one port.
# Whatever .env or the environment says wins.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

need_build_tools
# The page becomes part of the binary, so it comes first.
scripts/frontend.sh build
cargo build --release --locked
mkdir -p var
if [[ -z ${DATABASE_URL:-} ]] && ! grep -qs '^[[:space:]]*DATABASE_URL=' .env; then
    export DATABASE_URL=sqlite://var/matchcast.sqlite
fi
exec "$(target_dir)/release/matchcast" serve
