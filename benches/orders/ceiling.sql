-- Copies of rows that the engine has written, numbered from 0. Accounts are in random order, as
-- those of a batch are. A batch copies the next rows of each sample.
CREATE TABLE sample_orders AS SELECT row_number() OVER (ORDER BY id) - 1 AS n, * FROM orders
    ORDER BY id LIMIT 8192;
CREATE TABLE sample_trades AS SELECT row_number() OVER (ORDER BY id) - 1 AS n, * FROM trades
    ORDER BY id LIMIT 8192;
CREATE TABLE sample_entries AS SELECT row_number() OVER (ORDER BY id) - 1 AS n, *
    FROM ledger_entries WHERE action <> 1 ORDER BY id LIMIT 8192;
CREATE TABLE sample_events AS SELECT row_number() OVER (ORDER BY id) - 1 AS n, * FROM outbox
    ORDER BY id LIMIT 8192;
CREATE TABLE sample_accounts AS SELECT row_number() OVER (ORDER BY random()) - 1 AS n, id
    FROM accounts;
CREATE UNIQUE INDEX ON sample_orders (n);
CREATE UNIQUE INDEX ON sample_trades (n);
CREATE UNIQUE INDEX ON sample_entries (n);
CREATE UNIQUE INDEX ON sample_events (n);
CREATE UNIQUE INDEX ON sample_accounts (n);
CREATE SEQUENCE ceiling_batches;
CREATE SEQUENCE ceiling_trades START 1000000000;

-- The first number of the next `rows` rows of a sample of `total`.
CREATE FUNCTION ceiling_start(batch bigint, rows integer, total bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$ SELECT (batch * rows) % greatest(total - rows + 1, 1) $$;

CREATE FUNCTION ceiling_batch(new_orders integer, changed_orders integer, changed_accounts integer,
    new_trades integer, new_entries integer, new_events integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    batch CONSTANT bigint := nextval('ceiling_batches');
    first bigint;
    last_order bigint;
BEGIN
    PERFORM 1 FROM markets WHERE id = 1 FOR UPDATE;
    -- writes markets.updated
    UPDATE markets SET trade_sequence = trade_sequence + new_trades,
        arrival_sequence = arrival_sequence + new_orders, book_version = book_version + 1
    WHERE id = 1;
    -- As many orders rest as were changed, because each of them is filled by a later batch.
    -- writes orders.inserted
    first := ceiling_start(batch, new_orders, (SELECT max(n) + 1 FROM sample_orders));
    INSERT INTO orders (status, filled_amount, filled_value, commission, reserved, {order_columns})
    SELECT CASE WHEN n < first + changed_orders THEN 1 ELSE 2 END,
        CASE WHEN n < first + changed_orders THEN 0 ELSE amount END, filled_value, commission,
        CASE WHEN n < first + changed_orders THEN amount ELSE 0 END, {order_columns}
    FROM sample_orders WHERE n >= first AND n < first + new_orders ORDER BY n;
    -- The orders of the batch before: their ids are the ones before these.
    -- writes orders.updated
    last_order := currval(pg_get_serial_sequence('orders', 'id'));
    UPDATE orders SET status = 2, filled_amount = amount, reserved = 0, updated_at = now()
    WHERE id > last_order - 2 * new_orders AND id <= last_order - 2 * new_orders + changed_orders;
    -- writes accounts.updated
    first := ceiling_start(batch, changed_accounts, (SELECT max(n) + 1 FROM sample_accounts));
    UPDATE accounts SET available = available + 1, version = version + 1
    WHERE id IN (SELECT id FROM sample_accounts WHERE n >= first AND n < first + changed_accounts);
    -- writes trades.inserted
    first := ceiling_start(batch, new_trades, (SELECT max(n) + 1 FROM sample_trades));
    INSERT INTO trades (sequence, {trade_columns})
    SELECT nextval('ceiling_trades'), {trade_columns}
    FROM sample_trades WHERE n >= first AND n < first + new_trades ORDER BY n;
    -- writes candles.updated
    UPDATE candles SET trade_count = trade_count + new_trades
    WHERE (market_id, interval_s, opened_at)
        IN (SELECT market_id, interval_s, max(opened_at) FROM candles GROUP BY 1, 2);
    -- writes ledger_entries.inserted
    first := ceiling_start(batch, new_entries, (SELECT max(n) + 1 FROM sample_entries));
    INSERT INTO ledger_entries ({entry_columns}) SELECT {entry_columns}
    FROM sample_entries WHERE n >= first AND n < first + new_entries ORDER BY n;
    -- writes outbox.inserted
    first := ceiling_start(batch, new_events, (SELECT max(n) + 1 FROM sample_events));
    INSERT INTO outbox ({event_columns}) SELECT {event_columns}
    FROM sample_events WHERE n >= first AND n < first + new_events ORDER BY n;
END $$;
