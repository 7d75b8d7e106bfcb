//! Checks of the status of users.

use super::Check;

pub const CHECKS: [Check; 2] = [
    Check {
        name: "an account has the status of its user",
        query: "SELECT 'account ' || a.id AS subject, 'status ' || u.status AS expected, \
            'status ' || a.user_status AS found FROM accounts a \
            JOIN users u ON u.id = a.user_id WHERE a.user_status <> u.status",
    },
    Check {
        name: "a closed user has neither money nor open orders",
        query: "SELECT 'account ' || a.id AS subject, 'nothing' AS expected, \
            a.available || ' available, ' || a.locked || ' locked, ' || a.open_orders \
                || ' open orders' AS found FROM accounts a \
            JOIN users u ON u.id = a.user_id WHERE u.status = 3 \
                AND (a.available <> 0 OR a.locked <> 0 OR a.open_orders <> 0)",
    },
];
