-- The trades of a market in one interval of time. A batch updates the candles of its trades in its
-- own transaction; longer intervals are made of these when they are read.

CREATE TABLE candles (
    market_id INTEGER NOT NULL,
    interval_s INTEGER NOT NULL, -- 60 or 3600
    -- The beginning of the interval, a multiple of it.
    opened_at TIMESTAMP NOT NULL,
    open BIGINT NOT NULL,
    high BIGINT NOT NULL,
    low BIGINT NOT NULL,
    close BIGINT NOT NULL,
    -- The sums of the trades' amounts and values, which may exceed 64 bits of 10^-8 units: in whole
    -- numbers, and in units of what is below one.
    volume_whole BIGINT NOT NULL,
    volume_fraction BIGINT NOT NULL,
    quote_volume_whole BIGINT NOT NULL,
    quote_volume_fraction BIGINT NOT NULL,
    trade_count BIGINT NOT NULL,
    -- Of its trades: the first one has the opening price, the last one the closing price.
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    PRIMARY KEY (market_id, interval_s, opened_at)
) WITH (fillfactor = 70); -- room for updates in place: no index changes with a candle

-- Within a market the order of ids is the order of sequence numbers, which clients know.
DROP INDEX trades_by_market;
CREATE INDEX trades_by_sequence ON trades (market_id, sequence);

-- The candles of the trades so far.
INSERT INTO candles
SELECT c.market_id, c.interval_s, c.opened_at, f.price, c.high, c.low, l.price, c.volume_whole,
    c.volume_fraction, c.quote_volume_whole, c.quote_volume_fraction, c.trade_count,
    c.first_sequence, c.last_sequence
FROM (
    SELECT market_id, interval_s, opened_at, max(price) AS high, min(price) AS low,
        CAST(sum(amount / 100000000) AS BIGINT) AS volume_whole,
        CAST(sum(amount % 100000000) AS BIGINT) AS volume_fraction,
        CAST(sum(value / 100000000) AS BIGINT) AS quote_volume_whole,
        CAST(sum(value % 100000000) AS BIGINT) AS quote_volume_fraction,
        count(*) AS trade_count, min(sequence) AS first_sequence, max(sequence) AS last_sequence
    FROM (
        SELECT market_id, 60 AS interval_s, date_trunc('minute', created_at) AS opened_at,
            price, amount, value, sequence
        FROM trades
        UNION ALL
        SELECT market_id, 3600, date_trunc('hour', created_at),
            price, amount, value, sequence
        FROM trades
    ) AS t
    GROUP BY market_id, interval_s, opened_at
) AS c
JOIN trades f ON f.market_id = c.market_id AND f.sequence = c.first_sequence
JOIN trades l ON l.market_id = c.market_id AND l.sequence = c.last_sequence;
