//! Property tests: statements that hold for every sequence of commands.

use matchcast::market::{
    AccountKey, Command, Fixed, MarketId, NewOrder, Order, OrderId, Rejection, Side, Status, Trade,
    UserId, WithdrawalStatus,
};
use proptest::prelude::*;

use super::naive::{self, Fill, NaiveMarket, OrderState, Placed};
use super::sequence::{Batch, batches};
use super::world::{Arrived, BTC, Completed, Loading, Outcome, USD, World, key};

/// A number that takes a few seconds. `PROPTEST_CASES` overrides it.
const DEFAULT_CASES: u32 = 96;

fn config() -> ProptestConfig {
    let from_env = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let cases = from_env.unwrap_or(DEFAULT_CASES);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn fixed(units: i64) -> Fixed {
    Fixed::from_units(units)
}

fn units(number: Fixed) -> i128 {
    i128::from(number.units())
}

fn order_state(order: &Order) -> OrderState {
    OrderState {
        price: units(order.price),
        amount: units(order.amount),
        filled: units(order.filled),
        value: units(order.filled_value()),
        commission: units(order.commission),
        reserved: units(order.reserved),
        prevented: units(order.prevented),
        waits: order.is_waiting(),
        status: order.status,
    }
}

fn fill(trade: &Trade) -> Fill {
    Fill {
        buy: position(trade.buy_order),
        sell: position(trade.sell_order),
        price: units(trade.price),
        amount: units(trade.amount),
        value: units(trade.value),
        buyer_commission: units(trade.buyer_commission),
        seller_commission: units(trade.seller_commission),
        taker_side: trade.taker_side,
    }
}

fn position(id: OrderId) -> usize {
    usize::try_from(id.0 - 1).unwrap()
}

fn positions(orders: &[Order]) -> Vec<usize> {
    orders.iter().map(|order| position(order.id)).collect()
}

fn arrived(placed: Arrived) -> Placed {
    let Arrived { order, trades, prevented } = placed;
    let prevented = prevented.iter().map(|trade| (position(trade.maker), units(trade.amount)));
    Placed {
        order: position(order.id),
        state: order_state(&order),
        fills: trades.iter().map(fill).collect(),
        prevented: prevented.collect(),
    }
}

/// Converts an outcome of the market to the model's types.
fn to_model(outcome: Outcome) -> Result<naive::Done, Rejection> {
    outcome.map(|completed| match completed {
        Completed::Placed(placed) => naive::Done::Placed(arrived(placed)),
        Completed::Batch(results) => {
            naive::Done::Batch(results.into_iter().map(|result| result.map(arrived)).collect())
        }
        Completed::Amended(amended) => naive::Done::Amended(arrived(amended)),
        Completed::Cancelled(order) => naive::Done::Cancelled(order_state(&order)),
        Completed::CancelledAll(orders) => naive::Done::CancelledAll(positions(&orders)),
        Completed::Expired(orders) => naive::Done::Expired(positions(&orders)),
        Completed::Deposited(available) => naive::Done::Deposited(units(available)),
        Completed::DepositedOnce(deposit, is_new) => {
            naive::Done::DepositedOnce(usize::try_from(deposit.id.0 - 1).unwrap(), is_new)
        }
        Completed::Withdrawal(withdrawal, is_new) => {
            let number = usize::try_from(withdrawal.id.0 - 1).unwrap();
            let end = match withdrawal.status {
                WithdrawalStatus::Pending => None,
                WithdrawalStatus::Ended(end) => Some(end),
            };
            naive::Done::Withdrawal(number, end, is_new)
        }
        Completed::Adjusted(adjustment, is_new) => {
            let AccountKey { user, asset } = adjustment.account;
            naive::Done::Adjusted((user.0, asset.0, units(adjustment.amount)), is_new)
        }
    })
}

fn run_batch(world: &mut World, batch: &Batch) -> Vec<Outcome> {
    world.commission = batch.commission;
    world.limits = batch.limits;
    world.now = batch.now;
    for (market, status) in [MarketId(1), MarketId(2)].into_iter().zip(batch.statuses) {
        world.market_states.get_mut(&market).unwrap().status = status;
    }
    world.user_statuses = (1..).map(UserId).zip(batch.user_statuses).collect();
    world.run(&batch.commands)
}

/// Checks that market and model have the same outcomes and the same state after each batch, and
/// that the invariants hold.
fn check_against_model(loading: Loading, batches: &[Batch]) {
    let mut world = World::new(loading);
    let mut model = NaiveMarket::default();
    for batch in batches {
        model.commission = batch.commission;
        model.limits = batch.limits;
        model.now = batch.now;
        model.user_statuses = (1..).zip(batch.user_statuses).collect();
        model.statuses = [1, 2].into_iter().zip(batch.statuses).collect();
        let outcomes = run_batch(&mut world, batch);
        for (command, outcome) in batch.commands.iter().zip(outcomes) {
            assert_eq!(to_model(outcome), model.run(command), "{command:?}");
        }
        for (account, balance) in &world.accounts {
            let (user, asset) = (account.user.0, account.asset.0);
            let expected = (model.available(user, asset), model.locked(user, asset));
            assert_eq!(*balance, expected, "{account:?}");
        }
        let fills: Vec<Fill> = world.trades.iter().map(fill).collect();
        assert_eq!(fills, model.fills());
        let accepted: Vec<usize> = model.accepted().collect();
        assert_eq!(accepted.len(), world.orders.len());
        for (position, order) in accepted.into_iter().zip(world.orders.values()) {
            assert_eq!(order_state(order), model.order_state(position), "{order:?}");
        }
        world.check_invariants();
    }
}

/// Splits the batches further, before each command whose entry in `cuts` (cyclic) is true.
fn split(batches: &[Batch], cuts: &[bool]) -> Vec<Batch> {
    let mut cuts = cuts.iter().cycle();
    let mut pieces: Vec<Batch> = Vec::new();
    for batch in batches {
        for (position, command) in batch.commands.iter().enumerate() {
            if position == 0 || *cuts.next().unwrap() {
                pieces.push(Batch { commands: Vec::new(), ..*batch });
            }
            pieces.last_mut().unwrap().commands.push(command.clone());
        }
    }
    pieces
}

fn place(user: i64, side: Side, price: i64, amount: i64) -> Command {
    let (price, amount) = (fixed(price), fixed(amount));
    Command::Place(NewOrder::gtc(UserId(user), MarketId(1), side, price, amount))
}

fn fund(world: &mut World, user: i64) {
    let deposit = |asset| Command::Deposit {
        account: key(UserId(user), asset),
        amount: fixed(i64::MAX / 4),
        daily_limit: u32::MAX,
    };
    world.run(&[deposit(USD), deposit(BTC)]);
}

/// The total cost of one buy order that is filled by sell orders of these amounts.
fn total_cost(price: i64, amounts: &[i64]) -> i128 {
    let mut world = World::new(Loading::Head);
    fund(&mut world, 1);
    fund(&mut world, 2);
    let before = world.accounts[&key(UserId(1), USD)].0;
    let sum = amounts.iter().sum();
    let mut commands = vec![place(1, Side::Buy, price, sum)];
    commands.extend(amounts.iter().map(|amount| place(2, Side::Sell, price, *amount)));
    let outcomes = world.run(&commands);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(world.orders.values().all(|order| order.status == Status::Filled));
    let (available, locked) = world.accounts[&key(UserId(1), USD)];
    assert_eq!(locked, 0);
    before - available
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_market_agrees_with_the_naive_implementation(batches in batches()) {
        check_against_model(Loading::Whole, &batches);
    }

    #[test]
    fn the_minimal_head_of_the_book_is_sufficient(batches in batches()) {
        check_against_model(Loading::Head, &batches);
    }

    #[test]
    fn batch_boundaries_do_not_change_the_result(
        batches in batches(),
        cuts in prop::collection::vec(any::<bool>(), 1..20),
    ) {
        let run = |batches: &[Batch]| {
            let mut world = World::new(Loading::Head);
            let outcomes: Vec<Outcome> =
                batches.iter().flat_map(|batch| run_batch(&mut world, batch)).collect();
            (outcomes, world)
        };
        let (outcomes, world) = run(&batches);
        for other in [split(&batches, &[true]), split(&batches, &cuts)] {
            let (other_outcomes, other_world) = run(&other);
            prop_assert_eq!(&outcomes, &other_outcomes);
            prop_assert_eq!(&world.orders, &other_world.orders);
            prop_assert_eq!(&world.accounts, &other_world.accounts);
            prop_assert_eq!(&world.trades, &other_world.trades);
            prop_assert_eq!(&world.references, &other_world.references);
            prop_assert_eq!(&world.market_states, &other_world.market_states);
        }
    }

    #[test]
    fn equal_prices_fill_in_order_of_arrival(
        resting in prop::collection::vec(1..=50_i64, 1..12),
        incoming in prop::collection::vec(1..=80_i64, 1..12),
        resting_side in prop_oneof![Just(Side::Buy), Just(Side::Sell)],
    ) {
        let mut world = World::new(Loading::Head);
        for user in 1..=3 {
            fund(&mut world, user);
        }
        let price = 7 * 100_000_000;
        for (n, amount) in (0..).zip(&resting) {
            world.run(&[place(1 + n % 2, resting_side, price, *amount)]);
        }
        for amount in &incoming {
            world.run(&[place(3, resting_side.opposite(), price, *amount)]);
        }
        let makers: Vec<i64> = world
            .trades
            .iter()
            .map(|trade| if resting_side == Side::Buy { trade.buy_order } else { trade.sell_order })
            .map(|order| order.0)
            .filter(|order| *order <= i64::try_from(resting.len()).unwrap())
            .collect();
        prop_assert!(makers.is_sorted(), "{:?}", makers);
        let traded: i64 = world.trades.iter().map(|trade| trade.amount.units()).sum();
        prop_assert_eq!(traded, resting.iter().sum::<i64>().min(incoming.iter().sum()));
    }

    #[test]
    fn many_small_fills_never_cost_more_than_one_large_fill(
        price in prop_oneof![1..=500_000_000_i64, 1..=5_000_000_000_000_i64],
        amounts in prop::collection::vec(prop_oneof![1..=90_i64, 1..=300_000_000_i64], 1..30),
    ) {
        let sum = amounts.iter().sum();
        let (many, one) = (total_cost(price, &amounts), total_cost(price, &[sum]));
        prop_assert!(many <= one, "{} in many fills, {} in one", many, one);
    }
}
