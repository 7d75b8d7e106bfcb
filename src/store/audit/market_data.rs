//! Checks of what is kept for readers of market data.

use super::Check;

pub const CHECKS: [Check; 2] = [
    // The beginning of a time's text is its minute or its hour. In a stored candle, what the
    // fractions sum to may be carried over to the whole numbers or not. Both sides of the
    // comparison are rows of one list, because SQLite joins two lists without an index row by row.
    Check {
        name: "a candle is made of the trades of its interval",
        query: "WITH minutes AS (SELECT market_id, 60 AS interval_s, \
                substr(CAST(created_at AS TEXT), 1, 16) AS opened, count(*) AS trades, \
                max(price) AS high, min(price) AS low, \
                min(sequence) AS first, max(sequence) AS last, \
                CAST(sum(amount / 100000000) AS BIGINT) AS whole, \
                CAST(sum(amount % 100000000) AS BIGINT) AS fraction, \
                CAST(sum(value / 100000000) AS BIGINT) AS quote_whole, \
                CAST(sum(value % 100000000) AS BIGINT) AS quote_fraction \
                FROM trades GROUP BY 1, 3), \
            made AS (SELECT * FROM minutes UNION ALL SELECT market_id, 3600, \
                substr(opened, 1, 13), CAST(sum(trades) AS BIGINT), max(high), min(low), \
                min(first), max(last), CAST(sum(whole) AS BIGINT), \
                CAST(sum(fraction) AS BIGINT), CAST(sum(quote_whole) AS BIGINT), \
                CAST(sum(quote_fraction) AS BIGINT) FROM minutes GROUP BY 1, 3), \
            compared AS (SELECT m.market_id, m.interval_s, m.opened, 1 AS is_made, m.trades, \
                f.price AS open, m.high, m.low, l.price AS close, m.first, m.last, \
                m.whole, m.fraction, m.quote_whole, m.quote_fraction FROM made m \
                LEFT JOIN trades f ON f.market_id = m.market_id AND f.sequence = m.first \
                LEFT JOIN trades l ON l.market_id = m.market_id AND l.sequence = m.last \
                UNION ALL SELECT market_id, interval_s, substr(CAST(opened_at AS TEXT), 1, \
                CASE WHEN interval_s = 60 THEN 16 ELSE 13 END), 0, trade_count, open, high, \
                low, close, first_sequence, last_sequence, volume_whole, volume_fraction, \
                quote_volume_whole, quote_volume_fraction FROM candles) \
            SELECT 'market ' || market_id || ', ' || interval_s || ' s from ' || opened \
                AS subject, coalesce(sum(CASE WHEN is_made = 1 THEN trades END), 0) || \
                ' trades' AS expected, coalesce(sum(CASE WHEN is_made = 0 THEN trades END), 0) \
                || ' trades, or other prices or sums' AS found \
            FROM compared GROUP BY market_id, interval_s, opened \
            HAVING count(*) <> 2 OR sum(is_made) <> 1 OR min(trades) <> max(trades) \
                OR min(open) <> max(open) OR min(close) <> max(close) \
                OR min(high) <> max(high) OR min(low) <> max(low) \
                OR min(first) <> max(first) OR min(last) <> max(last) \
                OR min(whole + fraction / 100000000) <> max(whole + fraction / 100000000) \
                OR min(fraction % 100000000) <> max(fraction % 100000000) \
                OR min(quote_whole + quote_fraction / 100000000) \
                    <> max(quote_whole + quote_fraction / 100000000) \
                OR min(quote_fraction % 100000000) <> max(quote_fraction % 100000000)",
    },
    Check {
        name: "a published book is not newer than its market",
        query: "SELECT m.symbol AS subject, 'at most version ' || m.book_version AS expected, \
            'version ' || p.book_version AS found FROM published_books p \
            JOIN markets m ON m.id = p.market_id WHERE p.book_version > m.book_version",
    },
];
