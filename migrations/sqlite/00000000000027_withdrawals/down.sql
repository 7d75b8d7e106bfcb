-- Older versions know neither these amounts nor their ledger entries, so this fails if there is a
-- withdrawal.
CREATE TABLE older_versions_know_no_withdrawals (id BIGINT CHECK (id IS NULL));
INSERT INTO older_versions_know_no_withdrawals SELECT id FROM withdrawals;
DROP TABLE older_versions_know_no_withdrawals;
DROP TABLE withdrawals;
