//! Scenarios for orders that wait or change: stop orders, dates, amendments and market statuses.

use super::script::check;

const BOOK: &str = "
    rates 0 0
    ann deposits 10000 USD        -> 10000
    bob deposits 100 BTC          -> 100
    cyd deposits 10000 USD        -> 10000
    cyd deposits 100 BTC          -> 100
    bob sells 1 BTC at 50         -> open
    bob sells 1 BTC at 51         -> open
    bob sells 1 BTC at 52         -> open
    bob sells 5 BTC at 60         -> open
";

fn check_with_book(name: &str, script: &str) {
    check(name, &format!("{BOOK}\n{script}"));
}

#[test]
fn a_stop_order_waits_until_a_trade_reaches_its_price() {
    check_with_book(
        "a stop-limit order that rests once it is triggered",
        "ann buys 2 BTC at 51 stop 51  -> waiting
         ann has 9898 USD, 102 locked
         cyd buys 1 BTC at 50          -> filled: 1 at 50
         order 5 is open, 0 filled, 102 reserved
         cyd buys 1 BTC at 51          -> filled: 1 at 51
         bob sells 1 BTC at 51         -> filled: 1 at 51
         order 5 is open, 1 filled, 51 reserved",
    );
    check_with_book(
        "a stop-market order fills up to its bound, which counts from the stop price",
        "limit slippage 0.1
         ann buys 3 BTC at market stop 51 -> waiting
         ann has 9831.7 USD, 168.3 locked
         cyd buys 2 BTC at 51          -> filled: 1 at 50, 1 at 51
         order 5 is cancelled because Slippage
         order 5 is cancelled, 1 filled, 0 reserved
         ann has 9948 USD",
    );
    check_with_book(
        "a price that the last trade has reached does not wait",
        "cyd buys 1 BTC at 50          -> filled: 1 at 50
         ann buys 1 BTC at 51 stop 50  -> filled: 1 at 51
         ann buys 1 BTC at 55 stop 51.00000001 -> waiting",
    );
}

#[test]
fn triggered_orders_are_executed_nearest_first_and_may_trigger_others() {
    check_with_book(
        "the second order of two at one price comes later, and the third is triggered by the first",
        "ann buys 1 BTC at 52 stop 51.5 -> waiting
         ann buys 1 BTC at 51 stop 50  -> waiting
         cyd buys 1 BTC at 60 stop 50  -> waiting
         cyd buys 1 BTC at 50          -> filled: 1 at 50
         order 6 is filled, 1 filled, 0 reserved
         order 7 is filled, 1 filled, 0 reserved
         order 5 is open, 0 filled, 52 reserved",
    );
    check_with_book(
        "one fill in a transaction changes nothing",
        "limit fills 1
         ann buys 1 BTC at 52 stop 51  -> waiting
         ann buys 1 BTC at 51 stop 50  -> waiting
         cyd buys 1 BTC at 50          -> filled: 1 at 50
         order 6 is filled, 1 filled, 0 reserved
         order 5 is filled, 1 filled, 0 reserved",
    );
    check_with_book(
        "sell orders wait for low prices, the highest stop price first",
        "cyd buys 1 BTC at 50          -> filled: 1 at 50
         ann buys 1 BTC at 49          -> open
         ann buys 2 BTC at 48          -> open
         ann buys 1 BTC at 40          -> open
         cyd sells 1 BTC at 40 stop 48 -> waiting
         cyd sells 1 BTC at 48 stop 49 -> waiting
         bob sells 1 BTC at 49         -> filled: 1 at 49
         order 9 is filled, 1 filled, 0 reserved
         order 10 is filled, 1 filled, 0 reserved
         order 7 is filled, 2 filled, 0 reserved",
    );
}

#[test]
fn a_waiting_order_is_cancelled_and_amended_like_any_other() {
    check_with_book(
        "it counts as an open order",
        "limit open_orders 1
         ann buys 1 BTC at 52 stop 51  -> waiting
         ann buys 1 BTC at 40          -> TooManyOpenOrders { at_most: 1 }
         ann amends 5 to 2 at 53       -> waiting
         ann has 9894 USD, 106 locked
         ann cancels 5                 -> cancelled
         ann has 10000 USD
         cyd buys 2 BTC at 51          -> filled: 1 at 50, 1 at 51
         order 5 is cancelled because User",
    );
    check_with_book(
        "its stop price must be on the tick, and a market order has no price to amend",
        "limit tick_size 0.5
         ann buys 1 BTC at 52 stop 51.2 -> StopNotOnTick { tick_size: Fixed(50000000) }
         ann buys 1 BTC at market stop 51 -> waiting
         ann amends 6 to at 53         -> NoPriceToAmend",
    );
}

#[test]
fn an_order_with_a_date_is_cancelled_when_its_time_has_come() {
    check_with_book(
        "it may have been filled in part, or wait",
        "ann buys 2 BTC at 50 until 5  -> open: 1 at 50
         ann buys 1 BTC at 55 stop 54 until 6 -> waiting
         time is 4
         BTC advances                  -> 0 expired
         time is 5
         BTC advances                  -> 1 expired
         order 5 is cancelled because Expired
         order 5 is cancelled, 1 filled, 0 reserved
         time is 6
         BTC is halted
         BTC advances                  -> 1 expired
         BTC advances                  -> 0 expired
         ann has 9950 USD",
    );
}

#[test]
fn only_a_smaller_amount_keeps_the_priority_of_an_order() {
    let two_bids = "
        ann buys 2 BTC at 40          -> open
        cyd buys 2 BTC at 40          -> open";
    check_with_book(
        "smaller",
        &format!(
            "{two_bids}
             ann amends 5 to 1             -> open
             ann has 9960 USD, 40 locked
             bob sells 1 BTC at 40         -> filled: 1 at 40
             order 5 is filled, 1 filled, 0 reserved"
        ),
    );
    check_with_book(
        "larger",
        &format!(
            "{two_bids}
             ann amends 5 to 3             -> open
             ann has 9880 USD, 120 locked
             bob sells 1 BTC at 40         -> filled: 1 at 40
             order 5 is open, 0 filled, 120 reserved
             order 6 is open, 1 filled, 40 reserved"
        ),
    );
    check_with_book(
        "another price and back",
        &format!(
            "{two_bids}
             ann amends 5 to at 39         -> open
             ann amends 5 to at 40         -> open
             ann amends 5 to at 40         -> open
             bob sells 1 BTC at 40         -> filled: 1 at 40
             order 5 is open, 0 filled, 80 reserved"
        ),
    );
}

#[test]
fn an_amended_price_may_match() {
    check_with_book(
        "as an incoming order, with everything that follows",
        "ann buys 2 BTC at 40          -> open
         ann amends 5 to at 50         -> open: 1 at 50
         ann amends 5 to 3 at 51       -> open: 1 at 51
         order 5 is open, 2 filled, 51 reserved
         ann amends 5 to 2             -> AmountUsed
         ann amends 5 to 2.5           -> open
         ann amends 5 to 300           -> InsufficientFunds(Buy)
         ann amends 5 to max           -> OutOfRange
         bob amends 5 to 1             -> OrderNotFound
         order 5 is open, 2 filled, 25.5 reserved
         ann cancels 5                 -> cancelled
         ann amends 5 to 1             -> OrderNotAmendable
         ann has 9899 USD",
    );
    check_with_book(
        "but not that of a post-only order",
        "ann buys 1 BTC at 40 post-only -> open
         ann amends 5 to at 50         -> PostOnlyWouldMatch
         ann amends 5 to 2 at 49       -> open
         order 5 is open, 0 filled, 98 reserved",
    );
}

#[test]
fn a_market_that_is_not_open_accepts_less() {
    check_with_book(
        "cancellations only, and then nothing",
        "ann buys 1 BTC at 40          -> open
         ann buys 1 BTC at 41          -> open
         ann buys 1 BTC at 55 stop 50  -> waiting
         cyd buys 1 BTC at 50          -> filled: 1 at 50
         order 7 is filled, 1 filled, 0 reserved
         BTC is cancel-only
         ann buys 1 BTC at 40          -> MarketNotOpen(CancelOnly)
         ann amends 5 to 2             -> MarketNotOpen(CancelOnly)
         ann cancels 5                 -> cancelled
         BTC is halted
         ann cancels 6                 -> MarketNotOpen(Halted)
         ann cancels all BTC           -> MarketNotOpen(Halted)
         ann deposits 1 USD            -> 9909
         BTC is open
         ann cancels all BTC bids      -> 1 cancelled",
    );
}
