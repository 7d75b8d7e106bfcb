//! Scenarios for what an order may do besides resting at its price: time in force, post-only,
//! market orders and self-trade prevention.

use super::script::check;

const SELLERS: &str = "
    rates 0.015 0
    ann deposits 1000 USD         -> 1000
    bob deposits 10 BTC           -> 10
    cyd deposits 10 BTC           -> 10
    bob sells 1 BTC at 50         -> open
    cyd sells 2 BTC at 51         -> open
    bob sells 3 BTC at 60         -> open
";

fn check_with_sellers(name: &str, script: &str) {
    check(name, &format!("{SELLERS}\n{script}"));
}

#[test]
fn an_immediate_or_cancel_order_never_rests() {
    check_with_sellers(
        "the rest is cancelled, and its reservation released",
        "ann buys 2 BTC at 50 ioc      -> cancelled: 1 at 50
         order 4 is cancelled because Ioc
         order 4 is cancelled, 1 filled, 0 reserved
         ann has 949.25 USD
         ann buys 2 BTC at 51 ioc      -> filled: 2 at 51
         ann buys 1 BTC at 51 ioc      -> cancelled
         ann has 845.72 USD
         bob sells 1 BTC at 51         -> open",
    );
}

#[test]
fn a_fill_or_kill_order_fills_completely_or_not_at_all() {
    check_with_sellers(
        "the limit does not reach far enough, then it does",
        "ann buys 4 BTC at 51 fok      -> cancelled
         order 4 is cancelled because Fok
         ann has 1000 USD
         ann buys 3 BTC at 51 fok      -> filled: 1 at 50, 2 at 51
         ann has 845.72 USD",
    );
    check_with_sellers(
        "it needs more fills than a transaction may have",
        "limit fills 1
         ann buys 3 BTC at 51 fok      -> cancelled
         order 4 is cancelled because Fok
         ann buys 1 BTC at 51 fok      -> filled: 1 at 50",
    );
    check_with_sellers(
        "it is killed rather than filled in part by self-trade prevention",
        "bob deposits 1000 USD         -> 1000
         bob buys 3 BTC at 51 fok      -> cancelled
         bob buys 3 BTC at 51 fok decrement -> cancelled
         order 5 is cancelled because Fok
         bob buys 3 BTC at 60 fok cancel-oldest -> cancelled
         order 1 is open, 0 filled, 1 reserved
         bob buys 2 BTC at 51 fok cancel-oldest -> filled: 2 at 51
         order 1 is cancelled because SelfTrade",
    );
    check(
        "a fill that a balance could not hold kills all of it",
        "rates 0 0
         ann deposits 1000 USD         -> 1000
         bob deposits max USD          -> 92233720368.54775807
         bob deposits 10 BTC           -> 10
         cyd deposits 10 BTC           -> 10
         cyd sells 1 BTC at 50         -> open
         bob sells 1 BTC at 51         -> open
         ann buys 2 BTC at 51 fok      -> cancelled
         ann buys 2 BTC at 51 ioc      -> cancelled: 1 at 50
         order 4 is cancelled because OutOfRange",
    );
}

#[test]
fn a_post_only_order_rests_or_is_rejected() {
    check_with_sellers(
        "nothing is reserved for an order that would match",
        "ann buys 1 BTC at 50 post-only        -> PostOnlyWouldMatch
         ann has 1000 USD
         ann buys 1 BTC at 49.99999999 post-only -> open
         # Its own order counts as well.
         bob deposits 100 USD                  -> 100
         bob buys 1 BTC at 50 post-only        -> PostOnlyWouldMatch",
    );
}

#[test]
fn a_market_order_fills_within_its_bound() {
    check_with_sellers(
        "the bound is 5 % above the best price",
        "limit slippage 0.05
         ann buys 5 BTC at market      -> cancelled: 1 at 50, 2 at 51
         order 4 is cancelled because Slippage
         order 4 is cancelled, 3 filled, 0 reserved
         ann has 845.72 USD
         # Now the best price is 60.
         ann buys 1 BTC at market      -> filled: 1 at 60
         ann buys 9 BTC at market      -> cancelled: 2 at 60
         order 6 is cancelled because Ioc
         ann buys 1 BTC at market      -> NoMarketPrice",
    );
    check_with_sellers(
        "all of it or nothing",
        "limit slippage 0.05
         ann buys 5 BTC at market fok  -> cancelled
         ann buys 3 BTC at market fok  -> filled: 1 at 50, 2 at 51",
    );
    check(
        "a seller has a bound as well, and the book of one order no price after it",
        "limit slippage 0.1
         limit tick_size 5
         ann deposits 1000 USD         -> 1000
         bob deposits 10 BTC           -> 10
         bob sells 1 BTC at market     -> NoMarketPrice
         ann buys 1 BTC at 50          -> open
         ann buys 1 BTC at 45          -> open
         ann buys 1 BTC at 40          -> open
         bob sells 3 BTC at market     -> cancelled: 1 at 50, 1 at 45
         order 5 is cancelled because Slippage",
    );
    check(
        "the minimum value is that at the best price, not at the bound",
        "limit slippage 1
         limit min_value 100
         ann deposits 1000 USD         -> 1000
         bob deposits 10 BTC           -> 10
         ann buys 4 BTC at 50          -> open
         bob sells 1 BTC at market     -> ValueTooSmall { min_value: Fixed(10000000000) }
         bob sells 2 BTC at market     -> filled: 2 at 50",
    );
    check_with_sellers(
        "the reservation is for the bound",
        "limit slippage 1
         dan deposits 101.49 USD       -> 101.49
         dan buys 1 BTC at market      -> InsufficientFunds(Buy)
         dan deposits 0.01 USD         -> 101.5
         dan buys 1 BTC at market      -> filled: 1 at 50
         dan has 50.75 USD",
    );
}

#[test]
fn orders_that_never_rest_are_not_limited_by_open_orders() {
    check_with_sellers(
        "the limit of open orders",
        "limit open_orders 0
         ann buys 1 BTC at 50          -> TooManyOpenOrders { at_most: 0 }
         ann buys 2 BTC at 50 ioc      -> cancelled: 1 at 50
         ann buys 1 BTC at market      -> filled: 1 at 51",
    );
}

const OWN_SELLERS: &str = "
    rates 0 0
    ann deposits 1000 USD         -> 1000
    ann deposits 10 BTC           -> 10
    bob deposits 10 BTC           -> 10
    ann sells 2 BTC at 50         -> open
    bob sells 2 BTC at 51         -> open
";

fn check_own(name: &str, script: &str) {
    check(name, &format!("{OWN_SELLERS}\n{script}"));
}

#[test]
fn each_mode_of_self_trade_prevention_does_what_it_says() {
    check_own(
        "the newest is cancelled",
        "ann buys 3 BTC at 51 cancel-newest -> cancelled
         order 3 is cancelled because SelfTrade
         order 1 is open, 0 filled, 2 reserved",
    );
    check_own(
        "the oldest is cancelled, and the newest goes on",
        "ann buys 3 BTC at 51 cancel-oldest -> open: 2 at 51
         order 1 is cancelled because SelfTrade
         ann has 847 USD, 51 locked
         ann has 12 BTC",
    );
    check_own(
        "both are cancelled, and nothing else happens",
        "ann buys 3 BTC at 51 cancel-both   -> cancelled
         order 1 is cancelled because SelfTrade
         order 3 is cancelled because SelfTrade
         order 2 is open, 0 filled, 2 reserved
         ann has 1000 USD
         ann has 10 BTC",
    );
    check_own(
        "the smaller resting order is used up, and the rest of the newest goes on",
        "ann buys 5 BTC at 51 decrement     -> open: 2 at 51
         order 1 is cancelled because SelfTrade
         order 1 is cancelled, 2 prevented
         order 3 is open, 2 prevented
         order 3 is open, 2 filled, 51 reserved",
    );
}

#[test]
fn decrement_reduces_the_larger_order() {
    check_own(
        "the newest is used up, and the resting one keeps its rest",
        "ann buys 0.5 BTC at 50 decrement   -> cancelled
         order 3 is cancelled, 0.5 prevented
         order 1 is open, 0.5 prevented
         order 1 is open, 0 filled, 1.5 reserved
         bob deposits 1000 USD              -> 1000
         bob buys 1 BTC at 50               -> filled: 1 at 50
         order 1 is open, 1 filled, 0.5 reserved
         # What was prevented is never filled, so the order ends as cancelled.
         bob buys 0.5 BTC at 50             -> filled: 0.5 at 50
         order 1 is cancelled because SelfTrade
         ann has 1075 USD",
    );
    check_own(
        "equal amounts use up both",
        "ann buys 2 BTC at 50 decrement     -> cancelled
         order 1 is cancelled, 2 prevented
         order 3 is cancelled, 2 prevented
         ann has 1000 USD
         ann has 10 BTC",
    );
}

#[test]
fn a_market_order_may_be_limited_by_what_it_costs() {
    check_with_sellers(
        "with its commission, over several prices",
        "ann buys BTC for 101.5            -> filled: 1 at 50, 0.98039215 at 51
         order 4 is filled, 1.98039215 filled, 0 reserved
         ann has 898.50000035 USD",
    );
    check_with_sellers(
        "no more than there is within its bound",
        "limit slippage 0.1
         ann buys BTC for 1000             -> cancelled: 1 at 50, 2 at 51
         order 4 is cancelled because Slippage
         ann has 845.72 USD",
    );
    check_with_sellers(
        "exactly what some resting orders are worth",
        "rates 0 0
         ann buys BTC for 152              -> filled: 1 at 50, 2 at 51
         order 4 is filled, 3 filled, 0 reserved
         ann has 848 USD",
    );
    check_with_sellers(
        "in whole lots",
        "limit lot_size 0.1
         ann buys BTC for 80               -> filled: 1 at 50, 0.5 at 51
         ann buys BTC for 5.17             -> QuoteAmountTooSmall
         ann buys BTC for 5.18             -> filled: 0.1 at 51",
    );
    check_with_sellers(
        "what it costs is what it needs",
        "ann buys BTC for 1000.00000001    -> InsufficientFunds(Buy)
         limit min_value 10
         ann buys BTC for 9                -> QuoteAmountTooSmall
         ann buys BTC for 10               -> filled: 0.19704433 at 50",
    );
}
