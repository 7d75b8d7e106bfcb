-- The tables of the baseline: those that an order needs, with rows as small as matchcast's. Money
-- and amounts are in units of 10^-8. One market, a thousand users with practically unlimited funds.
CREATE TABLE markets (
    id bigint PRIMARY KEY,
    symbol text NOT NULL UNIQUE,
    last_sequence bigint NOT NULL
);
CREATE TABLE accounts (
    user_id bigint NOT NULL,
    asset smallint NOT NULL, -- 0 quote (USD), 1 base (BTC)
    available bigint NOT NULL CHECK (available >= 0),
    locked bigint NOT NULL CHECK (locked >= 0),
    PRIMARY KEY (user_id, asset)
);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    market_id bigint NOT NULL REFERENCES markets (id),
    side smallint NOT NULL, -- 0 buy, 1 sell
    price bigint NOT NULL,
    amount bigint NOT NULL,
    filled bigint NOT NULL DEFAULT 0,
    status smallint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_book ON orders (market_id, side, price, id) WHERE status = 1;
CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE TABLE trades (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL,
    buy_order_id bigint NOT NULL,
    sell_order_id bigint NOT NULL,
    price bigint NOT NULL,
    amount bigint NOT NULL,
    fee bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    asset smallint NOT NULL,
    balance bigint NOT NULL,
    change bigint NOT NULL,
    reason smallint NOT NULL, -- 1 reserved, 2 traded
    reference_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ledger_of_account ON ledger (user_id, asset, id);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL,
    event text NOT NULL,
    data text NOT NULL
);

INSERT INTO markets VALUES (1, 'BTC', 0);
-- User 0 is the house account, which receives the commission.
INSERT INTO accounts
SELECT user_id, asset, 1000000000000000000, 0
FROM generate_series(0, 1000) AS user_id, generate_series(0, 1) AS asset;
