#!/usr/bin/env bash
# The dashboard: `build` leaves it in frontend/dist, from where cargo takes it into the binary;
# `check` also looks at style and runs its unit tests.
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
