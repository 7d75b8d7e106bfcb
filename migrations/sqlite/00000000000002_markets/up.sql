-- Assets, markets, accounts, orders, trades and the ledger.
-- Every price, amount and balance is a count of 10^-8 units.

CREATE TABLE assets (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL UNIQUE
);

-- A batch locks the rows of its markets, so that one process at a time matches each market.
CREATE TABLE markets (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL UNIQUE,
    base_asset_id INTEGER NOT NULL REFERENCES assets (id),
    quote_asset_id INTEGER NOT NULL REFERENCES assets (id)
);

CREATE TABLE accounts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    asset_id INTEGER NOT NULL REFERENCES assets (id),
    available BIGINT NOT NULL CHECK (available >= 0),
    locked BIGINT NOT NULL CHECK (locked >= 0),
    UNIQUE (user_id, asset_id)
);

CREATE TABLE orders (
    -- Assigned under the market's lock: within a market, the order of ids is the order of arrival.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    market_id INTEGER NOT NULL REFERENCES markets (id),
    side SMALLINT NOT NULL CHECK (side IN (1, 2)), -- 1 buy, 2 sell
    price BIGINT NOT NULL CHECK (price > 0),
    amount BIGINT NOT NULL CHECK (amount > 0),
    filled_amount BIGINT NOT NULL CHECK (filled_amount BETWEEN 0 AND amount),
    -- The value of the fills, and the commission on it, in the quote asset.
    filled_value BIGINT NOT NULL,
    commission BIGINT NOT NULL,
    -- The rate when the order was placed; it does not change afterwards.
    commission_rate BIGINT NOT NULL,
    -- The amount that is still locked for this order: quote asset for a buy, base asset for a sell.
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    status SMALLINT NOT NULL CHECK (status IN (1, 2, 3)), -- 1 open, 2 filled, 3 cancelled
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    cancelled_at TIMESTAMP,
    CHECK (status = 1 OR reserved = 0)
);
CREATE INDEX orders_by_user ON orders (user_id, id);
-- The book: the open orders only, each side in its order of priority.
CREATE INDEX orders_asks ON orders (market_id, price, id) WHERE status = 1 AND side = 2;
CREATE INDEX orders_bids ON orders (market_id, price DESC, id) WHERE status = 1 AND side = 1;

CREATE TABLE trades (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    market_id INTEGER NOT NULL,
    buy_order_id BIGINT NOT NULL,
    sell_order_id BIGINT NOT NULL,
    buyer_id BIGINT NOT NULL,
    seller_id BIGINT NOT NULL,
    price BIGINT NOT NULL CHECK (price > 0),
    amount BIGINT NOT NULL CHECK (amount > 0),
    value BIGINT NOT NULL,
    buyer_commission BIGINT NOT NULL,
    seller_commission BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX trades_by_market ON trades (market_id, id);

-- One change of one account. The sum of an account's entries is the account.
CREATE TABLE ledger_entries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT NOT NULL,
    -- 1 deposit, 2 order_reserved, 3 order_refund, 4 order_cancelled, 5 trade_completed,
    -- 6 commission_collected
    action SMALLINT NOT NULL,
    available_change BIGINT NOT NULL,
    locked_change BIGINT NOT NULL,
    available_after BIGINT NOT NULL,
    -- 1 order, 2 trade, 3 market; NULL: refers to nothing.
    reference_type SMALLINT,
    reference_id BIGINT,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX ledger_entries_by_account ON ledger_entries (account_id, id);
