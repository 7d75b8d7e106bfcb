#!/usr/bin/env bash
# Runs real Pusher clients against matchcast with Sockudo, a server for the Pusher protocol, as the
# external provider. Not part of `make test`: the first run builds Sockudo, which takes longer than
# all of those tests together.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
PATH="$PATH:/usr/sbin"

version=5.2.0
# Apps are in memory; a cluster shares its messages by Redis. No metrics exporter, no database.
features=local,redis
# The name contains version and features, so that each combination is built exactly once.
sockudo_dir="$cache_dir/sockudo-$version-$features"
sockudo="$sockudo_dir/bin/sockudo"

# Tools that Sockudo's build needs in addition to those of matchcast.
need_sockudo_tools() {
    need cmake cmake
    need pkg-config pkg-config
    pkg-config --exists openssl || install_packages libssl-dev
    need protoc protobuf-compiler
    # Debian ships the standard definitions (google/protobuf) separately from the compiler.
    protoc --descriptor_set_out=/dev/null google/protobuf/timestamp.proto 2>/dev/null ||
        install_packages libprotobuf-dev
}

# cargo installs the binary as its last step, so an existing binary is complete. The next run
# continues an interrupted build. Optimisation is low: these tests do not measure speed.
install_sockudo() {
    [[ -x $sockudo ]] && return
    need_sockudo_tools
    say "building Sockudo $version into $sockudo_dir; this takes about ten minutes on two cores …"
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
    # For the cluster. Debian installs HAProxy in /usr/sbin.
    has redis-server || install_without_services redis-server
    has haproxy || install_without_services haproxy
    scripts/clients.sh prepare
}

run() {
    local status=0
    # The same command as in test.sh, so that its build output is reused.
    cargo build --locked --features postgres-tests --lib --bins --tests
    MATCHCAST_BIN="$(target_dir)/debug/matchcast"
    MATCHCAST_SOCKUDO=$sockudo
    export MATCHCAST_BIN MATCHCAST_SOCKUDO
    logs=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-sockudo.XXXXXX")
    trap 'rm -rf "$logs"' EXIT
    scripts/with-postgres.sh scripts/clients.sh run "$@" | tee "$logs/clients" || status=$?
    end_with_counts "$logs/clients" "$status"
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
