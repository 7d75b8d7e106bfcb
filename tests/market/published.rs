//! What other matching engines publish about order types and self-trade prevention, as scenarios.
//!
//! Prices, amounts and outcomes are those of the source. Deposits are what the orders need, and
//! there is no commission. Sources:
//!
//! - exchange-core: <https://github.com/exchange-core/exchange-core>, commit 2f85487, the tests in
//!   `OrderBookBaseTest.java` and `ITExchangeCoreIntegrationRejection.java`
//! - Binance Spot: <https://github.com/binance/binance-spot-api-docs>, commit a5e0bc3
//! - Coinbase Exchange: <https://docs.cdp.coinbase.com/exchange/concepts/matching-engine>

use super::script::check;

/// The book of exchange-core's `OrderBookBaseTest`, with the order ids of the source. All of ann's
/// money is locked: what she has available later are the proceeds of her asks.
pub const BOOK: &str = "
    ann deposits 245 BTC            -> 245
    ann deposits 6749382 USD        -> 6749382
    bob deposits 220000000 USD      -> 220000000
    cyd deposits 61 BTC             -> 61
    ann sells 100 BTC at 81600      -> open
    ann sells 50 BTC at 81599       -> open
    ann sells 25 BTC at 81599       -> open
    ann buys 40 BTC at 81593        -> open
    ann buys 20 BTC at 81590        -> open
    ann buys 1 BTC at 81590         -> open
    ann buys 20 BTC at 81200        -> open
    ann sells 28 BTC at 201000      -> open
    ann sells 32 BTC at 201000      -> open
    ann sells 10 BTC at 200954      -> open
    ann buys 12 BTC at 10000        -> open
    ann buys 1 BTC at 10000         -> open
    ann buys 2 BTC at 9136          -> open
    ann has 0 USD, 6749382 locked";

pub fn check_each(name: &str, book: &str, scripts: &[&str]) {
    for script in scripts {
        check(name, &format!("rates 0 0\n{book}\n{script}"));
    }
}

#[test]
fn immediate_or_cancel_orders_of_exchange_core() {
    check_each(
        "the tests shouldMatchIocOrder... of OrderBookBaseTest",
        BOOK,
        &[
            "cyd sells 10 BTC at 1 ioc      -> filled: 10 at 81593
             order 4 is open, 10 filled, 2447790 reserved",
            "cyd sells 40 BTC at 1 ioc      -> filled: 40 at 81593
             order 4 is filled, 40 filled, 0 reserved",
            "cyd sells 41 BTC at 1 ioc      -> filled: 40 at 81593, 1 at 81590
             order 5 is open, 1 filled, 1550210 reserved",
            "bob buys 175 BTC at 400000 ioc -> filled: 50 at 81599, 25 at 81599, 100 at 81600
             order 10 is open, 0 filled, 10 reserved",
            "bob buys 270 BTC at 400000 ioc -> cancelled: 50 at 81599, 25 at 81599, \
             100 at 81600, 10 at 200954, 28 at 201000, 32 at 201000
             order 14 is cancelled because Ioc
             bob has 245 BTC",
        ],
    );
}

/// The orders of the source limit their total value (`FOK_BUDGET`), here they limit their price.
/// Where the source's limit suffices, the price is the last one that they match, and ann or cyd has
/// the total value of the source. Where it is one unit too tight, so is the price.
#[test]
fn fill_or_kill_orders_of_exchange_core() {
    check_each(
        "the tests should...Fok... of OrderBookBaseTest",
        BOOK,
        &[
            "bob buys 180 BTC at 200953 fok -> cancelled
             order 14 is cancelled because Fok
             ann has 0 USD, 6749382 locked
             bob has 220000000 USD",
            "bob buys 180 BTC at 200954 fok -> filled: 50 at 81599, 25 at 81599, 100 at 81600, \
             5 at 200954
             ann has 15284695 USD, 6749382 locked",
            "bob buys 176 BTC at 200954 fok -> filled: 50 at 81599, 25 at 81599, 100 at 81600, \
             1 at 200954
             ann has 14480879 USD, 6749382 locked",
            "cyd sells 60 BTC at 81591 fok  -> cancelled
             order 14 is cancelled because Fok
             cyd has 61 BTC",
            "cyd sells 60 BTC at 81590 fok  -> filled: 40 at 81593, 20 at 81590
             cyd has 4895520 USD",
            "cyd sells 61 BTC at 81590 fok  -> filled: 40 at 81593, 20 at 81590, 1 at 81590
             cyd has 4977110 USD",
        ],
    );
}

/// exchange-core: `should...MatchMarketableGtcOrder...`, and the same order with the other terms,
/// as Binance defines them in `enums.md` and `rest-api.md` (post-only is its `LIMIT_MAKER`).
#[test]
fn a_limit_order_of_exchange_core_with_each_of_the_terms() {
    let name = "the tests of marketable orders in OrderBookBaseTest";
    let two = "50 at 81599, 25 at 81599";
    let three = "50 at 81599, 25 at 81599, 2 at 81600";
    let all = "50 at 81599, 25 at 81599, 100 at 81600, 10 at 200954, 28 at 201000, 32 at 201000";
    for (order, fills, is_complete) in [
        ("bob buys 1 BTC at 81599", "1 at 81599", true),
        ("bob buys 77 BTC at 81599", two, false),
        ("bob buys 77 BTC at 81600", three, true),
        ("bob buys 1000 BTC at 220000", all, false),
    ] {
        let [gtc, ioc, fok] = if is_complete {
            ["", "ioc", "fok"].map(|terms| format!("{order} {terms} -> filled: {fills}"))
        } else {
            [
                format!("{order} -> open: {fills}"),
                format!("{order} ioc -> cancelled: {fills}\norder 14 is cancelled because Ioc"),
                format!("{order} fok -> cancelled\norder 14 is cancelled because Fok"),
            ]
        };
        let post_only = format!("{order} post-only -> PostOnlyWouldMatch\nbob has 220000000 USD");
        check_each(name, BOOK, &[&gtc, &ioc, &fok, &post_only]);
    }
    // The orders of shouldAddGtcOrders, which do not match. Its two largest exceed our range.
    let resting = "cyd sells 1 BTC at 81598 post-only -> open
                   bob buys 4 BTC at 1000 post-only   -> open";
    check_each("the test shouldAddGtcOrders of OrderBookBaseTest", BOOK, &[resting]);
}

/// exchange-core: `testMultiBuy` and `testMultiSell` of `ITExchangeCoreIntegrationRejection`.
#[test]
fn orders_as_large_as_the_book_and_larger() {
    check_each(
        "testMultiBuy",
        "ann deposits 7 BTC             -> 7
         bob deposits 10 BTC            -> 10
         cyd deposits 23 BTC            -> 23
         dan deposits 6580500 USD       -> 6580500
         ann sells 7 BTC at 160000      -> open
         bob sells 10 BTC at 159900     -> open
         cyd sells 3 BTC at 160000      -> open
         cyd sells 20 BTC at 160500     -> open",
        &[
            "dan buys 40 BTC at 160500 ioc  -> filled: 10 at 159900, 7 at 160000, 3 at 160000, \
             20 at 160500",
            "dan buys 40 BTC at 160500 fok  -> filled: 10 at 159900, 7 at 160000, 3 at 160000, \
             20 at 160500",
            "dan buys 41 BTC at 160500 ioc  -> cancelled: 10 at 159900, 7 at 160000, \
             3 at 160000, 20 at 160500",
            "dan buys 41 BTC at 160500 fok  -> cancelled",
        ],
    );
    check_each(
        "testMultiSell",
        "ann deposits 1920000 USD       -> 1920000
         bob deposits 159900 USD        -> 159900
         cyd deposits 1440500 USD       -> 1440500
         dan deposits 23 BTC            -> 23
         ann buys 12 BTC at 160000      -> open
         bob buys 1 BTC at 159900       -> open
         cyd buys 8 BTC at 160000       -> open
         cyd buys 1 BTC at 160500       -> open",
        &[
            "dan sells 22 BTC at 159900 fok -> filled: 1 at 160500, 12 at 160000, 8 at 160000, \
             1 at 159900",
            "dan sells 23 BTC at 159900 ioc -> cancelled: 1 at 160500, 12 at 160000, \
             8 at 160000, 1 at 159900",
            "dan sells 23 BTC at 159900 fok -> cancelled",
        ],
    );
}

/// Binance: `faqs/sor_faq.md`, where several books are matched as if they were one, and
/// `faqs/market_orders_faq.md`. Market orders reserve up to twice the best price here.
#[test]
fn immediate_orders_of_binance() {
    check_each(
        "sor_faq.md, examples 2 and 3",
        "ann deposits 10 BTC            -> 10
         bob deposits 616000 USD        -> 616000
         ann sells 3 BTC at 30800       -> open
         ann sells 3 BTC at 30500       -> open
         ann sells 1 BTC at 30000       -> open
         ann sells 1 BTC at 28000       -> open
         ann sells 1 BTC at 35000       -> open
         ann sells 1 BTC at 29000       -> open",
        &[
            "bob buys 5 BTC at 31000 fok    -> filled: 1 at 28000, 1 at 29000, 1 at 30000, \
             2 at 30500
             ann has 148000 USD",
            "bob buys 11 BTC at market      -> cancelled: 1 at 28000, 1 at 29000, 1 at 30000, \
             3 at 30500, 3 at 30800, 1 at 35000
             order 7 is cancelled because Ioc
             ann has 305900 USD",
            "bob buys 11 BTC at 35000 fok   -> cancelled
             order 7 is cancelled because Fok",
        ],
    );
    check_each(
        "market_orders_faq.md",
        "ann deposits 4 BTC             -> 4
         bob deposits 12 USD            -> 12
         ann sells 2 BTC at 1           -> open
         ann sells 2 BTC at 1           -> open",
        &["bob buys 6 BTC at market       -> cancelled: 2 at 1, 2 at 1
           order 3 is cancelled because Ioc"],
    );
}

/// Binance: `faqs/stp_faq.md`. Without scenario A, where the same user's orders do trade.
#[test]
fn self_trade_prevention_of_binance() {
    let three_bids = "ann deposits 10.97 USD          -> 10.97
                      ann buys 1.2 BTC at 1.2         -> open
                      ann buys 1.3 BTC at 1.1         -> open
                      ann buys 8.1 BTC at 1           -> open";
    check_each(
        "stp_faq.md, scenarios B and C",
        &format!("ann deposits 3 BTC -> 3\n{three_bids}"),
        &[
            "ann sells 3 BTC at 1 cancel-oldest -> open
             order 1 is cancelled because SelfTrade
             order 2 is cancelled because SelfTrade
             order 3 is cancelled because SelfTrade
             order 4 is open, 0 filled, 3 reserved
             ann has 10.97 USD",
            "ann sells 3 BTC at 1 cancel-newest -> cancelled
             order 4 is cancelled because SelfTrade
             ann has 0 USD, 10.97 locked
             ann has 3 BTC",
        ],
    );
    check_each(
        "stp_faq.md, scenarios D to H, and the prevented match in its answers",
        "ann deposits 20000 USD             -> 20000
         ann deposits 20000 BTC             -> 20000",
        &[
            "ann buys 1 BTC at 1                -> open
             ann sells 3 BTC at 1 cancel-both   -> cancelled
             order 1 is cancelled because SelfTrade
             order 2 is cancelled because SelfTrade",
            "# The prevented match, which does not say which side the orders are on.
             ann sells 10 BTC at 50             -> open
             ann buys 1 BTC at 50 cancel-both   -> cancelled
             order 1 is cancelled because SelfTrade
             order 2 is cancelled because SelfTrade",
            "# The mode of the resting order does not matter.
             ann buys 1 BTC at 1 cancel-oldest  -> open
             ann sells 1 BTC at 1 cancel-newest -> cancelled
             order 1 is open, 0 filled, 1 reserved
             order 2 is cancelled because SelfTrade",
            "# The market order ends because nothing else is there.
             ann buys 1 BTC at 1                -> open
             ann sells 1 BTC at market cancel-oldest -> cancelled
             order 1 is cancelled because SelfTrade
             order 2 is cancelled because Ioc",
            "ann buys 6 BTC at 2                -> open
             ann sells 2 BTC at 2 decrement     -> cancelled
             order 1 is open, 2 prevented
             order 1 is open, 0 filled, 8 reserved
             order 2 is cancelled because SelfTrade",
            "# TRANSFER, which between orders of one account is DECREMENT.
             ann buys 0.6 BTC at 0.2            -> open
             ann sells 0.2 BTC at 0.2 decrement -> cancelled
             order 1 is open, 0.2 prevented
             order 2 is cancelled because SelfTrade
             ann has 19999.92 USD, 0.08 locked",
        ],
    );
}

/// Coinbase: its self-trade prevention options `dc`, `co`, `cn` and `cb` have no example, so they
/// are applied to the example of price improvement, as if one user had placed both orders.
#[test]
fn price_improvement_and_self_trade_prevention_of_coinbase() {
    check_each(
        "the page on the matching engine",
        "ann deposits 100 USD               -> 100
         ann deposits 1 BTC                 -> 1
         bob deposits 1 BTC                 -> 1
         ann buys 1 BTC at 100              -> open",
        &[
            "bob sells 1 BTC at 80              -> filled: 1 at 100",
            "ann sells 1 BTC at 80 decrement    -> cancelled
             order 1 is cancelled because SelfTrade
             order 2 is cancelled because SelfTrade",
            "ann sells 1 BTC at 80 cancel-oldest -> open
             order 1 is cancelled because SelfTrade",
            "ann sells 1 BTC at 80 cancel-newest -> cancelled
             order 1 is open, 0 filled, 100 reserved",
            "ann sells 1 BTC at 80 cancel-both  -> cancelled
             order 1 is cancelled because SelfTrade",
        ],
    );
}
