#!/usr/bin/env bash
# Builds the Debian package, and tests it:
#
#     scripts/package.sh         builds target/debian/matchcast_….deb
#     scripts/package.sh test    builds it, installs it in a bare Debian, starts it, and removes it;
#                                needs root
#
# MATCHCAST_DEB names a package that is already built. The tool is cargo-deb, in the cache.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/debian.sh
source "$root/scripts/debian.sh"
cd "$root"

version=3.8.0
tool=$cache_dir/cargo-deb-$version/bin/cargo-deb
start_limit_s=30
stop_limit_s=30

build() {
    need_build_tools
    need dpkg-shlibdeps dpkg-dev
    [[ -x $tool ]] ||
        cargo install --locked --quiet --version "$version" --root "${tool%/bin/*}" cargo-deb >&2
    scripts/frontend.sh build >&2
    "$tool" --locked --quiet --strip
}

folder=
server=
# Called by the EXIT trap.
# shellcheck disable=SC2317
clean_up() {
    trap '' INT TERM
    [[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
    [[ -z $folder ]] || rm -rf --one-file-system "$folder"
}

passed=0
# ok WHAT COMMAND…: its output goes to the log, whose end is printed if it fails.
ok() {
    local what=$1
    shift
    if ! "$@" >>"$folder/log" 2>&1; then
        tail -n 20 "$folder/log" >&2
        die "the package: not true: $what"
    fi
    passed=$((passed + 1))
    say "ok: $what"
}

inside() { chroot "$system" "$@"; }
is() { [[ $("${@:2}") == "$1" ]]; }

# With the settings of the service, as its user.
serve() {
    # Not by `inside`, whose process would be another one than the server.
    # shellcheck disable=SC2016 # expanded in the system
    chroot "$system" setpriv --reuid=matchcast --regid=matchcast --clear-groups sh -c '
        set -a && . /etc/matchcast/matchcast.env && set +a
        cd /var/lib/matchcast && exec /usr/bin/matchcast serve' </dev/null >>"$folder/log" 2>&1 &
    server=$!
}

refuses_to_start() {
    local status=0
    serve
    wait "$server" || status=$?
    server=
    [[ $status == 1 ]] && grep -q APP_KEY "$folder/log"
}

answers() {
    local end_s=$((SECONDS + start_limit_s))
    until curl -sf --noproxy '*' --max-time 1 "http://127.0.0.1:$port/ready" >/dev/null; do
        kill -0 "$server" || return 1
        ((SECONDS < end_s)) || return 1
        sleep 0.1
    done
}

registers_a_user() {
    curl -sf --noproxy '*' --max-time 5 --data name=a --data email=a@example.com \
        --data 'password=a long one' --data 'password_confirmation=a long one' \
        "http://127.0.0.1:$port/api/register" >/dev/null
}

stops() {
    local end_s=$((SECONDS + stop_limit_s)) status=0
    kill -TERM "$server"
    while kill -0 "$server" 2>/dev/null; do
        ((SECONDS < end_s)) || return 1
        sleep 0.1
    done
    wait "$server" || status=$?
    server=
    [[ $status == 0 ]]
}

configure() {
    port=$(free_port)
    sed -i -e "s/^APP_KEY=.*/APP_KEY=$(head -c 48 /dev/urandom | base64 -w 0 | tr '+/' '-_')/" \
        -e "s/^PORT=.*/PORT=$port/" "$system/etc/matchcast/matchcast.env"
    printf 'BROADCAST_CONNECTION=log\n' >>"$system/etc/matchcast/matchcast.env"
}

test_package() {
    local deb=$1
    [[ $(id -u) -eq 0 ]] || die "root is required, to create a Debian system in a folder"
    need debootstrap debootstrap
    need curl curl
    folder=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-package.XXXXXX")
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    system=$folder/system
    say "creating a Debian system …"
    create_debian "$system" systemd >"$folder/log" 2>&1 ||
        die "debootstrap failed: $(tail -n 5 "$folder/log")"
    cp "$deb" "$system/matchcast.deb"
    inside apt-get update -qq >>"$folder/log" 2>&1
    ok 'it is installed with what it depends on' \
        inside env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq /matchcast.deb
    ok 'the unit is valid' inside systemd-analyze verify matchcast.service
    ok 'the unit is confined' inside systemd-analyze security --offline=true --no-pager \
        --threshold=25 matchcast.service
    ok 'the secrets are for the service alone' \
        is '640 root matchcast' inside stat --format '%a %U %G' /etc/matchcast/matchcast.env
    ok 'it does not start before it has a key, and says so' refuses_to_start
    configure
    serve
    ok 'it starts' answers
    ok 'it stores a user' registers_a_user
    ok 'it stops in order' stops
    ok 'its database is in its folder' \
        is '750 matchcast' inside stat --format '%a %U' /var/lib/matchcast
    ok 'the database is correct' \
        inside env DATABASE_URL=sqlite:///var/lib/matchcast/matchcast.sqlite \
        /usr/bin/matchcast audit
    inside apt-get remove -y -qq matchcast >>"$folder/log" 2>&1
    ok 'removed, it leaves its settings' test -e "$system/etc/matchcast/matchcast.env"
    ok 'removed, it leaves no program' test ! -e "$system/usr/bin/matchcast"
    inside apt-get purge -y -qq matchcast >>"$folder/log" 2>&1
    ok 'purged, it leaves no settings' test ! -e "$system/etc/matchcast/matchcast.env"
    ok 'purged, it leaves the database' test -s "$system/var/lib/matchcast/matchcast.sqlite"
    printf '%d passed, 0 failed\n' "$passed"
}

deb=${MATCHCAST_DEB:-}
[[ -n $deb ]] || deb=$(build)
case ${1:-build} in
build) printf '%s\n' "$deb" ;;
test) test_package "$deb" ;;
*) die "usage: scripts/package.sh [test]" ;;
esac
