#!/usr/bin/env bash
# Runs the tests on a PostgreSQL that does what its relatives do differently (CockroachDB,
# YugabyteDB): every sequence gives blocks of 100 numbers to each connection, so that later rows may
# have smaller ids, and transactions are serializable unless they say otherwise. Arguments go to
# `cargo test`.
#
# The server is a temporary cluster, because all of its databases are made that way.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

if [[ -z ${RELATIVES_INSIDE:-} ]]; then
    need_build_tools
    unset TEST_DATABASE_URL
    POSTGRES_PROBE_PORT=$(free_port)
    export POSTGRES_PROBE_PORT RELATIVES_INSIDE=1
    exec scripts/with-postgres.sh "$0" "$@"
fi

need psql postgresql-client
psql --no-psqlrc -q -v ON_ERROR_STOP=1 -d "${TEST_DATABASE_URL%/*}/template1" <<'SQL'
-- New databases are copies of this one.
CREATE FUNCTION cache_sequences() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    created record;
BEGIN
    FOR created IN
        SELECT c.oid::regclass AS name FROM pg_event_trigger_ddl_commands() d
        JOIN pg_class c ON c.oid = d.objid WHERE c.relkind = 'S'
    LOOP
        EXECUTE format('ALTER SEQUENCE %s CACHE 100', created.name);
    END LOOP;
END
$$;
CREATE EVENT TRIGGER cache_sequences ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE SEQUENCE') EXECUTE FUNCTION cache_sequences();
ALTER ROLE postgres SET default_transaction_isolation = serializable;
SQL
exec cargo test --locked --features postgres-tests "$@"
