//! An in-memory replacement of the database: applies plans, and loads the state for each batch.

use std::collections::BTreeMap;

use matchcast::market::{
    Account, AccountKey, Action, AssetId, Command, Done, Fixed, Market, MarketId, NewOrder, Order,
    OrderId, PreventedTrade, Priority, Rejection, Side, State, Status, Trade, UserId, execute,
};

use super::sequence::Limits;

pub const USD: AssetId = AssetId(1);
pub const BTC: AssetId = AssetId(2);
pub const ETH: AssetId = AssetId(3);
pub const ASSETS: [AssetId; 3] = [USD, BTC, ETH];
pub const MARKETS: [(MarketId, AssetId); 2] = [(MarketId(1), BTC), (MarketId(2), ETH)];
/// Users 1 to 4, and the house accounts of the two markets.
pub const USERS: [UserId; 6] = [UserId(1), UserId(2), UserId(3), UserId(4), UserId(-1), UserId(-2)];

/// The part of the book that is loaded for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    Whole,
    /// The minimum that the contract of `Book` requires.
    Head,
}

/// The result of a command, with its trades instead of their positions in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completed {
    Placed(Order, Vec<Trade>, Vec<PreventedTrade>),
    Cancelled(Order),
    CancelledAll(Vec<Order>),
    Deposited(Fixed),
}

pub type Outcome = Result<Completed, Rejection>;

/// Available and locked.
pub type Balance = (i128, i128);

pub struct World {
    loading: Loading,
    pub buyer_rate: Fixed,
    pub seller_rate: Fixed,
    pub limits: Limits,
    pub orders: BTreeMap<OrderId, Order>,
    pub accounts: BTreeMap<AccountKey, Balance>,
    pub trades: Vec<Trade>,
    pub deposited: BTreeMap<AssetId, i128>,
    deposits: BTreeMap<AccountKey, u32>,
    open_orders: BTreeMap<AccountKey, u32>,
    last_order_id: i64,
}

impl World {
    pub fn new(loading: Loading) -> Self {
        let keys = USERS.iter().flat_map(|user| ASSETS.map(|asset| key(*user, asset)));
        Self {
            loading,
            buyer_rate: Fixed::parse("0.015").unwrap(),
            seller_rate: Fixed::ZERO,
            limits: Limits::default(),
            orders: BTreeMap::new(),
            accounts: keys.map(|key| (key, (0, 0))).collect(),
            trades: Vec::new(),
            deposited: BTreeMap::new(),
            deposits: BTreeMap::new(),
            open_orders: BTreeMap::new(),
            last_order_id: 0,
        }
    }

    /// Executes commands in as many batches as their fills require.
    pub fn run(&mut self, commands: &[Command]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while outcomes.len() < commands.len() {
            let more = self.run_batch(&commands[outcomes.len()..]);
            assert!(!more.is_empty(), "a batch executes at least one command");
            outcomes.extend(more);
        }
        assert_eq!(outcomes.len(), commands.len(), "one outcome per command");
        outcomes
    }

    /// Loads the state for a batch, executes the batch and applies its plan.
    fn run_batch(&mut self, commands: &[Command]) -> Vec<Outcome> {
        let mut state = self.load(commands);
        let plan = execute(&mut state, commands, self.limits.max_fills);
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
                *self.deposits.entry(entry.account).or_default() += 1;
                let amount = i128::from(entry.available_change.units());
                *self.deposited.entry(entry.account.asset).or_default() += amount;
            }
        }
        for trade in &plan.trades {
            let before =
                self.trades.iter().filter(|earlier| earlier.market == trade.market).count();
            assert_eq!(trade.sequence, i64::try_from(before + 1).unwrap(), "{trade:?}");
            self.trades.push(*trade);
        }
        let complete = |done| match done {
            Done::Placed { order, trades, prevented } => {
                Completed::Placed(order, plan.trades[trades].to_vec(), prevented)
            }
            Done::Cancelled { order } => Completed::Cancelled(order),
            Done::CancelledAll { orders } => Completed::CancelledAll(orders),
            Done::Deposited { available, .. } => Completed::Deposited(available),
        };
        plan.outcomes.iter().cloned().map(|outcome| outcome.map(complete)).collect()
    }

    fn load(&mut self, commands: &[Command]) -> State {
        let mut state = State::default();
        for (id, base) in MARKETS {
            let (buyer_rate, seller_rate) = (self.buyer_rate, self.seller_rate);
            let symbol = if base == BTC { "BTC" } else { "ETH" }.to_owned();
            let rules = self.limits.rules;
            let market = Market { id, symbol, base, quote: USD, buyer_rate, seller_rate, rules };
            state.markets.insert(id, market);
            for side in [Side::Buy, Side::Sell] {
                self.load_side(&mut state, id, side, commands);
            }
        }
        for command in commands {
            match command {
                Command::Place(_) => {
                    self.last_order_id += 1;
                    state.order_ids.push_back(OrderId(self.last_order_id));
                }
                Command::Cancel { .. } | Command::CancelAll { .. } => {
                    self.named(command).for_each(|order| state.insert_order(*order));
                }
                Command::Deposit { .. } => {}
            }
        }
        let fixed = |units: i128| Fixed::from_units(i64::try_from(units).unwrap());
        for (key, (available, locked)) in &self.accounts {
            let (available, locked) = (fixed(*available), fixed(*locked));
            let open_orders = self.open_orders.get(key).copied().unwrap_or_default();
            let account = Account { id: 0, available, locked, open_orders };
            state.ledger.insert(*key, account);
        }
        let used = self.orders.values().filter_map(|o| Some((o.user, o.client_order_id?)));
        state.client_order_ids = used.collect();
        state.recent_deposits = self.deposits.clone();
        for trade in &self.trades {
            *state.trade_counts.entry(trade.market).or_default() += 1;
        }
        state
    }

    fn load_side(&self, state: &mut State, market: MarketId, side: Side, commands: &[Command]) {
        let incoming: Vec<&NewOrder> = commands
            .iter()
            .filter_map(|command| match command {
                Command::Place(new) if new.market == market && new.side != side => Some(new),
                _ => None,
            })
            .collect();
        let prices = incoming.iter().map(|new| new.limit());
        let covers_nothing = |user: UserId| {
            let mut own = incoming.iter().filter(|new| new.user == user);
            own.any(|new| new.self_trade_prevention.changes_resting())
        };
        let limit = if side == Side::Sell { prices.max() } else { prices.min() };
        let Some(limit) = limit else { return };
        let units = |amount: Fixed| i128::from(amount.units());
        let cancelled: Vec<&Order> = commands
            .iter()
            .flat_map(|command| self.named(command))
            .filter(|order| order.market == market && order.side == side)
            .collect();
        let mut most_orders = self.limits.max_fills.saturating_add(cancelled.len() + 1);
        let mut wanted: i128 = incoming.iter().map(|new| units(new.amount)).sum();
        wanted += cancelled.iter().map(|order| units(order.remaining())).sum::<i128>();

        let rank = |order: &&Order| Priority::new(side, order.price, order.id);
        let mut resting: Vec<&Order> = self.resting(market, side).collect();
        resting.sort_by_key(rank);
        for order in resting {
            let beyond_limit = match side {
                Side::Sell => order.price > limit,
                Side::Buy => order.price < limit,
            };
            if self.loading == Loading::Head && (beyond_limit || wanted <= 0 || most_orders == 0) {
                break;
            }
            state.insert_order(*order);
            if !covers_nothing(order.user) {
                most_orders = most_orders.saturating_sub(1);
                wanted -= units(order.remaining());
            }
            state.books.entry(market).or_default().set_known_to(side, rank(&order));
        }
        if self.loading == Loading::Whole || (wanted > 0 && most_orders > 0) {
            state.books.entry(market).or_default().set_known_up_to(side, limit);
        }
    }

    /// The orders that a command is to cancel.
    fn named(&self, command: &Command) -> impl Iterator<Item = &Order> {
        let command = *command;
        self.orders.values().filter(move |order| match command {
            Command::Cancel { order: id, .. } => order.id == id,
            Command::CancelAll { user, market, side } => {
                order.user == user
                    && order.status == Status::Open
                    && order.market == market
                    && side.is_none_or(|side| order.side == side)
            }
            Command::Place(_) | Command::Deposit { .. } => false,
        })
    }

    /// The open orders of one side, by id.
    pub fn resting(&self, market: MarketId, side: Side) -> impl Iterator<Item = &Order> {
        self.orders.values().filter(move |order| {
            order.status == Status::Open && order.market == market && order.side == side
        })
    }

    /// Checks that money is conserved, each locked amount equals the reservations of open orders,
    /// no book is crossed, and status, filled and reserved amounts of each order are consistent.
    pub fn check_invariants(&self) {
        for asset in ASSETS {
            let of_asset = self.accounts.iter().filter(|(key, _)| key.asset == asset);
            let held: i128 = of_asset.map(|(_, (available, locked))| available + locked).sum();
            let deposited = self.deposited.get(&asset).copied().unwrap_or(0);
            assert_eq!(held, deposited, "asset {asset} was created or lost");
        }
        for (key, (_, locked)) in &self.accounts {
            let reserved = self.orders.values().filter(|order| {
                let base = MARKETS.iter().find(|(id, _)| *id == order.market).unwrap().1;
                let asset = if order.side == Side::Buy { USD } else { base };
                order.user == key.user && asset == key.asset
            });
            let reserved: i128 = reserved.map(|order| i128::from(order.reserved.units())).sum();
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

pub fn key(user: UserId, asset: AssetId) -> AccountKey {
    AccountKey { user, asset }
}
