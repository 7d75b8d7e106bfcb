DROP TABLE ledger_entries;
DROP TABLE trades;
DROP TABLE orders;
DROP TABLE accounts;
DROP TABLE markets;
DROP TABLE assets;
