-- The statements of statements.sql as a function. Each call is a transaction of its own.
CREATE FUNCTION place(taker_user bigint, taker_side integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    at_price CONSTANT bigint := 5000000000000;
    size CONSTANT bigint := 10000000;
    value CONSTANT bigint := 500000000000;
    fee CONSTANT bigint := 7500000000;
    reserve bigint := CASE taker_side WHEN 0 THEN value + fee ELSE size END;
    balance_after bigint;
    taker bigint;
    maker bigint;
    maker_user bigint;
    buyer bigint;
    seller bigint;
    buy_order bigint;
    sell_order bigint;
    trade bigint;
    buyer_base bigint;
    seller_quote bigint;
    house_quote bigint;
    payload text;
BEGIN
    PERFORM 1 FROM markets WHERE id = 1 FOR UPDATE;
    UPDATE accounts SET available = available - reserve, locked = locked + reserve
    WHERE user_id = taker_user AND asset = taker_side AND available >= reserve
    RETURNING available INTO STRICT balance_after;
    INSERT INTO orders (user_id, market_id, side, price, amount)
    VALUES (taker_user, 1, taker_side, at_price, size) RETURNING id INTO taker;
    INSERT INTO ledger (user_id, asset, balance, change, reason, reference_id)
    VALUES (taker_user, taker_side, balance_after, -reserve, 1, taker);
    SELECT id, user_id INTO maker, maker_user FROM orders
    WHERE market_id = 1 AND side = 1 - taker_side AND status = 1 AND price = at_price
        AND user_id <> taker_user
    ORDER BY price, id LIMIT 1;
    IF maker IS NOT NULL THEN
        buyer := CASE taker_side WHEN 0 THEN taker_user ELSE maker_user END;
        seller := CASE taker_side WHEN 0 THEN maker_user ELSE taker_user END;
        buy_order := CASE taker_side WHEN 0 THEN taker ELSE maker END;
        sell_order := CASE taker_side WHEN 0 THEN maker ELSE taker END;
        UPDATE orders SET filled = amount, status = 2 WHERE id IN (maker, taker);
        INSERT INTO trades (market_id, buy_order_id, sell_order_id, price, amount, fee)
        VALUES (1, buy_order, sell_order, at_price, size, fee) RETURNING id INTO trade;
        UPDATE accounts SET locked = locked - value - fee WHERE user_id = buyer AND asset = 0;
        UPDATE accounts SET available = available + size WHERE user_id = buyer AND asset = 1
        RETURNING available INTO buyer_base;
        UPDATE accounts SET available = available + value WHERE user_id = seller AND asset = 0
        RETURNING available INTO seller_quote;
        UPDATE accounts SET locked = locked - size WHERE user_id = seller AND asset = 1;
        UPDATE accounts SET available = available + fee WHERE user_id = 0 AND asset = 0
        RETURNING available INTO house_quote;
        INSERT INTO ledger (user_id, asset, balance, change, reason, reference_id)
        VALUES (buyer, 1, buyer_base, size, 2, trade), (seller, 0, seller_quote, value, 2, trade),
            (0, 0, house_quote, fee, 2, trade);
        payload := format('{"buyer_id":%s,"seller_id":%s,"symbol":"BTC","price":50000,"amount":0.1,'
            || '"buy_order_id":%s,"sell_order_id":%s,"trade_id":%s}',
            buyer, seller, buy_order, sell_order, trade);
        INSERT INTO outbox (channel, event, data)
        VALUES ('private-user.' || buyer, 'order.matched', payload),
            ('private-user.' || seller, 'order.matched', payload);
    END IF;
    UPDATE markets SET last_sequence = last_sequence + 1 WHERE id = 1;
    RETURN taker;
END $$;
