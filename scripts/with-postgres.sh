#!/usr/bin/env bash
# Runs a command with TEST_DATABASE_URL set to a PostgreSQL server on which it may create databases:
#
#     scripts/with-postgres.sh cargo test
#
# Uses the first of these that works: the server in TEST_DATABASE_URL; a server at 127.0.0.1:5432
# that accepts the user `postgres` without a password; a temporary cluster, removed afterwards, for
# which PostgreSQL is installed if necessary. Commands must create their own databases and must not
# touch existing ones.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ $# -gt 0 ]] || die "usage: scripts/with-postgres.sh COMMAND [ARGUMENT…]"

# A different port selects another server, or none if nothing listens there.
probe_port=${POSTGRES_PROBE_PORT:-5432}
start_attempts=5
start_deadline_s=30

# Debian installs the server's programs outside PATH. Prefers the newest version.
postgres_bin() {
    local dir
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr); do
        [[ -x $dir/initdb && -x $dir/postgres ]] && printf '%s' "$dir" && return
    done
    if has initdb && has postgres; then
        dirname "$(readlink -f "$(command -v postgres)")"
    fi
}

# Prints why a server cannot be used for tests; prints nothing if it can.
connection_problem() {
    local url=$1 output psql=psql
    has psql || psql=$(postgres_bin)/psql
    has "$psql" || { printf 'psql is not installed' && return; }
    if ! output=$(PGCONNECT_TIMEOUT=5 "$psql" --no-psqlrc --no-password -Atq -d "$url" -c \
        'SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user' 2>&1); then
        printf '%s' "${output//$'\n'/ }"
    elif [[ $output != t ]]; then
        printf 'its user is not allowed to create databases'
    fi
}

# PostgreSQL refuses to run as root, so root starts it as user postgres. With --pdeathsig, the
# kernel stops the server if this script is killed.
as_server_user=()
if [[ $(id -u) -eq 0 ]]; then
    as_server_user=(setpriv --reuid=postgres --regid=postgres --init-groups --pdeathsig INT --)
elif has setpriv; then
    as_server_user=(setpriv --pdeathsig INT --)
fi

server_pid=
cluster_dir=
# Called by the EXIT trap.
# shellcheck disable=SC2317
remove_cluster() {
    trap '' INT TERM
    if [[ -n $server_pid ]]; then
        # SIGINT requests PostgreSQL's fast shutdown, which disconnects all clients.
        kill -INT "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
    fi
    [[ -z $cluster_dir ]] || rm -rf "$cluster_dir"
}

start_cluster() {
    local bin=$1 port attempt waited_ds
    cluster_dir=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-postgres.XXXXXX")
    trap remove_cluster EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [[ $(id -u) -eq 0 ]]; then
        id postgres >/dev/null 2>&1 ||
            die "PostgreSQL cannot run as root and there is no user 'postgres' to run it as"
        chown postgres "$cluster_dir"
    fi
    (cd / && "${as_server_user[@]}" "$bin/initdb" --pgdata="$cluster_dir/data" --username=postgres \
        --auth=trust --encoding=UTF8 --locale=C --no-sync) >"$cluster_dir/initdb.log" 2>&1 ||
        die "initdb failed: $(tail -n 5 "$cluster_dir/initdb.log")"

    # Another process may take the port before the server starts, so the start is retried.
    for ((attempt = 1; attempt <= start_attempts; attempt++)); do
        port=$(free_port)
        # fsync stays on, as in production: otherwise benchmarks would be misleading.
        # setsid shields the server from Ctrl-C while the command cleans up.
        setsid "${as_server_user[@]}" "$bin/postgres" -D "$cluster_dir/data" -p "$port" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
            >"$cluster_dir/server.log" 2>&1 &
        server_pid=$!
        TEST_DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"
        for ((waited_ds = 0; waited_ds < start_deadline_s * 10; waited_ds++)); do
            kill -0 "$server_pid" 2>/dev/null || break
            [[ -n $(connection_problem "$TEST_DATABASE_URL") ]] || return 0
            sleep 0.1
        done
        kill -INT "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
        server_pid=
    done
    die "PostgreSQL did not start: $(tail -n 5 "$cluster_dir/server.log")"
}

if [[ -n ${TEST_DATABASE_URL:-} ]]; then
    problem=$(connection_problem "$TEST_DATABASE_URL")
    # Without psql the URL is used unchecked: if it is wrong, every test fails.
    [[ -z $problem || $problem == 'psql is not installed' ]] ||
        die "TEST_DATABASE_URL cannot be used: $problem"
    say "PostgreSQL: using TEST_DATABASE_URL"
    exec "$@"
fi

found="postgres://postgres@127.0.0.1:$probe_port/postgres"
problem=$(connection_problem "$found")
if [[ -z $problem ]]; then
    say "PostgreSQL: using the server at 127.0.0.1:$probe_port"
    export TEST_DATABASE_URL=$found
    exec "$@"
fi

say "PostgreSQL: no usable server at 127.0.0.1:$probe_port ($problem)"
bin=$(postgres_bin)
if [[ -z $bin ]]; then
    # Debian's package also creates a cluster, which is not used here.
    install_packages postgresql
    bin=$(postgres_bin)
    [[ -n $bin ]] || die "initdb is still missing after postgresql was installed"
fi
start_cluster "$bin"
export TEST_DATABASE_URL
say "PostgreSQL: started a temporary cluster of $("$bin/postgres" --version)"
status=0
# In the foreground, so that Ctrl-C reaches the command; the cluster is removed after it ends.
"$@" || status=$?
exit "$status"
