//! Loads what a batch can touch from the [`World`], as the store does from the database.

use std::collections::BTreeSet;

use matchcast::market::{
    Account, AdjustmentId, Command, DepositId, Fixed, Market, MarketId, NewOrder, Order, OrderId,
    Priority, Side, State, Status, TimeInForce, UnixMicros, UserId, Withdrawal, WithdrawalEnd,
    WithdrawalId, WithdrawalStatus,
};

use super::world::{BTC, Loading, MARKETS, USD, World};

/// The stop orders that are loaded from each side. Few, so that it matters.
const STOPS: usize = 2;

/// An order that may match when it arrives.
struct Incoming {
    user: UserId,
    market: MarketId,
    side: Side,
    limit: Fixed,
    amount: Fixed,
    cost: Fixed,
    changes_resting: bool,
}

impl Incoming {
    fn placed(new: &NewOrder) -> Self {
        Self {
            user: new.user,
            market: new.market,
            side: new.side,
            limit: new.limit(),
            amount: if new.quote_amount.is_some() { Fixed::ZERO } else { new.amount },
            cost: new.quote_amount.unwrap_or_default(),
            changes_resting: new.self_trade_prevention.changes_resting(),
        }
    }

    fn existing(order: &Order) -> Self {
        Self {
            user: order.user,
            market: order.market,
            side: order.side,
            limit: order.reach(),
            amount: order.amount,
            cost: Fixed::ZERO,
            changes_resting: order.self_trade_prevention.changes_resting(),
        }
    }
}

fn placed(commands: &[Command]) -> impl Iterator<Item = &NewOrder> {
    commands.iter().flat_map(|command| match command {
        Command::Place(new) => std::slice::from_ref(new),
        Command::Batch { orders, .. } => orders,
        _ => &[],
    })
}

impl World {
    pub(super) fn load(&mut self, commands: &[Command]) -> State {
        let now = UnixMicros(self.now);
        let market_states = self.market_states.clone();
        let mut state = State { market_states, now, ..State::default() };
        for command in commands {
            self.named(command).for_each(|order| state.insert_order(*order));
            if let Command::Advance { .. } = command {
                state.expired.extend(self.named(command).map(|order| order.id));
            }
        }
        let named: BTreeSet<OrderId> = state.orders.keys().copied().collect();
        for (market, _) in MARKETS {
            self.load_stops(&mut state, market);
        }
        let incoming = self.incoming(commands, &state);
        for (id, base) in MARKETS {
            let commission = self.commission;
            let symbol = if base == BTC { "BTC" } else { "ETH" }.to_owned();
            let rules = self.limits.rules;
            let market = Market { id, symbol, base, quote: USD, commission, rules };
            state.markets.insert(id, market);
            for side in [Side::Buy, Side::Sell] {
                self.load_side(&mut state, (id, side), &incoming, &named);
            }
        }
        for _ in placed(commands) {
            self.last_order_id += 1;
            state.order_ids.push_back(OrderId(self.last_order_id));
        }
        let fixed = |units: i128| Fixed::from_units(i64::try_from(units).unwrap());
        for (key, (available, locked)) in &self.accounts {
            let (available, locked) = (fixed(*available), fixed(*locked));
            let open_orders = self.open_orders.get(key).copied().unwrap_or_default();
            let user_status = self.user_statuses.get(&key.user).copied().unwrap_or_default();
            let account = Account { id: 0, available, locked, open_orders, user_status };
            state.ledger.insert(*key, account);
        }
        let used = self.orders.values().filter_map(|o| Some((o.user, o.client_order_id?)));
        state.client_order_ids = used.collect();
        state.funds.recent_deposits = self.deposits.clone();
        state.funds.deposits = self.references.clone();
        let new_ids = self.last_deposit_id + 1..;
        state.funds.deposit_ids = new_ids.map(DepositId).take(commands.len()).collect();
        state.funds.withdrawals = self.withdrawals.clone();
        let last = self.withdrawals.last_key_value().map_or(0, |(id, _)| id.0);
        state.funds.withdrawal_ids = (last + 1..).map(WithdrawalId).take(commands.len()).collect();
        for withdrawal in self.withdrawals.values() {
            let Withdrawal { id, account, amount, status, .. } = *withdrawal;
            let completed = WithdrawalStatus::Ended(WithdrawalEnd::Completed);
            if status == WithdrawalStatus::Pending || status == completed {
                let recent = state.funds.recently_withdrawn.entry(account).or_default();
                recent.insert(id, amount);
            }
        }
        state.funds.adjustments = self.adjustments.clone();
        let last = self.adjustments.last_key_value().map_or(0, |(id, _)| id.0.max(0));
        state.funds.adjustment_ids = (last + 1..).map(AdjustmentId).take(commands.len()).collect();
        state
    }

    /// All stop orders or the first ones; those that are triggered are ready.
    fn load_stops(&self, state: &mut State, market: MarketId) {
        let most = if self.loading == Loading::Whole { usize::MAX } else { STOPS };
        for side in [Side::Buy, Side::Sell] {
            let waits = |o: &&Order| o.market == market && o.side == side && o.is_waiting();
            let mut waiting: Vec<&Order> = self.orders.values().filter(waits).collect();
            waiting.sort_by_key(|order| {
                let stop_price = order.stop.unwrap().price.units();
                (if side == Side::Buy { stop_price } else { -stop_price }, order.arrival)
            });
            waiting.iter().take(most).for_each(|order| state.insert_order(**order));
            if waiting.len() > most {
                state.stops.entry(market).or_default().set_known_to(waiting[most - 1]);
            }
        }
        let market_state = state.market_states[&market];
        if let (true, Some(range)) = (market_state.is_triggering(), market_state.triggering) {
            let stops = state.stops.entry(market).or_default();
            state.ready_stops.extend(stops.triggered(range).take(most));
        }
    }

    fn incoming(&self, commands: &[Command], state: &State) -> Vec<Incoming> {
        let mut incoming: Vec<Incoming> = placed(commands).map(Incoming::placed).collect();
        incoming.extend(state.ready_stops.iter().map(|id| Incoming::existing(&self.orders[id])));
        let mut largest: std::collections::BTreeMap<OrderId, Fixed> =
            self.orders.values().map(|order| (order.id, order.amount)).collect();
        for command in commands {
            if let Command::Amend { order, amount: Some(amount), .. } = command
                && let Some(largest) = largest.get_mut(order)
            {
                *largest = (*largest).max(*amount);
            }
        }
        for command in commands {
            if let Command::Amend { order, price, .. } = command
                && let Some(order) = self.orders.get(order)
            {
                let (limit, amount) = (price.unwrap_or(order.reach()), largest[&order.id]);
                incoming.push(Incoming { limit, amount, ..Incoming::existing(order) });
            }
        }
        incoming
    }

    /// `named` are orders that the batch may cancel, so they cover nothing.
    fn load_side(
        &self,
        state: &mut State,
        (market, side): (MarketId, Side),
        incoming: &[Incoming],
        named: &BTreeSet<OrderId>,
    ) {
        let incoming: Vec<&Incoming> =
            incoming.iter().filter(|new| new.market == market && new.side != side).collect();
        let prices = incoming.iter().map(|new| new.limit);
        let covers_nothing = |user: UserId| {
            let mut own = incoming.iter().filter(|new| new.user == user);
            own.any(|new| new.changes_resting)
        };
        let limit = if side == Side::Sell { prices.max() } else { prices.min() };
        let Some(limit) = limit else { return };
        let units = |amount: Fixed| i128::from(amount.units());
        let mut most_orders = self.limits.max_fills.saturating_add(1);
        let mut wanted: i128 = incoming.iter().map(|new| units(new.amount)).sum();
        let mut costs: i128 = incoming.iter().map(|new| units(new.cost)).sum();
        costs = if costs == 0 { -1 } else { costs };

        let rank = |order: &&Order| Priority::of(order);
        let mut resting: Vec<&Order> = self.resting(market, side).collect();
        resting.sort_by_key(rank);
        for order in resting {
            let beyond_limit = match side {
                Side::Sell => order.price > limit,
                Side::Buy => order.price < limit,
            };
            let is_enough = (costs < 0 && wanted <= 0) || most_orders == 0;
            if self.loading == Loading::Head && (beyond_limit || is_enough) {
                break;
            }
            state.insert_order(*order);
            if !covers_nothing(order.user) && !named.contains(&order.id) {
                most_orders = most_orders.saturating_sub(1);
                if costs >= 0 {
                    costs -= order.price.mul_floor(order.remaining()).map_or(0, units);
                } else {
                    wanted -= units(order.remaining());
                }
            }
            state.books.entry(market).or_default().set_known_to(side, rank(&order));
        }
        let is_enough = (costs < 0 && wanted <= 0) || most_orders == 0;
        if self.loading == Loading::Whole || !is_enough {
            state.books.entry(market).or_default().set_known_up_to(side, limit);
        }
    }

    /// The orders that a command is to cancel or to amend.
    fn named<'a>(&'a self, command: &'a Command) -> impl Iterator<Item = &'a Order> {
        self.orders.values().filter(move |order| match command {
            Command::Cancel { order: id, .. } | Command::Amend { order: id, .. } => order.id == *id,
            Command::CancelAll { user, market, side, .. } => {
                order.user == *user
                    && order.status == Status::Open
                    && order.market == *market
                    && side.is_none_or(|side| order.side == side)
            }
            Command::Advance { market } => {
                let has_expired = match order.time_in_force {
                    TimeInForce::Gtd(expires_at) => expires_at.0 <= self.now,
                    _ => false,
                };
                order.market == *market && order.status == Status::Open && has_expired
            }
            Command::Place(_)
            | Command::Batch { .. }
            | Command::Deposit { .. }
            | Command::DepositOnce { .. }
            | Command::RequestWithdrawal { .. }
            | Command::EndWithdrawal { .. }
            | Command::Adjust { .. }
            | Command::ApproveAdjustment { .. } => false,
        })
    }
}
