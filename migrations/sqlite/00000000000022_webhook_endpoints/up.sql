-- The digests of webhooks that the provider has sent, as opposed to those that are sent from here.
ALTER TABLE webhooks RENAME TO provider_webhooks;

-- URLs that events are posted to.
CREATE TABLE webhook_endpoints (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- 0: the operator's, for the events of all users.
    user_id BIGINT NOT NULL,
    url TEXT NOT NULL,
    -- The names of the events, separated by commas.
    events TEXT NOT NULL,
    secret TEXT NOT NULL,
    -- Signs as well until this time.
    previous_secret TEXT,
    previous_secret_until TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    -- The first failure since the last success.
    failing_since TIMESTAMP,
    disabled_at TIMESTAMP,
    disabled_reason TEXT
);
CREATE INDEX webhook_endpoints_by_user ON webhook_endpoints (user_id, id);

-- Events for endpoints: those that are to be delivered, and for some days those that were.
CREATE TABLE webhook_messages (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Without a foreign key: an endpoint may be deleted while a trade writes a message for it.
    endpoint_id BIGINT NOT NULL,
    event TEXT NOT NULL,
    -- NULL: the event concerns no single user.
    user_id BIGINT,
    data TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    status SMALLINT NOT NULL DEFAULT 1, -- 1 pending, 2 delivered, 3 failed
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMP NOT NULL,
    last_attempt_at TIMESTAMP,
    -- Of the last attempt: the HTTP status, and what went wrong.
    response_status SMALLINT,
    error TEXT
);
CREATE INDEX webhook_messages_by_endpoint ON webhook_messages (endpoint_id, id);
CREATE INDEX webhook_messages_pending ON webhook_messages (endpoint_id, next_attempt_at, id)
WHERE status = 1;
