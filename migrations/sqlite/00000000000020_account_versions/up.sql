-- Entity tags: the version of an account becomes greater with each change of it, or of an order of
-- the same user whose base asset this is. It is at least the time in milliseconds, so that no
-- version is used again after a restore of the database. So is the version of a book from now on.

ALTER TABLE accounts ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
