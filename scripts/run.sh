#!/usr/bin/env bash
# Builds matchcast and starts it with SQLite under var/, demo data and the embedded provider, on one
# port. Settings in .env or in the environment override these defaults.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

need_build_tools
# The dashboard is embedded in the binary, so it is built first.
scripts/frontend.sh build
# OpenSSL takes minutes to compile, so that of the system is used, if its headers are installed. The
# release build compiles its own, for a binary that runs anywhere.
if has pkg-config && pkg-config --exists 'openssl >= 3'; then
    export OPENSSL_NO_VENDOR=1
else
    say "compiling OpenSSL as well: libssl-dev and pkg-config would save minutes"
fi
# The profile that compiles sooner than `release` (Cargo.toml).
cargo build --profile demo --no-default-features --locked --bin matchcast
mkdir -p var
if [[ -z ${DATABASE_URL:-} ]] && ! grep -qs '^[[:space:]]*DATABASE_URL=' .env; then
    export DATABASE_URL=sqlite://var/matchcast.sqlite
fi
exec "$(target_dir)/demo/matchcast" serve
