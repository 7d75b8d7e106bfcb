#!/usr/bin/env bash
# Installs what the client tests need: `prepare` fetches it, `run` runs the tests against a built
# matchcast (MATCHCAST_BIN), on SQLite and, with TEST_DATABASE_URL, on PostgreSQL. The provider is
# the embedded one or, where MATCHCAST_SOCKUDO names its binary, Sockudo.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

clients="$root/tests/clients"
requirements="$clients/python/requirements.txt"

need_tools() {
    need_node
    need python3 python3
    # Debian ships Python without the part that puts pip into a virtual environment.
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
}

# Named after what is in it, so that another set of requirements or another Python starts afresh.
venv_dir() {
    local key
    key=$({ cat "$requirements" && python3 -c 'import sys; print(sys.executable, sys.version)'; } |
        sha256sum | cut -c1-16)
    printf '%s' "$cache_dir/python-$key"
}

prepare() {
    local venv
    install_npm "$clients"
    venv=$(venv_dir)
    if [[ ! -e $venv/complete ]]; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
        touch "$venv/complete"
    fi
}

run() {
    : "${MATCHCAST_BIN:?names the matchcast binary to test}"
    MATCHCAST_PYTHON="$(venv_dir)/bin/python"
    export MATCHCAST_BIN MATCHCAST_PYTHON
    cd "$clients"
    local files=("$@")
    if [[ ${#files[@]} -eq 0 ]]; then
        # A file that cannot hold for both kinds of provider says why at its top.
        files=(*.test.js)
        if [[ -n ${MATCHCAST_SOCKUDO:-} ]]; then
            files+=(external/*.test.js)
        else
            files+=(embedded/*.test.js)
        fi
    fi
    # The timeout ends a test that hangs. pusher-js leaves a timer of 30 s behind for every socket
    # that the server has closed; with the forced exit nobody waits for it.
    NO_COLOR=1 exec node --test --test-reporter=spec --test-timeout=120000 --test-force-exit \
        "${files[@]}"
}

case ${1:-} in
tools) need_tools ;;
prepare) need_tools && prepare ;;
run) shift && run "$@" ;;
*) die "usage: scripts/clients.sh tools | prepare | run [FILE…]" ;;
esac
