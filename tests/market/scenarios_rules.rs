//! Scenarios for the rules that new orders must fulfil, and for the limit of fills.

use super::script::check;

#[test]
fn orders_that_violate_a_rule_of_the_market_are_rejected() {
    check(
        "minimum value, tick size and lot size",
        "ann deposits 1000 USD         -> 1000
         limit min_value 10
         limit tick_size 0.5
         limit lot_size 0.1
         ann buys 1 BTC at 9.5         -> ValueTooSmall { min_value: Fixed(1000000000) }
         ann buys 1 BTC at 10.1        -> NotOnTick { tick_size: Fixed(50000000) }
         ann buys 1.05 BTC at 10       -> NotInLots { lot_size: Fixed(10000000) }
         ann buys 0.99999999 BTC at 10 -> NotInLots { lot_size: Fixed(10000000) }
         ann has 1000 USD
         ann buys 1 BTC at 10          -> open
         # Orders that were accepted before keep their price.
         limit tick_size 3
         bob deposits 1 BTC            -> 1
         bob sells 1 BTC at 3          -> ValueTooSmall { min_value: Fixed(1000000000) }
         limit min_value 1
         bob sells 1 BTC at 3          -> filled: 1 at 10",
    );
}

#[test]
fn a_user_has_a_limited_number_of_open_orders_in_each_market() {
    check(
        "filled and cancelled orders are not counted",
        "ann deposits 1000 USD         -> 1000
         ann deposits 10 BTC           -> 10
         bob deposits 1000 USD         -> 1000
         limit open_orders 2
         ann sells 1 BTC at 100        -> open
         ann buys 1 BTC at 50          -> open
         ann sells 1 BTC at 100        -> TooManyOpenOrders { at_most: 2 }
         ann buys 1 ETH at 50          -> open
         bob buys 0.5 BTC at 100       -> filled: 0.5 at 100
         ann sells 1 BTC at 100        -> TooManyOpenOrders { at_most: 2 }
         bob buys 0.5 BTC at 100       -> filled: 0.5 at 100
         ann sells 1 BTC at 100        -> open
         ann sells 1 BTC at 100        -> TooManyOpenOrders { at_most: 2 }
         ann cancels 2                 -> cancelled
         # The rest of an order that would match its own user's is cancelled: it is not open.
         ann buys 1 BTC at 100         -> cancelled
         ann sells 1 BTC at 110        -> open
         ann sells 1 BTC at 110        -> TooManyOpenOrders { at_most: 2 }
         # A lower limit cancels nothing.
         limit open_orders 1
         ann cancels 11                -> cancelled
         ann sells 1 BTC at 110        -> TooManyOpenOrders { at_most: 1 }",
    );
}

#[test]
fn an_order_has_a_limited_number_of_fills() {
    check(
        "the rest is cancelled only if it would go on matching",
        "ann deposits 10 BTC           -> 10
         bob deposits 1000 USD         -> 1000
         limit fills 2
         ann sells 1 BTC at 10         -> open
         ann sells 1 BTC at 10         -> open
         ann sells 1 BTC at 10         -> open
         bob buys 3 BTC at 10          -> cancelled: 1 at 10, 1 at 10
         order 4 is cancelled because FillLimit
         order 3 is open, 0 filled, 1 reserved
         bob has 979.7 USD
         bob buys 3 BTC at 10          -> open: 1 at 10
         ann sells 1 BTC at 10         -> filled: 1 at 10
         order 5 is open, 2 filled, 10.15 reserved",
    );
}

#[test]
fn the_reason_of_a_cancellation_is_recorded() {
    check(
        "by the user, and to prevent a self-trade",
        "ann deposits 10 BTC           -> 10
         ann deposits 1000 USD         -> 1000
         ann sells 1 BTC at 10         -> open
         ann buys 1 BTC at 10          -> cancelled
         order 2 is cancelled because SelfTrade
         ann cancels 1                 -> cancelled
         order 1 is cancelled because User",
    );
}

#[test]
fn a_client_order_id_belongs_to_one_order_of_its_user() {
    check(
        "taken by open, filled and cancelled orders, and by no refused one",
        "ann deposits 1000 USD         -> 1000
         bob deposits 10 BTC           -> 10
         ann buys 20 BTC at 100 as x   -> InsufficientFunds(Buy)
         ann buys 1 BTC at 100 as x    -> open
         ann buys 1 BTC at 100 as x    -> ClientOrderIdTaken
         ann buys 1 ETH at 100 as x    -> ClientOrderIdTaken
         ann buys 1 BTC at 100 as X    -> open
         # Another user's names are their own.
         bob sells 2 BTC at 100 as x   -> filled: 1 at 100, 1 at 100
         ann buys 1 BTC at 100 as x    -> ClientOrderIdTaken
         ann buys 1 BTC at 100 as y    -> open
         ann cancels 8                 -> cancelled
         ann buys 1 BTC at 100 as y    -> ClientOrderIdTaken
         # It is the first thing that a request learns that is repeated.
         limit min_value 100000
         ann buys 1 BTC at 100 as y    -> ClientOrderIdTaken",
    );
}

#[test]
fn open_orders_are_cancelled_together() {
    check(
        "of one side, of both, and in another market",
        "rates 0 0
         ann deposits 1000 USD         -> 1000
         ann deposits 10 BTC           -> 10
         bob deposits 1000 USD         -> 1000
         ann buys 1 BTC at 50          -> open
         ann buys 2 BTC at 40          -> open
         ann sells 3 BTC at 60         -> open
         ann buys 1 ETH at 30          -> open
         bob buys 1 BTC at 20          -> open
         ann cancels all BTC asks      -> 1 cancelled
         ann has 10 BTC
         ann cancels all BTC           -> 2 cancelled
         order 1 is cancelled because User
         ann has 970 USD, 30 locked
         ann cancels all ETH bids      -> 1 cancelled
         ann has 1000 USD
         ann cancels all ETH           -> 0 cancelled
         bob has 980 USD, 20 locked",
    );
}

#[test]
fn a_deposit_with_a_reference_is_credited_once() {
    check(
        "a payment that is reported several times",
        "ann deposits 1 USD for p-1   -> credited
         ann deposits 1 USD for p-1   -> credited before
         ann deposits 2 USD for p-1   -> DepositReferenceTaken
         ann deposits 1 BTC for p-1   -> DepositReferenceTaken
         bob deposits 1 USD for p-1   -> DepositReferenceTaken
         ann deposits 1 USD for p-2   -> credited
         ann deposits max USD for p-3 -> OutOfRange
         ann deposits 3 USD for p-3   -> credited
         ann has 5 USD
         bob has 0 USD",
    );
}
