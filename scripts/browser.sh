#!/usr/bin/env bash
# Tests of the dashboard in a real browser: `prepare` fetches what they need, `run` runs them
# against a built matchcast (MATCHCAST_BIN). Screenshots are left in tests/artifacts/.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

browser="$root/tests/browser"

need_tools() {
    need_node
    # Elsewhere than on Debian, MATCHCAST_CHROMIUM names the program.
    [[ -n ${MATCHCAST_CHROMIUM:-} ]] || need chromium chromium
}

prepare() {
    install_npm "$root/tests/clients"
    install_npm "$browser"
}

run() {
    : "${MATCHCAST_BIN:?names the matchcast binary to test}"
    MATCHCAST_CHROMIUM=${MATCHCAST_CHROMIUM:-$(command -v chromium)}
    export MATCHCAST_BIN MATCHCAST_CHROMIUM
    cd "$browser"
    # One file after the other: a browser keeps both cores busy.
    NO_COLOR=1 exec node --test --test-reporter=spec --test-concurrency=1 --test-timeout=180000 \
        --test-force-exit "$@"
}

case ${1:-} in
tools) need_tools ;;
prepare) need_tools && prepare ;;
run) shift && run "$@" ;;
*) die "usage: scripts/browser.sh tools | prepare | run [FILE…]" ;;
esac
