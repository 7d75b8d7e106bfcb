#!/usr/bin/env bash
# Builds and checks the dashboard: `build` writes it to frontend/dist, from where cargo embeds it in
# the binary; `check` runs the linter, the format check and the unit tests, then builds.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

frontend="$root/frontend"

build() {
    npm run --silent build
}

check() {
    npm run --silent lint
    npm run --silent format:check
    NO_COLOR=1 npm run --silent test
    build
}

case ${1:-} in
build | check)
    need_node
    install_npm "$frontend"
    cd "$frontend"
    "$1"
    ;;
*) die "usage: scripts/frontend.sh build | check" ;;
esac
