#!/usr/bin/env bash
# Measures the baseline: orders per second when each order is a transaction of its own that holds
# the row lock of its market. pgbench generates the load, in a temporary database.
#
#     baseline_orders_per_second clients=16 value=500            several statements, the usual way
#     baseline_function_orders_per_second clients=16 value=900   one call of a stored function
#
# FLOOR_SECONDS limits each measurement. A measurement that fails is repeated once; if it fails
# again, the script fails, and standard output has valid figures only.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [[ -z ${TEST_DATABASE_URL:-} ]]; then
    exec "$root/scripts/with-postgres.sh" "$0"
fi

seconds=${FLOOR_SECONDS:-8}
sql="$root/benches/baseline"
has psql || install_packages postgresql-client
pgbench=pgbench
if ! has pgbench; then
    # Debian ships pgbench with the server, on some releases outside PATH.
    pgbench=$(printf '%s\n' /usr/lib/postgresql/*/bin/pgbench | sort -Vr | head -n 1)
    [[ -x $pgbench ]] || install_packages postgresql-contrib
fi

# The same URL with a different database name. The query string is kept.
database="matchcast_baseline_$$_$RANDOM"
address=${TEST_DATABASE_URL%%\?*}
options=${TEST_DATABASE_URL#"$address"}
database_url="${address%/*}/$database$options"

# Suppresses the notice that the database to drop does not exist.
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning"
admin() { psql --no-psqlrc -q -v ON_ERROR_STOP=1 -d "$TEST_DATABASE_URL" -c "$1" >&2; }
trap 'admin "DROP DATABASE IF EXISTS $database" 2>/dev/null' EXIT
trap 'exit 130' INT TERM

# Each measurement starts with empty tables: a long book would slow down the later ones.
fresh_database() {
    admin "DROP DATABASE IF EXISTS $database"
    admin "CREATE DATABASE $database"
    psql --no-psqlrc -q -v ON_ERROR_STOP=1 -d "$database_url" \
        -f "$sql/schema.sql" -f "$sql/place.sql" -c 'VACUUM ANALYZE' -c CHECKPOINT >&2
}

# run_pgbench SCRIPT CLIENTS: prints its output. Fails if any client stopped early, in which case
# pgbench reports the rate of the others.
run_pgbench() {
    local threads=2
    (($2 >= threads)) || threads=1
    "$pgbench" --no-vacuum --protocol=prepared --client="$2" --jobs="$threads" \
        --time="$seconds" --file="$sql/$1" -d "$database_url" 2>&1
}

# measure NAME SCRIPT CLIENTS
measure() {
    local output value
    fresh_database
    if ! output=$(run_pgbench "$2" "$3"); then
        printf '%s: pgbench failed, repeating once: %s\n' "$1" "$output" >&2
        fresh_database
        output=$(run_pgbench "$2" "$3") || die "pgbench failed twice: $output"
    fi
    value=$(sed -nE 's/^tps = ([0-9]+).*/\1/p' <<<"$output")
    [[ -n $value ]] || die "pgbench printed no rate: $output"
    printf '%s clients=%d value=%d\n' "$1" "$3" "$value"
    # A figure is valid only if money was conserved and about half of the orders traded.
    psql --no-psqlrc -Atq -v ON_ERROR_STOP=1 -d "$database_url" -c "
        SELECT CASE WHEN sum(available + locked) FILTER (WHERE asset = 0) <> 1001e18
            OR sum(available + locked) FILTER (WHERE asset = 1) <> 1001e18
            THEN 'money was created or lost' END FROM accounts
        UNION ALL
        SELECT CASE WHEN count(*) * 1.0 / (SELECT count(*) FROM orders) NOT BETWEEN 0.3 AND 0.51
            THEN 'the share of orders that traded is not about half' END
        FROM trades" | while read -r problem; do
        [[ -z $problem ]] || die "the baseline is invalid: $problem"
    done
}

for clients in 1 16 64; do
    measure baseline_orders_per_second statements.sql "$clients"
    measure baseline_function_orders_per_second function.sql "$clients"
done
