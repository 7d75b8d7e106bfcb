-- Tokens that users create for their programs have a name. Those of log-ins have none.
ALTER TABLE tokens ADD COLUMN name TEXT;
-- The sum of what the token may do: 1 read, 2 trade, 4 account.
ALTER TABLE tokens ADD COLUMN abilities SMALLINT NOT NULL DEFAULT 7;
-- To the minute, and only of tokens with a name.
ALTER TABLE tokens ADD COLUMN last_used_at TIMESTAMP;
