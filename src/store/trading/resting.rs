//! A page of resting orders, in order of priority: said alike to both databases.
//!
//! Both walk a partial index of open orders. `after_price` bounds the walk at its beginning too, so
//! that a later page starts where the one before it ended.

macro_rules! resting_statements {
    ($backend:ty) => {
        statement! {
            RestingAsks<$backend> {
                market: i32 => Integer, limit: i64 => BigInt, after_price: i64 => BigInt,
                after_id: i64 => BigInt, len: i64 => BigInt,
            } -> OrderSql:
            "SELECT " (order_columns!()) " FROM orders WHERE status = 1 AND side = 2"
            " AND market_id = " [market] " AND price <= " [limit]
            " AND (price, id) > (" [after_price] ", " [after_id]
            ") ORDER BY price, id LIMIT " [len]
        }

        statement! {
            RestingBids<$backend> {
                market: i32 => Integer, limit: i64 => BigInt, after_price: i64 => BigInt,
                same_price: i64 => BigInt, after_id: i64 => BigInt, len: i64 => BigInt,
            } -> OrderSql:
            "SELECT " (order_columns!()) " FROM orders WHERE status = 1 AND side = 1"
            " AND market_id = " [market] " AND price >= " [limit] " AND price <= " [after_price]
            " AND (price < " [same_price] " OR id > " [after_id]
            ") ORDER BY price DESC, id LIMIT " [len]
        }

        pub fn resting(
            connection: &mut <$backend as ConnectionOf>::Connection,
            side: Side,
            market: i32,
            limit: i64,
            (after_price, after_id): (i64, i64),
            len: i64,
        ) -> Result<Vec<OrderRow>, StoreError> {
            Ok(match side {
                Side::Sell => {
                    RestingAsks { market, limit, after_price, after_id, len }.load(connection)?
                }
                Side::Buy => {
                    let same_price = after_price;
                    RestingBids { market, limit, after_price, same_price, after_id, len }
                        .load(connection)?
                }
            })
        }
    };
}

pub(super) use resting_statements;
