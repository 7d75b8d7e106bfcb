-- Deposits that administrators have made. The money is in the ledger: one entry for each deposit,
-- which refers to it. They have no foreign key: it would make a deposit wait for a log-in of its
-- user.
CREATE TABLE deposits (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- The payment service's name for the payment, so that no payment is credited twice.
    reference TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL,
    asset_id INTEGER NOT NULL,
    amount BIGINT NOT NULL,
    note TEXT,
    -- The token that was used. NULL: a command.
    token_id BIGINT,
    created_at TIMESTAMP NOT NULL
);
