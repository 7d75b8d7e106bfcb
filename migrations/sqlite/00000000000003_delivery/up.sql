-- Events that are not delivered yet. A row is written in the transaction that causes the event, and
-- deleted when the provider has accepted it.
CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

-- Events that the provider will never accept, with its response.
CREATE TABLE set_aside_events (
    id BIGINT PRIMARY KEY,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    set_aside_at TIMESTAMP NOT NULL,
    answer TEXT NOT NULL
);

-- The number of delivered events of each name. Together with the two tables above it accounts for
-- all events that were ever written. Only the publisher writes it.
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
