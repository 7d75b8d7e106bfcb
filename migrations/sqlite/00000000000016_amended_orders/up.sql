-- Its price or its amount was another one before, so its trades may be beyond its price.

ALTER TABLE orders ADD COLUMN is_amended BOOLEAN NOT NULL DEFAULT FALSE;
