#!/usr/bin/env bash
# Everything that must hold before a change is good: format, lints, the Rust tests on SQLite and
# PostgreSQL, real Pusher clients and a real browser against the binary, and a search for secrets in
# all that was logged. Ends with `N passed, N failed`, summed over the runners; a step that fails,
# or a runner that reports no counts, is a failure of its own.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

if [[ -z ${MATCHCAST_TEST_INSIDE:-} ]]; then
    # Before anything runs at once: two package installations would fight over their lock.
    need_build_tools
    scripts/clients.sh tools
    scripts/browser.sh tools
    MATCHCAST_TEST_INSIDE=1 exec scripts/with-postgres.sh "$0"
fi

passed=0
failed=0
logs=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-test.XXXXXX")
trap 'rm -rf "$logs"' EXIT
# What matchcast itself logs in all of them is gathered here, and searched at the end.
export MATCHCAST_TEST_LOGS="$logs/matchcast"
mkdir "$MATCHCAST_TEST_LOGS"
export CARGO_TERM_COLOR=never

tail_lines=12
failure_lines=400

# start NAME COMMAND…: runs a step without waiting for it.
declare -A step_pid=() step_start=() broken=()
start() {
    local name=$1
    shift
    printf '>> %s: %s\n' "$name" "$*"
    step_start[$name]=$SECONDS
    # A group of its own, so that an interrupt can end it with all that it started.
    setsid "$@" >"$logs/$name" 2>&1 </dev/null &
    step_pid[$name]=$!
}

# finish NAME: waits for a step and shows how it ended. A failure counts once.
finish() {
    local name=$1 verdict=ok lines=$tail_lines
    if ! wait "${step_pid[$name]}"; then
        verdict=FAILED
        lines=$failure_lines
        broken[$name]=1
    fi
    printf '<< %s: %s after %d s\n' "$name" "$verdict" $((SECONDS - step_start[$name]))
    tail -n "$lines" "$logs/$name" | sed 's/^/   /'
}
# A step without counts of its own: its failure is one failure.
check() {
    [[ -z ${broken[$1]:-} ]] || failed=$((failed + 1))
}

# A runner: adds what it counted. A skipped test counts as a failure, because nobody would see it.
count() {
    local name=$1 counts good bad
    counts=$("count_$name" "$logs/$name")
    read -r good bad <<<"$counts"
    if [[ $((good + bad)) -eq 0 ]]; then
        printf '!! %s: no test was counted\n' "$name"
        bad=1
    elif [[ -n ${broken[$name]:-} && $bad -eq 0 ]]; then
        bad=1
    elif [[ -z ${broken[$name]:-} && $bad -gt 0 ]]; then
        printf '!! %s: %d skipped or ignored\n' "$name" "$bad"
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
}

count_rust() {
    awk '/^test result: / {
            for (i = 2; i <= NF; i++) {
                if ($i == "passed;") good += $(i - 1)
                if ($i == "failed;" || $i == "ignored;") bad += $(i - 1)
            }
        }
        END { print good + 0, bad + 0 }' "$1"
}

# `1 passed, 0 failed`
count_logs() { awk '$2 == "passed," && $4 == "failed" { print $1, $3 }' "$1"; }

count_browser() { count_clients "$1"; }

# `Tests  1 failed | 62 passed | 1 skipped (64)`
count_frontend() {
    awk '$1 == "Tests" {
            for (i = 2; i < NF; i++) {
                if ($(i + 1) == "passed") good += $i
                if ($(i + 1) ~ /^(failed|skipped|todo)$/) bad += $i
            }
        }
        END { print good + 0, bad + 0 }' "$1"
}

stop_steps() {
    local pid
    trap - INT TERM
    for pid in "${step_pid[@]}"; do
        kill -TERM -- "-$pid" 2>/dev/null || true
    done
    wait
    exit 130
}
trap stop_steps INT TERM

# The packages come over the network while cargo keeps the cores busy.
start prepare sh -c 'scripts/clients.sh prepare && scripts/browser.sh prepare'
# The page becomes part of the binary, so it is built before it.
start frontend scripts/frontend.sh check
start format cargo fmt --all --check
finish format
check format
finish frontend
count frontend

# One command for tests and binary: apart, cargo would settle on other features of the dependencies
# and compile half of them twice.
start build cargo build --locked --features postgres-tests --lib --bins --tests
finish build
check build
finish prepare
check prepare

# The clients mostly wait and the lints mostly compile: together they leave neither core idle.
if [[ -z ${broken[build]:-}${broken[prepare]:-} ]]; then
    start clients env MATCHCAST_BIN="$(target_dir)/debug/matchcast" scripts/clients.sh run
fi
start lints cargo clippy --locked --features postgres-tests --all-targets -- --deny warnings
finish lints
check lints
if [[ -n ${step_pid[clients]:-} ]]; then
    finish clients
    count clients
fi

if [[ -z ${broken[build]:-}${broken[prepare]:-}${broken[frontend]:-} ]]; then
    start browser env MATCHCAST_BIN="$(target_dir)/debug/matchcast" scripts/browser.sh run
    finish browser
    count browser
fi

# Alone, because these load both cores on purpose.
if [[ -z ${broken[build]:-} ]]; then
    start rust cargo test --locked --features postgres-tests --no-fail-fast
    finish rust
    count rust
fi

# Where one of them has not run, that is a failure already, and there are too few logs.
outputs=("$logs/clients" "$logs/browser" "$logs/rust")
if [[ -e ${outputs[0]} && -e ${outputs[1]} && -e ${outputs[2]} ]]; then
    start logs scripts/check-logs.sh "$MATCHCAST_TEST_LOGS" "${outputs[@]}"
    finish logs
    count logs
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
