#!/usr/bin/env bash
# Real Pusher clients against matchcast with Sockudo, a server that speaks Pusher's protocol, as
# the external provider. Not part of `make test`: the first run builds Sockudo, which takes longer
# than all of those tests together.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=5.2.0
# Only what keeps everything in memory: no metrics exporter, no database, no broker.
features=local
# Named after what is in it, so that another version is built afresh and the second run is not.
sockudo_dir="$cache_dir/sockudo-$version-$features"
sockudo="$sockudo_dir/bin/sockudo"

# What Sockudo's build asks for beside what ours does.
need_sockudo_tools() {
    need cmake cmake
    need pkg-config pkg-config
    pkg-config --exists openssl || install_packages libssl-dev
    need protoc protobuf-compiler
    # Debian ships the definitions that every other one may import apart from the compiler.
    protoc --descriptor_set_out=/dev/null google/protobuf/timestamp.proto 2>/dev/null ||
        install_packages libprotobuf-dev
}

# cargo puts the binary in place last, so what is there is complete. The output of an interrupted
# build stays and is taken up by the next. Speed is not tested here, so little is optimised.
install_sockudo() {
    [[ -x $sockudo ]] && return
    need_sockudo_tools
    say "building Sockudo $version into $sockudo_dir; this takes some ten minutes on two cores …"
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install sockudo --version "$version" --locked \
        --no-default-features --features "$features" \
        --root "$sockudo_dir" --target-dir "$sockudo_dir/build"
    rm -rf "$sockudo_dir/build"
}

prepare() {
    need_build_tools
    install_sockudo
    scripts/clients.sh prepare
}

run() {
    local counts passed failed status=0
    # As in test.sh, so that what has been built there is not built again.
    cargo build --locked --features postgres-tests --lib --bins --tests
    MATCHCAST_BIN="$(target_dir)/debug/matchcast"
    MATCHCAST_SOCKUDO=$sockudo
    export MATCHCAST_BIN MATCHCAST_SOCKUDO
    logs=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-sockudo.XXXXXX")
    trap 'rm -rf "$logs"' EXIT
    scripts/with-postgres.sh scripts/clients.sh run "$@" | tee "$logs/clients" || status=$?
    counts=$(count_clients "$logs/clients")
    read -r passed failed <<<"$counts"
    # A run that ended early has counted nothing that says so.
    [[ $status -eq 0 || $failed -gt 0 ]] || failed=1
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [[ $failed -eq 0 && $passed -gt 0 ]]
}

cd "$root"
case ${1:-} in
prepare) prepare ;;
test)
    shift
    prepare
    run "$@"
    ;;
*) die "usage: scripts/sockudo.sh prepare | test [FILE…]" ;;
esac
