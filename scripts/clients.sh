#!/usr/bin/env bash
# The client tests: `tools` installs the programs they need, `prepare` also their packages, and
# `run` runs them with a built matchcast (MATCHCAST_BIN), on SQLite and, with TEST_DATABASE_URL, on
# PostgreSQL. `grid` runs only the grid bots of ccxt, for many steps. The provider is the embedded
# one or, if MATCHCAST_SOCKUDO is set, that Sockudo binary. `openapi` tests the API by its document
# with many random examples.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

clients="$root/tests/clients"
requirements="$clients/python/requirements.txt"
ccxt="$root/clients/ccxt"
openapi="$clients/openapi"
# Ends a file that hangs. The slowest one takes a minute on an idle machine with two cores.
file_timeout_ms=600000
# Debian installs nginx here, which is not in the PATH of every user.
PATH="$PATH:/usr/sbin"

need_tools() {
    need_node
    need python3 python3
    # Debian packages the modules that create virtual environments separately.
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
    need nginx nginx-light
    # The guides in docs/guides use them in the shell.
    need curl curl
    need jq jq
}

# venv_dir REQUIREMENTS: the name contains a hash of the requirements and the Python version, so
# that a change of either creates a new environment.
venv_dir() {
    local key
    key=$({ cat "$1" && python3 -c 'import sys; print(sys.executable, sys.version)'; } |
        sha256sum | cut -c1-16)
    printf '%s' "$cache_dir/python-$key"
}

# install_venv REQUIREMENTS: installs them unless they are already installed.
install_venv() {
    local venv
    venv=$(venv_dir "$1")
    [[ -e $venv/complete ]] && return
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$1"
    touch "$venv/complete"
}

prepare() {
    install_npm "$clients"
    install_npm "$ccxt"
    install_venv "$requirements"
    install_venv "$ccxt/requirements.txt"
    install_venv "$openapi/requirements.txt"
}

run() {
    : "${MATCHCAST_BIN:?names the matchcast binary to test}"
    MATCHCAST_PYTHON="$(venv_dir "$requirements")/bin/python"
    MATCHCAST_CCXT_PYTHON="$(venv_dir "$ccxt/requirements.txt")/bin/python"
    MATCHCAST_OPENAPI_PYTHON="$(venv_dir "$openapi/requirements.txt")/bin/python"
    export MATCHCAST_BIN MATCHCAST_PYTHON MATCHCAST_CCXT_PYTHON MATCHCAST_OPENAPI_PYTHON
    cd "$clients"
    local files=("$@")
    if [[ ${#files[@]} -eq 0 ]]; then
        # Tests in embedded/ and external/ apply to only one kind of provider.
        files=(*.test.js)
        if [[ -n ${MATCHCAST_SOCKUDO:-} ]]; then
            files+=(external/*.test.js)
        else
            files+=(embedded/*.test.js)
        fi
    fi
    # pusher-js keeps a timer of 30 s for every socket that the server has closed; the forced exit
    # does not wait for it.
    NO_COLOR=1 exec node --test --test-reporter=spec --test-force-exit \
        --test-timeout="${timeout_ms:-$file_timeout_ms}" "${files[@]}"
}

# The grid bots over many steps: 10,000 take a quarter of an hour.
grid() {
    export GRID_STEPS=${1:-10000}
    timeout_ms=$((file_timeout_ms + GRID_STEPS * 300))
    run ccxt-grid.test.js ccxt-grid-python.test.js
}

# The tests by the OpenAPI document with many examples, other ones in each run.
openapi_at_random() {
    export OPENAPI_EXAMPLES=${1:-100} OPENAPI_SEED=random
    timeout_ms=$((file_timeout_ms + OPENAPI_EXAMPLES * 40000))
    run openapi.test.js
}

case ${1:-} in
tools) need_tools ;;
prepare) need_tools && prepare ;;
run) shift && run "$@" ;;
grid) shift && grid "$@" ;;
openapi) shift && openapi_at_random "$@" ;;
*)
    die "usage: scripts/clients.sh tools | prepare | run [FILE…] | grid [STEPS] | openapi [COUNT]"
    ;;
esac
