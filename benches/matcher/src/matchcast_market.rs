//! All of matchcast's rules, as the engine executes them: batches, with accounts, reservations,
//! commission and a ledger. Only the database is missing.

use std::collections::BTreeMap;

use matchcast::market::{
    Account, AccountKey, AssetId, Command, CommissionRates, Fixed, Market, MarketId, MarketState,
    Order as MarketOrder, OrderId, Rules, State, Status, execute,
};

use crate::matchcast_book::{LOT, TICK, new_order, units, users, whole_book};
use crate::{Matcher, Order, Traded};

/// Orders of a batch, and more fills than they have.
const BATCH: usize = 256;
const MAX_FILLS: usize = 1_000_000;
const MARKET: MarketId = MarketId(1);
const BASE: AssetId = AssetId(1);
const QUOTE: AssetId = AssetId(2);
const FUNDS: Fixed = Fixed::from_units(1_000_000_000_000_000);

/// A state that is kept from batch to batch, without the orders that are closed.
pub struct WithAccounts {
    state: State,
}

impl Matcher for WithAccounts {
    fn new(orders: usize) -> Self {
        let rate = Fixed::parse("0.015").expect("a rate");
        let market = Market {
            id: MARKET,
            symbol: "BTC".to_owned(),
            base: BASE,
            quote: QUOTE,
            commission: CommissionRates::BySide { buyer: rate, seller: Fixed::ZERO },
            rules: Rules::NONE,
        };
        let mut state = State {
            markets: BTreeMap::from([(MARKET, market)]),
            market_states: BTreeMap::from([(MARKET, MarketState::default())]),
            books: BTreeMap::from([(MARKET, whole_book())]),
            order_ids: (1..=i64::try_from(orders).expect("a small number")).map(OrderId).collect(),
            ..State::default()
        };
        for user in users() {
            for asset in [BASE, QUOTE] {
                let account = Account { available: FUNDS, ..Account::default() };
                state.ledger.insert(AccountKey { user, asset }, account);
            }
        }
        let house = AccountKey { user: MARKET.house(), asset: QUOTE };
        state.ledger.insert(house, Account::default());
        Self { state }
    }

    fn place(&mut self, orders: &[Order]) -> Traded {
        let mut traded = Traded::default();
        for batch in orders.chunks(BATCH) {
            let commands: Vec<Command> =
                batch.iter().map(|order| Command::Place(new_order(order))).collect();
            let plan = execute(&mut self.state, &commands, MAX_FILLS);
            assert!(plan.outcomes.iter().all(Result::is_ok), "every order is accepted");
            for trade in &plan.trades {
                traded.add(units(trade.price) / TICK, units(trade.amount) / LOT);
            }
            // The engine loads the next state from the database, which has no closed orders.
            let is_closed = |order: &&MarketOrder| order.status != Status::Open;
            for order in plan.new_orders.iter().chain(&plan.changed_orders).filter(is_closed) {
                self.state.orders.remove(&order.id);
            }
        }
        traded
    }
}
