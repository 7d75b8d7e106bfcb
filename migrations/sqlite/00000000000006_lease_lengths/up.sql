-- How long a lease is, from each renewal to its end. A lease that ends later than this from now was
-- written by a clock that was wrong. NULL: written by a version that does not record it.
ALTER TABLE leases ADD COLUMN length_ms BIGINT;
