DROP INDEX users_by_name_prefix;
DROP INDEX users_by_email_prefix;
-- Older versions know no status, and no password for one log-in: users who are not active, and
-- those with such a password, cannot log in any more, and the tokens of the former are deleted.
UPDATE orders SET cancel_reason = 1 WHERE cancel_reason = 9;
DELETE FROM sessions WHERE user_id IN (SELECT id FROM users WHERE status <> 1);
DELETE FROM tokens WHERE user_id IN (SELECT id FROM users WHERE status <> 1);
UPDATE users SET password = NULL
WHERE status <> 1 OR one_time_password_expires_at IS NOT NULL;
ALTER TABLE accounts DROP COLUMN user_status;
ALTER TABLE users DROP COLUMN one_time_password_used_at;
ALTER TABLE users DROP COLUMN one_time_password_expires_at;
ALTER TABLE users DROP COLUMN status_changed_at;
ALTER TABLE users DROP COLUMN status_reason;
ALTER TABLE users DROP COLUMN status;
