-- What the world must hear. A row is written in the transaction that made it true, and deleted when
-- the provider has accepted it.
CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

-- What the provider will never accept, with its answer.
CREATE TABLE set_aside_events (
    id BIGINT PRIMARY KEY,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    set_aside_at TIMESTAMP NOT NULL,
    answer TEXT NOT NULL
);

-- How many events have left the outbox by delivery: with what waits and what is set aside, all
-- there ever were. Written by the publisher alone.
CREATE TABLE delivered_events (
    name TEXT PRIMARY KEY,
    delivered BIGINT NOT NULL
);

-- Roles that one process holds at a time.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
