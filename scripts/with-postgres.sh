#!/usr/bin/env bash
# Runs a command with TEST_DATABASE_URL set to a PostgreSQL in which it may create databases:
#
#     scripts/with-postgres.sh cargo test
#
# In this order: TEST_DATABASE_URL as given; a server at 127.0.0.1:5432 that trusts `postgres`; a
# private cluster from installed binaries, removed afterwards; the same after installing them.
# Whoever uses it works in databases of their own making: nothing that exists is touched here.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ $# -gt 0 ]] || die "usage: scripts/with-postgres.sh COMMAND [ARGUMENT…]"

# Another port may be probed, for a server elsewhere or to pretend that there is none.
probe_port=${POSTGRES_PROBE_PORT:-5432}
start_attempts=5
start_deadline_s=30

# Debian keeps the server's programs out of PATH; the newest version wins.
postgres_bin() {
    local dir
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr); do
        [[ -x $dir/initdb && -x $dir/postgres ]] && printf '%s' "$dir" && return
    done
    if has initdb && has postgres; then
        dirname "$(readlink -f "$(command -v postgres)")"
    fi
}

# Prints why a database cannot be used for tests; prints nothing when it can.
objection() {
    local url=$1 answer psql=psql
    has psql || psql=$(postgres_bin)/psql
    has "$psql" || { printf 'psql is not installed' && return; }
    if ! answer=$(PGCONNECT_TIMEOUT=5 "$psql" --no-psqlrc --no-password -Atq -d "$url" -c \
        'SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user' 2>&1); then
        printf '%s' "${answer//$'\n'/ }"
    elif [[ $answer != t ]]; then
        printf 'its user may not create databases'
    fi
}

# PostgreSQL refuses to run as root. Without root, setpriv is only a second safety: by it the kernel
# ends the server should this script be killed.
as_server_user=()
if [[ $(id -u) -eq 0 ]]; then
    as_server_user=(setpriv --reuid=postgres --regid=postgres --init-groups --pdeathsig INT --)
elif has setpriv; then
    as_server_user=(setpriv --pdeathsig INT --)
fi

server_pid=
cluster_dir=
remove_cluster() {
    trap '' INT TERM
    if [[ -n $server_pid ]]; then
        # SIGINT is PostgreSQL's fast shutdown: clients are disconnected, nothing is waited for.
        kill -INT "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
    fi
    [[ -z $cluster_dir ]] || rm -rf "$cluster_dir"
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s' "$port" && return; }
    done
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

    # Somebody may take the port between the look and the start, so a start may be tried again.
    for ((attempt = 1; attempt <= start_attempts; attempt++)); do
        port=$(free_port)
        # Durable as a real server is: what is measured on it would be untrue otherwise.
        # A session of its own keeps Ctrl-C from it while the command still tidies up.
        setsid "${as_server_user[@]}" "$bin/postgres" -D "$cluster_dir/data" -p "$port" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
            >"$cluster_dir/server.log" 2>&1 &
        server_pid=$!
        TEST_DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"
        for ((waited_ds = 0; waited_ds < start_deadline_s * 10; waited_ds++)); do
            kill -0 "$server_pid" 2>/dev/null || break
            [[ -n $(objection "$TEST_DATABASE_URL") ]] || return 0
            sleep 0.1
        done
        kill -INT "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
        server_pid=
    done
    die "PostgreSQL did not start: $(tail -n 5 "$cluster_dir/server.log")"
}

if [[ -n ${TEST_DATABASE_URL:-} ]]; then
    problem=$(objection "$TEST_DATABASE_URL")
    # Without psql the address is believed: a wrong one fails every test, loudly.
    [[ -z $problem || $problem == 'psql is not installed' ]] ||
        die "TEST_DATABASE_URL cannot be used: $problem"
    say "PostgreSQL: as TEST_DATABASE_URL says"
    exec "$@"
fi

found="postgres://postgres@127.0.0.1:$probe_port/postgres"
problem=$(objection "$found")
if [[ -z $problem ]]; then
    say "PostgreSQL: the server at 127.0.0.1:$probe_port"
    export TEST_DATABASE_URL=$found
    exec "$@"
fi

say "PostgreSQL: none to use at 127.0.0.1:$probe_port ($problem)"
bin=$(postgres_bin)
if [[ -z $bin ]]; then
    # Debian's package makes a cluster of its own as well; it is left alone.
    install_packages postgresql
    bin=$(postgres_bin)
    [[ -n $bin ]] || die "initdb is still missing after postgresql was installed"
fi
start_cluster "$bin"
export TEST_DATABASE_URL
say "PostgreSQL: a private cluster of $("$bin/postgres" --version), removed afterwards"
status=0
# In the foreground: Ctrl-C reaches the command first, and the cluster goes when it has ended.
"$@" || status=$?
exit "$status"
