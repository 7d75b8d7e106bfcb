-- The processes that publish events. All of them hold the lease 'publisher' together.
CREATE TABLE publishers (
    -- The name of the process, which no other one has.
    holder TEXT NOT NULL PRIMARY KEY,
    -- Until then its shards belong to it. It renews this.
    expires_at TIMESTAMP NOT NULL,
    -- How long this is from each renewal.
    length_ms BIGINT NOT NULL
);

-- Which process publishes the events of a shard. No row, or one of a process that is not among the
-- publishers: nobody does.
CREATE TABLE publisher_shards (
    shard SMALLINT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL
);
