#!/usr/bin/env bash
# Runs all checks: format, lints, the dashboard's checks, the Rust tests on SQLite, PostgreSQL and
# MariaDB, real Pusher clients and a real browser against the binary, and a search of all logs for
# secrets.
# The last line is `N passed, N failed`, the sum over all test runners. A failed step, or a runner
# that reports no counts, adds one failure. The lines before it name the failed steps and tests.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

if [[ -z ${MATCHCAST_TEST_INSIDE:-} ]]; then
    # Install packages before steps run in parallel: apt allows only one installation at a time.
    need_build_tools
    scripts/clients.sh tools
    scripts/browser.sh tools
    scripts/alerts.sh tools
    # For the test of backups.
    need pg_dump postgresql-client
    # Definitions of locales, for the tests with a PostgreSQL server that writes German.
    [[ -e /usr/share/i18n/locales/de_DE ]] || install_packages locales
    MATCHCAST_TEST_INSIDE=1 exec scripts/with-pgbouncer.sh \
        scripts/with-postgres.sh scripts/with-mysql.sh "$0"
fi

passed=0
failed=0
logs=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-test.XXXXXX")
trap 'rm -rf "$logs"' EXIT
# Collects the logs of matchcast from all tests, for the search at the end.
export MATCHCAST_TEST_LOGS="$logs/matchcast"
mkdir "$MATCHCAST_TEST_LOGS"
export CARGO_TERM_COLOR=never
features=postgres-tests,mysql-tests,pgbouncer-tests

tail_lines=12
failure_lines=400
summary_lines=15
summary_columns=160
declare -A runners=([rust]=rust [clients]=node [browser]=node [frontend]=vitest [bench]=node)

# start NAME COMMAND…: starts a step in the background.
declare -A step_pid=() step_start=() step_failed=()
# The steps for the summary, with the reason.
failures=()
declare -A reasons=()
start() {
    local name=$1
    shift
    printf '>> %s: %s\n' "$name" "$*"
    step_start[$name]=$SECONDS
    # A process group of its own, so that an interrupt can stop the step with its children.
    setsid "$@" >"$logs/$name" 2>&1 </dev/null &
    step_pid[$name]=$!
}

# finish NAME: waits for a step and prints its result and the end of its output.
finish() {
    local name=$1 result=ok lines=$tail_lines
    if ! wait "${step_pid[$name]}"; then
        result=FAILED
        lines=$failure_lines
        step_failed[$name]=1
        summarize "$name" failed
    fi
    printf '<< %s: %s after %d s\n' "$name" "$result" $((SECONDS - step_start[$name]))
    tail -n "$lines" "$logs/$name" | sed 's/^/   /'
}

# summarize NAME REASON: lists the step in the summary.
summarize() {
    [[ -n ${reasons[$1]:-} ]] || failures+=("$1")
    reasons[$1]=$2
}

# Prints which steps and tests failed, in few lines, because some views of a CI run show only the
# last ones. Prints nothing if all passed.
print_summary() {
    local name runner share
    [[ ${#failures[@]} -gt 0 ]] || return 0
    share=$((summary_lines / ${#failures[@]}))
    ((share > 2)) || share=2
    for name in "${failures[@]}"; do
        printf '!! %s: %s\n' "$name" "${reasons[$name]}"
        [[ -n ${step_failed[$name]:-} ]] || continue
        runner=${runners[$name]:-other}
        scripts/failures.sh "$runner" "$logs/$name" | shorten $((share - 1))
    done
}

# shorten COUNT: prints at most this many lines of the input. If there are more, it leaves out the
# errors, which are indented, and then the last tests.
shorten() {
    local lines line
    mapfile -t lines
    if ((${#lines[@]} > $1)); then
        mapfile -t lines < <(printf '%s\n' "${lines[@]}" | grep -v '^  ')
    fi
    if ((${#lines[@]} > $1)); then
        lines=("${lines[@]:0:$1-1}" "… and $((${#lines[@]} - $1 + 1)) more lines")
    fi
    for line in "${lines[@]}"; do
        printf '   %s\n' "${line:0:summary_columns}"
    done
}

# check NAME: counts one failure if the step failed. For steps that are not test runners.
check() {
    [[ -z ${step_failed[$1]:-} ]] || failed=$((failed + 1))
}

# count NAME: adds the counts of a test runner. A skipped test counts as failed; otherwise it would
# go unnoticed.
count() {
    local name=$1 counts step_passes step_failures
    counts=$("count_$name" "$logs/$name")
    read -r step_passes step_failures <<<"$counts"
    if [[ $((step_passes + step_failures)) -eq 0 ]]; then
        summarize "$name" "no tests were counted"
        step_failures=1
    elif [[ -n ${step_failed[$name]:-} && $step_failures -eq 0 ]]; then
        step_failures=1
    elif [[ -z ${step_failed[$name]:-} && $step_failures -gt 0 ]]; then
        summarize "$name" "$step_failures skipped or ignored"
    fi
    passed=$((passed + step_passes))
    failed=$((failed + step_failures))
}

# The functions count_NAME print the numbers of passed and failed tests in a runner's output.

count_rust() {
    awk '/^test result: / {
            for (i = 2; i <= NF; i++) {
                if ($i == "passed;") passed += $(i - 1)
                if ($i == "failed;" || $i == "ignored;") failed += $(i - 1)
            }
        }
        END { print passed + 0, failed + 0 }' "$1"
}

# Counts a line like `1 passed, 0 failed`.
count_alerts() { count_logs "$1"; }
count_logs() { awk '$2 == "passed," && $4 == "failed" { print $1, $3 }' "$1"; }

count_clients() { count_node_tests "$1"; }
count_browser() { count_node_tests "$1"; }
count_bench() { count_node_tests "$1"; }

# Counts a line like `Tests  1 failed | 62 passed | 1 skipped (64)`.
count_frontend() {
    awk '$1 == "Tests" {
            for (i = 2; i < NF; i++) {
                if ($(i + 1) == "passed") passed += $i
                if ($(i + 1) ~ /^(failed|skipped|todo)$/) failed += $i
            }
        }
        END { print passed + 0, failed + 0 }' "$1"
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

# Downloads packages while cargo uses the cores.
start prepare sh -c 'scripts/clients.sh prepare && scripts/browser.sh prepare'
# The dashboard is embedded in the binary, so it is built first.
start frontend scripts/frontend.sh check
start alerts scripts/alerts.sh check
start format cargo fmt --all --check
finish format
check format
finish alerts
count alerts
finish frontend
count frontend

# One command for tests and binary: in two commands, cargo would select different features of the
# dependencies and compile many of them twice.
start build cargo build --locked --features "$features" --lib --bins --tests
finish build
check build
finish prepare
check prepare

# The clients mostly wait and the lints mostly compile, so they run at the same time.
if [[ -z ${step_failed[build]:-}${step_failed[prepare]:-} ]]; then
    start clients env MATCHCAST_BIN="$(target_dir)/debug/matchcast" scripts/clients.sh run
fi
start lints cargo clippy --locked --features "$features" --all-targets -- --deny warnings
finish lints
check lints
# A broken link in the documentation of the code is an error.
start docs env RUSTDOCFLAGS=--deny=warnings \
    cargo doc --locked --no-deps --document-private-items
finish docs
check docs
if [[ -n ${step_pid[clients]:-} ]]; then
    finish clients
    count clients
fi

if [[ -z ${step_failed[build]:-}${step_failed[prepare]:-}${step_failed[frontend]:-} ]]; then
    start browser env MATCHCAST_BIN="$(target_dir)/debug/matchcast" scripts/browser.sh run
    finish browser
    count browser
fi

# The Rust tests run alone, because some of them need all cores.
if [[ -z ${step_failed[build]:-} ]]; then
    # With what relatives of PostgreSQL do differently, see docs/SCALING.md.
    start rust env TEST_POSTGRES_RELATIVE=1 \
        cargo test --locked --features "$features" --no-fail-fast
    finish rust
    count rust
    # Shows that the benchmarks work, with the build of the tests; their figures mean nothing.
    start bench env BENCH=short BENCH_CARGO_FLAGS="--profile dev --features $features" sh -c \
        'NO_COLOR=1 node --test --test-reporter=spec benches/report/*.test.mjs && scripts/bench.sh'
    finish bench
    count bench
fi

# Skipped if one of these runners did not run: that is already a failure, and logs are missing.
outputs=("$logs/clients" "$logs/browser" "$logs/rust")
if [[ -e ${outputs[0]} && -e ${outputs[1]} && -e ${outputs[2]} ]]; then
    start logs scripts/check-logs.sh "$MATCHCAST_TEST_LOGS" "${outputs[@]}"
    finish logs
    count logs
fi

print_summary || true
printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
