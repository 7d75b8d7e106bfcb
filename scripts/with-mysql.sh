#!/usr/bin/env bash
# Runs a command with TEST_MYSQL_URL set to a MySQL or MariaDB server on which it may create
# databases:
#
#     scripts/with-mysql.sh cargo test --features mysql-tests --test import
#
# Uses the first of these that works: the server in TEST_MYSQL_URL; a server at 127.0.0.1:3306 that
# accepts the user `root` without a password; a temporary MariaDB server, removed afterwards.
# MariaDB is installed if necessary. Commands must create their own databases and must not
# touch existing ones.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ $# -gt 0 ]] || die "usage: scripts/with-mysql.sh COMMAND [ARGUMENT…]"

# A different port selects another server, or none if nothing listens there.
probe_port=${MYSQL_PROBE_PORT:-3306}
start_attempts=5
start_deadline_s=60

# A test starts an encrypted server of its own, so the program is needed whatever server is found.
# Debian installs it outside the PATH of users.
PATH=$PATH:/usr/sbin
if ! has mariadbd || ! has mariadb-install-db || ! has mariadb; then
    install_packages mariadb-server mariadb-client
    has mariadbd || die "mariadbd is still missing after mariadb-server was installed"
fi

if [[ -n ${TEST_MYSQL_URL:-} ]]; then
    say "MySQL: using TEST_MYSQL_URL"
    exec "$@"
fi

accepts_root() {
    mariadb --no-defaults --protocol=tcp --host=127.0.0.1 --port="$1" --user=root \
        --connect-timeout=5 --execute='SELECT 1' >/dev/null 2>&1
}

if accepts_root "$probe_port"; then
    say "MySQL: using the server at 127.0.0.1:$probe_port"
    export TEST_MYSQL_URL="mysql://root@127.0.0.1:$probe_port"
    exec "$@"
fi

say "MySQL: no usable server at 127.0.0.1:$probe_port"
server_pid=
server_dir=
# Called by the EXIT trap.
# shellcheck disable=SC2317
remove_server() {
    trap '' INT TERM
    if [[ -n $server_pid ]]; then
        kill -TERM "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
    fi
    [[ -z $server_dir ]] || rm -rf "$server_dir"
}

start_server() {
    local port attempt waited_ds user
    user=$(id -un)
    server_dir=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-mysql.XXXXXX")
    trap remove_server EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mariadb-install-db --no-defaults --datadir="$server_dir/data" --user="$user" \
        --auth-root-authentication-method=normal >"$server_dir/install.log" 2>&1 ||
        die "mariadb-install-db failed: $(tail -n 5 "$server_dir/install.log")"
    # Another process may take the port before the server starts, so the start is retried.
    for ((attempt = 1; attempt <= start_attempts; attempt++)); do
        port=$(free_port)
        # setsid shields the server from Ctrl-C while the command cleans up.
        setsid mariadbd --no-defaults --user="$user" --datadir="$server_dir/data" --port="$port" \
            --bind-address=127.0.0.1 --socket="$server_dir/socket" \
            --pid-file="$server_dir/pid" >"$server_dir/server.log" 2>&1 &
        server_pid=$!
        for ((waited_ds = 0; waited_ds < start_deadline_s * 10; waited_ds++)); do
            kill -0 "$server_pid" 2>/dev/null || break
            if accepts_root "$port"; then
                TEST_MYSQL_URL="mysql://root@127.0.0.1:$port"
                return 0
            fi
            sleep 0.1
        done
        kill -TERM "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
        server_pid=
    done
    die "MariaDB did not start: $(tail -n 5 "$server_dir/server.log")"
}

start_server
export TEST_MYSQL_URL
say "MySQL: started a temporary $(mariadbd --version)"
status=0
# In the foreground, so that Ctrl-C reaches the command; the server is removed after it ends.
"$@" || status=$?
exit "$status"
