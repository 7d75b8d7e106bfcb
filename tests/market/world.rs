//! An in-memory replacement of the database: applies plans, and loads the state for each batch.

use std::collections::BTreeMap;

use matchcast::market::{
    AccountKey, Action, Adjustment, AdjustmentId, AdjustmentStatus, AssetId, Command,
    CommissionRates, Deposit, DepositId, DepositReference, Done, Fixed, MarketId, MarketState,
    Order, OrderId, PlacedOrder, Plan, PreventedTrade, PriceRange, Reference, Rejection, Side,
    State, Status, Trade, UserId, UserStatus, Withdrawal, WithdrawalEnd, WithdrawalId,
    WithdrawalStatus, execute,
};

use super::sequence::Limits;

pub const USD: AssetId = AssetId(1);
pub const BTC: AssetId = AssetId(2);
pub const ETH: AssetId = AssetId(3);
pub const ASSETS: [AssetId; 3] = [USD, BTC, ETH];
pub const MARKETS: [(MarketId, AssetId); 2] = [(MarketId(1), BTC), (MarketId(2), ETH)];
/// Users 1 to 4, and the house users of withdrawals and of the two markets.
pub const USERS: [UserId; 7] =
    [UserId(1), UserId(2), UserId(3), UserId(4), UserId(0), UserId(-1), UserId(-2)];
/// Adjustments that a command has proposed: id, account and amount.
pub const PROPOSALS: [(i64, UserId, AssetId, i64); 3] = [
    (-1, UserId(1), USD, 5_000_000_000),
    (-2, UserId(2), USD, -300_000_000),
    (-3, UserId(3), BTC, i64::MAX),
];

/// The part of the book that is loaded for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    Whole,
    /// The minimum that the contract of `Book` requires.
    Head,
}

/// An order after its own matching, with its trades instead of their positions in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub order: Order,
    pub trades: Vec<Trade>,
    pub prevented: Vec<PreventedTrade>,
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completed {
    Placed(Arrived),
    Batch(Vec<Result<Arrived, Rejection>>),
    Amended(Arrived),
    Cancelled(Order),
    CancelledAll(Vec<Order>),
    Expired(Vec<Order>),
    Deposited(Fixed),
    DepositedOnce(Deposit, bool),
    Withdrawal(Withdrawal, bool),
    Adjusted(Adjustment, bool),
}

pub type Outcome = Result<Completed, Rejection>;

/// Available and locked.
pub type Balance = (i128, i128);

pub struct World {
    pub loading: Loading,
    pub now: i64,
    pub market_states: BTreeMap<MarketId, MarketState>,
    /// Of those who are not active.
    pub user_statuses: BTreeMap<UserId, UserStatus>,
    pub commission: CommissionRates,
    pub limits: Limits,
    pub orders: BTreeMap<OrderId, Order>,
    pub accounts: BTreeMap<AccountKey, Balance>,
    pub trades: Vec<Trade>,
    pub deposited: BTreeMap<AssetId, i128>,
    pub(super) deposits: BTreeMap<AccountKey, u32>,
    pub references: BTreeMap<DepositReference, Deposit>,
    pub(super) last_deposit_id: i64,
    pub withdrawals: BTreeMap<WithdrawalId, Withdrawal>,
    pub adjustments: BTreeMap<AdjustmentId, Adjustment>,
    pub(super) open_orders: BTreeMap<AccountKey, u32>,
    pub(super) last_order_id: i64,
}

impl World {
    pub fn new(loading: Loading) -> Self {
        let keys = USERS.iter().flat_map(|user| ASSETS.map(|asset| key(*user, asset)));
        Self {
            loading,
            now: 0,
            user_statuses: BTreeMap::new(),
            market_states: MARKETS.map(|(id, _)| (id, MarketState::default())).into(),
            commission: CommissionRates::BySide {
                buyer: Fixed::parse("0.015").unwrap(),
                seller: Fixed::ZERO,
            },
            limits: Limits::default(),
            orders: BTreeMap::new(),
            accounts: keys.map(|key| (key, (0, 0))).collect(),
            trades: Vec::new(),
            deposited: BTreeMap::new(),
            deposits: BTreeMap::new(),
            references: BTreeMap::new(),
            last_deposit_id: 0,
            withdrawals: BTreeMap::new(),
            adjustments: PROPOSALS.map(proposed).into(),
            open_orders: BTreeMap::new(),
            last_order_id: 0,
        }
    }

    /// Executes commands in as many batches as their fills and the stop orders require.
    pub fn run(&mut self, commands: &[Command]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let is_triggering = |world: &Self| world.market_states.values().any(|s| s.is_triggering());
        while outcomes.len() < commands.len() || is_triggering(self) {
            let rest = &commands[outcomes.len()..];
            outcomes.extend(self.run_batch(&rest[..self.batch_len(rest)]));
        }
        assert_eq!(outcomes.len(), commands.len(), "one outcome per command");
        outcomes
    }

    /// Commands up to one that amends an order of the same batch: in reality an order is amended
    /// only by somebody who knows it.
    fn batch_len(&self, commands: &[Command]) -> usize {
        let amends_new = |command: &Command| match command {
            Command::Amend { order, .. } => order.0 > self.last_order_id,
            _ => false,
        };
        let first = commands.iter().skip(1).position(amends_new);
        first.map_or(commands.len(), |position| position + 1)
    }

    /// Loads the state for a batch, executes the batch and applies its plan.
    fn run_batch(&mut self, commands: &[Command]) -> Vec<Outcome> {
        let mut state = self.load(commands);
        let plan = execute(&mut state, commands, self.limits.max_fills);
        assert!(!plan.outcomes.is_empty() || !plan.is_empty(), "a batch executes something");
        self.apply(&state, &plan);
        let arrived = |placed: PlacedOrder| Arrived {
            order: placed.order,
            trades: plan.trades[placed.trades].to_vec(),
            prevented: placed.prevented,
        };
        let complete = |done| match done {
            Done::Placed(placed) => Completed::Placed(arrived(placed)),
            Done::Batch(results) => {
                Completed::Batch(results.into_iter().map(|result| result.map(arrived)).collect())
            }
            Done::Amended(amended) => Completed::Amended(arrived(amended)),
            Done::Cancelled { order } => Completed::Cancelled(order),
            Done::CancelledAll { orders } => Completed::CancelledAll(orders),
            Done::Advanced { expired } => Completed::Expired(expired),
            Done::Deposited { available, .. } => Completed::Deposited(available),
            Done::DepositedOnce { deposit, is_new } => Completed::DepositedOnce(deposit, is_new),
            Done::Withdrawal { withdrawal, is_new } => Completed::Withdrawal(withdrawal, is_new),
            Done::Adjusted { adjustment, is_new } => Completed::Adjusted(adjustment, is_new),
        };
        plan.outcomes.iter().cloned().map(|outcome| outcome.map(complete)).collect()
    }

    /// Writes what a plan changes.
    fn apply(&mut self, state: &State, plan: &Plan) {
        assert!(plan.trades.len() <= self.limits.max_fills, "{} trades", plan.trades.len());
        // The ids of orders that were not executed are assigned again.
        self.last_order_id -= i64::try_from(state.order_ids.len()).unwrap();
        for key in state.ledger.changed() {
            self.open_orders.insert(*key, state.ledger.account(*key).open_orders);
        }
        for order in plan.new_orders.iter().chain(&plan.changed_orders) {
            self.orders.insert(order.id, *order);
        }
        for entry in &plan.entries {
            let account = self.accounts.get_mut(&entry.account).unwrap();
            account.0 += i128::from(entry.available_change.units());
            account.1 += i128::from(entry.locked_change.units());
            assert!(account.0 >= 0 && account.1 >= 0, "{entry:?} leaves {account:?}");
            assert_eq!(account.0, i128::from(entry.available_after.units()), "{entry:?}");
            if entry.action == Action::Deposit {
                match entry.reference {
                    Reference::Deposit(DepositId(id)) => {
                        assert_eq!(id, self.last_deposit_id + 1, "{entry:?}");
                        self.last_deposit_id = id;
                    }
                    _ => *self.deposits.entry(entry.account).or_default() += 1,
                }
                let amount = i128::from(entry.available_change.units());
                *self.deposited.entry(entry.account.asset).or_default() += amount;
            }
        }
        self.references.clone_from(&state.funds.deposits);
        self.withdrawals.clone_from(&state.funds.withdrawals);
        self.adjustments.clone_from(&state.funds.adjustments);
        for trade in &plan.trades {
            let before =
                self.trades.iter().filter(|earlier| earlier.market == trade.market).count();
            assert_eq!(trade.sequence, i64::try_from(before + 1).unwrap(), "{trade:?}");
            self.trades.push(*trade);
        }
        for market in &plan.changed_markets {
            self.market_states.insert(*market, state.market_states[market]);
        }
        assert_eq!(self.market_states, state.market_states);
    }

    /// What was paid for completed withdrawals.
    fn paid(&self, asset: AssetId) -> i128 {
        let completed = WithdrawalStatus::Ended(WithdrawalEnd::Completed);
        let of_asset = self.withdrawals.values().filter(|w| w.account.asset == asset);
        let paid = of_asset.filter(|w| w.status == completed);
        paid.map(|w| i128::from(w.amount.units()) - i128::from(w.fee.units())).sum()
    }

    fn adjusted(&self, asset: AssetId) -> i128 {
        let of_asset = self.adjustments.values().filter(|a| a.account.asset == asset);
        let applied = of_asset.filter(|a| a.status == AdjustmentStatus::Applied);
        applied.map(|a| i128::from(a.amount.units())).sum()
    }

    fn pending(&self, account: AccountKey) -> i128 {
        let own = self.withdrawals.values().filter(|w| w.account == account);
        let pending = own.filter(|w| w.status == WithdrawalStatus::Pending);
        pending.map(|w| i128::from(w.amount.units())).sum()
    }

    /// The open orders of one side, by id.
    pub fn resting(&self, market: MarketId, side: Side) -> impl Iterator<Item = &Order> {
        self.orders.values().filter(move |order| {
            order.status == Status::Open
                && !order.is_waiting()
                && order.market == market
                && order.side == side
        })
    }

    /// Checks that money is conserved, each locked amount equals the reservations of open orders,
    /// no book is crossed, and status, filled and reserved amounts of each order are consistent.
    pub fn check_invariants(&self) {
        for asset in ASSETS {
            let of_asset = self.accounts.iter().filter(|(key, _)| key.asset == asset);
            let held: i128 = of_asset.map(|(_, (available, locked))| available + locked).sum();
            let deposited = self.deposited.get(&asset).copied().unwrap_or(0);
            let expected = deposited - self.paid(asset) + self.adjusted(asset);
            assert_eq!(held, expected, "asset {asset} was created or lost");
        }
        for (key, (_, locked)) in &self.accounts {
            let reserved = self.orders.values().filter(|order| {
                let base = MARKETS.iter().find(|(id, _)| *id == order.market).unwrap().1;
                let asset = if order.side == Side::Buy { USD } else { base };
                order.user == key.user && asset == key.asset
            });
            let reserved: i128 = reserved.map(|order| i128::from(order.reserved.units())).sum();
            let reserved = reserved + self.pending(*key);
            assert_eq!(
                *locked, reserved,
                "the locked amount of {key:?} differs from its reservations"
            );
        }
        for (market, _) in MARKETS {
            let bid = self.resting(market, Side::Buy).map(|order| order.price).max();
            let ask = self.resting(market, Side::Sell).map(|order| order.price).min();
            if let (Some(bid), Some(ask)) = (bid, ask) {
                assert!(bid < ask, "book {market} is crossed: bid {bid}, ask {ask}");
            }
        }
        for (market, state) in &self.market_states {
            let is_waiting = |order: &&Order| order.market == *market && order.is_waiting();
            let waiting: Vec<&Order> = self.orders.values().filter(is_waiting).collect();
            assert_eq!(usize::try_from(state.waiting_stops).unwrap(), waiting.len());
            for order in waiting {
                let reached = state.last_price.is_some_and(|last| {
                    PriceRange::of(last).triggers(order.side, order.stop.unwrap().price)
                });
                assert!(order.status == Status::Open && !reached, "{order:?}, {state:?}");
            }
        }
        for (key, counted) in &self.open_orders {
            let is_counted = |order: &&Order| {
                let base = MARKETS.iter().find(|(id, _)| *id == order.market).unwrap().1;
                order.status == Status::Open && (order.user, base) == (key.user, key.asset)
            };
            let open = self.orders.values().filter(is_counted).count();
            assert_eq!(usize::try_from(*counted).unwrap(), open, "open orders of {key:?}");
        }
        for order in self.orders.values() {
            let remaining = order.remaining().units();
            assert!(remaining >= 0 && (order.status != Status::Open || remaining > 0), "{order:?}");
            let filled = order.filled == order.amount;
            assert_eq!(order.status == Status::Filled, filled, "{order:?}");
            assert!(order.status == Status::Open || order.reserved.is_zero(), "{order:?}");
        }
    }
}

fn proposed(proposal: (i64, UserId, AssetId, i64)) -> (AdjustmentId, Adjustment) {
    let (id, user, asset, amount) = proposal;
    let (id, account, amount) = (AdjustmentId(id), key(user, asset), Fixed::from_units(amount));
    let status = AdjustmentStatus::Proposed;
    (id, Adjustment { id, account, amount, status, proposer: None })
}

pub fn key(user: UserId, asset: AssetId) -> AccountKey {
    AccountKey { user, asset }
}
