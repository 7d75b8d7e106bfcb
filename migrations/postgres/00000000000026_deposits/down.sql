-- Older versions do not know this kind of reference; the entries stay deposits.
UPDATE ledger_entries SET reference_type = NULL, reference_id = NULL WHERE reference_type = 4;
DROP TABLE deposits;
