-- Older versions do not know the ledger entries, so this fails if an adjustment was applied.
CREATE TABLE older_versions_know_no_adjustments (id BIGINT CHECK (id IS NULL));
INSERT INTO older_versions_know_no_adjustments SELECT id FROM adjustments WHERE status = 2;
DROP TABLE older_versions_know_no_adjustments;
DROP TABLE adjustments;
