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
# mutate GROUP TESTS FILE…: the changes in these files, with the tests that cover them.
mutate() {
    local group=$1 tests=$2 output result=0 files=() file
    shift 2
    for file in "$@"; do files+=(--file "$file"); done
    output="$(target_dir)/mutants/$group"
    rm -rf "$output"
    mkdir -p "$output"
    say "$group: $*"
    # The tests are words for `cargo test`.
    # shellcheck disable=SC2086
    timeout --signal=INT "${minutes}m" "$tool/bin/cargo-mutants" mutants --output "$output" \
        --timeout "$test_timeout_s" --no-shuffle --colors never "${files[@]}" -- --locked $tests ||
        result=$?
    # 2: some were missed, 3: some timed out, 124: the time is over.
    case $result in
    0 | 3) ;;
    2) status=1 ;;
    124 | 130) say "$group: stopped after $minutes minutes; the report covers the changes so far" ;;
    *) die "$group: cargo-mutants failed with exit code $result" ;;
    esac
    report "$output/mutants.out"
}

report() {
    local kind
    for kind in caught missed timeout unviable; do
        printf '%s: %d\n' "$kind" "$(wc -l <"$1/$kind.txt")"
    done
    sed 's/^/  missed: /' "$1/missed.txt"
}

group() {
    case $1 in
    publisher) mutate publisher --lib src/publisher/delivery/{circuit_breaker,backoff}.rs \
        src/publisher/delivery/{refusals,lane,lanes}.rs src/publisher/outbox/lease.rs ;;
    engine) mutate engine '--lib --test it -- engine deadlines concurrency' \
        src/engine/{request,lane,lanes}.rs ;;
    sign) mutate sign '--lib --test pusher' src/pusher/sign.rs ;;
    auth) mutate auth '--lib --test it --test store -- auth sign session token secret edges' \
        'src/auth/*.rs' ;;
    broadcasting) mutate broadcasting '--test it -- broadcasting' src/http/routes/broadcasting.rs ;;
    *) die "unknown group '$1'" ;;
    esac
}

[[ $# -gt 0 ]] || set -- publisher engine sign auth broadcasting
for name in "$@"; do group "$name"; done
exit "$status"
