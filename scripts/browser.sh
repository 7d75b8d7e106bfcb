#!/usr/bin/env bash
# The tests of the dashboard, and of pages written for Laravel, in a real browser: `tools` installs
# the programs they need, `prepare` also their packages, and `run` runs them with a built matchcast
# (MATCHCAST_BIN). They write screenshots to tests/artifacts/. `screenshots` replaces the committed
# ones in docs/images/.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

browser="$root/tests/browser"
# Debian installs nginx here, which is not in the PATH of every user.
PATH="$PATH:/usr/sbin"

need_tools() {
    need_node
    # For pages behind nginx with TLS, and the database of a Laravel backend.
    need nginx nginx-light
    need openssl openssl
    need python3 python3
    # On systems other than Debian, MATCHCAST_CHROMIUM names the program.
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
    # One file at a time, because a browser uses several cores.
    NO_COLOR=1 exec node --test --test-reporter=spec --test-concurrency=1 --test-timeout=600000 \
        --test-force-exit "$@"
}

screenshots() {
    local theme name
    need pngquant pngquant
    (run --test-name-pattern='shows a busy market' screenshots.test.js)
    mkdir -p "$root/docs/images"
    for theme in light dark; do
        name="dashboard-$theme.png"
        # 256 colors are enough for the page and reduce the size to a third.
        pngquant --force --strip --speed 1 --quality 80-100 \
            --output "$root/docs/images/$name" "$root/tests/artifacts/$name"
    done
}

case ${1:-} in
tools) need_tools ;;
prepare) need_tools && prepare ;;
run) shift && run "$@" ;;
screenshots) need_tools && prepare && screenshots ;;
*) die "usage: scripts/browser.sh tools | prepare | run [FILE…] | screenshots" ;;
esac
