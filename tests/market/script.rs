//! Runs scenarios that are written as text. Each line is a command with its expected outcome, or an
//! expected balance or order.
//!
//! ```text
//! ann deposits 100 USD              -> 100         the new available balance, or a rejection
//! rates 0.015 0.01                                 commission of buyers and sellers (new orders)
//! maker 0.001 taker 0.002                          commission of makers and takers (new orders)
//! ann buys 1 BTC at 50              -> open        or filled, cancelled, a rejection
//! bob sells 2 BTC at 40             -> open: 1 at 50       its fills in order
//! ann cancels 1                     -> cancelled           order ids start at 1
//! ann cancels all BTC bids          -> 2 cancelled         of one side or both
//! ann has 49.25 USD, 50.75 locked
//! order 1 is open, 0.4 filled, 30.45 reserved
//! order 2 is cancelled because SelfTrade
//! order 2 is open, 1 prevented                     by self-trade prevention
//! ann buys 1 BTC at market -> filled: 1 at 50
//! ann buys BTC for 75   -> filled: 1.5 at 50             a market order
//! ann buys 1 BTC at 50 fok -> cancelled            or ioc, post-only, cancel-newest,
//!                                                  cancel-oldest, cancel-both, decrement
//! ann buys 1 BTC at 50 stop 49   -> waiting             triggered by a trade at 49 or more
//! ann buys 1 BTC at 50 until 5   -> open                expires when the time is 5
//! ann amends 1 to 0.5 at 49      -> open                or only "to 0.5", or only "to at 49"
//! ann withdraws 5 USD            -> pending             without terms, or "5 USD min 2 fee 1
//!                                                  limit 8"; ids start at 1
//! ann cancels withdrawal 1 USD   -> cancelled           or completes, rejects
//! ann gains 5 USD                -> adjusted            or loses
//! time is 5
//! BTC advances                   -> 1 expired
//! BTC is halted                                         or open, cancel-only
//! limit tick_size 0.5                              or min_value, lot_size, open_orders, fills,
//!                                                  slippage
//! ```
//! Numbers may be in any notation; `max` is the largest possible amount. Lines that begin with `#`
//! are comments.

use matchcast::events::funds::withdrawal_status_name;
use matchcast::market::{
    AssetId, CancelReason, ClientOrderId, Command, CommissionRates, DepositReference, Destination,
    Fixed, MarketId, MarketStatus, NewOrder, OrderId, Rejection, SelfTradePrevention, Side, Status,
    TimeInForce, UnixMicros, UserId, WithdrawalEnd, WithdrawalId, WithdrawalTerms,
};

use super::sequence::Limits;
use super::world::{Arrived, BTC, Completed, ETH, Loading, Outcome, USD, World, key};

/// Runs a script line by line, once for each way of loading the book.
pub fn check(name: &str, script: &str) {
    for loading in [Loading::Whole, Loading::Head] {
        let mut world = World::new(loading);
        for line in script.lines().map(str::trim) {
            if !line.is_empty() && !line.starts_with('#') {
                run_line(&mut world, line, &format!("{name}, {loading:?}: {line}"));
                world.check_invariants();
            }
        }
    }
}

fn run_line(world: &mut World, line: &str, context: &str) {
    let (action, expected) = line.split_once("->").unwrap_or((line, ""));
    let action = action.replace(',', " ");
    let words: Vec<&str> = action.split_whitespace().collect();
    match words.as_slice() {
        ["rates", buyer, seller] => {
            let (buyer, seller) = (number(buyer), number(seller));
            world.commission = CommissionRates::BySide { buyer, seller };
        }
        ["maker", maker, "taker", taker] => {
            let (maker, taker) = (number(maker), number(taker));
            world.commission = CommissionRates::ByRole { maker, taker };
        }
        ["time", "is", time] => world.now = time.parse().unwrap(),
        ["BTC", "is", status] => {
            world.market_states.get_mut(&MarketId(1)).unwrap().status = match *status {
                "open" => MarketStatus::Open,
                "cancel-only" => MarketStatus::CancelOnly,
                "halted" => MarketStatus::Halted,
                _ => panic!("cannot parse {context}"),
            };
        }
        ["limit", name, limit] => set_limit(&mut world.limits, name, number(limit)),
        ["order", id, "is", "cancelled", "because", reason] => {
            let order = &world.orders[&OrderId(id.parse().unwrap())];
            let found = format!("{:?}", order.cancel_reason.unwrap());
            assert_eq!((order.status, found.as_str()), (Status::Cancelled, *reason), "{context}");
        }
        ["order", id, "is", status, filled, "filled", reserved, "reserved"] => {
            let order = &world.orders[&OrderId(id.parse().unwrap())];
            let found = (status_name(order.status), order.filled, order.reserved);
            assert_eq!(found, (*status, number(filled), number(reserved)), "{context}");
        }
        ["order", id, "is", status, prevented, "prevented"] => {
            let order = &world.orders[&OrderId(id.parse().unwrap())];
            let found = (status_name(order.status), order.prevented);
            assert_eq!(found, (*status, number(prevented)), "{context}");
        }
        [who, "has", available, symbol, rest @ ..] => {
            let locked = match rest {
                [] => Fixed::ZERO,
                [locked, "locked"] => number(locked),
                _ => panic!("cannot parse {context}"),
            };
            let found = world.accounts[&key(user(who), asset(symbol))];
            let expected = (number(available).units().into(), locked.units().into());
            assert_eq!(found, expected, "{context}");
        }
        _ => {
            let outcome = world.run(&[command(&words, context)]).remove(0);
            assert_eq!(describe(&outcome), expected.trim(), "{context}");
        }
    }
}

fn set_limit(limits: &mut Limits, name: &str, limit: Fixed) {
    let count = || limit.units() / Fixed::ONE.units();
    match name {
        "min_value" => limits.rules.min_value = limit,
        "tick_size" => limits.rules.tick_size = limit,
        "lot_size" => limits.rules.lot_size = limit,
        "slippage" => limits.rules.max_slippage = limit,
        "open_orders" => limits.rules.max_open_orders = Some(count().try_into().unwrap()),
        "fills" => limits.max_fills = count().try_into().unwrap(),
        _ => panic!("there is no limit {name}"),
    }
}

fn command(words: &[&str], context: &str) -> Command {
    match words {
        [who, "buys", symbol, "for", cost] => {
            let market = MarketId(if *symbol == "BTC" { 1 } else { 2 });
            let order = NewOrder::gtc(user(who), market, Side::Buy, Fixed::UNIT, Fixed::ZERO);
            Command::Place(NewOrder { price: None, quote_amount: Some(number(cost)), ..order })
        }
        [who, verb @ ("buys" | "sells"), amount, symbol, "at", price] => {
            let market = MarketId(if *symbol == "BTC" { 1 } else { 2 });
            let side = if *verb == "buys" { Side::Buy } else { Side::Sell };
            let amount = number(amount);
            let order = NewOrder::gtc(user(who), market, side, Fixed::UNIT, amount);
            let price = (*price != "market").then(|| number(price));
            Command::Place(NewOrder { price, ..order })
        }
        [order @ .., term @ ("ioc" | "fok" | "post-only")] => {
            with_terms(command(order, context), |order| match *term {
                "ioc" => order.time_in_force = TimeInForce::Ioc,
                "fok" => order.time_in_force = TimeInForce::Fok,
                _ => order.post_only = true,
            })
        }
        [order @ .., mode @ ("cancel-newest" | "cancel-oldest" | "cancel-both" | "decrement")] => {
            with_terms(command(order, context), |order| {
                order.self_trade_prevention = match *mode {
                    "cancel-newest" => SelfTradePrevention::CancelNewest,
                    "cancel-oldest" => SelfTradePrevention::CancelOldest,
                    "cancel-both" => SelfTradePrevention::CancelBoth,
                    _ => SelfTradePrevention::Decrement,
                };
            })
        }
        [order @ .., "as", name] => with_terms(command(order, context), |order| {
            order.client_order_id = ClientOrderId::parse(name);
        }),
        _ => other_command(words, context),
    }
}

fn other_command(words: &[&str], context: &str) -> Command {
    match words {
        [who, "cancels", "all", symbol, side @ ..] => {
            let market = MarketId(if *symbol == "BTC" { 1 } else { 2 });
            let side = side.first().map(|side| match *side {
                "bids" => Side::Buy,
                "asks" => Side::Sell,
                _ => panic!("{side} is no side: {context}"),
            });
            let reason = CancelReason::User;
            Command::CancelAll { user: user(who), market, side, reason }
        }
        [order @ .., "stop", stop_price] => with_terms(command(order, context), |order| {
            order.stop_price = Some(number(stop_price));
        }),
        [order @ .., "until", time] => with_terms(command(order, context), |order| {
            order.time_in_force = TimeInForce::Gtd(UnixMicros(time.parse().unwrap()));
        }),
        [who, "amends", id, "to", changes @ ..] => {
            let (amount, price) = match changes {
                [amount, "at", price] => (Some(number(amount)), Some(number(price))),
                ["at", price] => (None, Some(number(price))),
                [amount] => (Some(number(amount)), None),
                _ => panic!("cannot parse {context}"),
            };
            let order = OrderId(id.parse().unwrap());
            Command::Amend { user: user(who), market: MarketId(1), order, price, amount }
        }
        ["BTC", "advances"] => Command::Advance { market: MarketId(1) },
        [who, "cancels", id] => {
            let order = OrderId(id.parse().unwrap());
            Command::Cancel { user: user(who), market: MarketId(1), order }
        }
        [who, "withdraws", amount, symbol, terms @ ..] => Command::RequestWithdrawal {
            account: key(user(who), asset(symbol)),
            amount: number(amount),
            destination: Destination::parse("a bank account").unwrap(),
            terms: withdrawal_terms(terms, context),
        },
        [who, verb @ ("completes" | "rejects" | "cancels"), "withdrawal", id, symbol] => {
            Command::EndWithdrawal {
                account: key(user(who), asset(symbol)),
                withdrawal: WithdrawalId(id.parse().unwrap()),
                end: match *verb {
                    "completes" => WithdrawalEnd::Completed,
                    "rejects" => WithdrawalEnd::Rejected,
                    _ => WithdrawalEnd::Cancelled,
                },
            }
        }
        [who, verb @ ("gains" | "loses"), amount, symbol] => {
            let (account, amount) = (key(user(who), asset(symbol)), number(amount));
            let amount = if *verb == "gains" { amount } else { amount.negated() };
            Command::Adjust { account, amount }
        }
        [who, "deposits", amount, symbol, "for", reference] => Command::DepositOnce {
            account: key(user(who), asset(symbol)),
            amount: number(amount),
            reference: DepositReference::parse(reference).unwrap(),
        },
        [who, "deposits", amount, symbol, rest @ ..] => Command::Deposit {
            account: key(user(who), asset(symbol)),
            amount: number(amount),
            daily_limit: match rest {
                ["of", "at", "most", times] => times.parse().unwrap(),
                _ => u32::MAX,
            },
        },
        _ => panic!("cannot parse {context}"),
    }
}

fn withdrawal_terms(words: &[&str], context: &str) -> WithdrawalTerms {
    match words {
        [] => WithdrawalTerms::NONE,
        ["min", min, "fee", fee, "limit", limit] => {
            WithdrawalTerms { min: number(min), fee: number(fee), daily_limit: Some(number(limit)) }
        }
        _ => panic!("cannot parse {context}"),
    }
}

fn with_terms(command: Command, change: impl FnOnce(&mut NewOrder)) -> Command {
    let Command::Place(mut order) = command else { panic!("{command:?} is not an order") };
    change(&mut order);
    Command::Place(order)
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Ok(
            Completed::Placed(Arrived { order, trades, .. })
            | Completed::Amended(Arrived { order, trades, .. }),
        ) => {
            let fills = trades.iter().map(|trade| format!("{} at {}", trade.amount, trade.price));
            let fills = fills.collect::<Vec<_>>().join(", ");
            let colon = if fills.is_empty() { "" } else { ": " };
            let status = if order.is_waiting() { "waiting" } else { status_name(order.status) };
            format!("{status}{colon}{fills}")
        }
        Ok(Completed::Batch(_)) => panic!("scripts have no batches"),
        Ok(Completed::CancelledAll(orders)) => format!("{} cancelled", orders.len()),
        Ok(Completed::Expired(orders)) => format!("{} expired", orders.len()),
        Ok(Completed::Cancelled(order)) => status_name(order.status).to_owned(),
        Ok(Completed::Deposited(available)) => available.to_string(),
        Ok(Completed::DepositedOnce(_, true)) => "credited".to_owned(),
        Ok(Completed::DepositedOnce(_, false)) => "credited before".to_owned(),
        Ok(Completed::Withdrawal(withdrawal, is_new)) => {
            let status = withdrawal_status_name(withdrawal.status);
            if *is_new { status.to_owned() } else { format!("{status} before") }
        }
        Ok(Completed::Adjusted(_, true)) => "adjusted".to_owned(),
        Ok(Completed::Adjusted(_, false)) => "adjusted before".to_owned(),
        Err(Rejection::InsufficientFunds { side, .. }) => format!("InsufficientFunds({side:?})"),
        Err(rejection) => format!("{rejection:?}"),
    }
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Filled => "filled",
        Status::Cancelled => "cancelled",
    }
}

fn number(text: &str) -> Fixed {
    if text == "max" { Fixed::MAX } else { Fixed::parse(text).unwrap() }
}

fn user(name: &str) -> UserId {
    UserId(match name {
        "ann" => 1,
        "bob" => 2,
        "cyd" => 3,
        "dan" => 4,
        "house" => 0,
        "house-BTC" => -1,
        "house-ETH" => -2,
        _ => panic!("unknown user {name}"),
    })
}

fn asset(symbol: &str) -> AssetId {
    match symbol {
        "USD" => USD,
        "BTC" => BTC,
        "ETH" => ETH,
        _ => panic!("unknown asset {symbol}"),
    }
}
