-- Without their limits these tokens could do everything.
DELETE FROM tokens WHERE name IS NOT NULL;
ALTER TABLE tokens DROP COLUMN last_used_at;
ALTER TABLE tokens DROP COLUMN abilities;
ALTER TABLE tokens DROP COLUMN name;
