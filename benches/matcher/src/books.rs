//! The other order books.

use matchcore::{
    Command, CommandKind, CommandMeta, CommandOutcome, CommandReport, LimitOrder, NewOrder,
    OrderFlags, Price, Quantity, QuantityPolicy, SequenceNumber, SubmitCmd, TimeInForce, Timestamp,
};

use crate::{Matcher, Order, Side, Traded};

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).expect("it is not negative")
}

pub struct Matchcore {
    book: matchcore::OrderBook,
}

impl Matcher for Matchcore {
    fn new(_: usize) -> Self {
        Self { book: matchcore::OrderBook::new("BTC") }
    }

    fn place(&mut self, orders: &[Order]) -> Traded {
        let mut traded = Traded::default();
        for order in orders {
            let side = match order.side {
                Side::Buy => matchcore::Side::Buy,
                Side::Sell => matchcore::Side::Sell,
            };
            let quantity = QuantityPolicy::Standard { quantity: Quantity(unsigned(order.amount)) };
            let flags = OrderFlags::new(side, false, TimeInForce::Gtc);
            let new = LimitOrder::new(Price(unsigned(order.price)), quantity, flags);
            // It counts from zero and accepts no gap.
            let sequence = unsigned(order.id - 1);
            let outcome = self.book.execute(&Command {
                meta: CommandMeta {
                    sequence_number: SequenceNumber(sequence),
                    timestamp: Timestamp(sequence),
                },
                kind: CommandKind::Submit(SubmitCmd { order: NewOrder::Limit(new) }),
            });
            let CommandOutcome::Applied(CommandReport::Submit(effects)) = outcome else {
                panic!("every order is accepted");
            };
            let trades = effects.target_order().match_result().into_iter();
            for trade in trades.flat_map(|result| result.trades()) {
                traded.add(trade.price().0, trade.quantity().0);
            }
        }
        traded
    }
}

pub struct OrderbookRs {
    book: orderbook_rs::OrderBook<()>,
}

impl Matcher for OrderbookRs {
    fn new(_: usize) -> Self {
        Self { book: orderbook_rs::OrderBook::new("BTC") }
    }

    fn place(&mut self, orders: &[Order]) -> Traded {
        let mut traded = Traded::default();
        for order in orders {
            let side = match order.side {
                Side::Buy => orderbook_rs::Side::Buy,
                Side::Sell => orderbook_rs::Side::Sell,
            };
            let result = self.book.add_limit_order_with_result(
                orderbook_rs::Id::from_u64(unsigned(order.id)),
                unsigned(order.price).into(),
                unsigned(order.amount),
                side,
                orderbook_rs::TimeInForce::Gtc,
                None,
            );
            let (_, result) = result.expect("every order is accepted");
            let trades = result.iter().flat_map(|result| result.match_result.trades().as_vec());
            for trade in trades {
                let price = u64::try_from(trade.price().as_u128()).expect("a small number");
                traded.add(price, trade.quantity().as_u64());
            }
        }
        traded
    }
}

pub struct Lobster {
    book: lobster::OrderBook,
}

impl Matcher for Lobster {
    fn new(orders: usize) -> Self {
        // With its default of a few orders for each price it would measure the growth of vectors.
        Self { book: lobster::OrderBook::new(orders, 1_000, false) }
    }

    fn place(&mut self, orders: &[Order]) -> Traded {
        let mut traded = Traded::default();
        for order in orders {
            let side = match order.side {
                Side::Buy => lobster::Side::Bid,
                Side::Sell => lobster::Side::Ask,
            };
            let event = self.book.execute(lobster::OrderType::Limit {
                id: u128::from(unsigned(order.id)),
                side,
                qty: unsigned(order.amount),
                price: unsigned(order.price),
            });
            let fills = match event {
                lobster::OrderEvent::Filled { fills, .. }
                | lobster::OrderEvent::PartiallyFilled { fills, .. } => fills,
                _ => Vec::new(),
            };
            for fill in fills {
                traded.add(fill.price, fill.qty);
            }
        }
        traded
    }
}
