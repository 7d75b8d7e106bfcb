#!/usr/bin/env bash
# matchcast on a PostgreSQL cluster that fails over by itself: three servers under Patroni with
# strict synchronous replication, etcd, HAProxy and PgBouncer, on this machine and with the files of
# ops/.
#
#     scripts/ha.sh                                  each fault in turn, about 18 minutes
#     scripts/ha.sh random --minutes 30 --seed 7     random faults; the checks come at the end
#
# MATCHCAST_BIN names the binary to test; without it, one is built. HA_LOGS names a folder that
# keeps the logs of all programs. HA_ONLY is a pattern for the faults to run. The last line is
# `N passed, N failed`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

[[ -n ${PGBOUNCER:-} ]] || exec scripts/with-pgbouncer.sh "$0" "$@"

usage="usage: scripts/ha.sh [random [--minutes N] [--seed N]]"
file_timeout_ms=3600000
# Debian installs HAProxy here, which is not in the PATH of every user.
PATH="$PATH:/usr/sbin"

files=(ha/checks.test.js ha/failover.test.js)
if [[ ${1:-} == random ]]; then
    shift
    files=(ha/checks.test.js ha/random.test.js)
    export HA_MINUTES=30 HA_SEED=$((RANDOM * 32768 + RANDOM))
    while [[ $# -gt 1 ]]; do
        [[ $2 =~ ^[0-9]+$ ]] || die "$usage"
        case $1 in
        --minutes) HA_MINUTES=$2 ;;
        --seed) HA_SEED=$2 ;;
        *) die "$usage" ;;
        esac
        shift 2
    done
    file_timeout_ms=$((file_timeout_ms + HA_MINUTES * 60000))
fi
[[ $# -eq 0 ]] || die "$usage"

missing=()
postgres_bin=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -Vr | head -n 1)
[[ -x $postgres_bin ]] || missing+=(postgresql)
has etcd || missing+=(etcd-server)
has haproxy || missing+=(haproxy)
[[ ${#missing[@]} -eq 0 ]] || install_without_services "${missing[@]}" ||
    die "could not install ${missing[*]}"
postgres_bin=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -Vr | head -n 1)
[[ -x $postgres_bin ]] || die "initdb is missing in /usr/lib/postgresql"

need_node
install_npm tests/clients
# The one of the system, because the user postgres has no access to one in root's home.
python=/usr/bin/python3
need "$python" python3
"$python" -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
if [[ -z ${MATCHCAST_BIN:-} ]]; then
    need_build_tools
    cargo build --locked --release
    MATCHCAST_BIN=$(target_dir)/release/matchcast
fi
MATCHCAST_BIN=$(readlink -f "$MATCHCAST_BIN")
export MATCHCAST_BIN

HA_POSTGRES_BIN=$(dirname "$postgres_bin")
HA_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-ha.XXXXXX")
MATCHCAST_TEST_LOGS="$HA_FOLDER/logs"
mkdir "$MATCHCAST_TEST_LOGS"
export HA_FOLDER HA_POSTGRES_BIN MATCHCAST_TEST_LOGS

# The tests end what they have started. If they are killed, servers are left that belong to nobody.
clean_up() {
    local file pid
    trap '' INT TERM
    for file in "$HA_FOLDER"/*/data/postmaster.pid; do
        [[ -e $file ]] || continue
        pid=$(head -n 1 "$file")
        [[ $(readlink "/proc/$pid/cwd") != "$(dirname "$file")" ]] || kill -KILL "$pid" || true
    done
    if [[ -n ${HA_LOGS:-} ]]; then
        mkdir -p "$HA_LOGS"
        cp "$MATCHCAST_TEST_LOGS"/* "$HA_LOGS" 2>/dev/null || true
        for file in "$HA_FOLDER"/*/output.log; do
            cp "$file" "$HA_LOGS/$(basename "$(dirname "$file")").log" 2>/dev/null || true
        done
        cp "$HA_FOLDER/output" "$HA_LOGS/output"
    fi
    rm -rf "$HA_FOLDER"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# PostgreSQL refuses to run as root, so everything in this folder belongs to the user postgres.
chmod 755 "$HA_FOLDER"
if [[ $(id -u) -eq 0 ]]; then
    id postgres >/dev/null 2>&1 || die "there is no user 'postgres' to run PostgreSQL as"
    chown postgres: "$HA_FOLDER"
fi

HA_PATRONI_BIN="$HA_FOLDER/python/bin"
export HA_PATRONI_BIN
"$python" -m venv "$HA_FOLDER/python"
"$HA_PATRONI_BIN/pip" install --quiet --disable-pip-version-check \
    --requirement tests/clients/ha/requirements.txt

say "$("$HA_PATRONI_BIN/patroni" --version), $("$HA_POSTGRES_BIN/postgres" --version)"
say "$(etcd --version | head -n 1), $(haproxy -v | head -n 1)"
say "$("$PGBOUNCER" --version | head -n 1)"
[[ -z ${HA_SEED:-} ]] || say "random faults for $HA_MINUTES minutes, --seed $HA_SEED"
status=0
(cd tests/clients && NO_COLOR=1 node --test --test-reporter=spec --test-force-exit \
    --test-concurrency=1 --test-timeout="$file_timeout_ms" "${files[@]}") |
    tee "$HA_FOLDER/output" || status=1
met=$(grep -c '; aim .* met$' "$HA_FOLDER/output" || true)
missed=$(grep -c '; aim .* MISSED$' "$HA_FOLDER/output" || true)
say "orders were accepted in time after $met faults, and too late after $missed"
end_with_counts "$HA_FOLDER/output" "$status"
