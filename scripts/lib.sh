# What the scripts share. Sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Everything that is kept between runs and is not the checkout's own lives here.
# shellcheck disable=SC2034 # read by the scripts that source this file
cache_dir=${XDG_CACHE_HOME:-$HOME/.cache}/matchcast

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages when that is possible without asking; otherwise names them and stops,
# because a step that is left out without a word looks like a step that passed.
install_packages() {
    if [[ $(id -u) -ne 0 ]] || ! has apt-get; then
        die "missing: install the packages '$*' (Debian's names) and run this again"
    fi
    say "installing $* …"
    # A list that cannot be refreshed may still be good enough to install from.
    apt-get update -qq >&2 || say "the package lists could not be refreshed"
    DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >&2 || die "could not install $*"
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

# What `cargo build` needs beside Rust: OpenSSL and libpq are built from source.
need_build_tools() {
    has cargo || die "Rust is missing: install it with rustup or from your distribution"
    # Debian's gcc only recommends libc6-dev, and recommended packages are not installed here.
    need cc gcc libc6-dev
    can_compile_c || install_packages libc6-dev
    can_compile_c || die "cc cannot compile a trivial C program"
    need make make
    need perl perl
    # OpenSSL's Configure wants modules that Debian's perl-base does not carry.
    perl -MFindBin -MIPC::Cmd -e 1 2>/dev/null || install_packages perl
}

# Node with npm, new enough for what builds the page.
need_node() {
    need node nodejs
    need npm npm
    node -e 'const [a, b] = process.versions.node.split(".").map(Number)
        process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
        die "Node 20.19 or newer is needed, this is Node $(node --version)"
}

# install_npm DIRECTORY: what its lock file names, unless that very set is there already.
install_npm() {
    local wanted
    wanted=$(cat "$1/package.json" "$1/package-lock.json" <(node --version) | sha256sum)
    [[ $(cat "$1/node_modules/.complete" 2>/dev/null) == "$wanted" ]] && return
    (cd "$1" && npm ci --no-audit --no-fund)
    printf '%s\n' "$wanted" >"$1/node_modules/.complete"
}

# Where cargo puts its output, whatever the environment or cargo's own configuration says.
target_dir() {
    cargo metadata --format-version 1 --no-deps --offline --manifest-path "$root/Cargo.toml" |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# hash_of FILE…: a short name for the contents of some files.
hash_of() { cat "$@" | sha256sum | cut -c1-16; }

# count_clients FILE: how many tests passed and how many did not, by what Node's test runner said.
# Skipped counts as failed, because nobody would see it. The spec reporter marks its summary with an
# i, the TAP reporter with a hash.
count_clients() {
    awk '($1 == "#" || $1 == "ℹ") && NF == 3 && $3 ~ /^[0-9]+$/ {
            if ($2 == "pass") good += $3
            if ($2 == "fail" || $2 == "cancelled" || $2 == "skipped" || $2 == "todo") bad += $3
        }
        END { print good + 0, bad + 0 }' "$1"
}
