#!/usr/bin/env bash
# Measures matchcast on this machine, and writes docs/BENCHMARKS.md, its plots and the figures in
# README.md from the measurements.
#
#     scripts/bench.sh              all parts, then the report; an incomplete report is an error
#     scripts/bench.sh PART…        only these parts, then the report of what was measured so far
#     scripts/bench.sh report       only the report
#     BENCH=short scripts/bench.sh  all parts but `matcher` in a very short form. Its figures mean
#                                   nothing, so they and the report go to a temporary folder
#
# The parts are listed below; benches/orders/main.rs and benches/events/main.rs describe them. Each
# replaces its measurements in var/bench, one JSON object per line. SECONDS_EACH is the length of a
# measurement, REPETITIONS their number, EVENTS the events in a full outbox, GROWTH the orders in
# the history of the large database. BENCH_CARGO_FLAGS are passed to `cargo bench`,
# BENCH_MATCHER_FLAGS to that of benches/matcher.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

orders_parts=(engine http distance processes reads growth process)
events_parts=(channel heard storm embedded provider)
# Not part of a complete run: `memory` takes long, and `sdk` is a part of `provider`.
other_parts=(memory sdk)
read -ra cargo_flags <<<"${BENCH_CARGO_FLAGS:-}"
# The features are those of matchcast's package, which this one lacks.
read -ra matcher_flags <<<"${BENCH_MATCHER_FLAGS:-}"

# Prints the benchmark that a part belongs to.
benchmark_of() {
    local part=$1
    case " ${orders_parts[*]} memory " in *" $part "*) printf orders && return ;; esac
    case " ${events_parts[*]} sdk " in *" $part "*) printf events && return ;; esac
    case $part in
    matcher | report) printf '%s' "$part" ;;
    *) die "no such part: $part; there are ${orders_parts[*]} ${events_parts[*]} matcher \
${other_parts[*]} report" ;;
    esac
}

# pgbench comes with the server on Debian, on some releases outside PATH.
find_pgbench() {
    local found
    if has pgbench; then
        printf pgbench
        return
    fi
    for found in $(printf '%s\n' /usr/lib/postgresql/*/bin/pgbench | sort -Vr); do
        [[ -x $found ]] && printf '%s' "$found" && return
    done
    install_packages postgresql-contrib
    has pgbench || die "pgbench is still missing after postgresql-contrib was installed"
    printf pgbench
}

prepare() {
    need_build_tools
    need_node
    need git git
    # The size of the binary is measured without symbols.
    need strip binutils
    # The SDK is a dependency of the client tests.
    install_npm tests/clients
    PGBENCH=$(find_pgbench)
    export PGBENCH
    # Compile everything first: a compiler running next to a benchmark distorts it.
    cargo bench --locked "${cargo_flags[@]}" --bench orders --bench events --no-run
    [[ " ${parts[*]} " != *" matcher "* ]] || matcher --no-run
}

# matcher ARGUMENT…: the benchmark of matching alone, a package of its own.
matcher() {
    CRITERION_HOME="$BENCH_DIR/criterion" cargo bench --locked \
        --manifest-path benches/matcher/Cargo.toml --target-dir "$(target_dir)" \
        "${matcher_flags[@]}" --bench matcher "$@"
}

run_matcher() {
    local lengths=(--warm-up-time 2 --measurement-time 5 --sample-size 20)
    if [[ ${BENCH:-full} == short ]]; then
        lengths=(--warm-up-time 0.1 --measurement-time 0.2 --sample-size 10)
    fi
    matcher -- "${lengths[@]}"
    node benches/report/criterion.mjs "$BENCH_DIR/criterion/matcher" "$BENCH_DIR/matcher.jsonl"
}

report() {
    if [[ ${BENCH:-full} == short ]]; then
        node benches/report/main.mjs "$BENCH_DIR" "$BENCH_DIR/report" "$@"
    else
        node benches/report/main.mjs "$BENCH_DIR" "$root" "$@"
    fi
}

run_part() {
    local part=$1 benchmark
    benchmark=$(benchmark_of "$part")
    say "== $part"
    case $benchmark in
    report) ;;
    matcher) run_matcher ;;
    *) cargo bench --locked "${cargo_flags[@]}" --bench "$benchmark" -- "$part" ;;
    esac
}

parts=("$@")
complete=()
if [[ ${#parts[@]} -eq 0 ]]; then
    parts=("${orders_parts[@]}" "${events_parts[@]}")
    # A short run leaves out some sizes, and `matcher`, whose packages take minutes to compile.
    if [[ ${BENCH:-full} != short ]]; then
        parts+=(matcher)
        complete=(--complete)
    fi
fi
# Names the mistake before anything is built.
for part in "${parts[@]}"; do benchmark_of "$part" >/dev/null; done

export BENCH_DIR=${BENCH_DIR:-$root/var/bench}
if [[ ${parts[*]} == report ]]; then
    need_node
    report
    exit
fi
if [[ -z ${MATCHCAST_BENCH_INSIDE:-} ]]; then
    if [[ ${BENCH:-full} == short ]]; then
        # A short run must not replace measurements.
        BENCH_DIR=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-bench.XXXXXX")
        trap 'rm -rf "$BENCH_DIR"' EXIT
        export EVENTS=${EVENTS:-2000}
    fi
    prepare
    MATCHCAST_BENCH_INSIDE=1 scripts/with-postgres.sh "$0" "$@"
    exit
fi

# Each page and each concurrent call of the SDK opens connections, each a file at both ends.
ulimit -n "$(ulimit -Hn)"
for part in "${parts[@]}"; do run_part "$part"; done
report "${complete[@]}"
