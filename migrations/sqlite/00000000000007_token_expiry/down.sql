DROP INDEX tokens_by_expiry;
