ALTER TABLE leases DROP COLUMN length_ms;
