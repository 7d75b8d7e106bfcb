//! Checks of what comes in and goes out: deposits, withdrawals and adjustments.

use super::Check;

pub const CHECKS: [Check; 6] = [
    Check {
        name: "the accounts of an asset sum to its deposits less its withdrawals, with its \
            adjustments and what was imported",
        // Of what is paid, the fee stays in the house account.
        query: "SELECT s.symbol AS subject, \
            CAST(coalesce(d.total, 0) - coalesce(w.total, 0) + coalesce(j.total, 0) \
                + coalesce(i.total, 0) AS TEXT) AS expected, \
            CAST(coalesce(a.total, 0) AS TEXT) AS found FROM assets s \
            LEFT JOIN (SELECT asset_id, sum(available) + sum(locked) AS total FROM accounts \
                GROUP BY asset_id) a ON a.asset_id = s.id \
            LEFT JOIN (SELECT c.asset_id, sum(e.available_change) AS total FROM ledger_entries e \
                JOIN accounts c ON c.id = e.account_id WHERE e.action = 1 GROUP BY c.asset_id) d \
                ON d.asset_id = s.id \
            LEFT JOIN (SELECT c.asset_id, sum(e.available_change) + sum(e.locked_change) \
                AS total FROM ledger_entries e JOIN accounts c ON c.id = e.account_id \
                WHERE e.action BETWEEN 13 AND 15 GROUP BY c.asset_id) i ON i.asset_id = s.id \
            LEFT JOIN (SELECT asset_id, sum(amount) - sum(fee) AS total FROM withdrawals \
                WHERE status = 2 GROUP BY asset_id) w ON w.asset_id = s.id \
            LEFT JOIN (SELECT asset_id, sum(amount) AS total FROM adjustments WHERE status = 2 \
                GROUP BY asset_id) j ON j.asset_id = s.id \
            WHERE coalesce(d.total, 0) - coalesce(w.total, 0) + coalesce(j.total, 0) \
                + coalesce(i.total, 0) <> coalesce(a.total, 0)",
    },
    // One entry locks the amount, and one ends it: with status 2, 3 and 4 the actions 8, 9 and 10.
    Check {
        name: "a withdrawal is its ledger entries",
        query: "WITH entries AS (SELECT e.reference_id AS id, \
                sum(CASE WHEN e.action = 7 AND e.available_change = -e.locked_change \
                    THEN e.locked_change ELSE 0 END) AS requested, \
                sum(CASE WHEN e.action IN (8, 9, 10) THEN -e.locked_change ELSE 0 END) AS ended, \
                sum(CASE WHEN e.action IN (9, 10) THEN e.available_change ELSE 0 END) AS returned, \
                sum(CASE WHEN e.action = 11 AND a.user_id = 0 THEN e.available_change ELSE 0 END) \
                    AS fee, \
                count(*) AS total, max(CASE WHEN e.action <= 10 THEN e.action END) AS last, \
                min(CASE WHEN e.action <> 11 THEN a.user_id END) AS user_id, \
                max(CASE WHEN e.action <> 11 THEN a.user_id END) AS last_user_id, \
                min(a.asset_id) AS asset_id, max(a.asset_id) AS last_asset_id \
                FROM ledger_entries e JOIN accounts a ON a.id = e.account_id \
                WHERE e.reference_type = 5 GROUP BY e.reference_id) \
            SELECT 'withdrawal ' || w.id AS subject, \
                'status ' || w.status || ', ' || w.amount || ' with fee ' || w.fee AS expected, \
                coalesce(e.requested, 0) || ' requested, ' || coalesce(e.ended, 0) || \
                ' ended, ' || \
                coalesce(e.returned, 0) || ' returned, fee ' || coalesce(e.fee, 0) AS found \
                FROM withdrawals w LEFT JOIN entries e ON e.id = w.id \
                WHERE e.id IS NULL OR e.requested <> w.amount \
                    OR e.last <> w.status + 6 \
                    OR e.ended <> CASE WHEN w.status = 1 THEN 0 ELSE w.amount END \
                    OR e.returned <> CASE WHEN w.status IN (3, 4) THEN w.amount ELSE 0 END \
                    OR e.fee <> CASE WHEN w.status = 2 THEN w.fee ELSE 0 END \
                    OR e.total <> CASE WHEN w.status = 1 THEN 1 \
                        WHEN w.status = 2 AND w.fee > 0 THEN 3 ELSE 2 END \
                    OR e.user_id <> w.user_id OR e.last_user_id <> w.user_id \
                    OR e.asset_id <> w.asset_id OR e.last_asset_id <> w.asset_id \
            UNION ALL SELECT 'withdrawal ' || e.id, 'no entry', e.total || ' entries' \
                FROM entries e LEFT JOIN withdrawals w ON w.id = e.id WHERE w.id IS NULL \
            UNION ALL SELECT 'entry ' || id, 'a withdrawal', 'action ' || action \
                FROM ledger_entries WHERE action BETWEEN 7 AND 11 \
                    AND (reference_type IS NULL OR reference_type <> 5)",
    },
    Check {
        name: "an adjustment that was applied is one ledger entry",
        query: "WITH entries AS (SELECT e.reference_id AS id, count(*) AS total, \
                min(a.user_id) AS user_id, min(a.asset_id) AS asset_id, \
                min(e.available_change) AS amount, \
                min(CASE WHEN e.action = 12 AND e.locked_change = 0 THEN 1 ELSE 0 END) AS fits \
                FROM ledger_entries e JOIN accounts a ON a.id = e.account_id \
                WHERE e.reference_type = 6 GROUP BY e.reference_id) \
            SELECT 'adjustment ' || j.id AS subject, \
                'one entry of ' || j.amount || ' for user ' || j.user_id AS expected, \
                coalesce(e.total, 0) || ' entries, of ' || coalesce(e.amount, 0) || \
                ' for user ' || coalesce(e.user_id, 0) AS found \
                FROM adjustments j LEFT JOIN entries e ON e.id = j.id \
                WHERE j.status = 2 AND (e.id IS NULL OR e.total <> 1 OR e.fits <> 1 \
                    OR e.amount <> j.amount OR e.user_id <> j.user_id \
                    OR e.asset_id <> j.asset_id) \
            UNION ALL SELECT 'adjustment ' || e.id, 'no entry', e.total || ' entries' \
                FROM entries e LEFT JOIN adjustments j ON j.id = e.id AND j.status = 2 \
                WHERE j.id IS NULL \
            UNION ALL SELECT 'entry ' || id, 'an adjustment', 'action ' || action \
                FROM ledger_entries WHERE action = 12 \
                    AND (reference_type IS NULL OR reference_type <> 6)",
    },
    // Orders, trades and commission only move what is there.
    Check {
        name: "only deposits, withdrawals, adjustments and an import change what an asset's \
            accounts hold",
        query: "SELECT s.symbol AS subject, '0' AS expected, CAST(e.total AS TEXT) AS found \
            FROM assets s JOIN (SELECT c.asset_id, \
                sum(e.available_change) + sum(e.locked_change) AS total FROM ledger_entries e \
                JOIN accounts c ON c.id = e.account_id WHERE e.action NOT IN (1, 8, 11, 12, \
                13, 14, 15) \
                GROUP BY c.asset_id) e ON e.asset_id = s.id \
            WHERE e.total <> 0",
    },
    Check {
        name: "what administrators did to withdrawals and adjustments is in their log",
        query: "SELECT k.action AS subject, CAST(k.total AS TEXT) AS expected, \
            CAST(coalesce(l.total, 0) AS TEXT) AS found FROM ( \
                SELECT 'withdrawal.completed' AS action, count(*) AS total FROM withdrawals \
                    WHERE status = 2 \
                UNION ALL SELECT 'withdrawal.rejected', count(*) FROM withdrawals \
                    WHERE status = 3 \
                UNION ALL SELECT 'adjustment.created', count(*) FROM adjustments \
                    WHERE status = 2 AND decided_at IS NULL \
                UNION ALL SELECT 'adjustment.approved', count(*) FROM adjustments \
                    WHERE status = 2 AND decided_at IS NOT NULL \
                UNION ALL SELECT 'adjustment.proposed', count(*) FROM adjustments \
                    WHERE status <> 2 OR decided_at IS NOT NULL \
                UNION ALL SELECT 'adjustment.rejected', count(*) FROM adjustments \
                    WHERE status = 3) k \
            LEFT JOIN (SELECT action, count(*) AS total FROM admin_log GROUP BY action) l \
                ON l.action = k.action \
            WHERE k.total <> coalesce(l.total, 0)",
    },
    Check {
        name: "what was imported is the first part of an account's ledger",
        query: "SELECT 'entry ' || x.id AS subject, 'before entry ' || x.first AS expected, \
            'action ' || x.action AS found FROM (SELECT e.id, e.action, f.first \
                FROM ledger_entries e JOIN (SELECT account_id, min(id) AS first \
                    FROM ledger_entries WHERE action NOT BETWEEN 13 AND 15 \
                    GROUP BY account_id) f ON f.account_id = e.account_id \
                WHERE e.action BETWEEN 13 AND 15) x WHERE x.id > x.first",
    },
];
