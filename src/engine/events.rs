//! What the world must hear of a plan.

use serde::Serialize;

use crate::exact::Exact;
use crate::market::Trade;
use crate::store::markets::Catalog;
use crate::store::outbox::{NewEvent, ORDER_MATCHED, user_channel};
use crate::store::trading::Told;

/// The payload of `order.matched`.
#[derive(Serialize)]
struct OrderMatched<'a> {
    /// The same for every delivery of the event: a client drops the second one it sees.
    event_id: String,
    trade_id: i64,
    symbol: &'a str,
    price: Exact,
    amount: Exact,
    buyer_id: i64,
    seller_id: i64,
    buy_order_id: i64,
    sell_order_id: i64,
}

/// Each trade is told to its buyer and to its seller, on their private channels, in order.
pub fn of_trades(trades: &[Trade], catalog: &Catalog) -> Told {
    let mut events = Vec::with_capacity(trades.len().saturating_mul(2));
    for trade in trades {
        let payload = OrderMatched {
            event_id: format!("{ORDER_MATCHED}-{}", trade.id),
            trade_id: trade.id.0,
            symbol: catalog.symbol(trade.market),
            price: Exact(trade.price),
            amount: Exact(trade.amount),
            buyer_id: trade.buyer.0,
            seller_id: trade.seller.0,
            buy_order_id: trade.buy_order.0,
            sell_order_id: trade.sell_order.0,
        };
        let data = serde_json::to_string(&payload).expect("numbers and words are JSON");
        for user in [trade.buyer, trade.seller] {
            let channel = user_channel(user);
            let (name, data) = (ORDER_MATCHED, data.clone());
            events.push(NewEvent { channel, name, data, socket_id: None });
        }
    }
    Told { events, per_trade: 2 }
}
