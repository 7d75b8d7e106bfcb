-- Why an order was cancelled, and how many orders of a user are open in a market.

-- 1 user, 2 self_trade, 3 out_of_range, 4 fill_limit. NULL: not cancelled, or before this column.
ALTER TABLE orders ADD COLUMN cancel_reason SMALLINT;

-- Open orders of the user in the market whose base asset this is.
ALTER TABLE accounts ADD COLUMN open_orders INTEGER NOT NULL DEFAULT 0 CHECK (open_orders >= 0);
UPDATE accounts SET open_orders = counted.total
FROM (
    SELECT o.user_id, m.base_asset_id AS asset_id, count(*) AS total
    FROM orders o JOIN markets m ON m.id = o.market_id
    WHERE o.status = 1
    GROUP BY o.user_id, m.base_asset_id
) AS counted
WHERE counted.user_id = accounts.user_id AND counted.asset_id = accounts.asset_id;
