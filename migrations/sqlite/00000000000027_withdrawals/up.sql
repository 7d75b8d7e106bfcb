-- What users withdraw. The money is in the ledger: one entry that locks it, and one for the end,
-- which refer to the withdrawal. There is no foreign key: it would make a withdrawal wait for a
-- log-in of its user.
CREATE TABLE withdrawals (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL,
    asset_id INTEGER NOT NULL,
    -- With the fee.
    amount BIGINT NOT NULL CHECK (amount > 0),
    fee BIGINT NOT NULL CHECK (fee >= 0 AND fee < amount),
    destination TEXT NOT NULL,
    status SMALLINT NOT NULL DEFAULT 1 -- 1 pending, 2 completed, 3 rejected, 4 cancelled
        CHECK (status IN (1, 2, 3, 4)),
    created_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP CHECK ((status = 1) = (ended_at IS NULL)),
    -- The administrator's token that ended it. NULL: a command, or its user.
    token_id BIGINT,
    -- The payment service's name for the payment.
    reference TEXT,
    note TEXT
);
-- For the daily limit, and for the list of a user.
CREATE INDEX withdrawals_by_account ON withdrawals (user_id, asset_id, created_at);
CREATE INDEX withdrawals_by_user ON withdrawals (user_id, id);
CREATE INDEX withdrawals_pending ON withdrawals (id) WHERE status = 1;
