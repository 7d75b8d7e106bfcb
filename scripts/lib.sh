# Functions and variables shared by the scripts. Sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Holds everything that is kept between runs outside the checkout.
# shellcheck disable=SC2034 # read by the scripts that source this file
cache_dir=${XDG_CACHE_HOME:-$HOME/.cache}/matchcast

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages if that needs no password; otherwise names them and stops. Skipping the
# step instead would look as if it had passed.
install_packages() {
    if [[ $(id -u) -ne 0 ]] || ! has apt-get; then
        die "missing packages: install '$*' (names on Debian), then run this again"
    fi
    say "installing $* …"
    # Outdated package lists may still be sufficient.
    apt-get update -qq >&2 || say "could not update the package lists"
    DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >&2 || die "could not install $*"
}

# Debian starts the services of these packages, and again with the machine, unless that is denied.
install_without_services() {
    local policy=/usr/sbin/policy-rc.d status=0 created=
    if [[ $(id -u) -eq 0 && ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        created=1
    fi
    (install_packages "$@") || status=1
    [[ -z $created ]] || rm -f "$policy"
    if [[ $status -eq 0 ]] && has systemctl; then
        systemctl disable --quiet etcd haproxy redis-server 2>/dev/null || true
    fi
    return "$status"
}

# need COMMAND PACKAGE…: installs the packages if the command is missing.
need() {
    local command=$1
    shift
    has "$command" && return
    install_packages "$@"
    has "$command" || die "$command is still missing after $* was installed"
}

# Checks that the C compiler finds the headers and start files of the C library.
can_compile_c() {
    local program status=0
    program=$(mktemp "${TMPDIR:-/tmp}/matchcast-cc.XXXXXX")
    printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' |
        cc -x c -o "$program" - 2>/dev/null || status=1
    rm -f "$program"
    return "$status"
}

# Rust in a version that Cargo.toml permits. It is not installed here, because users choose between
# rustup and the packages of their distribution.
need_rust() {
    local required found
    required=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
    if ! has cargo || ! has rustc; then
        die "Rust is not installed: install $required or newer, see README.md"
    fi
    found=$(rustc --version | cut -d ' ' -f 2)
    printf '%s\n' "$required" "$found" | sort --check=quiet --version-sort ||
        die "Rust $required or newer is required, found $found: see README.md"
}

# Tools that `cargo build` needs: OpenSSL and libpq are built from source.
need_build_tools() {
    need_rust
    # Debian's gcc only recommends libc6-dev, and recommended packages are not installed here.
    need cc gcc libc6-dev
    can_compile_c || install_packages libc6-dev
    can_compile_c || die "cc cannot compile a trivial C program"
    need make make
    need perl perl
    # OpenSSL's Configure needs modules that Debian's perl-base does not contain.
    perl -MFindBin -MIPC::Cmd -e 1 2>/dev/null || install_packages perl
}

# Node with npm, in a version that can build the dashboard.
need_node() {
    need node nodejs
    need npm npm
    node -e 'const [a, b] = process.versions.node.split(".").map(Number)
        process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
        die "Node 20.19 or newer is required, found $(node --version)"
}

# install_npm DIRECTORY: installs the packages of its lock file unless they are already installed.
install_npm() {
    local wanted
    wanted=$(cat "$1/package.json" "$1/package-lock.json" <(node --version) | sha256sum)
    [[ $(cat "$1/node_modules/.complete" 2>/dev/null) == "$wanted" ]] && return
    (cd "$1" && npm ci --no-audit --no-fund)
    printf '%s\n' "$wanted" >"$1/node_modules/.complete"
}

# The directory of cargo's output, including settings from the environment and cargo's config files.
target_dir() {
    cargo metadata --format-version 1 --no-deps --offline --manifest-path "$root/Cargo.toml" |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# Prints a port of 127.0.0.1 on which nothing listens. Another process may take it meanwhile.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s' "$port" && return; }
    done
}

# hash_of FILE…: a short hash of the files' contents.
hash_of() { cat "$@" | sha256sum | cut -c1-16; }

# count_node_tests FILE: prints the numbers of passed and failed tests in the output of Node's test
# runner. A skipped test counts as failed; otherwise it would go unnoticed. The lines of the summary
# begin with "ℹ" (spec reporter) or "#" (TAP reporter).
count_node_tests() {
    awk '($1 == "#" || $1 == "ℹ") && NF == 3 && $3 ~ /^[0-9]+$/ {
            if ($2 == "pass") passed += $3
            if ($2 == "fail" || $2 == "cancelled" || $2 == "skipped" || $2 == "todo") failed += $3
        }
        END { print passed + 0, failed + 0 }' "$1"
}

# end_with_counts FILE STATUS: prints the counts of the tests in a file, and fails unless all have
# passed. The counts do not show that a run ended early, but its status does.
end_with_counts() {
    local passed failed
    read -r passed failed < <(count_node_tests "$1")
    [[ $2 -eq 0 || $failed -gt 0 ]] || failed=1
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [[ $failed -eq 0 && $passed -gt 0 ]]
}
