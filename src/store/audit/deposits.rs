//! Checks of deposits that have a reference.

use super::Check;

pub const CHECKS: [Check; 2] = [
    // The entries of other deposits refer to nothing.
    Check {
        name: "a deposit with a reference is one ledger entry",
        query: "WITH entries AS (SELECT e.reference_id AS id, count(*) AS total, \
                min(a.user_id) AS user_id, min(a.asset_id) AS asset_id, \
                min(e.available_change) AS amount, \
                min(CASE WHEN e.action = 1 AND e.locked_change = 0 THEN 1 ELSE 0 END) AS fits \
                FROM ledger_entries e JOIN accounts a ON a.id = e.account_id \
                WHERE e.reference_type = 4 GROUP BY e.reference_id) \
            SELECT 'deposit ' || d.id AS subject, \
                'one entry of ' || d.amount || ' for user ' || d.user_id AS expected, \
                coalesce(e.total, 0) || ' entries, of ' || coalesce(e.amount, 0) || \
                ' for user ' || coalesce(e.user_id, 0) AS found \
                FROM deposits d LEFT JOIN entries e ON e.id = d.id \
                WHERE e.id IS NULL OR e.total <> 1 OR e.fits <> 1 OR e.amount <> d.amount \
                    OR e.user_id <> d.user_id OR e.asset_id <> d.asset_id \
            UNION ALL SELECT 'deposit ' || e.id, 'no entry', e.total || ' entries' \
                FROM entries e LEFT JOIN deposits d ON d.id = e.id WHERE d.id IS NULL",
    },
    Check {
        name: "each deposit with a reference is in the log of administrators",
        query: "SELECT 'deposits' AS subject, CAST(d.total AS TEXT) AS expected, \
            CAST(l.total AS TEXT) AS found \
            FROM (SELECT count(*) AS total FROM deposits) d \
            CROSS JOIN (SELECT count(*) AS total FROM admin_log \
                WHERE action = 'deposit.created') l \
            WHERE d.total <> l.total",
    },
];
