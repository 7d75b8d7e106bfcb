#!/usr/bin/env bash
# Runs a command with PGBOUNCER, the path of a PgBouncer that supports transaction mode, and, if the
# distribution has an older one, OLD_PGBOUNCER:
#
#     scripts/with-pgbouncer.sh COMMAND…
#
# PgBouncer comes from the PATH or from a package. Unless that is new enough, a newer one is
# compiled from Debian's source into the cache.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

required=1.21
# The one of Debian 13.
version=1.24.1
checksum=da72a3aba13072876d055a3e58dd4aba4a5de4ed6148e73033185245598fd3e0
built=$cache_dir/pgbouncer-$version/pgbouncer

version_of() { "$1" --version | sed -n 's/^PgBouncer \([0-9.]*\).*/\1/p'; }

# is_new COMMAND: whether it keeps prepared statements in transaction mode.
is_new() {
    printf '%s\n' "$required" "$(version_of "$1")" | sort --check=quiet --version-sort
}

build() {
    local folder url
    need_build_tools
    need curl curl
    need pkg-config pkg-config
    pkg-config --exists libevent openssl || install_packages libevent-dev libssl-dev
    mkdir -p "$cache_dir"
    folder=$(mktemp -d "$cache_dir/pgbouncer.XXXXXX")
    url=https://deb.debian.org/debian/pool/main/p/pgbouncer/pgbouncer_$version.orig.tar.gz
    say "compiling PgBouncer $version …"
    (
        cd "$folder"
        curl -fsSL --max-time 120 -o source.tar.gz "$url"
        printf '%s  source.tar.gz\n' "$checksum" | sha256sum --check --quiet >&2
        tar -xzf source.tar.gz --strip-components=1
        ./configure --without-cares --without-systemd >configure.txt
        make -j "$(nproc)" >make.txt 2>&1
        chmod -R go+rX .
    ) || die "could not compile PgBouncer, see $folder"
    rm -rf "${built%/*}"
    mv "$folder" "${built%/*}"
}

# Debian installs it here, which is not in the PATH of every user.
PATH="$PATH:/usr/sbin"
need pgbouncer pgbouncer
if is_new pgbouncer; then
    PGBOUNCER=$(command -v pgbouncer)
else
    export OLD_PGBOUNCER
    OLD_PGBOUNCER=$(command -v pgbouncer)
    [[ -x $built ]] || build
    PGBOUNCER=$built
fi
export PGBOUNCER
say "PgBouncer $(version_of "$PGBOUNCER")${OLD_PGBOUNCER:+ and $(version_of "$OLD_PGBOUNCER")}"
exec "$@"
