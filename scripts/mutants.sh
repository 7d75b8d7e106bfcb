#!/usr/bin/env bash
# Changes the code in one place at a time (cargo-mutants) and checks that a test fails. Prints the
# changes that no test notices. Runs until MUTANTS_MINUTES have passed for each group, in a copy of
# the checkout; the reports are in the folder `mutants` of cargo's output.
#
#     scripts/mutants.sh [GROUP…]     groups: publisher engine sign auth broadcasting
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

version=27.1.0
minutes=${MUTANTS_MINUTES:-60}
# A mutant may loop for ever.
test_timeout_s=120

# Builds cargo-mutants once, outside the checkout and of cargo's own programs.
need_build_tools
tool=$cache_dir/cargo-mutants-$version
[[ -x $tool/bin/cargo-mutants ]] ||
    cargo install --locked --root "$tool" --version "$version" cargo-mutants

# Each mutant is linked anew, which takes longer with debug information.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0

status=0
# mutate GROUP FILE… -- TARGETS FILTER [TARGETS FILTER]…: the changes in these files. TARGETS are
# options of `cargo test` that say what to build, FILTER the tests to run. Each further pair is for
# the changes that the tests before it have missed, so that the slow tests run for few of them.
mutate() {
    local group=$1 output files=()
    shift
    output="$(target_dir)/mutants/$group"
    rm -rf "$output"
    mkdir -p "$output"
    while [[ $1 != -- ]]; do
        files+=(--file "$1")
        shift
    done
    shift
    while [[ $# -gt 0 ]]; do
        run_tests "$output" "$1" "$2"
        shift 2
    done
    report "$group" "$output/mutants.out"
}

# run_tests OUTPUT TARGETS FILTER: for each change that no earlier call for OUTPUT has caught.
run_tests() {
    local output=$1 targets=() target result=0
    # Without these, cargo-mutants builds the tests of all targets for each change.
    for target in $2; do targets+=(--cargo-arg="$target"); done
    say "$2 $3"
    # The tests are words for `cargo test`.
    # shellcheck disable=SC2086
    timeout --signal=INT "${minutes}m" "$tool/bin/cargo-mutants" mutants --output "$output" \
        --iterate --timeout "$test_timeout_s" --no-shuffle --colors never "${targets[@]}" \
        "${files[@]}" -- --locked -- $3 || result=$?
    # 2: some were missed, 3: some timed out, 124: the time is over.
    case $result in
    0 | 2 | 3) ;;
    124 | 130) say "stopped after $minutes minutes; the report covers the changes so far" ;;
    *) die "cargo-mutants failed with exit code $result" ;;
    esac
}

report() {
    local group=$1 folder=$2 rest missed
    # The second kind includes those of earlier calls that do not compile.
    rest=$(cat "$folder"/{{previously_,}caught,timeout,unviable}.txt 2>/dev/null | sort -u | wc -l)
    missed=$(wc -l <"$folder/missed.txt")
    printf '%s: %d caught, timed out or not compiled, %d missed\n' "$group" "$rest" "$missed"
    sed 's/^/  missed: /' "$folder/missed.txt"
    [[ $missed -eq 0 ]] || status=1
}

group() {
    case $1 in
    publisher) mutate publisher src/publisher/delivery/{circuit_breaker,backoff}.rs \
        src/publisher/delivery/{refusals,lane,lanes}.rs src/publisher/outbox/lease.rs \
        -- --lib publisher ;;
    engine) mutate engine src/engine/{request,once,lane,lanes}.rs -- --lib engine \
        '--lib --test=it' 'engine deadlines concurrency idempotency' ;;
    sign) mutate sign src/pusher/sign.rs -- --test=pusher 'sign:: webhook::' ;;
    auth) mutate auth src/auth/*.rs -- --lib auth \
        '--lib --test=it --test=store' 'auth sign session token secret edges access' ;;
    broadcasting) mutate broadcasting src/http/routes/broadcasting.rs -- --test=it broadcasting ;;
    *) die "unknown group '$1'" ;;
    esac
}

[[ $# -gt 0 ]] || set -- publisher engine sign auth broadcasting
for name in "$@"; do group "$name"; done
exit "$status"
