-- Corrections of balances by administrators. An adjustment that was applied has one ledger entry,
-- which refers to it.
CREATE TABLE adjustments (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL,
    asset_id INTEGER NOT NULL,
    amount BIGINT NOT NULL CHECK (amount <> 0),
    reason TEXT NOT NULL,
    status SMALLINT NOT NULL CHECK (status IN (1, 2, 3)), -- 1 proposed, 2 applied, 3 rejected
    -- The tokens of the administrators who proposed it, and who approved or rejected it. NULL: a
    -- command, or nobody yet.
    proposer_id BIGINT,
    created_at TIMESTAMP NOT NULL,
    decider_id BIGINT,
    -- NULL: proposed, or applied without a second administrator.
    decided_at TIMESTAMP
);
