-- Administrators freeze users, so that they can neither order nor log in, and close them for ever.

ALTER TABLE users ADD COLUMN status SMALLINT NOT NULL DEFAULT 1; -- 1 active, 2 frozen, 3 closed
-- Why an administrator has set the status, if that was said.
ALTER TABLE users ADD COLUMN status_reason TEXT;
ALTER TABLE users ADD COLUMN status_changed_at TIMESTAMP;
-- The password is for one log-in, before this time. NULL: it is a usual one.
ALTER TABLE users ADD COLUMN one_time_password_expires_at TIMESTAMP;
-- That log-in.
ALTER TABLE users ADD COLUMN one_time_password_used_at TIMESTAMP;
-- A copy of the status of the user, for orders: they lock accounts anyway.
ALTER TABLE accounts ADD COLUMN user_status SMALLINT NOT NULL DEFAULT 1;
