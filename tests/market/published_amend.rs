//! What other matching engines publish about amended orders, as scenarios like those of
//! [`published`](super::published).
//!
//! Sources:
//!
//! - exchange-core: <https://github.com/exchange-core/exchange-core>, commit 0f161eb, the tests
//!   `shouldMoveOrder...` of `OrderBookBaseTest.java`. Its orders are moved to another price only.
//! - Binance Spot: <https://github.com/binance/binance-spot-api-docs>, commit c8e2990,
//!   `faqs/order_amend_keep_priority.md`. Its orders are reduced only.

use super::published::{BOOK, check_each};

#[test]
fn moved_orders_of_exchange_core() {
    check_each(
        "the moves within the book: to a price that others have, and to one of its own",
        BOOK,
        &[
            "ann deposits 7800 USD          -> 7800
             ann amends 7 to at 81590       -> open
             ann has 0 USD, 6757182 locked
             cyd deposits 20 BTC            -> 81
             cyd sells 81 BTC at 81590      -> filled: 40 at 81593, 20 at 81590, 1 at 81590, \
             20 at 81590
             order 7 is filled, 20 filled, 0 reserved",
            "ann deposits 7880 USD          -> 7880
             ann amends 7 to at 81594       -> open
             cyd sells 61 BTC at 81590      -> filled: 20 at 81594, 40 at 81593, 1 at 81590
             order 7 is filled, 20 filled, 0 reserved",
        ],
    );
    check_each(
        "the moves to a price that matches",
        BOOK,
        &[
            "bob buys 20 BTC at 81200       -> open
             bob amends 14 to at 81602      -> filled: 20 at 81599
             order 2 is open, 20 filled, 30 reserved",
            "bob buys 100 BTC at 81594      -> open
             bob amends 14 to at 81600      -> filled: 50 at 81599, 25 at 81599, 25 at 81600
             order 1 is open, 25 filled, 75 reserved",
            "bob buys 246 BTC at 81594      -> open
             bob amends 14 to at 201000     -> open: 50 at 81599, 25 at 81599, 100 at 81600, \
             10 at 200954, 28 at 201000, 32 at 201000
             order 14 is open, 245 filled, 201000 reserved",
        ],
    );
}

/// The book of the example, in which bob's order is the second at its price.
const BINANCE: &str = "
    ann deposits 1000000 USD        -> 1000000
    bob deposits 1000000 USD        -> 1000000
    cyd deposits 1000000 USD        -> 1000000
    dan deposits 1000000 USD        -> 1000000
    dan deposits 100 BTC            -> 100
    ann buys 1 BTC at 87000         -> open
    bob buys 5.5 BTC at 87000       -> open
    cyd buys 4 BTC at 87000         -> open
    dan buys 2 BTC at 86999         -> open";

#[test]
fn a_reduced_order_of_binance_keeps_its_priority() {
    check_each(
        "amended, or cancelled and placed again",
        BINANCE,
        &[
            "bob amends 2 to 5              -> open
             bob has 565000 USD, 435000 locked
             dan sells 7 BTC at 87000       -> filled: 1 at 87000, 5 at 87000, 1 at 87000
             order 2 is filled, 5 filled, 0 reserved",
            "bob cancels 2                  -> cancelled
             bob buys 5 BTC at 87000        -> open
             dan sells 7 BTC at 87000       -> filled: 1 at 87000, 4 at 87000, 2 at 87000
             order 5 is open, 2 filled, 261000 reserved",
        ],
    );
}
